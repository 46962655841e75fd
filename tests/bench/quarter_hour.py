"""The nation's quarter hour: every meter of every enterprise speaks at once, and seconds later every quota is judged.

First as the third quarter hour of a day, then as the same one of the next day, when a full day of such bursts lies
behind and a checkpoint has just been made, so that every page that is touched goes whole into the log.
"""

import re
import resource
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from psycopg import Connection

from storage import database
from storage.hosting import working_in
from tests.bench import day
from tests.bench.clients import write_messages
from tests.bench.figures import Figure
from tests.bench.nation import QUARTER, Nation
from tests.bench.profile import Profile
from tests.bench.programs import Program, cpu_seconds
from tests.bench.stand import Place, Stand

DAY = timedelta(days=1)
_LIMIT_S, _LATER = 15, 1.25
_LOOK_S = 0.1
_PATIENCE_S = 300.0
_QUIET_S = 1.5
_STATION = re.compile(r"enermon\.worker: (.+) found=\d+ seconds=([\d.]+)")
_WAITING = "SELECT EXISTS (SELECT FROM stale_span)::int, EXISTS (SELECT FROM stale_judgement)::int"
# The worker reads the registry when it first has work, and has judged everyone by what stands in it: as on any day.
_WAKE = """INSERT INTO stale_span (shard, enterprise_id, meters, since, until, why)
SELECT id % 256, id, '{}', max(hour), max(hour), 'factor'
FROM enterprise JOIN usage_hour ON enterprise_id = id GROUP BY id"""
_BUSY = """SELECT EXISTS (SELECT FROM delivery WHERE state = 'due')::int + count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
AND state <> 'idle' AND xact_start < now() - interval '0.1 s'"""


@dataclass(frozen=True)
class Burst:
    """What one burst took: seconds from its first publish, of the worker by station, of the database by statement (the
    longest), and processor time by program."""

    stored_s: float
    rolled_up_s: float
    judged_s: float
    stations: Mapping[str, float]
    statements: Mapping[str, float]
    cpu_s: Mapping[str, float]
    wal_bytes: int


def quarter_hour(stand: Stand, nation: Nation, full_day: bool, workers: int) -> Iterator[Figure]:
    """Both bursts, or the first alone, on so many workers."""
    with stand.place() as place, database.connect(place.dsn) as conn:
        conn.autocommit = True
        day.begin(conn, nation)
        first = _burst(place, conn, nation, nation.since + 2 * QUARTER, workers)
        yield from _figures("first burst", nation, first)
        if not full_day:
            return
        day.fill(conn, place.dsn, nation)
        later = _burst(place, conn, nation, nation.since + DAY + 2 * QUARTER, workers, checkpoint=stand.postgres)
    yield from _figures("a day later", nation, later)
    yield Figure("a day later", "beside the first burst", later.judged_s, "s", first.judged_s, f"<= {_LATER}")


def _figures(part: str, nation: Nation, burst: Burst) -> Iterator[Figure]:
    yield Figure(part, f"{nation.meters:,} readings stored and answered", burst.stored_s, "s")
    yield Figure(part, "... and rolled up", burst.rolled_up_s, "s")
    yield Figure(part, "... and judged", burst.judged_s, "s", aim=f"<= {_LIMIT_S}")
    for station, seconds in burst.stations.items():
        yield Figure(part, f"    of it the workers at: {station}", seconds, "s")
    for statement, seconds in burst.statements.items():
        yield Figure(part, f"    of it the database at: {statement}", seconds, "s")
    for program, seconds in burst.cpu_s.items():
        yield Figure(part, f"    processor time of {program}", seconds, "s")
    yield Figure(part, "WAL", burst.wal_bytes / 1e6, "MB")


def _burst(
    place: Place, conn: Connection, nation: Nation, when: datetime, workers: int, checkpoint: str | None = None
) -> Burst:
    """A burst on collector and workers at rest; `checkpoint`: a superuser's DSN, for a checkpoint just before."""
    messages = write_messages(place.folder / "messages", nation.burst(when))
    with ExitStack() as running:
        collector = running.enter_context(place.program("collect", "connected"))
        several = [running.enter_context(place.program("work", "new day found", n)) for n in range(1, workers + 1)]
        _wake(place, conn, several)
        if checkpoint:
            with database.connect(checkpoint) as admin:
                admin.autocommit = True
                admin.execute("CHECKPOINT")
        return _measured(place, conn, nation, messages, collector, several)


def _wake(place: Place, conn: Connection, workers: Sequence[Program]) -> None:
    """Until each of the workers has had something to roll up, and all is done."""
    _settle(place, conn)
    while not all("rollup found" in worker.said() for worker in workers):
        conn.execute(_WAKE.encode())
        _settle(place, conn)


def _settle(place: Place, conn: Connection) -> None:
    """Wait until nothing is stale and no session works any more."""
    quiet_since, end = time.monotonic(), time.monotonic() + _PATIENCE_S
    while time.monotonic() - quiet_since < _QUIET_S:
        if sum(_numbers(conn, _WAITING)) + sum(_numbers(conn, _BUSY)):
            quiet_since = time.monotonic()
        assert time.monotonic() < end, f"the stations in {place.folder} do not come to rest"
        time.sleep(_LOOK_S)


def _measured(
    place: Place, conn: Connection, nation: Nation, messages: Path, collector: Program, workers: Sequence[Program]
) -> Burst:
    publisher = place.clients.publisher(messages, receipts=nation.enterprises)
    programs = {"collector": [collector], "workers": workers}
    cpu, begun, wal = _cpu(place, programs), [len(worker.said()) for worker in workers], _wal(conn)
    began = time.monotonic()
    with (profile := Profile(place.dsn)).watching():
        said = publisher.go().result()
        rolled_up, judged = _awaited(conn)
    assert said["accepted"] == nation.meters, f"of {nation.meters} readings: {dict(said)}"
    spent = {program: seconds - cpu[program] for program, seconds in _cpu(place, programs).items()}
    stations = _stations("".join(worker.said()[at:] for worker, at in zip(workers, begun, strict=True)))
    return Burst(
        said["answered_s"], rolled_up - began, judged - began, stations, profile.longest(), spent, _wal(conn) - wal
    )


def _awaited(conn: Connection) -> tuple[float, float]:
    """When nothing was to be rolled up any more, and when nothing was to be judged."""
    rolled_up, end = 0.0, time.monotonic() + _PATIENCE_S
    while True:
        spans, judgements = _numbers(conn, _WAITING)
        if not spans:
            rolled_up = rolled_up or time.monotonic()
            if not judgements:
                return rolled_up, time.monotonic()
        assert time.monotonic() < end, f"after {_PATIENCE_S:.0f} s there is still something to roll up or to judge"
        time.sleep(_LOOK_S)


def _stations(log: str) -> Mapping[str, float]:
    """The workers' seconds by station, added up, the longest first."""
    spent: dict[str, float] = {}
    for station, seconds in _STATION.findall(log):
        spent[station] = spent.get(station, 0.0) + float(seconds)
    return dict(sorted(spent.items(), key=lambda pair: -pair[1]))


def _cpu(place: Place, programs: Mapping[str, Sequence[Program]]) -> dict[str, float]:
    used = {name: cpu_seconds([program.pid for program in several]) for name, several in programs.items()}
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    servers = {name: cpu_seconds(working_in(folder)) for name, folder in place.servers.items()}
    return used | servers | {"the publisher": ended.ru_utime + ended.ru_stime}


def _wal(conn: Connection) -> int:
    return _numbers(conn, "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint")[0]


def _numbers(conn: Connection, query: str) -> tuple[int, ...]:
    row = conn.execute(query.encode()).fetchone()
    assert row is not None
    return row

"""The nation's quarter hour: every meter of every enterprise speaks at once, and seconds later every quota is judged.

First on the second quarter hour of a day, then on the same quarter of the next day, when a full day of such bursts lies behind
and a checkpoint has just been made, so that every page that is touched goes whole into the log.
"""

import logging
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import psycopg
from psycopg import Connection

from storage import database, readings, rollup
from tests.bench.clients import write_messages
from tests.bench.figures import Figure
from tests.bench.nation import LOCAL, QUARTER, Nation
from tests.bench.programs import Program, cpu_seconds
from tests.bench.stand import Place, Stand, one, work_in

log = logging.getLogger(__name__)

DAY = timedelta(days=1)
_LIMIT_S, _LATER = 15, 1.25
_LOOK_S = 0.02
_PATIENCE_S = 300.0
_QUIET_S = 1.5
_STATION = re.compile(r"enermon\.worker: (.+) found=\d+ seconds=([\d.]+)")

# Hours like the one that lies complete at `hour`, in the hours after it.
_LIKE_READINGS = """
INSERT INTO reading SELECT r.time + k, r.received + k, r.value + {hours} * 50.0 * (1 + r.meter_id % 7), r.seq, r.meter_id, r.source
FROM reading r, (SELECT interval '{hours} hours') s(k)
WHERE r.time > '{hour}' AND r.time <= timestamptz '{hour}' + interval '1 hour' ORDER BY r.time, r.meter_id"""
_LIKE_CONSUMPTION = """
INSERT INTO consumption SELECT hour + k, until + k, amount, low, high, estimated, peak_rate, peak_at + k, q1, q2, q3, q4, meter_id,
    flags, covered_s, received, bounded
FROM consumption, (SELECT interval '{hours} hours') s(k) WHERE hour = '{hour}' ORDER BY hour, meter_id"""
_LIKE_USAGE = """
INSERT INTO usage_hour SELECT enterprise_id, carrier, hour + k, amount, low, high, bought, renewable, exported, feedstock, estimated,
    q1, q2, q3, q4, peak_partial, covered_s, received, flags
FROM usage_hour, (SELECT interval '{hours} hours') s(k) WHERE hour = '{hour}' ORDER BY enterprise_id"""
# Days follow from hours by the rollup itself.
_FOLLOW = """
INSERT INTO stale_span (shard, enterprise_id, meters, since, until, why)
SELECT id % 256, id, '{{}}', '{since}', '{until}', 'factor' FROM enterprise"""


@dataclass
class Burst:
    """What one burst took. Seconds from its first publish; cpu by process; stations: the worker's own seconds."""

    stored_s: float
    rolled_up_s: float
    judged_s: float
    wal_bytes: int
    cpu: Mapping[str, float]
    stations: Mapping[str, float] = field(default_factory=dict)


def quarter_hour(stand: Stand, nation: Nation, full_day: bool) -> Iterator[Figure]:
    """Both bursts, or the first alone."""
    with stand.place() as place, database.connect(place.dsn) as conn:
        tell(conn, nation, [nation.since, nation.since + QUARTER])
        nation.remember(conn, known=1)
        with _at_work(place, conn, nation) as programs:
            first = _measured(place, conn, nation, nation.since + 2 * QUARTER, programs)
        yield from _figures("first burst", nation, first, f"<= {_LIMIT_S}")
        if not full_day:
            return
        fill_day(stand, place, conn, nation)
        with _at_work(place, conn, nation) as programs:
            with database.connect(stand.postgres) as admin:
                admin.autocommit = True
                admin.execute("CHECKPOINT")
            later = _measured(place, conn, nation, nation.since + DAY + 2 * QUARTER, programs)
    yield from _figures("burst a day later", nation, later, f"<= {_LIMIT_S}")
    yield Figure("nation", "burst a day later beside the first", later.judged_s, "s", first.judged_s, f"<= {_LATER}")


@contextmanager
def _at_work(place: Place, conn: Connection, nation: Nation) -> Iterator[Mapping[str, Program]]:
    """Collector and worker, when both have nothing left to do."""
    with place.program("collect", "connected") as collector, place.program("work", "evaluate found") as worker:
        _settled(place, conn)
        yield {"collector": collector, "worker": worker}


def _settled(place: Place, conn: Connection) -> None:
    """Wait until nothing is stale and no session works any more."""
    quiet_since, end = time.monotonic(), time.monotonic() + _PATIENCE_S
    while time.monotonic() - quiet_since < _QUIET_S:
        if one(conn, _BUSY):
            quiet_since = time.monotonic()
        assert time.monotonic() < end, f"the stations do not come to rest; see {place.folder}"
        time.sleep(_LOOK_S)


_BUSY = """SELECT (SELECT count(*) FROM stale_span) + (SELECT count(*) FROM stale_judgement) + (SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle' AND xact_start < now() - interval '0.1 s')"""


def _measured(
    place: Place, conn: Connection, nation: Nation, time_: datetime, programs: Mapping[str, Program]
) -> Burst:
    messages = write_messages(place.folder / "messages", nation.burst(time_))
    publisher = place.clients.publisher(messages, receipts=nation.enterprises)
    before = _cpu(place, programs)
    said, log_position = programs["worker"].said(), _wal(conn)
    began = time.monotonic()
    publisher.go()
    rolled_up, judged = _watched(conn, nation, time_)
    stored = publisher.result()
    assert stored["accepted"] == nation.meters, f"of {nation.meters} readings: {dict(stored)}"
    after = _cpu(place, programs)
    stations = _stations(programs["worker"].said()[len(said) :])
    wal = _wal(conn) - log_position
    return Burst(
        stored["answered_s"], rolled_up - began, judged - began, wal, {n: after[n] - before[n] for n in after}, stations
    )


def _watched(conn: Connection, nation: Nation, time_: datetime) -> tuple[float, float]:
    """When all readings of that time were rolled up, and when everything was judged."""
    rolled_up, end = 0.0, time.monotonic() + _PATIENCE_S
    all_stored = False
    while True:
        all_stored = all_stored or _answered(conn, nation, time_)
        spans, judgements = one(conn, "SELECT count(*) FROM stale_span"), one(conn, "SELECT count(*) FROM stale_judgement")
        if all_stored and not spans:
            rolled_up = rolled_up or time.monotonic()
            if not judgements:
                return rolled_up, time.monotonic()
        assert time.monotonic() < end, f"{spans} spans and {judgements} judgements wait after {_PATIENCE_S:.0f} s"
        time.sleep(_LOOK_S)

"""Everything computed again: so many meters over so many months by two workers, and one late reading among them.

Invented works of fifty registers each that speak every quarter of an hour. Everything is marked stale, as a change of
the registry would; then two processes drain it, each with a connection of its own. Processor time is that of the
processes and of the backends that serve them, so that a busy machine can be told from a slow program.
"""

import os
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from multiprocessing.connection import Connection as Pipe

import numpy as np
from psycopg import Connection

from storage import consumption, database, readings, rollup
from storage.arrays import micros
from tests.bench.figures import Figure
from tests.bench.nation import LOCAL
from tests.bench.programs import cpu_seconds
from tests.bench.stand import Stand

WORKERS = 2
NEEDED_GB = 9.0  # a year of a thousand meters, with consumption and the log of both
_YEAR_LIMIT_S, _LATE_LIMIT_MS = 60, 50
_SINCE = datetime(2025, 12, 31, 16, tzinfo=UTC)  # local midnight of 1 January 2026
_NOW = datetime(2027, 2, 1, tzinfo=UTC)
_QUARTERS_A_DAY, _METERS_EACH = 96, 50
_LATE = 21  # late readings, one after another; their median is told

_REGISTRY = """
INSERT INTO enterprise (code, name, region)
SELECT 'R' || i, '虚构企业' || i, '620000' FROM generate_series(1, {works}) i;
INSERT INTO meter (enterprise_id, code, carrier, kind, unit, scale, level, max_rate)
SELECT e.id, 'M' || j, 'electricity', 'register', 'kWh', 1, CASE WHEN j <= 5 THEN 1 ELSE 2 END, 1000
FROM enterprise e, generate_series(1, {each}) j ORDER BY e.id, j;
UPDATE registry_version SET version = version + 1;
ANALYZE enterprise, meter"""
# Registers that rise by 12.5 to 87.5 a quarter of an hour, with a gap of some hours each week.
_READINGS = """
INSERT INTO reading (time, received, value, seq, meter_id, source)
SELECT t, t + interval '5 s', 100.0 + 12.5 * n * (1 + m.id % 7), NULL, m.id, 20
FROM generate_series({first}, {last}) n, meter m,
    LATERAL (SELECT timestamptz '{since}' + n * interval '15 minutes') s(t)
WHERE (n + m.id) % 672 > 12 ORDER BY t, m.id"""
_SPANS = """
INSERT INTO meter_span SELECT meter_id, min(time), max(time) FROM reading
WHERE time < timestamptz '{since}' + interval '1 day' OR time > timestamptz '{until}' - interval '1 day'
GROUP BY meter_id"""
_ALL_STALE = """
INSERT INTO stale_span (shard, enterprise_id, meters, since, until, why)
SELECT e.id % 256, e.id, array_agg(m.id ORDER BY m.id), '{since}', '{until}', 'registry'
FROM enterprise e JOIN meter m ON m.enterprise_id = e.id GROUP BY e.id"""


@dataclass(frozen=True)
class Works:
    """So many meters over so many days from 1 January 2026 on."""

    meters: int
    days: int

    @property
    def until(self) -> datetime:
        return _SINCE + timedelta(days=self.days)

    @property
    def readings(self) -> int:
        return self.meters * self.days * _QUARTERS_A_DAY

    def write(self, conn: Connection) -> None:
        """Registry and readings, in an empty database."""
        conn.execute(_REGISTRY.format(works=self.meters // _METERS_EACH, each=_METERS_EACH).encode())
        first = (_SINCE - datetime(2000, 1, 1, tzinfo=UTC)).days
        readings.add_days(conn, range(first, first + self.days + 2))
        consumption.ensure_months(conn, np.array([micros(_SINCE), micros(self.until)]))
        for day in range(self.days):
            span = {"first": day * _QUARTERS_A_DAY, "last": (day + 1) * _QUARTERS_A_DAY - 1}
            conn.execute(_READINGS.format(since=_SINCE, **span).encode())
        conn.execute(_SPANS.format(since=_SINCE, until=self.until).encode())
        conn.commit()
        conn.execute("ANALYZE reading")
        conn.commit()

    def all_stale(self, conn: Connection) -> None:
        conn.execute(_ALL_STALE.format(since=_SINCE, until=self.until).encode())
        conn.commit()


@dataclass(frozen=True)
class Took:
    wall_s: float
    cpu_s: float


def recompute(stand: Stand, meters: int) -> Iterator[Figure]:
    """A year of so many meters; and what a tenth of it takes, by meters and by months."""
    few = _measured(stand, Works(meters // 10, 30))
    more_meters = _measured(stand, Works(meters, 30))
    more_months = _measured(stand, Works(meters // 10, 300))
    year = _measured(stand, Works(meters, 365))
    names = (f"{meters // 10} meters, a month", "ten times the meters", "ten times the months", "the year of all")
    for name, (whole, late) in zip(names, (few, more_meters, more_months, year), strict=True):
        aim = f"<= {_YEAR_LIMIT_S}" if whole is year[0] and meters >= 1000 else ""
        yield Figure("recompute", f"{name}: {WORKERS} workers", whole.wall_s, "s", aim=aim)
        yield Figure("recompute", "    processor time", whole.cpu_s, "s")
        yield Figure("recompute", "    one late reading", 1000 * late.wall_s, "ms", aim=f"<= {_LATE_LIMIT_MS}")
        yield Figure("recompute", "    processor time", 1000 * late.cpu_s, "ms")
    for name, (whole, late) in (("meters", more_meters), ("months", more_months)):
        yield Figure("recompute", f"processor time at ten times the {name}", whole.cpu_s, "s", few[0].cpu_s)
        yield Figure("recompute", "    of a late reading", 1000 * late.wall_s, "ms", 1000 * few[1].wall_s)


def _measured(stand: Stand, works: Works) -> tuple[Took, Took]:
    with stand.empty() as dsn, database.connect(dsn) as conn:
        works.write(conn)
        works.all_stale(conn)
        whole = _all(dsn)
        hours = conn.execute("SELECT count(*) FROM consumption").fetchone()
        assert hours and hours[0] > 0.9 * works.readings / 4, f"{hours} hours of {works.readings} readings"
        conn.commit()
        return whole, _late(conn, works)


def _all(dsn: str) -> Took:
    """Two processes drain what is stale."""
    spawn = get_context("spawn")
    pipes = [spawn.Pipe() for _ in range(WORKERS)]
    processes = [spawn.Process(target=drain_share, args=(dsn, theirs)) for _, theirs in pipes]
    for process in processes:
        process.start()
    for ours, _ in pipes:
        assert ours.recv() == "ready"
    began = time.monotonic()
    for ours, _ in pipes:
        ours.send("go")
    cpu = sum(ours.recv() for ours, _ in pipes)
    wall = time.monotonic() - began
    for process in processes:
        process.join()
    return Took(wall, cpu)


def drain_share(dsn: str, pipe: Pipe) -> None:
    """One worker's part, in a process of its own; sends the processor time it and its backend took."""
    with database.connect(dsn) as conn:
        pids = [os.getpid(), conn.info.backend_pid]
        pipe.send("ready")
        pipe.recv()
        before = cpu_seconds(pids)
        while rollup.work(conn, LOCAL, _NOW, WORKERS):
            pass
        pipe.send(cpu_seconds(pids) - before)


def _late(conn: Connection, works: Works) -> Took:
    """One reading between two others, again and again another meter in the middle of the time."""
    pids = [os.getpid(), conn.info.backend_pid]
    walls, before = [], cpu_seconds(pids)
    for number in range(_LATE):
        meter = 1 + number * works.meters // _LATE
        _tell_late(conn, works, meter)
        began = time.monotonic()
        rollup.drain(conn, LOCAL, _NOW)
        walls.append(time.monotonic() - began)
    return Took(statistics.median(walls[1:]), (cpu_seconds(pids) - before) / _LATE)


def _tell_late(conn: Connection, works: Works, meter: int) -> None:
    quarter = works.days * _QUARTERS_A_DAY // 2
    when = _SINCE + timedelta(minutes=15 * quarter + 7.5)
    rows = readings.Rows(
        np.array([micros(when)]),
        np.array([100.0 + 12.5 * (quarter + 0.5) * (1 + meter % 7)]),
        np.array([readings.NO_SEQ]),
        np.array([meter], dtype=np.int32),
        np.array([(meter - 1) // _METERS_EACH + 1], dtype=np.int32),
    )
    with conn.transaction():
        readings.insert(conn, rows, readings.MQTT, when + timedelta(days=2))
        readings.mark_stale(conn, rows, "late")

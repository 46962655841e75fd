"""TimescaleDB beside plain PostgreSQL: two databases on one server, told the same readings in turn.

The server is the one that ENERMON_TEST_TIMESCALE names, with its own settings. Bytes are those of measured series:
every day of each series is a meter's, all on one day, stored a slot at a time in batches as a collector makes them;
for consumption, every 28 days of it.
"""

import csv
import gzip
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg import Connection

from energy.periods import DEFAULT_ZONE
from storage import database, readings, retention, rollup, seed
from storage.arrays import micros
from storage.database import Engine
from storage.readings import Rows
from storage.retention import Keeping
from tests.bench.figures import Figure
from tests.bench.nation import METERS, QUARTER, Nation
from tests.bench.programs import cpu_seconds
from tests.conftest import TIMESCALE, of_database

ABSENT = "engines: ENERMON_TEST_TIMESCALE names no TimescaleDB, so it is not measured beside plain PostgreSQL."
DATA = Path(__file__).parents[3] / "shared" / "data"
NO_SERIES = (
    f"engines: the measured series ({DATA.parent.name}/{DATA.name} beside the repository) are not here: no bytes."
)
_DAY = timedelta(days=1)
_ROUNDS = 4
_A_BATCH = 180  # meters of one slot that a collector stores together: three enterprises
_MONTH, _FEW = 28, 400  # days of a meter, and meters, of which consumption is looked at
_ALL = Keeping(compress_readings=1, compress_consumption=1)


@dataclass
class _Side:
    """One engine's database, and the seconds that were spent in it."""

    conn: Connection
    stored_s: list[float] = field(default_factory=list)
    stored_cpu_s: list[float] = field(default_factory=list)  # ours and, where it is on this machine, the server's
    rolled_up_s: list[float] = field(default_factory=list)


def about() -> str:
    """What is measured where, or why it is not."""
    if TIMESCALE is None:
        return ABSENT
    names = ("server_version", "fsync", "synchronous_commit", "shared_buffers", "max_wal_size")
    with psycopg.connect(TIMESCALE) as conn:
        rows = [conn.execute(f"SHOW {name}".encode()).fetchone() for name in names]
    told = ", ".join(f"{name} {row[0]}" for name, row in zip(names, rows, strict=True) if row)
    return f"engines: {told}" if DATA.is_dir() else f"engines: {told}\n{NO_SERIES}"


def engines(nation: Nation) -> Iterator[Figure]:
    if TIMESCALE is None:
        return
    with ExitStack() as both:
        sides = {engine: _Side(both.enter_context(_database(engine))) for engine in (Engine.POSTGRES, Engine.TIMESCALE)}
        yield from _ingest(sides, nation)
    if DATA.is_dir():
        yield from _bytes()


@contextmanager
def _database(engine: Engine) -> Iterator[Connection]:
    name = f"bench_{engine}_{os.getpid()}"
    with psycopg.connect(TIMESCALE or "", autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}".encode())
        try:
            with database.connect(of_database(TIMESCALE or "", name)) as conn:
                database.migrate(conn, engine)
                seed.seed(conn)
                conn.commit()
                yield conn
                conn.rollback()
        finally:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


# How fast -----------------------------------------------------------------------------------------


def _ingest(sides: Mapping[Engine, _Side], nation: Nation) -> Iterator[Figure]:
    """Bursts of the nation, one engine after the other and the other way round the next time."""
    for side in sides.values():
        nation.register(side.conn)
        nation.have_spoken(side.conn, nation.since - 2 * QUARTER)
        _burst(side, nation, nation.since - QUARTER)  # rooms are made and the registry is read
        for measured in (side.stored_s, side.stored_cpu_s, side.rolled_up_s):
            measured.clear()
    for number in range(_ROUNDS):
        for side in list(sides.values())[:: 1 if number % 2 else -1]:
            _burst(side, nation, nation.since + number * QUARTER)
    plain, own = sides[Engine.POSTGRES], sides[Engine.TIMESCALE]
    rates = {engine: nation.meters / min(side.stored_s) for engine, side in sides.items()}
    limit = rates[Engine.POSTGRES]
    yield Figure("engines", f"plain, {nation.meters:,} readings at once", limit, "readings/s")
    yield Figure("engines", "TimescaleDB, the same", rates[Engine.TIMESCALE], "readings/s", limit, ">= 0.8")
    yield Figure("engines", "... processor time", min(own.stored_cpu_s), "s", min(plain.stored_cpu_s))
    yield Figure("engines", "rolling them up, TimescaleDB", min(own.rolled_up_s), "s", min(plain.rolled_up_s))
    yield from _late(own, nation)


def _burst(side: _Side, nation: Nation, when: datetime) -> None:
    rows, busy = nation.rows(when), [os.getpid(), side.conn.info.backend_pid]
    began, used = time.monotonic(), cpu_seconds(busy)
    _store(side.conn, rows, when + timedelta(seconds=1))
    side.stored_s.append(time.monotonic() - began)
    side.stored_cpu_s.append(cpu_seconds(busy) - used)
    began = time.monotonic()
    rollup.drain(side.conn, DEFAULT_ZONE, when)
    side.conn.commit()
    side.rolled_up_s.append(time.monotonic() - began)


def _store(conn: Connection, rows: Rows, received: datetime) -> None:
    readings.add_days(conn, set(rows.days().tolist()))
    readings.insert(conn, rows, readings.MQTT, received)
    readings.mark_stale(conn, rows)
    conn.commit()


def _late(side: _Side, nation: Nation) -> Iterator[Figure]:
    """A thousand meters tell something of a day that has been compressed, and their figures follow."""
    _compress(side.conn, nation.since + 3 * _DAY)
    meters = np.arange(1, min(nation.meters, 1000) + 1, dtype=np.int32)
    rows = nation.rows(nation.since + timedelta(minutes=7), meters)
    began = time.monotonic()
    _store(side.conn, rows, nation.since + 3 * _DAY)
    stored = time.monotonic() - began
    yield Figure("engines", "late, into what is compressed", len(rows) / stored, "readings/s")
    rollup.drain(side.conn, DEFAULT_ZONE, nation.since + 3 * _DAY)
    yield Figure("engines", "... and rolled up", time.monotonic() - began - stored, "s")


def _compress(conn: Connection, now: datetime) -> None:
    """All that is over, a month of consumption too."""
    while retention.work(conn, now + 62 * _DAY, DEFAULT_ZONE, _ALL):
        conn.commit()


# How small ----------------------------------------------------------------------------------------


def _bytes() -> Iterator[Figure]:
    """Of the measured series, by how often they were read."""
    every = [np.concatenate(list(_days(*source))) for source in _SOURCES]
    for name, days in (("quarter-hourly", np.concatenate(every[:2])), ("hourly", np.concatenate(every[2:]))):
        before, after = _sizes("reading", days, days.shape[1])
        yield Figure("engines", f"{name} series as they come", before, "bytes/reading")
        yield Figure("engines", f"{name} series, compressed", after, "bytes/reading", aim="<= 4")
        months = days[: len(days) // _MONTH * _MONTH].reshape(-1, _MONTH * days.shape[1])[:_FEW]
        before, after = _sizes("consumption", months, days.shape[1])
        yield Figure("engines", "... their consumption as it is written", before, "bytes/hour and meter")
        yield Figure("engines", "... and compressed", after, "bytes/hour and meter")


def _sizes(what: str, series: NDArray[np.float64], a_day: int) -> tuple[float, float]:
    """Bytes a row before and after, where every row of the series is a meter's."""
    with _database(Engine.TIMESCALE) as conn:
        _tell(conn, series, a_day)
        row = conn.execute(f"SELECT count(*) FROM {what}".encode()).fetchone()
        count = row[0] if row else 1
        conn.commit()
        before = _size(conn, what)
        _compress(conn, _MEASURED + 40 * _DAY)
        return before / count, _size(conn, what) / count


_SOURCES = (
    ("campus-substation-15min/substation_2013-06_2014-12.csv.gz", ";", (2, 3), 96),
    ("steel-industry-15min/steel_2018H1.csv", ",", (1, 2), 96),
    ("bdg2-buildings-electricity-hourly/electricity_2016_2017.csv.gz", ",", range(1, 15), 24),
    ("university-buildings-hourly/electricity_2018_2019.csv", ",", range(1, 13), 24),
    ("university-buildings-hourly/gas_2018_2019.csv", ",", range(1, 13), 24),
)
_MEASURED = datetime(2026, 10, 1, tzinfo=UTC)


def _days(file: str, delimiter: str, columns: tuple[int, ...] | range, a_day: int) -> Iterator[NDArray[np.float64]]:
    """Whole days of each series, one a row, without those in which anything is missing."""
    path = DATA / file
    with (
        gzip.open(path, "rt", encoding="utf-8-sig") if path.suffix == ".gz" else path.open(encoding="utf-8-sig") as text
    ):
        rows = list(csv.reader(text, delimiter=delimiter))[1:]
    for column in columns:
        values = [_number(row[column], delimiter) if column < len(row) else np.nan for row in rows]
        days = np.array(values[: len(values) // a_day * a_day]).reshape(-1, a_day)
        yield days[~np.isnan(days).any(axis=1)]


def _number(text: str, delimiter: str) -> float:
    return float(text.replace(",", ".") if delimiter == ";" else text) if text else np.nan


def _tell(conn: Connection, series: NDArray[np.float64], a_day: int) -> None:
    """As readings of one day or several, and rolled up."""
    count, slots = series.shape
    nation = Nation(-(-count // METERS), _MEASURED)
    nation.register(conn)
    conn.execute("UPDATE meter SET kind = 'interval', interval_minutes = %s", (1440 // a_day,))
    conn.execute("UPDATE registry_version SET version = version + 1")
    chance = np.random.default_rng(1)
    for slot in range(slots):
        when = _MEASURED + slot * (_DAY / a_day)
        delay = np.sort(chance.uniform(1, 20, -(-count // _A_BATCH)))
        for number, first in enumerate(range(0, count, _A_BATCH)):
            meter = np.arange(first, min(first + _A_BATCH, count), dtype=np.int32)
            same = np.full(len(meter), micros(when)), series[meter, slot], np.full(len(meter), slot)
            rows = Rows(*same, meter + 1, meter // METERS + 1)
            _store(conn, rows, when + timedelta(seconds=float(delay[number])))
    meter = np.arange(1, count + 1, dtype=np.int32)
    edges = (np.full(count, micros(each)) for each in (_MEASURED, when))
    readings.widen_spans(conn, readings.MeterSpans(meter, *edges))
    rollup.drain(conn, DEFAULT_ZONE, when + _DAY)


def _size(conn: Connection, series: str) -> int:
    """Bytes on disk, indexes included."""
    row = conn.execute("SELECT hypertable_size(%s::regclass)", (series,)).fetchone()
    return int(row[0]) if row else 0

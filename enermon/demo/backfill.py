"""History goes the way of every backfill: inserted by COPY in order of time, each chunk with its stale spans."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection

from energy.registers import SECOND
from enermon.demo import series
from enermon.demo.series import Province, Readings
from ingest.instants import Ticks
from storage import readings, registry
from storage.arrays import EPOCH
from storage.readings import FILE, NO_SEQ, KnownSpans, Rows

CHUNK = 120_000
_EPOCH_S = int(EPOCH.timestamp())


def missing(province: Province, after: datetime | None, until: datetime) -> Readings:
    """The readings of history that are not stored yet: those of (after, until]."""
    history = series.history(province, until)
    first = 0 if after is None else int(np.searchsorted(history.time, after.timestamp(), side="right"))
    return Readings(history.load[first:], history.time[first:], history.value[first:])


def store(
    conn: Connection, province: Province, history: Readings, now: Callable[[], datetime]
) -> Iterator[tuple[datetime, int]]:
    """Store readings in chunks; tells after each commit up to which instant history is stored and how many came in."""
    enterprises, meters = _ids(conn, province)
    known = KnownSpans(readings.meter_spans(conn))
    conn.commit()
    tick = Ticks(now)
    for chunk in history.chunks(CHUNK):
        rows = Rows(
            time=(chunk.time - _EPOCH_S) * SECOND,
            value=chunk.value,
            seq=np.full(len(chunk), NO_SEQ),
            meter=meters[chunk.load],
            enterprise=enterprises[chunk.load],
        )
        _store(conn, rows, known, tick())
        yield datetime.fromtimestamp(int(chunk.time[-1]), UTC), len(chunk)


def _ids(conn: Connection, province: Province) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """The database's numbers of enterprise and meter, by number of the load."""
    enterprises = {each.code: each.id for each in registry.enterprises(conn)}
    meters = {
        (code, meter.code): meter.id
        for code, number in enterprises.items()
        for meter in registry.meters_of(conn, number)
    }
    loads = province.loads
    return (
        np.array([enterprises[load.enterprise] for load in loads], np.int32),
        np.array([meters[load.enterprise, load.meter] for load in loads], np.int32),
    )


def _store(conn: Connection, rows: Rows, known: KnownSpans, received: datetime) -> None:
    with conn.transaction():
        readings.add_days(conn, np.unique(rows.days()).tolist())
    with conn.transaction():
        readings.insert(conn, rows, FILE, received)
        spans = known.widen(conn, rows)
        readings.mark_stale(conn, rows)
    known.learn(spans)

"""Stale spans: what must be recomputed, left by whoever changed what figures are made from, taken by the rollup.

Insert-only; whoever leaves one never waits for whoever takes them away.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from struct import Struct
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection

from storage import arrays, binary
from storage.sql import sql

SHARDS = 256
_LOCK = 0x5354414C  # the advisory locks of shards live under this key

_INT4 = 23  # type oid
_ELEMENT = np.dtype([("length", ">i4"), ("meter", ">i4")])
_HEAD = Struct(">hihii")  # columns, shard, enterprise_id, each behind its length
_ARRAY = Struct(">iiiiii")  # length, dimensions, has nulls, element type, elements, lower bound
_NO_METERS = Struct(">iiii").pack(12, 0, 0, _INT4)
_TIMES = Struct(">iqiqi")  # since, until, length of why


class StaleSpan(NamedTuple):
    """These meters of one enterprise, from since to until, both included. No meters: usage only (why 'factor')."""

    enterprise_id: int
    meters: Sequence[int] | NDArray[np.int32]
    since: datetime
    until: datetime
    why: str


def mark(conn: Connection, spans: Iterable[StaleSpan]) -> None:
    """Leave the spans; whoever works next takes them up. The caller commits."""
    rows = b"".join(map(_packed, spans))
    if rows:
        binary.copy_in(conn, sql("stale.mark"), rows)


def _packed(span: StaleSpan) -> bytes:
    """One row for binary COPY: made by hand, for the burst of a quarter hour names a million meters."""
    meters = np.empty(len(span.meters), dtype=_ELEMENT)
    meters["length"], meters["meter"] = 4, span.meters
    array = _ARRAY.pack(_ARRAY.size - 4 + meters.nbytes, 1, 0, _INT4, len(meters), 1) if len(meters) else _NO_METERS
    why = span.why.encode()
    times = _TIMES.pack(8, arrays.micros(span.since), 8, arrays.micros(span.until), len(why))
    return _HEAD.pack(6, 2, span.enterprise_id % SHARDS, 4, span.enterprise_id) + array + meters.tobytes() + times + why


def is_settled(conn: Connection, quiet: timedelta, patience: timedelta) -> bool:
    """Whether what waits has stopped growing, or has waited long enough; False if nothing waits."""
    row = conn.execute(sql("stale.is_settled"), {"quiet": quiet, "patience": patience}).fetchone()
    return bool(row and row[0])


def claim(conn: Connection, most_shards: int) -> list[StaleSpan]:
    """Take what is stale of up to so many shards, which stay ours until commit. Ask before reading anything else."""
    waiting = [shard for (shard,) in conn.execute(sql("stale.shards"))]
    for start in range(0, len(waiting), most_shards):
        wanted = {"shards": waiting[start : start + most_shards], "lock": _LOCK}
        ours = [shard for (shard,) in conn.execute(sql("stale.own_shards"), wanted)]
        if ours and (rows := conn.execute(sql("stale.take"), {"shards": ours}).fetchall()):
            return [StaleSpan(*row) for row in rows]
    return []

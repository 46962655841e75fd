"""Stale spans: what must be recomputed, left by whoever changed what figures are made from, taken by the rollup.

Insert-only; whoever leaves one never waits for whoever takes them away.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection

from storage import arrays, binary
from storage.sql import sql

SHARDS = 256
_LOCK = 0x5354414C  # the advisory locks of shards live under this key
_HERE = 0x48455245  # and the one that every worker shares while it is connected under this
_COMING = 0x434F4D45  # and the one of every transaction that is storing much under this

_INT4 = 23  # type oid
_ELEMENT = np.dtype([("length", ">i4"), ("meter", ">i4")])


class StaleSpan(NamedTuple):
    """These meters of one enterprise, from since to until, both included. No meters: usage only (why 'factor')."""

    enterprise_id: int
    meters: Sequence[int] | NDArray[np.int32]
    since: datetime
    until: datetime
    why: str


@dataclass(frozen=True, slots=True)
class StaleColumns:
    """Spans of one reason as columns.

    counts: how many meters each has; meters: all of them, span after span; since, until: µs since 2000."""

    enterprise: NDArray[np.int32]
    counts: NDArray[np.int64]
    meters: NDArray[np.int32]
    since: NDArray[np.int64]
    until: NDArray[np.int64]


def mark(conn: Connection, spans: Iterable[StaleSpan]) -> None:
    """Leave the spans; whoever works next takes them up. The caller commits."""
    by_reason: dict[str, list[StaleSpan]] = {}
    for span in spans:
        by_reason.setdefault(span.why, []).append(span)
    for why, some in by_reason.items():
        enterprises, meters, since, until, _ = zip(*some, strict=True)
        times = (np.array(list(map(arrays.micros, each)), np.int64) for each in (since, until))
        counts = np.array(list(map(len, meters)), np.int64)
        every = np.concatenate([np.asarray(each, np.int32) for each in meters])
        mark_columns(conn, StaleColumns(np.array(enterprises, np.int32), counts, every, *times), why)


def mark_columns(conn: Connection, spans: StaleColumns, why: str) -> None:
    """The same, many at a time: spans of as many meters are packed together, a quarter hour names a million."""
    begins = np.cumsum(spans.counts) - spans.counts
    rows = [
        _packed(spans, np.flatnonzero(spans.counts == count), begins, int(count), why)
        for count in np.unique(spans.counts)
    ]
    if rows:
        binary.copy_in(conn, sql("stale.mark"), *rows)


def _packed(
    spans: StaleColumns, which: NDArray[np.intp], begins: NDArray[np.int64], count: int, why: str
) -> NDArray[np.void]:
    layout, array = _layout(count, len(why.encode()))
    meters = np.zeros(len(which), array)
    meters["head"] = (1, 0, _INT4, count, 1) if count else (0, 0, _INT4)
    if count:
        meters["elements"]["length"] = 4
        meters["elements"]["meter"] = spans.meters[begins[which, None] + np.arange(count)]
    enterprise = spans.enterprise[which]
    return layout.pack(
        len(which),
        shard=enterprise % SHARDS,
        enterprise_id=enterprise,
        meters=meters,
        since=spans.since[which],
        until=spans.until[which],
        why=why.encode(),
    )


@lru_cache
def _layout(count: int, why: int) -> tuple[binary.Layout, np.dtype[Any]]:
    """Of spans of so many meters, and of their array: dimensions, has nulls, element type, elements, lower bound."""
    head = [("head", ">i4", 5), ("elements", _ELEMENT, (count,))] if count else [("head", ">i4", 3)]
    array = np.dtype(head)
    columns = [("shard", ">i2"), ("enterprise_id", ">i4"), ("meters", array), ("since", ">i8"), ("until", ">i8")]
    return binary.Layout([*columns, ("why", f"S{why}")]), array


def announce(conn: Connection) -> None:
    """Say that this transaction is going to leave much, so that workers wait for all of it (`is_settled`)."""
    conn.execute(sql("stale.announce"), {"lock": _COMING})


def is_settled(conn: Connection, quiet: timedelta, patience: timedelta) -> bool:
    """Whether what waits has stopped growing, or has waited long enough; False if nothing waits."""
    row = conn.execute(sql("stale.is_settled"), {"quiet": quiet, "patience": patience, "lock": _COMING}).fetchone()
    return bool(row and row[0])


def workers(conn: Connection) -> int:
    """How many workers are connected, this one among them from now on until its connection ends."""
    row = conn.execute(sql("stale.workers"), {"lock": _HERE}).fetchone()
    count, is_counted = row if row else (0, False)
    if not is_counted:
        conn.execute(sql("stale.be_counted"), {"lock": _HERE})
    return int(count) + (not is_counted)


def connected_workers(conn: Connection) -> int:
    """How many there are, for somebody who is none."""
    row = conn.execute(sql("stale.workers"), {"lock": _HERE}).fetchone()
    return int(row[0]) if row else 0


def await_others(conn: Connection) -> bool:
    """Wait until those who are at what waits have committed or given up; False if nothing waits. Hold no lock."""
    with conn.transaction():
        waiting = [shard for (shard,) in conn.execute(sql("stale.shards"))]
        conn.execute(sql("stale.await_shards"), {"shards": waiting, "lock": _LOCK})
    return bool(waiting)


def claim(conn: Connection, sharers: int = 1) -> list[StaleSpan]:
    """Take what is stale of our share of the shards, which stay ours until commit. Ask before reading anything else.

    sharers: between how many workers that are at it together what waits is divided.
    """
    waiting = [shard for (shard,) in conn.execute(sql("stale.shards"))]
    most_shards = max(1, -(-len(waiting) // sharers))
    for start in range(0, len(waiting), most_shards):
        wanted = {"shards": waiting[start : start + most_shards], "lock": _LOCK}
        ours = [shard for (shard,) in conn.execute(sql("stale.own_shards"), wanted)]
        if ours and (rows := conn.execute(sql("stale.take"), {"shards": ours}).fetchall()):
            return [StaleSpan(*row) for row in rows]
    return []

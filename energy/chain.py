"""The hash chain over committed batches: what exactly is hashed, and how one link follows from the one before.

The readings that a batch left of one enterprise and one UTC day of their times make a link. Its head is the SHA-256 of
the head before it, of what the link says, and of the readings as they are stored; the first head of a day of receipt
starts from a genesis that names enterprise and day and holds the last head of the days before. So the last head vouches
for everything before it, and whoever keeps one finds out when any of that is rewritten.

Days count from 2000-01-01 UTC, times are µs since then. All numbers are big-endian, as PostgreSQL sends them.
"""

from enum import StrEnum
from hashlib import sha256
from struct import Struct
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

DAY_US = 86_400_000_000

# A reading as it is stored. rival: it lies beside the first reading of its key. Without seq: the lowest int64.
_ROW = np.dtype(
    [("time", ">i8"), ("meter", ">i4"), ("rival", "u1"), ("value", ">f8"), ("seq", ">i8"), ("source", ">i2")]
)
_LINK = Struct(">qiqii")  # number, day of receipt, received, day of the readings, how many
_GENESIS = b"enermon chain 1\0"
_DROPPED = b"enermon dropped 1\0"
_DAY = Struct(">i")


class Batch(NamedTuple):
    """What one batch left of an enterprise and a UTC day of times. digest: of its readings in canonical order."""

    enterprise: int
    reading_day: int
    readings: int
    digest: bytes


class End(NamedTuple):
    """Where the chain of an enterprise stands: its last link. day: of receipt; -1: there is no link yet."""

    number: int = 0
    day: int = -1
    head: bytes = bytes(32)


class Link(NamedTuple):
    """A link as it is stored."""

    end: End
    received: int
    batch: Batch


class Wrong(StrEnum):
    """What is wrong with a link, seen from the one before."""

    TWICE = "twice"
    MISSING = "missing"
    GENESIS = "genesis"
    CHANGED = "changed"


def pack(
    time: NDArray[np.int64],
    meter: NDArray[np.int32],
    value: NDArray[np.float64],
    seq: NDArray[np.int64],
    source: Any,
    rival: Any,
) -> NDArray[np.void]:
    """Readings as the bytes that are hashed; source and rival may be one value for all."""
    rows = np.empty(len(time), _ROW)
    rows["time"], rows["meter"], rows["value"], rows["seq"] = time, meter, value, seq
    rows["source"], rows["rival"] = source, rival
    return rows


def canonical(rows: NDArray[np.void]) -> NDArray[np.intp]:
    """The order in which readings are hashed: time, meter, rival, value, seq."""
    return np.lexsort([rows[name] for name in ("seq", "value", "rival", "meter", "time")])


def batches(enterprise: NDArray[np.int32], rows: NDArray[np.void]) -> list[Batch]:
    """A batch's readings, given in canonical order with their enterprises, by enterprise and UTC day of time."""
    if not len(rows):
        return []
    order = np.argsort(enterprise, kind="stable")
    enterprise, rows = enterprise[order], rows[order].astype(_ROW, copy=False)  # concatenating turns bytes round
    day = rows["time"].astype(np.int64) // DAY_US
    begins = np.flatnonzero(np.r_[True, (enterprise[1:] != enterprise[:-1]) | (day[1:] != day[:-1])])
    ends = np.r_[begins[1:], len(rows)]
    data, size = rows.view(np.uint8).data, _ROW.itemsize
    whose, days = enterprise[begins].tolist(), day[begins].tolist()
    return [
        Batch(each, on, end - begin, sha256(data[begin * size : end * size]).digest())
        for each, on, begin, end in zip(whose, days, begins.tolist(), ends.tolist(), strict=True)
    ]


def genesis(enterprise: str, day: int, before: bytes) -> bytes:
    """What the first link of a day of receipt follows: the enterprise's code, the day, the last head before it."""
    return sha256(_GENESIS + enterprise.encode() + b"\0" + _DAY.pack(day) + before).digest()


def follow(end: End, enterprise: str, day: int, received: int, batch: Batch) -> End:
    """The chain with one more link. What comes once a later day has begun belongs to that day: a day past is closed."""
    day = max(day, end.day)
    before = end.head if day == end.day else genesis(enterprise, day, end.head)
    said = _LINK.pack(end.number + 1, day, received, batch.reading_day, batch.readings)
    return End(end.number + 1, day, sha256(before + said + batch.digest).digest())


def judge(end: End, enterprise: str, link: Link) -> tuple[Wrong | None, End]:
    """What is wrong with the link that comes next, and where the chain stands then.

    After a fault the link is taken as it stands, so that one change is told once.
    """
    if link.end.number <= end.number:
        return Wrong.TWICE, end
    if link.end.number > end.number + 1:
        return Wrong.MISSING, link.end
    if follow(end, enterprise, link.end.day, link.received, link.batch) != link.end:
        return Wrong.GENESIS if link.end.day > end.day else Wrong.CHANGED, link.end
    return None, link.end


def sealed(heads: bytes) -> bytes:
    """One digest over the heads of links whose readings are dropped."""
    return sha256(_DROPPED + heads).digest()

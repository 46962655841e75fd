"""Whether links and readings are as they were received: every head is made again, every reading is hashed again.

Bounded memory: the links of one day and the readings of one batch at a time, whatever lies in storage. Everything is
read as it is at one instant, so collectors go on meanwhile.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection

from energy import chain
from energy.chain import Batch, End, Link, Wrong
from energy.refused import Refused
from storage.arrays import EPOCH, instant, micros
from storage.chain import Links, day_of, links_of
from storage.sql import sql

_EVER = date(1, 1, 1), date(9999, 1, 1)
_HEAD = 19  # bytes before the first row of a binary COPY
_BLOCK = 1 << 20
_ROW = np.dtype(
    [("#", ">i2")]
    + [
        each
        for name, kind in (
            ("enterprise", ">i4"),
            ("received", ">i8"),
            ("time", ">i8"),
            ("meter", ">i4"),
            ("rival", ">i2"),
            ("value", ">f8"),
            ("seq", ">i8"),
            ("source", ">i2"),
        )
        for each in ((f"{name}#", ">i4"), (name, kind))
    ]
)


class Kind(StrEnum):
    """What can be wrong."""

    LINK_TWICE = "link_twice"
    LINK_MISSING = "link_missing"
    LINK_CHANGED = "link_changed"
    DAY_BROKEN = "day_broken"
    SEAL = "seal"
    CUT_OFF = "cut_off"
    GONE = "gone"
    FEWER = "fewer"
    MORE = "more"
    CHANGED = "changed"
    UNKNOWN = "unknown"
    DROPPED = "dropped"


_OF_LINK = {
    Wrong.TWICE: Kind.LINK_TWICE,
    Wrong.MISSING: Kind.LINK_MISSING,
    Wrong.CHANGED: Kind.LINK_CHANGED,
    Wrong.GENESIS: Kind.DAY_BROKEN,
}


class Fault(NamedTuple):
    """Something is not as it was received. day: of receipt for links and seals, of the readings' times for these.

    number: of the link; expected, found: how many readings or, of a chain that is cut off or lacks links, which number.
    """

    kind: Kind
    enterprise: str
    day: date
    number: int = 0
    received: datetime | None = None
    expected: int = 0
    found: int = 0


class Gone(NamedTuple):
    """A day whose readings were dropped on purpose. head: over the heads of its links, in hexadecimal."""

    day: date
    dropped: datetime
    links: int
    readings: int
    head: str


@dataclass(frozen=True)
class Scope:
    """What is looked at: readings of UTC days [since, until), and the chains of the days on which they came."""

    enterprise: int | None = None
    since: date = _EVER[0]
    until: date = _EVER[1]


def scope_of(conn: Connection, enterprise: str | None, since: date | None, until: date | None, zone: ZoneInfo) -> Scope:
    """Every UTC day that local days [since, until) touch. Refused if there is no such enterprise."""
    codes = {code: id for id, code in conn.execute(sql("chain.enterprises"))}
    if enterprise and enterprise not in codes:
        raise Refused(f"Enterprise {enterprise!r} is not registered; import it first.")
    first = datetime.combine(since, time(), zone).astimezone(UTC).date() if since else _EVER[0]
    end = datetime.combine(until, time(), zone).astimezone(UTC) if until else None
    last = (end + timedelta(days=1, microseconds=-1)).date() if end else _EVER[1]
    return Scope(codes[enterprise] if enterprise else None, first, last)


@dataclass
class Tally:
    """What was looked at. before: readings that are older than the chain and have no links."""

    links: int = 0
    readings: int = 0
    before: int = 0
    dropped: list[Gone] = field(default_factory=list)


class Place(NamedTuple):
    """Which link has a head."""

    enterprise: str
    number: int
    received: datetime


def check(conn: Connection, scope: Scope, tally: Tally) -> Iterator[Fault]:
    """Everything that is wrong, one after the other; `tally` is brought up to date meanwhile.

    The connection must not be in a transaction.
    """
    with conn.transaction():
        conn.execute(sql("chain.hold_still"))
        codes: dict[int, str] = dict(conn.execute(sql("chain.enterprises")).fetchall())
        yield from _Walk(conn, scope, codes, tally).faults()
        yield from _Comparison(conn, scope, codes, tally).faults()


def find(conn: Connection, heads: Sequence[str]) -> dict[str, Place]:
    """Which links have these heads (hexadecimal); those of no link are missing."""
    asked = {"heads": [bytes.fromhex(head) for head in heads]}
    return {head.hex(): Place(*place) for head, *place in conn.execute(sql("chain.find"), asked)}


class _Walk:
    """Along the chains, one day of receipt after the other."""

    def __init__(self, conn: Connection, scope: Scope, codes: Mapping[int, str], tally: Tally):
        self._conn, self._scope, self._codes, self._tally = conn, scope, codes, tally
        self._ends: dict[int, End] = {}

    def faults(self) -> Iterator[Fault]:
        first, last = self._days()
        if first is None:
            return
        stands = {id: End(*end) for id, *end in self._rows("stands")}
        day = self._after(first - 1)
        while day is not None and (last is None or day <= last):
            yield from self._along(day)
            yield from self._sealed(day, stands)
            day = self._after(day)
        yield from self._reached(stands, first, last)

    def _days(self) -> tuple[int | None, int | None]:
        """First and last day of receipt to walk; last None: to the end. Without a first there is nothing to walk."""
        scope = self._scope
        first, last = self._rows("receipt_days", since=scope.since, until=scope.until)[0]
        if scope.since == _EVER[0]:
            return -1, None if scope.until == _EVER[1] else last
        if first is not None:
            before = self._rows("ends_before", day=day_of(first))
            self._ends = {id: End(number, day, head) for id, number, day, head in before}
        return first, last

    def _along(self, day: int) -> Iterator[Fault]:
        links = links_of(self._conn, "links_of_receipt_day", day_of(day), self._scope.enterprise)
        self._tally.links += len(links)
        for id, number, received, *batch, head in _tuples(links):
            before = self._ends.get(id, End())
            link = Link(End(number, day, head), received, Batch(id, *batch))
            wrong, self._ends[id] = chain.judge(before, self._code(id), link)
            if wrong:
                at = instant(received)
                yield Fault(_OF_LINK[wrong], self._code(id), day_of(day), number, at, before.number + 1, number)

    def _sealed(self, day: int, stands: Mapping[int, End]) -> Iterator[Fault]:
        """A day that is over was sealed as it ended."""
        seals = {id: End(number, day, head) for id, number, head in self._rows("seals", day=day_of(day))}
        over = {id for id, end in self._ends.items() if end.day == day < stands.get(id, end).day}
        for id in sorted(over | seals.keys()):
            end = self._ends.get(id, End())
            if seals.get(id) != end:
                yield Fault(Kind.SEAL, self._code(id), day_of(day), end.number)

    def _reached(self, stands: Mapping[int, End], first: int, last: int | None) -> Iterator[Fault]:
        """What is said of a chain's last link is so, where that lies in the days that were walked."""
        for id in sorted(stands.keys() | self._ends.keys()):
            told, end = stands.get(id, End()), self._ends.get(id, End())
            walked = first <= told.day and (last is None or told.day <= last)
            if walked and told != end:
                yield Fault(Kind.CUT_OFF, self._code(id), day_of(told.day), end.number, None, told.number, end.number)

    def _code(self, id: int) -> str:
        return self._codes.get(id, f"#{id}")

    def _after(self, day: int) -> int | None:
        found: int | None = self._conn.execute(sql("chain.next_receipt_day"), {"day": day_of(day + 1)}).fetchall()[0][0]
        return found

    def _rows(self, statement: str, **asked: object) -> list[Any]:
        asked["enterprise"] = self._scope.enterprise
        return self._conn.execute(sql(f"chain.{statement}"), asked).fetchall()


class Found(NamedTuple):
    """What lies in storage of one enterprise, batch and day."""

    enterprise: int
    received: int
    readings: int
    digest: bytes


class _Comparison:
    """The readings of one day after the other, against the links that speak of them."""

    def __init__(self, conn: Connection, scope: Scope, codes: Mapping[int, str], tally: Tally):
        self._conn, self._scope, self._codes, self._tally = conn, scope, codes, tally
        row = conn.execute(sql("chain.start")).fetchone()
        self._start = micros(row[0]) if row else None

    def faults(self) -> Iterator[Fault]:
        asked = {"since": self._scope.since, "until": self._scope.until}
        dropped = {day: tuple(said) for day, *said in self._conn.execute(sql("chain.dropped"), asked)}
        day = self._next(self._scope.since)
        while day is not None and day < self._scope.until:
            number = (day - EPOCH.date()).days
            links = links_of(self._conn, "links_of_reading_day", day, self._scope.enterprise)
            missing: list[int] | None = [] if number in dropped else None
            yield from self._compared(day, links, missing, dropped.get(number))
            if missing is not None:
                yield from self._dropped(day, links, missing, *dropped[number])
            day = self._next(day + timedelta(days=1))

    def _next(self, day: date) -> date | None:
        since = datetime.combine(max(day, date(1, 1, 2)), time(), UTC)
        row = self._conn.execute(sql("chain.next_reading_day"), {"since": since, "day": day}).fetchone()
        return row[0].astimezone(UTC).date() if row and row[0] else None

    def _compared(
        self, day: date, links: Links, missing: list[int] | None, dropped: tuple[Any, ...] | None
    ) -> Iterator[Fault]:
        """missing: takes the places of links whose readings may be gone, those received before the day was dropped."""
        until = micros(dropped[0]) if dropped else 0
        found = self._found(day)
        have = next(found, None)
        for at, (id, number, received, _, readings, digest, _) in enumerate(_tuples(links)):
            while have and have[:2] < (id, received):
                yield from self._unknown(day, have)
                have = next(found, None)
            has = have is not None and have[:2] == (id, received)
            if not has and missing is not None and received < until:
                missing.append(at)
                continue
            count = have.readings if have and has else 0
            if not has or (have and have.digest != digest):
                code = self._codes.get(id, f"#{id}")
                yield Fault(_kind(readings, count), code, day, number, instant(received), readings, count)
            if has:
                have = next(found, None)
        while have:
            yield from self._unknown(day, have)
            have = next(found, None)

    def _unknown(self, day: date, have: Found) -> Iterator[Fault]:
        if self._start is not None and have.received < self._start:
            self._tally.before += have.readings
            return
        code = self._codes.get(have.enterprise, "")
        yield Fault(Kind.UNKNOWN, code, day, 0, instant(have.received), 0, have.readings)

    def _dropped(
        self, day: date, links: Links, missing: list[int], at: datetime, count: int, readings: int, head: bytes
    ) -> Iterator[Fault]:
        self._tally.dropped.append(Gone(day, at, count, readings, head.hex()))
        heads = b"".join(links.head[place] for place in missing)
        if self._scope.enterprise is None and (len(missing) != count or chain.sealed(heads) != head):
            yield Fault(Kind.DROPPED, "", day, 0, at, count, len(missing))

    def _found(self, day: date) -> Iterator[Found]:
        since = datetime.combine(day, time(), UTC)
        asked = {"since": since, "until": since + timedelta(days=1), "enterprise": self._scope.enterprise}
        rest = np.empty(0, _ROW)
        for block in _blocks(self._conn, asked):
            self._tally.readings += len(block)
            rows = np.concatenate([rest, block])
            last = np.flatnonzero(
                (rows["enterprise"] != rows["enterprise"][-1]) | (rows["received"] != rows["received"][-1])
            )
            whole = int(last[-1]) + 1 if len(last) else 0
            yield from _groups(rows[:whole])
            rest = rows[whole:]
        yield from _groups(rest)


def _kind(expected: int, found: int) -> Kind:
    if not found:
        return Kind.GONE
    return Kind.CHANGED if found == expected else Kind.FEWER if found < expected else Kind.MORE


def _tuples(links: Links) -> Iterator[tuple[Any, ...]]:
    """enterprise, number, received, day of the readings, how many, their digest, head"""
    numbers = (links.enterprise, links.number, links.received, links.reading_day, links.readings)
    return zip(*(column.tolist() for column in numbers), links.rows_hash, links.head, strict=True)


def _blocks(conn: Connection, asked: dict[str, Any]) -> Iterator[NDArray[np.void]]:
    with conn.cursor() as cursor, cursor.copy(sql("chain.readings"), asked) as copy:
        held, skip = bytearray(), _HEAD
        for data in copy:
            held += data
            if len(held) > _BLOCK + skip:
                whole = (len(held) - skip) // _ROW.itemsize
                yield np.frombuffer(bytes(held), _ROW, whole, skip)
                del held[: skip + whole * _ROW.itemsize]
                skip = 0
        if whole := (len(held) - skip) // _ROW.itemsize:
            yield np.frombuffer(bytes(held), _ROW, whole, skip)


def _groups(rows: NDArray[np.void]) -> Iterator[Found]:
    if not len(rows):
        return
    packed = chain.pack(*(rows[name] for name in ("time", "meter", "value", "seq", "source", "rival")))
    enterprise, received = rows["enterprise"], rows["received"]
    begins = np.flatnonzero(np.r_[True, (enterprise[1:] != enterprise[:-1]) | (received[1:] != received[:-1])]).tolist()
    data, size = memoryview(packed.tobytes()), packed.dtype.itemsize
    for begin, end in zip(begins, [*begins[1:], len(rows)], strict=True):
        digest = sha256(data[begin * size : end * size]).digest()
        yield Found(int(enterprise[begin]), int(received[begin]), end - begin, digest)

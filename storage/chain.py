"""The chains of links, one for each enterprise: what was stored is linked in the same transaction.

A head is locked from its new link until commit, so that several collectors make one chain. Nothing is remembered
between batches: whoever restarts goes on from the database.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection
from psycopg.errors import UniqueViolation

from energy import chain
from energy.chain import Batch, End
from storage import arrays, binary
from storage.arrays import EPOCH, instant, micros
from storage.sql import sql

_LINK = binary.Layout(
    [
        ("received", ">i8"),
        ("number", ">i8"),
        ("enterprise_id", ">i4"),
        ("receipt_day", ">i4"),
        ("reading_day", ">i4"),
        ("readings", ">i4"),
        ("rows_hash", "V32"),
        ("head", "V32"),
    ]
)
_FEW = 100  # links that are quicker added by one statement


class Taken(Exception):
    """Another batch of one of these enterprises was received in the same microsecond. Store this one as of `free`."""

    def __init__(self, free: datetime):
        super().__init__(f"free: {free}")
        self.free = free


class Unbegun(Exception):
    """These enterprises have no chain yet. Undo what was stored, `begin` them all at once, and store it again."""

    def __init__(self, enterprises: list[int]):
        super().__init__(f"no chain yet: {enterprises[:5]}")
        self.enterprises = enterprises


@dataclass(frozen=True)
class Head:
    """The last link of an enterprise: its number, day of receipt (UTC) and head in hexadecimal."""

    number: int
    receipt_day: date
    head: str


def extend(conn: Connection, batches: Sequence[Batch], received: datetime) -> None:
    """Link what a batch has just stored, as `energy.chain.batches` makes it.

    Taken and Unbegun ask for the whole transaction, or the part of it since the readings were stored, once more.
    """
    if not batches:
        return
    day, at = day_number(received), micros(received)
    known, latest = _locked(conn, list(dict.fromkeys(batch.enterprise for batch in batches)))
    over = [id for id, (_, end) in known.items() if -1 < end.day < day]
    if over:
        conn.execute(sql("chain.seal"), {"enterprises": over})
    links = []
    for batch in batches:
        code, end = known[batch.enterprise]
        end = chain.follow(end, code, day, at, batch)
        known[batch.enterprise] = code, end
        links.append((batch, end))
    try:
        _add(conn, links, received)
    except UniqueViolation as error:
        raise Taken(max(received, latest) + timedelta(microseconds=1)) from error


def begin(conn: Connection, enterprises: list[int]) -> None:
    """Before the first link of these enterprises, in the order of their ids: two who begin never wait in a circle."""
    conn.execute(sql("chain.begin"), {"enterprises": enterprises})


def heads(conn: Connection, enterprises: Iterable[int]) -> dict[int, str]:
    """The present head of each of these enterprises that has one, in hexadecimal: what a receipt carries."""
    return dict(conn.execute(sql("chain.heads"), {"enterprises": sorted(set(enterprises))}).fetchall())


def head(conn: Connection, enterprise: str) -> Head | None:
    """Where the chain of an enterprise stands, by its code: it vouches for all that is stored. None: nothing is."""
    row = conn.execute(sql("chain.head"), {"enterprise": enterprise}).fetchone()
    return Head(*row) if row else None


class Dropped(NamedTuple):
    """What was dropped of a day on purpose. head: one digest over the heads of its links."""

    links: int
    readings: int
    head: bytes


def drop_day(conn: Connection, day: date, now: datetime) -> Dropped:
    """Drop all readings of a UTC day, and record that; their links stay, so that every head can still be verified.

    This is the only way to remove readings that `enermon check --integrity` does not tell as tampering. The caller
    commits, and makes sure that nothing needs these readings any more: their figures are not computed again.
    """
    since = datetime.combine(day, time(), EPOCH.tzinfo)
    conn.execute(sql("chain.drop_readings"), {"day": day})
    conn.execute(sql("chain.drop_rivals"), {"since": since, "until": since + timedelta(days=1)})
    links = links_of(conn, "links_of_reading_day", day)
    dropped = Dropped(len(links), int(links.readings.sum()), chain.sealed(b"".join(links.head)))
    conn.execute(sql("chain.add_dropped"), {"day": day, "now": now, **dropped._asdict()})
    return dropped


class Links(NamedTuple):
    """Links as columns of equal length."""

    enterprise: NDArray[np.int32]
    number: NDArray[np.int64]
    received: NDArray[np.int64]
    reading_day: NDArray[np.int32]
    readings: NDArray[np.int32]
    rows_hash: Sequence[bytes]
    head: Sequence[bytes]

    def __len__(self) -> int:
        return len(self.enterprise)


def links_of(conn: Connection, which: str, day: date, enterprise: int | None = None) -> Links:
    """The links of a day, of all enterprises or one. which: `links_of_receipt_day` or `links_of_reading_day`."""
    columns: list[Any] = arrays.columns(conn, sql(f"chain.{which}"), {"day": day, "enterprise": enterprise})
    return Links(*columns)


def day_number(time: datetime) -> int:
    """The UTC day of a time, as days since 2000-01-01."""
    return micros(time) // chain.DAY_US


def day_of(number: int) -> date:
    return instant(number * chain.DAY_US).date()


def _locked(conn: Connection, enterprises: list[int]) -> tuple[dict[int, tuple[str, End]], datetime]:
    """Code and end of the chain of each, which nobody else can move until commit; when the last link was received."""
    rows = conn.execute(sql("chain.lock"), {"enterprises": enterprises}, binary=True).fetchall()
    known = {id: (code, End(number, day, head) if number else End()) for id, code, _, number, day, head in rows}
    if len(known) < len(enterprises):
        raise Unbegun([id for id in enterprises if id not in known])
    return known, max((received for _, _, received, *_ in rows if received), default=EPOCH)


def _add(conn: Connection, links: Sequence[tuple[Batch, End]], received: datetime) -> None:
    """Links, and where the chains stand with them."""
    batches, ends = zip(*links, strict=True)
    columns = map(list, (*zip(*batches, strict=True), *zip(*ends, strict=True)))
    names = ("enterprise_id", "reading_day", "readings", "rows_hash", "number", "receipt_day", "head")
    said: dict[str, Any] = dict(zip(names, columns, strict=True))
    if len(links) <= _FEW:
        conn.execute(sql("chain.add"), said | {"received": received})
        return
    said |= {name: np.frombuffer(b"".join(said[name]), "V32") for name in ("rows_hash", "head")}
    binary.copy_in(conn, sql("chain.copy"), _LINK.pack(len(links), **said, received=micros(received)))
    conn.execute(sql("chain.move_heads"), {"received": received})

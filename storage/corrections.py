"""Corrections: dated facts about what a meter used, approved by somebody else than their author, and the chain of them.

They come in by the registry file `corrections`. Nothing is ever overwritten by one: what it says is laid over what the
readings say (`energy.corrections`) from its approval until it is withdrawn.
"""

import unicodedata
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from psycopg import Connection
from psycopg.rows import class_row

from energy import units
from energy.corrections import Approved, Correction, Spread
from energy.refused import Refused
from energy.registers import Ints
from storage import retention
from storage.arrays import micros
from storage.sql import sql

MANY = 5_000  # so many meters are not named: there are few corrections


@dataclass(frozen=True)
class Listed:
    """A correction as the chain shows it; amount in `unit`, the meter's, None is "unknown".

    state: pending, approved or withdrawn. overruled_by: ids of corrections of the same meter that were approved later
    and stand over a part of it.
    """

    id: int
    enterprise: str
    meter: str
    since: datetime
    until: datetime
    amount: float | None
    unit: str
    spread: str
    reason: str
    document: str | None
    author: str
    written: datetime
    approver: str | None
    approved_at: datetime | None
    withdrawn_by: str | None
    withdrawn_at: datetime | None
    state: str
    overruled_by: list[int]


def standing(conn: Connection, meters: Ints) -> Approved:
    """The corrections that count for these meters, in the carrier's own unit, each meter's in the order of approval."""
    named = meters.tolist() if len(meters) <= MANY else None
    found: dict[int, list[Correction]] = defaultdict(list)
    for meter, since, until, amount, spread, *unit in conn.execute(sql("corrections.standing"), {"meters": named}):
        value = float("nan") if amount is None else amount * _carrier_units(*unit)
        found[meter].append(Correction(micros(since), micros(until), value, Spread(spread)))
    return found


def _carrier_units(kind: str, unit: str, density: Decimal | None, carrier: str, carrier_unit: str) -> float:
    """In one unit of the meter: a multiplier belongs to its register, not to an amount. kW of a power meter is kWh."""
    convert = units.convert_rate if kind == "power" else units.convert
    return float(convert(unit, carrier_unit, density, carrier))


def listed(
    conn: Connection,
    enterprise: str | None = None,
    meter: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[Listed]:
    """The chain, by meter and time, withdrawn ones included; those that touch [since, until) where that is given."""
    scope = {"enterprise": enterprise, "meter": meter, "since": since, "until": until}
    if enterprise and conn.execute(sql("corrections.is_registered"), scope).fetchone() == (False,):
        raise Refused(f"enterprise {enterprise!r} is not registered; `enermon export DIR` shows which are")
    return conn.cursor(row_factory=class_row(Listed)).execute(sql("corrections.listed"), scope).fetchall()


def approve(conn: Connection, id_: int, actor: str, now: datetime) -> None:
    """Let the correction count. Refused for its author, for what is still to come, and when it is decided already."""
    meter, since, until, author, approver, withdrawn_by = _held(conn, id_)
    if withdrawn_by:
        raise Refused(f"correction {id_} was withdrawn by {withdrawn_by}; write another one")
    if approver:
        raise Refused(f"correction {id_} is approved already, by {approver}")
    if _is_same(author, actor):
        raise Refused(f"{actor} wrote correction {id_} and cannot approve it; somebody else must, with --as NAME")
    if until > now:
        raise Refused(f"correction {id_} reaches to {until.isoformat()}, which is still to come; approve it afterwards")
    retention.refuse_gone(conn, since, f"correction {id_}")
    conn.execute(sql("corrections.approve"), {"id": id_, "actor": actor, "now": now})
    _mark(conn, meter, since, until)


def withdraw(conn: Connection, id_: int, actor: str, now: datetime) -> None:
    """Take the correction away, approved or not; it stays in the chain."""
    meter, since, until, _, approver, withdrawn_by = _held(conn, id_)
    if withdrawn_by:
        raise Refused(f"correction {id_} is withdrawn already, by {withdrawn_by}")
    if approver:
        retention.refuse_gone(conn, since, f"correction {id_}")
    conn.execute(sql("corrections.withdraw"), {"id": id_, "actor": actor, "now": now})
    if approver:
        _mark(conn, meter, since, until)


def _held(conn: Connection, id_: int) -> tuple[int, datetime, datetime, str, str | None, str | None]:
    row = conn.execute(sql("corrections.held"), {"id": id_}).fetchone()
    if row is None:
        raise Refused(f"there is no correction {id_}; `enermon correct list` shows which there are")
    return row[0], row[1], row[2], row[3], row[4], row[5]


def _is_same(one: str, other: str) -> bool:
    """Whether two names are one person's, however they are typed."""
    return _plain(one) == _plain(other)


def _plain(name: str) -> str:
    return "".join(unicodedata.normalize("NFKC", name).split()).casefold()


def _mark(conn: Connection, meter: int, since: datetime, until: datetime) -> None:
    span = {"meters": [meter], "since": [since], "until": [until], "why": "correction"}
    conn.execute(sql("registry.mark_spans"), span)

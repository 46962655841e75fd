"""Who may report: enterprises and their meters, as far as a collector must know them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from psycopg import Connection

from storage.sql import sql

_AT_A_TIME = 500


@dataclass(frozen=True, slots=True)
class Rule:
    """A meter with a zone or a validity of its own."""

    meter_id: int
    kind: str
    label: str
    zone: str | None
    valid_from: datetime | None
    valid_to: datetime | None


@dataclass(frozen=True, slots=True)
class Member:
    """One enterprise; codes and ids of its meters belong together."""

    id: int
    code: str
    codes: list[str]
    ids: list[int]
    rules: list[Rule]


class MeterUnit(NamedTuple):
    """What a meter's numbers are in, and what its carrier's are."""

    code: str
    kind: str
    unit: str
    carrier: str
    carrier_unit: str
    density_kg_per_l: Decimal | None


def version(conn: Connection) -> int:
    """The registry's version; whatever was read under another one may be out of date."""
    row = conn.execute(sql("roster.version")).fetchone()
    return row[0] if row else 0


def members(conn: Connection) -> Iterator[Member]:
    """Every enterprise, fetched some hundreds at a time; inside a transaction."""
    with conn.cursor("roster") as cursor:
        cursor.itersize = _AT_A_TIME
        for id, code, codes, ids, rules in cursor.execute(sql("roster.enterprises")):
            yield Member(id, code, codes or [], ids or [], [_rule(*each) for each in rules or []])


def meter_units(conn: Connection, enterprise: str) -> list[MeterUnit]:
    """The meters of one enterprise with their units."""
    return [MeterUnit(*row) for row in conn.execute(sql("roster.meters"), {"enterprise": enterprise})]


def _rule(meter_id: int, kind: str, label: str, zone: str | None, valid_from: str | None, valid_to: str | None) -> Rule:
    return Rule(meter_id, kind, label, zone, _time(valid_from), _time(valid_to))


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None

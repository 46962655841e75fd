"""Balances of an enterprise's main meters against the meters below them, from what was measured of whole hours."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from psycopg import Connection

from energy import balance
from energy.balance import Balance, Party
from energy.periods import Period
from energy.registers import HOUR, Floats, Ints
from energy.virtual import TOLERANCE_S
from storage.arrays import columns, micros
from storage.reports import Carrier
from storage.sql import sql


@dataclass(frozen=True)
class CarrierBalance:
    """One main meter's balance, with its carrier."""

    carrier: Carrier
    unit: str
    balance: Balance


class _Row(NamedTuple):
    """One meter of one main meter, as the statement `balance.parties` gives it."""

    main: str
    carrier: str
    name_zh: str
    name_en: str
    is_medium: bool
    unit: str
    category: str
    id: int
    code: str
    name: str
    role: str
    accuracy_class: str | None
    valid_from: datetime | None
    valid_to: datetime | None
    first_time: datetime | None


def balances(
    conn: Connection, enterprise_id: int, period: Period, zone: ZoneInfo, now: datetime
) -> list[CarrierBalance]:
    """Of every main meter that has meters of its own carrier below it, over the hours of the period that have passed.

    The period of a balance begins with the main meter. Drain what is stale before.
    """
    rows = [_Row(*row) for row in conn.execute(sql("balance.parties"), {"enterprise": enterprise_id})]
    since, until = period.since(zone), min(period.end(zone), now.replace(minute=0, second=0, microsecond=0))
    if not rows or since >= until:
        return []
    hours = [since + timedelta(hours=number) for number in range((until - since) // timedelta(hours=1))]
    measured = _measured(conn, {"meters": sorted({row.id for row in rows}), "hours": hours})
    groups = groupby(rows, lambda row: (row.carrier, row.main))
    return [_balance(list(some), measured, since, until) for _, some in groups]


def _measured(conn: Connection, asked: Mapping[str, Any]) -> dict[int, tuple[Ints, Floats]]:
    meter, hour, amount = columns(conn, sql("balance.hours"), {**asked, "tolerance_s": TOLERANCE_S})
    order = np.lexsort((hour, meter))
    meter, hour, amount = meter[order], hour[order].astype(np.int64), amount[order].astype(np.float64)
    parts = {one: slice(*np.searchsorted(meter, [one, one + 1]).tolist()) for one in asked["meters"]}
    return {one: (hour[part], amount[part]) for one, part in parts.items()}


def _balance(
    rows: Sequence[_Row], measured: Mapping[int, tuple[Ints, Floats]], since: datetime, until: datetime
) -> CarrierBalance:
    main = rows[0]
    begins = max(since, main.valid_from or main.first_time or since)
    first = -(-micros(begins) // HOUR) * HOUR
    count = max(0, (micros(min(until, main.valid_to or until)) - first) // HOUR)
    amounts = np.stack([_amounts(row, measured[row.id], first, count) for row in rows])
    found = balance.balance([_party(row, row is main) for row in rows], amounts, main.unit)
    return CarrierBalance(Carrier(main.carrier, main.name_zh, main.name_en, main.is_medium), main.unit, found)


def _party(row: _Row, is_main: bool) -> Party:
    sign = 1 if is_main else balance.sign(row.role)
    accuracy = balance.accuracy(row.accuracy_class, row.category)
    return Party(row.code, row.name, row.role, sign, row.accuracy_class, accuracy)


def _amounts(row: _Row, measured: tuple[Ints, Floats], first: int, count: int) -> Floats:
    """By hour from `first` on: NaN where it was not measured whole, 0 where the meter did not exist by its validity."""
    hours = first + np.arange(count) * HOUR
    amounts = np.full(count, np.nan)
    if row.valid_from:
        amounts[hours + HOUR <= micros(row.valid_from)] = 0.0
    if row.valid_to:
        amounts[hours >= micros(row.valid_to)] = 0.0
    hour, amount = measured
    inside = (hour >= first) & (hour < first + count * HOUR)
    amounts[(hour[inside] - first) // HOUR] = amount[inside]
    return amounts

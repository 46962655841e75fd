"""Our figure, the monthly return and the supplier's bill of one enterprise and month (domain rule 22); read-only."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from psycopg import Connection

from energy import comparison, returns
from energy.comparison import Compared, Ours
from energy.periods import Period
from storage import returns as storage_returns
from storage.quality_known import rules
from storage.returns import Returned
from storage.sql import sql
from storage.usage import UsageRow


@dataclass(frozen=True)
class Said:
    """One value of an item as it was returned; quantity None: withdrawn."""

    quantity: Decimal | None
    unit: str
    document: str | None
    author: str
    written: datetime


@dataclass(frozen=True)
class ReturnTold:
    """What was returned of one carrier and period, and what it comes to: amount = bought - exported, carrier unit.

    stands: `all`, or the parts that no meter tells; of the days in the month. said: by item, every value in its order.
    """

    carrier: str
    period: str
    unit: str
    made_by: str | None
    reason: str
    amount: float | None
    bought: float | None
    exported: float | None
    feedstock: float | None
    inside: float
    stands: tuple[str, ...]
    said: dict[str, list[Said]]


@dataclass(frozen=True)
class _Known:
    """Returns by carrier that touch a month, and what of the month they come to."""

    units: dict[str, str]
    returned: dict[str, list[Returned]]
    uses: dict[str, list[tuple[Any, ...]]]


def compared(
    conn: Connection, enterprise_id: int, month: Period, zone: ZoneInfo, figures: Sequence[UsageRow]
) -> list[Compared]:
    """One row for each carrier that was returned or billed. figures: the usage rows of that month."""
    known = _known(conn, enterprise_id, month)
    rows = {row.carrier: row for row in figures}
    bills = {carrier: [one.period for one in several if one.is_bill] for carrier, several in known.returned.items()}
    metered = storage_returns.bought_by_day(conn, enterprise_id, bills, zone)
    return [_one(known, carrier, month, rows.get(carrier), metered.get(carrier, {})) for carrier in known.returned]


def _known(conn: Connection, enterprise_id: int, month: Period) -> _Known:
    asked = {"enterprise": enterprise_id, "month": month.first}
    found = storage_returns.near(conn, enterprise_id, month)
    touching = {carrier: [one for one in some if _touches(one.period, month)] for carrier, some in found.items()}
    units: dict[str, str] = dict(conn.execute(sql("figures.units")).fetchall())
    returned = {carrier: some for carrier, some in touching.items() if some}
    uses: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for row in conn.execute(sql("returns.uses"), asked):
        uses[row[0]].append(row[1:])
    return _Known(units, returned, uses)


def _touches(period: Period, month: Period) -> bool:
    return period.first < month.until and month.first < period.until


def _one(known: _Known, carrier: str, month: Period, row: UsageRow | None, by_day: Mapping[date, float]) -> Compared:
    line, uses = rules()["lines"]["agreement"], known.uses.get(carrier, [])
    billed = [(one.period, float(one.items[returns.BILL])) for one in known.returned[carrier] if one.is_bill]
    bills = [comparison.bill(period, amount, month, by_day, line) for period, amount in billed]
    days = sum((min(one.until, month.until) - max(one.first, month.first)).days for one, _ in billed)
    ours, stated = _ours(row, uses), _stated(uses, month)
    return comparison.compare(carrier, known.units[carrier], ours, stated, bills, days == month.days, line)


def _ours(row: UsageRow | None, uses: Sequence[tuple[Any, ...]]) -> Ours:
    if row is None or row.amount is None:
        return Ours(None, None, False, False)
    standing = {use[3] for use in uses if use[7] == ["all"]}
    by = ("bill" if standing == {"bill"} else "return") if standing else "meters"
    parts = tuple(sorted({part for use in uses for part in use[7]} - {"all"}))
    return Ours(row.amount, by, row.low == row.high and "missing" not in row.flags, "begins" in row.flags, parts)


def _stated(uses: Sequence[tuple[Any, ...]], month: Period) -> tuple[float, str] | None:
    """The month's net use by returns, if they reach over all of it."""
    ours = [use for use in uses if use[3] != "bill"]
    if sum((use[1] - use[0]).days for use in ours) < month.days:
        return None
    return sum(use[4] - use[5] for use in ours), ours[0][3]


# What was returned --------------------------------------------------------------------------------


def returns_told(conn: Connection, enterprise_id: int, month: Period) -> list[ReturnTold]:
    """The returns that touch a month, with what they come to and every value they ever had."""
    known = _known(conn, enterprise_id, month)
    said = _said(conn, enterprise_id, month)
    return [
        _told(carrier, known.units[carrier], one, known.uses.get(carrier, []), said)
        for carrier, several in known.returned.items()
        for one in several
    ]


def _said(conn: Connection, enterprise_id: int, month: Period) -> dict[tuple[str, str, str], list[Said]]:
    asked = {"enterprise": enterprise_id, "since": month.first, "until": month.until}
    found: dict[tuple[str, str, str], list[Said]] = defaultdict(list)
    for carrier, period, item, *rest in conn.execute(sql("returns.history"), asked):
        found[carrier, period, item].append(Said(*rest))
    return found


def _told(
    carrier: str,
    unit: str,
    one: Returned,
    uses: Sequence[tuple[Any, ...]],
    said: Mapping[tuple[str, str, str], list[Said]],
) -> ReturnTold:
    made = returns.use(one.items)
    ours = [use for use in uses if use[2] == one.period.name and (use[3] == "bill") is one.is_bill]
    return ReturnTold(
        carrier,
        one.period.name,
        unit,
        made.by if made else None,
        made.reason if made else "these items do not say what was used",
        float(made.amount) if made else None,
        float(made.bought) if made else None,
        float(made.exported) if made else None,
        float(made.feedstock) if made else None,
        float(sum(use[4] - use[5] for use in ours)),
        tuple(sorted({part for use in ours for part in use[7]})),
        {item: said.get((carrier, one.period.name, item), []) for item in one.items},
    )

"""Our figure, the monthly return (form 205-1) and the supplier's bill side by side, with the difference and its reason.

Amounts are in the carrier's own unit; a difference is a share of what the other one states.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from energy.data_quality import agreement
from energy.periods import Period


@dataclass(frozen=True)
class Ours:
    """Our figure of a month. by: `meters`, `return`, `bill`, None where nothing is known. parts: what is taken from the
    return beside meters (`exported`, `feedstock`, `bought`)."""

    amount: float | None
    by: str | None
    is_complete: bool
    begins: bool
    parts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Bill:
    """One bill and what meters say was bought on exactly its days. inside: its part in the month.

    spread: `whole` (the bill is the month's), `profile` (placed as the meters rose, EC-32) or `days` (by equal days).
    """

    period: str
    billed: float
    metered: float | None
    difference: float | None
    agrees: bool | None
    inside: float
    spread: str


@dataclass(frozen=True)
class Compared:
    """One carrier in one month. ours is the net use, billed what was bought.

    reasons, in order: `no_figure`, `no_return`, `no_bill`, `return_stands`, `bill_stands`, `parts_returned`,
    `incomplete`, `begins`, `bill_days`, `beyond` (nothing of these explains it), `within`.
    """

    carrier: str
    unit: str
    ours: float | None
    by: str | None
    returned: float | None
    returned_by: str | None
    return_difference: float | None
    return_agrees: bool | None
    billed: float | None
    bills: tuple[Bill, ...]
    bill_difference: float | None
    bill_agrees: bool | None
    reasons: tuple[str, ...]


def bill(period: Period, billed: float, month: Period, by_day: Mapping[date, float], line: float) -> Bill:
    """A bill against what was metered on its days; a day without any metered amount leaves it unmetered."""
    days = [period.first + timedelta(days=at) for at in range(period.days)]
    known = all(day in by_day for day in days)
    metered = sum(by_day[day] for day in days) if known else None
    ours = [day for day in days if month.first <= day < month.until]
    told = agreement("", "billed", metered, billed, "", line)
    if len(ours) == len(days):
        inside, spread = billed, "whole"
    elif metered:
        inside, spread = billed * sum(by_day[day] for day in ours) / metered, "profile"
    else:
        inside, spread = billed * len(ours) / len(days), "days"
    return Bill(period.name, billed, metered, told.difference, told.agrees, inside, spread)


def compare(
    carrier: str,
    unit: str,
    ours: Ours,
    returned: tuple[float, str] | None,
    bills: Sequence[Bill],
    billed_whole: bool,
    line: float,
) -> Compared:
    """Side by side. returned: the return's net use of the whole month and what made it. billed_whole: bills reach over
    all of the month. line: the share from which figures disagree.
    """
    stated = agreement(carrier, "returned", ours.amount, returned[0], unit, line) if returned else None
    billed = sum(one.inside for one in bills) if bills and billed_whole else None
    metered = [one for one in bills if one.metered is not None]
    paid = agreement("", "", sum(one.metered or 0.0 for one in metered), sum(one.billed for one in metered), "", line)
    told = paid if metered else None
    others = ((stated, "return"), (told, "bill"))
    agrees = [one.agrees for one, source in others if one and ours.by != source]
    return Compared(
        carrier,
        unit,
        ours.amount,
        ours.by,
        returned[0] if returned else None,
        returned[1] if returned else None,
        stated.difference if stated else None,
        stated.agrees if stated else None,
        billed,
        tuple(bills),
        told.difference if told else None,
        told.agrees if told else None,
        tuple(_reasons(ours, returned is not None, bills, agrees)),
    )


def _reasons(ours: Ours, is_returned: bool, bills: Sequence[Bill], agrees: Sequence[bool | None]) -> Iterable[str]:
    facts = {
        "no_figure": ours.amount is None,
        "no_return": not is_returned,
        "no_bill": not bills,
        "return_stands": ours.by == "return",
        "bill_stands": ours.by == "bill",
        "parts_returned": bool(ours.parts),
        "incomplete": ours.amount is not None and not ours.is_complete,
        "begins": ours.begins,
        "bill_days": any(one.spread != "whole" for one in bills),
    }
    found = [name for name, holds in facts.items() if holds]
    explains = {"incomplete", "begins"} & set(found)
    if False in agrees and not explains:
        found.append("beyond")
    return [*found, "within"] if True in agrees and False not in agrees else found

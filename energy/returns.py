"""What a manual return (直报) says was used of a carrier, and how it is shared over days.

A return states quantities of one carrier over one period. What enters the enterprise's total is its net use: bought,
less sold, less the growth of stocks (GB/T 2589-2020 5.1; form 205-1). Items are disjoint: what went into conversion is
not in `used_production`, feedstock and transport neither. Quantities are exact decimals in the carrier's own unit.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import pairwise

from energy import periods
from energy.periods import Period

USED = ("used_production", "used_nonproduction", "used_transport", "used_feedstock")
STOCKS = ("opening_stock", "closing_stock")
ITEMS = (
    *(
        "opening_stock",
        "purchased",
        "sold",
        "used_production",
        "used_feedstock",
        "used_nonproduction",
        "used_transport",
    ),
    *("conversion_input", "conversion_output", "recovered", "closing_stock", "billed"),
)
BILL = "billed"
LONGEST_DAYS = 366

Items = Mapping[str, Decimal]
_NOUGHT = Decimal(0)


@dataclass(frozen=True)
class Use:
    """The parts of a carrier's use that a return states: amount = bought - exported; `feedstock` is a part of it.

    by: `used` (the items of use), `stocks` (purchases, sales and stocks) or `bill`. reason: how, in one sentence.
    """

    bought: Decimal
    exported: Decimal
    feedstock: Decimal
    by: str
    reason: str

    @property
    def amount(self) -> Decimal:
        return self.bought - self.exported


def use(items: Items) -> Use | None:
    """The use that these items come to; None where they do not say (one of the two stocks is missing, or all is).

    Stated use goes before purchases and stocks, which go before the bill; feedstock alone is a part of use and does not
    state it. Energy converted or recovered inside cancels (EC-45): what was made is taken off what was used of it, and
    what was made but neither used, sold nor stored was lost inside, so that it lowers nothing.
    """
    if any(name in items for name in (*USED, "conversion_input") if name != "used_feedstock"):
        return _by_use(items)
    if (amount := by_stocks(items)) is not None:
        return _of(items, amount, "stocks", _sentence_of_stocks(items))
    if "used_feedstock" in items:
        return _by_use(items)
    if BILL in items:
        return Use(items[BILL], _NOUGHT, _NOUGHT, "bill", "the supplier's bill, for nothing else is returned")
    return None


def _by_use(items: Items) -> Use:
    used = sum((_at(items, name) for name in (*USED, "conversion_input")), _NOUGHT)
    made = _at(items, "conversion_output") + _at(items, "recovered")
    stored = max(_NOUGHT, _at(items, "closing_stock") - _at(items, "opening_stock"))
    inside = f" less {made:f} made or recovered inside" if made else ""
    return _of(items, max(used - made, -_at(items, "sold") - stored), "used", f"used {used:f}{inside}")


def by_stocks(items: Items) -> Decimal | None:
    """opening + purchased - sold - closing (EC-47); None where one stock alone is stated, or none of the four.

    What is made or recovered inside does not enter: it was never bought.
    """
    stocks = [name in items for name in STOCKS]
    stated = all(stocks) or any(name in items for name in ("purchased", "sold", "conversion_output", "recovered"))
    if any(stocks) != all(stocks) or not stated:
        return None
    return _at(items, "opening_stock") + _at(items, "purchased") - _at(items, "sold") - _at(items, "closing_stock")


def _sentence_of_stocks(items: Items) -> str:
    named = ("opening_stock", "purchased"), ("sold", "closing_stock")
    plus, minus = ([f"{name} {items[name]:f}" for name in names if name in items] for names in named)
    return " - ".join([" + ".join(plus) or "0", *minus])


def _of(items: Items, amount: Decimal, by: str, reason: str) -> Use:
    sold = _at(items, "sold")
    return Use(amount + sold, sold, _at(items, "used_feedstock"), by, reason)


def _at(items: Items, name: str) -> Decimal:
    return items.get(name, _NOUGHT)


# What cannot be, and what is odd -------------------------------------------------------------------


def refusal(items: Items, carrier: str, period: str, unit: str) -> str | None:
    """Why these items must go back for correction (EC-47): more was sold or lies in stock than ever came; else None."""
    if not any(name in items for name in STOCKS):
        return None
    came = [(name, items[name]) for name in _CAME if name in items]
    went = [(name, items[name]) for name in _WENT if name in items]
    if "opening_stock" not in items or sum(value for _, value in came) >= sum(value for _, value in went):
        return None
    sums = [" + ".join(f"{name} {value:f}" for name, value in some) or "0" for some in (came, went)]
    return f"{carrier} of {period}: {sums[1]} {unit} is more than {sums[0]}; correct the return, a use is never below 0"


_CAME = ("opening_stock", "purchased", "conversion_output", "recovered")
_WENT = ("sold", "closing_stock")


@dataclass(frozen=True)
class Doubt:
    """Something odd about the returns of a carrier, told at the period that begins with `first`."""

    name: str
    carrier: str
    period: Period
    values: Mapping[str, float | str]


def doubts(carrier: str, returned: Iterable[tuple[Period, Items]], tolerance: float) -> Iterator[Doubt]:
    """What is odd about the returns of one carrier, in order of time.

    `return_incomplete`; `return_balance` where use and stocks differ by more than `tolerance`, a share: stated use
    stands; `return_stock` where the stock that closes one period is not the one that opens the next.
    """
    ordered = sorted(returned, key=lambda one: (one[0].first, one[0].until))
    for period, items in ordered:
        yield from _doubts_of(carrier, period, items, tolerance)
    for (before, earlier), (period, later) in pairwise(ordered):
        closing, opening = earlier.get("closing_stock"), later.get("opening_stock")
        if before.until == period.first and closing is not None and opening is not None and closing != opening:
            stocks = {"closing": float(closing), "opening": float(opening)}
            yield Doubt("return_stock", carrier, period, {"before": before.name, **stocks})


def _doubts_of(carrier: str, period: Period, items: Items, tolerance: float) -> Iterator[Doubt]:
    made, balance = use(items), by_stocks(items)
    if made is None:
        yield Doubt("return_incomplete", carrier, period, {"items": ", ".join(items)})
        return
    if made.by != "used" or balance is None or items.keys().isdisjoint(("purchased", *STOCKS)):
        return
    if abs(made.amount - balance) > Decimal(str(tolerance)) * max(abs(made.amount), abs(balance)):
        sums = {"used": float(made.amount), "stocks": float(balance), "line": tolerance}
        yield Doubt("return_balance", carrier, period, sums)


# Periods -------------------------------------------------------------------------------------------


def name_of(name: str) -> str:
    """The one name of a span of days, whichever way it was written. ValueError where it is none or too long."""
    period = periods.parse(name)
    if period.days > LONGEST_DAYS:
        raise ValueError(f"{name!r} is longer than {LONGEST_DAYS} days; return each year by itself")
    for one in (periods.month_of(period.first), periods.quarter_of(period.first), periods.year_of(period.first)):
        if (one.first, one.until) == (period.first, period.until):
            return one.name
    if period.days == 1:
        return period.first.isoformat()
    if period.first.day == period.until.day == 1:
        return "/".join((list(period.months())[at].name) for at in (0, -1))
    return f"{period.first.isoformat()}/{period.until.isoformat()}"


@dataclass(frozen=True)
class Share:
    """Days [first, until) of one calendar month with their share of a return, in the carrier's own unit."""

    month: date
    first: date
    until: date
    bought: float
    exported: float
    feedstock: float


def shares(period: Period, made: Use, taken: Iterable[Period] = ()) -> Iterator[Share]:
    """The period's use by calendar months, every day an equal part (EC-32); days that are `taken` are left out."""
    for first, until in _free(period, taken):
        days = Decimal((until - first).days) / period.days
        parts = (made.bought, made.exported, made.feedstock)
        yield Share(first.replace(day=1), first, until, *(float(part * days) for part in parts))


def _free(period: Period, taken: Iterable[Period]) -> Iterator[tuple[date, date]]:
    """The spans of the period that nothing has taken, cut at the months."""
    at = period.first
    for first, until in [*sorted((one.first, one.until) for one in taken), (period.until, period.until)]:
        if at < first:
            yield from _by_month(at, min(first, period.until))
        at = max(at, until)


def _by_month(first: date, until: date) -> Iterator[tuple[date, date]]:
    while first < until:
        cut = min(until, periods.next_month(first))
        yield first, cut
        first = cut


def overlap(several: Iterable[Period]) -> Iterator[tuple[Period, Period]]:
    """Neighbours in time that share a day: (earlier, later)."""
    ordered = sorted(several, key=lambda one: (one.first, one.until, one.name))
    reach: Period | None = None
    for period in ordered:
        if reach and period.first < reach.until:
            yield reach, period
        reach = period if reach is None or period.until > reach.until else reach

"""Measured heating values from monthly returns: the mean of what was fired, weighted by quantity (rule 18, EC-41).

入炉 goes before 入厂: a month in which nothing fired states a heating value takes that of what was received, and says
so. Heating values are net (lower), as received (收到基), in kJ for one of the carrier's own unit.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from energy import periods, units
from energy.carriers import Carrier

FIRED = ("used_production", "used_nonproduction", "used_transport", "conversion_input")
RECEIVED = ("purchased",)
LEAST_KJ, LARGEST_KJ = Decimal(500), Decimal(150_000)  # of one kg or m3 of any fuel: lean gas 3,000, hydrogen 120,000
_WAYS = (
    (FIRED, "measured", "what was fired"),
    (RECEIVED, "received", "what was received, for want of one of what was fired"),
)
_EXACT = Decimal("0.000001")


@dataclass(frozen=True)
class Sampled:
    """A line of a return that states a heating value. quantity in `unit`; lhv_kj as stated, see `own_unit`."""

    carrier: str
    period: str
    item: str
    quantity: Decimal
    unit: str
    lhv_kj: Decimal


@dataclass(frozen=True)
class Monthly:
    """The heating value of a carrier in the month that begins with `first`; method `measured` or `received`."""

    carrier: str
    first: date
    until: date
    kj_per_unit: Decimal
    method: str
    source: str


def own_unit(lhv_kj: Decimal, unit: str, carrier: Carrier) -> Decimal:
    """kJ for one of the carrier's own unit.

    Forms write kJ/kg or kJ/m3 even where quantities stand in t or 万m3. The two readings lie a factor of a thousand and
    more apart and only one is a fuel's, so the possible one is taken. ValueError where neither is.
    """
    stated = lhv_kj / units.convert(unit, carrier.unit, carrier=carrier.code)
    if carrier.unit not in ("kg", "m3"):
        return stated
    for kj in (stated, lhv_kj):
        if LEAST_KJ <= kj <= LARGEST_KJ:
            return kj
    raise ValueError(
        f"{lhv_kj:f} kJ is no heating value of {carrier.code}, neither for one {unit} nor for one {carrier.unit}; "
        f"write kJ for one {carrier.unit}, for instance 20934"
    )


def monthly(tested: Iterable[Sampled], carriers: Mapping[str, Carrier]) -> list[Monthly]:
    """One heating value for each carrier and month of which a return states any, in order.

    A return of several months speaks for each of them, with its share of the quantity by days.
    """
    lines: dict[tuple[str, date], list[tuple[Sampled, Decimal]]] = defaultdict(list)
    for one in sorted(tested, key=lambda one: (one.carrier, one.period, one.item)):
        whole = periods.parse(one.period)
        for month in whole.months():
            inside = min(whole.until, month.until) - max(whole.first, month.first)
            share = Decimal(inside.days) / (whole.until - whole.first).days
            lines[one.carrier, periods.month_of(month.first).first].append((one, share))
    found = [_month(carriers[carrier], first, some) for (carrier, first), some in sorted(lines.items())]
    return [one for one in found if one]


def _month(carrier: Carrier, first: date, lines: list[tuple[Sampled, Decimal]]) -> Monthly | None:
    for items, method, what in _WAYS:
        mean = _mean(carrier, [(one, share) for one, share in lines if one.item in items])
        if mean is not None:
            kj, used = mean
            source = f"monthly return {first:%Y-%m}: mean heating value of {what} ({used}), weighted by quantity"
            return Monthly(carrier.code, first, periods.month_of(first).until, kj, method, source)
    return None


def _mean(carrier: Carrier, lines: list[tuple[Sampled, Decimal]]) -> tuple[Decimal, str] | None:
    weighed = [
        (one.quantity * units.convert(one.unit, carrier.unit, carrier=carrier.code) * share, one)
        for one, share in lines
        if one.quantity
    ]
    if not weighed:
        return None
    heat = sum((weight * own_unit(one.lhv_kj, one.unit, carrier) for weight, one in weighed), Decimal(0))
    whole = sum((weight for weight, _ in weighed), Decimal(0))
    return (heat / whole).quantize(_EXACT), ", ".join(sorted({one.item for _, one in weighed}))

"""Which coefficient converts a carrier for whom, on which day.

The three coefficients of a carrier (kgce equivalent, kgce equal value, kgCO2) are chosen one by one, for a row of
factors may state only some of them. Enterprise goes before region, the nearer region before the farther, any region
before the nation; imported before shipped; then measured before statistics before default before carried forward; then
the later beginning.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from energy import gas, units
from energy.carriers import Carrier

KJ_PER_KGCE = Decimal("29307.6")  # GB/T 2589-2020 3.5: 1 kgce is 29307.6 kJ
_Stated = Callable[["Factor", Carrier], Decimal | None]
METHODS = ("measured", "received", "statistics", "default", "carried_forward")
_OWN_VALUES = ("measured", "received")  # of an enterprise; `received`: of what came in, for want of what was fired


@dataclass(frozen=True)
class Factor:
    """A row of the registry's `factors`, valid on days [valid_from, valid_to). Per `unit`; None is "not stated".

    scope: an enterprise's code, or "". region: a region's code, or "" for the nation. lhv_kj_per_unit: of steam its
    heat. kgco2_per_mj: emission for the energy of a measured heating value. gas_condition: of the m3 it is for, None
    is 20 °C.
    derived: made from monthly returns and parameters.
    """

    id: int
    carrier: str
    scope: str
    region: str
    unit: str
    kgce_per_unit: Decimal | None
    kgce_equal_per_unit: Decimal | None
    kgco2_per_unit: Decimal | None
    lhv_kj_per_unit: Decimal | None
    method: str
    confidence: str
    valid_from: date
    valid_to: date | None
    source: str
    shipped: bool
    kgco2_per_mj: Decimal | None = None
    gas_condition: str | None = None
    derived: bool = False

    @property
    def is_own_value(self) -> bool:
        """Whether an enterprise had this heating value, or what follows from it, measured."""
        stated = self.kgce_per_unit is not None or self.lhv_kj_per_unit is not None
        return bool(self.scope) and self.method in _OWN_VALUES and stated

    def holds_on(self, day: date) -> bool:
        return self.valid_from <= day and (self.valid_to is None or day < self.valid_to)


@dataclass(frozen=True)
class Coefficients:
    """Per the carrier's own unit, each with the id of the factor that states it. None: no factor in force.

    Of a medium (`is_medium`, 耗能工质) only kgce_equal is ever given, and it belongs to the GB/T 2589 total alone.
    is_stand_in: a default, or the value of receipts, stands where a measured value of what was fired is asked for
    (EC-41). is_steam: metered by mass; without a state of the steam nothing is given (EC-42).
    """

    kgce_equivalent: float | None = None
    kgce_equal: float | None = None
    kgco2: float | None = None
    factor_equivalent: int | None = None
    factor_equal_value: int | None = None
    factor_co2: int | None = None
    is_medium: bool = False
    is_stand_in: bool = False
    is_steam: bool = False


@dataclass(frozen=True)
class _Timeline:
    """Coefficients by the first day on which they hold."""

    starts: tuple[date, ...]
    coefficients: tuple[Coefficients, ...]

    def at(self, day: date) -> Coefficients:
        return self.coefficients[bisect_right(self.starts, day)]


class FactorBook:
    """All factors, made once and asked often. Frozen in what it answers; what it has answered it keeps.

    `parents` gives the region above a region, None at the top.
    """

    def __init__(
        self, factors: Iterable[Factor], carriers: Iterable[Carrier], parents: Mapping[str, str | None]
    ) -> None:
        self.carriers = {carrier.code: carrier for carrier in carriers}
        self.factors = {factor.id: factor for factor in factors}
        self._parents = parents
        self._places: dict[str, dict[tuple[str, str], list[Factor]]] = defaultdict(lambda: defaultdict(list))
        for factor in self.factors.values():
            place = (factor.scope, "") if factor.scope else ("", factor.region)
            self._places[factor.carrier][place].append(factor)
        self._relevant: dict[tuple[str, str], tuple[str, ...]] = {}
        self._timelines: dict[tuple[str, str, tuple[str, ...], bool], _Timeline] = {}

    def at(self, carrier: str, enterprise: str, region: str, day: date, *, as_printed: bool = False) -> Coefficients:
        """What converts the carrier for that enterprise in that region on that day. KeyError for an unknown carrier.

        as_printed: for m3 of a gas whose condition nobody states; the condition of the source's m3 is then no reason to
        convert either (EC-41).
        """
        own = enterprise if (enterprise, "") in self._places[carrier] else ""
        key = (carrier, own, self._regions(carrier, region), as_printed)
        timeline = self._timelines.get(key)
        if timeline is None:
            timeline = self._timelines[key] = self._timeline(*key)
        return timeline.at(day)

    def _regions(self, carrier: str, region: str) -> tuple[str, ...]:
        """The regions from there up to the nation for which the carrier has factors: all that matters of a region."""
        key = (carrier, region)
        if key not in self._relevant:
            places = self._places[carrier]
            self._relevant[key] = tuple(code for code in (*chain(region, self._parents), "") if ("", code) in places)
        return self._relevant[key]

    def _timeline(self, carrier: str, enterprise: str, regions: tuple[str, ...], as_printed: bool) -> _Timeline:
        ranked = self._ranked(carrier, enterprise, regions)
        if as_printed:
            ranked = [replace(factor, gas_condition=None) for factor in ranked]
        starts = sorted({day for factor in ranked for day in (factor.valid_from, factor.valid_to) if day})
        return _Timeline(tuple(starts), tuple(self._coefficients(carrier, ranked, day) for day in (date.min, *starts)))

    def _ranked(self, carrier: str, enterprise: str, regions: tuple[str, ...]) -> list[Factor]:
        places = [*([(enterprise, "")] if enterprise else []), *(("", region) for region in regions)]
        return [f for place in places for f in sorted(self._places[carrier][place], key=_preference)]

    def _coefficients(self, carrier: str, ranked: list[Factor], day: date) -> Coefficients:
        about = self.carriers[carrier]
        valid = [factor for factor in ranked if factor.holds_on(day)]
        nothing: tuple[None, None] = (None, None)
        equivalent = nothing if about.is_medium else _first(valid, about, _equivalent)
        equal, co2 = _first(valid, about, _equal_value), _emission(valid, about)
        stands_in = self._stands_in(about, ranked, equivalent[1])
        values, ids = (equivalent[0], equal[0], co2[0]), (equivalent[1], equal[1], co2[1])
        return Coefficients(*values, *ids, about.is_medium, stands_in, about.is_steam)

    def _stands_in(self, about: Carrier, ranked: list[Factor], chosen: int | None) -> bool:
        """Whether the chosen factor is not the measured one that is asked for: of this carrier, or by other days."""
        if chosen is None or not (about.needs_measurement or any(factor.is_own_value for factor in ranked)):
            return False
        factor = self.factors[chosen]
        return not (factor.is_own_value and factor.method == "measured")


def chain(region: str, parents: Mapping[str, str | None]) -> list[str]:
    """The region and those above it, nearest first. A loop in the registry ends it."""
    above: list[str] = []
    at: str | None = region
    while at and at not in above:
        above.append(at)
        at = parents.get(at)
    return above


def _preference(factor: Factor) -> tuple[bool, int, int, bool, str, int]:
    method, begins = METHODS.index(factor.method), -factor.valid_from.toordinal()
    return (factor.shipped, method, begins, factor.derived, factor.source, factor.id)


def _equivalent(factor: Factor, about: Carrier) -> Decimal | None:
    """As stated, else from the measured lower heating value (GB/T 2589-2020 6.2)."""
    if factor.kgce_per_unit is not None or factor.lhv_kj_per_unit is None:
        return factor.kgce_per_unit
    return factor.lhv_kj_per_unit / KJ_PER_KGCE


def _equal_value(factor: Factor, about: Carrier) -> Decimal | None:
    """As stated; of anything but power the equal value is the equivalent one (domain rule 1)."""
    if factor.kgce_equal_per_unit is not None or about.is_power:
        return factor.kgce_equal_per_unit
    return factor.kgce_per_unit if about.is_medium else _equivalent(factor, about)


def _co2(factor: Factor, about: Carrier) -> Decimal | None:
    return factor.kgco2_per_unit


def _emission(factors: list[Factor], about: Carrier) -> tuple[float | None, int | None]:
    """What the enterprise states; else its measured heating value x the emission for its energy; else what is stated.

    The sector accounting guides put heating value x carbon content x oxidation x 44/12, of which a measured heating
    value replaces the first; the factor named is the one that states the others.
    """
    own = _first([factor for factor in factors if factor.scope], about, _co2)
    heat = next((f for f in factors if f.scope and f.method in _OWN_VALUES and f.lhv_kj_per_unit is not None), None)
    per_mj = next((factor for factor in factors if factor.kgco2_per_mj is not None), None)
    if own[1] is not None or heat is None or per_mj is None:
        return own if own[1] is not None else _first(factors, about, _co2)
    assert heat.lhv_kj_per_unit is not None and per_mj.kgco2_per_mj is not None
    return float(heat.lhv_kj_per_unit / 1000 / _own_units(heat, about) * per_mj.kgco2_per_mj), per_mj.id


def _first(factors: list[Factor], about: Carrier, stated: _Stated) -> tuple[float | None, int | None]:
    """The first factor that states the coefficient, per the carrier's own unit."""
    for factor in factors:
        value = stated(factor, about)
        if value is not None:
            return float(value / _own_units(factor, about)), factor.id
    return None, None


def _own_units(factor: Factor, about: Carrier) -> Decimal:
    """How many of the carrier's own unit the factor's unit is; m3 of a gas at the platform's condition (EC-41)."""
    count = units.convert(factor.unit, about.unit, carrier=about.code)
    return count * (gas.reference_volume(factor.gas_condition) or 1) if factor.gas_condition else count

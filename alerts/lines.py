"""A product line over a window of months: its energy by what an indicator sums up, its output, their ratio."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise

from alerts.sites import LATE_OUTPUT, Site, World, window
from energy import periods, units
from energy.bounds import NOTHING, Bounds, known, of
from energy.levels import Line, Plant, Record
from energy.periods import Period, month_of
from energy.product_energy import Input, ProcessMeter, UnitEnergy, line_energy, process_meters, unit_energy
from storage.judgement import Meter, Output, Product

_ENERGY_UNITS = {"kgce": 1.0, "gce": 1000.0, "tce": 0.001}
_FUELS = frozenset({"coal", "coke", "gas", "oil", "renewable"})
_CEMENT, _CLINKER = "通用硅酸盐水泥", "熟料"


@dataclass(frozen=True)
class Cannot:
    """The code of why something cannot be judged, and what it is about."""

    why: str
    about: str = ""


@dataclass(frozen=True)
class Measure:
    """energy: kwh of electricity, fuel in kgce, or all in kgce; scale: to the indicator's unit; per: unit of output."""

    energy: str
    scale: float
    per: str


def measure_of(unit: str, indicator: str) -> Measure | None:
    """From an indicator's unit such as kgce/t, kWh/t, gce/kWh; None for units that are not energy per output."""
    numerator, _, per = unit.partition("/")
    if numerator == "kWh" and per:
        return Measure("kwh", 1.0, per)
    scale = _ENERGY_UNITS.get(numerator)
    if scale is None or not per:
        return None
    return Measure("fuel" if "煤耗" in indicator else "all", scale, per)


@dataclass(frozen=True)
class Made:
    """Output of a product in a window: its quantity, and the months that it is known for."""

    quantity: float | None
    months: frozenset[date]


def made(outputs: Sequence[Output], months: Sequence[Period], per: str, kind: str = "qualified") -> Made | None:
    """Output of these months; of reports that overlap the shorter count. None if a unit does not convert."""
    inside = frozenset(month.first for month in months)
    quantity, covered = 0.0, frozenset[date]()
    for span, output in sorted(_spans(outputs, kind), key=lambda each: (len(each[0]), min(each[0]))):
        if span <= inside and not span & covered:
            scale = _output_scale(output.unit, per)
            if scale is None:
                return None
            quantity, covered = quantity + output.quantity * scale, covered | span
    return Made(quantity if covered else None, covered)


def _spans(outputs: Sequence[Output], kind: str) -> Iterator[tuple[frozenset[date], Output]]:
    """Months, and what was made in them. Reports of days count once they fill a month between them."""
    of_days: dict[tuple[date, str], list[tuple[Period, Output]]] = {}
    for output in outputs:
        period = periods.parse(output.period)
        if output.kind == kind and period.first.day == period.until.day == 1:
            yield frozenset(month.first for month in period.months()), output
        elif output.kind == kind:
            of_days.setdefault((period.first.replace(day=1), output.unit), []).append((period, output))
    for (first, _), several in of_days.items():
        if _fill(month_of(first), [period for period, _ in several]):
            yield frozenset({first}), replace(several[0][1], quantity=sum(output.quantity for _, output in several))


def _fill(month: Period, parts: Sequence[Period]) -> bool:
    """Whether the parts are the month, none of its days twice."""
    ends = sorted((part.first, part.until) for part in parts)
    joined = all(before[1] == after[0] for before, after in pairwise(ends))
    return joined and (ends[0][0], ends[-1][1]) == (month.first, month.until)


def _output_scale(unit: str, per: str) -> float | None:
    if unit == per:
        return 1.0
    if unit.removeprefix("万").removeprefix("10^4 ") == per:
        return 10_000.0
    try:
        return float(units.convert(unit, per))
    except (ValueError, KeyError):
        return None


@dataclass(frozen=True)
class ProductLine:
    """One product of one site."""

    site: Site
    product: Product
    world: World

    def last_output(self) -> Period | None:
        """The last month that is over and whose output is known; None if that is too long ago."""
        last = self.world.last_month
        known_months = {
            day for span, _ in _spans(self._outputs(self.product), "qualified") for day in span if day <= last.first
        }
        oldest = window(last, LATE_OUTPUT + 1)[0].first
        return month_of(max(known_months)) if known_months and max(known_months) >= oldest else None

    def records(self) -> list[Record]:
        """The efficiency levels that the registry names for it."""
        named = (name.strip() for name in self.product.levels.split(";"))
        return [self.world.records[name] for name in named if name in self.world.records]

    def plant(self, end: Period) -> Plant:
        """Parameters of the enterprise, of the product, and of the period, the nearer before the farther."""
        stated: dict[str, float] = {}
        for owner in ("", self.product.product):
            given = self.site.parameters.get(owner, ())
            stated |= {name: value for period, name, value in given if not period}
            stated |= {name: value for period, name, value in given if period and _holds(period, end)}
        return Plant(stated, self.site.enterprise.altitude_m)

    def value(self, line: Line, months: Sequence[Period], plant: Plant) -> UnitEnergy | Cannot:
        """The indicator that a line limits, over these months."""
        measure = measure_of(line.unit, line.indicator)
        if measure is None:
            return Cannot("unit_unknown", line.unit)
        inputs: list[Input] | Cannot = []
        record = self.world.records.get(line.record_id)
        if record and measure.energy == "all" and record.condition == _CEMENT:
            inputs = self._clinker(measure, months, plant)
        return inputs if isinstance(inputs, Cannot) else self._ratio(measure, months, inputs)

    def _ratio(self, measure: Measure, months: Sequence[Period], inputs: Sequence[Input] = ()) -> UnitEnergy | Cannot:
        """Energy over output of the months whose output is known, and how many of them are full."""
        output = made(self._outputs(self.product), months, measure.per)
        if output is None:
            return Cannot("unit_mismatch", measure.per)
        whole, full = NOTHING, 0
        for month in months:
            if month.first in output.months:
                spent = self._spent(measure, month)
                if isinstance(spent, Cannot):
                    return spent
                whole, full = whole.plus(spent[0]), full + spent[1]
        return unit_energy(whole, output.quantity, full, inputs)

    def _outputs(self, product: Product) -> Sequence[Output]:
        return self.site.outputs.get(product.product, ())

    def _clinker(self, measure: Measure, months: Sequence[Period], plant: Plant) -> list[Input] | Cannot:
        """Cement contains the energy of its clinker (GB 16780-2021): the own kiln's, or as stated for a bought one."""
        ratio, bought = plant.parameters.get("clinker_ratio_pct"), plant.parameters.get("clinker_kgce_per_t")
        cement = made(self._outputs(self.product), months, "t")
        if ratio is None:
            return Cannot("parameter_missing", "clinker_ratio_pct")
        if cement is None or cement.quantity is None:
            return []  # the output is missed where it is divided by
        used = cement.quantity * ratio / 100
        kiln = next((line for line in self._others() if line._makes_clinker()), None)
        if kiln is None:
            return Cannot("parameter_missing", "clinker_kgce_per_t") if bought is None else [Input(used, known(bought))]
        own = kiln._ratio(measure, months)
        if isinstance(own, Cannot):
            return own
        if own.value is None:
            return Cannot(own.cannot or "output_missing")
        inside = made(self._outputs(kiln.product), months, "t", "used_inside")
        return [Input(used if inside is None or inside.quantity is None else inside.quantity, own.value)]

    def _others(self) -> Iterator["ProductLine"]:
        for product in self.site.products:
            if product is not self.product:
                yield ProductLine(self.site, product, self.world)

    def _makes_clinker(self) -> bool:
        return any(_CLINKER in record.product for record in self.records())

    def _spent(self, measure: Measure, month: Period) -> tuple[Bounds, bool] | Cannot:
        """Energy of the line in a month, and whether its metering covers the month."""
        if self.product.energy_rule == "process_meters":
            return self._by_meters(measure, month)
        kgce, kwh = self.world.wholes.get((self.site.enterprise.id, month.first), (None, None))
        value = kwh if measure.energy == "kwh" else kgce
        whole = None if value is None else known(value)
        found = line_energy(self.product.energy_rule, None, whole, self.product.share, len(self.site.products))
        return Cannot(found) if isinstance(found, str) else (found.times(measure.scale), True)

    def _by_meters(self, measure: Measure, month: Period) -> tuple[Bounds, bool] | Cannot:
        signs = self._signs()
        if measure.energy == "fuel" and any(m.category == "heat" and signs.get(m.id) == -1 for m in self.site.meters):
            return Cannot("heat_not_apportioned")
        ours = [meter for meter in self.site.meters if meter.id in signs and _enters(meter, signs[meter.id], measure)]
        whole = NOTHING
        for meter in ours:
            energy = self._energy(meter, measure, month)
            if isinstance(energy, Cannot):
                return energy
            whole = whole.plus(energy) if signs[meter.id] > 0 else whole.minus(energy)
        full = all(self.world.covers(meter, month) for meter in ours)
        return (whole, full) if ours else Cannot("no_process_meter")

    def _energy(self, meter: Meter, measure: Measure, month: Period) -> Bounds | Cannot:
        """A meter's month in the indicator's unit, with the equivalent factor in force when the month began."""
        place = self.site.enterprise
        chosen = self.world.factors.at(meter.carrier, place.code, place.region, month.first)
        coefficient = 1.0 if measure.energy == "kwh" else chosen.kgce_equivalent
        if coefficient is None:
            return Cannot("factor_missing", meter.carrier)
        found = self.world.months.get((meter.id, month.first))
        return (found.bounds if found else of(None, None, None)).times(coefficient * measure.scale)

    def _signs(self) -> dict[int, int]:
        meters = [ProcessMeter(m.id, m.code, m.role, m.process, m.product, m.parent) for m in self.site.meters]
        return process_meters(meters, self.product.product, self.product.process)


def _enters(meter: Meter, sign: int, measure: Measure) -> bool:
    """Media are in no unit energy here: those made inside cancel, and bought ones need the standard's own rule."""
    if meter.is_medium:
        return False
    if measure.energy == "kwh":
        return meter.carrier == "electricity"
    return measure.energy == "all" or (meter.category in _FUELS and sign > 0)


def _holds(period: str, end: Period) -> bool:
    span = periods.parse(period)
    return span.first <= end.first and end.until <= span.until

"""Limits and benchmarks of products: separate lines, each from its own document, in force from its own day.

Limit, access and advanced value come from the energy quota standard in force, baseline and benchmark from the
notice. They are no ordered scale: a plant can meet the baseline and break the law, and some values are negative (domain
rule 10). The standard's corrections are applied before comparing (domain rule 11).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from energy.quotas import fails


class Kind(StrEnum):
    """Which line of a document: 限定值, 准入值, 先进值 of a standard; 基准水平, 标杆水平 of the notice."""

    LIMIT = "limit"
    ACCESS = "access"
    ADVANCED = "advanced"
    BASELINE = "baseline"
    BENCHMARK = "benchmark"


@dataclass(frozen=True)
class Record:
    """A row of `efficiency_level`; None = not stated. Values by kind of line."""

    record_id: str
    standard_no: str
    effective: date | None
    replaces: str
    product: str
    condition: str
    indicator: str
    unit: str
    better: str
    values: Mapping[Kind, float]
    deadline: date | None
    correction_note: str
    confidence: str


@dataclass(frozen=True)
class Line:
    """One line in force, corrected for the plant. `applied` and `unstated` name parameters for the reader."""

    kind: Kind
    value: float
    unit: str
    better: str
    document: str
    enforced: bool  # rows that were only recalled are shown and never enforced
    effective: date | None = None
    deadline: date | None = None
    applied: tuple[str, ...] = ()
    cannot: str | None = None  # code of why this line cannot be compared
    missing: str = ""  # the parameter that is missing
    record_id: str = ""
    indicator: str = ""


def lines(
    records: Iterable[Record], editions: Sequence[Record], on: date, plant: "Plant"
) -> tuple[tuple[Line, ...], str | None]:
    """The lines in force on a day, and if there are none the code of why.

    `editions` are all records known, of which a newer one may replace one of these.
    """
    chosen = list(records)
    in_force = [record for record in chosen if _in_force(record, editions, on)]
    if not in_force:
        return (), "edition_not_loaded" if chosen else "no_level_named"
    return tuple(
        _line(record, kind, value, plant) for record in in_force for kind, value in record.values.items()
    ), None


def _in_force(record: Record, editions: Sequence[Record], on: date) -> bool:
    if record.effective is not None and on < record.effective:
        return False
    return not any(_replaces(newer, record) and newer.effective <= on for newer in editions if newer.effective)


def _replaces(newer: Record, older: Record) -> bool:
    return older.standard_no in {name.strip() for name in newer.replaces.split(";")}


@dataclass(frozen=True)
class Plant:
    """What a standard's corrections ask of a plant: parameters by name, and the altitude where it is stated."""

    parameters: Mapping[str, float]
    altitude_m: float | None = None


def _line(record: Record, kind: Kind, value: float, plant: Plant) -> Line:
    plain = Line(
        kind, value, record.unit, record.better, record.standard_no, record.confidence == "sourced", record.effective,
        record.deadline, record_id=record.record_id, indicator=record.indicator,
    )  # fmt: skip
    for correction in _CORRECTIONS:
        if correction.concerns(record, kind):
            plain = _corrected(plain, correction, plant)
    return _stated_correction(plain, record, plant)


@dataclass(frozen=True)
class Correction:
    """A standard's correction of a line. `needed`: without its parameter nothing can be said; else it is an allowance
    that a plant may claim by stating the parameter."""

    standard: str
    product: str
    parameter: str
    apply: Callable[[float, Kind, float], float]
    needed: bool = False
    limit_only: bool = False
    above_m: float | None = None  # concerns plants above this altitude

    def concerns(self, record: Record, kind: Kind) -> bool:
        if self.limit_only and kind is not Kind.LIMIT:
            return False
        name = record.product + record.condition
        return record.standard_no.startswith(self.standard) and self.product in name and record.unit == "kgce/t"


def _corrected(line: Line, correction: Correction, plant: Plant) -> Line:
    if correction.above_m is not None and (plant.altitude_m is None or plant.altitude_m <= correction.above_m):
        return line
    stated = plant.parameters.get(correction.parameter)
    if stated is None:
        if not correction.needed:
            return line
        return replace(line, cannot=line.cannot or "parameter_missing", missing=line.missing or correction.parameter)
    value = correction.apply(line.value, line.kind, stated)
    return replace(line, value=value, applied=(*line.applied, correction.parameter))


def _stated_correction(line: Line, record: Record, plant: Plant) -> Line:
    """`limit_add` and `limit_factor` state the whole of a correction that the platform does not know by formula.

    GB 21340-2019: the limit of flat glass is always multiplied by factors of fuel, furnace age, colour and output.
    """
    factor, add = plant.parameters.get("limit_factor"), plant.parameters.get("limit_add")
    flat_glass = record.standard_no.startswith("GB 21340") and record.product == "平板玻璃"
    if flat_glass and line.kind is Kind.LIMIT and factor is None:
        return replace(line, cannot="parameter_missing", missing="limit_factor")
    names = tuple(name for name in ("limit_factor", "limit_add") if name in plant.parameters)
    if not names or not record.correction_note:
        return line
    value = line.value * (1.0 if factor is None else factor) + (add or 0.0)
    return replace(line, value=value, applied=(*line.applied, *names))


_CLINKER_SHIFT = {Kind.ADVANCED: 1.10, Kind.ACCESS: 1.15, Kind.LIMIT: 1.20}
_SEA_LEVEL_PA = 101_325


def _per_point(amount: float, above: float = 0.0) -> Callable[[float, Kind, float], float]:
    return lambda value, kind, stated: value + amount * max(0.0, stated - above)


def _clinker_ratio(value: float, kind: Kind, pct: float) -> float:
    """GB 16780-2021: kgce/t per 1 % of clinker ratio away from 75 %."""
    return value + _CLINKER_SHIFT.get(kind, 0.0) * (pct - 75)


def _thin_air(value: float, kind: Kind, pressure_pa: float) -> float:
    """GB 16780-2021: level 3 above 1500 m."""
    return value * (1.179 - 0.211 * pressure_pa / _SEA_LEVEL_PA)


def _poor_ore(value: float, kind: Kind, grade_pct: float) -> float:
    """GB 21256-2025: +3.61 kgce/t per point of ore grade below 62 %, five points at most."""
    return value + 3.61 * min(5.0, max(0.0, 62 - grade_pct))


_CORRECTIONS = (
    Correction("GB 16780", "通用硅酸盐水泥", "clinker_ratio_pct", _clinker_ratio, needed=True),
    Correction("GB 16780", "水泥", "pressure_pa", _thin_air, needed=True, limit_only=True, above_m=1500),
    Correction("GB 21256", "高炉", "ore_grade_pct", _poor_ore),
    Correction("GB 21256", "高炉", "rare_earth_ore_pct", _per_point(0.3)),
    Correction("GB 21256", "高炉", "vanadium_titanium_ore_pct", _per_point(0.45)),
    Correction("GB 21256", "高炉", "laterite_nickel_ore_pct", _per_point(0.5)),
    Correction("GB 21256", "转炉", "scrap_pct", _per_point(0.23)),
    Correction("GB 21256", "电弧炉", "hot_metal_pct", _per_point(-0.8), needed=True),
)


class Outcome(StrEnum):
    """How a value stands to one line."""

    MET = "met"
    NOT_MET = "not_met"
    NOT_ASSESSABLE = "not_assessable"


@dataclass(frozen=True)
class Comparison:
    """A value against one line. margin: how far inside (above zero) or outside the line, in its unit."""

    line: Line
    outcome: Outcome
    margin: float | None


def direction(line: Line) -> str:
    """As `energy.quotas.fails` takes it."""
    return "at_least" if line.better == "higher" else "at_most"


def compare(value: float | None, line: Line) -> Comparison:
    """`better` is lower or higher; equality meets the line."""
    if value is None or line.cannot:
        return Comparison(line, Outcome.NOT_ASSESSABLE, None)
    missed = fails(direction(line), value, line.value)
    margin = value - line.value if line.better == "higher" else line.value - value
    return Comparison(line, Outcome.NOT_MET if missed else Outcome.MET, margin)


def benchmark_share(plants: Sequence[tuple[float | None, bool]]) -> float | None:
    """Share at benchmark level by capacity, from (capacity, at benchmark); None if a capacity is unknown (rule 13)."""
    capacities = [capacity for capacity, _ in plants]
    if not plants or any(capacity is None for capacity in capacities):
        return None
    total = sum(capacity for capacity in capacities if capacity is not None)
    return sum(capacity for capacity, at in plants if capacity is not None and at) / total if total > 0 else None


def weighted_limit(products: Sequence[tuple[float, float]]) -> float | None:
    """The limit of several products together: output-weighted mean of their own limits (output, limit), EC-54."""
    output = sum(quantity for quantity, _ in products)
    return sum(quantity * limit for quantity, limit in products) / output if output > 0 else None

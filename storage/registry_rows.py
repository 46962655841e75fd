"""What must hold for a whole row of a registry file, beside what the registry knows already."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from zoneinfo import ZoneInfo

from energy import formulas, units
from energy.carriers import Carrier
from storage.registry_cells import Row, Value, positive

_CARRIERS = "a code of config/reference/carriers.csv, for instance electricity or raw_coal"
_REGIONS = "a region's code, or import the region first"
_LONGEST_CORRECTION = timedelta(days=366)  # its hours are computed whole
_ENTERPRISES = "an enterprise's code, or import the enterprise first"


@dataclass(frozen=True)
class Wrong:
    """A cell that cannot stand as it is, and what would be right."""

    column: str
    value: Value
    message: str


@dataclass
class Facts:
    """What the registry knows already, against which rows are checked."""

    enterprises: dict[str, int]
    regions: set[str]
    carriers: Mapping[str, Carrier]
    levels: frozenset[str]
    meters: Mapping[tuple[Value, Value], "MeterFact"] = field(default_factory=dict)
    sealed: frozenset[tuple[Value, ...]] = frozenset()  # keys of rows that figures rest on and nobody may change

    @cached_property
    def codes_of(self) -> dict[Value, set[str]]:
        """Meter codes by enterprise, of the enterprises whose meters were looked up."""
        found: dict[Value, set[str]] = {}
        for enterprise, code in self.meters:
            found.setdefault(enterprise, set()).add(str(code))
        return found


@dataclass(frozen=True)
class MeterFact:
    """What rows that name a meter are checked against."""

    id: int
    carrier: str
    kind: str
    density_kg_per_l: Decimal | None


def nothing(row: Row, facts: Facts) -> Iterator[Wrong]:
    yield from ()


def region_row(row: Row, facts: Facts) -> Iterator[Wrong]:
    yield from _known(row, "parent", facts.regions, _REGIONS)
    if row["parent"] == row["code"]:
        yield Wrong("parent", row["parent"], f"region {row['code']} cannot lie in itself; name the region above it")


def enterprise_row(row: Row, facts: Facts) -> Iterator[Wrong]:
    yield from _known(row, "region", facts.regions, _REGIONS)
    yield from _known(row, "supervised_by", facts.regions, _REGIONS)


def meter_row(row: Row, facts: Facts) -> Iterator[Wrong]:
    yield from _known(row, "carrier", facts.carriers, _CARRIERS)
    carrier = facts.carriers.get(str(row["carrier"]))
    if carrier and not carrier.is_metered:
        message = (
            f"{row['carrier']!r} only names a coefficient or a sum and cannot be metered; write electricity, or another"
        )
        yield Wrong("carrier", row["carrier"], message)
    elif carrier:
        yield from _convertible(row, carrier)
    if row["parent"] == row["code"]:
        yield Wrong("parent", row["parent"], f"meter {row['code']} cannot be its own parent; name the meter above it")
    yield from _in_order(row, "valid_from", "valid_to")
    yield from _in_order(row, "calibrated_on", "calibrated_until")


def meter_scale(row: Row, facts: Facts) -> Row:
    """The carrier's units for one register unit, and the largest plausible rate in them.

    A maximal rate is stated in `unit`, that is after the multiplier; the rated power stands in where none is stated.
    """
    unit, multiplier = str(row["unit"]), _decimal(row["multiplier"])
    carrier = facts.carriers[str(row["carrier"])]
    per_unit = _converter(row)(unit, carrier.unit, _decimal_or_none(row["density_kg_per_l"]))
    rate = None
    if row["max_rate_per_hour"] is not None:
        rate = float(_decimal(row["max_rate_per_hour"]) * per_unit)
    elif row["rated_power_kw"] is not None and carrier.unit in ("kWh", "MJ"):
        rate = units.scale(_decimal(row["rated_power_kw"]), "kWh", carrier.unit)
    return {"scale": float(multiplier * per_unit), "max_rate": rate}


def event_row(row: Row, facts: Facts) -> Iterator[Wrong]:
    value, event = row["value"], row["event"]
    try:
        if event in ("multiplier", "unit") and value is None:
            yield Wrong("value", value, f"a {event} event needs the new {event} in column value")
        elif event == "multiplier":
            positive(str(value), ZoneInfo("UTC"))
        elif event == "unit" and (meter := facts.meters.get((row["enterprise_id"], row["meter"]))):
            convert = units.convert_rate if meter.kind == "power" else units.convert
            convert(str(value), facts.carriers[meter.carrier].unit, meter.density_kg_per_l, meter.carrier)
    except ValueError as error:
        yield Wrong("value", value, str(error))


def virtual_row(row: Row, facts: Facts) -> Iterator[Wrong]:
    yield from _known(row, "carrier", facts.carriers, _CARRIERS)
    yield from _unit_of_carrier(row, facts)
    try:
        formulas.tokens(str(row["formula"]), facts.codes_of.get(row["enterprise_id"], set()))
    except ValueError as error:
        yield Wrong("formula", row["formula"], str(error))


def product_row(row: Row, facts: Facts) -> Iterator[Wrong]:
    for record in str(row["levels"] or "").split(";"):
        if record and record not in facts.levels:
            message = (
                f"{record!r} is no record of the efficiency levels; write ids of config/reference/efficiency_levels.csv"
            )
            yield Wrong("levels", row["levels"], message)
    if row["energy_rule"] == "allocated" and row["share"] is None:
        yield Wrong("share", None, "energy_rule allocated needs the share, a number from 0 to 1")
    elif row["share"] is not None and not 0 <= _decimal(row["share"]) <= 1:
        yield Wrong("share", row["share"], "a share is a number from 0 to 1; write for instance 0.4")


def return_row(row: Row, facts: Facts) -> Iterator[Wrong]:
    yield from _known(row, "carrier", facts.carriers, _CARRIERS)
    yield from _unit_of_carrier(row, facts)


def correction_row(row: Row, facts: Facts) -> Iterator[Wrong]:
    yield from _in_order(row, "from", "to")
    since, until = row["from"], row["to"]
    if isinstance(since, datetime) and isinstance(until, datetime) and until - since > _LONGEST_CORRECTION:
        yield Wrong("to", until, "a correction spans at most 366 days; write one for each year")


def scoped_row(row: Row, facts: Facts) -> Iterator[Wrong]:
    if row["scope"] == "enterprise":
        yield from _known(row, "code", facts.enterprises, _ENTERPRISES)
    else:
        yield from _known(row, "code", facts.regions, _REGIONS)


def factor_row(row: Row, facts: Facts) -> Iterator[Wrong]:
    yield from _known(row, "carrier", facts.carriers, _CARRIERS)
    yield from _unit_of_carrier(row, facts)
    yield from _known(row, "scope", facts.enterprises, f"nothing or {_ENTERPRISES}")
    yield from _known(row, "region", facts.regions, f"nothing or {_REGIONS}")
    yield from _in_order(row, "valid_from", "valid_to")
    stated = ("kgce_per_unit", "kgce_equal_per_unit", "kgco2_per_unit", "lhv_kj_per_unit")
    if all(row[name] is None for name in stated):
        yield Wrong(stated[0], None, f"a factor states at least one of {', '.join(stated)}")


def _known(row: Row, column: str, among: set[str] | Mapping[str, object], right: str) -> Iterator[Wrong]:
    if row[column] and row[column] not in among:
        yield Wrong(column, row[column], f"{row[column]!r} is not registered; write {right}")


def _in_order(row: Row, first: str, then: str) -> Iterator[Wrong]:
    since, until = row[first], row[then]
    if isinstance(since, date) and isinstance(until, date) and since >= until:
        yield Wrong(then, until, f"{then} is not after {first}; ends are exclusive, write a later one")


def _converter(row: Row) -> Callable[..., Decimal]:
    return units.convert_rate if row["kind"] == "power" else units.convert


def _convertible(row: Row, carrier: Carrier) -> Iterator[Wrong]:
    try:
        _converter(row)(str(row["unit"]), carrier.unit, _decimal_or_none(row["density_kg_per_l"]), carrier.code)
    except ValueError as error:
        yield Wrong("unit", row["unit"], str(error))


def _unit_of_carrier(row: Row, facts: Facts) -> Iterator[Wrong]:
    carrier = facts.carriers.get(str(row["carrier"]))
    try:
        if carrier:
            units.convert(str(row["unit"]), carrier.unit, carrier=carrier.code)
    except ValueError as error:
        yield Wrong("unit", row["unit"], str(error))


def _decimal(value: Value) -> Decimal:
    assert isinstance(value, Decimal)
    return value


def _decimal_or_none(value: Value) -> Decimal | None:
    return None if value is None else _decimal(value)

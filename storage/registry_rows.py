"""What must hold for a whole row of a registry file, beside what the registry knows already."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from energy import gas, heating_values, steam, units
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


@dataclass(frozen=True)
class MeterFact:
    """What rows that name a meter are checked against."""

    id: int
    carrier: str
    kind: str
    density_kg_per_l: Decimal | None
    via_unit: str


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
        yield from _conditions(row, carrier) if _has_state(row) else _convertible(row, carrier)
        yield from _direction(row)
    if row["parent"] == row["code"]:
        yield Wrong("parent", row["parent"], f"meter {row['code']} cannot be its own parent; name the meter above it")
    yield from _in_order(row, "valid_from", "valid_to")
    yield from _in_order(row, "calibrated_on", "calibrated_until")


def meter_scale(row: Row, facts: Facts) -> Row:
    """The carrier's units for one register unit, the way to them, and the largest plausible rate in them.

    A maximal rate is stated in `unit`, that is after the multiplier; the rated power stands in where none is stated.
    per_via None: a gas at an unknown condition, whose scale then is that of its m3 as they are.
    """
    multiplier, carrier = _decimal(row["multiplier"]), facts.carriers[str(row["carrier"])]
    via, per_via = _way(row, carrier)
    density = _decimal_or_none(row["density_kg_per_l"])
    per_unit = _converter(row)(str(row["unit"]), via, density, carrier.code) * (per_via or 1)
    rate = None
    if row["max_rate_per_hour"] is not None:
        rate = float(_decimal(row["max_rate_per_hour"]) * per_unit)
    elif row["rated_power_kw"] is not None and carrier.unit in ("kWh", "MJ"):
        rate = units.scale(_decimal(row["rated_power_kw"]), "kWh", carrier.unit)
    return {
        "scale": float(multiplier * per_unit),
        "max_rate": rate,
        "via_unit": None if via == carrier.unit else via,
        "per_via": None if per_via is None else float(per_via),
    }


def _way(row: Row, carrier: Carrier) -> tuple[str, Decimal | None]:
    """The unit that metered ones are converted to first, and how many of the carrier's own one of it is."""
    if carrier.unit == "m3":
        stated = [_decimal_or_none(row[name]) for name in ("gas_pressure_kpa", "gas_temperature_c")]
        return "m3", gas.reference_volume(_text(row["gas_condition"]), *stated)
    if _has_steam(row):
        return "kg", steam.heat(steam.state(row)).kj_per_kg / 1000  # the carrier counts MJ
    return carrier.unit, Decimal(1)


def _has_steam(row: Row) -> bool:
    return steam.state(row).is_stated


def _has_state(row: Row) -> bool:
    return _has_steam(row) or row["gas_pressure_kpa"] is not None or row["gas_temperature_c"] is not None


def _conditions(row: Row, carrier: Carrier) -> Iterator[Wrong]:
    """Of a meter that states pressures and temperatures: they fit its carrier and its unit, and suffice."""
    if not _has_steam(row):
        yield from _convertible(row, carrier)
        yield from _gas(row, carrier)
        return
    if carrier.unit != "MJ":
        right = "write carrier heat, of which t of steam become MJ, or declare the state in `parameters`"
        message = f"a state of steam is for meters of heat in kg or t, not of {carrier.code} in {carrier.unit}; {right}"
        yield Wrong("carrier", row["carrier"], message)
        return
    if not _is_mass(row):
        message = f"{row['unit']!r} needs no state of steam, which turns kg or t into MJ; leave its columns blank"
        yield Wrong("unit", row["unit"], message)
    try:
        steam.heat(steam.state(row))
    except steam.Lacking as lacking:
        column = next(name for name in steam.NAMES if row[name] is not None)
        yield Wrong(column, row[column], str(lacking))


def _gas(row: Row, carrier: Carrier) -> Iterator[Wrong]:
    if carrier.unit != "m3":
        message = f"gas_pressure_kpa and gas_temperature_c are for carriers in m3, not for {carrier.code}; leave blank"
        yield Wrong("gas_pressure_kpa", row["gas_pressure_kpa"], message)
        return
    stated = [_decimal_or_none(row[name]) for name in ("gas_pressure_kpa", "gas_temperature_c")]
    if mistake := gas.wrong(_text(row["gas_condition"]), *stated):
        yield Wrong("gas_condition", row["gas_condition"], mistake)


def _direction(row: Row) -> Iterator[Wrong]:
    """A register that nets runs backwards, which cannot be told from a reset (EC-12)."""
    if row["direction"] == "net" and row["kind"] == "register":
        message = "a register cannot net: register forward and reverse as two meters, or send kind interval or power"
        yield Wrong("direction", row["direction"], message)


def event_row(row: Row, facts: Facts) -> Iterator[Wrong]:
    value, event = row["value"], row["event"]
    try:
        if event in ("multiplier", "unit") and value is None:
            yield Wrong("value", value, f"a {event} event needs the new {event} in column value")
        elif event == "multiplier" or (event == "exchange" and value is not None):
            positive(str(value), ZoneInfo("UTC"))
        elif event == "unit" and (meter := facts.meters.get((row["enterprise_id"], row["meter"]))):
            convert = units.convert_rate if meter.kind == "power" else units.convert
            convert(str(value), meter.via_unit, meter.density_kg_per_l, meter.carrier)
    except ValueError as error:
        yield Wrong("value", value, str(error))


def virtual_row(row: Row, facts: Facts) -> Iterator[Wrong]:
    yield from _known(row, "carrier", facts.carriers, _CARRIERS)
    yield from _unit_of_carrier(row, facts)
    meter = facts.meters.get((row["enterprise_id"], row["code"]))
    if meter and meter.kind != "virtual":
        yield Wrong("code", row["code"], f"{row['code']!r} is a meter with readings of its own; write another code")


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
    if (carrier := facts.carriers.get(str(row["carrier"]))) and not carrier.is_metered:
        message = f"{row['carrier']!r} only names a coefficient or a sum and is not used; write electricity, or another"
        yield Wrong("carrier", row["carrier"], message)
    yield from _unit_of_carrier(row, facts)
    yield from _heating_value(row, facts)


def parameter_row(row: Row, facts: Facts) -> Iterator[Wrong]:
    """A state of steam is of the enterprise; a single parameter may be incomplete, for others may follow."""
    if row["name"] in steam.NAMES and row["product"]:
        yield Wrong("product", row["product"], f"{row['name']} is of the enterprise's steam; leave product blank")


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
    stated = ("kgce_per_unit", "kgce_equal_per_unit", "kgco2_per_unit", "lhv_kj_per_unit", "kgco2_per_mj")
    carrier = facts.carriers.get(str(row["carrier"]))
    if row["gas_condition"] and carrier and carrier.unit != "m3":
        message = f"{carrier.code} is counted in {carrier.unit} and has no gas_condition; leave it blank"
        yield Wrong("gas_condition", row["gas_condition"], message)
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
        by_mass = f"; of steam by mass {steam.STATED_HOW}" if carrier.category == "heat" and _is_mass(row) else ""
        yield Wrong("unit", row["unit"], str(error) + by_mass)


def _is_mass(row: Row) -> bool:
    try:
        return _converter(row)(str(row["unit"]), "kg") > 0
    except ValueError:
        return False


def _unit_of_carrier(row: Row, facts: Facts) -> Iterator[Wrong]:
    carrier = facts.carriers.get(str(row["carrier"]))
    try:
        if carrier:
            units.convert(str(row["unit"]), carrier.unit, carrier=carrier.code)
    except ValueError as error:
        yield Wrong("unit", row["unit"], str(error))


def _heating_value(row: Row, facts: Facts) -> Iterator[Wrong]:
    """A net calorific value that a fuel can have; which unit it is for follows from its size."""
    carrier, stated = facts.carriers.get(str(row["carrier"])), _decimal_or_none(row["lhv_kj_per_unit"])
    try:
        if carrier and stated is not None:
            heating_values.own_unit(stated, str(row["unit"]), carrier)
    except ValueError as error:
        if not any(_unit_of_carrier(row, facts)):
            yield Wrong("lhv_kj_per_unit", row["lhv_kj_per_unit"], str(error))


def _text(value: Value) -> str | None:
    return None if value is None else str(value)


def _decimal(value: Value) -> Decimal:
    assert isinstance(value, Decimal)
    return value


def _decimal_or_none(value: Value) -> Decimal | None:
    return None if value is None else _decimal(value)

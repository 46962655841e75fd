"""Units of metered amounts, and what one of them is in a carrier's own unit.

Factors are exact decimals. A count may stand before a unit, as the field writes it: `10^4 kWh`, `万m³`, `10^6 kJ`.
Chinese names, full-width signs and other capitals are understood. EC-38.
"""

import re
import unicodedata
from decimal import Decimal
from functools import cache

# Base units: mass kg, volume m3, energy kJ, coal equivalent kgce. kcal is that of the International Table, 4.1868 kJ,
# by which GB/T 2589 makes 1 kgce of 7000 kcal.
_SIZES = {
    "mass": {"kg": "1", "g": "0.001", "t": "1000"},
    "volume": {"m3": "1", "l": "0.001"},
    "energy": {"kj": "1", "mj": "1000", "gj": "1000000", "tj": "1000000000", "kcal": "4.1868", "mcal": "4186.8",
               "gcal": "4186800", "wh": "3.6", "kwh": "3600", "mwh": "3600000", "gwh": "3600000000"},
    "coal equivalent": {"kgce": "1", "tce": "1000"},
}  # fmt: skip
_KIND = {unit: (kind, Decimal(size)) for kind, units in _SIZES.items() for unit, size in units.items()}
_OTHER_NAMES = {
    "nm3": "m3", "sm3": "m3", "立方米": "m3", "标准立方米": "m3", "方": "m3", "标方": "m3", "升": "l", "千克": "kg",
    "公斤": "kg", "克": "g", "吨": "t", "千瓦时": "kwh", "度": "kwh", "兆瓦时": "mwh", "千焦": "kj", "兆焦": "mj",
    "吉焦": "gj", "千卡": "kcal", "大卡": "kcal", "吨标准煤": "tce", "吨标煤": "tce", "千克标准煤": "kgce",
}  # fmt: skip
_COUNTS = {"万": 4, "百万": 6, "千万": 7, "亿": 8}
_PREFIX = re.compile(r"(?:10\^(\d{1,2})|(百万|千万|亿|万))[*×·]?(.+)")
_RIGHT = {
    "mass": "kg, t, 10^4 t, g, or L with a density such as L@0.83",
    "volume": "m3, 10^4 m3, L",
    "energy": "kWh, 10^4 kWh, MWh, GWh, MJ, GJ, TJ, kJ, kcal, Mcal",
    "coal equivalent": "kgce, tce",
}


def convert(unit: str, carrier_unit: str, density_kg_per_l: Decimal | None = None, carrier: str = "") -> Decimal:
    """How many of the carrier's own unit one `unit` is.

    A volume becomes a mass only with a density, stated here or in the unit (`L@0.83`, kg/L). Carriers that are counted
    in t are waters (GB/T 2589 annex B), whose m3 is a t. ValueError names what would be right.
    """
    name, _, density = unit.partition("@")
    if density:
        density_kg_per_l = _density(density, unit)
    return _convert(name, carrier_unit, density_kg_per_l, carrier)


def convert_rate(unit: str, carrier_unit: str, density_kg_per_l: Decimal | None = None, carrier: str = "") -> Decimal:
    """The same for a meter of kind `power`: the carrier's own unit in an hour. kW, MW, m3/h, or the unit of an hour."""
    plain = _plain(unit)
    if plain.endswith("w"):
        plain += "h"
    elif plain.endswith("瓦"):
        plain += "时"
    return convert(plain.removesuffix("/h"), carrier_unit, density_kg_per_l, carrier)


def scale(
    multiplier: Decimal, unit: str, carrier_unit: str, density_kg_per_l: Decimal | None = None, carrier: str = ""
) -> float:
    """The carrier's own units in one unit of a register with that multiplier, rounded once, at the end."""
    return float(multiplier * convert(unit, carrier_unit, density_kg_per_l, carrier))


def right_units(carrier_unit: str) -> str:
    """The units that convert to the carrier's own, for a sentence."""
    return _RIGHT[_size(carrier_unit)[0]]


@cache
def _convert(unit: str, carrier_unit: str, density_kg_per_l: Decimal | None, carrier: str) -> Decimal:
    try:
        kind, size = _size(unit)
    except KeyError:
        is_rate = _plain(unit).endswith(("w", "瓦", "/h"))
        why = "is a rate, for meters of kind power, and" if is_rate else "is no unit that is known here and"
        raise ValueError(_impossible(unit, carrier_unit, carrier, why)) from None
    wanted, wanted_size = _size(carrier_unit)
    if kind == "volume" and wanted == "mass":
        per_m3 = _kg_per_m3(unit, carrier_unit, density_kg_per_l, carrier)
        kind, size = "mass", size * per_m3
    if kind != wanted:
        raise ValueError(_impossible(unit, carrier_unit, carrier, f"is a unit of {kind} and"))
    return size / wanted_size


def _kg_per_m3(unit: str, carrier_unit: str, density_kg_per_l: Decimal | None, carrier: str) -> Decimal:
    if density_kg_per_l is not None:
        return density_kg_per_l * 1000
    if carrier_unit == "t":
        return Decimal(1000)
    raise ValueError(_impossible(unit, carrier_unit, carrier, "is a volume without a density and"))


def _size(unit: str) -> tuple[str, Decimal]:
    """Its kind and its size in the kind's base unit. KeyError for a unit that is unknown."""
    plain = _plain(unit)
    if match := _PREFIX.fullmatch(plain):
        power, word, rest = match.groups()
        kind, size = _size(rest)
        return kind, size.scaleb(int(power) if power else _COUNTS[word])
    return _KIND[_OTHER_NAMES.get(plain, plain)]


def _plain(unit: str) -> str:
    return "".join(unicodedata.normalize("NFKC", unit).split()).casefold()


def _density(text: str, unit: str) -> Decimal:
    if not re.fullmatch(r"\d+(\.\d+)?", text) or not 0 < Decimal(text) < 3:
        raise ValueError(f"unit {unit!r} states no density in kg/L; write for instance L@0.83")
    return Decimal(text)


def _impossible(unit: str, carrier_unit: str, carrier: str, why: str) -> str:
    whose = f" of {carrier}" if carrier else ""
    return f"unit {unit!r} {why} does not become {carrier_unit}{whose}; write one of {right_units(carrier_unit)}"

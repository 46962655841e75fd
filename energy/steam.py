"""How much heat steam carries: its enthalpy by what is declared of it, less what comes back as condensate (EC-42).

Enthalpy counts from liquid water at the triple point (0 °C), as tables of steam do: 1,000 t of dry saturated steam at
0.8 MPa absolute are 2,768.3 GJ, 94.5 tce. GB/T 2589-2020 converts heat by its calorific content; the 0.1286 kgce/kg of
its 2008 edition is an equal value at no stated condition and is not used.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Any

from energy import if97, periods
from energy.periods import Period

EVER = date(1970, 1, 1)  # what has no known beginning holds from here, as shipped factors do
ZERO_K = 273.15
NEAR_SATURATION_K = 1.0  # a temperature rounded to a degree may fall short of saturation by so much
LARGEST_KJ_PER_KG, LEAST_KJ_PER_KG = 4500.0, 100.0
STATED_HOW = (
    "state steam_enthalpy_kj_per_kg, or steam_pressure_mpa (absolute) with steam_temperature_c, or with "
    "steam_dryness_pct (100: dry saturated)"
)


@dataclass(frozen=True)
class State:
    """What is declared of steam and of its condensate; None is "not stated". Pressure is absolute.

    The same names are columns of `meters` and names of `parameters`.
    """

    steam_pressure_mpa: float | None = None
    steam_temperature_c: float | None = None
    steam_dryness_pct: float | None = None
    steam_enthalpy_kj_per_kg: float | None = None
    condensate_return_pct: float | None = None
    condensate_temperature_c: float | None = None
    condensate_enthalpy_kj_per_kg: float | None = None

    @property
    def is_stated(self) -> bool:
        return any(getattr(self, name) is not None for name in NAMES)


NAMES = tuple(field.name for field in fields(State))


@dataclass(frozen=True)
class Heat:
    """What one kg of steam brings, less its share of returned condensate; `told` says by what, in a phrase."""

    kj_per_kg: Decimal
    told: str


@dataclass(frozen=True)
class Declared:
    """What is declared of an enterprise's steam on days [first, until)."""

    first: date
    until: date | None
    state: State


class Lacking(ValueError):
    """The heat cannot be known; the message says what must be declared."""


def state(values: Mapping[str, Any]) -> State:
    """From a row or from parameters; other names are left aside."""
    return State(**{name: float(values[name]) for name in NAMES if values.get(name) is not None})


def declared(parameters: Iterable[tuple[str, str, Any]]) -> list[Declared]:
    """From (period, name, value), in order of days: of several periods the narrowest decides; blank is the widest."""
    rows = [(_span(period), name, value) for period, name, value in parameters if name in NAMES]
    edges = sorted({edge for span, _, _ in rows for edge in (span.first, span.until)})
    found: list[Declared] = []
    for first, until in pairwise(edges):
        inside = sorted((row for row in rows if row[0].first <= first < row[0].until), key=lambda row: -row[0].days)
        one = Declared(first, until if until < date.max else None, state({name: value for _, name, value in inside}))
        if found and found[-1].until == first and found[-1].state == one.state:
            found[-1] = Declared(found[-1].first, one.until, one.state)
        elif one.state.is_stated:
            found.append(one)
    return found


def _span(period: str) -> Period:
    return periods.parse(period) if period else Period("", EVER, date.max)


def heat(declared: State) -> Heat:
    """The heat of one kg. Lacking with a sentence where the declaration does not suffice or contradicts itself."""
    steam, told = _steam(declared)
    back, told_back = _condensate(declared, steam)
    kj = steam - back
    return Heat(Decimal(repr(round(kj, 3))), f"{told}: {steam:.1f} kJ/kg{told_back}")


def _steam(declared: State) -> tuple[float, str]:
    if declared.steam_enthalpy_kj_per_kg is not None:
        kj = declared.steam_enthalpy_kj_per_kg
        if not LEAST_KJ_PER_KG <= kj <= LARGEST_KJ_PER_KG:
            raise Lacking(f"steam_enthalpy_kj_per_kg {kj:g} is no enthalpy of steam; write kJ/kg, for instance 2768.3")
        return kj, "declared enthalpy of steam"
    mpa, celsius, dryness = declared.steam_pressure_mpa, declared.steam_temperature_c, declared.steam_dryness_pct
    if mpa is None and celsius is None:
        raise Lacking(f"steam by mass alone is no energy: {STATED_HOW}")
    if dryness is not None:
        return _wet(mpa, celsius, dryness)
    if mpa is None or celsius is None:
        known = f"steam_pressure_mpa {mpa:g}" if celsius is None else f"steam_temperature_c {celsius:g}"
        other = "steam_temperature_c" if celsius is None else "steam_pressure_mpa"
        raise Lacking(f"{known} alone does not fix the steam: add {other}, or steam_dryness_pct (100: dry saturated)")
    return _superheated(mpa, celsius), f"steam of {mpa:g} MPa absolute and {celsius:g} °C by IAPWS-IF97"


def _wet(mpa: float | None, celsius: float | None, dryness: float) -> tuple[float, str]:
    """Saturated steam with its share of vapour: h' + x (h'' - h')."""
    if mpa is not None and celsius is not None:
        raise Lacking("of steam_pressure_mpa, steam_temperature_c and steam_dryness_pct two fix the steam; blank one")
    if not 0 < dryness <= 100:
        raise Lacking(f"steam_dryness_pct {dryness:g} is no share of vapour; write 100 for dry saturated steam")
    kelvin, where = _saturation(mpa, celsius)
    pressure = if97.saturation_mpa(kelvin)
    liquid, vapour = if97.liquid_enthalpy(pressure, kelvin), if97.vapour_enthalpy(pressure, kelvin)
    kind = "dry saturated steam" if dryness == 100 else f"saturated steam of {dryness:g} % dryness"
    return liquid + dryness / 100 * (vapour - liquid), f"{kind} at {where} by IAPWS-IF97"


def _saturation(mpa: float | None, celsius: float | None) -> tuple[float, str]:
    lowest, highest = if97.saturation_mpa(if97.LOWEST_K), if97.saturation_mpa(if97.LIQUID_UP_TO_K)
    if mpa is not None:
        if not lowest <= mpa <= highest:
            raise Lacking(f"steam_pressure_mpa {mpa:g} is out of range; write MPa absolute up to {highest:.4g}")
        return if97.saturation_k(mpa), f"{mpa:g} MPa absolute"
    assert celsius is not None
    if not 0 <= celsius <= if97.LIQUID_UP_TO_K - ZERO_K:
        raise Lacking(f"steam_temperature_c {celsius:g} is out of range for saturated steam; write 0 to 350")
    return celsius + ZERO_K, f"{celsius:g} °C"


def _superheated(mpa: float, celsius: float) -> float:
    kelvin = celsius + ZERO_K
    if not (0 < mpa <= if97.HIGHEST_MPA and if97.LOWEST_K <= kelvin <= if97.HIGHEST_K):
        raise Lacking(f"{mpa:g} MPa and {celsius:g} °C are out of range; declare steam_enthalpy_kj_per_kg")
    if mpa <= if97.highest_vapour_mpa(kelvin):
        return if97.vapour_enthalpy(mpa, kelvin)
    if kelvin > if97.LIQUID_UP_TO_K or mpa > if97.saturation_mpa(if97.LIQUID_UP_TO_K):
        raise Lacking(f"{mpa:g} MPa and {celsius:g} °C lie near the critical point; declare steam_enthalpy_kj_per_kg")
    boiling = if97.saturation_k(mpa)
    if boiling - kelvin > NEAR_SATURATION_K:
        said = f"at {mpa:g} MPa absolute water boils at {boiling - ZERO_K:.1f} °C, so at {celsius:g} °C it is no steam"
        raise Lacking(f"{said}; for wet steam state steam_dryness_pct instead of the temperature")
    return if97.vapour_enthalpy(mpa, boiling)


def _condensate(declared: State, steam: float) -> tuple[float, str]:
    """kJ that return with the condensate of one kg of steam."""
    share, kj = declared.condensate_return_pct, declared.condensate_enthalpy_kj_per_kg
    if share is None:
        if kj is not None or declared.condensate_temperature_c is not None:
            raise Lacking(
                "condensate is described and condensate_return_pct is not; write how much comes back, 0 to 100"
            )
        return 0.0, ""
    if not 0 <= share <= 100:
        raise Lacking(f"condensate_return_pct {share:g} is no share; write 0 to 100")
    if kj is None:
        kj = _water(declared.condensate_temperature_c)
    if not 0 <= kj < steam:
        raise Lacking(f"condensate of {kj:g} kJ/kg would carry more than the steam; write kJ/kg, for instance 335")
    return share / 100 * kj, f", less {share:g} % condensate of {kj:.1f} kJ/kg"


def _water(celsius: float | None) -> float:
    """Liquid at its saturation, under atmospheric pressure at least."""
    if celsius is None:
        raise Lacking("condensate_return_pct needs condensate_temperature_c or condensate_enthalpy_kj_per_kg")
    if not 0 <= celsius <= if97.LIQUID_UP_TO_K - ZERO_K:
        raise Lacking(f"condensate_temperature_c {celsius:g} is out of range; write 0 to 350")
    kelvin = celsius + ZERO_K
    return if97.liquid_enthalpy(max(if97.saturation_mpa(kelvin), 0.101325), kelvin)

"""What a meter contributes to its enterprise's total, and what the total becomes in tce and tCO2.

The enterprise total is what was bought, plus own primary production, less what was sold (GB/T 2589-2020 5.1; form
205-1, 综合能源消费量). Energy converted or recovered inside cancels and is never added. Unknown stays unknown: NaN in
gives NaN.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Truths = NDArray[np.bool_]

ROLES = (
    *("consumption", "export", "resale", "generation_renewable", "generation_fuel", "generation_recovery", "recovery"),
    *("feedstock", "storage_charge", "storage_discharge", "it_load", "dc_total"),
)

# Energy that never crosses the enterprise's boundary: made from counted fuel, recovered, stored, or a part of it.
_INSIDE = {
    "generation_fuel": "made from fuel that is already counted",
    "generation_recovery": "made from waste heat or pressure, which is never added",
    "recovery": "recovered energy is never added",
    "storage_charge": "charging moves energy inside the boundary",
    "storage_discharge": "discharging moves energy inside the boundary",
    "it_load": "a part of what the main meters already count",
}


@dataclass(frozen=True)
class Component:
    """How often (0 or 1) one meter's amount enters each part of its enterprise's figures, and why.

    The amount of a carrier is bought + renewable - exported; `feedstock` is a part of it, never a further term.
    """

    bought: int = 0
    renewable: int = 0
    exported: int = 0
    feedstock: int = 0
    reason: str = ""

    @property
    def sign(self) -> int:
        """What the meter's amount is multiplied with in the carrier's amount: -1, 0 or 1."""
        return self.bought + self.renewable - self.exported

    @property
    def counts(self) -> bool:
        """Whether any figure of the enterprise depends on this meter."""
        return bool(self.bought or self.renewable or self.exported or self.feedstock)


def in_total(level: int, declared: bool | None) -> bool:
    """Whether a meter counts into the total: as declared; not stated means yes at the unit boundary (level 1)."""
    return level == 1 if declared is None else declared


def component(role: str, level: int, declared: bool | None, parent_counts: bool) -> Component:
    """What a meter of this role contributes (domain rules 3, 4, 5).

    `declared` is the registry's `in_total`, None where blank. `parent_counts`: the meter named as parent counts into
    the total itself, so that a feedstock meter inside it splits the parent's amount and does not add to it. Resold
    energy leaves like exported energy. ValueError for an unknown role.
    """
    if role in _INSIDE:
        return Component(reason=_INSIDE[role])
    if role == "feedstock" and parent_counts:
        return Component(feedstock=1, reason="splits its parent, which counts")
    if not in_total(level, declared):
        return Component(reason="does not count: in_total is no, or blank below level 1")
    return _counting(role)


def _counting(role: str) -> Component:
    if role in ("consumption", "dc_total"):
        return Component(bought=1, reason="bought")
    if role == "generation_renewable":
        return Component(renewable=1, reason="own primary production")
    if role in ("export", "resale"):
        return Component(exported=1, reason="sold")
    if role == "feedstock":
        return Component(bought=1, feedstock=1, reason="bought as feedstock, no counting parent")
    raise ValueError(f"role {role!r} is unknown; it is one of {', '.join(ROLES)}")


@dataclass(frozen=True)
class Parts:
    """Amounts in the carrier's own unit, one element per enterprise, carrier and day; NaN = unknown.

    A part for which the enterprise has no meter is 0, not NaN: nothing is known to be missing.
    `exported` holds what was resold too; `feedstock` is the part of the amount used as raw material (原料用能).
    """

    bought: Floats
    renewable: Floats
    exported: Floats
    feedstock: Floats

    @property
    def amount(self) -> Floats:
        """Bought + own primary production - sold (GB/T 2589-2020 5.1)."""
        return self.bought + self.renewable - self.exported

    @property
    def self_used_renewable(self) -> Floats:
        """Own renewable energy that was not sold on; what is sold counts as renewable first."""
        return np.maximum(0.0, self.renewable - self.exported)

    @property
    def net_bought(self) -> Floats:
        """What was bought less what was sold beyond the own renewable generation; negative for a net seller."""
        return self.bought - np.maximum(0.0, self.exported - self.renewable)


@dataclass(frozen=True)
class Coefficients:
    """Per unit of the carrier, aligned with the parts; NaN = no factor in force.

    kgce_equal_value of a fuel equals its kgce_equivalent and is given so by the caller. `medium`: 耗能工质, whose
    coefficient is an equal value. `fuel`: it burns, so that feedstock has no combustion CO2; false for power and heat.
    """

    kgce_equivalent: Floats
    kgce_equal_value: Floats
    kgco2: Floats
    medium: Truths
    fuel: Truths


@dataclass(frozen=True)
class Converted:
    """In t. Exactly 0 where a carrier does not belong to a total, NaN where it does and is not known.

    tce_medium is NaN for carriers that are no media; the GB/T 2589 total adds it, the statistical total does not.
    """

    tce_equivalent: Floats
    tce_equal_value: Floats
    tce_assessed: Floats
    tco2: Floats
    tce_medium: Floats


def tce(amount: Floats, kgce_per_unit: Floats, medium: Truths) -> Floats:
    """t of coal equivalent in the statistical total, to which media add nothing (domain rule 2)."""
    return np.where(medium, 0.0, amount * kgce_per_unit / 1000)


def convert(parts: Parts, per_unit: Coefficients) -> Converted:
    """Both tce totals, the assessed one and CO2 of energy activity (domain rules 1-5 and 20).

    Assessed = equivalent - feedstock (发改环资〔2022〕803号) - self-used renewable energy (发改环资〔2024〕113号).
    CO2: combustion without feedstock; for power and heat the grid's or network's factor on what was bought net, so that
    own renewable energy carries none and what is sold beyond it is deducted.
    """
    amount = parts.amount
    left_out = parts.feedstock + parts.self_used_renewable
    burnt = parts.net_bought - np.where(per_unit.fuel, parts.feedstock, 0.0)
    return Converted(
        tce_equivalent=tce(amount, per_unit.kgce_equivalent, per_unit.medium),
        tce_equal_value=tce(amount, per_unit.kgce_equal_value, per_unit.medium),
        tce_assessed=tce(amount - left_out, per_unit.kgce_equivalent, per_unit.medium),
        tco2=np.where(per_unit.medium, 0.0, burnt * per_unit.kgco2 / 1000),
        tce_medium=np.where(per_unit.medium, amount * _of_media(per_unit) / 1000, np.nan),
    )


def _of_media(per_unit: Coefficients) -> Floats:
    """A medium's only coefficient is an equal value; some files state it in the other column."""
    return np.where(np.isnan(per_unit.kgce_equal_value), per_unit.kgce_equivalent, per_unit.kgce_equal_value)

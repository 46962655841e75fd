"""Unit energy of a product line: its own meters, its own output, its own boundary (GB/T 2589-2020 7; domain rule 9).

Never the enterprise's total over its output where there are two products. Feedstock is not deducted. Energy that a
process gives back (converter gas, steam to others) is subtracted, so a value may be negative.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from energy.bounds import NOTHING, Bounds

FULL_YEAR = 12

# How a meter of the process enters its energy. Not named: not at all.
_SIGNS: Mapping[str, int] = {
    "consumption": 1, "feedstock": 1, "generation_renewable": 1, "dc_total": 1,
    "export": -1, "resale": -1, "recovery": -1, "generation_recovery": -1, "generation_fuel": -1,
}  # fmt: skip


@dataclass(frozen=True)
class ProcessMeter:
    """What the registry says of a meter that may belong to a product line."""

    id: int
    code: str
    role: str
    process: str
    product: str
    parent: str


def process_meters(meters: Sequence[ProcessMeter], product: str, process: str) -> dict[int, int]:
    """Sign by meter id of the meters that measure a product line, by their `product` or `process`.

    A consumption meter inside another of the same line splits it and is left out.
    """
    ours = {m.code: m for m in meters if m.product == product or (not m.product and process and m.process == process)}
    parents = {m.code: m.parent for m in meters}
    signs = {m.id: _SIGNS.get(m.role, 0) for m in ours.values()}
    inside = {m.id for m in ours.values() if signs[m.id] > 0 and _has_ancestor(m.code, parents, ours)}
    return {meter: sign for meter, sign in signs.items() if sign and meter not in inside}


def _has_ancestor(code: str, parents: Mapping[str, str], ours: Mapping[str, ProcessMeter]) -> bool:
    seen: set[str] = set()
    above = parents.get(code, "")
    while above and above not in seen:
        if above in ours and _SIGNS.get(ours[above].role, 0) > 0:
            return True
        seen.add(above)
        above = parents.get(above, "")
    return False


@dataclass(frozen=True)
class Input:
    """A product of an earlier line used up in this one, with its own unit energy (clinker in cement)."""

    quantity: float
    unit_energy: Bounds

    @property
    def energy(self) -> Bounds:
        return self.unit_energy.times(self.quantity)


@dataclass(frozen=True)
class UnitEnergy:
    """Energy per unit of output, or the code of why there is none. `energy` stays visible: a line that stands still
    still uses its standby energy (EC-53)."""

    value: Bounds | None
    energy: Bounds | None
    output: float | None
    cannot: str | None
    months: int = FULL_YEAR

    @property
    def judges(self) -> bool:
        """Whether it may be held against a yearly limit: a month is information (domain rule 12, EC-35)."""
        return self.value is not None and self.months >= FULL_YEAR


def unit_energy(
    energy: Bounds | None, output: float | None, months: int = FULL_YEAR, inputs: Sequence[Input] = ()
) -> UnitEnergy:
    """Energy (any unit) of the line and of what it used up, over its qualified output."""
    if energy is None:
        return UnitEnergy(None, None, output, "no_process_energy", months)
    whole = energy
    for used in inputs:
        whole = whole.plus(used.energy)
    if output is None:
        return UnitEnergy(None, whole, None, "output_missing", months)
    if output <= 0:
        return UnitEnergy(None, whole, output, "output_zero", months)
    return UnitEnergy(whole.times(1 / output), whole, output, None, months)


def line_energy(
    rule: str, process: Bounds | None, enterprise: Bounds | None, share: float | None, products: int
) -> Bounds | str:
    """The energy of a line by its boundary rule, or the code of why it has none.

    `process_meters`: its meters. `allocated`: its share of the enterprise's total. `whole_enterprise`: all of it, which
    is wrong wherever there are two products.
    """
    if rule == "process_meters":
        return "no_process_meter" if process is None else process
    if enterprise is None:
        return "no_enterprise_energy"
    if rule == "whole_enterprise":
        return enterprise if products == 1 else "two_products"
    if rule == "allocated":
        return "share_not_stated" if share is None else enterprise.times(share)
    return "energy_rule_unknown"


def total(parts: Sequence[Bounds]) -> Bounds:
    """The sum, with all that is not known about its parts."""
    whole = NOTHING
    for part in parts:
        whole = whole.plus(part)
    return whole

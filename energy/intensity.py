"""Energy and carbon intensity: how much less per unit of output value, and which control leads in which years."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class Year:
    """One year of a region or enterprise: tce, the feedstock in it, and GDP or value added in constant prices."""

    tce: float
    output: float
    price_base: str
    feedstock_tce: float = 0.0

    @property
    def intensity(self) -> float:
        """Energy without feedstock per unit of output. Feedstock leaves both years alike (发改环资〔2022〕803号)."""
        return (self.tce - self.feedstock_tce) / self.output


def reduction(base: Year, year: Year) -> float | str:
    """1 - (E1/G1)/(E0/G0) as a share (domain rule 7), or the code of why it cannot be judged."""
    if not base.price_base or base.price_base != year.price_base:
        return "price_bases_differ"
    if base.output <= 0 or year.output <= 0 or base.intensity <= 0:
        return "no_output_value"
    return 1 - year.intensity / base.intensity


def required_drop(five_year_target: float, years_passed: int) -> float:
    """Share by which intensity must have fallen after so many of five years: 1 - (1 - D)^(n/5).

    A reading of common practice; yearly figures printed in notices agree with it (12.5 % in five years, 2.6 % a year).
    """
    return float(1 - (1 - five_year_target) ** (years_passed / 5))


def control_in_force(day: date) -> str | None:
    """Which control leads: `energy` in 2021-2025 (能耗双控), `carbon` from 2026 (碳排放双控, 国办发〔2024〕39号)."""
    if date(2021, 1, 1) <= day < date(2026, 1, 1):
        return "energy"
    return "carbon" if day >= date(2026, 1, 1) else None

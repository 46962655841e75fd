"""Power usage effectiveness: energy of the whole data centre over energy of its IT, a ratio of sums (domain rule 16).

The total leaves out offices and other tenants and includes diesel and self-used solar power. GB 40879 (air-cooled sites
with their own supply) judges a year; a shorter window is information.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from energy.quotas import fails

FULL_YEAR = 12


@dataclass(frozen=True)
class Month:
    """kWh of one month; None where nothing is known. `complete`: neither figure misses anything."""

    total_kwh: float | None
    it_kwh: float | None
    complete: bool = True


@dataclass(frozen=True)
class Pue:
    """The ratio, whether it may be judged, and if not the code of the reason. `ratio` alone is information."""

    ratio: float | None
    months: int
    it_point: str
    cannot: str | None

    @property
    def assessable(self) -> bool:
        return self.cannot is None


def total_kwh(
    utility: float, diesel: float = 0.0, solar: float = 0.0, offices: float = 0.0, tenants: float = 0.0
) -> float:
    """The data centre's own energy: what comes in or is made, less what is not the data centre's."""
    return utility + diesel + solar - offices - tenants


def assess(months: Sequence[Month], it_point: str) -> Pue:
    """From the months of a window. Only months of which both figures are known enter the sums."""
    both = [(m.total_kwh, m.it_kwh, m.complete) for m in months]
    pairs = [(total, it) for total, it, _ in both if total is not None and it is not None]
    full = sum(1 for total, it, complete in both if complete and total is not None and it is not None)
    it_sum = sum(it for _, it in pairs)
    ratio = sum(total for total, _ in pairs) / it_sum if it_sum > 0 else None
    return Pue(ratio, full, it_point, _why_not(ratio, full, it_point))


def _why_not(ratio: float | None, full: int, it_point: str) -> str | None:
    if ratio is None:
        return "it_missing"
    if ratio < 1:
        return "pue_below_one"
    if not it_point:
        return "it_point_not_named"
    return "not_twelve_months" if full < FULL_YEAR else None


def pue_grade(ratio: float, lines: Sequence[float]) -> int | None:
    """The grade (1 is best) of GB 40879-2021 table 1 by its lines in rising order; None beyond the last."""
    return next((grade for grade, line in enumerate(lines, 1) if not fails("at_most", ratio, line)), None)

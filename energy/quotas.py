"""Progress against a quota: used against the whole of it, used against the path to date, and where the year would end.

Two questions, two rules (domain rule 14). Exactly on plan is silence; the forecast is the early notice.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import NamedTuple

from energy.bounds import Bounds
from energy.periods import Period

# Metrics that add up over days, so that "used so far" has a meaning.
CUMULATIVE = frozenset({"tce", "kwh", "co2", "coal", "area_energy", "capita_energy"})
# Kinds of quota that bind or are planned with. Of the others (advanced, benchmark) falling short is no warning.
BINDING = frozenset({"limit", "budget", "approved", "basic_target", "access", "baseline"})


class Piece(NamedTuple):
    """A budget for a part of the quota's period: days [first, until), in the quota's unit."""

    first: date
    until: date
    amount: float

    def share(self, day: date) -> float:
        """How much of it is due before that day; inside it, by days (EC-34)."""
        passed = (min(day, self.until) - self.first).days
        return self.amount * max(0, passed) / (self.until - self.first).days


def path_to_date(limit: float, period: Period, budgets: Sequence[Piece], day: date) -> float:
    """What may have been used before `day`: the budgets so far; what they leave of the quota goes by days."""
    planned = sum(piece.share(day) for piece in budgets)
    rest = limit - sum(piece.amount for piece in budgets)
    other = period.days - sum((piece.until - piece.first).days for piece in budgets)
    if other <= 0:
        return planned
    passed = _days_before(period, day) - sum(_days_before(piece, day) for piece in budgets)
    return planned + rest * passed / other


def _days_before(span: Period | Piece, day: date) -> int:
    return max(0, (min(day, span.until) - span.first).days)


def fitting_budgets(period: Period, budgets: Sequence[Piece]) -> tuple[Piece, ...]:
    """Those inside the period, in order, without overlap: of two that overlap the shorter is the plan."""
    chosen: list[Piece] = []
    for piece in sorted(budgets, key=lambda p: ((p.until - p.first).days, p.first)):
        inside = period.first <= piece.first and piece.until <= period.until
        if inside and not any(piece.first < other.until and other.first < piece.until for other in chosen):
            chosen.append(piece)
    return tuple(sorted(chosen, key=lambda p: p.first))


def percent(used: Bounds, of: float) -> Bounds | None:
    """Used in percent of a quota or path; None where that is zero or less, for nothing can be a share of it."""
    return used.times(100 / of) if of > 0 else None


class Pace(NamedTuple):
    """How fast it goes lately against plan: used and planned in the same recent days."""

    used: float
    planned: float

    @property
    def ratio(self) -> float | None:
        return self.used / self.planned if self.planned > 0 else None


def forecast(used: Bounds, limit: float, path: float, pace: Pace) -> Bounds | None:
    """Where the period would end: what is used, and the rest of the plan at the pace of late.

    Exactly on plan at exactly the planned pace ends exactly at the limit. None without a pace.
    """
    if pace.ratio is None:
        return None
    ahead = max(0.0, limit - path) * pace.ratio
    return used.plus(Bounds(ahead, ahead, ahead))


def recent_from(period: Period, day: date, days: int) -> date:
    """The first day of the months that show the pace: back by at least so many days, from a month's first day."""
    return max(period.first, (day - timedelta(days=days)).replace(day=1))


def cannot_be_judged(metric: str, basis: str, boundary: str) -> str | None:
    """The code of the reason why a quota cannot be judged as it is stated, None if it can (domain rules 1, 5)."""
    if metric == "tce" and basis not in ("equivalent", "equal_value"):
        return "basis_not_stated"
    if metric == "tce" and boundary == "assessed" and basis == "equal_value":
        return "assessed_is_equivalent_only"
    if metric in ("kwh", "coal", "co2") and boundary == "assessed":
        return "assessed_of_tce_only"
    return None


def fails(direction: str, value: float, limit: float) -> bool:
    """Whether a single value misses its line: `at_most` above it, `below` at or above it, `at_least` below it."""
    tolerance = 1e-9 * abs(limit)
    if direction == "at_least":
        return value < limit - tolerance
    return value >= limit - tolerance if direction == "below" else value > limit + tolerance

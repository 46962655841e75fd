"""What meters should have told in a span of time: completeness counts against it.

Times are seconds since 1970 UTC, arrays have one element a meter.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Expected:
    """Meters with their approved interval and life: since NaN = not known, until infinite = still there, max_rate NaN
    = no rating; max_rate in the carrier's own unit per hour. sold: taken off their total; empty where none is."""

    interval_s: Floats
    max_rate: Floats
    since: Floats
    until: Floats
    sold: Bools = field(default_factory=lambda: np.zeros(0, dtype=bool))

    def __len__(self) -> int:
        return len(self.interval_s)

    def slots(self, begin: float, end: float) -> tuple[int, float]:
        """How many readings the intervals ask for in [begin, end), and how many seconds they cover, added over meters.

        A meter of which no beginning is known counts from the earliest of the others, else throughout.
        """
        earliest = float(np.nanmin(self.since)) if np.isfinite(self.since).any() else begin
        first = np.maximum(begin, np.where(np.isnan(self.since), earliest, self.since))
        last = np.minimum(end, self.until)
        count = np.maximum(0.0, np.floor(last / self.interval_s) - np.ceil(first / self.interval_s))
        return int(count.sum()), float((count * self.interval_s).sum())

    def begins_within(self, begin: float, end: float) -> bool:
        """Whether any meter's life begins later in the span than its first slot."""
        with np.errstate(invalid="ignore"):
            return bool(((self.since > begin + self.interval_s) & (self.since < end)).any())

    def most_in(self, seconds: float) -> float | None:
        """The most that the meters could have measured in so much unknown time; None if any of them has no rating."""
        if not len(self) or np.isnan(self.max_rate).any():
            return None
        return float(self.max_rate.max()) * seconds / 3600

    def most_sold_in(self, seconds: float) -> float | None:
        """The most that may have left in so much unknown time, which a total is lower by; None without a rating."""
        rates = self.max_rate[self.sold] if self.sold.any() else np.zeros(1)
        return None if np.isnan(rates).any() else float(rates.max()) * seconds / 3600

"""A figure of which only bounds may be known. Unknown is never zero: what is missing widens the bounds."""

import math
from typing import NamedTuple


class Bounds(NamedTuple):
    """At least `low`, at most `high` (infinite where no upper bound is known); `value` is what is shown."""

    value: float
    low: float
    high: float

    @property
    def exact(self) -> bool:
        return self.low == self.high

    @property
    def missing(self) -> tuple[float, float]:
        """How much is missing beside the shown value: at least, at most."""
        return max(0.0, self.low - self.value), max(0.0, self.high - self.value)

    def times(self, factor: float) -> "Bounds":
        """Every bound multiplied with a factor above zero."""
        return Bounds(self.value * factor, self.low * factor, self.high * factor)

    def plus(self, other: "Bounds") -> "Bounds":
        return Bounds(self.value + other.value, self.low + other.low, self.high + other.high)

    def minus(self, other: "Bounds") -> "Bounds":
        """The difference; an unbounded subtrahend leaves no lower bound, as it should."""
        return Bounds(self.value - other.value, self.low - other.high, self.high - other.low)


NOTHING = Bounds(0.0, 0.0, 0.0)


def known(value: float) -> Bounds:
    """A figure that is known exactly."""
    return Bounds(value, value, value)


def of(value: float | None, low: float | None, high: float | None) -> Bounds:
    """From a row: value None = nothing known, low None = nothing known to be used, high None = no upper bound."""
    least = low if low is not None else 0.0 if value is None else value
    return Bounds(least if value is None else value, least, math.inf if high is None else high)


def certain(value: float, missing_low: float, missing_high: float) -> Bounds:
    """What is known, with so much missing beside it."""
    return Bounds(value, value + missing_low, value + missing_high)

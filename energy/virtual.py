"""Virtual meters: amounts by formula from the amounts of other meters, hour by hour, many at once.

A formula is computed for every hour and the hours are added up like any meter's: a ratio of months is not the sum of
hourly ratios, so what is to be a ratio of sums must be asked of the sums. An input that is missing makes the result
"at least", where it can only add, or unknown; never the sum of what happened to be there (EC-44). What is bounded stays
bounded, by interval arithmetic.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from energy.formulas import Formula, Linear
from energy.hours import Hours
from energy.quality import Flag
from energy.registers import HOUR, QUARTER, SECOND, Bools, Floats, Ints

TOLERANCE_S = 60  # a reading a minute off a boundary covers it (upload rules)
HOUR_S = HOUR // SECOND


@dataclass(frozen=True)
class Interval:
    """Amounts between bounds; value NaN where only bounds are known, low and high infinite where not even they are."""

    value: Floats
    low: Floats
    high: Floats

    def plus(self, other: "Interval") -> "Interval":
        return _interval(self.value + other.value, self.low + other.low, self.high + other.high)

    def minus(self, other: "Interval") -> "Interval":
        return _interval(self.value - other.value, self.low - other.high, self.high - other.low)

    def times(self, other: "Interval") -> "Interval":
        pairs = product((self.low, self.high), (other.low, other.high))
        corners = np.array([np.nan_to_num(a * b, nan=0.0, posinf=np.inf, neginf=-np.inf) for a, b in pairs])
        return _interval(self.value * other.value, corners.min(axis=0), corners.max(axis=0))

    def over(self, other: "Interval") -> "Interval":
        """Unknown where the divisor may be nought."""
        pairs = product((self.low, self.high), (other.low, other.high))
        corners = np.array([a / b for a, b in pairs])
        may_be_nought = (other.low <= 0) & (other.high >= 0)
        low, high = (np.where(may_be_nought, np.nan, bound) for bound in (corners.min(axis=0), corners.max(axis=0)))
        return _interval(np.where(may_be_nought, np.nan, self.value / other.value), low, high)


def _interval(value: Floats, low: Floats, high: Floats) -> Interval:
    """With the bounds where arithmetic has lost them: none."""
    return Interval(value, np.where(np.isnan(low), -np.inf, low), np.where(np.isnan(high), np.inf, high))


_SIGNS = {"+": Interval.plus, "-": Interval.minus, "*": Interval.times, "/": Interval.over}


def evaluate(steps: Sequence[str], inputs: Sequence[Interval], numbers: Sequence[Floats]) -> Interval:
    """A formula's steps over arrays of one length."""
    stack: list[Interval] = []
    with np.errstate(all="ignore"):
        for step in steps:
            if step in _SIGNS:
                right, left = stack.pop(), stack.pop()
                stack.append(_SIGNS[step](left, right))
            elif step[0] == "x":
                stack.append(inputs[int(step[1:])])
            else:
                number = numbers[int(step[1:])]
                stack.append(Interval(number, number, number))
    return stack[0]


def falls(formula: Formula, may_fall: Sequence[bool]) -> bool:
    """Whether the amount may be below nought, so that nothing is "at least" where inputs are missing.

    may_fall: for each input, whether it may itself; a metered amount is taken as at least nought.
    """
    nought, most = np.zeros(1), np.full(1, np.inf)
    inputs = [Interval(np.full(1, np.nan), -most if each else nought, most) for each in may_fall]
    found = evaluate(formula.steps, inputs, [np.full(1, number) for number in formula.numbers])
    return not found.low[0] >= 0


@dataclass(frozen=True)
class Input:
    """One input of several virtual meters of one shape; one element for each of their hours.

    scale: what its amounts are multiplied with before the formula. due_s: for how long of the hour it exists by its
    validity. spoken_s: the time that its readings received stand for. Where it has no row: is_there false, covered_s 0,
    amounts NaN.
    """

    is_there: Bools
    amount: Floats
    low: Floats
    high: Floats
    is_bounded: Bools
    estimated: Floats
    quarters: Floats
    until: Ints
    covered_s: Ints
    spoken_s: Ints
    flags: Ints
    due_s: Ints
    may_fall: Bools
    scale: Floats

    @property
    def is_complete(self) -> Bools:
        """Whether it is known for all of the hour in which it exists."""
        complete: Bools = self.covered_s >= self.due_s - TOLERANCE_S
        return complete


@dataclass(frozen=True)
class Asked:
    """Virtual meters of one shape and their hours, one element for each meter and hour, sorted by them.

    numbers: those of the formulas; weights, constant: of linear ones, None of others; scale: carrier's own units for
    one unit of the result.
    """

    meter: Ints
    hour: Ints
    steps: tuple[str, ...]
    numbers: Sequence[Floats]
    linear: Sequence[Linear] | None
    scale: Floats


def hours_of(asked: Asked, inputs: Sequence[Input]) -> Hours:
    """The consumption of the virtual meters, in the hours in which any input has a row."""
    together = _speak_of_one_time(inputs)
    incomplete = [~each.is_complete & ~together for each in inputs]
    made = evaluate(asked.steps, [_interval_of(*pair) for pair in zip(inputs, incomplete, strict=True)], asked.numbers)
    is_known = np.isfinite(made.value)
    covered_s = _mean_s(inputs, [each.covered_s for each in inputs])
    is_bounded = ~is_known & np.isfinite(made.low) & (covered_s > 0)
    missing = np.any(incomplete, axis=0) | ~(is_known | is_bounded)
    low = np.where(is_known, made.value, np.where(is_bounded, made.low, np.nan)) * asked.scale
    high = np.where(is_known, made.value, np.where(is_bounded, made.high, np.nan)) * asked.scale
    quarters = _quarters(asked, inputs)
    peak_rate, peak_at = _peak(quarters, asked.hour)
    found = Hours(
        asked.meter,
        asked.hour,
        asked.hour,
        np.max([np.where(each.is_there, each.until, asked.hour) for each in inputs], axis=0),
        np.where(is_known, made.value, np.nan) * asked.scale,
        low,
        high,
        _estimated(asked, inputs, np.nan_to_num(low)),
        peak_rate,
        peak_at,
        quarters,
        np.where(is_known | is_bounded, covered_s, 0),
        _mean_s(inputs, [each.spoken_s for each in inputs]) * SECOND // QUARTER,
        np.bitwise_or.reduce([each.flags for each in inputs])
        | np.where(missing, Flag.VIRTUAL | Flag.MISSING, Flag.VIRTUAL).astype(np.int64),
    )
    return found.of(np.any([each.is_there for each in inputs], axis=0))


def _speak_of_one_time(inputs: Sequence[Input]) -> Bools:
    """Where all inputs exist and cover the same part of the hour: the hour in which they begin, or that is not over."""
    same: Bools = np.all([each.due_s == HOUR_S for each in inputs], axis=0) & (inputs[0].covered_s > 0)
    for each in inputs:
        same &= np.abs(each.covered_s - inputs[0].covered_s) <= TOLERANCE_S
        same &= np.abs(each.until - inputs[0].until) <= TOLERANCE_S * SECOND
    return same


def _interval_of(one: Input, incomplete: Bools) -> Interval:
    """Its amounts as far as they are known; of what is missing nothing is known but that a metered amount only adds."""
    least = np.where(one.is_bounded, one.low, np.nan_to_num(one.amount))
    most = np.where(one.is_bounded, one.high, np.nan_to_num(one.amount))
    low = np.where(incomplete & one.may_fall, -np.inf, least)
    high = np.where(incomplete, np.inf, np.where(np.isnan(most), np.inf, most))
    known = ~incomplete & ~one.is_bounded
    value = np.where(known, np.where(one.due_s > 0, one.amount, np.nan_to_num(one.amount)), np.nan)
    return Interval(value * one.scale, low * one.scale, high * one.scale)


def _mean_s(inputs: Sequence[Input], seconds: Sequence[Ints]) -> Ints:
    """The mean over inputs; one that does not exist then is not missing."""
    each = [some + (HOUR_S - one.due_s) for one, some in zip(inputs, seconds, strict=True)]
    mean: Ints = np.add.reduce(each) // len(inputs)
    return mean


def _quarters(asked: Asked, inputs: Sequence[Input]) -> Floats:
    """Amounts of the quarter hours: of a weighted sum the weighted sums, of others unknown."""
    if asked.linear is None:
        return np.full((len(asked.hour), 4), np.nan)
    total = np.array([one.constant / 4 for one in asked.linear])[:, None] + np.zeros((1, 4))
    for place, one in enumerate(inputs):
        known = np.where((one.due_s == 0)[:, None], 0.0, one.quarters)
        weight = np.array([each.weights[place] for each in asked.linear])
        total = total + (weight * one.scale)[:, None] * known
    return total * asked.scale[:, None]


def _peak(quarters: Floats, hour: Ints) -> tuple[Floats, Ints]:
    """The largest mean rate of a quarter hour and when it began, the earliest of equals; NaN where none is known."""
    rate = np.where(np.isnan(quarters), -np.inf, quarters * (HOUR / QUARTER))
    at = rate.argmax(axis=1)
    highest = rate[np.arange(len(rate)), at]
    is_known = np.isfinite(highest)
    return np.where(is_known, highest, np.nan), np.where(is_known, hour + at * QUARTER, 0)


def _estimated(asked: Asked, inputs: Sequence[Input], amount: Floats) -> Floats:
    """How much of the amount stands by estimates of the inputs; all of it where they are not just added up."""
    if asked.linear is None:
        some = np.any([one.estimated != 0 for one in inputs], axis=0)
        return np.where(some, np.abs(amount), 0.0)
    total = np.zeros(len(amount))
    for place, one in enumerate(inputs):
        weight = np.array([abs(each.weights[place]) for each in asked.linear])
        total = total + weight * np.abs(one.estimated * one.scale)
    return np.minimum(total * asked.scale, np.abs(amount))

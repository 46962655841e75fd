"""Warning levels, and the life of a case: opened, raised at once, lowered and resolved only when it has calmed.

A breach is strictly beyond its line; equality is none. Levels are named; an issuing body's numbers (which run in
opposite directions from one to the next) are for display only.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from functools import cache
from typing import NamedTuple

from energy.bounds import Bounds

# What float sums may be off by, relative to the line. Anything more is a real excess (GB/T 8170 full-value method).
_ROUNDING = 1e-9


class Level(IntEnum):
    """Blue is a notice, red a breach."""

    BLUE = 1
    YELLOW = 2
    ORANGE = 3
    RED = 4

    @property
    def word(self) -> str:
        return self.name.lower()


def level_named(word: str) -> Level:
    """The level of that name. ValueError says which there are."""
    try:
        return Level[word.upper()]
    except KeyError:
        raise ValueError(f"level {word!r} is none of {', '.join(level.word for level in Level)}") from None


class Certainty(StrEnum):
    """Whether missing data could change the answer to "is it beyond the limit?" (EC-57)."""

    CERTAIN = "certain"
    POSSIBLE = "possible"


class Threshold(NamedTuple):
    """A level and the line beyond which it holds."""

    level: Level
    line: float


def beyond(value: float, line: float) -> bool:
    """Strictly more than the line; the rounding of float sums does not count as more."""
    return value > line + _ROUNDING * abs(line)


def grade(value: float, thresholds: Sequence[Threshold]) -> Level | None:
    """The highest level whose line the value is beyond; thresholds rise with their levels."""
    found = None
    for threshold in thresholds:
        if not beyond(value, threshold.line):
            break
        found = threshold.level
    return found


class Grade(NamedTuple):
    """How a bounded value stands: the level due, that with hysteresis, and how sure it is."""

    level: Level | None
    calm: Level | None  # the level against lines lowered by the margin: a case is lowered to this at once
    certainty: Certainty


def grade_bounds(value: Bounds, thresholds: tuple[Threshold, ...], breach: float, margin: float = 0.0) -> Grade:
    """Judge what is certain; where missing data may hide a breach of the line `breach`, say "possible" (rule 15).

    A possible breach with a finite upper bound is at least orange. Without an upper bound nothing can be excluded, but
    any gap would then alarm: the certain part gives the level and the certainty says the rest.
    """
    possible = beyond(value.high, breach) and not beyond(value.low, breach)
    least = Level.ORANGE if possible and math.isfinite(value.high) else None
    return Grade(
        _higher(grade(value.low, thresholds), least),
        _higher(grade(value.low, _calmer_lines(thresholds, margin)), least),
        Certainty.POSSIBLE if possible else Certainty.CERTAIN,
    )


@cache
def _calmer_lines(thresholds: tuple[Threshold, ...], margin: float) -> tuple[Threshold, ...]:
    return tuple(Threshold(level, line - margin) for level, line in thresholds)


def _higher(one: Level | None, other: Level | None) -> Level | None:
    if one is None or other is None:
        return one if other is None else other
    return max(one, other)


@dataclass(frozen=True)
class Case:
    """The last case of one thing. `closed_by_hand`: a person resolved it while it was still true."""

    level: Level
    resolved: bool
    calmer_since: datetime | None
    closed_by_hand: bool = False


class Due(NamedTuple):
    """What the present judgement asks for. `judged` is false where nothing could be judged."""

    level: Level | None
    calm: Level | None
    judged: bool = True


class Event(StrEnum):
    """What happens to a case."""

    OPENED = "opened"
    RAISED = "raised"
    LOWERED = "lowered"
    RESOLVED = "resolved"
    NONE = "none"


@dataclass(frozen=True)
class Step:
    """What to do with a case, and why. `level` is the one after it; calmer_since is to be kept with the case."""

    event: Event
    level: Level | None
    calmer_since: datetime | None
    reason: str


def next_step(case: Case | None, due: Due, hold: timedelta, now: datetime) -> Step:
    """Open and raise at once; lower and resolve only below the margin or after the hold; else say nothing (EC-58)."""
    if case is None or case.resolved:
        return _without_open_case(case, due, now)
    if not due.judged:
        return Step(Event.NONE, case.level, case.calmer_since, "cannot be judged now: the case stays as it is")
    if due.level is not None and due.level > case.level:
        return Step(Event.RAISED, due.level, None, "worse than before")
    if due.level == case.level:
        return Step(Event.NONE, case.level, None, "unchanged")
    return _calmer(case, due, hold, now)


def _without_open_case(case: Case | None, due: Due, now: datetime) -> Step:
    kept = case.calmer_since if case else None
    if due.level is None:
        calmed = now if case and case.closed_by_hand and due.judged and kept is None else kept
        return Step(Event.NONE, None, calmed, "nothing to warn of")
    if case and case.closed_by_hand and kept is None and due.level <= case.level:
        return Step(Event.NONE, None, None, "a person closed it and it has not calmed or worsened since")
    return Step(Event.OPENED, due.level, None, "new")


def _calmer(case: Case, due: Due, hold: timedelta, now: datetime) -> Step:
    since = case.calmer_since or now
    if now - since >= hold:
        return _lowered(due.level, since, "calmer for the whole hold time")
    if due.calm is None or due.calm < case.level:
        return _lowered(due.calm, since, "calmer by more than the margin")
    return Step(Event.NONE, case.level, since, "calmer, held for now")


def _lowered(level: Level | None, since: datetime, reason: str) -> Step:
    if level is None:
        return Step(Event.RESOLVED, None, since, reason)
    return Step(Event.LOWERED, level, None, reason)

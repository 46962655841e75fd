"""Outcomes on their way into the table `finding`: with the level that hysteresis asks for, and their sentence."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from alerts import texts
from alerts.rules import Rule, Rules
from energy.bounds import Bounds
from energy.periods import day_of
from energy.warnings import Certainty, Due, Grade, Level
from storage.findings import Finding, Key


@dataclass(frozen=True)
class Round:
    """One round of judging: its instant, its day, the rules, and the language of what is said."""

    now: datetime
    zone: ZoneInfo
    rules: Rules
    language: str = "zh"

    @property
    def today(self) -> date:
        return day_of(self.now, self.zone)


class Outcome(NamedTuple):
    """What one rule makes of one subject: everything of a finding, and the level with hysteresis.

    `figures` None: nothing could be judged (`inputs["why"]`), or there is no figure.
    """

    key: Key
    rule: Rule
    figures: Bounds | None
    limit: float | None
    unit: str
    basis: str
    document: str | None
    level: Level | None
    calm: Level | None
    certainty: Certainty
    judged: bool
    beyond: bool  # shown as a warning though it has no level: information
    told: Callable[[], Mapping[str, Any]]  # the inputs of its sentence, only made where one is written

    @property
    def inputs(self) -> Mapping[str, Any]:
        return self.told()

    @property
    def due(self) -> Due:
        return Due(self.level, self.calm, self.judged)

    @property
    def state(self) -> str:
        if not self.judged:
            return "cannot_judge"
        return "warning" if self.level is not None or self.beyond else "ok"

    def finding(self, reason: str = "") -> Finding:
        """As it is stored, with its sentence; without, it is only fit for comparing."""
        value, low, high = (None, None, None) if self.figures is None else _shown(self.figures)
        return Finding(
            *self.key, self.state, self.level.word if self.level else None, self.certainty.value, value, low, high,
            self.limit, self.unit, self.basis, self.document, reason, self.rule.version,
            self.inputs if reason else {})  # fmt: skip

    def sentence(self, language: str) -> str:
        return texts.sentence(self.inputs, language)

    def message(self, level: Level, language: str) -> str:
        return texts.message(level, self.certainty, self.inputs, language)


def _shown(figures: Bounds) -> tuple[float | None, float | None, float | None]:
    """An infinite bound is no number: the table has NULL for it."""
    return figures.value, _finite(figures.low), _finite(figures.high)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def graded(
    key: Key, rule: Rule, figures: Bounds, limit: float, grade: Grade, told: Callable[[], Mapping[str, Any]],
    unit: str = "", basis: str = "", document: str | None = None,
) -> Outcome:  # fmt: skip
    """A figure with several lines in percent of its limit."""
    return Outcome(
        key, rule, figures, limit, unit, basis, document, grade.level, grade.calm, grade.certainty, True, False, told
    )


def unjudged(
    key: Key, rule: Rule, why: str, inputs: Mapping[str, Any], unit: str = "", basis: str = "",
    document: str | None = None, limit: float | None = None, figures: Bounds | None = None,
) -> Outcome:  # fmt: skip
    """Asked, and there is no answer, because `why`."""
    told = {**inputs, "why": why, **({} if figures is None else {"observed": figures.value})}
    return Outcome(
        key, rule, figures, limit, unit, basis, document, None, None, Certainty.CERTAIN, False, False, lambda: told
    )


def held_against(
    key: Key, rule: Rule, figures: Bounds, limit: float | None, broken: bool, enforced: bool, inputs: Mapping[str, Any],
    unit: str = "", basis: str = "", document: str | None = None, possible: bool = False,
) -> Outcome:  # fmt: skip
    """A figure against the one line it has; not enforced means shown only."""
    level = rule.level if broken and enforced else None
    certainty = Certainty.POSSIBLE if possible and not broken else Certainty.CERTAIN
    return Outcome(
        key, rule, figures, limit, unit, basis, document, level, level, certainty, True, broken, lambda: inputs
    )

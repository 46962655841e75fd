"""This month beside another, and why the comparison is to be read with care or cannot be made.

Remarks are Chinese words that `reports.words` can translate.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from energy.periods import Period
from reports.numbers import known
from storage.usage import UsageRow

ENOUGH = 0.9  # share of expected readings below which a month counts as incomplete (upload quality requirement)

NOT_OVER, NOTHING, NOTHING_THEN, NOUGHT_THEN = "本月未结束", "本月无数据", "对比月无数据", "对比月为零"
INCOMPLETE, INCOMPLETE_THEN = "本月缺数", "对比月缺数"


@dataclass(frozen=True)
class Change:
    """(now - then) / then, or None where it cannot be said; remarks tell why, or what makes it doubtful."""

    ratio: float | None
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Figure:
    """One figure of one month. value None: nothing is known; at_least: a part is unknown."""

    value: float | None
    at_least: bool


NO_FIGURE = Figure(None, True)


def change(now: Figure, then: Figure, is_over: bool) -> Change:
    """The change from then to now; a month that is not over yet is not compared with a whole one (EC-34)."""
    if reason := _obstacle(now, then, is_over):
        return Change(None, (reason,))
    doubts = ((now.at_least, INCOMPLETE), (then.at_least, INCOMPLETE_THEN))
    assert now.value is not None and then.value is not None
    return Change(now.value / then.value - 1, tuple(word for holds, word in doubts if holds))


def _obstacle(now: Figure, then: Figure, is_over: bool) -> str | None:
    if not is_over:
        return NOT_OVER
    if now.value is None:
        return NOTHING
    if then.value is None:
        return NOTHING_THEN
    return NOUGHT_THEN if then.value == 0 else None


def is_expected(row: UsageRow) -> bool:
    """Whether anything is known or should be: before a meter's first day nothing is missing."""
    return row.amount is not None or row.completeness is not None


def is_bounded(row: UsageRow) -> bool:
    """Whether a part of the row's use is unknown, so that its figures are "at least"."""
    return is_expected(row) and (row.amount is None or row.high is None or row.low != row.high)


def is_incomplete(row: UsageRow) -> bool:
    return is_bounded(row) or "begins" in row.flags or (row.completeness is not None and row.completeness < ENOUGH)


def amount_of(row: UsageRow | None) -> Figure:
    return NO_FIGURE if row is None else Figure(row.amount, is_incomplete(row))


def total(rows: Sequence[UsageRow], name: str) -> Figure:
    """The sum of one converted figure (`tce_equivalent`, `tco2`, …) over carriers that belong to it."""
    expected = [row for row in rows if is_expected(row)]
    numbers = known(getattr(row, name) for row in expected)
    if not numbers:
        return NO_FIGURE
    return Figure(sum(numbers), len(numbers) < len(expected) or any(map(is_incomplete, expected)))


def in_months(rows: Iterable[UsageRow], months: Iterable[Period]) -> list[UsageRow]:
    names = {month.name for month in months}
    return [row for row in rows if row.period in names]

"""The province at a glance: what the morning's first page says, as pure sums over what storage found.

A total is a sum of the enterprises that are watched, never a region's own total (domain rule 6), and says how many of
them it holds.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property

from console.budgets import Budget, together
from storage.pages import Expected, Unit, Used

LEVELS = ("red", "orange", "yellow", "blue")
_LONG_AGO = datetime.min.replace(tzinfo=UTC)

Counts = Mapping[str, int]


@dataclass(frozen=True)
class Use:
    """What one enterprise used in a span, beside what its meters should have sent. used None: nothing is known."""

    used: Used | None
    expected: Expected | None

    @property
    def completeness(self) -> float | None:
        """Share of the expected readings that came; None where none was due."""
        return completeness([self])

    @cached_property
    def is_open(self) -> bool:
        """Whether more may have been used than is known."""
        if self.used is None or self.used.at_least:
            return True
        due = self.expected
        return due is not None and self.used.covered_s < due.seconds - due.patience_s


@dataclass(frozen=True)
class Standing:
    """One enterprise today."""

    unit: Unit
    year: Use
    month: Use
    alerts: Counts
    budgets: Sequence[Budget]

    @property
    def worst(self) -> str | None:
        """The worst level of its open alerts."""
        return next((level for level in LEVELS if self.alerts.get(level)), None)

    @property
    def tightest(self) -> Budget | None:
        """The quota that is most urgent; None without a judged one."""
        return next(iter(nearest(self.budgets)), None)

    @property
    def plain(self) -> Budget | None:
        """The quota that may be added to those of others."""
        return next((one for one in self.budgets if one.can_be_added), None)


@dataclass(frozen=True)
class Sum:
    """One figure over several enterprises in t; None: nothing is known. at_least: some part is unknown."""

    value: float | None
    at_least: bool


@dataclass(frozen=True)
class Totals:
    """What enterprises used together. reporting: of how many anything is known; assessed is in equivalent value."""

    equivalent: Sum
    equal_value: Sum
    assessed: Sum
    tco2: Sum
    reporting: int
    completeness: float | None


@dataclass(frozen=True)
class Part:
    """One region's row: its enterprises together. budget: over the `with_quota` of them whose quotas can be added."""

    code: str
    name: str
    units: int
    year: Totals
    budget: Budget | None
    with_quota: int
    alerts: Counts
    completeness: float | None
    silent: int


@dataclass(frozen=True)
class Patience:
    """How many intervals of its slowest meter an enterprise may be quiet, as seen from `now`."""

    intervals: float
    now: datetime

    def is_lost(self, unit: Unit) -> bool:
        """Nothing has been heard for longer, and something should have: closed and suspended units may be quiet."""
        if unit.status != "operating" or unit.meters == 0:
            return False
        return self.is_over(unit.last_time, unit.interval_minutes)

    def is_over(self, last_time: datetime | None, interval_minutes: int) -> bool:
        """Whether a last reading (None: there is none) is longer ago than the intervals allow."""
        return last_time is None or last_time < self.now - self.intervals * timedelta(minutes=interval_minutes)


def totals(uses: Sequence[Use]) -> Totals:
    """One entry an enterprise, also for those of which nothing is known."""
    return Totals(
        equivalent=_sum(uses, "tce_equivalent"),
        equal_value=_sum(uses, "tce_equal_value"),
        assessed=_sum(uses, "tce_assessed"),
        tco2=_sum(uses, "tco2"),
        reporting=sum(one.used is not None and one.used.tce_equivalent is not None for one in uses),
        completeness=completeness(uses),
    )


def _sum(uses: Sequence[Use], name: str) -> Sum:
    values = [getattr(one.used, name) if one.used else None for one in uses]
    known = [value for value in values if value is not None]
    return Sum(sum(known) if known else None, len(known) < len(values) or any(one.is_open for one in uses))


def completeness(uses: Iterable[Use]) -> float | None:
    """Share of the expected readings that came, over several enterprises; None where none was due."""
    due = [(one.expected.readings, one.used.received if one.used else 0) for one in uses if one.expected]
    return _share(sum(received for _, received in due), sum(expected for expected, _ in due))


def _share(part: float, whole: float) -> float | None:
    return min(1.0, part / whole) if whole > 0 else None


def added(counts: Iterable[Counts]) -> dict[str, int]:
    """Alerts of each level over several."""
    every = list(counts)
    return {level: sum(one.get(level, 0) for one in every) for level in LEVELS}


def silent_units(standings: Iterable[Standing], patience: Patience) -> list[Standing]:
    """Who does not report, the longest silent first and those that never spoke before all."""
    quiet = [one for one in standings if patience.is_lost(one.unit)]
    return sorted(quiet, key=lambda one: (one.unit.last_time or _LONG_AGO, one.unit.code))


def silent_share(silent: Sequence[Standing], standings: Sequence[Standing]) -> float | None:
    """What those who do not report used of the year's total (equivalent value) while they did; None if unknown."""
    whole = totals([one.year for one in standings]).equivalent.value
    quiet = totals([one.year for one in silent]).equivalent.value
    return _share(quiet, whole) if whole is not None and quiet is not None else None


def nearest(budgets: Iterable[Budget]) -> list[Budget]:
    """Judged budgets: those over their quota first, then those that may be, then by where the year is heading."""
    return sorted((one for one in budgets if one.share is not None), key=_urgency)


def _urgency(budget: Budget) -> tuple[int, float, str]:
    first = {"over": 0, "possibly_over": 1}.get(budget.standing, 2)
    share = budget.share or 0.0
    return first, -(share if first == 0 else max(share, budget.forecast_share or 0.0)), budget.told.code


def parts(standings: Sequence[Standing], patience: Patience) -> list[Part]:
    """One row for each region below the asked one that has enterprises, in order of the codes."""
    by_code: dict[str, list[Standing]] = {}
    for one in standings:
        by_code.setdefault(one.unit.part, []).append(one)
    return [_part(members, patience) for _, members in sorted(by_code.items())]


def _part(members: Sequence[Standing], patience: Patience) -> Part:
    unit, with_quota = members[0].unit, [one.plain for one in members if one.plain]
    return Part(
        code=unit.part,
        name=unit.part_name,
        units=len(members),
        year=totals([one.year for one in members]),
        budget=together(with_quota),
        with_quota=len(with_quota),
        alerts=added(one.alerts for one in members),
        completeness=completeness(one.month for one in members),
        silent=sum(patience.is_lost(one.unit) for one in members),
    )

"""The province at a glance: what the morning's first page says, as pure sums over what storage found.

A total is a sum of the enterprises that are watched, never a region's own total (domain rule 6), and says how many of
them it holds.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from storage.pages import Unit, Used

from console.budgets import Budget, together

LEVELS = ("red", "orange", "yellow", "blue")

_LONG_AGO = datetime.min.replace(tzinfo=UTC)

Counts = Mapping[str, int]


@dataclass(frozen=True)
class Standing:
    """One enterprise today. year, month: None where nothing is known of its use."""

    unit: Unit
    year: Used | None
    month: Used | None
    expected: float
    alerts: Counts
    budgets: Sequence[Budget]

    @property
    def worst(self) -> str | None:
        return worst(self.alerts)

    @property
    def is_open(self) -> bool:
        return is_open(self.year)

    @property
    def month_is_open(self) -> bool:
        return is_open(self.month)

    @property
    def completeness(self) -> float | None:
        """Share of this month's expected readings that came; None where none was due."""
        return share(self.month.received if self.month else 0, self.expected)

    @property
    def tightest(self) -> Budget | None:
        """The quota that is used up most; None without a judged one."""
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


@dataclass(frozen=True)
class Part:
    """One region's row: its enterprises together. budget: the sum over those with a quota in equivalent value."""

    code: str
    name: str
    units: int
    year: Totals
    budget: Budget | None
    with_quota: int
    alerts: Counts
    completeness: float | None
    silent: int


def share(part: float, whole: float) -> float | None:
    return min(1.0, part / whole) if whole > 0 else None


def worst(alerts: Counts) -> str | None:
    return next((level for level in LEVELS if alerts.get(level)), None)


def added(counts: Iterable[Counts]) -> dict[str, int]:
    """Alerts of each level over several."""
    every = list(counts)
    return {level: sum(one.get(level, 0) for one in every) for level in LEVELS}


def totals(uses: Sequence[Used | None]) -> Totals:
    """One entry an enterprise, None for one of whose use nothing is known."""
    return Totals(
        equivalent=_sum([use and use.tce_equivalent for use in uses], uses),
        equal_value=_sum([use and use.tce_equal_value for use in uses], uses),
        assessed=_sum([use and use.tce_assessed for use in uses], uses),
        tco2=_sum([use and use.tco2 for use in uses], uses),
        reporting=sum(use is not None and use.tce_equivalent is not None for use in uses),
    )


def _sum(values: Sequence[float | None], uses: Sequence[Used | None]) -> Sum:
    known = [value for value in values if value is not None]
    return Sum(sum(known) if known else None, len(known) < len(values) or any(is_open(use) for use in uses))


def is_open(use: Used | None) -> bool:
    """Whether more may have been used than is known."""
    return use is None or use.tce_equivalent is None or not use.of("equivalent").exact


@dataclass(frozen=True)
class Patience:
    """How many intervals of its slowest meter an enterprise may be quiet, as seen from `now`."""

    intervals: float
    now: datetime

    def is_lost(self, unit: Unit) -> bool:
        """Nothing has been heard for longer, and something should have: closed and suspended units may be quiet."""
        if unit.status != "operating" or unit.meters == 0:
            return False
        quiet = self.intervals * timedelta(minutes=unit.interval_minutes)
        return unit.last_time is None or unit.last_time < self.now - quiet


def silent_units(standings: Iterable[Standing], patience: Patience) -> list[Standing]:
    """Who does not report, the longest silent first and those that never spoke before all."""
    quiet = [one for one in standings if patience.is_lost(one.unit)]
    return sorted(quiet, key=lambda one: (one.unit.last_time or _LONG_AGO, one.unit.code))


def nearest(budgets: Iterable[Budget]) -> list[Budget]:
    """Judged budgets: those over their quota first, then those that may be, then by where the year is heading."""
    judged = [one for one in budgets if one.share is not None]
    return sorted(judged, key=_urgency)


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
    unit = members[0].unit
    return Part(
        code=unit.part,
        name=unit.part_name,
        units=len(members),
        year=totals([one.year for one in members]),
        budget=together([one.plain for one in members if one.plain]),
        with_quota=sum(one.plain is not None for one in members),
        alerts=added(one.alerts for one in members),
        completeness=completeness(members),
        silent=sum(patience.is_lost(one.unit) for one in members),
    )


def completeness(standings: Sequence[Standing]) -> float | None:
    """Share of this month's expected readings that came, over several enterprises."""
    return share(sum(one.month.received for one in standings if one.month), sum(one.expected for one in standings))


def silent_share(silent: Sequence[Standing], standings: Sequence[Standing]) -> float | None:
    """What those who do not report used of the year's total (equivalent value) while they did; None if unknown."""
    whole = totals([one.year for one in standings]).equivalent.value
    quiet = totals([one.year for one in silent]).equivalent.value
    return share(quiet, whole) if whole is not None and quiet is not None else None

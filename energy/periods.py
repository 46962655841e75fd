"""Hours, days, months, quarters, years: half-open spans of time, cut in one zone.

A period is named by its start: `2026`, `2026-Q3`, `2026-10`, `2026-10-03`, `2026-10-03T14:00:00+08:00`, and where
several are meant `2026-01/2026-09` (both months inside) or `2026-09-26/2026-10-26` (days, the last one outside). Every
instant is in exactly one hour, day, month and year.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DEFAULT_ZONE = ZoneInfo("Asia/Shanghai")

_MONTH = re.compile(r"(\d{4})-(\d{2})")
_QUARTER = re.compile(r"(\d{4})-Q([1-4])")
_YEAR = re.compile(r"\d{4}")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True)
class Period:
    """Days [first, until) of some zone under the name that files and pages use."""

    name: str
    first: date
    until: date

    def since(self, zone: ZoneInfo) -> datetime:
        """The instant at which the period begins in that zone."""
        return midnight(self.first, zone)

    def end(self, zone: ZoneInfo) -> datetime:
        """The first instant after the period in that zone."""
        return midnight(self.until, zone)

    @property
    def days(self) -> int:
        return (self.until - self.first).days

    def months(self) -> Iterator["Period"]:
        """The calendar months that the period touches."""
        first = self.first.replace(day=1)
        while first < self.until:
            yield month_of(first)
            first = next_month(first)


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The instant at which the day begins in that zone, in UTC."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def day_of(instant: datetime, zone: ZoneInfo) -> date:
    return instant.astimezone(zone).date()


def next_month(day: date) -> date:
    """The first day of the month after that day's."""
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1)


def month_of(day: date) -> Period:
    first = day.replace(day=1)
    return Period(f"{first:%Y-%m}", first, next_month(first))


def quarter_of(day: date) -> Period:
    number = (day.month + 2) // 3
    return parse(f"{day:%Y}-Q{number}")


def year_of(day: date) -> Period:
    return Period(f"{day:%Y}", date(day.year, 1, 1), date(day.year + 1, 1, 1))


def previous_month(period: Period) -> Period:
    return month_of(period.first - timedelta(days=1))


def same_month_last_year(period: Period) -> Period:
    return month_of(period.first.replace(year=period.first.year - 1, day=1))


def parse(name: str) -> Period:
    """A period by its name. ValueError names the value and what would be right."""
    if "/" in name:
        first, last = (parse(part) for part in name.split("/", 1))
        until = last.first if _DAY.fullmatch(first.name) and _DAY.fullmatch(last.name) else last.until
        if first.first >= until:
            raise ValueError(f"period {name!r} ends before it begins")
        return Period(name, first.first, until)
    for shape, build in _SHAPES:
        if match := shape.fullmatch(name):
            return _within_years(name, build, match)
    raise ValueError(f"{name!r} is no period; write 2026, 2026-Q3, 2026-10, 2026-10-03 or 2026-01/2026-09")


def _within_years(name: str, build: Callable[[str, re.Match[str]], Period], match: re.Match[str]) -> Period:
    """The period, if Python's calendar reaches so far."""
    try:
        return build(name, match)
    except (OverflowError, ValueError):
        raise ValueError(f"{name!r} is no date of the calendar; years run from 0001 to 9998, months to 12") from None


def _quarter(name: str, match: re.Match[str]) -> Period:
    first = date(int(match[1]), 3 * int(match[2]) - 2, 1)
    return Period(name, first, next_month(next_month(next_month(first))))


def _day(name: str, match: re.Match[str]) -> Period:
    first = date.fromisoformat(name)
    return Period(name, first, first + timedelta(days=1))


def _month(name: str, match: re.Match[str]) -> Period:
    return month_of(date(int(match[1]), int(match[2]), 1))


def _year(name: str, match: re.Match[str]) -> Period:
    return year_of(date(int(name), 1, 1))


_SHAPES = ((_YEAR, _year), (_QUARTER, _quarter), (_MONTH, _month), (_DAY, _day))

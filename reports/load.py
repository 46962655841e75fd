"""The shape of a month: mean power by quarter hours on its peak day and on a typical day, and energy day by day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import cast
from zoneinfo import ZoneInfo

import pandas as pd

from reports.charts import Point
from storage.pages import QuarterHours

_QUARTERS_A_DAY = 96
_FULL_ENOUGH = 90  # quarters a day must have to stand for its month


@dataclass(frozen=True)
class Load:
    """Both curves start at local midnight. typical: median of each quarter hour over days that are nearly complete."""

    peak_day: date
    peak: list[Point]
    typical: list[Point]
    days_in_typical: int
    is_partial: bool


def load_of(hours: Sequence[QuarterHours], zone: ZoneInfo) -> Load | None:
    """None where no quarter hour of the month is known."""
    table = _by_day(hours, zone)
    if table.empty:
        return None
    peak_day = cast(date, table.max(axis=1).idxmax())
    peak = cast("pd.Series[float]", table.loc[peak_day])
    full = table[table.count(axis=1) >= _FULL_ENOUGH]
    return Load(
        peak_day,
        _points(peak_day, peak, zone),
        _points(peak_day, full.median(), zone),
        len(full),
        any(hour.partial for hour in hours if hour.hour.astimezone(zone).date() == peak_day),
    )


def _by_day(hours: Sequence[QuarterHours], zone: ZoneInfo) -> pd.DataFrame:
    """Mean kW, one row a local day, one column a quarter hour of the clock; unknown is NaN."""
    known = [
        (start.date(), (start.hour * 60 + start.minute) // 15, kw)
        for hour in hours
        for start, kw in _quarters(hour, zone)
        if kw is not None
    ]
    frame = pd.DataFrame(known, columns=["day", "slot", "kw"])
    table = frame.pivot_table(index="day", columns="slot", values="kw", aggfunc="mean")
    return table.reindex(columns=range(_QUARTERS_A_DAY))


def _quarters(hour: QuarterHours, zone: ZoneInfo) -> list[tuple[datetime, float | None]]:
    start = hour.hour.astimezone(zone)
    return [(start + timedelta(minutes=15 * at), kw) for at, kw in enumerate(hour.quarters or [])]


def _points(day: date, kw: "pd.Series[float]", zone: ZoneInfo) -> list[Point]:
    midnight = datetime.combine(day, time(), zone)
    return [
        (midnight + timedelta(minutes=15 * slot), None if pd.isna(value) else float(value))
        for slot, value in enumerate(kw)
    ]

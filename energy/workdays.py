"""Working days: Monday to Friday, less holidays, plus days worked in exchange (调休), by the calendar of the notice."""

from collections.abc import Mapping
from datetime import date, timedelta

Calendar = Mapping[date, str]  # 'holiday' or 'workday' by date, as in the registry's `holiday`

_STEP = timedelta(days=1)


def is_workday(day: date, calendar: Calendar) -> bool:
    """As the calendar says, else by the day of the week."""
    stated = calendar.get(day)
    return day.weekday() < 5 if stated is None else stated == "workday"


def nth_workday(month: date, n: int, calendar: Calendar) -> date:
    """The n-th working day (from 1) on or after the first of that day's month."""
    return add_workdays(month.replace(day=1) - _STEP, n, calendar)


def add_workdays(day: date, n: int, calendar: Calendar) -> date:
    """The n-th working day after a day (n >= 0; 0 is the day itself). For deadlines: a day given does not count."""
    if n < 0:
        raise ValueError(f"{n} working days cannot be added; count from 0")
    while n:
        day += _STEP
        n -= is_workday(day, calendar)
    return day

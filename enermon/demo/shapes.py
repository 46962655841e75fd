"""How load goes up and down: one curve for each kind of work, over local time.

A curve is a pure function of the calendar and of an offset that spreads planned stops of like plants over the year. It
is 1 where the meter runs at its own mean rate. Curves repeat from year to year but for weekdays, so that the sample's
monthly outputs and budgets, which are data, stay true whenever the demo is started.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Truths = NDArray[np.bool_]

QUARTER_S = 900
DAY_S = 86400


@dataclass(frozen=True)
class Calendar:
    """Local time of the quarter hours of a span, one element each, taken at their beginning."""

    hour: Floats  # of the day, 0 to 24
    yearday: Floats  # days since 1 January
    workday: Truths
    vacation: Truths  # of schools and universities

    @property
    def temperature_c(self) -> Floats:
        """An outdoor temperature for a dry inland climate: warm in July and in the early afternoon."""
        season = -13 * np.cos(2 * np.pi * (self.yearday - 15) / 365)
        return 9.5 + season + 5.5 * np.sin(2 * np.pi * (self.hour - 9) / 24)

    @property
    def heating(self) -> Truths:
        """The heating season of the north-west, November to March."""
        return (self.yearday >= 304) | (self.yearday < 90)


def calendar(since: datetime, quarters: int, zone: ZoneInfo) -> Calendar:
    """The calendar of so many quarter hours from an instant on; the zone's offset is taken as that of `since`."""
    offset = since.astimezone(zone).utcoffset() or timedelta(0)
    seconds = since.timestamp() + offset.total_seconds() + QUARTER_S * np.arange(quarters)
    days_since_1970 = seconds // DAY_S
    day = days_since_1970.astype("datetime64[D]")
    yearday = (day - day.astype("datetime64[Y]")).astype(float)
    weekday = (days_since_1970 + 3) % 7  # 1 January 1970 was a Thursday
    workday = (weekday < 5) & ~_holiday(yearday)
    return Calendar(seconds % DAY_S / 3600, yearday, workday, _vacation(yearday))


def _holiday(yearday: Floats) -> Truths:
    """New Year, Labour Day and National Day, about; the sample keeps no lunar calendar and no shifted working days."""
    return (yearday < 3) | ((yearday >= 120) & (yearday < 125)) | ((yearday >= 273) & (yearday < 280))


def _vacation(yearday: Floats) -> Truths:
    winter = (yearday >= 14) & (yearday < 54)
    summer = (yearday >= 190) & (yearday < 242)
    return winter | summer


Shape = Callable[[Calendar, int], Floats]


def flat(c: Calendar, offset: int) -> Floats:
    return np.ones(len(c.hour))


def kiln(c: Calendar, offset: int) -> Floats:
    """Six days of repair each quarter of the year, and 25 days of staggered winter production (错峰生产)."""
    repair = (c.yearday + offset) % 91 < 6
    staggered = (c.yearday + offset % 20) % 365 < 25
    return np.where(repair | staggered, 0.02, 1.0)


def mill(c: Calendar, offset: int) -> Floats:
    """Grinding follows the tariff: full at night, little in the evening peak."""
    return np.select([c.hour < 7, c.hour < 18, c.hour < 23], [1.25, 0.95, 0.55], 1.25) * _lull(kiln(c, offset))


def _lull(running: Floats) -> Floats:
    """What goes on from stock while the line before it stands."""
    return 0.4 + 0.6 * running


def blast(c: Calendar, offset: int) -> Floats:
    """Without pause but for sixteen hours of reduced blast (休风) every five weeks."""
    reduced = ((c.yearday + offset) % 35 < 1) & (c.hour >= 6) & (c.hour < 22)
    return np.where(reduced, 0.35, 1.0)


def arc(c: Calendar, offset: int) -> Floats:
    """Heats of an hour, tap to tap; the furnace rests in the evening peak."""
    quarter = np.floor(c.hour * 4).astype(int) % 4
    heat = np.array([1.45, 1.25, 1.05, 0.25])[quarter]
    return np.where((c.hour >= 18) & (c.hour < 21), 0.15, heat)


def carbide(c: Calendar, offset: int) -> Floats:
    """Submerged-arc furnaces turned down in the evening peak, with a repair of four days each half year."""
    running = np.where((c.yearday + offset) % 182 < 4, 0.03, 1.0)
    return running * np.where((c.hour >= 18) & (c.hour < 22), 0.8, 1.05)


def process(c: Calendar, offset: int) -> Floats:
    """A continuous chemical plant: flat, five days of overhaul in a year."""
    return np.where((c.yearday + offset) % 365 < 5, 0.05, 1.0)


def dispatch(c: Calendar, offset: int) -> Floats:
    """A power station under dispatch: morning and evening peaks, winter and summer above spring and autumn."""
    daily = 0.86 + 0.12 * np.exp(-(((c.hour - 10.5) / 2.5) ** 2)) + 0.2 * np.exp(-(((c.hour - 19.5) / 2.2) ** 2))
    return daily * (1 + 0.1 * np.cos(4 * np.pi * (c.yearday - 15) / 365))


def servers(c: Calendar, offset: int) -> Floats:
    return 0.97 + 0.03 * np.sin(2 * np.pi * (c.hour - 10) / 24)


def cooling(c: Calendar, offset: int) -> Floats:
    """Chillers of machine halls: free cooling below 5 °C."""
    return 0.62 + 0.024 * np.maximum(0.0, c.temperature_c - 5)


def office(c: Calendar, offset: int) -> Floats:
    at_work = c.workday & (c.hour >= 8) & (c.hour < 18.5)
    return np.where(at_work, 1.6, 0.35) * _comfort(c)


def _comfort(c: Calendar) -> Floats:
    """What air conditioning adds in summer and electric heating in winter."""
    return 1 + 0.03 * np.maximum(0.0, c.temperature_c - 22) + 0.01 * np.maximum(0.0, -c.temperature_c)


def ward(c: Calendar, offset: int) -> Floats:
    """A hospital: never asleep, busier by day, a little less on days off."""
    day = 0.75 + 0.5 * np.exp(-(((c.hour - 12.5) / 4.5) ** 2))
    return day * np.where(c.workday, 1.0, 0.88) * _comfort(c)


def teaching(c: Calendar, offset: int) -> Floats:
    lessons = (c.hour >= 7.5) & (c.hour < 22)
    return np.where(lessons, 1.5, 0.3) * np.where(c.vacation, 0.35, np.where(c.workday, 1.0, 0.6)) * _comfort(c)


def dormitory(c: Calendar, offset: int) -> Floats:
    evening = 0.6 + 1.1 * np.exp(-(((c.hour - 21) / 3) ** 2)) + 0.4 * np.exp(-(((c.hour - 7.5) / 1.2) ** 2))
    return evening * np.where(c.vacation, 0.15, 1.0)


def shop(c: Calendar, offset: int) -> Floats:
    """Open from ten to ten every day, fuller on days off."""
    is_open = (c.hour >= 9.5) & (c.hour < 22)
    return np.where(is_open, 1.6, 0.2) * np.where(c.workday, 1.0, 1.2) * _comfort(c)


def shifts(c: Calendar, offset: int) -> Floats:
    """Two shifts on working days, upkeep on the others."""
    at_work = c.workday & (c.hour >= 7) & (c.hour < 23)
    return np.where(at_work, 1.45, 0.3)


def heating(c: Calendar, offset: int) -> Floats:
    return np.where(c.heating, 0.06 * np.maximum(2.0, 18 - c.temperature_c), 0.0)


def depot(c: Calendar, offset: int) -> Floats:
    """Buses charge at night and a little at noon."""
    return np.select([c.hour < 6, (c.hour >= 11) & (c.hour < 14), c.hour >= 22], [2.2, 0.9, 2.0], 0.25)


def service(c: Calendar, offset: int) -> Floats:
    """Vehicles, kitchens and water: the waking hours."""
    return np.where((c.hour >= 6) & (c.hour < 22), 1.4, 0.2)


def sun(c: Calendar, offset: int) -> Floats:
    """Share of the installed power that photovoltaics give at 35.5 degrees north, before clouds."""
    declination = np.radians(23.45) * np.sin(2 * np.pi * (c.yearday - 80) / 365)
    latitude, angle = np.radians(35.5), np.radians(15) * (c.hour - 13)  # noon is near 13:00 Beijing time there
    height = np.sin(latitude) * np.sin(declination) + np.cos(latitude) * np.cos(declination) * np.cos(angle)
    clouds = 0.55 + 0.45 * np.cos(2 * np.pi * (c.yearday * 7 + offset) / 45) ** 2
    power: Floats = 0.8 * np.maximum(0.0, height) * clouds
    return power


SHAPES: dict[str, Shape] = {
    each.__name__: each
    for each in (
        flat,
        kiln,
        mill,
        blast,
        arc,
        carbide,
        process,
        dispatch,
        servers,
        cooling,
        office,
        ward,
        teaching,
        dormitory,
        shop,
        shifts,
        heating,
        depot,
        service,
        sun,
    )
}

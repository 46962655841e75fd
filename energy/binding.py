"""Whether a point that is declared cumulative is one (EC-10), by what its readings do.

Daily totals fall every midnight and start again; amounts of an interval, or power, rise and fall all day. Such a point
is refused: on the days on which it behaves so, its differences are no consumption, and its amount is unknown. What a
day is judged by lies within `REACH` of it, and it depends on the readings alone, in whatever order they came.

Times are int64 microseconds since 2000-01-01 UTC.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from energy.quality import Flag
from energy.registers import AGREEING, HOUR, NEAR_END, Bools, Event, Floats, Ints, Meters, Pieces

DAY = 24 * HOUR
NIGHTS = 3  # falls at midnight that are no accident,
WITHIN = 4  # in so many midnights one after another: a day without load brings no fall
OFTEN = 0.2  # share of falling steps above which values of a day are no register's
FEWEST = 3  # falls in a day before anything is said of it: a register may dip
REACH = 6 * DAY  # how far readings bear on a day: its neighbours, theirs, and a day that is 25 hours long
DAILY_TOTALS, AMOUNTS = "daily_totals", "amounts"


@dataclass(frozen=True)
class Refused:
    """A local day [since, until) of which a point's values are no register's. falls of steps fell on that day."""

    since: int
    until: int
    why: str
    falls: int
    steps: int


def refused(time: Ints, value: Floats, midnights: Ints, modulus: float, events: Sequence[Event] = ()) -> list[Refused]:
    """The refused days between the local midnights. time, value: one meter's measured readings, in order."""
    if len(time) < 2 or len(midnights) < 2:
        return []
    falls = _falls(time, value, modulus, events)
    day = np.searchsorted(midnights, time[1:], side="left") - 1  # a step ends in its day, midnight included
    inside = (day >= 0) & (day < len(midnights) - 1)
    count = len(midnights) - 1
    steps, fallen = np.bincount(day[inside], minlength=count), np.bincount(day[inside & falls], minlength=count)
    busy = (fallen >= FEWEST) & (fallen > OFTEN * steps)
    nightly = _nightly(time, value, midnights, falls)
    daily = _days_of_totals(nightly)
    bridged = _bridged(busy)
    return [
        Refused(
            int(midnights[at]),
            int(midnights[at + 1]),
            AMOUNTS if bridged[at] else DAILY_TOTALS,
            int(fallen[at]),
            int(steps[at]),
        )
        for at in np.flatnonzero(bridged | daily)
    ]


def _falls(time: Ints, value: Floats, modulus: float, events: Sequence[Event]) -> Bools:
    """Steps that fall, those left out that a full register or an event explains, or that say nothing of a day."""
    falls: Bools = (np.diff(value) < 0) & (np.diff(time) <= 1.5 * DAY)
    near = NEAR_END * modulus
    with np.errstate(invalid="ignore"):
        falls &= ~((modulus - value[:-1] <= near) & (value[1:] <= near))
    for event in events:
        if event.scale is None:
            falls &= ~((time[:-1] <= event.time) & (event.time < time[1:]))
    return falls


def _nightly(time: Ints, value: Floats, midnights: Ints, falls: Bools) -> Bools:
    """For each midnight: the register fell there, and stayed below what it had shown: no dip."""
    found = np.zeros(len(midnights), dtype=bool)
    for at in np.flatnonzero(falls):
        later = slice(at + 1, at + 1 + AGREEING)
        if (value[later][time[later] <= time[at] + 2 * DAY] < value[at]).all():
            near = np.flatnonzero((midnights <= time[at + 1]) & (midnights >= min(time[at], time[at + 1] - HOUR)))
            found[near[-1:]] = True
    return found


def _days_of_totals(nightly: Bools) -> Bools:
    """Days beside midnights at which the register fell, where it did so again and again."""
    days = np.zeros(len(nightly) - 1, dtype=bool)
    for start in range(len(nightly) - NIGHTS + 1):
        fell = start + np.flatnonzero(nightly[start : start + WITHIN])
        if len(fell) >= NIGHTS:
            days[max(fell[0] - 1, 0) : fell[-1] + 1] = True
    return days


def _bridged(busy: Bools) -> Bools:
    """Busy days, and the days between two of them that lie near each other: the point is no better then."""
    days, at = busy.copy(), np.flatnonzero(busy)
    for first, then in pairwise(at.tolist()):
        if then - first <= WITHIN:
            days[first:then] = True
    return days


def unbind(pieces: Pieces, days: Mapping[int, Sequence[Refused]], meters: Meters) -> Pieces:
    """Pieces without an amount where they touch a refused day: at most what the meter can run is known (as in EC-2)."""
    touched = np.zeros(len(pieces), dtype=bool)
    for meter, several in days.items():
        mine = np.flatnonzero(pieces.meter == meter)
        for one in several:
            touched[mine[(pieces.since[mine] < one.until) & (pieces.until[mine] > one.since)]] = True
    if not touched.any():
        return pieces
    most = meters.max_rate[pieces.meter] * ((pieces.until - pieces.since) / HOUR)
    return Pieces(
        pieces.meter,
        pieces.since,
        pieces.until,
        np.where(touched, np.nan, pieces.amount),
        np.where(touched, 0.0, pieces.low),
        np.where(touched, np.where(np.isnan(most), np.inf, most), pieces.high),
        np.where(touched, pieces.flags | int(Flag.RESET), pieces.flags),
    )

"""Estimates of time for which nothing is known (EC-22): how they are made, and where they stand.

An estimate is a fact on record, made once from days alike and never again by itself. What it says holds only where
neither readings nor anything else says anything: as soon as a reading speaks of that time, the reading counts. Its
amounts are kept in the meter's own counting, so that a multiplier that is corrected later corrects them too.

Times are int64 microseconds since 2000-01-01 UTC.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from energy.quality import Flag
from energy.refused import Refused
from energy.registers import (
    BOUNDARY_TOLERANCE,
    HOUR,
    LATE,
    Events,
    Floats,
    Ints,
    Meters,
    Pieces,
    joined,
    scales,
)
from energy.workdays import Calendar, is_workday

METHOD = "similar_days"
AROUND = 28  # days before and after a gap from which reference days may come: four weeks
NEAREST = 10  # no more than so many of them, the nearest: loads drift
ENOUGH = 4  # with fewer, a median is one day's accident
LONGEST = 50  # days; a longer gap is beyond what the days around it can tell (Energy Sparks stops there too)

_DAY = 24 * HOUR
_UNMEASURED = (
    Flag.GAP | Flag.ESTIMATED | Flag.CORRECTED | Flag.RESET | Flag.OVER_RATE | Flag.NEGATIVE | Flag.MULTIPLIER
)  # fmt: skip


@dataclass(frozen=True)
class Estimate:
    """Amounts in slots of `step` from `begins` on, as far as they lie in [since, until), in the meter's own counting.

    amounts: the middle of the reference days; lows and highs: the least and the most of them.
    """

    since: int
    until: int
    begins: int
    step: int
    amounts: Floats
    lows: Floats
    highs: Floats


Standing = Mapping[int, Sequence[Estimate]]  # by index of the meter, in the order in which they were made


@dataclass(frozen=True)
class Day:
    """A local day [begin, end) and whether people work on it."""

    date: date
    begin: int
    end: int
    works: bool


@dataclass(frozen=True)
class Similar:
    """What days alike say of a gap, in the carrier's own unit, and which days they were."""

    estimate: Estimate
    reference: tuple[date, ...]


def days_around(first: date, last: date, begins: Sequence[int], calendar: Calendar) -> list[Day]:
    """The local days from `first` to before `last`; begins: when each begins, and when the last ends."""
    dates = [first + timedelta(days=number) for number in range((last - first).days)]
    return [
        Day(one, begin, end, is_workday(one, calendar))
        for one, begin, end in zip(dates, begins[:-1], begins[1:], strict=True)
    ]


def gaps(pieces: Pieces, since: int, until: int) -> list[tuple[int, int]]:
    """Where in [since, until) one meter's pieces, sorted, say nothing for more than a minute."""
    inside = pieces.of((pieces.until > since) & (pieces.since < until))
    begin = np.concatenate([[since], np.maximum.accumulate(np.maximum(inside.until, since))]).astype(np.int64)
    end = np.concatenate([np.minimum(inside.since, until), [until]]).astype(np.int64)
    told = end - begin > BOUNDARY_TOLERANCE
    return list(zip(begin[told].tolist(), end[told].tolist(), strict=True))


# How one is made ----------------------------------------------------------------------------------


def measured(pieces: Pieces, interval: int) -> Pieces:
    """The pieces that may stand as a reference: measured within the approved interval, with nothing odd about them."""
    usual = (pieces.until - pieces.since <= LATE * interval) & ((pieces.flags & int(_UNMEASURED)) == 0)
    return pieces.of(usual & ~np.isnan(pieces.amount))


def similar_days(gap: tuple[int, int], reference: Pieces, days: Sequence[Day], step: int) -> Similar:
    """What a gap comes to by days alike: slot by slot the median over the nearest measured days of the same kind.

    reference: one meter's measured pieces; days: the local days from AROUND before the gap to AROUND behind it, as far
    as they are over. Refused where too few of them are alike and measured, or where the gap is too long.
    """
    since, until = gap
    refuse_long(since, until)
    touched = [day for day in days if day.begin < until and day.end > since]
    begins = touched[0].begin
    edges = np.clip(np.arange(begins, until + step, step), since, until)
    rows, used = [], set[date]()
    for day in touched:
        own = _slots_of(edges, day)
        found = _alike(own, day, days, reference)
        if len(found) < ENOUGH:
            raise Refused(_too_few(day, len(found)))
        used |= {other.date for other, _ in found}
        rows.append(np.array([amounts for _, amounts in found]))
    low, middle, high = (
        np.concatenate([choose(row, axis=0) for row in rows]) for choose in (np.min, np.median, np.max)
    )
    return Similar(Estimate(since, until, begins, step, middle, low, high), tuple(sorted(used)))


def refuse_long(since: int, until: int) -> None:
    """Refused for a gap that is longer than may be estimated."""
    if until - since > LONGEST * _DAY:
        told = f"{(until - since) / _DAY:.0f} days without a value are more than the {LONGEST} that can be estimated"
        raise Refused(f"{told}; file a correction with a document")


def _slots_of(edges: Ints, day: Day) -> tuple[Ints, Ints]:
    """The slots that begin in a day; of one before the gap nothing is left, and it comes to nothing."""
    begin, end = edges[:-1], edges[1:]
    mine = (begin >= day.begin) & (begin < day.end)
    return begin[mine], end[mine]


def _alike(slots: tuple[Ints, Ints], day: Day, days: Sequence[Day], reference: Pieces) -> list[tuple[Day, Floats]]:
    """The nearest days of the same kind on which the same slots were measured, with their amounts."""
    found = []
    for other in sorted(days, key=lambda each: (abs(each.begin - day.begin), each.begin)):
        if other.works == day.works and other != day:
            amounts = _amounts(reference, *(edge + (other.begin - day.begin) for edge in slots))
            if amounts is not None:
                found.append((other, amounts))
        if len(found) == NEAREST:
            break
    return found


def _amounts(reference: Pieces, begin: Ints, end: Ints) -> Floats | None:
    """What was measured in each of these spans; None unless all of them were measured throughout."""
    first = np.searchsorted(reference.until, begin, side="right")
    last = np.searchsorted(reference.since, end, side="left")
    amounts = np.zeros(len(begin))
    for at in range(len(begin)):
        if begin[at] == end[at]:
            continue
        pieces = slice(int(first[at]), int(last[at]))
        inside = np.minimum(reference.until[pieces], end[at]) - np.maximum(reference.since[pieces], begin[at])
        if end[at] - begin[at] - inside.sum() > BOUNDARY_TOLERANCE:
            return None
        length = reference.until[pieces] - reference.since[pieces]
        amounts[at] = (reference.amount[pieces] * (inside / length)).sum()
    return amounts


def _too_few(day: Day, count: int) -> str:
    kind = "working days" if day.works else "days off"
    return (
        f"only {count} {kind} within {AROUND} days of {day.date} were measured at the same time of day, {ENOUGH} are"
        " needed; file a correction with a document, or try again when more is known"
    )


# Where they stand ---------------------------------------------------------------------------------


def fill(pieces: Pieces, standing: Standing, meters: Meters, events: Events) -> Pieces:
    """Pieces with estimates where nothing else is known, sorted by (meter, since).

    Of two estimates of one instant the one made first stands there. What is filled is cut at full hours, so that any
    hour can be computed without the others.
    """
    if not any(standing.values()):
        return pieces
    parts = [pieces]
    for meter, several in standing.items():
        own = pieces.of(pieces.meter == meter)
        for one in several:
            placed = _placed(meter, one, own, meters, events)
            parts.append(placed)
            own = _in_order(joined([own, placed]))
    whole = joined(parts)
    return whole.of(np.lexsort((whole.since, whole.meter)))


def _in_order(pieces: Pieces) -> Pieces:
    return pieces.of(np.argsort(pieces.since, kind="stable"))


def _placed(meter: int, one: Estimate, own: Pieces, meters: Meters, events: Events) -> Pieces:
    """The estimate over the time that is left to it: of each slot its share by time."""
    edges = slot_edges(one)
    spans = [_cut(edges, since, until) for since, until in gaps(own, one.since, one.until)]
    begin, end = (np.concatenate([np.empty(0, np.int64), *(each[side] for each in spans)]) for side in (0, 1))
    slot = np.searchsorted(edges, begin, side="right") - 1
    index = np.full(len(begin), meter, dtype=np.int64)
    share = (end - begin) / np.maximum(edges[slot + 1] - edges[slot], 1)
    share = share * scales(index, begin, end, meters, events).mean
    amount, low, high = (amounts[slot] * share for amounts in (one.amounts, one.lows, one.highs))
    return Pieces(index, begin, end, amount, low, high, np.full(len(begin), int(Flag.ESTIMATED)))


def slot_edges(one: Estimate) -> Ints:
    """Where its slots begin, and where the last ends; those before `since` and behind `until` are empty."""
    edges = one.begins + one.step * np.arange(len(one.amounts) + 1, dtype=np.int64)
    return np.clip(edges, one.since, one.until)


def _cut(slot_edges: Ints, since: int, until: int) -> tuple[Ints, Ints]:
    """[since, until) at the edges of slots and at full hours."""
    inner = slot_edges[(slot_edges > since) & (slot_edges < until)]
    hours = np.arange((since // HOUR + 1) * HOUR, until, HOUR, dtype=np.int64)
    edges = np.unique(np.concatenate([[since, until], inner, hours]).astype(np.int64))
    return edges[:-1], edges[1:]

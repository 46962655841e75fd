"""Pieces cut into hours: what one meter used in each hour, with its peak, coverage and quality.

Hours are UTC hours, so zones must be whole hours away from UTC. Sums run in order of time, one addition after another:
the same readings give the same bits whatever order they came in, and adding a later piece to a stored hour is the same
addition that computing the hour again would do.
"""

from dataclasses import dataclass

import numpy as np

from energy.quality import Flag
from energy.registers import (
    BOUNDARY_TOLERANCE,
    HOUR,
    LATE,
    QUARTER,
    SECOND,
    Bools,
    Floats,
    Ints,
    Kind,
    Meters,
    Pieces,
    Readings,
    Trait,
)


@dataclass(frozen=True)
class Parts:
    """Pieces cut at hours, sorted by (meter, hour, since): one element for each piece and hour it touches."""

    meter: Ints
    hour: Ints  # start of the hour
    since: Ints
    until: Ints
    amount: Floats
    low: Floats
    high: Floats
    estimated: Floats  # the amount again where it, or its place in this hour, is an estimate, else 0
    rate: Floats  # mean rate of the whole piece, carrier unit per hour
    rate_since: Ints  # when the piece began
    flags: Ints

    def __len__(self) -> int:
        return len(self.hour)

    def of(self, mask: object) -> "Parts":
        return Parts(*(getattr(self, name)[mask] for name in Parts.__dataclass_fields__))


@dataclass(frozen=True)
class Hours:
    """Consumption by meter and hour, sorted. amount NaN: nothing known. low and high bound it; high may be infinite.

    Where some of an hour is known, what is only bounded enters its amount with the lower bound: it is "at least".

    first: where the first part begins, until: where the last ends; quarters: (n, 4) amounts of the quarter hours, NaN
    where nothing was measured; peak_at: the start of the measured piece with the largest mean rate; covered_s: seconds
    of known amount.
    """

    meter: Ints
    hour: Ints
    first: Ints
    until: Ints
    amount: Floats
    low: Floats
    high: Floats
    estimated: Floats
    peak_rate: Floats
    peak_at: Ints
    quarters: Floats
    covered_s: Ints
    received: Ints
    flags: Ints

    def __len__(self) -> int:
        return len(self.hour)

    def of(self, mask: object) -> "Hours":
        return Hours(*(getattr(self, name)[mask] for name in Hours.__dataclass_fields__))


def cut(pieces: Pieces, meters: Meters) -> Parts:
    """Pieces cut at full hours, each part with its share by time; the shares of a piece add up to it (EC-21, EC-28)."""
    pieces = _convertible(pieces, meters)
    first, last = pieces.since // HOUR, (pieces.until - 1) // HOUR
    count = np.maximum(last - first + 1, 1)
    piece = np.repeat(np.arange(len(pieces)), count)
    step = np.arange(len(piece)) - np.repeat(np.cumsum(count) - count, count)
    hour = (first[piece] + step) * HOUR
    since, until = np.maximum(pieces.since[piece], hour), np.minimum(pieces.until[piece], hour + HOUR)
    duration = np.maximum(pieces.until - pieces.since, 1)
    begin, end = ((edge - pieces.since[piece]) / duration[piece] for edge in (since, until))
    amount, low, high = (_share(total[piece], begin, end) for total in (pieces.amount, pieces.low, pieces.high))
    flags = pieces.flags[piece] | _cut_flags(pieces, meters, count)[piece]
    return Parts(
        pieces.meter[piece],
        hour,
        since,
        until,
        amount,
        low,
        high,
        np.where(flags & (Flag.GAP | Flag.CORRECTED | Flag.ESTIMATED), np.nan_to_num(amount), 0.0),
        (np.where(np.isnan(pieces.amount), pieces.low, pieces.amount) / (duration / HOUR))[piece],
        pieces.since[piece],
        flags,
    )


def _convertible(pieces: Pieces, meters: Meters) -> Pieces:
    """Gas at a condition that is not stated is flagged; at an operating one that is not stated, nothing is known."""
    doubtful = meters.have(Trait.UNSTATED | Trait.UNCONVERTIBLE, pieces.meter)
    if not doubtful.any():
        return pieces
    lost = meters.have(Trait.UNCONVERTIBLE, pieces.meter)
    amount = np.where(lost, np.nan, pieces.amount)
    low, high = np.where(lost, 0.0, pieces.low), np.where(lost, np.inf, pieces.high)
    flags = pieces.flags | np.where(doubtful, int(Flag.CONDITION_UNKNOWN), 0)
    return Pieces(pieces.meter, pieces.since, pieces.until, amount, low, high, flags)


def _share(total: Floats, begin: Floats, end: Floats) -> Floats:
    """total x end - total x begin: consecutive shares telescope, so that they add up to the total."""
    with np.errstate(invalid="ignore"):
        share: Floats = np.where(np.isinf(total), total, total * end - total * begin)
    return share


def _cut_flags(pieces: Pieces, meters: Meters, count: Ints) -> Ints:
    """GAP where a long step was spread over hours, INTERPOLATED where a usual one was split away from its readings."""
    long = (pieces.until - pieces.since) > LATE * meters.interval[pieces.meter]
    boundary = (pieces.until - 1) // HOUR * HOUR
    split = (boundary - pieces.since > BOUNDARY_TOLERANCE) & (pieces.until - boundary > BOUNDARY_TOLERANCE)
    several = count > 1
    result: Ints = np.where(several & long, Flag.GAP, np.where(several & split, Flag.INTERPOLATED, 0)).astype(np.int64)
    return result


def sum_up(parts: Parts, received: "Received", with_quarters: Bools) -> Hours:
    """Hours from parts and counted readings. with_quarters: which meters (by index) need quarter hours."""
    keys, row, counted = _shared_rows(parts, received)
    n = len(keys[0])
    known = ~np.isnan(parts.amount)
    some = np.bincount(row[known], minlength=n) > 0
    amount = np.where(some, _added(row, np.where(known, parts.amount, parts.low), n), np.nan)
    peak_rate, peak_at = _peaks(row, parts, n)
    return Hours(
        keys[0],
        keys[1],
        _extreme(np.minimum, row, parts.since, keys[1] + HOUR),
        _extreme(np.maximum, row, parts.until, keys[1]),
        amount,
        _added(row, parts.low, n),
        _added(row, parts.high, n),
        _added(row, parts.estimated, n),
        peak_rate,
        peak_at,
        _quarters(row, parts, n, with_quarters),
        np.bincount(row, (parts.until - parts.since) / SECOND, n).astype(np.int64),
        np.bincount(counted, received.count, n).astype(np.int64),
        _any_flag(row, parts.flags, n),
    )


@dataclass(frozen=True)
class Received:
    """How many approved slots of an hour had a reading."""

    meter: Ints
    hour: Ints
    count: Ints


def count_received(readings: Readings, meters: Meters, is_first: Bools, wanted: Bools | None = None) -> Received:
    """Distinct slots of the approved interval that were spoken for, by hour; a register's first reading ends no slot.

    wanted: which readings to count; the others only take their slots. Estimated readings are none (EC-22, EC-23).
    """
    estimated = (readings.flags & int(Flag.ESTIMATED)) != 0
    if estimated.any():
        kept = ~estimated
        wanted = None if wanted is None else wanted[kept]
        return count_received(readings.of(kept), meters, is_first[kept], wanted)
    interval = meters.interval[readings.meter]
    slot = (readings.time + interval // 2) // interval
    fresh = np.ones(len(readings), dtype=bool)
    fresh[1:] = (slot[1:] != slot[:-1]) | (readings.meter[1:] != readings.meter[:-1])
    fresh &= ~(is_first & (meters.kind[readings.meter] == Kind.REGISTER))
    if wanted is not None:
        fresh &= wanted
    begin = np.where(meters.starts[readings.meter], slot, slot - 1) * interval
    meter, hour = readings.meter[fresh], begin[fresh] // HOUR * HOUR
    keys, row = _rows(meter, hour)
    return Received(keys[0], keys[1], np.bincount(row, minlength=len(keys[0])).astype(np.int64))


def _shared_rows(parts: Parts, received: Received) -> tuple[tuple[Ints, Ints], Ints, Ints]:
    """Distinct (meter, hour) of both, sorted, and the row of each part and of each count."""
    every = np.concatenate([parts.hour, received.hour])
    if not len(every):
        return (every, every), every, every
    grid = _Grid(int(every.min()), int(every.max()))
    told, row = _distinct(grid.code(parts.meter, parts.hour))
    heard, counted = _distinct(grid.code(received.meter, received.hour))
    if np.array_equal(told, heard):
        return grid.keys(told), row, counted
    both = _merged(told, heard)
    return grid.keys(both), np.searchsorted(both, told)[row], np.searchsorted(both, heard)[counted]


def _rows(meter: Ints, hour: Ints) -> tuple[tuple[Ints, Ints], Ints]:
    """Distinct (meter, hour), sorted, and for each element the row it belongs to."""
    if not len(meter):
        return (meter, hour), meter
    grid = _Grid(int(hour.min()), int(hour.max()))
    distinct, row = _distinct(grid.code(meter, hour))
    return grid.keys(distinct), row


@dataclass(frozen=True)
class _Grid:
    """One number for each meter and hour between two hours, in the order of (meter, hour)."""

    first: int
    last: int

    @property
    def _width(self) -> int:
        return (self.last - self.first) // HOUR + 1

    def code(self, meter: Ints, hour: Ints) -> Ints:
        return meter * self._width + (hour - self.first) // HOUR

    def keys(self, code: Ints) -> tuple[Ints, Ints]:
        return code // self._width, code % self._width * HOUR + self.first


def _merged(one: Ints, other: Ints) -> Ints:
    """Distinct values of two sorted arrays, sorted: what `np.union1d` says, by merging instead of hashing."""
    both = np.sort(np.concatenate([one, other]), kind="stable")
    distinct: Ints = both[np.concatenate([[True], both[1:] != both[:-1]])]
    return distinct


def _distinct(code: Ints) -> tuple[Ints, Ints]:
    """Distinct values, sorted, and the place of each element among them; quick where they are sorted already."""
    if (np.diff(code) < 0).any():
        distinct, row = np.unique(code, return_inverse=True)
        return distinct, row
    new = np.ones(len(code), dtype=bool)
    new[1:] = code[1:] != code[:-1]
    return code[new], np.cumsum(new) - 1


def _added(row: Ints, weights: Floats, n: int) -> Floats:
    """Sums by row, one addition after another."""
    return np.bincount(row, weights, n).astype(np.float64)


def _extreme(choose: np.ufunc, row: Ints, value: Ints, otherwise: Ints) -> Ints:
    result = otherwise.copy()
    choose.at(result, row, value)
    return result


def _any_flag(row: Ints, flags: Ints, n: int) -> Ints:
    result = np.zeros(n, dtype=np.int64)
    flagged = np.flatnonzero(flags)
    np.bitwise_or.at(result, row[flagged], flags[flagged])
    return result


def _peaks(row: Ints, parts: Parts, n: int) -> tuple[Floats, Ints]:
    """The largest measured mean rate of a piece in each row and when it began; the earliest of equals."""
    measured = (parts.flags & int(Flag.ESTIMATED)) == 0
    if not measured.all():
        row, parts = row[measured], parts.of(measured)
    peak, at = np.full(n, np.nan), np.zeros(n, dtype=np.int64)
    if len(row) and np.bincount(row).max() == 1:
        peak[row], at[row] = parts.rate, parts.rate_since
        return peak, at
    order = np.lexsort((-parts.rate_since, parts.rate, row))
    peak[row[order]], at[row[order]] = parts.rate[order], parts.rate_since[order]
    return peak, at


def _quarters(row: Ints, parts: Parts, n: int, with_quarters: Bools) -> Floats:
    """Amounts of the four quarter hours, a part spread over those it covers; NaN where nothing was measured."""
    result = np.full((n, 4), np.nan)
    wanted = with_quarters[parts.meter] & ~np.isnan(parts.amount) & ((parts.flags & int(Flag.ESTIMATED)) == 0)
    if not wanted.any():
        return result
    row, part = row[wanted], parts.of(wanted)
    duration = np.maximum(part.until - part.since, 1)
    for quarter in range(4):
        begin = part.hour + quarter * QUARTER
        overlap = np.minimum(part.until, begin + QUARTER) - np.maximum(part.since, begin)
        inside = overlap > 0
        some = np.bincount(row[inside], minlength=n) > 0
        shares = part.amount[inside] * (overlap[inside] / duration[inside])
        result[some, quarter] = np.bincount(row[inside], shares, n)[some]
    return result

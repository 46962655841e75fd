"""Amounts from readings: cumulative registers, interval meters and power meters, many meters at once.

A *piece* is an amount over a span of time [since, until) of one meter: the step between two accepted register
readings, or the interval that an interval or power reading speaks of. Steps that are plainly right (never falling, no
faster than the meter's largest rate) are computed for all meters together; a meter with any other step is walked
through reading by reading, where falls and leaps are told apart as roll-over, reset, dip, spike or exchange.

What a reading turns out to be depends on at most `MEMORY` readings before it and two after it, so figures can be
computed again for a window and equal those computed from everything, whatever the order in which the readings arrived.

Times are int64 microseconds since 2000-01-01 UTC, amounts in the carrier's own unit, rates in that unit per hour.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from functools import reduce
from operator import or_
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from energy.quality import Flag

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 3600 * SECOND
QUARTER = 15 * MINUTE

MEMORY = 5  # consecutive plain steps after which the past cannot matter any more (see `walk`)
AGREEING = 3  # readings on a new level that make it believed: two to three later readings must agree (EC-3)
OVERLOAD = 1.2  # a meter may run a fifth above its rating before a step is called implausible
NEAR_END = 0.1  # share of the modulus that counts as near its top or bottom (EC-1)
LATE = 1.5  # a step longer than so many intervals is a gap (EC-21)
BOUNDARY_TOLERANCE = MINUTE  # a reading so near a boundary counts as taken at it (upload rules: one minute)


class Kind(IntEnum):
    """What a meter's value means, as in the registry's column `kind`."""

    REGISTER = 0
    INTERVAL = 1
    POWER = 2
    VIRTUAL = 3  # has no readings: computed from other meters (energy.virtual)


class Trait(IntFlag):
    """What is declared, or not, of a meter beside its arithmetic."""

    NET = 1 << 0  # negative amounts are legal (EC-49)
    UNSTATED = 1 << 1  # a gas whose condition is not stated: taken as it is, and flagged (EC-41)
    UNCONVERTIBLE = 1 << 2  # a gas at an unknown operating condition: its amounts are unknown


@dataclass(frozen=True)
class Meters:
    """What must be known of meters to read them; arrays of one length, one element a meter.

    scale: carrier units per unit of the value (of the value times an hour for POWER); modulus in register units;
    max_rate in carrier units per hour; interval in microseconds; NaN where not stated.
    """

    kind: Ints
    scale: Floats
    modulus: Floats
    max_rate: Floats
    interval: Ints
    starts: Bools  # readings are stamped with the start of their interval
    traits: Ints | None = None  # of `Trait`; None: none has any

    def have(self, trait: Trait, meter: Ints) -> Bools:
        """Of each of these meters whether it has the trait, or one of them."""
        if self.traits is None:
            return np.zeros(len(meter), dtype=bool)
        found: Bools = (self.traits[meter] & int(trait)) != 0
        return found


@dataclass(frozen=True)
class Readings:
    """Effective readings, sorted by (meter, time), one for each meter and time. `meter` indexes `Meters`."""

    meter: Ints
    time: Ints
    value: Floats
    flags: Ints

    def __len__(self) -> int:
        return len(self.time)

    def of(self, mask: Bools) -> "Readings":
        return Readings(self.meter[mask], self.time[mask], self.value[mask], self.flags[mask])


@dataclass(frozen=True)
class Event:
    """A dated change at a metering point: `exchange` or `reset` (registers given), or `multiplier` (scale given).

    A change of unit is a multiplier too: both change what one step of the register is worth. modulus: of the register
    that an exchange brings, None if it is as wide as the old one.
    """

    time: int
    event: str
    old_final: float | None = None
    new_initial: float | None = None
    scale: float | None = None
    modulus: float | None = None


Events = Mapping[int, tuple[Event, ...]]  # by index of the meter, each meter's in order of time


@dataclass(frozen=True)
class Pieces:
    """Amounts over [since, until). amount is NaN where only low and high are known; high is infinite if unbounded."""

    meter: Ints
    since: Ints
    until: Ints
    amount: Floats
    low: Floats
    high: Floats
    flags: Ints

    def __len__(self) -> int:
        return len(self.since)

    def of(self, mask: object) -> "Pieces":
        return Pieces(*(getattr(self, name)[mask] for name in Pieces.__dataclass_fields__))


@dataclass(frozen=True)
class SetAside:
    """Readings that were not believed, and why (DIP or SPIKE)."""

    meter: Ints
    time: Ints
    flag: Ints


@dataclass(frozen=True)
class Amounts:
    """What readings come to. undecided: meters whose last readings wait for later ones to be understood."""

    pieces: Pieces
    set_aside: SetAside
    undecided: Ints


def amounts(readings: Readings, meters: Meters, events: Events | None = None) -> Amounts:
    """Pieces of all meters, sorted by (meter, since)."""
    readings = readings.of(~_give_way(readings, meters, events))
    is_register = meters.kind[readings.meter] == Kind.REGISTER
    registers, others = readings.of(is_register), readings.of(~is_register)
    plain = plain_steps(registers, meters, events)
    odd = _meters_to_walk(registers, plain, events or {}, len(meters.kind))
    walked = [
        _walk_one(registers, meters, int(index), (events or {}).get(int(index), ())) for index in np.flatnonzero(odd)
    ]
    straight = _straight(registers, meters, plain & ~odd[registers.meter])
    pieces = _sorted(joined([straight, _stated(others, meters, events or {}), *(walk.pieces for walk in walked)]))
    set_aside = [walk.set_aside for walk in walked]
    return Amounts(
        pieces,
        SetAside(*(_concatenate([getattr(part, name) for part in set_aside]) for name in ("meter", "time", "flag"))),
        _concatenate([walk.undecided for walk in walked]),
    )


def plain_steps(registers: Readings, meters: Meters, events: Events | None = None) -> Bools:
    """For each register reading: the step from its predecessor of the same meter exists and is plainly right.

    A step over an event is not plain, whatever it shows.
    """
    plain = np.zeros(len(registers), dtype=bool)
    if len(registers) < 2:
        return plain
    meter = registers.meter[1:]
    same = meter == registers.meter[:-1]
    rise = np.diff(registers.value)
    hours = np.maximum(np.diff(registers.time), meters.interval[meter]) / HOUR
    valid = _valid(registers, meters, events) if events else _Valid(meters.scale[meter], meters.modulus[meter])
    with np.errstate(invalid="ignore"):
        too_fast = rise * valid.scale > OVERLOAD * meters.max_rate[meter] * hours
        beyond = registers.value[1:] >= valid.modulus
    plain[1:] = same & (rise >= 0) & ~too_fast & ~beyond
    if events:
        plain[1:] &= ~valid.crosses
    return plain


@dataclass(frozen=True)
class _Valid:
    """For each step: what holds when it ends, and whether an event lies in it."""

    scale: Floats
    modulus: Floats
    crosses: Bools | Literal[False] = False


def _valid(registers: Readings, meters: Meters, events: Events) -> _Valid:
    scale, modulus = (each[registers.meter[1:]].astype(np.float64) for each in (meters.scale, meters.modulus))
    crosses = np.zeros(len(scale), dtype=bool)
    for index, several in events.items():
        start, stop = np.searchsorted(registers.meter, [index, index + 1])
        own = slice(max(start, 1) - 1, max(stop, 1) - 1)  # the steps that end with its readings
        since, until = registers.time[:-1][own], registers.time[1:][own]
        for event in several:
            crosses[own] |= (since <= event.time) & (event.time < until)
            behind = until > event.time
            if event.scale is not None:
                scale[own] = np.where(behind, event.scale, scale[own])
            if event.modulus is not None:
                modulus[own] = np.where(behind, event.modulus, modulus[own])
    return _Valid(scale, modulus, crosses)


def _give_way(readings: Readings, meters: Meters, events: Events | None) -> Bools:
    """Estimated readings that what was measured beside them refutes or replaces (EC-23).

    An estimate of an amount gives way to a measured one of the same slot. Estimates of a register between two measured
    readings only say how the known total is to be spread: where any step there and back is not plain, all of them go.
    """
    estimated: Bools = (readings.flags & int(Flag.ESTIMATED)) != 0
    if not estimated.any():
        return estimated
    is_register = meters.kind[readings.meter] == Kind.REGISTER
    replaced = estimated & ~is_register & _shares_slot(readings, meters, ~estimated)
    refuted = _refuted(readings, plain_steps(readings, meters, events), estimated)
    gone: Bools = replaced | (refuted & is_register)
    return gone


def _shares_slot(readings: Readings, meters: Meters, others: Bools) -> Bools:
    """Whether one of the others speaks for the slot of the approved interval that a reading speaks for."""
    interval = meters.interval[readings.meter]
    slot = (readings.time + interval // 2) // interval
    begins = np.ones(len(readings), dtype=bool)
    begins[1:] = (slot[1:] != slot[:-1]) | (readings.meter[1:] != readings.meter[:-1])
    group = np.cumsum(begins) - 1
    shares: Bools = (np.bincount(group, others) > 0)[group]
    return shares


def _refuted(readings: Readings, plain: Bools, estimated: Bools) -> Bools:
    """Runs of estimated readings into which, in which or out of which a step is not plain."""
    first = np.ones(len(readings), dtype=bool)
    first[1:] = readings.meter[1:] != readings.meter[:-1]
    follows = np.zeros(len(readings), dtype=bool)
    follows[1:] = estimated[:-1] & ~first[1:]
    run = np.cumsum(estimated & ~follows)
    odd = np.unique(run[(estimated | follows) & ~plain & ~first])
    refuted: Bools = estimated & np.isin(run, odd)
    return refuted


def _meters_to_walk(registers: Readings, plain: Bools, events: Events, count: int) -> Bools:
    first = np.ones(len(registers), dtype=bool)
    first[1:] = registers.meter[1:] != registers.meter[:-1]
    odd = np.zeros(count, dtype=bool)
    odd[registers.meter[~plain & ~first]] = True
    odd[list(events)] = True
    return odd


def _straight(registers: Readings, meters: Meters, plain: Bools) -> Pieces:
    """Pieces of the steps that are plainly right."""
    at = np.flatnonzero(plain)
    meter = registers.meter[at]
    amount = (registers.value[at] - registers.value[at - 1]) * meters.scale[meter]
    flags = registers.flags[at] | registers.flags[at - 1]
    return Pieces(meter, registers.time[at - 1], registers.time[at], amount, amount, amount, flags)


def _stated(readings: Readings, meters: Meters, events: Events) -> Pieces:
    """Pieces that interval and power readings state by themselves.

    A power reading that follows sooner than its interval speaks only of the time since: overlap would count twice.
    """
    meter, time, starts = readings.meter, readings.time, meters.starts[readings.meter]
    interval = meters.interval[meter]
    since, until = np.where(starts, time, time - interval), np.where(starts, time + interval, time)
    same = np.zeros(len(readings), dtype=bool)
    same[1:] = meter[1:] == meter[:-1]
    before = np.where(same, np.roll(until, 1), np.iinfo(np.int64).min)
    since = np.maximum(since, np.minimum(before, until))
    hours = np.where(meters.kind[meter] == Kind.POWER, (until - since) / HOUR, 1.0)
    scale = scales(meter, since, until, meters, events)
    bounds = [readings.value * hours * scale.low, readings.value * hours * scale.high]
    amount, low, high = readings.value * hours * scale.mean, np.minimum(*bounds), np.maximum(*bounds)
    with np.errstate(invalid="ignore"):
        fast = np.abs(amount) > OVERLOAD * meters.max_rate[meter] * (interval / HOUR)
    flags = (
        readings.flags
        | np.where(fast, Flag.OVER_RATE, 0)
        | np.where((amount < 0) & ~meters.have(Trait.NET, meter), Flag.NEGATIVE, 0)
    )
    flags |= np.where(scale.low != scale.high, Flag.MULTIPLIER, 0)
    return Pieces(meter, since, until, amount, low, high, flags)


@dataclass(frozen=True)
class Scales:
    """What one unit of a value is worth in each of some spans: the lowest and highest, and the mean by time (EC-7)."""

    low: Floats
    mean: Floats
    high: Floats


def scales(meter: Ints, since: Ints, until: Ints, meters: Meters, events: Events) -> Scales:
    """By spans [since, until) of meters."""
    mean = meters.scale[meter].astype(np.float64)
    if not events:
        return Scales(mean, mean, mean)
    low, high = mean.copy(), mean.copy()
    for index, several in events.items():
        worth = _Worth(float(meters.scale[index]), _changes(several))
        for at in np.flatnonzero(meter == index) if worth.changes else ():
            low[at], mean[at], high[at] = worth.over(int(since[at]), int(until[at]))
    return Scales(low, mean, high)


def _changes(events: tuple[Event, ...]) -> tuple[tuple[int, float], ...]:
    return tuple((event.time, event.scale) for event in events if event.scale is not None)


@dataclass(frozen=True)
class _Worth:
    """What one unit of a meter's value is worth: `scale` at first, and from each instant of `changes` on another."""

    scale: float
    changes: tuple[tuple[int, float], ...] = ()

    def over(self, since: int, until: int) -> tuple[float, float, float]:
        """The lowest, the mean by time, and the highest in a span."""
        if not self.changes:
            return self.scale, self.scale, self.scale
        now, begin = self.scale, since
        parts: list[tuple[int, float]] = []
        for time, scale in self.changes:
            if time > since and time >= until:
                break
            if time > since:
                parts.append((time - begin, now))
                begin = time
            now = scale
        parts = [part for part in (*parts, (until - begin, now)) if part[0]] or [(1, now)]
        worths = [scale for _, scale in parts]
        if len(set(worths)) == 1:
            return now, now, now
        return min(worths), sum(length * scale for length, scale in parts) / (until - since), max(worths)


# A meter with an odd step -------------------------------------------------------------------------


@dataclass(frozen=True)
class _Meter:
    """One meter's constants while it is walked through."""

    index: int
    worth: _Worth
    modulus: float
    max_rate: float
    interval: int


@dataclass(frozen=True)
class _Point:
    """One register reading on the walk."""

    time: int
    value: float
    flags: int


@dataclass(frozen=True)
class _Piece:
    since: int
    until: int
    amount: float
    low: float
    high: float
    flags: int


class _Walk:
    """Reads one register meter in order of time.

    Accepted readings form a chain; a reading that does not follow waits until `AGREEING` readings agree on its level,
    or until one returns to the chain and shows that it was a dip or a spike. A fall whose value follows one of the two
    readings before the last shows that what lay between was a spike. At the end of the data a waiting fall is taken for
    a reset, provisionally: it is bounded, so nothing is invented.
    """

    def __init__(self, meter: _Meter) -> None:
        self.meter = meter
        self.modulus = meter.modulus
        self.chain: list[_Point] = []
        self.waiting: list[_Point] = []
        self.pieces: list[_Piece] = []
        self.set_aside: list[tuple[int, int]] = []
        self.skipped = 0  # flags of what was set aside since the last piece; the next piece bridges it and says so

    def read(self, point: _Point) -> None:
        if not self.chain:
            self.chain.append(point)
        elif self._follows(self.chain[-1], point):
            self._drop_waiting()
            self._accept(point, 0)
        elif self._rolls_over(self.chain[-1], point):
            self._drop_waiting()
            self._accept(point, Flag.ROLLOVER)
        elif not self.waiting and self._ends_spike(point):
            self._accept(point, 0)
        else:
            self._wait(point)

    def split(self, event: Event) -> None:
        """The register is exchanged or reset: close it with its final reading, open the next with its initial one."""
        self.settle()
        last = self.chain[-1] if self.chain else None
        if last and event.old_final is not None and event.old_final >= last.value:
            self._accept(_Point(event.time, event.old_final, Flag.EXCHANGE), 0)
        elif last:
            self._bounded(last, event.time, 0.0, Flag.EXCHANGE)
        initial = event.new_initial if event.new_initial is not None or event.event == "exchange" else 0.0
        self.chain = [] if initial is None else [_Point(event.time, initial, Flag.EXCHANGE)]
        if event.modulus is not None:
            self.modulus = event.modulus

    def settle(self) -> None:
        """Decide what still waits as if no further reading came."""
        if not self.waiting:
            return
        if self.waiting[0].value < self.chain[-1].value:
            self._believe()
        else:
            self._drop_waiting()

    def _wait(self, point: _Point) -> None:
        if self.waiting and not self._follows(self.waiting[-1], point):
            self._drop_waiting()
        self.waiting.append(point)
        if len(self.waiting) >= AGREEING:
            self._believe()

    def _believe(self) -> None:
        """The waiting readings are the truth: a reset, or a leap faster than the meter can run."""
        first, *rest = self.waiting
        last = self.chain[-1]
        if first.value < last.value:
            least, _, most = self.meter.worth.over(last.time, first.time)
            changed = Flag.MULTIPLIER if least != most else 0
            self._bounded(last, first.time, first.value * least, Flag.RESET | changed | first.flags)
        else:
            self._bounded(last, first.time, 0.0, Flag.OVER_RATE | first.flags)
        self.chain, self.waiting = [first], []
        for point in rest:
            self._accept(point, 0)

    def _bounded(self, last: _Point, until: int, low: float, flags: int) -> None:
        """An amount of which only bounds are known: at most what the meter can run in the time (EC-2)."""
        most = self.meter.max_rate * (until - last.time) / HOUR
        high = float("inf") if most != most else max(low, most)
        self.pieces.append(_Piece(last.time, until, float("nan"), low, high, int(flags | self.skipped)))
        self.skipped = 0

    def _drop_waiting(self) -> None:
        for point in self.waiting:
            flag = Flag.DIP if point.value < self.chain[-1].value else Flag.SPIKE
            self.set_aside.append((point.time, flag))
            self.skipped |= flag
        self.waiting = []

    def _ends_spike(self, point: _Point) -> bool:
        """Whether the last one or two accepted readings were a spike; then they leave the chain with their pieces."""
        for depth in (1, 2):
            if len(self.chain) > depth and self._follows(self.chain[-1 - depth], point):
                self.set_aside += [(spike.time, Flag.SPIKE) for spike in self.chain[-depth:]]
                self.skipped |= Flag.SPIKE | reduce(or_, (piece.flags & Flag.DIP for piece in self.pieces[-depth:]))
                del self.chain[-depth:], self.pieces[-depth:]
                return True
        return False

    def _accept(self, point: _Point, flag: int) -> None:
        last = self.chain[-1]
        rise = point.value - last.value + (self.modulus if flag & Flag.ROLLOVER else 0.0)
        low, mean, high = self.meter.worth.over(last.time, point.time)
        flags = int(flag | self.skipped | last.flags | point.flags | (Flag.MULTIPLIER if low != high else 0))
        self.pieces.append(_Piece(last.time, point.time, rise * mean, rise * low, rise * high, flags))
        self.skipped = 0
        self.chain = [*self.chain[-2:], point]

    def _follows(self, last: _Point, point: _Point) -> bool:
        beyond = point.value >= self.modulus
        return point.value >= last.value and not beyond and self._is_plausible(last, point, point.value - last.value)

    def _is_plausible(self, last: _Point, point: _Point, rise: float) -> bool:
        hours = max(point.time - last.time, self.meter.interval) / HOUR
        return not rise * self._least_worth(last, point) > OVERLOAD * self.meter.max_rate * hours

    def _least_worth(self, last: _Point, point: _Point) -> float:
        return self.meter.worth.over(last.time, point.time)[0]

    def _rolls_over(self, last: _Point, point: _Point) -> bool:
        """Near the top before, near the bottom after, and no faster than the rating (EC-1). False without a modulus."""
        modulus = self.modulus
        if not (point.value < last.value <= modulus):
            return False
        reach = self.meter.max_rate * (point.time - last.time) / HOUR / self._least_worth(last, point)
        near = NEAR_END * modulus if reach != reach else max(NEAR_END * modulus, reach)
        rise = point.value + modulus - last.value
        return modulus - last.value <= near and point.value <= near and self._is_plausible(last, point, rise)


def _walk_one(registers: Readings, meters: Meters, index: int, events: tuple[Event, ...]) -> Amounts:
    """Amounts of one meter, reading by reading."""
    start, stop = np.searchsorted(registers.meter, [index, index + 1])
    points = [
        _Point(int(time), float(value), int(flags))
        for time, value, flags in zip(
            registers.time[start:stop], registers.value[start:stop], registers.flags[start:stop], strict=True
        )
    ]
    walk = _Walk(
        _Meter(
            index,
            _Worth(float(meters.scale[index]), _changes(events)),
            float(meters.modulus[index]),
            float(meters.max_rate[index]),
            int(meters.interval[index]),
        )
    )
    _read_all(walk, points, events)
    undecided = bool(walk.waiting)
    if walk.waiting and walk.waiting[0].value >= walk.chain[-1].value:
        walk.set_aside += [(point.time, Flag.SPIKE) for point in walk.waiting]
        walk.waiting = []
    walk.settle()
    return _amounts_of(walk, index, undecided)


def _read_all(walk: _Walk, points: list[_Point], events: tuple[Event, ...]) -> None:
    """Readings and events in order of time; a reading at an event's instant is the old register's last."""
    pending = [event for event in events if event.scale is None]
    for point in points:
        while pending and pending[0].time < point.time:
            walk.split(pending.pop(0))
        if not (walk.chain and walk.chain[-1].time == point.time):
            walk.read(point)
    for event in pending if points else ():
        walk.split(event)


def _amounts_of(walk: _Walk, index: int, undecided: bool) -> Amounts:
    count, pieces = len(walk.pieces), walk.pieces
    return Amounts(
        Pieces(
            np.full(count, index, dtype=np.int64),
            np.array([piece.since for piece in pieces], dtype=np.int64),
            np.array([piece.until for piece in pieces], dtype=np.int64),
            np.array([piece.amount for piece in pieces], dtype=np.float64),
            np.array([piece.low for piece in pieces], dtype=np.float64),
            np.array([piece.high for piece in pieces], dtype=np.float64),
            np.array([piece.flags for piece in pieces], dtype=np.int64),
        ),
        SetAside(
            np.full(len(walk.set_aside), index, dtype=np.int64),
            np.array([time for time, _ in walk.set_aside], dtype=np.int64),
            np.array([int(flag) for _, flag in walk.set_aside], dtype=np.int64),
        ),
        np.array([index] if undecided else [], dtype=np.int64),
    )


def _concatenate(parts: list[Ints]) -> Ints:
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)


def joined(parts: list[Pieces]) -> Pieces:
    """One after another; at least one."""
    names = Pieces.__dataclass_fields__
    return Pieces(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def _sorted(pieces: Pieces) -> Pieces:
    return pieces.of(np.lexsort((pieces.since, pieces.meter)))


# Where a window may begin and end -----------------------------------------------------------------


def anchors(readings: Readings, meters: Meters, events: Events | None = None) -> Bools:
    """For each reading: whatever came before it, the walk stands here with this reading and the two before it accepted.

    True for the last of `MEMORY` readings in a row that follow one another plainly, as those of interval and power
    meters always do. A register's are measured ones, for estimates may give way to what comes far behind them.
    """
    same = np.zeros(len(readings), dtype=bool)
    same[1:] = readings.meter[1:] == readings.meter[:-1]
    estimated = (readings.flags & int(Flag.ESTIMATED)) != 0
    plain = plain_steps(readings, meters, events) & ~estimated
    plain[1:] &= ~estimated[:-1]
    plain |= same & (meters.kind[readings.meter] != Kind.REGISTER)
    run: Bools = plain.copy()
    for back in range(1, MEMORY - 1):
        run[back:] &= plain[:-back]
        run[:back] = False
    return run


def iter_meters(readings: Readings) -> Iterator[tuple[int, slice]]:
    """(index of the meter, its slice of the readings) in order."""
    if not len(readings):
        return
    edges = np.flatnonzero(np.diff(readings.meter)) + 1
    for start, stop in zip([0, *edges.tolist()], [*edges.tolist(), len(readings)], strict=True):
        yield int(readings.meter[start]), slice(start, stop)

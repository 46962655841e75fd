"""Consumption of virtual meters: from that of the meters which their formulas name, for exactly the hours that moved.

It is made from what is stored of the hour alone, so it is the same bits whatever order things came in.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection

from energy import virtual
from energy.hours import Hours
from energy.registers import HOUR, SECOND, Bools, Floats, Ints
from energy.virtual import Asked, Input
from storage import binary, consumption
from storage.arrays import columns, micros
from storage.snapshot import Snapshot
from storage.sql import sql
from storage.stale import StaleSpan
from storage.usage_rollup import Touched
from storage.virtual import Around, Virtual, Virtuals

_AT_ONCE = 200_000  # hours of virtual meters computed together
_WANTED = binary.Layout([("place", ">i4"), ("meter_id", ">i4"), ("hour", ">i8")])


def recompute(
    conn: Connection, snapshot: Snapshot, touched: Sequence[Touched], spans: Sequence[StaleSpan]
) -> list[Touched]:
    """Write the virtual meters' hours that follow from these, and from spans that name them; which they are."""
    virtuals = snapshot.virtuals
    if not len(virtuals):
        return []
    done = []
    waiting = [_users(virtuals, each) for each in touched] + [_named(virtuals, span) for span in spans]
    for level in range(virtuals.depth):
        meter, hour, _ = _distinct(_joined([each.meter for each in waiting]), _joined([each.hour for each in waiting]))
        ids, at = np.unique(meter, return_inverse=True)
        is_due = np.array([virtuals.by_id[one].level == level for one in ids.tolist()], dtype=bool)[at]
        for start in range(0, int(is_due.sum()), _AT_ONCE):
            mine = slice(start, start + _AT_ONCE)
            _compute(conn, snapshot, meter[is_due][mine], hour[is_due][mine])
        done.append(Touched(meter[is_due], hour[is_due]))
        waiting = [Touched(meter[~is_due], hour[~is_due]), _users(virtuals, done[-1])]
    _keep_spans(conn, virtuals, np.unique(np.concatenate([each.meter for each in done])))
    return done


def _users(virtuals: Virtuals, touched: Touched) -> Touched:
    """The same hours of the virtual meters whose formulas name these meters."""
    used = np.isin(touched.meter, np.array(list(virtuals.users), dtype=np.int64))
    order = np.argsort(touched.meter[used], kind="stable")
    meter, hour = touched.meter[used][order], touched.hour[used][order]
    edges = pairwise([0, *(np.flatnonzero(np.diff(meter)) + 1).tolist(), len(meter)])
    found = [(first, last, virtuals.users[int(meter[first])]) for first, last in edges if last > first]
    meters = [np.full(last - first, user, dtype=np.int64) for first, last, users in found for user in users]
    return Touched(_joined(meters), _joined([hour[first:last] for first, last, users in found for _ in users]))


def _named(virtuals: Virtuals, span: StaleSpan) -> Touched:
    """Every hour of the span for the virtual meters among its meters."""
    mine = np.intersect1d(np.asarray(span.meters, dtype=np.int64), list(virtuals.by_id))
    hours = np.arange(micros(span.since) // HOUR, micros(span.until) // HOUR + 1) * HOUR
    return Touched(np.repeat(mine, len(hours)), np.tile(hours, len(mine)))


def _joined(parts: Sequence[Ints]) -> Ints:
    return np.concatenate([np.empty(0, dtype=np.int64), *parts])


def _distinct(meter: Ints, hour: Ints) -> tuple[Ints, Ints, Ints]:
    """Distinct pairs sorted by meter and hour, and the place of each given one among them."""
    if not len(meter):
        return meter, hour, meter
    first, width = int(hour.min()), int(hour.max() - hour.min()) // HOUR + 1
    code, place = np.unique(meter * width + (hour - first) // HOUR, return_inverse=True)
    return code // width, code % width * HOUR + first, place.astype(np.int64)


# One level ----------------------------------------------------------------------------------------


def _compute(conn: Connection, snapshot: Snapshot, meter: Ints, hour: Ints) -> None:
    """In place of what stands there. All inputs of these meters are up to date."""
    virtuals = snapshot.virtuals
    groups: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    for one in np.unique(meter).tolist():
        about = virtuals.by_id[one]
        groups[about.formula.steps, len(about.inputs), about.linear is None].append(one)
    for ids in groups.values():
        mine = np.isin(meter, ids)
        found = _hours(conn, virtuals, meter[mine], hour[mine])
        consumption.replace(conn, found, _windows(meter[mine], hour[mine]), snapshot.has_demand)


def _windows(meter: Ints, hour: Ints) -> NDArray[np.int64]:
    """Spans of hours that follow one another, as rows of meter, since, until."""
    breaks = np.flatnonzero((np.diff(meter) != 0) | (np.diff(hour) != HOUR)) + 1
    edges = pairwise([0, *breaks.tolist(), len(meter)])
    return np.array([(meter[first], hour[first], hour[last - 1] + HOUR) for first, last in edges], dtype=np.int64)


def _hours(conn: Connection, virtuals: Virtuals, meter: Ints, hour: Ints) -> Hours:
    """Of virtual meters of one shape, from what is stored of their inputs."""
    ids, at = np.unique(meter, return_inverse=True)
    about = [virtuals.by_id[one] for one in ids.tolist()]
    inputs = [[each.inputs[place].id for each in about] for place in range(len(about[0].inputs))]
    named = _joined([np.array(some, dtype=np.int64)[at] for some in inputs])
    *distinct, place = _distinct(named, np.tile(hour, len(inputs)))
    stored = _stored(conn, *distinct)
    slots = np.split(place, len(inputs))
    return virtual.hours_of(
        _asked(about, at, meter, hour), [_input(about, n, at, hour, stored, slot) for n, slot in enumerate(slots)]
    )


def _asked(about: Sequence[Virtual], at: NDArray[np.intp], meter: Ints, hour: Ints) -> Asked:
    numbers = [np.array(some)[at] for some in zip(*(one.formula.numbers for one in about), strict=True)]
    sums = [one.linear for one in about if one.linear]
    linear = [sums[one] for one in at.tolist()] if sums else None
    return Asked(meter, hour, about[0].formula.steps, numbers, linear, np.array([one.out_scale for one in about])[at])


@dataclass(frozen=True)
class _Stored:
    """Consumption of distinct (meter, hour); zeros and NaN where there is none."""

    is_there: Bools
    until: Ints
    amount: Floats
    low: Floats
    high: Floats
    estimated: Floats
    quarters: Floats
    flags: Ints
    covered_s: Ints
    received: Ints
    is_bounded: Bools


def _stored(conn: Connection, meter: Ints, hour: Ints) -> _Stored:
    for statement in ("wanted", "empty_wanted"):
        conn.execute(sql(f"virtual.{statement}"))
    rows = _WANTED.pack(len(meter), place=np.arange(len(meter)), meter_id=meter, hour=hour)
    binary.copy_in(conn, sql("virtual.copy_wanted"), rows)
    place, until, *figures = columns(conn, sql("virtual.hours"), {})
    at, size = place.astype(np.int64), len(meter)
    floats = [_spread(at, column, np.full(size, np.nan)) for column in figures[:8]]
    flags, covered, received, bounded = (_spread(at, column, np.zeros(size, np.int64)) for column in figures[8:])
    there = np.zeros(size, dtype=bool)
    there[at] = True
    return _Stored(
        there,
        _spread(at, until, np.zeros(size, dtype=np.int64)),
        floats[0],
        floats[1],
        floats[2],
        np.nan_to_num(floats[3]),
        np.stack(floats[4:], axis=1),
        flags,
        covered,
        received,
        bounded.astype(bool),
    )


def _spread(at: Ints, column: NDArray[Any], into: NDArray[Any]) -> NDArray[Any]:
    into[at] = column
    return into


def _input(
    about: Sequence[Virtual], number: int, at: NDArray[np.intp], hour: Ints, stored: _Stored, slot: Ints
) -> Input:
    """One input of every virtual meter, for each of their hours; slot: where it is stored."""
    inputs = [one.inputs[number] for one in about]
    return Input(
        stored.is_there[slot],
        stored.amount[slot],
        stored.low[slot],
        stored.high[slot],
        stored.is_bounded[slot],
        stored.estimated[slot],
        stored.quarters[slot],
        stored.until[slot],
        stored.covered_s[slot],
        stored.received[slot] * np.array([each.interval // SECOND for each in inputs])[at],
        stored.flags[slot],
        _due_s(inputs, at, hour),
        np.array([one.may_fall[number] for one in about])[at],
        np.array([one.in_scales[number] for one in about])[at],
    )


def _due_s(inputs: Sequence[Around], at: NDArray[np.intp], hour: Ints) -> Ints:
    """For how much of the hour each input exists by its stated validity."""
    since = np.maximum(hour, np.array([each.valid_from for each in inputs])[at])
    until = np.minimum(hour + HOUR, np.array([each.valid_to for each in inputs])[at])
    due: Ints = np.maximum(until - since, 0) // SECOND
    return due


def _keep_spans(conn: Connection, virtuals: Virtuals, meters: Ints) -> None:
    """When they begin and end, which is what completeness counts from."""
    pairs = [(one, leaf) for one in meters.tolist() for leaf in sorted(virtuals.leaves(one))]
    values: Mapping[str, list[int]] = {
        "virtuals": [one for one, _ in pairs],
        "meters": [leaf for _, leaf in pairs],
    }
    if pairs:
        conn.execute(sql("virtual.keep_spans"), values)

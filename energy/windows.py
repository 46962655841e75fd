"""How far a change reaches, and how much must be read to compute it again.

A reading can change the pieces from the second reading before the anchor in front of it up to the next anchor behind it
(`energy.registers.anchors`). Hours are written whole, so readings are needed from an anchor before the first of them to
an anchor after the last.
"""

from dataclasses import dataclass

import numpy as np

from energy.registers import HOUR, MEMORY, Bools, Ints, Readings, iter_meters

FINAL = 2  # readings before an anchor that later ones may still take back
EVER = 150 * 365 * 24 * HOUR  # beyond all data, within what PostgreSQL and Python can write


@dataclass(frozen=True)
class Window:
    """Hours [since, until) of one meter that can be computed from what was read; `ends`: read to its last reading."""

    meter: int
    since: int
    until: int
    ends: bool


def windows(
    readings: Readings, is_anchor: Bools, since: Ints, until: Ints, from_start: Bools, to_end: Bools, is_cut: Bools
) -> tuple[list[Window], list[int]]:
    """Windows for the changes [since, until] of meters, and the meters of which more must be read.

    Arrays are indexed by meter. from_start and to_end: the readings hold the meter's first, its last. is_cut: there
    were earlier readings, which are gone; hours that they may have a part in are in no window (EC-66).
    """
    found, short = [], []
    for meter, part in iter_meters(readings):
        time, anchor = readings.time[part], np.flatnonzero(is_anchor[part])
        begin = _begin(time, anchor, int(since[meter]), bool(from_start[meter]))
        if begin is None and is_cut[meter]:
            begin = _behind_cut(time, anchor)
        end = _end(time, anchor, int(until[meter]), bool(to_end[meter]))
        if begin is None or end is None:
            short.append(meter)
        elif begin < end:
            found.append(Window(meter, begin, end, end == EVER))
    return found, short


def _behind_cut(time: Ints, anchor: Ints) -> int:
    """The first whole hour behind the first anchor, or behind the first reading where they are too few for one."""
    return -(-int(time[anchor[0] if len(anchor) else 0]) // HOUR) * HOUR


def _begin(time: Ints, anchor: Ints, since: int, from_start: bool) -> int | None:
    """The first hour to be written: that of the last reading that the change cannot touch."""
    before = anchor[time[anchor] < since]
    if len(before):
        hour = int(time[before[-1] - FINAL]) // HOUR * HOUR
        if from_start or (time[before] <= hour).any():
            return hour
    return -EVER if from_start else None


def _end(time: Ints, anchor: Ints, until: int, to_end: bool) -> int | None:
    """The end of the last hour to be written: that of the first anchor behind the change whose run begins behind it."""
    behind = anchor[time[anchor - (MEMORY - 1)] > until]
    if len(behind):
        hour = -(-int(time[behind[0]]) // HOUR) * HOUR
        if (time[anchor - FINAL] >= hour).any():
            return hour
    return EVER if to_end else None

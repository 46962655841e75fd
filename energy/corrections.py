"""Approved corrections laid over the pieces that readings come to (EC-63, EC-64).

Readings and what they come to stay as they are; a correction stands in front of them over [since, until) and can be
taken away again. What it says is placed hour by hour, so that any hour can be computed without the others.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from energy.quality import Flag
from energy.registers import BOUNDARY_TOLERANCE, HOUR, LATE, Floats, Ints, Meters, Pieces, joined

Span = tuple[int, int]  # [since, until)
_NEVER = np.iinfo(np.int64).max


class Spread(StrEnum):
    """How an amount is placed in the hours of its span, as in the registry's column `spread`."""

    TIME = "time"  # in proportion to time
    PROFILE = "profile"  # as the meter's own readings rose there, where they are known throughout; else by time


@dataclass(frozen=True)
class Correction:
    """What a meter used over [since, until), in the carrier's own unit; NaN: unknown."""

    since: int
    until: int
    amount: float
    spread: Spread = Spread.TIME


Approved = Mapping[int, Sequence[Correction]]  # by index of the meter, in the order of approval


def apply(pieces: Pieces, approved: Approved, meters: Meters) -> Pieces:
    """Pieces with the corrections in place of what they cover, sorted by (meter, since).

    Of two corrections of one instant the one approved last stands there, and the earlier one keeps the share that
    belongs to its other hours. A piece that reaches out of a correction keeps the share of its time outside.
    """
    if not any(approved.values()):
        return pieces
    corrected = np.isin(pieces.meter, list(approved))
    parts = [pieces.of(~corrected)]
    for meter, several in approved.items():
        own = pieces.of(pieces.meter == meter)
        parts.append(_outside(own, _merged((one.since, one.until) for one in several), int(meters.interval[meter])))
        for place, one in enumerate(several):
            free = _without((one.since, one.until), [(later.since, later.until) for later in several[place + 1 :]])
            parts.append(_placed(meter, one, free, _profile(one, own), float(meters.max_rate[meter])))
    whole = joined(parts)
    return whole.of(np.lexsort((whole.since, whole.meter)))


def split(approved: Sequence[Correction], since: int, until: int) -> Span | None:
    """What [since, until) must grow to before its hours can be computed: a profile is known only as a whole.

    None if it is wide enough.
    """
    whole = [one for one in approved if one.spread is Spread.PROFILE]
    touched = [one for one in whole if one.since < until and since < one.until]
    wide = (min([since, *(one.since for one in touched)]), max([until, *(one.until for one in touched)]))
    return None if wide == (since, until) else wide


def behind(approved: Sequence[Correction], since: int, asked: int) -> int:
    """The first instant from `since` on that is in no profile which begins in [asked, since): those are not whole."""
    for one in approved:
        if one.spread is Spread.PROFILE and asked <= one.since < since < one.until:
            return behind(approved, one.until, asked)
    return since


# Spans --------------------------------------------------------------------------------------------


def _merged(spans: Iterable[Span]) -> list[Span]:
    """Disjoint spans in order that cover the same time."""
    found: list[Span] = []
    for since, until in sorted(spans):
        if found and since <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], until))
        else:
            found.append((since, until))
    return found


def _without(span: Span, taken: Sequence[Span]) -> list[Span]:
    """What is left of a span when others are taken away."""
    since, end = span
    left = []
    for begin, until in _merged(taken):
        if since < min(begin, end):
            left.append((since, min(begin, end)))
        since = max(since, until)
    return [*left, (since, end)] if since < end else left


# What readings keep -------------------------------------------------------------------------------


def _outside(own: Pieces, covered: list[Span], interval: int) -> Pieces:
    """One meter's pieces without the covered time."""
    starts, ends = (np.array([*(span[side] for span in covered), _NEVER]) for side in (0, 1))
    first = np.searchsorted(ends, own.since, side="right")  # the first span that ends behind the piece's beginning
    is_reached = starts[first] < own.until
    is_lost = is_reached & (starts[first] <= own.since) & (own.until <= ends[first])
    rest = [_rest(own, int(at), covered, interval) for at in np.flatnonzero(is_reached & ~is_lost)]
    return joined([own.of(~is_reached), *rest])


def _rest(own: Pieces, at: int, covered: list[Span], interval: int) -> Pieces:
    """What one piece keeps: its share by time, of an unknown amount no more than that nothing is known below."""
    since, until = int(own.since[at]), int(own.until[at])
    left = _without((since, until), covered)
    begin, end = (np.array([span[side] for span in left], dtype=np.int64) for side in (0, 1))
    share = (end - begin) / max(until - since, 1)
    amount, low, high = (getattr(own, name)[at] * share for name in ("amount", "low", "high"))
    low = np.zeros(len(left)) if np.isnan(own.amount[at]) else low
    flags = np.full(len(left), own.flags[at] | _cut_flag(since, until, left, interval))
    return Pieces(np.full(len(left), own.meter[at]), begin, end, amount, low, high, flags)


def _cut_flag(since: int, until: int, left: list[Span], interval: int) -> int:
    """GAP where a long step was cut, INTERPOLATED where a usual one was, away from its readings."""
    kept = sum(end - begin for begin, end in left)
    if min(kept, until - since - kept) <= BOUNDARY_TOLERANCE:
        return 0
    return int(Flag.GAP if until - since > LATE * interval else Flag.INTERPOLATED)


# What the correction says -------------------------------------------------------------------------


def _placed(meter: int, one: Correction, free: list[Span], profile: tuple[Floats, Floats], max_rate: float) -> Pieces:
    """The correction over the time that is left to it, cut at full hours; shares telescope, so that they add up."""
    edges = [_hours(since, until) for since, until in free]
    begin = np.array([edge for some in edges for edge in some[:-1]], dtype=np.int64)
    end = np.array([edge for some in edges for edge in some[1:]], dtype=np.int64)
    amount = one.amount * np.interp(end, *profile) - one.amount * np.interp(begin, *profile)
    most = np.full(len(begin), np.inf) if np.isnan(max_rate) else max_rate * ((end - begin) / HOUR)
    unknown = np.isnan(amount)
    flags = Flag.CORRECTED | (Flag.NEGATIVE if one.amount < 0 else 0)
    return Pieces(
        np.full(len(begin), meter),
        begin,
        end,
        amount,
        np.where(unknown, 0.0, amount),
        np.where(unknown, most, amount),
        np.full(len(begin), int(flags)),
    )


def _hours(since: int, until: int) -> list[int]:
    return [since, *range((since // HOUR + 1) * HOUR, until, HOUR), until]


def _profile(one: Correction, own: Pieces) -> tuple[Floats, Floats]:
    """Times of the span, and the share of the amount used until then."""
    flat = np.array([one.since, one.until], dtype=np.float64), np.array([0.0, 1.0])
    if one.spread is Spread.TIME:
        return flat
    inside = own.of((own.since < one.until) & (own.until > one.since))
    begin, end = np.maximum(inside.since, one.since), np.minimum(inside.until, one.until)
    share = inside.amount * ((end - begin) / np.maximum(inside.until - inside.since, 1))
    if not _is_whole(one, begin, end) or not np.all(share >= 0) or not share.sum() > 0:
        return flat
    used = np.cumsum(share)
    return np.r_[one.since, end].astype(np.float64), np.r_[0.0, used / used[-1]]


def _is_whole(one: Correction, begin: Ints, end: Ints) -> bool:
    """Whether the pieces follow one another through the whole span."""
    if not len(begin) or begin[0] != one.since or end[-1] != one.until:
        return False
    return bool(np.all(begin[1:] == end[:-1]))

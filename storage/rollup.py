"""The station that turns readings into figures: takes stale spans, leaves consumption, usage and stale judgements.

One round is one transaction: spans are taken, everything that follows from them is computed and written, and those who
judge are told. A round that fails leaves the spans where they were.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection

from energy import binding, corrections, hours, registers, windows
from energy import estimates as estimating
from energy.corrections import Approved
from energy.hours import Hours, Parts, Received
from energy.registers import HOUR, LATE, Amounts, Bools, Ints, Kind, Pieces, Readings, SetAside, Trait
from energy.windows import EVER, Window
from storage import binding as bound
from storage import consumption, estimates, retention, stale, usage_rollup, virtual_rollup
from storage import corrections as chain
from storage.arrays import micros
from storage.consumption import InTheWay, Spans
from storage.snapshot import Snapshot, current
from storage.stale import StaleSpan
from storage.usage_rollup import Touched

READINGS_AT_ONCE = 3_000_000  # expected readings computed together: a nation's quarter hour, some hundred megabytes
QUIET, PATIENCE = timedelta(milliseconds=300), timedelta(seconds=5)
LAG = HOUR  # meter_span.last_time may be behind by so much (storage.readings)
DAY = 24 * HOUR
_NEVER = np.iinfo(np.int64).min // 2
_FAR = 1_000_000  # more days than any reading is away from another
_SLICE = 31 * DAY  # of a long span, computed at once for many meters, so that each day's readings are read once


def drain(conn: Connection, zone: ZoneInfo, now: datetime) -> int:
    """Recompute all that is stale, round by round, each committed; returns how many spans were taken.

    What others are at is waited for: afterwards the figures are those of all that was stale before.
    """
    total = 0
    while (taken := work(conn, zone, now)) or stale.await_others(conn):
        total += taken
    return total


def work_on_settled(conn: Connection, zone: ZoneInfo, now: datetime) -> int:
    """One round of a worker, unless a burst is still coming in: taken whole it costs half of what its parts cost.

    Workers who are at it together take an equal share each, side by side.
    """
    sharers = stale.workers(conn)
    return work(conn, zone, now, sharers) if stale.is_settled(conn, QUIET, PATIENCE) else 0


def work(conn: Connection, zone: ZoneInfo, now: datetime, sharers: int = 1) -> int:
    """One round over one share of what is stale: how many spans were taken, 0 if none was free to take."""
    with conn.transaction():
        spans = stale.claim(conn, sharers)
        if spans:
            snapshot = current(conn)
            usage_rollup.keep_counting(conn, snapshot)
            kept = retention.hold(conn)
            news = [span for span in spans if span.why == "reading"]
            rest = [span for span in spans if span.why != "reading"]
            fresh = _chunks(snapshot, kept.of_readings(news))
            touched = [_recompute(conn, snapshot, zone, chunk, may_append=True) for chunk in fresh]
            again = _chunks(snapshot, kept.of_readings(rest), conn)
            touched += [_recompute(conn, snapshot, zone, chunk, may_append=False) for chunk in again]
            touched += virtual_rollup.recompute(conn, snapshot, touched, kept.of_hours(rest))
            usage_rollup.recompute(conn, snapshot, touched, kept.of_days(_days_only(spans, zone)), zone, now)
    return len(spans)


def _days_only(spans: Sequence[StaleSpan], zone: ZoneInfo) -> list[StaleSpan]:
    """Spans that concern the conversion alone: a factor changed, no amount."""
    return [span for span in spans if not len(span.meters)]


@dataclass(frozen=True)
class Stale:
    """Meters (ids, sorted) with the times [since, until] of what changed; arrays of one length."""

    meter: Ints
    since: Ints
    until: Ints

    def __len__(self) -> int:
        return len(self.meter)

    def of(self, mask: NDArray[np.bool_] | NDArray[np.intp] | slice) -> "Stale":
        return Stale(self.meter[mask], self.since[mask], self.until[mask])


def _chunks(snapshot: Snapshot, spans: Sequence[StaleSpan], slicing: Connection | None = None) -> Iterator[Stale]:
    """Spans by meter, those of about the same days together, no more at once than memory allows.

    slicing: long spans are cut; not those of news, of which only the last part could be appended.
    """
    merged = _by_meter([span for span in spans if len(span.meters)])
    merged = merged.of(merged.meter < len(snapshot.enterprise))
    is_read = snapshot.meters.kind[merged.meter] != Kind.VIRTUAL
    merged = merged.of((snapshot.enterprise[merged.meter] > 0) & is_read)
    merged = _sliced(slicing, snapshot, merged) if slicing and len(merged) else merged
    days = (merged.since // DAY) * _FAR + merged.until // DAY
    for pair in np.unique(days):
        group = merged.of(days == pair)
        expected = (group.until - group.since) // snapshot.meters.interval[group.meter] + 2
        chunk = np.cumsum(expected) // READINGS_AT_ONCE
        for number in np.unique(chunk):
            yield group.of(chunk == number)


def _sliced(conn: Connection, snapshot: Snapshot, merged: Stale) -> Stale:
    """Spans cut where their meters have spoken; each part is computed between anchors of its own, to the same bits."""
    known = consumption.spans(conn, merged.meter, len(snapshot.enterprise))
    first, last = (
        np.clip(edge[merged.meter], merged.since, merged.until) // _SLICE for edge in (known.first, known.last)
    )
    count = np.maximum(last - first, 0) + 1
    at = np.repeat(np.arange(len(merged)), count)
    number = np.arange(len(at)) - np.repeat(np.cumsum(count) - count, count)
    since = np.where(number == 0, merged.since[at], (first[at] + number) * _SLICE)
    until = np.where(number == count[at] - 1, merged.until[at], (first[at] + number + 1) * _SLICE)
    return Stale(merged.meter[at], since, until)


def _by_meter(spans: Sequence[StaleSpan]) -> Stale:
    """One span a meter: from the first of its changes to the last."""
    if not spans:
        return Stale(*(np.empty(0, dtype=np.int64) for _ in range(3)))
    count = [len(span.meters) for span in spans]
    meter = np.concatenate([np.asarray(span.meters, dtype=np.int64) for span in spans])
    since = np.repeat(np.array([micros(span.since) for span in spans]), count)
    until = np.repeat(np.array([micros(span.until) for span in spans]), count)
    distinct, at = np.unique(meter, return_inverse=True)
    first, last = np.full(len(distinct), EVER), np.full(len(distinct), -EVER)
    np.minimum.at(first, at, since)
    np.maximum.at(last, at, until)
    return Stale(distinct, first, last)


def _recompute(conn: Connection, snapshot: Snapshot, zone: ZoneInfo, changed: Stale, may_append: bool) -> Touched:
    """Consumption of the changed meters: appended where the change is news only, else computed again."""
    spans = consumption.spans(conn, changed.meter, len(snapshot.enterprise))
    approved = chain.standing(conn, changed.meter)
    none = changed.of(slice(0, 0))
    news, rest = _split_news(conn, snapshot, spans, changed, approved) if may_append else (none, changed)
    touched = [_nothing()]
    if len(news):
        written, refused = _append(conn, snapshot, spans, news)
        touched.append(written)
        rest = _union(rest, changed, refused)
    if len(rest):
        touched.append(_replace(conn, snapshot, zone, spans, rest, approved))
    return Touched(*(np.concatenate([getattr(each, name) for each in touched]) for name in ("meter", "hour")))


def _nothing() -> Touched:
    return Touched(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))


def _union(rest: Stale, changed: Stale, more: Ints) -> Stale:
    return changed.of(np.isin(changed.meter, np.union1d(rest.meter, more)))


# News: later than everything known ----------------------------------------------------------------


def _split_news(
    conn: Connection, snapshot: Snapshot, spans: Spans, changed: Stale, approved: Approved
) -> tuple[Stale, Stale]:
    """Meters of which nothing later than the change is known and which need no walk, and the others."""
    is_news = (spans.last[changed.meter] <= changed.until) & ~snapshot.has_events[changed.meter]
    is_news &= ~_may_be_corrected(snapshot, changed, approved) & ~_meets_others(conn, snapshot, changed)
    latest = int(changed.until.max(initial=_NEVER))
    if is_news.any():
        later = consumption.speaking(conn, changed.meter, latest, latest + 2 * LAG)
        is_news &= ~np.isin(changed.meter, np.concatenate([later, consumption.undecided(conn)]))
    return changed.of(is_news), changed.of(~is_news)


def _may_be_corrected(snapshot: Snapshot, changed: Stale, approved: Approved) -> Bools:
    """Whether news, or the step that leads to it, could fall into an hour for which a correction stands."""
    corrected = np.full(len(snapshot.enterprise), -EVER)
    for meter, several in approved.items():
        corrected[meter] = max(one.until for one in several)
    may: Bools = corrected[changed.meter] > changed.since - _reach_of_append(snapshot, changed) - HOUR
    return may


def _meets_others(conn: Connection, snapshot: Snapshot, changed: Stale) -> Bools:
    """Whether news may come to where an estimate stands, or to days on which the meter is refused."""
    if not len(changed):
        return np.zeros(0, dtype=bool)
    since = int(changed.since.min()) - _reach_of_append(snapshot, changed) - HOUR
    refused = bound.near(conn, changed.meter, since - binding.REACH, EVER)
    met: Bools = np.isin(changed.meter, [*estimates.reaching(conn, since), *refused.tolist()])
    return met


def _reach_of_append(snapshot: Snapshot, changed: Stale) -> int:
    """How long before the news the reading may lie that it follows."""
    return int((LATE * snapshot.meters.interval[changed.meter]).max(initial=0))


def _append(conn: Connection, snapshot: Snapshot, spans: Spans, news: Stale) -> tuple[Touched, Ints]:
    """Append what can be appended; the ids of meters for which it cannot."""
    ids = np.arange(len(snapshot.enterprise))
    since, until = _by_id(snapshot, news, -EVER, EVER)
    interval = snapshot.meters.interval
    begin = max(int(news.since.min()) - _reach_of_append(snapshot, news), spans.kept)
    readings = consumption.readings_of(conn, news.meter, begin, int(news.until.max()))
    fit = _can_append(snapshot, spans, readings, news, since, until)
    mine = readings.of(fit[readings.meter])
    result = registers.amounts(mine, snapshot.meters)
    told = np.where(snapshot.meters.starts, interval, 0)[result.pieces.meter]
    fresh = _pieces_of(result, result.pieces.until - told >= since[result.pieces.meter])
    is_new = mine.time >= since[mine.meter]
    received = hours.count_received(mine, snapshot.meters, _is_first(spans, mine), is_new)
    layers, later = _layers(hours.cut(fresh.pieces, snapshot.meters), received, snapshot.has_demand)
    refused = ids[news.meter][~fit[news.meter]]
    try:
        consumption.append(conn, layers, later, snapshot.has_demand)
    except InTheWay as obstacle:
        keep = news.of(fit[news.meter] & ~np.isin(news.meter, obstacle.meters))
        written, more = _append(conn, snapshot, spans, keep) if len(keep) else (_nothing(), np.empty(0, dtype=np.int64))
        return written, np.concatenate([refused, obstacle.meters, more])
    every = [*layers, later]
    return Touched(*(np.concatenate([getattr(part, name) for part in every]) for name in ("meter", "hour"))), refused


def _by_id(snapshot: Snapshot, stale: Stale, since: int, until: int) -> tuple[Ints, Ints]:
    """since and until as arrays indexed by meter id."""
    size = len(snapshot.enterprise)
    first, last = np.full(size, since), np.full(size, until)
    first[stale.meter], last[stale.meter] = stale.since, stale.until
    return first, last


def _can_append(snapshot: Snapshot, spans: Spans, readings: Readings, news: Stale, since: Ints, until: Ints) -> Bools:
    """By meter id: every new step is plain and no gap, nothing contested, and the reading before the news at hand, or
    none is.
    """
    fit = np.zeros(len(snapshot.enterprise), dtype=bool)
    fit[news.meter] = True
    is_new, plain = readings.time >= since[readings.meter], registers.plain_steps(readings, snapshot.meters)
    is_register = snapshot.meters.kind[readings.meter] == Kind.REGISTER
    first = np.ones(len(readings), dtype=bool)
    first[1:] = readings.meter[1:] != readings.meter[:-1]
    fit[readings.meter[is_register & is_new & ~plain & ~first]] = False
    fit[readings.meter[readings.flags != 0]] = False
    gap = np.diff(readings.time, prepend=0) > LATE * snapshot.meters.interval[readings.meter]
    fit[readings.meter[is_register & is_new & ~first & gap]] = False  # an estimate cannot be added to an hour
    alone = is_register & is_new & first & ~_is_first(spans, readings)
    fit[readings.meter[alone]] = False
    fit[readings.meter[readings.time > until[readings.meter]]] = False
    fit[news.meter[snapshot.meters.have(Trait.UNCONVERTIBLE, news.meter)]] = False  # bounds cannot be added to an hour
    return fit


def _is_first(spans: Spans, readings: Readings) -> Bools:
    """Which readings are the first ever of their meter."""
    first: Bools = readings.time <= spans.first[readings.meter]
    return first


def _pieces_of(result: Amounts, mask: Bools) -> Amounts:
    names = registers.Pieces.__dataclass_fields__
    pieces = registers.Pieces(*(getattr(result.pieces, name)[mask] for name in names))
    return Amounts(pieces, result.set_aside, result.undecided)


def _layers(parts: Parts, received: Received, has_demand: Bools) -> tuple[list[Hours], Hours]:
    """A meter's first hour piece by piece, for something may stand there already, and its later hours whole."""
    in_first = np.zeros(len(parts), dtype=bool)
    rank = np.zeros(len(parts), dtype=np.int64)
    if len(parts):
        starts = np.flatnonzero(np.r_[True, parts.meter[1:] != parts.meter[:-1]])
        first_hour = np.repeat(parts.hour[starts], np.diff(np.r_[starts, len(parts)]))
        in_first = parts.hour == first_hour
        rank = np.arange(len(parts)) - np.repeat(starts, np.diff(np.r_[starts, len(parts)]))
    earliest = np.full(len(has_demand), EVER)
    np.minimum.at(earliest, parts.meter, parts.hour)
    early = received.hour <= earliest[received.meter]
    none = Received(*(np.empty(0, dtype=np.int64) for _ in range(3)))
    layers = []
    for number in range(int(rank[in_first].max(initial=0)) + 1):
        counts = _received_of(received, early) if number == 0 else none
        layers.append(hours.sum_up(parts.of(in_first & (rank == number)), counts, has_demand))
    return layers, hours.sum_up(parts.of(~in_first), _received_of(received, ~early), has_demand)


def _received_of(received: Received, mask: Bools) -> Received:
    return Received(received.meter[mask], received.hour[mask], received.count[mask])


# Everything else: computed again between anchors --------------------------------------------------


def _replace(
    conn: Connection, snapshot: Snapshot, zone: ZoneInfo, spans: Spans, changed: Stale, approved: Approved
) -> Touched:
    """Compute the changed meters again."""
    touched = [_nothing()]
    for readings, found in _read(conn, snapshot, spans, changed, approved):
        bound.renew(conn, snapshot, zone, readings, found)
        touched.append(_write(conn, snapshot, spans, readings, found, approved))
    return Touched(*(np.concatenate([getattr(each, name) for each in touched]) for name in ("meter", "hour")))


def _read(
    conn: Connection, snapshot: Snapshot, spans: Spans, changed: Stale, approved: Approved
) -> Iterator[tuple[Readings, list[Window]]]:
    """Readings with the windows that can be computed from them, reading ever more until every meter had its window."""
    reach = max(4 * HOUR, 12 * int(snapshot.meters.interval[changed.meter].max()))
    while len(changed):
        readings, found, changed = _read_within(conn, snapshot, spans, changed, approved, reach)
        yield readings, found
        reach *= 12


def _read_within(
    conn: Connection, snapshot: Snapshot, spans: Spans, changed: Stale, approved: Approved, reach: int
) -> tuple[Readings, list[Window], Stale]:
    """The same from readings no further than `reach` from the changes, and the changes for which that is too short."""
    low, high = max(int(changed.since.min()) - reach, spans.kept), int(changed.until.max()) + reach
    readings = consumption.readings_of(conn, changed.meter, max(low, -EVER), min(high, EVER))
    since, until = _by_id(snapshot, changed, -EVER, EVER)
    from_start, to_end = _edges(conn, snapshot, spans, changed, low, high)
    is_cut = ~from_start if low == spans.kept else np.zeros_like(from_start)
    is_anchor = registers.anchors(readings, snapshot.meters, _events(snapshot, changed.meter))
    found, short = windows.windows(readings, is_anchor, since, until, from_start, to_end, is_cut)
    silent = np.setdiff1d(changed.meter, readings.meter)
    found += [Window(int(meter), -EVER, EVER, True) for meter in silent if from_start[meter] and to_end[meter]]
    short += [int(meter) for meter in silent if not ((from_start | is_cut)[meter] and to_end[meter])]
    found = [_behind_gone(window, approved, since) if is_cut[window.meter] else window for window in found]
    narrow = set()
    for window in found:
        if wide := corrections.split(approved.get(window.meter, ()), window.since, window.until):
            since[window.meter], until[window.meter] = wide
            narrow.add(window.meter)
    found = [window for window in found if window.meter not in narrow and window.since < window.until]
    short += narrow
    rest = changed.meter[np.isin(changed.meter, short)]
    return readings.of(~np.isin(readings.meter, short)), found, Stale(rest, since[rest], until[rest])


def _behind_gone(window: Window, approved: Approved, asked: Ints) -> Window:
    """The window without the hours of corrections whose profile was asked for and begins where readings are gone."""
    known = corrections.behind(approved.get(window.meter, ()), window.since, int(asked[window.meter]))
    return replace(window, since=-(-known // HOUR) * HOUR)


def _edges(
    conn: Connection, snapshot: Snapshot, spans: Spans, changed: Stale, low: int, high: int
) -> tuple[Bools, Bools]:
    """By meter id: whether [low, high] holds the meter's first reading, and its last."""
    first, last = spans.first[changed.meter], spans.last[changed.meter]
    from_start, to_end = (np.zeros(len(snapshot.enterprise), dtype=bool) for _ in range(2))
    from_start[changed.meter] = first >= low
    ended = last <= high
    near = ended & (last + 2 * LAG > high)
    if near.any():
        later = consumption.speaking(conn, changed.meter[near], high, high + 2 * LAG)
        ended &= ~np.isin(changed.meter, later)
    to_end[changed.meter] = ended
    return from_start, to_end


def _write(
    conn: Connection, snapshot: Snapshot, spans: Spans, readings: Readings, found: list[Window], approved: Approved
) -> Touched:
    """Hours of the windows, in place of what is stored there."""
    if not found:
        return _nothing()
    result, pieces = _made(conn, snapshot, readings, found, approved)
    since, until = (np.zeros(len(snapshot.enterprise), dtype=np.int64) for _ in range(2))
    for window in found:
        since[window.meter], until[window.meter] = window.since, window.until
    received = hours.count_received(readings, snapshot.meters, _is_first(spans, readings))
    computed = hours.sum_up(hours.cut(pieces, snapshot.meters), received, snapshot.has_demand)
    inside = (computed.hour >= since[computed.meter]) & (computed.hour < until[computed.meter])
    kept = _set_aside_inside(result.set_aside, since, until)
    written = computed.of(inside)
    gone = consumption.replace(
        conn, written, np.array([(w.meter, w.since, w.until) for w in found]), snapshot.has_demand
    )
    ends = np.array([window.meter for window in found if window.ends], dtype=np.int64)
    consumption.remember(conn, kept, ends, np.intersect1d(result.undecided, ends))
    return Touched(np.concatenate([written.meter, gone[0]]), np.concatenate([written.hour, gone[1]]))


def _made(
    conn: Connection, snapshot: Snapshot, readings: Readings, found: Sequence[Window], approved: Approved
) -> tuple[Amounts, Pieces]:
    """What the readings come to; and the pieces that count, with estimates and approved corrections in their places."""
    meters = np.array([window.meter for window in found], dtype=np.int64)
    events = _events(snapshot, meters)
    result = registers.amounts(readings, snapshot.meters, events)
    refused = bound.days(conn, meters, *_extent(result.pieces, found))
    own = binding.unbind(result.pieces, refused, snapshot.meters)
    stated = estimates.standing(conn, meters, min(w.since for w in found), max(w.until for w in found))
    filled = estimating.fill(own, stated, snapshot.meters, events)
    mine = {meter: approved[meter] for meter in meters.tolist() if meter in approved}
    return Amounts(own, result.set_aside, result.undecided), corrections.apply(filled, mine, snapshot.meters)


def _events(snapshot: Snapshot, meters: Ints) -> registers.Events:
    return {meter: snapshot.events[meter] for meter in meters[snapshot.has_events[meters]].tolist()}


def _extent(pieces: Pieces, found: Sequence[Window]) -> tuple[int, int]:
    """From the first piece to the last, for one that reaches into a window may begin long before it."""
    since, until = min(window.since for window in found), max(window.until for window in found)
    return min(since, int(pieces.since.min(initial=since))), max(until, int(pieces.until.max(initial=until)))


@dataclass(frozen=True)
class Made:
    """What the readings of some meters come to, and the pieces that count: with corrections in their places."""

    readings: Readings
    amounts: Amounts
    pieces: Pieces


def made(conn: Connection, snapshot: Snapshot, meters: Ints, since: int, until: int) -> list[Made]:
    """How the figures of these meters in [since, until) come about, computed as for them; nothing is written.

    Each meter is in one of the results, with readings and pieces beyond the span as far as they were needed.
    """
    if not len(meters):
        return []
    spans = consumption.spans(conn, meters, len(snapshot.enterprise))
    if until < spans.kept:
        return []
    asked = Stale(np.sort(meters), np.full(len(meters), max(since, spans.kept)), np.full(len(meters), until))
    approved = chain.standing(conn, asked.meter)
    return [
        Made(readings, *_made(conn, snapshot, readings, found, approved))
        for readings, found in _read(conn, snapshot, spans, asked, approved)
        if found
    ]


def _set_aside_inside(set_aside: SetAside, since: Ints, until: Ints) -> SetAside:
    inside = (set_aside.time >= since[set_aside.meter]) & (set_aside.time < until[set_aside.meter])
    return SetAside(set_aside.meter[inside], set_aside.time[inside], set_aside.flag[inside])

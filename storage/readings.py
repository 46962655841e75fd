"""Readings as sets: inserted by COPY, compared by content where keys are already taken.

Nothing that was received is lost or overwritten. A second value for a meter and time lies in `rival_reading`; which of
them counts follows from source, seq and value alone, so that any order of the same messages ends the same."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection
from psycopg.errors import UniqueViolation

from energy import chain as hashing
from energy.chain import Batch
from storage import arrays, binary, chain, stale
from storage.sql import sql

NO_SEQ = -(2**63)
ESTIMATE, MQTT, FILE = 10, 20, 21  # reading.source
ACCEPTED, DUPLICATE, CONFLICT = 0, 1, 2  # verdicts

_DAY_US = 86_400_000_000
_HOUR_US = 3_600_000_000
_NOT_YET = np.iinfo(np.int64).max  # first time of a meter that was never heard
_FEW_TIMES = 8
_MANY = 10_000  # so many readings are worth waiting for before anything is made of them
_FIRST_DAY = arrays.EPOCH.date()


def _layouts(*columns: tuple[str, str]) -> tuple[binary.Layout, binary.Layout]:
    """With a seq and without."""
    without = [(f"{name}?" if name == "seq" else name, kind) for name, kind in columns]
    return binary.Layout(columns), binary.Layout(without)


_VALUE = ("value", ">f8"), ("seq", ">i8"), ("meter_id", ">i4")
_NEW = _layouts(("time", ">i8"), ("received", ">i8"), *_VALUE, ("source", ">i2"))
_STAGED = _layouts(("time", ">i8"), *_VALUE, ("pos", ">i4"), ("lead", "?"), ("repeat", "?"))
_SPAN = binary.Layout([("meter_id", ">i4"), ("first_time", ">i8"), ("last_time", ">i8")])


@dataclass(frozen=True, slots=True)
class Rows:
    """Readings as columns of equal length. time: µs since 2000; seq: NO_SEQ where there is none; enterprise: its id."""

    time: NDArray[np.int64]
    value: NDArray[np.float64]
    seq: NDArray[np.int64]
    meter: NDArray[np.int32]
    enterprise: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.time)

    def take(self, which: NDArray[Any]) -> "Rows":
        return Rows(self.time[which], self.value[which], self.seq[which], self.meter[which], self.enterprise[which])

    def days(self) -> NDArray[np.int64]:
        """The UTC day of each row, as days since 2000."""
        return self.time // _DAY_US


@dataclass(frozen=True, slots=True)
class Stored:
    """verdict of each row (ACCEPTED, DUPLICATE, CONFLICT), and whether it may change what counts for its meter."""

    verdict: NDArray[np.int8]
    moved: NDArray[np.bool_]


def add_days(conn: Connection, days: Iterable[int]) -> None:
    """Make room for readings of these UTC days (days since 2000), in order: two who add never wait in a circle."""
    dates = [_FIRST_DAY + timedelta(days=day) for day in sorted(days)]
    conn.execute(sql("readings.add_days"), {"days": dates})


def insert(conn: Connection, rows: Rows, source: int, received: datetime, *, expect_known: bool = False) -> Stored:
    """Store readings whose days exist, and link them. expect_known: keys are probably taken (a redelivery), do not try
    the quick way.

    source: MQTT or FILE; ESTIMATE for what the sender has marked as estimated, whichever way it came.
    `received` is the same for all rows of a batch, and names it; where another batch has that instant, it is a later
    one.
    """
    if len(rows) > _MANY:
        stale.announce(conn)
    while True:
        try:
            with conn.transaction():
                stored, batches = _insert(conn, rows, source, received, expect_known)
                chain.extend(conn, batches, received)
                return stored
        except chain.Taken as taken:
            received = taken.free
        except chain.Unbegun as unbegun:
            chain.begin(conn, unbegun.enterprises)


def _insert(
    conn: Connection, rows: Rows, source: int, received: datetime, expect_known: bool
) -> tuple[Stored, list[Batch]]:
    """Also what is to be linked."""
    if source == ESTIMATE:
        stored, fresh, rivals = _insert_estimates(conn, rows, received)
        return stored, _batches(source, fresh, rivals)
    order = np.lexsort((rows.meter, rows.time))
    if not expect_known and not _has_repeats(rows, order):
        batches = _copied(conn, rows.take(order), source, received)
        if batches is not None:
            return Stored(np.zeros(len(rows), np.int8), np.ones(len(rows), np.bool_)), batches
    stored, fresh, rivals = _insert_staged(conn, rows, source, received)
    return stored, _batches(source, fresh, rivals)


def _batches(source: int, fresh: Rows, rivals: Rows | None = None) -> list[Batch]:
    """Of what was stored: in `reading` by time and meter, and in `rival_reading`."""
    packed = hashing.pack(fresh.time, fresh.meter, fresh.value, fresh.seq, source, 0)
    if rivals is None:
        return hashing.batches(fresh.enterprise, packed)
    further = hashing.pack(rivals.time, rivals.meter, rivals.value, rivals.seq, source, 1)
    every, enterprise = np.concatenate([packed, further]), np.concatenate([fresh.enterprise, rivals.enterprise])
    order = hashing.canonical(every)
    return hashing.batches(enterprise[order], every[order])


def mark_stale(conn: Connection, rows: Rows, why: str = "reading") -> None:
    """Leave a span for every enterprise and UTC day: exactly these meters, from their first to their last reading
    there.
    """
    if len(rows):
        stale.mark_columns(conn, _spans(rows), why)


def _has_repeats(rows: Rows, order: NDArray[np.intp]) -> bool:
    time, meter = rows.time[order], rows.meter[order]
    return bool(np.any((time[1:] == time[:-1]) & (meter[1:] == meter[:-1])))


def _copied(conn: Connection, rows: Rows, source: int, received: datetime) -> list[Batch] | None:
    """What is to be linked; None, and nothing is stored, if a key is taken."""
    parts = (_packed(_NEW, part, received=arrays.micros(received), source=source) for part, _ in _by_seq(rows))
    try:
        with conn.transaction():
            return binary.copy_in(conn, sql("readings.copy"), *parts, meanwhile=lambda: _batches(source, rows))
    except UniqueViolation:
        return None


def _packed(layouts: tuple[binary.Layout, binary.Layout], rows: Rows, **more: Any) -> Iterable[NDArray[np.void]]:
    columns = {"time": rows.time, "value": rows.value, "meter_id": rows.meter, **more}
    if len(rows) and rows.seq[0] == NO_SEQ:
        return layouts[1].pieces(len(rows), **columns)
    return layouts[0].pieces(len(rows), seq=rows.seq, **columns)


def _by_seq(rows: Rows) -> Iterable[tuple[Rows, NDArray[np.intp]]]:
    """The rows that have a seq and those that have none, which differ in length when packed, and where they stood."""
    numbered = rows.seq != NO_SEQ
    for where in (np.flatnonzero(numbered), np.flatnonzero(~numbered)):
        if len(where):
            yield (rows if len(where) == len(rows) else rows.take(where)), where


def _insert_staged(conn: Connection, rows: Rows, source: int, received: datetime) -> tuple[Stored, Rows, Rows]:
    _stage(conn, rows)
    bounds = _range(rows) | {"received": received, "source": source}
    verdict = np.full(len(rows), DUPLICATE, np.int8)
    for statement, meaning in (("readings.insert_leads", ACCEPTED), ("readings.conflicts", CONFLICT)):
        verdict[arrays.columns(conn, sql(statement), bounds)[0].astype(np.intp)] = meaning
    rivals = _rivals(rows, *arrays.columns(conn, sql("readings.keep_rivals"), bounds))
    news = set(zip(rivals.meter.tolist(), rivals.time.tolist(), strict=True))
    stored = Stored(verdict, (verdict != DUPLICATE) | _among(rows, news))
    return stored, rows.take(np.flatnonzero(verdict == ACCEPTED)), rivals


def _insert_estimates(conn: Connection, rows: Rows, received: datetime) -> tuple[Stored, Rows, Rows]:
    """What its sender has marked as estimated (EC-23) lies aside, and counts until a measured value comes."""
    _stage(conn, rows)
    bounds = _range(rows) | {"received": received, "source": ESTIMATE}
    verdict = np.full(len(rows), ACCEPTED, np.int8)
    told = arrays.columns(conn, sql("readings.told_before"), bounds)
    for places, meaning in zip(told, (DUPLICATE, CONFLICT), strict=True):
        verdict[places.astype(np.intp)] = meaning
    kept = _rivals(rows, *arrays.columns(conn, sql("readings.keep_estimates"), bounds))
    news = set(zip(kept.meter.tolist(), kept.time.tolist(), strict=True))
    return Stored(verdict, _among(rows, news)), rows.take(np.arange(0)), kept


def _rivals(rows: Rows, meter: NDArray[Any], time: NDArray[Any], value: NDArray[Any], seq: NDArray[Any]) -> Rows:
    """What was kept beside what was there. A meter's enterprise is that of its row."""
    meter, order = meter.astype(np.int32), np.argsort(rows.meter, kind="stable")
    enterprise = rows.enterprise[order[np.searchsorted(rows.meter, meter, sorter=order)]]
    return Rows(time.astype(np.int64), value.astype(np.float64), seq.astype(np.int64), meter, enterprise)


def _range(rows: Rows) -> dict[str, Any]:
    return {"first": arrays.instant(int(rows.time.min())), "last": arrays.instant(int(rows.time.max()))}


def _stage(conn: Connection, rows: Rows) -> None:
    lead, repeat = _ranked(rows)
    conn.execute(sql("readings.create_staged"))
    conn.execute(sql("readings.clear_staged"))
    parts = (_packed(_STAGED, part, pos=where, lead=lead[where], repeat=repeat[where]) for part, where in _by_seq(rows))
    binary.copy_in(conn, sql("readings.copy_staged"), *parts)


def _ranked(rows: Rows) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which row leads its key (largest seq, then largest value), and which repeats a value that stands before it."""
    order = np.lexsort((-rows.value, ~rows.seq, rows.meter, rows.time))
    place = np.empty(len(rows), np.int64)
    place[order] = np.arange(len(rows))
    by_value = np.lexsort((place, rows.value, rows.meter, rows.time))
    lead, repeat = np.ones(len(rows), np.bool_), np.zeros(len(rows), np.bool_)
    lead[order[1:]] = ~_same(rows, order, rows.time, rows.meter)
    repeat[by_value[1:]] = _same(rows, by_value, rows.time, rows.meter, rows.value)
    return lead, repeat


def _same(rows: Rows, order: NDArray[np.intp], *columns: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether each row but the first equals the one before it in that order."""
    same = np.ones(max(len(rows) - 1, 0), np.bool_)
    for column in columns:
        same &= column[order[1:]] == column[order[:-1]]
    return same


def _among(rows: Rows, keys: set[tuple[int, int]]) -> NDArray[np.bool_]:
    if not keys:
        return np.zeros(len(rows), np.bool_)
    return np.fromiter(
        ((int(m), int(t)) in keys for m, t in zip(rows.meter, rows.time, strict=True)), np.bool_, len(rows)
    )


def _spans(rows: Rows) -> stale.StaleColumns:
    days = rows.days()
    order = np.lexsort((rows.meter, days, rows.enterprise))
    enterprise, day, meter, time = rows.enterprise[order], days[order], rows.meter[order], rows.time[order]
    begins = np.flatnonzero(np.r_[True, (enterprise[1:] != enterprise[:-1]) | (day[1:] != day[:-1])])
    new = np.r_[True, meter[1:] != meter[:-1]]
    new[begins] = True
    return stale.StaleColumns(
        enterprise=enterprise[begins],
        counts=np.add.reduceat(new.astype(np.int64), begins),
        meters=meter[new],
        since=np.minimum.reduceat(time, begins),
        until=np.maximum.reduceat(time, begins),
    )


@dataclass(frozen=True, slots=True)
class MeterSpans:
    """First and last time (µs since 2000) of some meters, each of them once."""

    meter: NDArray[np.int32]
    first: NDArray[np.int64]
    last: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.meter)

    def take(self, which: NDArray[Any]) -> "MeterSpans":
        return MeterSpans(self.meter[which], self.first[which], self.last[which])


def spans_of(rows: Rows) -> MeterSpans:
    order = np.argsort(rows.meter, kind="stable")
    meter, time = rows.meter[order], rows.time[order]
    if not len(order):
        return MeterSpans(meter, time, time)
    begins = np.flatnonzero(np.r_[True, meter[1:] != meter[:-1]])
    return MeterSpans(meter[begins], np.minimum.reduceat(time, begins), np.maximum.reduceat(time, begins))


def meter_spans(conn: Connection) -> MeterSpans:
    """All that is known."""
    meter, first, last = arrays.columns(conn, sql("readings.spans"), {})
    return MeterSpans(meter.astype(np.int32), first.astype(np.int64), last.astype(np.int64))


def widen_spans(conn: Connection, spans: MeterSpans) -> None:
    """Make `meter_span` cover these too, whatever is known."""
    if len(spans):
        conn.execute(sql("readings.create_staged_spans"))
        conn.execute(sql("readings.clear_staged_spans"))
        binary.copy_in(conn, sql("readings.copy_staged_spans"), _span_rows(spans))
        conn.execute(sql("readings.widen_spans"))


def _add_spans(conn: Connection, spans: MeterSpans) -> None:
    """The same of meters never heard before, at a third of the cost; another collector may have heard them since."""
    try:
        with conn.transaction():
            binary.copy_in(conn, sql("readings.add_spans"), _span_rows(spans))
    except UniqueViolation:
        widen_spans(conn, spans)


def _move_spans(conn: Connection, spans: MeterSpans) -> None:
    """The same where only last_time moves on; at half of the cost while there are few distinct times."""
    times = np.unique(spans.last)
    if len(times) > _FEW_TIMES:
        widen_spans(conn, spans)
        return
    for time in times:
        moved = {"meters": spans.meter[spans.last == time], "last": arrays.instant(int(time))}
        arrays.execute(conn, sql("readings.move_spans"), moved)


def _span_rows(spans: MeterSpans) -> NDArray[np.void]:
    return _SPAN.pack(len(spans), meter_id=spans.meter, first_time=spans.first, last_time=spans.last)


class KnownSpans:
    """What is known of every meter's first and last reading, so that most batches need not touch `meter_span`.

    first_time is exact. last_time may lag behind by less than an hour: it is written when a meter's reading enters
    another hour, a quarter of the meters at each quarter, so that the burst of a full hour costs no more than the
    others."""

    def __init__(self, spans: MeterSpans):
        self._first = np.empty(0, np.int64)
        self._last = np.empty(0, np.int64)
        self.learn(spans)

    def widen(self, conn: Connection, rows: Rows) -> MeterSpans:
        """Make `meter_span` cover these rows; returns what to `learn` once that is committed."""
        spans = self._beyond(rows)
        first = self._first[spans.meter]
        unheard, later = first == _NOT_YET, first <= spans.first
        for write, which in ((_add_spans, unheard), (_move_spans, later), (widen_spans, ~unheard & ~later)):
            if which.any():
                write(conn, spans.take(which))
        return spans

    def _beyond(self, rows: Rows) -> MeterSpans:
        """The spans that have to be written."""
        self._grow(rows.meter)
        shift = (rows.meter.astype(np.int64) % 4) * (_HOUR_US // 4)
        later = (rows.time + shift) // _HOUR_US > (self._last[rows.meter] + shift) // _HOUR_US
        return spans_of(rows.take(np.flatnonzero(later | (rows.time < self._first[rows.meter]))))

    def learn(self, spans: MeterSpans) -> None:
        """Remember what has been committed."""
        self._grow(spans.meter)
        self._first[spans.meter] = np.minimum(self._first[spans.meter], spans.first)
        self._last[spans.meter] = np.maximum(self._last[spans.meter], spans.last)

    def _grow(self, meters: NDArray[np.int32]) -> None:
        missing = int(meters.max(initial=-1)) + 1 - len(self._first)
        if missing > 0:
            more = missing + len(self._first) // 4
            self._first = np.r_[self._first, np.full(more, _NOT_YET)]
            self._last = np.r_[self._last, np.full(more, np.iinfo(np.int64).min // 2)]


def day_number(time: datetime) -> int:
    """The UTC day of a time, as days since 2000-01-01."""
    return arrays.micros(time) // _DAY_US

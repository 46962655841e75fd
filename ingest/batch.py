"""A batch: messages taken, decided, stored in one go, and answered.

The unit of work of the collector and of the file loader. What it stores is committed before anything is acknowledged,
and storing it twice changes nothing."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain

import numpy as np
import numpy.ma  # np.unique imports it when it is first asked: a tenth of a second in the first batch
from numpy.typing import NDArray
from psycopg import Connection

from energy.periods import day_of
from ingest.admission import Admitted, Enterprise, admit
from ingest.decode import decode
from ingest.limits import Limits
from ingest.reasons import Rejection, Unusable
from ingest.registry import Registry
from storage import chain as chains
from storage import readings, rejected
from storage.readings import ACCEPTED, CONFLICT, DUPLICATE, NO_SEQ, Rows, Stored
from storage.rejected import Rejected

FILE_TOPIC = "file:"  # begins the topic of what came from a file
_LONGEST_KEPT = 256 * 1024  # of a message that is too large only its beginning is kept
_DAYS_AT_ONCE = 60  # every partition that a statement might touch costs planning and a lock


@dataclass(slots=True)
class Message:
    """A message of readings as it came. dup: the broker says that it may have come before."""

    enterprise: str
    topic: str
    payload: bytes = field(repr=False)
    dup: bool = False


@dataclass(slots=True)
class Decision:
    """What is to become of a message's readings."""

    message: Message
    enterprise: Enterprise | None
    gateway: str | int | None
    seq: int | None
    admitted: Admitted
    whole: bool = False  # rejected as a whole: no reading could be told apart


@dataclass(slots=True)
class Outcome:
    """What became of a message: the figures of its receipt."""

    decision: Decision
    accepted: int
    duplicate: int = 0
    conflict: int = 0


def decide(message: Message, registry: Registry, limits: Limits, now: datetime) -> Decision:
    """Decode and admit one message; nothing is read or written."""
    enterprise = registry.enterprises.get(message.enterprise)
    try:
        columns = decode(message.payload, limits.largest_message)
    except Unusable as error:
        rejection = Rejection(None, None, error.reason, error.message)
        return Decision(message, enterprise, None, None, Admitted([], [], [], [rejection]), whole=True)
    admitted = admit(columns, enterprise, limits, now)
    return Decision(message, enterprise, columns.gateway, columns.seq, admitted)


@dataclass(slots=True)
class Known:
    """What a collector remembers between batches. Only what has been committed is remembered."""

    spans: readings.KnownSpans
    days: set[int] = field(default_factory=set)
    chained: set[int] = field(default_factory=set)  # enterprises that have a chain

    @classmethod
    def load(cls, conn: Connection) -> "Known":
        return cls(readings.KnownSpans(readings.meter_spans(conn)))


def store(
    conn: Connection, decisions: Sequence[Decision], source: int, limits: Limits, known: Known, received: datetime
) -> list[Outcome]:
    """Store what was admitted, keep what was not, and commit. `received` is this batch's alone.

    One transaction, unless the readings are scattered over months; then one for each neighbourhood of days.
    """
    rows, owner = _rows(decisions)
    estimated = _estimated(decisions)
    _make_room(conn, rows, known, received)
    begin_chains(conn, [each.enterprise.id for each in decisions if each.enterprise and each.admitted.meters], known)
    verdict = np.zeros(len(rows), np.int8)
    resent = any(decision.message.dup for decision in decisions)
    parts = list(_neighbourhoods(rows))
    for which in parts[:-1]:
        with conn.transaction():
            marks = None if estimated is None else estimated[which]
            verdict[which], spans = _store_rows(conn, rows.take(which), source, known, received, resent, marks)
        known.spans.learn(spans)
    with conn.transaction():
        marks = None if estimated is None else estimated[parts[-1]]
        verdict[parts[-1]], spans = _store_rows(conn, rows.take(parts[-1]), source, known, received, resent, marks)
        refused = [row for decision in decisions if decision.admitted.rejections for row in _refused(decision)]
        rejected.keep(conn, refused, day_of(received, limits.zone), received, limits.kept_per_day)
    known.spans.learn(spans)
    return _outcomes(decisions, owner, verdict)


def _rows(decisions: Sequence[Decision]) -> tuple[Rows, NDArray[np.int64]]:
    """All admitted readings side by side, and which decision each belongs to."""
    lengths = [len(decision.admitted.meters) for decision in decisions]
    count = sum(lengths)
    seqs = [NO_SEQ if decision.seq is None else decision.seq for decision in decisions]
    enterprises = [decision.enterprise.id if decision.enterprise else 0 for decision in decisions]
    rows = Rows(
        time=np.fromiter(chain.from_iterable(d.admitted.times for d in decisions), np.int64, count),
        value=np.fromiter(chain.from_iterable(d.admitted.values for d in decisions), np.float64, count)
        + 0.0,  # -0.0 and 0.0 are one value
        seq=np.repeat(np.array(seqs, np.int64), lengths),
        meter=np.fromiter(chain.from_iterable(d.admitted.meters for d in decisions), np.int32, count),
        enterprise=np.repeat(np.array(enterprises, np.int32), lengths),
    )
    return rows, np.repeat(np.arange(len(decisions)), lengths)


def _estimated(decisions: Sequence[Decision]) -> NDArray[np.bool_] | None:
    """Which of all admitted readings are marked as estimated; None: none, as mostly."""
    if not any(decision.admitted.estimated for decision in decisions):
        return None
    marks = (decision.admitted.estimated or [False] * len(decision.admitted.meters) for decision in decisions)
    return np.fromiter(chain.from_iterable(marks), np.bool_)


def _make_room(conn: Connection, rows: Rows, known: Known, now: datetime) -> None:
    """Days in transactions of their own, for they lock; today's and tomorrow's before they are needed."""
    today = readings.day_number(now)
    missing = sorted(({*np.unique(rows.days()).tolist(), today, today + 1}) - known.days)
    for start in range(0, len(missing), _DAYS_AT_ONCE):
        days = missing[start : start + _DAYS_AT_ONCE]
        with conn.transaction():
            readings.add_days(conn, days)
        known.days.update(days)


def begin_chains(conn: Connection, enterprises: Iterable[int], known: Known) -> None:
    """Before their first readings are stored: found out only then, they would have to be stored a second time."""
    fresh = sorted(set(enterprises) - known.chained)
    if fresh:
        with conn.transaction():
            chains.begin(conn, fresh)
        known.chained.update(fresh)


def _neighbourhoods(rows: Rows) -> Iterator[NDArray[np.intp]]:
    """Places of rows whose days lie together; at least one, be it empty."""
    days = rows.days()
    if not len(days) or int(days.max()) - int(days.min()) < _DAYS_AT_ONCE:
        yield np.arange(len(days))
        return
    block = days // _DAYS_AT_ONCE
    for each in np.unique(block):
        yield np.flatnonzero(block == each)


def _store_rows(
    conn: Connection,
    rows: Rows,
    source: int,
    known: Known,
    received: datetime,
    resent: bool,
    estimated: NDArray[np.bool_] | None = None,
) -> tuple[NDArray[np.int8], readings.MeterSpans]:
    if not len(rows):
        return np.zeros(0, np.int8), readings.spans_of(rows)
    if estimated is None or not estimated.any():
        stored = readings.insert(conn, rows, source, received, expect_known=resent)
    else:
        stored = _insert_both(conn, rows, source, received, resent, estimated)
    moved = rows if stored.moved.all() else rows.take(np.flatnonzero(stored.moved))
    spans = known.spans.widen(conn, moved)
    readings.mark_stale(conn, moved)
    return stored.verdict, spans


def _insert_both(
    conn: Connection, rows: Rows, source: int, received: datetime, resent: bool, estimated: NDArray[np.bool_]
) -> Stored:
    """Measured readings, and those marked as estimated, whose meters' spans are made exact: nobody looks for them."""
    stored = Stored(np.zeros(len(rows), np.int8), np.zeros(len(rows), np.bool_))
    for kind, which in ((source, np.flatnonzero(~estimated)), (readings.ESTIMATE, np.flatnonzero(estimated))):
        if len(which):
            part = readings.insert(conn, rows.take(which), kind, received, expect_known=resent)
            stored.verdict[which], stored.moved[which] = part.verdict, part.moved
    readings.widen_spans(conn, readings.spans_of(rows.take(np.flatnonzero(estimated))))
    return stored


def _refused(decision: Decision) -> Iterator[Rejected]:
    message = decision.message
    for each in decision.admitted.rejections:
        item = None if decision.whole else {"meter": each.meter, "time": each.time, "value": each.value}
        if item and each.estimated:
            item["estimated"] = True
        payload = message.payload[:_LONGEST_KEPT] if decision.whole else None
        yield Rejected(
            message.enterprise,
            message.topic,
            decision.gateway,
            decision.seq,
            each.index,
            each.meter,
            each.reason,
            each.message,
            item,
            payload,
        )


def _outcomes(decisions: Sequence[Decision], owner: NDArray[np.int64], verdict: NDArray[np.int8]) -> list[Outcome]:
    if not verdict.any():
        return [Outcome(decision, len(decision.admitted.meters)) for decision in decisions]
    counts = [
        np.bincount(owner[verdict == kind], minlength=len(decisions)).tolist()
        for kind in (ACCEPTED, DUPLICATE, CONFLICT)
    ]
    return [Outcome(decision, *each) for decision, *each in zip(decisions, *counts, strict=True)]

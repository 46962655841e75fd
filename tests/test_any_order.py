"""Splitting, shuffling, repeating and delaying messages ends in the same figures, bit for bit, whatever is among them.

Real storage on a real database: conflicting values by `seq`, value and source, estimates of senders and of the
platform, registers that are none, exchanges and changed ratios, with everything computed at random moments in between.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import Connection

from energy.estimates import Estimate, Similar
from energy.registers import HOUR, MINUTE
from storage import estimates, readings, snapshot
from storage.arrays import micros
from tests.line import NOW, START, Line

METERS = ("E-01", "E-02", "I-01", "P-01")
SOURCES = (readings.ESTIMATE, readings.ESTIMATE, readings.MQTT, readings.MQTT, readings.FILE, 30)


@dataclass(frozen=True)
class Told:
    """One reading as it is told, so many minutes after START."""

    meter: str
    minute: float
    value: float
    seq: int = readings.NO_SEQ
    source: int = readings.MQTT


@dataclass(frozen=True)
class Stated:
    """An estimate of the platform over [since, until) in minutes, 3 an hour."""

    meter: str
    since: int
    until: int


@dataclass(frozen=True)
class Story:
    """What is told and stated in all; and one way for it to come: each act a batch of readings or an estimate."""

    told: tuple[Told, ...]
    stated: tuple[Stated, ...]
    acts: tuple[tuple[Told, ...] | Stated, ...]
    computes: tuple[bool, ...]  # after which acts everything is computed


@st.composite
def series(draw: st.DrawFn, meter: str) -> list[Told]:
    """Hours of one meter: mostly sound, with gaps, wrong values, and days that begin anew or jump up and down."""
    told, value = [], 50.0
    kind = draw(st.sampled_from(["sound", "sound", "daily", "jumping"]))
    for hour in range(draw(st.integers(0, 130))):
        odd = draw(st.integers(0, 15))
        if kind == "daily" and hour % 24 == 0:
            value = 0.0
        value = 40.0 + (13 * hour) % 29 if kind == "jumping" else value + draw(st.sampled_from([0.0, 0.1, 2.5, 7.3]))
        if odd == 1:
            continue
        shown = draw(st.sampled_from([0.0, 3.3, 99.9, 900.0])) if odd == 2 else value
        source = readings.ESTIMATE if odd in (3, 4) else readings.MQTT
        told.append(Told(meter, 60.0 * hour + (2.0 if odd == 5 else 0.0), shown, source=source))
    return told


@st.composite
def stories(draw: st.DrawFn) -> Story:
    told = [one for meter in METERS for one in draw(series(meter))]
    for one in draw(st.lists(st.sampled_from(told), max_size=12)) if told else []:
        seq = draw(st.sampled_from([readings.NO_SEQ, 1, 2, 3]))
        value = draw(st.sampled_from([one.value, one.value + 0.4, 60.0]))
        told.append(Told(one.meter, one.minute, value, seq, draw(st.sampled_from(SOURCES))))
    stated = [
        Stated(meter, since, since + length)
        for meter, since, length in draw(
            st.lists(st.tuples(st.sampled_from(METERS), st.integers(0, 8_000), st.integers(1, 3_000)), max_size=2)
        )
    ]
    order = draw(st.permutations(told)) if told else []
    repeated = draw(st.lists(st.sampled_from(told), max_size=9)) if told else []
    acts: list[tuple[Told, ...] | Stated] = [*_batches(draw, [*order, *repeated])]
    where = sorted(draw(st.lists(st.integers(0, len(acts)), min_size=len(stated), max_size=len(stated))), reverse=True)
    for place, estimate in zip(where, reversed(stated), strict=True):
        acts.insert(place, estimate)
    computes = draw(st.lists(st.booleans(), min_size=len(acts), max_size=len(acts)))
    return Story(tuple(told), tuple(stated), tuple(acts), tuple(computes))


def _batches(draw: st.DrawFn, told: Sequence[Told]) -> list[tuple[Told, ...]]:
    batches, start = [], 0
    while start < len(told):
        size = draw(st.sampled_from([1, 3, 20, 90]))
        batches.append(tuple(told[start : start + size]))
        start += size
    return batches


@pytest.fixture
def line(conn: Connection) -> Line:
    """Two registers, one of which is exchanged and re-rated twice, an interval meter and a power meter."""
    one = Line(conn)
    one.factor("electricity", 0.1229, 0.3016, 0.5306)
    for meter, kind in zip(METERS, ("register", "register", "interval", "power"), strict=True):
        one.meter(meter, kind, interval_minutes=60, max_rate=200, multiplier=3, scale=3, register_max=1_000)
    query = (
        "INSERT INTO meter_event (meter_id, time, event, old_final, new_initial, value) VALUES (%s, %s, %s, %s, %s, %s)"
    )
    for minute, event, final, initial, value in (
        (1_470, "multiplier", None, None, "5"),
        (1_490, "multiplier", None, None, "2"),
        (3_000, "exchange", 400, 40, "100000"),
        (4_320, "unit", None, None, "MWh"),
    ):
        conn.execute(query, (one.ids["E-02"], START + timedelta(minutes=minute), event, final, initial, value))
    one.changed()
    return one


def tell(line: Line, told: Sequence[Told]) -> None:
    """One batch, each source by itself as the collector does it."""
    for source in sorted({one.source for one in told}):
        part = [one for one in told if one.source == source]
        line.batch += 1
        rows = readings.Rows(
            np.array([micros(START + timedelta(minutes=one.minute)) for one in part], dtype=np.int64),
            np.array([one.value for one in part]),
            np.array([one.seq for one in part], dtype=np.int64),
            np.array([line.ids[one.meter] for one in part], dtype=np.int32),
            np.full(len(part), line.enterprise_id, dtype=np.int32),
        )
        readings.add_days(line.conn, set(rows.days().tolist()))
        stored = readings.insert(line.conn, rows, source, NOW + timedelta(microseconds=line.batch))
        moved = rows.take(np.flatnonzero(stored.moved))
        if len(moved):
            readings.widen_spans(line.conn, readings.spans_of(moved))
            readings.mark_stale(line.conn, moved)


def state(line: Line, one: Stated) -> None:
    since, until = (micros(START) + minute * MINUTE for minute in (one.since, one.until))
    begins = since // HOUR * HOUR
    slots = np.full(-(-(until - begins) // HOUR), 3.0)
    estimate = Estimate(since, until, begins, HOUR, slots, slots / 2, slots * 2)
    estimates.keep(line.conn, line.ids[one.meter], Similar(estimate, ()), "王", NOW)


def outcome(line: Line, acts: Sequence[tuple[Told, ...] | Stated], computes: Sequence[bool]) -> list[object]:
    for act, compute in zip(acts, computes, strict=True):
        if isinstance(act, Stated):
            state(line, act)
        else:
            tell(line, act)
        if compute:
            line.drain()
    line.drain()
    refused = "SELECT meter_id, since, until, why, fallen, steps FROM unbound_day ORDER BY meter_id, since"
    return [*line.figures(), *line.conn.execute(refused)]


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(stories())
def test_any_order_splitting_and_delay_ends_in_the_same_bits(line: Line, story: Story) -> None:
    snapshot._cache.clear()  # a registry that is rolled back repeats its versions
    ends = []
    once: list[tuple[Told, ...] | Stated] = [*([story.told] if story.told else []), *story.stated]
    for acts, computes in ((once, [False] * len(once)), (story.acts, story.computes)):
        with line.conn.transaction(force_rollback=True):
            ends.append(outcome(line, acts, computes))
    assert ends[0] == ends[1]

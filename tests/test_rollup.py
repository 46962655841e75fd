"""Readings become consumption and usage, the same whatever way they came."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import Connection

from energy.quality import Flag
from storage import snapshot, stale
from tests.line import START, Line


@pytest.fixture
def line(conn: Connection) -> Line:
    one = Line(conn)
    one.factor("electricity", 0.1229, 0.3016, 0.5306)
    one.meter("E-01")
    return one


def steps(code: str, *values: float, start: int = 0, every: int = 15) -> list[tuple[str, float, float]]:
    return [(code, start + every * number, value) for number, value in enumerate(values)]


def test_a_register_becomes_hours_days_and_months_with_tce(line: Line) -> None:
    line.tell(steps("E-01", *[1_000 + 10 * n for n in range(97)]))
    line.drain()
    rows = line.conn.execute(
        "SELECT day::text, amount, tce_equivalent, tce_equal_value, tco2, peak_kw FROM usage"
    ).fetchall()
    assert rows == [("2026-10-01", 960, pytest.approx(0.117984), pytest.approx(0.289536), pytest.approx(0.509376), 40)]
    assert [row[1] for row in line.consumption("E-01")] == [40] * 24


def test_news_is_appended_hour_by_hour(line: Line) -> None:
    for n in range(9):
        line.tell(steps("E-01", 1_000 + 10 * n, start=15 * n))
        line.drain()
    rows = line.consumption("E-01")
    assert [(row[1], row[12], row[13]) for row in rows] == [(40, 3600, 4), (40, 3600, 4)]
    assert rows[0][7:11] == (10, 10, 10, 10)


def test_ec21_a_gap_is_an_estimate_in_the_hour_in_which_it_begins_too(line: Line) -> None:
    line.tell([*steps("E-01", 100, 110, start=10), ("E-01", 200, 285)])
    line.drain()
    assert [row[4] for row in line.consumption("E-01")] == pytest.approx([35, 60, 60, 20])


def test_ec15_late_data_changes_its_own_hours_only(line: Line) -> None:
    line.tell([one for one in steps("E-01", *[1_000 + 10 * n for n in range(60)]) if one[1] != 240])
    line.drain()
    before = line.consumption("E-01")
    line.tell([("E-01", 240, 1_155)])
    line.drain()
    after = line.consumption("E-01")
    changed = [n for n, (old, new) in enumerate(zip(before, after, strict=True)) if old != new]
    assert changed == [3, 4]
    assert sum(row[1] for row in after) == pytest.approx(590)  # type: ignore[misc]


def test_ec3_a_dip_is_healed_by_what_follows(line: Line) -> None:
    line.tell(steps("E-01", 877.2, 3.1))
    line.drain()
    assert line.consumption("E-01")[0][11] == Flag.RESET  # provisional: bounded, nothing invented
    line.tell(steps("E-01", 878.9, start=30))
    line.drain()
    (row,) = line.consumption("E-01")
    assert row[1] == pytest.approx(1.7)
    assert line.conn.execute("SELECT flag FROM quarantined_reading").fetchall() == [(Flag.DIP,)]


def test_ec2_a_reset_is_bounded_in_the_usage_too(line: Line) -> None:
    line.conn.execute("UPDATE meter SET max_rate = 100")
    line.changed()
    line.tell(steps("E-01", 5_000, 12, every=60))
    line.drain()
    assert line.conn.execute("SELECT amount, low, high, tce_equivalent FROM usage").fetchall() == [
        (None, 12, 100, None)
    ]


def test_ec14_of_two_values_for_one_time_content_decides(line: Line) -> None:
    line.tell(steps("E-01", 100, 110, 120), seq=5)
    line.tell(steps("E-01", 112, start=15), seq=7)
    line.tell(steps("E-01", 115, start=15), seq=6)
    line.drain()
    (row,) = line.consumption("E-01")
    assert row[1] == 20 and row[11] == Flag.CONFLICT
    assert row[7:9] == (12, 8)


def test_ec38_a_unit_changed_from_an_instant_on_is_another_scale_with_the_multiplier_of_its_day(line: Line) -> None:
    query = "INSERT INTO meter_event (meter_id, time, event, value) VALUES (%s, %s, %s, %s)"
    for minute, event, value in ((60, "unit", "MWh"), (120, "multiplier", "2")):
        line.conn.execute(query, (line.ids["E-01"], START + timedelta(minutes=minute), event, value))
    line.changed()
    line.tell(steps("E-01", 1_000, 2_000, 2_001, 2_002, every=60))
    line.drain()
    assert [row[1] for row in line.consumption("E-01")] == [1_000, 1_000, 2_000]


def test_ec30_a_month_begins_at_16_utc(line: Line) -> None:
    line.tell([("E-01", -15, 100), ("E-01", 0, 110), ("E-01", 15, 125)])
    line.drain()
    rows = line.conn.execute("SELECT month::text, amount FROM usage_month ORDER BY month").fetchall()
    assert rows == [("2026-09-01", 10), ("2026-10-01", 15)]


def test_an_export_is_taken_off_and_the_peak_is_that_of_the_sum(line: Line) -> None:
    line.meter("X-01", role="export")
    line.tell([*steps("E-01", 0, 100, 300, 400), *steps("X-01", 0, 10, 20, 90)])
    line.drain()
    row = line.conn.execute("SELECT amount, bought, exported, peak_kw, peak_at FROM usage").fetchone()
    assert row == (310, 400, 90, 760, START.astimezone(UTC) + timedelta(minutes=15))


def test_a_meter_that_no_longer_counts_leaves_the_usage(line: Line) -> None:
    line.meter("E-02")
    line.tell([*steps("E-01", 0, 100), *steps("E-02", 0, 50)])
    line.drain()
    line.conn.execute("UPDATE meter SET in_total = false WHERE code = 'E-02'")
    line.changed()
    readings = line.conn.execute(
        "SELECT first_time, last_time FROM meter_span WHERE meter_id = %s", (line.ids["E-02"],)
    ).fetchone()
    assert readings is not None
    since, until = readings
    stale.mark(line.conn, [stale.StaleSpan(line.enterprise_id, [line.ids["E-02"]], since, until, "registry")])
    line.drain()
    assert line.conn.execute("SELECT amount FROM usage").fetchall() == [(100,)]


def test_a_new_factor_converts_again_without_touching_amounts(line: Line) -> None:
    line.tell(steps("E-01", 0, 1_000))
    line.drain()
    line.conn.execute("UPDATE factor SET kgce_equal_per_unit = 0.3")
    line.changed()
    whole = (datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
    stale.mark(line.conn, [stale.StaleSpan(line.enterprise_id, [], *whole, "factor")])
    line.drain()
    assert line.conn.execute("SELECT amount, tce_equal_value FROM usage").fetchall() == [(1_000, 0.3)]


def test_the_judge_is_told_whose_figures_moved(line: Line) -> None:
    line.tell(steps("E-01", 0, 1_000))
    line.drain()
    assert line.conn.execute("SELECT scope, code FROM stale_judgement").fetchall() == [("enterprise", "DEMO-1")]


VALUES = st.sampled_from([0.0, 3.3, 5.1, 90.7, 99.9, 100.1, 100.3, 104.7, 110.2, 900.0])


@st.composite
def stories(draw: st.DrawFn) -> tuple[list[tuple[str, float, float]], list[list[tuple[str, float, float]]]]:
    """Readings of three kinds of meters with oddities, and the same in batches of any order, some repeated."""
    told: list[tuple[str, float, float]] = []
    pause_h = draw(st.sampled_from([6, 30]))  # on one day, or over some
    for code in ("E-01", "I-01", "P-01"):
        value = 50.0
        for n in range(draw(st.integers(0, 24))):
            value += draw(st.floats(0, 5))
            odd = draw(st.integers(0, 9)) == 0
            minute = 15 * n + draw(st.sampled_from([0, 0, 0, 0, 2])) + pause_h * 60 * (n // 12)
            told.append((code, float(minute), draw(VALUES) if odd or code != "E-01" else value))
    order = draw(st.permutations(told)) if told else []
    batches: list[list[tuple[str, float, float]]] = []
    start = 0
    while start < len(order):
        size = draw(st.integers(1, 9))
        batches.append(list(order[start : start + size]))
        start += size
    again = draw(st.booleans())
    if batches and again:
        batches.append(batches[0])
    return told, batches


def _meters(line: Line) -> None:
    line.meter("I-01", "interval")
    line.meter("P-01", "power", label="start")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stories())
def test_any_order_and_batching_of_the_same_readings_ends_in_the_same_bits(
    line: Line, story: tuple[list[tuple[str, float, float]], list[list[tuple[str, float, float]]]]
) -> None:
    told, batches = story
    with line.conn.transaction(force_rollback=True):
        snapshot._cache.clear()  # a registry that is rolled back repeats its versions
        _meters(line)
        outcomes = []
        for way in ([told], batches):
            with line.conn.transaction(force_rollback=True):
                for batch in way:
                    if batch:
                        line.tell(batch)
                        line.drain()
                outcomes.append(line.figures())
    assert outcomes[0] == outcomes[1]

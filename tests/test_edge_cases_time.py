"""EC-13 to EC-31 and EC-36 of the edge-case list: time and transport, each vector through the line in a few lines."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import permutations
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from psycopg import Connection

from alerts import evaluate, silence
from energy.periods import month_of
from energy.quality import Flag
from ingest import instants, registry
from ingest.instants import Ticks
from ingest.limits import Limits
from ingest.waiting import admit_waiting
from storage import estimating, readings, rollup
from storage import silence as heard
from storage.arrays import micros
from storage.data_quality import enterprise_quality
from storage.usage import UsageRow, enterprise_usage, meter_usage
from tests.ingest_world import NOW as RECEIVED
from tests.ingest_world import Intake, counts, payload, reading, register
from tests.line import NOW, START, ZONE, Line
from tests.test_rollup import steps

DAY = 24 * 60  # minutes


@pytest.fixture
def line(conn: Connection) -> Line:
    one = Line(conn)
    one.factor("electricity", 0.1229, 0.3016, 0.5306)
    one.meter("E-01")
    return one


@pytest.fixture
def intake(conn: Connection) -> Intake:
    register(conn)
    return Intake(conn)


def amounts(line: Line, code: str = "E-01") -> list[object]:
    line.drain()
    return [row[1] for row in line.consumption(code)]


def days(line: Line) -> list[tuple[object, ...]]:
    line.drain()
    return line.conn.execute("SELECT day::text, amount FROM usage ORDER BY day").fetchall()


def meter_day(line: Line, code: str, day: date) -> UsageRow:
    line.drain()
    (row,) = meter_usage(line.conn, "DEMO-1", code, day, day + timedelta(days=1), "day", ZONE, NOW)
    return row


def at(line: Line, code: str, told: Sequence[tuple[datetime, float]]) -> None:
    line.tell([(code, (when - START) / timedelta(minutes=1), value) for when, value in told])


def test_ec_13_the_same_message_three_times_is_one_row_and_two_counted(intake: Intake) -> None:
    told = [counts(intake.take(payload(reading()))[0]) for _ in range(3)]
    assert told == [(1, 0, 0, 0), (0, 1, 0, 0), (0, 1, 0, 0)]
    assert intake.rows("SELECT count(*) FROM reading") == [(1,)]


def test_ec_14_verified_manual_goes_before_automatic_before_estimate_and_a_conflict_is_flagged(line: Line) -> None:
    line.tell(steps("E-01", 0, 10))
    for source, value in ((30, 12.0), (readings.ESTIMATE, 19.0), (readings.FILE, 11.0)):
        line.tell([("E-01", 15, value)], source=source)
    assert amounts(line) == [12] and line.consumption("E-01")[0][11] == Flag.CONFLICT
    kept = line.conn.execute("SELECT value FROM rival_reading ORDER BY value").fetchall()
    assert kept == [(11.0,), (12.0,), (19.0,)], "all are kept as received"


def test_ec_14_an_estimate_beside_a_measured_value_is_no_conflict(line: Line) -> None:
    line.tell(steps("E-01", 0, 10))
    line.tell([("E-01", 15, 19.0)], source=readings.ESTIMATE)
    assert amounts(line) == [10] and line.consumption("E-01")[0][11] == 0


def test_ec_15_late_data_recomputes_its_own_hours_and_no_others(line: Line) -> None:
    line.tell([one for one in steps("E-01", *[10.0 * n for n in range(97)]) if one[1] != 240])
    line.drain()
    before = line.consumption("E-01")
    line.tell([("E-01", 240, 155.0)])
    line.drain()
    changed = [n for n, pair in enumerate(zip(before, line.consumption("E-01"), strict=True)) if pair[0] != pair[1]]
    assert changed == [3, 4] and days(line) == [("2026-10-01", 960)]


def test_ec_16_any_order_of_six_readings_gives_one_result(line: Line) -> None:
    told = steps("E-01", 100, 101.5, 99, 103, 104, 104)
    outcomes = []
    for order in list(permutations(told))[::97]:
        with line.conn.transaction(force_rollback=True):
            line.tell(order)
            line.drain()
            outcomes.append(line.figures())
    assert len(outcomes) == 8 and all(each == outcomes[0] for each in outcomes)


def test_ec_17_a_time_in_the_future_is_rejected_and_blocks_nothing_later(intake: Intake) -> None:
    assert counts(intake.take(payload(reading(at=-11)))[0]) == (0, 0, 0, 1)
    assert counts(intake.take(payload(reading(at=-9)))[0]) == (1, 0, 0, 0), "ten minutes are allowed"
    assert counts(intake.take(payload(reading(at=-5)))[0]) == (1, 0, 0, 0)
    assert intake.rows("SELECT reason FROM rejected_message") == [("time_in_future",)]
    assert intake.rows("SELECT last_time FROM meter_span") == [(RECEIVED + timedelta(minutes=9),)]


def test_ec_18_the_devices_time_and_ours_are_both_kept(intake: Intake) -> None:
    intake.take(payload(reading(at=60 * 24 * 30)))
    ((time, received),) = intake.rows("SELECT time, received FROM reading")
    assert time == RECEIVED - timedelta(days=30) and received >= RECEIVED


def quota(line: Line, limit: float) -> None:
    line.conn.execute(
        'INSERT INTO quota (scope, code, metric, period, "limit", unit)'
        " VALUES ('enterprise', 'DEMO-1', 'max_demand_kw', '2026-11', %s, 'kW')",
        (limit,),
    )


def judged(line: Line) -> list[tuple[object, ...]]:
    line.drain()
    while evaluate.work(line.conn, NOW, ZONE):
        pass
    silence.work(line.conn, NOW, ZONE)
    return line.conn.execute("SELECT rule, state FROM alert ORDER BY id").fetchall()


def test_ec_19_a_burst_of_history_makes_no_live_alarm_and_no_false_peak(line: Line) -> None:
    """Silent for three days, then all of it in one batch, the newest first: 40 kW throughout, and 50 are allowed."""
    quota(line, 50)
    end = round((NOW - START) / timedelta(minutes=15)) * 15
    told = [("E-01", 15.0 * n, 10.0 * n) for n in range(end // 15 + 1)]
    silent = [one for one in told if one[1] <= end - 3 * DAY]
    line.tell(silent)
    assert judged(line) == [("silent_enterprise", "open")]
    line.tell(told[: len(silent) - 1 : -1])
    line.drain()
    assert judged(line) == [("silent_enterprise", "resolved")], "the silence is over, and nothing new is wrong"
    (row,) = enterprise_usage(line.conn, "DEMO-1", date(2026, 11, 1), date(2026, 12, 1), "month", ZONE, NOW)
    assert (row.peak_kw, row.completeness) == (40, 1)


def test_ec_19_what_a_register_made_up_in_one_step_is_spread_and_is_no_peak(line: Line) -> None:
    quota(line, 50)
    end = round((NOW - START) / timedelta(minutes=15)) * 15
    line.tell([("E-01", 15.0 * n, 10.0 * n) for n in range(end // 15 + 1) if not 0 < end - 15 * n < 3 * DAY])
    assert judged(line) == []
    (row,) = enterprise_usage(line.conn, "DEMO-1", date(2026, 11, 1), date(2026, 12, 1), "month", ZONE, NOW)
    assert row.peak_kw == pytest.approx(40) and "gap" in row.flags


def test_ec_20_what_can_never_be_stored_is_put_aside_with_its_reason(intake: Intake) -> None:
    assert counts(intake.take(b"\xff\xfe not json", payload(reading()))[0]) == (0, 0, 0, 1)
    assert intake.rows("SELECT reason FROM rejected_message") == [("unreadable",)]
    assert intake.rows("SELECT count(*) FROM reading") == [(1,)], "the good message beside it is stored"


def test_ec_21_the_total_over_a_gap_is_known_and_its_hours_are_estimates(line: Line) -> None:
    line.tell([("E-01", 60, 100), ("E-01", 420, 700)])
    assert amounts(line) == [100] * 6
    rows = line.consumption("E-01")
    assert {row[11] for row in rows} == {Flag.GAP} and {row[5] for row in rows} == {100}, "no peak of 600"
    assert sum(row[4] for row in rows) == 600  # type: ignore[misc]


def weeks(line: Line, *missing: int) -> None:
    """Three weeks of an interval meter, 10 an hour; so many hours of it missing."""
    line.meter("I-01", "interval", interval_minutes=60)
    first = 32 * DAY
    line.tell([("I-01", first + 60.0 * h, 10.0) for h in range(1, 19 * 24 + 1) if h not in missing])


def test_ec_22_the_total_of_a_gap_of_interval_data_is_unknown_and_an_estimate_says_that_it_is_one(line: Line) -> None:
    weeks(line, 242, 243)
    twelfth = date(2026, 11, 12)
    before = meter_day(line, "I-01", twelfth)
    assert (before.amount, before.flags) == (220, ["missing"])
    estimating.make(line.conn, "DEMO-1", month_of(twelfth), ZONE, NOW, "王", "I-01")
    after = meter_day(line, "I-01", twelfth)
    assert (after.amount, after.flags, after.completeness) == (240, ["estimated"], before.completeness)


def test_ec_23_the_mark_of_an_estimated_value_goes_when_the_true_one_comes(line: Line) -> None:
    weeks(line, 242)
    twelfth, minute = date(2026, 11, 12), 32 * DAY + 60 * 242
    line.tell([("I-01", minute, 15.0)], source=readings.ESTIMATE)
    assert (meter_day(line, "I-01", twelfth).amount, meter_day(line, "I-01", twelfth).flags) == (245, ["estimated"])
    line.tell([("I-01", minute, 8.0)])
    assert (meter_day(line, "I-01", twelfth).amount, meter_day(line, "I-01", twelfth).flags) == (238, [])


def test_ec_24_null_is_never_zero(intake: Intake) -> None:
    assert counts(intake.take(payload(reading(value=None), reading("E-02", value=0)))[0]) == (1, 0, 0, 1)
    assert intake.rows("SELECT value FROM reading") == [(0.0,)]
    assert intake.rows("SELECT reason FROM rejected_message") == [("no_value",)]


def test_ec_25_a_register_that_stands_still_while_others_move_is_told(line: Line) -> None:
    line.meter("E-02")
    moving = [("E-01", 15.0 * n, 10.0 * n + 3 * (n % 4)) for n in range(30 * 96)]
    stuck = [("E-02", m, v if m < 20 * DAY else 10.0 * 20 * 96) for _, m, v in moving]
    line.tell([*moving, *stuck])
    line.drain()
    found = enterprise_quality(line.conn, "DEMO-1", month_of(START.date()), ZONE, NOW).findings
    assert {(one.meter, one.finding) for one in found if one.finding == "stuck_register"} == {
        ("E-02", "stuck_register")
    }


def test_ec_26_never_reported_and_stopped_reporting_are_told_apart(line: Line) -> None:
    line.meter("E-02")
    line.tell(steps("E-01", 1, 2))
    (one,) = heard.heard(line.conn, NOW, 4)
    assert (one.silent_codes, one.never_codes) == (["E-01"], ["E-02"])


def test_ec_27_an_unknown_code_waits_with_its_reading_and_is_never_attached_by_guess(intake: Intake) -> None:
    intake.take(payload(reading("E-1")))
    assert intake.rows("SELECT meter, reason FROM rejected_message") == [("E-1", "unknown_meter")]
    register(intake.conn, meters=["E-1"])
    known = registry.load(intake.conn, registry.Registry())
    assert intake.known is not None
    assert admit_waiting(intake.conn, known, Limits(), intake.known, Ticks(lambda: RECEIVED)) == 1
    assert intake.rows("SELECT m.code FROM reading r JOIN meter m ON m.id = r.meter_id") == [("E-1",)]


def test_ec_28_a_step_over_midnight_is_split_between_two_days(line: Line) -> None:
    line.tell([("E-01", DAY - 5, 100), ("E-01", DAY + 5, 160)])
    assert days(line) == [("2026-10-01", 30), ("2026-10-02", 30)]
    assert {row[11] for row in line.consumption("E-01")} == {Flag.INTERPOLATED}


def test_ec_29_a_daily_row_labelled_by_its_day_covers_that_day(line: Line) -> None:
    line.meter("I-01", "interval", interval_minutes=1440, label="start")
    at(line, "I-01", [(datetime(2025, 5, 1, tzinfo=ZONE), 48.0)])
    assert [row[1] for row in days(line)] == [48] and days(line)[0][0] == "2025-05-01"
    (first, *_, last) = line.consumption("I-01")
    assert (first[0], last[0]) == (datetime(2025, 4, 30, 16, tzinfo=UTC), datetime(2025, 5, 1, 15, tzinfo=UTC))


def test_ec_30_a_reading_at_17_utc_belongs_to_the_next_day_in_shanghai(line: Line) -> None:
    line.meter("I-01", "interval", interval_minutes=60)
    at(line, "I-01", [(datetime(2025, 4, 30, 17, tzinfo=UTC), 7.0)])
    line.drain()
    assert line.conn.execute("SELECT month::text, amount FROM usage_month").fetchall() == [("2025-05-01", 7)]


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25)])
def test_ec_30_a_day_of_23_or_25_hours_sums(line: Line, day: date, hours: int) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    first = datetime(day.year, day.month, day.day, tzinfo=berlin).astimezone(UTC) - timedelta(hours=5)
    at(line, "E-01", [(first + timedelta(minutes=15 * n), 2.5 * n) for n in range(40 * 4)])
    rollup.drain(line.conn, berlin, NOW)
    row = line.conn.execute("SELECT amount FROM usage WHERE day = %s", (day,)).fetchone()
    assert row == (10 * hours,)


def test_ec_31_a_time_without_offset_is_read_in_its_declared_zone_never_the_servers() -> None:
    naive = "2026-10-01 08:00:00"
    assert instants.read(naive, ZONE) == micros(datetime(2026, 10, 1, tzinfo=UTC))
    assert instants.read(naive, ZoneInfo("Europe/Berlin")) == micros(datetime(2026, 10, 1, 6, tzinfo=UTC))


def test_ec_36_senders_off_the_grid_keep_their_times_and_hours_are_cut_between_them(line: Line) -> None:
    """07:03, 07:18, 07:33 … at 60 kW: each hour has what time gives it, and all of them are the register's rise."""
    line.tell([("E-01", 7 * 60 + 3 + 15.0 * n, 15.0 * n) for n in range(13)])
    assert amounts(line) == pytest.approx([57, 60, 60, 3])
    stored = line.conn.execute("SELECT time FROM reading ORDER BY time LIMIT 1").fetchone()
    assert stored == (START + timedelta(hours=7, minutes=3),)
    assert sum(row[13] for row in line.consumption("E-01")) == 12  # type: ignore[misc]


def test_ec_36_sums_over_a_leap_day_are_exact(line: Line) -> None:
    begin = datetime(2028, 2, 28, tzinfo=ZONE)
    rising = np.cumsum([0.1 * (n % 7) for n in range(3 * 96 + 1)])
    at(line, "E-01", [(begin + timedelta(minutes=15 * n + 3), float(value)) for n, value in enumerate(rising)])
    line.drain()
    found = days(line)
    assert [day for day, _ in found] == ["2028-02-28", "2028-02-29", "2028-03-01", "2028-03-02"]
    assert sum(amount for _, amount in found) == pytest.approx(rising[-1] - rising[0], rel=1e-12)  # type: ignore[misc]
    months = line.conn.execute("SELECT month::text, days FROM usage_month ORDER BY month").fetchall()
    assert months == [("2028-02-01", 2), ("2028-03-01", 2)]

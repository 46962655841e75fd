"""What is dropped because somebody said so, and what must then stand as it is (EC-66)."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from psycopg import Connection, Rollback

from energy import corrections as overlay
from energy.corrections import Correction, Spread
from energy.periods import Period
from energy.refused import Refused
from energy.registers import HOUR, Bools, Readings
from energy.windows import EVER, Window, windows
from enermon import settings
from enermon.intake import limits as intake_limits
from ingest import batch, registry
from ingest.batch import Message
from ingest.limits import Limits
from storage import corrections, database, integrity, quality_store, retention, stale
from storage.arrays import instant
from storage.explain import explain
from storage.integrity import Scope, Tally
from storage.retention import Floors, Keeping, is_overdue
from storage.stale import StaleSpan
from tests.ingest_world import NOW as INGEST_NOW
from tests.ingest_world import Intake, counts, payload, reading, register
from tests.line import NOW, START, ZONE, Line
from tests.test_virtual_meters import Plant

DAY = 1440
FLOOR = datetime(2026, 10, 9, tzinfo=UTC)  # eight hours into the ninth day of the line, in Shanghai
EIGHT_DAYS = (FLOOR - START) // timedelta(minutes=1)


def drop_until(conn: Connection, now: datetime, keeping: Keeping) -> int:
    """All that is due, one unit after the other."""
    count = 0
    while retention.work(conn, now, ZONE, keeping):
        count += 1
    return count


def drop_readings(conn: Connection) -> int:
    return drop_until(conn, FLOOR + timedelta(days=100), Keeping(readings=100))


def told_twelve_days(conn: Connection, line: Line | None = None) -> Line:
    """Registers, one of which dips, leaps and leaves readings out, and an interval meter."""
    line = line or Line(conn)
    line.factor("electricity", 0.1229, 0.3, 0.55)
    line.meter("A")
    line.meter("B")
    line.meter("C", kind="interval")
    line.tell(("A", minute, minute * 1.5) for minute in range(0, 12 * DAY, 15))
    line.tell(("C", minute, 3.25) for minute in range(15, 12 * DAY, 15))
    chance = np.random.default_rng(66)
    value = 0.0
    told = []
    for minute in range(0, 12 * DAY, 15):
        value += float(chance.integers(0, 40)) / 8
        odd = chance.random()
        if odd > 0.97:
            continue
        told.append(("B", minute, value * 3 + 500 if odd < 0.004 else value / 2 if odd < 0.01 else value))
    line.tell(told)
    line.drain()
    return line


def everything_is_stale(line: Line) -> None:
    """As after an import that touches all of its meters."""
    span = instant(-EVER), instant(EVER)
    stale.mark(line.conn, [StaleSpan(line.enterprise_id, list(line.ids.values()), *span, "registry")])
    stale.mark(line.conn, [StaleSpan(line.enterprise_id, [], *span, "factor")])


def without_clock(line: Line) -> list[object]:
    rows = [row for row in line.figures() if isinstance(row, tuple)]
    return [(row[0], {k: v for k, v in row[1].items() if k != "computed"}) for row in rows if isinstance(row[1], dict)]


def rows_of(line: Line, since: datetime, until: datetime) -> list[tuple[Any, ...]]:
    return line.conn.execute(
        "SELECT to_jsonb(c) FROM consumption c WHERE hour >= %s AND hour < %s ORDER BY hour, meter_id", (since, until)
    ).fetchall()


# Nothing is computed again where readings are gone ------------------------------------------------


def test_ec_66_nothing_is_recomputed_over_a_span_whose_readings_are_gone(conn: Connection) -> None:
    line = told_twelve_days(conn)
    before = without_clock(line)
    assert drop_readings(conn) == 9  # UTC days, of which the first is the last one of September
    assert conn.execute("SELECT min(time) >= %s FROM reading", (FLOOR,)).fetchone() == (True,)
    everything_is_stale(line)
    line.drain()
    assert without_clock(line) == before


Story = Callable[[Line], None]


def late_value(line: Line) -> None:
    line.tell([("A", EIGHT_DAYS + 2 * DAY + 7, (EIGHT_DAYS + 2 * DAY + 7) * 1.5)])


def another_value(line: Line) -> None:
    line.tell([("B", EIGHT_DAYS + 3 * DAY, 1e6), ("A", EIGHT_DAYS + 2 * DAY, 5.0)], seq=9)


def going_on(line: Line) -> None:
    line.tell([("A", 12 * DAY + n * 15, (12 * DAY + n * 15) * 1.5) for n in range(40)])
    line.tell([("C", 12 * DAY + n * 15, 1.0) for n in range(40)])


def a_silent_one_returns(line: Line) -> None:
    line.tell([("B", 13 * DAY, 50_000.0), ("B", 13 * DAY + 15, 50_001.0)])


@pytest.mark.parametrize("story", [late_value, another_value, going_on, a_silent_one_returns])
def test_ec_66_what_changes_later_gives_the_same_figures_as_if_nothing_were_gone(
    conn: Connection, story: Story
) -> None:
    line = told_twelve_days(conn)
    with conn.transaction() as undone:
        story(line)
        line.drain()
        whole = without_clock(line)
        raise Rollback(undone)
    drop_readings(conn)
    story(line)
    line.drain()
    assert without_clock(line) == whole


def test_ec_66_close_behind_the_cut_only_hours_that_are_known_whole_are_computed(conn: Connection) -> None:
    line = told_twelve_days(conn)
    known = rows_of(line, START, FLOOR)
    drop_readings(conn)
    line.tell([("A", EIGHT_DAYS + 22, 10_000.0), ("C", EIGHT_DAYS + 1, 9.0)])
    line.drain()
    assert rows_of(line, START, FLOOR) == known
    again = rows_of(line, FLOOR, FLOOR + timedelta(hours=6))
    assert all(row[0]["amount"] is not None for row in again)


def test_a_late_reading_of_a_dropped_day_changes_nothing_and_is_dropped_in_its_turn(conn: Connection) -> None:
    line = told_twelve_days(conn)
    drop_readings(conn)
    before = without_clock(line)
    line.tell([("A", 3 * DAY + 7, 1.0)])
    line.drain()
    assert without_clock(line) == before
    assert drop_readings(conn) == 1


def test_virtual_meters_are_computed_from_hours_that_are_kept(conn: Connection, tmp_path: Path) -> None:
    plant = Plant(conn)
    plant.folder = tmp_path
    told_twelve_days(conn, plant)
    drop_readings(conn)
    plant.virtual("V", "A + 2 * C")
    plant.drain()
    a, c, both = ({row[0]: row[1] for row in plant.consumption(code)} for code in "ACV")
    assert set(both) == set(a) | set(c) and len(both) == 288
    assert [both[hour] for hour in list(both)[:287]] == [6.0 * 15 + 2 * 13 for _ in range(287)]


def test_a_meter_of_which_nothing_is_left_keeps_its_figures(conn: Connection) -> None:
    line = Line(conn)
    line.meter("A")
    line.tell(("A", minute, minute * 1.0) for minute in range(0, 3 * DAY, 15))
    line.drain()
    before = line.consumption("A")
    drop_readings(conn)
    everything_is_stale(line)
    line.drain()
    assert line.consumption("A") == before
    line.tell([("A", 20 * DAY, 99_000.0), ("A", 20 * DAY + 60, 99_060.0), ("A", 20 * DAY + 120, 99_120.0)])
    line.drain()
    assert line.consumption("A")[: len(before)] == before
    assert [row[1] for row in line.consumption("A")[len(before) :]] == [60.0, 60.0]


def test_a_meter_that_is_read_once_a_month_goes_on(conn: Connection) -> None:
    line = Line(conn)
    line.meter("A", interval_minutes=DAY)
    line.tell([("A", -60 * DAY, 0.0), ("A", -30 * DAY, 720.0), ("A", 0, 1440.0), ("A", 20 * DAY, 1920.0)])
    line.drain()
    before = rows_of(line, START - timedelta(days=60), START + timedelta(days=20))
    drop_readings(conn)
    line.tell([("A", 50 * DAY, 2640.0)])
    line.drain()
    assert rows_of(line, START - timedelta(days=60), START + timedelta(days=20)) == before
    news = rows_of(line, START + timedelta(days=20), NOW)
    assert sum(row[0]["amount"] for row in news) == pytest.approx(720.0)


def test_factors_may_change_for_days_whose_readings_are_gone_while_their_hours_are_kept(conn: Connection) -> None:
    line = told_twelve_days(conn)
    drop_readings(conn)
    conn.execute("UPDATE factor SET kgco2_per_unit = 2 * kgco2_per_unit")
    line.changed()
    before = conn.execute("SELECT day, tco2 FROM usage ORDER BY day").fetchall()
    stale.mark(conn, [StaleSpan(line.enterprise_id, [], instant(-EVER), instant(EVER), "factor")])
    line.drain()
    after = conn.execute("SELECT day, tco2 FROM usage ORDER BY day").fetchall()
    assert after == [(day, pytest.approx(2 * tco2)) for day, tco2 in before]


# Corrections --------------------------------------------------------------------------------------


def corrected(line: Line, since: datetime, until: datetime, spread: str) -> int:
    row = line.conn.execute(
        "INSERT INTO correction (meter_id, since, until, amount, spread, reason, author)"
        " VALUES (%s, %s, %s, 500, %s, 'invented', 'wang') RETURNING id",
        (line.ids["A"], since, until, spread),
    ).fetchone()
    assert row
    return int(row[0])


def test_a_correction_that_reaches_back_behind_the_cut_is_refused(conn: Connection) -> None:
    line = told_twelve_days(conn)
    approved = corrected(line, FLOOR - timedelta(days=2), FLOOR - timedelta(days=1), "time")
    later = corrected(line, FLOOR - timedelta(days=2), FLOOR + timedelta(days=1), "time")
    corrections.approve(conn, approved, "li", NOW)
    line.drain()
    drop_readings(conn)
    with pytest.raises(Refused, match=rf"correction {later} reaches back to 2026-10-07.* kept since 2026-10-09"):
        corrections.approve(conn, later, "li", NOW)
    with pytest.raises(Refused, match=rf"correction {approved} reaches back"):
        corrections.withdraw(conn, approved, "li", NOW)
    corrections.withdraw(conn, later, "li", NOW)


@pytest.mark.parametrize("spread", ["time", "profile"])
def test_a_correction_that_lies_across_the_cut_stands_as_it_was_placed(conn: Connection, spread: str) -> None:
    line = told_twelve_days(conn)
    corrections.approve(conn, corrected(line, FLOOR - timedelta(days=1), FLOOR + timedelta(days=1), spread), "li", NOW)
    line.drain()
    before = without_clock(line)
    drop_readings(conn)
    everything_is_stale(line)
    line.drain()
    assert without_clock(line) == before


def test_a_profile_that_was_asked_for_and_is_not_whole_is_passed_by() -> None:
    several = [
        Correction(0, 10, 1.0, Spread.PROFILE),
        Correction(8, 14, 1.0, Spread.PROFILE),
        Correction(12, 30, 1.0, Spread.TIME),
    ]
    assert overlay.behind(several, since=5, asked=0) == 14
    assert overlay.behind(several, since=5, asked=3) == 5  # not asked for yet: more may be read
    assert overlay.behind(several, since=20, asked=0) == 20


# Hourly figures -----------------------------------------------------------------------------------


def test_dropped_consumption_leaves_usage_and_is_never_made_again(conn: Connection) -> None:
    line = told_twelve_days(conn)
    usage = [row for row in without_clock(line) if row[0] != "consumption"]  # type: ignore[index]
    assert drop_until(conn, NOW + timedelta(days=440), Keeping(consumption=400)) == 1
    kept = conn.execute("SELECT min(hour) FROM consumption").fetchone()
    floor = retention.floors(conn).consumption
    assert kept == (None,) or (kept[0] is not None and kept[0] >= floor > START)  # type: ignore[index]
    everything_is_stale(line)
    line.drain()
    assert conn.execute("SELECT min(hour) FROM consumption").fetchone() == kept
    assert [row for row in without_clock(line) if row[0] != "consumption"] == usage  # type: ignore[index]


def test_hourly_usage_goes_by_whole_months_and_its_days_stand(conn: Connection) -> None:
    line = told_twelve_days(conn)
    line.tell(("A", minute, minute * 1.5) for minute in range(12 * DAY, 33 * DAY, 15))
    line.drain()
    assert drop_until(conn, START + timedelta(days=450), Keeping(usage_hours=400)) == 1
    november = datetime(2026, 11, 1, tzinfo=ZONE)
    assert conn.execute("SELECT min(hour) FROM usage_hour").fetchone() == (november,)
    before = conn.execute("SELECT to_jsonb(u) - 'computed' FROM usage u ORDER BY day, carrier").fetchall()
    everything_is_stale(line)
    line.drain()
    assert conn.execute("SELECT to_jsonb(u) - 'computed' FROM usage u ORDER BY day, carrier").fetchall() == before
    assert conn.execute("SELECT min(hour) FROM usage_hour").fetchone() == (november,)


# What is told -------------------------------------------------------------------------------------


def test_by_default_nothing_is_ever_dropped(conn: Connection) -> None:
    line = told_twelve_days(conn)
    before = conn.execute("SELECT count(*) FROM reading").fetchone()
    assert drop_until(conn, NOW + timedelta(days=36_500), Keeping()) == 0
    assert conn.execute("SELECT count(*) FROM reading").fetchone() == before
    assert retention.floors(line.conn) == Floors()


def test_the_hash_chain_knows_every_day_that_was_dropped(conn: Connection) -> None:
    told_twelve_days(conn)
    drop_readings(conn)
    conn.commit()
    tally = Tally()
    assert list(integrity.check(conn, Scope(), tally)) == []
    assert [gone.day for gone in tally.dropped] == [date(2026, 9, 30) + timedelta(days=n) for n in range(9)]


def test_quality_of_a_month_whose_readings_are_gone_is_what_was_told_last(conn: Connection) -> None:
    line = told_twelve_days(conn)
    month = Period("2026-10", date(2026, 10, 1), date(2026, 11, 1))
    told = quality_store.enterprise(conn, "DEMO-1", month, ZONE, NOW)
    drop_readings(conn)
    assert quality_store.enterprise(conn, "DEMO-1", month, ZONE, NOW) == told
    with pytest.raises(Refused, match=r"2026-09 was never told, .* kept since 2026-10-09 only"):
        quality_store.enterprise(line.conn, "DEMO-1", Period("2026-09", date(2026, 9, 1), date(2026, 10, 1)), ZONE, NOW)


def test_explain_says_that_what_figures_were_made_from_is_gone(conn: Connection) -> None:
    told_twelve_days(conn)
    month = Period("2026-10", date(2026, 10, 1), date(2026, 11, 1))
    whole = explain(conn, "DEMO-1", month, ZONE, NOW, "A")
    drop_readings(conn)
    about = explain(conn, "DEMO-1", month, ZONE, NOW, "A")
    said = (
        "what figures before 2026-10-09 08:00 were made from was dropped; they stand as they were, and it is not told"
    )
    assert [one for one in about.remarks if one not in whole.remarks] == [f"{said} here"]
    assert about.figures == whole.figures
    assert about.meters[0].unknown == whole.meters[0].unknown
    assert min(one.time for one in about.meters[0].readings or []) >= FLOOR
    september = Period("2026-09", date(2026, 9, 1), date(2026, 10, 1))
    assert explain(conn, "DEMO-1", september, ZONE, NOW).meters[0].steps == []


def test_rejected_messages_go_and_their_count_stays(conn: Connection) -> None:
    register(conn)
    intake = Intake(conn)
    assert counts(intake.take(payload(reading("X-99"), reading("X-98")))[0]) == (0, 0, 0, 2)
    assert drop_until(conn, NOW + timedelta(days=5), Keeping(rejected=7)) == 0
    assert drop_until(conn, NOW + timedelta(days=9), Keeping(rejected=7)) == 1
    assert intake.rows("SELECT count(*) FROM rejected_message") == [(0,)]
    assert intake.rows("SELECT sum(count) FROM rejected_count") == [(2,)]


def test_settings_say_what_is_kept_and_refuse_what_would_be_missed() -> None:
    found = settings.load({"ENERMON_KEEP_READINGS_DAYS": "730", "ENERMON_COMPRESS_CONSUMPTION_DAYS": "0"})
    assert found.keeping == Keeping(readings=730, compress_readings=7)
    assert intake_limits(found).kept_for == timedelta(days=730)
    assert (settings.load({}).keeping, intake_limits(settings.load({})).kept_for) == (
        Keeping(compress_readings=7, compress_consumption=35),
        None,
    )
    with pytest.raises(Refused, match="is '31'; write 0 or a number of days from 100 to 36500"):
        settings.load({"ENERMON_KEEP_READINGS_DAYS": "31"})


def test_a_reading_older_than_what_is_kept_is_rejected_with_the_day(conn: Connection) -> None:
    register(conn)
    known = registry.load(conn, registry.Registry())
    message = Message("INV-1", "t", payload(reading(at=1440 * 100 + 1), reading("E-02", at=1440 * 99)))
    told = batch.decide(message, known, Limits(kept_for=timedelta(days=100)), INGEST_NOW)
    (rejection,) = told.admitted.rejections
    assert (rejection.reason, rejection.message[-20:]) == ("time_too_old", "is before 2026-08-13")


def test_what_could_not_be_kept_is_not_taken() -> None:
    now = datetime(2026, 11, 21, tzinfo=UTC)
    assert Limits().oldest_at(now) == datetime(2000, 1, 1, tzinfo=UTC)
    assert Limits(kept_for=timedelta(days=100)).oldest_at(now) == now - timedelta(days=100)
    assert Limits(oldest=now, kept_for=timedelta(days=100)).oldest_at(now) == now


def test_whoever_computes_is_waited_for_only_a_moment(
    dsn: str, conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = told_twelve_days(conn)
    conn.commit()
    monkeypatch.setattr(retention, "PATIENCE", "50ms")
    with database.connect(dsn) as other:
        retention.hold(other)  # as a round of the rollup does
        assert drop_readings(line.conn) == 0
    assert drop_readings(line.conn) == 9


@pytest.mark.parametrize(
    ("age", "part", "is_late"), [(101, 0, False), (103, 0, True), (103, 31, False), (134, 31, True)]
)
def test_what_should_have_gone_is_told_by_its_age(age: int, part: int, is_late: bool) -> None:
    oldest = NOW - timedelta(days=age)
    assert is_overdue(oldest, NOW, 100, timedelta(days=part)) is is_late


def test_check_tells_what_is_still_there(conn: Connection) -> None:
    told_twelve_days(conn)
    assert list(retention.overdue(conn, NOW + timedelta(days=800), Keeping())) == []
    late = list(retention.overdue(conn, NOW + timedelta(days=800), Keeping(readings=100, consumption=400)))
    assert late == [
        "Readings since 2026-09-30 are still there although keep_readings_days is 100; is `enermon work` running?",
        "Hourly consumption since 2026-09-30 are still there although keep_consumption_days is 400; is `enermon work`"
        " running?",
    ]


# Where a window begins, without a database --------------------------------------------------------


def test_behind_a_cut_a_window_begins_at_the_first_hour_that_nothing_gone_has_a_part_in() -> None:
    time = np.array([HOUR // 2, HOUR, 2 * HOUR, 3 * HOUR, 4 * HOUR, 5 * HOUR])
    readings = Readings(np.zeros(6, np.int64), time, np.arange(6.0), np.zeros(6, np.int64))
    changed, no, yes = np.array([HOUR]), np.array([False]), np.array([True])

    def asked(anchors: list[int], is_cut: Bools) -> tuple[list[Window], list[int]]:
        return windows(readings, np.isin(np.arange(6), anchors), changed, changed, no, yes, is_cut)

    assert asked([], no) == ([], [0])  # more must be read
    assert asked([], yes) == ([Window(0, HOUR, EVER, True)], [])
    assert asked([4], yes) == ([Window(0, 4 * HOUR, EVER, True)], [])

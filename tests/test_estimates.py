"""Gaps are estimated by days alike, marked, on record, and give way to what is measured (EC-22, EC-23)."""

import json
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from psycopg import Connection

from energy import estimates as rule
from energy.estimates import Day, Estimate
from energy.periods import Period, month_of
from energy.quality import Flag
from energy.refused import Refused
from energy.registers import HOUR, MINUTE, Kind, Meters, Pieces
from enermon.cli import cli
from enermon.stations import gaps_of_yesterday
from ingest import decode, files
from ingest.dialect import Dialect
from reports.explanation import statements
from storage import estimates, estimating, readings, rollup, snapshot, stale
from storage.explain import explain
from storage.integrity import Tally, check, scope_of
from storage.usage import UsageRow, meter_usage
from tests.ingest_world import Intake, counts, payload, reading, register
from tests.line import NOW, START, ZONE, Line

DAY = 24 * HOUR
METERS = Meters(
    np.array([Kind.INTERVAL]), np.array([1.0]), np.array([np.nan]), np.array([np.nan]), np.array([HOUR]),
    np.array([False]),
)  # fmt: skip


def pieces(*told: tuple[float, float, float]) -> Pieces:
    """Measured amounts of one meter over [since, until) in hours."""
    since, until = (np.array([one[at] * HOUR for one in told], dtype=np.int64) for at in (0, 1))
    amount, zero = np.array([one[2] for one in told]), np.zeros(len(told), dtype=np.int64)
    return Pieces(zero, since, until, amount, amount, amount, zero.copy())


def days(count: int, works: Callable[[int], bool] = lambda n: True) -> list[Day]:
    return [Day(date(2026, 11, 2) + timedelta(days=n), n * DAY, (n + 1) * DAY, works(n)) for n in range(count)]


def hourly(amounts: dict[int, float]) -> Pieces:
    """Days of 24 equal hours, by number of the day."""
    return pieces(*((24 * day + h, 24 * day + h + 1, a) for day, a in sorted(amounts.items()) for h in range(24)))


# --- the rule


def test_a_gap_is_the_median_of_the_same_hours_on_days_alike() -> None:
    known = hourly({0: 10, 1: 12, 3: 14, 4: 50, 5: 1})
    found = rule.similar_days((2 * DAY + 3 * HOUR, 2 * DAY + 5 * HOUR), known, days(6), HOUR)
    assert found.estimate.amounts.sum() == 24 and found.reference == tuple(
        day.date for day in days(6) if day.date.day != 4
    )
    assert (found.estimate.lows.sum(), found.estimate.highs.sum()) == (2, 100)


def test_days_off_say_nothing_of_a_working_day() -> None:
    known = hourly({n: 1.0 if n % 2 else 10.0 for n in range(13) if n != 6})
    found = rule.similar_days((6 * DAY, 7 * DAY), known, days(13, lambda n: n % 2 == 0), HOUR)
    assert found.estimate.amounts.sum() == 240 and {day.day % 2 for day in found.reference} == {0}


def test_only_the_nearest_ten_days_speak() -> None:
    known = hourly({n: float(n) for n in range(40) if n != 20})
    found = rule.similar_days((20 * DAY, 21 * DAY), known, days(40), HOUR)
    assert found.reference[0] == days(40)[15].date and found.reference[-1] == days(40)[25].date


def test_with_too_few_days_nothing_is_estimated() -> None:
    with pytest.raises(Refused, match="only 3 working days within 28 days of 2026-11-04"):
        rule.similar_days((2 * DAY, 3 * DAY), hourly({0: 1, 1: 1, 3: 1}), days(4), HOUR)


def test_a_day_that_was_itself_estimated_is_no_reference() -> None:
    known = hourly({0: 1, 1: 1, 3: 1, 4: 1})
    assert len(rule.measured(known, HOUR)) == 96
    known.flags[:24] = int(Flag.ESTIMATED)
    assert len(rule.measured(known, HOUR)) == 72


def test_a_gap_of_more_than_fifty_days_is_refused() -> None:
    with pytest.raises(Refused, match="51 days without a value are more than the 50"):
        rule.similar_days((0, 51 * DAY), hourly({60: 1}), days(61), HOUR)


def stated(since: int, until: int, *amounts: float) -> Estimate:
    return Estimate(since, until, since, HOUR, *(np.array(amounts) * share for share in (1, 0.5, 2)))


def test_an_estimate_stands_only_where_nothing_is_known() -> None:
    filled = rule.fill(pieces((1, 2, 7), (2.5, 3, 4)), {0: [stated(0, 4 * HOUR, 10, 10, 10, 10)]}, METERS, {})
    told = list(zip(filled.since / HOUR, filled.until / HOUR, filled.amount, filled.flags, strict=True))
    mark = int(Flag.ESTIMATED)
    assert told == [(0, 1, 10, mark), (1, 2, 7, 0), (2, 2.5, 5, mark), (2.5, 3, 4, 0), (3, 4, 10, mark)]
    assert filled.low[0] == 5 and filled.high[0] == 20


def test_of_two_estimates_the_first_stands() -> None:
    filled = rule.fill(pieces(), {0: [stated(0, HOUR, 1), stated(0, 2 * HOUR, 5, 6)]}, METERS, {})
    assert filled.amount.tolist() == [1, 6]


# --- on record

MONTH = month_of(date(2026, 11, 1))
WORKDAYS = {2, 3, 4, 5, 6, 9, 10, 11, 12, 13, 16, 17, 18, 19, 20}  # of November 2026, up to NOW
FIRST = 32 * 24 * 60  # minutes from START to the second of November, a Monday


@pytest.fixture
def line(conn: Connection) -> Line:
    """An interval meter: three weeks of working days (10 an hour) and weekends (2), four hours of the 12th missing."""
    one = Line(conn)
    one.factor("electricity", 0.1229, 0.3016, 0.5306)
    one.meter("I-01", "interval", interval_minutes=60)
    one.tell([reading_ for reading_ in weeks() if not in_gap(reading_[1])])
    one.drain()
    return one


def weeks() -> Iterator[tuple[str, float, float]]:
    for hour in range(19 * 24):
        yield "I-01", FIRST + 60 * (hour + 1), 10.0 if 2 + hour // 24 in WORKDAYS else 2.0


def in_gap(minute: float) -> bool:
    """From 08:00 to 12:00 on Thursday, November the 12th."""
    return 8 * 60 < minute - FIRST - 10 * 24 * 60 <= 12 * 60


def made(line: Line, **more: object) -> list[estimating.Outcome]:
    line.drain()
    found = estimating.make(line.conn, "DEMO-1", MONTH, ZONE, NOW, "王工", **more)  # type: ignore[arg-type]
    line.drain()
    return found


def month(line: Line, meter: str = "I-01") -> UsageRow:
    line.drain()
    (row,) = meter_usage(line.conn, "DEMO-1", meter, MONTH.first, MONTH.until, "month", ZONE, NOW)
    return row


KNOWN = 15 * 240 + 4 * 48 - 40


def test_ec_22_a_gap_of_interval_data_is_unknown_until_somebody_has_it_estimated(line: Line) -> None:
    before = month(line)
    assert before.amount == KNOWN and "missing" in before.flags
    (one,) = made(line)
    assert (one.amount, one.low, one.high, one.method) == (40, 40, 40, "similar_days")
    assert len(one.reference_days) == 10 and date(2026, 11, 7) not in one.reference_days
    after = month(line)
    assert after.amount == KNOWN + 40 and "estimated" in after.flags
    assert after.estimated == pytest.approx(40 / (KNOWN + 40)), "counted as estimated"
    assert after.completeness == before.completeness, "and never as received"
    assert line.conn.execute("SELECT count(*) FROM reading").fetchone() == (19 * 24 - 4,), "readings stay as they came"


def test_ec_22_the_enterprise_follows_and_its_peak_is_a_measured_one(line: Line) -> None:
    made(line)
    row = line.conn.execute(
        "SELECT amount, estimated, flags, peak_partial FROM usage WHERE day = '2026-11-12'"
    ).fetchone()
    assert row == (240, 40, Flag.ESTIMATED, True)
    peaks = line.conn.execute("SELECT peak_rate FROM consumption WHERE flags & %s <> 0", (int(Flag.ESTIMATED),))
    assert peaks.fetchall() == [(None,)] * 4


def test_a_second_time_there_is_nothing_left_to_estimate(line: Line) -> None:
    assert len(made(line)) == 1 and made(line) == []


def test_a_dry_run_puts_nothing_on_record(line: Line) -> None:
    (one,) = made(line, dry_run=True)
    assert (one.amount, one.id) == (40, None)
    assert estimates.listed(line.conn) == [] and month(line).amount == KNOWN


def test_ec_23_the_true_value_takes_the_place_of_the_estimate_in_its_own_hour(line: Line) -> None:
    made(line)
    before = line.consumption("I-01")
    line.tell([("I-01", FIRST + (10 * 24 + 10) * 60, 17.0)])
    line.drain()
    after = line.consumption("I-01")
    changed = [new for old, new in zip(before, after, strict=True) if old != new]
    assert [(row[1], row[4], row[11], row[13]) for row in changed] == [(17, None, 0, 1)]
    assert month(line).amount == KNOWN + 30 + 17
    (one,) = estimates.listed(line.conn)
    assert one.state == "standing" and one.amount == 40, "it stays on record, hour by hour it has given way"


def test_an_estimate_that_is_withdrawn_leaves_the_time_unknown_and_stays_on_record(line: Line) -> None:
    before = month(line), line.figures()
    (one,) = made(line)
    assert one.id is not None
    estimates.withdraw(line.conn, one.id, "李科长", NOW)
    assert month(line) == before[0]
    (told,) = estimates.listed(line.conn, "DEMO-1")
    assert (told.state, told.author, told.withdrawn_by) == ("withdrawn", "王工", "李科长")
    with pytest.raises(Refused, match="is withdrawn already, by 李科长"):
        estimates.withdraw(line.conn, one.id, "赵", NOW)
    with pytest.raises(Refused, match="there is no estimate 99"):
        estimates.withdraw(line.conn, 99, "赵", NOW)


def test_a_multiplier_that_is_corrected_later_corrects_the_estimate_too(line: Line) -> None:
    made(line)
    line.conn.execute("UPDATE meter SET multiplier = 40, scale = 40")
    line.changed()
    since, until = START, NOW
    stale.mark(line.conn, [stale.StaleSpan(line.enterprise_id, [line.ids["I-01"]], since, until, "registry")])
    assert month(line).amount == pytest.approx(40 * (KNOWN + 40))


def test_an_estimate_of_a_silent_register_gives_way_to_the_total_that_it_tells_later(line: Line) -> None:
    line.meter("E-01", interval_minutes=60)
    line.tell([("E-01", FIRST + 60 * hour, 1_000.0 + 5 * hour) for hour in range(15 * 24 + 1)])
    (one,) = [one for one in made(line) if one.meter == "E-01" and not one.refused]
    assert (one.amount, month(line, "E-01").amount) == (4 * 120, 5 * 24 * 15 + 4 * 120)
    line.tell([("E-01", FIRST + 60 * 24 * 18, 1_000.0 + 5 * 24 * 15 + 33)])
    assert month(line, "E-01").amount == 5 * 24 * 15 + 33 + 120, "what is behind the reading is still an estimate"


def test_the_worker_estimates_the_day_before_in_the_morning_and_not_twice(line: Line) -> None:
    morning = START.replace(month=11, day=13, hour=7)
    rollup.drain(line.conn, ZONE, NOW)
    snapshot._cache.clear()
    work = gaps_of_yesterday(ZONE)
    assert work(line.conn, morning - timedelta(hours=2)) == 0, "too early: what comes late has not come yet"
    assert (work(line.conn, morning), work(line.conn, morning)) == (1, 0)
    (one,) = estimates.listed(line.conn)
    assert one.author == "enermon" and month(line).amount == KNOWN + 40


def test_explain_tells_of_the_estimate_with_its_reference_days(line: Line) -> None:
    made(line)
    about = explain(line.conn, "DEMO-1", MONTH, ZONE, NOW, "I-01")
    (one,) = about.meters[0].record.estimates
    assert one.author == "王工" and len(one.reference_days) == 10
    assert [since for since, _ in about.meters[0].unknown] == [datetime(2026, 11, 21, tzinfo=ZONE)], (
        "the last hours only"
    )
    said = "\n".join(statements(about, ZONE))
    assert "Estimate 1, 2026-11-12 08:00 to 2026-11-12 12:00: 40 kWh (40 to 40)" in said
    assert "similar days, the median of 2026-11-05, 2026-11-06" in said and "made by 王工" in said


# --- the command


def test_the_command_estimates_lists_and_withdraws(line: Line, dsn: str, tmp_path: Path) -> None:
    line.conn.commit()
    run = _runner(dsn, tmp_path)
    dry = json.loads(run("--enterprise", "DEMO-1", "--month", "2026-11", "--dry-run", "--format", "json").output)
    assert [row["id"] for row in dry["rows"]] == [None]
    done = run("--enterprise", "DEMO-1", "--meter", "I-01", "--month", "2026-11", "--as", "王工")
    assert done.exit_code == 0 and "10: 2026-11-05 to 2026-11-19" in done.output
    (row,) = json.loads(run("list", "--format", "json").output)["rows"]
    assert (row["state"], row["amount"], row["author"]) == ("standing", 40, "王工")
    assert run("withdraw", str(row["id"])).exit_code == 0
    assert "withdrawn" in run("list", "--enterprise", "DEMO-1").output
    assert run("--enterprise", "DEMO-1").exit_code == 2, "a month is asked for"
    nobody = run("--enterprise", "NOBODY", "--month", "2026-11")
    assert nobody.exit_code == 1 and "no meter that could be estimated" in nobody.output


def test_the_command_refuses_in_one_sentence_where_nothing_can_be_estimated(
    line: Line, dsn: str, tmp_path: Path
) -> None:
    line.meter("I-02", "interval", interval_minutes=60)
    line.tell([("I-02", FIRST, 1.0), ("I-02", FIRST + 300, 1.0)])
    line.conn.commit()
    refused = _runner(dsn, tmp_path)("--enterprise", "DEMO-1", "--meter", "I-02", "--month", "2026-11")
    assert refused.exit_code == 1 and "Meter I-02, 2026-11-02: only 0 working days" in refused.output


def _runner(dsn: str, folder: Path) -> Callable[..., Result]:
    environment = {"ENERMON_DATABASE": dsn, "ENERMON_DATA": str(folder)}
    return lambda *words: CliRunner().invoke(cli, ["estimate", *words], env=environment)


# --- estimated by the sender (EC-23)


def test_ec_23_both_shapes_of_a_message_may_be_marked() -> None:
    whole = decode.decode(b'{"time": 1, "values": {"A": 1, "B": 2}, "estimated": true}', 10_000)
    assert whole.estimated == [True, True] and whole.clean
    second = b'{"meter": "B", "time": 1, "value": 2, "estimated": true}'
    for first in (b'{"meter": "A", "time": 1, "value": 1}', b'{"meter": "A", "time": 1, "value": NaN}'):
        one = b'{"readings": [' + first + b", " + second + b"]}"
        assert decode.decode(one, 10_000).estimated == [False, True]
    assert decode.decode(b'{"readings": [{"meter": "A", "time": 1, "value": 1, "unit": "kWh"}]}', 99).estimated is None


def test_ec_23_a_file_may_have_a_column_of_marks(tmp_path: Path) -> None:
    file = tmp_path / "readings.csv"
    file.write_text("time,meter,value,estimated\n2026-10-01T00:00:00Z,A,1,yes\n2026-10-01T01:00:00Z,A,2,\n", "utf-8")
    (chunk,) = files.read(file, Dialect(), lambda meter, unit: 1.0)
    assert chunk.columns.estimated == [True, False]
    file.write_text("time,meter,value,estimated\n2026-10-01T00:00:00Z,A,1,perhaps\n", "utf-8")
    with pytest.raises(Refused, match="estimated is 'perhaps'; write yes or no"):
        list(files.read(file, Dialect(), lambda meter, unit: 1.0))


def test_ec_23_what_is_marked_lies_aside_and_is_answered_like_any_reading(conn: Connection) -> None:
    register(conn)
    intake = Intake(conn)
    told = payload(reading(at=60, value=5) | {"estimated": True}, reading(at=30, value=7))
    assert counts(intake.take(told)[0]) == (2, 0, 0, 0)
    assert counts(intake.take(told)[0]) == (0, 2, 0, 0)
    assert intake.rows("SELECT value, source FROM reading") == [(7, 20)]
    assert intake.rows("SELECT value, source FROM rival_reading") == [(5, 10)]
    other = payload(reading(at=60, value=6) | {"estimated": True}, seq=9)
    assert counts(intake.take(other)[0]) == (0, 0, 1, 0), "another estimate of the same time"
    assert counts(intake.take(payload(reading(at=60, value=4), seq=1))[0]) == (1, 0, 0, 0), "the first measured value"


def test_ec_23_a_marked_reading_of_an_unknown_meter_keeps_its_mark(conn: Connection) -> None:
    register(conn)
    outcome = Intake(conn).take(payload(reading("E-99") | {"estimated": True}))[0]
    assert outcome.decision.admitted.rejections[0].estimated
    assert Intake(conn).rows("SELECT item -> 'estimated' FROM rejected_message") == [(True,)]


@pytest.fixture
def sent(conn: Connection) -> Line:
    one = Line(conn)
    one.factor("electricity", 0.1229, 0.3016, 0.5306)
    one.meter("I-01", "interval")
    one.meter("E-01")
    return one


def day(line: Line, meter: str) -> UsageRow:
    line.drain()
    (row,) = meter_usage(line.conn, "DEMO-1", meter, START.date(), START.date() + timedelta(days=1), "day", ZONE, NOW)
    return row


def test_ec_23_a_senders_estimate_counts_with_its_mark_until_the_true_value_comes(sent: Line) -> None:
    sent.tell([("I-01", 15.0 * n, 3.0) for n in range(1, 97) if n != 40])
    sent.tell([("I-01", 600.0, 5.0)], source=readings.ESTIMATE)
    row = day(sent, "I-01")
    assert (row.amount, row.flags) == (95 * 3 + 5, ["estimated"])
    assert row.completeness == pytest.approx(95 / 96)
    assert row.estimated == pytest.approx(5 / 290)
    sent.tell([("I-01", 600.0, 4.0)])
    row = day(sent, "I-01")
    assert (row.amount, row.flags, row.completeness, row.estimated) == (289, [], 1, 0)


def test_ec_23_an_estimate_that_comes_after_the_true_value_changes_nothing(sent: Line) -> None:
    sent.tell([("I-01", 15.0 * n, 3.0) for n in range(1, 97)])
    before = day(sent, "I-01")
    sent.tell([("I-01", 600.0, 5.0)], source=readings.ESTIMATE, seq=99)
    assert day(sent, "I-01") == before


def test_ec_23_an_estimated_register_places_the_total_and_never_changes_it(sent: Line) -> None:
    sent.tell([("E-01", 0, 100), ("E-01", 240, 180)])
    sent.tell([("E-01", 120, 170)], source=readings.ESTIMATE)
    sent.drain()
    assert [row[1] for row in sent.consumption("E-01")] == pytest.approx([35, 35, 5, 5])
    assert day(sent, "E-01").amount == pytest.approx(80) and "estimated" in day(sent, "E-01").flags


def test_ec_23_an_estimate_that_the_next_true_register_refutes_is_left_out_and_is_no_reset(sent: Line) -> None:
    sent.tell([("E-01", 0, 100)])
    sent.tell([("E-01", 120, 200), ("E-01", 180, 220)], source=readings.ESTIMATE)
    assert day(sent, "E-01").amount == 120
    sent.tell([("E-01", 240, 180)])
    row = day(sent, "E-01")
    assert (row.amount, row.flags) == (80, ["gap", "missing"])
    assert sent.conn.execute("SELECT count(*) FROM quarantined_reading").fetchone() == (0,)


def test_ec_23_an_estimate_beside_the_measured_value_of_its_slot_is_not_added(sent: Line) -> None:
    sent.tell([("I-01", 15, 3.0)], source=readings.ESTIMATE)
    sent.tell([("I-01", 16, 4.0)])
    assert day(sent, "I-01").amount == 4


def test_the_span_of_a_day_may_be_estimated_alone(line: Line) -> None:
    twelfth = Period("", date(2026, 11, 12), date(2026, 11, 13))
    (one,) = estimating.make(line.conn, "DEMO-1", twelfth, ZONE, NOW, "王工")
    assert (one.until - one.since, one.amount) == (timedelta(hours=4), 40)


def test_minutes_without_a_piece_are_no_gap() -> None:
    assert rule.gaps(pieces((0, 1, 1), (1 + 1 / 120, 2, 1)), 0, 2 * HOUR) == []
    assert rule.gaps(pieces((0, 1, 1)), 0, HOUR + 5 * MINUTE) == [(HOUR, HOUR + 5 * MINUTE)]


def test_what_is_marked_is_chained_like_any_reading_and_what_the_platform_estimates_is_no_reading(
    conn: Connection,
) -> None:
    register(conn)
    intake = Intake(conn)
    intake.take(payload(reading(at=60, value=5) | {"estimated": True}, reading(at=30, value=7)))
    intake.take(payload(reading(at=60, value=6), seq=2))
    row = conn.execute("SELECT id FROM meter WHERE code = 'E-02'").fetchone()
    assert row is not None
    estimates.keep(conn, row[0], rule.Similar(stated(0, 2 * HOUR, 1, 1), ()), "王", NOW)
    scope, tally = scope_of(conn, None, None, None, ZONE), Tally()
    conn.commit()
    assert list(check(conn, scope, tally)) == []
    assert tally.readings == 3
    conn.execute("UPDATE rival_reading SET value = 4")
    conn.commit()
    assert len(list(check(conn, scope, Tally()))) == 1

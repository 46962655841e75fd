"""When monthly reports are written, by whom, and what happens when nobody was awake."""

import logging
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from threading import Event

import psycopg
import pytest

from energy.periods import month_of
from reports import monthly, schedule
from reports.clock import Job, start_clock, stop_clock
from reports.schedule import Writer, due_time, plan, wait_after, work
from storage import database, report_runs
from tests import report_sample
from tests.report_sample import ZONE

DUE = datetime(2026, 11, 4, 0, tzinfo=UTC)  # Wednesday the fourth, eight o'clock in Shanghai
MINUTE = timedelta(minutes=1)


@pytest.fixture
def writer(tmp_path: Path) -> Writer:
    return Writer(tmp_path, ZONE, ("html",))


@pytest.fixture
def registry(conn: psycopg.Connection) -> psycopg.Connection:
    """A region above a city with one works that has a meter: three reports a month."""
    report_sample.write_registry(conn)
    works = report_sample.enterprise_id(conn)
    columns = "meter (enterprise_id, code, carrier, kind, unit, scale)"
    report_sample.many(conn, columns, [(works, "E-01", "electricity", "register", "kWh", 1)])
    conn.commit()
    return conn


def states(conn: psycopg.Connection) -> list[tuple[str, str, bool]]:
    return conn.execute("SELECT code, state, late FROM report_run ORDER BY id").fetchall()


def work_until_idle(conn: psycopg.Connection, now: datetime, writer: Writer) -> int:
    done = 0
    while work(conn, now, writer):
        done += 1
    return done


@pytest.mark.parametrize(
    ("month", "exceptions", "due"),
    [
        (date(2026, 10, 1), {}, "2026-11-04T08:00:00+08:00"),
        (date(2026, 9, 1), {date(2026, 10, d): "holiday" for d in range(1, 8)}, "2026-10-12T08:00:00+08:00"),
        (
            date(2026, 9, 1),
            {date(2026, 10, d): "holiday" for d in range(1, 8)} | {date(2026, 10, 10): "workday"},
            "2026-10-10T08:00:00+08:00",
        ),
    ],
    ids=["an ordinary month", "after the national holiday", "a Saturday that is worked counts"],
)
def test_a_report_is_due_on_the_third_working_day(month: date, exceptions: dict[date, str], due: str) -> None:
    assert due_time(month_of(month), exceptions, ZONE).isoformat() == due


def test_every_region_above_a_works_and_the_works_itself_get_a_run(registry: psycopg.Connection) -> None:
    assert plan(registry, DUE - timedelta(days=2), ZONE) == 3
    assert registry.execute("SELECT scope, code, period, due FROM report_run ORDER BY id").fetchall() == [
        ("enterprise", "GS-CEMENT-1", "2026-10", DUE),
        ("region", "620000", "2026-10", DUE),
        ("region", "620500", "2026-10", DUE),
    ]
    assert plan(registry, DUE, ZONE) == 0, "planning again plans nothing twice"


def test_nothing_is_written_before_it_is_due(registry: psycopg.Connection, writer: Writer) -> None:
    plan(registry, DUE - MINUTE, ZONE)
    assert work(registry, DUE - MINUTE, writer) == 0
    assert work_until_idle(registry, DUE, writer) == 3
    assert states(registry) == [("GS-CEMENT-1", "done", False), ("620000", "done", False), ("620500", "done", False)]
    files = registry.execute("SELECT files FROM report_run ORDER BY id").fetchall()
    assert files[0] == (["2026-10/GS-CEMENT-1-2026-10.html"],)
    assert (writer.folder / "2026-10/620500-2026-10.html").stat().st_size > 4_000


def test_a_run_missed_while_the_process_was_down_is_made_up_once_and_marked_late(
    registry: psycopg.Connection, writer: Writer
) -> None:
    """EC-37: down from before the due time until six hours later."""
    six_hours_later = DUE + timedelta(hours=6)
    plan(registry, six_hours_later, ZONE)
    assert work_until_idle(registry, six_hours_later, writer) == 3
    assert {late for _, _, late in states(registry)} == {True}
    plan(registry, six_hours_later + timedelta(days=1), ZONE)
    assert work_until_idle(registry, six_hours_later + timedelta(days=1), writer) == 0


def test_after_a_rest_of_months_each_month_in_between_is_made_up(registry: psycopg.Connection) -> None:
    plan(registry, datetime(2026, 8, 5, tzinfo=UTC), ZONE)
    plan(registry, datetime(2026, 11, 20, tzinfo=UTC), ZONE)
    periods = registry.execute(
        "SELECT DISTINCT period FROM report_run WHERE scope = 'enterprise' ORDER BY 1"
    ).fetchall()
    assert periods == [("2026-07",), ("2026-08",), ("2026-09",), ("2026-10",)]


def test_a_new_installation_does_not_write_reports_for_the_years_before_it(registry: psycopg.Connection) -> None:
    plan(registry, DUE, ZONE)
    assert registry.execute("SELECT DISTINCT period FROM report_run").fetchall() == [("2026-10",)]


def test_a_holiday_that_is_announced_late_moves_what_nobody_has_begun(registry: psycopg.Connection) -> None:
    plan(registry, DUE - timedelta(days=2), ZONE)
    registry.execute("INSERT INTO holiday (date, kind, source) VALUES ('2026-11-03', 'holiday', 'test')")
    assert plan(registry, DUE - timedelta(days=2), ZONE) == 3
    assert registry.execute("SELECT DISTINCT due FROM report_run").fetchall() == [(DUE + timedelta(days=1),)]


def test_two_workers_never_hold_the_same_run(registry: psycopg.Connection, dsn: str) -> None:
    plan(registry, DUE, ZONE)
    with database.connect(dsn) as other:
        mine = [report_runs.claim(registry, DUE, schedule.GRACE)]  # not committed yet
        theirs = [report_runs.claim(other, DUE, schedule.GRACE) for _ in range(3)]
    codes = [run.code for run in (*mine, *theirs) if run]
    assert sorted(codes) == ["620000", "620500", "GS-CEMENT-1"]
    assert theirs[2] is None, "the third is held by the first worker"


def test_a_report_that_fails_is_tried_again_later_and_does_not_stop_the_others(
    registry: psycopg.Connection, writer: Writer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real = monthly.write
    monkeypatch.setattr(monthly, "write", _failing_for("620500", real))
    plan(registry, DUE, ZONE)
    with caplog.at_level(logging.CRITICAL):
        assert work_until_idle(registry, DUE, writer) == 3
    assert states(registry)[2] == ("620500", "failed", False)
    assert registry.execute("SELECT error, retry FROM report_run WHERE state = 'failed'").fetchall() == [
        ("OSError: the disk is full", DUE + timedelta(minutes=5))
    ]
    monkeypatch.setattr(monthly, "write", real)
    assert work(registry, DUE + timedelta(minutes=4), writer) == 0
    assert work(registry, DUE + timedelta(minutes=5), writer) == 1
    assert states(registry)[2] == ("620500", "done", False)


def _failing_for(code: str, real: Callable[..., list[Path]]) -> Callable[..., list[Path]]:
    def write(conn: psycopg.Connection, period: object, scope: str, subject: str, *rest: object) -> list[Path]:
        if subject == code:
            raise OSError("the disk is full")
        return real(conn, period, scope, subject, *rest)

    return write


def test_waiting_grows_and_has_an_end() -> None:
    assert [wait_after(tries) for tries in (1, 2, 3)] == [
        timedelta(minutes=5),
        timedelta(minutes=10),
        timedelta(minutes=20),
    ]
    assert wait_after(50) == timedelta(hours=6)


def test_a_claim_whose_worker_died_is_taken_over_after_half_an_hour(registry: psycopg.Connection) -> None:
    plan(registry, DUE, ZONE)
    dead = report_runs.claim(registry, DUE, schedule.GRACE)
    assert dead is not None
    others = [report_runs.claim(registry, DUE + 29 * MINUTE, schedule.GRACE) for _ in range(3)]
    assert dead.code not in [run.code for run in others if run]
    taken = report_runs.claim(registry, DUE + 30 * MINUTE, schedule.GRACE)
    assert taken is not None
    assert (taken.code, taken.tries) == (dead.code, 2)
    assert not report_runs.finish(registry, dead, ["x"], DUE + 31 * MINUTE), "whoever lost the claim may not finish it"
    assert report_runs.finish(registry, taken, ["x"], DUE + 31 * MINUTE)


def test_figures_are_brought_up_to_date_before_a_report_is_made(
    registry: psycopg.Connection, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    asked: list[psycopg.Connection] = []
    plan(registry, DUE, ZONE)
    work(registry, DUE, Writer(tmp_path, ZONE, ("html",), prepare=asked.append))
    assert asked == [registry]


def test_the_clock_calls_a_job_again_and_again_until_it_is_stopped() -> None:
    called, twice = [], Event()

    def job() -> None:
        called.append(1)
        if len(called) > 1:
            twice.set()

    clock = start_clock([Job("count", job, 0.05)])
    try:
        assert twice.wait(5)
    finally:
        stop_clock(clock)
    assert not clock.running

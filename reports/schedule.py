"""When monthly reports are written: on the third working day of the following month at eight o'clock.

The database knows what is due and who does it; this module decides when, and what a failure leads to. A run that was
missed while nobody was awake is still due, is made up once and marked late (EC-37).
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from psycopg import Connection

from energy import workdays
from energy.periods import Period, day_of, month_of, next_month, parse, previous_month
from reports import monthly
from storage import report_runs, telemetry
from storage.report_runs import Run

WORKING_DAY = 3
HOUR = time(8)
GRACE = timedelta(hours=1)  # begun later than this after its due time, a run is marked late
_FIRST_RETRY = timedelta(minutes=5)
_LONGEST_RETRY = timedelta(hours=6)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Writer:
    """How reports are written. `prepare` brings the figures up to date before a report is made from them."""

    folder: Path
    zone: ZoneInfo
    formats: tuple[str, ...] = ("html", "xlsx")
    language: str = "zh"
    prepare: Callable[[Connection], object] = lambda conn: None


def due_time(period: Period, exceptions: dict[date, str], zone: ZoneInfo) -> datetime:
    """When the report of that month is due; `exceptions` as in the table `holiday`."""
    day = workdays.nth_workday(period.until, WORKING_DAY, exceptions)
    return datetime.combine(day, HOUR, zone)


def plan(conn: Connection, now: datetime, zone: ZoneInfo) -> int:
    """Make sure that every month up to the last finished one has its runs; returns how many were added or moved.

    A new installation begins with the last finished month. After a long rest the months in between are made up.
    """
    last = previous_month(month_of(day_of(now, zone)))
    with conn.transaction():
        planned = report_runs.last_period(conn)
        months = _months_from(parse(planned) if planned else last, last)
        return sum(report_runs.plan(conn, month.name, _due(conn, month, zone)) for month in months)


def _months_from(first: Period, last: Period) -> list[Period]:
    return list(Period("", min(first.first, last.first), last.until).months())


def _due(conn: Connection, month: Period, zone: ZoneInfo) -> datetime:
    return due_time(month, report_runs.calendar_exceptions(conn, month.until, next_month(month.until)), zone)


def work(conn: Connection, now: datetime, writer: Writer) -> int:
    """Do one run that is due, if there is one; returns how many were claimed (0 or 1). Commits by itself."""
    with conn.transaction():
        run = report_runs.claim(conn, now, GRACE)
    if run is None:
        return 0
    try:
        files = _write(conn, run, now, writer)
    except Exception as failure:
        _failed(conn, run, failure, now)
    else:
        with conn.transaction():
            report_runs.finish(conn, run, files, now)
        telemetry.count("reports.written")
        telemetry.note("report", f"{run.period}/{run.scope}/{run.code}{'/late' if run.late else ''}")
    return 1


def _write(conn: Connection, run: Run, now: datetime, writer: Writer) -> list[str]:
    """File names below the folder of reports, as the run remembers them."""
    writer.prepare(conn)
    with conn.transaction():
        paths = monthly.write(
            conn,
            parse(run.period),
            run.scope,
            run.code,
            writer.folder / run.period,
            writer.formats,
            now,
            writer.zone,
            writer.language,
        )
    return [path.relative_to(writer.folder).as_posix() for path in paths]


def _failed(conn: Connection, run: Run, failure: Exception, now: datetime) -> None:
    """One report that cannot be written must not stop the others: it is tried again later, less and less often."""
    log.exception("report %s of %s %s failed", run.period, run.scope, run.code)
    telemetry.count("reports.failed")
    with conn.transaction():
        report_runs.fail(conn, run, f"{type(failure).__name__}: {failure}"[:500], now + wait_after(run.tries))


def wait_after(tries: int) -> timedelta:
    """Five minutes after the first failure, twice as long after each further one, six hours at most."""
    return min(_LONGEST_RETRY, _FIRST_RETRY * (1 << min(tries - 1, 10)))

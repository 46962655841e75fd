"""Runs of reports as rows: planned, claimed by one statement, finished or to be tried again.

Two workers never hold one run, a restart forgets none, and a run that was missed is still due.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from psycopg import Connection
from psycopg.rows import class_row

from storage.sql import sql

MONTHLY = "monthly"  # written by the schedule
BY_HAND = "by_hand"  # written by `enermon report`


@dataclass(frozen=True)
class Run:
    """A claimed run. `late`: begun only after its due time had well passed."""

    id: int
    scope: str
    code: str
    period: str
    due: datetime
    tries: int
    late: bool
    claimed: datetime


def last_period(conn: Connection, report: str = MONTHLY) -> str | None:
    row = conn.execute(sql("report_runs.last_period"), {"report": report}).fetchone()
    return row[0] if row else None


def plan(conn: Connection, period: str, due: datetime, report: str = MONTHLY) -> int:
    """Rows added or moved: one run for each subject of the period, due at that instant."""
    return conn.execute(sql("report_runs.plan"), {"report": report, "period": period, "due": due}).rowcount


def claim(conn: Connection, now: datetime, grace: timedelta, report: str = MONTHLY) -> Run | None:
    """The run that is now ours alone, or None. Commit before doing it."""
    with conn.cursor(row_factory=class_row(Run)) as cur:
        return cur.execute(sql("report_runs.claim"), {"report": report, "now": now, "grace": grace}).fetchone()


def finish(conn: Connection, run: Run, files: Sequence[str], now: datetime) -> bool:
    """False if the claim had been lost to another meanwhile."""
    done = {"id": run.id, "claimed": run.claimed, "files": list(files), "now": now}
    return conn.execute(sql("report_runs.finish"), done).rowcount == 1


def fail(conn: Connection, run: Run, error: str, retry: datetime) -> bool:
    failed = {"id": run.id, "claimed": run.claimed, "error": error, "retry": retry}
    return conn.execute(sql("report_runs.fail"), failed).rowcount == 1


def record(conn: Connection, scope: str, code: str, period: str, files: Sequence[str], now: datetime) -> None:
    """Remember files that were written by hand, so that the console can offer them."""
    written = {"report": BY_HAND, "scope": scope, "code": code, "period": period, "files": list(files), "now": now}
    conn.execute(sql("report_runs.record"), written)


def calendar_exceptions(conn: Connection, since: date, until: date) -> dict[date, str]:
    """Days of [since, until) that the table `holiday` states, as `workday` or `holiday`."""
    return dict(conn.execute(sql("report_runs.exceptions"), {"since": since, "until": until}).fetchall())

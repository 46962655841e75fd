"""The working-day calendar: the notices that the package chinesecalendar knows, and before them what was imported."""

from datetime import date

from chinese_calendar.constants import holidays, workdays
from psycopg import Connection

from energy.workdays import Calendar
from storage import report_runs


def calendar(conn: Connection, first: date, until: date) -> Calendar:
    """Days of notices, and what the deployment has said about a day in [first, until)."""
    noticed = dict.fromkeys(holidays, "holiday") | dict.fromkeys(workdays, "workday")
    return noticed | report_runs.calendar_exceptions(conn, first, until)

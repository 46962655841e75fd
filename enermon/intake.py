"""What a deployment takes in, by its settings, and readings that waited for their meter."""

from datetime import timedelta

from psycopg import Connection

from enermon.context import App
from enermon.settings import Settings
from ingest import registry
from ingest.batch import Known
from ingest.instants import Ticks
from ingest.limits import Limits
from ingest.registry import Registry
from ingest.waiting import admit_waiting
from storage import rejected


def limits(settings: Settings) -> Limits:
    """The limits that admission goes by."""
    return Limits(
        settings.zone,
        settings.max_payload_bytes,
        settings.clock_tolerance,
        settings.oldest_time,
        settings.rejected_kept_per_day,
        timedelta(days=settings.keep_readings_days) or None,
    )


def admit(app: App, conn: Connection) -> int:
    """Store the readings whose meter has been registered meanwhile, and commit; how many there were.

    A running collector does the same when it notices the registry's new version; nothing is stored twice.
    """
    if not rejected.waiting(conn, 0):
        conn.rollback()
        return 0
    known = registry.load(conn, Registry())
    return admit_waiting(conn, known, limits(app.settings), Known.load(conn), Ticks(app.now))

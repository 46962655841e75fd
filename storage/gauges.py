"""How much waits in the database and how it stands, for whoever watches: a handful of cheap questions."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from psycopg import Connection

from storage import installation, stale, turns
from storage.sql import sql

DAYS_LOOKED_AHEAD = 7
_LATELY = timedelta(days=2)


@dataclass(frozen=True)
class Gauges:
    """latest_reading: None while no meter has spoken; ages in seconds, 0 where nothing waits."""

    stale_spans: int
    oldest_span_s: float
    stale_judgements: int
    deliveries_due: int
    oldest_delivery_s: float
    reports_due: int
    latest_reading: datetime | None
    gateways: Mapping[str, int]
    alerts_open: Mapping[str, int]
    reading_days_ahead: int
    workers: int
    collectors: int


def read(conn: Connection, now: datetime) -> Gauges:
    """As it stands now. Gives up after some seconds."""
    conn.execute(sql("gauges.be_quick"))
    spans, since = installation.waiting(conn)
    row = conn.execute(sql("gauges.due"), {"now": now}).fetchone()
    judgements, deliveries, oldest, reports = row if row else (0, 0, None, 0)
    return Gauges(
        spans,
        _age_s(since, now),
        judgements,
        deliveries,
        _age_s(oldest, now),
        reports,
        latest_reading(conn, now),
        dict(conn.execute(sql("gauges.gateways")).fetchall()),
        dict(conn.execute(sql("gauges.alerts_open")).fetchall()),
        days_ahead(conn, now),
        stale.connected_workers(conn),
        turns.named(conn),
    )


def latest_reading(conn: Connection, now: datetime) -> datetime | None:
    """The time of the newest reading; if that is not of the last days, what meters are known to have said."""
    row = conn.execute(sql("gauges.latest_reading"), {"since": now - _LATELY, "until": now + _LATELY}).fetchone()
    if row is None or row[0] is None:
        row = conn.execute(sql("gauges.latest_span")).fetchone()
    return row[0] if row else None


def days_ahead(conn: Connection, now: datetime) -> int:
    """For how many days after today (UTC) readings have a place already; -1 where today has none. A week at most."""
    today = now.astimezone(UTC).date()
    for ahead in range(DAYS_LOOKED_AHEAD + 1):
        if not installation.has_reading_day(conn, today + timedelta(days=ahead)):
            return ahead - 1
    return DAYS_LOOKED_AHEAD


def _age_s(since: datetime | None, now: datetime) -> float:
    return max(0.0, (now - since).total_seconds()) if since else 0.0

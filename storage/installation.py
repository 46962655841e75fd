"""Questions about the installation itself rather than about energy."""

from datetime import date, datetime

from psycopg import Connection

from storage.sql import sql


def enterprise_codes(conn: Connection) -> list[str]:
    return [code for (code,) in conn.execute(sql("installation.enterprise_codes"))]


def codes_with_account(conn: Connection) -> list[str]:
    """Enterprises that may come to the broker: all but those that have closed."""
    return [code for (code,) in conn.execute(sql("installation.codes_with_account"))]


def waiting(conn: Connection) -> tuple[int, datetime | None]:
    """How many stale spans wait, and since when the oldest does."""
    count, since = conn.execute(sql("installation.waiting")).fetchone() or (0, None)
    return count, since


def has_reading_day(conn: Connection, day: date) -> bool:
    """Whether readings of that day (UTC) can be written without making a partition first."""
    return conn.execute(sql("installation.has_reading_day"), {"day": day}).fetchone() == (True,)

"""How much lies in this installation: counts over all of it, for a summary rather than for a page."""

from psycopg import Connection

from storage.sql import sql


def readings(conn: Connection) -> int:
    """Values in storage, further ones for the same meter and time included. Reads every partition."""
    return int((conn.execute(sql("summary.readings")).fetchone() or (0,))[0])


def rejected(conn: Connection) -> dict[str, int]:
    """Refused readings and messages by reason."""
    return dict(conn.execute(sql("summary.rejected")).fetchall())


def records(conn: Connection) -> dict[str, int]:
    """What people have told beside readings, by kind, in words."""
    return dict(conn.execute(sql("summary.records")).fetchall())


def open_alerts(conn: Connection) -> dict[str, int]:
    """Open alerts by level."""
    return dict(conn.execute(sql("summary.alerts")).fetchall())

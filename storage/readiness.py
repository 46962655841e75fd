"""Whether a process could do its work: is the database there, and is its schema the one this program knows?"""

from psycopg import Connection, OperationalError
from psycopg_pool import ConnectionPool

from storage import database

_PATIENCE_S = 2.0  # a probe waits no longer for a connection


def why_not(pool: ConnectionPool[Connection]) -> str | None:
    """One sentence; None if nothing stands in the way."""
    try:
        with pool.connection(timeout=_PATIENCE_S) as conn:
            behind, ahead = database.behind(conn), database.ahead(conn)
    except OperationalError:
        return "the database cannot be reached"
    except database.ChangedMigration as error:
        return str(error)
    if ahead:
        return f"the database belongs to a newer program, which ran {', '.join(ahead)}"
    return f"migrations have not run: {', '.join(behind)}; run enermon migrate" if behind else None

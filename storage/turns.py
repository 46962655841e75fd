"""Turns among processes that share a database: who works alone, and who goes by which name.

Advisory locks: they end with their transaction or connection, so whoever is killed leaves nothing behind.
"""

from psycopg import Connection

from storage.sql import sql

_ALONE = 0x414C4F4E  # the advisory locks of work that one does alone live under this key
_NAMED = 0x4E414D45  # and those of names that one process bears under this


def is_mine(conn: Connection, what: str) -> bool:
    """Whether nobody else is at it; then it is ours until the transaction ends. Ask before reading anything else."""
    return conn.execute(sql("turns.try_alone"), {"key": _ALONE, "what": what}).fetchone() == (True,)


def take_name(conn: Connection, name: str) -> bool:
    """Whether nobody else bears this name; then it is ours as long as the connection lives.

    The server notices within a minute when the other end of it has lost its power or its network.
    """
    conn.execute(sql("turns.notice_soon"))
    taken = conn.execute(sql("turns.try_name"), {"key": _NAMED, "name": name}).fetchone() == (True,)
    conn.commit()
    return taken


def named(conn: Connection) -> int:
    """How many names are borne."""
    row = conn.execute(sql("turns.named"), {"key": _NAMED}).fetchone()
    return int(row[0]) if row else 0

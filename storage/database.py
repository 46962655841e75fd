"""Connections, and the schema brought up to date.

Migrations are numbered files run once and frozen by their hash; the engine overlay is re-run every time.
"""

from hashlib import sha256
from pathlib import Path

from psycopg import Connection
from psycopg_pool import ConnectionPool

from energy.refused import Refused

_FOLDER = Path(__file__).parent
_OVERLAY = _FOLDER / "engine" / "postgres.sql"
# Plans are made for the values at hand, so that only the partitions they name are opened; sums run in one process, for
# their order is what makes them the same bits every time.
_OPTIONS = "-c TimeZone=UTC -c plan_cache_mode=force_custom_plan -c max_parallel_workers_per_gather=0"
_READ_ONLY = " -c default_transaction_read_only=on -c statement_timeout=20s"
_MIGRATION_LOCK = 0x454E4552  # one session migrates, the others wait and find nothing to do


class ChangedMigration(Refused):
    """A migration that has already run was edited afterwards. Write a new one instead."""


def connect(dsn: str) -> Connection:
    """One connection in UTC, committing by `with conn.transaction()` or `conn.commit()`."""
    return Connection.connect(dsn, options=_OPTIONS, application_name="enermon")


def open_pool(dsn: str, size: int, read_only: bool = False) -> ConnectionPool[Connection]:
    """Connections in UTC. read_only: the server refuses to write and gives up long questions."""
    options = _OPTIONS + (_READ_ONLY if read_only else "")
    return ConnectionPool(
        dsn, min_size=1, max_size=size, open=True, kwargs={"options": options, "application_name": "enermon"}
    )


def migrate(conn: Connection) -> list[str]:
    """Run what has not run yet, then the engine's overlay; returns the names of the migrations that ran."""
    with conn.transaction():
        conn.execute("SELECT pg_advisory_xact_lock(%s)", (_MIGRATION_LOCK,))
        conn.execute(
            "CREATE TABLE IF NOT EXISTS migration (name text PRIMARY KEY, hash text NOT NULL,"
            " ran timestamptz NOT NULL DEFAULT now())"
        )
        ran: dict[str, str] = dict(conn.execute("SELECT name, hash FROM migration").fetchall())
        fresh = [file for file in _migrations() if _is_fresh(file, ran)]
        for file in fresh:
            conn.execute(file.read_bytes())
            conn.execute("INSERT INTO migration (name, hash) VALUES (%s, %s)", (file.name, _hash(file)))
        conn.execute(_OVERLAY.read_bytes())
        conn.execute(
            "INSERT INTO migration (name, hash) VALUES (%s, %s) ON CONFLICT (name)"
            " DO UPDATE SET hash = excluded.hash, ran = now()",
            (_OVERLAY.name, _hash(_OVERLAY)),
        )
    return [file.name for file in fresh]


def behind(conn: Connection) -> list[str]:
    """The files that `migrate` would run here, touching nothing: what is new, and the overlay if it changed."""
    if conn.execute("SELECT to_regclass('migration')").fetchone() == (None,):
        return [file.name for file in _migrations()]
    ran: dict[str, str] = dict(conn.execute("SELECT name, hash FROM migration").fetchall())
    overlay = [] if ran.get(_OVERLAY.name) == _hash(_OVERLAY) else [_OVERLAY.name]
    return [file.name for file in _migrations() if _is_fresh(file, ran)] + overlay


def ahead(conn: Connection) -> list[str]:
    """Migrations that ran here and that this program does not know: the database belongs to a newer one."""
    known = [file.name for file in (*_migrations(), _OVERLAY)]
    rows = conn.execute("SELECT name FROM migration WHERE NOT name = ANY(%s) ORDER BY name", (known,)).fetchall()
    return [name for (name,) in rows]


def _migrations() -> list[Path]:
    return sorted((_FOLDER / "migrations").glob("*.sql"))


def _is_fresh(file: Path, ran: dict[str, str]) -> bool:
    if file.name in ran and ran[file.name] != _hash(file):
        raise ChangedMigration(f"{file.name} was changed after it had run here; write a new migration instead.")
    return file.name not in ran


def _hash(file: Path) -> str:
    return sha256(file.read_bytes()).hexdigest()

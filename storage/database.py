"""Connections, and the schema brought up to date.

Migrations are numbered files run once and frozen by their hash. What plain PostgreSQL and TimescaleDB do differently
stands in two overlays, files that offer the same procedures: one is chosen when a database is first migrated, and is
re-run every time.
"""

from enum import StrEnum
from hashlib import sha256
from pathlib import Path

from psycopg import Connection
from psycopg.errors import InsufficientPrivilege
from psycopg_pool import ConnectionPool

from energy.refused import Refused
from storage.sql import sql

_FOLDER = Path(__file__).parent
# Plans are made for the values at hand, so that only the partitions they name are opened; sums run in one process, for
# their order is what makes them the same bits every time.
# A statement may unpack what it needs: TimescaleDB would end one at 100,000 rows. Elsewhere nobody reads that setting.
_OPTIONS = (
    "-c TimeZone=UTC -c plan_cache_mode=force_custom_plan -c max_parallel_workers_per_gather=0"
    " -c timescaledb.max_tuples_decompressed_per_dml_transaction=0"
)
_READ_ONLY = " -c default_transaction_read_only=on -c statement_timeout=20s"
_MIGRATION_LOCK = 0x454E4552  # one session migrates, the others wait and find nothing to do


class ChangedMigration(Refused):
    """A migration that has already run was edited afterwards. Write a new one instead."""


class Engine(StrEnum):
    """The setting `engine`."""

    AUTO = "auto"
    POSTGRES = "postgres"
    TIMESCALE = "timescale"


_OVERLAYS = {engine: _FOLDER / "engine" / f"{engine}.sql" for engine in (Engine.POSTGRES, Engine.TIMESCALE)}


def connect(dsn: str) -> Connection:
    """One connection in UTC, committing by `with conn.transaction()` or `conn.commit()`. Refused: see `_fit`."""
    conn = Connection.connect(dsn, options=_OPTIONS, application_name="enermon")
    try:
        _fit(conn)
    except BaseException:
        conn.close()
        raise
    return conn


def open_pool(dsn: str, size: int, read_only: bool = False) -> ConnectionPool[Connection]:
    """Connections in UTC. read_only: the server refuses to write and gives up long questions."""
    options = _OPTIONS + (_READ_ONLY if read_only else "")
    given = {"options": options, "application_name": "enermon"}
    return ConnectionPool(dsn, min_size=1, max_size=size, open=True, kwargs=given, configure=_fit)


def _fit(conn: Connection) -> None:
    """Refuse a server that would leave out rows without a word. It may be restarted, so every connection asks."""
    if conn.execute(sql("engine.unfit")).fetchone() == (True,):
        raise Refused(
            "The database uses TimescaleDB, but its server was started without it and would leave out all that is"
            " compressed; add timescaledb to shared_preload_libraries and restart the server."
        )
    conn.rollback()


def migrate(conn: Connection, engine: str = Engine.AUTO) -> list[str]:
    """Run the engine's overlay, then what has not run yet; returns the names of the migrations that ran.

    engine: for a database that is new; AUTO takes TimescaleDB where the server has it and it works.
    """
    with conn.transaction():
        conn.execute("SELECT pg_advisory_xact_lock(%s)", (_MIGRATION_LOCK,))
        conn.execute(
            "CREATE TABLE IF NOT EXISTS migration (name text PRIMARY KEY, hash text NOT NULL,"
            " ran timestamptz NOT NULL DEFAULT now())"
        )
        overlay = _lay(conn, Engine(engine))
        ran: dict[str, str] = dict(conn.execute("SELECT name, hash FROM migration").fetchall())
        fresh = [file for file in _migrations() if _is_fresh(file, ran)]
        for file in fresh:
            conn.execute(file.read_bytes())
            conn.execute("INSERT INTO migration (name, hash) VALUES (%s, %s)", (file.name, _hash(file)))
        conn.execute(
            "INSERT INTO migration (name, hash) VALUES (%s, %s) ON CONFLICT (name)"
            " DO UPDATE SET hash = excluded.hash, ran = now()",
            (overlay.name, _hash(overlay)),
        )
    return [file.name for file in fresh]


def _lay(conn: Connection, wanted: Engine) -> Path:
    """Run the overlay that this database was made with, or is to be made with; which it is."""
    if made := _made_with(conn):
        if wanted not in (Engine.AUTO, made):
            raise Refused(f'This database was made for {made}; set engine to "{made}" or "auto", or use an empty one.')
        conn.execute(_OVERLAYS[made].read_bytes())
        return _OVERLAYS[made]
    available, preloaded = conn.execute(sql("engine.offers")).fetchone() or (False, False)
    if wanted is Engine.TIMESCALE and not preloaded:
        raise Refused(_how_to_get_it(available))
    if wanted is not Engine.POSTGRES and preloaded:
        try:
            with conn.transaction():
                return _tried(conn, _OVERLAYS[Engine.TIMESCALE])
        except Refused:
            if wanted is Engine.TIMESCALE:
                raise
    return _tried(conn, _OVERLAYS[Engine.POSTGRES])


def _how_to_get_it(available: bool) -> str:
    if available:
        return "TimescaleDB is not loaded; add timescaledb to shared_preload_libraries and restart the server."
    return 'The server has no TimescaleDB; install the extension, or set engine to "postgres".'


def _tried(conn: Connection, overlay: Path) -> Path:
    try:
        conn.execute(overlay.read_bytes())
    except InsufficientPrivilege as error:
        raise Refused(f"This role may not make the extension timescaledb; have its owner do it: {error}.") from error
    if complaint := fault(conn):
        raise Refused(complaint)
    return overlay


def fault(conn: Connection) -> str | None:
    """Why the engine does not work here, as a sentence. Found by trying; nothing stays of it."""
    row = conn.execute(sql("engine.fault")).fetchone()
    if row is None or row[0] is None:
        return None
    return f"TimescaleDB does not do what is needed ({row[0]}); install the edition under the Timescale licence."


def _made_with(conn: Connection) -> Engine | None:
    names = {overlay.name: engine for engine, overlay in _OVERLAYS.items()}
    row = conn.execute(sql("engine.overlay"), {"names": list(names)}).fetchone()
    return names[row[0]] if row else None


def behind(conn: Connection) -> list[str]:
    """The files that `migrate` would run here, touching nothing: what is new, and the overlay if it changed."""
    if conn.execute("SELECT to_regclass('migration')").fetchone() == (None,):
        return [file.name for file in _migrations()]
    ran: dict[str, str] = dict(conn.execute("SELECT name, hash FROM migration").fetchall())
    laid = [overlay for overlay in _OVERLAYS.values() if overlay.name in ran]
    changed = [overlay.name for overlay in laid if ran[overlay.name] != _hash(overlay)]
    return [file.name for file in _migrations() if _is_fresh(file, ran)] + changed


def ahead(conn: Connection) -> list[str]:
    """Migrations that ran here and that this program does not know: the database belongs to a newer one."""
    known = [file.name for file in (*_migrations(), *_OVERLAYS.values())]
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

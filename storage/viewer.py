"""The role that dashboards read with: it sees the views of the schema `grafana`, no raw reading, and writes nothing.

Roles belong to a whole server, so its name carries the database's. Whoever may see one view may see all of them, of
every enterprise: this role is not what keeps one city's figures from another.
"""

from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

import psycopg
from psycopg import Connection, conninfo, errors

from energy.refused import Refused
from storage.sql import sql

_LONGEST_NAME = 63  # bytes; PostgreSQL cuts what is longer
_PATIENCE_S = 5


class MayNotMakeRoles(Refused):
    """Our database user has no right to make the role; the sentence says what an administrator may run instead."""


@dataclass(frozen=True)
class Viewer:
    """The role and its password."""

    role: str
    password: str = field(repr=False)


def role_of(conn: Connection) -> str:
    """The role's name in this database."""
    return f"{conn.info.dbname}_grafana".encode()[-_LONGEST_NAME:].decode(errors="ignore")


def may_enter(dsn: str, viewer: Viewer) -> bool:
    """Whether the role is there and comes in with this password."""
    address = conninfo.make_conninfo(
        dsn, user=viewer.role, password=viewer.password, connect_timeout=_PATIENCE_S, application_name="enermon"
    )
    try:
        psycopg.connect(address).close()
    except psycopg.OperationalError:
        return False
    return True


def admit(conn: Connection, viewer: Viewer, zone: ZoneInfo) -> None:
    """Make the role, or set its password. MayNotMakeRoles says what to run where we must not."""
    verifier = conn.pgconn.encrypt_password(viewer.password.encode(), viewer.role.encode(), b"scram-sha-256")
    values = {"role": viewer.role, "verifier": verifier.decode(), "zone": zone.key}
    try:
        with conn.transaction():
            conn.execute(sql("viewer.admit"), values)
    except errors.InsufficientPrivilege as error:
        raise MayNotMakeRoles(_asked_for(conn.info.user, viewer.role, zone)) from error


def show(conn: Connection, viewer: Viewer) -> None:
    """Let the role see every view there is now; doing it again changes nothing."""
    with conn.transaction():
        conn.execute(sql("viewer.show"), {"role": viewer.role})


def address(conn: Connection) -> tuple[str, str]:
    """Where this connection's server is reached, host:port, and the sslmode that Grafana should use there."""
    if (host := conn.info.host).startswith("/"):
        host = "127.0.0.1"  # a socket is for this machine only, and so is loopback
    told = conn.info.get_parameters().get("sslmode", "")
    mode = (
        told if told in ("require", "verify-ca", "verify-full") else "require" if conn.pgconn.ssl_in_use else "disable"
    )
    return f"{f'[{host}]' if ':' in host else host}:{conn.info.port}", mode


def _asked_for(user: str, role: str, zone: ZoneInfo) -> str:
    return (
        f"The database user {user} may not make roles. Let an administrator of the database run\n"
        f"  CREATE ROLE \"{role}\" LOGIN CONNECTION LIMIT 30 PASSWORD '<a password>';\n"
        f'  ALTER ROLE "{role}" SET default_transaction_read_only = on;\n'
        f"  ALTER ROLE \"{role}\" SET statement_timeout = '20s';\n"
        f"  ALTER ROLE \"{role}\" SET TimeZone = '{zone.key}';\n"
        "then set grafana_database_password to that password, and run this again."
    )


@dataclass(frozen=True)
class Region:
    """A region, how many enterprises lie in it itself, and whether one of those is a data centre."""

    code: str
    name: str
    parent: str | None
    units: int
    centres: bool


def regions(conn: Connection) -> list[Region]:
    """All of them, by code."""
    return [Region(*row) for row in conn.execute(sql("viewer.regions"))]

"""The servers that everything else needs: found by their addresses, or started in the data folder.

`connect.json` in the data folder (owner only) tells people and scripts the addresses and accounts of those we start.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from psycopg import Connection

from deploy import broker as embedded_broker
from enermon.settings import Settings
from storage import database, hosting, installation, seed, server


@dataclass(frozen=True)
class BrokerAccess:
    """How the platform reaches its broker. `url` is mqtt://host:port or mqtts://host:port, without the account.

    Client ids of the platform begin with `session`, which outsiders cannot guess: whoever connects under another's
    client id takes over its session.
    """

    url: str
    user: str | None
    password: str | None = field(repr=False)
    session: str = field(repr=False)
    ca: Path | None = None

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or "127.0.0.1"

    @property
    def port(self) -> int:
        return urlsplit(self.url).port or (8883 if self.tls else 1883)

    @property
    def tls(self) -> bool:
        return self.url.startswith("mqtts:")


def database_dsn(settings: Settings) -> str:
    """The database, migrated and with the shipped reference data in it; started if it is the embedded one."""
    dsn = database_address(settings)
    with database.connect(dsn) as conn:
        if database.behind(conn) or seed.outdated(conn):
            prepare(conn, settings)
    return dsn


def database_address(settings: Settings) -> str:
    """The database as it is; the embedded one is started if it does not run."""
    if settings.database:
        return settings.database
    dsn = server.start(settings.data)
    _tell(settings.data, "database", {"dsn": dsn})
    return dsn


def prepare(conn: Connection, settings: Settings) -> list[str]:
    """Bring schema and shipped reference data up to date; the names of the files that were new."""
    ran = database.migrate(conn, settings.engine)
    with conn.transaction():
        return ran + seed.seed(conn, settings.zone)


def broker(settings: Settings) -> BrokerAccess:
    """The broker, with an account for every registered enterprise if it is the embedded one."""
    access = broker_address(settings)
    if settings.broker:
        return access
    with database.connect(database_dsn(settings)) as conn:
        return sync_accounts(settings, conn)


def broker_address(settings: Settings) -> BrokerAccess:
    """The broker as it is; the embedded one is started if it does not run."""
    if settings.broker:
        return _of_operator(settings.broker, settings.broker_ca)
    return _told(settings.data, embedded_broker.start(settings.data, broker_options(settings)))


def sync_accounts(settings: Settings, conn: Connection) -> BrokerAccess:
    """Give every enterprise that has not closed its account with the embedded broker; call it after an import.

    Does nothing to a broker of the operator's own.
    """
    if settings.broker:
        return _of_operator(settings.broker, settings.broker_ca)
    return _told(settings.data, embedded_broker.sync_accounts(settings.data, installation.codes_with_account(conn)))


def _told(folder: Path, access: embedded_broker.Access) -> BrokerAccess:
    accounts = {code: {"user": code, "password": password} for code, password in access.accounts.items()}
    platform = {"url": access.url, "user": access.user, "password": access.password}
    _tell(folder, "broker", {**platform, "accounts": accounts})
    return BrokerAccess(access.url, access.user, access.password, access.session)


def _of_operator(url: str, ca: Path | None) -> BrokerAccess:
    parts = urlsplit(url)
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()
    account = [unquote(part) if part else None for part in (parts.username, parts.password)]
    # An address that `enermon broker sync` wrote names its session, which so outlives a change of the password.
    session = parse_qs(parts.query).get("session", [sha256(url.encode()).hexdigest()[:16]])[0]
    return BrokerAccess(bare, account[0], account[1], f"enermon-{session}", ca)


def broker_options(settings: Settings) -> embedded_broker.Options:
    """What a mosquitto of this installation is configured with, whoever starts it."""
    return embedded_broker.Options(settings.max_payload_bytes, settings.broker_memory_mb, _listener(settings))


def _listener(settings: Settings) -> embedded_broker.Listener | None:
    if settings.broker_tls_certificate is None or settings.broker_tls_key is None:
        return None
    host, _, port = settings.broker_tls_address.rpartition(":")
    return embedded_broker.Listener(host, int(port), settings.broker_tls_certificate, settings.broker_tls_key)


def stop(settings: Settings) -> list[str]:
    """End the embedded servers of this data folder; the names of those that ran."""
    ended = {"mosquitto": embedded_broker.stop(settings.data), "PostgreSQL": server.stop(settings.data)}
    return [name for name, ran in ended.items() if ran]


def _tell(folder: Path, name: str, value: Mapping[str, Any]) -> None:
    """Set one entry of connect.json, which is written only when something changed."""
    file = folder / "connect.json"
    with hosting.exclusive(folder / "connect.lock"):
        told = json.loads(file.read_text("utf-8")) if file.exists() else {}
        if told.get(name) != value:
            hosting.write_private(file, json.dumps({**told, name: value}, indent=1, ensure_ascii=False) + "\n")

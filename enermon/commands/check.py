"""`enermon check`: what is wrong with this installation."""

import os
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import click
import psycopg
from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from psycopg import Connection

from energy.refused import Refused
from enermon import services
from enermon.context import App, pass_app
from enermon.services import BrokerAccess
from storage import database, installation

OLDEST_POSTGRES = 150_000  # NULLS NOT DISTINCT, MERGE and faster sorts are taken for granted
LONGEST_WAIT = timedelta(minutes=15)
_BROKER_PATIENCE_S = 5


@click.command()
@click.option("--integrity", is_flag=True, help="Verify the hash chain of the readings.")
@pass_app
def command(app: App, integrity: bool) -> None:
    """Say what is wrong with this installation, one sentence each; exit code 1 if anything is."""
    if integrity:
        raise click.UsageError("--integrity is not built yet: no hash chain is kept so far.")
    problems = [*_of_folder(app.settings.data), *_of_database(app), *_of_broker(app)]
    if problems:
        raise Refused("\n".join(problems))
    click.echo("Nothing is wrong.")


def _of_folder(folder: Path) -> Iterator[str]:
    if folder.exists() and not os.access(folder, os.W_OK | os.X_OK):
        yield f"The data folder {folder} cannot be written by this user."


def _of_database(app: App) -> Iterator[str]:
    try:
        address = app.settings.database or services.database_dsn(app.settings)
        with database.connect(address) as conn:
            yield from _of_server(conn.info.server_version)
            yield from _of_schema(conn) or _of_work(conn, app.now())
    except psycopg.OperationalError as error:
        yield f"The database does not answer: {str(error).strip().splitlines()[0]}."
    except Refused as error:
        yield str(error)


def _of_server(version: int) -> Iterator[str]:
    if version < OLDEST_POSTGRES:
        yield f"The database is PostgreSQL {version // 10_000}; {OLDEST_POSTGRES // 10_000} or newer is needed."


def _of_schema(conn: Connection) -> list[str]:
    """Why nothing more can be asked of this database; empty if its schema is that of this program."""
    if missing := database.behind(conn):
        return [f"The schema is behind ({', '.join(missing)}); run `enermon migrate`."]
    if unknown := database.ahead(conn):
        return [f"The schema is of a newer program ({', '.join(unknown)}); update this one."]
    return []


def _of_work(conn: Connection, now: datetime) -> Iterator[str]:
    count, since = installation.waiting(conn)
    if since and now - since > LONGEST_WAIT:
        minutes = round((now - since).total_seconds() / 60)
        yield f"{count} stale spans wait to be recomputed, the oldest for {minutes} minutes; is `enermon work` running?"
    today = now.astimezone(UTC).date()
    tomorrow = today + timedelta(days=1)
    if installation.has_reading_day(conn, today) and not installation.has_reading_day(conn, tomorrow):
        yield f"There is no partition for the readings of tomorrow ({tomorrow}); is `enermon collect` running?"


def _of_broker(app: App) -> Iterator[str]:
    try:
        access = services.broker_address(app.settings)
        said = answer(access)
    except (Refused, OSError) as error:
        yield f"The broker does not answer: {error}"
        return
    if said != "Success":
        yield f"The broker at {access.url} does not let the platform in: {said}."


def answer(access: BrokerAccess) -> str:
    """What the broker says to the platform's account; OSError if it cannot be reached."""
    answers: list[str] = []
    told = Event()
    client = mqtt.Client(
        CallbackAPIVersion.VERSION2,
        client_id=f"{access.session}-check-{secrets.token_hex(4)}",
        protocol=mqtt.MQTTv5,
    )

    def on_connect(*arguments: object) -> None:
        answers.append(str(arguments[3]))
        told.set()

    client.on_connect = on_connect
    client.username_pw_set(access.user, access.password)
    if access.tls:
        client.tls_set(ca_certs=str(access.ca) if access.ca else None)
    client.connect(access.host, access.port)
    client.loop_start()
    told.wait(_BROKER_PATIENCE_S)
    client.disconnect()
    client.loop_stop()
    return answers[0] if answers else f"no answer within {_BROKER_PATIENCE_S} seconds"

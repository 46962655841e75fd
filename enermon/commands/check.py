"""`enermon check`: what is wrong with this installation."""

import os
import secrets
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from threading import Event

import click
import psycopg
from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from psycopg import Connection

from deploy.certificates import expires
from energy.refused import Refused
from enermon import integrity, services
from enermon.commands.usage import DAY
from enermon.context import App, pass_app
from enermon.services import BrokerAccess
from enermon.settings import Settings
from storage import binding, database, installation, retention
from storage.integrity import Tally, scope_of
from storage.integrity import check as verify

OLDEST_POSTGRES = 150_000  # NULLS NOT DISTINCT, MERGE and faster sorts are taken for granted
LONGEST_WAIT = timedelta(minutes=15)
CERTIFICATE_WARNING = timedelta(days=30)
_LATELY = timedelta(days=7)
_BROKER_PATIENCE_S = 5


@click.command()
@click.option("--integrity", is_flag=True, help="Verify that the readings are as they were received.")
@click.option("--enterprise", metavar="E", help="With --integrity: of one enterprise only.")
@click.option("--from", "since", type=DAY, help="With --integrity: readings from this day on.")
@click.option("--to", "until", type=DAY, help="With --integrity: readings before this day.")
@click.option(
    "--receipt",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="With --integrity: receipts, or heads from reports, that must be in the chain.",
)
@pass_app
@click.pass_context
def command(
    ctx: click.Context,
    app: App,
    integrity: bool,
    enterprise: str | None,
    since: datetime | None,
    until: datetime | None,
    receipt: Path | None,
) -> None:
    """Say what is wrong with this installation, one sentence each; exit code 1 if anything is."""
    if integrity:
        _refuse_empty(since, until)
        ctx.exit(_of_readings(app, enterprise, since, until, receipt))
    if enterprise or since or until or receipt:
        raise click.UsageError("--enterprise, --from, --to and --receipt go with --integrity")
    problems = [*_of_folder(app.settings.data), *_of_database(app), *_of_broker(app), *_of_certificate(app)]
    if problems:
        raise Refused("\n".join(problems))
    click.echo("Nothing is wrong.")


def _refuse_empty(since: datetime | None, until: datetime | None) -> None:
    if since and until and since >= until:
        raise click.UsageError(f"--from {since:%Y-%m-%d} must be before --to {until:%Y-%m-%d}, which is exclusive")


def _of_readings(
    app: App, enterprise: str | None, since: datetime | None, until: datetime | None, receipt: Path | None
) -> int:
    """The exit code. What is wrong is told as it is found, for there may be much of it."""
    zone, tally, wrong = app.settings.zone, Tally(), 0
    kept = integrity.receipts(receipt) if receipt else []
    with app.connect() as conn:
        scope = scope_of(conn, enterprise, since and since.date(), until and until.date(), zone)
        conn.rollback()
        sentences = (integrity.sentence(fault, zone) for fault in verify(conn, scope, tally))
        for told in chain(sentences, integrity.unknown_heads(conn, enterprise, kept)):
            click.echo(told, err=True)
            wrong += 1
    for gone in tally.dropped:
        click.echo(integrity.dropped(gone, zone))
    if not wrong:
        click.echo(integrity.summary(tally, kept))
    return 1 if wrong else 0


def _of_folder(folder: Path) -> Iterator[str]:
    if folder.exists() and not os.access(folder, os.W_OK | os.X_OK):
        yield f"The data folder {folder} cannot be written by this user."


def _of_database(app: App) -> Iterator[str]:
    try:
        address = app.settings.database or services.database_dsn(app.settings)
        with database.connect(address) as conn:
            yield from _of_server(conn.info.server_version)
            yield from _of_schema(conn) or [
                *_of_engine(conn),
                *_of_work(conn, app.now()),
                *retention.overdue(conn, app.now(), app.settings.keeping),
                *_of_points(conn, app.now()),
            ]
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


def _of_engine(conn: Connection) -> Iterator[str]:
    if complaint := database.fault(conn):
        yield complaint


def _of_work(conn: Connection, now: datetime) -> Iterator[str]:
    count, since = installation.waiting(conn)
    if since and now - since > LONGEST_WAIT:
        minutes = round((now - since).total_seconds() / 60)
        yield f"{count} stale spans wait to be recomputed, the oldest for {minutes} minutes; is `enermon work` running?"
    today = now.astimezone(UTC).date()
    tomorrow = today + timedelta(days=1)
    if installation.has_reading_day(conn, today) and not installation.has_reading_day(conn, tomorrow):
        yield f"There is no partition for the readings of tomorrow ({tomorrow}); is `enermon collect` running?"


def _of_points(conn: Connection, now: datetime) -> Iterator[str]:
    """Points that are declared cumulative and send something else (EC-10)."""
    sends = {"daily_totals": "daily totals", "amounts": "amounts or power"}
    for one in binding.lately(conn, now - _LATELY):
        meter = f"Meter {one.meter} of {one.enterprise} is declared cumulative and sends {sends[one.why]}"
        told = f"{meter}, on {one.days} days since {now - _LATELY:%Y-%m-%d}: what it used then is unknown"
        yield f"{told}; import it with the kind that it sends, or have the gateway changed."


def _of_broker(app: App) -> Iterator[str]:
    try:
        access = services.broker_address(app.settings)
        said = answer(access)
    except (Refused, OSError) as error:
        yield f"The broker does not answer: {error}"
        return
    if said != "Success":
        yield f"The broker at {access.url} does not let the platform in: {said}."


def _of_certificate(app: App) -> Iterator[str]:
    """Until when gateways will believe the broker that it is the right one."""
    try:
        if pem := _certificate(app.settings):
            yield from _of_validity(expires(pem), app.now())
    except Refused as error:
        yield f"The broker's certificate cannot be read: {error}"
    except OSError:
        pass  # a broker that does not answer has been told already


def _certificate(settings: Settings) -> str | None:
    """That of the file in the settings, else the one with which the operator's broker answers."""
    if settings.broker_tls_certificate:
        return settings.broker_tls_certificate.read_text("utf-8", "replace")
    if settings.broker and settings.broker.startswith("mqtts:"):
        access = services.broker_address(settings)
        return ssl.get_server_certificate((access.host, access.port), timeout=_BROKER_PATIENCE_S)
    return None


def _of_validity(end: datetime, now: datetime) -> Iterator[str]:
    if end <= now:
        yield f"The broker's certificate has expired on {end:%Y-%m-%d}: gateways turn away from the broker; renew it."
    elif end - now < CERTIFICATE_WARNING:
        yield f"The broker's certificate expires on {end:%Y-%m-%d}, in {(end - now).days} days; renew it."


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

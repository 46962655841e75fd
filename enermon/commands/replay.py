"""`enermon replay`: a file over the wire, as a gateway would send it."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event

import click

from energy.refused import Refused
from enermon.commands.load import FILE, chosen, end_progress, figures, sentence, show_progress
from enermon.context import App, format_option, pass_app
from enermon.output import print_json
from enermon.running import collector, platform_broker, side_by_side
from ingest.broker import Broker
from ingest.load import find, unit_factors
from ingest.replay import NoCollector, Replayed, messages, replay

_PATIENCE_S = 15.0
_PATIENCE_ALONE_S = 4.0
_PATIENCE_LATER_S = 120.0


@click.command()
@click.argument("file", type=FILE)
@click.option("--enterprise", metavar="E", required=True, help="The enterprise's code.")
@click.option(
    "--dialect", "dialect_file", type=FILE, help="How the file is to be read; without it, as the contract says."
)
@click.option("--size", type=click.IntRange(1, 2000), default=100, show_default=True, help="Readings in a message.")
@click.option("--collect", is_flag=True, help="Run a collector in this process until all is answered.")
@format_option
@pass_app
def command(
    app: App, file: Path, enterprise: str, dialect_file: Path | None, size: int, collect: bool, format: str
) -> None:
    """Publish a CSV file over MQTT in the order of time, and wait until every message has its receipt."""
    told = Replayed()
    with app.connect() as conn:
        find(conn, enterprise)
        parts = messages(file, chosen(dialect_file), unit_factors(conn, enterprise), app.settings.zone, size, told)
    account = _account(app, enterprise)

    def send(patience_s: float) -> None:
        for _ in replay(account, enterprise, parts, told, patience_s, _PATIENCE_LATER_S):
            show_progress(f"{told.answered:,} of {told.messages:,} messages answered")

    try:
        _send(app, send, told, collect)
    except NoCollector as error:
        raise Refused(_unanswered(told)) from error
    finally:
        end_progress()
    if format == "json":
        print_json(figures(told) | {"messages": told.messages, "resent": told.resent})
    else:
        click.echo(f"{told.messages:,} messages of {told.sent:,} readings, all answered. {sentence(told)}")


def _send(app: App, send: Callable[[float], None], told: Replayed, collect: bool) -> None:
    """Send; on our own broker, where nobody may listen yet, with a collector of our own if nobody answers."""
    if not collect:
        try:
            return send(_PATIENCE_S if app.settings.broker else _PATIENCE_ALONE_S)
        except NoCollector:
            if told.answered or app.settings.broker:
                raise
        click.echo("No collector answers, so this process collects until all is answered.", err=True)
    with _collecting(app):
        send(_PATIENCE_S)


@contextmanager
def _collecting(app: App) -> Iterator[None]:
    """A collector in this process, which listens before anything is published."""
    stop, own = Event(), collector(app)
    with side_by_side(stop, {"collector": lambda: own.run(stop)}):
        own.listening.wait(_PATIENCE_S)
        yield


def _unanswered(told: Replayed) -> str:
    if not told.answered:
        return "No collector answers: start one with `enermon collect`, or replay with --collect."
    return (
        f"Only {told.answered} of {told.messages} messages were answered; replay again, nothing is stored twice."
        " A collector that is away keeps its share: start it, or `enermon collect --name NAME --retire` ends it."
    )


def _account(app: App, enterprise: str) -> Broker:
    """The enterprise's own account where we know it, as with the embedded broker; else that of the settings."""
    broker = platform_broker(app)
    file = app.settings.data / "connect.json"
    if app.settings.broker or not file.exists():
        return broker
    account = json.loads(file.read_text("utf-8")).get("broker", {}).get("accounts", {}).get(enterprise)
    return replace(broker, user=account["user"], password=account["password"]) if account else broker

"""`enermon alerts`: the alert inbox, and what people do with it."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import click
from psycopg import Connection

from alerts import texts
from energy.warnings import Level
from enermon.commands.report import bring_up_to_date
from enermon.context import App, format_option, pass_app
from storage import alerts
from storage.alerts import Alert

LEVELS = [level.word for level in reversed(Level)]


@click.group()
def command() -> None:
    """The alert inbox: see, acknowledge, resolve, comment."""


@command.command("list")
@click.option("--enterprise", metavar="E", help="Only this enterprise's.")
@click.option("--region", metavar="R", help="Only those of this region and of what lies in it.")
@click.option("--level", type=click.Choice(LEVELS), help="Only of this level.")
@click.option(
    "--state",
    type=click.Choice(["open", "acknowledged", "resolved", "all"]),
    help="Only in this state; without it, all that are not resolved.",
)
@format_option
@pass_app
def list_alerts(
    app: App, enterprise: str | None, region: str | None, level: str | None, state: str | None, format: str
) -> None:
    """Show alerts, the newest first. What is stale is computed and judged before."""
    with app.connect() as conn:
        bring_up_to_date(conn, app)
        wanted = None if state in (None, "all") else state
        found = alerts.listed(conn, enterprise, region, level, wanted)
    shown = [alert for alert in found if state or alert.state != "resolved"]
    if format == "json":
        rows = [_row(alert, app) for alert in shown]
        click.echo(json.dumps({"rows": rows}, ensure_ascii=False, indent=1, allow_nan=False))
    else:
        click.echo("\n".join(_line(alert, app) for alert in shown) or "No alerts.")


def _row(alert: Alert, app: App) -> dict[str, Any]:
    return {
        "id": alert.id, "rule": alert.rule,
        "enterprise": alert.code if alert.scope == "enterprise" else None,
        "region": alert.code if alert.scope == "region" else None,
        "subject": alert.subject, "period": alert.period, "level": alert.level, "state": alert.state,
        "certainty": alert.certainty, "observed": alert.observed, "limit": alert.limit, "unit": alert.unit,
        "basis": alert.basis, "opened": _local(alert.opened, app), "changed": _local(alert.changed, app),
        "resolved": _local(alert.resolved, app), "acknowledged_by": alert.acknowledged_by, "message": alert.message,
    }  # fmt: skip


def _line(alert: Alert, app: App) -> str:
    opened = alert.opened.astimezone(app.settings.zone)
    word = texts.LEVELS["en"][Level[alert.level.upper()]]
    return f"{alert.id:>6}  {opened:%Y-%m-%d %H:%M}  {word:<6}  {alert.state:<12}  {alert.code:<12}  {alert.message}"


def _local(instant: datetime | None, app: App) -> str | None:
    return instant.astimezone(app.settings.zone).isoformat() if instant else None


Verb = Callable[[Connection, int, str, str, datetime], None]


def _do(app: App, verb: Verb, alert: int, text: str) -> None:
    with app.connect() as conn:
        verb(conn, alert, app.actor, text, app.now())


@command.command()
@click.argument("alert", type=int, metavar="ID")
@click.option("--comment", "text", default="", help="What is to be said with it.")
@pass_app
def ack(app: App, alert: int, text: str) -> None:
    """Acknowledge an open alert: somebody has seen it."""
    _do(app, alerts.acknowledge, alert, text)


@command.command()
@click.argument("alert", type=int, metavar="ID")
@click.option("--comment", "text", default="", help="Why it is closed.")
@pass_app
def resolve(app: App, alert: int, text: str) -> None:
    """Close an alert by hand; it opens again only when it has calmed in between, or grows worse."""
    _do(app, alerts.resolve, alert, text)


@command.command()
@click.argument("alert", type=int, metavar="ID")
@click.argument("text")
@pass_app
def comment(app: App, alert: int, text: str) -> None:
    """Keep a remark with an alert."""
    _do(app, alerts.comment, alert, text)

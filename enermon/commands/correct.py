"""`enermon correct`: who approves a correction, who takes it away, and the chain of them."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

import click

from enermon.context import App, format_option, pass_app
from enermon.output import print_json, print_table
from storage import corrections
from storage.corrections import Listed

_SHOWN = (
    "id",
    "state",
    "enterprise",
    "meter",
    "from",
    "to",
    "amount",
    "unit",
    "reason",
    "document",
    "author",
    "approver",
)


@click.group()
def command() -> None:
    """Corrections: approve, withdraw, list. They are written by `enermon import` of a file `corrections`."""


@command.command()
@click.argument("correction", type=int, metavar="ID")
@pass_app
def approve(app: App, correction: int) -> None:
    """Let a correction count from now on. Somebody else than its author must do it: `--as NAME`."""
    with app.connect() as conn, conn.transaction():
        corrections.approve(conn, correction, app.actor, app.now())


@command.command()
@click.argument("correction", type=int, metavar="ID")
@pass_app
def withdraw(app: App, correction: int) -> None:
    """Take a correction away: what the readings say counts again. It stays in the list."""
    with app.connect() as conn, conn.transaction():
        corrections.withdraw(conn, correction, app.actor, app.now())


@command.command("list")
@click.option("--enterprise", metavar="E", help="Only this enterprise's.")
@format_option
@pass_app
def list_corrections(app: App, enterprise: str | None, format: str) -> None:
    """Show every correction ever written, by meter and time, withdrawn ones too."""
    with app.connect() as conn:
        rows = [shown(one, app) for one in corrections.listed(conn, enterprise)]
    if format == "json":
        print_json({"rows": rows})
    elif rows:
        print_table(_SHOWN, [[_cell(row[name]) for name in _SHOWN] for row in rows])
    else:
        click.echo("No corrections.")


def shown(one: Listed, app: App) -> dict[str, Any]:
    """One correction under the names of the registry file and those of its chain, times in the deployment's zone."""
    row = asdict(one)
    row["from"], row["to"] = row.pop("since"), row.pop("until")
    times = {name: value for name, value in row.items() if isinstance(value, datetime)}
    zone = app.settings.zone
    return row | {name: value.astimezone(zone).isoformat(timespec="seconds") for name, value in times.items()}


def _cell(value: object) -> str:
    return "—" if value is None else f"{value:,.6g}" if isinstance(value, float) else str(value)

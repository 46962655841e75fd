"""`enermon explain`: what made the figures of a month."""

from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import click

from energy import periods
from enermon.context import App, format_option, pass_app
from enermon.output import print_json
from reports.explanation import statements
from storage import rollup
from storage.explain import explain


@click.command("explain")
@click.option("--enterprise", metavar="E", required=True, help="The enterprise's code.")
@click.option("--meter", metavar="M", help="One meter of the enterprise, down to its readings.")
@click.option("--month", required=True, type=click.DateTime(["%Y-%m"]), help="The month, for instance 2026-10.")
@format_option
@pass_app
def command(app: App, enterprise: str, meter: str | None, month: datetime, format: str) -> None:
    """Which readings, flags, corrections, factors and rules made the figures, in numbered statements."""
    zone, now = app.settings.zone, app.now()
    with app.connect() as conn:
        rollup.drain(conn, zone, now)
        about = explain(conn, enterprise, periods.month_of(month.date()), zone, now, meter)
    if format == "json":
        print_json(_plain(asdict(about), zone))
    else:
        click.echo("\n".join(statements(about, zone)))


def _plain(value: Any, zone: ZoneInfo) -> Any:
    """Times in the deployment's zone and numbers as numbers, for JSON."""
    match value:
        case dict():
            return {name: _plain(each, zone) for name, each in value.items()}
        case list() | tuple():
            return [_plain(each, zone) for each in value]
        case datetime():
            return value.astimezone(zone).isoformat()
        case Decimal():
            return float(value)
        case _:
            return value

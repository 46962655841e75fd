"""`enermon estimate`: what is unknown of a month is estimated from days alike, listed, and taken away again."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import click

from energy.periods import Period
from energy.refused import Refused
from enermon.commands.report import Month
from enermon.context import App, format_option, pass_app
from enermon.output import print_json, print_table
from storage import estimates, estimating, rollup
from storage.estimating import Outcome

_MADE = ("id", "meter", "from", "to", "amount", "low", "high", "unit", "reference_days", "refused")
_LISTED = ("id", "state", "enterprise", "meter", "from", "to", "amount", "unit", "multiplier", "author", "written")


@click.group(invoke_without_command=True)
@click.option("--enterprise", metavar="E", help="Whose gaps are estimated.")
@click.option("--meter", metavar="M", help="Only this meter's.")
@click.option("--month", type=Month(), help="The month, for instance 2026-10.")
@click.option("--dry-run", is_flag=True, help="Show what would be estimated, and put nothing on record.")
@format_option
@click.pass_context
def command(
    ctx: click.Context, enterprise: str | None, meter: str | None, month: Period | None, dry_run: bool, format: str
) -> None:
    """Estimate the gaps of a month's closed days by the median of days alike; `list` and `withdraw` what was made.

    An estimate is marked, counts for no reading, and gives way as soon as a reading speaks of its time.
    """
    if ctx.invoked_subcommand:
        return
    if enterprise is None or month is None:
        raise click.UsageError("name --enterprise and --month, or say `list` or `withdraw`")
    _estimate(ctx.obj, enterprise, meter, month, dry_run, format)


def _estimate(app: App, enterprise: str, meter: str | None, month: Period, dry_run: bool, format: str) -> None:
    zone, now = app.settings.zone, app.now()
    with app.connect() as conn:
        rollup.drain(conn, zone, now)
        with conn.transaction():
            found = estimating.make(conn, enterprise, month, zone, now, app.actor, meter, dry_run)
        rollup.drain(conn, zone, now)
    rows = [_made(one, zone) for one in found]
    if format == "json":
        print_json({"rows": rows, "dry_run": dry_run})
    elif rows:
        print_table(_MADE, [[_cell(row[name]) for name in _MADE] for row in rows])
    else:
        click.echo("Nothing is unknown on the closed days of this month.")
    _refuse_none(found, zone)


def _refuse_none(found: Sequence[Outcome], zone: ZoneInfo) -> None:
    """One sentence for each gap where not a single one could be estimated."""
    if found and all(one.refused for one in found):
        raise Refused(
            "\n".join(f"Meter {one.meter}, {one.since.astimezone(zone):%Y-%m-%d}: {one.refused}." for one in found)
        )


def _made(one: Outcome, zone: ZoneInfo) -> dict[str, Any]:
    row = _named(asdict(one), zone)
    return row | {"reference_days": [str(day) for day in one.reference_days]}


@command.command("list")
@click.option("--enterprise", metavar="E", help="Only this enterprise's.")
@format_option
@pass_app
def list_estimates(app: App, enterprise: str | None, format: str) -> None:
    """Show every estimate ever made, by meter and time, withdrawn ones too."""
    with app.connect() as conn:
        found = estimates.listed(conn, enterprise)
    rows = [
        _named(asdict(one), app.settings.zone)
        | {"state": one.state, "reference_days": [str(day) for day in one.reference_days]}
        for one in found
    ]
    if format == "json":
        print_json({"rows": rows})
    elif rows:
        print_table(_LISTED, [[_cell(row[name]) for name in _LISTED] for row in rows])
    else:
        click.echo("No estimates.")


@command.command()
@click.argument("estimate", type=int, metavar="ID")
@pass_app
def withdraw(app: App, estimate: int) -> None:
    """Take an estimate away: that time is unknown again. It stays in the list."""
    with app.connect() as conn, conn.transaction():
        estimates.withdraw(conn, estimate, app.actor, app.now())


def _named(row: dict[str, Any], zone: ZoneInfo) -> dict[str, Any]:
    """Under the names of files, times in the deployment's zone."""
    row["from"], row["to"] = row.pop("since"), row.pop("until")
    times = {name: value for name, value in row.items() if isinstance(value, datetime)}
    return row | {name: value.astimezone(zone).isoformat(timespec="seconds") for name, value in times.items()}


def _cell(value: object) -> str:
    if isinstance(value, list):
        return f"{len(value)}: {value[0]} to {value[-1]}" if value else "—"
    if isinstance(value, date):
        return value.isoformat()
    return "—" if value is None else f"{value:,.6g}" if isinstance(value, float) else str(value)

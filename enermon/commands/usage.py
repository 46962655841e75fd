"""`enermon usage`: what was used, by hour, day or month."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

import click

from enermon.context import App, format_option, pass_app
from enermon.output import print_json, print_table
from storage import rollup
from storage.usage import By, UsageRow, enterprise_usage, meter_usage, region_usage, totals

DAY = click.DateTime(["%Y-%m-%d"])
FIRST_YEAR, LAST_YEAR = 1970, 2200  # readings are of these; instants at the ends of the calendar have no local time


@click.command("usage")
@click.option("--enterprise", metavar="E", help="The enterprise's code.")
@click.option("--meter", metavar="M", help="One meter of the enterprise, instead of what counts into its total.")
@click.option("--region", metavar="R", help="A region's code: the sum of the key units in it and below it.")
@click.option("--from", "since", type=DAY, required=True, help="The first day.")
@click.option("--to", "until", type=DAY, required=True, help="The day after the last.")
@click.option("--by", type=click.Choice(["hour", "day", "month"]), default="month", show_default=True)
@format_option
@pass_app
def command(
    app: App,
    enterprise: str | None,
    meter: str | None,
    region: str | None,
    since: datetime,
    until: datetime,
    by: By,
    format: str,
) -> None:
    """Amounts, tce by both bases, tCO2, peak and completeness, after computing again whatever is stale."""
    _refuse_wrong_usage(enterprise, meter, region, since, until)
    zone, now = app.settings.zone, app.now()
    with app.connect() as conn:
        rollup.drain(conn, zone, now)
        first, last = since.date(), until.date()
        if region:
            rows = region_usage(conn, region, first, last, by, zone, now)
        elif meter:
            rows = meter_usage(conn, enterprise or "", meter, first, last, by, zone, now)
        else:
            rows = enterprise_usage(conn, enterprise or "", first, last, by, zone, now)
    _print(rows, format, app)


def _refuse_wrong_usage(
    enterprise: str | None, meter: str | None, region: str | None, since: datetime, until: datetime
) -> None:
    if (enterprise is None) == (region is None):
        raise click.UsageError("name one of --enterprise and --region")
    if meter and not enterprise:
        raise click.UsageError(
            "--meter goes with --enterprise, for a meter's code is unique within its enterprise only"
        )
    if since.year < FIRST_YEAR or until.year > LAST_YEAR:
        raise click.UsageError(f"--from {since:%Y-%m-%d} --to {until:%Y-%m-%d} leaves {FIRST_YEAR} to {LAST_YEAR}")
    if since >= until:
        raise click.UsageError(f"--from {since:%Y-%m-%d} must be before --to {until:%Y-%m-%d}, which is exclusive")


def _print(rows: list[UsageRow], format: str, app: App) -> None:
    if format == "json":
        print_json({"rows": [_shown(row, app) for row in rows], "totals": asdict(totals(rows))})
        return
    names = (
        "period",
        "meter",
        "carrier",
        "amount",
        "unit",
        "tce_equivalent",
        "tce_equal_value",
        "tco2",
        "completeness",
        "flags",
    )
    print_table(names, [[_cell(_shown(row, app)[name]) for name in names] for row in rows])


def _shown(row: UsageRow, app: App) -> dict[str, Any]:
    shown = asdict(row)
    shown["peak_at"] = row.peak_at and row.peak_at.astimezone(app.settings.zone).isoformat(timespec="seconds")
    return shown


def _cell(value: object) -> str:
    """Rounded for reading only; JSON has every digit."""
    if value is None:
        return "—"
    if isinstance(value, float):
        return f"{value:,.4f}".rstrip("0").rstrip(".")
    return " ".join(value) if isinstance(value, list) else str(value)

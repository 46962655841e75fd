"""`enermon quality`: how far the data of a month can be trusted, and what is odd about it."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import click

from energy.periods import Period
from enermon.commands.report import Month
from enermon.context import App, format_option, pass_app
from enermon.output import print_json, print_table
from storage import rollup
from storage.data_quality import EnterpriseQuality, Row, enterprise_quality, region_quality, rules


@click.command("quality")
@click.option("--enterprise", metavar="E", help="The enterprise's code.")
@click.option("--region", metavar="R", help="A region's code: the key units in it and below it.")
@click.option("--month", type=Month(), required=True, help="The month, for instance 2026-10.")
@format_option
@pass_app
def command(app: App, enterprise: str | None, region: str | None, month: Period, format: str) -> None:
    """Six parts and their score, completeness by meter, and findings with their evidence; never a verdict."""
    if (enterprise is None) == (region is None):
        raise click.UsageError("name one of --enterprise and --region")
    zone, now = app.settings.zone, app.now()
    with app.connect() as conn:
        rollup.drain(conn, zone, now)
        if region:
            every = region_quality(conn, region, month, zone, now)
        else:
            every = [enterprise_quality(conn, enterprise or "", month, zone, now)]
    if format == "json":
        print_json(_document(month, every))
    else:
        _print(every)


def _document(month: Period, every: Sequence[EnterpriseQuality]) -> dict[str, Any]:
    return {
        "month": month.name,
        "weights": rules()["weights"],
        "origin": rules()["origin"],
        "enterprises": [_enterprise(one) for one in every],
        "meters": [asdict(meter) for one in every for meter in one.meters],
        "findings": [_finding(row) for one in every for row in one.findings],
    }


def _enterprise(one: EnterpriseQuality) -> dict[str, Any]:
    return {
        "enterprise": one.enterprise,
        "score": one.score.points,
        "score_known": one.score.known,
        "parts": one.parts,
        "valid_transmission": one.valid_transmission,
        "rejected": one.rejected,
        "agreements": [asdict(agreement) for agreement in one.agreements],
    }


def _finding(row: Row) -> dict[str, Any]:
    shown = {"enterprise": row.enterprise, "meter": row.meter, "finding": row.finding}
    shown |= {"from": _instant(row.since), "to": _instant(row.until)}
    return shown | {"count": row.count, "severity": row.severity, "evidence": row.evidence}


def _instant(time: datetime) -> str:
    return time.isoformat(timespec="seconds")


def _print(every: Sequence[EnterpriseQuality]) -> None:
    parts = list(rules()["weights"])
    rows = [[one.enterprise, _cell(one.score.points), *(_cell(one.parts[part]) for part in parts)] for one in every]
    print_table(["enterprise", "score", *parts], rows)
    click.echo(f"(version {rules()['version']}: {rules()['origin']})\n")
    names = ("enterprise", "meter", "completeness", "valid_transmission", "timeliness", "validity", "delay_s",
             "calibrated", "gaps", "longest_gap_h", "set_aside", "resets", "conflicts")  # fmt: skip
    print_table(names, [[_cell(getattr(meter, name)) for name in names] for one in every for meter in one.meters])
    for one in every:
        for reason, count in one.rejected.items():
            click.echo(f"{one.enterprise}: {count} readings were rejected: {reason}")
    told = [_finding(row) for one in every for row in one.findings]
    click.echo()
    if told:
        print_table(list(told[0]), [[_cell(cell) for cell in row.values()] for row in told])
    else:
        click.echo("Nothing was found.")


def _cell(value: object) -> str:
    """Rounded for reading only; JSON has every digit."""
    if value is None:
        return "—"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,.4f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)

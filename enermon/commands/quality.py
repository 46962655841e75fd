"""`enermon quality`: how far the data of a month can be trusted, and what is odd about it."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import click

from energy.data_quality import PARTS
from energy.periods import Period
from enermon.commands.report import Month
from enermon.context import App, format_option, pass_app
from enermon.output import print_json, print_table
from storage import quality_store, rollup
from storage.data_quality import DayQuality, EnterpriseQuality, Outage, RegionQuality, Row, rules

Document = dict[str, Any]


@click.command("quality")
@click.option("--enterprise", metavar="E", help="The enterprise's code.")
@click.option("--region", metavar="R", help="A region's code: the key units in it and below it, the worst first.")
@click.option("--month", type=Month(), required=True, help="The month, for instance 2026-10.")
@click.option("--by", type=click.Choice(["month", "day"]), default="month", show_default=True, help="Days as well.")
@format_option
@pass_app
def command(app: App, enterprise: str | None, region: str | None, month: Period, by: str, format: str) -> None:
    """Six parts and their score, completeness by meter, and findings with their evidence; never a verdict."""
    if (enterprise is None) == (region is None):
        raise click.UsageError("name one of --enterprise and --region")
    zone, now = app.settings.zone, app.now()
    with app.connect() as conn:
        rollup.drain(conn, zone, now)
        if region:
            whole = quality_store.region(conn, region, month, zone, now)
            every: Sequence[EnterpriseQuality] = whole.enterprises
        else:
            whole, every = None, [quality_store.enterprise(conn, enterprise or "", month, zone, now)]
    if format == "json":
        print_json(_document(month, every, whole, by == "day"))
    else:
        _print(every, whole, by == "day")


def _document(month: Period, every: Sequence[EnterpriseQuality], whole: RegionQuality | None, by_day: bool) -> Document:
    days = {"days": [_day(one, day) for one in every for day in one.days]} if by_day else {}
    return {
        "month": month.name,
        "weights": rules()["weights"],
        "origin": rules()["origin"],
        **({"region": _region(whole)} if whole else {}),
        "enterprises": [_enterprise(one) for one in every],
        **days,
        "meters": [_meter(asdict(meter), by_day) for one in every for meter in one.meters],
        "outages": [_outage(one, outage) for one in every for outage in one.outages],
        "findings": [_finding(row) for one in every for row in one.findings],
    }


def _region(whole: RegionQuality) -> Document:
    return {
        "region": whole.region,
        "score": whole.score.points,
        "score_known": whole.score.known,
        "parts": whole.parts,
        "valid_transmission": whole.valid_transmission,
        "enterprises": len(whole.enterprises),
        "with_score": whole.judged,
    }


def _enterprise(one: EnterpriseQuality) -> Document:
    return {
        "enterprise": one.enterprise,
        "name": one.name,
        "score": one.score.points,
        "score_known": one.score.known,
        "parts": one.parts,
        "valid_transmission": one.valid_transmission,
        "clock_offset_s": one.clock_offset_s,
        "rejected": one.rejected,
        "agreements": [asdict(agreement) for agreement in one.agreements],
        "computed": _instant(one.computed),
    }


def _day(one: EnterpriseQuality, day: DayQuality) -> Document:
    shown: Document = {"enterprise": one.enterprise, "day": day.day.isoformat(), "score": day.score.points}
    shown |= {"score_known": day.score.known, "parts": day.parts, "expected": day.expected, "received": day.received}
    shown |= {"valid_transmission": day.valid_transmission, "clock_offset_s": day.clock_offset_s}
    return shown | {"findings": day.findings}


def _meter(meter: Document, by_day: bool) -> Document:
    """Dates as text; the days' completeness where days were asked for."""
    until = meter["calibrated_until"]
    shown = meter | {"calibrated_until": until.isoformat() if until else None}
    return shown if by_day else {name: value for name, value in shown.items() if name != "days"}


def _outage(one: EnterpriseQuality, outage: Outage) -> Document:
    shown: Document = {"enterprise": one.enterprise, "meters": list(outage.meters), "from": _instant(outage.since)}
    shown |= {"to": _instant(outage.until) if outage.until else None, "hours": outage.hours}
    return shown | {"repair_due": _instant(outage.due), "state": outage.state, "to_file": outage.to_file}


def _finding(row: Row) -> Document:
    shown = {"enterprise": row.enterprise, "meter": row.meter, "finding": row.finding}
    shown |= {"from": _instant(row.since), "to": _instant(row.until)}
    return shown | {
        "count": row.count,
        "severity": row.severity,
        "evidence": row.evidence,
        "evidence_zh": row.told("zh"),
    }


def _instant(time: datetime) -> str:
    return time.isoformat(timespec="seconds")


# For people ---------------------------------------------------------------------------------------


def _print(every: Sequence[EnterpriseQuality], whole: RegionQuality | None, by_day: bool) -> None:
    if whole:
        click.echo(f"{whole.region}: {whole.judged} of {len(whole.enterprises)} enterprises have a score.\n")
        _table([{"region": whole.region, "score": whole.score.points, **whole.parts}])
    _table(
        [
            {"enterprise": one.enterprise, "score": one.score.points, **one.parts,
             "valid_transmission": one.valid_transmission, "clock_offset_s": one.clock_offset_s}
            for one in every
        ]
    )  # fmt: skip
    click.echo(f"(version {rules()['version']}: {rules()['origin']})")
    click.echo("(— is unknown and lowers no score; timeliness, delay and clock offset are those of live readings, of"
               " which files say nothing; verifiability needs a return or a bill to compare with)\n")  # fmt: skip
    if by_day:
        _table([_plain_day(one, day) for one in every for day in one.days], "There are no days.")
    _table([_plain_meter(asdict(meter)) for one in every for meter in one.meters], "No meters are registered.")
    _table([{"enterprise": one.enterprise, **asdict(each)} for one in every for each in one.agreements],
           "There is no monthly return and no bill to compare with.")  # fmt: skip
    for one in every:
        for reason, count in one.rejected.items():
            click.echo(f"{one.enterprise}: {count} readings were rejected: {reason}\n")
    _table([_plain_outage(one, outage) for one in every for outage in one.outages], "No outages.")
    _table([_plain_finding(row) for one in every for row in one.findings], "Nothing was found.")


def _plain_day(one: EnterpriseQuality, day: DayQuality) -> Document:
    shown: Document = {"enterprise": one.enterprise, "day": day.day.isoformat(), "score": day.score.points}
    parts = {part: day.parts[part] for part in PARTS if part != "verifiability"}
    return shown | parts | {"valid_transmission": day.valid_transmission, "clock_offset_s": day.clock_offset_s}


def _plain_meter(meter: Document) -> Document:
    names = ("enterprise", "meter", "completeness", "valid_transmission", "timeliness", "validity", "conformity",
             "delay_s", "clock_offset_s", "calibrated", "calibrated_until", "gaps", "longest_gap_h", "set_aside",
             "resets", "conflicts")  # fmt: skip
    return {name: meter[name] for name in names}


def _plain_outage(one: EnterpriseQuality, outage: Outage) -> Document:
    return _outage(one, outage) | {"meters": " ".join(outage.meters)}


def _plain_finding(row: Row) -> Document:
    return {name: value for name, value in _finding(row).items() if name != "evidence_zh"}


def _table(rows: Iterable[Document], otherwise: str = "") -> None:
    """Rows in columns, or a sentence where there are none."""
    every = list(rows)
    if every:
        print_table(list(every[0]), [[_cell(cell) for cell in row.values()] for row in every])
    else:
        click.echo(otherwise)
    click.echo()


def _cell(value: object) -> str:
    """Rounded for reading only; JSON has every digit."""
    if value is None:
        return "—"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,.4f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)

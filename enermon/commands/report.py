"""`enermon report`: the monthly report of an enterprise, a region, or all of them, now."""

from collections.abc import Sequence
from pathlib import Path

import click
from psycopg import Connection

from alerts import channels, evaluate, notify
from alerts.cases import Route
from energy.periods import Period, month_of, parse
from enermon.context import App, pass_app
from reports import monthly
from storage import judgement, report_runs, reports, rollup


class Month(click.ParamType[Period]):
    """A month written as 2026-10."""

    name = "YYYY-MM"

    def convert(self, value: str | Period, param: click.Parameter | None, ctx: click.Context | None) -> Period:
        if isinstance(value, Period):
            return value
        try:
            period = parse(value)
        except ValueError:
            self.fail(f"{value!r} is no month; write for instance 2026-10", param, ctx)
        if period != month_of(period.first):
            self.fail(f"{value!r} is no month; write for instance {period.first:%Y-%m}", param, ctx)
        return period


def _formats(ctx: click.Context, param: click.Parameter, value: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip().lower() for name in value.split(",")))
    if unknown := [name for name in names if name not in monthly.FORMATS]:
        raise click.BadParameter(f"{unknown[0]!r} is none of {', '.join(monthly.FORMATS)}", ctx, param)
    return names


@click.command()
@click.option("--month", type=Month(), required=True, help="The month, for instance 2026-10.")
@click.option("--enterprise", metavar="CODE", help="Report on this enterprise.")
@click.option("--region", metavar="CODE", help="Report on this region, the ones below it included.")
@click.option("--all", "everything", is_flag=True, help="Report on every enterprise and every region.")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), help="Folder; default is the month's folder of reports."
)
@click.option("--format", "formats", callback=_formats, default=",".join(monthly.DEFAULT_FORMATS), show_default=True,
              help="html, xlsx or both, with commas.")  # fmt: skip
@pass_app
def command(
    app: App,
    month: Period,
    enterprise: str | None,
    region: str | None,
    everything: bool,
    out: Path | None,
    formats: tuple[str, ...],
) -> None:
    """Write monthly reports and print their paths. What has changed is worked into the figures first."""
    if sum((enterprise is not None, region is not None, everything)) != 1:
        raise click.UsageError("say for whom: exactly one of --enterprise, --region and --all.")
    monthly.check_formats(formats)
    now, zone = app.now(), app.settings.zone
    folder = out or app.settings.reports / month.name
    with app.connect() as conn:
        bring_up_to_date(conn, app)
        for scope, code in _wanted(conn, enterprise, region):
            with conn.transaction():
                paths = monthly.write(conn, month, scope, code, folder, formats, now, zone, app.settings.language)
                if out is None:  # the console offers what lies in the folder of reports
                    names = [path.relative_to(app.settings.reports).as_posix() for path in paths]
                    report_runs.record(conn, scope, code, month.name, names, now)
            for path in paths:
                click.echo(path)


def _wanted(conn: Connection, enterprise: str | None, region: str | None) -> Sequence[tuple[str, str]]:
    if enterprise is not None:
        return [("enterprise", enterprise)]
    return [("region", region)] if region is not None else reports.subjects(conn)


def bring_up_to_date(conn: Connection, app: App) -> None:
    """Work in all that is stale and judge what moved, so that a report shows final figures without a worker.

    What that opens is told on the configured channels, by whoever delivers next.
    """
    routes = notify.routes(channels.of_urls(app.settings.channels))
    rollup.drain(conn, app.settings.zone, app.now())
    while _judge(conn, app, routes) or judgement.await_others(conn):
        pass


def _judge(conn: Connection, app: App, routes: Sequence[Route]) -> int:
    with conn.transaction():
        return evaluate.work(conn, app.now(), app.settings.zone, routes=routes, language=app.settings.language)

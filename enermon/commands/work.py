"""`enermon work`: the worker alone."""

import click

from enermon import logs
from enermon.context import App, pass_app
from enermon.running import until_told, worker


@click.command()
@pass_app
def command(app: App) -> None:
    """Recompute, judge, tell and report, as work comes up, until told to end."""
    logs.set_up(app.settings.log_format)
    with until_told() as stop:
        worker(app, stop).run()

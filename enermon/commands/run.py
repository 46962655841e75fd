"""`enermon run`: collector, worker and console in one process."""

import click

from console import serving
from enermon import logs
from enermon.commands.serve import pages
from enermon.context import App, pass_app
from enermon.running import collector, side_by_side, until_told, worker


@click.command()
@pass_app
def command(app: App) -> None:
    """Receive, work and show in one process until told to end: how a small installation runs."""
    logs.set_up(app.settings.log_format)
    host, port = app.settings.console_host, app.settings.console_port
    with until_told() as stop, pages(app) as console:
        line = {"collector": lambda: collector(app).run(stop), "worker": worker(app, stop).run}
        with serving.serving(console, host, port) as address, side_by_side(stop, line):
            click.echo(f"The console is at {address}")
            stop.wait()

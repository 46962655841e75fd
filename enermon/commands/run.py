"""`enermon run`: collector, worker and console in one process."""

from functools import partial

import click

from console import serving
from enermon import logs
from enermon.commands.serve import pages
from enermon.context import App, pass_app
from enermon.metrics import BROKER_CONNECTED, WORKER_BUSY, Gauge, counting
from enermon.running import broker_fault, collector, side_by_side, until_told, worker


@click.command()
@pass_app
def command(app: App) -> None:
    """Receive, work and show in one process until told to end: how a small installation runs."""
    logs.set_up(app.settings.log_format)
    host, port = app.settings.console_host, app.settings.console_port
    metrics = counting()
    with until_told() as stop:
        takes, works = collector(app), worker(app, stop)
        metrics.add(Gauge(BROKER_CONNECTED, takes.listening.is_set))
        metrics.add(Gauge(WORKER_BUSY, works.pulse.seconds))
        line = {"collector": lambda: takes.run(stop), "worker": works.run}
        with (
            pages(app, metrics, (partial(broker_fault, takes), works.why_not_ready)) as console,
            serving.serving(console, host, port) as address,
            side_by_side(stop, line),
        ):
            click.echo(f"The console is at {address}")
            stop.wait()

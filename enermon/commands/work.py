"""`enermon work`: the worker alone."""

import click

from enermon import logs
from enermon.context import App, pass_app
from enermon.metrics import WORKER_BUSY, Gauge, counting
from enermon.running import until_told, worker
from enermon.watch import watched


@click.command()
@pass_app
def command(app: App) -> None:
    """Recompute, judge, tell and report, as work comes up, until told to end."""
    logs.set_up(app.settings.log_format)
    metrics = counting()
    with until_told() as stop:
        one = worker(app, stop)
        metrics.add(Gauge(WORKER_BUSY, one.pulse.seconds))
        with watched(app, metrics, [one.why_not_ready]):
            one.run()

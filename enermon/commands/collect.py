"""`enermon collect`: the collector alone."""

from functools import partial

import click

from enermon import logs
from enermon.context import App, pass_app
from enermon.metrics import BROKER_CONNECTED, Gauge, counting
from enermon.running import broker_fault, collector, platform_broker, until_told
from enermon.watch import watched
from ingest.collector import retire


@click.command()
@click.option("--name", default="1", show_default=True, help="Tells several collectors apart; keep it over restarts.")
@click.option(
    "--retire", "retired", is_flag=True, help="End the session of the collector of that name, which will not come back."
)
@pass_app
def command(app: App, name: str, retired: bool) -> None:
    """Take messages from the broker, store them, acknowledge and answer them, until told to end.

    Several share the load, each under a name of its own. The broker keeps its share of all messages for one that is
    away; one that will not come back must be retired."""
    logs.set_up(app.settings.log_format)
    if retired:
        retire(platform_broker(app), name)
        click.echo(f"Collector {name} is retired.")
        return
    metrics, one = counting(), collector(app, name)
    metrics.add(Gauge(BROKER_CONNECTED, one.listening.is_set))
    with until_told() as stop, watched(app, metrics, [partial(broker_fault, one)]):
        one.run(stop)

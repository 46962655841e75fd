"""`enermon demo`: a sample province on this machine, from the first message to the monthly report."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import click
from psycopg import Connection

from console import serving
from enermon import logs
from enermon.commands.serve import pages
from enermon.context import App, format_option, pass_app
from enermon.demo import live, steps, telling
from enermon.demo.live import Fleet
from enermon.demo.steps import Stopwatch
from enermon.metrics import counting
from enermon.running import collector, side_by_side, until_told, worker


@click.command()
@click.option("--once", is_flag=True, help="Print a summary and end, instead of going on with live messages.")
@click.option("--seed", type=click.IntRange(0, 2**31), help=f"Other random loads; {steps.SEED} if not said.")
@click.option("--force", is_flag=True, help="Use a configured database or broker, or one that holds other enterprises.")
@format_option
@pass_app
def command(app: App, once: bool, seed: int | None, force: bool, format: str) -> None:
    """Show everything with a sample province: 24 invented enterprises, 300 meters, thirteen months of history.

    The servers are embedded, in the data folder. A second start finds its data again and adds what has passed since.
    """
    steps.refuse_strangers(app, force)
    watch = Stopwatch(visible=format == "text")
    with ExitStack() as stack:
        with watch.step("servers"):
            conn = stack.enter_context(app.connect())
        steps.refuse_real_data(conn, force)
        if once:
            show_once(app, conn, seed, watch, format)
        else:
            stack.enter_context(_console(app))
            show_on(app, conn, seed, watch)


@contextmanager
def _console(app: App) -> Iterator[None]:
    """The console beside everything else, from the first reading on."""
    host, port = app.settings.console_host, app.settings.console_port
    with pages(app, counting()) as console, serving.serving(console, host, port) as address:
        click.echo(f"The console is at {address}")
        yield


def show_once(app: App, conn: Connection, seed: int | None, watch: Stopwatch, format: str) -> None:
    """History, reports and a round of live messages, then the summary."""
    past = steps.tell_the_past(app, conn, seed, watch)
    with until_told() as stop, side_by_side(stop, {"collector": lambda: collector(app).run(stop)}):
        with watch.step("live messages"), Fleet(past.province, steps.door(app), app.now()) as fleet:
            said = live.speak_once(fleet, past.province, past.until, app.now())
        with watch.step("live figures"):
            steps.settle(app, conn)
    with watch.step("data quality"):
        steps.assess(app, conn)
    with watch.step("chain"):
        verified, faults = steps.verify(app, conn)
    telling.tell(telling.summarise(conn, past, said, telling.Chain.of(verified, faults), watch.steps), format)


def show_on(app: App, conn: Connection, seed: int | None, watch: Stopwatch) -> None:
    """The same, and then on and on until told to end."""
    past = steps.tell_the_past(app, conn, seed, watch)
    logs.set_up(app.settings.log_format)
    with until_told() as stop:
        line = {"collector": lambda: collector(app).run(stop), "worker": worker(app, stop).run}
        with side_by_side(stop, line), Fleet(past.province, steps.door(app), app.now()) as fleet:
            live.speak_once(fleet, past.province, past.until, app.now())
            click.echo("Live messages arrive; Ctrl-C ends the demo, `enermon stop` its servers.")
            live.speak(fleet, past.province, app.now(), app.now, stop)

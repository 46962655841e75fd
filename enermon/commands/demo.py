"""`enermon demo`: a sample province on this machine, from the first message to the monthly report."""

import json
from collections import Counter
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import click
from psycopg import Connection

from enermon.context import App, format_option, pass_app
from enermon.demo import live, memory, steps
from enermon.demo.gateways import Tally
from enermon.demo.live import Fleet
from enermon.demo.memory import Memory
from enermon.demo.series import Province
from enermon.demo.steps import Stopwatch
from storage import summary

_LEVELS = ("red", "orange", "yellow", "blue")


@click.command()
@click.option("--once", is_flag=True, help="Print a summary and end, instead of going on with live messages.")
@click.option("--seed", type=click.IntRange(min=0), help=f"Another random sequence of the loads; {steps.SEED} if not said.")
@click.option("--force", is_flag=True, help="Use a configured database or broker, and one that holds other enterprises.")
@format_option
@pass_app
def command(app: App, once: bool, seed: int | None, force: bool, format: str) -> None:
    """Show everything with a sample province: 24 invented enterprises, about 300 meters, thirteen months of history.

    Servers are embedded, in the data folder. A second start finds its data again and adds what has passed since.
    """
    steps.refuse_strangers(app, force)
    watch = Stopwatch()
    with watch.step("start"):
        conn = app.connect()
    with conn:
        steps.refuse_real_data(conn, force)
        kept = steps.recall(app, seed)
        shown = steps.province(app, kept)
        told = fill(app, conn, shown, kept, watch, visible=format == "text")
        if once:
            echo(told, format)
            return
    stay(app, shown)


@dataclass(frozen=True)
class Told:
    """The summary of `--once`. `live`: what the receipts of the live messages said."""

    readings: int
    loaded: int
    rejected: dict[str, int]
    alerts: dict[str, int]
    reports: list[Path]
    live: Tally
    seconds: float
    steps: dict[str, float]

"""`enermon serve`: the console alone."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import click
from fastapi import FastAPI
from psycopg import Connection
from psycopg_pool import ConnectionPool

from console import serving
from console.app import create_app
from console.health import Watched
from console.site import Options
from enermon import logs, services
from enermon.context import App, pass_app
from enermon.metrics import POOL, Database, Gauge, Metrics, counting
from enermon.watch import Part, watched
from storage import database

POOL_SIZE = 8  # pages answered at once; more wait for a connection


@click.command()
@pass_app
def command(app: App) -> None:
    """Show the console, read-only, at console_host and console_port until it is told to end."""
    logs.set_up(app.settings.log_format)
    with pages(app, counting()) as console:
        click.echo(f"The console is at {serving.address(app.settings.console_host, app.settings.console_port)}")
        serving.serve(console, app.settings.console_host, app.settings.console_port)


@contextmanager
def pages(app: App, metrics: Metrics, parts: Sequence[Part] = ()) -> Iterator[FastAPI]:
    """The console over a read-only pool of its own, which ends with the block. parts: see `console.health`."""
    settings = app.settings
    hosts = serving.allowed_hosts(settings.console_host)
    options = Options(settings.zone, settings.language, hosts, settings.reports)
    with database.open_pool(services.database_dsn(settings), POOL_SIZE, read_only=True) as pool:
        metrics.add(Database(pool, app.now))
        metrics.add(Gauge(POOL, lambda: _connections(pool)))
        with watched(app, metrics, parts, pool):
            yield create_app(pool, options, app.now, Watched(metrics.text, parts))


def _connections(pool: ConnectionPool[Connection]) -> dict[str, float]:
    known = pool.get_stats()
    size, idle = known.get("pool_size", 0), known.get("pool_available", 0)
    return {"busy": size - idle, "idle": idle, "waiting": known.get("requests_waiting", 0)}

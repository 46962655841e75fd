"""`enermon serve`: the console alone."""

from collections.abc import Iterator
from contextlib import contextmanager

import click
from fastapi import FastAPI

from console import serving
from console.app import create_app
from console.site import Options
from enermon import services
from enermon.context import App, pass_app
from storage import database

POOL_SIZE = 8  # pages answered at once; more wait for a connection


@click.command()
@pass_app
def command(app: App) -> None:
    """Show the console, read-only, at console_host and console_port until it is told to end."""
    with pages(app) as console:
        click.echo(f"The console is at {serving.address(app.settings.console_host, app.settings.console_port)}")
        serving.serve(console, app.settings.console_host, app.settings.console_port)


@contextmanager
def pages(app: App) -> Iterator[FastAPI]:
    """The console over a read-only pool of its own, which ends with the block."""
    settings = app.settings
    hosts = serving.allowed_hosts(settings.console_host)
    options = Options(settings.zone, settings.language, hosts, settings.reports)
    with database.open_pool(services.database_dsn(settings), POOL_SIZE, read_only=True) as pool:
        yield create_app(pool, options, app.now)

"""`enermon stop`."""

import click

from enermon import services
from enermon.context import App, pass_app


@click.command()
@pass_app
def command(app: App) -> None:
    """End the embedded servers of this data folder; harmless if none run."""
    for name in services.stop(app.settings):
        click.echo(f"{name} has ended.")

"""`enermon migrate`."""

import click

from enermon import services
from enermon.context import App, pass_app
from storage import database


@click.command()
@pass_app
def command(app: App) -> None:
    """Bring the schema and the shipped reference data up to date."""
    with database.connect(services.database_address(app.settings)) as conn:
        fresh = services.prepare(conn, app.settings)
    for name in fresh:
        click.echo(f"{name} has been taken in.")
    click.echo("The schema is up to date.")

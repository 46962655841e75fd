"""`enermon export`."""

from pathlib import Path

import click

from enermon.context import App, pass_app
from storage import registry


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@pass_app
def command(app: App, folder: Path) -> None:
    """Write the registry into DIR as CSV files, which `enermon import` takes back without a change."""
    with app.connect() as conn, conn.transaction():
        files = registry.export(conn, folder, app.settings.zone)
    click.echo(f"{len(files)} registry files are in {folder}.")

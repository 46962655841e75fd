"""`enermon import`."""

import json
from dataclasses import asdict
from pathlib import Path

import click
from psycopg import Connection

from energy.refused import Refused
from enermon import services
from enermon.context import App, format_option, pass_app
from storage import registry, registry_files
from storage.registry_import import Mistakes, TableResult


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
@format_option
@pass_app
def command(app: App, files: tuple[Path, ...], format: str) -> None:
    """Take registry files (CSV or XLSX) into the database, each whole or not at all.

    The table is known by the name of the file or sheet. Several files are taken in the order in which they need one
    another; one that is refused does not stop the others.
    """
    results: list[TableResult] = []
    refusals: list[Refused] = []
    with app.connect() as conn:
        for file in sorted(files, key=registry_files.rank):
            try:
                results += _taken(app, conn, file)
            except Refused as refusal:
                refusals.append(refusal)
        if any(result.table == "enterprises" and result.moved for result in results):
            services.sync_accounts(app.settings, conn)
    click.echo(
        _as_json(results, refusals) if format == "json" else "\n".join(map(_sentence, results)), nl=bool(results)
    )
    if refusals:
        raise Refused("\n".join(map(str, refusals)))


def _taken(app: App, conn: Connection, file: Path) -> tuple[TableResult, ...]:
    with conn.transaction():
        return registry.import_file(conn, file, app.settings.zone)


def _sentence(result: TableResult) -> str:
    counts = f"{result.new} new, {result.changed} changed, {result.unchanged} unchanged"
    return f"{result.file}: {result.read} rows of {result.table}, {counts}.\n"


def _as_json(results: list[TableResult], refusals: list[Refused]) -> str:
    wrong = [mistake for refusal in refusals if isinstance(refusal, Mistakes) for mistake in refusal.mistakes]
    told = {"tables": [asdict(result) for result in results], "mistakes": [asdict(mistake) for mistake in wrong]}
    return json.dumps(told, ensure_ascii=False)

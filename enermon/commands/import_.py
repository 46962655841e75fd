"""`enermon import`: registry files into the database."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import click
from psycopg import Connection

from energy.refused import Refused
from enermon import intake, services
from enermon.context import App, format_option, pass_app
from enermon.output import print_json
from storage import registry, registry_files, returns
from storage.registry_import import Mistakes, TableResult


@dataclass
class _Outcome:
    """What became of all files. admitted: readings that had waited for a meter and are stored now."""

    tables: list[TableResult] = field(default_factory=list)
    refusals: list[Refused] = field(default_factory=list)
    admitted: int = 0

    def moved(self, table: str) -> bool:
        return any(each.table == table and each.moved for each in self.tables)


@click.command("import")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
@format_option
@pass_app
def command(app: App, files: Sequence[Path], format: str) -> None:
    """Take registry files (CSV or XLSX) into the database, each whole or not at all.

    The table is known by the name of the file or sheet. Several files are taken in the order in which they need one
    another; one that is refused does not stop the others.
    """
    with app.connect() as conn:
        outcome = _take(app, conn, files)
        if outcome.moved("enterprises"):
            services.sync_accounts(app.settings, conn)
        if outcome.moved("meters"):
            outcome.admitted = intake.admit(app, conn)
    _print(outcome, format)
    if outcome.refusals:
        raise Refused("\n".join(map(str, outcome.refusals)))


def _take(app: App, conn: Connection, files: Sequence[Path]) -> _Outcome:
    outcome = _Outcome()
    for file in sorted(files, key=registry_files.rank):
        try:
            with conn.transaction():
                returns.act_for(conn, app.actor)
                outcome.tables += registry.import_file(conn, file, app.settings.zone)
        except Refused as refusal:
            outcome.refusals.append(refusal)
    return outcome


def _print(outcome: _Outcome, format: str) -> None:
    if format == "json":
        wrong = [each for refusal in outcome.refusals if isinstance(refusal, Mistakes) for each in refusal.mistakes]
        tables, mistakes = [[asdict(each) for each in found] for found in (outcome.tables, wrong)]
        return print_json({"tables": tables, "mistakes": mistakes, "admitted": outcome.admitted})
    for each in outcome.tables:
        counts = f"{each.new} new, {each.changed} changed, {each.unchanged} unchanged"
        click.echo(f"{each.file}: {each.read} rows of {each.table}, {counts}.")
    if outcome.admitted:
        click.echo(f"{outcome.admitted} readings that had waited for their meter are stored now.")

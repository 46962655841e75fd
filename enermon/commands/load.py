"""`enermon load`: a file straight into storage."""

import sys
from pathlib import Path
from typing import Any

import click

from enermon.context import App, format_option, pass_app
from enermon.intake import limits
from enermon.output import print_json
from ingest import dialect
from ingest.dialect import Dialect
from ingest.load import Loaded, load

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("file", type=FILE)
@click.option("--enterprise", metavar="E", required=True, help="The enterprise's code.")
@click.option(
    "--dialect", "dialect_file", type=FILE, help="How the file is to be read; without it, as the contract says."
)
@format_option
@pass_app
def command(app: App, file: Path, enterprise: str, dialect_file: Path | None, format: str) -> None:
    """Store the readings of a CSV file, for a backfill. Doing it again stores nothing twice."""
    loaded = Loaded()
    with app.connect() as conn:
        for loaded in load(conn, file, enterprise, chosen(dialect_file), limits(app.settings), app.now):
            show_progress(f"{loaded.rows:,} rows, {loaded.accepted:,} readings stored")
    end_progress()
    if format == "json":
        print_json(figures(loaded))
    else:
        click.echo(sentence(loaded))


def chosen(file: Path | None) -> Dialect:
    return dialect.load(file) if file else Dialect()


def figures(done: Any) -> dict[str, Any]:
    """What became of a file, under the names that scripts know."""
    names = ("rows", "accepted", "duplicate", "conflict", "blank", "skipped")
    return {name: getattr(done, name) for name in names} | {
        "rejected": sum(done.rejected.values()),
        "reasons": dict(sorted(done.rejected.items())),
    }


def sentence(done: Any) -> str:
    told = figures(done)
    counts = ", ".join(f"{told[name]:,} {name}" for name in ("accepted", "duplicate", "conflict", "rejected"))
    reasons = "".join(f"\n  {count:,} {reason}" for reason, count in told["reasons"].items())
    return f"{told['rows']:,} rows: {counts}; {told['blank']:,} blank cells, {told['skipped']:,} rows skipped.{reasons}"


def show_progress(text: str) -> None:
    """One line on a terminal that is written over; nothing in a file or pipe."""
    if sys.stderr.isatty():
        click.echo(f"\r\033[K{text}", err=True, nl=False)


def end_progress() -> None:
    if sys.stderr.isatty():
        click.echo("\r\033[K", err=True, nl=False)

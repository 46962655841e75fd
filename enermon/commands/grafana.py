"""`enermon grafana`: the dashboards of an operator's Grafana, made from the same registry as everything else."""

import json
import secrets
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import get_args

import click
from psycopg import Connection

from deploy.grafana.panels import SOURCE
from deploy.grafana.places import places
from deploy.grafana.server import Server, access
from deploy.grafana.sync import Change, Done, Source, Wanted, sync, wanted
from energy.refused import Refused
from enermon import services
from enermon.context import App, format_option, pass_app
from enermon.output import print_json
from enermon.settings import Settings
from storage import hosting, viewer
from storage.viewer import Viewer

_FILE = "grafana.json"


@dataclass(frozen=True)
class Kept:
    """What `grafana.json` in the data folder keeps: the role's password, and by address what Grafana was told."""

    password: str = field(repr=False)
    told: Mapping[str, str]


@click.group()
def command() -> None:
    """Dashboards in a Grafana of yours: put there, kept up to date, and removed when no longer wanted."""


@command.command("sync")
@click.option("--language", type=click.Choice(["zh", "en"]), help="Of titles and columns; default is the setting.")
@click.option("--dry-run", is_flag=True, help="Say what would be done and write nothing, in Grafana or the database.")
@format_option
@pass_app
def sync_command(app: App, language: str | None, dry_run: bool, format: str) -> None:
    """Bring data source, folders and dashboards with their alert annotations into Grafana. Twice changes nothing."""
    settings = app.settings
    if settings.grafana is None:
        raise Refused("No Grafana is named: set grafana to its address, such as https://grafana.example.org.")
    where = access(settings.grafana, settings.grafana_token)
    server = Server(where)
    server.check()
    folder = hosting.data_folder(settings.data)
    with hosting.exclusive(folder / "grafana.lock"), app.connect() as conn:
        source = _source(conn, settings, folder / _FILE, where.url, dry_run)
        everything = wanted(places(viewer.regions(conn)), source, language or settings.language, settings.zone.key)
        changes = []
        for change in sync(server, everything, dry_run):
            changes.append(change)
            if change.kind == "data source" and not dry_run:
                told = {**_kept(folder / _FILE).told, where.url: _digest(source)}
                _keep(folder / _FILE, Kept(source.password, told))
            if format == "text" and change.done != "unchanged":
                click.echo(f"{change.done} {change.kind} {change.uid}: {change.title}")
    _sum_up(changes, everything, dry_run, format)
    if not dry_run and (complaint := server.complaint(SOURCE["uid"])):
        click.echo(
            f"Grafana cannot reach the database at {source.address}: {complaint}. Where it has another address for"
            " Grafana, set grafana_database.",
            err=True,
        )


def _source(conn: Connection, settings: Settings, file: Path, url: str, dry_run: bool) -> Source:
    """The data source, for whose role the database is prepared."""
    kept = _kept(file)
    own = Viewer(viewer.role_of(conn), settings.grafana_database_password or kept.password or secrets.token_urlsafe(24))
    if not dry_run:
        if not kept.password:
            _keep(file, Kept(own.password, kept.told))  # before the role has it: a password must not be lost
        if not viewer.may_enter(services.database_dsn(settings), own):
            viewer.admit(conn, own, settings.zone)
        viewer.show(conn, own)
    address, sslmode = viewer.address(conn)
    found = Source(settings.grafana_database or address, conn.info.dbname, sslmode, own.role, own.password, False)
    return Source(**{**asdict(found), "told": kept.told.get(url) == _digest(found)})


def _digest(source: Source) -> str:
    return sha256(f"{source.user}\n{source.password}".encode()).hexdigest()


def _kept(file: Path) -> Kept:
    try:
        return Kept(**json.loads(file.read_text("utf-8")))
    except FileNotFoundError:
        return Kept("", {})


def _keep(file: Path, kept: Kept) -> None:
    if kept != _kept(file):
        hosting.write_private(file, json.dumps(asdict(kept), indent=1) + "\n")


def _sum_up(changes: list[Change], everything: Wanted, dry_run: bool, format: str) -> None:
    counts = Counter(change.done for change in changes)
    if format == "json":
        print_json({"dry_run": dry_run, "counts": counts, "changes": [asdict(change) for change in changes]})
        return
    if not everything.folders:
        click.echo("No enterprise is registered yet: there is a data source and nothing to show.")
    told = ", ".join(f"{counts[done]} {done}" for done in get_args(Done) if done != "kept" or counts[done])
    click.echo(f"{'Nothing was written. It would be: ' if dry_run else ''}{told}.")

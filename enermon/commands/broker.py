"""`enermon broker`: an installed mosquitto, configured from the registry."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from urllib.parse import urlsplit

import click

from deploy import broker as embedded
from deploy import installed
from deploy.installed import Installed, Synced
from energy.refused import Refused
from enermon import services
from enermon.context import App, format_option, pass_app
from enermon.output import print_json
from enermon.settings import Settings
from storage import hosting, installation


@click.group()
def command() -> None:
    """A mosquitto of yours: its accounts, rights and configuration, made from the registry."""


@command.command("sync")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="The folder of mosquitto's files; it belongs to the user that mosquitto runs as.",
)
@click.option("--host", help="The name that gateways and the platform reach the broker by; kept for the next time.")
@click.option("--rotate", "rotated", multiple=True, metavar="E", help="Renew the password of this account, at once.")
@click.option("--reload", "reloading", metavar="COMMAND", help="What makes mosquitto read its files again.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and write nothing.")
@format_option
@pass_app
def sync_command(
    app: App, out: Path, host: str | None, rotated: tuple[str, ...], reloading: str | None, dry_run: bool, format: str
) -> None:
    """Give every registered enterprise that is not closed its account with mosquitto. Twice changes nothing."""
    desk = hosting.data_folder(app.settings.data)
    with hosting.exclusive(desk / "broker-sync.lock"), app.connect() as conn:
        mosquitto = Installed(out.absolute(), desk, host or _host(app.settings, desk), _options(app.settings))
        new = not (out / installed.CONFIGURATION).exists()
        synced = mosquitto.sync(installation.codes_with_account(conn), rotated, dry_run)
    if format == "json":
        print_json({"dry_run": dry_run, **asdict(synced)})
    else:
        for line in _told(synced, dry_run):
            click.echo(line)
    if synced.files and not dry_run:
        click.echo(_bring_along(out.absolute(), synced, new, reloading), err=format == "json")


def _host(settings: Settings, desk: Path) -> str:
    """The name in the platform's own address, as it was told or synced before."""
    kept = desk / "broker-url"
    url = settings.broker or (kept.read_text("utf-8") if kept.exists() else "")
    if name := urlsplit(url).hostname:
        return name
    raise Refused("By which name do gateways reach the broker? Say it once: --host broker.example.org; its certificate"
                  " must be of that name.")  # fmt: skip


def _options(settings: Settings) -> embedded.Options:
    options = services.broker_options(settings)
    if options.tls is None:
        raise Refused("An installed broker is reached over TLS only: set broker_tls_certificate and broker_tls_key to"
                      " its certificate and key. deploy/broker_certificates.sh makes a first pair.")  # fmt: skip
    return options


def _told(synced: Synced, dry_run: bool) -> Iterator[str]:
    for change in synced.changes:
        where = f"; its password is in {change.handed}" if change.handed and not dry_run else ""
        yield f"{change.done} {change.user}{where}"
    counts = ", ".join(f"{_count(synced, done)} {done}" for done in ("made", "rotated", "removed"))
    files = f"written: {', '.join(synced.files)}" if synced.files else "no file of mosquitto's is different"
    yield f"{'Nothing was written. It would be: ' if dry_run else ''}{synced.accounts} accounts, {counts}; {files}."


def _count(synced: Synced, done: str) -> int:
    return sum(change.done == done for change in synced.changes)


def _bring_along(out: Path, synced: Synced, new: bool, reloading: str | None) -> str:
    """Have mosquitto read what is new: passwords and rights it reads again, a listener only when it starts."""
    if new:
        return f"Start mosquitto with this configuration: mosquitto -c {out / installed.CONFIGURATION}"
    if reloading:
        installed.reload_by(reloading)
    elif not installed.reload_by_pid(out):
        return "mosquitto was not found here, and has read nothing yet: have it reload, or say how with --reload."
    if installed.CONFIGURATION in synced.files:
        return "mosquitto has read its accounts again. Its configuration is another one, too: restart it."
    return "mosquitto has read its accounts again; who had an old password is disconnected."

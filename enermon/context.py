"""What every command is given: the settings, who acts, a connection, the time."""

import getpass
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import click
from psycopg import Connection

from enermon import services
from enermon.settings import Settings
from storage import database


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class App:
    """One run of the program. `actor` is who acts, for the record of corrections and alerts."""

    settings: Settings
    actor: str
    clock: Callable[[], datetime] = _utc_now

    def connect(self) -> Connection:
        """A connection to the migrated database, whose embedded server is started if need be."""
        return database.connect(services.database_dsn(self.settings))

    def now(self) -> datetime:
        """The present instant, in UTC."""
        return self.clock()


pass_app = click.make_pass_decorator(App)

format_option = click.option(
    "--format",
    "format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How data is printed; passed to the command as `format`.",
)


def user_name() -> str:
    """The operating-system user, for whoever does not say `--as`."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid-{os.geteuid()}"  # a container may run under a number that has no name

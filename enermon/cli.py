"""The command line: names, who acts, and how a refusal is told.

A command is the object `command` of its module under `enermon/commands/`, imported when it is asked for, so that
`enermon --help` does not wait for pandas. Exit codes: 0 done, 1 refused or failed (one sentence on standard error), 2
wrong usage.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import IO, Any

import click
import psycopg

from energy.refused import Refused
from enermon import settings
from enermon.context import App, user_name

COMMANDS = (
    "demo", "run", "collect", "work", "serve", "stop", "migrate", "import", "export", "replay", "load", "usage",
    "explain", "quality", "balance", "correct", "estimate", "alerts", "report", "grafana", "broker", "check",
)  # fmt: skip
_MODULES = {"import": "import_"}  # a word of Python's own
_HELP_ASKED = "enermon.help_asked"


class _Told(click.ClickException):
    """A refusal, printed as it is."""

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(self.message, file=file, err=file is None)


@contextmanager
def _expected_errors() -> Iterator[None]:
    """Errors that are no fault of the program end in one sentence each instead of a traceback."""
    try:
        yield
    except Refused as error:
        raise _Told(str(error)) from error
    except psycopg.OperationalError as error:
        raise _Told(f"The database does not answer: {_first_line(error)}") from error
    except BrokenPipeError:
        raise  # whoever read our output has had enough; click ends quietly
    except OSError as error:
        raise _Told(f"{error.filename or 'The system'}: {error.strerror or error}.") from error


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


class Commands(click.Group):
    """The contract's commands, in its order; one whose module does not exist is not there."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name in COMMANDS if find_spec(_module(name))]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        command: click.Command = import_module(_module(cmd_name)).command
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta[_HELP_ASKED] = "--help" in args
        return super().parse_args(ctx, _actor_first(args))

    def invoke(self, ctx: click.Context) -> Any:
        with _expected_errors():
            return super().invoke(ctx)


def _actor_first(args: list[str]) -> list[str]:
    """`--as NAME` may stand anywhere: it is every command's, and read once."""
    ours: list[str] = []
    rest = list(args)
    while "--as" in rest[:-1]:
        place = rest.index("--as")
        ours += rest[place : place + 2]
        del rest[place : place + 2]
    joined = [word for word in rest if word.startswith("--as=")]
    return [*ours, *joined, *(word for word in rest if word not in joined)]


def _module(name: str) -> str:
    return f"enermon.commands.{_MODULES.get(name, name)}"


@click.group(cls=Commands)
@click.option("--as", "actor", metavar="NAME", help="Who acts; default is the operating-system user.")
@click.pass_context
def cli(ctx: click.Context, actor: str | None) -> None:
    """Enermon receives metered energy, converts it to coal equivalent and CO2, judges, warns and reports."""
    if not ctx.meta[_HELP_ASKED]:  # help is given even where the settings are wrong
        ctx.obj = App(settings.load(os.environ), actor or user_name())


def main() -> None:
    cli(prog_name="enermon")

"""What a demo does, step by step, each through the same functions that the commands and the worker use."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

import click
from psycopg import Connection

from energy.periods import day_of, month_of, previous_month
from energy.refused import Refused
from enermon import services
from enermon.commands.report import bring_up_to_date
from enermon.context import App
from enermon.demo import backfill, memory, sample, series
from enermon.demo.gateways import Door
from enermon.demo.memory import Memory
from enermon.demo.series import Province
from enermon.services import BrokerAccess
from reports import monthly
from storage import installation, registry, report_runs, reports

SEED = 7


@dataclass
class Stopwatch:
    """Seconds that each step took, in order."""

    begun: float = field(default_factory=monotonic)
    steps: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        begun = monotonic()
        yield
        self.steps[name] = self.steps.get(name, 0.0) + monotonic() - begun

    @property
    def seconds(self) -> float:
        return monotonic() - self.begun


def refuse_strangers(app: App, force: bool) -> None:
    """A demo fills a database with invented enterprises: never one that somebody configured, unless told to."""
    named = [name for name in ("database", "broker") if getattr(app.settings, name)]
    if named and not force:
        variables = " and ".join(f"ENERMON_{name.upper()}" for name in named)
        raise Refused(f"The demo writes invented enterprises and {variables} is set: unset it, or say --force to use it.")


def refuse_real_data(conn: Connection, force: bool) -> None:
    """Nor one in which real enterprises are registered."""
    others = set(installation.enterprise_codes(conn)) - sample.codes()
    if others and not force:
        raise Refused(
            f"This database holds {len(others)} enterprises that are not the sample's, {min(others)} among them:"
            " set ENERMON_DATA to another folder, or say --force to put the sample beside them."
        )


def recall(app: App, seed: int | None) -> Memory:
    """What an earlier start left, or the beginning of a new demo that ends its history at the present hour."""
    kept = memory.recall(app.settings.data)
    if kept is None:
        hour = app.now().replace(minute=0, second=0, microsecond=0)
        return Memory(SEED if seed is None else seed, hour)
    if seed not in (None, kept.seed):
        raise Refused(f"The demo in {app.settings.data} began with --seed {kept.seed}; use that, or another data folder.")
    return kept


def province(app: App, kept: Memory) -> Province:
    loads, faults = series.read_loads(sample.FOLDER), series.read_faults(sample.FOLDER)
    return Province(loads, faults, kept.anchor, kept.seed, app.settings.zone)


def register(app: App, conn: Connection, shown: Province) -> None:
    """Import the sample's registry files; a second time only what is new changes anything."""
    with TemporaryDirectory() as folder:
        for path in sample.write(Path(folder), shown, app.now()):
            with conn.transaction():
                registry.import_file(conn, path, app.settings.zone)


def load_history(app: App, conn: Connection, shown: Province, kept: Memory, visible: bool) -> int:
    """Store what is missing up to the present hour; returns how many readings that were."""
    until = app.now().replace(minute=0, second=0, microsecond=0)
    history = backfill.missing(shown, kept.loaded, until)
    with click.progressbar(length=len(history), label="history", hidden=not visible, file=click.get_text_stream("stderr")) as bar:
        for loaded, count in backfill.store(conn, shown, history, app.now):
            memory.remember(app.settings.data, replace(kept, loaded=loaded))
            bar.update(count)
    memory.remember(app.settings.data, replace(kept, loaded=until))
    return len(history)


def write_reports(app: App, conn: Connection) -> list[Path]:
    """Last month's reports of all enterprises and regions that have none yet; the console offers them."""
    now, zone = app.now(), app.settings.zone
    month = previous_month(month_of(day_of(now, zone)))
    folder = app.settings.reports / month.name
    written: list[Path] = []
    for scope, code in reports.subjects(conn):
        if not (folder / f"{code}-{month.name}.html").exists():
            with conn.transaction():
                paths = monthly.write(conn, month, scope, code, folder, monthly.DEFAULT_FORMATS, now, zone)
                names = [path.relative_to(app.settings.reports).as_posix() for path in paths]
                report_runs.record(conn, scope, code, month.name, names, now)
            written += paths
    return written


def settle(app: App, conn: Connection) -> None:
    """Figures and judgements of everything that has come."""
    bring_up_to_date(conn, app.now(), app.settings.zone)


def door(app: App, access: BrokerAccess) -> Door:
    """Where gateways come in: with their enterprises' own accounts, or with the platform's at an operator's broker."""
    if app.settings.broker:
        everyone = (access.user or "", access.password or "")
        return Door(access.host, access.port, dict.fromkeys(sample.codes(), everyone), access.tls, access.ca)
    told = json.loads((app.settings.data / "connect.json").read_text("utf-8"))
    accounts = {code: (each["user"], each["password"]) for code, each in told["broker"]["accounts"].items()}
    return Door(access.host, access.port, accounts)


def start_broker(app: App) -> BrokerAccess:
    """The broker, with an account for each of the sample's enterprises."""
    return services.broker(app.settings)

"""What a demo does, step by step, each through the same functions that the commands and the worker use."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import TypeVar

import click
from psycopg import Connection

from alerts import channels, notify, silence
from energy.periods import Period, day_of, month_of, previous_month
from energy.refused import Refused
from enermon import services
from enermon.commands.report import bring_up_to_date
from enermon.context import App
from enermon.demo import backfill, memory, sample, series
from enermon.demo.gateways import Door
from enermon.demo.memory import Memory
from enermon.demo.series import Province
from enermon.stations import report_writer
from reports import monthly, schedule
from storage import installation, registry, report_runs, reports, rollup

SEED = 7
_CHUNKS_A_ROUND = 4
T = TypeVar("T")


@dataclass
class Stopwatch:
    """Seconds that each step took, in order; `visible`: steps are told on standard error as they begin."""

    visible: bool
    steps: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        if self.visible:
            click.echo(f"{name} …", err=True)
        with self.timed(name):
            yield

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """The same for a part of a step that comes again and again."""
        begun = monotonic()
        yield
        self.steps[name] = self.steps.get(name, 0.0) + monotonic() - begun


def refuse_strangers(app: App, force: bool) -> None:
    """A demo fills a database with invented enterprises: never one that somebody configured, unless told to."""
    named = [name for name in ("database", "broker") if getattr(app.settings, name)]
    if named and not force:
        variables = " and ".join(f"ENERMON_{name.upper()}" for name in named)
        raise Refused(
            f"The demo writes invented enterprises and {variables} is set: unset it, or say --force to use it."
        )


def refuse_real_data(conn: Connection, force: bool) -> None:
    """Nor one in which real enterprises are registered."""
    others = set(installation.enterprise_codes(conn)) - sample.codes()
    if others and not force:
        raise Refused(
            f"This database holds {len(others)} enterprises that are not the sample's, {min(others)} among them:"
            " set ENERMON_DATA to another folder, or say --force to put the sample beside them."
        )


def recall(app: App, conn: Connection, seed: int | None) -> Memory:
    """What an earlier start left, or the beginning of a new demo that ends its history at the present hour."""
    kept = memory.recall(app.settings.data)
    if kept is None or not sample.codes() <= set(installation.enterprise_codes(conn)):
        return Memory(SEED if seed is None else seed, hour_of(app.now()))
    if seed is not None and seed != kept.seed:
        raise Refused(
            f"The demo in {app.settings.data} began with --seed {kept.seed}; use that, or another data folder."
        )
    return kept


def hour_of(now: datetime) -> datetime:
    """The beginning of the hour, up to which history reaches."""
    return now.replace(minute=0, second=0, microsecond=0)


def province(app: App, kept: Memory) -> Province:
    loads, faults = series.read_loads(sample.FOLDER), series.read_faults(sample.FOLDER)
    return Province(loads, faults, kept.anchor, kept.seed, app.settings.zone)


def register(app: App, conn: Connection, shown: Province) -> None:
    """Import the sample's registry files; a second time only what is new changes anything."""
    with TemporaryDirectory() as folder:
        for path in sample.write(Path(folder), shown, app.now()):
            with conn.transaction():
                registry.import_file(conn, path, app.settings.zone)


def load_history(app: App, conn: Connection, shown: Province, kept: Memory, until: datetime, watch: Stopwatch) -> int:
    """Store what is missing up to that hour and make figures of it, with a progress bar; returns how many readings.

    Figures follow every few chunks, as they would behind a long backfill: all at once would take gigabytes of memory.
    """
    with watch.timed("history"):
        history = backfill.missing(shown, kept.loaded, until)
        chunks = enumerate(backfill.store(conn, shown, history, app.now), 1)
    label, hidden = "history", not watch.visible
    with click.progressbar(length=len(history), label=label, hidden=hidden, file=sys.stderr) as bar:
        while chunk := _next(chunks, watch):
            number, (loaded, count) = chunk
            memory.remember(app.settings.data, replace(kept, loaded=loaded))
            if number % _CHUNKS_A_ROUND == 0:
                _drain(app, conn, watch)
            bar.update(count)
    _drain(app, conn, watch)
    memory.remember(app.settings.data, replace(kept, loaded=until))
    return len(history)


def _next(chunks: Iterator[T], watch: Stopwatch) -> T | None:
    with watch.timed("history"):
        return next(chunks, None)


def _drain(app: App, conn: Connection, watch: Stopwatch) -> None:
    with watch.timed("figures"):
        rollup.drain(conn, app.settings.zone, app.now())


def write_reports(app: App, conn: Connection) -> list[Path]:
    """Last month's reports, by their schedule; early in a month, when they are not due yet, by hand."""
    now, settings = app.now(), app.settings
    month = previous_month(month_of(day_of(now, settings.zone)))
    folder = settings.reports / month.name
    before = set(folder.glob("*"))
    schedule.plan(conn, now, settings.zone)
    while schedule.work(conn, now, report_writer(app)):
        pass
    for scope, code in reports.subjects(conn):
        if not (folder / f"{code}-{month.name}.html").exists():
            _write_by_hand(app, conn, month, scope, code)
    return sorted(set(folder.glob("*")) - before)


def _write_by_hand(app: App, conn: Connection, month: Period, scope: str, code: str) -> None:
    now, settings = app.now(), app.settings
    folder = settings.reports / month.name
    with conn.transaction():
        paths = monthly.write(conn, month, scope, code, folder, monthly.DEFAULT_FORMATS, now, settings.zone)
        names = [path.relative_to(settings.reports).as_posix() for path in paths]
        report_runs.record(conn, scope, code, month.name, names, now)


def settle(app: App, conn: Connection) -> None:
    """Figures and judgements of everything that has come, and of what has not."""
    bring_up_to_date(conn, app)
    settings = app.settings
    routes = notify.routes(channels.of_urls(settings.channels))
    with conn.transaction():
        silence.work(conn, app.now(), settings.zone, routes=routes, language=settings.language)


def door(app: App) -> Door:
    """Where gateways come in: with their enterprises' own accounts, or with the platform's at an operator's broker.

    The broker is started if need be, with an account for each registered enterprise.
    """
    access = services.broker(app.settings)
    if app.settings.broker:
        everyone = (access.user or "", access.password or "")
        return Door(access.host, access.port, dict.fromkeys(sample.codes(), everyone), access.tls, access.ca)
    told = json.loads((app.settings.data / "connect.json").read_text("utf-8"))
    accounts = {code: (each["user"], each["password"]) for code, each in told["broker"]["accounts"].items()}
    return Door(access.host, access.port, accounts)


@dataclass(frozen=True)
class Past:
    """What was told before the live messages: history up to `until`, `loaded` readings of it by this start."""

    province: Province
    until: datetime
    loaded: int
    reports: tuple[str, ...]


def tell_the_past(app: App, conn: Connection, seed: int | None, watch: Stopwatch) -> Past:
    """Registry, history, figures, judgements and last month's reports, as far as they are not there yet."""
    kept, until = recall(app, conn, seed), hour_of(app.now())
    shown = province(app, kept)
    with watch.step("registry"):
        register(app, conn, shown)
    loaded = load_history(app, conn, shown, kept, until, watch)
    with watch.step("judgements"):
        settle(app, conn)
    with watch.step("reports"):
        files = write_reports(app, conn)
    return Past(shown, until, loaded, tuple(map(str, files)))

"""What a demo does, step by step, each through the same functions that the commands and the worker use."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
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
from enermon.demo import backfill, memory, records, sample, series
from enermon.demo.gateways import Door
from enermon.demo.memory import Memory
from enermon.demo.series import Province
from enermon.stations import report_writer
from reports import monthly, schedule
from storage import gateways, installation, integrity, quality_store, registry, report_runs, reports, rollup
from storage.integrity import Tally

SEED = 7
VERIFIED = timedelta(days=7)  # what the summary looks at; `enermon check --integrity` looks at everything
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
    """Import the sample's registry files and what was decided of them; a second time only what is new changes it."""
    with TemporaryDirectory() as folder:
        for path in sample.write(Path(folder), shown, app.now()):
            with conn.transaction():
                registry.import_file(conn, path, app.settings.zone)
    with conn.transaction():
        records.approve(conn, sample.FOLDER, shown, app.now())
    tell_silence(conn, shown)


def tell_silence(conn: Connection, shown: Province) -> None:
    """What the broker would have said of gateways that fell silent in history: their last will, at that moment."""
    ids = {each.code: each.id for each in registry.enterprises(conn)}
    with conn.transaction():
        for fault in shown.faults:
            if fault.fault == "silent" and not fault.meter:
                since = shown.before(fault.hours_before)
                gateways.set_state(conn, ids[fault.enterprise], fault.gateway, "offline", since)


def estimate(app: App, conn: Connection, shown: Province) -> None:
    """Estimates stand on figures of the days around the gap, so they come after these, and make some anew."""
    with conn.transaction():
        made = records.estimate(conn, shown, app.now())
    if made:
        rollup.drain(conn, app.settings.zone, app.now())


def assess(app: App, conn: Connection) -> None:
    """The data quality of this month and the last, as far as it is due: the worker's own station, one at a time."""
    due = 1
    while due:
        with conn.transaction():
            due = quality_store.work(conn, app.now(), app.settings.zone)


def verify(app: App, conn: Connection) -> tuple[Tally, int]:
    """What was looked at of the chains of the last days, and how many faults there are."""
    today, tally = day_of(app.now(), app.settings.zone), Tally()
    scope = integrity.scope_of(conn, None, today - VERIFIED, None, app.settings.zone)
    conn.commit()
    return tally, sum(1 for _ in integrity.check(conn, scope, tally))


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
    with watch.step("estimates"):
        estimate(app, conn, shown)
    with watch.step("judgements"):
        settle(app, conn)
    with watch.step("reports"):
        files = write_reports(app, conn)
    conn.commit()  # reading has opened a transaction, in which nothing that follows would be committed
    return Past(shown, until, loaded, tuple(map(str, files)))

"""What runs until it is told to end: signals, and the parts of the program side by side."""

import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import Event, Thread
from types import FrameType
from typing import TYPE_CHECKING

from psycopg import Connection

from energy.refused import Refused
from enermon import services
from enermon.context import App
from enermon.intake import limits
from ingest.broker import Broker
from ingest.collector import Collector
from storage import database, turns

if TYPE_CHECKING:
    from enermon.worker import Worker


_NAME_PATIENCE_S, _NAME_PAUSE_S = 10.0, 0.1


@contextmanager
def until_told() -> Iterator[Event]:
    """An event that SIGTERM and SIGINT set while the block runs; a second signal does what it does by default."""
    stop = Event()

    def told(number: int, frame: FrameType | None) -> None:
        stop.set()
        for each in before:
            signal.signal(each, before[each])

    before = {each: signal.signal(each, told) for each in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for each in before:
            signal.signal(each, before[each])


def platform_broker(app: App) -> Broker:
    """The broker of the settings, with the platform's account."""
    access = services.broker(app.settings)
    return Broker(access.host, access.port, access.session, access.user, access.password, access.tls, access.ca)


def collector(app: App, name: str = "1") -> Collector:
    """A collector over the broker and database of the settings; its session hangs on the name, which it alone bears."""
    broker, dsn = platform_broker(app), services.database_dsn(app.settings)
    return Collector(broker, lambda: _connect_as(dsn, name), limits(app.settings), app.now, name=name)


def _connect_as(dsn: str, name: str) -> Connection:
    """A collector's connection. Refused while another collector has one: the two would take the broker's session from
    each other, over and over. One that was only just killed is waited for.
    """
    conn, until = database.connect(dsn), time.monotonic() + _NAME_PATIENCE_S
    while not turns.take_name(conn, f"collector {name}"):
        if time.monotonic() > until:
            conn.close()
            raise Refused(f"Another collector runs under the name {name!r}; give each a name of its own with --name.")
        time.sleep(_NAME_PAUSE_S)
    return conn


def broker_fault(collector: Collector) -> str | None:
    """Why the collector takes nothing; None if it does."""
    return None if collector.listening.is_set() else "the collector is not connected to the broker"


def worker(app: App, stop: Event) -> "Worker":
    """The worker over the database as it is found now; one that goes away is waited for, not started anew."""
    # Here, because the stations bring pandas along, and a collector alone should not carry its 50 MB.
    from enermon.stations import stations
    from enermon.worker import Worker

    dsn = services.database_dsn(app.settings)
    return Worker(stations(app), lambda: database.connect(dsn), app.now, stop)


class _Part(Thread):
    """One part in a thread of its own. When it ends, for whatever reason, the others are told to."""

    def __init__(self, name: str, run: Callable[[], None], stop: Event):
        super().__init__(name=name)
        self.failure: BaseException | None = None
        self._work, self._stop_all = run, stop

    def run(self) -> None:
        try:
            self._work()
        except BaseException as failure:
            self.failure = failure
        finally:
            self._stop_all.set()


@contextmanager
def side_by_side(stop: Event, parts: Mapping[str, Callable[[], None]]) -> Iterator[None]:
    """Run parts, each until `stop`, while the block runs; ends with the first failure of one of them, if any."""
    threads = [_Part(name, run, stop) for name, run in parts.items()]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    for thread in threads:
        if thread.failure is not None:
            raise thread.failure

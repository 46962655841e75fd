"""The worker: asks every station of the line for work, again and again.

A unit of work returns whether it found any. Each station works in transactions of its own, and one that fails rests for
a while and lets the others go on. Stations that look at the clock rather than at the data become due by APScheduler,
which knows nothing else; what is to be done is always in the tables, so a worker may end and begin at any moment.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from threading import Event
from zoneinfo import ZoneInfo

import psycopg
from psycopg import Connection

from energy.periods import day_of
from reports.clock import Job, start_clock, stop_clock
from storage import telemetry
from storage.telemetry import Work

log = logging.getLogger(__name__)

IDLE_S = 0.5
_FIRST_REST_S, _LONGEST_REST_S = 1.0, 300.0
_LONG_LOOK_S = 0.5
_STUCK_S = 900.0


@dataclass(frozen=True)
class Station:
    """`work` does one unit and returns how much it found; 0 sends the worker on. It may commit by itself.

    `every`: looks no more often than that; zero for stations that find their work in the tables at once.
    """

    name: str
    work: Callable[[Connection, datetime], int]
    every: timedelta = timedelta(0)


@dataclass
class Post:
    """A station while the worker runs: whether it is due, and how long it rests after failing."""

    station: Station
    due: Event = field(default_factory=Event)
    failures: int = 0
    rests_until: float = 0.0

    def is_ready(self, seconds: float) -> bool:
        return self.due.is_set() and seconds >= self.rests_until

    def settled(self, found: int) -> None:
        """It did its work; a timed station that found none is due again when the clock says so."""
        self.failures = 0
        if not found and self.station.every:
            self.due.clear()

    def failed(self, seconds: float) -> float:
        """It failed; returns the seconds for which it rests."""
        rest = min(_LONGEST_REST_S, _FIRST_REST_S * 2.0**self.failures)
        self.failures, self.rests_until = self.failures + 1, seconds + rest
        return rest


@dataclass
class Pulse:
    """What a worker is at, for whoever watches from another thread; since: of the monotonic clock."""

    station: str = ""
    since: float | None = None

    @contextmanager
    def at(self, station: str) -> Iterator[None]:
        self.station, self.since = station, time.monotonic()
        try:
            yield
        finally:
            self.since = None

    def seconds(self) -> float:
        """For how long it has been at its present unit of work; 0 between two."""
        since = self.since
        return time.monotonic() - since if since is not None else 0.0


@dataclass(frozen=True)
class Worker:
    """`connect` opens a connection to the migrated database, `now` tells the time, `stop` ends the loop soon."""

    stations: Sequence[Station]
    connect: Callable[[], Connection]
    now: Callable[[], datetime]
    stop: Event
    pulse: Pulse = field(default_factory=Pulse)

    def why_not_ready(self) -> str | None:
        """A unit of work that has lasted so long is stuck, most likely; what it would be, nobody else can do."""
        seconds = self.pulse.seconds()
        return f"the worker has been at {self.pulse.station} for {seconds:.0f} s" if seconds > _STUCK_S else None

    def run(self) -> None:
        """Work until `stop`. A database that goes away is waited for."""
        posts = [Post(station) for station in self.stations]
        for post in posts:
            post.due.set()
        with _clock(posts):
            while not self.stop.is_set():
                try:
                    with self.connect() as conn:
                        self._serve(conn, posts)
                except psycopg.OperationalError as lost:
                    log.warning("the database does not answer, trying again: %s", str(lost).strip())
                    self.stop.wait(_FIRST_REST_S)

    def _serve(self, conn: Connection, posts: Sequence[Post]) -> None:
        """Rounds over the stations until `stop`; raises OperationalError when the connection is lost."""
        while not self.stop.is_set():
            if not self.round(conn, posts):
                self.stop.wait(IDLE_S)

    def round(self, conn: Connection, posts: Sequence[Post]) -> int:
        """One unit of work of every station that is ready; returns how much was found."""
        found = 0
        for post in posts:
            if post.is_ready(time.monotonic()) and not self.stop.is_set():
                found += self._turn(conn, post)
        return found

    def _turn(self, conn: Connection, post: Post) -> int:
        began = time.monotonic()
        with telemetry.unit() as counts, self.pulse.at(post.station.name):
            try:
                found = post.station.work(conn, self.now())
                conn.commit()
            except Exception as failure:
                if conn.closed or conn.broken:
                    raise psycopg.OperationalError(str(failure)) from failure
                conn.rollback()
                _report_failure(post, time.monotonic() - began)
                return 0
        post.settled(found)
        _report(Work(post.station.name, found, time.monotonic() - began, counts))
        return found


def _report(work: Work) -> None:
    """A line for every unit of work; to look and find nothing is none, unless it took long."""
    if work.found or work.counts or work.seconds >= _LONG_LOOK_S:
        telemetry.tell(log, work)


def _report_failure(post: Post, seconds: float) -> None:
    work = Work(post.station.name, 0, seconds, failed=True)
    rest = post.failed(time.monotonic())
    log.exception("%s failed and rests for %.0f s", work.station, rest, extra={telemetry.WORK: work})


@contextmanager
def _clock(posts: Sequence[Post]) -> Iterator[None]:
    """Marks timed stations as due; the first time they are due at once."""
    jobs = [
        Job(post.station.name, post.due.set, post.station.every.total_seconds()) for post in posts if post.station.every
    ]
    clock = start_clock(jobs)
    try:
        yield
    finally:
        stop_clock(clock)


class NewDay:
    """Calls something at the first look of each local day: what stands on a path to date moves with it."""

    def __init__(self, begin: Callable[[Connection], None], zone: ZoneInfo):
        self._begin = begin
        self._zone = zone
        self._day: date | None = None

    def __call__(self, conn: Connection, now: datetime) -> int:
        today = day_of(now, self._zone)
        if today == self._day:
            return 0
        self._begin(conn)
        self._day = today
        return 1

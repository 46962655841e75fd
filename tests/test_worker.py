"""The worker's loop: stations take turns, and one that fails does not stop the others."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Event, Thread
from zoneinfo import ZoneInfo

import psycopg
import pytest
from psycopg import Connection

from enermon.worker import NewDay, Post, Station, Worker
from storage import database

NOW = datetime(2026, 11, 21, 2, tzinfo=UTC)
SHANGHAI = ZoneInfo("Asia/Shanghai")
Work = Callable[[Connection, datetime], int]


def worker(dsn: str, *stations: Station, stop: Event | None = None) -> Worker:
    return Worker(stations, lambda: database.connect(dsn), lambda: NOW, stop or Event())


def finds(*amounts: int) -> tuple[Work, list[datetime]]:
    """A unit of work that finds so much each time it is asked, and the times at which it was."""
    left, asked = list(amounts), []

    def work(conn: Connection, now: datetime) -> int:
        asked.append(now)
        return left.pop(0) if left else 0

    return work, asked


def due(station: Station) -> Post:
    post = Post(station)
    post.due.set()
    return post


def fails(conn: Connection, now: datetime) -> int:
    conn.execute("INSERT INTO region (code, name) VALUES ('1', 'half done')")
    raise ValueError("a bad row")


def test_every_station_gets_one_turn_in_a_round(dsn: str, conn: Connection) -> None:
    one, asked_one = finds(2)
    other, asked_other = finds(3)
    line = [due(Station("one", one)), due(Station("other", other))]
    assert worker(dsn).round(conn, line) == 5
    assert (asked_one, asked_other) == ([NOW], [NOW])


def test_a_station_that_fails_leaves_nothing_half_done_and_lets_the_next_one_work(
    dsn: str, conn: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    good, asked = finds(1)
    assert worker(dsn).round(conn, [due(Station("judge", fails)), due(Station("notify", good))]) == 1
    assert asked == [NOW]
    assert conn.execute("SELECT count(*) FROM region WHERE code = '1'").fetchone() == (0,)
    assert "judge failed and rests for 1 s" in caplog.text


def test_a_station_that_keeps_failing_rests_longer_each_time_but_never_longer_than_five_minutes() -> None:
    post = due(Station("judge", fails))
    rests = [post.failed(100.0) for _ in range(12)]
    assert rests[:4] == [1, 2, 4, 8] and rests[-1] == 300
    assert not post.is_ready(399.9) and post.is_ready(400)
    post.settled(0)
    assert post.failed(500.0) == 1


def test_a_timed_station_that_found_nothing_waits_for_the_clock() -> None:
    timed, prompt = due(Station("silence", fails, timedelta(minutes=1))), due(Station("rollup", fails))
    for post in (timed, prompt):
        post.settled(0)
    assert not timed.is_ready(0) and prompt.is_ready(0)


def test_a_timed_station_that_found_something_goes_on_until_nothing_is_left() -> None:
    post = due(Station("reports", fails, timedelta(minutes=1)))
    post.settled(1)
    assert post.is_ready(0)


def test_what_stands_on_the_day_is_begun_once_a_local_day(conn: Connection) -> None:
    begun: list[Connection] = []
    day = NewDay(begun.append, SHANGHAI)
    late, midnight = datetime(2026, 11, 21, 15, 59, tzinfo=UTC), datetime(2026, 11, 21, 16, tzinfo=UTC)
    assert [day(conn, at) for at in (NOW, late, midnight, midnight)] == [1, 0, 1, 0]
    assert len(begun) == 2


def test_a_worker_whose_connection_is_cut_works_on_with_a_new_one(dsn: str) -> None:
    stop, seen = Event(), []

    def work(conn: Connection, now: datetime) -> int:
        seen.append(conn.info.backend_pid)
        if len(seen) == 1:
            with psycopg.connect(dsn, autocommit=True) as other:
                other.execute("SELECT pg_terminate_backend(%s)", (seen[0],))
            conn.execute("SELECT 1")
        stop.set()
        return 1

    thread = Thread(target=worker(dsn, Station("rollup", work), stop=stop).run)
    thread.start()
    thread.join(10)
    assert len(seen) == 2 and seen[0] != seen[1]


def test_a_worker_stops_soon_when_asked(dsn: str) -> None:
    idle, _ = finds()
    stop = Event()
    thread = Thread(
        target=worker(dsn, Station("rollup", idle), Station("clock", idle, timedelta(hours=1)), stop=stop).run
    )
    thread.start()
    stop.set()
    thread.join(5)
    assert not thread.is_alive()

"""How fast readings come in, beside binary COPY of the same rows and a C client draining the same messages."""

import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection

from storage import binary, database, readings
from storage.readings import Rows
from storage.sql import sql
from tests.bench.clients import Running, write_messages
from tests.bench.figures import Figure
from tests.bench.nation import QUARTER, Nation
from tests.bench.stand import Place, Stand

_TRIES = 3
_ROW = binary.Layout(
    [("time", ">i8"), ("received", ">i8"), ("value", ">f8"), ("seq", ">i8"), ("meter_id", ">i4"), ("source", ">i2")]
)


def hundreds(stand: Stand, nation: Nation, now: datetime) -> Iterator[Figure]:
    """Messages of a hundred readings from the broker's queue, beside COPY of their rows: one collector, then two."""
    times = last_two(now)
    count = nation.meters // 100
    with stand.place() as place, database.connect(place.dsn) as conn:
        limit = _copy_rate(conn, nation.rows_of_hundreds(times, count))
    yield Figure("hundreds", f"binary COPY of their {100 * count:,} rows", limit, "readings/s")
    for collectors in (1, 2):
        seconds = drained_queue(stand, nation, times, count, collectors)
        name = f"stored and answered, from the queue, by {collectors}"
        yield Figure("hundreds", name, 100 * count / seconds, "readings/s", limit, ">= 0.6")


def drained_queue(stand: Stand, nation: Nation, times: tuple[datetime, datetime], count: int, collectors: int) -> float:
    """Seconds of so many collectors, whose meters have spoken a quarter hour before as on any day."""
    with stand.place() as place, database.connect(place.dsn) as conn, ExitStack() as running:
        nation.have_spoken(conn, times[0] - QUARTER)
        readings.add_days(conn, {readings.day_number(time) for time in times})
        conn.commit()
        messages = write_messages(place.folder / "messages", nation.hundreds(times, count))
        several = [running.enter_context(place.program("collect", "connected", n + 1)) for n in range(collectors)]
        for collector in several:
            collector.signal(signal.SIGSTOP)
        place.clients.publisher(messages).go().result()
        listener = place.clients.publisher(Path("/dev/null"), receipts=count)
        for collector in several:
            collector.signal(signal.SIGCONT)
        seconds = _answered(listener.go(), 100 * count)
        assert _stored(conn) == 100 * count
        shares = [each.said().count("collector found=") for each in several]
        assert all(shares), f"batches of each: {shares}"
    return seconds


def singles(stand: Stand, nation: Nation, now: datetime, count: int) -> Iterator[Figure]:
    """Messages of one reading, published as fast as they are taken, beside a C client in the collector's place."""
    with stand.place() as place:
        messages = write_messages(place.folder / "messages", nation.singles(last_two(now)[1], count))
        limit = count / _drained(place, messages, count)
        yield Figure("singles", f"a C client draining {count:,} messages", limit, "messages/s")
    with stand.place() as place, database.connect(place.dsn) as conn:
        with place.program("collect", "connected"):
            seconds = _answered(place.clients.publisher(messages, receipts=count).go(), count)
        assert _stored(conn) == count
    yield Figure("singles", "stored and answered, as published", count / seconds, "messages/s", aim=">= 8000")
    yield Figure("singles", "the same beside the C client", count / seconds, "messages/s", limit)


def last_two(now: datetime) -> tuple[datetime, datetime]:
    """The last two quarter hours."""
    quarter = QUARTER.total_seconds()
    last = datetime.fromtimestamp(now.timestamp() // quarter * quarter, now.tzinfo)
    return last - QUARTER, last


def _copy_rate(conn: Connection, rows: Rows) -> float:
    """Rows a second by one COPY into `reading`, which is empty before and after: the best of a few tries."""
    readings.add_days(conn, set(rows.days().tolist()))
    count = len(rows)
    numbers = {"seq": np.arange(count), "meter_id": rows.meter, "source": readings.MQTT}
    packed = _ROW.pack(count, time=rows.time, received=rows.time, value=rows.value, **numbers)
    return count / min(_copied(conn, packed) for _ in range(_TRIES))


def _copied(conn: Connection, packed: NDArray[np.void]) -> float:
    conn.commit()
    began = time.monotonic()
    binary.copy_in(conn, sql("readings.copy"), packed)
    conn.commit()
    seconds = time.monotonic() - began
    conn.execute("TRUNCATE reading")
    conn.commit()
    return seconds


def _stored(conn: Connection) -> int:
    row = conn.execute("SELECT count(*) FROM reading").fetchone()
    return row[0] if row else 0


def _answered(publisher: Running, readings: int) -> float:
    """Seconds until everything was answered, and as stored."""
    said = publisher.result()
    assert said["accepted"] == readings, f"of {readings} readings: {dict(said)}"
    return said["answered_s"]


def _drained(place: Place, messages: Path, count: int) -> float:
    place.clients.drain("limit", 0).go().result()
    publisher, drain = place.clients.publisher(messages), place.clients.drain("limit", count)
    drain.go()
    publisher.go()
    seconds = drain.result()["drained_s"]
    publisher.result()
    return seconds

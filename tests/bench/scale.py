"""What a second collector and a second worker bring on this machine: each the same work, alone and by two.

Broker, database and publisher share the cores with them, so on two cores this says that two are no slower rather than
how much faster they could be.
"""

import signal
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from datetime import datetime
from pathlib import Path

from storage import database
from tests.bench import quarter_hour
from tests.bench.clients import write_messages
from tests.bench.figures import Figure
from tests.bench.nation import QUARTER, Nation
from tests.bench.programs import Program, running
from tests.bench.stand import Place, Stand

_LEAST = ">= 0.8"  # of what one does alone: sharing must cost little even where nothing is to be gained


def scale(stand: Stand, nation: Nation, now: datetime) -> Iterator[Figure]:
    """Readings a second from the broker's queue, and seconds from a burst to its last judgement."""
    alone, together = (_collected(stand, nation, now, several) for several in (1, 2))
    yield Figure("scale", "1 collector, from the queue", alone, "readings/s")
    yield Figure("scale", "2 collectors", together, "readings/s", alone, _LEAST)
    one, two = (_judged(stand, nation, several) for several in (1, 2))
    yield Figure("scale", "burst judged by 1 worker", one, "s")
    yield Figure("scale", "by 2 workers", two, "s", one, "<= 1.25")


def _collected(stand: Stand, nation: Nation, now: datetime, several: int) -> float:
    """Messages of a hundred readings that waited in the queues of so many collectors."""
    last = datetime.fromtimestamp(now.timestamp() // QUARTER.total_seconds() * QUARTER.total_seconds(), now.tzinfo)
    count = nation.meters // 100
    with stand.place() as place, database.connect(place.dsn) as conn, ExitStack() as ends:
        nation.have_spoken(conn)
        messages = write_messages(place.folder / "messages", nation.hundreds((last - QUARTER, last), count))
        collectors = [ends.enter_context(_collector(place, number)) for number in range(several)]
        for each in collectors:
            each.signal(signal.SIGSTOP)
        place.clients.publisher(messages).go().result()
        listener = place.clients.publisher(Path("/dev/null"), receipts=count)
        for each in collectors:
            each.signal(signal.SIGCONT)
        said = listener.go().result()
        assert said["accepted"] == 100 * count, f"of {100 * count} readings: {dict(said)}"
        shares = [each.said().count("collector found=") for each in collectors]
        assert all(shares), f"batches of each: {shares}"
    return float(100 * count / said["answered_s"])


def _collector(place: Place, number: int) -> AbstractContextManager[Program]:
    words = ["collect", "--name", str(number)]
    return running(place.world, words, place.folder / f"collect-{number}.log", "connected")


def _judged(stand: Stand, nation: Nation, several: int) -> float:
    figures = quarter_hour.quarter_hour(stand, nation, full_day=False, workers=several)
    return next(figure.value for figure in figures if figure.name == "... and judged")

"""What a second collector and a second worker bring on this machine: each the same work, alone and by two.

Broker, database and publisher share the cores with them, so on two cores this says that two are no slower rather than
how much faster they could be.
"""

from collections.abc import Iterator
from datetime import datetime

from tests.bench import quarter_hour
from tests.bench.figures import Figure
from tests.bench.intake import drained_queue, last_two
from tests.bench.nation import Nation
from tests.bench.stand import Stand

_LEAST = ">= 0.8"  # of what one does alone: sharing must cost little even where nothing is to be gained


def scale(stand: Stand, nation: Nation, now: datetime) -> Iterator[Figure]:
    """Readings a second from the broker's queue, and seconds from a burst to its last judgement."""
    times, count = last_two(now), nation.meters // 100
    alone, together = (100 * count / drained_queue(stand, nation, times, count, several) for several in (1, 2))
    yield Figure("scale", "1 collector, from the queue", alone, "readings/s")
    yield Figure("scale", "2 collectors", together, "readings/s", alone, _LEAST)
    one, two = (_judged(stand, nation, several) for several in (1, 2))
    yield Figure("scale", "burst judged by 1 worker", one, "s")
    yield Figure("scale", "by 2 workers", two, "s", one, "<= 1.25")


def _judged(stand: Stand, nation: Nation, several: int) -> float:
    figures = quarter_hour.quarter_hour(stand, nation, full_day=False, workers=several)
    return next(figure.value for figure in figures if figure.name == "... and judged")

"""Days on which a point that is declared cumulative is refused (EC-10), kept beside the figures that leave them out.

They follow from the readings alone. Whoever computes a register's hours again looks whether the days around have
changed; a day that has, and whose hours are not at hand, is left as stale.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from psycopg import Connection

from energy import binding, periods
from energy.quality import Flag
from energy.registers import Bools, Ints, Kind, Readings, iter_meters
from energy.windows import EVER, Window
from storage import consumption, retention, stale
from storage.arrays import instant, micros
from storage.snapshot import Snapshot
from storage.sql import sql

MANY = 5_000  # so many meters are not named: few are refused


class Lately(NamedTuple):
    """A meter that was refused: how often, the last day's beginning, and what it looked like."""

    enterprise: str
    meter: str
    last: datetime
    days: int
    why: str


def near(conn: Connection, meters: Ints, since: int, until: int) -> Ints:
    """Those of the meters that have refused days in [since, until)."""
    named = meters.tolist() if len(meters) <= MANY else None
    found = conn.execute(sql("binding.near"), {"meters": named, "since": instant(since), "until": instant(until)})
    return np.array([row[0] for row in found], dtype=np.int64)


def days(conn: Connection, meters: Ints, since: int, until: int) -> dict[int, list[binding.Refused]]:
    """The refused days of these meters that touch [since, until)."""
    found: dict[int, list[binding.Refused]] = defaultdict(list)
    asked = {"meters": meters.tolist(), "since": instant(since), "until": instant(until)}
    for meter, begin, end, *about in conn.execute(sql("binding.days"), asked) if len(meters) else ():
        found[meter].append(binding.Refused(micros(begin), micros(end), *about))
    return found


def lately(conn: Connection, since: datetime) -> list[Lately]:
    """The meters of which days since then are refused."""
    return [Lately(*row) for row in conn.execute(sql("binding.lately"), {"since": since})]


def renew(conn: Connection, snapshot: Snapshot, zone: ZoneInfo, readings: Readings, found: Sequence[Window]) -> None:
    """Judge the days around these windows again, of the registers among them that fall, or that were refused before."""
    suspects = _suspects(conn, snapshot, readings, found)
    for window in found:
        if suspects[window.meter]:
            _renew_one(conn, snapshot, zone, window)


def _suspects(conn: Connection, snapshot: Snapshot, readings: Readings, found: Sequence[Window]) -> Bools:
    suspects = np.zeros(len(snapshot.enterprise), dtype=bool)
    falls = (np.diff(readings.value) < 0) & (readings.meter[1:] == readings.meter[:-1])
    suspects[readings.meter[1:][falls]] = True
    suspects &= snapshot.meters.kind == Kind.REGISTER
    meters = np.array([window.meter for window in found], dtype=np.int64)
    suspects[near(conn, meters, -EVER, EVER)] = True
    return suspects


def _renew_one(conn: Connection, snapshot: Snapshot, zone: ZoneInfo, window: Window) -> None:
    meter = np.array([window.meter])
    low, high = max(window.since - 2 * binding.REACH, -EVER), min(window.until + 2 * binding.REACH, EVER)
    readings = consumption.readings_of(conn, meter, low, high)
    readings = readings.of((readings.flags & int(Flag.ESTIMATED)) == 0)
    kept = micros(retention.floors(conn).computable)
    judged = max(window.since - binding.REACH, kept), min(window.until + binding.REACH, EVER)
    fresh = {one.since: one for one in _judge(snapshot, zone, window.meter, readings) if _inside(one, judged)}
    known = {one.since: one for one in days(conn, meter, *judged).get(window.meter, []) if _inside(one, judged)}
    gone = [instant(since) for since in known if since not in fresh]
    if gone:
        conn.execute(sql("binding.forget"), {"meter": window.meter, "days": gone})
    for since, one in fresh.items():
        if known.get(since) != one:
            edges = {"since": instant(one.since), "until": instant(one.until)}
            counted = {"why": one.why, "falls": one.falls, "steps": one.steps}
            conn.execute(sql("binding.keep"), {"meter": window.meter} | edges | counted)
    changed = [one for since, one in (known | fresh).items() if (since in known) != (since in fresh)]
    outside = [one for one in changed if one.since < window.since or one.until > window.until]
    if outside:
        span = instant(min(one.since for one in outside)), instant(max(one.until for one in outside))
        enterprise = int(snapshot.enterprise[window.meter])
        stale.mark(conn, [stale.StaleSpan(enterprise, [window.meter], *span, "binding")])


def _inside(one: binding.Refused, judged: tuple[int, int]) -> bool:
    return judged[0] <= one.since < judged[1]


def _judge(snapshot: Snapshot, zone: ZoneInfo, meter: int, readings: Readings) -> list[binding.Refused]:
    if snapshot.meters.kind[meter] != Kind.REGISTER or not len(readings):
        return []
    events = snapshot.events.get(meter, ())
    ((_, part),) = iter_meters(readings)
    time, value = readings.time[part], readings.value[part]
    return binding.refused(time, value, _midnights(time, zone), float(snapshot.meters.modulus[meter]), events)


def _midnights(time: Ints, zone: ZoneInfo) -> Ints:
    """From the one before the first reading to the one behind the last, and one more on either side."""
    first, last = (periods.day_of(instant(int(edge)), zone) for edge in (time[0], time[-1]))
    count = (last - first).days + 4
    return np.array([micros(periods.midnight(first + timedelta(days=n - 1), zone)) for n in range(count)])

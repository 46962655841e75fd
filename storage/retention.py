"""What is kept, for how long, and where recomputing must stop because what it would need is gone (EC-66).

Dropping happens only where a setting says so. Before anything goes, the instant since which all of its class is still
there is written down; rollup takes nothing up that lies before it, and the figures made from it stand as they are.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from psycopg import Connection
from psycopg.errors import LockNotAvailable

from energy.periods import day_of, midnight
from energy.refused import Refused
from energy.windows import EVER
from storage import chain, turns
from storage.arrays import instant
from storage.sql import sql
from storage.stale import StaleSpan

log = logging.getLogger(__name__)

_LOCK = 0x4B454550  # held, shared, by every round that computes, and alone by whoever drops
_AT_ONCE = 50_000  # rejected messages
PATIENCE = "5s"
_SLACK = timedelta(days=2)  # what is overdue for longer is told by `enermon check`
_ALWAYS = instant(-EVER)


@dataclass(frozen=True)
class Keeping:
    """Days for which each class of data is kept, 0: for ever; and after which it is compressed, 0: never."""

    readings: int = 0
    rejected: int = 0
    consumption: int = 0
    usage_hours: int = 0
    compress_readings: int = 0
    compress_consumption: int = 0


@dataclass(frozen=True)
class Floors:
    """Since when readings, hourly consumption and hourly usage are all there; long before any where nothing went."""

    reading: datetime = _ALWAYS
    consumption: datetime = _ALWAYS
    usage_hour: datetime = _ALWAYS

    @property
    def computable(self) -> datetime:
        """Since when a meter's hours can be computed from its readings, and the usage of its enterprise from them."""
        return max(self.reading, self.consumption, self.usage_hour)

    def of_readings(self, spans: Sequence[StaleSpan]) -> list[StaleSpan]:
        """As much of the spans as can be computed from readings."""
        return _clipped(spans, self.computable)

    def of_hours(self, spans: Sequence[StaleSpan]) -> list[StaleSpan]:
        """As much of the spans as can be computed from hourly consumption."""
        return _clipped(spans, max(self.consumption, self.usage_hour))

    def of_days(self, spans: Sequence[StaleSpan]) -> list[StaleSpan]:
        """As much of the spans as can be computed from hourly usage."""
        return _clipped(spans, self.usage_hour)


def _clipped(spans: Sequence[StaleSpan], floor: datetime) -> list[StaleSpan]:
    return [span._replace(since=max(span.since, floor)) for span in spans if span.until >= floor]


def floors(conn: Connection) -> Floors:
    return Floors(**dict(conn.execute(sql("retention.floors")).fetchall()))


def hold(conn: Connection) -> Floors:
    """The same, and nothing is dropped until commit."""
    conn.execute(sql("retention.hold"), {"lock": _LOCK})
    return floors(conn)


def refuse_gone(conn: Connection, since: datetime, what: str) -> None:
    """Refused if what begins at `since` would change figures that cannot be computed again."""
    floor = floors(conn).computable
    if since < floor:
        raise Refused(
            f"{what} reaches back to {since.isoformat()}, but what figures are made from is kept since"
            f" {floor.isoformat()} only; earlier figures stand as they are"
        )


# What goes, and when ------------------------------------------------------------------------------


def work(conn: Connection, now: datetime, zone: ZoneInfo, keeping: Keeping) -> int:
    """One unit of what is due: a day of readings dropped, a part compressed …; 0 if nothing is, or somebody is in the
    way.
    """
    try:
        with conn.transaction():
            return int(turns.is_mine(conn, "retention") and any(step(conn, now, zone, keeping) for step in _STEPS))
    except LockNotAvailable as busy:
        log.warning("nothing is dropped or compressed while others are at it, trying again later: %s", busy)
        return 0


def _drop_readings(conn: Connection, now: datetime, zone: ZoneInfo, keeping: Keeping) -> bool:
    """One UTC day, the oldest."""
    before = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=keeping.readings)
    oldest = _oldest(conn, "reading") if keeping.readings else None
    if oldest is None or oldest >= before:
        return False
    _begin(conn, "reading", before)
    day = oldest.astimezone(UTC).date()
    links, count, head = chain.drop_day(conn, day, now)
    log.info("dropped the readings of %s: links=%d readings=%d head=%s", day, links, count, head.hex())
    return True


def _drop_consumption(conn: Connection, now: datetime, zone: ZoneInfo, keeping: Keeping) -> bool:
    """All whole parts that are due. A part is dropped when the last of its hours is due."""
    before = now - timedelta(days=keeping.consumption)
    oldest = _oldest(conn, "consumption") if keeping.consumption else None
    if oldest is None or oldest >= before - _LONGEST_PART:
        return False
    _take(conn)
    row = conn.execute(sql("retention.drop_consumption"), {"before": before}).fetchone()
    since = row[0] if row else before
    conn.execute(sql("retention.keep_since"), {"what": "consumption", "since": since})
    if since > oldest:
        log.info("dropped hourly consumption before %s", since)
    return bool(since > oldest)


def _drop_usage_hours(conn: Connection, now: datetime, zone: ZoneInfo, keeping: Keeping) -> bool:
    """Whole months of the zone, so that every day and every month that is computed again has all of its hours."""
    before = midnight(day_of(now - timedelta(days=keeping.usage_hours), zone).replace(day=1), zone)
    oldest = _oldest(conn, "usage_hour") if keeping.usage_hours else None
    if oldest is None or oldest >= before:
        return False
    _begin(conn, "usage_hour", before)
    gone = conn.execute(sql("retention.drop_usage_hours"), {"before": before}).rowcount
    log.info("dropped hourly usage before %s: rows=%d", before, gone)
    return True


def _drop_rejected(conn: Connection, now: datetime, zone: ZoneInfo, keeping: Keeping) -> bool:
    before = now - timedelta(days=keeping.rejected)
    if not keeping.rejected:
        return False
    gone = conn.execute(sql("retention.drop_rejected"), {"before": before, "limit": _AT_ONCE}).rowcount
    if gone:
        log.info("dropped rejected messages before %s: rows=%d", before, gone)
    return gone > 0


def _compress(conn: Connection, now: datetime, zone: ZoneInfo, keeping: Keeping) -> bool:
    """One part, the oldest."""
    for series, days in _to_compress(keeping):
        part = next(iter(_uncompressed(conn, series, now - timedelta(days=days))), None)
        if part is not None:
            conn.execute(sql("retention.be_brief"), {"patience": PATIENCE})
            conn.execute(sql("retention.compress"), {"part": part})
            log.info("compressed %s of %s", part, series)
            return True
    return False


_Step = Callable[[Connection, datetime, ZoneInfo, Keeping], bool]
_STEPS: Sequence[_Step] = (_drop_readings, _drop_consumption, _drop_usage_hours, _drop_rejected, _compress)
_LONGEST_PART = timedelta(days=31)


def _begin(conn: Connection, what: str, since: datetime) -> None:
    """Alone with the data, with word left of what will be gone."""
    _take(conn)
    conn.execute(sql("retention.keep_since"), {"what": what, "since": since})


def _take(conn: Connection) -> None:
    conn.execute(sql("retention.take"), {"patience": PATIENCE, "lock": _LOCK})


def _oldest(conn: Connection, what: str) -> datetime | None:
    row = conn.execute(sql(f"retention.oldest_{what}")).fetchone()
    return row[0] if row else None


def _to_compress(keeping: Keeping) -> list[tuple[str, int]]:
    wanted = [("reading", keeping.compress_readings), ("consumption", keeping.compress_consumption)]
    return [(series, days) for series, days in wanted if days]


def _uncompressed(conn: Connection, series: str, before: datetime) -> list[str]:
    return [part for (part,) in conn.execute(sql("retention.to_compress"), {"series": series, "before": before})]


# What should have gone ----------------------------------------------------------------------------


def overdue(conn: Connection, now: datetime, keeping: Keeping) -> Iterator[str]:
    """What is there and should not be, or is not compressed and should be, a sentence each: told by the data, since a
    job that says it has run proves nothing.
    """
    kept = (
        ("reading", "Readings", "keep_readings_days", keeping.readings, timedelta()),
        ("consumption", "Hourly consumption", "keep_consumption_days", keeping.consumption, _LONGEST_PART),
        ("usage_hour", "Hourly usage", "keep_usage_hours_days", keeping.usage_hours, _LONGEST_PART),
        ("rejected", "Rejected messages", "keep_rejected_days", keeping.rejected, timedelta()),
    )
    for what, named, setting, days, part in kept:
        if days and is_overdue(oldest := _oldest(conn, what), now, days, part):
            yield (
                f"{named} since {oldest:%Y-%m-%d} are still there although {setting} is {days}; is `enermon work`"
                " running?"
            )
    for series, days in _to_compress(keeping):
        parts = _uncompressed(conn, series, now - timedelta(days=days) - _SLACK)
        if parts:
            yield (
                f"{len(parts)} parts of {series} older than {days} days are not compressed, the oldest {parts[0]};"
                " is `enermon work` running, and what does its log say?"
            )


def is_overdue(oldest: datetime | None, now: datetime, days: int, part: timedelta) -> bool:
    """Whether the oldest should be gone by now; it goes with the part of that length that it lies in."""
    return oldest is not None and oldest < now - timedelta(days=days) - part - _SLACK

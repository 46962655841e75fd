"""What a message calls a time, as microseconds since 2000-01-01 in UTC, which is what PostgreSQL counts in."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from storage.arrays import micros

_UNIX_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SHAPE = re.compile(r"\d{4}-?\d\d-?\d\d[T ]\d\d(:?\d\d(:?\d\d([.,]\d+)?)?)?( ?(Z|z|[+-]\d\d(:?\d\d)?))?")
_END_OF_DAY = re.compile(r"[T ]24(:?00(:?00([.,]0+)?)?)?(?![:.,\d])")
_MILLISECONDS_FROM = 1e11  # as seconds this is the year 5138, as milliseconds 1973


def read(time: object, zone: ZoneInfo) -> int | None:
    """ISO 8601, or epoch seconds or milliseconds as a number, or a time of ours; None if it is none of these.

    A time without offset is one of that zone. Where the zone's clocks go back, the earlier of the two instants is
    meant; where they go forward, the hour that does not exist is read as if they had not."""
    try:
        if isinstance(time, str):
            return _of_text(time.strip(), zone)
        if isinstance(time, datetime):
            return _of_datetime(time, zone)
        if isinstance(time, int | float) and not isinstance(time, bool):
            return _of_number(time)
    except (ValueError, OverflowError):
        pass
    return None


@lru_cache
def reader(zone: ZoneInfo) -> Callable[[str | int | float | datetime], int | None]:
    """`read` for one zone with a memory: messages repeat few distinct times."""
    return lru_cache(maxsize=1 << 14)(lambda time: read(time, zone))


def _of_text(text: str, zone: ZoneInfo) -> int | None:
    if not _SHAPE.fullmatch(text):
        return None
    begun = _END_OF_DAY.sub(lambda match: match[0].replace("24", "00", 1), text) if "24" in text[9:13] else text
    when = datetime.fromisoformat(begun.replace(" ", "T", 1).replace(" ", "").upper())
    if begun != text:  # 24:00 of a day is 00:00 of the next
        when += timedelta(days=1)
    return _of_datetime(when, zone)


def _of_datetime(when: datetime, zone: ZoneInfo) -> int:
    return micros((when if when.tzinfo else when.replace(tzinfo=zone)).astimezone(UTC))


def _of_number(number: int | float) -> int:
    seconds = number / 1000 if abs(number) >= _MILLISECONDS_FROM else number
    return micros(_UNIX_EPOCH + timedelta(seconds=seconds))


class Ticks:
    """The present time, later at every call, so that an instant names one batch."""

    def __init__(self, now: Callable[[], datetime]):
        self._now = now
        self._last = datetime.min.replace(tzinfo=UTC)

    def __call__(self) -> datetime:
        self._last = max(self._now(), self._last + timedelta(microseconds=1))
        return self._last

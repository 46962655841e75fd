"""What a deployment takes, as its settings say."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from energy.periods import DEFAULT_ZONE


@dataclass(frozen=True, slots=True)
class Limits:
    """zone: of times without offset whose meter declares none. kept_per_day: rejections kept of one enterprise."""

    zone: ZoneInfo = DEFAULT_ZONE
    largest_message: int = 256 * 1024
    tolerance: timedelta = timedelta(minutes=10)
    oldest: datetime = datetime(2000, 1, 1, tzinfo=UTC)
    kept_per_day: int = 10_000

"""What a deployment takes, as its settings say."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from energy.periods import DEFAULT_ZONE


@dataclass(frozen=True, slots=True)
class Limits:
    """zone: of times without offset whose meter declares none. kept_per_day: rejections kept of one enterprise.

    kept_for: readings are dropped when they are older than this; None: they are not.
    """

    zone: ZoneInfo = DEFAULT_ZONE
    largest_message: int = 256 * 1024
    tolerance: timedelta = timedelta(minutes=10)
    oldest: datetime = datetime(2000, 1, 1, tzinfo=UTC)
    kept_per_day: int = 10_000
    kept_for: timedelta | None = None

    def oldest_at(self, now: datetime) -> datetime:
        """What comes of earlier times could not be kept, or made into figures."""
        return max(self.oldest, now - self.kept_for) if self.kept_for else self.oldest

"""Numbers as people read them. Rounding happens here and nowhere before (GB/T 8170: half to even)."""

from collections.abc import Iterable
from math import floor, log10

UNKNOWN = "—"
_MOST_PLACES = 6


def shown(value: float | None) -> str:
    """Grouped digits, about four significant ones; what is unknown is a dash and never a nought."""
    if value is None:
        return UNKNOWN
    return f"{value + 0.0:,.{_places(value)}f}"


def shown_beside(value: float | None, other: float | None) -> str:
    """The same with as many digits as it takes to tell it from the figure beside it: 117.04 beside a limit of 117."""
    if value is None or other is None or value == other:
        return shown(value)
    places = max(_places(value), _places(other))
    while places < _MOST_PLACES and f"{value:.{places}f}" == f"{other:.{places}f}":
        places += 1
    return f"{value + 0.0:,.{places}f}"


def _places(value: float) -> int:
    size = abs(value)
    if size == 0 or size >= 10_000:
        return 0
    return min(_MOST_PLACES, max(0, 4 - (floor(log10(size)) + 1))) if size < 1000 else 1


def shown_range(value: float | None, low: float | None, high: float | None) -> str:
    """A figure with its bounds: `930`, `≥ 930` where no upper bound is known, `930 ~ 1,050`."""
    if low is None:
        return shown(value)
    if high is None:
        return f"≥ {shown(low)}"
    return shown(value) if shown(low) == shown(high) else f"{shown(low)} ~ {shown(high)}"


def percent(share: float | None, places: int = 1) -> str:
    return UNKNOWN if share is None else f"{share * 100:.{places}f} %"


def signed_percent(share: float | None) -> str:
    return UNKNOWN if share is None else f"{share * 100:+.1f} %"


def known(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None]

"""What is worth telling of how an amount came about: odd steps, time of which nothing is known, why a value was chosen.

Times are int64 microseconds since 2000-01-01 UTC.
"""

from dataclasses import dataclass

import numpy as np

from energy.quality import Flag
from energy.registers import BOUNDARY_TOLERANCE, LATE, Pieces

ODD = (
    Flag.ROLLOVER | Flag.RESET | Flag.EXCHANGE | Flag.MULTIPLIER | Flag.OVER_RATE | Flag.NEGATIVE | Flag.CORRECTED
    | Flag.ESTIMATED
)  # fmt: skip


@dataclass(frozen=True)
class Step:
    """A piece worth telling; amount None: only bounded, high None: not even that. share: of its time in the span."""

    since: int
    until: int
    amount: float | None
    low: float
    high: float | None
    flags: int
    share: float


def odd_steps(pieces: Pieces, interval: int, since: int, until: int) -> list[Step]:
    """One meter's steps in [since, until) that were more than a reading after a reading, in order of time.

    GAP: longer than the approved interval allows. INTERPOLATED: shared with the time before or after the span.
    """
    inside = np.minimum(pieces.until, until) - np.maximum(pieces.since, since)
    length = np.maximum(pieces.until - pieces.since, 1)
    is_late = length > LATE * interval
    is_shared = (inside > BOUNDARY_TOLERANCE) & (length - inside > BOUNDARY_TOLERANCE)
    flags = pieces.flags | np.where(is_late & ((pieces.flags & int(Flag.CORRECTED)) == 0), int(Flag.GAP), 0)
    flags |= np.where(is_shared, int(Flag.INTERPOLATED), 0)
    told = (inside > 0) & ((flags & int(ODD | Flag.GAP | Flag.INTERPOLATED)) != 0)
    return [
        Step(
            int(pieces.since[at]),
            int(pieces.until[at]),
            _known(pieces.amount[at]),
            float(pieces.low[at]),
            _known(pieces.high[at]),
            int(flags[at]),
            float(inside[at] / length[at]),
        )
        for at in np.flatnonzero(told)
    ]


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def amount_within(pieces: Pieces, since: int, until: int) -> float | None:
    """What is known of one meter's pieces in [since, until), each with its share by time; None if nothing is."""
    inside = np.minimum(pieces.until, until) - np.maximum(pieces.since, since)
    shares = pieces.amount * (inside / np.maximum(pieces.until - pieces.since, 1))
    known = shares[(inside > 0) & ~np.isnan(shares)]
    return float(known.sum()) if len(known) else None


def unknown(pieces: Pieces, since: int, until: int) -> list[tuple[int, int]]:
    """The parts of [since, until), longer than a minute, of which one meter's pieces say nothing."""
    reached = np.maximum.accumulate(np.concatenate([[since], pieces.until]))
    begins = np.minimum(np.concatenate([pieces.since, [until]]), until)
    holes = begins - reached > BOUNDARY_TOLERANCE
    return list(zip(reached[holes].tolist(), begins[holes].tolist(), strict=True))


@dataclass(frozen=True)
class Told:
    """One value that was told for a time. source: as `reading.source`; its tens are its precedence."""

    value: float
    source: int
    seq: int | None

    @property
    def rank(self) -> tuple[int, bool, int, float]:
        """What decides between several (EC-14): source, then seq, then value, never arrival."""
        return self.source // 10, self.seq is not None, self.seq or 0, self.value


def why_chosen(chosen: Told, others: list[Told]) -> str:
    """What decided for the chosen one against the nearest of the others: `source`, `seq` or `value`."""
    nearest = max(others, key=lambda one: one.rank)
    if chosen.rank[0] != nearest.rank[0]:
        return "source"
    return "seq" if chosen.rank[1:3] != nearest.rank[1:3] else "value"

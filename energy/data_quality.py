"""How far the data of an enterprise can be trusted: six parts, each visible, and one score.

The parts are those of DB53/T 1116-2022: complete, accurate, timely, verifiable, valid, conforming. A part of which
nothing is known is unknown, not zero, and its weight goes to the others; the score says for what share it speaks.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from energy.periods import day_of, midnight
from energy.workdays import Calendar, add_workdays

PARTS = ("completeness", "accuracy", "timeliness", "verifiability", "validity", "conformity")


@dataclass(frozen=True)
class Score:
    """points: 0 to 100, None if no part is known. known: the share of the weights that it rests on."""

    points: float | None
    known: float


def score(parts: Mapping[str, float | None], weights: Mapping[str, float]) -> Score:
    """The weighted mean of the parts that are known; parts are shares from 0 to 1.

    Who sends nothing has no completeness and gets no score: well-kept papers alone are not good data.
    """
    known = {name: part for name in PARTS if (part := parts[name]) is not None}
    weight = sum(weights[name] for name in known)
    if not weight or "completeness" not in known:
        return Score(None, weight / sum(weights[name] for name in PARTS))
    points = 100 * sum(weights[name] * part for name, part in known.items()) / weight
    return Score(points, weight / sum(weights[name] for name in PARTS))


def mean(values: Iterable[float | None]) -> float | None:
    """Of what is known; None if nothing is."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


@dataclass(frozen=True)
class Certificate:
    """A calibration: on which day it was made, None for one that is only known to end, and its last day."""

    on: date | None
    until: date

    def covers(self, day: date) -> bool:
        return (self.on is None or self.on <= day) and day <= self.until


def calibrated(certificates: Sequence[Certificate], days: Sequence[date]) -> list[bool] | None:
    """Whether each day lies in a valid calibration; None where no certificate is stated (EC-67)."""
    if not certificates:
        return None
    return [any(one.covers(day) for one in certificates) for day in days]


@dataclass(frozen=True)
class Agreement:
    """Metered against stated elsewhere, in the carrier's own unit. agrees: None where either is missing."""

    carrier: str
    against: str
    metered: float | None
    stated: float
    unit: str
    difference: float | None
    agrees: bool | None


def agreement(carrier: str, against: str, metered: float | None, stated: float, unit: str, line: float) -> Agreement:
    """The difference as a share of what is stated; exactly on the line agrees."""
    if metered is None:
        return Agreement(carrier, against, None, stated, unit, None, None)
    if not stated:
        return Agreement(carrier, against, metered, stated, unit, None, metered == 0)
    difference = (metered - stated) / abs(stated)
    return Agreement(carrier, against, metered, stated, unit, difference, abs(difference) <= line)


def repair_due(since: datetime, workdays: int, calendar: Calendar, zone: ZoneInfo) -> datetime:
    """When the working days for repair have passed: the end of the n-th one after the day on which it failed."""
    return midnight(add_workdays(day_of(since, zone), workdays, calendar) + timedelta(days=1), zone)


def duty(until: datetime | None, due: datetime, now: datetime) -> str:
    """Where an outage stands on its clock: `in_repair`, `repaired`, or `not_repaired`, `repaired_late`: to file.

    until: when readings came again, None while they do not.
    """
    if until is None:
        return "in_repair" if now < due else "not_repaired"
    return "repaired" if until <= due else "repaired_late"


def declared(values: Sequence[object]) -> float | None:
    """The share of declarations that are there; None where none is asked for."""
    return sum(value not in (None, "") for value in values) / len(values) if values else None

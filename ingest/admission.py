"""Which readings become rows: the registry as it is known, and a decision on each reading with its reason.

Pure: nothing is read or written, `now` is an argument. The usual message is decided as a whole by a few passes in C;
only when something in it is out of the ordinary is each reading looked at."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast
from zoneinfo import ZoneInfo

from ingest import instants
from ingest.decode import Columns, NotAReading
from ingest.limits import Limits
from ingest.reasons import Reason, Rejection
from storage.arrays import instant, micros

_EVER = -(2**63)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class MeterRule:
    """What is out of the ordinary about one meter: its own zone, or the times between which it may report (inclusive,
    µs).
    """

    zone: ZoneInfo | None = None
    since: int = _EVER
    until: int = -_EVER


@dataclass(frozen=True, slots=True)
class Enterprise:
    """An enterprise's meters by code, and the rules of those that have any."""

    id: int
    code: str
    meters: Mapping[str, int]
    rules: Mapping[int, MeterRule] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Admitted:
    """Columns of what becomes readings (µs since 2000), and what does not. estimated: which are; None: none."""

    meters: list[int]
    times: list[int]
    values: list[float]
    rejections: list[Rejection]
    estimated: list[bool] | None = None


def validity(kind: str, label: str, valid_from: datetime | None, valid_to: datetime | None) -> tuple[int, int]:
    """The first and last time (µs) at which a meter valid in [valid_from, valid_to) may be read.

    A register is read at both ends: it opens with its first and closes with its last reading. A reading stamped with
    the end of its interval belongs to what lies before it, so it is out at valid_from and in at valid_to; stamped with
    the start, the other way round."""
    since = micros(valid_from) if valid_from else _EVER
    until = micros(valid_to) if valid_to else -_EVER
    if kind == "register":
        return since, until
    return (since, until - 1) if label == "start" else (since + 1, until)


def admit(columns: Columns, enterprise: Enterprise | None, limits: Limits, now: datetime) -> Admitted:
    """Decide every reading of a message."""
    bounds = _Bounds(limits, micros(limits.oldest_at(now)), micros(now + limits.tolerance))
    if enterprise is not None and columns.clean:
        admitted = _as_a_whole(columns, enterprise, bounds)
        if admitted is not None:
            return admitted
    return _one_by_one(columns, enterprise, bounds)


@dataclass(frozen=True, slots=True)
class _Bounds:
    limits: Limits
    oldest: int
    latest: int


# None wherever a reading might be out of the ordinary.
def _as_a_whole(columns: Columns, enterprise: Enterprise, bounds: _Bounds) -> Admitted | None:
    meters = list(map(enterprise.meters.get, columns.meters))
    if None in meters or not enterprise.rules.keys().isdisjoint(meters):
        return None
    read = instants.reader(bounds.limits.zone)
    times = {each: read(each) for each in set(columns.times)}  # few: gateways read all their meters at once
    if None in times.values() or not times:
        return None
    known = cast(dict[str | int | float, int], times)
    if min(known.values()) < bounds.oldest or max(known.values()) > bounds.latest:
        return None
    every = list(map(known.__getitem__, columns.times))
    return Admitted(cast(list[int], meters), every, columns.values, [], columns.estimated)


def _one_by_one(columns: Columns, enterprise: Enterprise | None, bounds: _Bounds) -> Admitted:
    marks = columns.estimated
    admitted = Admitted([], [], [], [], None if marks is None else [])
    for index, (meter, time, value) in enumerate(zip(columns.meters, columns.times, columns.values, strict=True)):
        decided = _decide(meter, time, value, enterprise, bounds)
        if isinstance(decided, tuple):
            admitted.rejections.append(Rejection(index, meter, *decided, time, value, bool(marks and marks[index])))
        else:
            if marks is not None and admitted.estimated is not None:
                admitted.estimated.append(marks[index])
            admitted.meters.append(decided.meter)
            admitted.times.append(decided.time)
            admitted.values.append(decided.value)
    return admitted


@dataclass(frozen=True, slots=True)
class _Row:
    meter: int
    time: int
    value: float


def _decide(
    meter: object, time: object, value: object, enterprise: Enterprise | None, bounds: _Bounds
) -> _Row | tuple[Reason, str]:
    if isinstance(meter, NotAReading):
        return Reason.UNREADABLE, "not an object; a reading has meter, time and value"
    number = _number(value)
    if isinstance(number, tuple):
        return number
    if enterprise is None:
        return Reason.UNKNOWN_ENTERPRISE, "the enterprise in the topic is not registered"
    meter_id = enterprise.meters.get(meter) if isinstance(meter, str) else None
    if meter_id is None:
        return Reason.UNKNOWN_METER, _unknown(meter, enterprise)
    rule = enterprise.rules.get(meter_id, _NO_RULE)
    when = instants.read(time, rule.zone or bounds.limits.zone)
    if when is None:
        return (
            Reason.BAD_TIME,
            f"{_shown(time)} is no time; write ISO 8601 with offset, or epoch seconds or milliseconds",
        )
    return _fault_in_time(when, time, rule, bounds) or _Row(meter_id, when, number)


_NO_RULE = MeterRule()


def _unknown(meter: object, enterprise: Enterprise) -> str:
    if meter is None or meter == "":
        return "no meter is named"
    return f"{enterprise.code} has no meter {str(meter)[:64]!r}; the reading waits until it is registered"


def _number(value: object) -> float | tuple[Reason, str]:
    if value is None or value == "":
        return Reason.NO_VALUE, "no value; a meter that could not be read is left out of the message"
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        value = float(value)
    try:
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            return float(value)
    except OverflowError:
        pass
    return Reason.NOT_A_NUMBER, f"{_shown(value)} is no finite number"


def _fault_in_time(when: int, time: object, rule: MeterRule, bounds: _Bounds) -> tuple[Reason, str] | None:
    if when > bounds.latest:
        minutes = bounds.limits.tolerance.total_seconds() / 60
        return Reason.TIME_IN_FUTURE, f"{_shown(time)} is more than {minutes:g} minutes ahead of the platform's clock"
    if when < bounds.oldest:
        return Reason.TIME_TOO_OLD, f"{_shown(time)} is before {instant(bounds.oldest):%Y-%m-%d}"
    if not rule.since <= when <= rule.until:
        return Reason.OUTSIDE_VALIDITY, f"{_shown(time)} is outside the meter's valid_from and valid_to"
    return None


def _shown(value: object) -> str:
    try:
        text = repr(value)
    except ValueError:  # an integer too long for Python to print
        text = "an endless integer"
    return text if len(text) <= 60 else f"{text[:57]}…"

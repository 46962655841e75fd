"""All that is read from the database to tell the data quality of one enterprise in one month."""

import tomllib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from chinese_calendar.constants import holidays, workdays
from numpy.typing import NDArray
from psycopg import Connection

from energy import data_quality, detectors, units
from energy.carriers import Carrier
from energy.data_quality import Agreement, Certificate
from energy.detectors import DAY
from energy.periods import Period, day_of, midnight
from energy.quality import Flag
from energy.registers import MINUTE, SECOND, Floats, Ints
from energy.returns import Doubt
from energy.workdays import Calendar
from storage import balance, conditions, consumption, registry, report_runs, returns
from storage.arrays import columns, micros
from storage.balance import CarrierBalance
from storage.conditions import Remark
from storage.readings import MQTT
from storage.registry import Enterprise, Meter
from storage.snapshot import current
from storage.sql import sql

RULES = Path(__file__).parents[1] / "config" / "quality_rules.toml"
MARGIN = 28 * DAY  # values on both sides of the month, for comparison
HABITS = 16  # months on both sides, for habits and other years
NOTED = Flag.RESET | Flag.OVER_RATE | Flag.NEGATIVE  # flags of hours that are told or lower validity
_AROUND = timedelta(days=29)
_USED = ("used_production", "used_nonproduction", "used_feedstock", "used_transport", "conversion_input")


@cache
def rules() -> Mapping[str, Any]:
    """Weights of the score and lines of the detectors, as shipped."""
    return tomllib.loads(RULES.read_text("utf-8"))


@dataclass(frozen=True)
class Arrived:
    """One meter's readings, by time.

    live_time, live_s: of the month and by MQTT: time, and receipt less end of interval. filled: when values came that
    were filled in more than a day late, once for each stretch of them: an outage that is made up for is one.
    """

    time: Ints
    value: Floats
    live_time: Ints
    live_s: Floats
    filled: Ints


@dataclass(frozen=True)
class Known:
    """What is known of one enterprise, its month, and the time around it; by meter id where it is of meters."""

    enterprise: Enterprise
    month: Period
    zone: ZoneInfo
    now: datetime
    meters: list[Meter]
    carriers: dict[str, Carrier]
    calendar: Calendar
    arrived: dict[int, Arrived]
    hours: dict[int, tuple[Ints, Floats]]
    first_times: dict[int, datetime]
    certificates: dict[int, list[Certificate]]
    set_aside: dict[int, list[tuple[int, int]]]
    noted: dict[int, tuple[Ints, Ints]]
    rivals: dict[int, list[tuple[int, int]]]
    rejected: dict[str, int]
    agreements: list[Agreement]
    outputs: dict[str, dict[str, float]]
    tce: dict[str, float]
    rules: Mapping[str, Any] = field(default_factory=rules)
    balances: list[CarrierBalance] = field(default_factory=list)
    doubts: list[Doubt] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)

    @property
    def since(self) -> int:
        return micros(self.month.since(self.zone))

    @property
    def until(self) -> int:
        return micros(self.month.end(self.zone))

    @property
    def days(self) -> list[date]:
        return [self.month.first + timedelta(days=at) for at in range(self.month.days)]

    @property
    def edges(self) -> Ints:
        """The beginnings of the month's days, and the end of the last."""
        edges = [micros(midnight(day, self.zone)) for day in self.days]
        return np.array([*edges, self.until], dtype=np.int64)


def gathered(conn: Connection, enterprise: Enterprise, month: Period, zone: ZoneInfo, now: datetime) -> Known:
    begin, end = month.since(zone), month.end(zone)
    meters = [
        meter
        for meter in registry.meters_of(conn, enterprise.id)
        if (meter.valid_from is None or meter.valid_from < end) and (meter.valid_to is None or meter.valid_to > begin)
    ]
    ids = [meter.id for meter in meters]
    asked: dict[str, Any] = {"meters": ids, "since": begin, "until": end, "enterprise": enterprise.id}
    asked |= {"code": enterprise.code, "first": month.first, "last": month.until, "flags": int(NOTED)}
    return Known(
        enterprise,
        month,
        zone,
        now,
        meters,
        registry.carriers(conn),
        _calendar(conn, month),
        _arrived(conn, meters, asked),
        _hours(conn, ids, month, zone),
        dict(conn.execute(sql("data_quality.first_times"), asked).fetchall()),
        _certificates(conn, asked, zone),
        _pairs(conn, sql("data_quality.set_aside"), asked | _around(asked)),
        _by_meter(ids, np.int64, *columns(conn, sql("data_quality.flagged"), asked)),
        _pairs(conn, sql("data_quality.rivals"), asked),
        dict(conn.execute(sql("data_quality.rejected"), asked).fetchall()),
        _agreements(conn, asked, month)
        + returns.bill_agreements(conn, enterprise.id, month, zone, rules()["lines"]["agreement"]),
        _outputs(conn, enterprise.id, month),
        _tce(conn, enterprise.id, month),
        balances=balance.balances(conn, enterprise.id, month, zone, now),
        doubts=returns.doubts(conn, enterprise.id, month, rules()["lines"]["returned_stocks"]),
        remarks=conditions.remarks(conn, current(conn).factors, enterprise.code, enterprise.region, month),
    )


def _around(asked: Mapping[str, Any]) -> dict[str, datetime]:
    return {"since": asked["since"] - _AROUND, "until": asked["until"] + _AROUND}


def _calendar(conn: Connection, month: Period) -> Calendar:
    """The notices as the package chinesecalendar knows them; what the deployment has said about a day comes first."""
    noticed = dict.fromkeys(holidays, "holiday") | dict.fromkeys(workdays, "workday")
    since, until = month.first - timedelta(days=60), month.until + timedelta(days=60)
    return noticed | report_runs.calendar_exceptions(conn, since, until)


def _arrived(conn: Connection, meters: Sequence[Meter], asked: Mapping[str, Any]) -> dict[int, Arrived]:
    ids, (since, until) = np.array(asked["meters"], dtype=np.int64), _around(asked).values()
    if not len(ids):
        return {}
    effective = consumption.readings_of(conn, ids, micros(since), micros(until))
    effective = effective.of((effective.flags & int(Flag.ESTIMATED)) == 0)  # what was not measured did not arrive
    meter, time, received, source = columns(conn, sql("data_quality.received"), dict(asked))
    order = np.lexsort((time, meter))
    meter, time, received, source = meter[order], time[order], received[order], source[order]
    found = {}
    for one in meters:
        mine = slice(*np.searchsorted(effective.meter, [one.id, one.id + 1]))
        came = slice(*np.searchsorted(meter, [one.id, one.id + 1]))
        late = one.interval_minutes * MINUTE if one.label == "start" and one.kind != "register" else 0
        live, delay = source[came] == MQTT, received[came] - time[came] - late
        stretches, _ = detectors.runs(delay > DAY)
        live_time, live_s = time[came][live], delay[live] / SECOND
        filled = received[came][stretches]
        found[one.id] = Arrived(effective.time[mine], effective.value[mine], live_time, live_s, filled)
    return found


def _hours(conn: Connection, ids: Sequence[int], month: Period, zone: ZoneInfo) -> dict[int, tuple[Ints, Floats]]:
    span = timedelta(days=31 * HABITS)
    asked = {"meters": list(ids), "since": month.since(zone) - span, "until": month.end(zone) + span}
    return _by_meter(ids, np.float64, *columns(conn, sql("data_quality.hours"), asked))


def _by_meter(
    ids: Sequence[int], kind: type[np.generic], meter: Ints, hour: Ints, value: NDArray[Any]
) -> dict[int, tuple[Ints, Any]]:
    """Hours in order with their values, by meter."""
    order = np.lexsort((hour, meter))
    meter, hour, value = meter[order], hour[order].astype(np.int64), value[order].astype(kind)
    edges = np.searchsorted(meter, [*sorted(ids), np.iinfo(np.int32).max])
    return {one: (hour[a:b], value[a:b]) for one, (a, b) in zip(sorted(ids), pairwise(edges), strict=True)}


def _certificates(conn: Connection, asked: Mapping[str, Any], zone: ZoneInfo) -> dict[int, list[Certificate]]:
    """An event whose value is no date tells nothing of validity."""
    found: dict[int, list[Certificate]] = defaultdict(list)
    for meter, time, until in conn.execute(sql("data_quality.certificates"), dict(asked)):
        with suppress(ValueError):
            found[meter].append(Certificate(time and day_of(time, zone), date.fromisoformat(until)))
    return found


def _pairs(conn: Connection, query: Any, asked: dict[str, Any]) -> dict[int, list[tuple[int, int]]]:
    """By meter: time, and the flag or the time of receipt."""
    found: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for meter, time, other in conn.execute(query, asked):
        found[meter].append((micros(time), micros(other) if isinstance(other, datetime) else other))
    return found


def _agreements(conn: Connection, asked: dict[str, Any], month: Period) -> list[Agreement]:
    """Metered against the monthly return and the bill. Use is the sum of the uses that were returned."""
    metered = {carrier: (used, bought) for carrier, used, bought in conn.execute(sql("data_quality.metered"), asked)}
    stated: dict[tuple[str, str], tuple[float, str]] = {}
    for carrier, item, quantity, unit, own in conn.execute(sql("data_quality.returns"), asked | {"period": month.name}):
        against = "used" if item in _USED else item
        if against in ("used", "billed", "purchased"):
            amount = float(quantity * units.convert(unit, own, carrier=carrier))
            stated[carrier, against] = (stated.get((carrier, against), (0.0, own))[0] + amount, own)
    line = rules()["lines"]["agreement"]
    return [
        data_quality.agreement(
            carrier, against, metered.get(carrier, (None, None))[against != "used"], amount, own, line
        )
        for (carrier, against), (amount, own) in sorted(stated.items())
    ]


def _outputs(conn: Connection, enterprise: int, month: Period) -> dict[str, dict[str, float]]:
    asked = {"enterprise": enterprise, "first": f"{_earlier(month):%Y-%m}", "last": month.name}
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for product, name, quantity in conn.execute(sql("data_quality.outputs"), asked):
        found[product][name] = quantity
    return found


def _tce(conn: Connection, enterprise: int, month: Period) -> dict[str, float]:
    asked = {"enterprise": enterprise, "since": _earlier(month), "until": month.first}
    return dict(conn.execute(sql("data_quality.months"), asked).fetchall())


def _earlier(month: Period) -> date:
    return month.first.replace(year=month.first.year - 1)

"""What made the figures of a month: from the total down to readings, factors and corrections.

The figures are those of `storage.usage`, row by row; what stands behind them is computed from the readings once more,
as the figures were (`storage.rollup.made`), so that nothing is told that did not happen.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from psycopg import Connection
from psycopg.rows import dict_row

from energy import evidence, quality
from energy.comparison import Compared
from energy.evidence import Told
from energy.expected import Expected
from energy.factors import Factor
from energy.periods import Period
from energy.refused import Refused
from energy.registers import Amounts, Ints, Pieces, Readings, SetAside
from energy.usage import Parts
from storage import chain, comparison, conditions, corrections, meter_record, retention, rollup, usage
from storage.arrays import instant, micros
from storage.chain import Head
from storage.comparison import ReturnTold
from storage.corrections import Listed
from storage.meter_record import NOTHING, Record
from storage.rollup import Made
from storage.snapshot import Snapshot, contribution, current
from storage.sql import sql
from storage.usage import Totals, UnknownSubject, UsageRow, enterprise_usage, meter_usage, meters_usage
from storage.usage_rollup import NO_FUEL, converted

SOURCES = {10: "estimate", 20: "mqtt", 21: "file", 30: "manual"}


@dataclass(frozen=True)
class FactorTold:
    """A factor as it is registered; value per `unit`, None where a heating value stands in its place."""

    kind: str
    id: int
    value: Decimal | None
    unit: str
    lhv_kj_per_unit: Decimal | None
    scope: str
    region: str
    method: str
    confidence: str
    valid_from: date
    valid_to: date | None
    source: str
    shipped: bool
    gas_condition: str | None


@dataclass(frozen=True)
class Conversion:
    """From physical amount to tce and tCO2 over days [since, until) with the same factors. In the carrier's unit and t.

    amount = bought + renewable - exported. Coefficients per carrier unit; None: no factor in force.
    tce_equivalent = amount x kgce_equivalent / 1000; tce_equal_value likewise; tce_assessed = (amount - feedstock -
    self_used_renewable) x kgce_equivalent / 1000; tco2 = emitting x kgco2 / 1000, emitting: net bought, of a fuel less
    feedstock.
    """

    carrier: str
    unit: str
    is_medium: bool
    since: date
    until: date
    days: int
    amount: float | None
    bought: float
    renewable: float
    exported: float
    feedstock: float
    self_used_renewable: float
    net_bought: float
    emitting: float
    kgce_equivalent: float | None
    kgce_equal_value: float | None
    kgco2: float | None
    tce_equivalent: float | None
    tce_equal_value: float | None
    tce_assessed: float | None
    tco2: float | None
    tce_medium: float | None
    factors: list[FactorTold]


@dataclass(frozen=True)
class ReadingTold:
    """One reading. amount: of the step that ends with it (of an interval or power reading: its own), carrier unit.

    set_aside: the flag for which it was not believed. value is what was chosen where several were told.
    """

    time: datetime
    value: float
    source: str | None = None
    seq: int | None = None
    received: datetime | None = None
    flags: list[str] | None = None
    set_aside: str | None = None
    amount: float | None = None


@dataclass(frozen=True)
class Conflict:
    """A time for which several values were told. why: `source`, `seq` or `value` decided (EC-14)."""

    time: datetime
    chosen: ReadingTold
    others: list[ReadingTold]
    why: str


@dataclass(frozen=True)
class StepTold:
    """A step that was more than a reading after a reading. inside: its part in the month, by time; carrier unit."""

    since: datetime
    until: datetime
    amount: float | None
    low: float
    high: float | None
    inside: float | None
    flags: list[str]


@dataclass(frozen=True)
class ReadingsTold:
    """expected, received: slots of the approved interval, up to now. stored: readings in the month with both ends.

    before and after: the nearest believed readings outside, which amounts at the edges of the month rest on.
    """

    expected: int
    received: int
    stored: int
    by_source: dict[str, int]
    received_from: datetime | None
    received_until: datetime | None
    before: ReadingTold | None
    first: ReadingTold | None
    last: ReadingTold | None
    after: ReadingTold | None


@dataclass(frozen=True)
class CorrectionTold(Listed):
    """With what is known by the readings alone of its span in the month, carrier unit; None if nothing is."""

    in_place_of: float | None


@dataclass(frozen=True)
class Computed:
    """How a virtual meter comes about: its formula, the unit of its result, and its inputs in the month."""

    formula: str
    unit: str
    inputs: list[UsageRow]


@dataclass(frozen=True)
class MeterTold:
    """One meter: what is registered, how it counts and why, what it sent, and everything odd about it.

    scale: carrier units for one unit of its value (for power: of its value times an hour). by_readings: what is known
    of its amount without corrections; steps are those of the readings, too. readings: all, where one meter was asked
    for. computed: of a virtual meter, which has none.
    """

    code: str
    name: str
    carrier: str
    carrier_unit: str
    kind: str
    unit: str
    multiplier: Decimal
    scale: float
    register_max: Decimal | None
    interval_minutes: int
    label: str
    max_rate: float | None
    role: str
    level: int
    in_total: bool | None
    parent: str | None
    serial_no: str | None
    accuracy_class: str | None
    calibrated_until: date | None
    valid_from: datetime | None
    valid_to: datetime | None
    counts: bool
    sign: int
    reason: str
    usage: UsageRow
    by_readings: float | None
    received: ReadingsTold
    conflicts: list[Conflict]
    set_aside: list[ReadingTold]
    steps: list[StepTold]
    unknown: list[tuple[datetime, datetime]]
    events: list[dict[str, Any]]
    corrections: list[CorrectionTold]
    rejected: dict[str, int]
    readings: list[ReadingTold] | None
    computed: Computed | None = None
    record: Record = NOTHING


@dataclass(frozen=True)
class Explanation:
    """What made the figures of [since, until), as of an instant. figures and totals are those of `enermon usage`."""

    enterprise: str
    name: str
    region: str
    meter: str | None
    period: str
    since: datetime
    until: datetime
    as_of: datetime
    figures: list[UsageRow]
    totals: Totals
    conversion: list[Conversion]
    meters: list[MeterTold]
    remarks: list[str]  # what must be declared for a better conversion, one sentence each
    returns: list[ReturnTold]
    comparison: list[Compared]  # our figure, the return, the bill; both empty where one meter was asked for
    chain: Head | None = None  # vouches for the readings these figures are made from


@dataclass(frozen=True)
class _Asked:
    """What is being explained."""

    conn: Connection
    snapshot: Snapshot
    enterprise: str
    month: Period
    zone: ZoneInfo
    now: datetime
    kept: datetime  # what figures are made from is there since then

    @property
    def bounds(self) -> dict[str, Any]:
        return {"since": self.month.since(self.zone), "until": self.month.end(self.zone)}


def explain(
    conn: Connection, enterprise: str, month: Period, zone: ZoneInfo, now: datetime, meter: str | None = None
) -> Explanation:
    """What made the figures of an enterprise, or of one of its meters down to the readings. Drain what is stale before.

    UnknownSubject for an enterprise or meter that is not registered.
    """
    asked = _Asked(conn, current(conn), enterprise, month, zone, now, retention.floors(conn).computable)
    if month.since(zone) > now:
        raise Refused(f"{month.name} has not begun, so there is nothing to explain yet")
    row = conn.execute(sql("explain.enterprise"), {"enterprise": enterprise}).fetchone()
    if row is None:
        raise UnknownSubject(f"enterprise {enterprise!r} is not registered; `enermon export DIR` shows which are")
    days = month.first, month.until
    if meter:
        figures = meter_usage(conn, enterprise, meter, *days, "month", zone, now)
    else:
        figures = enterprise_usage(conn, enterprise, *days, "month", zone, now)
    meters = _meters(asked, meter)
    made = _hours_of(asked, meters[0]) if meter else _days_of(asked, row[0])
    told = _meters_told(asked, meters, in_full=meter is not None)
    conversion = _conversion(asked.snapshot, made)
    totals = usage.totals(figures)
    since, until = asked.bounds.values()
    return Explanation(
        row[1], row[2], row[3], meter, month.name, since, until, now, figures, totals, conversion, told,
        [*_gone(asked), *_remarks(asked, row[3], meters if meter else None)],
        [] if meter else comparison.returns_told(conn, row[0], month),
        [] if meter else comparison.compared(conn, row[0], month, zone, figures),
        chain=chain.head(conn, enterprise),
    )  # fmt: skip


def _gone(asked: _Asked) -> Iterator[str]:
    if asked.bounds["since"] < asked.kept:
        day = f"{asked.kept.astimezone(asked.zone):%Y-%m-%d %H:%M}"
        yield f"what figures before {day} were made from was dropped; they stand as they were, and it is not told here"


def _remarks(asked: _Asked, region: str, meters: Sequence[Mapping[str, Any]] | None) -> list[str]:
    """Of the whole enterprise, or of some meters and their carriers."""
    every = conditions.remarks(asked.conn, asked.snapshot.factors, asked.enterprise, region, asked.month)
    if meters is not None:
        codes, carriers = {one["code"] for one in meters}, {one["carrier"] for one in meters}
        every = [one for one in every if (one.meter in codes if one.meter else one.carrier in carriers)]
    return [f"{one.first} to before {one.until}: {one.said.text('en')}" for one in every]


# Conversion ---------------------------------------------------------------------------------------

Row = tuple[Any, ...]  # as `storage.usage_rollup.converted` makes them


def _days_of(asked: _Asked, enterprise_id: int) -> list[Row]:
    values = {"enterprise_id": enterprise_id, "first": asked.month.first, "last": asked.month.until}
    return asked.conn.execute(sql("explain.days"), values).fetchall()


def _hours_of(asked: _Asked, meter: Mapping[str, Any]) -> list[Row]:
    values = asked.bounds | {"meter_id": meter["id"], "zone": asked.zone.key}
    rows = asked.conn.execute(sql("figures.meter_hours"), values).fetchall()
    return converted([row[:16] for row in rows], asked.snapshot, asked.now)


def _conversion(snapshot: Snapshot, rows: Sequence[Row]) -> list[Conversion]:
    """Rows in order of carrier and time, added up as long as the factors stay the same."""
    return [_one_conversion(snapshot, list(some)) for _, some in groupby(rows, lambda row: (row[1], row[26:29]))]


def _one_conversion(snapshot: Snapshot, rows: list[Row]) -> Conversion:
    enterprise, carrier, first = rows[0][:3]
    about = snapshot.factors.carriers[carrier]
    per_unit = snapshot.coefficients(enterprise, carrier, first)
    parts = Parts(*(np.array([row[at] or 0.0 for row in rows]) for at in (6, 7, 8, 9)))
    bought, renewable, exported, feedstock = (float(getattr(parts, field.name).sum()) for field in fields(Parts))
    assessed, tco2, medium = (_sum(rows, at, at) for at in (16, 17, 18))
    ids = {"equivalent": rows[0][26], "equal_value": rows[0][27], "co2": rows[0][28]}
    return Conversion(
        carrier,
        about.unit,
        about.is_medium,
        first,
        rows[-1][2] + timedelta(days=1),
        len({row[2] for row in rows}),
        _sum(rows, 3, 4),
        bought,
        renewable,
        exported,
        feedstock,
        float(parts.self_used_renewable.sum()),
        float(parts.net_bought.sum()),
        float(parts.net_bought.sum()) - (feedstock if about.category not in NO_FUEL else 0.0),
        per_unit.kgce_equivalent,
        per_unit.kgce_equal,
        per_unit.kgco2,
        _sum(rows, 10, 11),
        _sum(rows, 13, 14),
        assessed,
        tco2,
        medium,
        [_factor(kind, snapshot.factors.factors[id_]) for kind, id_ in ids.items() if id_ is not None],
    )


def _sum(rows: Sequence[Row], known: int, bound: int) -> float | None:
    """What is known, and where only bounds are the lower one, added in order; None where nothing is known at all."""
    if all(row[known] is None for row in rows):
        return None
    return float(sum(row[bound] if row[known] is None else row[known] for row in rows if row[bound] is not None))


_VALUES = {"equivalent": "kgce_per_unit", "equal_value": "kgce_equal_per_unit", "co2": "kgco2_per_unit"}


def _factor(kind: str, factor: Factor) -> FactorTold:
    value = getattr(factor, _VALUES[kind])
    if value is None and kind == "equal_value":
        value = factor.kgce_per_unit  # of anything but power the two are one (domain rule 1)
    told = {
        field.name: getattr(factor, field.name) for field in fields(FactorTold) if field.name not in ("kind", "value")
    }
    if value is None and kind == "co2":  # times the energy of the heating value that the equivalent factor states
        return FactorTold(kind, value=factor.kgco2_per_mj, **(told | {"unit": "MJ"}))
    return FactorTold(kind, value=value, **told)


# Meters -------------------------------------------------------------------------------------------


def _meters(asked: _Asked, meter: str | None) -> list[dict[str, Any]]:
    values = {"enterprise": asked.enterprise, "meter": meter}
    return asked.conn.cursor(row_factory=dict_row).execute(sql("explain.meters"), values).fetchall()


@dataclass(frozen=True)
class _Evidence:
    """What lies in the database of some meters, by id."""

    made: dict[int, Made]
    received: dict[int, int]
    stored: dict[int, list[Row]]
    told: dict[int, list[Row]]
    events: dict[int, list[dict[str, Any]]]
    corrections: dict[str, list[Listed]]
    rejected: dict[str, dict[str, int]]
    records: dict[int, Record]


def _meters_told(asked: _Asked, meters: Sequence[Mapping[str, Any]], in_full: bool) -> list[MeterTold]:
    found = _evidence(asked, meters)
    used = meters_usage(asked.conn, asked.enterprise, asked.month, asked.zone, asked.now) if len(meters) > 1 else {}
    return [_meter(asked, meter, found, used, in_full) for meter in meters]


def _evidence(asked: _Asked, meters: Sequence[Mapping[str, Any]]) -> _Evidence:
    conn, bounds = asked.conn, asked.bounds
    values = bounds | {"meters": [meter["id"] for meter in meters], "codes": [meter["code"] for meter in meters]}
    events = conn.cursor(row_factory=dict_row).execute(sql("explain.events"), values).fetchall()
    chain: dict[str, list[Listed]] = defaultdict(list)
    for one in corrections.listed(conn, asked.enterprise, **bounds):
        chain[one.meter].append(one)
    rejected: dict[str, dict[str, int]] = defaultdict(dict)
    for code, reason, count in conn.execute(sql("explain.rejected"), values | {"enterprise": asked.enterprise}):
        rejected[code][reason] = count
    return _Evidence(
        _made_by_meter(asked, [meter["id"] for meter in meters if meter["kind"] != "virtual"]),
        dict(conn.execute(sql("explain.received"), values).fetchall()),
        _by_meter(conn.execute(sql("explain.stored"), values).fetchall()),
        _by_meter(conn.execute(sql("explain.told"), values).fetchall()),
        {id_: [_without_id(e) for e in some] for id_, some in groupby(events, lambda event: event["meter_id"])},
        chain,
        rejected,
        meter_record.of_meters(conn, asked.enterprise, {meter["id"]: meter["code"] for meter in meters}, **bounds),
    )


def _without_id(event: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in event.items() if name != "meter_id"}


def _by_meter(rows: Sequence[Row]) -> dict[int, list[Row]]:
    return {id_: [row[1:] for row in some] for id_, some in groupby(rows, lambda row: row[0])}


def _made_by_meter(asked: _Asked, meters: list[int]) -> dict[int, Made]:
    since, until = (micros(edge) for edge in asked.bounds.values())
    found = rollup.made(asked.conn, asked.snapshot, np.array(meters, dtype=np.int64), since, until)
    by_meter = {}
    for one in found:
        for meter in np.union1d(one.readings.meter, one.pieces.meter).tolist():
            by_meter[meter] = _of_meter(one, meter)
    return by_meter


def _of_meter(made: Made, meter: int) -> Made:
    """The part of one meter; everything but what was set aside is sorted by meter."""
    aside, told, raw = made.amounts.set_aside, made.readings, made.amounts.pieces
    mine = aside.meter == meter
    set_aside = SetAside(aside.meter[mine], aside.time[mine], aside.flag[mine])
    amounts = Amounts(raw.of(_part(raw.meter, meter)), set_aside, made.amounts.undecided)
    at = _part(told.meter, meter)
    readings = Readings(told.meter[at], told.time[at], told.value[at], told.flags[at])
    return Made(readings, amounts, made.pieces.of(_part(made.pieces.meter, meter)))


def _part(meters: Ints, meter: int) -> slice:
    return slice(*np.searchsorted(meters, [meter, meter + 1]).tolist())


def _meter(
    asked: _Asked, meter: Mapping[str, Any], found: _Evidence, used: Mapping[str, UsageRow], in_full: bool
) -> MeterTold:
    part = contribution(
        meter["level"], meter["in_total"], meter["role"],
        meter["parent_level"], meter["parent_in_total"], meter["parent_role"],
    )  # fmt: skip
    id_, code = meter["id"], meter["code"]
    row = used[code] if code in used else _used(asked, code)
    made, sight = found.made.get(id_), _Sight(asked, meter, found.made.get(id_))
    facts = {field.name: meter[field.name] for field in fields(MeterTold) if field.name in meter}
    return MeterTold(
        **facts,
        counts=part.counts,
        sign=part.sign,
        reason=part.reason,
        usage=row,
        by_readings=sight.by_readings(*asked.bounds.values()),
        received=sight.readings(found.received.get(id_, 0), found.stored.get(id_, [])),
        conflicts=_conflicts(found.told.get(id_, [])),
        set_aside=sight.set_aside(),
        steps=sight.steps(),
        unknown=[] if meter["kind"] == "virtual" else sight.unknown(),
        events=found.events.get(id_, []),
        corrections=[
            CorrectionTold(**vars(one), in_place_of=sight.by_readings(one.since, one.until))
            for one in found.corrections.get(code, [])
        ],
        rejected=found.rejected.get(code, {}),
        readings=sight.in_full() if in_full and made else [] if in_full else None,
        computed=_computed(asked, id_, used),
        record=found.records[id_],
    )


def _used(asked: _Asked, code: str) -> UsageRow:
    days = asked.month.first, asked.month.until
    (row,) = meter_usage(asked.conn, asked.enterprise, code, *days, "month", asked.zone, asked.now)
    return row


def _computed(asked: _Asked, meter: int, used: Mapping[str, UsageRow]) -> Computed | None:
    """Of a virtual meter, None of others."""
    one = asked.snapshot.virtuals.by_id.get(meter)
    if one is None:
        return None
    rows = [used[code] if code in used else _used(asked, code) for code in one.formula.inputs]
    return Computed(one.written, one.unit, rows)


def _conflicts(told: Sequence[Row]) -> list[Conflict]:
    """Times for which different values were told; the same value told again by another way is none."""
    found = []
    for time, rows in groupby(told, lambda row: row[0]):
        ranked = sorted(
            ((Told(value, source, seq), received) for _, value, source, seq, received in rows),
            key=lambda one: one[0].rank,
        )
        others = [one for one in ranked[:-1] if one[0].value != ranked[-1][0].value]
        if others:
            why = evidence.why_chosen(ranked[-1][0], [one for one, _ in others])
            found.append(Conflict(time, _told(time, ranked[-1]), [_told(time, one) for one in others], why))
    return found


def _told(time: datetime, one: tuple[Told, datetime]) -> ReadingTold:
    told, received = one
    return ReadingTold(time, told.value, SOURCES.get(told.source), told.seq, received)


class _Sight:
    """One meter's month as the rollup saw it."""

    def __init__(self, asked: _Asked, meter: Mapping[str, Any], made: Made | None) -> None:
        self.asked, self.meter, self.made = asked, meter, made
        self.since, self.until = (micros(edge) for edge in asked.bounds.values())
        aside = made.amounts.set_aside if made else None
        self.aside = dict(zip(aside.time.tolist(), aside.flag.tolist(), strict=True)) if aside else {}
        self.time = made.readings.time if made else np.empty(0, dtype=np.int64)

    def readings(self, received: int, stored: Sequence[Row]) -> ReadingsTold:
        believed = ~np.isin(self.time, list(self.aside))
        inside = believed & (self.time >= self.since) & (self.time <= self.until)
        edges = (
            np.flatnonzero(believed & (self.time < self.since))[-1:],
            np.flatnonzero(inside)[:1],
            np.flatnonzero(inside)[-1:],
            np.flatnonzero(believed & (self.time > self.until))[:1],
        )
        arrived = [edge for row in stored for edge in row[2:4]]
        return ReadingsTold(
            self._expected(),
            received,
            sum(row[1] for row in stored),
            {SOURCES.get(row[0], str(row[0])): row[1] for row in stored},
            min(arrived, default=None),
            max(arrived, default=None),
            *(self._reading(int(edge[0])) if len(edge) else None for edge in edges),
        )

    def _expected(self) -> int:
        """Of its own life, as completeness counts them."""
        meter, nan = self.meter, float("nan")
        begins, ends = meter["begins"], meter["valid_to"]
        life = Expected(
            np.array([meter["interval_minutes"] * 60.0]),
            np.array([nan]),
            np.array([begins.timestamp() if begins else nan]),
            np.array([ends.timestamp() if ends else np.inf]),
        )
        bounds = self.asked.bounds
        return life.slots(bounds["since"].timestamp(), min(bounds["until"], self.asked.now).timestamp())[0]

    def _reading(self, at: int, **more: Any) -> ReadingTold:
        assert self.made is not None
        value, flags = float(self.made.readings.value[at]), int(self.made.readings.flags[at])
        time = int(self.time[at])
        aside = quality.names(self.aside[time])[0] if time in self.aside else None
        return ReadingTold(instant(time), value, flags=quality.names(flags), set_aside=aside, **more)

    def set_aside(self) -> list[ReadingTold]:
        inside = (self.time >= self.since) & (self.time <= self.until) & np.isin(self.time, list(self.aside))
        return [self._reading(at) for at in np.flatnonzero(inside).tolist()]

    def _is_inside(self, time: int) -> bool:
        return self.since <= time <= self.until

    def steps(self) -> list[StepTold]:
        """Odd steps of the readings themselves, as they are without corrections."""
        if self.made is None:
            return []
        interval = self.meter["interval_minutes"] * 60_000_000
        found = evidence.odd_steps(self.made.amounts.pieces, interval, self.since, self.until)
        return [
            StepTold(
                instant(one.since),
                instant(one.until),
                one.amount,
                one.low,
                one.high,
                None if one.amount is None else one.amount * one.share,
                quality.names(one.flags),
            )
            for one in found
        ]

    def by_readings(self, since: datetime, until: datetime) -> float | None:
        if self.made is None:
            return None
        begin, end = max(micros(since), self.since), min(micros(until), self.until)
        return evidence.amount_within(self.made.amounts.pieces, begin, end)

    def unknown(self) -> list[tuple[datetime, datetime]]:
        """Time of the meter's life in the month, up to now, of which neither readings nor corrections say anything."""
        begins, ends = self.meter["begins"], self.meter["valid_to"]
        since = max(self.since, micros(self.asked.kept), *([micros(begins)] if begins else []))
        until = min(self.until, micros(self.asked.now), *([micros(ends)] if ends else []))
        pieces = self.made.pieces if self.made else _NOTHING
        return [(instant(begin), instant(end)) for begin, end in evidence.unknown(pieces, since, until)]

    def in_full(self) -> list[ReadingTold]:
        """Every reading of the month, with what it brought."""
        assert self.made is not None
        values = self.asked.bounds | {"meter": self.meter["id"]}
        came = {row[0]: row[2:5] for row in self.asked.conn.execute(sql("explain.readings"), values)}
        raw = self.made.amounts.pieces
        label = raw.since if self.meter["label"] == "start" and self.meter["kind"] != "register" else raw.until
        brought = dict(zip(label.tolist(), raw.amount.tolist(), strict=True))
        told = []
        for at, time in enumerate(self.time.tolist()):
            if self._is_inside(time):
                source, seq, received = came[instant(time)]
                amount = brought.get(time, float("nan"))
                more = {"amount": None if amount != amount else amount, "seq": seq, "received": received}
                told.append(self._reading(at, source=SOURCES.get(source), **more))
        return told


_NOTHING = Pieces(*(np.empty(0, dtype=np.int64) for _ in fields(Pieces)))  # type: ignore[arg-type]

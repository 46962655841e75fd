"""Usage as it is told: rows of the contract for an enterprise, a meter or the key units of a region.

Completeness stands beside every figure: the share of the readings expected by the approved interval that came. An
amount of which nothing is known is None; what is known in part is "at least", with `low` and `high`, high None where
nothing bounds it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import reduce
from operator import or_
from types import MappingProxyType
from typing import Any, Literal
from zoneinfo import ZoneInfo

import numpy as np
from psycopg import Connection

from energy import quality
from energy.expected import Expected
from energy.factors import KJ_PER_KGCE
from energy.periods import Period, midnight
from energy.quality import Flag
from energy.refused import Refused
from storage import registry, returns
from storage.returns import Standing
from storage.snapshot import Snapshot, current
from storage.sql import sql
from storage.usage_rollup import converted

By = Literal["hour", "day", "month"]
TOLERANCE_S = 60  # a reading a minute off a boundary covers it (upload rules)


@dataclass(frozen=True)
class UsageRow:
    """One carrier or meter in one period, in the carrier's own unit, tce and tCO2 in t; the usage row of the contract.

    completeness: 0 to 1, None where no reading was expected. estimated: share of the amount that stands by estimate.
    covered: share of the time for which the amount is known.
    peak_at_least: a feeder is missing or measured coarser than 15 minutes. factors: what converted it, with its source.
    """

    period: str
    carrier: str
    meter: str | None
    amount: float | None
    unit: str
    low: float | None
    high: float | None
    tce_equivalent: float | None
    tce_equal_value: float | None
    tce_assessed: float | None
    tco2: float | None
    tce_medium: float | None
    peak_kw: float | None
    peak_at: datetime | None
    peak_at_least: bool
    completeness: float | None
    estimated: float | None
    flags: list[str]
    factors: list[dict[str, Any]]
    covered: float | None = None


@dataclass(frozen=True)
class Totals:
    """Sums over carriers. tce_gbt2589 adds purchased energy media to the equivalent total (GB/T 2589-2020 综合能耗).

    at_least: something is unknown of what they sum, and no part of them (EC-44).
    """

    tce_equivalent: float | None
    tce_equal_value: float | None
    tce_assessed: float | None
    tco2: float | None
    tce_gbt2589: float | None
    at_least: bool


class UnknownSubject(Refused):
    """Nobody of that code is registered."""


@dataclass(frozen=True)
class _Made:
    """What conversion made of an amount, in t."""

    tce_equivalent: float | None = None
    tce_equal_value: float | None = None
    tce_assessed: float | None = None
    tco2: float | None = None
    tce_medium: float | None = None


FactorIds = tuple[Sequence[int], Sequence[int], Sequence[int]]


@dataclass(frozen=True)
class _Sum:
    """Figures of one carrier and period before completeness: the columns of the statements in sql/figures.sql."""

    carrier: str
    period: str
    amount: float | None
    low: float | None
    high: float | None
    made: _Made
    peak: list[float] | None
    peak_partial: bool
    estimated: float
    covered_s: int
    received: int
    flags: int
    factors: FactorIds


def enterprise_usage(
    conn: Connection, code: str, since: date, until: date, by: By, zone: ZoneInfo, now: datetime
) -> list[UsageRow]:
    """One row for each carrier that counts and each period that begins in [since, until) and has begun by now."""
    _require(conn, code, None)
    counting = _counting(conn, {"enterprise": code, "regions": None})
    if by == "hour":
        found = _hours(conn, sql("figures.hours"), {"enterprise": code}, since, until, zone, current(conn))
    else:
        found = _by_days(conn, {"enterprise": code, "regions": None}, since, until, by)
    returned = {} if by == "hour" else returns.standing(conn, code, zone)
    return _rows(conn, found, counting, _spans(since, until, by, zone, now), now, None, returned)


def region_usage(
    conn: Connection, code: str, since: date, until: date, by: By, zone: ZoneInfo, now: datetime
) -> list[UsageRow]:
    """The key units of a region and of those below it, added up. Not the region's own total (domain rule 6)."""
    regions = registry.regions_below(conn, code)
    if not regions:
        raise UnknownSubject(f"region {code!r} is not registered; `enermon export` lists the regions that are")
    scope = {"enterprise": None, "regions": regions}
    whole_months = since.day == 1 and until.day == 1
    if by == "hour":
        raise Refused("a region has no hourly figures; ask for --by day or --by month, or for one enterprise")
    if by == "month" and whole_months:
        rows = conn.execute(sql("figures.by_months"), scope | {"since": since, "until": until}).fetchall()
        found = [_sum(row, "month") for row in rows]
    else:
        found = [replace(one, peak=None) for one in _by_days(conn, scope, since, until, by)]
    return _rows(conn, found, _counting(conn, scope), _spans(since, until, by, zone, now), now, None)


def meter_usage(
    conn: Connection, enterprise: str, meter: str, since: date, until: date, by: By, zone: ZoneInfo, now: datetime
) -> list[UsageRow]:
    """One meter's consumption, counting or not, with its own conversion."""
    _require(conn, enterprise, meter)
    row = conn.execute(sql("figures.meter"), {"enterprise": enterprise, "meter": meter}).fetchone()
    assert row is not None
    if by == "hour":
        found = _hours(conn, sql("figures.meter_hours"), {"meter_id": row[2]}, since, until, zone, current(conn))
    else:
        found = _joined(_meter_days(conn, [row[2]], since, until, zone)[row[2]], by)
    return _rows(conn, found, {row[1]: _expected([row])}, _spans(since, until, by, zone, now), now, meter)


def meters_usage(
    conn: Connection, enterprise: str, month: Period, zone: ZoneInfo, now: datetime
) -> dict[str, UsageRow]:
    """What `meter_usage` says of a month that has begun, of every meter of an enterprise by its code, asked at once."""
    every = conn.execute(sql("figures.meter"), {"enterprise": enterprise, "meter": None}).fetchall()
    days = _meter_days(conn, [row[2] for row in every], month.first, month.until, zone)
    sums = {meter: one for meter, some in days.items() for one in _joined(some, "month")}
    units: dict[str, str] = dict(conn.execute(sql("figures.units")).fetchall())
    factors = _factors(conn, list(sums.values()))
    (span,) = _spans(month.first, month.until, "month", zone, now)
    return {
        row[8]: _row(sums.get(row[2]), row[1], units[row[1]], _expected([row]), span, now, row[8], factors)
        for row in every
    }


def _meter_days(
    conn: Connection, meters: Sequence[int], since: date, until: date, zone: ZoneInfo
) -> dict[int, list[_Sum]]:
    """Days of these meters by id, each with its own conversion, in order of time."""
    asked = {"meters": list(meters), "since": midnight(since, zone), "until": midnight(until, zone), "zone": zone.key}
    rows = conn.execute(sql("figures.meter_days"), asked).fetchall()
    made = converted([row[:16] for row in rows], current(conn), datetime.now(UTC))
    found: dict[int, list[_Sum]] = defaultdict(list)
    for row, figures in zip(rows, made, strict=True):
        found[row[16]].append(_converted(row, figures, row[2].isoformat()))
    return found


def totals(rows: Iterable[UsageRow]) -> Totals:
    """Sums over rows. None where nothing is known; a carrier of which nothing is known makes the sum "at least"."""
    every = list(rows)
    names = ("tce_equivalent", "tce_equal_value", "tce_assessed", "tco2")
    sums = [_total([getattr(row, name) for row in every]) for name in names]
    media = _total([row.tce_medium for row in every])
    gbt2589 = None if sums[0] is None else sums[0] + (media or 0.0)
    return Totals(sums[0], sums[1], sums[2], sums[3], gbt2589, any(map(_is_unknown, every)))


def _is_unknown(row: UsageRow) -> bool:
    """Whether more may have been used than the row's figures say."""
    is_unconverted = row.amount is not None and row.tce_equivalent is None and row.tce_medium is None
    return is_unconverted or row.low != row.high or bool({"missing", "factor_missing"} & set(row.flags))


def _total(values: Sequence[float | None], every: bool = False) -> float | None:
    """The sum of what is known; with `every`, None unless all of it is."""
    known = [value for value in values if value is not None]
    return sum(known) if known and not (every and len(known) < len(values)) else None


def _require(conn: Connection, enterprise: str, meter: str | None) -> None:
    row = conn.execute(sql("figures.exists"), {"enterprise": enterprise, "meter": meter}).fetchone()
    if not (row and row[0]):
        whose = f"enterprise {enterprise!r}" if meter is None else f"meter {meter!r} of enterprise {enterprise!r}"
        raise UnknownSubject(f"{whose} is not registered; import it, or `enermon export DIR` shows what is")


# Periods ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Span:
    name: str
    since: datetime
    until: datetime


def _spans(since: date, until: date, by: By, zone: ZoneInfo, now: datetime) -> list[_Span]:
    """The periods of [since, until) that have begun; a period cut by the range keeps its name."""
    begin, end = midnight(since, zone), midnight(until, zone)
    spans = _hour_spans(begin, end, zone) if by == "hour" else _day_spans(since, until, by, zone)
    return [_Span(one.name, max(one.since, begin), min(one.until, end)) for one in spans if one.since <= now]


def _hour_spans(begin: datetime, end: datetime, zone: ZoneInfo) -> list[_Span]:
    count = int((end - begin) / timedelta(hours=1))
    starts = [begin + timedelta(hours=number) for number in range(count)]
    return [_Span(_hour_name(start, zone), start, start + timedelta(hours=1)) for start in starts]


def _hour_name(start: datetime, zone: ZoneInfo) -> str:
    return start.astimezone(zone).isoformat(timespec="seconds")


def _day_spans(since: date, until: date, by: By, zone: ZoneInfo) -> list[_Span]:
    if by == "month":
        every: Iterable[Period] = Period("", since, until).months() if since < until else ()
    else:
        days = [since + timedelta(days=number) for number in range((until - since).days)]
        every = (Period(day.isoformat(), day, day + timedelta(days=1)) for day in days)
    return [_Span(one.name, one.since(zone), one.end(zone)) for one in every]


# Sums ---------------------------------------------------------------------------------------------


def _by_days(conn: Connection, scope: dict[str, Any], since: date, until: date, by: By) -> list[_Sum]:
    values = scope | {"since": since, "until": until, "step": by}
    return [_sum(row, by) for row in conn.execute(sql("figures.by_days"), values).fetchall()]


def _sum(row: Sequence[Any], by: str) -> _Sum:
    name = f"{row[1]:%Y-%m}" if by == "month" else row[1].isoformat()
    factors = (row[16] or [], row[17] or [], row[18] or [])
    end = (row[10], row[11], row[12], row[13], row[14], row[15])
    return _Sum(row[0], name, row[2], row[3], row[4], _Made(*row[5:10]), *end, factors)


def _hours(
    conn: Connection,
    query: Any,
    values: dict[str, Any],
    since: date,
    until: date,
    zone: ZoneInfo,
    snapshot: Snapshot,
) -> list[_Sum]:
    bounds = {"since": midnight(since, zone), "until": midnight(until, zone), "zone": zone.key}
    rows = conn.execute(query, values | bounds).fetchall()
    made = converted([row[:16] for row in rows], snapshot, datetime.now(UTC))
    return [_hour(row, figures, zone) for row, figures in zip(rows, made, strict=True)]


def _hour(row: Sequence[Any], figures: Sequence[Any], zone: ZoneInfo) -> _Sum:
    return _converted(row, figures, _hour_name(row[16], zone))


def _converted(row: Sequence[Any], figures: Sequence[Any], period: str) -> _Sum:
    """From one row of `hours` or `meter_days` and what conversion made of it: the columns of `usage`."""
    made = _Made(figures[10], figures[13], figures[16], figures[17], figures[18])
    equivalent, equal, co2 = ([each] if each is not None else [] for each in figures[26:29])
    end = (row[10], row[11], row[12], row[13], row[14], figures[25], (equivalent, equal, co2))
    return _Sum(row[1], period, row[3], row[4], row[5], made, *end)


def _joined(days: Sequence[_Sum], by: By) -> list[_Sum]:
    """Days of one meter as they are, or added up to months, in order of time."""
    groups: dict[str, list[_Sum]] = defaultdict(list)
    for one in days:
        groups[one.period[:10] if by == "day" else one.period[:7]].append(one)
    return [_added(name, parts) for name, parts in groups.items()]


def _added(name: str, parts: Sequence[_Sum]) -> _Sum:
    known = any(part.amount is not None for part in parts)
    amounts = [part.low if part.amount is None else part.amount for part in parts]
    bounded = all(part.high is not None or part.low is None for part in parts)
    return _Sum(
        parts[0].carrier,
        name,
        _total(amounts) if known else None,
        _total([part.low for part in parts]),
        _total([part.high for part in parts]) if bounded else None,
        _Made(*(_total([getattr(part.made, field.name) for part in parts]) for field in fields(_Made))),
        max((part.peak for part in parts if part.peak), default=None),
        any(part.peak_partial for part in parts),
        sum(part.estimated for part in parts),
        sum(part.covered_s for part in parts),
        sum(part.received for part in parts),
        reduce(or_, (part.flags for part in parts)),
        (_ids(parts, 0), _ids(parts, 1), _ids(parts, 2)),
    )


def _ids(parts: Sequence[_Sum], kind: int) -> list[int]:
    return sorted({id_ for part in parts for id_ in part.factors[kind]})


# Rows ---------------------------------------------------------------------------------------------


def _counting(conn: Connection, scope: dict[str, Any]) -> dict[str, Expected]:
    """What is expected of the counting meters, by carrier."""
    found: dict[str, list[Sequence[Any]]] = defaultdict(list)
    for row in conn.execute(sql("figures.counting"), scope):
        found[row[1]].append(row)
    return {carrier: _expected(rows) for carrier, rows in found.items()}


def _expected(rows: Sequence[Sequence[Any]]) -> Expected:
    """From rows of the statements `counting` and `meter`."""
    nan, ever = float("nan"), float("inf")
    return Expected(
        np.array([row[3] * 60.0 for row in rows]),
        np.array([nan if row[4] is None else row[4] for row in rows], dtype=np.float64),
        np.array([row[5].timestamp() if row[5] else nan for row in rows]),
        np.array([row[6].timestamp() if row[6] else ever for row in rows]),
        np.array([row[7] < 0 for row in rows], dtype=bool),
    )


_NOBODY = _expected([])


def _rows(
    conn: Connection,
    found: Sequence[_Sum],
    counting: dict[str, Expected],
    spans: Sequence[_Span],
    now: datetime,
    meter: str | None,
    returned: Mapping[str, Standing] = MappingProxyType({}),
) -> list[UsageRow]:
    units: dict[str, str] = dict(conn.execute(sql("figures.units")).fetchall())
    factors = _factors(conn, found)
    sums = {(one.carrier, one.period): one for one in found}
    carriers = sorted({*counting, *(one.carrier for one in found), *returned})
    rows = []
    for span in spans:
        for carrier in carriers:
            one, meters = sums.get((carrier, span.name)), counting.get(carrier, _NOBODY)
            row = _row(one, carrier, units[carrier], meters, span, now, meter, factors)
            rows.append(_as_returned(row, returned[carrier], span, now) if carrier in returned else row)
    return rows


def _as_returned(row: UsageRow, standing: Standing, span: _Span, now: datetime) -> UsageRow:
    """Where returns alone make a usage, it is complete as far as they reach; a month without one is missing."""
    share = standing.share(span.since, span.until, now)
    if share is None or (share == 0 and (row.completeness is not None or row.amount is not None)):
        return row
    begins = Flag.BEGINS if standing.begins > span.since else Flag(0)
    flags = quality.names(
        reduce(or_, (Flag[name.upper()] for name in row.flags), begins | (Flag.MISSING if share < 1 else Flag(0)))
    )
    return replace(row, completeness=share, high=row.high if share == 1 else None, flags=flags)


def _row(
    one: _Sum | None,
    carrier: str,
    unit: str,
    meters: Expected,
    span: _Span,
    now: datetime,
    meter: str | None,
    factors: dict[int, dict[str, Any]],
) -> UsageRow:
    begin, end = span.since.timestamp(), span.until.timestamp()
    expected, expected_s = meters.slots(begin, min(end, now.timestamp()))
    one = one or _Sum(carrier, span.name, None, None, None, _Made(), None, False, 0.0, 0, 0, 0, ([], [], []))
    missing_s = expected_s - one.covered_s
    is_missing = missing_s > TOLERANCE_S * max(len(meters), 1)
    return UsageRow(
        period=span.name,
        carrier=carrier,
        meter=meter,
        amount=one.amount,
        unit=unit,
        low=_lowest(one.low, meters.most_sold_in(missing_s)) if is_missing else one.low,
        high=_total([one.high, meters.most_in(missing_s)], every=True) if is_missing else one.high,
        **vars(one.made),
        peak_kw=one.peak[0] if one.peak else None,
        peak_at=datetime.fromtimestamp(-one.peak[1], UTC) if one.peak else None,
        peak_at_least=one.peak_partial,
        completeness=min(1.0, one.received / expected) if expected else None,
        estimated=None if one.amount is None else abs(one.estimated / one.amount) if one.amount else 0.0,
        flags=quality.names(
            one.flags | (Flag.MISSING if is_missing else 0) | (Flag.BEGINS if meters.begins_within(begin, end) else 0)
        ),
        factors=_told(one, factors),
        covered=min(1.0, one.covered_s / expected_s) if expected_s else None,
    )


def _lowest(low: float | None, sold: float | None) -> float | None:
    """The lower bound where a meter that is taken off may be among the missing; None where nothing bounds it."""
    return None if low is None or sold is None else low - sold


def _factors(conn: Connection, found: Sequence[_Sum]) -> dict[int, dict[str, Any]]:
    ids = sorted({id_ for one in found for kind in one.factors for id_ in kind})
    names = (
        "kgce_per_unit",
        "kgce_equal_per_unit",
        "kgco2_per_unit",
        "unit",
        "method",
        "confidence",
        "valid_from",
        "source",
        "lhv_kj_per_unit",
        "kgco2_per_mj",
        "gas_condition",
    )
    rows = conn.execute(sql("figures.factors"), {"ids": ids}).fetchall() if ids else []
    return {row[0]: dict(zip(names, row[1:], strict=True)) for row in rows}


_KINDS = (("equivalent", "kgce_per_unit"), ("equal_value", "kgce_equal_per_unit"), ("co2", "kgco2_per_unit"))


def _told(one: _Sum, factors: dict[int, dict[str, Any]]) -> list[dict[str, Any]]:
    """The factors of one row as the contract's row tells them."""
    told = []
    for (kind, column), ids in zip(_KINDS, one.factors, strict=True):
        for id_ in (one for one in ids if one in factors):  # a derived one may be gone until all is drained
            about = factors[id_]
            value, unit = _value(kind, about[column], about)
            plain = {name: about[name] for name in ("method", "confidence", "source", "gas_condition")}
            told.append({"kind": kind, "value": value, "unit": unit, "valid_from": str(about["valid_from"])} | plain)
    return told


def _value(kind: str, stated: Decimal | None, about: Mapping[str, Any]) -> tuple[float | None, str]:
    """What one factor says, and for one of which unit: emission may stand for the energy of a heating value."""
    if stated is None and kind == "co2":
        return float(about["kgco2_per_mj"]), "MJ"
    if stated is None:
        stated = about["kgce_per_unit"]
    if stated is None:
        stated = about["lhv_kj_per_unit"] / KJ_PER_KGCE
    return float(stated), about["unit"]

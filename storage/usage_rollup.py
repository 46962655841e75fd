"""Usage from consumption: hours of enterprises, days with tce and tCO2, months.

Only what was touched is computed: the hours in which a counting meter changed, the days of those hours, their months.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from psycopg import Connection

from energy import periods
from energy.factors import Coefficients as Chosen
from energy.quality import Flag
from energy.registers import HOUR, Floats, Ints
from energy.usage import Coefficients, Parts, convert, tce
from storage import binary, returns
from storage.arrays import instant
from storage.snapshot import KW_OF, Snapshot
from storage.sql import sql
from storage.stale import StaleSpan

LOOK_UP_COST = 10  # looking a row up costs as much as passing so many (measured about 4 against 0.4 microseconds)
_TOUCHED = binary.Layout([("enterprise_id", ">i4"), ("hour", ">i8")])
_COUNTING = "counting_version", "hold_counting_version"  # first without waiting for another worker's round
NO_FUEL = {"power", "heat"}  # carrier categories that do not burn at the user's


@dataclass(frozen=True)
class Touched:
    """Hours of meters that were written: usage of their enterprises must follow."""

    meter: Ints
    hour: Ints


def keep_counting(conn: Connection, snapshot: Snapshot) -> None:
    """Write down which meters count, if the registry has changed since that was last done."""
    if any(conn.execute(sql(f"usage.{ask}")).fetchone() == (snapshot.version,) for ask in _COUNTING):
        return
    conn.execute(sql("usage.forget_counting"))
    with conn.cursor() as cursor, cursor.copy(sql("usage.copy_counting")) as copy:
        for meter in np.flatnonzero(snapshot.counts).tolist():
            signs = snapshot.signs[meter].tolist()
            carrier, unit = snapshot.carrier[meter], snapshot.factors.carriers[snapshot.carrier[meter]].unit
            sign = signs[0] + signs[1] - signs[2]
            kw_of_unit = KW_OF.get(unit) if sign and snapshot.has_demand[meter] else None
            enterprise = int(snapshot.enterprise[meter])
            copy.write_row((meter, enterprise, carrier, *signs, sign, kw_of_unit, bool(snapshot.coarse[meter])))
    conn.execute(sql("usage.analyze_counting"))
    conn.execute(sql("usage.set_counting_version"), {"version": snapshot.version})


def recompute(
    conn: Connection,
    snapshot: Snapshot,
    touched: Sequence[Touched],
    days_only: Sequence[StaleSpan],
    zone: ZoneInfo,
    now: datetime,
) -> None:
    """Usage of all that was touched, and of the days whose conversion alone changed."""
    for statement in ("touched", "touched_days", "empty_touched"):
        conn.execute(sql(f"usage.{statement}"))
    returns.refresh(conn, [span for span in days_only if span.why == "return"], zone)
    enterprise, hour = _hours_of(snapshot, touched)
    if len(hour):
        _recompute_hours(conn, snapshot, enterprise, hour)
        conn.execute(sql("usage.touch_days"), {"zone": zone.key})
    _touch_days(conn, days_only, zone)
    conn.execute(sql("usage.analyze_days"))
    _recompute_days(conn, snapshot, now, has_returns=returns.widen(conn, zone))


def _hours_of(snapshot: Snapshot, touched: Sequence[Touched]) -> tuple[Ints, Ints]:
    """Distinct (enterprise, hour); of meters that do not count too, for they may have counted until now."""
    if not touched:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    meter, hour = (np.concatenate([getattr(each, name) for each in touched]) for name in ("meter", "hour"))
    enterprise, hour = snapshot.enterprise[meter], hour // HOUR
    if not len(hour):
        return enterprise, hour
    low, width = int(hour.min()), int(hour.max() - hour.min()) + 1
    code = np.unique(enterprise * width + (hour - low))
    return code // width, (code % width + low) * HOUR


def _recompute_hours(conn: Connection, snapshot: Snapshot, enterprise: Ints, hour: Ints) -> None:
    rows = _TOUCHED.pack(len(hour), enterprise_id=enterprise, hour=hour)
    binary.copy_in(conn, sql("usage.copy_touched"), rows)
    conn.execute(sql("usage.analyze_touched"))
    _join_by(conn, one_pass=False)
    conn.execute(sql("usage.forget_hours"))
    first, end = int(hour.min()), int(hour.max()) + HOUR
    one_pass = _is_dense(snapshot, enterprise, (end - first) // HOUR)
    _join_by(conn, one_pass)
    bounds = {"since": instant(first), "until": instant(end)} if one_pass else {"since": None, "until": None}
    conn.execute(sql("usage.add_hours"), bounds)
    _join_by(conn, one_pass=False)


def _is_dense(snapshot: Snapshot, enterprise: Ints, hours: int) -> bool:
    """Whether looking every row up would cost more than reading all meters' rows of these hours once."""
    size = len(snapshot.enterprise)
    counting = np.bincount(snapshot.enterprise[snapshot.counts], minlength=int(snapshot.enterprise.max()) + 1)
    return bool(counting[enterprise].sum() * LOOK_UP_COST > hours * size)


def _join_by(conn: Connection, one_pass: bool) -> None:
    choice = {"look_up": "off" if one_pass else "on", "one_pass": "on" if one_pass else "off"}
    conn.execute(sql("usage.join_by"), choice)


def _touch_days(conn: Connection, spans: Sequence[StaleSpan], zone: ZoneInfo) -> None:
    """Days of spans that name no meters; those far outside any data cost nothing, for no usage lies there."""
    if not spans:
        return
    row = conn.execute(sql("usage.day_range")).fetchone()
    first, last = row if row else (None, None)
    if first is None:
        return
    with conn.cursor() as cursor, cursor.copy(sql("usage.copy_touched_days")) as copy:
        for enterprise, day in sorted(_days_of(spans, zone, first, last)):
            since, until = periods.midnight(day, zone), periods.midnight(day + timedelta(days=1), zone)
            copy.write_row((enterprise, day, since, until))
    conn.execute(sql("usage.distinct_days"))


def _days_of(spans: Sequence[StaleSpan], zone: ZoneInfo, first: date, last: date) -> set[tuple[int, date]]:
    days = set()
    for span in spans:
        day, until = max(_day(span.since, zone), first), min(_day(span.until, zone), last)
        while day <= until:
            days.add((span.enterprise_id, day))
            day += timedelta(days=1)
    return days


def _day(instant: datetime, zone: ZoneInfo) -> date:
    return periods.day_of(instant, zone)


def _recompute_days(conn: Connection, snapshot: Snapshot, now: datetime, has_returns: bool) -> None:
    conn.execute(sql("usage.spoil_days"))
    rows = conn.execute(sql("usage.days"), binary=True).fetchall()
    for statement in ("forget_kept_days", "forget_old_days"):
        conn.execute(sql(f"usage.{statement}"))
    rows = returns.joined(conn, rows) if has_returns else rows
    lines = "".join(map(_line, converted(rows, snapshot, now)))
    conn.execute(sql("usage.forget_days"))
    with conn.cursor() as cursor, cursor.copy(sql("usage.copy_days")) as copy:
        copy.write(lines)
    for statement in ("forget_months", "spoil_months"):
        conn.execute(sql(f"usage.{statement}"))
    conn.execute(sql("usage.add_months"), {"now": now})
    conn.execute(sql("usage.forget_kept_months"))
    conn.execute(sql("usage.mark_judgement"))


def converted(rows: list[tuple[Any, ...]], snapshot: Snapshot, now: datetime) -> list[tuple[Any, ...]]:
    """Rows of `usage` from physical sums: the statements `usage.days` and `figures.hours` say what comes in."""
    if not rows:
        return []
    chosen = [snapshot.coefficients(row[0], row[1], row[2]) for row in rows]
    per_unit = _coefficients(rows, chosen, snapshot)
    amount, low, high = (_floats(row[at] for row in rows) for at in (3, 4, 5))
    parts = Parts(*(_zero_where_none(rows, at) for at in (6, 7, 8, 9)))
    made = convert(parts, per_unit)
    unknown = np.isnan(amount)
    figures = [
        np.where(unknown, np.nan, made.tce_equivalent),
        *(tce(bound, per_unit.kgce_equivalent, per_unit.medium) for bound in (low, high)),
        np.where(unknown, np.nan, made.tce_equal_value),
        *(tce(bound, per_unit.kgce_equal_value, per_unit.medium) for bound in (low, high)),
        *(np.where(unknown, np.nan, figure) for figure in (made.tce_assessed, made.tco2, made.tce_medium)),
    ]
    return [
        (*row[:10], *_nulls(figure[at] for figure in figures), *_end(row, chosen[at], now))
        for at, row in enumerate(rows)
    ]


def _coefficients(rows: list[tuple[Any, ...]], chosen: list[Chosen], snapshot: Snapshot) -> Coefficients:
    carriers = [snapshot.factors.carriers[row[1]] for row in rows]
    return Coefficients(
        _floats(each.kgce_equivalent for each in chosen),
        _floats(each.kgce_equal for each in chosen),
        _floats(each.kgco2 for each in chosen),
        np.array([carrier.is_medium for carrier in carriers]),
        np.array([carrier.category not in NO_FUEL for carrier in carriers]),
    )


def _end(row: tuple[Any, ...], chosen: Chosen, now: datetime) -> tuple[Any, ...]:
    """Peak, coverage, flags and factors: the columns behind the figures."""
    peak = row[10]
    peak_at = datetime.fromtimestamp(-peak[1], UTC) if peak else None
    flags = row[15] | _lacking(chosen)
    factors = (chosen.factor_equivalent, chosen.factor_equal_value, chosen.factor_co2)
    return (peak[0] if peak else None, peak_at, row[11], row[12], row[13] or 0, row[14] or 0, flags, *factors, now)


def _lacking(chosen: Chosen) -> int:
    """Flags of what conversion had to do without."""
    if chosen.kgce_equivalent is None and not chosen.is_medium:
        return int(Flag.CONDITION_UNKNOWN if chosen.is_steam else Flag.FACTOR_MISSING)
    return int(Flag.DEFAULT_VALUE) if chosen.is_stand_in else 0


def _floats(values: Any) -> Floats:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def _zero_where_none(rows: list[tuple[Any, ...]], at: int) -> Floats:
    """A part for which no meter spoke is no part of the sum."""
    return np.nan_to_num(_floats(row[at] for row in rows))


def _nulls(values: Any) -> list[float | None]:
    return [None if value != value else float(value) for value in values]


def _line(row: Sequence[Any]) -> str:
    """One row of text COPY; the values are numbers, times and codes, which need no escaping."""
    return "\t".join(["\\N" if value is None else str(value) for value in row]) + "\n"

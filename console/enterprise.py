"""One enterprise's page: a month of its figures, its power by quarter hours, its meters, what rules made of them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from markupsafe import Markup
from psycopg import Connection

from alerts.rules import UNIT_ENERGY
from console.overview import Patience
from console.words import Words
from energy import periods
from energy.comparison import Compared
from energy.periods import Period
from energy.usage import in_total
from reports.charts import Bar, Point, bars, load_curve
from reports.compare import Figure, is_bounded, total
from reports.figures import side_by_side
from reports.side_by_side import Line, lines
from reports.words import in_language
from storage import reports as reference
from storage.pages import Facts, Finding, Meter, QuarterHours
from storage.reports import Carrier, Factor
from storage.usage import UsageRow, enterprise_usage

CURVE_DAYS = 2
_QUARTER = timedelta(minutes=15)
_MONTH = re.compile(r"\d{4}-\d{2}")
_LINES = {rule: place for place, rule in enumerate(UNIT_ENERGY)}
_TOTALS = ("tce_equivalent", "tce_equal_value", "tce_assessed", "tco2")


@dataclass(frozen=True)
class CarrierRow:
    """Use of one carrier in the month, with the factors that converted it."""

    carrier: Carrier
    usage: UsageRow
    factors: Sequence[Factor]

    @property
    def is_bounded(self) -> bool:
        return is_bounded(self.usage)


@dataclass(frozen=True)
class MeterRow:
    """counts: whether it enters the total. state: ok, silent, ended, with the word of the catalogue."""

    meter: Meter
    counts: bool
    state: str
    calibration_expired: bool


@dataclass(frozen=True)
class Month:
    """What was used in the month, by carrier and day, and since the year began."""

    period: Period
    carriers: Sequence[CarrierRow]
    totals: Mapping[str, Figure]
    year: Mapping[str, Figure]
    completeness: float | None
    days: Sequence[UsageRow]
    comparison: Sequence[tuple[Carrier, Compared]]


def month(conn: Connection, facts: Facts, period: Period, zone: ZoneInfo, now: datetime) -> Month:
    year = periods.year_of(period.first)
    rows = enterprise_usage(conn, facts.code, year.first, period.until, "month", zone, now)
    carriers = reference.carriers(conn)
    counted = [row for row in rows if not carriers[row.carrier].is_medium]
    ours = [row for row in counted if row.period == period.name]
    factors = reference.factors(conn, facts.id, period)
    return Month(
        period,
        [_carrier_row(row, carriers, factors) for row in rows if row.period == period.name],
        {name: total(ours, name) for name in _TOTALS},
        {name: total(counted, name) for name in _TOTALS},
        _completeness(ours),
        enterprise_usage(conn, facts.code, period.first, period.until, "day", zone, now),
        side_by_side(conn, facts.id, period, zone, rows, carriers),
    )


def comparison_lines(month: Month, w: Words) -> list[Line]:
    """The platform's figure, the return and the bill beside one another, in words."""
    return lines(month.comparison, in_language(w.language), w.language)


def _carrier_row(row: UsageRow, carriers: Mapping[str, Carrier], factors: Sequence[Factor]) -> CarrierRow:
    return CarrierRow(carriers[row.carrier], row, [one for one in factors if one.carrier == row.carrier])


def _completeness(rows: Sequence[UsageRow]) -> float | None:
    """The worst of the carriers: a total is as complete as its weakest part."""
    return min((row.completeness for row in rows if row.completeness is not None), default=None)


def daily_chart(month: Month, today: date, w: Words) -> Markup | None:
    """Equivalent tce a day; days to come are left away, a day without data is a gap."""
    by_day: dict[str, list[UsageRow]] = {}
    for row in month.days:
        by_day.setdefault(row.period, []).append(row)
    length = min(month.period.days, (today - month.period.first).days + 1)
    figures = [_day(month.period.first + timedelta(days=at), by_day) for at in range(length)]
    if not any(value is not None for _, value, _ in figures):
        return None
    items: list[Bar] = [(label, value) for label, value, _ in figures]
    least = [label for label, _, is_least in figures if is_least]
    return bars(items, title=w.daily_energy, unit="tce", at_least=least, width=620, say=in_language(w.language))


def _day(day: date, by_day: Mapping[str, list[UsageRow]]) -> tuple[str, float | None, bool]:
    figure = total(by_day.get(day.isoformat(), []), "tce_equivalent")
    return f"{day.day}", figure.value, figure.at_least


def curve_days(asked: date, zone: ZoneInfo, now: datetime) -> tuple[datetime, datetime]:
    """From local midnight of the day before until the end of the asked one, or the last full quarter hour."""
    since = periods.midnight(asked - timedelta(days=CURVE_DAYS - 1), zone)
    last_full = now.replace(minute=now.minute // 15 * 15, second=0, microsecond=0)
    return since, max(since, min(periods.midnight(asked + timedelta(days=1), zone), last_full))


def curve(hours: Sequence[QuarterHours], since: datetime, until: datetime, zone: ZoneInfo) -> list[Point]:
    """Every quarter hour in [since, until) in local time; None where nothing is known."""
    known = {
        hour.hour.astimezone(UTC) + at * _QUARTER: kw
        for hour in hours
        for at, kw in enumerate(hour.quarters or [])
        if kw is not None
    }
    slots = int((until - since) / _QUARTER)
    return [
        ((since + at * _QUARTER).astimezone(zone), known.get(since.astimezone(UTC) + at * _QUARTER))
        for at in range(slots)
    ]


def load_chart(points: Sequence[Point], w: Words) -> Markup | None:
    if not any(value is not None for _, value in points):
        return None
    say = in_language(w.language)
    return load_curve(points, title=w.load_curve, unit="kW", width=620, height=220, say=say)


def meter_rows(meters: Sequence[Meter], patience: Patience) -> list[MeterRow]:
    return [_meter_row(one, patience) for one in meters]


def _meter_row(meter: Meter, patience: Patience) -> MeterRow:
    expired = meter.calibrated_until is not None and meter.calibrated_until < patience.now.date()
    return MeterRow(meter, in_total(meter.level, meter.in_total), _meter_state(meter, patience), expired)


def _meter_state(meter: Meter, patience: Patience) -> str:
    if meter.valid_to is not None and meter.valid_to <= patience.now:
        return "meter_ended"
    if meter.last_time is None:
        return "never"
    return "meter_silent" if patience.is_over(meter.last_time, meter.interval_minutes) else "meter_ok"


@dataclass(frozen=True)
class Outcomes:
    """What rules say: lines of unit energy for a year, the same for single months as information, and all else."""

    lines: Sequence[Finding]
    months: Sequence[Finding]
    others: Sequence[Finding]


def outcomes(findings: Sequence[Finding]) -> Outcomes:
    """Unit energy by product, law before aims."""
    ranked = sorted(findings, key=lambda one: (one.subject, _LINES.get(one.rule, len(_LINES))))
    lines = [one for one in ranked if one.rule.startswith("unit_energy")]
    return Outcomes(
        [one for one in lines if not _MONTH.fullmatch(one.period)],
        [one for one in lines if _MONTH.fullmatch(one.period)],
        [one for one in findings if not one.rule.startswith("unit_energy")],
    )

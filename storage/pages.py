"""What the console's pages show, each asked for in one set-based statement, never enterprise by enterprise.

Functions only read. `snapshot` first makes the transaction read-only and all its figures of one moment.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple, TypeVar

from psycopg import Connection, Cursor
from psycopg.rows import RowFactory, RowMaker, scalar_row

from energy.periods import Period
from storage.sql import sql

Row = TypeVar("Row")

ALL = 100_000  # a limit for lists that are shown whole


@dataclass(frozen=True)
class Freshness:
    """newest_reading: None while no meter has spoken. waiting: readings are not yet worked into the figures."""

    newest_reading: datetime | None
    waiting: bool


@dataclass(frozen=True)
class Named:
    """A code with its name: a region, an industry."""

    code: str
    name: str


@dataclass(frozen=True)
class Unit:
    """One enterprise in a list. part: the region below the asked one that it lies in, or the asked one itself.

    last_time: when any of its meters spoke last, None for never; up to an hour too early, as `meter_span` is.
    interval_minutes: of its slowest meter.
    """

    id: int
    code: str
    name: str
    region: str
    region_name: str
    part: str
    part_name: str
    industry: str | None
    industry_name: str | None
    kind: str
    status: str
    key_class: str | None
    meters: int
    silent_meters: int
    interval_minutes: int
    last_time: datetime | None


class Used(NamedTuple):
    """Use over some months in t; None: nothing is known. at_least: some part is unknown.

    covered_s: seconds for which the counting meters' amounts are known, added over meters; received: their readings.
    """

    tce_equivalent: float | None
    tce_equal_value: float | None
    tce_assessed: float | None
    tco2: float | None
    at_least: bool
    received: int
    covered_s: int


class Expected(NamedTuple):
    """What an enterprise's counting meters should have sent: readings, and the seconds of metering they cover.

    patience_s: seconds whose readings may still be on their way.
    """

    readings: float
    seconds: float
    patience_s: float


@dataclass(frozen=True)
class Progress:
    """One enterprise's quota as the rules see it today, in `unit`. Used: from `low` to `high` (None: no bound).

    state, path_state, forecast_state: ok, warning, cannot_judge; the last two None where that rule has nothing to say.
    """

    code: str
    name: str
    subject: str
    period: str
    state: str
    certainty: str
    low: float | None
    high: float | None
    limit: float | None
    unit: str
    basis: str
    document: str | None
    reason: str
    metric: str
    boundary: str
    path: float | None
    path_state: str | None
    forecast: float | None
    forecast_state: str | None


@dataclass(frozen=True)
class Alert:
    """One case, with the name of whose it is. found: how many the whole question has, beyond this page of it."""

    id: int
    rule: str
    scope: str
    code: str
    name: str
    subject: str
    period: str
    level: str
    state: str
    certainty: str
    observed: float | None
    limit: float | None
    unit: str
    basis: str
    message: str
    opened: datetime
    changed: datetime
    resolved: datetime | None
    acknowledged_by: str | None
    found: int


@dataclass(frozen=True)
class AlertEvent:
    id: int
    at: datetime
    event: str
    level: str | None
    actor: str
    text: str


@dataclass(frozen=True)
class Delivery:
    event_id: int
    channel: str
    state: str
    tries: int
    due: datetime
    sent: datetime | None
    error: str | None


@dataclass(frozen=True)
class Finding:
    """The present outcome of one rule on one subject and period. state: ok, warning, cannot_judge; with its reason."""

    id: int
    rule: str
    scope: str
    code: str
    name: str
    subject: str
    subject_name: str
    period: str
    state: str
    level: str | None
    certainty: str
    observed: float | None
    observed_low: float | None
    observed_high: float | None
    limit: float | None
    unit: str
    basis: str
    document: str | None
    reason: str
    inputs: Mapping[str, Any]
    judged: datetime
    found: int


@dataclass(frozen=True)
class Facts:
    """One enterprise as the registry knows it; None is "not stated"."""

    id: int
    code: str
    name: str
    region: str
    region_name: str
    industry: str | None
    industry_name: str | None
    kind: str
    credit_code: str | None
    legal_entity: str | None
    supervised_by: str | None
    status: str
    key_class: str | None
    floor_area_m2: Decimal | None
    energy_users: Decimal | None
    commissioned_on: date | None
    two_high: bool | None


@dataclass(frozen=True)
class QuarterHours:
    """Mean kW of the four quarters of one hour, None where unknown. partial: some feeder is missing."""

    hour: datetime
    quarters: list[float | None] | None
    partial: bool


@dataclass(frozen=True)
class Meter:
    """One meter with its last effective value in register units, None while it has never spoken."""

    code: str
    name: str
    carrier: str
    carrier_zh: str
    carrier_en: str
    kind: str
    unit: str
    multiplier: float
    interval_minutes: int
    level: int
    in_total: bool | None
    parent: str | None
    role: str
    site: str | None
    process: str | None
    product: str | None
    it_point: str | None
    accuracy_class: str | None
    serial_no: str | None
    calibrated_until: date | None
    valid_from: datetime | None
    valid_to: datetime | None
    first_time: datetime | None
    last_time: datetime | None
    value: float | None


@dataclass(frozen=True)
class VirtualMeter:
    code: str
    name: str
    carrier_zh: str
    carrier_en: str
    unit: str
    formula: str
    in_total: bool | None
    role: str


@dataclass(frozen=True)
class Gateway:
    code: str
    state: str
    since: datetime


@dataclass(frozen=True)
class Report:
    """One run of a report. files: paths as the run recorded them."""

    id: int
    report: str
    scope: str
    code: str
    name: str
    period: str
    due: datetime
    state: str
    finished: datetime | None
    late: bool
    files: list[str]
    error: str | None
    found: int


@dataclass(frozen=True)
class Which:
    """Which of the alerts, findings or reports; None asks for all. limit and offset cut one page out of them.

    enforced: only findings with a warning level, not those that merely inform.
    """

    id: int | None = None
    scope: str | None = None
    code: str | None = None
    region: str | None = None
    state: str | None = None
    level: str | None = None
    rule: str | None = None
    period: str | None = None
    enforced: bool = False
    newest: bool = False
    limit: int = ALL
    offset: int = 0


EVERYTHING = Which()


@dataclass(frozen=True)
class AlertStory:
    """An alert with all that happened to it; deliveries by the event they tell of."""

    alert: Alert
    events: list[AlertEvent]
    deliveries: Mapping[int, list[Delivery]] = field(default_factory=dict)


def snapshot(conn: Connection) -> None:
    """Make the transaction that begins with this read-only and of one moment."""
    conn.execute(sql("pages.snapshot"))


def freshness(conn: Connection) -> Freshness:
    return _rows(conn, Freshness, "freshness")[0]


def common_region(conn: Connection) -> str | None:
    """The smallest region that has every enterprise inside; None without enterprises or without such a region."""
    return next(iter(_column(conn, "common_region")), None)


def lineage(conn: Connection, region: str) -> list[Named]:
    """The region and those it lies in, the topmost first; empty for an unknown code."""
    return _rows(conn, Named, "lineage", region=region)


def regions(conn: Connection) -> list[Named]:
    """Regions with enterprises in them or below them."""
    return _rows(conn, Named, "regions")


def industries(conn: Connection) -> list[Named]:
    return _rows(conn, Named, "industries")


def units(conn: Connection, region: str | None, intervals: float, now: datetime) -> list[Unit]:
    """Enterprises inside the region by code. A meter is silent that has not spoken for more than so many intervals."""
    return _rows(conn, Unit, "units", region=region, intervals=intervals, now=now)


def used(conn: Connection, since: date, month: Period) -> dict[int, tuple[Used, Used]]:
    """Use from `since` to the end of the month, and in the month alone, by enterprise id; absent: without any usage."""
    asked = {"since": since, "month": month.first, "until": month.until}
    rows = conn.execute(sql("pages.used"), asked)
    return {row[0]: (Used._make(row[1:8]), Used._make(row[8:15])) for row in rows}


def expected(
    conn: Connection, since: datetime, month: datetime, until: datetime
) -> dict[int, tuple[Expected, Expected]]:
    """What every enterprise's counting meters should have sent in [since, until) and in [month, until), by its id."""
    rows = conn.execute(sql("pages.expected"), {"since": since, "month": month, "until": until})
    return {row[0]: (Expected._make(row[1:4]), Expected._make(row[4:7])) for row in rows}


def progress(conn: Connection, year: str, code: str | None = None) -> list[Progress]:
    """Quotas for that year or parts of it, of one enterprise or of all, as they have been judged."""
    return _rows(conn, Progress, "progress", year=year, code=code)


def open_alerts(conn: Connection) -> dict[tuple[str, str], dict[str, int]]:
    """How many alerts of each level are not resolved, by (scope, code)."""
    counts: dict[tuple[str, str], dict[str, int]] = {}
    for scope, code, level, count in conn.execute(sql("pages.open_alerts")):
        counts.setdefault((scope, code), {})[level] = count
    return counts


def alerts(conn: Connection, which: Which = EVERYTHING) -> list[Alert]:
    """Alerts, the worst and newest first, or with `newest` by opening alone. State "open" means: not resolved."""
    return _rows(conn, Alert, "alerts", **vars(which))


def alert_story(conn: Connection, alert: int) -> AlertStory | None:
    found = alerts(conn, Which(id=alert))
    if not found:
        return None
    told: dict[int, list[Delivery]] = {}
    for one in _rows(conn, Delivery, "deliveries", alert=alert):
        told.setdefault(one.event_id, []).append(one)
    return AlertStory(found[0], _rows(conn, AlertEvent, "alert_history", alert=alert), told)


def findings(conn: Connection, which: Which = EVERYTHING) -> list[Finding]:
    """Present outcomes; `rule` is the beginning of the rule's name."""
    return _rows(conn, Finding, "findings", **vars(which))


def facts(conn: Connection, code: str) -> Facts | None:
    return next(iter(_rows(conn, Facts, "facts", code=code)), None)


def months(conn: Connection, enterprise: int) -> list[date]:
    """First days of the months for which there is any usage, the newest first."""
    return _column(conn, "months", enterprise=enterprise)


def quarter_hours(conn: Connection, enterprise: int, since: datetime, until: datetime) -> list[QuarterHours]:
    """Electric power by quarter hours in [since, until); hours of which nothing is known are absent."""
    return _rows(conn, QuarterHours, "quarter_hours", enterprise=enterprise, since=since, until=until)


def meters(conn: Connection, enterprise: int) -> list[Meter]:
    """By carrier, level and code."""
    first, until = conn.execute(sql("pages.last_spoken"), {"enterprise": enterprise}).fetchall()[0]
    return _rows(conn, Meter, "meters", enterprise=enterprise, first=first, until=until)


def virtual_meters(conn: Connection, enterprise: int) -> list[VirtualMeter]:
    return _rows(conn, VirtualMeter, "virtual_meters", enterprise=enterprise)


def gateways(conn: Connection, enterprise: int) -> list[Gateway]:
    return _rows(conn, Gateway, "gateways", enterprise=enterprise)


def reports(conn: Connection, which: Which = EVERYTHING) -> list[Report]:
    """Report runs, the newest period first."""
    return _rows(conn, Report, "reports", **vars(which))


def _rows(conn: Connection, kind: type[Row], statement: str, **asked: object) -> list[Row]:
    with conn.cursor(row_factory=_filled(kind)) as rows:
        return rows.execute(sql(f"pages.{statement}"), asked).fetchall()


def _filled(kind: type[Row]) -> RowFactory[Row]:
    """Rows as frozen dataclasses, filled without their `__init__`: a tenth of its time, and pages have thousands."""

    def factory(cursor: Cursor[Any]) -> RowMaker[Row]:
        names = tuple(column.name for column in cursor.description or ())
        wanted = {field.name for field in fields(kind)}  # type: ignore[arg-type]
        if names and set(names) != wanted:
            raise TypeError(f"{kind.__name__} is made of {sorted(wanted)}, and the statement gives {sorted(names)}")

        def make(values: Sequence[Any]) -> Row:
            one = object.__new__(kind)
            one.__dict__.update(zip(names, values, strict=True))
            return one

        return make

    return factory


def _column(conn: Connection, statement: str, **asked: object) -> list[Any]:
    with conn.cursor(row_factory=scalar_row) as rows:
        return rows.execute(sql(f"pages.{statement}"), asked).fetchall()

"""What the console's pages show, each asked for in one set-based statement, never enterprise by enterprise.

Functions only read. `snapshot` first makes the transaction read-only and all its figures of one moment.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from energy import bounds
from energy.bounds import Bounds
from psycopg import Connection
from psycopg.rows import class_row, scalar_row

from storage.sql import sql

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


@dataclass(frozen=True)
class Used:
    """Use over some months in t; None: nothing is known. high None: without a known upper bound."""

    enterprise_id: int
    tce_equivalent: float | None
    tce_equal_value: float | None
    tce_assessed: float | None
    tco2: float | None
    tce_equivalent_low: float | None
    tce_equal_value_low: float | None
    tce_equivalent_high: float | None
    tce_equal_value_high: float | None
    received: int

    def of(self, basis: str) -> Bounds:
        """Bounds of the total in that basis, `equivalent` or `equal_value`."""
        name = f"tce_{basis}"
        return bounds.of(getattr(self, name), getattr(self, f"{name}_low"), getattr(self, f"{name}_high"))


@dataclass(frozen=True)
class Progress:
    """One enterprise's quota as the rules see it today, in `unit`. Used is at least `low`, at most `high` (None: no bound).

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
    """The present outcome of one rule on one subject and period. state: ok, warning, cannot_judge, each with a reason."""

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
    """Which of the alerts, findings or reports; None asks for all. limit and offset cut one page out of them."""

    id: int | None = None
    scope: str | None = None
    code: str | None = None
    region: str | None = None
    state: str | None = None
    level: str | None = None
    rule: str | None = None
    period: str | None = None
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
    with conn.cursor(row_factory=class_row(Freshness)) as rows:
        return rows.execute(sql("pages.freshness")).fetchall()[0]


def common_region(conn: Connection) -> str | None:
    """The smallest region that has every enterprise inside; None without enterprises or without such a region."""
    with conn.cursor(row_factory=scalar_row) as rows:
        code: str | None = rows.execute(sql("pages.common_region")).fetchone()
        return code


def lineage(conn: Connection, region: str) -> list[Named]:
    """The region and those it lies in, the topmost first; empty for an unknown code."""
    with conn.cursor(row_factory=class_row(Named)) as rows:
        return rows.execute(sql("pages.lineage"), {"region": region}).fetchall()


def regions(conn: Connection) -> list[Named]:
    """Regions with enterprises in them or below them."""
    with conn.cursor(row_factory=class_row(Named)) as rows:
        return rows.execute(sql("pages.regions")).fetchall()


def industries(conn: Connection) -> list[Named]:
    with conn.cursor(row_factory=class_row(Named)) as rows:
        return rows.execute(sql("pages.industries")).fetchall()


def units(conn: Connection, region: str | None, intervals: float, now: datetime) -> list[Unit]:
    """Enterprises inside the region, in order of their codes. Silent meters: for more than so many intervals of theirs."""
    asked = {"region": region, "intervals": intervals, "now": now}
    with conn.cursor(row_factory=class_row(Unit)) as rows:
        return rows.execute(sql("pages.units"), asked).fetchall()


def used(conn: Connection, since: date, until: date, enterprise: int | None = None) -> dict[int, Used]:
    """Use in the whole months [since, until) by enterprise id, of one or of all; one without any usage row is absent."""
    asked = {"since": since, "until": until, "enterprise": enterprise}
    with conn.cursor(row_factory=class_row(Used)) as rows:
        found = rows.execute(sql("pages.used"), asked).fetchall()
    return {one.enterprise_id: one for one in found}


def expected(conn: Connection, since: datetime, until: datetime) -> dict[int, float]:
    """How many readings each enterprise's counting meters should have sent in [since, until), by its id."""
    return dict(conn.execute(sql("pages.expected"), {"since": since, "until": until}).fetchall())


def progress(conn: Connection, year: str, code: str | None = None) -> list[Progress]:
    """Quotas for that year or parts of it, of one enterprise or of all, as they have been judged."""
    with conn.cursor(row_factory=class_row(Progress)) as rows:
        return rows.execute(sql("pages.progress"), {"year": year, "code": code}).fetchall()


def open_alerts(conn: Connection) -> dict[tuple[str, str], dict[str, int]]:
    """How many alerts of each level are not resolved, by (scope, code)."""
    counts: dict[tuple[str, str], dict[str, int]] = {}
    for scope, code, level, count in conn.execute(sql("pages.open_alerts")):
        counts.setdefault((scope, code), {})[level] = count
    return counts


def alerts(conn: Connection, which: Which = EVERYTHING) -> list[Alert]:
    """Alerts, the worst and newest first, or with `newest` by opening alone. State "open" means: not resolved."""
    with conn.cursor(row_factory=class_row(Alert)) as rows:
        return rows.execute(sql("pages.alerts"), vars(which)).fetchall()


def alert_story(conn: Connection, alert: int) -> AlertStory | None:
    found = alerts(conn, Which(id=alert))
    if not found:
        return None
    with conn.cursor(row_factory=class_row(AlertEvent)) as rows:
        events = rows.execute(sql("pages.alert_history"), {"alert": alert}).fetchall()
    told: dict[int, list[Delivery]] = {}
    with conn.cursor(row_factory=class_row(Delivery)) as deliveries:
        for one in deliveries.execute(sql("pages.deliveries"), {"alert": alert}):
            told.setdefault(one.event_id, []).append(one)
    return AlertStory(found[0], events, told)


def findings(conn: Connection, which: Which = EVERYTHING) -> list[Finding]:
    """Present outcomes; `rule` is the beginning of the rule's name."""
    with conn.cursor(row_factory=class_row(Finding)) as rows:
        return rows.execute(sql("pages.findings"), vars(which)).fetchall()


def facts(conn: Connection, code: str) -> Facts | None:
    with conn.cursor(row_factory=class_row(Facts)) as rows:
        return rows.execute(sql("pages.facts"), {"code": code}).fetchone()


def months(conn: Connection, enterprise: int) -> list[date]:
    """First days of the months for which there is any usage, the newest first."""
    with conn.cursor(row_factory=scalar_row) as rows:
        return rows.execute(sql("pages.months"), {"enterprise": enterprise}).fetchall()


def quarter_hours(conn: Connection, enterprise: int, since: datetime, until: datetime) -> list[QuarterHours]:
    """Electric power by quarter hours in [since, until); hours of which nothing is known are absent."""
    asked = {"enterprise": enterprise, "since": since, "until": until}
    with conn.cursor(row_factory=class_row(QuarterHours)) as rows:
        return rows.execute(sql("pages.quarter_hours"), asked).fetchall()


def meters(conn: Connection, enterprise: int) -> list[Meter]:
    with conn.cursor(row_factory=class_row(Meter)) as rows:
        return rows.execute(sql("pages.meters"), {"enterprise": enterprise}).fetchall()


def virtual_meters(conn: Connection, enterprise: int) -> list[VirtualMeter]:
    with conn.cursor(row_factory=class_row(VirtualMeter)) as rows:
        return rows.execute(sql("pages.virtual_meters"), {"enterprise": enterprise}).fetchall()


def gateways(conn: Connection, enterprise: int) -> list[Gateway]:
    with conn.cursor(row_factory=class_row(Gateway)) as rows:
        return rows.execute(sql("pages.gateways"), {"enterprise": enterprise}).fetchall()


def reports(conn: Connection, which: Which = EVERYTHING) -> list[Report]:
    """Report runs, the newest period first."""
    with conn.cursor(row_factory=class_row(Report)) as rows:
        return rows.execute(sql("pages.reports"), vars(which)).fetchall()

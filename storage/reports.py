"""What only a monthly report asks of the database; what pages show too is asked through `storage.pages`."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeVar

from psycopg import Connection
from psycopg.rows import class_row

from energy.periods import Period
from storage.sql import sql

Row = TypeVar("Row")


@dataclass(frozen=True)
class Region:
    code: str
    name: str


@dataclass(frozen=True)
class Carrier:
    """is_medium: an energy medium (耗能工质), which enters no statistical total."""

    code: str
    name_zh: str
    name_en: str
    is_medium: bool


@dataclass(frozen=True)
class MeterMonth:
    """One meter in one month: readings expected by its approved interval, and received."""

    code: str
    name: str
    carrier_zh: str
    carrier_en: str
    interval_minutes: int
    level: int
    in_total: bool | None
    calibrated_until: date | None
    accuracy_class: str | None
    expected: float
    received: int
    flags: int
    last_time: datetime | None

    @property
    def completeness(self) -> float | None:
        return min(1.0, self.received / self.expected) if self.expected else None


@dataclass(frozen=True)
class ProductMonth:
    """quantity: qualified output of the month in quantity_unit, None where nothing was returned."""

    product: str
    name: str
    unit: str
    process: str | None
    line: str
    energy_rule: str
    quantity: float | None
    quantity_unit: str | None
    source: str | None


@dataclass(frozen=True)
class Factor:
    id: int
    carrier: str
    carrier_zh: str
    carrier_en: str
    unit: str
    kgce_per_unit: float | None
    kgce_equal_per_unit: float | None
    kgco2_per_unit: float | None
    method: str
    confidence: str
    valid_from: date
    valid_to: date | None
    source: str


@dataclass(frozen=True)
class UnitMonth:
    """One enterprise in a region's report; amounts in t, None: nothing is known; bounded: only a lower bound.

    chain: the head of its hash chain, None where nothing was received.
    """

    code: str
    name: str
    region_name: str
    industry_name: str | None
    key_class: str | None
    status: str
    tce_equivalent: float | None
    tce_equal_value: float | None
    tco2: float | None
    bounded: bool
    tce_before: float | None
    bounded_before: bool
    tce_year_before: float | None
    bounded_year_before: bool
    meters: int
    received: int
    expected: float
    chain: str | None = None

    @property
    def completeness(self) -> float | None:
        return min(1.0, self.received / self.expected) if self.expected else None


@dataclass(frozen=True)
class StatisticalTotal:
    period: str
    value: float
    unit: str
    source: str | None


def subjects(conn: Connection) -> list[tuple[str, str]]:
    """(scope, code) of everything that gets a monthly report."""
    return conn.execute(sql("reports.subjects")).fetchall()


def region(conn: Connection, code: str) -> Region | None:
    return next(iter(_rows(conn, Region, "region", region=code)), None)


def carriers(conn: Connection) -> dict[str, Carrier]:
    """By code, in the order in which tables show them."""
    return {carrier.code: carrier for carrier in _rows(conn, Carrier, "carriers")}


def meters(conn: Connection, enterprise: int, since: datetime, until: datetime) -> list[MeterMonth]:
    """Meters that were valid at any time in [since, until), with what they sent in it."""
    return _rows(conn, MeterMonth, "meters", enterprise=enterprise, since=since, until=until)


def products(conn: Connection, enterprise: int, month: Period) -> list[ProductMonth]:
    return _rows(conn, ProductMonth, "products", enterprise=enterprise, month=month.name)


def rejected(conn: Connection, code: str, month: Period) -> dict[str, int]:
    """How much was refused in the month, by reason."""
    asked = {"code": code, "since": month.first, "until": month.until}
    return dict(conn.execute(sql("reports.rejected"), asked).fetchall())


def factors(conn: Connection, enterprise: int, month: Period) -> list[Factor]:
    """The factors with which the month's days were converted."""
    asked = {"enterprise": enterprise, "since": month.first, "until": month.until}
    used = [row[0] for row in conn.execute(sql("reports.factors_used"), asked)]
    return _rows(conn, Factor, "factors", ids=used)


def units(
    conn: Connection, region: str, month: Period, before: Period, year_before: Period, since: datetime, until: datetime
) -> list[UnitMonth]:
    """The enterprises of a region, the largest user of the month first."""
    return _rows(
        conn,
        UnitMonth,
        "units",
        region=region,
        month=month.first,
        before=before.first,
        year_before=year_before.first,
        since=since,
        until=until,
    )


def statistical_totals(conn: Connection, region: str, year: int) -> list[StatisticalTotal]:
    """The region's imported energy totals for periods of that year, the latest period first."""
    return _rows(conn, StatisticalTotal, "statistical_total", region=region, year=str(year))


def _rows(conn: Connection, row: type[Row], statement: str, **asked: object) -> list[Row]:
    with conn.cursor(row_factory=class_row(row)) as rows:
        return rows.execute(sql(f"reports.{statement}"), asked).fetchall()

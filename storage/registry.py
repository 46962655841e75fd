"""The registry: imported from files, exported to them, and read by everyone else.

A file is imported whole or not at all: every cell and every row is checked, each mistake is told, and the caller's
transaction ends with the first exception. Only what differs is written, so that the same file again changes nothing.
What figures depend on leaves stale spans, what judgements depend on leaves stale judgements.
"""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from psycopg import Connection
from psycopg.rows import class_row

from energy.carriers import Carrier
from energy.factors import Factor, FactorBook
from storage import registry_files, staging
from storage.registry_cells import Value
from storage.registry_import import Import, TableResult
from storage.registry_tables import TABLES, Table
from storage.sql import sql


@dataclass(frozen=True)
class Enterprise:
    """An enterprise as it is registered; None is "not stated"."""

    id: int
    code: str
    name: str
    region: str
    industry: str | None
    kind: str
    credit_code: str | None
    legal_entity: str | None
    supervised_by: str | None
    status: str
    key_class: str | None
    floor_area_m2: Decimal | None
    energy_users: Decimal | None
    altitude_m: Decimal | None
    commissioned_on: date | None
    two_high: bool | None
    contact_email: str | None
    contact_phone: str | None


@dataclass(frozen=True)
class Meter:
    """As registered. scale: the carrier's own units for one register unit. max_rate: in them, per hour.

    via_unit, per_via: the way to the carrier's unit; per_via None where a gas is metered at an unknown condition.
    """

    id: int
    enterprise_id: int
    code: str
    name: str
    carrier: str
    kind: str
    unit: str
    multiplier: Decimal
    register_max: Decimal | None
    interval_minutes: int
    label: str
    zone: str | None
    rated_power_kw: Decimal | None
    max_rate_per_hour: Decimal | None
    density_kg_per_l: Decimal | None
    level: int
    in_total: bool | None
    parent: str | None
    role: str
    site: str | None
    process: str | None
    product: str | None
    it_point: str | None
    gas_condition: str | None
    gas_pressure_kpa: Decimal | None
    gas_temperature_c: Decimal | None
    steam_pressure_mpa: Decimal | None
    steam_temperature_c: Decimal | None
    steam_dryness_pct: Decimal | None
    steam_enthalpy_kj_per_kg: Decimal | None
    condensate_return_pct: Decimal | None
    condensate_temperature_c: Decimal | None
    condensate_enthalpy_kj_per_kg: Decimal | None
    direction: str
    accuracy_class: str | None
    serial_no: str | None
    model: str | None
    calibrated_on: date | None
    calibrated_until: date | None
    supply_account: str | None
    valid_from: datetime | None
    valid_to: datetime | None
    scale: float
    max_rate: float | None
    via_unit: str | None
    per_via: float | None


# --- reading


def enterprises(conn: Connection) -> list[Enterprise]:
    """Every enterprise, in the order of its code."""
    return conn.cursor(row_factory=class_row(Enterprise)).execute(sql("registry.enterprises")).fetchall()


def enterprise(conn: Connection, code: str) -> Enterprise | None:
    """The enterprise of that code, None if there is none."""
    return conn.cursor(row_factory=class_row(Enterprise)).execute(sql("registry.enterprise"), {"code": code}).fetchone()


def meters_of(conn: Connection, enterprise_id: int) -> list[Meter]:
    """The meters of one enterprise, in the order of their codes."""
    cursor = conn.cursor(row_factory=class_row(Meter))
    return cursor.execute(sql("registry.meters_of"), {"enterprise_id": enterprise_id}).fetchall()


def regions_below(conn: Connection, code: str) -> list[str]:
    """The region itself and every region below it; empty if it is not registered."""
    return [row[0] for row in conn.execute(sql("registry.regions_below"), {"code": code})]


def carriers(conn: Connection) -> dict[str, Carrier]:
    """All carriers by their code."""
    found = conn.cursor(row_factory=class_row(Carrier)).execute(sql("registry.carriers"))
    return {carrier.code: carrier for carrier in found}


def region_parents(conn: Connection) -> dict[str, str | None]:
    """Every region with the one above it."""
    return dict(conn.execute(sql("registry.region_parents")).fetchall())


def factor_book(conn: Connection) -> FactorBook:
    """All factors as they are now. Make it anew when `registry_version` has moved."""
    factors = conn.cursor(row_factory=class_row(Factor)).execute(sql("registry.factors")).fetchall()
    return FactorBook(factors, carriers(conn).values(), region_parents(conn))


# --- import


def import_file(conn: Connection, path: Path, zone: ZoneInfo) -> tuple[TableResult, ...]:
    """Take a registry file, whole or not at all; what it did with each of its tables.

    Times without an offset are in `zone`. Mistakes, or another Refused, ends it: the caller rolls back.
    """
    conn.execute(sql("registry.alone"))
    with registry_files.opened(path) as sheets:
        results = tuple(Import(conn, sheet, zone).run() for sheet in sheets)
    if any(result.moved for result in results):
        conn.execute(sql("registry.bump"))
    return results


# --- export


def export(conn: Connection, folder: Path, zone: ZoneInfo) -> list[Path]:
    """Write every registry file into the folder as CSV, times in `zone`; importing them again changes nothing.

    Shipped factors stay where they come from. The folder is made if it does not exist.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return [_export(conn, table, folder / f"{table.name}.csv", zone) for table in TABLES]


def _export(conn: Connection, table: Table, path: Path, zone: ZoneInfo) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file, conn.cursor("export") as cursor:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(column.name for column in table.columns)
        cursor.execute(staging.with_codes(table))
        writer.writerows(_cells(row, zone) for row in cursor)
    return path


def _cells(row: Iterable[Value], zone: ZoneInfo) -> list[str]:
    return [_cell(value, zone) for value in row]


def _cell(value: Value, zone: ZoneInfo) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case datetime():
            return value.astimezone(zone).isoformat()
        case Decimal():
            return f"{value:f}"
        case float():
            return repr(value)
        case _:
            return str(value)

"""The data quality of enterprises and months as it was last told: kept for lists and pages, told anew when due."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
from psycopg import Connection
from psycopg.rows import class_row

from energy.data_quality import PARTS
from energy.periods import Period, day_of, midnight, month_of, previous_month
from energy.refused import Refused
from storage import data_quality, retention, turns
from storage.data_quality import EnterpriseQuality, RegionQuality
from storage.sql import sql


@dataclass(frozen=True)
class Ranked:
    """One enterprise in a list by score. computed None: its month was never told; score None: nothing came."""

    code: str
    name: str
    region_name: str
    status: str
    computed: datetime | None
    score: float | None
    known: float | None
    completeness: float | None
    accuracy: float | None
    timeliness: float | None
    verifiability: float | None
    validity: float | None
    conformity: float | None
    valid_transmission: float | None
    warnings: int | None
    duties: int | None


def enterprise(conn: Connection, code: str, month: Period, zone: ZoneInfo, now: datetime) -> EnterpriseQuality:
    """One enterprise's month told from the readings, and kept. UnknownSubject if nobody of that code is registered.

    Of a month whose readings are gone it is what was told last.
    """
    if month.since(zone) < (floor := retention.floors(conn).computable):
        return _told_before(conn, code, month, floor)
    told = data_quality.enterprise_quality(conn, code, month, zone, now)
    _keep(conn, month, told)
    return told


def _told_before(conn: Connection, code: str, month: Period, floor: datetime) -> EnterpriseQuality:
    if told := kept(conn, code, month):
        return told
    raise Refused(
        f"the data quality of {code} in {month.name} was never told, and what it would be told from is kept since"
        f" {floor:%Y-%m-%d} only"
    )


def region(conn: Connection, code: str, month: Period, zone: ZoneInfo, now: datetime) -> RegionQuality:
    """The same for the enterprises of a region and of those below it; UnknownSubject for one that is not registered."""
    codes = data_quality.enterprises_of(conn, code)
    return data_quality.of_region(code, month, [enterprise(conn, each, month, zone, now) for each in codes])


def kept(conn: Connection, code: str, month: Period) -> EnterpriseQuality | None:
    """As it was last told; None if it never was, or by a version that told other things."""
    row = conn.execute(sql("quality.kept"), {"enterprise": code, "month": month.first}).fetchone()
    with suppress(msgspec.ValidationError):
        return msgspec.json.decode(row[0], type=EnterpriseQuality) if row else None
    return None


def kept_or_told(conn: Connection, code: str, month: Period, zone: ZoneInfo, now: datetime) -> EnterpriseQuality:
    """As it was last told, else told now without keeping it: for those who only read."""
    return kept(conn, code, month) or data_quality.enterprise_quality(conn, code, month, zone, now)


def ranked(conn: Connection, region: str | None, month: Period) -> list[Ranked]:
    """The enterprises with meters inside a region, None: everywhere; those without a score first, then the worst."""
    with conn.cursor(row_factory=class_row(Ranked)) as rows:
        return rows.execute(sql("quality.ranked"), {"region": region, "month": month.first}).fetchall()


def assure(conn: Connection, region: str, month: Period, zone: ZoneInfo, now: datetime) -> list[Ranked]:
    """`ranked`, when all that were never told have been."""
    for one in ranked(conn, region, month):
        if one.computed is None:
            enterprise(conn, one.code, month, zone, now)
    return ranked(conn, region, month)


def work(conn: Connection, now: datetime, zone: ZoneInfo) -> int:
    """Tell one month of one enterprise that is due, this month before the last; 0 if none is, or another tells them."""
    if not turns.is_mine(conn, "quality"):
        return 0
    this = month_of(day_of(now, zone))
    for month in (this, previous_month(this)):
        if code := _due(conn, month, zone, now, is_open=month == this):
            enterprise(conn, code, month, zone, now)
            return 1
    return 0


def _due(conn: Connection, month: Period, zone: ZoneInfo, now: datetime, *, is_open: bool) -> str | None:
    """Once a day at most; a month that has just ended is told again when its last hours have come in."""
    today = midnight(day_of(now, zone), zone)
    asked = {"month": month.first, "today": today, "is_open": is_open or now < month.end(zone) + timedelta(days=3)}
    row = conn.execute(sql("quality.due"), asked).fetchone()
    return row[0] if row else None


def _keep(conn: Connection, month: Period, told: EnterpriseQuality) -> None:
    severities = [row.severity for row in told.findings]
    values = {
        "enterprise": told.enterprise,
        "month": month.first,
        "computed": told.computed,
        "score": told.score.points,
        "known": told.score.known,
        "valid_transmission": told.valid_transmission,
        "warnings": severities.count("warning"),
        "duties": severities.count("duty"),
        "told": msgspec.json.encode(told).decode(),
    }
    conn.execute(sql("quality.keep"), values | {part: told.parts[part] for part in PARTS})

"""The figures of one region in one month.

A sum of enterprises is not the region's total: it is called 重点用能单位合计 and stands beside its coverage. The region
itself is judged on its imported statistical total (domain rule 6).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from psycopg import Connection

from energy.periods import Period, previous_month, same_month_last_year
from energy.refused import Refused
from reports.compare import Change, Figure, change
from reports.figures import NOT_OVER, Day, Judged, Use, alerts_in, days_of, judged_in, use_of
from storage import pages, quality_store, reports
from storage.pages import Alert, Finding, Which
from storage.quality_store import Ranked
from storage.reports import Region, StatisticalTotal, UnitMonth
from storage.usage import region_usage

KEY_UNITS = "重点用能单位合计"


@dataclass(frozen=True)
class RankedUnit:
    unit: UnitMonth
    month_on_month: Change
    year_on_year: Change

    @property
    def has_reported(self) -> bool:
        """By its meters, or by a manual return."""
        return bool(self.unit.received) or self.unit.tce_equivalent is not None


@dataclass(frozen=True)
class RegionMonth:
    """Everything the monthly report of a region says. beyond: its units' lines that are not met."""

    region: Region
    month: Period
    known_on: datetime
    stage: str
    use: Use
    judged: Judged
    units: tuple[RankedUnit, ...]
    beyond: tuple[Finding, ...]
    unjudged_units: tuple[Finding, ...]
    alerts: tuple[Alert, ...]
    statistical: tuple[StatisticalTotal, ...]
    days: tuple[Day, ...]
    quality: tuple[Ranked, ...] = ()

    @property
    def reported(self) -> tuple[RankedUnit, ...]:
        return tuple(one for one in self.units if one.has_reported)

    @property
    def silent(self) -> tuple[RankedUnit, ...]:
        return tuple(one for one in self.units if not one.has_reported)

    @property
    def over_limit(self) -> tuple[Finding, ...]:
        """Breaches: a line that binds, judged on its full period."""
        return tuple(one for one in self.beyond if one.level)

    @property
    def beyond_lines(self) -> tuple[Finding, ...]:
        """Information: a month, or a line that binds nobody (domain rule 12)."""
        return tuple(one for one in self.beyond if not one.level)

    @property
    def completeness(self) -> float | None:
        expected = sum(one.unit.expected for one in self.units)
        received = sum(min(one.unit.received, one.unit.expected) for one in self.units)
        return received / expected if expected else None

    @property
    def silent_share(self) -> float | None:
        """What the silent units had used of the sum in the same month a year before; None where that is not known."""
        then = [(one.unit.tce_year_before, one.has_reported) for one in self.units]
        whole = sum(tce or 0.0 for tce, _ in then)
        unknown = any(tce is None for tce, received in then if not received)
        return None if unknown or not whole else sum(tce or 0.0 for tce, received in then if not received) / whole


def region_month(conn: Connection, code: str, month: Period, now: datetime, zone: ZoneInfo) -> RegionMonth:
    """The figures as known at `now`. Refused if there is no such region."""
    region = reports.region(conn, code)
    if region is None:
        raise Refused(f"Region {code!r} is not in the registry; write a division code of GB/T 2260 such as 620000.")
    is_over = month.end(zone) <= now
    findings = [one for one in pages.findings(conn, Which(region=code)) if one.scope == "enterprise"]
    within = judged_in(findings, month)
    rows = region_usage(conn, code, same_month_last_year(month).first, month.until, "month", zone, now)
    return RegionMonth(
        region,
        month,
        now.astimezone(zone),
        "" if is_over else NOT_OVER,
        use_of(rows, reports.carriers(conn), month, is_over),
        judged_in(pages.findings(conn, Which(scope="region", code=code)), month),
        _ranked(conn, code, month, now, zone),
        tuple(one for one in within.of("unit_energy", "pue") if one.state == "warning"),
        within.unjudged,
        alerts_in(pages.alerts(conn, Which(region=code)), month.since(zone), month.end(zone)),
        tuple(reports.statistical_totals(conn, code, month.first.year)),
        days_of(region_usage(conn, code, month.first, month.until, "day", zone, now), month),
        tuple(quality_store.assure(conn, code, month, zone, now)),
    )


def _ranked(conn: Connection, code: str, month: Period, now: datetime, zone: ZoneInfo) -> tuple[RankedUnit, ...]:
    units = reports.units(
        conn,
        code,
        month,
        previous_month(month),
        same_month_last_year(month),
        month.since(zone),
        min(month.end(zone), now),
    )
    return tuple(_compared(units, month.end(zone) <= now))


def _compared(units: Sequence[UnitMonth], is_over: bool) -> list[RankedUnit]:
    return [
        RankedUnit(
            unit,
            change(_now(unit), Figure(unit.tce_before, unit.bounded_before), is_over),
            change(_now(unit), Figure(unit.tce_year_before, unit.bounded_year_before), is_over),
        )
        for unit in units
    ]


def _now(unit: UnitMonth) -> Figure:
    return Figure(unit.tce_equivalent, unit.bounded)

"""/api/v1: what the pages show, for scripts, in the words of the contract. Unknown is null, never 0.

It reads and never drains: `waiting` says that readings are not yet worked into the figures.
"""

from dataclasses import asdict
from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query

from console import downloads
from console.overview import LEVELS, Standing, Use
from console.site import FIRST_DAY, LAST_DAY, NO_NUL, Asked, EnterpriseCode, View
from console.standings import standings
from console.trouble import Trouble
from energy import periods
from storage import pages
from storage.pages import Alert, Finding, Progress, Report, Which
from storage.usage import By, UsageRow, enterprise_usage, meter_usage, region_usage, totals

router = APIRouter(prefix="/api/v1")

MOST_PERIODS = 4_000  # in one answer

Code = Annotated[str | None, Query(max_length=64, pattern=NO_NUL)]
Limit = Annotated[int, Query(ge=1, le=10_000)]
Offset = Annotated[int, Query(ge=0, le=10_000_000)]
_PERIODS_A_DAY = {"hour": 24.0, "day": 1.0, "month": 1 / 28}


@router.get("/usage")
def usage(
    view: Asked,
    since: Annotated[date, Query(alias="from", ge=FIRST_DAY, le=LAST_DAY)],
    until: Annotated[date, Query(alias="to", ge=FIRST_DAY, le=LAST_DAY)],
    enterprise: Code = None,
    region: Code = None,
    meter: Code = None,
    by: By = "month",
) -> dict[str, Any]:
    """Rows and totals as `enermon usage` prints them."""
    if (enterprise is None) == (region is None) or (meter and not enterprise):
        raise Trouble(400, "one_subject")
    if since >= until or (until - since).days * _PERIODS_A_DAY[by] > MOST_PERIODS:
        raise Trouble(400, "bad_range", MOST_PERIODS)
    span = (since, until, by, view.zone, view.now)
    if region:
        rows = region_usage(view.conn, region, *span)
    elif meter:
        rows = meter_usage(view.conn, enterprise or "", meter, *span)
    else:
        rows = enterprise_usage(view.conn, enterprise or "", *span)
    waiting = pages.freshness(view.conn).waiting
    return {"rows": [_usage(row, view) for row in rows], "totals": asdict(totals(rows)), "waiting": waiting}


def _usage(row: UsageRow, view: View) -> dict[str, Any]:
    return asdict(row) | {"peak_at": _time(row.peak_at, view)}


@router.get("/enterprises")
def enterprises(view: Asked, region: Code = None) -> dict[str, Any]:
    """Every enterprise with its year and month to date, alerts and quotas."""
    found = standings(view, region, pages.open_alerts(view.conn))
    return {
        "year": periods.year_of(view.today).name,
        "month": periods.month_of(view.today).name,
        "rows": [_standing(one, view) for one in found],
    }


def _standing(one: Standing, view: View) -> dict[str, Any]:
    unit = one.unit
    return {
        "enterprise": unit.code,
        "name": unit.name,
        "region": unit.region,
        "industry": unit.industry,
        "kind": unit.kind,
        "status": unit.status,
        "key_class": unit.key_class,
        "meters": unit.meters,
        "silent_meters": unit.silent_meters,
        "last_time": _time(unit.last_time, view),
        "silent": view.patience.is_lost(unit),
        "alerts": {level: one.alerts.get(level, 0) for level in LEVELS},
        "year": _use(one.year),
        "month": _use(one.month),
        "quotas": [_quota(budget.told) for budget in one.budgets],
    }


def _use(use: Use) -> dict[str, Any]:
    """Both bases by name; at_least: a part is unknown."""
    names = ("tce_equivalent", "tce_equal_value", "tce_assessed", "tco2")
    figures = {name: getattr(use.used, name) if use.used else None for name in names}
    return {**figures, "at_least": use.is_open, "completeness": use.completeness}


def _quota(told: Progress) -> dict[str, Any]:
    names = (
        "subject",
        "period",
        "metric",
        "limit",
        "unit",
        "basis",
        "boundary",
        "document",
        "state",
        "certainty",
        "low",
        "high",
        "path",
        "forecast",
        "reason",
    )
    return {name: getattr(told, name) for name in names}


@router.get("/enterprises/{code}")
def one_enterprise(view: Asked, code: EnterpriseCode) -> dict[str, Any]:
    """The registry's facts of one enterprise with its meters and quotas."""
    facts = pages.facts(view.conn, code)
    if facts is None:
        raise Trouble(404, "no_enterprise", code)
    told = pages.progress(view.conn, periods.year_of(view.today).name, code)
    return {
        **_without(asdict(facts), "id"),
        "meters": [_local(asdict(one), view) for one in pages.meters(view.conn, facts.id)],
        "quotas": [_quota(one) for one in told],
    }


@router.get("/alerts")
def alerts(
    view: Asked,
    level: Literal["red", "orange", "yellow", "blue"] | None = None,
    state: Literal["open", "acknowledged", "resolved"] | None = None,
    enterprise: Code = None,
    region: Code = None,
    limit: Limit = 1_000,
    offset: Offset = 0,
) -> dict[str, Any]:
    """Alerts, the worst and newest first; state `open` means not resolved."""
    scope = "enterprise" if enterprise else None
    which = Which(scope=scope, code=enterprise, region=region, level=level, state=state, limit=limit, offset=offset)
    return _listed([_alert(one, view) for one in pages.alerts(view.conn, which)])


def _alert(one: Alert, view: View) -> dict[str, Any]:
    return _named(one) | _local(_without(asdict(one), "scope", "code"), view)


@router.get("/findings")
def findings(
    view: Asked,
    state: Literal["ok", "warning", "cannot_judge"] | None = None,
    rule: Code = None,
    enterprise: Code = None,
    region: Code = None,
    limit: Limit = 1_000,
    offset: Offset = 0,
) -> dict[str, Any]:
    """What every rule says today; `rule` is the beginning of its name."""
    scope = "enterprise" if enterprise else None
    which = Which(scope=scope, code=enterprise, region=region, state=state, rule=rule, limit=limit, offset=offset)
    found = pages.findings(view.conn, which)
    return _listed([_named(one) | _local(_without(asdict(one), "scope", "code"), view) for one in found])


@router.get("/reports")
def reports(view: Asked, month: Code = None, limit: Limit = 1_000, offset: Offset = 0) -> dict[str, Any]:
    """Report runs; files by the addresses at which the console offers them."""
    found = pages.reports(view.conn, Which(period=month, limit=limit, offset=offset))
    return _listed([_report(one, view) for one in found])


def _report(one: Report, view: View) -> dict[str, Any]:
    files = [downloads.address(one, name) for name in downloads.names(one)]
    return _named(one) | _local(_without(asdict(one), "scope", "code"), view) | {"files": files}


def _listed(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Rows, and how many there are beyond this part of them."""
    found = rows[0]["found"] if rows else 0
    return {"rows": [_without(row, "found") for row in rows], "found": found}


def _named(one: Alert | Finding | Report) -> dict[str, Any]:
    """Whose it is, under `enterprise` or `region` as the contract says."""
    return {one.scope: one.code}


def _without(row: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in names}


def _local(row: dict[str, Any], view: View) -> dict[str, Any]:
    """The same with times as the contract writes them, in the deployment's zone."""
    return {name: _time(value, view) if isinstance(value, datetime) else value for name, value in row.items()}


def _time(instant: datetime | None, view: View) -> str | None:
    return None if instant is None else instant.astimezone(view.zone).isoformat(timespec="seconds")

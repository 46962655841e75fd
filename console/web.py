"""The pages. Each asks a constant handful of set-based questions and renders one template."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Annotated, Literal

from energy import periods
from energy.periods import Period
from fastapi import APIRouter, Query
from fastapi.responses import FileResponse, HTMLResponse
from storage import pages
from storage.pages import Facts, Named, Unit, Which

from console import downloads, enterprise, overview
from console.budgets import Budget
from console.overview import LEVELS, Standing
from console.site import Asked, Trouble, View

router = APIRouter(default_response_class=HTMLResponse, include_in_schema=False)

PAGE_SIZE = 100
_SHOWN = 10  # rows of each short list on the first page
_UNJUDGED_SHOWN = 8

Level = Literal["red", "orange", "yellow", "blue", ""]
Filter = Annotated[str, Query(max_length=64)]
PageNumber = Annotated[int, Query(ge=1, le=10_000)]


@router.get("/")
def province(view: Asked, region: Filter = "") -> HTMLResponse:
    """The province at a glance, or any region below it."""
    place = region or pages.common_region(view.conn)
    lineage = pages.lineage(view.conn, place) if place else []
    if region and not lineage:
        raise Trouble(404, "no_region", region)
    alerts = pages.open_alerts(view.conn)
    found = standings(view, place, alerts)
    inside = [one.code for one in lineage[-1:]] + [one.unit.region for one in found] + [one.unit.part for one in found]
    silent = overview.silent_units(found, view.patience)
    unjudged = pages.findings(view.conn, Which(state="cannot_judge", region=place, limit=_UNJUDGED_SHOWN))
    return view.page(
        "overview.html", region=place, place=lineage[-1].name if lineage else None, lineage=lineage, standings=found,
        alerts=overview.added([one.alerts for one in found] + [alerts.get(("region", code), {}) for code in set(inside)]),
        silent=silent, silent_share=overview.silent_share(silent, found), intervals=view.patience.intervals,
        year=overview.totals([one.year for one in found]), month=overview.totals([one.month for one in found]),
        year_name=periods.year_of(view.today).name, month_name=periods.month_of(view.today).name,
        month_completeness=overview.completeness(found), year_completeness=_year_completeness(view, found), areas=overview.parts(found, view.patience),
        nearest=overview.nearest(budget for one in found for budget in one.budgets)[:_SHOWN],
        newest=pages.alerts(view.conn, Which(state="open", region=place, newest=True, limit=_SHOWN - 4)),
        over_limit=pages.findings(view.conn, Which(state="warning", rule="unit_energy_limit", region=place, limit=_SHOWN)),
        unjudged=unjudged, unjudged_count=unjudged[0].found if unjudged else 0)


def _year_completeness(view: View, found: Sequence[Standing]) -> float | None:
    expected = pages.expected(view.conn, periods.year_of(view.today).since(view.zone), view.now)
    received = sum(one.year.received for one in found if one.year)
    return overview.share(received, sum(expected.get(one.unit.id, 0.0) for one in found))


def standings(view: View, region: str | None, alerts: Mapping[tuple[str, str], Mapping[str, int]]) -> list[Standing]:
    """Every enterprise inside the region with its year, its month, its alerts and quotas."""
    year, month = periods.year_of(view.today), periods.month_of(view.today)
    since_year = pages.used(view.conn, year.first, month.until)
    since_month = pages.used(view.conn, month.first, month.until)
    expected = pages.expected(view.conn, month.since(view.zone), view.now)
    budgets: dict[str, list[Budget]] = {}
    for told in pages.progress(view.conn, year.name):
        budgets.setdefault(told.code, []).append(Budget(told))
    return [
        Standing(unit, since_year.get(unit.id), since_month.get(unit.id), expected.get(unit.id, 0.0),
                 alerts.get(("enterprise", unit.code), {}), budgets.get(unit.code, []))
        for unit in pages.units(view.conn, region, view.patience.intervals, view.now)
    ]


@router.get("/enterprises")
def enterprises(view: Asked, region: Filter = "", industry: Filter = "", level: Filter = "", text: Filter = "",
                page: PageNumber = 1) -> HTMLResponse:
    """Enterprises by region, industry, worst open alert (or silence) and a part of the name or code."""
    everyone = standings(view, None if not region else region, pages.open_alerts(view.conn))
    silent = {one.unit.code for one in overview.silent_units(everyone, view.patience)}
    found = [one for one in everyone if _matches(one.unit, industry, text) and _stands(one, level, silent)]
    asked = {"region": region, "industry": industry, "level": level, "text": text}
    w = view.words
    return view.page(
        "enterprises.html", asked=asked, found=len(found), page=page, size=PAGE_SIZE, silent_codes=silent,
        standings=found[(page - 1) * PAGE_SIZE : page * PAGE_SIZE], month_name=periods.month_of(view.today).name,
        region_options=_options(pages.regions(view.conn)), industry_options=_options(pages.industries(view.conn)),
        level_options=[*((name, getattr(w, name)) for name in LEVELS), ("none", w.no_level), ("silent", w.silent)])


def _matches(unit: Unit, industry: str, text: str) -> bool:
    by_industry = not industry or (unit.industry or "").startswith(industry)
    return by_industry and text.strip().lower() in f"{unit.name} {unit.code}".lower()


def _stands(one: Standing, level: str, silent: set[str]) -> bool:
    if level == "silent":
        return one.unit.code in silent
    return not level or (one.worst or "none") == level


def _options(named: Sequence[Named]) -> list[tuple[str, str]]:
    return [(one.code, f"{one.name} {one.code}") for one in named]


@router.get("/enterprises/{code}")
def one_enterprise(view: Asked, code: str, month: Filter = "", day: Annotated[date | None, Query()] = None) -> HTMLResponse:
    """One enterprise in one month; the load curve ends with `day`."""
    facts = pages.facts(view.conn, code)
    if facts is None:
        raise Trouble(404, "no_enterprise", code)
    period = _month(month) if month else periods.month_of(view.today)
    shown = enterprise.month(view.conn, facts, period, view.zone, view.now)
    lines, others = enterprise.split(pages.findings(view.conn, Which(scope="enterprise", code=code)))
    return view.page(
        "enterprise.html", facts=facts, month=shown, months=_selectable(view, facts, period), today=view.today,
        before=periods.previous_month(period).name, after=periods.month_of(period.until).name,
        daily=enterprise.daily_chart(shown, view.today, view.words), **_load(view, facts, period, day),
        budgets=[Budget(told) for told in pages.progress(view.conn, f"{period.first.year}", code)], lines=lines, others=others,
        meters=enterprise.meter_rows(pages.meters(view.conn, facts.id), view.patience),
        virtual=pages.virtual_meters(view.conn, facts.id), gateways=pages.gateways(view.conn, facts.id),
        alerts=pages.alerts(view.conn, Which(scope="enterprise", code=code, state="open")),
        reports=pages.reports(view.conn, Which(scope="enterprise", code=code, limit=6)))


def _month(name: str) -> Period:
    try:
        period = periods.parse(name)
    except ValueError:
        raise Trouble(400, "bad_month", name) from None
    if period != periods.month_of(period.first):
        raise Trouble(400, "bad_month", name)
    return period


def _selectable(view: View, facts: Facts, period: Period) -> list[str]:
    """Months with usage and the one that is shown, the newest first."""
    return sorted({period.name, *(f"{first:%Y-%m}" for first in pages.months(view.conn, facts.id))}, reverse=True)


def _load(view: View, facts: Facts, period: Period, day: date | None) -> dict[str, object]:
    last = day or min(view.today, period.until - timedelta(days=1))
    since, until = enterprise.curve_days(last, view.zone, view.now)
    hours = pages.quarter_hours(view.conn, facts.id, since, until)
    points = enterprise.curve(hours, since, until, view.zone)
    return {"load": enterprise.load_chart(points, view.words), "load_day": last,
            "load_partial": any(hour.partial for hour in hours)}


@router.get("/alerts")
def alerts(view: Asked, level: Level = "", state: Literal["open", "acknowledged", "resolved", "all"] = "open",
           region: Filter = "", page: PageNumber = 1) -> HTMLResponse:
    """The alert inbox: not resolved ones unless asked otherwise, the worst and newest first."""
    w = view.words
    which = Which(level=level or None, state=None if state == "all" else state, region=region or None, **_cut(page))
    return view.page(
        "alerts.html", alerts=pages.alerts(view.conn, which), page=page, size=PAGE_SIZE,
        asked={"level": level, "state": state, "region": region}, region_options=_options(pages.regions(view.conn)),
        level_options=[(name, getattr(w, name)) for name in LEVELS],
        state_options=[("open", w.unresolved), ("acknowledged", w.state_acknowledged), ("resolved", w.state_resolved),
                       ("all", w.all)])


def _cut(page: int) -> dict[str, int]:
    return {"limit": PAGE_SIZE, "offset": (page - 1) * PAGE_SIZE}


@router.get("/alerts/{alert}")
def one_alert(view: Asked, alert: int) -> HTMLResponse:
    """One alert with all that happened to it and who was told."""
    story = pages.alert_story(view.conn, alert)
    if story is None:
        raise Trouble(404, "no_alert", alert)
    return view.page("alert.html", alert=story.alert, events=story.events, deliveries=story.deliveries)


@router.get("/judgements")
def judgements(view: Asked, state: Literal["ok", "warning", "cannot_judge", ""] = "", rule: Filter = "",
               region: Filter = "", page: PageNumber = 1) -> HTMLResponse:
    """What every rule says today, "cannot be judged, because" too: silence would read as compliance."""
    w = view.words
    which = Which(state=state or None, rule=rule or None, region=region or None, **_cut(page))
    return view.page(
        "judgements.html", findings=pages.findings(view.conn, which), page=page, size=PAGE_SIZE,
        asked={"state": state, "rule": rule, "region": region}, region_options=_options(pages.regions(view.conn)),
        state_options=[(name, w.coded("state", name)) for name in ("warning", "cannot_judge", "ok")])


@router.get("/reports")
def reports(view: Asked, month: Filter = "", scope: Literal["enterprise", "region", ""] = "", page: PageNumber = 1
            ) -> HTMLResponse:
    """Report runs with the files that each recorded."""
    which = Which(period=_month(month).name if month else None, scope=scope or None, **_cut(page))
    return view.page("reports.html", reports=pages.reports(view.conn, which), page=page, size=PAGE_SIZE,
                     asked={"month": month, "scope": scope})


@router.get("/reports/{run}/{name}")
def report_file(view: Asked, run: int, name: str) -> FileResponse:
    """One file of a report run: one that the run recorded, and no other."""
    return downloads.answer(pages.reports(view.conn, Which(id=run)), name)

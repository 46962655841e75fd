"""The pages. Each asks a constant handful of set-based questions and renders one template."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.responses import FileResponse, HTMLResponse

from console import downloads, enterprise, overview, provenance, quality
from console.budgets import Budget
from console.overview import LEVELS, Counts, Standing
from console.site import FIRST_DAY, LAST_DAY, NO_NUL, Asked, Day, EnterpriseCode, Id, View
from console.standings import standings
from console.trouble import Trouble
from energy import periods
from energy.periods import Period
from energy.refused import Refused
from reports import quality as section
from storage import balance, pages, quality_store
from storage import reports as reference
from storage.data_quality import EnterpriseQuality, rules
from storage.explain import explain
from storage.pages import Facts, Named, Unit, Which
from storage.usage import UnknownSubject

router = APIRouter(default_response_class=HTMLResponse, include_in_schema=False)

PAGE_SIZE = 100
_SHOWN = 10  # rows of each short list on the first page
_NEWS_SHOWN = 5
_REPORTS_SHOWN = 6
_UNJUDGED_SHOWN = 8

Level = Literal["red", "orange", "yellow", "blue", ""]
Filter = Annotated[str, Query(max_length=64, pattern=NO_NUL)]
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
    silent = overview.silent_units(found, view.patience)
    return view.page(
        "overview.html",
        region=region,
        place=lineage[-1].name if lineage else None,
        lineage=lineage,
        standings=found,
        alerts=_counted(alerts, found, region),
        year=overview.totals([one.year for one in found]),
        month=overview.totals([one.month for one in found]),
        year_name=periods.year_of(view.today).name,
        month_name=periods.month_of(view.today).name,
        areas=overview.parts(found, view.patience),
        here_code=place,
        nearest=overview.nearest(budget for one in found for budget in one.budgets)[:_SHOWN],
        silent=silent,
        silent_share=overview.silent_share(silent, found),
        intervals=view.patience.intervals,
        **_news(view, region or None),
    )


def _counted(alerts: Mapping[tuple[str, str], Counts], found: Sequence[Standing], region: str) -> dict[str, int]:
    """Open alerts by level: all there are, or those of a region that was asked for and of what lies in it."""
    if not region:
        return overview.added(alerts.values())
    ours = {("enterprise", one.unit.code) for one in found}
    ours |= {("region", code) for one in found for code in (region, one.unit.part, one.unit.region)}
    return overview.added(counts for whose, counts in alerts.items() if whose in ours)


def _news(view: View, region: str | None) -> dict[str, object]:
    """The short lists of the first page: newest alerts, lines over their limit, what cannot be judged."""
    unjudged = pages.findings(view.conn, Which(state="cannot_judge", region=region, limit=_UNJUDGED_SHOWN))
    over = Which(state="warning", rule="unit_energy_limit", enforced=True, region=region, limit=_SHOWN)
    newest = Which(state="open", region=region, newest=True, limit=_NEWS_SHOWN)
    return {
        "newest": pages.alerts(view.conn, newest),
        "over_limit": pages.findings(view.conn, over),
        "unjudged": unjudged,
        "unjudged_count": unjudged[0].found if unjudged else 0,
    }


@router.get("/enterprises")
def enterprises(
    view: Asked, region: Filter = "", industry: Filter = "", level: Filter = "", text: Filter = "", page: PageNumber = 1
) -> HTMLResponse:
    """Enterprises by region, industry, worst open alert (or silence) and a part of the name or code."""
    everyone = standings(view, region or None, pages.open_alerts(view.conn))
    silent = {one.unit.code for one in overview.silent_units(everyone, view.patience)}
    found = [one for one in everyone if _matches(one.unit, industry, text) and _stands(one, level, silent)]
    asked = {"region": region, "industry": industry, "level": level, "text": text}
    w = view.words
    return view.page(
        "enterprises.html",
        asked=asked,
        found=len(found),
        page=page,
        size=PAGE_SIZE,
        silent_codes=silent,
        standings=found[(page - 1) * PAGE_SIZE : page * PAGE_SIZE],
        month_name=periods.month_of(view.today).name,
        region_options=_options(pages.regions(view.conn)),
        industry_options=_options(pages.industries(view.conn)),
        level_options=[*((name, getattr(w, name)) for name in LEVELS), ("none", w.no_level), ("silent", w.silent)],
    )


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
def one_enterprise(view: Asked, code: EnterpriseCode, month: Filter = "", day: Day | None = None) -> HTMLResponse:
    """One enterprise in one month; the load curve ends with `day`."""
    facts = _facts(view, code)
    period = _month(month) if month else periods.month_of(view.today)
    shown = enterprise.month(view.conn, facts, period, view.zone, view.now)
    return view.page(
        "enterprise.html",
        facts=facts,
        month=shown,
        months=_selectable(view, facts, period),
        today=view.today,
        before=periods.previous_month(period).name,
        after=periods.month_of(period.until).name,
        daily=enterprise.daily_chart(shown, view.today, view.words),
        comparison=enterprise.comparison_lines(shown, view.words),
        meters=enterprise.meter_rows(pages.meters(view.conn, facts.id), view.patience),
        virtual=pages.virtual_meters(view.conn, facts.id),
        balances=balance.balances(view.conn, facts.id, period, view.zone, view.now),
        gateways=pages.gateways(view.conn, facts.id),
        quality=_kept_quality(view, facts, period),
        **_load(view, facts, period, day),
        **_judged(view, facts, period),
    )


def _kept_quality(view: View, facts: Facts, period: Period) -> dict[str, object] | None:
    """What was last told of the month; a page that shows much else does not look at every reading."""
    told = quality_store.kept(view.conn, facts.code, period)
    if told is None:
        return None
    return {
        "told": told,
        "parts": section.parts(told, view.words.language),
        "strip": quality.day_strip(told, view.words),
    }


@router.get("/enterprises/{code}/quality")
def one_quality(view: Asked, code: EnterpriseCode, month: Filter = "") -> HTMLResponse:
    """The data quality of one enterprise and month: as it was last told, else told now."""
    facts = _facts(view, code)
    period = _month(month) if month else periods.month_of(view.today)
    told = quality_store.kept_or_told(view.conn, code, period, view.zone, view.now)
    return view.page(
        "quality.html",
        facts=facts,
        period=period,
        told=told,
        months=_selectable(view, facts, period),
        today=view.today,
        before=periods.previous_month(period).name,
        after=periods.month_of(period.until).name,
        newer=_has_newer(view, told, period),
        parts_told=section.parts(told, view.words.language),
        strip=quality.day_strip(told, view.words),
        meters=quality.meter_lines(told, view.words),
        findings=section.lines(told.findings, view.words.language),
        outages=section.outages(told, view.words.language),
        against=quality.against,
        carriers=reference.carriers(view.conn),
    )


def _facts(view: View, code: str) -> Facts:
    facts = pages.facts(view.conn, code)
    if facts is None:
        raise Trouble(404, "no_enterprise", code)
    return facts


def _has_newer(view: View, told: EnterpriseQuality, period: Period) -> bool:
    newest = pages.freshness(view.conn).newest_reading
    return newest is not None and told.computed < min(newest, period.end(view.zone))


@router.get("/quality")
def qualities(view: Asked, region: Filter = "", month: Filter = "", page: PageNumber = 1) -> HTMLResponse:
    """Enterprises by their score, the worst first."""
    period = _month(month) if month else periods.month_of(view.today)
    if region and not pages.lineage(view.conn, region):
        raise Trouble(404, "no_region", region)
    ranked = quality_store.ranked(view.conn, region or None, period)
    shown = ranked[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
    return view.page(
        "qualities.html",
        asked={"region": region, "month": period.name},
        period=period,
        before=periods.previous_month(period).name,
        after=periods.month_of(period.until).name,
        today=view.today,
        found=len(ranked),
        page=page,
        size=PAGE_SIZE,
        ranked=[(one, section.parts(one, view.words.language)) for one in shown],
        means=quality.means(ranked),
        heads=quality.heads(view.words),
        enough=rules()["lines"]["complete"],
        region_options=_options(pages.regions(view.conn)),
    )


@router.get("/enterprises/{code}/explain")
def one_explained(
    view: Asked, code: EnterpriseCode, month: Filter = "", meter: Filter = "", day: Day | None = None
) -> HTMLResponse:
    """What made the figures of an enterprise and month, or of one of its meters down to the readings of a day."""
    facts = _facts(view, code)
    period = _month(month) if month else periods.month_of(view.today)
    try:
        about = explain(view.conn, code, period, view.zone, view.now, meter or None)
    except UnknownSubject:
        raise Trouble(404, "no_meter", meter) from None
    except Refused:
        raise Trouble(400, "not_begun", period.name) from None
    days = provenance.days_of(about, view.zone)
    shown = provenance.shown_day(days, day)
    return view.page(
        "provenance.html",
        facts=facts,
        period=period,
        about=about,
        one=about.meters[0] if meter else None,
        told=provenance,
        carriers=reference.carriers(view.conn),
        days=days,
        day=shown,
        readings=days.get(shown, []) if shown else [],
        months=_selectable(view, facts, period),
        today=view.today,
        before=periods.previous_month(period).name,
        after=periods.month_of(period.until).name,
    )


def _judged(view: View, facts: Facts, period: Period) -> dict[str, object]:
    """What rules, alerts and reports say of an enterprise."""
    ours = Which(scope="enterprise", code=facts.code)
    said = enterprise.outcomes(pages.findings(view.conn, ours))
    return {
        "budgets": [Budget(told) for told in pages.progress(view.conn, f"{period.first.year}", facts.code)],
        "lines": said.lines,
        "months_of_lines": said.months,
        "others": said.others,
        "alerts": pages.alerts(view.conn, replace(ours, state="open")),
        "reports": pages.reports(view.conn, replace(ours, limit=_REPORTS_SHOWN)),
    }


def _month(name: str) -> Period:
    try:
        period = periods.parse(name)
    except (ValueError, OverflowError):
        raise Trouble(400, "bad_month", name) from None
    if period != periods.month_of(period.first) or not FIRST_DAY <= period.first < LAST_DAY:
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
    return {
        "load": enterprise.load_chart(points, view.words),
        "load_from": periods.day_of(since, view.zone),
        "load_day": last,
        "load_partial": any(hour.partial for hour in hours),
    }


@router.get("/alerts")
def alerts(
    view: Asked,
    level: Level = "",
    state: Literal["open", "acknowledged", "resolved", "all"] = "open",
    region: Filter = "",
    page: PageNumber = 1,
) -> HTMLResponse:
    """The alert inbox: not resolved ones unless asked otherwise, the worst and newest first."""
    w = view.words
    which = _on(page, Which(level=level or None, state=None if state == "all" else state, region=region or None))
    return view.page(
        "alerts.html",
        alerts=pages.alerts(view.conn, which),
        page=page,
        size=PAGE_SIZE,
        asked={"level": level, "state": state, "region": region},
        region_options=_options(pages.regions(view.conn)),
        level_options=[(name, getattr(w, name)) for name in LEVELS],
        state_options=[
            ("open", w.unresolved),
            ("acknowledged", w.state_acknowledged),
            ("resolved", w.state_resolved),
            ("all", w.all),
        ],
    )


def _on(page: int, which: Which) -> Which:
    """That page of the list."""
    return replace(which, limit=PAGE_SIZE, offset=(page - 1) * PAGE_SIZE)


@router.get("/alerts/{alert}")
def one_alert(view: Asked, alert: Id) -> HTMLResponse:
    """One alert with all that happened to it and who was told."""
    story = pages.alert_story(view.conn, alert)
    if story is None:
        raise Trouble(404, "no_alert", alert)
    return view.page("alert.html", alert=story.alert, events=story.events, deliveries=story.deliveries)


@router.get("/judgements")
def judgements(
    view: Asked,
    state: Literal["ok", "warning", "cannot_judge", ""] = "",
    rule: Filter = "",
    region: Filter = "",
    page: PageNumber = 1,
) -> HTMLResponse:
    """What every rule says today, "cannot be judged, because" too: silence would read as compliance."""
    w = view.words
    which = _on(page, Which(state=state or None, rule=rule or None, region=region or None))
    return view.page(
        "judgements.html",
        findings=pages.findings(view.conn, which),
        page=page,
        size=PAGE_SIZE,
        asked={"state": state, "rule": rule, "region": region},
        region_options=_options(pages.regions(view.conn)),
        state_options=[(name, w.coded("state", name)) for name in ("warning", "cannot_judge", "ok")],
    )


@router.get("/reports")
def reports(
    view: Asked, month: Filter = "", scope: Literal["enterprise", "region", ""] = "", page: PageNumber = 1
) -> HTMLResponse:
    """Report runs with the files that each recorded."""
    which = _on(page, Which(period=_month(month).name if month else None, scope=scope or None))
    return view.page(
        "reports.html",
        reports=pages.reports(view.conn, which),
        page=page,
        size=PAGE_SIZE,
        asked={"month": month, "scope": scope},
    )


@router.get("/reports/{run}/{name}")
def report_file(view: Asked, run: Id, name: str) -> FileResponse:
    """One file of a report run: one that the run recorded, and no other."""
    return downloads.answer(pages.reports(view.conn, Which(id=run)), name, view.site.options.reports)

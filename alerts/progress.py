"""Quotas that add up over days, and maximum demand: used, path to date, forecast (domain rules 1, 14, 15, 19).

Thousands of enterprises at once: quotas are sorted by what they ask for, every question is asked once for all of them,
and what is left for each is arithmetic.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

from psycopg import Connection

from alerts.judged import Outcome, Round, graded, unjudged
from energy import periods, quotas, units
from energy.bounds import Bounds
from energy.periods import Period
from energy.quotas import Pace, Piece
from energy.warnings import grade_bounds
from storage import judgement
from storage.findings import Key
from storage.judgement import Counting, Peak, Quota, Used

RULES = ("quota_used", "quota_path", "quota_forecast", "max_demand")
CUMULATIVE = quotas.CUMULATIVE | {"max_demand_kw"}

# A gap in the metering is taken to hide no breach if twice the mean of what is known would not reach the line.
_GAP_AT_MOST = 2.0
_LATE_INTERVALS = 3  # readings that are merely on their way are no gap
_BREACH = 100.0  # percent


@dataclass(frozen=True)
class Plan:
    """A quota understood: which figure it is about, how that becomes the quota's unit, and its budgets in that unit."""

    quota: Quota
    period: Period
    figure: str
    scale: float
    pieces: tuple[Piece, ...]
    why: str | None = None
    about: str = ""

    @property
    def subject(self) -> str:
        q = self.quota
        return ":".join(part for part in (q.metric, q.kind, q.basis, q.boundary, q.product) if part)

    def key(self, rule: str) -> Key:
        return Key(rule, self.quota.scope, self.quota.code, self.subject, self.quota.period)


def plans(rows: Sequence[Quota]) -> list[Plan]:
    """Quotas to be judged. A budget for a part of another quota's period is that one's path, not judged by itself."""
    alike: dict[tuple[str, ...], list[Quota]] = defaultdict(list)
    for row in rows:
        if row.metric in CUMULATIVE:
            alike[row.scope, row.code, row.metric, row.product, row.basis, row.boundary].append(row)
    return [plan for group in alike.values() for plan in _plans(group)]


def _plans(group: Sequence[Quota]) -> Iterator[Plan]:
    spans = [_parsed(row.period) for row in group]
    for row, span in zip(group, spans, strict=True):
        if row.kind == "budget" and any(_inside(span, other) for other in spans):
            continue
        budgets = [Piece(s.first, s.until, r.limit) for r, s in zip(group, spans, strict=True) if r.kind == "budget"]
        inner = [piece for piece in budgets if (piece.first, piece.until) != (span.first, span.until)]
        yield _understood(row, span, quotas.fitting_budgets(span, inner) if inner else ())


def _inside(span: Period, other: Period) -> bool:
    return other.first <= span.first and span.until <= other.until and other.days > span.days


@cache
def _parsed(name: str) -> Period:
    return periods.parse(name)


def _understood(quota: Quota, period: Period, pieces: tuple[Piece, ...]) -> Plan:
    figure, scale, why, about = _figure(quota)
    if not why:
        why = quotas.cannot_be_judged(quota.metric, quota.basis, quota.boundary)
    if not why and (period.first.day != 1 or period.until.day != 1):
        why = "period_not_months"
    if not why and quota.limit <= 0:
        why = "limit_not_positive"
    return Plan(quota, period, figure, scale, pieces, why, about)


def _figure(quota: Quota) -> tuple[str, float, str | None, str]:
    """The figure of `judgement.used`, what it is multiplied with, or why there is none."""
    if quota.scope == "region":
        return "", 0.0, "region_total_not_imported", ""
    unit = quota.unit.partition("/")[0]
    figure = _energy(unit, quota.basis, quota.boundary) if quota.metric in _PER else _FIGURES[quota.metric](quota)
    scale = _scale(figure, unit)
    if scale is None:
        return "", 0.0, "unit_unknown", quota.unit
    if quota.metric not in _PER:
        return figure, scale, None, ""
    divided_by = getattr(quota, quota.denominator or _PER[quota.metric], None)
    if not divided_by:
        return figure, scale, "denominator_missing", quota.denominator or _PER[quota.metric]
    return figure, scale / divided_by, None, ""


_PER = {"area_energy": "floor_area_m2", "capita_energy": "energy_users"}


def _energy(unit: str, basis: str, boundary: str) -> str:
    """tce of the stated basis, or kWh where the unit says so."""
    if unit.lower().endswith("wh"):
        return "kwh"
    return "tce_assessed" if boundary == "assessed" else f"tce_{basis or 'equivalent'}"


_FIGURES: Mapping[str, Callable[[Quota], str]] = {
    "tce": lambda q: _energy("tce", q.basis, q.boundary),
    "kwh": lambda q: "kwh",
    "co2": lambda q: "tco2",
    "coal": lambda q: "coal_tce" if q.unit.lower().endswith(("ce", "标准煤", "标煤")) else "coal_kg",
    "max_demand_kw": lambda q: "peak_kw",
}
_OWN_UNIT = {"tco2": "t", "kwh": "kWh", "coal_kg": "kg"}


@cache
def _scale(figure: str, unit: str) -> float | None:
    """How many of `unit` one of the figure's own unit is; None if they do not convert."""
    try:
        if figure == "peak_kw":
            return 1 / float(units.convert_rate(unit, "kWh"))
        return 1 / float(units.convert(unit.replace("CO2e", "").replace("CO2", ""), _OWN_UNIT.get(figure, "tce")))
    except ValueError:
        return None


@dataclass(frozen=True)
class Facts:
    """What is known about the enterprises of a round: figures by (figure, period), today's, peaks, counting meters."""

    used: Mapping[tuple[str, str], Mapping[int, Used]]
    today: Mapping[str, Mapping[int, float]]
    peaks: Mapping[str, Mapping[int, Peak]]
    counting: Mapping[int, list[Counting]]


def facts(conn: Connection, plans: Iterable[Plan], now: Round) -> Facts:
    """One statement for each figure and period that any quota asks for."""
    asked: dict[tuple[str, Period], list[int]] = defaultdict(list)
    for plan in plans:
        if not plan.why and plan.period.first <= now.today:
            asked[plan.figure, plan.period].append(plan.quota.enterprise_id)
    days = int(now.rules["quota_forecast"].options["pace_days"])
    used: dict[tuple[str, str], Mapping[int, Used]] = {}
    today: dict[str, dict[int, float]] = {}
    peaks: dict[str, Mapping[int, Peak]] = {}
    for (figure, period), ids in asked.items():
        if figure == "peak_kw":
            peaks[period.name] = judgement.peaks(conn, ids, period.first, period.until)
            continue
        recent = quotas.recent_from(period, now.today, days)
        used[figure, period.name] = judgement.used(conn, figure, ids, period.first, period.until, recent)
        if period.first <= now.today < period.until:
            today.setdefault(figure, {}).update(judgement.used_on(conn, figure, ids, now.today))
    return Facts(used, today, peaks, judgement.counting(conn) if used else {})


def outcomes(plans: Iterable[Plan], known: Facts, now: Round) -> Iterator[Outcome]:
    """What the rules make of every quota whose period has begun."""
    for plan in plans:
        if plan.period.first > now.today:
            continue
        if plan.quota.metric == "max_demand_kw":
            yield _demand(plan, known, now)
        else:
            yield from _progress(plan, known, now)


def _demand(plan: Plan, known: Facts, now: Round) -> Outcome:
    rule, q = now.rules["max_demand"], plan.quota
    peak = known.peaks.get(plan.period.name, {}).get(q.enterprise_id)
    why = plan.why or (None if peak else "peak_missing")
    if why or peak is None:
        return _unjudged(plan, rule.id, why or "peak_missing", now)
    kw = peak.kw * plan.scale
    demand = Bounds(kw, kw, math.inf if peak.at_least else kw)
    share = demand.times(100 / q.limit)
    found = grade_bounds(share, rule.thresholds, _BREACH, rule.margin)
    at = f"{peak.at.astimezone(now.zone):%Y-%m-%d %H:%M}" if peak.at else ""
    inputs = {**_inputs(plan), "said": rule.id, "observed": kw, "percent": share.value, "at": at,
              "at_least": peak.at_least}  # fmt: skip
    return graded(plan.key(rule.id), rule, demand, q.limit, found, lambda: inputs, q.unit, "", q.document)


def _progress(plan: Plan, known: Facts, now: Round) -> Iterator[Outcome]:
    q = plan.quota
    found = known.used.get((plan.figure, plan.period.name), {}).get(q.enterprise_id)
    if plan.why or found is None:
        yield _unjudged(plan, "quota_used", plan.why or "nothing_known", now)
        return
    share = coverage(known.counting.get(q.enterprise_id, ()), plan.figure, plan.period, found.covered_s, now)
    used = found.bounds.times(plan.scale)
    day = min(now.today, plan.period.until)
    running = known.today.get(plan.figure, {}).get(q.enterprise_id, 0.0) * plan.scale if day == now.today else 0.0
    past = Bounds(used.value - running, used.low - running, used.high - running)
    early = not _keeps_plan(plan, past, day)
    yield _against(plan, "quota_used", _with_gap(used, share, q.limit), q.limit, share, now, early=early)
    recent = found.recent * plan.scale - running
    yield from _along_the_path(plan, past, recent, share, day, now)


def _keeps_plan(plan: Plan, past: Bounds, day: date) -> bool:
    """Whether what was used before that day lies within budgets that somebody has stated.

    Then being near the quota is as planned, and exactly on plan is silence (domain rule 14). A path by days alone is
    nobody's plan and silences nothing.
    """
    path = quotas.path_to_date(plan.quota.limit, plan.period, plan.pieces, day)
    return bool(plan.pieces) and not quotas.fails("at_most", past.value, path)


def _along_the_path(plan: Plan, past: Bounds, recent: float, share: float, day: date, now: Round) -> Iterator[Outcome]:
    """The rules that need a plan of days: the path so far, and where the period would end."""
    passed = (day - plan.period.first).days
    limit, path = plan.quota.limit, quotas.path_to_date(plan.quota.limit, plan.period, plan.pieces, day)
    running = day < plan.period.until
    if passed + 1 >= now.rules["quota_path"].options["from_day"] and path > 0 and running:
        about = {"day": f"{day - timedelta(days=1):%Y-%m-%d}", "whole": limit}  # as people say it: that day included
        yield _against(plan, "quota_path", _with_gap(past, share, path), path, share, now, about)
    forecast_rule = now.rules["quota_forecast"]
    if passed + 1 < forecast_rule.options["from_day"] or not running:
        return
    since = quotas.recent_from(plan.period, day, int(forecast_rule.options["pace_days"]))
    planned = path - quotas.path_to_date(limit, plan.period, plan.pieces, since)
    ahead = quotas.forecast(past, limit, path, Pace(recent, planned))
    if ahead is not None:
        end = Bounds(ahead.low, ahead.low, ahead.low)  # a notice, from what is certain; no bounds are claimed for it
        yield _against(plan, "quota_forecast", end, limit, share, now)


def _against(
    plan: Plan, rule_id: str, used: Bounds, limit: float, share: float, now: Round,
    more: Mapping[str, Any] | None = None, early: bool = True,
) -> Outcome:  # fmt: skip
    rule, q = now.rules[rule_id], plan.quota
    percent = used.times(100 / limit)
    lines = rule.thresholds if q.kind in quotas.BINDING else ()
    lines = lines if early else tuple(each for each in lines if each.line >= _BREACH)
    found = grade_bounds(percent, lines, _BREACH, rule.margin)

    def told() -> dict[str, Any]:
        bounded = not used.exact and math.isfinite(used.high)
        return {
            **_inputs(plan), **(more or {}), "said": rule_id, "observed": used.value, "limit": limit,
            "percent": percent.value, "completeness": share,
            **({"high": used.high, "high_percent": percent.high, "gap": share < 1} if bounded else {}),
            **({"unbounded": True} if math.isinf(used.high) else {}),
        }  # fmt: skip

    return graded(plan.key(rule_id), rule, used, limit, found, told, q.unit, q.basis, q.document)


def _unjudged(plan: Plan, rule_id: str, why: str, now: Round) -> Outcome:
    q = plan.quota
    return unjudged(plan.key(rule_id), now.rules[rule_id], why, {**_inputs(plan), "about": plan.about}, q.unit, q.basis,
                    q.document, q.limit)  # fmt: skip


def _inputs(plan: Plan) -> dict[str, Any]:
    q = plan.quota
    return {
        "name": q.name, "metric": q.metric, "basis": q.basis, "boundary": q.boundary, "quota": q.kind,
        "period": q.period, "unit": q.unit, "limit": q.limit, "document": q.document or "", "span": _span(plan.period),
    }  # fmt: skip


@cache
def _span(period: Period) -> str:
    """年度 of a year, 月度 of a month, for the name of its quota."""
    return {12: "年度", 3: "季度", 1: "月度"}.get(sum(1 for _ in period.months()), "期间")


def _with_gap(used: Bounds, covered: float, line: float) -> Bounds:
    """Widened by what a gap in the metering may hide; without an upper bound where that may be a breach."""
    if covered >= 1 or math.isinf(used.high):
        return used
    gap = (1 - covered) / covered if covered > 0 else math.inf
    plausible = used.high + _GAP_AT_MOST * used.value * gap
    return Bounds(used.value, used.low, plausible if plausible <= line else math.inf)


def coverage(meters: Iterable[Counting], figure: str, period: Period, covered_s: int, now: Round) -> float:
    """Share of the metering that is covered by known amounts, 1 where nothing is missing that should be there."""
    since, until = period.since(now.zone), min(period.end(now.zone), now.now)
    expected = late = 0.0
    for each in meters:
        if not each.is_medium and _concerns(figure, each):
            expected += each.unlimited * (until - since).total_seconds() + _seconds(each, since, until)
            late += each.intervals_s * _LATE_INTERVALS
    return 1.0 if covered_s >= expected - late else covered_s / expected


def _concerns(figure: str, meter: Counting) -> bool:
    if figure == "kwh":
        return meter.carrier == "electricity"
    return meter.category == "coal" if figure.startswith("coal") else True


def _seconds(meter: Counting, since: datetime, until: datetime) -> float:
    spans = ((max(first or since, since), min(last or until, until)) for first, last in meter.limited)
    return sum(max(0.0, (last - first).total_seconds()) for first, last in spans)

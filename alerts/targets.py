"""Targets that are one value for a period: intensities, their reduction, and everything of a region (rules 6, 7, 8).

A region is judged on its imported statistical total, never on a sum of enterprises.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from alerts.judged import Outcome, Round, graded, held_against, unjudged
from alerts.progress import CUMULATIVE
from alerts.sites import METRICS
from energy import bounds, intensity, periods, quotas
from energy.intensity import Year
from energy.periods import Period
from energy.warnings import grade_bounds
from storage import judgement
from storage.findings import Key
from storage.judgement import Quota

RULES = ("quota_value",)
REGION_RULES = ("quota_used", "quota_value")
_BREACH = 100.0


@dataclass(frozen=True)
class Known:
    """Activity data by (code, item, period, price base), and tce and tCO2 by (figure, period, enterprise id)."""

    activity: Mapping[tuple[str, str, str, str], float]
    used: Mapping[tuple[str, str, int], float]
    now: Round

    def item(self, quota: Quota, item: str, period: str) -> float | None:
        """A value of the quota's subject; of money, in the quota's price base."""
        for base in (quota.price_base, ""):
            if (value := self.activity.get((quota.code, item, period, base))) is not None:
                return value
        return None


@dataclass(frozen=True)
class Value:
    """What was found: a value in the quota's unit, or the code of why there is none."""

    value: float | None = None
    why: str | None = None
    about: str = ""


def concerns(quota: Quota) -> bool:
    """Whether a quota is judged here; the others add up over days or need twelve months of meters."""
    return quota.scope == "region" or quota.metric not in (*CUMULATIVE, *METRICS)


def known(conn: Connection, scope: str, asked: Sequence[Quota], now: Round) -> Known:
    """Everything that these quotas need, by a statement for each period."""
    used: dict[tuple[str, str, int], float] = {}
    spans = {quota.period for quota in asked if quota.scope == "enterprise"}
    for name in sorted(spans):
        period = periods.parse(name)
        ids = [quota.enterprise_id for quota in asked if quota.period == name]
        for figure in ("tce_equivalent", "tce_equal_value", "tco2"):
            found = judgement.used(conn, figure, ids, period.first, period.until, period.first)
            used.update({(figure, name, id_): each.bounds.value for id_, each in found.items() if each.bounds.exact})
    codes = sorted({quota.code for quota in asked})
    return Known(judgement.activity(conn, scope, codes), used, now)


def outcomes(asked: Sequence[Quota], facts: Known) -> Iterator[Outcome]:
    """What becomes of every quota whose period has begun."""
    for quota in asked:
        period = periods.parse(quota.period)
        if period.first <= facts.now.today:
            yield _region_total(quota, facts) if quota.metric in CUMULATIVE else _target(quota, period, facts)


def _region_total(quota: Quota, facts: Known) -> Outcome:
    """A region's quota of energy against its statistical total of the very period."""
    rule = facts.now.rules["quota_used"]
    key = _key(rule.id, quota)
    total = facts.item(quota, "region_tce", quota.period) if quota.metric == "tce" else None
    why = quotas.cannot_be_judged(quota.metric, quota.basis, quota.boundary)
    if why or total is None or quota.limit <= 0:
        return _unjudged(key, quota, Value(why=why or "region_total_not_imported"), facts)
    used = bounds.known(total)
    share = used.times(100 / quota.limit)
    lines = rule.thresholds if quota.kind in quotas.BINDING else ()
    inputs = {**_inputs(quota), "said": "quota_used", "observed": total, "percent": share.value}
    found = grade_bounds(share, lines, _BREACH, rule.margin)
    return graded(key, rule, used, quota.limit, found, lambda: inputs, quota.unit, quota.basis, quota.document)


def _target(quota: Quota, period: Period, facts: Known) -> Outcome:
    key = _key("quota_value", quota)
    found = _value(quota, period, facts)
    if found.value is None:
        return _unjudged(key, quota, found, facts)
    broken = quotas.fails(quota.direction, found.value, quota.limit)
    verdict = {"at_least": ("reached", "short")}.get(quota.direction, ("met", "not_met"))[broken]
    inputs = {**_inputs(quota), "said": "quota_value", "observed": found.value, "verdict": verdict}
    enforced = quota.kind in quotas.BINDING and facts.now.today >= period.until
    return held_against(key, facts.now.rules["quota_value"], bounds.known(found.value), quota.limit, broken, enforced,
                        inputs, quota.unit, quota.basis, quota.document)  # fmt: skip


def _value(quota: Quota, period: Period, facts: Known) -> Value:
    if quota.metric == "intensity_drop":
        return _drop(quota, period, facts)
    if quota.metric in ("intensity", "co2_intensity"):
        return _intensity(quota, quota.period, facts)
    why = "nonfossil_not_recorded" if quota.metric == "nonfossil_share" else "metric_unknown"
    return Value(why=why, about=quota.metric)


def _intensity(quota: Quota, period: str, facts: Known) -> Value:
    energy, output = _energy(quota, period, facts), _output(quota, period, facts)
    if energy.value is None or output.value is None:
        return energy if energy.value is None else output
    return Value(energy.value / output.value) if output.value > 0 else Value(why="no_output_value")


def _energy(quota: Quota, period: str, facts: Known) -> Value:
    """t of coal equivalent or CO2 of the period, of the basis that the quota states."""
    if quota.scope == "region":
        item = "region_co2" if quota.metric == "co2_intensity" else "region_tce"
        found = facts.item(quota, item, period)
        return Value(found) if found is not None else Value(why="region_total_not_imported")
    if quota.metric == "co2_intensity":
        figure = "tco2"
    elif quota.basis:
        figure = f"tce_{quota.basis}"
    else:
        return Value(why="basis_not_stated")
    value = facts.used.get((figure, period, quota.enterprise_id))
    return Value(value) if value is not None else Value(why="nothing_known")


def _output(quota: Quota, period: str, facts: Known) -> Value:
    item = quota.denominator or ("gdp" if quota.scope == "region" else "value_added")
    found = facts.item(quota, item, period)
    return Value(found) if found is not None else Value(why="activity_missing", about=item)


def _drop(quota: Quota, period: Period, facts: Known) -> Value:
    """Reduction against the year before, in percent, feedstock out of both years (domain rule 7)."""
    if len(quota.period) != 4:
        return Value(why="metric_unknown", about=f"{quota.metric} {quota.period}")
    years = []
    for name in (f"{period.first.year - 1}", quota.period):
        energy, output = _energy(quota, name, facts), _output(quota, name, facts)
        if energy.value is None or output.value is None:
            return energy if energy.value is None else output
        feedstock = facts.item(quota, "region_feedstock_tce", name) or 0.0
        years.append(Year(energy.value, output.value, quota.price_base, feedstock))
    drop = intensity.reduction(*years)
    return Value(why=drop) if isinstance(drop, str) else Value(drop * 100)


def _unjudged(key: Key, quota: Quota, found: Value, facts: Known) -> Outcome:
    inputs = {**_inputs(quota), "about": found.about}
    return unjudged(key, facts.now.rules[key.rule], found.why or "nothing_known", inputs, quota.unit, quota.basis,
                    quota.document, quota.limit)  # fmt: skip


def _key(rule: str, quota: Quota) -> Key:
    parts = (quota.metric, quota.kind, quota.basis, quota.boundary, quota.product)
    return Key(rule, quota.scope, quota.code, ":".join(part for part in parts if part), quota.period)


def _inputs(quota: Quota) -> dict[str, Any]:
    return {
        "name": quota.name, "metric": quota.metric, "basis": quota.basis, "boundary": quota.boundary,
        "quota": quota.kind, "period": quota.period, "unit": quota.unit, "limit": quota.limit,
        "document": quota.document or "",
    }  # fmt: skip

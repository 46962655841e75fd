"""How far a quota was used by the end of the month: used, path to date, and what stands in the way of saying so.

The level of a warning is the rules' business and comes from the findings; this is the picture beside it, as of the
month's end and not of today.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from psycopg import Connection

from energy import quotas, units
from energy.bounds import Bounds
from energy.periods import Period, parse
from reports import words
from reports.numbers import percent, shown
from storage import judgement
from storage.judgement import Quota

Say = Callable[[str], str]

# Metrics drawn here, with the unit of their figures. Other metrics are shown by their findings alone.
_UNITS = {"tce": "tce", "kwh": "kWh", "co2": "t", "coal": "t"}
_FIGURES = {"kwh": "kwh", "co2": "tco2", "coal": "coal_kg"}
_T_PER_FIGURE = {"coal": 0.001}  # coal is summed in kg
_OBSTACLES = {
    "basis_not_stated": "指标未注明当量或等价口径，不能说明进度。",
    "assessed_is_equivalent_only": "考核口径只有当量值，等价值指标不能说明进度。",
    "assessed_of_tce_only": "考核口径只适用于标准煤，不能说明进度。",
}
_NO_UNIT, _NO_USE = "指标的单位不能换算，不能说明进度。", "本期没有用能数据。"


@dataclass(frozen=True)
class Progress:
    """A quota beside what was used of it by the end of the month. used None: why_not says what is in the way."""

    quota: Quota
    unit: str
    limit: float
    used: Bounds | None
    path: float | None
    why_not: str

    @property
    def high(self) -> float | None:
        """At most so much was used, None without data or without an upper bound."""
        return self.used.high if self.used and math.isfinite(self.used.high) else None

    def title(self, say: Say) -> str:
        basis = words.BASIS_WORDS[self.quota.basis] if self.quota.metric == "tce" else ""
        named = (words.METRIC_WORDS[self.quota.metric], basis, words.BOUNDARY_WORDS[self.quota.boundary],
                 words.KIND_WORDS.get(self.quota.kind, self.quota.kind))  # fmt: skip
        return f"{self.quota.period} " + " · ".join(say(word) for word in named if word)

    def sentence(self, say: Say) -> str:
        if self.used is None:
            return say(self.why_not)
        return say("截至月末已用 {used} {unit}，占 {share}；至月末序时进度 {path} {unit}，为其 {on_path}。").format(
            used=f"{'≥ ' if not self.used.exact else ''}{shown(self.used.value)}",
            unit=self.unit,
            share=percent(self.used.value / self.limit if self.limit > 0 else None),
            path=shown(self.path),
            on_path=percent(self.used.value / self.path if self.path else None),
        )


def progress(conn: Connection, enterprise: int, code: str, month: Period, until: date) -> tuple[Progress, ...]:
    """Binding quotas of the whole enterprise whose period is longer and holds the month, as used before `until`."""
    stated = [
        quota
        for quota in judgement.quotas(conn, "enterprise", [code], month.until)
        if quota.metric in _UNITS and not quota.product
    ]
    binding = [quota for quota in stated if quota.kind in quotas.BINDING and _holds(parse(quota.period), month)]
    ranked = sorted(
        binding, key=lambda quota: (quota.metric != "tce", quota.metric, quota.basis, quota.period, quota.kind)
    )
    return tuple(_progress(quota, stated, _used(conn, enterprise, quota, until), until) for quota in ranked)


def _holds(period: Period, month: Period) -> bool:
    return period.first <= month.first and month.until <= period.until and period.days > month.days


def _used(conn: Connection, enterprise: int, quota: Quota, until: date) -> Bounds | None:
    if quotas.cannot_be_judged(quota.metric, quota.basis, quota.boundary):
        return None
    tce = "tce_assessed" if quota.boundary == "assessed" else f"tce_{quota.basis}"
    since = parse(quota.period).first
    found = judgement.used(conn, _FIGURES.get(quota.metric, tce), [enterprise], since, until, since).get(enterprise)
    return found.bounds.times(_T_PER_FIGURE.get(quota.metric, 1.0)) if found else None


def _progress(quota: Quota, stated: Sequence[Quota], used: Bounds | None, until: date) -> Progress:
    """The picture from its parts; pure, so that every obstacle can be told apart."""
    size = _size(quota)
    if why_not := _why_not(quota, size):
        return Progress(quota, quota.unit, quota.limit, None, None, why_not)
    limit, period = quota.limit * size, parse(quota.period)
    path = quotas.path_to_date(limit, period, quotas.fitting_budgets(period, _budgets(quota, stated)), until)
    return Progress(quota, _UNITS[quota.metric], limit, used, path, "" if used else _NO_USE)


def _size(quota: Quota) -> float:
    """How many of the figures' unit the quota's unit is; NaN where it does not convert."""
    try:
        return float(units.convert(quota.unit.replace("CO2", "").replace("CO₂", ""), _UNITS[quota.metric]))
    except ValueError:
        return math.nan


def _why_not(quota: Quota, size: float) -> str:
    if code := quotas.cannot_be_judged(quota.metric, quota.basis, quota.boundary):
        return _OBSTACLES[code]
    return _NO_UNIT if math.isnan(size) else ""


def _budgets(quota: Quota, stated: Iterable[Quota]) -> list[quotas.Piece]:
    """Budgets for parts of the quota's period on the same terms: the path."""
    terms = (quota.metric, quota.basis, quota.boundary)
    same = [one for one in stated if one.kind == "budget" and (one.metric, one.basis, one.boundary) == terms]
    parts = [(parse(one.period), one.limit * _size(one)) for one in same]
    days = parse(quota.period).days
    return [quotas.Piece(part.first, part.until, amount) for part, amount in parts if part.days < days]

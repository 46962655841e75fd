"""Unit energy of product lines against the lines of standard and notice, and given quotas (rules 9 to 12)."""

import math
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from alerts.judged import Outcome, held_against, unjudged
from alerts.lines import Cannot, ProductLine
from alerts.sites import YEAR, Site, World, window, window_name
from energy import levels, periods, quotas
from energy.bounds import Bounds
from energy.levels import Kind, Line, Plant
from energy.periods import Period, month_of, previous_month
from energy.product_energy import UnitEnergy
from storage.findings import Key
from storage.judgement import Quota

RULES = (*(f"unit_energy_{kind}" for kind in Kind), "unit_energy_quota")


def outcomes(site: Site, world: World) -> Iterator[Outcome]:
    """What every product line of a site comes to."""
    for product in site.products:
        line = ProductLine(site, product, world)
        end = line.last_output()
        if end is None:
            yield _nothing(line, world.last_month, Cannot("output_missing"))
            continue
        yield from _standards(line, end)
        for quota in site.quotas:
            if quota.metric == "unit_energy" and quota.product == product.product:
                yield from _given(line, quota, end)


def _standards(line: ProductLine, end: Period) -> Iterator[Outcome]:
    """Against every line of the documents in force: the year, and the last month beside it as information."""
    plant = line.plant(end)
    found, why = levels.lines(line.records(), line.world.editions, end.until - timedelta(days=1), plant)
    if why:
        yield _nothing(line, end, Cannot(why))
    taken: set[Kind] = set()
    for each in found:
        subject = line.product.product if each.kind not in taken else f"{line.product.product}:{each.record_id}"
        taken.add(each.kind)
        for months, name, needed in ((window(end), f"{end.first.year}", YEAR), ([end], end.name, 0)):
            key = Key(f"unit_energy_{each.kind}", "enterprise", line.site.enterprise.code, subject, name)
            yield _compared(line, each, key, months, needed, plant)


def _given(line: ProductLine, quota: Quota, end: Period) -> Iterator[Outcome]:
    """A unit energy that the enterprise was given as a quota."""
    period = periods.parse(quota.period)
    if period.first > end.first:
        return
    last = min(end, previous_month(month_of(period.until)), key=lambda month: month.first)
    needed = min(YEAR, sum(1 for _ in period.months()))
    better = "higher" if quota.direction == "at_least" else "lower"
    binds = quota.kind in quotas.BINDING
    limit = Line(Kind.LIMIT, quota.limit, quota.unit, better, quota.document or "", binds)
    key = Key("unit_energy_quota", "enterprise", quota.code, line.product.product, quota.period)
    yield _compared(line, limit, key, window(last, needed), needed, line.plant(last))


def _compared(line: ProductLine, limit: Line, key: Key, months: Sequence[Period], needed: int, plant: Plant) -> Outcome:
    """A value against a line. needed: so many full months judge; 0: the value is information."""
    found = line.value(limit, months, plant)
    inputs = _inputs(line, limit, key, months, needed)
    cannot = _why_not(found, limit, needed)
    value = found.value if isinstance(found, UnitEnergy) else None
    rule = line.world.now.rules[key.rule]
    if cannot or value is None:
        cannot = cannot or Cannot("output_missing")
        full = found.months if isinstance(found, UnitEnergy) else 0
        return unjudged(key, rule, cannot.why, {**inputs, "about": cannot.about, "months": full}, limit.unit,
                        "equivalent", limit.document, limit.value, value)  # fmt: skip
    broken, possible = _broken(value, limit)
    inputs |= {"observed": value.value, "verdict": _verdict(limit, broken), "unbounded": math.isinf(value.high)}
    return held_against(key, rule, value, limit.value, broken, needed > 0 and limit.enforced, inputs, limit.unit,
                        "equivalent", limit.document, possible)  # fmt: skip


def _verdict(limit: Line, broken: bool) -> str:
    """A limit is kept to, an aim is reached."""
    if limit.kind in (Kind.LIMIT, Kind.BASELINE):
        return "not_met" if broken else "met"
    return "short" if broken else "reached"


def _broken(value: Bounds, limit: Line) -> tuple[bool, bool]:
    """Whether the line is missed for certain, and whether missing data may hide that it is."""
    best, worst = (value.high, value.low) if limit.better == "higher" else (value.low, value.high)
    way = levels.direction(limit)
    return quotas.fails(way, best, limit.value), quotas.fails(way, worst, limit.value)


def _why_not(found: UnitEnergy | Cannot, limit: Line, needed: int) -> Cannot | None:
    if isinstance(found, Cannot):
        return found
    if found.cannot:
        return Cannot(found.cannot)
    if limit.cannot:
        return Cannot(limit.cannot, limit.missing)
    return Cannot("months_not_full") if found.months < needed else None


def _inputs(line: ProductLine, limit: Line, key: Key, months: Sequence[Period], needed: int) -> dict[str, Any]:
    given = key.rule == "unit_energy_quota"
    return {
        **_about(line), "said": "unit_energy", "line": limit.kind.value, "indicator": limit.indicator,
        "unit": limit.unit, "limit": limit.value, "document": limit.document, "applied": list(limit.applied),
        "window": window_name(months), "period": key.period, "record": limit.record_id, "needed": needed,
        "given": given, "recalled": not limit.enforced and not given, "month_only": needed == 0,
    }  # fmt: skip


def _nothing(line: ProductLine, end: Period, cannot: Cannot) -> Outcome:
    """No line can be drawn, or nothing be divided by: said once, where the limit would stand."""
    key = Key("unit_energy_limit", "enterprise", line.site.enterprise.code, line.product.product, f"{end.first.year}")
    inputs = {**_about(line), "metric": "unit_energy", "period": key.period, "about": cannot.about}
    return unjudged(key, line.world.now.rules[key.rule], cannot.why, inputs)


def _about(line: ProductLine) -> dict[str, Any]:
    return {"name": line.site.enterprise.name, "product": line.product.name or line.product.product}

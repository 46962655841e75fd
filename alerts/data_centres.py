"""PUE of data centres over twelve months, against the quota it was given; grades of GB 40879 are shown (rule 16)."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from alerts.judged import Outcome, held_against, unjudged
from alerts.sites import DC_SIGNS, YEAR, Site, World, window, window_name
from energy import bounds, periods, pue, quotas
from energy.periods import Period
from energy.pue import Pue
from storage.findings import Key
from storage.judgement import Meter, Quota

RULES = ("pue",)


def outcomes(site: Site, world: World) -> Iterator[Outcome]:
    """The PUE of a site that has IT meters; without a quota it is shown alone."""
    it_meters = [meter for meter in site.meters if meter.role == "it_load"]
    if not it_meters:
        return
    months = window(world.last_month)
    centre = [meter for meter in site.meters if meter.role in DC_SIGNS and meter.carrier == "electricity"]
    found = pue.assess([_month(centre, it_meters, month, world) for month in months], _it_point(it_meters))
    why = found.cannot if any(meter.role == "dc_total" for meter in centre) else "dc_total_missing"
    about = {
        "name": site.enterprise.name, "metric": "pue", "window": window_name(months), "it_point": found.it_point,
        "months": found.months, "needed": YEAR, "period": f"{months[-1].first.year}",
    }  # fmt: skip
    asked = [quota for quota in site.quotas if quota.metric == "pue" and _has_begun(quota, months[-1])]
    for quota in asked or (None,):
        yield _outcome(site, quota, why, found, about, world)


def _has_begun(quota: Quota, month: Period) -> bool:
    return periods.parse(quota.period).first <= month.first


def _outcome(
    site: Site, quota: Quota | None, why: str | None, found: Pue, about: dict[str, Any], world: World
) -> Outcome:
    rule = world.now.rules["pue"]
    subject = "" if quota is None or quota.kind == "limit" else quota.kind
    key = Key("pue", "enterprise", site.enterprise.code, subject, quota.period if quota else about["period"])
    document, limit = (quota.document, quota.limit) if quota else (None, None)
    inputs = {**about, "document": document or "", "period": key.period}
    ratio = None if found.ratio is None else bounds.known(found.ratio)
    if why or ratio is None:
        return unjudged(key, rule, why or "it_missing", inputs, "", "", document, limit, ratio)
    inputs |= {"observed": ratio.value, "grade": _grade(ratio.value, world)}
    if quota is None or limit is None:
        return held_against(key, rule, ratio, None, False, False, {**inputs, "said": "pue_shown"})
    broken = quotas.fails(quota.direction, ratio.value, limit)
    inputs |= {"said": "pue", "quota": quota.kind, "limit": limit, "verdict": "not_met" if broken else "met"}
    return held_against(key, rule, ratio, limit, broken, quota.kind in quotas.BINDING, inputs, "", "", document)


def _grade(ratio: float, world: World) -> int | None:
    """Grade of GB 40879 for information: its lines are recalled and never enforced."""
    standard = next((record for record in world.editions if record.standard_no.startswith("GB 40879")), None)
    return pue.pue_grade(ratio, sorted(standard.values.values())) if standard else None


def _it_point(meters: Sequence[Meter]) -> str:
    """The named IT point, several joined; blank if any meter does not name its own."""
    points = {meter.it_point for meter in meters}
    return "" if "" in points else ",".join(sorted(points))


def _month(centre: Sequence[Meter], it_meters: Sequence[Meter], month: Period, world: World) -> pue.Month:
    complete = all(world.covers(meter, month) for meter in (*centre, *it_meters))
    total = _kwh(((meter, DC_SIGNS[meter.role]) for meter in centre), month, world)
    return pue.Month(total, _kwh(((meter, 1) for meter in it_meters), month, world), complete)


def _kwh(meters: Iterable[tuple[Meter, int]], month: Period, world: World) -> float | None:
    """What is known of the sum; None if nothing is."""
    found = [(world.months.get((meter.id, month.first)), sign) for meter, sign in meters]
    known = [sign * each.bounds.value for each, sign in found if each is not None]
    return sum(known) if known else None

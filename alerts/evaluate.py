"""The station that judges: takes stale judgements, leaves findings, alerts, events and deliveries.

Quotas are judged at every round for all enterprises whose figures moved. Yearly indicators need twelve months of meters
and are only computed when a month that is over, an output or the registry has changed, or a month has ended.
"""

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from zoneinfo import ZoneInfo

from psycopg import Connection

from alerts import cases, data_centres, progress, sites, targets, unit_energy
from alerts import rules as alert_rules
from alerts.cases import LOG_ONLY, Route
from alerts.judged import Round
from alerts.rules import Rules
from energy import periods
from storage import judgement, snapshot, telemetry
from storage.judgement import Quota, Taken


def work(
    conn: Connection,
    now: datetime,
    zone: ZoneInfo,
    rules: Rules | None = None,
    routes: Sequence[Route] = LOG_ONLY,
    language: str = "zh",
    *,
    shared: bool = False,
) -> int:
    """One round; returns how many enterprises and regions were judged, 0 if none was to be. The caller commits.

    shared: one of several workers, who take an equal share each.
    """
    this = Round(now, zone, rules or alert_rules.shipped(), language)
    taken = judgement.take(conn, shared=shared)
    if not taken:
        return 0
    with _no_garbage():
        events = _enterprises(conn, taken, this, routes) if taken.enterprises else 0
        events += _regions(conn, taken.regions, this, routes) if taken.regions else 0
    telemetry.count("judged.enterprise", len(taken.enterprises))
    telemetry.count("judged.region", len(taken.regions))
    telemetry.count("alert_events", events)
    return len(taken)


@contextmanager
def _no_garbage() -> Iterator[None]:
    """A nation's outcomes are a million small tuples without a cycle: looking for cycles takes as long as judging."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def mark_all(conn: Connection, yearly_too: bool = False) -> None:
    """Judge everything anew at the next round: a new day has begun.

    yearly_too: the rules or the program have changed, so that what no figure has moved must be judged again as well.
    """
    judgement.mark_all(conn, yearly_too)


def _enterprises(conn: Connection, taken: Taken, now: Round, routes: Sequence[Route]) -> int:
    codes = taken.enterprises
    quotas = judgement.quotas(conn, "enterprise", codes, now.today)
    plans = progress.plans(quotas)
    outcomes = [*progress.outcomes(plans, progress.facts(conn, plans, now), now)]
    asked = [quota for quota in quotas if targets.concerns(quota)]
    if asked:
        outcomes += targets.outcomes(asked, targets.known(conn, "enterprise", asked, now))
    events = cases.settle(conn, "enterprise", codes, (*progress.RULES, *targets.RULES), outcomes, now, routes)
    return events + _yearly(conn, taken, quotas, now, routes)


def _yearly(conn: Connection, taken: Taken, quotas: Sequence[Quota], now: Round, routes: Sequence[Route]) -> int:
    """Unit energy and PUE, of those for whom they may have changed."""
    month = now.today.replace(day=1)
    began = periods.midnight(month, now.zone)
    due = judgement.slow_due(conn, taken, sites.first_month(now), month, began)
    if not due:
        return 0
    asked = [quota for quota in quotas if quota.metric in sites.METRICS]
    found, world = sites.load(conn, due, asked, snapshot.current(conn).factors, now)
    outcomes = [o for site in found for o in (*unit_energy.outcomes(site, world), *data_centres.outcomes(site, world))]
    rules = (*unit_energy.RULES, *data_centres.RULES)
    events = cases.settle(conn, "enterprise", [e.code for e in due], rules, outcomes, now, routes)
    judgement.slow_done(conn, [e.id for e in due], now.now)
    return events


def _regions(conn: Connection, codes: Sequence[str], now: Round, routes: Sequence[Route]) -> int:
    quotas = judgement.quotas(conn, "region", codes, now.today)
    outcomes = [*targets.outcomes(quotas, targets.known(conn, "region", quotas, now))]
    return cases.settle(conn, "region", codes, targets.REGION_RULES, outcomes, now, routes)

"""From outcomes to findings, cases, events and deliveries: what is true is stored, what is news is said.

Whether anything is said is decided by `energy.warnings.next_step`; here it is only carried out, for many at once.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from alerts import texts
from alerts.judged import Outcome, Round
from energy.warnings import Event, Level, Step, next_step
from storage import alerts, deliveries, findings
from storage.alerts import Said, Stored
from storage.findings import Key


@dataclass(frozen=True)
class Route:
    """A channel is told of events from a level on."""

    channel: str
    least: Level = Level.BLUE


LOG_ONLY = (Route("log"),)
_NOTICES = ("quota_forecast",)  # judges nothing: without a notice there is no outcome that anybody could miss


def settle(
    conn: Connection, scope: str, codes: Collection[str], rules: Collection[str], outcomes: Sequence[Outcome],
    now: Round, routes: Sequence[Route] = LOG_ONLY,
) -> int:  # fmt: skip
    """Store the outcomes of these rules for these enterprises or regions, and let their cases follow.

    Returns how many events there were. A case that no outcome speaks of any more stays as it is.
    """
    known = findings.existing(conn, scope, codes, rules)
    cases = alerts.last_cases(conn, scope, codes, rules)
    outcomes = [o for o in outcomes if o.level is not None or o.rule.id not in _NOTICES or o.key in known]
    changed = [outcome for outcome in outcomes if findings.differs(_bare(outcome, now), known.get(outcome.key))]
    findings.put(conn, [outcome.finding(outcome.sentence(now.language)) for outcome in changed], now.now)
    concerned = [outcome for outcome in outcomes if outcome.level is not None or outcome.key in cases]
    moved = {outcome.key for outcome in changed}
    return _follow(conn, concerned, cases, moved, now, routes)


def _bare(outcome: Outcome, now: Round) -> findings.Finding:
    """Without its sentence where that need not be compared: thousands are not written anew to stay the same."""
    return outcome.finding("" if outcome.judged else outcome.sentence(now.language))


def _follow(
    conn: Connection, outcomes: Sequence[Outcome], cases: dict[Key, Stored], moved: Collection[Key], now: Round,
    routes: Sequence[Route],
) -> int:  # fmt: skip
    opened, changed, kept, fresh = [], [], [], []
    for outcome in outcomes:
        stored = cases.get(outcome.key)
        step = next_step(stored.case if stored else None, outcome.due, outcome.rule.hold, now.now)
        if step.event is Event.OPENED:
            opened.append(_opening(outcome, step, now))
        elif stored and step.event is not Event.NONE:
            changed.append(_move(stored, outcome, step, now))
        elif stored and step.calmer_since != stored.case.calmer_since:
            kept.append({"id": stored.id, "calmer_since": _stamp(step)})
        if stored and step.event is Event.NONE and not stored.case.resolved and outcome.key in moved and outcome.judged:
            fresh.append(_figures(stored, outcome, outcome.message(stored.case.level, now.language)))
    alerts.keep(conn, kept)
    alerts.refresh(conn, fresh)
    said = alerts.open_cases(conn, opened, now.now) + alerts.move_cases(conn, changed, now.now)
    tell(conn, said, routes, now)
    return len(said)


def tell(conn: Connection, said: Sequence[Said], routes: Sequence[Route], now: Round) -> None:
    """Every event is due on every channel that wants its level."""
    due = [
        (event.event_id, route.channel)
        for event in said
        for route in routes
        if Level[event.level.upper()] >= route.least
    ]
    deliveries.enqueue(conn, due, now.now)


def _opening(outcome: Outcome, step: Step, now: Round) -> dict[str, Any]:
    level = step.level or Level.BLUE
    finding = outcome.finding()
    return {
        **outcome.key._asdict(), "level": level.word, "certainty": finding.certainty, "observed": finding.observed,
        "limit": finding.limit, "unit": finding.unit, "basis": finding.basis,
        "message": outcome.message(level, now.language),
    }  # fmt: skip


def _move(stored: Stored, outcome: Outcome, step: Step, now: Round) -> dict[str, Any]:
    calmed = step.event is Event.RESOLVED or step.level is None
    text = (
        texts.calmed(outcome.sentence(now.language), now.language)
        if calmed or step.level is None
        else outcome.message(step.level, now.language)
    )
    level = (step.level or stored.case.level).word
    return {**_figures(stored, outcome, text), "event": step.event.value, "level": level, "calmer_since": _stamp(step)}


def _figures(stored: Stored, outcome: Outcome, message: str) -> dict[str, Any]:
    finding = outcome.finding()
    return {
        "id": stored.id, "observed": finding.observed, "limit": finding.limit, "certainty": finding.certainty,
        "message": message,
    }  # fmt: skip


def _stamp(step: Step) -> str | None:
    return step.calmer_since.isoformat() if step.calmer_since else None

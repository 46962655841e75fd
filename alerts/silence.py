"""The station that listens for silence: enterprises and meters that have stopped reporting, or never began; gateways.

Stopped and never begun are different things and different texts (EC-26). When most enterprises fall silent at once the
line is ours: one alert, and theirs are held back (EC-59).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from psycopg import Connection

from alerts import cases
from alerts import rules as alert_rules
from alerts.cases import LOG_ONLY, Route
from alerts.judged import Outcome, Round
from alerts.rules import SILENCE, Rules
from energy import bounds
from energy.warnings import Certainty
from storage import findings, silence, telemetry, turns
from storage.findings import Key, Known
from storage.silence import Gateway, Heard

PLATFORM = Key("silent_platform", "platform", "enermon", "", "")


def work(
    conn: Connection,
    now: datetime,
    zone: ZoneInfo,
    rules: Rules | None = None,
    routes: Sequence[Route] = LOG_ONLY,
    language: str = "zh",
) -> int:
    """One look; returns how many events there were, 0 while another worker looks. The caller commits."""
    if not turns.is_mine(conn, "silence"):
        return 0
    this = Round(now, zone, rules or alert_rules.shipped(), language)
    found = silence.heard(conn, now, int(this.rules["silent_enterprise"].options["after_intervals"]))
    before = silence.warned(conn, SILENCE)
    known = findings.existing(conn, "enterprise", [one.code for one in found if one.never], ["never_reported"])
    look = Look(this, known, before, _is_storm(found, this))
    outcomes = [*_platform(found, look), *_enterprises(found, look), *_gateways(silence.gateways(conn), look)]
    events = sum(_settle(conn, scope, outcomes, this, routes) for scope in ("enterprise", "platform"))
    telemetry.count("alert_events", events)
    return events


def _settle(conn: Connection, scope: str, outcomes: Sequence[Outcome], now: Round, routes: Sequence[Route]) -> int:
    ours = [outcome for outcome in outcomes if outcome.key.scope == scope]
    codes = sorted({outcome.key.code for outcome in ours})
    return cases.settle(conn, scope, codes, SILENCE, ours, now, routes) if ours else 0


@dataclass(frozen=True)
class Look:
    """One look around: what was noticed before, and whether it is the platform that hears nothing."""

    now: Round
    known: dict[Key, Known]
    before: set[Key]
    storm: bool

    def outcome(self, key: Key, told: dict[str, Any] | None, name: str, is_due: bool = True) -> Iterator[Outcome]:
        """The trouble, or that it has ended; nothing where none was. Not due: noticed, not yet warned of."""
        if told is None and key not in self.before:
            return
        rule = self.now.rules[key.rule]
        inputs = told or {"said": "reporting", "name": name}
        level = rule.level if told is not None and is_due else None
        count = bounds.known(float(told["count"])) if told and "count" in told else None
        yield Outcome(
            key, rule, count, None, "", "", None, level, level, Certainty.CERTAIN, True, False, lambda: inputs
        )

    def local(self, instant: datetime) -> str:
        return f"{instant.astimezone(self.now.zone):%Y-%m-%d %H:%M}"


def _is_storm(found: Sequence[Heard], now: Round) -> bool:
    options = now.rules["silent_enterprise"].options
    speaking = [one for one in found if one.spoken]
    gone = sum(1 for one in speaking if one.silent == one.spoken)
    return gone >= options["storm_least"] and gone >= options["storm_share"] * len(speaking)


def _platform(found: Sequence[Heard], look: Look) -> Iterator[Outcome]:
    speaking = [one for one in found if one.spoken]
    gone = sum(1 for one in speaking if one.silent == one.spoken)
    told = {"said": "silent_platform", "name": "", "count": gone, "of": len(speaking)} if look.storm else None
    yield from look.outcome(PLATFORM, told, "平台" if look.now.language == "zh" else "The platform")


def _enterprises(found: Sequence[Heard], look: Look) -> Iterator[Outcome]:
    for one in found:
        gone = one.spoken > 0 and one.silent == one.spoken
        held_back = gone and look.storm
        if not held_back:
            yield from look.outcome(_key("silent_enterprise", one), _stopped(one, look) if gone else None, one.name)
        some = None if gone or not one.silent else _some(one)
        yield from look.outcome(_key("silent_meters", one), some, one.name)
        never = _never(one) if one.never else None
        yield from look.outcome(_key("never_reported", one), never, one.name, _has_waited(one, look))


def _key(rule: str, one: Heard) -> Key:
    return Key(rule, "enterprise", one.code, "", "")


def _stopped(one: Heard, look: Look) -> dict[str, Any]:
    since = look.local(one.last_time) if one.last_time else ""
    return {"said": "silent_enterprise", "name": one.name, "since": since, "count": one.spoken,
            "interval": one.interval_minutes}  # fmt: skip


def _some(one: Heard) -> dict[str, Any]:
    return {"said": "silent_meters", "name": one.name, "count": one.silent, "of": one.spoken,
            "list": _list(one.silent_codes, one.silent)}  # fmt: skip


def _never(one: Heard) -> dict[str, Any]:
    return {"said": "never_reported", "name": one.name, "count": one.never, "of": one.meters,
            "list": _list(one.never_codes, one.never)}  # fmt: skip


def _list(codes: Sequence[str] | None, count: int) -> str:
    named = "、".join(codes or ())
    return named if count <= len(codes or ()) else f"{named} …"


def _has_waited(one: Heard, look: Look) -> bool:
    """A point that was only just registered is given time: from its stated beginning, else from when it was noticed."""
    wait = timedelta(hours=look.now.rules["never_reported"].options["after_hours"])
    noticed = look.known.get(_key("never_reported", one))
    since = one.never_from or (noticed.judged if noticed else look.now.now)
    if noticed and noticed.level is not None:
        return True
    return look.now.now - since >= wait


def _gateways(found: Sequence[Gateway], look: Look) -> Iterator[Outcome]:
    wait = timedelta(minutes=look.now.rules["silent_gateway"].options["after_minutes"])
    for one in found:
        gone = one.state != "online" and look.now.now - one.since >= wait
        if gone and look.storm:
            continue
        told = {"said": "silent_gateway", "name": one.name, "subject": one.code, "since": look.local(one.since)}
        key = Key("silent_gateway", "enterprise", one.enterprise, one.code, "")
        yield from look.outcome(key, told if gone else None, one.name)

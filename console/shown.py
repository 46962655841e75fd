"""How values look on a page: numbers, times in the deployment's zone, words for codes, links."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from math import floor
from typing import Any
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from jinja2 import pass_context
from jinja2.runtime import Context

from alerts.rules import shipped
from console import downloads
from console.budgets import Budget
from console.words import Words
from reports.numbers import UNKNOWN, percent, shown, shown_range, signed_percent
from reports.words import REASON_WORDS
from storage.pages import Alert, Finding, Report

Link = Callable[..., str]


def link_in(language: str | None) -> Link:
    """Addresses of our pages that keep the language that was asked for; parameters without a value are left out."""

    def link(path: str, **asked: object) -> str:
        given = {name: value for name, value in {**asked, "lang": language}.items() if value not in (None, "")}
        return quote(path) + (f"?{urlencode(given)}" if given else "")

    return link


def when(instant: datetime, zone: ZoneInfo, now: datetime) -> str:
    """Local time to the minute, with its year where that is not this year."""
    local = instant.astimezone(zone)
    return f"{local:%m-%d %H:%M}" if local.year == now.astimezone(zone).year else f"{local:%Y-%m-%d %H:%M}"


def exact(value: float) -> str:
    """A register, a factor or a multiplier as it was stated, without grouping and without invented digits."""
    return f"{value:.10g}"


def told(value: float | None, unit: str) -> str:
    """An observed value; what has no unit and no fraction is a count."""
    return f"{value:.0f}" if value is not None and not unit and value.is_integer() else shown(value)


def complete(share: float) -> str:
    """Completeness, rounded down: what is not complete is never shown as 100 %."""
    return f"{floor(share * 1000) / 10:.1f} %"


def brief(message: str, name: str) -> str:
    """A sentence that stands beside its level and its enterprise, without repeating them."""
    return re.sub(r"^【[^】]*】", "", message).strip().removeprefix(name).strip(" ：:")


def lasting(length: timedelta, w: Words) -> str:
    """A length of time in its two largest units."""
    minutes = int(length.total_seconds()) // 60
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    parts = [(days, w.days), (hours, w.hours), (0 if days else rest, w.minutes)]
    return " ".join(f"{number} {word}" for number, word in parts if number) or f"0 {w.minutes}"


def basis_word(basis: str, w: Words) -> str:
    return w.coded("basis", basis) if basis else ""


def basis(budget: Budget, w: Words) -> str:
    """What a quota is about, in words: its basis and boundary, or another metric than energy; not stated is said."""
    told = budget.told
    metric = [w.coded("metric", told.metric)] if told.metric != "tce" else []
    words = metric or [w.coded("basis", told.basis) if told.basis else w.basis_missing]
    return " · ".join(words + ([w.boundary_assessed] if told.boundary == "assessed" else []))


def said(budget: Budget, w: Words) -> str:
    """A quota bar for those who cannot see it."""
    parts = {w.used: budget.share, w.path: budget.path_share, w.forecast: budget.forecast_share}
    if budget.high_share is not None:
        parts[w.missing_may] = budget.high_share
    return ", ".join(f"{word} {percent(share)}" for word, share in parts.items())


def rule_word(rule: str, w: Words) -> str:
    """A rule's name; one that is no longer known is shown by its own."""
    known = shipped().get(rule)
    return rule if known is None else known.name if w.language == "zh" else known.name_en


def rejection_word(reason: str, w: Words) -> str:
    """Why readings were rejected; English keeps the contract's own word."""
    return REASON_WORDS.get(reason, reason) if w.language == "zh" else reason


def event_word(name: str, w: Words) -> str:
    """A meter event or one of its columns."""
    return w.coded("event", name)


def home(one: Alert | Finding | Report, link: Link) -> str:
    """The page of whose alert, finding or report it is."""
    if one.scope == "enterprise":
        return link(f"/enterprises/{one.code}")
    return link("/", region=one.code if one.scope == "region" else None)


def whose(one: Alert | Finding | Report, w: Words) -> str:
    """The name of whose it is; the platform itself has none."""
    return w.platform if one.scope == "platform" else one.name


def subject(finding: Finding, w: Words) -> str:
    """What exactly was judged: a product by its name, a quota by its metric, kind, basis and boundary."""
    if finding.subject_name != finding.subject:
        return finding.subject_name
    return " · ".join(_part(part, w) for part in finding.subject.split(":"))


def _part(part: str, w: Words) -> str:
    words = (w.coded(kind, part) for kind in ("metric", "quota", "basis", "boundary"))
    return next((word for word in words if word != part), part)


def filters(zone: ZoneInfo) -> Mapping[str, Callable[..., Any]]:
    """All of them under the names that templates use."""

    @pass_context
    def when_on_page(context: Context, instant: datetime) -> str:
        return when(instant, zone, context["now"])

    return {
        "shown": shown,
        "shown_range": shown_range,
        "told": told,
        "exact": exact,
        "complete": complete,
        "brief": brief,
        "percent": percent,
        "signed_percent": signed_percent,
        "lasting": lasting,
        "basis": basis,
        "basis_word": basis_word,
        "rule": rule_word,
        "said": said,
        "home": home,
        "whose": whose,
        "subject": subject,
        "files": downloads.names,
        "when": when_on_page,
        "iso": lambda instant: instant.astimezone(zone).isoformat(),
        "day": lambda day: f"{day:%Y-%m-%d}" if day else UNKNOWN,
        "day_before": lambda day: f"{day - timedelta(days=1):%Y-%m-%d}",
        "local_day": lambda instant: f"{instant.astimezone(zone):%Y-%m-%d}",
        "rejection": rejection_word,
        "event_word": event_word,
    }

"""How values look on a page: numbers, times in the deployment's zone, words for codes, links."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import PurePath
from typing import Any
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from alerts.rules import shipped
from jinja2 import pass_context
from jinja2.runtime import Context
from reports.numbers import UNKNOWN, percent, shown, shown_range, signed_percent
from storage.pages import Alert, Finding, Report

from console.budgets import Budget
from console.words import Words

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
    share, high = percent(budget.share), budget.high_share
    missing = f", {w.missing_may} {percent(high)}" if high is not None else ""
    return f"{w.used} {share}{missing}, {w.path} {percent(budget.path_share)}, {w.forecast} {percent(budget.forecast_share)}"


def rule_word(rule: str, w: Words) -> str:
    """A rule's name; one that is no longer known is shown by its own."""
    known = shipped().get(rule)
    return rule if known is None else known.name if w.language == "zh" else known.name_en


def home(one: Alert | Finding | Report, link: Link) -> str:
    """The page of whose alert, finding or report it is."""
    return link("/", region=one.code) if one.scope == "region" else link(f"/enterprises/{one.code}")


def file_name(path: str) -> str:
    return PurePath(path).name


def filters(zone: ZoneInfo) -> Mapping[str, Callable[..., Any]]:
    """All of them under the names that templates use."""

    @pass_context
    def when_on_page(context: Context, instant: datetime) -> str:
        return when(instant, zone, context["now"])

    return {
        "shown": shown, "shown_range": shown_range, "exact": exact, "percent": percent, "signed_percent": signed_percent, "lasting": lasting, "basis": basis,
        "basis_word": basis_word, "rule": rule_word, "said": said, "home": home, "file_name": file_name,
        "when": when_on_page, "iso": lambda instant: instant.astimezone(zone).isoformat(),
        "day": lambda day: f"{day:%Y-%m-%d}" if day else UNKNOWN,
    }  # fmt: skip

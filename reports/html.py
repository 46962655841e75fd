"""Reports as one HTML file each: nothing is downloaded, it prints on A4, Chinese first."""

from collections.abc import Callable, Mapping
from datetime import tzinfo
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from energy.quality import names
from reports import budget, charts, points, quality, side_by_side, words
from reports.compare import ENOUGH, is_bounded
from reports.figures import Day, EnterpriseMonth, counts_by_level
from reports.numbers import UNKNOWN, percent, shown, shown_beside, shown_range, signed_percent
from reports.region import RegionMonth
from storage.pages import Finding
from storage.reports import Carrier, MeterMonth

_RANKED_IN_CHART = 15  # the table beneath has them all


def enterprise_html(figures: EnterpriseMonth, language: str = "zh") -> str:
    say = words.in_language(language)
    late = [
        meter for meter in figures.meters if meter.calibrated_until and meter.calibrated_until < figures.month.until
    ]
    return _render(
        "enterprise.html",
        language,
        figures.facts.name,
        vars(figures)
        | {
            "points": points.of_enterprise(figures, say),
            "progress": [_progress(one, say) for one in figures.progress],
            "judged_targets": figures.judged.of("quota_", "max_demand"),
            "pue": figures.judged.of("pue"),
            "side_by_side": side_by_side.lines(figures.comparison, say, language),
            "load_chart": _load_chart(figures, say),
            "day_chart": _day_charts(figures.days, say),
            "completeness": figures.completeness,
            "lacking": [meter for meter in figures.meters if is_lacking(meter)],
            "uncalibrated": late,
            "calibration_unstated": [one for one in figures.meters if one.calibrated_until is None],
        }
        | quality.of_enterprise(figures.quality, say, language),
    )


def region_html(figures: RegionMonth, language: str = "zh") -> str:
    say = words.in_language(language)
    whole = figures.use.headlines[0].month.value
    return _render(
        "region.html",
        language,
        figures.region.name,
        vars(figures)
        | {
            "points": points.of_region(figures, say),
            "coverage": points.coverage(figures, say),
            "silent": figures.silent,
            "silent_share": figures.silent_share,
            "over_limit": figures.over_limit,
            "beyond_lines": figures.beyond_lines,
            "ranking_chart": _ranking_chart(figures, say),
            "day_chart": _day_charts(figures.days, say),
            "levels": counts_by_level(figures.alerts),
            "share": lambda tce: tce / whole if whole and tce is not None else None,
        },
    )


def is_lacking(meter: MeterMonth) -> bool:
    """Whether a meter deserves a line in the report: too little of it arrived, or its readings were in doubt."""
    return bool(meter.flags & words.DEFECTS) or (meter.completeness is not None and meter.completeness < ENOUGH)


def _render(template: str, language: str, name: str, figures: Mapping[str, Any]) -> str:
    say = words.in_language(language)
    known_on, month = figures["known_on"], figures["month"]
    return (
        _environment()
        .get_template(template)
        .render(
            figures,
            **_tools(say, language, known_on.tzinfo),
            name=name,
            month_title=(f"{month.first.year} 年 {month.first.month} 月" if language == "zh" else month.name),
            lang="zh-CN" if language == "zh" else "en",
            zone_name=str(known_on.tzinfo),
        )
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"shown": shown, "percent": percent, "signed_percent": signed_percent}
    return environment


def _tools(say: Callable[[str], str], language: str, zone: tzinfo) -> dict[str, Any]:
    """What templates call."""
    return {
        "_": say,
        "shown_range": shown_range,
        "shown_beside": shown_beside,
        "flag_names": names,
        "level_words": words.LEVEL_WORDS,
        "state_words": words.STATE_WORDS,
        "class_words": words.CLASS_WORDS,
        "method_words": words.METHOD_WORDS,
        "balance_words": words.BALANCE_WORDS,
        "quality_sentence": lambda told: quality.sentence(told, say),
        "quality_parts_of": lambda told: quality.parts(told, language),
        "reason_words": words.REASON_WORDS,
        "flag_words": lambda flags: words.flag_words(flags, say),
        "carrier_name": lambda one: carrier_name(one, language),
        "margin": margin,
        "is_bounded": is_bounded,
        "observed": observed,
        "exact": exact,
        "whole": lambda number: f"{number:,.0f}",
        "local": lambda time: f"{time.astimezone(zone):%Y-%m-%d %H:%M}",
        "subject": lambda one: subject(one, language),
    }


def carrier_name(carrier: Carrier, language: str) -> str:
    """A carrier without the basis in brackets: one meter's kWh stands in both columns."""
    return (
        carrier.name_zh.replace("（当量值）", "")
        if language == "zh"
        else carrier.name_en.removesuffix(" (calorific equivalent)")
    )


def observed(finding: Finding) -> str:
    """The observed value, with its bounds where missing data leaves it open."""
    if finding.observed is None or finding.observed_low == finding.observed_high:
        return shown_beside(finding.observed, finding.limit)
    return shown_range(finding.observed, finding.observed_low, finding.observed_high)


def subject(finding: Finding, language: str) -> str:
    """What a finding is about and which rule looked at it: a product's indicator, or a quota by metric, kind, basis."""
    rule, say = words.rule_word(finding.rule, language), words.in_language(language)
    if product := finding.inputs.get("product"):
        return " · ".join(part for part in (product, finding.inputs.get("indicator"), rule) if part)
    parts = [say(words.SUBJECT_WORDS.get(part, part)) for part in finding.subject_name.split(":") if part]
    return " · ".join((*parts, rule))


def exact(factor: float | None) -> str:
    """A factor as it is stated, not rounded."""
    return UNKNOWN if factor is None else f"{factor:.10g}"


def margin(finding: Finding) -> str:
    """How far beyond its line a value is, in percent of the line."""
    if finding.observed is None or not finding.limit:
        return ""
    return signed_percent((finding.observed - finding.limit) / abs(finding.limit))


def _progress(one: budget.Progress, say: Callable[[str], str]) -> dict[str, Any]:
    chart = charts.progress(
        one.used.value if one.used else None,
        one.limit,
        unit=one.unit,
        title=one.title(say),
        path=one.path,
        high=one.high,
        say=say,
    )
    return {"title": one.title(say), "chart": chart, "sentence": one.sentence(say), "document": one.quota.document}


def _load_chart(figures: EnterpriseMonth, say: Callable[[str], str]) -> Markup:
    if figures.load is None:
        return Markup()
    return charts.load_curve(
        figures.load.peak,
        compare=figures.load.typical,
        title=say("15 分钟平均负荷"),
        names=(f"{say('峰日')} {figures.load.peak_day:%m-%d}", say("典型日")),
        say=say,
    )


def _day_charts(days: tuple[Day, ...], say: Callable[[str], str]) -> Markup:
    tce = [(f"{day.date.day}", day.tce_equivalent.value) for day in days]
    least = {f"{day.date.day}" for day in days if day.tce_equivalent.at_least}
    title = say("逐日综合能源消费量（当量值）")
    drawn = charts.bars(tce, title=title, unit="tce", at_least=least, say=say)
    note = Markup('<p class="soft">{}</p>').format(say("虚线柱：当日有缺数，实际不低于此值。")) if least else ""
    return Markup("<h3>{}</h3>{}{}").format(title, drawn, note)


def _ranking_chart(figures: RegionMonth, say: Callable[[str], str]) -> Markup:
    first = [one.unit for one in figures.units[:_RANKED_IN_CHART]]
    return charts.ranking(
        [(unit.name, unit.tce_equivalent) for unit in first],
        title=say("用能排名"),
        unit="tce",
        say=say,
        at_least={unit.name for unit in first if unit.bounded},
    )

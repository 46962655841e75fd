"""The data quality of one enterprise's month as its page shows it, and the list of enterprises by score."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from console.words import Words
from energy.data_quality import PARTS, mean
from reports import quality, quality_words
from reports.charts import strip
from reports.words import in_language
from storage.data_quality import EnterpriseQuality, MeterQuality, rules
from storage.quality_store import Ranked

_METER_STRIP_PX = 260


@dataclass(frozen=True)
class MeterLine:
    """One meter with its days as a strip and how many findings it has."""

    quality: MeterQuality
    strip: Markup
    findings: int


def day_strip(told: EnterpriseQuality, w: Words) -> Markup:
    return quality.day_strip(told, in_language(w.language))


def meter_lines(told: EnterpriseQuality, w: Words) -> list[MeterLine]:
    """The least complete first, those that were never due last."""
    ranked = sorted(told.meters, key=lambda one: (one.completeness is None, one.completeness or 0.0, one.meter))
    return [_meter_line(one, told, w) for one in ranked]


def _meter_line(one: MeterQuality, told: EnterpriseQuality, w: Words) -> MeterLine:
    days = [(f"{day.day.day}", share) for day, share in zip(told.days, one.days, strict=True)]
    enough, say = rules()["lines"]["complete"], in_language(w.language)
    drawn = strip(days, title=w.completeness_by_day, enough=enough, labels=False, width=_METER_STRIP_PX, say=say)
    return MeterLine(one, drawn, sum(row.meter == one.meter for row in told.findings))


def against(name: str, w: Words) -> str:
    return quality_words.word(quality_words.AGAINST, name, w.language)


def means(ranked: Sequence[Ranked]) -> Mapping[str, float | None]:
    """The means over enterprises that have been told."""
    return {name: mean(getattr(one, name) for one in ranked) for name in (*PARTS, "score")}


def heads(w: Words) -> list[tuple[str, str]]:
    """The six parts as heads of columns, with what each means."""
    return [(one.name, one.note) for one in (quality.part(name, None, w.language) for name in PARTS)]

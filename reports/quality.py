"""The section on data quality: a score of six parts, the days, outages with their term, findings with evidence."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from energy.data_quality import PARTS
from reports import quality_words
from reports.charts import strip
from reports.numbers import percent, shown
from reports.quality_words import meters_of, word
from storage.data_quality import EnterpriseQuality, Outage, Row, rules
from storage.quality_store import Ranked

Say = Callable[[str], str]

_NAMED = 8  # meters that are named one by one
MOST = 40  # findings told in HTML; the workbook has all
_ORDER = {name: place for place, name in enumerate(("duty", "warning", "notice", "info"))}
LOOKS = {"duty": "red", "warning": "orange", "notice": "note", "info": "note"}


@dataclass(frozen=True)
class Part:
    name: str
    note: str
    share: float | None
    weight: float


@dataclass(frozen=True)
class Line:
    """One finding in the reader's language, once for all meters of which the same is told of the same time.

    meters: their codes, none of what concerns the whole enterprise. look: the class of its tag; word: its severity.
    """

    row: Row
    meters: tuple[str, ...]
    look: str
    word: str
    name: str
    evidence: str

    def whose(self, say: Say) -> str:
        if len(self.meters) > _NAMED:
            return f"{' '.join(self.meters[:_NAMED])} … ({len(self.meters)})"
        return " ".join(self.meters) or say("全单位")


def of_enterprise(told: EnterpriseQuality | None, say: Say, language: str) -> dict[str, Any]:
    """What the template shows; nothing where nothing was told."""
    if told is None:
        return {"quality": None}
    found = lines(told.findings, language)
    return {
        "quality": told,
        "quality_parts": parts(told, language),
        "quality_strip": day_strip(told, say),
        "quality_outages": outages(told, language),
        "quality_findings": found[:MOST],
        "quality_more": max(0, len(found) - MOST),
        "quality_origin": say("评分权重为本平台自定，并非法定；检出项是附证据的疑点，不是结论。"),
    }


def parts(told: EnterpriseQuality | Ranked, language: str) -> list[Part]:
    """The six parts with their weights."""
    shares = told.parts if isinstance(told, EnterpriseQuality) else {name: getattr(told, name) for name in PARTS}
    return [part(name, shares[name], language) for name in PARTS]


def part(name: str, share: float | None, language: str) -> Part:
    told, note = (word(table, name, language) for table in (quality_words.PARTS, quality_words.PART_NOTES))
    return Part(told, note, share, rules()["weights"][name])


def day_strip(told: EnterpriseQuality, say: Say) -> Markup:
    """Completeness by day."""
    items = [(f"{one.day.day}", one.parts["completeness"]) for one in told.days]
    return strip(items, title=say("逐日完整率"), enough=rules()["lines"]["complete"], say=say)


def lines(rows: Sequence[Row], language: str) -> list[Line]:
    """What must be done first, facts last."""
    alike: dict[object, list[Row]] = {}
    for row in sorted(rows, key=lambda row: (_ORDER[row.severity], row.meter or "", row.since, row.finding)):
        alike.setdefault((row.finding, row.since, row.until, row.told(language)), []).append(row)
    return [_line(some, language) for some in alike.values()]


def _line(some: Sequence[Row], language: str) -> Line:
    row, meters = some[0], tuple(one.meter for one in some if one.meter)
    severity = word(quality_words.SEVERITIES, row.severity, language)
    name = word(quality_words.FINDINGS, row.finding, language)
    return Line(row, meters, LOOKS[row.severity], severity, name, row.told(language))


def outages(told: EnterpriseQuality, language: str) -> list[tuple[Outage, str, str]]:
    """Outages with their meters and where they stand on their clock, in words."""
    states = quality_words.OUTAGE_STATES
    return [(one, meters_of(one, language), word(states, one.state, language)) for one in told.outages]


def sentence(told: EnterpriseQuality, say: Say) -> str:
    """The score and what it rests on."""
    if told.score.points is None:
        return say("本月没有收到读数，不评分。")
    rates = say("有效传输率 {rate}，时钟偏差 {offset} 秒。").format(
        rate=percent(told.valid_transmission), offset=shown(told.clock_offset_s)
    )
    text = say("数据质量 {points} 分（依据权重 {known}）；").format(
        points=f"{told.score.points:.1f}", known=percent(told.score.known, 0)
    )
    return text + rates

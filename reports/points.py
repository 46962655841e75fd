"""The few sentences that a reader sees first: what is over, what is missing, what cannot be judged, and the sum."""

from collections.abc import Callable
from dataclasses import dataclass

from reports.compare import is_incomplete
from reports.figures import EnterpriseMonth, Headline, Judged, Use
from reports.numbers import percent, shown, signed_percent
from reports.region import RegionMonth
from reports.words import LEVEL_WORDS
from storage.pages import Finding

_MOST_WARNINGS = 8

Translate = Callable[[str], str]


@dataclass(frozen=True)
class Point:
    """look: the CSS class of the tag; word: what it says, still to be translated; text: said in full."""

    look: str
    word: str
    text: str


def of_enterprise(figures: EnterpriseMonth, say: Translate) -> list[Point]:
    if not figures.use.is_known:
        return [Point("", "缺数", say("本月没有收到任何能源数据。")), *_judgements(figures.judged, say)]
    return [*_judgements(figures.judged, say), _sum(figures.use.headlines, say), *_gaps(figures.use, say)]


def of_region(figures: RegionMonth, say: Translate) -> list[Point]:
    judged = _judgements(figures.judged, say) if figures.judged.all else []
    points = [*judged, *_unit_breaches(figures, say)]
    if figures.silent:
        names = "、".join(one.unit.name for one in figures.silent[:5])
        points.append(
            Point(
                "",
                "缺数",
                say("{count} 家单位本月未报送数据：{names}").format(
                    count=len(figures.silent), names=names + ("…" if len(figures.silent) > 5 else "")
                ),
            )
        )
    return [*points, _sum(figures.use.headlines, say)] if figures.use.is_known else points


def coverage(figures: RegionMonth, say: Translate) -> str:
    """How much of the region the sum of its key units stands for, as far as it can be said."""
    return say("覆盖范围：登记重点用能单位 {units} 家，本月有数据 {reported} 家，数据完整率 {share}。").format(
        units=len(figures.units), reported=len(figures.reported), share=percent(figures.completeness)
    )


def _unit_breaches(figures: RegionMonth, say: Translate) -> list[Point]:
    if not figures.over_limit:
        return []
    units = sorted({one.name for one in figures.over_limit})
    text = say("{units} 家单位共 {lines} 项超过限额：{names}").format(
        units=len(units), lines=len(figures.over_limit), names="、".join(units[:5])
    )
    return [Point("red", "超限", text)]


def _judgements(judged: Judged, say: Translate) -> list[Point]:
    points = [_warning(one) for one in judged.warnings[:_MOST_WARNINGS]]
    if (more := len(judged.warnings) - _MOST_WARNINGS) > 0:
        points.append(Point("", "更多", say("另有 {count} 项预警，见下文。").format(count=more)))
    if judged.unjudged:
        points.append(
            Point(
                "judge",
                "不能判定",
                say("{count} 项不能判定，原因见下文，不等于合规。").format(count=len(judged.unjudged)),
            )
        )
    return points or [_nothing_over(judged.fine, say)]


def _warning(finding: Finding) -> Point:
    """A warning without a level is information: beyond a line that binds nobody."""
    return Point(finding.level or "note", LEVEL_WORDS.get(finding.level or "", "提示"), finding.reason)


def _nothing_over(fine: tuple[Finding, ...], say: Translate) -> Point:
    if not fine:
        return Point("judge", "未判定", say("没有可供判定的指标或限额。"))
    return Point("ok", "正常", say("已判定的 {count} 项均未超限。").format(count=len(fine)))


def _sum(headlines: tuple[Headline, ...], say: Translate) -> Point:
    equivalent, equal_value = headlines[0], headlines[1]
    text = say("综合能源消费量当量值 {a} tce（环比 {b}，同比 {c}），等价值 {d} tce。").format(
        a=_least(equivalent),
        b=signed_percent(equivalent.month_on_month.ratio),
        c=signed_percent(equivalent.year_on_year.ratio),
        d=_least(equal_value),
    )
    return Point("blue", "用能", text)


def _least(one: Headline) -> str:
    return f"{'≥ ' if one.month.at_least and one.month.value is not None else ''}{shown(one.month.value)}"


def _gaps(use: Use, say: Translate) -> list[Point]:
    lacking = [one for one in (*use.carriers, *use.media) if is_incomplete(one.row)]
    if not lacking:
        return []
    named = "、".join(f"{one.carrier.name_zh} {percent(one.row.completeness)}" for one in lacking)
    return [Point("", "缺数", say("数据不完整，相关数字为下限：{names}").format(names=named))]

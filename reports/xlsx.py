"""Reports as workbooks: numbers as numbers with their units in the headers, the same bytes for the same figures."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet
from openpyxl.writer.excel import ExcelWriter

from energy import sentences
from energy.data_quality import PARTS
from energy.quality import names
from reports import points, quality, quality_words, side_by_side, words
from reports.figures import CarrierMonth, Day, EnterpriseMonth, Headline, Use
from reports.html import carrier_name, is_lacking, subject
from reports.region import RegionMonth
from storage.balance import CarrierBalance
from storage.data_quality import EnterpriseQuality
from storage.pages import Alert, Finding
from storage.quality_store import Ranked

Say = Callable[[str], str]
Value = str | float | int | datetime | None

AMOUNT, TONNES, PERCENT, WHOLE, MOMENT, TEXT = "#,##0.00", "#,##0.0000", "0.0%", "#,##0", "yyyy-mm-dd hh:mm", "@"
_HEAD_FONT, _HEAD_FILL = Font(bold=True), PatternFill("solid", fgColor="DCE8F5")
_HEAD_LINE = Border(bottom=Side(style="thin", color="1F5FA8"))
_FIRST_ZIP_DATE = (1980, 1, 1, 0, 0, 0)  # the time of writing would make every copy a different file


@dataclass(frozen=True)
class Column:
    header: str
    format: str
    width: int = 14


@dataclass(frozen=True)
class Sheet:
    """A table: unknown is an empty cell, never a nought."""

    title: str
    columns: tuple[Column, ...]
    rows: Sequence[Sequence[Value]]


def enterprise_xlsx(figures: EnterpriseMonth, language: str = "zh") -> bytes:
    say = words.in_language(language)
    facts = [
        (say("单位名称"), figures.facts.name),
        (say("单位编码"), figures.facts.code),
        (say("所在地区"), f"{figures.facts.region_name} {figures.facts.region}"),
        (say("行业"), figures.facts.industry_name or say("未填报")),
        (say("数据链摘要"), figures.chain.head if figures.chain else say("没有读数")),
    ]
    said = [point.text for point in points.of_enterprise(figures, say)]
    return _workbook(
        figures.known_on,
        [
            _overview(facts, figures, say, said),
            _carriers(figures.use, language),
            *_side_by_side(figures, language),
            _days(figures.days, say),
            _alerts(figures.alerts, figures.judged.all, figures.known_on, language),
            *_balances(figures, language),
            _meters(figures, language),
            *_quality(figures, language),
        ],
    )


def region_xlsx(figures: RegionMonth, language: str = "zh") -> bytes:
    say = words.in_language(language)
    facts = [
        (say("地区"), f"{figures.region.name} {figures.region.code}"),
        (say("重点用能单位合计"), points.coverage(figures, say)),
    ]
    said = [point.text for point in points.of_region(figures, say)]
    findings = (*figures.judged.all, *figures.over_limit, *figures.unjudged_units)
    return _workbook(
        figures.known_on,
        [
            _overview(facts, figures, say, said),
            _carriers(figures.use, language),
            _days(figures.days, say),
            _alerts(figures.alerts, findings, figures.known_on, language),
            _units(figures, say),
            _scores(figures.quality, say, language),
        ],
    )


def _overview(
    facts: Sequence[tuple[str, str]], figures: EnterpriseMonth | RegionMonth, say: Say, said: Sequence[str]
) -> Sheet:
    known = [
        (say("期间"), figures.month.name),
        (say("状态"), say(figures.stage)),
        (say("数据截至"), f"{figures.known_on:%Y-%m-%d %H:%M %z}"),
    ]
    rows: list[list[Value]] = [[name, None, None, None, None, None, text] for name, text in (*facts, *known)]
    rows += [_headline(one, say) for one in figures.use.headlines]
    rows.append([say("数据完整率"), None, None, None, None, figures.completeness, None])
    rows += [[say("本月要点"), None, None, None, None, None, text] for text in said]
    columns = (
        Column("", TEXT, 34),
        Column(say("本月"), TONNES),
        Column(say("单位"), TEXT, 8),
        Column(say("本年累计"), TONNES),
        Column(say("环比"), PERCENT, 10),
        Column(say("同比") + " / " + say("数据完整率"), PERCENT, 18),
        Column(say("说明"), TEXT, 70),
    )
    return Sheet(say("概览"), columns, rows)


def _headline(one: Headline, say: Say) -> list[Value]:
    remarks = [say(word) for change in (one.month_on_month, one.year_on_year) for word in change.remarks]
    if one.month.at_least:
        remarks.insert(0, say("数据不完整，为下限"))
    return [
        say(one.name),
        one.month.value,
        one.unit,
        one.year_to_date.value,
        one.month_on_month.ratio,
        one.year_on_year.ratio,
        "；".join(dict.fromkeys(remarks)),
    ]


def _carriers(use: Use, language: str) -> Sheet:
    say = words.in_language(language)
    columns = (
        Column(say("品种"), TEXT, 18),
        Column(say("实物量"), AMOUNT, 18),
        Column(say("下限"), AMOUNT, 18),
        Column(say("上限"), AMOUNT, 18),
        Column(say("单位"), TEXT, 8),
        Column(say("环比"), PERCENT),
        Column(say("同比"), PERCENT),
        Column(say("当量值") + " (tce)", TONNES, 16),
        Column(say("等价值") + " (tce)", TONNES, 16),
        Column(say("考核口径") + " (tce)", TONNES, 16),
        Column(say("能源活动") + " (tCO₂)", TONNES, 16),
        Column(say("最大需量") + " (kW)", AMOUNT),
        Column(say("数据完整率"), PERCENT),
        Column(say("质量标记"), TEXT, 30),
    )
    return Sheet(say("分品种"), columns, [_carrier(one, language, say) for one in (*use.carriers, *use.media)])


def _side_by_side(figures: EnterpriseMonth, language: str) -> list[Sheet]:
    """What was returned and billed beside our figures; no sheet where nothing was."""
    say = words.in_language(language)
    columns = (
        Column(say("品种"), TEXT, 18),
        Column(say("单位"), TEXT, 8),
        Column(say("本平台"), AMOUNT, 18),
        Column(say("205-1 填报"), AMOUNT, 18),
        Column(say("差异"), PERCENT),
        Column(say("供能单位账单"), AMOUNT, 18),
        Column(say("差异"), PERCENT),
        Column(say("说明"), TEXT, 70),
    )
    told = side_by_side.lines(figures.comparison, say, language)
    rows: list[list[Value]] = [
        [
            *(line.carrier, line.unit, one.ours, one.returned, one.return_difference),
            *(one.billed, one.bill_difference, line.reasons),
        ]
        for line, (_, one) in zip(told, figures.comparison, strict=True)
    ]
    return [Sheet(say("口径对照"), columns, rows)] if rows else []


def _carrier(one: CarrierMonth, language: str, say: Say) -> list[Value]:
    row = one.row
    return [
        carrier_name(one.carrier, language),
        row.amount,
        row.low,
        row.high,
        row.unit,
        one.month_on_month.ratio,
        one.year_on_year.ratio,
        row.tce_equivalent,
        row.tce_equal_value,
        row.tce_assessed,
        row.tco2,
        row.peak_kw,
        row.completeness,
        words.flag_words(row.flags, say),
    ]


def _days(days: Sequence[Day], say: Say) -> Sheet:
    columns = (
        Column(say("日期"), "yyyy-mm-dd", 12),
        Column(say("当量值") + " (tce)", TONNES, 18),
        Column(say("用电量") + " (kWh)", AMOUNT, 18),
        Column(say("说明"), TEXT, 24),
    )
    return Sheet(
        say("每日"),
        columns,
        [
            [
                datetime.combine(day.date, datetime.min.time()),
                day.tce_equivalent.value,
                day.kwh.value,
                _day_remark(day, say),
            ]
            for day in days
        ],
    )


def _day_remark(day: Day, say: Say) -> str:
    if day.tce_equivalent.value is None:
        return say("缺数")
    return say("数据不完整，为下限") if day.tce_equivalent.at_least else ""


def _alerts(alerts: Sequence[Alert], findings: Sequence[Finding], known_on: datetime, language: str) -> Sheet:
    """Alerts of the month first, then every judgement that stands behind them or could not be made."""
    say = words.in_language(language)
    columns = (
        Column(say("级别"), TEXT, 10),
        Column(say("单位名称"), TEXT, 22),
        Column(say("对象"), TEXT, 26),
        Column(say("期间"), TEXT, 12),
        Column(say("实际值"), AMOUNT),
        Column(say("限值"), AMOUNT),
        Column(say("单位"), TEXT, 10),
        Column(say("标准或文件"), TEXT, 24),
        Column(say("状态"), TEXT, 12),
        Column(say("发生时间"), MOMENT, 18),
        Column(say("内容"), TEXT, 80),
    )
    rows: list[list[Value]] = [
        [
            say(words.LEVEL_WORDS[one.level]),
            one.name,
            one.subject,
            one.period,
            one.observed,
            one.limit,
            one.unit,
            "",
            say(words.STATE_WORDS[one.state]),
            one.opened.astimezone(known_on.tzinfo).replace(tzinfo=None),
            one.message,
        ]
        for one in alerts
    ]
    return Sheet(say("预警"), columns, rows + [_finding(one, language, say) for one in findings])


def _finding(one: Finding, language: str, say: Say) -> list[Value]:
    word = {"warning": words.LEVEL_WORDS.get(one.level or "", ""), "ok": "正常"}.get(one.state, "不能判定")
    return [
        say(word),
        one.name,
        subject(one, language),
        one.period,
        one.observed,
        one.limit,
        one.unit,
        one.document,
        say("判定"),
        None,
        one.reason,
    ]


def _balances(figures: EnterpriseMonth, language: str) -> list[Sheet]:
    """Main meters against the meters below them; no sheet where there are none."""
    say = words.in_language(language)
    columns = (
        Column(say("总表"), TEXT, 16),
        Column(say("名称"), TEXT, 22),
        Column(say("品种"), TEXT),
        Column(say("单位"), TEXT, 8),
        Column(say("供入"), AMOUNT, 16),
        Column(say("分表合计"), AMOUNT, 16),
        Column(say("差值"), AMOUNT, 16),
        Column(say("扩展不确定度（k=2）"), AMOUNT, 16),
        Column(say("比对时段"), PERCENT),
        Column(say("结果"), TEXT, 18),
        Column(say("说明"), TEXT, 70),
    )
    rows = [_balance(one, language, say) for one in figures.balances]
    return [Sheet(say("计量平衡"), columns, rows)] if rows else []


def _balance(one: CarrierBalance, language: str, say: Say) -> list[Value]:
    told = one.balance
    return [
        told.main.party.meter,
        told.main.party.name,
        carrier_name(one.carrier, language),
        one.unit,
        told.supply,
        told.used,
        told.residual,
        told.uncertainty,
        told.share,
        say(words.BALANCE_WORDS[told.outcome]),
        sentences.text(told.said, language),
    ]


def _meters(figures: EnterpriseMonth, language: str) -> Sheet:
    say = words.in_language(language)
    columns = (
        Column(say("计量点"), TEXT, 16),
        Column(say("名称"), TEXT, 22),
        Column(say("品种"), TEXT),
        Column(say("应收"), WHOLE),
        Column(say("实收"), WHOLE),
        Column(say("数据完整率"), PERCENT),
        Column(say("质量标记"), TEXT, 36),
        Column(say("检定有效期至"), TEXT, 16),
        Column(say("说明"), TEXT, 16),
    )
    return Sheet(
        say("数据质量"),
        columns,
        [
            [
                meter.code,
                meter.name,
                meter.carrier_zh if language == "zh" else meter.carrier_en,
                meter.expected,
                meter.received,
                meter.completeness,
                words.flag_words(names(meter.flags), say),
                meter.calibrated_until.isoformat() if meter.calibrated_until else say("未填报"),
                say("需关注") if is_lacking(meter) else "",
            ]
            for meter in figures.meters
        ],
    )


def _quality(figures: EnterpriseMonth, language: str) -> list[Sheet]:
    """Six parts by day and for the month, and everything that was found; no sheets where nothing was told."""
    told, say = figures.quality, words.in_language(language)
    if told is None:
        return []
    heads = [Column(f"{one.name}（{one.weight:g} %）", PERCENT) for one in quality.parts(told, language)]
    columns = (
        Column(say("日期"), TEXT, 12),
        Column(say("评分"), AMOUNT, 10),
        *heads,
        Column(say("有效传输率"), PERCENT),
        Column(say("时钟偏差（秒）"), AMOUNT),
        Column(say("应收"), WHOLE),
        Column(say("实收"), WHOLE),
    )
    expected, received = (sum(getattr(day, name) for day in told.days) for name in ("expected", "received"))
    rows: list[list[Value]] = [
        [told.month, told.score.points, *told.parts.values(), told.valid_transmission, told.clock_offset_s, expected,
         received]
    ]  # fmt: skip
    rows += [
        [f"{day.day:%Y-%m-%d}", day.score.points, *day.parts.values(), day.valid_transmission, day.clock_offset_s,
         day.expected, day.received]
        for day in told.days
    ]  # fmt: skip
    return [Sheet(say("质量评分"), columns, rows), _found(told, figures.known_on, language)]


def _found(told: EnterpriseQuality, known_on: datetime, language: str) -> Sheet:
    say = words.in_language(language)
    columns = (
        Column(say("程度"), TEXT, 10),
        Column(say("计量点"), TEXT, 16),
        Column(say("检出"), TEXT, 18),
        Column(say("开始"), MOMENT, 18),
        Column(say("结束"), MOMENT, 18),
        Column(say("读数个数"), WHOLE, 10),
        Column(say("证据"), TEXT, 90),
    )
    rows: list[list[Value]] = [
        [
            one.word,
            " ".join(one.meters) or say("全单位"),
            one.name,
            *(each.astimezone(known_on.tzinfo).replace(tzinfo=None) for each in (one.row.since, one.row.until)),
            one.row.count,
            one.evidence,
        ]
        for one in quality.lines(told.findings, language)
    ]
    return Sheet(say("检出项"), columns, rows)


def _scores(ranked: Sequence[Ranked], say: Say, language: str) -> Sheet:
    """A region's enterprises by their score, the worst first."""
    heads = [Column(quality_words.word(quality_words.PARTS, name, language), PERCENT) for name in PARTS]
    columns = (
        Column(say("单位编码"), TEXT, 18),
        Column(say("单位名称"), TEXT, 28),
        Column(say("评分"), AMOUNT, 10),
        *heads,
        Column(say("有效传输率"), PERCENT),
        Column(say("须报备"), WHOLE, 10),
        Column(say("警示"), WHOLE, 10),
    )
    rows: list[list[Value]] = [
        [one.code, one.name, one.score, *(getattr(one, name) for name in PARTS), one.valid_transmission, one.duties,
         one.warnings]
        for one in ranked
    ]  # fmt: skip
    return Sheet(say("质量评分"), columns, rows)


def _units(figures: RegionMonth, say: Say) -> Sheet:
    columns = (
        Column(say("单位编码"), TEXT, 18),
        Column(say("单位名称"), TEXT, 28),
        Column(say("地区"), TEXT, 12),
        Column(say("行业"), TEXT, 18),
        Column(say("当量值") + " (tce)", TONNES, 18),
        Column(say("等价值") + " (tce)", TONNES, 18),
        Column(say("能源活动") + " (tCO₂)", TONNES, 18),
        Column(say("环比"), PERCENT),
        Column(say("同比"), PERCENT),
        Column(say("计量点数"), WHOLE, 9),
        Column(say("数据完整率"), PERCENT),
        Column(say("说明"), TEXT, 20),
        Column(say("数据链摘要"), TEXT, 66),
    )
    return Sheet(
        say("数据质量"),
        columns,
        [
            [
                one.unit.code,
                one.unit.name,
                one.unit.region_name,
                one.unit.industry_name,
                one.unit.tce_equivalent,
                one.unit.tce_equal_value,
                one.unit.tco2,
                one.month_on_month.ratio,
                one.year_on_year.ratio,
                one.unit.meters,
                one.unit.completeness,
                say("未报送" if not one.unit.received else "数据不完整，为下限" if one.unit.bounded else ""),
                one.unit.chain,
            ]
            for one in figures.units
        ],
    )


def _workbook(known_on: datetime, sheets: Sequence[Sheet]) -> bytes:
    book = Workbook()
    book.remove(book.worksheets[0])  # a new workbook is not empty
    for sheet in sheets:
        _fill(book.create_sheet(sheet.title), sheet)
    book.properties.creator = "Enermon"
    book.properties.created = book.properties.modified = known_on.replace(tzinfo=None, microsecond=0)
    packed = BytesIO()
    ExcelWriter(book, ZipFile(packed, "w", ZIP_DEFLATED)).save()
    return _undated(packed)


def _fill(page: Worksheet, sheet: Sheet) -> None:
    page.freeze_panes = "A2"
    page.page_setup.orientation, page.page_setup.paperSize, page.page_setup.fitToHeight = "landscape", 9, 0
    page.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    for place, column in enumerate(sheet.columns, start=1):
        page.column_dimensions[get_column_letter(place)].width = column.width
        _head(page, place, column.header)
        for line, row in enumerate(sheet.rows, start=2):
            _cell(page, line, place, row[place - 1], column.format)


def _head(page: Worksheet, place: int, text: str) -> None:
    cell = page.cell(1, place, text)
    cell.font, cell.fill, cell.border = _HEAD_FONT, _HEAD_FILL, _HEAD_LINE
    cell.alignment = Alignment(wrap_text=True, vertical="center")


def _cell(page: Worksheet, line: int, place: int, value: Value, form: str) -> None:
    if isinstance(value, str):
        cell = page.cell(line, place, ILLEGAL_CHARACTERS_RE.sub("", value))
        cell.data_type = "s"  # a name that begins with "=" is no formula
        cell.alignment = Alignment(wrap_text=True, vertical="top")
    elif value is not None:
        page.cell(line, place, value).number_format = form


def _undated(packed: BytesIO) -> bytes:
    """The same archive without the time at which it was packed."""
    plain = BytesIO()
    with ZipFile(packed) as old, ZipFile(plain, "w", ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(ZipInfo(name, _FIRST_ZIP_DATE), old.read(name), ZIP_DEFLATED)
    return plain.getvalue()

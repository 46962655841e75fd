"""The monthly report of an invented cement works and of its city."""

import re
from dataclasses import replace
from datetime import date, datetime, timedelta
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

import psycopg
import pytest
from openpyxl import load_workbook
from openpyxl.workbook.workbook import Workbook

from energy.periods import month_of
from energy.refused import Refused
from reports import monthly, words
from reports.compare import INCOMPLETE, NOT_OVER, NOTHING_THEN, NOUGHT_THEN, Figure, change
from reports.figures import EnterpriseMonth, enterprise_month
from reports.html import enterprise_html, observed, region_html
from reports.region import region_month
from reports.xlsx import enterprise_xlsx, region_xlsx
from tests import report_sample
from tests.report_sample import NOW, OCTOBER, ZONE

WORKS, CITY = "GS-CEMENT-1", "620500"


@pytest.fixture
def sample(conn: psycopg.Connection) -> psycopg.Connection:
    report_sample.write_all(conn)
    return conn


@pytest.fixture
def works(sample: psycopg.Connection) -> EnterpriseMonth:
    return enterprise_month(sample, WORKS, OCTOBER, NOW, ZONE)


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def handle_data(self, data: str) -> None:
        self.said.append(data.strip())


def text_of(html: str) -> str:
    parser = _Text()
    parser.feed(html)
    return " ".join(part for part in parser.said if part)


def workbook(content: bytes) -> Workbook:
    return load_workbook(BytesIO(content))


def test_every_total_says_its_basis_and_none_is_a_bare_tce(works: EnterpriseMonth) -> None:
    names = [one.name for one in works.use.headlines]
    assert names == [
        "综合能源消费量（当量值）",
        "综合能源消费量（等价值）",
        "考核口径能源消费量（当量值）",
        "二氧化碳排放（能源活动）",
    ]
    text = text_of(enterprise_html(works))
    assert "当量值 tce" in text
    assert "等价值 tce" in text


def test_totals_are_the_sums_of_the_carriers(works: EnterpriseMonth) -> None:
    for one in works.use.headlines:
        parts = [getattr(carrier.row, one.key) for carrier in works.use.carriers]
        assert one.month.value == pytest.approx(sum(parts), rel=1e-12)
    assert works.use.headlines[0].month.at_least, "the gas meter fell silent"


def test_a_comparison_with_an_incomplete_month_says_so(works: EnterpriseMonth) -> None:
    gas = next(one for one in works.use.carriers if one.carrier.code == "natural_gas")
    assert gas.month_on_month.ratio is not None
    assert INCOMPLETE in gas.month_on_month.remarks
    assert "本月缺数" in text_of(enterprise_html(works))


@pytest.mark.parametrize(
    ("now", "then", "is_over", "ratio", "remarks"),
    [
        (Figure(110, False), Figure(100, False), True, 0.1, ()),
        (Figure(110, True), Figure(100, False), True, 0.1, (INCOMPLETE,)),
        (Figure(110, False), Figure(None, True), True, None, (NOTHING_THEN,)),
        (Figure(110, False), Figure(0, False), True, None, (NOUGHT_THEN,)),
        (Figure(50, True), Figure(100, False), False, None, (NOT_OVER,)),
    ],
    ids=["both known", "this one in part", "nothing before", "nothing used before", "the month is not over (EC-34)"],
)
def test_a_change_is_told_with_what_makes_it_doubtful(
    now: Figure, then: Figure, is_over: bool, ratio: float | None, remarks: tuple[str, ...]
) -> None:
    found = change(now, then, is_over)
    assert found.ratio == (None if ratio is None else pytest.approx(ratio))
    assert found.remarks == remarks


def test_progress_is_that_of_the_months_end_on_the_quotas_own_basis(works: EnterpriseMonth) -> None:
    tce, kwh = works.progress
    assert (tce.quota.metric, tce.limit, kwh.unit, kwh.limit) == ("tce", 125_000, "kWh", 155_000_000)
    assert tce.used is not None
    assert tce.used.value == pytest.approx(works.use.headlines[0].year_to_date.value)
    assert tce.path == pytest.approx(125_000 * 304 / 365), "304 of 365 days had passed"


def test_a_quota_without_a_basis_has_no_progress_and_says_why(sample: psycopg.Connection) -> None:
    sample.execute("UPDATE quota SET basis = '' WHERE metric = 'tce'")
    progress = enterprise_month(sample, WORKS, OCTOBER, NOW, ZONE).progress[0]
    assert progress.used is None
    assert progress.sentence(str) == "指标未注明当量或等价口径，不能说明进度。"


def test_monthly_budgets_are_the_path(sample: psycopg.Connection) -> None:
    budgets = [("enterprise", WORKS, "tce", f"2026-{month:02}", 10_000, "tce", "equivalent", "measured", "budget")
               for month in range(1, 11)]  # fmt: skip
    report_sample.many(sample, 'quota (scope, code, metric, period, "limit", unit, basis, boundary, kind)', [*budgets])
    progress = enterprise_month(sample, WORKS, OCTOBER, NOW, ZONE).progress
    assert [one.quota.period for one in progress] == ["2026", "2026"], "a month's own budget is part of the path"
    assert progress[0].path == pytest.approx(100_000)


def test_unit_energy_stands_beside_each_line_with_its_document(works: EnterpriseMonth) -> None:
    lines = {one.product.product: one.lines for one in works.products}
    assert [(line.period, line.state, line.level, line.document) for line in lines["cement_clinker"]] == [
        ("2026", "warning", "red", "GB 16780-2021"),
        ("2026-10", "warning", None, "GB 16780-2021"),
        ("2026", "ok", None, "发改产业〔2021〕1609号"),
    ]
    text = text_of(enterprise_html(works))
    assert "超过限定值 117 kgce/t" in text
    assert "达到基准水平 123 kgce/t" in text


def test_a_month_beyond_its_line_is_information_and_no_level(works: EnterpriseMonth) -> None:
    """Domain rule 12: limits judge a year."""
    assert "提示 水泥熟料 2026-10 单位产品综合能耗 119.3 kgce/t" in text_of(enterprise_html(works))


def test_an_unknown_observation_shows_its_bounds(works: EnterpriseMonth) -> None:
    found = works.judged.warnings[0]
    assert observed(replace(found, observed_low=118.42, observed_high=118.42)) == "118.4"
    assert observed(replace(found, observed_low=118.42, observed_high=None)) == "≥ 118.4"
    assert observed(replace(found, observed_low=110.0, observed_high=121.0)) == "110.0 ~ 121.0"


def test_what_cannot_be_judged_is_printed_with_its_reason(works: EnterpriseMonth) -> None:
    text = text_of(enterprise_html(works))
    assert "1 项不能判定，原因见下文，不等于合规。" in text
    assert "不能判定，因为没有报送合格品产量" in text


def test_a_report_is_a_draft_until_every_output_is_returned(sample: psycopg.Connection, works: EnterpriseMonth) -> None:
    assert works.stage == "初稿"
    report_sample.output(sample, works.facts.id, "cement", 120_000)
    assert enterprise_month(sample, WORKS, OCTOBER, NOW, ZONE).stage == "终稿"
    assert enterprise_month(sample, WORKS, OCTOBER, OCTOBER.end(ZONE) - timedelta(1), ZONE).stage == "本月未结束"


def test_what_is_wrong_today_is_no_finding_about_last_month(works: EnterpriseMonth) -> None:
    assert "silent_enterprise" not in {one.rule for one in works.judged.all}


def test_alerts_of_the_month_are_those_open_in_it(works: EnterpriseMonth) -> None:
    assert [alert.rule for alert in works.alerts] == ["unit_energy_limit", "silent_gateway"]
    assert "八月的旧预警" not in enterprise_html(works)


def test_a_day_of_which_a_carrier_is_missing_is_a_lower_bound(works: EnterpriseMonth) -> None:
    at_least = [day.date.day for day in works.days if day.tce_equivalent.at_least]
    assert at_least == [17, *range(24, 32)]


def test_the_load_curve_has_the_peak_day_and_leaves_unknown_quarters_open(
    sample: psycopg.Connection, works: EnterpriseMonth
) -> None:
    assert works.load is not None
    assert works.load.peak_day == date(2026, 10, 12)
    assert max(kw for _, kw in works.load.peak if kw is not None) == 22_345.6
    assert works.load.days_in_typical == 30, "the third of October lacks an afternoon"
    assert works.load.peak[0][0] == datetime(2026, 10, 12, tzinfo=ZONE)
    sample.execute("DELETE FROM usage_hour WHERE hour = '2026-10-12T05:00:00Z'")
    load = enterprise_month(sample, WORKS, OCTOBER, NOW, ZONE).load
    assert load is not None
    assert [time.hour for time, kw in load.peak if kw is None] == [13] * 4


def test_data_quality_names_the_meters_that_need_a_look(works: EnterpriseMonth) -> None:
    text = text_of(enterprise_html(works))
    assert re.search(r"G-01 点火天然气 天然气（气态） 2,976 2,3\d\d 7\d\.\d % 缺数", text)
    assert "没有有效检定的计量点（1/4）：E-02（有效期至 2026-03-31，已过期）" in text
    assert "未登记检定有效期的计量点：1/4" in text
    assert "不是数字 12" in text
    assert works.completeness is not None
    assert 0.9 < works.completeness < 1


def test_factors_are_shown_as_stated_with_their_source(works: EnterpriseMonth) -> None:
    text = text_of(enterprise_html(works))
    assert "0.1229 0.3016 0.5306 沿用上年" in text
    assert "GB/T 2589-2020 附录 A" in text


def test_a_works_without_any_data_gets_a_report_that_says_so(sample: psycopg.Connection) -> None:
    silent = enterprise_month(sample, "GS-CEMENT-2", OCTOBER, NOW, ZONE)
    text = text_of(enterprise_html(silent))
    assert silent.use.headlines[0].month == Figure(None, True)
    assert "本月没有收到任何能源数据。" in text
    assert "本月没有 15 分钟电力数据" in text
    assert not re.search(r"[^\d,.]0(\.0+)? tce", text), "unknown is never zero"


def test_the_html_downloads_nothing_and_runs_nothing(works: EnterpriseMonth) -> None:
    html = enterprise_html(works)
    assert not re.search(r"<script|<link|<img|url\(|@import", html)
    assert set(re.findall(r'(?:src|href|xmlns)="([^"]+)"', html)) == {"http://www.w3.org/2000/svg"}


def test_a_name_from_the_registry_cannot_become_markup_or_a_formula(works: EnterpriseMonth) -> None:
    evil = replace(works, facts=replace(works.facts, name="=1+1<script>\x07"))
    assert "<script" not in enterprise_html(evil)
    cell = workbook(enterprise_xlsx(evil))["概览"]["G2"]
    assert (cell.value, cell.data_type) == ("=1+1<script>", "s")


def test_english_is_a_setting_and_leaves_no_chinese_of_ours(works: EnterpriseMonth) -> None:
    text = text_of(enterprise_html(works, "en"))
    assert "Energy consumption (equivalent)" in text
    said = " ".join(one.reason for one in works.judged.all) + " ".join(one.message for one in works.alerts)
    ours = [word for word in words.ENGLISH if len(word) > 3 and word in text and word not in said]
    assert ours == []


def test_every_word_of_the_reports_has_an_english_one() -> None:
    folder = Path(words.__file__).parent
    sources = [*folder.glob("*.py"), *folder.glob("templates/*.html")]
    used = {word for file in sources for word in re.findall(r'\b(?:_|say)\(\s*"([^"]+)"\s*\)', file.read_text("utf-8"))}
    tables = (words.LEVEL_WORDS, words.STATE_WORDS, words.CLASS_WORDS, words.METHOD_WORDS, words.METRIC_WORDS,
              words.KIND_WORDS, words.REASON_WORDS, words.FLAG_WORDS)  # fmt: skip
    used |= {word for table in tables for word in table.values()}
    assert len(used) > 100
    assert used - set(words.ENGLISH) == set()


def test_the_workbook_holds_numbers_with_units_in_its_headers(works: EnterpriseMonth) -> None:
    book = workbook(enterprise_xlsx(works))
    assert book.sheetnames == ["概览", "分品种", "每日", "预警", "数据质量", "质量评分", "检出项"]
    rows = list(book["分品种"].iter_rows(values_only=True))
    assert "当量值 (tce)" in rows[0]
    coal = next(row for row in rows if row[0] == "原煤")
    assert isinstance(coal[1], float)
    assert coal[4] == "kg"
    days = list(book["每日"].iter_rows(min_row=2, values_only=True))
    assert len(days) == 31
    assert days[16][3] == "数据不完整，为下限"
    assert days[0][0] == datetime(2026, 10, 1)


def test_unknown_is_an_empty_cell_and_no_nought(sample: psycopg.Connection) -> None:
    book = workbook(enterprise_xlsx(enterprise_month(sample, "GS-CEMENT-2", OCTOBER, NOW, ZONE)))
    assert {row[1] for row in book["每日"].iter_rows(min_row=2, values_only=True)} == {None}


@pytest.mark.parametrize("scope", ["enterprise", "region"])
def test_the_same_data_gives_the_same_bytes(sample: psycopg.Connection, tmp_path: Path, scope: str) -> None:
    code = WORKS if scope == "enterprise" else CITY
    first, second = (
        monthly.write(sample, OCTOBER, scope, code, tmp_path / name, ("html", "xlsx"), NOW, ZONE) for name in ("a", "b")
    )
    assert [path.name for path in first] == [f"{code}-2026-10.html", f"{code}-2026-10.xlsx"]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    assert [path.name for path in sorted((tmp_path / "a").iterdir())] == [path.name for path in first], "no drafts left"


def test_a_sum_of_units_is_not_called_the_regions_total(sample: psycopg.Connection) -> None:
    city = region_month(sample, CITY, OCTOBER, NOW, ZONE)
    text = text_of(region_html(city))
    assert "重点用能单位合计不是地区能源消费总量" in text
    assert "尚未导入本地区统计口径的能源消费总量" in text
    assert "登记重点用能单位 3 家，本月有数据 2 家" in text


def test_the_regions_own_total_stands_beside_the_sum_when_it_is_imported(sample: psycopg.Connection) -> None:
    columns = "activity (scope, code, item, period, value, unit, source)"
    report_sample.many(sample, columns, [("region", CITY, "region_tce", "2026-09", 812_345, "tce", "市统计局")])
    text = text_of(region_html(region_month(sample, CITY, OCTOBER, NOW, ZONE)))
    assert "812,345 tce 市统计局" in text


def test_a_supervisor_reads_first_who_is_over_which_line_of_which_standard(sample: psycopg.Connection) -> None:
    city = region_month(sample, CITY, OCTOBER, NOW, ZONE)
    assert [(one.name, one.observed, one.limit, one.document, one.period) for one in city.over_limit] == [
        ("陇山示例水泥有限公司", 118.42, 117.0, "GB 16780-2021", "2026")
    ]
    text = text_of(region_html(city))
    assert "1 家单位共 1 项超过限额：陇山示例水泥有限公司" in text
    assert [one.period for one in city.beyond_lines] == ["2026-10"], "the month is listed apart, as information"
    assert "+1.2 %" in text


def test_who_did_not_report_is_named(sample: psycopg.Connection) -> None:
    city = region_month(sample, CITY, OCTOBER, NOW, ZONE)
    assert [one.unit.code for one in city.silent] == ["GS-CEMENT-2"]
    assert [one.unit.code for one in city.units] == [WORKS, "GS-HOSPITAL", "GS-CEMENT-2"], "the largest user first"
    assert city.units[2].month_on_month.remarks == ("本月无数据",)
    assert city.silent_share is None, "it had not reported a year before either"


def test_a_regions_workbook_lists_its_units(sample: psycopg.Connection) -> None:
    book = workbook(region_xlsx(region_month(sample, CITY, OCTOBER, NOW, ZONE)))
    assert book.sheetnames == ["概览", "分品种", "每日", "预警", "数据质量", "质量评分"]
    assert [row[0] for row in book["数据质量"].iter_rows(min_row=2, values_only=True)] == [
        WORKS,
        "GS-HOSPITAL",
        "GS-CEMENT-2",
    ]


@pytest.mark.parametrize(
    ("scope", "code", "month", "formats", "sentence"),
    [
        ("enterprise", "NOBODY", OCTOBER, ("html",), "Enterprise 'NOBODY' is not in the registry"),
        ("region", "999999", OCTOBER, ("html",), "Region '999999' is not in the registry"),
        (
            "enterprise",
            WORKS,
            month_of(date(2026, 12, 1)),
            ("html",),
            "2026-12 has not begun; write a month up to 2026-11",
        ),
        ("enterprise", WORKS, OCTOBER, ("html", "pdf"), "not written as pdf yet"),
    ],
    ids=["unknown enterprise", "unknown region", "a month to come", "pdf"],
)
def test_what_cannot_be_written_is_refused_in_a_sentence_and_leaves_no_file(
    sample: psycopg.Connection,
    tmp_path: Path,
    scope: str,
    code: str,
    month: object,
    formats: tuple[str, ...],
    sentence: str,
) -> None:
    assert isinstance(month, type(OCTOBER))
    with pytest.raises(Refused, match=re.escape(sentence)):
        monthly.write(sample, month, scope, code, tmp_path / "out", formats, NOW, ZONE)
    assert not (tmp_path / "out").exists()

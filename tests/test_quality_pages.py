"""Data quality and provenance as a supervisor reads them: kept by the worker, on the console, in monthly reports."""

import re
from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO

import pytest
from openpyxl import load_workbook
from psycopg import Connection

from console import provenance
from energy import sentences, usage
from energy.periods import parse
from reports import quality as section
from reports import quality_words
from reports.charts import strip
from reports.figures import enterprise_month
from reports.html import enterprise_html, region_html
from reports.region import region_month
from reports.xlsx import enterprise_xlsx, region_xlsx
from storage import database, quality_store
from storage.data_quality import enterprise_quality, rules
from storage.usage import meter_usage, meters_usage
from tests.line import NOW, START, ZONE, Line
from tests.test_console import Console, before
from tests.test_quality_command import register
from tests.test_rollup import steps

OCTOBER = parse("2026-10")
HAN = re.compile(r"[\u4e00-\u9fff]")


@pytest.fixture
def line(conn: Connection) -> Line:
    """An invented works whose second meter was out for eight days and stood still before."""
    one = Line(conn)
    one.factor("electricity", 0.1229, 0.3016, 0.5306)
    one.meter("E-01", name="总表")
    one.meter("E-02", parent="E-01", level=2, calibrated_until="2026-10-20")
    values = register()
    one.tell(steps("E-01", *values))
    one.tell(steps("E-02", *values[:800], *[values[800]] * 200))
    one.tell(steps("E-02", *[value - values[1800] + values[800] for value in values[1800:]], start=15 * 1800))
    one.drain()
    conn.commit()
    return one


@pytest.fixture
def console(dsn: str, line: Line) -> Iterator[Console]:
    with database.open_pool(dsn, 2, read_only=True) as pool:
        yield before(pool, now=NOW)


# Words --------------------------------------------------------------------------------------------


def test_every_sentence_is_told_in_both_languages_and_no_number_is_chinese_alone() -> None:
    for name in sentences.names():
        zh, en = sentences._SENTENCES[name]
        numbers = [set(re.findall(r"\{(\w+)", each)) for each in (zh, en)]
        ours = [{one for one in each if not one.endswith(("_zh", "_en"))} for each in numbers]
        assert HAN.search(zh) and not HAN.search(en) and ours[0] <= ours[1], name


def test_every_finding_has_a_word_and_every_severity_a_rank() -> None:
    assert set(rules()["severity"]) == set(quality_words.FINDINGS)
    assert set(rules()["severity"].values()) == set(quality_words.SEVERITIES) == set(section.LOOKS)
    assert set(rules()["weights"]) == set(quality_words.PARTS) == set(quality_words.PART_NOTES)


def test_every_reason_why_a_meter_counts_is_told_in_chinese() -> None:
    reasons = {
        usage.component(role, level, declared, parent).reason
        for role in usage.ROLES
        for level in (1, 2)
        for declared in (True, False, None)
        for parent in (True, False)
    }
    assert reasons == set(provenance.REASONS)


# What is kept -------------------------------------------------------------------------------------


def test_what_is_kept_is_what_was_told(line: Line) -> None:
    told = quality_store.enterprise(line.conn, "DEMO-1", OCTOBER, ZONE, NOW)
    assert quality_store.kept(line.conn, "DEMO-1", OCTOBER) == told
    assert told == enterprise_quality(line.conn, "DEMO-1", OCTOBER, ZONE, NOW)
    (ranked,) = quality_store.ranked(line.conn, "620500", OCTOBER)
    assert (ranked.score, ranked.completeness) == (told.score.points, told.parts["completeness"])
    assert ranked.duties == 1 and (ranked.warnings or 0) >= 2


def test_what_another_version_kept_is_told_anew(line: Line) -> None:
    quality_store.enterprise(line.conn, "DEMO-1", OCTOBER, ZONE, NOW)
    line.conn.execute("UPDATE quality_month SET told = '{}'")
    assert quality_store.kept(line.conn, "DEMO-1", OCTOBER) is None
    assert quality_store.kept_or_told(line.conn, "DEMO-1", OCTOBER, ZONE, NOW).enterprise == "DEMO-1"


def test_the_worker_tells_this_month_and_the_last_once_a_day_while_nothing_waits(line: Line) -> None:
    now = START + timedelta(days=33, hours=5)
    assert [quality_store.work(line.conn, now, ZONE) for _ in range(3)] == [1, 1, 0]
    assert quality_store.work(line.conn, now + timedelta(hours=3), ZONE) == 0
    line.tell([("E-01", 15.0 * 2_976 + 15, 40_000.0)])
    assert quality_store.work(line.conn, now + timedelta(days=1), ZONE) == 0, "readings wait to be worked in"
    line.drain()
    assert quality_store.work(line.conn, now + timedelta(days=1), ZONE) == 1


# Pages --------------------------------------------------------------------------------------------


def test_the_quality_page_tells_score_days_outages_and_findings_in_chinese(console: Console) -> None:
    page = console.text("/enterprises/DEMO-1/quality?month=2026-10")
    for words in ("数据质量", "完整", "可验证", "逐日完整率", "示数停走", "检定过期", "逾期修复，须报备", "10-20"):
        assert words in page
    assert "须报备" in page and "未在 3 个工作日内" in page
    assert "not repaired" not in page.lower()


def test_the_same_in_english(console: Console) -> None:
    page = console.text("/enterprises/DEMO-1/quality?month=2026-10&lang=en")
    assert "Not repaired within 3 working days" in page and "stuck register" in page
    assert "未在" not in page


def test_the_list_of_enterprises_leads_to_each(console: Console, line: Line) -> None:
    assert "未评估" in console.text("/quality?month=2026-10")
    quality_store.enterprise(line.conn, "DEMO-1", OCTOBER, ZONE, NOW)
    line.conn.commit()
    page = console.html("/quality?month=2026-10&region=620500")
    assert "/enterprises/DEMO-1/quality?month=2026-10" in page and "未评估" not in page
    console.html("/quality?region=999999", 404)


def test_every_figure_of_an_enterprise_leads_to_what_made_it(console: Console) -> None:
    page = console.html("/enterprises/DEMO-1?month=2026-10")
    ours = "/enterprises/DEMO-1/explain?month=2026-10"
    links = set(re.findall(r'href="([^"]+)"', page))
    assert {ours, f"{ours}#electricity", f"{ours}#conversion", f"{ours}&amp;meter=E-01"} <= links
    assert "/enterprises/DEMO-1/quality?month=2026-10" in links


def test_the_way_of_a_figure_down_to_its_readings(console: Console) -> None:
    whole = console.text("/enterprises/DEMO-1/explain?month=2026-10")
    assert "购入，计入" in whole and "× 0.1229 ÷ 1000" in whole and "总表" in whole
    meter = console.text("/enterprises/DEMO-1/explain?month=2026-10&meter=E-02&day=2026-10-03")
    assert "累计示数" in meter and "10-03 00:15" in meter and "10-04 00:15" not in meter
    assert "断档分摊" in meter


def test_what_there_is_not_is_said(console: Console) -> None:
    assert "没有编码为 E-99 的计量点" in console.text("/enterprises/DEMO-1/explain?month=2026-10&meter=E-99", 404)
    assert "尚未开始" in console.text("/enterprises/DEMO-1/explain?month=2027-10", 400)
    assert "NOBODY" in console.text("/enterprises/NOBODY/quality", 404)


# Reports ------------------------------------------------------------------------------------------


def test_the_enterprises_report_has_the_section_in_html_and_xlsx(line: Line) -> None:
    figures = enterprise_month(line.conn, "DEMO-1", OCTOBER, NOW, ZONE)
    page = enterprise_html(figures)
    for words in ("逐日完整率", "中断与修复期限", "逾期修复，须报备", "示数停走", "权重为本平台自定"):
        assert words in page
    assert "Completeness by day" in enterprise_html(figures, "en")
    book = load_workbook(BytesIO(enterprise_xlsx(figures)))
    assert book["质量评分"].max_row == 1 + 1 + 31
    assert "示数停走" in {cell.value for cell in book["检出项"]["C"]}
    assert quality_store.kept(line.conn, "DEMO-1", OCTOBER) is not None


def test_the_regions_report_lists_its_enterprises_by_score(line: Line) -> None:
    figures = region_month(line.conn, "620500", OCTOBER, NOW, ZONE)
    assert [one.code for one in figures.quality] == ["DEMO-1"]
    assert figures.quality[0].score is not None
    page = region_html(figures)
    assert "数据质量" in page and f"{figures.quality[0].score:.1f}" in page
    book = load_workbook(BytesIO(region_xlsx(figures)))
    assert book["质量评分"]["A2"].value == "DEMO-1"


def test_the_same_finding_of_many_meters_is_told_once(line: Line) -> None:
    told = enterprise_quality(line.conn, "DEMO-1", OCTOBER, ZONE, NOW)
    alike = [row for row in told.findings if row.finding == "outage"]
    copies = [type(row)(row.enterprise, "E-03", *[getattr(row, n) for n in list(vars(row))[2:]]) for row in alike]
    lines = section.lines([*alike, *copies], "zh")
    assert [one.meters for one in lines] == [("E-02", "E-03")]
    assert lines[0].whose(str) == "E-02 E-03"


def test_all_meters_at_once_are_what_each_is_alone(line: Line) -> None:
    at_once = meters_usage(line.conn, "DEMO-1", OCTOBER, ZONE, NOW)
    days = (OCTOBER.first, OCTOBER.until)
    alone = {code: meter_usage(line.conn, "DEMO-1", code, *days, "month", ZONE, NOW) for code in line.ids}
    assert alone == {code: [row] for code, row in at_once.items()}
    hours = meter_usage(line.conn, "DEMO-1", "E-01", *days, "hour", ZONE, NOW)
    assert at_once["E-01"].amount == pytest.approx(sum(row.amount or 0.0 for row in hours), rel=1e-12)
    assert at_once["E-01"].tco2 == pytest.approx(sum(row.tco2 or 0.0 for row in hours), rel=1e-12)


def test_a_strip_shows_a_day_without_anything_due_as_an_empty_cell() -> None:
    drawn = str(strip([("1", 1.0), ("2", 0.5), ("3", None)], title="逐日完整率", enough=0.9))
    assert "2 50.0 %" in drawn and "无应收读数" in drawn and "最低 50.0 %" in drawn
    assert drawn.count("<rect") == 5

"""The console as a supervisor meets it in the morning: real database, real pages, an invented cement works."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from fastapi.testclient import TestClient
from psycopg import Connection, Cursor
from psycopg_pool import ConnectionPool

from console.app import create_app
from console.site import Options
from storage import database, pages
from tests import report_sample
from tests.report_sample import NOW, ZONE, enterprise_id, many

WORKS, SILENT = "GS-CEMENT-1", "GS-CEMENT-2"
PATHS = ("/", "/enterprises", "/alerts", "/judgements", "/reports")


@dataclass(frozen=True)
class Console:
    """A browser in front of the pages."""

    client: TestClient

    def html(self, path: str, status: int = 200) -> str:
        answer = self.client.get(path)
        assert answer.status_code == status, answer.text
        return str(answer.text)

    def text(self, path: str, status: int = 200) -> str:
        """What can be read on the page, without its marks."""
        return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", self.html(path, status)))

    def json(self, path: str, status: int = 200) -> Any:
        answer = self.client.get(path)
        assert answer.status_code == status, answer.text
        return answer.json()


@pytest.fixture
def console(dsn: str, tmp_path: Path) -> Iterator[Console]:
    with database.open_pool(dsn, 2, read_only=True) as pool:
        yield before(pool, Options(ZONE, reports=tmp_path / "reports"))


def before(pool: ConnectionPool[Connection], options: Options | None = None, now: datetime = NOW) -> Console:
    app = create_app(pool, options or Options(ZONE), lambda: now)
    return Console(TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False))


@pytest.fixture
def sample(conn: Connection) -> Connection:
    """The invented works with its quota as the rules see it, an alert that was told of, and written reports."""
    report_sample.write_all(conn)
    _progress(conn, "quota_used", "warning", 106_366.0, 125_000.0)
    _progress(conn, "quota_forecast", "warning", 128_400.0, 125_000.0)
    conn.execute("UPDATE finding SET inputs = %s WHERE rule = 'quota_used'", (_inputs("tce", "measured"),))
    _alert_story(conn)
    conn.commit()
    return conn


def _inputs(metric: str, boundary: str) -> str:
    return json.dumps({"metric": metric, "boundary": boundary})


def _progress(conn: Connection, rule: str, state: str, observed: float, limit: float) -> None:
    columns = (
        "finding (rule, scope, code, subject, period, state, observed, observed_low, observed_high, "
        '"limit", unit, basis, document, reason, rule_version, judged)'
    )
    row = (rule, "enterprise", WORKS, "tce:limit:equivalent:measured", "2026", state, observed, observed, observed)
    many(conn, columns, [(*row, limit, "tce", "equivalent", "示例文件", "…", "1", NOW)])


def _alert_story(conn: Connection) -> None:
    (alert,) = conn.execute("SELECT id FROM alert WHERE rule = 'unit_energy_limit'").fetchone() or (0,)
    opened = NOW - timedelta(days=7)
    many(
        conn,
        "alert_event (alert_id, at, event, level, actor, text)",
        [
            (alert, opened, "opened", "orange", "enermon", "超过基准水平"),
            (alert, opened + timedelta(days=1), "raised", "red", "enermon", "超过限定值"),
            (alert, opened + timedelta(days=2), "comment", None, "王工", "企业已说明原因"),
        ],
    )
    conn.execute(
        "INSERT INTO delivery (event_id, channel, state, tries, due, error)"
        " SELECT id, 'mailto', 'failed', 5, at, '连接被拒绝' FROM alert_event WHERE event = 'opened'"
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of reports."""
    (tmp_path / "reports" / "2026-10").mkdir(parents=True)
    return tmp_path / "reports"


def report_of(conn: Connection, *files: str) -> int:
    """A run that has recorded these files of the folder."""
    row = conn.execute(
        "INSERT INTO report_run (report, scope, code, period, due, state, finished, files)"
        " VALUES ('monthly', 'enterprise', %s, '2026-10', %s, 'done', %s, %s) RETURNING id",
        (WORKS, NOW, NOW, list(files)),
    ).fetchone()
    assert row is not None
    conn.commit()
    return int(row[0])


# An empty platform --------------------------------------------------------------------------------


def test_an_empty_database_says_what_to_do_first(console: Console) -> None:
    assert "还没有用能单位" in console.text("/")
    assert "enermon import" in console.text("/")


@pytest.mark.parametrize("path", PATHS)
def test_every_page_works_with_an_empty_database_and_in_both_languages(console: Console, path: str) -> None:
    assert 'lang="zh-CN"' in console.html(path)
    assert 'lang="en"' in console.html(f"{path}?lang=en")


# The province -------------------------------------------------------------------------------------


@pytest.mark.usefixtures("sample")
def test_open_alerts_by_level_come_before_anything_else(console: Console) -> None:
    text = console.text("/")
    assert text.index("1 红色预警") < text.index("0 橙色预警") < text.index("重点用能单位合计")


@pytest.mark.usefixtures("sample")
def test_a_total_names_its_basis_and_is_not_the_regions_total(console: Console, sample: Connection) -> None:
    (used,) = sample.execute("SELECT sum(tce_equivalent) FROM usage_month WHERE month >= '2026-01-01'").fetchone() or (
        0,
    )
    text = console.text("/")
    assert f"综合能源消费量 · 当量值 ≥ {used:,.0f} tce" in text
    assert "综合能源消费量 · 等价值 ≥" in text
    assert "不等于地区能源消费总量" in text


@pytest.mark.usefixtures("sample")
def test_coverage_stands_beside_the_total(console: Console) -> None:
    assert "有数据单位 2 / 3 家" in console.text("/")


@pytest.mark.usefixtures("sample")
def test_a_works_that_is_heading_over_its_quota_is_seen_before_it_happens(console: Console) -> None:
    html, text = console.html("/"), console.text("/")
    assert "85.1 %" in text and "102.7 %" in text and "预计超配额" in text
    assert 'class="path"' in html and "序时进度 83.3 %" in html  # the marker, and its words for who cannot see it


@pytest.mark.usefixtures("sample")
def test_who_never_reported_is_silent_and_what_that_hides_is_said(console: Console) -> None:
    text = console.text("/")
    assert "3 失联单位" in text and "从未上报" in text
    assert "超过 8 个上报间隔无读数" in text


@pytest.mark.usefixtures("sample")
def test_a_works_that_fell_silent_shows_for_how_long(console: Console, sample: Connection) -> None:
    last = NOW - timedelta(days=3, hours=4)
    sample.execute("INSERT INTO meter_span SELECT id, %s, %s FROM meter", (last - timedelta(days=60), last))
    sample.commit()
    assert "3 天 4 小时" in console.text("/")


@pytest.mark.usefixtures("sample")
def test_the_legal_list_holds_lines_judged_over_their_limit_and_no_mere_month(console: Console) -> None:
    listed = console.text("/").partition("单位产品综合能耗超限定值")[2].partition("失联单位")[0]
    assert "118.4 kgce/t" in listed and "GB 16780-2021" in listed and "+1.2 %" in listed
    assert "119.3" not in listed


@pytest.mark.usefixtures("sample")
def test_what_cannot_be_judged_says_why(console: Console) -> None:
    assert "因为没有报送合格品产量" in console.text("/")
    assert "1 不能判定" in console.text("/")


@pytest.mark.usefixtures("sample")
def test_a_region_shows_what_lies_in_it_and_the_way_back(console: Console) -> None:
    assert "甘肃省" in console.text("/?region=620500")
    assert console.text("/?region=620500").count("陇山示例水泥有限公司") >= 1
    assert "没有编码为 999999 的地区" in console.text("/?region=999999", 404)


@pytest.mark.usefixtures("sample")
def test_an_alert_of_the_platform_itself_is_seen_on_the_first_page(console: Console, sample: Connection) -> None:
    columns = "alert (rule, scope, code, period, level, state, message, opened, changed)"
    many(sample, columns, [("silent_platform", "platform", "enermon", "", "orange", "open", "平台接收中断", NOW, NOW)])
    sample.commit()
    assert "1 橙色预警" in console.text("/")
    assert "平台接收中断" in console.text("/alerts?level=orange")


# An enterprise ------------------------------------------------------------------------------------


@pytest.mark.usefixtures("sample")
def test_a_months_use_is_shown_by_carrier_with_both_bases(console: Console, sample: Connection) -> None:
    row = sample.execute(
        "SELECT tce_equivalent, tce_equal_value FROM usage_month"
        " WHERE carrier = 'electricity' AND month = '2026-10-01' AND enterprise_id = %s",
        (enterprise_id(sample),),
    ).fetchone()
    assert row is not None
    text = console.text(f"/enterprises/{WORKS}?month=2026-10")
    carriers = text.partition("分品种用能")[2]
    assert f"{row[0]:,.1f}" in carriers and f"{row[1]:,.1f}" in carriers


@pytest.mark.usefixtures("sample")
def test_missing_data_makes_a_figure_at_least_and_is_flagged(console: Console) -> None:
    gas = console.text(f"/enterprises/{WORKS}?month=2026-10").partition("天然气（气态）")[2]
    assert gas.index("≥") < 20
    assert "缺数" in gas


@pytest.mark.usefixtures("sample")
def test_a_factor_that_nobody_checked_or_that_is_of_another_year_says_so(console: Console) -> None:
    text = console.text(f"/enterprises/{WORKS}?month=2026-10")
    assert "待核" in text.partition("天然气（气态）")[2].partition("原煤")[0]
    assert "沿用" in text.partition("电力（当量值）")[2].partition("天然气（气态）")[0]


@pytest.mark.usefixtures("sample")
def test_a_month_without_data_shows_dashes_and_never_a_nought(console: Console) -> None:
    text = console.text(f"/enterprises/{SILENT}")
    tiles = text.partition("综合能源消费量 · 当量值")[2].partition("年度配额")[0]
    assert "— 本月没有用能数据" in tiles and " 0 tce" not in tiles
    assert "未下达配额" in text


@pytest.mark.usefixtures("sample")
def test_the_load_curve_ends_with_the_asked_day_and_marks_its_peak(console: Console) -> None:
    html = console.html(f"/enterprises/{WORKS}?month=2026-10&day=2026-10-12")
    assert "22,346 kW 15:15" in html or "22,345.6 kW 15:15" in html
    assert "所选时段没有电力读数" in console.text(f"/enterprises/{WORKS}?month=2025-09&day=2025-09-10")


@pytest.mark.usefixtures("sample")
def test_every_line_of_unit_energy_has_its_document_and_its_own_verdict(console: Console) -> None:
    lines = console.text(f"/enterprises/{WORKS}").partition("单位产品综合能耗 规则")[2]
    assert lines.index("红色") < lines.index("各月数值") < lines.index("超出，仅供参考")  # a month only informs
    assert "发改产业〔2021〕1609号" in lines and "不能判定" in lines


def test_meters_tell_whether_they_count_and_their_last_effective_value(console: Console, sample: Connection) -> None:
    last = NOW - timedelta(minutes=30)
    sample.execute("CALL ensure_reading_days(ARRAY[%s]::date[])", (last.date(),))
    meter = "(SELECT id FROM meter WHERE code = 'E-02')"
    sample.execute(f"INSERT INTO meter_span VALUES ({meter}, %s, %s)".encode(), (last, last))
    sample.execute(f"INSERT INTO reading VALUES (%s, %s, 1234.5, 1, {meter}, 20)".encode(), (last, last))
    sample.execute(f"INSERT INTO rival_reading VALUES ({meter}, %s, 1239.25, 30, NULL, %s)".encode(), (last, last))
    sample.commit()
    row = console.text(f"/enterprises/{WORKS}").partition("110 kV 进线二")[2][:200]
    assert "1239.25 kWh" in row  # approved by hand goes before automatic
    assert "是" in row and "检定已过期" in row


@pytest.mark.usefixtures("sample")
def test_an_unknown_enterprise_and_a_wrong_month_are_told_in_a_sentence(console: Console) -> None:
    assert "没有编码为 NOBODY 的用能单位" in console.text("/enterprises/NOBODY", 404)
    for month in ("2026-13", "october", "2026", "9999-12"):
        assert f"{month} 不是月份" in console.text(f"/enterprises/{WORKS}?month={month}", 400)


# Lists --------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("sample")
@pytest.mark.parametrize(
    ("question", "count"),
    [
        ("", 3),
        ("region=620500", 3),
        ("industry=3011", 2),
        ("level=red", 1),
        ("level=none", 2),
        ("level=silent", 3),
        ("text=医院", 1),
        ("text=gs-cement", 2),
        ("text=nobody", 0),
    ],
)
def test_enterprises_are_filtered_by_region_industry_level_and_text(
    console: Console, question: str, count: int
) -> None:
    assert console.html(f"/enterprises?{question}").count('href="/enterprises/GS-') == count


@pytest.mark.usefixtures("sample")
def test_alerts_are_those_not_resolved_unless_asked_otherwise(console: Console) -> None:
    assert "八月的旧预警" not in console.text("/alerts")
    assert "八月的旧预警" in console.text("/alerts?state=all")
    assert "八月的旧预警" in console.text("/alerts?state=resolved&level=blue&region=620000")


@pytest.mark.usefixtures("sample")
def test_an_alert_tells_its_history_and_who_was_told(console: Console, sample: Connection) -> None:
    (alert,) = sample.execute("SELECT id FROM alert WHERE rule = 'unit_energy_limit'").fetchone() or (0,)
    text = console.text(f"/alerts/{alert}")
    assert text.index("超过基准水平") < text.index("升级") < text.index("企业已说明原因")
    assert "失败 mailto · 5 次尝试 · 连接被拒绝" in text
    assert "没有编号为 999 的预警" in console.text("/alerts/999", 404)


# Reports ------------------------------------------------------------------------------------------


def test_exactly_the_recorded_files_can_be_fetched(console: Console, sample: Connection, folder: Path) -> None:
    names = [f"{WORKS}-2026-10.html", f"{WORKS}-2026-10.xlsx"]
    for name in (*names, "unrecorded.html"):
        (folder / "2026-10" / name).write_text(name)
    run = report_of(sample, *(f"2026-10/{name}" for name in names))
    listed = re.findall(rf"/reports/{run}/[^\"?]+", console.html("/reports?month=2026-10"))
    assert [console.html(address) for address in listed] == names
    for other in ("unrecorded.html", "..%2Funrecorded.html", "%2Fetc%2Fpasswd", "2026-10%2F" + names[0], "."):
        assert console.client.get(f"/reports/{run}/{other}").status_code == 404


def test_a_report_is_shown_without_script_and_a_workbook_is_saved(
    console: Console, sample: Connection, folder: Path
) -> None:
    for name in ("r.html", "r.xlsx"):
        (folder / name).write_text("x")
    run = report_of(sample, "r.html", "r.xlsx")
    page, book = (console.client.get(f"/reports/{run}/{name}") for name in ("r.html", "r.xlsx"))
    assert "sandbox" in page.headers["content-security-policy"]
    assert page.headers["content-disposition"].startswith("inline")
    assert book.headers["content-disposition"].startswith("attachment")


def test_a_recorded_file_that_is_gone_no_report_or_outside_the_folder_is_not_served(
    console: Console, sample: Connection, folder: Path
) -> None:
    (folder / "passwords.txt").write_text("secret")
    (folder.parent / "outside.html").write_text("secret")
    (folder / "link.html").symlink_to(folder.parent / "outside.html")
    run = report_of(sample, "gone.html", "passwords.txt", "../outside.html", "link.html")
    for name in ("gone.html", "passwords.txt", "outside.html", "link.html"):
        assert f"该报告没有名为 {name} 的文件" in console.text(f"/reports/{run}/{name}", 404)


# What holds for all pages -------------------------------------------------------------------------


@pytest.mark.usefixtures("sample")
@pytest.mark.parametrize("path", (*PATHS, f"/enterprises/{WORKS}?month=2026-10", "/nothing", "/static/console.css"))
def test_nothing_is_downloaded_from_anywhere_else_and_no_script_is_needed(console: Console, path: str) -> None:
    answer = console.client.get(path)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "script-src" not in policy and "unsafe" not in policy
    loaded = re.findall(r'(?:src|href|action)="([^"]*)"', answer.text)
    assert all(address.startswith(("/", "#")) and not address.startswith("//") for address in loaded)
    assert "<script" not in answer.text and "url(" not in answer.text and "@import" not in answer.text


@pytest.mark.usefixtures("sample")
def test_names_from_outside_are_text_and_never_markup(console: Console, sample: Connection) -> None:
    sample.execute("UPDATE enterprise SET name = '<b onclick=x>坏</b>' WHERE code = %s", (WORKS,))
    sample.execute("UPDATE alert SET message = '<script>x</script>'")
    sample.commit()
    for path in ("/", "/enterprises", f"/enterprises/{WORKS}", "/alerts?state=all"):
        assert "<b onclick" not in console.html(path) and "<script" not in console.html(path)


@pytest.mark.usefixtures("sample")
def test_english_is_kept_from_page_to_page(console: Console) -> None:
    html = console.html("/?lang=en")
    assert "Total of key energy-using units" in html and "重点用能单位合计" not in html
    ours = [link for link in re.findall(r'href="(/[^"]*)"', html) if not link.startswith("/static/")]
    assert sum("lang=en" not in link for link in ours) == 1  # the way to the other language


def test_a_deployment_may_speak_english_first(dsn: str) -> None:
    with database.open_pool(dsn, 1, read_only=True) as pool:
        assert "No enterprises yet" in before(pool, Options(ZONE, "en")).text("/")


def test_a_page_that_another_site_points_at_us_is_refused(console: Console) -> None:
    answer = console.client.get("/", headers={"Host": "evil.example"})
    assert answer.status_code == 400


def test_a_page_cannot_write_even_over_a_pool_that_could(dsn: str) -> None:
    with database.connect(dsn) as conn:
        pages.snapshot(conn)
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            conn.execute("INSERT INTO region (code, name) VALUES ('620000', '甘肃省')")


def test_a_page_asks_no_more_questions_of_fifty_enterprises_than_of_three(
    console: Console, sample: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = {path: _questions(console, path, monkeypatch) for path in ("/", "/enterprises")}
    sample.execute(
        "INSERT INTO enterprise (code, name, region)"
        " SELECT 'MORE-' || n, '示例单位' || n, '620500' FROM generate_series(1, 47) n"
    )
    sample.commit()
    assert {path: _questions(console, path, monkeypatch) for path in few} == few
    assert max(few.values()) <= 20


def _questions(console: Console, path: str, monkeypatch: pytest.MonkeyPatch) -> int:
    asked: list[object] = []
    plain = Cursor.execute

    def counted(self: Any, query: Any, *rest: Any, **more: Any) -> Any:
        asked.append(query)
        return plain(self, query, *rest, **more)

    with monkeypatch.context() as patch:
        patch.setattr(Cursor, "execute", counted)
        console.html(path)
    return len(asked)


@pytest.mark.parametrize(
    "path",
    [
        "/enterprises/%00",
        "/?region=%00",
        "/alerts/99999999999999999999",
        "/alerts?level=pink",
        "/alerts?page=0",
        "/enterprises?text=" + "x" * 65,
        f"/enterprises/{WORKS}?day=yesterday",
        f"/enterprises/{WORKS}?day=9999-12-31",
    ],
)
def test_a_wrong_address_is_answered_by_a_sentence(console: Console, path: str) -> None:
    assert "地址中的参数不对" in console.text(path, 400)


# Whoever watches the console ----------------------------------------------------------------------


def test_ready_means_a_database_with_the_present_schema(console: Console, conn: Connection) -> None:
    assert console.json("/healthz") == {"status": "ok"}
    assert console.json("/readyz") == {"status": "ok"}
    conn.execute("DELETE FROM migration WHERE name = '0003_figures.sql'")
    conn.commit()
    assert "0003_figures.sql" in console.json("/readyz", 503)["reason"]


def test_a_database_that_is_away_is_said_and_the_process_is_alive(dsn: str) -> None:
    nowhere = re.sub(r":\d+/", ":1/", dsn)
    with ConnectionPool(nowhere, min_size=0, max_size=1, timeout=0.2, open=True) as pool:
        console = before(pool)
        assert console.json("/healthz") == {"status": "ok"}
        assert console.json("/readyz", 503)["reason"] == "the database cannot be reached"
        assert "数据库暂时不可用" in console.text("/", 503)
        assert console.json("/api/v1/alerts", 503) == {"error": "The database is away; reload in a moment."}


# For scripts --------------------------------------------------------------------------------------


@pytest.mark.usefixtures("sample")
def test_the_interface_tells_usage_in_the_words_of_the_contract(console: Console) -> None:
    told = console.json(f"/api/v1/usage?enterprise={WORKS}&from=2026-10-01&to=2026-11-01")
    electricity = next(row for row in told["rows"] if row["carrier"] == "electricity")
    assert electricity["period"] == "2026-10" and electricity["unit"] == "kWh" and electricity["meter"] is None
    assert electricity["tce_equivalent"] == pytest.approx(electricity["amount"] * 0.1229e-3)
    assert told["totals"].keys() >= {"tce_equivalent", "tce_equal_value", "tce_assessed", "tco2"}
    assert "tce" not in told["totals"]


@pytest.mark.usefixtures("sample")
def test_unknown_is_null_for_scripts(console: Console) -> None:
    told = console.json(f"/api/v1/usage?enterprise={SILENT}&from=2026-10-01&to=2026-11-01")
    assert [row["amount"] for row in told["rows"]] == [None]
    assert told["totals"]["tce_equivalent"] is None
    listed = {row["enterprise"]: row for row in console.json("/api/v1/enterprises")["rows"]}
    assert listed[SILENT]["year"]["tce_equivalent"] is None and listed[SILENT]["silent"]
    assert listed[WORKS]["quotas"][0]["limit"] == 125_000


@pytest.mark.usefixtures("sample")
def test_alerts_findings_reports_and_meters_are_there_for_scripts(console: Console) -> None:
    (alert,) = console.json("/api/v1/alerts?state=open")["rows"]
    names = "id rule enterprise period level state observed limit unit basis opened message"
    assert alert.keys() >= set(names.split())
    assert alert["opened"] == "2026-10-28T09:00:00+08:00"
    assert console.json("/api/v1/findings?state=cannot_judge")["found"] == 1
    assert console.json(f"/api/v1/enterprises/{WORKS}")["meters"][0]["code"] == "E-01"
    assert console.json("/api/v1/reports") == {"rows": [], "found": 0}


@pytest.mark.usefixtures("sample")
def test_a_script_that_asks_wrongly_gets_a_sentence(console: Console) -> None:
    assert "enterprise and region" in console.json("/api/v1/usage?from=2026-10-01&to=2026-11-01", 400)["error"]
    asked = f"/api/v1/usage?enterprise={WORKS}"
    assert "before to" in console.json(f"{asked}&from=2026-10-02&to=2026-10-01", 400)["error"]
    assert "at most" in console.json(f"{asked}&from=2000-01-01&to=2026-10-01&by=hour", 400)["error"]
    assert "NOBODY" in console.json("/api/v1/usage?enterprise=NOBODY&from=2026-10-01&to=2026-11-01", 404)["error"]
    assert "by day" in console.json("/api/v1/usage?region=620500&from=2026-10-01&to=2026-11-01&by=hour", 400)["error"]


def test_times_have_their_year_where_it_is_not_the_present_one(dsn: str, sample: Connection) -> None:
    with database.open_pool(dsn, 1, read_only=True) as pool:
        later = before(pool, now=datetime(2027, 2, 1, tzinfo=UTC))
        assert "2026-10-28 09:00" in later.text("/alerts")

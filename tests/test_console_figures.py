"""What the first page makes of figures: sums that know what they lack, quotas in words, silence with patience."""

import re
import socket
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from console import budgets, enterprise, overview, serving, shown, words
from console.budgets import Budget
from console.overview import Patience, Use
from energy.refused import Refused
from storage.pages import Expected, Progress, QuarterHours, Unit, Used
from tests.report_sample import ZONE

NOW = datetime(2026, 11, 21, 0, 50, tzinfo=UTC)
TEMPLATES = Path(words.__file__).parent / "templates"
OCTOBER = Expected(readings=2976, seconds=2_678_400, patience_s=2_700)
QUOTA = Progress(
    code="GS-CEMENT-1",
    name="陇山示例水泥有限公司",
    subject="tce:limit:equivalent:measured",
    period="2026",
    state="ok",
    certainty="certain",
    low=6_000.0,
    high=6_000.0,
    limit=12_000.0,
    unit="tce",
    basis="equivalent",
    document="示例文件",
    reason="",
    metric="tce",
    boundary="measured",
    path=6_000.0,
    path_state="ok",
    forecast=12_000.0,
    forecast_state="ok",
)
UNIT = Unit(
    1, "GS-CEMENT-1", "陇山示例水泥有限公司", "620500", "天水市", "620500", "天水市", "3011", "水泥制造", "industrial",
    "operating", "thousand", 12, 0, 60, NOW,
)  # fmt: skip


def used(tce: float | None, covered_s: int = 2_678_400, received: int = 2976, at_least: bool = False) -> Used:
    return Used(tce, tce, tce, tce, at_least, received, covered_s)


def test_a_sum_over_works_of_which_one_is_unknown_is_at_least() -> None:
    total = overview.totals([Use(used(100.0), OCTOBER), Use(None, OCTOBER)])
    assert (total.equivalent.value, total.equivalent.at_least, total.reporting) == (100.0, True, 1)


def test_a_sum_of_nothing_known_is_unknown_and_not_nought() -> None:
    assert overview.totals([Use(None, OCTOBER)]).equivalent.value is None
    assert overview.totals([]).completeness is None


def test_a_whole_month_is_a_figure_and_a_missing_day_makes_it_at_least() -> None:
    assert not Use(used(100.0), OCTOBER).is_open
    assert Use(used(100.0, covered_s=2_678_400 - 86_400), OCTOBER).is_open


def test_readings_that_may_still_be_on_their_way_are_no_gap() -> None:
    assert not Use(used(100.0, covered_s=2_678_400 - 2_700), OCTOBER).is_open


def test_completeness_of_several_works_is_over_all_their_readings() -> None:
    uses = [Use(used(1.0, received=2976), OCTOBER), Use(used(1.0, received=1488), OCTOBER), Use(None, OCTOBER)]
    assert overview.completeness(uses) == 0.5


@pytest.mark.parametrize(
    ("told", "standing"),
    [
        ({}, "on_path"),  # exactly on plan is no warning
        ({"low": 6_100.0, "path_state": "warning"}, "ahead_of_path"),
        ({"forecast": 12_400.0, "forecast_state": "warning", "path_state": "warning"}, "heading_over"),
        ({"low": 11_160.0, "high": 12_600.0, "certainty": "possible"}, "possibly_over"),
        ({"low": 12_000.0, "high": 12_000.0}, "on_path"),  # equality is no breach
        ({"low": 12_000.1, "high": 12_000.1}, "over"),
        ({"state": "cannot_judge"}, "not_judged"),
        ({"limit": None}, "not_judged"),
    ],
)
def test_a_quota_stands_as_its_findings_say(told: dict[str, object], standing: str) -> None:
    assert Budget(replace(QUOTA, **told)).standing == standing  # type: ignore[arg-type]


def test_missing_data_is_a_stretch_beyond_what_is_certain() -> None:
    one = Budget(replace(QUOTA, low=930.0, high=1_050.0, limit=1_000.0))
    assert (one.share, one.high_share, one.is_open) == (0.93, 1.05, True)
    assert Budget(replace(QUOTA, high=None)).high_share is None


def test_quotas_are_added_in_tce_and_only_those_of_one_basis() -> None:
    ten_thousands = Budget(replace(QUOTA, low=0.3, high=0.3, limit=1.2, path=0.6, forecast=0.9, unit="万tce"))
    whole = budgets.together([Budget(QUOTA), ten_thousands])
    assert whole is not None and (whole.told.limit, whole.share) == (24_000.0, 0.375)
    assert not Budget(replace(QUOTA, basis="equal_value")).can_be_added
    assert not Budget(replace(QUOTA, boundary="assessed")).can_be_added
    assert not Budget(replace(QUOTA, unit="10^4 kWh")).can_be_added
    assert budgets.together([]) is None


def test_a_sum_of_quotas_has_no_forecast_while_one_of_them_has_none() -> None:
    whole = budgets.together([Budget(QUOTA), Budget(replace(QUOTA, forecast=None))])
    assert whole is not None and whole.forecast_share is None


def test_those_over_their_quota_come_first_and_then_those_heading_there() -> None:
    over = Budget(replace(QUOTA, code="OVER", low=12_600.0, high=12_600.0, forecast=None))
    heading = Budget(replace(QUOTA, code="HEADING", forecast=15_000.0, forecast_state="warning"))
    unjudged = Budget(replace(QUOTA, state="cannot_judge"))
    ranked = overview.nearest([Budget(QUOTA), heading, unjudged, over])
    assert [one.told.code for one in ranked] == ["OVER", "HEADING", "GS-CEMENT-1"]


def test_silence_is_measured_in_the_slowest_meters_own_intervals() -> None:
    patience = Patience(8, NOW)
    assert not patience.is_lost(replace(UNIT, last_time=NOW - timedelta(hours=8)))
    assert patience.is_lost(replace(UNIT, last_time=NOW - timedelta(hours=8, minutes=1)))
    assert patience.is_lost(replace(UNIT, last_time=NOW - timedelta(hours=3), interval_minutes=15))


def test_a_works_that_is_suspended_or_has_no_meters_is_not_blamed_for_silence() -> None:
    assert not Patience(8, NOW).is_lost(replace(UNIT, last_time=None, status="suspended"))
    assert not Patience(8, NOW).is_lost(replace(UNIT, last_time=None, meters=0))
    assert Patience(8, NOW).is_lost(replace(UNIT, last_time=None))


def test_a_curve_has_every_quarter_hour_and_a_gap_where_nothing_is_known() -> None:
    since, until = enterprise.curve_days(date(2026, 11, 21), ZONE, NOW)
    known = QuarterHours(since, [100.0, None, 120.0, 110.0], False)
    points = enterprise.curve([known], since, until, ZONE)
    assert (len(points), points[0][0].hour) == (33 * 4 - 1, 0)  # yesterday, and today until a quarter to nine
    assert [value for _, value in points[:5]] == [100.0, None, 120.0, 110.0, None]


def test_a_length_of_time_is_told_in_its_two_largest_units() -> None:
    w = words.words("zh")
    told = [shown.lasting(timedelta(minutes=minutes), w) for minutes in (0, 59, 61, 1_440 * 3 + 60 * 4 + 5)]
    assert told == ["0 分钟", "59 分钟", "1 小时 1 分钟", "3 天 4 小时"]


def test_what_is_not_complete_is_never_shown_as_complete() -> None:
    assert (shown.complete(0.99996), shown.complete(1.0), shown.complete(0.0)) == ("99.9 %", "100.0 %", "0.0 %")


def test_a_message_does_not_repeat_what_stands_beside_it() -> None:
    message = "【红色预警】陇山示例水泥有限公司 2026 年用能超过年度配额"
    assert shown.brief(message, "陇山示例水泥有限公司") == "2026 年用能超过年度配额"


def test_what_a_quota_is_about_is_said_in_words() -> None:
    zh, en = words.words("zh"), words.words("en")
    assert shown.basis(Budget(replace(QUOTA, boundary="assessed")), zh) == "当量值 · 考核口径"
    assert shown.basis(Budget(replace(QUOTA, basis="")), zh) == "折算口径未填报"
    assert shown.basis(Budget(replace(QUOTA, metric="kwh", basis="")), en) == "electricity"


def test_every_word_of_the_pages_is_in_the_catalogue_and_none_is_left_over() -> None:
    code = [file for file in TEMPLATES.parent.glob("*.py") if file.name != "words.py"]
    asked = "".join(file.read_text("utf-8") for file in [*TEMPLATES.glob("*.html"), *code])
    used = set(re.findall(r"\bw\.(\w+)", asked)) - {"coded", "language"}
    assert used <= set(words.names())
    kinds = (*re.findall(r"coded\(\"(\w+)\"", asked), "metric", "quota", "boundary")
    plain = [name for name in words.names() if name.partition("_")[0] not in kinds]
    assert [name for name in plain if not re.search(rf"\b{name}\b", asked)] == []


def test_both_languages_have_the_same_places_to_fill() -> None:
    zh, en = words.words("zh"), words.words("en")
    assert [name for name in words.names() if getattr(zh, name).count("{}") != getattr(en, name).count("{}")] == []


def test_a_word_that_is_missing_is_an_error_and_an_unknown_code_is_shown() -> None:
    with pytest.raises(AttributeError, match="no word 'nonsense'"):
        _ = words.words("zh").nonsense
    assert words.words("zh").coded("role", "new_role") == "new_role"
    assert words.words("fr").language == "zh"


def test_the_console_serves_beside_the_program_and_ends_with_it() -> None:
    app = FastAPI()
    app.add_api_route("/healthz", lambda: {"status": "ok"})
    with serving.serving(app, "127.0.0.1", 0) as address:
        assert httpx.get(f"{address}healthz", trust_env=False).json() == {"status": "ok"}
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{address}healthz", trust_env=False)


def test_a_taken_port_is_refused_with_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Refused, match=f"127.0.0.1:{port}.*console_port"):
            serving.serve(FastAPI(), "127.0.0.1", port)


def test_addresses_can_be_typed_into_a_browser_of_this_machine() -> None:
    assert serving.address("0.0.0.0", 8420) == "http://127.0.0.1:8420/"
    assert serving.address("::1", 8420) == "http://[::1]:8420/"
    assert serving.allowed_hosts("127.0.0.1") == ("127.0.0.1", "localhost")
    assert serving.allowed_hosts("0.0.0.0") == ("*",)

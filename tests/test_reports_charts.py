"""Charts are text: what a reader must be able to see in them can be asserted."""

import re
from datetime import datetime, timedelta
from xml.etree import ElementTree

import pytest
from markupsafe import Markup

from reports.charts import bars, load_curve, progress, ranking
from reports.numbers import shown, shown_beside, shown_range
from reports.words import in_language

DAY = datetime(2026, 10, 12)
SVG = "{http://www.w3.org/2000/svg}"


def points(*kw: float | None) -> list[tuple[datetime, float | None]]:
    return [(DAY + timedelta(minutes=15 * at), value) for at, value in enumerate(kw)]


def texts(svg: str) -> list[str]:
    return [node.text or "" for node in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def test_missing_quarters_are_a_gap_and_never_a_line_at_zero() -> None:
    svg = load_curve(points(100, 110, None, None, 120, 130), title="负荷")
    lines = [node.get("d", "") for node in ElementTree.fromstring(svg).iter(f"{SVG}path") if node.get("fill") == "none"]
    assert len(lines) == 2, "one stroke before the gap and one after it"
    assert "缺数" in texts(svg)


def test_the_peak_is_marked_with_its_time() -> None:
    assert "486.7 kW 00:30" in texts(load_curve(points(100, 110, 486.72, 120), title="负荷"))


def test_a_curve_without_any_data_says_so() -> None:
    svg = load_curve(points(None, None), title="负荷")
    assert "没有数据" in (ElementTree.fromstring(svg).findtext(f"{SVG}desc") or "")
    assert load_curve([], title="空").startswith("<svg")


def test_a_day_without_data_has_no_bar_and_a_day_with_zero_use_has_one() -> None:
    svg = bars([("1", 5.0), ("2", None), ("3", 0.0)], title="逐日", unit="tce")
    said = [node.text for node in ElementTree.fromstring(svg).iter(f"{SVG}title")]
    assert said == ["逐日", "1 5.000 tce", "3 0 tce"]


def test_a_lower_bound_is_drawn_otherwise_than_a_known_figure() -> None:
    sure, open_ = (bars([("1", 5.0)], title="t", unit="tce", at_least=names) for names in ((), ("1",)))
    assert "stroke-dasharray" not in sure
    assert "stroke-dasharray" in open_


@pytest.mark.parametrize(
    ("used", "share", "is_red"), [(78.0, "78.0 %", False), (100.0, "100.0 %", False), (104.0, "104.0 %", True)]
)
def test_progress_turns_red_only_beyond_the_limit(used: float, share: str, is_red: bool) -> None:
    svg = progress(used, 100.0, path=80.0, unit="tce", title="配额")
    assert share in texts(svg)
    assert ("#b91c1c" in svg) is is_red
    assert "序时进度 80.00" in texts(svg)


def test_unknown_use_is_no_progress_of_zero_percent() -> None:
    assert "缺数" in texts(progress(None, 100.0, unit="tce", title="配额"))


def test_what_may_be_missing_is_drawn_beside_what_is_known() -> None:
    assert progress(93.0, 100.0, high=105.0, unit="tce", title="t").count("<rect") == 3


def test_a_ranking_names_who_has_no_data() -> None:
    assert texts(ranking([("甲厂", 12.5), ("乙厂", None)], title="排名", unit="tce", at_least=["甲厂"])) == [
        "甲厂", "≥ 12.50 tce", "乙厂", "缺数"]  # fmt: skip


def test_names_from_the_registry_cannot_become_markup() -> None:
    svg = ranking([("<script>x</script>", 1.0)], title="<b>", unit="tce")
    assert isinstance(svg, Markup)
    assert "<script>" not in svg
    assert "&lt;b&gt;" in svg


def test_negative_use_goes_below_the_zero_line() -> None:
    svg = bars([("1", -5.0), ("2", 5.0)], title="t", unit="kWh")
    tops = [float(y) for y in re.findall(r'<rect x="[^"]+" y="([^"]+)"', svg)]
    assert tops[0] > tops[1]


def test_charts_speak_the_readers_language() -> None:
    assert "data missing" in texts(load_curve(points(None, None, None), title="t", say=in_language("en")))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "—"),
        (0, "0"),
        (0.01234567, "0.01235"),
        (10.0377, "10.04"),
        (81674.41, "81,674"),
        (4380.3, "4,380.3"),
        (-0.0, "0"),
    ],
)
def test_figures_are_shown_with_about_four_digits_and_unknown_as_a_dash(value: float | None, text: str) -> None:
    assert shown(value) == text


@pytest.mark.parametrize(
    ("bounds", "text"),
    [((930.0, 930.0, 930.0), "930.0"), ((930.0, 930.0, None), "≥ 930.0"), ((930.0, 930.0, 1050.0), "930.0 ~ 1,050.0"),
     ((None, None, None), "—")],
)  # fmt: skip
def test_bounds_are_shown_with_the_figure(bounds: tuple[float | None, float | None, float | None], text: str) -> None:
    assert shown_range(*bounds) == text


def test_a_value_just_over_its_limit_does_not_look_equal_to_it() -> None:
    assert (shown_beside(117.0004, 117.0), shown_beside(117.0, 117.0004)) == ("117.0004", "117.0000")
    assert shown_beside(117.0, 117.0) == "117.0"

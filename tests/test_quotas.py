"""Domain rules 7, 8, 14 to 16 and 19: intensity, progress, paths, missing data, PUE, demand, the calendar."""

from datetime import date, timedelta
from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy import bounds, pue, quotas
from energy.bounds import Bounds
from energy.demand import maximum_demand
from energy.intensity import Year, control_in_force, reduction, required_drop
from energy.periods import parse
from energy.quotas import Pace, Piece, path_to_date
from energy.warnings import Certainty, Level, Threshold, grade_bounds
from energy.workdays import add_workdays, is_workday, nth_workday

USED = (Threshold(Level.BLUE, 80), Threshold(Level.YELLOW, 90), Threshold(Level.ORANGE, 95), Threshold(Level.RED, 100))
PATH = (Threshold(Level.YELLOW, 100), Threshold(Level.ORANGE, 105), Threshold(Level.RED, 110))
YEAR = parse("2026")


def months(*amounts: float) -> list[Piece]:
    spans = [parse(f"2026-{number:02}") for number in range(1, len(amounts) + 1)]
    return [Piece(span.first, span.until, amount) for span, amount in zip(spans, amounts, strict=True)]


def level_of(used: float, of: float, thresholds: tuple[Threshold, ...]) -> Level | None:
    share = quotas.percent(bounds.known(used), of)
    assert share is not None
    return grade_bounds(share, thresholds, 100).level


def test_half_a_year_exactly_on_plan_is_silence_in_every_rule() -> None:
    budgets = months(800, 1100, 1000, 1050, 950, 1100)
    path = path_to_date(12_000, YEAR, budgets, date(2026, 7, 1))
    assert path == pytest.approx(6_000)
    assert quotas.percent(bounds.known(6_000), 12_000) == bounds.known(50.0)
    assert level_of(6_000, 12_000, USED) is None
    assert level_of(6_000, path, PATH) is None
    ahead = quotas.forecast(bounds.known(6_000), 12_000, path, Pace(3_100, 3_100))
    assert ahead is not None
    assert level_of(ahead.value, 12_000, (Threshold(Level.BLUE, 100),)) is None


def test_below_the_path_is_nothing_though_it_is_more_than_half() -> None:
    assert level_of(7_000, 7_200, PATH) is None


def test_a_running_month_is_held_against_its_share_to_date() -> None:
    """EC-34."""
    assert path_to_date(12_000, YEAR, months(310), date(2026, 1, 11)) == pytest.approx(100)


def test_without_budgets_the_days_are_the_path() -> None:
    assert path_to_date(365, YEAR, [], date(2026, 2, 1)) == pytest.approx(31)


def test_what_the_budgets_leave_is_spread_over_the_other_days() -> None:
    assert path_to_date(12_000, YEAR, months(*[1_000] * 6), date(2026, 10, 1)) == pytest.approx(
        6_000 + 6_000 / 184 * 92
    )


def test_a_faster_pace_of_late_is_seen_at_the_years_end() -> None:
    ahead = quotas.forecast(bounds.known(6_000), 12_000, 6_000, Pace(1_100, 1_000))
    assert ahead is not None
    assert ahead.value == pytest.approx(12_600)


def test_of_overlapping_budgets_the_shorter_are_the_plan() -> None:
    quarter = Piece(date(2026, 1, 1), date(2026, 4, 1), 3_000)
    assert quotas.fitting_budgets(YEAR, [quarter, *months(900)]) == tuple(months(900))
    assert quotas.fitting_budgets(YEAR, [Piece(date(2025, 12, 1), date(2026, 2, 1), 1)]) == ()


@pytest.mark.parametrize(
    ("used", "level"),
    [(9_600, None), (9_600.1, Level.BLUE), (10_800, Level.BLUE), (11_460, Level.ORANGE), (12_000, Level.ORANGE),
     (12_000.000001, Level.ORANGE), (12_000.1, Level.RED)],
)  # fmt: skip
def test_a_level_begins_strictly_beyond_its_line(used: float, level: Level | None) -> None:
    assert level_of(used, 12_000, USED) is level


def test_the_rounding_of_float_sums_is_no_excess() -> None:
    assert level_of(sum([0.1] * 10) * 1_200, 1_200, PATH) is None
    assert level_of(1_200.0000000001, 1_200, USED) is Level.ORANGE


def test_missing_data_makes_a_breach_possible_neither_safe_nor_certain() -> None:
    """Domain rule 15, EC-57: 930 certain, 40 to 120 missing, quota 1,000."""
    share = quotas.percent(bounds.certain(930, 40, 120), 1_000)
    assert share is not None
    found = grade_bounds(share, USED, 100)
    assert (share.low, share.high) == pytest.approx((97, 105))
    assert found.certainty is Certainty.POSSIBLE
    assert found.level is Level.ORANGE


def test_a_certain_breach_stays_certain_whatever_is_missing() -> None:
    found = grade_bounds(Bounds(101, 101, inf), USED, 100)
    assert (found.level, found.certainty) == (Level.RED, Certainty.CERTAIN)


def test_a_gap_without_upper_bound_is_said_but_does_not_raise_the_level() -> None:
    found = grade_bounds(Bounds(30, 30, inf), USED, 100)
    assert (found.level, found.certainty) == (None, Certainty.POSSIBLE)


@pytest.mark.parametrize(
    ("metric", "basis", "boundary", "code"),
    [
        ("tce", "", "", "basis_not_stated"),
        ("tce", "equivalent", "", None),
        ("tce", "equal_value", "measured", None),
        ("tce", "equal_value", "assessed", "assessed_is_equivalent_only"),
        ("kwh", "", "", None),
        ("kwh", "", "assessed", "assessed_of_tce_only"),
    ],
)
def test_a_quota_without_a_basis_is_not_judged(metric: str, basis: str, boundary: str, code: str | None) -> None:
    assert quotas.cannot_be_judged(metric, basis, boundary) == code


@pytest.mark.parametrize(
    ("direction", "value", "fails"),
    [("at_most", 1.30, False), ("at_most", 1.31, True), ("below", 1.30, True), ("below", 1.29, False),
     ("at_least", 80, False), ("at_least", 79.9, True)],
)  # fmt: skip
def test_below_is_stricter_than_at_most(direction: str, value: float, fails: bool) -> None:
    assert quotas.fails(direction, value, 80 if direction == "at_least" else 1.30) is fails


def test_pue_is_the_ratio_of_sums_of_the_data_centre_alone() -> None:
    total = pue.total_kwh(utility=13.2e6, diesel=0.1e6, solar=0.3e6, offices=0.6e6)
    year = [pue.Month(total / 12, 10e6 / 12)] * 12
    found = pue.assess(year, "ups_output")
    assert found.assessable
    assert found.ratio == pytest.approx(1.30)
    assert pue.pue_grade(found.ratio or 0, (1.20, 1.30, 1.50)) == 2
    assert quotas.fails("below", found.ratio or 0, 1.3)


def test_pue_of_uneven_months_is_no_mean_of_ratios() -> None:
    year = [pue.Month(1.2e6, 1e6)] * 6 + [pue.Month(1.6 * 200_000, 200_000)] * 6
    assert pue.assess(year, "pdu_output").ratio == pytest.approx(1.2667, abs=5e-5)


@pytest.mark.parametrize(
    ("year", "it_point", "code"),
    [
        ([pue.Month(13, 10)] * 11, "ups_output", "not_twelve_months"),
        ([pue.Month(13, 10)] * 11 + [pue.Month(13, 10, complete=False)], "ups_output", "not_twelve_months"),
        ([pue.Month(9, 10)] * 12, "ups_output", "pue_below_one"),
        ([pue.Month(13, None)] * 12, "ups_output", "it_missing"),
        ([pue.Month(13, 0)] * 12, "ups_output", "it_missing"),
        ([pue.Month(13, 10)] * 12, "", "it_point_not_named"),
    ],
)
def test_what_is_no_pue_of_a_year_says_why(year: list[pue.Month], it_point: str, code: str) -> None:
    assert pue.assess(year, it_point).cannot == code


def test_maximum_demand_comes_from_quarters_summed_over_feeders() -> None:
    assert maximum_demand(np.array([[100.0, 100, 100, 500]])).kw == 2_000
    both = maximum_demand(np.array([[100.0, 300], [250, 40]]))
    assert (both.kw, both.index, both.at_least) == (1_400, 0, False)


@pytest.mark.parametrize("minutes", [30, 60])
def test_coarser_intervals_give_demand_only_at_least(minutes: int) -> None:
    found = maximum_demand(np.array([[500.0]]), minutes)
    assert (found.kw, found.at_least) == (500 * 60 / minutes, True)


def test_a_missing_feeder_makes_demand_at_least_and_none_at_all_is_unknown() -> None:
    assert maximum_demand(np.array([[100.0, 100], [np.nan, 100]])).at_least
    assert maximum_demand(np.array([[np.nan]])).kw is None


def test_intensity_falls_by_7_76_percent_with_feedstock_out_of_both_years() -> None:
    drop = reduction(Year(1_000, 500, "2020", 100), Year(1_030, 530, "2020", 150))
    assert drop == pytest.approx(0.0776, abs=5e-5)
    assert reduction(Year(1_000, 500, "2020"), Year(1_030, 530, "2020")) == pytest.approx(0.0283, abs=5e-5)
    assert reduction(Year(1_000, 500, "2020"), Year(1_030, 530, "2020", 150)) == pytest.approx(0.1698, abs=5e-5)


def test_intensities_in_prices_of_different_years_are_not_compared() -> None:
    assert reduction(Year(1_000, 500, "2020"), Year(1_000, 500, "2025")) == "price_bases_differ"
    assert reduction(Year(1_000, 500, "2020"), Year(1_000, 0, "2020")) == "no_output_value"


def test_energy_control_leads_until_2025_and_carbon_control_after() -> None:
    assert [control_in_force(day) for day in (date(2020, 12, 31), date(2025, 12, 31), date(2026, 1, 1))] == [
        None, "energy", "carbon"]  # fmt: skip


def test_the_required_drop_follows_the_five_year_path() -> None:
    assert required_drop(0.125, 1) == pytest.approx(0.02635, abs=5e-6)
    assert required_drop(0.08, 1) == pytest.approx(0.01654, abs=5e-6)


GOLDEN_WEEK = {date(2026, 10, day): "holiday" for day in range(1, 8)} | {date(2026, 10, 10): "workday"}


def test_the_third_working_day_of_october_2026_comes_after_the_holidays_and_a_worked_saturday() -> None:
    assert nth_workday(date(2026, 10, 15), 3, GOLDEN_WEEK) == date(2026, 10, 10)
    assert nth_workday(date(2026, 11, 1), 3, {}) == date(2026, 11, 4)
    assert is_workday(date(2026, 10, 10), GOLDEN_WEEK)


@given(st.dates(date(2020, 1, 1), date(2030, 1, 1)), st.integers(1, 40))
def test_a_deadline_is_a_working_day_with_so_many_before_it(day: date, n: int) -> None:
    due = add_workdays(day, n, GOLDEN_WEEK)
    between = [day + timedelta(days=1 + passed) for passed in range((due - day).days)]
    assert sum(is_workday(each, GOLDEN_WEEK) for each in between) == n
    assert is_workday(due, GOLDEN_WEEK)


@given(st.lists(st.floats(0, 1e6), min_size=0, max_size=12), st.floats(0, 1e7), st.integers(0, 365))
def test_a_path_ends_at_the_quota_and_passes_through_its_budgets(plan: list[float], rest: float, passed: int) -> None:
    budgets, limit = months(*plan), sum(plan) + (rest if len(plan) < 12 else 0)
    assert path_to_date(limit, YEAR, budgets, YEAR.until) == pytest.approx(limit)
    day = YEAR.first + timedelta(days=passed)
    assert path_to_date(limit, YEAR, budgets, day) <= limit * (1 + 1e-9) + 1e-6

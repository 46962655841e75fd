"""Domain rules 1 to 5 and 20: what counts, on which basis, what is only shown. Numbers as in the rules."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy.usage import Coefficients, Component, Converted, Parts, component, convert

ELECTRICITY = (0.1229, 0.3016, 0.5306, False, False)
COAL = (0.7143, 0.7143, 2.0, False, True)
GAS = (1.2143, 1.2143, 2.16, False, True)
HEAT = (0.03412, 0.03412, 0.11, False, False)
WATER = (np.nan, 0.2571, np.nan, True, False)

Line = tuple[tuple[float, float, float, bool, bool], float, float, float, float]


def line(
    factors: tuple[float, float, float, bool, bool],
    bought: float = 0,
    renewable: float = 0,
    exported: float = 0,
    feedstock: float = 0,
) -> Line:
    return factors, bought, renewable, exported, feedstock


def enterprise(*lines: Line) -> Converted:
    columns = [np.array(column) for column in zip(*(factors for factors, *_ in lines), strict=True)]
    parts = Parts(*(np.array(column, dtype=float) for column in zip(*(rest for _, *rest in lines), strict=True)))
    return convert(parts, Coefficients(*columns))


def test_one_purchase_has_two_totals_that_differ_and_each_says_its_basis() -> None:
    figures = enterprise(line(ELECTRICITY, 12_000), line(COAL, 10_000), line(HEAT, 100_000))
    assert figures.tce_equivalent.sum() == pytest.approx(12.0298, rel=1e-12)
    assert figures.tce_equal_value.sum() == pytest.approx(14.1742, rel=1e-12)


def test_bought_water_enters_only_the_total_of_gb_t_2589() -> None:
    figures = enterprise(line(COAL, 10e6), line(ELECTRICITY, 5e6), line(WATER, 50_000))
    assert figures.tce_equivalent.sum() == pytest.approx(7_757.5)
    assert figures.tce_equivalent.sum() + np.nansum(figures.tce_medium) == pytest.approx(7_770.355)
    assert figures.tce_equal_value[2] == 0


def test_power_made_from_own_coal_is_not_counted_twice_and_sold_power_leaves_at_its_heat_content() -> None:
    assert not component("generation_fuel", 1, True, False).counts
    figures = enterprise(line(COAL, 10e6), line(ELECTRICITY, exported=5e6))
    assert figures.tce_equivalent.sum() == pytest.approx(6_528.5)


def test_coal_that_becomes_power_inside_counts_once() -> None:
    """EC-45: coal of 100 tce in, 30 tce of electricity made and used inside: 100, not 130."""
    assert component("generation_fuel", 1, True, False).sign == 0
    assert enterprise(line(COAL, 100_000 / 0.7143)).tce_equivalent.sum() == pytest.approx(100)


def test_own_solar_power_counts_leaves_the_assessed_figure_and_carries_no_grid_factor() -> None:
    figures = enterprise(line(ELECTRICITY, 1_000_000, renewable=200_000, exported=50_000))
    assert figures.tce_equivalent[0] == pytest.approx(141.335)
    assert figures.tce_assessed[0] == pytest.approx(122.900)
    assert figures.tco2[0] == pytest.approx(530.6)


def test_what_is_exported_beyond_the_own_renewable_generation_is_bought_power_passed_on() -> None:
    figures = enterprise(line(ELECTRICITY, 1_000, renewable=200, exported=300))
    assert figures.tco2[0] == pytest.approx(0.9 * 0.5306)
    assert figures.tce_assessed[0] == pytest.approx(figures.tce_equivalent[0])


def test_feedstock_leaves_the_assessed_figure_only_and_has_no_combustion_factor() -> None:
    figures = enterprise(line(GAS, 9e6, feedstock=6e6), line(ELECTRICITY, 6e6))
    assert figures.tce_equivalent.sum() == pytest.approx(11_666.1)
    assert figures.tce_equivalent.sum() * 1000 / 10_000 == pytest.approx(1_166.61)
    assert figures.tce_assessed.sum() == pytest.approx(4_380.3)
    assert figures.tco2[0] == pytest.approx(3e6 * 2.16 / 1000)


def test_12000_kwh_and_1_2_wan_kwh_are_the_same_tce() -> None:
    """EC-38, the unit conversion itself being done at import."""
    assert enterprise(line(ELECTRICITY, 1.2 * 10_000)).tce_equivalent[0] == pytest.approx(1.4748)


@pytest.mark.parametrize("unknown", ["bought", "renewable", "exported"])
def test_an_unknown_part_makes_the_figures_unknown_never_zero(unknown: str) -> None:
    figures = enterprise(line(ELECTRICITY, **{unknown: np.nan}))
    assert np.isnan([figures.tce_equivalent, figures.tce_equal_value, figures.tce_assessed, figures.tco2]).all()


def test_a_missing_factor_leaves_only_its_own_figure_unknown() -> None:
    figures = enterprise(line((0.7143, 0.7143, np.nan, False, True), 1_000))
    assert figures.tce_equivalent[0] == pytest.approx(0.7143)
    assert np.isnan(figures.tco2[0])


def test_unknown_water_does_not_make_the_statistical_total_unknown() -> None:
    figures = enterprise(line(ELECTRICITY, 1_000), line(WATER, np.nan))
    assert figures.tce_equivalent.sum() == pytest.approx(0.1229)
    assert np.isnan(figures.tce_medium[1])


@pytest.mark.parametrize(
    ("role", "level", "declared", "parent_counts", "expected"),
    [
        ("consumption", 1, None, False, {"bought": 1}),
        ("consumption", 1, False, False, {}),  # the check meter beside a main meter
        ("consumption", 2, None, True, {}),
        ("consumption", 2, True, False, {"bought": 1}),
        ("dc_total", 1, None, False, {"bought": 1}),
        ("dc_total", 2, None, True, {}),
        ("it_load", 1, True, False, {}),
        ("generation_renewable", 1, None, False, {"renewable": 1}),
        ("generation_renewable", 2, True, False, {"renewable": 1}),  # behind the meter: no level-1 meter sees it
        ("generation_renewable", 2, None, False, {}),
        ("generation_recovery", 1, True, False, {}),
        ("recovery", 1, True, False, {}),
        ("storage_charge", 1, None, False, {}),
        ("storage_discharge", 1, True, False, {}),
        ("export", 1, None, True, {"exported": 1}),
        ("resale", 2, True, True, {"exported": 1}),
        ("feedstock", 2, None, True, {"feedstock": 1}),
        ("feedstock", 2, False, True, {"feedstock": 1}),  # it adds nothing of its own, and still splits its parent
        ("feedstock", 1, None, False, {"bought": 1, "feedstock": 1}),
        ("feedstock", 2, None, False, {}),
    ],
)
def test_what_counts_is_declared_and_depends_on_the_role(
    role: str, level: int, declared: bool | None, parent_counts: bool, expected: dict[str, int]
) -> None:
    found = component(role, level, declared, parent_counts)
    assert found == Component(**expected, reason=found.reason)
    assert found.reason


def test_an_unknown_role_is_refused_with_the_right_ones() -> None:
    with pytest.raises(ValueError, match=r"'consume' is unknown; it is one of consumption, export"):
        component("consume", 1, True, False)


amounts = st.floats(0, 1e9)


@given(amounts, amounts, amounts)
def test_assessed_never_exceeds_measured_and_self_use_never_exceeds_generation(b: float, r: float, e: float) -> None:
    figures = enterprise(line(ELECTRICITY, b, r, e))
    assert figures.tce_assessed[0] <= figures.tce_equivalent[0] + 1e-9
    assert Parts(*(np.array([x]) for x in (b, r, e, 0.0))).self_used_renewable[0] <= r

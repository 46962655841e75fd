"""Domain rules 9 to 13: unit energy of product lines, and the separate lines it is held against."""

from datetime import date

import pytest

from energy import bounds
from energy.bounds import Bounds
from energy.levels import Kind, Line, Outcome, Plant, Record, benchmark_share, compare, lines, weighted_limit
from energy.product_energy import Input, ProcessMeter, line_energy, process_meters, total, unit_energy

PLAIN = Plant({})
NOTICE = "发改产业〔2023〕723号"


def record(record_id: str, standard: str, effective: date | None, product: str, values: dict[Kind, float],
           **more: str) -> Record:  # fmt: skip
    return Record(
        record_id, standard, effective, more.get("replaces", ""), product, more.get("condition", ""), "综合能耗",
        more.get("unit", "kgce/t"), more.get("better", "lower"), values, None, more.get("note", ""),
        more.get("confidence", "sourced"))  # fmt: skip


FURNACE = record("GB212562025-03", "GB 21256-2025", date(2026, 7, 1), "高炉",
                 {Kind.ADVANCED: 361, Kind.ACCESS: 370, Kind.LIMIT: 415}, replaces="GB 21256-2013; GB 32050-2015",
                 note="blast furnace")  # fmt: skip
FURNACE_NOTICE = record("723-37", NOTICE, date(2023, 7, 1), "高炉工序", {Kind.BENCHMARK: 361, Kind.BASELINE: 435})
CONVERTER = record("GB212562025-04", "GB 21256-2025", date(2026, 7, 1), "转炉", {Kind.LIMIT: -12, Kind.ADVANCED: -30})
CONVERTER_NOTICE = record("723-38", NOTICE, date(2023, 7, 1), "转炉工序", {Kind.BASELINE: -10})
CEMENT = record("GB167802021-01", "GB 16780-2021", date(2022, 11, 1), "水泥",
                {Kind.ADVANCED: 80, Kind.ACCESS: 87, Kind.LIMIT: 94}, condition="通用硅酸盐水泥")  # fmt: skip
CLINKER = record("GB167802021-02", "GB 16780-2021", date(2022, 11, 1), "水泥熟料", {Kind.LIMIT: 117})
GLASS = record("GB213402019-02", "GB 21340-2019", date(2020, 5, 1), "平板玻璃", {Kind.LIMIT: 12, Kind.ADVANCED: 9.5},
               unit="kgce/重量箱", note="limit value is multiplied")  # fmt: skip


def outcomes(value: float, records: list[Record], on: date, plant: Plant = PLAIN) -> dict[Kind, Outcome]:
    found, _ = lines(records, records, on, plant)
    return {line.kind: compare(value, line).outcome for line in found}


def one(source: Record, kind: Kind, plant: Plant) -> Line:
    found, _ = lines([source], [source], date(2026, 9, 30), plant)
    return next(line for line in found if line.kind is kind)


def test_a_blast_furnace_breaks_the_limit_and_meets_the_baseline_at_once() -> None:
    found = outcomes(420, [FURNACE, FURNACE_NOTICE], date(2026, 9, 30))
    assert found[Kind.LIMIT] is Outcome.NOT_MET
    assert found[Kind.BASELINE] is Outcome.MET
    assert found[Kind.BENCHMARK] is Outcome.NOT_MET


def test_a_converter_at_minus_11_is_over_its_limit_of_minus_12_and_within_its_baseline() -> None:
    found = outcomes(-11, [CONVERTER, CONVERTER_NOTICE], date(2026, 9, 30))
    assert (found[Kind.LIMIT], found[Kind.BASELINE]) == (Outcome.NOT_MET, Outcome.MET)
    assert compare(-11, one(CONVERTER, Kind.LIMIT, PLAIN)).margin == pytest.approx(-1)


def test_in_march_2026_the_edition_of_july_is_not_in_force_and_none_other_is_loaded() -> None:
    assert lines([FURNACE], [FURNACE], date(2026, 3, 31), PLAIN) == ((), "edition_not_loaded")
    assert lines([FURNACE], [FURNACE], date(2026, 7, 1), PLAIN)[1] is None


def test_an_edition_ends_on_the_day_its_successor_begins() -> None:
    old = record("GB212562013-03", "GB 21256-2013", date(2014, 10, 1), "高炉", {Kind.LIMIT: 435})
    listed, every = [old, FURNACE], [old, FURNACE]
    assert [line.value for line in lines(listed, every, date(2026, 6, 30), PLAIN)[0]] == [435]
    assert [line.document for line in lines(listed, every, date(2026, 7, 1), PLAIN)[0]] == ["GB 21256-2025"] * 3
    assert lines([old], every, date(2026, 7, 1), PLAIN) == ((), "edition_not_loaded")


def test_a_product_without_named_levels_says_so() -> None:
    assert lines([], [FURNACE], date(2026, 9, 30), PLAIN) == ((), "no_level_named")


def test_equality_meets_the_line() -> None:
    assert outcomes(415, [FURNACE], date(2026, 9, 30))[Kind.LIMIT] is Outcome.MET


def test_a_share_that_should_be_high_is_judged_the_other_way_round() -> None:
    green = record("dc-07", "专项行动计划", None, "数据中心", {Kind.BASELINE: 80}, better="higher", unit="%")
    assert outcomes(79, [green], date(2026, 9, 30)) == {Kind.BASELINE: Outcome.NOT_MET}
    assert compare(82, one(green, Kind.BASELINE, PLAIN)).margin == pytest.approx(2)


def test_a_recalled_row_is_shown_and_never_enforced() -> None:
    recalled = record("723-30", NOTICE, date(2023, 7, 1), "水泥熟料", {Kind.BASELINE: 117}, confidence="recalled")
    line = one(recalled, Kind.BASELINE, PLAIN)
    assert not line.enforced
    assert compare(120, line).outcome is Outcome.NOT_MET


def test_cement_is_corrected_for_its_clinker_ratio_before_it_is_compared() -> None:
    plant = Plant({"clinker_ratio_pct": 80})
    assert one(CEMENT, Kind.LIMIT, plant).value == pytest.approx(100)
    assert one(CEMENT, Kind.ACCESS, plant).value == pytest.approx(92.75)
    assert one(CEMENT, Kind.ADVANCED, plant).value == pytest.approx(85.5)
    assert one(CEMENT, Kind.LIMIT, plant).applied == ("clinker_ratio_pct",)


def test_cement_without_its_clinker_ratio_cannot_be_judged() -> None:
    line = one(CEMENT, Kind.LIMIT, PLAIN)
    assert (line.cannot, line.missing) == ("parameter_missing", "clinker_ratio_pct")
    assert compare(90, line).outcome is Outcome.NOT_ASSESSABLE


def test_thin_air_above_1500_m_moves_the_limit_and_needs_the_pressure() -> None:
    high = Plant({"pressure_pa": 80_000}, altitude_m=2_000)
    assert one(CLINKER, Kind.LIMIT, high).value == pytest.approx(117 * (1.179 - 0.211 * 80_000 / 101_325))
    assert one(CLINKER, Kind.LIMIT, Plant({}, altitude_m=2_000)).missing == "pressure_pa"
    assert one(CLINKER, Kind.LIMIT, Plant({"pressure_pa": 80_000}, altitude_m=1_500)).value == 117


def test_poor_ore_is_an_allowance_for_five_points_at_most_and_only_when_claimed() -> None:
    assert one(FURNACE, Kind.LIMIT, PLAIN).value == 415
    assert one(FURNACE, Kind.LIMIT, Plant({"ore_grade_pct": 60})).value == pytest.approx(415 + 2 * 3.61)
    assert one(FURNACE, Kind.LIMIT, Plant({"ore_grade_pct": 50})).value == pytest.approx(415 + 5 * 3.61)


def test_the_limit_of_flat_glass_needs_its_factor_and_the_advanced_value_does_not() -> None:
    assert one(GLASS, Kind.LIMIT, PLAIN).missing == "limit_factor"
    assert one(GLASS, Kind.LIMIT, Plant({"limit_factor": 1.05})).value == pytest.approx(12.6)
    assert one(GLASS, Kind.ADVANCED, PLAIN).cannot is None


def test_clinker_and_cement_have_each_their_own_unit_energy() -> None:
    fuel, power = bounds.known(10_000_000), bounds.known(5.5e6 * 0.1229)
    clinker = unit_energy(total([fuel, power]), 100_000)
    assert clinker.value is not None
    assert clinker.value.value == pytest.approx(106.7595)
    cement = unit_energy(bounds.known(3.6e6 * 0.1229), 120_000, inputs=[Input(90_000, clinker.value)])
    assert cement.value is not None
    assert cement.value.value == pytest.approx(83.756625)


def test_feedstock_is_never_deducted_from_unit_energy() -> None:
    whole = unit_energy(bounds.known(11_666_100), 10_000)
    assert whole.value is not None
    assert whole.value.value == pytest.approx(1_166.61)


def test_a_line_that_stood_still_is_not_assessable_and_shows_its_standby_energy() -> None:
    """EC-53: energy 500, output 0."""
    still = unit_energy(bounds.known(500), 0)
    assert (still.value, still.cannot, still.energy) == (None, "output_zero", bounds.known(500))
    assert unit_energy(bounds.known(500), None).cannot == "output_missing"
    assert unit_energy(None, 10).cannot == "no_process_energy"


def test_a_month_is_information_and_twelve_judge() -> None:
    assert not unit_energy(bounds.known(500), 10, months=1).judges
    assert unit_energy(bounds.known(500), 10, months=12).judges


def test_the_enterprise_total_is_no_line_energy_where_there_are_two_products() -> None:
    whole = bounds.known(1_000)
    assert line_energy("whole_enterprise", None, whole, None, 2) == "two_products"
    assert line_energy("whole_enterprise", None, whole, None, 1) == whole
    assert line_energy("allocated", None, whole, 0.3, 2) == bounds.known(300)
    assert line_energy("allocated", None, whole, None, 2) == "share_not_stated"
    assert line_energy("process_meters", None, whole, None, 1) == "no_process_meter"
    assert line_energy("by_guess", None, whole, None, 1) == "energy_rule_unknown"


def meter(
    number: int, role: str = "consumption", process: str = "kiln", parent: str = "", product: str = ""
) -> ProcessMeter:
    return ProcessMeter(number, f"M{number}", role, process, product, parent)


def test_a_lines_meters_are_found_by_process_and_a_meter_inside_another_is_left_out() -> None:
    inner, other, part = meter(2, parent="M1"), meter(3, process="mill"), meter(4, "feedstock", parent="M2")
    assert process_meters([meter(1), inner, other, part], "clinker", "kiln") == {1: 1}


def test_gas_given_back_is_subtracted_so_that_a_converter_can_be_negative() -> None:
    found = process_meters([meter(1), meter(2, "recovery"), meter(3, "storage_charge")], "steel", "kiln")
    assert found == {1: 1, 2: -1}
    energy = bounds.known(20).minus(bounds.known(31))
    assert unit_energy(energy, 1).value == bounds.known(-11)


def test_a_meter_of_another_product_in_the_same_process_is_not_ours() -> None:
    assert process_meters([meter(1, product="lime"), meter(2, product="clinker", process="")], "clinker", "kiln") == {
        2: 1
    }


def test_parents_in_a_circle_end_the_search() -> None:
    assert process_meters(
        [meter(1, process="x", parent="M2"), meter(2, process="x", parent="M1"), meter(3)], "p", "kiln"
    ) == {3: 1}


def test_unknown_recovery_leaves_no_lower_bound() -> None:
    found = bounds.known(20).minus(Bounds(5, 5, float("inf")))
    assert (found.low, found.high) == (float("-inf"), 15)


def test_benchmark_share_goes_by_capacity_and_without_capacity_there_is_no_figure() -> None:
    assert benchmark_share([(3_000, True), (1_000, False)]) == pytest.approx(0.75)
    assert benchmark_share([(3_000, True), (None, False)]) is None


def test_the_limit_of_mixed_products_is_the_output_weighted_mean() -> None:
    """EC-54."""
    assert weighted_limit([(100, 117), (300, 94)]) == pytest.approx(99.75)
    assert weighted_limit([]) is None

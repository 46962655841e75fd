"""Detectors on an invented works: each kind of oddity is found where it was put, and nothing where none was."""

from datetime import UTC, date, datetime

import numpy as np
import pytest

from energy import detectors
from energy.detectors import DAY, Series
from energy.registers import HOUR, MINUTE, Floats, Ints
from storage.arrays import micros
from storage.data_quality import rules
from tests.quality_series import Measured, invented

JUNE = 92 * 96  # the slot at which June begins
MIDNIGHT = micros(datetime(2026, 10, 1, tzinfo=UTC)) - 8 * HOUR


def june(values: Floats) -> list[str]:
    return [one.name for one in invented().with_values(values).findings("2026-06")]


@pytest.fixture
def load() -> Floats:
    return invented().values.copy()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("minutes", [15, 60])
def test_an_honest_works_raises_nothing(seed: int, minutes: int) -> None:
    works = invented(seed=seed, minutes=minutes)
    assert [works.findings(month.name) for month in works.months()[:6]] == [[]] * 6


@pytest.mark.parametrize("hours", [24, 48, 100])
def test_whole_days_of_zero_inside_a_running_load(load: Floats, hours: int) -> None:
    load[JUNE + 400 : JUNE + 400 + 4 * hours] = 0
    (found,) = invented().with_values(load).findings("2026-06")
    assert (found.name, found.count, found.until - found.since) == ("zero_days", 4 * hours, hours * HOUR)


def test_ec24_single_zeros_of_a_load_that_never_stands_still(load: Floats) -> None:
    load[JUNE + 500] = 0
    assert june(load) == ["null_as_zero"]
    load[JUNE + 500 : JUNE + 520] = 0
    assert june(load) == ["zero_run"]


def test_zeros_that_come_and_go_are_one_fault(load: Floats) -> None:
    load[JUNE + 400 : JUNE + 800] = 0
    load[JUNE + 500 : JUNE + 510] = 80
    (found,) = [one for one in invented().with_values(load).findings("2026-06") if one.name == "zero_days"]
    assert found.count == 390


def test_a_load_that_pauses_every_night_may_pause(load: Floats) -> None:
    load[load < 100] = 0
    assert june(load) == []


def test_a_load_that_pauses_at_night_is_asked_about_a_day_of_zeros(load: Floats) -> None:
    hour = np.arange(len(load)) // 4 % 24
    load[(hour < 5) | (hour > 21)] = 0
    load[JUNE + 4 * 24 : JUNE + 4 * 48] = 0
    assert june(load) == ["zero_days"]


def test_ec9_a_coarse_register_is_not_stuck() -> None:
    """Steps of 80 kWh at a mean of 64 kW: 0, 0, 0, 0, 80."""
    values = np.tile([0.0, 0, 0, 0, 80], 200 * 96 // 5)
    assert june(values) == []


def test_ec25_a_register_that_stands_still_much_longer_than_its_own_steps() -> None:
    values = np.tile([0.0, 0, 0, 0, 80], 200 * 96 // 5)
    values[JUNE + 960 : JUNE + 960 + 96] = 0
    assert june(values) == ["zero_days"]


@pytest.mark.parametrize("hours", [8, 24, 72])
def test_ec25_a_value_that_does_not_move(load: Floats, hours: int) -> None:
    load[JUNE + 400 : JUNE + 400 + 4 * hours] = load[JUNE + 400]
    assert june(load) == ["constant"]


def test_a_coarse_display_repeats_itself_honestly(load: Floats) -> None:
    assert june(np.round(load / 20) * 20) == []


@pytest.mark.parametrize("hours", [12, 24, 72])
def test_a_copy_of_another_day(load: Floats, hours: int) -> None:
    since = JUNE + 10 * 96
    load[since : since + 4 * hours] = load[since - 7 * 96 : since - 7 * 96 + 4 * hours]
    assert june(load) == ["copied"]


@pytest.mark.parametrize("unit", [10.0, 100.0])
def test_round_numbers_on_a_fine_meter(load: Floats, unit: float) -> None:
    load[JUNE + 400 : JUNE + 400 + 48] = np.maximum(unit, np.round(load[JUNE + 400 : JUNE + 448] / unit) * unit)
    assert "round_numbers" in june(load)


def test_typed_values_are_no_finding_on_a_meter_that_was_always_so(load: Floats) -> None:
    assert june(np.round(load / 10) * 10) == []


@pytest.mark.parametrize("factor", [5, 20, 1000])
def test_a_burst_far_above_the_high_days(load: Floats, factor: int) -> None:
    load[JUNE + 40 * 4 : JUNE + 40 * 4 + 6] *= factor
    (found,) = invented().with_values(load).findings("2026-06")
    assert (found.name, found.count) == ("spike", 6)


def test_the_first_value_of_a_month_that_covers_half_an_hour() -> None:
    works = invented(minutes=60)
    works.values[92 * 24] = works.values[92 * 24 - 1] / 2
    assert [one.name for one in works.findings("2026-06")] == ["half_value"]


@pytest.mark.parametrize(("factor", "name"), [(2.0, "level_shift"), (10.0, "unit_suspect"), (1000.0, "unit_suspect")])
def test_ec38_a_lasting_factor(load: Floats, factor: float, name: str) -> None:
    load[JUNE + 9 * 96 :] *= factor
    found = [one for one in invented().with_values(load).findings("2026-06") if one.name == name]
    assert [abs((one.since - invented().begin) // DAY - 101) <= 1 for one in found] == [True]


@pytest.mark.parametrize("power", [-4, -3, -2, -1, 1, 2, 3, 4])
def test_ec38_a_jump_by_exactly_a_power_of_ten_is_a_suspect_unit_and_names_the_power(load: Floats, power: int) -> None:
    load[JUNE + 9 * 96 :] *= 10.0**power
    (told,) = [one.evidence for one in invented().with_values(load).findings("2026-06") if one.name == "unit_suspect"]
    assert f"about 10^{power}" in told


def test_ec38_a_power_of_ten_is_told_after_a_week_already() -> None:
    works = invented(days=92 + 17)
    works.values[JUNE + 9 * 96 :] *= 1000
    (told,) = [one.evidence for one in works.findings("2026-06") if one.name == "unit_suspect"]
    assert "about 10^3" in told


def test_a_closure_of_three_weeks_is_no_lasting_factor(load: Floats) -> None:
    load[JUNE + 5 * 96 : JUNE + 26 * 96] = np.round(load[JUNE + 5 * 96 : JUNE + 26 * 96] * 0.2, 1)
    assert "level_shift" not in june(load) and "unit_suspect" not in june(load)


def test_a_month_on_another_level_than_in_other_years() -> None:
    works = invented(days=800, minutes=60)
    works.values[: 400 * 24] *= 17
    (found,) = works.findings("2026-06")
    assert found.name == "unit_suspect" and "a year later" in found.evidence


def test_ec49_negative_amounts_and_ec12_nothing_but_negative_ones(load: Floats) -> None:
    load[JUNE + 400 : JUNE + 410] *= -1
    assert "negative" in june(load)
    assert "reverse_wiring" in june(-np.abs(load))


def register(day_total: bool) -> tuple[Ints, Floats]:
    time = MIDNIGHT + np.arange(10 * 96, dtype=np.int64) * 15 * MINUTE
    value: Floats = np.arange(0.0, 4800.0, 5.0)
    return time, value % 480 if day_total else value


def test_ec10_a_register_that_falls_every_midnight_sends_totals_of_the_day() -> None:
    (found,) = detectors.falls(*register(True), MIDNIGHT, rules()["falls"])
    assert (found.name, found.count) == ("falls_at_midnight", 9)
    assert detectors.falls(*register(False), MIDNIGHT, rules()["falls"]) == []


def test_ec10_a_register_that_falls_again_and_again_is_none() -> None:
    time, _ = register(False)
    (found,) = detectors.falls(time, np.random.default_rng(1).random(len(time)), MIDNIGHT, rules()["falls"])
    assert found.name == "not_cumulative"


@pytest.mark.parametrize("minutes", [15, 60])
def test_ec10_a_register_that_is_declared_as_amounts_is_a_running_total(minutes: int) -> None:
    works = invented(minutes=minutes)
    total = 5_000 + np.cumsum(works.values)
    (found,) = [one for one in works.with_values(total).findings("2026-06") if one.name == "running_total"]
    assert found.count == 30 * DAY // (minutes * MINUTE) and "a cumulative register is sent" in found.evidence


def test_ec10_amounts_that_grow_for_a_day_or_hold_their_level_are_no_running_total(load: Floats) -> None:
    load[JUNE : JUNE + 96] = np.linspace(50, 150, 96)
    assert "running_total" not in june(load)
    load[JUNE : JUNE + 30 * 96] = np.repeat(100.0 + np.arange(30), 96)
    assert "running_total" not in june(load)


def test_a_register_that_was_reset_twice_is_not_mistaken() -> None:
    time, value = register(False)
    value[300:] -= 1000
    value[600:] -= 1000
    assert detectors.falls(time, value, MIDNIGHT, rules()["falls"]) == []


def test_edits_in_the_last_days_of_the_month() -> None:
    lines, until = rules()["edits"], MIDNIGHT + 31 * DAY
    early = MIDNIGHT + np.arange(0, 28, 7, dtype=np.int64) * DAY
    late = until - np.arange(1, 9, dtype=np.int64) * 6 * HOUR
    (found,) = detectors.edits(np.concatenate([early, late]), MIDNIGHT, until, lines)
    assert (found.name, found.count) == ("edits_before_month_end", 8)
    evenly = MIDNIGHT + np.arange(0, 31, dtype=np.int64) * DAY
    assert detectors.edits(evenly, MIDNIGHT, until, lines) == []


def test_a_load_that_ignores_production() -> None:
    output, energy = np.array([100.0, 98, 103, 99, 101, 50]), np.array([10.0, 10.1, 9.9, 10, 10, 10.05])
    (found,) = detectors.ignores_production(output, energy, 0, 1, rules()["production"])
    assert "-50%" in found.evidence
    energy[-1] = 6
    assert detectors.ignores_production(output, energy, 0, 1, rules()["production"]) == []
    assert detectors.ignores_production(output[2:], energy[2:], 0, 1, rules()["production"]) == []


def test_ec18_a_clock_that_is_ahead_or_behind() -> None:
    def told(offset: float) -> str | None:
        said = detectors.clock(offset + np.arange(0.0, 200.0, 10.0), 60)
        return said.name if said else None

    assert [told(offset) for offset in (5, -400, 90)] == [None, "clock_ahead", "clock_behind"]


def test_many_short_gaps_are_told_together() -> None:
    values = np.ones(31 * 96)
    values[::50] = np.nan
    values[200:300] = np.nan
    found = detectors.gaps(Series(MIDNIGHT, 15 * MINUTE, values, 0, len(values)), 5)
    assert len(found) == 6 and sum(one.count for one in found) == np.isnan(values).sum()
    assert max(one.count for one in found[:5]) == 101


def test_the_step_of_a_display_is_recognised() -> None:
    random = np.random.default_rng(1)
    for step in (0.01, 0.4, 2.0, 80.0):
        assert detectors.resolution(np.array([step * n for n in random.integers(1, 900, 500)])) == pytest.approx(step)


def test_every_finding_has_a_severity_and_every_line_a_reason() -> None:
    assert set(rules()["severity"].values()) == {"info", "notice", "warning", "duty"}
    assert sum(rules()["weights"].values()) == 100 and "not law" in rules()["origin"]


def test_a_grid_begins_where_its_first_day_does() -> None:
    works: Measured = invented()
    assert works.first == date(2026, 3, 1) and works.months()[0].name == "2026-03"

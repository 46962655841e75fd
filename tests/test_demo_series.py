"""The sample province's readings: deterministic, seamless, and with exactly the faults that its file lists."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from enermon.demo import sample, series
from enermon.demo.series import Fault, Load, Province, Readings

ANCHOR = datetime(2026, 11, 21, 2, tzinfo=UTC)
SHANGHAI = ZoneInfo("Asia/Shanghai")


def province(**changes: Any) -> Province:
    whole = Province(series.read_loads(sample.FOLDER), series.read_faults(sample.FOLDER), ANCHOR, 7, SHANGHAI)
    return replace(whole, **changes)


def plant(*loads: Load, faults: tuple[Fault, ...] = ()) -> Province:
    return province(loads=loads, faults=faults)


def load(meter: str = "E-01", **changes: Any) -> Load:
    plain = Load("X01", meter, "register", "end", 60, 1.0, None, "", "consumption", "G1", "flat", 60.0, 1000.0)
    return replace(plain, **changes)


def fault(what: str, hours_before: float, hours: float = 1.0, value: float = 0.0) -> Fault:
    return Fault("X01", "G1", "E-01", what, hours_before, hours, value)


def of(readings: Readings, number: int = 0) -> tuple[np.ndarray, np.ndarray]:
    mine = readings.load == number
    return readings.time[mine], readings.value[mine]


@pytest.fixture(scope="module")
def whole() -> Readings:
    return series.history(province(), ANCHOR)


def test_thirteen_months_of_the_province_are_about_three_and_a_half_million_readings(whole: Readings) -> None:
    assert 3_200_000 < len(whole) < 3_700_000
    assert datetime.fromtimestamp(int(whole.time[-1]), UTC) == ANCHOR
    assert datetime.fromtimestamp(int(whole.time[0]), UTC) <= datetime(2025, 10, 21, 3, tzinfo=UTC)
    assert np.all(np.diff(whole.time) >= 0)
    assert np.all(np.isfinite(whole.value)) and whole.value.min() >= 0


def test_the_same_seed_gives_the_same_readings_and_another_seed_others() -> None:
    one, again = (series.history(plant(load()), ANCHOR) for _ in range(2))
    other = series.history(replace(plant(load()), seed=8), ANCHOR)
    assert np.array_equal(one.value, again.value)
    assert not np.array_equal(one.value, other.value)


def test_time_going_on_never_changes_what_was_read_before() -> None:
    """A second start a day later finds its own readings again and only adds to them."""
    meters = (load(), load("P-01", kind="power", shape="sun"))
    first = series.history(plant(*meters), ANCHOR)
    later = series.history(plant(*meters), ANCHOR + timedelta(days=1))
    assert np.array_equal(later.value[: len(first)], first.value)
    assert len(later) == len(first) + 96 + 24


def test_live_readings_continue_the_history_exactly() -> None:
    """On the quarter hours what is published live is what a later backfill would load, a duplicate."""
    meters = (load(), load("C-01", kind="interval", shape="kiln"), load("P-01", kind="power", label="start"))
    quarters = [ANCHOR + timedelta(minutes=15 * i) for i in range(1, 9)]
    live = Counter(
        (meter, stamp, value)
        for _, messages in series.moments(plant(*meters), quarters)
        for meter, (stamp, value) in messages["X01", "G1"].items()
    )
    loaded = series.history(plant(*meters), quarters[-1])
    new = loaded.time > ANCHOR.timestamp() - 3600
    stored = {
        (meters[number].meter, datetime.fromtimestamp(int(time), UTC), float(value))
        for number, time, value in zip(loaded.load[new], loaded.time[new], loaded.value[new], strict=True)
    }
    assert set(live) <= stored
    assert Counter(meter for meter, _, _ in live) == {"E-01": 8, "C-01": 2, "P-01": 2}


def test_registers_are_read_hourly_and_in_the_last_month_by_quarter_hours() -> None:
    times, _ = of(series.history(plant(load()), ANCHOR))
    fine = times > province().fine_since.timestamp()
    assert set(np.diff(times[~fine])) == {3600}
    assert set(np.diff(times[fine])) == {900}


def test_a_main_meter_sees_its_children_less_what_is_generated_behind_it() -> None:
    meters = (
        load("main", mean=10.0),
        load("mill", parent="main", mean=50.0),
        load("sun", parent="main", mean=20.0, role="generation_renewable"),
    )
    readings = series.history(plant(*meters), ANCHOR)
    main, mill, sun = (values[-1] - values[0] for _, values in (of(readings, number) for number in range(3)))
    own = series.history(plant(load("main", mean=10.0)), ANCHOR).value
    assert main == pytest.approx(own[-1] - own[0] + mill - sun, abs=0.05)


def test_a_register_of_six_digits_starts_again_at_its_modulus() -> None:
    _, values = of(series.history(plant(load(start=999_000.0, register_max=1_000_000.0)), ANCHOR))
    assert np.sum(np.diff(values) < 0) == 1
    assert values.max() < 1_000_000 and values[-1] < values[0]


def test_a_reset_register_counts_on_from_its_new_value() -> None:
    times, values = of(series.history(plant(load(), faults=(fault("reset", 100, value=3.2),)), ANCHOR))
    at = int(np.searchsorted(times, ANCHOR.timestamp() - 100 * 3600))
    assert values[at - 1] > 100_000 and 3.2 < values[at] < 30
    assert np.all(np.diff(values[at:]) >= 0)


def test_an_exchanged_meter_begins_at_its_own_first_register_and_the_old_one_ends_where_it_stood() -> None:
    """EC-5: of the quarter hour in which it is exchanged both have counted their part."""
    whole = of(series.history(plant(load()), ANCHOR))[1]
    shown = plant(load(), faults=(fault("exchange", 100.6, value=3.2),))
    times, values = of(series.history(shown, ANCHOR))
    at = int(np.searchsorted(times, shown.before(100.6).timestamp()))
    final = series.final_register(shown, "X01", "E-01", shown.before(100.6))
    assert values[at - 1] < final < whole[at]
    assert values[at] - 3.2 == pytest.approx(whole[at] - final, abs=0.02)


def test_with_another_transformer_the_register_turns_slower_for_the_same_energy() -> None:
    """EC-7."""
    one, other = (of(series.history(plant(load(multiplier=20.0), faults=f), ANCHOR))[1]
                  for f in ((), (fault("multiplier", 100, value=40.0),)))  # fmt: skip
    assert np.array_equal(one[:-400], other[:-400])
    assert other[-1] - other[-401] == pytest.approx((one[-1] - one[-401]) / 2, abs=0.02)


def test_a_meter_adds_to_the_one_that_feeds_it_even_where_another_is_registered() -> None:
    rows = {(each.enterprise, each.meter): each for each in series.read_loads(sample.FOLDER)}
    assert rows["UNI01", "E-08"].parent == "E-02"


def test_a_gap_takes_readings_away_and_leaves_the_register_running() -> None:
    times, values = of(series.history(plant(load(), faults=(fault("gap", 50, hours=9),)), ANCHOR))
    begin = ANCHOR.timestamp() - 50 * 3600
    assert not np.any((times >= begin) & (times < begin + 9 * 3600))
    assert times[-1] == ANCHOR.timestamp()
    assert np.all(np.diff(values) >= 0)


def test_a_dip_is_one_false_value_among_true_ones() -> None:
    true = of(series.history(plant(load()), ANCHOR))[1]
    _, values = of(series.history(plant(load(), faults=(fault("dip", 20, hours=0.1, value=1.7),)), ANCHOR))
    assert values[values != true].tolist() == [1.7]


def test_a_silent_gateway_stays_silent_when_time_goes_on() -> None:
    silent = plant(load(), faults=(Fault("X01", "G1", "", "silent", 5, float("inf"), 0),))
    times, _ = of(series.history(silent, ANCHOR))
    assert times[-1] < ANCHOR.timestamp() - 5 * 3600
    later = [ANCHOR, ANCHOR + timedelta(days=40)]
    assert list(series.moments(silent, later)) == [(instant, {}) for instant in later]


def test_chunks_hold_everything_in_order_and_never_part_an_instant() -> None:
    readings = series.history(plant(load(), load("E-02")), ANCHOR)
    chunks = list(readings.chunks(1001))
    assert sum(map(len, chunks)) == len(readings)
    assert all(before.time[-1] < after.time[0] for before, after in pairwise(chunks))


def test_a_month_before_the_end_of_march_is_the_end_of_february() -> None:
    assert series.months_before(datetime(2026, 3, 31, 8, tzinfo=UTC), 1) == datetime(2026, 2, 28, 8, tzinfo=UTC)
    assert series.months_before(datetime(2027, 1, 15, tzinfo=UTC), 13) == datetime(2025, 12, 15, tzinfo=UTC)

"""Register arithmetic, told in the vectors of the edge-case list. Times are minutes, amounts kWh."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy import hours, registers
from energy.quality import Flag
from energy.registers import HOUR, MINUTE, Event, Kind, Meters, Readings

NAN = float("nan")


def meter(
    kind: Kind = Kind.REGISTER,
    scale: float = 1.0,
    modulus: float = NAN,
    rated_kw: float = NAN,
    interval: int = 15,
    starts: bool = False,
) -> Meters:
    return Meters(
        np.array([int(kind)]),
        np.array([scale]),
        np.array([modulus]),
        np.array([rated_kw]),
        np.array([interval * MINUTE]),
        np.array([starts]),
    )


def read(*points: tuple[float, float]) -> Readings:
    time = np.array([round(minute * MINUTE) for minute, _ in points], dtype=np.int64)
    value = np.array([value for _, value in points])
    zero = np.zeros(len(points), dtype=np.int64)
    return Readings(zero, time, value, zero)


def every(minutes: int, *values: float) -> Readings:
    return read(*[(minutes * number, value) for number, value in enumerate(values)])


def total(result: registers.Amounts) -> float:
    return float(np.nansum(result.pieces.amount))


def by_hour(result: registers.Amounts, meters: Meters, readings: Readings) -> hours.Hours:
    first = np.zeros(len(readings), dtype=bool)
    first[0] = True
    received = hours.count_received(readings, meters, first)
    return hours.sum_up(hours.cut(result.pieces, meters), received, np.ones(1, dtype=bool))


def test_ec1_a_register_passing_its_modulus_counts_on_and_says_so() -> None:
    result = registers.amounts(every(15, 999_998.50, 0.75), meter(modulus=1_000_000))
    assert result.pieces.amount.tolist() == [2.25]
    assert result.pieces.flags.tolist() == [Flag.ROLLOVER]


def test_ec1_a_fall_from_the_middle_of_the_register_is_no_rollover() -> None:
    result = registers.amounts(every(15, 500_000.0, 0.75), meter(modulus=1_000_000))
    assert result.pieces.flags.tolist() == [Flag.RESET]


def test_ec1_a_rollover_faster_than_the_rating_is_not_believed() -> None:
    result = registers.amounts(every(15, 95_000.0, 9_000.0), meter(modulus=100_000, rated_kw=50))
    assert result.pieces.flags.tolist() == [Flag.RESET]


def test_ec2_a_reset_is_bounded_never_negative_never_invented() -> None:
    result = registers.amounts(every(60, 5_000, 12), meter(rated_kw=100))
    assert np.isnan(result.pieces.amount).all()
    assert (result.pieces.low[0], result.pieces.high[0]) == (12, 100)
    assert result.pieces.flags.tolist() == [Flag.RESET]


def test_ec2_after_a_reset_the_meter_goes_on_counting() -> None:
    result = registers.amounts(every(60, 5_000, 12, 15, 19, 24), meter(rated_kw=100))
    assert total(result) == 12 and not len(result.undecided)


def test_ec3_a_dip_is_set_aside_and_the_total_is_last_minus_first() -> None:
    result = registers.amounts(every(15, 877.2, 3.1, 878.9), meter())
    assert total(result) == pytest.approx(1.7)
    assert result.set_aside.flag.tolist() == [Flag.DIP]
    assert result.pieces.flags.tolist() == [Flag.DIP]  # whoever reads the figure sees that something was set aside


def test_ec4_a_spike_is_set_aside_with_a_rating_and_without() -> None:
    for rated in (100.0, NAN):
        result = registers.amounts(every(15, 100, 999_999, 101), meter(rated_kw=rated))
        assert total(result) == 1
        assert result.set_aside.flag.tolist() == [Flag.SPIKE]
        assert result.pieces.flags.tolist() == [Flag.SPIKE]


def test_ec4_a_spike_at_the_end_waits_for_what_follows() -> None:
    result = registers.amounts(every(15, 100, 999_999), meter(rated_kw=100))
    assert len(result.pieces) == 0 and result.undecided.tolist() == [0]


def test_a_leap_that_stays_is_bounded_by_the_rating() -> None:
    result = registers.amounts(every(60, 100, 90_000, 90_001, 90_002, 90_003), meter(rated_kw=50))
    assert result.pieces.flags.tolist()[0] == Flag.OVER_RATE
    assert (result.pieces.low[0], result.pieces.high[0]) == (0, 50)
    assert total(result) == 3


def test_ec5_an_exchange_joins_final_and_initial_registers() -> None:
    exchange = Event(30 * MINUTE, "exchange", old_final=5_020, new_initial=3)
    result = registers.amounts(read((0, 5_000), (60, 8)), meter(), {0: (exchange,)})
    assert result.pieces.amount.tolist() == [20, 5]
    assert result.pieces.until.tolist() == [30 * MINUTE, 60 * MINUTE]
    assert (result.pieces.flags & Flag.EXCHANGE).all()


def test_ec5_an_exchange_without_its_final_register_is_bounded() -> None:
    exchange = Event(30 * MINUTE, "exchange", new_initial=3)
    result = registers.amounts(read((0, 5_000), (60, 8)), meter(rated_kw=100), {0: (exchange,)})
    assert total(result) == 5
    assert (result.pieces.low[0], result.pieces.high[0]) == (0, 50)


def test_ec6_the_first_reading_ever_is_no_energy() -> None:
    assert len(registers.amounts(every(15, 7_000), meter()).pieces) == 0


def test_ec7_the_multiplier_holds_from_its_instant() -> None:
    change = Event(15 * MINUTE, "multiplier", scale=60)
    result = registers.amounts(every(15, 10, 20, 30), meter(scale=40), {0: (change,)})
    assert result.pieces.amount.tolist() == [400, 600]


def test_ec7_a_multiplier_changed_between_readings_gives_bounds() -> None:
    change = Event(15 * MINUTE, "multiplier", scale=60)
    result = registers.amounts(every(30, 10, 20), meter(scale=40), {0: (change,)})
    assert (result.pieces.low[0], result.pieces.amount[0], result.pieces.high[0]) == (400, 500, 600)
    assert result.pieces.flags.tolist() == [Flag.MULTIPLIER]


def test_ec7_an_interval_meter_has_its_new_multiplier_from_its_instant_too() -> None:
    change = Event(22 * MINUTE, "multiplier", scale=60)
    result = registers.amounts(every(15, 10, 10, 10, 10), meter(Kind.INTERVAL, scale=40), {0: (change,)})
    assert result.pieces.amount.tolist() == pytest.approx([400, 400, 10 * (7 * 40 + 8 * 60) / 15, 600])
    assert (result.pieces.low[2], result.pieces.high[2]) == (400, 600)
    assert result.pieces.flags.tolist() == [0, 0, Flag.MULTIPLIER, 0]


def test_ec7_two_changes_between_two_readings_do_no_harm() -> None:
    changes = (Event(5 * MINUTE, "multiplier", scale=60), Event(10 * MINUTE, "multiplier", scale=80))
    result = registers.amounts(every(15, 10, 20, 30), meter(scale=40), {0: changes})
    assert result.pieces.flags.tolist() == [Flag.MULTIPLIER, 0] and result.pieces.amount[1] == 800


def test_ec21_the_total_over_a_gap_is_known_and_spread_over_its_hours() -> None:
    readings, meters = read((60, 100), (420, 700)), meter()
    rows = by_hour(registers.amounts(readings, meters), meters, readings)
    assert rows.amount.tolist() == [100] * 6
    assert rows.estimated.sum() == 600
    assert (rows.flags == Flag.GAP).all() and rows.peak_rate.max() == 100


def test_ec28_a_step_over_a_boundary_is_split_by_time() -> None:
    readings, meters = read((55, 100), (65, 160)), meter()
    rows = by_hour(registers.amounts(readings, meters), meters, readings)
    assert rows.amount.tolist() == [30, 30]
    assert rows.flags.tolist() == [Flag.INTERPOLATED] * 2


def test_a_reading_a_few_seconds_off_the_hour_needs_no_flag() -> None:
    readings, meters = read((45, 100), (60.2, 115), (75.2, 130)), meter()
    rows = by_hour(registers.amounts(readings, meters), meters, readings)
    assert rows.flags.tolist() == [0, 0]


def test_interval_and_power_readings_state_their_amount() -> None:
    interval = registers.amounts(every(15, 3.0, 4.0), meter(Kind.INTERVAL)).pieces
    power = registers.amounts(every(15, 8.0, 16.0), meter(Kind.POWER)).pieces
    assert interval.amount.tolist() == [3, 4] and power.amount.tolist() == [2, 4]
    assert interval.since.tolist() == [-15 * MINUTE, 0]


def test_a_reading_labelled_by_its_start_speaks_of_what_follows() -> None:
    """EC-29."""
    pieces = registers.amounts(every(60, 8.0), meter(Kind.INTERVAL, interval=60, starts=True)).pieces
    assert (pieces.since[0], pieces.until[0]) == (0, HOUR)


def test_power_sent_more_often_than_approved_is_not_counted_twice() -> None:
    assert total(registers.amounts(every(5, 12.0, 12.0, 12.0, 12.0), meter(Kind.POWER))) == pytest.approx(3 + 3 * 1)


def test_a_power_over_the_rating_is_kept_and_marked() -> None:
    pieces = registers.amounts(every(15, 5_157.2), meter(Kind.POWER, rated_kw=1_500)).pieces
    assert pieces.amount.tolist() == [5_157.2 / 4] and pieces.flags.tolist() == [Flag.OVER_RATE]


def test_demand_quarters_carry_the_peak_of_rule_19() -> None:
    readings, meters = read((15, 100), (30, 100), (45, 100), (60, 500)), meter(Kind.INTERVAL)
    rows = by_hour(registers.amounts(readings, meters), meters, readings)
    assert rows.quarters.max() * 4 == 2_000 and rows.peak_rate.max() == 2_000


steps = st.lists(st.tuples(st.integers(1, 90), st.integers(0, 50)), min_size=1, max_size=40)


def _series(steps: list[tuple[int, int]]) -> Readings:
    points, minute, value = [(0.0, 1_000.0)], 0, 1_000.0
    for wait, rise in steps:
        minute, value = minute + wait, value + rise
        points.append((float(minute), value))
    return read(*points)


@given(steps)
def test_without_resets_amounts_add_up_to_last_minus_first(steps: list[tuple[int, int]]) -> None:
    readings, meters = _series(steps), meter()
    result = registers.amounts(readings, meters)
    assert total(result) == pytest.approx(readings.value[-1] - readings.value[0])
    rows = by_hour(result, meters, readings)
    assert rows.amount.sum() == pytest.approx(readings.value[-1] - readings.value[0])
    assert rows.covered_s.sum() * 1_000_000 == readings.time[-1] - readings.time[0]


wild = st.lists(st.sampled_from([0.0, 3.0, 5.0, 90.0, 95.0, 99.0, 100.0, 101.0, 110.0, 900.0]), min_size=1, max_size=14)
calm = st.lists(st.integers(0, 4), min_size=6, max_size=8)


@given(wild, calm, wild, st.sampled_from([NAN, 40.0]), st.sampled_from([NAN, 100.0, 1_000.0]))
def test_behind_an_anchor_the_past_does_not_matter(
    before: list[float], rises: list[int], after: list[float], rated: float, modulus: float
) -> None:
    """The window theorem: from an anchor on, a walk begun anywhere before gives the same pieces."""
    calm_values = (50 + np.cumsum(rises)).tolist()
    values = [*before, *calm_values, *after]
    meters = meter(rated_kw=rated, modulus=modulus)
    whole = every(60, *values)
    at = np.flatnonzero(registers.anchors(whole, meters))
    at = at[(at >= len(before)) & (at < len(before) + len(rises))]
    assert len(at)
    start = len(before)
    window = whole.of(np.arange(len(values)) >= start)
    since = whole.time[at[0]]
    if not registers.anchors(window, meters)[at[0] - start]:
        return
    full, part = (registers.amounts(series, meters).pieces for series in (whole, window))
    for name in ("since", "until", "low", "high", "flags"):
        assert (getattr(full, name)[full.since >= since] == getattr(part, name)[part.since >= since]).all()


@given(wild, calm, wild, wild)
def test_what_lies_two_readings_before_an_anchor_is_final(
    before: list[float], rises: list[int], after: list[float], other: list[float]
) -> None:
    calm_values = (50 + np.cumsum(rises)).tolist()
    meters = meter(rated_kw=NAN, modulus=1_000)
    one, two = every(60, *before, *calm_values, *after), every(60, *before, *calm_values, *other)
    last = len(before) + len(rises) - 1
    if not registers.anchors(one, meters)[last]:
        return
    until = one.time[last - 2]
    full, part = (registers.amounts(series, meters).pieces for series in (one, two))
    for name in ("since", "until", "low", "high", "flags"):
        assert (getattr(full, name)[full.until <= until] == getattr(part, name)[part.until <= until]).all()


@given(st.permutations(range(6)))
def test_ec16_any_order_inside_a_batch_gives_one_result(order: list[int]) -> None:
    values = [100.0, 101.5, 99.0, 103.0, 104.0, 104.0]
    shuffled = sorted((15.0 * n, values[n]) for n in order)
    assert [b for _, b in shuffled] == values
    assert total(registers.amounts(read(*shuffled), meter())) == 4


def test_every_pair_of_hours_is_adjacent_over_a_gap() -> None:
    readings, meters = read((10, 0), (400, 390)), meter()
    rows = by_hour(registers.amounts(readings, meters), meters, readings)
    assert all(b - a == HOUR for a, b in pairwise(rows.hour.tolist()))

"""Corrections stand in front of readings, approved by somebody else, and can be taken away again (EC-63, EC-64)."""

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import Connection

from energy import corrections, hours
from energy.corrections import Correction, Spread
from energy.quality import Flag
from energy.refused import Refused
from energy.registers import HOUR, MINUTE, Kind, Meters, Pieces
from storage import corrections as chain
from storage import registry, snapshot
from storage.usage import UsageRow, meter_usage
from tests.line import NOW, START, ZONE, Line
from tests.test_rollup import steps, stories

Batches = list[list[tuple[str, float, float]]]
Story = tuple[list[tuple[str, float, float]], Batches]
METERS = Meters(
    np.array([Kind.REGISTER]), np.array([1.0]), np.array([np.nan]), np.array([np.nan]), np.array([15 * MINUTE]),
    np.array([False]),
)  # fmt: skip


def every_quarter(*amounts: float) -> Pieces:
    """Pieces of a quarter of an hour each, from 0 on."""
    count = len(amounts)
    since, amount = np.arange(count) * 15 * MINUTE, np.array(amounts)
    zero = np.zeros(count, dtype=np.int64)
    return Pieces(zero, since, since + 15 * MINUTE, amount, amount, amount, zero.copy())


def told(pieces: Pieces) -> list[tuple[float, float, float, int]]:
    columns = (pieces.since / MINUTE, pieces.until / MINUTE, pieces.amount, pieces.flags)
    return [(a, b, c, int(d)) for a, b, c, d in zip(*columns, strict=True)]


# --- pieces


def test_a_correction_takes_the_place_of_what_it_covers_and_nothing_else() -> None:
    made = corrections.apply(every_quarter(1, 2, 3, 4), {0: [Correction(15 * MINUTE, 45 * MINUTE, 10)]}, METERS)
    assert told(made) == [(0, 15, 1, 0), (15, 45, 10, Flag.CORRECTED), (45, 60, 4, 0)]


def test_a_step_that_reaches_out_of_it_keeps_the_share_of_its_time_outside() -> None:
    made = corrections.apply(every_quarter(3), {0: [Correction(5 * MINUTE, 10 * MINUTE, 7)]}, METERS)
    assert told(made) == [
        (0, 5, pytest.approx(1), Flag.INTERPOLATED), (5, 10, 7, Flag.CORRECTED),
        (10, 15, pytest.approx(1), Flag.INTERPOLATED),
    ]  # fmt: skip


def test_an_amount_is_spread_over_its_hours_by_time() -> None:
    made = corrections.apply(every_quarter(), {0: [Correction(30 * MINUTE, 3 * HOUR, 100)]}, METERS)
    assert [(since, until) for since, until, _, _ in told(made)] == [(30, 60), (60, 120), (120, 180)]
    assert made.amount.tolist() == pytest.approx([20, 40, 40])


def test_ec32_or_by_the_meters_own_profile_where_its_author_says_so() -> None:
    seventeen_times = every_quarter(*[17.0] * 4, *[51.0] * 4)
    made = corrections.apply(seventeen_times, {0: [Correction(0, 2 * HOUR, 16, Spread.PROFILE)]}, METERS)
    assert [amount for _, _, amount, _ in told(made)] == [pytest.approx(4), pytest.approx(12)]


def test_a_profile_that_is_not_known_throughout_is_none() -> None:
    for raw in (every_quarter(5, 1), every_quarter(0, 0, 0, 0, 0, 0, 0, 0), every_quarter(*[np.nan] * 8)):
        made = corrections.apply(raw, {0: [Correction(0, 2 * HOUR, 16, Spread.PROFILE)]}, METERS)
        assert [amount for _, _, amount, _ in told(made)] == [pytest.approx(8), pytest.approx(8)]


def test_a_blank_amount_is_unknown_up_to_what_the_meter_can_run() -> None:
    rated = Meters(METERS.kind, METERS.scale, METERS.modulus, np.array([100.0]), METERS.interval, METERS.starts)
    for meters, most in ((METERS, np.inf), (rated, 50)):
        made = corrections.apply(every_quarter(9, 9), {0: [Correction(0, HOUR // 2, float("nan"))]}, meters)
        assert np.isnan(made.amount).all() and made.low.tolist() == [0] and made.high.tolist() == [most]


def test_ec64_of_two_corrections_of_one_hour_the_last_approved_stands() -> None:
    first, second = Correction(0, 4 * HOUR, 40), Correction(HOUR, 2 * HOUR, 3)
    made = corrections.apply(every_quarter(), {0: [first, second]}, METERS)
    assert [amount for _, _, amount, _ in told(made)] == pytest.approx([10, 3, 10, 10])
    made = corrections.apply(every_quarter(), {0: [second, first]}, METERS)
    assert [amount for _, _, amount, _ in told(made)] == pytest.approx([10, 10, 10, 10])


SPANS = st.tuples(st.integers(0, 300), st.integers(1, 120), st.floats(0, 100), st.sampled_from(Spread))


@given(st.lists(st.floats(0, 50), max_size=20), st.lists(SPANS, min_size=1, max_size=4))
def test_every_instant_has_one_amount_and_the_last_correction_is_whole(
    raw: list[float], spans: list[tuple[int, int, float, Spread]]
) -> None:
    several = [Correction(s * MINUTE, (s + length) * MINUTE, amount, how) for s, length, amount, how in spans]
    made = corrections.apply(every_quarter(*raw), {0: several}, METERS)
    assert (made.since[1:] >= made.until[:-1]).all()
    last = made.of((made.since >= several[-1].since) & (made.until <= several[-1].until))
    assert last.amount.sum() == pytest.approx(several[-1].amount, abs=1e-9)
    assert (last.flags & Flag.CORRECTED).all()
    untouched = [one for one in told(made) if not one[3] and one[1] - one[0] == 15]
    assert all(one in told(every_quarter(*raw)) for one in untouched)


def test_a_corrected_amount_counts_as_estimated() -> None:
    made = corrections.apply(every_quarter(1, 1, 1, 1), {0: [Correction(0, HOUR // 2, 5)]}, METERS)
    assert hours.cut(made, METERS).estimated.tolist() == [5, 0, 0]


# --- the record


@pytest.fixture
def line(conn: Connection) -> Line:
    one = Line(conn)
    one.factor("electricity", 0.1229, 0.3016, 0.5306)
    one.meter("E-01")
    return one


def wrote(line: Line, since: int, until: int, amount: float | None, meter: str = "E-01", **more: object) -> int:
    """A correction over these minutes after START."""
    columns = {"author": "王工", "reason": "表计故障", "document": "检修单 7 号", "spread": "time"} | more
    names, marks = ", ".join(columns), ", ".join(["%s"] * len(columns))
    row = line.conn.execute(
        f"INSERT INTO correction (meter_id, since, until, amount, {names}) VALUES (%s, %s, %s, %s, {marks})"
        " RETURNING id",
        (line.ids[meter], *(START + timedelta(minutes=at) for at in (since, until)), amount, *columns.values()),
    ).fetchone()
    assert row is not None
    return int(row[0])


def approved(line: Line, since: int, until: int, amount: float | None, meter: str = "E-01", **more: object) -> int:
    id_ = wrote(line, since, until, amount, meter, **more)
    chain.approve(line.conn, id_, "李科长", NOW + timedelta(seconds=id_))
    return id_


def day(line: Line) -> UsageRow:
    line.drain()
    (row,) = meter_usage(line.conn, "DEMO-1", "E-01", START.date(), START.date() + timedelta(days=1), "day", ZONE, NOW)
    return row


def readings(line: Line) -> list[tuple[object, ...]]:
    return line.conn.execute("SELECT * FROM reading ORDER BY time").fetchall()


def test_ec63_a_correction_counts_from_its_approval_until_it_is_withdrawn(line: Line) -> None:
    line.tell(steps("E-01", *[1_000 + 10 * n for n in range(97)]))
    before, stored = day(line), readings(line)
    id_ = wrote(line, 60, 120, 400)
    assert day(line) == before
    chain.approve(line.conn, id_, "李科长", NOW)
    after = day(line)
    assert (after.amount, after.completeness, after.flags) == (1_320, 1, ["corrected"])
    assert after.estimated == pytest.approx(400 / 1_320)
    assert readings(line) == stored
    chain.withdraw(line.conn, id_, "王工", NOW)
    assert day(line) == before


def test_the_enterprises_total_follows(line: Line) -> None:
    line.tell(steps("E-01", *[10 * n for n in range(9)]))
    approved(line, 0, 60, 1_000)
    line.drain()
    row = line.conn.execute("SELECT amount, tce_equivalent, estimated, flags FROM usage").fetchone()
    assert row == (1_040, pytest.approx(0.127816), 1_000, Flag.CORRECTED)


def test_ec63_its_author_cannot_approve_it_however_the_name_is_typed(line: Line) -> None:
    id_ = wrote(line, 0, 60, 5, author="Wang Gong")
    for name in ("Wang Gong", "wang  gong", "ＷＡＮＧ ＧＯＮＧ"):
        with pytest.raises(Refused, match=f"wrote correction {id_} and cannot approve it"):
            chain.approve(line.conn, id_, name, NOW)


def test_what_is_decided_is_refused_in_one_sentence(line: Line) -> None:
    id_ = approved(line, 0, 60, 5)
    with pytest.raises(Refused, match="is approved already, by 李科长"):
        chain.approve(line.conn, id_, "赵", NOW)
    chain.withdraw(line.conn, id_, "赵", NOW)
    with pytest.raises(Refused, match="is withdrawn already, by 赵"):
        chain.withdraw(line.conn, id_, "李科长", NOW)
    with pytest.raises(Refused, match="was withdrawn by 赵; write another one"):
        chain.approve(line.conn, id_, "李科长", NOW)
    with pytest.raises(Refused, match="there is no correction 99"):
        chain.approve(line.conn, 99, "李科长", NOW)


def test_what_is_still_to_come_cannot_be_corrected(line: Line) -> None:
    id_ = wrote(line, 0, 90 * 24 * 60, 5)
    with pytest.raises(Refused, match="which is still to come"):
        chain.approve(line.conn, id_, "李科长", NOW)


def test_ec64_the_last_approved_wins_and_the_chain_stays_readable(line: Line) -> None:
    line.tell(steps("E-01", *[10 * n for n in range(97)]))
    later_written = wrote(line, 60, 120, 500, author="赵")
    first = approved(line, 0, 120, 200)
    chain.approve(line.conn, later_written, "李科长", NOW + timedelta(hours=1))
    assert day(line).amount == 880 + 100 + 500
    shown = {one.id: (one.state, one.overruled_by) for one in chain.listed(line.conn, "DEMO-1")}
    assert shown == {first: ("approved", [later_written]), later_written: ("approved", [])}
    chain.withdraw(line.conn, later_written, "王工", NOW)
    assert day(line).amount == 880 + 200
    shown = {one.id: (one.state, one.overruled_by) for one in chain.listed(line.conn, "DEMO-1")}
    assert shown == {first: ("approved", []), later_written: ("withdrawn", [])}


def test_the_amount_is_in_the_meters_unit_and_knows_no_multiplier(line: Line) -> None:
    line.conn.execute("UPDATE meter SET unit = 'MWh', multiplier = 40, scale = 40000")
    line.changed()
    line.tell(steps("E-01", 0, 1, 2, 3, 4))
    approved(line, 0, 60, 2)
    assert day(line).amount == 2_000


def test_ec2_a_correction_settles_what_a_reset_left_open(line: Line) -> None:
    line.conn.execute("UPDATE meter SET max_rate = 100")
    line.changed()
    line.tell(steps("E-01", 5_000, 12, every=60))
    assert day(line).amount is None and (day(line).low, day(line).high) == pytest.approx((12, 100 + 23 * 100))
    approved(line, 0, 60, 42)
    assert (day(line).amount, day(line).low) == (42, 42)
    assert [row[11] for row in line.consumption("E-01")] == [Flag.CORRECTED]


def test_a_blank_amount_makes_the_day_at_least(line: Line) -> None:
    line.conn.execute("UPDATE meter SET max_rate = 100")
    line.changed()
    line.tell(steps("E-01", *[10 * n for n in range(97)]))
    approved(line, 60, 120, None)
    row = day(line)
    assert (row.amount, row.low, row.high, row.flags) == (920, 920, 1_020, ["corrected"])


def test_a_meter_that_never_spoke_can_be_corrected_too(line: Line) -> None:
    id_ = approved(line, 60, 240, 30)
    assert (day(line).amount, day(line).completeness) == (30, 0)
    chain.withdraw(line.conn, id_, "王工", NOW)
    assert day(line).amount is None


def test_news_does_not_run_over_a_correction_and_goes_on_behind_it(line: Line) -> None:
    line.tell(steps("E-01", 0, 10, 20))
    approved(line, 15, 90, 7)
    line.drain()
    for n in range(3, 30):
        line.tell(steps("E-01", 10 * n, start=15 * n))
        line.drain()
    assert sum(row[1] for row in line.consumption("E-01")) == pytest.approx(10 + 7 + 290 - 60)  # type: ignore[misc]


def test_a_late_reading_inside_a_profile_places_the_whole_correction_again(line: Line) -> None:
    values = [10.0 * n for n in range(97)]
    line.tell([one for one in steps("E-01", *values) if one[1] != 600])
    approved(line, 0, 24 * 60, 96, spread="profile")
    assert day(line).amount == pytest.approx(96)
    line.tell([("E-01", 600, 394.0)])
    assert day(line).amount == pytest.approx(96)
    changed = [row[1] for row in line.consumption("E-01")]
    assert changed[9:11] == pytest.approx([3.4, 4.6]) and changed[0] == pytest.approx(4)


Told = tuple[int, int, float | None, str, str]  # since and until in minutes, amount, meter, spread
CORRECTED = st.tuples(
    st.integers(-30, 1_000), st.integers(1, 400), st.none() | st.floats(0, 90),
    st.sampled_from(["E-01", "I-01", "P-01"]), st.sampled_from(["time", "profile"]),
)  # fmt: skip


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stories(), st.lists(CORRECTED, min_size=1, max_size=4), st.data())
def test_corrections_among_readings_in_any_order_end_in_the_same_bits(
    line: Line, story: Story, corrected: list[Told], data: st.DataObject
) -> None:
    told, batches = story
    places = sorted(data.draw(st.integers(0, len(batches)), label="approved before batch") for _ in corrected)
    with line.conn.transaction(force_rollback=True):
        snapshot._cache.clear()  # a registry that is rolled back repeats its versions
        line.meter("I-01", "interval")
        line.meter("P-01", "power", label="start")
        outcomes = []
        for batches_told, approvals in (([told], [1] * len(corrected)), (batches, places)):
            with line.conn.transaction(force_rollback=True):
                _happen(line, batches_told, corrected, approvals)
                outcomes.append(line.figures())
    assert outcomes[0] == outcomes[1]


def _happen(line: Line, batches: Batches, corrected: list[Told], places: list[int]) -> None:
    """Batches and approvals in turn, everything computed after each; the first correction is withdrawn at last."""
    ids: list[int] = []
    for number in range(len(batches) + 1):
        for (since, length, amount, meter, spread), place in zip(corrected, places, strict=True):
            if place == number:
                ids.append(approved(line, since, since + length, amount, meter, spread=spread, author=f"王{len(ids)}"))
                line.drain()
        if number < len(batches) and batches[number]:
            line.tell(batches[number])
            line.drain()
    if len(ids) > 1:
        chain.withdraw(line.conn, ids[0], "赵", NOW)
    line.drain()


HEADER = "enterprise,meter,from,to,amount,reason,document,author\n"
ROW = "DEMO-1,E-01,2026-10-01 01:00,2026-10-01 02:00,400,倍率录错,函〔2026〕3号,王工\n"


def take(line: Line, folder: Path, text: str) -> None:
    (folder / "corrections.csv").write_text(HEADER + text, "utf-8")
    registry.import_file(line.conn, folder / "corrections.csv", ZONE)


def test_ec8_a_correction_comes_in_by_a_file_and_waits_for_approval(line: Line, tmp_path: Path) -> None:
    line.tell(steps("E-01", *[10 * n for n in range(97)]))
    take(line, tmp_path, ROW)
    (one,) = chain.listed(line.conn)
    assert (one.state, one.reason, one.document, one.author, one.spread) == (
        "pending", "倍率录错", "函〔2026〕3号", "王工", "time",
    )  # fmt: skip
    assert one.since == datetime(2026, 10, 1, 1, tzinfo=ZONE) and day(line).amount == 960
    chain.approve(line.conn, one.id, "李科长", NOW)
    assert day(line).amount == 1_320


def test_one_that_was_withdrawn_can_be_written_again_and_stays_in_the_chain(line: Line, tmp_path: Path) -> None:
    take(line, tmp_path, ROW)
    (one,) = chain.listed(line.conn)
    chain.approve(line.conn, one.id, "李科长", NOW)
    chain.withdraw(line.conn, one.id, "李科长", NOW)
    take(line, tmp_path, ROW.replace("400", "40"))
    assert [(each.amount, each.state) for each in chain.listed(line.conn)] == [(400, "withdrawn"), (40, "pending")]


def test_a_correction_without_end_is_refused(line: Line, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="spans at most 366 days"):
        take(line, tmp_path, ROW.replace("2026-10-01 02:00", "2099-01-01"))

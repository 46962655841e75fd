"""Edge cases of data quality by number: what is odd is told with its evidence, and nothing measured is lost."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from psycopg import Connection

from energy import data_quality
from energy.data_quality import Certificate
from energy.periods import parse
from energy.refused import Refused
from storage import corrections as chain
from storage import data_quality as quality
from storage.data_quality import EnterpriseQuality, Outage, Row
from storage.usage import UsageRow, enterprise_usage
from tests.line import NOW, START, ZONE, Line
from tests.test_corrections import wrote
from tests.test_quality_command import MONTH, register
from tests.test_rollup import steps

OCTOBER = parse("2026-10")


@pytest.fixture
def line(conn: Connection) -> Line:
    one = Line(conn)
    one.factor("electricity", 0.1229, 0.3016, 0.5306)
    one.meter("E-01")
    return one


def told(line: Line, now: datetime = NOW) -> EnterpriseQuality:
    line.drain()
    return quality.enterprise_quality(line.conn, "DEMO-1", OCTOBER, ZONE, now)


def rows(told: EnterpriseQuality, name: str) -> list[Row]:
    return [row for row in told.findings if row.finding == name]


def october(line: Line) -> UsageRow:
    line.drain()
    since, until = OCTOBER.first, OCTOBER.until
    (row,) = enterprise_usage(line.conn, "DEMO-1", since, until, "month", ZONE, NOW)
    return row


def test_ec_24_what_was_not_sent_is_missing_and_no_zero(line: Line) -> None:
    """Nulls are rejected at the door (`no_value`); here it shows that the hole stays a hole."""
    line.meter("E-02", kind="interval", label="start", parent="E-01", level=2)
    amounts = [10 + n * 7 % 5 for n in range(MONTH)]
    kept = [("E-02", 15.0 * n, float(amounts[n])) for n in range(MONTH) if not 400 <= n < 440]
    line.tell([*steps("E-01", *register()), *kept])
    month = told(line)
    (meter,) = [one for one in month.meters if one.meter == "E-02"]
    assert (meter.expected - meter.received, meter.gaps) == (40, 1)
    assert [row.count for row in rows(month, "gap")] == [40]
    assert not [row for row in month.findings if row.finding in ("null_as_zero", "zero_run", "zero_days")]
    stored = line.conn.execute("SELECT count(*) FROM consumption WHERE amount = 0").fetchone()
    assert stored == (0,)


def test_ec_25_a_register_that_stands_still_while_the_works_goes_on(line: Line) -> None:
    line.meter("E-02", parent="E-01", level=2)
    moved = register()
    stuck = moved[:1000] + [moved[1000]] * 300 + [value - moved[1300] + moved[1000] for value in moved[1300:]]
    line.tell([*steps("E-01", *moved), *steps("E-02", *stuck)])
    (still,) = rows(told(line), "stuck_register")
    assert (still.meter, still.count, still.severity) == ("E-02", 300, "warning")
    assert "同期其余 1 块表中有 1 块在走" in still.told("zh") and "1 of 1 other meters moved" in still.told("en")


def test_ec_26_who_never_spoke_and_who_stopped_speaking_have_different_clocks(line: Line) -> None:
    begun = START + timedelta(days=4)
    line.meter("E-02", level=2, valid_from=begun)
    line.tell(steps("E-01", *register(20 * 96)))
    found = told(line, START + timedelta(days=25))
    outages = {one.meters: one for one in found.outages}
    assert outages["E-02",].since == begun and outages["E-01",].since == START + timedelta(days=20)
    assert [one.until for one in found.outages] == [None, None]
    assert {meter.meter: meter.completeness for meter in found.meters} == {"E-01": pytest.approx(20 / 25), "E-02": 0.0}


def test_ec_63_a_correction_lies_over_the_reading_and_can_be_taken_away(line: Line) -> None:
    line.tell(steps("E-01", *register()))
    before = october(line)
    id_ = wrote(line, 60, 120, 400)
    with pytest.raises(Refused):
        chain.approve(line.conn, id_, "王工", NOW)
    chain.approve(line.conn, id_, "李科长", NOW)
    after = october(line)
    assert "corrected" in after.flags and after.amount != before.amount
    assert told(line).parts["completeness"] == 1, "a correction is no reading and takes none away"
    chain.withdraw(line.conn, id_, "王工", NOW)
    assert october(line) == before


def test_ec_64_of_two_corrections_the_last_approved_wins_and_both_can_be_read(line: Line) -> None:
    line.tell(steps("E-01", *register()))
    first, second = wrote(line, 60, 120, 400), wrote(line, 60, 120, 100, author="赵工")
    chain.approve(line.conn, second, "李科长", NOW)
    with_second = october(line).amount
    chain.approve(line.conn, first, "李科长", NOW + timedelta(hours=1))
    assert with_second is not None and october(line).amount == pytest.approx(with_second + 300)
    shown = {one.id: one.overruled_by for one in chain.listed(line.conn, "DEMO-1")}
    assert shown == {first: [], second: [first]}


def test_ec_67_readings_out_of_calibration_stay_and_lower_the_accuracy_by_day(line: Line) -> None:
    line.conn.execute("UPDATE meter SET calibrated_until = '2026-10-20'")
    line.tell(steps("E-01", *register()))
    found = told(line)
    assert october(line).amount is not None and found.parts["completeness"] == 1
    assert [day.parts["accuracy"] for day in found.days] == [1.0] * 20 + [0.0] * 11
    (expired,) = rows(found, "calibration_expired")
    assert (expired.count, "2026-10-20" in expired.told("zh")) == (11, True)


def test_ec_67_a_calibration_that_is_an_event_counts_from_its_day(line: Line) -> None:
    """The value of the event is the last day of its validity."""
    line.conn.execute("UPDATE meter SET calibrated_until = '2026-10-10'")
    line.conn.execute(
        "INSERT INTO meter_event (meter_id, time, event, value) VALUES (%s, %s, 'calibration', '2028-10-14')",
        (line.ids["E-01"], START + timedelta(days=14)),
    )
    line.changed()
    line.tell(steps("E-01", *register()))
    found = told(line)
    assert [day.parts["accuracy"] for day in found.days] == [1.0] * 10 + [0.0] * 4 + [1.0] * 17
    assert (found.meters[0].calibrated, found.meters[0].calibrated_until) == (False, date(2028, 10, 14))


def test_ec_67_no_certificate_at_all_is_unknown_and_not_expired() -> None:
    assert data_quality.calibrated([], [date(2026, 10, 1)]) is None
    assert data_quality.calibrated([Certificate(None, date(2026, 10, 1))], [date(2026, 10, d) for d in (1, 2)]) == [
        True,
        False,
    ]


# Days and outages ---------------------------------------------------------------------------------


def test_days_add_up_to_the_month(line: Line) -> None:
    values = register()
    line.tell(steps("E-01", *values[:1000]))
    line.tell(steps("E-01", *values[1050:], start=15 * 1050))
    found = told(line)
    assert sum(day.expected for day in found.days) == found.meters[0].expected == MONTH
    assert sum(day.received for day in found.days) == found.meters[0].received
    worst = min(found.days, key=lambda day: day.parts["completeness"] or 0.0)
    assert worst.day == date(2026, 10, 11) and worst.findings == 1
    assert worst.parts["completeness"] == found.meters[0].days[10]


def test_days_to_come_are_not_told_of(line: Line) -> None:
    line.tell(steps("E-01", *register(3 * 96)))
    found = told(line, START + timedelta(days=3))
    assert [day.score.points is None for day in found.days] == [False] * 3 + [True] * 28
    assert found.days[5].parts == dict.fromkeys(data_quality.PARTS)


def test_a_readings_way_of_a_minute_on_one_day_is_that_days_clock(line: Line) -> None:
    line.tell(steps("E-01", *register()))
    line.conn.execute(
        "UPDATE reading SET received = time + CASE WHEN time <= %s THEN interval '70 s' ELSE interval '3 s' END",
        (START + timedelta(days=1),),
    )
    found = told(line)
    assert [day.clock_offset_s for day in found.days[:3]] == [70, 3, 3]
    assert found.meters[0].clock_offset_s == 3


def test_an_outage_that_began_before_the_month_keeps_its_beginning(line: Line) -> None:
    """From Monday 28 September: two working days, the national days until the 7th, and the third on the 8th."""
    began = START - timedelta(days=3)
    before = [("E-01", (began - START) / timedelta(minutes=1) + 15 * n, 900.0 + n) for n in range(-96, 1)]
    line.tell(before)
    line.tell(steps("E-01", *register(), start=15 * 96))
    (outage,) = told(line).outages
    assert (outage.since, outage.until) == (began, START + timedelta(days=1) - timedelta(minutes=15))
    assert (outage.due, outage.state) == (datetime(2026, 10, 9, tzinfo=ZONE), "repaired")


@pytest.mark.parametrize(
    ("hours", "now_days", "state"),
    [(20, 30, "repaired"), (24 * 8, 30, "repaired_late"), (None, 14, "in_repair"), (None, 25, "not_repaired")],
)
def test_where_an_outage_stands_on_its_clock(line: Line, hours: int | None, now_days: int, state: str) -> None:
    """Out from Monday 12 October on; three working days end with Thursday the 15th."""
    values = register()
    out = 11 * 96 + 40
    line.tell(steps("E-01", *values[:out]))
    if hours is not None:
        back = out + 4 * hours
        line.tell(steps("E-01", *values[back : now_days * 96], start=15 * back))
    found = told(line, (START + timedelta(days=now_days)).astimezone(UTC))
    (outage,) = found.outages
    assert (outage.state, outage.to_file) == (state, state in ("not_repaired", "repaired_late"))
    assert outage.due == datetime(2026, 10, 16, tzinfo=ZONE)
    assert bool(rows(found, "outage")) is outage.to_file


def test_meters_that_were_out_together_are_one_outage(line: Line) -> None:
    values = register()
    for code in ("E-02", "E-03"):
        line.meter(code, parent="E-01", level=2)
    for code in line.ids:
        line.tell(steps(code, *values[:400]))
        line.tell(steps(code, *values[450:], start=15 * 450))
    outages: list[Outage] = told(line).outages
    assert [one.meters for one in outages] == [("E-01", "E-02", "E-03")]


def test_who_sends_nothing_has_no_score_however_well_its_papers_are_kept(line: Line) -> None:
    found = told(line)
    assert (found.score.points, found.parts["completeness"]) == (None, None)
    assert found.parts["conformity"] is not None


# The fast lane and the slow one -------------------------------------------------------------------


def test_a_long_span_is_computed_in_slices_to_the_same_bits(line: Line) -> None:
    """Four months of a meter with a gap, a dip and a reset, first as they came, then all at once again."""
    random = np.random.default_rng(3)
    values = (1_000 + np.cumsum(random.random(120 * 96))).tolist()
    values[3_000] = 2.0
    values[7_000:] = [value - values[7_000] + 4 for value in values[7_000:]]
    for part in range(0, len(values), 1_000):
        kept: Callable[[int], bool] = lambda n: not 5_000 <= n < 5_300  # noqa: E731
        line.tell([("E-01", 15.0 * n, values[n]) for n in range(part, min(part + 1_000, len(values))) if kept(n)])
        line.drain()
    before = line.figures()
    line.conn.execute(
        "INSERT INTO stale_span (shard, enterprise_id, meters, since, until, why)"
        " SELECT %(e)s %% 256, %(e)s, %(m)s, min(time), max(time), 'registry' FROM reading",
        {"e": line.enterprise_id, "m": list(line.ids.values())},
    )
    line.drain()
    assert _without_times(line.figures()) == _without_times(before)


def _without_times(figures: list[object]) -> list[object]:
    return [
        (one[0], {key: value for key, value in one[1].items() if key != "computed"})
        if isinstance(one, tuple) and len(one) == 2 and isinstance(one[1], dict)
        else one
        for one in figures
    ]

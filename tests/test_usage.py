"""Usage as the contract's rows tell it."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from psycopg import Connection

from storage.usage import UnknownSubject, UsageRow, enterprise_usage, meter_usage, region_usage, totals
from tests.line import NOW, ZONE, Line
from tests.test_rollup import steps

OCTOBER, NOVEMBER = date(2026, 10, 1), date(2026, 11, 1)


@pytest.fixture
def line(conn: Connection) -> Line:
    one = Line(conn)
    one.factor("electricity", 0.1229, 0.3016, 0.5306)
    one.meter("E-01")
    return one


def october(line: Line, by: str = "month") -> list[UsageRow]:
    line.drain()
    return enterprise_usage(line.conn, "DEMO-1", OCTOBER, NOVEMBER, by, ZONE, NOW)  # type: ignore[arg-type]


def test_a_whole_month_has_both_bases_peak_and_full_completeness(line: Line) -> None:
    line.tell(steps("E-01", *[1_000 + 10 * n for n in range(31 * 96 + 1)]))
    (row,) = october(line)
    assert (row.period, row.carrier, row.meter, row.amount, row.unit) == ("2026-10", "electricity", None, 29_760, "kWh")
    assert (row.low, row.high, row.flags, row.estimated, row.completeness) == (29_760, 29_760, [], 0, 1)
    assert row.tce_equivalent == pytest.approx(3.657504) and row.tce_equal_value == pytest.approx(8.975616)
    assert row.tco2 == pytest.approx(15.790656) and row.peak_kw == 40
    assert [(one["kind"], one["value"]) for one in row.factors] == [
        ("equivalent", 0.1229),
        ("equal_value", 0.3016),
        ("co2", 0.5306),
    ]


def test_days_and_hours_add_up_to_the_month(line: Line) -> None:
    line.tell(steps("E-01", *[1_000 + n * n / 7 for n in range(31 * 96 + 1)]))
    month = october(line)[0].amount
    for by, count in (("day", 31), ("hour", 31 * 24)):
        rows = october(line, by)
        assert len(rows) == count
        assert sum(row.amount or 0 for row in rows) == pytest.approx(month, rel=1e-12)
        assert sum(row.tce_equivalent or 0 for row in rows) == pytest.approx((month or 0) * 0.1229 / 1000, rel=1e-12)


def test_a_month_without_readings_is_unknown_never_zero(line: Line) -> None:
    line.tell(steps("E-01", 5, 6, start=-15))
    rows = enterprise_usage(line.conn, "DEMO-1", date(2026, 10, 5), date(2026, 10, 6), "day", ZONE, NOW)
    line.drain()
    rows = enterprise_usage(line.conn, "DEMO-1", date(2026, 10, 5), date(2026, 10, 6), "day", ZONE, NOW)
    assert [(row.amount, row.low, row.high, row.completeness, row.flags) for row in rows] == [
        (None, None, None, 0.0, ["missing"])
    ]


def test_ec44_a_missing_feeder_makes_the_total_at_least(line: Line) -> None:
    line.meter("E-02")
    line.tell([*steps("E-01", *range(97)), *steps("E-02", 0, 1)])
    line.drain()
    rows = enterprise_usage(line.conn, "DEMO-1", OCTOBER, OCTOBER + timedelta(days=1), "day", ZONE, NOW)
    assert [(row.amount, row.low, row.high) for row in rows] == [(97, 97, None)]
    assert rows[0].completeness == pytest.approx(97 / 192) and rows[0].flags == ["missing"]


def test_ratings_bound_what_is_missing(line: Line) -> None:
    line.meter("P-01", "power", max_rate=100)
    line.conn.execute("UPDATE meter SET in_total = false WHERE code = 'E-01'")
    line.changed()
    line.tell(steps("P-01", *[40.0] * 92, start=15))
    line.tell(steps("P-01", 40.0, start=24 * 60))
    line.drain()
    rows = enterprise_usage(line.conn, "DEMO-1", OCTOBER, OCTOBER + timedelta(days=1), "day", ZONE, NOW)
    assert [(row.amount, row.low, row.high) for row in rows] == [(930, 930, 1_005)]


def first_of_october(line: Line) -> list[UsageRow]:
    return enterprise_usage(line.conn, "DEMO-1", OCTOBER, OCTOBER + timedelta(days=1), "day", ZONE, NOW)


def test_what_a_silent_export_meter_may_have_sold_is_no_lower_bound(line: Line) -> None:
    line.meter("X-01", role="export")
    line.tell([*steps("E-01", *range(97)), *steps("X-01", 0, 1)])
    line.drain()
    assert [(row.amount, row.low, row.high) for row in first_of_october(line)] == [(95, None, None)]
    line.conn.execute("UPDATE meter SET max_rate = 2 WHERE code = 'X-01'")
    line.changed()
    assert [row.low for row in first_of_october(line)] == [95 - 2 * 23.75]


def test_a_gap_in_a_register_leaves_the_month_exact(line: Line) -> None:
    line.tell([("E-01", 0, 100), ("E-01", 60, 200), ("E-01", 420, 800), ("E-01", 31 * 24 * 60, 1_000)])
    (row,) = october(line)
    assert (row.amount, row.low, row.high) == pytest.approx((900, 900, 900), rel=1e-12)
    assert row.flags == ["gap"] and row.completeness is not None and row.completeness < 0.01


def test_a_meter_tells_its_own_amounts_and_peak(line: Line) -> None:
    line.meter("S-01", "power", level=2)
    line.tell(steps("S-01", 8, 16, 24, 12, start=15))
    line.drain()
    (row,) = meter_usage(line.conn, "DEMO-1", "S-01", OCTOBER, NOVEMBER, "month", ZONE, NOW)
    assert (row.meter, row.amount, row.peak_kw) == ("S-01", 15, 24)
    assert october(line)[0].amount is None


def test_a_region_is_the_sum_of_its_key_units(line: Line) -> None:
    line.tell(steps("E-01", 0, 100))
    line.drain()
    (row,) = region_usage(line.conn, "620500", OCTOBER, NOVEMBER, "month", ZONE, NOW)
    assert row.amount == 100
    assert totals([row]).tce_equivalent == pytest.approx(0.01229)


def test_ec44_totals_say_at_least_where_a_carrier_is_unknown_or_not_converted(line: Line) -> None:
    line.tell([("E-01", 0, 0), ("E-01", 31 * 24 * 60, 744)])
    (whole,) = october(line)
    assert not totals([whole]).at_least
    unconverted = replace(whole, tce_equivalent=None, tce_equal_value=None, tce_assessed=None, tco2=None)
    assert (totals([whole, unconverted]).at_least, totals([whole, unconverted]).tce_equivalent) == (
        True, whole.tce_equivalent)  # fmt: skip
    assert totals([replace(whole, high=None, flags=["missing"])]).at_least


def test_an_unknown_enterprise_is_one_clear_sentence(line: Line) -> None:
    with pytest.raises(UnknownSubject, match="enterprise 'NOBODY' is not registered"):
        enterprise_usage(line.conn, "NOBODY", OCTOBER, NOVEMBER, "month", ZONE, NOW)


def test_ec45_rule_3_own_generation_and_export(line: Line) -> None:
    """Import 1,000,000 kWh, PV 200,000, export 50,000: use 1,150,000 = 141.335 tce; assessed 122.900; CO2 530.6 t."""
    line.meter("PV", role="generation_renewable", in_total=True, level=2)
    line.meter("X-01", role="export")
    end = 31 * 24 * 60
    for code, amount in (("E-01", 1_000_000), ("PV", 200_000), ("X-01", 50_000)):
        line.tell([(code, 0, 0), (code, end, amount)])
    (row,) = october(line)
    assert row.amount == pytest.approx(1_150_000)
    assert row.tce_equivalent == pytest.approx(141.335) and row.tce_assessed == pytest.approx(122.9)
    assert row.tco2 == pytest.approx(530.6)

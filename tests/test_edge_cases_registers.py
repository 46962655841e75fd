"""EC-1 to EC-11 of the edge-case list, each vector through the whole line: readings in, consumption and usage out."""

import json
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from psycopg import Connection

from energy import binding
from energy.binding import AMOUNTS, DAILY_TOTALS
from energy.periods import month_of
from energy.quality import Flag
from energy.refused import Refused
from energy.registers import HOUR, MINUTE, Event
from ingest import files
from ingest.decode import decode
from ingest.dialect import Dialect
from reports.explanation import statements
from storage import binding as kept
from storage import registry, snapshot, stale
from storage.data_quality import enterprise_quality
from storage.explain import explain
from storage.usage import UsageRow, meter_usage
from tests.line import NOW, START, ZONE, Line
from tests.test_rollup import steps

DAY = 24 * 60  # minutes


@pytest.fixture
def line(conn: Connection) -> Line:
    one = Line(conn)
    one.factor("electricity", 0.1229, 0.3016, 0.5306)
    return one


def amounts(line: Line, code: str = "E-01") -> list[object]:
    line.drain()
    return [row[1] for row in line.consumption(code)]


def flags(line: Line, code: str = "E-01") -> int:
    line.drain()
    query = "SELECT bit_or(flags) FROM consumption WHERE meter_id = %s"
    row = line.conn.execute(query, [line.ids[code]]).fetchone()
    assert row is not None
    return int(row[0])


def total(line: Line, code: str = "E-01", days: int = 31) -> UsageRow:
    line.drain()
    until = START.date() + timedelta(days=days)
    (row,) = meter_usage(line.conn, "DEMO-1", code, START.date(), until, "month", ZONE, NOW)
    return row


def event(line: Line, code: str, minute: float, kind: str, **columns: object) -> None:
    names = ["meter_id", "time", "event", *columns]
    values = [line.ids[code], START + timedelta(minutes=minute), kind, *columns.values()]
    line.conn.execute(f"INSERT INTO meter_event ({', '.join(names)}) VALUES ({', '.join(['%s'] * len(names))})", values)
    line.changed()


def test_ec_01_rollover_counts_on_through_its_modulus(line: Line) -> None:
    line.meter("E-01", register_max=1_000_000)
    line.tell(steps("E-01", 999_998.50, 0.75))
    assert amounts(line) == [2.25] and flags(line) == Flag.ROLLOVER


def test_ec_01_five_digits_roll_over_at_100_000_not_at_99_999(line: Line) -> None:
    line.meter("E-01", register_max=100_000)
    line.tell(steps("E-01", 99_999, 1))
    assert amounts(line) == [2]


def test_ec_02_a_reset_is_bounded_never_negative_never_invented(line: Line) -> None:
    line.meter("E-01", max_rate=100)
    line.tell(steps("E-01", 5_000, 12, every=60))
    line.drain()
    (row,) = line.consumption("E-01")
    assert row[1:4] == (None, 12, 100) and row[11] == Flag.RESET


def test_ec_02_an_hour_with_a_reset_is_at_least_its_bound_and_what_is_known_beside_it(line: Line) -> None:
    line.meter("E-01", max_rate=100)
    line.tell(steps("E-01", 5_000, 12, 20, 30, every=40))
    line.drain()
    first, second = line.consumption("E-01")
    assert [row[1:3] for row in (first, second)] == [(16, 16), (14, None)]
    assert (total(line, days=1).amount, total(line, days=1).low) == (30, 30)


def test_ec_02_it_is_the_same_when_the_readings_behind_the_reset_come_one_by_one(line: Line) -> None:
    line.meter("E-01", max_rate=1_000)
    told = steps("E-01", 5_000, 12, 20, 30, 40, 50, 60, 70, 80, every=7)
    for one in told:
        line.tell([one])
        line.drain()
    (row,) = line.consumption("E-01")
    assert row[1:4] == (80, 80, pytest.approx(68 + 1_000 * 7 / 60))


def test_ec_03_a_dip_is_set_aside_and_the_sum_is_last_minus_first(line: Line) -> None:
    line.meter("E-01")
    line.tell(steps("E-01", 877.2, 3.1, 878.9))
    assert amounts(line) == [pytest.approx(1.7)] and flags(line) == Flag.DIP


def test_ec_04_a_spike_is_set_aside_and_the_sum_is_last_minus_first(line: Line) -> None:
    line.meter("E-01", max_rate=100)
    line.tell(steps("E-01", 100, 999_999, 101))
    assert amounts(line) == [1] and flags(line) == Flag.SPIKE
    assert line.conn.execute("SELECT count(*) FROM quarantined_reading").fetchone() == (1,)


def test_ec_05_an_exchange_is_closed_and_opened_with_its_registers(line: Line) -> None:
    line.meter("E-01")
    event(line, "E-01", 60, "exchange", old_final=5_020, new_initial=3, new_serial="SN-2")
    line.tell([("E-01", 0, 5_000), ("E-01", 120, 8)])
    assert amounts(line) == [20, 5] and total(line).amount == 25


def test_ec_05_a_new_meter_may_be_wider_and_have_another_ratio(line: Line) -> None:
    """Five digits and a ratio of 40, then six digits and 60; the new one rolls over at its own width."""
    line.meter("E-01", multiplier=40, scale=40, register_max=100_000)
    event(line, "E-01", 60, "exchange", old_final=99_990, new_initial=999_990, value="1000000")
    event(line, "E-01", 60, "multiplier", value="60")
    line.tell([("E-01", 0, 99_980), ("E-01", 120, 999_995), ("E-01", 180, 2)])
    assert amounts(line) == [10 * 40, 5 * 60, 7 * 60] and flags(line) & Flag.ROLLOVER


def test_ec_05_meters_come_and_go_under_one_point(line: Line) -> None:
    line.meter("E-01")
    for minute, final, initial in ((60, 110, 0), (180, 40, 7)):
        event(line, "E-01", minute, "exchange", old_final=final, new_initial=initial)
    line.tell([("E-01", 0, 100), ("E-01", 120, 20), ("E-01", 240, 9)])
    assert amounts(line) == [10, 20, 20, 2]


def test_ec_06_the_first_reading_ever_is_no_energy(line: Line) -> None:
    line.meter("E-01")
    line.tell(steps("E-01", 7_000))
    assert amounts(line) == [] and total(line).amount is None


def test_ec_07_a_ratio_holds_from_its_instant_where_a_reading_was_taken(line: Line) -> None:
    line.meter("E-01", multiplier=40, scale=40)
    event(line, "E-01", 60, "multiplier", value="60")
    line.tell(steps("E-01", 10, 20, 30, every=60))
    assert amounts(line) == [400, 600] and flags(line) == 0


def test_ec_07_two_changes_between_two_readings_both_bind(line: Line) -> None:
    line.meter("E-01", multiplier=40, scale=40)
    event(line, "E-01", 20, "multiplier", value="60")
    event(line, "E-01", 40, "multiplier", value="50")
    line.tell(steps("E-01", 10, 20, 30, every=60))
    line.drain()
    first, second = line.consumption("E-01")
    assert first[1:4] == (pytest.approx(10 * (40 + 60 + 50) / 3), 400, 600), "between the lowest ratio and the highest"
    assert first[11] == Flag.MULTIPLIER and (second[1], second[11]) == (500, 0)


def test_ec_07_a_change_of_unit_and_of_ratio_between_two_readings_are_two_changes(line: Line) -> None:
    line.meter("E-01", multiplier=2, scale=2)
    event(line, "E-01", 20, "unit", value="MWh")
    event(line, "E-01", 40, "multiplier", value="1")
    line.tell(steps("E-01", 0, 3, 4, every=60))
    line.drain()
    first, second = line.consumption("E-01")
    assert first[1:4] == (pytest.approx(3 * (2 + 2_000 + 1_000) / 3), 6, 6_000) and second[1] == 1_000


def test_ec_07_a_change_before_an_exchange_without_a_reading_is_bounded_too(line: Line) -> None:
    line.meter("E-01", multiplier=40, scale=40)
    event(line, "E-01", 30, "multiplier", value="60")
    event(line, "E-01", 60, "exchange", old_final=20, new_initial=0)
    line.tell([("E-01", 0, 10), ("E-01", 120, 5)])
    line.drain()
    first, second = line.consumption("E-01")
    assert first[1:4] == (500, 400, 600) and first[11] == Flag.MULTIPLIER | Flag.EXCHANGE and second[1] == 300


def test_ec_07_a_reset_after_a_change_has_the_lowest_ratio_for_its_lower_bound(line: Line) -> None:
    line.meter("E-01", multiplier=40, scale=40, max_rate=5_000)
    event(line, "E-01", 30, "multiplier", value="60")
    line.tell(steps("E-01", 500, 12, every=60))
    line.drain()
    assert line.consumption("E-01")[0][1:4] == (None, 480, 5_000)


METERS = "enterprise,code,carrier,kind,unit,multiplier\nDEMO-1,E-01,electricity,register,kWh,{}\n"


def test_ec_08_a_ratio_entered_wrongly_is_imported_again_and_the_past_follows_with_its_trail(
    line: Line, tmp_path: Path
) -> None:
    take(line, tmp_path, "meters", METERS.format(40))
    row = line.conn.execute("SELECT id FROM meter WHERE code = 'E-01'").fetchone()
    assert row is not None
    line.ids["E-01"] = row[0]
    line.tell(steps("E-01", 10, 20, 30, every=60))
    assert total(line).amount == 800
    line.conn.execute("SELECT set_config('enermon.actor', '王工', false)")
    take(line, tmp_path, "meters", METERS.format(60))
    assert total(line).amount == 1_200
    about = explain(line.conn, "DEMO-1", month_of(START.date()), ZONE, NOW, "E-01")
    (change,) = about.meters[0].record.changes
    assert (change.actor, change.before, change.after) == ("王工", {"multiplier": "40"}, {"multiplier": "60"})
    assert any("multiplier from 40 to 60" in each for each in statements(about, ZONE))


def test_ec_08_a_name_that_changes_is_no_change_of_figures(line: Line, tmp_path: Path) -> None:
    take(line, tmp_path, "meters", METERS.format(40))
    take(
        line, tmp_path, "meters", "enterprise,code,name,carrier,kind,unit\nDEMO-1,E-01,main,electricity,register,kWh\n"
    )
    assert line.conn.execute("SELECT count(*) FROM registry_change").fetchone() == (0,)
    assert line.conn.execute("SELECT count(*) FROM stale_span").fetchone() == (0,)


def take(line: Line, folder: Path, name: str, text: str) -> None:
    (folder / f"{name}.csv").write_text(text, "utf-8")
    registry.import_file(line.conn, folder / f"{name}.csv", ZONE)
    snapshot._cache.clear()


EVENTS = "enterprise,meter,time,event,old_final,new_initial,value\n"


def test_a_change_from_an_instant_on_recomputes_what_it_touches_and_nothing_else(line: Line, tmp_path: Path) -> None:
    line.meter("E-01")
    line.meter("E-02", in_total=False)
    values = [10.0 * n for n in range(10 * 24 + 1)]
    line.tell([one for code in ("E-01", "E-02") for one in steps(code, *values, every=60)])
    line.drain()
    before = versions(line)
    sixth = START + timedelta(days=5)
    take(line, tmp_path, "meter_events", f"{EVENTS}DEMO-1,E-01,{sixth.isoformat()},multiplier,,,2\n")
    line.drain()
    touched = [key for key, version in versions(line).items() if before[key] != version]
    assert {code for code, _ in touched} == {"E-01"}
    assert min(hour for _, hour in touched) >= sixth - timedelta(hours=6)
    assert len(touched) <= 5 * 24 + 6
    assert total(line, "E-01").amount == 5 * 240 + 5 * 480 and total(line, "E-02").amount == 2_400
    computed = line.conn.execute("SELECT min(day)::text FROM usage WHERE amount = 480").fetchone()
    assert computed == ("2026-10-06",)


def versions(line: Line) -> dict[tuple[str, datetime], str]:
    """Of every hour of consumption, which write it was last written by."""
    rows = line.conn.execute(
        "SELECT m.code, c.hour, c.ctid::text || ' ' || c.tableoid FROM consumption c JOIN meter m ON m.id = c.meter_id"
    )
    return {(code, hour): version for code, hour, version in rows}


def test_an_exchange_recomputes_its_surroundings_only_unless_the_new_register_has_another_width(
    line: Line, tmp_path: Path
) -> None:
    line.meter("E-01", register_max=100_000)
    take(line, tmp_path, "meter_events", f"{EVENTS}DEMO-1,E-01,2026-10-02T00:00:00+08:00,exchange,20,0,\n")
    span = "SELECT until - since FROM stale_span"
    assert line.conn.execute(span).fetchall() == [(timedelta(0),)]
    line.conn.execute("DELETE FROM stale_span")
    line.tell(steps("E-01", *[10.0 * n for n in range(72)], every=60))
    line.drain()
    take(line, tmp_path, "meter_events", f"{EVENTS}DEMO-1,E-01,2026-10-02T00:00:00+08:00,exchange,20,0,1000000\n")
    assert line.conn.execute(span).fetchall() == [(timedelta(hours=47),)]
    with pytest.raises(Refused, match="wide"):
        take(line, tmp_path, "meter_events", f"{EVENTS}DEMO-1,E-01,2026-10-02T00:00:00+08:00,exchange,20,0,wide\n")


def test_ec_09_the_steps_of_a_coarse_register_are_its_amounts_and_no_standstill(line: Line) -> None:
    """Steps of 0, 0, 0, 0 and 80 kWh: 64 kW by a register that shows hundredths, times 8 000."""
    line.meter("E-01", multiplier=8_000, scale=8_000)
    line.tell(steps("E-01", *[round(100 + 0.01 * (n // 5), 2) for n in range(30 * 96 + 1)]))
    row = total(line, days=30)
    assert row.amount == pytest.approx(30 * 24 * 64) and flags(line) == 0
    found = enterprise_quality(line.conn, "DEMO-1", month_of(START.date()), ZONE, NOW).findings
    assert {one.finding for one in found} & {"stuck_register", "constant", "zero_run", "null_as_zero"} == set()


# --- EC-10


def daily_totals(days: int, start: int = 0) -> list[tuple[str, float, float]]:
    """A counter that begins anew every midnight: 10 an hour, 240 a day."""
    return [("E-01", DAY * day + 60 * h, 10.0 * h) for day in range(start, start + days) for h in range(1, 25)]


def interval_amounts(days: int, start: int = 0) -> list[tuple[str, float, float]]:
    """Amounts of an hour, up and down all day."""
    return [
        ("E-01", DAY * day + 60 * h, 20.0 + (7 * h) % 11) for day in range(start, start + days) for h in range(1, 25)
    ]


def register(days: int, start: int = 0, base: float = 1_000) -> list[tuple[str, float, float]]:
    return [("E-01", 60 * h, base + 10.0 * (h - 24 * start)) for h in range(24 * start + 1, 24 * (start + days) + 1)]


def refused_days(line: Line) -> list[tuple[int, str]]:
    line.drain()
    rows = line.conn.execute("SELECT since, why FROM unbound_day ORDER BY since")
    return [((since.astimezone(ZONE) - START).days, why) for since, why in rows]


def test_ec_10_daily_totals_declared_cumulative_are_refused_and_nothing_of_them_is_known(line: Line) -> None:
    line.meter("E-01", max_rate=100, interval_minutes=60)
    line.tell(daily_totals(6))
    assert refused_days(line) == [(day, DAILY_TOTALS) for day in range(6)]
    row = total(line, days=6)
    assert (row.amount, row.low, row.high) == (None, 0, 143 * 100)


def test_ec_10_amounts_declared_cumulative_are_refused(line: Line) -> None:
    line.meter("E-01", max_rate=100, interval_minutes=60)
    line.tell(interval_amounts(3))
    assert refused_days(line) == [(day, AMOUNTS) for day in range(3)]
    assert total(line, days=3).amount is None


def test_ec_10_only_the_days_that_are_wrong_are_refused(line: Line) -> None:
    line.meter("E-01", max_rate=100, interval_minutes=60)
    line.tell([*register(5), *interval_amounts(2, start=5), *register(5, start=7, base=3_000)])
    assert [day for day, _ in refused_days(line)] == [5, 6]
    assert total(line, days=5).amount == 5 * 240 - 10
    row = line.conn.execute("SELECT amount FROM usage WHERE day = '2026-10-10'").fetchone()
    assert row == (240,)


def test_ec_10_a_reset_a_roll_over_an_exchange_and_dips_are_no_confusion(line: Line) -> None:
    line.meter("E-01", max_rate=100, interval_minutes=60, register_max=1_400)
    dips = {24 * 60, 48 * 60, 72 * 60}  # at every midnight
    told = [(code, minute, 3.0 if minute in dips else value) for code, minute, value in register(10)]
    line.tell([(code, minute, value % 1_400) for code, minute, value in told])
    event(line, "E-01", 11 * DAY, "exchange", old_final=1_010, new_initial=0)
    line.tell(register(3, start=12, base=5))
    assert refused_days(line) == []


def test_ec_10_it_ends_when_the_point_is_registered_as_what_it_is(line: Line) -> None:
    line.meter("E-01", max_rate=100, interval_minutes=60)
    line.tell(interval_amounts(3))
    assert total(line, days=3).amount is None
    line.conn.execute("UPDATE meter SET kind = 'interval'")
    line.changed()
    span = stale.StaleSpan(line.enterprise_id, [line.ids["E-01"]], START, START + timedelta(days=3), "registry")
    stale.mark(line.conn, [span])
    assert total(line, days=3).amount == sum(value for *_, value in interval_amounts(3))
    assert refused_days(line) == []


def test_ec_10_a_correction_settles_what_is_refused(line: Line) -> None:
    line.meter("E-01", max_rate=100, interval_minutes=60)
    line.tell(daily_totals(6))
    line.drain()
    line.conn.execute(
        "INSERT INTO correction (meter_id, since, until, amount, author, reason, approver, approved_at)"
        " VALUES (%s, %s, %s, 1440, '王', '类型错误', '李', %s)",
        (line.ids["E-01"], START, START + timedelta(days=6), NOW),
    )
    span = stale.StaleSpan(line.enterprise_id, [line.ids["E-01"]], START, START + timedelta(days=6), "correction")
    stale.mark(line.conn, [span])
    assert total(line, days=6).amount == pytest.approx(1_440)


def test_ec_10_explain_and_check_say_so_in_one_sentence_each(line: Line) -> None:
    line.meter("E-01", interval_minutes=60)
    line.tell(daily_totals(6))
    line.drain()
    about = explain(line.conn, "DEMO-1", month_of(START.date()), ZONE, NOW, "E-01")
    (told,) = [each for each in statements(about, ZONE) if "Refused on" in each]
    assert "6 days from 2026-10-01 00:00 to 2026-10-07 00:00: 5 of 143 steps fall; it falls every midnight" in told
    (one,) = kept.lately(line.conn, START)
    assert (one.enterprise, one.meter, one.days, one.why) == ("DEMO-1", "E-01", 6, DAILY_TOTALS)


def test_ec_10_the_days_are_judged_by_content_whatever_comes_first(line: Line) -> None:
    told = [*register(4), *daily_totals(6, start=4), *register(4, start=10, base=3_000)]
    ends = []
    for number, order in enumerate((told, told[::-1], told[1::2] + told[::2], told[170:] + told[:170])):
        code = f"E-0{number}"
        line.meter(code, max_rate=100, interval_minutes=60)
        for start in range(0, len(order), 50):
            line.tell([(code, minute, value) for _, minute, value in order[start : start + 50]])
            line.drain()
        days = line.conn.execute(
            "SELECT since, until, why, fallen, steps FROM unbound_day WHERE meter_id = %s ORDER BY since",
            (line.ids[code],),
        ).fetchall()
        ends.append((days, line.consumption(code)))
    assert len(ends[0][0]) == 7, "the day before the first fall too: its end is where the change shows"
    assert ends == [ends[0]] * 4


def test_a_fall_over_an_event_or_over_days_of_silence_says_nothing() -> None:
    midnights = np.arange(6, dtype=np.int64) * 24 * HOUR
    time = np.array([0, 1, 2, 3, 4], dtype=np.int64) * 24 * HOUR + HOUR
    value = np.array([9.0, 8, 7, 6, 5])
    assert len(binding.refused(time, value, midnights, float("nan"))) == 5
    resets = [Event(24 * HOUR * n + 30 * MINUTE, "reset") for n in range(6)]
    assert binding.refused(time, value, midnights, float("nan"), resets) == []
    assert binding.refused(time * 2, value, midnights * 2, float("nan")) == []


# --- EC-11


@pytest.mark.parametrize("first", [16_777_216.01, 9_999_999_999.97])
def test_ec_11_a_large_register_keeps_its_hundredths(line: Line, first: float) -> None:
    """From the message's text through storage to usage and its JSON."""
    line.meter("E-01", register_max=10_000_000_000)
    texts = [f"{first:.2f}", f"{first + 0.02:.2f}"]
    sent = [f'{{"meter": "E-01", "time": {n}, "value": {text}}}' for n, text in enumerate(texts)]
    values = decode(f'{{"readings": [{", ".join(sent)}]}}'.encode(), 10_000).values
    assert [f"{value:.2f}" for value in values] == texts
    line.tell(steps("E-01", *values))
    line.drain()
    stored = line.conn.execute("SELECT value::text FROM reading ORDER BY time").fetchall()
    assert [row[0] for row in stored] == texts
    row = total(line)
    assert row.amount == pytest.approx(0.02, abs=2e-6) and json.loads(json.dumps(row.amount)) == row.amount


def test_ec_11_a_file_keeps_them_too(tmp_path: Path) -> None:
    file = tmp_path / "large.csv"
    file.write_text("time,meter,value\n2026-10-01T00:00:00Z,E-01,9999999999.99\n", "utf-8")
    (chunk,) = files.read(file, Dialect(), lambda meter, unit: 1.0)
    assert f"{chunk.columns.values[0]:.2f}" == "9999999999.99"


def test_a_point_keeps_what_held_in_each_part_of_its_life(line: Line) -> None:
    """A point that is exchanged, re-rated and re-united within a month: every part with what held then."""
    line.meter("E-01", multiplier=10, scale=10, interval_minutes=60)
    event(line, "E-01", 2 * DAY, "multiplier", value="20")
    event(line, "E-01", 4 * DAY, "exchange", old_final=96, new_initial=500)
    event(line, "E-01", 6 * DAY, "unit", value="MWh")
    line.tell([("E-01", 60.0 * h, h + (0.0 if h < 97 else 500 - 96)) for h in range(193)])
    line.drain()
    days = line.conn.execute("SELECT amount FROM usage ORDER BY day").fetchall()
    assert [row[0] for row in days] == [240, 240, 480, 480, 480, 480, 480_000, 480_000]

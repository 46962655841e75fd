"""What made a figure, down to the reading. All enterprises are invented."""

import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from psycopg import Connection

from energy import evidence, periods
from energy.evidence import Told
from energy.quality import Flag
from energy.refused import Refused
from energy.registers import HOUR, MINUTE, Pieces
from enermon.cli import cli
from reports.explanation import statements
from storage import database, seed
from storage.explain import Explanation, MeterTold, explain
from storage.usage import UnknownSubject, enterprise_usage, meter_usage, totals
from tests.line import NOW, START, ZONE, Line
from tests.test_corrections import approved, wrote
from tests.test_rollup import steps

OCTOBER = periods.parse("2026-10")
END = 31 * 24 * 60


@pytest.fixture
def line(conn: Connection) -> Line:
    one = Line(conn)
    one.factor("electricity", 0.1229, 0.3016, 0.5306)
    one.meter("E-01")
    return one


def explained(line: Line, meter: str | None = None) -> Explanation:
    line.drain()
    return explain(line.conn, "DEMO-1", OCTOBER, ZONE, NOW, meter)


def the_meter(line: Line, code: str = "E-01") -> MeterTold:
    return explained(line, code).meters[0]


def at(minute: float) -> datetime:
    return (START + timedelta(minutes=minute)).astimezone(UTC)


def a_hard_month(line: Line) -> None:
    """A month with a gap, a dip, a conflict, an export, own generation and a correction."""
    line.meter("X-01", role="export")
    line.meter("PV", role="generation_renewable")
    line.meter("SUB", level=2)
    values = [(code, minute, value) for code, minute, value in steps("E-01", *[10.0 * n for n in range(31 * 96 + 1)])]
    line.tell([one for one in values if not 600 < one[1] < 900 and one[1] != 1_200])
    line.tell([("E-01", 1_200, 3.0)], seq=1)
    line.tell([("E-01", 1_215, 812.0)], seq=9)
    for code, amount in (("X-01", 300), ("PV", 800), ("SUB", 7)):
        line.tell([(code, 0, 0), (code, END, amount)])
    approved(line, 3_000, 3_120, 500)


def test_the_figures_are_those_of_usage_to_the_last_bit(line: Line) -> None:
    a_hard_month(line)
    about = explained(line)
    rows = enterprise_usage(line.conn, "DEMO-1", OCTOBER.first, OCTOBER.until, "month", ZONE, NOW)
    assert about.figures == rows and about.totals == totals(rows)
    (one,) = about.conversion
    assert (one.amount, one.tce_equivalent, one.tce_equal_value, one.tce_assessed, one.tco2) == (
        rows[0].amount, rows[0].tce_equivalent, rows[0].tce_equal_value, rows[0].tce_assessed, rows[0].tco2,
    )  # fmt: skip
    for told in about.meters:
        alone = meter_usage(line.conn, "DEMO-1", told.code, OCTOBER.first, OCTOBER.until, "month", ZONE, NOW)
        assert [told.usage] == alone


def test_the_arithmetic_can_be_done_again_by_hand(line: Line) -> None:
    a_hard_month(line)
    (one,) = explained(line).conversion
    assert one.amount == pytest.approx(one.bought + one.renewable - one.exported)
    assert one.exported == pytest.approx(300) and one.renewable == pytest.approx(800)
    assert one.kgce_equivalent and one.kgce_equal_value and one.kgco2 and one.amount
    assert one.tce_equivalent == pytest.approx(one.amount * one.kgce_equivalent / 1000)
    assert one.tce_equal_value == pytest.approx(one.amount * one.kgce_equal_value / 1000)
    assert one.tce_assessed == pytest.approx((one.amount - one.self_used_renewable) * one.kgce_equivalent / 1000)
    assert one.tco2 == pytest.approx(one.emitting * one.kgco2 / 1000)
    assert [(each.kind, float(each.value or 0), each.method, each.source) for each in one.factors] == [
        ("equivalent", 0.1229, "default", "test"), ("equal_value", 0.3016, "default", "test"),
        ("co2", 0.5306, "default", "test"),
    ]  # fmt: skip


def test_ec39_a_factor_that_changes_within_the_month_splits_the_arithmetic(line: Line) -> None:
    line.conn.execute("UPDATE factor SET valid_to = '2026-10-11'")
    line.conn.execute(
        "INSERT INTO factor (carrier, unit, kgce_per_unit, kgco2_per_unit, method, confidence, valid_from, source)"
        " VALUES ('electricity', 'kWh', 0.13, 0.5, 'measured', 'sourced', '2026-10-11', 'later')"
    )
    line.changed()
    line.tell([("E-01", 0, 0), ("E-01", END, 3_100)])
    about = explained(line)
    told = [(str(one.since), str(one.until), one.days, one.kgce_equivalent) for one in about.conversion]
    assert told == [("2026-10-01", "2026-10-11", 10, 0.1229), ("2026-10-11", "2026-11-01", 21, 0.13)]
    assert sum(one.tce_equivalent or 0 for one in about.conversion) == pytest.approx(about.totals.tce_equivalent)


def test_every_meter_is_told_with_its_sign_and_the_reason(line: Line) -> None:
    a_hard_month(line)
    told = {one.code: (one.counts, one.sign, one.reason) for one in explained(line).meters}
    assert told == {
        "E-01": (True, 1, "bought"),
        "PV": (True, 1, "own primary production"),
        "SUB": (False, 0, "does not count: in_total is no, or blank below level 1"),
        "X-01": (True, -1, "sold"),
    }


def test_a_month_of_a_register_is_told_from_its_first_reading_to_its_last(line: Line) -> None:
    line.tell([*steps("E-01", *[10.0 * n for n in range(31 * 96 + 2)], start=-15)])
    told = the_meter(line).received
    assert (told.expected, told.received, told.stored, told.by_source) == (2_976, 2_976, 2_977, {"mqtt": 2_977})
    assert told.before and told.first and told.last and told.after is None
    assert (told.before.time, told.before.value) == (at(-15), 0)
    assert (told.first.time, told.first.value, told.last.time, told.last.value) == (at(0), 10, at(END), 29_770)


def test_ec14_a_conflict_names_the_chosen_value_the_others_and_why(line: Line) -> None:
    line.tell(steps("E-01", 0, 10, 20), seq=5)
    line.tell(steps("E-01", 12, start=15), seq=7)
    line.tell(steps("E-01", 11, start=15), seq=6)
    (one,) = the_meter(line).conflicts
    assert (one.time, one.chosen.value, one.chosen.seq, one.why) == (at(15), 12, 7, "seq")
    assert [(other.value, other.seq) for other in one.others] == [(10, 5), (11, 6)]


def test_what_decides_between_several_values_is_named() -> None:
    mqtt = Told(10.0, 20, 5)
    assert evidence.why_chosen(Told(9.0, 30, None), [mqtt]) == "source"
    assert evidence.why_chosen(Told(9.0, 20, 6), [mqtt, Told(8.0, 20, None)]) == "seq"
    assert evidence.why_chosen(Told(11.0, 21, 5), [mqtt]) == "value"


def test_ec3_ec4_what_was_set_aside_is_told_with_its_value(line: Line) -> None:
    line.tell(steps("E-01", 877.2, 3.1, 878.9))
    assert [(one.time, one.value, one.set_aside) for one in the_meter(line).set_aside] == [(at(15), 3.1, "dip")]


def test_odd_steps_are_told_with_times_and_amounts(line: Line) -> None:
    line.conn.execute("UPDATE meter SET register_max = 1000000, max_rate = 100")
    line.conn.execute(
        "INSERT INTO meter_event (meter_id, time, event, old_final, new_initial, document)"
        " VALUES (%s, %s, 'exchange', 25, 3, '换表单')", (line.ids["E-01"], at(120)),
    )  # fmt: skip
    line.changed()
    line.tell([("E-01", 0, 999_990), ("E-01", 15, 5), ("E-01", 105, 20), ("E-01", 135, 8)])
    told = the_meter(line)
    assert [(one.since, one.until, one.amount, one.flags) for one in told.steps] == [
        (at(0), at(15), 15, ["rollover"]), (at(15), at(105), 15, ["gap"]),
        (at(105), at(120), 5, ["exchange"]), (at(120), at(135), 5, ["exchange"]),
    ]  # fmt: skip
    assert [(one["event"], one["document"]) for one in told.events] == [("exchange", "换表单")]


def test_ec28_a_step_over_the_months_edge_tells_its_share(line: Line) -> None:
    line.tell([("E-01", -10, 100), ("E-01", 5, 160), ("E-01", 15, 170)])
    (one,) = the_meter(line).steps
    assert (one.since, one.amount, one.flags) == (at(-10), 60, ["interpolated"])
    assert one.inside == pytest.approx(20)


def test_a_gap_of_an_interval_meter_is_told_as_unknown(line: Line) -> None:
    line.meter("I-01", "interval")
    line.tell([("I-01", 15 * n, 1.0) for n in range(1, 31 * 96 + 1) if not 10 <= n < 20])
    assert the_meter(line, "I-01").unknown == [(at(135), at(285))]


def test_time_that_nothing_speaks_of_is_found() -> None:
    since = np.array([0, 30, 90]) * MINUTE
    until = np.array([30, 60, 120]) * MINUTE
    empty = np.zeros(3)
    pieces = Pieces(np.zeros(3, dtype=np.int64), since, until, empty, empty, empty, np.zeros(3, dtype=np.int64))
    assert evidence.unknown(pieces, -HOUR, 3 * HOUR) == [
        (-HOUR, 0), (60 * MINUTE, 90 * MINUTE), (120 * MINUTE, 180 * MINUTE),
    ]  # fmt: skip
    assert evidence.odd_steps(pieces, 15 * MINUTE, 0, HOUR)[0].flags == Flag.GAP


def test_ec63_corrections_are_told_with_author_approver_reason_and_document(line: Line) -> None:
    line.tell(steps("E-01", *[10.0 * n for n in range(97)]))
    first, pending = approved(line, 60, 120, 400), wrote(line, 180, 240, 9, author="赵")
    told = the_meter(line)
    assert [(one.id, one.state, one.author, one.approver, one.reason, one.document) for one in told.corrections] == [
        (first, "approved", "王工", "李科长", "表计故障", "检修单 7 号"),
        (pending, "pending", "赵", None, "表计故障", "检修单 7 号"),
    ]
    assert (told.usage.amount, told.by_readings) == (960 + 360, 960)
    assert [one.in_place_of for one in told.corrections] == [40, 40]


def test_a_meter_goes_down_to_every_reading(line: Line) -> None:
    line.tell(steps("E-01", 100, 110, 125, 125.5), seq=3)
    told = the_meter(line)
    assert told.readings is not None
    assert [(one.time, one.value, one.amount, one.source, one.seq) for one in told.readings] == [
        (at(0), 100, None, "mqtt", 3), (at(15), 110, 10, "mqtt", 3), (at(30), 125, 15, "mqtt", 3),
        (at(45), 125.5, 0.5, "mqtt", 3),
    ]  # fmt: skip
    assert all(one.received for one in told.readings)
    assert explained(line).meters[0].readings is None


def test_a_meter_that_never_spoke_is_explained_too(line: Line) -> None:
    told = the_meter(line)
    assert (told.received.stored, told.received.first, told.readings, told.usage.amount) == (0, None, [], None)
    assert statements(explained(line), ZONE)


def test_what_is_not_registered_or_has_not_begun_is_one_sentence(line: Line) -> None:
    with pytest.raises(UnknownSubject, match="enterprise 'NOBODY' is not registered"):
        explain(line.conn, "NOBODY", OCTOBER, ZONE, NOW)
    with pytest.raises(UnknownSubject, match="meter 'E-99'"):
        explain(line.conn, "DEMO-1", OCTOBER, ZONE, NOW, "E-99")
    with pytest.raises(Refused, match="2027-01 has not begun"):
        explain(line.conn, "DEMO-1", periods.parse("2027-01"), ZONE, NOW)


def test_the_text_answers_like_a_hearing(line: Line) -> None:
    a_hard_month(line)
    text = "\n".join(statements(explained(line), ZONE))
    for said in (
        "1. electricity: ", "x 0.1229 kgce/kWh / 1000 = ",
        "Factor equal value: 0.3016 per kWh, national, default, sourced",
        "Meter X-01 (electricity, export) is taken off: sold; 300 kWh.",
        "Meter SUB (electricity, consumption) is left out",
        "At 2026-10-01 20:15 812 (mqtt, seq 9) was chosen and 810 (mqtt) was not: it has the larger sequence number.",
        "The reading 3 at 2026-10-01 20:00 was set aside as dip: lower than what came before and after.",
        "2026-10-01 10:00 to 2026-10-01 15:00: 200 kWh (gap): longer than the approved interval",
        "500 kWh in place of 80 kWh by the readings, 表计故障, document 检修单 7 号; written by 王工",
        "approved by 李科长 at 2026-11-21 08:00:01.",
    ):  # fmt: skip
        assert said in text


# --- as it is typed

Run = Callable[..., Result]


@pytest.fixture
def run(dsn: str, tmp_path: Path) -> Run:
    """The command line over a plant (invented) with a day of readings and a correction that waits."""
    environment = {
        "ENERMON_DATABASE": dsn, "ENERMON_BROKER": "mqtt://127.0.0.1:1", "ENERMON_DATA": str(tmp_path / "var"),
    }  # fmt: skip
    with database.connect(dsn) as conn:
        seed.seed(conn)
    files = {
        "enterprises.csv": "code,name,region\nCEM,示例水泥（虚构）,620500\n",
        "meters.csv": "enterprise,code,name,carrier,kind,unit,multiplier,interval_minutes\n"
        "CEM,E-01,总进线,electricity,register,kWh,10,60\n",
        "corrections.csv": "enterprise,meter,from,to,amount,reason,document,author\n"
        "CEM,E-01,2026-10-01 01:00,2026-10-01 03:00,500,表计故障,检修单,王工\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text, "utf-8")
    readings = "".join(f"2026-10-01T{hour:02}:00:00+08:00,E-01,{5_000 + hour}\n" for hour in range(24))
    (tmp_path / "readings.csv").write_text(f"time,meter,value\n{readings}", "utf-8")

    def enermon(*words: object) -> Result:
        return CliRunner().invoke(cli, [str(word) for word in words], env=environment)

    assert enermon("import", *(tmp_path / name for name in files)).exit_code == 0
    assert enermon("load", tmp_path / "readings.csv", "--enterprise", "CEM").exit_code == 0
    return enermon


def told(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_a_correction_is_approved_listed_and_withdrawn_on_the_command_line(run: Run) -> None:
    asked = ("usage", "--enterprise", "CEM", "--from", "2026-10-01", "--to", "2026-11-01", "--format", "json")
    (one,) = told(run("correct", "list", "--enterprise", "CEM", "--format", "json"))["rows"]
    assert (one["state"], one["from"], one["amount"], one["unit"]) == (
        "pending", "2026-10-01T01:00:00+08:00", 500, "kWh",
    )  # fmt: skip
    before = told(run(*asked))["rows"][0]["amount"]
    refused = run("correct", "approve", one["id"], "--as", "王工")
    assert refused.exit_code == 1 and "cannot approve it" in refused.stderr
    assert run("correct", "approve", one["id"], "--as", "李科长").exit_code == 0
    assert told(run(*asked))["rows"][0]["amount"] == before + 480
    assert "李科长" in run("correct", "list").stdout
    assert run("correct", "withdraw", one["id"], "--as", "王工").exit_code == 0
    assert told(run(*asked))["rows"][0]["amount"] == before
    assert run("correct", "list", "--enterprise", "NOBODY").exit_code == 1


def test_the_command_explains_in_text_and_in_json(run: Run) -> None:
    asked = ("explain", "--enterprise", "CEM", "--month", "2026-10")
    usage = told(run("usage", "--enterprise", "CEM", "--from", "2026-10-01", "--to", "2026-11-01", "--format", "json"))
    about = told(run(*asked, "--format", "json"))
    assert about["totals"] == usage["totals"]
    alone = told(run(*asked, "--meter", "E-01", "--format", "json"))
    (meter,) = alone["meters"]
    assert len(meter["readings"]) == 24 and meter["readings"][1]["time"] == "2026-10-01T01:00:00+08:00"
    text = run(*asked, "--meter", "E-01").stdout
    assert "multiplier 10, so one unit is 10 kWh" in text and "written by 王工, not approved: it does not count" in text
    assert run("explain", "--enterprise", "NOBODY", "--month", "2026-10").exit_code == 1
    assert run("explain", "--enterprise", "CEM", "--month", "2026").exit_code == 2


def test_the_json_has_stable_names(line: Line) -> None:
    line.tell(steps("E-01", 0, 10))
    about = asdict(explained(line, "E-01"))
    assert list(about) == [
        "enterprise", "name", "region", "meter", "period", "since", "until", "as_of", "figures", "totals", "conversion",
        "meters", "remarks", "returns", "comparison", "chain",
    ]  # fmt: skip
    assert {"conflicts", "set_aside", "steps", "unknown", "events", "corrections", "rejected", "readings"} <= set(
        about["meters"][0]
    )

"""`enermon quality` and the figures behind it, on a small invented works on a real database."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from psycopg import Connection

from energy import data_quality
from energy.periods import parse
from enermon.cli import cli
from storage.data_quality import EnterpriseQuality, enterprise_quality, region_quality, rules
from storage.usage import UnknownSubject
from tests.line import NOW, START, ZONE, Line
from tests.test_rollup import steps

OCTOBER = parse("2026-10")
MONTH = 31 * 96


@pytest.fixture
def line(conn: Connection) -> Line:
    one = Line(conn)
    one.factor("electricity", 0.1229, 0.3016, 0.5306)
    one.meter("E-01")
    return one


def register(slots: int = MONTH) -> list[float]:
    """A register that moves by 8 to 12 a quarter of an hour, never twice the same for long."""
    return [1_000 + 10 * n + (n * 7 % 5) / 2 for n in range(slots + 1)]


def october(line: Line) -> EnterpriseQuality:
    line.drain()
    return enterprise_quality(line.conn, "DEMO-1", OCTOBER, ZONE, NOW)


def found(told: EnterpriseQuality) -> dict[str, str]:
    return {row.finding: row.severity for row in told.findings}


def test_ec19_a_month_of_a_sound_meter_sent_later_is_complete_and_raises_nothing(line: Line) -> None:
    line.tell(steps("E-01", *register()))
    told = october(line)
    (meter,) = told.meters
    assert (meter.expected, meter.received, meter.completeness, meter.valid_transmission) == (MONTH, MONTH, 1, 1)
    assert (meter.gaps, meter.validity, meter.set_aside, meter.resets, meter.conflicts) == (0, 1, 0, 0, 0)
    assert told.findings == []


def test_a_part_of_which_nothing_is_known_is_unknown_and_its_weight_goes_to_the_others(line: Line) -> None:
    line.tell(steps("E-01", *register()))
    told = october(line)
    assert (told.parts["accuracy"], told.parts["verifiability"]) == (None, None)
    weights = rules()["weights"]
    assert told.score.known == pytest.approx(1 - (weights["accuracy"] + weights["verifiability"]) / 100)
    known = {name: part for name, part in told.parts.items() if part is not None}
    points = sum(100 * weights[name] * part for name, part in known.items()) / sum(weights[name] for name in known)
    assert told.score.points == pytest.approx(points)


def test_nothing_known_gives_no_score_at_all() -> None:
    nothing = data_quality.score(dict.fromkeys(data_quality.PARTS), rules()["weights"])
    assert (nothing.points, nothing.known) == (None, 0)


def test_an_outage_of_more_than_three_working_days_must_be_filed(line: Line) -> None:
    """From Monday 12 October to Monday the 19th; the national days end before it."""
    told = register()
    line.tell(steps("E-01", *told[: 11 * 96 + 40]))
    line.tell(steps("E-01", *told[18 * 96 + 40 :], start=15 * (18 * 96 + 40)))
    quality = october(line)
    (outage,) = [row for row in quality.findings if row.finding == "outage"]
    assert outage.severity == "duty" and outage.count == 7 * 96
    assert "before 2026-10-16 00:00: to file" in outage.evidence
    assert quality.meters[0].completeness == pytest.approx(1 - 7 / 31)
    assert quality.meters[0].longest_gap_h == pytest.approx(168)
    assert found(quality)["incomplete"] == "warning"


def test_an_outage_over_the_national_days_has_its_term_after_them() -> None:
    due = data_quality.repair_due(START - timedelta(hours=3), 3, _calendar(), ZONE)
    assert due.astimezone(ZONE) == datetime(2026, 10, 11, tzinfo=ZONE)


def _calendar() -> dict[date, str]:
    """1 to 7 October are off, the 10th, a Saturday, is worked in exchange."""
    return {date(2026, 10, day): "holiday" for day in range(1, 8)} | {date(2026, 10, 10): "workday"}


def test_a_short_gap_is_a_gap(line: Line) -> None:
    told = register()
    line.tell(steps("E-01", *told[:400]))
    line.tell(steps("E-01", *told[404:], start=15 * 404))
    (gap,) = [row for row in october(line).findings if row.finding == "gap"]
    assert (gap.count, gap.severity, gap.since) == (4, "notice", START + timedelta(minutes=15 * 399))


def test_ec67_an_expired_calibration_lowers_accuracy_and_nothing_else(line: Line) -> None:
    line.meter("E-02", calibrated_until="2026-10-20", parent="E-01", level=2)
    line.conn.execute("UPDATE meter SET calibrated_until = '2027-01-01' WHERE code = 'E-01'")
    line.tell([*steps("E-01", *register()), *steps("E-02", *register())])
    told = october(line)
    assert told.parts["accuracy"] == 0.5 and told.parts["completeness"] == 1
    (expired,) = [row for row in told.findings if row.finding == "calibration_expired"]
    assert (expired.meter, f"{expired.since:%Y-%m-%d}") == ("E-02", "2026-10-21")


@pytest.mark.parametrize(("billed", "agrees"), [(29_768.0, 1.0), (31_000.0, 1.0), (35_000.0, 0.0)])
def test_the_bill_agrees_within_five_percent(line: Line, billed: float, agrees: float) -> None:
    line.tell(steps("E-01", *register()))
    line.conn.execute(
        "INSERT INTO manual_return (enterprise_id, carrier, period, item, quantity, unit)"
        " VALUES (%s, 'electricity', '2026-10', 'billed', %s, '10^4 kWh')",
        (line.enterprise_id, billed / 10_000),
    )
    told = october(line)
    assert told.parts["verifiability"] == agrees
    assert ("disagrees" in found(told)) is (agrees == 0)


def test_a_dip_a_conflict_and_a_reset_are_counted(line: Line) -> None:
    told = register()
    told[500] = 3.0
    told[2000:] = [value - told[2000] + 5 for value in told[2000:]]
    line.tell(steps("E-01", *told))
    line.tell([("E-01", 15 * 700, told[700] + 0.25)], seq=9)
    quality = october(line)
    (meter,) = quality.meters
    assert (meter.set_aside, meter.resets, meter.conflicts) == (1, 1, 1)
    assert {"set_aside", "reset", "conflict"} <= set(found(quality))
    assert meter.validity == pytest.approx(1 - 1 / meter.received)


def test_ec10_a_register_that_falls_every_midnight_is_told(line: Line) -> None:
    line.tell(steps("E-01", *[float(10 * (n % 96)) for n in range(MONTH + 1)]))
    assert found(october(line))["falls_at_midnight"] == "warning"


def test_ec12_a_meter_wired_backwards(line: Line) -> None:
    line.meter("E-02", role="export", level=2)
    line.tell([*steps("E-01", *[500.0] * (MONTH + 1)), *steps("E-02", *register())])
    (wrong,) = [row for row in october(line).findings if row.finding == "reverse_wiring"]
    assert wrong.meter == "E-01" and "E-02" in wrong.evidence


def test_ec25_a_standstill_says_whether_the_others_moved(line: Line) -> None:
    line.meter("E-02", parent="E-01", level=2)
    told = register()
    stuck = told[:1000] + [told[1000]] * 200 + [value - told[1200] + told[1000] for value in told[1200:]]
    line.tell([*steps("E-01", *told), *steps("E-02", *stuck)])
    (still,) = [row for row in october(line).findings if row.finding == "stuck_register"]
    assert (still.meter, still.count) == ("E-02", 200) and "1 of 1 other meters moved" in still.evidence


def test_ec18_readings_that_came_before_their_time(line: Line) -> None:
    line.tell(steps("E-01", *register()))
    line.conn.execute("UPDATE reading SET received = time - interval '5 minutes'")
    told = october(line)
    assert told.meters[0].delay_s == -300 and told.meters[0].timeliness == 1
    (clock,) = [row for row in told.findings if row.finding == "clock_offset"]
    assert "ahead" in clock.evidence


def test_late_readings_are_not_timely(line: Line) -> None:
    line.tell(steps("E-01", *register()))
    line.conn.execute(
        "UPDATE reading SET received = time + make_interval(mins => CASE WHEN time < %s THEN 2 ELSE 180 END)",
        (START + timedelta(days=15, minutes=1),),
    )
    assert october(line).meters[0].timeliness == pytest.approx(15 / 31, abs=1e-3)


def test_a_file_that_is_loaded_says_nothing_of_timeliness(line: Line) -> None:
    line.tell(steps("E-01", *register()))
    line.conn.execute("UPDATE reading SET source = 21")
    told = october(line)
    assert told.parts["timeliness"] is None and told.meters[0].delay_s is None


def test_a_month_in_progress_expects_readings_up_to_now(line: Line) -> None:
    line.tell(steps("E-01", *register(10 * 96)))
    line.drain()
    now = (START + timedelta(days=10)).astimezone(UTC)
    told = enterprise_quality(line.conn, "DEMO-1", OCTOBER, ZONE, now)
    assert (told.meters[0].expected, told.parts["completeness"]) == (960, 1)


def test_a_meter_that_never_spoke_and_states_no_beginning_is_unknown(line: Line) -> None:
    line.meter("E-02", level=2)
    line.tell(steps("E-01", *register()))
    assert [meter.completeness for meter in october(line).meters] == [1, None]


def test_a_region_is_its_enterprises_and_an_unknown_one_is_refused(line: Line) -> None:
    line.tell(steps("E-01", *register()))
    line.drain()
    told = region_quality(line.conn, "620500", OCTOBER, ZONE, NOW)
    assert [one.enterprise for one in told.enterprises] == ["DEMO-1"]
    with pytest.raises(UnknownSubject, match="999999"):
        region_quality(line.conn, "999999", OCTOBER, ZONE, NOW)


# The command itself -------------------------------------------------------------------------------

Run = Callable[..., Result]


@pytest.fixture
def bare(dsn: str, tmp_path: Path) -> Run:
    """The command line over an empty database."""
    environment = {
        "ENERMON_DATABASE": dsn, "ENERMON_BROKER": "mqtt://127.0.0.1:1", "ENERMON_DATA": str(tmp_path / "var"),
    }  # fmt: skip
    return lambda *words: CliRunner().invoke(cli, [str(word) for word in words], env=environment)


@pytest.fixture
def run(bare: Run, tmp_path: Path) -> Run:
    """The same with one invented works and a gap that was written as zero."""
    (tmp_path / "enterprises.csv").write_text("code,name,region\nCEM,示例水泥（虚构）,620500\n", "utf-8")
    (tmp_path / "meters.csv").write_text(
        "enterprise,code,carrier,kind,unit,interval_minutes,label\nCEM,E-01,electricity,interval,kWh,60,start\n"
    )
    lines = ["time,meter,value"]
    for hour in range(60 * 24):
        when = START - timedelta(days=20) + timedelta(hours=hour)
        value = 0 if 800 <= hour < 840 else 100 + hour * 37 % 50
        lines.append(f"{when.isoformat()},E-01,{value}")
    (tmp_path / "readings.csv").write_text("\n".join(lines))
    assert bare("import", tmp_path / "enterprises.csv", tmp_path / "meters.csv").exit_code == 0
    assert bare("load", tmp_path / "readings.csv", "--enterprise", "CEM").exit_code == 0
    return bare


def test_the_command_drains_and_tells_scores_meters_and_findings(run: Run) -> None:
    result = run("quality", "--enterprise", "CEM", "--month", "2026-10", "--format", "json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert (told["month"], told["enterprises"][0]["enterprise"]) == ("2026-10", "CEM")
    assert set(told["enterprises"][0]["parts"]) == set(told["weights"])
    assert told["meters"][0]["meter"] == "E-01" and told["meters"][0]["received"] > 0
    (zero,) = [row for row in told["findings"] if row["finding"] == "zero_days"]
    assert list(zero) == [
        "enterprise",
        "meter",
        "finding",
        "from",
        "to",
        "count",
        "severity",
        "evidence",
        "evidence_zh",
    ]
    assert (zero["from"], zero["to"], zero["count"], zero["severity"]) == (
        "2026-10-14T08:00:00+08:00", "2026-10-16T00:00:00+08:00", 40, "warning",
    )  # fmt: skip


def test_the_command_for_people(run: Run) -> None:
    result = run("quality", "--region", "620000", "--month", "2026-10")
    assert result.exit_code == 0 and "zero_days" in result.stdout and "not law" in result.stdout


def test_wrong_usage_and_unknown_subjects(bare: Run) -> None:
    for words, code in (
        ("--month 2026-10", 2),
        ("--enterprise CEM --region 620000 --month 2026-10", 2),
        ("--enterprise CEM --month 2026-13", 2),
        ("--enterprise NOBODY --month 2026-10", 1),
    ):
        assert bare("quality", *words.split()).exit_code == code, words

"""Edge cases of topology by their numbers, EC-12, EC-43, EC-44 and EC-68, as they reach whoever asks.

The arithmetic behind them is tried in test_virtual_meters and test_balance. Enterprises are invented.
"""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from fastapi.testclient import TestClient
from openpyxl import load_workbook
from psycopg import Connection

from console.app import create_app
from console.site import Options
from energy import periods
from enermon.cli import cli
from reports.explanation import statements
from storage import database
from storage.data_quality import enterprise_quality
from storage.database import open_pool
from storage.explain import explain
from storage.usage import enterprise_usage
from tests.line import NOW, ZONE, Line
from tests.test_balance import built
from tests.test_virtual_meters import Plant, hours

OCTOBER = periods.parse("2026-10")


@pytest.fixture
def plant(conn: Connection, tmp_path: Path) -> Plant:
    one = Plant(conn)
    one.folder = tmp_path
    one.factor("electricity", 0.1229, 0.3016, 0.5306)
    return one


def test_ec_12_forward_and_reverse_are_never_netted_at_the_door(plant: Plant) -> None:
    plant.meter("IMPORT")
    plant.meter("EXPORT", role="export")
    plant.tell(hours("IMPORT", 10) + hours("EXPORT", 4))
    assert (plant.hour("IMPORT").amount, plant.hour("EXPORT").amount) == (10, 4)
    (row,) = enterprise_usage(plant.conn, "DEMO-1", date(2026, 10, 1), date(2026, 10, 2), "day", ZONE, NOW)
    assert row.amount == 6  # bought less sold, from two registers that are both kept


def test_ec_12_a_meter_that_only_runs_backwards_is_reported(plant: Plant) -> None:
    for code, role in (("FORWARD", "consumption"), ("REVERSE", "export")):
        plant.meter(code, role=role, supply_account="6201")
    plant.tell(hours("FORWARD", *[0] * 48) + hours("REVERSE", *[5] * 48))
    plant.drain()
    found = enterprise_quality(plant.conn, "DEMO-1", OCTOBER, ZONE, NOW).findings
    (row,) = [row for row in found if row.finding == "reverse_wiring"]
    assert row.meter == "FORWARD" and "REVERSE" in row.evidence


def test_ec_12_a_net_of_both_directions_is_a_virtual_meter_and_says_so(plant: Plant) -> None:
    plant.meter("FORWARD", level=2)
    plant.meter("REVERSE", level=2, role="export")
    plant.virtual("NET", "FORWARD - REVERSE")
    plant.tell(hours("FORWARD", 2) + hours("REVERSE", 5))
    row = plant.hour("NET")
    assert row.amount == -3 and row.flags == ["virtual"]


def test_ec_44_explain_shows_the_formula_and_what_is_behind_it(plant: Plant) -> None:
    for code in ("A", "B"):
        plant.meter(code, level=2)
    plant.virtual("V", "A + B * 0.5")
    plant.tell(hours("A", 5, 5) + hours("B", 2))
    plant.drain()
    about = explain(plant.conn, "DEMO-1", OCTOBER, ZONE, NOW, "V")
    (meter,) = about.meters
    assert meter.computed is not None and meter.computed.formula == "A + B * 0.5"
    assert [(row.meter, row.amount) for row in meter.computed.inputs] == [("A", 10), ("B", 2)]
    assert all("missing" in row.flags for row in meter.computed.inputs)  # nothing came after the first hours
    text = "\n".join(statements(about, ZONE))
    assert "Meter V is virtual: A + B * 0.5, hour by hour, of A in kWh, B in kWh" in text
    assert "Input B: 2 (at least 2, no upper bound) kWh" in text
    assert explain(plant.conn, "DEMO-1", OCTOBER, ZONE, NOW).meters[2].usage == meter.usage


def test_ec_44_a_virtual_meter_is_nobody_to_wait_for(plant: Plant) -> None:
    plant.meter("A", level=2)
    plant.virtual("V", "A * 2")
    plant.tell(hours("A", 5))
    plant.drain()
    assert [one.meter for one in enterprise_quality(plant.conn, "DEMO-1", OCTOBER, ZONE, NOW).meters] == ["A"]


@pytest.fixture
def enermon(dsn: str, tmp_path: Path) -> Callable[..., Result]:
    env = {"ENERMON_DATABASE": dsn, "ENERMON_DATA": str(tmp_path)}
    return lambda *words: CliRunner().invoke(cli, words, env=env)


def test_ec_44_readings_under_a_virtual_code_are_unknown_and_the_command_line_gives_its_figures(
    dsn: str, tmp_path: Path, enermon: Callable[..., Result]
) -> None:
    with database.connect(dsn) as conn:
        plant = Plant(conn)
        plant.folder = tmp_path
        plant.factor("electricity", 0.1229, 0.3016, 0.5306)
        for code in ("A", "B"):
            plant.meter(code, level=2, interval_minutes=60)
        plant.virtual("V", "A + B")
        conn.commit()
    rows = [f"2026-10-01T0{n}:00:00+08:00,{code},{value}" for n in range(3) for code, value in (("A", n * 5), ("V", 1))]
    file = tmp_path / "readings.csv"
    file.write_text("time,meter,value\n" + "\n".join(rows) + "\n", "utf-8")
    loaded = enermon("load", str(file), "--enterprise", "DEMO-1")
    assert loaded.exit_code == 0 and "unknown_meter" in loaded.output
    asked = ("--meter", "V", "--from", "2026-10-01", "--to", "2026-10-02", "--by", "hour", "--format", "json")
    told = enermon("usage", "--enterprise", "DEMO-1", *asked)
    assert told.exit_code == 0, told.output
    first = json.loads(told.output)["rows"][0]
    assert (first["amount"], first["low"], first["high"]) == (None, 5.0, None)
    assert (first["covered"], first["completeness"]) == (0.5, 0.5)
    assert first["flags"] == ["missing", "virtual"]


def test_ec_43_the_monthly_report_and_the_console_show_the_balance_in_chinese(
    dsn: str, tmp_path: Path, enermon: Callable[..., Result]
) -> None:
    with database.connect(dsn) as conn:
        built(Line(conn), b=384.0)
        conn.commit()
    out = tmp_path / "out"
    told = enermon("report", "--month", "2026-10", "--enterprise", "DEMO-1", "--out", str(out))
    assert told.exit_code == 0, told.output
    page = (out / "DEMO-1-2026-10.html").read_text("utf-8")
    assert "计量平衡" in page and "损耗或漏计" in page and "未计量的用能" in page
    sheet = load_workbook(out / "DEMO-1-2026-10.xlsx")["计量平衡"]
    assert [cell.value for cell in sheet[2]][:8] == [
        "MAIN", None, "电力", "kWh", pytest.approx(29_760), pytest.approx(26_784), pytest.approx(2_976),
        pytest.approx(sheet["H2"].value),
    ]  # fmt: skip
    with open_pool(dsn, 2, read_only=True) as pool:
        site = TestClient(create_app(pool, Options(ZONE), lambda: NOW), base_url="http://127.0.0.1")
        shown = site.get("/enterprises/DEMO-1?month=2026-10").text
    assert "计量平衡" in shown and "损耗或漏计" in shown and "±0.5 %" in shown and "±2 %*" in shown

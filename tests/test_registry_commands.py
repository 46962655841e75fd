"""`enermon import` and `enermon export`, as people and scripts call them."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result
from psycopg.types.json import Jsonb

from enermon.cli import cli
from storage import database, seed

Run = Callable[..., Result]
METERS = "enterprise,code,carrier,kind,unit\nGS-CEM,E-01,electricity,register,kWh\n"


@pytest.fixture
def run(dsn: str, tmp_path: Path) -> Run:
    """The command line over a database that has all that ships, beside a broker of somebody's own."""
    with database.connect(dsn) as conn:
        seed.seed(conn)
    (tmp_path / "enterprises.csv").write_text("code,name,region\nGS-CEM,示例水泥,620500\n", "utf-8")
    (tmp_path / "meters.csv").write_text(METERS)
    environment = {
        "ENERMON_DATABASE": dsn, "ENERMON_BROKER": "mqtt://127.0.0.1:1", "ENERMON_DATA": str(tmp_path / "var"),
    }  # fmt: skip
    return lambda *words: CliRunner().invoke(cli, [str(word) for word in words], env=environment)


def test_files_are_taken_in_the_order_in_which_they_need_one_another(run: Run, tmp_path: Path) -> None:
    result = run("import", tmp_path / "meters.csv", tmp_path / "enterprises.csv")
    assert (result.exit_code, result.stdout.splitlines()) == (0, [
        "enterprises.csv: 1 rows of enterprises, 1 new, 0 changed, 0 unchanged.",
        "meters.csv: 1 rows of meters, 1 new, 0 changed, 0 unchanged.",
    ])  # fmt: skip


def test_a_refused_file_ends_with_1_and_its_sentence_and_the_others_are_taken(run: Run, tmp_path: Path) -> None:
    (tmp_path / "quotas.csv").write_text("scope,code,metric,period,limit\nenterprise,GS-CEM,tce,2026,lots\n")
    result = run("import", tmp_path / "quotas.csv", tmp_path / "enterprises.csv")
    assert result.exit_code == 1
    assert result.stderr.startswith("quotas.csv, line 2, column limit: 'lots' is no number; write digits")
    assert "1 new" in result.stdout


def test_scripts_get_counts_and_mistakes_as_json(run: Run, tmp_path: Path) -> None:
    told = json.loads(run("import", "--format", "json", tmp_path / "meters.csv").stdout)
    assert told["tables"] == []
    assert [(each["line"], each["column"], each["value"]) for each in told["mistakes"]] == [(2, "enterprise", "GS-CEM")]


def test_what_was_exported_is_taken_back_without_a_change(run: Run, tmp_path: Path) -> None:
    run("import", tmp_path / "enterprises.csv", tmp_path / "meters.csv")
    assert "14 registry files" in run("export", tmp_path / "out").stdout
    told = json.loads(run("import", "--format", "json", *sorted((tmp_path / "out").glob("*.csv"))).stdout)
    assert len(told["tables"]) == 14
    assert {each["new"] + each["changed"] for each in told["tables"]} == {0}


def test_readings_that_waited_for_their_meter_are_stored_when_it_is_imported(
    run: Run, dsn: str, conn: psycopg.Connection, tmp_path: Path
) -> None:
    item = {"meter": "E-01", "time": "2026-10-01T08:00:00+08:00", "value": 5.5}
    conn.execute(
        "INSERT INTO rejected_message (received, enterprise, meter, reason, message, item)"
        " VALUES (%s, 'GS-CEM', 'E-01', 'unknown_meter', '', %s)",
        (datetime(2026, 10, 1, 1, tzinfo=UTC), Jsonb(item)),
    )
    conn.commit()
    result = run("import", tmp_path / "enterprises.csv", tmp_path / "meters.csv")
    assert result.stdout.splitlines()[-1] == "1 readings that had waited for their meter are stored now."
    assert conn.execute("SELECT time, value FROM reading").fetchall() == [(datetime(2026, 10, 1, tzinfo=UTC), 5.5)]


def test_without_a_file_the_usage_is_wrong(run: Run) -> None:
    assert run("import").exit_code == 2

"""`enermon alerts`, as people and scripts call it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from enermon.cli import cli
from storage import database, seed

Run = Callable[..., Result]


@pytest.fixture
def run(dsn: str, tmp_path: Path) -> Run:
    """The command line over a database with one invented plant that has used more than its quota."""
    environment = {
        "ENERMON_DATABASE": dsn, "ENERMON_BROKER": "mqtt://127.0.0.1:1", "ENERMON_DATA": str(tmp_path / "var"),
    }  # fmt: skip
    with database.connect(dsn) as conn:
        seed.seed(conn)
    (tmp_path / "enterprises.csv").write_text("code,name,region\nCEM,示例水泥（虚构）,620500\n", "utf-8")
    (tmp_path / "quotas.csv").write_text(
        "scope,code,metric,period,limit,unit,basis,document\nenterprise,CEM,tce,2026,1000,tce,equivalent,虚构文件\n",
        "utf-8",
    )

    def enermon(*words: object) -> Result:
        return CliRunner().invoke(cli, [str(word) for word in words], env=environment)

    assert enermon("import", tmp_path / "enterprises.csv", tmp_path / "quotas.csv").exit_code == 0
    with database.connect(dsn) as conn:
        conn.execute(
            "INSERT INTO usage_month (enterprise_id, carrier, month, amount, low, high, tce_equivalent,"
            " tce_equivalent_low, tce_equivalent_high, estimated, covered_s, received, flags, days, computed)"
            " SELECT id, 'electricity', '2026-01-01', 1, 1, 1, 1100, 1100, 1100, 0, 1, 1, 0, 31, now() FROM enterprise"
        )
    return enermon


def rows(result: Result) -> list[dict[str, object]]:
    assert result.exit_code == 0, result.output
    found: list[dict[str, object]] = json.loads(result.stdout)["rows"]
    return found


def test_the_list_judges_first_and_has_the_fields_of_the_contract(run: Run) -> None:
    (breach,) = [row for row in rows(run("alerts", "list", "--format", "json")) if row["rule"] == "quota_used"]
    told = {
        key: breach[key]
        for key in ("enterprise", "region", "period", "level", "state", "observed", "limit", "unit", "basis")
    }
    assert told == {
        "enterprise": "CEM", "region": None, "period": "2026", "level": "red", "state": "open", "observed": 1100.0,
        "limit": 1000.0, "unit": "tce", "basis": "equivalent",
    }  # fmt: skip
    assert str(breach["opened"]).endswith("+08:00")
    assert str(breach["message"]).startswith(
        "【红色预警】示例水泥（虚构） 2026 年综合能源消费量（当量值）已用 1,100 tce"
    )
    assert {"id", "rule"} <= breach.keys()


def test_the_list_can_be_filtered(run: Run) -> None:
    assert rows(run("alerts", "list", "--format", "json", "--enterprise", "CEM"))
    assert rows(run("alerts", "list", "--format", "json", "--region", "620000"))
    assert rows(run("alerts", "list", "--format", "json", "--region", "110000")) == []
    assert rows(run("alerts", "list", "--format", "json", "--state", "resolved")) == []
    assert {row["level"] for row in rows(run("alerts", "list", "--format", "json", "--level", "red"))} == {"red"}
    assert run("alerts", "list", "--level", "violet").exit_code == 2


def test_people_read_a_line_an_alert(run: Run) -> None:
    assert "【红色预警】示例水泥（虚构）" in run("alerts", "list").stdout
    assert run("alerts", "list", "--state", "resolved").stdout == "No alerts.\n"


def test_an_alert_is_acknowledged_remarked_upon_and_resolved_by_name(run: Run, dsn: str) -> None:
    number = rows(run("alerts", "list", "--format", "json", "--level", "red"))[0]["id"]
    assert run("--as", "wang", "alerts", "ack", number, "--comment", "已联系").exit_code == 0
    assert run("alerts", "comment", number, "检修至周五", "--as", "wang").exit_code == 0
    assert rows(run("alerts", "list", "--format", "json", "--state", "acknowledged"))[0]["acknowledged_by"] == "wang"
    assert run("--as", "li", "alerts", "resolve", number).exit_code == 0
    refused = run("alerts", "resolve", number)
    assert (refused.exit_code, refused.stderr) == (1, f"Alert {number} is resolved already.\n")
    with database.connect(dsn) as conn:
        told = conn.execute(
            "SELECT event, actor, text FROM alert_event WHERE alert_id = %s ORDER BY id", (number,)
        ).fetchall()
    assert [event for event, _, _ in told] == ["opened", "acknowledged", "comment", "resolved"]
    assert told[2][1:] == ("wang", "检修至周五")


def test_an_alert_that_does_not_exist_is_refused(run: Run) -> None:
    refused = run("alerts", "ack", 4711)
    assert (refused.exit_code, refused.stderr.startswith("There is no alert 4711;")) == (1, True)

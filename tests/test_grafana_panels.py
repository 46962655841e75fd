"""What dashboards ask: every statement runs as the role that Grafana has, sees data, and can do nothing else."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg import Connection, conninfo, errors
from psycopg.rows import dict_row

from alerts.sites import DC_SIGNS
from deploy.grafana.boards import BOARDS, Place, dashboard
from deploy.grafana.panels import statement
from deploy.grafana.words import Words
from energy.quality import Flag
from storage import database, viewer
from storage.sql import _statements
from storage.usage import region_usage, totals
from storage.viewer import Viewer
from tests import grafana_sample, report_sample
from tests.conftest import of_database
from tests.grafana_macros import expanded
from tests.report_sample import OCTOBER, ZONE

PLACE = Place("620000", "甘肃省", "620000", centres=True)
WORDS = Words("zh")
PANELS = [(board, panel) for board in BOARDS for panel in board.panels]
CHOSEN = {
    "top": "620000", "region": "620000", "enterprise": "GS-CEMENT-1", "month": "2026-10", "basis": "equivalent",
    "level": ["red", "orange", "yellow", "blue"], "zone": "Asia/Shanghai", "language": "zh", "rules": WORDS.rules(),
    "flags": WORDS.flags(),
}  # fmt: skip


@pytest.fixture(scope="module")
def sample(postgres: str, template: str) -> Iterator[str]:
    """The DSN of a database with the sample city, shared by all tests here: they only look."""
    with psycopg.connect(postgres, autocommit=True) as conn:
        conn.execute(f"CREATE DATABASE panels TEMPLATE {template} STRATEGY file_copy".encode())
        dsn = of_database(postgres, "panels")
        with database.connect(dsn) as own:
            grafana_sample.write(own)
        yield dsn
        grafana_sample.wait_for_viewers(conn)
        conn.execute("DROP DATABASE panels WITH (FORCE)")


@pytest.fixture(scope="module")
def looking(sample: str) -> Iterator[Connection]:
    """Grafana's own connection."""
    with database.connect(sample) as conn:
        own = Viewer(viewer.role_of(conn), "looking only")
        viewer.admit(conn, own, ZONE)
        viewer.show(conn, own)
        conn.commit()
    assert viewer.may_enter(sample, own)
    with psycopg.connect(conninfo.make_conninfo(sample, user=own.role, password=own.password), autocommit=True) as conn:
        yield conn


def ask(conn: Connection, name: str, **chosen: Any) -> list[dict[str, Any]]:
    """The rows of a statement over October, or from `since` to `until`."""
    since = chosen.pop("since", OCTOBER.since(ZONE))
    until = chosen.pop("until", OCTOBER.end(ZONE) - timedelta(seconds=1))
    with conn.cursor(row_factory=dict_row) as cur:
        return cur.execute(expanded(statement(name), CHOSEN | chosen, since, until)).fetchall()


def of_centre(name: str) -> dict[str, str]:
    return {"enterprise": grafana_sample.CENTRE} if name.startswith("centre_") else {}


@pytest.mark.parametrize(("board", "panel"), PANELS, ids=[f"{board.name}-{panel.query}" for board, panel in PANELS])
def test_every_panel_shows_something_in_the_columns_that_it_names(looking: Connection, board: Any, panel: Any) -> None:
    rows = ask(looking, panel.query, **of_centre(panel.query))
    assert rows
    assert tuple(rows[0]) == tuple(panel.columns)
    assert any(value is not None for row in rows for name, value in row.items() if name not in ("time", "month"))


@pytest.mark.parametrize("name", ["regions", "enterprises", "centres", "months"])
def test_every_variable_offers_values(looking: Connection, name: str) -> None:
    rows = ask(looking, name)
    assert rows and list(rows[0]) == ["__text", "__value"]


@pytest.mark.parametrize("name", ["region_opened", "region_resolved", "enterprise_opened", "enterprise_resolved"])
def test_every_mark_says_when_and_what_with_its_level(looking: Connection, name: str) -> None:
    rows = ask(looking, name)
    assert rows and list(rows[0]) == ["time", "text", "tags"]
    assert {row["tags"].split(",")[0] for row in rows} <= {"red", "orange", "yellow", "blue"}


def test_no_statement_is_left_that_no_dashboard_asks() -> None:
    asked = {panel.query for _, panel in PANELS}
    variables = {"regions", "enterprises", "centres", "months"}
    marks = {f"{whose}_{event}" for whose in ("region", "enterprise") for event in ("opened", "resolved")}
    assert asked | variables | marks == set(_statements("panels"))


def test_a_remark_that_somebody_made_is_no_mark_and_no_event(looking: Connection) -> None:
    year = {"since": datetime(2026, 1, 1, tzinfo=ZONE), "until": datetime(2027, 1, 1, tzinfo=ZONE)}
    assert "机密备注" not in str(ask(looking, "warning_events", **year))
    assert "王工" not in str(looking.execute("SELECT * FROM grafana.alert_event").fetchall())


@pytest.mark.parametrize("table", [
    "reading", "rival_reading", "rejected_message", "quarantined_reading", "meter", "meter_span", "usage",
    "consumption", "enterprise", "alert_event", "correction", "migration",
])  # fmt: skip
def test_raw_readings_and_the_tables_behind_the_views_stay_closed(looking: Connection, table: str) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        looking.execute(f"SELECT * FROM {table} LIMIT 1".encode())


def test_no_view_shows_a_reading_a_contact_or_who_did_what(looking: Connection) -> None:
    columns = looking.execute(
        "SELECT a.attrelid::regclass::text, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
        " WHERE c.relnamespace = 'grafana'::regnamespace AND a.attnum > 0"
    ).fetchall()
    closed = {"value", "seq", "payload", "contact_email", "contact_phone", "credit_code", "actor", "author", "approver",
              "acknowledged_by", "resolved_by", "inputs", "told"}  # fmt: skip
    assert columns and not closed & {name for _, name in columns}


@pytest.mark.parametrize("statement", [
    "INSERT INTO grafana.region VALUES ('1', 'x', NULL)",
    "UPDATE grafana.alert SET level = 'blue'",
    "DELETE FROM grafana.gateway",
    "CREATE TABLE mine (x int)",
    "CREATE TABLE grafana.mine (x int)",
    "CREATE TEMP TABLE mine (x int)",
    "CALL grafana.admit('other', 'x', 'UTC')",
    "CALL make_series('region', 'code', 'day')",
])  # fmt: skip
def test_the_role_writes_nothing_even_if_it_asks_to_be_let(looking: Connection, statement: str) -> None:
    with pytest.raises(psycopg.Error):
        looking.execute(statement.encode())
    with pytest.raises((errors.InsufficientPrivilege, errors.ObjectNotInPrerequisiteState)), looking.transaction():
        looking.execute("SET TRANSACTION READ WRITE")
        looking.execute(statement.encode())


def test_the_role_only_reads_and_gives_up_long_questions(looking: Connection) -> None:
    told = {name: looking.execute(f"SHOW {name}".encode()).fetchone() for name in (
        "default_transaction_read_only", "statement_timeout", "TimeZone")}  # fmt: skip
    assert list(told.values()) == [("on",), ("20s",), ("Asia/Shanghai",)]


def test_the_total_of_a_region_is_what_enermon_usage_says(looking: Connection, sample: str) -> None:
    (shown,) = ask(looking, "region_total")
    with database.connect(sample) as conn:
        rows = region_usage(conn, "620000", OCTOBER.first, OCTOBER.until, "month", ZONE, report_sample.NOW)
    said = totals(rows)
    assert shown["tce"] == pytest.approx(said.tce_equivalent, rel=1e-12)
    assert shown["tco2"] == pytest.approx(said.tco2, rel=1e-12)
    (equal,) = ask(looking, "region_total", basis="equal_value")
    assert equal["tce"] == pytest.approx(said.tce_equal_value, rel=1e-12)
    assert (shown["units"], shown["reporting"], shown["at_least_units"]) == (4, 2, 2)


def test_days_add_up_to_the_month_and_begin_at_midnight_in_the_zone(looking: Connection) -> None:
    (month,) = ask(looking, "region_total")
    days = ask(looking, "region_days")
    known = [value for day in days for name, value in day.items() if name != "time" and value is not None]
    assert sum(known) == pytest.approx(month["tce"], rel=1e-9)
    assert [day["time"].astimezone(ZONE).hour for day in days] == [0] * 31


def test_what_is_unknown_is_no_zero(looking: Connection) -> None:
    """EC-13: on 17 October nothing is known of coal of the works, and from the 25th on nothing of gas."""
    rows = ask(looking, "enterprise_days", since=OCTOBER.since(ZONE), until=OCTOBER.end(ZONE))
    coal = {row["time"].astimezone(ZONE).day for row in rows if row["metric"] == "原煤"}
    assert coal == set(range(1, 32)) - {17}


def test_an_enterprise_without_figures_is_listed_last_and_without_numbers(looking: Connection) -> None:
    rows = ask(looking, "region_units")
    assert [row["code"] for row in rows] == ["GS-CEMENT-1", "GS-HOSPITAL", "GS-CEMENT-2", "GS-DC-1"]
    assert (rows[2]["tce"], rows[2]["share"], rows[2]["at_least"]) == (None, None, True)
    assert rows[0]["level"] == "red"


def test_a_change_on_the_year_before_is_only_told_of_whole_months(looking: Connection) -> None:
    rows = ask(looking, "region_units", month="2026-09")
    assert rows[0]["on_year"] is not None and rows[0]["on_month"] is not None
    assert ask(looking, "region_units")[0]["on_year"] is None  # gas of October is only "at least"


def test_a_month_that_is_not_over_or_in_which_readings_begin_is_compared_with_none(sample: str) -> None:
    with database.connect(sample) as conn:
        asked = expanded(
            statement("region_parts"), CHOSEN | {"month": "2026-09"}, OCTOBER.since(ZONE), OCTOBER.end(ZONE)
        )
        changes = [row[5:7] for row in conn.execute(asked)]
        assert None not in changes[0]
        conn.execute("UPDATE usage_month SET flags = %s WHERE month = '2026-08-01'", (int(Flag.BEGINS),))
        assert [row[5] for row in conn.execute(asked)] == [None]
        conn.execute("UPDATE usage_month SET flags = 0, days = 30 WHERE month = '2026-08-01'")
        assert [row[5] for row in conn.execute(asked)] == [None]
        conn.execute("UPDATE usage_month SET month = month + interval '60 years'")
        later = expanded(
            statement("region_parts"), CHOSEN | {"month": "2086-09"}, OCTOBER.since(ZONE), OCTOBER.end(ZONE)
        )
        assert [row[3] is not None and row[5:7] == (None, None) for row in conn.execute(later)] == [True]
        conn.rollback()


def test_the_use_of_a_quota_stands_beside_path_and_forecast(looking: Connection) -> None:
    (row,) = ask(looking, "region_quotas")
    assert row["share"] == pytest.approx(106_366 / 125_000)
    assert row["of_path"] == pytest.approx(106_366 / 104_109.6)
    assert row["forecast"] == pytest.approx(127_600 / 125_000)


def test_pue_is_a_ratio_of_sums_over_hours_in_which_every_meter_is_known(looking: Connection) -> None:
    (row,) = ask(looking, "centre_total", enterprise=grafana_sample.CENTRE)
    assert row["pue"] == pytest.approx(1.25)
    assert float(row["known_share"]) == pytest.approx(1 - 6 / 744)
    assert len(ask(looking, "centre_hours", enterprise=grafana_sample.CENTRE)) == 744 - 6
    assert {round(day["pue"], 9) for day in ask(looking, "centre_days", enterprise=grafana_sample.CENTRE)} == {1.25}


def test_the_signs_of_a_data_centre_are_those_of_its_rule(looking: Connection, sample: str) -> None:
    with database.connect(sample) as conn:
        for role in (*DC_SIGNS, "consumption"):
            conn.execute("UPDATE meter SET role = %s WHERE code = 'T-01'", (role,))
            row = conn.execute("SELECT dc_sign FROM grafana.meter WHERE code = 'T-01'").fetchone()
            assert row == (DC_SIGNS.get(role),)
        conn.rollback()


def test_completeness_counts_the_readings_that_should_have_come(looking: Connection) -> None:
    (row,) = ask(looking, "enterprise_total")
    (works,) = [unit for unit in ask(looking, "quality_units") if unit["code"] == "GS-CEMENT-1"]
    assert works["expected"] == 4 * 96 * 31
    assert works["received"] == 96 * (2 * 31 + 30 + 24)
    assert row["completeness"] == works["completeness"] == float(works["received"]) / works["expected"]


def test_a_meter_that_has_been_silent_for_days_is_listed(looking: Connection) -> None:
    assert ("GS-CEMENT-1", "G-01") in {(row["code"], row["meter"]) for row in ask(looking, "quality_silent")}


def test_another_region_sees_nothing_of_this_one(looking: Connection) -> None:
    assert ask(looking, "region_units", region="630000") == []
    assert ask(looking, "warning_list", region="630000") == []
    assert ask(looking, "region_opened", region="630000") == []


def test_a_value_with_a_quote_stays_a_value(looking: Connection) -> None:
    assert ask(looking, "enterprise_alerts", enterprise="x' OR '1'='1") == []


def test_a_closed_enterprise_leaves_the_lists(sample: str) -> None:
    with database.connect(sample) as conn:
        conn.execute("UPDATE enterprise SET status = 'closed' WHERE code = 'GS-HOSPITAL'")
        rows = conn.execute(
            expanded(statement("enterprises"), CHOSEN, OCTOBER.since(ZONE), OCTOBER.end(ZONE))
        ).fetchall()
        assert [code for _, code in rows] == ["GS-CEMENT-1", "GS-CEMENT-2", "GS-DC-1"]
        conn.rollback()


def test_every_statement_of_a_dashboard_is_one_of_storage() -> None:
    """None is put together anywhere else."""
    told = {text for name in _statements("panels") for text in [statement(name)]}
    for board in BOARDS:
        body = dashboard(board, PLACE, WORDS, ZONE.key)
        targets = [target for panel in body["panels"] for target in panel["targets"]]
        marks = [mark["target"] for mark in body["annotations"]["list"] if "target" in mark]
        queries = [variable["query"] for variable in body["templating"]["list"] if variable["type"] == "query"]
        assert {*(target["rawSql"] for target in (*targets, *marks)), *queries} <= told

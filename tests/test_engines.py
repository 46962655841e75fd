"""Plain PostgreSQL and TimescaleDB behind one schema: the overlays agree, and compressing changes no figure.

What needs a TimescaleDB runs where ENERMON_TEST_TIMESCALE names one, and says so where it does not.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg import Connection, Rollback

from energy.refused import Refused
from enermon.commands.check import _of_engine
from storage import chain, database, readings, retention
from storage.retention import Keeping
from storage.sql import sql
from tests.conftest import TIMESCALE, of_database
from tests.ingest_world import Intake, counts, payload, reading, register
from tests.line import NOW, START, ZONE, Line

OVERLAYS = Path(__file__).parents[1] / "storage" / "engine"
_PROCEDURE = re.compile(
    r"CREATE OR REPLACE (FUNCTION|PROCEDURE) (\w+)\((.*?)\)\s*(?:RETURNS (.+?) )?LANGUAGE", re.DOTALL
)
ALL_OLD = Keeping(compress_readings=2, compress_consumption=2)

needs_timescale = pytest.mark.skipif(TIMESCALE is None, reason="ENERMON_TEST_TIMESCALE names no TimescaleDB")
needs_plain = pytest.mark.skipif(TIMESCALE is not None, reason="this is about a server without TimescaleDB")


# Two files, one promise ---------------------------------------------------------------------------


def offered(overlay: str) -> dict[str, tuple[str, str, str]]:
    """Kind, arguments and result of every procedure by its name."""
    text = re.sub(r"--.*", "", (OVERLAYS / f"{overlay}.sql").read_text("utf-8"))
    found = _PROCEDURE.findall(text)
    assert len(found) == text.count("CREATE OR REPLACE")
    return {name: (kind, " ".join(arguments.split()), result) for kind, name, arguments, result in found}


def test_both_overlays_offer_the_same_procedures_with_the_same_signatures() -> None:
    assert offered("postgres") == offered("timescale")
    assert {"make_series", "drop_reading_day", "parts_to_compress", "engine_fault"} <= offered("postgres").keys()


def test_every_procedure_that_statements_call_is_offered() -> None:
    called = set()
    for file in (OVERLAYS.parent / "sql").glob("*.sql"):
        called |= set(re.findall(r"CALL (\w+)\(", file.read_text("utf-8")))
    assert called == {
        "ensure_reading_days", "ensure_consumption_months", "drop_reading_day", "compress_part",
    }  # fmt: skip
    assert called < offered("postgres").keys()


def test_the_server_agrees_with_what_the_files_say(conn: Connection) -> None:
    """Names of arguments, their types and results as the server has taken them."""
    rows = conn.execute(
        "SELECT proname, pg_get_function_arguments(p.oid), pg_get_function_result(p.oid) FROM pg_proc p"
        " WHERE proname = ANY(%s) AND pronamespace = current_schema()::regnamespace",
        (list(offered("postgres")),),
    ).fetchall()
    assert len(rows) == len(offered("postgres"))
    said = {name: arguments for name, arguments, _ in rows}
    assert said["parts_to_compress"] == "series text, before timestamp with time zone"


def test_an_engine_is_known_by_its_own_name(conn: Connection) -> None:
    expected = "timescale" if TIMESCALE else "postgres"
    assert conn.execute("SELECT engine_name()").fetchone() == (expected,)
    assert (database.behind(conn), database.ahead(conn)) == ([], [])
    assert database.fault(conn) is None


# Choosing -----------------------------------------------------------------------------------------


@contextmanager
def empty(postgres: str, name: str) -> Iterator[Connection]:
    with psycopg.connect(postgres, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}".encode())
        with database.connect(of_database(postgres, name)) as conn:
            yield conn
            conn.rollback()
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@needs_plain
def test_where_there_is_no_timescale_it_is_plain_unless_asked_for(postgres: str) -> None:
    with empty(postgres, "test_choice") as conn:
        with pytest.raises(Refused, match="The server has no TimescaleDB; install the extension"):
            database.migrate(conn, "timescale")
        database.migrate(conn)
        assert conn.execute("SELECT engine_name()").fetchone() == ("postgres",)
        with pytest.raises(Refused, match='This database was made for postgres; set engine to "postgres" or "auto"'):
            database.migrate(conn, "timescale")


@needs_timescale
def test_where_there_is_a_timescale_it_is_taken_unless_told_otherwise(postgres: str) -> None:
    for name, engine, expected in (
        ("test_auto", "auto", "timescale"),
        ("test_plain", "postgres", "postgres"),
        ("test_asked", "timescale", "timescale"),
    ):
        with empty(postgres, name) as conn:
            database.migrate(conn, engine)
            assert conn.execute("SELECT engine_name()").fetchone() == (expected,)
            database.migrate(conn)  # stays what it is
            assert conn.execute("SELECT engine_name()").fetchone() == (expected,)


@contextmanager
def apache_only(postgres: str) -> Iterator[None]:
    """The server as an Apache-only build behaves: extension and all, but no columnstore."""
    with psycopg.connect(postgres, autocommit=True) as admin:
        try:
            admin.execute("ALTER SYSTEM SET timescaledb.license = 'apache'")
            admin.execute("SELECT pg_reload_conf(), pg_sleep(0.5)")
            yield
        finally:
            admin.execute("ALTER SYSTEM RESET timescaledb.license")
            admin.execute("SELECT pg_reload_conf(), pg_sleep(0.5)")


@needs_timescale
def test_an_apache_only_build_is_found_by_trying(postgres: str, dsn: str) -> None:
    with apache_only(postgres):
        with database.connect(dsn) as conn:
            (said,) = _of_engine(conn)
            assert said.startswith("TimescaleDB does not do what is needed (")
            assert said.endswith("); install the edition under the Timescale licence.")
            assert conn.execute("SELECT to_regclass('series_trial')").fetchone() == (None,)
        with empty(postgres, "test_apache") as conn:
            with pytest.raises(Refused, match="edition under the Timescale licence"):
                database.migrate(conn, "timescale")
            database.migrate(conn)
            assert conn.execute("SELECT engine_name()").fetchone() == ("postgres",)
    with database.connect(dsn) as conn:
        assert list(_of_engine(conn)) == []


def test_a_server_that_would_leave_out_rows_is_refused_before_anything_is_asked_of_it(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Compressed rows are missing without an error where the library is not loaded (facts A 10)."""
    monkeypatch.setattr(database, "sql", lambda name: "SELECT true" if name == "engine.unfit" else sql(name))
    with pytest.raises(Refused, match="add timescaledb to shared_preload_libraries and restart the server"):
        database.connect(dsn)


# What is compressed stays the same ----------------------------------------------------------------


def compressed(conn: Connection) -> int:
    """Everything that is over, part by part; how many parts there were."""
    count = 0
    while retention.work(conn, NOW + timedelta(days=60), ZONE, ALL_OLD):
        count += 1
    return count


def plain_rows(conn: Connection, series: str) -> int:
    """Rows of a series that lie uncompressed."""
    parts = conn.execute("SELECT show_chunks(%s::regclass)::regclass::text", (series,)).fetchall()
    counted = [conn.execute(f"SELECT count(*) FROM ONLY {part}".encode()).fetchone() for (part,) in parts]
    return sum(row[0] for row in counted if row)


def told_a_week(conn: Connection) -> Line:
    line = Line(conn)
    line.factor("electricity", 0.1229, 0.3, 0.55)
    for code in "ABC":
        line.meter(code)
    line.tell((code, minute, minute * 1.5) for minute in range(0, 7 * 1440, 15) for code in "ABC")
    line.drain()
    return line


def test_compressing_changes_nothing_that_is_read(conn: Connection) -> None:
    line = told_a_week(conn)
    before = line.figures(), conn.execute("SELECT * FROM reading ORDER BY time, meter_id").fetchall()
    parts = compressed(conn)
    assert (parts > 0) is (TIMESCALE is not None)
    assert (line.figures(), conn.execute("SELECT * FROM reading ORDER BY time, meter_id").fetchall()) == before


@needs_timescale
def test_parts_that_are_over_are_compressed_and_check_tells_those_that_are_not(conn: Connection) -> None:
    told_a_week(conn)
    conn.commit()
    later = NOW + timedelta(days=60)
    late = list(retention.overdue(conn, later, ALL_OLD))
    assert [text[: text.index(" older")] for text in late] == ["8 parts of reading", "2 parts of consumption"]
    assert list(retention.overdue(conn, START + timedelta(days=2), ALL_OLD)) == []
    assert compressed(conn) == 10
    assert (plain_rows(conn, "reading"), plain_rows(conn, "consumption")) == (0, 0)
    assert list(retention.overdue(conn, later, ALL_OLD)) == []


@needs_timescale
def test_late_and_conflicting_readings_and_corrections_go_into_what_is_compressed(conn: Connection) -> None:
    def story(line: Line) -> None:
        line.tell([("A", 2 * 1440 + 7, (2 * 1440 + 7) * 1.5)])
        line.tell([("B", 3 * 1440, 1e6), ("A", 3 * 1440 + 15, 77.0)], seq=4)
        line.tell([("C", 5 * 1440 + n, (5 * 1440 + n) * 1.5) for n in range(600)], source=readings.FILE)
        line.drain()
        conn.execute(
            "INSERT INTO correction (meter_id, since, until, amount, spread, reason, author, approver, approved_at)"
            " VALUES (%s, %s, %s, 500, 'profile', 'invented', 'wang', 'li', now())",
            (line.ids["B"], START + timedelta(days=1), START + timedelta(days=2)),
        )
        line.changed()
        line.conn.execute(
            "INSERT INTO stale_span (shard, enterprise_id, meters, since, until, why)"
            " SELECT id %% 256, id, ARRAY[%s], %s, %s, 'correction' FROM enterprise",
            (line.ids["B"], START + timedelta(days=1), START + timedelta(days=2)),
        )
        line.drain()

    line = told_a_week(conn)
    with conn.transaction() as undone:
        story(line)
        whole = without_clock(line)
        stored = conn.execute("SELECT time, meter_id, value FROM reading ORDER BY 1, 2").fetchall()
        raise Rollback(undone)
    compressed(conn)
    line.batch = 1
    story(line)
    assert without_clock(line) == whole
    assert conn.execute("SELECT time, meter_id, value FROM reading ORDER BY 1, 2").fetchall() == stored
    assert plain_rows(conn, "reading") > 0
    again = list(retention.overdue(conn, NOW + timedelta(days=60), ALL_OLD))
    assert len(again) == 2  # parts that took in something late are to be compressed again
    compressed(conn)
    assert (plain_rows(conn, "reading"), plain_rows(conn, "consumption")) == (0, 0)
    assert without_clock(line) == whole


def without_clock(line: Line) -> list[object]:
    """Figures without when they were computed, and without numbers drawn."""
    return [re.sub(r"'computed': '[^']*'", "", str(row)) for row in line.figures()]


@needs_timescale
def test_a_correction_of_one_meter_unpacks_that_meter_alone(conn: Connection) -> None:
    line = told_a_week(conn)
    compressed(conn)
    line.tell([("A", 2 * 1440 + 7, (2 * 1440 + 7) * 1.5)])
    line.drain()
    parts = conn.execute("SELECT show_chunks('consumption')::regclass::text").fetchall()
    rows = [conn.execute(f"SELECT DISTINCT meter_id FROM ONLY {part}".encode()).fetchall() for (part,) in parts]
    assert {meter for some in rows for (meter,) in some} == {line.ids["A"]}


@needs_timescale
def test_more_is_unpacked_at_once_than_the_server_would_allow_by_itself(conn: Connection) -> None:
    assert conn.execute("SHOW timescaledb.max_tuples_decompressed_per_dml_transaction").fetchone() == ("0",)
    conn.execute(
        "INSERT INTO consumption (hour, until, amount, meter_id, flags, covered_s, received, bounded)"
        " SELECT h, h, 1, m, 0, 3600, 4, false"
        " FROM generate_series(%s::timestamptz, %s, interval '1 hour') h, generate_series(1, 500) m",
        (START, START + timedelta(days=9)),
    )
    compressed(conn)
    assert conn.execute("UPDATE consumption SET amount = 2").rowcount == 500 * (9 * 24 + 1)


@needs_timescale
def test_a_whole_day_of_compressed_readings_is_dropped(conn: Connection) -> None:
    told_a_week(conn)
    compressed(conn)
    day = datetime(2026, 10, 3, tzinfo=UTC).date()
    gone = chain.drop_day(conn, day, NOW)
    assert gone.readings == 3 * 96
    assert conn.execute("SELECT count(*) FROM reading WHERE time::date = %s", (day,)).fetchone() == (0,)
    chunks = conn.execute("SELECT count(*) FROM show_chunks('reading')").fetchone()
    assert chunks == (7,)


@needs_timescale
def test_messages_of_compressed_days_are_told_apart_like_any_other(conn: Connection) -> None:
    register(conn)
    intake = Intake(conn)
    first = payload(*(reading(at=1440 * 30 + n, value=float(n)) for n in range(50)))
    assert counts(intake.take(first)[0]) == (50, 0, 0, 0)
    compressed(conn)
    mixed = payload(*(reading(at=1440 * 30 + n, value=float(n // 40 * 99 + n)) for n in range(10, 60)), seq=2)
    assert counts(intake.take(mixed)[0]) == (10, 30, 10, 0)
    assert intake.rows("SELECT count(*) FROM reading") == [(60,)]

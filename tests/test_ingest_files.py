"""Files into storage, straight or over the wire: the same figures either way."""

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from psycopg import Connection

from energy.refused import Refused
from enermon.commands import collect, load, replay
from enermon.context import App
from enermon.settings import Settings
from ingest import dialect, registry
from ingest.batch import Known
from ingest.dialect import Column, Dialect
from ingest.instants import Ticks
from ingest.load import Loaded
from ingest.load import load as load_file
from ingest.registry import Registry
from ingest.replay import Replayed, messages
from ingest.replay import replay as replay_parts
from ingest.waiting import admit_waiting
from tests.conftest import Mosquitto
from tests.ingest_world import LIMITS, NOW, broker_of, collecting, register

GOOD = "time,E-01,E-02\n" + "".join(f"2026-10-{day:02}T08:00:00+08:00,{day * 10},{day}\n" for day in range(1, 31))


def loaded(conn: Connection, file: Path, how: Dialect | None = None, enterprise: str = "INV-1") -> Loaded:
    return [*load_file(conn, file, enterprise, how or Dialect(), LIMITS, lambda: NOW)][-1]


def counted(done: Loaded) -> tuple[int, int, int, dict[str, int]]:
    return done.accepted, done.duplicate, done.conflict, dict(done.rejected)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "october.csv"
    path.write_text(GOOD)
    return path


def test_a_file_is_stored_and_storing_it_again_changes_nothing(conn: Connection, file: Path) -> None:
    register(conn)
    assert counted(loaded(conn, file)) == (60, 0, 0, {})
    assert counted(loaded(conn, file)) == (0, 60, 0, {})
    assert conn.execute("SELECT count(*), min(source), min(time) FROM reading").fetchone() == (
        60, 21, datetime(2026, 10, 1, tzinfo=UTC))  # fmt: skip


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("time,meter,value\n2026-10-01T08:00Z,E-01,1,5\n2026-10-01T09:00Z,E-01,2\n", [2.0]),
        ("time,E-01,E-02\n2026-10-01T08:00Z,1,5,2,5\n2026-10-01T09:00Z,3,4,\n", [3.0, 4.0]),
    ],
    ids=["long", "wide"],
)
def test_a_decimal_comma_that_splits_a_number_in_two_is_not_stored_as_another_number(
    conn: Connection, tmp_path: Path, text: str, stored: list[float]
) -> None:
    register(conn)
    path = tmp_path / "comma.csv"
    path.write_text(text)
    done = loaded(conn, path)
    assert done.rejected == {"not_a_number": len(stored)}
    assert [row[0] for row in conn.execute("SELECT value FROM reading ORDER BY value")] == stored
    (told, *_) = conn.execute("SELECT item #>> '{}' FROM rejected_message").fetchone() or ("",)
    assert "in the row, 3 in the header" in told


def test_what_cannot_be_stored_is_counted_by_reason_and_kept(conn: Connection, tmp_path: Path) -> None:
    register(conn, meters=["E-01"])
    path = tmp_path / "mixed.csv"
    path.write_text(
        "time,E-01,E-99\n2026-10-01T08:00Z,1,2\n2026-10-01T09:00Z,n/a,\nyesterday,3,\n2027-01-01T00:00Z,4,\n"
    )
    done = loaded(conn, path)
    reasons = {"unknown_meter": 1, "not_a_number": 1, "bad_time": 1, "time_in_future": 1}
    assert (counted(done), done.blank, done.rows) == ((1, 0, 0, reasons), 3, 4)
    kept = conn.execute("SELECT topic, meter, item->>'value' FROM rejected_message ORDER BY id").fetchall()
    assert kept == [
        ("file:mixed.csv", "E-99", "2.0"),
        ("file:mixed.csv", "E-01", "n/a"),
        ("file:mixed.csv", "E-01", "3.0"),
        ("file:mixed.csv", "E-01", "4.0"),
    ]


def test_a_waiting_reading_of_a_file_stays_one_of_a_file(conn: Connection, file: Path) -> None:
    register(conn, meters=["E-01"])
    loaded(conn, file)
    register(conn, meters=["E-02"])
    known = registry.load(conn, Registry())
    assert admit_waiting(conn, known, LIMITS, Known.load(conn), Ticks(lambda: NOW)) == 30
    assert conn.execute("SELECT DISTINCT source FROM reading").fetchall() == [(21,)]


def test_a_columns_unit_becomes_the_meters_unit(conn: Connection, file: Path) -> None:
    register(conn, meters=["E-01"])
    register(conn, meters=["P-01"], kind="power", unit="kW")
    how = Dialect(columns={"E-01": Column("E-01", "10^4 kWh"), "E-02": Column("P-01", "MW")})
    assert counted(loaded(conn, file, how)) == (60, 0, 0, {})
    rows = conn.execute(
        "SELECT code, max(value) FROM reading JOIN meter ON id = meter_id GROUP BY 1 ORDER BY 1"
    ).fetchall()
    assert rows == [("E-01", 3_000_000.0), ("P-01", 30_000.0)]


def test_what_can_never_be_right_is_refused_before_anything_is_stored(conn: Connection, file: Path) -> None:
    register(conn, meters=["E-01"])
    with pytest.raises(Refused, match="Enterprise 'INV-9' is not registered"):
        loaded(conn, file, enterprise="INV-9")
    with pytest.raises(Refused, match="meter E-01: unit 'm3' is a unit of volume"):
        loaded(conn, file, Dialect(unit="m3"))
    with pytest.raises(Refused, match="Meter 'E-02' of INV-1 is not registered"):
        loaded(conn, file, Dialect(unit="MWh"))
    assert conn.execute("SELECT count(*) FROM reading").fetchone() == (0,)


def test_times_without_offset_are_of_the_meters_zone(conn: Connection, tmp_path: Path) -> None:
    register(conn, meters=["HERE"])
    register(conn, meters=["BERLIN"], zone="Europe/Berlin")
    path = tmp_path / "naive.csv"
    path.write_text("time,HERE,BERLIN\n2026-07-01 12:00,1,1\n")
    loaded(conn, path)
    rows = conn.execute("SELECT code, time FROM reading JOIN meter ON id = meter_id ORDER BY 1").fetchall()
    assert rows == [("BERLIN", datetime(2026, 7, 1, 10, tzinfo=UTC)), ("HERE", datetime(2026, 7, 1, 4, tzinfo=UTC))]


@pytest.fixture
def app(dsn: str, mosquitto: Mosquitto, tmp_path: Path) -> App:
    url = mosquitto.access.url.replace(
        "mqtt://", f"mqtt://{mosquitto.access.user.replace('@', '%40')}:{mosquitto.access.password}@"
    )
    return App(Settings(data=tmp_path, reports=tmp_path, database=dsn, broker=url), "tester", lambda: NOW)


def run(app: App, command: Any, *arguments: object) -> Result:
    return CliRunner().invoke(command, [str(each) for each in arguments], obj=app)


def test_replay_through_the_broker_stores_what_load_stores(
    app: App, conn: Connection, dsn: str, mosquitto: Mosquitto, shared_data: Path
) -> None:
    register(conn, "STEEL-1", ["PLANT"], kind="interval")
    series = shared_data / "steel-industry-15min" / "steel_2018H1.csv"
    how = Path(__file__).parents[1] / "config" / "dialects" / "steel-industry-15min.toml"
    with collecting(broker_of(mosquitto.access, "replay"), dsn):
        done = run(app, replay.command, series, "--enterprise", "STEEL-1", "--dialect", how, "--format", "json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert (told["accepted"], told["rows"], told["rejected"], told["messages"]) == (17376, 17376, 0, 174)
    again = run(app, load.command, series, "--enterprise", "STEEL-1", "--dialect", how, "--format", "json")
    assert json.loads(again.stdout)["duplicate"] == 17376
    assert dialect.load(how).midnight == "closes_labelled_day"


def test_replay_runs_a_collector_of_its_own_when_asked(app: App, conn: Connection, file: Path) -> None:
    register(conn, "REPLAY-2")
    done = run(app, replay.command, file, "--enterprise", "REPLAY-2", "--collect")
    assert "60 accepted, 0 duplicate" in done.output
    assert run(app, collect.command, "--retire").output == "Collector 1 is retired.\n"


def test_replay_says_when_nobody_answers(
    app: App, conn: Connection, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(conn, "REPLAY-3")
    monkeypatch.setattr(replay, "_PATIENCE_S", 0.5)
    done = run(app, replay.command, file, "--enterprise", "REPLAY-3")
    assert isinstance(done.exception, Refused)
    assert str(done.exception).startswith("No collector answers")


def test_a_publisher_that_sends_again_loses_nothing_when_the_broker_is_killed(
    dsn: str, conn: Connection, own_mosquitto: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.replay._AGAIN_S", 1.0)
    register(conn)
    path = tmp_path / "long.csv"
    path.write_text("time,meter,value\n" + "".join(f"{1_790_000_000 + n * 60},E-01,{n}\n" for n in range(3000)))
    told, broker = Replayed(), broker_of(own_mosquitto.access)
    how = Dialect(time_format="epoch_s")
    parts = messages(path, how, lambda meter, unit: 1.0, LIMITS.zone, 2, told)
    kills = [100, 700, 1200]
    with collecting(broker, dsn):
        for _ in replay_parts(broker, "INV-1", parts, told, 30, 30):
            if kills and told.answered > kills[0]:
                kills.pop(0)
                own_mosquitto.kill()
                assert own_mosquitto.port == broker.port
    assert (told.answered, kills) == (1500, [])
    assert conn.execute("SELECT count(*), sum(value) FROM reading").fetchone() == (3000, sum(range(3000)))


def test_load_prints_what_was_rejected_by_reason_and_ends_with_0(app: App, conn: Connection, file: Path) -> None:
    register(conn, meters=["E-01"])
    done = run(app, load.command, file, "--enterprise", "INV-1")
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [
        "30 rows: 30 accepted, 0 duplicate, 0 conflict, 30 rejected; 0 blank cells, 0 rows skipped.",
        "  30 unknown_meter",
    ]
    assert Counter(row[0] for row in conn.execute("SELECT reason FROM rejected_message")) == {"unknown_meter": 30}

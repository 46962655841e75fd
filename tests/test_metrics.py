"""What whoever watches is told: metrics, one log line a unit of work, and whether a process is alive and ready."""

import json
import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from fastapi.testclient import TestClient
from psycopg import Connection
from psycopg_pool import ConnectionPool

from console.app import create_app
from console.health import Watched
from console.site import Options
from energy.refused import Refused
from enermon import logs, metrics
from enermon.metrics import BROKER_CONNECTED, COUNTED, Database, Gauge, Metrics
from enermon.watch import Door, open_door
from enermon.worker import Post, Pulse, Station, Worker
from ingest.writer import Job, _report
from storage import database, hosting, telemetry
from storage.telemetry import Work
from tests.bench.programs import World, broker_url, running
from tests.conftest import Mosquitto
from tests.ingest_world import Intake, payload, reading, register
from tests.test_docs import DOCS, PROGRAM, ROOT, sections, table, text

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
ZONE = ZoneInfo("Asia/Shanghai")
log = logging.getLogger("tests.station")


def values(of: Metrics) -> dict[str, float]:
    """Samples by name and labels, as Prometheus would read them."""
    lines = [line for line in of.text().decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


@pytest.fixture
def counted(caplog: pytest.LogCaptureFixture) -> Iterator[Metrics]:
    """Metrics that count what this test logs."""
    caplog.set_level(logging.INFO)
    found = metrics.counting()
    yield found
    logging.getLogger().removeHandler(found)


@pytest.fixture
def pool(dsn: str) -> Iterator[ConnectionPool[Connection]]:
    with database.open_pool(dsn, 2, read_only=True) as opened:
        yield opened


# Names --------------------------------------------------------------------------------------------


def test_the_operating_guide_explains_exactly_the_metrics() -> None:
    explained = table(sections(DOCS / "operating.md")["Metrics"])
    assert [row[:3] for row in explained] == [
        [f"`{each.name}`", f"`{each.label}`" if each.label else "", each.meaning] for each in metrics.ALL
    ]


def test_every_name_says_what_is_counted_and_in_which_unit() -> None:
    for each in metrics.ALL:
        assert re.fullmatch(r"enermon(_[a-z]+)+", each.name)
        assert ("seconds" in each.name) == any(word in each.meaning for word in ("long", "time of the newest"))
        assert (each in COUNTED) <= each.name.endswith("_total")


def test_whatever_a_station_counts_has_a_metric() -> None:
    sources = "".join(text(file) for folder in PROGRAM for file in (ROOT / folder).rglob("*.py"))
    said = set(re.findall(r'telemetry\.count\("(\w+)', sources))
    assert said and said <= {each.of for each in COUNTED}


# Units of work ------------------------------------------------------------------------------------


def test_what_is_logged_is_what_is_counted(counted: Metrics, caplog: pytest.LogCaptureFixture) -> None:
    telemetry.tell(log, Work("notify", 3, 0.25, {"deliveries.sent": 2, "deliveries.again": 1, "report": "2026-10"}))
    telemetry.tell(log, Work("notify", 1, 0.5, {"deliveries.sent": 1}))
    found = values(counted)
    assert found['enermon_deliveries_total{outcome="sent"}'] == 3
    assert found['enermon_deliveries_total{outcome="again"}'] == 1
    assert found['enermon_work_found_total{station="notify"}'] == 4
    assert found['enermon_work_seconds_count{station="notify"}'] == 2
    assert found['enermon_work_seconds_sum{station="notify"}'] == 0.75
    first = "notify found=3 seconds=0.250 deliveries.sent=2 deliveries.again=1 report=2026-10"
    assert [record.getMessage() for record in caplog.records] == [
        first,
        "notify found=1 seconds=0.500 deliveries.sent=1",
    ]


def test_counting_without_a_unit_of_work_around_it_does_nothing() -> None:
    telemetry.count("deliveries.sent", 5)
    with telemetry.unit() as outer:
        telemetry.count("alert_events", 2)
        with telemetry.unit() as inner:
            telemetry.count("alert_events")
        telemetry.count("alert_events", 0)
    assert (outer, inner) == ({"alert_events": 2}, {"alert_events": 1})


def worker(dsn: str, *work: Callable[[Connection, datetime], int]) -> tuple[Worker, list[Post]]:
    posts = [Post(Station(f"station {number}", each)) for number, each in enumerate(work)]
    for post in posts:
        post.due.set()
    return Worker([post.station for post in posts], lambda: database.connect(dsn), lambda: NOW, Event()), posts


def test_a_worker_writes_one_line_a_unit_of_work_and_none_for_finding_nothing(
    dsn: str, conn: Connection, counted: Metrics, caplog: pytest.LogCaptureFixture
) -> None:
    def judges(conn: Connection, now: datetime) -> int:
        telemetry.count("judged.enterprise", 7)
        return 7

    one, posts = worker(dsn, judges, lambda conn, now: 0)
    one.round(conn, posts)
    [line] = caplog.messages
    assert re.fullmatch(r"station 0 found=7 seconds=\d+\.\d{3} judged\.enterprise=7", line)
    assert values(counted)['enermon_judged_total{scope="enterprise"}'] == 7


def test_a_unit_of_work_that_fails_counts_as_a_failure_and_as_nothing_else(
    dsn: str, conn: Connection, counted: Metrics, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(conn: Connection, now: datetime) -> int:
        telemetry.count("judged.enterprise", 7)
        raise ValueError("a bad row")

    one, posts = worker(dsn, fails)
    one.round(conn, posts)
    found = values(counted)
    assert found['enermon_work_failures_total{station="station 0"}'] == 1
    assert not any(name.startswith(("enermon_judged_total{", "enermon_work_found")) for name in found)
    assert len(caplog.records) == 1


def test_a_worker_that_has_been_at_one_thing_for_too_long_says_so(dsn: str) -> None:
    one, _ = worker(dsn)
    assert one.why_not_ready() is None
    with one.pulse.at("rollup"):
        assert one.why_not_ready() is None
        assert one.pulse.since is not None
        one.pulse.since -= 1000
        assert re.fullmatch(r"the worker has been at rollup for 100\d s", one.why_not_ready() or "")
    assert Pulse().seconds() == one.pulse.seconds() == 0


def test_a_batch_says_what_became_of_its_messages_and_why_readings_were_rejected(
    conn: Connection, counted: Metrics, caplog: pytest.LogCaptureFixture
) -> None:
    register(conn)
    intake = Intake(conn)
    outcomes = intake.take(
        payload(reading("E-01"), reading("E-99", value=99), seq=1), payload(reading("E-02", value="secret"), seq=2)
    )
    decisions = [each.decision for each in outcomes]
    _report(Job(None, [1, 2], decisions, [], 321), outcomes, 2, 0.125)
    found = values(counted)
    assert found['enermon_messages_total{kind="readings"}'] == found["enermon_receipts_total"] == 2
    assert found["enermon_received_bytes_total"] == 321
    assert found['enermon_readings_total{outcome="accepted"}'] == 1
    assert found['enermon_readings_total{outcome="rejected"}'] == 2
    assert found['enermon_rejections_total{reason="unknown_meter"}'] == 1
    assert found['enermon_rejections_total{reason="not_a_number"}'] == 1
    assert len(caplog.messages) == 1 and not re.search("secret|E-99", caplog.text)


# Log lines ----------------------------------------------------------------------------------------


def record(message: str, *arguments: object, name: str = "ingest.writer", level: int = logging.WARNING) -> Any:
    return logging.LogRecord(name, level, "", 0, message, arguments, None)


def test_a_json_line_has_the_same_fields_at_every_station(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before = list(root.handlers), root.level
    try:
        logs.set_up("json")
        telemetry.tell(log, Work("notify", 3, 0.25, {"deliveries.sent": 2, "deliveries.again": 1, "alert_events": 4}))
    finally:
        root.handlers[:], root.level = before
    told = json.loads(capsys.readouterr().err)
    assert (told["station"], told["found"], told["seconds"]) == ("notify", 3, 0.25)
    assert told["deliveries"] == {"sent": 2, "again": 1} and told["alert_events"] == 4


def test_of_warnings_about_what_arrives_ten_of_a_kind_are_written_in_a_minute_and_the_others_counted() -> None:
    clock = [0.0]
    sparing = logs.Sparing(lambda: clock[0])
    written = [sparing.filter(record("status of gateway %r is not understood", n)) for n in range(50)]
    assert written == [True] * 10 + [False] * 40
    assert sparing.filter(record("another kind"))
    assert sparing.filter(record("%s", "a red alert", name="enermon.alerts"))
    clock[0] = 60
    later = record("status of gateway %r is not understood", 50)
    assert sparing.filter(later)
    assert later.getMessage() == "status of gateway 50 is not understood (40 more like it were not written)"


def test_lines_of_units_of_work_are_never_left_out() -> None:
    sparing, line = logs.Sparing(), record("%s", level=logging.WARNING)
    line.work = Work("collector", 1, 0.1)
    assert all(sparing.filter(line) for _ in range(50))


# What waits in the database -----------------------------------------------------------------------


def test_gauges_say_what_waits_and_for_how_long(conn: Connection, pool: ConnectionPool[Connection]) -> None:
    register(conn)
    intake = Intake(conn)
    intake.take(payload(reading("E-01", at=30)))
    now = datetime.now(UTC)
    conn.execute("UPDATE stale_span SET added = %s", (now - timedelta(minutes=7),))
    conn.execute("INSERT INTO stale_judgement (scope, code, why) VALUES ('enterprise', 'INV-1', 'usage')")
    conn.execute("INSERT INTO gateway SELECT id, 'G1', 'offline', %s FROM enterprise", (now,))
    conn.execute(
        "INSERT INTO alert (rule, scope, code, period, level, state, message, opened, changed)"
        " SELECT 'quota_used', 'enterprise', 'INV-1', '2026', 'red', state, '', now(), now()"
        " FROM unnest(ARRAY['open', 'resolved']) state"
    )
    conn.commit()
    of = Metrics()
    of.add(Database(pool, lambda: now))
    found = values(of)
    assert found["enermon_database_up"] == found["enermon_stale_spans"] == found["enermon_stale_judgements"] == 1
    assert found["enermon_stale_span_oldest_seconds"] == 420
    assert found['enermon_alerts_open{level="red"}'] == found['enermon_gateways{state="offline"}'] == 1
    assert found["enermon_deliveries_due"] == found["enermon_workers"] == found["enermon_collectors"] == 0
    assert found["enermon_latest_reading_timestamp_seconds"] == (datetime(2026, 11, 21, 7, 30, tzinfo=UTC).timestamp())


def test_an_answer_of_the_database_serves_for_some_seconds(conn: Connection, pool: ConnectionPool[Connection]) -> None:
    clock = [0.0]
    of = Metrics()
    of.add(Database(pool, lambda: NOW, lambda: clock[0]))
    assert values(of)["enermon_stale_judgements"] == 0
    conn.execute("INSERT INTO stale_judgement (scope, code, why) VALUES ('enterprise', 'INV-1', 'usage')")
    conn.commit()
    clock[0] = 4.9
    assert values(of)["enermon_stale_judgements"] == 0
    clock[0] = 5.0
    assert values(of)["enermon_stale_judgements"] == 1


def test_a_database_that_is_away_is_told_and_hides_nothing_else(dsn: str) -> None:
    nowhere = re.sub(r":\d+/", ":1/", dsn)
    with ConnectionPool[Connection](nowhere, min_size=0, max_size=1, timeout=0.2, open=True) as away:
        of = Metrics()
        of.add(Database(away, lambda: NOW))
        of.add(Gauge(BROKER_CONNECTED, lambda: True))
        of.take(Work("rollup", 2, 0.1))
        found = values(of)
    assert found["enermon_database_up"] == 0 and "enermon_stale_spans" not in found
    assert found["enermon_broker_connected"] == 1
    assert found['enermon_work_found_total{station="rollup"}'] == 2


# Where it is answered -----------------------------------------------------------------------------


@dataclass
class Part:
    """A part of a process, and what is wrong with it."""

    wrong: str | None = None

    def __call__(self) -> str | None:
        return self.wrong


def test_a_process_without_pages_answers_beside_them() -> None:
    part, other = Part(), Part()
    with open_door(Door(lambda: b"enermon_database_up 1.0\n", [part, other]), "127.0.0.1", 0) as port:
        client = httpx.Client(base_url=f"http://127.0.0.1:{port}")
        assert client.get("/healthz").json() == client.get("/readyz").json() == {"status": "ok"}
        metrics = client.get("/metrics")
        assert metrics.text == "enermon_database_up 1.0\n" and metrics.headers["content-type"].startswith("text/plain")
        part.wrong, other.wrong = "the collector is not connected to the broker", "the worker is stuck"
        ready = client.get("/readyz")
        assert ready.status_code == 503
        assert ready.json()["reason"] == "the collector is not connected to the broker; the worker is stuck"
        assert client.get("/healthz").status_code == 200
        assert client.get("/").status_code == 404


def test_a_port_that_is_taken_is_said_in_a_sentence() -> None:
    door = Door(lambda: b"", [])
    with (
        open_door(door, "127.0.0.1", 0) as port,
        pytest.raises(Refused, match="Give every process a metrics_port of its own"),
        open_door(door, "127.0.0.1", port),
    ):
        pass


def browser(pool: ConnectionPool[Connection], watched: Watched, host: str = "127.0.0.1") -> TestClient:
    app = create_app(pool, Options(ZONE), lambda: NOW, watched)
    return TestClient(app, base_url="http://127.0.0.1", client=(host, 50_000), raise_server_exceptions=False)


def test_the_console_shows_metrics_to_this_machine_only_and_not_through_a_proxy(
    pool: ConnectionPool[Connection],
) -> None:
    watched = Watched(lambda: b"enermon_database_up 1.0\n")
    assert browser(pool, watched).get("/metrics").text == "enermon_database_up 1.0\n"
    assert browser(pool, watched, "10.0.0.7").get("/metrics").status_code == 404
    assert browser(pool, watched).get("/metrics", headers={"X-Forwarded-For": "10.0.0.7"}).status_code == 404
    assert browser(pool, Watched()).get("/metrics").status_code == 404


def test_the_console_of_a_process_whose_worker_is_stuck_is_not_ready(pool: ConnectionPool[Connection]) -> None:
    part = Part()
    client = browser(pool, Watched(parts=[part]))
    assert client.get("/readyz").json() == {"status": "ok"}
    part.wrong = "the worker has been at rollup for 1000 s"
    assert client.get("/readyz").status_code == 503
    assert client.get("/readyz").json()["reason"] == part.wrong


def test_pages_are_counted_by_status_and_logged_by_route_without_what_was_asked_for(
    pool: ConnectionPool[Connection], conn: Connection, counted: Metrics, caplog: pytest.LogCaptureFixture
) -> None:
    client = browser(pool, Watched())
    for path in ("/alerts", "/enterprises/SECRET-7?lang=en", "/healthz", "/nowhere/SECRET-7"):
        client.get(path)
    found = values(counted)
    assert found['enermon_console_requests_total{status="2xx"}'] == 1
    assert found['enermon_console_requests_total{status="4xx"}'] == 2
    told = [line for line in caplog.messages if line.startswith("console ")]
    assert [line.rpartition("route=")[2] for line in told] == ["/alerts", "/enterprises/{code}", "unknown"]
    assert "SECRET" not in " ".join(told)


@dataclass(frozen=True)
class WatchedWorld(World):
    """The same with a port for whoever watches."""

    port: int = 0

    @property
    def environment(self) -> dict[str, str]:
        return {**super().environment, "ENERMON_METRICS_PORT": str(self.port)}


@pytest.mark.parametrize(
    ("command", "says", "own"),
    [("collect", "connected", "enermon_broker_connected"), ("work", "new day found", "enermon_worker_busy_seconds")],
)
def test_collector_and_worker_each_tell_their_own(
    command: str, says: str, own: str, dsn: str, own_mosquitto: Mosquitto, tmp_path: Path
) -> None:
    world = WatchedWorld(tmp_path, dsn, broker_url(own_mosquitto.access), hosting.free_port())
    client = httpx.Client(base_url=f"http://127.0.0.1:{world.port}")
    with running(world, [command], tmp_path / "log", says):
        hosting.wait_until(lambda: client.get("/readyz").status_code == 200, 20)
        assert client.get("/readyz").json() == client.get("/healthz").json() == {"status": "ok"}
        told = client.get("/metrics").text
    assert own in told and "enermon_database_up 1.0" in told and "process_resident_memory_bytes" in told

"""What may end at any moment ends: collector, worker, broker, database, each a process. Nothing is lost or doubled.

The enterprises and their registers are invented. Values are multiples of 1/4, so that sums are exact in binary.
"""

import csv
import json
import random
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import psycopg
import pytest
from psycopg import Connection, sql

from enermon.demo.gateways import Door, Gateway
from storage import database, rollup, seed, server
from tests.bench.programs import Program, World, broker_url, running
from tests.conftest import Mosquitto, of_database
from tests.line import Line

ZONE = ZoneInfo("Asia/Shanghai")
START = datetime(2026, 10, 1, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
KILLS = 20
LISTENS = "connected"


@dataclass(frozen=True)
class Plant:
    """Registers that rise by random quarters of a kWh in every quarter hour; what they say, and what was used."""

    code: str = "CRASH-1"
    meters: tuple[str, ...] = tuple(f"E-{n:02}" for n in range(10))
    quarters: int = 400
    seed: int = 1

    def rows(self) -> Iterator[tuple[datetime, Mapping[str, float]]]:
        """A time and what all meters say at it."""
        chance, values = random.Random(self.seed), dict.fromkeys(self.meters, 1000.0)
        for step in range(self.quarters):
            yield START + step * QUARTER, dict(values)
            values = {meter: value + chance.randrange(400) / 4 for meter, value in values.items()}

    def told(self) -> list[tuple[datetime, str, float]]:
        """Every reading, in order of time and meter."""
        return [(when, meter, value) for when, values in self.rows() for meter, value in values.items()]

    def used(self) -> dict[tuple[str, datetime], float]:
        """Consumption by meter and hour, from the readings alone."""
        used: dict[tuple[str, datetime], float] = {}
        before: Mapping[str, float] = {}
        for when, values in self.rows():
            hour = (when - QUARTER).replace(minute=0)
            for meter in before:
                used[meter, hour] = used.get((meter, hour), 0.0) + values[meter] - before[meter]
            before = values
        return used

    def register(self, dsn: str) -> str:
        """In the database, which is migrated; returns its DSN."""
        with database.connect(dsn) as conn:
            database.migrate(conn)
            seed.seed(conn)
            conn.execute("INSERT INTO enterprise (code, name, region) VALUES (%s, 'invented', '620000')", (self.code,))
            conn.execute(
                "INSERT INTO meter (enterprise_id, code, carrier, kind, unit, scale)"
                " SELECT id, m, 'electricity', 'register', 'kWh', 1 FROM enterprise, unnest(%s::text[]) m",
                (list(self.meters),),
            )
            conn.execute("UPDATE registry_version SET version = version + 1")
        return dsn

    def write(self, file: Path) -> Path:
        """As a file for `enermon replay`."""
        with file.open("w", newline="") as out:
            csv.writer(out).writerows(
                [("time", "meter", "value"), *((when.isoformat(), *each) for when, *each in self.told())]
            )
        return file


def assert_everything_once(dsn: str, plant: Plant) -> None:
    """Each published reading is stored once, with its value, and every amount is what the readings say."""
    with database.connect(dsn) as conn:
        stored = conn.execute(
            "SELECT time, code, value FROM reading JOIN meter ON meter.id = meter_id ORDER BY time, code"
        )
        assert stored.fetchall() == plant.told()
        assert number(conn, "SELECT count(*) FROM rival_reading") == 0
        assert number(conn, "SELECT count(*) FROM rejected_message") == 0
        rollup.drain(conn, ZONE, datetime.now(UTC))
        hours = conn.execute(
            "SELECT code, hour, amount FROM consumption JOIN meter ON meter.id = meter_id WHERE covered_s > 0"
        )
        assert {(meter, hour): amount for meter, hour, amount in hours} == plant.used()


def number(conn: Connection, query: str) -> int:
    row = conn.execute(query.encode()).fetchone()
    conn.commit()
    assert row is not None
    return int(row[0])


def eventually(found: Callable[[], bool], seconds: float = 60) -> bool:
    until = time.monotonic() + seconds
    while not found():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


@pytest.fixture
def own_server(server_folder: Path) -> Iterator[Path]:
    """The folder of a PostgreSQL that a test may stop and start."""
    folder = server_folder / "stopped"
    yield folder
    server.stop(folder)


def test_a_replay_survives_twenty_killed_collectors_a_stopped_database_and_a_restarted_broker(
    own_server: Path, own_mosquitto: Mosquitto, tmp_path: Path
) -> None:
    plant, chance = Plant(quarters=3000), random.Random(20)
    dsn = plant.register(server.start(own_server))
    world = World(tmp_path, dsn, broker_url(own_mosquitto.access))
    file = plant.write(tmp_path / "plant.csv")
    with running(world, ["collect"], tmp_path / "collect.log", LISTENS) as first:
        words = ["replay", str(file), "--enterprise", plant.code, "--size", "2", "--format", "json"]
        replay = Program(world, words, tmp_path / "replay.log")
        with database.connect(dsn) as conn:
            assert eventually(lambda: number(conn, "SELECT count(*) FROM reading") > 0), replay.said()
        first.kill()
    for kill in range(1, KILLS):
        collector = Program(world, ["collect"], tmp_path / "collect.log")
        collector.wait_for(LISTENS)
        time.sleep(chance.uniform(0, 0.1))
        if kill == 7:
            server.stop(own_server)
            assert server.start(own_server) == dsn
        if kill == 14:
            own_mosquitto.stop()
            assert own_mosquitto.access
        time.sleep(chance.uniform(0, 0.1))
        collector.kill()
    assert replay.runs(), "all of them were killed during the replay"
    with running(world, ["collect"], tmp_path / "collect.log", LISTENS):
        assert replay.wait(120) == 0, replay.said()
    told = json.loads(replay.said()[replay.said().index("{") :])
    assert told["accepted"] + told["duplicate"] == told["rows"] == len(plant.told())
    assert_everything_once(dsn, plant)


def test_a_broker_killed_hard_loses_nothing_of_a_gateway_that_sends_until_it_has_its_receipt(
    dsn: str, own_mosquitto: Mosquitto, tmp_path: Path
) -> None:
    plant, chance = Plant(), random.Random(7)
    plant.register(dsn)
    world = World(tmp_path, dsn, broker_url(own_mosquitto.access))
    door = Door("127.0.0.1", own_mosquitto.port, {plant.code: (plant.code, own_mosquitto.password(plant.code))})
    gateway = Gateway(door, plant.code, "G1")
    messages = list(enumerate(plant.rows()))
    sent_again = 0
    with running(world, ["collect"], tmp_path / "collect.log", LISTENS):
        gateway.start()
        gateway.await_subscription()
        for start in range(0, len(messages), 100):
            for seq, (when, values) in messages[start : start + 100]:
                gateway.send(seq, {meter: (when, value) for meter, value in values.items()})
            time.sleep(chance.uniform(0, 0.1))
            own_mosquitto.kill()
            assert own_mosquitto.access
        while gateway.take_tally().unanswered:
            gateway.settle(time.monotonic() + 1)
            sent_again += gateway.send_again(older_than_s=1)
        gateway.stop()
    assert sent_again, "the broker had lost messages that it had acknowledged"
    assert_everything_once(dsn, plant)


def test_two_collectors_share_the_load_and_store_everything_once(
    dsn: str, own_mosquitto: Mosquitto, tmp_path: Path
) -> None:
    plant = Plant()
    plant.register(dsn)
    world = World(tmp_path, dsn, broker_url(own_mosquitto.access))
    file = plant.write(tmp_path / "plant.csv")
    with (
        running(world, ["collect", "--name", "left"], tmp_path / "left.log", LISTENS) as left,
        running(world, ["collect", "--name", "right"], tmp_path / "right.log", LISTENS) as right,
    ):
        replay = Program(
            world, ["replay", str(file), "--enterprise", plant.code, "--size", "2"], tmp_path / "replay.log"
        )
        assert replay.wait(60) == 0, replay.said()
        shares = [accepted(left), accepted(right)]
    assert min(shares) > 0 and sum(shares) == len(plant.told())
    assert_everything_once(dsn, plant)


def accepted(collector: Program) -> int:
    """Readings that it says it has stored."""
    return sum(map(int, re.findall(r"accepted=(\d+)", collector.said())))


def test_a_worker_killed_at_any_stage_leaves_the_same_end(
    postgres: str, dsn: str, own_mosquitto: Mosquitto, tmp_path: Path
) -> None:
    told_to_a_line(dsn)
    undisturbed = copied(postgres, dsn)
    broker = broker_url(own_mosquitto.access)
    finished(World(tmp_path, undisturbed, broker), tmp_path / "undisturbed.log")
    killed = World(tmp_path, dsn, broker)
    for table in ("consumption", "usage_hour", "usage_month", "stale_judgement", "finding", "alert_event"):
        killed_before_writing(killed, table, tmp_path / "killed.log")
    finished(killed, tmp_path / "killed.log")
    assert all_that_follows(dsn) == all_that_follows(undisturbed)


def told_to_a_line(dsn: str) -> None:
    """A quota already exceeded, and readings with all that makes a rollup think: a reset, a dip, a gap, late ones."""
    with database.connect(dsn) as conn:
        seed.seed(conn)
        line = Line(conn)
        line.meter("A")
        line.meter("B", kind="interval")
        line.tell(("A", minute, minute * 2.0) for minute in range(0, 600, 15))
        line.tell(
            [("A", 600, 5.0), ("A", 615, 8.0), ("A", 630, 9.0), ("A", 900, 40.0), ("A", 915, 2.0), ("A", 930, 41.0)]
        )
        line.tell(("B", minute, 12.5) for minute in range(600, 3000, 15))
        line.tell(("B", minute, 12.25) for minute in range(15, 600, 15))
        conn.execute(
            'INSERT INTO quota (scope, code, metric, period, "limit", unit, basis)'
            " VALUES ('enterprise', 'DEMO-1', 'tce', '2026', 0.001, 'tce', 'equivalent')"
        )


def copied(postgres: str, dsn: str) -> str:
    """The DSN of a copy, which goes when its server does."""
    source = urlsplit(dsn).path[1:]
    name = f"{source}_copy"
    with psycopg.connect(postgres, autocommit=True) as conn:
        conn.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(source)))
    return of_database(dsn, name)


def finished(world: World, log: Path) -> None:
    """A worker has done all there was to do, and was told to end."""
    with running(world, ["work"], log, "evaluate found"), database.connect(world.database) as conn:
        for table in ("stale_span", "stale_judgement"):
            assert eventually(lambda table=table: number(conn, f"SELECT count(*) FROM {table}") == 0)  # type: ignore[misc]


def killed_before_writing(world: World, table: str, log: Path) -> None:
    """A worker in the middle of its work: it had come as far as this table."""
    with database.connect(world.database) as conn, database.connect(world.database) as watch:
        conn.execute(sql.SQL("LOCK TABLE {} IN EXCLUSIVE MODE").format(sql.Identifier(table)))
        worker = Program(world, ["work"], log)
        waits = (
            "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database"
            " WHERE NOT l.granted AND d.datname = current_database()"
        )
        assert eventually(lambda: number(watch, waits) > 0), f"the worker never came to {table}:\n{worker.said()}"
        worker.kill()


FIGURES = {
    "consumption": "hour, meter_id",
    "usage_hour": "hour, carrier",
    "usage": "day, carrier",
    "usage_month": "month, carrier",
    "quarantined_reading": "meter_id, time",
    "undecided_meter": "meter_id",
    "finding": "rule, code, subject, period",
    "alert": "id",
    "alert_event": "id",
}
CLOCK = ["computed", "judged", "opened", "changed", "calmer_since", "at", "inputs", "id", "alert_id"]


def all_that_follows(dsn: str) -> dict[str, list[Any]]:
    """Figures bit for bit, what they mean and what was said of it; without when that was done, and numbers drawn."""
    with database.connect(dsn) as conn:
        found = {
            table: conn.execute(
                f"SELECT to_jsonb(t) - %s::text[] FROM {table} t ORDER BY {order}".encode(), (CLOCK,)
            ).fetchall()
            for table, order in FIGURES.items()
        }
    assert all(found[table] for table in FIGURES if table != "undecided_meter")
    return found

"""What may end at any moment ends: collector, worker, broker and database, as processes of their own. Nothing is lost or doubled.

The enterprise and its registers are invented. Values are multiples of 1/4, so that sums are exact in binary.
"""

import csv
import json
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from psycopg import Connection, sql

from storage import database, rollup, server
from tests.bench.programs import Program, World, broker_url, running
from tests.conftest import Mosquitto, of_database

ZONE = ZoneInfo("Asia/Shanghai")
START = datetime(2026, 10, 1, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
KILLS = 20


@dataclass(frozen=True)
class Plant:
    """Invented registers that rise by random quarters of a kWh in every quarter hour; what they say and what they used."""

    code: str
    meters: tuple[str, ...]
    quarters: int
    seed: int

    def told(self) -> list[tuple[datetime, str, float]]:
        """Every reading, in order of time."""
        chance = random.Random(self.seed)
        value = dict.fromkeys(self.meters, 1000.0)
        told = []
        for step in range(self.quarters):
            for meter in self.meters:
                told.append((START + step * QUARTER, meter, value[meter]))
                value[meter] += chance.randrange(400) / 4
        return told

    def used(self) -> dict[tuple[str, datetime], float]:
        """Consumption by meter and hour, from the readings alone: each quarter's rise belongs to the hour it ends in or at."""
        used: dict[tuple[str, datetime], float] = {}
        last: dict[str, float] = {}
        for when, meter, value in self.told():
            if meter in last:
                hour = (when - QUARTER).replace(minute=0)
                used[meter, hour] = used.get((meter, hour), 0.0) + value - last[meter]
            last[meter] = value
        return used

    def register(self, conn: Connection) -> None:
        conn.execute("INSERT INTO region (code, name) VALUES ('620000', 'Gansu') ON CONFLICT DO NOTHING")
        conn.execute(
            "INSERT INTO carrier VALUES ('electricity', 'e', 'e', 'power', false, 'kWh', NULL, NULL, 'test', 'sourced')"
            " ON CONFLICT DO NOTHING"
        )
        conn.execute("INSERT INTO enterprise (code, name, region) VALUES (%s, 'invented', '620000')", (self.code,))
        conn.execute(
            "INSERT INTO meter (enterprise_id, code, carrier, kind, unit, scale)"
            " SELECT id, m, 'electricity', 'register', 'kWh', 1 FROM enterprise, unnest(%s::text[]) m WHERE enterprise.code = %s",
            (list(self.meters), self.code),
        )
        conn.execute("UPDATE registry_version SET version = version + 1")
        conn.commit()

    def write(self, file: Path) -> Path:
        with file.open("w", newline="") as out:
            rows = csv.writer(out)
            rows.writerow(["time", "meter", "value"])
            rows.writerows((when.isoformat(), meter, value) for when, meter, value in self.told())
        return file


def stored(conn: Connection) -> list[tuple[datetime, str, float]]:
    """Every reading that counts, in order of time and meter."""
    rows = conn.execute("SELECT time, code, value FROM reading JOIN meter ON meter.id = meter_id ORDER BY time, code").fetchall()
    conn.commit()
    return rows


def assert_everything_once(conn: Connection, *plants: Plant) -> None:
    """Each published reading is stored once with its value, and every amount is what the readings say."""
    assert stored(conn) == sorted(each for plant in plants for each in plant.told())
    assert conn.execute("SELECT count(*) FROM rival_reading").fetchone() == (0,)
    assert conn.execute("SELECT count(*) FROM rejected_message").fetchone() == (0,)
    conn.commit()
    rollup.drain(conn, ZONE, datetime.now(UTC))
    amounts = conn.execute("SELECT code, hour, amount FROM consumption JOIN meter ON meter.id = meter_id WHERE covered_s > 0")
    assert {(meter, hour): amount for meter, hour, amount in amounts} == {
        key: amount for plant in plants for key, amount in plant.used().items()
    }


def eventually(found: Callable[[], bool], seconds: float = 60) -> bool:
    until = time.monotonic() + seconds
    while not found():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def count(conn: Connection) -> int:
    row = conn.execute("SELECT count(*) FROM reading").fetchone()
    conn.commit()
    return row[0] if row else 0


@pytest.fixture
def own_server(server_folder: Path) -> Iterator[Path]:
    """The folder of a PostgreSQL that a test may stop and start."""
    folder = server_folder / "stopped"
    yield folder
    server.stop(folder)


def migrated(dsn: str, *plants: Plant) -> str:
    with database.connect(dsn) as conn:
        database.migrate(conn)
        for plant in plants:
            plant.register(conn)
    return dsn

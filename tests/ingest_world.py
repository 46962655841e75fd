"""What the tests of ingest share: an invented enterprise `INV-1`, messages to it, and what the database then holds."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from time import monotonic, sleep
from typing import Any
from urllib.parse import urlsplit

from psycopg import Connection

from deploy.broker import Access
from ingest import batch, registry
from ingest.batch import Decision, Known, Message, Outcome
from ingest.broker import Broker
from ingest.collector import Bounds, Collector, retire
from ingest.instants import Ticks
from ingest.limits import Limits
from storage import database, readings

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
LIMITS = Limits()


def register(
    conn: Connection, code: str = "INV-1", meters: Sequence[str] = ("E-01", "E-02", "E-03"), **more: Any
) -> int:
    """An enterprise with electricity registers; `more` are columns of its meters."""
    conn.execute("INSERT INTO region (code, name) VALUES ('620000', 'Gansu') ON CONFLICT DO NOTHING")
    conn.execute(
        "INSERT INTO carrier VALUES ('electricity', 'e', 'e', 'power', false, 'kWh', NULL, NULL, 'test', 'sourced')"
        " ON CONFLICT DO NOTHING"
    )
    conn.execute(
        "INSERT INTO enterprise (code, name, region) VALUES (%s, 'invented', '620000') ON CONFLICT DO NOTHING", (code,)
    )
    for meter in meters:
        columns = {"carrier": "electricity", "kind": "register", "unit": "kWh", "scale": 1.0, "code": meter} | more
        names, marks = ", ".join(columns), ", ".join(["%s"] * len(columns))
        conn.execute(
            f"INSERT INTO meter (enterprise_id, {names}) SELECT id, {marks} FROM enterprise WHERE code = %s",
            (*columns.values(), code),
        )
    conn.execute("UPDATE registry_version SET version = version + 1")
    conn.commit()
    row = conn.execute("SELECT id FROM enterprise WHERE code = %s", (code,)).fetchone()
    assert row
    return int(row[0])


def reading(meter: str = "E-01", at: int = 0, value: object = 1.0) -> dict[str, Any]:
    """A reading so many minutes before NOW."""
    return {"meter": meter, "time": (NOW - timedelta(minutes=at)).isoformat(), "value": value}


def payload(*items: dict[str, Any], seq: int | None = 1) -> bytes:
    return json.dumps({"gateway": "G1", "seq": seq, "readings": items}).encode()


@dataclass
class Intake:
    """Messages straight into storage, as the collector would put them there."""

    conn: Connection
    source: int = readings.MQTT
    tick: Ticks = field(default_factory=lambda: Ticks(lambda: NOW))
    known: Known | None = None

    def decide(self, *payloads: bytes, enterprise: str = "INV-1") -> list[Decision]:
        known = registry.load(self.conn, registry.Registry())
        return [batch.decide(Message(enterprise, "t", each), known, LIMITS, NOW) for each in payloads]

    def take(self, *payloads: bytes, enterprise: str = "INV-1") -> list[Outcome]:
        """One batch."""
        self.conn.commit()
        self.known = self.known or Known.load(self.conn)
        decisions = self.decide(*payloads, enterprise=enterprise)
        return batch.store(self.conn, decisions, self.source, LIMITS, self.known, self.tick())

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return self.conn.execute(query).fetchall()


def counts(outcome: Outcome) -> tuple[int, int, int, int]:
    """accepted, duplicate, conflict, rejected"""
    return outcome.accepted, outcome.duplicate, outcome.conflict, len(outcome.decision.admitted.rejections)


def broker_of(access: Access, session: str = "test", ca: Path | None = None) -> Broker:
    url = urlsplit(access.url)
    return Broker(
        url.hostname or "", url.port or 1883, session, access.user, access.password, url.scheme == "mqtts", ca
    )


@contextmanager
def collecting(
    broker: Broker, dsn: str, bounds: Bounds | None = None, name: str = "1", *, stays: bool = False
) -> Iterator[Collector]:
    """A collector in a thread of its own, which is told to end at the end.

    Unless it stays, its session ends with it: a session that waits goes on taking its share of all messages.
    """
    stop = Event()
    collector = Collector(broker, lambda: database.connect(dsn), LIMITS, lambda: NOW, name=name, bounds=bounds)
    failures: list[BaseException] = []

    def run() -> None:
        try:
            collector.run(stop)
        except BaseException as error:
            failures.append(error)

    thread = Thread(target=run)
    thread.start()
    try:
        assert collector.listening.wait(20), failures
        yield collector
    finally:
        stop.set()
        thread.join(30)
        if not stays:
            retire(broker, name)
        assert not thread.is_alive()
        if failures:
            raise failures[0]


def eventually(found: Callable[[], bool], seconds: float = 15) -> bool:
    until = monotonic() + seconds
    while monotonic() < until:
        if found():
            return True
        sleep(0.02)
    return found()

"""From the wire to the table: a real broker, a real database, and both of them failing."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, Queue
from random import Random
from subprocess import Popen
from threading import Event
from time import sleep
from typing import Any

import psycopg
import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from psycopg import Connection
from psycopg import sql as names

from ingest.collector import Bounds, Collector
from storage import chain, database
from tests.conftest import Mosquitto
from tests.ingest_world import LIMITS, NOW, broker_of, collecting, eventually, payload, reading, register


@dataclass
class Gateway:
    """A gateway of one enterprise, which remembers the receipts it has got."""

    client: Client
    enterprise: str
    receipts: Queue[dict[str, Any]] = field(default_factory=Queue)

    def send(self, body: bytes, topic: str = "readings", *, retain: bool = False) -> None:
        self.client.publish(f"enermon/v1/{self.enterprise}/{topic}", body, qos=1, retain=retain).wait_for_publish(10)

    def receipt(self) -> dict[str, Any]:
        return self.receipts.get(timeout=15)


@contextmanager
def gateway(broker: Mosquitto, enterprise: str, will: str | None = None) -> Iterator[Gateway]:
    client = Client(CallbackAPIVersion.VERSION2, f"gw-{enterprise}", protocol=MQTTProtocolVersion.MQTTv311)
    client.username_pw_set(enterprise, broker.password(enterprise))
    if will:
        client.will_set(f"enermon/v1/{enterprise}/status/{will}", b'{"state":"offline"}', 1, retain=True)
    one, ready = Gateway(client, enterprise), Event()

    def keep(_client: Client, _data: Any, message: MQTTMessage) -> None:
        one.receipts.put(json.loads(message.payload))

    client.on_message = keep
    client.on_connect = lambda *_: client.subscribe(f"enermon/v1/{enterprise}/receipt") and None
    client.on_subscribe = lambda *_: ready.set()
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    assert ready.wait(10)
    yield one
    client.disconnect()
    client.loop_stop()


@pytest.fixture
def enterprise(request: pytest.FixtureRequest) -> str:
    """A code of this test's own: the broker is shared."""
    return f"T{abs(hash(request.node.name)) % 10**9}"


def stored(conn: Connection) -> int:
    conn.rollback()
    row = conn.execute("SELECT count(*) FROM reading").fetchone()
    return row[0] if row else 0


def test_a_message_is_stored_and_answered_by_its_seq(
    dsn: str, conn: Connection, mosquitto: Mosquitto, enterprise: str
) -> None:
    register(conn, enterprise)
    with collecting(broker_of(mosquitto.access, enterprise), dsn), gateway(mosquitto, enterprise) as one:
        one.send(payload(reading(), reading("E-99"), reading("E-02", value="x"), seq=1024))
        receipt = one.receipt()
        assert [each.pop("message") != "" for each in receipt["rejected"]] == [True, True]
        row = conn.execute("SELECT encode(head, 'hex') FROM chain_head WHERE number = 1").fetchone()
        assert row
        assert receipt == {
            "gateway": "G1", "seq": 1024, "accepted": 1, "duplicate": 0, "conflict": 0, "chain": row[0],
            "rejected": [{"index": 1, "meter": "E-99", "reason": "unknown_meter"},
                         {"index": 2, "meter": "E-02", "reason": "not_a_number"}]}  # fmt: skip
        assert stored(conn) == 1


def test_messages_without_seq_or_sense_are_answered_by_their_fingerprint(
    dsn: str, conn: Connection, mosquitto: Mosquitto, enterprise: str
) -> None:
    register(conn, enterprise)
    with collecting(broker_of(mosquitto.access, enterprise), dsn), gateway(mosquitto, enterprise) as one:
        for body, reason in ((b"\xff", "unreadable"), (b"{" + b" " * (256 * 1024), "too_large")):
            one.send(body)
            receipt = one.receipt()
            assert len(receipt["sha256"]) == 64 and "seq" not in receipt
            assert [(each["index"], each["reason"]) for each in receipt["rejected"]] == [(None, reason)]
        one.send(payload(reading(), seq=None))
        assert one.receipt()["accepted"] == 1


def test_an_enterprise_nobody_has_registered_is_answered_as_well(
    dsn: str, conn: Connection, mosquitto: Mosquitto, enterprise: str
) -> None:
    with collecting(broker_of(mosquitto.access, enterprise), dsn), gateway(mosquitto, enterprise) as one:
        one.send(payload(reading()))
        assert [each["reason"] for each in one.receipt()["rejected"]] == ["unknown_enterprise"]


def test_every_receipt_carries_the_present_head_of_the_chain_whether_or_not_anything_was_new(
    dsn: str, conn: Connection, mosquitto: Mosquitto, enterprise: str
) -> None:
    id = register(conn, enterprise)
    conn.execute("INSERT INTO product (enterprise_id, product, unit) VALUES (%s, 'clinker', 't')", (id,))
    conn.commit()
    with collecting(broker_of(mosquitto.access, enterprise), dsn), gateway(mosquitto, enterprise) as one:
        heads = []
        for at in (None, 0, 0, 15):
            one.send(payload(*([reading(at=at)] if at is not None else []), seq=at))
            heads.append(one.receipt()["chain"])
        one.send(json.dumps({"period": "2026-10", "product": "clinker", "quantity": 1, "unit": "t"}).encode(), "output")
        heads.append(one.receipt()["chain"])
    assert heads[0] is None, "nothing is stored yet"
    assert len(heads[1]) == 64
    assert heads[1] == heads[2] != heads[3] == heads[4]


def test_a_meter_registered_meanwhile_is_known_at_its_next_message(
    dsn: str, conn: Connection, mosquitto: Mosquitto, enterprise: str
) -> None:
    register(conn, enterprise)
    with collecting(broker_of(mosquitto.access, enterprise), dsn), gateway(mosquitto, enterprise) as one:
        one.send(payload(reading("NEW", at=15)))
        assert one.receipt()["rejected"][0]["reason"] == "unknown_meter"
        register(conn, enterprise, ["NEW"])
        one.send(payload(reading("NEW"), seq=2))
        assert one.receipt()["accepted"] == 1
        assert eventually(lambda: stored(conn) == 2), "and what waited is admitted"


def test_a_reading_for_a_day_that_was_dropped_meanwhile_is_stored_all_the_same(
    dsn: str, conn: Connection, mosquitto: Mosquitto, enterprise: str
) -> None:
    register(conn, enterprise)
    with collecting(broker_of(mosquitto.access, enterprise), dsn), gateway(mosquitto, enterprise) as one:
        one.send(payload(reading(at=1)))
        assert one.receipt()["accepted"] == 1
        chain.drop_day(conn, NOW.date(), NOW)
        conn.commit()
        one.send(payload(reading(at=2), seq=2))
        assert one.receipt()["accepted"] == 1
    assert stored(conn) == 1


def test_status_and_last_will_say_whether_a_gateway_is_online(
    dsn: str, conn: Connection, mosquitto: Mosquitto, enterprise: str
) -> None:
    register(conn, enterprise)

    def state() -> tuple[Any, ...] | None:
        conn.rollback()
        return conn.execute("SELECT code, state FROM gateway").fetchone()

    with collecting(broker_of(mosquitto.access, enterprise), dsn):
        with gateway(mosquitto, enterprise, will="G1") as one:
            one.send(b'{"state":"online"}', "status/G1", retain=True)
            assert eventually(lambda: state() == ("G1", "online"))
            one.client.socket().close()  # type: ignore[union-attr]
            assert eventually(lambda: state() == ("G1", "offline"))
        with gateway(mosquitto, enterprise) as one:
            one.send(b"half a word", "status/G1")
            one.send(b"", "status/G1", retain=True)
            assert eventually(lambda: state() is None)


def test_production_is_stored_by_product_and_period(
    dsn: str, conn: Connection, mosquitto: Mosquitto, enterprise: str
) -> None:
    id = register(conn, enterprise)
    conn.execute("INSERT INTO product (enterprise_id, product, unit) VALUES (%s, 'cement_clinker', 't')", (id,))
    conn.commit()
    good = {"period": "2026-10", "product": "cement_clinker", "quantity": 12345.6, "unit": "t"}
    bad = [
        {**good, "product": "moonshine"},
        {**good, "quantity": None},
        {**good, "unit": "kWh"},
        {**good, "period": 2026},
        {**good, "quantity": True},
        {**good, "kind": "best"},
        7,
    ]
    with collecting(broker_of(mosquitto.access, enterprise), dsn), gateway(mosquitto, enterprise) as one:
        one.send(json.dumps(good).encode(), "output")
        assert one.receipt()["accepted"] == 1
        one.send(
            json.dumps([good, {**good, "quantity": 1.5, "unit": "10^4 t", "period": "2026-09"}, *bad]).encode(),
            "output",
        )
        receipt = one.receipt()
        assert (receipt["accepted"], receipt["duplicate"]) == (1, 1)
        assert [each["reason"] for each in receipt["rejected"]] == [
            "unknown_product",
            "no_value",
            "unknown_unit",
            "bad_period",
            "not_a_number",
            "unreadable",
            "unreadable",
        ]
    rows = conn.execute("SELECT period, quantity::text, unit FROM output ORDER BY 1").fetchall()
    assert rows == [("2026-09", "1.5", "10^4 t"), ("2026-10", "12345.6", "t")]
    assert conn.execute("SELECT DISTINCT scope, code, why FROM stale_judgement").fetchall() == [
        ("enterprise", enterprise, "output")]  # fmt: skip


def test_three_thousand_messages_through_a_small_window_arrive_once_each(
    dsn: str, conn: Connection, mosquitto: Mosquitto, enterprise: str
) -> None:
    register(conn, enterprise)
    with gateway(mosquitto, enterprise) as one:
        with collecting(broker_of(mosquitto.access, enterprise), dsn, Bounds(window=40)):
            for n in range(3000):
                one.client.publish(f"enermon/v1/{enterprise}/readings", payload(reading(at=n), seq=n), qos=1)
            receipts = [one.receipt() for _ in range(3000)]
        assert [each["seq"] for each in receipts] == list(range(3000))
        assert sum(each["accepted"] for each in receipts) == 3000
        assert stored(conn) == 3000


def test_two_collectors_share_the_load(dsn: str, conn: Connection, mosquitto: Mosquitto, enterprise: str) -> None:
    register(conn, enterprise)
    broker = broker_of(mosquitto.access, enterprise)
    with collecting(broker, dsn), collecting(broker, dsn, name="2"), gateway(mosquitto, enterprise) as one:
        for n in range(200):
            one.send(payload(reading(at=n), seq=n))
        assert sum(one.receipt()["accepted"] for _ in range(200)) == 200
    assert stored(conn) == 200


def test_an_enterprise_cannot_take_messages_away_by_joining_the_collectors(
    dsn: str, conn: Connection, mosquitto: Mosquitto, enterprise: str
) -> None:
    register(conn, enterprise)
    with (
        gateway(mosquitto, f"{enterprise}X") as intruder,
        collecting(broker_of(mosquitto.access, enterprise), dsn),
        gateway(mosquitto, enterprise) as one,
    ):
        confirmed = Event()
        intruder.client.on_subscribe = lambda *_: confirmed.set()
        intruder.client.subscribe("$share/enermon/enermon/v1/+/readings", 1)
        assert confirmed.wait(10)
        for n in range(10):
            one.send(payload(reading(at=n), seq=n))
        assert [one.receipt()["seq"] for _ in range(10)] == list(range(10))


def test_messages_sent_while_no_collector_runs_wait_in_its_session(
    dsn: str, conn: Connection, mosquitto: Mosquitto, enterprise: str
) -> None:
    register(conn, enterprise)
    broker = broker_of(mosquitto.access, enterprise)
    with collecting(broker, dsn, stays=True):
        pass
    with gateway(mosquitto, enterprise) as one:
        for n in range(50):
            one.send(payload(reading(at=n), seq=n))
        with collecting(broker, dsn):
            assert sum(one.receipt()["accepted"] for _ in range(50)) == 50


def test_while_the_database_is_away_nothing_is_acknowledged_and_nothing_is_lost(
    dsn: str, postgres: str, mosquitto: Mosquitto, enterprise: str
) -> None:
    """EC-20."""
    with database.connect(dsn) as conn:
        register(conn, enterprise)
        dbname = conn.info.dbname
    name = names.Identifier(dbname)
    with (
        psycopg.connect(postgres, autocommit=True) as admin,
        collecting(broker_of(mosquitto.access, enterprise), dsn),
        gateway(mosquitto, enterprise) as one,
    ):
        one.send(payload(reading(at=99), seq=99))
        assert one.receipt()["accepted"] == 1
        admin.execute(names.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(name))
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (dbname,))
        for n in range(50):
            one.send(payload(reading(at=n), seq=n))
        with pytest.raises(Empty):
            one.receipts.get(timeout=1)
        admin.execute(names.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(name))
        assert sorted(one.receipt()["seq"] for _ in range(50)) == list(range(50))
    with database.connect(dsn) as again:
        assert stored(again) == 51


def test_a_collector_killed_twenty_times_stores_every_reading_exactly_once(
    dsn: str, conn: Connection, mosquitto: Mosquitto, enterprise: str
) -> None:
    register(conn, enterprise)
    access, moments = mosquitto.access, Random(7)
    words = [sys.executable, "-m", "tests.ingest_killed", dsn, access.url, access.user, access.password, enterprise]
    with collecting(broker_of(access, enterprise), dsn, stays=True):
        pass
    with gateway(mosquitto, enterprise) as one:
        for kill in range(20):
            collector = Popen(words, cwd=Path(__file__).parents[1])
            for n in range(100):
                one.client.publish(f"enermon/v1/{enterprise}/readings", payload(reading(at=kill * 100 + n)), qos=1)
            eventually(lambda kill=kill: stored(conn) > kill * 100, seconds=10)  # type: ignore[misc]
            sleep(moments.random() * 0.05)
            collector.kill()
            collector.wait()
        with collecting(broker_of(access, enterprise), dsn):
            assert eventually(lambda: stored(conn) == 2000)
    assert conn.execute("SELECT count(*) FROM rival_reading").fetchone() == (0,)
    assert conn.execute("SELECT count(*) FROM rejected_message").fetchone() == (0,)


def test_the_broker_restarts_in_order_and_nothing_is_lost(
    dsn: str, conn: Connection, own_mosquitto: Mosquitto, enterprise: str
) -> None:
    register(conn, enterprise)
    broker = broker_of(own_mosquitto.access, enterprise)
    with collecting(broker, dsn) as collector:
        with gateway(own_mosquitto, enterprise) as one:
            one.send(payload(reading(at=1)))
            assert one.receipt()["accepted"] == 1
        own_mosquitto.stop()
        assert eventually(lambda: not collector.listening.is_set())
        assert own_mosquitto.port == broker.port
        assert collector.listening.wait(20)
        with gateway(own_mosquitto, enterprise) as one:
            one.send(payload(reading(at=2), seq=2))
            receipts = iter(one.receipt, None)
            assert next(each for each in receipts if each["seq"] == 2)["accepted"] == 1
    assert stored(conn) == 2


def test_a_fault_of_our_own_ends_the_collector_and_acknowledges_nothing(
    dsn: str, conn: Connection, mosquitto: Mosquitto, enterprise: str
) -> None:
    register(conn, enterprise)
    broker, stop = broker_of(mosquitto.access, enterprise), Event()
    with collecting(broker, dsn, stays=True):
        pass
    conn.execute("ALTER TABLE reading RENAME COLUMN value TO worth")
    conn.commit()
    with gateway(mosquitto, enterprise) as one:
        one.send(payload(reading()))
        with pytest.raises(psycopg.errors.UndefinedColumn):
            Collector(broker, lambda: database.connect(dsn), LIMITS, lambda: NOW).run(stop)
        conn.execute("ALTER TABLE reading RENAME COLUMN worth TO value")
        conn.commit()
        with collecting(broker, dsn):
            assert one.receipt()["accepted"] == 1


def test_a_broker_of_3_1_1_is_served_as_well(
    dsn: str, conn: Connection, mosquitto: Mosquitto, enterprise: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.collector.V5", MQTTProtocolVersion.MQTTv311)
    register(conn, enterprise)
    with collecting(broker_of(mosquitto.access, enterprise), dsn), gateway(mosquitto, enterprise) as one:
        one.send(payload(reading()))
        assert one.receipt()["accepted"] == 1

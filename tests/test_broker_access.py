"""What a real mosquitto, configured by us, lets whom do."""

import os
import shutil
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import pytest
from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from psycopg import Connection

from deploy import broker
from energy.refused import Refused
from enermon.commands import check
from enermon.services import BrokerAccess
from ingest.broker import Broker
from storage import hosting
from tests.conftest import Mosquitto
from tests.ingest_world import collecting, payload, reading, register

QUIET_S = 0.4  # after which a message that has not come is taken not to come; the broker is on this machine


@dataclass
class Client:
    """A connected client and what it was sent."""

    client: mqtt.Client
    answer: str
    received: list[tuple[str, bytes]] = field(default_factory=list)

    def subscribe(self, *topics: str) -> None:
        done = threading.Event()
        self.client.on_subscribe = lambda *_: done.set()
        self.client.subscribe([(topic, 1) for topic in topics])
        assert done.wait(5)

    def publish(self, topic: str, payload: bytes = b"x", retain: bool = False) -> None:
        self.client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(5)

    def topics(self, wanted: int = 0) -> list[str]:
        """The topics of what came, after waiting for so many."""
        if wanted:
            hosting.wait_until(lambda: len(self.received) >= wanted, 5)
        else:
            time.sleep(QUIET_S)
        return [topic for topic, _ in self.received]


class Door(Protocol):
    """What a test comes to a broker by."""

    @property
    def port(self) -> int: ...

    def password(self, code: str) -> str: ...


@contextmanager
def connected(
    broker_of_test: Door,
    user: str | None,
    password: str | None = None,
    client_id: str = "",
    session: bool = False,
    ca: Path | None = None,
) -> Iterator[Client]:
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    if session:
        properties.SessionExpiryInterval = 3600
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=mqtt.MQTTv5)
    if user:
        client.username_pw_set(user, password or broker_of_test.password(user))
    if ca:
        client.tls_set(ca_certs=str(ca))
    answered = threading.Event()
    one = Client(client, "no answer")

    def on_connect(*arguments: object) -> None:
        one.answer = str(arguments[3])
        answered.set()

    client.on_connect = on_connect
    client.on_message = lambda _client, _data, message: one.received.append((message.topic, bytes(message.payload)))
    client.connect("127.0.0.1", broker_of_test.port, clean_start=not session, properties=properties)
    client.loop_start()
    assert answered.wait(5)
    yield one
    client.disconnect()
    client.loop_stop()


@contextmanager
def platform(mosquitto: Mosquitto, **options: bool | str) -> Iterator[Client]:
    access = mosquitto.access
    with connected(mosquitto, access.user, access.password, **options) as client:  # type: ignore[arg-type]
        yield client


@pytest.mark.parametrize("topic", ["readings", "output", "status/G1"])
def test_an_enterprise_may_publish_to_its(mosquitto: Mosquitto, topic: str) -> None:
    with platform(mosquitto) as reader, connected(mosquitto, "A-1") as enterprise:
        reader.subscribe("enermon/v1/A-1/#")
        enterprise.publish(f"enermon/v1/A-1/{topic}")
        assert reader.topics(wanted=1) == [f"enermon/v1/A-1/{topic}"]


@pytest.mark.parametrize(
    "topic",
    ["enermon/v1/A-3/readings", "enermon/v1/A-3/status/G1", "enermon/v1/A-2/receipt", "enermon/v1/A-2/status",
     "enermon/v1/A-2/readings/more", "enermon/v1/A-2", "other"],
)  # fmt: skip
def test_an_enterprise_may_not_publish_to(mosquitto: Mosquitto, topic: str) -> None:
    with platform(mosquitto) as reader, connected(mosquitto, "A-2") as enterprise:
        reader.subscribe("enermon/v1/#")
        enterprise.publish(topic)
        assert reader.topics() == []


def test_an_enterprise_reads_its_own_receipts_and_nothing_else(mosquitto: Mosquitto) -> None:
    with platform(mosquitto) as writer, connected(mosquitto, "A-4") as enterprise:
        enterprise.subscribe("enermon/v1/A-4/receipt", "enermon/v1/+/+", "#")
        for topic in ("A-5/receipt", "A-5/readings", "A-4/readings", "A-4/receipt"):
            writer.publish(f"enermon/v1/{topic}")
        assert set(enterprise.topics()) == {"enermon/v1/A-4/receipt"}


def test_the_last_will_of_a_gateway_counts_as_its_own_message(mosquitto: Mosquitto) -> None:
    with platform(mosquitto) as reader:
        reader.subscribe("enermon/v1/A-6/status/#")
        gateway = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv311)
        gateway.username_pw_set("A-6", mosquitto.password("A-6"))
        gateway.will_set("enermon/v1/A-6/status/G1", b'{"state":"offline"}', qos=1, retain=True)
        gateway.connect("127.0.0.1", mosquitto.port)
        gateway.loop_start()
        assert hosting.wait_until(gateway.is_connected, 5)
        gateway.loop_stop()
        cable = gateway.socket()
        assert cable
        cable.close()  # cut: it does not say goodbye
        assert reader.topics(wanted=1) == ["enermon/v1/A-6/status/G1"]
        reader.publish("enermon/v1/A-6/status/G1", b"", retain=True)


@pytest.mark.parametrize(
    ("user", "password"), [(None, None), ("A-7", "wrong"), ("nobody", "x"), (broker.PLATFORM, "x")]
)
def test_who_has_no_account_is_not_let_in(mosquitto: Mosquitto, user: str | None, password: str | None) -> None:
    mosquitto.password("A-7")
    with connected(mosquitto, user, password) as stranger:
        assert stranger.answer == "Not authorized"


def test_a_new_enterprise_gets_in_without_disturbing_the_others(mosquitto: Mosquitto) -> None:
    with connected(mosquitto, "A-8") as early:
        before = mosquitto.access.accounts["A-8"]
        with connected(mosquitto, "A-9") as late:
            assert late.answer == "Success"
            assert early.client.is_connected()
    assert mosquitto.access.accounts["A-8"] == before


def test_an_enterprise_that_is_not_registered_any_more_is_shut_out(own_mosquitto: Mosquitto) -> None:
    old = own_mosquitto.password("B-1")
    broker.sync_accounts(own_mosquitto.folder, ["B-2"])
    with connected(own_mosquitto, "B-1", old) as former:
        assert former.answer == "Not authorized"


def test_accounts_and_more_than_a_thousand_waiting_messages_survive_a_restart(own_mosquitto: Mosquitto) -> None:
    with platform(own_mosquitto, client_id="collector", session=True) as reader:
        reader.subscribe("enermon/v1/+/readings")
    with connected(own_mosquitto, "C-1") as enterprise:
        for number in range(1500):
            enterprise.client.publish("enermon/v1/C-1/readings", str(number), qos=1)
        enterprise.publish("enermon/v1/C-1/readings", b"last")
    password, port = own_mosquitto.password("C-1"), own_mosquitto.port
    own_mosquitto.stop()
    assert (own_mosquitto.password("C-1"), own_mosquitto.port) == (password, port)
    with platform(own_mosquitto, client_id="collector", session=True) as reader:
        assert len(reader.topics(wanted=1501)) == 1501


def test_a_message_a_little_too_large_reaches_the_platform_which_answers_it(mosquitto: Mosquitto) -> None:
    with platform(mosquitto) as reader, connected(mosquitto, "D-1") as enterprise:
        reader.subscribe("enermon/v1/D-1/readings")
        enterprise.publish("enermon/v1/D-1/readings", b" " * 270_000)
        assert [len(payload) for _, payload in reader.received] == [270_000] if reader.topics(wanted=1) else False


def test_a_message_far_too_large_ends_the_connection(mosquitto: Mosquitto) -> None:
    with connected(mosquitto, "D-2") as enterprise:
        ended = threading.Event()
        enterprise.client.on_disconnect = lambda *_: ended.set()
        enterprise.client.publish("enermon/v1/D-2/readings", b" " * 1_500_000, qos=0)
        assert ended.wait(5)


def test_many_who_start_it_at_once_get_the_same_broker(server_folder: Path) -> None:
    folder = server_folder / "raced"
    with ThreadPoolExecutor(6) as pool:
        accesses = list(pool.map(lambda _: broker.start(folder), range(6)))
    assert len({(access.url, access.password) for access in accesses}) == 1
    assert len(hosting.working_in(folder / "broker")) == 1
    assert broker.stop(folder) is True
    assert broker.stop(folder) is False


def test_a_killed_broker_starts_again_and_a_pid_that_is_another_process_by_now_is_left_alone(
    own_mosquitto: Mosquitto,
) -> None:
    own_mosquitto.kill()
    (own_mosquitto.folder / "broker" / "mosquitto.pid").write_text(str(os.getpid()))
    assert broker.stop(own_mosquitto.folder) is False
    with platform(own_mosquitto) as client:
        assert client.answer == "Success"


def test_without_mosquitto_it_says_where_to_get_it(server_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    with pytest.raises(Refused, match="apt-get install mosquitto"):
        broker.start(server_folder / "without")


@pytest.fixture(scope="module")
def certificates(server_folder: Path) -> Path:
    """Two certificates for 127.0.0.1 that nobody else trusts, `own` and `other`, with their keys."""
    if not shutil.which("openssl"):
        pytest.skip("openssl, which makes certificates for this test, is not on this machine")
    for name in ("own", "other"):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}",
             "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", f"{name}.key", "-out", f"{name}.pem"],
            cwd=server_folder, check=True, capture_output=True,
        )  # fmt: skip
    return server_folder


def test_with_a_certificate_gateways_may_come_by_tls_and_see_whom_they_talk_to(
    server_folder: Path, certificates: Path
) -> None:
    folder = server_folder / "tls"
    own = broker.Listener("127.0.0.1", hosting.free_port(), certificates / "own.pem", certificates / "own.key")
    access = broker.start(folder, broker.Options(tls=own))

    def answer(authority: str) -> str:
        found = BrokerAccess(
            f"mqtts://127.0.0.1:{own.port}", access.user, access.password, "s", certificates / authority
        )
        return check.answer(found)

    try:
        assert answer("own.pem") == "Success"
        with pytest.raises(ssl.SSLCertVerificationError):
            answer("other.pem")
    finally:
        broker.stop(folder)


def test_a_collector_takes_messages_and_answers_them_by_tls(
    server_folder: Path, certificates: Path, dsn: str, conn: Connection
) -> None:
    folder, enterprise = server_folder / "tls-line", "TLS-1"
    register(conn, enterprise)
    own = broker.Listener("127.0.0.1", hosting.free_port(), certificates / "own.pem", certificates / "own.key")
    access = broker.start(folder, broker.Options(tls=own))
    by_tls = Broker("127.0.0.1", own.port, "s", access.user, access.password, tls=True, ca=certificates / "own.pem")
    receipts = f"enermon/v1/{enterprise}/receipt"
    try:
        with collecting(by_tls, dsn), connected(Mosquitto(folder), enterprise, client_id="gw") as gateway:
            gateway.subscribe(receipts)
            for seq in range(20):  # each of several TLS records
                body = payload(*(reading(at=seq * 1000 + n) for n in range(1000)), seq=seq)
                gateway.publish(f"enermon/v1/{enterprise}/readings", body)
            assert gateway.topics(20) == [receipts] * 20
    finally:
        broker.stop(folder)
    conn.rollback()
    assert conn.execute("SELECT count(*) FROM reading").fetchone() == (20_000,)

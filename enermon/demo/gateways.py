"""Gateways of the sample's enterprises: MQTT clients that know no more of the platform than `docs/gateway.md` says.

Each connects with its enterprise's own account, says that it is online, publishes readings with QoS 1 and keeps every
message until its receipt has come; what stays without one is sent again.
"""

import json
import ssl
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from threading import Condition, Event
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.reasoncodes import ReasonCode

from enermon.demo.series import Spoken

_KEEPALIVE_S = 60
_PATIENCE_S = 5.0


@dataclass(frozen=True)
class Door:
    """Where the broker listens, and who may come in: (user, password) by enterprise."""

    host: str
    port: int
    accounts: Mapping[str, tuple[str, str]] = field(repr=False)
    tls: bool = False
    ca: Path | None = None


@dataclass(frozen=True)
class Tally:
    """What receipts said. Readings are counted from `accepted` to `rejected`; `production`: outputs that were new."""

    messages: int = 0
    accepted: int = 0
    duplicate: int = 0
    conflict: int = 0
    rejected: Mapping[str, int] = field(default_factory=dict)
    unanswered: int = 0
    production: int = 0


@dataclass
class _Sent:
    topic: str
    payload: bytes
    at: float


class Gateway:
    """One gateway, and the messages that still wait for their receipt."""

    def __init__(self, door: Door, enterprise: str, code: str):
        self.enterprise, self.code = enterprise, code
        self._receipts: list[dict[str, Any]] = []
        self._pending: dict[str, _Sent] = {}
        self._news = Condition()
        self._subscribed = Event()
        self._client = _client(door, enterprise, code)
        self._client.on_connect = self._connected
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._received
        self._client.will_set(self._status, _state("offline"), qos=1, retain=True)
        self._client.connect_async(door.host, door.port, _KEEPALIVE_S)

    @property
    def _status(self) -> str:
        return f"enermon/v1/{self.enterprise}/status/{self.code}"

    def start(self) -> None:
        self._client.loop_start()

    def await_subscription(self) -> None:
        """Whoever publishes before it can hear receipts misses them; after some seconds it tries all the same."""
        self._subscribed.wait(_PATIENCE_S)

    def stop(self) -> None:
        """Go in order, and say so: an orderly end leaves no last will."""
        if self._client.is_connected():
            self._client.publish(self._status, _state("offline"), qos=1, retain=True).wait_for_publish(_PATIENCE_S)
        self._client.disconnect()
        self._client.loop_stop()

    def send(self, seq: int, values: Mapping[str, Spoken]) -> None:
        """Readings in the shape that fits: a row of values where all have one time, else a list."""
        self._publish("readings", str(seq), message(self.code, seq, values))

    def send_outputs(self, seq: int, items: Sequence[Mapping[str, object]]) -> None:
        body = {"gateway": self.code, "seq": seq, "outputs": items}
        self._publish("output", str(seq), json.dumps(body).encode())

    def send_raw(self, payload: bytes, seq: int | None = None, topic: str = "readings") -> None:
        """Whatever these bytes are; without `seq` the receipt is known by their SHA-256."""
        self._publish(topic, sha256(payload).hexdigest() if seq is None else str(seq), payload)

    def send_again(self, older_than_s: float) -> int:
        """Publish again, unchanged, what has been without a receipt for so long; returns how many messages."""
        now = time.monotonic()
        with self._news:
            late = [(key, sent) for key, sent in self._pending.items() if now - sent.at >= older_than_s]
        for key, sent in late:
            self._publish(sent.topic, key, sent.payload)
        return len(late)

    def settle(self, until: float) -> None:
        """Wait for the receipts of everything sent, at most until that moment of the monotonic clock."""
        with self._news:
            self._news.wait_for(lambda: not self._pending, max(0.0, until - time.monotonic()))

    def take_tally(self) -> Tally:
        """What the receipts since the last call said, and how many messages still wait for theirs."""
        with self._news:
            receipts, self._receipts = self._receipts, []
            waiting = len(self._pending)
        return tally(receipts, waiting)

    def _publish(self, topic: str, key: str, payload: bytes) -> None:
        full = topic if "/" in topic else f"enermon/v1/{self.enterprise}/{topic}"
        with self._news:
            self._pending[key] = _Sent(full, payload, time.monotonic())
        self._client.publish(full, payload, qos=1)

    # Subscribing on every connection: the session may be gone.
    def _connected(self, client: Client, data: object, flags: object, reason: ReasonCode, *_: object) -> None:
        if reason.is_failure:
            return
        client.subscribe(f"enermon/v1/{self.enterprise}/receipt")
        client.publish(self._status, _state("online"), qos=1, retain=True)

    # All gateways of an enterprise hear all its receipts.
    def _received(self, client: Client, data: object, message: MQTTMessage) -> None:
        receipt = json.loads(message.payload)
        key = str(receipt.get("sha256") or receipt.get("seq"))
        with self._news:
            if receipt.get("gateway") in (None, self.code) and key in self._pending:
                about = self._pending.pop(key).topic.rpartition("/")[2]
                self._receipts.append(receipt | {"about": about})
                self._news.notify_all()


def _client(door: Door, enterprise: str, code: str) -> Client:
    client = Client(CallbackAPIVersion.VERSION2, client_id=f"{enterprise}-{code}", protocol=MQTTProtocolVersion.MQTTv5)
    client.username_pw_set(*door.accounts[enterprise])
    if door.tls:
        client.tls_set_context(ssl.create_default_context(cafile=door.ca))
    return client


def _state(word: str) -> bytes:
    return json.dumps({"state": word}).encode()


def message(gateway: str, seq: int, values: Mapping[str, Spoken]) -> bytes:
    """The payload of one message of readings, in one of the contract's two shapes."""
    stamps = {stamp.isoformat() for stamp, _ in values.values()}
    body: dict[str, Any] = {"gateway": gateway, "seq": seq}
    if len(stamps) == 1:
        body |= {"time": stamps.pop(), "values": {meter: value for meter, (_, value) in values.items()}}
    else:
        body["readings"] = [
            {"meter": meter, "time": stamp.isoformat(), "value": value} for meter, (stamp, value) in values.items()
        ]
    return json.dumps(body).encode()


def tally(receipts: Iterable[Mapping[str, Any]], unanswered: int = 0) -> Tally:
    """Of receipts with the last word of the topic that they answer, `about`."""
    known = list(receipts)
    readings = [receipt for receipt in known if receipt.get("about") != "output"]
    return Tally(
        messages=len(known),
        accepted=sum(receipt.get("accepted", 0) for receipt in readings),
        duplicate=sum(receipt.get("duplicate", 0) for receipt in readings),
        conflict=sum(receipt.get("conflict", 0) for receipt in readings),
        rejected=dict(Counter(refused["reason"] for receipt in readings for refused in receipt.get("rejected", ()))),
        unanswered=unanswered,
        production=sum(receipt.get("accepted", 0) for receipt in known if receipt.get("about") == "output"),
    )


def together(tallies: Iterable[Tally]) -> Tally:
    known = list(tallies)
    return Tally(
        messages=sum(each.messages for each in known),
        accepted=sum(each.accepted for each in known),
        duplicate=sum(each.duplicate for each in known),
        conflict=sum(each.conflict for each in known),
        rejected=dict(sum((Counter(each.rejected) for each in known), Counter())),
        unanswered=sum(each.unanswered for each in known),
        production=sum(each.production for each in known),
    )

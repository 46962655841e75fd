"""One connection to a broker, driven by one thread: what arrives is handed out, what is sent waits until the next turn.

No thread of paho's own: while another thread computes, each of its small reads would wait for the interpreter's lock,
and an acknowledgement could slip into the connection after the one whose message it is for."""

import logging
import select
import socket
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from paho.mqtt import client as mqtt
from paho.mqtt.enums import MQTTProtocolVersion
from paho.mqtt.reasoncodes import ReasonCode

from ingest import broker as brokers
from ingest.broker import Broker, Unreachable
from ingest.wire import Arrival, Wire

log = logging.getLogger(__name__)

_CONNECT_S = 10
_TURN_S = 0.2
_PACKETS_A_TURN = 500
V5, V311 = MQTTProtocolVersion.MQTTv5, MQTTProtocolVersion.MQTTv311


class Link:
    """An open connection. Once `lost` is set, nothing more is sent or received; make another."""

    def __init__(
        self,
        broker: Broker,
        client_id: str,
        protocol: MQTTProtocolVersion,
        receive: Callable[[Arrival], None],
        *,
        keep_session: bool,
        window: int = 65_535,
    ):
        self.protocol = protocol
        self.lost: str | None = None
        self._answered: ReasonCode | None = None
        self.subscribed = False
        self._receive = receive
        self._client = brokers.new_client(broker, client_id, protocol, keep_session=keep_session)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_socket_register_write = lambda *_: None  # we ask want_write instead
        self._next_misc = 0.0
        try:
            brokers.connect(self._client, broker, keep_session=keep_session, window=window)
        except (OSError, ValueError) as error:
            raise Unreachable(f"{broker.host}:{broker.port} does not answer: {error}") from error
        self._await_answer(f"{broker.host}:{broker.port}")

    def subscribe(self, topics: Sequence[str]) -> None:
        """With QoS 1. Does not wait for the confirmation, which may stand behind a long backlog; see `subscribed`."""
        self._client.subscribe([(topic, 1) for topic in topics])

    def turn(self, timeout: float, wake: socket.socket | None = None, *, reading: bool = True) -> None:
        """Wait for at most so many seconds and do what there is to do. reading: or else leave messages outside."""
        wire = self._wire()
        if wire is not None:
            self._write(wire)
        if wire is None or self.lost is not None:
            return
        events = self._wait(wire, wake, timeout, reading)
        if wake is not None and events.get(wake.fileno()):
            wake.recv(4096)
        if events.get(wire.fileno(), 0) & ~select.POLLOUT:
            self._read(wire)
        self._write(wire)
        self._misc()

    def publish(self, topic: str, payload: bytes, qos: int = 0) -> None:
        wire = self._wire()
        if qos:
            self._client.publish(topic, payload, qos)
        elif wire is not None:
            wire.publish(topic, payload)

    def acknowledge(self, mids: Iterable[int]) -> None:
        wire = self._wire()
        if wire is not None:
            wire.acknowledge(mids)

    def close(self, patience_s: float = 5.0) -> None:
        """Send what waits to be sent, then say good-bye; a kept session is kept."""
        until = time.monotonic() + patience_s
        while (wire := self._wire()) and self._has_unsent(wire) and time.monotonic() < until:
            self.turn(0.1, reading=False)
        if wire is not None:
            self._client.disconnect()
            self._write(wire)
        self.lost = self.lost or "closed"

    def _await_answer(self, address: str) -> None:
        until = time.monotonic() + _CONNECT_S
        while self._answered is None and self.lost is None and time.monotonic() < until:
            self.turn(_TURN_S)
        if self._answered is None:
            self.lost = self.lost or "no answer"
            raise Unreachable(f"{address} does not answer as an MQTT broker")
        if self._answered.is_failure:
            self.lost = str(self._answered)
            raise Unreachable(f"{address} refuses the connection: {self._answered}")

    def _wait(self, wire: Wire, wake: socket.socket | None, timeout: float, reading: bool) -> dict[int, int]:
        poll = select.poll()
        poll.register(wire.fileno(), (select.POLLIN if reading else 0) | (select.POLLOUT if wire.has_unsent else 0))
        if wake is not None:
            poll.register(wake.fileno(), select.POLLIN)
        ready = reading and wire.is_ready
        events = dict(poll.poll(0 if ready else timeout * 1000))
        if ready:
            events[wire.fileno()] = select.POLLIN
        return events

    def _read(self, wire: Wire) -> None:
        for _ in range(_PACKETS_A_TURN):
            packet = wire.take()
            if packet is None:
                return
            if isinstance(packet, Arrival):
                self._receive(packet)
                continue
            wire.lend(packet)
            self._client.loop_read()
            if self.lost is not None:
                return

    def _write(self, wire: Wire) -> None:
        if self.lost is None and self._client.want_write():
            self._client.loop_write()
        wire.flush()

    def _has_unsent(self, wire: Wire) -> bool:
        return self._client.want_write() or wire.has_unsent

    def _misc(self) -> None:
        if self.lost is None and time.monotonic() >= self._next_misc:
            self._next_misc = time.monotonic() + 1
            self._client.loop_misc()

    def _wire(self) -> Wire | None:
        wire = brokers.wire_of(self._client) if self.lost is None else None
        if wire is None:
            self.lost = self.lost or "connection lost"
        return wire

    def _on_connect(self, client: mqtt.Client, _data: Any, _flags: Any, reason: ReasonCode, _properties: Any) -> None:
        self._answered = reason

    def _on_disconnect(
        self, client: mqtt.Client, _data: Any, _flags: Any, reason: ReasonCode, _properties: Any
    ) -> None:
        self.lost = self.lost or str(reason)

    def _on_subscribe(self, client: mqtt.Client, _data: Any, _mid: int, reasons: list[ReasonCode], _props: Any) -> None:
        self.subscribed = True
        for reason in reasons:
            if reason.is_failure:
                log.error("the broker refuses a subscription: %s", reason)

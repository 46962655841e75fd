"""How a broker is reached, and clients of it."""

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from ingest.wire import Wire

TOPIC = "enermon/v1"
SESSION_KEPT_S = 7 * 86_400  # the broker's memory is the limit, not the clock
KEEPALIVE_S = 60
_LARGEST_PACKET = 4 * 1024 * 1024  # far above the largest message: what is a little too large is answered, not dropped


@dataclass(frozen=True, slots=True)
class Broker:
    """Address and account. session: what our client ids begin with; ca: of the certificate's authority, for TLS."""

    host: str
    port: int
    session: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: bool = False
    ca: Path | None = None


class Unreachable(Exception):
    """The broker does not answer, or refuses us."""


class _Client(mqtt.Client):
    # paho offers no documented place for a socket of one's own. This is where 2.1 and 2.2 make theirs, TLS included;
    # `wire_of` says so if another release makes it elsewhere.
    def _create_socket(self) -> Any:
        return Wire(super()._create_socket(), v5=self.protocol == MQTTProtocolVersion.MQTTv5)  # type: ignore[arg-type]


def wire_of(client: mqtt.Client) -> Wire | None:
    """What its connection is made of, while it has one."""
    wire = client.socket()
    assert wire is None or isinstance(wire, Wire), "this release of paho does not make its socket in _create_socket"
    return wire


def new_client(broker: Broker, client_id: str, protocol: MQTTProtocolVersion, *, keep_session: bool) -> mqtt.Client:
    """A client that acknowledges by hand. It does not connect yet, so that handlers are in place before."""
    clean = None if protocol == MQTTProtocolVersion.MQTTv5 else not keep_session
    client = _Client(CallbackAPIVersion.VERSION2, client_id, clean_session=clean, protocol=protocol, manual_ack=True)
    if broker.user is not None:
        client.username_pw_set(broker.user, broker.password)
    if broker.tls:
        client.tls_set_context(ssl.create_default_context(cafile=broker.ca))
    return client


def connect(client: mqtt.Client, broker: Broker, *, keep_session: bool, window: int = 65_535) -> None:
    """Open the connection; the broker's answer comes later. window: messages that may be on the way unacknowledged."""
    if client.protocol != MQTTProtocolVersion.MQTTv5:
        client.connect(broker.host, broker.port, KEEPALIVE_S)
        return
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = SESSION_KEPT_S if keep_session else 0
    properties.ReceiveMaximum = window
    properties.MaximumPacketSize = _LARGEST_PACKET
    client.connect(broker.host, broker.port, KEEPALIVE_S, clean_start=not keep_session, properties=properties)

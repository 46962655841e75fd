"""How a broker is reached, and clients of it."""

import ssl
from dataclasses import dataclass, field
from pathlib import Path

from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

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


def new_client(broker: Broker, client_id: str, protocol: MQTTProtocolVersion, *, keep_session: bool) -> mqtt.Client:
    """A client that acknowledges by hand. It does not connect yet, so that handlers are in place before."""
    clean = None if protocol == MQTTProtocolVersion.MQTTv5 else not keep_session
    client = mqtt.Client(
        CallbackAPIVersion.VERSION2, client_id, clean_session=clean, protocol=protocol, manual_ack=True
    )
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

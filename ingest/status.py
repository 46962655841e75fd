"""Status messages: a gateway says that it is online, or its last will says that it is not."""

from datetime import datetime

from psycopg import Connection

from ingest.admission import Enterprise
from ingest.decode import read_json
from ingest.reasons import Unusable
from storage import gateways

STATES = ("online", "offline")


def take(conn: Connection, enterprise: Enterprise | None, gateway: str, payload: bytes, now: datetime) -> bool:
    """Remember it within the caller's transaction; False if it says nothing that we understand.

    An empty message clears a retained one: that gateway is gone for good.
    """
    if enterprise is None:
        return False
    if not payload:
        gateways.forget(conn, enterprise.id, gateway)
        return True
    state = _state(payload)
    if state is None:
        return False
    gateways.set_state(conn, enterprise.id, gateway, state, now)
    return True


def _state(payload: bytes) -> str | None:
    try:
        message = read_json(payload[:4096])
    except Unusable:
        return None
    state = message.get("state") if isinstance(message, dict) else None
    return state if state in STATES else None

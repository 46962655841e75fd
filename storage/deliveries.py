"""Deliveries: which event is told on which channel, tried when, and how that went."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from psycopg import Connection

from storage.sql import sql


class Delivery(NamedTuple):
    """An event that is due on a channel, claimed by us."""

    id: int
    channel: str
    tries: int
    event: str
    level: str
    at: datetime
    text: str
    alert_id: int
    scope: str
    code: str
    rule: str


def enqueue(conn: Connection, told: Sequence[tuple[int, str]], now: datetime) -> None:
    """Events to be told, with the channel each."""
    if told:
        events, channels = zip(*told, strict=True)
        conn.execute(sql("deliveries.enqueue"), {"events": list(events), "channels": list(channels), "now": now})


def claim(conn: Connection, channels: Sequence[str], now: datetime, again: datetime, most: int) -> list[Delivery]:
    """Those that are due, ours until `again`. The claim holds once the caller has committed."""
    asked = {"channels": list(channels), "now": now, "again": again, "most": most}
    return sorted(Delivery(*row) for row in conn.execute(sql("deliveries.claim"), asked))


def sent(conn: Connection, ids: Sequence[int], now: datetime) -> None:
    conn.execute(sql("deliveries.sent"), {"ids": list(ids), "now": now})


def again(conn: Connection, ids: Sequence[int], due: datetime, error: str) -> None:
    """They will be tried again then."""
    conn.execute(sql("deliveries.again"), {"ids": list(ids), "due": due, "error": error})


def failed(conn: Connection, ids: Sequence[int], error: str) -> None:
    """They will not be tried again."""
    conn.execute(sql("deliveries.failed"), {"ids": list(ids), "error": error})

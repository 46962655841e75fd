"""Gateways: online or offline, and since when."""

from datetime import datetime

from psycopg import Connection

from storage.sql import sql


def set_state(conn: Connection, enterprise_id: int, code: str, state: str, since: datetime) -> None:
    """state: online or offline. Saying the same again changes nothing."""
    conn.execute(sql("gateways.set_state"), {"enterprise": enterprise_id, "code": code, "state": state, "since": since})


def forget(conn: Connection, enterprise_id: int, code: str) -> None:
    conn.execute(sql("gateways.forget"), {"enterprise": enterprise_id, "code": code})

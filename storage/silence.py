"""Who has not been heard of: enterprises, their meters, their gateways."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from psycopg import Connection

from storage.findings import Key
from storage.sql import sql

LAG = timedelta(hours=1)  # meter_span.last_time may be behind by so much (storage.readings)


class Heard(NamedTuple):
    """An enterprise with its meters in use. never_from: the latest stated beginning of a meter that never spoke."""

    code: str
    name: str
    meters: int
    spoken: int
    silent: int
    never: int
    last_time: datetime | None
    interval_minutes: int
    silent_codes: Sequence[str] | None
    never_codes: Sequence[str] | None
    never_from: datetime | None


class Gateway(NamedTuple):
    enterprise: str
    name: str
    code: str
    state: str
    since: datetime


def heard(conn: Connection, now: datetime, intervals: int) -> list[Heard]:
    """Every operating enterprise that has meters in use."""
    asked = {"now": now, "intervals": intervals, "lag": LAG}
    return [Heard(*row) for row in conn.execute(sql("silence.enterprises"), asked)]


def gateways(conn: Connection) -> list[Gateway]:
    return [Gateway(*row) for row in conn.execute(sql("silence.gateways"))]


def warned(conn: Connection, rules: Sequence[str]) -> set[Key]:
    """Findings of silence that may have ended."""
    rows = conn.execute(sql("silence.warned"), {"rules": list(rules)})
    return {Key(rule, scope, code, subject, "") for scope, rule, code, subject in rows}

"""Alerts: one case from opening to resolution, what happened to it, and what people said of it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from energy.refused import Refused
from energy.warnings import Case, level_named
from storage.findings import Key
from storage.sql import sql

PLATFORM = "enermon"  # who acts when nobody does


class Stored(NamedTuple):
    """The last case of one key, with the alert it is."""

    id: int
    case: Case


class Said(NamedTuple):
    """An event that somebody may have to be told of."""

    event_id: int
    alert_id: int
    level: str


def last_cases(conn: Connection, scope: str, codes: Collection[str], rules: Collection[str]) -> dict[Key, Stored]:
    """The latest case of each key of these enterprises or regions."""
    asked = {"scope": scope, "codes": list(codes), "rules": list(rules)}
    found = {}
    for rule, code, subject, period, id_, level, state, calmer, by_hand in conn.execute(
        sql("alerts.last_cases"), asked
    ):
        case = Case(level_named(level), state == "resolved", calmer, by_hand)
        found[Key(rule, scope, code, subject, period)] = Stored(id_, case)
    return found


def open_cases(conn: Connection, rows: Sequence[Mapping[str, Any]], now: datetime) -> list[Said]:
    """New cases; a row holds the columns of `alert` from rule to message."""
    return _say(conn, "alerts.open", rows, now)


def move_cases(conn: Connection, rows: Sequence[Mapping[str, Any]], now: datetime) -> list[Said]:
    """Raise, lower or resolve; a row holds id, event, level, certainty, observed, limit, message, calmer_since."""
    return _say(conn, "alerts.move", rows, now)


def keep(conn: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Remember since when cases are calmer: id, calmer_since."""
    if rows:
        conn.execute(sql("alerts.keep"), {"rows": Jsonb(rows)})


def refresh(conn: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Figures of open cases as they are now: id, observed, limit, certainty, message."""
    if rows:
        conn.execute(sql("alerts.refresh"), {"rows": Jsonb(rows)})


def _say(conn: Connection, statement: str, rows: Sequence[Mapping[str, Any]], now: datetime) -> list[Said]:
    if not rows:
        return []
    told = conn.execute(sql(statement), {"rows": Jsonb(list(rows)), "now": now, "actor": PLATFORM})
    return [Said(*row) for row in told]


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert as lists show it. scope: enterprise, region, or platform."""

    id: int
    rule: str
    scope: str
    code: str
    subject: str
    period: str
    level: str
    state: str
    certainty: str
    observed: float | None
    limit: float | None
    unit: str
    basis: str
    opened: datetime
    changed: datetime
    resolved: datetime | None
    acknowledged_by: str | None
    message: str


def listed(
    conn: Connection,
    enterprise: str | None = None,
    region: str | None = None,
    level: str | None = None,
    state: str | None = None,
) -> list[Alert]:
    """Alerts, the newest first; what is None does not filter."""
    asked = {"enterprise": enterprise, "region": region, "level": level, "state": state}
    with conn.cursor(row_factory=class_row(Alert)) as cursor:
        return cursor.execute(sql("alerts.list"), asked).fetchall()


def acknowledge(conn: Connection, alert: int, actor: str, text: str, at: datetime) -> None:
    """Somebody has seen it. Refused if there is no such alert or it is no longer open."""
    state, level = _one(conn, alert)
    if state != "open":
        raise Refused(f"Alert {alert} is {state}; only an open one can be acknowledged.")
    conn.execute(sql("alerts.acknowledge"), {"id": alert, "actor": actor, "at": at})
    _note(conn, alert, "acknowledged", level, actor, text, at)


def resolve(conn: Connection, alert: int, actor: str, text: str, at: datetime) -> None:
    """Close it by hand. Refused if there is no such alert, or it is closed already."""
    state, level = _one(conn, alert)
    if state == "resolved":
        raise Refused(f"Alert {alert} is resolved already.")
    conn.execute(sql("alerts.resolve"), {"id": alert, "actor": actor, "at": at})
    _note(conn, alert, "resolved", level, actor, text, at)


def comment(conn: Connection, alert: int, actor: str, text: str, at: datetime) -> None:
    """Something to be kept with it. Refused if there is no such alert."""
    _, level = _one(conn, alert)
    _note(conn, alert, "comment", level, actor, text, at)


def _one(conn: Connection, alert: int) -> tuple[str, str]:
    row = conn.execute(sql("alerts.one"), {"id": alert}).fetchone()
    if row is None:
        raise Refused(f"There is no alert {alert}; `enermon alerts list` shows those that there are.")
    return row[0], row[1]


def _note(conn: Connection, alert: int, event: str, level: str, actor: str, text: str, at: datetime) -> None:
    told = {"id": alert, "event": event, "level": level, "actor": actor, "text": text, "at": at}
    conn.execute(sql("alerts.note"), told)

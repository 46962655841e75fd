"""The dashboards of a province: how long each panel's question takes, as the role that Grafana has.

Invented: 1,200 enterprises in fourteen cities, fifty meters each, a year of figures written straight into the derived
tables (`panels.sql`). Days and months of usage are there of every enterprise and its three carriers. Hours, which a
panel only asks of the one enterprise it shows, are there of every tenth, 3.4 million rows; consumption by meter and
hour of the data centres, whose panels alone ask it, 1.4 million (of all 60,000 meters it would be 525 million). The
other tables are whole. Each question is asked over months, regions and enterprises in turn, the first time
unmeasured; autovacuum being off here, the tables are vacuumed once, as they are in service.
"""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
from psycopg import Connection, conninfo

from deploy.grafana.boards import BOARDS, CENTRE
from deploy.grafana.panels import statement
from deploy.grafana.words import Words
from energy.periods import DEFAULT_ZONE
from storage import database, viewer
from storage.viewer import Viewer
from tests.bench.figures import Figure
from tests.bench.stand import Stand
from tests.grafana_macros import Values, expanded

ENTERPRISES, METERS = 1_200, 50
NEEDED_GB = 3.0
_LIMIT_MS = 100
_ROUNDS = 20
_UNTIL = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
_SINCE = _UNTIL - timedelta(days=395)

_PROVINCE = Path(__file__).with_suffix(".sql")


def panels(one: Stand) -> Iterator[Figure]:
    """The slowest twentieth of all questions of each dashboard, and the worst panel of all."""
    with one.empty() as dsn:
        with database.connect(dsn) as conn:
            _write(conn)
            own = Viewer(viewer.role_of(conn), "bench")
            viewer.admit(conn, own, DEFAULT_ZONE)
            viewer.show(conn, own)
            conn.commit()
        with psycopg.connect(
            conninfo.make_conninfo(dsn, user=own.role, password=own.password), autocommit=True
        ) as conn:
            told = dict(_timed(conn))
    for board in BOARDS:
        every = [ms for panel in board.panels for ms in told[board.name, panel.query]]
        yield Figure("panels", f"{board.name}, p95 of {len(board.panels)} panels", _p95(every), "ms", _LIMIT_MS, "<= 1")
    worst = max(told, key=lambda key: _p95(told[key]))
    yield Figure("panels", f"slowest panel, {worst[1]}, p95", _p95(told[worst]), "ms", _LIMIT_MS, "<= 1")


def _write(conn: Connection) -> None:
    span = {"since": _SINCE, "until": _UNTIL, "enterprises": ENTERPRISES, "meters": METERS}
    months = {(_SINCE + timedelta(days=number)).date().replace(day=1) for number in range(397)}
    conn.execute("CALL ensure_consumption_months(%s)", (sorted(months),))
    for single in _PROVINCE.read_text("utf-8").strip().removesuffix(";").split(";\n"):
        conn.execute(single.encode(), span)
    conn.commit()
    conn.autocommit = True
    conn.execute("VACUUM ANALYZE")
    conn.execute("CHECKPOINT")
    conn.autocommit = False


def _timed(conn: Connection) -> Iterator[tuple[tuple[str, str], list[float]]]:
    """Milliseconds of each round of each panel, from sending the question to having its rows."""
    for board in BOARDS:
        for panel in board.panels:
            yield (
                (board.name, panel.query),
                [_ask(conn, panel.query, turn, board is CENTRE) for turn in range(_ROUNDS + 1)][1:],
            )


def _ask(conn: Connection, query: str, turn: int, centre: bool) -> float:
    until = _UNTIL - timedelta(days=30 * (turn % 11))
    asked = expanded(statement(query), _chosen(turn, until, centre), until - timedelta(days=30), until)
    began = time.perf_counter()
    conn.execute(asked).fetchall()
    return (time.perf_counter() - began) * 1000


def _chosen(turn: int, until: datetime, centre: bool) -> Values:
    """The province every other time, else one of its cities."""
    words, number = Words("zh"), 100 * (1 + turn % 12) if centre else 10 * (1 + turn * 53 % 120)
    region = "620000" if turn % 2 == 0 else "620500"
    return {
        "top": "620000", "region": region, "enterprise": f"P{number:04}", "month": f"{until:%Y-%m}",
        "zone": DEFAULT_ZONE.key, "basis": ("equivalent", "equal_value")[turn % 2],
        "level": ["red", "orange", "yellow", "blue"], "language": "zh", "rules": words.rules(), "flags": words.flags(),
    }  # fmt: skip


def _p95(values: list[float]) -> float:
    return sorted(values)[int(0.95 * (len(values) - 1))]

"""The day around the bursts: how it begins, and how a whole day of bursts comes about in minutes.

Quarter hours at its edges go through storage and rollup as everything does. The hours between are copies of the first
one, moved on: the same rows as if every burst had come, for every register rises alike in each hour.
"""

from datetime import UTC, datetime, timedelta
from threading import Thread

import numpy as np
from psycopg import Connection

from storage import consumption, database, readings, rollup
from tests.bench.nation import LOCAL, QUARTER, Nation

HOUR, HOURS = timedelta(hours=1), 24
_METERS_AT_ONCE = 200_000

# The first hour as it lies there, and the same rows so many hours later, by when every register has risen so much more.
_READINGS = """
CREATE TEMP TABLE first_reading AS
SELECT * FROM reading WHERE time > '{first}' AND time <= timestamptz '{first}' + interval '1 hour'
ORDER BY time, meter_id"""
_MORE_READINGS = """
INSERT INTO reading (time, received, value, seq, meter_id, source)
SELECT time + k, received + k, value + {hours} * 50.0 * (1 + meter_id % 7), seq, meter_id, source
FROM first_reading, (SELECT interval '{hours} hours') s(k)"""
_CONSUMPTION = """
CREATE TEMP TABLE first_hour AS SELECT * FROM consumption WHERE hour = '{first}' ORDER BY meter_id"""
_MORE_CONSUMPTION = """
INSERT INTO consumption SELECT hour + k, until + k, amount, low, high, estimated, peak_rate, peak_at + k,
    q1, q2, q3, q4, meter_id, flags, covered_s, received, bounded
FROM first_hour, (SELECT interval '{hours} hours') s(k);
INSERT INTO usage_hour SELECT enterprise_id, carrier, hour + k, amount, low, high, bought, renewable, exported,
    feedstock, estimated, q1, q2, q3, q4, peak_partial, covered_s, received, flags
FROM usage_hour, (SELECT interval '{hours} hours') s(k) WHERE hour = '{first}' ORDER BY enterprise_id"""
# Days follow from hours by the rollup itself, as after a revised factor.
_AFTER = """
UPDATE meter_span SET last_time = '{end}';
INSERT INTO stale_span (shard, enterprise_id, meters, since, until, why)
SELECT id % 256, id, '{{}}', '{first}', '{end}', 'factor' FROM enterprise"""


def begin(conn: Connection, nation: Nation) -> None:
    """Two quarter hours are there, and the year before them."""
    tell(conn, nation, nation.since)
    tell(conn, nation, nation.since + QUARTER)
    nation.remember(conn, known=1)
    _tidy(conn)


def fill(conn: Connection, dsn: str, nation: Nation) -> None:
    """Everything from the fourth quarter hour to the second of the next day."""
    tell(conn, nation, nation.since + 3 * QUARTER)
    tell(conn, nation, nation.since + 4 * QUARTER)
    _repeat_hour(conn, dsn, nation)
    conn.execute(_AFTER.format(first=nation.since, end=nation.since + HOURS * HOUR).encode())
    tell(conn, nation, nation.since + HOURS * HOUR + QUARTER)
    _tidy(conn)


def _tidy(conn: Connection) -> None:
    """What autovacuum does in the course of a day; here it is off, for it would have the whole day to do at once."""
    conn.execute("ANALYZE reading, consumption")
    conn.execute(
        "VACUUM (ANALYZE) meter_span, stale_span, stale_judgement, usage_hour, usage, usage_month, finding, alert"
    )


def tell(conn: Connection, nation: Nation, time: datetime) -> None:
    """Readings of all meters at one time, stored and rolled up."""
    rows, known = nation.rows(time), readings.KnownSpans(readings.meter_spans(conn))
    readings.add_days(conn, rows.days()[:1].tolist())
    for at in np.array_split(np.arange(len(rows)), -(-len(rows) // _METERS_AT_ONCE)):
        part = rows.take(at)
        with conn.transaction():
            readings.insert(conn, part, readings.MQTT, time + timedelta(microseconds=int(at[0])))
            known.widen(conn, part)
            readings.mark_stale(conn, part)
    rollup.drain(conn, LOCAL, datetime.now(UTC))


def _repeat_hour(conn: Connection, dsn: str, nation: Nation) -> None:
    """The first hour 23 times more. Keys are made afterwards, which takes a fraction of the time and ends the same."""
    first, end = nation.rows(nation.since), nation.rows(nation.since + HOURS * HOUR)
    readings.add_days(conn, {int(first.days()[0]), int(end.days()[0])})
    consumption.ensure_months(conn, np.array([first.time[0], end.time[0]]))
    both = [
        Thread(target=_repeated, args=(dsn, nation, *each))
        for each in (
            ("reading", "time", _READINGS, _MORE_READINGS),
            ("consumption", "hour", _CONSUMPTION, _MORE_CONSUMPTION),
        )
    ]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()


def _repeated(dsn: str, nation: Nation, table: str, time: str, pattern: str, more: str) -> None:
    with database.connect(dsn) as conn:
        conn.execute(pattern.format(first=nation.since).encode())
        conn.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_pkey".encode())
        for hours in range(1, HOURS):
            conn.execute(more.format(first=nation.since, hours=hours).encode())
            conn.commit()
        conn.execute("SET maintenance_work_mem = '1GB'")
        conn.execute(f"ALTER TABLE {table} ADD CONSTRAINT {table}_pkey PRIMARY KEY ({time}, meter_id)".encode())

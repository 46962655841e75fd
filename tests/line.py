"""A small enterprise on a real database, and readings told to it in short lines."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from psycopg import Connection

from storage import readings, rollup
from storage.arrays import micros

ZONE = ZoneInfo("Asia/Shanghai")
START = datetime(2026, 10, 1, tzinfo=ZONE)  # midnight in Shanghai, 16:00 UTC of the day before
NOW = datetime(2026, 11, 21, tzinfo=UTC)


@dataclass
class Line:
    """One enterprise `DEMO-1` (invented) and its meters."""

    conn: Connection
    ids: dict[str, int] = field(default_factory=dict)
    batch: int = 0

    def __post_init__(self) -> None:
        self.conn.execute("INSERT INTO region (code, name) VALUES ('620500', 'Tianshui') ON CONFLICT DO NOTHING")
        for code, unit, category in (
            ("electricity", "kWh", "power"),
            ("natural_gas", "m3", "gas"),
            ("raw_coal", "kg", "coal"),
        ):
            self.conn.execute(
                "INSERT INTO carrier VALUES (%s, %s, %s, %s, false, %s, NULL, NULL, 'test', 'sourced')"
                " ON CONFLICT DO NOTHING",
                (code, code, code, category, unit),
            )
        self.enterprise_id = self._one(
            "INSERT INTO enterprise (code, name, region) VALUES ('DEMO-1', 'invented', '620500') RETURNING id"
        )

    def _one(self, query: str, *values: object) -> int:
        row = self.conn.execute(query, values).fetchone()
        assert row is not None
        return int(row[0])

    def factor(self, carrier: str, kgce: float, equal: float, co2: float, unit: str = "kWh") -> None:
        self.conn.execute(
            "INSERT INTO factor (carrier, unit, kgce_per_unit, kgce_equal_per_unit, kgco2_per_unit, method, confidence,"
            " valid_from, source) VALUES (%s, %s, %s, %s, %s, 'default', 'sourced', '2000-01-01', 'test')",
            (carrier, unit, kgce, equal, co2),
        )
        self.changed()

    def meter(self, code: str, kind: str = "register", **more: object) -> None:
        columns = {"carrier": "electricity", "unit": "kWh", "scale": 1.0, "interval_minutes": 15} | more
        names = ", ".join(["enterprise_id", "code", "kind", *columns])
        marks = ", ".join(["%s"] * (3 + len(columns)))
        query = f"INSERT INTO meter ({names}) VALUES ({marks}) RETURNING id"
        self.ids[code] = self._one(query, self.enterprise_id, code, kind, *columns.values())
        self.changed()

    def changed(self) -> None:
        self.conn.execute("UPDATE registry_version SET version = version + 1")

    def tell(
        self, told: Iterable[tuple[str, float, float]], seq: int = readings.NO_SEQ, source: int = readings.MQTT
    ) -> None:
        """Store (meter, minutes after START, value) as one batch."""
        items = list(told)
        self.batch += 1
        rows = readings.Rows(
            np.array([micros(START + timedelta(minutes=minute)) for _, minute, _ in items], dtype=np.int64),
            np.array([value for _, _, value in items], dtype=np.float64),
            np.full(len(items), seq, dtype=np.int64),
            np.array([self.ids[code] for code, _, _ in items], dtype=np.int32),
            np.full(len(items), self.enterprise_id, dtype=np.int32),
        )
        readings.add_days(self.conn, set(rows.days().tolist()))
        readings.insert(self.conn, rows, source, NOW + timedelta(microseconds=self.batch))
        readings.widen_spans(self.conn, readings.spans_of(rows))
        readings.mark_stale(self.conn, rows)

    def drain(self) -> int:
        return rollup.drain(self.conn, ZONE, NOW)

    def consumption(self, code: str) -> list[tuple[object, ...]]:
        return self.conn.execute(
            "SELECT hour, amount, low, high, estimated, peak_rate, peak_at, nullif(q1, 'NaN'), nullif(q2, 'NaN'),"
            " nullif(q3, 'NaN'), nullif(q4, 'NaN'), flags, covered_s, received, bounded"
            " FROM consumption WHERE meter_id = %s ORDER BY hour",
            (self.ids[code],),
        ).fetchall()

    def figures(self) -> list[object]:
        """All that readings have become, as text, bit for bit."""
        self.conn.execute("SET extra_float_digits = 1")
        tables = {
            "consumption": "hour, meter_id",
            "usage_hour": "carrier, hour",
            "usage": "carrier, day",
            "usage_month": "month",
        }
        found: list[object] = []
        for table, order in tables.items():
            found += self.conn.execute(f"SELECT '{table}', to_jsonb(t) FROM {table} t ORDER BY {order}").fetchall()
        found += self.conn.execute("SELECT * FROM quarantined_reading ORDER BY meter_id, time").fetchall()
        return found

"""An invented nation: enterprises of sixty meters each, what their registers say, and the messages that say it.

Every register rises by the same multiple of 12.5 in each quarter hour, so that all amounts are exact in binary.
Enterprise and meter ids are those that an empty database gives them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection

from energy.periods import DEFAULT_ZONE
from storage.arrays import micros
from storage.readings import NO_SEQ, Rows

METERS = 60
QUARTER = timedelta(minutes=15)
LOCAL: ZoneInfo = DEFAULT_ZONE

_REGISTRY = """
INSERT INTO enterprise (code, name, region)
SELECT 'N' || lpad(i::text, 5, '0'), '虚构企业' || i, '620000' FROM generate_series(1, {enterprises}) i ORDER BY i;
INSERT INTO meter (enterprise_id, code, carrier, kind, unit, scale, level, max_rate)
SELECT e.id, 'M' || lpad(j::text, 2, '0'), c.code, 'register', c.unit, 1, CASE WHEN j <= 6 THEN 1 ELSE 2 END, 100000
FROM enterprise e CROSS JOIN generate_series(1, {meters}) j
JOIN carrier c ON c.code = CASE WHEN j % 6 = 5 THEN 'natural_gas' WHEN j % 6 = 0 THEN 'raw_coal' ELSE 'electricity' END
ORDER BY e.id, j;
UPDATE registry_version SET version = version + 1;
ANALYZE enterprise, meter"""

# What came before the readings at hand, at the pace of those: the month's days and the year's months, and the last
# month's reports, which have been written. The quotas are such that some enterprises are well within and some above.
_PAST = """
INSERT INTO usage
SELECT enterprise_id, carrier, d::date,
    amount * k, low * k, high * k, bought * k, renewable * k, exported * k, feedstock * k,
    tce_equivalent * k, tce_equivalent_low * k, tce_equivalent_high * k, tce_equal_value * k, tce_equal_value_low * k,
    tce_equal_value_high * k, tce_assessed * k, tco2 * k, tce_medium * k, peak_kw, peak_at, peak_partial, estimated,
    covered_s * k, received * k, flags, factor_equivalent, factor_equal_value, factor_co2, computed
FROM usage, generate_series(date '{month}', date '{day}' - 1, interval '1 day') d, (SELECT 96 / {known}) p(k)
WHERE day = '{day}';
INSERT INTO usage_month
SELECT enterprise_id, carrier, m::date,
    amount * k, low * k, high * k, bought * k, renewable * k, exported * k, feedstock * k,
    tce_equivalent * k, tce_equivalent_low * k, tce_equivalent_high * k, tce_equal_value * k, tce_equal_value_low * k,
    tce_equal_value_high * k, tce_assessed * k, tco2 * k, tce_medium * k, peak_kw, peak_at, peak_partial, estimated,
    covered_s * k, received * k, flags, d, computed
FROM usage, generate_series(date '{year}', date '{month}' - 1, interval '1 month') m,
    LATERAL (SELECT (m + interval '1 month')::date - m::date) l(d), LATERAL (SELECT d * 96 / {known}) p(k)
WHERE day = '{day}';
UPDATE meter_span SET first_time = timestamp '{year}' AT TIME ZONE '{zone}';
INSERT INTO quota (scope, code, metric, period, "limit", unit, basis, document)
SELECT 'enterprise', e.code, 'tce', '{year:%Y}',
    round((365 * 96 / {known} * sum(u.tce_equivalent) * (0.9 + 0.02 * (e.id % 20)))::numeric, 1), 'tce', 'equivalent',
    'invented'
FROM enterprise e JOIN usage u ON u.enterprise_id = e.id AND u.day = '{day}' GROUP BY e.id;
INSERT INTO report_run (report, scope, code, period, due, state, finished)
SELECT 'monthly', 'enterprise', code, to_char(date '{month}' - 1, 'YYYY-MM'), now(), 'done', now() FROM enterprise
UNION ALL SELECT 'monthly', 'region', code, to_char(date '{month}' - 1, 'YYYY-MM'), now(), 'done', now() FROM region;
INSERT INTO quality_month (enterprise_id, month, computed, known, warnings, duties, told)
SELECT e.id, (date_trunc('month', now()) - n * interval '1 month')::date, now(), 0, 0, 0, 'null'
FROM enterprise e, generate_series(0, 1) n;
UPDATE registry_version SET version = version + 1;
ANALYZE usage, usage_month, quota"""


@dataclass(frozen=True)
class Nation:
    """So many enterprises, whose registers stood at their beginning at `since`."""

    enterprises: int
    since: datetime

    @property
    def meters(self) -> int:
        return self.enterprises * METERS

    def register(self, conn: Connection) -> None:
        """Enterprises and meters, in an empty registry."""
        conn.execute(_REGISTRY.format(enterprises=self.enterprises, meters=METERS).encode())
        conn.commit()

    def have_spoken(self, conn: Connection, time: datetime) -> None:
        """All meters, at that time."""
        conn.execute("INSERT INTO meter_span SELECT id, %(time)s, %(time)s FROM meter ORDER BY id", {"time": time})
        conn.execute("ANALYZE meter_span")
        conn.commit()

    def remember(self, conn: Connection, known: int) -> None:
        """The year before, when usage is there of so many first quarter hours of a day, and a quota for everyone."""
        day = self.since.astimezone(LOCAL).date()
        dates = {"day": day, "month": day.replace(day=1), "year": day.replace(month=1, day=1)}
        conn.execute(_PAST.format(known=known, zone=LOCAL.key, **dates).encode())
        conn.commit()

    def code(self, enterprise: int) -> str:
        return f"N{enterprise:05}"

    def values(self, meters: NDArray[np.int32], time: datetime) -> NDArray[np.float64]:
        """What these registers say."""
        steps = (time - self.since) // QUARTER
        return 100.0 * (meters % 1000) + 12.5 * steps * (1 + meters % 7)

    def rows(self, time: datetime, meters: NDArray[np.int32] | None = None) -> Rows:
        """Readings of all meters, or of some, at one time, sorted by meter."""
        meter = np.arange(1, self.meters + 1, dtype=np.int32) if meters is None else meters
        none = np.full(len(meter), NO_SEQ)
        enterprise = ((meter - 1) // METERS + 1).astype(np.int32)
        return Rows(np.full(len(meter), micros(time)), self.values(meter, time), none, meter, enterprise)

    def burst(self, time: datetime) -> Iterator[tuple[str, bytes]]:
        """Topic and payload: one message an enterprise, of all its meters at that time."""
        values = self.values(np.arange(1, self.meters + 1, dtype=np.int32), time).tolist()
        for enterprise in range(1, self.enterprises + 1):
            yield self._message(enterprise, enterprise, [(time, range(1, METERS + 1))], values)

    def hundreds(self, times: tuple[datetime, datetime], count: int) -> Iterator[tuple[str, bytes]]:
        """Messages of a hundred readings: fifty meters of one enterprise at two times."""
        for number in range(count):
            yield self._of_fifty(number, times)

    def rows_of_hundreds(self, times: tuple[datetime, datetime], count: int) -> Rows:
        """The same readings in the same order."""
        meter = (np.arange(count)[:, None] * METERS + np.arange(1, 51)).astype(np.int32)
        both = [self.rows(time, meter.ravel()) for time in times]
        names = Rows.__dataclass_fields__
        return Rows(*(np.stack([getattr(rows, name).reshape(count, 50) for rows in both], 1).ravel() for name in names))

    def singles(self, time: datetime, count: int) -> Iterator[tuple[str, bytes]]:
        """Messages of one reading, each from another enterprise than the one before."""
        for number in range(count):
            turn, enterprise = divmod(number, self.enterprises)
            yield self._message(enterprise + 1, number, [(time, range(turn + 1, turn + 2))])

    def _of_fifty(self, number: int, times: tuple[datetime, datetime]) -> tuple[str, bytes]:
        return self._message(number + 1, number, [(time, range(1, 51)) for time in times])

    def _message(
        self, enterprise: int, seq: int, told: list[tuple[datetime, range]], values: list[float] | None = None
    ) -> tuple[str, bytes]:
        first = (enterprise - 1) * METERS
        readings = []
        for time, places in told:
            at = time.astimezone(LOCAL).isoformat()
            meters = first + np.array(places, dtype=np.int32)
            said = values[first + places[0] - 1 : first + places[-1]] if values else self.values(meters, time).tolist()
            readings += [
                f'{{"meter":"M{place:02}","time":"{at}","value":{value}}}'
                for place, value in zip(places, said, strict=True)
            ]
        text = f'{{"gateway":"G1","seq":{seq},"readings":[{",".join(readings)}]}}'
        return f"enermon/v1/{self.code(enterprise)}/readings", text.encode()

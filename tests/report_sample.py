"""An invented cement works and its invented city with fourteen months of figures, written straight into the tables.

What a report shows is then known beforehand: no rollup and no judge has to run.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from math import sin
from zoneinfo import ZoneInfo

from psycopg import Connection

from energy.periods import midnight, month_of
from energy.quality import Flag

ZONE = ZoneInfo("Asia/Shanghai")
OCTOBER = month_of(date(2026, 10, 1))
NOW = datetime(2026, 11, 4, 0, 30, tzinfo=UTC)  # the fourth of November, half past eight in Shanghai
FIRST, UNTIL = date(2025, 9, 1), date(2026, 11, 1)

_USAGE = """
INSERT INTO usage (enterprise_id, carrier, day, amount, low, high, bought, tce_equivalent, tce_equivalent_low,
    tce_equivalent_high, tce_equal_value, tce_assessed, tco2, estimated, covered_s, received, flags, factor_equivalent,
    factor_equal_value, factor_co2, computed)
SELECT %(id)s, %(carrier)s, %(day)s, %(amount)s, %(amount)s, %(high)s, %(amount)s, a.t, a.t, a.t,
    %(amount)s * f.kgce_equal_per_unit / 1000,
    a.t, %(amount)s * f.kgco2_per_unit / 1000, 0, 86400 * %(meters)s, 96 * %(meters)s, %(flags)s, f.id, f.id, f.id,
    %(now)s
FROM factor f, LATERAL (SELECT %(amount)s * f.kgce_per_unit / 1000 AS t) a WHERE f.carrier = %(carrier)s
"""
_MONTHS = """
INSERT INTO usage_month (enterprise_id, carrier, month, amount, low, high, bought, tce_equivalent, tce_equivalent_low,
    tce_equivalent_high, tce_equal_value, tce_assessed, tco2, estimated, covered_s, received, flags, days, computed)
SELECT enterprise_id, carrier, date_trunc('month', day)::date AS month, sum(amount), sum(low),
    CASE WHEN count(high) = count(*) THEN sum(high) END, sum(bought),
    sum(tce_equivalent), sum(tce_equivalent_low), sum(tce_equivalent_high), sum(tce_equal_value), sum(tce_assessed),
    sum(tco2), 0, sum(covered_s), sum(received), bit_or(flags), count(*), max(computed)
FROM usage GROUP BY enterprise_id, carrier, 3
"""


def write_registry(conn: Connection) -> None:
    """Two regions, three carriers with one factor each, three enterprises; the second never reports."""
    many(conn, "region (code, name, parent)", [("620000", "甘肃省", None), ("620500", "天水市", "620000")])
    many(conn, "industry (code, name)", [("3011", "水泥制造")])
    many(
        conn,
        "carrier (code, name_zh, name_en, category, is_medium, unit, source, confidence)",
        [
            (
                "electricity",
                "电力（当量值）",
                "electricity (calorific equivalent)",
                "power",
                False,
                "kWh",
                "GB/T 2589-2020",
                "sourced",
            ),
            ("raw_coal", "原煤", "raw coal", "coal", False, "kg", "GB/T 2589-2020", "sourced"),
            ("natural_gas", "天然气（气态）", "natural gas (gaseous)", "gas", False, "m3", "GB/T 2589-2020", "sourced"),
        ],
    )
    many(
        conn,
        "factor (carrier, unit, kgce_per_unit, kgce_equal_per_unit, kgco2_per_unit, method, confidence, valid_from,"
        " source)",
        [
            (
                "electricity",
                "kWh",
                0.1229,
                0.3016,
                0.5306,
                "carried_forward",
                "sourced",
                "2020-01-01",
                "GB/T 2589-2020；生态环境部公告",
            ),
            ("raw_coal", "kg", 0.7143, 0.7143, 1.9003, "default", "sourced", "2020-01-01", "GB/T 2589-2020 附录 A"),
            ("natural_gas", "m3", 1.2143, 1.2143, 2.1622, "default", "recalled", "2020-01-01", "GB/T 2589-2020 附录 A"),
        ],
    )
    many(
        conn,
        "enterprise (code, name, region, industry, kind, credit_code, key_class, supervised_by)",
        [
            (
                "GS-CEMENT-1",
                "陇山示例水泥有限公司",
                "620500",
                "3011",
                "industrial",
                "91620500MA00000X1Y",
                "thousand",
                "620000",
            ),
            ("GS-CEMENT-2", "渭水示例建材有限公司", "620500", "3011", "industrial", None, "ten_thousand", None),
            ("GS-HOSPITAL", "示例市第一医院", "620500", None, "public_institution", None, None, None),
        ],
    )


def write_meters(conn: Connection, enterprise: int) -> None:
    many(
        conn,
        "meter (enterprise_id, code, name, carrier, kind, unit, scale, in_total, calibrated_until)",
        [
            (enterprise, "E-01", "110 kV 进线一", "electricity", "register", "kWh", 1, True, "2027-06-30"),
            (enterprise, "E-02", "110 kV 进线二", "electricity", "register", "kWh", 1, True, "2026-03-31"),
            (enterprise, "C-01", "入窑煤皮带秤", "raw_coal", "interval", "kg", 1, True, None),
            (enterprise, "G-01", "点火天然气", "natural_gas", "register", "m3", 1, True, "2027-01-31"),
        ],
    )
    conn.execute("CALL ensure_consumption_months('{2026-09-01, 2026-10-01}')")
    conn.execute(
        "INSERT INTO consumption (hour, until, amount, meter_id, flags, covered_s, received, bounded)"
        " SELECT h, h + interval '1 hour', 100, m.id, CASE WHEN m.code = 'G-01' AND h > %(late)s THEN %(missing)s"
        " ELSE 0 END,"
        " 3600, CASE WHEN m.code = 'G-01' AND h > %(late)s THEN 0 ELSE 4 END, false"
        " FROM meter m, generate_series(%(since)s, %(until)s - interval '1 hour', interval '1 hour') h"
        " WHERE m.enterprise_id = %(id)s",
        {
            "since": OCTOBER.since(ZONE),
            "until": OCTOBER.end(ZONE),
            "late": midnight(date(2026, 10, 25), ZONE),
            "missing": int(Flag.MISSING),
            "id": enterprise,
        },
    )


def write_usage(conn: Connection, enterprise: int, size: float = 1.0) -> None:
    """Fourteen months of days; the gas meter misses from 25 October on, and on 17 October nothing is known of coal."""
    with conn.cursor() as cur:
        cur.executemany(
            _USAGE,
            [
                {
                    "id": enterprise,
                    "carrier": carrier,
                    "day": day,
                    "amount": amount * size,
                    "flags": int(flags),
                    "meters": 2 if carrier == "electricity" and size == 1 else 1,
                    "high": None if flags else amount * size,
                    "now": NOW,
                }
                for day, carrier, amount, flags in _days()
            ],
        )
    conn.execute("DELETE FROM usage_month")
    conn.execute(_MONTHS)


def _days() -> Iterator[tuple[date, str, float, Flag]]:
    for at in range((UNTIL - FIRST).days):
        day = FIRST + timedelta(days=at)
        swing = 1 + 0.06 * sin(at / 2.3) + 0.03 * sin(at / 29) - 0.0001 * at
        yield day, "electricity", 412_000 * swing, Flag(0)
        if day != date(2026, 10, 17):
            yield day, "raw_coal", 431_000 * swing, Flag(0)
        if day < date(2026, 10, 25):
            yield day, "natural_gas", 1_900 * swing, Flag.MISSING if day == date(2026, 10, 24) else Flag(0)


def write_quarters(conn: Connection, enterprise: int) -> None:
    """Electric power of October by quarter hours; the afternoon of the third is missing, the peak is on the twelfth."""
    since = OCTOBER.since(ZONE)
    rows = []
    for at in range(OCTOBER.days * 24):
        hour = since + timedelta(hours=at)
        day, clock = at // 24 + 1, at % 24
        kw = [17_200 + 1_900 * sin((clock * 4 + q - 30) / 15) + 120 * sin(at * 4 + q) for q in range(4)]
        if (day, clock) == (12, 15):
            kw[1] = 22_345.6
        if not (day == 3 and 13 <= clock < 18):
            rows.append((enterprise, "electricity", hour, sum(kw) / 4, 0, *kw, False, 3600, 4, 0))
    many(
        conn,
        "usage_hour (enterprise_id, carrier, hour, amount, estimated, q1, q2, q3, q4, peak_partial, covered_s,"
        " received, flags)",
        rows,
    )


def write_judgements(conn: Connection, enterprise: int) -> None:
    """Quotas, two product lines of which one returned its output, findings as the rules leave them, alerts."""
    document = "市能双控〔2026〕示例1号"
    quota = 'quota (scope, code, metric, period, "limit", unit, basis, boundary, kind, document)'
    whose = ("enterprise", "GS-CEMENT-1")
    many(conn, quota, [(*whose, "tce", "2026", 125_000, "tce", "equivalent", "measured", "limit", document)])
    many(conn, quota, [(*whose, "kwh", "2026", 15_500, "10^4 kWh", "", "", "limit", document)])
    lines = [("cement_clinker", "水泥熟料", "烧成", "一线"), ("cement", "通用硅酸盐水泥", "粉磨", "")]
    columns = "product (enterprise_id, unit, product, name, process, line)"
    many(conn, columns, [(enterprise, "t", *line) for line in lines])
    output(conn, enterprise, "cement_clinker", 98_765.4)
    clinker = "水泥熟料 2025-11—2026-10 单位产品综合能耗 118.42 kgce/t，"
    _finding(conn, "unit_energy_limit", "cement_clinker", "2026", "warning", "red", 118.42, 117.0, "GB 16780-2021",
             f"{clinker}超过限定值 117 kgce/t")  # fmt: skip
    _finding(conn, "unit_energy_limit", "cement_clinker", "2026-10", "warning", None, 119.3, 117.0, "GB 16780-2021",
             "水泥熟料 2026-10 单位产品综合能耗 119.3 kgce/t，未达到限定值；月度值仅供参考")  # fmt: skip
    _finding(conn, "unit_energy_baseline", "cement_clinker", "2026", "ok", None, 118.42, 123.0,
             "发改产业〔2021〕1609号", f"{clinker}达到基准水平 123 kgce/t")  # fmt: skip
    _finding(conn, "unit_energy_limit", "cement", "2026", "cannot_judge", None, None, 94.0, "GB 16780-2021",
             "通用硅酸盐水泥 2026 年不能判定，因为没有报送合格品产量")  # fmt: skip
    _finding(conn, "quota_path", "tce:limit:equivalent:measured", "2026", "warning", "yellow", 106_366.0, 104_109.6,
             document, "2026 年综合能源消费量（当量值）快于序时进度")  # fmt: skip
    _finding(conn, "silent_enterprise", "", "", "warning", "orange", 3.0, 1.0, "", "自 11-04 08:00 起无任何读数")
    _alert(conn, "unit_energy_limit", "red", "水泥熟料单位产品综合能耗 118.42 kgce/t，超过限定值 117 kgce/t",
           datetime(2026, 10, 28, 1, tzinfo=UTC), None)  # fmt: skip
    _alert(conn, "silent_gateway", "blue", "网关 G1 自 14:00 起离线",
           datetime(2026, 10, 3, 6, tzinfo=UTC), datetime(2026, 10, 3, 11, tzinfo=UTC))  # fmt: skip
    _alert(conn, "silent_gateway", "blue", "八月的旧预警",
           datetime(2026, 8, 3, 6, tzinfo=UTC), datetime(2026, 8, 4, tzinfo=UTC))  # fmt: skip
    many(conn, "rejected_count (enterprise, day, reason, count)", [("GS-CEMENT-1", "2026-10-09", "not_a_number", 12)])


def output(conn: Connection, enterprise: int, product: str, quantity: float) -> None:
    """The qualified output of October."""
    columns = "output (enterprise_id, product, period, quantity, unit)"
    many(conn, columns, [(enterprise, product, "2026-10", quantity, "t")])


def _finding(conn: Connection, rule: str, subject: str, period: str, state: str, level: str | None,
             observed: float | None, limit: float, document: str, reason: str) -> None:  # fmt: skip
    columns = (
        'finding (rule, scope, code, subject, period, state, level, observed, "limit", unit, document, reason,'
        " rule_version, judged)"
    )
    unit = "tce" if rule.startswith("quota") else "kgce/t"
    row = (
        rule,
        "enterprise",
        "GS-CEMENT-1",
        subject,
        period,
        state,
        level,
        observed,
        limit,
        unit,
        document,
        reason,
        "1",
        NOW,
    )
    many(conn, columns, [row])


def _alert(conn: Connection, rule: str, level: str, message: str, opened: datetime, resolved: datetime | None) -> None:
    columns = "alert (rule, scope, code, period, level, state, message, opened, changed, resolved)"
    state = "resolved" if resolved else "open"
    row = (rule, "enterprise", "GS-CEMENT-1", "2026", level, state, message, opened, NOW, resolved)
    many(conn, columns, [row])


def enterprise_id(conn: Connection, code: str = "GS-CEMENT-1") -> int:
    row = conn.execute("SELECT id FROM enterprise WHERE code = %s", (code,)).fetchone()
    assert row is not None
    return int(row[0])


def write_all(conn: Connection) -> None:
    """The whole sample: the works reports, the hospital a little, the second works nothing."""
    write_registry(conn)
    works = enterprise_id(conn)
    write_meters(conn, works)
    write_usage(conn, works)
    write_usage(conn, enterprise_id(conn, "GS-HOSPITAL"), 0.01)
    write_quarters(conn, works)
    write_judgements(conn, works)
    many(
        conn,
        "meter (enterprise_id, code, carrier, kind, unit, scale)",
        [
            (enterprise_id(conn, code), "E-01", "electricity", "register", "kWh", 1)
            for code in ("GS-CEMENT-2", "GS-HOSPITAL")
        ],
    )
    conn.execute(
        "INSERT INTO counting_meter (meter_id, enterprise_id, carrier, bought, renewable, exported, feedstock, sign,"
        " coarse)"
        " SELECT id, enterprise_id, carrier, 1, 0, 0, 0, 1, false FROM meter"
    )


def many(conn: Connection, table: str, rows: list[tuple[object, ...]]) -> None:
    """INSERT INTO `table (columns)` of all rows."""
    marks = ", ".join(["%s"] * len(rows[0]))
    with conn.cursor() as cur:
        cur.executemany(f"INSERT INTO {table} VALUES ({marks})".encode(), rows)

"""The sample city of the reports, with what dashboards show beyond it: a data centre, events, gateways, quality."""

from datetime import datetime, timedelta

from psycopg import Connection

from storage import hosting
from tests import report_sample
from tests.report_sample import NOW, OCTOBER, ZONE, many

CENTRE = "GS-DC-1"
_BY_ALERT = """
INSERT INTO alert_event (alert_id, at, event, level, actor, text)
SELECT id, opened, 'opened', level, 'enermon', message FROM alert
UNION ALL SELECT id, resolved, 'resolved', level, 'enermon', '已解除：' || message FROM alert WHERE resolved IS NOT NULL
UNION ALL SELECT id, opened + interval '1 hour', 'comment', NULL, '王工', '机密备注' FROM alert
"""


def write(conn: Connection) -> None:
    """Everything; figures are written straight into the tables, so that what a panel shows is known beforehand."""
    report_sample.write_all(conn)
    conn.execute(_BY_ALERT)
    works = report_sample.enterprise_id(conn)
    _write_progress(conn)
    _write_quality(conn, works)
    _write_centre(conn)


def wait_for_viewers(conn: Connection) -> None:
    """Until the sessions of every role that only looks are gone: while one is there we cannot drop its database."""
    asked = "SELECT count(*) FROM pg_stat_activity WHERE usename LIKE '%\\_grafana'"

    def gone() -> bool:
        with conn.transaction():
            conn.execute("SELECT pg_stat_clear_snapshot()")
            return conn.execute(asked).fetchone() == (0,)

    assert hosting.wait_until(gone, 10)


def _write_progress(conn: Connection) -> None:
    columns = (
        'finding (rule, scope, code, subject, period, state, observed, observed_low, observed_high, "limit", unit,'
        " basis, document, reason, inputs, rule_version, judged)"
    )
    about = ("enterprise", "GS-CEMENT-1", "tce:limit:equivalent:measured", "2026")
    inputs = '{"metric": "tce", "boundary": "measured", "name": "陇山"}'
    document = "市能双控〔2026〕示例1号"
    for rule, value, limit in (("quota_used", 106_366.0, 125_000.0), ("quota_forecast", 127_600.0, 125_000.0)):
        row = (
            rule,
            *about,
            "warning",
            value,
            value,
            value,
            limit,
            "tce",
            "equivalent",
            document,
            "示例",
            inputs,
            "1",
            NOW,
        )
        many(conn, columns, [row])


def _write_quality(conn: Connection, works: int) -> None:
    many(conn, "meter_span (meter_id, first_time, last_time)", [
        (meter, OCTOBER.since(ZONE) - timedelta(days=400), last) for meter, last in _last_times(conn)
    ])  # fmt: skip
    many(conn, "gateway (enterprise_id, code, state, since)", [
        (works, "G1", "offline", NOW - timedelta(hours=3)), (works, "G2", "online", NOW - timedelta(days=9)),
    ])  # fmt: skip
    many(conn, "quality_month (enterprise_id, month, computed, score, known, completeness, accuracy, timeliness,"
               " validity, conformity, valid_transmission, warnings, duties, told)",
         [(works, OCTOBER.first, NOW, 87.5, 0.8, 0.97, 0.9, 0.99, 0.98, 1.0, 0.95, 2, 1, "{}")])  # fmt: skip


def _last_times(conn: Connection) -> list[tuple[int, datetime]]:
    """Everybody spoke a quarter of an hour ago, but for the gas meter, silent for ten days."""
    rows = conn.execute("SELECT id, carrier FROM meter ORDER BY id").fetchall()
    late = {"natural_gas": timedelta(days=10)}
    return [(id_, datetime.now(ZONE) - late.get(carrier, timedelta(minutes=15))) for id_, carrier in rows]


def _write_centre(conn: Connection) -> None:
    """A data centre with a PUE of 1.25, whose second IT meter is unknown on the afternoon of the ninth."""
    many(conn, "enterprise (code, name, region, kind)", [(CENTRE, "示例云计算中心（虚构）", "620500", "data_centre")])
    centre = report_sample.enterprise_id(conn, CENTRE)
    columns = "meter (enterprise_id, code, name, carrier, kind, unit, scale, level, role, it_point, calibrated_until)"
    many(conn, columns, [
        (centre, "T-01", "市电总表", "electricity", "register", "kWh", 1, 1, "dc_total", None, "2026-12-01"),
        (centre, "I-01", "UPS 一", "electricity", "register", "kWh", 1, 2, "it_load", "ups_output", "2027-12-01"),
        (centre, "I-02", "UPS 二", "electricity", "register", "kWh", 1, 2, "it_load", "ups_output", None),
    ])  # fmt: skip
    meters = conn.execute("SELECT id FROM meter WHERE enterprise_id = %s", (centre,)).fetchall()
    many(conn, "meter_span (meter_id, first_time, last_time)", [(id_, OCTOBER.since(ZONE), NOW) for (id_,) in meters])
    conn.execute(
        "INSERT INTO consumption (hour, until, amount, meter_id, flags, covered_s, received, bounded)"
        " SELECT h, h + interval '1 hour', CASE m.code WHEN 'T-01' THEN 1000 WHEN 'I-01' THEN 500"
        " ELSE CASE WHEN h >= %(late)s AND h < %(late)s + interval '6 hours' THEN NULL ELSE 300 END END, m.id, 0, 3600,"
        " 4, false"
        " FROM meter m, generate_series(%(since)s, %(until)s - interval '1 hour', interval '1 hour') h"
        " WHERE m.enterprise_id = %(id)s",
        {"since": OCTOBER.since(ZONE), "until": OCTOBER.end(ZONE), "id": centre,
         "late": OCTOBER.since(ZONE) + timedelta(days=8, hours=12)},
    )  # fmt: skip
    many(conn, 'finding (rule, scope, code, subject, period, state, observed, "limit", unit, reason, inputs,'
               " rule_version, judged)",
         [("pue", "enterprise", CENTRE, "", "2026", "ok", 1.25, 1.3, "", "PUE 1.25，不高于 1.3",
           '{"it_point": "ups_output", "months": 12, "grade": 2}', "1", NOW)])  # fmt: skip

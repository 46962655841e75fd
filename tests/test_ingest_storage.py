"""What is stored, what is a duplicate, what is a conflict: decided by content, whatever the order."""

import json
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from psycopg import Connection

from ingest import registry, waiting
from ingest.batch import Known
from storage import readings, rejected
from tests.ingest_world import LIMITS, NOW, Intake, counts, payload, reading, register

EFFECTIVE = """
    SELECT DISTINCT ON (meter_id, time) meter_id, time, value FROM (
        SELECT meter_id, time, value, source, seq FROM reading
        UNION ALL SELECT meter_id, time, value, source, seq FROM rival_reading) every
    ORDER BY meter_id, time, source / 10 DESC, seq DESC NULLS LAST, value DESC"""


@pytest.fixture
def intake(conn: Connection) -> Intake:
    register(conn)
    return Intake(conn)


def test_a_message_becomes_readings_with_event_time_received_time_and_source(intake: Intake) -> None:
    assert counts(intake.take(payload(reading(at=15, value=7.25), reading("E-02", value=-0.0), seq=5))[0]) == (
        2,
        0,
        0,
        0,
    )
    rows = intake.rows(
        "SELECT m.code, time, received, value, seq, source FROM reading JOIN meter m ON m.id = meter_id ORDER BY 1"
    )
    assert rows == [("E-01", NOW - timedelta(minutes=15), NOW, 7.25, 5, 20), ("E-02", NOW, NOW, 0.0, 5, 20)]


def test_the_same_message_three_times_is_stored_once_and_counted_twice(intake: Intake) -> None:
    """EC-13."""
    body = payload(reading(), reading("E-02"))
    assert [counts(intake.take(body)[0]) for _ in range(3)] == [(2, 0, 0, 0), (0, 2, 0, 0), (0, 2, 0, 0)]
    assert intake.rows("SELECT count(*) FROM reading") == [(2,)]
    assert intake.rows("SELECT count(*) FROM rival_reading") == [(0,)]
    assert len(intake.rows("SELECT * FROM stale_span")) == 1, "duplicates leave nothing to recompute"


def test_the_same_message_three_times_in_one_batch_is_the_same(intake: Intake) -> None:
    outcomes = intake.take(*[payload(reading(), reading("E-02"))] * 3)
    assert [counts(each) for each in outcomes] == [(2, 0, 0, 0), (0, 2, 0, 0), (0, 2, 0, 0)]


def test_another_value_for_the_same_time_is_a_conflict_and_both_are_kept(intake: Intake) -> None:
    intake.take(payload(reading(value=5)))
    assert counts(intake.take(payload(reading(value=7), reading("E-02")))[0]) == (1, 0, 1, 0)
    assert counts(intake.take(payload(reading(value=7)))[0]) == (0, 1, 0, 0), "the rival is known as well"
    assert intake.rows("SELECT value FROM reading ORDER BY meter_id") == [(5.0,), (1.0,)]
    assert intake.rows("SELECT value FROM rival_reading") == [(7.0,)]


CLASH = [
    payload(reading(value=5), seq=1), payload(reading(value=7), seq=2), payload(reading(value=5), seq=3),
    payload(reading(value=9), seq=None), payload(reading(value=6), seq=3),
]  # fmt: skip


def test_which_value_counts_is_decided_by_content_in_every_order(conn: Connection) -> None:
    register(conn)
    effective = set()
    for order in permutations(CLASH):
        conn.execute("TRUNCATE reading, rival_reading, stale_span")
        intake = Intake(conn)
        sums = [counts(intake.take(each)[0]) for each in order]
        assert [sum(kind) for kind in zip(*sums, strict=True)] == [1, 1, 3, 0]
        effective.add(str(intake.rows(EFFECTIVE)))
    assert len(effective) == 1
    assert "6.0" in effective.pop(), "seq 3 is the largest, and 6 the larger value of the two that carry it"


def test_clashes_inside_one_batch_end_as_those_over_several(conn: Connection) -> None:
    register(conn)
    together = Intake(conn)
    assert [sum(kind) for kind in zip(*map(counts, together.take(*CLASH)), strict=True)] == [1, 1, 3, 0]
    assert [row[2] for row in together.rows(EFFECTIVE)] == [6.0]


def test_a_file_and_mqtt_are_equal_in_rank_and_an_estimate_is_lower(conn: Connection) -> None:
    register(conn)
    Intake(conn, source=10).take(payload(reading(value=9)))
    intake = Intake(conn)
    assert counts(intake.take(payload(reading(value=9)))[0]) == (1, 0, 0, 0), "the same value, now measured"
    Intake(conn, source=10).take(payload(reading(value=11), seq=99))
    assert [row[2] for row in intake.rows(EFFECTIVE)] == [9.0]


def test_rejected_readings_are_kept_as_they_were_sent(intake: Intake) -> None:
    items = b'{"meter":"E-01","time":"then","value":4},{"meter":"E-02","time":1,"value":NaN}'
    body = b'{"gateway":"G7","seq":3,"readings":[' + items + b"]}"
    assert counts(intake.take(body)[0]) == (0, 0, 0, 2)
    rows = intake.rows(
        "SELECT enterprise, gateway, seq, index, meter, reason, item, payload FROM rejected_message ORDER BY id"
    )
    assert rows == [
        ("INV-1", "G7", 3, 0, "E-01", "bad_time", {"meter": "E-01", "time": "then", "value": 4}, None),
        ("INV-1", "G7", 3, 1, "E-02", "not_a_number", {"meter": "E-02", "time": 1, "value": "nan"}, None)]  # fmt: skip


def test_an_unreadable_message_is_kept_whole(intake: Intake) -> None:
    intake.take(b"\xff\x00{")
    assert intake.rows("SELECT reason, payload, item FROM rejected_message") == [("unreadable", b"\xff\x00{", None)]


def test_nothing_that_postgresql_cannot_hold_stops_a_batch(intake: Intake) -> None:
    items = b'{"meter":"a\\u0000b","time":"\\ud800","value":1e999},"\\u0000",[[1]],{"meter":{"a":1}}'
    nasty = b'{"gateway":"\\u0000","readings":[' + items + b"]}"
    clean = b'{"gateway":"g\\u0000","seq":1,"time":1795240000,"values":{"x\\u0000":1,"E-01":5}}'
    assert [counts(each) for each in intake.take(nasty, clean)] == [(0, 0, 0, 4), (1, 0, 0, 1)]
    assert intake.rows("SELECT count(*) FROM rejected_message") == [(5,)]


def test_beyond_the_quota_rejections_are_counted_and_no_longer_kept(conn: Connection) -> None:
    refused = [rejected.Rejected("INV-1", "t", None, None, n, "E", "bad_time", "m", {}, None) for n in range(7)]
    for _ in range(2):
        rejected.keep(conn, refused, NOW.date(), NOW, kept_per_day=10)
    assert conn.execute("SELECT count(*) FROM rejected_message").fetchone() == (10,)
    assert conn.execute("SELECT count FROM rejected_count").fetchone() == (14,)


def test_a_reading_of_an_unknown_meter_is_admitted_when_the_meter_is_registered(intake: Intake) -> None:
    """EC-27."""
    conn = intake.conn
    intake.take(payload(reading("NEW", value=42), reading("NEW", at=15, value=41), reading("NEVER"), seq=8))
    intake.take(payload(reading("NEW")), enterprise="INV-2")
    register(conn, meters=["NEW"])
    known, ticks = Known.load(conn), intake.tick
    conn.commit()
    fresh = registry.load(conn, registry.Registry())
    assert waiting.admit_waiting(conn, fresh, LIMITS, known, ticks) == 2
    assert intake.rows("SELECT value, seq FROM reading ORDER BY time") == [(41.0, 8), (42.0, 8)]
    assert intake.rows(
        "SELECT meter, admitted IS NULL FROM rejected_message WHERE enterprise = 'INV-1' ORDER BY id"
    ) == [("NEW", False), ("NEW", False), ("NEVER", True)]
    assert waiting.admit_waiting(conn, fresh, LIMITS, known, ticks) == 0


def test_a_waiting_reading_that_is_wrong_otherwise_waits_no_longer(intake: Intake) -> None:
    intake.take(payload({**reading("NEW"), "time": "then"}))
    register(intake.conn, meters=["NEW"])
    fresh = registry.load(intake.conn, registry.Registry())
    assert waiting.admit_waiting(intake.conn, fresh, LIMITS, Known.load(intake.conn), intake.tick) == 0
    assert intake.rows("SELECT reason, admitted FROM rejected_message") == [("bad_time", None)]


def test_a_stale_span_names_exactly_the_meters_of_an_enterprise_and_day(conn: Connection) -> None:
    ids = {code: register(conn, code, ["A", "B"]) for code in ("INV-1", "INV-2")}
    intake = Intake(conn)
    intake.take(payload(reading("A"), reading("A", at=30), reading("B", at=60 * 24)))
    intake.take(payload(reading("B")), enterprise="INV-2")
    rows = intake.rows("""
        SELECT shard, enterprise_id, (SELECT array_agg(code) FROM meter WHERE id = ANY(meters)), since, until, why
        FROM stale_span ORDER BY id""")
    one, two = ids["INV-1"], ids["INV-2"]
    assert rows == [
        (one % 256, one, ["B"], NOW - timedelta(days=1), NOW - timedelta(days=1), "reading"),
        (one % 256, one, ["A"], NOW - timedelta(minutes=30), NOW, "reading"),
        (two % 256, two, ["B"], NOW, NOW, "reading"),
    ]


def test_first_times_are_exact_and_last_times_lag_less_than_an_hour(intake: Intake) -> None:
    for at in (600, 585, 570, 700, 400, 15, 0):
        intake.take(payload(reading(at=at), reading("E-02", at=at + 3), reading("E-03", at=at)))
        for first, last, known_first, known_last in intake.rows("""
                SELECT min(time), max(time), first_time, last_time FROM reading JOIN meter_span USING (meter_id)
                GROUP BY meter_id, first_time, last_time"""):
            assert first == known_first
            assert timedelta(0) <= last - known_last < timedelta(hours=1)


def test_a_message_scattered_over_years_is_stored_day_by_day(intake: Intake) -> None:
    items = [reading(at=60 * 24 * day, value=day) for day in range(0, 9000, 30)]
    assert counts(intake.take(payload(*items))[0]) == (300, 0, 0, 0)
    assert counts(intake.take(payload(*items))[0]) == (0, 300, 0, 0)


def test_partitions_of_today_and_tomorrow_are_there_before_they_are_needed(intake: Intake) -> None:
    intake.take(payload(reading(at=60 * 24 * 100)))
    assert intake.rows("SELECT has_reading_day('2026-11-21'), has_reading_day('2026-11-22')") == [(True, True)]


def test_counts_add_up_for_every_message_of_a_mixed_batch(intake: Intake) -> None:
    bodies = [
        payload(*(reading(f"E-0{n % 5}", at=n % 7, value=n % 3) for n in range(k, k + 40)), seq=k) for k in range(25)
    ]
    for _ in range(2):
        outcomes = intake.take(*bodies)
        assert all(sum(counts(each)) == 40 for each in outcomes)
    stored = intake.rows("SELECT count(*), count(DISTINCT (time, meter_id)) FROM reading")[0]
    assert stored == (21, 21)


def test_a_registry_of_two_zones_and_validities_is_loaded_as_it_is(conn: Connection) -> None:
    since = datetime(2026, 11, 1, tzinfo=UTC)
    register(conn, meters=["OLD"], zone="Europe/London", valid_from=since)
    known = registry.load(conn, registry.Registry())
    enterprise = known.enterprises["INV-1"]
    rule = enterprise.rules[enterprise.meters["OLD"]]
    assert str(rule.zone) == "Europe/London"
    assert registry.load(conn, known) is known
    conn.execute("UPDATE registry_version SET version = version + 1")
    assert registry.load(conn, known).enterprises["INV-1"] is enterprise, "what has not changed is taken over"


def test_rows_without_seq_and_with_seq_share_a_batch(intake: Intake) -> None:
    intake.take(payload(reading(), seq=None), payload(reading("E-02"), seq=2), payload(reading("E-03"), seq=None))
    assert intake.rows("SELECT seq FROM reading ORDER BY meter_id") == [(None,), (2,), (None,)]


def test_days_are_counted_from_2000() -> None:
    assert readings.day_number(datetime(2000, 1, 2, tzinfo=UTC)) == 1
    assert json.loads(payload(reading()))["readings"][0]["meter"] == "E-01"

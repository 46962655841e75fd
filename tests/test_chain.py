"""The chain finds what was changed, deleted or inserted after it was received. The enterprises are invented."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from struct import pack
from threading import Barrier, Thread
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook
from psycopg import Connection

from energy import chain as hashing
from energy.chain import Batch, End
from energy.periods import parse
from energy.refused import Refused
from enermon.cli import cli
from enermon.integrity import receipts, sentence
from ingest import batch, registry, waiting
from ingest.batch import Known
from ingest.instants import Ticks
from reports import monthly
from storage import arrays, chain, database, integrity, readings
from storage.explain import explain
from storage.integrity import Kind, Scope, Tally
from tests.ingest_world import LIMITS, NOW, Intake, counts, payload, reading, register

ZONE = ZoneInfo("Asia/Shanghai")
TODAY = NOW.date()
FIRST, SECOND = "2026-11-21 08:00:00+00", "2026-11-21 08:00:00.000001+00"  # when the first two batches were received


@pytest.fixture
def intake(conn: Connection) -> Intake:
    """Three batches of `INV-1`, the second with other values for times of the first; one of `INV-2`."""
    register(conn)
    register(conn, "INV-2")
    told = Intake(conn)
    told.take(payload(reading(), reading(at=15), reading("E-02"), reading("E-03")))
    told.take(payload(reading(value=7), reading(at=15, value=8), reading("E-02", at=15), seq=2))
    told.take(payload(reading("E-02", at=30), seq=3))
    told.take(payload(reading(), seq=4), enterprise="INV-2")
    conn.commit()
    return told


def check(conn: Connection, scope: Scope | None = None) -> tuple[list[str], Tally]:
    """What is wrong, as people are told, and what was looked at."""
    conn.commit()
    tally = Tally()
    return [sentence(fault, ZONE) for fault in integrity.check(conn, scope or Scope(), tally)], tally


def kinds(conn: Connection, scope: Scope | None = None) -> list[tuple[Kind, str, int]]:
    """(what, whose, which link) of everything that is wrong."""
    conn.commit()
    return [(each.kind, each.enterprise, each.number) for each in integrity.check(conn, scope or Scope(), Tally())]


def heads(conn: Connection) -> dict[str, str]:
    query = "SELECT code, encode(head, 'hex') FROM chain_head JOIN enterprise ON id = enterprise_id"
    return dict(conn.execute(query).fetchall())


def links(conn: Connection) -> list[tuple[Any, ...]]:
    return conn.execute("SELECT number, received FROM chain_link ORDER BY enterprise_id, number").fetchall()


# As it was received -------------------------------------------------------------------------------


def test_what_was_received_is_as_received(intake: Intake) -> None:
    assert check(intake.conn) == ([], Tally(links=4, readings=9))
    assert intake.rows("SELECT count(*) FROM rival_reading") == [(2,)]


def test_one_batch_is_one_link_of_each_enterprise_and_day_of_its_readings(conn: Connection) -> None:
    register(conn)
    Intake(conn).take(payload(reading(), reading("E-02"), reading(at=60 * 24), reading(at=60 * 48)))
    rows = conn.execute("SELECT number, receipt_day, reading_day, readings FROM chain_link ORDER BY 1").fetchall()
    assert rows == [
        (n, TODAY, TODAY - timedelta(days=back), count) for n, (back, count) in enumerate([(2, 1), (1, 1), (0, 2)], 1)
    ]
    assert check(conn)[0] == []


def test_what_only_repeats_adds_no_link_and_the_head_stays(intake: Intake) -> None:
    before = heads(intake.conn), links(intake.conn)
    body = payload(reading(), reading(at=15), reading("E-02"), reading("E-03"))
    assert [counts(each) for each in intake.take(body, body)] == [(0, 4, 0, 0)] * 2
    assert (heads(intake.conn), links(intake.conn)) == before


def test_a_value_told_again_with_a_larger_seq_stands_beside_the_first_and_changes_no_row(intake: Intake) -> None:
    """Which value counts follows from seq, so the larger one is kept; the earlier batch's row must stay as it was."""
    for seq in (9, 5, 12, 12):
        assert counts(intake.take(payload(reading(value=7), seq=seq))[0]) == (0, 1, 0, 0)
    assert intake.rows("SELECT seq FROM rival_reading WHERE value = 7 ORDER BY 1") == [(2,), (9,), (12,)]
    assert check(intake.conn)[0] == []


def test_files_and_messages_of_one_day_are_one_chain(intake: Intake) -> None:
    Intake(intake.conn, source=readings.FILE).take(payload(reading("E-03", at=45), seq=None))
    intake.take(payload(reading("E-03", at=60), seq=6))
    assert [number for number, _ in links(intake.conn)] == [1, 2, 3, 4, 5, 1]
    assert check(intake.conn)[0] == []


def test_a_reading_that_waited_for_its_meter_is_linked_when_it_is_admitted(intake: Intake) -> None:
    conn = intake.conn
    intake.take(payload(reading("NEW"), seq=8))
    register(conn, meters=["NEW"])
    fresh = registry.load(conn, registry.Registry())
    assert waiting.admit_waiting(conn, fresh, LIMITS, Known.load(conn), intake.tick) == 1
    assert check(conn)[1].links == 5
    assert check(conn)[0] == []


def test_two_batches_of_the_same_microsecond_are_told_apart(conn: Connection) -> None:
    register(conn)
    for n in range(4):
        Intake(conn).take(payload(reading(at=n), seq=n))
    assert len({received for _, received in links(conn)}) == 4
    assert check(conn)[0] == []


def test_what_is_rolled_back_leaves_no_link(intake: Intake) -> None:
    before = heads(intake.conn)
    decisions = intake.decide(payload(reading("E-03", at=90), seq=9))
    intake.conn.commit()
    broken = replace(LIMITS, kept_per_day="many")  # type: ignore[arg-type]
    decisions += intake.decide(b"no message")
    with pytest.raises(TypeError):
        batch.store(intake.conn, decisions, readings.MQTT, broken, Known.load(intake.conn), intake.tick())
    intake.conn.rollback()
    assert heads(intake.conn) == before
    assert check(intake.conn)[0] == []


def test_several_collectors_at_once_make_one_chain_of_each_enterprise(dsn: str, conn: Connection) -> None:
    for code in ("INV-1", "INV-2", "INV-3"):
        register(conn, code)
    conn.commit()
    begun, rounds = Barrier(3), 12

    def collect(name: int) -> None:
        with database.connect(dsn) as own:
            told = Intake(own)
            begun.wait()
            for n in range(rounds):
                for code in ("INV-1", "INV-2", "INV-3"):
                    told.take(payload(reading(at=n * 3 + name), reading("E-02", at=n), seq=n), enterprise=code)

    threads = [Thread(target=collect, args=(name,)) for name in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    problems, tally = check(conn)
    assert problems == []
    assert tally.readings == 3 * (3 * rounds + rounds)
    numbers = [number for number, _ in links(conn)]
    assert numbers == [n for _ in range(3) for n in range(1, 1 + len(numbers) // 3)]


def test_a_collector_that_starts_again_goes_on_from_the_database(dsn: str, intake: Intake) -> None:
    with database.connect(dsn) as another:
        later = Intake(another, tick=Ticks(lambda: NOW + timedelta(minutes=1)))
        later.take(payload(reading("E-03", at=75), seq=7))
    assert [number for number, _ in links(intake.conn)] == [1, 2, 3, 4, 1]
    assert check(intake.conn)[0] == []


MESSAGES = [
    payload(*(reading(f"E-0{1 + n % 3}", n * 7 % 5 + 1440 * (n % 3), n % 4) for n in range(k, k + 4)), seq=k % 3)
    for k in range(8)
]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=st.lists(st.lists(st.sampled_from(MESSAGES), min_size=1, max_size=5), min_size=1, max_size=6))
def test_however_messages_fall_into_batches_all_is_as_received(conn: Connection, parts: list[list[bytes]]) -> None:
    if conn.execute("SELECT 1 FROM meter").fetchone() is None:
        register(conn)
    conn.execute("TRUNCATE reading, rival_reading, stale_span, chain_link, chain_head, chain_seal")
    told = Intake(conn)
    for part in parts:
        told.take(*part)
    problems, tally = check(conn)
    stored = conn.execute("SELECT (SELECT count(*) FROM reading) + (SELECT count(*) FROM rival_reading)").fetchone()
    assert (problems, (tally.readings,)) == ([], stored)


# Days of receipt ----------------------------------------------------------------------------------


@dataclass
class Clock:
    """A clock that is set by hand."""

    at: datetime = NOW
    tick: Ticks = field(init=False)

    def __post_init__(self) -> None:
        self.tick = Ticks(lambda: self.at)


@pytest.fixture
def days(conn: Connection) -> Iterator[Intake]:
    """`INV-1` on three days of receipt, two batches a day."""
    register(conn)
    clock = Clock(NOW - timedelta(days=2))
    told = Intake(conn, tick=clock.tick)
    for n in range(6):
        clock.at = NOW - timedelta(days=2 - n // 2, minutes=5 - n)
        told.take(payload(reading(at=2880 - 1440 * (n // 2) + n), reading("E-02", at=4000 + n), seq=n))
    conn.commit()
    yield told


def test_every_day_that_is_over_has_its_seal_and_the_next_begins_from_it(days: Intake) -> None:
    seals = days.rows("SELECT receipt_day, number FROM chain_seal ORDER BY 1")
    assert seals == [(TODAY - timedelta(days=2), 4), (TODAY - timedelta(days=1), 8)]
    assert check(days.conn) == ([], Tally(links=12, readings=12))


def test_a_batch_of_yesterday_that_comes_to_be_stored_today_belongs_to_today(days: Intake) -> None:
    late = Intake(days.conn, tick=Ticks(lambda: NOW - timedelta(days=1)))
    late.take(payload(reading("E-03"), seq=7))
    assert days.rows("SELECT receipt_day, number FROM chain_link ORDER BY number DESC LIMIT 1") == [(TODAY, 13)]
    assert check(days.conn)[0] == []


@pytest.mark.parametrize("since", [0, 1, 2, 3])
def test_some_days_can_be_looked_at_alone(days: Intake, since: int) -> None:
    first = TODAY - timedelta(days=since)
    for until in (date(9999, 1, 1), first + timedelta(days=1)):
        assert check(days.conn, Scope(since=first, until=until))[0] == []
    days.conn.execute("UPDATE reading SET value = value + 1 WHERE time::date = %s", (first,))
    assert {kind for kind, *_ in kinds(days.conn, Scope(since=first))} == {Kind.CHANGED}
    assert kinds(days.conn, Scope(since=first + timedelta(days=1))) == []


def test_an_enterprise_can_be_looked_at_alone(intake: Intake) -> None:
    intake.conn.execute("UPDATE reading SET value = 99 WHERE meter_id = (SELECT max(meter_id) FROM reading)")
    whole = [(Kind.CHANGED, "INV-2", 1)]
    scope = {code: integrity.scope_of(intake.conn, code, None, None, ZONE) for code in ("INV-1", "INV-2")}
    assert kinds(intake.conn) == kinds(intake.conn, scope["INV-2"]) == whole
    assert check(intake.conn, scope["INV-1"]) == ([], Tally(links=3, readings=8))


def test_local_days_are_looked_at_with_every_utc_day_they_touch(intake: Intake) -> None:
    scope = integrity.scope_of(intake.conn, None, date(2026, 11, 1), date(2026, 12, 1), ZONE)
    assert (scope.since, scope.until) == (date(2026, 10, 31), date(2026, 12, 1))
    with pytest.raises(Refused, match="'NOBODY' is not registered"):
        integrity.scope_of(intake.conn, "NOBODY", None, None, ZONE)


# Tampering ----------------------------------------------------------------------------------------

OURS = "meter_id IN (SELECT m.id FROM meter m JOIN enterprise e ON e.id = enterprise_id WHERE e.code = 'INV-1')"
ONE = f"{OURS} AND meter_id = (SELECT min(id) FROM meter) AND time = '2026-11-21 08:00+00'"
WITH_READINGS = [
    ("the last bit of a value", f"UPDATE reading SET value = 1.0000000000000002 WHERE {ONE}", [(Kind.CHANGED, 1)]),
    ("a time", f"UPDATE reading SET time = time + interval '1 us' WHERE {ONE}", [(Kind.CHANGED, 1)]),
    ("a seq", f"UPDATE reading SET seq = 99 WHERE {ONE}", [(Kind.CHANGED, 1)]),
    ("no seq", f"UPDATE reading SET seq = NULL WHERE {ONE}", [(Kind.CHANGED, 1)]),
    ("a source", f"UPDATE reading SET source = 30 WHERE {ONE}", [(Kind.CHANGED, 1)]),
    ("a meter", f"UPDATE reading SET meter_id = meter_id + 2, time = time + interval '1 s' WHERE {ONE}",
     [(Kind.CHANGED, 1)]),
    ("two values exchanged", f"UPDATE rival_reading SET value = 15 - value WHERE {OURS}", [(Kind.CHANGED, 2)]),
    ("a day", f"WITH moved AS (DELETE FROM reading WHERE {ONE} RETURNING *) INSERT INTO reading"
     " SELECT time + interval '1 d', received, value, seq, meter_id, source FROM moved",
     [(Kind.UNKNOWN, 0), (Kind.FEWER, 1)]),
    ("deleted", f"DELETE FROM reading WHERE {ONE}", [(Kind.FEWER, 1)]),
    ("a batch deleted", f"DELETE FROM reading WHERE received = '{FIRST}'", [(Kind.GONE, 1)]),
    ("all deleted", "TRUNCATE reading, rival_reading", [(Kind.GONE, number) for number in (1, 2, 3, 1)]),
    ("inserted beside", f"INSERT INTO reading SELECT time - interval '1 m', received, 3, seq, meter_id, source"
     f" FROM reading WHERE {ONE}", [(Kind.MORE, 1)]),
    ("inserted as of another time", f"INSERT INTO reading SELECT time - interval '1 m', received - interval '1 h', 3,"
     f" seq, meter_id, source FROM reading WHERE {ONE}", [(Kind.UNKNOWN, 0)]),
    ("received of one reading", f"UPDATE reading SET received = received - interval '1 d' WHERE {ONE}",
     [(Kind.UNKNOWN, 0), (Kind.FEWER, 1)]),
    ("received of a batch", f"UPDATE reading SET received = received - interval '1 d' WHERE received = '{FIRST}'",
     [(Kind.UNKNOWN, 0), (Kind.GONE, 1)]),
    ("received exchanged", f"UPDATE reading SET received = '{SECOND}' WHERE {ONE}", [(Kind.FEWER, 1), (Kind.MORE, 2)]),
    ("a rival's value", f"UPDATE rival_reading SET value = 6 WHERE value = 7 AND {OURS}", [(Kind.CHANGED, 2)]),
    ("a rival's seq", f"UPDATE rival_reading SET seq = 0 WHERE value = 7 AND {OURS}", [(Kind.CHANGED, 2)]),
    ("a rival deleted", f"DELETE FROM rival_reading WHERE value = 7 AND {OURS}", [(Kind.FEWER, 2)]),
    ("a rival inserted", f"INSERT INTO rival_reading SELECT meter_id, time, 70, source, 70, received FROM rival_reading"
     f" WHERE value = 7 AND {OURS}", [(Kind.MORE, 2)]),
    ("a reading that is laid aside", f"WITH gone AS (DELETE FROM reading WHERE meter_id = 3 AND {OURS} RETURNING *)"
     " INSERT INTO rival_reading SELECT meter_id, time, value, source, seq, received FROM gone", [(Kind.CHANGED, 1)]),
    ("a meter given to another", "UPDATE meter SET enterprise_id = (SELECT max(id) FROM enterprise), code = 'X'"
     " WHERE id = 3", [(Kind.FEWER, 1), (Kind.UNKNOWN, 0)]),
]  # fmt: skip


@pytest.mark.parametrize(("what", "statement", "found"), WITH_READINGS, ids=[each[0] for each in WITH_READINGS])
def test_a_reading_that_was_changed_deleted_or_inserted_is_found(
    intake: Intake, what: str, statement: str, found: Sequence[tuple[Kind, int]]
) -> None:
    intake.conn.execute(statement.encode())
    assert sorted((kind, number) for kind, _, number in kinds(intake.conn)) == sorted(found)


def test_readings_of_a_meter_that_nobody_registered_are_found(intake: Intake) -> None:
    intake.conn.execute("INSERT INTO reading VALUES ('2026-11-21 07:00+00', now(), 1, NULL, 4711, 20)")
    assert kinds(intake.conn) == [(Kind.UNKNOWN, "", 0)]
    assert "A meter that is not registered has readings for 2026-11-21" in check(intake.conn)[0][0]


WITH_LINKS = [
    ("its rows' hash", "UPDATE chain_link SET rows_hash = sha256('x') WHERE number = 6",
     [(Kind.LINK_CHANGED, 6), (Kind.CHANGED, 6)]),
    ("its head", "UPDATE chain_link SET head = sha256('x') WHERE number = 6",
     [(Kind.LINK_CHANGED, 6), (Kind.LINK_CHANGED, 7)]),
    ("how many", "UPDATE chain_link SET readings = 7 WHERE number = 6", [(Kind.LINK_CHANGED, 6)]),
    ("the first of a day", "UPDATE chain_link SET rows_hash = sha256('x') WHERE number = 9",
     [(Kind.DAY_BROKEN, 9), (Kind.CHANGED, 9)]),
    ("received, with its readings", "UPDATE chain_link SET received = received + interval '1 s' WHERE number = 6",
     [(Kind.LINK_CHANGED, 6), (Kind.UNKNOWN, 0), (Kind.GONE, 6)]),
    ("a day of receipt", "UPDATE chain_link SET receipt_day = receipt_day - 1 WHERE number = 5",
     [(Kind.LINK_CHANGED, 5), (Kind.SEAL, 5), (Kind.DAY_BROKEN, 6)]),
    ("deleted", "DELETE FROM chain_link WHERE number = 6", [(Kind.LINK_MISSING, 7), (Kind.UNKNOWN, 0)]),
    ("the last, deleted", "DELETE FROM chain_link WHERE number = 12", [(Kind.CUT_OFF, 11), (Kind.UNKNOWN, 0)]),
    ("a day deleted", "DELETE FROM chain_link WHERE number BETWEEN 5 AND 8", [(Kind.LINK_MISSING, 9)]),
    ("two exchanged", "UPDATE chain_link SET number = 13 - number WHERE number IN (6, 7)",
     [(Kind.LINK_CHANGED, 6), (Kind.LINK_CHANGED, 7)]),
    ("one doubled", "INSERT INTO chain_link SELECT received + interval '1 s', number, enterprise_id, receipt_day,"
     " reading_day, readings, rows_hash, head FROM chain_link WHERE number = 6",
     [(Kind.LINK_TWICE, 6), (Kind.GONE, 6)]),
    ("a seal", "UPDATE chain_seal SET head = sha256('x') WHERE number = 4", [(Kind.SEAL, 4)]),
    ("a seal deleted", "DELETE FROM chain_seal WHERE number = 4", [(Kind.SEAL, 4)]),
    ("the present head", "UPDATE chain_head SET head = sha256('x')", [(Kind.CUT_OFF, 12)]),
    ("no present head", "DELETE FROM chain_head", [(Kind.CUT_OFF, 12)]),
]  # fmt: skip


@pytest.mark.parametrize(("what", "statement", "found"), WITH_LINKS, ids=[each[0] for each in WITH_LINKS])
def test_a_link_that_was_changed_deleted_or_put_elsewhere_is_found(
    days: Intake, what: str, statement: str, found: Sequence[tuple[Kind, int]]
) -> None:
    days.conn.execute(statement.encode())
    told = {(kind, number) for kind, _, number in kinds(days.conn)}
    assert set(found) <= told, told


def test_whoever_changes_an_enterprises_code_breaks_every_day(days: Intake) -> None:
    days.conn.execute("UPDATE enterprise SET code = 'INV-9'")
    assert kinds(days.conn) == [(Kind.DAY_BROKEN, "INV-9", number) for number in (1, 5, 9)]


# Rewriting ----------------------------------------------------------------------------------------


def rewrite(conn: Connection, code: str) -> None:
    """As somebody would who knows all and may write all: the whole chain anew, from the readings as they are."""
    tally = Tally()
    conn.commit()
    scope = integrity.scope_of(conn, code, None, None, ZONE)
    conn.commit()
    comparison = integrity._Comparison(conn, scope, {}, tally)
    end, seals = End(), {}
    found = {}
    for (day,) in conn.execute("SELECT DISTINCT reading_day FROM chain_link").fetchall():
        for each in comparison._found(day):
            found[each.received, (day - date(2000, 1, 1)).days] = each
    rows = conn.execute(
        "SELECT number, received, receipt_day - date '2000-01-01', reading_day - date '2000-01-01' FROM chain_link"
        " WHERE enterprise_id = %s ORDER BY number",
        (scope.enterprise,),
    ).fetchall()
    for number, received, day, reading_day in rows:
        at = arrays.micros(received)
        have = found[at, reading_day]
        if -1 < end.day < day:
            seals[end.day] = end
        end = hashing.follow(end, code, day, at, Batch(have.enterprise, reading_day, have.readings, have.digest))
        conn.execute(
            "UPDATE chain_link SET readings = %s, rows_hash = %s, head = %s WHERE number = %s AND enterprise_id = %s",
            (have.readings, have.digest, end.head, number, scope.enterprise),
        )
    for day, seal in seals.items():
        conn.execute("UPDATE chain_seal SET head = %s WHERE receipt_day = %s", (seal.head, chain.day_of(day)))
    conn.execute("UPDATE chain_head SET head = %s WHERE enterprise_id = %s", (end.head, scope.enterprise))
    conn.commit()


def test_a_chain_that_was_rewritten_is_found_by_whoever_holds_a_receipt(days: Intake, dsn: str, tmp_path: Path) -> None:
    kept = tmp_path / "receipts.jsonl"
    kept.write_text(json.dumps({"gateway": "G1", "seq": 6, "accepted": 2, "chain": heads(days.conn)["INV-1"]}) + "\n")
    days.conn.commit()
    ours = ["--receipt", str(kept), "--enterprise", "INV-1"]
    assert run(dsn, *ours).stdout == (
        "12 links, 12 readings, all as received. 1 of 1 receipts carry a head; each is in the chain.\n")  # fmt: skip
    days.conn.execute("UPDATE reading SET value = 1000 WHERE time = (SELECT min(time) FROM reading)")
    rewrite(days.conn, "INV-1")
    assert check(days.conn)[0] == [], "inside the database nothing is wrong any more"
    done = run(dsn, *ours)
    assert done.exit_code == 1
    assert done.stderr.startswith("The head ") and "seq 6 of gateway G1 is not in the chain of INV-1" in done.stderr


def test_every_receipt_of_the_past_stays_good(intake: Intake, dsn: str, tmp_path: Path) -> None:
    kept = []
    for n in range(3):
        intake.take(payload(reading("E-03", at=100 + n), seq=n))
        kept.append(heads(intake.conn)["INV-1"])
    file = tmp_path / "heads.txt"
    file.write_text("\n".join(kept))
    intake.conn.commit()
    assert run(dsn, "--receipt", str(file)).exit_code == 0
    assert run(dsn, "--receipt", str(file), "--enterprise", "INV-2").exit_code == 1, "heads of another enterprise"


@pytest.mark.parametrize(
    ("text", "heads"),
    [
        ('{"seq": 1, "chain": "%s"}' % ("AB" * 32), ["ab" * 32]),
        ('[{"seq": 1, "chain": null}, {"sha256": "x", "chain": "%s"}]' % ("01" * 32), [None, "01" * 32]),
        ('{"seq": 1,\n "chain": null}', [None]),
        ('{"seq": 1, "chain": null}\n\n{"seq": 2, "chain": null}\n', [None, None]),
        ("ab" * 32 + "\n", ["ab" * 32]),
    ],
)
def test_receipts_are_read_as_gateways_keep_them(tmp_path: Path, text: str, heads: list[str | None]) -> None:
    file = tmp_path / "kept"
    file.write_text(text)
    assert [each.head for each in receipts(file)] == heads


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("7", "receipt 1 is no receipt"),
        ('{"seq": 1}', "receipt 1 is no receipt"),
        ('{"chain": null}\nhello', "line 2 is neither a receipt in JSON nor a head"),
        ('{"chain": "12"}', "receipt 1: chain is '12'; 64 hexadecimal digits"),
    ],
)
def test_what_is_no_receipt_is_refused_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "kept"
    file.write_text(text)
    with pytest.raises(Refused, match=said):
        receipts(file)


# What is gone on purpose, and what was there before -----------------------------------------------


def test_a_day_dropped_on_purpose_keeps_its_head_and_is_no_tampering(days: Intake, dsn: str) -> None:
    day = TODAY - timedelta(days=2)
    gone = chain.drop_day(days.conn, day, NOW + timedelta(days=1))
    days.conn.commit()
    assert days.rows("SELECT count(*) FROM reading WHERE time::date = '2026-11-19'") == [(0,)]
    assert (gone.links, gone.readings) == (2, 2)
    problems, tally = check(days.conn)
    assert (problems, tally.links, tally.readings) == ([], 12, 10)
    done = run(dsn)
    assert done.stdout.splitlines()[0] == (
        f"The readings of 2026-11-19 were dropped 2026-11-22 16:00:00.000000+0800: 2 links, 2 readings, head"
        f" {gone.head.hex()}.")  # fmt: skip
    assert done.exit_code == 0


def test_a_late_reading_of_a_dropped_day_is_linked_and_watched_like_any_other(days: Intake) -> None:
    chain.drop_day(days.conn, TODAY - timedelta(days=2), NOW)
    later = Intake(days.conn, tick=Ticks(lambda: NOW + timedelta(hours=1)))
    later.take(payload(reading("E-03", at=2880), seq=1))
    assert kinds(days.conn) == []
    days.conn.execute("UPDATE reading SET value = 5 WHERE time::date = '2026-11-19'")
    assert kinds(days.conn) == [(Kind.CHANGED, "INV-1", 13)]
    days.conn.execute("DELETE FROM reading WHERE time::date = '2026-11-19'")
    assert kinds(days.conn) == [(Kind.GONE, "INV-1", 13)]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE chain_dropped SET head = sha256('x')",
        "UPDATE chain_dropped SET links = 1",
        "DELETE FROM chain_dropped",
        "DELETE FROM chain_link WHERE number = 2",
    ],
)
def test_the_record_of_what_was_dropped_cannot_be_changed_unseen(days: Intake, statement: str) -> None:
    chain.drop_day(days.conn, TODAY - timedelta(days=2), NOW)
    assert kinds(days.conn) == []
    days.conn.execute(statement.encode())
    assert kinds(days.conn) != []


def test_readings_from_before_there_was_a_chain_are_told_and_are_no_tampering(intake: Intake, dsn: str) -> None:
    old = "('2026-11-21 07:00+00', '2026-11-20 07:00+00', 1, NULL, 1, 20)"
    intake.conn.execute(f"INSERT INTO reading VALUES {old}".encode())
    assert [kind for kind, *_ in kinds(intake.conn)] == [Kind.UNKNOWN]
    intake.conn.execute("INSERT INTO chain_start (since) VALUES ('2026-11-21 00:00+00')")
    assert check(intake.conn)[1].before == 1
    intake.conn.commit()
    assert run(dsn).stdout == (
        "4 links, 10 readings, all as received. 1 readings are older than the chain and have no links.\n")  # fmt: skip


# What is hashed -----------------------------------------------------------------------------------


def test_the_bytes_that_are_hashed_never_change() -> None:
    """Made again with struct and hashlib alone: another form would make every chain in the field wrong."""
    rows = hashing.pack(np.array([5]), np.array([7]), np.array([1.5]), np.array([-(2**63)]), 20, 1)
    assert rows.tobytes().hex() == "000000000000000500000007013ff800000000000080000000000000000014"
    (batch,) = hashing.batches(np.array([3], np.int32), rows)
    assert (batch[:3], batch.digest) == ((3, 0, 1), sha256(rows.tobytes()).digest())
    end = hashing.follow(End(), "INV-1", 9821, 848_563_200_000_000, batch)
    genesis = sha256(b"enermon chain 1\0INV-1\0" + pack(">i", 9821) + bytes(32)).digest()
    said = pack(">qiqii", 1, 9821, 848_563_200_000_000, 0, 1)
    assert end == End(1, 9821, sha256(genesis + said + batch.digest).digest())
    assert end.head.hex() == "800ffb558fb6f6c3731dc385b9fd630d3ce5933d19054c0822fda19108572cd4"
    after = hashing.follow(end, "INV-1", 9821, 848_563_200_000_001, batch)
    assert after.head == sha256(end.head + pack(">qiqii", 2, 9821, 848_563_200_000_001, 0, 1) + batch.digest).digest()


def test_the_order_of_arrival_inside_a_batch_does_not_matter(conn: Connection) -> None:
    register(conn)
    hashes = set()
    for order in ([0, 1, 2], [2, 0, 1]):
        conn.execute("TRUNCATE reading, rival_reading, chain_link, chain_head, chain_seal")
        items = [reading(value=3), reading("E-02"), reading(value=4)]
        Intake(conn).take(payload(*(items[n] for n in order)))
        hashes |= {bytes(row[0]) for row in conn.execute("SELECT rows_hash FROM chain_link")}
    assert len(hashes) == 1


# Where it is shown --------------------------------------------------------------------------------


def run(dsn: str, *words: str) -> Result:
    return CliRunner().invoke(cli, ["check", "--integrity", *words], env={"ENERMON_DATABASE": dsn})


def test_the_command_tells_what_is_wrong_and_ends_with_1(intake: Intake, dsn: str) -> None:
    assert (run(dsn).stdout, run(dsn).exit_code) == ("4 links, 9 readings, all as received.\n", 0)
    intake.conn.execute(f"DELETE FROM reading WHERE {ONE}".encode())
    intake.conn.commit()
    done = run(dsn, "--enterprise", "INV-1", "--from", "2026-11-21", "--to", "2026-11-22")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == (
        "INV-1 has 3 instead of 4 readings for 2026-11-21, received 2026-11-21 16:00:00.000000+0800 (link 1): some were"
        " deleted, or their time of receipt was changed.\n")  # fmt: skip


@pytest.mark.parametrize("words", [["--from", "2026-11-22", "--to", "2026-11-22"], ["--receipt", "/nowhere"]])
def test_wrong_usage_ends_with_2(dsn: str, words: list[str]) -> None:
    assert run(dsn, *words).exit_code == 2


def test_what_goes_with_integrity_is_wrong_usage_without_it(dsn: str) -> None:
    done = CliRunner().invoke(cli, ["check", "--enterprise", "INV-1"], env={"ENERMON_DATABASE": dsn})
    assert done.exit_code == 2
    assert "go with --integrity" in done.stderr


def test_reports_and_explanations_carry_the_head(intake: Intake, tmp_path: Path) -> None:
    head = heads(intake.conn)["INV-1"]
    november = parse("2026-11")
    shown = explain(intake.conn, "INV-1", november, ZONE, NOW)
    assert asdict(shown)["chain"] == {"number": 3, "receipt_day": TODAY, "head": head}
    (file,) = monthly.write(intake.conn, november, "enterprise", "INV-1", tmp_path, ["html"], NOW, ZONE)
    assert "数据链摘要" in file.read_text("utf-8") and head in file.read_text("utf-8")
    (book,) = monthly.write(intake.conn, november, "enterprise", "INV-1", tmp_path, ["xlsx"], NOW, ZONE)
    assert head in {cell.value for row in load_workbook(book)["概览"] for cell in row}
    (book,) = monthly.write(intake.conn, november, "region", "620000", tmp_path, ["xlsx"], NOW, ZONE)
    assert set(heads(intake.conn).values()) <= {cell.value for row in load_workbook(book)["数据质量"] for cell in row}
    register(intake.conn, "INV-3")
    assert explain(intake.conn, "INV-3", november, ZONE, NOW).chain is None

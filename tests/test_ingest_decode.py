"""What a message says is read leniently and decided strictly, reading by reading."""

import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest import batch
from ingest.admission import Enterprise, MeterRule, validity
from ingest.batch import Decision, Message
from ingest.decode import decode
from ingest.instants import read
from ingest.limits import Limits
from ingest.reasons import Reason, Unusable
from ingest.registry import Registry
from storage.arrays import instant, micros
from tests.ingest_world import NOW, payload, reading

LIMITS = Limits()
RULED = {3: MeterRule(ZoneInfo("Europe/London")), 4: MeterRule(None, micros(NOW - timedelta(hours=1)), micros(NOW))}
KNOWN = Registry(1, {"INV-1": Enterprise(1, "INV-1", {"E-01": 1, "E-02": 2, "LONDON": 3, "SHORT": 4}, RULED)})


def decided(body: bytes, enterprise: str = "INV-1") -> Decision:
    return batch.decide(Message(enterprise, "t", body), KNOWN, LIMITS, NOW)


def reasons(body: bytes, enterprise: str = "INV-1") -> list[str]:
    return [each.reason.value for each in decided(body, enterprise).admitted.rejections]


def of_values(values: str, time: str = '"2026-11-21T08:00:00+08:00"') -> bytes:
    return f'{{"gateway":"G1","seq":7,"time":{time},"values":{values}}}'.encode()


def test_both_shapes_say_the_same() -> None:
    listed = decided(payload({"meter": "E-01", "time": "2026-11-21T08:00:00+08:00", "value": 5}, seq=7)).admitted
    mapped = decided(of_values('{"E-01": 5}')).admitted
    assert listed == mapped
    assert instant(listed.times[0]) == datetime(2026, 11, 21, 0, 0, tzinfo=UTC)


def test_a_literal_nan_does_not_cost_the_good_readings_beside_it() -> None:
    for bad in ("NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1" + "0" * 5000, "true", '"12 kWh"', '"nan"', "[]"):
        decision = decided(of_values(f'{{"E-01": 5, "E-02": {bad}, "LONDON": 7}}'))
        assert decision.admitted.values == [5.0, 7.0], bad
        assert reasons(of_values(f'{{"E-01": 5, "E-02": {bad}}}')) == ["not_a_number"], bad
        assert (decision.gateway, decision.seq) == ("G1", 7)


def test_a_number_written_as_text_is_a_number() -> None:
    assert decided(of_values('{"E-01": "12.50", "E-02": " -3e2 "}')).admitted.values == [12.5, -300.0]


def test_null_and_missing_values_are_no_value_and_never_zero() -> None:
    """EC-24."""
    body = payload(reading(value=None), {"meter": "E-02", "time": NOW.isoformat()}, reading("E-02", value=""))
    assert reasons(body) == ["no_value"] * 3


def test_every_reason_of_a_reading_stands_at_its_index() -> None:
    items = [
        reading(),
        reading("E-99"),
        reading(at=-11),
        reading(at=60 * 24 * 366 * 27),
        reading("SHORT", at=61),
        {"meter": "E-01", "time": "yesterday", "value": 1},
        {"time": NOW.isoformat(), "value": 1},
        17,
        reading("E-02"),
    ]
    decision = decided(payload(*items))  # type: ignore[arg-type]
    assert [(each.index, each.reason) for each in decision.admitted.rejections] == [
        (1, Reason.UNKNOWN_METER), (2, Reason.TIME_IN_FUTURE), (3, Reason.TIME_TOO_OLD), (4, Reason.OUTSIDE_VALIDITY),
        (5, Reason.BAD_TIME), (6, Reason.UNKNOWN_METER), (7, Reason.UNREADABLE)]  # fmt: skip
    assert decision.admitted.meters == [1, 2]
    assert all(each.message for each in decision.admitted.rejections)


def test_an_enterprise_that_is_not_registered_is_told_so_for_each_reading() -> None:
    assert reasons(payload(reading(), reading("E-02")), "NOBODY") == ["unknown_enterprise"] * 2


def test_ten_minutes_ahead_is_taken_and_more_is_not() -> None:
    """EC-17."""
    assert reasons(payload(reading(at=-10))) == []
    assert reasons(payload({**reading(), "time": (NOW + timedelta(minutes=10, seconds=1)).isoformat()})) == [
        "time_in_future"
    ]


@pytest.mark.parametrize("body", [
    b"", b"\xff\xfe", b"{", b"[]", b"null", b"17", b'"text"', b"{}", b'{"readings": 5}', b'{"values": []}',
    b'{"readings": null, "values": null}', '{"gateway": "\u00e9"'.encode("latin-1"), b"[" * 100_000, b'{"a":' * 50_000,
])  # fmt: skip
def test_what_is_no_message_of_readings_is_unreadable_as_a_whole(body: bytes) -> None:
    decision = decided(body)
    assert [(each.index, each.reason) for each in decision.admitted.rejections] == [(None, Reason.UNREADABLE)]
    assert decision.whole


def test_more_than_256_kib_is_too_large() -> None:
    body = of_values('{"E-01": 1}')
    assert reasons(body + b" " * (256 * 1024 - len(body))) == []
    assert reasons(body + b" " * (256 * 1024 - len(body) + 1)) == ["too_large"]


@pytest.mark.parametrize(("seq", "kept"), [
    ("1024", 1024), ("1024.0", 1024), ("-5", -5), ("9223372036854775807", 2**63 - 1), ("9223372036854775808", None),
    ("1" * 50, None), ('"1024"', None), ("true", None), ("1.5", None), ("null", None), ("{}", None),
])  # fmt: skip
def test_a_wrong_seq_does_not_cost_the_readings(seq: str, kept: int | None) -> None:
    decision = decided(f'{{"seq":{seq},"time":1795248000,"values":{{"E-01":1}}}}'.encode())
    assert (decision.seq, decision.admitted.values) == (kept, [1.0])


def test_unknown_fields_a_byte_order_mark_and_both_shapes_in_one_message_are_tolerated() -> None:
    listed = b'"readings":[{"meter":"E-01","value":1,"unit":"kWh"}]'
    body = b'\xef\xbb\xbf{"v":2,"time":1795248000,' + listed + b',"values":{"E-02":2}}'
    assert decided(body).admitted.values == [1.0, 2.0]


def test_half_a_surrogate_pair_and_nul_do_no_harm() -> None:
    decision = decided(b'{"gateway":"\\ud800G\\u0000","time":1795248000,"values":{"E-01":1,"\\udfff":2}}')
    assert decision.gateway == "?G?"
    assert decision.admitted.values == [1.0]


SHANGHAI = ZoneInfo("Asia/Shanghai")
EIGHT = datetime(2026, 11, 21, 0, 0, tzinfo=UTC)  # 08:00 in Shanghai


@pytest.mark.parametrize(
    "time",
    [
        "2026-11-21T08:00:00+08:00",
        "2026-11-21T00:00:00Z",
        "2026-11-21T00:00:00z",
        "2026-11-21 08:00",
        "20261121T080000+0800",
        "2026-11-21T08:00:00.000000",
        "2026-11-21T00:00:00.000+00:00",
        "2026-11-21 08:00:00 +08:00",
        "2026-11-21T08",
        EIGHT.timestamp(),
        int(EIGHT.timestamp()),
        int(EIGHT.timestamp()) * 1000,
        EIGHT.timestamp() * 1000.0,
        "2026-11-20T24:00:00Z",
    ],
)
def test_times_are_iso_8601_or_epoch_numbers(time: object) -> None:
    assert read(time, SHANGHAI) == micros(EIGHT)


@pytest.mark.parametrize(
    "time",
    [
        "",
        "now",
        "2026-11-21",
        "08:00",
        "2026-13-01T00:00:00Z",
        "2026-11-21T25:00",
        "2026-11-21T24:30",
        "21/11/2026 08:00",
        "2026-W47-6T08:00",
        "1795248000",
        True,
        None,
        [],
        {},
        float("nan"),
        float("inf"),
        1e300,
        10**400,
        "2026-11-21T08:00:60Z",
        "20250619145824881",
        20250619145824881,
        "２０２６-11-21T08:00",
    ],
)
def test_what_is_no_time_is_not_guessed(time: object) -> None:
    assert read(time, SHANGHAI) is None


def test_a_time_without_offset_is_of_the_meters_zone_else_the_deployments() -> None:
    """EC-31."""
    body = payload({"meter": "E-01", "time": "2026-07-01T12:00:00", "value": 1},
                   {"meter": "LONDON", "time": "2026-07-01T12:00:00", "value": 1})  # fmt: skip
    at_home, in_london = decided(body).admitted.times
    assert instant(at_home) == datetime(2026, 7, 1, 4, 0, tzinfo=UTC)
    assert instant(in_london) == datetime(2026, 7, 1, 11, 0, tzinfo=UTC)


def test_validity_follows_what_a_reading_measured() -> None:
    since, until = NOW, NOW + timedelta(days=1)
    first, last = micros(since), micros(until)
    assert validity("register", "end", since, until) == (first, last)
    assert validity("interval", "end", since, until) == (first + 1, last)
    assert validity("power", "start", since, until) == (first, last - 1)


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["E-01", "E-02"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
ITEM = st.fixed_dictionaries({}, optional={"meter": JUNK, "time": JUNK | st.just(NOW.isoformat()), "value": JUNK})
MESSAGE = st.fixed_dictionaries(
    {},
    optional={
        "gateway": JUNK,
        "seq": JUNK,
        "time": JUNK | st.just(1795248000),
        "readings": st.lists(ITEM | JUNK, max_size=6) | JUNK,
        "values": st.dictionaries(st.sampled_from(["E-01", "E-02", "E-03", "SHORT"]), JUNK, max_size=4) | JUNK,
    },
)


@settings(max_examples=2000, deadline=None)
@given(MESSAGE)
def test_no_message_crashes_and_every_reading_is_either_taken_or_named(message: dict[str, object]) -> None:
    body = json.dumps(message).encode()
    decision = decided(body)
    if decision.whole:
        return
    sent = decode(body, LIMITS.largest_message)
    indices = [each.index for each in decision.admitted.rejections]
    assert len(decision.admitted.meters) + len(indices) == len(sent.meters)
    assert len(set(indices)) == len(indices)
    assert len(sent.meters) == len(message.get("readings") or ()) + len(message.get("values") or ())  # type: ignore[arg-type]


@settings(max_examples=8000, deadline=None)
@given(st.data())
def test_flipped_cut_and_repeated_bytes_never_crash(data: st.DataObject) -> None:
    body = bytearray(payload(reading(), reading("E-02", value=2.5), seq=9))
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(body)))
        end = data.draw(st.integers(start, min(len(body), start + 12)))
        body[start:end] = data.draw(
            st.binary(max_size=6) | st.sampled_from([b"NaN", b"1e999", b"\\ud800", b"{}", b"[", b'"'])
        )
    decision = decided(bytes(body))
    assert decision.whole or len(decision.admitted.meters) + len(decision.admitted.rejections) == len(
        decode(bytes(body), LIMITS.largest_message).meters
    )


def test_unusable_messages_say_why() -> None:
    with pytest.raises(Unusable, match="readings is a number; a list is expected"):
        decode(b'{"readings": 5}', 1000)

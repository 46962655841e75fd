"""Gateways of the demo speak as `docs/gateway.md` tells them to."""

import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from enermon.demo import gateways, live
from enermon.demo.gateways import Tally
from enermon.demo.series import Fault, Province

HOUR = datetime(2026, 11, 21, 2, tzinfo=UTC)


def test_meters_read_at_one_time_are_sent_as_a_row_of_values() -> None:
    body = json.loads(gateways.message("G1", 7, {"E-01": (HOUR, 12.5), "E-02": (HOUR, 3.0)}))
    assert body == {
        "gateway": "G1",
        "seq": 7,
        "time": "2026-11-21T02:00:00+00:00",
        "values": {"E-01": 12.5, "E-02": 3.0},
    }


def test_meters_read_at_different_times_are_sent_as_a_list() -> None:
    body = json.loads(gateways.message("G1", 7, {"E-01": (HOUR, 12.5), "P-01": (HOUR - timedelta(hours=1), 3.0)}))
    assert [each["time"] for each in body["readings"]] == ["2026-11-21T02:00:00+00:00", "2026-11-21T01:00:00+00:00"]


def test_gateways_speak_at_every_quarter_hour_that_has_passed() -> None:
    due = live.due(HOUR, HOUR + timedelta(minutes=31))
    assert due == [HOUR + timedelta(minutes=15), HOUR + timedelta(minutes=30)]


def test_before_the_first_quarter_hour_they_speak_at_once_and_never_twice_at_one_time() -> None:
    assert live.due(HOUR, HOUR + timedelta(minutes=4, seconds=1.5)) == [HOUR + timedelta(minutes=4, seconds=1)]
    assert live.due(HOUR, HOUR) == [HOUR + timedelta(seconds=1)]


def test_receipts_are_added_up() -> None:
    receipts = [
        {
            "accepted": 4,
            "duplicate": 1,
            "conflict": 0,
            "rejected": [{"reason": "unknown_meter"}, {"reason": "bad_time"}],
        },
        {"accepted": 2, "duplicate": 0, "conflict": 1, "rejected": [{"reason": "unknown_meter"}]},
    ]
    told = gateways.together([gateways.tally(receipts), gateways.tally([], unanswered=1)])
    assert told == Tally(2, 6, 1, 1, {"unknown_meter": 2, "bad_time": 1}, 1)


def test_production_is_counted_apart_from_readings() -> None:
    receipts = [{"accepted": 2, "rejected": []}, {"accepted": 3, "duplicate": 1, "rejected": [], "about": "output"}]
    assert gateways.tally(receipts) == Tally(2, accepted=2, production=3)


def test_the_mistakes_that_are_sent_on_purpose_leave_one_good_reading() -> None:
    sent = live.mistakes({"E-01": (HOUR, 12.5)}, HOUR)
    assert len(sent) == 6
    assert sent[0] == {"meter": "E-01", "time": HOUR.isoformat(), "value": 12.5}


def test_a_gateway_is_silent_from_the_moment_its_fault_begins() -> None:
    fault = Fault("X01", "G1", "", "silent", 5, float("inf"), 0)
    province = Province((), (fault,), HOUR, 7, ZoneInfo("Asia/Shanghai"))
    assert live.is_silent(province, ("X01", "G1"), HOUR)
    assert not live.is_silent(province, ("X01", "G1"), HOUR - timedelta(hours=6))
    assert not live.is_silent(province, ("X01", "G2"), HOUR)


def test_quarter_hours_are_whole_even_after_an_odd_instant() -> None:
    due = live.due(HOUR + timedelta(minutes=14, seconds=59, microseconds=999_999), HOUR + timedelta(minutes=31))
    assert due == [HOUR + timedelta(minutes=15), HOUR + timedelta(minutes=30)]

"""Every instant is in exactly one hour, day and month, in every zone that we may be set to."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy import periods
from energy.periods import Period

SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.mark.parametrize(
    ("name", "first", "until"),
    [
        ("2026", "2026-01-01", "2027-01-01"),
        ("2026-Q3", "2026-07-01", "2026-10-01"),
        ("2026-12", "2026-12-01", "2027-01-01"),
        ("2024-02-29", "2024-02-29", "2024-03-01"),
        ("2026-01/2026-09", "2026-01-01", "2026-10-01"),
    ],
)
def test_a_period_is_read_by_its_name(name: str, first: str, until: str) -> None:
    assert periods.parse(name) == Period(name, date.fromisoformat(first), date.fromisoformat(until))


@pytest.mark.parametrize(
    "name", ["", "26", "2026-13", "2026-Q5", "2026-02-30", "9999-12", "2026-09/2026-01", "October"]
)
def test_what_is_no_period_is_named_with_what_would_be_right(name: str) -> None:
    with pytest.raises(ValueError, match=r"no period|no date|ends before"):
        periods.parse(name)


@given(st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31)), st.sampled_from(["Asia/Shanghai", "Europe/London"]))
def test_every_instant_is_in_exactly_one_day_and_month(naive: datetime, zone: str) -> None:
    here = ZoneInfo(zone)
    instant = naive.replace(tzinfo=UTC)
    day = periods.day_of(instant, here)
    around = [day + timedelta(days=shift) for shift in (-1, 0, 1)]
    spans = [Period(str(each), each, each + timedelta(days=1)) for each in around]
    assert [span.since(here) <= instant < span.end(here) for span in spans] == [False, True, False]
    month = periods.month_of(day)
    assert month.since(here) <= instant < month.end(here)


def test_ec30_a_month_of_shanghai_begins_at_16_utc() -> None:
    assert periods.parse("2025-05").since(SHANGHAI) == datetime(2025, 4, 30, 16, tzinfo=UTC)
    assert periods.day_of(datetime(2025, 4, 30, 17, tzinfo=UTC), SHANGHAI) == date(2025, 5, 1)


def test_months_before_and_a_year_ago() -> None:
    january = periods.parse("2026-01")
    assert periods.previous_month(january).name == "2025-12"
    assert periods.same_month_last_year(january).name == "2025-01"
    assert [month.name for month in periods.parse("2026-Q1").months()] == ["2026-01", "2026-02", "2026-03"]
    assert periods.year_of(january.first).days == 365

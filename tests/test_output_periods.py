"""What was made in a month, from reports of months, of days, and of both."""

from datetime import date

import pytest

from alerts.lines import made
from energy.periods import month_of
from storage.judgement import Output

OCTOBER = [month_of(date(2026, 10, 1))]


def told(period: str, quantity: float) -> Output:
    return Output(1, "clinker", period, quantity, "t", "qualified")


@pytest.mark.parametrize(
    ("outputs", "quantity"),
    [
        ([told("2026-10", 310)], 310),
        ([told("2026-10-20", 10)], None),
        ([told(f"2026-10-{day:02}", 10) for day in range(1, 32)], 310),
        ([told(f"2026-10-{day:02}", 10) for day in range(1, 31)], None),
        ([told("2026-10-01/2026-10-16", 150), told("2026-10-16/2026-11-01", 160)], 310),
        ([told("2026-09-26/2026-10-26", 300)], None),
    ],
)
def test_a_day_is_not_taken_for_its_month_and_days_that_fill_a_month_are(
    outputs: list[Output], quantity: float | None
) -> None:
    found = made(outputs, OCTOBER, "t")
    assert found is not None
    assert found.quantity == quantity

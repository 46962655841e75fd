"""What is on record of a meter beside its readings, in sentences of an explanation."""

from collections.abc import Callable, Iterator
from datetime import datetime

from storage.estimates import Listed
from storage.meter_record import Record, RegistryChange

_WHY = {
    "daily_totals": "it falls every midnight: daily totals are sent where a cumulative register is declared",
    "amounts": "the values fall all day: amounts or power are sent where a cumulative register is declared",
}


def statements(record: Record, at: Callable[[datetime], str]) -> Iterator[str]:
    """at: how an instant is written."""
    yield from _refused(record, at)
    yield from (_estimate(one, at) for one in record.estimates)
    yield from (_change(one, at) for one in record.changes)


def _refused(record: Record, at: Callable[[datetime], str]) -> Iterator[str]:
    """One sentence for each kind: dozens of days are refused alike."""
    for why, told in _WHY.items():
        days = [day for day in record.refused if day.why == why]
        if days:
            falls, steps = sum(day.falls for day in days), sum(day.steps for day in days)
            span = f"{len(days)} days from {at(days[0].since)} to {at(days[-1].until)}"
            yield f"Refused on {span}: {falls} of {steps} steps fall; {told}. Its amounts there are unknown."


def _estimate(one: Listed, at: Callable[[datetime], str]) -> str:
    days = ", ".join(str(day) for day in one.reference_days)
    counted = f"{one.amount:,.6g} {one.unit} ({one.low:,.6g} to {one.high:,.6g})"
    by = f"made by {one.author} at {at(one.written)}"
    if one.withdrawn_at:
        by += f", withdrawn by {one.withdrawn_by} at {at(one.withdrawn_at)}: it does not count"
    what = f"Estimate {one.id}, {at(one.since)} to {at(one.until)}: {counted} before the multiplier, where nothing else"
    return f"{what} is known; {one.method.replace('_', ' ')}, the median of {days}; {by}."


def _change(one: RegistryChange, at: Callable[[datetime], str]) -> str:
    told = ", ".join(f"{name} from {one.before[name]} to {one.after[name]}" for name in one.after)
    return f"Imported by {one.actor or 'nobody named'} at {at(one.at)}: {told}; the past was computed again with it."

"""Manual returns (直报) on their way into usage, and beside it: what they come to, and where they stand.

A return stands where no meter tells (domain rule 3); beside meters it is a comparison, but for what they do not tell:
energy sold on without a meter, and feedstock. What returns come to lies in `returned_use`, made again from
`manual_return` whenever a stale span says why 'return'.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from psycopg import Connection

from energy import data_quality, periods, returns, units
from energy.data_quality import Agreement
from energy.periods import Period, day_of, midnight
from energy.quality import Flag
from energy.returns import BILL, Doubt
from storage.sql import sql
from storage.stale import StaleSpan

Row = tuple[Any, ...]  # in the columns of the statement `usage.days`
Key = tuple[int, str, Any]
_DAY = timedelta(days=1)
_NAMES = ("enterprises", "carriers", "periods", "items")


def act_for(conn: Connection, actor: str) -> None:
    """Who is named beside the returns that this transaction writes."""
    conn.execute(sql("returns.act_for"), {"actor": actor})


def changed(conn: Connection, keys: Sequence[tuple[Any, ...]], zone: ZoneInfo) -> None:
    """Remember what was returned under these keys (enterprise id, carrier, period, item), and leave word of it."""
    said = {name: [key[at] for key in keys] for at, name in enumerate(_NAMES)}
    conn.execute(sql("returns.remember"), said)
    conn.execute(sql("returns.mark"), {**said, "zone": zone.key})


# From returns to usage ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Returned:
    """One return: the items of one carrier and period, in the carrier's own unit, withdrawn ones left away."""

    period: Period
    items: Mapping[str, Decimal]

    @property
    def is_bill(self) -> bool:
        return set(self.items) == {BILL}


def refresh(conn: Connection, spans: Iterable[StaleSpan], zone: ZoneInfo) -> None:
    """Make again what the returns of these spans come to."""
    ours = [(span.enterprise_id, day_of(span.since, zone), day_of(span.until, zone) + _DAY) for span in spans]
    if not ours:
        return
    columns = dict(zip(("enterprises", "since", "until"), map(list, zip(*ours, strict=True)), strict=True))
    rows = conn.execute(sql("returns.concerned"), columns).fetchall()
    direct = sorted({row[:3] for row in rows if row[6]})
    come_to = list(_come_to(conn, rows, set(direct)))
    conn.execute(sql("returns.fresh"))
    conn.execute(sql("returns.empty_fresh"))
    with conn.cursor() as cursor, cursor.copy(sql("returns.copy_fresh")) as copy:
        for row in come_to:
            copy.write_row(row)
    keys = {name: [key[at] for key in direct] for at, name in enumerate(_NAMES[:3])}
    conn.execute(sql("returns.forget"), keys)
    conn.execute(sql("returns.keep"))


def _come_to(conn: Connection, rows: Sequence[Row], direct: set[Row]) -> Iterator[Row]:
    """Rows of `returned_use` for the returns in `direct`; the others may have taken days from a bill."""
    carrier_units: dict[str, str] = dict(conn.execute(sql("figures.units")).fetchall())
    by_carrier: dict[tuple[int, str], list[Row]] = defaultdict(list)
    for row in rows:
        if row[4] is not None:
            by_carrier[row[0], row[1]].append((row[2], row[3], row[4], row[5], carrier_units[row[1]]))
    for (enterprise, carrier), lines in by_carrier.items():
        several = grouped(carrier, lines)
        for one in several:
            if (enterprise, carrier, one.period.name) in direct:
                yield from ((enterprise, carrier, *row) for row in _shares(one, several))


def grouped(carrier: str, lines: Iterable[Row]) -> list[Returned]:
    """From (period, item, quantity, unit, carrier's own unit); the bill apart from what else its period says."""
    found: dict[str, dict[str, Decimal]] = defaultdict(dict)
    for period, item, quantity, unit, own in lines:
        found[period][item] = quantity * units.convert(unit, own, carrier=carrier)
    several = []
    for period, items in found.items():
        bill = {name: value for name, value in items.items() if name == BILL}
        rest = {name: value for name, value in items.items() if name != BILL}
        several += [Returned(periods.parse(period), part) for part in (rest, bill) if part]
    return several


def _shares(one: Returned, several: Sequence[Returned]) -> Iterator[Row]:
    made = returns.use(one.items)
    if made is None:
        return
    taken = [other.period for other in several if not other.is_bill and returns.use(other.items)] if one.is_bill else []
    whole_month = len(list(one.period.months())) == 1
    flags = int(Flag.RETURNED if whole_month else Flag.RETURNED | Flag.INTERPOLATED)
    for share in returns.shares(one.period, made, taken):
        parts = (share.bought, share.exported, share.feedstock)
        yield (share.month, share.first, share.until, one.period.name, made.by, *parts, flags)


def widen(conn: Connection, zone: ZoneInfo) -> bool:
    """Judge what stands in the months that are being computed; whether any return speaks of them."""
    row = conn.execute(sql("returns.are_near")).fetchone()
    if not (row and row[0]):
        return False
    if conn.execute(sql("returns.judge"), {"zone": zone.key}).rowcount:
        conn.execute(sql("usage.distinct_days"))
    return True


def joined(conn: Connection, metered: Sequence[Row]) -> list[Row]:
    """The days of meters with what stands by returns, for all days that are being computed (`usage.days`)."""
    rows: dict[Key, Row] = {row[:3]: row for row in metered}
    for row in conn.execute(sql("returns.days"), binary=True):
        key = row[:3]
        if row[7] == ["all"]:
            rows[key] = _whole(row)
        elif key in rows:
            rows[key] = _with_parts(rows[key], row)
    return list(rows.values())


def _whole(row: Row) -> Row:
    """A day that only a return tells of: its peak is unknown, all of it is an estimate by days."""
    _, _, _, bought, exported, feedstock, flags, _, covered_s = row
    amount = bought - exported
    known = (amount, amount, amount, bought, None, exported, feedstock)
    return (*row[:3], *known, None, False, abs(amount), covered_s, 0, flags)


def _with_parts(metered: Row, row: Row) -> Row:
    """A day that meters tell, with the parts that none of them tells; where nothing is known, nothing is taken off."""
    if metered[3] is None:
        return metered
    stands = row[7]
    bought, exported, feedstock = (row[at] if name in stands else None for at, name in _PARTS)
    more = (bought or 0.0) - (exported or 0.0)
    amounts = (None if value is None else value + more for value in metered[3:6])
    parts = (_plus(metered[6], bought), metered[7], _plus(metered[8], exported), _plus(metered[9], feedstock))
    estimated = (metered[12] or 0.0) + (bought or 0.0) + (exported or 0.0)
    return (*metered[:3], *amounts, *parts, *metered[10:12], estimated, *metered[13:15], metered[15] | row[6])


_PARTS = ((3, "bought"), (4, "exported"), (5, "feedstock"))


def _plus(known: float | None, more: float | None) -> float | None:
    return more if known is None else known + (more or 0.0)


# Where returns stand ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Standing:
    """When a carrier's usage is by returns alone: half-open spans in order, never empty."""

    spans: Sequence[tuple[datetime, datetime]]

    @property
    def begins(self) -> datetime:
        return self.spans[0][0]

    def share(self, since: datetime, until: datetime, now: datetime) -> float | None:
        """How much of [since, until) is returned, of what is over and not before the first return; None of nothing."""
        begin, end = max(since, self.begins), min(until, now)
        if begin >= end:
            return None
        inside = (max(timedelta(), min(end, last) - max(begin, first)) for first, last in self.spans)
        return sum(inside, timedelta()) / (end - begin)


def standing(conn: Connection, enterprise: str, zone: ZoneInfo) -> dict[str, Standing]:
    """By carrier, of those whose usage returns make somewhere."""
    spans: dict[str, list[tuple[datetime, datetime]]] = defaultdict(list)
    for carrier, since, until in conn.execute(sql("returns.standing"), {"enterprise": enterprise}):
        spans[carrier].append((midnight(since, zone), midnight(until, zone)))
    return {carrier: Standing(several) for carrier, several in spans.items()}


# Beside what meters say ---------------------------------------------------------------------------


def near(conn: Connection, enterprise_id: int, month: Period) -> dict[str, list[Returned]]:
    """Returns by carrier that share a day with the month or adjoin it, in order of time."""
    asked = {"enterprise": enterprise_id, "since": month.first, "until": month.until}
    lines: dict[str, list[Row]] = defaultdict(list)
    for carrier, *line in conn.execute(sql("returns.items"), asked):
        lines[carrier].append(tuple(line))
    return {carrier: grouped(carrier, some) for carrier, some in lines.items()}


def bought_by_day(
    conn: Connection, enterprise_id: int, bills: Mapping[str, Sequence[Period]], zone: ZoneInfo
) -> Mapping[str, Mapping[date, float]]:
    """What meters say was bought, by carrier and day, over all days of these bills."""
    spans = [period for several in bills.values() for period in several]
    if not spans:
        return {}
    since, until = min(one.first for one in spans), max(one.until for one in spans)
    asked = {"enterprise": enterprise_id, "carriers": [carrier for carrier, several in bills.items() if several]}
    bounds = {"since": midnight(since, zone), "until": midnight(until, zone), "zone": zone.key}
    found: dict[str, dict[date, float]] = defaultdict(dict)
    for carrier, day, amount in conn.execute(sql("returns.metered_days"), asked | bounds):
        found[carrier][day] = amount
    return found


def bill_agreements(
    conn: Connection, enterprise_id: int, month: Period, zone: ZoneInfo, line: float
) -> list[Agreement]:
    """Bills that end in the month and are not of the month itself, against what was metered on exactly their days."""
    found = near(conn, enterprise_id, month)
    bills = {
        carrier: [one for one in several if one.is_bill and _ends_in(one.period, month)]
        for carrier, several in found.items()
    }
    by_day = bought_by_day(conn, enterprise_id, {c: [one.period for one in some] for c, some in bills.items()}, zone)
    own: dict[str, str] = dict(conn.execute(sql("figures.units")).fetchall()) if by_day else {}
    agreements = []
    for carrier, one in ((carrier, one) for carrier, several in bills.items() for one in several):
        days = [one.period.first + _DAY * at for at in range(one.period.days)]
        known = by_day.get(carrier, {})
        if all(day in known for day in days):
            metered, billed = sum(known[day] for day in days), float(one.items[BILL])
            agreements.append(data_quality.agreement(carrier, BILL, metered, billed, own[carrier], line))
    return agreements


def _ends_in(period: Period, month: Period) -> bool:
    is_months = (period.first, period.until) == (month.first, month.until)
    return not is_months and month.first <= period.until - _DAY < month.until


def doubts(conn: Connection, enterprise_id: int, month: Period, tolerance: float) -> list[Doubt]:
    """What is odd about returns whose period ends in the month."""
    return [
        doubt
        for carrier, several in near(conn, enterprise_id, month).items()
        for doubt in returns.doubts(carrier, ((one.period, one.items) for one in several if not one.is_bill), tolerance)
        if month.first <= doubt.period.until - _DAY < month.until
    ]

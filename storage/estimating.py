"""Making estimates (EC-22): the gaps of closed days are found, and what days alike say of each is put on record."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from psycopg import Connection
from psycopg.rows import dict_row

from energy import estimates as rule
from energy.estimates import AROUND, LONGEST, Day, Similar
from energy.periods import Period, day_of, midnight
from energy.refused import Refused
from energy.registers import BOUNDARY_TOLERANCE, MINUTE, Pieces, scales
from storage import estimates, rollup, working_days
from storage.arrays import instant, micros
from storage.rollup import Made
from storage.snapshot import Snapshot, current
from storage.sql import sql
from storage.usage import UnknownSubject


@dataclass(frozen=True)
class Outcome:
    """What became of one gap. amount, low, high in the carrier's own unit; refused: why nothing was estimated.

    id: of the estimate; None where nothing was put on record.
    """

    meter: str
    since: datetime
    until: datetime
    amount: float | None
    low: float | None
    high: float | None
    unit: str
    method: str
    reference_days: tuple[date, ...]
    refused: str | None = None
    id: int | None = None


@dataclass(frozen=True)
class _Asked:
    conn: Connection
    snapshot: Snapshot
    month: Period
    zone: ZoneInfo
    now: datetime
    days: list[Day]

    @property
    def span(self) -> tuple[int, int]:
        """The month as far as its days are closed."""
        closed = midnight(day_of(self.now, self.zone), self.zone)
        return micros(self.month.since(self.zone)), micros(min(self.month.end(self.zone), closed))


def make(
    conn: Connection,
    enterprise: str,
    month: Period,
    zone: ZoneInfo,
    now: datetime,
    actor: str,
    meter: str | None = None,
    dry_run: bool = False,
) -> list[Outcome]:
    """Estimate what is unknown of the month's closed days, of one meter or of all. Drain what is stale before.

    dry_run: nothing is put on record. UnknownSubject for an enterprise or meter that is not registered.
    """
    query = conn.cursor(row_factory=dict_row).execute(
        sql("estimates.meters"), {"enterprise": enterprise, "meter": meter}
    )
    meters = {row["id"]: row for row in query.fetchall()}
    if not meters:
        whose = f"enterprise {enterprise!r} has no meter" + (f" {meter!r}" if meter else "")
        raise UnknownSubject(f"{whose} that could be estimated; `enermon export DIR` shows what is registered")
    asked = _Asked(conn, current(conn), month, zone, now, _days(conn, month, zone, now))
    found = []
    for one in _made(asked, sorted(meters)):
        for id_ in np.union1d(one.readings.meter, one.pieces.meter).tolist():
            own = one.pieces.of(one.pieces.meter == id_)
            found += [_kept(asked, id_, each, actor, dry_run) for each in _estimated(asked, meters[id_], own)]
    return sorted(found, key=lambda each: (each.meter, each.since))


def make_for_day(conn: Connection, day: date, zone: ZoneInfo, now: datetime, actor: str) -> int:
    """Estimate the gaps of a closed day, of all enterprises that have any; how many estimates were made."""
    whole = Period(day.isoformat(), day, day + timedelta(days=1))
    edges = {"since": whole.since(zone), "until": whole.end(zone)}
    codes = [row[0] for row in conn.execute(sql("estimates.incomplete"), edges)]
    return sum(one.id is not None for code in codes for one in make(conn, code, whole, zone, now, actor))


def _days(conn: Connection, month: Period, zone: ZoneInfo, now: datetime) -> list[Day]:
    """The closed local days from which references may come, and those of the month."""
    first = month.first - timedelta(days=AROUND)
    last = min(month.until + timedelta(days=AROUND), day_of(now, zone))
    calendar = working_days.calendar(conn, first, max(last, first))
    begins = [micros(midnight(first + timedelta(days=n), zone)) for n in range(max((last - first).days, 0) + 1)]
    return rule.days_around(first, max(last, first), begins, calendar)


def _made(asked: _Asked, meters: Sequence[int]) -> Iterator[Made]:
    """What is known of the meters around the month, far enough to see how long a gap is."""
    since, until = asked.span
    reach = LONGEST * 24 * 60 * MINUTE
    if since < until:
        yield from rollup.made(
            asked.conn, asked.snapshot, np.array(meters, dtype=np.int64), since - reach, until + reach
        )


def _estimated(asked: _Asked, meter: dict[str, Any], own: Pieces) -> Iterator[tuple[Outcome, Similar | None]]:
    """Every gap of one meter's month with what days alike say of it, in the carrier's own unit."""
    since, until = asked.span
    begins = micros(meter["begins"]) if meter["begins"] else until
    ends = micros(meter["valid_to"]) if meter["valid_to"] else until
    step = meter["interval_minutes"] * MINUTE
    reference = rule.measured(own, step)
    life = rule.gaps(own, max(begins, since - (LONGEST + 1) * 24 * 60 * MINUTE), min(ends, micros(asked.now)))
    for whole in life:
        gap = max(whole[0], since), min(whole[1], until, ends)
        if gap[1] - gap[0] <= BOUNDARY_TOLERANCE:
            continue
        blank = Outcome(
            meter["code"], instant(gap[0]), instant(gap[1]), None, None, None, meter["carrier_unit"], rule.METHOD, ()
        )
        try:
            rule.refuse_long(*whole)
            yield _told(blank, similar := rule.similar_days(gap, reference, asked.days, step)), similar
        except Refused as refused:
            yield replace(blank, refused=str(refused)), None


def _told(blank: Outcome, similar: Similar) -> Outcome:
    one = similar.estimate
    sums = (float(each.sum()) for each in (one.amounts, one.lows, one.highs))
    amount, low, high = sums
    return replace(blank, amount=amount, low=low, high=high, reference_days=similar.reference)


def _kept(asked: _Asked, meter: int, found: tuple[Outcome, Similar | None], actor: str, dry_run: bool) -> Outcome:
    outcome, similar = found
    if similar is None or dry_run:
        return outcome
    counted = replace(similar, estimate=_in_own_counting(asked, meter, similar.estimate))
    return replace(outcome, id=estimates.keep(asked.conn, meter, counted, actor, asked.now))


def _in_own_counting(asked: _Asked, meter: int, one: rule.Estimate) -> rule.Estimate:
    """Amounts divided by what one unit of the meter's value is worth in each slot."""
    edges = rule.slot_edges(one)
    index = np.full(len(edges) - 1, meter)
    worth = scales(index, edges[:-1], edges[1:], asked.snapshot.meters, asked.snapshot.events).mean
    return replace(one, amounts=one.amounts / worth, lows=one.lows / worth, highs=one.highs / worth)

"""Estimates on record (EC-22): which of them count, who made them and from what, who took them away.

They count only where readings say nothing (`energy.estimates.fill`). How they are made: `storage.estimating`.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
from psycopg import Connection
from psycopg.rows import class_row

from energy.estimates import METHOD, Estimate, Similar, Standing
from energy.refused import Refused
from energy.registers import SECOND, Ints
from storage.arrays import instant, micros
from storage.sql import sql


@dataclass(frozen=True)
class Listed:
    """An estimate as it is told; amount, low and high as a reading of the meter would have counted them."""

    id: int
    enterprise: str
    meter: str
    since: datetime
    until: datetime
    amount: float
    low: float
    high: float
    unit: str
    multiplier: float
    method: str
    reference_days: list[date]
    written: datetime
    author: str
    withdrawn_at: datetime | None
    withdrawn_by: str | None

    @property
    def state(self) -> str:
        return "withdrawn" if self.withdrawn_at else "standing"


def reaching(conn: Connection, since: int) -> dict[int, int]:
    """Meters with estimates that count and reach beyond an instant, and until when (µs since 2000); mostly none."""
    found = conn.execute(sql("estimates.reaching"), {"since": instant(since)})
    return {meter: micros(until) for meter, until in found}


def standing(conn: Connection, meters: Ints, since: int, until: int) -> Standing:
    """The estimates that count for these meters in [since, until)."""
    found: dict[int, list[Estimate]] = defaultdict(list)
    asked = {"meters": meters.tolist(), "since": instant(since), "until": instant(until)}
    for meter, since_, until_, begins, step_s, *arrays in conn.execute(sql("estimates.standing"), asked):
        amounts, lows, highs = (np.array(each, dtype=np.float64) for each in arrays)
        edges = micros(since_), micros(until_), micros(begins)
        found[meter].append(Estimate(*edges, step_s * SECOND, amounts, lows, highs))
    return found


def keep(conn: Connection, meter: int, similar: Similar, actor: str, now: datetime) -> int:
    """Put an estimate on record, its amounts in the meter's own counting; it counts from now on. Returns its id."""
    one = similar.estimate
    edges = {name: instant(getattr(one, name)) for name in ("since", "until", "begins")}
    arrays = {name: getattr(one, name).tolist() for name in ("amounts", "lows", "highs")}
    about = {"step_s": one.step // SECOND, "method": METHOD, "reference_days": list(similar.reference)}
    row = conn.execute(
        sql("estimates.keep"), {"meter": meter, "actor": actor, "now": now} | edges | arrays | about
    ).fetchone()
    assert row is not None
    _mark(conn, meter, edges["since"], edges["until"])
    return int(row[0])


def listed(
    conn: Connection,
    enterprise: str | None = None,
    meter: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[Listed]:
    """Every estimate ever made, by meter and time, withdrawn ones too; those that touch [since, until) if given."""
    scope = {"enterprise": enterprise, "meter": meter, "since": since, "until": until}
    return conn.cursor(row_factory=class_row(Listed)).execute(sql("estimates.listed"), scope).fetchall()


def withdraw(conn: Connection, id_: int, actor: str, now: datetime) -> None:
    """Take an estimate away: that time is unknown again. It stays on record."""
    row = conn.execute(sql("estimates.held"), {"id": id_}).fetchone()
    if row is None:
        raise Refused(f"there is no estimate {id_}; `enermon estimate list` shows which there are")
    meter, since, until, withdrawn_by = row
    if withdrawn_by:
        raise Refused(f"estimate {id_} is withdrawn already, by {withdrawn_by}")
    conn.execute(sql("estimates.withdraw"), {"id": id_, "actor": actor, "now": now})
    _mark(conn, meter, since, until)


def _mark(conn: Connection, meter: int, since: datetime, until: datetime) -> None:
    span = {"meters": [meter], "since": [since], "until": [until], "why": "estimate"}
    conn.execute(sql("registry.mark_spans"), span)

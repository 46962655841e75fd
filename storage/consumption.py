"""Consumption by meter and hour: readings in, hours out.

Two ways lead to the same rows. What is later than everything known of a meter is *appended*: one addition to the hour
it falls in. Anything else is *replaced*: the hours between two anchors are computed again from their readings.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection
from psycopg.errors import UniqueViolation

from energy.hours import Hours
from energy.quality import Flag
from energy.registers import HOUR, Bools, Ints, Readings, SetAside
from storage import binary, retention
from storage.arrays import columns, instant, micros
from storage.sql import sql

MANY = 5_000  # so many meters are cheaper picked out of all readings than named
_KINDS = {"meter_id": ">i4", "flags": ">i4", "covered_s": ">i2", "received": ">i2", "bounded": "?"}
_KINDS |= {"hour": ">i8", "first": ">i8", "until": ">i8", "peak_at": ">i8"}
_QUARTERS = ("q1", "q2", "q3", "q4")


def _layouts(names: str) -> tuple[binary.Layout, binary.Layout]:
    """Without and with quarter hours."""
    full = [(name, _KINDS.get(name, ">f8")) for name in names.split()]
    return binary.Layout([(f"{n}?" if n in _QUARTERS else n, kind) for n, kind in full]), binary.Layout(full)


_FRESH = _layouts("hour first until amount peak_rate peak_at q1 q2 q3 q4 meter_id flags covered_s received")
_PLAIN = _layouts(
    "hour until amount low? high? estimated? peak_rate peak_at q1 q2 q3 q4 meter_id flags covered_s received bounded"
)
_WINDOW = binary.Layout([("meter_id", ">i4"), ("since", ">i8"), ("until", ">i8")])


def readings_of(conn: Connection, meters: Ints, since: int, until: int) -> Readings:
    """Effective readings of these meters in [since, until], sorted by (meter, time); `meter` holds meter ids."""
    bounds = _bounds(meters, since, until)
    query = sql("consumption.all_readings") if len(meters) > MANY else sql("consumption.readings")
    meter, time, value = columns(conn, query, bounds)
    if len(meters) > MANY:
        wanted = _members(meters, meter)
        meter, time, value = meter[wanted], time[wanted], value[wanted]
    order = _by_meter(meter, time)
    found = Readings(
        meter[order].astype(np.int64), time[order].astype(np.int64), value[order].astype(np.float64), _zeros(len(order))
    )
    contested = conn.execute(sql("consumption.contested"), bounds).fetchone()
    if contested == (False,):
        return found
    return _choose(found, meters, columns(conn, sql("consumption.chosen"), bounds))


def _by_meter(meter: NDArray[Any], time: NDArray[Any]) -> NDArray[np.intp]:
    """The order by (meter, time); readings mostly come in the order of time already."""
    if (np.diff(time) >= 0).all():
        return np.argsort(meter, kind="stable")
    return np.lexsort((time, meter))


def _bounds(meters: Ints, since: int, until: int) -> dict[str, Any]:
    """Parameters; very many meters are not named."""
    named = {"meters": meters.tolist()} if len(meters) <= MANY else {}
    return {"since": instant(since), "until": instant(until)} | named


def _members(wanted: Ints, meter: NDArray[Any]) -> Bools:
    if not len(meter):
        return np.zeros(0, dtype=bool)
    table = np.zeros(max(int(wanted.max()), int(meter.max())) + 1, dtype=bool)
    table[wanted] = True
    members: Bools = table[meter]
    return members


def _choose(readings: Readings, meters: Ints, chosen: Sequence[NDArray[Any]]) -> Readings:
    """Readings with what counts where several values were told for one time, or only an estimate; marked as such."""
    meter, time, value, is_estimate, is_split = chosen
    flags = is_estimate.astype(np.int64) * int(Flag.ESTIMATED) | is_split.astype(np.int64) * int(Flag.CONFLICT)
    told = Readings(meter.astype(np.int64), time.astype(np.int64), value.astype(np.float64), flags)
    told = told.of(_members(meters, told.meter))
    names = Readings.__dataclass_fields__
    both = Readings(*(np.concatenate([getattr(each, name) for each in (readings, told)]) for name in names))
    order = np.lexsort((both.time, both.meter))  # stable: of one time what was chosen comes last
    meter, time = both.meter[order], both.time[order]
    counts = np.ones(len(order), dtype=bool)
    counts[:-1] = (meter[1:] != meter[:-1]) | (time[1:] != time[:-1])
    kept = order[counts]
    return Readings(*(getattr(both, name)[kept] for name in names))


def undecided(conn: Connection) -> Ints:
    """The meters whose last readings wait to be understood."""
    found: Ints = columns(conn, sql("consumption.undecided"), {})[0].astype(np.int64)
    return found


def speaking(conn: Connection, meters: Ints, since: int, until: int) -> Ints:
    """Those of the meters that have readings in (since, until]."""
    bounds = _bounds(meters, since, until)
    if len(meters) <= MANY:
        return columns(conn, sql("consumption.speaking_of"), bounds)[0].astype(np.int64)
    found = columns(conn, sql("consumption.speaking_after"), bounds)[0].astype(np.int64)
    return found[_members(meters, found)]


@dataclass(frozen=True)
class Spans:
    """First and last known time by meter id; of a meter that never spoke, first is far ahead and last far behind.

    `last` may lag, see `storage.readings.KnownSpans`. kept: readings before this are gone, whatever `first` says.
    """

    first: Ints
    last: Ints
    kept: int


def spans(conn: Connection, meters: Ints, size: int) -> Spans:
    """The spans of these meters, as arrays of `size` indexed by meter id."""
    if len(meters) > MANY:
        meter, first, last = columns(conn, sql("consumption.all_spans"), {})
    else:
        meter, first, last = columns(conn, sql("consumption.spans"), {"meters": meters.tolist()})
    known = meter.astype(np.int64) < size
    at = meter.astype(np.int64)[known]
    firsts, lasts = np.full(size, np.iinfo(np.int64).max), np.full(size, np.iinfo(np.int64).min)
    firsts[at], lasts[at] = first[known], last[known]
    return Spans(firsts, lasts, micros(retention.floors(conn).computable))


class InTheWay(Exception):
    """Hours that were to be appended already hold something later, for these meters."""

    def __init__(self, meters: Ints) -> None:
        super().__init__(f"{len(meters)} meters must be computed again, not appended")
        self.meters = meters


def append(conn: Connection, layers: Sequence[Hours], later: Hours, has_demand: Bools) -> None:
    """Add hours that follow what is stored.

    layers: each an hour per meter at most of one piece, added one after another; later: hours after a meter's first, of
    which nothing may be stored. Raises InTheWay, with nothing written, if something is.
    """
    every = [*layers, later]
    ensure_months(conn, np.concatenate([hours.hour for hours in every]))
    try:
        with conn.transaction():
            _write(conn, later, has_demand)
            for layer in layers:
                if len(layer) and _add(conn, layer, has_demand) < len(layer):
                    raise UniqueViolation
    except UniqueViolation:
        raise InTheWay(_in_the_way(conn, layers, later, has_demand)) from None


def _add(conn: Connection, hours: Hours, has_demand: Bools) -> int:
    """Add pieces to hours that may be there; returns to how many that was possible.

    A piece that begins with its hour is mostly the first of it, so that is tried first: a bare COPY.
    """
    if (hours.first <= hours.hour).all() and _copied(conn, hours, has_demand):
        return len(hours)
    _stage(conn, hours, hours.first, has_demand)
    conn.execute(sql("consumption.analyze_fresh"))
    bounds = {"since": instant(int(hours.hour.min())), "until": instant(int(hours.hour.max()) + HOUR)}
    added = conn.execute(sql("consumption.append"), bounds | _named(hours.meter)).rowcount
    if added < len(hours):
        added += conn.execute(sql("consumption.add_missing")).rowcount
    return added


def _named(meters: Ints) -> dict[str, list[int] | None]:
    """The meters whose rows are to be changed, unless there are very many: all that a compressed part must unpack."""
    distinct = np.unique(meters)
    return {"meters": distinct.tolist() if len(distinct) <= MANY else None}


def _copied(conn: Connection, hours: Hours, has_demand: Bools) -> bool:
    try:
        with conn.transaction():
            _write(conn, hours, has_demand)
    except UniqueViolation:
        return False
    return True


def _stage(conn: Connection, hours: Hours, first: Ints, has_demand: Bools) -> None:
    conn.execute(sql("consumption.fresh"))
    conn.execute(sql("consumption.empty_fresh"))
    rows = _packed(_FRESH, hours, has_demand, {"first": first})
    binary.copy_in(conn, sql("consumption.copy_fresh"), *rows)


def _packed(
    layouts: tuple[binary.Layout, binary.Layout], hours: Hours, has_demand: Bools, more: Mapping[str, NDArray[Any]]
) -> list[NDArray[np.void]]:
    """Hours as rows: those with quarter hours and those without, whose quarters are NULL."""
    blocks = []
    for with_quarters, layout in enumerate(layouts):
        part = has_demand[hours.meter] == bool(with_quarters)
        if part.any():
            every = _columns(hours, bool(with_quarters)) | dict(more)
            blocks.append(layout.pack(int(part.sum()), **{name: column[part] for name, column in every.items()}))
    return blocks


def _columns(hours: Hours, with_quarters: bool) -> dict[str, NDArray[Any]]:
    names = ("hour", "until", "amount", "peak_rate", "peak_at", "flags", "covered_s", "received")
    quarters = {name: hours.quarters[:, n] for n, name in enumerate(_QUARTERS)} if with_quarters else {}
    return {name: getattr(hours, name) for name in names} | {"meter_id": hours.meter} | quarters


def _in_the_way(conn: Connection, layers: Sequence[Hours], later: Hours, has_demand: Bools) -> Ints:
    found: list[Ints] = []
    for hours, first in [*((layer, layer.first) for layer in layers[:1]), (later, later.hour - 1)]:
        if len(hours):
            _stage(conn, hours, first, has_demand)
            bounds = {"since": instant(int(hours.hour.min())), "until": instant(int(hours.hour.max()) + HOUR)}
            found.append(
                np.array([row[0] for row in conn.execute(sql("consumption.in_the_way"), bounds)], dtype=np.int64)
            )
    return np.unique(np.concatenate(found))


def replace(conn: Connection, hours: Hours, windows: NDArray[np.int64], has_demand: Bools) -> tuple[Ints, Ints]:
    """Write hours in place of all that is stored in the windows (rows of meter, since, until, on full hours).

    Returns meter and hour of what stood there before.
    """
    ensure_months(conn, hours.hour)
    conn.execute(sql("consumption.windows"))
    conn.execute(sql("consumption.empty_windows"))
    rows = _WINDOW.pack(len(windows), meter_id=windows[:, 0], since=windows[:, 1], until=windows[:, 2])
    binary.copy_in(conn, sql("consumption.copy_windows"), rows)
    bounds = {"since": instant(int(windows[:, 1].min())), "until": instant(int(windows[:, 2].max()))}
    meter, hour = columns(conn, sql("consumption.forget"), bounds | _named(windows[:, 0]))
    conn.execute(sql("consumption.forget_set_aside"))
    _write(conn, hours, has_demand)
    return meter.astype(np.int64), hour.astype(np.int64)


def remember(conn: Connection, set_aside: SetAside, ended: Ints, waiting: Ints) -> None:
    """What the walk set aside, and which of the meters that were read to their end still wait."""
    if len(set_aside.meter):
        values = {"meters": set_aside.meter.tolist(), "flags": set_aside.flag.tolist()}
        conn.execute(sql("consumption.set_aside"), values | {"times": [instant(t) for t in set_aside.time]})
    conn.execute(sql("consumption.forget_undecided"), {"meters": ended.tolist()})
    if len(waiting):
        conn.execute(sql("consumption.undecide"), {"meters": waiting.tolist()})


def _write(conn: Connection, hours: Hours, has_demand: Bools) -> None:
    """Into the table itself; nothing may be stored there yet."""
    special = _is_special(hours)
    plain = hours.of(~special)
    if len(plain):
        more = {"bounded": np.zeros(len(plain), dtype=bool)}
        binary.copy_in(conn, sql("consumption.copy"), *_packed(_PLAIN, plain, has_demand, more))
    if special.any():
        _write_special(conn, hours.of(special))


def _is_special(hours: Hours) -> Bools:
    """Rows whose amount is unknown, bounded or placed by estimate: they need columns that plain rows leave empty."""
    special: Bools = np.isnan(hours.amount) | _is_bounded(hours) | (hours.estimated != 0) | np.isnan(hours.peak_rate)
    return special


def _is_bounded(hours: Hours) -> Bools:
    bounded: Bools = (hours.covered_s > 0) & ((hours.low != hours.amount) | (hours.high != hours.amount))
    return bounded


def _write_special(conn: Connection, hours: Hours) -> None:
    """Row by row, for they are rare."""
    bounded = _is_bounded(hours)
    with conn.cursor() as cursor, cursor.copy(sql("consumption.copy_text")) as copy:
        for at in range(len(hours)):
            bounds = [hours.low[at], hours.high[at]] if bounded[at] else [None, None]
            peak = (
                [hours.peak_rate[at], instant(hours.peak_at[at])] if np.isfinite(hours.peak_rate[at]) else [None, None]
            )
            quarters = hours.quarters[at].tolist() if np.isfinite(hours.quarters[at]).any() else [None] * 4
            counts = [int(column[at]) for column in (hours.meter, hours.flags, hours.covered_s, hours.received)]
            begin = [instant(hours.hour[at]), instant(hours.until[at])]
            figures = [_finite(each) for each in (hours.amount[at], *bounds, hours.estimated[at] or None)]
            copy.write_row((*begin, *figures, *peak, *quarters, *counts, bool(bounded[at])))


def _finite(figure: float | None) -> float | None:
    return float(figure) if figure is not None and np.isfinite(figure) else None


def ensure_months(conn: Connection, hour: Ints) -> None:
    """Partitions for all months between the first and the last hour that occurs, as far as any falls into them."""
    if not len(hour):
        return
    edges = _month_edges(int(hour.min()), int(hour.max()))
    days = np.unique(hour // (24 * HOUR)) * 24 * HOUR
    wanted = [
        first for first, until in pairwise(edges) if ((days >= micros_of(first)) & (days < micros_of(until))).any()
    ]
    conn.execute(sql("consumption.ensure_months"), {"months": wanted})


def _month_edges(since: int, until: int) -> list[date]:
    first, last = instant(since).date().replace(day=1), instant(until).date()
    edges = [first]
    while edges[-1] <= last:
        edges.append((edges[-1] + timedelta(days=32)).replace(day=1))
    return edges


def micros_of(day: date) -> int:
    """Microseconds since 2000-01-01 of the day's midnight in UTC."""
    return (day - date(2000, 1, 1)).days * 24 * HOUR


def _zeros(count: int) -> Ints:
    return np.zeros(count, dtype=np.int64)

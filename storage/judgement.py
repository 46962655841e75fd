"""What judging needs to know: what is to be judged again, quotas, sums over many enterprises at once, products, levels.

Every question is asked for a set of enterprises and answered by one statement.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from psycopg import Connection
from psycopg.rows import class_row

from energy import bounds
from energy.bounds import Bounds
from energy.levels import Kind, Record
from storage import stale
from storage.sql import sql

AT_ONCE = 20_000  # claims of one round: a nation's enterprises


@dataclass(frozen=True)
class Taken:
    """Codes to be judged again, each once. `changed`: enterprises of which more than usage has changed."""

    enterprises: Sequence[str]
    regions: Sequence[str]
    changed: Sequence[str]

    def __len__(self) -> int:
        return len(self.enterprises) + len(self.regions)


_NOTHING = Taken((), (), ())
_LOCK = 0x4A554447  # the advisory locks of shards that are being judged live under this key
_ONLY_USAGE = ("usage", "day")  # what moves by itself, all the time


def take(conn: Connection, *, shared: bool = False) -> Taken:
    """What is to be judged again, and that nobody else judges meanwhile. It is ours if the caller commits.

    Two who judged one subject at once would both say the same news of it. shared: leave an equal share to every other
    worker. Ask before reading anything else.
    """
    waiting = [shard for (shard,) in conn.execute(sql("judgement.shards"))]
    at_once = -(-len(waiting) // stale.workers(conn)) if shared and waiting else len(waiting)
    for start in range(0, len(waiting), max(at_once, 1)):
        wanted = {"shards": waiting[start : start + at_once], "lock": _LOCK}
        ours = [shard for (shard,) in conn.execute(sql("judgement.own_shards"), wanted)]
        if ours and (taken := _take(conn, ours)):
            return taken
    return _NOTHING


def await_others(conn: Connection) -> bool:
    """Wait until those who are judging have committed or given up; False if nothing waits. Hold no lock."""
    with conn.transaction():
        waiting = [shard for (shard,) in conn.execute(sql("judgement.shards"))]
        conn.execute(sql("stale.await_shards"), {"shards": waiting, "lock": _LOCK})
    return bool(waiting)


def _take(conn: Connection, shards: Sequence[int]) -> Taken:
    rows = set(conn.execute(sql("judgement.take"), {"shards": shards, "most": AT_ONCE}).fetchall())
    enterprises = {code for scope, code, _ in rows if scope == "enterprise"}
    changed = {code for scope, code, why in rows if scope == "enterprise" and why not in _ONLY_USAGE}
    return Taken(sorted(enterprises), sorted({code for scope, code, _ in rows if scope == "region"}), sorted(changed))


def mark_all(conn: Connection, yearly_too: bool) -> None:
    """Everything is to be judged again; yearly indicators only if asked for, or if what they are made of has moved."""
    conn.execute(sql("judgement.mark_all"), {"why": "all" if yearly_too else "day"})


@dataclass(frozen=True, slots=True)
class Quota:
    """A row of the registry with the name of its subject and what it may be divided by. enterprise_id 0: a region's."""

    scope: str
    code: str
    metric: str
    product: str
    period: str
    limit: float
    unit: str
    basis: str
    boundary: str
    kind: str
    direction: str
    denominator: str
    price_base: str
    document: str | None
    enterprise_id: int
    name: str
    floor_area_m2: float | None
    energy_users: float | None


def quotas(conn: Connection, scope: str, codes: Sequence[str], day: date) -> list[Quota]:
    """Quotas of these enterprises or regions that hold on a day."""
    with conn.cursor(row_factory=class_row(Quota)) as cursor:
        return cursor.execute(sql("judgement.quotas"), {"scope": scope, "codes": list(codes), "day": day}).fetchall()


class Used(NamedTuple):
    """A figure over a span: bounds, what of it fell since `recent`, and the seconds of metering that are covered."""

    bounds: Bounds
    recent: float
    covered_s: int


def used(conn: Connection, figure: str, ids: Sequence[int], since: date, until: date, recent: date) -> dict[int, Used]:
    """A figure of each enterprise over whole months [since, until); of whom nothing is known is not in it.

    figure: tce_equivalent, tce_equal_value, tce_assessed, tco2 (t), kwh, coal_kg, coal_tce.
    """
    asked = {"figure": figure, "ids": list(ids), "since": since, "until": until, "recent": recent}
    rows = conn.execute(sql("judgement.used_months"), asked).fetchall()
    return {row[0]: Used(bounds.of(*row[1:4]), row[4], row[5]) for row in rows if row[1] is not None}


def used_on(conn: Connection, figure: str, ids: Sequence[int], day: date) -> dict[int, float]:
    """The same figure of one day, as far as it is known."""
    asked = {"figure": figure, "ids": list(ids), "day": day}
    return {id_: value or 0.0 for id_, value in conn.execute(sql("judgement.used_today"), asked)}


class Peak(NamedTuple):
    kw: float
    at: datetime | None
    at_least: bool


def peaks(conn: Connection, ids: Sequence[int], since: date, until: date) -> dict[int, Peak]:
    """The highest quarter hour of each enterprise's electricity over whole months [since, until)."""
    rows = conn.execute(sql("judgement.peaks"), {"ids": list(ids), "since": since, "until": until})
    return {row[0]: Peak(*row[1:]) for row in rows}


class Counting(NamedTuple):
    """Meters of one enterprise and carrier that count: how many without a validity of their own, and the others'."""

    carrier: str
    category: str
    is_medium: bool
    unlimited: int
    intervals_s: int
    limited: tuple[tuple[datetime | None, datetime | None], ...]


_counting: dict[str, tuple[int, Mapping[int, list[Counting]]]] = {}


def counting(conn: Connection) -> Mapping[int, list[Counting]]:
    """Counting meters by enterprise, read again only when the registry has changed."""
    row = conn.execute(sql("judgement.counting_version")).fetchone()
    version, known = row[0] if row else 0, _counting.get(conn.info.dsn)
    if known is None or known[0] != version:
        known = _counting[conn.info.dsn] = (version, _count(conn))
    return known[1]


def _count(conn: Connection) -> dict[int, list[Counting]]:
    found: dict[int, list[Counting]] = {}
    for row in conn.execute(sql("judgement.counting_meters")):
        carrier, category, is_medium, unlimited, intervals_s, froms, untils = row[1:]
        limited = tuple(zip(froms or (), untils or (), strict=True))
        each = Counting(carrier, category, is_medium, unlimited, intervals_s, limited)
        found.setdefault(row[0], []).append(each)
    return found


@dataclass(frozen=True, slots=True)
class Enterprise:
    """An enterprise whose yearly indicators are to be computed."""

    id: int
    code: str
    name: str
    region: str
    altitude_m: float | None


def slow_due(conn: Connection, taken: Taken, since: date, month: date, month_began: datetime) -> list[Enterprise]:
    """Those whose yearly indicators may have changed. month: the running one; since: the first that bears on them."""
    asked = {"codes": list(taken.enterprises), "changed": list(taken.changed), "since": since, "month": month,
             "month_began": month_began}  # fmt: skip
    with conn.cursor(row_factory=class_row(Enterprise)) as cursor:
        return cursor.execute(sql("judgement.slow_due"), asked).fetchall()


def slow_done(conn: Connection, ids: Sequence[int], now: datetime) -> None:
    """Their yearly indicators are as of now."""
    conn.execute(sql("judgement.slow_done"), {"ids": list(ids), "now": now})


@dataclass(frozen=True, slots=True)
class Product:
    enterprise_id: int
    product: str
    name: str
    unit: str
    process: str
    levels: str
    energy_rule: str
    share: float | None


@dataclass(frozen=True, slots=True)
class Output:
    enterprise_id: int
    product: str
    period: str
    quantity: float
    unit: str
    kind: str


@dataclass(frozen=True, slots=True)
class Meter:
    enterprise_id: int
    id: int
    code: str
    role: str
    process: str
    product: str
    parent: str
    carrier: str
    category: str
    is_medium: bool
    it_point: str
    valid_from: datetime | None
    valid_to: datetime | None


def products(conn: Connection, ids: Sequence[int]) -> list[Product]:
    """Product lines of these enterprises."""
    with conn.cursor(row_factory=class_row(Product)) as cursor:
        return cursor.execute(sql("judgement.products"), {"ids": list(ids)}).fetchall()


def outputs(conn: Connection, ids: Sequence[int]) -> list[Output]:
    """All outputs of these enterprises."""
    with conn.cursor(row_factory=class_row(Output)) as cursor:
        return cursor.execute(sql("judgement.outputs"), {"ids": list(ids)}).fetchall()


def meters(conn: Connection, ids: Sequence[int]) -> list[Meter]:
    """All meters of these enterprises."""
    with conn.cursor(row_factory=class_row(Meter)) as cursor:
        return cursor.execute(sql("judgement.process_meters"), {"ids": list(ids)}).fetchall()


def parameters(conn: Connection, ids: Sequence[int]) -> dict[tuple[int, str], list[tuple[str, str, float]]]:
    """Parameters (period, name, value) by enterprise and product; '' is every product, or every period."""
    found: dict[tuple[int, str], list[tuple[str, str, float]]] = {}
    for enterprise, product, period, name, value in conn.execute(sql("judgement.parameters"), {"ids": list(ids)}):
        found.setdefault((enterprise, product), []).append((period, name, value))
    return found


class MeterMonth(NamedTuple):
    bounds: Bounds
    covered_s: int


def meter_months(
    conn: Connection, ids: Sequence[int], since: datetime, until: datetime, zone: ZoneInfo
) -> dict[tuple[int, date], MeterMonth]:
    """Consumption of meters by local month, in the carrier's own unit."""
    asked = {"meters": list(ids), "since": since, "until": until, "zone": zone.key}
    rows = conn.execute(sql("judgement.meter_months"), asked)
    return {(row[0], row[1]): MeterMonth(bounds.of(*row[2:5]), row[5]) for row in rows}


def enterprise_months(
    conn: Connection, ids: Sequence[int], since: date, until: date
) -> dict[tuple[int, date], tuple[float | None, float | None]]:
    """(kgce equivalent, kWh) of enterprises by month."""
    asked = {"ids": list(ids), "since": since, "until": until}
    return {(row[0], row[1]): (row[2], row[3]) for row in conn.execute(sql("judgement.enterprise_months"), asked)}


_KINDS = (Kind.ADVANCED, Kind.ACCESS, Kind.LIMIT, Kind.BENCHMARK, Kind.BASELINE)


def levels(conn: Connection) -> dict[str, Record]:
    """All efficiency levels by record id."""
    return {row[0]: _record(row) for row in conn.execute(sql("judgement.levels"))}


def _record(row: tuple[Any, ...]) -> Record:
    record_id, standard_no, effective, replaces, product, condition, indicator, unit, better, *values = row[:14]
    named = {kind: value for kind, value in zip(_KINDS, values, strict=True) if value is not None}
    about = (record_id, standard_no, effective, replaces, product, condition, indicator, unit, better)
    return Record(*about, named, *row[14:17])


def activity(conn: Connection, scope: str, codes: Sequence[str]) -> dict[tuple[str, str, str, str], float]:
    """Value by (code, item, period, price base)."""
    rows = conn.execute(sql("judgement.activity"), {"scope": scope, "codes": list(codes)})
    return {(code, item, period, base): value for code, item, period, base, value in rows}

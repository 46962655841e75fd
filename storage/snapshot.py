"""The registry as the rollup needs it: arrays by meter, made once for each version of the registry."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection

from energy import units
from energy.factors import Coefficients, FactorBook
from energy.registers import HOUR, MINUTE, QUARTER, Bools, Event, Ints, Kind, Meters, Trait
from energy.usage import Component, component, in_total
from storage import registry, virtual
from storage.arrays import micros
from storage.sql import sql
from storage.virtual import Virtuals

_KINDS = {"register": Kind.REGISTER, "interval": Kind.INTERVAL, "power": Kind.POWER, "virtual": Kind.VIRTUAL}
KW_OF = {"kWh": 1.0, "MJ": 1 / 3.6}  # kW for one carrier unit per hour


@dataclass(frozen=True)
class Snapshot:
    """One version of the registry. Arrays are indexed by meter id; ids without a meter hold zeros.

    signs: (meters, 4) columns bought, renewable, exported, feedstock, each 0 or 1 (`energy.usage.component`).
    stated: (enterprise id, carrier) of which a counting meter states, or needs not state, at which condition it counts.
    """

    version: int
    meters: Meters
    enterprise: Ints
    carrier: list[str]
    signs: NDArray[np.int16]
    counts: Bools
    has_demand: Bools
    coarse: Bools
    has_events: Bools
    events: dict[int, tuple[Event, ...]]
    codes: dict[int, str]
    regions: dict[int, str]
    factors: FactorBook
    virtuals: Virtuals
    stated: frozenset[tuple[int, str]]

    def coefficients(self, enterprise: int, carrier: str, day: date) -> Coefficients:
        """What converts the carrier's amounts of that enterprise on that day."""
        as_printed = (enterprise, carrier) not in self.stated
        return self.factors.at(carrier, self.codes[enterprise], self.regions[enterprise], day, as_printed=as_printed)


_cache: dict[str, Snapshot] = {}
_lock = Lock()


def current(conn: Connection) -> Snapshot:
    """The registry as it is now; read again only when its version has changed."""
    row = conn.execute(sql("snapshot.version")).fetchone()
    version = row[0] if row else 0
    key = f"{conn.info.host}:{conn.info.port}/{conn.info.dbname}"
    with _lock:
        known = _cache.get(key)
    if known is None or known.version != version:
        known = _load(conn, version)
        with _lock:
            _cache[key] = known
    return known


def _load(conn: Connection, version: int) -> Snapshot:
    rows = conn.execute(sql("snapshot.meters")).fetchall()
    size = (rows[-1][0] if rows else 0) + 1
    enterprise, carrier = np.zeros(size, dtype=np.int64), [""] * size
    signs = np.zeros((size, 4), dtype=np.int16)
    has_demand, is_coarse = np.zeros(size, dtype=bool), np.zeros(size, dtype=bool)
    meters = _blank(size)
    for row in rows:
        index = row[0]
        enterprise[index], carrier[index] = row[1], row[2]
        _fill(meters, index, row)
        part = contribution(*row[10:16])
        signs[index] = (part.bought, part.renewable, part.exported, part.feedstock)
        has_demand[index] = part.sign != 0 and row[16] in KW_OF and not row[17]
        is_coarse[index] = row[8] * MINUTE > QUARTER
    virtuals = virtual.load(conn)
    virtuals.pass_up(is_coarse)
    virtuals.pass_down(has_demand)
    events, has_events = _events(conn, {row[0]: (float(row[4]), float(row[5])) for row in rows}, size)
    places = conn.execute(sql("snapshot.enterprises")).fetchall()
    counts = np.asarray(signs.any(axis=1))
    stating = np.flatnonzero(counts & ~meters.have(Trait.UNSTATED, np.arange(size)))
    return Snapshot(
        version,
        meters,
        enterprise,
        carrier,
        signs,
        counts,
        has_demand,
        is_coarse,
        has_events,
        events,
        {id_: code for id_, code, _ in places},
        {id_: region for id_, _, region in places},
        registry.factor_book(conn),
        virtuals,
        frozenset((int(enterprise[meter]), carrier[meter]) for meter in stating),
    )


def _blank(size: int) -> Meters:
    nan = np.full(size, np.nan)
    zero = np.zeros(size, dtype=np.int64)
    starts = np.zeros(size, dtype=bool)
    return Meters(zero, np.ones(size), nan, nan.copy(), np.full(size, HOUR), starts, zero.copy())


def _fill(meters: Meters, index: int, row: tuple[Any, ...]) -> None:
    meters.kind[index] = _KINDS[row[3]]
    meters.scale[index] = row[4]
    meters.modulus[index] = np.nan if row[6] is None else float(row[6])
    meters.max_rate[index] = np.nan if row[7] is None else row[7]
    meters.interval[index] = row[8] * MINUTE
    meters.starts[index] = row[9] == "start" and row[3] != "register"
    assert meters.traits is not None
    meters.traits[index] = Trait(0) if row[3] == "virtual" else traits(row[16], *row[20:24])


def traits(carrier_unit: str, per_via: float | None, gas_condition: str | None, category: str, direction: str) -> Trait:
    """What is declared of a meter, from its registered columns and its carrier's."""
    found = Trait.NET if direction == "net" else Trait(0)
    if carrier_unit == "m3" and per_via is None:
        return found | Trait.UNCONVERTIBLE
    is_fuel = carrier_unit == "m3" and category != "medium"
    return found | Trait.UNSTATED if is_fuel and gas_condition is None else found


def contribution(
    level: int,
    declared: bool | None,
    role: str,
    parent_level: int | None,
    parent_declared: bool | None,
    parent_role: str | None,
) -> Component:
    """What a meter contributes, from its registered columns and those of its parent, None where there is none."""
    is_split = parent_level is not None and parent_role in ("consumption", "feedstock", "dc_total")
    return component(role, level, declared, is_split and in_total(parent_level or 0, parent_declared))


def _per_unit(
    unit: str, kind: str, carrier: str, via_unit: str, density: Decimal | None, per_via: float | None
) -> float:
    """Carrier units for one unit of the value, by the way that the meter's state prescribes."""
    convert = units.convert_rate if kind == "power" else units.convert
    return float(convert(unit, via_unit, density, carrier)) * (1.0 if per_via is None else per_via)


def _events(
    conn: Connection, scales: dict[int, tuple[float, float]], size: int
) -> tuple[dict[int, tuple[Event, ...]], Bools]:
    """Events by meter; another multiplier or unit becomes the scale that holds from then on."""
    found: dict[int, list[Event]] = {}
    factors = {meter: (scale / multiplier, multiplier) for meter, (scale, multiplier) in scales.items()}
    for meter, time, event, old_final, new_initial, value, *about in conn.execute(sql("snapshot.events")):
        several = found.setdefault(meter, [])
        if event in ("exchange", "reset"):
            width = float(value) if event == "exchange" and value else None
            several.append(Event(micros(time), event, old_final, new_initial, modulus=width))
            continue
        per_unit, multiplier = factors[meter]
        factors[meter] = (per_unit, float(value)) if event == "multiplier" else (_per_unit(value, *about), multiplier)
        changed = Event(micros(time), "multiplier", scale=factors[meter][0] * factors[meter][1])
        if several and several[-1].scale is not None and several[-1].time == changed.time:
            several.pop()
        several.append(changed)
    has_events = np.zeros(size, dtype=bool)
    has_events[list(found)] = True
    return {meter: tuple(events) for meter, events in found.items()}, has_events

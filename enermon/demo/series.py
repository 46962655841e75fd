"""Readings of the sample province: deterministic, and the same in however many pieces they are asked for.

Everything follows from the sample's loads and faults, a seed, and one anchor: the hour at which this demo was first
started. History reaches thirteen months back from the anchor. Registers are read at their approved interval, which is
an hour for most, and in the last month before the anchor and ever after by quarter hours. Noise is drawn from a stream
of each meter's own that begins with history, so that asking for more never changes what was there.
"""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import groupby
from pathlib import Path
from zlib import crc32
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from enermon.demo.shapes import QUARTER_S, SHAPES, Calendar, Floats, calendar

Ints = NDArray[np.int64]

HISTORY_MONTHS = 13
_PER_HOUR = 3600 // QUARTER_S
_PER_DAY = 24 * _PER_HOUR
_DECIMALS = 2  # what a display shows; registers are read, not calculated


@dataclass(frozen=True)
class Load:
    """One meter of the sample: its registry row, as far as its readings depend on it, and what flows through it.

    `mean` is in the meter's unit per hour: what the meter sees besides its children, where its shape is 1. `parent` is
    the meter that really feeds it, which is another than the registered one where that was entered wrongly.
    """

    enterprise: str
    meter: str
    kind: str
    label: str
    interval_minutes: int
    multiplier: float
    register_max: float | None
    parent: str
    role: str
    gateway: str
    shape: str
    mean: float
    start: float

    @property
    def is_register(self) -> bool:
        return self.kind == "register"

    @property
    def interval_s(self) -> int:
        return self.interval_minutes * 60

    @property
    def offset(self) -> int:
        """Spreads planned stops; the same for all meters of an enterprise, which stop together."""
        return crc32(self.enterprise.encode()) % 91


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong at one meter, or at all of a gateway's where `meter` is blank.

    `hours_before` the anchor it begins; `hours` it lasts, blank for good. `value` is what a dip or spike shows, what a
    register that was reset or exchanged starts from, and the multiplier from then on. `estimated_by`: who estimates
    what a gap has taken.
    """

    enterprise: str
    gateway: str
    meter: str
    fault: str  # gap, silent, dip, spike, reset, exchange, multiplier
    hours_before: float
    hours: float
    value: float
    estimated_by: str = ""


@dataclass(frozen=True)
class Province:
    loads: tuple[Load, ...]
    faults: tuple[Fault, ...]
    anchor: datetime  # the full hour at which history ended when the demo was first started
    seed: int
    zone: ZoneInfo

    @property
    def since(self) -> datetime:
        return months_before(self.anchor, HISTORY_MONTHS)

    @property
    def fine_since(self) -> datetime:
        """From here on registers are read every quarter of an hour."""
        return months_before(self.anchor, 1)

    def by_enterprise(self) -> Iterator[tuple[str, tuple[Load, ...]]]:
        for enterprise, loads in groupby(self.loads, key=lambda load: load.enterprise):
            yield enterprise, tuple(loads)

    def before(self, hours: float) -> datetime:
        return self.anchor - timedelta(hours=hours)

    def faults_of(self, load: Load) -> Iterator[Fault]:
        for fault in self.faults:
            at_gateway = fault.meter == "" and fault.gateway == load.gateway
            if fault.enterprise == load.enterprise and (fault.meter == load.meter or at_gateway):
                yield fault


@dataclass(frozen=True)
class Readings:
    """Readings in order of time; `load` indexes the province's loads, `time` is in seconds since 1970, UTC."""

    load: Ints
    time: Ints
    value: Floats = field(repr=False)

    def __len__(self) -> int:
        return len(self.time)

    def chunks(self, size: int) -> Iterator["Readings"]:
        """About so many readings each, never parting those of one instant."""
        first = 0
        while first < len(self):
            last = min(first + size, len(self)) - 1
            until = int(np.searchsorted(self.time, self.time[last], side="right"))
            yield Readings(self.load[first:until], self.time[first:until], self.value[first:until])
            first = until


def months_before(instant: datetime, months: int) -> datetime:
    """The same day and hour so many months earlier, or the month's last day where there is no such day."""
    month = instant.year * 12 + instant.month - 1 - months
    first = instant.replace(year=month // 12, month=month % 12 + 1, day=1)
    last_day = ((first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)).day
    return first.replace(day=min(instant.day, last_day))


def read_loads(folder: Path) -> tuple[Load, ...]:
    """The sample's meters with what flows through them; every meter of `meters.csv` has a row in `series/loads.csv`."""
    flows = {(row["enterprise"], row["meter"]): row for row in _rows(folder / "series" / "loads.csv")}
    return tuple(_load(row, flows[row["enterprise"], row["code"]]) for row in _rows(folder / "meters.csv"))


def _load(meter: dict[str, str], flow: dict[str, str]) -> Load:
    return Load(
        enterprise=meter["enterprise"],
        meter=meter["code"],
        kind=meter["kind"],
        label=meter["label"] or "end",
        interval_minutes=int(meter["interval_minutes"]),
        multiplier=float(meter["multiplier"] or 1),
        register_max=float(meter["register_max"]) if meter["register_max"] else None,
        parent=flow["fed_by"] or meter["parent"],
        role=meter["role"] or "consumption",
        gateway=flow["gateway"],
        shape=flow["shape"],
        mean=float(flow["mean"]),
        start=float(flow["start"] or 0),
    )


def read_faults(folder: Path) -> tuple[Fault, ...]:
    """What goes wrong, and of what happened to meters by intention that which registers show."""
    shown = (row for row in _rows(folder / "series" / "events.csv") if row["event"] in ("exchange", "multiplier"))
    events = (row | {"fault": row["event"], "gateway": "", "hours": "", "estimated_by": ""} for row in shown)
    return tuple(map(_fault, (*_rows(folder / "series" / "faults.csv"), *events)))


def _fault(row: dict[str, str]) -> Fault:
    return Fault(
        enterprise=row["enterprise"],
        gateway=row["gateway"],
        meter=row["meter"],
        fault=row["fault"],
        hours_before=float(row["hours_before"]),
        hours=float(row["hours"] or "inf"),
        value=float(row["value"] or 0),
        estimated_by=row["estimated_by"],
    )


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def history(province: Province, until: datetime) -> Readings:
    """Every reading from the beginning of history to `until`, inclusive, that a gateway would have sent on its grid."""
    quarters = _quarters_between(province.since, until)
    days = calendar(province.since, quarters, province.zone)
    pieces = [(number, *_read(province, load, amounts)) for number, load, amounts in _amounts(province, days)]
    numbers = np.concatenate([np.full(len(times), number) for number, times, _ in pieces])
    times = np.concatenate([times for _, times, _ in pieces])
    values = np.concatenate([values for _, _, values in pieces])
    order = np.lexsort((numbers, times))
    return Readings(numbers[order], times[order], values[order])


def metered(province: Province, enterprise: str, meter: str, since: datetime, until: datetime) -> float:
    """What really flowed through a meter of amounts between two instants of history, in its unit."""
    load, ends, amounts = _one(province, enterprise, meter)
    inside = (ends > since.timestamp()) & (ends <= until.timestamp())
    return float(amounts[inside].sum()) / load.multiplier


def final_register(province: Province, enterprise: str, meter: str, at: datetime) -> float:
    """What a register shows at that instant of history, to which it was in use."""
    load, ends, amounts = _one(province, enterprise, meter)
    shown = replace(province, faults=tuple(f for f in province.faults if f.fault != "exchange" or f.meter != meter))
    turned = _turned(shown, load, ends, amounts)
    return float(_register(load, np.array([np.interp(at.timestamp(), ends, turned)]))[0])


def _one(province: Province, enterprise: str, meter: str) -> tuple[Load, Ints, Floats]:
    own = replace(province, loads=tuple(load for load in province.loads if load.enterprise == enterprise))
    days = calendar(province.since, _quarters_between(province.since, province.anchor), province.zone)
    load, amounts = next((load, amounts) for _, load, amounts in _amounts(own, days) if load.meter == meter)
    return load, _ends(province, len(amounts)), amounts


def _quarters_between(since: datetime, until: datetime) -> int:
    return int((until - since).total_seconds()) // QUARTER_S


def _amounts(province: Province, days: Calendar) -> Iterator[tuple[int, Load, Floats]]:
    """(number of the load, the load, amounts in its unit per quarter hour), enterprise by enterprise."""
    first = 0
    for _, loads in province.by_enterprise():
        own = {load.meter: _own_amounts(load, days, province.seed) for load in loads}
        for load in reversed(loads):  # children stand below their parents
            if load.parent in own:
                own[load.parent] += own[load.meter] * _sign(load)
        for number, load in enumerate(loads, first):
            yield number, load, own[load.meter]
        first += len(loads)


def _sign(load: Load) -> int:
    """Behind the main meter, generation lowers what is bought; what is exported was not used."""
    return -1 if load.role.startswith("generation") else 1


def _own_amounts(load: Load, days: Calendar, seed: int) -> Floats:
    shape = SHAPES[load.shape](days, load.offset)
    return load.mean / _PER_HOUR * shape * _noise(load, len(shape), seed)


def _noise(load: Load, quarters: int, seed: int) -> Floats:
    """About 1, never below 0.7: some of it lasts a day, some an hour, some a quarter of an hour."""
    days, hours = quarters // _PER_DAY + 1, quarters // _PER_HOUR + 1
    draw = partial(_normals, seed, f"{load.enterprise}/{load.meter}")
    slow = (
        np.repeat(draw("day", days) * 0.025, _PER_DAY)[:quarters] + np.repeat(draw("hour", hours) * 0.02, 4)[:quarters]
    )
    return np.maximum(0.7, 1 + slow + draw("quarter", quarters) * 0.02)


def _normals(seed: int, meter: str, name: str, count: int) -> Floats:
    stream = np.random.Philox(key=[seed, crc32(f"{meter}/{name}".encode())])
    return np.random.Generator(stream).standard_normal(count)


def _ends(province: Province, quarters: int) -> Ints:
    return int(province.since.timestamp()) + QUARTER_S * np.arange(1, quarters + 1)


def _read(province: Province, load: Load, amounts: Floats) -> tuple[Ints, Floats]:
    """(times, values) as the gateway sends them, faults included."""
    ends = _ends(province, len(amounts))
    if not load.is_register:
        return _spoilt(province, load, *_intervals(load, ends, amounts))
    kept = (ends % load.interval_s == 0) | (ends > province.fine_since.timestamp())
    values = _register(load, _turned(province, load, ends, amounts))
    return _spoilt(province, load, ends[kept], values[kept])


def _register(load: Load, turned: Floats) -> Floats:
    """What the display shows after so many register units."""
    shown = np.round(load.start + turned, _DECIMALS)
    return shown if load.register_max is None else np.round(shown % load.register_max, _DECIMALS)


def _turned(province: Province, load: Load, ends: Ints, amounts: Floats) -> Floats:
    """Register units turned; a meter that was reset or exchanged counts on from the value that it then had."""
    turned = np.cumsum(amounts / _multipliers(province, load, ends))
    for fault in province.faults_of(load):
        begin = _begin(province, fault)
        if fault.fault == "reset":
            after = ends >= begin
            before = turned[~after][-1:].sum()
            turned = np.where(after, turned - before + fault.value - load.start, turned)
        elif fault.fault == "exchange":
            turned = np.where(ends > begin, turned - np.interp(begin, ends, turned) + fault.value - load.start, turned)
    return turned


def _multipliers(province: Province, load: Load, ends: Ints) -> Floats:
    """Of each quarter hour; one in which the transformer is changed keeps the old one."""
    found = np.full(len(ends), load.multiplier)
    for fault in province.faults_of(load):
        if fault.fault == "multiplier":
            found[ends - QUARTER_S >= _begin(province, fault)] = fault.value
    return found


def _intervals(load: Load, ends: Ints, amounts: Floats) -> tuple[Ints, Floats]:
    """Stamps and values of whole intervals. History begins on a full hour, so the first interval does too."""
    width = load.interval_s // QUARTER_S
    whole = len(amounts) // width
    stamps = ends[width - 1 :: width][:whole] - (load.interval_s if load.label == "start" else 0)
    return stamps, _stated(load, amounts[: whole * width].reshape(whole, width))


def _stated(load: Load, amounts: Floats) -> Floats:
    """The amount, or mean rate, of intervals from those of their quarter hours, one row an interval."""
    hours = load.interval_s / 3600 if load.kind == "power" else 1.0
    stated: Floats = np.round(amounts.sum(axis=1) / hours / load.multiplier, 4)
    return stated


def _begin(province: Province, fault: Fault) -> float:
    return province.anchor.timestamp() - 3600 * fault.hours_before


def _spoilt(province: Province, load: Load, times: Ints, values: Floats) -> tuple[Ints, Floats]:
    """Readings without those that faults have taken, and with the false values of dips and spikes."""
    kept = np.ones(len(times), dtype=bool)
    for fault in province.faults_of(load):
        begin = _begin(province, fault)
        inside = (times >= begin) & (times < begin + 3600 * fault.hours)
        if fault.fault in ("gap", "silent"):
            kept &= ~inside
        elif fault.fault in ("dip", "spike"):
            values = np.where(inside, fault.value, values)
    return times[kept], values[kept]


Spoken = tuple[datetime, float]  # the stamp and the value
Messages = dict[tuple[str, str], dict[str, Spoken]]


def moments(province: Province, instants: Iterable[datetime]) -> Iterator[tuple[datetime, Messages]]:
    """Instants, in order of time, each with what every (enterprise, gateway) sends then: (stamp, value) by meter.

    Registers are read at any instant. An interval or power meter speaks when its interval ends. On the grid these are
    the values of `history`. Gateways and meters that are silent then are left out.
    """
    table: _Ahead | None = None
    for instant in instants:
        if table is None or instant > table.until:
            table = _ahead(province, instant)
        yield instant, _messages(province, table, instant)


@dataclass(frozen=True)
class _Ahead:
    """The quarter hours around the present, for a day ahead: their ends, and what each load shows at them."""

    loads: tuple[Load, ...]
    ends: Ints
    rows: tuple[Floats, ...]  # register units turned, or amounts of the quarter hours

    @property
    def until(self) -> datetime:
        return datetime.fromtimestamp(int(self.ends[-1]), UTC)


def _ahead(province: Province, instant: datetime) -> _Ahead:
    quarters = _quarters_between(province.since, instant) + _PER_DAY
    days = calendar(province.since, quarters, province.zone)
    ends = _ends(province, quarters)
    kept = slice(max(0, quarters - 2 * _PER_DAY), quarters)
    rows = [
        (load, _turned(province, load, ends, amounts) if load.is_register else amounts)
        for _, load, amounts in _amounts(province, days)
    ]
    return _Ahead(tuple(load for load, _ in rows), ends[kept], tuple(row[kept] for _, row in rows))


def _messages(province: Province, table: _Ahead, instant: datetime) -> Messages:
    found: Messages = {}
    for load, row in zip(table.loads, table.rows, strict=True):
        value = _shown(load, table.ends, row, instant.timestamp())
        if value is not None and not _is_silent(province, load, instant):
            stamp = instant - timedelta(seconds=load.interval_s if load.label == "start" else 0)
            found.setdefault((load.enterprise, load.gateway), {})[load.meter] = stamp, value
    return found


def _shown(load: Load, ends: Ints, row: Floats, instant: float) -> float | None:
    """The register at that instant, or the value of the interval that ends just then."""
    if load.is_register:
        return float(_register(load, np.array([np.interp(instant, ends, row)]))[0])
    last = int(np.searchsorted(ends, instant))
    if ends[last] != instant or instant % load.interval_s:
        return None
    amounts = row[last + 1 - load.interval_s // QUARTER_S : last + 1]
    return float(_stated(load, amounts.reshape(1, -1))[0])


def _is_silent(province: Province, load: Load, instant: datetime) -> bool:
    def covers(fault: Fault) -> bool:
        return 0 <= instant.timestamp() - _begin(province, fault) < 3600 * fault.hours

    return any(covers(fault) for fault in province.faults_of(load) if fault.fault in ("gap", "silent"))

"""The data quality of an enterprise in a month, by day and as a whole: what arrived, what it can be checked against,
what is odd about it, and which outages have their term running.

Read-only. Figures are taken as they stand; whoever asks drains what is stale before.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from psycopg import Connection

from energy import data_quality, detectors, sentences
from energy.balance import NEGATIVE
from energy.data_quality import Agreement, Score
from energy.detectors import DAY, Days, Finding, Point, Series
from energy.periods import Period, midnight
from energy.quality import Flag
from energy.registers import HOUR, MINUTE, SECOND, Bools, Floats, Ints
from energy.returns import Doubt
from energy.sentences import Said, said
from storage import registry
from storage.arrays import instant, micros
from storage.quality_known import MARGIN, Arrived, Known, gathered
from storage.quality_known import rules as rules
from storage.registry import Enterprise, Meter
from storage.sql import sql
from storage.usage import UnknownSubject

_STANDSTILLS = ("zero_days", "zero_run", "null_as_zero", "stuck_register", "constant")
_TOLD_FLAGS = {Flag.RESET: "reset", Flag.OVER_RATE: "over_rate"}
_AWAY = 3  # intervals without a reading before a meter counts as still out


@dataclass(frozen=True)
class Row:
    """A finding as it is told. severity: info, notice, warning or duty."""

    enterprise: str
    meter: str | None
    finding: str
    since: datetime
    until: datetime
    count: int
    said: tuple[Said, ...]
    severity: str

    @property
    def evidence(self) -> str:
        """In English, as the command line speaks."""
        return self.told("en")

    def told(self, language: str) -> str:
        return sentences.text(self.said, language)


@dataclass(frozen=True)
class MeterQuality:
    """One meter's month; shares from 0 to 1, None where nothing is known.

    valid_transmission: readings received and valid, of those expected. delay_s: receipt less time of live readings,
    median; it holds the clock's offset and the way. clock_offset_s: of the quickest of them, so that the way is least:
    below 0 the clock is ahead. calibrated: on every day of the month. days: completeness by day.
    """

    enterprise: str
    meter: str
    name: str
    expected: int
    received: int
    completeness: float | None
    valid_transmission: float | None
    timeliness: float | None
    validity: float | None
    conformity: float | None
    calibrated: bool | None
    calibrated_until: date | None
    delay_s: float | None
    clock_offset_s: float | None
    gaps: int
    longest_gap_h: float
    set_aside: int
    resets: int
    conflicts: int
    days: tuple[float | None, ...]


@dataclass(frozen=True)
class DayQuality:
    """An enterprise's day: parts as means over its meters. Verifiability is of months; conformity is the registry's."""

    day: date
    score: Score
    parts: dict[str, float | None]
    expected: int
    received: int
    valid_transmission: float | None
    clock_offset_s: float | None
    findings: int


@dataclass(frozen=True)
class Outage:
    """Meters without readings from `since` to `until` (None: still), with the working days they have for repair.

    state: in_repair, repaired, not_repaired, repaired_late; of the last two a filing is due (报备).
    """

    meters: tuple[str, ...]
    since: datetime
    until: datetime | None
    hours: float
    due: datetime
    state: str

    @property
    def to_file(self) -> bool:
        return self.state in ("not_repaired", "repaired_late")


@dataclass(frozen=True)
class EnterpriseQuality:
    """An enterprise's month: six parts and their score, by day as well, its meters, outages, and the findings.

    computed: when; readings that came later are not in it. clock_offset_s: of its worst meter.
    """

    enterprise: str
    name: str
    month: str
    computed: datetime
    score: Score
    parts: dict[str, float | None]
    valid_transmission: float | None
    clock_offset_s: float | None
    rejected: dict[str, int]
    agreements: list[Agreement]
    days: list[DayQuality]
    meters: list[MeterQuality]
    outages: list[Outage]
    findings: list[Row]


@dataclass(frozen=True)
class RegionQuality:
    """The enterprises of a region, the worst first, and the means of their parts. judged: how many have a score."""

    region: str
    month: str
    score: Score
    parts: dict[str, float | None]
    valid_transmission: float | None
    judged: int
    enterprises: list[EnterpriseQuality]


def enterprise_quality(conn: Connection, code: str, month: Period, zone: ZoneInfo, now: datetime) -> EnterpriseQuality:
    """One enterprise; UnknownSubject if nobody of that code is registered."""
    enterprise = registry.enterprise(conn, code)
    if enterprise is None:
        raise UnknownSubject(f"enterprise {code!r} is not registered; import it, or `enermon export DIR` shows what is")
    return assessed(gathered(conn, enterprise, month, zone, now))


def region_quality(conn: Connection, code: str, month: Period, zone: ZoneInfo, now: datetime) -> RegionQuality:
    """The enterprises of a region and of those below it; UnknownSubject for a region that is not registered."""
    codes = enterprises_of(conn, code)
    return of_region(code, month, [enterprise_quality(conn, each, month, zone, now) for each in codes])


def enterprises_of(conn: Connection, region: str) -> list[str]:
    regions = registry.regions_below(conn, region)
    if not regions:
        raise UnknownSubject(f"region {region!r} is not registered; `enermon export` lists the regions that are")
    return [row[0] for row in conn.execute(sql("data_quality.enterprises"), {"regions": regions})]


def of_region(code: str, month: Period, every: Sequence[EnterpriseQuality]) -> RegionQuality:
    """Who has no score, because nothing came, stands before the worst."""
    parts = {part: data_quality.mean(one.parts[part] for one in every) for part in data_quality.PARTS}
    transmission = data_quality.mean(one.valid_transmission for one in every)
    ranked = sorted(every, key=lambda one: (-1.0 if one.score.points is None else one.score.points, one.enterprise))
    score = data_quality.score(parts, rules()["weights"])
    judged = sum(one.score.points is not None for one in every)
    return RegionQuality(code, month.name, score, parts, transmission, judged, ranked)


# One meter ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Grid:
    """One meter's readings in slots of its approved interval, around the month and up to now.

    present: a reading came; bad: one that was set aside or lies in a marked hour. [begins, ends): its life, up to now.
    live: slots of live readings, with their delay; those before the month or after it are left out.
    """

    series: Series
    present: Bools
    bad: Bools
    begins: int
    ends: int
    live: Ints
    live_s: Floats

    @property
    def due(self) -> Bools:
        """Slots of the month for which a reading is expected by now."""
        due = np.zeros(len(self.present), dtype=bool)
        due[self.series.first : self.series.last] = True
        return due


@dataclass(frozen=True)
class _ByDay:
    """Counts of one meter for each day of the month. calibrated: None where no certificate is stated."""

    due: Ints
    present: Ints
    bad: Ints
    live: Ints
    on_time: Ints
    calibrated: list[bool] | None
    offset_s: list[float | None]


@dataclass(frozen=True)
class _Looked:
    """One meter looked at: its figures, its findings, and when it moved."""

    meter: Meter
    quality: MeterQuality
    findings: list[Finding]
    grid: _Grid
    by_day: _ByDay

    @property
    def series(self) -> Series:
        return self.grid.series


def _looked(known: Known, meter: Meter) -> _Looked:
    arrived = known.arrived[meter.id]
    grid = _grid(known, meter, arrived)
    series = grid.series
    holes = np.where(grid.present, 0.0, np.nan)
    missing = detectors.gaps(replace(series, values=holes), known.rules["lines"]["gaps"])
    findings = [*missing, *_examined(known, meter, series), *_register(known, meter, arrived)]
    findings += [*_counted(known, meter), *_clock(known, arrived, series), *_calibration(known, meter)]
    by_day = _by_day(known, meter, grid)
    return _Looked(meter, _figures(known, meter, grid, by_day, missing), findings, grid, by_day)


def _grid(known: Known, meter: Meter, arrived: Arrived) -> _Grid:
    """Readings that were set aside came, but their values are not looked at. Registers give their steps."""
    step, begin = meter.interval_minutes * MINUTE, known.since - MARGIN
    count = -(-(known.until + MARGIN - begin) // step)
    aside = [time for time, _ in known.set_aside.get(meter.id, [])]
    starts = meter.kind != "register" and meter.label == "start"
    slots = (arrived.time - begin + step // 2) // step - (0 if starts else 1)
    kept = ~np.isin(arrived.time, aside)
    present, bad = _marked(slots, count), _marked(slots[~kept], count)
    hours, flags = known.noted[meter.id]
    marked = hours[flags & int(Flag.OVER_RATE | Flag.NEGATIVE) != 0]
    bad |= present & np.isin((begin + np.arange(count) * step) // HOUR, marked // HOUR)
    values = _values(meter, slots[kept], arrived.value[kept], count)
    per_hour = 1.0 if meter.kind == "power" else step / HOUR
    whole = Series(begin, step, values, MARGIN // step, (known.until - begin) // step, meter.scale / per_hour)
    begins, ends = _life(known, meter, whole)
    first = min(max(whole.first, begins), whole.last)
    series = replace(whole, first=first, last=max(first, min(whole.last, ends)))
    live = (arrived.live_time - begin + step // 2) // step - (0 if starts else 1)
    return _Grid(series, present, bad, begins, ends, live, arrived.live_s)


def _marked(slots: Ints, count: int) -> Bools:
    marked = np.zeros(count, dtype=bool)
    marked[slots[(slots >= 0) & (slots < count)]] = True
    return marked


def _values(meter: Meter, slots: Ints, value: Floats, count: int) -> Floats:
    if meter.kind == "register" and len(value):
        rise = np.diff(value, prepend=np.nan)
        value = np.where((np.diff(slots, prepend=slots[0] - 9) == 1) & (rise >= 0), rise, np.nan)
    values, inside = np.full(count, np.nan), (slots >= 0) & (slots < count)
    values[slots[inside]] = value[inside]
    return values


def _life(known: Known, meter: Meter, series: Series) -> tuple[int, int]:
    """The slots from which on readings are expected, and until when; none of a meter that never began."""
    now = min(micros(known.now), micros(meter.valid_to) if meter.valid_to else micros(known.now))
    ends = min(len(series.values), max(0, (now - series.begin) // series.step))
    heard = known.first_times.get(meter.id)
    since = meter.valid_from or heard
    if since is None:
        return ends, ends
    if meter.valid_from is None and meter.kind != "register" and meter.label == "end":
        since -= timedelta(minutes=meter.interval_minutes)
    return max(0, -(-(micros(since) - series.begin) // series.step)), ends


def _by_day(known: Known, meter: Meter, grid: _Grid) -> _ByDay:
    series, due = grid.series, grid.due
    edges = np.clip(-(-(known.edges - series.begin) // series.step), 0, len(grid.present))
    present = grid.present & due
    within_s = max(known.rules["lines"]["on_time_minutes"], 2 * meter.interval_minutes) * 60
    day = np.searchsorted(edges, grid.live, side="right") - 1
    ours = (day >= 0) & (day < len(edges) - 1)
    return _ByDay(
        _added(due, edges),
        _added(present, edges),
        _added(grid.bad & present, edges),
        np.bincount(day[ours], minlength=len(edges) - 1),
        np.bincount(day[ours & (grid.live_s <= within_s)], minlength=len(edges) - 1),
        data_quality.calibrated(known.certificates.get(meter.id, []), known.days),
        [_offset(grid.live_s[day == at]) for at in range(len(edges) - 1)],
    )


def _added(mask: Bools, edges: Ints) -> Ints:
    counted = np.concatenate([[0], np.cumsum(mask)])
    added: Ints = counted[edges[1:]] - counted[edges[:-1]]
    return added


def _offset(live_s: Floats) -> float | None:
    """By what came within a day: history that is sent later (EC-19) says nothing of a clock."""
    near = live_s[np.abs(live_s) * SECOND <= DAY]
    return float(near.min()) if len(near) else None


def _share(part: float, whole: float) -> float | None:
    return float(part / whole) if whole else None


def _valid(part: float | None, validity: float | None) -> float | None:
    return None if part is None else part * (1.0 if validity is None else validity)


def _figures(known: Known, meter: Meter, grid: _Grid, by_day: _ByDay, missing: Sequence[Finding]) -> MeterQuality:
    expected, received, bad = (int(each.sum()) for each in (by_day.due, by_day.present, by_day.bad))
    completeness = _share(received, expected)
    validity = None if not received else 1 - bad / received
    certificates = known.certificates.get(meter.id, [])
    _, flags = known.noted[meter.id]
    return MeterQuality(
        known.enterprise.code,
        meter.code,
        meter.name,
        expected,
        received,
        completeness,
        _valid(completeness, validity),
        _share(by_day.on_time.sum(), by_day.live.sum()),
        validity,
        _conformity(meter, known.carriers[meter.carrier].category),
        None if by_day.calibrated is None else all(by_day.calibrated),
        max((one.until for one in certificates), default=None),
        float(np.median(grid.live_s)) if len(grid.live_s) else None,
        _offset(grid.live_s),
        len(missing),
        max((gap.count for gap in missing), default=0) * grid.series.step / HOUR,
        sum(known.since < time <= known.until for time, _ in known.set_aside.get(meter.id, [])),
        int(np.count_nonzero(flags & int(Flag.RESET))),
        len(known.rivals.get(meter.id, [])),
        tuple(_share(came, due) for came, due in zip(by_day.present.tolist(), by_day.due.tolist(), strict=True)),
    )


def _conformity(meter: Meter, category: str) -> float | None:
    """Identity, rating, modulus, class, calibration: what a register of instruments (GB 17167) holds."""
    asked: list[object] = [
        meter.serial_no,
        meter.accuracy_class,
        meter.rated_power_kw or meter.max_rate_per_hour,
        meter.calibrated_on,
        meter.calibrated_until,
    ]
    asked += [meter.register_max] if meter.kind == "register" else []
    asked += [meter.gas_condition] if category == "gas" and meter.unit.endswith(("m3", "m³")) else []
    asked += [meter.supply_account] if meter.level == 1 and meter.role == "consumption" else []
    return data_quality.declared(asked)


def _examined(known: Known, meter: Meter, series: Series) -> list[Finding]:
    hour, amount = known.hours[meter.id]
    if series.first >= series.last or not len(hour):
        return []
    point = Point(meter.kind == "register", known.carriers[meter.carrier].category != "power")
    found = detectors.examine(series, _days(known, hour, amount), point, known.rules)
    natural = {"negative", "reverse_wiring"} if meter.direction == "net" else set()
    if meter.role in ("generation_renewable", "export"):
        natural |= {"often_zero"}  # the sun sets every night, and what is not left over is not exported
    return [one for one in found if one.name not in natural]


def _days(known: Known, hour: Ints, amount: Floats) -> Days:
    """Days by the offset of the month's beginning: a day of 23 or 25 hours far away may be an hour off."""
    before = max(0, -(-(known.since - int(hour[0])) // DAY))
    after = max(0, -(-(int(hour[-1]) + HOUR - known.until) // DAY))
    begin, end = known.since - before * DAY, known.until + after * DAY
    hours = np.full(-(-(end - begin) // HOUR), np.nan)
    hours[(hour - begin) // HOUR] = amount
    first = known.month.first - timedelta(days=before)
    return detectors.days_of(hours, begin, first, (known.month.first, known.month.until))


def _register(known: Known, meter: Meter, arrived: Arrived) -> list[Finding]:
    if meter.kind != "register":
        return []
    inside = (arrived.time >= known.since) & (arrived.time <= known.until)
    return detectors.falls(arrived.time[inside], arrived.value[inside], known.since, known.rules["falls"])


def _counted(known: Known, meter: Meter) -> list[Finding]:
    """What the platform has noted beside the readings: set aside, reset, conflict, over the rating, edits."""
    found = []
    if aside := [time for time, _ in known.set_aside.get(meter.id, []) if known.since < time <= known.until]:
        found.append(Finding("set_aside", aside[0], aside[-1], len(aside), (said("set_aside", count=len(aside)),)))
    hours, flags = known.noted[meter.id]
    for flag, name in _TOLD_FLAGS.items():
        if len(noted := hours[flags & int(flag) != 0]):
            found.append(Finding(name, int(noted[0]), int(noted[-1]) + HOUR, len(noted), (said(name),)))
    if rivals := known.rivals.get(meter.id):
        told = said("conflict", count=len(rivals))
        found.append(Finding("conflict", rivals[0][0], rivals[-1][0], len(rivals), (told,)))
    came = np.array([received for _, received in rivals or []], dtype=np.int64)
    came = np.concatenate([came, known.arrived[meter.id].filled])
    return [*found, *detectors.edits(came, known.since, known.until, known.rules["edits"])]


def _clock(known: Known, arrived: Arrived, series: Series) -> list[Finding]:
    """By what came within a day: history that is sent later (EC-19) says nothing of a clock."""
    live = arrived.live_s[np.abs(arrived.live_s) * SECOND <= DAY]
    told = detectors.clock(live, known.rules["lines"]["clock_s"])
    span = (series.at(series.first), series.at(series.last))
    return [Finding("clock_offset", *span, len(live), (told,))] if told else []


def _calibration(known: Known, meter: Meter) -> list[Finding]:
    """From the first day of the month that no certificate covers, to the last."""
    certificates = known.certificates.get(meter.id, [])
    covered = data_quality.calibrated(certificates, known.days)
    if covered is None or all(covered):
        return []
    bare = [day for day, is_covered in zip(known.days, covered, strict=True) if not is_covered]
    last = max((one.until for one in certificates if one.until < bare[0]), default=bare[0])
    since, until = (micros(midnight(day, known.zone)) for day in (bare[0], bare[-1] + timedelta(days=1)))
    told = said("calibration_expired", until=last.isoformat())
    return [Finding("calibration_expired", since, until, len(bare), (told,))]


# The enterprise -----------------------------------------------------------------------------------


def assessed(known: Known) -> EnterpriseQuality:
    looked = [_looked(known, meter) for meter in known.meters]
    meters = [one.quality for one in looked]
    parts = _parts(known, looked)
    outages = _outages(known, looked)
    rows = [row for one in looked for row in _rows(known, one, looked, outages)]
    rows += [row for one in looked if (row := _backwards(known, one, looked))]
    rows += _enterprise_rows(known, parts["completeness"], known.rules["lines"])
    rows = sorted(rows, key=lambda row: (row.meter or "", row.since, row.finding))
    return EnterpriseQuality(
        known.enterprise.code,
        known.enterprise.name,
        known.month.name,
        known.now,
        data_quality.score(parts, known.rules["weights"]),
        parts,
        data_quality.mean(one.valid_transmission for one in meters),
        _worst([one.clock_offset_s for one in meters]),
        known.rejected,
        known.agreements,
        _day_by_day(known, looked, rows, parts["conformity"]),
        meters,
        _joined(known, outages),
        rows,
    )


def _parts(known: Known, looked: Sequence[_Looked]) -> dict[str, float | None]:
    meters = [one.quality for one in looked]
    return {
        "completeness": data_quality.mean(one.completeness for one in meters),
        "accuracy": data_quality.mean(None if one.calibrated is None else float(one.calibrated) for one in meters),
        "timeliness": data_quality.mean(one.timeliness for one in meters),
        "verifiability": data_quality.mean(
            None if one.agrees is None else float(one.agrees) for one in known.agreements
        ),
        "validity": data_quality.mean(one.validity for one in meters),
        "conformity": data_quality.mean([*(one.conformity for one in meters), _identified(known.enterprise)]),
    }


def _worst(offsets: Sequence[float | None]) -> float | None:
    return max((one for one in offsets if one is not None), key=abs, default=None)


def _identified(enterprise: Enterprise) -> float | None:
    return data_quality.declared(
        [enterprise.credit_code, enterprise.industry, enterprise.key_class, enterprise.supervised_by]
    )


def _day_by_day(
    known: Known, looked: Sequence[_Looked], rows: Sequence[Row], conformity: float | None
) -> list[DayQuality]:
    return [_day(known, at, day, looked, rows, conformity) for at, day in enumerate(known.days)]


def _day(
    known: Known, at: int, day: date, looked: Sequence[_Looked], rows: Sequence[Row], conformity: float | None
) -> DayQuality:
    """Nothing is told of a day for which nothing is due, before a meter's life or yet to come."""
    every = [one.by_day for one in looked if one.by_day.due[at]]
    validity = [_share(one.present[at] - one.bad[at], one.present[at]) for one in every]
    complete = [_share(one.present[at], one.due[at]) for one in every]
    parts: dict[str, float | None] = {
        "completeness": data_quality.mean(complete),
        "accuracy": data_quality.mean(None if one.calibrated is None else float(one.calibrated[at]) for one in every),
        "timeliness": data_quality.mean(_share(one.on_time[at], one.live[at]) for one in every),
        "verifiability": None,
        "validity": data_quality.mean(validity),
        "conformity": conformity if every else None,
    }
    begin, end = (midnight(each, known.zone) for each in (day, day + timedelta(days=1)))
    return DayQuality(
        day,
        data_quality.score(parts, known.rules["weights"]),
        parts,
        sum(int(one.due[at]) for one in every),
        sum(int(one.present[at]) for one in every),
        data_quality.mean(_valid(*pair) for pair in zip(complete, validity, strict=True)),
        _worst([one.offset_s[at] for one in every]),
        sum(row.since < end and row.until > begin and row.severity != "info" for row in rows),
    )


# Outages and their term ---------------------------------------------------------------------------


def _outages(known: Known, looked: Sequence[_Looked]) -> dict[str, list[Outage]]:
    """By meter; an outage that began before the month or outlasts it is told with its whole length."""
    return {one.meter.code: _outages_of(known, one.meter, one.grid) for one in looked}


def _outages_of(known: Known, meter: Meter, grid: _Grid) -> list[Outage]:
    series = grid.series
    alive = np.zeros(len(grid.present), dtype=bool)
    alive[grid.begins : grid.ends] = True
    starts, stops = detectors.runs(alive & ~grid.present)
    least = series.slots(known.rules["lines"]["outage_hours"])
    return [
        _outage(known, meter, series, start, stop, lasts=meter.valid_to is None and stop >= grid.ends)
        for start, stop in zip(starts.tolist(), stops.tolist(), strict=True)
        if stop - start >= max(least, _AWAY) and series.touches(start, stop)
    ]


def _outage(known: Known, meter: Meter, series: Series, start: int, stop: int, *, lasts: bool) -> Outage:
    days = known.rules["lines"]["outage_workdays"]
    since, until = (instant(series.at(slot)).astimezone(known.zone) for slot in (start, stop))
    due = data_quality.repair_due(since, days, known.calendar, known.zone).astimezone(known.zone)
    lasts = lasts and until + timedelta(minutes=_AWAY * meter.interval_minutes) >= known.now
    state = data_quality.duty(None if lasts else until, due, known.now)
    return Outage((meter.code,), since, None if lasts else until, series.hours(stop - start), due, state)


def _joined(known: Known, outages: Mapping[str, Sequence[Outage]]) -> list[Outage]:
    """Meters that were out together as one outage, those to file first, then those that last, then by time."""
    together: dict[tuple[datetime, datetime | None], list[Outage]] = defaultdict(list)
    for several in outages.values():
        for one in several:
            together[one.since, one.until].append(one)
    joined = [replace(same[0], meters=tuple(one.meters[0] for one in same)) for same in together.values()]
    return sorted(joined, key=lambda one: (not one.to_file, one.until is not None, one.since))


# What is told -------------------------------------------------------------------------------------


def _rows(known: Known, one: _Looked, looked: Sequence[_Looked], outages: Mapping[str, Sequence[Outage]]) -> list[Row]:
    ours = outages[one.meter.code]
    return [_row(known, one.meter.code, _with_context(finding, one, looked, known, ours)) for finding in one.findings]


def _row(known: Known, meter: str | None, finding: Finding) -> Row:
    since, until = (instant(time).astimezone(known.zone) for time in (finding.since, finding.until))
    severity = known.rules["severity"][finding.name]
    return Row(known.enterprise.code, meter, finding.name, since, until, finding.count, finding.said, severity)


def _with_context(
    finding: Finding, one: _Looked, looked: Sequence[_Looked], known: Known, outages: Sequence[Outage]
) -> Finding:
    """Gaps get their term for repair, standstills what the other meters did meanwhile."""
    if finding.name == "gap":
        return _with_term(known, finding, outages)
    if finding.name in _STANDSTILLS and len(looked) > 1:
        others = [_moved(other.series, finding) for other in looked if other is not one]
        return replace(finding, said=(*finding.said, said("others_moved", moved=sum(others), others=len(others))))
    return finding


def _moved(series: Series, finding: Finding) -> bool:
    first, last = ((time - series.begin) // series.step for time in (finding.since, finding.until))
    values = series.values[max(0, first) : max(0, last)]
    return bool((np.isfinite(values) & (values != 0)).any())


def _with_term(known: Known, gap: Finding, outages: Sequence[Outage]) -> Finding:
    """An outage of more than three working days must be filed; one that lasts says until when it may be repaired."""
    for one in outages:
        if micros(one.since) <= gap.since and (one.until is None or gap.until <= micros(one.until)):
            days = known.rules["lines"]["outage_workdays"]
            if one.state != "repaired":
                told = said(one.state, days=days, due=f"{one.due.astimezone(known.zone):%Y-%m-%d %H:%M}")
                return replace(gap, name="outage" if one.to_file else "gap", said=(*gap.said, told))
    return gap


def _backwards(known: Known, one: _Looked, looked: Sequence[_Looked]) -> Row | None:
    """A register that never moves while the one of the other direction at the same place does (EC-12)."""
    series = one.series
    if one.meter.kind != "register" or one.meter.role != "consumption" or _moves(series) is not False:
        return None
    place = (one.meter.carrier, one.meter.site, one.meter.supply_account)
    if one.meter.level > 1 and not any(place[1:]):
        return None  # where it stands is not stated, and only one meter of each direction stands at the boundary
    for other in looked:
        same = (other.meter.carrier, other.meter.site, other.meter.supply_account) == place
        if same and other.meter.kind == "register" and other.meter.role == "export" and _moves(other.series):
            told = (said("register_backwards", other=other.meter.code),)
            span = (series.at(series.first), series.at(series.last), one.quality.received)
            return _row(known, one.meter.code, Finding("reverse_wiring", *span, told))
    return None


def _moves(series: Series) -> bool | None:
    """Whether anything but 0 was measured in the month; None where nothing is known."""
    values = series.values[series.first : series.last]
    known = values[np.isfinite(values)]
    return bool((known != 0).any()) if len(known) else None


def _enterprise_rows(known: Known, completeness: float | None, lines: Mapping[str, Any]) -> list[Row]:
    found: list[Finding] = []
    span = (known.since, known.until)
    if completeness is not None and completeness < lines["complete"]:
        told = said("incomplete", share=completeness, line=lines["complete"])
        found.append(Finding("incomplete", *span, 1, (told,)))
    for one in known.agreements:
        if one.agrees is False and one.metered is not None and one.difference is not None:
            told = said(
                f"disagrees_{one.against}",
                carrier_zh=known.carriers[one.carrier].name_zh,
                carrier_en=known.carriers[one.carrier].name_en,
                metered=one.metered,
                unit=one.unit,
                stated=one.stated,
                difference=one.difference,
                line=lines["agreement"],
            )
            found.append(Finding("disagrees", *span, 1, (told,)))
    found += _production(known)
    found += [Finding(one.name, *span, 1, (_doubted(known, one),)) for one in known.doubts]
    return [*(_row(known, None, one) for one in found), *_unbalanced(known), *_unconverted(known)]


def _doubted(known: Known, doubt: Doubt) -> Said:
    """What is odd about a monthly return."""
    carrier = known.carriers[doubt.carrier]
    whose = {"carrier_zh": carrier.name_zh, "carrier_en": carrier.name_en, "unit": carrier.unit}
    return said(doubt.name, period=doubt.period.name, **whose, **doubt.values)


def _unconverted(known: Known) -> list[Row]:
    """What must be declared before amounts can be converted as they should (EC-41, EC-42)."""
    found = []
    for one in known.remarks:
        since, until = (micros(midnight(day, known.zone)) for day in (one.first, one.until))
        found.append(_row(known, one.meter, Finding(one.finding, since, until, 1, (one.said,))))
    return found


def _unbalanced(known: Known) -> list[Row]:
    """Main meters below which more is used than they deliver, beyond what the meters' classes allow (EC-43)."""
    negative = [one.balance for one in known.balances if one.balance.outcome == NEGATIVE]
    span = (known.since, known.until)
    return [
        _row(known, one.main.party.meter, Finding("balance_negative", *span, one.hours, one.said)) for one in negative
    ]


def _production(known: Known) -> list[Finding]:
    """Of an enterprise with one product: which energy belongs to which of several, the total cannot say."""
    if len(known.outputs) != 1:
        return []
    (output,) = known.outputs.values()
    names = sorted({*output, known.month.name})
    told = [np.array([one.get(name) or np.nan for name in names], dtype=float) for one in (output, known.tce)]
    return detectors.ignores_production(told[0], told[1], known.since, known.until, known.rules["production"])

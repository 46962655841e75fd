"""The data quality of an enterprise in a month: what arrived, what it can be checked against, what is odd about it.

Read-only. Figures are taken as they stand; whoever asks drains what is stale before.
"""

import tomllib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from chinese_calendar.constants import holidays, workdays
from psycopg import Connection

from energy import data_quality, detectors, units
from energy.data_quality import Agreement, Score
from energy.detectors import DAY, Days, Finding, Point, Series
from energy.periods import Period, midnight
from energy.quality import Flag
from energy.registers import HOUR, MINUTE, SECOND, Bools, Floats, Ints
from energy.workdays import Calendar
from storage import consumption, registry, report_runs
from storage.arrays import columns, instant, micros
from storage.readings import MQTT
from storage.registry import Enterprise, Meter
from storage.sql import sql
from storage.usage import UnknownSubject

RULES = Path(__file__).parents[1] / "config" / "quality_rules.toml"
MARGIN = 28 * DAY  # values on both sides of the month, for comparison
HABITS = 16  # months on both sides, for habits and other years
_FLAGS = {Flag.RESET: "reset", Flag.OVER_RATE: "over_rate", Flag.NEGATIVE: ""}
_TOLD = {
    "reset": "The register fell to an unknown start: the amount is bounded, not known; evidence is needed.",
    "over_rate": "More than the largest rate that is registered: the rating or the multiplier may be wrong.",
}
_USED = ("used_production", "used_nonproduction", "used_feedstock", "used_transport", "conversion_input")


@dataclass(frozen=True)
class Row:
    """A finding as it is told. severity: info, notice, warning or duty."""

    enterprise: str
    meter: str | None
    finding: str
    since: datetime
    until: datetime
    count: int
    evidence: str
    severity: str


@dataclass(frozen=True)
class MeterQuality:
    """One meter's month; shares from 0 to 1, None where nothing is known.

    valid_transmission: readings received and valid, of those expected. delay_s: receipt less time of live readings,
    median; it holds the clock's offset and the way.
    """

    enterprise: str
    meter: str
    expected: int
    received: int
    completeness: float | None
    valid_transmission: float | None
    timeliness: float | None
    validity: float | None
    conformity: float | None
    calibrated: bool | None
    delay_s: float | None
    gaps: int
    longest_gap_h: float
    set_aside: int
    resets: int
    conflicts: int


@dataclass(frozen=True)
class EnterpriseQuality:
    """An enterprise's month: six parts and their score, its meters, what was rejected, and the findings."""

    enterprise: str
    month: str
    score: Score
    parts: dict[str, float | None]
    valid_transmission: float | None
    rejected: dict[str, int]
    agreements: list[Agreement]
    meters: list[MeterQuality]
    findings: list[Row]


@cache
def rules() -> Mapping[str, Any]:
    """Weights of the score and lines of the detectors, as shipped."""
    return tomllib.loads(RULES.read_text("utf-8"))


def enterprise_quality(conn: Connection, code: str, month: Period, zone: ZoneInfo, now: datetime) -> EnterpriseQuality:
    """One enterprise; UnknownSubject if nobody of that code is registered."""
    enterprise = registry.enterprise(conn, code)
    if enterprise is None:
        raise UnknownSubject(f"enterprise {code!r} is not registered; import it, or `enermon export DIR` shows what is")
    return _assessed(_gathered(conn, enterprise, month, zone, now))


def region_quality(
    conn: Connection, code: str, month: Period, zone: ZoneInfo, now: datetime
) -> list[EnterpriseQuality]:
    """The enterprises of a region and of those below it."""
    regions = registry.regions_below(conn, code)
    if not regions:
        raise UnknownSubject(f"region {code!r} is not registered; `enermon export` lists the regions that are")
    codes = [row[0] for row in conn.execute(sql("data_quality.enterprises"), {"regions": regions})]
    return [enterprise_quality(conn, each, month, zone, now) for each in codes]


# What is known ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Arrived:
    """One meter's readings of the month and around it, by time.

    live_s: receipt less end of interval, of the month and by MQTT. filled: when values came that were filled in more
    than a day late, once for each stretch of them: an outage that is made up for is one.
    """

    time: Ints
    value: Floats
    live_s: Floats
    filled: Ints


@dataclass(frozen=True)
class _Known:
    """All that is read from the database for one enterprise and month."""

    enterprise: Enterprise
    month: Period
    zone: ZoneInfo
    now: datetime
    meters: list[Meter]
    categories: dict[str, str]
    calendar: Calendar
    arrived: dict[int, _Arrived]
    hours: dict[int, tuple[Ints, Floats]]
    first_times: dict[int, datetime]
    set_aside: dict[int, list[tuple[int, int]]]
    flagged: dict[int, dict[int, tuple[int, int, datetime, datetime]]]
    rivals: dict[int, list[tuple[int, int]]]
    rejected: dict[str, int]
    agreements: list[Agreement]
    outputs: dict[str, dict[str, float]]
    tce: dict[str, float]
    rules: Mapping[str, Any] = field(default_factory=rules)

    @property
    def since(self) -> int:
        return micros(self.month.since(self.zone))

    @property
    def until(self) -> int:
        return micros(self.month.end(self.zone))


def _gathered(conn: Connection, enterprise: Enterprise, month: Period, zone: ZoneInfo, now: datetime) -> _Known:
    begin, end = month.since(zone), month.end(zone)
    meters = [
        meter
        for meter in registry.meters_of(conn, enterprise.id)
        if (meter.valid_from is None or meter.valid_from < end) and (meter.valid_to is None or meter.valid_to > begin)
    ]
    ids = [meter.id for meter in meters]
    asked: dict[str, Any] = {"meters": ids, "since": begin, "until": end, "enterprise": enterprise.id}
    asked |= {
        "code": enterprise.code,
        "first": month.first,
        "last": month.until,
        "flags": [int(flag) for flag in _FLAGS],
    }
    wide = asked | {"since": begin - timedelta(days=29), "until": end + timedelta(days=29)}
    carriers = registry.carriers(conn)
    return _Known(
        enterprise,
        month,
        zone,
        now,
        meters,
        {code: carrier.category for code, carrier in carriers.items()},
        _calendar(conn, month),
        _arrived(conn, meters, wide),
        _hours(conn, ids, month, zone),
        dict(conn.execute(sql("data_quality.first_times"), asked).fetchall()),
        _pairs(conn, sql("data_quality.set_aside"), wide),
        _flagged(conn, asked),
        _pairs(conn, sql("data_quality.rivals"), asked),
        dict(conn.execute(sql("data_quality.rejected"), asked).fetchall()),
        _agreements(conn, asked, month),
        _outputs(conn, enterprise.id, month),
        _tce(conn, enterprise.id, month),
    )


def _calendar(conn: Connection, month: Period) -> Calendar:
    """The notices as the package chinesecalendar knows them; what the deployment has said about a day comes first."""
    noticed = dict.fromkeys(holidays, "holiday") | dict.fromkeys(workdays, "workday")
    return noticed | report_runs.calendar_exceptions(conn, month.first, month.until + timedelta(days=60))


def _arrived(conn: Connection, meters: Sequence[Meter], asked: dict[str, Any]) -> dict[int, _Arrived]:
    ids = np.array(asked["meters"], dtype=np.int64)
    if not len(ids):
        return {}
    effective = consumption.readings_of(conn, ids, micros(asked["since"]), micros(asked["until"]))
    meter, time, received, source = columns(conn, sql("data_quality.received"), asked)
    order = np.lexsort((time, meter))
    meter, time, received, source = meter[order], time[order], received[order], source[order]
    found = {}
    for one in meters:
        mine = slice(*np.searchsorted(effective.meter, [one.id, one.id + 1]))
        came = slice(*np.searchsorted(meter, [one.id, one.id + 1]))
        late = one.interval_minutes * MINUTE if one.label == "start" and one.kind != "register" else 0
        live = source[came] == MQTT
        in_month = (time[came] > micros(asked["since"]) + 29 * DAY) & (time[came] <= micros(asked["until"]) - 29 * DAY)
        delay = received[came] - time[came] - late
        stretches, _ = detectors.runs((delay > DAY) & in_month)
        found[one.id] = _Arrived(
            effective.time[mine], effective.value[mine], delay[live & in_month] / SECOND, received[came][stretches]
        )
    return found


def _hours(conn: Connection, ids: Sequence[int], month: Period, zone: ZoneInfo) -> dict[int, tuple[Ints, Floats]]:
    span = timedelta(days=31 * HABITS)
    asked = {"meters": list(ids), "since": month.since(zone) - span, "until": month.end(zone) + span}
    meter, hour, amount = columns(conn, sql("data_quality.hours"), asked)
    order = np.lexsort((hour, meter))
    meter, hour, amount = meter[order], hour[order], amount[order]
    parts = {one: slice(*np.searchsorted(meter, [one, one + 1])) for one in ids}
    return {one: (hour[part].astype(np.int64), amount[part].astype(np.float64)) for one, part in parts.items()}


def _pairs(conn: Connection, query: Any, asked: dict[str, Any]) -> dict[int, list[tuple[int, int]]]:
    """By meter: time, and the flag or the time of receipt."""
    found: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for meter, time, other in conn.execute(query, asked):
        found[meter].append((micros(time), micros(other) if isinstance(other, datetime) else other))
    return found


def _flagged(conn: Connection, asked: dict[str, Any]) -> dict[int, dict[int, tuple[int, int, datetime, datetime]]]:
    found: dict[int, dict[int, tuple[int, int, datetime, datetime]]] = defaultdict(dict)
    for meter, flag, hours, received, first, last in conn.execute(sql("data_quality.flagged"), asked):
        found[meter][flag] = (hours, received, first, last + timedelta(hours=1))
    return found


def _agreements(conn: Connection, asked: dict[str, Any], month: Period) -> list[Agreement]:
    """Metered against the monthly return and the bill. Use is the sum of the uses that were returned."""
    metered = {carrier: (used, bought) for carrier, used, bought in conn.execute(sql("data_quality.metered"), asked)}
    stated: dict[tuple[str, str], tuple[float, str]] = {}
    for carrier, item, quantity, unit, own in conn.execute(sql("data_quality.returns"), asked | {"period": month.name}):
        against = "used" if item in _USED else item
        if against in ("used", "billed", "purchased"):
            amount = float(quantity * units.convert(unit, own, carrier=carrier))
            stated[carrier, against] = (stated.get((carrier, against), (0.0, own))[0] + amount, own)
    line = rules()["lines"]["agreement"]
    return [
        data_quality.agreement(
            carrier, against, metered.get(carrier, (None, None))[against != "used"], amount, own, line
        )
        for (carrier, against), (amount, own) in sorted(stated.items())
    ]


def _outputs(conn: Connection, enterprise: int, month: Period) -> dict[str, dict[str, float]]:
    asked = {"enterprise": enterprise, "first": f"{_earlier(month):%Y-%m}", "last": month.name}
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for product, name, quantity in conn.execute(sql("data_quality.outputs"), asked):
        found[product][name] = quantity
    return found


def _tce(conn: Connection, enterprise: int, month: Period) -> dict[str, float]:
    asked = {"enterprise": enterprise, "since": _earlier(month), "until": month.first}
    return dict(conn.execute(sql("data_quality.months"), asked).fetchall())


def _earlier(month: Period) -> date:
    return month.first.replace(year=month.first.year - 1)


# What it comes to ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Looked:
    """One meter looked at: its figures, its findings, and when it moved."""

    meter: Meter
    quality: MeterQuality
    findings: list[Finding]
    series: Series


def _assessed(known: _Known) -> EnterpriseQuality:
    looked = [_looked(known, meter) for meter in known.meters]
    meters = [one.quality for one in looked]
    lines = known.rules["lines"]
    parts = {
        "completeness": data_quality.mean(one.completeness for one in meters),
        "accuracy": data_quality.mean(None if one.calibrated is None else float(one.calibrated) for one in meters),
        "timeliness": data_quality.mean(one.timeliness for one in meters),
        "verifiability": data_quality.mean(
            None if one.agrees is None else float(one.agrees) for one in known.agreements
        ),
        "validity": data_quality.mean(one.validity for one in meters),
        "conformity": data_quality.mean([*(one.conformity for one in meters), _identified(known.enterprise)]),
    }
    rows = [row for one in looked for row in _rows(known, one, looked)]
    rows += [row for one in looked if (row := _backwards(known, one, looked))]
    rows += _enterprise_rows(known, parts["completeness"], lines)
    return EnterpriseQuality(
        known.enterprise.code,
        known.month.name,
        data_quality.score(parts, known.rules["weights"]),
        parts,
        data_quality.mean(one.valid_transmission for one in meters),
        known.rejected,
        known.agreements,
        meters,
        sorted(rows, key=lambda row: (row.meter or "", row.since, row.finding)),
    )


def _identified(enterprise: Enterprise) -> float | None:
    return data_quality.declared(
        [enterprise.credit_code, enterprise.industry, enterprise.key_class, enterprise.supervised_by]
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


def _looked(known: _Known, meter: Meter) -> _Looked:
    arrived, aside = known.arrived[meter.id], known.set_aside.get(meter.id, [])
    series, present = _series(known, meter, arrived, {time for time, _ in aside})
    first, last = _in_use(known, meter, series)
    series = replace(series, first=first, last=max(first, last))
    expected, received = series.last - series.first, int(present[series.first : series.last].sum())
    missing = detectors.gaps(replace(series, values=np.where(present, 0.0, np.nan)), known.rules["lines"]["gaps"])
    findings = [*missing, *_examined(known, meter, series), *_register(known, meter, arrived)]
    findings += [*_counted(known, meter), *_clock(known, arrived, series), *_calibration(known, meter)]
    return _Looked(meter, _figures(known, meter, series, expected, received, missing), findings, series)


def _series(known: _Known, meter: Meter, arrived: _Arrived, aside: set[int]) -> tuple[Series, Bools]:
    """Values in slots of the approved interval, and in which slots a reading came. Registers give their steps."""
    step, begin = meter.interval_minutes * MINUTE, known.since - MARGIN
    count = -(-(known.until + MARGIN - begin) // step)
    kept = ~np.isin(arrived.time, list(aside)) if aside else np.ones(len(arrived.time), dtype=bool)
    time, value = arrived.time[kept], arrived.value[kept]
    starts = meter.kind != "register" and meter.label == "start"
    slot = (time - begin + step // 2) // step - (0 if starts else 1)
    if meter.kind == "register" and len(value):
        rise = np.diff(value, prepend=np.nan)
        value = np.where((np.diff(slot, prepend=slot[0] - 9) == 1) & (rise >= 0), rise, np.nan)
    inside = (slot >= 0) & (slot < count)
    values, present = np.full(count, np.nan), np.zeros(count, dtype=bool)
    values[slot[inside]] = value[inside]
    present[slot[inside]] = True
    hours = 1.0 if meter.kind == "power" else step / HOUR
    return Series(begin, step, values, MARGIN // step, (known.until - begin) // step, meter.scale / hours), present


def _in_use(known: _Known, meter: Meter, series: Series) -> tuple[int, int]:
    """The slots of the month for which a reading is expected by now; none of a meter that never began."""
    heard = known.first_times.get(meter.id)
    since = meter.valid_from or heard
    if since is None:
        return series.first, series.first
    if meter.valid_from is None and meter.kind != "register" and meter.label == "end":
        since -= timedelta(minutes=meter.interval_minutes)
    until = min(known.until, micros(known.now), micros(meter.valid_to) if meter.valid_to else known.until)
    first = max(series.first, -(-(micros(since) - series.begin) // series.step))
    return first, min(series.last, (until - series.begin) // series.step)


def _examined(known: _Known, meter: Meter, series: Series) -> list[Finding]:
    hour, amount = known.hours[meter.id]
    if series.first >= series.last or not len(hour):
        return []
    point = Point(meter.kind == "register", known.categories[meter.carrier] != "power")
    return detectors.examine(series, _days(known, hour, amount), point, known.rules)


def _days(known: _Known, hour: Ints, amount: Floats) -> Days:
    """Days by the offset of the month's beginning: a day of 23 or 25 hours far away may be an hour off."""
    before = max(0, -(-(known.since - int(hour[0])) // DAY))
    after = max(0, -(-(int(hour[-1]) + HOUR - known.until) // DAY))
    begin, end = known.since - before * DAY, known.until + after * DAY
    hours = np.full(-(-(end - begin) // HOUR), np.nan)
    hours[(hour - begin) // HOUR] = amount
    first = known.month.first - timedelta(days=before)
    return detectors.days_of(hours, begin, first, (known.month.first, known.month.until))


def _register(known: _Known, meter: Meter, arrived: _Arrived) -> list[Finding]:
    if meter.kind != "register":
        return []
    inside = (arrived.time >= known.since) & (arrived.time <= known.until)
    return detectors.falls(arrived.time[inside], arrived.value[inside], known.since, known.rules["falls"])


def _counted(known: _Known, meter: Meter) -> list[Finding]:
    """What the platform has noted beside the readings: set aside, reset, conflict, over the rating, edits."""
    found = []
    if aside := [time for time, _ in known.set_aside.get(meter.id, []) if known.since < time <= known.until]:
        told = f"{len(aside)} readings were set aside as dips or spikes; the amounts around them stand."
        found.append(Finding("set_aside", aside[0], aside[-1], len(aside), told))
    for flag, name in _FLAGS.items():
        if name and (noted := known.flagged.get(meter.id, {}).get(int(flag))):
            found.append(Finding(name, micros(noted[2]), micros(noted[3]), noted[0], _TOLD[name]))
    if rivals := known.rivals.get(meter.id):
        told = f"{len(rivals)} times have more than one value; one counts by source, seq and value, all are kept."
        found.append(Finding("conflict", rivals[0][0], rivals[-1][0], len(rivals), told))
    came = np.array([received for _, received in rivals or []], dtype=np.int64)
    came = np.concatenate([came, known.arrived[meter.id].filled])
    return [*found, *detectors.edits(came, known.since, known.until, known.rules["edits"])]


def _clock(known: _Known, arrived: _Arrived, series: Series) -> list[Finding]:
    """By what came within a day: history that is sent later (EC-19) says nothing of a clock."""
    live = arrived.live_s[np.abs(arrived.live_s) * SECOND <= DAY]
    told = detectors.clock(live, known.rules["lines"]["clock_s"])
    span = (series.at(series.first), series.at(series.last))
    return [Finding("clock_offset", *span, len(live), told)] if told else []


def _calibration(known: _Known, meter: Meter) -> list[Finding]:
    until = meter.calibrated_until
    if until is None or data_quality.calibration(until, known.month.until):
        return []
    since = max(known.since, micros(midnight(until + timedelta(days=1), known.zone)))
    told = f"Calibrated until {until}: readings after that day are kept, and lower the accuracy part."
    return [Finding("calibration_expired", since, known.until, 1, told)]


def _figures(
    known: _Known, meter: Meter, series: Series, expected: int, received: int, missing: Sequence[Finding]
) -> MeterQuality:
    aside = sum(known.since < time <= known.until for time, _ in known.set_aside.get(meter.id, []))
    noted = known.flagged.get(meter.id, {})
    bad = aside + sum(noted[flag][1] for flag in (int(Flag.OVER_RATE), int(Flag.NEGATIVE)) if flag in noted)
    completeness = received / expected if expected else None
    validity = max(0.0, 1 - bad / received) if received else None
    live = known.arrived[meter.id].live_s
    within_s = max(known.rules["lines"]["on_time_minutes"], 2 * meter.interval_minutes) * 60
    return MeterQuality(
        known.enterprise.code,
        meter.code,
        expected,
        received,
        completeness,
        None if completeness is None else completeness * (1.0 if validity is None else validity),
        float((live <= within_s).mean()) if len(live) else None,
        validity,
        _conformity(meter, known.categories[meter.carrier]),
        data_quality.calibration(meter.calibrated_until, known.month.until),
        float(np.median(live)) if len(live) else None,
        len(missing),
        max((gap.count for gap in missing), default=0) * series.step / HOUR,
        aside,
        noted.get(int(Flag.RESET), (0,))[0],
        len(known.rivals.get(meter.id, [])),
    )


# What is told -------------------------------------------------------------------------------------


def _rows(known: _Known, one: _Looked, looked: Sequence[_Looked]) -> list[Row]:
    return [_row(known, one.quality.meter, _with_context(known, finding, one, looked)) for finding in one.findings]


def _row(known: _Known, meter: str | None, finding: Finding) -> Row:
    since, until = (instant(time).astimezone(known.zone) for time in (finding.since, finding.until))
    severity = known.rules["severity"][finding.name]
    return Row(known.enterprise.code, meter, finding.name, since, until, finding.count, finding.evidence, severity)


def _with_context(known: _Known, finding: Finding, one: _Looked, looked: Sequence[_Looked]) -> Finding:
    """Gaps get their term for repair, standstills what the other meters did meanwhile."""
    if finding.name == "gap":
        return _with_term(known, finding)
    if finding.name in ("zero_days", "zero_run", "null_as_zero", "stuck_register", "constant") and len(looked) > 1:
        others = [_moved(other.series, finding) for other in looked if other is not one]
        told = f"{finding.evidence} Meanwhile {sum(others)} of {len(others)} other meters moved."
        return replace(finding, evidence=told)
    return finding


def _moved(series: Series, finding: Finding) -> bool:
    first, last = ((time - series.begin) // series.step for time in (finding.since, finding.until))
    values = series.values[max(0, first) : max(0, last)]
    return bool((np.isfinite(values) & (values != 0)).any())


def _with_term(known: _Known, gap: Finding) -> Finding:
    """An outage of more than three working days must be filed; one that lasts says until when it may be repaired."""
    days = known.rules["lines"]["outage_workdays"]
    due = data_quality.repair_due(instant(gap.since), days, known.calendar, known.zone)
    if instant(gap.until) > due:
        term = f"{days} working days, before {due.astimezone(known.zone):%Y-%m-%d %H:%M}"
        told = f"{gap.evidence} Not repaired within {term}: to file."
        return replace(gap, name="outage", evidence=told)
    return gap


def _backwards(known: _Known, one: _Looked, looked: Sequence[_Looked]) -> Row | None:
    """A register that never moves while the one of the other direction at the same place does (EC-12)."""
    series = one.series
    if one.meter.kind != "register" or one.meter.role != "consumption" or _moves(series) is not False:
        return None
    place = (one.meter.carrier, one.meter.site, one.meter.supply_account)
    for other in looked:
        same = (other.meter.carrier, other.meter.site, other.meter.supply_account) == place
        if same and other.meter.kind == "register" and other.meter.role == "export" and _moves(other.series):
            told = f"The register never moves, that of the other direction ({other.meter.code}) does: wired backwards?"
            span = (series.at(series.first), series.at(series.last), one.quality.received)
            return _row(known, one.meter.code, Finding("reverse_wiring", *span, told))
    return None


def _moves(series: Series) -> bool | None:
    """Whether anything but 0 was measured in the month; None where nothing is known."""
    values = series.values[series.first : series.last]
    known = values[np.isfinite(values)]
    return bool((known != 0).any()) if len(known) else None


def _enterprise_rows(known: _Known, completeness: float | None, lines: Mapping[str, Any]) -> list[Row]:
    found: list[Finding] = []
    span = (known.since, known.until)
    if completeness is not None and completeness < lines["complete"]:
        told = f"{completeness:.1%} of the expected readings came, less than {lines['complete']:.0%}."
        found.append(Finding("incomplete", *span, 1, told))
    for one in known.agreements:
        if one.agrees is False and one.difference is not None:
            told = f"{one.carrier}: metered {one.metered:,.6g} {one.unit} against {one.stated:,.6g} {one.against}, "
            told += f"{one.difference:+.1%}; more than {lines['agreement']:.0%}."
            found.append(Finding("disagrees", *span, 1, told))
    found += _production(known)
    return [_row(known, None, one) for one in found]


def _production(known: _Known) -> list[Finding]:
    """Of an enterprise with one product: which energy belongs to which of several, the total cannot say."""
    if len(known.outputs) != 1:
        return []
    (output,) = known.outputs.values()
    names = sorted({*output, known.month.name})
    told = [np.array([one.get(name) or np.nan for name in names], dtype=float) for one in (output, known.tce)]
    return detectors.ignores_production(told[0], told[1], known.since, known.until, known.rules["production"])

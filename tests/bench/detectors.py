"""How much of what is put into honest series the detectors find, and how much they say of series left alone.

Months of the shared series for which no README names a fault get one fault each, of every kind at three strengths, at
a place drawn by a fixed seed. Found: a finding of the kind's name that overlaps it. False: a month left alone that is
told of. The lines (`config/quality_rules.toml`) were set with an eye on all of these series as they are, so that the
false rates are those of data that the lines have seen. For the faults put in, lines may be moved by what the first half
of the series shows, and the second half is only looked at: it is what is printed, beside the first half as its limit.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from energy import detectors
from energy.detectors import DAY, Finding
from energy.registers import HOUR, MINUTE, SECOND, Floats
from storage.data_quality import rules
from tests.bench.figures import Figure
from tests.quality_series import Measured, read

DATA = Path(__file__).parents[3] / "shared" / "data"
ABSENT = f"detectors: skipped, for the shared measured series ({Path('..', 'shared', 'data')}) are not on this machine"
_SEED = 20261121
_CASES = 40  # months of each half, for each kind and strength
_CAMPUS = "2013-06 2013-07 2013-08 2013-09 2013-10 2013-11 2013-12 2014-04 2014-06 2014-07 2014-09 2014-11 2014-12"
_GENOME = ("Rat_education_Lee", "Rat_health_Shane", "Cockatoo_office_Laila", "Bear_public_Valorie")
_OFFICE = ("COOLING", "HEATING", "MECHANICAL", "LIGHTING", "DATACENTER", "BUILDING")
_FIRST_HALF = {"PLANT", "b40-E", "Rat_education_Lee", "Cockatoo_office_Laila", "COOLING", "LIGHTING", "BUILDING"}
_ZERO = frozenset({"null_as_zero", "zero_run", "zero_days", "stuck_register"})

Random = np.random.Generator


@dataclass(frozen=True)
class Month:
    """One month of one series that is thought to be honest. seasonal: it may serve heating or cooling."""

    code: str
    series: Measured
    name: str
    seasonal: bool

    @property
    def slots(self) -> tuple[int, int]:
        """Where the month lies in the series' values."""
        series, _ = self.series.month(self.name)
        at = (series.at(series.first) - self.series.begin) // series.step
        return at, at + series.last - series.first

    def findings(self, values: Floats) -> list[Finding]:
        return self.series.with_values(values).findings(self.name, seasonal=self.seasonal)

    def hours(self, hours: float) -> int:
        """So many hours as slots, at least one."""
        return max(1, round(hours * 60 / self.series.minutes))


@dataclass(frozen=True)
class Fault:
    """A kind of fault: how it is told, and how it is put into [start, start + hours) of a month's values."""

    names: frozenset[str]
    strengths: tuple[float, float, float]
    unit: str
    put: Callable[[Month, Floats, int, float, Random], tuple[int, int]]


def detect() -> Iterator[Figure]:
    """Found and false rates by kind and strength; nothing where the shared series are absent."""
    if not DATA.is_dir():
        return
    halves = _halves(honest_months())
    for kind, fault in FAULTS.items():
        for strength in fault.strengths:
            rates = [_found(fault, strength, half) for half in halves]
            yield _figure(f"{kind} {strength:g} {fault.unit}", rates)
    for kind, trial, strengths, unit in TRIALS:
        for strength in strengths:
            yield _figure(f"{kind} {strength:g} {unit}", [_tried(trial, strength, half) for half in halves])
        yield _figure(f"{kind}: false", [_tried(trial, 0.0, half) for half in halves])
    yield from _false(halves)


def _figure(name: str, rates: Sequence[float]) -> Figure:
    return Figure("detectors", f"{name}, found" if "false" not in name else name, 100 * rates[1], "%", 100 * rates[0])


def honest_months() -> list[Month]:
    """All months for which no README of the shared series names a fault, and of which the tests tell nothing."""
    steel = read(DATA / "steel-industry-15min" / "steel_2018H1.csv", "steel-industry-15min", 15, starts=False)
    campus = read(DATA / "campus-substation-15min" / "substation_2013-06_2014-12.csv.gz", "campus-substation-15min", 15)
    estate = read(
        DATA / "university-buildings-hourly" / "electricity_2018_2019.csv", "university-buildings-electricity", 60
    )
    genome = read(
        DATA / "bdg2-buildings-electricity-hourly" / "electricity_2016_2017.csv.gz",
        "bdg2-buildings-electricity-hourly",
        60,
    )
    office = read(DATA / "office-with-datacenter-hourly" / "rsf_2011H1.csv", "office-with-datacenter-hourly", 60)
    found = _months(steel, ["PLANT"]) + [one for one in _months(campus, ["TOTAL"]) if one.name in _CAMPUS]
    found += [one for one in _months(estate, ["b40-E", "b56-E"]) if not one.name.endswith("-01")]
    found += _months(genome, _GENOME) + _months(office, _OFFICE)
    return [one for one in found if one.name != "2019-04" or one.code != "b56-E"]


def _months(series: Mapping[str, Measured], codes: Sequence[str]) -> list[Month]:
    return [
        Month(code, series[code], month.name, code in ("COOLING", "HEATING"))
        for code in codes
        for month in series[code].months()
    ]


def _halves(months: Sequence[Month]) -> tuple[list[Month], list[Month]]:
    """By series: the one that lines may be set on, and the one that is only looked at."""
    first = [one for one in months if one.code in _FIRST_HALF]
    return first, [one for one in months if one.code not in _FIRST_HALF]


def _found(fault: Fault, strength: float, half: Sequence[Month]) -> float:
    random = np.random.default_rng(_SEED)
    drawn = [half[at] for at in random.permutation(len(half))[:_CASES]]
    return float(np.mean([_is_found(fault, strength, month, random) for month in drawn]))


def _is_found(fault: Fault, strength: float, month: Month, random: Random) -> bool:
    values = month.series.values.copy()
    first, last = month.slots
    start = int(random.integers(first, max(first + 1, last - month.hours(24 * 8))))
    since, until = (
        month.series.begin + at * month.series.minutes * MINUTE
        for at in fault.put(month, values, start, strength, random)
    )
    return any(one.name in fault.names and one.since < until and one.until > since for one in month.findings(values))


def _false(halves: Sequence[Sequence[Month]]) -> Iterator[Figure]:
    """Months left alone that are told of, by the name of what is told."""
    told = [[{one.name for one in month.findings(month.series.values)} for month in half] for half in halves]
    for kind, fault in FAULTS.items():
        rates = [float(np.mean([bool(fault.names & names) for names in half])) for half in told]
        yield _figure(f"{kind}: false, of {len(halves[1])} months", rates)


# Faults in values ---------------------------------------------------------------------------------


def _stretch(month: Month, start: int, hours: float) -> slice:
    return slice(start, min(start + month.hours(hours), month.slots[1]))


def _constant(month: Month, values: Floats, start: int, hours: float, random: Random) -> tuple[int, int]:
    part = _stretch(month, start, hours)
    values[part] = values[start]
    return part.start, part.stop


def _copied(month: Month, values: Floats, start: int, hours: float, random: Random) -> tuple[int, int]:
    part, day = _stretch(month, start, hours), month.hours(24)
    lag = int(random.integers(1, 15)) * day
    lag = lag if part.start >= lag else -lag
    values[part] = values[part.start - lag : part.stop - lag]
    return part.start, part.stop


def _round(month: Month, values: Floats, start: int, hours: float, random: Random) -> tuple[int, int]:
    """To two digits of a usual value, or coarser by ten than what the meter shows."""
    part, known = _stretch(month, start, hours), values[np.isfinite(values) & (values > 0)]
    usual = 10.0 ** np.floor(np.log10(np.median(known)) - 1)
    unit = max(usual, 10.0 ** np.ceil(np.log10(10 * detectors.resolution(known))))
    values[part] = np.maximum(unit, np.round(values[part] / unit) * unit)
    return part.start, part.stop


def _zero(month: Month, values: Floats, start: int, hours: float, random: Random) -> tuple[int, int]:
    part = _stretch(month, start, hours)
    values[part] = 0
    return part.start, part.stop


def _spike(month: Month, values: Floats, start: int, times: float, random: Random) -> tuple[int, int]:
    """An hour at so many times what one slot in a hundred exceeds."""
    part = _stretch(month, start, 1)
    values[part] = times * np.nanquantile(values, 0.99)
    return part.start, part.stop


def _scaled(month: Month, values: Floats, start: int, factor: float, random: Random) -> tuple[int, int]:
    """From then on for good."""
    values[start:] *= factor
    return start, month.slots[1]


def _gap(month: Month, values: Floats, start: int, hours: float, random: Random) -> tuple[int, int]:
    """Written as zero, after an hour of nothing: as the publishers of the shared series have done."""
    part = _stretch(month, start, hours)
    values[part] = 0
    values[part.start] = np.nan
    return part.start, part.stop


FAULTS: Mapping[str, Fault] = {
    "one value stands": Fault(frozenset({"constant"}), (8, 24, 72), "h", _constant),
    "copy of another day": Fault(frozenset({"copied"}), (12, 24, 168), "h", _copied),
    "round numbers": Fault(frozenset({"round_numbers"}), (12, 48, 168), "h", _round),
    "nulls sent as zero": Fault(_ZERO, (0.25, 2, 8), "h", _zero),
    "days of zero": Fault(_ZERO, (24, 48, 120), "h", _zero),
    "gap written as zero": Fault(_ZERO, (4, 24, 72), "h", _gap),
    "spike": Fault(frozenset({"spike"}), (2.5, 5, 20), "times", _spike),
    "another level": Fault(frozenset({"level_shift", "unit_suspect"}), (2, 4, 17), "times", _scaled),
    "another unit": Fault(frozenset({"unit_suspect"}), (10, 100, 1000), "times", _scaled),
}


# Faults in arrivals, registers and production: strength 0 is an honest one ---------------------------

Trial = Callable[[float, Month, Random], bool]


def _tried(trial: Trial, strength: float, half: Sequence[Month]) -> float:
    random = np.random.default_rng(_SEED)
    return float(np.mean([trial(strength, half[at], random) for at in random.permutation(len(half))[:_CASES]]))


def _edited(count: float, month: Month, random: Random) -> bool:
    """Values changed within the last three days, beside one a week at any time."""
    length = 30 * DAY
    usual = random.integers(0, length, random.poisson(30 / 7))
    late = length - random.integers(0, 3 * DAY, int(count))
    return bool(detectors.edits(np.concatenate([usual, late]), 0, length, rules()["edits"]))


def _late(seconds: float, month: Month, random: Random) -> bool:
    """Live readings on a way of seconds, from a clock that is behind (or ahead, at the toss of a coin)."""
    way = random.lognormal(1.5, 0.8, 2000)
    offset = seconds if random.random() < 0.5 else -seconds
    return detectors.clock(way + offset, rules()["lines"]["clock_s"]) is not None


def _falling(days: float, month: Month, random: Random) -> bool:
    """A register made of the month's values; so many of its days start from 0."""
    first, last = month.slots
    values = np.nan_to_num(np.abs(month.series.values[first:last]))
    step, register = month.series.minutes * MINUTE, np.cumsum(values)
    day = month.hours(24)
    for at in range(1, 1 + int(days)):
        register[at * day :] -= register[at * day - 1]
    time = np.arange(len(register), dtype=np.int64) * step + 5 * SECOND
    return bool(detectors.falls(time, register, 0, rules()["falls"]))


def _ignoring(drop: float, month: Month, random: Random) -> bool:
    """A year of output with its energy; then output falls by so much and energy is told as in the months before."""
    output = 100 * (1 + 0.1 * random.standard_normal(12))
    energy = output * (1 + 0.02 * random.standard_normal(12))
    if drop:
        output[-1] *= 1 - drop / 100
        energy[-1] = np.median(energy[:-1]) * (1 + 0.005 * random.standard_normal())
    return bool(detectors.ignores_production(output, energy, 0, HOUR, rules()["production"]))


TRIALS: Sequence[tuple[str, Trial, tuple[float, float, float], str]] = (
    ("edits before month end", _edited, (5, 10, 20), "values"),
    ("clock", _late, (90, 300, 3600), "s off"),
    ("daily totals as a register", _falling, (3, 10, 25), "days"),
    ("load ignores production", _ignoring, (50, 70, 90), "% less output"),
)

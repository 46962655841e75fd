"""What is odd about a meter's values: findings with evidence, never verdicts.

A detector is given a meter's values on a regular grid, and its habits over a longer time, day by day. It says from
when to when something is unlike this meter, and by which numbers. Whether it is a fault, a standstill or a forgery is
for people to decide: a building without power and a gap written as zero look alike.

The lines come from `config/quality_rules.toml`, with their reasons; none belongs to one meter.

Times are int64 microseconds since 2000-01-01 UTC. Values are in the meter's own unit, one a slot of the grid.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from energy import sentences
from energy.registers import HOUR, Bools, Floats, Ints
from energy.sentences import Said, said

DAY = 24 * HOUR
_STEPS = (8, 5, 4, 2, 1)  # what a display's last digit moves by

Lines = dict[str, Any]  # one table of the rules file


@dataclass(frozen=True)
class Finding:
    """One oddity over [since, until) of one meter. count: readings concerned. said: its evidence, with the numbers."""

    name: str
    since: int
    until: int
    count: int
    said: tuple[Said, ...]

    @property
    def evidence(self) -> str:
        return sentences.text(self.said, "en")


@dataclass(frozen=True)
class Series:
    """One meter's values in slots of equal length from `begin` on, a local midnight; NaN where nothing is known.

    [first, last) are the slots that are asked about; those around them are for comparison. rate: the carrier's units
    per hour of one unit of the value.
    """

    begin: int
    step: int
    values: Floats
    first: int
    last: int
    rate: float = 1.0

    def at(self, slot: int) -> int:
        return self.begin + int(slot) * self.step

    def slots(self, hours: float) -> int:
        """How many slots so many hours are, at least one."""
        return max(1, round(hours * HOUR / self.step))

    def hours(self, slots: int) -> float:
        return slots * self.step / HOUR

    def touches(self, start: int, stop: int) -> bool:
        return start < self.last and stop > self.first

    def found(self, name: str, start: int, stop: int, count: int, *evidence: Said) -> Finding:
        return Finding(name, self.at(start), self.at(stop), int(count), evidence)


@dataclass(frozen=True)
class Days:
    """One meter day by day, over a year and more: carrier units per hour, NaN where nothing is known.

    mean: over the hours known; hours: how many are; zeros: how many of them are 0; low: the smallest hour above 0;
    high: the largest. Day 0 begins at `begin`; [first, last) is the month that is asked about.
    """

    begin: int
    mean: Floats
    hours: Floats
    zeros: Floats
    low: Floats
    high: Floats
    months: Ints  # of each day: 12 x year + month
    weekday: Ints  # of each day: 0 to 6
    first: int
    last: int

    def at(self, day: int) -> int:
        return self.begin + int(day) * DAY

    @property
    def loaded(self) -> Bools:
        """Days known for the most part, and not 0 for the most part."""
        loaded: Bools = (self.hours >= 18) & (self.zeros < 0.8 * self.hours) & (self.mean != 0)
        return loaded


def days_of(hours: Floats, begin: int, first: date, asked: tuple[date, date]) -> Days:
    """From hourly amounts; `begin` is the local midnight of `first`; `asked`: the month's first day, and the next's."""
    table = hours[: len(hours) // 24 * 24].reshape(-1, 24)
    known, zero = np.isfinite(table), table == 0
    count = known.sum(axis=1)
    sums = np.where(known, table, 0.0).sum(axis=1)
    date_of = np.datetime64(first) + np.arange(len(table))
    months = date_of.astype("datetime64[M]").astype(np.int64) + 12 * 1970
    return Days(
        begin,
        np.divide(sums, count, out=np.full(len(table), np.nan), where=count > 0),
        count.astype(float),
        zero.sum(axis=1).astype(float),
        np.where(known & (table > 0), table, np.inf).min(axis=1, initial=np.inf),
        np.where(known, np.abs(table), 0.0).max(axis=1, initial=0.0),
        months,
        (date_of.astype(np.int64) + 3) % 7,  # 1970-01-01 was a Thursday
        (asked[0] - first).days,
        (asked[1] - first).days,
    )


@dataclass(frozen=True)
class Habit:
    """How a meter usually behaves. runs: its load never stands still by itself; high: a high day's peak, per hour."""

    days: int
    runs: bool
    base: float
    high: float
    zero_share: float


def habit(days: Days, zeros: Lines, spikes: Lines) -> Habit | None:
    """None where fewer days with load are known than one may generalize from."""
    loaded = days.loaded
    if loaded.sum() < zeros["enough_days"]:
        return None
    share = float(days.zeros[loaded].sum() / days.hours[loaded].sum())
    known = days.hours > 0
    overall = float(days.zeros[known].sum() / days.hours[known].sum())
    high = float(np.quantile(np.abs(days.high[loaded]), spikes["high_days"]))
    low = days.low[loaded]
    base = float(np.quantile(low[np.isfinite(low)], 0.05)) if np.isfinite(low).any() else 0.0
    return Habit(int(loaded.sum()), share <= zeros["running_share"], base, high, overall)


@dataclass(frozen=True)
class Point:
    """What a detector must know of the metering point. seasonal: it may serve heating."""

    register: bool = False
    seasonal: bool = False


def examine(series: Series, days: Days, point: Point, rules: Mapping[str, Lines]) -> list[Finding]:
    """All that the values of one meter in one month tell by themselves, by time."""
    usual = habit(days, rules["zeros"], rules["spikes"])
    found = [
        *zeros(series, usual, rules["zeros"], register=point.register, seasonal=point.seasonal),
        *constants(series, rules["constants"]),
        *copies(series, rules["copies"]),
        *rounds(series, rules["rounds"]),
        *spikes(series, usual, rules["spikes"]),
        *halves(series, rules["halves"]),
        *negatives(series),
        *([] if point.register else running_totals(series, rules["running"])),
        *shifts(days, rules["shifts"], seasonal=point.seasonal),
    ]
    found += [
        one for one in zero_habits(days, usual, rules["zeros"]) if "zero_days" not in {each.name for each in found}
    ]
    return sorted(found, key=lambda one: (one.since, one.name))


def runs(mask: Bools) -> tuple[Ints, Ints]:
    """Beginnings and ends of the runs of True."""
    edges = np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8))
    return np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)


def _joined(starts: Ints, stops: Ints, most: int) -> tuple[Ints, Ints]:
    """Runs with no more than so many slots between them, as one."""
    if not len(starts):
        return starts, stops
    apart = starts[1:] - stops[:-1] > most
    return starts[np.concatenate([[True], apart])], stops[np.concatenate([apart, [True]])]


def resolution(values: Floats, share: float = 0.8) -> float:
    """The step in which values move: the largest 1, 2, 4, 5 or 8 of a decimal place that divides that share of them."""
    known = np.abs(values[np.isfinite(values) & (values != 0)])
    if not len(known):
        return 0.0
    top = int(np.ceil(np.log10(known.max())))
    for place in range(top, top - 9, -1):
        for digit in _STEPS:
            steps = known / (digit * 10.0**place)
            if np.mean(np.abs(steps - np.round(steps)) < 1e-6 * np.maximum(steps, 1)) > share:
                return float(digit * 10.0**place)
    return 0.0


# Zeros --------------------------------------------------------------------------------------------


def zeros(
    series: Series, habit: Habit | None, lines: Lines, *, register: bool = False, seasonal: bool = False
) -> list[Finding]:
    """Zeros that are unlike this load (EC-24, EC-25): zero_days, zero_run, null_as_zero, stuck_register.

    A load that never stands still is asked about every zero, and one that pauses about pauses unlike its others.
    seasonal: a standstill of a season is none of them; `zero_habits` compares it with other years.
    """
    zero = series.values == 0
    if habit is None or not zero[series.first : series.last].any():
        return []
    starts, stops = runs(zero)
    day = series.slots(lines["day_hours"])
    brief = stops - starts < day
    share = (stops - starts)[brief].sum() / max(1, np.isfinite(series.values).sum())
    if habit.runs and share <= lines["running_share"] and _stands_above(series, habit, lines):
        starts, stops = _joined(starts, stops, series.slots(lines["join_hours"]))
        sentence, base = "zero_running", {"base": habit.base}
    else:
        starts, stops = _unlike(series, starts, stops, lines)
        sentence, base = "zero_unlike", {}
    if seasonal:
        starts, stops = _no_season(series, starts, stops, lines)
    counted = np.concatenate([[0], np.cumsum(zero)])
    return [
        series.found(
            _zero_name(series.hours(stop - start), lines, register),
            start,
            stop,
            counted[stop] - counted[start],
            said(sentence, hours=series.hours(stop - start), **base),
            *_reach(series, start, stop),
        )
        for start, stop in zip(starts, stops, strict=True)
        if series.touches(start, stop)
    ]


def _no_season(series: Series, starts: Ints, stops: Ints, lines: Lines) -> tuple[Ints, Ints]:
    """Without the runs that last a season, as far as can be seen."""
    is_brief = (stops - starts < series.slots(24 * lines["season_days"])) & (starts > 0) & (stops < len(series.values))
    return starts[is_brief], stops[is_brief]


def _stands_above(series: Series, habit: Habit, lines: Lines) -> bool:
    """Whether the base load is clear of 0, in steps of what the meter resolves."""
    steps: int = lines["base_steps"]
    return habit.base >= steps * resolution(series.values) * abs(series.rate)


def _unlike(series: Series, starts: Ints, stops: Ints, lines: Lines) -> tuple[Ints, Ints]:
    """Pauses unlike those that this load makes within a day, but no longer than the season may explain.

    Unlike: far longer, or at times of day at which it otherwise never pauses. Nothing is told of a load that mostly
    pauses: its pauses are its nature.
    """
    length, day = stops - starts, series.slots(lines["day_hours"])
    is_brief = length < day
    usual = lines["pause_factor"] * int(length[is_brief].max(initial=0))
    longest = max(series.slots(24 * lines["pause_days"]), day)
    never = _never_pauses(series, starts[~is_brief], stops[~is_brief], lines)
    strange = np.array([never[start:stop].sum() for start, stop in zip(starts, stops, strict=True)])
    odd = ((length >= max(usual, day)) | (strange >= series.slots(lines["pause_hours"]))) & (length <= longest)
    pauses = length[length >= series.slots(lines["pause_hours"])].sum()
    odd &= bool(pauses <= np.isfinite(series.values).sum() * lines["pausing_share"])
    return starts[odd], stops[odd]


def _never_pauses(series: Series, starts: Ints, stops: Ints, lines: Lines) -> Bools:
    """Slots at times of day at which this load is never 0, the given long pauses left out."""
    day = series.slots(24)
    known = np.isfinite(series.values)
    for start, stop in zip(starts, stops, strict=True):
        known[start:stop] = False
    whole = len(known) // day * day
    count = known[:whole].reshape(-1, day).sum(axis=0)
    pauses = ((series.values == 0) & known)[:whole].reshape(-1, day).sum(axis=0)
    never: Bools = np.resize((count >= lines["enough_days"]) & (pauses <= lines["running_share"] * count), len(known))
    return never


def _zero_name(hours: float, lines: Lines, register: bool) -> str:
    if register:
        return "stuck_register"
    if hours >= lines["day_hours"]:
        return "zero_days"
    return "zero_run" if hours >= 1 else "null_as_zero"


def _reach(series: Series, start: int, stop: int) -> list[Said]:
    return [said("open_ended")] if start == 0 or stop == len(series.values) else []


def zero_habits(days: Days, habit: Habit | None, lines: Lines) -> list[Finding]:
    """Months that are 0 altogether, or often: always_zero, zero_month, often_zero. A true zero needs a live meter."""
    span = slice(days.first, days.last)
    hours, zero = float(np.nansum(days.hours[span])), float(np.nansum(days.zeros[span]))
    if not hours or not zero:
        return []
    since, until, share = days.at(days.first), days.at(days.last), zero / hours
    if not days.loaded.any() and np.nansum(days.zeros) == np.nansum(days.hours):
        return [Finding("always_zero", since, until, int(zero), (said("always_zero"),))]
    if share == 1 and (other := _other_year(days)) is not None:
        told = said("zero_month", other=other)
        return [Finding("zero_month", since, until, int(zero), (told,))] if other < 0.9 else []
    if share >= lines["informing_share"] and not (habit and habit.runs):
        return [Finding("often_zero", since, until, int(zero), (said("often_zero", share=share),))]
    return []


def _other_year(days: Days) -> float | None:
    """The smallest share of zero hours in this month of the neighbouring years."""
    month = days.months[days.first]
    shares = []
    for other in (month - 12, month + 12):
        known = (days.months == other) & (days.hours > 0)
        if known.sum() >= 15:
            shares.append(float(days.zeros[known].sum() / days.hours[known].sum()))
    return min(shares, default=None)


# Values that are too much alike -------------------------------------------------------------------


def constants(series: Series, lines: Lines) -> list[Finding]:
    """One value for longer than this meter's own steps allow (EC-9, EC-25)."""
    values = series.values
    equal = np.concatenate([[False], (values[1:] == values[:-1]) & (values[1:] != 0)])
    starts, stops = runs(equal)
    starts = starts - 1
    least = max(series.slots(lines["hours"]), lines["steps"])
    long = (stops - starts >= least) & (starts < series.last) & (stops > series.first)
    return [
        series.found("constant", start, stop, stop - start, _alike(series, start, stop))
        for start, stop in zip(starts[long], stops[long], strict=True)
        if _implausible(series, equal, start, stop, lines)
    ]


def _implausible(series: Series, equal: Bools, start: int, stop: int, lines: Lines) -> bool:
    values, level, length = series.values, series.values[start], stop - start
    near = np.isfinite(values) & (np.abs(values - level) <= 0.2 * abs(level))
    near[start:stop] = False
    pairs = near[1:] & near[:-1]
    if pairs.sum() < 48:  # a level of its own: judged by the meter's steps elsewhere
        pairs = np.isfinite(values[1:]) & np.isfinite(values[:-1]) & (values[1:] != 0)
        pairs[start : stop - 1] = False
    share = (equal[1:][pairs].sum() + 1) / (pairs.sum() + 2)
    if share <= lines["natural_share"]:
        return bool(-np.log(share) * (length - 1) >= lines["nats"])
    others = runs(equal & np.concatenate([[False], pairs]))
    longest = int((others[1] - others[0]).max()) + 1 if len(others[0]) else 1
    return bool(length >= max(series.slots(lines["coarse_hours"]), lines["coarse_factor"] * longest))


def _alike(series: Series, start: int, stop: int) -> Said:
    return said("constant", value=float(series.values[start]), hours=series.hours(stop - start))


def copies(series: Series, lines: Lines) -> list[Finding]:
    """Stretches that repeat another day's values at the same times of day."""
    day = series.slots(24)
    found: list[Finding] = []
    taken = np.zeros(len(series.values), dtype=bool)
    for lag in range(1, lines["days"] + 1):
        for start, stop in _repeats(series, lag * day, lines):
            if series.touches(start, stop) and not taken[start:stop].any():
                taken[start:stop] = True
                told = said("copied", count=stop - start, days=lag)
                found.append(series.found("copied", start, stop, stop - start, told))
    return found


def _repeats(series: Series, lag: int, lines: Lines) -> Iterator[tuple[int, int]]:
    values = series.values
    if lag >= len(values):
        return
    same = np.zeros(len(values), dtype=bool)
    same[lag:] = values[lag:] == values[:-lag]
    known = np.zeros(len(values), dtype=bool)
    known[lag:] = np.isfinite(values[lag:]) & np.isfinite(values[:-lag])
    starts, stops = runs(same)
    long = stops - starts >= series.slots(lines["hours"])
    for start, stop in zip(starts[long], stops[long], strict=True):
        rest = known.sum() - (stop - start)
        share = (same.sum() - (stop - start) + 1) / (rest + 2)
        kinds = len(np.unique(values[start:stop]))
        if kinds >= lines["distinct"] and -np.log(share) * _changes(values[start:stop]) >= lines["nats"]:
            yield int(start), int(stop)


def _changes(values: Floats) -> int:
    """Values that differ from the one before: those alike tell nothing new."""
    return 1 + int(np.count_nonzero(np.diff(values)))


def rounds(series: Series, lines: Lines) -> list[Finding]:
    """Successive values that are all round (tens of what the meter shows, or hundreds), where it usually is finer."""
    usable = np.isfinite(series.values) & (series.values != 0)
    at, step = np.flatnonzero(usable), resolution(series.values[usable])
    found: list[Finding] = []
    place = np.ceil(np.log10(10 * step)) if step else 0
    coarse = lines["share"] * np.median(np.abs(series.values[usable])) if step else 0
    for unit in (unit for unit in (10.0 ** (place + 1), 10.0**place) if step and unit >= coarse):
        for start, stop in _round_runs(series, at, unit, lines):
            first, last = int(at[start]), int(at[stop - 1]) + 1
            if series.touches(first, last) and not any(one.until > series.at(first) for one in found):
                told = said("round_numbers", count=int(stop - start), unit=unit, step=step)
                found.append(series.found("round_numbers", first, last, stop - start, told))
    return found


def _round_runs(series: Series, at: Ints, unit: float, lines: Lines) -> Iterator[tuple[int, int]]:
    values = series.values[at]
    is_round = np.abs(values / unit - np.round(values / unit)) < 1e-6 * np.maximum(np.abs(values / unit), 1)
    other = (at < series.first) | (at >= series.last)
    follows = is_round[1:] & is_round[:-1]
    starts, stops = runs(is_round)
    long = stops - starts >= lines["values"]
    for start, stop in zip(starts[long], stops[long], strict=True):
        # How often a round value follows a round one, in other months if they say enough: some meters change display.
        rest = other[1:].copy() if other.sum() > 500 else np.ones(len(follows), dtype=bool)
        rest[start : stop - 1] = False
        share = (follows[rest].sum() + 1) / (is_round[:-1][rest].sum() + 2)
        kinds = len(np.unique(values[start:stop]))
        if kinds >= lines["distinct"] and -np.log(share) * _changes(values[start:stop]) >= lines["nats"]:
            yield int(start), int(stop)


# Values that are too large or too small -----------------------------------------------------------


def spikes(series: Series, habit: Habit | None, lines: Lines) -> list[Finding]:
    """Short bursts far above this meter's high days and above what lies beside them."""
    if habit is None or not habit.high:
        return []
    rates = np.abs(series.values * series.rate)
    with np.errstate(invalid="ignore"):
        beyond = rates > lines["factor"] * max(habit.high, _high_slot(series, rates, lines))
    starts, stops = runs(beyond)
    brief = [stop - start <= series.slots(lines["hours"]) for start, stop in zip(starts, stops, strict=True)]
    alone = [_stands_out(rates, start, stop, lines) for start, stop in zip(starts, stops, strict=True)]
    kept = np.array(brief, dtype=bool) & np.array(alone, dtype=bool)
    counted = np.concatenate([[0], np.cumsum(beyond)])
    found = []
    for start, stop in zip(*_joined(starts[kept], stops[kept], series.slots(lines["hours"])), strict=True):
        if series.touches(start, stop):
            most = float(np.nanmax(rates[start:stop]))
            told = said("spike", most=most, times=most / habit.high, high=habit.high)
            found.append(series.found("spike", start, stop, counted[stop] - counted[start], told))
    return found


def _high_slot(series: Series, rates: Floats, lines: Lines) -> float:
    """A high slot of the neighbouring months: the steps of a coarse register are higher than any hour's mean."""
    known = np.isfinite(rates) & (rates > 0)
    others = known & _outside(series)
    used = rates[others if others.sum() >= lines["enough_slots"] else known]
    return float(np.quantile(used, lines["high_slots"])) if len(used) else 0.0


def _outside(series: Series) -> Bools:
    outside = np.ones(len(series.values), dtype=bool)
    outside[series.first : series.last] = False
    return outside


def _stands_out(rates: Floats, start: int, stop: int, lines: Lines) -> bool:
    beside = np.concatenate([rates[max(0, start - 2) : start], rates[stop : stop + 2]])
    beside = beside[np.isfinite(beside)]
    return bool(len(beside) and rates[start:stop].max() >= lines["factor"] * beside.max())


def halves(series: Series, lines: Lines) -> list[Finding]:
    """The first value of the month, of all, or after a gap, holds about half of what its neighbours do."""
    values, found = series.values, []
    known = np.isfinite(values)
    firsts = np.flatnonzero(known & ~np.concatenate([[False], known[:-1]]))
    for at in np.unique(np.concatenate([firsts, [series.first]])):
        if not series.first <= at < series.last or at + 2 >= len(values):
            continue
        around = values[[at - 1, at + 1]] if at and values[at - 1] > 0 else values[[at + 1, at + 2]]
        share = values[at] / around.mean() if around.min() > 0 else np.nan
        if lines["low"] <= share <= lines["high"] and np.ptp(around) <= lines["calm"] * around.mean():
            found.append(series.found("half_value", int(at), int(at) + 1, 1, said("half_value", share=float(share))))
    return found


def negatives(series: Series) -> list[Finding]:
    """Amounts below 0 on a point that cannot return energy (EC-49); all of them: wired backwards (EC-12)."""
    values = series.values[series.first : series.last]
    with np.errstate(invalid="ignore"):
        below, above = values < 0, values > 0
    if not below.any():
        return []
    at = series.first + np.flatnonzero(below)
    name = "negative" if above.any() else "reverse_wiring"
    told = said(name, count=int(below.sum()), least=float(values[below].min()))
    return [series.found(name, at[0], at[-1] + 1, below.sum(), told)]


def running_totals(series: Series, lines: Lines) -> list[Finding]:
    """Values declared as amounts or power that hardly ever fall and tower over their steps: a register's (EC-10)."""
    at = series.first + np.flatnonzero(np.isfinite(series.values[series.first : series.last]))
    values = series.values[at]
    steps = np.diff(values)
    rises = steps[steps > 0]
    few = len(rises) < max(lines["rises"], lines["share"] * len(steps))
    if few or (steps < 0).sum() > lines["falls"] * len(steps):
        return []
    usual = float(np.median(rises))
    if np.median(values) < lines["times"] * usual:
        return []
    told = said("running_total", rises=len(rises), steps=len(steps), step=usual, last=float(values[-1]))
    return [series.found("running_total", at[0], at[-1] + 1, len(values), told)]


def shifts(days: Days, lines: Lines, *, seasonal: bool) -> list[Finding]:
    """The month lies on another level than its neighbours or the same months of another year (EC-38).

    seasonal: heating may begin from one day to the next, so only other years, and jumps by a power of ten, are told.
    """
    return _between_years(days, lines) or _steps(days, lines, seasonal)


def _steps(days: Days, lines: Lines, seasonal: bool) -> list[Finding]:
    """A jump by a power of ten is believed soon, another large one later, and a moderate one last of all."""
    ways = [(lines[f"{name}days"], lines[f"{name}factor"]) for name in ("power_", "unit_", "")]
    for length, least in ways:
        step = _step(days, length, least, lines)
        if step is None:
            continue
        day, factor, is_scaled = step
        is_unit = is_scaled and (_power(factor, lines) if length == lines["power_days"] or seasonal else least >= 8)
        if is_unit or (length == lines["days"] and not seasonal):
            name = "unit_suspect" if is_unit else "level_shift"
            told = _times(factor, length, lines)
            return [Finding(name, days.at(day), days.at(days.last), days.last - day, told)]
    return []


def _times(factor: float, days: int, lines: Lines) -> tuple[Said, ...]:
    name, times = ("level_up", factor) if factor >= 1 else ("level_down", 1 / factor)
    power = _power(factor, lines)
    return (said(name, factor=times, days=days), *([said("power_of_ten", exponent=power)] if power else []))


def _power(factor: float, lines: Lines) -> int:
    """The power of ten that a factor is, 0 if it is none."""
    exponent = round(np.log10(factor))
    return exponent if abs(factor / 10.0**exponent - 1) <= lines["power"] else 0


def _step(days: Days, length: int, least: float, lines: Lines) -> tuple[int, float, bool] | None:
    """The day at which the level changed most clearly, if it lies in the month, the factor, and whether all scaled."""
    usable = np.flatnonzero(days.loaded & (days.mean > 0))
    if len(usable) < 2 * length:
        return None
    middle = np.median(sliding_window_view(np.log(days.mean[usable]), length), axis=1)
    large = np.abs(middle[length:] - middle[:-length]) >= np.log(least)
    best: tuple[float, int, float, bool] | None = None
    for at in length + np.flatnonzero(large):
        day, before, after = int(usable[at]), usable[at - length : at], usable[at : at + length]
        if days.first - length <= day < days.last + length and after[-1] - before[0] <= lines["span"] * length:
            clear, factor = _clear(days, before, after)
            if clear >= np.log(least) and (best is None or clear > best[0]):
                best = (clear, day, factor, _is_scaled(days, before, after, factor, lines))
    return best[1:] if best and days.first <= best[1] < days.last else None


def _is_scaled(days: Days, before: Ints, after: Ints, factor: float, lines: Lines) -> bool:
    """Whether the day's smallest and largest hours changed by the factor of its mean: a unit scales them all alike."""
    parts = [np.median(one[after]) / np.median(one[before]) / factor for one in (days.low, days.high)]
    return all(1 / lines["alike"] <= part <= lines["alike"] for part in parts)


def _clear(days: Days, before: Ints, after: Ints) -> tuple[float, float]:
    """The smallest step of any weekday, as a logarithm, and the factor of the medians; 0 if not abrupt or not alike."""
    paused = days.zeros[[*before, *after]].sum() > 0.05 * days.hours[[*before, *after]].sum()
    level = np.log(days.mean, out=np.zeros(len(days.mean)), where=days.mean > 0)
    sign = 1 if np.median(level[after]) > np.median(level[before]) else -1
    nearest = np.median(level[after[:7]]) - np.median(level[before[-7:]])
    steps = []
    for weekday in range(7):
        left, right = (np.sort(sign * level[part[days.weekday[part] == weekday]]) for part in (before, after))
        if len(left) and len(right):
            clear = _quantile(right, 0.15) - _quantile(left, 0.85)
            steps.append((clear, _quantile(right, 0.5) - _quantile(left, 0.5)))
    least, usual = np.min([one for one, _ in steps]), np.median([one for _, one in steps])
    abrupt = sign * nearest >= 0.7 * usual
    return float(least) if abrupt and not paused else 0.0, float(np.exp(sign * usual))


def _quantile(ordered: Floats, share: float) -> float:
    """Between the nearest two of a few ordered values: what NumPy says, at a twentieth of its time."""
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return float(ordered[below] + (ordered[above] - ordered[below]) * (place - below))


def _between_years(days: Days, lines: Lines) -> list[Finding]:
    month = int(days.months[days.first])
    level = _monthly(days, lines)
    for years in (-12, 12):
        factors = {
            at: level[at] / level[at + years]
            for at in range(month - 3, month + 4)
            if at in level and at + years in level
        }
        if month not in factors:
            continue
        factor = factors[month]
        which = "year_before" if years < 0 else "year_later"
        told = said(f"{'above' if factor >= 1 else 'below'}_{which}", factor=max(factor, 1 / factor))
        since, until, count = days.at(days.first), days.at(days.last), days.last - days.first
        if _sustained(factors, month, lines["unit_months"], lines["unit_factor"], np.inf):
            return [Finding("unit_suspect", since, until, count, (told, said("as_units_do")))]
        if _sustained(factors, month, lines["months"], lines["factor"], lines["spread"]):
            return [Finding("level_shift", since, until, count, (told, said("months_alike")))]
    return []


def _monthly(days: Days, lines: Lines) -> dict[int, float]:
    """The median day of each month that is comparable: known, loaded and not pausing."""
    level: dict[int, float] = {}
    usable = days.loaded & (days.mean > 0)
    for month in np.unique(days.months):
        part = usable & (days.months == month)
        if part.sum() >= lines["month_days"] and days.zeros[part].sum() <= 0.5 * days.hours[part].sum():
            level[int(month)] = float(np.median(days.mean[part]))
    return level


def _sustained(factors: dict[int, float], month: int, length: int, least: float, spread: float) -> bool:
    """Whether so many successive months, this one among them, differ by at least that, and by about one factor."""
    for start in range(month - length + 1, month + 1):
        window = [factors.get(at) for at in range(start, start + length)]
        known = [factor if factors[month] >= 1 else 1 / factor for factor in window if factor is not None]
        if len(known) == length and min(known) >= least and max(known) <= spread * min(known):
            return True
    return False


# What registers, edits and production tell --------------------------------------------------------


def falls(time: Ints, value: Floats, midnight: int, lines: Lines) -> list[Finding]:
    """Raw register readings that fall every midnight (daily totals), or so often that they are no register (EC-10).

    midnight: any local midnight.
    """
    steps = np.diff(value)
    down = np.flatnonzero(steps < 0) + 1
    if len(down) < lines["days"]:
        return []
    since_midnight = (time[down] - midnight) % DAY
    at_night = (since_midnight <= HOUR) | ((time[down - 1] - midnight) % DAY > since_midnight)
    nights = len(np.unique((time[down[at_night]] - midnight) // DAY))
    since, until, count = int(time[0]), int(time[-1]), len(down)
    if nights >= lines["days"] and at_night.mean() >= lines["share"]:
        return [Finding("falls_at_midnight", since, until, count, (said("falls_at_midnight", nights=nights),))]
    if count > lines["often"] * len(steps):
        return [
            Finding("not_cumulative", since, until, count, (said("not_cumulative", count=count, steps=len(steps)),))
        ]
    return []


def edits(received: Ints, since: int, until: int, lines: Lines) -> list[Finding]:
    """Second values and late fill-ins, by when they came: clustered in the last days of the month."""
    window = until - lines["last_days"] * DAY
    inside = int(((received >= window) & (received < until)).sum())
    before = int(((received >= since) & (received < window)).sum())
    usual = before / max(1, (window - since) // DAY) * lines["last_days"]
    if inside < lines["least"] or inside < lines["factor"] * usual:
        return []
    told = said("edits_before_month_end", inside=inside, days=lines["last_days"], before=before)
    return [Finding("edits_before_month_end", window, until, inside, (told,))]


def ignores_production(output: Floats, energy: Floats, since: int, until: int, lines: Lines) -> list[Finding]:
    """Monthly output and energy, the month asked about last: output swings and energy stands still."""
    known = np.isfinite(output) & np.isfinite(energy) & (output > 0) & (energy > 0)
    if known.sum() < lines["months"] or not known[-1]:
        return []
    others = known.copy()
    others[-1] = False
    swing = float(output[-1] / np.median(output[others]) - 1)
    still = float(energy[-1] / np.median(energy[others]) - 1)
    if abs(swing) < lines["swing"] or abs(still) > lines["still"]:
        return []
    told = said("ignores_production", swing=swing, others=int(others.sum()), still=still)
    return [Finding("ignores_production", since, until, 1, (told,))]


def gaps(series: Series, most: int) -> list[Finding]:
    """Slots of the month without a value; beyond so many gaps the short ones are told together."""
    starts, stops = runs(np.isnan(series.values[series.first : series.last]))
    starts, stops = starts + series.first, stops + series.first
    longest = np.sort(np.argsort(starts - stops, kind="stable")[:most])
    found = [
        series.found("gap", starts[at], stops[at], stops[at] - starts[at], _missing(series, starts[at], stops[at]))
        for at in longest
    ]
    if len(starts) > most:
        rest = int((stops - starts).sum()) - sum(one.count for one in found)
        told = said("short_gaps", count=rest, gaps=len(starts) - most)
        found.append(series.found("gap", starts[0], stops[-1], rest, told))
    return found


def _missing(series: Series, start: int, stop: int) -> Said:
    return said("gap", count=int(stop - start), hours=series.hours(int(stop - start)))


def clock(delay_s: Floats, line_s: float) -> Said | None:
    """What is wrong with a device's clock, by receipt less time of its live readings, or None (EC-18)."""
    if len(delay_s) < 10:
        return None
    least, middle = float(delay_s.min()), float(np.median(delay_s))
    if middle < -line_s:
        return said("clock_ahead", seconds=-middle)
    if least > line_s:
        return said("clock_behind", seconds=least)
    return None

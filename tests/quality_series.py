"""Real series, read by their dialects, as the detectors are given them: a month on a grid, and habits by day."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path

import numpy as np

from energy import detectors
from energy.detectors import DAY, Days, Finding, Point, Series
from energy.periods import Period, parse
from energy.registers import HOUR, MINUTE, Floats
from ingest import dialect, files
from storage.arrays import EPOCH, instant, micros
from storage.data_quality import rules

DIALECTS = Path(__file__).parent.parent / "config" / "dialects"
ZERO = ("zero_days", "zero_run", "null_as_zero", "zero_month")


@dataclass(frozen=True)
class Measured:
    """One meter's mean rates on a grid that begins at a local midnight; NaN where nothing was measured."""

    begin: int
    minutes: int
    values: Floats

    @property
    def first(self) -> date:
        """The first day. Grids of tests begin at midnight in their own fixed offset, so the nearest UTC date is it."""
        return (instant(self.begin) + timedelta(hours=12)).date()

    def months(self) -> list[Period]:
        last = self.first + timedelta(days=len(self.values) * self.minutes // 1440 - 1)
        return list(Period("", self.first, last + timedelta(days=1)).months())

    def month(self, name: str) -> tuple[Series, Days]:
        period = parse(name)
        step, day = self.minutes * MINUTE, 1440 // self.minutes
        begin = (period.first - self.first).days
        values = self._cut((begin - 28) * day, (begin + period.days + 28) * day)
        series = Series(self.begin + (begin - 28) * DAY, step, values, 28 * day, (28 + period.days) * day)
        hours = self._hours()
        since = max(0, begin - 31 * 16)
        part = hours[since * 24 : (begin + period.days + 31 * 16) * 24]
        first = self.first + timedelta(days=since)
        return series, detectors.days_of(part, self.begin + since * DAY, first, (period.first, period.until))

    def _cut(self, start: int, stop: int) -> Floats:
        cut = np.full(stop - start, np.nan)
        inside = slice(max(start, 0), min(stop, len(self.values)))
        cut[inside.start - start : inside.stop - start] = self.values[inside]
        return cut

    def _hours(self) -> Floats:
        table = self.values.reshape(-1, 60 // self.minutes)
        known = np.isfinite(table)
        count = known.sum(axis=1)
        means = np.full(len(table), np.nan)
        np.divide(np.where(known, table, 0).sum(axis=1), count, out=means, where=count > 0)
        return means

    def findings(self, month: str, *, seasonal: bool = False) -> list[Finding]:
        """All but what is told for information alone."""
        found = detectors.examine(*self.month(month), Point(seasonal=seasonal), rules())
        return [one for one in found if rules()["severity"][one.name] != "info"]

    def named(self, month: str, *, seasonal: bool = False) -> list[tuple[str, str, str, int]]:
        found = self.findings(month, seasonal=seasonal)
        return [(one.name, self.shown(one.since), self.shown(one.until), one.count) for one in found]

    def shown(self, time: int) -> str:
        """Local time of the grid."""
        local = datetime.combine(self.first, datetime.min.time()) + timedelta(microseconds=time - self.begin)
        return f"{local:%m-%dT%H:%M}"

    def with_values(self, values: Floats) -> "Measured":
        return Measured(self.begin, self.minutes, values)


@cache
def read(file: Path, how: str, minutes: int, *, starts: bool = True) -> dict[str, Measured]:
    """Every column of a file, by the code that its dialect gives it."""
    told = dialect.load(DIALECTS / f"{how}.toml")
    times: dict[str, list[int]] = {}
    values: dict[str, list[float]] = {}
    for chunk in files.read(file, told, lambda meter, unit: 1.0):
        for meter, when, value in zip(chunk.columns.meters, chunk.columns.times, chunk.columns.values, strict=True):
            assert isinstance(value, float), (meter, when, value)
            when = when if isinstance(when, datetime) else datetime.fromisoformat(str(when)).replace(tzinfo=UTC)
            times.setdefault(meter, []).append((when.astimezone(UTC) - EPOCH) // timedelta(microseconds=1))
            values.setdefault(meter, []).append(value)
    zone = told.zone or UTC
    return {meter: _grid(times[meter], values[meter], minutes, starts, zone) for meter in times}


def _grid(times: list[int], values: list[float], minutes: int, starts: bool, zone: object) -> Measured:
    at = np.array(times, dtype=np.int64) - (0 if starts else minutes * MINUTE)
    offset = instant(int(at.min())).astimezone(zone).utcoffset()  # type: ignore[arg-type]
    assert offset is not None
    shift = offset // timedelta(microseconds=1)
    begin = (int(at.min()) + shift) // DAY * DAY - shift
    days = -(-(int(at.max()) + minutes * MINUTE - begin) // DAY)
    grid = np.full(days * 1440 // minutes, np.nan)
    grid[(at - begin) // (minutes * MINUTE)] = values
    return Measured(begin, minutes, grid)


def invented(days: int = 200, minutes: int = 15, first: date = date(2026, 3, 1), seed: int = 1) -> Measured:
    """A works' load in kW: base, working hours, weekends, noise, shown to 0.1; its local midnight is Shanghai's."""
    random = np.random.default_rng(seed)
    slot = np.arange(days * 1440 // minutes)
    hour = slot * minutes / 60 % 24
    weekday = (first.weekday() + slot * minutes // 1440) % 7
    shift = np.clip(np.minimum(hour - 6, 20 - hour), 0, 2) / 2 * np.where(weekday < 5, 1, 0.3)
    load = (60 + 300 * shift) * (1 + 0.05 * random.standard_normal(len(slot)))
    midnight = micros(datetime(first.year, first.month, first.day, tzinfo=UTC)) - 8 * HOUR
    return Measured(midnight, minutes, np.round(load, 1))

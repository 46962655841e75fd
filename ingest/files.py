"""CSV files as columns of readings, by a dialect: wide (`time`, then a column a meter) or long (`time,meter,value`, and
`estimated` where values may be).
"""

import csv
import gzip
import io
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any, TextIO

from energy.refused import Refused
from ingest.decode import Columns
from ingest.dialect import EPOCHS, Column, Dialect

_ESTIMATED = "estimated"  # a column of a long file, EC-23
_MARKS = {"": False, "0": False, "no": False, "false": False, "否": False,
          "1": True, "yes": True, "true": True, "是": True}  # fmt: skip
_EPOCH = re.compile(r"\d{9,13}(\.\d+)?")  # seconds or milliseconds, which a cell cannot say in another way

Factors = Callable[[str, str], float]  # (meter, unit of a column): how many of the meter's own unit one of it is


@dataclass(slots=True)
class Chunk:
    """Readings in the order of the file. rows: of the file; blank: cells without a reading; skipped: rows left out."""

    columns: Columns
    rows: int = 0
    blank: int = 0
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class _Cell:
    """A column of a wide file: where it stands, whose it is, what its numbers are multiplied by."""

    place: int
    meter: str
    factor: float


def read(file: Path, dialect: Dialect, factors: Factors, size: int = 50_000) -> Iterator[Chunk]:
    """The file in chunks of about so many readings. Refused names file, line and what would be right."""
    with _opened(file, dialect) as text:
        lines = csv.reader(text, delimiter=dialect.delimiter)
        try:
            yield from _chunks(lines, file, dialect, factors, size)
        except (csv.Error, UnicodeDecodeError, EOFError, gzip.BadGzipFile) as error:
            raise Refused(
                f"{file}, after line {lines.line_num}: {error}; it is read as {dialect.encoding} text."
            ) from error


@contextmanager
def _opened(file: Path, dialect: Dialect) -> Iterator[TextIO]:
    with file.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        data = gzip.GzipFile(fileobj=raw) if packed else raw
        with io.TextIOWrapper(data, dialect.encoding, newline="") as text:
            yield text


def _chunks(lines: Any, file: Path, dialect: Dialect, factors: Factors, size: int) -> Iterator[Chunk]:
    for _ in range(dialect.skip_rows):
        next(lines, None)
    header = [name.strip() for name in next(lines, [])]
    sheet = _Sheet(header, file, dialect, factors)
    chunk = sheet.chunk()
    for row in lines:
        if not row:
            continue
        sheet.take(row, chunk)
        if len(chunk.columns.meters) >= size:
            yield chunk
            chunk = sheet.chunk()
    yield chunk


class _Sheet:
    """Knows from the header where everything stands."""

    def __init__(self, header: list[str], file: Path, dialect: Dialect, factors: Factors):
        self._dialect = dialect
        self._places = {name: place for place, name in enumerate(header) if name}
        self._width = len(header)
        self._file = file
        self._stamps = _Stamps(dialect)
        self._time = self._place(dialect.time)
        self._skips = [(self._place(name), set(values)) for name, values in dialect.skip_where.items()]
        self._blank = set(dialect.blank)
        self._factors = factors
        self._long = dialect.columns is None and {dialect.meter, dialect.value} <= self._places.keys()
        self._marks = self._places.get(_ESTIMATED) if self._long else None
        self._cells = [] if self._long else [self._cell(name, each) for name, each in self._wanted().items()]
        self._known: dict[str, tuple[str, float]] = {}

    def chunk(self) -> Chunk:
        return Chunk(Columns([], [], [], estimated=None if self._marks is None else []))

    def take(self, row: list[str], chunk: Chunk) -> None:
        chunk.rows += 1
        if any(_at(row, place).strip() in values for place, values in self._skips):
            chunk.skipped += 1
        elif len(row) > self._width and any(cell.strip() for cell in row[self._width :]):
            self._take_overlong(row, chunk)
        elif self._long:
            self._take_one(row, chunk)
        else:
            self._take_all(row, chunk)

    def _take_one(self, row: list[str], chunk: Chunk) -> None:
        theirs = _at(row, self._places[self._dialect.meter]).strip()
        meter, factor = self._known.get(theirs) or self._meet(theirs)
        when = self._stamps.read(_at(row, self._time), meter)
        self._add(chunk, meter, when, _at(row, self._places[self._dialect.value]), factor, self._mark(row))

    def _take_overlong(self, row: list[str], chunk: Chunk) -> None:
        """Which cell belongs to which column is anybody's guess: a decimal comma splits a number in two."""
        too_many = f" ({len(row)} cells in the row, {self._width} in the header)"
        values = [self._places[self._dialect.value]] if self._long else [cell.place for cell in self._cells]
        for place in values:
            row[place] += too_many
        if self._long:
            self._take_one(row, chunk)
        else:
            self._take_all(row, chunk)

    def _mark(self, row: list[str]) -> bool:
        """Whether the row says that its value is estimated."""
        if self._marks is None:
            return False
        cell = _at(row, self._marks).strip().casefold()
        if cell not in _MARKS:
            raise Refused(f"{self._file}: estimated is {cell!r}; write yes or no.")
        return _MARKS[cell]

    def _take_all(self, row: list[str], chunk: Chunk) -> None:
        when = self._stamps.read(_at(row, self._time))
        for cell in self._cells:
            self._add(chunk, cell.meter, when, _at(row, cell.place), cell.factor)

    def _add(self, chunk: Chunk, meter: str, when: object, cell: str, factor: float, mark: bool = False) -> None:
        text = cell.strip()
        if text in self._blank:
            chunk.blank += 1
            return
        value = _number(text, self._dialect)
        columns = chunk.columns
        columns.meters.append(meter)
        columns.times.append(when)
        if columns.estimated is not None:
            columns.estimated.append(mark)
        columns.values.append(value * factor if isinstance(value, float) and factor != 1.0 else value)
        if isinstance(value, str) or when is None or isinstance(when, _Untold):
            columns.clean = False

    def _meet(self, theirs: str) -> tuple[str, float]:
        meter = self._dialect.meters.get(theirs, theirs)
        unit = self._dialect.unit
        self._known[theirs] = meter, 1.0 if unit is None else self._factors(meter, unit)
        return self._known[theirs]

    def _wanted(self) -> Mapping[str, Column]:
        if self._dialect.columns is not None:
            return self._dialect.columns
        return {
            name: Column(self._dialect.meters.get(name, name)) for name in self._places if name != self._dialect.time
        }

    def _cell(self, name: str, column: Column) -> _Cell:
        unit = column.unit or self._dialect.unit
        return _Cell(self._place(name), column.meter, 1.0 if unit is None else self._factors(column.meter, unit))

    def _place(self, name: str) -> int:
        if name not in self._places:
            there = ", ".join(self._places) or "nothing"
            raise Refused(
                f"{self._file} has no column {name!r}; its header names {there}. A dialect says how to read it."
            )
        return self._places[name]


def _at(row: list[str], place: int) -> str:
    return row[place] if place < len(row) else ""


def _number(text: str, dialect: Dialect) -> float | str:
    """The number, or the text as it stands if it is none; admission says so."""
    plain = text if dialect.thousands is None else text.replace(dialect.thousands, "")
    if dialect.decimal != ".":
        if "." in plain:
            return f"{text} (the decimal sign is {dialect.decimal})"
        plain = plain.replace(dialect.decimal, ".")
    try:
        value = float(plain)
    except ValueError:
        return text
    return value if value - value == 0 and "_" not in plain else text


class _Untold(str):
    """A time as it stands in the file, of which the dialect does not say which instant it is."""

    __slots__ = ()


class _Stamps:
    """Times of a file, by its dialect; what cannot be read stays text, and admission says so."""

    def __init__(self, dialect: Dialect):
        self._dialect = dialect
        self._plain = dialect.zone is None and dialect.midnight == "as_written"
        self._last: dict[str, tuple[datetime, int]] = {}
        self._memory: tuple[str, object] = ("", None)

    def read(self, text: str, series: str = "") -> object:
        """An instant, a local time whose zone is the meter's, or the text itself. series: rows whose order counts."""
        if self._dialect.repeated_hour != "by_order" and self._memory[0] == text:
            return self._memory[1]
        self._memory = text, self._read(text.strip(), series)
        return self._memory[1]

    def _read(self, text: str, series: str) -> object:
        if self._dialect.time_format == "iso" and _EPOCH.fullmatch(text):
            return float(text)
        if self._plain and self._dialect.time_format == "iso":
            return text
        when = self._written(text)
        if when is None:
            return _Untold(f"{text} (read as {self._dialect.time_format})")
        if self._dialect.midnight == "closes_labelled_day" and when.time() == time():
            when += timedelta(days=1)
        if when.tzinfo is not None or self._dialect.zone is None:
            return when
        placed = self._placed(when, series)
        return _Untold(f"{text} (ambiguous or missing in {self._dialect.zone})") if placed is None else placed

    def _written(self, text: str) -> datetime | None:
        try:
            if self._dialect.time_format in EPOCHS[1:]:
                seconds = float(text) / (1000 if self._dialect.time_format == "epoch_ms" else 1)
                return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
            if self._dialect.time_format == "iso":
                return datetime.fromisoformat(text)
            return datetime.strptime(text, self._dialect.time_format)
        except (ValueError, OverflowError):
            return None

    def _placed(self, when: datetime, series: str) -> datetime | None:
        """A local time as an instant, None where the dialect rejects it."""
        first, second = when.replace(tzinfo=self._dialect.zone), when.replace(tzinfo=self._dialect.zone, fold=1)
        if first.utcoffset() == second.utcoffset():
            self._last.pop(series, None)
            return first.astimezone(UTC)
        if first.astimezone(UTC).astimezone(self._dialect.zone).replace(tzinfo=None) != when:  # clocks went forward
            return None if self._dialect.missing_hour == "reject" else first.astimezone(UTC)
        fold = self._fold(when, series)
        return None if fold is None else (second if fold else first).astimezone(UTC)

    def _fold(self, when: datetime, series: str) -> int | None:
        rule = self._dialect.repeated_hour
        if rule != "by_order":
            return {"first": 0, "second": 1, "reject": None}[rule]
        before, fold = self._last.get(series, (None, 0))
        if before is not None and when <= before:
            fold = 1
        self._last[series] = when, fold
        return fold

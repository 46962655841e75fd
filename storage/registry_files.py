"""Registry files as rows of text: CSV (UTF-8, or GB 18030 as Excel in Chinese saves it) and XLSX, one sheet a table."""

import csv
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time
from itertools import chain
from pathlib import Path

import openpyxl

from energy.refused import Refused
from storage import registry_tables
from storage.registry_tables import Table


@dataclass(frozen=True)
class Sheet:
    """One table of one file. `rows`: line and its cells, trimmed; perhaps more or fewer than the header's."""

    where: str
    table: Table
    header: tuple[str, ...]
    header_line: int
    rows: Iterator[tuple[int, Sequence[str]]]


class Unreadable(Refused):
    """The file as a whole cannot be read as registry files; nothing of it was taken."""


@contextmanager
def opened(path: Path) -> Iterator[list[Sheet]]:
    """The tables in a file, in the order in which they lean on one another. Rows are read as they are asked for."""
    if not path.is_file():
        raise Unreadable(f"{path} is no file; name a registry file in CSV or XLSX")
    if path.suffix.casefold() in (".xlsx", ".xlsm"):
        with _workbook(path) as sheets:
            yield sheets
    elif path.suffix.casefold() == ".csv":
        yield [_csv(path)]
    else:
        raise Unreadable(f"{path.name} is neither .csv nor .xlsx; save it as one of them")


def rank(path: Path) -> int:
    """Where the file belongs among several: that of its table, and a workbook first."""
    table = registry_tables.named(path.stem)
    return registry_tables.TABLES.index(table) if table else -1


def _csv(path: Path) -> Sheet:
    table = registry_tables.named(path.stem)
    if table is None:
        raise Unreadable(f"{path.name} is named like no registry table; name it {_names()}")
    text = _decoded(path)
    if separator := _other_separator(text):
        raise Unreadable(f"{path.name}, line 1 separates its columns by {separator!r}; save it as CSV with commas")
    return _sheet(path.name, table, _csv_lines(text, path.name))


def _other_separator(text: str) -> str | None:
    """What a header without a comma is separated by; no table has a single column."""
    header = text.partition("\n")[0]
    return next((mark for mark in ";\t|" if mark in header and "," not in header), None)


def _csv_lines(text: str, where: str) -> Iterator[tuple[int, list[str]]]:
    reader, before = csv.reader(io.StringIO(text, newline="")), 0
    try:
        for row in reader:
            yield before + 1, row
            before = reader.line_num
    except csv.Error as error:
        raise Unreadable(f"{where}, line {reader.line_num} is no CSV: {error}") from None


def _decoded(path: Path) -> str:
    data = path.read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as utf8:
        try:
            return data.decode("gb18030")
        except UnicodeDecodeError:
            line = data.count(b"\n", 0, utf8.start) + 1
            wrong = data[utf8.start : utf8.start + 4].hex(" ")
            raise Unreadable(f"{path.name}, line {line} is not UTF-8 (bytes {wrong}); save it as CSV UTF-8") from None


@contextmanager
def _workbook(path: Path) -> Iterator[list[Sheet]]:
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except Exception as error:  # openpyxl raises what zipfile, its XML parser and itself happen to raise
        raise Unreadable(f"{path.name} cannot be read as XLSX ({error}); save it again as an Excel workbook") from None
    try:
        sheets = [sheet for name in book.sheetnames if (sheet := _sheet_of(path, book, name))]
        yield sorted(sheets, key=lambda sheet: registry_tables.TABLES.index(sheet.table))
    finally:
        book.close()


def _sheet_of(path: Path, book: openpyxl.Workbook, name: str) -> Sheet | None:
    lines = (
        (line, [_cell(value) for value in row]) for line, row in enumerate(book[name].iter_rows(values_only=True), 1)
    )
    first = next((found for found in lines if any(found[1])), None)
    if first is None:
        return None
    table = registry_tables.named(name) or (registry_tables.named(path.stem) if len(book.sheetnames) == 1 else None)
    if table is None:
        raise Unreadable(f"{path.name}: sheet {name!r} is named like no registry table; name it {_names()}")
    width = len(_without_blank_end(first[1]))
    padded = ((line, cells + [""] * (width - len(cells))) for line, cells in lines)
    return _sheet(f"{path.name}[{name}]", table, chain([first], padded))


def _without_blank_end(cells: list[str]) -> list[str]:
    used = max((place for place, cell in enumerate(cells, 1) if cell), default=0)
    return cells[:used]


def _cell(value: object) -> str:
    """A cell's value as it would stand in CSV."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case float():
            return repr(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
        case datetime() | date() | time():
            return value.isoformat()
        case _:
            return str(value).strip()


def _sheet(where: str, table: Table, lines: Iterator[tuple[int, list[str]]]) -> Sheet:
    filled = ((line, trimmed) for line, cells in lines if any(trimmed := [cell.strip() for cell in cells]))
    line, header = next(filled, (1, []))
    names = tuple(_without_blank_end(header))
    return Sheet(where, table, names, line, ((line, _fitted(cells, len(names))) for line, cells in filled))


def _fitted(cells: list[str], width: int) -> list[str]:
    """Without the blank columns that a spreadsheet leaves behind the last one."""
    return cells if any(cells[width:]) else cells[:width]


def _names() -> str:
    return ", ".join(table.name for table in registry_tables.TABLES)

"""One table of one file on its way into the database: cells, rows, what differs, what follows from it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice
from typing import NamedTuple
from zoneinfo import ZoneInfo

from psycopg import Connection
from psycopg.rows import class_row

from energy.carriers import Carrier
from energy.refused import Refused
from storage import registry_checks, registry_effects, staging
from storage.registry_cells import Row, Value
from storage.registry_checks import Key
from storage.registry_effects import Change
from storage.registry_files import Sheet
from storage.registry_rows import Facts, MeterFact, Wrong
from storage.registry_tables import CORRECTIONS, ENTERPRISES, REGIONS, Column, Table
from storage.sql import sql

_AT_A_TIME = 20_000  # rows in memory at once: the registry of a country has a million meters
_TOLD = 50


@dataclass(frozen=True)
class Mistake:
    """A cell that cannot be taken, or the cell at which a wrong row is best seen."""

    where: str
    line: int
    column: str
    value: str
    message: str

    def __str__(self) -> str:
        shown = "" if not self.value or repr(self.value) in self.message else f" {self.value!r}"
        return f"{self.where}, line {self.line}, column {self.column}{shown}: {self.message}"


class Mistakes(Refused):
    """The file was not taken. `mistakes` holds the first fifty, `count` is how many there are."""

    def __init__(self, where: str, mistakes: Sequence[Mistake], count: int) -> None:
        total = f"{where}: {count} {'mistake' if count == 1 else 'mistakes'}, nothing was imported"
        super().__init__("\n".join([*map(str, mistakes), total]))
        self.where, self.mistakes, self.count = where, tuple(mistakes), count


@dataclass(frozen=True)
class TableResult:
    """What an import did with one table of one file. Every row read is new, changed or unchanged."""

    file: str
    table: str
    read: int
    new: int
    changed: int
    unchanged: int

    @property
    def moved(self) -> bool:
        return bool(self.new or self.changed)


class _Line(NamedTuple):
    number: int
    row: Row
    cells: Sequence[str]


class Import:
    """Takes one table of one file into the database by `run`, once."""

    def __init__(self, conn: Connection, sheet: Sheet, zone: ZoneInfo) -> None:
        self.conn, self.sheet, self.table, self.zone = conn, sheet, sheet.table, zone
        self.facts = _facts(conn)
        self.absent: Row = {}  # optional columns that the file does not have, with their defaults
        self.places: dict[str, int] = {}  # of the columns that it has
        self.lines: dict[Key, int] = {}
        self.mistakes: list[Mistake] = []
        self.wrong = self.read = self.new = self.changed = 0

    def run(self) -> TableResult:
        """Write what differs. Mistakes, once every row was looked at, if anything is wrong: the caller rolls back."""
        columns = self._columns()
        self._refuse_mistakes()
        lines = self._lines(columns)
        while some := list(islice(lines, _AT_A_TIME)):
            self._take(some)
        if not self.wrong:
            self._look_back()
        self._refuse_mistakes()
        unchanged = self.read - self.new - self.changed
        return TableResult(self.sheet.where, self.table.name, self.read, self.new, self.changed, unchanged)

    # the header

    def _columns(self) -> list[Column]:
        """The columns that the header names, in English or Chinese, in any order."""
        by_title = {title: column for column in self.table.columns for title in (column.name, column.zh)}
        columns = [by_title.get(title.casefold()) for title in self.sheet.header]
        for place, (title, column) in enumerate(zip(self.sheet.header, columns, strict=True)):
            if column is None:
                right = ", ".join(each.name if title.isascii() else each.zh for each in self.table.columns)
                self._header_wrong(title, f"{title!r} is no column of {self.table.name}; write {right}")
            elif columns.index(column) != place:
                self._header_wrong(title, f"{title!r} stands twice in the header; keep one")
        named = [column for column in columns if column]
        missing = [column for column in self.table.columns if column not in named]
        self.absent = {column.name: column.default for column in missing}
        self.places = {column.name: place for place, column in enumerate(named)}
        for column in missing:
            if column.key and column.required:
                self._header_wrong(column.name, f"column {column.name!r} is missing; every row needs it")
        return named

    def _header_wrong(self, title: str, message: str) -> None:
        self._tell(self.sheet.header_line, Wrong(title, title, message))

    # cells

    def _lines(self, columns: list[Column]) -> Iterator[_Line]:
        """Rows whose every cell can be read. Cells repeat a great deal, so what was read is kept for a while."""
        readers = [(column, _remembering(column, self.zone)) for column in columns]
        keys = {key.name: key.default for key in self.table.keys}
        for number, cells in self.sheet.rows:
            self.read += 1
            wrong = self.wrong
            if len(cells) != len(columns):
                self._tell(number, _ragged(cells, columns))
                continue
            pairs = zip(readers, cells, strict=True)
            row = keys | {column.name: self._cell(number, column, read, cell) for (column, read), cell in pairs}
            line = _Line(number, row, cells)
            if self.wrong == wrong and self._is_first(line):
                yield line

    def _cell(self, line: int, column: Column, read: Callable[[str], Value], cell: str) -> Value:
        if not cell:
            if column.required:
                self._tell(line, Wrong(column.name, cell, f"{column.name} is blank ('') and must be stated"))
            return column.default
        try:
            return read(cell)
        except ValueError as error:
            self._tell(line, Wrong(column.name, cell, str(error)))
            return None

    def _is_first(self, line: _Line) -> bool:
        first = self.lines.setdefault(tuple(line.row[key.name] for key in self.table.keys), line.number)
        if first != line.number:
            written = [(key.name, self._written(line, key.name)) for key in self.table.keys]
            names = " and ".join(f"{name} {cell!r}" for name, cell in written)
            self._tell(line.number, Wrong(*written[-1], f"{names}: the same as line {first}; keep one of them"))
        return first == line.number

    def _written(self, line: _Line, column: str) -> str:
        return line.cells[self.places[column]] if column in self.places else ""

    # rows

    def _take(self, lines: list[_Line]) -> None:
        """Check these rows against the registry and, while nothing is wrong, write what differs."""
        lines = self._identified(lines)
        known = self._known([line.row for line in lines])
        changes = [change for line in lines if (change := self._change(line, known))]
        if self.wrong or not changes:
            return
        self.new += sum(change.old is None for change in changes)
        self.changed += sum(change.old is not None for change in changes)
        _write(self.conn, self.table, [change.new for change in changes])
        registry_effects.mark(self.conn, self.table, changes, self.zone)

    def _identified(self, lines: list[_Line]) -> list[_Line]:
        """Those whose enterprise and meter are registered, with their ids beside their codes."""
        if self.table is REGIONS:
            self.facts.regions.update(str(line.row["code"]) for line in lines)
        if "enterprise" not in self.table.by_name:
            return lines
        owned = [line for line in lines if self._has_enterprise(line)]
        if not self.table.of_meter and not self.table.needs_meters:
            return owned
        self.facts = _with_meters(self.conn, self.facts, {line.row["enterprise_id"] for line in owned})
        if not self.table.of_meter:
            return owned
        metered = [line for line in owned if self._has_meter(line)]
        if self.table is CORRECTIONS:
            self.facts = _with_sealed(self.conn, self.facts, [line.row["meter_id"] for line in metered])
        return metered

    def _has_enterprise(self, line: _Line) -> bool:
        code = str(line.row["enterprise"])
        line.row["enterprise_id"] = self.facts.enterprises.get(code)
        if line.row["enterprise_id"] is None:
            self._tell(
                line.number, Wrong("enterprise", code, f"{code!r} is not registered; import the enterprise first")
            )
        return line.row["enterprise_id"] is not None

    def _has_meter(self, line: _Line) -> bool:
        row = line.row
        meter = self.facts.meters.get((row["enterprise_id"], row["meter"]))
        row["meter_id"] = meter.id if meter else None
        if meter and meter.kind != "virtual":
            return True
        message = f"{row['meter']!r} is no meter of {row['enterprise']}; import the meter first"
        if meter:
            message = f"{row['meter']!r} is virtual and has no readings; write a meter that its formula names"
        self._tell(line.number, Wrong("meter", row["meter"], message))
        return False

    def _known(self, rows: list[Row]) -> dict[Key, Row]:
        """The rows that are registered under the keys of these, by key, under the names of the database."""
        keys = [column.stored for column in self.table.stored_keys]
        columns = [column.stored for column in self.table.stored]
        wanted = (self._key(row) for row in rows)
        found = staging.matching(self.conn, self.table.into, keys, wanted, columns, self.table.fixed)
        return {tuple(row[key] for key in keys): row for row in found}

    def _key(self, row: Row) -> Key:
        return tuple(column.of(row) for column in self.table.stored_keys)

    def _change(self, line: _Line, known: dict[Key, Row]) -> Change | None:
        """What the row changes, or None where it changes nothing or is wrong, which is told."""
        old = known.get(self._key(line.row))
        new = self._whole(line.row, old)
        wrongs = [*self._unstated(old)] or [*_virtual_already(old), *self.table.check(new, self.facts)]
        for wrong in wrongs:
            self._tell(line.number, self._as_written(line, wrong))
        if wrongs:
            return None
        now = {column.stored: column.of(new) for column in self.table.stored}
        if old == now:
            return None
        if old and self._key(line.row) in self.facts.sealed:
            message = f"the correction by {new['author']} is approved; withdraw it, or write another one"
            self._tell(line.number, Wrong("author", new["author"], message))
        return Change(old, {**new, **now, **self.table.derive(new, self.facts), **self.table.fixed})

    def _as_written(self, line: _Line, wrong: Wrong) -> Wrong:
        """With the value as it stands in the file, a time for instance in its own zone."""
        return wrong if wrong.column in self.absent else replace(wrong, value=line.cells[self.places[wrong.column]])

    def _whole(self, row: Row, old: Row | None) -> Row:
        """The row with what the file does not say: what is registered, or the defaults."""
        if old is None:
            return self.absent | row
        return {name: old[self.table.by_name[name].stored] for name in self.absent if not self._is_key(name)} | row

    def _unstated(self, old: Row | None) -> Iterator[Wrong]:
        for name in self.absent if old is None else ():
            if self.table.by_name[name].required:
                yield Wrong(name, None, f"column {name!r} is missing; a new row needs it")

    def _is_key(self, name: str) -> bool:
        return self.table.by_name[name].key

    # the whole

    def _look_back(self) -> None:
        for key, wrong in registry_checks.afterwards(self.conn, self.table.name, self.lines):
            if key in self.lines:
                self._tell(self.lines[key], wrong)

    def _tell(self, line: int, wrong: Wrong) -> None:
        self.wrong += 1
        if len(self.mistakes) < _TOLD:
            value = "" if wrong.value is None else str(wrong.value)
            self.mistakes.append(Mistake(self.sheet.where, line, wrong.column, value, wrong.message))

    def _refuse_mistakes(self) -> None:
        if self.wrong:
            raise Mistakes(self.sheet.where, self.mistakes, self.wrong)


def _virtual_already(old: Row | None) -> Iterator[Wrong]:
    if old and old.get("kind") == "virtual":
        yield Wrong("code", old["code"], f"{old['code']!r} is a virtual meter, made by a formula; write another code")


def _remembering(column: Column, zone: ZoneInfo) -> Callable[[str], Value]:
    return lru_cache(4096)(lambda cell: column.read(cell, zone))


def _ragged(cells: Sequence[str], columns: Sequence[Column]) -> Wrong:
    message = f"{','.join(cells)!r} has {len(cells)} cells and the header {len(columns)}; write one for each column"
    return Wrong(columns[min(len(cells), len(columns)) - 1].name, ",".join(cells), message)


def _write(conn: Connection, table: Table, rows: Sequence[Row]) -> None:
    if table is ENTERPRISES:
        conn.execute(sql("registry.add_industries"), {"codes": _industries(rows)})
    keys = [column.stored for column in table.stored_keys] + list(table.fixed)
    columns = [*(column.stored for column in table.stored), *table.derived, *table.fixed]
    staging.upsert(conn, table.into, keys, columns, ([row[name] for name in columns] for row in rows))


def _industries(rows: Iterable[Row]) -> list[str]:
    return sorted({str(row["industry"]) for row in rows if row["industry"]})


def _facts(conn: Connection) -> Facts:
    found = conn.cursor(row_factory=class_row(Carrier)).execute(sql("registry.carriers")).fetchall()
    return Facts(
        dict(conn.execute(sql("registry.enterprise_ids")).fetchall()),
        {row[0] for row in conn.execute(sql("registry.region_parents"))},
        {carrier.code: carrier for carrier in found},
        frozenset(row[0] for row in conn.execute(sql("registry.level_ids"))),
    )


def _with_meters(conn: Connection, facts: Facts, enterprises: Iterable[Value]) -> Facts:
    rows = conn.execute(sql("registry.meter_facts"), {"enterprises": list(enterprises)})
    return replace(facts, meters={(enterprise, code): MeterFact(*rest) for enterprise, code, *rest in rows})


def _with_sealed(conn: Connection, facts: Facts, meters: list[Value]) -> Facts:
    rows = conn.execute(sql("registry.approved_corrections"), {"meters": meters})
    return replace(facts, sealed=frozenset(map(tuple, rows)))

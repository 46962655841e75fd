"""What can be seen only once all rows of a file are in: parents that do not exist, loops, overlaps."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping

from psycopg import Connection

from energy import formulas, periods, returns
from energy.factors import chain
from storage import returns as storage_returns
from storage.registry_cells import Value
from storage.registry_rows import Wrong
from storage.registry_tables import FACTORS, METERS, REGIONS, RETURNS, VIRTUAL_METERS
from storage.sql import sql

Key = tuple[Value, ...]
Found = Iterator[tuple[Key, Wrong]]


def afterwards(conn: Connection, table: str, lines: Mapping[Key, int]) -> Found:
    """What is wrong now with rows of that table, by their key. `lines`: the keys of the file."""
    check = _CHECKS.get(table)
    yield from check(conn, lines) if check else ()


def _region_loops(conn: Connection, lines: Mapping[Key, int]) -> Found:
    parents: dict[str, str | None] = dict(conn.execute(sql("registry.region_parents")).fetchall())
    for code, parent in parents.items():
        if parent and code in chain(parent, parents):
            yield (code,), Wrong("parent", parent, f"{parent!r} lies in {code} itself; name the region above it")


def _meter_parents(conn: Connection, lines: Mapping[Key, int]) -> Found:
    rows = conn.execute(sql("registry.meter_parents"), {"enterprises": _enterprises(lines)}).fetchall()
    above: defaultdict[str, dict[str, str | None]] = defaultdict(dict)
    for enterprise, code, parent, found in rows:
        above[enterprise][code] = parent
        if not found:
            message = f"{parent!r} is no meter of {enterprise}; write the code of a meter of the same enterprise"
            yield (enterprise, code), Wrong("parent", parent, message)
    for enterprise, code, parent, _ in rows:
        if code in chain(parent, above[enterprise]):
            message = f"{parent!r} hangs below {code} itself; name the meter above it"
            yield (enterprise, code), Wrong("parent", parent, message)


def _virtual_formulas(conn: Connection, lines: Mapping[Key, int]) -> Found:
    """Formulas may name virtual meters that come later in the file, so they are read once all are in."""
    asked = {"codes": _enterprises(lines)}
    codes: defaultdict[str, set[str]] = defaultdict(set)
    for enterprise, code in conn.execute(sql("virtual.codes"), asked):
        codes[enterprise].add(code)
    uses: defaultdict[str, dict[str, tuple[str, ...]]] = defaultdict(dict)
    written: dict[Key, str] = {}
    for enterprise, code, formula in conn.execute(sql("virtual.written"), asked):
        written[enterprise, code] = formula
        try:
            uses[enterprise][code] = formulas.parse(formula, codes[enterprise]).inputs
        except ValueError as error:
            yield (enterprise, code), Wrong("formula", formula, str(error))
    for enterprise, some in uses.items():
        for code in some.keys() - formulas.levels(some).keys():
            if path := formulas.circle(code, some):
                message = f"{code} leads back to itself, {' uses '.join(path)}; name meters that do not use {code}"
                yield (enterprise, code), Wrong("formula", written[enterprise, code], message)


def _factor_overlaps(conn: Connection, lines: Mapping[Key, int]) -> Found:
    """Each overlap once, at the later row, or at the earlier one where only that is in the file."""
    for carrier, scope, region, source, *days in conn.execute(sql("registry.overlapping_factors")):
        earlier, later = days[:2], days[2:]
        is_late = (carrier, scope, region, later[0], source) in lines
        (since, _), (other, until) = (later, earlier) if is_late else (earlier, later)
        message = (
            f"the factor of this scope and source from {other} to {until or 'further notice'} holds on the same days;"
            f" end {'that' if is_late else 'this'} one with valid_to, or state another source"
        )
        yield (carrier, scope, region, since, source), Wrong("valid_from", since, message)


def _returned(conn: Connection, lines: Mapping[Key, int]) -> Found:
    """Days that would be added twice (EC-33), and stocks that cannot be (EC-47)."""
    found: defaultdict[tuple[str, str], list[tuple[Value, ...]]] = defaultdict(list)
    units: dict[str, str] = {}
    for enterprise, carrier, *line in conn.execute(sql("returns.items_of"), {"enterprises": _enterprises(lines)}):
        found[enterprise, carrier].append(tuple(line))
        units[carrier] = line[-1]
    for (enterprise, carrier), several in found.items():
        yield from _return_overlaps((enterprise, carrier), several)
        for one in storage_returns.grouped(carrier, several):
            if message := returns.refusal(one.items, carrier, one.period.name, units[carrier]):
                stated = ((enterprise, carrier, one.period.name, item) for item in _CORRECTED if item in one.items)
                yield from [(key, Wrong("quantity", None, message)) for key in stated if key in lines][:1]


_CORRECTED = ("closing_stock", "sold", "opening_stock", "purchased", "conversion_output", "recovered")


def _return_overlaps(whose: tuple[str, str], lines: list[tuple[Value, ...]]) -> Found:
    """A carrier's quantities are returned for the same periods; bills have theirs, and are not added to them."""
    for is_bill in (True, False):
        items = defaultdict(list)
        for period, item, *_ in lines:
            if (item == returns.BILL) is is_bill:
                items[str(period)].append(str(item))
        for earlier, later in returns.overlap(map(periods.parse, items)):
            what = " overlaps ".join(f"{one.name!r} ({', '.join(items[one.name])})" for one in (later, earlier))
            message = f"{what} of {whose[1]}; return each day once, or withdraw one with a blank quantity"
            for one in (earlier, later):
                yield from (((*whose, one.name, item), Wrong("period", one.name, message)) for item in items[one.name])


def _enterprises(lines: Mapping[Key, int]) -> list[str]:
    return sorted({str(key[0]) for key in lines})


_CHECKS: dict[str, Callable[[Connection, Mapping[Key, int]], Found]] = {
    REGIONS.name: _region_loops,
    METERS.name: _meter_parents,
    FACTORS.name: _factor_overlaps,
    VIRTUAL_METERS.name: _virtual_formulas,
    RETURNS.name: _returned,
}

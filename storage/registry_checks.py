"""What can be seen only once all rows of a file are in: parents that do not exist, loops, overlaps."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise

from psycopg import Connection

from energy import periods
from energy.factors import chain
from storage.registry_cells import Value
from storage.registry_rows import Wrong
from storage.registry_tables import FACTORS, METERS, REGIONS, RETURNS
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


def _factor_overlaps(conn: Connection, lines: Mapping[Key, int]) -> Found:
    for carrier, scope, region, since, source, other, until in conn.execute(sql("registry.overlapping_factors")):
        message = (
            f"the factor of this scope and source from {other} to {until or 'further notice'} holds on the same days"
        )
        right = "; end that one with valid_to, or state another source"
        wrong = Wrong("valid_from", since, message + right)
        yield (carrier, scope, region, since, source), wrong
        yield (carrier, scope, region, other, source), wrong


def _return_overlaps(conn: Connection, lines: Mapping[Key, int]) -> Found:
    """Overlapping periods of one item would be added twice (EC-33)."""
    found: defaultdict[tuple[str, str, str], list[periods.Period]] = defaultdict(list)
    for enterprise, carrier, item, period in conn.execute(
        sql("registry.return_periods"), {"enterprises": _enterprises(lines)}
    ):
        found[enterprise, carrier, item].append(periods.parse(period))
    for (enterprise, carrier, item), several in found.items():
        for earlier, later in pairwise(sorted(several, key=lambda period: (period.first, period.until))):
            if later.first < earlier.until:
                message = f"{later.name!r} overlaps {earlier.name!r} of {item}; return each day once"
                for period in (earlier, later):
                    yield (enterprise, carrier, period.name, item), Wrong("period", period.name, message)


def _enterprises(lines: Mapping[Key, int]) -> list[str]:
    return sorted({str(key[0]) for key in lines})


_CHECKS: dict[str, Callable[[Connection, Mapping[Key, int]], Found]] = {
    REGIONS.name: _region_loops,
    METERS.name: _meter_parents,
    FACTORS.name: _factor_overlaps,
    RETURNS.name: _return_overlaps,
}

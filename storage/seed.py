"""Facts that ship with the program (`config/reference`), brought into the database whenever a file has changed.

Carriers, industries, efficiency levels and shipped factors are as their files say. Regions and holidays may be imported
too: what is there already is left alone.
"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from psycopg import Connection
from psycopg.rows import dict_row

from energy import periods
from storage import heating_values, registry_effects, staging
from storage.sql import sql

_Fact = dict[str, Any]
REFERENCE = Path(__file__).parents[1] / "config" / "reference"


@dataclass(frozen=True)
class _Shipped:
    """One file and its table. `texts`: columns in which blank is a text without letters rather than unknown."""

    file: str
    table: str
    keys: tuple[str, ...]
    texts: frozenset[str] = frozenset()
    fixed: Mapping[str, Any] = field(default_factory=dict)
    yields: bool = False  # to rows that are there already


_FILES = (
    _Shipped("regions.csv", "region", ("code",), yields=True),
    _Shipped("industries.csv", "industry", ("code",)),
    _Shipped("carriers.csv", "carrier", ("code",)),
    _Shipped("efficiency_levels.csv", "efficiency_level", ("record_id",)),
    _Shipped("holidays.csv", "holiday", ("date",), yields=True),
    _Shipped(
        "factors.csv",
        "factor",
        ("carrier", "scope", "region", "source", "valid_from", "shipped", "derived"),
        frozenset({"region"}),
        {"scope": "", "shipped": True, "derived": False},
    ),
)


def seed(conn: Connection, zone: ZoneInfo = periods.DEFAULT_ZONE) -> list[str]:
    """Load the files that changed since they were loaded last; their names. The caller commits.

    Changed factors leave stale spans, cut at days of `zone`.
    """
    if not outdated(conn):
        return []
    conn.execute(sql("registry.alone"))
    changed, before = _changed(conn), _factors(conn)
    for shipped in changed:
        _load(conn, shipped)
    differing = [*_differing(before, _factors(conn)), *heating_values.derive(conn)]
    registry_effects.mark_factors(conn, differing, zone)
    conn.execute(sql("registry.bump"))
    return [shipped.file for shipped in changed]


def outdated(conn: Connection) -> bool:
    """Whether `seed` would load anything; asks one small question."""
    return bool(_changed(conn))


def _changed(conn: Connection) -> list[_Shipped]:
    loaded: dict[str, str] = dict(conn.execute(sql("registry.shipped_hashes")).fetchall())
    return [shipped for shipped in _FILES if loaded.get(shipped.file) != _hash(shipped.file)]


def _load(conn: Connection, shipped: _Shipped) -> None:
    header, *rows = csv.reader(io.StringIO((REFERENCE / shipped.file).read_text("utf-8"), newline=""))
    columns = [*header, *shipped.fixed]
    values = _values(header, rows, shipped)
    if shipped.yields:
        staging.add_missing(conn, shipped.table, columns, values)
    else:
        with staging.incoming(conn, shipped.table, columns, values):
            staging.merge(conn, shipped.table, shipped.keys, columns)
            if shipped.table == "factor":
                conn.execute(sql("registry.drop_shipped_factors"))
    conn.execute(sql("registry.keep_shipped_hash"), {"name": shipped.file, "hash": _hash(shipped.file)})


def _values(header: Sequence[str], rows: Sequence[Sequence[str]], shipped: _Shipped) -> Iterator[list[Any]]:
    for row in rows:
        cells = [cell if cell or name in shipped.texts else None for name, cell in zip(header, row, strict=True)]
        yield [*cells, *shipped.fixed.values()]


def _factors(conn: Connection) -> list[_Fact]:
    return conn.cursor(row_factory=dict_row).execute(sql("registry.shipped_factors")).fetchall()


def _differing(before: list[_Fact], after: list[_Fact]) -> list[_Fact]:
    return [row for row in before if row not in after] + [row for row in after if row not in before]


def _hash(file: str) -> str:
    return sha256((REFERENCE / file).read_bytes()).hexdigest()

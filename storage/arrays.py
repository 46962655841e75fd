"""Many rows from PostgreSQL into NumPy without a Python object for each: `array_agg`, read in place; and ids back.

Times are int64 microseconds since 2000-01-01 UTC, which is what PostgreSQL itself counts in. The way in is
storage.binary.
"""

import struct
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection, Cursor
from psycopg.abc import Buffer
from psycopg.adapt import Dumper, Loader
from psycopg.pq import Format

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_INT4, _INT4S = 23, 1007  # type oids
_ARRAY_HEAD = 20  # dimensions, has-nulls, element type, length, lower bound: five int32


def micros(instant: datetime) -> int:
    """Microseconds since 2000-01-01 UTC, exactly."""
    return (instant - EPOCH) // timedelta(microseconds=1)


def instant(micros: int) -> datetime:
    return EPOCH + timedelta(microseconds=int(micros))


class _ArrayLoader(Loader):
    """A one-dimensional array without nulls, as NumPy sees it."""

    format = Format.BINARY
    element: np.dtype[Any]

    def load(self, data: Buffer) -> NDArray[Any]:
        raw = np.frombuffer(data, dtype=np.uint8)
        if len(raw) <= _ARRAY_HEAD:
            return np.empty(0, dtype=self.element.newbyteorder("="))
        pairs = np.frombuffer(data, dtype=[("length", ">i4"), ("value", self.element)], offset=_ARRAY_HEAD)
        return pairs["value"].astype(self.element.newbyteorder("="))


class _Int4s(_ArrayLoader):
    element = np.dtype(">i4")


class _Int8s(_ArrayLoader):
    element = np.dtype(">i8")


class _Float8s(_ArrayLoader):
    element = np.dtype(">f8")


class _IdsDumper(Dumper):
    """An array of ids as int4[]: a list of a million Python numbers would take half a second to write down."""

    format = Format.BINARY
    oid = _INT4S

    def dump(self, obj: NDArray[Any]) -> bytes:
        pairs = np.empty(len(obj), dtype=[("length", ">i4"), ("value", ">i4")])
        pairs["length"], pairs["value"] = 4, obj
        return struct.pack(">iiiii", 1, 0, _INT4, len(obj), 1) + pairs.tobytes()


_LOADERS = {1007: _Int4s, 1016: _Int8s, 1185: _Int8s, 1022: _Float8s}  # int4[], int8[], timestamptz[], float8[]


def columns(conn: Connection, query: LiteralString, values: dict[str, Any]) -> list[NDArray[Any]]:
    """The single row of a query of `array_agg`s as arrays, empty for NULL (no rows). Values may be arrays of ids."""
    with _cursor(conn) as cursor:
        row = cursor.execute(query, values, binary=True).fetchone()
    return [np.empty(0) if column is None else column for column in row or ()]


def execute(conn: Connection, query: LiteralString, values: dict[str, Any]) -> int:
    """How many rows a statement concerned; its values may be arrays of ids."""
    with _cursor(conn) as cursor:
        return cursor.execute(query, values).rowcount


def _cursor(conn: Connection) -> Cursor:
    cursor = Cursor(conn)
    cursor.adapters.register_dumper(np.ndarray, _IdsDumper)
    for oid, loader in _LOADERS.items():
        cursor.adapters.register_loader(oid, loader)
    return cursor

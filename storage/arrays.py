"""Thousands of rows from PostgreSQL into NumPy without a Python object for each: `array_agg`, read in place.

Times are int64 microseconds since 2000-01-01 UTC, which is what PostgreSQL itself counts in. The way in is
storage.binary.
"""

from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection, Cursor
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.pq import Format

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
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


_LOADERS = {1007: _Int4s, 1016: _Int8s, 1185: _Int8s, 1022: _Float8s}  # int4[], int8[], timestamptz[], float8[]


def columns(conn: Connection, query: LiteralString, values: dict[str, Any]) -> list[NDArray[Any]]:
    """The single row of a query of `array_agg`s, as arrays; NULL (no rows) gives empty ones."""
    with Cursor(conn) as cursor:
        for oid, loader in _LOADERS.items():
            cursor.adapters.register_loader(oid, loader)
        row = cursor.execute(query, values, binary=True).fetchone()
    return [np.empty(0) if column is None else column for column in row or ()]

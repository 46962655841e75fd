"""Rows for PostgreSQL's binary COPY, packed by NumPy: sets, not one row at a time. The way out: storage.arrays."""

from collections.abc import Sequence
from typing import Any, LiteralString

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection

_HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TAIL = b"\xff\xff"
_PIECE = 1 << 20


class Layout:
    """The rows of one table as a NumPy type. Columns: (name, big-endian type); a name ending in '?' is always NULL."""

    def __init__(self, columns: Sequence[tuple[str, str]]):
        fields: list[tuple[str, str]] = [("#", ">i2")]
        for name, kind in columns:
            fields.append((f"{name}#", ">i4"))
            if not name.endswith("?"):
                fields.append((name, kind))
        self._type = np.dtype(fields)
        self._blank = np.zeros(1, self._type)
        self._blank["#"] = len(columns)
        for name, kind in columns:
            self._blank[f"{name}#"] = -1 if name.endswith("?") else np.dtype(kind).itemsize

    def pack(self, count: int, **columns: Any) -> NDArray[np.void]:
        """So many rows; a column is an array of that length or one value for all."""
        rows = np.empty(count, self._type)
        rows[:] = self._blank
        for name, values in columns.items():
            rows[name] = values
        return rows


def copy_in(conn: Connection, statement: LiteralString, *parts: NDArray[np.void] | bytes) -> None:
    """Send rows, packed by layouts of the same columns, through one `COPY … FROM STDIN (FORMAT binary)`."""
    with conn.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(_HEAD)
        for part in parts:
            data = part if isinstance(part, bytes) else part.tobytes()
            for start in range(0, len(data), _PIECE):
                copy.write(data[start : start + _PIECE])
        copy.write(_TAIL)

"""Rows for PostgreSQL's binary COPY, packed by NumPy: sets, not one row at a time. The way out: storage.arrays."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, LiteralString, TypeVar

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection

_HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TAIL = b"\xff\xff"
_PIECE = 1 << 20
_ROWS = 1 << 14
T = TypeVar("T")


class Layout:
    """The rows of one table as a NumPy type. Columns: (name, big-endian type); a name ending in '?' is always NULL."""

    def __init__(self, columns: Sequence[tuple[str, Any]]):
        fields: list[tuple[str, Any]] = [("#", ">i2")]
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

    def pieces(self, count: int, **columns: Any) -> Iterator[NDArray[np.void]]:
        """The same some thousands at a time, each made when it is asked for."""
        for start in range(0, count, _ROWS):
            here = slice(start, start + _ROWS)
            some = {name: each[here] if isinstance(each, np.ndarray) else each for name, each in columns.items()}
            yield self.pack(min(_ROWS, count - start), **some)


def copy_in(
    conn: Connection,
    statement: LiteralString,
    *parts: NDArray[np.void] | bytes | Iterable[NDArray[np.void]],
    meanwhile: Callable[[], T] | None = None,
) -> T | None:
    """Send rows, packed by layouts of the same columns, through one `COPY … FROM STDIN (FORMAT binary)`.

    Pieces that are made when asked for are made while the server stores those before, and what is to be done
    meanwhile is done while it stores the last; returns what that returns.
    """
    with conn.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(_HEAD)
        for part in parts:
            for piece in [part] if isinstance(part, bytes | np.ndarray) else part:
                data = _bytes(piece)
                for start in range(0, len(data), _PIECE):
                    copy.write(data[start : start + _PIECE])
        copy.write(_TAIL)
        return meanwhile() if meanwhile else None


def _bytes(piece: NDArray[np.void] | bytes) -> memoryview:
    return memoryview(piece) if isinstance(piece, bytes) else np.ascontiguousarray(piece).view(np.uint8).data

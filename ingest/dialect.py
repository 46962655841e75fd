"""How somebody else's file is to be read: a TOML file of ours beside a file of theirs.

Everything has a default that reads the contract's own CSV. `config/dialects/` has examples, with sentences.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from energy.refused import Refused

MIDNIGHT = ("as_written", "closes_labelled_day")
REPEATED_HOUR = ("first", "second", "by_order", "reject")
MISSING_HOUR = ("shift", "reject")
EPOCHS = ("iso", "epoch_s", "epoch_ms")


@dataclass(frozen=True)
class Column:
    """A column that is read: the meter it belongs to, and the unit it is in (None: the meter's own)."""

    meter: str
    unit: str | None = None


@dataclass(frozen=True)
class Dialect:
    """All of a file's habits.

    time_format: `iso`, `epoch_s`, `epoch_ms`, or a strptime format. zone: of times without offset; None: each meter's
    own, else the deployment's. midnight: `closes_labelled_day` if a row stamped 00:00 ends the day it is labelled with.
    repeated_hour: which of two instants a local time means where clocks go back; `by_order` takes the first and then
    the second as rows follow. missing_hour: `shift` reads a local time that does not exist as if clocks had not moved.
    columns: None means every column of a wide file is a meter of that name."""

    name: str = "plain"
    delimiter: str = ","
    decimal: str = "."
    thousands: str | None = None
    encoding: str = "utf-8-sig"
    skip_rows: int = 0
    time: str = "time"
    time_format: str = "iso"
    zone: ZoneInfo | None = None
    midnight: str = MIDNIGHT[0]
    repeated_hour: str = REPEATED_HOUR[0]
    missing_hour: str = MISSING_HOUR[0]
    blank: tuple[str, ...] = ("",)
    meter: str = "meter"
    value: str = "value"
    meters: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, Column] | None = None
    unit: str | None = None
    skip_where: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def load(file: Path) -> Dialect:
    """A dialect from its file. Refused names the key, the value and what would be right."""
    try:
        written = tomllib.loads(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Refused(f"{file} cannot be read as a dialect: {error}.") from error
    unknown = written.keys() - _READERS.keys()
    if unknown:
        raise Refused(f"{file}: {', '.join(sorted(unknown))} is no key of a dialect; there are {', '.join(_READERS)}.")
    return Dialect(**{"name": file.stem} | {key: _read(file, key, value) for key, value in written.items()})


def _read(file: Path, key: str, value: object) -> Any:
    try:
        return _READERS[key](value)
    except (ValueError, ZoneInfoNotFoundError) as error:
        raise Refused(f"{file}: {key} {error}.") from error


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"is {value!r}; write a text")
    return value


def _sign(value: object) -> str:
    if not isinstance(value, str) or len(value) != 1:
        raise ValueError(f"is {value!r}; write one character")
    return value


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"is {value!r}; write a number of rows")
    return value


def _encoding(value: object) -> str:
    try:
        "".encode(_text(value))
    except LookupError:
        raise ValueError(f"is {value!r}; write an encoding such as utf-8, gb18030 or latin-1") from None
    return _text(value)


def _format(value: object) -> str:
    text = _text(value)
    if text not in EPOCHS and "%" not in text:
        raise ValueError(f"is {text!r}; write {', '.join(EPOCHS)} or a format such as %d/%m/%Y %H:%M")
    if "%" in text:
        datetime(2000, 1, 1).strftime(text)
    return text


def _zone(value: object) -> ZoneInfo:
    try:
        return ZoneInfo(_text(value))
    except (OSError, ValueError, ZoneInfoNotFoundError):
        raise ValueError(f"is {value!r}; write a zone such as Asia/Shanghai") from None


def _one_of(right: tuple[str, ...]) -> Any:
    def read(value: object) -> str:
        if value not in right:
            raise ValueError(f"is {value!r}; write one of {', '.join(right)}")
        return str(value)

    return read


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise ValueError(f"is {value!r}; write a list of texts")
    return tuple(value)


def _names(value: object) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
        raise ValueError('must be a table such as {"their code" = "ours"}')
    return value


def _columns(value: object) -> dict[str, Column]:
    if not isinstance(value, dict) or not value:
        raise ValueError('must be a table such as {"their column" = "meter"} or = {meter = "E-01", unit = "MWh"}')
    return {name: _column(name, each) for name, each in value.items()}


def _column(name: str, value: object) -> Column:
    if isinstance(value, str):
        return Column(value)
    if not isinstance(value, dict) or not value.keys() <= {"meter", "unit"} or not isinstance(value.get("meter"), str):
        raise ValueError(f'{name!r} is {value!r}; write a meter\'s code or {{meter = "E-01", unit = "MWh"}}')
    return Column(value["meter"], value.get("unit"))


def _filters(value: object) -> dict[str, tuple[str, ...]]:
    if not isinstance(value, dict):
        raise ValueError('must be a table such as {"State" = ["invalid"]}')
    return {column: _texts(values) for column, values in value.items()}


_READERS: Mapping[str, Any] = {
    "delimiter": _sign, "decimal": _sign, "thousands": _sign, "encoding": _encoding, "skip_rows": _count, "time": _text,
    "time_format": _format, "zone": _zone, "midnight": _one_of(MIDNIGHT), "repeated_hour": _one_of(REPEATED_HOUR),
    "missing_hour": _one_of(MISSING_HOUR), "blank": _texts, "meter": _text, "value": _text, "meters": _names,
    "columns": _columns, "unit": _text, "skip_where": _filters,
}  # fmt: skip
KEYS = tuple(_READERS)

"""A message's bytes become columns: which meters, when, what values. What they mean is not asked here.

Both shapes of the contract are read. The usual message passes a typed decoder (a third of a microsecond a reading);
whatever that refuses, a literal NaN for instance, is read a second time without types, so that one bad value never
costs the others."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import msgspec

from ingest.reasons import Reason, Unusable

_INT64 = range(-(2**63) + 1, 2**63)  # the lowest int64 stands for "no seq" in storage
_LONGEST_INTEGER = 400  # digits: no float64 holds more
_NO = (None, False, 0, "", "0", "false", "no")


@dataclass(slots=True)
class Columns:
    """The readings of one message, in the order they were sent; index i of every list belongs together.

    clean: every meter is a string, every time a string or number, every value a finite float. Otherwise anything may
    stand in the lists, and admission looks at each item.

    estimated: which readings their sender has marked as estimated (EC-23); None: none of them."""

    meters: list[Any]
    times: list[Any]
    values: list[Any]
    gateway: str | int | None = None
    seq: int | None = None
    clean: bool = True
    estimated: list[bool] | None = None


class _Reading(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    meter: str
    time: str | int | float
    value: float


class _Message(msgspec.Struct, forbid_unknown_fields=True):
    gateway: str | int | None = None
    seq: int | None = None
    time: str | int | float | None = None
    readings: list[_Reading] | None = None
    values: dict[str, float] | None = None


class _WiderReading(_Reading, gc=False, forbid_unknown_fields=False):
    estimated: bool | None = None


class _WiderMessage(_Message, forbid_unknown_fields=False):
    readings: list[_WiderReading] | None = None  # type: ignore[assignment]
    estimated: bool = False


_usual = msgspec.json.Decoder(_Message)
_wider = msgspec.json.Decoder(_WiderMessage)


def decode(payload: bytes, largest: int) -> Columns:
    """The readings of a message. Unusable (too_large, unreadable) when no single reading can be told apart."""
    refuse_large(payload, largest)
    try:
        return _typed(_usual.decode(payload)) or _lenient(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _unusual(payload)


def _typed(message: _Message) -> Columns | None:
    """None where the shape is neither of the two."""
    if message.readings is not None and message.values is None:
        return _listed(message, message.readings)
    if message.values is not None and message.readings is None and message.time is not None:
        return Columns(
            list(message.values),
            [message.time] * len(message.values),
            list(message.values.values()),
            message.gateway,
            usable_seq(message.seq),
        )
    return None


def _unusual(payload: bytes) -> Columns:
    """With marks of estimates, or fields that mean nothing to us; what is wrong in another way is read leniently."""
    try:
        message = _wider.decode(payload)
        columns = _typed(message)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        columns = None
    if columns is None:
        return _lenient(payload)
    own = [reading.estimated for reading in message.readings or ()] or [None] * len(columns.meters)
    marks = [message.estimated if each is None else each for each in own]
    columns.estimated = marks if any(marks) else None
    return columns


def refuse_large(payload: bytes, largest: int) -> None:
    if len(payload) > largest:
        raise Unusable(Reason.TOO_LARGE, f"{len(payload)} bytes; a message has at most {largest}, send it in parts")


def fingerprint(payload: bytes) -> str:
    """What a receipt names a message by that has no seq."""
    return sha256(payload).hexdigest()


def read_json(payload: bytes) -> Any:
    """Any JSON, with literal NaN and numbers beyond float64 read as such. Unusable if it is not UTF-8 or not JSON."""
    try:
        return json.loads(payload.decode("utf-8-sig"), parse_constant=float, parse_int=_integer)
    except UnicodeDecodeError as error:
        raise Unusable(Reason.UNREADABLE, f"not UTF-8 at byte {error.start}") from error
    except json.JSONDecodeError as error:
        raise Unusable(Reason.UNREADABLE, f"not JSON at character {error.pos}: {error.msg}") from error
    except RecursionError as error:
        raise Unusable(Reason.UNREADABLE, "nested too deeply for a message of readings") from error


def usable_seq(value: object) -> int | None:
    """A message's number if it is a whole one of 64 bits, else None: a wrong seq must not cost the readings."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value in _INT64 else None


def usable_gateway(value: object) -> str | int | None:
    if isinstance(value, str):
        return readable(value)
    return usable_seq(value)


def readable(text: str) -> str:
    """The same text if it can be stored and sent; half of a surrogate pair and NUL become a question mark."""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "?")


def _listed(message: _Message, readings: list[_Reading]) -> Columns:
    return Columns(
        [r.meter for r in readings],
        [r.time for r in readings],
        [r.value for r in readings],
        message.gateway,
        usable_seq(message.seq),
    )


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= _LONGEST_INTEGER else float(digits)


def _lenient(payload: bytes) -> Columns:
    message = read_json(payload)
    if not isinstance(message, dict):
        raise Unusable(
            Reason.UNREADABLE, f"the message is {_kind(message)}; an object with readings or values is expected"
        )
    readings, values = message.get("readings"), message.get("values")
    _refuse_shapeless(readings, values)
    time = message.get("time")
    mark = message.get("estimated")
    rows = [_item(each, time) for each in readings or ()]
    rows += [(_code(meter), time, value) for meter, value in (values or {}).items()]
    marks = [each.get("estimated", mark) if isinstance(each, Mapping) else None for each in readings or ()]
    estimated = [each not in _NO for each in [*marks, *[mark] * len(values or {})]]
    return Columns(
        [row[0] for row in rows],
        [row[1] for row in rows],
        [row[2] for row in rows],
        usable_gateway(message.get("gateway")),
        usable_seq(message.get("seq")),
        clean=False,
        estimated=estimated if any(estimated) else None,
    )


def _refuse_shapeless(readings: object, values: object) -> None:
    if readings is None and values is None:
        raise Unusable(Reason.UNREADABLE, "neither readings nor values in the message")
    if not isinstance(readings, list | None):
        raise Unusable(Reason.UNREADABLE, f"readings is {_kind(readings)}; a list is expected")
    if not isinstance(values, dict | None):
        raise Unusable(
            Reason.UNREADABLE, f"values is {_kind(values)}; an object of meter codes and numbers is expected"
        )


def _item(item: object, time: object) -> tuple[Any, Any, Any]:
    """meter, time and value of one entry; an entry without a time of its own has the message's."""
    if not isinstance(item, Mapping):
        return NotAReading(item), None, item
    return _code(item.get("meter")), item.get("time", time), item.get("value")


@dataclass(frozen=True, slots=True)
class NotAReading:
    """Stands where a meter's code should: the entry was no object at all."""

    item: object


def _code(meter: object) -> Any:
    """Some gateways number their meters; the number's digits are the code."""
    if isinstance(meter, int) and not isinstance(meter, bool):
        return str(meter)
    return readable(meter) if isinstance(meter, str) else meter


def _kind(value: object) -> str:
    names = {list: "a list", dict: "an object", str: "a string", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")

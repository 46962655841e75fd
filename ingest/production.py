"""Output messages: production by product and period, one or a list of them."""

import math
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from psycopg import Connection

from energy import periods, units
from ingest.admission import Enterprise
from ingest.decode import read_json, refuse_large, usable_gateway, usable_seq
from ingest.limits import Limits
from ingest.reasons import Reason, Rejection, Unusable
from storage import outputs, rejected
from storage.outputs import Output
from storage.rejected import Rejected

KINDS = ("qualified", "gross", "used_inside")


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of one output message."""

    gateway: str | int | None
    seq: int | None
    accepted: int
    duplicate: int
    rejections: list[Rejection]


def take(
    conn: Connection,
    code: str,
    enterprise: Enterprise | None,
    topic: str,
    payload: bytes,
    limits: Limits,
    now: datetime,
) -> Taken:
    """Store one output message within the caller's transaction. `code` is the enterprise as the topic names it."""
    try:
        items, gateway, seq = _decode(payload, limits.largest_message)
    except Unusable as error:
        taken = Taken(None, None, 0, 0, [Rejection(None, None, error.reason, error.message)])
    else:
        taken = replace(_store(conn, items, enterprise, now), gateway=gateway, seq=seq)
    _keep(conn, code, topic, payload, taken, limits, now)
    return taken


def read(item: object, registered: dict[str, str]) -> Output | tuple[Reason, str]:
    """One item against the enterprise's products and their units."""
    if not isinstance(item, dict):
        return Reason.UNREADABLE, "not an object; an output has period, product, quantity and unit"
    product = item.get("product")
    if not isinstance(product, str) or product not in registered:
        return Reason.UNKNOWN_PRODUCT, f"product {str(product)[:64]!r} is not registered"
    quantity = _quantity(item.get("quantity"))
    if isinstance(quantity, tuple):
        return quantity
    fault = _fault(item, registered[product])
    return fault or Output(product, item["period"], quantity, item["unit"], item.get("kind", KINDS[0]))


def _decode(payload: bytes, largest: int) -> tuple[list[Any], str | int | None, int | None]:
    refuse_large(payload, largest)
    message = read_json(payload)
    if isinstance(message, list):
        return message, None, None
    if not isinstance(message, dict):
        raise Unusable(Reason.UNREADABLE, "neither an output nor a list of outputs")
    listed = message.get("outputs")
    items = listed if isinstance(listed, list) else [message]
    return items, usable_gateway(message.get("gateway")), usable_seq(message.get("seq"))


def _store(conn: Connection, items: list[Any], enterprise: Enterprise | None, now: datetime) -> Taken:
    registered = outputs.units(conn, enterprise.id) if enterprise else {}
    new, rejections = 0, []
    for index, item in enumerate(items):
        output = read(item, registered) if enterprise else _UNKNOWN
        if isinstance(output, tuple):
            rejections.append(Rejection(index, item.get("product") if isinstance(item, dict) else None, *output, item))
        elif enterprise:
            new += outputs.put(conn, enterprise.id, output, "mqtt", now)
    if new and enterprise:
        outputs.judge_again(conn, enterprise.code)
    return Taken(None, None, new, len(items) - new - len(rejections), rejections)


_UNKNOWN = (Reason.UNKNOWN_ENTERPRISE, "the enterprise in the topic is not registered")


def _quantity(value: object) -> Decimal | tuple[Reason, str]:
    if value is None:
        return Reason.NO_VALUE, "no quantity"
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or abs(value) > 1e15:
        return Reason.NOT_A_NUMBER, f"{str(value)[:60]!r} is no finite number"
    if value < 0:
        return Reason.NOT_A_NUMBER, f"{value!r} is negative; production is 0 or more"
    return Decimal(repr(value))


def _fault(item: dict[str, Any], unit: str) -> tuple[Reason, str] | None:
    try:
        periods.parse(_written(item.get("period")))
    except ValueError as error:
        return Reason.BAD_PERIOD, str(error)
    if item.get("kind", KINDS[0]) not in KINDS:
        return Reason.UNREADABLE, f"kind {str(item['kind'])[:40]!r} is none of {', '.join(KINDS)}"
    sent = item.get("unit")
    if not isinstance(sent, str) or not _becomes(sent, unit):
        return (
            Reason.UNKNOWN_UNIT,
            f"unit {str(sent)[:40]!r} does not become {unit}, in which the product is registered",
        )
    return None


def _written(period: object) -> str:
    if not isinstance(period, str) or not period.isascii():
        raise ValueError(f"{str(period)[:40]!r} is no period; write a text such as 2026-10")
    return period


def _becomes(sent: str, unit: str) -> bool:
    try:
        return sent == unit or units.convert(sent, unit) > 0
    except (ValueError, KeyError):
        return False


def _keep(conn: Connection, code: str, topic: str, payload: bytes, taken: Taken, limits: Limits, now: datetime) -> None:
    kept = [
        Rejected(code, topic, taken.gateway, taken.seq, each.index, each.meter, each.reason, each.message,
                 None if each.index is None else {"output": each.time}, payload if each.index is None else None)
        for each in taken.rejections
    ]  # fmt: skip
    rejected.keep(conn, kept, periods.day_of(now, limits.zone), now, limits.kept_per_day)

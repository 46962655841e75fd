"""A file over the wire, as a gateway would send it: message by message, each kept until its receipt has come."""

import json
import secrets
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from ingest import files, instants
from ingest.broker import TOPIC, Broker, Unreachable
from ingest.decode import Columns
from ingest.dialect import Dialect
from ingest.files import Factors
from ingest.link import V5, V311, Link
from ingest.wire import Arrival

_OUTSTANDING = 200  # messages without a receipt
_AGAIN_S = 20.0
_AGAIN_AT_FIRST_S = 5.0  # nobody may have listened yet
_TURN_S = 0.1


class NoCollector(Exception):
    """Nobody has answered."""


@dataclass
class Replayed:
    """What the receipts have said so far. rejected: by reason."""

    messages: int = 0
    sent: int = 0
    answered: int = 0
    accepted: int = 0
    duplicate: int = 0
    conflict: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    resent: int = 0
    rows: int = 0
    blank: int = 0
    skipped: int = 0

    def take(self, receipt: dict[str, Any]) -> None:
        self.answered += 1
        self.accepted += receipt["accepted"]
        self.duplicate += receipt["duplicate"]
        self.conflict += receipt["conflict"]
        self.rejected.update(each["reason"] for each in receipt["rejected"])


def messages(
    file: Path, dialect: Dialect, factors: Factors, zone: ZoneInfo, size: int, told: Replayed
) -> list[Columns]:
    """The file's readings in order of time, so many a message. zone: of times without offset, for their order only."""
    meters, times, values = [], [], []
    marks: list[bool] = []
    for chunk in files.read(file, dialect, factors):
        told.rows, told.blank, told.skipped = (
            told.rows + chunk.rows, told.blank + chunk.blank, told.skipped + chunk.skipped)  # fmt: skip
        meters += chunk.columns.meters
        times += chunk.columns.times
        values += chunk.columns.values
        marks += chunk.columns.estimated or [False] * len(chunk.columns.values)
    order = sorted(range(len(meters)), key=[instants.read(each, zone) or 0 for each in times].__getitem__)
    told.sent, told.messages = len(order), -(-len(order) // size)
    parts = (order[start : start + size] for start in range(0, len(order), size))
    return [_part(part, meters, times, values, marks) for part in parts]


def _part(part: list[int], meters: list[Any], times: list[Any], values: list[Any], marks: list[bool]) -> Columns:
    meter, time, value, mark = ([cells[n] for n in part] for cells in (meters, times, values, marks))
    return Columns(meter, time, value, estimated=mark)


def replay(
    broker: Broker, enterprise: str, parts: list[Columns], told: Replayed, first_s: float, later_s: float
) -> Iterator[None]:
    """Publish and wait until every message has its receipt; `told` is brought up to date between the steps.

    A message without a receipt is sent again. NoCollector if the first has not come for first_s, or
    another for later_s.
    """
    gateway = _Gateway(broker, enterprise, told)
    waiting = iter(enumerate(parts, 1))
    heard, answered = time.monotonic(), 0
    while told.answered < len(parts):
        for number, part in islice(waiting, max(0, _OUTSTANDING - len(gateway.outstanding))):
            gateway.send(number, _payload(gateway.name, number, part))
        gateway.turn()
        if told.answered > answered:
            heard, answered = time.monotonic(), told.answered
        elif time.monotonic() - heard > (later_s if answered else first_s):
            raise NoCollector
        yield
    gateway.close()


class _Gateway:
    """One connection at a time, made anew when it is lost, and what has been sent and not answered."""

    def __init__(self, broker: Broker, enterprise: str, told: Replayed):
        self.name = f"replay-{secrets.token_hex(4)}"
        self.outstanding: dict[int, tuple[bytes, float]] = {}
        self._broker = broker
        self._enterprise = enterprise
        self._told = told
        self._protocol = V5
        self._link: Link | None = None

    def send(self, number: int, payload: bytes) -> None:
        self.outstanding[number] = payload, time.monotonic()
        if self._link is not None and self._link.lost is None:
            self._link.publish(f"{TOPIC}/{self._enterprise}/readings", payload, qos=1)

    def turn(self) -> None:
        link = self._connected()
        if link is None:
            time.sleep(_TURN_S)
            return
        link.turn(_TURN_S)
        late = time.monotonic() - (_AGAIN_S if self._told.answered else _AGAIN_AT_FIRST_S)
        for number, (payload, at) in list(self.outstanding.items()):
            if at < late:
                self._told.resent += 1
                self.send(number, payload)

    def close(self) -> None:
        if self._link is not None:
            self._link.close()

    def _connected(self) -> Link | None:
        if self._link is not None and self._link.lost is None:
            return self._link
        try:
            self._link = self._new_link()
        except Unreachable:
            self._protocol = V311 if self._protocol == V5 else V5
            return None
        self._link.subscribe([f"{TOPIC}/{self._enterprise}/receipt"])
        for number, (payload, _) in list(self.outstanding.items()):
            self.send(number, payload)
        return self._link

    def _new_link(self) -> Link:
        return Link(self._broker, self.name, self._protocol, self._receive, keep_session=False)

    def _receive(self, message: Arrival) -> None:
        receipt = json.loads(message.payload)
        if receipt.get("gateway") == self.name and self.outstanding.pop(receipt.get("seq"), None):
            self._told.take(receipt)


def _payload(gateway: str, number: int, part: Columns) -> bytes:
    readings = [
        {"meter": meter, "time": _time(when), "value": value} | ({"estimated": True} if mark else {})
        for meter, when, value, mark in zip(part.meters, part.times, part.values, _marks(part), strict=True)
    ]
    return json.dumps({"gateway": gateway, "seq": number, "readings": readings}).encode()


def _marks(part: Columns) -> list[bool]:
    return part.estimated or [False] * len(part.meters)


def _time(when: Any) -> str:
    return when if isinstance(when, str) else str(when.isoformat())

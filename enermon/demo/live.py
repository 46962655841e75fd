"""The present: the sample's gateways speak through the broker, all of them at the quarter hours, in turn between."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from threading import Event
from time import monotonic
from zlib import crc32

from enermon.demo import sample, series
from enermon.demo.gateways import Door, Gateway, Tally, message, together
from enermon.demo.series import Messages, Province, Spoken

TICK_S = 2.0
_TURNS = 30  # every gateway speaks once in so many ticks
_SEND_AGAIN_S = 60.0
_PATIENCE_S = 10.0
_QUARTER_S = 900

Key = tuple[str, str]  # enterprise, gateway


class Fleet:
    """All gateways of the province. Sequence numbers count up from the start's time, so that none is used twice."""

    def __init__(self, province: Province, door: Door, now: datetime):
        keys = sorted({(load.enterprise, load.gateway) for load in province.loads})
        self.gateways = {key: Gateway(door, *key) for key in keys}
        self.silent = {key for key in keys if is_silent(province, key, now)}
        self._seq = count(int(now.timestamp() * 1000))

    def __enter__(self) -> "Fleet":
        speaking = [gateway for key, gateway in self.gateways.items() if key not in self.silent]
        for gateway in speaking:
            gateway.start()
        for gateway in speaking:
            gateway.await_subscription()
        return self

    def __exit__(self, *_: object) -> None:
        for key in self.gateways.keys() - self.silent:
            self.gateways[key].stop()

    def next_seq(self) -> int:
        return next(self._seq)

    def send(self, messages: Messages) -> None:
        for key, values in messages.items():
            self.gateways[key].send(self.next_seq(), values)

    def settle(self) -> Tally:
        """Wait for all receipts, sending again once what stays without; what they said together."""
        self._wait()
        if self.send_again(0):
            self._wait()
        return self.tally()

    def _wait(self) -> None:
        until = monotonic() + _PATIENCE_S
        for gateway in self.gateways.values():
            gateway.settle(until)

    def send_again(self, older_than_s: float = _SEND_AGAIN_S) -> int:
        return sum(gateway.send_again(older_than_s) for gateway in self.gateways.values())

    def tally(self) -> Tally:
        return together(gateway.take_tally() for gateway in self.gateways.values())


def is_silent(province: Province, key: Key, now: datetime) -> bool:
    """Whether a fault has silenced the whole gateway."""
    begin = (province.anchor.timestamp() - fault.hours_before * 3600 for fault in province.faults
             if fault.fault == "silent" and not fault.meter and (fault.enterprise, fault.gateway) == key)  # fmt: skip
    return any(now.timestamp() >= each for each in begin)


def due(after: datetime, now: datetime) -> list[datetime]:
    """When gateways speak in (after, now]: at the quarter hours, and if none has passed, now."""
    first, last = int(after.timestamp()) // _QUARTER_S + 1, int(now.timestamp()) // _QUARTER_S
    quarters = [datetime.fromtimestamp(number * _QUARTER_S, UTC) for number in range(first, last + 1)]
    return quarters or [max(now, after + timedelta(seconds=1)).replace(microsecond=0)]


def speak_once(fleet: Fleet, province: Province, after: datetime, now: datetime) -> Tally:
    """Everything since `after` from every gateway, production, and what a platform must be able to bear besides."""
    said: Messages = {}
    for _, messages in series.moments(province, due(after, now)):
        fleet.send(messages)
        said = messages
    produce(fleet, sample.gross_outputs(province, now))
    spoil(fleet, said, now)
    return fleet.settle()


def produce(fleet: Fleet, outputs: Mapping[str, Sequence[dict[str, object]]]) -> None:
    """Production by enterprise, each through its first gateway that speaks."""
    for enterprise, items in outputs.items():
        speaking = [key for key in fleet.gateways if key[0] == enterprise and key not in fleet.silent]
        for key in speaking[:1]:
            fleet.gateways[key].send_outputs(fleet.next_seq(), items)


def spoil(fleet: Fleet, said: Messages, now: datetime) -> None:
    """One gateway sends what is wrong in seven ways, another repeats itself and then contradicts itself."""
    (first, values), (second, others) = list(said.items())[:2]
    wrong, seq = fleet.gateways[first], fleet.next_seq()
    wrong.send_raw(json.dumps({"gateway": first[1], "seq": seq, "readings": mistakes(values, now)}).encode(), seq)
    wrong.send_raw(b'{"gateway": "%s", "seq": 17, "readings": [{"meter": "E-0' % first[1].encode())
    seq = fleet.next_seq()
    wrong.send_raw(message(first[1], seq, values).replace(b"}}", b', "E-98": NaN}}'), seq)
    twice, meter = fleet.gateways[second], next(iter(others))
    twice.send(fleet.next_seq(), others)
    stamp, value = others[meter]
    twice.send(fleet.next_seq(), {meter: (stamp, round(value + 0.01, 2))})


def mistakes(values: dict[str, Spoken], now: datetime) -> Sequence[dict[str, object]]:
    """Readings of which only the first is good, and that one was sent before."""
    meter, (stamp, value) = next(iter(values.items()))
    good = {"meter": meter, "time": stamp.isoformat(), "value": value}
    return (
        good,
        good | {"meter": "E-99"},
        good | {"value": None},
        good | {"value": "12,3"},
        good | {"time": (now + timedelta(days=1)).isoformat()},
        good | {"time": "yesterday"},
    )


def speak(fleet: Fleet, province: Province, after: datetime, now: Callable[[], datetime], stop: Event) -> None:
    """Go on speaking until `stop`: all gateways at the quarter hours, each in its turn between them."""
    instants = _instants(after, now, stop)
    for tick, (instant, messages) in enumerate(series.moments(province, instants)):
        everyone = instant.timestamp() % _QUARTER_S == 0
        fleet.send({key: values for key, values in messages.items() if everyone or _turn(key) == tick % _TURNS})
        fleet.send_again()
        fleet.tally()


def _instants(after: datetime, now: Callable[[], datetime], stop: Event) -> Iterator[datetime]:
    while not stop.wait(TICK_S):
        for instant in due(after, now()):
            yield instant
            after = instant


def _turn(key: Key) -> int:
    return crc32("/".join(key).encode()) % _TURNS

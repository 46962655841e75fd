"""The collector: takes messages from the broker, has them stored, and only then acknowledges them.

One thread speaks with the broker and decides what each reading is, another one writes. Between them lies one batch;
while it is being stored the next one gathers. The broker sends no more than `window` messages without our
acknowledgement, so whatever is not stored yet stays with the broker, and the same number bounds what we hold."""

import logging
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain, repeat

from psycopg import Connection

from ingest import batch
from ingest.batch import Decision, Message
from ingest.broker import TOPIC, Broker, Unreachable
from ingest.limits import Limits
from ingest.link import V5, V311, Link
from ingest.wire import Arrival
from ingest.writer import Job, Other, Writer

log = logging.getLogger(__name__)

SHARED = (f"{TOPIC}/+/readings", f"{TOPIC}/+/output")
STATUS = f"{TOPIC}/+/status/+"  # not shared: retained messages are not sent to new shared subscriptions
_BACKOFF_S = (0.2, 0.5, 1, 2, 5, 10, 30)
_TURN_S = 0.2
_LAST_PATIENCE_S = 10.0
_SWITCH_S = 0.0005  # the writer needs a moment after each answer of the database; by Python's 5 ms it would wait longer


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much a collector takes before it stores, and holds at most.

    window: messages in flight, the session's Receive Maximum; a batch is at most half of it. weight: readings in a
    batch, a rejection counting as five. held_bytes: beyond it no more is read from the connection."""

    window: int = 2000
    linger_s: float = 0.05
    weight: int = 200_000
    held_bytes: int = 32 * 1024 * 1024


@dataclass(slots=True)
class _Gathering:
    """The batch that is being filled."""

    mids: list[int] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    others: list[Other] = field(default_factory=list)
    size: int = 0
    weight: int = 0
    since: float = 0.0


class Collector:
    """name: tells the collectors of one deployment apart, and stays the same over restarts, for the session hangs on
    it.
    """

    def __init__(
        self,
        broker: Broker,
        connect: Callable[[], Connection],
        limits: Limits,
        now: Callable[[], datetime],
        *,
        name: str = "1",
        bounds: Bounds | None = None,
    ):
        self._broker = broker
        self._limits = limits
        self._now = now
        self._client_id = _client_id(broker, name)
        self._bounds = bounds or Bounds()
        self._protocol = V5
        self._link: Link | None = None
        self._gathering = _Gathering()
        self._writing: Job | None = None
        self._wake, self._poke = socket.socketpair()
        self._wake.setblocking(False)
        self._poke.setblocking(False)
        self._writer = Writer(connect, limits, now, self._woken)
        self.listening = threading.Event()

    def run(self, stop: threading.Event) -> None:
        """Until stop is set; then the batch in hand is finished and acknowledged. Once only."""
        sys.setswitchinterval(_SWITCH_S)
        self._writer.start()
        try:
            while not stop.is_set() and not self._writer.ready.wait(_TURN_S):
                pass
            while not stop.is_set():
                self._turn(stop)
            self._finish()
        finally:
            self._close()

    def _turn(self, stop: threading.Event) -> None:
        if self._writer.failure is not None:
            raise self._writer.failure
        link = self._link if self._link is not None and self._link.lost is None else self._reconnected(stop)
        if link is not None:
            link.turn(self._patience(), self._wake, reading=self._may_read())
            if link.subscribed:
                self.listening.set()
            self._answer(link)

    def _patience(self) -> float:
        """Seconds until the batch that is gathering is due."""
        if self._writing is not None or not self._gathering.mids:
            return _TURN_S
        return max(0.0, min(_TURN_S, self._gathering.since + self._bounds.linger_s - time.monotonic()))

    def _may_read(self) -> bool:
        held = self._gathering.size + (self._writing.received_bytes if self._writing else 0)
        gathering, bounds = self._gathering, self._bounds
        return held < bounds.held_bytes and gathering.weight < bounds.weight and len(gathering.mids) < bounds.window

    def _is_due(self) -> bool:
        gathering, bounds = self._gathering, self._bounds
        return bool(gathering.mids) and (
            len(gathering.mids) >= bounds.window // 2
            or gathering.weight >= bounds.weight
            or gathering.size >= bounds.held_bytes // 2
            or time.monotonic() - gathering.since >= bounds.linger_s
        )

    def _hand_over(self, link: Link) -> None:
        if self._writing is None and self._is_due():
            taken, self._gathering = self._gathering, _Gathering()
            self._writing = Job(link, taken.mids, taken.decisions, taken.others, taken.size)
            self._writer.put(self._writing)

    def _answer(self, link: Link) -> None:
        """Receipts and acknowledgements of what is committed; the latter only where the messages came from."""
        done = self._writer.done.popleft() if self._writer.done else None
        if done is not None:
            self._writing = None
        self._hand_over(link)  # first, so that the writer has work while we answer
        if done is None:
            return
        for enterprise, receipt in done.receipts:
            link.publish(f"{TOPIC}/{enterprise}/receipt", receipt)
        if done.job.link is link:
            link.acknowledge(filter(None, done.job.mids))

    def _finish(self) -> None:
        """Store and acknowledge what has been taken; take no more."""
        until = time.monotonic() + _LAST_PATIENCE_S
        link = self._link
        while link is not None and link.lost is None and (self._writing or self._gathering.mids):
            if time.monotonic() > until or self._writer.failure is not None:
                return
            link.turn(self._patience(), self._wake, reading=False)
            self._answer(link)

    def _close(self) -> None:
        self.listening.clear()
        if self._link is not None:
            self._link.close()
        self._writer.close(_LAST_PATIENCE_S)
        self._wake.close()
        self._poke.close()

    def _woken(self) -> None:
        with suppress(OSError):  # full: it is awake; closed: it has ended
            self._poke.send(b"!")

    def _reconnected(self, stop: threading.Event) -> Link | None:
        """A new connection, tried for until stop. What was delivered and not acknowledged comes again by it."""
        if self._link is not None and self._link.lost:
            log.warning("connection to the broker lost: %s", self._link.lost)
        self.listening.clear()
        for pause in chain(_BACKOFF_S, repeat(_BACKOFF_S[-1])):
            self._gathering = _Gathering()
            try:
                self._link = self._new_link()
                return self._link
            except Unreachable as error:
                log.warning("no broker: %s", error)
            if stop.wait(pause):
                break
        return None

    def _new_link(self) -> Link:
        try:
            link = Link(self._broker, self._client_id, self._protocol, self._receive, keep_session=True,
                        window=self._bounds.window)  # fmt: skip
        except Unreachable:
            # A broker that knows only 3.1.1 closes the connection or refuses the version.
            self._protocol = V311 if self._protocol == V5 else V5
            raise
        link.subscribe([*_shared(self._broker), STATUS])
        log.info("connected protocol=%s window=%d", self._protocol.name, self._bounds.window)
        return link

    def _receive(self, message: Arrival) -> None:
        gathering, topic, payload = self._gathering, message.topic, message.payload
        if not gathering.mids:
            gathering.since = time.monotonic()
        gathering.mids.append(message.mid)
        gathering.size += len(payload)
        match topic.split("/")[2:]:
            case [enterprise, "readings"]:
                taken = Message(enterprise, topic, payload, message.dup)
                decision = batch.decide(taken, self._writer.registry, self._limits, self._now())
                gathering.decisions.append(decision)
                gathering.weight += len(decision.admitted.meters) + 5 * len(decision.admitted.rejections)
            case [enterprise, "output"]:
                gathering.others.append(Other(enterprise, topic, payload))
            case [enterprise, "status", gateway]:
                gathering.others.append(Other(enterprise, topic, payload, gateway))
            case _:
                log.warning("a message on a topic that nobody knows is acknowledged and dropped")


def retire(broker: Broker, name: str) -> None:
    """End the session of a collector that will not come back.

    Until then the broker keeps its share of all messages for it, and gateways without a receipt send them again.
    """
    link = Link(broker, _client_id(broker, name), V5, lambda message: None, keep_session=False)
    link.close()


def _shared(broker: Broker) -> list[str]:
    """The topics that collectors divide among them, in a group whose name outsiders cannot guess.

    A broker lets anybody into a group whose name he knows, deals him his share, and drops it when he may not read it.
    """
    return [f"$share/{broker.session}/{topic}" for topic in SHARED]


def _client_id(broker: Broker, name: str) -> str:
    return f"{broker.session}-collector-{name}"

"""The thread that owns the database connection: it stores batches, one after the other, until each is committed.

The database may go away at any time. A batch is then tried again until it is stored or the collector is told to end;
meanwhile nothing is acknowledged, so the messages stay with the broker.
"""

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from queue import Empty, SimpleQueue
from typing import TypeVar

import psycopg
from psycopg import Connection

from ingest import batch, production, receipt, registry, status
from ingest.admission import Admitted
from ingest.batch import Decision, Known, Outcome
from ingest.decode import fingerprint
from ingest.instants import Ticks
from ingest.limits import Limits
from ingest.reasons import Reason, Rejection
from ingest.registry import Registry
from ingest.waiting import admit_waiting
from storage import chain, readings, telemetry
from storage.telemetry import Work

log = logging.getLogger(__name__)

_POLL_S = 1.0  # how late a change of the registry is noticed
_BACKOFF_S = (0.2, 0.5, 1, 2, 5, 10)
_UNKNOWN = (Reason.UNKNOWN_METER, Reason.UNKNOWN_ENTERPRISE)
T = TypeVar("T")


class Abandoned(Exception):
    """The collector ends before the database came back. Nothing of the batch was acknowledged."""


@dataclass(slots=True)
class Other:
    """An output message, or, with a gateway, a status message."""

    enterprise: str
    topic: str
    payload: bytes
    gateway: str | None = None


@dataclass(slots=True)
class Job:
    """A batch and what must be done on the wire once it is stored. mids: to acknowledge; 0 where there is no need."""

    link: object
    mids: list[int]
    decisions: list[Decision] = field(repr=False)
    others: list[Other]
    received_bytes: int = 0


@dataclass(slots=True)
class Done:
    """A stored batch. receipts: (enterprise, payload)."""

    job: Job
    receipts: list[tuple[str, bytes]]


class Writer:
    """Give it one job at a time; what is done appears in `done`, and `wake` is called."""

    def __init__(
        self, connect: Callable[[], Connection], limits: Limits, now: Callable[[], datetime], wake: Callable[[], None]
    ):
        self.registry = Registry()
        self.done: deque[Done] = deque()
        self.failure: BaseException | None = None
        self.ready = threading.Event()
        self._connect = connect
        self._limits = limits
        self._tick = Ticks(now)
        self._wake = wake
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._ending = threading.Event()
        self._conn: Connection | None = None
        self._known: Known | None = None
        self._polled = 0.0
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def put(self, job: Job) -> None:
        self._jobs.put(job)

    def close(self, patience_s: float) -> None:
        """Finish the job in hand, but wait no longer than this for a database that is away."""
        self._jobs.put(None)
        if not self._thread.is_alive():
            return
        self._thread.join(patience_s)
        self._ending.set()
        self._thread.join(patience_s)

    def _run(self) -> None:
        try:
            self._insist(self._refresh)
            self.ready.set()
            while (job := self._next()) is not None:
                self.done.append(self._insist(lambda conn, job=job: self._do(conn, job)))  # type: ignore[misc]
                self._wake()
        except Abandoned:
            log.warning("the database did not come back; what was not stored stays with the broker")
        except BaseException as error:  # the collector's thread raises it
            self.failure = error
        finally:
            self._drop_connection()
            self.ready.set()
            self._wake()

    def _next(self) -> Job | None:
        """The next job, None at the end; while there is none, the registry is watched."""
        while True:
            try:
                job = self._jobs.get(timeout=_POLL_S)
            except Empty:
                self._insist(self._refresh)
                continue
            if time.monotonic() - self._polled > _POLL_S and job is not None:
                self._insist(self._refresh)
            return job

    def _insist(self, action: Callable[[Connection], T]) -> T:
        """Do it, and do it again with a new connection whenever the database went away."""
        tries = 0
        while True:
            try:
                return action(self._connection())
            except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                log.log(logging.WARNING if tries == 0 else logging.INFO, "database away: %s", str(error).strip())
                self._drop_connection()
                if self._ending.wait(_BACKOFF_S[min(tries, len(_BACKOFF_S) - 1)]):
                    raise Abandoned from error
                tries += 1

    def _connection(self) -> Connection:
        if self._conn is None:
            self._conn = self._connect()
            self._known = Known.load(self._conn)
            self._conn.commit()
        return self._conn

    def _drop_connection(self) -> None:
        if self._conn is not None:
            self._conn.close()
        self._conn = self._known = None

    def _refresh(self, conn: Connection) -> None:
        """Take up a changed registry, and the readings that waited for it."""
        known, fresh = self.registry, registry.load(conn, self.registry)
        if fresh is not known and self._known is not None:
            started = time.monotonic()
            self.registry = fresh
            batch.begin_chains(conn, [each.id for each in fresh.enterprises.values()], self._known)
            admitted = admit_waiting(conn, fresh, self._limits, self._known, self._tick)
            counts: telemetry.Counts = {"enterprises": len(fresh.enterprises), "version": str(fresh.version)}
            telemetry.tell(log, Work("registry", admitted, time.monotonic() - started, counts))
        self._polled = time.monotonic()

    def _do(self, conn: Connection, job: Job) -> Done:
        started = time.monotonic()
        decisions = self._decided_anew(conn, job.decisions)
        outcomes = self._stored(conn, decisions)
        heads = self._heads(conn, job)
        receipts = [_receipt(outcome, heads) for outcome in outcomes] + self._others(conn, job.others, heads)
        _report(job, outcomes, len(receipts), time.monotonic() - started)
        return Done(job, receipts)

    def _decided_anew(self, conn: Connection, decisions: list[Decision]) -> list[Decision]:
        """The same, unless a meter that was unknown may have been registered meanwhile."""
        doubtful = [
            n for n, each in enumerate(decisions) if any(r.reason in _UNKNOWN for r in each.admitted.rejections)
        ]
        if not doubtful:
            return decisions
        before = self.registry
        self._refresh(conn)
        if self.registry is not before:
            for n in doubtful:
                decisions[n] = batch.decide(decisions[n].message, self.registry, self._limits, self._tick())
        return decisions

    def _stored(self, conn: Connection, decisions: Sequence[Decision], again: bool = True) -> list[Outcome]:
        """Stored together; if the database cannot hold something in them, one by one, and what it is is put aside."""
        if not decisions:
            return []
        assert self._known is not None
        try:
            return batch.store(conn, decisions, readings.MQTT, self._limits, self._known, self._tick())
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            conn.rollback()
            self._known.days.clear()  # one that we remember may have been dropped
            if again:
                return [outcome for each in decisions for outcome in self._stored(conn, [each], again=False)]
            log.error("a message cannot be stored and is put aside: %s", error.diag.message_primary)
            return self._stored(conn, [_put_aside(decisions[0], error)], again=False)

    def _heads(self, conn: Connection, job: Job) -> dict[str, str]:
        """By enterprise, where its chain stands now that the readings are stored."""
        asked = {each.message.enterprise for each in job.decisions}
        asked |= {other.enterprise for other in job.others if other.gateway is None}
        ids = {self.registry.enterprises[code].id: code for code in asked if code in self.registry.enterprises}
        if not ids:
            return {}
        with conn.transaction():
            return {ids[id]: head for id, head in chain.heads(conn, ids).items()}

    def _others(self, conn: Connection, others: Sequence[Other], heads: Mapping[str, str]) -> list[tuple[str, bytes]]:
        receipts = []
        for other in others:
            try:
                with conn.transaction():
                    receipts.append(self._other(conn, other, heads))
            except (psycopg.DataError, psycopg.IntegrityError) as error:
                why = error.diag.message_primary  # without the row, which is in the rest of what the server says
                log.error("a message on %s cannot be stored and is dropped: %s", other.topic, why)
        return [receipt for receipt in receipts if receipt is not None]

    def _other(self, conn: Connection, other: Other, heads: Mapping[str, str]) -> tuple[str, bytes] | None:
        enterprise = self.registry.enterprises.get(other.enterprise)
        now = self._tick()
        if other.gateway is not None:
            if not status.take(conn, enterprise, other.gateway, other.payload, now):
                log.warning("status of gateway %r of %r is not understood", other.gateway, other.enterprise)
            return None
        taken = production.take(conn, other.enterprise, enterprise, other.topic, other.payload, self._limits, now)
        sha256 = fingerprint(other.payload) if taken.seq is None else None
        counts = taken.accepted, taken.duplicate, 0
        head = heads.get(other.enterprise)
        return other.enterprise, receipt.encode(taken.gateway, taken.seq, sha256, counts, taken.rejections, head)


def _receipt(outcome: Outcome, heads: Mapping[str, str]) -> tuple[str, bytes]:
    decision, enterprise = outcome.decision, outcome.decision.message.enterprise
    sha256 = fingerprint(decision.message.payload) if decision.seq is None else None
    counts = outcome.accepted, outcome.duplicate, outcome.conflict
    rejections, head = decision.admitted.rejections, heads.get(enterprise)
    return enterprise, receipt.encode(decision.gateway, decision.seq, sha256, counts, rejections, head)


def _put_aside(decision: Decision, error: Exception) -> Decision:
    rejection = Rejection(None, None, Reason.UNREADABLE, f"the database cannot hold it: {str(error)[:200]}")
    admitted = Admitted([], [], [], [rejection])
    return Decision(decision.message, decision.enterprise, None, None, admitted, whole=True)


def _report(job: Job, outcomes: Sequence[Outcome], receipts: int, seconds: float) -> None:
    """One line a batch, and a loud one when nearly everything in it is wrong: then it is probably we who are wrong."""
    reasons = Counter(r.reason.value for each in outcomes for r in each.decision.admitted.rejections)
    rejected, stored = reasons.total(), sum(each.accepted for each in outcomes)
    duplicate, conflict = sum(each.duplicate for each in outcomes), sum(each.conflict for each in outcomes)
    states = sum(other.gateway is not None for other in job.others)
    counts: telemetry.Counts = {
        "messages.readings": len(job.decisions), "messages.output": len(job.others) - states, "messages.status": states,
        "received_bytes": job.received_bytes, "readings.accepted": stored, "readings.duplicate": duplicate,
        "readings.conflict": conflict, "readings.rejected": rejected, "receipts": receipts,
    }  # fmt: skip
    counts |= {f"rejections.{reason}": count for reason, count in sorted(reasons.items())}
    telemetry.tell(log, Work("collector", len(job.decisions) + len(job.others), seconds, counts))
    if rejected >= 100 and rejected > 9 * (stored + duplicate + conflict):
        log.error("%d of %d readings of a batch were rejected; is the registry of this deployment complete?",
                  rejected, rejected + stored + duplicate + conflict)  # fmt: skip

"""Readings that waited for their meter to be registered."""

from collections.abc import Callable, Sequence
from datetime import datetime

from psycopg import Connection

from ingest import batch
from ingest.admission import admit
from ingest.batch import FILE_TOPIC, Decision, Known, Message
from ingest.decode import Columns
from ingest.limits import Limits
from ingest.reasons import Reason
from ingest.registry import Registry
from storage import readings, rejected
from storage.rejected import Waiting

_STILL_UNKNOWN = (Reason.UNKNOWN_METER, Reason.UNKNOWN_ENTERPRISE)


def admit_waiting(
    conn: Connection, registry: Registry, limits: Limits, known: Known, tick: Callable[[], datetime]
) -> int:
    """Make readings of rejected ones whose meter is registered by now, in rounds that are committed; how many there
    were.

    Those that are rejected for something else now keep that reason and wait no longer. Two who do this at once store
    nothing twice. tick: the present time, never the same twice.
    """
    count, last = 0, 0
    while waiting := rejected.waiting(conn, last):
        decisions = [_decide(each, registry, limits, tick()) for each in waiting]
        for source, part in _by_source(decisions):
            batch.store(conn, part, source, limits, known, tick())
        count += _settle(conn, waiting, decisions, tick())
        last = waiting[-1].id
    conn.commit()
    return count


def _decide(waiting: Waiting, registry: Registry, limits: Limits, now: datetime) -> Decision:
    enterprise = registry.enterprises.get(waiting.enterprise)
    item = waiting.item
    marks = [True] if item.get("estimated") else None
    meter, time, value = (item.get(name) for name in ("meter", "time", "value"))
    columns = Columns([meter], [time], [value], seq=waiting.seq, clean=False, estimated=marks)
    admitted = admit(columns, enterprise, limits, now)
    return Decision(Message(waiting.enterprise, waiting.topic, b""), enterprise, waiting.gateway, waiting.seq, admitted)


def _by_source(decisions: Sequence[Decision]) -> list[tuple[int, list[Decision]]]:
    """What is admitted now, by the way it once came."""
    admitted = [each for each in decisions if each.admitted.meters]
    files = [each for each in admitted if each.message.topic.startswith(FILE_TOPIC)]
    wire = [each for each in admitted if not each.message.topic.startswith(FILE_TOPIC)]
    return [(source, part) for source, part in ((readings.FILE, files), (readings.MQTT, wire)) if part]


def _settle(conn: Connection, waiting: Sequence[Waiting], decisions: Sequence[Decision], now: datetime) -> int:
    pairs = list(zip(waiting, decisions, strict=True))
    admitted = [each.id for each, decision in pairs if decision.admitted.meters]
    faults = [(each.id, fault) for each, decision in pairs for fault in decision.admitted.rejections]
    with conn.transaction():
        rejected.mark_admitted(conn, admitted, now)
        changes = [(id, fault.reason, fault.message) for id, fault in faults if fault.reason not in _STILL_UNKNOWN]
        rejected.change_reason(conn, changes)
    return len(admitted)

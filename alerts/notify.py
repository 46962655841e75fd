"""The station that tells: delivers what is due, on every channel, and tries again where that makes sense."""

import logging
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

from psycopg import Connection

from alerts import texts
from alerts.cases import Route
from alerts.channels import Channel, Notice, Told
from energy.warnings import level_named
from storage import deliveries, telemetry
from storage.deliveries import Delivery

log = logging.getLogger(__name__)

AT_ONCE = 500
DIGEST_OVER = 5  # more than so many at once on one channel go out as one notice
CLAIM = timedelta(minutes=10)  # a worker that dies while sending leaves its deliveries to the next after this
_PAUSES = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1), timedelta(hours=6))
_TRIES = 10
_WORDS = texts.LEVELS["zh"]


def routes(channels: Sequence[Channel]) -> tuple[Route, ...]:
    """Every channel is told of every level; a flood goes out as one notice."""
    return tuple(Route(channel.name) for channel in channels)


def work(conn: Connection, now: datetime, channels: Sequence[Channel]) -> int:
    """Try what is due; returns how many deliveries were tried. The claim is committed before anything is sent."""
    by_name = {channel.name: channel for channel in channels}
    with conn.transaction():
        due = deliveries.claim(conn, list(by_name), now, now + CLAIM, AT_ONCE)
    waiting: dict[str, list[Delivery]] = defaultdict(list)
    for delivery in due:
        waiting[delivery.channel].append(delivery)
    for name, ours in waiting.items():
        for batch in _batches(ours):
            told = by_name[name].send(notice(batch))
            with conn.transaction():
                _record(conn, batch, told, now)
    return len(due)


def _batches(due: Sequence[Delivery]) -> list[Sequence[Delivery]]:
    return [due] if len(due) > DIGEST_OVER else [[one] for one in due]


def notice(due: Sequence[Delivery]) -> Notice:
    """One event as it stands; several as a list, the worst first."""
    worst = max(due, key=lambda one: level_named(one.level))
    if len(due) == 1:
        return Notice(f"{_WORDS[level_named(worst.level)]}预警 {worst.code}", worst.text, worst.level)
    ordered = sorted(due, key=lambda one: (-level_named(one.level), one.at, one.id))
    return Notice(f"能耗预警 {len(due)} 条", "\n".join(one.text for one in ordered), worst.level)


def _record(conn: Connection, batch: Sequence[Delivery], told: Told, now: datetime) -> None:
    ids = [one.id for one in batch]
    tries = max(one.tries for one in batch)
    if told.sent:
        deliveries.sent(conn, ids, now)
        telemetry.count("deliveries.sent", len(ids))
    elif told.again and tries < _TRIES:
        deliveries.again(conn, ids, now + pause(tries), told.error)
        telemetry.count("deliveries.again", len(ids))
    else:
        deliveries.failed(conn, ids, told.error)
        telemetry.count("deliveries.failed", len(ids))
        log.warning("%d deliveries are given up after %d tries: %s", len(ids), tries, told.error)


def pause(tries: int) -> timedelta:
    """How long to wait after so many tries."""
    return _PAUSES[min(tries, len(_PAUSES)) - 1]

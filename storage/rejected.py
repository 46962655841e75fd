"""What could not be stored: kept with its reason up to a quota per enterprise and day, and counted beyond it."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

from psycopg import Connection
from psycopg.types.json import Jsonb

from storage.sql import sql

_ROUND = 10_000


@dataclass(frozen=True, slots=True)
class Rejected:
    """One reading, or a whole message where no reading could be told apart. item: meter, time and value as they were
    sent.
    """

    enterprise: str
    topic: str
    gateway: str | int | None
    seq: int | None
    index: int | None
    meter: object
    reason: str
    message: str
    item: dict[str, Any] | None
    payload: bytes | None


class Waiting(NamedTuple):
    """A rejected reading whose meter is registered by now."""

    id: int
    enterprise: str
    topic: str
    gateway: str | None
    seq: int | None
    item: dict[str, Any]


def keep(conn: Connection, rejected: Sequence[Rejected], day: date, received: datetime, kept_per_day: int) -> None:
    """Keep and count. day: of receipt, in the deployment's zone. kept_per_day: of one enterprise."""
    if not rejected:
        return
    _copy(conn, list(_within_quota(conn, rejected, day, kept_per_day)), received)
    counts = sorted(Counter((_text(each.enterprise) or "", each.reason) for each in rejected).items())
    conn.execute(
        sql("rejected.count"),
        {
            "day": day,
            "enterprises": [key[0] for key, _ in counts],
            "reasons": [key[1] for key, _ in counts],
            "counts": [count for _, count in counts],
        },
    )


def waiting(conn: Connection, after: int) -> list[Waiting]:
    """Readings that may be admitted now, some thousands, of ids above that one; ask again until there are none."""
    return [Waiting(*row) for row in conn.execute(sql("rejected.waiting"), {"after": after, "limit": _ROUND})]


def mark_admitted(conn: Connection, ids: list[int], now: datetime) -> None:
    conn.execute(sql("rejected.mark_admitted"), {"ids": ids, "now": now})


def change_reason(conn: Connection, changes: Sequence[tuple[int, str, str]]) -> None:
    """(id, reason, message) of rejections that are now rejected for something else."""
    ids, reasons, messages = zip(*changes, strict=True) if changes else ((), (), ())
    conn.execute(
        sql("rejected.change_reason"), {"ids": list(ids), "reasons": list(reasons), "messages": list(messages)}
    )


def _within_quota(conn: Connection, rejected: Sequence[Rejected], day: date, kept_per_day: int) -> Iterable[Rejected]:
    codes = sorted({_text(each.enterprise) or "" for each in rejected})
    used: Counter[str] = Counter(
        dict(conn.execute(sql("rejected.counted"), {"day": day, "enterprises": codes}).fetchall())
    )
    for each in rejected:
        code = _text(each.enterprise) or ""
        used[code] += 1
        if used[code] <= kept_per_day:
            yield each


def _copy(conn: Connection, rejected: Iterable[Rejected], received: datetime) -> None:
    with conn.cursor().copy(sql("rejected.copy")) as copy:
        for each in rejected:
            copy.write_row(
                (
                    received,
                    _text(each.enterprise) or "",
                    _text(each.topic) or "",
                    _text(each.gateway),
                    each.seq,
                    each.index,
                    _text(each.meter),
                    each.reason,
                    _text(each.message),
                    None if each.item is None else Jsonb({key: _plain(item) for key, item in each.item.items()}),
                    each.payload,
                )
            )


def _text(value: object) -> str | None:
    """As PostgreSQL's text: it holds neither NUL nor half of a surrogate pair."""
    if value is None:
        return None
    text = value if isinstance(value, str) else str(value)[:200]
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "?")


def _plain(value: object) -> object:
    """As JSON: numbers that JSON does not know, and nested things, become text."""
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float) and abs(value) < 1e300:
        return value
    return _text(repr(value)[:1000])

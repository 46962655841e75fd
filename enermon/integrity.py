"""What `enermon check --integrity` says: one sentence for everything that is not as it was received."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from psycopg import Connection

from energy.refused import Refused
from storage import integrity
from storage.integrity import Fault, Gone, Kind, Tally

_SENTENCES = {
    Kind.LINK_TWICE: "Link {number} of {enterprise} (day of receipt {day}) stands out of its place or twice: a link "
    "was inserted, or links were put in another order.",
    Kind.LINK_MISSING: "{enterprise} has no link {expected} before link {found} (day of receipt {day}): {missing} "
    "deleted.",
    Kind.LINK_CHANGED: "Link {number} of {enterprise}, received {received}, was changed: its head does not follow "
    "from the link before and from what it says.",
    Kind.DAY_BROKEN: "Link {number} of {enterprise}, the first of {day} (day of receipt), does not follow from the "
    "day before: it was changed, or the chain before it was rewritten.",
    Kind.SEAL: "The seal of {enterprise} for {day} (day of receipt) does not agree with the last link, {number}.",
    Kind.CUT_OFF: "The chain of {enterprise} ends at link {found} and should end at link {expected}: links at its "
    "end, or its head, were changed or deleted.",
    Kind.GONE: "Readings of {enterprise} for {day}, received {received} (link {number}), are gone, all {expected} of "
    "them: deleted, or the time of receipt was changed.",
    Kind.FEWER: "{enterprise} has {found} instead of {expected} readings for {day}, received {received} (link "
    "{number}): some were deleted, or their time of receipt was changed.",
    Kind.MORE: "{enterprise} has {found} instead of {expected} readings for {day}, received {received} (link "
    "{number}): some were inserted.",
    Kind.CHANGED: "{enterprise} has other readings for {day} than were received {received} (link {number}, {expected} "
    "readings): some were changed.",
    Kind.UNKNOWN: "{enterprise} has readings for {day}, said to be received {received}, that no link knows, {found} of "
    "them: inserted, or the time of receipt was changed.",
    Kind.DROPPED: "Of {day}, dropped {received}, the readings of {found} links are gone; {expected} links were "
    "dropped, or their heads differ now.",
}
_HEX = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Receipt:
    """What a gateway kept: which message it answers, and the head it carries, None where it carries none."""

    name: str
    head: str | None


def sentence(fault: Fault, zone: ZoneInfo) -> str:
    """What is wrong, for people."""
    lost = fault.found - fault.expected
    return _SENTENCES[fault.kind].format(
        number=fault.number,
        enterprise=fault.enterprise or "A meter that is not registered",
        day=fault.day,
        received=_at(fault.received, zone) if fault.received else "",
        expected=fault.expected,
        found=fault.found,
        missing="it was" if lost == 1 else f"{lost} links were",
    )


def dropped(gone: Gone, zone: ZoneInfo) -> str:
    """What is not there, and is not meant to be."""
    return (
        f"The readings of {gone.day} were dropped {_at(gone.dropped, zone)}: {gone.links} links, {gone.readings} "
        f"readings, head {gone.head}."
    )


def summary(tally: Tally, kept: Sequence[Receipt]) -> str:
    """What is said when all is well."""
    heads = len([each for each in kept if each.head])
    receipts = f" {heads} of {len(kept)} receipts carry a head; each is in the chain." if kept else ""
    before = f" {tally.before} readings are older than the chain and have no links." if tally.before else ""
    return f"{tally.links} links, {tally.readings} readings, all as received.{receipts}{before}"


def receipts(file: Path) -> list[Receipt]:
    """Receipts as JSON, one, a list or one a line; or bare heads, one a line. Refused for anything else."""
    text = file.read_text("utf-8-sig")
    try:
        whole = json.loads(text)
        return [
            _receipt(each, f"receipt {n}") for n, each in enumerate(whole if isinstance(whole, list) else [whole], 1)
        ]
    except json.JSONDecodeError:
        lines = [(n, line.strip()) for n, line in enumerate(text.splitlines(), 1)]
    return [_of_line(line, f"line {n}") for n, line in lines if line]


def unknown_heads(conn: Connection, enterprise: str | None, kept: Sequence[Receipt]) -> Iterator[str]:
    """A sentence for every receipt whose head is no head of the enterprise's chain; enterprise None: of any."""
    heads = sorted({each.head for each in kept if each.head})
    places = integrity.find(conn, heads) if heads else {}
    for each in kept:
        place = places.get(each.head or "")
        if each.head and (place is None or enterprise not in (None, place.enterprise)):
            whose = f"the chain of {enterprise}" if enterprise else "any chain"
            yield (
                f"The head {each.head} of {each.name} is not in {whose}: the chain was rewritten since that receipt "
                "was sent, or it was sent by another installation."
            )


def _of_line(line: str, where: str) -> Receipt:
    if _HEX.fullmatch(line.lower()):
        return Receipt(where, line.lower())
    try:
        return _receipt(json.loads(line), where)
    except json.JSONDecodeError as error:
        raise Refused(f"{where} is neither a receipt in JSON nor a head of 64 hexadecimal digits.") from error


def _receipt(said: object, where: str) -> Receipt:
    if not isinstance(said, dict) or "chain" not in said:
        raise Refused(f"{where} is no receipt: an object with the field chain is expected.")
    head = said["chain"]
    if head is not None and not (isinstance(head, str) and _HEX.fullmatch(head.lower())):
        raise Refused(f"{where}: chain is {str(head)[:70]!r}; 64 hexadecimal digits are expected.")
    name = f"seq {said['seq']} of gateway {said.get('gateway')}" if "seq" in said else where
    return Receipt(f"the receipt for {name}" if "seq" in said else where, head.lower() if head else None)


def _at(instant: datetime, zone: ZoneInfo) -> str:
    return f"{instant.astimezone(zone):%Y-%m-%d %H:%M:%S.%f%z}"

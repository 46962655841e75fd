"""The platform's promise: what became of a message, sent after the commit."""

from typing import Any

import msgspec

from ingest.reasons import Rejection

_EXPLAINED = 1000  # rejections beyond this many carry their reason without the sentence


class Receipt(msgspec.Struct, omit_defaults=False):
    """As it goes over the wire. `sha256` of the payload stands where the message had no usable seq."""

    accepted: int
    duplicate: int
    conflict: int
    rejected: list[dict[str, Any]]
    gateway: str | int | msgspec.UnsetType = msgspec.UNSET
    seq: int | msgspec.UnsetType = msgspec.UNSET
    sha256: str | msgspec.UnsetType = msgspec.UNSET
    chain: str | None = None


_encode = msgspec.json.Encoder().encode


def encode(
    gateway: str | int | None,
    seq: int | None,
    sha256: str | None,
    counts: tuple[int, int, int],
    rejections: list[Rejection],
    chain: str | None,
) -> bytes:
    """counts: accepted, duplicate, conflict. Either seq or sha256 is given. chain: the head of the enterprise's chain
    after the commit; None: nothing is stored of it."""
    return _encode(
        Receipt(
            *counts,
            [_entry(each, number) for number, each in enumerate(rejections)] if rejections else [],
            msgspec.UNSET if gateway is None else gateway,
            msgspec.UNSET if seq is None else seq,
            msgspec.UNSET if sha256 is None else sha256,
            chain,
        )
    )


def _entry(rejection: Rejection, number: int) -> dict[str, Any]:
    entry: dict[str, Any] = {"index": rejection.index, "meter": _shown(rejection.meter), "reason": rejection.reason}
    return entry | {"message": rejection.message} if number < _EXPLAINED else entry


def _shown(meter: object) -> str | None:
    return meter[:64] if isinstance(meter, str) else None

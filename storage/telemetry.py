"""What a unit of work says of itself: one log line with the same fields at every station. Metrics are counted from it.

A station counts what became of things while it works; whoever runs it writes the line when the work is committed, and
no line when it is not. Nobody has to listen: without a unit around it, counting does nothing.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

WORK = "work"  # the attribute of a log record under which its unit of work travels
Counts = dict[str, int | str]


@dataclass(frozen=True, slots=True)
class Work:
    """One unit of work. found: how many things there were to do.

    counts: what became of them, "what" or "what.kind"; texts say what it was about and are not counted. No payloads,
    no secrets.
    """

    station: str
    found: int
    seconds: float
    counts: Mapping[str, int | str] = field(default_factory=dict)
    failed: bool = False

    def __str__(self) -> str:
        told = "".join(f" {name}={value}" for name, value in self.counts.items())
        return f"{self.station} found={self.found} seconds={self.seconds:.3f}{told}"


_counts: ContextVar[Counts | None] = ContextVar("counts", default=None)


@contextmanager
def unit() -> Iterator[Counts]:
    """What is counted while the block runs, in this thread."""
    counts: Counts = {}
    token = _counts.set(counts)
    try:
        yield counts
    finally:
        _counts.reset(token)


def count(what: str, number: int = 1) -> None:
    """So many more of it in the present unit of work: once a batch, never once a reading."""
    counts = _counts.get()
    if counts is not None and number:
        before = counts.get(what, 0)
        counts[what] = number + (before if isinstance(before, int) else 0)


def note(what: str, text: str) -> None:
    """What the present unit of work is about."""
    counts = _counts.get()
    if counts is not None:
        counts[what] = text


def tell(log: logging.Logger, work: Work) -> None:
    """Write the line of a unit of work that is committed."""
    log.info("%s", work, extra={WORK: work})


def told(record: logging.LogRecord) -> Work | None:
    """The unit of work that a log record speaks of, if it speaks of one."""
    work = getattr(record, WORK, None)
    return work if isinstance(work, Work) else None

"""How the long-running commands log: one line a unit of work on standard error, as text or as one JSON object.

The line has the same fields at every station: station, found, seconds, and what was counted (`storage.telemetry`).
"""

import json
import logging
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from storage import telemetry

_FROM_OUTSIDE = "ingest"  # the loggers whose warnings anybody with a gateway can cause
_MOST_ALIKE, _WINDOW_S = 10, 60.0


def set_up(form: str) -> None:
    """`form` is the setting `log_format`. Libraries speak only when something is wrong."""
    handler = logging.StreamHandler()
    handler.setFormatter(_AsJson() if form == "json" else logging.Formatter(_TEXT, "%Y-%m-%dT%H:%M:%S%z"))
    handler.addFilter(Sparing())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for library in ("apprise", "apscheduler", "httpx", "uvicorn.access"):
        logging.getLogger(library).setLevel(logging.WARNING)


_TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class Sparing(logging.Filter):
    """Of warnings about what arrives, no more than ten of one kind a minute; the next one says how many were left out.

    Lines of units of work always pass.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        super().__init__()
        self._clock = clock
        self._seen: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if not record.name.startswith(_FROM_OUTSIDE) or telemetry.told(record) or record.levelno < logging.WARNING:
            return True
        kind = record.name, str(record.msg)
        since, count = self._seen.get(kind, (self._clock(), 0))
        if self._clock() - since >= _WINDOW_S:
            if count > _MOST_ALIKE:
                record.msg = f"{record.msg} ({count - _MOST_ALIKE} more like it were not written)"
            since, count = self._clock(), 0
        self._seen[kind] = since, count + 1
        return count < _MOST_ALIKE


class _AsJson(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "from": record.name,
            "message": record.getMessage(),
        }
        if work := telemetry.told(record):
            line |= {"station": work.station, "found": work.found, "seconds": round(work.seconds, 3)}
            line |= _nested(work.counts)
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def _nested(counts: Mapping[str, int | str]) -> dict[str, Any]:
    """`what.kind` as an object of kinds."""
    found: dict[str, Any] = {}
    for name, value in counts.items():
        what, dot, kind = name.partition(".")
        if dot:
            found.setdefault(what, {})[kind] = value
        else:
            found[what] = value
    return found

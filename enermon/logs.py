"""How the long-running commands log: one line a unit of work on standard error, as text or as one JSON object."""

import json
import logging
from datetime import UTC, datetime


def set_up(form: str) -> None:
    """`form` is the setting `log_format`. Libraries speak only when something is wrong."""
    handler = logging.StreamHandler()
    handler.setFormatter(_AsJson() if form == "json" else logging.Formatter(_TEXT, "%Y-%m-%dT%H:%M:%S%z"))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for library in ("apprise", "apscheduler", "httpx", "uvicorn.access"):
        logging.getLogger(library).setLevel(logging.WARNING)


_TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class _AsJson(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "from": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)

"""A collector in a process of its own, to be killed: arguments are DSN, broker URL, user, password and session."""

import sys
from datetime import UTC, datetime
from threading import Event
from urllib.parse import urlsplit

from ingest.broker import Broker
from ingest.collector import Bounds, Collector
from ingest.limits import Limits
from storage import database


def main() -> None:
    dsn, address, user, password, session = sys.argv[1:]
    url = urlsplit(address)
    broker = Broker(url.hostname or "", url.port or 1883, session, user, password)
    bounds = Bounds(window=50, linger_s=0.01)
    Collector(broker, lambda: database.connect(dsn), Limits(), lambda: datetime.now(UTC), bounds=bounds).run(Event())


if __name__ == "__main__":
    main()

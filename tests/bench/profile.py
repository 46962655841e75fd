"""Where the database spends a burst: which statements run, looked at a hundred times a second."""

import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from storage import database, sql

_EVERY_S = 0.01
_SHOWN = 40  # characters of a statement that has no name
_MOST = 8
_HEAD = re.compile(r"^-- (\w+) --\n(.+)$", re.MULTILINE)
_ACTIVE = """SELECT query FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND state = 'active'"""


class Profile:
    """Seconds by statement, as `noun.name`, while `watching`."""

    def __init__(self, dsn: str):
        self._dsn = dsn
        self._names = _names()
        self._spent: dict[str, float] = {}
        self._stop = threading.Event()

    @contextmanager
    def watching(self) -> Iterator[None]:
        thread = threading.Thread(target=self._watch)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()

    def longest(self) -> Mapping[str, float]:
        return dict(sorted(self._spent.items(), key=lambda pair: -pair[1])[:_MOST])

    def _watch(self) -> None:
        with database.connect(self._dsn) as conn:
            conn.autocommit = True
            last = time.monotonic()
            while not self._stop.wait(_EVERY_S):
                active = [query for (query,) in conn.execute(_ACTIVE.encode())]
                now = time.monotonic()
                for first in (query.partition("\n")[0] for query in active):
                    name = self._names.get(first, first[:_SHOWN])
                    self._spent[name] = self._spent.get(name, 0.0) + now - last
                last = now


def _names() -> Mapping[str, str]:
    """Statement by its first line, which is the sentence that says what it is for."""
    folder = Path(sql.__file__).with_name("sql")
    found = [
        (file.stem, name, first)
        for file in folder.glob("*.sql")
        for name, first in _HEAD.findall(file.read_text("utf-8"))
    ]
    return {first: f"{noun}.{name}" for noun, name, first in found}

"""A small door for whoever watches a process that has no pages: `/metrics`, `/healthz`, `/readyz`."""

import json
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from psycopg import Connection
from psycopg_pool import ConnectionPool

from energy.refused import Refused
from enermon import services
from enermon.context import App
from enermon.metrics import CONTENT_TYPE, Database, Metrics
from storage import database, readiness

Part = Callable[[], str | None]
_JSON = "application/json"


@dataclass(frozen=True)
class Door:
    """What is answered. parts: each says why it is not ready, None if it is."""

    metrics: Callable[[], bytes]
    parts: Sequence[Part]

    def answer(self, path: str) -> tuple[int, str, bytes]:
        """Status, kind and text."""
        match path.partition("?")[0]:
            case "/metrics":
                return 200, CONTENT_TYPE, self.metrics()
            case "/healthz":
                return 200, _JSON, json.dumps({"status": "ok"}).encode()
            case "/readyz":
                reason = "; ".join(filter(None, (part() for part in self.parts)))
                told = {"status": "not ready", "reason": reason} if reason else {"status": "ok"}
                return 503 if reason else 200, _JSON, json.dumps(told).encode()
        return 404, _JSON, json.dumps({"error": "there are /metrics, /healthz and /readyz"}).encode()


@contextmanager
def watched(
    app: App, metrics: Metrics, parts: Sequence[Part], pool: ConnectionPool[Connection] | None = None
) -> Iterator[None]:
    """Answer at metrics_host and metrics_port while the block runs; without a port, nowhere. Refused if it is taken.

    pool: whose database is asked already; None: one of its own is opened and asked.
    """
    if not app.settings.metrics_port:
        yield
        return
    with ExitStack() as ends:
        if pool is None:
            pool = ends.enter_context(database.open_pool(services.database_dsn(app.settings), 1, read_only=True))
            metrics.add(Database(pool, app.now))
        door = Door(metrics.text, (partial(readiness.why_not, pool), *parts))
        ends.enter_context(open_door(door, app.settings.metrics_host, app.settings.metrics_port))
        yield


@contextmanager
def open_door(door: Door, host: str, port: int) -> Iterator[int]:
    """Answer in threads while the block runs; gives the port. Refused if it is taken; 0 is any free one."""
    try:
        server = _server(door, host, port)
    except OSError as error:
        raise Refused(
            f"Metrics cannot be answered on {host}:{port}: {error.strerror}."
            " Give every process a metrics_port of its own."
        ) from error
    thread = Thread(target=server.serve_forever, name="watch", daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _server(door: Door, host: str, port: int) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def do_GET(self) -> None:
            status, kind, text = door.answer(self.path)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *args: object) -> None:
            """To be looked at is no unit of work."""

    class Server(ThreadingHTTPServer):
        address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        daemon_threads = True

    return Server((host, port), Handler)

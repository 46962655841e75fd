"""The console's web server: alone until a signal, or in a thread beside the rest of the program."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import uvicorn
from fastapi import FastAPI

from energy.refused import Refused

_BACKLOG = 128
_GRACE_S = 3  # for answers under way when the console ends
_PATIENCE_S = 10.0


def serve(app: FastAPI, host: str, port: int) -> None:
    """Serve until SIGINT or SIGTERM. Refused if the port is taken."""
    with _listening(host, port) as listening:
        _server(app).run(sockets=[listening])


@contextmanager
def serving(app: FastAPI, host: str, port: int) -> Iterator[str]:
    """Serve in a thread while the block runs; gives its address. Refused if the port is taken; 0 is any free one."""
    server = _server(app)
    with _listening(host, port) as listening:
        thread = Thread(target=server.run, kwargs={"sockets": [listening]}, name="console")
        thread.start()
        try:
            _await_start(server, thread)
            yield address(host, listening.getsockname()[1])
        finally:
            server.should_exit = True
            thread.join()


def address(host: str, port: int) -> str:
    """What to type into a browser on this machine."""
    name = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{name}:{port}/"


def allowed_hosts(host: str) -> tuple[str, ...]:
    """Names under which a console that listens there may be asked for: on loopback only loopback's own."""
    return ("127.0.0.1", "localhost") if host in ("127.0.0.1", "localhost") else ("*",)


def _server(app: FastAPI) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            app,
            log_config=None,  # the program has its own
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_GRACE_S,
            lifespan="off",
        )
    )


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise Refused(
            f"The console cannot listen on {host}:{port}: {error.strerror}."
            " Set console_host and console_port to an address of this machine and a free port."
        ) from error


def _await_start(server: uvicorn.Server, thread: Thread) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not server.started and thread.is_alive() and time.monotonic() < deadline:
        time.sleep(0.01)

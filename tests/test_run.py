"""Long-running commands as an operator starts and ends them."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from time import monotonic, sleep

import httpx
import pytest

from deploy import broker
from enermon.running import side_by_side
from storage import hosting, server

ROOT = Path(__file__).parents[1]


@pytest.fixture
def data(server_folder: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    folder = server_folder / f"run_{request.node.name[:30]}"
    yield folder
    broker.stop(folder)
    server.stop(folder)


@contextmanager
def started(data: Path, *words: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """The program in a process of its own, and its console's port."""
    port = hosting.free_port()
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ENERMON_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "enermon", *words],
        cwd=ROOT,
        env=clean | {"ENERMON_DATA": str(data), "ENERMON_CONSOLE_PORT": str(port)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process, port
    finally:
        process.kill()
        process.communicate()


def answers(port: int, patience_s: float = 30) -> bool:
    until = monotonic() + patience_s
    while monotonic() < until:
        try:
            return httpx.get(f"http://127.0.0.1:{port}/").status_code == 200
        except httpx.TransportError:
            sleep(0.1)
    return False


def test_run_shows_the_console_and_ends_in_order_when_told_to(data: Path) -> None:
    with started(data, "run") as (process, port):
        assert answers(port)
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=20)
    assert process.returncode == 0, output
    assert f"The console is at http://127.0.0.1:{port}/" in output
    assert "Traceback" not in output


def test_the_worker_alone_ends_in_order_when_told_to(data: Path) -> None:
    with started(data, "work") as (process, _):
        sleep(4)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=20)
    assert process.returncode == 0, output
    assert "Traceback" not in output


def test_when_one_part_fails_the_others_are_told_to_end_and_the_failure_is_told() -> None:
    stop, ended = Event(), Event()

    def fails() -> None:
        raise ValueError("the broker refused us")

    def goes_on() -> None:
        stop.wait(10)
        ended.set()

    with pytest.raises(ValueError, match="refused us"), side_by_side(stop, {"one": fails, "other": goes_on}):
        stop.wait(10)
    assert ended.is_set()


def test_parts_run_while_the_block_does() -> None:
    stop, running = Event(), Event()

    def part() -> None:
        running.set()
        stop.wait(10)

    with side_by_side(stop, {"part": part}):
        assert running.wait(5) and not stop.is_set()
    assert stop.is_set()

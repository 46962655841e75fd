"""The C client, compiled on the spot, and the files of messages it publishes."""

import json
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from struct import Struct
from urllib.parse import urlsplit

from deploy.broker import Access
from energy.refused import Refused

_SOURCE = Path(__file__).with_name("client.c")
_LENGTHS = Struct(">HI")
_WINDOW = 2_000


class Running:
    """A client that is ready and waits for the word."""

    def __init__(self, words: Sequence[str]):
        self._process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        if self._process.stdout.readline() != "ready\n":
            raise Refused(f"The bench's MQTT client did not get ready (exit code {self._process.wait()}).")

    @property
    def pid(self) -> int:
        return self._process.pid

    def go(self) -> "Running":
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        return self

    def result(self, seconds: float = 300) -> Mapping[str, float]:
        """Its figures, when it has done what it was told."""
        out, _ = self._process.communicate(timeout=seconds)
        if self._process.returncode:
            raise Refused(f"The bench's MQTT client failed (exit code {self._process.returncode}).")
        figures: Mapping[str, float] = json.loads(out)
        return figures

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


class Clients:
    """Clients of one broker."""

    def __init__(self, program: Path, access: Access):
        self._program = program
        self._account = [str(urlsplit(access.url).port), access.user, access.password]

    def publisher(self, messages: Path, receipts: int = 0) -> Running:
        """Publishes the file and ends when it has seen so many receipts."""
        return Running([str(self._program), "publish", *self._account, str(messages), str(_WINDOW), str(receipts)])

    def drain(self, name: str, messages: int) -> Running:
        """Takes so many messages of readings in the session of that name; 0 makes the session."""
        words = [f"$share/{name}/enermon/v1/+/readings", name, str(messages)]
        return Running([str(self._program), "drain", *self._account, *words])


def compiled(folder: Path) -> Path:
    """The client's program."""
    compiler = shutil.which("cc")
    if compiler is None:
        raise Refused("The bench needs a C compiler: `make bench` installs one, or `apt-get install gcc libc6-dev`.")
    program = folder / "client"
    subprocess.run([compiler, "-O2", "-D_GNU_SOURCE", "-o", program, _SOURCE], check=True)
    return program


def write_messages(file: Path, messages: Iterable[tuple[str, bytes]]) -> Path:
    """(topic, payload) as the client reads them."""
    with file.open("wb", buffering=1 << 20) as out:
        for topic, payload in messages:
            name = topic.encode()
            out.write(_LENGTHS.pack(len(name), len(payload)))
            out.write(name)
            out.write(payload)
    return file

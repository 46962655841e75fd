"""`python -m enermon …` as processes of their own, as in production: started, watched, ended, killed."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

from deploy.broker import Access
from storage.hosting import wait_until

_ROOT = Path(__file__).parents[2]
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class World:
    """What the programs find in their environment: a data folder, a database, a broker."""

    data: Path
    database: str
    broker: str

    @property
    def environment(self) -> Mapping[str, str]:
        ours = {"ENERMON_DATA": str(self.data), "ENERMON_DATABASE": self.database, "ENERMON_BROKER": self.broker}
        return {name: value for name, value in os.environ.items() if not name.startswith("ENERMON_")} | ours


def broker_url(access: Access) -> str:
    """The embedded broker's address with the platform's account in it, as an operator would write it."""
    parts = urlsplit(access.url)
    return parts._replace(
        netloc=f"{quote(access.user, safe='')}:{quote(access.password, safe='')}@{parts.netloc}"
    ).geturl()


class Program:
    """A running command. What it logs is kept in a file."""

    def __init__(self, world: World, words: Sequence[str], log: Path):
        self.log = log
        self._begun = log.stat().st_size if log.exists() else 0
        with log.open("ab") as file:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "enermon", *words], env=world.environment, cwd=_ROOT, stdout=file, stderr=file
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def said(self) -> str:
        """What this run has logged so far."""
        with self.log.open("rb") as file:
            file.seek(self._begun)
            return file.read().decode()

    def wait_for(self, text: str, seconds: float = 60) -> None:
        """Until it logs the text; fails with its last words if it ends or does not say it."""
        wait_until(lambda: text in self.said() or self._process.poll() is not None, seconds)
        assert text in self.said(), f"{self.log.stem} did not say {text!r}:\n{self.said()[-2000:]}"

    def runs(self) -> bool:
        return self._process.poll() is None

    def wait(self, seconds: float) -> int:
        """Its exit code, when it ends by itself."""
        return self._process.wait(seconds)

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def kill(self) -> None:
        """As the kernel would end it: nothing is finished, nothing is said."""
        self._process.kill()
        self._process.wait()

    def end(self, seconds: float = 60) -> int:
        """Told to end; its exit code."""
        self._process.terminate()
        return self._process.wait(seconds)

    def peak_mb(self) -> float:
        """The most memory it has held until now (VmHWM)."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024


@contextmanager
def running(world: World, words: Sequence[str], log: Path, ready: str | None = None) -> Iterator[Program]:
    """A command while the block runs; `ready` is what it logs when it has begun. Told to end at the end."""
    program = Program(world, words, log)
    try:
        if ready:
            program.wait_for(ready)
        yield program
    finally:
        program.signal(signal.SIGCONT)
        try:
            program.end()
        except subprocess.TimeoutExpired:
            program.kill()
            raise


def cpu_seconds(pids: Sequence[int]) -> float:
    """Processor time that these processes have used until now; of one that has ended, none."""
    return sum(map(_cpu_seconds, pids))


def _cpu_seconds(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS

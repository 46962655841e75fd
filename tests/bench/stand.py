"""Where the bench takes place: a folder with a PostgreSQL of its own, a fresh broker each time, nothing left over."""

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import psycopg
from psycopg import sql

from deploy import broker
from energy.refused import Refused
from storage import database, seed, server
from tests.bench.clients import Clients, compiled
from tests.bench.nation import Nation
from tests.bench.programs import Program, World, broker_url, running
from tests.conftest import of_database

_TEMPLATE = "registered"


@dataclass(frozen=True)
class Place:
    """A database and a broker for one measurement, and how our programs reach them."""

    world: World
    clients: Clients
    folder: Path
    servers: Mapping[str, Path]  # where the processes of each server work
    peaks: dict[str, float]

    @property
    def dsn(self) -> str:
        return self.world.database

    @contextmanager
    def program(self, command: str, ready: str, number: int = 1) -> Iterator[Program]:
        """A command of the platform while the block runs, which may run several times; what memory the largest held at
        most is remembered.
        """
        words = [command, *(["--name", str(number)] if command == "collect" else [])]
        with running(self.world, words, self.folder / f"{command}-{number}.log", ready) as program:
            yield program
            self.peaks[command] = max(self.peaks.get(command, 0.0), program.peak_mb())


@dataclass
class Stand:
    """The bench's folder and PostgreSQL, with production's settings, and a database that knows the nation."""

    folder: Path
    client: Path
    postgres: str
    peaks: dict[str, float] = field(default_factory=dict)
    _names: Iterator[int] = field(default_factory=lambda: count(1))

    def register(self, nation: Nation) -> None:
        """The database that every measurement gets a copy of."""
        self._admin("CREATE DATABASE {}", _TEMPLATE)
        with database.connect(of_database(self.postgres, _TEMPLATE)) as conn:
            database.migrate(conn)
            seed.seed(conn)
            conn.commit()
            nation.register(conn)

    @contextmanager
    def place(self) -> Iterator[Place]:
        """A registered database and a fresh broker."""
        name = f"bench_{next(self._names)}"
        self._admin("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy", name, _TEMPLATE)
        folder = self.folder / name
        try:
            access = broker.start(folder)
            world = World(folder, of_database(self.postgres, name), broker_url(access))
            servers = {"PostgreSQL": self.folder / "postgres" / "data", "the broker": folder / "broker"}
            yield Place(world, Clients(self.client, access), folder, servers, self.peaks)
        finally:
            broker.stop(folder)
            self._admin("DROP DATABASE {} WITH (FORCE)", name)

    @contextmanager
    def empty(self) -> Iterator[str]:
        """The DSN of a database with the schema and the shipped reference data in it, and no registry."""
        name = f"bench_{next(self._names)}"
        self._admin("CREATE DATABASE {}", name)
        try:
            with database.connect(of_database(self.postgres, name)) as conn:
                database.migrate(conn)
                seed.seed(conn)
            yield of_database(self.postgres, name)
        finally:
            self._admin("DROP DATABASE {} WITH (FORCE)", name)

    def _admin(self, statement: str, *names: str) -> None:
        with psycopg.connect(self.postgres, autocommit=True) as conn:
            conn.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


@contextmanager
def stand(parent: Path | None, needed_gb: float) -> Iterator[Stand]:
    """The stand while the block runs; then its servers are ended and its folder is removed, whatever happened."""
    folder = Path(tempfile.mkdtemp(prefix="enermon-bench-", dir=parent))
    try:
        folder.chmod(0o711)
        free_gb = shutil.disk_usage(folder).free / 1e9
        if free_gb < needed_gb:
            raise Refused(
                f"The bench writes about {needed_gb:.0f} GB and {folder} has {free_gb:.0f} GB free; use --folder."
            )
        yield Stand(folder, compiled(folder), server.start(folder, {"autovacuum": "off"}))
    finally:
        with suppress(Refused):
            server.stop(folder)
        for link in folder.glob("**/servers"):
            shutil.rmtree(link.readlink(), ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)

"""What every test may ask for: a real PostgreSQL, a database of its own, a real broker, the shared data."""

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from deploy import broker
from storage import database, hosting, server

TIMESCALE = os.environ.get("ENERMON_TEST_TIMESCALE") or None  # run on this server instead of one of our own
needs_partitions = pytest.mark.skipif(
    TIMESCALE is not None, reason="TimescaleDB makes chunks when rows come: no partition can be missing"
)
_OF_TESTS = "^(test_.*|template_(enermon|registry)|panels|landlord)$"
_NAMES = count(1)
# No autovacuum: its workers belong to another role, and a database that one is in cannot be dropped by ours.
_FAST = {
    "autovacuum": "off",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "64MB",
}


@pytest.fixture(scope="session")
def server_folder() -> Iterator[Path]:
    """A folder that an unprivileged server can reach (pytest's own is private), removed with what runs in it."""
    folder = Path(tempfile.mkdtemp(prefix="enermon-test-", dir="/tmp"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres(server_folder: Path) -> Iterator[str]:
    """The DSN of a PostgreSQL of this test session, quick because it need not survive a power cut.

    Or of the TimescaleDB that ENERMON_TEST_TIMESCALE names: a superuser's, on a server for one test session at a time.
    """
    if TIMESCALE:
        _tidy(TIMESCALE)
        yield TIMESCALE
        _tidy(TIMESCALE)
        return
    folder = server_folder / "database"
    yield server.start(folder, _FAST)
    server.stop(folder)


def _tidy(timescale: str) -> None:
    """Remove the databases of tests from a server that outlives them."""
    with psycopg.connect(timescale, autocommit=True) as conn:
        for (name,) in conn.execute("SELECT datname FROM pg_database WHERE datname ~ %s", (_OF_TESTS,)).fetchall():
            conn.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(scope="session")
def template(postgres: str) -> str:
    """The name of a database with the schema in it, for cloning."""
    with psycopg.connect(postgres, autocommit=True) as admin:
        admin.execute("CREATE DATABASE template_enermon")
        with database.connect(of_database(postgres, "template_enermon")) as conn:
            database.migrate(conn, "timescale" if TIMESCALE else "postgres")
        close(admin, "template_enermon")
    return "template_enermon"


def close(admin: psycopg.Connection, name: str) -> None:
    """Let nobody into a database any more: one that somebody is in is not cloned, be it TimescaleDB's scheduler."""
    admin.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(sql.Identifier(name)))
    admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))


@pytest.fixture
def dsn(postgres: str, template: str) -> Iterator[str]:
    """The DSN of an empty database of our schema, for this test alone."""
    name = f"test_{next(_NAMES)}"
    with psycopg.connect(postgres, autocommit=True) as conn:
        conn.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
        yield of_database(postgres, name)
        conn.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def conn(dsn: str) -> Iterator[psycopg.Connection]:
    """One connection to it; what is not committed ends with the test."""
    with database.connect(dsn) as connection:
        yield connection
        connection.rollback()


@dataclass(frozen=True)
class Mosquitto:
    """A real broker in a folder of its own."""

    folder: Path

    @property
    def access(self) -> broker.Access:
        """As the platform; it is started if it does not run."""
        return broker.start(self.folder)

    @property
    def port(self) -> int:
        return urlsplit(self.access.url).port or 1883

    def password(self, code: str) -> str:
        """The password of an enterprise, which gets an account if it has none."""
        access = broker.sync_accounts(self.folder, {*self.access.accounts, code})
        return access.accounts[code]

    def stop(self) -> None:
        broker.stop(self.folder)

    def kill(self) -> None:
        """As a power cut would end it."""
        pid = int((self.folder / "broker" / "mosquitto.pid").read_text())
        os.kill(pid, signal.SIGKILL)
        hosting.wait_until(lambda: not hosting.working_in(self.folder / "broker"), 5)


@pytest.fixture(scope="session")
def mosquitto(server_folder: Path) -> Iterator[Mosquitto]:
    """One broker for all tests that do not stop it. Take codes of your own: the topics are shared."""
    yield from _mosquitto(server_folder / "broker")


@pytest.fixture
def own_mosquitto(server_folder: Path) -> Iterator[Mosquitto]:
    """A broker for this test alone, which may stop and kill it."""
    yield from _mosquitto(server_folder / f"broker_{next(_NAMES)}")


def _mosquitto(folder: Path) -> Iterator[Mosquitto]:
    one = Mosquitto(folder)
    assert one.access.url
    yield one
    one.stop()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The measured series that lie beside the repository; a test that needs them is skipped where they are not."""
    folder = Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the shared measured series (../shared/data) are not on this machine")
    return folder


def of_database(dsn: str, name: str) -> str:
    """The same server and account, another database."""
    return urlsplit(dsn)._replace(path=f"/{name}").geturl()

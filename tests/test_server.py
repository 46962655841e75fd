"""The embedded PostgreSQL: made, started, found again, and not where it cannot live."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from socket import create_server

import psycopg
import pytest

from energy.refused import Refused
from storage import database, hosting, server
from storage.hosting import Account

QUICK = {"fsync": "off", "shared_buffers": "16MB"}
ROOT = Path(__file__).parents[1]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has another user to hand its servers to")


@pytest.fixture
def folder(server_folder: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A data folder whose server is ended with the test."""
    path = server_folder / f"var_{request.node.name[:40]}"
    yield path
    server.stop(path)


def one(dsn: str, question: str) -> str:
    with database.connect(dsn) as conn:
        return str((conn.execute(question.encode()).fetchone() or ("",))[0])


def postmaster(folder: Path) -> int:
    return int((folder / "postgres" / "data" / "postmaster.pid").read_text().split("\n", 1)[0])


def test_it_starts_once_is_found_again_and_keeps_its_data_over_a_stop(folder: Path) -> None:
    dsn = server.start(folder, QUICK)
    assert server.start(folder) == dsn
    with database.connect(dsn) as conn:
        conn.execute("CREATE TABLE kept AS SELECT 42 AS amount")
    assert (server.stop(folder), server.stop(folder)) == (True, False)
    assert one(server.start(folder, QUICK), "SELECT amount FROM kept") == "42"


def test_stopping_what_never_was_is_harmless(server_folder: Path) -> None:
    assert server.stop(server_folder / "never") is False


def test_a_database_of_an_operator_keeps_its_promises_fsync_stays_on(folder: Path) -> None:
    dsn = server.start(folder)
    assert one(dsn, "SHOW fsync") == "on"
    assert one(dsn, "SHOW wal_compression") in ("off", "lz4")
    assert one(dsn, "SHOW listen_addresses") == "127.0.0.1"
    assert one(dsn, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") == "False"
    assert (folder / "postgres.json").stat().st_mode & 0o777 == 0o600


def test_nobody_gets_in_without_the_password(postgres: str) -> None:
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(postgres, password="guessed")


def test_a_server_killed_hard_starts_again_with_what_was_committed(folder: Path) -> None:
    dsn = server.start(folder, QUICK | {"fsync": "on"})
    with database.connect(dsn) as conn:
        conn.execute("CREATE TABLE kept AS SELECT 42 AS amount")
    os.kill(postmaster(folder), signal.SIGKILL)
    again = server.start(folder, QUICK)
    assert (again, one(again, "SELECT amount FROM kept")) == (dsn, "42")


def test_a_pid_that_belongs_to_another_process_by_now_is_left_alone(folder: Path) -> None:
    server.start(folder, QUICK)
    file = folder / "postgres" / "data" / "postmaster.pid"
    lines = file.read_text().split("\n")
    server.stop(folder)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as bystander:
        file.write_text("\n".join([str(bystander.pid), *lines[1:]]))
        assert server.stop(folder) is False
        assert one(server.start(folder, QUICK), "SELECT 1") == "1"
        assert bystander.poll() is None
        bystander.kill()


def test_what_an_interrupted_set_up_left_is_made_anew(folder: Path) -> None:
    remains = hosting.own_folder(hosting.data_folder(folder) / "postgres", hosting.unprivileged()) / "data.new"
    remains.mkdir()
    (remains / "PG_VERSION").write_text("18")
    assert one(server.start(folder, QUICK), "SELECT 1") == "1"


def test_processes_that_start_it_at_once_get_the_same_server(folder: Path) -> None:
    program = (
        f"from pathlib import Path; from storage import server; print(server.start(Path({str(folder)!r}), {QUICK}))"
    )

    def started(_: int) -> str:
        return subprocess.check_output([sys.executable, "-c", program], cwd=ROOT, text=True)

    with ThreadPoolExecutor(3) as pool:
        assert len(set(pool.map(started, range(3)))) == 1


def test_a_taken_port_is_exchanged_for_another(folder: Path) -> None:
    first = server.start(folder, QUICK)
    server.stop(folder)
    taken = psycopg.conninfo.conninfo_to_dict(first)["port"]
    with create_server(("127.0.0.1", int(str(taken)))):
        second = server.start(folder, QUICK)
    assert second != first
    assert one(second, "SELECT 1") == "1"


def test_a_setting_it_does_not_know_is_told_in_one_sentence(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_PATIENCE_S", 0)
    with pytest.raises(Refused, match='unrecognized configuration parameter "swift"') as refused:
        server.start(folder, QUICK | {"swift": "on"})
    assert "\n" not in str(refused.value)


def test_a_very_long_path_keeps_its_socket_elsewhere(server_folder: Path) -> None:
    folder = server_folder / ("long" * 25)
    assert one(server.start(folder, QUICK), "SHOW unix_socket_directories").startswith("/tmp/enermon-")
    socket = Path(one(server.start(folder), "SHOW unix_socket_directories"))
    server.stop(folder)
    shutil.rmtree(socket)


@as_root
def test_below_a_private_home_the_servers_live_elsewhere_and_no_mode_is_changed(
    server_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosting, "FALLBACK", server_folder / "var_lib")
    private = server_folder / "home"
    private.mkdir(mode=0o700)
    server.start(private / "var", QUICK)
    place = (private / "var" / "servers").readlink()
    assert place.is_relative_to(server_folder / "var_lib")
    assert (place / "postgres" / "data" / "PG_VERSION").exists()
    assert private.stat().st_mode & 0o777 == 0o700
    assert server.stop(private / "var") is True


@as_root
def test_programs_that_the_user_cannot_reach_are_copied_with_their_libraries(
    server_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosting, "FALLBACK", server_folder / "copies")
    monkeypatch.setattr(Account, "may_run", lambda *_: False)
    folder = server_folder / "copied"
    assert one(server.start(folder, QUICK), "SELECT 1") == "1"
    program = Path(f"/proc/{postmaster(folder)}/exe").resolve()
    server.stop(folder)
    assert program.is_relative_to(server_folder / "copies")


def test_a_folder_that_cannot_be_made_is_told(server_folder: Path) -> None:
    (server_folder / "file").write_text("")
    with pytest.raises(Refused, match="cannot be made"):
        server.start(server_folder / "file" / "var")


@pytest.mark.parametrize(
    ("mode", "uid", "gid", "may"),
    [(0o700, 1, 1, False), (0o701, 1, 1, True), (0o710, 1, 7, True), (0o701, 1, 7, False), (0o100, 5, 1, True)],
)
def test_who_may_enter_a_folder_of_user_5_and_group_7(mode: int, uid: int, gid: int, may: bool) -> None:
    assert Account(uid, gid).allowed(mode, owner=5, group=7, wanted=0o100) is may

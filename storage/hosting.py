"""Where the servers that we start ourselves may live, and as whom they run.

PostgreSQL refuses to run as root, and mosquitto should not. As root we therefore hand them a folder of their own and an
unprivileged user. That user must be able to walk to the folder: a data folder under a private home (mode 0700) cannot
host them, and no parent's mode is ever changed for it; `/var/lib/enermon` takes its place, named in a link `servers`.
"""

import fcntl
import os
import pwd
import random
import shutil
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from socket import AF_INET, SO_REUSEADDR, SOCK_STREAM, SOL_SOCKET, socket
from subprocess import CompletedProcess

from energy.refused import Refused

USER = "enermon"
FALLBACK = Path("/var/lib/enermon")
_LINK = "servers"


@dataclass(frozen=True)
class Account:
    """The operating-system user that an embedded server runs as."""

    uid: int
    gid: int

    def may_enter(self, folder: Path) -> bool:
        """Whether this user can walk to the folder: search permission on it and on everything above it."""
        return all(self._allows(place, stat.S_IXUSR) for place in (folder, *folder.parents) if place.exists())

    def may_run(self, program: Path) -> bool:
        return self.may_enter(program.parent) and self._allows(program, stat.S_IRUSR | stat.S_IXUSR)

    def _allows(self, path: Path, wanted: int) -> bool:
        found = path.stat()
        return self.allowed(found.st_mode, found.st_uid, found.st_gid, wanted)

    def allowed(self, mode: int, owner: int, group: int, wanted: int) -> bool:
        """Whether a file's mode gives this user the wanted bits, which are written as the owner's."""
        shift = 0 if owner == self.uid else 3 if group == self.gid else 6
        return (mode << shift) & wanted == wanted


def unprivileged() -> Account:
    """Ourselves, or, when we are root, the system user `enermon` (made when missing; `nobody` where that fails)."""
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid())
    useradd = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin")
    if useradd and not _known(USER):
        subprocess.run(
            [useradd, "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", USER],
            capture_output=True,
            check=False,  # a second process may have made it meanwhile
        )
    entry = _known(USER) or pwd.getpwnam("nobody")
    return Account(entry.pw_uid, entry.pw_gid)


def _known(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def owner_of(folder: Path) -> Account:
    found = folder.stat()
    return Account(found.st_uid, found.st_gid)


def data_folder(folder: Path) -> Path:
    """The data folder itself, made when missing: private, except that root's lets its servers' user walk through."""
    folder = folder.absolute()
    try:
        if not folder.is_dir():
            folder.parent.mkdir(parents=True, exist_ok=True)
            _appear(folder, 0o711 if os.geteuid() == 0 else 0o700)
    except OSError as error:
        raise Refused(f"The data folder {folder} cannot be made: {error.strerror}.") from error
    return folder


def _appear(folder: Path, mode: int) -> None:
    """Make a folder that has its mode from the first moment: others may be looking at it already."""
    fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    fresh.chmod(mode)
    try:
        fresh.rename(folder)
    except OSError:
        fresh.rmdir()
        if not folder.is_dir():
            raise


def home(folder: Path, account: Account) -> Path:
    """Where the servers of this data folder live: in it, or where its link `servers` points."""
    folder = data_folder(folder)
    if present_home(folder) != folder or account.may_enter(folder):
        return present_home(folder)
    return _elsewhere(folder, folder / _LINK)


def present_home(folder: Path) -> Path:
    """The same, for whoever only looks: nothing is made."""
    link = folder.absolute() / _LINK
    return link.readlink() if link.is_symlink() else folder.absolute()


def _elsewhere(folder: Path, link: Path) -> Path:
    """A new folder under FALLBACK, kept in the link: who removes the data folder starts anew and destroys nothing."""
    FALLBACK.mkdir(mode=0o755, parents=True, exist_ok=True)
    FALLBACK.chmod(0o755)  # ours, whatever the umask
    place = Path(tempfile.mkdtemp(prefix=f"{digest(folder)}-", dir=FALLBACK))
    place.chmod(0o711)
    try:
        link.symlink_to(place)
    except FileExistsError:  # another process was quicker
        place.rmdir()
    return link.readlink()


def digest(folder: Path) -> str:
    """A short name that stands for a folder's path."""
    return sha256(str(folder).encode()).hexdigest()[:12]


def own_folder(path: Path, account: Account) -> Path:
    """A private folder of that user's; one that already exists must belong to it."""
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        if path.is_symlink() or path.stat().st_uid != account.uid:
            raise Refused(f"{path} does not belong to the user it should (uid {account.uid}); remove it.") from None
        return path
    if other(account) is not None:
        os.chown(path, account.uid, account.gid)
    return path


def write_private(path: Path, text: str, owner: Account | None = None) -> None:
    """Replace a file in one step; only we, or that owner, may read it. It never follows a link that lies in the way."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        if owner and other(owner) is not None:
            os.fchown(file.fileno(), owner.uid, owner.gid)
        file.write(text)
    fresh.replace(path)


def run(arguments: Sequence[str | Path], account: Account, folder: Path) -> CompletedProcess[str]:
    """Run a program to its end as that user, in that folder, with nothing of our environment but PATH."""
    return subprocess.run(
        [str(part) for part in arguments],
        cwd=folder,
        env=environment(),
        user=other(account),
        group=account.gid if other(account) is not None else None,
        extra_groups=[] if other(account) is not None else None,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def other(account: Account) -> int | None:
    """The uid to change to, None when we are that user already (changing needs a privilege then)."""
    return None if account.uid == os.geteuid() else account.uid


def environment() -> Mapping[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


@contextmanager
def exclusive(lock: Path) -> Iterator[None]:
    """One process at a time; the lock ends with its holder, however that ends."""
    try:
        handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except PermissionError as error:
        raise Refused(f"{lock} belongs to another user; run as the user who made this data folder.") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def free_port(preferred: int | None = None) -> int:
    """A TCP port of 127.0.0.1 that nobody listens on: the preferred one if it is free.

    Below 32768, where the kernel takes no ports for outgoing connections: a server finds its port free after a pause.
    """
    for port in (*([preferred] if preferred else []), *random.sample(range(15_000, 32_000), 50)):
        with socket(AF_INET, SOCK_STREAM) as probe, suppress(OSError):
            probe.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port
    raise Refused("No free TCP port between 15000 and 32000 was found on 127.0.0.1.")


def working_in(folder: Path) -> list[int]:
    """Processes alive in that working directory. A pid file may name one that is another's by now."""
    return [int(place.name) for place in Path("/proc").glob("[0-9]*") if works_in(int(place.name), folder)]


def works_in(pid: int, folder: Path) -> bool:
    """Whether that process is alive (not a zombie waiting for its parent) and has that working directory."""
    try:
        return Path(f"/proc/{pid}/cwd").readlink() == folder.resolve()
    except OSError:
        return False


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Ask again twenty times a second; False if it never became true."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True

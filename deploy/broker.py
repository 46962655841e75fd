"""The embedded broker: a private mosquitto, started when no broker is configured.

Below `<home>/broker`, which belongs to an unprivileged user, lie its generated configuration, passwords, access rules,
store and log; beside it `broker.json` (owner only) keeps the port and the accounts. An account is an enterprise's code
with a random password; what it may do is in `deploy/broker/access`. Two brokers never run on one folder.
"""

import base64
import json
import os
import secrets
import shutil
import signal
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from hashlib import pbkdf2_hmac
from pathlib import Path
from socket import create_connection

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from energy.refused import Refused
from storage import hosting
from storage.hosting import Account

PLATFORM = "@enermon"  # no enterprise's code can have an @
_FILES = Path(__file__).parent / "broker"
RIGHTS = (_FILES / "access").read_text("utf-8")
_HASH_ROUNDS = 101  # mosquitto's own number: the passwords are 144 random bits, there is nothing to guess
_PATIENCE_S = 10
_READING_STORE_S = 60  # a store of some hundred megabytes is read before the broker listens, and written before it ends


@dataclass(frozen=True)
class Listener:
    """A TLS door for gateways outside this machine."""

    host: str
    port: int
    certificate: Path
    key: Path


@dataclass(frozen=True)
class Options:
    """What the broker is started with; it counts at the next start."""

    payload_bytes: int = 262_144
    memory_mb: int = 1024
    tls: Listener | None = None


@dataclass(frozen=True)
class Login:
    """An account's password, and its hash as mosquitto keeps it."""

    password: str
    hash: str


@dataclass(frozen=True)
class Files:
    """Where a mosquitto finds what belongs to it: passwords, access rules and pid in `folder`, messages in `store`."""

    folder: Path
    store: Path
    certificate: Path
    key: Path
    log: str


@dataclass(frozen=True)
class State:
    """What `broker.json` keeps. `session` is a name nobody outside can guess, for the platform's client ids."""

    port: int
    session: str
    logins: Mapping[str, Login] = field(default_factory=dict)


@dataclass(frozen=True)
class Access:
    """How to reach the broker: as the platform, and (`accounts`: code to password) as an enterprise.

    Client ids of the platform begin with `session`: whoever connects under another's client id takes over its session,
    so those of the platform must not be guessable.
    """

    url: str
    user: str
    password: str = field(repr=False)
    session: str = field(repr=False)
    accounts: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True)
class Broker:
    """One embedded broker: its folder and the user it runs as."""

    folder: Path
    account: Account

    @property
    def state_file(self) -> Path:
        return self.folder.with_name("broker.json")

    def pid(self) -> int | None:
        """The running mosquitto, None if there is none. A pid file alone proves nothing."""
        try:
            pid = int((self.folder / "mosquitto.pid").read_text())
        except (OSError, ValueError):
            return None
        return pid if hosting.works_in(pid, self.folder) else None

    def state(self) -> State:
        try:
            kept = json.loads(self.state_file.read_text("utf-8"))
        except FileNotFoundError:
            return State(hosting.free_port(), secrets.token_hex(8), {PLATFORM: new_login()})
        except PermissionError as error:
            raise Refused(f"{self.state_file} belongs to another user; run as the user who started it.") from error
        logins = {user: Login(**login) for user, login in kept["logins"].items()}
        return State(kept["port"], kept["session"], logins)

    def remember(self, state: State) -> None:
        """Keep it, and tell mosquitto who may come in: the state first, so that no password is ever forgotten."""
        hosting.write_private(self.state_file, json.dumps(asdict(state), indent=1))
        self.write("passwords", password_lines({user: login.hash for user, login in state.logins.items()}))

    def write(self, name: str, text: str) -> None:
        hosting.write_private(self.folder / name, text, self.account)


def start(folder: Path, options: Options | None = None) -> Access:
    """The access to the broker of this data folder, which is started if it does not run. Several may call at once."""
    home = hosting.home(folder, hosting.unprivileged())
    with hosting.exclusive(home / "broker.lock"):
        broker = _broker(home)
        if broker.pid() is None:
            _start(broker, options or Options())
        return _access(broker.state())


def sync_accounts(folder: Path, codes: Iterable[str]) -> Access:
    """Exactly these enterprises have an account from now on; passwords already given stay. It need not run."""
    home = hosting.home(folder, hosting.unprivileged())
    with hosting.exclusive(home / "broker.lock"):
        broker = _broker(home)
        state = broker.state()
        wanted = {PLATFORM, *codes}
        if wanted != state.logins.keys():
            logins = {user: state.logins.get(user) or new_login() for user in sorted(wanted)}
            state = replace(state, logins=logins)
            broker.remember(state)
            if pid := broker.pid():
                os.kill(pid, signal.SIGHUP)
        return _access(state)


def stop(folder: Path) -> bool:
    """End the broker of this data folder; it writes its sessions first. False if none ran."""
    home = hosting.present_home(folder)
    if not (home / "broker").exists():
        return False
    with hosting.exclusive(home / "broker.lock"):
        broker = _broker(home)
        pid = broker.pid()
        if pid is None:
            return False
        os.kill(pid, signal.SIGTERM)
        if not hosting.wait_until(lambda: broker.pid() is None, _READING_STORE_S):
            raise Refused(f"The broker in {broker.folder} (process {pid}) does not stop.")
        return True


def _broker(home: Path) -> Broker:
    folder = home / "broker"
    account = hosting.owner_of(folder) if folder.exists() else hosting.unprivileged()
    return Broker(hosting.own_folder(folder, account), account)


def _program() -> str:
    program = shutil.which(
        "mosquitto", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
    )
    if program is None:
        raise Refused("mosquitto is not installed: `make demo` installs it, or `apt-get install mosquitto`,"
                      " or set ENERMON_BROKER to a broker of your own.")  # fmt: skip
    return program


def _start(broker: Broker, options: Options) -> None:
    """Start, and for some seconds start again: one that was killed needs time to go, and a port may just be taken."""
    program = _program()

    def started() -> bool:
        state = broker.state()
        state = replace(state, port=hosting.free_port(state.port))
        broker.remember(state)
        _configure(broker, state, options)
        if hosting.working_in(broker.folder):
            return False
        hosting.run([program, "-d", "-c", broker.folder / "mosquitto.conf"], broker.account, broker.folder)
        return hosting.wait_until(lambda: _listens(broker, state.port) or _ended(broker), _READING_STORE_S) and (
            broker.pid() is not None
        )

    if not hosting.wait_until(started, _PATIENCE_S):
        raise Refused(f"mosquitto in {broker.folder} does not start: {_last_line(broker)}.")


def _listens(broker: Broker, port: int) -> bool:
    try:
        with create_connection(("127.0.0.1", port), timeout=1):
            return broker.pid() is not None
    except OSError:
        return False


def _ended(broker: Broker) -> bool:
    return not hosting.working_in(broker.folder)


def _last_line(broker: Broker) -> str:
    try:
        lines = (broker.folder / "mosquitto.log").read_text("utf-8", "replace").splitlines()
    except OSError:
        lines = []
    return next((line for line in reversed(lines) if "Error" in line), "its log does not say why").strip(" .")


def _configure(broker: Broker, state: State, options: Options) -> None:
    folder = broker.folder  # key and certificate are copied into it, see below
    files = Files(folder, folder, folder / "certificate.pem", folder / "key.pem", f"file {folder}/mosquitto.log")
    broker.write("mosquitto.conf", configuration(files, options, state.port))
    broker.write("access", RIGHTS)
    if options.tls:  # copies: an operator's key is rarely readable for the broker's user
        broker.write("certificate.pem", options.tls.certificate.read_text("ascii"))
        broker.write("key.pem", options.tls.key.read_text("ascii"))


def configuration(files: Files, options: Options, port: int | None = None) -> str:
    """The text of mosquitto.conf. port: of a listener without TLS for this machine alone."""
    templates = Environment(
        loader=FileSystemLoader(_FILES), undefined=StrictUndefined, autoescape=False, trim_blocks=True
    )
    return templates.get_template("mosquitto.conf.j2").render(
        files=files,
        port=port,
        tls=options.tls,
        memory_bytes=options.memory_mb * 1024 * 1024,
        message_bytes=options.payload_bytes + 65_536,
        packet_bytes=options.payload_bytes * 4,
    )


def password_lines(hashes: Mapping[str, str]) -> str:
    """The text of mosquitto's password file."""
    return "".join(f"{user}:{hashed}\n" for user, hashed in hashes.items())


def new_login() -> Login:
    return login(secrets.token_urlsafe(18))


def login(password: str) -> Login:
    """That password with a hash of its own salt."""
    return Login(password, _hashed(password, secrets.token_bytes(12)))


def is_of(password: str, known: str) -> bool:
    """Whether a hash that mosquitto keeps is that of this password."""
    salt = known.split("$")[3:4]
    return bool(salt) and secrets.compare_digest(known, _hashed(password, base64.b64decode(salt[0])))


def _hashed(password: str, salt: bytes) -> str:
    """As mosquitto_passwd writes it: PBKDF2 with SHA-512."""
    key = pbkdf2_hmac("sha512", password.encode(), salt, _HASH_ROUNDS)
    return f"$7${_HASH_ROUNDS}${base64.b64encode(salt).decode()}${base64.b64encode(key).decode()}"


def _access(state: State) -> Access:
    accounts = {user: login.password for user, login in state.logins.items() if user != PLATFORM}
    own = state.logins[PLATFORM].password
    return Access(f"mqtt://127.0.0.1:{state.port}", PLATFORM, own, f"enermon-{state.session}", accounts)

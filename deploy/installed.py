"""An installed mosquitto: its configuration, passwords and access rules from the registry.

Two places, because two sides read them. `out` is mosquitto's: configuration, rights and hashes, no password. `desk` is
the platform's, where every file is its owner's alone: `broker-url` with the platform's own account, and in `handover`
one file for each enterprise whose password is new, which goes to the enterprise and is then deleted.

A password that lies on the desk is the one that counts: clear text is written before its hash, so whoever is
interrupted between the two loses nothing, and the next sync brings the hash along.
"""

import json
import os
import pwd
import secrets
import shlex
import signal
import subprocess
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qs, quote, unquote, urlsplit

from deploy.broker import (
    PLATFORM,
    RIGHTS,
    Files,
    Login,
    Options,
    configuration,
    is_of,
    login,
    new_login,
    password_lines,
)
from energy.refused import Refused
from storage import hosting
from storage.hosting import Account

MOSQUITTO = "mosquitto"  # the user that Debian's package makes
CONFIGURATION = "mosquitto.conf"
_PATIENCE_S = 30

Done = Literal["made", "rotated", "removed"]


@dataclass(frozen=True)
class Change:
    """What became of one account. handed: the file with its new password, None for one that was removed."""

    user: str
    done: Done
    handed: Path | None


@dataclass(frozen=True)
class Accounts:
    """All accounts as they shall be: a hash for each, and the passwords that nobody has seen yet."""

    hashes: Mapping[str, str]
    fresh: Mapping[str, str] = field(repr=False)
    done: Mapping[str, Done]


@dataclass(frozen=True)
class Synced:
    """What a sync changed. files: names of mosquitto's files that are different now."""

    changes: tuple[Change, ...]
    files: tuple[str, ...]
    accounts: int


def wanted_accounts(
    hashes: Mapping[str, str], desk: Mapping[str, str], codes: Collection[str], rotated: Collection[str]
) -> Accounts:
    """What follows from what is: hashes that mosquitto has, passwords on the desk, who is registered, whose is renewed.

    Refused for the rotation of an account that there is not.
    """
    wanted = {PLATFORM, *codes}
    if strangers := sorted(set(rotated) - wanted):
        raise Refused(f"There is no account of {', '.join(strangers)}: only registered enterprises that are not closed"
                      f" have one, and the platform, which is {PLATFORM}.")  # fmt: skip
    lost = {PLATFORM} - desk.keys()  # its hash is of no use without the password
    renewed = {user for user in wanted if user in rotated or user not in hashes.keys() | desk.keys()} | lost
    fresh = {user: new_login() for user in sorted(renewed)}
    done: dict[str, Done] = {user: "rotated" if user in hashes else "made" for user in fresh}
    done |= dict.fromkeys(sorted((hashes.keys() | desk.keys()) - wanted), "removed")
    found = {user: fresh.get(user) or _kept(hashes.get(user), desk.get(user)) for user in sorted(wanted)}
    return Accounts(
        {user: one.hash for user, one in found.items()}, {user: one.password for user, one in fresh.items()}, done
    )


def _kept(known: str | None, password: str | None) -> Login:
    if password is not None and (known is None or not is_of(password, known)):
        return login(password)
    return Login(password or "", known or "")


@dataclass(frozen=True)
class Installed:
    """One installed mosquitto. host: the name under which gateways and the platform reach it."""

    out: Path
    desk: Path
    host: str
    options: Options

    @property
    def url_file(self) -> Path:
        return self.desk / "broker-url"

    @property
    def handover(self) -> Path:
        return self.desk / "handover"

    def handed(self, user: str) -> Path:
        return self.url_file if user == PLATFORM else self.handover / f"{user}.json"

    def sync(self, codes: Collection[str], rotated: Collection[str], dry_run: bool = False) -> Synced:
        """Give exactly these enterprises and the platform an account; a second time changes nothing."""
        accounts = wanted_accounts(self._hashes(), self._passwords(), codes, rotated)
        texts = {"access": RIGHTS, "passwords": password_lines(accounts.hashes), CONFIGURATION: self._configuration()}
        files = tuple(name for name, text in texts.items() if text != _text(self.out / name))
        if not dry_run:
            self._hand_over(accounts)
            for name in files:
                hosting.write_private(self._folder / name, texts[name], self._owner)
        changes = (Change(user, done, self.handed(user) if done != "removed" else None)
                   for user, done in accounts.done.items())  # fmt: skip
        return Synced(tuple(changes), files, len(accounts.hashes))

    @cached_property
    def _owner(self) -> Account:
        """Whom mosquitto runs as: the owner of its folder, which is made for Debian's user if there is none."""
        if not self.out.exists():
            return _mosquitto_user()
        owner = hosting.owner_of(self.out)
        if os.geteuid() == 0 and owner.uid == 0:
            raise Refused(f"{self.out} belongs to root, and mosquitto gives up root when it has started: it could not"
                          f" read its passwords again. Give it the folder: chown {MOSQUITTO} {self.out}")  # fmt: skip
        return owner

    @cached_property
    def _folder(self) -> Path:
        """`out`, there and writable for its owner, with the place of the store in it."""
        folder = hosting.own_folder(self.out, self._owner)
        hosting.own_folder(folder / "store", self._owner)
        return folder

    def _configuration(self) -> str:
        tls = self.options.tls
        assert tls is not None, "an installed broker without TLS is none of ours"
        files = Files(self.out, self.out / "store", tls.certificate, tls.key, "stdout")
        return configuration(files, self.options)

    def _hashes(self) -> dict[str, str]:
        """The accounts that mosquitto has."""
        lines = (_text(self.out / "passwords") or "").splitlines()
        return dict(line.split(":", 1) for line in lines if ":" in line)

    def _passwords(self) -> dict[str, str]:
        """The passwords that lie on the desk: the platform's own, and those that nobody has handed over yet."""
        waiting = {file.stem: str(json.loads(file.read_text("utf-8"))["password"])
                   for file in sorted(self.handover.glob("*.json"))}  # fmt: skip
        own = unquote(urlsplit(_text(self.url_file) or "").password or "")
        return {**waiting, PLATFORM: own} if own else waiting

    def _hand_over(self, accounts: Accounts) -> None:
        owner = hosting.owner_of(self.desk)
        hosting.own_folder(self.handover, owner)
        self._keep_url(accounts, owner)
        for user, password in accounts.fresh.items():
            if user != PLATFORM:
                text = json.dumps(self._for_enterprise(user, password), indent=1) + "\n"
                hosting.write_private(self.handed(user), text, owner)
        for user, done in accounts.done.items():
            if done == "removed":
                self.handed(user).unlink(missing_ok=True)

    def _keep_url(self, accounts: Accounts, owner: Account) -> None:
        """The platform's address. Its session outlives every password, and with it what waits in the session."""
        before = _text(self.url_file) or ""
        password = accounts.fresh.get(PLATFORM) or unquote(urlsplit(before).password or "")
        session = parse_qs(urlsplit(before).query).get("session", [secrets.token_hex(8)])[0]
        account = f"{quote(PLATFORM, safe='')}:{quote(password, safe='')}"
        url = f"mqtts://{account}@{self.host}:{self._port}?session={session}\n"
        if url != before:
            hosting.write_private(self.url_file, url, owner)

    def _for_enterprise(self, code: str, password: str) -> dict[str, object]:
        topics = f"enermon/v1/{code}"
        return {
            "host": self.host,
            "port": self._port,
            "tls": True,
            "user": code,
            "password": password,
            "publish": [f"{topics}/readings", f"{topics}/output", f"{topics}/status/<gateway>"],
            "subscribe": [f"{topics}/receipt"],
        }

    @property
    def _port(self) -> int:
        return self.options.tls.port if self.options.tls else 1883


def reload_by(command: str) -> None:
    """Tell mosquitto to read its files again, by a command of the operator's."""
    try:
        done = subprocess.run(
            shlex.split(command),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=_PATIENCE_S,
        )
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise Refused(f"`{command}`, which tells mosquitto to read its files again, failed: {error}.") from error
    if done.returncode:
        said = (done.stderr.strip() or "it says nothing").splitlines()[-1]
        raise Refused(f"`{command}` ended with {done.returncode}: {said}. The files are in place; mosquitto has not"
                      " read them.")  # fmt: skip


def reload_by_pid(out: Path) -> bool:
    """The same by a signal to the mosquitto whose pid lies in its folder; False if none can be reached there."""
    for pid in _running(out):
        with suppress(PermissionError, ProcessLookupError):
            os.kill(pid, signal.SIGHUP)
            return True
    return False


def _running(out: Path) -> Iterator[int]:
    """The pid in the file, if a mosquitto with our configuration has it: it may be another process's by now."""
    with suppress(OSError, ValueError):
        pid = int((out / "mosquitto.pid").read_text())
        if str(out / CONFIGURATION) in Path(f"/proc/{pid}/cmdline").read_text().split("\0"):
            yield pid


def _mosquitto_user() -> Account:
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid())
    try:
        entry = pwd.getpwnam(MOSQUITTO)
    except KeyError:
        return hosting.unprivileged()
    return Account(entry.pw_uid, entry.pw_gid)


def _text(file: Path) -> str | None:
    try:
        return file.read_text("utf-8")
    except FileNotFoundError:
        return None

"""`enermon broker sync`, and what a real mosquitto with what it wrote lets whom do. The enterprises are invented."""

import json
import os
import shutil
import signal
import socket
import stat
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from click.testing import CliRunner

from deploy import broker, installed
from deploy.broker import PLATFORM
from deploy.certificates import expires
from deploy.installed import Installed, Synced
from energy.refused import Refused
from enermon import services, settings
from enermon.cli import cli
from enermon.commands import check
from enermon.context import App
from enermon.services import BrokerAccess
from storage import hosting
from tests.test_broker_access import Client, connected

ROOT = Path(__file__).parents[1]
WATCHER = "watcher"  # sees everything, so that "was delivered to nobody" can be told
MINE = "enermon/v1/E-1"
OTHERS = "enermon/v1/E-2"


@dataclass(frozen=True)
class Certificates:
    folder: Path

    @property
    def authority(self) -> Path:
        return self.folder / "ca.pem"

    def options(self, port: int) -> broker.Options:
        listener = broker.Listener("127.0.0.1", port, self.folder / "certificate.pem", self.folder / "key.pem")
        return broker.Options(tls=listener)


@dataclass(frozen=True)
class Door:
    """A running mosquitto of ours, as gateways come to it."""

    mosquitto: Installed
    certificates: Certificates

    @property
    def port(self) -> int:
        assert self.mosquitto.options.tls
        return self.mosquitto.options.tls.port

    def password(self, code: str) -> str:
        if code == PLATFORM:
            return unquote(urlsplit(self.mosquitto.url_file.read_text("utf-8")).password or "")
        return str(json.loads(self.mosquitto.handed(code).read_text("utf-8"))["password"])

    def sync(self, *codes: str, rotated: tuple[str, ...] = ()) -> Synced:
        """As the command does it: change the files, then tell the running mosquitto."""
        synced = self.mosquitto.sync(codes, rotated)
        assert installed.reload_by_pid(self.mosquitto.out)
        return synced

    @contextmanager
    def enter(self, user: str | None, password: str | None = None, **more: str | bool) -> Iterator[Client]:
        with connected(self, user, password, ca=self.certificates.authority, **more) as client:  # type: ignore[arg-type]
            yield client


@pytest.fixture(scope="module")
def certificates(server_folder: Path) -> Certificates:
    """From the script that the operating guide names."""
    if not shutil.which("openssl"):
        pytest.skip("openssl, which makes certificates, is not on this machine")
    folder = server_folder / "certificates"
    subprocess.run(
        [ROOT / "deploy" / "broker_certificates.sh", folder, "localhost", "127.0.0.1"], check=True, capture_output=True
    )
    folder.chmod(0o755)
    (folder / "key.pem").chmod(0o644)  # of a test: mosquitto's user must read it
    return Certificates(folder)


@contextmanager
def running(mosquitto: Installed, certificates: Certificates) -> Iterator[Door]:
    owner = hosting.owner_of(mosquitto.out)
    program = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin") or "mosquitto"
    hosting.run([program, "-d", "-c", mosquitto.out / "mosquitto.conf"], owner, mosquitto.out)
    door = Door(mosquitto, certificates)
    assert hosting.wait_until(lambda: _listens(door.port), 10)
    yield door
    os.kill(int((mosquitto.out / "mosquitto.pid").read_text()), signal.SIGTERM)
    assert hosting.wait_until(lambda: not hosting.working_in(mosquitto.out), 10)


def _listens(port: int) -> bool:
    with socket.socket() as cable:
        return cable.connect_ex(("127.0.0.1", port)) == 0


def made(folder: Path, certificates: Certificates) -> Installed:
    """What the command works with, for a folder that does not exist yet."""
    desk = hosting.data_folder(folder / "desk")
    folder.chmod(0o711)
    return Installed(folder / "mosquitto", desk, "127.0.0.1", certificates.options(hosting.free_port()))


@pytest.fixture(scope="module")
def door(server_folder: Path, certificates: Certificates) -> Iterator[Door]:
    """Two enterprises, the platform, and one who watches everything, which no sync makes."""
    mosquitto = made(server_folder / "rights", certificates)
    mosquitto.sync(["E-1", "E-2"], ())
    with (mosquitto.out / "access").open("a") as rights, (mosquitto.out / "passwords").open("a") as passwords:
        rights.write(f"\nuser {WATCHER}\ntopic readwrite #\ntopic read $SYS/#\n")
        passwords.write(broker.password_lines({WATCHER: broker.login("sees all").hash}))
    with running(mosquitto, certificates) as running_door:
        yield running_door


@pytest.fixture
def own_door(server_folder: Path, certificates: Certificates, request: pytest.FixtureRequest) -> Iterator[Door]:
    mosquitto = made(server_folder / f"sync_{request.node.name[:30]}", certificates)
    mosquitto.sync(["E-1", "E-2"], ())
    with running(mosquitto, certificates) as running_door:
        yield running_door


@pytest.mark.parametrize("topic", ["readings", "output", "status/G1"])
def test_an_enterprise_may_publish_to_its(door: Door, topic: str) -> None:
    with door.enter(PLATFORM) as reader, door.enter("E-1") as enterprise:
        reader.subscribe(f"{MINE}/#")
        enterprise.publish(f"{MINE}/{topic}")
        assert reader.topics(wanted=1) == [f"{MINE}/{topic}"]


@pytest.mark.parametrize(
    "topic",
    [f"{OTHERS}/readings", f"{OTHERS}/output", f"{OTHERS}/status/G1", f"{OTHERS}/receipt",
     f"{MINE}/receipt", MINE, f"{MINE}/", f"{MINE}/status", f"{MINE}/status/G1/more", f"{MINE}/readings/more",
     f"{MINE}/unknown", "enermon/v1/E-1x/readings", "enermon/v1/e-1/readings", "enermon/v1//readings",
     "enermon/v1/@enermon/readings", "enermon/v2/E-1/readings", "enermon/v1/readings", "/enermon/v1/E-1/readings",
     "E-1/readings", "other", "$SYS/broker/version", "$SYS/enermon", "$share/all/enermon/v1/E-2/readings"],
)  # fmt: skip
def test_an_enterprise_may_not_publish_to(door: Door, topic: str) -> None:
    with door.enter(WATCHER, "sees all") as watcher, door.enter("E-2") as other, door.enter("E-1") as enterprise:
        watcher.subscribe("#")
        enterprise.publish(topic)  # is answered; mosquitto 2.0.11 then even ends the connection
        other.publish(f"{OTHERS}/readings", b"after it")  # had the first come through, it would be there before
        assert watcher.topics(wanted=1) == [f"{OTHERS}/readings"]
        assert watcher.received[0][1] == b"after it"


@pytest.mark.parametrize("topic", [f"{OTHERS}/status/G1", f"{OTHERS}/receipt", f"{MINE}/receipt"])
def test_what_an_enterprise_may_not_publish_does_not_stay_as_a_retained_message(door: Door, topic: str) -> None:
    with door.enter("E-1") as enterprise:
        enterprise.publish(topic, b"forged", retain=True)
    with door.enter(WATCHER, "sees all") as watcher:
        watcher.subscribe("enermon/#")
        watcher.publish("enermon/v1/mark")
        assert watcher.topics(wanted=1) == ["enermon/v1/mark"]


@pytest.mark.parametrize("topic", [f"{MINE}/status/G1", f"{OTHERS}/status/G1", f"{MINE}/receipt"])
def test_of_last_wills_only_that_of_an_enterprises_own_gateway_is_heard(door: Door, topic: str) -> None:
    with door.enter(WATCHER, "sees all") as watcher:
        watcher.subscribe("#")
        with door.enter("E-1") as enterprise:
            enterprise.client.disconnect()
            enterprise.client.loop_stop()
            enterprise.client.will_set(topic, b'{"state":"offline"}', qos=1)
            enterprise.client.reconnect()
            enterprise.client.loop_start()
            assert hosting.wait_until(enterprise.client.is_connected, 5)
            enterprise.client.loop_stop()
            cable = enterprise.client.socket()
            assert cable
            cable.close()  # cut: it does not say goodbye, and the broker publishes the will
            own = topic == f"{MINE}/status/G1"
            assert watcher.topics(wanted=1 if own else 0) == ([topic] if own else [])


@pytest.mark.parametrize(
    "wanted",
    [f"{OTHERS}/receipt", f"{OTHERS}/readings", f"{OTHERS}/output", f"{OTHERS}/status/G1", f"{OTHERS}/#",
     f"{MINE}/readings", f"{MINE}/output", f"{MINE}/status/G1", f"{MINE}/#", "enermon/v1/+/receipt", "enermon/v1/+/+",
     "enermon/#", "#", "+/#", "+/+/+/+", "other", "$SYS/#", "$SYS/broker/version", "$SYS/broker/clients/connected",
     "$share/all/#", f"$share/all/{OTHERS}/receipt", "$share/all/enermon/v1/+/readings", f"$share/all/{MINE}/readings"],
)  # fmt: skip
def test_an_enterprise_that_subscribes_gets_its_receipts_and_nothing_else(door: Door, wanted: str) -> None:
    with door.enter(WATCHER, "sees all") as watcher, door.enter("E-1") as enterprise:
        enterprise.subscribe(wanted)
        enterprise.subscribe(f"{MINE}/receipt")
        for topic in ("readings", "output", "status/G1"):
            watcher.publish(f"{MINE}/{topic}")
            watcher.publish(f"{OTHERS}/{topic}")
        watcher.publish(f"{OTHERS}/receipt")
        watcher.publish("other")
        watcher.publish(f"{MINE}/receipt", b"after them")
        assert set(enterprise.topics(wanted=1)) == {f"{MINE}/receipt"}


def test_the_platform_reads_and_writes_all_of_the_contract_and_nothing_beside_it(door: Door) -> None:
    with door.enter(WATCHER, "sees all") as watcher, door.enter(PLATFORM) as own:
        own.subscribe("#", "$SYS/broker/version")
        watcher.publish("other")
        watcher.publish(f"{OTHERS}/status/G1")
        assert sorted(own.topics(wanted=2)) == ["$SYS/broker/version", f"{OTHERS}/status/G1"]
        watcher.subscribe("#")
        own.publish("other")  # ends its connection, see above
        with door.enter(PLATFORM) as again:
            again.publish(f"{OTHERS}/receipt")
        assert watcher.topics(wanted=1) == [f"{OTHERS}/receipt"]


@pytest.mark.parametrize(
    ("user", "password"),
    [(None, None), ("E-1", "wrong"), ("E-1", " "), ("E-3", "x"), ("e-1", "x"), (PLATFORM, "x"), (PLATFORM, "")],
)
def test_who_has_no_account_or_another_password_is_not_let_in(
    door: Door, user: str | None, password: str | None
) -> None:
    with door.enter(user, password if password is None else password or " ") as stranger:
        assert stranger.answer == "Not authorized"


def test_an_enterprises_password_is_no_other_enterprises(door: Door) -> None:
    with door.enter("E-2", door.password("E-1")) as stranger:
        assert stranger.answer == "Not authorized"


def test_whoever_speaks_in_clear_gets_no_answer_and_no_other_door_is_open(door: Door) -> None:
    with socket.create_connection(("127.0.0.1", door.port), timeout=5) as cable:
        cable.sendall(bytes.fromhex("101000044d5154540402003c000474657374"))  # CONNECT of MQTT 3.1.1
        assert _said(cable)[:1] in (b"", b"\x15")  # closed, or a TLS alert: no CONNACK, which would be 0x20
    listening = [
        line for line in (door.mosquitto.out / "mosquitto.conf").read_text().splitlines() if "listener " in line
    ]
    assert listening == [f"listener {door.port} 127.0.0.1"]


def _said(cable: socket.socket) -> bytes:
    try:
        return cable.recv(16)
    except ConnectionResetError:
        return b""


def test_a_rotated_password_locks_out_who_has_the_old_one_and_nobody_else(own_door: Door) -> None:
    old = own_door.password("E-2")
    with own_door.enter("E-1") as untouched, own_door.enter("E-2") as disconnected:
        own_door.sync("E-1", "E-2", rotated=("E-2",))
        assert hosting.wait_until(lambda: not disconnected.client.is_connected(), 5)
        assert untouched.client.is_connected()
        disconnected.client.disconnect()
    with own_door.enter("E-2", old) as late:
        assert late.answer == "Not authorized"
    with own_door.enter("E-2") as renewed:
        assert renewed.answer == "Success"


def test_a_reload_keeps_what_waits_in_a_session_and_what_comes_meanwhile(own_door: Door) -> None:
    with own_door.enter(PLATFORM, client_id="collector", session=True) as reader:
        reader.subscribe("enermon/v1/+/readings")
    with own_door.enter("E-1") as enterprise:
        for number in range(200):
            if number == 100:
                own_door.sync("E-1", "E-3")
            enterprise.publish(f"{MINE}/readings", str(number).encode())
        assert enterprise.client.is_connected()
    with own_door.enter(PLATFORM, client_id="collector", session=True) as reader:
        reader.topics(wanted=200)
        assert [int(payload) for _, payload in reader.received] == list(range(200))


def test_the_platforms_session_outlives_a_change_of_its_password(own_door: Door) -> None:
    def access() -> BrokerAccess:
        url = own_door.mosquitto.url_file.read_text("utf-8").strip()
        own = settings.load({"ENERMON_BROKER": url, "ENERMON_BROKER_CA": str(own_door.certificates.authority)})
        return services.broker_address(own)

    before = access()
    assert check.answer(before) == "Success"
    own_door.sync("E-1", "E-2", rotated=(PLATFORM,))
    after = access()
    assert (check.answer(before), check.answer(after)) == ("Not authorized", "Success")
    assert replace(after, password=before.password) == before
    assert len(after.session) >= len("enermon-") + 16


def test_an_enterprise_that_is_no_longer_registered_is_disconnected_and_shut_out(own_door: Door) -> None:
    old = own_door.password("E-2")
    with own_door.enter("E-2") as former:
        synced = own_door.sync("E-1")
        assert [(change.user, change.done) for change in synced.changes] == [("E-2", "removed")]
        assert hosting.wait_until(lambda: not former.client.is_connected(), 5)
        former.client.disconnect()
    with own_door.enter("E-2", old) as former:
        assert former.answer == "Not authorized"
    assert not own_door.mosquitto.handed("E-2").exists()


def content(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {file.name: (file.stat().st_ino, file.read_bytes()) for file in sorted(folder.iterdir()) if file.is_file()}


@pytest.fixture
def mosquitto(server_folder: Path, certificates: Certificates, request: pytest.FixtureRequest) -> Installed:
    return made(server_folder / f"files_{request.node.name[:30]}", certificates)


def test_a_second_sync_touches_nothing_also_when_passwords_have_been_handed_over(mosquitto: Installed) -> None:
    mosquitto.sync(["E-1"], ())
    for file in mosquitto.handover.iterdir():
        file.unlink()
    before = content(mosquitto.out), content(mosquitto.desk)
    again = mosquitto.sync(["E-1"], ())
    assert (again.changes, again.files, again.accounts) == ((), (), 2)
    assert (content(mosquitto.out), content(mosquitto.desk)) == before


def test_no_password_lies_on_mosquittos_side_and_clear_text_is_its_owners_alone(mosquitto: Installed) -> None:
    mosquitto.sync(["E-1"], ())
    clear = json.loads(mosquitto.handed("E-1").read_text("utf-8"))["password"]
    own = unquote(urlsplit(mosquitto.url_file.read_text("utf-8")).password or "")
    everything = b"".join(text for _, text in content(mosquitto.out).values()).decode()
    assert clear not in everything
    assert own not in everything
    modes = {stat.S_IMODE(file.stat().st_mode) for file in (mosquitto.url_file, *mosquitto.handover.iterdir())}
    assert modes == {0o600}
    assert stat.S_IMODE(mosquitto.handover.stat().st_mode) == 0o700


def test_hashes_are_what_mosquittos_own_tool_makes(mosquitto: Installed, tmp_path: Path) -> None:
    if not shutil.which("mosquitto_passwd"):
        pytest.skip("mosquitto_passwd is not on this machine")
    file = tmp_path / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", "-c", file, "E-1", "some password"], check=True, capture_output=True)
    theirs = file.read_text().strip().partition(":")[2]
    assert broker.is_of("some password", theirs)
    assert not broker.is_of("some passwort", theirs)


def test_a_sync_that_was_interrupted_before_the_hash_was_written_is_completed_by_the_next(mosquitto: Installed) -> None:
    mosquitto.sync(["E-1", "E-2"], ())
    before = (mosquitto.out / "passwords").read_text()
    mosquitto.sync(["E-1", "E-2"], ["E-1", PLATFORM])
    (mosquitto.out / "passwords").write_text(before)
    again = mosquitto.sync(["E-1", "E-2"], ())
    assert (again.changes, again.files) == ((), ("passwords",))
    hashes = dict(line.split(":", 1) for line in (mosquitto.out / "passwords").read_text().splitlines())
    door = Door(mosquitto, Certificates(mosquitto.out))
    assert all(broker.is_of(door.password(user), hashes[user]) for user in ("E-1", "E-2", PLATFORM))


def test_a_platform_that_has_lost_its_own_password_gets_another(mosquitto: Installed) -> None:
    mosquitto.sync(["E-1"], ())
    mosquitto.url_file.unlink()
    again = mosquitto.sync(["E-1"], ())
    assert [(change.user, change.done, change.handed) for change in again.changes] == [
        (PLATFORM, "rotated", mosquitto.url_file)
    ]


def test_the_password_of_an_account_that_there_is_not_cannot_be_rotated(mosquitto: Installed) -> None:
    with pytest.raises(Refused, match=r"There is no account of E-9: only registered enterprises"):
        mosquitto.sync(["E-1"], ["E-9"])
    assert not mosquitto.out.exists()


def test_a_folder_of_roots_is_refused_since_mosquitto_could_not_read_it_again(mosquitto: Installed) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can make a folder that belongs to root")
    mosquitto.out.mkdir()
    with pytest.raises(Refused, match=r"belongs to root.*chown mosquitto"):
        mosquitto.sync(["E-1"], ())


def test_a_command_that_shall_reload_and_fails_is_told_with_what_it_says() -> None:
    installed.reload_by("true")
    with pytest.raises(Refused, match=r"ended with 3: no such unit\. The files are in place"):
        installed.reload_by("sh -c 'echo no such unit >&2; exit 3'")
    with pytest.raises(Refused, match="which tells mosquitto to read its files again, failed"):
        installed.reload_by("/no/such/program")


def test_a_pid_file_that_names_another_process_signals_nobody(tmp_path: Path) -> None:
    (tmp_path / "mosquitto.pid").write_text(str(os.getpid()))
    assert installed.reload_by_pid(tmp_path) is False


def registry(folder: Path, **status: str) -> str:
    rows = "".join(
        f"{code.replace('_', '-')},{code},620500,3041,industrial,{status[code]}\n" for code in sorted(status)
    )
    file = folder / "enterprises.csv"
    file.write_text(f"code,name,region,industry,kind,status\n{rows}", "utf-8")
    return str(file)


@pytest.fixture
def enermon(dsn: str, tmp_path: Path, certificates: Certificates) -> Callable[..., str]:
    """The program over a database of this test, with certificates in its settings; what it prints."""
    tls = certificates.options(8883).tls
    assert tls
    given = {
        "ENERMON_DATABASE": dsn,
        "ENERMON_DATA": str(tmp_path / "data"),
        "ENERMON_BROKER_TLS_CERTIFICATE": str(tls.certificate),
        "ENERMON_BROKER_TLS_KEY": str(tls.key),
    }

    def run(*words: str, code: int = 0, **more: str) -> str:
        done = CliRunner().invoke(cli, words, env={**given, **more})
        assert done.exit_code == code, done.output
        return done.output

    return run


def test_accounts_follow_the_registry(enermon: Callable[..., str], tmp_path: Path) -> None:
    enermon("import", registry(tmp_path, E_1="operating", E_2="suspended", E_3="closed"))
    out = str(tmp_path / "mosquitto")
    first = enermon("broker", "sync", "--out", out, "--host", "broker.example.org")
    assert "made E-1; its password is in " in first
    assert "3 accounts, 3 made, 0 rotated, 0 removed; written: access, passwords, mosquitto.conf." in first
    assert "E-3" not in first
    assert f"Start mosquitto with this configuration: mosquitto -c {out}/mosquitto.conf" in first
    assert enermon("broker", "sync", "--out", out).splitlines() == [
        "3 accounts, 0 made, 0 rotated, 0 removed; no file of mosquitto's is different."
    ]
    enermon("import", registry(tmp_path, E_1="closed", E_3="operating"))
    later = enermon("broker", "sync", "--out", out, "--reload", "true")
    assert later.splitlines()[1:] == [
        "removed E-1",
        "3 accounts, 1 made, 0 rotated, 1 removed; written: passwords.",
        "mosquitto has read its accounts again; who had an old password is disconnected.",
    ]


def test_what_is_handed_over_says_all_that_a_gateway_needs(enermon: Callable[..., str], tmp_path: Path) -> None:
    enermon("import", registry(tmp_path, E_1="operating"))
    enermon("broker", "sync", "--out", str(tmp_path / "mosquitto"), "--host", "broker.example.org")
    handed = json.loads((tmp_path / "data" / "handover" / "E-1.json").read_text("utf-8"))
    assert len(handed.pop("password")) >= 24
    assert handed == {
        "host": "broker.example.org", "port": 8883, "tls": True, "user": "E-1",
        "publish": [f"{MINE}/readings", f"{MINE}/output", f"{MINE}/status/<gateway>"], "subscribe": [f"{MINE}/receipt"],
    }  # fmt: skip


def test_a_dry_run_writes_nothing(enermon: Callable[..., str], tmp_path: Path) -> None:
    enermon("import", registry(tmp_path, E_1="operating"))
    words = ("broker", "sync", "--out", str(tmp_path / "mosquitto"), "--host", "broker.example.org", "--dry-run")
    assert "Nothing was written. It would be: 2 accounts, 2 made" in enermon(*words)
    told = json.loads(enermon(*words, "--format", "json"))
    assert (told["dry_run"], [change["user"] for change in told["changes"]]) == (True, [PLATFORM, "E-1"])
    assert not (tmp_path / "mosquitto").exists()
    assert not (tmp_path / "data" / "handover").exists()


def test_what_is_missing_is_told(enermon: Callable[..., str], tmp_path: Path) -> None:
    words = ("broker", "sync", "--out", str(tmp_path / "mosquitto"))
    assert "--host broker.example.org" in enermon(*words, code=1)
    without = {"ENERMON_BROKER_TLS_CERTIFICATE": "", "ENERMON_BROKER_TLS_KEY": ""}
    assert "reached over TLS only" in enermon(*words, "--host", "b", code=1, **without)


def test_nobody_is_told_that_mosquitto_knows_when_it_was_not_found(enermon: Callable[..., str], tmp_path: Path) -> None:
    enermon("import", registry(tmp_path, E_1="operating"))
    out = str(tmp_path / "mosquitto")
    enermon("broker", "sync", "--out", out, "--host", "broker.example.org")
    assert "mosquitto was not found here, and has read nothing yet" in enermon(
        "broker", "sync", "--out", out, "--rotate", "E-1"
    )


def test_the_end_of_a_certificate_is_the_one_that_openssl_says(certificates: Certificates) -> None:
    for name in ("ca.pem", "certificate.pem"):
        file = certificates.folder / name
        said = subprocess.run(
            ["openssl", "x509", "-in", file, "-noout", "-enddate"], check=True, capture_output=True, text=True
        ).stdout.strip()
        told = datetime.strptime(said.partition("=")[2], "%b %d %H:%M:%S %Y GMT").replace(tzinfo=UTC)
        assert expires(file.read_text()) == told
    for wrong in ("", "no certificate", "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"):
        with pytest.raises(Refused, match="no certificate in PEM"):
            expires(wrong)


@pytest.mark.parametrize(
    ("days", "told"),
    [(31, []), (29, ["The broker's certificate expires on 2026-12-20, in 29 days; renew it."]),
     (-1, ["The broker's certificate has expired on 2026-11-20: gateways turn away from the broker; renew it."])],
)  # fmt: skip
def test_a_certificate_that_ends_soon_is_told(
    days: int, told: list[str], certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime(2026, 11, 21, 12, tzinfo=UTC)
    own = replace(settings.load({}), broker_tls_certificate=certificates.folder / "certificate.pem")
    monkeypatch.setattr(check, "expires", lambda pem: now + timedelta(days=days))
    assert list(check._of_certificate(App(own, "test", lambda: now))) == told


def test_the_certificate_of_an_operators_broker_is_the_one_it_shows(door: Door) -> None:
    url = door.mosquitto.url_file.read_text("utf-8").strip()
    own = settings.load({"ENERMON_BROKER": url, "ENERMON_BROKER_CA": str(door.certificates.authority)})
    end = expires((door.certificates.folder / "certificate.pem").read_text())
    shortly_before = App(own, "test", lambda: end - check.CERTIFICATE_WARNING / 2)
    assert f"expires on {end:%Y-%m-%d}, in 15 days" in "".join(check._of_certificate(shortly_before))

"""What `deploy/` gives an operator, checked by everything that works without Docker's engine or a running systemd."""

import json
import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml  # type: ignore[import-untyped]

from enermon import settings
from enermon.cli import cli
from tests.test_docs import COMMANDS, options

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
UNITS = DEPLOY / "systemd"
COMPOSE: Mapping[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
SERVICES: Mapping[str, Mapping[str, Any]] = COMPOSE["services"]
ONCE = {"migrate", "accounts", "dashboards", "tools"}
OURS = {name for name, service in SERVICES.items() if service["image"].startswith("enermon:")}
EXPOSURE_LIMITS = {"enermon-accounts.service": 30}  # it writes for two users, hence is root; tenths
DOCKERFILE = (DEPLOY / "Dockerfile").read_text("utf-8")
RUNTIME = DOCKERFILE[DOCKERFILE.rindex("\nFROM ") :]

every_service = pytest.mark.parametrize("name", SERVICES)


def reader(line: str) -> bool:
    return bool(line.strip()) and not line.startswith("#")


def environment(file: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in file.read_text("utf-8").splitlines() if reader(line))


def is_setting(variable: str) -> bool:
    name = variable.removeprefix("ENERMON_").lower()
    return name in settings.NAMES or (name.endswith("_file") and name.removesuffix("_file") in settings.SECRETS)


def test_the_compose_file_is_one_by_the_specifications_schema() -> None:
    """The schema is not ours to carry: https://github.com/compose-spec/compose-spec, schema/compose-spec.json."""
    named = os.environ.get("ENERMON_TEST_COMPOSE_SCHEMA")
    if not named:
        pytest.skip(
            "ENERMON_TEST_COMPOSE_SCHEMA names no compose-spec.json; the file's own rules are checked all the same"
        )
    jsonschema.Draft202012Validator(json.loads(Path(named).read_text("utf-8"))).validate(COMPOSE)


def test_docker_compose_reads_the_file_where_it_is_installed() -> None:
    docker = shutil.which("docker")
    if not docker or subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("docker compose is not on this machine")
    words = [docker, "compose", "-f", str(DEPLOY / "compose.yaml"), "--env-file", str(DEPLOY / "env.example")]
    done = subprocess.run([*words, "config", "--quiet"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_no_service_key_is_mistyped() -> None:
    known = {"image", "user", "command", "environment", "secrets", "volumes", "tmpfs", "networks", "ports", "init",
             "healthcheck", "deploy", "depends_on", "restart", "read_only", "cap_drop", "security_opt", "logging",
             "shm_size", "stop_grace_period", "profiles"}  # fmt: skip
    assert {key for service in SERVICES.values() for key in service} - known == set()


@pytest.mark.parametrize("kind", ["secrets", "volumes", "networks"])
def test_what_services_name_is_declared_and_what_is_declared_is_used(kind: str) -> None:
    used = {str(each).split(":")[0] for service in SERVICES.values() for each in service.get(kind, ())}
    assert used == set(COMPOSE[kind])


def test_services_wait_for_services_that_there_are_and_that_can_become_what_is_waited_for() -> None:
    for name, service in SERVICES.items():
        for other, how in service.get("depends_on", {}).items():
            ends = how["condition"] == "service_completed_successfully"
            assert (other in ONCE) == ends, f"{name} waits for {other} to {'end' if ends else 'become healthy'}"


@every_service
def test_a_service_is_guarded(name: str) -> None:
    service = SERVICES[name]
    uid = str(service["user"]).split(":")[0]
    assert uid.isdecimal()
    assert uid != "0"
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert {"privileged", "pid", "ipc", "network_mode", "cap_add", "devices"} & service.keys() == set()
    assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}


@every_service
def test_an_image_is_pinned_by_its_version(name: str) -> None:
    version = SERVICES[name]["image"].rpartition(":")[2]
    assert re.fullmatch(r"\d+\.\d+\.\d+(-pg\d+)?", version)


@every_service
def test_a_service_that_stays_is_asked_how_it_is_and_started_again(name: str) -> None:
    service = SERVICES[name]
    if name in ONCE:
        assert (service["restart"], service["healthcheck"]) == ("no", {"disable": True})
    else:
        assert service["restart"] == "unless-stopped"
        assert {"test", "interval", "timeout", "retries", "start_period"} <= service["healthcheck"].keys()


def test_only_the_brokers_tls_door_is_open_to_other_machines() -> None:
    doors = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert doors.pop("broker") == ["${BROKER_ADDRESS:-0.0.0.0}:8883:8883"]
    assert all(port.startswith("127.0.0.1:") for ports in doors.values() for port in ports)


def test_the_database_has_no_way_out_and_the_broker_none_to_it() -> None:
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    assert SERVICES["database"]["networks"] == ["inside"]
    assert set(SERVICES["broker"]["networks"]) == {"gateways"}


def test_clear_text_of_accounts_is_not_where_the_broker_runs() -> None:
    assert [volume.split(":")[0] for volume in SERVICES["broker"]["volumes"]] == ["broker"]
    assert set(SERVICES["broker"]["secrets"]) == {"broker_certificate", "broker_key"}


def test_no_password_stands_in_a_file_that_is_handed_out() -> None:
    for file in (*DEPLOY.glob("*.*"), DEPLOY / "Dockerfile", *UNITS.rglob("*.*")):
        if file.is_file() and file.suffix != ".py":
            text = file.read_text("utf-8")
            assert not re.search(r"(?i)(password|token|secret)\w*\s*[=:]\s*['\"]?(?!/|%|\{|\[|\$)[\w-]{6,}", text), file
            assert not re.search(r"://[^/\s:@%]+:(?!%s@)[^/\s@]+@", text), file


def test_every_variable_is_a_setting_and_every_secret_comes_from_a_file() -> None:
    for name in OURS:
        given = SERVICES[name]["environment"]
        assert [variable for variable in given if not is_setting(variable)] == [], name
        secret = {f"ENERMON_{setting.upper()}" for setting in settings.SECRETS}
        assert secret & given.keys() == set(), name


def test_a_secret_file_that_a_setting_names_is_given_to_the_service() -> None:
    for name in OURS:
        for variable, value in SERVICES[name]["environment"].items():
            if str(value).startswith("/run/secrets/"):
                assert value.removeprefix("/run/secrets/") in SERVICES[name]["secrets"], f"{name}: {variable}"


def test_what_the_compose_file_asks_of_its_surroundings_is_in_the_example() -> None:
    asked = set(re.findall(r"\$\{(\w+)", (DEPLOY / "compose.yaml").read_text("utf-8")))
    assert asked == environment(DEPLOY / "env.example").keys()
    assert [name for name in asked if name.startswith("ENERMON_") and not is_setting(name)] == []


@pytest.mark.parametrize(
    "file",
    ["env.example", "systemd/enermon.env.example", "systemd/broker.env.example"],
    ids=lambda name: Path(name).name,
)
def test_the_settings_of_an_example_can_be_loaded(file: str, tmp_path: Path) -> None:
    given = {name: value for name, value in environment(DEPLOY / file).items() if name.startswith("ENERMON_")}
    assert [name for name in given if not is_setting(name)] == []
    for name, value in given.items():
        if value.startswith("/etc/"):
            given[name] = str(tmp_path / Path(value).name)
            Path(given[name]).touch()
    assert settings.load(given).zone.key == "Asia/Shanghai"


def commands_typed() -> Iterator[tuple[str, list[str]]]:
    for name in sorted(OURS):
        yield name, [str(word) for word in SERVICES[name]["command"]]
    for unit in sorted(UNITS.glob("*.service")):
        for line in re.findall(r"^ExecStart=\S+/enermon (.+)$", unit.read_text("utf-8"), re.MULTILINE):
            yield unit.name, line.split()


@pytest.mark.parametrize(("where", "words"), list(commands_typed()))
def test_a_command_that_is_started_exists_with_its_options(where: str, words: list[str]) -> None:
    known = [path for path in COMMANDS if tuple(words[: len(path)]) == path]
    assert known, f"{where}: {cli.name} has no command {' '.join(words)}"
    command = COMMANDS[max(known, key=len)]
    assert {word for word in words if word.startswith("--")} <= options(command)


def test_the_dockerfile_stands_before_hadolint() -> None:
    hadolint = shutil.which("hadolint", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if not hadolint:
        pytest.skip("hadolint is not on this machine; it comes with the packages for tests where it has been built")
    done = subprocess.run([hadolint, "--no-color", DEPLOY / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_image_is_pinned_small_and_nobodys_root() -> None:
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert len(bases) == 2
    assert all(re.fullmatch(r"python:3\.11\.\d+-slim-\w+", base) for base in bases)
    assert not re.search(r"^ADD ", DOCKERFILE, re.MULTILINE)
    assert "://" not in DOCKERFILE.replace("http://127.0.0.1:8420/readyz", "")
    assert re.findall(r"^USER (\S+)", RUNTIME, re.MULTILINE) == [SERVICES["console"]["user"]]
    assert all("--chown=root:root" in line for line in re.findall(r"^COPY .*", RUNTIME, re.MULTILINE))
    assert not re.search(r"\b(pip|apt-get|gcc)\b", RUNTIME)
    assert "HEALTHCHECK" in RUNTIME


def test_the_image_is_of_the_version_that_the_compose_file_names() -> None:
    version = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text("utf-8"), re.MULTILINE)
    assert version
    assert f"ARG VERSION={version[1]}\n" in DOCKERFILE
    assert {SERVICES[name]["image"] for name in OURS} == {f"enermon:{version[1]}"}


def test_the_image_has_every_folder_of_the_program_and_the_build_is_sent_nothing_else() -> None:
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")}
    copied = {word for line in re.findall(r"^COPY (?!--)(.+) \S+$", DOCKERFILE, re.MULTILINE) for word in line.split()}
    packages = re.search(r"^packages = \[(.+)\]", (ROOT / "pyproject.toml").read_text("utf-8"), re.MULTILINE)
    assert packages
    assert copied == sent
    assert copied >= {*re.findall(r'"(\w+)"', packages[1]), "config", "pyproject.toml", "constraints.txt"}
    assert all((ROOT / name).exists() for name in sent)


def test_prepare_makes_every_secret_once_with_a_certificate_of_the_name(tmp_path: Path) -> None:
    if not shutil.which("openssl"):
        pytest.skip("openssl, which makes certificates, is not on this machine")

    def prepared() -> dict[str, bytes]:
        words = [str(DEPLOY / "prepare.sh"), "broker.example.org", str(tmp_path)]
        subprocess.run(words, check=True, capture_output=True)
        return {str(file.relative_to(tmp_path)): file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}

    first = prepared()
    assert {secret["file"] for secret in COMPOSE["secrets"].values()} <= first.keys()
    assert prepared() == first
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "secrets" / "broker" / "ca-key.pem").stat().st_mode) == 0o600
    assert environment(tmp_path / ".env")["BROKER_NAME"] == "broker.example.org"
    certificate = tmp_path / "secrets" / "broker" / "certificate.pem"
    shown = subprocess.run(["openssl", "x509", "-in", certificate, "-noout", "-checkhost", "broker.example.org"],
                           check=True, capture_output=True, text=True)  # fmt: skip
    assert "does match certificate" in shown.stdout
    given = {
        "ENERMON_DATABASE_FILE": "database_url",
        "ENERMON_GRAFANA_FILE": "grafana_url",
        "ENERMON_CHANNELS_FILE": "channels",
    }
    found = settings.load({name: str(tmp_path / "secrets" / file) for name, file in given.items()})
    assert (
        found.database
        == f"postgresql://enermon:{first['secrets/database_password'].decode().strip()}@database:5432/enermon"
    )
    assert found.channels == ()


@pytest.fixture
def units(tmp_path: Path) -> list[Path]:
    """Copies whose program exists, since systemd looks for it."""
    copies = []
    for unit in sorted([*UNITS.glob("*.service"), *UNITS.glob("*.target"), *UNITS.glob("*.timer")]):
        copy = tmp_path / unit.name
        copy.write_text(unit.read_text("utf-8").replace("/opt/enermon/.venv/bin/enermon", "/bin/true"), "utf-8")
        copies.append(copy)
    return copies


def test_systemd_understands_every_unit(units: list[Path]) -> None:
    analyze = shutil.which("systemd-analyze")
    if not analyze:
        pytest.skip("systemd-analyze is not on this machine")
    named = [str(unit).replace("@.", "@1.") for unit in units]
    done = subprocess.run([analyze, "verify", "--man=no", *named], capture_output=True, text=True, check=False)
    ours = [line for line in done.stderr.splitlines() if "enermon" in line]
    assert (ours, done.returncode) == ([], 0)


@pytest.mark.parametrize("unit", sorted(UNITS.glob("*.service")), ids=lambda unit: unit.name)
def test_systemd_finds_a_service_well_guarded(unit: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if not analyze:
        pytest.skip("systemd-analyze is not on this machine")
    limit = EXPOSURE_LIMITS.get(unit.name, 15)
    words = [analyze, "security", "--offline=true", f"--threshold={limit}", "--no-pager", str(unit)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if "unrecognized option" in done.stderr:
        pytest.skip("this systemd-analyze cannot look at a unit that is not running; 250 or later can")
    assert done.returncode == 0, done.stdout


def test_a_unit_reads_no_secret_from_its_environment() -> None:
    for unit in UNITS.glob("*.service"):
        text = unit.read_text("utf-8")
        given = re.findall(r"\b(ENERMON_\w+)=(\S+)", text)
        assert [name for name, _ in given if not is_setting(name)] == []
        named = {value.removeprefix("%d/") for _, value in given if value.startswith("%d/")}
        assert named == set(re.findall(r"^LoadCredential=(\w+):", text, re.MULTILINE)), unit.name


def test_the_target_brings_up_every_station() -> None:
    wanted = re.search(r"^Wants=(.+)$", (UNITS / "enermon.target").read_text("utf-8"), re.MULTILINE)
    assert wanted
    stations = {
        unit.name.replace("@.", "@1.")
        for unit in UNITS.glob("*.service")
        if "PartOf=enermon.target" in unit.read_text()
    }
    assert set(wanted[1].split()) == stations

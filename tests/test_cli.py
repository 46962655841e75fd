"""The program from outside: exit codes, sentences, and servers that come and go with their data folder."""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from socket import create_server

import psycopg
import pytest
from click.testing import CliRunner, Result

from deploy import broker as embedded_broker
from energy.refused import Refused
from enermon import context, logs, services, settings
from enermon.cli import COMMANDS, cli
from enermon.commands import check
from enermon.context import App
from storage import database, server
from tests.conftest import Mosquitto, needs_partitions

ROOT = Path(__file__).parents[1]


@pytest.fixture
def folder(server_folder: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A data folder whose servers are ended with the test."""
    path = server_folder / f"cli_{request.node.name[:40]}"
    yield path
    embedded_broker.stop(path)
    server.stop(path)


def enermon(*words: str, **environment: str) -> Result:
    return CliRunner().invoke(cli, words, env=environment)


def platform_url(mosquitto: Mosquitto) -> str:
    access = mosquitto.access
    return f"mqtt://{access.user.replace('@', '%40')}:{access.password}@127.0.0.1:{mosquitto.port}"


def test_help_is_given_even_where_the_settings_are_wrong() -> None:
    for words in (["--help"], ["stop", "--help"], ["check", "--help"]):
        done = enermon(*words, ENERMON_ZONE="nowhere")
        assert (done.exit_code, "Usage: " in done.stdout) == (0, True)


@pytest.mark.parametrize(
    "days", [("0001-01-01", "2026-11-01"), ("2026-10-01", "9999-12-31"), ("2026-02-30", "2026-11-01")]
)
def test_days_beyond_the_calendar_are_wrong_usage(days: tuple[str, str], tmp_path: Path) -> None:
    asked = ("usage", "--enterprise", "E", "--from", days[0], "--to", days[1])
    done = enermon(*asked, ENERMON_DATA=str(tmp_path))
    assert (done.exit_code, "Error: " in done.stderr) == (2, True)


def test_commands_stand_in_the_order_of_the_contract() -> None:
    listed = [
        line.split()[0] for line in enermon("--help").stdout.split("Commands:\n")[1].splitlines() if line[2] > " "
    ]
    assert listed == [name for name in COMMANDS if name in listed]
    assert {"migrate", "stop", "check"} <= set(listed)


@pytest.mark.parametrize("words", [["dance"], ["stop", "--faster"], ["check", "--integrity", "--from", "x"]])
def test_wrong_usage_ends_with_2(words: list[str], folder: Path) -> None:
    assert enermon(*words, ENERMON_DATA=str(folder)).exit_code == 2


def test_wrong_settings_end_with_1_and_a_sentence_on_standard_error() -> None:
    done = enermon("stop", ENERMON_ZONE="nowhere")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == "ENERMON_ZONE is 'nowhere'; write a zone such as Asia/Shanghai.\n"


def test_a_database_that_is_not_there_is_one_sentence_and_no_traceback(folder: Path) -> None:
    address = "postgresql://somebody@127.0.0.1:1/none"
    done = enermon("migrate", ENERMON_DATABASE=address, ENERMON_DATA=str(folder))
    assert done.exit_code == 1
    assert done.stderr.startswith("The database does not answer: ") and done.stderr.count("\n") == 1


def test_a_data_folder_that_cannot_be_made_is_one_sentence() -> None:
    done = enermon("migrate", ENERMON_DATA="/dev/null/var")
    assert (done.exit_code, done.stderr.count("\n")) == (1, 1)


def test_from_an_empty_folder_to_running_servers_and_back(folder: Path) -> None:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "ENERMON_DATA": str(folder)}
        return subprocess.run(
            [sys.executable, "-m", "enermon", *words], env=environment, cwd=ROOT, capture_output=True, text=True
        )

    assert (run("stop").returncode, run("stop").stdout) == (0, "")
    assert not folder.exists()
    assert "0001_registry.sql has been taken in." in run("migrate").stdout
    assert run("migrate").stdout == "The schema is up to date.\n"
    checked = run("check")
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "Nothing is wrong.\n", "")
    assert run("stop").stdout == "mosquitto has ended.\nPostgreSQL has ended.\n"


def test_connect_json_tells_its_owner_addresses_and_accounts(folder: Path) -> None:
    found = settings.load({"ENERMON_DATA": str(folder)})
    with database.connect(services.database_dsn(found)) as conn:
        conn.execute("INSERT INTO region (code, name) VALUES ('990000', '示例省') ON CONFLICT DO NOTHING")
        conn.execute("INSERT INTO enterprise (code, name, region) VALUES ('E-01', '示例厂（虚构）', '990000')")
        conn.commit()
        access = services.broker(found)
        told = json.loads((folder / "connect.json").read_text("utf-8"))
    assert (folder / "connect.json").stat().st_mode & 0o777 == 0o600
    assert told["broker"]["url"] == access.url
    assert (told["broker"]["user"], told["broker"]["password"]) == (access.user, access.password)
    assert told["broker"]["accounts"]["E-01"]["user"] == "E-01"
    with psycopg.connect(told["database"]["dsn"]) as conn:
        assert conn.execute("SELECT code FROM enterprise").fetchall() == [("E-01",)]


@pytest.mark.parametrize("words", [["--as", "li", "show"], ["show", "--as", "li"], ["show", "--as=li"]])
def test_who_acts_may_be_said_anywhere(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    import click

    @click.command()
    @context.pass_app
    def show(app: App) -> None:
        click.echo(app.actor)

    monkeypatch.setitem(cli.commands, "show", show)
    monkeypatch.setattr(type(cli), "get_command", lambda self, ctx, name: self.commands.get(name))
    assert enermon(*words).stdout == "li\n"


def test_an_operators_own_servers_are_left_alone(folder: Path, dsn: str, mosquitto: Mosquitto) -> None:
    own = {"ENERMON_DATABASE": dsn, "ENERMON_BROKER": platform_url(mosquitto), "ENERMON_DATA": str(folder)}
    assert enermon("check", **own).stdout == "Nothing is wrong.\n"
    assert enermon("stop", **own).stdout == ""
    assert not (folder / "connect.json").exists()
    psycopg.connect(dsn).close()


def test_the_address_of_an_operators_broker_is_taken_apart() -> None:
    found = settings.load({"ENERMON_BROKER": "mqtts://plat%40form:p%3Aw@broker.example.org"})
    access = services.broker(found)
    assert (access.host, access.port, access.tls) == ("broker.example.org", 8883, True)
    assert (access.user, access.password) == ("plat@form", "p:w")
    assert "p%3Aw" not in access.url


def problems(dsn: str, mosquitto: Mosquitto, now: datetime | None = None, **changes: str) -> list[str]:
    environment = {
        "ENERMON_DATABASE": dsn,
        "ENERMON_BROKER": platform_url(mosquitto),
        "ENERMON_DATA": "/tmp",
        **changes,
    }
    app = App(settings.load(environment), "tester", lambda: now or datetime.now(UTC))
    done = CliRunner().invoke(check.command, obj=app)
    return str(done.exception).split("\n") if isinstance(done.exception, Refused) else []


def test_check_finds_a_schema_that_is_behind(dsn: str, mosquitto: Mosquitto) -> None:
    with database.connect(dsn) as conn:
        conn.execute("DELETE FROM migration WHERE name LIKE '0004%'")
    (problem,) = problems(dsn, mosquitto)
    assert problem.startswith("The schema is behind (0004") and problem.endswith("; run `enermon migrate`.")


def test_check_finds_a_schema_of_a_newer_program(dsn: str, mosquitto: Mosquitto) -> None:
    with database.connect(dsn) as conn:
        conn.execute("INSERT INTO migration (name, hash) VALUES ('9999_future.sql', '')")
    assert problems(dsn, mosquitto) == ["The schema is of a newer program (9999_future.sql); update this one."]


def test_check_finds_work_that_waits_too_long(dsn: str, mosquitto: Mosquitto) -> None:
    with database.connect(dsn) as conn:
        conn.execute(
            "INSERT INTO stale_span (shard, enterprise_id, meters, since, until, why)"
            " VALUES (1, 1, '{1}', now(), now(), 'reading')"
        )
    assert problems(dsn, mosquitto) == []
    assert problems(dsn, mosquitto, datetime.now(UTC) + timedelta(minutes=40)) == [
        "1 stale spans wait to be recomputed, the oldest for 40 minutes; is `enermon work` running?"
    ]


@needs_partitions
def test_check_finds_a_missing_partition_for_tomorrow(dsn: str, mosquitto: Mosquitto) -> None:
    with database.connect(dsn) as conn:
        conn.execute("CALL ensure_reading_days('{2026-10-03}')")
    assert problems(dsn, mosquitto, datetime(2026, 10, 3, 9, tzinfo=UTC)) == [
        "There is no partition for the readings of tomorrow (2026-10-04); is `enermon collect` running?"
    ]


def test_check_finds_a_broker_that_is_away_or_does_not_know_us(dsn: str, mosquitto: Mosquitto) -> None:
    with closing(create_server(("127.0.0.1", 0))) as taken:
        away = f"mqtt://127.0.0.1:{taken.getsockname()[1]}"
    (problem,) = problems(dsn, mosquitto, ENERMON_BROKER=away)
    assert problem.startswith("The broker does not answer: ")
    stranger = f"mqtt://stranger:x@127.0.0.1:{mosquitto.port}"
    (problem,) = problems(dsn, mosquitto, ENERMON_BROKER=stranger)
    assert problem.endswith("does not let the platform in: Not authorized.")


def test_check_names_everything_that_is_wrong(mosquitto: Mosquitto) -> None:
    told = problems("postgresql://a@127.0.0.1:1/x", mosquitto, ENERMON_BROKER="mqtt://127.0.0.1:1")
    assert [sentence.split(":")[0] for sentence in told] == [
        "The database does not answer",
        "The broker does not answer",
    ]
    assert check.OLDEST_POSTGRES == 150_000
    assert list(check._of_server(140_012)) == ["The database is PostgreSQL 14; 15 or newer is needed."]


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_line_of_the_log_is_a_line_and_libraries_are_quiet(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    before = logging.getLogger().handlers[:]
    try:
        logs.set_up(form)
        logging.getLogger("ingest").info("stored %s readings", 100)
        logging.getLogger("apscheduler.scheduler").info("added job")
        line = capsys.readouterr().err
    finally:
        logging.getLogger().handlers[:] = before
    assert line.count("\n") == 1
    assert json.loads(line)["message"] == "stored 100 readings" if form == "json" else "stored 100 readings" in line

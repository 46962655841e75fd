"""What an operator can set, and how a mistake is told."""

import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from energy.refused import Refused
from enermon import settings

SAMPLE = Path(__file__).parents[1] / "config" / "enermon.toml"


def mistakes(**environment: str) -> list[str]:
    with pytest.raises(Refused) as refused:
        settings.load(environment)
    return str(refused.value).split("\n")


def written(folder: Path, text: str) -> str:
    file = folder / "own.toml"
    file.write_text(text, "utf-8")
    return str(file)


def test_with_nothing_set_everything_is_embedded_and_stays_on_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = settings.load({})
    assert (found.database, found.broker, found.console_host) == (None, None, "127.0.0.1")
    assert (found.data, found.reports) == (tmp_path / "var", tmp_path / "var" / "reports")
    assert (found.zone, found.clock_tolerance) == (ZoneInfo("Asia/Shanghai"), timedelta(minutes=10))
    assert found.oldest_time == datetime(2000, 1, 1, tzinfo=UTC)


def test_the_defaults_that_the_sample_file_shows_are_the_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shown = [line[2:] for line in SAMPLE.read_text("utf-8").splitlines() if line.startswith("# ") and " = " in line]
    file = written(tmp_path, "\n".join(shown))
    assert tomllib.loads("\n".join(shown)).keys() < set(settings.NAMES)
    assert settings.load({"ENERMON_CONFIG": file}) == settings.load({})


def test_the_sample_file_can_be_used_as_it_is() -> None:
    assert settings.load({"ENERMON_CONFIG": str(SAMPLE)}) == settings.load({})


def test_a_variable_goes_before_the_file(tmp_path: Path) -> None:
    file = written(tmp_path, 'console_port = 9000\nzone = "Europe/Berlin"\ndata = "/srv/enermon"')
    found = settings.load({"ENERMON_CONFIG": file, "ENERMON_CONSOLE_PORT": "9100"})
    assert (found.console_port, found.zone.key) == (9100, "Europe/Berlin")
    assert (found.data, found.reports) == (Path("/srv/enermon"), Path("/srv/enermon/reports"))


def test_an_empty_variable_sets_nothing() -> None:
    assert settings.load({"ENERMON_DATABASE": ""}).database is None


def test_a_secret_may_stand_in_a_file_of_its_own(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("postgresql://enermon:pass@db.example.org/enermon\n", "utf-8")
    for environment in (
        {"ENERMON_DATABASE_FILE": str(secret)},
        {"ENERMON_CONFIG": written(tmp_path, f'database_file = "{secret}"')},
    ):
        assert settings.load(environment).database == "postgresql://enermon:pass@db.example.org/enermon"


def test_secrets_are_not_shown_when_settings_are_printed(tmp_path: Path) -> None:
    found = settings.load(
        {"ENERMON_DATABASE": "postgresql://a:hidden@h/d", "ENERMON_BROKER": "mqtt://a:hidden@h",
         "ENERMON_CHANNELS": "json://hidden@example.org"}
    )  # fmt: skip
    assert "hidden" not in repr(found)
    assert mistakes(ENERMON_DATABASE="mysql://a:hidden@h/d") == [
        "ENERMON_DATABASE is no address of the form postgresql:// or postgres://user:password@host:port."
    ]


def test_channels_are_addresses_of_apprise() -> None:
    found = settings.load({"ENERMON_CHANNELS": "json://example.org mailtos://user:pass@example.org"})
    assert found.channels == ("json://example.org", "mailtos://user:pass@example.org")
    assert mistakes(ENERMON_CHANNELS="json://example.org smoke-signal") == [
        "ENERMON_CHANNELS has an address that Apprise cannot read (number 2); see its list of services."
    ]


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    file = written(tmp_path, 'console_port = "eighty"\ncolour = "blue"')
    assert mistakes(ENERMON_CONFIG=file, ENERMON_ZONE="Asia/Peking", ENERMON_DATABSE="x") == [
        "ENERMON_DATABSE is no setting; did you mean database.",
        "ENERMON_ZONE is 'Asia/Peking'; write a zone such as Asia/Shanghai.",
        f"colour in {file} is no setting; it may be {', '.join(settings.NAMES)}.",
        f"console_port in {file} is 'eighty'; write a whole number from 1 to 65535.",
    ]


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "Asia/Kathmandu", "Australia/Adelaide"])
def test_a_zone_whose_days_begin_inside_an_hour_of_utc_is_refused(zone: str) -> None:
    assert mistakes(ENERMON_ZONE=zone) == [
        f"ENERMON_ZONE is {zone!r}, which is no whole hours from UTC; write a zone such as Asia/Shanghai."
    ]


def test_a_variable_that_resembles_no_setting_is_somebody_elses() -> None:
    assert settings.load({"ENERMON_WHATEVER_ELSE": "1"}) == settings.load({})


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("ENERMON_BROKER", "http://h", "is no address of the form mqtt:// or mqtts://user:password@host:port"),
        ("ENERMON_BROKER", "mqtt://h:99999", "is no address of the form mqtt:// or mqtts://user:password@host:port"),
        ("ENERMON_BROKER", "mqtt://", "is no address of the form mqtt:// or mqtts://user:password@host:port"),
        ("ENERMON_CONSOLE_PORT", "0", "is '0'; write a whole number from 1 to 65535"),
        ("ENERMON_MAX_PAYLOAD_BYTES", "1e6", "is '1e6'; write a whole number from 1024 to 16777216"),
        ("ENERMON_LOG_FORMAT", "xml", "is 'xml'; write text or json"),
        ("ENERMON_BROKER_TLS_ADDRESS", "8883", "is '8883'; write an address and a port such as 0.0.0.0:8883"),
        ("ENERMON_BROKER_CA", "/no/such.pem", "names /no/such.pem, which is no file"),
        ("ENERMON_ZONE", "../etc", "is '../etc'; write a zone such as Asia/Shanghai"),
        (
            "ENERMON_OLDEST_TIME",
            "2000-01-01",
            "is '2000-01-01'; write a time with its offset such as 2000-01-01T00:00:00+00:00",
        ),
    ],
)
def test_a_wrong_value_is_told_with_what_would_be_right(name: str, value: str, told: str) -> None:
    assert mistakes(**{name: value}) == [f"{name} {told}."]


def test_what_belongs_together_is_set_together(tmp_path: Path) -> None:
    pem = tmp_path / "some.pem"
    pem.write_text("")
    assert mistakes(ENERMON_BROKER_TLS_KEY=str(pem)) == [
        "broker_tls_certificate and broker_tls_key belong together: set both or none."
    ]
    assert mistakes(ENERMON_BROKER_CA=str(pem), ENERMON_BROKER="mqtt://h") == [
        "broker_ca is for a broker reached by mqtts://; set broker to such an address or leave broker_ca out."
    ]


@pytest.mark.parametrize(("text", "told"), [("= nothing", "is not TOML"), (None, "cannot be read")])
def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, text: str | None, told: str) -> None:
    file = written(tmp_path, text) if text else str(tmp_path / "missing.toml")
    assert told in mistakes(ENERMON_CONFIG=file)[0]


def test_a_secret_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    assert mistakes(ENERMON_BROKER_FILE=str(missing))[0].startswith(f"ENERMON_BROKER_FILE names {missing}, which")

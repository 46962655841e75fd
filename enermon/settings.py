"""What an operator can set: environment variables over one TOML file over the defaults written here.

Everything is read and checked before anything starts, and all mistakes are told at once. A setting `x` is the key `x`
of the file that ENERMON_CONFIG names and the variable ENERMON_X; a secret may also be read from the file that `x_file`
or ENERMON_X_FILE names. `config/enermon.toml` explains each of them.
"""

import difflib
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from energy.periods import DEFAULT_ZONE
from energy.refused import Refused
from storage.retention import Keeping

SECRETS = ("database", "broker", "channels", "grafana", "grafana_token", "grafana_database_password")


@dataclass(frozen=True)
class Settings:
    """All of them, checked. Paths are absolute; a folder need not exist yet."""

    data: Path
    reports: Path
    database: str | None = field(default=None, repr=False)
    engine: str = "auto"
    broker: str | None = field(default=None, repr=False)
    broker_ca: Path | None = None
    broker_tls_certificate: Path | None = None
    broker_tls_key: Path | None = None
    broker_tls_address: str = "0.0.0.0:8883"
    broker_memory_mb: int = 1024
    zone: ZoneInfo = DEFAULT_ZONE
    language: str = "zh"
    console_host: str = "127.0.0.1"
    console_port: int = 8420
    log_format: str = "text"
    metrics_host: str = "127.0.0.1"
    metrics_port: int = 0
    channels: tuple[str, ...] = field(default=(), repr=False)
    grafana: str | None = field(default=None, repr=False)
    grafana_token: str | None = field(default=None, repr=False)
    grafana_database: str | None = None
    grafana_database_password: str | None = field(default=None, repr=False)
    estimate_gaps: bool = False
    keep_readings_days: int = 0
    keep_rejected_days: int = 0
    keep_consumption_days: int = 0
    keep_usage_hours_days: int = 0
    compress_readings_days: int = 7
    compress_consumption_days: int = 35
    max_payload_bytes: int = 262_144
    rejected_kept_per_day: int = 10_000
    clock_tolerance: timedelta = timedelta(minutes=10)
    oldest_time: datetime = datetime(2000, 1, 1, tzinfo=UTC)

    @property
    def keeping(self) -> Keeping:
        """For how long what is kept."""
        return Keeping(
            self.keep_readings_days,
            self.keep_rejected_days,
            self.keep_consumption_days,
            self.keep_usage_hours_days,
            self.compress_readings_days,
            self.compress_consumption_days,
        )


def load(environment: Mapping[str, str]) -> Settings:
    """The settings that hold in this environment. Refused has a sentence for every mistake."""
    written = dict(_written(environment))
    mistakes = [_unknown(name, where) for name, (where, _) in written.items() if name not in _READERS]
    found: dict[str, Any] = {}
    for name in written.keys() & _READERS.keys():
        where, value = written[name]
        try:
            found[_FIELDS.get(name, name)] = _READERS[name](value)
        except ValueError as error:
            mistakes.append(f"{where} {error}.")
    mistakes += _together(found)
    if any(mistakes):
        raise Refused("\n".join(sorted(filter(None, mistakes))))
    data = found.pop("data", Path("var").absolute())
    return Settings(data=data, reports=found.pop("reports", data / "reports"), **found)


def _written(environment: Mapping[str, str]) -> Iterator[tuple[str, tuple[str, object]]]:
    """Name of a setting, where it was written and its value there; what comes later overrides."""
    if config := environment.get("ENERMON_CONFIG"):
        yield from _resolved((name, (f"{name} in {config}", value)) for name, value in _toml(Path(config)).items())
    yield from _resolved(
        (variable.removeprefix("ENERMON_").lower(), (variable, value))
        for variable, value in sorted(environment.items())
        if variable.startswith("ENERMON_") and variable not in _NOT_SETTINGS and value != ""
    )


def _resolved(pairs: Iterator[tuple[str, tuple[str, object]]]) -> Iterator[tuple[str, tuple[str, object]]]:
    """The same with secrets read from the files that stand for them."""
    for name, (where, value) in pairs:
        secret = name.removesuffix("_file")
        if name.endswith("_file") and secret in SECRETS:
            yield secret, (where, _content(where, Path(str(value))))
        else:
            yield name, (where, value)


def _content(where: str, file: Path) -> str:
    try:
        return file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"{where} names {file}, which cannot be read: {error}.") from error


def _toml(file: Path) -> dict[str, object]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise Refused(f"ENERMON_CONFIG names {file}, which cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Refused(f"{file} is not TOML: {error}.") from error


def _unknown(name: str, where: str) -> str:
    """A mistyped name is a mistake; "" for a variable that only begins like ours and resembles none of them."""
    if near := difflib.get_close_matches(name, _READERS, n=1, cutoff=0.7):
        return f"{where} is no setting; did you mean {near[0]}."
    return "" if where.startswith("ENERMON_") else f"{where} is no setting; it may be {', '.join(_READERS)}."


def _together(found: Mapping[str, Any]) -> Iterator[str]:
    """What each setting cannot know alone."""
    if ("broker_tls_certificate" in found) != ("broker_tls_key" in found):
        yield "broker_tls_certificate and broker_tls_key belong together: set both or none."
    if "broker_ca" in found and not str(found.get("broker", "")).startswith("mqtts:"):
        yield "broker_ca is for a broker reached by mqtts://; set broker to such an address or leave broker_ca out."


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"is {value!r}; write a text")
    return value.strip()


def _url(*schemes: str) -> Callable[[object], str]:
    """An address whose value is not shown in the mistake: it holds a password."""
    right = " or ".join(f"{scheme}://" for scheme in schemes)

    def read(value: object) -> str:
        parts = urlsplit(_text(value))
        try:
            usable = parts.scheme in schemes and (parts.port is None or parts.port > 0)
        except ValueError:
            usable = False
        if not usable or not (parts.hostname or parts.query):
            raise ValueError(f"is no address of the form {right}user:password@host:port")
        return _text(value)

    return read


def _path(value: object) -> Path:
    return Path(_text(value)).expanduser().absolute()


def _file(value: object) -> Path:
    if not _path(value).is_file():
        raise ValueError(f"names {value}, which is no file")
    return _path(value)


def _integer(low: int, high: int) -> Callable[[object], int]:
    def read(value: object) -> int:
        try:
            number = int(value) if isinstance(value, str) else value
        except ValueError:
            number = None
        if not isinstance(number, int) or isinstance(number, bool) or not low <= number <= high:
            raise ValueError(f"is {value!r}; write a whole number from {low} to {high}")
        return number

    return read


def _days(least: int) -> Callable[[object], int]:
    """0: for ever, never. What is judged again must still be there, so some are kept for long or for ever."""

    def read(value: object) -> int:
        try:
            number = _integer(0, 36_500)(value)
        except ValueError:
            number = -1
        if number and number < least:
            raise ValueError(f"is {value!r}; write 0 or a number of days from {least} to 36500")
        return number

    return read


def _choice(*right: str) -> Callable[[object], str]:
    def read(value: object) -> str:
        if value not in right:
            raise ValueError(f"is {value!r}; write {' or '.join(right)}")
        return str(value)

    return read


def _yes_or_no(value: object) -> bool:
    if isinstance(value, bool):
        return value
    return _choice("yes", "no")(value) == "yes"


def _zone(value: object) -> ZoneInfo:
    try:
        zone = ZoneInfo(_text(value))
    except (KeyError, OSError, ValueError):
        raise ValueError(f"is {value!r}; write a zone such as Asia/Shanghai") from None
    days = (datetime(year, month, 1, tzinfo=zone) for year in range(2000, 2038) for month in (1, 7))
    if any((day.utcoffset() or timedelta()) % timedelta(hours=1) for day in days):
        # Consumption is kept by hours of UTC (energy.hours): no day could begin half an hour into one.
        raise ValueError(f"is {value!r}, which is no whole hours from UTC; write a zone such as Asia/Shanghai")
    return zone


def _address(value: object) -> str:
    host, _, port = _text(value).rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65_536:
        raise ValueError(f"is {value!r}; write an address and a port such as 0.0.0.0:8883")
    return _text(value)


def _minutes(value: object) -> timedelta:
    return timedelta(minutes=_integer(0, 1440)(value))


def _instant(value: object) -> datetime:
    try:
        instant = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        instant = None
    if not isinstance(instant, datetime) or instant.tzinfo is None:
        raise ValueError(f"is {value!r}; write a time with its offset such as 2000-01-01T00:00:00+00:00")
    return instant.astimezone(UTC)


def _channels(value: object) -> tuple[str, ...]:
    """Addresses as Apprise reads them; which of several is wrong is told by its place, since they hold passwords."""
    urls = value.split() if isinstance(value, str) else value
    if not isinstance(urls, list) or not all(isinstance(url, str) for url in urls):
        raise ValueError("is no list of addresses; write addresses such as mailtos://user:password@example.org")
    if not urls:
        return ()
    from apprise import Apprise  # half a second that only who has channels pays

    for place, url in enumerate(urls, start=1):
        if not Apprise().add(url):
            raise ValueError(f"has an address that Apprise cannot read (number {place}); see its list of services")
    return tuple(urls)


_READERS: Mapping[str, Callable[[object], Any]] = {
    "database": _url("postgresql", "postgres"),
    "engine": _choice("auto", "postgres", "timescale"),
    "broker": _url("mqtt", "mqtts"),
    "broker_ca": _file,
    "broker_tls_certificate": _file,
    "broker_tls_key": _file,
    "broker_tls_address": _address,
    "broker_memory_mb": _integer(64, 65_536),
    "data": _path,
    "zone": _zone,
    "language": _choice("zh", "en"),
    "console_host": _text,
    "console_port": _integer(1, 65_535),
    "log_format": _choice("text", "json"),
    "metrics_host": _text,
    "metrics_port": _integer(0, 65_535),
    "channels": _channels,
    "grafana": _url("https", "http"),
    "grafana_token": _text,
    "grafana_database": _address,
    "grafana_database_password": _text,
    "estimate_gaps": _yes_or_no,
    "keep_readings_days": _days(100),
    "keep_rejected_days": _days(7),
    "keep_consumption_days": _days(400),
    "keep_usage_hours_days": _days(400),
    "compress_readings_days": _days(2),
    "compress_consumption_days": _days(2),
    "max_payload_bytes": _integer(1_024, 16_777_216),
    "rejected_kept_per_day": _integer(0, 10_000_000),
    "reports": _path,
    "clock_tolerance_minutes": _minutes,
    "oldest_time": _instant,
}
_FIELDS = {"clock_tolerance_minutes": "clock_tolerance"}
_NOT_SETTINGS = ("ENERMON_CONFIG",)
NAMES = tuple(_READERS)

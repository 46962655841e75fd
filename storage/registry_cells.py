"""What may stand in a cell of a registry file: each reader returns the value or says what would be right (ValueError).

Readers never see a blank cell. They take the deployment's zone, which times without an offset are in.
"""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from energy import codes, periods, returns

Value = str | int | float | Decimal | bool | date | datetime | None
Row = dict[str, Value]
Read = Callable[[str, ZoneInfo], Value]


def text(cell: str, zone: ZoneInfo) -> str:
    if "\x00" in cell:
        raise ValueError(f"{cell!r} holds a character that no text has; write it again")
    return cell


def number(cell: str, zone: ZoneInfo) -> Decimal:
    if not _NUMBER.fullmatch(cell):
        separated = re.search(r"\d[,，' ]\d", cell)
        wrong = "has a thousands separator" if separated else "is no number"
        raise ValueError(f"{cell!r} {wrong}; write digits with a decimal point, for instance 1234567.8")
    return Decimal(cell)


def positive(cell: str, zone: ZoneInfo) -> Decimal:
    if (value := number(cell, zone)) <= 0:
        raise ValueError(f"{cell!r} is not above 0; write a positive number")
    return value


def not_negative(cell: str, zone: ZoneInfo) -> Decimal:
    if (value := number(cell, zone)) < 0:
        raise ValueError(f"{cell!r} is below 0; write 0 or a positive number")
    return value


def floating(cell: str, zone: ZoneInfo) -> float:
    return float(number(cell, zone))


def whole(least: int, most: int) -> Read:
    def read(cell: str, zone: ZoneInfo) -> int:
        if not re.fullmatch(r"\d{1,9}", cell) or not least <= int(cell) <= most:
            raise ValueError(f"{cell!r} is out of range; write a whole number from {least} to {most}")
        return int(cell)

    return read


def one_of(*words: str) -> Read:
    def read(cell: str, zone: ZoneInfo) -> str:
        if cell not in words:
            raise ValueError(f"{cell!r} is not known here; write one of {', '.join(words)}")
        return cell

    return read


def yes_or_no(cell: str, zone: ZoneInfo) -> bool:
    try:
        return _TRUTHS[cell.casefold()]
    except KeyError:
        raise ValueError(f"{cell!r} is neither yes nor no; write yes or no (是 or 否)") from None


def day(cell: str, zone: ZoneInfo) -> date:
    try:
        match = _DAY.fullmatch(cell)
        return date(*map(int, match.groups())) if match else date.fromisoformat(cell)
    except ValueError:
        raise ValueError(f"{cell!r} is no date; write it as 2026-10-01") from None


def instant(cell: str, zone: ZoneInfo) -> datetime:
    """ISO 8601 or epoch seconds or milliseconds; without an offset in the deployment's zone, a date is its midnight."""
    if re.fullmatch(r"\d{10}(\d{3})?", cell):
        return datetime.fromtimestamp(int(cell) / (1 if len(cell) == 10 else 1000), UTC)
    try:
        time = datetime.fromisoformat(day(cell, zone).isoformat() if _DAY.fullmatch(cell) else cell)
    except ValueError:
        raise ValueError(f"{cell!r} is no time; write it as 2026-10-01T08:00:00+08:00") from None
    return (time if time.tzinfo else time.replace(tzinfo=zone)).astimezone(UTC)


def period(cell: str, zone: ZoneInfo) -> str:
    try:
        return periods.parse(cell).name
    except ValueError:
        right = "2026, 2026-Q3, 2026-10, 2026-10-03, 2026-01/2026-09 or 2026-09-26/2026-10-26 (that day outside)"
        raise ValueError(f"{cell!r} is no period that ends after it begins; write it as {right}") from None


def returned_period(cell: str, zone: ZoneInfo) -> str:
    """The one name of the span, so that the same days are not returned under two names."""
    return returns.name_of(period(cell, zone))


def division(cell: str, zone: ZoneInfo) -> str:
    if not re.fullmatch(r"\d{6}(\d{3}|\d{6})?", cell):
        raise ValueError(f"{cell!r} is no division code of GB/T 2260; write six digits, for instance 620500")
    return cell


def records(cell: str, zone: ZoneInfo) -> str:
    return ";".join(part for part in re.split(r"[;；,，、|\s]+", cell) if part)


def _coded(check: Callable[[str], str]) -> Read:
    return lambda cell, zone: check(cell)


code, credit_code, industry, zone_name = map(_coded, (codes.code, codes.credit_code, codes.industry, codes.zone))

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,2})?")
_DAY = re.compile(r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})(?:[T ]00:00(?::00)?)?")
_TRUTHS = {"yes": True, "true": True, "1": True, "是": True, "no": False, "false": False, "0": False, "否": False}

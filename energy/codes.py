"""Identifiers: codes of enterprises, meters, products and gateways, credit codes, names of zones."""

import re
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_CODE = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_CREDIT_DIGITS = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # GB 32100-2015 4.2: no I, O, S, V, Z
_CREDIT_WEIGHTS = [pow(3, place, 31) for place in range(17)]
_INDUSTRY = re.compile(r"[A-T]?\d{2,4}")


def code(text: str) -> str:
    """A code as files and topics carry it. ValueError for anything else."""
    if not _CODE.fullmatch(text):
        raise ValueError(f"{text!r} is no code; write 1 to 64 of A-Z a-z 0-9 _ - .")
    return text


def credit_code(text: str) -> str:
    """A unified social credit code with the right check character (GB 32100-2015). ValueError for anything else."""
    if len(text) != 18 or any(sign not in _CREDIT_DIGITS for sign in text):
        raise ValueError(f"{text!r} is no credit code; write 18 digits and capitals other than I, O, S, V, Z")
    if (right := check_character(text[:17])) != text[17]:
        raise ValueError(f"{text!r} is no credit code: its check character would be {right}, not {text[17]}")
    return text


def check_character(first_17: str) -> str:
    """The 18th character of a unified social credit code (GB 32100-2015 4.2, weights 3^i modulo 31)."""
    total = sum(_CREDIT_DIGITS.index(sign) * weight for sign, weight in zip(first_17, _CREDIT_WEIGHTS, strict=True))
    return _CREDIT_DIGITS[-total % 31]


def industry(text: str) -> str:
    """A GB/T 4754 code by its form: 3011, or with the letter of its section. ValueError for anything else."""
    if not _INDUSTRY.fullmatch(text):
        raise ValueError(f"{text!r} is no industry code of GB/T 4754; write 2 to 4 digits, for instance 3011")
    return text


def zone(text: str) -> str:
    """The name of a zone that the time zone database knows. ValueError for anything else."""
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{text!r} is no time zone; write for instance Asia/Shanghai") from None
    return text

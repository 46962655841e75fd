"""The alert rules of `config/alert_rules.toml`: named, versioned, checked completely before any is used."""

import difflib
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

from energy.refused import Refused
from energy.warnings import Level, Threshold, level_named

SHIPPED = Path(__file__).parents[1] / "config" / "alert_rules.toml"
BY_PERCENT = ("quota_used", "quota_path", "quota_forecast", "max_demand")
UNIT_ENERGY = tuple(f"unit_energy_{kind}" for kind in ("limit", "access", "advanced", "baseline", "benchmark", "quota"))
SILENCE = ("silent_enterprise", "silent_meters", "silent_gateway", "never_reported", "silent_platform")
NAMES = (*BY_PERCENT, "quota_value", *UNIT_ENERGY, "pue", *SILENCE)

# The numbers that a rule needs beside its levels.
_OPTIONS: Mapping[str, tuple[str, ...]] = {
    "quota_path": ("from_day",),
    "quota_forecast": ("from_day", "pace_days"),
    **dict.fromkeys((*UNIT_ENERGY, "pue"), ("full_month",)),
    "silent_enterprise": ("after_intervals", "storm_share", "storm_least"),
    "silent_meters": ("after_intervals",),
    "silent_gateway": ("after_minutes",),
    "never_reported": ("after_hours",),
}
_TEXTS = ("name", "name_en", "version", "origin")


@dataclass(frozen=True)
class Rule:
    """One rule. `thresholds` for values with several lines, `level` for a breach of the one line a figure has."""

    id: str
    name: str
    name_en: str
    version: str
    origin: str
    thresholds: tuple[Threshold, ...]
    level: Level | None
    margin: float
    hold: timedelta
    options: Mapping[str, float]


Rules = Mapping[str, Rule]


def load(file: Path) -> Rules:
    """All rules of a file; Refused has a sentence for every mistake, and then none is used."""
    try:
        written = tomllib.loads(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Refused(f"The alert rules {file} cannot be read: {error}.") from error
    mistakes = [f"[{name}] is missing in {file.name}." for name in NAMES if name not in written]
    found: dict[str, Rule] = {}
    for name, table in written.items():
        told = list(_mistakes(name, table))
        mistakes += [f"[{name}] in {file.name}: {mistake}." for mistake in told]
        if not told:
            found[name] = _rule(name, table)
    if mistakes:
        raise Refused("\n".join(mistakes))
    return found


@cache
def shipped() -> Rules:
    """The rules that come with the platform."""
    return load(SHIPPED)


def name(rule: str) -> str:
    """The Chinese name of a rule; a rule that is no longer known keeps its own."""
    known = shipped().get(rule)
    return known.name if known else rule


def _rule(name: str, table: Mapping[str, Any]) -> Rule:
    steps = ((level_named(word), float(line)) for word, line in table.get("levels", {}).items())
    return Rule(
        id=name,
        name=table["name"],
        name_en=table["name_en"],
        version=table["version"],
        origin=table["origin"],
        thresholds=tuple(Threshold(level, line) for level, line in sorted(steps)),
        level=level_named(table["level"]) if "level" in table else None,
        margin=float(table.get("margin", 0)),
        hold=timedelta(hours=table["hold_hours"]),
        options={option: float(table[option]) for option in _OPTIONS.get(name, ())},
    )


def _mistakes(name: str, table: object) -> Iterator[str]:
    if name not in NAMES:
        yield f"there is no such rule{_perhaps(name, NAMES)}"
    elif not isinstance(table, dict):
        yield "is no table; write the rule's settings under its name"
    else:
        yield from _wrong_keys(name, table)
        yield from _wrong_values(name, table)


def _wrong_keys(name: str, table: Mapping[str, object]) -> Iterator[str]:
    steps = ("levels", "margin", "unit") if name in BY_PERCENT else ()
    needed = (*_TEXTS, "hold_hours", *steps[:1], *_OPTIONS.get(name, ()))
    right = (*needed, *steps, *(() if steps else ("level",)))
    yield from (f"{key} is missing" for key in needed if key not in table)
    yield from (f"{key} is no setting of this rule{_perhaps(key, right)}" for key in table if key not in right)


def _wrong_values(name: str, table: Mapping[str, Any]) -> Iterator[str]:
    for key, value in table.items():
        if key in _CHECKS and (right := _CHECKS[key](value)):
            yield f"{key} is {value!r}; write {right}"
        elif key in _OPTIONS.get(name, ()) and not _is_number(value):
            yield f"{key} is {value!r}; write a number that is not negative"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0


def _text(value: object) -> str | None:
    return None if isinstance(value, str) and value.strip() else "a text"


def _number(value: object) -> str | None:
    return None if _is_number(value) else "a number that is not negative"


def _level(value: object) -> str | None:
    words = [level.word for level in Level]
    return None if value in words else f"one of {', '.join(words)}"


def _levels(value: object) -> str | None:
    right = "levels with rising lines such as { blue = 80, red = 100 }"
    if not isinstance(value, dict) or not value or any(_level(word) for word in value):
        return right
    lines = [value[level.word] for level in Level if level.word in value]
    if not all(_is_number(line) for line in lines) or sorted(set(lines)) != lines:
        return right
    return None


_CHECKS: Mapping[str, Callable[[object], str | None]] = {
    **dict.fromkeys((*_TEXTS, "unit"), _text),
    **dict.fromkeys(("hold_hours", "margin"), _number),
    "level": _level,
    "levels": _levels,
}


def _perhaps(word: str, right: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(word, right, n=1)
    return f"; did you mean {near[0]}" if near else ""

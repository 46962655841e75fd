"""Titles and codes in the language of a dashboard, from `words.toml` and from the rules themselves."""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from energy.quality import Flag

LANGUAGES = ("zh", "en")
_FILE = Path(__file__).with_name("words.toml")
_RULES = Path(__file__).parents[2] / "config" / "alert_rules.toml"


@cache
def tables() -> Mapping[str, Mapping[str, tuple[str, str]]]:
    """Every word in every language, by kind and name."""
    return tomllib.loads(_FILE.read_text("utf-8"))


@dataclass(frozen=True)
class Words:
    """The words of one language. KeyError for a name that has none."""

    language: str

    def __call__(self, kind: str, name: str) -> str:
        return self._of(tables()[kind][name])

    def note(self, name: str) -> str:
        """What is to be known about a panel, "" if nothing is."""
        return self._of(tables()["note"].get(name, ("", "")))

    def codes(self) -> dict[str, str]:
        """Codes that stand in cells, by what they are shown as."""
        return {code: self._of(word) for code, word in tables()["code"].items()}

    def flags(self) -> str:
        """JSON: the bit of each quality flag to its word; one without a word of ours goes by its name."""
        words = tables()["flag"]
        return _json({str(int(flag)): self._of(words.get(_name(flag), (_name(flag),) * 2)) for flag in Flag})

    def rules(self) -> str:
        """JSON: each alert rule to its name."""
        key = "name_en" if self.language == "en" else "name"
        return _json({rule: about[key] for rule, about in tomllib.loads(_RULES.read_text("utf-8")).items()})

    def _of(self, pair: Any) -> str:
        return str(pair[LANGUAGES.index(self.language)])


def _name(flag: Flag) -> str:
    return (flag.name or "").lower()


def _json(value: Mapping[str, str]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

"""Statements by name.

SQL lives in `storage/sql/<noun>.sql`. A statement begins with a line `-- its_name --`, a sentence that says what it is
for, and runs to the next such line; Python asks for it as `sql("noun.its_name")`. Parameters are named.
"""

import re
from functools import cache
from pathlib import Path
from typing import LiteralString

_HEAD = re.compile(r"^-- (\w+) --$", re.MULTILINE)
_FOLDER = Path(__file__).parent / "sql"


@cache
def _statements(noun: str) -> dict[str, str]:
    parts = _HEAD.split((_FOLDER / f"{noun}.sql").read_text("utf-8"))[1:]
    return dict(zip(parts[::2], (text.strip() for text in parts[1::2]), strict=True))


def sql(name: str) -> LiteralString:
    """The statement of that name, for instance `sql("readings.rivals_of")`. KeyError if there is none."""
    noun, _, statement = name.partition(".")
    return _statements(noun)[statement]

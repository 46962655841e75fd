"""How commands print data: JSON for scripts, columns for people."""

import json
import unicodedata
from collections.abc import Sequence
from typing import Any

import click


def print_json(data: Any) -> None:
    """One JSON document; what JSON does not know (dates, decimals) as text."""
    click.echo(json.dumps(data, ensure_ascii=False, default=str))


def print_table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns under their names; a Chinese character counts as two."""
    every = [list(names), *[list(row) for row in rows]]
    widths = [max(_width(row[column]) for row in every) for column in range(len(names))]
    for row in every:
        click.echo(
            "  ".join(cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)).rstrip()
        )


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)

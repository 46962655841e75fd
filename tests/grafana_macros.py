"""What Grafana makes of a statement before PostgreSQL sees it: variables first, then the macros of its data source.

As in Grafana 11 (format sqlstring of its variables; macros.go of its PostgreSQL data source): `${name:sqlstring}` is
the value between single quotes with those inside it doubled, several values separated by commas;
`$__timeFilter(column)`, `$__timeFrom()` and `$__timeTo()` become literals in UTC. A macro that is not known here is
an error, so that no statement uses one that nobody has tried.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

_VARIABLE = re.compile(r"\$\{(\w+):sqlstring\}")
_FILTER = re.compile(r"\$__timeFilter\(([\w.]+)\)")

Values = Mapping[str, str | Sequence[str]]


def expanded(statement: str, values: Values, since: datetime, until: datetime) -> bytes:
    """The statement as it is sent. KeyError for a variable that has no value."""
    first, last = _literal(since), _literal(until)
    text = _VARIABLE.sub(lambda match: _quoted(values[match[1]]), statement)
    text = _FILTER.sub(lambda match: f"{match[1]} BETWEEN {first} AND {last}", text)
    text = text.replace("$__timeFrom()", first).replace("$__timeTo()", last)
    assert "$_" not in text and "${" not in text, f"not expanded: {text[text.index('$') :][:40]}"
    return text.encode()


def _literal(time: datetime) -> str:
    return f"'{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}'"


def _quoted(value: str | Sequence[str]) -> str:
    every = [value] if isinstance(value, str) else value
    return ",".join("'" + one.replace("'", "''") + "'" for one in every)

"""Findings: the present outcome of a rule on a subject and period. Written only when what a reader sees has changed."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, NamedTuple

from psycopg import Connection
from psycopg.types.json import Jsonb

from storage.sql import sql

# A figure that has moved by less, in parts of its limit, is shown the same; rewriting it would only be work.
VISIBLE = 0.0005


class Key(NamedTuple):
    """What a finding, and the case that it opens, is about."""

    rule: str
    scope: str
    code: str
    subject: str
    period: str


@dataclass(frozen=True, slots=True)
class Finding:
    """state: ok, warning (level None: information only), cannot_judge. `inputs`: what the sentence was made of."""

    rule: str
    scope: str
    code: str
    subject: str
    period: str
    state: str
    level: str | None
    certainty: str
    observed: float | None
    observed_low: float | None
    observed_high: float | None
    limit: float | None
    unit: str
    basis: str
    document: str | None
    reason: str
    rule_version: str
    inputs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> Key:
        return Key(self.rule, self.scope, self.code, self.subject, self.period)


_COLUMNS = [column.name for column in fields(Finding)]


class Known(NamedTuple):
    """What is stored of a finding, as far as a change is told by it."""

    state: str
    level: str | None
    certainty: str
    observed: float | None
    observed_low: float | None
    observed_high: float | None
    limit: float | None
    unit: str
    basis: str
    document: str
    rule_version: str
    reason: str
    judged: datetime


def existing(conn: Connection, scope: str, codes: Collection[str], rules: Collection[str]) -> dict[Key, Known]:
    """Findings of these enterprises or regions by these rules."""
    asked = {"scope": scope, "codes": list(codes), "rules": list(rules)}
    rows = conn.execute(sql("findings.existing"), asked)
    return {Key(row[0], scope, *row[1:4]): Known(*row[4:]) for row in rows}


def put(conn: Connection, findings: Sequence[Finding], now: datetime) -> None:
    """Store outcomes; the later of one key replaces the earlier."""
    if not findings:
        return
    rows = [{name: getattr(finding, name) for name in _COLUMNS} | _finite(finding) for finding in findings]
    conn.execute(sql("findings.put"), {"rows": Jsonb(rows), "now": now})


def _finite(finding: Finding) -> dict[str, float | None]:
    """JSON has no infinity; in the table NULL says that there is no bound."""
    named = {name: getattr(finding, name) for name in ("observed", "observed_low", "observed_high", "limit")}
    return {name: value if value is not None and math.isfinite(value) else None for name, value in named.items()}


def differs(finding: Finding, known: Known | None) -> bool:
    """Whether a reader would see another outcome than the stored one. The sentence matters where it is the outcome."""
    if known is None:
        return True
    if _words(finding) != _words(known) or (finding.document or "") != known.document:
        return True
    if finding.state == "cannot_judge" and finding.reason != known.reason:
        return True
    scale = VISIBLE * abs(finding.limit or finding.observed or 0)
    return (
        _moved(finding.observed, known.observed, scale)
        or _moved(finding.observed_high, known.observed_high, scale)
        or _moved(finding.limit, known.limit, scale)
    )


def _words(one: Finding | Known) -> tuple[str | None, ...]:
    return (one.state, one.level, one.certainty, one.unit, one.basis, one.rule_version)


def _moved(now: float | None, then: float | None, scale: float) -> bool:
    now = None if now is None or not math.isfinite(now) else now
    if now is None or then is None:
        return now is not then
    return abs(now - then) > scale

"""The registry as one collector knows it: enterprises by code, of one version."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from sys import intern
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from psycopg import Connection

from ingest.admission import Enterprise, MeterRule, validity
from storage import roster


@dataclass(frozen=True, slots=True)
class Registry:
    """version -1: nothing is known yet."""

    version: int = -1
    enterprises: Mapping[str, Enterprise] = field(default_factory=dict)


def load(conn: Connection, known: Registry) -> Registry:
    """The present registry; `known` itself if nothing has changed.

    Enterprises that are as they were are taken over, so that a reload needs no room for two registries.
    """
    with conn.transaction():
        version = roster.version(conn)
        if version == known.version:
            return known
        enterprises = {member.code: _enterprise(member, known) for member in roster.members(conn)}
    return Registry(version, enterprises)


def _enterprise(member: roster.Member, known: Registry) -> Enterprise:
    # Meter codes repeat from enterprise to enterprise; interned they are kept once.
    meters = dict(zip(map(intern, member.codes), member.ids, strict=True))
    fresh = Enterprise(member.id, member.code, meters, {rule.meter_id: _rule(rule) for rule in member.rules})
    before = known.enterprises.get(member.code)
    return before if before == fresh else fresh


def _rule(rule: roster.Rule) -> MeterRule:
    since, until = validity(rule.kind, rule.label, rule.valid_from, rule.valid_to)
    return MeterRule(_zone(rule.zone), since, until)


def _zone(name: str | None) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError):
        return None  # refused at import; a zone that this machine has lost must not stop the line

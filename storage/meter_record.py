"""What is on record of a meter beside its readings: estimates, days on which it is refused, what imports changed."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from psycopg import Connection

from storage import binding, estimates
from storage.arrays import instant, micros
from storage.estimates import Listed
from storage.sql import sql


@dataclass(frozen=True)
class RefusedDay:
    """A day on which the values are no register's (EC-10). why: daily_totals or amounts; falls of steps fell."""

    since: datetime
    until: datetime
    why: str
    falls: int
    steps: int


@dataclass(frozen=True)
class RegistryChange:
    """What an import has changed (EC-8): by column, what was registered before and what is since."""

    at: datetime
    actor: str
    before: dict[str, Any]
    after: dict[str, Any]


@dataclass(frozen=True)
class Record:
    """Estimates and refused days that touch a span, and every change of what the meter's figures rest on."""

    estimates: tuple[Listed, ...] = ()
    refused: tuple[RefusedDay, ...] = ()
    changes: tuple[RegistryChange, ...] = ()


NOTHING = Record()


def of_meters(
    conn: Connection, enterprise: str, codes: Mapping[int, str], since: datetime, until: datetime
) -> dict[int, Record]:
    """The record of some meters of an enterprise by their ids. codes: by id."""
    stated: dict[str, list[Listed]] = defaultdict(list)
    for one in estimates.listed(conn, enterprise, since=since, until=until):
        stated[one.meter].append(one)
    refused = binding.days(conn, np.array(list(codes), dtype=np.int64), micros(since), micros(until))
    changes = defaultdict(list)
    for meter, *about in conn.execute(sql("registry.changes"), {"meters": list(codes)}):
        changes[meter].append(RegistryChange(*about))
    return {
        id_: Record(
            tuple(stated[code]),
            tuple(
                RefusedDay(instant(day.since), instant(day.until), day.why, day.falls, day.steps)
                for day in refused.get(id_, ())
            ),
            tuple(changes[id_]),
        )
        for id_, code in codes.items()
    }

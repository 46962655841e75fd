"""What a change of the registry makes stale: amounts, usage, judgements."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from psycopg import Connection

from energy import steam
from energy.factors import chain
from storage import heating_values, returns, virtual
from storage.registry_cells import Row
from storage.registry_tables import (
    ACTIVITY,
    CORRECTIONS,
    ENTERPRISES,
    FACTORS,
    METER_EVENTS,
    METERS,
    OUTPUTS,
    PARAMETERS,
    PRODUCTS,
    QUOTAS,
    REGIONS,
    RETURNS,
    VIRTUAL_METERS,
    Table,
)
from storage.sql import sql

# Columns of a meter that amounts or totals depend on. The others describe it.
_FIGURES = (
    "carrier", "kind", "unit", "multiplier", "register_max", "interval_minutes", "label", "rated_power_kw",
    "max_rate_per_hour", "density_kg_per_l", "gas_condition", "gas_pressure_kpa", "gas_temperature_c",
    *steam.NAMES, "direction", "level", "in_total", "parent", "role", "valid_from", "valid_to",
)  # fmt: skip
_STANDING = ("multiplier", "unit")  # events that change every amount after them


@dataclass(frozen=True)
class Change:
    """A row as it was registered, None if it is new, and as it is now."""

    old: Row | None
    new: Row

    def differs(self, columns: Iterable[str]) -> bool:
        """Whether one of these columns changed; a new row has changed nothing."""
        return self.old is not None and any(self.old[column] != self.new[column] for column in columns)


def mark(conn: Connection, table: Table, changes: Sequence[Change], zone: ZoneInfo) -> None:
    """Leave the stale spans and stale judgements that follow from these changes, which are written already."""
    if effect := _EFFECTS.get(table.name):
        effect(conn, changes, zone)
    if table in (RETURNS, PARAMETERS):
        _own_values(conn, changes, zone)
    judged = [_judged(change.new) for change in changes] if table in _JUDGED else []
    mark_judgements(conn, judged, table.into)


def mark_judgements(conn: Connection, subjects: Sequence[tuple[str, str]], why: str) -> None:
    """(scope, code) of those that must be judged again."""
    if subjects:
        scopes, codes = zip(*subjects, strict=True)
        conn.execute(sql("registry.mark_judgements"), {"scopes": list(scopes), "codes": list(codes), "why": why})


def mark_factors(conn: Connection, rows: Iterable[Row], zone: ZoneInfo) -> None:
    """Usage that these factors may concern is stale, on the days for which they hold."""
    names = ("carriers", "scopes", "regions", "since", "until")
    values = dict.fromkeys(
        (row["carrier"], row["scope"], row["region"], row["valid_from"], row["valid_to"]) for row in rows
    )
    columns = {name: [value[place] for value in values] for place, name in enumerate(names)}
    conn.execute(sql("registry.mark_factors"), {**columns, "zone": zone.key})
    conn.execute(sql("returns.mark_factors"), {**columns, "zone": zone.key})


def _regions(conn: Connection, changes: Sequence[Change], zone: ZoneInfo) -> None:
    """Factors and regional sums follow the region above."""
    parents = _parents(conn)
    moved = [change for change in changes if change.differs(["parent"])]
    for change in moved:
        _moved(conn, str(change.new["code"]), zone)
    above = {
        code for change in moved for row in (change.old, change.new) if row for code in _above(row["parent"], parents)
    }
    mark_judgements(conn, [("region", code) for code in sorted(above)], "region")


def _moved(conn: Connection, region: str, zone: ZoneInfo) -> None:
    below = [row[0] for row in conn.execute(sql("registry.regions_below"), {"code": region})]
    codes = [row[0] for row in conn.execute(sql("registry.enterprises_in"), {"regions": below})]
    conn.execute(sql("registry.mark_enterprises"), {"codes": codes})
    conn.execute(sql("returns.mark_enterprises"), {"codes": codes, "zone": zone.key})


def _parents(conn: Connection) -> dict[str, str | None]:
    return dict(conn.execute(sql("registry.region_parents")).fetchall())


def _above(region: object, parents: dict[str, str | None]) -> list[str]:
    return chain(str(region), parents) if region else []


def _enterprises(conn: Connection, changes: Sequence[Change], zone: ZoneInfo) -> None:
    moved = [change for change in changes if change.differs(["region"])]
    if moved:
        codes = [change.new["code"] for change in moved]
        conn.execute(sql("registry.mark_enterprises"), {"codes": codes})
        conn.execute(sql("returns.mark_enterprises"), {"codes": codes, "zone": zone.key})
    parents = _parents(conn) if moved else {}
    above = {
        code for change in moved for row in (change.old, change.new) if row for code in _above(row["region"], parents)
    }
    mark_judgements(conn, [("region", code) for code in sorted(above)], "enterprise")
    mark_judgements(conn, [("enterprise", str(change.new["code"])) for change in changes], "enterprise")


def _meters(conn: Connection, changes: Sequence[Change], zone: ZoneInfo) -> None:
    """Another scale, role or validity changes everything that the meter ever measured."""
    different = [change for change in changes if change.differs(_FIGURES)]
    moved = [change.new for change in different]
    if moved:
        _keep_changes(conn, different)
        owners, codes = [row["enterprise_id"] for row in moved], [row["code"] for row in moved]
        conn.execute(sql("registry.mark_meters"), {"enterprises": owners, "codes": codes, "why": "registry"})
        virtual.mark_users(conn, _keys(moved))


def _keep_changes(conn: Connection, changes: Sequence[Change]) -> None:
    """What was registered before, and what is now (EC-8): the readings do not tell why the past has other figures."""
    told = [
        {name: (change.old[name], change.new[name]) for name in _FIGURES if change.old and change.differs([name])}
        for change in changes
    ]
    sides = [[json.dumps({name: pair[at] for name, pair in one.items()}, default=str) for one in told] for at in (0, 1)]
    keys = {"enterprises": [change.new["enterprise_id"] for change in changes]}
    keys |= {"codes": [change.new["code"] for change in changes]}
    conn.execute(sql("registry.keep_changes"), keys | {"before": sides[0], "after": sides[1]})


def _virtual_meters(conn: Connection, changes: Sequence[Change], zone: ZoneInfo) -> None:
    """A new formula, unit or role changes the virtual meter in every hour, and whatever is computed from it."""
    virtual.register(conn, _keys([change.new for change in changes]))


def _keys(rows: Iterable[Row]) -> list[tuple[int, str]]:
    return [(int(str(row["enterprise_id"])), str(row["code"])) for row in rows]


def _meter_events(conn: Connection, changes: Sequence[Change], zone: ZoneInfo) -> None:
    spans = [
        (change.new["meter_id"], change.new["time"], None if _stands(change) else change.new["time"])
        for change in changes
        if change.new["event"] != "calibration"
    ]
    _mark_spans(conn, spans, "event")


def _stands(change: Change) -> bool:
    """Whether the event bears on every amount after it: an exchange does if the new register is of another width."""
    widths = [row["value"] for row in (change.old, change.new) if row and row["event"] == "exchange"]
    return change.new["event"] in _STANDING or any(widths)


def _corrections(conn: Connection, changes: Sequence[Change], zone: ZoneInfo) -> None:
    spans = [(change.new["meter_id"], change.new["from"], change.new["to"]) for change in changes]
    _mark_spans(conn, spans, "correction")


def _mark_spans(conn: Connection, spans: Sequence[tuple[object, object, object]], why: str) -> None:
    meters, since, until = [[span[place] for span in spans] for place in range(3)]
    if spans:
        conn.execute(sql("registry.mark_spans"), {"meters": meters, "since": since, "until": until, "why": why})


def _returns(conn: Connection, changes: Sequence[Change], zone: ZoneInfo) -> None:
    keys = [tuple(change.new[name] for name in ("enterprise_id", "carrier", "period", "item")) for change in changes]
    returns.changed(conn, keys, zone)


def _factors(conn: Connection, changes: Sequence[Change], zone: ZoneInfo) -> None:
    """On the days of the old row and of the new one."""
    olds = [{**change.new, **change.old} for change in changes if change.old]
    mark_factors(conn, [*olds, *(change.new for change in changes)], zone)


def _own_values(conn: Connection, changes: Sequence[Change], zone: ZoneInfo) -> None:
    """Heating values and states of steam are factors of their months."""
    every = [row for change in changes for row in (change.old, change.new) if row]
    codes = {str(change.new["enterprise"]) for change in changes}
    if any(row.get("lhv_kj_per_unit") is not None or row.get("name") in steam.NAMES for row in every):
        mark_factors(conn, heating_values.derive(conn, sorted(codes)), zone)


def _judged(row: Row) -> tuple[str, str]:
    return ("enterprise", str(row["enterprise"])) if "enterprise" in row else (str(row["scope"]), str(row["code"]))


_JUDGED = (METERS, VIRTUAL_METERS, PRODUCTS, OUTPUTS, RETURNS, ACTIVITY, PARAMETERS, QUOTAS)
_EFFECTS: dict[str, Callable[[Connection, Sequence[Change], ZoneInfo], None]] = {
    REGIONS.name: _regions,
    ENTERPRISES.name: _enterprises,
    METERS.name: _meters,
    METER_EVENTS.name: _meter_events,
    VIRTUAL_METERS.name: _virtual_meters,
    CORRECTIONS.name: _corrections,
    FACTORS.name: _factors,
    RETURNS.name: _returns,
}

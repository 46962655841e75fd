"""Factors that follow from what enterprises return: measured heating values by month, heat of steam by its state.

They lie beside the imported ones (`factor.derived`), so that a figure names them, and are made again whenever a return
or a parameter changes. `energy.factors.FactorBook` answers for all of them alike.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from psycopg import Connection
from psycopg.rows import class_row

from energy import heating_values, steam
from energy.carriers import Carrier
from energy.heating_values import FIRED, RECEIVED, Sampled
from storage import staging
from storage.registry_cells import Row
from storage.sql import sql

_KEYS = ("carrier", "scope", "region", "source", "valid_from", "shipped", "derived")


class _Derived(NamedTuple):
    """A derived factor, under the names of the table."""

    carrier: str
    scope: str
    region: str
    source: str
    valid_from: date
    unit: str
    lhv_kj_per_unit: Decimal
    method: str
    confidence: str
    valid_to: date | None

    @property
    def key(self) -> tuple[str, str, str, date]:
        return self.carrier, self.scope, self.source, self.valid_from


def derive(conn: Connection, codes: Sequence[str] | None = None) -> list[Row]:
    """Make the derived factors of these enterprises, or of all, anew; what differs, old rows and new ones."""
    carriers = {one.code: one for one in conn.cursor(row_factory=class_row(Carrier)).execute(sql("registry.carriers"))}
    before = [_Derived(*row) for row in conn.execute(sql("heating_values.derived"), {"codes": _listed(codes)})]
    after = [*_from_returns(conn, codes, carriers), *_from_parameters(conn, codes, carriers)]
    gone = sorted({one.key for one in before} - {one.key for one in after})
    if gone:
        names = ("carriers", "scopes", "sources", "since")
        columns = dict(zip(names, (list(column) for column in zip(*gone, strict=True)), strict=True))
        conn.execute(sql("heating_values.forget"), columns)
    news = [one for one in after if one not in before]
    if news:
        columns_of = [*_Derived._fields, "shipped", "derived"]
        staging.upsert(conn, "factor", _KEYS, columns_of, ((*one, False, True) for one in news))
    return [one._asdict() for one in (*(one for one in before if one not in after), *news)]


def _listed(codes: Sequence[str] | None) -> list[str] | None:
    return None if codes is None else list(codes)


def _from_returns(conn: Connection, codes: Sequence[str] | None, carriers: dict[str, Carrier]) -> Iterator[_Derived]:
    tested: dict[str, list[Sampled]] = defaultdict(list)
    asked = {"codes": _listed(codes), "items": [*FIRED, *RECEIVED]}
    for code, *rest in conn.execute(sql("heating_values.tested"), asked).fetchall():
        tested[code].append(Sampled(*rest))
    for code, lines in sorted(tested.items()):
        for one in heating_values.monthly(lines, carriers):
            unit = carriers[one.carrier].unit
            told = (one.source, one.first, unit, one.kj_per_unit, one.method, "sourced", one.until)
            yield _Derived(one.carrier, code, "", *told)


def _from_parameters(conn: Connection, codes: Sequence[str] | None, carriers: dict[str, Carrier]) -> Iterator[_Derived]:
    """For every carrier that is steam by mass; a declaration that does not suffice makes none."""
    for code, parameters in declarations(conn, codes).items():
        for declared in steam.declared(parameters):
            try:
                heat = steam.heat(declared.state)
            except steam.Lacking:
                continue
            for carrier in (one for one in carriers.values() if one.is_steam):
                source = f"declared state of steam (parameters): {heat.told}"
                told = (source, declared.first, carrier.unit, heat.kj_per_kg, "measured", "sourced", declared.until)
                yield _Derived(carrier.code, code, "", *told)


def declarations(conn: Connection, codes: Sequence[str] | None) -> dict[str, list[tuple[str, str, Decimal]]]:
    """(period, name, value) of what enterprises declare of their steam, by enterprise; codes None: of all."""
    found: dict[str, list[tuple[str, str, Decimal]]] = defaultdict(list)
    asked = {"names": list(steam.NAMES), "codes": _listed(codes)}
    for code, period, name, value in conn.execute(sql("heating_values.parameters"), asked):
        found[code].append((period, name, value))
    return dict(sorted(found.items()))

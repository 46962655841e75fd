"""Unit energy of product lines and PUE of data centres: twelve months of their own meters (domain rules 9 to 12, 16).

A year ends with the last month that is over and has its output; it is named by the calendar year it ends in, so that
one breach stays one case while the months move on. The month itself is given beside it, as information.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from psycopg import Connection

from alerts.judged import Outcome, Round, held_against, unjudged
from energy import levels, periods, pue, quotas, units
from energy.bounds import NOTHING, Bounds, of
from energy.factors import FactorBook
from energy.levels import Line, Plant, Record
from energy.periods import Period, month_of, next_month, previous_month
from energy.product_energy import Input, ProcessMeter, UnitEnergy, line_energy, process_meters, unit_energy
from storage import judgement
from storage.findings import Key
from storage.judgement import Enterprise, Meter, MeterMonth, Output, Product, Quota

RULES = (*(f"unit_energy_{kind}" for kind in levels.Kind), "unit_energy_quota", "pue")
METRICS = ("unit_energy", "pue")

_YEAR = 12
_LATE_OUTPUT = 3  # months that an output return may be late before the line is no longer assessed
_ENERGY_UNITS = {"kgce": 1.0, "gce": 1000.0, "tce": 0.001}
_FUELS = frozenset({"coal", "coke", "gas", "oil", "renewable"})
# GB 40879: what the data centre takes in or makes; rooms of others are not behind its dc_total meters.
_DC_SIGNS = {"dc_total": 1, "generation_renewable": 1, "generation_fuel": 1, "export": -1}


@dataclass(frozen=True)
class Site:
    """Everything of one enterprise that its yearly indicators are made of."""

    enterprise: Enterprise
    products: Sequence[Product]
    outputs: Mapping[str, Sequence[Output]]
    meters: Sequence[Meter]
    parameters: Mapping[str, Sequence[tuple[str, str, float]]]
    quotas: Sequence[Quota]


@dataclass(frozen=True)
class World:
    """What all sites share: consumption by meter and month, whole enterprises by month, factors, levels."""

    months: Mapping[tuple[int, date], MeterMonth]
    wholes: Mapping[tuple[int, date], tuple[float | None, float | None]]
    factors: FactorBook
    records: Mapping[str, Record]
    now: Round
    _editions: list[Record] = field(default_factory=list)

    @property
    def editions(self) -> list[Record]:
        if not self._editions:
            self._editions.extend(self.records.values())
        return self._editions

    @property
    def last_month(self) -> Period:
        return previous_month(month_of(self.now.today))


def first_month(now: Round) -> date:
    """The first month that any of these indicators looks at."""
    first = now.today.replace(day=1)
    for _ in range(_YEAR + _LATE_OUTPUT):
        first = previous_month(month_of(first)).first
    return first


def outcomes(
    conn: Connection, enterprises: Sequence[Enterprise], asked: Sequence[Quota], book: FactorBook, now: Round
) -> list[Outcome]:
    """Yearly indicators of these enterprises; `asked`: their quotas of unit energy and PUE."""
    sites = _sites(conn, enterprises, asked)
    ids = [meter.id for site in sites for meter in _measured(site)]
    since, until = periods.midnight(first_month(now), now.zone), periods.midnight(now.today.replace(day=1), now.zone)
    whole = [site.enterprise.id for site in sites if any(p.energy_rule != "process_meters" for p in site.products)]
    world = World(
        judgement.meter_months(conn, ids, since, until, now.zone),
        judgement.enterprise_months(conn, whole, first_month(now), now.today.replace(day=1)),
        book,
        judgement.levels(conn),
        now,
    )
    return [outcome for site in sites for outcome in (*_lines_of(site, world), *_pue_of(site, world))]


def _sites(conn: Connection, enterprises: Sequence[Enterprise], asked: Sequence[Quota]) -> list[Site]:
    ids = [enterprise.id for enterprise in enterprises]
    products = _grouped(judgement.products(conn, ids))
    outputs = _grouped(judgement.outputs(conn, ids))
    meters = _grouped(judgement.meters(conn, ids))
    wanted = _grouped(asked)
    parameters: dict[int, dict[str, list[tuple[str, str, float]]]] = defaultdict(dict)
    for (enterprise_id, product), stated in judgement.parameters(conn, ids).items():
        parameters[enterprise_id][product] = stated
    return [
        Site(e, products[e.id], _by_product(outputs[e.id]), meters[e.id], parameters[e.id], wanted[e.id])
        for e in enterprises
    ]



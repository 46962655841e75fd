"""What yearly indicators are made of: sites with their products, outputs and meters, and twelve months of all of them.

A year ends with the last month that is over and has its output; it is named by the calendar year it ends in, so that
one breach stays one case while the months move on. The month itself is given beside it, as information.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TypeVar

from psycopg import Connection

from alerts.judged import Round
from energy import periods
from energy.factors import FactorBook
from energy.levels import Record
from energy.periods import Period, month_of, previous_month
from storage import judgement
from storage.judgement import Enterprise, Meter, MeterMonth, Output, Product, Quota

YEAR = 12
LATE_OUTPUT = 3  # months that an output return may be late before its line is no longer assessed
METRICS = ("unit_energy", "pue")
# GB 40879: what a data centre takes in or makes; rooms of others are not behind its dc_total meters.
DC_SIGNS: Mapping[str, int] = {"dc_total": 1, "generation_renewable": 1, "generation_fuel": 1, "export": -1}

_Row = TypeVar("_Row", Product, Output, Meter, Quota)


@dataclass(frozen=True)
class Site:
    """Everything of one enterprise that its yearly indicators are made of."""

    enterprise: Enterprise
    products: Sequence[Product]
    outputs: Mapping[str, Sequence[Output]]
    meters: Sequence[Meter]
    parameters: Mapping[str, Sequence[tuple[str, str, float]]]
    quotas: Sequence[Quota]

    def measured(self) -> list[int]:
        """Ids of the meters whose months are needed."""
        centre = any(meter.role == "it_load" for meter in self.meters)
        roles = {*DC_SIGNS, "it_load"} if centre else set()
        return [meter.id for meter in self.meters if meter.process or meter.product or meter.role in roles]


@dataclass(frozen=True)
class World:
    """What all sites share: consumption by meter and month, whole enterprises by month, factors, levels."""

    months: Mapping[tuple[int, date], MeterMonth]
    wholes: Mapping[tuple[int, date], tuple[float | None, float | None]]
    factors: FactorBook
    records: Mapping[str, Record]
    editions: Sequence[Record]
    now: Round

    @property
    def last_month(self) -> Period:
        """The last month that is over."""
        return previous_month(month_of(self.now.today))

    def covers(self, meter: Meter, month: Period) -> bool:
        """Whether a meter's month is known, as far as the meter was in use."""
        since = max(month.since(self.now.zone), meter.valid_from or datetime.min.replace(tzinfo=UTC))
        until = min(month.end(self.now.zone), meter.valid_to or datetime.max.replace(tzinfo=UTC))
        seconds = (until - since).total_seconds()
        found = self.months.get((meter.id, month.first))
        share = self.now.rules["unit_energy_limit"].options["full_month"]
        return seconds <= 0 or (found is not None and found.covered_s >= share * seconds)


def window(end: Period, months: int = YEAR) -> list[Period]:
    """So many months, of which the given one is the last."""
    found = [end]
    while len(found) < months:
        found.append(previous_month(found[-1]))
    return found[::-1]


def window_name(months: Sequence[Period]) -> str:
    return months[0].name if len(months) == 1 else f"{months[0].name}—{months[-1].name}"


def first_month(now: Round) -> date:
    """The first month that any yearly indicator looks at."""
    return window(month_of(now.today), YEAR + LATE_OUTPUT + 1)[0].first


def load(
    conn: Connection, enterprises: Sequence[Enterprise], asked: Sequence[Quota], book: FactorBook, now: Round
) -> tuple[list[Site], World]:
    """Sites of these enterprises, and what they share, by one statement for each kind of thing."""
    sites = _sites(conn, enterprises, asked)
    meters = [meter for site in sites for meter in site.measured()]
    whole = [site.enterprise.id for site in sites if any(p.energy_rule != "process_meters" for p in site.products)]
    first, until = first_month(now), now.today.replace(day=1)
    records = judgement.levels(conn)
    months = judgement.meter_months(
        conn, meters, periods.midnight(first, now.zone), periods.midnight(until, now.zone), now.zone
    )
    wholes = judgement.enterprise_months(conn, whole, first, until)
    return sites, World(months, wholes, book, records, list(records.values()), now)


def _sites(conn: Connection, enterprises: Sequence[Enterprise], asked: Sequence[Quota]) -> list[Site]:
    ids = [enterprise.id for enterprise in enterprises]
    products, meters = _grouped(judgement.products(conn, ids)), _grouped(judgement.meters(conn, ids))
    outputs, wanted = _grouped(judgement.outputs(conn, ids)), _grouped(asked)
    parameters: dict[int, dict[str, list[tuple[str, str, float]]]] = defaultdict(dict)
    for (enterprise_id, product), stated in judgement.parameters(conn, ids).items():
        parameters[enterprise_id][product] = stated
    return [
        Site(e, products[e.id], _by_product(outputs[e.id]), meters[e.id], parameters[e.id], wanted[e.id])
        for e in enterprises
    ]


def _grouped(rows: Iterable[_Row]) -> dict[int, list[_Row]]:
    found: dict[int, list[_Row]] = defaultdict(list)
    for row in rows:
        found[row.enterprise_id].append(row)
    return found


def _by_product(rows: Iterable[Output]) -> dict[str, list[Output]]:
    found: dict[str, list[Output]] = defaultdict(list)
    for row in rows:
        found[row.product].append(row)
    return found

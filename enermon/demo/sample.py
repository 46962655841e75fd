"""The registry files of the sample province, with its periods moved to the years at hand.

`config/sample` holds them as data, in the contract's formats; what is dated there is dated in one reference year. Load
curves repeat from year to year, so budgets and monthly outputs hold in any year they are moved to.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from energy import periods
from energy.periods import day_of
from enermon.demo import records
from enermon.demo.series import Province

FOLDER = Path(__file__).parents[2] / "config" / "sample"
REFERENCE_YEAR = "2026"

_PLAIN = ("regions", "enterprises", "meters", "virtual_meters", "products", "parameters")
_YEARLY = ("quotas", "activity")  # for each year that began in history
_MONTHLY = ("outputs", "returns")  # for each finished month of history


@dataclass(frozen=True)
class Span:
    """Over what time the sample has readings. Years that began in it get quotas, months that are over get outputs."""

    since: datetime
    now: datetime
    zone: ZoneInfo

    def years(self) -> range:
        first, last = (day_of(instant, self.zone) for instant in (self.since, self.now))
        return range(first.year + (first > date(first.year, 1, 1)), last.year + 1)

    def has_finished(self, month: str) -> bool:
        """Whether the month is over, and history was there when it began."""
        period = periods.parse(month)
        return self.since <= period.since(self.zone) and period.end(self.zone) <= self.now


def codes() -> set[str]:
    """The enterprises of the sample."""
    return {row["code"] for row in _rows("enterprises")}


def write(folder: Path, province: Province, now: datetime) -> list[Path]:
    """The sample's registry files as they are to be imported now; import them in this order."""
    span = Span(province.since, now, province.zone)
    dated = {table: list(_moved(table, span)) for table in (*_YEARLY, *_MONTHLY)}
    written = {
        "meter_events": list(records.events(FOLDER, province)),
        "corrections": list(records.corrected(FOLDER, province)),
    }
    everything = {table: list(_rows(table)) for table in _PLAIN} | dated | written
    return [_write(folder / f"{table}.csv", rows) for table, rows in everything.items() if rows]


def gross_outputs(province: Province, now: datetime) -> dict[str, list[dict[str, object]]]:
    """Gross production of the last month that is over, by enterprise, as gateways send it; rejects are 2 % of it."""
    last = periods.previous_month(periods.month_of(day_of(now, province.zone))).name
    found: dict[str, list[dict[str, object]]] = {}
    for row in _moved("outputs", Span(province.since, now, province.zone)):
        if row["period"] == last and row["kind"] == "qualified":
            quantity = round(float(row["quantity"]) / 0.98, 1)
            item = {
                "period": last,
                "product": row["product"],
                "quantity": quantity,
                "unit": row["unit"],
                "kind": "gross",
            }
            found.setdefault(row["enterprise"], []).append(item)
    return found


def _moved(table: str, span: Span) -> Iterator[dict[str, str]]:
    years = span.years()
    for year in years if table in _YEARLY else range(years.start - 1, years.stop):
        for row in _rows(table):
            period = row["period"].replace(REFERENCE_YEAR, str(year))
            if table in _YEARLY or span.has_finished(period):
                yield row | {"period": period}


def _rows(table: str) -> Iterator[dict[str, str]]:
    with (FOLDER / f"{table}.csv").open(encoding="utf-8-sig", newline="") as file:
        yield from csv.DictReader(file)


def _write(path: Path, rows: list[dict[str, str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path

"""Every enterprise today, put together from one statement for each kind of fact."""

from collections.abc import Mapping

from console.budgets import Budget
from console.overview import Counts, Standing, Use
from console.site import View
from energy import periods
from storage import pages

_NOTHING = (None, None)


def standings(view: View, region: str | None, alerts: Mapping[tuple[str, str], Counts]) -> list[Standing]:
    """Every enterprise inside the region (None: all) with its year, its month, its alerts and quotas."""
    year, month = periods.year_of(view.today), periods.month_of(view.today)
    used = pages.used(view.conn, year.first, month)
    expected = pages.expected(view.conn, year.since(view.zone), month.since(view.zone), view.now)
    budgets: dict[str, list[Budget]] = {}
    for told in pages.progress(view.conn, year.name):
        budgets.setdefault(told.code, []).append(Budget(told))
    found = []
    for unit in pages.units(view.conn, region, view.patience.intervals, view.now):
        in_year, in_month = map(Use, used.get(unit.id, _NOTHING), expected.get(unit.id, _NOTHING))
        ours = alerts.get(("enterprise", unit.code), {})
        found.append(Standing(unit, in_year, in_month, ours, budgets.get(unit.code, [])))
    return found

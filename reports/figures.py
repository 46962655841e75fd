"""The figures of one enterprise in one month, as frozen values that HTML and XLSX both show.

What rules have judged is taken from the table `finding`; nothing is judged again here. "Cannot be judged, because …" is
a figure like any other: silence would read as compliance (domain rule 21).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from psycopg import Connection

from energy.comparison import Compared
from energy.periods import Period, day_of, parse, previous_month, same_month_last_year, year_of
from energy.refused import Refused
from reports.budget import Progress, progress
from reports.compare import NO_FIGURE, Change, Figure, amount_of, change, in_months, is_bounded, is_expected, total
from reports.load import Load, load_of
from storage import chain, comparison, pages, quality_store, reports
from storage.balance import CarrierBalance, balances
from storage.chain import Head
from storage.data_quality import EnterpriseQuality
from storage.pages import Alert, Facts, Finding, Which
from storage.reports import Carrier, Factor, MeterMonth, ProductMonth
from storage.usage import UsageRow, enterprise_usage

LEVELS = ("red", "orange", "yellow", "blue")
NOT_OVER, DRAFT, FINAL = "本月未结束", "初稿", "终稿"

# Both bases are always shown, each by its name, and never a bare tce (domain rule 1).
HEADLINES = {
    "tce_equivalent": ("综合能源消费量（当量值）", "tce"),
    "tce_equal_value": ("综合能源消费量（等价值）", "tce"),
    "tce_assessed": ("考核口径能源消费量（当量值）", "tce"),
    "tco2": ("二氧化碳排放（能源活动）", "tCO₂"),
}


@dataclass(frozen=True)
class Headline:
    """One converted total of the month, beside the month before and a year before; year_to_date from January on."""

    key: str
    name: str
    unit: str
    month: Figure
    year_to_date: Figure
    month_on_month: Change
    year_on_year: Change


@dataclass(frozen=True)
class CarrierMonth:
    carrier: Carrier
    row: UsageRow
    month_on_month: Change
    year_on_year: Change


@dataclass(frozen=True)
class Day:
    """One day: equivalent tce of all carriers and electricity in kWh."""

    date: date
    tce_equivalent: Figure
    kwh: Figure


@dataclass(frozen=True)
class ProductLines:
    """A product line with its output and every line it is judged against, each with its own document."""

    product: ProductMonth
    lines: tuple[Finding, ...]


@dataclass(frozen=True)
class Judged:
    """What the rules say about periods that the month belongs to: warnings the worst first."""

    warnings: tuple[Finding, ...]
    unjudged: tuple[Finding, ...]
    fine: tuple[Finding, ...]

    @property
    def all(self) -> tuple[Finding, ...]:
        return (*self.warnings, *self.unjudged, *self.fine)

    def of(self, *kinds: str) -> tuple[Finding, ...]:
        """Findings of rules whose name begins with one of these words."""
        return tuple(one for one in self.all if one.rule.startswith(kinds))


@dataclass(frozen=True)
class Use:
    """Converted totals and carriers of a month, for an enterprise and for a sum of them alike."""

    headlines: tuple[Headline, ...]
    carriers: tuple[CarrierMonth, ...]
    media: tuple[CarrierMonth, ...]

    @property
    def is_known(self) -> bool:
        """Whether anything at all is known of the month."""
        return any(one.row.amount is not None for one in (*self.carriers, *self.media))


@dataclass(frozen=True)
class EnterpriseMonth:
    """Everything the monthly report of an enterprise says. known_on: as known at that moment, local time."""

    facts: Facts
    month: Period
    known_on: datetime
    stage: str
    use: Use
    progress: tuple[Progress, ...]
    judged: Judged
    products: tuple[ProductLines, ...]
    alerts: tuple[Alert, ...]
    days: tuple[Day, ...]
    load: Load | None
    meters: tuple[MeterMonth, ...]
    rejected: Mapping[str, int]
    factors: tuple[Factor, ...]
    comparison: tuple[tuple[Carrier, Compared], ...] = ()
    balances: tuple[CarrierBalance, ...] = ()
    chain: Head | None = None
    quality: EnterpriseQuality | None = None

    @property
    def completeness(self) -> float | None:
        return completeness(self.meters)


def enterprise_month(conn: Connection, code: str, month: Period, now: datetime, zone: ZoneInfo) -> EnterpriseMonth:
    """The figures as known at `now`. Refused if there is no such enterprise."""
    facts = pages.facts(conn, code)
    if facts is None:
        raise Refused(f"Enterprise {code!r} is not in the registry; import it first or write the code of one that is.")
    since, until = month.since(zone), month.end(zone)
    judged = judged_in(pages.findings(conn, Which(scope="enterprise", code=code)), month)
    products = tuple(lines_of(product, judged) for product in reports.products(conn, facts.id, month))
    carriers = reports.carriers(conn)
    rows = enterprise_usage(conn, code, same_month_last_year(month).first, month.until, "month", zone, now)
    return EnterpriseMonth(
        facts,
        month,
        now.astimezone(zone),
        stage(month, products, now, zone),
        use_of(rows, carriers, month, until <= now),
        progress(conn, facts.id, code, month, min(month.until, day_of(now, zone))),
        judged,
        products,
        alerts_in(pages.alerts(conn, Which(scope="enterprise", code=code)), since, until),
        days_of(enterprise_usage(conn, code, month.first, month.until, "day", zone, now), month),
        load_of(pages.quarter_hours(conn, facts.id, since, until), zone),
        tuple(reports.meters(conn, facts.id, since, min(until, now))),
        reports.rejected(conn, code, month),
        tuple(reports.factors(conn, facts.id, month)),
        side_by_side(conn, facts.id, month, zone, rows, carriers),
        tuple(balances(conn, facts.id, month, zone, now)),
        chain=chain.head(conn, code),
        quality=quality_store.enterprise(conn, code, month, zone, now),
    )


def side_by_side(
    conn: Connection,
    enterprise: int,
    month: Period,
    zone: ZoneInfo,
    rows: Iterable[UsageRow],
    carriers: Mapping[str, Carrier],
) -> tuple[tuple[Carrier, Compared], ...]:
    """What was returned and billed beside our figures of the month."""
    ours = [row for row in rows if row.period == month.name]
    return tuple((carriers[one.carrier], one) for one in comparison.compared(conn, enterprise, month, zone, ours))


def stage(month: Period, products: Sequence[ProductLines], now: datetime, zone: ZoneInfo) -> str:
    """A report is a draft until the month is over and every product's output has been returned (domain rule 21)."""
    if now < month.end(zone):
        return NOT_OVER
    return DRAFT if any(line.product.quantity is None for line in products) else FINAL


def use_of(rows: Sequence[UsageRow], carriers: Mapping[str, Carrier], month: Period, is_over: bool) -> Use:
    """Totals and carriers of a month, from rows that reach back to the same month of the year before."""
    counted = [row for row in rows if not carriers[row.carrier].is_medium]
    headlines = tuple(_headline(key, counted, month, is_over) for key in HEADLINES)
    used = [_carrier_month(carrier, rows, month, is_over) for carrier in carriers.values()]
    present = [one for one in used if one is not None]
    return Use(
        headlines,
        tuple(one for one in present if not one.carrier.is_medium),
        tuple(one for one in present if one.carrier.is_medium),
    )


def _headline(key: str, rows: Sequence[UsageRow], month: Period, is_over: bool) -> Headline:
    now, before, year_before = (total(in_months(rows, [one]), key) for one in _compared(month))
    so_far = Period("", year_of(month.first).first, month.until).months()
    return Headline(
        key,
        *HEADLINES[key],
        now,
        total(in_months(rows, so_far), key),
        change(now, before, is_over),
        change(now, year_before, is_over),
    )


def _carrier_month(carrier: Carrier, rows: Sequence[UsageRow], month: Period, is_over: bool) -> CarrierMonth | None:
    by_month = {row.period: row for row in rows if row.carrier == carrier.code}
    row, before, year_before = (by_month.get(one.name) for one in _compared(month))
    if row is None or not is_expected(row):
        return None
    return CarrierMonth(
        carrier,
        row,
        change(amount_of(row), amount_of(before), is_over),
        change(amount_of(row), amount_of(year_before), is_over),
    )


def _compared(month: Period) -> tuple[Period, Period, Period]:
    return month, previous_month(month), same_month_last_year(month)


def days_of(rows: Sequence[UsageRow], month: Period) -> tuple[Day, ...]:
    """Every day of the month, those without data too. A carrier that is silent on a day leaves that day open."""
    days = [month.first + timedelta(days=at) for at in range(month.days)]
    return tuple(_day(day, [row for row in rows if row.period == day.isoformat()]) for day in days)


def _day(day: date, rows: Sequence[UsageRow]) -> Day:
    power = [row for row in rows if row.carrier == "electricity"]
    is_open = not rows or any(map(is_bounded, rows))
    return Day(
        day,
        Figure(total(rows, "tce_equivalent").value, is_open),
        Figure(power[0].amount, is_bounded(power[0])) if power else NO_FIGURE,
    )


def judged_in(findings: Iterable[Finding], month: Period) -> Judged:
    """Findings on periods that overlap the month, sorted by state and level."""
    ours = [one for one in findings if _overlaps(one.period, month)]
    warnings = sorted((one for one in ours if one.state == "warning"), key=_rank)
    return Judged(
        tuple(warnings),
        tuple(one for one in ours if one.state == "cannot_judge"),
        tuple(one for one in ours if one.state == "ok"),
    )


def _rank(finding: Finding) -> int:
    """The worst first; information, which has no level, last."""
    return LEVELS.index(finding.level) if finding.level else len(LEVELS)


def _overlaps(name: str, month: Period) -> bool:
    """What has no period (a meter is silent now) is of the present and of no month; its alerts have their times."""
    if not name:
        return False
    period = parse(name)
    return period.first < month.until and month.first < period.until


def lines_of(product: ProductMonth, judged: Judged) -> ProductLines:
    """The findings on that product; a further line of one kind has its record behind the product's code."""
    ours = (one for one in judged.of("unit_energy") if one.subject.partition(":")[0] == product.product)
    return ProductLines(product, tuple(ours))


def alerts_in(alerts: Iterable[Alert], since: datetime, until: datetime) -> tuple[Alert, ...]:
    """Alerts that were open at any time in [since, until)."""
    return tuple(one for one in alerts if one.opened < until and (one.resolved is None or one.resolved >= since))


def counts_by_level(alerts: Iterable[Alert]) -> dict[str, int]:
    ranked = sorted(alerts, key=lambda one: LEVELS.index(one.level))
    found = {level: len(list(same)) for level, same in groupby(ranked, key=lambda one: one.level)}
    return {level: found.get(level, 0) for level in LEVELS}


def completeness(meters: Sequence[MeterMonth]) -> float | None:
    """Share of expected readings that were received, over all meters; too many of one do not make up for another."""
    expected = sum(meter.expected for meter in meters)
    return sum(min(meter.received, meter.expected) for meter in meters) / expected if expected else None

"""Manual returns: what they come to (pure), and how they become usage where no meter tells. All invented."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg import Connection

from energy import comparison, periods, returns
from energy.comparison import Ours
from energy.periods import Period
from energy.returns import Items, Use
from reports import side_by_side
from reports.explanation import statements
from reports.figures import enterprise_month
from reports.html import enterprise_html
from storage import data_quality, registry
from storage import returns as returned
from storage.explain import explain
from storage.registry_import import Mistakes
from storage.usage import UsageRow, enterprise_usage
from tests.line import NOW, ZONE, Line
from tests.test_rollup import steps

OCTOBER, NOVEMBER = date(2026, 10, 1), date(2026, 11, 1)
HEADER = "enterprise,carrier,period,item,quantity,unit\n"
MONTH = 31 * 24 * 60
Take = Callable[..., None]


def items(**stated: float) -> Items:
    return {name: Decimal(str(value)) for name, value in stated.items()}


def used(**stated: float) -> Use:
    made = returns.use(items(**stated))
    assert made is not None
    return made


# --- pure


def test_stated_use_goes_before_stocks_and_stocks_before_the_bill() -> None:
    by_use = used(used_production=90, used_transport=5, purchased=100, billed=99)
    by_stocks = used(purchased=100, opening_stock=20, closing_stock=30, billed=99)
    assert [one.by for one in (by_use, by_stocks, used(billed=99))] == ["used", "stocks", "bill"]
    assert [float(one.amount) for one in (by_use, by_stocks, used(billed=99))] == [95, 90, 99]
    assert by_stocks.reason == "opening_stock 20 + purchased 100 - closing_stock 30"


def test_what_is_made_inside_and_leaves_is_taken_off_and_nothing_else() -> None:
    sold = used(conversion_output=20, used_production=15, sold=5)
    assert (float(sold.amount), float(sold.bought), float(sold.exported)) == (-5, 0, 5)
    stored = used(conversion_output=100, used_production=60, sold=20, closing_stock=20, opening_stock=0)
    assert float(stored.amount) == -40
    lost = used(conversion_output=20, used_production=15)
    assert lost.amount == Decimal(0), "5 that nobody used, sold or stored were lost inside"


def test_feedstock_alone_is_a_part_and_not_the_whole() -> None:
    assert float(used(purchased=9, used_feedstock=6).amount) == 9
    assert float(used(used_feedstock=6).amount) == 6
    assert float(used(purchased=9, used_feedstock=6).feedstock) == 6


def test_one_stock_alone_leaves_the_use_unknown_and_that_is_told() -> None:
    assert returns.use(items(opening_stock=20, purchased=100)) is None
    (doubt,) = returns.doubts("raw_coal", [(periods.parse("2026-10"), items(opening_stock=20, purchased=100))], 0.01)
    assert (doubt.name, doubt.values) == ("return_incomplete", {"items": "opening_stock, purchased"})


quantities = st.decimals(0, 10_000_000, places=3)


@given(quantities, quantities, quantities, quantities)
def test_both_ways_agree_wherever_the_return_balances(
    opening: Decimal, bought: Decimal, sold: Decimal, use: Decimal
) -> None:
    """Stocks that follow from the other items give the same use as the items of use."""
    closing = opening + bought - sold - use
    stated = {
        "opening_stock": opening,
        "purchased": bought,
        "sold": sold,
        "closing_stock": closing,
        "used_production": use,
    }
    made = returns.use(stated)
    assert made is not None and made.amount == returns.by_stocks(stated) == use
    assert list(returns.doubts("raw_coal", [(periods.parse("2026-10"), stated)], 0.0)) == []


@given(st.dates(date(2020, 1, 1), date(2030, 1, 1)), st.integers(1, 366), quantities)
def test_the_days_of_a_return_add_up_to_it(first: date, days: int, quantity: Decimal) -> None:
    period = Period("", first, date.fromordinal(first.toordinal() + days))
    shares = list(returns.shares(period, used(purchased=float(quantity))))
    assert sum((share.until - share.first).days for share in shares) == days
    assert all(
        share.first.replace(day=1) == share.month and share.until <= periods.next_month(share.month) for share in shares
    )
    assert sum(share.bought for share in shares) == pytest.approx(float(quantity), rel=1e-12, abs=1e-9)


def test_days_that_something_else_has_taken_are_left_out_of_a_bill() -> None:
    taken = [periods.parse("2026-10-05/2026-10-11"), periods.parse("2026-10")]
    shares = list(returns.shares(periods.parse("2026-09-26/2026-11-03"), used(billed=39), taken))
    assert [(share.first.isoformat(), share.until.isoformat()) for share in shares] == [
        ("2026-09-26", "2026-10-01"),
        ("2026-11-01", "2026-11-03"),
    ]
    assert [share.bought for share in shares] == pytest.approx([5 * 39 / 38, 2 * 39 / 38])


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("2026-10-01/2026-11-01", "2026-10"),
        ("2026-01/2026-03", "2026-Q1"),
        ("2026-01-01/2027-01-01", "2026"),
        ("2026-07-01/2026-09-01", "2026-07/2026-08"),
        ("2026-09-26/2026-10-26", "2026-09-26/2026-10-26"),
        ("2026-10-03/2026-10-04", "2026-10-03"),
    ],
)
def test_one_span_of_days_has_one_name(written: str, name: str) -> None:
    assert returns.name_of(written) == name


def test_a_return_spans_a_year_at_most() -> None:
    with pytest.raises(ValueError, match="longer than 366 days"):
        returns.name_of("2025-01/2026-06")


@pytest.mark.parametrize(
    "name", ["2026", "2026-Q3", "2026-02", "2028-02-29", "2026-01/2026-09", "2026-Q2/2026-Q3", "2026-09-26/2026-10-26"]
)
def test_the_database_knows_periods_as_the_program_does(conn: Connection, name: str) -> None:
    period = periods.parse(name)
    assert conn.execute("SELECT period_first(%s), period_until(%s)", (name, name)).fetchone() == (
        period.first,
        period.until,
    )


def test_reasons_say_why_figures_differ() -> None:
    bill = comparison.bill(periods.parse("2026-09-26/2026-10-26"), 90.0, periods.parse("2026-10"), {}, 0.05)
    assert (bill.metered, bill.spread, bill.inside) == (None, "days", 75.0)
    row = comparison.compare(
        "electricity", "kWh", Ours(100, "meters", True, False), (80.0, "stocks"), [bill], False, 0.05
    )
    assert (row.return_difference, row.return_agrees, row.billed) == (0.25, False, None)
    assert row.reasons == ("bill_days", "beyond")
    part = comparison.compare("electricity", "kWh", Ours(60, "meters", False, False), (80.0, "stocks"), [], False, 0.05)
    assert part.reasons == ("no_bill", "incomplete")
    alike = comparison.compare("electricity", "kWh", Ours(81, "meters", True, False), (80.0, "stocks"), [], False, 0.05)
    assert alike.reasons == ("no_bill", "within")


def test_every_reason_has_its_words_in_both_languages() -> None:
    stands = [
        Ours(None, None, False, False),
        Ours(1, "return", False, True),
        Ours(1, "bill", True, False, ("exported",)),
    ]
    bill = comparison.bill(periods.parse("2026-09-26/2026-10-26"), 90.0, periods.parse("2026-10"), {}, 0.05)
    for ours in stands:
        for returned_use, bills in ((None, []), ((80.0, "used"), [bill]), ((1.0, "stocks"), [])):
            row = comparison.compare("electricity", "kWh", ours, returned_use, bills, True, 0.05)
            assert set(row.reasons) <= side_by_side.REASONS.keys()
            assert all(side_by_side.ENGLISH[side_by_side.REASONS[reason][0]] for reason in row.reasons)


# --- in the line


@pytest.fixture
def line(conn: Connection) -> Line:
    one = Line(conn)
    one.factor("electricity", 0.1229, 0.3016, 0.5306)
    one.factor("raw_coal", 0.7143, 0.7143, 1.9, "kg")
    return one


@pytest.fixture
def take(conn: Connection, tmp_path: Path) -> Take:
    """Import rows of returns of DEMO-1: carrier, period, item, quantity, unit."""

    def imported(*rows: str) -> None:
        file = tmp_path / "returns.csv"
        file.write_text(HEADER + "".join(f"DEMO-1,{row}\n" for row in rows))
        with conn.transaction():
            returned.act_for(conn, "li")
            registry.import_file(conn, file, ZONE)

    return imported


def usage(line: Line, since: date = OCTOBER, until: date = NOVEMBER, by: str = "month") -> dict[str, list[UsageRow]]:
    line.drain()
    rows = enterprise_usage(line.conn, "DEMO-1", since, until, by, ZONE, NOW)  # type: ignore[arg-type]
    return {
        carrier: [row for row in rows if row.carrier == carrier] for carrier in sorted({row.carrier for row in rows})
    }


def test_a_return_is_the_usage_where_no_meter_counts(line: Line, take: Take) -> None:
    take(
        "raw_coal,2026-10,purchased,10000,t",
        "raw_coal,2026-10,opening_stock,200,t",
        "raw_coal,2026-10,closing_stock,300,t",
    )
    ((coal,),) = usage(line).values()
    assert (coal.amount, coal.low, coal.high) == pytest.approx((9_900_000,) * 3, rel=1e-12)
    assert (coal.flags, coal.estimated, coal.completeness, coal.peak_kw) == (["returned"], 1.0, 1.0, None)
    assert coal.tce_equivalent == pytest.approx(7071.57, rel=1e-12)
    days = usage(line, by="day")["raw_coal"]
    assert len(days) == 31 and {row.amount for row in days} == {9_900_000 / 31}
    assert sum(row.amount or 0 for row in days) == pytest.approx(9_900_000, rel=1e-12)


def test_a_quarter_is_shared_over_its_months_by_days(line: Line, take: Take) -> None:
    take("raw_coal,2026-Q3,purchased,92,t")
    (coal,) = usage(line, date(2026, 7, 1), date(2026, 10, 1)).values()
    assert [row.amount for row in coal] == pytest.approx([31_000, 31_000, 30_000], rel=1e-12)
    assert {tuple(row.flags) for row in coal} == {("interpolated", "returned")}


def test_metered_months_stand_and_the_return_is_compared(line: Line, take: Take) -> None:
    line.meter("E-01")
    line.tell([("E-01", 0, 0), ("E-01", MONTH, 100_000)])
    take("electricity,2026-10,purchased,10.4,10^4 kWh")
    ((power,),) = usage(line).values()
    assert power.amount == pytest.approx(100_000) and "returned" not in power.flags
    (row,) = explain(line.conn, "DEMO-1", periods.parse("2026-10"), ZONE, NOW).comparison
    assert (row.by, row.returned, row.returned_by, row.return_agrees) == ("meters", 104_000, "stocks", True)
    assert row.return_difference == pytest.approx(-0.03846, abs=1e-5) and row.reasons == ("no_bill", "within")


def test_the_figure_changes_hands_when_the_first_reading_of_a_month_comes(line: Line, take: Take) -> None:
    """And what is left is the same, whichever came first."""
    take("electricity,2026-10,purchased,5000,kWh")
    line.meter("E-01")
    assert usage(line)["electricity"][0].amount == pytest.approx(5000)
    line.tell(steps("E-01", *range(97)))
    (power,) = usage(line)["electricity"]
    assert (power.amount, power.flags) == (96, ["missing"])
    first = line.figures()
    line.conn.execute("DELETE FROM usage_hour; DELETE FROM usage; DELETE FROM usage_month; DELETE FROM returned_use")
    line.conn.execute("INSERT INTO stale_span (shard, enterprise_id, meters, since, until, why) SELECT 1, %s, '{}',"
                      " '2026-09-30T16:00Z', '2026-10-31T15:00Z', 'return'", (line.enterprise_id,))  # fmt: skip
    line.conn.execute("INSERT INTO stale_span (shard, enterprise_id, meters, since, until, why) SELECT 1, %s, %s,"
                      " '2026-09-30T16:00Z', '2026-10-31T15:00Z', 'registry'",
                      (line.enterprise_id, [line.ids["E-01"]]))  # fmt: skip
    line.drain()
    assert without_times(line.figures()) == without_times(first)


def without_times(figures: list[object]) -> list[object]:
    return [(row[0], {k: v for k, v in row[1].items() if k != "computed"}) if isinstance(row[1], dict) else row
            for row in figures if isinstance(row, tuple)]  # fmt: skip


def test_a_few_hours_at_the_end_of_a_month_do_not_take_a_whole_month_from_its_return(line: Line, take: Take) -> None:
    take("electricity,2026-10,purchased,5000,kWh")
    line.meter("E-01")
    line.tell([("E-01", MONTH - 60, 0), ("E-01", MONTH + 60, 20), ("E-01", MONTH + 24 * 60, 100)])
    october, november = usage(line, OCTOBER, date(2026, 12, 1))["electricity"]
    assert october.amount == pytest.approx(5000) and "returned" in october.flags
    assert november.amount == pytest.approx(90) and "returned" not in november.flags


def test_import_and_usage_agree_again_when_a_return_is_restated_and_withdrawn(line: Line, take: Take) -> None:
    take("raw_coal,2026-10,purchased,100,t")
    assert usage(line)["raw_coal"][0].amount == pytest.approx(100_000)
    take("raw_coal,2026-10,purchased,90,t")
    assert usage(line)["raw_coal"][0].amount == pytest.approx(90_000)
    take("raw_coal,2026-10,purchased,,t")
    assert usage(line) == {}
    history = "SELECT quantity, author FROM return_history ORDER BY id"
    assert line.conn.execute(history).fetchall() == [(100, "li"), (90, "li"), (None, "li")]


def test_a_restated_return_recomputes_its_months_and_nothing_else(line: Line, take: Take) -> None:
    take("raw_coal,2026-09,purchased,100,t", "raw_coal,2026-10,purchased,100,t")
    line.drain()
    line.conn.execute("UPDATE usage SET computed = '2000-01-01'")
    take("raw_coal,2026-10,purchased,90,t")
    line.drain()
    old = "SELECT min(day), max(day), count(*) FROM usage WHERE computed = '2000-01-01'"
    assert line.conn.execute(old).fetchone() == (date(2026, 9, 1), date(2026, 9, 30), 30)


def test_a_month_that_is_not_returned_yet_is_missing_and_not_nothing(line: Line, take: Take) -> None:
    take("raw_coal,2026-09,purchased,30,t")
    rows = usage(line, date(2026, 8, 1), NOVEMBER)["raw_coal"]
    assert [(row.amount, row.completeness, row.flags) for row in rows] == [
        (None, None, []), (30_000, 1.0, ["returned"]), (None, 0.0, ["missing"]),
    ]  # fmt: skip


def test_a_factor_that_changes_concerns_returns_too(line: Line, take: Take, tmp_path: Path) -> None:
    take("raw_coal,2026-10,purchased,100,t")
    assert usage(line)["raw_coal"][0].tce_equivalent == pytest.approx(71.43)
    file = tmp_path / "factors.csv"
    file.write_text(
        "carrier,scope,region,unit,kgce_per_unit,valid_from,valid_to,source\nraw_coal,DEMO-1,,kg,0.6,2026-10-01,,lab\n"
    )
    registry.import_file(line.conn, file, ZONE)
    assert usage(line)["raw_coal"][0].tce_equivalent == pytest.approx(60)


def test_who_reads_and_who_returns_at_once_counts_each_hour_once(line: Line, take: Take) -> None:
    line.meter("E-01")
    line.tell(steps("E-01", *range(97)))
    take("electricity,2026-10,purchased,5000,kWh")
    assert usage(line)["electricity"][0].amount == 96


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("electricity_equal_value,2026-10,purchased,1,kWh", "only names a coefficient"),
        ("raw_coal,2025-01/2026-06,purchased,1,t", "longer than 366 days"),
        ("raw_coal,2026-10-26/2026-10-26,purchased,1,t", "is no period"),
        ("raw_coal,2026-10,purchased,1,kWh", "does not become kg"),
    ],
)
def test_a_wrong_row_is_one_clear_sentence(line: Line, take: Take, row: str, message: str) -> None:
    carrier = "INSERT INTO carrier VALUES ('electricity_equal_value', '', '', %s, false, 'kWh', NULL, NULL, '', '')"
    line.conn.execute(carrier, ("factor_only",))
    with pytest.raises(Mistakes, match=message):
        take(row)
    assert line.conn.execute("SELECT count(*) FROM manual_return").fetchone() == (0,)


def test_explain_tells_what_was_returned_by_whom_and_how_it_compares(line: Line, take: Take) -> None:
    take(
        "raw_coal,2026-10,purchased,100,t", "raw_coal,2026-10,opening_stock,10,t", "raw_coal,2026-10,closing_stock,20,t"
    )
    take("raw_coal,2026-10,purchased,90,t")
    line.drain()
    about = explain(line.conn, "DEMO-1", periods.parse("2026-10"), ZONE, NOW)
    (told,) = about.returns
    assert (told.made_by, told.amount, told.stands) == ("stocks", 80_000, ("all",))
    assert told.inside == pytest.approx(80_000)
    text = "\n".join(statements(about, ZONE))
    assert "Return of raw_coal, 2026-10" in text and "it stands, for no meter tells" in text
    assert "purchased was 100 t (by li at" in text and "then 90 t (by li at" in text
    assert "There is no bill; no meter tells, so the return is the figure." in text


def test_the_report_has_the_table_and_its_words(line: Line, take: Take) -> None:
    line.meter("E-01")
    line.tell([("E-01", 0, 0), ("E-01", MONTH, 100_000)])
    take(
        "electricity,2026-10,purchased,8,10^4 kWh",
        "electricity,2026-10,billed,10,10^4 kWh",
        "raw_coal,2026-10,purchased,1,t",
    )
    line.drain()
    html = enterprise_html(enterprise_month(line.conn, "DEMO-1", periods.parse("2026-10"), NOW, ZONE))
    assert "口径对照" in html and "+25.0 %" in html and "差异超出允许范围，原因待查" in html
    assert "无计量，采用填报数" in html
    english = enterprise_html(enterprise_month(line.conn, "DEMO-1", periods.parse("2026-10"), NOW, ZONE), "en")
    assert "Side by side" in english and "口径对照" not in english


def test_odd_returns_are_findings_with_their_numbers(line: Line, take: Take) -> None:
    take(
        "raw_coal,2026-09,opening_stock,0,t", "raw_coal,2026-09,purchased,100,t", "raw_coal,2026-09,closing_stock,40,t"
    )
    take(
        "raw_coal,2026-10,opening_stock,30,t", "raw_coal,2026-10,purchased,100,t", "raw_coal,2026-10,closing_stock,50,t"
    )
    take("raw_coal,2026-10,used_production,100,t")
    line.drain()
    told = data_quality.enterprise_quality(line.conn, "DEMO-1", periods.parse("2026-10"), ZONE, NOW)
    found = {row.finding: row.evidence for row in told.findings}
    assert "opens with 30,000 kg in stock, and 2026-09 closed with 40,000" in found["return_stock"]
    assert "100,000 kg by stated use, 80,000 by purchases" in found["return_balance"]
    assert usage(line)["raw_coal"][0].amount == pytest.approx(100_000)


def test_a_return_has_usage_and_judgements_made_again_and_leaves_readings_alone(line: Line, take: Take) -> None:
    line.meter("E-01")
    take("raw_coal,2026-10,purchased,100,t")
    left = line.conn.execute("SELECT meters, why FROM stale_span").fetchall()
    assert left == [([], "return")]
    assert line.conn.execute("SELECT scope, code FROM stale_judgement").fetchall() == [("enterprise", "DEMO-1")]
    take("raw_coal,2026-10,purchased,100,t")
    assert line.conn.execute("SELECT count(*) FROM stale_span").fetchone() == (1,), "the same again changes nothing"

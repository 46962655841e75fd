"""Edge cases and domain rules of manual returns, sales and stocks, by their numbers. Enterprises are invented."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from psycopg import Connection

from energy import periods
from reports.html import region_html
from reports.region import region_month
from storage import data_quality, registry
from storage.explain import explain
from storage.registry_import import Mistakes
from storage.usage import Totals, UsageRow, enterprise_usage, meter_usage, region_usage, totals
from tests.line import NOW, ZONE, Line

SEPTEMBER, OCTOBER, NOVEMBER = date(2026, 9, 1), date(2026, 10, 1), date(2026, 11, 1)
MONTH = 31 * 24 * 60
Take = Callable[..., None]
FACTORS = (
    ("electricity", 0.1229, 0.3016, 0.5306, "kWh"),
    ("raw_coal", 0.7143, 0.7143, 1.9003, "kg"),
    ("natural_gas", 1.2143, 1.2143, 2.1622, "m3"),
    ("heat", 0.03412, 0.03412, 0.11, "MJ"),
)


@pytest.fixture
def line(conn: Connection) -> Line:
    one = Line(conn)
    conn.execute(
        "INSERT INTO carrier VALUES ('heat', '热力', 'heat', 'heat', false, 'MJ', NULL, NULL, 'test', 'sourced'),"
        " ('new_water', '新水', 'fresh water', 'medium', true, 't', NULL, NULL, 'test', 'sourced'),"
        " ('compressed_air', '压缩空气', 'compressed air', 'medium', true, 'm3', NULL, NULL, 'test', 'sourced')"
    )
    for carrier, kgce, equal, co2, unit in FACTORS:
        one.factor(carrier, kgce, equal, co2, unit)
    for medium, kgce, unit in (("new_water", 0.2571, "t"), ("compressed_air", 0.0400, "m3")):
        conn.execute(
            "INSERT INTO factor (carrier, unit, kgce_equal_per_unit, method, confidence, valid_from, source)"
            " VALUES (%s, %s, %s, 'default', 'sourced', '2000-01-01', 'test')",
            (medium, unit, kgce),
        )
    one.changed()
    return one


@pytest.fixture
def take(conn: Connection, tmp_path: Path) -> Take:
    """Import rows of returns: carrier, period, item, quantity, unit of DEMO-1 or of the enterprise named."""

    def imported(*rows: str, enterprise: str = "DEMO-1") -> None:
        file = tmp_path / "returns.csv"
        header = "enterprise,carrier,period,item,quantity,unit\n"
        file.write_text(header + "".join(f"{enterprise},{row}\n" for row in rows))
        with conn.transaction():
            registry.import_file(conn, file, ZONE)

    return imported


def usage(line: Line, since: date = OCTOBER, until: date = NOVEMBER, code: str = "DEMO-1") -> dict[str, list[UsageRow]]:
    line.drain()
    rows = enterprise_usage(line.conn, code, since, until, "month", ZONE, NOW)
    return {
        carrier: [row for row in rows if row.carrier == carrier] for carrier in sorted({row.carrier for row in rows})
    }


def total(line: Line) -> Totals:
    return totals(row for rows in usage(line).values() for row in rows)


def metered(line: Line, code: str, amount: float, **about: Any) -> None:
    """A register that counts so much in October."""
    line.meter(code, **about)
    line.tell([(code, 0, 0), (code, MONTH, amount)])


# --- periods


def test_ec32_a_bill_from_the_26th_is_shared_by_days_and_flagged(line: Line, take: Take) -> None:
    take("electricity,2026-09-26/2026-10-26,billed,30000,kWh")
    september, october = usage(line, SEPTEMBER)["electricity"]
    assert (september.amount, october.amount) == pytest.approx((5_000, 25_000), rel=1e-12)
    assert all({"returned", "interpolated"} <= set(row.flags) for row in (september, october))
    assert october.completeness == pytest.approx(25 / 31) and october.high is None, (
        "the rest of October is not billed yet"
    )


def test_ec32_beside_a_meter_the_bill_is_placed_by_the_register_and_compared_on_its_own_days(
    line: Line, take: Take
) -> None:
    """10 kWh a day in September, 40 in October: the meter says 5 x 10 + 25 x 40 = 1,050 in the bill's days."""
    line.meter("E-01", supply_account="NO-1")
    line.meter("E-02")
    days = [-6, 0, 31, 40]
    line.tell([("E-01", 24 * 60 * day, value) for day, value in zip(days, (0, 60, 1_300, 1_660), strict=True)])
    line.tell([("E-02", 24 * 60 * day, value) for day, value in zip(days, (0, 6, 37, 46), strict=True)])
    take("electricity,2026-09-26/2026-10-26,billed,2100,kWh")
    usage(line)
    (row,) = explain(line.conn, "DEMO-1", periods.parse("2026-10"), ZONE, NOW).comparison
    (bill,) = row.bills
    assert bill.metered == pytest.approx(1_050) and bill.difference == pytest.approx(-0.5) and bill.agrees is False
    assert bill.spread == "profile" and bill.inside == pytest.approx(2_000) and "bill_days" in row.reasons
    quality = data_quality.enterprise_quality(line.conn, "DEMO-1", periods.parse("2026-10"), ZONE, NOW)
    assert (
        "metered 1,050 kWh against 2,100 billed, -50.0%"
        in {one.finding: one.evidence for one in quality.findings}["disagrees"]
    )


def test_ec33_overlapping_returns_are_refused_with_both_named(line: Line, take: Take) -> None:
    take("raw_coal,2026-10,purchased,100,t")
    with pytest.raises(Mistakes, match=r"'2026-Q4' \(purchased\) overlaps '2026-10' \(purchased\) of raw_coal"):
        take("raw_coal,2026-Q4,purchased,300,t")
    with pytest.raises(Mistakes, match=r"'2026-Q4' \(used_production\) overlaps '2026-10' \(purchased\) of raw_coal"):
        take("raw_coal,2026-Q4,used_production,300,t")
    with pytest.raises(Mistakes, match="of electricity; return each day once"):
        take("electricity,2026-09-26/2026-10-26,billed,1,kWh", "electricity,2026-10,billed,1,kWh")
    assert usage(line)["raw_coal"][0].amount == pytest.approx(100_000)


def test_ec33_the_same_period_restated_replaces_and_a_withdrawn_one_makes_room(line: Line, take: Take) -> None:
    take("raw_coal,2026-10,purchased,100,t")
    take("raw_coal,2026-10-01/2026-11-01,purchased,80,t")
    assert usage(line)["raw_coal"][0].amount == pytest.approx(80_000)
    take("raw_coal,2026-10,purchased,,t", "raw_coal,2026-Q4,purchased,92,t")
    assert usage(line)["raw_coal"][0].amount == pytest.approx(31_000)


def test_ec33_a_bill_beside_a_return_of_the_same_days_is_never_added(line: Line, take: Take) -> None:
    take("electricity,2026-10,purchased,31000,kWh", "electricity,2026-09-26/2026-10-26,billed,30000,kWh")
    september, october = usage(line, SEPTEMBER)["electricity"]
    assert (september.amount, october.amount) == pytest.approx((5_000, 31_000))


# --- boundary


def test_ec45_coal_to_steam_to_electricity_counts_once(line: Line, take: Take) -> None:
    """100 tce of coal in, 30 tce of electricity made and used inside: 100, not 130."""
    coal, power = 100_000 / 0.7143, 30_000 / 0.1229
    take(
        f"raw_coal,2026-10,purchased,{coal:.6f},kg",
        f"raw_coal,2026-10,conversion_input,{coal:.6f},kg",
        f"electricity,2026-10,conversion_output,{power:.6f},kWh",
        f"electricity,2026-10,used_production,{power:.6f},kWh",
        "heat,2026-10,conversion_output,5000,GJ",
        "heat,2026-10,conversion_input,5000,GJ",
    )
    assert total(line).tce_equivalent == pytest.approx(100, rel=1e-9)


def test_ec45_with_the_electricity_on_a_meter_of_its_own(line: Line, take: Take) -> None:
    """The generator's meter is inside the boundary, whatever its level."""
    metered(line, "G-01", 30_000 / 0.1229, role="generation_fuel")
    take(f"raw_coal,2026-10,purchased,{100_000 / 0.7143:.6f},kg")
    assert total(line).tce_equivalent == pytest.approx(100, rel=1e-9)


def test_ec45_rule_2_media_count_only_where_they_are_bought_and_only_by_gbt_2589(line: Line, take: Take) -> None:
    """10,000 t coal, 5 GWh bought, 2 GWh from waste heat, own air, water: 7,757.5 and 7,770.355, not 8,056.155."""
    take(
        "raw_coal,2026-10,purchased,10000,t",
        "electricity,2026-10,purchased,5,GWh",
        "electricity,2026-10,recovered,2,GWh",
        "electricity,2026-10,used_production,7,GWh",
        "compressed_air,2026-10,conversion_output,1000000,m3",
        "compressed_air,2026-10,used_production,1000000,m3",
        "new_water,2026-10,purchased,50000,t",
    )
    told = total(line)
    assert told.tce_equivalent == pytest.approx(7_757.5, abs=1e-9)
    assert told.tce_gbt2589 == pytest.approx(7_770.355, abs=1e-9)


def test_ec46_rule_3_what_is_sold_leaves_at_its_own_heat_content(line: Line, take: Take) -> None:
    """10,000 t coal, 20 GWh made from it, 5 GWh of that sold: 7,143 - 614.5 = 6,528.5."""
    take(
        "raw_coal,2026-10,conversion_input,10000,t",
        "electricity,2026-10,conversion_output,20,GWh",
        "electricity,2026-10,used_production,15,GWh",
        "electricity,2026-10,sold,5,GWh",
    )
    assert total(line).tce_equivalent == pytest.approx(6_528.5, abs=1e-9)
    (power,) = usage(line)["electricity"]
    assert power.amount == pytest.approx(-5_000_000)


def test_ec46_rule_3_with_a_meter_on_what_is_sold(line: Line, take: Take) -> None:
    metered(line, "X-01", 5_000_000, role="resale")
    take("raw_coal,2026-10,purchased,10000,t")
    assert total(line).tce_equivalent == pytest.approx(6_528.5, abs=1e-6)


@pytest.mark.parametrize("way", ["resale meter", "sold return beside meters", "all by return"])
def test_ec46_energy_sold_on_is_once_in_the_region(line: Line, take: Take, way: str) -> None:
    """A park owner buys 1,000,000 kWh and sells 400,000 on to a neighbour, who meters them."""
    if way == "all by return":
        take("electricity,2026-10,purchased,1000000,kWh", "electricity,2026-10,sold,400000,kWh")
    else:
        metered(line, "E-01", 1_000_000)
        if way == "resale meter":
            metered(line, "R-01", 400_000, role="resale")
        else:
            take("electricity,2026-10,sold,400000,kWh")
    neighbour = line._one(
        "INSERT INTO enterprise (code, name, region) VALUES ('DEMO-2', 'invented', '620500') RETURNING id"
    )
    line.changed()
    take("electricity,2026-10,purchased,400000,kWh", enterprise="DEMO-2")
    (owner,) = usage(line)["electricity"]
    (buyer,) = usage(line, code="DEMO-2")["electricity"]
    assert neighbour and (owner.amount, buyer.amount) == pytest.approx((600_000, 400_000), rel=1e-9)
    assert ("returned" in owner.flags) is (way != "resale meter")
    (region,) = region_usage(line.conn, "620500", OCTOBER, NOVEMBER, "month", ZONE, NOW)
    days = region_usage(line.conn, "620500", OCTOBER, NOVEMBER, "day", ZONE, NOW)
    assert region.amount == pytest.approx(1_000_000, rel=1e-9)
    assert sum(row.amount or 0 for row in days) == pytest.approx(1_000_000, rel=1e-9)
    assert region.tce_equivalent == pytest.approx(122.9, rel=1e-9)


def test_ec46_rule_6_the_sum_is_named_total_of_key_units_with_its_coverage(line: Line, take: Take) -> None:
    take("electricity,2026-10,purchased,400000,kWh")
    line.drain()
    html = region_html(region_month(line.conn, "620500", periods.parse("2026-10"), NOW, ZONE))
    assert "重点用能单位合计" in html and "登记重点用能单位 1 家，本月有数据 1 家" in html
    assert "不是地区能源消费总量" in html


def test_ec47_use_is_opening_and_received_less_issued_and_closing(line: Line, take: Take) -> None:
    take(
        "raw_coal,2026-10,opening_stock,1000,t", "raw_coal,2026-10,purchased,500,t", "raw_coal,2026-10,sold,200,t",
        "raw_coal,2026-10,closing_stock,300,t",
    )  # fmt: skip
    assert usage(line)["raw_coal"][0].amount == pytest.approx(1_000_000)


def test_ec47_a_negative_use_goes_back_for_correction_in_one_sentence(line: Line, take: Take) -> None:
    rows = (
        "raw_coal,2026-10,opening_stock,100,t",
        "raw_coal,2026-10,purchased,50,t",
        "raw_coal,2026-10,closing_stock,200,t",
    )
    with pytest.raises(Mistakes) as refused:
        take(*rows)
    assert refused.value.count == 1
    assert "raw_coal of 2026-10: closing_stock 200000 kg is more than opening_stock 100000 + purchased 50000" in str(
        refused.value
    )
    assert "correct the return" in str(refused.value)
    assert line.conn.execute("SELECT count(*) FROM manual_return").fetchone() == (0,)


def test_ec47_a_file_that_makes_an_earlier_one_impossible_is_refused_too(line: Line, take: Take) -> None:
    take("raw_coal,2026-10,opening_stock,100,t", "raw_coal,2026-10,closing_stock,80,t")
    with pytest.raises(Mistakes, match="is more than opening_stock 100000"):
        take("raw_coal,2026-10,sold,30,t")
    assert usage(line)["raw_coal"][0].amount == pytest.approx(20_000)


def test_ec48_generated_used_exported_charged_and_discharged_are_apart(line: Line) -> None:
    """Bought 1,000,000 kWh, PV 200,000, exported 50,000; a battery takes 10,000, gives 9,000: its loss is use."""
    metered(line, "E-01", 1_000_000)
    metered(line, "PV", 200_000, role="generation_renewable", level=2, in_total=True)
    metered(line, "X-01", 50_000, role="export")
    metered(line, "B-IN", 10_000, role="storage_charge")
    metered(line, "B-OUT", 9_000, role="storage_discharge")
    (power,) = usage(line)["electricity"]
    assert power.amount == pytest.approx(1_150_000), "nothing of the battery is added or taken off"
    (one,) = explain(line.conn, "DEMO-1", periods.parse("2026-10"), ZONE, NOW).conversion
    parts = (one.bought, one.renewable, one.exported, one.self_used_renewable)
    assert parts == pytest.approx((1_000_000, 200_000, 50_000, 150_000))
    assert power.tce_assessed == pytest.approx(122.9) and power.tco2 == pytest.approx(530.6)
    battery = [
        meter_usage(line.conn, "DEMO-1", code, OCTOBER, NOVEMBER, "month", ZONE, NOW)[0].amount
        for code in ("B-IN", "B-OUT")
    ]
    assert battery == pytest.approx([10_000, 9_000])


@pytest.mark.parametrize("way", ["return", "gas metered as one", "feed metered apart"])
def test_ec50_rule_5_feedstock_leaves_the_assessed_figure_only(line: Line, take: Take, way: str) -> None:
    """Ammonia 10,000 t, gas 6 M m3 as feed and 3 M as fuel, 6 GWh: 11,666.1 tce, 1,166.61 kgce/t; assessed 4,380.3."""
    metered(line, "E-01", 6_000_000)
    gas = {"carrier": "natural_gas", "unit": "m3", "gas_condition": "std_20c"}
    feed = ("natural_gas,2026-10,used_feedstock,600,10^4 m3", "natural_gas,2026-10,used_production,300,10^4 m3")
    if way != "return":
        metered(line, "NG-1", 9_000_000, **gas)
    if way == "feed metered apart":
        metered(line, "NG-2", 6_000_000, **gas, role="feedstock", level=2, parent="NG-1")
    else:
        take(*feed)
    told = total(line)
    assert told.tce_equivalent == pytest.approx(11_666.1, rel=1e-9)
    assert told.tce_assessed == pytest.approx(4_380.3, rel=1e-9)
    assert (told.tce_equivalent or 0) * 1000 / 10_000 == pytest.approx(1_166.61, rel=1e-9), (
        "unit energy is never deducted"
    )


def test_ec50_self_used_renewable_leaves_the_assessed_figure_and_stays_in_the_measured(line: Line, take: Take) -> None:
    """PV on a meter, what was bought by a return: the meter does not tell what is bought, so the return does."""
    metered(line, "PV", 200_000, role="generation_renewable", level=2, in_total=True)
    take("electricity,2026-10,purchased,1000000,kWh", "electricity,2026-10,sold,50000,kWh")
    (power,) = usage(line)["electricity"]
    assert power.amount == pytest.approx(1_150_000) and "returned" in power.flags
    assert (power.tce_equivalent, power.tce_assessed) == pytest.approx((141.335, 122.9))
    assert power.tco2 == pytest.approx(530.6)

"""Conversion through the whole line: registry files and readings in, usage and explanation out. All is invented.

The shipped factors hold: electricity 0.1229 kgce/kWh equivalent and 0.3016 equal value, raw coal 0.7143 kgce/kg,
natural gas 1.2143 kgce/m3 at 20 °C.
"""

from dataclasses import fields
from datetime import date, datetime
from pathlib import Path

import pytest
from psycopg import Connection

from energy import periods
from storage import data_quality, explain, quality_known, registry, reports, seed, snapshot, usage
from storage.registry_import import Mistakes
from storage.usage import Totals, UsageRow, enterprise_usage, meter_usage
from tests.line import NOW, ZONE, Line

OCTOBER, NOVEMBER, DECEMBER = date(2026, 10, 1), date(2026, 11, 1), date(2026, 12, 1)
DAY = 24 * 60
Told = tuple[str, float, float]


class Works:
    """The enterprise `DEMO-1`, registered by files, whose meters send one amount a day."""

    def __init__(self, conn: Connection, folder: Path) -> None:
        seed.seed(conn)
        self.conn, self.folder, self.line = conn, folder, Line(conn)
        snapshot._cache.clear()

    def take(self, name: str, text: str) -> None:
        path = self.folder / name
        path.write_text(text, "utf-8")
        registry.import_file(self.conn, path, ZONE)

    def meters(self, *rows: str, more: str = "") -> None:
        """Interval meters of a day: `code,carrier,unit,role` and more columns."""
        head = "enterprise,code,carrier,unit,role,kind,interval_minutes,level" + (f",{more}" if more else "")
        lines = []
        for row in rows:
            cells = row.split(",")
            lines.append(",".join(["DEMO-1", *cells[:4], "interval", "1440", "1", *cells[4:]]))
        self.take("meters.csv", "\n".join([head, *lines]) + "\n")
        self.line.ids |= dict(self.conn.execute("SELECT code, id FROM meter").fetchall())

    def tell(self, **amounts: float) -> None:
        """What each meter measured on the first of October."""
        self.line.tell((code.replace("_", "-"), DAY, amount) for code, amount in amounts.items())

    def tell_days(self, code: str, amount: float, days: int) -> None:
        self.line.tell((code, DAY * number, amount) for number in range(1, days + 1))

    def returns(self, *rows: str) -> None:
        head = "enterprise,carrier,period,item,quantity,unit,lhv_kj_per_unit\n"
        self.take("returns.csv", head + "".join(f"DEMO-1,{row}\n" for row in rows))

    def parameters(self, *rows: str) -> None:
        self.take("parameters.csv", "enterprise,period,name,value\n" + "".join(f"DEMO-1,{row}\n" for row in rows))

    def factors(self, *rows: str) -> None:
        head = "carrier,scope,unit,kgce_per_unit,kgce_equal_per_unit,method,valid_from,valid_to,source\n"
        self.take("factors.csv", head + "".join(f"{row}\n" for row in rows))

    def months(self, since: date = OCTOBER, until: date = NOVEMBER) -> list[UsageRow]:
        self.line.drain()
        return enterprise_usage(self.conn, "DEMO-1", since, until, "month", ZONE, NOW)

    def month(self, carrier: str, since: date = OCTOBER, until: date = NOVEMBER) -> UsageRow:
        (row,) = (row for row in self.months(since, until) if row.carrier == carrier)
        return row

    def meter(self, code: str) -> UsageRow:
        self.line.drain()
        (row,) = meter_usage(self.conn, "DEMO-1", code, OCTOBER, NOVEMBER, "month", ZONE, NOW)
        return row

    def findings(self, name: str) -> list[tuple[str | None, str]]:
        """Meter and Chinese evidence of the findings of that name in October."""
        self.line.drain()
        enterprise = registry.enterprise(self.conn, "DEMO-1")
        assert enterprise is not None
        known = quality_known.gathered(self.conn, enterprise, periods.month_of(OCTOBER), ZONE, NOW)
        told = data_quality.assessed(known).findings
        return [(one.meter, one.told("zh")) for one in told if one.finding == name]

    def remarks(self, meter: str | None = None, month: date = OCTOBER) -> list[str]:
        self.line.drain()
        return explain.explain(self.conn, "DEMO-1", periods.month_of(month), ZONE, NOW, meter).remarks


@pytest.fixture
def works(conn: Connection, tmp_path: Path) -> Works:
    return Works(conn, tmp_path)


def near(value: float) -> object:
    return pytest.approx(value, rel=1e-9)


def converted(row: UsageRow) -> tuple[float | None, float | None, float | None]:
    return row.amount, row.tce_equivalent, row.tco2


def sources(row: UsageRow, kind: str) -> list[str]:
    return [one["source"] for one in row.factors if one["kind"] == kind]


# --- EC-38


def test_ec_38_12000_kwh_and_1_2_wan_kwh_are_the_same_energy(works: Works) -> None:
    works.meters("E-01,electricity,kWh,consumption", "E-02,electricity,万kWh,consumption")
    works.tell(E_01=12_000, E_02=1.2)
    for code in ("E-01", "E-02"):
        assert (works.meter(code).amount, works.meter(code).tce_equivalent) == (near(12_000), near(1.4748))


# --- EC-39


def test_ec_39_a_factor_valid_from_november_leaves_october_as_it_was(works: Works) -> None:
    works.meters("C-01,raw_coal,t,consumption")
    works.tell_days("C-01", 1, 45)
    before = [works.month("raw_coal"), works.month("raw_coal", NOVEMBER, DECEMBER)]
    assert [row.tce_equivalent for row in before] == [near(31 * 0.7143), near(14 * 0.7143)]
    works.factors("raw_coal,DEMO-1,kg,0.65,,default,2026-11-01,,化验单 1")
    assert works.month("raw_coal") == before[0]
    after = works.month("raw_coal", NOVEMBER, DECEMBER)
    assert (after.amount, after.tce_equivalent) == (before[1].amount, near(14 * 0.65))
    assert sources(after, "equivalent") == ["化验单 1"]


def test_ec_39_two_factors_of_one_source_for_the_same_day_are_refused(works: Works) -> None:
    works.factors("raw_coal,DEMO-1,kg,0.65,,default,2026-01-01,,化验单 1")
    with pytest.raises(Mistakes, match="holds on the same days; end that one with valid_to, or state another source"):
        works.factors("raw_coal,DEMO-1,kg,0.66,,default,2026-06-01,,化验单 1")


# --- EC-40 and rule 1


def test_ec_40_every_figure_in_tce_says_its_kind_and_no_sum_mixes_two(works: Works) -> None:
    works.meters(
        "E-01,electricity,kWh,consumption", "C-01,raw_coal,t,consumption", "H-01,heat,GJ,consumption",
        "W-01,new_water,m3,consumption",
    )  # fmt: skip
    works.tell(E_01=12_000, C_01=10, H_01=100, W_01=500)
    rows = works.months()
    together = usage.totals(rows)
    assert (together.tce_equivalent, together.tce_equal_value) == (near(12.0298), near(14.1742))
    for name in ("tce_equivalent", "tce_equal_value", "tce_assessed"):
        assert getattr(together, name) == near(sum(getattr(row, name) or 0.0 for row in rows))
    assert together.tce_gbt2589 == near(12.0298 + 500 * 0.2571 / 1000)
    kinds = {"equivalent", "equal_value", "assessed", "medium", "gbt2589"}
    for told in (UsageRow, Totals, explain.Conversion):
        named = [field.name for field in fields(told) if field.name.startswith("tce")]
        assert named and all(name.removeprefix("tce_") in kinds for name in named)


def test_ec_40_no_column_of_the_database_is_called_tce_alone(works: Works) -> None:
    found = works.conn.execute(
        "SELECT table_name, column_name FROM information_schema.columns"
        " WHERE table_schema = 'public' AND column_name ~ '(^|_)tce($|_)'"
    ).fetchall()
    assert found
    assert [name for _, name in found if not name.startswith(("tce_equivalent", "tce_equal_value", "tce_assessed"))
            and name != "tce_medium"] == []  # fmt: skip


def test_rule_1_the_equal_value_of_2026_is_shown_as_carried_forward(works: Works) -> None:
    works.meters("E-01,electricity,kWh,consumption")
    works.tell(E_01=12_000)
    row = works.month("electricity")
    assert row.tce_equal_value == near(12 * 0.3016)
    assert {one["kind"]: one["method"] for one in row.factors} == {
        "equivalent": "default", "equal_value": "carried_forward", "co2": "carried_forward",
    }  # fmt: skip
    works.line.drain()
    about = explain.explain(works.conn, "DEMO-1", periods.month_of(OCTOBER), ZONE, NOW)
    assert [one.method for one in about.conversion[0].factors] == ["default", "carried_forward", "carried_forward"]
    enterprise = registry.enterprise(works.conn, "DEMO-1")
    assert enterprise is not None
    told = reports.factors(works.conn, enterprise.id, periods.month_of(OCTOBER))
    assert {one.method for one in told} == {"default", "carried_forward"}


# --- EC-41: heating values


def coal(works: Works) -> None:
    works.meters("C-01,raw_coal,t,consumption")
    works.tell_days("C-01", 1, 45)
    works.months()


def test_ec_41_the_heating_value_of_what_was_fired_goes_before_the_default(works: Works) -> None:
    coal(works)
    works.returns("raw_coal,2026-10,used_production,600,t,20000", "raw_coal,2026-10,conversion_input,400,t,25000",
                  "raw_coal,2026-10,purchased,9000,t,29000")  # fmt: skip
    row = works.month("raw_coal")
    assert row.tce_equivalent == near(31 * 22_000 / 29_307.6)
    assert row.tco2 == near(31 * 22 * 0.0892738)  # heating value x carbon content x oxidation x 44/12
    assert "default_value" not in row.flags
    told = {one["kind"]: (one["method"], one["unit"], one["value"]) for one in row.factors}
    assert told["equivalent"] == ("measured", "kg", near(22_000 / 29_307.6))
    assert told["co2"] == ("default", "MJ", 0.0892738)


def test_ec_41_a_month_whose_test_is_missing_is_converted_by_default_and_marked(works: Works) -> None:
    coal(works)
    works.returns("raw_coal,2026-10,used_production,600,t,22000")
    row = works.month("raw_coal", NOVEMBER, DECEMBER)
    assert row.tce_equivalent == near(14 * 0.7143) and "default_value" in row.flags
    (said,) = works.remarks(month=NOVEMBER)
    assert "no heating value of what was fired" in said and "return lhv_kj_per_unit with used_production" in said
    assert works.remarks() == []


def test_ec_41_receipts_stand_in_where_nothing_fired_was_tested(works: Works) -> None:
    coal(works)
    works.returns("raw_coal,2026-10,used_production,600,t,", "raw_coal,2026-10,purchased,1000,t,24000")
    row = works.month("raw_coal")
    assert row.tce_equivalent == near(31 * 24_000 / 29_307.6) and "default_value" in row.flags
    assert "what was received" in sources(row, "equivalent")[0]
    assert "that of what was received stands in" in works.remarks()[0]


def test_ec_41_a_corrected_test_converts_its_month_again_and_no_other(works: Works) -> None:
    coal(works)
    works.returns("raw_coal,2026-10,used_production,600,t,22000", "raw_coal,2026-11,used_production,600,t,23000")
    before = works.month("raw_coal", NOVEMBER, DECEMBER)
    works.returns("raw_coal,2026-10,used_production,600,t,21000")
    spans = works.conn.execute("SELECT min(since), max(until) FROM stale_span WHERE why = 'factor'").fetchone()
    assert spans is not None and spans[1] <= periods.midnight(NOVEMBER, ZONE)
    assert works.month("raw_coal").tce_equivalent == near(31 * 21_000 / 29_307.6)
    assert works.month("raw_coal", NOVEMBER, DECEMBER) == before
    works.returns("raw_coal,2026-10,used_production,600,t,")
    assert works.month("raw_coal").tce_equivalent == near(31 * 0.7143)


def test_ec_41_an_imported_heating_value_in_factors_does_the_same(works: Works) -> None:
    coal(works)
    works.take("factors.csv", "carrier,scope,unit,lhv_kj_per_unit,method,valid_from,valid_to,source\n"
               "raw_coal,DEMO-1,kg,22000,measured,2026-10-01,2026-11-01,化验单 1\n")  # fmt: skip
    row = works.month("raw_coal")
    assert (row.tce_equivalent, row.tco2) == (near(31 * 22_000 / 29_307.6), near(31 * 22 * 0.0892738))
    assert [one["value"] for one in row.factors if one["kind"] == "equivalent"] == [near(22_000 / 29_307.6)]


def test_what_returns_make_is_not_exported_as_if_it_had_been_imported(works: Works, tmp_path: Path) -> None:
    coal(works)
    works.returns("raw_coal,2026-10,used_production,600,t,22000")
    registry.export(works.conn, tmp_path / "out", ZONE)
    assert (tmp_path / "out" / "factors.csv").read_text("utf-8").count("\n") == 1


# --- EC-41: gas


@pytest.mark.parametrize(
    ("condition", "expected"),
    [("std_20c,,", 1.0), ("std_0c,,", 293.15 / 273.15), ("operating,405.3,20", 4.0), ("operating,101.325,313.15", 0.5)],
)
def test_ec_41_gas_is_counted_in_cubic_metres_of_20_degrees(works: Works, condition: str, expected: float) -> None:
    works.meters(
        f"G-01,natural_gas,m3,consumption,{condition}", more="gas_condition,gas_pressure_kpa,gas_temperature_c"
    )
    works.tell(G_01=1_000)
    row = works.month("natural_gas")
    assert row.amount == near(1_000 * expected)
    assert row.tce_equivalent == near(expected * 1.2143)
    assert row.tco2 == near(expected * 2.16219 * 273.15 / 293.15)
    assert "condition_unknown" not in row.flags


def test_ec_41_gas_whose_condition_nobody_states_is_converted_by_the_printed_factors_and_flagged(works: Works) -> None:
    works.meters("G-01,natural_gas,m3,consumption")
    works.tell(G_01=1_000)
    row = works.month("natural_gas")
    assert (row.amount, row.tce_equivalent, row.tco2) == (near(1_000), near(1.2143), near(2.16219))
    assert "condition_unknown" in row.flags


def test_rule_17_gas_at_0_degrees_emits_what_the_guides_print(works: Works) -> None:
    works.meters("G-01,natural_gas,万m3,consumption,std_0c", more="gas_condition")
    works.tell(G_01=1)
    assert works.month("natural_gas").tco2 == near(21.6219)


def test_rule_17_gas_without_a_stated_condition_is_taken_as_it_is_and_marked(works: Works) -> None:
    works.meters("G-01,natural_gas,m3,consumption")
    works.tell(G_01=1_000)
    row = works.month("natural_gas")
    assert (row.amount, row.tce_equivalent) == (1_000, near(1.2143))
    assert "condition_unknown" in row.flags
    assert "Meter G-01 does not say at which condition it counts m3" in works.remarks()[0]
    assert works.findings("condition_unknown")[0][0] == "G-01"
    works.take("meters.csv", "enterprise,code,gas_condition\nDEMO-1,G-01,std_0c\n")
    assert works.month("natural_gas").amount == near(1_000 * 293.15 / 273.15)
    assert works.remarks() == []


def test_rule_17_gas_at_an_unknown_operating_condition_is_unknown_and_no_part_of_it_is_invented(works: Works) -> None:
    works.meters("G-01,natural_gas,m3,consumption,operating", "G-02,natural_gas,m3,consumption,std_20c",
                 more="gas_condition")  # fmt: skip
    works.tell_days("G-01", 1_000, 2)
    works.tell_days("G-02", 500, 2)
    own, total = works.meter("G-01"), works.month("natural_gas")
    assert (own.amount, own.low, own.high, own.tce_equivalent) == (None, 0, None, None)
    assert (total.amount, total.low, total.high) == (1_000, 1_000, None)
    assert "condition_unknown" in own.flags and "condition_unknown" in total.flags
    assert "state gas_pressure_kpa (absolute) and gas_temperature_c" in works.remarks("G-01")[0]


def test_unknown_operating_gas_is_the_same_whether_it_comes_at_once_or_bit_by_bit(works: Works) -> None:
    head = "enterprise,code,carrier,unit,kind,gas_condition,interval_minutes\n"
    works.take("meters.csv", f"{head}DEMO-1,G-01,natural_gas,m3,register,operating,15\n")
    works.line.ids |= dict(works.conn.execute("SELECT code, id FROM meter").fetchall())
    told = [("G-01", 15.0 * number, 100.0 + number) for number in range(9)]
    outcomes = []
    for way in ([told], [[one] for one in told]):
        with works.conn.transaction(force_rollback=True):
            for batch in way:
                works.line.tell(batch)
                works.line.drain()
            outcomes.append(works.line.figures())
    assert outcomes[0] == outcomes[1]


def test_another_unit_of_a_gas_meter_keeps_its_condition(works: Works) -> None:
    works.meters("G-01,natural_gas,m3,consumption,std_0c", more="gas_condition")
    works.take("meter_events.csv", "enterprise,meter,time,event,value\n"
               "DEMO-1,G-01,2026-10-02T00:00:00+08:00,unit,万m3\n")  # fmt: skip
    works.tell_days("G-01", 1, 2)
    assert works.month("natural_gas").amount == near(10_001 * 293.15 / 273.15)


# --- EC-42: steam


def test_ec_42_steam_by_mass_alone_is_no_energy_and_says_what_is_missing(works: Works) -> None:
    works.meters("S-01,steam_low,t,consumption")
    works.tell(S_01=1_000)
    row = works.month("steam_low")
    assert converted(row) == (1_000_000, None, None)
    assert "condition_unknown" in row.flags and "factor_missing" not in row.flags
    (said,) = works.remarks()
    assert "steam by mass alone is no energy: state steam_enthalpy_kj_per_kg, or steam_pressure_mpa" in said
    ((meter, evidence),) = works.findings("condition_unknown")
    assert meter is None and evidence.startswith("蒸汽（低压）按质量计量而未声明状态，不能折算")


def test_ec_42_a_thousand_tonnes_saturated_at_0_8_mpa_are_94_5_tce(works: Works) -> None:
    works.meters("S-01,steam_low,t,consumption")
    works.tell(S_01=1_000)
    works.month("steam_low")
    works.parameters("2026,steam_pressure_mpa,0.8")
    assert "steam_pressure_mpa 0.8 alone does not fix the steam" in works.remarks()[0]
    works.parameters("2026,steam_dryness_pct,100")
    row = works.month("steam_low")
    assert row.tce_equivalent is not None and round(row.tce_equivalent, 1) == 94.5
    assert (row.tce_equal_value, row.tco2) == (row.tce_equivalent, near(2768.302 * 0.11))
    assert "condition_unknown" not in row.flags and works.remarks() == []
    assert sources(row, "equivalent") == [
        "declared state of steam (parameters): dry saturated steam at 0.8 MPa absolute by IAPWS-IF97: 2768.3 kJ/kg"
    ]


def test_ec_42_condensate_that_returns_is_taken_off(works: Works) -> None:
    works.meters("S-01,steam_low,t,consumption")
    works.tell(S_01=1_000)
    works.parameters(",steam_enthalpy_kj_per_kg,2768.3", ",condensate_return_pct,80", ",condensate_temperature_c,90")
    tce = works.month("steam_low").tce_equivalent
    assert tce == pytest.approx((2768.3 - 0.8 * 377.0) / 29.3076, rel=1e-4)


def test_ec_42_a_state_of_one_month_converts_that_month(works: Works) -> None:
    works.meters("S-01,steam_low,t,consumption")
    works.tell_days("S-01", 1, 45)
    works.parameters("2026-11,steam_enthalpy_kj_per_kg,2768.3")
    assert works.month("steam_low").tce_equivalent is None
    assert works.month("steam_low", NOVEMBER, DECEMBER).tce_equivalent == near(14 * 2768.3 / 29_307.6)


def test_ec_42_a_meter_of_heat_turns_its_own_tonnes_of_steam_into_megajoules(works: Works) -> None:
    works.meters("S-01,heat,t,consumption,0.8,100", more="steam_pressure_mpa,steam_dryness_pct")
    works.tell(S_01=1_000)
    row = works.month("heat")
    assert (row.amount, row.unit) == (near(2_768_302), "MJ")
    assert row.tce_equivalent is not None and round(row.tce_equivalent, 1) == 94.5


def test_ec_42_a_heat_meter_in_gigajoules_needs_no_state(works: Works) -> None:
    works.meters("H-01,heat,GJ,consumption")
    works.tell(H_01=100)
    assert converted(works.month("heat")) == (100_000, near(3.412), near(11))


# --- EC-48, EC-49, EC-50 and the worked examples of rules 2, 3 and 5


def test_ec_48_generation_self_use_export_and_storage_are_series_of_their_own(works: Works) -> None:
    works.meters(
        "E-01,electricity,MWh,consumption", "PV-01,electricity,MWh,generation_renewable",
        "X-01,electricity,MWh,export", "BC-01,electricity,MWh,storage_charge",
        "BD-01,electricity,MWh,storage_discharge",
    )  # fmt: skip
    works.tell(E_01=1_000, PV_01=200, X_01=50, BC_01=100, BD_01=90)
    row = works.month("electricity")
    assert row.amount == near(1_150_000)  # the 10 MWh that the storage lost are in it: loss is consumption
    assert (row.tce_equivalent, row.tce_assessed, row.tco2) == (near(141.335), near(122.9), near(530.6))
    assert [works.meter(code).amount for code in ("PV-01", "X-01", "BC-01", "BD-01")] == [
        near(200_000), near(50_000), near(100_000), near(90_000),
    ]  # fmt: skip
    about = explain.explain(works.conn, "DEMO-1", periods.month_of(OCTOBER), ZONE, NOW)
    (told,) = about.conversion
    assert (told.bought, told.renewable, told.exported, told.self_used_renewable) == (
        near(1_000_000), near(200_000), near(50_000), near(150_000),
    )  # fmt: skip


def test_ec_49_a_negative_interval_is_legal_where_the_point_nets(works: Works) -> None:
    works.meters("N-01,electricity,kWh,consumption,net", "E-01,electricity,kWh,consumption,one_way", more="direction")
    works.line.tell([("N-01", DAY, 100), ("N-01", 2 * DAY, -30), ("E-01", DAY, 100), ("E-01", 2 * DAY, -30)])
    net, one_way = works.meter("N-01"), works.meter("E-01")
    assert (net.amount, one_way.amount) == (near(70), near(70))
    assert "negative" not in net.flags and "negative" in one_way.flags
    assert (net.low, one_way.low) == (None, near(70))  # on the days without a reading a net point may have returned
    assert [meter for meter, _ in works.findings("negative")] == ["E-01"]


def test_ec_50_feedstock_leaves_the_assessed_figure_only_and_carries_no_combustion_factor(works: Works) -> None:
    works.meters(
        "G-01,natural_gas,万m3,consumption,std_20c", "G-02,natural_gas,万m3,feedstock,std_20c",
        "E-01,electricity,MWh,consumption,",
        more="gas_condition",
    )  # fmt: skip
    works.take("meters.csv", "enterprise,code,parent\nDEMO-1,G-02,G-01\n")
    works.tell(G_01=900, G_02=600, E_01=6_000)
    rows = works.months()
    assert usage.totals(rows).tce_equivalent == near(11_666.1)
    assert usage.totals(rows).tce_assessed == near(4_380.3)
    assert works.month("natural_gas").tco2 == near(3e6 * 2.16219 * 273.15 / 293.15 / 1000)


def test_rule_2_bought_water_enters_only_the_total_of_gb_t_2589(works: Works) -> None:
    works.meters(
        "C-01,raw_coal,t,consumption", "E-01,electricity,GWh,consumption", "R-01,electricity,GWh,generation_recovery",
        "A-01,compressed_air,m3,recovery", "W-01,new_water,t,consumption",
    )  # fmt: skip
    works.tell(C_01=10_000, E_01=5, R_01=2, A_01=1_000_000, W_01=50_000)
    together = usage.totals(works.months())
    assert (together.tce_equivalent, together.tce_gbt2589) == (near(7_757.5), near(7_770.355))


def test_rule_3_power_made_from_own_coal_and_sold_leaves_at_its_heat_content(works: Works) -> None:
    works.meters("C-01,raw_coal,t,consumption", "P-01,electricity,GWh,generation_fuel", "X-01,electricity,GWh,export")
    works.tell(C_01=10_000, P_01=20, X_01=5)
    assert usage.totals(works.months()).tce_equivalent == near(6_528.5)


def test_rule_20_series_of_the_grid_are_never_mixed(works: Works) -> None:
    rows = works.conn.execute("SELECT source FROM factor WHERE carrier = 'electricity' AND kgco2_per_unit IS NOT NULL")
    series = [source for (source,) in rows]
    assert series and all("national average CO2 factor of grid electricity" in source for source in series)
    book = registry.factor_book(works.conn)
    found = [book.at("electricity", "DEMO-1", "620500", date(year, 7, 1)).kgco2 for year in (2021, 2022, 2023, 2026)]
    assert found == [0.5568, 0.5366, 0.5306, 0.5306]


def test_rule_19_maximum_demand_is_that_of_the_quarter_hour_and_at_least_so_much_from_coarser_meters(
    works: Works,
) -> None:
    head = "enterprise,code,carrier,unit,kind,interval_minutes\n"
    works.take(
        "meters.csv", f"{head}DEMO-1,E-01,electricity,kWh,interval,15\nDEMO-1,E-02,electricity,kWh,interval,60\n"
    )
    works.line.ids |= dict(works.conn.execute("SELECT code, id FROM meter").fetchall())
    works.line.tell(("E-01", 15.0 * (number + 1), kwh) for number, kwh in enumerate((100.0, 100.0, 100.0, 500.0)))
    row = works.month("electricity")
    assert (row.peak_kw, row.peak_at_least) == (2_000, False)
    works.line.tell([("E-02", 60, 800.0)])
    assert works.meter("E-02").peak_kw == 800
    assert works.month("electricity").peak_at_least
    assert row.peak_at == datetime(2026, 10, 1, 0, 45, tzinfo=ZONE)

"""Virtual meters on a real database: formulas imported, amounts computed by the hour from other meters (EC-44).

All enterprises and series are invented.
"""

from datetime import date
from itertools import count, pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import Connection

from storage import database, registry
from storage.registry_import import Mistakes, TableResult
from storage.usage import UsageRow, enterprise_usage, meter_usage
from tests.line import NOW, ZONE, Line
from tests.test_rollup import steps

HEADER = "enterprise,code,name,carrier,unit,formula,in_total,role\n"


class Plant(Line):
    """With virtual meters, as a file brings them."""

    folder: Path

    def formulas(self, *rows: str) -> tuple[TableResult, ...]:
        file = self.folder / "virtual_meters.csv"
        file.write_text(HEADER + "".join(f"DEMO-1,{row}\n" for row in rows), "utf-8")
        with self.conn.transaction():
            found = registry.import_file(self.conn, file, ZONE)
        for code, id_ in self.conn.execute("SELECT code, id FROM meter WHERE kind = 'virtual'"):
            self.ids[code] = id_
        return found

    def virtual(self, code: str, formula: str, in_total: str = "", unit: str = "kWh", role: str = "") -> None:
        self.formulas(f"{code},,electricity,{unit},{formula},{in_total},{role}")

    def day(self, code: str) -> UsageRow:
        self.drain()
        (row,) = meter_usage(self.conn, "DEMO-1", code, date(2026, 10, 1), date(2026, 10, 2), "day", ZONE, NOW)
        return row

    def hour(self, code: str, at: int = 0) -> UsageRow:
        self.drain()
        rows = meter_usage(self.conn, "DEMO-1", code, date(2026, 10, 1), date(2026, 10, 2), "hour", ZONE, NOW)
        return rows[at]


def hours(code: str, *amounts: float, first: int = 0) -> list[tuple[str, float, float]]:
    """A register that moves by so much in each hour, a quarter of it every quarter hour."""
    quarters = [amount / 4 for amount in amounts for _ in range(4)]
    return steps(code, *[sum(quarters[:n], 0.0) for n in range(len(quarters) + 1)], start=60 * first)


@pytest.fixture
def plant(conn: Connection, tmp_path: Path) -> Plant:
    one = Plant(conn)
    one.folder = tmp_path
    one.factor("electricity", 0.1229, 0.3016, 0.5306)
    for code in ("A", "B", "C"):
        one.meter(code, level=2)
    return one


def test_ec_44_a_missing_input_of_a_sum_gives_at_least_with_the_share_covered(plant: Plant) -> None:
    plant.virtual("V", "A + B")
    plant.tell(hours("A", 5))
    row = plant.hour("V")
    assert (row.amount, row.low, row.high) == (None, 5.0, None)
    assert (row.covered, row.completeness) == (0.5, 0.5) and {"missing", "virtual"} <= set(row.flags)
    assert plant.consumption("V")[0][-3] == 1800


def test_a_sum_is_the_sum_and_counts_only_where_it_is_told_to(plant: Plant) -> None:
    plant.virtual("V", "A + B")
    plant.tell(hours("A", *[5] * 24) + hours("B", *[7] * 24))
    row = plant.day("V")
    assert (row.amount, row.low, row.high, row.completeness) == (288.0, 288.0, 288.0, 1.0)
    assert row.flags == ["virtual"]
    assert row.tce_equivalent == pytest.approx(288 * 0.1229 / 1000)
    assert enterprise_usage(plant.conn, "DEMO-1", date(2026, 10, 1), date(2026, 10, 2), "day", ZONE, NOW) == []


def test_one_that_is_declared_to_count_is_the_enterprises_use_with_its_demand(plant: Plant) -> None:
    plant.tell(hours("A", 4, 8, 4) + hours("B", 40, 80, 40))  # before: quarter hours of A and B are not needed yet
    plant.drain()
    plant.virtual("V", "B - A", in_total="yes")
    plant.drain()
    (row,) = enterprise_usage(plant.conn, "DEMO-1", date(2026, 10, 1), date(2026, 10, 2), "day", ZONE, NOW)
    assert row.amount == 144 and "virtual" in row.flags
    assert row.peak_kw == 72  # 18 kWh in the first quarter of the second hour, four times
    assert row.peak_at is not None and row.peak_at.astimezone(ZONE).hour == 1
    assert not row.peak_at_least
    assert plant.day("V").peak_kw == 72


def test_ec_44_what_is_missing_and_taken_off_leaves_nothing_known(plant: Plant) -> None:
    plant.virtual("V", "A - B")
    plant.tell(hours("A", 5, 5) + hours("B", 2))
    assert plant.hour("V", 0).amount == 3
    second = plant.hour("V", 1)
    assert (second.amount, second.low, second.high) == (None, None, None)
    assert {"missing", "virtual"} <= set(second.flags)
    day = plant.day("V")
    assert (day.amount, day.low, day.high) == (3, None, None)


def test_ec_44_a_total_that_a_difference_counts_into_has_no_lower_bound_while_part_of_it_is_missing(
    plant: Plant,
) -> None:
    plant.virtual("V", "A - B", in_total="yes")
    plant.tell(hours("A", 5, 5) + hours("B", 2))
    plant.drain()
    (row,) = enterprise_usage(plant.conn, "DEMO-1", date(2026, 10, 1), date(2026, 10, 2), "day", ZONE, NOW)
    assert (row.amount, row.low, row.high) == (3, None, None)


@pytest.mark.parametrize(
    ("formula", "expected"), [("A / B", None), ("A / (B - B)", None), ("A * 2 / 4", 3), ("B / A", 0)]
)
def test_division_by_nought_is_unknown(plant: Plant, formula: str, expected: float | None) -> None:
    plant.virtual("V", formula)
    plant.tell(hours("A", 6) + hours("B", 0))
    assert plant.hour("V").amount == expected


def test_bounds_of_a_reset_are_carried_through_the_formula(plant: Plant) -> None:
    plant.meter("R", level=2, max_rate=100.0)
    plant.virtual("V", "A - R")
    plant.tell(hours("A", 200))
    plant.tell(
        [("R", -15, 4_999.0), ("R", 0, 5_000.0), ("R", 60, 12.0), ("R", 75, 12.0), ("R", 90, 12.0), ("R", 105, 12.0)]
    )
    row = plant.hour("V")
    assert row.amount is None and "reset" in row.flags and "missing" not in row.flags
    assert (row.low, row.high) == (100.0, 188.0)  # R is known to lie in [12, 100]


def test_one_virtual_meter_may_use_another_and_late_data_reach_both(plant: Plant) -> None:
    plant.formulas("V,,electricity,kWh,W + C,,", "W,,electricity,kWh,A * 0.5 + B,,")
    plant.tell(hours("A", 10) + hours("C", 1))
    assert plant.hour("V").low == 6.0 and plant.hour("V").amount is None
    plant.tell(hours("B", 3))
    assert plant.hour("V").amount == 9.0


def test_amounts_of_its_own_carrier_stand_in_the_virtual_meters_unit_others_in_their_own(plant: Plant) -> None:
    plant.meter("GAS", carrier="natural_gas", unit="m3", level=2)
    plant.virtual("SUM", "A + B", unit="MWh")
    plant.virtual("MORE", "A + B + 1", unit="MWh")
    plant.virtual("HEAT", "GAS * 0.01", unit="MWh")
    plant.tell(hours("A", 250) + hours("B", 750) + hours("GAS", 50))
    assert plant.hour("SUM").amount == 1_000.0  # kWh, as A and B are
    assert plant.hour("MORE").amount == pytest.approx(2_000.0)  # and a constant is of every hour, in MWh
    assert plant.hour("HEAT").amount == 500.0  # 50 m3 x 0.01 MWh/m3


def test_outside_its_validity_an_input_is_not_missing(plant: Plant) -> None:
    plant.meter("OLD", level=2, valid_to="2026-10-01T01:30:00+08:00")
    plant.virtual("V", "A + OLD")
    plant.tell(hours("A", 5, 5, 5) + hours("OLD", 2, 2)[:7])
    assert [plant.hour("V", at).amount for at in range(3)] == [7.0, 6.0, 5.0]
    assert plant.day("V").completeness is not None
    assert "missing" not in plant.hour("V", 1).flags


def test_meters_that_begin_together_inside_an_hour_miss_nothing(plant: Plant) -> None:
    plant.virtual("V", "A + B")
    plant.tell(steps("A", 0, 1, 2, start=30) + steps("B", 0, 10, 20, start=30))
    assert plant.hour("V").amount == 22.0
    plant.tell(steps("A", 3, start=75) + steps("B", 30, start=75))
    assert plant.hour("V", 1).amount == 11.0


def test_ec_44_one_that_speaks_for_part_of_an_hour_only_is_missing_in_the_rest(plant: Plant) -> None:
    plant.virtual("V", "A + B")
    plant.tell(hours("A", 8) + hours("B", 4)[:3])
    row = plant.hour("V")
    assert (row.amount, row.low, row.high) == (None, 10.0, None)
    assert plant.consumption("V")[0][-3] == 2700


# --- in and out


def test_a_changed_formula_recomputes_its_hours(plant: Plant) -> None:
    plant.virtual("V", "A + B")
    plant.virtual("W", "V * 10")
    plant.tell(hours("A", 5) + hours("B", 7))
    assert (plant.hour("V").amount, plant.hour("W").amount) == (12, 120)
    plant.virtual("V", "A - B")
    assert (plant.hour("V").amount, plant.hour("W").amount) == (-2, -20)


def test_nothing_is_stale_after_the_same_file_again(plant: Plant) -> None:
    plant.tell(hours("A", 5))
    plant.virtual("V", "A + B")
    plant.drain()
    (again,) = plant.formulas("V,,electricity,kWh,A + B,,")
    assert (again.unchanged, again.moved) == (1, False)
    assert plant.drain() == 0


def test_an_input_with_another_validity_recomputes_what_uses_it(plant: Plant) -> None:
    plant.virtual("V", "A + B")
    plant.tell(hours("A", 5, 5) + hours("B", 2))
    assert plant.hour("V", 1).amount is None
    file = plant.folder / "meters.csv"
    file.write_text(
        "enterprise,code,carrier,kind,unit,level,valid_to\nDEMO-1,B,electricity,register,kWh,2,2026-10-01T01:00:00+08:00\n"
    )
    with plant.conn.transaction():
        registry.import_file(plant.conn, file, ZONE)
    assert plant.hour("V", 1).amount == 5


def test_going_out_and_in_again_changes_nothing(plant: Plant) -> None:
    plant.formulas("V,,electricity,kWh,W + C,yes,", "W,,electricity,MWh,A-B,,export")
    with plant.conn.transaction():
        files = registry.export(plant.conn, plant.folder / "out", ZONE)
    assert {file.name for file in files} >= {"meters.csv", "virtual_meters.csv"}
    assert "virtual" not in (plant.folder / "out" / "meters.csv").read_text("utf-8")
    for name in ("meters", "virtual_meters"):
        with plant.conn.transaction():
            (result,) = registry.import_file(plant.conn, plant.folder / "out" / f"{name}.csv", ZONE)
        assert result.read and not result.moved


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (["V,,electricity,kWh,A + NOBODY,,"], "'NOBODY' is no meter of this enterprise; a meter code, a number or ("),
        (["V,,electricity,kWh,2 + 3,,"], "names no meter"),
        (["V,,electricity,kWh,A +,,"], "ends too early"),
        (["V,,electricity,kWh,V + A,,"], "V leads back to itself, V uses V"),
        (["V,,electricity,kWh,W + A,,", "W,,electricity,kWh,V * 2,,"], "V leads back to itself, V uses W uses V"),
        (["A,,electricity,kWh,B + C,,"], "'A' is a meter with readings of its own"),
        (["V,,electricity,m3,A + B,,"], "unit 'm3' is a unit of volume"),
    ],
)
def test_a_formula_that_cannot_be_computed_is_refused_with_its_reason(plant: Plant, rows: list[str], told: str) -> None:
    with pytest.raises(Mistakes) as refused:
        plant.formulas(*rows)
    assert told in str(refused.value)


def test_a_virtual_meter_takes_no_readings_events_or_corrections_and_its_code_no_other_meter(plant: Plant) -> None:
    plant.virtual("V", "A + B")
    files = {
        "meter_events.csv": "enterprise,meter,time,event\nDEMO-1,V,2026-10-05,reset\n",
        "corrections.csv": "enterprise,meter,from,to,amount,reason,author\nDEMO-1,V,2026-10-05,2026-10-06,3,x,li\n",
        "meters.csv": "enterprise,code,carrier,kind,unit\nDEMO-1,V,electricity,register,kWh\n",
    }
    for name, text in files.items():
        (plant.folder / name).write_text(text, "utf-8")
        with pytest.raises(Mistakes, match="virtual"), plant.conn.transaction():
            registry.import_file(plant.conn, plant.folder / name, ZONE)
    assert [meter.code for meter in registry.meters_of(plant.conn, plant.enterprise_id)] == ["A", "B", "C"]


# --- whatever the order

_VERSIONS = count(1_000, 1_000)
EVERY = [
    *hours("A", 5, 6, 7, 8),
    *hours("B", 3, 0, 2, 1)[:-3],
    *hours("C", 1, 1, 1, 1)[4:],
]


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    order=st.permutations(range(len(EVERY))),
    cuts=st.lists(st.integers(1, len(EVERY) - 1), max_size=5),
    first=st.booleans(),
)
def test_any_order_of_the_inputs_ends_in_the_same_bits(
    dsn: str, tmp_path: Path, order: list[int], cuts: list[int], first: bool
) -> None:
    def made(parts: list[list[int]], formulas_first: bool) -> list[object]:
        with database.connect(dsn) as conn:
            # What is rolled back takes the registry's version back with it, and snapshots are kept by version.
            conn.execute("UPDATE registry_version SET version = %s", (next(_VERSIONS),))
            plant = Plant(conn)
            plant.folder = tmp_path
            for code in ("A", "B", "C"):
                plant.meter(code, level=2)
            if formulas_first:
                plant.formulas(*FORMULAS)
            for part in parts:
                plant.tell(EVERY[at] for at in part)
                plant.drain()
            if not formulas_first:
                plant.formulas(*FORMULAS)
            plant.drain()
            names = {id_: code for code, id_ in plant.ids.items()}
            rows = conn.execute(
                "SELECT meter_id, hour, until, amount, low, high, estimated, peak_rate, peak_at, q1, q2, q3, q4, flags,"
                " covered_s, received, bounded FROM consumption ORDER BY hour, meter_id"
            ).fetchall()
            spans = conn.execute("SELECT meter_id, first_time FROM meter_span ORDER BY 1").fetchall()
            conn.rollback()
            return [repr((names[row[0]], *row[1:])) for row in (*rows, *spans)]

    edges = sorted({0, *cuts, len(EVERY)})
    shuffled = [order[since:until] for since, until in pairwise(edges)]
    assert made(shuffled, first) == made([list(range(len(EVERY)))], True)


FORMULAS = (
    "V,,electricity,kWh,A + B - C,yes,",
    "W,,electricity,kWh,V * 0.1 + A / B,,",
    "S,,electricity,kWh,A + B,,",
)


def test_virtual_meters_that_were_imported_before_they_were_computed_are_computed_after_the_upgrade(
    plant: Plant,
) -> None:
    plant.tell(hours("A", 5) + hours("B", 7))
    plant.drain()
    plant.conn.execute(
        "INSERT INTO virtual_meter (enterprise_id, code, carrier, unit, formula)"
        " VALUES (%s, 'V', 'electricity', 'MWh', 'A+B')",
        (plant.enterprise_id,),
    )
    migration = (Path(database.__file__).parent / "migrations" / "0011_topology.sql").read_text("utf-8")
    plant.conn.execute(migration[migration.index("-- Those that were imported before") :].encode())
    (plant.ids["V"],) = plant.conn.execute("SELECT meter_id FROM virtual_meter").fetchall()[0]
    assert plant.hour("V").amount == 12

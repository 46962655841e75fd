"""The sample province's registry: invented, complete, and dated in whatever years the demo is started."""

import csv
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from psycopg import Connection

from energy import product_energy
from energy.product_energy import ProcessMeter
from enermon.demo import records, sample, series
from enermon.demo.series import Province
from enermon.demo.shapes import SHAPES
from storage import corrections, registry, seed

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 21, 2, 20, tzinfo=UTC)


def province(anchor: datetime) -> Province:
    return Province(series.read_loads(sample.FOLDER), series.read_faults(sample.FOLDER), anchor, 7, SHANGHAI)


def rows(table: str, folder: Path = sample.FOLDER) -> list[dict[str, str]]:
    with (folder / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_sample_has_24_enterprises_of_the_sectors_that_matter_and_about_300_meters() -> None:
    industries = Counter(row["industry"] for row in rows("enterprises"))
    assert sum(industries.values()) == 24
    sectors = {"3011": 4, "3120": 2, "3216": 2, "3041": 2, "2621": 2, "2613": 2, "6450": 2, "8411": 1, "8341": 1}
    assert {code: industries[code] for code in sectors} == sectors
    assert industries["4411"] + industries["4412"] == 2
    assert 280 <= len(rows("meters")) <= 320


def test_every_name_of_the_sample_says_that_it_is_invented() -> None:
    names = [row["name"] for table in ("regions", "enterprises") for row in rows(table)]
    assert [name for name in names if not (name.startswith("示例") and "（虚构）" in name)] == []


def test_meters_of_all_kinds_levels_and_roles_are_there() -> None:
    meters = rows("meters")
    assert {row["kind"] for row in meters} == {"register", "interval", "power"}
    assert {row["level"] for row in meters} == {"1", "2", "3"}
    assert {row["role"] for row in meters} >= {
        "generation_renewable",
        "export",
        "feedstock",
        "it_load",
        "dc_total",
        "recovery",
    }
    assert {row["carrier"] for row in meters} >= {
        *("electricity", "raw_coal", "coke", "natural_gas", "blast_furnace_gas"),
        *("heat", "diesel", "new_water", "compressed_air"),
    }
    assert any(float(row["multiplier"]) >= 1000 for row in meters if row["kind"] == "register")


def test_a_meter_lies_below_a_meter_of_its_own_carrier_that_stands_before_it() -> None:
    """The load curves add children to parents from the end of the file to its beginning."""
    seen: dict[tuple[str, str], str] = {}
    for row in rows("meters"):
        if row["parent"]:
            assert seen[row["enterprise"], row["parent"]] == row["carrier"]
        seen[row["enterprise"], row["code"]] = row["carrier"]


def test_every_meter_has_a_load_with_a_known_shape_and_every_fault_its_meter() -> None:
    meters = {(row["enterprise"], row["code"]) for row in rows("meters")}
    loads = rows("series/loads")
    assert {(row["enterprise"], row["meter"]) for row in loads} == meters
    assert {row["shape"] for row in loads} <= SHAPES.keys()
    faults = rows("series/faults")
    assert {(row["enterprise"], row["meter"]) for row in faults if row["meter"]} <= meters
    assert {row["fault"] for row in faults} == {"silent", "reset", "dip", "spike", "gap"}
    for told in ("events", "corrections"):
        assert {(row["enterprise"], row["meter"]) for row in rows(f"series/{told}")} <= meters


def test_stocks_of_returns_close_with_what_the_next_month_opens_with_round_the_year() -> None:
    stated = {(int(row["period"][5:]), row["item"]): float(row["quantity"]) for row in rows("returns")
              if (row["enterprise"], row["carrier"]) == ("DRY01", "raw_coal")}  # fmt: skip
    for month in range(1, 13):
        opening, closing = stated[month, "opening_stock"], stated[month, "closing_stock"]
        assert closing == stated[month % 12 + 1, "opening_stock"]
        assert stated[month, "used_production"] == pytest.approx(
            opening + stated[month, "purchased"] - closing, abs=0.06
        )


def test_meters_of_data_centres_name_the_point_at_which_it_load_is_measured() -> None:
    assert {row["it_point"] for row in rows("meters") if row["role"] == "it_load"} == {"ups_output"}


def test_every_product_line_has_meters_of_its_own() -> None:
    for product in rows("products"):
        meters = [
            ProcessMeter(number, row["code"], row["role"], row["process"], row["product"], row["parent"])
            for number, row in enumerate(rows("meters"))
            if row["enterprise"] == product["enterprise"]
        ]
        assert product_energy.process_meters(meters, product["product"], product["process"]), product


def test_quotas_are_those_of_years_that_began_in_the_history_and_outputs_those_of_its_whole_months(
    tmp_path: Path,
) -> None:
    sample.write(tmp_path, province(datetime(2028, 2, 10, 5, tzinfo=UTC)), datetime(2028, 2, 10, 5, tzinfo=UTC))
    assert {row["period"][:4] for row in rows("quotas", tmp_path)} == {"2028"}
    months = sorted({row["period"] for row in rows("outputs", tmp_path)})
    assert months == [f"2027-{month:02}" for month in range(2, 13)] + ["2028-01"]


@pytest.fixture
def filled(conn: Connection, tmp_path: Path) -> Connection:
    seed.seed(conn, SHANGHAI)
    for path in sample.write(tmp_path, province(NOW.replace(minute=0)), NOW):
        registry.import_file(conn, path, SHANGHAI)
    return conn


def test_the_sample_is_imported_without_a_mistake_and_a_second_time_without_a_change(
    filled: Connection, tmp_path: Path
) -> None:
    again = [registry.import_file(filled, path, SHANGHAI) for path in sorted(tmp_path.glob("*.csv"))]
    assert not any(result.moved for file in again for result in file)
    assert len(registry.enterprises(filled)) == 24


def test_corrections_that_somebody_approves_count_and_stay_decided(filled: Connection) -> None:
    shown = province(NOW.replace(minute=0))
    for _ in range(2):
        records.approve(filled, sample.FOLDER, shown, NOW)
        states = {each.enterprise: each.state for each in corrections.listed(filled)}
        assert states == {"CAR02": "approved", "CEM02": "pending"}

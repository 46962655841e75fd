"""Totals that others have published come out to the printed digit, from readings through `load` to the usage rows.

The examples lie beside the repository; where they do not, these tests are skipped and say so.
"""

import csv
from datetime import date
from pathlib import Path

import pytest
from psycopg import Connection

from enermon import settings
from enermon.intake import limits
from ingest import load
from ingest.dialect import Dialect
from storage import rollup
from storage.usage import UsageRow, enterprise_usage, totals
from tests.test_real_series import NOW, Works, _register, works

FIRST, NEXT = date(2026, 10, 1), date(2026, 11, 1)


def truth(shared_data: Path, series: str, period: str, metric: str) -> float:
    with (shared_data / "worked-examples" / "truth.csv").open(encoding="utf-8") as file:
        (row,) = [
            row
            for row in csv.DictReader(file)
            if (row["series"], row["period"], row["metric"]) == (series, period, metric)
        ]
    return float(row["value"])


def october(site: Works, folder: Path, meters: list[str], readings: dict[str, tuple[float, float]]) -> list[UsageRow]:
    """Usage of a month from the register of each meter at its beginning and at its end."""
    _register(site.conn, site.zone, meters)
    site.conn.commit()
    lines = [
        f"{day}T00:00:00+08:00,{meter},{value}"
        for meter, ends in readings.items()
        for day, value in zip((FIRST, NEXT), ends, strict=True)
    ]
    file = folder / "readings.csv"
    file.write_text("\n".join(["time,meter,value", *lines]) + "\n")
    list(load.load(site.conn, file, "REAL", Dialect(), limits(settings.load({})), lambda: NOW))
    rollup.drain(site.conn, site.zone, NOW)
    return enterprise_usage(site.conn, "REAL", FIRST, NEXT, "month", site.zone, NOW)


def test_we01_a_public_institutions_five_carriers(conn: Connection, shared_data: Path, tmp_path: Path) -> None:
    site = works(conn, "Asia/Shanghai")
    amounts = {"electricity": 12_500, "raw_coal": 2_000, "gasoline": 12_340, "diesel": 4_200, "natural_gas": 6_000}
    units = {"electricity": "kWh", "raw_coal": "kg", "gasoline": "L@0.725", "diesel": "L@0.83", "natural_gas": "m3"}
    meters = [f"{carrier},{carrier},register,{unit},60,end" for carrier, unit in units.items()]
    rows = october(site, tmp_path, meters, {carrier: (0, amount) for carrier, amount in amounts.items()})
    ours = {row.carrier: row.tce_equivalent for row in rows}
    for carrier, item in zip(amounts, ("electricity", "coal", "gasoline", "diesel", "gas"), strict=True):
        assert ours[carrier] == pytest.approx(truth(shared_data, "WE01", item, "recomputed"), rel=1e-6), carrier
    total = totals(rows).tce_equivalent
    assert total is not None
    assert round(total, 2) == truth(shared_data, "WE01", "total", "published") == 28.49


def test_we05_registers_behind_a_multiplier_of_800(conn: Connection, shared_data: Path, tmp_path: Path) -> None:
    site = works(conn, "Asia/Shanghai")
    meters = [f"{code},electricity,register,kWh,60,end" for code in ("LWBP", "WBP")]
    _register(conn, site.zone, meters)
    conn.execute("UPDATE meter SET multiplier = 800, scale = 800")
    conn.execute("UPDATE registry_version SET version = version + 1")
    rows = october(site, tmp_path, [], {"LWBP": (18_246.9, 18_524.7), "WBP": (3_663.4, 3_718.33)})
    assert rows[0].amount == pytest.approx(truth(shared_data, "WE05", "all", "energy_total"), rel=1e-9)


@pytest.mark.parametrize(("year", "kwh", "factor"), [("2022", 300_638, 0.5810), ("2023", 148_285, 0.5703)])
def test_we03_purchased_electricity_at_the_grid_factor_of_its_year(
    conn: Connection, shared_data: Path, tmp_path: Path, year: str, kwh: float, factor: float
) -> None:
    site = works(conn, "Asia/Shanghai")
    _register(conn, site.zone, ["E,electricity,register,kWh,60,end"])
    conn.execute(
        "INSERT INTO factor (carrier, scope, unit, kgco2_per_unit, method, confidence, valid_from, source)"
        " VALUES ('electricity', 'REAL', 'kWh', %s, 'statistics', 'sourced', '2020-01-01', 'WE03')",
        (factor,),
    )
    conn.execute("UPDATE registry_version SET version = version + 1")
    rows = october(site, tmp_path, [], {"E": (0, kwh)})
    published = truth(shared_data, f"WE03 {year}", f"scope2_at_{factor:.4f}", "published")
    assert rows[0].tco2 is not None
    assert round(rows[0].tco2, 2 if year == "2022" else 3) == published

"""Measured series of real plants give the figures that were worked out independently of us.

They are not ours to pass on: they lie beside the repository, and where they do not, these tests are skipped and say so.
Each runs through the doors that a person uses: `import`, `load` and the figures behind `usage`.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

import pytest
from psycopg import Connection

from energy.quality import Flag
from enermon import settings
from enermon.intake import limits
from ingest import dialect, load
from storage import registry, rollup, seed
from storage.usage import By, UsageRow, meter_usage

DIALECTS = Path(__file__).parent.parent / "config" / "dialects"
NOW = datetime(2026, 11, 21, tzinfo=UTC)
REL = 1e-9
BUILDINGS = ["b0", "b2", "b19", "b24", "b31", "b40", "b56", "b101", "b109", "b111", "b118", "b119"]


@dataclass
class Works:
    """One invented enterprise `REAL`, whose meters told a real series."""

    conn: Connection
    zone: ZoneInfo

    def load(self, meters: list[str], file: Path, how: str) -> load.Loaded:
        """meters: lines of the registry file behind the enterprise: code, carrier, kind, unit, interval, label."""
        _register(self.conn, self.zone, meters)
        self.conn.commit()
        bounds = limits(settings.load({}))
        told = list(load.load(self.conn, file, "REAL", dialect.load(DIALECTS / f"{how}.toml"), bounds, lambda: NOW))
        rollup.drain(self.conn, self.zone, NOW)
        return told[-1]

    def rows(self, meter: str, since: str, until: str, by: By = "month") -> list[UsageRow]:
        first, last = date.fromisoformat(since), date.fromisoformat(until)
        return meter_usage(self.conn, "REAL", meter, first, last, by, self.zone, NOW)


def _register(conn: Connection, zone: ZoneInfo, meters: list[str]) -> None:
    seed.seed(conn, zone)
    head = "enterprise,code,carrier,kind,unit,interval_minutes,label"
    with TemporaryDirectory() as folder:
        enterprises, listed = Path(folder) / "enterprises.csv", Path(folder) / "meters.csv"
        enterprises.write_text("code,name,region\nREAL,invented owner of a real series,620500\n")
        listed.write_text("\n".join([head, *(f"REAL,{meter}" for meter in meters)]) + "\n")
        for file in (enterprises, listed):
            registry.import_file(conn, file, zone)


def works(conn: Connection, zone: str) -> Works:
    return Works(conn, ZoneInfo(zone))


def truth(folder: Path, **wanted: str) -> Iterator[dict[str, str]]:
    with (folder / "truth.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if all(row[name] == value for name, value in wanted.items()):
                yield row


def test_steel_plant_months_peaks_and_tce(conn: Connection, shared_data: Path) -> None:
    folder = shared_data / "steel-industry-15min"
    plant = works(conn, "Asia/Seoul")
    told = plant.load(["PLANT,electricity,interval,kWh,15,end"], folder / "steel_2018H1.csv", "steel-industry-15min")
    assert (told.accepted, told.rejected) == (17_376, {})
    rows = {row.period: row for row in plant.rows("PLANT", "2018-01-01", "2018-07-01")}
    energy = {row["period"]: float(row["value"]) for row in truth(folder, metric="energy")}
    assert {name: row.amount for name, row in rows.items()} == pytest.approx(energy, rel=REL)
    for peak in truth(folder, metric="peak_demand"):
        row = rows[peak["period"]]
        assert row.peak_kw == pytest.approx(float(peak["value"]), rel=REL)
        assert row.peak_at == datetime.fromisoformat(peak["note"][18:]).replace(tzinfo=plant.zone)
    assert all(row.completeness == 1 and row.flags == [] and row.low == row.amount == row.high for row in rows.values())
    (total,) = truth(folder, metric="tce_equivalent_value_0.1229")
    assert sum(row.tce_equivalent or 0 for row in rows.values()) == pytest.approx(float(total["value"]), rel=1e-6)


def test_steel_plant_days(conn: Connection, shared_data: Path) -> None:
    folder = shared_data / "steel-industry-15min"
    plant = works(conn, "Asia/Seoul")
    plant.load(["PLANT,electricity,interval,kWh,15,end"], folder / "steel_2018H1.csv", "steel-industry-15min")
    days = [row.amount or 0 for row in plant.rows("PLANT", "2018-01-01", "2018-07-01", "day")]
    for metric, value in (("max_day_energy", max(days)), ("min_day_energy", min(days))):
        (row,) = truth(folder, metric=metric)
        assert value == pytest.approx(float(row["value"]), rel=REL)


def test_campus_substation_its_gap_and_its_impossible_rows(conn: Connection, shared_data: Path) -> None:
    folder = shared_data / "campus-substation-15min"
    campus = works(conn, "Etc/GMT-1")
    meters = ["TOTAL,electricity,power,kW,15,start", "CHILLER,electricity,power,kW,15,start"]
    campus.load(meters, folder / "substation_2013-06_2014-12.csv.gz", "campus-substation-15min")
    for series, meter in (("TotalP", "TOTAL"), ("ChillerP", "CHILLER")):
        rows = {row.period: row for row in campus.rows(meter, "2013-06-01", "2015-01-01")}
        energy = {
            row["period"]: float(row["value"]) for row in truth(folder, series=series, metric="energy_of_present_rows")
        }
        peaks = {row["period"]: float(row["value"]) for row in truth(folder, series=series, metric="peak_demand")}
        assert {name: row.amount for name, row in rows.items()} == pytest.approx(energy, rel=REL)
        assert {name: row.peak_kw for name, row in rows.items()} == pytest.approx(peaks, rel=REL)
        august = rows["2014-08"]
        assert august.completeness == pytest.approx(2972 / 2976) and "missing" in august.flags
        assert august.high is None and august.low == august.amount
        assert all(row.completeness == 1 for name, row in rows.items() if name != "2014-08")


def test_campus_rows_above_a_stated_rating_are_kept_and_marked(conn: Connection, shared_data: Path) -> None:
    folder = shared_data / "campus-substation-15min"
    campus = works(conn, "Etc/GMT-1")
    meters = ["TOTAL,electricity,power,kW,15,start", "CHILLER,electricity,power,kW,15,start"]
    _register(conn, campus.zone, meters)
    conn.execute("UPDATE meter SET max_rate = 1250 WHERE code = 'TOTAL'")
    conn.execute("UPDATE registry_version SET version = version + 1")
    campus.load(meters[1:], folder / "substation_2013-06_2014-12.csv.gz", "campus-substation-15min")
    marked = conn.execute(
        "SELECT hour FROM consumption c JOIN meter m ON m.id = c.meter_id WHERE m.code = 'TOTAL' AND flags & %s > 0"
        " ORDER BY hour",
        (int(Flag.OVER_RATE),),
    ).fetchall()
    assert [row[0].astimezone(campus.zone).isoformat() for row in marked] == [
        "2014-10-22T14:00:00+01:00",
        "2014-10-22T15:00:00+01:00",
    ]


@pytest.mark.parametrize("carrier", ["electricity", "gas"])
def test_university_buildings(conn: Connection, shared_data: Path, carrier: str) -> None:
    folder = shared_data / "university-buildings-hourly"
    estate = works(conn, "UTC")
    letter, kind = {"electricity": ("E", "electricity"), "gas": ("G", "heat")}[carrier]
    meters = [f"{building}-{letter},{kind},interval,kWh,60,start" for building in BUILDINGS]
    told = estate.load(meters, folder / f"{carrier}_2018_2019.csv", f"university-buildings-{carrier}")
    assert told.accepted == 12 * 17_520
    to_kwh = 1.0 if carrier == "electricity" else 1 / 3.6
    for building in BUILDINGS:
        rows = {row.period: row for row in estate.rows(f"{building}-{letter}", "2018-01-01", "2020-01-01")}
        energy = {
            row["period"]: float(row["value"])
            for row in truth(folder, series=f"{building}/{carrier}", metric="energy")
            if len(row["period"]) == 7
        }
        assert {name: (row.amount or 0) * to_kwh for name, row in rows.items()} == pytest.approx(energy, rel=REL)
        for peak in truth(folder, series=f"{building}/{carrier}", metric="peak_hour"):
            year = [row for name, row in rows.items() if name.startswith(peak["period"])]
            assert max(row.peak_kw or 0 for row in year) == pytest.approx(float(peak["value"]), rel=REL)


def test_office_with_a_data_centre(conn: Connection, shared_data: Path) -> None:
    folder = shared_data / "office-with-datacenter-hourly"
    office = works(conn, "Etc/GMT+7")
    names = {
        "COOLING": "Total Cooling (kW)",
        "HEATING": "Total Heating (kW)",
        "MECHANICAL": "Total Mechanical (kW)",
        "LIGHTING": "Total Lighting (kW)",
        "PLUG": "Total Plug Loads (kW)",
        "DATACENTER": "Total Data Center (kW)",
        "BUILDING": "Total Building (kW)",
        "PV": "PV (kW)",
        "NET": "Building Net (kW)",
    }
    office.load([f"{code},electricity,power,kW,60,start" for code in names], folder / "rsf_2011H1.csv", folder.name)
    for code, series in names.items():
        rows = {row.period: row for row in office.rows(code, "2011-01-01", "2011-07-01")}
        energy = {row["period"]: float(row["value"]) for row in truth(folder, series=series, metric="energy")}
        assert {name: row.amount for name, row in rows.items()} == pytest.approx(energy, rel=REL)
        if code not in ("PV", "NET"):
            peaks = {row["period"]: float(row["value"]) for row in truth(folder, series=series, metric="peak")}
            assert {name: row.peak_kw for name, row in rows.items()} == pytest.approx(peaks, rel=REL)
    assert "negative" in office.rows("PV", "2011-06-01", "2011-07-01")[0].flags


def test_registers_of_a_house(conn: Connection, shared_data: Path) -> None:
    folder = shared_data / "cumulative-registers"
    file = "opsd_residential4_2016-06-19.csv"
    house = works(conn, "UTC")
    meters = [f"{code},electricity,register,kWh,15,end" for code in _codes("opsd")]
    house.load(meters, folder / file, "cumulative-registers-opsd")
    for code, name in zip(_codes("opsd"), _sources("opsd"), strict=True):
        rows = house.rows(code, "2016-06-01", "2016-07-01")
        (energy,) = truth(folder, series=f"{file}/{name}", metric="energy_between_first_and_last")
        assert rows[0].amount == pytest.approx(float(energy["value"]), rel=REL), name
        (peak,) = truth(folder, series=f"{file}/{name}", metric="max_full_hour_energy")
        hours = house.rows(code, "2016-06-19", "2016-06-21", "hour")
        assert max(row.amount or 0 for row in hours if row.completeness == 1) == pytest.approx(float(peak["value"]))
        assert max(row.peak_kw or 0 for row in hours) == pytest.approx(
            4 * float(next(truth(folder, series=f"{file}/{name}", metric="max_15min_energy"))["value"])
        )


def _sources(how: str) -> list[str]:
    return list(dialect.load(DIALECTS / f"cumulative-registers-{how}.toml").columns or {})


def _codes(how: str) -> list[str]:
    columns = dialect.load(DIALECTS / f"cumulative-registers-{how}.toml").columns or {}
    return [column.meter for column in columns.values()]


def test_a_home_meter_read_at_uneven_times(conn: Connection, shared_data: Path) -> None:
    folder = shared_data / "cumulative-registers"
    home = works(conn, "UTC")
    (code,) = _codes("tuya")
    for day in ("05", "06"):
        file = folder / f"tuya_meter_2025-07-{day}.csv"
        home.load([f"{code},electricity,register,kWh,60,end"], file, "cumulative-registers-tuya")
    (energy,) = truth(folder, series="tuya", metric="energy_between_first_and_last")
    days = home.rows(code, "2025-07-05", "2025-07-08", "day")
    assert sum(row.amount or 0 for row in days) == pytest.approx(float(energy["value"]), rel=REL)
    assert home.rows(code, "2025-07-01", "2025-08-01")[0].amount == pytest.approx(float(energy["value"]), rel=REL)


def test_a_register_that_goes_silent_is_unknown_not_zero(conn: Connection, shared_data: Path) -> None:
    folder = shared_data / "cumulative-registers"
    house = works(conn, "UTC")
    (code,) = _codes("opsd-heat-pump")
    file = folder / "opsd_residential4_heat_pump_gap.csv"
    told = house.load([f"{code},electricity,register,kWh,15,end"], file, "cumulative-registers-opsd-heat-pump")
    assert (told.accepted, told.blank) == (39, 233)
    hours = house.rows(code, "2015-10-04", "2015-10-06", "hour")
    silent = [row for row in hours if datetime.fromisoformat(row.period) >= datetime(2015, 10, 4, 11, tzinfo=UTC)]
    assert len(silent) == 37 and all(row.amount is None and row.completeness == 0 for row in silent)
    assert sum(row.amount or 0 for row in hours) == pytest.approx(0.13)


def test_a_day_shorter_by_an_hour_adds_up(conn: Connection, shared_data: Path) -> None:
    """EC-30 in a zone that moves its clocks: every hour of the estate is in exactly one day of London time."""
    folder = shared_data / "university-buildings-hourly"
    estate = works(conn, "Europe/London")
    meters = [f"{building}-E,electricity,interval,kWh,60,start" for building in BUILDINGS]
    estate.load(meters, folder / "electricity_2018_2019.csv", "university-buildings-electricity")
    days = estate.rows("b0-E", "2018-01-01", "2020-01-01", "day")
    energy = truth(folder, series="b0/electricity", metric="energy")
    years = [float(row["value"]) for row in energy if len(row["period"]) == 4]
    assert sum(row.amount or 0 for row in days) == pytest.approx(sum(years), rel=REL)
    lengths = [len(estate.rows("b0-E", day, _next(day), "hour")) for day in ("2018-03-25", "2018-10-28", "2018-10-29")]
    assert lengths == [23, 25, 24]


def _next(day: str) -> str:
    return (date.fromisoformat(day) + timedelta(days=1)).isoformat()

"""Real series, read by their dialects: every fault that their README names is found, clean months raise nothing.

One set of lines for all (`config/quality_rules.toml`). Where the data are absent these tests are skipped and say so.
"""

from collections import Counter
from datetime import date
from pathlib import Path

import pytest
from psycopg import Connection

from energy.periods import parse
from storage import data_quality
from tests.quality_series import ZERO, Measured, read
from tests.test_real_series import NOW, works

HALF_YEAR_2011 = [f"2011-{month:02}" for month in range(1, 7)]


def steel(shared_data: Path) -> Measured:
    file = shared_data / "steel-industry-15min" / "steel_2018H1.csv"
    return read(file, "steel-industry-15min", 15, starts=False)["PLANT"]


def campus(shared_data: Path) -> dict[str, Measured]:
    file = shared_data / "campus-substation-15min" / "substation_2013-06_2014-12.csv.gz"
    return read(file, "campus-substation-15min", 15)


def estate(shared_data: Path, carrier: str) -> dict[str, Measured]:
    file = shared_data / "university-buildings-hourly" / f"{carrier}_2018_2019.csv"
    return read(file, f"university-buildings-{carrier}", 60)


def genome(shared_data: Path) -> dict[str, Measured]:
    file = shared_data / "bdg2-buildings-electricity-hourly" / "electricity_2016_2017.csv.gz"
    return read(file, "bdg2-buildings-electricity-hourly", 60)


def office(shared_data: Path) -> dict[str, Measured]:
    file = shared_data / "office-with-datacenter-hourly" / "rsf_2011H1.csv"
    return read(file, "office-with-datacenter-hourly", 60)


def names(measured: Measured, month: str, *, seasonal: bool = False) -> set[str]:
    return {one.name for one in measured.findings(month, seasonal=seasonal)}


def test_the_steel_plants_half_year_raises_nothing(shared_data: Path) -> None:
    plant = steel(shared_data)
    assert [plant.named(month.name) for month in plant.months()] == [[]] * 6


def test_the_campus_faults_are_found_and_named(shared_data: Path) -> None:
    total = campus(shared_data)["TOTAL"]
    assert total.named("2014-01") == [("zero_days", "01-15T17:30", "01-24T15:30", 832)]
    assert ("zero_run", "08-10T08:15", "08-10T18:00", 35) in total.named("2014-08")
    assert ("spike", "10-22T14:15", "10-22T15:45", 6) in total.named("2014-10")


def test_the_campus_months_without_a_fault_raise_nothing(shared_data: Path) -> None:
    total = campus(shared_data)["TOTAL"]
    clean = ["2013-06", "2013-07", "2013-08", "2013-09", "2013-10", "2013-11", "2013-12"]
    clean += ["2014-04", "2014-06", "2014-07", "2014-09", "2014-11", "2014-12"]
    assert [(month, total.named(month)) for month in clean] == [(month, []) for month in clean]


def test_the_campus_ran_at_an_eighth_for_three_months_which_its_readme_does_not_say(shared_data: Path) -> None:
    total = campus(shared_data)["TOTAL"]
    for month in ("2014-02", "2014-05"):
        assert "level_shift" in names(total, month)


def test_the_campus_through_the_database(conn: Connection, shared_data: Path) -> None:
    """The same faults by the doors that a person uses, and the four missing stamps with them."""
    folder = shared_data / "campus-substation-15min"
    place = works(conn, "Etc/GMT-1")
    meters = ["TOTAL,electricity,power,kW,15,start", "CHILLER,electricity,power,kW,15,start"]
    place.load(meters, folder / "substation_2013-06_2014-12.csv.gz", "campus-substation-15min")
    wanted = {
        "2014-01": {("zero_days", "15T17:30", "24T15:30", 832)},
        "2014-08": {("gap", "10T15:15", "10T16:15", 4), ("zero_run", "10T08:15", "10T18:00", 35)},
        "2014-10": {("spike", "22T14:15", "22T15:45", 6)},
    }
    for month, faults in wanted.items():
        told = data_quality.enterprise_quality(conn, "REAL", parse(month), place.zone, NOW)
        shown = ((row.finding, f"{row.since:%dT%H:%M}", f"{row.until:%dT%H:%M}", row.count) for row in told.findings)
        assert faults <= set(shown)


# The publisher replaced missing half-hours by 0: blocks of 22 to 24 or 46 to 47 hours that begin at 01:00 or 02:00.
MISSING_DAYS = {
    "b0": ["2018-03-31", "2018-12-31"],
    "b2": ["2019-10-03", "2019-11-24"],
    "b19": ["2019-10-04"],
    "b24": ["2018-04-21", "2018-04-27", "2018-05-04", "2018-05-06", "2018-05-12", "2018-07-13", "2019-10-11"],
    "b31": ["2018-05-26", "2018-06-02", "2018-08-04", "2019-10-04"],
    "b101": ["2018-12-25", "2019-01-25", "2019-02-08", "2019-02-15", "2019-02-22", "2019-03-01"],
    "b109": ["2018-05-26", "2018-06-23", "2018-07-21", "2018-08-04", "2019-10-04"],
    "b118": ["2019-10-11", "2019-10-18", "2019-10-25", "2019-11-01", "2019-11-08", "2019-11-13"],
    "b119": ["2019-01-08"],
}  # fmt: skip


@pytest.mark.parametrize("building", MISSING_DAYS)
def test_university_missing_days_written_as_zero(shared_data: Path, building: str) -> None:
    meter = estate(shared_data, "electricity")[f"{building}-E"]
    days = [date.fromisoformat(day) for day in MISSING_DAYS[building]]
    found = {month: meter.named(month) for month in {f"{day:%Y-%m}" for day in days}}
    for day in days:
        begins = [since for name, since, *_ in found[f"{day:%Y-%m}"] if name == "zero_days"]
        assert any(since.startswith(f"{day:%m-%dT0}") for since in begins), day


def test_university_first_hour_of_the_year_holds_half(shared_data: Path) -> None:
    found = Counter(
        (month, name)
        for meter in estate(shared_data, "electricity").values()
        for month in ("2018-01", "2019-01")
        for name, since, *_ in meter.named(month)
        if name == "half_value" and since == "01-01T00:00"
    )
    assert found["2018-01", "half_value"] == 12 and found["2019-01", "half_value"] >= 10


def test_university_b40_gas_many_times_too_high_in_the_winter_of_2018(shared_data: Path) -> None:
    meter = estate(shared_data, "gas")["b40-G"]
    for month in ("2018-01", "2018-02", "2018-03", "2018-04"):
        assert "unit_suspect" in names(meter, month, seasonal=True)
    assert ("zero_days", "05-10T10:00", "06-05T00:00", 614) in meter.named("2018-05", seasonal=True)
    assert [names(meter, f"2018-{month:02}", seasonal=True) for month in (7, 9, 10, 11, 12)] == [set()] * 5


def test_university_b119_electricity_doubles(shared_data: Path) -> None:
    meter = estate(shared_data, "electricity")["b119-E"]
    assert all("level_shift" in names(meter, f"2018-{month:02}") for month in range(1, 10))
    before_the_next_year = meter.with_values(meter.values[: 365 * 24])
    (told,) = [one for one in before_the_next_year.findings("2018-09") if one.name == "level_shift"]
    assert (
        meter.shown(told.since) in ("09-28T00:00", "09-29T00:00", "09-30T00:00")
        and "times the level before" in told.evidence
    )


def test_university_b0_gas_is_zero_half_the_time(shared_data: Path) -> None:
    meter = estate(shared_data, "gas")["b0-G"]
    assert "zero_month" in names(meter, "2019-06", seasonal=True)
    assert "spike" in names(meter, "2018-01", seasonal=True)


def test_university_months_of_other_loads_raise_nothing(shared_data: Path) -> None:
    told = {"b40-E": ("2018-01", "2019-01"), "b56-E": ("2018-01", "2019-01", "2019-04")}
    for code, known in told.items():
        meter = estate(shared_data, "electricity")[code]
        clean = [month.name for month in meter.months() if month.name not in known]
        assert [(month, meter.named(month)) for month in clean] == [(month, []) for month in clean]


@pytest.mark.parametrize(
    ("building", "month"),
    [
        ("Panther_office_Patti", "2016-01"),
        ("Panther_office_Patti", "2016-05"),
        ("Mouse_science_Micheal", "2017-02"),
        ("Mouse_science_Micheal", "2017-12"),
        ("Mouse_health_Justin", "2017-10"),
        ("Mouse_health_Justin", "2017-12"),
        ("Fox_office_Joy", "2016-11"),
        ("Bear_education_Bulah", "2016-01"),
    ],
)
def test_genome_long_zero_runs(shared_data: Path, building: str, month: str) -> None:
    assert names(genome(shared_data)[building], month) & set(ZERO)


def test_genome_values_that_stood_still(shared_data: Path) -> None:
    buildings = genome(shared_data)
    for building, month in (
        ("Mouse_science_Micheal", "2016-03"),
        ("Mouse_health_Justin", "2016-01"),
        ("Robin_office_Serena", "2017-05"),
    ):
        assert "constant" in names(buildings[building], month)


@pytest.mark.parametrize(
    "building", ["Rat_education_Lee", "Rat_health_Shane", "Cockatoo_office_Laila", "Bear_public_Valorie"]
)
def test_genome_buildings_without_zeros_raise_nothing(shared_data: Path, building: str) -> None:
    meter = genome(shared_data)[building]
    assert [(month.name, meter.named(month.name)) for month in meter.months() if meter.named(month.name)] == []


def test_office_steps_of_two_kilowatts_are_not_called_stuck(shared_data: Path) -> None:
    meters = office(shared_data)
    for code in ("COOLING", "HEATING", "MECHANICAL", "LIGHTING", "DATACENTER", "BUILDING"):
        seasonal = code in ("COOLING", "HEATING")
        assert [(m, meters[code].named(m, seasonal=seasonal)) for m in HALF_YEAR_2011] == [
            (m, []) for m in HALF_YEAR_2011
        ]


def test_office_two_saturdays_without_power_are_seen_at_the_sockets(shared_data: Path) -> None:
    plugs = office(shared_data)["PLUG"]
    found = [(month, one) for month in HALF_YEAR_2011 for one in plugs.named(month)]
    assert found == [
        ("2011-05", ("zero_run", "05-14T08:00", "05-14T15:00", 6)),
        ("2011-06", ("zero_run", "06-25T09:00", "06-25T18:00", 9)),
    ]

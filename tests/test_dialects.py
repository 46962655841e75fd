"""Other people's files, read as their readme says, reading by reading against what an independent program counted."""

import csv
import gzip
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from energy.refused import Refused
from ingest import dialect, files, instants
from ingest.dialect import Dialect
from storage.arrays import instant

DIALECTS = Path(__file__).parents[1] / "config" / "dialects"
SHANGHAI = ZoneInfo("Asia/Shanghai")
Rows = list[tuple[str, Any, Any]]


def plainly(meter: str, unit: str) -> float:
    return 1.0


def rows_of(file: Path, how: Dialect) -> Rows:
    return [row for chunk in files.read(file, how, plainly) for row in zip(
        chunk.columns.meters, chunk.columns.times, chunk.columns.values, strict=True)]  # fmt: skip


def written(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    file = folder / "theirs.csv"
    file.write_bytes(text.encode(encoding))
    return file


def at(time: Any, zone: ZoneInfo = SHANGHAI) -> datetime:
    micros = instants.read(time, zone)
    assert micros is not None, time
    return instant(micros)


def test_the_contracts_own_csv_is_read_without_a_dialect(tmp_path: Path) -> None:
    long = "time,meter,value\n2026-10-01T00:15:00+08:00,E-01,5.5\n2026-10-01T00:30:00+08:00,E-02,\n"
    wide = "\ufefftime,E-01,E-02\n2026-10-01T00:15:00+08:00,5.5,\n"
    for text in (long, wide):
        assert rows_of(written(tmp_path, text), Dialect()) == [("E-01", "2026-10-01T00:15:00+08:00", 5.5)]


def test_times_may_be_epoch_seconds_or_milliseconds_without_a_dialect(tmp_path: Path) -> None:
    file = written(tmp_path, "time,meter,value\n1790784900,E-01,1\n1790784900000,E-02,2\n20261001,E-03,3\n")
    (seconds, milliseconds, neither) = rows_of(file, Dialect())
    assert at(seconds[1]) == at(milliseconds[1]) == datetime(2026, 9, 30, 16, 15, tzinfo=UTC)
    assert instants.read(neither[1], SHANGHAI) is None


def test_a_file_may_be_packed(tmp_path: Path) -> None:
    file = tmp_path / "x.csv.gz"
    file.write_bytes(gzip.compress(b"time,E-01\n2026-10-01T00:15:00Z,1\n"))
    assert len(rows_of(file, Dialect())) == 1
    file.write_bytes(file.read_bytes()[:-12])
    with pytest.raises(Refused, match=r"x\.csv\.gz, after line"):
        rows_of(file, Dialect())


def test_a_blank_cell_is_no_reading_and_counted(tmp_path: Path) -> None:
    file = written(tmp_path, "time,A,B\n2026-10-01T00:15Z,,-\n2026-10-01T00:30Z,0\n")
    (chunk,) = files.read(file, Dialect(blank=("", "-")), plainly)
    assert (chunk.columns.values, chunk.blank, chunk.rows) == ([0.0], 3, 2)


def test_decimal_commas_and_thousands_are_read_and_a_point_is_then_no_decimal_sign(tmp_path: Path) -> None:
    file = written(tmp_path, "time;A\n2026-10-01T00:15Z;1 234,5\n2026-10-01T00:30Z;1.234\n")
    values = [value for _, _, value in rows_of(file, Dialect(delimiter=";", decimal=",", thousands=" "))]
    assert values[0] == 1234.5
    assert "decimal sign" in values[1]


def test_what_is_no_number_stays_text_for_admission_to_name(tmp_path: Path) -> None:
    file = written(
        tmp_path, "time,A\n" + "".join(f"2026-10-01T00:15Z,{bad}\n" for bad in ("NaN", "inf", "1_0", "n/a", "1e999"))
    )
    assert [value for _, _, value in rows_of(file, Dialect())] == ["NaN", "inf", "1_0", "n/a", "1e999"]


def test_a_row_stamped_midnight_may_close_its_own_labelled_day(tmp_path: Path) -> None:
    file = written(tmp_path, "date,A\n01/01/2018 23:45,1\n01/01/2018 0:00,2\n02/01/2018 0:15,3\n")
    how = Dialect(time="date", time_format="%d/%m/%Y %H:%M", zone=SHANGHAI, midnight="closes_labelled_day")
    assert [at(time).astimezone(SHANGHAI).strftime("%d %H:%M") for _, time, _ in rows_of(file, how)] == [
        "01 23:45", "02 00:00", "02 00:15"]  # fmt: skip


BERLIN = ZoneInfo("Europe/Berlin")
AUTUMN = ["01:30", "02:00", "02:30", "02:00", "02:30", "03:00"]


@pytest.mark.parametrize(("rule", "hours"), [
    ("by_order", [23.5, 24, 24.5, 25, 25.5, 26]), ("first", [23.5, 24, 24.5, 24, 24.5, 26]),
    ("second", [23.5, 25, 25.5, 25, 25.5, 26]),
])  # fmt: skip
def test_an_hour_that_comes_twice_is_told_apart_as_the_dialect_says(
    tmp_path: Path, rule: str, hours: list[float]
) -> None:
    file = written(tmp_path, "time,A\n" + "".join(f"2025-10-26 {stamp},1\n" for stamp in AUTUMN))
    times = [at(time) for _, time, _ in rows_of(file, Dialect(zone=BERLIN, repeated_hour=rule))]
    start = datetime(2025, 10, 25, tzinfo=UTC)
    assert [(time - start).total_seconds() / 3600 for time in times] == hours


def test_an_hour_that_comes_twice_or_never_may_be_rejected(tmp_path: Path) -> None:
    file = written(tmp_path, "time,A\n2025-10-26 02:30,1\n2025-03-30 02:30,1\n2025-03-30 03:30,1\n")
    how = Dialect(zone=BERLIN, repeated_hour="reject", missing_hour="reject")
    assert [instants.read(time, SHANGHAI) is None for _, time, _ in rows_of(file, how)] == [True, True, False]
    shifted = rows_of(file, Dialect(zone=BERLIN))[1][1]
    assert at(shifted) == datetime(2025, 3, 30, 1, 30, tzinfo=UTC)


def test_rows_may_be_skipped_and_other_encodings_read(tmp_path: Path) -> None:
    text = "某厂导出\n时间,电表,状态,读数\n2026-10-01 00:15,一号,正常,5\n2026-10-01 00:30,一号,停用,6\n"
    how = Dialect(encoding="gb18030", skip_rows=1, time="时间", meter="电表", value="读数", meters={"一号": "E-01"},
                  skip_where={"状态": ("停用",)})  # fmt: skip
    assert rows_of(written(tmp_path, text, "gb18030"), how) == [("E-01", "2026-10-01 00:15", 5.0)]


def test_a_file_that_does_not_fit_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="has no column 'time'; its header names stamp, A"):
        rows_of(written(tmp_path, "stamp,A\n"), Dialect())
    with pytest.raises(Refused, match="it is read as utf-8"):
        rows_of(written(tmp_path, "time,A\n2026-10-01,\xe9\n", "latin-1"), Dialect())


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ('zone = "Mars/Base"', "write a zone"),
        ('decimal = "comma"', "one character"),
        ("skip_rows = -1", "number of rows"),
        ('midnight = "maybe"', "closes_labelled_day"),
        ("speed = 3", "no key of a dialect"),
        ("zone =", "cannot be read"),
        ("columns = {}", "must be a table"),
        ("columns = {A = 3}", "unit"),
        ('encoding = "runes"', "an encoding"),
        ('time_format = "sundial"', "a format such as"),
        ('blank = "x"', "list"),
        ("meters = 3", "table"),
        ("skip_where = 3", "table"),
        ('columns = {A = {meter = "E", units = "kWh"}}', "unit"),
        ("time = 3", "a text"),
    ],
)
def test_a_wrong_dialect_names_the_key_and_what_would_be_right(tmp_path: Path, line: str, complaint: str) -> None:
    file = tmp_path / "d.toml"
    file.write_text(line)
    with pytest.raises(Refused, match=complaint):
        dialect.load(file)


def test_the_example_names_every_key_and_its_defaults(tmp_path: Path) -> None:
    text = (DIALECTS / "example.toml").read_text("utf-8")
    assert {key for key in dialect.KEYS if key not in text} == set()
    assert dialect.load(DIALECTS / "example.toml") == Dialect(name="example")


SERIES = [
    ("steel-industry-15min", "steel-industry-15min/steel_2018H1.csv", 17376, 0),
    ("campus-substation-15min", "campus-substation-15min/substation_2013-06_2014-12.csv.gz", 2 * 55580, 0),
    ("university-buildings-electricity", "university-buildings-hourly/electricity_2018_2019.csv", 12 * 17520, 0),
    ("university-buildings-gas", "university-buildings-hourly/gas_2018_2019.csv", 12 * 17520, 0),
    ("office-with-datacenter-hourly", "office-with-datacenter-hourly/rsf_2011H1.csv", 9 * 4343, 0),
    ("cumulative-registers-opsd", "cumulative-registers/opsd_residential4_2016-06-19.csv", 4 * 127, 0),
    ("cumulative-registers-opsd-heat-pump", "cumulative-registers/opsd_residential4_heat_pump_gap.csv", 39, 233),
    ("cumulative-registers-tuya", "cumulative-registers/tuya_meter_2025-07-05.csv", 24, 0),
    ("cumulative-registers-tuya", "cumulative-registers/tuya_meter_2025-07-06.csv", 24, 0),
    (
        "bdg2-buildings-electricity-hourly",
        "bdg2-buildings-electricity-hourly/electricity_2016_2017.csv.gz",
        243865,
        1751,
    ),
]


@pytest.mark.parametrize(("name", "file", "readings", "blank"), SERIES, ids=[each[1].split("/")[1] for each in SERIES])
def test_every_series_is_read_whole_and_clean(
    shared_data: Path, name: str, file: str, readings: int, blank: int
) -> None:
    chunks = list(files.read(shared_data / file, dialect.load(DIALECTS / f"{name}.toml"), plainly))
    assert (sum(len(each.columns.meters) for each in chunks), sum(each.blank for each in chunks)) == (readings, blank)
    assert all(each.columns.clean for each in chunks)
    keys = [key for each in chunks for key in zip(each.columns.meters, map(at, each.columns.times), strict=True)]
    if "tuya" not in file:
        assert len(set(keys)) == readings, "every meter speaks once for each time"


def truth(folder: Path) -> dict[tuple[str, str, str], float]:
    with (folder / "truth.csv").open(encoding="utf-8") as file:
        return {(row["series"], row["period"], row["metric"]): row["value"] for row in csv.DictReader(file)}  # type: ignore[misc]


def monthly(rows: Rows, zone: ZoneInfo, back_s: int) -> dict[tuple[str, str], float]:
    sums: defaultdict[tuple[str, str], float] = defaultdict(float)
    for meter, time, value in rows:
        begun = datetime.fromtimestamp(at(time, zone).timestamp() - back_s, zone)
        sums[meter, f"{begun:%Y-%m}"] += value
    return sums


@pytest.mark.parametrize(("name", "file", "back_s", "share", "metric", "series"), [
    ("steel-industry-15min", "steel_2018H1.csv", 900, 1, "energy", {"PLANT": "plant"}),
    ("campus-substation-15min", "substation_2013-06_2014-12.csv.gz", 0, 0.25, "energy_of_present_rows",
     {"TOTAL": "TotalP", "CHILLER": "ChillerP"}),
    ("office-with-datacenter-hourly", "rsf_2011H1.csv", 0, 1, "energy", {"DATACENTER": "Total Data Center (kW)"}),
])  # fmt: skip
def test_months_add_up_to_the_truth(
    shared_data: Path, name: str, file: str, back_s: int, share: float, metric: str, series: dict[str, str]
) -> None:
    how = dialect.load(DIALECTS / f"{name}.toml")
    assert how.zone is not None
    known, checked = truth(shared_data / name), 0
    for (meter, month), amount in monthly(rows_of(shared_data / name / file, how), how.zone, back_s).items():
        if meter in series:
            assert amount * share == pytest.approx(float(known[series[meter], month, metric]), rel=1e-9)
            checked += 1
    assert checked >= 6

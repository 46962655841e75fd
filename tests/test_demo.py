"""The demo from beginning to end, with two enterprises of the sample: the same steps, servers and messages."""

import csv
import json
import os
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from deploy import broker
from energy import periods
from energy.periods import DEFAULT_ZONE, Period, month_of, previous_month
from enermon import services, settings
from enermon.cli import cli
from enermon.demo import memory, sample, series
from enermon.demo.series import Province
from storage import database, server

KEPT = ("DRY01", "CAR02")
Run = Callable[..., Result]


def _reduced(folder: Path) -> Path:
    """The sample with two of its enterprises."""
    shutil.copytree(sample.FOLDER, folder)
    for file in folder.rglob("*.csv"):
        with file.open(encoding="utf-8", newline="") as opened:
            rows = list(csv.DictReader(opened))
        owners = "enterprise" if "enterprise" in rows[0] else "code"
        kept = [row for row in rows if file.name == "regions.csv" or row[owners] in KEPT] or rows[:0]
        with file.open("w", encoding="utf-8", newline="") as opened:
            writer = csv.DictWriter(opened, list(rows[0]))
            writer.writeheader()
            writer.writerows(kept)
    return folder


@pytest.fixture(scope="module")
def data(server_folder: Path) -> Iterator[Path]:
    folder = server_folder / "demo"
    yield folder
    broker.stop(folder)
    server.stop(folder)


@pytest.fixture(scope="module")
def enermon(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """The command line over this data folder and the reduced sample."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sample, "FOLDER", _reduced(tmp_path_factory.mktemp("sample") / "sample"))
        for name in [name for name in os.environ if name.startswith("ENERMON_")]:
            patch.delenv(name)
        yield lambda *words, **env: CliRunner().invoke(cli, words, env={"ENERMON_DATA": str(data), **env})


@pytest.fixture(scope="module")
def first(enermon: Run) -> dict[str, Any]:
    """The summary of the first start."""
    done = enermon("demo", "--once", "--format", "json")
    assert done.exit_code == 0, done.output
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def test_the_first_start_loads_history_and_every_live_message_gets_its_receipt(first: dict[str, Any]) -> None:
    live = first["live"]
    assert live["unanswered"] == 0 and live["accepted"] > 0
    assert first["loaded"] > 200_000
    told_again = first["readings"] - first["loaded"] - live["accepted"] - live["conflict"]
    assert 0 <= told_again <= live["duplicate"]  # a value told again with a larger seq is kept beside


def test_what_is_wrong_on_purpose_is_rejected_each_for_its_own_reason(first: dict[str, Any]) -> None:
    assert first["rejected"] == first["live"]["rejected"] == {
        "bad_time": 1, "no_value": 1, "not_a_number": 2, "time_in_future": 1, "unknown_meter": 1, "unreadable": 1,
    }  # fmt: skip


def test_what_people_told_beside_readings_counts(first: dict[str, Any], enermon: Run) -> None:
    told = first["records"]
    assert told["returned values"] >= 4 * 10
    assert (told["virtual meters"], told["meter events"], told["estimates"]) == (1, 1, 1)
    assert (told["corrections approved"], told["corrections pending"]) == (1, 0)


def test_a_fuel_without_a_meter_is_used_as_it_was_returned(first: dict[str, Any], enermon: Run, data: Path) -> None:
    month = _last_month(data)
    coal = _usage(enermon, "DRY01", month, "raw_coal")
    rows = csv.DictReader((sample.FOLDER / "returns.csv").open(encoding="utf-8", newline=""))
    item = ("raw_coal", month.name.replace(month.name[:4], sample.REFERENCE_YEAR), "used_production")
    used = next(row for row in rows if (row["carrier"], row["period"], row["item"]) == item)
    assert coal["amount"] == pytest.approx(1000 * float(used["quantity"]))
    assert "returned" in coal["flags"]


def test_production_is_sent_through_gateways_too(first: dict[str, Any]) -> None:
    assert first["live"]["production"] == 1


def test_the_chains_of_the_last_days_are_verified(first: dict[str, Any]) -> None:
    assert first["chain"]["faults"] == 0
    assert first["chain"]["links"] > 0 and first["chain"]["readings"] > 5000


def test_nothing_waits_when_the_demo_has_ended_and_the_data_of_this_month_and_the_last_are_assessed(
    first: dict[str, Any], data: Path
) -> None:
    dsn = services.database_dsn(settings.load({"ENERMON_DATA": str(data)}))
    with database.connect(dsn) as conn:
        assert conn.execute("SELECT count(*) FROM stale_span").fetchone() == (0,)
        assert conn.execute("SELECT count(DISTINCT month), count(*) FROM quality_month").fetchone() == (2, 4)


def test_an_enterprise_over_its_budget_and_its_limit_is_warned_of_in_red(first: dict[str, Any]) -> None:
    assert first["alerts"]["red"] >= 1


def test_last_months_reports_lie_in_the_folder_of_reports(first: dict[str, Any]) -> None:
    month = previous_month(month_of(datetime.now(DEFAULT_ZONE).date())).name
    names = {Path(path).name for path in first["reports"]}
    assert {f"{code}-{month}.{ending}" for code in (*KEPT, "990000") for ending in ("html", "xlsx")} <= names
    assert all(Path(path).stat().st_size > 1000 for path in first["reports"])


def test_the_usage_of_last_month_is_what_flowed_through_the_main_meter(
    first: dict[str, Any], enermon: Run, data: Path
) -> None:
    kept, month = memory.recall(data), _last_month(data)
    assert kept
    electricity = _usage(enermon, "CAR02", month, "electricity")
    assert electricity["amount"] == pytest.approx(_flowed(kept, "CAR02", "E-01", month.first, month.until), rel=1e-9)
    assert electricity["completeness"] == 1.0


def _last_month(data: Path) -> Period:
    kept = memory.recall(data)
    assert kept
    return previous_month(month_of(periods.day_of(kept.anchor, DEFAULT_ZONE)))


def _usage(enermon: Run, enterprise: str, month: Period, carrier: str) -> dict[str, Any]:
    days = ("--from", str(month.first), "--to", str(month.until))
    done = enermon("usage", "--enterprise", enterprise, *days, "--format", "json")
    row: dict[str, Any] = next(row for row in json.loads(done.stdout)["rows"] if row["carrier"] == carrier)
    return row


def _flowed(kept: memory.Memory, enterprise: str, meter: str, since: date, until: date) -> float:
    """Last register less first, times multiplier."""
    loads = series.read_loads(sample.FOLDER)
    province = Province(loads, series.read_faults(sample.FOLDER), kept.anchor, kept.seed, DEFAULT_ZONE)
    number = next(n for n, load in enumerate(loads) if (load.enterprise, load.meter) == (enterprise, meter))
    readings = series.history(province, kept.anchor)
    mine = readings.load == number
    edges = [periods.midnight(day, DEFAULT_ZONE).timestamp() for day in (since, until)]
    first, last = readings.value[mine][np.searchsorted(readings.time[mine], edges)]
    modulus = loads[number].register_max
    assert modulus
    return float((last - first) % modulus * loads[number].multiplier)


def test_a_second_start_finds_its_data_and_loads_nothing_twice(first: dict[str, Any], enermon: Run) -> None:
    again = json.loads(enermon("demo", "--once", "--format", "json").stdout)
    since = again["readings"] - first["readings"]
    assert again["loaded"] < 1000 and since < 1000
    assert again["reports"] == []


def test_the_summary_is_told_in_sentences_too(first: dict[str, Any], enermon: Run) -> None:
    done = enermon("demo", "--once")
    assert done.exit_code == 0
    for word in ("Readings stored: ", "Rejected: ", "Open alerts: ", "Report files written: 0.", "Seconds: ",
                 "Beside readings: ", "Hash chains verified: ", "all as received."):  # fmt: skip
        assert word in done.stdout


def test_a_demo_keeps_the_seed_that_it_began_with(first: dict[str, Any], enermon: Run) -> None:
    done = enermon("demo", "--once", "--seed", "8")
    assert done.exit_code == 1
    assert "began with --seed 7" in done.stderr


def test_a_demo_does_not_touch_a_database_that_somebody_configured(enermon: Run) -> None:
    done = enermon("demo", "--once", ENERMON_DATABASE="postgresql://somebody@127.0.0.1:1/theirs")
    assert done.exit_code == 1
    assert "ENERMON_DATABASE is set" in done.stderr


def test_a_demo_does_not_mix_with_other_enterprises(first: dict[str, Any], enermon: Run, data: Path) -> None:
    dsn = services.database_dsn(settings.load({"ENERMON_DATA": str(data)}))
    with database.connect(dsn) as conn:
        conn.execute("INSERT INTO enterprise (code, name, region) VALUES ('REAL-1', 'theirs', '990000')")
        conn.commit()
        done = enermon("demo", "--once")
        conn.execute("DELETE FROM enterprise WHERE code = 'REAL-1'")
    assert done.exit_code == 1
    assert "REAL-1" in done.stderr


def test_what_a_demo_remembers_is_read_as_it_was_written(tmp_path: Path) -> None:
    assert memory.recall(tmp_path) is None
    kept = memory.Memory(7, datetime(2026, 11, 21, 2, tzinfo=UTC), datetime(2026, 11, 21, 3, tzinfo=UTC))
    memory.remember(tmp_path, kept)
    assert memory.recall(tmp_path) == kept

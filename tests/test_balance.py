"""Main meters against sub-meters, with the uncertainty of their classes (EC-43, EC-68). Enterprises are invented."""

import json
from collections.abc import Callable
from math import sqrt
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from psycopg import Connection

from energy import balance, periods
from energy.balance import CANNOT_JUDGE, NEGATIVE, UNMETERED, WITHIN, Accuracy, Balance, Party
from enermon.cli import cli
from storage import database
from storage.balance import CarrierBalance, balances
from storage.data_quality import enterprise_quality
from tests.line import NOW, ZONE, Line

OCTOBER = periods.parse("2026-10")
DAYS = 31


def party(meter: str, role: str = "consumption", stated: str | None = "2", main: bool = False) -> Party:
    sign = 1 if main else balance.sign(role)
    return Party(meter, "", role, sign, stated, balance.accuracy(stated, "power"))


def of(main: float, *subs: float, stated: str | None = "2", hours: int = 100) -> Balance:
    """A balance of so much in every hour."""
    parties = [party("MAIN", stated=stated, main=True), *(party(f"S{n}", stated=stated) for n in range(len(subs)))]
    return balance.balance(parties, np.repeat([[main], *([each] for each in subs)], hours, axis=1).astype(float), "kWh")


# --- classes


@pytest.mark.parametrize(
    ("stated", "category", "pct", "is_assumed"),
    [
        ("0.2S", "power", 0.2, False),
        ("0.5", "power", 0.5, False),
        ("2.0级", "power", 2.0, False),
        ("class 1", "power", 1.0, False),
        ("A", "power", 2.0, False),
        ("b", "power", 1.0, False),
        ("C", "power", 0.5, False),
        ("±1.5%", "gas", 1.5, False),
        ("2.5", "heat", 2.5, False),
        (None, "power", 2.0, True),
        ("", "gas", 2.0, True),
        ("C", "gas", 2.0, True),
        ("good", "oil", 1.0, True),
        ("0", "coal", 0.5, True),
        (None, "medium", 2.5, True),
    ],
)
def test_ec_68_a_class_is_a_permissible_error_in_percent(
    stated: str | None, category: str, pct: float, is_assumed: bool
) -> None:
    assert balance.accuracy(stated, category) == Accuracy(pct, is_assumed)


# --- one balance


def test_ec_68_a_residual_of_two_percent_with_class_2_meters_is_not_theft() -> None:
    found = of(100, 98)
    assert found.residual == pytest.approx(200) and found.residual_share == pytest.approx(0.02)
    # k = 2, errors even within ± 2 %: 2 x root((10000 x 2 % / root 3)^2 + (9800 x 2 % / root 3)^2)
    assert found.uncertainty == pytest.approx(2 * sqrt(200**2 + 196**2) / sqrt(3))
    assert found.outcome == WITHIN


def test_ec_68_the_same_two_percent_with_meters_of_class_0_2_are_told() -> None:
    found = of(100, 98, stated="0.2S")
    assert found.uncertainty == pytest.approx(2 * sqrt(20**2 + 19.6**2) / sqrt(3))
    assert found.outcome == UNMETERED
    assert "200 ± 32.3349 kWh" in found.said[0].text("en") and "未计量" in found.said[0].text("zh")


def test_ec_43_sub_meters_that_use_more_than_the_main_one_delivers_are_a_configuration_alarm() -> None:
    found = of(100, 60, 50)
    assert found.residual == pytest.approx(-1000) and found.outcome == NEGATIVE
    assert "倍率" in found.said[0].text("zh")


def test_ec_43_slightly_more_is_within_the_class() -> None:
    assert of(100, 61, 40).outcome == WITHIN


def test_ec_43_only_hours_that_all_meters_know_are_compared() -> None:
    amounts = np.array([[10.0] * 100, [9.0] * 50 + [np.nan] * 50, [1.0] * 40 + [np.nan] * 20 + [1.0] * 40])
    found = balance.balance([party("MAIN", main=True), party("A"), party("B")], amounts, "kWh")
    assert (found.hours, found.share, found.supply, found.used, found.outcome) == (40, 0.4, 400, 400, WITHIN)
    assert [side.share for side in found.sides] == [1.0, 0.5, 0.8]


def test_ec_43_what_was_hardly_ever_known_together_cannot_be_judged_and_says_why() -> None:
    amounts = np.array([[10.0] * 100, [9.0] * 20 + [np.nan] * 80])
    found = balance.balance([party("MAIN", main=True), party("A")], amounts, "kWh")
    assert (found.outcome, found.residual, found.uncertainty) == (CANNOT_JUDGE, None, None)
    assert "20 hours only" in found.said[0].text("en") and "A" in found.said[0].text("zh")
    nothing = balance.balance([party("MAIN", main=True), party("A")], np.empty((2, 0)), "kWh")
    assert (nothing.outcome, nothing.share) == (CANNOT_JUDGE, 0.0)


def test_generation_below_the_main_meter_brings_energy_in_and_export_takes_it_out() -> None:
    parties = [party("MAIN", main=True), party("PV", "generation_renewable"), party("OUT", "export"), party("USE")]
    amounts = np.repeat([[50.0], [60.0], [30.0], [80.0]], 48, axis=1)
    found = balance.balance(parties, amounts, "kWh")
    assert (found.supply, found.used, found.residual, found.outcome) == (5280, 5280, 0, WITHIN)


def test_meters_that_stood_still_balance() -> None:
    found = of(0, 0)
    assert (found.outcome, found.residual_share) == (WITHIN, None)


# --- an enterprise


@pytest.fixture
def line(conn: Connection) -> Line:
    return Line(conn)


def month_of(code: str, a_day: float, days: int = DAYS, first: int = 0) -> list[tuple[str, float, float]]:
    """A register read every hour."""
    hours = range(first * 24, days * 24 + 1)
    return [(code, 60 * hour, 1_000 + a_day / 24 * hour) for hour in hours]


def built(line: Line, stated: str = "0.5S", a: float = 480.0, b: float = 480.0) -> None:
    line.meter("MAIN", accuracy_class=stated, interval_minutes=60)
    line.meter("A", parent="MAIN", level=2, accuracy_class=stated, interval_minutes=60)
    line.meter("B", parent="MAIN", level=2, interval_minutes=60)
    line.meter("GAS", parent="MAIN", level=2, carrier="natural_gas", unit="m3", interval_minutes=60)
    line.tell(month_of("MAIN", 960) + month_of("A", a) + month_of("B", b))


def balanced(line: Line) -> list[CarrierBalance]:
    line.drain()
    return balances(line.conn, line.enterprise_id, OCTOBER, ZONE, NOW)


def test_ec_43_a_month_is_balanced_from_the_registry_and_the_hours(line: Line) -> None:
    built(line, b=384.0)
    (found,) = balanced(line)
    told = found.balance
    assert (found.carrier.code, found.unit, told.main.party.meter) == ("electricity", "kWh", "MAIN")
    assert [side.party.meter for side in told.subs] == ["A", "B"]  # gas is another carrier
    assert (told.hours, told.share) == (744, 1.0)
    assert told.supply == pytest.approx(31 * 960) and told.residual == pytest.approx(31 * 96)
    assert told.outcome == UNMETERED and told.is_assumed  # of B no class is stated
    assert [side.party.accuracy.is_assumed for side in told.sides] == [False, False, True]


def test_ec_43_hours_of_a_gap_are_left_out_of_the_comparison(line: Line) -> None:
    built(line, b=456.0)
    line.meter("C", parent="MAIN", level=2, interval_minutes=60)
    line.tell(month_of("C", 24, days=10) + month_of("C", 24, first=15))
    (found,) = balanced(line)
    assert found.balance.hours == 744 - 5 * 24
    assert found.balance.share == pytest.approx(624 / 744)
    assert found.balance.outcome == WITHIN


def test_a_sub_meter_that_was_taken_away_is_not_missing_afterwards(line: Line) -> None:
    built(line)
    line.meter("OLD", parent="MAIN", level=2, valid_to="2026-10-05T00:00:00+08:00", interval_minutes=60)
    line.tell(month_of("OLD", 0, days=4))
    (found,) = balanced(line)
    assert (found.balance.hours, found.balance.outcome) == (744, WITHIN)


def test_the_month_that_runs_is_balanced_up_to_now(line: Line) -> None:
    built(line)
    line.drain()
    assert balances(line.conn, line.enterprise_id, periods.parse("2027-01"), ZONE, NOW) == []
    (found,) = balances(line.conn, line.enterprise_id, periods.parse("2026-11"), ZONE, NOW)
    assert found.balance.outcome == CANNOT_JUDGE


def test_ec_43_quality_reports_what_is_negative_beyond_the_class_and_nothing_else(line: Line) -> None:
    built(line)
    line.drain()
    assert not [row for row in found_by_quality(line) if row == "balance_negative"]
    line.meter("TOO-MUCH", parent="MAIN", level=2, interval_minutes=60)
    line.tell(month_of("TOO-MUCH", 480))
    line.drain()
    (row,) = [
        row
        for row in enterprise_quality(line.conn, "DEMO-1", OCTOBER, ZONE, NOW).findings
        if row.finding == "balance_negative"
    ]
    assert (row.meter, row.severity, row.count) == ("MAIN", "warning", 744)
    assert "14,880 kWh more than it delivers" in row.evidence


def found_by_quality(line: Line) -> list[str]:
    return [row.finding for row in enterprise_quality(line.conn, "DEMO-1", OCTOBER, ZONE, NOW).findings]


# --- the command


@pytest.fixture
def enermon(dsn: str, tmp_path: Path) -> Callable[..., Result]:
    env = {"ENERMON_DATABASE": dsn, "ENERMON_DATA": str(tmp_path)}
    return lambda *words: CliRunner().invoke(cli, words, env=env)


def test_ec_43_the_command_tells_residual_uncertainty_and_reason(dsn: str, enermon: Callable[..., Result]) -> None:
    with database.connect(dsn) as conn:
        built(Line(conn), b=384.0)
        conn.commit()
    told = enermon("balance", "--enterprise", "DEMO-1", "--month", "2026-10", "--format", "json")
    assert told.exit_code == 0, told.output
    (found,) = json.loads(told.output)["balances"]
    assert (found["meter"], found["outcome"], found["hours"], found["class_assumed"]) == ("MAIN", UNMETERED, 744, True)
    assert found["residual"] == pytest.approx(2976) and found["uncertainty"] > 0
    assert [(sub["meter"], sub["error_pct"], sub["class_assumed"]) for sub in found["subs"]] == [
        ("A", 0.5, False), ("B", 2.0, True),
    ]  # fmt: skip
    shown = enermon("balance", "--enterprise", "DEMO-1", "--month", "2026-10")
    assert "losses of lines and transformers" in shown.output and "class 0.5S" in shown.output


def test_an_enterprise_without_sub_meters_has_nothing_to_balance(dsn: str, enermon: Callable[..., Result]) -> None:
    with database.connect(dsn) as conn:
        Line(conn).meter("MAIN")
        conn.commit()
    assert "nothing to balance" in enermon("balance", "--enterprise", "DEMO-1", "--month", "2026-10").output
    unknown = enermon("balance", "--enterprise", "NOBODY", "--month", "2026-10")
    assert unknown.exit_code == 1 and "'NOBODY' is not registered" in unknown.output

"""Units of metered amounts. EC-38, and the litres of a published example."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as some

from energy import units

ENERGY = ["kWh", "MWh", "GWh", "Wh", "10^4 kWh", "MJ", "GJ", "TJ", "kJ", "kcal", "Mcal"]
MASS = ["kg", "t", "g", "10^4 t"]
VOLUME = ["m3", "10^4 m3", "L"]


@pytest.mark.parametrize(
    ("unit", "own", "expected"),
    [
        ("10^4 kWh", "kWh", "10000"),
        ("万kWh", "kWh", "10000"),
        ("万千瓦时", "kWh", "10000"),
        ("亿 kWh", "kWh", "100000000"),
        ("度", "kWh", "1"),
        ("MWh", "kWh", "1000"),
        ("KWH", "kWh", "1"),
        ("GJ", "MJ", "1000"),
        ("10^6 kJ", "MJ", "1000"),
        ("百万千焦", "MJ", "1000"),
        ("kWh", "MJ", "3.6"),
        ("kcal", "MJ", "0.0041868"),
        ("Mcal", "MJ", "4.1868"),
        ("t", "kg", "1000"),
        ("10^4 t", "kg", "10000000"),
        ("万t", "t", "10000"),
        ("g", "kg", "0.001"),
        ("Nm³", "m3", "1"),
        ("万m³", "m3", "10000"),
        ("10^4Nm3", "m3", "10000"),
        ("L", "m3", "0.001"),
        ("L@0.83", "kg", "0.83"),
        ("tce", "kgce", "1000"),
    ],
)
def test_a_unit_becomes_the_carriers_own(unit: str, own: str, expected: str) -> None:
    assert units.convert(unit, own) == Decimal(expected)


def test_twelve_thousand_kwh_are_1_2_of_ten_thousand_kwh() -> None:
    kwh = Decimal("1.2") * units.convert("万kWh", "kWh")
    assert kwh == 12000
    assert kwh * Decimal("0.1229") / 1000 == Decimal("1.4748")


def test_gasoline_metered_in_litres_weighs_what_its_density_says() -> None:
    kilograms = Decimal(12340) * units.convert("L", "kg", Decimal("0.725"))
    assert round(kilograms * Decimal("1.4714") / 1000, 3) == Decimal("13.164")


def test_a_density_in_the_unit_goes_before_the_meters() -> None:
    assert units.convert("L@0.83", "kg", Decimal("0.9")) == Decimal("0.83")


def test_a_cubic_metre_of_water_is_a_tonne() -> None:
    assert units.convert("m3", "t") == 1


def test_a_power_meter_counts_per_hour() -> None:
    assert [units.convert_rate(unit, "kWh") for unit in ("kW", "MW", "万千瓦", "kWh", "kWh/h")] == [
        1,
        1000,
        10000,
        1,
        1,
    ]
    assert units.convert_rate("kW", "MJ") == Decimal("3.6")
    assert units.convert_rate("m3/h", "m3") == 1


def test_scale_is_multiplier_times_unit_rounded_once() -> None:
    assert units.scale(Decimal("0.1"), "10^4 kWh", "kWh") == 1000.0
    assert units.scale(Decimal("8000"), "kWh", "kWh") == 8000.0


@pytest.mark.parametrize(
    ("unit", "own", "said"),
    [
        (
            "kvarh",
            "kWh",
            "'kvarh' is no unit that is known here and does not become kWh of electricity; write one of kWh",
        ),
        ("m3", "kWh", "'m3' is a unit of volume"),
        ("kW", "kWh", "'kW' is a rate, for meters of kind power, and does not become kWh"),
        ("L", "kg", "is a volume without a density and does not become kg of electricity; write one of kg, t"),
        ("m3", "MJ", "write one of kWh, 10^4 kWh, MWh"),
        ("L@", "kg", "without a density"),
        ("L@heavy", "kg", "states no density in kg/L; write for instance L@0.83"),
        ("L@83", "kg", "states no density"),
        ("", "kWh", "'' is no unit"),
        ("10^4", "kWh", "'10^4' is no unit"),
    ],
)
def test_a_unit_that_cannot_become_it_is_refused_with_those_that_can(unit: str, own: str, said: str) -> None:
    with pytest.raises(ValueError) as refused:
        units.convert(unit, own, carrier="electricity")
    assert said in str(refused.value)


@given(some.sampled_from([ENERGY, MASS, VOLUME]).flatmap(lambda kind: some.tuples(*[some.sampled_from(kind)] * 3)))
def test_going_by_a_third_unit_ends_the_same(three: tuple[str, str, str]) -> None:
    first, middle, last = three
    detour = units.convert(first, middle) * units.convert(middle, last)
    assert abs(detour / units.convert(first, last) - 1) < Decimal("1e-24")


@given(some.sampled_from(ENERGY), some.sampled_from(MASS + VOLUME))
def test_energy_is_never_a_mass_or_a_volume(energy: str, other: str) -> None:
    with pytest.raises(ValueError, match="does not become"):
        units.convert(energy, other)


@given(some.text(max_size=12))
def test_any_text_is_a_unit_or_refused_in_a_sentence(text: str) -> None:
    try:
        assert units.convert(text, "kWh") > 0
    except ValueError as refused:
        assert "write" in str(refused)

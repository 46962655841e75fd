"""Steam, gas and heating values as numbers: no database."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy import gas, heating_values, if97, steam
from energy.carriers import Carrier
from energy.factors import Coefficients, Factor, FactorBook
from energy.heating_values import Monthly, Sampled

OCTOBER, NOVEMBER = date(2026, 10, 1), date(2026, 11, 1)
COAL = Carrier("raw_coal", "原煤", "raw coal", "coal", False, "kg")
LIGNITE = Carrier("lignite", "褐煤", "lignite", "coal", False, "kg")
GAS = Carrier("natural_gas", "天然气", "natural gas", "gas", False, "m3")
STEAM = Carrier("steam_low", "蒸汽", "steam", "heat", False, "kg")
CARRIERS = {one.code: one for one in (COAL, LIGNITE, GAS, STEAM)}


# --- IAPWS-IF97: the verification tables of the release


@pytest.mark.parametrize(("mpa", "kelvin", "kj"), [(3, 300, 115.331273), (80, 300, 184.142828), (3, 500, 975.542239)])
def test_liquid_water_is_that_of_table_5(mpa: float, kelvin: float, kj: float) -> None:
    assert if97.liquid_enthalpy(mpa, kelvin) == pytest.approx(kj, rel=5e-9)


@pytest.mark.parametrize(
    ("mpa", "kelvin", "kj"), [(0.0035, 300, 2549.91145), (0.0035, 700, 3335.68375), (30, 700, 2631.49474)]
)
def test_vapour_is_that_of_table_15(mpa: float, kelvin: float, kj: float) -> None:
    assert if97.vapour_enthalpy(mpa, kelvin) == pytest.approx(kj, rel=5e-9)


@pytest.mark.parametrize(("kelvin", "mpa"), [(300, 0.00353658941), (500, 2.63889776), (600, 12.3443146)])
def test_boiling_pressure_is_that_of_table_35(kelvin: float, mpa: float) -> None:
    assert if97.saturation_mpa(kelvin) == pytest.approx(mpa, rel=1e-8)


@pytest.mark.parametrize(("mpa", "kelvin"), [(0.1, 372.755919), (1, 453.035632), (10, 584.149488)])
def test_boiling_temperature_is_that_of_table_36(mpa: float, kelvin: float) -> None:
    assert if97.saturation_k(mpa) == pytest.approx(kelvin, rel=1e-8)


def test_the_border_of_vapour_begins_where_the_liquid_ends() -> None:
    assert if97.highest_vapour_mpa(623.15) == pytest.approx(16.5291643, rel=1e-8)
    assert if97.highest_vapour_mpa(1000) == if97.HIGHEST_MPA


@given(st.floats(0.001, 16))
def test_boiling_there_and_back_is_the_same(mpa: float) -> None:
    assert if97.saturation_mpa(if97.saturation_k(mpa)) == pytest.approx(mpa, rel=1e-7)


# --- EC-42, rule 17


def kj(**declared: float) -> float:
    return float(steam.heat(steam.State(**declared)).kj_per_kg)


def test_ec_42_a_thousand_tonnes_saturated_at_0_8_mpa_are_94_5_tce_not_128_6() -> None:
    gigajoules = kj(steam_pressure_mpa=0.8, steam_dryness_pct=100)  # of 1,000 t
    assert round(gigajoules * 0.03412, 1) == 94.5
    assert round(kj(steam_pressure_mpa=0.9, steam_dryness_pct=100) * 0.03412, 1) != 94.5  # 0.8 is absolute, not gauge


def test_ec_42_superheated_steam_by_pressure_and_temperature() -> None:
    assert kj(steam_pressure_mpa=3.82, steam_temperature_c=450) == pytest.approx(3333.5, abs=0.1)
    assert kj(steam_pressure_mpa=25, steam_temperature_c=570) == pytest.approx(3402.7, abs=0.1)


def test_ec_42_wet_steam_carries_less_and_returned_condensate_is_taken_off() -> None:
    dry, wet = (kj(steam_pressure_mpa=0.8, steam_dryness_pct=dryness) for dryness in (100, 95))
    assert dry - wet == pytest.approx(0.05 * 2047.3, abs=0.2)
    less = kj(steam_enthalpy_kj_per_kg=2768.3, condensate_return_pct=80, condensate_temperature_c=90)
    assert less == pytest.approx(2768.3 - 0.8 * 377.0, abs=0.1)


def test_a_temperature_rounded_just_below_boiling_is_dry_saturated_steam() -> None:
    assert kj(steam_pressure_mpa=0.8, steam_temperature_c=170) == kj(steam_pressure_mpa=0.8, steam_dryness_pct=100)


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ({}, "steam by mass alone is no energy: state steam_enthalpy_kj_per_kg, or steam_pressure_mpa"),
        ({"steam_pressure_mpa": 0.8}, "steam_pressure_mpa 0.8 alone does not fix the steam: add steam_temperature_c"),
        ({"steam_temperature_c": 170}, "steam_temperature_c 170 alone does not fix the steam: add steam_pressure_mpa"),
        ({"steam_pressure_mpa": 0.8, "steam_temperature_c": 150}, "water boils at 170.4 °C, so at 150 °C it is no"),
        ({"steam_pressure_mpa": 25, "steam_temperature_c": 390}, "near the critical point; declare steam_enthalpy"),
        ({"steam_pressure_mpa": 800, "steam_temperature_c": 400}, "out of range; declare steam_enthalpy"),
        ({"steam_pressure_mpa": 800, "steam_dryness_pct": 100}, "out of range; write MPa absolute up to 16.53"),
        ({"steam_temperature_c": 400, "steam_dryness_pct": 100}, "out of range for saturated steam; write 0 to 350"),
        ({"steam_pressure_mpa": 0.8, "steam_dryness_pct": 120}, "120 is no share of vapour; write 100 for dry"),
        (
            {"steam_pressure_mpa": 0.8, "steam_temperature_c": 170, "steam_dryness_pct": 100},
            "two fix the steam; blank one",
        ),
        ({"steam_enthalpy_kj_per_kg": 2.77}, "2.77 is no enthalpy of steam; write kJ/kg, for instance 2768.3"),
        (
            {"steam_enthalpy_kj_per_kg": 2768, "condensate_temperature_c": 90},
            "condensate_return_pct is not; write how much comes back",
        ),
        (
            {"steam_enthalpy_kj_per_kg": 2768, "condensate_return_pct": 80},
            "needs condensate_temperature_c or condensate_enthalpy_kj_per_kg",
        ),
        ({"steam_enthalpy_kj_per_kg": 2768, "condensate_return_pct": 130}, "130 is no share; write 0 to 100"),
        (
            {"steam_enthalpy_kj_per_kg": 2768, "condensate_return_pct": 80, "condensate_temperature_c": 400},
            "condensate_temperature_c 400 is out of range; write 0 to 350",
        ),
        (
            {"steam_enthalpy_kj_per_kg": 2768, "condensate_return_pct": 80, "condensate_enthalpy_kj_per_kg": 3000},
            "would carry more than the steam",
        ),
    ],
)
def test_ec_42_a_declaration_that_does_not_suffice_names_what_is_missing(declared: dict[str, float], said: str) -> None:
    with pytest.raises(steam.Lacking) as refused:
        steam.heat(steam.State(**declared))
    assert said in str(refused.value)


def test_a_narrower_period_decides_and_a_blank_one_holds_for_ever() -> None:
    rows = [("", "steam_enthalpy_kj_per_kg", 2770), ("2026", "steam_enthalpy_kj_per_kg", 2760),
            ("2026-10", "steam_enthalpy_kj_per_kg", 2750), ("2026-10", "clinker_ratio_pct", 75)]  # fmt: skip
    found = steam.declared(rows)
    assert [(one.first, one.until, one.state.steam_enthalpy_kj_per_kg) for one in found] == [
        (steam.EVER, date(2026, 1, 1), 2770),
        (date(2026, 1, 1), OCTOBER, 2760),
        (OCTOBER, NOVEMBER, 2750),
        (NOVEMBER, date(2027, 1, 1), 2760),
        (date(2027, 1, 1), None, 2770),
    ]
    assert steam.declared(reversed(rows)) == found


# --- EC-41, rule 17: gas


def test_ec_41_gas_at_0_and_at_20_degrees_differ_by_7_3_percent() -> None:
    at_0, at_20 = gas.reference_volume("std_0c"), gas.reference_volume("std_20c")
    assert at_0 is not None and at_20 == 1
    assert round((at_0 - 1) * 100, 1) == Decimal("7.3")


def test_ec_41_operating_gas_is_converted_by_its_pressure_and_temperature() -> None:
    found = gas.reference_volume("operating", Decimal("405.3"), Decimal(20))
    assert found == 4  # four atmospheres absolute
    warm = gas.reference_volume("operating", Decimal("101.325"), Decimal("313.15"))
    assert warm is not None and float(warm) == pytest.approx(0.5)


def test_ec_41_operating_gas_without_pressure_is_unknown_and_unstated_gas_is_taken_as_it_is() -> None:
    assert gas.reference_volume("operating") is None
    assert gas.reference_volume(None) == 1


# --- EC-41, rule 18: heating values


def returned(item: str, quantity: float, lhv: float, unit: str = "t", period: str = "2026-10") -> Sampled:
    return Sampled("raw_coal", period, item, Decimal(str(quantity)), unit, Decimal(str(lhv)))


def monthly(*lines: Sampled) -> list[Monthly]:
    return heating_values.monthly(lines, CARRIERS)


def test_ec_41_the_heating_value_is_the_mean_of_what_was_fired_weighted_by_quantity() -> None:
    (found,) = monthly(
        returned("used_production", 600, 20_000),
        returned("conversion_input", 400, 25_000),
        returned("purchased", 5_000, 29_000),
    )
    assert (found.first, found.until, found.method) == (OCTOBER, NOVEMBER, "measured")
    assert found.kj_per_unit == 22_000
    assert "what was fired (conversion_input, used_production)" in found.source


def test_ec_41_receipts_are_the_fallback_and_say_so() -> None:
    (found,) = monthly(returned("purchased", 100, 20_000), returned("purchased", 300, 24_000, period="2026-10-20"))
    assert found.kj_per_unit == 23_000 and found.method == "received"
    assert "what was received, for want of one of what was fired" in found.source


def test_feedstock_and_stocks_say_nothing_of_what_was_fired() -> None:
    assert monthly(returned("used_feedstock", 100, 20_000), returned("closing_stock", 100, 21_000)) == []


def test_a_return_of_a_quarter_speaks_for_each_of_its_months() -> None:
    found = monthly(returned("used_production", 100, 20_000, period="2026-Q3"))
    assert [one.first.month for one in found] == [7, 8, 9]
    assert all(one.kj_per_unit == 20_000 for one in found)


@pytest.mark.parametrize(
    ("lhv", "unit"), [(20_934, "kg"), (20_934, "t"), (20_934_000, "t"), (20_934, "10^4 t"), (209_340_000_000, "10^4 t")]
)
def test_a_heating_value_is_understood_per_kilogram_whatever_the_unit_of_the_quantity(lhv: int, unit: str) -> None:
    assert heating_values.own_unit(Decimal(lhv), unit, COAL) == 20_934


def test_a_heating_value_that_no_fuel_has_is_refused() -> None:
    with pytest.raises(ValueError, match="is no heating value of raw_coal, neither for one t nor for one kg"):
        heating_values.own_unit(Decimal("5.2"), "t", COAL)


# --- which coefficient


DEFAULT = Factor(
    1, "raw_coal", "", "", "kg", Decimal("0.7143"), None, Decimal("1.8689"), Decimal(20934), "default", "sourced",
    date(1970, 1, 1), None, "GB/T 2589", True,
)  # fmt: skip
PER_MJ = replace(DEFAULT, id=2, kgce_per_unit=None, kgco2_per_unit=None, lhv_kj_per_unit=None,
                 kgco2_per_mj=Decimal("0.0892738"), source="EF002")  # fmt: skip
FIRED = replace(DEFAULT, id=3, scope="E1", kgce_per_unit=None, kgco2_per_unit=None, lhv_kj_per_unit=Decimal(22_000),
                method="measured", valid_from=OCTOBER, valid_to=NOVEMBER, source="return", shipped=False,
                derived=True)  # fmt: skip


def at(*factors: Factor, carrier: str = "raw_coal", enterprise: str = "E1", day: date = OCTOBER) -> Coefficients:
    return FactorBook(factors, CARRIERS.values(), {}).at(carrier, enterprise, "", day)


def test_ec_41_a_measured_heating_value_makes_tce_by_29307_6_kj_and_co2_by_its_energy() -> None:
    found = at(DEFAULT, PER_MJ, FIRED)
    assert found.kgce_equivalent == found.kgce_equal == pytest.approx(22_000 / 29_307.6)
    assert found.kgco2 == pytest.approx(22 * 0.0892738)
    assert (found.factor_equivalent, found.factor_co2, found.is_stand_in) == (3, 2, False)


def test_ec_41_without_emission_per_energy_the_default_of_co2_stays_and_names_itself() -> None:
    found = at(DEFAULT, FIRED)
    assert (found.kgco2, found.factor_co2) == (1.8689, 1)


def test_ec_41_a_month_without_a_measured_value_falls_back_marked_but_others_are_not_marked() -> None:
    gap = at(DEFAULT, PER_MJ, FIRED, day=NOVEMBER)
    assert (gap.kgce_equivalent, gap.kgco2, gap.is_stand_in) == (0.7143, 1.8689, True)
    assert not at(DEFAULT, PER_MJ, FIRED, enterprise="E2", day=NOVEMBER).is_stand_in


def test_ec_41_a_value_of_receipts_is_used_and_marked() -> None:
    found = at(DEFAULT, PER_MJ, replace(FIRED, method="received"))
    assert (found.factor_equivalent, found.is_stand_in) == (3, True)


def test_an_enterprises_own_emission_factor_goes_before_one_by_heating_value() -> None:
    own = replace(FIRED, id=4, lhv_kj_per_unit=None, kgco2_per_unit=Decimal("1.95"), derived=False, source="lab")
    assert (at(DEFAULT, PER_MJ, FIRED, own).kgco2, at(DEFAULT, PER_MJ, FIRED, own).factor_equivalent) == (1.95, 3)


def test_a_registered_factor_goes_before_a_return_for_the_same_days() -> None:
    lab = replace(FIRED, id=4, lhv_kj_per_unit=Decimal(23_000), derived=False, source="zz lab")
    assert at(DEFAULT, FIRED, lab).factor_equivalent == 4


def test_ec_41_a_coal_of_which_no_default_can_be_right_is_always_marked() -> None:
    default = replace(DEFAULT, carrier="lignite")
    assert at(default, carrier="lignite").is_stand_in
    assert not at(DEFAULT).is_stand_in


def test_ec_42_steam_has_no_coefficient_until_its_heat_is_declared() -> None:
    emission = replace(PER_MJ, carrier="steam_low", kgco2_per_mj=Decimal("0.11"))
    nothing = at(emission, carrier="steam_low")
    assert (nothing.kgce_equivalent, nothing.kgce_equal, nothing.kgco2, nothing.is_steam) == (None, None, None, True)
    declared = at(emission, replace(FIRED, carrier="steam_low", lhv_kj_per_unit=Decimal("2768.3")), carrier="steam_low")
    assert declared.kgce_equivalent == pytest.approx(0.09446, abs=1e-5)
    assert declared.kgco2 == pytest.approx(2.7683 * 0.11)


def test_a_factor_of_gas_at_0_degrees_is_converted_to_the_platforms_cubic_metre() -> None:
    emission = replace(
        DEFAULT, carrier="natural_gas", unit="m3", kgce_per_unit=Decimal("1.2143"), kgco2_per_unit=Decimal("2.16219"),
        lhv_kj_per_unit=None, gas_condition="std_0c",
    )  # fmt: skip
    found = at(emission, carrier="natural_gas")
    assert found.kgco2 == pytest.approx(2.16219 * 273.15 / 293.15)
    assert found.kgce_equivalent == pytest.approx(1.2143 * 273.15 / 293.15)

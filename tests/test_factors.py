"""Which coefficient converts a carrier, for whom, on which day; the shipped ones against the contract's example."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as some

from energy.carriers import Carrier
from energy.factors import Coefficients, Factor, FactorBook
from storage import registry, seed

DAY = date(2026, 10, 1)
ELECTRICITY = Carrier("electricity", "电力", "electricity", "power", False, "kWh")
COAL = Carrier("raw_coal", "原煤", "raw coal", "coal", False, "kg")
AIR = Carrier("compressed_air", "压缩空气", "compressed air", "medium", True, "m3")
DIESEL = Carrier("diesel", "柴油", "diesel", "oil", False, "kg")
CARRIERS = [ELECTRICITY, COAL, AIR, DIESEL]
PARENTS: dict[str, str | None] = {"000000": None, "620000": "000000", "620500": "620000", "520000": "000000"}
SHIPPED = Factor(
    1, "raw_coal", "", "", "kg", Decimal("0.7143"), None, Decimal("1.9"), None, "default", "sourced",
    date(1970, 1, 1), None, "GB/T 2589", True,
)  # fmt: skip


def factor(id: int, kgce: str | None = None, **changes: object) -> Factor:
    stated = {"id": id, "kgce_per_unit": Decimal(kgce) if kgce else None, "kgco2_per_unit": None, "shipped": False}
    return replace(SHIPPED, **(stated | changes))  # type: ignore[arg-type]


def chosen(*factors: Factor, enterprise: str = "E1", region: str = "620500", day: date = DAY) -> Coefficients:
    return FactorBook([SHIPPED, *factors], CARRIERS, PARENTS).at("raw_coal", enterprise, region, day)


def test_the_shipped_coefficient_holds_where_nothing_else_is_stated() -> None:
    assert chosen() == Coefficients(0.7143, 0.7143, 1.9, 1, 1, 1)


def test_an_enterprises_own_value_goes_before_every_region() -> None:
    own, city = factor(2, "0.65", scope="E1"), factor(3, "0.7", region="620500")
    assert chosen(own, city).factor_equivalent == 2
    assert chosen(own, city, enterprise="E2").factor_equivalent == 3


def test_the_nearer_region_goes_before_the_farther_and_any_before_the_nation() -> None:
    city, province, nation = factor(2, "0.1", region="620500"), factor(3, "0.2", region="620000"), factor(4, "0.3")
    assert chosen(city, province, nation).factor_equivalent == 2
    assert chosen(city, province, nation, region="620000").factor_equivalent == 3
    assert chosen(city, province, nation, region="520000").factor_equivalent == 4


def test_imported_goes_before_shipped() -> None:
    assert chosen(factor(2, "0.7")).factor_equivalent == 2


def test_measured_goes_before_default_within_an_enterprise() -> None:
    default, measured = factor(2, "0.7", scope="E1"), factor(3, "0.6", scope="E1", method="measured", source="lab")
    assert chosen(default, measured).factor_equivalent == 3


def test_each_coefficient_is_chosen_by_itself() -> None:
    only_co2 = factor(2, scope="E1", kgco2_per_unit=Decimal("2.1"))
    assert chosen(only_co2) == Coefficients(0.7143, 0.7143, 2.1, 1, 1, 2)


def test_validity_begins_with_its_first_day_and_ends_before_its_last() -> None:
    october = factor(2, "0.6", scope="E1", valid_from=DAY, valid_to=date(2026, 11, 1))
    days = [date(2026, 9, 30), DAY, date(2026, 10, 31), date(2026, 11, 1)]
    assert [chosen(october, day=day).factor_equivalent for day in days] == [1, 2, 2, 1]


def test_a_factor_per_tonne_is_converted_to_the_carriers_kilogram() -> None:
    assert chosen(factor(2, "714.3", unit="t")).kgce_equivalent == 0.7143


def test_a_factor_per_litre_takes_its_density_along() -> None:
    per_litre = factor(2, "1.209393", carrier="diesel", unit="L@0.83")
    assert FactorBook([per_litre], CARRIERS, {}).at("diesel", "E1", "", DAY).kgce_equivalent == 1.4571


def test_a_measured_heating_value_makes_the_equivalent_coefficient() -> None:
    measured = factor(2, scope="E1", lhv_kj_per_unit=Decimal("29307.6"), method="measured")
    assert (chosen(measured).kgce_equivalent, chosen(measured).kgce_equal) == (1.0, 1.0)


def test_the_equal_value_of_electricity_is_never_made_from_its_equivalent() -> None:
    book = FactorBook([factor(2, "0.1229", carrier="electricity", unit="kWh")], CARRIERS, {})
    assert book.at("electricity", "E1", "620500", DAY) == Coefficients(0.1229, None, None, 2, None, None)


def test_a_medium_has_an_equal_value_only() -> None:
    book = FactorBook([factor(2, "0.04", carrier="compressed_air", unit="m3")], CARRIERS, {})
    assert book.at("compressed_air", "E1", "620500", DAY) == Coefficients(
        None, 0.04, None, None, 2, None, is_medium=True
    )


def test_without_any_factor_a_coefficient_is_unknown() -> None:
    assert FactorBook([], CARRIERS, PARENTS).at("raw_coal", "E1", "620500", DAY) == Coefficients()


def test_regions_that_lie_in_one_another_end_the_search() -> None:
    book = FactorBook([SHIPPED], CARRIERS, {"a": "b", "b": "a"})
    assert book.at("raw_coal", "E1", "a", DAY).factor_equivalent == 1


PLACES = some.tuples(some.sampled_from(["", "E1", "E2"]), some.sampled_from(["", "620000", "620500", "520000"]))
SPANS = some.tuples(some.integers(1, 28), some.none() | some.integers(1, 30))


@given(some.lists(some.tuples(PLACES, SPANS, some.booleans()), max_size=8), some.permutations(range(8)))
def test_the_order_of_the_rows_does_not_matter(drawn: list[tuple[tuple[str, str], tuple[int, int | None], bool]],
                                               order: list[int]) -> None:  # fmt: skip
    rows = [
        factor(id, "0.5", scope=scope, region=region, source=str(id), shipped=shipped,
               valid_from=DAY.replace(day=first), valid_to=None if until is None else DAY.replace(day=until))
        for id, ((scope, region), (first, until), shipped) in enumerate(drawn, 2)
    ]  # fmt: skip
    shuffled = [rows[place] for place in order if place < len(rows)]
    for day in (1, 14, 29):
        assert chosen(*rows, day=DAY.replace(day=day)) == chosen(*shuffled, day=DAY.replace(day=day))


# --- the shipped ones


@pytest.fixture
def book(conn: psycopg.Connection) -> FactorBook:
    seed.seed(conn)
    return registry.factor_book(conn)


def tonnes(amount: float, coefficient: float | None) -> float:
    assert coefficient is not None
    return amount * coefficient / 1000


def test_the_contracts_example_comes_out(book: FactorBook) -> None:
    found = book.at("electricity", "anybody", "620500", DAY)
    # The contract prints 10.0377, the first four decimals of 10.037785.
    assert tonnes(81674.41, found.kgce_equivalent) == pytest.approx(10.0377, abs=1e-4)
    assert round(tonnes(81674.41, found.kgce_equal), 3) == 24.633
    assert round(tonnes(81674.41, found.kgco2), 2) == 43.34


def test_the_example_of_domain_rule_1_comes_out(book: FactorBook) -> None:
    used = {"electricity": 12_000.0, "raw_coal": 10_000.0, "heat": 100_000.0}
    found = {carrier: book.at(carrier, "anybody", "620500", DAY) for carrier in used}
    assert round(sum(tonnes(used[c], found[c].kgce_equivalent) for c in used), 4) == 12.0298
    assert round(sum(tonnes(used[c], found[c].kgce_equal) for c in used), 4) == 14.1742


def test_the_equal_value_of_electricity_follows_the_year_and_is_carried_on_visibly(book: FactorBook) -> None:
    found = [book.at("electricity", "", "", date(year, 12, 31)) for year in (2012, 2022, 2023, 2024, 2026)]
    assert [each.kgce_equal for each in found] == [0.325, 0.3007, 0.3016, 0.3016, 0.3016]
    methods = [book.factors[each.factor_equal_value].method for each in found if each.factor_equal_value]
    assert methods == ["default", "default", "default", "carried_forward", "carried_forward"]


def test_the_grid_factor_is_the_national_average_everywhere(book: FactorBook) -> None:
    found = [
        book.at("electricity", "", region, date(2022, 7, 1)).kgco2 for region in ("620500", "520000", "000000", "")
    ]
    assert found == [0.5366] * 4


def test_older_days_take_the_earliest_grid_factor_and_say_so(book: FactorBook) -> None:
    found = book.at("electricity", "", "", date(2014, 1, 1))
    assert found.kgco2 == 0.5568
    assert found.factor_co2
    about = book.factors[found.factor_co2]
    assert (about.method, "carried backward" in about.source) == ("carried_forward", True)


def test_natural_gas_and_bought_heat_emit_what_the_guides_say(book: FactorBook) -> None:
    # Per m3 at 0 °C, of which the platform's m3 at 20 °C is 273.15/293.15.
    assert book.at("natural_gas", "", "", DAY).kgco2 == pytest.approx(2.16219 * 273.15 / 293.15)
    assert book.at("heat", "", "", DAY).kgco2 == 0.11


def test_new_water_has_another_coefficient_since_april_2021(book: FactorBook) -> None:
    days = [date(2021, 3, 31), date(2021, 4, 1)]
    assert [book.at("new_water", "", "", day).kgce_equal for day in days] == [0.0857, 0.2571]
    assert book.at("new_water", "", "", DAY).kgce_equivalent is None


def test_every_shipped_factor_names_its_source(book: FactorBook) -> None:
    assert len(book.factors) > 100
    assert [
        each for each in book.factors.values() if not each.source or each.confidence not in ("sourced", "recalled")
    ] == []

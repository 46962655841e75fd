"""Identifiers and formulas, as registry files write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from energy import codes, formulas


def test_codes_are_up_to_64_letters_digits_and_three_signs() -> None:
    assert codes.code("GS-cement_01.A") == "GS-cement_01.A"


@pytest.mark.parametrize("wrong", ["", "a b", "水泥", "x" * 65, "a/b", "a+b", "a#"])
def test_other_codes_are_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="is no code; write 1 to 64 of"):
        codes.code(wrong)


@pytest.mark.parametrize(
    "right", ["91350100M000100Y43", "911100001000001234"[:17] + codes.check_character("91110000100000123")]
)
def test_a_credit_code_with_the_right_check_character_is_taken(right: str) -> None:
    assert codes.credit_code(right) == right


def test_a_credit_code_with_a_wrong_check_character_is_refused_with_the_right_one() -> None:
    with pytest.raises(ValueError, match="would be 3, not 4"):
        codes.credit_code("91350100M000100Y44")


@given(some.integers(0, 16), some.sampled_from("0123456789ABCDEFGHJKLMNPQRTUWXY"))
def test_any_single_wrong_character_of_a_credit_code_is_seen(place: int, wrong: str) -> None:
    right = "91350100M000100Y43"
    changed = right[:place] + wrong + right[place + 1 :]
    if changed != right:
        with pytest.raises(ValueError, match="check character"):
            codes.credit_code(changed)


@pytest.mark.parametrize("wrong", ["Gansu", "Mars/Olympus", "../etc", "+08:00"])
def test_a_zone_is_a_name_that_the_time_zone_database_knows(wrong: str) -> None:
    assert codes.zone("Asia/Shanghai") == "Asia/Shanghai"
    with pytest.raises(ValueError, match="is no time zone"):
        codes.zone(wrong)


METERS = {"E-01", "E-02", "E", "G.1", "2"}


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("E-01 - E-02", ("E-01", "-", "E-02")),
        ("E-01-E-02", ("E-01", "-", "E-02")),
        ("E-3", ("E", "-", "3")),
        ("(E-01+G.1)*0.5", ("(", "E-01", "+", "G.1", ")", "*", "0.5")),
        ("2 * 2", ("2", "*", "2")),
    ],
)
def test_a_formula_is_cut_at_the_longest_known_codes(formula: str, expected: tuple[str, ...]) -> None:
    assert formulas.tokens(formula, METERS) == expected


@pytest.mark.parametrize(
    ("formula", "said"),
    [
        ("", "an operand is due"),
        ("E-01 +", "an operand is due"),
        ("(E-01", r"a \) is missing"),
        ("E-01)", "an operator is due"),
        ("X-9 + E-01", "cannot be read at 'X-9"),
        ("E-01 E-02", "an operator is due"),
        ("E-01 ** 2", "a meter code"),
        ("__import__('os')", "cannot be read"),
    ],
)
def test_a_formula_that_cannot_be_read_is_refused_where_it_breaks(formula: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        formulas.tokens(formula, METERS)

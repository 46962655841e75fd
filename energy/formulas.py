"""Formulas of virtual meters: meter codes, numbers, + - * / and parentheses.

Codes may hold the signs that are operators too (`E-01 - E-02`), so a formula is read with the codes at hand: where an
operand is due, the longest known code wins.
"""

import re
from collections.abc import Collection

_WORD = re.compile(r"[A-Za-z0-9_.-]+")
_NUMBER = re.compile(r"\d+(\.\d+)?")


def tokens(formula: str, codes: Collection[str]) -> tuple[str, ...]:
    """The formula cut into codes, numbers and signs. ValueError says where it cannot be read."""
    found: list[str] = []
    at, depth, operand_due = 0, 0, True
    while rest := formula[at:].lstrip():
        at = len(formula) - len(rest)
        token = _operand(rest, codes) if operand_due else _sign(rest, "+-*/)")
        if token is None or (token == ")" and depth == 0):
            due = "a meter code, a number or (" if operand_due else "an operator"
            raise ValueError(f"formula {formula!r} cannot be read at {rest!r}: {due} is due there")
        depth += (token == "(") - (token == ")")
        operand_due = token in ("(", "+", "-", "*", "/")
        found.append(token)
        at += len(token)
    if operand_due or depth:
        raise ValueError(f"formula {formula!r} ends too early: " + ("a ) is missing" if depth else "an operand is due"))
    return tuple(found)


def _operand(rest: str, codes: Collection[str]) -> str | None:
    if word := _WORD.match(rest):
        for end in range(word.end(), 0, -1):
            if rest[:end] in codes:
                return rest[:end]
    number = _NUMBER.match(rest)
    return number[0] if number else _sign(rest, "(")


def _sign(rest: str, signs: str) -> str | None:
    return rest[0] if rest[0] in signs else None

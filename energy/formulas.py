"""Formulas of virtual meters: meter codes, numbers, + - * / and parentheses.

Codes may hold the signs that are operators too (`E-01 - E-02`), so a formula is read with the codes at hand: where an
operand is due, the longest known code wins.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

_WORD = re.compile(r"[A-Za-z0-9_.-]+")
_NUMBER = re.compile(r"\d+(\.\d+)?")
_RANK = {"(": 0, "+": 1, "-": 1, "*": 2, "/": 2}


@dataclass(frozen=True)
class Formula:
    """A formula ready to be computed.

    inputs: the meters it names, each once, in the order of their first mention; numbers: likewise, each mention. steps:
    postfix, `x0` the first input, `c0` the first number, or a sign; formulas of one shape have the same steps.
    """

    inputs: tuple[str, ...]
    numbers: tuple[float, ...]
    steps: tuple[str, ...]


@dataclass(frozen=True)
class Linear:
    """A formula that is a weighted sum: one weight an input, and a constant."""

    weights: tuple[float, ...]
    constant: float


def parse(formula: str, codes: Collection[str]) -> Formula:
    """The formula over these codes. ValueError says where it cannot be read, or that it names no meter."""
    inputs: dict[str, int] = {}
    numbers: list[float] = []
    steps: list[str] = []
    signs: list[str] = []
    operand_due = True
    for token in tokens(formula, codes):
        if not operand_due or token == "(":
            _shunt(token, signs, steps)
        elif token in codes:
            steps.append(f"x{inputs.setdefault(token, len(inputs))}")
        else:
            steps.append(f"c{len(numbers)}")
            numbers.append(float(token))
        operand_due = token != ")" and (token == "(" or not operand_due)
    steps += reversed(signs)
    if not inputs:
        raise ValueError(f"formula {formula!r} names no meter; write it over the codes of meters")
    return Formula(tuple(inputs), tuple(numbers), tuple(steps))


def _shunt(token: str, signs: list[str], steps: list[str]) -> None:
    """Operators of higher or equal rank come first, from left to right."""
    if token == ")":
        while (sign := signs.pop()) != "(":
            steps.append(sign)
        return
    while token != "(" and signs and _RANK[signs[-1]] >= _RANK[token]:
        steps.append(signs.pop())
    signs.append(token)


def linear(formula: Formula) -> Linear | None:
    """Its weights and constant; None where inputs are multiplied or divided by one another."""
    stack: list[tuple[tuple[float, ...], float]] = []
    nothing = (0.0,) * len(formula.inputs)
    for step in formula.steps:
        if step in _RANK:
            right, left = stack.pop(), stack.pop()
            joined = _joined(step, left, right)
            if joined is None:
                return None
            stack.append(joined)
        elif step[0] == "x":
            stack.append((tuple(float(f"x{at}" == step) for at in range(len(nothing))), 0.0))
        else:
            stack.append((nothing, formula.numbers[int(step[1:])]))
    return Linear(*stack[0])


def _joined(
    sign: str, left: tuple[tuple[float, ...], float], right: tuple[tuple[float, ...], float]
) -> tuple[tuple[float, ...], float] | None:
    if sign in "+-":
        factor = 1.0 if sign == "+" else -1.0
        pairs = zip(left[0], right[0], strict=True)
        return tuple(a + factor * b for a, b in pairs), left[1] + factor * right[1]
    if sign == "*" and not any(left[0]):
        left, right = right, left
    if any(right[0]) or (sign == "/" and right[1] == 0):
        return None
    factor = right[1] if sign == "*" else 1 / right[1]
    return tuple(weight * factor for weight in left[0]), left[1] * factor


def levels(uses: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """In which order formulas can be computed: 0 needs no other of them, each of the rest only lower ones.

    uses: the inputs of every formula. Those that lead back to themselves, or to such, are left out.
    """
    found: dict[str, int] = {}
    waiting = dict(uses)
    while ready := [code for code, inputs in waiting.items() if not any(each in waiting for each in inputs)]:
        for code in ready:
            found[code] = 1 + max((found[each] for each in waiting[code] if each in found), default=-1)
        for code in ready:
            del waiting[code]
    return found


def circle(code: str, uses: Mapping[str, Sequence[str]]) -> list[str]:
    """The shortest way from a formula back to itself, both ends included; empty if there is none."""
    ways = [[code]]
    seen: set[str] = set()
    while ways:
        longer = [[*way, each] for way in ways for each in uses.get(way[-1], ()) if each not in seen]
        if closed := [way for way in longer if way[-1] == code]:
            return closed[0]
        seen |= {way[-1] for way in longer}
        ways = longer
    return []


def tokens(formula: str, codes: Collection[str]) -> tuple[str, ...]:
    """The formula cut into codes, numbers and signs. ValueError says where it cannot be read."""
    found: list[str] = []
    at, depth, operand_due = 0, 0, True
    while rest := formula[at:].lstrip():
        at = len(formula) - len(rest)
        token = _operand(rest, codes) if operand_due else _sign(rest, "+-*/)")
        if token is None or (token == ")" and depth == 0):
            raise ValueError(f"formula {formula!r} cannot be read at {rest!r}: {_due(rest, operand_due)}")
        depth += (token == "(") - (token == ")")
        operand_due = token in ("(", "+", "-", "*", "/")
        found.append(token)
        at += len(token)
    if operand_due or depth:
        raise ValueError(f"formula {formula!r} ends too early: " + ("a ) is missing" if depth else "an operand is due"))
    return tuple(found)


def _due(rest: str, operand_due: bool) -> str:
    if not operand_due:
        return "an operator is due there"
    word = _WORD.match(rest)
    unknown = f"{word[0]!r} is no meter of this enterprise; " if word else ""
    return f"{unknown}a meter code, a number or ( is due there"


def _operand(rest: str, codes: Collection[str]) -> str | None:
    if word := _WORD.match(rest):
        for end in range(word.end(), 0, -1):
            if rest[:end] in codes:
                return rest[:end]
    number = _NUMBER.match(rest)
    return number[0] if number else _sign(rest, "(")


def _sign(rest: str, signs: str) -> str | None:
    return rest[0] if rest[0] in signs else None

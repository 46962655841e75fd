"""Balance of a main meter against its sub-meters, with the uncertainty that their classes leave (EC-43, EC-68).

What a main meter delivers, and what is generated or discharged below it, is what the meters below it use, plus losses
and whatever is not metered. The residual is held against the expanded uncertainty of the meters: a residual of 2 % with
meters of class 2 says nothing.

A meter's class bounds its error: within ± class % of the amount (maximum permissible error, GB/T 17215.321 for
electricity). Taken as evenly distributed (JJF 1059.1-2012, 4.3.3.4: divided by √3), independent from meter to meter,
combined as the root of the sum of squares (JJF 1059.1-2012, 4.4) and expanded by k = 2, about 95 % (5.3). Transformers,
temperature and pressure have errors of their own which no registry column states; they are not in it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from energy.registers import Bools, Floats
from energy.sentences import Said, said

COVERAGE_FACTOR = 2.0
LEAST_HOURS = 24  # fewer hours in common judge nothing: a boundary's interpolation weighs too much
WITHIN, UNMETERED, NEGATIVE, CANNOT_JUDGE = "within", "unmetered_or_loss", "negative", "cannot_judge"

# GB/T 17215.321-2021: static meters for active energy, class letters and their error limits at reference conditions, %.
_LETTERS = {"A": 2.0, "B": 1.0, "C": 0.5, "D": 0.2, "E": 0.1}
_CLASS = re.compile(r"[±+]?(\d+(?:\.\d+)?)(?:S|级|%|级表)?", re.IGNORECASE)
# GB 17167-2006 table 4, by the carrier's category, %: of several demands the widest, so that nobody is suspected for a
# class that nobody stated.
_DEMANDED = {"power": 2.0, "gas": 2.0, "oil": 1.0, "coal": 0.5, "coke": 0.5, "heat": 2.5}
_DEMANDED_OTHERWISE = 2.5
# Roles of meters below a main that bring energy in beside it; all others take it.
_SUPPLY = {"generation_renewable", "generation_fuel", "generation_recovery", "recovery", "storage_discharge"}


@dataclass(frozen=True)
class Accuracy:
    """Largest permissible error in percent of the amount. is_assumed: no class that can be read is stated."""

    pct: float
    is_assumed: bool


def accuracy(stated: str | None, category: str) -> Accuracy:
    """By the class as it is registered (0.2S, 0.5, C, 2.0级, 1.5%), else by what GB 17167 demands of such a meter."""
    plain = "".join((stated or "").split()).removeprefix("class").removeprefix("Class")
    if category == "power" and plain.upper() in _LETTERS:
        return Accuracy(_LETTERS[plain.upper()], False)
    found = _CLASS.fullmatch(plain)
    if found and float(found[1]) > 0:
        return Accuracy(float(found[1]), False)
    return Accuracy(_DEMANDED.get(category, _DEMANDED_OTHERWISE), True)


def sign(role: str) -> int:
    """1 for a meter below a main that brings energy in beside it, -1 for one that takes energy."""
    return 1 if role in _SUPPLY else -1


@dataclass(frozen=True)
class Party:
    """A meter of a balance: the main one, or one below it. sign 1: brings energy in, -1: takes it."""

    meter: str
    name: str
    role: str
    sign: int
    accuracy_class: str | None
    accuracy: Accuracy


@dataclass(frozen=True)
class Side:
    """What one party says. amount: over the hours that all know, in the carrier's own unit; share: of the period that
    it knows itself.
    """

    party: Party
    amount: float
    share: float


@dataclass(frozen=True)
class Balance:
    """Main against sub-meters over the hours in which every one of them was measured.

    supply = main + what is brought in below it; residual = supply - used, uncertainty its expanded uncertainty (k = 2),
    both in the carrier's own unit; share: the hours compared, of those of the period. residual and uncertainty None
    where nothing can be compared.
    """

    main: Side
    subs: tuple[Side, ...]
    hours: int
    share: float
    supply: float | None
    used: float | None
    residual: float | None
    uncertainty: float | None
    outcome: str
    said: tuple[Said, ...]

    @property
    def sides(self) -> tuple[Side, ...]:
        return (self.main, *self.subs)

    @property
    def residual_share(self) -> float | None:
        """Of the supply; None where that is nought."""
        return self.residual / self.supply if self.supply and self.residual is not None else None

    @property
    def is_assumed(self) -> bool:
        """Whether any class was not stated."""
        return any(side.party.accuracy.is_assumed for side in self.sides)


def balance(parties: Sequence[Party], amounts: Floats, unit: str) -> Balance:
    """The first party is the main meter. amounts: one row a party, one column an hour of the period, in the carrier's
    own unit, which is `unit`; NaN where an hour was not measured whole, 0 where a meter did not exist.
    """
    known = ~np.isnan(amounts)
    common: Bools = np.logical_and.reduce(known)
    total = amounts.shape[1]
    sums = [float(row[common].sum()) for row in amounts]
    shares = [float(row.sum() / total) if total else 0.0 for row in known]
    main, *subs = [Side(*each) for each in zip(parties, sums, shares, strict=True)]
    hours = int(common.sum())
    share = hours / total if total else 0.0
    if hours < LEAST_HOURS:
        reason = _too_few(main, subs, hours)
        return Balance(main, tuple(subs), hours, share, None, None, None, None, CANNOT_JUDGE, reason)
    supply = main.amount + sum(side.amount for side in subs if side.party.sign > 0)
    used = sum(side.amount for side in subs if side.party.sign < 0)
    residual, uncertainty = supply - used, expanded(main, *subs)
    outcome = judged(residual, uncertainty)
    reason = _reason(outcome, main, residual, uncertainty, unit)
    return Balance(main, tuple(subs), hours, share, supply, used, residual, uncertainty, outcome, reason)


def expanded(*sides: Side) -> float:
    """Expanded uncertainty of a sum or difference of these amounts (JJF 1059.1-2012), in their unit."""
    standard = [side.party.accuracy.pct / 100 * side.amount / 3**0.5 for side in sides]
    return float(COVERAGE_FACTOR * np.sqrt(np.sum(np.square(standard))))


def judged(residual: float, uncertainty: float) -> str:
    """Exactly on the line is within."""
    if abs(residual) <= uncertainty:
        return WITHIN
    return UNMETERED if residual > 0 else NEGATIVE


def _too_few(main: Side, subs: Sequence[Side], hours: int) -> tuple[Said, ...]:
    """Names the party that was measured least."""
    worst = min((main, *subs), key=lambda side: side.share)
    return (said("balance_too_few", hours=hours, least=LEAST_HOURS, meter=worst.party.meter, share=worst.share),)


def _reason(outcome: str, main: Side, residual: float, uncertainty: float, unit: str) -> tuple[Said, ...]:
    told: dict[str, float | str] = {"uncertainty": uncertainty, "unit": unit}
    if outcome == NEGATIVE:
        return (said("balance_negative", meter=main.party.meter, excess=-residual, **told),)
    return (said(f"balance_{outcome}", residual=residual, **told),)

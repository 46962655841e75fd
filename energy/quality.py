"""Quality flags: what is to be known about a figure beside its number.

A figure without flags was read from meters that behaved. Flags add up along the line: an hour carries those of its
pieces, a day those of its hours, a total those of its parts.
"""

from enum import IntFlag


class Flag(IntFlag):
    """Quality flags of readings, consumption and usage, stored as one integer. EC numbers: docs/edge-cases."""

    ROLLOVER = 1 << 0  # the register passed its modulus (EC-1)
    RESET = 1 << 1  # the register fell to an unknown start; the amount is bounded, not known (EC-2)
    DIP = 1 << 2  # a lower reading was set aside (EC-3)
    SPIKE = 1 << 3  # a higher reading was set aside (EC-4)
    EXCHANGE = 1 << 4  # two meters met here, joined by their final and initial registers (EC-5)
    GAP = 1 << 5  # the total over a gap is known, its distribution over hours is an estimate (EC-21)
    INTERPOLATED = 1 << 6  # split at a period's boundary between two readings (EC-28)
    MISSING = 1 << 7  # part of the period is unknown: the amount is "at least"
    NEGATIVE = 1 << 8  # a negative amount where the point cannot return energy (EC-49)
    OVER_RATE = 1 << 9  # more than the meter's largest plausible rate, kept and marked
    CONFLICT = 1 << 10  # two values for one time; one was chosen by content (EC-14)
    CORRECTED = 1 << 11  # an approved correction stands here (EC-63)
    ESTIMATED = 1 << 12  # an estimate stands here (EC-22)
    MULTIPLIER = 1 << 13  # the multiplier changed inside without a reading at that instant (EC-7)
    FACTOR_MISSING = 1 << 14  # no factor: the amount could not be converted
    BEGINS = 1 << 15  # a meter's readings begin inside the period: it cannot be compared with a whole one
    RETURNED = 1 << 16  # a manual return stands here, no meter counts (rule 3)
    DEFAULT_VALUE = 1 << 17  # a default, or the value of receipts, where the heating value fired is asked for (EC-41)
    CONDITION_UNKNOWN = 1 << 18  # gas without a stated condition (EC-41), or steam by mass without its state (EC-42)
    VIRTUAL = 1 << 19  # computed by a formula over other meters (EC-44)


def names(flags: int) -> list[str]:
    """The flags' names in lower case, in the order of their bits, as files and JSON show them."""
    return [flag.name.lower() for flag in Flag if flag & flags and flag.name]

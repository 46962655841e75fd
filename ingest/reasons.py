"""Why a reading or a message is not stored: the words of the contract, and the sentence beside each."""

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """Reasons as receipts and `rejected_message.reason` name them."""

    UNREADABLE = "unreadable"
    TOO_LARGE = "too_large"
    UNKNOWN_ENTERPRISE = "unknown_enterprise"
    UNKNOWN_METER = "unknown_meter"
    NOT_A_NUMBER = "not_a_number"
    NO_VALUE = "no_value"
    BAD_TIME = "bad_time"
    TIME_IN_FUTURE = "time_in_future"
    TIME_TOO_OLD = "time_too_old"
    OUTSIDE_VALIDITY = "outside_validity"
    UNKNOWN_PRODUCT = "unknown_product"  # output messages only
    BAD_PERIOD = "bad_period"  # output messages only
    UNKNOWN_UNIT = "unknown_unit"  # output messages only


class Unusable(Exception):
    """This message can never become readings. Keep it aside, answer, acknowledge, go on."""

    def __init__(self, reason: Reason, message: str):
        super().__init__(message)
        self.reason = reason
        self.message = message


@dataclass(frozen=True, slots=True)
class Rejection:
    """One reading that is not stored. index: its place in the message, None if no reading could be told apart.

    time and value are kept as they were sent, so that a reading of an unknown meter can be admitted later.
    """

    index: int | None
    meter: object
    reason: Reason
    message: str
    time: object = None
    value: object = None
    estimated: bool = False

"""The one exception that is meant for a person."""


class Refused(Exception):
    """What was asked cannot be done, and the message says why in one sentence, with the value and what would be right.

    Commands print the message and end with exit code 1, without a traceback.
    """

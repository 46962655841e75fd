"""The log: always there, never fails, and what an operator reads first."""

import logging

from alerts.channels import SENT, Notice, Told

log = logging.getLogger("enermon.alerts")


class LogChannel:
    """One line a notice, at the weight of its worst level."""

    name = "log"

    def send(self, notice: Notice) -> Told:
        log.log(logging.ERROR if notice.worst == "red" else logging.WARNING, "%s", notice.body)
        return SENT

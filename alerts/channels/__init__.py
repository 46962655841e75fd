"""Ways to tell somebody. A channel tries to send and says whether trying again makes sense; retrying is not its job.

To add one: copy a neighbour, replace every part, and name it in `of_urls`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Notice:
    """What is to be told: a line for a subject, and the text. worst: the name of the highest level in it."""

    title: str
    body: str
    worst: str


@dataclass(frozen=True)
class Told:
    """How a try went. `again` false: this will never go out this way."""

    sent: bool
    again: bool = True
    error: str = ""


SENT = Told(True)


class Channel(Protocol):
    """`name` is stored with every delivery: it names the channel, for good, and gives no secret away."""

    @property
    def name(self) -> str: ...

    def send(self, notice: Notice) -> Told:
        """Try once. Never raises for what the other side does."""
        ...


def of_urls(urls: Sequence[str]) -> tuple[Channel, ...]:
    """The log, and one channel for each address as Apprise reads them (mailtos://, jsons://, xmls://, forms:// …)."""
    from alerts.channels.log import LogChannel
    from alerts.channels.push import PushChannel

    return (LogChannel(), *(PushChannel(url) for url in urls))

"""E-mail, webhooks and what else Apprise knows, by an address such as mailtos://user:password@example.org."""

from hashlib import sha256

from alerts.channels import SENT, Notice, Told

_KINDS = {"red": "failure", "orange": "warning", "yellow": "warning", "blue": "info"}


class PushChannel:
    """One address. Its name shows the scheme and a piece of a hash, since addresses hold passwords."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.name = f"{url.partition(':')[0]}-{sha256(url.encode()).hexdigest()[:8]}"

    def send(self, notice: Notice) -> Told:
        from apprise import Apprise  # half a second that only who has channels pays

        service = Apprise()
        if not service.add(self._url):
            return Told(False, again=False, error=f"{self.name} is an address that Apprise cannot read")
        if service.notify(body=notice.body, title=notice.title, notify_type=_KINDS.get(notice.worst, "info")):
            return SENT
        return Told(False, error=f"{self.name} did not take it")

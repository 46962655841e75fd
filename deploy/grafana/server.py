"""A Grafana server over its HTTP API: everything by uid, every failure one sentence.

`grafana-client` is imported when a server is spoken to, never before: it puts `urllib3-future` in place of urllib3 for
the whole environment, and whoever has no Grafana should not have it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from typing import Any
from urllib.parse import unquote, urlsplit

from energy.refused import Refused

OLDEST = 11  # folders inside folders
_PATIENCE_S = 30.0
_PAGE = 1000


class Missing(Exception):
    """Nothing of that uid is there."""


@dataclass(frozen=True)
class Access:
    """Where Grafana is, without an account in the address, and how we come in: by a token, or by user and password."""

    url: str
    credential: str | tuple[str, str] = field(repr=False)


def access(address: str, token: str | None) -> Access:
    """From the settings. Refused if neither a token nor a user and password is there."""
    parts = urlsplit(address)
    url = parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl().rstrip("/")
    if token:
        return Access(url, token)
    if parts.username and parts.password:
        return Access(url, (unquote(parts.username), unquote(parts.password)))
    raise Refused(
        f"For Grafana at {url} there is no account: set grafana_token to the token of a service account with the role"
        " Admin, or write grafana as https://user:password@host."
    )


class Server:
    """One Grafana. Every method raises Refused with a sentence where Grafana does not do what is asked."""

    def __init__(self, where: Access) -> None:
        parts = urlsplit(where.url)
        prefix = parts.path.strip("/")
        self._url = where.url
        self._errors, self._network = _client("client"), _client("client").niquests.exceptions
        self._api = _client("api").GrafanaApi(
            where.credential,
            host=f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname,
            port=parts.port,
            protocol=parts.scheme,
            url_path_prefix=f"{prefix}/" if prefix else "",
            timeout=_PATIENCE_S,
        )

    def check(self) -> str:
        """Grafana's version, "" where it does not tell. Refused if it is too old, or no Grafana."""
        told = self._do("to read its settings", lambda: self._api.client.GET("/frontend/settings"))
        if not isinstance(told, dict) or "buildInfo" not in told:
            raise Refused(f"What answers at {self._url} is no Grafana.")
        version = str(told["buildInfo"].get("version") or "")
        first = version.partition(".")[0]
        if first.isdecimal() and int(first) < OLDEST:
            raise Refused(f"Grafana at {self._url} is version {version}; {OLDEST} or newer is needed.")
        return version

    def source(self, uid: str) -> dict[str, Any]:
        """A data source; Missing if there is none."""
        found: dict[str, Any] = self._read(
            "to read data sources", lambda: self._api.datasource.get_datasource_by_uid(uid)
        )
        return found

    def add_source(self, body: dict[str, Any]) -> None:
        self._do("to add a data source", lambda: self._api.datasource.create_datasource(body))

    def change_source(self, uid: str, body: dict[str, Any]) -> None:
        self._do("to change a data source", lambda: self._api.datasource.update_datasource_by_uid(uid, body))

    def complaint(self, uid: str) -> str:
        """What Grafana says when it tries the data source, "" if it works or cannot be tried."""
        try:
            told = self._api.datasource.health(uid)
        except (self._errors.GrafanaBadInputError, self._errors.GrafanaServerError) as error:
            return str(_message(error))
        except (self._errors.GrafanaException, self._network.RequestException):
            return ""
        return str(told.get("message", "")) if str(told.get("status", "OK")).upper() != "OK" else ""

    def folder(self, uid: str) -> dict[str, Any]:
        """A folder; Missing if there is none."""
        found: dict[str, Any] = self._read("to read folders", lambda: self._api.folder.get_folder(uid))
        return found

    def add_folder(self, uid: str, title: str, parent: str | None) -> None:
        self._do("to add a folder", lambda: self._api.folder.create_folder(title, uid, parent))

    def name_folder(self, uid: str, title: str, version: int) -> None:
        self._do("to change a folder", lambda: self._api.folder.update_folder(uid, title=title, version=version))

    def move_folder(self, uid: str, parent: str | None) -> None:
        """Below another folder; None: to the top."""
        self._do("to move a folder", lambda: self._api.folder.move_folder(uid, parent or ""))

    def is_empty(self, uid: str) -> bool:
        """Whether nothing at all lies in a folder: dashboards, folders, alert rules, library panels."""
        try:
            counts = self._read("to read folders", lambda: self._api.client.GET(f"/folders/{uid}/counts"))
        except Missing:
            return False  # nobody can tell
        return not any(counts.values())

    def remove_folder(self, uid: str) -> None:
        self._do("to remove a folder", lambda: self._api.folder.delete_folder(uid))

    def dashboard(self, uid: str) -> dict[str, Any]:
        """A dashboard with its `meta`; Missing if there is none."""
        found: dict[str, Any] = self._read("to read dashboards", lambda: self._api.dashboard.get_dashboard(uid))
        return found

    def write_dashboard(self, body: dict[str, Any], folder: str) -> None:
        """Add it, or change the version that it names; one that was changed meanwhile is refused."""
        told = {"dashboard": body, "folderUid": folder, "overwrite": False, "message": "enermon grafana sync"}
        self._do("to write a dashboard", lambda: self._api.dashboard.update_dashboard(told))

    def remove_dashboard(self, uid: str) -> None:
        self._do("to remove a dashboard", lambda: self._api.dashboard.delete_dashboard(uid))

    def dashboards(self, tag: str) -> Iterator[dict[str, Any]]:
        """Those that carry a tag, as search tells them."""
        return self._found(tag=tag, type_="dash-db")

    def folders(self) -> Iterator[dict[str, Any]]:
        """All that we may see, as search tells them."""
        return self._found(type_="dash-folder")

    def _found(self, **wanted: str) -> Iterator[dict[str, Any]]:
        page = 1
        while True:
            asked: dict[str, Any] = {**wanted, "limit": _PAGE, "page": page}
            hits = self._do("to search", partial(self._api.search.search_dashboards, **asked))
            yield from hits
            if len(hits) < _PAGE:
                return
            page += 1

    def _read(self, what: str, ask: Callable[[], Any]) -> Any:
        """Missing where Grafana does not know the uid."""
        try:
            return ask()
        except self._errors.GrafanaClientError as error:
            if error.status_code == 404:
                raise Missing from error
            raise Refused(self._sentence(what, error)) from error
        except (self._errors.GrafanaException, self._network.RequestException) as error:
            raise Refused(self._sentence(what, error)) from error

    def _do(self, what: str, ask: Callable[[], Any]) -> Any:
        try:
            return ask()
        except (self._errors.GrafanaException, self._network.RequestException) as error:
            raise Refused(self._sentence(what, error)) from error

    def _sentence(self, what: str, error: Any) -> str:
        at = f"Grafana at {self._url}"
        if isinstance(error, self._network.JSONDecodeError) or _status(error) == 404:
            return f"What answers at {self._url} is no Grafana: it was asked {what}, and does not know that."
        if isinstance(error, self._errors.GrafanaTimeoutError):
            return f"{at} did not answer within {_PATIENCE_S:.0f} seconds."
        if isinstance(error, self._network.SSLError):
            return f"{at} has a certificate that this machine does not trust."
        if isinstance(error, self._network.RequestException):
            return f"{at} does not answer: {_reason(error)}."
        if error.status_code == 401:
            return f"{at} does not let us in: grafana_token, or user and password in grafana, are wrong."
        if error.status_code == 403:
            return f"{at} lets us in, but not {what} ({_message(error)}); the account needs the role Admin."
        return f"{at} refuses {what}: {_message(error)}."


def _client(module: str) -> Any:
    try:
        return import_module(f"grafana_client.{module}")
    except ModuleNotFoundError as error:
        if error.name and error.name.partition(".")[0] not in ("grafana_client", "niquests"):
            raise
        raise Refused(
            "The package grafana-client is missing; install it with pip install 'enermon[grafana]'."
        ) from error


def _status(error: Any) -> int:
    return int(getattr(error, "status_code", 0) or 0)


def _message(error: Any) -> str:
    """What Grafana itself said, without a full stop."""
    told = error.response.get("message") if isinstance(error.response, dict) else None
    return str(told or error.message).strip(" .")


def _reason(error: BaseException) -> str:
    """The innermost cause, which is the one that a person can do something about."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__  # type: ignore[assignment]
    return str(getattr(error, "strerror", None) or error).strip(" .") or type(error).__name__

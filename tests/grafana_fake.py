"""A Grafana that remembers: data sources, folders in folders and dashboards with versions, over HTTP on loopback.

It refuses what Grafana 11 refuses, with the same numbers: 401 without the right account, 403 where the account's role
does not suffice, 404 for what is not there, 409 for a name or uid that is taken, 412 for a version that is not the
present one; and it removes a folder with all that lies in it. Every request and answer is kept, to be held against
the description of the real one.
"""

import base64
import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "glsa_fake"
BASIC = "Basic " + base64.b64encode(b"admin:s3cret/@").decode()
_PREFIX = "/grafana/api"  # below a path, as behind a proxy


class Refusal(Exception):
    """Status and what Grafana says."""


@dataclass(frozen=True)
class Exchange:
    """One request and its answer."""

    method: str
    path: str
    query: dict[str, list[str]]
    body: Any
    status: int
    answer: Any


@dataclass
class Fake:
    """What it holds, and how it is."""

    url: str = ""
    version: str = "11.4.0"
    role: str = "Admin"
    database_complaint: str = ""
    sources: dict[str, dict[str, Any]] = field(default_factory=dict)
    folders: dict[str, dict[str, Any]] = field(default_factory=dict)
    dashboards: dict[str, dict[str, Any]] = field(default_factory=dict)
    panels_in: dict[str, int] = field(default_factory=dict)  # library panels by folder
    exchanges: list[Exchange] = field(default_factory=list)
    _ids: int = 0

    @property
    def writes(self) -> list[tuple[str, str]]:
        """Every request that is no question."""
        return [(each.method, each.path) for each in self.exchanges if each.method != "GET"]

    def put_dashboard(self, uid: str, title: str, folder: str = "", tags: Sequence[str] = ()) -> None:
        """As somebody would by hand."""
        body = {"uid": uid, "title": title, "tags": list(tags), "panels": []}
        self.write_dashboard({"dashboard": body, "folderUid": folder, "overwrite": True})

    def put_folder(self, uid: str, title: str, parent: str = "") -> None:
        self.add_folder({"uid": uid, "title": title, "parentUid": parent})

    def number(self) -> int:
        self._ids += 1
        return self._ids

    # What it does -----------------------------------------------------------------------------

    def settings(self) -> Any:
        return {"buildInfo": {"version": self.version, "edition": "Open Source"}}

    def add_source(self, body: dict[str, Any]) -> Any:
        if any(each["name"] == body["name"] or each["uid"] == body.get("uid") for each in self.sources.values()):
            raise Refusal(409, "data source with the same name already exists")
        source = self._source(body, self.number(), 1)
        self.sources[source["uid"]] = source
        return {"datasource": source, "id": source["id"], "message": "Datasource added", "name": source["name"]}

    def change_source(self, uid: str, body: dict[str, Any]) -> Any:
        kept = self.source(uid)
        source = self._source({**body, "uid": uid}, kept["id"], kept["version"] + 1)
        source["secureJsonFields"] = {**kept["secureJsonFields"], **source["secureJsonFields"]}
        self.sources[uid] = source
        return {"datasource": source, "id": source["id"], "message": "Datasource updated", "name": source["name"]}

    def _source(self, body: dict[str, Any], id_: int, version: int) -> dict[str, Any]:
        secret = dict.fromkeys(body.get("secureJsonData", {}), True)
        shown = {name: value for name, value in body.items() if name != "secureJsonData"}
        return {"id": id_, "orgId": 1, "typeLogoUrl": "", "basicAuth": False, "basicAuthUser": "", "database": "",
                "isDefault": False, "readOnly": False, "withCredentials": False, **shown, "version": version,
                "secureJsonFields": secret}  # fmt: skip

    def source(self, uid: str) -> Any:
        return _found(self.sources, uid, "Data source not found")

    def health(self, uid: str) -> Any:
        self.source(uid)
        if self.database_complaint:
            raise Refusal(400, self.database_complaint)
        return {"message": "Database Connection OK", "status": "OK"}

    def add_folder(self, body: dict[str, Any]) -> Any:
        uid, parent = body.get("uid") or f"generated{self.number()}", body.get("parentUid") or ""
        if uid in self.folders:
            raise Refusal(409, "a folder with the same uid already exists")
        if parent and parent not in self.folders:
            raise Refusal(404, "parent folder not found")
        self.folders[uid] = {"id": self.number(), "uid": uid, "title": body["title"], "version": 1, "url": f"/f/{uid}",
                             **({"parentUid": parent} if parent else {})}  # fmt: skip
        return self.folders[uid]

    def folder(self, uid: str) -> Any:
        return _found(self.folders, uid, "folder not found")

    def change_folder(self, uid: str, body: dict[str, Any]) -> Any:
        kept = self.folder(uid)
        if not body.get("overwrite") and body.get("version") != kept["version"]:
            raise Refusal(412, "the folder has been changed by someone else")
        kept |= {"title": body.get("title", kept["title"]), "version": kept["version"] + 1}
        return kept

    def move_folder(self, uid: str, body: dict[str, Any]) -> Any:
        kept = self.folder(uid)
        if body["parentUid"]:
            self.folder(body["parentUid"])
            kept["parentUid"] = body["parentUid"]
        else:
            kept.pop("parentUid", None)
        kept["version"] += 1
        return kept

    def counts(self, uid: str) -> Any:
        self.folder(uid)
        inside = [each for each in self.folders if self.folders[each].get("parentUid") == uid]
        below = [self.counts(each) for each in inside]
        return {
            "folder": len(inside) + sum(each["folder"] for each in below),
            "dashboard": sum(each["meta"]["folderUid"] == uid for each in self.dashboards.values())
            + sum(each["dashboard"] for each in below),
            "librarypanel": self.panels_in.get(uid, 0),
            "alertrule": 0,
        }

    def remove_folder(self, uid: str) -> Any:
        kept = self.folder(uid)
        for inner in [each for each in self.folders if self.folders[each].get("parentUid") == uid]:
            self.remove_folder(inner)
        self.dashboards = {key: one for key, one in self.dashboards.items() if one["meta"]["folderUid"] != uid}
        del self.folders[uid]
        return {"id": kept["id"], "message": f"Folder {kept['title']} deleted", "title": kept["title"]}

    def write_dashboard(self, body: dict[str, Any]) -> Any:
        told, folder = dict(body["dashboard"]), body.get("folderUid") or ""
        uid = told.get("uid") or f"generated{self.number()}"
        if not told.get("title"):
            raise Refusal(400, "Dashboard title cannot be empty")
        if folder and folder not in self.folders:
            raise Refusal(400, "folder not found")
        kept = self.dashboards.get(uid)
        version = kept["dashboard"]["version"] if kept else 0
        if kept and not body.get("overwrite") and told.get("version") != version:
            raise Refusal(412, "The dashboard has been changed by someone else")
        id_ = kept["dashboard"]["id"] if kept else self.number()
        told |= {"id": id_, "uid": uid, "version": version + 1}
        self.dashboards[uid] = {"dashboard": told, "meta": {"folderUid": folder, "version": version + 1, "type": "db"}}
        return {"id": id_, "uid": uid, "status": "success", "version": version + 1, "url": f"/d/{uid}/x", "slug": "x",
                "folderUid": folder, "title": told["title"]}  # fmt: skip

    def dashboard(self, uid: str) -> Any:
        return _found(self.dashboards, uid, "Dashboard not found")

    def remove_dashboard(self, uid: str) -> Any:
        kept = self.dashboard(uid)["dashboard"]
        del self.dashboards[uid]
        return {"id": kept["id"], "uid": uid, "message": "Dashboard deleted", "title": kept["title"]}

    def search(self, query: dict[str, list[str]]) -> Any:
        hits = [*self._folder_hits(), *self._dashboard_hits()]
        kinds = query.get("type", ["dash-db", "dash-folder"])
        found = [hit for hit in hits if hit["type"] in kinds and set(query.get("tag", [])) <= set(hit["tags"])]
        limit, page = int(query.get("limit", ["1000"])[0]), int(query.get("page", ["1"])[0])
        return found[(page - 1) * limit : page * limit]

    def _folder_hits(self) -> Iterator[dict[str, Any]]:
        for uid, one in self.folders.items():
            yield {"id": one["id"], "uid": uid, "title": one["title"], "type": "dash-folder", "tags": [],
                   "folderUid": one.get("parentUid", "")}  # fmt: skip

    def _dashboard_hits(self) -> Iterator[dict[str, Any]]:
        for uid, one in self.dashboards.items():
            body = one["dashboard"]
            yield {"id": body["id"], "uid": uid, "title": body["title"], "type": "dash-db",
                   "tags": body.get("tags", []), "folderUid": one["meta"]["folderUid"]}  # fmt: skip

    def route(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> Any:
        match method, *path.strip("/").split("/"):
            case "GET", "frontend", "settings":
                return self.settings()
            case "GET", "search":
                return self.search(query)
            case "POST", "datasources":
                return self.add_source(body)
            case "GET", "datasources", "uid", uid, "health":
                return self.health(uid)
            case "GET", "datasources", "uid", uid:
                return self.source(uid)
            case "PUT", "datasources", "uid", uid:
                return self.change_source(uid, body)
            case "POST", "folders":
                return self.add_folder(body)
            case "GET", "folders", uid, "counts":
                return self.counts(uid)
            case "POST", "folders", uid, "move":
                return self.move_folder(uid, body)
            case "GET", "folders", uid:
                return self.folder(uid)
            case "PUT", "folders", uid:
                return self.change_folder(uid, body)
            case "DELETE", "folders", uid:
                return self.remove_folder(uid)
            case "POST", "dashboards", "db":
                return self.write_dashboard(body)
            case "GET", "dashboards", "uid", uid:
                return self.dashboard(uid)
            case "DELETE", "dashboards", "uid", uid:
                return self.remove_dashboard(uid)
        raise Refusal(404, "Not found")


def _found(held: dict[str, dict[str, Any]], uid: str, otherwise: str) -> dict[str, Any]:
    if uid not in held:
        raise Refusal(404, otherwise)
    return held[uid]


@contextmanager
def running() -> Iterator[Fake]:
    """The fake at its address while the block runs."""
    fake = Fake()

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            status, answer = _answered(fake, self)
            text = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json; charset=UTF-8")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:
            """Silence: tests look at what it kept."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    fake.url = f"http://127.0.0.1:{http.server_port}/grafana"
    thread = threading.Thread(target=http.serve_forever, daemon=True)
    thread.start()
    try:
        yield fake
    finally:
        http.shutdown()
        http.server_close()
        thread.join()


def _answered(fake: Fake, asked: BaseHTTPRequestHandler) -> tuple[int, Any]:
    parts = urlsplit(asked.path)
    length = int(asked.headers.get("Content-Length") or 0)
    body = json.loads(asked.rfile.read(length)) if length else None
    path, query = parts.path.removeprefix(_PREFIX), parse_qs(parts.query)
    status, answer = 200, None
    try:
        if not parts.path.startswith(_PREFIX):
            raise Refusal(404, "Not found")
        _let_in(fake, asked.headers.get("Authorization"), asked.command, path)
        answer = json.loads(json.dumps(fake.route(asked.command, path, query, body)))
    except Refusal as refusal:
        status, answer = refusal.args[0], {"message": refusal.args[1]}
    fake.exchanges.append(Exchange(asked.command, path, query, body, status, answer))
    return status, answer


def _let_in(fake: Fake, account: str | None, method: str, path: str) -> None:
    if account not in (f"Bearer {TOKEN}", BASIC):
        raise Refusal(401, "Invalid API key")
    if fake.role != "Admin" and (method != "GET" or path.startswith("/datasources")):
        raise Refusal(403, "You'll need additional permissions to perform this action.")

"""Bring a Grafana to what is wanted: compare first, write only what differs, remove of ours what is no longer wanted.

Ours is what has a uid that begins with `enermon-` and, of dashboards, the tag `enermon` too. What belongs to others is
neither changed nor removed, nor is a folder of ours in which something of theirs lies.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from deploy.grafana.boards import PREFIX, TAG, Place, dashboard
from deploy.grafana.panels import SOURCE
from deploy.grafana.server import Missing, Server
from deploy.grafana.words import Words
from energy.refused import Refused

Done = Literal["created", "changed", "unchanged", "removed", "kept"]


@dataclass(frozen=True)
class Change:
    """What became of one thing. kept: no longer wanted, but something that is not ours lies in it."""

    done: Done
    kind: Literal["data source", "folder", "dashboard"]
    uid: str
    title: str


@dataclass(frozen=True)
class Source:
    """How Grafana reaches the database. told: whether it has been told this password before."""

    address: str
    database: str
    sslmode: str
    user: str
    password: str = field(repr=False)
    told: bool

    def body(self) -> dict[str, Any]:
        """Without the password, which Grafana never shows again."""
        return {
            **SOURCE,
            "name": "Enermon",
            "access": "proxy",
            "url": self.address,
            "user": self.user,
            "jsonData": {
                "database": self.database,
                "sslmode": self.sslmode,
                "postgresVersion": 1500,
                "maxOpenConns": 10,
                "connMaxLifetime": 14400,
            },
        }


@dataclass(frozen=True)
class Folder:
    """A folder and the one it lies in, None for the top."""

    uid: str
    title: str
    parent: str | None


@dataclass(frozen=True)
class Wanted:
    """Everything that should be there. boards: the JSON of dashboards with the uid of their folder."""

    source: Source
    folders: Sequence[Folder]
    boards: Sequence[tuple[dict[str, Any], str]]


def wanted(places: Sequence[Place], source: Source, language: str, zone: str) -> Wanted:
    """One folder a place, those below the first one in it, each with its dashboards."""
    words = Words(language)
    folders = [_folder(place, places[0], words) for place in places]
    boards = [
        (dashboard(board, place, words, zone), folder.uid)
        for place, folder in zip(places, folders, strict=True)
        for board in place.boards()
    ]
    return Wanted(source, folders, boards)


def _folder(place: Place, top: Place, words: Words) -> Folder:
    uid, above = f"{PREFIX}{place.key}", f"{PREFIX}{top.key}"
    return (
        Folder(uid, f"{words('text', 'folder')} · {place.name}", None)
        if place == top
        else Folder(uid, place.name, above)
    )


def sync(server: Server, all_wanted: Wanted, dry_run: bool = False) -> Iterator[Change]:
    """What becomes of each thing, as it happens. dry_run: what would, and nothing is written."""
    yield _sync_source(server, all_wanted.source, dry_run)
    for folder in all_wanted.folders:
        yield _sync_folder(server, folder, dry_run)
    for body, folder_uid in all_wanted.boards:
        yield _sync_board(server, body, folder_uid, dry_run)
    yield from _tidy_boards(server, {body["uid"] for body, _ in all_wanted.boards}, dry_run)
    yield from _tidy_folders(server, {folder.uid for folder in all_wanted.folders}, dry_run)


def covers(found: Any, ours: Any) -> bool:
    """Whether all that we would write stands there. Grafana may have added keys of its own, but no items to a list."""
    if isinstance(ours, dict):
        return isinstance(found, dict) and all(covers(found.get(key), value) for key, value in ours.items())
    if isinstance(ours, list):
        return (
            isinstance(found, list)
            and len(found) == len(ours)
            and all(covers(one, other) for one, other in zip(found, ours, strict=True))
        )
    return bool(found == ours)


def _sync_source(server: Server, source: Source, dry_run: bool) -> Change:
    body = source.body()
    uid, secrets = body["uid"], {"secureJsonData": {"password": source.password}}
    try:
        found = server.source(uid)
    except Missing:
        if not dry_run:
            server.add_source(body | secrets)
        return Change("created", "data source", uid, body["name"])
    if covers(found, body) and source.told and (found.get("secureJsonFields") or {}).get("password"):
        return Change("unchanged", "data source", uid, body["name"])
    if not dry_run:
        server.change_source(uid, body | secrets)
    return Change("changed", "data source", uid, body["name"])


def _sync_folder(server: Server, folder: Folder, dry_run: bool) -> Change:
    try:
        found = server.folder(folder.uid)
    except Missing:
        if not dry_run:
            server.add_folder(folder.uid, folder.title, folder.parent)
        return Change("created", "folder", folder.uid, folder.title)
    moved, named = (found.get("parentUid") or None) != folder.parent, found.get("title") != folder.title
    if moved and not dry_run:
        server.move_folder(folder.uid, folder.parent)
    if named and not dry_run:
        version = server.folder(folder.uid).get("version", 1) if moved else found.get("version", 1)
        server.name_folder(folder.uid, folder.title, version)
    return Change("changed" if moved or named else "unchanged", "folder", folder.uid, folder.title)


def _sync_board(server: Server, body: dict[str, Any], folder: str, dry_run: bool) -> Change:
    uid, title = body["uid"], body["title"]
    try:
        found = server.dashboard(uid)
    except Missing:
        if not dry_run:
            server.write_dashboard(body, folder)
        return Change("created", "dashboard", uid, title)
    there = found["dashboard"]
    if TAG not in (there.get("tags") or []):
        raise Refused(
            f"The dashboard {uid} ({there.get('title', '')}) in Grafana has no tag {TAG}, so it is not ours to change;"
            " give it that tag, or another uid."
        )
    if covers(there, body) and found.get("meta", {}).get("folderUid", "") == folder:
        return Change("unchanged", "dashboard", uid, title)
    if not dry_run:
        server.write_dashboard(body | {"version": there.get("version")}, folder)
    return Change("changed", "dashboard", uid, title)


def _tidy_boards(server: Server, keep: set[str], dry_run: bool) -> Iterator[Change]:
    for hit in list(server.dashboards(TAG)):
        if hit["uid"].startswith(PREFIX) and TAG in (hit.get("tags") or []) and hit["uid"] not in keep:
            if not dry_run:
                server.remove_dashboard(hit["uid"])
            yield Change("removed", "dashboard", hit["uid"], hit["title"])


def _tidy_folders(server: Server, keep: set[str], dry_run: bool) -> Iterator[Change]:
    """Those inside others first. Grafana removes a folder with all that is in it, so one that is not empty stays."""
    unwanted = [hit for hit in server.folders() if hit["uid"].startswith(PREFIX) and hit["uid"] not in keep]
    inside = {hit["uid"] for hit in unwanted}
    for hit in sorted(unwanted, key=lambda hit: (hit.get("folderUid") or "") not in inside):
        if not dry_run and not server.is_empty(hit["uid"]):
            yield Change("kept", "folder", hit["uid"], hit["title"])
            continue
        if not dry_run:
            server.remove_folder(hit["uid"])
        yield Change("removed", "folder", hit["uid"], hit["title"])

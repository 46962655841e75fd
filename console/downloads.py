"""Report files: exactly those that a run recorded, found by comparing names and never by joining paths."""

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from fastapi.responses import FileResponse

from console.trouble import Trouble
from storage.pages import Report

_KINDS = {
    ".html": "text/html; charset=utf-8",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".pdf": "application/pdf",
}
# A report brings its own style and pictures with it, and is shown apart from the console and without script.
_REPORT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox; frame-ancestors 'none'"


def names(report: Report) -> list[str]:
    """The names of the files of a run, each once."""
    return list(dict.fromkeys(Path(file).name for file in report.files))


def address(report: Report, name: str) -> str:
    """Where the console offers that file."""
    return f"/reports/{report.id}/{quote(name, safe='')}"


def answer(runs: Sequence[Report], name: str, folder: Path) -> FileResponse:
    """The recorded file of that name, HTML to be looked at and anything else to be saved. Trouble 404 for any other."""
    recorded = (folder / file for run in runs for file in run.files)
    path = next((path for path in recorded if path.name == name), None)
    if path is None or path.suffix not in _KINDS or not path.is_file() or not _is_inside(path, folder):
        raise Trouble(404, "no_file", name)
    return FileResponse(
        path,
        media_type=_KINDS[path.suffix],
        filename=name,
        headers={"Content-Security-Policy": _REPORT_POLICY},
        content_disposition_type="inline" if path.suffix == ".html" else "attachment",
    )


def _is_inside(path: Path, folder: Path) -> bool:
    """Also where a link or a record with dots points elsewhere."""
    return path.resolve().is_relative_to(folder.resolve())

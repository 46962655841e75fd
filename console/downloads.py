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


def answer(runs: Sequence[Report], name: str) -> FileResponse:
    """The recorded file of that name, HTML to be looked at and anything else to be saved. Trouble 404 for any other."""
    file = next((path for run in runs for path in map(Path, run.files) if path.name == name), None)
    if file is None or file.suffix not in _KINDS or not file.is_file():
        raise Trouble(404, "no_file", name)
    return FileResponse(
        file,
        media_type=_KINDS[file.suffix],
        filename=name,
        headers={"Content-Security-Policy": _REPORT_POLICY},
        content_disposition_type="inline" if file.suffix == ".html" else "attachment",
    )

"""Writing the monthly report of an enterprise or a region: one file a format, whole or not at all."""

import os
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from tempfile import NamedTemporaryFile
from zoneinfo import ZoneInfo

from psycopg import Connection

from energy.periods import Period
from energy.refused import Refused
from reports.figures import EnterpriseMonth, enterprise_month
from reports.html import enterprise_html, region_html
from reports.region import RegionMonth, region_month
from reports.xlsx import enterprise_xlsx, region_xlsx

FORMATS = ("html", "xlsx", "pdf")
DEFAULT_FORMATS = ("html", "xlsx")

_ENTERPRISE: Mapping[str, Callable[[EnterpriseMonth, str], bytes]] = {
    "html": lambda figures, language: enterprise_html(figures, language).encode(),
    "xlsx": enterprise_xlsx,
}
_REGION: Mapping[str, Callable[[RegionMonth, str], bytes]] = {
    "html": lambda figures, language: region_html(figures, language).encode(),
    "xlsx": region_xlsx,
}


def check_formats(formats: Sequence[str]) -> None:
    """Refused for a format that cannot be written, before anything is."""
    if "pdf" in formats:
        raise Refused("Reports are not written as pdf yet; write html, which prints to A4 from any browser, or xlsx.")
    if unknown := [name for name in formats if name not in FORMATS]:
        raise Refused(f"{unknown[0]!r} is no report format; write html or xlsx.")


def write(
    conn: Connection,
    period: Period,
    scope: str,
    code: str,
    folder: Path,
    formats: Sequence[str],
    now: datetime,
    zone: ZoneInfo,
    language: str = "zh",
) -> list[Path]:
    """Files `<code>-<month>.<format>` in the folder, with the figures as known at `now`.

    The same data and the same `now` give the same bytes. Refused where the enterprise or region does not exist, the
    month has not begun, or a format cannot be written.
    """
    check_formats(formats)
    if period.since(zone) > now:
        raise Refused(f"{period.name} has not begun; write a month up to {now.astimezone(zone):%Y-%m}.")
    contents = _contents(conn, period, scope, code, now, zone, formats, language)
    folder.mkdir(parents=True, exist_ok=True)
    return [_put(folder / f"{code}-{period.name}.{form}", content) for form, content in contents.items()]


def _contents(
    conn: Connection,
    period: Period,
    scope: str,
    code: str,
    now: datetime,
    zone: ZoneInfo,
    formats: Sequence[str],
    language: str,
) -> dict[str, bytes]:
    if scope == "region":
        region = region_month(conn, code, period, now, zone)
        return {form: _REGION[form](region, language) for form in formats}
    enterprise = enterprise_month(conn, code, period, now, zone)
    return {form: _ENTERPRISE[form](enterprise, language) for form in formats}


def _put(path: Path, content: bytes) -> Path:
    """Write beside the file and rename: whoever reads it sees the old one or the new one."""
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as draft:
        draft.write(content)
        draft.flush()
        os.fsync(draft.fileno())
    Path(draft.name).chmod(0o644)
    return Path(draft.name).replace(path)

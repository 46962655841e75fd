"""`python -m tests.draw_dashboards DSN FOLDER`: the dashboards as pictures, from the rows of their own questions.

No Grafana draws them: each panel's statement is asked over the database (the demo's, say), and its rows are put into
SVG and tables at the place and in the colours that the dashboard's JSON gives them. So one can see what a dashboard
shows, not exactly how Grafana will look. Needs Chromium, for the PNG.
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from html import escape
from pathlib import Path
from typing import Any

from psycopg import Connection
from psycopg.rows import dict_row

from deploy.grafana.boards import CENTRE, Board, Place, dashboard
from deploy.grafana.panels import Panel, statement
from deploy.grafana.places import places
from deploy.grafana.words import Words
from energy.periods import DEFAULT_ZONE as ZONE
from storage import database, viewer
from tests.grafana_macros import expanded

_WIDTH, _ROW = 1480, 36  # pixels of the page, and of one row of Grafana's grid
_PALETTE = ("#73bf69", "#f2cc0c", "#5794f2", "#ff9830", "#b877d9", "#f2495c", "#8ab8ff", "#96d98d")
_NAMED = {
    "red": "#e02f44",
    "orange": "#ff780a",
    "yellow": "#d9a600",
    "blue": "#3274d9",
    "green": "#37872d",
    "text": "#222",
}
_STYLE = Path(__file__).with_suffix(".css").read_text("utf-8")


def main(dsn: str, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with database.connect(dsn) as conn:
        place = places(viewer.regions(conn))[0]
        for board in place.boards():
            picture(page(conn, board, place), folder / f"grafana-{board.name}.png")


def page(conn: Connection, board: Board, place: Place) -> str:
    """A dashboard as HTML, over the last thirty days that have figures."""
    until = _last_day(conn)
    chosen = _chosen(conn, board, place, until)
    body = dashboard(board, place, Words("zh"), ZONE.key)
    drawn = "".join(
        _panel(conn, panel, json, chosen, until) for panel, json in zip(board.panels, body["panels"], strict=True)
    )
    height = max(one["gridPos"]["y"] + one["gridPos"]["h"] for one in body["panels"]) * _ROW + 62
    shown = " · ".join(
        f"{name}: {chosen[name]}" for name in ("region", "enterprise", "month", "basis") if name in chosen
    )
    return (
        f"<!doctype html><meta charset=utf-8><style>{_STYLE} html {{ height: {height}px }}</style>"
        f"<h1>{escape(body['title'])}</h1><div class=chosen>{escape(shown)}</div>{drawn}<!--{height}-->"
    )


def picture(html: str, file: Path) -> None:
    height = int(html.rpartition("<!--")[2].removesuffix("-->"))
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "page.html").write_text(html, "utf-8")
        program = shutil.which("chromium") or "chromium"
        subprocess.run(
            [program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
             "--disable-sync", "--disable-background-networking", "--disable-component-update", "--hide-scrollbars",
             f"--user-data-dir={folder}/user", f"--window-size={_WIDTH},{height}", f"--screenshot={file}",
             f"file://{folder}/page.html"],
            check=True, capture_output=True,
        )  # fmt: skip


def _last_day(conn: Connection) -> datetime:
    row = conn.execute("SELECT max(day) FROM usage").fetchone()
    assert row is not None and isinstance(row[0], date), "the database has no figures"
    return datetime(row[0].year, row[0].month, row[0].day, 23, 59, tzinfo=ZONE)


def _chosen(conn: Connection, board: Board, place: Place, until: datetime) -> dict[str, Any]:
    words, whole = Words("zh"), until.replace(day=1) - timedelta(days=1)  # the last month that is whole
    chosen: dict[str, Any] = {
        "top": place.code, "region": place.code, "month": f"{whole:%Y-%m}", "basis": "equivalent", "zone": ZONE.key,
        "level": ["red", "orange", "yellow", "blue"], "language": "zh", "rules": words.rules(), "flags": words.flags(),
    }  # fmt: skip
    if "enterprise" in board.variables or board is CENTRE:
        warned = [row["code"] for row in _rows(conn, "warning_list", chosen, until) if board is not CENTRE]
        offered = _rows(conn, "centres" if board is CENTRE else "enterprises", chosen, until)
        chosen["enterprise"], chosen["named"] = next(
            (row["__value"], row["__text"]) for row in offered if not warned or row["__value"] == warned[0]
        )
    return chosen


def _rows(conn: Connection, query: str, chosen: Mapping[str, Any], until: datetime) -> list[dict[str, Any]]:
    with conn.cursor(row_factory=dict_row) as cur:
        return cur.execute(expanded(statement(query), chosen, until - timedelta(days=30), until)).fetchall()


def _panel(conn: Connection, panel: Panel, json: dict[str, Any], chosen: dict[str, Any], until: datetime) -> str:
    rows = _rows(conn, panel.query, chosen, until)
    at = json["gridPos"]
    width, height = at["w"] * _WIDTH // 24 - 8, at["h"] * _ROW - 8
    title = json["title"].replace("${month}", chosen["month"]).replace("${enterprise:text}", chosen.get("named", ""))
    looks = {one["matcher"]["options"]: {each["id"]: each["value"] for each in one["properties"]}
             for one in json["fieldConfig"]["overrides"]}  # fmt: skip
    inner = _DRAWN[panel.kind](panel, rows, looks, (width, height - 26)) if rows else "<p style='padding:8px'>—</p>"
    left, top = at["x"] * _WIDTH // 24 + 4, at["y"] * _ROW + 58
    style = f"left:{left}px;top:{top}px;width:{width}px;height:{height}px"
    return f"<div class=panel style='{style}'><h2>{escape(title)}</h2>{inner}</div>"


Looks = Mapping[str, Mapping[str, Any]]
Rows = Sequence[Mapping[str, Any]]


def _colour(name: str) -> str:
    return _NAMED.get(name, name)


def _shown(value: Any, look: Mapping[str, Any]) -> str:
    """A value as its column shows it: mapped, rounded, with its unit."""
    options = {code: one["text"] for mapping in look.get("mappings", []) for code, one in mapping["options"].items()}
    plain = str(value).lower() if isinstance(value, bool) else str(value)
    if value is None:
        return "—"
    if plain in options:
        return str(options[plain])
    if isinstance(value, datetime):
        return f"{value.astimezone(ZONE):%Y-%m-%d %H:%M}"
    if isinstance(value, (str, bool, date)):
        return plain
    unit, number = look.get("unit", ""), float(value)
    if unit == "percentunit":
        return f"{number:.1%}"
    if unit == "s":
        return f"{number / 86400:.1f} d"
    suffix = {"kwatth": " kWh", "kwatt": " kW", "m": " min"}.get(unit, unit.removeprefix("suffix:"))
    return (
        f"{number:,.{look.get('decimals', 0) if number % 1 else 0}f}{suffix if suffix not in ('none', 'short') else ''}"
    )


def _paint(value: Any, look: Mapping[str, Any]) -> str:
    """The colour that the column's mappings or steps give a value, "" for none."""
    for mapping in look.get("mappings", []):
        if (found := mapping["options"].get(str(value).lower() if isinstance(value, bool) else str(value))) is not None:
            return _colour(found.get("color", ""))
    if value is None or "thresholds" not in look or isinstance(value, str):
        return ""
    steps = [
        step["color"] for step in look["thresholds"]["steps"] if step["value"] is None or float(value) >= step["value"]
    ]
    return _colour(steps[-1])


def _table(panel: Panel, rows: Rows, looks: Looks, size: tuple[int, int]) -> str:
    head = "".join(f"<th>{escape(looks[column]['displayName'])}</th>" for column in panel.columns)
    lines = []
    for row in rows[: size[1] // 23]:
        cells = []
        for column in panel.columns:
            value, look = row[column], looks[column]
            kind = "link" if "links" in look else "number" if isinstance(value, (int, float)) else ""
            cells.append(f"<td class='{kind}' style='color:{_paint(value, look)}'>{escape(_shown(value, look))}</td>")
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return f"<table><tr>{head}</tr>{''.join(lines)}</table>"


def _stat(panel: Panel, rows: Rows, looks: Looks, size: tuple[int, int]) -> str:
    filled = set(panel.columns) <= set(_NAMED)
    cells = []
    for column in panel.columns:
        value, look = rows[0][column], looks[column]
        style = f"background:{_colour(column)}" if filled else ""
        text = f"<b style='color:{'' if filled else _paint(value, look)}'>{escape(_shown(value, look))}</b>"
        cells.append(f"<div class='stat {'filled' if filled else ''}' style='{style}'>{text}<span>"
                     f"{escape(look['displayName'])}</span></div>")  # fmt: skip
    return f"<div class=stats>{''.join(cells)}</div>"


def _bargauge(panel: Panel, rows: Rows, looks: Looks, size: tuple[int, int]) -> str:
    name, value = panel.columns
    most = max(float(row[value]) for row in rows)
    return "".join(
        f"<div class=bar><span>{escape(str(row[name]))}</span>"
        f"<i style='width:{45 * float(row[value]) / most:.1f}%'></i><b>{row[value]}</b></div>"
        for row in rows[: size[1] // 22]
    )


def _barchart(panel: Panel, rows: Rows, looks: Looks, size: tuple[int, int]) -> str:
    series = {name: [row[name] for row in rows] for name in panel.columns[1:]}
    return _chart(series, [str(row[panel.columns[0]]) for row in rows], looks, size, bars=True, stacked=False)


def _timeseries(panel: Panel, rows: Rows, looks: Looks, size: tuple[int, int]) -> str:
    times = sorted({row["time"] for row in rows})
    if panel.metrics:
        names = dict.fromkeys(row[panel.columns[1]] for row in rows)
        values = {(row["time"], row[panel.columns[1]]): row[panel.columns[2]] for row in rows}
        series = {name: [values.get((time, name)) for time in times] for name in names}
    else:
        series = {name: [row[name] for row in rows] for name in panel.columns[1:]}
    series = {name: values for name, values in series.items() if any(value is not None for value in values)}
    labels = [f"{time.astimezone(ZONE):%m-%d}" for time in times]
    return _chart(series, labels, looks, size, panel.bars, panel.stacked)


def _chart(
    series: Mapping[str, Sequence[Any]],
    labels: Sequence[str],
    looks: Looks,
    size: tuple[int, int],
    bars: bool,
    stacked: bool,
) -> str:
    """Bars or lines over the same places; a place without a value stays empty."""
    width, height = size[0] - 70, size[1] - 52
    sums = [sum(float(values[at] or 0) for values in series.values()) for at in range(len(labels))]
    known = [float(value) for values in series.values() for value in values if value is not None]
    top, low = max(sums if stacked else known) or 1, 0.0 if bars else min(known)
    low -= 0.1 * (top - low) if low else 0
    top = top + 0.05 * (top - low)
    marks = [low + (top - low) * part / 4 for part in range(5)]
    grid = "".join(
        f"<line x1=58 x2={58 + width} y1={y} y2={y} stroke='#eee'/>"
        f"<text x=54 y={y + 3} text-anchor=end>{_tick(mark)}</text>"
        for mark in marks
        for y in [round(height - (mark - low) / (top - low) * height + 6, 1)]
    )
    step = max(1, len(labels) // 12)
    along = "".join(
        f"<text x={58 + (at + 0.5) * width / len(labels):.1f} y={height + 20} text-anchor=middle>{label}</text>"
        for at, label in enumerate(labels) if at % step == 0
    )  # fmt: skip
    drawn = "".join(_bars(series, looks, (width, height), (low, top), stacked) if bars else _lines(
        series, looks, (width, height), (low, top)))  # fmt: skip
    return f"<svg width={size[0]} height={size[1]}>{grid}{along}{drawn}{_legend(series, looks, height + 38)}</svg>"


def _tick(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 10 else f"{value:.3g}"


def _place(name: str, number: int, looks: Looks) -> str:
    return _colour(looks.get(name, {}).get("color", {}).get("fixedColor", _PALETTE[number % len(_PALETTE)]))


def _bars(
    series: Mapping[str, Sequence[Any]], looks: Looks, size: tuple[int, int], span: tuple[float, float], stacked: bool
) -> Iterator[str]:
    (width, height), (low, top) = size, span
    count = len(next(iter(series.values())))
    base = [0.0] * count
    slot = width / count
    for number, (name, values) in enumerate(series.items()):
        for at, value in enumerate(values):
            if value is None:
                continue
            tall = float(value) / (top - low) * height
            wide = slot * 0.8 / (1 if stacked else len(series))
            x = 58 + at * slot + slot * 0.1 + (0 if stacked else number * wide)
            yield (f"<rect x={x:.1f} y={height + 6 - base[at] - tall:.1f} width={max(wide, 0.8):.1f} height={tall:.1f} "
                   f"fill='{_place(name, number, looks)}'/>")  # fmt: skip
            base[at] += tall if stacked else 0


def _lines(
    series: Mapping[str, Sequence[Any]], looks: Looks, size: tuple[int, int], span: tuple[float, float]
) -> Iterator[str]:
    (width, height), (low, top) = size, span
    for number, (name, values) in enumerate(series.items()):
        pieces: list[list[str]] = [[]]
        for at, value in enumerate(values):
            if value is None:
                pieces.append([])
                continue
            y = height + 6 - (float(value) - low) / (top - low) * height
            pieces[-1].append(f"{58 + (at + 0.5) * width / len(values):.1f},{y:.1f}")
        for piece in filter(None, pieces):
            colour = _place(name, number, looks)
            yield f"<polyline points='{' '.join(piece)}' fill=none stroke='{colour}' stroke-width=1.2 />"


def _legend(series: Mapping[str, Sequence[Any]], looks: Looks, y: int) -> str:
    x, parts = 60, []
    for number, name in enumerate(series):
        word = looks.get(name, {}).get("displayName", name)
        parts.append(f"<rect x={x} y={y - 8} width=10 height=10 fill='{_place(name, number, looks)}'/>"
                     f"<text x={x + 14} y={y + 1}>{escape(word)}</text>")  # fmt: skip
        x += 26 + 12 * len(word)
    return "".join(parts)


_DRAWN = {"table": _table, "stat": _stat, "bargauge": _bargauge, "barchart": _barchart, "timeseries": _timeseries}

if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))

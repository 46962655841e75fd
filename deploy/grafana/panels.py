"""What one panel is, and the JSON that Grafana wants for it.

A panel is a statement of `storage/sql/panels.sql`, the columns it returns in the order they are shown, and the form in
which they are drawn. What a column is (its unit, its colours) is the same on every panel.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deploy.grafana.words import Words
from storage.sql import sql

SOURCE = {"type": "grafana-postgresql-datasource", "uid": "enermon-postgresql"}
LEVELS = {"red": "red", "orange": "orange", "yellow": "yellow", "blue": "blue"}
_STATES = {"warning": "red", "cannot_judge": "text", "ok": "green", "offline": "red", "online": "green", "open": "red"}
_FUELS = {
    "coal": "#5b5b5b", "oil": "#8a5a2b", "gas": "#5794f2", "power": "#f2cc0c", "heat": "#e0752d", "other": "#8f8f8f",
}  # fmt: skip
_COLOURS = {**LEVELS, **_FUELS, "this_year": "blue", "year_before": "#b0b0b0", "total_kw": "blue", "it_kw": "green"}
_CODED = ("basis", "certainty", "event", "it_point", "level", "metric", "reason", "role", "state")
_NONE = "—"  # unknown is never zero, and never an empty cell that looks like it

_UNITS: Mapping[str, tuple[str, int]] = {
    **dict.fromkeys(
        ("tce", "tce_year", "tce_assessed_year", "tce_equivalent", "tce_equal_value", "this_year", "year_before",
         *_FUELS), ("suffix: tce", 1)),
    **dict.fromkeys(("share", "on_month", "on_year", "of_path", "forecast", "completeness", "estimated_share",
                     "known_share", "accuracy", "timeliness", "verifiability", "validity", "conformity",
                     "valid_transmission"), ("percentunit", 1)),
    "tco2": ("suffix: t", 1), "kwh": ("kwatth", 0), "total_kwh": ("kwatth", 0), "it_kwh": ("kwatth", 0),
    "kw": ("kwatt", 0), "peak_kw": ("kwatt", 1), "total_kw": ("kwatt", 0), "it_kw": ("kwatt", 0), "pue": ("none", 3),
    "score": ("none", 1), "silent_s": ("s", 0), "interval_minutes": ("m", 0),
    **dict.fromkeys(("amount", "low", "high", "used", "limit", "observed"), ("none", 2)),
    **dict.fromkeys(("last_time", "opened", "resolved", "at", "since", "computed"), ("dateTimeAsIso", 0)),
    "calibrated_until": ("time:YYYY-MM-DD", 0),
}  # fmt: skip
_GOOD = {"completeness": (0.9, 0.98), "valid_transmission": (0.9, 0.98), "score": (60, 80)}  # red, orange below, green
_FULL = {"share": (0.8, 0.9, 1.0), "of_path": (1.0, 1.05, 1.1), "forecast": (1.0, 1.0, 1.0)}  # yellow, orange, red from
_WIDE = {"message": 520, "reason": 420, "name": 230, "rule": 200, "document": 220, "flags": 220}


@dataclass(frozen=True)
class Panel:
    """kind: stat, timeseries, barchart, bargauge or table. width: of 24. opens: the board that a name leads to.

    metrics: values come as rows of time, name and value; the columns of such a panel are told for the statement alone.
    coded: those names are codes.
    """

    kind: str
    query: str
    columns: Sequence[str]
    width: int
    height: int
    opens: str = ""
    stacked: bool = False
    bars: bool = False
    metrics: bool = False
    coded: bool = False


def statement(name: str) -> str:
    """What Grafana is to ask; the sentence that says what for stays above it."""
    return sql(f"panels.{name}").rstrip(";")


def target(name: str, form: str = "table") -> dict[str, Any]:
    """A query of a panel, variable or annotation. form: table or time_series."""
    return {
        "refId": "A", "datasource": SOURCE, "format": form, "editorMode": "code", "rawQuery": True,
        "rawSql": statement(name),
    }  # fmt: skip


def drawn(panel: Panel, number: int, x: int, y: int, words: Words, links: Mapping[str, str]) -> dict[str, Any]:
    """The panel as JSON at its place. links: addresses of the boards that names may lead to."""
    overrides = list(_overrides(panel, words, links))
    return {
        "id": number,
        "type": panel.kind,
        "title": words("panel", panel.query),
        "description": words.note(panel.query),
        "datasource": SOURCE,
        "gridPos": {"x": x, "y": y, "w": panel.width, "h": panel.height},
        "targets": [target(panel.query, "time_series" if panel.kind == "timeseries" else "table")],
        "fieldConfig": {"defaults": _defaults(panel), "overrides": overrides},
        "options": _OPTIONS[panel.kind](panel),
    }


def _defaults(panel: Panel) -> dict[str, Any]:
    found: dict[str, Any] = {"noValue": _NONE, "custom": _CUSTOM.get(panel.kind, _plain)(panel)}
    if panel.metrics:
        unit, decimals = _UNITS.get(panel.columns[-1], ("short", 0))
        found |= {"unit": unit, "decimals": decimals}
    if panel.kind == "timeseries" and not panel.bars and "completeness" in panel.columns:
        found |= {"min": 0, "max": 1}
    return found


def _plain(panel: Panel) -> dict[str, Any]:
    return {}


def _lines(panel: Panel) -> dict[str, Any]:
    """Unknown stays a gap in the line."""
    return {
        "drawStyle": "bars" if panel.bars else "line", "lineInterpolation": "linear", "lineWidth": 1,
        "spanNulls": False, "fillOpacity": 80 if panel.bars else 10, "showPoints": "never", "barAlignment": 0,
        "stacking": {"mode": "normal" if panel.stacked else "none", "group": "A"},
    }  # fmt: skip


def _columns(panel: Panel) -> dict[str, Any]:
    return {"lineWidth": 1, "fillOpacity": 80}


def _cells(panel: Panel) -> dict[str, Any]:
    return {"align": "auto", "cellOptions": {"type": "auto"}, "inspect": False, "filterable": True}


_CUSTOM = {"timeseries": _lines, "barchart": _columns, "table": _cells}


def _stat(panel: Panel) -> dict[str, Any]:
    coloured = set(panel.columns) <= set(LEVELS)
    return {
        "reduceOptions": {"values": False, "calcs": ["lastNotNull"], "fields": "/.*/"}, "orientation": "auto",
        "textMode": "value_and_name", "colorMode": "background" if coloured else "value", "graphMode": "none",
        "justifyMode": "auto", "wideLayout": True, "showPercentChange": False, "percentChangeColorMode": "standard",
    }  # fmt: skip


def _timeseries(panel: Panel) -> dict[str, Any]:
    return {"legend": _legend(), "tooltip": {"mode": "multi", "sort": "none"}}


def _legend() -> dict[str, Any]:
    return {"showLegend": True, "displayMode": "list", "placement": "bottom", "calcs": []}


def _barchart(panel: Panel) -> dict[str, Any]:
    return {
        "xField": panel.columns[0], "orientation": "auto", "xTickLabelRotation": 0, "xTickLabelSpacing": 0,
        "xTickLabelMaxLength": 12,
        "stacking": "none", "showValue": "never", "barWidth": 0.9, "groupWidth": 0.8, "fullHighlight": False,
        "legend": _legend(), "tooltip": {"mode": "multi", "sort": "none"},
    }  # fmt: skip


def _bargauge(panel: Panel) -> dict[str, Any]:
    return {
        "reduceOptions": {"values": True, "calcs": [], "fields": f"/^{panel.columns[-1]}$/", "limit": 30},
        "orientation": "horizontal", "displayMode": "basic", "valueMode": "color", "namePlacement": "auto",
        "showUnfilled": True, "sizing": "auto", "minVizWidth": 8, "minVizHeight": 16, "maxVizHeight": 300,
        "legend": {**_legend(), "showLegend": False},
    }  # fmt: skip


def _table(panel: Panel) -> dict[str, Any]:
    footer = {"show": False, "reducer": ["sum"], "countRows": False}
    return {"frameIndex": 0, "showHeader": True, "cellHeight": "sm", "footer": footer, "sortBy": []}


_OPTIONS = {"stat": _stat, "timeseries": _timeseries, "barchart": _barchart, "bargauge": _bargauge, "table": _table}


def _overrides(panel: Panel, words: Words, links: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    if panel.coded:
        for code, word in words.codes().items():
            yield _override(code, [("displayName", word)])
    for column in () if panel.metrics else panel.columns:
        if column != "time":
            yield _override(column, [*_of_column(column, panel, words), *_link(column, panel, words, links)])


def _override(column: str, properties: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    told = [{"id": id_, "value": value} for id_, value in properties]
    return {"matcher": {"id": "byName", "options": column}, "properties": told}


def _of_column(column: str, panel: Panel, words: Words) -> Iterator[tuple[str, Any]]:
    yield "displayName", words("column", column)
    if column in _UNITS:
        yield "unit", _UNITS[column][0]
        yield "decimals", _UNITS[column][1]
    if panel.kind == "table":
        yield from _of_cell(column, words)
    elif column in _COLOURS:
        yield "color", {"mode": "fixed", "fixedColor": _COLOURS[column]}
    elif panel.kind == "stat":
        yield from _steps(column)


def _of_cell(column: str, words: Words) -> Iterator[tuple[str, Any]]:
    if column in _CODED:
        yield "mappings", _mappings(words.codes(), {**LEVELS, **_STATES})
        if column in ("level", "state"):
            yield "custom.cellOptions", {"type": "color-text"}
    elif column == "at_least":
        yield "mappings", _mappings({"true": words("text", "yes"), "false": ""}, {"true": "orange"})
    if column in _GOOD or column in _FULL:
        yield from _steps(column)
        yield "custom.cellOptions", {"type": "color-text"}
    if column in _WIDE:
        yield "custom.width", _WIDE[column]


def _mappings(words: Mapping[str, str], colours: Mapping[str, str]) -> list[dict[str, Any]]:
    """Codes to words; a code that is not among them is shown as it is."""
    shown = {
        code: {"text": text, "index": place, **({"color": colours[code]} if code in colours else {})}
        for place, (code, text) in enumerate(words.items())
    }
    return [{"type": "value", "options": shown}]


def _steps(column: str) -> Iterator[tuple[str, Any]]:
    """Colours by value. A line of law is never coloured here: that is the rules' business, and stands in `level`."""
    if column in _GOOD:
        orange, green = _GOOD[column]
        yield from _coloured([(None, "red"), (orange, "orange"), (green, "green")])
    elif column in _FULL:
        yellow, orange, red = _FULL[column]
        yield from _coloured([(None, "text"), (yellow, "yellow"), (orange, "orange"), (red, "red")])
    elif column in ("silent", "offline", "rejected", "no_figures", "at_least_units"):
        yield from _coloured([(None, "text"), (1, "orange")])


def _coloured(steps: Sequence[tuple[float | None, str]]) -> Iterator[tuple[str, Any]]:
    yield "color", {"mode": "thresholds"}
    yield "thresholds", {"mode": "absolute", "steps": [{"value": value, "color": colour} for value, colour in steps]}


def _link(column: str, panel: Panel, words: Words, links: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    if column == "name" and panel.opens in links:
        title = words("text", f"open_{panel.opens}")
        yield "links", [{"title": title, "url": links[panel.opens], "targetBlank": False}]

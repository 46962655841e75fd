"""The five dashboards of a region: panels, variables, marks, and the ways between them. Pure functions of a place."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deploy.grafana.panels import LEVELS, SOURCE, Panel, drawn, statement, target
from deploy.grafana.words import Words

TAG = "enermon"
PREFIX = "enermon-"
_SCHEMA_VERSION = 39  # of Grafana 11.0; later ones read it and bring it up by themselves
_WIDTH = 24

_SHARES = ("completeness", "accuracy", "timeliness", "verifiability", "validity", "conformity", "valid_transmission")
_QUOTAS = ("used", "limit", "unit", "share", "of_path", "forecast", "state")
_MONTH_STAT = ("tce", "tce_year", "tce_assessed_year", "tco2", "kwh", "peak_kw", "completeness")


@dataclass(frozen=True)
class Board:
    """variables: those that are chosen, in order. marks: whose warnings stand on its time series, "" if nobody's."""

    name: str
    variables: Sequence[str]
    panels: Sequence[Panel]
    marks: str = "region"


OVERVIEW = Board("overview", ("region", "month", "basis"), (
    Panel("stat", "region_total", ("tce", "tce_year", "tco2", "kwh", "units", "reporting", "at_least_units"), 16, 5),
    Panel("stat", "open_levels", tuple(LEVELS), 8, 5),
    Panel("timeseries", "region_days", ("time", "coal", "oil", "gas", "power", "heat", "other"), 14, 9, stacked=True,
          bars=True),
    Panel("barchart", "region_years", ("month", "year_before", "this_year"), 10, 9),
    Panel("table", "region_parts", ("name", "code", "units", "tce", "at_least", "on_month", "on_year", "alerts"), 9, 9,
          opens="region"),
    Panel("table", "region_quotas", ("name", "code", "metric", "basis", "period", *_QUOTAS), 15, 9, opens="enterprise"),
    Panel("table", "region_units", ("name", "code", "region", "industry", "tce", "share", "tco2", "at_least",
                                    "on_month", "on_year", "level"), 24, 12, opens="enterprise"),
))  # fmt: skip

ENTERPRISE = Board("enterprise", ("region", "enterprise", "month", "basis"), (
    Panel("stat", "enterprise_total", _MONTH_STAT, 24, 4),
    Panel("timeseries", "enterprise_days", ("time", "metric", "tce"), 14, 9, stacked=True, bars=True, metrics=True),
    Panel("barchart", "enterprise_years", ("month", "year_before", "this_year"), 10, 9),
    Panel("timeseries", "enterprise_power", ("time", "kw"), 24, 8),
    Panel("table", "enterprise_quotas", ("metric", "basis", "period", *_QUOTAS, "document"), 24, 6),
    Panel("table", "enterprise_carriers", ("carrier", "amount", "low", "high", "unit", "tce_equivalent",
                                           "tce_equal_value", "tco2", "estimated_share", "at_least", "flags"), 24, 7),
    Panel("table", "enterprise_alerts", ("level", "rule", "period", "message", "state", "opened", "resolved"), 24, 7),
    Panel("table", "enterprise_findings", ("rule", "subject", "period", "state", "level", "observed", "limit", "unit",
                                           "reason", "document"), 24, 9),
    Panel("table", "enterprise_meters", ("code", "name", "carrier", "meter_level", "interval_minutes", "last_time",
                                         "calibrated_until"), 24, 8),
), marks="enterprise")  # fmt: skip

CENTRE = Board("centre", ("region", "centre", "month"), (
    Panel("stat", "centre_total", ("total_kwh", "it_kwh", "pue", "known_share"), 24, 4),
    Panel("timeseries", "centre_days", ("time", "pue"), 10, 9),
    Panel("timeseries", "centre_hours", ("time", "total_kw", "it_kw"), 14, 9),
    Panel("table", "centre_ranking", ("name", "code", "pue", "limit", "grade", "it_point", "months", "state", "reason"),
          24, 8, opens="centre"),
    Panel("table", "centre_meters", ("code", "name", "role", "it_point", "interval_minutes", "last_time",
                                     "calibrated_until"), 24, 8),
), marks="enterprise")  # fmt: skip

WARNINGS = Board("warnings", ("region", "level"), (
    Panel("stat", "open_levels", tuple(LEVELS), 24, 4),
    Panel("timeseries", "warning_days", ("time", *LEVELS), 14, 9, stacked=True, bars=True),
    Panel("bargauge", "warning_rules", ("rule", "alerts"), 10, 9),
    Panel("table", "warning_list", ("level", "name", "code", "rule", "period", "message", "certainty", "state",
                                    "opened"), 24, 11, opens="enterprise"),
    Panel("table", "warning_events", ("at", "event", "level", "name", "code", "rule", "message"), 14, 10,
          opens="enterprise"),
    Panel("table", "warning_unjudged", ("rule", "findings", "units", "reason"), 10, 10),
), marks="")  # fmt: skip

QUALITY = Board("quality", ("region", "month"), (
    Panel("stat", "quality_total", ("completeness", "no_figures", "at_least_units", "silent", "offline", "rejected"),
          24, 4),
    Panel("timeseries", "quality_days", ("time", "completeness"), 14, 8),
    Panel("bargauge", "quality_flags", ("flag", "units"), 10, 8),
    Panel("table", "quality_scores", ("name", "code", "score", *_SHARES, "warnings", "duties", "computed"), 24, 8,
          opens="enterprise"),
    Panel("table", "quality_units", ("name", "code", "region", "meters", "expected", "received", "completeness",
                                     "estimated_share", "at_least", "flags"), 24, 10, opens="enterprise"),
    Panel("table", "quality_silent", ("name", "code", "meter", "meter_name", "last_time", "silent_s"), 12, 9,
          opens="enterprise"),
    Panel("table", "quality_gateways", ("name", "code", "gateway", "state", "since"), 12, 9, opens="enterprise"),
    Panel("timeseries", "quality_rejected_days", ("time", "metric", "rejected"), 12, 8, bars=True, stacked=True,
          metrics=True, coded=True),
    Panel("table", "quality_rejected", ("name", "code", "reason", "rejected"), 12, 8, opens="enterprise"),
    Panel("table", "quality_calibration", ("name", "code", "meter", "meter_name", "calibrated_until"), 24, 8,
          opens="enterprise"),
))  # fmt: skip

BOARDS = (OVERVIEW, ENTERPRISE, CENTRE, WARNINGS, QUALITY)


@dataclass(frozen=True)
class Place:
    """A region that has dashboards: `key` is its part of every uid, `centres` whether it has data centres."""

    code: str
    name: str
    key: str
    centres: bool

    def boards(self) -> Iterator[Board]:
        return (board for board in BOARDS if board is not CENTRE or self.centres)

    def uid(self, board: str) -> str:
        return f"{PREFIX}{self.key}-{board}"


def dashboard(board: Board, place: Place, words: Words, zone: str) -> dict[str, Any]:
    """The dashboard's JSON, the same for the same arguments."""
    return {
        "uid": place.uid(board.name),
        "title": f"{place.name} · {words('dashboard', board.name)}",
        "description": words("text", "made"),
        "tags": [TAG],
        "timezone": zone,
        "editable": False,
        "graphTooltip": 1,
        "refresh": "5m",
        "schemaVersion": _SCHEMA_VERSION,
        "time": {"from": "now-30d", "to": "now"},
        "links": [_sibling(other, place, words) for other in place.boards() if other is not board],
        "templating": {"list": [*_constants(place, words, zone), *_variables(board, words)]},
        "annotations": {"list": list(_marks(board, words))},
        "panels": list(_laid_out(board, place, words)),
    }


def _sibling(board: Board, place: Place, words: Words) -> dict[str, Any]:
    return {
        "type": "link", "title": words("dashboard", board.name), "url": f"/d/{place.uid(board.name)}",
        "icon": "dashboard", "tooltip": "", "tags": [], "asDropdown": False, "targetBlank": False,
        "includeVars": True, "keepTime": True,
    }  # fmt: skip


def _laid_out(board: Board, place: Place, words: Words) -> Iterator[dict[str, Any]]:
    """From left to right, and below the tallest of a row where the next one does not fit."""
    x = y = tallest = 0
    links = dict(_links(board, place))
    for number, panel in enumerate(board.panels, start=1):
        if x + panel.width > _WIDTH:
            x, y, tallest = 0, y + tallest, 0
        yield drawn(panel, number, x, y, words, links)
        x, tallest = x + panel.width, max(tallest, panel.height)


def _links(board: Board, place: Place) -> Iterator[tuple[str, str]]:
    """Where a name leads, with what is chosen on this board."""
    kept = "".join(f"&var-{name}=${{{name}}}" for name in board.variables if name in ("month", "basis"))
    code = "${__data.fields.code}"
    time = "&${__url_time_range}"
    yield "region", f"/d/{place.uid(board.name)}?var-region={code}{kept}{time}"
    for opens in ("enterprise", "centre"):
        yield opens, f"/d/{place.uid(opens)}?var-region=${{region}}&var-enterprise={code}{kept}{time}"


def _constants(place: Place, words: Words, zone: str) -> Iterator[dict[str, Any]]:
    told = {"top": place.code, "zone": zone, "language": words.language, "rules": words.rules(), "flags": words.flags()}
    for name, value in told.items():
        yield {"type": "constant", "name": name, "query": value, "hide": 2, "skipUrlSync": True}


def _variables(board: Board, words: Words) -> Iterator[dict[str, Any]]:
    for name in board.variables:
        yield _VARIABLES[name](words)


def _asked(name: str, query: str, words: Words) -> dict[str, Any]:
    """A variable whose values the database tells; the first is chosen until somebody chooses another."""
    return {
        "type": "query", "name": name, "label": words("variable", name), "datasource": SOURCE,
        "query": statement(query), "definition": statement(query), "refresh": 1, "sort": 0, "regex": "", "multi": False,
        "includeAll": False, "hide": 0,
    }  # fmt: skip


def _chosen(name: str, values: Sequence[str], every: bool, words: Words) -> dict[str, Any]:
    """A variable with values of ours. every: several may be chosen, and all of them are at first."""
    texts = [words("code", value) for value in values]
    options = [
        {"text": text, "value": value, "selected": every or value == values[0]}
        for text, value in zip(texts, values, strict=True)
    ]
    current: Mapping[str, Any] = {"text": texts, "value": list(values)} if every else options[0]
    return {
        "type": "custom", "name": name, "label": words("variable", name), "multi": every, "includeAll": False,
        "hide": 0, "query": ", ".join(f"{text} : {value}" for text, value in zip(texts, values, strict=True)),
        "options": options, "current": {**current, "selected": True},
    }  # fmt: skip


_VARIABLES = {
    "region": lambda words: _asked("region", "regions", words),
    "enterprise": lambda words: _asked("enterprise", "enterprises", words),
    "centre": lambda words: _asked("enterprise", "centres", words),
    "month": lambda words: _asked("month", "months", words),
    "basis": lambda words: _chosen("basis", ("equivalent", "equal_value"), False, words),
    "level": lambda words: _chosen("level", tuple(LEVELS), True, words),
}


def _marks(board: Board, words: Words) -> Iterator[dict[str, Any]]:
    """Warnings as marks on every time series, always as they stand: they are asked for, not kept in Grafana."""
    yield {
        "name": "Annotations & Alerts", "type": "dashboard", "builtIn": 1, "enable": True, "hide": True,
        "iconColor": "rgba(0, 211, 255, 1)", "datasource": {"type": "grafana", "uid": "-- Grafana --"},
    }  # fmt: skip
    for event, colour in (("opened", "red"), ("resolved", "green")) if board.marks else ():
        yield {
            "name": words("text", event), "datasource": SOURCE, "enable": True, "hide": False, "iconColor": colour,
            "target": {**target(f"{board.marks}_{event}"), "refId": "Anno"},
        }  # fmt: skip

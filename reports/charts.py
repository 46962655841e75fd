"""Charts as inline SVG, for reports and console alike: no script, no download, readable without colour.

Every chart has a title and a sentence for those who cannot see it. Missing data is a visible gap, never zero.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from math import ceil, floor, log10

from markupsafe import Markup, escape

from reports.numbers import known, shown

Point = tuple[datetime, float | None]
Bar = tuple[str, float | None]
Say = Callable[[str], str]  # turns our Chinese words into the reader's language

BLUE, PALE, AMBER, RED, GREY, INK = "#1f5fa8", "#c9dcf2", "#b45309", "#b91c1c", "#e5e7eb", "#374151"
LEVEL_COLOURS = {"red": "#b91c1c", "orange": "#c2570c", "yellow": "#8a6d00", "blue": BLUE}
GAP_WORD = "缺数"
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 14, 22, 30  # room for the axis texts, in pixels
_FONT = "'Noto Sans CJK SC','Microsoft YaHei','PingFang SC','WenQuanYi Zen Hei',sans-serif"


@dataclass(frozen=True)
class Frame:
    """Where `slots` values between `bottom` and `top` lie on the drawing; pixels."""

    width: int
    height: int
    slots: int
    bottom: float
    top: float
    step: float

    @property
    def slot_px(self) -> float:
        return (self.width - _LEFT - _RIGHT) / max(self.slots, 1)

    def x(self, slot: float) -> float:
        return round(_LEFT + slot * self.slot_px, 1)

    def y(self, value: float) -> float:
        room = self.height - _TOP - _BOTTOM
        return round(_TOP + room * (self.top - value) / (self.top - self.bottom), 1)

    @property
    def ticks(self) -> list[float]:
        return [self.bottom + self.step * at for at in range(round((self.top - self.bottom) / self.step) + 1)]


def load_curve(
    points: Sequence[Point],
    *,
    title: str,
    unit: str = "kW",
    names: tuple[str, str] = ("", ""),
    compare: Sequence[Point] = (),
    width: int = 760,
    height: int = 240,
    say: Say = str,
) -> Markup:
    """Mean load over equal intervals, as steps, with its peak marked.

    points: start of each interval in local time, mean over it or None where nothing is known; evenly spaced, without
    holes in time. compare: a second curve over the same intervals, drawn as a dashed line. names: of both, for the
    legend.
    """
    frame = _frame(width, height, len(points), [value for _, value in (*points, *compare)])
    body = [_grid(frame, unit), *_gaps(frame, [value for _, value in points], say), *_areas(frame, points)]
    body += [_steps(frame, run, AMBER, dashed=True) for run in _runs([value for _, value in compare])]
    body += [_time_labels(frame, [time for time, _ in points]), _peak(frame, points, unit), _legend(width, names)]
    return _svg(width, height, title, _curve_sentence(points, unit, say), body)


def bars(
    items: Sequence[Bar],
    *,
    title: str,
    unit: str,
    at_least: Collection[str] = (),
    width: int = 760,
    height: int = 220,
    say: Say = str,
) -> Markup:
    """One upright bar for each label in order, for instance the days of a month.

    None is a gap with a word in it. at_least: labels whose figure is only a lower bound; their bars are dashed.
    """
    frame = _frame(width, height, len(items), [value for _, value in items])
    body = [_grid(frame, unit), *_gaps(frame, [value for _, value in items], say)]
    body += [
        _bar(frame, slot, value, label in at_least, f"{label} {shown(value)} {unit}")
        for slot, (label, value) in enumerate(items)
        if value is not None
    ]
    body.append(_bar_labels(frame, [label for label, _ in items]))
    return _svg(width, height, title, _bars_sentence(items, unit, say), body)


def strip(
    items: Sequence[Bar], *, title: str, enough: float, labels: bool = True, width: int = 760, say: Say = str
) -> Markup:
    """One cell for each label in order, for instance the days of a month, filled from below by a share from 0 to 1.

    Below `enough` the filling is red and the cell has a dashed edge; None is an empty cell, where nothing was due.
    """
    cell, height = (width - 20) / max(len(items), 1), 34 if labels else 16
    body = []
    for slot, (label, share) in enumerate(items):
        x, full = 10 + slot * cell, round(cell - 2, 1)
        told = say("无应收读数") if share is None else f"{floor(share * 1000) / 10:.1f} %"
        body.append(f"<g><title>{escape(label)} {escape(told)}</title>{_cell(x, full, height, share, enough)}</g>")
        if labels:
            body.append(_text(x + full / 2, height + 16, escape(label), "middle", size=11))
    worst = min(known(share for _, share in items), default=None)
    said = say("无应收读数") if worst is None else f"{say('最低')} {floor(worst * 1000) / 10:.1f} %"
    return _svg(width, height + (22 if labels else 2), title, said, body)


def _cell(x: float, width: float, height: int, share: float | None, enough: float) -> str:
    if share is None:
        return f'<rect x="{x:.1f}" y="1" width="{width}" height="{height}" fill="none" stroke="{GREY}"/>'
    filled = round(height * min(max(share, 0.0), 1.0), 1)
    colour, edge = (BLUE, "") if share >= enough else (RED, f' stroke="{RED}" stroke-dasharray="3 2"')
    track = f'<rect x="{x:.1f}" y="1" width="{width}" height="{height}" fill="{GREY}"{edge}/>'
    top = 1 + height - filled
    return f'{track}<rect x="{x:.1f}" y="{top:.1f}" width="{width}" height="{filled}" fill="{colour}"/>'


def ranking(
    items: Sequence[Bar], *, title: str, unit: str, at_least: Collection[str] = (), width: int = 760, say: Say = str
) -> Markup:
    """Lying bars in the order given, the label before and the figure behind; None is said in words."""
    top = max(known(value for _, value in items), default=0.0) or 1.0
    room, left, line = width - 330, 210, 24
    body = []
    for slot, (label, value) in enumerate(items):
        y = 8 + slot * line
        body.append(_text(left - 8, y + 12, _short(label, 16), "end"))
        length = 0 if value is None else max(1.0, round(room * max(value, 0.0) / top, 1))
        body.append(f'<rect x="{left}" y="{y}" width="{length}" height="16" fill="{BLUE}"/>')
        figure = say(GAP_WORD) if value is None else f"{'≥ ' if label in at_least else ''}{shown(value)} {unit}"
        body.append(_text(left + length + 8, y + 12, figure))
    return _svg(width, 16 + line * len(items), title, _bars_sentence(items, unit, say), body)


def progress(
    used: float | None,
    limit: float,
    *,
    unit: str,
    title: str,
    path: float | None = None,
    high: float | None = None,
    width: int = 760,
    say: Say = str,
) -> Markup:
    """How much of a limit is used: a lying bar on a track that ends at the limit.

    path: where use should be by now, a marker. high: what use may be at most when data is missing; the stretch between
    is drawn pale. Beyond the limit the bar turns red and leaves the track.
    """
    top = max([limit, *known((used, path, high))]) or 1.0
    scale = (width - 140) / top
    end, most = (used or 0.0) * scale, (high or 0.0) * scale
    body = [f'<rect x="10" y="26" width="{limit * scale:.1f}" height="20" fill="{GREY}"/>']
    if most > end:
        body.append(f'<rect x="10" y="26" width="{most:.1f}" height="20" fill="{PALE}"/>')
    body.append(f'<rect x="10" y="26" width="{min(end, limit * scale):.1f}" height="20" fill="{BLUE}"/>')
    if end > limit * scale:
        body.append(
            f'<rect x="{10 + limit * scale:.1f}" y="26" width="{end - limit * scale:.1f}" height="20" fill="{RED}"/>'
        )
    body += _marker(10 + limit * scale, f"{say('限额')} {shown(limit)}", above=True)
    body += _marker(10 + path * scale, f"{say('序时进度')} {shown(path)}", above=False) if path is not None else []
    share = say(GAP_WORD) if used is None else f"{used / limit * 100:.1f} %" if limit else ""
    body.append(_text(10 + max(limit * scale, end, most) + 8, 41, share, size=14))
    said = f"{shown(used)} {unit}; {say('限额')} {shown(limit)} {unit}; {say('序时进度')} {shown(path)} {unit}"
    return _svg(width, 70, title, said, body)


def _marker(x: float, word: str, above: bool) -> list[str]:
    anchor = "end" if x > 120 else "start"
    return [
        f'<line x1="{x:.1f}" y1="20" x2="{x:.1f}" y2="52" stroke="{INK}" stroke-width="2"/>',
        _text(x + (2 if anchor == "end" else -2), 15 if above else 65, word, anchor),
    ]


def _frame(width: int, height: int, slots: int, values: Sequence[float | None]) -> Frame:
    numbers = known(values)
    low, high = min([0.0, *numbers]), max([0.0, *numbers])
    step = _step((high - low) or 1.0)
    bottom = floor(low / step) * step
    return Frame(width, height, slots, bottom, max(ceil(high / step) * step, bottom + step), step)


def _step(span: float) -> float:
    """A round step (1, 2 or 5 times a power of ten) that cuts the span into three to six."""
    size = 10.0 ** floor(log10(span / 4))
    return float(next(size * times for times in (1, 2, 5, 10) if size * times >= span / 5))


def _runs(values: Sequence[float | None]) -> list[list[tuple[int, float]]]:
    """Stretches of neighbours that are known, each as (slot, value)."""
    parts = groupby(enumerate(values), key=lambda pair: pair[1] is None)
    return [[(slot, value) for slot, value in part if value is not None] for missing, part in parts if not missing]


def _areas(frame: Frame, points: Sequence[Point]) -> list[str]:
    runs = _runs([value for _, value in points])
    ground = frame.y(max(0.0, frame.bottom))
    shade = [
        f'<path d="M{frame.x(run[0][0])} {ground}{_outline(frame, run)}V{ground}Z" fill="{PALE}"/>' for run in runs
    ]
    return shade + [_steps(frame, run, BLUE) for run in runs]


def _steps(frame: Frame, run: list[tuple[int, float]], colour: str, dashed: bool = False) -> str:
    dash = ' stroke-dasharray="5 3"' if dashed else ""
    start = f"M{frame.x(run[0][0])} {frame.y(run[0][1])}"
    return f'<path d="{start}{_outline(frame, run)}" fill="none" stroke="{colour}" stroke-width="1.8"{dash}/>'


def _outline(frame: Frame, run: list[tuple[int, float]]) -> str:
    return "".join(f"V{frame.y(value)}H{frame.x(slot + 1)}" for slot, value in run)


def _gaps(frame: Frame, values: Sequence[float | None], say: Say) -> list[str]:
    drawn = []
    for missing, part in groupby(enumerate(values), key=lambda pair: pair[1] is None):
        slots = [slot for slot, _ in part]
        if missing:
            drawn.append(_gap(frame, frame.x(slots[0]), frame.x(slots[-1] + 1), say(GAP_WORD)))
    return drawn


def _gap(frame: Frame, left: float, right: float, word: str) -> str:
    top, height = frame.y(frame.top), frame.height - _TOP - _BOTTOM
    box = (
        f'<rect x="{left}" y="{top}" width="{right - left:.1f}" height="{height}" fill="#f8f5ef" stroke="#a8a29e"'
        ' stroke-dasharray="2 3"/>'
    )
    return box + (_text((left + right) / 2, top + height / 2, word, "middle") if right - left >= 26 else "")


def _bar(frame: Frame, slot: int, value: float, is_open: bool, said: str) -> str:
    ends = sorted((frame.y(value), frame.y(max(0.0, frame.bottom))))
    look = f'fill="{PALE}" stroke="{BLUE}" stroke-dasharray="3 2"' if is_open else f'fill="{BLUE}"'
    return (
        f'<rect x="{frame.x(slot + 0.14)}" y="{ends[0]}" width="{frame.slot_px * 0.72:.1f}"'
        f' height="{ends[1] - ends[0]:.1f}" {look}><title>{escape(said)}</title></rect>'
    )


def _grid(frame: Frame, unit: str) -> str:
    lines = [
        f'<line x1="{_LEFT}" x2="{frame.width - _RIGHT}" y1="{frame.y(tick)}" y2="{frame.y(tick)}" stroke="{GREY}"/>'
        + _text(_LEFT - 6, frame.y(tick) + 4, shown_tick(tick, frame.step), "end")
        for tick in frame.ticks
    ]
    return "".join(lines) + _text(_LEFT - 6, 13, unit, "end")


def shown_tick(tick: float, step: float) -> str:
    """A tick with no more decimals than its step needs."""
    return f"{tick + 0.0:,.{max(0, -floor(log10(step)))}f}"


def _time_labels(frame: Frame, times: Sequence[datetime]) -> str:
    """Hours within a day or two, days beyond; about eight labels."""
    if not times:
        return ""
    long = (times[-1] - times[0]).total_seconds() > 48 * 3600
    every = max(1, round(len(times) / 8))
    shape = "{:%m-%d}" if long else "{:%H:%M}"
    return "".join(
        _text(frame.x(slot), frame.height - 10, shape.format(times[slot]), "middle")
        for slot in range(0, len(times), every)
    )


def _bar_labels(frame: Frame, labels: Sequence[str]) -> str:
    every = ceil(28 / frame.slot_px) if frame.slots else 1
    return "".join(
        _text(frame.x(slot + 0.5), frame.height - 10, label, "middle")
        for slot, label in enumerate(labels)
        if slot % every == 0
    )


def _peak(frame: Frame, points: Sequence[Point], unit: str) -> str:
    found = _highest(points)
    if found is None:
        return ""
    slot, time, value = found
    x, y = frame.x(slot + 0.5), frame.y(value)
    anchor = "end" if x > frame.width * 0.6 else "start"
    return f'<circle cx="{x}" cy="{y}" r="3.5" fill="{RED}"/>' + _text(
        x + (-7 if anchor == "end" else 7), max(y - 6, 12), f"{shown(value)} {unit} {time:%H:%M}", anchor
    )


def _highest(points: Sequence[Point]) -> tuple[int, datetime, float] | None:
    """Slot, time and value of the first highest point."""
    candidates = [(slot, time, value) for slot, (time, value) in enumerate(points) if value is not None]
    return max(candidates, key=lambda one: (one[2], -one[0]), default=None)


def _legend(width: int, names: tuple[str, str]) -> str:
    if not any(names):
        return ""
    x = width - _RIGHT - 250
    parts = [f'<rect x="{x}" y="4" width="14" height="10" fill="{PALE}" stroke="{BLUE}"/>', _text(x + 19, 13, names[0])]
    if names[1]:
        parts += [
            f'<path d="M{x + 125} 9h16" stroke="{AMBER}" stroke-width="1.8" stroke-dasharray="5 3"/>',
            _text(x + 146, 13, names[1]),
        ]
    return "".join(parts)


def _curve_sentence(points: Sequence[Point], unit: str, say: Say) -> str:
    found = _highest(points)
    missing = sum(value is None for _, value in points)
    said = say("没有数据") if found is None else f"{say('峰值')} {shown(found[2])} {unit}, {found[1]:%m-%d %H:%M}"
    return said + (f"; {say(GAP_WORD)} × {missing}" if missing else "")


def _bars_sentence(items: Sequence[Bar], unit: str, say: Say) -> str:
    return "; ".join(
        f"{label} {say(GAP_WORD) if value is None else f'{shown(value)} {unit}'}" for label, value in items
    )


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _text(x: float, y: float, words: str, anchor: str = "start", size: int = 12) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}">{escape(words)}</text>'


def _svg(width: int, height: int, title: str, said: str, body: Sequence[str]) -> Markup:
    return Markup(
        f'<svg class="chart" role="img" viewBox="0 0 {width} {height}" width="100%" style="max-width:{width}px"'
        f' font-family="{_FONT}" fill="{INK}" xmlns="http://www.w3.org/2000/svg">'
        f"<title>{escape(title)}</title><desc>{escape(said)}</desc>{''.join(body)}</svg>"
    )

"""What was measured, beside what it is held against."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One line. aim: a bound in words such as ">= 0.6", on `ratio` where there is one, else on `value`."""

    part: str
    name: str
    value: float
    unit: str
    limit: float | None = None
    aim: str = ""

    @property
    def ratio(self) -> float | None:
        return None if not self.limit else self.value / self.limit

    @property
    def met(self) -> bool | None:
        """Whether the aim is met; None if there is none."""
        if not self.aim:
            return None
        sense, bound = self.aim.split()
        held = self.value if self.ratio is None else self.ratio
        return held >= float(bound) if sense == ">=" else held <= float(bound)

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"ratio": self.ratio, "met": self.met}


_VERDICTS = {None: "", True: "met", False: "MISSED"}


def table(figures: Sequence[Figure]) -> str:
    """All of them in columns, the first column by part."""
    rows = [("part", "what", "measured", "limit", "ratio", "aim", ""), *map(_row, figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(_line(row, widths) for row in rows)


def _row(figure: Figure) -> tuple[str, ...]:
    limit = "" if figure.limit is None else _number(figure.limit)
    ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}"
    value = f"{_number(figure.value)} {figure.unit}"
    return figure.part, figure.name, value, limit, ratio, figure.aim, _VERDICTS[figure.met]


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [
        text.rjust(width) if 2 <= at <= 4 else text.ljust(width)
        for at, (text, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "  ".join(cells).rstrip()


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}" if abs(value) < 10 else f"{value:.1f}"

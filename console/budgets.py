"""Quotas as bars and words: what the rules found, put into shares of the quota. Nothing is judged here."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from energy import units
from energy.warnings import beyond
from storage.pages import Progress


@dataclass(frozen=True)
class Budget:
    """One quota today. Shares are of the quota; None: not known, or not to be judged."""

    told: Progress

    @property
    def share(self) -> float | None:
        """Used for certain."""
        return None if self.told.state == "cannot_judge" else self._of_limit(self.told.low)

    @property
    def high_share(self) -> float | None:
        """Used at most, where missing data leaves that open within a bound."""
        bounded = self.told.high is not None and self.told.high != self.told.low
        return self._of_limit(self.told.high) if bounded else None

    @property
    def path_share(self) -> float | None:
        """Where use should be by now."""
        return self._of_limit(self.told.path)

    @property
    def forecast_share(self) -> float | None:
        """Where the period would end at the pace of late."""
        return self._of_limit(self.told.forecast)

    def _of_limit(self, amount: float | None) -> float | None:
        return None if amount is None or not self.told.limit or self.told.limit <= 0 else amount / self.told.limit

    @property
    def is_open(self) -> bool:
        """More may have been used than is known."""
        return self.told.low is None or self.told.high is None or self.told.high > self.told.low

    @property
    def can_be_added(self) -> bool:
        """In equivalent value, measured, and judged: what may be added over enterprises."""
        told = self.told
        in_tce = told.metric == "tce" and not told.unit.lower().endswith("wh")
        return in_tce and told.basis == "equivalent" and told.boundary != "assessed" and self.share is not None

    @property
    def standing(self) -> str:
        """One word for the row, from the certain to the early notice; equality is never a breach (domain rule 14)."""
        told = self.told
        if self.share is None or told.low is None or told.limit is None:
            return "not_judged"
        if beyond(told.low, told.limit):
            return "over"
        if told.certainty == "possible" and told.high is not None:
            return "possibly_over"
        if told.forecast_state == "warning":
            return "heading_over"
        return "ahead_of_path" if told.path_state == "warning" else "on_path"


def together(budgets: Sequence[Budget]) -> Budget | None:
    """Several enterprises' quotas that can be added, as one in tce; None without any."""
    if not budgets:
        return None
    limit, low, high, path, forecast = (_sum(budgets, name) for name in ("limit", "low", "high", "path", "forecast"))
    whole = replace(
        budgets[0].told,
        code="",
        name="",
        unit="tce",
        limit=limit,
        low=low,
        high=high,
        path=path,
        forecast=forecast,
        certainty="certain",
        path_state=_state(low, path),
        forecast_state=_state(forecast, limit),
    )
    return Budget(whole)


def _sum(budgets: Sequence[Budget], name: str) -> float | None:
    """In tce; None if any is unknown: a sum of those that happen to be known would look too small."""
    total = 0.0
    for told in (one.told for one in budgets):
        value = getattr(told, name)
        if value is None:
            return None
        total += value * float(units.convert(told.unit, "tce"))
    return total


def _state(value: float | None, line: float | None) -> str | None:
    return None if value is None or line is None else "warning" if beyond(value, line) else "ok"

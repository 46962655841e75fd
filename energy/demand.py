"""Maximum demand: the highest mean over a quarter of an hour of all feeders together (domain rule 19)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DEMAND_MINUTES = 15  # 最大需量: the window of DL/T 614 and of the tariff


@dataclass(frozen=True)
class Demand:
    """kW, and the index of the interval. `at_least`: a feeder was missing, or intervals exceed 15 minutes."""

    kw: float | None
    index: int | None
    at_least: bool


def maximum_demand(kwh: NDArray[np.float64], interval_minutes: int = DEMAND_MINUTES) -> Demand:
    """From kWh of feeders (rows) in intervals (columns), NaN = unknown; the feeders' sum is what has a maximum."""
    known = ~np.isnan(kwh)
    if not known.any():
        return Demand(None, None, True)
    kw = np.where(known.any(axis=0), np.nansum(kwh, axis=0), -np.inf) * (60 / interval_minutes)
    index = int(np.argmax(kw))
    return Demand(float(kw[index]), index, interval_minutes > DEMAND_MINUTES or not bool(known.all()))

"""What made the figures of a month, as a page tells it: the words for what `storage.explain` knows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from console.words import Words
from energy.periods import day_of
from storage.explain import Conversion, Explanation, MeterTold, ReadingTold

LANGUAGES = ("zh", "en")
MOST = 60  # lines of one kind on a page; `enermon explain --format json` has all

# Why a meter counts, or does not (energy.usage says it in English).
REASONS: Mapping[str, str] = {
    "made from fuel that is already counted": "由已计入的燃料转换而来",
    "made from waste heat or pressure, which is never added": "由余热余压转换而来，不再加计",
    "recovered energy is never added": "回收利用的能源不再加计",
    "charging moves energy inside the boundary": "储能充电，能量未离开边界",
    "discharging moves energy inside the boundary": "储能放电，能量未离开边界",
    "a part of what the main meters already count": "总表已计入其用量",
    "splits its parent, which counts": "从已计入的上级表中拆出，不另加",
    "does not count: in_total is no, or blank below level 1": "不计入总量：登记为不计入，或为非一级表且未声明",
    "bought": "购入，计入",
    "own primary production": "自产一次能源，计入",
    "sold": "外供，扣减",
    "bought as feedstock, no counting parent": "购入作原料，计入",
}
_WHY: Mapping[str, tuple[str, str]] = {
    "source": ("来源优先级更高", "its source goes before the others'"),
    "seq": ("序号更大", "it has the larger sequence number"),
    "value": ("来源与序号相同，取较大值", "of equal source and number the larger value is taken"),
}
_SOURCES: Mapping[str, tuple[str, str]] = {
    "estimate": ("估算", "estimate"),
    "mqtt": ("在线上报", "MQTT"),
    "file": ("文件导入", "file"),
    "manual": ("人工核定", "approved manual"),
}
_KINDS: Mapping[str, tuple[str, str]] = {
    "register": ("累计示数", "cumulative register"),
    "interval": ("分段用量", "amount per interval"),
    "power": ("平均功率", "mean rate"),
    "virtual": ("虚拟表", "virtual"),
}
_FACTORS: Mapping[str, tuple[str, str]] = {
    "equivalent": ("当量折标系数", "equivalent"),
    "equal_value": ("等价折标系数", "equal value"),
    "co2": ("排放因子", "CO₂"),
}
_TABLES = {"why": _WHY, "source": _SOURCES, "kind": _KINDS, "factor": _FACTORS}


def word(code: str | None, table: str, w: Words) -> str:
    """The word for a code of one of the tables here; one that is not there is shown as it is."""
    known = _TABLES[table].get(code or "")
    return known[LANGUAGES.index(w.language)] if known else code or w.unknown


def reason(meter: MeterTold, w: Words) -> str:
    return REASONS.get(meter.reason, meter.reason) if w.language == "zh" else meter.reason


def counting(meter: MeterTold, w: Words) -> str:
    """How the meter enters its carrier's amount."""
    return {1: w.is_added, -1: w.is_taken_off}.get(meter.sign, w.is_split_off if meter.counts else w.is_left_out)


@dataclass(frozen=True)
class Term:
    """base x coefficient / 1000 = made: one figure of some days. name: equivalent, equal_value, assessed or co2."""

    name: str
    base: float
    coefficient: float
    made: float


def terms(one: Conversion) -> list[Term]:
    """The sums behind tce and tCO₂, as far as there are factors for them; of a medium none."""
    if one.is_medium or one.amount is None:
        return []
    assessed = one.amount - one.feedstock - one.self_used_renewable
    rows = (
        ("equivalent", one.amount, one.kgce_equivalent, one.tce_equivalent),
        ("equal_value", one.amount, one.kgce_equal_value, one.tce_equal_value),
        ("assessed", assessed, one.kgce_equivalent, one.tce_assessed),
        ("co2", one.emitting, one.kgco2, one.tco2),
    )
    return [Term(name, base, k, made) for name, base, k, made in rows if k is not None and made is not None]


def days_of(about: Explanation, zone: ZoneInfo) -> dict[date, list[ReadingTold]]:
    """One meter's readings by local day."""
    found: dict[date, list[ReadingTold]] = {}
    for one in (about.meters[0].readings or []) if about.meters else []:
        found.setdefault(day_of(one.time, zone), []).append(one)
    return found


def shown_day(days: Mapping[date, Sequence[ReadingTold]], asked: date | None) -> date | None:
    """The asked day, else the first on which something is odd, else the first."""
    if asked is not None:
        return asked
    odd = (day for day, readings in days.items() if any(one.flags or one.set_aside for one in readings))
    return next(odd, next(iter(days), None))

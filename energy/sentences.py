"""What findings say, in both languages: a sentence is a name with its numbers, and becomes words where it is shown.

So that evidence can be kept, compared and told in Chinese or English without being found twice.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from numbers import Integral

LANGUAGES = ("zh", "en")

Value = float | int | str

_SENTENCES: Mapping[str, tuple[str, str]] = {
    # zeros
    "zero_running": (
        "该负荷最小的小时也约有 {base:.4g}，却连续 {hours:.4g} 小时为 0：可能是断档被写成 0，也可能是停产。",
        "0 in a load whose smallest hours are about {base:.4g}, for {hours:.4g} h: a gap written as zero, or a"
        " standstill.",
    ),
    "zero_unlike": (
        "连续 {hours:.4g} 小时为 0，比该负荷平常的间歇更长，或在它从不间歇的时段：可能是断档被写成 0，也可能是停产。",
        "0 for {hours:.4g} h, longer or at other times of day than this load's usual pauses: a gap written as zero,"
        " or a standstill.",
    ),
    "open_ended": ("起止时间可能超出所取数据。", "It may reach beyond the values at hand."),
    "always_zero": ("本月及所有已知月份全部为 0。", "Nothing but 0, in this month and all that are known."),
    "zero_month": (
        "本月每小时均为 0；另一年同月只有 {other:.0%} 的小时为 0。",
        "0 in every hour of the month; in the same month of another year only {other:.0%} of hours were 0.",
    ),
    "often_zero": (
        "{share:.0%} 的小时为 0：间歇性负荷，或断档被写成 0，仅凭数值不能分辨。",
        "0 in {share:.0%} of the hours: a load that pauses, or gaps written as zero; the values cannot tell.",
    ),
    "others_moved": (
        "同期其余 {others} 块表中有 {moved} 块在走。",
        "Meanwhile {moved} of {others} other meters moved.",
    ),
    # values that are too much alike
    "constant": (
        "读数 {value:.6g} 连续 {hours:.4g} 小时没有变化。",
        "{value:.6g} without a change for {hours:.4g} hours.",
    ),
    "copied": (
        "{count} 个数值与 {days} 天前逐一相同。",
        "{count} values repeat those of {days} days before, one by one.",
    ),
    "round_numbers": (
        "连续 {count} 个数值均为 {unit:.4g} 的整倍数；该表平常的分辨力为 {step:.4g}。",
        "{count} successive values are multiples of {unit:.4g}; the meter usually shows {step:.4g}.",
    ),
    # values that are too large or too small
    "spike": (
        "每小时最高 {most:.6g}，是高负荷日峰值（{high:.6g}）的 {times:.3g} 倍。",
        "Up to {most:.6g} an hour, {times:.3g} times the peak of a high day ({high:.6g}).",
    ),
    "half_value": (
        "只有前后数值的 {share:.0%}：首个数值只覆盖了其周期的一部分。",
        "{share:.0%} of its neighbours: the first value covers part of its interval.",
    ),
    "negative": (
        "{count} 个数值小于 0，最低 {least:.6g}，而该计量点登记为单向。",
        "{count} values below 0, down to {least:.6g}, the point is declared to run one way.",
    ),
    "reverse_wiring": (
        "{count} 个数值小于 0，最低 {least:.6g}，且没有一个大于 0：可能接线反向，或用途登记有误。",
        "{count} values below 0, down to {least:.6g}, and none above: wired backwards, or its role is wrong.",
    ),
    "register_backwards": (
        "本表示数始终不动，而另一方向的表（{other}）在走：是否接线反向？",
        "The register never moves, that of the other direction ({other}) does: wired backwards?",
    ),
    # levels
    "level_up": (
        "自某日起为此前水平的 {factor:.3g} 倍，并持续 {days} 个有负荷日以上。",
        "{factor:.3g} times the level before from one day to the next, for {days} days with load and more.",
    ),
    "level_down": (
        "自某日起降为此前水平的 1/{factor:.3g}，并持续 {days} 个有负荷日以上。",
        "1/{factor:.3g} of the level before from one day to the next, for {days} days with load and more.",
    ),
    "power_of_ten": (
        "约为 10 的 {exponent} 次方：请核对计量单位和倍率。",
        "That is about 10^{exponent}: look at unit and multiplier.",
    ),
    "above_year_before": ("是上年同月的 {factor:.3g} 倍。", "{factor:.3g} times the same month a year before."),
    "above_year_later": ("是次年同月的 {factor:.3g} 倍。", "{factor:.3g} times the same month a year later."),
    "below_year_before": ("只有上年同月的 1/{factor:.3g}。", "1/{factor:.3g} of the same month a year before."),
    "below_year_later": ("只有次年同月的 1/{factor:.3g}。", "1/{factor:.3g} of the same month a year later."),
    "as_units_do": (
        "负荷不会如此变化，单位和倍率会。",
        "Loads do not change so, units and ratios do.",
    ),
    "months_alike": ("前后各月也差相近的倍数。", "It is alike in the months around it."),
    # registers, edits, production
    "falls_at_midnight": (
        "{nights} 天的示数在零点回落：上送的是当日累计量，却登记为累计示数。",
        "The register falls at midnight on {nights} days: it sends totals of the day, and is declared cumulative.",
    ),
    "not_cumulative": (
        "{steps} 步中有 {count} 步下降：上送的是分段量或功率，却登记为累计示数。",
        "{count} of {steps} steps fall: amounts or power are sent, and a cumulative register is declared.",
    ),
    "running_total": (
        "{steps} 步中 {rises} 步上升、几乎不降，每步约 {step:.4g}，期末为 {last:.6g}："
        "上送的是累计示数，却登记为分段量或功率。",
        "{rises} of {steps} steps rise, by about {step:.4g} to {last:.6g}, and next to none falls:"
        " a cumulative register is sent, and amounts or power are declared.",
    ),
    "edits_before_month_end": (
        "月末最后 {days} 天有 {inside} 个数值被改动或补报，此前全月只有 {before} 个。",
        "{inside} values were changed or filled in during the last {days} days, {before} before them.",
    ),
    "ignores_production": (
        "产量较其余 {others} 个月的中位数 {swing:+.0%}，能耗只变动 {still:+.1%}。",
        "Output is {swing:+.0%} against the median of {others} other months, energy {still:+.1%}.",
    ),
    "set_aside": (
        "{count} 个读数作为跌落或突增搁置，其前后的用量照常计算。",
        "{count} readings were set aside as dips or spikes; the amounts around them stand.",
    ),
    "reset": (
        "示数跌到未知起点：用量只有上下限，需提供换表或清零凭据。",
        "The register fell to an unknown start: the amount is bounded, not known; evidence is needed.",
    ),
    "over_rate": (
        "超过登记的最大速率：额定功率或倍率可能有误。",
        "More than the largest rate that is registered: the rating or the multiplier may be wrong.",
    ),
    "conflict": (
        "{count} 个时刻有不止一个数值；按来源、序号、数值择一计入，其余保留。",
        "{count} times have more than one value; one counts by source, seq and value, all are kept.",
    ),
    # what arrived and when
    "gap": ("缺 {count} 个读数，共 {hours:.4g} 小时。", "{count} readings are missing, {hours:.4g} h."),
    "short_gaps": (
        "另有 {gaps} 段较短的缺数，共缺 {count} 个读数。",
        "{count} readings are missing in {gaps} further, shorter gaps.",
    ),
    "repaired_late": (
        "未在 {days} 个工作日内（{due} 之前）修复，须报备。",
        "Not repaired within {days} working days, before {due}: to file.",
    ),
    "not_repaired": (
        "已超过 {days} 个工作日（{due} 之前）仍未修复，须报备。",
        "Still not repaired after {days} working days, before {due}: to file.",
    ),
    "in_repair": (
        "尚未恢复，应在 {days} 个工作日内（{due} 之前）修复。",
        "Still out; to be repaired within {days} working days, before {due}.",
    ),
    "clock_ahead": (
        "时钟偏快：读数在其时刻之前 {seconds:.0f} 秒到达（中位数）。",
        "The clock is ahead: readings arrive {seconds:.0f} s before their time (median).",
    ),
    "clock_behind": (
        "没有读数在其时刻后 {seconds:.0f} 秒内到达：时钟偏慢，或传输缓慢。",
        "No reading arrives sooner than {seconds:.0f} s after its time: a clock that is behind, or a slow way.",
    ),
    "incomplete": (
        "应收读数只到了 {share:.1%}，低于 {line:.0%} 的要求。",
        "{share:.1%} of the expected readings came, less than {line:.0%}.",
    ),
    "calibration_expired": (
        "检定有效期至 {until}：此后的读数保留，但计入准确分项的扣分。",
        "Calibrated until {until}: readings after that day are kept, and lower the accuracy part.",
    ),
    # what conversion must do without
    "gas_operating": (
        "{meter} 按工况体积计量而未登记工况压力和温度，用量不能折算：请填写"
        " gas_pressure_kpa（绝压）和 gas_temperature_c。",
        "Meter {meter} counts m3 at an operating condition that is not stated, so its amounts are unknown: state"
        " gas_pressure_kpa (absolute) and gas_temperature_c.",
    ),
    "gas_unstated": (
        "{meter} 未登记气体状态，体积和系数均按原样计，不作换算：请填写 gas_condition（0 ℃ 与 20 ℃ 相差 7.3%）。",
        "Meter {meter} does not say at which condition it counts m3; they and the factors are taken as they are:"
        " state gas_condition (0 °C and 20 °C differ by 7.3 %).",
    ),
    "steam_lacking": (
        "{carrier_zh}按质量计量而未声明状态，不能折算：请在 parameters 中声明 steam_enthalpy_kj_per_kg，或"
        " steam_pressure_mpa（绝压）加 steam_temperature_c 或 steam_dryness_pct。",
        "{carrier_en} is not converted: {why}, as `parameters` of the enterprise.",
    ),
    "default_value": (
        "{carrier_zh}没有这些天的入炉实测低位发热量，以缺省系数 {kgce:.4g} kgce/{unit} 折算：请在填报的"
        " used_production 或 conversion_input 中填写 lhv_kj_per_unit。",
        "{carrier_en} has no heating value of what was fired on these days, so a default of {kgce:.4g} kgce/{unit}"
        " stands in: return lhv_kj_per_unit with used_production or conversion_input.",
    ),
    "received_value": (
        "{carrier_zh}没有这些天的入炉实测低位发热量，以入厂（购进）发热量折算，{kgce:.4g} kgce/{unit}。",
        "{carrier_en} has no heating value of what was fired on these days, so that of what was received stands in,"
        " {kgce:.4g} kgce/{unit}.",
    ),
    "disagrees_used": (
        "{carrier_zh}：计量 {metered:,.6g} {unit}，月度填报消费 {stated:,.6g}，相差 {difference:+.1%}，"
        "超过 {line:.0%}。",
        "{carrier_en}: metered {metered:,.6g} {unit} against {stated:,.6g} used, {difference:+.1%}; more than"
        " {line:.0%}.",
    ),
    "disagrees_purchased": (
        "{carrier_zh}：计量购入 {metered:,.6g} {unit}，月度填报购进 {stated:,.6g}，相差 {difference:+.1%}，"
        "超过 {line:.0%}。",
        "{carrier_en}: metered {metered:,.6g} {unit} against {stated:,.6g} purchased, {difference:+.1%}; more than"
        " {line:.0%}.",
    ),
    "disagrees_billed": (
        "{carrier_zh}：计量购入 {metered:,.6g} {unit}，供应商账单 {stated:,.6g}，相差 {difference:+.1%}，"
        "超过 {line:.0%}。",
        "{carrier_en}: metered {metered:,.6g} {unit} against {stated:,.6g} billed, {difference:+.1%}; more than"
        " {line:.0%}.",
    ),
    # what was returned by hand
    "return_incomplete": (
        "{carrier_zh} {period}：只填报了 {items}，不能得出消费量。",
        "{carrier_en}, {period}: {items} alone is returned, so its use is not known.",
    ),
    "return_balance": (
        "{carrier_zh} {period}：按消费项为 {used:,.6g} {unit}，"
        "按购销存为 {stocks:,.6g}，相差超过 {line:.0%}；以消费项为准。",
        "{carrier_en}, {period}: {used:,.6g} {unit} by stated use,"
        " {stocks:,.6g} by purchases, sales and stocks, more than"
        " {line:.0%} apart; stated use stands.",
    ),
    "return_stock": (
        "{carrier_zh} {period}：期初库存 {opening:,.6g} {unit}，而 {before} 期末库存为 {closing:,.6g}。",
        "{carrier_en}, {period}: opens with {opening:,.6g} {unit} in stock, and {before} closed with {closing:,.6g}.",
    ),
    # balances of main meters against those below
    "balance_too_few": (
        "总表与全部分表均有实测数据的只有 {hours} 小时，不足 {least}"
        " 小时；最缺的是 {meter}，仅 {share:.1%} 的小时有数据。",
        "All meters were measured in {hours} hours only, fewer than {least}; least known is {meter}, in {share:.1%} of"
        " the hours.",
    ),
    "balance_within": (
        "差值 {residual:,.6g} {unit} 在扩展不确定度"
        " ±{uncertainty:,.6g}（k=2）之内：仪表误差足以解释，不能说明有损耗或漏计。",
        "The residual of {residual:,.6g} {unit} is within the"
        " expanded uncertainty ±{uncertainty:,.6g} (k=2): the meters'"
        " errors explain it, it shows neither loss nor use that is not metered.",
    ),
    "balance_unmetered_or_loss": (
        "差值 {residual:,.6g} ± {uncertainty:,.6g} {unit}（k=2）超出仪表误差：线路与变压器损耗，或未计量的用能。",
        "The residual of {residual:,.6g} ± {uncertainty:,.6g}"
        " {unit} (k=2) is beyond the meters' errors: losses of lines"
        " and transformers, or use that is not metered.",
    ),
    "balance_negative": (
        "分表合计比总表 {meter} 多 {excess:,.6g} {unit}，"
        "超出扩展不确定度 ±{uncertainty:,.6g}（k=2）：请核对倍率、接线方向、"
        "上级登记，以及有无未计量的电源或供入。",
        "The meters below {meter} use {excess:,.6g} {unit} more than it delivers, beyond the expanded uncertainty"
        " ±{uncertainty:,.6g} (k=2): check multipliers, wiring, parents, and sources that are not metered.",
    ),
}


@dataclass(frozen=True)
class Said:
    """One sentence of the catalogue with the numbers in it."""

    name: str
    values: Mapping[str, Value]

    def text(self, language: str) -> str:
        return _SENTENCES[self.name][LANGUAGES.index(language)].format(**self.values)


def said(name: str, **values: Value) -> Said:
    """KeyError at once for a sentence that the catalogue does not have, not when it is shown."""
    _SENTENCES[name]
    return Said(name, {key: _plain(value) for key, value in values.items()})


def _plain(value: Value) -> Value:
    """Numbers of arrays as Python's own, so that they can be kept as JSON."""
    if isinstance(value, str):
        return value
    return int(value) if isinstance(value, Integral) else float(value)


def text(sentences: Iterable[Said], language: str) -> str:
    """Sentences one after another."""
    return ("" if language == "zh" else " ").join(one.text(language) for one in sentences)


def names() -> list[str]:
    """All sentences of the catalogue."""
    return list(_SENTENCES)

"""What a finding says, in Chinese or English, made from its `inputs` alone. Figures are rounded here, not before.

`inputs` are plain JSON: `said` names the sentence, `why` the reason where nothing could be judged, the rest are
figures, names and codes. So that a finding can be told in another language, or next year in better words.
"""

from collections.abc import Callable, Mapping
from typing import Any

from energy.warnings import Certainty, Level

Inputs = Mapping[str, Any]

LEVELS = {
    "zh": {Level.RED: "红色", Level.ORANGE: "橙色", Level.YELLOW: "黄色", Level.BLUE: "蓝色"},
    "en": {Level.RED: "Red", Level.ORANGE: "Orange", Level.YELLOW: "Yellow", Level.BLUE: "Blue"},
}
_METRICS = {
    "tce": ("综合能源消费量", "energy use"),
    "kwh": ("用电量", "electricity use"),
    "co2": ("能源活动二氧化碳排放量", "CO2 of energy activity"),
    "coal": ("煤炭消费量", "coal use"),
    "area_energy": ("单位建筑面积能耗", "energy per floor area"),
    "capita_energy": ("人均能耗", "energy per head"),
    "max_demand_kw": ("最大需量", "maximum demand"),
    "intensity": ("单位产值（GDP）能耗", "energy intensity"),
    "intensity_drop": ("能耗强度降低率", "intensity reduction"),
    "co2_intensity": ("碳排放强度", "carbon intensity"),
    "unit_energy": ("单位产品能耗", "unit energy"),
    "pue": ("电能利用效率（PUE）", "PUE"),
    "nonfossil_share": ("非化石能源占比", "share of non-fossil energy"),
}
_BASES = {"equivalent": ("当量值", "equivalent"), "equal_value": ("等价值", "equal value"), "": ("", "")}
_QUOTAS = {
    "limit": ("限额", "limit"),
    "budget": ("用能预算", "energy budget"),
    "approved": ("核定量", "approved amount"),
    "basic_target": ("基本目标", "basic target"),
    "incentive_target": ("激励目标", "incentive target"),
    "access": ("准入值", "access value"),
    "advanced": ("先进值", "advanced value"),
    "baseline": ("基准水平", "baseline"),
    "benchmark": ("标杆水平", "benchmark"),
}
_LINES = {**_QUOTAS, "limit": ("限定值", "limit")}
_IT_POINTS = {
    "ups_output": ("UPS 输出", "UPS output"),
    "pdu_output": ("PDU 输出", "PDU output"),
    "rack_input": ("机柜输入", "rack input"),
}

_SENTENCES: Mapping[str, tuple[str, str]] = {
    "quota_used": (
        "{name} {period}{metric}已用 {observed} {unit}，为{quota} {limit} {unit} 的 {percent} %",
        "{name}, {period}: {metric} {observed} {unit}, {percent} % of the {quota} of {limit} {unit}",
    ),
    "quota_path": (
        "{name} {period}{metric}截至 {day} 已用 {observed} {unit}，为序时进度 {limit} {unit} 的 {percent} %"
        "（全期{quota} {whole} {unit}）",
        "{name}, {period}: {metric} {observed} {unit} up to {day}, {percent} % of the path to date of {limit} {unit}"
        " (whole {quota} {whole} {unit})",
    ),
    "quota_forecast": (
        "{name} {period}{metric}按近期速度期末预计 {observed} {unit}，为{quota} {limit} {unit} 的 {percent} %",
        "{name}, {period}: at the pace of late {metric} will end at {observed} {unit}, {percent} % of the {quota} of"
        " {limit} {unit}",
    ),
    "quota_value": (
        "{name} {period}{metric}为 {observed} {unit}，{verdict}{quota} {limit} {unit}",
        "{name}, {period}: {metric} is {observed} {unit}; {verdict} the {quota} of {limit} {unit}",
    ),
    "max_demand": (
        "{name} {period}{metric}{at_least} {observed} {unit}（{at}），为核定需量 {limit} {unit} 的 {percent} %",
        "{name}, {period}: {metric} {at_least} {observed} {unit} ({at}), {percent} % of the approved {limit} {unit}",
    ),
    "unit_energy": (
        "{name} {product} {window} {indicator}为 {observed} {unit}，{verdict}{line} {limit} {unit}",
        "{name}, {product}, {window}: {indicator} is {observed} {unit}; {verdict} the {line} of {limit} {unit}",
    ),
    "pue": (
        "{name} {window} 电能利用效率（PUE）为 {observed}（IT 计量点：{it_point}），{verdict}{quota} {limit}",
        "{name}, {window}: PUE is {observed} (IT measured at {it_point}); {verdict} the {quota} of {limit}",
    ),
    "pue_shown": (
        "{name} {window} 电能利用效率（PUE）为 {observed}（IT 计量点：{it_point}）",
        "{name}, {window}: PUE is {observed} (IT measured at {it_point})",
    ),
    "silent_enterprise": (
        "{name}自 {since} 起无任何读数，{count} 个计量点全部中断（核定间隔 {interval} 分钟）",
        "{name} has sent no reading since {since}; all {count} meters are silent (approved interval {interval} min)",
    ),
    "silent_meters": (
        "{name}有 {count} 个计量点中断上报（共 {of} 个）：{list}",
        "{name}: {count} of {of} meters have stopped reporting: {list}",
    ),
    "silent_gateway": ("{name}网关 {subject} 自 {since} 起离线", "{name}: gateway {subject} is offline since {since}"),
    "never_reported": (
        "{name}有 {count} 个计量点登记后从未上报（共 {of} 个）：{list}",
        "{name}: {count} of {of} registered meters have never reported: {list}",
    ),
    "silent_platform": (
        "{count} 家单位（共 {of} 家）同时无读数，疑为平台接收链路中断；各单位的中断预警暂不发出",
        "{count} of {of} enterprises fell silent at once: probably the platform's own line; their alerts are held back",
    ),
    "reporting": ("{name}上报正常", "{name} is reporting"),
}
_REASONS: Mapping[str, tuple[str, str]] = {
    "basis_not_stated": ("配额未注明当量值或等价值", "its basis (equivalent or equal value) is not stated"),
    "assessed_is_equivalent_only": ("考核口径只按当量值计算", "assessed energy is computed in equivalent value only"),
    "assessed_of_tce_only": ("该指标没有考核口径", "this metric has no assessed boundary"),
    "unit_unknown": ("单位 {about} 不能换算", "the unit {about} does not convert"),
    "period_not_months": ("期间不是整月", "its period is not made of whole months"),
    "limit_not_positive": ("限值不大于零，不能计算进度", "a limit of zero or less has no progress"),
    "nothing_known": ("期间内没有可用的用能数据", "no usage is known in the period"),
    "denominator_missing": ("未登记 {about}", "{about} is not registered"),
    "period_not_over": ("期间尚未结束", "the period is not over"),
    "activity_missing": ("未导入 {about}", "{about} was not imported"),
    "region_total_not_imported": (
        "未导入地区能源统计总量，重点单位合计不能代替",
        "the region's statistical total was not imported, and a sum of enterprises is none",
    ),
    "price_bases_differ": ("两年的价格基准不同或未注明", "the two years' price bases differ or are not stated"),
    "no_output_value": ("产值为零或缺失", "there is no output value"),
    "nonfossil_not_recorded": ("绿电、绿证交易未登记", "green power and certificates are not recorded"),
    "metric_unknown": ("指标 {about} 不能由现有数据计算", "{about} cannot be computed from what is known"),
    "peak_missing": ("没有 15 分钟电量", "there is no 15-minute energy"),
    "edition_not_loaded": ("未载入当期有效的标准版本", "the edition in force is not loaded"),
    "no_level_named": ("产品未指定能效水平", "no efficiency level is named for the product"),
    "parameter_missing": ("缺少修正参数 {about}", "the correction's parameter {about} is missing"),
    "output_missing": ("产量未上报", "output was not reported"),
    "output_zero": ("产量为零", "output is zero"),
    "no_process_meter": ("没有属于该产品线的计量点", "no meter belongs to the product line"),
    "no_process_energy": ("产品线用能未知", "the line's energy is unknown"),
    "no_enterprise_energy": ("单位总用能未知", "the enterprise's energy is unknown"),
    "two_products": ("有多个产品，不能以单位总用能计算", "with several products the whole cannot be one line's"),
    "share_not_stated": ("未登记分摊比例", "the allocated share is not stated"),
    "energy_rule_unknown": ("用能归集规则未知", "the energy rule is unknown"),
    "unit_mismatch": ("产量单位不能换算为 {about}", "the output's unit does not convert to {about}"),
    "factor_missing": ("{about} 缺少折标系数", "{about} has no conversion factor"),
    "heat_not_apportioned": ("供热用煤未分摊", "coal for heat is not apportioned"),
    "not_twelve_months": (
        "完整数据不足十二个月（现有 {months} 个月），年度指标不作评判",
        "there are fewer than twelve full months ({months}); a yearly indicator is not assessed",
    ),
    "months_not_full": (
        "完整数据仅 {months} 个月，须满 {needed} 个月方可评判",
        "only {months} months are full where {needed} are needed",
    ),
    "it_missing": ("没有 IT 设备用电", "the energy of IT equipment is missing"),
    "dc_total_missing": ("没有数据中心总用电计量点", "no meter measures the data centre's total"),
    "pue_below_one": ("PUE 小于 1，计量有误", "a PUE below 1 is invalid: the metering is wrong"),
    "it_point_not_named": ("未注明 IT 计量点", "the IT measuring point is not named"),
}
_VERDICTS = {
    "met": ("未超", "within"),
    "not_met": ("超出", "beyond"),
    "short": ("未达到", "short of"),
    "reached": ("达到", "met"),
}
_BOOLEAN_NOTES: Mapping[str, tuple[str, str]] = {
    "recalled": ("该限值未经核对原文，仅供参考、不作执行依据", "the value is recalled, shown and not enforced"),
    "month_only": ("月度值仅供参考，限额按全年评判", "a month is information; limits judge a year"),
    "unbounded": ("缺失部分无上限，实际可能更高", "what is missing has no upper bound"),
}


def sentence(inputs: Inputs, language: str = "zh") -> str:
    """The finding in one sentence with its figures, limit, period, basis and document, and what is missing."""
    at = 0 if language == "zh" else 1
    words = _words(inputs, at)
    head = _unjudged(inputs, words, at) if inputs.get("why") else _SENTENCES[inputs["said"]][at].format_map(words)
    notes = [note for note in (make(inputs, words, at) for make in _NOTES) if note]
    return ("；" if at == 0 else "; ").join([head, *notes]) + ("。" if at == 0 else ".")


def message(level: Level, certainty: str, inputs: Inputs, language: str = "zh") -> str:
    """The sentence under its level, as alerts and notices carry it."""
    word = LEVELS[language][level]
    possible = certainty == Certainty.POSSIBLE and inputs.get("high_percent") is not None
    if language == "zh":
        return f"【{word}预警{'·可能超限' if possible else ''}】{sentence(inputs, language)}"
    return f"[{word}{', possible breach' if possible else ''}] {sentence(inputs, language)}"


def calmed(text: str, language: str = "zh") -> str:
    """What is said when a case is resolved by itself."""
    return f"【预警解除】{text}" if language == "zh" else f"[Resolved] {text}"


def number(value: float | None) -> str:
    """A figure to read: three or four significant digits, thousands apart, no trailing zeros. Never for computing."""
    if value is None:
        return "—"
    size = abs(value)
    digits = 0 if size >= 1000 else 1 if size >= 100 else 2 if size >= 1 else 4
    text = f"{value:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def percentage(value: float | None) -> str:
    """In percent, with more digits where one would hide on which side of 100 it is."""
    if value is None:
        return "—"
    digits = next((n for n in range(1, 7) if value == 100 or round(value, n) != 100), 1)
    return f"{value:.{digits}f}".removesuffix(".0")


def _words(inputs: Inputs, at: int) -> dict[str, str]:
    words = {key: number(value) if isinstance(value, float) else str(value) for key, value in inputs.items()}
    words["metric"] = _metric(inputs, at)
    words["quota"] = _of(_QUOTAS, inputs.get("quota", ""), at)
    words["line"] = _of(_QUOTAS if inputs.get("given") else _LINES, inputs.get("line", ""), at)
    words["verdict"] = _of(_VERDICTS, inputs.get("verdict", ""), at)
    words["it_point"] = "、".join(
        _of(_IT_POINTS, point, at) for point in inputs.get("it_point", "").split(",") if point
    )
    words["percent"] = percentage(inputs.get("percent"))
    words["at_least"] = ("至少" if at == 0 else "at least") if inputs.get("at_least") else ""
    words["period"] = _period(inputs.get("period", ""), at)
    words["indicator"] = inputs.get("indicator", "") or _of(_METRICS, "unit_energy", at)
    if at == 0 and words["quota"] and inputs.get("span"):
        words["quota"] = f"{inputs['span']}{words['quota']}"
    return words


def _of(table: Mapping[str, tuple[str, str]], code: str, at: int) -> str:
    return table[code][at] if code in table else code


def _metric(inputs: Inputs, at: int) -> str:
    name = _of(_METRICS, inputs.get("metric", ""), at)
    basis = _of(_BASES, inputs.get("basis", ""), at)
    assessed = ("考核口径", "assessed")[at] if inputs.get("boundary") == "assessed" else ""
    marks = [mark for mark in (basis, assessed) if mark]
    if not marks:
        return name
    return f"{name}（{'，'.join(marks)}）" if at == 0 else f"{name} ({', '.join(marks)})"


def _period(period: str, at: int) -> str:
    """2026 becomes 2026 年; other names stay as files write them."""
    return f"{period} 年" if at == 0 and len(period) == 4 else f"{period} " if at == 0 and period else period


def _unjudged(inputs: Inputs, words: Mapping[str, str], at: int) -> str:
    why = _REASONS[inputs["why"]][at].format_map(
        {"about": inputs.get("about", ""), "months": inputs.get("months", 0), "needed": inputs.get("needed", 0)}
    )
    subject = inputs.get("product") or ""
    head = f"{words['name']} {subject + ' ' if subject else ''}{words['period']}"
    about = words["metric"] or words["indicator"]
    if inputs.get("line"):
        about = f"{words['indicator']}（{words['line']}）" if at == 0 else f"{words['indicator']} ({words['line']})"
    return f"{head}{about}不能判定：{why}" if at == 0 else f"{head} {about} cannot be judged, because {why}"


def _missing(inputs: Inputs, words: Mapping[str, str], at: int) -> str:
    """What missing data may add; without a share in percent there is nothing to compare it with."""
    high = inputs.get("high_percent")
    if high is None:
        return ""
    amount = f"{number(inputs.get('high'))} {inputs.get('unit', '')}"
    if at == 0:
        guess = "按已知平均水平的两倍估计，" if inputs.get("gap") else ""
        return f"{guess}计入缺失数据最高可达 {amount}（{percentage(high)} %）"
    guess = "guessing gaps at twice the mean, " if inputs.get("gap") else ""
    return f"{guess}with what is missing at most {amount} ({percentage(high)} %)"


def _so_far(inputs: Inputs, words: Mapping[str, str], at: int) -> str:
    """The value that could not be judged, as information."""
    if not inputs.get("why") or inputs.get("observed") is None:
        return ""
    unit = f" {inputs['unit']}" if inputs.get("unit") else ""
    return f"现有数据为 {words['observed']}{unit}" if at == 0 else f"so far {words['observed']}{unit}"


def _completeness(inputs: Inputs, words: Mapping[str, str], at: int) -> str:
    share = inputs.get("completeness")
    if share is None or share >= 0.9995:
        return ""
    return f"计量数据覆盖率 {share * 100:.1f} %" if at == 0 else f"{share * 100:.1f} % of the metering is covered"


def _corrected(inputs: Inputs, words: Mapping[str, str], at: int) -> str:
    applied = inputs.get("applied")
    if not applied:
        return ""
    return f"限值已按 {'、'.join(applied)} 修正" if at == 0 else f"corrected for {', '.join(applied)}"


def _grade(inputs: Inputs, words: Mapping[str, str], at: int) -> str:
    grade = inputs.get("grade")
    if grade is None:
        return ""
    return f"对照 GB 40879 为 {grade} 级（参考）" if at == 0 else f"grade {grade} of GB 40879 (for information)"


def _flagged(inputs: Inputs, words: Mapping[str, str], at: int) -> str:
    told = [texts[at] for key, texts in _BOOLEAN_NOTES.items() if inputs.get(key)]
    return ("；" if at == 0 else "; ").join(told)


def _document(inputs: Inputs, words: Mapping[str, str], at: int) -> str:
    document = inputs.get("document")
    if not document:
        return ""
    return f"依据：{document}" if at == 0 else f"document: {document}"


_NOTES: tuple[Callable[[Inputs, Mapping[str, str], int], str], ...] = (
    _so_far, _missing, _flagged, _completeness, _corrected, _grade, _document,
)  # fmt: skip

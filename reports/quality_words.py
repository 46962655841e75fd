"""Data quality in both languages, for pages and reports alike, Chinese first."""

from collections.abc import Mapping

from storage.data_quality import Outage

LANGUAGES = ("zh", "en")

Words = Mapping[str, tuple[str, str]]

PARTS: Words = {
    "completeness": ("完整", "complete"),
    "accuracy": ("准确", "accurate"),
    "timeliness": ("时效", "timely"),
    "verifiability": ("可验证", "verifiable"),
    "validity": ("有效", "valid"),
    "conformity": ("规范", "conforming"),
}
PART_NOTES: Words = {
    "completeness": ("按核定间隔应收读数中已收到的比例", "Readings received of those the approved interval asks for"),
    "accuracy": ("检定在有效期内的计量点比例", "Metering points in valid calibration"),
    "timeliness": ("一小时（或两个间隔）内到达的实时读数比例", "Live readings within an hour or two intervals"),
    "verifiability": ("与月度填报、供应商账单相差 5 % 以内的项数比例", "Agreement with return and bill within 5 %"),
    "validity": ("未被搁置、未带疑问标记的读数比例", "Readings that were not set aside or marked"),
    "conformity": ("单位与计量器具档案已填报的项数比例", "Declared items of the register of instruments"),
}
SEVERITIES: Words = {
    "duty": ("须报备", "duty"),
    "warning": ("警示", "warning"),
    "notice": ("关注", "notice"),
    "info": ("提示", "info"),
}
OUTAGE_STATES: Words = {
    "in_repair": ("修复中", "in repair"),
    "repaired": ("已按期修复", "repaired in time"),
    "not_repaired": ("逾期未修复，须报备", "overdue, to file"),
    "repaired_late": ("逾期修复，须报备", "repaired late, to file"),
}
AGAINST: Words = {
    "used": ("月度填报消费", "used, by the return"),
    "purchased": ("月度填报购进", "purchased, by the return"),
    "billed": ("供应商账单", "supplier's bill"),
}
FINDINGS: Words = {
    "gap": ("缺数", "gap"),
    "outage": ("中断超期", "outage"),
    "incomplete": ("完整率不足", "incomplete"),
    "zero_days": ("整日为零", "days of zero"),
    "zero_run": ("成段为零", "run of zeros"),
    "null_as_zero": ("空值写成零", "null as zero"),
    "often_zero": ("经常为零", "often zero"),
    "always_zero": ("始终为零", "always zero"),
    "zero_month": ("整月为零", "month of zero"),
    "constant": ("数值不变", "constant"),
    "stuck_register": ("示数停走", "stuck register"),
    "copied": ("与他日雷同", "copied"),
    "round_numbers": ("整数异常", "round numbers"),
    "spike": ("突增", "spike"),
    "level_shift": ("水平突变", "level shift"),
    "unit_suspect": ("单位或倍率存疑", "unit suspect"),
    "half_value": ("首值不足", "half value"),
    "ignores_production": ("能耗与产量脱节", "ignores production"),
    "edits_before_month_end": ("月末集中改数", "edits before month end"),
    "falls_at_midnight": ("零点回落", "falls at midnight"),
    "not_cumulative": ("并非累计示数", "not cumulative"),
    "running_total": ("实为累计示数", "a running total"),
    "reverse_wiring": ("疑似反接", "reverse wiring"),
    "negative": ("负值", "negative"),
    "clock_offset": ("时钟偏差", "clock offset"),
    "calibration_expired": ("检定过期", "calibration expired"),
    "set_aside": ("读数搁置", "set aside"),
    "reset": ("示数归零", "reset"),
    "conflict": ("同刻异值", "conflict"),
    "over_rate": ("超最大速率", "over rate"),
    "disagrees": ("与填报或账单不符", "disagrees"),
    "return_incomplete": ("填报不全", "return incomplete"),
    "return_balance": ("填报收支不平", "return does not balance"),
    "return_stock": ("填报库存不符", "stocks do not fit"),
    "balance_negative": ("分表大于总表", "more used than delivered"),
    "condition_unknown": ("计量状态未知", "condition unknown"),
    "default_value": ("缺省热值", "default value"),
}


def word(words: Words, name: str, language: str) -> str:
    """The word of one table; a name that it does not have is shown as it is."""
    return words[name][LANGUAGES.index(language)] if name in words else name


def meters_of(outage: Outage, language: str, most: int = 6) -> str:
    """The metering points of an outage; of very many the first, and how many."""
    shown = ("、" if language == "zh" else ", ").join(outage.meters[:most])
    if len(outage.meters) <= most:
        return shown
    more = len(outage.meters) - most
    return f"{shown} 等 {len(outage.meters)} 块" if language == "zh" else f"{shown} and {more} more"

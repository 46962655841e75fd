"""The reports' words. Code and templates write Chinese; English is looked up here.

What comes from the registry or from rules (names, reasons, messages) is shown as it was written.
"""

import tomllib
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

from energy.quality import Flag
from reports.side_by_side import ENGLISH as SIDE_BY_SIDE

LANGUAGES = ("zh", "en")
LEVEL_WORDS = {"red": "红色", "orange": "橙色", "yellow": "黄色", "blue": "蓝色"}
STATE_WORDS = {"open": "未处理", "acknowledged": "已签收", "resolved": "已解除"}
CLASS_WORDS = {
    "hundred": "百家",
    "thousand": "千家",
    "ten_thousand": "万家",
    "designated": "指定用能单位",
    "none": "非重点",
}
METHOD_WORDS = {
    "default": "缺省值",
    "measured": "实测值",
    "received": "入厂实测值",
    "statistics": "统计值",
    "carried_forward": "沿用上年",
}
BASIS_WORDS = {"equivalent": "当量值", "equal_value": "等价值", "": "未注明口径"}
BOUNDARY_WORDS = {"measured": "实测口径", "assessed": "考核口径", "": ""}
METRIC_WORDS = {
    "tce": "综合能源消费量",
    "kwh": "用电量",
    "co2": "二氧化碳排放（能源活动）",
    "coal": "煤炭消费量",
    "max_demand_kw": "最大需量",
    "intensity": "能耗强度",
    "intensity_drop": "能耗强度降低率",
    "co2_intensity": "碳排放强度",
    "unit_energy": "单位产品能耗",
    "pue": "PUE",
    "area_energy": "单位面积能耗",
    "capita_energy": "人均能耗",
    "nonfossil_share": "非化石能源占比",
}
KIND_WORDS = {
    "limit": "指标",
    "budget": "用能预算",
    "approved": "核定量",
    "basic_target": "基本目标",
    "incentive_target": "激励目标",
    "access": "准入值",
    "advanced": "先进值",
    "baseline": "基准水平",
    "benchmark": "标杆水平",
}
# The parts of a quota finding's subject, for instance tce:limit:equivalent:measured.
SUBJECT_WORDS = METRIC_WORDS | KIND_WORDS | {key: word for key, word in (BASIS_WORDS | BOUNDARY_WORDS).items() if key}
REASON_WORDS = {
    "unreadable": "无法解析",
    "too_large": "报文过大",
    "unknown_enterprise": "未登记的单位",
    "unknown_meter": "未登记的计量点",
    "not_a_number": "不是数字",
    "no_value": "无数值",
    "bad_time": "时间无效",
    "time_in_future": "时间超前",
    "time_too_old": "时间过早",
    "outside_validity": "不在计量点有效期内",
}
FLAG_WORDS = {
    Flag.ROLLOVER: "翻转",
    Flag.RESET: "归零",
    Flag.DIP: "跌落值搁置",
    Flag.SPIKE: "突增值搁置",
    Flag.EXCHANGE: "换表",
    Flag.GAP: "断档分摊",
    Flag.INTERPOLATED: "边界插值",
    Flag.MISSING: "缺数",
    Flag.NEGATIVE: "负值",
    Flag.OVER_RATE: "超最大速率",
    Flag.CONFLICT: "同刻异值",
    Flag.CORRECTED: "已更正",
    Flag.ESTIMATED: "含估计",
    Flag.MULTIPLIER: "倍率变更",
    Flag.FACTOR_MISSING: "缺折标系数",
    Flag.BEGINS: "数据自期内开始",
    Flag.RETURNED: "填报数",
    Flag.DEFAULT_VALUE: "缺省热值",
    Flag.CONDITION_UNKNOWN: "计量状态未知",
    Flag.VIRTUAL: "虚拟表计算",
}
BALANCE_WORDS = {
    "within": "误差之内",
    "unmetered_or_loss": "损耗或漏计",
    "negative": "分表大于总表",
    "cannot_judge": "不能判定",
}
# Worth a line in the list of meters: a boundary interpolation or a meter exchange on record is no defect.
DEFECTS = ~(Flag.VIRTUAL | Flag.INTERPOLATED | Flag.EXCHANGE | Flag.CORRECTED | Flag.ROLLOVER)


def in_language(language: str) -> Callable[[str], str]:
    """What turns our Chinese words into that language; a word without a translation stays Chinese."""
    return (lambda words: words) if language == "zh" else lambda words: ENGLISH.get(words, words)


def rule_word(rule: str, language: str) -> str:
    """What a rule is called; one that is no longer known keeps its own name."""
    known = _rules().get(rule, {})
    return str(known.get("name" if language == "zh" else "name_en", rule))


@cache
def _rules() -> dict[str, dict[str, Any]]:
    return tomllib.loads((Path(__file__).parents[1] / "config" / "alert_rules.toml").read_text("utf-8"))


def flag_words(names: Iterable[str], say: Callable[[str], str]) -> str:
    """Flags by their names, in words."""
    return "、".join(say(FLAG_WORDS[Flag[name.upper()]]) for name in names)


ENGLISH = dict(SIDE_BY_SIDE) | {
    "评分": "Score",
    "权重": "weight",
    "最低": "lowest",
    "无应收读数": "nothing was due",
    "逐日完整率": "Completeness by day",
    "每格一天，填充高度为已收到的比例；红色低于 90 %，空格为当日无应收读数。": (
        "A cell a day, filled by the share that came; red below 90 %, empty where nothing was due."
    ),
    "中断与修复期限": "Outages and their term",
    "开始": "Began",
    "恢复": "Back",
    "结束": "Ended",
    "未恢复": "still out",
    "小时": "Hours",
    "修复期限": "To be repaired before",
    "检出项": "Findings",
    "检出": "Finding",
    "程度": "Severity",
    "证据": "Evidence",
    "起止": "From, to",
    "读数个数": "Readings",
    "全单位": "whole enterprise",
    "另有检出项": "Further findings:",
    "，见工作簿。": ", in the workbook.",
    "质量评分": "Quality score",
    "有效传输率": "Valid transmission rate",
    "时钟偏差（秒）": "Clock offset (s)",
    "须报备": "To file",
    "警示": "Warnings",
    "未收到读数": "nothing came",
    "本月没有收到读数，不评分。": "Nothing came in this month, so there is no score.",
    "数据质量 {points} 分（依据权重 {known}）；": "Data quality {points} of 100 (rests on weights of {known}); ",
    "有效传输率 {rate}，时钟偏差 {offset} 秒。": "valid transmission rate {rate}, clock offset {offset} s.",
    "评分权重为本平台自定，并非法定；检出项是附证据的疑点，不是结论。": (
        "The weights are the product's own, not law; a finding is a question with its evidence, never a verdict."
    ),
    "未评分和评分低者在前。评分权重为本平台自定，并非法定；检出项是附证据的疑点，不是结论。": (
        "Those without a score first, then the worst. The weights"
        " are the product's own, not law; a finding is a question"
        " with its evidence, never a verdict."
    ),
    "填报数": "returned by hand",
    "缺省热值": "default heating value",
    "计量状态未知": "condition unknown",
    "口径对照": "Side by side",
    "本平台": "Platform",
    "205-1 填报": "Form 205-1",
    "差异": "Difference",
    "供能单位账单": "Supplier's bill",
    "本平台与填报为净消费量（购入减外供减库存增加），"
    "账单与外购电表同期比对；差异为本平台相对对方之差，超过 5 % 为不一致。":
        "Platform and form state net use (bought less sold less"
        " growth of stocks); a bill is held against what was metered"
        " on its own days. A difference is ours against theirs; beyond 5 % they disagree.",
    "能源利用月度报告": "Monthly energy report",
    "数据截至": "As known on",
    "数据链摘要": "Head of the data chain",
    "没有读数": "no readings",
    "环节": "link",
    "接收日": "received on",
    "凭此可核验本报告所依据的读数未被修改、删除或添加。": (
        "With it anybody can verify that the readings behind this report were not changed, deleted or added to."
    ),
    "本月未结束": "month not over",
    "初稿": "draft",
    "终稿": "final",
    "环比": "on month",
    "同比": "on year",
    "本年累计": "Year to date",
    "本月无数据": "no data this month",
    "对比月无数据": "no data for the other month",
    "对比月为零": "the other month is zero",
    "本月缺数": "this month is incomplete",
    "对比月缺数": "the other month is incomplete",
    "综合能源消费量（当量值）": "Energy consumption (equivalent)",
    "综合能源消费量（等价值）": "Energy consumption (equal value)",
    "考核口径能源消费量（当量值）": "Assessed energy consumption (equivalent)",
    "二氧化碳排放（能源活动）": "CO₂ of energy activity",
    "单位编码": "Code",
    "统一社会信用代码": "Credit code",
    "所在地区": "Region",
    "行业": "Industry",
    "管理类别": "Class",
    "监管部门": "Supervised by",
    "未填报": "not stated",
    "未注明": "not stated",
    "百家": "hundred",
    "千家": "thousand",
    "万家": "ten thousand",
    "指定用能单位": "designated",
    "非重点": "none",
    "本月要点": "In short",
    "分品种能源消费": "Use by carrier",
    "合计（综合能源消费量）": "Total energy consumption",
    "目标与预算进度": "Targets and budget",
    "依据": "Document",
    "本年没有登记能耗指标或预算，不能说明进度。":
        "No quota or budget is registered for this year: no progress can be told.",
    "单位产品能耗": "Unit energy of products",
    "合格品产量": "qualified output",
    "未报送": "not returned",
    "没有可比对的限额、准入、先进、基准或标杆值，或尚未判定。":
        "There is no line to compare with, or it is not judged yet.",
    "没有登记产品，单位产品能耗不适用。": "No product is registered: unit energy does not apply.",
    "电能利用效率（PUE）": "Power usage effectiveness (PUE)",
    "尚无判定结果：需要总用电与信息设备用电两类计量点。":
        "Not judged yet: meters of the whole and of the IT load are needed.",
    "PUE 为期间总用电与信息设备用电之比（先求和再相除）；满十二个月方可评定，单月仅供参考。":
        "PUE is a ratio of sums; it is assessed on twelve full months, a single month is information.",
    "负荷曲线与逐日用能": "Load curve and daily use",
    "峰日": "Peak day",
    "典型日": "Typical day",
    "典型日为数据基本完整的各日同一时刻 15 分钟平均负荷的中位数，天数":
        "the typical day is the median of 15-minute mean loads over nearly complete days, of which there are",
    "峰日有回路缺数，峰值为至少": "a feeder is missing on the peak day: the maximum demand is a lower bound",
    "本月没有 15 分钟电力数据，不能绘制负荷曲线。": "There is no 15-minute power data this month.",
    "15 分钟平均负荷": "15-minute mean load",
    "逐日综合能源消费量（当量值）": "Daily energy consumption (equivalent)",
    "逐日用电量": "Daily electricity",
    "本月预警": "Alerts of the month",
    "本月没有预警。": "No alerts this month. ",
    "有事项不能判定，见下文，没有预警不等于合规。":
        "Some matters cannot be judged (below): no alert does not mean compliance.",
    "不能判定的事项": "What cannot be judged",
    "不能判定，因为": "Cannot be judged, because",
    "没有。": "None.",
    "本月尚未形成任何判定结果。": "Nothing has been judged for this month yet.",
    "数据质量": "Data quality",
    "数据完整率": "Completeness",
    "全部计量点数据完整率": "Completeness of all meters",
    "以下计量点完整率低于 90 % 或有质量标记": "meters below 90 % or with quality flags",
    "计量点": "Meter",
    "应收": "Expected",
    "实收": "Received",
    "质量标记": "Quality flags",
    "没有有效检定的计量点": "Meters without valid calibration",
    "有效期至": "valid until",
    "，已过期": ", expired",
    "未登记检定有效期的计量点": "Meters without a stated calibration",
    "拒收的读数或报文": "Rejected readings or messages",
    "本月使用的折标系数": "Conversion factors used",
    "当量": "equivalent",
    "等价": "equal value",
    "方法": "Method",
    "有效期": "Valid",
    "来源": "Source",
    "未经来源核实": "not confirmed by a source",
    "缺省值": "default",
    "实测值": "measured",
    "入厂实测值": "measured on receipt",
    "统计值": "statistics",
    "沿用上年": "carried forward",
    "品种": "Carrier",
    "实物量": "Amount",
    "单位": "Unit",
    "当量值": "Equivalent",
    "等价值": "Equal value",
    "考核口径": "Assessed",
    "实测口径": "Measured",
    "能源活动": "Energy activity",
    "未注明口径": "basis not stated",
    "本月没有收到任何能源数据。": "No energy data at all was received this month.",
    "耗能工质（不计入综合能源消费量）": "Energy media (no part of the total)",
    "级别": "Level",
    "单位名称": "Enterprise",
    "内容": "What",
    "发生时间": "Opened",
    "状态": "State",
    "结果": "Outcome",
    "对象": "Subject",
    "实际值": "Observed",
    "限值": "Limit",
    "标准或文件": "Standard or document",
    "期间": "Period",
    "不能判定": "not judged",
    "未判定": "not judged",
    "正常": "within",
    "超限": "over",
    "缺数": "data missing",
    "更多": "more",
    "提示": "note",
    "用能": "use",
    "红色": "red",
    "橙色": "orange",
    "黄色": "yellow",
    "蓝色": "blue",
    "未处理": "open",
    "已签收": "acknowledged",
    "已解除": "resolved",
    "另有 {count} 项预警，见下文。": "{count} more warnings below.",
    "{count} 项不能判定，原因见下文，不等于合规。":
        "{count} matters cannot be judged (reasons below); that is not compliance.",
    "没有可供判定的指标或限额。": "There is no quota or limit to judge by.",
    "已判定的 {count} 项均未超限。": "All {count} judged matters are within their limits.",
    "综合能源消费量当量值 {a} tce（环比 {b}，同比 {c}），等价值 {d} tce。":
        "Energy consumption {a} tce equivalent (on month {b}, on year {c}), {d} tce equal value.",
    "数据不完整，相关数字为下限：{names}": "Incomplete data, these figures are lower bounds: {names}",
    "{count} 家单位本月未报送数据：{names}": "{count} enterprises sent no data this month: {names}",
    "{units} 家单位共 {lines} 项超过限额：{names}": "{units} enterprises are over {lines} limits: {names}",
    "覆盖范围：登记重点用能单位 {units} 家，本月有数据 {reported} 家，数据完整率 {share}。":
        "Coverage: {units} key units registered, {reported} with data this month, completeness {share}.",
    "重点用能单位合计": "Sum of key energy-using units",
    "地区能源消费总量（统计口径）": "Region's total (statistics)",
    "数值": "Value",
    "尚未导入本地区统计口径的能源消费总量，地区目标不能据本表判定。":
        "The region's statistical total has not been imported: its targets cannot be judged by this sum.",
    "超过限额的单位": "Enterprises over a limit",
    "当月或非强制水平未达到（仅供参考）": "Not met this month, or a level that binds nobody (information)",
    "没有判定为超限的单位。": "No enterprise is judged to be over a limit. ",
    "未报送数据的单位": "Enterprises that sent no data",
    "地区": "Region",
    "计量点数": "Meters",
    "上年同月当量值": "Equivalent a year before",
    "全部单位本月均有数据。": "Every enterprise sent data this month.",
    "本地区没有登记重点用能单位。": "No enterprise is registered in this region.",
    "用能排名": "Ranking",
    "未报送单位上年同月占重点用能单位合计": "Share of the silent enterprises in the sum a year before:",
    "序": "#",
    "占合计": "Share",
    "地区目标": "Targets of the region",
    "没有登记地区目标，或尚未判定。": "No target of the region is registered, or it is not judged yet.",
    "口径：当量值与等价值是两套折算，不得相加或混用；任何标准煤数字均注明口径。二氧化碳仅指能源活动（燃料燃烧与外购电力、热力），不含工业过程排放。":
        "Equivalent and equal value are two conversions that are never added or mixed; every figure in coal equivalent"
        " says its own. CO₂ is that of energy activity (combustion, bought power and heat), without process emissions.",
    "“—”表示未知，不是零；“≥”表示部分数据缺失、数值为下限。数字仅在显示时按 GB/T 8170 修约，与限额比较使用全部数位。":
        "“—” is unknown, not zero; “≥” is a lower bound because data is missing. Figures are rounded (GB/T 8170) only"
        " where they are shown; limits are compared at full precision.",
    "重点用能单位合计不是地区能源消费总量；地区内单位之间的销售已相互抵减。地区目标以导入的统计口径总量判定。":
        "The sum of key units is not the region's total; sales between them are netted. Targets of the region are"
        " judged on its imported statistical total.",
    "能耗强度": "energy intensity",
    "能耗强度降低率": "drop of energy intensity",
    "碳排放强度": "carbon intensity",
    "PUE": "PUE",
    "单位面积能耗": "energy per area",
    "人均能耗": "energy per head",
    "非化石能源占比": "share of non-fossil energy",
    "综合能源消费量": "Energy consumption",
    "用电量": "Electricity",
    "煤炭消费量": "Coal",
    "指标": "quota",
    "用能预算": "budget",
    "核定量": "approved amount",
    "基本目标": "basic target",
    "激励目标": "incentive target",
    "准入值": "access",
    "先进值": "advanced",
    "基准水平": "baseline",
    "标杆水平": "benchmark",
    "无法解析": "unreadable",
    "报文过大": "too large",
    "未登记的单位": "unknown enterprise",
    "未登记的计量点": "unknown meter",
    "不是数字": "not a number",
    "无数值": "no value",
    "时间无效": "bad time",
    "时间超前": "time in future",
    "时间过早": "time too old",
    "不在计量点有效期内": "outside validity",
    "翻转": "rollover",
    "归零": "reset, only bounds are known",
    "跌落值搁置": "low reading set aside",
    "突增值搁置": "high reading set aside",
    "换表": "meter exchanged",
    "断档分摊": "gap spread as an estimate",
    "边界插值": "interpolated at a boundary",
    "负值": "negative",
    "超最大速率": "over the largest rate",
    "同刻异值": "two values for one time",
    "已更正": "corrected",
    "含估计": "estimated",
    "倍率变更": "multiplier changed without a reading",
    "缺折标系数": "factor missing",
    "数据自期内开始": "data begin inside the period",
    "虚拟表计算": "computed from other meters",
    "计量平衡": "Balance of meters",
    "总表": "Main meter",
    "供入": "Delivered",
    "分表合计": "Used below",
    "差值": "Residual",
    "扩展不确定度（k=2）": "Expanded uncertainty (k=2)",
    "比对时段": "Compared",
    "误差之内": "within the meters' errors",
    "损耗或漏计": "loss or not metered",
    "分表大于总表": "more used than delivered",
    "只比对总表与全部分表均有实测数据的小时；不确定度按各表准确度等级合成，未登记等级的按 GB 17167 的要求取值。":
        "Only hours are compared in which all meters were measured."
        " The uncertainty is that of the meters' classes; where"
        " none is stated, what GB 17167 asks for.",
    "概览": "Overview",
    "分品种": "Carriers",
    "每日": "Days",
    "预警": "Alerts",
    "限额": "limit",
    "序时进度": "path",
    "没有数据": "no data",
    "截至月末已用 {used} {unit}，占 {share}；至月末序时进度 {path} {unit}，为其 {on_path}。":
        "Used by the end of the month {used} {unit}, {share} of it; the path to that day is {path} {unit}, of which"
        " that is {on_path}.",
    "本期没有用能数据。": "There is no usage in this period.",
    "指标的单位不能换算，不能说明进度。": "The quota's unit does not convert: no progress can be told.",
    "指标未注明当量或等价口径，不能说明进度。": "The quota states no basis: no progress can be told.",
    "考核口径只有当量值，等价值指标不能说明进度。": "Assessed figures are equivalent only: no progress can be told.",
    "考核口径只适用于标准煤，不能说明进度。": "Only tce has an assessed figure: no progress can be told.",
    "本月": "Month",
    "说明": "Remarks",
    "下限": "Low",
    "上限": "High",
    "最大需量": "Peak",
    "日期": "Date",
    "名称": "Name",
    "检定有效期至": "Calibrated until",
    "需关注": "look at this",
    "判定": "judgement",
    "数据不完整，为下限": "incomplete, a lower bound",
    "峰值": "peak",
    "虚线柱：当日有缺数，实际不低于此值。": "Dashed bars: data is missing on that day, the real figure is not below.",
    "措施与确认": "Measures and confirmation",
    "原因与措施（单位填写）": "Causes and measures (by the enterprise)",
    "填报人": "Filled in by",
    "能源管理负责人": "Energy manager",
}  # fmt: skip

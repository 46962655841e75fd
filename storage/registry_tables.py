"""The registry files of the contract: which columns each has and what may stand in them.

Parsing, importing and exporting are driven by these tables; what really differs between registry files is in the
functions they name. Rows are dicts under the names of the contract.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property

from energy import corrections, factors, gas, returns
from energy.usage import ROLES
from storage import registry_rows as rows
from storage.registry_cells import (
    Read,
    Row,
    Value,
    code,
    credit_code,
    day,
    division,
    floating,
    industry,
    instant,
    not_negative,
    number,
    one_of,
    period,
    positive,
    records,
    returned_period,
    text,
    whole,
    yes_or_no,
    zone_name,
)
from storage.registry_rows import Facts, Wrong


@dataclass(frozen=True)
class Column:
    """One column of a registry file. `into`: its name in the database where that is another one."""

    name: str
    zh: str
    read: Read
    default: Value = None
    required: bool = False
    key: bool = False
    into: str = ""

    @property
    def stored(self) -> str:
        return self.into or self.name

    def of(self, row: Row) -> Value:
        """What is stored of a row: of an enterprise or meter its id, which stands beside its code."""
        return row[self.into] if self.into in ("enterprise_id", "meter_id") else row[self.name]


@dataclass(frozen=True)
class Table:
    """One registry file. `into`: its table. `check` looks at a whole row, `derive` adds the columns `derived`.

    `fixed`: what sets these rows apart from others of the same table, part of their key. `without`: what others have.
    """

    name: str
    zh: str
    into: str
    columns: tuple[Column, ...]
    check: Callable[[Row, Facts], Iterator[Wrong]]
    derive: Callable[[Row, Facts], Row] = lambda row, facts: {}
    derived: tuple[str, ...] = ()
    fixed: Mapping[str, Value] = field(default_factory=dict)
    without: Mapping[str, Value] = field(default_factory=dict)
    needs_meters: bool = False

    @cached_property
    def by_name(self) -> dict[str, Column]:
        return {column.name: column for column in self.columns}

    @cached_property
    def keys(self) -> tuple[Column, ...]:
        return tuple(column for column in self.columns if column.key)

    @cached_property
    def stored_keys(self) -> tuple[Column, ...]:
        return tuple(column for column in self.stored if column.key)

    @cached_property
    def stored(self) -> tuple[Column, ...]:
        """The columns that lie in the table as they are; a meter's rows name their enterprise only in the file."""
        return tuple(c for c in self.columns if not (self.of_meter and c.name == "enterprise"))

    @property
    def of_meter(self) -> bool:
        """Whether a row belongs to a meter rather than to its enterprise directly."""
        return "meter" in self.by_name


_ENTERPRISE = Column("enterprise", "用能单位", code, required=True, key=True, into="enterprise_id")
_METER = Column("meter", "计量点", code, required=True, key=True, into="meter_id")
_CARRIER = Column("carrier", "能源品种", text, required=True)
_UNIT = Column("unit", "计量单位", text, required=True)
_PERIOD = Column("period", "期间", period, required=True, key=True)
_DOCUMENT = Column("document", "依据文件", text)
_SOURCE = Column("source", "来源", text, default="")
_SCOPE = Column("scope", "范围", one_of("enterprise", "region"), required=True, key=True)
_SCOPED_CODE = Column("code", "代码", code, required=True, key=True)
_ROLE = Column("role", "用途", one_of(*ROLES), default="consumption")
_IN_TOTAL = Column("in_total", "计入总量", yes_or_no)
_KINDS = ("industrial", "data_centre", "public_institution", "building", "transport", "other")
_EVENTS = ("exchange", "multiplier", "unit", "calibration", "reset")
_ENERGY_RULES = ("process_meters", "allocated", "whole_enterprise")
_METRICS = (
    "tce", "kwh", "co2", "coal", "intensity", "intensity_drop", "co2_intensity", "unit_energy", "pue", "area_energy",
    "capita_energy", "max_demand_kw", "nonfossil_share",
)  # fmt: skip
_QUOTA_KINDS = (
    "limit", "access", "advanced", "baseline", "benchmark", "budget", "approved", "basic_target", "incentive_target",
)  # fmt: skip
_ACTIVITY_ITEMS = (
    "gdp", "value_added", "output_value", "region_tce", "energy_users", "floor_area_m2", "racks",
)  # fmt: skip

REGIONS = Table(
    "regions", "行政区域", "region", (
        Column("code", "代码", division, required=True, key=True),
        Column("name", "名称", text, required=True),
        Column("parent", "上级", division),
    ), rows.region_row,
)  # fmt: skip
ENTERPRISES = Table(
    "enterprises", "用能单位", "enterprise", (
        Column("code", "代码", code, required=True, key=True),
        Column("name", "名称", text, required=True),
        Column("region", "所在地区", division, required=True),
        Column("industry", "行业", industry),
        Column("kind", "类型", one_of(*_KINDS), default="industrial"),
        Column("credit_code", "统一社会信用代码", credit_code),
        Column("legal_entity", "法人单位", text),
        Column("supervised_by", "主管地区", division),
        Column("status", "经营状态", one_of("operating", "suspended", "closed"), default="operating"),
        Column("key_class", "重点用能单位类别", one_of("hundred", "thousand", "ten_thousand", "designated", "none")),
        Column("floor_area_m2", "建筑面积", not_negative),
        Column("energy_users", "用能人数", not_negative),
        Column("altitude_m", "海拔", number),
        Column("commissioned_on", "投产日期", day),
        Column("two_high", "是否两高", yes_or_no),
        Column("contact_email", "联系邮箱", text),
        Column("contact_phone", "联系电话", text),
    ), rows.enterprise_row,
)  # fmt: skip
METERS = Table(
    "meters", "计量点", "meter", (
        _ENTERPRISE,
        Column("code", "代码", code, required=True, key=True),
        Column("name", "名称", text, default=""),
        _CARRIER,
        Column("kind", "类型", one_of("register", "interval", "power"), required=True),
        _UNIT,
        Column("multiplier", "倍率", positive, default=Decimal(1)),
        Column("register_max", "满度值", positive),
        Column("interval_minutes", "采集间隔", whole(1, 1440), default=15),
        Column("label", "时标", one_of("end", "start"), default="end"),
        Column("zone", "时区", zone_name),
        Column("rated_power_kw", "额定功率", positive),
        Column("max_rate_per_hour", "每小时最大用量", positive),
        Column("density_kg_per_l", "密度", positive),
        Column("level", "计量级次", whole(1, 3), default=1),
        _IN_TOTAL,
        Column("parent", "上级", code),
        _ROLE,
        Column("site", "厂区", text),
        Column("process", "工序", text),
        Column("product", "产品", code),
        Column("it_point", "IT计量位置", one_of("ups_output", "pdu_output", "rack_input")),
        Column("gas_condition", "气体状态", one_of(*gas.CONDITIONS)),
        Column("gas_pressure_kpa", "工况压力", positive),
        Column("gas_temperature_c", "工况温度", number),
        Column("steam_pressure_mpa", "蒸汽压力", positive),
        Column("steam_temperature_c", "蒸汽温度", number),
        Column("steam_dryness_pct", "蒸汽干度", positive),
        Column("steam_enthalpy_kj_per_kg", "蒸汽焓值", positive),
        Column("condensate_return_pct", "凝结水回收率", not_negative),
        Column("condensate_temperature_c", "凝结水温度", not_negative),
        Column("condensate_enthalpy_kj_per_kg", "凝结水焓值", not_negative),
        Column("direction", "潮流方向", one_of("one_way", "net"), default="one_way"),
        Column("accuracy_class", "准确度等级", text),
        Column("serial_no", "出厂编号", text),
        Column("model", "型号", text),
        Column("calibrated_on", "检定日期", day),
        Column("calibrated_until", "检定有效期", day),
        Column("supply_account", "供能户号", text),
        Column("valid_from", "生效", instant),
        Column("valid_to", "失效", instant),
    ), rows.meter_row, rows.meter_scale, ("scale", "max_rate", "via_unit", "per_via"), without={"kind": "virtual"},
)  # fmt: skip
METER_EVENTS = Table(
    "meter_events", "计量点事件", "meter_event", (
        Column("enterprise", "用能单位", code, required=True, key=True),
        _METER,
        Column("time", "时间", instant, required=True, key=True),
        Column("event", "事件", one_of(*_EVENTS), required=True, key=True),
        Column("old_final", "旧表止码", floating),
        Column("new_initial", "新表起码", floating),
        Column("new_serial", "新出厂编号", text),
        Column("value", "数值", text),
        _DOCUMENT,
    ), rows.event_row,
)  # fmt: skip
VIRTUAL_METERS = Table(
    "virtual_meters", "虚拟表", "virtual_meter", (
        _ENTERPRISE,
        Column("code", "代码", code, required=True, key=True),
        Column("name", "名称", text, default=""),
        _CARRIER,
        _UNIT,
        Column("formula", "公式", text, required=True),
        _IN_TOTAL,
        _ROLE,
    ), rows.virtual_row, needs_meters=True,
)  # fmt: skip
PRODUCTS = Table(
    "products", "产品", "product", (
        _ENTERPRISE,
        Column("product", "产品", code, required=True, key=True),
        Column("name", "名称", text, default=""),
        _UNIT,
        Column("process", "工序", text),
        Column("line", "生产线", text, default=""),
        Column("levels", "对标记录", records),
        Column("capacity", "产能", not_negative),
        Column("capacity_unit", "产能单位", text),
        Column("energy_rule", "能耗归集方法", one_of(*_ENERGY_RULES), default="process_meters"),
        Column("share", "分摊比例", number),
    ), rows.product_row,
)  # fmt: skip
OUTPUTS = Table(
    "outputs", "产量", "output", (
        _ENTERPRISE,
        Column("product", "产品", code, required=True, key=True),
        _PERIOD,
        Column("quantity", "数量", not_negative, required=True),
        _UNIT,
        Column("kind", "类型", one_of("qualified", "gross", "used_inside"), default="qualified", key=True),
        _SOURCE,
    ), rows.nothing,
)  # fmt: skip
RETURNS = Table(
    "returns", "填报数据", "manual_return", (
        _ENTERPRISE,
        Column("carrier", "能源品种", text, required=True, key=True),
        Column("period", "期间", returned_period, required=True, key=True),
        Column("item", "项目", one_of(*returns.ITEMS), required=True, key=True),
        Column("quantity", "数量", not_negative),
        _UNIT,
        Column("lhv_kj_per_unit", "低位发热量", positive),
        _DOCUMENT,
    ), rows.return_row,
)  # fmt: skip
CORRECTIONS = Table(
    "corrections", "更正", "correction", (
        Column("enterprise", "用能单位", code, required=True, key=True),
        _METER,
        Column("from", "起", instant, required=True, key=True, into="since"),
        Column("to", "止", instant, required=True, key=True, into="until"),
        Column("amount", "用量", floating),
        Column("reason", "原因", text, required=True),
        _DOCUMENT,
        Column("author", "提出人", text, required=True, key=True),
        Column("spread", "分摊方式", one_of(*corrections.Spread), default="time"),
    ), rows.correction_row, fixed={"retired": 0},
)  # fmt: skip
ACTIVITY = Table(
    "activity", "经济活动数据", "activity", (
        _SCOPE,
        _SCOPED_CODE,
        Column("item", "项目", one_of(*_ACTIVITY_ITEMS), required=True, key=True),
        _PERIOD,
        Column("value", "数值", number, required=True),
        Column("unit", "计量单位", text, default=""),
        Column("price_base", "价格基期", text, default="", key=True),
        Column("source", "来源", text),
    ), rows.scoped_row,
)  # fmt: skip
PARAMETERS = Table(
    "parameters", "修正参数", "parameter", (
        _ENTERPRISE,
        Column("product", "产品", code, default="", key=True),
        Column("period", "期间", period, default="", key=True),
        Column("name", "名称", text, required=True, key=True),
        Column("value", "数值", number, required=True),
    ), rows.parameter_row,
)  # fmt: skip
QUOTAS = Table(
    "quotas", "指标", "quota", (
        _SCOPE,
        _SCOPED_CODE,
        Column("metric", "指标类型", one_of(*_METRICS), required=True, key=True),
        Column("product", "产品", code, default="", key=True),
        _PERIOD,
        Column("limit", "限值", number, required=True),
        Column("unit", "计量单位", text, default=""),
        Column("basis", "折算口径", one_of("equivalent", "equal_value"), default="", key=True),
        Column("boundary", "统计口径", one_of("measured", "assessed"), default="", key=True),
        Column("kind", "类型", one_of(*_QUOTA_KINDS), default="limit", key=True),
        Column("direction", "判定方向", one_of("at_most", "below", "at_least"), default="at_most"),
        Column("denominator", "分母", text, default=""),
        Column("price_base", "价格基期", text, default=""),
        _DOCUMENT,
        Column("valid_from", "生效", day),
    ), rows.scoped_row,
)  # fmt: skip
FACTORS = Table(
    "factors", "系数", "factor", (
        Column("carrier", "能源品种", text, required=True, key=True),
        Column("scope", "范围", code, default="", key=True),
        Column("region", "所在地区", division, default="", key=True),
        _UNIT,
        Column("kgce_per_unit", "折标系数当量值", not_negative),
        Column("kgce_equal_per_unit", "折标系数等价值", not_negative),
        Column("kgco2_per_unit", "排放因子", not_negative),
        Column("lhv_kj_per_unit", "低位发热量", positive),
        Column("kgco2_per_mj", "单位热值排放因子", not_negative),
        Column("gas_condition", "气体状态", one_of("std_0c", "std_20c")),
        Column("method", "取值方法", one_of(*factors.METHODS), default="default"),
        Column("confidence", "可信度", one_of("sourced", "recalled"), default="sourced"),
        Column("valid_from", "生效", day, required=True, key=True),
        Column("valid_to", "失效", day),
        Column("source", "来源", text, default="", key=True),
    ), rows.factor_row, fixed={"shipped": False, "derived": False},
)  # fmt: skip
HOLIDAYS = Table(
    "holidays", "节假日", "holiday", (
        Column("date", "日期", day, required=True, key=True),
        Column("kind", "类型", one_of("workday", "holiday"), required=True),
        _SOURCE,
    ), rows.nothing,
)  # fmt: skip

# In the order in which they lean on one another.
TABLES = (
    REGIONS, ENTERPRISES, METERS, METER_EVENTS, VIRTUAL_METERS, PRODUCTS, FACTORS, HOLIDAYS, OUTPUTS, RETURNS,
    CORRECTIONS, ACTIVITY, PARAMETERS, QUOTAS,
)  # fmt: skip


def named(name: str) -> Table | None:
    """The table that a file or sheet of this name holds; what follows - _ . or a blank after the name is free."""
    plain = name.strip().casefold()
    fitting = [table for table in TABLES for word in (table.name, table.zh) if _begins(plain, word)]
    return max(fitting, key=lambda table: len(table.name), default=None)


def _begins(name: str, word: str) -> bool:
    return name == word or (name.startswith(word) and name[len(word)] in "-_. (（")

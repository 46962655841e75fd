"""Judging on a real database: quotas of many enterprises, their alerts' lives, yearly indicators, silence, telling."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from psycopg import Connection
from psycopg.rows import dict_row

from alerts import evaluate, notify, rules, silence, texts
from alerts.channels import Notice, Told, of_urls
from alerts.channels.log import LogChannel
from energy.periods import midnight
from energy.refused import Refused
from energy.warnings import Case, Due, Event, Level, next_step
from storage import alerts

ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 21, 2, tzinfo=UTC)  # ten in the morning in Shanghai
DAY = timedelta(days=1)


@dataclass
class Province:
    """An invented province in a database; every method adds to it."""

    conn: Connection
    said: list[str] = field(default_factory=list)

    def enterprise(self, code: str, **more: Any) -> int:
        self.conn.execute("INSERT INTO region (code, name) VALUES ('990000', '虚构省') ON CONFLICT DO NOTHING")
        row = self._insert("enterprise", {"code": code, "name": f"{code}示例厂", "region": "990000", **more}, "id")
        return int(row)

    def carrier(self, code: str, category: str = "power", unit: str = "kWh", medium: bool = False) -> None:
        self.conn.execute(
            "INSERT INTO carrier (code, name_zh, name_en, category, is_medium, unit, source, confidence)"
            " VALUES (%s, %s, %s, %s, %s, %s, 'test', 'sourced') ON CONFLICT DO NOTHING",
            (code, code, code, category, medium, unit))  # fmt: skip

    def factor(self, carrier: str, unit: str, kgce: float) -> None:
        self._insert("factor", {"carrier": carrier, "unit": unit, "kgce_per_unit": kgce, "kgce_equal_per_unit": kgce,
                                "method": "default", "confidence": "sourced", "valid_from": date(2000, 1, 1),
                                "source": "test"}, "id")  # fmt: skip

    def meter(self, enterprise: int, code: str, carrier: str = "electricity", **more: Any) -> int:
        self.carrier(carrier)
        row = {"enterprise_id": enterprise, "code": code, "carrier": carrier, "kind": "register", "unit": "kWh",
               "scale": 1.0, **more}  # fmt: skip
        return int(self._insert("meter", row, "id"))

    def month(self, enterprise: int, month: str, tce: float, **more: Any) -> None:
        """A month of electricity with its tce, everything known."""
        self.carrier("electricity")
        kwh = tce / 0.1229 * 1000
        row = {
            "enterprise_id": enterprise, "carrier": "electricity", "month": date.fromisoformat(f"{month}-01"),
            **dict.fromkeys(("amount", "low", "high", "bought"), kwh),
            **dict.fromkeys(("tce_equivalent", "tce_equivalent_low", "tce_equivalent_high", "tce_assessed"), tce),
            **dict.fromkeys(("tce_equal_value", "tce_equal_value_low", "tce_equal_value_high"), tce * 2.454),
            "tco2": kwh * 0.5306 / 1000, "estimated": 0, "covered_s": 2_592_000, "received": 1, "flags": 0,
            "days": 30, "computed": NOW, **more,
        }  # fmt: skip
        self.conn.execute("DELETE FROM usage_month WHERE enterprise_id = %s AND month = %s", (enterprise, row["month"]))
        self._insert("usage_month", row, "enterprise_id")
        self.touch(enterprise)

    def touch(self, enterprise: int) -> None:
        query = "INSERT INTO stale_judgement (scope, code, why) SELECT 'enterprise', code, 'usage' FROM enterprise"
        self.conn.execute(query + " WHERE id = %s", (enterprise,))

    def quota(self, code: str, limit: float, period: str = "2026", **more: Any) -> None:
        row = {"scope": "enterprise", "code": code, "metric": "tce", "period": period, "limit": limit, "unit": "tce",
               "basis": "equivalent", "document": "虚构文件〔2026〕1号", **more}  # fmt: skip
        self._insert("quota", row, "id")
        self.conn.execute(
            "INSERT INTO stale_judgement (scope, code, why) VALUES (%s, %s, 'quota')", (row["scope"], code)
        )

    def _insert(self, table: str, row: dict[str, Any], returning: str) -> Any:
        names = ", ".join(f'"{name}"' for name in row)
        marks = ", ".join(["%s"] * len(row))
        query = f"INSERT INTO {table} ({names}) VALUES ({marks}) RETURNING {returning}"
        found = self.conn.execute(query, list(row.values())).fetchone()
        assert found is not None
        return found[0]

    def insert(self, table: str, **row: Any) -> None:
        first = next(iter(row))
        self._insert(table, row, f'"{first}"')

    def judge(self, now: datetime = NOW) -> int:
        judged = 0
        while found := evaluate.work(self.conn, now, ZONE):
            judged += found
        return judged

    def findings(self, rule: str = "") -> list[dict[str, Any]]:
        with self.conn.cursor(row_factory=dict_row) as cursor:
            query = "SELECT * FROM finding WHERE starts_with(rule, %s) ORDER BY rule, code, subject, period"
            return cursor.execute(query, (rule,)).fetchall()

    def finding(self, rule: str, **about: str) -> dict[str, Any]:
        found = [row for row in self.findings(rule) if all(row[key] == value for key, value in about.items())]
        assert len(found) == 1, [(row["rule"], row["subject"], row["period"]) for row in self.findings()]
        return found[0]

    def events(self) -> list[tuple[str, str]]:
        return self.conn.execute("SELECT event, level FROM alert_event ORDER BY id").fetchall()


@pytest.fixture
def province(conn: Connection) -> Province:
    return Province(conn)


def year(province: Province, enterprise: int, monthly: float, until: int = 11) -> None:
    for number in range(1, until + 1):
        province.month(enterprise, f"2026-{number:02}", monthly)


# --- quotas


def test_orange_at_95_5_percent_says_figures_limit_period_basis_and_document(province: Province) -> None:
    cement = province.enterprise("CEM")
    province.quota("CEM", 12_000, kind="budget")
    year(province, cement, 11_460 / 11)
    assert province.judge() == 1
    (alert,) = [one for one in alerts.listed(province.conn) if one.rule == "quota_used"]
    assert (alert.level, alert.state, alert.period, alert.basis) == ("orange", "open", "2026", "equivalent")
    assert alert.observed == pytest.approx(11_460)
    assert alert.limit == 12_000
    assert alert.message == (
        "【橙色预警】CEM示例厂 2026 年综合能源消费量（当量值）已用 11,460 tce，为年度用能预算 12,000 tce 的 95.5 %"
        "；依据：虚构文件〔2026〕1号。"
    )


def test_the_same_judgement_again_says_nothing_again(province: Province) -> None:
    plant = province.enterprise("P1")
    province.quota("P1", 12_000)
    year(province, plant, 1_050)
    province.judge()
    before = province.events()
    judged = {row["judged"] for row in province.findings()}
    province.touch(plant)
    assert province.judge(NOW + timedelta(minutes=15)) == 1
    assert province.events() == before
    assert {row["judged"] for row in province.findings()} == judged
    assert province.judge() == 0


def test_six_monthly_budgets_used_to_the_letter_are_silence(province: Province) -> None:
    """Domain rule 14: quota 12,000, six budgets sum 6,000, used 6,000: 50 %, on path, nothing."""
    plant, plan = province.enterprise("P1"), [800, 1_100, 1_000, 1_050, 950, 1_100]
    province.quota("P1", 12_000)
    for number, amount in enumerate(plan, 1):
        province.quota("P1", amount, f"2026-{number:02}", kind="budget")
        province.month(plant, f"2026-{number:02}", amount)
    province.judge(datetime(2026, 7, 1, 1, tzinfo=UTC))
    assert alerts.listed(province.conn) == []
    assert {row["rule"] for row in province.findings()} == {"quota_used", "quota_path"}
    assert province.finding("quota_used")["observed"] == pytest.approx(6_000)
    assert province.finding("quota_path")["limit"] == pytest.approx(6_000)


def test_a_stated_plan_kept_to_the_letter_is_silence_to_the_last_day(province: Province) -> None:
    """Eleven of twelve budgets of 1,000 used: 91.7 % of the quota, as planned. Beyond the plan it warns."""
    plant = province.enterprise("P1")
    province.quota("P1", 12_000)
    for number in range(1, 13):
        province.quota("P1", 1_000, f"2026-{number:02}", kind="budget")
    year(province, plant, 1_000)
    december = datetime(2026, 12, 1, 1, tzinfo=UTC)
    province.judge(december)
    assert alerts.listed(province.conn) == []
    province.month(plant, "2026-11", 1_200)
    province.judge(december)
    assert {one.rule: one.level for one in alerts.listed(province.conn)}["quota_used"] == "yellow"


def test_ahead_of_the_path_is_a_warning_long_before_the_quota_is_used_up(province: Province) -> None:
    plant = province.enterprise("P1")
    province.quota("P1", 12_000)
    year(province, plant, 1_120, until=6)
    province.judge(datetime(2026, 7, 1, 1, tzinfo=UTC))
    levels = {one.rule: one.level for one in alerts.listed(province.conn)}
    assert levels == {"quota_path": "red", "quota_forecast": "blue"}


def test_the_running_day_is_not_held_against_a_path_that_ends_at_midnight(province: Province) -> None:
    plant = province.enterprise("P1")
    province.quota("P1", 365)
    for number in range(1, 10):
        days = (date(2026, number + 1, 1) - date(2026, number, 1)).days
        province.month(plant, f"2026-{number:02}", days)
    province.month(plant, "2026-10", 9.9)
    province.insert("usage", enterprise_id=plant, carrier="electricity", day=date(2026, 10, 10), tce_equivalent=0.9,
                    estimated=0, covered_s=1, received=1, flags=0, computed=NOW)  # fmt: skip
    province.judge(datetime(2026, 10, 10, 10, tzinfo=UTC))
    path = province.finding("quota_path")
    assert (path["observed"], path["limit"]) == (pytest.approx(282), pytest.approx(282))
    assert path["state"] == "ok"


def test_a_quota_without_a_basis_cannot_be_judged_and_says_so(province: Province) -> None:
    plant = province.enterprise("P1")
    province.quota("P1", 100, basis="")
    year(province, plant, 1_000)
    province.judge()
    found = province.finding("quota_used")
    assert found["state"] == "cannot_judge"
    assert found["reason"].startswith("P1示例厂 2026 年综合能源消费量不能判定：配额未注明当量值或等价值")
    assert alerts.listed(province.conn) == []


def test_missing_data_makes_the_breach_possible(province: Province) -> None:
    """Domain rule 15: 930 known, 40 to 120 missing, quota 1,000."""
    plant = province.enterprise("P1")
    province.quota("P1", 1_000)
    province.month(plant, "2026-10", 930, tce_equivalent_low=970, tce_equivalent_high=1_050)
    province.judge()
    (alert,) = [one for one in alerts.listed(province.conn) if one.rule == "quota_used"]
    assert (alert.level, alert.certainty) == ("orange", "possible")
    assert alert.message.startswith("【橙色预警·可能超限】")
    assert "计入缺失数据最高可达 1,050 tce（105 %）" in alert.message


def test_a_year_that_is_only_half_metered_is_not_called_safe(province: Province) -> None:
    plant = province.enterprise("P1")
    meter = province.meter(plant, "E-01")
    province.insert("counting_meter", meter_id=meter, enterprise_id=plant, carrier="electricity", bought=1, renewable=0,
                    exported=0, feedstock=0, sign=1, kw_of_unit=1.0, coarse=False)  # fmt: skip
    province.conn.execute("UPDATE counting_version SET version = version + 1")
    province.quota("P1", 1_000)
    year(province, plant, 100, until=6)
    province.judge()
    found = province.finding("quota_used")
    assert (found["state"], found["certainty"], found["observed_high"]) == ("ok", "possible", None)
    assert "计量数据覆盖率" in found["reason"]


def test_each_quota_is_judged_on_its_own_basis_and_boundary(province: Province) -> None:
    plant = province.enterprise("P1")
    province.quota("P1", 12_000)
    province.quota("P1", 30_000, basis="equal_value")
    province.quota("P1", 90_000_000, metric="kwh", unit="kWh", basis="")
    province.quota("P1", 9_000, metric="kwh", unit="10^4 kWh", basis="", kind="approved")
    province.quota("P1", 5, metric="co2", unit="10^4 tCO2", basis="")
    year(province, plant, 1_000)
    province.judge()
    used = {row["subject"]: row["observed"] for row in province.findings("quota_used")}
    assert used == {
        "tce:limit:equivalent": pytest.approx(11_000),
        "tce:limit:equal_value": pytest.approx(26_994),
        "kwh:limit": pytest.approx(11_000 / 0.1229 * 1_000),
        "kwh:approved": pytest.approx(11_000 / 1.229),
        "co2:limit": pytest.approx(11_000 / 0.1229 * 0.5306 / 10_000),
    }


def test_energy_per_floor_area_is_a_quota_of_its_unit(province: Province) -> None:
    hospital = province.enterprise("HOS", floor_area_m2=10_000)
    province.quota("HOS", 38, metric="area_energy", unit="kgce/m2", basis="equivalent", denominator="floor_area_m2")
    year(province, hospital, 30)
    province.judge()
    assert province.finding("quota_used")["observed"] == pytest.approx(33)


def test_a_unit_that_does_not_convert_is_said(province: Province) -> None:
    plant = province.enterprise("P1")
    province.quota("P1", 10, metric="kwh", unit="furlong", basis="")
    year(province, plant, 1)
    province.judge()
    assert "单位 furlong 不能换算" in province.finding("quota_used")["reason"]


def test_maximum_demand_from_coarse_meters_is_at_least(province: Province) -> None:
    plant = province.enterprise("P1")
    province.quota("P1", 1_900, metric="max_demand_kw", unit="kW", basis="")
    province.month(plant, "2026-10", 100, peak_kw=2_000, peak_at=NOW, peak_partial=True)
    province.judge()
    (alert,) = [one for one in alerts.listed(province.conn) if one.rule == "max_demand"]
    assert (alert.level, alert.observed, alert.limit) == ("red", 2_000, 1_900)
    assert "最大需量至少 2,000 kW（2026-11-21 10:00）" in alert.message


# --- a region


def test_a_region_is_judged_on_its_statistical_total_and_never_on_a_sum(province: Province) -> None:
    plant = province.enterprise("P1")
    province.quota("990000", 1_000, scope="region")
    year(province, plant, 10_000)
    province.judge()
    assert province.finding("quota_used", scope="region")["state"] == "cannot_judge"
    province.insert(
        "activity", scope="region", code="990000", item="region_tce", period="2026", value=1_030, unit="tce"
    )
    province.conn.execute("INSERT INTO stale_judgement (scope, code, why) VALUES ('region', '990000', 'activity')")
    province.judge()
    found = province.finding("quota_used", scope="region")
    assert (found["level"], found["observed"]) == ("red", 1_030)


def test_intensity_reduction_of_a_region_takes_feedstock_out_of_both_years(province: Province) -> None:
    province.enterprise("P1")
    province.quota("990000", 8, "2025", scope="region", metric="intensity_drop", unit="%", direction="at_least",
                   price_base="2020", basis="")  # fmt: skip
    stated = {"2024": (1_000, 500, 100), "2025": (1_030, 530, 150)}
    for name, values in stated.items():
        for item, value in zip(("region_tce", "gdp", "region_feedstock_tce"), values, strict=True):
            base = "2020" if item == "gdp" else ""
            province.insert("activity", scope="region", code="990000", item=item, period=name, value=value, unit="",
                            price_base=base)  # fmt: skip
    province.judge()
    found = province.finding("quota_value")
    assert found["observed"] == pytest.approx(7.76, abs=0.005)
    assert (found["level"], found["state"]) == ("red", "warning")
    assert "未达到" in found["reason"]


# --- the life of a case


def step(
    case: Case | None, level: Level | None, calm: Level | None = None, hours: float = 0, judged: bool = True
) -> Any:
    return next_step(
        case, Due(level, calm if calm is not None else level, judged), 3 * DAY, NOW + timedelta(hours=hours)
    )


def test_a_case_opens_and_rises_at_once() -> None:
    assert step(None, Level.BLUE).event is Event.OPENED
    assert step(Case(Level.BLUE, False, None), Level.RED).event is Event.RAISED
    assert step(Case(Level.RED, False, None), Level.RED).event is Event.NONE
    assert step(None, None).event is Event.NONE


def test_a_case_is_lowered_below_the_margin_or_after_the_hold_and_not_before() -> None:
    red = Case(Level.RED, False, None)
    held = step(red, Level.ORANGE, calm=Level.RED)
    assert (held.event, held.calmer_since) == (Event.NONE, NOW)
    waiting = Case(Level.RED, False, held.calmer_since)
    assert step(waiting, Level.ORANGE, calm=Level.RED, hours=71).event is Event.NONE
    assert step(waiting, Level.ORANGE, calm=Level.RED, hours=72).event is Event.LOWERED
    assert step(red, Level.ORANGE).event is Event.LOWERED
    assert step(red, None).event is Event.RESOLVED
    assert step(waiting, Level.RED).calmer_since is None


def test_a_case_about_which_nothing_can_be_judged_stays_open() -> None:
    assert step(Case(Level.RED, False, None), None, judged=False).event is Event.NONE


def test_what_a_person_closed_stays_closed_until_it_calms_or_worsens() -> None:
    closed = Case(Level.ORANGE, True, None, closed_by_hand=True)
    assert step(closed, Level.ORANGE).event is Event.NONE
    assert step(closed, Level.RED).event is Event.OPENED
    calmed = step(closed, None)
    assert (calmed.event, calmed.calmer_since) == (Event.NONE, NOW)
    assert step(Case(Level.ORANGE, True, NOW, closed_by_hand=True), Level.YELLOW).event is Event.OPENED
    assert step(Case(Level.ORANGE, True, None), Level.YELLOW).event is Event.OPENED


def test_flapping_across_a_line_is_one_case(province: Province) -> None:
    """EC-58."""
    plant = province.enterprise("P1")
    province.quota("P1", 1_000)
    for at, used in enumerate((949, 951, 949.5, 951, 949.9, 951)):
        province.month(plant, "2026-10", used)
        province.judge(NOW + timedelta(hours=at))
    assert [event for event in province.events() if event[0] != "opened"] == [("raised", "orange")]


def test_a_correction_that_takes_the_excess_away_resolves_and_the_past_stays_told(province: Province) -> None:
    """EC-62."""
    plant = province.enterprise("P1")
    province.quota("P1", 1_000)
    province.month(plant, "2026-10", 1_100)
    province.judge()
    province.month(plant, "2026-10", 500)
    province.judge(NOW + DAY)
    (case,) = [one for one in alerts.listed(province.conn, state="resolved") if one.rule == "quota_used"]
    told = province.conn.execute(
        "SELECT event, text FROM alert_event WHERE alert_id = %s ORDER BY id", (case.id,)
    ).fetchall()
    assert [event for event, _ in told] == ["opened", "resolved"]
    assert "1,100" in told[0][1]
    assert told[1][1].startswith("【预警解除】")


def test_a_new_month_does_not_resolve_an_annual_breach(province: Province) -> None:
    plant = province.enterprise("P1")
    province.quota("P1", 1_000)
    province.month(plant, "2026-10", 1_001)
    province.judge()
    province.month(plant, "2026-12", 0)
    province.judge(datetime(2026, 12, 5, tzinfo=UTC))
    assert [(one.level, one.state) for one in alerts.listed(province.conn) if one.rule == "quota_used"] == [
        ("red", "open")
    ]


def test_people_acknowledge_comment_and_resolve_under_their_names(province: Province) -> None:
    plant = province.enterprise("P1")
    province.quota("P1", 1_000)
    province.month(plant, "2026-10", 1_001)
    province.judge()
    (case,) = [one for one in alerts.listed(province.conn) if one.rule == "quota_used"]
    alerts.acknowledge(province.conn, case.id, "王工", "已联系企业", NOW)
    alerts.comment(province.conn, case.id, "王工", "检修计划见附件", NOW)
    alerts.resolve(province.conn, case.id, "李处", "已核减", NOW)
    with pytest.raises(Refused, match="resolved already"):
        alerts.resolve(province.conn, case.id, "李处", "", NOW)
    with pytest.raises(Refused, match="only an open one"):
        alerts.acknowledge(province.conn, case.id, "王工", "", NOW)
    with pytest.raises(Refused, match="There is no alert 999"):
        alerts.comment(province.conn, 999, "王工", "", NOW)
    province.touch(plant)
    province.judge(NOW + DAY)
    assert [one.id for one in alerts.listed(province.conn) if one.rule == "quota_used"] == [case.id]


def test_the_inbox_is_filtered_by_whose_it_is_and_how_bad(province: Province) -> None:
    for code, used in (("P1", 1_001), ("P2", 851)):
        plant = province.enterprise(code)
        province.quota(code, 1_000)
        province.month(plant, "2026-10", used)
    province.judge()
    everything = alerts.listed(province.conn, region="990000")
    assert {one.code for one in everything} == {"P1", "P2"}
    assert {one.code for one in alerts.listed(province.conn, enterprise="P2")} == {"P2"}
    assert {(one.code, one.rule) for one in alerts.listed(province.conn, level="blue") if one.rule == "quota_used"} == {
        ("P2", "quota_used")
    }
    assert alerts.listed(province.conn, state="resolved") == []


# --- yearly indicators


def twelve(last: str = "2026-10") -> list[date]:
    first = date.fromisoformat(f"{last}-01")
    months = [first]
    while len(months) < 12:
        months.append((months[-1] - DAY).replace(day=1))
    return months[::-1]


def consume(province: Province, meter: int, month: date, amount: float) -> None:
    """Every hour of the month is covered, and its first carries the whole amount."""
    until = (month.replace(day=28) + 4 * DAY).replace(day=1)
    province.conn.execute("CALL ensure_consumption_months(%s::date[])", ([(month - DAY).replace(day=1), month],))
    province.conn.execute(
        "INSERT INTO consumption (hour, until, amount, meter_id, flags, covered_s, received, bounded)"
        " SELECT h, h + interval '1 hour', CASE WHEN h = %(since)s THEN %(amount)s::float8 ELSE 0 END, %(meter)s, 0,"
        " 3600, 1, false"
        " FROM generate_series(%(since)s, %(until)s::timestamptz - interval '1 hour', interval '1 hour') h",
        {"since": midnight(month, ZONE), "until": midnight(until, ZONE), "amount": amount, "meter": meter})  # fmt: skip


def furnace(province: Province, per_tonne: float, months: Sequence[date]) -> int:
    steel = province.enterprise("STL")
    province.carrier("coke", "coke", "kg")
    province.factor("coke", "kg", 1.0)
    meter = province.meter(steel, "K-01", "coke", process="blast_furnace", product="iron", unit="kg", level=2)
    province.insert("product", enterprise_id=steel, product="iron", name="生铁", unit="t", process="blast_furnace",
                    levels="GB-03;NOTICE-37")  # fmt: skip
    level(
        province, "GB-03", "GB 21256-2025", date(2026, 7, 1), level1_advanced=361, level2_access=370, level3_limit=415
    )
    level(province, "NOTICE-37", "发改产业〔2023〕723号", date(2023, 7, 1), benchmark=361, baseline=435)
    for month in months:
        consume(province, meter, month, per_tonne * 1_000)
        province.insert(
            "output",
            enterprise_id=steel,
            product="iron",
            period=f"{month:%Y-%m}",
            quantity=1_000,
            unit="t",
            received=NOW - DAY,
        )
    province.touch(steel)
    return steel


def level(province: Province, record: str, standard: str, effective: date, **values: float) -> None:
    province.insert("efficiency_level", record_id=record, record_set="test", standard_no=standard,
                    effective_date=effective, product="高炉", indicator="单位产品能耗", unit="kgce/t", better="lower",
                    confidence="sourced", source="test", **values)  # fmt: skip


def test_a_blast_furnace_breaks_the_limit_and_meets_the_baseline_in_separate_findings(province: Province) -> None:
    furnace(province, 420, twelve())
    province.judge()
    year_found = {row["rule"]: (row["state"], row["level"], row["limit"]) for row in province.findings("unit_energy")
                  if row["period"] == "2026"}  # fmt: skip
    assert year_found == {
        "unit_energy_limit": ("warning", "red", 415),
        "unit_energy_baseline": ("ok", None, 435),
        "unit_energy_access": ("warning", None, 370),
        "unit_energy_advanced": ("warning", None, 361),
        "unit_energy_benchmark": ("warning", None, 361),
    }
    (alert,) = alerts.listed(province.conn)
    assert alert.message == (
        "【红色预警】STL示例厂 生铁 2025-11—2026-10 单位产品能耗为 420 kgce/t，超出限定值 415 kgce/t"
        "；依据：GB 21256-2025。"
    )
    month = province.finding("unit_energy_limit", period="2026-10")
    assert (month["state"], month["level"]) == ("warning", None)
    assert "月度值仅供参考" in month["reason"]


def test_eleven_months_are_no_year(province: Province) -> None:
    """EC-35."""
    furnace(province, 420, twelve()[1:])
    province.judge()
    found = province.finding("unit_energy_limit", period="2026")
    assert (found["state"], found["observed"]) == ("cannot_judge", pytest.approx(420))
    assert "完整数据仅 11 个月，须满 12 个月方可评判；现有数据为 420 kgce/t" in found["reason"]
    assert alerts.listed(province.conn) == []


def test_before_the_edition_is_in_force_no_other_is_made_up(province: Province) -> None:
    furnace(province, 420, twelve("2026-03"))
    province.conn.execute("DELETE FROM efficiency_level WHERE record_id = 'NOTICE-37'")
    province.judge(datetime(2026, 4, 10, tzinfo=UTC))
    found = province.finding("unit_energy_limit")
    assert found["state"] == "cannot_judge"
    assert "未载入当期有效的标准版本" in found["reason"]


def test_without_output_returns_unit_energy_is_not_assessable(province: Province) -> None:
    steel = furnace(province, 420, twelve()[-1:])
    province.conn.execute("DELETE FROM output")
    province.touch(steel)
    province.judge()
    assert "产量未上报" in province.finding("unit_energy_limit")["reason"]


def test_yearly_indicators_are_computed_again_only_when_something_of_them_moved(province: Province) -> None:
    steel = furnace(province, 420, twelve())
    province.judge()
    computed = province.conn.execute("SELECT at FROM judged").fetchall()
    province.touch(steel)
    province.judge(NOW + timedelta(minutes=15))
    assert province.conn.execute("SELECT at FROM judged").fetchall() == computed
    evaluate.mark_all(province.conn, yearly_too=True)
    province.judge(NOW + DAY)
    assert province.conn.execute("SELECT at FROM judged").fetchall() == [(NOW + DAY,)]


def cement_works(province: Province, **cement: Any) -> int:
    """Clinker of 106.7595 kgce/t a month, and cement from 75 % of it: domain rule 9, by the month."""
    works = province.enterprise("CEM")
    province.carrier("raw_coal", "coal", "kg")
    province.factor("raw_coal", "kg", 1.0)
    province.carrier("electricity")
    province.factor("electricity", "kWh", 0.1229)
    coal = province.meter(works, "C-01", "raw_coal", process="kiln", unit="kg")
    kiln = province.meter(works, "E-01", process="kiln", level=2)
    mill = province.meter(works, "E-02", process="mill", level=2)
    standard = {"record_set": "test", "standard_no": "GB 16780-2021", "effective_date": date(2022, 11, 1),
                "unit": "kgce/t", "better": "lower", "confidence": "sourced", "source": "test",
                "indicator": "单位产品综合能耗"}  # fmt: skip
    province.insert("efficiency_level", record_id="CLINKER", product="水泥熟料", level3_limit=117, **standard)
    province.insert("efficiency_level", record_id="CEMENT", product="水泥", process_or_condition="通用硅酸盐水泥",
                    level3_limit=94, level2_access=87, **standard)  # fmt: skip
    province.insert("product", enterprise_id=works, product="clinker", unit="t", process="kiln", levels="CLINKER")
    province.insert(
        "product", enterprise_id=works, product="cement", unit="t", process="mill", levels="CEMENT", **cement
    )
    for month in twelve():
        for meter, amount in ((coal, 10_000_000), (kiln, 5_500_000), (mill, 3_600_000)):
            consume(province, meter, month, amount)
        for product, quantity in (("clinker", 10), ("cement", 12)):
            province.insert("output", enterprise_id=works, product=product, period=f"{month:%Y-%m}", quantity=quantity,
                            unit="10^4 t", received=NOW - DAY)  # fmt: skip
    province.touch(works)
    return works


def test_cement_contains_its_clinker_and_each_has_its_own_unit_energy(province: Province) -> None:
    works = cement_works(province)
    province.insert("parameter", enterprise_id=works, product="cement", name="clinker_ratio_pct", value=75)
    province.judge()
    year_found = {
        row["subject"]: row["observed"] for row in province.findings("unit_energy_limit") if row["period"] == "2026"
    }
    assert year_found == {"clinker": pytest.approx(106.7595), "cement": pytest.approx(83.756625)}


def test_cement_without_its_clinker_ratio_has_no_figure_at_all(province: Province) -> None:
    cement_works(province)
    province.judge()
    found = province.finding("unit_energy_limit", subject="cement", period="2026")
    assert (found["state"], found["observed"]) == ("cannot_judge", None)
    assert "缺少修正参数 clinker_ratio_pct" in found["reason"]


def test_a_whole_enterprise_is_no_line_where_there_are_two_products(province: Province) -> None:
    works = cement_works(province, energy_rule="whole_enterprise")
    province.insert("parameter", enterprise_id=works, product="", name="clinker_ratio_pct", value=75, period="2026")
    for month in twelve():
        province.month(works, f"{month:%Y-%m}", 10_000)
    province.judge()
    assert "有多个产品" in province.finding("unit_energy_limit", subject="cement", period="2026")["reason"]


def test_an_allocated_line_takes_its_share_of_the_whole(province: Province) -> None:
    works = cement_works(province)
    province.conn.execute(
        "UPDATE product SET energy_rule = 'allocated', share = 0.6, levels = 'CLINKER' WHERE product = 'cement'"
    )
    for month in twelve():
        province.month(works, f"{month:%Y-%m}", 20_000)
    province.judge()
    assert province.finding("unit_energy_limit", subject="cement", period="2026")["observed"] == pytest.approx(100)


def test_a_given_unit_energy_is_judged_beside_the_standard(province: Province) -> None:
    works = cement_works(province)
    province.quota("CEM", 105, metric="unit_energy", product="clinker", unit="kgce/t", basis="")
    province.quota("CEM", 107, "2026-10", metric="unit_energy", product="clinker", unit="kgce/t", basis="")
    province.touch(works)
    province.judge()
    found = {row["period"]: (row["state"], row["level"]) for row in province.findings("unit_energy_quota")}
    assert found == {"2026": ("warning", "red"), "2026-10": ("ok", None)}
    assert "超出限额 105 kgce/t" in province.finding("unit_energy_quota", period="2026")["reason"]


def test_a_carrier_without_a_factor_is_named(province: Province) -> None:
    cement_works(province)
    province.conn.execute("DELETE FROM factor WHERE carrier = 'raw_coal'")
    province.conn.execute("UPDATE registry_version SET version = version + 1")
    province.judge()
    assert "raw_coal 缺少折标系数" in province.finding("unit_energy_limit", subject="clinker", period="2026")["reason"]


def test_intensity_of_an_enterprise_is_judged_when_the_year_is_over(province: Province) -> None:
    plant = province.enterprise("P1")
    province.quota("P1", 0.5, "2025", metric="intensity", unit="tce/万元", price_base="2020")
    province.quota("P1", 0.5, "2025", metric="intensity", unit="tce/万元", price_base="2020", kind="advanced")
    province.quota("P1", 30, "2025", metric="nonfossil_share", unit="%", basis="", direction="at_least")
    for number in range(1, 13):
        province.month(plant, f"2025-{number:02}", 100)
    province.judge()
    assert "未导入 value_added" in province.finding("quota_value", subject="intensity:limit:equivalent")["reason"]
    province.insert("activity", scope="enterprise", code="P1", item="value_added", period="2025", value=2_000,
                    unit="万元", price_base="2020")  # fmt: skip
    province.touch(plant)
    province.judge()
    found = {row["subject"]: (row["state"], row["level"]) for row in province.findings("quota_value")}
    assert found == {
        "intensity:limit:equivalent": ("warning", "red"),
        "intensity:advanced:equivalent": ("warning", None),
        "nonfossil_share:limit": ("cannot_judge", None),
    }
    assert province.finding("quota_value", subject="intensity:limit:equivalent")["observed"] == pytest.approx(0.6)


def data_centre(province: Province, total: float, it: float, it_point: str | None = "ups_output") -> None:
    centre = province.enterprise("DC", kind="data_centre")
    mains = province.meter(centre, "E-01", role="dc_total")
    racks = province.meter(centre, "E-02", role="it_load", level=2, parent="E-01", it_point=it_point)
    for month in twelve():
        consume(province, mains, month, total)
        consume(province, racks, month, it)
    province.touch(centre)


def test_pue_is_judged_over_twelve_months_with_its_it_point_named(province: Province) -> None:
    data_centre(province, 1_300, 1_000)
    province.quota("DC", 1.3, metric="pue", unit="ratio", basis="", direction="below")
    province.judge()
    found = province.finding("pue")
    assert (found["observed"], found["level"], found["limit"]) == (pytest.approx(1.3), "red", 1.3)
    assert "IT 计量点：UPS 输出" in found["reason"]


def test_a_pue_below_one_or_without_an_it_point_is_no_figure(province: Province) -> None:
    """EC-56."""
    data_centre(province, 900, 1_000)
    province.judge()
    assert "PUE 小于 1，计量有误" in province.finding("pue")["reason"]


def test_a_pue_without_a_quota_is_shown_with_its_grade(province: Province) -> None:
    data_centre(province, 1_250, 1_000)
    province.insert("efficiency_level", record_id="DC", record_set="data_centre", standard_no="GB 40879-2021",
                    product="数据中心", indicator="PUE", unit="ratio", better="lower", level1_advanced=1.2,
                    level2_access=1.3, level3_limit=1.5, confidence="recalled", source="test")  # fmt: skip
    province.judge()
    found = province.finding("pue")
    assert (found["state"], found["level"], found["limit"]) == ("ok", None, None)
    assert "对照 GB 40879 为 2 级（参考）" in found["reason"]


# --- silence


def test_an_enterprise_that_stopped_and_one_that_never_began_are_different_alerts(province: Province) -> None:
    """EC-26."""
    stopped, never = province.enterprise("GONE"), province.enterprise("NEVER")
    meter = province.meter(stopped, "E-01")
    province.meter(never, "E-01", valid_from=NOW - 3 * DAY)
    province.insert("meter_span", meter_id=meter, first_time=NOW - 9 * DAY, last_time=NOW - DAY)
    assert silence.work(province.conn, NOW, ZONE) == 2
    told = {one.code: (one.rule, one.message) for one in alerts.listed(province.conn)}
    assert told["GONE"][0] == "silent_enterprise"
    assert "自 2026-11-20 10:00 起无任何读数" in told["GONE"][1]
    assert told["NEVER"][0] == "never_reported"
    assert "登记后从未上报" in told["NEVER"][1]
    assert silence.work(province.conn, NOW + timedelta(minutes=5), ZONE) == 0


def test_a_newly_registered_meter_is_given_a_day(province: Province) -> None:
    province.meter(province.enterprise("NEW"), "E-01")
    assert silence.work(province.conn, NOW, ZONE) == 0
    assert silence.work(province.conn, NOW + timedelta(hours=23), ZONE) == 0
    assert silence.work(province.conn, NOW + timedelta(hours=24), ZONE) == 1


def test_silence_ends_with_the_first_reading(province: Province) -> None:
    meter = province.meter(province.enterprise("GONE"), "E-01")
    province.insert("meter_span", meter_id=meter, first_time=NOW - 9 * DAY, last_time=NOW - DAY)
    silence.work(province.conn, NOW, ZONE)
    province.conn.execute("UPDATE meter_span SET last_time = %s", (NOW,))
    assert silence.work(province.conn, NOW + timedelta(minutes=15), ZONE) == 1
    assert [one.state for one in alerts.listed(province.conn)] == ["resolved"]


def test_some_silent_meters_are_named_and_a_gateway_that_said_offline_too(province: Province) -> None:
    plant = province.enterprise("PART")
    for code, last in (("E-01", NOW), ("E-02", NOW - DAY)):
        province.insert("meter_span", meter_id=province.meter(plant, code), first_time=NOW - 9 * DAY, last_time=last)
    province.insert("gateway", enterprise_id=plant, code="G1", state="offline", since=NOW - timedelta(hours=1))
    province.insert("gateway", enterprise_id=plant, code="G2", state="offline", since=NOW - timedelta(minutes=1))
    silence.work(province.conn, NOW, ZONE)
    told = {one.rule: one.message for one in alerts.listed(province.conn)}
    assert "有 1 个计量点中断上报（共 2 个）：E-02" in told["silent_meters"]
    assert "网关 G1 自 2026-11-21 09:00 起离线" in told["silent_gateway"]
    assert len(told) == 2


def test_when_all_fall_silent_at_once_there_is_one_alert_and_it_is_ours(province: Province) -> None:
    """EC-59."""
    for number in range(12):
        meter = province.meter(province.enterprise(f"P{number}"), "E-01")
        province.insert("meter_span", meter_id=meter, first_time=NOW - 9 * DAY, last_time=NOW - DAY)
    assert silence.work(province.conn, NOW, ZONE) == 1
    (alert,) = alerts.listed(province.conn)
    assert (alert.rule, alert.scope, alert.level) == ("silent_platform", "platform", "red")


# --- telling


class Inbox:
    """A channel that remembers, and fails when told to."""

    name = "inbox"

    def __init__(self, *answers: Told) -> None:
        self.notices: list[Notice] = []
        self.answers = list(answers)

    def send(self, notice: Notice) -> Told:
        self.notices.append(notice)
        return self.answers.pop(0) if self.answers else Told(True)


def breach(province: Province, codes: Sequence[str], inbox: Inbox) -> None:
    for code in codes:
        province.insert("quota", scope="enterprise", code=code, metric="tce", period="2026", limit=1_000, unit="tce",
                        basis="equivalent")  # fmt: skip
        province.month(province.enterprise(code), "2026-10", 1_001)
    evaluate.work(province.conn, NOW, ZONE, routes=notify.routes([inbox]))


def only_used(inbox: Inbox) -> list[Notice]:
    return [notice for notice in inbox.notices if "已用 1,001 tce，为年度限额" in notice.body]


def test_an_event_is_told_once_on_its_channel(province: Province) -> None:
    """EC-61."""
    inbox = Inbox()
    breach(province, ["P1"], inbox)
    assert notify.work(province.conn, NOW, [inbox]) > 0
    assert notify.work(province.conn, NOW + DAY, [inbox]) == 0
    (notice,) = only_used(inbox)
    assert notice.title == "红色预警 P1"
    assert notice.body.startswith("【红色预警】P1示例厂 2026 年综合能源消费量（当量值）已用 1,001 tce")


def test_what_fails_is_tried_again_later_and_what_never_can_is_given_up(province: Province) -> None:
    inbox = Inbox(Told(False, True, "mail server away"), Told(False, True, "mail server away"))
    breach(province, ["P1"], inbox)
    notify.work(province.conn, NOW, [inbox])
    assert notify.work(province.conn, NOW + timedelta(seconds=59), [inbox]) == 0
    assert notify.work(province.conn, NOW + timedelta(minutes=1), [inbox]) == 2
    refusing = Inbox(Told(False, False, "no such address"))
    province.conn.execute("UPDATE delivery SET state = 'due', due = %s", (NOW,))
    province.conn.execute("DELETE FROM delivery WHERE id > (SELECT min(id) FROM delivery)")
    notify.work(province.conn, NOW, [refusing])
    assert province.conn.execute("SELECT state, error FROM delivery").fetchall() == [("failed", "no such address")]


def test_a_flood_goes_out_as_one_notice(province: Province) -> None:
    inbox = Inbox()
    breach(province, [f"P{number}" for number in range(6)], inbox)
    notify.work(province.conn, NOW, [inbox])
    (notice,) = inbox.notices
    assert notice.title.startswith("能耗预警 ")
    assert all(f"P{number}示例厂" in notice.body for number in range(6))


def test_pauses_grow_and_end_at_six_hours() -> None:
    assert [notify.pause(tries) for tries in (1, 2, 5, 9)] == [
        timedelta(minutes=1), timedelta(minutes=5), timedelta(hours=6), timedelta(hours=6)]  # fmt: skip


def test_the_log_is_a_channel_that_never_fails(caplog: pytest.LogCaptureFixture) -> None:
    assert LogChannel().send(Notice("t", "【红色预警】x", "red")).sent
    assert "【红色预警】x" in caplog.text


def test_a_channels_name_is_stable_and_hides_its_password() -> None:
    log_channel, mail = of_urls(["mailtos://user:secret@example.org"])
    assert log_channel.name == "log"
    assert mail.name.startswith("mailtos-")
    assert "secret" not in mail.name
    assert mail.name == of_urls(["mailtos://user:secret@example.org"])[1].name


def test_an_address_that_nobody_can_read_is_given_up_at_once() -> None:
    assert not of_urls(["nonsense://"])[1].send(Notice("t", "b", "blue")).again


# --- rules and texts


def test_every_rule_is_shipped_with_a_version_an_origin_and_a_chinese_name() -> None:
    shipped = rules.shipped()
    assert set(shipped) == set(rules.NAMES)
    assert shipped["quota_used"].origin == "product default, not law"
    assert rules.name("pue") == "数据中心电能利用效率（PUE）"
    assert rules.name("of_long_ago") == "of_long_ago"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("[quota_used]", "[quota_usde]", "did you mean quota_used"),
        ("blue = 80, yellow = 90", "blue = 90, yellow = 80", "levels with rising lines"),
        ("blue = 80", "violet = 80", "levels with rising lines"),
        ("hold_hours = 72", 'hold_hours = "three days"', "write a number that is not negative"),
        ('level = "orange"', 'level = "amber"', "one of blue, yellow, orange, red"),
        ("from_day = 8", "from_days = 8", "from_day is missing"),
        ('version = "2026-11"', "", "version is missing"),
        ("[quota_used]", "[[quota_used]]", "is no table"),
        ("[quota_used]", "[quota_used", "cannot be read"),
    ],
)
def test_a_mistake_in_the_rules_is_told_and_none_is_used(tmp_path: Path, old: str, new: str, told: str) -> None:
    file = tmp_path / "alert_rules.toml"
    file.write_text(rules.SHIPPED.read_text("utf-8").replace(old, new, 1), "utf-8")
    with pytest.raises(Refused, match=told):
        rules.load(file)


def test_a_share_just_beyond_100_percent_does_not_round_to_100() -> None:
    assert texts.percentage(100.0) == "100"
    assert texts.percentage(100.0004) == "100.0004"
    assert texts.percentage(95.5) == "95.5"
    assert texts.percentage(None) == "—"


def test_the_same_finding_in_english(province: Province) -> None:
    plant = province.enterprise("P1")
    province.quota("P1", 1_000)
    province.month(plant, "2026-10", 955)
    province.judge()
    inputs = province.finding("quota_used")["inputs"]
    assert texts.message(Level.ORANGE, "certain", inputs, "en") == (
        "[Orange] P1示例厂, 2026: energy use (equivalent) 955 tce, 95.5 % of the limit of 1,000 tce;"
        " document: 虚构文件〔2026〕1号."
    )


def test_every_reason_and_sentence_can_be_said_in_both_languages() -> None:
    about = {"name": "n", "metric": "tce", "period": "2026", "why": "", "about": "x", "months": 3, "needed": 12}
    for why in texts._REASONS:
        for language in ("zh", "en"):
            assert "{" not in texts.sentence({**about, "why": why}, language)


# --- a nation


def test_a_nation_of_seventeen_thousand_quotas_is_judged_and_judged_again_to_the_same(province: Province) -> None:
    province.enterprise("SEED")
    province.carrier("electricity")
    province.conn.execute(
        "INSERT INTO enterprise (code, name, region)"
        " SELECT 'E' || n, '示例' || n, '990000' FROM generate_series(1, 17000) n"
    )
    province.conn.execute(
        'INSERT INTO quota (scope, code, metric, period, "limit", unit, basis)'
        " SELECT 'enterprise', code, 'tce', '2026', 10000 + id, 'tce', 'equivalent' FROM enterprise"
    )
    province.conn.execute(
        "INSERT INTO usage_month (enterprise_id, carrier, month, amount, low, high, tce_equivalent, tce_equivalent_low,"
        " tce_equivalent_high, tco2, estimated, covered_s, received, flags, days, computed)"
        " SELECT id, 'electricity', make_date(2026, m, 1), 1, 1, 1, 900, 900, 900, 1, 0, 1, 1, 0, 30, now()"
        " FROM enterprise, generate_series(1, 11) m"
    )
    province.conn.execute("ANALYZE usage_month")
    for at in range(2):
        evaluate.mark_all(province.conn)
        assert evaluate.work(province.conn, NOW + timedelta(minutes=15 * at), ZONE) == 17_001
        assert len(province.findings("quota_used")) == 17_001

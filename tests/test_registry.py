"""Registry files: in, out, and what follows from a change. All enterprises are invented."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import openpyxl
import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from storage import database, registry, registry_files, registry_tables, seed
from storage.registry_import import Mistakes, TableResult
from tests.conftest import close, of_database

SHANGHAI = ZoneInfo("Asia/Shanghai")
Take = Callable[..., tuple[TableResult, ...]]
ENTERPRISES = "code,name,region,industry\nGS-CEM,天水示例水泥,620500,3011\nGS-DC,示例数据中心,620500,6450\n"
METERS = (
    "enterprise,code,name,carrier,kind,unit,multiplier,register_max,max_rate_per_hour\n"
    "GS-CEM,E-01,总进线,electricity,register,kWh,8000,1000000,40000\n"
    "GS-CEM,C-01,入炉煤,raw_coal,interval,t,,,\n"
)


@pytest.fixture(scope="session")
def template(postgres: str, template: str) -> str:
    """The same with what ships with the program in it."""
    name = "template_registry"
    with psycopg.connect(postgres, autocommit=True) as conn:
        conn.execute(SQL("CREATE DATABASE {} TEMPLATE {}").format(Identifier(name), Identifier(template)))
    with database.connect(of_database(postgres, name)) as conn:
        seed.seed(conn)
    with psycopg.connect(postgres, autocommit=True) as conn:
        close(conn, name)
    return name


@pytest.fixture
def reference(conn: psycopg.Connection) -> psycopg.Connection:
    return conn


@pytest.fixture
def take(reference: psycopg.Connection, tmp_path: Path) -> Take:
    return importer(reference, tmp_path)


def importer(conn: psycopg.Connection, folder: Path) -> Take:
    """Imports a file of that name and text, in a transaction of its own as the command does."""

    def take(name: str, text: str | bytes) -> tuple[TableResult, ...]:
        path = folder / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        with conn.transaction():
            return registry.import_file(conn, path, SHANGHAI)

    return take


@pytest.fixture
def plant(take: Take) -> Take:
    """The same, with a cement plant of two meters and a data centre registered."""
    take("enterprises.csv", ENTERPRISES)
    take("meters.csv", METERS)
    return take


def one(conn: psycopg.Connection, query: str) -> object:
    row = conn.execute(query).fetchone()
    return row[0] if row and len(row) == 1 else row


def meter(conn: psycopg.Connection, code: str) -> registry.Meter:
    found = registry.enterprise(conn, "GS-CEM")
    assert found
    return next(each for each in registry.meters_of(conn, found.id) if each.code == code)


def counts(results: tuple[TableResult, ...]) -> list[tuple[str, int, int, int]]:
    return [(each.table, each.new, each.changed, each.unchanged) for each in results]


def version(conn: psycopg.Connection) -> object:
    return one(conn, "SELECT version FROM registry_version")


# --- what is taken


def test_a_file_is_taken_and_the_same_file_again_changes_nothing(plant: Take, reference: psycopg.Connection) -> None:
    before = version(reference)
    assert counts(plant("meters.csv", METERS)) == [("meters", 0, 0, 2)]
    assert version(reference) == before


def test_a_changed_cell_changes_its_row_and_the_version(plant: Take, reference: psycopg.Connection) -> None:
    before = version(reference)
    assert counts(plant("meters.csv", METERS.replace("8000", "6000"))) == [("meters", 0, 1, 1)]
    assert version(reference) == before + 1  # type: ignore[operator]


def test_a_meter_has_its_scale_and_its_largest_rate_in_the_carriers_unit(
    plant: Take, reference: psycopg.Connection
) -> None:
    assert (meter(reference, "E-01").scale, meter(reference, "E-01").max_rate) == (8000.0, 40000.0)
    assert (meter(reference, "C-01").scale, meter(reference, "C-01").max_rate) == (1000.0, None)


@pytest.mark.parametrize(
    ("cells", "scale", "rate"),
    [
        ("electricity,register,10^4 kWh,2,,5,", 20000.0, 50000.0),
        ("electricity,power,kW,40,100,,", 40.0, 100.0),
        ("heat,register,GJ,1,1000,,", 1000.0, 3600.0),
        ("natural_gas,register,m3,1,1000,,", 1.0, None),
        ("diesel,register,L,1,,,0.83", 0.83, None),
        ("new_water,register,m3,1,,,", 1.0, None),
    ],
)
def test_scale_and_rate_of_every_kind_of_meter(
    plant: Take, reference: psycopg.Connection, cells: str, scale: float, rate: float | None
) -> None:
    header = "enterprise,code,carrier,kind,unit,multiplier,rated_power_kw,max_rate_per_hour,density_kg_per_l\n"
    plant("meters.csv", f"{header}GS-CEM,X,{cells}\n")
    assert (meter(reference, "X").scale, meter(reference, "X").max_rate) == (scale, rate)


def test_blank_is_not_stated_and_overwrites_but_an_absent_column_leaves_what_is_there(
    plant: Take, reference: psycopg.Connection
) -> None:
    plant("meters.csv", "enterprise,code,name,carrier,kind,unit,register_max\nGS-CEM,E-01,,electricity,register,kWh,\n")
    found = meter(reference, "E-01")
    assert (found.name, found.register_max, found.multiplier) == ("", None, Decimal(8000))


def test_only_the_keys_are_needed_to_change_one_column(plant: Take, reference: psycopg.Connection) -> None:
    plant("meters.csv", "enterprise,code,multiplier\nGS-CEM,E-01,60\n")
    assert (meter(reference, "E-01").scale, meter(reference, "E-01").unit) == (60.0, "kWh")


def test_rows_absent_from_a_later_file_stay(plant: Take, reference: psycopg.Connection) -> None:
    plant("enterprises.csv", "code,name,region\nGS-NEW,示例,620100\n")
    assert [each.code for each in registry.enterprises(reference)] == ["GS-CEM", "GS-DC", "GS-NEW"]


def test_headers_may_be_chinese_and_truths_too(plant: Take, reference: psycopg.Connection) -> None:
    header = "用能单位,代码,能源品种,类型,计量单位,计入总量,用途"
    plant("计量点.csv", f"{header}\nGS-CEM,PV,electricity,register,kWh,是,generation_renewable\n")
    assert (meter(reference, "PV").in_total, meter(reference, "PV").role) == (True, "generation_renewable")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_file_may_come_as_excel_saves_it(take: Take, reference: psycopg.Connection, encoding: str) -> None:
    take("enterprises.csv", ENTERPRISES.replace("\n", "\r\n").encode(encoding))
    found = registry.enterprise(reference, "GS-CEM")
    assert found and found.name == "天水示例水泥"


def test_a_wrong_chinese_header_is_answered_with_the_chinese_ones(take: Take) -> None:
    with pytest.raises(Mistakes, match="'企业' is no column of regions; write 代码, 名称, 上级"):
        take("regions.csv", "代码,企业\n620000,甘肃\n".encode())


def test_a_spreadsheets_blank_columns_and_rows_are_nothing(take: Take) -> None:
    assert counts(take("enterprises.csv", "code,name,region,,\nA,甲,620500,,\n,,,,\n\nB,乙,620500,,\n"))[0][1] == 2


def test_an_industry_that_does_not_ship_is_taken_by_its_code(take: Take, reference: psycopg.Connection) -> None:
    take("enterprises.csv", "code,name,region,industry\nA,甲,620500,1351\n")
    assert one(reference, "SELECT industry FROM enterprise") == "1351"


def test_times_without_an_offset_are_of_the_deployments_zone(plant: Take, reference: psycopg.Connection) -> None:
    rows = "GS-CEM,E-01,2026-10-01 08:00,reset\nGS-CEM,E-01,2026-10-01T08:00:00Z,reset\nGS-CEM,E-01,1790816400,reset\n"
    plant("meter_events.csv", f"enterprise,meter,time,event\n{rows}")
    times = reference.execute("SELECT time FROM meter_event ORDER BY time").fetchall()
    assert [time for (time,) in times] == [datetime(2026, 10, 1, hour, tzinfo=UTC) for hour in (0, 1, 8)]


def test_numbers_stay_exact(plant: Take, reference: psycopg.Connection) -> None:
    plant("parameters.csv", "enterprise,name,value\nGS-CEM,clinker_ratio_pct,71.10000000000000000001\n")
    assert one(reference, "SELECT value FROM parameter") == Decimal("71.10000000000000000001")


def test_a_workbook_holds_a_table_a_sheet_in_any_order(
    take: Take, reference: psycopg.Connection, tmp_path: Path
) -> None:
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    rows: dict[str, list[list[object]]] = {
        "quotas": [["scope", "code", "metric", "period", "limit", "unit", "basis"],
                   ["enterprise", "W-1", "tce", 2026, 12000.5, "tce", "equivalent"]],
        "meters": [["enterprise", "code", "carrier", "kind", "unit", "in_total", "calibrated_on"],
                   ["W-1", "E-01", "electricity", "register", "kWh", True, datetime(2026, 1, 2)], [None] * 7],
        "用能单位": [["code", "name", "region", None], ["W-1", "示例", 620500, None]],
        "Sheet1": [],
    }  # fmt: skip
    for title, lines in rows.items():
        sheet = book.create_sheet(title)
        for line in lines:
            sheet.append(line)
    book.save(tmp_path / "all.xlsx")
    with reference.transaction():
        results = registry.import_file(reference, tmp_path / "all.xlsx", SHANGHAI)
    assert counts(results) == [("enterprises", 1, 0, 0), ("meters", 1, 0, 0), ("quotas", 1, 0, 0)]
    assert one(reference, 'SELECT period, "limit" FROM quota') == ("2026", Decimal("12000.5"))
    assert one(reference, "SELECT in_total, calibrated_on FROM meter") == (True, date(2026, 1, 2))


# --- out and in again

EVERYTHING = {
    "regions.csv": "code,name,parent\n620599,示例开发区,620500\n",
    "meter_events.csv": "enterprise,meter,time,event,old_final,new_initial,new_serial,value,document\n"
    "GS-CEM,E-01,2026-10-05T10:00:00+08:00,exchange,5020.1,3,SN-2,,换表单1\n"
    "GS-CEM,E-01,2026-10-06T10:00:00+08:00,multiplier,,,,60,\n",
    "virtual_meters.csv": "enterprise,code,name,carrier,unit,formula\nGS-CEM,V-1,,electricity,kWh,E-01 * 0.5\n",
    "products.csv": "enterprise,product,name,unit,levels,energy_rule,share\n"
    "GS-CEM,clinker,熟料,t,GB167802021-02; GB167802021-03,allocated,0.4\n",
    "factors.csv": "carrier,scope,region,unit,kgce_per_unit,lhv_kj_per_unit,method,valid_from,valid_to,source\n"
    "raw_coal,GS-CEM,,t,650.5,,measured,2026-01-01,2026-07-01,化验单\n"
    "raw_coal,GS-CEM,,t,640,,measured,2026-07-01,,化验单\n",
    "holidays.csv": "date,kind,source\n2027-01-01,holiday,invented\n",
    "outputs.csv": "enterprise,product,period,quantity,unit\nGS-CEM,clinker,2026-10,12345.6,t\n",
    "returns.csv": "enterprise,carrier,period,item,quantity,unit\nGS-CEM,raw_coal,2026-10,purchased,1.2,万t\n",
    "corrections.csv": "enterprise,meter,from,to,amount,reason,author\n"
    "GS-CEM,E-01,2026-10-05 00:00,2026-10-06 00:00,,表计故障,zhang\n",
    "activity.csv": "scope,code,item,period,value,unit\nregion,620500,gdp,2026-Q3,123.4,亿元\n",
    "parameters.csv": "enterprise,product,period,name,value\nGS-CEM,clinker,2026,pressure_pa,84000\n",
    "quotas.csv": "scope,code,metric,period,limit,unit,basis,direction\n"
    "enterprise,GS-CEM,tce,2026-01/2026-09,9000,tce,equivalent,below\n",
}


@pytest.fixture
def everything(plant: Take) -> Take:
    for name, text in EVERYTHING.items():
        plant(name, text)
    return plant


def test_what_is_exported_changes_nothing_when_it_is_imported_again(
    everything: Take, reference: psycopg.Connection, tmp_path: Path
) -> None:
    before = version(reference)
    files = registry.export(reference, tmp_path / "out", SHANGHAI)
    assert [file.stem for file in files] == [table.name for table in registry_tables.TABLES]
    for file in files:
        (result,) = registry.import_file(reference, file, SHANGHAI)
        assert (result.new, result.changed) == (0, 0), result
        assert result.read > 0, result
    assert version(reference) == before


def test_an_export_fills_an_empty_registry_with_the_same(
    everything: Take, reference: psycopg.Connection, tmp_path: Path
) -> None:
    files = registry.export(reference, tmp_path / "first", SHANGHAI)
    tables = ", ".join(table.into for table in registry_tables.TABLES)
    reference.execute(f"TRUNCATE {tables} CASCADE")
    for file in files:
        registry.import_file(reference, file, SHANGHAI)
    again = registry.export(reference, tmp_path / "second", SHANGHAI)
    assert [file.read_text("utf-8") for file in again] == [file.read_text("utf-8") for file in files]


def test_shipped_factors_are_not_exported(everything: Take, reference: psycopg.Connection, tmp_path: Path) -> None:
    registry.export(reference, tmp_path, SHANGHAI)
    assert (tmp_path / "factors.csv").read_text("utf-8").count("\n") == 3


# --- mistakes: each names file, line, column, value and what would be right


def mistakes() -> dict[str, tuple[str, str]]:
    """What is said of each small file of mistakes, and the file, by the mistake's name."""
    stories = (Path(__file__).parent / "registry_mistakes.txt").read_text("utf-8").split("# ")[1:]
    parts = [story.split("\n", 2) for story in stories]
    return {name: (said, text.rstrip("\n") + "\n") for name, said, text in parts}


MISTAKES = mistakes()


@pytest.fixture(scope="module")
def lasting_plant(postgres: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Take]:
    """The plant in a database for all mistakes together: a refused file leaves nothing behind."""
    with psycopg.connect(postgres, autocommit=True) as conn:
        conn.execute(SQL("CREATE DATABASE test_mistakes TEMPLATE {}").format(Identifier(template)))
    with database.connect(of_database(postgres, "test_mistakes")) as conn:
        take = importer(conn, tmp_path_factory.mktemp("mistakes"))
        take("enterprises.csv", ENTERPRISES)
        take("meters.csv", METERS)
        yield take


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named_with_line_column_value_and_what_is_right(lasting_plant: Take, mistake: str) -> None:
    said, text = MISTAKES[mistake]
    with pytest.raises(Mistakes) as refused:
        lasting_plant(said.partition(",")[0], text)
    assert str(refused.value.mistakes[0]) == said
    assert counts(lasting_plant("meters.csv", METERS)) == [("meters", 0, 0, 2)]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("meters.csv", "enterprise,code,carrier,kind\nGS-CEM,E-09,electricity,register\n"),
        ("meters.csv", "enterprise,code,carrier,unit,code\nGS-CEM,E-09,electricity,kWh,E-09\n"),
        ("meters.csv", "enterprise,code,unit\nGS-CEM,E-01,m3\n"),
        (
            "factors.csv",
            "carrier,unit,kgce_per_unit,valid_from,source\nraw_coal,kg,0.7,2026-01-01,lab\nraw_coal,kg,0.6,2026-06-01,lab\n",
        ),
    ],
    ids=["a column that a new row needs", "a column twice", "a unit that does not fit", "factors that overlap"],
)
def test_one_mistake_is_told_in_one_sentence(lasting_plant: Take, name: str, text: str) -> None:
    with pytest.raises(Mistakes) as refused:
        lasting_plant(name, text)
    assert refused.value.count == 1


def test_a_factor_that_reaches_into_a_registered_one_is_told_by_its_own_dates(plant: Take) -> None:
    header = "carrier,unit,kgce_per_unit,valid_from,valid_to,source\n"
    plant("factors.csv", header + "raw_coal,kg,0.7,2026-07-01,,lab\n")
    with pytest.raises(Mistakes) as refused:
        plant("factors.csv", header + "raw_coal,kg,0.6,2026-03-01,,lab\n")
    assert refused.value.mistakes[0].value == "2026-03-01"
    assert "from 2026-07-01 to further notice holds on the same days; end this one" in str(refused.value)


def test_what_stands_twice_is_told_as_it_was_written(plant: Take) -> None:
    row = "GS-CEM,E-01,2026-10-01,calibration\n"
    with pytest.raises(Mistakes, match="and time '2026-10-01' and event 'calibration': the same as line 2"):
        plant("meter_events.csv", "enterprise,meter,time,event\n" + row + row)


@pytest.mark.parametrize("mark", [";", "\t"])
def test_a_file_with_another_separator_is_refused_in_one_sentence(plant: Take, mark: str) -> None:
    with pytest.raises(registry_files.Unreadable, match=r"line 1 separates its columns by .* with commas"):
        plant("meters.csv", METERS.replace(",", mark))


def test_every_mistake_of_a_file_is_told_and_nothing_of_it_taken(take: Take, reference: psycopg.Connection) -> None:
    with pytest.raises(Mistakes) as refused:
        take("enterprises.csv", "code,name,region,two_high\nA,甲,620500,perhaps\nB,乙,629900,yes\nC,丙,620500,yes\n")
    assert [(each.line, each.column) for each in refused.value.mistakes] == [(2, "two_high"), (3, "region")]
    assert str(refused.value).endswith("enterprises.csv: 2 mistakes, nothing was imported")
    assert registry.enterprises(reference) == []


def test_of_very_many_mistakes_the_first_fifty_are_told_and_all_are_counted(take: Take) -> None:
    rows = "".join(f"E{number},甲,629900\n" for number in range(70))
    with pytest.raises(Mistakes) as refused:
        take("enterprises.csv", f"code,name,region\n{rows}")
    assert (len(refused.value.mistakes), refused.value.count) == (50, 70)


def test_the_line_of_a_row_counts_lines_inside_quotes(take: Take) -> None:
    with pytest.raises(Mistakes) as refused:
        take("enterprises.csv", 'code,name,region\nA,"甲\n乙",620500\nB,丙,629900\n')
    assert refused.value.mistakes[0].line == 4


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("things.csv", b"a,b\n", "is named like no registry table; name it regions, enterprises"),
        ("meters.txt", b"a,b\n", "is neither .csv nor .xlsx"),
        (
            "meters.csv",
            b"enterprise,code\n\xff\xfe\x00\n",
            "line 2 is not UTF-8 (bytes ff fe 00 0a); save it as CSV UTF-8",
        ),
        ("meters.xlsx", b"not a zip", "cannot be read as XLSX"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_as_a_whole(take: Take, name: str, data: bytes, said: str) -> None:
    with pytest.raises(registry_files.Unreadable) as refused:
        take(name, data)
    assert said in str(refused.value)


def test_a_file_that_is_not_there_is_named(reference: psycopg.Connection, tmp_path: Path) -> None:
    with pytest.raises(registry_files.Unreadable, match=r"meters\.csv is no file"):
        registry.import_file(reference, tmp_path / "meters.csv", SHANGHAI)


def test_a_table_is_known_by_the_beginning_of_its_name() -> None:
    names = ["meters", "Meters", "meters-2026", "meters (2)", "meter_events", "计量点", "计量点事件", "metersx", "x"]
    found = [table.name if (table := registry_tables.named(name)) else None for name in names]
    assert found == ["meters", "meters", "meters", "meters", "meter_events", "meters", "meter_events", None, None]


def test_an_approved_correction_may_not_be_changed_by_a_file(everything: Take, reference: psycopg.Connection) -> None:
    reference.execute("UPDATE correction SET approver = 'li', approved_at = now()")
    changed = EVERYTHING["corrections.csv"].replace(",,表计故障", ",500,表计故障")
    with pytest.raises(Mistakes, match="is approved; withdraw it, or write another one"):
        everything("corrections.csv", changed)
    assert counts(everything("corrections.csv", EVERYTHING["corrections.csv"])) == [("corrections", 0, 0, 1)]


# --- what follows

SPOKE = (datetime(2026, 9, 1, tzinfo=UTC), datetime(2026, 10, 20, tzinfo=UTC))


@pytest.fixture
def spoken(plant: Take, reference: psycopg.Connection) -> Take:
    """The plant's two meters have readings from September to the 20th of October, and nothing is stale."""
    reference.execute("INSERT INTO meter_span SELECT id, %s, %s FROM meter", SPOKE)
    reference.execute("DELETE FROM stale_span")
    reference.execute("DELETE FROM stale_judgement")
    return plant


def stale(conn: psycopg.Connection) -> list[tuple[object, ...]]:
    return conn.execute(
        "SELECT array(SELECT code FROM meter WHERE id = ANY(meters) ORDER BY code), since, until, why"
        " FROM stale_span WHERE shard = enterprise_id % 256 ORDER BY since, until"
    ).fetchall()


def judged(conn: psycopg.Connection) -> set[tuple[object, ...]]:
    return set(conn.execute("SELECT scope, code FROM stale_judgement").fetchall())


def test_another_multiplier_makes_the_meters_whole_life_stale(spoken: Take, reference: psycopg.Connection) -> None:
    spoken("meters.csv", METERS.replace("8000", "6000"))
    assert stale(reference) == [(["E-01"], *SPOKE, "registry")]
    assert judged(reference) == {("enterprise", "GS-CEM")}


def test_another_serial_number_makes_no_amount_stale(spoken: Take, reference: psycopg.Connection) -> None:
    spoken("meters.csv", "enterprise,code,serial_no\nGS-CEM,E-01,SN-9\n")
    assert stale(reference) == []


def test_an_exchange_makes_its_instant_stale_and_a_multiplier_all_that_follows(
    spoken: Take, reference: psycopg.Connection
) -> None:
    spoken("meter_events.csv", EVERYTHING["meter_events.csv"])
    exchange, multiplier = datetime(2026, 10, 5, 2, tzinfo=UTC), datetime(2026, 10, 6, 2, tzinfo=UTC)
    assert stale(reference) == [(["E-01"], exchange, exchange, "event"), (["E-01"], multiplier, SPOKE[1], "event")]


def test_a_correction_makes_its_span_stale(spoken: Take, reference: psycopg.Connection) -> None:
    spoken("corrections.csv", EVERYTHING["corrections.csv"])
    since, until = datetime(2026, 10, 4, 16, tzinfo=UTC), datetime(2026, 10, 5, 16, tzinfo=UTC)
    assert stale(reference) == [(["E-01"], since, until, "correction")]


def test_a_factor_makes_usage_of_its_carrier_stale_on_its_days(spoken: Take, reference: psycopg.Connection) -> None:
    header = "carrier,scope,region,unit,kgce_per_unit,valid_from,valid_to,source\n"
    spoken("factors.csv", f"{header}raw_coal,,620000,kg,0.7,2026-10-01,2026-10-11,lab\n")
    until = datetime(2026, 10, 10, 16, tzinfo=UTC)
    assert stale(reference) == [(["C-01"], datetime(2026, 9, 30, 16, tzinfo=UTC), until, "factor")]
    spoken("factors.csv", f"{header}raw_coal,,520000,kg,0.7,2026-10-01,,lab\nraw_coal,GS-DC,,kg,0.7,2026-10-01,,lab\n")
    assert len(stale(reference)) == 1


def test_an_enterprise_that_moves_gets_other_factors(spoken: Take, reference: psycopg.Connection) -> None:
    spoken("enterprises.csv", ENTERPRISES.replace("水泥,620500", "水泥,620100"))
    assert stale(reference) == [(["C-01", "E-01"], *SPOKE, "factor")]
    assert {("region", "620500"), ("region", "620100"), ("enterprise", "GS-CEM")} <= judged(reference)


def test_a_region_that_moves_takes_its_enterprises_along(spoken: Take, reference: psycopg.Connection) -> None:
    spoken("regions.csv", "code,name,parent\n620500,天水市,520000\n")
    assert stale(reference) == [(["C-01", "E-01"], *SPOKE, "factor")]
    assert {("region", "620000"), ("region", "520000")} <= judged(reference)


@pytest.mark.parametrize("table", ["outputs", "quotas", "parameters", "products"])
def test_what_judgements_rest_on_has_them_made_again(spoken: Take, reference: psycopg.Connection, table: str) -> None:
    spoken(f"{table}.csv", EVERYTHING[f"{table}.csv"])
    assert (stale(reference), judged(reference)) == ([], {("enterprise", "GS-CEM")})
    reference.execute("DELETE FROM stale_judgement")
    spoken(f"{table}.csv", EVERYTHING[f"{table}.csv"])
    assert judged(reference) == set()


def test_activity_of_a_region_has_the_region_judged(spoken: Take, reference: psycopg.Connection) -> None:
    spoken("activity.csv", EVERYTHING["activity.csv"])
    assert judged(reference) == {("region", "620500")}


# --- reading


def test_a_region_includes_those_below_it(reference: psycopg.Connection) -> None:
    below = registry.regions_below(reference, "620500")
    assert below[0] == "620500" and "620502" in below and len(below) == 8
    assert len(registry.regions_below(reference, "620000")) == 101
    assert registry.regions_below(reference, "999999") == []


def test_sixty_thousand_meters_are_taken_within_seconds(take: Take) -> None:
    rows = "".join(
        f"GS-CEM,M{number},总表,electricity,register,kWh,{number % 90 + 1},1000000\n" for number in range(60_000)
    )
    take("enterprises.csv", ENTERPRISES)
    begun = datetime.now(UTC)
    (result,) = take("meters.csv", f"enterprise,code,name,carrier,kind,unit,multiplier,register_max\n{rows}")
    assert result.new == 60_000
    assert (datetime.now(UTC) - begun).total_seconds() < 60  # some 8 s here; a loop over rows in SQL would take minutes

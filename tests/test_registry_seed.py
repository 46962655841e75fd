"""What ships with the program, and how it meets what was imported."""

import csv
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg
import pytest

from storage import registry, seed

SHANGHAI = ZoneInfo("Asia/Shanghai")


def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "reference"
    folder.mkdir()
    for file in seed.REFERENCE.glob("*.csv"):
        (folder / file.name).write_bytes(file.read_bytes())
    monkeypatch.setattr(seed, "REFERENCE", folder)
    return folder


def replace(file: Path, old: str, new: str) -> None:
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new), "utf-8")


def version(conn: psycopg.Connection) -> int:
    row = conn.execute("SELECT version FROM registry_version").fetchone()
    assert row
    return int(row[0])


def test_the_second_time_nothing_is_loaded(conn: psycopg.Connection) -> None:
    assert len(seed.seed(conn)) == 6
    before = version(conn)
    assert (seed.outdated(conn), seed.seed(conn), version(conn)) == (False, [], before)


def test_every_shipped_row_has_its_source_and_a_confidence_word() -> None:
    for file in sorted(seed.REFERENCE.glob("*.csv")):
        with file.open(encoding="utf-8", newline="") as lines:
            rows = list(csv.DictReader(lines))
        assert rows
        poor = [row for row in rows if not row["source"] or row["confidence"] not in ("sourced", "recalled", "unknown")]
        assert poor == [], file.name


def test_the_working_day_calendar_covers_2025_and_2026(conn: psycopg.Connection) -> None:
    seed.seed(conn)
    rows = conn.execute(
        "SELECT extract(year FROM date)::int, kind, count(*)::int FROM holiday GROUP BY 1, 2"
    ).fetchall()
    assert sorted(rows) == [(2025, "holiday", 28), (2025, "workday", 5), (2026, "holiday", 33), (2026, "workday", 6)]


def test_an_imported_holiday_and_region_survive_a_new_issue(
    conn: psycopg.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copied(tmp_path, monkeypatch)
    seed.seed(conn)
    (tmp_path / "holidays.csv").write_text("date,kind,source\n2026-10-10,holiday,ours\n")
    (tmp_path / "regions.csv").write_text("code,name\n620500,Tianshui\n")
    for name in ("holidays.csv", "regions.csv"):
        registry.import_file(conn, tmp_path / name, SHANGHAI)
        with (folder / name).open("a", encoding="utf-8") as file:
            file.write(
                "2027-01-01,holiday,new,sourced\n" if name == "holidays.csv" else "990000,新,000000,new,sourced\n"
            )
    assert sorted(seed.seed(conn)) == ["holidays.csv", "regions.csv"]
    kept = conn.execute(
        "SELECT kind, name FROM holiday, region WHERE date = '2026-10-10' AND code = '620500'"
    ).fetchone()
    assert kept == ("holiday", "Tianshui")


def test_a_shipped_factor_that_changed_makes_usage_stale_and_one_that_went_is_gone(
    conn: psycopg.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copied(tmp_path, monkeypatch)
    seed.seed(conn)
    (tmp_path / "enterprises.csv").write_text("code,name,region\nA,甲,620500\n", "utf-8")
    (tmp_path / "meters.csv").write_text("enterprise,code,carrier,kind,unit\nA,C,raw_coal,register,kg\n")
    for name in ("enterprises.csv", "meters.csv"):
        registry.import_file(conn, tmp_path / name, SHANGHAI)
    spoke = (datetime(2026, 9, 1, tzinfo=UTC), datetime(2026, 10, 1, tzinfo=UTC))
    conn.execute("INSERT INTO meter_span SELECT id, %s, %s FROM meter", spoke)
    ids = conn.execute("SELECT id FROM factor WHERE carrier = 'electricity' ORDER BY id").fetchall()
    replace(folder / "factors.csv", "raw_coal,,kg,0.7143,0.7143", "raw_coal,,kg,0.72,0.72")
    replace(folder / "factors.csv", "lng,,kg,1.7572,1.7572", "anthracite,,kg,1.7572,1.7572")
    assert seed.seed(conn) == ["factors.csv"]
    assert conn.execute("SELECT since, until, why FROM stale_span").fetchall() == [(*spoke, "factor")]
    assert registry.factor_book(conn).at("raw_coal", "A", "620500", spoke[0].date()).kgce_equivalent == 0.72
    assert conn.execute("SELECT id FROM factor WHERE carrier = 'electricity' ORDER BY id").fetchall() == ids

"""`enermon report` from readings to files, on a real database."""

from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result

from enermon.cli import cli
from tests.line import Line

HOURS = 31 * 24


def enermon(dsn: str, folder: Path, *words: str) -> Result:
    return CliRunner().invoke(cli, words, env={"ENERMON_DATABASE": dsn, "ENERMON_DATA": str(folder)})


@pytest.fixture
def october(dsn: str, conn: psycopg.Connection, tmp_path: Path) -> Path:
    """A data folder; in the database one register that counted 10 kWh in every hour of October, not yet worked in."""
    assert enermon(dsn, tmp_path, "migrate").exit_code == 0
    line = Line(conn)
    line.meter("E-01", interval_minutes=60)
    line.tell(("E-01", 60.0 * hour, 1_000.0 + 10 * hour) for hour in range(HOURS + 1))
    conn.commit()
    return tmp_path


def test_the_report_works_in_what_is_stale_first_and_prints_where_it_is(dsn: str, october: Path) -> None:
    done = enermon(dsn, october, "report", "--month", "2026-10", "--enterprise", "DEMO-1")
    assert done.exit_code == 0, done.output
    folder = october / "reports" / "2026-10"
    assert done.stdout.split() == [str(folder / "DEMO-1-2026-10.html"), str(folder / "DEMO-1-2026-10.xlsx")]
    html = (folder / "DEMO-1-2026-10.html").read_text("utf-8")
    assert "7,440" in html, "31 days of 240 kWh"
    assert "100.0 %" in html


def test_all_writes_every_enterprise_and_the_regions_above_it_where_it_is_told(
    dsn: str, conn: psycopg.Connection, october: Path
) -> None:
    done = enermon(
        dsn, october, "report", "--month", "2026-10", "--all", "--out", str(october / "x"), "--format", "html"
    )
    assert done.exit_code == 0, done.output
    names = sorted(path.name for path in (october / "x").iterdir())
    assert {"DEMO-1-2026-10.html", "620500-2026-10.html"} <= set(names)
    assert all(name.endswith("-2026-10.html") for name in names)
    assert conn.execute("SELECT count(*) FROM report_run").fetchone() == (0,), "the console offers its own folder only"


def test_a_report_written_by_hand_is_known_to_the_console_and_does_not_prevent_the_scheduled_one(
    dsn: str, conn: psycopg.Connection, october: Path
) -> None:
    for _ in range(2):
        enermon(dsn, october, "report", "--month", "2026-10", "--region", "620500", "--format", "xlsx")
    assert conn.execute("SELECT report, code, state, files FROM report_run").fetchall() == [
        ("by_hand", "620500", "done", ["2026-10/620500-2026-10.xlsx"])
    ]


@pytest.mark.parametrize(
    ("words", "exit_code", "sentence"),
    [
        (("--month", "2026-13", "--all"), 2, "'2026-13' is no month; write for instance 2026-10"),
        (("--month", "2026-10-03", "--all"), 2, "'2026-10-03' is no month; write for instance 2026-10"),
        (("--month", "2026-10"), 2, "exactly one of --enterprise, --region and --all"),
        (("--month", "2026-10", "--all", "--region", "620000"), 2, "exactly one of --enterprise, --region and --all"),
        (("--month", "2026-10", "--all", "--format", "docx"), 2, "'docx' is none of html, xlsx, pdf"),
        (("--month", "2026-10", "--all", "--format", "pdf"), 1, "Reports are not written as pdf yet"),
        (("--month", "2026-10", "--enterprise", "NOBODY"), 1, "'NOBODY' is not in the registry"),
        (("--month", "9999-10", "--enterprise", "DEMO-1"), 1, "9999-10 has not begun"),
    ],
)
def test_what_cannot_be_done_ends_with_one_sentence(
    dsn: str, october: Path, words: tuple[str, ...], exit_code: int, sentence: str
) -> None:
    done = enermon(dsn, october, "report", *words)
    assert (done.exit_code, sentence in done.stderr) == (exit_code, True), done.stderr
    assert not (october / "reports").exists()

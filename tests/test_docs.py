"""The documents keep pace with the program: what can be typed, set, seen or stored is written down, nothing else is."""

import re
import tomllib
from collections.abc import Iterator
from importlib import import_module
from itertools import pairwise
from pathlib import Path

import click
import psycopg
import pytest
from fastapi.routing import APIRoute

from console import api, health, web
from energy import quality
from energy.quality import Flag
from enermon import settings
from enermon.cli import cli
from ingest import dialect
from ingest.reasons import Reason
from storage import registry_tables

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
TRANSLATIONS = [page for page in PAGES if page.name.endswith(".zh-CN.md")]
PROGRAM = ("alerts", "console", "deploy", "energy", "enermon", "ingest", "reports", "storage")
FLAGS = quality.names(sum(Flag))

_HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_FENCED = re.compile(r"^( *)```(\w*)\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
_CASE = re.compile(r"(?:EC-|_ec)(\d+)")
_RULE = re.compile(r"[\s|:]*-[\s|:-]*")
_TYPED = re.compile(r"(?:^\s*|`)(?:\.venv/bin/|python -m )?enermon ([^`#\n]+)", re.MULTILINE)


def text(page: Path) -> str:
    return page.read_text("utf-8")


def headings(page: Path) -> list[tuple[int, str]]:
    """(depth, words) in order; a `#` inside fenced code is no heading."""
    return [(len(marks), words) for marks, words in _HEADING.findall(_FENCED.sub("", text(page)))]


def sections(page: Path) -> dict[str, str]:
    """What stands under each heading, by the heading's words."""
    body = text(page)
    found = [(match[2], match.end(), match.start()) for match in _HEADING.finditer(body)]
    ends = [start for _, _, start in found[1:]] + [len(body)]
    return {words: body[begin:end] for (words, begin, _), end in zip(found, ends, strict=True)}


def table(body: str) -> list[list[str]]:
    """The cells of all table rows of a text, heads and rules left out."""
    rows = [line.strip().strip("|") for line in body.splitlines() if line.startswith("|")]
    below_heads = [
        row for row, below in pairwise([*rows, ""]) if not _RULE.fullmatch(row) and not _RULE.fullmatch(below)
    ]
    return [[cell.strip() for cell in row.split(" | ")] for row in below_heads]


def code_words(body: str) -> set[str]:
    return set(re.findall(r"`([^`]+)`", body))


def anchor(words: str) -> str:
    """The name that a heading has in links, as GitHub forms it."""
    return re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command with the words that call it."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


COMMANDS = dict(commands(cli))


def options(command: click.Command) -> set[str]:
    named = [param for param in command.params if isinstance(param, click.Option)]
    return {name for option in named for name in (*option.opts, *option.secondary_opts) if name.startswith("--")}


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_is_explained_with_all_its_options(words: tuple[str, ...]) -> None:
    section = sections(DOCS / "commands.md").get(f"enermon {words[0]}", "")
    assert section, f"docs/commands.md has no heading for enermon {words[0]}"
    assert " ".join(words[1:]) in section
    said = " ".join(code_words(section))
    missing = {option for option in options(COMMANDS[words]) - {"--help", "--format"} if not _mentions(said, option)}
    assert not missing, f"enermon {' '.join(words)} has options that docs/commands.md does not name"


def test_no_command_is_explained_that_does_not_exist() -> None:
    explained = {words.split()[1] for _, words in headings(DOCS / "commands.md") if words.startswith("enermon ")}
    assert explained == {words[0] for words in COMMANDS}


def _mentions(said: str, option: str) -> bool:
    return re.search(rf"{re.escape(option)}(?![\w-])", said) is not None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_command_that_a_page_shows_exists_with_its_options(page: Path) -> None:
    wrong = [line for line in _TYPED.findall(text(page)) if not _can_be_typed(line.split())]
    assert not wrong


def _can_be_typed(words: list[str]) -> bool:
    known = [path for path in COMMANDS if tuple(words[: len(path)]) == path]
    right = options(COMMANDS[max(known, key=len)]) | {"--help", "--as"} if known else set()
    return bool(known) and {word for word in words if word.startswith("--")} <= right


def test_every_setting_is_in_the_example_file() -> None:
    shown = re.findall(r"^# (\w+) =", text(ROOT / "config" / "enermon.toml"), re.MULTILINE)
    assert sorted(shown) == sorted(settings.NAMES)


def test_the_operating_guide_explains_exactly_the_settings() -> None:
    explained = {name for row in table(sections(DOCS / "operating.md")["Settings"]) for name in code_words(row[0])}
    assert explained == set(settings.NAMES)


def test_the_operating_guide_lists_exactly_the_addresses_of_the_console() -> None:
    listed = {
        word for row in table(sections(DOCS / "operating.md")["The console's addresses"]) for word in code_words(row[0])
    }
    routes = [route for router in (web.router, api.router, health.router) for route in router.routes]
    assert {route.path for route in routes if isinstance(route, APIRoute)} == listed


def test_the_sentences_that_the_operating_guide_answers_are_said_by_the_program() -> None:
    sources = "".join(text(file) for folder in PROGRAM for file in (ROOT / folder).rglob("*.py"))
    rows = table(sections(DOCS / "operating.md")["When something is wrong"])
    fragments = [part.strip() for row in rows for part in row[0].split("…") if part.strip()]
    assert [part for part in fragments if part not in sources] == []


def test_the_operating_guide_explains_exactly_the_keys_of_a_dialect() -> None:
    rows = table(sections(DOCS / "operating.md")["Other people's files"])
    assert [key for row in rows for key in re.findall(r"`(\w+)`", row[0])] == list(dialect.KEYS)


def alert_rules() -> list[str]:
    return sorted(tomllib.loads(text(ROOT / "config" / "alert_rules.toml")))


@pytest.mark.parametrize("page", ["supervisor.md", "supervisor.zh-CN.md"])
def test_the_supervisors_guide_has_exactly_the_alert_rules(page: str) -> None:
    rules = list(sections(DOCS / page).values())[_place("The rules")]
    assert sorted(name for row in table(rules) for name in code_words(row[0])) == alert_rules()


@pytest.mark.parametrize("page", ["supervisor.md", "supervisor.zh-CN.md"])
def test_the_supervisors_guide_explains_every_quality_flag(page: str) -> None:
    flags = list(sections(DOCS / page).values())[_place("Flags")]
    assert [row[0].strip("`") for row in table(flags)] == FLAGS


def _place(heading: str) -> int:
    """Translations have the same sections at the same place."""
    return [words for _, words in headings(DOCS / "supervisor.md")].index(heading)


def test_the_glossary_has_every_quality_flag_in_the_words_of_the_pages() -> None:
    words = import_module("console.words").words("zh")
    rows = table(sections(DOCS / "glossary.md")["Quality flags 质量标记"])
    assert [(row[0].strip("`"), row[1]) for row in rows] == [(flag, words.coded("flag", flag)) for flag in FLAGS]


def test_the_reports_have_a_word_for_every_quality_flag() -> None:
    assert set(import_module("reports.words").FLAG_WORDS) == set(Flag)


@pytest.mark.parametrize("page", ["gateway.md", "gateway.zh-CN.md"])
def test_the_gateway_guide_explains_every_reason_of_rejection(page: str) -> None:
    rows = table(list(sections(DOCS / page).values())[-2])
    assert [row[0].strip("`") for row in rows] == [reason.value for reason in Reason]


def test_the_glossary_lists_every_table_and_column(conn: psycopg.Connection) -> None:
    schema = conn.execute(
        "SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute"
        " a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped"
        " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition"
    ).fetchall()
    found = sections(DOCS / "glossary.md")
    listed_tables = {word for row in table(found["Tables 数据表"]) for word in code_words(row[0])}
    after = list(found)[list(found).index("Columns 字段") :]
    listed_columns = {word for name in after for row in table(found[name]) for word in code_words(row[0])}
    assert {name for name, _ in schema} == listed_tables
    assert {column for _, column in schema} == listed_columns


def test_the_glossary_has_the_chinese_names_of_registry_files_and_columns() -> None:
    terms = {term for _, chinese, *_ in table(text(DOCS / "glossary.md")) for term in chinese.split("、")}
    words = {word for file in registry_tables.TABLES for word in (file.zh, *(column.zh for column in file.columns))}
    assert words - terms == set()


def test_no_word_stands_twice_in_one_table_of_the_glossary() -> None:
    for name, body in sections(DOCS / "glossary.md").items():
        terms = [row[0] for row in table(body)]
        assert len(terms) == len(set(terms)), f"{name}: a term is explained twice"


@pytest.mark.parametrize("page", TRANSLATIONS, ids=lambda page: page.name)
def test_a_translation_has_the_structure_of_its_original(page: Path) -> None:
    original = page.with_name(page.name.replace(".zh-CN", ""))
    assert [depth for depth, _ in headings(page)] == [depth for depth, _ in headings(original)]
    assert [code for *_, code in _code(page)] == [code for *_, code in _code(original)]
    assert len(table(text(page))) == len(table(text(original)))


def _code(page: Path) -> list[tuple[str, str]]:
    """(language, code) of each fenced block, comments left out: they are translated."""
    return [(language, re.sub(r" *#.*", "", code)) for _, language, code in _FENCED.findall(text(page))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_inside_the_project_leads_somewhere(page: Path) -> None:
    broken = [target for target in _LINK.findall(text(page)) if "://" not in target and not _leads(page, target)]
    assert not broken


def _leads(page: Path, target: str) -> bool:
    path, _, name = target.partition("#")
    file = (page.parent / path).resolve() if path else page
    return file.exists() and (not name or name in {anchor(words) for _, words in headings(file)})


def test_the_index_of_edge_cases_has_all_68_in_order() -> None:
    assert [row[0] for row in table(text(DOCS / "edge-cases.md"))] == [f"EC-{number}" for number in range(1, 69)]


def test_an_edge_case_that_is_said_to_be_built_is_named_by_a_test() -> None:
    built = {row[0] for row in table(text(DOCS / "edge-cases.md")) if row[-1] in ("yes", "part")}
    tests = [file for file in (ROOT / "tests").rglob("*.py") if file.name != "test_docs.py"]
    named = {f"EC-{number}" for file in tests for number in _CASE.findall(text(file))}
    assert built - named == set()


def test_every_decision_has_the_four_headings_and_is_listed() -> None:
    listed = text(DOCS / "decisions" / "README.md")
    for record in (DOCS / "decisions").glob("[0-9]*.md"):
        assert [words for depth, words in headings(record) if depth == 2] == [
            "What", "Why", "What it costs", "What would change it",
        ]  # fmt: skip
        assert f"({record.name})" in listed

"""`enermon grafana sync` against a Grafana that remembers: what it makes, leaves alone, and says when it cannot."""

import gzip
import json
import logging
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner
from jsonschema import Draft4Validator, Draft7Validator
from psycopg import Connection

from deploy.grafana.boards import BOARDS, Place, dashboard
from deploy.grafana.places import key_of, places
from deploy.grafana.words import LANGUAGES, Words, tables
from energy import quality
from energy.quality import Flag
from enermon.cli import cli
from storage import database, viewer
from storage.viewer import Region, Viewer
from tests import grafana_fake, grafana_sample
from tests.conftest import of_database
from tests.grafana_fake import TOKEN, Fake
from tests.report_sample import ZONE, many

REFERENCE = Path(__file__).parents[2] / "shared" / "reference"
PLACE = Place("620000", "甘肃省", "620000", centres=True)
REAL = os.environ.get("ENERMON_TEST_GRAFANA", "")  # http://user:password@host:port of a Grafana that may be changed


@pytest.fixture
def grafana() -> Iterator[Fake]:
    with grafana_fake.running() as fake:
        yield fake


@pytest.fixture
def registered(dsn: str) -> Iterator[str]:
    """A database with the sample city. The role that a sync makes goes with the session's server."""
    with database.connect(dsn) as conn:
        grafana_sample.write(conn)
        conn.commit()
        yield dsn
        grafana_sample.wait_for_viewers(conn)


@pytest.fixture
def enermon(registered: str, tmp_path: Path, grafana: Fake, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The command, told where everything is."""
    told = {"DATABASE": registered, "DATA": str(tmp_path), "GRAFANA": grafana.url, "GRAFANA_TOKEN": TOKEN}
    for name, value in told.items():
        monkeypatch.setenv(f"ENERMON_{name}", value)

    def run(*words: str, code: int = 0, **settings: str) -> str:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in settings.items():
                patch.setenv(f"ENERMON_{name.upper()}", value)
            done = CliRunner().invoke(cli, ["grafana", "sync", *words], prog_name="enermon")
        assert done.exit_code == code, done.output
        return done.output

    return run


def counts(enermon: Any, *words: str, **settings: str) -> dict[str, int]:
    told: dict[str, int] = json.loads(enermon("--format", "json", *words, **settings).splitlines()[0])["counts"]
    return told


# What it makes ------------------------------------------------------------------------------------


def test_a_first_sync_makes_the_data_source_folders_and_dashboards(enermon: Any, grafana: Fake) -> None:
    output = enermon()
    assert set(grafana.sources) == {"enermon-postgresql"}
    assert set(grafana.folders) == {"enermon-620500"}
    assert set(grafana.dashboards) == {
        f"enermon-620500-{board}" for board in ("overview", "enterprise", "centre", "warnings", "quality")
    }
    assert {one["meta"]["folderUid"] for one in grafana.dashboards.values()} == {"enermon-620500"}
    assert output.splitlines()[-1] == "7 created, 0 changed, 0 unchanged, 0 removed."


def test_a_second_sync_changes_nothing(enermon: Any, grafana: Fake) -> None:
    enermon()
    grafana.exchanges.clear()
    assert enermon() == "0 created, 0 changed, 7 unchanged, 0 removed.\n"
    assert grafana.writes == []


def test_the_province_holds_its_cities_with_enterprises(enermon: Any, grafana: Fake, registered: str) -> None:
    with database.connect(registered) as conn:
        many(conn, "region (code, name, parent)", [("629100", "示例乙市", "620000"), ("629200", "示例丙市", "620000")])
        many(conn, "enterprise (code, name, region)", [("GS-X", "乙城示例（虚构）", "629100")])
    enermon()
    assert {uid: one.get("parentUid") for uid, one in grafana.folders.items()} == {
        "enermon-620000": None, "enermon-629100": "enermon-620000", "enermon-620500": "enermon-620000",
    }  # fmt: skip
    assert "enermon-620500-centre" in grafana.dashboards and "enermon-629100-centre" not in grafana.dashboards
    constants = {one["name"]: one["query"] for one in templating(grafana, "enermon-629100-overview")}
    assert constants["top"] == "629100"


def test_when_a_second_city_comes_the_first_ones_folder_moves_into_the_province(
    enermon: Any, grafana: Fake, registered: str
) -> None:
    enermon()
    with database.connect(registered) as conn:
        many(conn, "region (code, name, parent)", [("629100", "示例乙市", "620000")])
        many(conn, "enterprise (code, name, region)", [("GS-X", "乙城示例（虚构）", "629100")])
    enermon()
    assert grafana.folders["enermon-620500"]["parentUid"] == "enermon-620000"
    assert grafana.folders["enermon-620500"]["title"] == "天水市"
    assert counts(enermon)["unchanged"] == 18
    assert "changed" not in counts(enermon)


def test_what_is_no_longer_wanted_goes(enermon: Any, grafana: Fake, registered: str) -> None:
    with database.connect(registered) as conn:
        many(conn, "region (code, name, parent)", [("629100", "示例乙市", "620000")])
        many(conn, "enterprise (code, name, region)", [("GS-X", "乙城示例（虚构）", "629100")])
    enermon()
    with database.connect(registered) as conn:
        conn.execute("UPDATE enterprise SET status = 'closed' WHERE code = 'GS-X'")
    enermon()
    assert set(grafana.folders) == {"enermon-620500"}
    assert {one["meta"]["folderUid"] for one in grafana.dashboards.values()} == {"enermon-620500"}
    assert counts(enermon) == {"unchanged": 7}


def test_an_empty_registry_gives_a_data_source_and_says_so(enermon: Any, grafana: Fake, registered: str) -> None:
    with database.connect(registered) as conn:
        conn.execute("UPDATE enterprise SET status = 'closed'")
    assert "No enterprise is registered yet" in enermon()
    assert (set(grafana.sources), grafana.folders, grafana.dashboards) == ({"enermon-postgresql"}, {}, {})


def test_a_dry_run_tells_the_same_and_writes_nothing(
    enermon: Any, grafana: Fake, registered: str, tmp_path: Path
) -> None:
    would = enermon("--dry-run").splitlines()
    assert grafana.writes == []
    assert not (tmp_path / "grafana.json").exists()
    with database.connect(registered) as conn:
        roles = conn.execute("SELECT rolname FROM pg_roles WHERE rolname = %s", (viewer.role_of(conn),)).fetchall()
    assert roles == []
    did = enermon().splitlines()
    assert would[:-1] == did[:-1]
    assert would[-1] == f"Nothing was written. It would be: {did[-1]}"


def test_titles_come_in_the_other_language_when_it_is_asked_for(enermon: Any, grafana: Fake) -> None:
    enermon()
    assert grafana.dashboards["enermon-620500-warnings"]["dashboard"]["title"] == "天水市 · 预警"
    assert counts(enermon, "--language", "en") == {"unchanged": 1, "changed": 6}
    assert grafana.dashboards["enermon-620500-warnings"]["dashboard"]["title"] == "天水市 · Warnings"
    assert counts(enermon, language="en") == {"unchanged": 7}


# What belongs to others ---------------------------------------------------------------------------


def test_what_others_made_is_neither_changed_nor_removed(enermon: Any, grafana: Fake) -> None:
    grafana.put_folder("theirs", "运维")
    grafana.put_dashboard("copy", "天水市 · 预警 副本", "theirs", ["enermon"])  # saved as a copy: it keeps the tag
    grafana.put_dashboard("enermon-notes", "enermon 的笔记", "theirs", ["notes"])
    before = json.dumps([grafana.folders["theirs"], grafana.dashboards])
    enermon()
    enermon("--language", "en")
    after = {uid: grafana.dashboards[uid] for uid in ("copy", "enermon-notes")}
    assert json.dumps([grafana.folders["theirs"], after]) == before


def test_a_folder_in_which_others_put_something_stays_with_it(enermon: Any, grafana: Fake) -> None:
    grafana.put_folder("enermon-old", "旧地区")
    grafana.put_dashboard("enermon-old-overview", "旧总览", "enermon-old", ["enermon"])
    grafana.put_dashboard("their-board", "他们的看板", "enermon-old")
    grafana.put_folder("enermon-older", "更旧地区")
    grafana.panels_in["enermon-older"] = 1
    told = enermon()
    assert "kept folder enermon-old: 旧地区" in told and "kept folder enermon-older: 更旧地区" in told
    assert {"their-board"} == {uid for uid in grafana.dashboards if not uid.startswith("enermon-620500")}


def test_folders_inside_folders_go_from_the_inside(enermon: Any, grafana: Fake) -> None:
    grafana.put_folder("enermon-old", "旧省")
    grafana.put_folder("enermon-old-city", "旧市", "enermon-old")
    enermon()
    assert set(grafana.folders) == {"enermon-620500"}


def test_a_dashboard_with_our_uid_but_without_our_tag_is_not_ours(enermon: Any, grafana: Fake) -> None:
    grafana.put_dashboard("enermon-620500-quality", "别人的")
    told = enermon(code=1)
    assert "has no tag enermon, so it is not ours to change" in told
    assert grafana.dashboards["enermon-620500-quality"]["dashboard"]["title"] == "别人的"


def test_a_data_source_of_that_name_which_is_not_ours_is_told(enermon: Any, grafana: Fake) -> None:
    grafana.add_source({"uid": "theirs", "name": "Enermon", "type": "prometheus"})
    assert "refuses to add a data source: data source with the same name already exists." in enermon(code=1)
    assert grafana.sources["theirs"]["type"] == "prometheus"


def test_a_change_by_hand_is_put_right_and_what_grafana_adds_is_left(enermon: Any, grafana: Fake) -> None:
    enermon()
    board = grafana.dashboards["enermon-620500-overview"]["dashboard"]
    board["fiscalYearStartMonth"] = 0
    board["panels"][0]["pluginVersion"] = "11.4.0"
    assert counts(enermon) == {"unchanged": 7}
    board["panels"].pop()
    grafana.folders["enermon-620500"]["title"] = "改过"
    assert counts(enermon) == {"unchanged": 5, "changed": 2}
    assert len(grafana.dashboards["enermon-620500-overview"]["dashboard"]["panels"]) == len(BOARDS[0].panels)
    assert counts(enermon) == {"unchanged": 7}


def test_a_dashboard_that_was_moved_comes_back(enermon: Any, grafana: Fake) -> None:
    enermon()
    grafana.put_folder("theirs", "运维")
    grafana.dashboards["enermon-620500-overview"]["meta"]["folderUid"] = "theirs"
    assert counts(enermon)["changed"] == 1
    assert grafana.dashboards["enermon-620500-overview"]["meta"]["folderUid"] == "enermon-620500"


# The data source and its role ---------------------------------------------------------------------


def secret(grafana: Fake) -> dict[str, Any]:
    bodies = [each.body for each in grafana.exchanges if each.path.startswith("/datasources") and each.body]
    found: dict[str, Any] = bodies[-1]
    return found


def test_the_data_source_comes_in_with_the_role_that_only_looks(enermon: Any, grafana: Fake, registered: str) -> None:
    enermon()
    body = secret(grafana)
    with psycopg.connect(registered) as conn:
        assert body["user"] == viewer.role_of(conn) == f"{conn.info.dbname}_grafana"
        assert (body["url"], body["jsonData"]["database"]) == (f"{conn.info.host}:{conn.info.port}", conn.info.dbname)
        assert body["jsonData"]["sslmode"] == "disable"
    own = Viewer(body["user"], body["secureJsonData"]["password"])
    assert viewer.may_enter(registered, own)
    assert not viewer.may_enter(registered, Viewer(own.role, "something else"))


def test_the_password_is_kept_for_the_owner_alone_and_used_again(enermon: Any, grafana: Fake, tmp_path: Path) -> None:
    enermon()
    file = tmp_path / "grafana.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert json.loads(file.read_text())["password"] == secret(grafana)["secureJsonData"]["password"]
    del grafana.sources["enermon-postgresql"]
    first = secret(grafana)
    enermon()
    assert secret(grafana) == first


def test_when_the_data_folder_is_lost_role_and_data_source_get_another_password(
    enermon: Any, grafana: Fake, registered: str, tmp_path: Path
) -> None:
    enermon()
    before = secret(grafana)["secureJsonData"]["password"]
    (tmp_path / "grafana.json").unlink()
    assert counts(enermon)["changed"] == 1
    after = secret(grafana)
    assert after["secureJsonData"]["password"] != before
    assert viewer.may_enter(registered, Viewer(after["user"], after["secureJsonData"]["password"]))
    assert counts(enermon) == {"unchanged": 7}


def test_a_password_of_the_operators_own_is_taken(enermon: Any, grafana: Fake, registered: str, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("the operator's own\n")
    enermon(grafana_database_password_file=str(file), grafana_database="db.example.org:5432")
    body = secret(grafana)
    assert (body["secureJsonData"]["password"], body["url"]) == ("the operator's own", "db.example.org:5432")
    assert viewer.may_enter(registered, Viewer(body["user"], "the operator's own"))


@pytest.fixture
def landlord(postgres: str, dsn: str) -> Iterator[str]:
    """The DSN of a database whose owner may make no roles."""
    with psycopg.connect(postgres, autocommit=True) as conn:
        conn.execute("CREATE ROLE plain_owner LOGIN PASSWORD 'plain'")
        conn.execute("GRANT plain_owner TO CURRENT_USER WITH INHERIT TRUE, SET TRUE")
        conn.execute("CREATE DATABASE landlord OWNER plain_owner")
        yield re.sub(r"//[^@]+@", "//plain_owner:plain@", of_database(postgres, "landlord"))
        grafana_sample.wait_for_viewers(conn)
        conn.execute("DROP DATABASE landlord WITH (FORCE)")
        conn.execute("DROP ROLE IF EXISTS landlord_grafana")
        conn.execute("DROP ROLE plain_owner")


def test_a_database_user_who_may_make_no_roles_is_told_what_to_have_run(
    enermon: Any, grafana: Fake, landlord: str, postgres: str
) -> None:
    told = enermon(code=1, database=landlord)
    assert "The database user plain_owner may not make roles." in told
    assert "set grafana_database_password" in told
    asked = [line.strip() for line in told.splitlines() if line.startswith("  ")]
    assert asked[0].startswith('CREATE ROLE "landlord_grafana" LOGIN')
    assert grafana.writes == []
    with psycopg.connect(postgres, autocommit=True) as conn:  # an administrator does as told
        for line in asked:
            conn.execute(line.replace("<a password>", "given").encode())
    enermon(database=landlord, grafana_database_password="given")
    assert viewer.may_enter(landlord, Viewer("landlord_grafana", "given"))


def test_a_view_that_comes_later_is_seen_after_the_next_sync(enermon: Any, grafana: Fake, registered: str) -> None:
    enermon()
    with psycopg.connect(registered, autocommit=True) as conn:
        conn.execute("CREATE VIEW grafana.later AS SELECT 1 AS x")
    enermon()
    body = secret(grafana)
    address = psycopg.conninfo.make_conninfo(registered, user=body["user"], password=body["secureJsonData"]["password"])
    with psycopg.connect(address) as conn:
        assert conn.execute("SELECT x FROM grafana.later").fetchone() == (1,)


def test_a_database_that_grafana_cannot_reach_is_told(enermon: Any, grafana: Fake) -> None:
    grafana.database_complaint = "dial tcp 127.0.0.1:5432: connect: connection refused"
    told = enermon()
    assert "Grafana cannot reach the database at 127.0.0.1:" in told and "set grafana_database" in told


# What goes wrong ----------------------------------------------------------------------------------


def test_user_and_password_in_the_address_do_as_well(enermon: Any, grafana: Fake) -> None:
    enermon(grafana=grafana.url.replace("//", "//admin:s3cret%2F%40@"), grafana_token="")
    assert len(grafana.dashboards) == 5


@pytest.mark.parametrize(("settings", "told"), [
    ({"grafana": ""}, "No Grafana is named: set grafana to its address"),
    ({"grafana_token": ""}, "there is no account: set grafana_token"),
    ({"grafana_token": "wrong"}, "does not let us in: grafana_token, or user and password in grafana, are wrong."),
    ({"grafana": "http://127.0.0.1:9/"}, "Grafana at http://127.0.0.1:9 does not answer: Connection refused."),
])  # fmt: skip
def test_one_sentence_says_why_we_do_not_come_in(
    enermon: Any, grafana: Fake, settings: dict[str, str], told: str
) -> None:
    output = enermon(code=1, **settings)
    assert told in output and len(output.splitlines()) == 1
    assert grafana.writes == []


def test_an_address_at_which_there_is_no_grafana_is_told(enermon: Any, grafana: Fake) -> None:
    told = enermon(code=1, grafana=grafana.url.removesuffix("/grafana"))
    assert "is no Grafana" in told and len(told.splitlines()) == 1


def test_an_account_that_may_only_look_is_told_what_it_lacks(enermon: Any, grafana: Fake) -> None:
    grafana.role = "Viewer"
    told = enermon(code=1)
    assert "lets us in, but not to read data sources" in told and "the account needs the role Admin" in told


def test_a_grafana_that_is_too_old_is_told_before_anything_is_written(enermon: Any, grafana: Fake) -> None:
    grafana.version = "10.4.3"
    assert "is version 10.4.3; 11 or newer is needed." in enermon(code=1)
    assert grafana.writes == []


def test_without_the_client_package_a_sentence_says_what_to_install(
    enermon: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(name: str) -> Any:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr("deploy.grafana.server.import_module", absent)
    assert "The package grafana-client is missing; install it with pip install 'enermon[grafana]'." in enermon(code=1)


def test_the_client_is_imported_by_nothing_but_a_sync() -> None:
    """It replaces urllib3 for the whole environment, so nobody else should wait for it."""
    import subprocess
    import sys

    asked = "import sys, enermon.commands.grafana; print('grafana_client' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_no_password_or_token_is_ever_said(enermon: Any, grafana: Fake, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        said = (
            enermon() + enermon("--format", "json", "--language", "en") + enermon(code=1, grafana="http://127.0.0.1:9")
        )
    said += caplog.text
    assert TOKEN not in said and secret(grafana)["secureJsonData"]["password"] not in said


# Against the descriptions of the real one ---------------------------------------------------------


def reference(name: str) -> Any:
    file = REFERENCE / name
    if not file.exists():
        pytest.skip(f"the description of Grafana (../shared/reference/{name}) is not on this machine")
    return json.loads(gzip.decompress(file.read_bytes()))


def busy_server(enermon: Any, grafana: Fake) -> None:
    """Every kind of request once: made, changed, moved, removed, found wanting."""
    grafana.put_folder("enermon-old", "旧省")
    grafana.put_dashboard("enermon-old-overview", "旧总览", "enermon-old", ["enermon"])
    enermon()
    grafana.put_folder("theirs", "运维")
    grafana.folders["enermon-620500"] |= {"title": "改过", "parentUid": "theirs"}
    del grafana.sources["enermon-postgresql"]["secureJsonFields"]["password"]
    enermon("--language", "en")


def test_every_request_is_one_of_the_description_and_every_answer_of_the_fake_too(enermon: Any, grafana: Fake) -> None:
    described = reference("grafana-openapi.json.gz")
    busy_server(enermon, grafana)
    kinds = set()
    for each in grafana.exchanges:
        if each.path == "/frontend/settings":
            continue  # not in the description: it is what grafana-client asks the version of
        path = template_of(each.path, described["paths"])
        operation = described["paths"][path][each.method.lower()]
        parameters = operation.get("parameters", [])
        assert set(each.query) <= {one["name"] for one in parameters if one["in"] == "query"}
        bodies = [one["schema"] for one in parameters if one["in"] == "body"]
        if bodies:
            assert mistakes(each.body, bodies[0], described) == [], each
            assert unknown_keys(each.body, bodies[0], described) == [], each
        if each.status == 200:
            answer = described["responses"][operation["responses"]["200"]["$ref"].rsplit("/", 1)[1]]
            assert mistakes(each.answer, answer["schema"], described) == [], each
        kinds.add((each.method, path))
    assert {("POST", "/datasources"), ("PUT", "/datasources/uid/{uid}"), ("POST", "/folders"),
            ("PUT", "/folders/{folder_uid}"), ("POST", "/folders/{folder_uid}/move"), ("POST", "/dashboards/db"),
            ("DELETE", "/folders/{folder_uid}"), ("DELETE", "/dashboards/uid/{uid}")} <= kinds  # fmt: skip
    assert not [path for _, path in kinds if "/{id}" in path], "everything by uid"


def template_of(path: str, paths: Mapping[str, Any]) -> str:
    """The described path that this one is, the one with the fewest holes."""
    fits = [one for one in paths if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", one), path)]
    return min(fits, key=lambda one: one.count("{"))


def mistakes(value: Any, schema: Any, described: Mapping[str, Any]) -> list[str]:
    """What is wrong with a body."""
    validator = Draft4Validator({**schema, "definitions": described["definitions"]})
    return [error.message for error in validator.iter_errors(value)]


def unknown_keys(value: Any, schema: Any, described: Mapping[str, Any]) -> list[str]:
    """Keys of a request that the description does not have."""
    name = schema.get("$ref", "").rsplit("/", 1)[-1]
    known = described["definitions"].get(name, {}).get("properties")
    return sorted(set(value) - set(known)) if known and isinstance(value, dict) else []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("board", BOARDS, ids=[board.name for board in BOARDS])
def test_every_dashboard_and_panel_fits_its_schema(board: Any, language: str) -> None:
    schemas = reference("grafana-jsonschemas.json.gz")
    cells = schemas["table"]["definitions"]["TableCellOptions"]
    cells["anyOf"] = cells.pop("oneOf")  # several of them fit every cell, as written
    body = dashboard(board, PLACE, Words(language), ZONE.key)
    for name, key in (("MatcherConfig", "options"), ("DynamicConfigValue", "value")):
        schemas["dashboard"]["definitions"][name]["properties"][key] = {}  # says object where Grafana means anything
    whole = Draft7Validator(schemas["dashboard"])
    assert [f"{list(error.path)}: {error.message}" for error in whole.iter_errors(body)] == []
    for panel in body["panels"]:
        known = schemas[panel["type"]]["definitions"]
        for part, value in (("Options", panel["options"]), ("FieldConfig", panel["fieldConfig"]["defaults"]["custom"])):
            if part in known:
                schema = {"definitions": known, **known[part]}
                assert [
                    f"{panel['title']}: {error.message}" for error in Draft7Validator(schema).iter_errors(value)
                ] == []


# The dashboards themselves ------------------------------------------------------------------------


def templating(grafana: Fake, uid: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = grafana.dashboards[uid]["dashboard"]["templating"]["list"]
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_names_lead_to_dashboards_that_exist_with_what_was_chosen(language: str) -> None:
    bodies = [dashboard(board, PLACE, Words(language), ZONE.key) for board in BOARDS]
    uids = {body["uid"] for body in bodies}
    text = json.dumps(bodies)
    assert set(re.findall(r"/d/([\w-]+)", text)) == uids
    assert "var-enterprise=${__data.fields.code}&var-month=${month}&var-basis=${basis}&${__url_time_range}" in text


def test_panels_do_not_overlap_and_have_numbers_of_their_own() -> None:
    for board in BOARDS:
        panels = dashboard(board, PLACE, Words("zh"), ZONE.key)["panels"]
        assert len({panel["id"] for panel in panels}) == len(panels)
        cells = [
            (x, y)
            for panel in panels
            for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
            for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
        ]
        assert len(cells) == len(set(cells)) and max(x for x, _ in cells) < 24


def test_every_time_series_but_those_of_warnings_carries_warnings_as_marks() -> None:
    for board in BOARDS:
        marks = dashboard(board, PLACE, Words("zh"), ZONE.key)["annotations"]["list"]
        asked = [mark["target"]["rawSql"] for mark in marks if "target" in mark]
        assert len(asked) == (0 if board.name == "warnings" else 2)


def test_every_word_is_there_in_both_languages_and_is_used() -> None:
    """A code or a flag may wait for the data; a title that no dashboard shows is a mistake."""
    shown = {language: json.dumps([dashboard(board, PLACE, Words(language), ZONE.key) for board in BOARDS],
                                  ensure_ascii=False) for language in LANGUAGES}  # fmt: skip
    for kind, words in tables().items():
        for name, pair in words.items():
            assert len(pair) == 2 and all(pair), f"{kind}.{name}"
            if kind in ("panel", "column", "dashboard", "variable", "note"):
                assert all(
                    json.dumps(word, ensure_ascii=False)[1:-1] in shown[at]
                    for at, word in zip(LANGUAGES, pair, strict=True)
                ), name


def test_every_quality_flag_has_a_word() -> None:
    assert set(quality.names(sum(Flag))) == set(tables()["flag"])


# Regions ------------------------------------------------------------------------------------------


def region(code: str, parent: str | None, units: int = 0, centres: bool = False) -> Region:
    return Region(code, f"名{code}", parent, units, centres)


def test_the_top_is_the_smallest_region_with_every_enterprise_inside() -> None:
    nation = [
        region("000000", None), region("620000", "000000"), region("629100", "620000"),
        region("620102", "629100", 3, True), region("620500", "620000", 2), region("630000", "000000"),
    ]  # fmt: skip
    assert [(place.code, place.centres) for place in places(nation)] == [
        ("620000", True),
        ("629100", True),
        ("620500", False),
    ]
    assert [place.code for place in places([*nation[:5], region("630000", "000000", 1)])] == [
        "000000",
        "620000",
        "630000",
    ]
    assert [place.code for place in places([region("620500", None, 4)])] == ["620500"]
    assert places([region("620500", None)]) == []


def test_a_code_that_no_uid_can_hold_stands_there_by_its_digest() -> None:
    assert key_of("620500") == "620500"
    for code in ("a.b", "x" * 40, "市"):
        assert re.fullmatch(r"[0-9a-f]{16}", key_of(code))
    longest = Place("x" * 64, "", key_of("y" * 20), True)
    assert max(len(longest.uid(board.name)) for board in BOARDS) <= 40


# A real one ---------------------------------------------------------------------------------------


@pytest.mark.skipif(not REAL, reason="ENERMON_TEST_GRAFANA names no Grafana")
def test_a_real_grafana_takes_it_all_and_a_second_sync_changes_nothing(enermon: Any) -> None:
    enermon(grafana=REAL, grafana_token="")
    again = counts(enermon, grafana=REAL, grafana_token="")
    assert set(again) == {"unchanged"}


def test_the_sample_is_whole(conn: Connection) -> None:
    """What these tests rest on."""
    grafana_sample.write(conn)
    assert conn.execute("SELECT count(*) FROM alert_event WHERE event <> 'comment'").fetchone() == (5,)

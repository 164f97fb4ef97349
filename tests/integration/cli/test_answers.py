"""How commands take what they are answered: by an empty house, by a stranger, and by their own surroundings."""

import importlib.metadata
import json

import pytest

from tests.integration.cli.typed import place, typed
from tests.integration.migrations.databases import bring_up
from toolcrib.migrations import fresh


def test_every_list_of_an_empty_house_says_how_to_fill_it(serve, tmp_path):
    server = serve()
    env = {"TOOLCRIB_DATA_DIR": str(server.data_dir), "TOOLCRIB_PORT": str(server.port)}
    said = {noun: typed(noun, "list", env=env) for noun in ("tools", "executions", "secrets")}
    assert {noun: (done.exit_code, done.stdout, done.stderr) for noun, done in said.items()} == {
        "tools": (0, "", "no tools; register one with: toolcrib tools register FILE\n"),
        "executions": (0, "", "no calls; make one with: toolcrib call TOOL\n"),
        "secrets": (0, "", "no secrets; set one with: toolcrib secrets set NAME\n"),
    }


def test_a_page_that_is_no_json_is_a_strangers(answering, tmp_path):
    url = answering(200, b"<html>hello</html>")
    done = typed("--url", url, "tools", "list", env=place(tmp_path))
    assert (done.exit_code, done.stdout) == (7, "")
    assert f"{url} answers with status 200, but not as Toolcrib does" in done.stderr


def test_where_a_stranger_points_is_told_and_not_followed(answering, tmp_path):
    url = answering(302, b"{}", Location="http://127.0.0.1:1/login")
    done = typed("--url", url, "tools", "list", env=place(tmp_path))
    assert done.exit_code == 7
    assert "answers with status 302 and points to http://127.0.0.1:1/login" in done.stderr


def test_an_answer_of_another_version_is_named_and_can_still_be_printed(answering, tmp_path):
    url = answering(200, b'{"something": "else"}')
    words = typed("--url", url, "tools", "list", env=place(tmp_path))
    assert (words.exit_code, words.stdout) == (1, "")
    assert "UNEXPECTED_ANSWER" in words.stderr
    assert "next: compare the versions of server and CLI; --json prints the answer" in words.stderr
    as_json = typed("--url", url, "tools", "list", "--json", env=place(tmp_path))
    assert (as_json.exit_code, as_json.stdout) == (0, '{"something": "else"}\n')


def test_a_server_whose_database_is_away_is_not_well(answering, tmp_path):
    done = typed("--url", answering(200, b'{"db": "away"}'), "doctor", "--json", env=place(tmp_path))
    [server] = [one for one in json.loads(done.stdout)["checks"] if one["check"] == "server"]
    assert (done.exit_code, server["next_step"]) == (7, "look at the server's log")


def test_the_doctor_finds_a_new_machine_well_but_for_the_server(database_url, tmp_path):
    checks = doctor(place(tmp_path, TOOLCRIB_DATABASE_URL=database_url))
    assert checks["database"] == (True, "it is empty; toolcrib serve brings it up")
    assert checks["data directory"] == (True, f"{tmp_path / 'data'} does not exist; toolcrib serve makes it")
    assert checks["server"][0] is False


@pytest.mark.parametrize(
    ("days", "said"),
    [
        ("", "off: by this shell's settings no input"),
        ("1", "deleted after 1 day"),
        ("90", "deleted after 90 days"),
    ],
)
def test_the_doctor_tells_for_how_long_payloads_are_kept(tmp_path, days, said):
    well, found = doctor(place(tmp_path, TOOLCRIB_RETENTION_DAYS=days))["retention"]
    assert (well, said in found) == (True, True)


def test_the_doctor_knows_its_own_schema(database_url, tmp_path):
    bring_up(database_url)
    found = doctor(place(tmp_path, TOOLCRIB_DATABASE_URL=database_url))["database"]
    assert found == (True, f"it has schema {fresh.HEAD}, as this program")


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", (True, "it is empty; toolcrib serve brings it up")),
        (b"no database at all, but long enough to be read as one" * 20, (False, "file is not a database")),
    ],
    ids=["empty file", "something else"],
)
def test_the_doctor_tells_an_empty_file_from_one_that_is_no_database(tmp_path, content, found):
    (tmp_path / "file.db").write_bytes(content)
    well, said = doctor(place(tmp_path, TOOLCRIB_DATABASE_URL=f"sqlite:///{tmp_path / 'file.db'}"))[
        "database"
    ]
    assert (well, found[1] in said) == (found[0], True)


def doctor(env) -> dict:
    checks = json.loads(typed("doctor", "--json", env=env).stdout)["checks"]
    return {one["check"]: (one["ok"], one["found"]) for one in checks}


def test_a_key_that_cannot_be_read_is_named_before_anything_is_asked(tmp_path):
    (tmp_path / "data" / "owner.key").mkdir(parents=True)
    done = typed("tools", "list", env=place(tmp_path))
    assert done.exit_code == 2
    assert f"the key in {tmp_path / 'data' / 'owner.key'} cannot be read" in done.stderr
    assert "next: set TOOLCRIB_API_KEY" in done.stderr


def test_a_setting_that_cannot_be_is_named_where_the_key_is_looked_for(tmp_path):
    done = typed("tools", "list", env=place(tmp_path, TOOLCRIB_ENV="sandbox"))
    assert (done.exit_code, done.stdout) == (2, "")
    assert "TOOLCRIB_ENV must be development or production" in done.stderr


def test_the_version_is_the_packages(tmp_path):
    done = typed("--version", env={})
    assert (done.exit_code, done.stdout) == (0, f"toolcrib {importlib.metadata.version('toolcrib')}\n")


@pytest.mark.parametrize(
    ("setting", "value", "told"),
    [
        ("ALLOW", "", "tools may call public addresses over https, and nothing private"),
        ("ALLOW", "127.0.0.1:8010", "public addresses over https, also over http: 127.0.0.1 on port 8010"),
        ("ALLOW", "10.0.0.0/8,*.corp.example:80", "all of 10.0.0.0/8 (10.0.0.0 to 10.255.255.255) on any port; every host below corp.example on port 80"),
        ("ALLOW", "nas.local", "nas.local on any port"),
        ("ALLOW", "10.0.0.0/33", "'10.0.0.0/33' is not an address"),
        ("CA", "/none.pem", "/none.pem holds no certificates"),
        ("PROXY", "http://ann:hunter2@proxy.corp:3128", "and nothing private; all of it through the proxy proxy.corp:3128"),
        ("PROXY", "ann:hunter2@proxy.corp:3128", "TOOLCRIB_EGRESS_PROXY cannot be read"),
    ],
)  # fmt: skip
def test_the_doctor_says_in_words_what_tools_may_call(tmp_path, setting, value, told):
    well, found = doctor(place(tmp_path, **{f"TOOLCRIB_EGRESS_{setting}": value}))["egress"]
    unfit = ("10.0.0.0/33", "/none.pem", "ann:hunter2@proxy.corp:3128")
    assert (well, told in found, "hunter2" in found) == (value not in unfit, True, False)


def test_the_doctor_takes_certificates_that_are_some(tmp_path):
    import certifi

    assert doctor(place(tmp_path, TOOLCRIB_EGRESS_CA=certifi.where()))["egress"][0]


def test_the_doctor_names_a_setting_that_nobody_reads(tmp_path):
    env = place(tmp_path, TOOLCRIB_PROT="1", TOOLCRIB_XYZZY="1")
    found = [
        one
        for one in json.loads(typed("doctor", "--json", env=env).stdout)["checks"]
        if one["check"] == "settings"
    ]
    assert [(one["ok"], one["found"].split()[0], one["next_step"]) for one in found] == [
        (False, "TOOLCRIB_PROT", "write TOOLCRIB_PORT"), (False, "TOOLCRIB_XYZZY", "unset TOOLCRIB_XYZZY"),
    ]  # fmt: skip

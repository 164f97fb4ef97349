"""The CLI against a real server: every command, in the words a user sees, with the exit code a script sees."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.shell import Shell
from tests.support.server import Server, start_server
from tests.support.upstream import Upstream, run_upstream

EVIL = "\x1b]0;owned\x07 invoice\u202efdp.exe \x9b31m"


@pytest.fixture(scope="module")
def upstream_here() -> Iterator[Upstream]:
    with run_upstream() as running:
        yield running


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, upstream_here: Upstream) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("cli")
    with start_server(folder / "data", {"TOOLCRIB_EGRESS_ALLOW": upstream_here.host}) as started:
        for name, more in TOOLS.items():
            config = tool(name, upstream_here.url, **more)
            assert started.client.call("POST", "/api/v1/tools", config).status == 201
        yield started


@pytest.fixture(scope="module")
def shell(server: Server) -> Shell:
    return Shell.beside(server)


TOOLS = {
    "echo.get": {"path": "echo"},
    "down.now": {"path": "status/500"},
    "wrong.shape": {"path": "echo", "output_schema": {"type": "object", "required": ["never"]}},
    "keyed.get": {"path": "echo", "auth": {"method": "api_key_header", "secret_ref": "${NOT_SET}"}},
    "shop.off": {"path": "echo", "enabled": False},
    "evil.text": {"path": "echo", "description": EVIL},
}


def tool(name: str, url: str, path: str = "echo", auth: dict | None = None, **more) -> dict:
    closed = {
        "type": "object",
        "properties": {"n": {"type": "number"}, "t": {"type": "string"}},
        "additionalProperties": False,
    }
    api = {"base_url": url, "path": path, **({"auth": auth} if auth else {})}
    return {"name": name, "description": "A test's tool.", "input_schema": closed, "api": api, **more}


def test_a_tool_goes_from_its_file_to_its_record(shell, upstream_here, tmp_path):
    config = tool(
        "tides.now",
        upstream_here.url,
        path="echo",
        auth={"method": "api_key_header", "secret_ref": "${TIDE_KEY}"},
    )
    (tmp_path / "tides.json").write_text(json.dumps(config))
    assert shell.run("tools", "register", str(tmp_path / "tides.json")).out.startswith(
        "registered tides.now 1.0.0 as tool_"
    )
    assert shell.run("secrets", "set", "TIDE_KEY", stdin=b"a-long-enough-key\n").out == "set TIDE_KEY\n"
    called = shell.run(
        "call", "tides.now", "-i", "n=3", "-i", "t=high", "--subject", "company:42", "--exception-id", "E-1"
    )
    assert (called.exit, called.json["query"], called.err) == (0, {"n": "3", "t": "high"}, "")
    assert "a-long-enough-key" not in called.out
    assert ("X-API-Key", "a-long-enough-key") in upstream_here.requests("/echo")[-1].headers
    listed = shell.run(
        "executions", "list", "--exception-id", "E-1", "--tool", "tides.now", "--subject", "company:42"
    )
    [row] = listed.rows
    shown = shell.run("executions", "show", row[0]).out
    assert re.search(r"^status +succeeded$", shown, re.MULTILINE)
    assert re.search(r"^subject +company:42$", shown, re.MULTILINE)
    assert '"t": "high"' in shown


def test_json_is_byte_for_byte_what_the_api_answers(shell, server):
    for path, arguments in {
        "/tools?limit=2": ("tools", "list", "--limit", "2"),
        "/tools/echo.get": ("tools", "show", "echo.get"),
        "/keys": ("keys", "list"),
        "/secrets": ("secrets", "list"),
        "/tools/executions/none": ("executions", "show", "none"),
    }.items():
        assert shell.run(*arguments, "--json").raw == server.client.call("GET", f"/api/v1{path}").body + b"\n"


def test_the_options_for_all_commands_stand_before_or_after_the_command(shell, server):
    elsewhere = shell.having(TOOLCRIB_PORT="1")
    before = elsewhere.run("--url", server.url, "--json", "tools", "list")
    after = elsewhere.run("tools", "list", "--json", "--url", server.url + "/")
    by_environment = elsewhere.having(TOOLCRIB_URL=server.url).run("tools", "list", "--json")
    assert before.exit == 0
    assert before.raw == after.raw == by_environment.raw


@pytest.mark.parametrize(
    ("arguments", "exit_code", "said"),
    [
        (("call", "echo.get", "-i", "n=x"), 2, "VALIDATION_ERROR"),
        (("call", "echo.get", "--input", "{"), 2, "USAGE"),
        (("call", "echo.get", "--nonsense"), 2, "No such option"),
        (("frobnicate",), 2, "No such command"),
        (("executions", "list", "--from", "yesterday"), 2, "/query/from"),
        (("call", "shop.off"), 3, "next: an admin enables it with: toolcrib tools enable shop.off"),
        (("tools", "validate", "shop.off"), 3, "TOOL_DISABLED"),
        (("call", "nobody.knows"), 4, "next: toolcrib tools list"),
        (("executions", "show", "exe_none"), 4, "next: toolcrib executions list"),
        (("keys", "revoke", "none"), 4, "next: toolcrib keys list"),
        (("secrets", "delete", "NONE"), 4, "next: toolcrib secrets list"),
        (("call", "keyed.get"), 5, "next: toolcrib secrets set NOT_SET"),
        (("call", "down.now"), 6, "UPSTREAM_ERROR"),
        (("call", "wrong.shape"), 6, "INVALID_OUTPUT"),
        (("--url", "http://127.0.0.1:1", "tools", "list"), 7, "next: start a server with: toolcrib serve"),
        (("--url", "nonsense", "tools", "list"), 2, "is not the address of a server"),
    ],
)
def test_a_refusal_has_its_exit_code_and_says_what_to_do(shell, arguments, exit_code, said):
    done = shell.run(*arguments)
    assert (done.exit, done.out) == (exit_code, "")
    assert said in done.err
    assert "Traceback" not in done.err


def test_every_fault_is_listed_with_its_place(shell, tmp_path):
    (tmp_path / "bad.json").write_text('{"name": "x", "input_schema": {}, "api": {"base_url": 3}}')
    done = shell.run("tools", "register", str(tmp_path / "bad.json"))
    assert done.exit == 2
    assert "/description: " in done.err
    assert "/api/base_url: " in done.err


def test_one_refused_file_does_not_keep_back_the_others(shell, upstream_here, tmp_path):
    (tmp_path / "bad.json").write_text("{")
    (tmp_path / "good.json").write_text(json.dumps(tool("late.comer", upstream_here.url)))
    done = shell.run(
        "tools", "register", *(str(tmp_path / name) for name in ("bad.json", "good.json", "absent.json"))
    )
    assert (done.exit, done.out.count("registered late.comer")) == (2, 1)
    assert "bad.json: VALIDATION_ERROR" in done.err
    assert "absent.json: USAGE" in done.err


def test_a_taken_name_exits_as_a_clash(shell, upstream_here, tmp_path):
    (tmp_path / "again.json").write_text(json.dumps(tool("echo.get", upstream_here.url)))
    assert shell.run("tools", "register", str(tmp_path / "again.json")).exit == 5


def test_a_config_comes_from_stdin(shell, upstream_here):
    config = json.dumps(tool("piped.tool", upstream_here.url)).encode()
    assert shell.run("tools", "register", "-", stdin=config).exit == 0
    assert shell.run("call", "piped.tool", "--input", "@-", stdin=b'{"n": 7}').json["query"] == {"n": "7"}


def test_a_failed_command_prints_the_apis_json_when_asked_and_words_beside_it(shell):
    done = shell.run("call", "down.now", "--json")
    assert (done.exit, done.json["error"]["code"], done.json["status"]) == (6, "UPSTREAM_ERROR", "failed")
    assert f"execution: {done.json['execution_id']}" in done.err


def test_a_disabled_tool_is_enabled_and_disabled_again(shell):
    assert shell.run("tools", "enable", "shop.off").out == "shop.off is enabled\n"
    assert shell.run("tools", "validate", "shop.off", "-i", "n=1").out == "valid, and you may call it\n"
    assert shell.run("tools", "disable", "shop.off").out == "shop.off is disabled\n"
    assert "shop.off" not in shell.run("tools", "list", "--status", "enabled").out
    assert "shop.off" in shell.run("tools", "list", "--status", "disabled", "-q", "SHOP").out
    assert "shop.off" not in shell.run("tools", "list", "--tag", "of-none").out


def test_validate_lists_the_faults_and_runs_nothing(shell, upstream_here):
    upstream_here.clear()
    done = shell.run("tools", "validate", "echo.get", "-i", "n=x", "-i", "other=1")
    assert (done.exit, "/n: " in done.err) == (2, True)
    assert upstream_here.requests("/echo") == []


def test_validate_warns_of_a_secret_that_is_not_set(shell):
    done = shell.run("tools", "validate", "keyed.get")
    assert (done.exit, done.out) == (0, "valid, and you may call it\n")
    assert done.err.startswith("warning: SECRET_NOT_FOUND The secret NOT_SET is not set in this workspace.")


def test_a_key_for_a_tool_that_is_not_there_is_made_with_a_warning(shell):
    done = shell.run("keys", "create", "early", "--tool", "to.come", "--tool", "echo.get")
    assert (done.exit, "tcb_" in done.out) == (0, True)
    [warning] = [line for line in done.err.splitlines() if line.startswith("warning: ")]
    assert warning.startswith("warning: NOT_FOUND There is no tool to.come here.")


def test_a_measurement_shows_how_far_it_is_on_a_terminal_alone(shell):
    bench = ("bench", "echo.get", "-i", "n=1", "--seconds", "2", "--connections", "2")
    seen = shell.on_terminal(*bench)
    assert re.search(r"\r1 of 2 s, \d+ calls", seen.out)
    assert re.search(r"calls/s\S* +\S*\d", seen.out)
    assert (seen.exit, shell.run(*bench, "--json").err) == (0, "")


def test_a_call_of_high_impact_is_shown_first_and_done_when_told_to(shell, server, upstream_here):
    config = tool("ship.sell", upstream_here.url, impact="high")
    assert server.client.call("POST", "/api/v1/tools", config).status == 201
    before = len(upstream_here.journal)
    shown = shell.run("call", "ship.sell", "-i", "n=1")
    assert (shown.exit, shown.json["request"]["method"]) == (0, "GET")
    told = "a dry run: nothing was done; --no-dry-run does it, or asks for the approval that it needs\n"
    assert shown.err == told
    assert shell.run("call", "echo.get", "-i", "n=1", "--dry-run").json["dry_run"] is True
    asked = shell.run("call", "ship.sell", "-i", "n=1", "--no-dry-run")
    assert (asked.exit, "a person has to agree" in asked.err) == (8, True)
    assert len(upstream_here.journal) == before
    approval = asked.err.split()[-1]
    assert shell.run("approvals", "approve", approval, "--yes").json["query"] == {"n": "1"}
    assert len(upstream_here.journal) == before + 1


def test_a_person_at_a_terminal_sees_the_call_and_is_asked(shell, server, upstream_here):
    config = tool("ship.burn", upstream_here.url, impact="high")
    assert server.client.call("POST", "/api/v1/tools", config).status == 201
    asked = shell.run("call", "ship.burn", "-i", "n=77", "--no-dry-run", "--json").json
    approve, before = ("approvals", "approve", asked["approval_id"]), len(upstream_here.journal)
    left = shell.on_terminal(*approve, typed="n", prompt="[y/N]")
    assert (left.exit, "nothing was decided" in left.out) == (1, True)
    assert f"{upstream_here.url}/echo?n=77" in left.out
    assert len(upstream_here.journal) == before
    done = shell.on_terminal(*approve, typed="y", prompt="[y/N]")
    assert (done.exit, '"n": "77"' in done.out.partition("[y/N]")[2]) == (0, True)
    assert len(upstream_here.journal) == before + 1
    late = shell.on_terminal(*approve)
    assert (late.exit, "[y/N]" in late.out, "it has ended; toolcrib approvals show" in late.out) == (
        5,
        False,
        True,
    )


def test_a_key_calls_its_tool_alone_until_it_is_revoked(shell):
    made = shell.run(
        "keys", "create", "clerk", "--tool", "echo.get", "--expires-at", "2099-01-01T00:00:00Z", "--json"
    ).json
    clerk = shell.having(TOOLCRIB_API_KEY=made["key"])
    assert clerk.run("call", "echo.get", "-i", "n=1").exit == 0
    assert clerk.run("call", "down.now").exit == 3
    [row] = [line for line in shell.run("keys", "list").rows if line[0] == made["id"]]
    assert row[1:5] == ["clerk", "agent", "member", "echo.get"]
    assert shell.run("keys", "revoke", made["id"]).out == f"revoked {made['id']}\n"
    refused = clerk.run("call", "echo.get", "-i", "n=1")
    assert (refused.exit, "UNAUTHORIZED" in refused.err, made["key"] in refused.err) == (3, True, False)


def test_a_new_key_is_shown_with_the_warning_that_it_is_not_shown_again(shell):
    done = shell.run("keys", "create", "spare")
    assert re.search(r"^key +tcb_\S+$", done.out, re.MULTILINE)
    assert "not shown again" in done.err


def test_without_a_key_the_places_that_were_looked_at_are_named(shell, tmp_path):
    done = shell.having(TOOLCRIB_DATA_DIR=str(tmp_path / "none")).run("tools", "list")
    assert (done.exit, str(tmp_path / "none" / "owner.key") in done.err) == (3, True)


def test_pages_follow_each_other_to_the_end(shell):
    names, cursor = [], ()
    while True:
        page = shell.run("tools", "list", "--limit", "2", *cursor)
        names += [row[0] for row in page.rows]
        if not page.err:
            break
        cursor = ("--cursor", page.err.rpartition("--cursor ")[2].strip())
    assert names == [row[0] for row in shell.run("tools", "list", "--limit", "200").rows]
    assert set(TOOLS) <= set(names)


def test_a_secrets_value_is_never_taken_from_the_command_line(shell):
    done = shell.run("secrets", "set", "LEAKY", "the-value")
    assert done.exit == 2
    assert "LEAKY" not in shell.run("secrets", "list").out


def test_a_secret_is_typed_at_a_prompt_that_does_not_show_it(shell):
    # The blank comes last, once the terminal no longer echoes.
    done = shell.on_terminal("secrets", "set", "TYPED", typed="typed-in-secret", prompt="Value of TYPED: ")
    assert (done.exit, "set TYPED" in done.out, "typed-in-secret" in done.out) == (0, True, False)
    listed = shell.run("secrets", "list").out
    assert "TYPED" in listed
    assert "typed-in-secret" not in listed
    assert shell.run("secrets", "delete", "TYPED").out == "deleted TYPED\n"


@pytest.mark.parametrize("stdin", [b"", b"\n", b"\xff\xfe"])
def test_a_secret_without_a_value_is_refused(shell, stdin):
    assert shell.run("secrets", "set", "EMPTY", stdin=stdin).exit == 2


@pytest.mark.parametrize("arguments", [("tools", "list", "--limit", "200"), ("tools", "show", "evil.text")])
def test_what_a_server_says_cannot_steer_the_terminal(shell, arguments):
    wide = shell.having(COLUMNS="200")
    piped, seen = wide.run(*arguments).out, wide.on_terminal(*arguments).out
    for text in (piped, seen):
        assert "\x1b]0" not in text
        assert not set(text) & {"\x07", "\u202e", "\x9b"}
        assert "\\u202e" in text


def test_json_on_a_terminal_is_the_same_value_with_nothing_to_obey(shell):
    piped, seen = (
        shell.run("tools", "show", "evil.text", "--json"),
        shell.on_terminal("tools", "show", "evil.text", "--json"),
    )
    assert seen.json == piped.json
    assert seen.json["description"] == EVIL
    assert not set(seen.out) & {"\x1b", "\x07", "\u202e", "\x9b"}


def test_a_server_that_is_not_toolcrib_is_told_apart(shell, upstream_here):
    done = shell.run("--url", upstream_here.url, "tools", "list")
    assert (done.exit, "not as Toolcrib does" in done.err) == (7, True)


def test_the_doctor_finds_all_well(shell):
    done = shell.run("doctor")
    assert done.exit == 0
    assert [row[:2] for row in done.rows] == [
        ["ok", "server"], ["ok", "key"], ["ok", "keys"], ["ok", "data"], ["ok", "database"], ["ok", "retention"], ["ok", "egress"],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "check", "exit_code"),
    [
        ({"TOOLCRIB_PORT": "1"}, "server", 7),
        ({"TOOLCRIB_API_KEY": "tcb_wrong"}, "key", 3),
        ({"TOOLCRIB_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}, "database", 7),
        ({"TOOLCRIB_EGRESS_ALLOW": "not an entry!"}, "egress", 2),
        ({"TOOLCRIB_ENV": "sandbox"}, "settings", 2),
    ],
)
def test_the_doctor_names_what_is_not_well_and_the_next_step(shell, changed, check, exit_code):
    done = shell.having(**changed).run("doctor", "--json")
    [finding] = [one for one in done.json["checks"] if not one["ok"]]
    assert (finding["check"], done.exit) == (check, exit_code)
    assert finding["next_step"]


def test_the_doctor_sees_a_key_that_others_may_read(shell, server):
    key = server.data_dir / "owner.key"
    key.chmod(0o644)
    try:
        done = shell.run("doctor")
    finally:
        key.chmod(0o600)
    assert (done.exit, f"next: chmod 600 {key}" in done.out) == (1, True)


def test_the_doctor_sees_an_older_database(database_url, tmp_path):
    from tests.integration.migrations.databases import bring_up, execute

    bring_up(database_url)
    execute(database_url, "UPDATE alembic_version SET version_num = '0000'")
    done = Shell(tmp_path, {"TOOLCRIB_DATABASE_URL": database_url, "TOOLCRIB_PORT": "1"}).run(
        "doctor", "--json"
    )
    [database] = [one for one in done.json["checks"] if one["check"] == "database"]
    assert database["next_step"] == "back it up, then run: toolcrib migrate"


def test_the_program_runs_as_a_module_too(shell, server, tmp_path):
    import subprocess
    import sys

    source = str(Path(__file__).resolve().parents[2] / "src")
    command = [sys.executable, "-m", "toolcrib.cli", "--url", server.url, "tools", "list", "--json"]
    environment = {"PYTHONPATH": source, "TOOLCRIB_DATA_DIR": str(server.data_dir)}
    done = subprocess.run(command, capture_output=True, check=True, cwd=tmp_path, env=environment)
    assert "tools" in json.loads(done.stdout)

"""Every command prints JSON when asked, and what people read stays short, true and fit to be copied."""

import json
import re
from collections.abc import Iterator

import pytest
from typer.main import get_command

from tests.integration.cli.typed import typed
from tests.support.server import start_server
from toolcrib.cli.contracts import example
from toolcrib.cli.main import app
from toolcrib.cli.shapes import fields_of

WITHOUT_JSON = {"serve"}  # it is the server
WITHOUT_END = {"executions follow"}  # tests/acceptance follows it
SCHEMA = {
    "required": ["harbour"],
    "properties": {
        "harbour": {"type": "string", "description": "Its code."}, "unit": {"enum": ["m", "ft"]}, "days": {"type": ["integer", "null"]},
        "tags": {"type": "array", "items": {"type": "string"}},
    },
}  # fmt: skip
TIDES = {
    "name": "tides.next", "title": "Next high tide", "description": "When the next high tide is.\nNot for navigation.",
    "kind": "dummy", "effects": "read", "dummy": {"output": {"height": 1.5, "places": [{"id": "a"}, {"id": "b"}]}},
    "input_schema": SCHEMA, "output_schema": {"type": "object", "properties": {"height": {"type": "number"}}, "additionalProperties": True},
    "errors": [{"code": "HARBOUR_NOT_FOUND", "description": "No such harbour."}], "deprecated": {"use": "tides.better"},
    "aliases": ["get_tide"], "tags": ["sea"], "impact": {"when": {"required": ["tags"]}}, "side_effects": "None.",
}  # fmt: skip
SHIP = {
    "name": "ship.sell", "description": "Sells.", "kind": "http", "impact": "high", "input_schema": {},
    "api": {"base_url": "https://ships.example", "method": "DELETE", "auth": {"method": "bearer", "secret_ref": "${SHIP_KEY}"}},
}  # fmt: skip


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with start_server(tmp_path_factory.mktemp("commands") / "data", {"TOOLCRIB_PACKS": "markets"}) as started:
        for config in (TIDES, SHIP):
            assert started.client.call("POST", "/api/v1/tools", config).status == 201
        yield started


@pytest.fixture(scope="module")
def env(server):
    return {"TOOLCRIB_DATA_DIR": str(server.data_dir), "TOOLCRIB_PORT": str(server.port)}


@pytest.fixture
def run(env):
    return lambda *arguments, **more: typed(*arguments, env=env, **more)


@pytest.fixture(scope="module")
def called(env):
    return json.loads(typed("call", "tides.next", "-i", "harbour=oslo", "--json", env=env).stdout)[
        "execution_id"
    ]


@pytest.fixture(scope="module")
def ids(server):
    """One of each thing that a command names."""
    ask = server.client.call
    place = f"/api/v1/workspaces/{ask('GET', '/api/v1/me').json['workspace_id']}"
    made = {
        "key": ask("POST", "/api/v1/keys", {"name": "rotated"}),
        "member": ask("POST", f"{place}/members", {"issuer": "https://id.example", "subject": "ann", "name": "Ann"}),
        "grant": ask("POST", f"{place}/grants", {"name": "pro"}),
    }  # fmt: skip
    ask("POST", "/api/v1/workspaces", {"name": "other"})
    held = {"input": {"harbour": "oslo", "tags": []}, "dry_run": False}
    waiting = {
        name: ask("POST", "/api/v1/tools/tides.next/execute", held).json["approval_id"] for name in ("wanted", "unwanted")
    }  # fmt: skip
    return {name: reply.json["id"] for name, reply in made.items()} | waiting


def commands(command, *words: str) -> Iterator[str]:
    inner = getattr(command, "commands", None)
    if inner is None:
        yield " ".join(words)
    for word, one in (inner or {}).items():
        yield from commands(one, *words, word)


def arguments_of(command: str, folder, called: str, ids) -> tuple[str, ...]:
    """What each command that wants more is given."""
    config = folder / "tides.next.json"
    config.write_text(json.dumps(TIDES))
    (folder / "new.json").write_text(json.dumps(TIDES | {"name": "tides.new", "aliases": []}))
    given = {
        "call": ("tides.next", "-i", "harbour=oslo"), "bench": ("tides.next", "-i", "harbour=oslo", "--seconds", "1"),
        "tools show": ("tides.next",), "tools register": (str(folder / "new.json"),), "tools update": ("tides.next", str(config)),
        "tools versions": ("tides.next",), "tools delete": ("tides.new",), "tools validate": ("tides.next", "-i", "harbour=oslo"),
        "tools enable": ("tides.next",), "tools disable": ("ship.sell",), "tools reset": ("tides.next",),
        "executions show": (called,), "executions result": (called,), "executions events": (called,), "executions cancel": (called,),
        "secrets set": ("JSON_KEY",), "secrets delete": ("JSON_KEY",), "secrets uses": ("JSON_KEY",), "keys create": ("json",), "keys revoke": ("none",),
        "keys rotate": (ids["key"],), "tools explain": ("tides.next",), "workspaces create": (f"w{ids['key']}",),
        "workspaces set": ("default", "--read-write"), "workspaces suspend": ("other",), "workspaces resume": ("other",),
        "members add": ("bob", "--issuer", "https://id.example"), "members set": (ids["member"],), "members remove": (ids["member"],),
        "members invite": ("Bob",), "grants give": ("pro", "--of", "other"), "grants end": (ids["grant"],),
        "limits set": ("tool", "tides.next", "-a", "per_day=1000"), "limits remove": ("tool", "tides.next"),
        "approvals show": (ids["wanted"],), "approvals approve": (ids["wanted"], "--yes"), "approvals deny": (ids["unwanted"],),
        "approvals rules set": ("all", "--effects", "destructive"), "approvals rules remove": ("all",),
        "suspensions add": ("agent:json",), "suspensions lift": ("agent:json",),
        "apply": (str(folder), "--dry-run"), "export": (str(folder / "out"),),
    }  # fmt: skip
    return given.get(command, ())


def test_every_command_prints_json_and_nothing_else_when_asked(run, tmp_path, called, ids, monkeypatch):
    known = [name for name in commands(get_command(app)) if name not in WITHOUT_JSON | WITHOUT_END]
    monkeypatch.setenv("TOOLCRIB_DATABASE_URL", f"sqlite:///{tmp_path / 'other.db'}")  # for migrate
    printed = {}
    for name in known:
        done = run(*name.split(), *arguments_of(name, tmp_path, called, ids), "--json", stdin="long-enough")
        printed[name] = [json.loads(line) for line in done.stdout.splitlines()]
    silent = {name for name, values in printed.items() if not values}
    assert silent == {  # 204: there is nothing to say
        "tools delete", "tools reset", "secrets delete", "members remove", "grants end", "suspensions lift", "limits remove", "approvals rules remove",
    }  # fmt: skip


def test_a_command_without_json_does_not_go_unseen():
    lacking = {
        name for name in commands(get_command(app)) if "--json" not in typed(*name.split(), "--help", env={}).stdout
    }  # fmt: skip
    assert lacking == WITHOUT_JSON


def test_every_command_has_help_with_an_example():
    known = list(commands(get_command(app)))
    assert len(known) == 66
    for name in known:
        assert re.search(rf"Example:\n  .*toolcrib {name}", typed(*name.split(), "--help", env={}).stdout), (
            name
        )


def test_a_tool_is_told_to_a_person(run):
    assert run("tools", "show", "tides.next").stdout.split("\n\n")[0].splitlines() == [
        "tides.next 1.0.0: Next high tide", "When the next high tide is.", "Not for navigation.",
    ]  # fmt: skip
    told = run("tools", "show", "get_tide").stdout
    for words in (
        "\nstate         deprecated, workspace\n", "\nside effects  None.\n", "\nimpact        high for some inputs\n",
        "\ndeprecated    use tides.better\n", "\naliases       get_tide\n", "\ntags          sea\n",
        "\n  harbour  string, required: Its code.\n", '\n  unit     one of "m", "ft"\n', "\n  days     integer or null\n",
        "\n  tags     array of string\n", "\n  height  number\n", "\n  HARBOUR_NOT_FOUND  No such harbour.\n",
        "\ntry it\n  toolcrib call tides.next -i 'harbour=…'\n",
    ):  # fmt: skip
        assert words in told, words


def test_a_tool_without_fields_and_with_an_upstream_is_told_too(run):
    told = run("tools", "show", "ship.sell").stdout
    for words in (
        "\neffects     destructive\n", "\nimpact      high: a dry run unless told otherwise, and then a person agrees\n",
        "\nupstream    DELETE https://ships.example\n", "\nsecret      ${SHIP_KEY}\n", "\ninput\n  object\n", "\n  toolcrib call ship.sell\n",
    ):  # fmt: skip
        assert words in told, words


ORDER = {
    "$defs": {
        "Line": {"type": "object", "required": ["sku"], "properties": {"sku": {"type": "string", "description": "What."}, "count": {"type": "integer"}}},
        "Order": {"type": "object", "required": ["line"], "properties": {"line": {"$ref": "#/$defs/Line"}, "more": {"type": "array", "items": {"$ref": "#/$defs/Line"}}, "again": {"anyOf": [{"$ref": "#/$defs/Order"}, {"type": "null"}]}}},
    },
    "required": ["order"], "properties": {"order": {"$ref": "#/$defs/Order", "description": "It."}, "odd": {"$ref": "#/$defs/None"}, "round": {"$ref": "#/properties/round"}},
}  # fmt: skip


def test_fields_inside_of_others_are_told_below_them_however_deep_they_lie():
    told = fields_of(ORDER)
    assert told[:6] == [
        ("order", "object, required: It."), ("  line", "object, required"), ("    sku", "string, required: What."), ("    count", "integer"),
        ("  more", "array of object"), ("    sku", "string, required: What."),
    ]  # fmt: skip
    assert ("  again", "object or null") in told
    assert told[-2:] == [("odd", "anything"), ("round", "anything")]
    assert len(told) < 30


@pytest.mark.parametrize(
    ("schema", "examples", "typed_so"),
    [
        ({"required": ["n"], "properties": {"n": {"type": "integer"}}}, [], "-i n=1"),
        ({"required": ["t"], "properties": {"t": {"type": "string", "examples": ["5"]}}}, [], "-i 't=\"5\"'"),
        ({"required": ["u"], "properties": {"u": {"const": "m"}}}, [], "-i u=m"),
        ({"required": ["u"], "properties": {"u": True}}, [], "-i 'u=…'"),
        ({"properties": {"u": {}}}, [{"input": {"u": {"a": [1]}}}], "-i 'u={\"a\": [1]}'"),
        ({"properties": {"u": {}}}, [{"input": {"a=b": 1}}], "--input '{\"a=b\": 1}'"),
        (True, [], ""),
        (ORDER, [], '-i \'order={"line": {"sku": "…"}}\''),
        (
            {"required": ["n"], "properties": {"n": {"anyOf": [{"type": "integer"}, {"type": "null"}]}}},
            [],
            "-i n=1",
        ),
        ({"required": ["m"], "properties": {"m": {"enum": [2, 3]}}}, [], "-i m=2"),
    ],
)
def test_the_call_to_copy_fits_the_contract(schema, examples, typed_so):
    tool = {"name": "a.b", "input_schema": schema, "config": {"examples": examples}}
    assert example(tool) == f"toolcrib call a.b {typed_so}".strip()


def test_an_empty_list_says_whether_its_filters_are_why(run):
    for arguments in (
        ("tools", "list", "--status", "disabled", "--scope", "global"), ("executions", "list", "--tool", "none.such"),
        ("audit", "--tool", "none.such"),
    ):  # fmt: skip
        done = run(*arguments)
        assert (done.exit_code, done.stdout, done.stderr) == (0, "", "nothing matches these filters\n")
    assert run("tools", "list", "--cursor", "enp6").stderr == "nothing more\n"  # zzz


def test_packs_are_listed_with_tools_and_settings(run):
    told = run("packs", "list").stdout
    assert "pack      markets 1.0.0\n" in told
    assert "tools     companies.search, quotes.get, quotes.read\n" in told
    assert "settings  ALPHAVANTAGE_BASE_URL (https://www.alphavantage.co) Where" in told


def test_a_part_of_an_output_is_asked_for(run):
    call = ("call", "tides.next", "-i", "harbour=oslo")
    assert json.loads(run(*call, "--select", "height").stdout) == {"height": 1.5}
    assert json.loads(run(*call, "--ids-only").stdout) == {"ids": ["a", "b"], "count": 2}
    cut = run(*call, "--limit", "1")
    assert len(json.loads(cut.stdout)["places"]) == 1
    assert "this is a part of the output" in cut.stderr


def test_a_result_is_printed_again(run, called):
    assert json.loads(run("executions", "result", called).stdout)["height"] == 1.5
    assert run("executions", "result", "exe_none").exit_code == 4


def test_a_tool_goes_back_to_what_its_contract_says(run):
    run("tools", "disable", "tides.next")
    assert run("tools", "reset", "tides.next").stdout == "tides.next is as its contract says\n"
    assert run("tools", "validate", "tides.next", "-i", "harbour=x").exit_code == 0


def test_a_measurement_counts_calls_and_times(run, server):
    done = run("bench", "tides.next", "-i", "harbour=oslo", "--seconds", "1", "--connections", "2", "--json")
    found = json.loads(done.stdout)
    times = found["milliseconds"]
    assert (done.exit_code, found["failed"], found["connections"]) == (0, {}, 2)
    assert times["p50"] <= times["p95"] <= times["p99"] <= times["max"]
    assert found["calls"] == pytest.approx(found["calls_per_second"] * found["seconds"], rel=0.01)
    listed = server.client.call("GET", "/api/v1/tools/executions?tool=tides.next&limit=200").json
    assert len(listed["items"]) >= min(found["calls"], 200)


def test_a_measurement_tells_what_failed(run):
    run("tools", "enable", "ship.sell")
    done = run("bench", "ship.sell", "--yes", "--seconds", "1")
    assert (done.exit_code, "SECRET_NOT_FOUND" in done.stderr) == (5, True)
    words = run("bench", "tides.next", "-i", "harbour=oslo", "--seconds", "1").stdout
    assert {line.split()[0] for line in words.splitlines()} == {
        "tool", "calls", "failed", "calls/s", "p50", "p95", "p99", "max",
    }  # fmt: skip


def test_what_does_more_than_read_is_not_measured_by_mistake(run):
    done = run("bench", "ship.sell", "--seconds", "1")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "ship.sell destroys, and every call of a measurement is a real one" in done.stderr


def test_a_text_that_is_copied_is_whole_on_a_narrow_terminal(monkeypatch, capsys):
    from toolcrib.cli import views

    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    views.pairs([("key", "tcb_" + "a" * 60), ("about", "some words that stand beside it in this block")])
    views.table(("NAME", "ABOUT"), [("a.tool", "words " * 10), ("b", "short")], prose=True)
    lines = capsys.readouterr().out.splitlines()
    assert any(line.endswith("a" * 60) for line in lines)
    assert "a.tool  words words words words words w…" in lines

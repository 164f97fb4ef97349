"""What a shell offers: run as bash runs its function, and as zsh asks; a server's text is never among it."""

import re
import subprocess
import sys

import pytest

from tests.acceptance.shell import Shell, program
from tests.integration.cli.typed import place, typed
from tests.support.server import start_server

STAND_IN = {"description": "A stand-in.", "kind": "dummy", "input_schema": {}, "dummy": {"output": {}}}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with start_server(tmp_path_factory.mktemp("completion") / "data") as server:
        for name in ("tides.next", "tides.last", "zoo"):
            made = server.client.call("POST", "/api/v1/tools", STAND_IN | {"name": name})
            assert made.status == 201
        for name in ("TIDE_KEY", "ZOO_KEY"):
            server.client.call("POST", "/api/v1/secrets", {"name": name, "value": "long-enough"})
        yield server


@pytest.fixture(scope="module")
def executed(server):
    answer = server.client.call("POST", "/api/v1/tools/zoo/execute", {"input": {}})
    return answer.json["execution_id"]


@pytest.fixture(scope="module")
def bash(server, tmp_path_factory):
    """`bash(*words)` is what the installed function offers for the last of them."""
    shell = Shell.beside(server)
    script = tmp_path_factory.mktemp("bash") / "toolcrib.sh"
    script.write_text(shell.having(_TOOLCRIB_COMPLETE="source_bash").run().out)

    def offered(*words):
        line = f'. {script}; COMP_WORDS=("$@"); COMP_CWORD={len(words)}; _toolcrib_completion "$1"; printf "%s\\n" "${{COMPREPLY[@]}}"'
        command = ["bash", "-c", line, "bash", program()[0], *words]
        done = subprocess.run(command, capture_output=True, text=True, check=True, **shell._place())
        assert done.stderr == ""
        return done.stdout.split()

    return offered


pytestmark = pytest.mark.skipif(program()[0] == sys.executable, reason="needs the installed command")


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("call", "tides."), ["tides.last", "tides.next"]),
        (("bench", "z"), ["zoo"]),
        (("tools", "delete", "tides.n"), ["tides.next"]),
        (("keys", "create", "clerk", "--tool", "z"), ["zoo"]),
        (("executions", "list", "--tool", "zo"), ["zoo"]),
        (("secrets", "delete", ""), ["TIDE_KEY", "ZOO_KEY"]),
        (("secrets", "set", "Z"), ["ZOO_KEY"]),
        (("keys", "create", "clerk", "--role", "ad"), ["admin"]),
        (("executions", "list", "--status", "succ"), ["succeeded"]),
        (("audit", "--type", "KeyRe"), ["KeyRevoked"]),
        (("tools", "vers"), ["versions"]),
    ],
    ids=" ".join,
)
def test_bash_offers_names_and_words(bash, words, offered):
    assert bash(*words) == offered


def test_bash_offers_the_ids_of_calls_and_keys(bash, server, executed):
    assert bash("executions", "show", "exe_") == [executed]
    assert bash("executions", "result", "") == [executed]
    assert bash("audit", "--execution", executed[:10]) == [executed]
    [key] = server.client.call("GET", "/api/v1/keys").json["items"]
    assert bash("keys", "revoke", key["id"][:4]) == [key["id"]]


def test_zsh_is_answered_in_its_own_words(server, executed):
    asked = {"_TOOLCRIB_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": "toolcrib call ti"}
    done = Shell.beside(server).having(**asked).run()
    assert (done.err, re.findall(r'"([^"]+)"', done.out)) == ("", ["tides.last", "tides.next"])


def test_what_a_shell_could_evaluate_is_never_offered(answering, tmp_path):
    body = rb'{"tools": [{"name": "x$(touch owned)"}, {"name": "x`id`"}, {"name": "x.y", "description": "\\$(id)"}, 7], "next": null}'
    asked = {"_TOOLCRIB_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": "toolcrib call x"}
    done = Shell(tmp_path, place(tmp_path) | asked | {"TOOLCRIB_URL": answering(200, body)}).run()
    assert re.findall(r'"([^"]+)"', done.out) == ["x.y"]
    assert "id" not in done.out


def test_where_nobody_answers_nothing_is_offered_and_nothing_said(answering, tmp_path):
    for url in ("http://127.0.0.1:1", answering(200, b"[]"), answering(200, b"<html>")):
        asked = {"_TOOLCRIB_COMPLETE": "complete_bash", "COMP_WORDS": "toolcrib call t", "COMP_CWORD": "2"}
        done = Shell(tmp_path, place(tmp_path) | asked | {"TOOLCRIB_URL": url}).run()
        assert (done.out.strip(), done.err) == ("", "")


def test_the_function_is_installed_where_bash_finds_it(tmp_path):
    assert typed("--install-completion", "bash", env={"HOME": str(tmp_path)}).exit_code == 0
    assert (tmp_path / ".bash_completions" / "toolcrib.sh").exists()

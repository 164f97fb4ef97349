"""`toolcrib serve` as an operator meets it: what it says, what it refuses, and the demo."""

import os
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.acceptance.shell import program
from tests.standins.alphavantage import NUMBERED
from tests.support.client import Client
from tests.support.server import KEPT, Server, prepare_server, start_server
from toolcrib.cli.demo.harbour import Handler, Harbour


def test_the_demo_prints_commands_that_work_as_they_stand(free_harbour, tmp_path):
    with start_server(tmp_path / "data", free_harbour.allowed, arguments=free_harbour.arguments) as server:
        until(lambda: "curl" in server.stdout, "the demo says what to try")
        commands = [line.strip() for line in server.stdout.splitlines() if line.startswith("  ")]
        call, quote, listing, curl = (run(command, tmp_path) for command in commands)
    assert re.search(r'"height": \d\.\d', call)
    assert re.search(r'"symbol": "IBM",\s+"price": 2\d\d\.', quote)
    assert {"harbours.list", "tides.next", "HARBOUR_NOT_FOUND", "VALIDATION_ERROR"} <= set(listing.split())
    assert '"success":true' in curl


def test_a_second_start_adds_neither_tools_nor_calls(free_harbour, tmp_path):
    with start_server(tmp_path / "data", free_harbour.allowed, arguments=free_harbour.arguments) as server:
        until(lambda: server.stdout.count("curl") == 1, "the demo is set up")
        first = recorded(server)
        server.restart()
        until(lambda: server.stdout.count("curl") == 2, "the demo is set up again")
        assert recorded(server) == first
        answer = server.client.call(
            "POST", "/api/v1/tools/tides.next/execute", {"input": {"harbour": "oslo"}}
        )
        assert answer.status == 200


def test_the_demo_never_lets_its_upstream_outlive_a_killed_server(free_harbour, tmp_path):
    with start_server(tmp_path / "data", free_harbour.allowed, arguments=free_harbour.arguments) as server:
        until(free_harbour.listens, "the upstream listens")
        os.kill(server.pid, signal.SIGKILL)
        server.wait()
        until(lambda: not free_harbour.listens(), "the upstream is gone")


def test_the_demos_upstream_ends_with_the_server(free_harbour, tmp_path):
    with start_server(tmp_path / "data", free_harbour.allowed, arguments=free_harbour.arguments) as server:
        until(free_harbour.listens, "the upstream listens")
        assert server.stop() == 0
        assert not free_harbour.listens()


def test_a_taken_port_is_told_and_the_server_goes_on(taken_harbour, tmp_path):
    with start_server(tmp_path / "data", taken_harbour.allowed, arguments=taken_harbour.arguments) as server:
        until(lambda: "Demo:" in server.stdout, "the demo says what is wrong")
        assert f"no upstream on {taken_harbour.place} (Address already in use)" in server.stdout
        assert server.client.call("GET", "/api/v1/tools?scope=workspace").json == {"tools": [], "next": None}


@pytest.mark.parametrize("allowed", ["", "127.0.0.1:1", "10.0.0.0/8"])
def test_the_demo_does_not_widen_what_the_operator_allows(free_harbour, tmp_path, allowed):
    with start_server(
        tmp_path / "data", {"TOOLCRIB_EGRESS_ALLOW": allowed}, arguments=free_harbour.arguments
    ) as server:
        until(lambda: "Demo:" in server.stdout, "the demo says what is wrong")
        assert f"TOOLCRIB_EGRESS_ALLOW does not allow {free_harbour.place}" in server.stdout
        assert server.client.call("GET", "/api/v1/tools").json == {"tools": [], "next": None}
        assert not free_harbour.listens()


def test_the_demos_upstream_is_given_no_key_and_no_setting_of_ours(free_harbour, tmp_path):
    with start_server(tmp_path / "data", free_harbour.allowed, arguments=free_harbour.arguments) as server:
        until(lambda: "curl" in server.stdout, "the demo is set up")
        [child] = children(server.pid)
        shown = Path(f"/proc/{child}/cmdline").read_bytes() + Path(f"/proc/{child}/environ").read_bytes()
        assert b"tcb_" not in shown
        assert Path(f"/proc/{child}/environ").read_bytes() == b""


@pytest.fixture
def harbour() -> Iterator[Client]:
    """The tide service in this process, on a port of its own."""
    handler = type("Keyed", (Handler,), {"key": "right"})
    with Harbour(("127.0.0.1", 0), handler) as service:
        thread = threading.Thread(target=service.serve_forever)
        thread.start()
        yield Client(f"http://127.0.0.1:{service.server_address[1]}")
        service.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("path", "key", "status"),
    [
        ("/v2/next?h=oslo&unit=m", "right", 200),
        ("/v2/next?h=oslo&unit=m", "wrong", 401),
        ("/v2/next?h=oslo&unit=m", "", 401),
        ("/v2/next?h=atlantis", "right", 404),
        ("/v2/next", "right", 404),
        ("/v2/harbours", "", 200),
        ("/v3", "right", 404),
        ("/query?function=GLOBAL_QUOTE&symbol=IBM&apikey=right", "", 200),
    ],
)
def test_the_tide_service_answers_as_services_do(harbour, path, key, status):
    assert harbour.call("GET", path, headers={"X-Tide-Key": key}).status == status


def test_the_tide_service_tells_a_height_as_text_and_a_time_to_come(harbour):
    def tide(unit: str) -> dict:
        found = harbour.call("GET", f"/v2/next?h=brest&unit={unit}", headers={"X-Tide-Key": "right"}).json
        return found["Next Tide"]

    assert float(tide("ft")["01. height"]) == pytest.approx(float(tide("m")["01. height"]) * 3.28084, abs=0.3)
    assert datetime.fromisoformat(tide("m")["time"]["utc"]) > datetime.now(UTC)


@pytest.mark.parametrize(
    ("query", "member", "names"),
    [
        ("function=GLOBAL_QUOTE&symbol=ibm&apikey=right", "Global Quote", set(NUMBERED) | {"01. symbol"}),
        ("function=GLOBAL_QUOTE&symbol=NOPE&apikey=right", "Global Quote", set()),
        ("function=GLOBAL_QUOTE&symbol=IBM&apikey=wrong", "Error Message", set("wrong apikey")),
        ("function=OVERVIEW&symbol=IBM&apikey=right", "Error Message", set("no such function")),
    ],
)
def test_the_market_answers_in_the_members_of_alpha_vantage(harbour, query, member, names):
    answer = harbour.call("GET", f"/query?{query}").json
    assert list(answer) == [member]
    assert set(answer[member]) == names


def test_the_market_finds_companies_by_a_part_of_their_name(harbour):
    found = harbour.call("GET", "/query?function=SYMBOL_SEARCH&keywords=tesco&apikey=right").json[
        "bestMatches"
    ]
    assert [(one["1. symbol"], one["8. currency"]) for one in found] == [("TSCO.LON", "GBX")]


def test_the_first_start_says_where_it_listens_and_where_the_key_is(serve):
    server = serve()
    assert server.stdout.splitlines() == [
        server.stdout.splitlines()[0],
        f"First start. The owner's API key is in {server.data_dir / 'owner.key'}",
    ]
    assert f"listens on {server.url}; data in {server.data_dir}" in server.stdout
    server.restart()
    assert server.stdout.count("First start") == 1


@pytest.mark.parametrize(
    ("change", "exit_code", "said"),
    [
        (lambda other: {"TOOLCRIB_PORT": str(other.port)}, 5, "set TOOLCRIB_PORT to another port"),
        (lambda other: {"TOOLCRIB_DATA_DIR": str(other.data_dir)}, 5, "is in use by process"),
        (lambda _: {"TOOLCRIB_HOST": "0.0.0.0"}, 2, "TOOLCRIB_HOST"),
        (lambda _: {"TOOLCRIB_EGRESS_ALLOW": "0.0.0.0/0"}, 2, "TOOLCRIB_EGRESS_ALLOW"),
        (lambda _: {"TOOLCRIB_DATABASE_URL": "postgresql://x@127.0.0.1:1/x"}, 7, "UNAVAILABLE"),
    ],
    ids=["port", "database", "host", "egress", "away"],
)
def test_a_start_that_cannot_be_is_refused_in_words(serve, tmp_path, change, exit_code, said):
    refused = prepare_server(tmp_path / "other", change(serve()))
    refused.spawn()
    assert refused.wait() == exit_code
    assert said in refused.stderr
    assert "Traceback" not in refused.stderr
    assert refused.stdout == ""


def test_a_start_loads_nothing_that_only_other_commands_need(tmp_path):
    with start_server(tmp_path / "data", {"PYTHONPROFILEIMPORTTIME": "1"}) as server:
        loaded = set(re.findall(r"\| +([\w.]+)$", server.stderr, re.MULTILINE))
    assert "toolcrib.app.wiring" in loaded
    assert not {"alembic", "rich", "asyncpg", "toolcrib.cli.views", "toolcrib.cli.demo"} & loaded


def recorded(server: Server) -> list[int]:
    tools = server.client.call("GET", "/api/v1/tools").json["tools"]
    executions = server.client.call("GET", "/api/v1/tools/executions").json["items"]
    return [len(tools), len(executions)]


def run(command: str, folder: Path) -> str:
    """A printed command in another shell, with no setting of ours; the program is found as the reader's shell finds it."""
    path = f"{Path(program()[0]).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {name: os.environ[name] for name in KEPT if name in os.environ} | {"PATH": path}
    if program()[0] == sys.executable:
        environment["PYTHONPATH"] = os.environ.get("PYTHONPATH", "")
    assert shlex.split(command)
    done = subprocess.run(
        ["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def until(holds: Callable[[], bool], what: str, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"in vain: {what}"
        time.sleep(0.05)

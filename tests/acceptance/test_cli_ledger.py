"""The ledger in the shell: calls followed as they happen, ended, repeated, and the audit, against a real server."""

import contextlib
import json
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from queue import Queue
from threading import Thread

import pytest

from tests.acceptance.shell import Shell
from tests.support.client import Client
from tests.support.server import Server, start_server
from tests.support.tools import make_key, marked, register, revoke_key
from tests.support.until import until
from tests.support.upstream import Upstream, run_upstream


@dataclass
class House:
    server: Server
    upstream: Upstream
    shell: Shell

    @property
    def client(self) -> Client:
        return self.server.client

    def call(self, tool: str, n: str, **more: object) -> str:
        """The id of one call."""
        reply = self.client.call("POST", f"/api/v1/tools/{tool}/execute", {"input": {"n": n}, **more})
        assert reply.status == 200, reply.json
        execution_id: str = reply.json["execution_id"]
        return execution_id


@dataclass
class Follower:
    """`toolcrib executions follow` as it runs: its lines, and what it says beside them."""

    process: "subprocess.Popen[str]"
    out: "Queue[str]" = field(default_factory=Queue)
    err: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        Thread(target=lambda: [self.out.put(line.rstrip("\n")) for line in self.process.stdout or ()], daemon=True).start()  # fmt: skip
        Thread(target=lambda: self.err.extend(self.process.stderr or ()), daemon=True).start()

    def line(self) -> str:
        return self.out.get(timeout=30)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(10)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("ledger")
    with run_upstream() as upstream, contextlib.ExitStack() as stack:
        server = stack.enter_context(start_server(folder / "data", {"TOOLCRIB_EGRESS_ALLOW": upstream.host}))
        tools = (("quick", "/echo"), ("other", "/echo"), ("held", "/hold"), ("down", "/status/500"))
        register(server.client, *(marked(upstream, name, path, 60) for name, path in tools))
        yield House(server, upstream, Shell.beside(server))
        upstream.release()


@contextlib.contextmanager
def followed(house: House, *arguments: str) -> Iterator[Follower]:
    """A follower that begins at the newest event there is now, so that nothing depends on how fast it starts."""
    newest = house.client.call("GET", "/api/v1/audit?limit=1").json["items"][0]["id"]
    with running(house.shell, "--after", str(newest), *arguments) as follower:
        yield follower


@contextlib.contextmanager
def running(shell: Shell, *arguments: str) -> Iterator[Follower]:
    with shell.start("executions", "follow", *arguments) as process:
        try:
            yield Follower(process)
        finally:
            process.kill()


def test_calls_are_told_line_by_line_until_ctrl_c(house):
    with followed(house) as follower:
        execution_id = house.call("quick", "a")
        lines = [follower.line(), follower.line()]
        assert follower.stop() == 130
    assert [line.split()[2:] for line in lines] == [
        ["Requested", execution_id, "quick", "user:owner"],
        ["Completed", execution_id, "quick", "user:owner"],
    ]
    assert "Traceback" not in "".join(follower.err)


def test_json_lines_are_the_apis_events(house):
    with followed(house, "--json") as follower:
        execution_id = house.call("quick", "b")
        told = [json.loads(follower.line()) for _ in range(2)]
    assert told == house.client.call("GET", f"/api/v1/tools/executions/{execution_id}/events").json["items"]


@pytest.mark.parametrize(
    ("wanted", "how"),
    [
        (("--tool", "other"), {"tool": "other"}),
        (("--exception-id", "E-7"), {"exception_id": "E-7"}),
        (("--subject", "company:7"), {"subject": {"type": "company", "id": "7"}}),
        (("--subject", "company:7", "--tool", "other"), {"subject": {"type": "company", "id": "7"}, "tool": "other"}),
        (("--actor", "user:owner", "--exception-id", "E-8"), {"exception_id": "E-8"}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)  # fmt: skip
def test_a_filter_shows_its_calls_alone(house, wanted, how):
    special = {"tool": "quick"} | how
    with followed(house, "--json", *wanted) as follower:
        house.call("quick", "c")
        execution_id = house.call(special.pop("tool"), "d", **special)
        told = [json.loads(follower.line())["execution_id"] for _ in range(2)]
    assert told == [execution_id] * 2


def test_a_lost_connection_is_taken_up_again_and_no_event_is_lost(house):
    with followed(house, "--json") as follower:
        first = house.call("quick", "e")
        told = [json.loads(follower.line()) for _ in range(2)]
        house.server.stop()
        until(lambda: any("trying again" in line for line in follower.err), "the follower says so")
        house.server.start()
        second = house.call("quick", "f")
        told += [json.loads(follower.line()) for _ in range(2)]
        assert follower.stop() == 130
    assert [event["execution_id"] for event in told] == [first, first, second, second]


def test_a_follower_whose_key_is_revoked_is_told_and_ends(house):
    key_id, key = make_key(house.client, "passing")
    shell = house.shell.having(TOOLCRIB_API_KEY=key)
    house.call("quick", "r")
    with running(shell, "--after", "0") as follower:
        assert follower.line()
        revoke_key(house.client, key_id)
        assert follower.process.wait(30) == 3
        until(lambda: "UNAUTHORIZED" in "".join(follower.err), "it says why")


@pytest.mark.parametrize(
    ("arguments", "exit_code", "said"),
    [
        (("executions", "follow", "--url", "http://127.0.0.1:1"), 7, "next: start a server with: toolcrib serve"),
        (("executions", "follow", "--after", "-1"), 2, "Invalid value"),
        (("executions", "follow", "--subject", "x"), 2, "type:id"),
        (("executions", "cancel", "exe_none"), 4, "NOT_FOUND"),
        (("executions", "events", "exe_none"), 4, "NOT_FOUND"),
        (("audit", "--type", "Nothing"), 2, "/query/type"),
        (("call", "quick", "-i", "n=x", "--key", "é"), 2, "Idempotency-Key"),
    ],
)  # fmt: skip
def test_a_refusal_has_its_exit_code(house, arguments, exit_code, said):
    done = house.shell.run(*arguments)
    assert (done.exit, done.out) == (exit_code, "")
    assert said in done.err
    assert "Traceback" not in done.err


def test_an_address_that_streams_nothing_is_told_apart(house):
    done = house.shell.run("executions", "follow", "--url", house.upstream.url)
    assert (done.exit, "not as Toolcrib does" in done.err) == (7, True)


def test_a_call_that_is_not_waited_for_is_followed_and_ended(house):
    started = house.shell.run("call", "held", "-i", "n=held", "--no-wait")
    execution_id = started.out.strip()
    assert (started.exit, f"toolcrib executions show {execution_id}" in started.err) == (0, True)
    until(lambda: house.upstream.hits()["held"], "the upstream has it")
    cancelled = house.shell.run("executions", "cancel", execution_id)
    assert cancelled.out.startswith(f"asked {execution_id} to end; it is ")
    until(lambda: "cancelled" in house.shell.run("executions", "show", execution_id).out, "it has ended")
    listed = house.shell.run("executions", "events", execution_id).rows
    assert [row[3] for row in listed] == [
        "ToolExecutionRequested", "ToolExecutionCancelRequested", "ToolExecutionCancelled",
    ]  # fmt: skip
    again = house.shell.run("executions", "cancel", execution_id)
    assert (again.exit, f"next: it has ended; toolcrib executions show {execution_id}" in again.err) == (
        5,
        True,
    )


def test_a_repeated_key_prints_the_same_and_does_nothing_twice(house):
    first = house.shell.run("call", "quick", "-i", "n=once", "--idempotency-key", "k1", "--json")
    again = house.shell.run("call", "quick", "-i", "n=once", "--key", "k1", "--json")
    assert (first.exit, again.exit, again.raw) == (0, 0, first.raw)
    assert house.upstream.hits()["once"] == 1
    other = house.shell.run("call", "quick", "-i", "n=other", "--key", "k1")
    assert (other.exit, "next: choose another key" in other.err) == (5, True)


def test_the_audit_lists_calls_and_changes_by_every_filter(house):
    execution_id = house.call("quick", "g", exception_id="E-9", subject={"type": "ship", "id": "9"})
    house.client.call("POST", "/api/v1/tools/down/execute", {"input": {"n": "h"}})
    for arguments in (
        ("--execution", execution_id), ("--exception-id", "E-9"), ("--subject", "ship:9"), ("--subject", "ship:9", "--tool", "quick", "--actor", "user:owner"),
    ):  # fmt: skip
        rows = house.shell.run("audit", *arguments).rows
        assert [(row[3], row[6]) for row in rows] == [
            ("ToolExecutionCompleted", execution_id), ("ToolExecutionRequested", execution_id),
        ], arguments  # fmt: skip
    registered = house.shell.run("audit", "--type", "ToolRegistered", "--limit", "2")
    assert [row[4] for row in registered.rows] == ["down", "held"]
    assert "there is more: --cursor" in registered.err
    [failed] = house.shell.run("audit", "--type", "ToolExecutionFailed", "--limit", "1").rows
    assert failed[-1] == "UPSTREAM_ERROR"
    assert "nothing matches" in house.shell.run("audit", "--to", "2020-01-01T00:00:00Z").err

"""Packs over real server processes: loaded at start, together on one database, refused by name, and left in order."""

from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.rows.lab import Lab
from tests.support.client import Client, Reply
from tests.support.server import Server
from tests.support.until import until

ROOT = Path(__file__).parents[2]
NUMBERS = {
    "TOOLCRIB_PACKS": "tests.support.toolbox:numbers",
    "PYTHONPATH": f"{ROOT}:{ROOT / 'src'}",
}


def execute(client: Client, tool: str, given: dict[str, Any] | None = None) -> Reply:
    return client.call("POST", f"/api/v1/tools/{tool}/execute", {"input": given or {}})


def owner(lab: Lab) -> str:
    """The key lies with whichever process was first."""
    (kept,) = [server.owner_key for server in lab.servers if (server.data_dir / "owner.key").exists()]
    return kept


def healthy(server: Server) -> bool:
    return server.exit_code is None and server._healthy()


def test_two_processes_that_start_at_once_have_each_tool_once(lab_on_postgres: Lab):
    both = [lab_on_postgres.prepare(NUMBERS) for _ in range(2)]
    for server in both:
        server.spawn()
    until(lambda: all(map(healthy, both)), "both servers are healthy")

    clients = [Client(server.url, owner(lab_on_postgres)) for server in both]
    listed = [client.call("GET", "/api/v1/tools?limit=200").json["tools"] for client in clients]

    assert listed[0] == listed[1]
    assert len({tool["id"] for tool in listed[0]}) == len(listed[0]) == 13
    assert [execute(client, "numbers.add", {"a": 1}).json["output"] for client in clients] == [
        {"total": 2}
    ] * 2


def test_a_changed_pack_on_one_process_binds_the_other(lab_on_postgres: Lab):
    first = lab_on_postgres.serve(NUMBERS)
    client = lab_on_postgres.client(first)
    before = client.call("GET", "/api/v1/tools/numbers.add").json
    lab_on_postgres.serve(NUMBERS | {"TOOLCRIB_PACKS": "tests.support.toolbox:newer"})

    reply = execute(client, "numbers.add", {"a": 1, "b": 2})
    after = client.call("GET", "/api/v1/tools/numbers.add").json

    assert (reply.status, reply.json["error"]["code"]) == (400, "VALIDATION_ERROR")
    assert (after["id"], before["version"], after["version"]) == (before["id"], "1.0.0", "2.0.0")


def test_tools_are_there_after_a_restart_and_a_kill(lab: Lab):
    server = lab.serve(NUMBERS)
    tool = lab.client(server).call("GET", "/api/v1/tools/numbers.add").json
    server.kill9()
    server.start()

    assert lab.client(server).call("GET", "/api/v1/tools/numbers.add").json == tool
    assert execute(lab.client(server), "numbers.add", {"a": 2}).json["output"] == {"total": 3}


def test_a_tool_that_never_returns_does_not_keep_the_server(lab_on_sqlite: Lab):
    server = lab_on_sqlite.serve(NUMBERS)
    client = lab_on_sqlite.client(server)

    late = [execute(client, "numbers.stuck") for _ in range(8)]
    busy = execute(client, "numbers.crash")
    quick = execute(client, "numbers.add", {"a": 1})

    assert {(reply.status, reply.json["status"]) for reply in late} == {(504, "interrupted")}
    assert (busy.status, busy.json["error"]["code"], busy.headers["retry-after"]) == (503, "UNAVAILABLE", "2")
    assert quick.status == 200
    assert server.stop() == 0


@pytest.mark.parametrize("how", ["cycle", "huge", "nan", "object"])
def test_an_output_that_is_no_json_is_told_and_the_server_goes_on(lab_on_sqlite: Lab, how: str):
    client = lab_on_sqlite.client(lab_on_sqlite.serve(NUMBERS))

    reply = execute(client, "numbers.odd", {"how": how})

    assert (reply.status, reply.json["error"]["code"]) == (502, "INVALID_OUTPUT")
    assert execute(client, "numbers.add", {"a": 1}).status == 200


@pytest.mark.parametrize(
    ("packs", "said"),
    [
        ("no.such:pack", "no.such:pack cannot be loaded: ModuleNotFoundError"),
        ("unknown", "no installed package brings a pack unknown"),
        ("tests.support.toolbox:numbers,tests.support.toolbox:again", "the tool numbers.add comes twice"),
    ],
)
def test_a_pack_that_cannot_be_loaded_stops_the_start_by_name(lab_on_sqlite: Lab, packs: str, said: str):
    server = lab_on_sqlite.prepare(NUMBERS | {"TOOLCRIB_PACKS": packs})

    server.spawn()

    assert server.wait() == 2
    assert f"UNSAFE_SETTING TOOLCRIB_PACKS: {said}" in server.stderr
    assert "Traceback" not in server.stderr
    assert not (server.data_dir / "toolcrib.db").exists()

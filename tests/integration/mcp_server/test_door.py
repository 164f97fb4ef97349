"""The MCP door in-process: who is let in, what is read, what is listed and what is answered."""

import json
from collections.abc import AsyncIterator

import pytest

from tests.support.door import Door
from tests.support.fakes import refusing
from tests.support.rig import Rig
from toolcrib.contracts.principal import ActorType, Role
from toolcrib.contracts.provider import Failure, Success
from toolcrib.gateway import Allowance, Limit, NewMember
from toolcrib.kit.db import DatabaseUnavailable
from toolcrib.kit.paging import encode
from toolcrib.mcp_server import McpDoor
from toolcrib.mcp_server.door import BODY_LIMIT

BOTH = {"accept": "application/json, text/event-stream"}
MODERN = "2026-07-28"
META = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}


@pytest.fixture
async def door(rig: Rig) -> AsyncIterator[Door]:
    mcp = McpDoor(rig.gateway, "1")
    yield Door(mcp, rig.owner_key)
    await mcp.stop()


async def ask(door, method, params=None, *, modern=False, **rest):
    """The result or the error of one message."""
    headers = BOTH | rest.pop("headers", {})
    params = dict(params or {})
    if modern:
        params["_meta"] = META
        headers |= {"mcp-protocol-version": MODERN, "mcp-method": method}
        headers |= {"mcp-name": params["name"]} if "name" in params else {}
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    reply = await door("POST", "/mcp", body, headers=headers, stays=True, **rest)
    message = reply.json or json.loads(reply.body.decode().split("data: ", 1)[1])
    return message.get("result") or message["error"]


@pytest.mark.parametrize("modern", [False, True], ids=["older", "2026-07-28"])
async def test_tools_are_listed_as_contracts_say_and_called(rig, door, modern):
    rig.provider.answers(Success({"sum": 3}))
    output = {"type": "object", "properties": {"sum": {"type": "integer"}}}
    await rig.register("a.sum", title="Sum", effects="read", output_schema=output)
    (listed,) = (await ask(door, "tools/list", modern=modern))["tools"]
    assert (listed["name"], listed["title"], listed["description"]) == ("a.sum", "Sum", "A tool of a test.")
    assert listed["annotations"] == {
        "title": "Sum", "readOnlyHint": True, "destructiveHint": False, "idempotentHint": True, "openWorldHint": True,
    }  # fmt: skip
    assert "upstream.example" not in json.dumps(listed)
    result = await ask(door, "tools/call", {"name": "a.sum", "arguments": {"a": 1}}, modern=modern)
    assert (result["structuredContent"], result["isError"]) == ({"sum": 3}, False)
    execution = await rig.find(result["_meta"]["toolcrib/execution_id"])
    assert (execution.tool, execution.input_payload) == ("a.sum", {"a": 1})


@pytest.mark.parametrize(("modern", "shown"), [(False, False), (True, True)])
async def test_outputs_that_are_no_objects_are_told_to_those_who_know_them(rig, door, modern, shown):
    rig.provider.answers(Success([1, 2]))
    await rig.register("a.list", output_schema={"type": "array"})
    (listed,) = (await ask(door, "tools/list", modern=modern))["tools"]
    result = await ask(door, "tools/call", {"name": "a.list", "arguments": {}}, modern=modern)
    assert (listed.get("outputSchema") is not None, result.get("structuredContent") == [1, 2]) == (
        shown,
        shown,
    )
    assert result["content"][0]["text"] == "[1,2]"


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({}, None),
        ({"effects": "destructive"}, "Calls are previews"),
        ({"impact": "high"}, "Calls are previews"),
        ({"impact": {"when": {"required": ["all"]}}}, "Some calls are previews"),
    ],
)
async def test_a_tool_that_answers_previews_says_so_and_lists_no_output_schema(rig, door, parts, said):
    await rig.register("a.wipe", output_schema={"type": "object"}, **parts)
    (listed,) = (await ask(door, "tools/list"))["tools"]
    assert ("previews" in listed["description"], "outputSchema" in listed) == (said is not None, said is None)
    assert said is None or said in listed["description"]


async def test_a_failure_is_told_as_text(rig, door):
    rig.provider.answers(Failure("NO_TIDE", "None today.", {"port": "oslo"}))
    await rig.register("a.tide", errors=[{"code": "NO_TIDE"}])
    result = await ask(door, "tools/call", {"name": "a.tide"})
    told = json.loads(result["content"][0]["text"])["error"]
    assert (result["isError"], told["code"], told["details"]) == (True, "NO_TIDE", {"port": "oslo"})


async def test_a_tool_on_its_way_out_says_so(rig, door):
    await rig.register("a.old", deprecated={"use": "a.new"})
    await rig.register("b.old", deprecated={})
    described = [tool["description"] for tool in (await ask(door, "tools/list"))["tools"]]
    assert described == [
        "A tool of a test.\n\nDeprecated. Use a.new instead.",
        "A tool of a test.\n\nDeprecated.",
    ]


async def test_long_lists_come_in_pages(rig, door):
    for number in range(101):
        await rig.register(f"t.n{number:03}")
    first = await ask(door, "tools/list")
    second = await ask(door, "tools/list", {"cursor": first["nextCursor"]})
    names = [tool["name"] for page in (first, second) for tool in page["tools"]]
    assert names == [f"t.n{number:03}" for number in range(101)]
    assert "nextCursor" not in second
    assert (await ask(door, "tools/list", {"cursor": "!"}))["code"] == -32602
    assert (await ask(door, "tools/list", {"cursor": encode("zzz")}))["tools"] == []


async def test_what_may_not_be_called_is_not_listed(rig, door):
    for name in ("a.mine", "b.other", "c.off"):
        await rig.register(name)
    await rig.gateway.tools.set_enabled(rig.owner, "c.off", enabled=False)
    key = await rig.key(actor_type=ActorType.AGENT, tools=frozenset({"a.mine", "c.off"}))
    listed = (await ask(door.as_(key), "tools/list"))["tools"]
    assert [tool["name"] for tool in listed] == ["a.mine"]


async def test_what_is_not_there_and_what_cannot_be_recorded_are_errors_of_the_protocol(rig, door):
    assert (await ask(door, "tools/call", {"name": "no.tool"}))["code"] == -32602
    await rig.register("a.tool")
    rig.tap.before.append(refusing(DatabaseUnavailable("away")))
    assert (await ask(door, "tools/call", {"name": "a.tool"}))["code"] == -32603


@pytest.mark.parametrize("authorization", ["", "Basic x", "Bearer ", "Bearer nonsense"])
async def test_without_a_key_nobody_is_heard(rig, door, authorization):
    reply = await door.as_("")(
        "POST", "/mcp", {}, headers={"authorization": authorization} if authorization else {}
    )
    assert (reply.status, reply.headers["www-authenticate"]) == (401, "Bearer")


async def test_while_keys_cannot_be_looked_up_the_door_says_when_to_come_back(rig):
    second = await rig.beside()
    second.tap.reading.append(refusing(DatabaseUnavailable("away")))
    mcp = McpDoor(second.gateway, "1")
    reply = await Door(mcp, rig.owner_key)("POST", "/mcp", {})
    assert (reply.status, reply.headers["retry-after"]) == (503, "2")
    await mcp.stop()


@pytest.mark.parametrize(
    ("headers", "method", "status"),
    [
        ({"origin": "https://evil.example", "host": "127.0.0.1:8000"}, "POST", 403),
        ({"origin": "http://[", "host": "127.0.0.1:8000"}, "POST", 403),
        ({"origin": "null", "host": "127.0.0.1:8000"}, "POST", 403),
        ({"origin": "http://127.0.0.1:8000", "host": "127.0.0.1:8000"}, "GET", 405),
        ({"origin": "http://[::1", "host": "127.0.0.1:8000"}, "POST", 403),
        ({"content-length": str(BODY_LIMIT + 1)}, "POST", 400),
        ({"content-length": "x"}, "POST", 400),
    ],
)
async def test_what_is_no_message_is_turned_away(door, headers, method, status):
    assert (await door(method, "/mcp", {}, headers=headers)).status == status


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        ([{"type": "http.request", "body": b"x" * BODY_LIMIT, "more_body": True}, {"type": "http.request", "body": b"x"}], -32600),
        ([{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}], -32600),
        ([{"type": "http.request", "body": b'{"a":1,"a":2}'}], -32700),
    ],
    ids=["too large", "broken off", "not strict"],
)  # fmt: skip
async def test_a_body_is_bounded_whole_and_strict(door, messages, code):
    reply = await door("POST", "/mcp", messages=messages)
    assert (reply.status, reply.json["error"]["code"]) == (400, code)


@pytest.mark.parametrize("strange", [None, 1.5, True, [], {}])
async def test_a_request_whose_id_is_none_is_refused_and_not_dropped(rig, door, strange):
    await rig.register("a.tool")
    message = {"jsonrpc": "2.0", "id": strange, "method": "tools/call", "params": {"name": "a.tool"}}
    reply = await door("POST", "/mcp", message, headers=BOTH, stays=True)
    assert (reply.status, reply.json["error"]["code"], rig.provider.ran) == (400, -32600, [])


async def test_nothing_is_read_for_strangers(door):
    def unread():
        raise AssertionError("the body was read")
        yield {}

    reply = await door.as_("")("POST", "/mcp", messages=unread())
    assert reply.status == 401


async def test_a_fault_of_the_sdk_is_answered_and_shows_nothing_of_the_message(
    rig, door, monkeypatch, capsys
):
    await ask(door, "tools/list")

    async def broken(scope, receive, send):
        raise RuntimeError((await receive())["body"])

    monkeypatch.setattr(door.app._server, "handle", broken)
    reply = await door("POST", "/mcp", {"note": "s3cret"})
    assert (reply.status, reply.json["error"]["code"]) == (500, -32603)
    log = capsys.readouterr().err
    assert "RuntimeError" in log
    assert "s3cret" not in log


async def test_a_person_of_several_workspaces_names_one(rig, door):
    stranger = await rig.workspace("shop")
    tool = await rig.register("shop.tool", by=stranger)
    for owner in (rig.owner, stranger):
        await rig.gateway.members.add(owner, NewMember("acme", "ann", "Ann", Role.MEMBER))
    ann = door.as_("jwt:acme:ann")
    reply = await ann("POST", "/mcp", {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}, headers=BOTH)
    assert (reply.status, "X-Toolcrib-Workspace" in reply.json["error"]["message"]) == (400, True)
    for named in ("shop", stranger.workspace_id):
        listed = (await ask(ann, "tools/list", headers={"x-toolcrib-workspace": named}))["tools"]
        assert [one["name"] for one in listed] == [tool]
    assert (await ask(ann, "tools/list", headers={"x-toolcrib-workspace": "default"}))["tools"] == []


async def test_a_workspace_that_is_none_of_the_askers_is_not_there_and_a_suspended_one_is_closed(rig, door):
    stranger = await rig.workspace("shop")
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    foreign = [
        await door("POST", "/mcp", body, headers=BOTH | {"x-toolcrib-workspace": named})
        for named in ("shop", "0" * 10)
    ]
    assert {(reply.status, reply.body) for reply in foreign} == {(404, foreign[0].body)}
    key = await rig.key(by=stranger)
    await rig.gateway.workspaces.suspend(rig.owner, stranger.workspace_id, suspended=True)
    assert (await door.as_(key)("POST", "/mcp", body, headers=BOTH)).status == 403


async def test_what_only_reads_is_all_that_a_read_only_workspace_lists_and_calls(rig, door):
    reads, writes = await rig.register(effects="read"), await rig.register(effects="write")
    await rig.gateway.workspaces.update(rig.owner, rig.owner.workspace_id, read_only=True)
    assert [one["name"] for one in (await ask(door, "tools/list"))["tools"]] == [reads]
    result = await ask(door, "tools/call", {"name": writes, "arguments": {}})
    assert result["isError"] is True


async def test_what_is_turned_away_is_counted(rig, door):
    limited = await rig.key(name="clerk")
    clerk = door.as_(limited)
    await ask(clerk, "tools/call", {"name": "none.such", "arguments": {}})
    await clerk("POST", "/mcp", raw=b"{", headers=BOTH)
    for stranger in (door.as_(""), door.as_("tcb_nonsense")):
        await stranger("POST", "/mcp", {}, headers=BOTH)
    await clerk("POST", "/mcp", {}, headers={**BOTH, "Origin": "https://evil.example"})
    await rig.gateway.stores.ledger.do_books()
    rows = await rig.rows("SELECT * FROM refusals ORDER BY code, principal")

    assert [
        (row["workspace_id"] != "", row["code"], row["principal"], row["tool"], row["count"]) for row in rows
    ] == [
        (False, "FORBIDDEN", "", "/mcp", 1),
        (True, "NOT_FOUND", "user:clerk", "?", 1),
        (False, "UNAUTHORIZED", "", "/mcp", 2),
        (True, "VALIDATION_ERROR", "user:clerk", "/mcp", 1),
    ]


@pytest.mark.parametrize("modern", [False, True], ids=["older", "2026-07-28"])
async def test_a_call_over_a_limit_is_an_answer_that_a_model_can_act_on(rig, door, modern):
    await rig.register("sea.look")
    limit = Limit("workspace", "*", Allowance(per_minute=1))
    await rig.gateway.limits.set(rig.owner, rig.owner.workspace_id, limit)
    call = {"name": "sea.look", "arguments": {}}
    assert not (await ask(door, "tools/call", call, modern=modern)).get("isError")
    answer = await ask(door, "tools/call", call, modern=modern)
    error = json.loads(answer["content"][0]["text"])["error"]
    assert (answer["isError"], error["code"], error["retryable"]) == (True, "RATE_LIMITED", True)
    assert 1 <= error["details"]["retry_after"] <= 60
    await rig.gateway.stores.ledger.do_books()
    counted = await rig.rows("SELECT principal, tool, count FROM refusals WHERE code = 'RATE_LIMITED'")
    assert [tuple(row.values()) for row in counted] == [("user:owner", "sea.look", 1)]

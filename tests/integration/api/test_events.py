"""Routes of events: the audit by every filter, one execution's events, streams on the wire, and never another workspace."""

import asyncio
import json

import pytest

from tests.integration.api.test_tools import pages
from tests.support.entries import running, settlement
from tests.support.fakes import START, refusing
from tests.support.until import eventually
from toolcrib.contracts.execution import Status
from toolcrib.kit.clock import iso
from toolcrib.kit.db import DatabaseUnavailable

AUDIT, EVENTS, EXECUTIONS = "/api/v1/audit", "/api/v1/events", "/api/v1/tools/executions"
STREAMED = {"accept": "text/event-stream"}


def said(body):
    """The events of a stream: id, name and data of each; comments and the first line are left out."""
    blocks = [dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":")) for block in body.decode().split("\n\n") if block]  # fmt: skip
    return [(b.get("id"), b["event"], json.loads(b["data"])) for b in blocks if "event" in b]


async def kinds(door, query):
    status, _, answer = await door("GET", f"{AUDIT}?{query}")
    assert status == 200, answer
    return [event["type"] for event in answer["items"]]


async def test_the_audit_pages_newest_first_and_neither_misses_nor_repeats(rig, door):
    for _ in range(3):
        await running(rig)
    told = await pages(door, AUDIT, "items")
    assert [event["id"] for event in told] == [event["seq"] for event in reversed(await rig.events())]


async def test_an_event_is_told_whole(rig, door):
    made = await running(
        rig, status=Status.DENIED, error_code="FORBIDDEN", actor_type="agent", actor_id="agent:a"
    )
    event = (await door("GET", f"{AUDIT}?limit=1")).json["items"][0]
    assert event == {
        "id": event["id"], "type": "ToolExecutionDenied", "at": iso(START), "execution_id": made.execution_id, "actor_type": "agent",
        "actor_id": "agent:a", "about": "test.tool", "facts": {"status": "denied", "error_code": "FORBIDDEN"},
    }  # fmt: skip


async def test_every_filter_of_the_audit_narrows(rig, door):
    tool = await rig.register()
    listed = (await door("GET", f"/api/v1/tools/{tool}")).json
    await running(rig)
    special = await running(
        rig, tool=tool, exception_id="x1", subject_type="vehicle", subject_id="s1", actor_id="agent:a", at=START + 2_000_000
    )  # fmt: skip
    later, before = iso(START + 1_000_000), iso(START + 3_000_000)
    for query in (
        "exception_id=x1", "subject_type=vehicle", "subject_id=s1", "subject_type=vehicle&subject_id=s1", "actor=agent:a",
        f"execution_id={special.execution_id}", f"from={later}", f"from={later}&to={before}", f"tool={tool}&type=ToolExecutionRequested",
        f"tool={listed['id']}&type=ToolExecutionRequested",
    ):  # fmt: skip
        assert await kinds(door, query) == ["ToolExecutionRequested"], query
    assert await kinds(door, "type=ToolRegistered") == ["ToolRegistered"]
    assert await kinds(door, "exception_id=x1&actor=user:owner") == []


@pytest.mark.parametrize("query", ["type=Nothing", "limit=0", "from=yesterday", "surprise=1", "cursor=AA", "cursor=%21", "tool=", "cursor=LTE"])  # fmt: skip
async def test_a_wrong_query_of_the_audit_is_400(door, query):
    status, _, answer = await door("GET", f"{AUDIT}?{query}")
    assert (status, answer["error"]["code"]) == (400, "VALIDATION_ERROR")


async def test_one_executions_events_come_in_order_and_in_pages(rig, door):
    made = await running(rig)
    await rig.gateway.stores.ledger.settle(settlement(made))
    await running(rig)
    path = f"{EXECUTIONS}/{made.execution_id}/events"
    told = [event["type"] for event in (await door("GET", path)).json["items"]]
    assert told == ["ToolExecutionRequested", "ToolExecutionCompleted"]
    first = (await door("GET", f"{path}?limit=1")).json
    second = (await door("GET", f"{path}?limit=1&cursor={first['next']}")).json
    assert [event["type"] for event in (*first["items"], *second["items"])] == told
    assert second["next"] is None


async def test_an_ended_execution_streams_its_events_and_ends(rig, door):
    made = await running(rig)
    await rig.gateway.stores.ledger.settle(settlement(made))
    reply = await door("GET", f"{EXECUTIONS}/{made.execution_id}/events", headers=STREAMED, stays=True)
    assert (reply.status, reply.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    assert reply.headers["cache-control"] == "no-store"
    assert reply.body.startswith(b"retry: 2000\nid: 0\n\nid: ")
    told = said(reply.body)
    assert [name for _, name, _ in told] == ["ToolExecutionRequested", "ToolExecutionCompleted", "end"]
    listed = (await door("GET", f"{EXECUTIONS}/{made.execution_id}/events")).json["items"]
    assert [(int(number), data) for number, _, data in told[:-1]] == [(one["id"], one) for one in listed]


@pytest.mark.parametrize("accept", ["application/json", "application/json, text/event-stream", "*/*", ""])
async def test_who_does_not_ask_for_a_stream_first_gets_json(rig, door, accept):
    made = await running(rig)
    reply = await door("GET", f"{EXECUTIONS}/{made.execution_id}/events", headers={"accept": accept})
    assert (reply.headers["content-type"], len(reply.json["items"])) == ("application/json", 1)


async def test_an_executions_stream_resumes_after_the_last_event_seen(rig, door):
    made = await running(rig)
    await rig.gateway.stores.ledger.settle(settlement(made))
    path = f"{EXECUTIONS}/{made.execution_id}/events"
    (first, _, _), *_ = said((await door("GET", path, headers=STREAMED, stays=True)).body)
    again = await door("GET", path, headers=STREAMED | {"last-event-id": first}, stays=True)
    assert [name for _, name, _ in said(again.body)] == ["ToolExecutionCompleted", "end"]


async def test_the_workspaces_stream_tells_what_follows_and_ends_with_the_process(rig, door):
    tool = await rig.register()
    seen = (await rig.events())[-1]["seq"]
    await rig.call(tool)
    following = asyncio.create_task(door("GET", EVENTS, headers={"last-event-id": str(seen)}, stays=True))
    await eventually(lambda: rig.gateway.stores.ledger.tail._feeds, "somebody follows")
    await rig.gateway.tools.set_enabled(rig.owner, tool, enabled=False)
    rig.gateway.end_streams()
    told = said((await following).body)
    assert [name for _, name, _ in told][:2] == ["ToolExecutionRequested", "ToolExecutionCompleted"]
    assert told[-1][1:] == ("end", {})


async def test_a_stream_whose_key_is_revoked_ends_with_that_error(rig, door):
    text = await rig.key(name="passing")
    holder = await rig.gateway.credentials.principal(text)
    following = asyncio.create_task(door.as_(text)("GET", EVENTS, stays=True))
    await eventually(lambda: rig.gateway.stores.ledger.tail._feeds, "somebody follows")
    await rig.gateway.keys.revoke(rig.owner, holder.key_id)
    told = said((await following).body)
    assert [(name, data["code"]) for _, name, data in told] == [("error", "UNAUTHORIZED")]


async def test_a_stream_that_cannot_be_read_ends_with_that_error(rig, door):
    rig.tap.reading += [nothing, refusing(DatabaseUnavailable("away"))]
    told = said((await door("GET", EVENTS, headers={"last-event-id": "0"}, stays=True)).body)
    assert [(name, data["code"]) for _, name, data in told] == [("error", "UNAVAILABLE")]


async def nothing():
    return


async def test_a_stream_that_cannot_begin_is_503(rig, door):
    rig.tap.reading.append(refusing(DatabaseUnavailable("away")))
    reply = await door("GET", EVENTS, stays=True)
    assert (reply.status, reply.headers["retry-after"]) == (503, "2")


async def test_a_stream_tells_first_where_it_begins(rig, door):
    await running(rig)
    following = asyncio.create_task(door("GET", EVENTS, stays=True))
    await eventually(lambda: rig.gateway.stores.ledger.tail._feeds, "somebody follows")
    rig.gateway.end_streams()
    newest = (await rig.events())[-1]["seq"]
    assert (await following).body.startswith(f"retry: 2000\nid: {newest}\n\n".encode())


@pytest.mark.parametrize("number", ["x", "-1", "1.5", "²", "1" * 19, "0x1"])
@pytest.mark.parametrize("path", [EVENTS, EXECUTIONS + "/{id}/events"])
async def test_a_last_event_id_that_is_none_is_400(rig, door, path, number):
    made = await running(rig)
    headers = STREAMED | {"last-event-id": number}
    status, _, answer = await door("GET", path.format(id=made.execution_id), headers=headers)
    assert (status, answer["error"]["details"]["errors"][0]["path"]) == (400, "/headers/Last-Event-ID")


@pytest.mark.parametrize(("method", "path"), [("GET", "events"), ("GET", "result"), ("POST", "cancel")])
async def test_an_execution_of_another_workspace_is_unknown_byte_by_byte(rig, door, method, path):
    theirs = await running(rig, await rig.workspace())
    unknown = await door(method, f"{EXECUTIONS}/exe_none/{path}", headers=STREAMED, stays=True)
    assert unknown.status == 404
    found = await door(method, f"{EXECUTIONS}/{theirs.execution_id}/{path}", headers=STREAMED, stays=True)
    assert (found.status, found.body) == (404, unknown.body)


async def test_the_audit_holds_one_workspace(rig, door):
    other = await rig.workspace()
    await running(rig, other)
    assert await kinds(door, "type=ToolExecutionRequested") == []

"""Routes of the ledger: pages newest first, every filter, one with its payloads, one workspace."""

import pytest

from tests.integration.api.test_tools import pages
from tests.support.entries import running, settlement
from tests.support.fakes import START
from toolcrib.contracts.execution import Status
from toolcrib.kit.clock import iso

PATH = "/api/v1/tools/executions"


async def ids(door, query):
    status, _, answer = await door("GET", f"{PATH}?{query}")
    assert status == 200, answer
    return [item["execution_id"] for item in answer["items"]]


async def test_pages_are_newest_first_and_neither_miss_nor_repeat(rig, door):
    made = [(await running(rig)).execution_id for _ in range(5)]
    assert [item["execution_id"] for item in await pages(door, PATH, "items")] == made[::-1]


async def test_a_page_stays_where_it_is_when_new_calls_come(rig, door):
    made = [(await running(rig)).execution_id for _ in range(3)]
    first = (await door("GET", f"{PATH}?limit=2")).json
    await running(rig)
    second = (await door("GET", f"{PATH}?limit=2&cursor={first['next']}")).json
    assert [item["execution_id"] for item in second["items"]] == made[:1]


async def test_every_filter_narrows(rig, door):
    await running(rig)
    special = await running(
        rig, tool_id="tool_2", tool="other.tool", status=Status.DENIED, error_code="FORBIDDEN", exception_id="x1",
        subject_type="vehicle", subject_id="s1", actor_id="agent:a", at=START + 2_000_000,
    )  # fmt: skip
    later, before = iso(START + 1_000_000), iso(START + 3_000_000)
    for query in (
        "tool_id=tool_2", "tool=other.tool", "status=denied", "exception_id=x1", "subject_type=vehicle", "subject_id=s1", "actor=agent:a",
        f"from={later}", f"from={later}&to={before}", f"tenant_id={rig.owner.workspace_id}&status=denied",
        f"from={later.replace('Z', '+00:00')}",
    ):  # fmt: skip
        assert await ids(door, query) == [special.execution_id], query
    assert await ids(door, "status=denied&tool=test.tool") == []


@pytest.mark.parametrize(
    "query",
    ["status=done", "limit=0", "from=yesterday", "to=1", "surprise=1", "cursor=AA", "tool=", "tool=a%00b"],
)
async def test_a_query_that_is_wrong_is_400_on_every_database(door, query):
    status, _, answer = await door("GET", f"{PATH}?{query}")
    assert (status, answer["error"]["code"]) == (400, "VALIDATION_ERROR")


async def test_the_workspace_of_a_query_is_the_credentials(sqlite_door):
    status, _, answer = await sqlite_door("GET", f"{PATH}?tenant_id=other")
    assert (status, answer["error"]["code"]) == (403, "FORBIDDEN")


async def test_one_execution_is_shown_whole(rig, door):
    made = await running(rig, subject_type="view", subject_id="v", input='{"a":1}')
    status, _, now = await door("GET", f"{PATH}/{made.execution_id}")
    assert (status, now["status"], now["finished_at"], now["execution_time_ms"]) == (
        200,
        "running",
        None,
        None,
    )
    await rig.gateway.stores.ledger.settle(settlement(made))
    shown = (await door("GET", f"{PATH}/{made.execution_id}")).json
    assert shown == now | {
        "status": "succeeded", "output_payload": {"done": True}, "execution_time_ms": 5.0,
        "updated_at": iso(START + 5_000), "finished_at": iso(START + 5_000),
    }  # fmt: skip
    assert (shown["workspace_id"], shown["subject"], shown["input_payload"]) == (
        rig.owner.workspace_id,
        {"type": "view", "id": "v"},
        {"a": 1},
    )
    assert (shown["requested_by_actor_type"], shown["requested_by_actor_id"], shown["created_at"]) == (
        "user",
        "user:owner",
        iso(START),
    )


async def test_an_execution_of_another_workspace_is_unknown_byte_by_byte(rig, door):
    other = await rig.workspace()
    theirs = await running(rig, other)
    unknown = await door("GET", f"{PATH}/exe_none")
    assert unknown.status == 404
    assert (await door("GET", f"{PATH}/{theirs.execution_id}")).body == unknown.body
    assert await ids(door, "") == []

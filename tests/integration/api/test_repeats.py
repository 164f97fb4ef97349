"""Headers of a call and its result again: idempotency keys, answers that are not waited for, and calls that are ended."""

import asyncio

import pytest

from tests.support.entries import running, settlement
from toolcrib.contracts.execution import Status
from toolcrib.contracts.principal import ActorType
from toolcrib.contracts.provider import Failure

EXECUTIONS = "/api/v1/tools/executions"


def execute(door, tool, given=None, **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return door("POST", f"/api/v1/tools/{tool}/execute", {"input": given or {}}, headers=named)


async def begun(rig, door, tool, **headers):
    """A call that runs, by its task and id, and what lets it end."""
    hanging = rig.provider.hangs()
    task = asyncio.create_task(execute(door, tool, **headers))
    await hanging.begun.wait()
    return task, rig.provider.ran[-1].execution_id, hanging.go


async def test_a_repeated_key_is_answered_with_the_same_bytes(rig, door):
    tool = await rig.register()
    first = await execute(door, tool, {"a": 1.50, "b": "é"}, idempotency_key="k 1")
    again = await execute(door, tool, {"b": "é", "a": 1.5}, idempotency_key=" k 1 ")
    assert (again.status, again.body) == (200, first.body)
    assert ("idempotency-replayed" in first.headers, again.headers["idempotency-replayed"]) == (False, "true")
    assert "location" not in again.headers
    assert len(rig.provider.ran) == 1


async def test_a_repeated_key_is_answered_with_the_same_failure(rig, door):
    rig.provider.answers(Failure("NO_TIDE", "No tide.", {"port": "oslo"}, http_status=404))
    tool = await rig.register(errors=[{"code": "NO_TIDE", "http_status": 404}])
    first, again = [await execute(door, tool, idempotency_key="k") for _ in range(2)]
    assert (first.status, again.status, again.body) == (404, 404, first.body)
    assert again.headers["idempotency-replayed"] == "true"


async def test_while_it_runs_a_repeated_key_is_asked_to_wait(rig, door):
    tool = await rig.register()
    task, execution_id, go = await begun(rig, door, tool, idempotency_key="k")
    status, headers, answer = await execute(door, tool, idempotency_key="k")
    assert (status, headers["retry-after"], answer["status"]) == (409, "1", "failed")
    assert answer["error"]["details"] == {"reason": "in_progress", "execution_id": execution_id}
    assert answer["error"]["retryable"]
    assert "idempotency-replayed" not in headers
    go.set()
    assert (await task).status == 200


async def test_a_key_with_other_arguments_is_a_conflict_without_a_time_to_wait(rig, door):
    tool = await rig.register()
    await execute(door, tool, {"a": 1}, idempotency_key="k")
    status, headers, answer = await execute(door, tool, {"a": 2}, idempotency_key="k")
    assert (status, answer["error"]["details"]) == (409, {"reason": "arguments_differ"})
    assert "retry-after" not in headers


@pytest.mark.parametrize("key", ["", "  ", "x" * 256, "a\tb", "a\x7fb", "é"])
async def test_a_key_that_is_none_is_400_and_runs_nothing(sqlite_rig, sqlite_door, key):
    tool = await sqlite_rig.register()
    status, _, answer = await execute(sqlite_door, tool, idempotency_key=key)
    assert (status, answer["error"]["details"]["errors"][0]["path"]) == (400, "/headers/Idempotency-Key")
    assert sqlite_rig.provider.ran == []


async def test_two_keys_in_one_request_are_400(sqlite_rig, sqlite_door):
    tool = await sqlite_rig.register()
    status, _, answer = await execute(sqlite_door, tool, idempotency_key="a", Idempotency_Key="b")
    assert (status, answer["error"]["details"]["errors"][0]["path"]) == (400, "/headers/Idempotency-Key")
    assert sqlite_rig.provider.ran == []


@pytest.mark.parametrize("key", ["x", "x" * 255, "a b", '"quoted"', "~!{}"])
async def test_these_keys_are_good(sqlite_rig, sqlite_door, key):
    tool = await sqlite_rig.register()
    assert (await execute(sqlite_door, tool, idempotency_key=key)).status == 200
    assert (await execute(sqlite_door, tool, idempotency_key=key)).headers["idempotency-replayed"] == "true"


@pytest.mark.parametrize("prefer", ["respond-async", "Respond-Async; x=1", "wait=10, respond-async", "return=minimal,respond-async "])  # fmt: skip
async def test_who_prefers_not_to_wait_is_told_where_the_result_will_be(sqlite_rig, sqlite_door, prefer):
    hanging, tool = sqlite_rig.provider.hangs(), await sqlite_rig.register()
    status, headers, answer = await execute(sqlite_door, tool, {"a": 1}, prefer=prefer)
    place = f"{EXECUTIONS}/{answer['execution_id']}/result"
    assert (status, headers["location"]) == (202, place)
    assert (answer["success"], answer["status"], answer["output"], answer["error"]) == (
        False,
        "running",
        None,
        None,
    )
    meanwhile = await sqlite_door("GET", place)
    assert (meanwhile.status, meanwhile.headers["location"]) == (202, place)
    hanging.go.set()
    await sqlite_rig.gateway.calls.drain(5)
    status, headers, answer = await sqlite_door("GET", place)
    assert (status, answer["success"], answer["output"], "location" in headers) == (
        200,
        True,
        {"a": 1},
        False,
    )


@pytest.mark.parametrize(
    "prefer", ["wait=5", "respond-asynchronously", 'x="respond-async"', "return=respond-async"]
)
async def test_any_other_wish_is_waited_for(sqlite_rig, sqlite_door, prefer):
    assert (await execute(sqlite_door, await sqlite_rig.register(), prefer=prefer)).status == 200


async def test_a_repeated_key_that_does_not_wait_is_answered_once_it_is_known(rig, door):
    tool = await rig.register()
    first = await execute(door, tool, {"a": 1}, prefer="respond-async", idempotency_key="k")
    await rig.gateway.calls.drain(5)
    again = await execute(door, tool, {"a": 1}, prefer="respond-async", idempotency_key="k")
    assert (first.status, again.status, again.json["output"]) == (202, 200, {"a": 1})
    assert again.json["execution_id"] == first.json["execution_id"]


async def test_a_result_is_sent_as_execute_sent_it(rig, door):
    tool = await rig.register()
    first = await execute(door, tool, {"a": 1})
    result = await door("GET", f"{EXECUTIONS}/{first.json['execution_id']}/result")
    assert (result.status, result.body) == (200, first.body)


async def test_a_result_whose_details_were_deleted_has_its_code_and_a_status(rig, door):
    made = await running(rig)
    await rig.gateway.stores.ledger.settle(
        settlement(made, status=Status.FAILED, error_code="NO_TIDE", error_message="No tide.", output=None)
    )
    status, _, answer = await door("GET", f"{EXECUTIONS}/{made.execution_id}/result")
    assert (status, answer["error"]) == (
        422, {"code": "NO_TIDE", "message": "No tide.", "details": {}, "retryable": False},
    )  # fmt: skip


async def test_a_call_whose_outcome_is_not_known_asks_nobody_to_try_again(rig, door):
    made = await running(rig)
    await rig.gateway.stores.ledger.settle(
        settlement(
            made, status=Status.INTERRUPTED, error_code="UNAVAILABLE", error_message="lost", output=None
        )
    )
    reply = await door("GET", f"{EXECUTIONS}/{made.execution_id}/result")
    assert (reply.status, reply.json["error"]["retryable"], "retry-after" in reply.headers) == (
        503,
        False,
        False,
    )


async def test_a_running_call_is_cancelled_and_its_caller_is_told(rig, door):
    task, execution_id, _ = await begun(rig, door, await rig.register())
    asked = await door("POST", f"{EXECUTIONS}/{execution_id}/cancel")
    assert (asked.status, asked.json["execution_id"]) == (200, execution_id)
    assert asked.json["cancel_requested_at"] is not None
    answer = await task
    assert (answer.status, answer.json["status"], answer.json["error"]["details"]) == (
        409, "cancelled", {"reason": "cancelled"},
    )  # fmt: skip
    again = await door("POST", f"{EXECUTIONS}/{execution_id}/cancel")
    assert (again.status, again.json["error"]["details"]) == (409, {"reason": "ended"})


async def test_who_may_not_cancel_is_refused(rig, door):
    task, execution_id, go = await begun(rig, door, await rig.register())
    agent = door.as_(await rig.key(actor_type=ActorType.AGENT))
    refused = await agent("POST", f"{EXECUTIONS}/{execution_id}/cancel")
    assert (refused.status, refused.json["error"]["code"]) == (403, "FORBIDDEN")
    go.set()
    assert (await task).status == 200

"""Idempotency keys: one effect for one key, whoever asks at the same time, and the same answer again."""

import asyncio

import pytest

from tests.support.fakes import refusing
from toolcrib.contracts.errors import Unavailable
from toolcrib.contracts.execution import Status, Subject
from toolcrib.contracts.principal import Role
from toolcrib.contracts.provider import Failure
from toolcrib.kit.db import DatabaseUnavailable
from toolcrib.ledger.repeats import LIFE_US


async def test_a_repeated_key_gives_the_first_answer_again_and_runs_nothing(rig):
    tool = await rig.register()
    first = await rig.call(tool, {"a": 1.5, "b": ["x"]}, idempotency_key="k")
    again = await rig.call(tool, {"b": ["x"], "a": 1.5}, idempotency_key="k")
    assert (again.execution_id, again.status, again.output) == (
        first.execution_id,
        first.status,
        first.output,
    )
    assert again.execution_time_ms == first.execution_time_ms
    assert (first.replayed, again.replayed) == (False, True)
    assert len(rig.provider.ran) == len(await rig.rows("SELECT id FROM executions")) == 1


async def test_a_failure_is_told_again_whole(rig):
    rig.provider.answers(
        Failure("NO_TIDE", "No tide\x00 today.", {"port": "oslo"}, retryable=True, http_status=404)
    )
    tool = await rig.register(errors=[{"code": "NO_TIDE", "http_status": 404}])
    first = await rig.call(tool, idempotency_key="k")
    again = await rig.call(tool, idempotency_key="k")
    assert first.error == again.error == {
        "code": "NO_TIDE", "message": "No tide today.", "details": {"port": "oslo"}, "retryable": True,
    }  # fmt: skip
    assert (again.http_status, again.replayed, len(rig.provider.ran)) == (404, True, 1)


@pytest.mark.parametrize(
    "other",
    [{"given": {"a": 2}}, {"subject": Subject("view", "v")}, {"exception_id": "x"}],
    ids=["input", "subject", "exception"],
)
async def test_other_arguments_under_the_same_key_are_a_conflict(rig, other):
    tool = await rig.register()
    await rig.call(tool, {"a": 1}, idempotency_key="k")
    result = await rig.call(tool, **{"given": {"a": 1}, **other}, idempotency_key="k")
    assert (result.status, result.error["code"], result.error["details"]) == (
        Status.FAILED, "CONFLICT", {"reason": "arguments_differ"},
    )  # fmt: skip
    assert (await rig.find(result.execution_id)).error_code == "CONFLICT"
    assert len(rig.provider.ran) == 1


async def test_while_the_first_runs_the_second_is_told_so(rig):
    hanging, tool = rig.provider.hangs(), await rig.register()
    first = asyncio.create_task(rig.call(tool, idempotency_key="k"))
    await hanging.begun.wait()
    second = await rig.call(tool, idempotency_key="k")
    assert second.error["details"]["reason"] == "in_progress"
    hanging.go.set()
    done = await first
    assert second.error["details"]["execution_id"] == done.execution_id
    assert (await rig.call(tool, idempotency_key="k")).replayed


async def test_of_many_at_once_one_runs(rig):
    tool = await rig.register()
    results = await asyncio.gather(*(rig.call(tool, {"n": 1}, idempotency_key="k") for _ in range(8)))
    assert len(rig.provider.ran) == 1
    assert {r.execution_id for r in results if r.error is None} == {rig.provider.ran[0].execution_id}
    assert {r.error["details"]["reason"] for r in results if r.error} <= {"in_progress"}


async def test_keys_of_others_are_not_seen(rig):
    tool, other_tool = await rig.register(), await rig.register()
    await rig.call(tool, {"a": 1}, idempotency_key="k")
    colleague = await rig.principal(role=Role.MEMBER)
    assert not (await rig.call(tool, {"a": 2}, by=colleague, idempotency_key="k")).replayed
    assert not (await rig.call(other_tool, {"a": 1}, idempotency_key="k")).replayed
    elsewhere = await rig.workspace()
    theirs = await rig.register(by=elsewhere)
    assert not (await rig.call(theirs, {"a": 1}, by=elsewhere, idempotency_key="k")).replayed
    assert len(rig.provider.ran) == 4


async def test_a_refusal_holds_no_key(rig):
    tool = await rig.register()
    await rig.gateway.tools.set_enabled(rig.owner, tool, enabled=False)
    assert (await rig.call(tool, idempotency_key="k")).error["code"] == "TOOL_DISABLED"
    await rig.gateway.tools.set_enabled(rig.owner, tool, enabled=True)
    assert (await rig.call(tool, idempotency_key="k")).status is Status.SUCCEEDED


async def test_who_may_no_longer_call_learns_nothing_of_the_earlier_answer(rig):
    tool = await rig.register()
    await rig.call(tool, idempotency_key="k")
    await rig.gateway.tools.set_enabled(rig.owner, tool, enabled=False)
    result = await rig.call(tool, idempotency_key="k")
    assert (result.error["code"], result.replayed, result.output) == ("TOOL_DISABLED", False, None)


async def test_a_call_decided_on_old_facts_claims_its_key_when_it_is_decided_again(rig):
    tool = await rig.register()
    await rig.raise_generation()
    assert (await rig.call(tool, idempotency_key="k")).status is Status.SUCCEEDED
    assert (await rig.call(tool, idempotency_key="k")).replayed


async def test_a_key_past_its_life_can_be_used_anew(rig):
    tool = await rig.register()
    first = await rig.call(tool, idempotency_key="k")
    rig.clock.at += LIFE_US - 1
    assert (await rig.call(tool, idempotency_key="k")).replayed
    rig.clock.at += 1
    anew = await rig.call(tool, {"other": True}, idempotency_key="k")
    assert (anew.status, anew.replayed) == (Status.SUCCEEDED, False)
    assert anew.execution_id != first.execution_id


async def test_an_interrupted_call_is_never_repeated(rig):
    second, tool = await rig.beside(), await rig.register()
    hanging = second.provider.hangs()
    lost = asyncio.create_task(second.call(tool, idempotency_key="k"))
    await hanging.begun.wait()
    await rig.sql(
        "UPDATE processes SET dead_at = renewed_at WHERE id = :id", id=second.gateway.stores.ledger.owner.id
    )
    await rig.gateway.stores.ledger.keep()
    again = await rig.call(tool, idempotency_key="k")
    assert (again.status, again.error["code"], again.replayed) == (Status.INTERRUPTED, "UNAVAILABLE", True)
    assert rig.provider.ran == []
    hanging.go.set()
    assert (await lost).status is Status.INTERRUPTED


async def test_where_the_earlier_answer_cannot_be_read_the_call_is_unavailable(rig):
    tool = await rig.register()
    await rig.call(tool, idempotency_key="k")
    rig.tap.reading.append(refusing(DatabaseUnavailable("away")))
    with pytest.raises(Unavailable):
        await rig.call(tool, idempotency_key="k")


async def test_what_was_not_recorded_is_not_told_again(rig):
    tool = await rig.register(record="none")
    await rig.call(tool, {"a": 1}, idempotency_key="k")
    again = await rig.call(tool, {"a": 1}, idempotency_key="k")
    assert (again.status, again.output, again.replayed, len(rig.provider.ran)) == (
        Status.SUCCEEDED,
        None,
        True,
        1,
    )

"""The ledger at the counter: events, streams, results again, and calls that are ended or not waited for."""

import asyncio
import contextlib

import pytest

from tests.support.fakes import refusing
from tests.support.until import eventually
from toolcrib.contracts.errors import Conflict, Forbidden, NotFound, Unauthorized, Unavailable
from toolcrib.contracts.execution import EventType, Status, Subject
from toolcrib.contracts.principal import ActorType, Permission, Role
from toolcrib.kit.db import DatabaseUnavailable

SOON = 0.05


async def begun(rig, tool, **rest):
    """A call that runs, by its task and id."""
    hanging = rig.provider.hangs()
    task = asyncio.create_task(rig.call(tool, **rest))
    await hanging.begun.wait()
    return task, rig.provider.ran[-1].execution_id


async def test_a_call_that_is_not_waited_for_runs_on_and_its_result_is_found(rig):
    hanging, tool = rig.provider.hangs(), await rig.register()
    started = await rig.call(tool, {"a": 1}, wait=False)
    assert (started.status, started.output, started.error) == (Status.RUNNING, None, None)
    assert (await rig.gateway.history.result(rig.owner, started.execution_id)).status is Status.RUNNING
    hanging.go.set()
    await rig.gateway.calls.drain(5)
    result = await rig.gateway.history.result(rig.owner, started.execution_id)
    assert (result.status, result.output, result.error) == (Status.SUCCEEDED, {"a": 1}, None)


async def test_an_outcome_that_nobody_waits_for_is_owed_as_well(rig):
    hanging, tool = rig.provider.hangs(), await rig.register()
    started = await rig.call(tool, wait=False)
    await hanging.begun.wait()
    rig.tap.before.append(refusing(DatabaseUnavailable("away")))
    hanging.go.set()
    await rig.gateway.calls.drain(5)
    await asyncio.sleep(0)
    assert (await rig.find(started.execution_id)).status is Status.RUNNING
    await rig.gateway.stores.ledger.keep()
    assert (await rig.find(started.execution_id)).status is Status.SUCCEEDED


async def test_a_refusal_is_told_at_once_even_to_who_does_not_wait(rig):
    tool = await rig.register(input_schema={"type": "object", "required": ["a"]})
    assert (await rig.call(tool, wait=False)).error["code"] == "VALIDATION_ERROR"


async def test_a_running_call_is_cancelled_with_its_events(rig):
    tool = await rig.register()
    task, execution_id = await begun(rig, tool)
    asked = await rig.gateway.history.cancel(rig.owner, execution_id)
    assert asked.cancel_at == rig.clock.at
    result = await task
    assert (result.status, result.error["code"], result.error["details"]) == (
        Status.CANCELLED, "CONFLICT", {"reason": "cancelled"},
    )  # fmt: skip
    assert (await rig.find(execution_id)).status is Status.CANCELLED
    told = [event.type for event in await rig.gateway.history.events(rig.owner, execution_id, 10)]
    assert told == ["ToolExecutionRequested", "ToolExecutionCancelRequested", "ToolExecutionCancelled"]


async def test_asking_twice_is_one_request(rig):
    task, execution_id = await begun(rig, await rig.register())
    ledger = rig.gateway.stores.ledger
    assert await ledger.ask_to_cancel(rig.owner, execution_id)
    before = await rig.events()
    assert not await ledger.ask_to_cancel(rig.owner, execution_id)
    assert await rig.events() == before
    rig.gateway.calls.cancel([execution_id, execution_id])
    await task
    assert [event["seq"] for event in await rig.events()] == list(range(1, len(before) + 2))


async def test_a_call_of_another_process_is_cancelled_by_its_owner(rig):
    second, tool = await rig.beside(), await rig.register()
    task, execution_id = await begun(second, tool)
    await rig.gateway.history.cancel(rig.owner, execution_id)
    assert not task.done()
    assert await rig.gateway.stores.ledger.to_cancel() == []
    second.gateway.calls.cancel(await second.gateway.stores.ledger.to_cancel())
    assert (await task).status is Status.CANCELLED


async def test_what_has_ended_cannot_be_cancelled(rig):
    result = await rig.call(await rig.register())
    with pytest.raises(Conflict, match="is succeeded"):
        await rig.gateway.history.cancel(rig.owner, result.execution_id)


async def test_who_may_cancel(rig):
    tool = await rig.register()
    agent = await rig.principal(actor_type=ActorType.AGENT)
    viewer = await rig.principal(role=Role.VIEWER)
    task, execution_id = await begun(rig, tool)
    for other in (agent, viewer):
        with pytest.raises(Forbidden, match=Permission.EXECUTIONS_CANCEL):
            await rig.gateway.history.cancel(other, execution_id)
    elsewhere = await rig.workspace()
    with pytest.raises(NotFound):
        await rig.gateway.history.cancel(elsewhere, execution_id)
    await rig.gateway.history.cancel(await rig.principal(role=Role.MEMBER), execution_id)
    assert (await task).status is Status.CANCELLED
    own, own_id = await begun(rig, tool, by=agent)
    await rig.gateway.history.cancel(agent, own_id)
    assert (await own).status is Status.CANCELLED


async def test_the_audit_is_newest_first_and_every_filter_narrows(rig):
    tool = await rig.register()
    await rig.call(tool)
    agent = await rig.principal(actor_type=ActorType.AGENT)
    rig.clock.go(5)
    special = await rig.call(tool, by=agent, subject=Subject("vehicle", "v1"), exception_id="x1")
    audit = rig.gateway.history.audit
    newest = await audit(rig.owner, 3, {})
    assert [event.seq for event in newest] == sorted((event.seq for event in newest), reverse=True)
    for wanted in (
        {"actor": agent.actor_id}, {"exception_id": "x1"}, {"subject_type": "vehicle", "subject_id": "v1"},
        {"execution_id": special.execution_id}, {"from": rig.clock.at}, {"tool": tool, "from": rig.clock.at, "to": rig.clock.at + 1},
    ):  # fmt: skip
        found = await audit(rig.owner, 10, wanted)
        assert [event.type for event in found] == ["ToolExecutionCompleted", "ToolExecutionRequested"], wanted
    assert [event.about for event in await audit(rig.owner, 10, {"type": "ToolRegistered"})] == [tool]
    assert await audit(rig.owner, 10, {"exception_id": "x1", "subject_type": "folder"}) == []
    assert await audit(rig.owner, 10, {"after": newest[-1].seq, "from": rig.clock.at}) == []


async def test_events_of_an_execution_come_in_pages(rig):
    result = await rig.call(await rig.register())
    first = await rig.gateway.history.events(rig.owner, result.execution_id, 1)
    second = await rig.gateway.history.events(rig.owner, result.execution_id, 5, first[0].seq)
    assert [event.type for event in (*first, *second)] == ["ToolExecutionRequested", "ToolExecutionCompleted"]
    with pytest.raises(NotFound):
        await rig.gateway.history.events(await rig.workspace(), result.execution_id, 5)


async def followed(pages, until, seconds=30.0):
    """What a stream says until an event of that type."""
    seen = []
    async with asyncio.timeout(seconds), contextlib.aclosing(pages):
        async for page in pages:
            seen += page
            if any(event.type == until for event in page):
                return seen
    raise AssertionError("the stream ended")


async def test_a_stream_tells_what_is_committed_from_now_on(rig):
    tool = await rig.register()
    await rig.call(tool)
    following = asyncio.create_task(
        followed(rig.gateway.history.follow(rig.owner, None, SOON), "ToolDisabled")
    )
    while not rig.gateway.stores.ledger.tail._feeds:
        await asyncio.sleep(0.001)
    result = await rig.call(tool)
    await rig.gateway.tools.set_enabled(rig.owner, tool, enabled=False)
    seen = await following
    assert [event.type for event in seen] == [
        "ToolExecutionRequested",
        "ToolExecutionCompleted",
        "ToolDisabled",
    ]
    assert [event.execution_id for event in seen] == [result.execution_id] * 2 + [None]


async def test_a_stream_that_resumes_skips_and_repeats_nothing(rig):
    tool = await rig.register()
    for _ in range(3):
        await rig.call(tool)
    all_seqs = [event["seq"] for event in await rig.events()]
    seen = []
    async with contextlib.aclosing(rig.gateway.history.follow(rig.owner, all_seqs[1], SOON)) as pages:
        async for page in pages:
            seen += [event.seq for event in page]
            if len(seen) == len(all_seqs) - 2:
                break
    assert seen == all_seqs[2:]


async def test_a_stream_tells_what_another_process_writes(rig):
    second, tool = await rig.beside(), await rig.register()
    following = asyncio.create_task(
        followed(rig.gateway.history.follow(rig.owner, None, SOON), "ToolExecutionCompleted")
    )
    while not rig.gateway.stores.ledger.tail._feeds:
        await asyncio.sleep(0.001)
    result = await second.call(tool)
    assert (await following)[-1].execution_id == result.execution_id


async def test_a_stream_of_another_workspace_tells_nothing_of_this_one(rig):
    elsewhere, tool = await rig.workspace(), await rig.register()
    theirs = await rig.register(by=elsewhere)
    following = asyncio.create_task(
        followed(rig.gateway.history.follow(elsewhere, None, SOON), "ToolDisabled")
    )
    while not rig.gateway.stores.ledger.tail._feeds:
        await asyncio.sleep(0.001)
    await rig.call(tool)
    await rig.gateway.tools.set_enabled(elsewhere, theirs, enabled=False)
    assert [event.about for event in await following] == [theirs]


async def test_a_stream_ends_with_its_key(rig):
    text = await rig.key(name="passing")
    holder = await rig.gateway.credentials.principal(text)
    following = asyncio.create_task(followed(rig.gateway.history.follow(holder, None, SOON), "never"))
    while not rig.gateway.stores.ledger.tail._feeds:
        await asyncio.sleep(0.001)
    await rig.gateway.keys.revoke(rig.owner, holder.key_id)
    with pytest.raises(Unauthorized):
        await following
    assert rig.gateway.stores.ledger.tail._feeds == {}


async def test_an_execution_is_followed_to_its_end(rig):
    tool = await rig.register()
    task, execution_id = await begun(rig, tool)
    seen = []

    async def follow():
        async for page in rig.gateway.history.follow_execution(rig.owner, execution_id, 0, SOON):
            seen.extend(page)

    following = asyncio.create_task(follow())
    while not rig.gateway.stores.ledger.tail._feeds:
        await asyncio.sleep(0.001)
    await rig.gateway.history.cancel(rig.owner, execution_id)
    await asyncio.wait_for(following, 30)
    await task
    assert [event.type for event in seen] == [
        EventType.EXECUTION_REQUESTED, EventType.CANCEL_REQUESTED, EventType.EXECUTION_CANCELLED,
    ]  # fmt: skip


async def test_an_execution_that_has_ended_is_told_and_the_stream_ends(rig):
    result = await rig.call(await rig.register())
    pages = [
        page async for page in rig.gateway.history.follow_execution(rig.owner, result.execution_id, 0, SOON)
    ]
    assert [event.type for page in pages for event in page] == [
        "ToolExecutionRequested",
        "ToolExecutionCompleted",
    ]


async def test_streams_end_with_the_process(rig):
    following = asyncio.create_task(followed(rig.gateway.history.follow(rig.owner, None, 60), "never"))
    while not rig.gateway.stores.ledger.tail._feeds:
        await asyncio.sleep(0.001)
    rig.gateway.end_streams()
    with pytest.raises(AssertionError, match="the stream ended"):
        await following
    with pytest.raises(AssertionError, match="the stream ended"):
        await followed(rig.gateway.history.follow(rig.owner, None, 60), "never")


async def test_a_stream_of_an_execution_ends_with_the_process_too(rig):
    task, execution_id = await begun(rig, await rig.register())
    pages = rig.gateway.history.follow_execution(rig.owner, execution_id, 0, 60)
    assert [event.type for event in await anext(pages)] == ["ToolExecutionRequested"]
    rig.gateway.end_streams()
    assert [event for page in [page async for page in pages] for event in page] == []
    rig.gateway.calls.cancel([execution_id])
    await task


async def test_a_ledger_that_cannot_be_read_is_unavailable(rig):
    rig.tap.reading.append(refusing(DatabaseUnavailable("away")))
    with pytest.raises(Unavailable):
        await rig.gateway.history.audit(rig.owner, 1, {})


async def test_what_nobody_waits_for_and_never_ends_is_closed_when_the_process_stops(rig):
    second = await rig.beside()
    tool = await rig.register()
    task, execution_id = await begun(second, tool, wait=False)
    assert (await task).status is Status.RUNNING
    await second.gateway.calls.drain(SOON)
    found = await rig.find(execution_id)
    assert (found.status, found.error_code) == (Status.INTERRUPTED, "UNAVAILABLE")


async def test_a_call_that_ends_before_it_is_cancelled_stays_as_it_ended(rig):
    hanging, tool = rig.provider.hangs(), await rig.register()
    task = asyncio.create_task(rig.call(tool))
    await hanging.begun.wait()
    execution_id = rig.provider.ran[-1].execution_id
    assert await rig.gateway.stores.ledger.ask_to_cancel(rig.owner, execution_id)
    hanging.go.set()
    assert (await task).status is Status.SUCCEEDED
    rig.gateway.calls.cancel([execution_id])
    assert (await rig.find(execution_id)).status is Status.SUCCEEDED
    assert (await rig.gateway.stores.ledger.ask_to_cancel(rig.owner, execution_id)) is False


async def test_of_a_cancel_and_an_end_at_once_one_is_recorded(rig):
    tool = await rig.register()
    for _ in range(10):
        hanging = rig.provider.hangs()
        task = asyncio.create_task(rig.call(tool))
        await hanging.begun.wait()
        execution_id = rig.provider.ran[-1].execution_id
        hanging.go.set()
        with contextlib.suppress(Conflict):
            await rig.gateway.history.cancel(rig.owner, execution_id)
        result = await task
        assert result.status in {Status.SUCCEEDED, Status.CANCELLED}
        assert (await rig.find(execution_id)).status is result.status
        ends = [event.type for event in await rig.gateway.history.events(rig.owner, execution_id, 10)]
        closing = {Status.SUCCEEDED: "ToolExecutionCompleted", Status.CANCELLED: "ToolExecutionCancelled"}
        assert ends[0] == "ToolExecutionRequested"
        assert ends.count(closing[result.status]) == 1
        assert "OutcomeLearned" not in ends


async def test_a_listener_that_falls_behind_is_cut_and_misses_nothing_when_it_comes_back(rig):
    tool = await rig.register()
    pages = rig.gateway.history.follow(rig.owner, None, SOON)
    assert await anext(pages) == []
    start = (await rig.events())[-1]["seq"]
    for _ in range(11):
        await asyncio.gather(*(rig.call(tool) for _ in range(50)))
    await eventually(lambda: _cut(rig), "it is cut")
    assert [page async for page in pages] == []
    seen, wanted = [], [event["seq"] for event in await rig.events()][-1]
    async with contextlib.aclosing(rig.gateway.history.follow(rig.owner, start, SOON)) as again:
        async for page in again:
            seen += [event.seq for event in page]
            if seen and seen[-1] == wanted:
                break
    assert seen == list(range(start + 1, wanted + 1))


def _cut(rig):
    return all(one.cut for feed in rig.gateway.stores.ledger.tail._feeds.values() for one in feed.listeners)

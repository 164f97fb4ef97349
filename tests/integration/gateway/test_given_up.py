"""A caller that is cancelled: its call is closed in the ledger, its key is free where nothing ran, and it stays cancelled."""

import asyncio

import pytest

from tests.support.until import eventually
from toolcrib.contracts.execution import Call, Status
from toolcrib.kit.db import DatabaseUnavailable


async def given_up(task):
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def held(gate, begun):
    async def hold():
        begun.set()
        await gate.wait()

    return hold


async def statuses(rig):
    return [row["status"] for row in await rig.rows("SELECT status FROM executions ORDER BY id")]


async def test_a_call_given_up_while_it_is_recorded_is_closed_as_not_run_and_frees_its_key(rig):
    tool, gate, begun = await rig.register(), asyncio.Event(), asyncio.Event()
    rig.tap.before.append(held(gate, begun))
    task = asyncio.create_task(rig.call(tool, idempotency_key="k"))
    await begun.wait()
    await given_up(task)
    gate.set()

    async def recorded():
        return await statuses(rig) == ["running"]

    await eventually(recorded, "the record is written")
    await rig.gateway.stores.ledger.keep()
    [row] = await rig.rows("SELECT * FROM executions")
    assert (row["status"], row["error_code"]) == ("failed", "UNAVAILABLE")
    assert "was not run" in row["error_message"]
    assert rig.provider.ran == []
    again = await rig.call(tool, idempotency_key="k")
    assert (again.status, again.replayed, len(rig.provider.ran)) == (Status.SUCCEEDED, False, 1)
    assert rig.gateway.stores.ledger._owed == {}


async def test_a_refused_call_given_up_while_it_is_recorded_is_recorded_as_refused(rig):
    tool, gate, begun = await rig.register(enabled=False), asyncio.Event(), asyncio.Event()
    rig.tap.before.append(held(gate, begun))
    task = asyncio.create_task(rig.call(tool))
    await begun.wait()
    await given_up(task)
    gate.set()

    async def recorded():
        return await statuses(rig) == ["denied"]

    await eventually(recorded, "the record is written")
    assert rig.gateway.stores.ledger._owed == {}


async def test_calls_given_up_at_any_moment_leave_nothing_running(rig):
    tool = await rig.register()
    for moment in range(60):
        task = asyncio.create_task(rig.call(tool, idempotency_key=f"k{moment}"))
        for _ in range(moment):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert (await rig.call(tool)).status is Status.SUCCEEDED
    await rig.gateway.stores.ledger.keep()
    assert "running" not in await statuses(rig)


async def test_a_caller_that_is_cancelled_stays_cancelled_and_calls_nothing_more(rig):
    hanging, tool = rig.provider.hangs(), await rig.register()

    async def loop():
        for _ in range(3):
            await rig.call(tool)

    task = asyncio.create_task(loop())
    await hanging.begun.wait()
    await given_up(task)
    assert await statuses(rig) == ["interrupted"]
    [row] = await rig.rows("SELECT error_message FROM executions")
    assert "given up" in row["error_message"]


async def test_who_insists_is_answered_all_the_same(rig):
    hanging, tool = rig.provider.hangs(), await rig.register()
    call = Call(tool, {})
    task = asyncio.create_task(rig.gateway.calls.call_tool(rig.owner, call, insists=True))
    await hanging.begun.wait()
    task.cancel()
    assert (await task).status is Status.INTERRUPTED
    assert await statuses(rig) == ["interrupted"]


async def test_a_time_limit_around_a_call_is_kept(rig):
    rig.provider.hangs()
    tool = await rig.register()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await rig.call(tool)
    assert await statuses(rig) == ["interrupted"]


async def test_the_outcome_of_a_caller_cancelled_twice_is_owed(rig):
    hanging, tool = rig.provider.hangs(), await rig.register()
    gate, begun = asyncio.Event(), asyncio.Event()
    task = asyncio.create_task(rig.call(tool))
    await hanging.begun.wait()

    async def refused():
        begun.set()
        await gate.wait()
        raise DatabaseUnavailable("away")

    rig.tap.before.append(refused)
    task.cancel()
    await begun.wait()
    await given_up(task)
    gate.set()
    await asyncio.sleep(0)
    await rig.gateway.stores.ledger.keep()
    assert await statuses(rig) == ["interrupted"]


async def test_a_refusal_given_up_while_it_is_recorded_stays_a_refusal(sqlite_rig):
    rig = sqlite_rig
    tool, gate, begun = await rig.register(), asyncio.Event(), asyncio.Event()
    await rig.gateway.tools.set_enabled(rig.owner, tool, enabled=False)
    rig.tap.before.append(held(gate, begun))
    task = asyncio.create_task(rig.call(tool))
    await begun.wait()
    await given_up(task)
    gate.set()

    async def recorded():
        return await statuses(rig) == ["denied"]

    await eventually(recorded, "the refusal is written")
    assert rig.gateway.stores.ledger._owed == {}

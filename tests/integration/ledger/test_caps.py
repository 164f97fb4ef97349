"""How many calls may run at once, counted in the batch that records them."""

import asyncio

import pytest

from tests.support.entries import intent, running, settlement
from tests.support.rig import Rig
from toolcrib.contracts.execution import Status
from toolcrib.kit.ids import new_id
from toolcrib.ledger.service import Cap, Claim, Full


async def in_one_batch(rig: Rig, items: list) -> list:
    """The answers to intents that wait for the same commit."""
    ledger, held = rig.gateway.stores.ledger, asyncio.Event()
    rig.tap.before.append(held.wait)
    first = asyncio.create_task(
        ledger.record(await intent(rig, status=Status.DENIED, error_code="FORBIDDEN"))
    )
    await asyncio.sleep(0)
    waiting = [asyncio.create_task(ledger.record(one)) for one in items]
    await asyncio.sleep(0)
    held.set()
    await first
    return await asyncio.gather(*waiting)


@pytest.mark.parametrize("of", ["workspace_id", "actor_id", "tool_id", "host"])
async def test_those_of_one_batch_count_for_each_other_in_their_order(rig: Rig, of: str):
    cap = Cap(of, 3)
    await running(rig, host="h.example")
    items = [await intent(rig, host="h.example", caps=(cap,)) for _ in range(4)]
    assert await in_one_batch(rig, items) == [True, True, Full(cap), Full(cap)]


async def test_what_ends_in_the_same_batch_makes_room(rig: Rig):
    old = await running(rig)
    new = await intent(rig, caps=(Cap("tool_id", 1),))
    ledger, held = rig.gateway.stores.ledger, asyncio.Event()
    rig.tap.before.append(held.wait)
    first = asyncio.create_task(
        ledger.record(await intent(rig, status=Status.DENIED, error_code="FORBIDDEN"))
    )
    await asyncio.sleep(0)
    waiting = [asyncio.create_task(ledger.record(new)), asyncio.create_task(ledger.settle(settlement(old)))]
    await asyncio.sleep(0)
    held.set()
    await first
    assert await asyncio.gather(*waiting) == [True, True]


async def test_others_in_another_workspace_tool_or_host_do_not_count(rig: Rig):
    stranger = await rig.workspace()
    await running(rig, host="a.example", tool_id="tool_2", actor_id="user:b")
    await running(rig, stranger, host="h.example")
    caps = (Cap("host", 1), Cap("tool_id", 1), Cap("actor_id", 1))
    items = [await intent(rig, host="h.example", caps=caps)]
    assert await in_one_batch(rig, items) == [True]


async def test_one_that_is_refused_leaves_no_row_and_holds_no_key(rig: Rig):
    await running(rig)
    key = new_id("exe")
    workspace = rig.owner.workspace_id
    claim = Claim(workspace, "user:owner", "tool_1", "k", key, "{}", 1)
    one = await intent(rig, execution_id=key, claim=claim, caps=(Cap("workspace_id", 1),))
    assert await in_one_batch(rig, [one]) == [Full(Cap("workspace_id", 1))]
    assert await rig.rows(f"SELECT id FROM executions WHERE id = '{key}'") == []
    assert await rig.rows("SELECT key FROM idempotency_keys") == []

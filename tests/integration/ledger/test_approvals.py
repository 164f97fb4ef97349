"""Approvals in the ledger: asked for with an intent, used up by another one, ended; each once, whoever comes first."""

import asyncio

import pytest

from tests.support.entries import intent, running, settlement, status
from tests.support.rig import Rig
from toolcrib.contracts.approval import ApprovalState
from toolcrib.contracts.execution import Status
from toolcrib.kit.ids import new_id
from toolcrib.ledger.service import Asking, Cap, Full, Gone, Granting, ending_of

FAR = 1 << 60


async def waiting(rig: Rig, who=None, **parts):
    """A recorded call that waits."""
    asking = Asking(new_id("apr"), parts.pop("digest", "d" * 64), ("why",), False, b"sealed", parts.pop("until", FAR))  # fmt: skip
    made = await intent(
        rig, who, status=Status.AWAITING_APPROVAL, asking=asking, execution_id=new_id("exe"), **parts
    )
    assert await rig.gateway.stores.ledger.record(made) is True
    return made


async def yes(rig: Rig, of, **parts):
    """The intent by which it would run."""
    digest = parts.pop("digest", of.asking.digest)
    granted = Granting(of.asking.id, digest, "user", "user:ann")
    return await intent(rig, execution_id=of.execution_id, granted=granted, **parts)


async def found(rig: Rig, of):
    approval, sealed = await rig.gateway.stores.ledger.waiting.find(of.workspace_id, of.asking.id)
    return approval.state, sealed


async def test_a_yes_to_the_same_digest_in_time_lets_it_run_once(rig: Rig):
    ledger, made = rig.gateway.stores.ledger, await waiting(rig)
    assert await found(rig, made) == (ApprovalState.PENDING, b"sealed")
    assert await ledger.record(await yes(rig, made)) is True
    assert await found(rig, made) == (ApprovalState.GRANTED, None)
    assert await status(rig, made) == "running"
    assert isinstance(await ledger.record(await yes(rig, made)), Gone)
    assert await ledger.settle(settlement(made))
    assert await status(rig, made) == "succeeded"


@pytest.mark.parametrize("parts", [{"digest": "e" * 64}])
async def test_a_yes_to_something_else_lets_nothing_run(rig: Rig, parts):
    made = await waiting(rig)
    assert isinstance(await rig.gateway.stores.ledger.record(await yes(rig, made, **parts)), Gone)
    assert await status(rig, made) == "awaiting_approval"


async def test_a_yes_that_comes_late_lets_nothing_run(rig: Rig):
    made = await waiting(rig, until=1)
    assert isinstance(await rig.gateway.stores.ledger.record(await yes(rig, made)), Gone)
    assert (await status(rig, made), (await found(rig, made))[0]) == (
        "awaiting_approval",
        ApprovalState.PENDING,
    )


async def test_a_yes_on_older_facts_is_stale_and_uses_nothing_up(rig: Rig):
    made = await waiting(rig)
    late = await yes(rig, made)
    await rig.raise_generation()
    assert await rig.gateway.stores.ledger.record(late) is False
    assert (await found(rig, made))[0] is ApprovalState.PENDING
    assert await rig.gateway.stores.ledger.record(await yes(rig, made)) is True


async def test_one_that_would_be_too_many_uses_nothing_up(rig: Rig):
    made, cap = await waiting(rig), Cap("tool_id", 1)
    await running(rig)
    assert await rig.gateway.stores.ledger.record(await yes(rig, made, caps=(cap,))) == Full(cap)
    assert (await found(rig, made))[0] is ApprovalState.PENDING


async def test_a_yes_and_a_no_of_one_batch_count_once(rig: Rig):
    ledger, made, held = rig.gateway.stores.ledger, await waiting(rig), asyncio.Event()
    approval, _ = await ledger.waiting.find(made.workspace_id, made.asking.id)
    rig.tap.before.append(held.wait)
    first = asyncio.create_task(ledger.record(await intent(rig, execution_id=new_id("exe"))))
    await asyncio.sleep(0)
    agreed = asyncio.create_task(ledger.record(await yes(rig, made)))
    again = asyncio.create_task(ledger.record(await yes(rig, made)))
    denied = asyncio.create_task(
        ledger.waiting.end(ending_of(approval, ApprovalState.DENIED, ("user", "user:ann"), 1))
    )
    await asyncio.sleep(0)
    held.set()
    answers = await asyncio.gather(first, agreed, denied)
    assert answers == [True, True, False]
    assert isinstance(await again, Gone)
    seqs = [event["seq"] for event in await rig.events()]
    assert seqs == list(range(seqs[0], seqs[0] + len(seqs))), "numbers that nothing took are given back"


async def test_what_nobody_decided_ends_by_itself_and_nothing_else_does(rig: Rig):
    ledger, over, open_ = rig.gateway.stores.ledger, await waiting(rig, until=1), await waiting(rig)
    other = await waiting(rig, await rig.workspace(), until=1)
    await ledger.do_books()
    states = [(await found(rig, one))[0] for one in (over, open_, other)]
    assert states == [ApprovalState.EXPIRED, ApprovalState.PENDING, ApprovalState.EXPIRED]
    assert [await status(rig, one) for one in (over, open_, other)] == [
        "expired",
        "awaiting_approval",
        "expired",
    ]


async def test_a_waiting_call_is_nobodys_orphan(rig: Rig):
    made = await waiting(rig, owner="prc_dead")
    await rig.sql("UPDATE processes SET dead_at = renewed_at")
    await rig.gateway.stores.ledger.do_books()
    assert await status(rig, made) == "awaiting_approval"


async def test_there_is_no_approval_of_another_workspace(rig: Rig):
    made, other = await waiting(rig), await rig.workspace()
    assert await rig.gateway.stores.ledger.waiting.find(other.workspace_id, made.asking.id) is None
    assert await rig.gateway.stores.ledger.waiting.find(made.workspace_id, "apr_none") is None


async def test_many_that_are_over_end_in_a_few_transactions(rig: Rig):
    """One each would hold up the renewal of this process's claim, and with it whatever runs here."""
    over = [await waiting(rig, until=1) for _ in range(20)]
    before = rig.tap.transactions
    await rig.gateway.stores.ledger.do_books()
    assert rig.tap.transactions - before < 10
    assert [(await found(rig, one))[0] for one in over] == [ApprovalState.EXPIRED] * 20

"""Many calls of many workspaces in one transaction: numbers without gaps in the order of commits, and nobody hurt by another."""

import asyncio
from dataclasses import replace

import pytest

from tests.support.entries import generations, intent, running, settlement, status
from tests.support.rig import Rig, numbers, open_rig
from toolcrib.contracts.execution import Status
from toolcrib.contracts.names import GLOBAL
from toolcrib.kit.db import Clash, DatabaseUnavailable, Query
from toolcrib.ledger.entries import Batch
from toolcrib.ledger.queries.writing import raise_generation
from toolcrib.ledger.service import Intent, Settlement


async def in_one_batch(rig: Rig, *items: Intent | Settlement) -> list[object]:
    """Queue all while another transaction is under way; they share the next one."""
    ledger, held = rig.gateway.stores.ledger, asyncio.Event()
    rig.tap.most_writers = 1
    rig.tap.before.append(held.wait)  # type: ignore[arg-type]
    first = asyncio.create_task(ledger.record(await intent(rig)))
    await asyncio.sleep(0)
    waiting = [
        asyncio.create_task(ledger.record(item) if isinstance(item, Intent) else ledger.settle(item))
        for item in items
    ]
    await asyncio.sleep(0)
    before = rig.tap.transactions
    held.set()
    assert await first
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert rig.tap.transactions >= before + 1
    return list(answers)


async def test_calls_of_many_workspaces_share_one_transaction(rig):
    owners = [rig.owner, *[await rig.workspace() for _ in range(3)]]
    old = [await running(rig, who) for who in owners]
    new = [await intent(rig, who) for who in owners for _ in range(2)]
    before = rig.tap.transactions
    assert await in_one_batch(rig, *new, *map(settlement, old)) == [True] * 12
    assert rig.tap.transactions == before + 2


async def test_numbers_have_no_gap_and_follow_the_order_of_the_queue(rig):
    owners = [rig.owner, await rig.workspace(), await rig.workspace()]
    before = {who.workspace_id: numbers(await rig.events(who)) for who in owners}
    started = [await running(rig, who) for who in owners]
    mixed = [
        item
        for old, who in zip(started, owners, strict=True)
        for item in (settlement(old), await intent(rig, who))
    ]
    await in_one_batch(rig, *mixed[::2], *mixed[1::2])
    for number, who in enumerate(owners):
        events = [event for event in await rig.events(who) if event["execution_id"]]
        own = [
            event["execution_id"]
            for event in events
            if event["execution_id"] in {m.execution_id for m in mixed}
        ]
        assert own == [started[number].execution_id] * 2 + [mixed[2 * number + 1].execution_id]
        seqs = numbers(await rig.events(who))
        first = (before[who.workspace_id] or seqs)[0]
        assert seqs == list(range(first, first + len(seqs)))


async def test_a_stale_intent_among_others_leaves_neither_row_nor_gap(rig):
    good, late, last = await intent(rig), await intent(rig), await intent(rig)
    late.generation -= 1
    assert await in_one_batch(rig, good, late, last) == [True, False, True]
    assert await status(rig, late) == "absent"
    seqs = numbers(await rig.events())
    assert seqs == list(range(seqs[0], seqs[0] + len(seqs)))
    assert len(await rig.rows("SELECT * FROM bodies")) == 3


async def test_an_intent_decided_on_an_older_global_generation_is_not_recorded(rig):
    stale = await intent(rig)
    await rig.raise_generation("global")
    assert await rig.gateway.stores.ledger.record(stale) is False
    assert await status(rig, stale) == "absent"


async def test_a_change_of_another_workspace_makes_no_intent_stale(rig):
    other = await rig.workspace()
    made = await intent(rig)
    await rig.raise_generation(other.workspace_id)
    assert await rig.gateway.stores.ledger.record(made) is True


async def test_a_batch_of_stale_intents_alone_takes_no_number(rig):
    stale = await intent(rig)
    await rig.raise_generation()
    seq = (await rig.rows(f"SELECT seq FROM workspace_state WHERE workspace_id = '{stale.workspace_id}'"))[0][
        "seq"
    ]
    assert await rig.gateway.stores.ledger.record(stale) is False
    after = (await rig.rows(f"SELECT seq FROM workspace_state WHERE workspace_id = '{stale.workspace_id}'"))[
        0
    ]["seq"]
    assert after == seq


async def test_a_bad_row_hurts_only_itself(rig):
    other = await rig.workspace()
    taken = await running(rig)
    good, bad, alien = await intent(rig), await intent(rig), await intent(rig, other)
    bad.execution_id = taken.execution_id
    answers = await in_one_batch(rig, good, bad, alien, settlement(taken))
    assert [answers[0], answers[2], answers[3]] == [True, True, True]
    assert isinstance(answers[1], Clash)
    assert [await status(rig, one) for one in (good, alien, taken)] == ["running", "running", "succeeded"]


async def test_a_value_that_no_column_takes_hurts_only_its_row(rig):
    good, bad = await intent(rig), await intent(rig, at=2**70)
    answers = await in_one_batch(rig, good, bad)
    assert answers[0] is True
    assert isinstance(answers[1], Exception)
    assert [await status(rig, one) for one in (good, bad)] == ["running", "absent"]


async def test_an_intent_leaves_a_running_row_its_input_and_an_event(rig):
    made = await running(rig, input='{"a":1}', subject_type="view", subject_id="v1", exception_id="x1")
    (row,) = await rig.rows("SELECT * FROM executions")
    assert (row["status"], row["owner"], row["finished_at"], row["execution_time_us"]) == (
        "running",
        made.owner,
        None,
        None,
    )
    assert (row["subject_type"], row["subject_id"], row["exception_id"]) == ("view", "v1", "x1")
    (body,) = await rig.rows("SELECT * FROM bodies")
    assert (body["execution_id"], body["part"], body["body"]) == (made.execution_id, "input", '{"a":1}')
    event = (await rig.events())[-1]
    assert (event["type"], event["execution_id"], event["about"], event["facts"]) == (
        "ToolExecutionRequested", made.execution_id, made.tool, None,
    )  # fmt: skip


async def test_a_refused_call_is_final_at_once(rig):
    await running(rig, status=Status.DENIED, error_code="FORBIDDEN", error_message="no")
    (row,) = await rig.rows("SELECT * FROM executions")
    assert (row["status"], row["error_code"], row["finished_at"], row["execution_time_us"]) == (
        "denied",
        "FORBIDDEN",
        row["created_at"],
        0,
    )
    event = (await rig.events())[-1]
    assert (event["type"], event["facts"]) == (
        "ToolExecutionDenied",
        '{"status":"denied","error_code":"FORBIDDEN"}',
    )


@pytest.mark.parametrize(
    ("outcome", "kind"),
    [
        (Status.SUCCEEDED, "ToolExecutionCompleted"),
        (Status.FAILED, "ToolExecutionFailed"),
        (Status.INTERRUPTED, "ToolExecutionInterrupted"),
    ],
)
async def test_a_settlement_closes_the_row_and_tells(rig, outcome, kind):
    made = await running(rig)
    assert await rig.gateway.stores.ledger.settle(settlement(made, status=outcome)) is True
    (row,) = await rig.rows("SELECT * FROM executions")
    assert (row["status"], row["execution_time_us"], row["finished_at"]) == (
        outcome.value,
        5_000,
        row["updated_at"],
    )
    assert (await rig.events())[-1]["type"] == kind


async def test_a_failure_without_output_keeps_no_output(rig):
    made = await running(rig)
    await rig.gateway.stores.ledger.settle(
        settlement(made, status=Status.FAILED, error_code="X", output=None)
    )
    assert [body["part"] for body in await rig.rows("SELECT * FROM bodies")] == ["input"]


async def test_a_late_outcome_is_an_event_and_overwrites_nothing(rig):
    made = await running(rig)
    ledger = rig.gateway.stores.ledger
    await ledger.settle(settlement(made, status=Status.INTERRUPTED, error_code="UNAVAILABLE", output=None))
    assert await ledger.settle(settlement(made)) is False
    (row,) = await rig.rows("SELECT * FROM executions")
    assert (row["status"], row["error_code"]) == ("interrupted", "UNAVAILABLE")
    assert [body["part"] for body in await rig.rows("SELECT * FROM bodies")] == ["input"]
    event = (await rig.events())[-1]
    assert (event["type"], event["facts"]) == ("OutcomeLearned", '{"status":"succeeded","error_code":""}')


async def test_an_outcome_of_another_owner_closes_nothing(rig):
    made = await running(rig)
    assert await rig.gateway.stores.ledger.settle(settlement(made, owner="prc_other")) is False
    assert await status(rig, made) == "running"


async def test_an_outcome_and_the_next_call_of_one_batch_are_both_written(rig):
    old, new = await running(rig), await intent(rig)
    assert await in_one_batch(rig, settlement(old), new) == [True, True]
    assert [await status(rig, one) for one in (old, new)] == ["succeeded", "running"]


async def test_generations_of_unknown_scopes_are_below_all(rig):
    assert (await generations(rig, "nowhere"))[0] == -1


@pytest.mark.parametrize("scope", ["workspace", "global"])
async def test_what_a_batch_was_decided_on_stays_until_it_is_committed(empty_postgres, scope):
    async with open_rig(empty_postgres) as rig:
        made, engine = await intent(rig), rig.tap.inner
        changed = GLOBAL if scope == "global" else made.workspace_id

        async def change(tx):
            await tx.run(Query(postgresql="SET LOCAL lock_timeout = 100"))
            await raise_generation(tx, changed)

        async def batch(tx):
            assert await Batch().apply(tx, [made]) == [True]
            with pytest.raises(DatabaseUnavailable, match="LockNotAvailable"):
                await engine.transact((changed,), change)

        await engine.transact((made.workspace_id, GLOBAL), batch)
        await engine.transact((changed,), change)
        assert await rig.gateway.stores.ledger.record(await intent(rig)) is True
        made = replace(made, execution_id=f"{made.execution_id}x")
        assert await rig.gateway.stores.ledger.record(made) is False

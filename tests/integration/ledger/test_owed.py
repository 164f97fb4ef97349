"""When the database refuses: what was not recorded did not happen, and an outcome that could not be written is written later."""

import asyncio

import pytest

from tests.support.entries import intent, running, settlement, status
from tests.support.fakes import refusing
from tests.support.relay import relay
from tests.support.rig import open_rig
from toolcrib.contracts.errors import Unavailable
from toolcrib.contracts.execution import Status
from toolcrib.kit.db import DatabaseError, DatabaseUnavailable

AWAY = DatabaseUnavailable("away")
UNCERTAIN = DatabaseUnavailable("broke", uncertain=True)


async def test_a_call_that_cannot_be_recorded_did_not_happen(rig):
    made = await intent(rig)
    rig.tap.before.append(refusing(AWAY))
    with pytest.raises(Unavailable):
        await rig.gateway.stores.ledger.record(made)
    await rig.gateway.stores.ledger.keep()
    assert await status(rig, made) == "absent"


async def test_a_record_whose_commit_is_uncertain_and_happened_is_closed_as_not_run(rig):
    made = await intent(rig)
    rig.tap.after.append(refusing(UNCERTAIN))
    with pytest.raises(Unavailable):
        await rig.gateway.stores.ledger.record(made)
    assert await status(rig, made) == "running"
    await rig.gateway.stores.ledger.keep()
    (row,) = await rig.rows("SELECT * FROM executions")
    assert (row["status"], row["error_code"]) == ("failed", "UNAVAILABLE")
    assert "was not run" in row["error_message"]


async def test_a_record_whose_commit_is_uncertain_and_did_not_happen_leaves_nothing(rig):
    made = await intent(rig)
    rig.tap.before.append(refusing(UNCERTAIN))
    with pytest.raises(Unavailable):
        await rig.gateway.stores.ledger.record(made)
    await rig.gateway.stores.ledger.keep()
    assert await status(rig, made) == "absent"
    rig.clock.go(60)
    await rig.gateway.stores.ledger.keep()
    assert rig.gateway.stores.ledger._owed == {}


async def test_a_record_whose_uncertain_commit_arrives_late_is_closed_as_not_run(rig):
    ledger, made = rig.gateway.stores.ledger, await intent(rig)
    rig.tap.before.append(refusing(UNCERTAIN))
    with pytest.raises(Unavailable):
        await ledger.record(made)
    await ledger.keep()
    assert await ledger.record(made)  # as the database that had it all the time
    rig.clock.go(59)
    await ledger.keep()
    assert await status(rig, made) == "failed"


async def test_an_uncertain_record_of_a_refusal_needs_no_closing(rig):
    made = await intent(rig, status=Status.DENIED, error_code="FORBIDDEN")
    rig.tap.after.append(refusing(UNCERTAIN))
    with pytest.raises(Unavailable):
        await rig.gateway.stores.ledger.record(made)
    await rig.gateway.stores.ledger.keep()
    assert await status(rig, made) == "denied"


async def test_an_outcome_that_the_database_refuses_is_written_later(rig):
    ledger, made = rig.gateway.stores.ledger, await running(rig)
    rig.tap.before.append(refusing(AWAY))
    with pytest.raises(Unavailable, match="its outcome could not be recorded yet"):
        await ledger.settle(settlement(made))
    assert await status(rig, made) == "running"
    await ledger.keep()
    assert await status(rig, made) == "succeeded"
    assert [event["type"] for event in await rig.events()][-1] == "ToolExecutionCompleted"


async def test_what_is_owed_stays_owed_while_the_database_is_away(rig):
    ledger, made = rig.gateway.stores.ledger, await running(rig)
    rig.tap.before += [refusing(AWAY)] * 2
    with pytest.raises(Unavailable):
        await ledger.settle(settlement(made))
    with pytest.raises(DatabaseUnavailable):
        await ledger.keep()
    await ledger.keep()
    assert await status(rig, made) == "succeeded"


async def test_what_cannot_be_paid_now_is_paid_with_the_next_books(rig):
    ledger, made = rig.gateway.stores.ledger, await running(rig)
    rig.tap.before.append(refusing(AWAY))
    with pytest.raises(Unavailable):
        await ledger.settle(settlement(made))
    rig.tap.before += [nothing, refusing(AWAY)]  # it renews, and then cannot write
    with pytest.raises(DatabaseUnavailable):
        await ledger.keep()
    assert await status(rig, made) == "running"
    await ledger.keep()
    assert (await rig.find(made.execution_id)).output_payload == {"done": True}


async def test_an_outcome_that_was_written_after_all_is_not_written_twice(rig):
    ledger, made = rig.gateway.stores.ledger, await running(rig)
    rig.tap.after.append(refusing(UNCERTAIN))
    with pytest.raises(Unavailable):
        await ledger.settle(settlement(made))
    before = await rig.events()
    await ledger.keep()
    assert await rig.events() == before


async def test_an_owed_outcome_is_not_lost_when_this_process_was_declared_dead_meanwhile(rig):
    ledger, made = rig.gateway.stores.ledger, await running(rig)
    rig.tap.before.append(refusing(AWAY))
    with pytest.raises(Unavailable):
        await ledger.settle(settlement(made))
    await rig.sql("UPDATE processes SET dead_at = renewed_at WHERE id = :id", id=ledger.owner.id)
    await ledger.keep()
    assert await status(rig, made) == "succeeded"


async def test_an_owed_outcome_of_a_call_that_others_gave_up_is_told(rig):
    ledger, made = rig.gateway.stores.ledger, await running(rig)
    rig.tap.before.append(refusing(AWAY))
    with pytest.raises(Unavailable):
        await ledger.settle(settlement(made))
    await rig.sql("UPDATE executions SET status = 'interrupted' WHERE id = :id", id=made.execution_id)
    await ledger.keep()
    assert await status(rig, made) == "interrupted"
    assert (await rig.events())[-1]["type"] == "OutcomeLearned"


async def test_an_owed_outcome_is_written_before_the_process_leaves(rig):
    second = await rig.beside()
    ledger, made = second.gateway.stores.ledger, await running(second)
    second.tap.before.append(refusing(AWAY))
    with pytest.raises(Unavailable):
        await ledger.settle(settlement(made))
    await second.gateway.stop()
    assert await status(rig, made) == "succeeded"


async def test_more_writes_than_may_wait_are_refused_at_once(rig_url):
    async with open_rig(rig_url, queue_limit=2) as rig:
        ledger, held = rig.gateway.stores.ledger, asyncio.Event()
        rig.tap.before.append(held.wait)
        many = [await intent(rig) for _ in range(5)]
        tasks = [asyncio.create_task(ledger.record(many[0]))]
        await asyncio.sleep(0.01)
        tasks += [asyncio.create_task(ledger.record(one)) for one in many[1:]]
        await asyncio.sleep(0)
        held.set()
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        assert answers[:3] == [True, True, True]
        assert [type(answer) for answer in answers[3:]] == [Unavailable, Unavailable]
        assert [await status(rig, one) for one in many[2:]] == ["running", "absent", "absent"]


async def test_a_full_disk_refuses_calls_and_owes_outcomes_until_there_is_room(sqlite_rig):
    rig = sqlite_rig
    ledger, made, big = rig.gateway.stores.ledger, await running(rig), '"' + "x" * 200_000 + '"'
    writer = rig.tap.inner._writer_connection
    writer.execute("PRAGMA max_page_count = 1")  # never below what the file has
    with pytest.raises(Unavailable):
        await ledger.record(await intent(rig, input=big))
    with pytest.raises(Unavailable):
        await ledger.settle(settlement(made, output=big))
    assert await status(rig, made) == "running"
    writer.execute("PRAGMA max_page_count = 100000")
    await ledger.keep()
    assert await status(rig, made) == "succeeded"
    assert (await ledger.find(made.workspace_id, made.execution_id)).output_payload == "x" * 200_000


@pytest.mark.parametrize(("cut", "found"), [("before", "absent"), ("after", "failed")])
async def test_a_wire_that_breaks_in_the_commit_of_a_record_runs_nothing(empty_postgres, cut, found):
    async with relay(empty_postgres) as wire, open_rig(wire.url) as rig:
        made = await intent(rig)
        wire.cut = cut
        with pytest.raises(Unavailable) as refused:
            await rig.gateway.stores.ledger.record(made)
        assert refused.value.__cause__.uncertain
        await rig.gateway.stores.ledger.keep()
        assert await status(rig, made) == found


@pytest.mark.parametrize("cut", ["before", "after"])
async def test_a_wire_that_breaks_in_the_commit_of_an_outcome_loses_no_outcome(empty_postgres, cut):
    async with relay(empty_postgres) as wire, open_rig(wire.url) as rig:
        made = await running(rig)
        wire.cut = cut
        with pytest.raises(Unavailable):
            await rig.gateway.stores.ledger.settle(settlement(made))
        await rig.gateway.stores.ledger.keep()
        assert await status(rig, made) == "succeeded"
        kinds = [event["type"] for event in await rig.events() if event["execution_id"] == made.execution_id]
        assert kinds == ["ToolExecutionRequested", "ToolExecutionCompleted"]


async def test_an_output_that_no_column_takes_is_left_out_and_the_call_is_closed(rig):
    ledger, made = rig.gateway.stores.ledger, await running(rig)
    rig.tap.before += [refusing(DatabaseError("no"))]
    with pytest.raises(Unavailable):
        await ledger.settle(settlement(made))
    rig.tap.before += [nothing, refusing(DatabaseError("no"))]
    await ledger.keep()
    assert await status(rig, made) == "running"
    await ledger.keep()
    assert await status(rig, made) == "succeeded"
    assert [body["part"] for body in await rig.rows("SELECT * FROM bodies")] == ["input"]


async def nothing():
    return

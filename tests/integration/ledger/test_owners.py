"""Who owns a running call: a process that renews by database time, is dead after 15 s of silence, and knows it after 10."""

import pytest

from tests.support.entries import intent, running, settlement, status
from tests.support.fakes import refusing
from toolcrib.contracts.errors import Unavailable
from toolcrib.contracts.execution import Status
from toolcrib.kit.db import DatabaseUnavailable

SECOND = 1_000_000


async def another_process(rig, name="prc_other", silent_for=0.0):
    """A process as if it stood elsewhere, that last renewed so many seconds ago."""
    await rig.sql(
        "INSERT INTO processes SELECT CAST(:name AS text), host, pid, started_at, renewed_at - CAST(:late AS bigint), NULL "
        "FROM processes WHERE id = :id",
        name=name, late=int(silent_for * SECOND), id=rig.gateway.stores.ledger.owner.id,
    )  # fmt: skip


async def dead(rig):
    return {row["id"] for row in await rig.rows("SELECT id FROM processes WHERE dead_at IS NOT NULL")}


async def trusting(rig):
    """This process has had its database for a whole period."""
    ledger = rig.gateway.stores.ledger
    for _ in range(3):
        rig.clock.go(5.5)
        await ledger.owner.renew()


async def test_a_process_silent_for_15_seconds_is_dead_and_its_calls_are_interrupted(rig):
    await trusting(rig)
    await another_process(rig, silent_for=15.5)
    made = await running(rig, owner="prc_other")
    await rig.gateway.stores.ledger.keep()
    (row,) = await rig.rows("SELECT * FROM executions")
    assert (row["status"], row["error_code"]) == ("interrupted", "UNAVAILABLE")
    assert "is not known" in row["error_message"]
    assert (await rig.events())[-1]["type"] == "ToolExecutionInterrupted"
    assert await dead(rig) == {"prc_other"}
    assert await rig.gateway.stores.ledger.settle(settlement(made)) is False


async def test_a_process_silent_for_less_is_alive_and_keeps_its_calls(rig):
    await trusting(rig)
    await another_process(rig, silent_for=13)
    made = await running(rig, owner="prc_other")
    await rig.gateway.stores.ledger.keep()
    assert await dead(rig) == set()
    assert await status(rig, made) == "running"


async def test_nobody_is_declared_dead_within_one_period_after_the_start(rig):
    await another_process(rig, silent_for=3600)
    rig.clock.go(5)
    await rig.gateway.stores.ledger.keep()
    assert await dead(rig) == set()


async def test_nobody_is_declared_dead_within_one_period_after_the_database_came_back(rig):
    await trusting(rig)
    rig.clock.go(10.5)  # no renewal for longer than a process may be silent
    await another_process(rig, silent_for=60)
    ledger = rig.gateway.stores.ledger
    for seconds in (0, 5, 5, 5):
        rig.clock.go(seconds)
        await ledger.keep()
        assert await dead(rig) == set()
    rig.clock.go(1)
    await ledger.keep()
    assert await dead(rig) == {"prc_other"}


async def test_a_short_outage_does_not_start_the_period_again(rig):
    await trusting(rig)
    rig.clock.go(9.5)
    await another_process(rig, silent_for=60)
    await rig.gateway.stores.ledger.keep()
    assert await dead(rig) == {"prc_other"}


async def test_a_process_that_was_declared_dead_goes_on_as_a_new_one(rig):
    ledger = rig.gateway.stores.ledger
    old, made = ledger.owner.id, await running(rig)
    await rig.sql("UPDATE processes SET dead_at = renewed_at WHERE id = :id", id=old)
    await ledger.keep()
    assert ledger.owner.id != old
    assert ledger.owner.holds
    assert await status(rig, made) == "interrupted"
    fresh = await running(rig)
    assert fresh.owner == ledger.owner.id
    assert await ledger.settle(settlement(fresh))


async def test_a_new_incarnation_trusts_nobody_dead_for_one_period(rig):
    await trusting(rig)
    ledger = rig.gateway.stores.ledger
    await rig.sql("UPDATE processes SET dead_at = renewed_at WHERE id = :id", id=ledger.owner.id)
    await ledger.owner.renew()
    await another_process(rig, silent_for=60)
    await ledger.keep()
    assert "prc_other" not in await dead(rig)


async def test_renewing_is_by_the_time_of_the_database(rig):
    ledger = rig.gateway.stores.ledger
    await rig.sql("UPDATE processes SET renewed_at = 0")
    rig.clock.go(-1_000_000)
    await ledger.owner.renew()
    (row,) = await rig.rows("SELECT * FROM processes")
    assert row["renewed_at"] >= row["started_at"]


async def test_a_process_that_cannot_renew_for_10_seconds_takes_no_calls(rig):
    ledger, made = rig.gateway.stores.ledger, await intent(rig)
    rig.clock.go(9.9)
    assert ledger.owner.holds
    rig.clock.go(0.1)
    assert not ledger.owner.holds
    before = rig.tap.transactions
    with pytest.raises(Unavailable):
        await ledger.record(made)
    assert rig.tap.transactions == before


async def test_a_renewal_that_fails_renews_nothing(rig):
    ledger = rig.gateway.stores.ledger
    rig.clock.go(10)
    rig.tap.before.append(refusing(DatabaseUnavailable("away")))
    with pytest.raises(DatabaseUnavailable):
        await ledger.keep()
    assert not ledger.owner.holds
    await ledger.keep()
    assert ledger.owner.holds


async def test_a_renewal_counts_from_when_it_began(rig):
    ledger = rig.gateway.stores.ledger

    async def slow():
        rig.clock.go(11)

    rig.tap.before.append(slow)
    await ledger.owner.renew()
    assert not ledger.owner.holds


async def test_a_process_that_leaves_leaves_its_calls_interrupted(rig):
    second = await rig.beside()
    made = await running(second)
    await second.gateway.stores.ledger.owner.leave()
    await rig.gateway.stores.ledger.do_books()
    assert await status(rig, made) == "interrupted"


async def test_the_long_dead_are_forgotten_once_nothing_runs_under_their_name(rig):
    await another_process(rig, "prc_empty")
    await another_process(rig, "prc_busy")
    made = await running(rig, owner="prc_busy")
    await rig.sql(
        "UPDATE processes SET dead_at = renewed_at - 3601000000 WHERE id LIKE 'prc_%' AND id IN ('prc_empty', 'prc_busy')"
    )
    await rig.gateway.stores.ledger.do_books()
    assert await dead(rig) == {"prc_busy"}
    assert await status(rig, made) == "interrupted"
    await rig.gateway.stores.ledger.do_books()
    assert await dead(rig) == set()


async def test_on_sqlite_the_next_process_knows_that_the_last_one_is_dead(sqlite_rig):
    rig = sqlite_rig
    made = await running(rig)
    second = await rig.beside()  # its start is that of the next process; the lock file lets only one live
    assert await status(rig, made) == "interrupted"
    assert await dead(rig) == {made.owner}
    assert second.gateway.stores.ledger.owner.holds


async def test_on_postgresql_a_new_process_takes_nothing_from_the_living(empty_postgres):
    from tests.support.rig import open_rig

    async with open_rig(empty_postgres) as rig:
        made = await running(rig)
        await rig.beside()
        assert await status(rig, made) == "running"
        assert await rig.gateway.stores.ledger.settle(settlement(made))


async def test_more_orphans_than_one_look_takes_are_all_closed(sqlite_rig):
    rig = sqlite_rig
    await another_process(rig)
    first = await running(rig, owner="prc_other")
    await rig.sql(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 501) "
        "INSERT INTO executions SELECT workspace_id, 'exe_x' || i, tool_id, tool, tool_version, status, actor_type, actor_id, key_id, subject_type, "
        "subject_id, exception_id, error_code, error_message, dry_run, owner, created_at, updated_at, finished_at, execution_time_us, cancel_at, on_behalf_of, host FROM executions, n "
        "WHERE id = :id",
        id=first.execution_id,
    )
    await rig.sql("UPDATE processes SET dead_at = renewed_at WHERE id = 'prc_other'")
    await rig.gateway.stores.ledger.do_books()
    await rig.gateway.stores.ledger.do_books()
    left = await rig.rows("SELECT status, count(*) AS n FROM executions GROUP BY status")
    assert [(row["status"], row["n"]) for row in left] == [(Status.INTERRUPTED, 502)]

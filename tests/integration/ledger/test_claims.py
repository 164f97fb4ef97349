"""Idempotency keys inside a batch: the first claim of a key wins, numbers keep no gap, and statements do not grow."""

import pytest

from tests.integration.ledger.test_batch import in_one_batch
from tests.support.entries import intent, running, settlement, status
from tests.support.fakes import START, CountedTx, refusing
from tests.support.rig import Rig, numbers
from toolcrib.contracts.errors import Unavailable
from toolcrib.contracts.names import GLOBAL
from toolcrib.contracts.principal import Principal
from toolcrib.kit.db import DatabaseUnavailable
from toolcrib.ledger.entries import Batch
from toolcrib.ledger.repeats import LIFE_US, Claim, Taken
from toolcrib.ledger.service import Intent


async def claiming(rig: Rig, key: str = "k", who: Principal | None = None, **parts: object) -> Intent:
    """An intent that holds a key; `arguments` are those of its execution."""
    made = await intent(rig, who, **parts)
    made.claim = Claim(
        made.workspace_id,
        made.actor_id,
        made.tool_id,
        key,
        made.execution_id,
        f"of {made.execution_id}",
        made.at,
    )
    return made


def held_by(one: Intent) -> Taken:
    return Taken(one.execution_id, f"of {one.execution_id}")


def gapless(events: list[dict]) -> bool:
    seqs = numbers(events)
    return seqs == list(range(seqs[0], seqs[0] + len(seqs)))


async def test_of_two_with_one_key_in_one_batch_the_first_is_recorded(rig):
    first, second, other = await claiming(rig), await claiming(rig), await claiming(rig, "other")
    assert await in_one_batch(rig, first, second, other) == [True, held_by(first), True]
    assert [await status(rig, one) for one in (first, second, other)] == ["running", "absent", "running"]
    assert gapless(await rig.events())
    assert len(await rig.rows("SELECT * FROM bodies")) == 3


async def test_a_key_that_was_claimed_before_is_taken_for_all_of_a_batch(rig):
    holder = await claiming(rig)
    assert await rig.gateway.stores.ledger.record(holder) is True
    late = [await claiming(rig) for _ in range(5)]
    assert await in_one_batch(rig, *late) == [held_by(holder)] * 5
    assert gapless(await rig.events())


async def test_one_key_in_two_workspaces_of_one_batch_is_two_keys(rig):
    other = await rig.workspace()
    mine, theirs = await claiming(rig), await claiming(rig, who=other)
    again = [await claiming(rig), await claiming(rig, who=other)]
    assert await in_one_batch(rig, mine, theirs, *again) == [True, True, held_by(mine), held_by(theirs)]
    assert gapless(await rig.events())
    assert gapless([event for event in await rig.events(other) if event["execution_id"]])


@pytest.mark.parametrize("part", [{"actor_id": "user:b"}, {"tool_id": "tool_2"}])
async def test_a_key_belongs_to_an_actor_and_a_tool(rig, part):
    assert await in_one_batch(rig, await claiming(rig), await claiming(rig, **part)) == [True, True]


async def test_a_stale_intent_claims_nothing(rig):
    stale, fresh = await claiming(rig), await claiming(rig)
    stale.generation -= 1
    assert await in_one_batch(rig, stale, fresh) == [False, True]
    (row,) = await rig.rows("SELECT * FROM idempotency_keys")
    assert row["execution_id"] == fresh.execution_id
    assert gapless(await rig.events())


async def test_a_claim_of_a_batch_that_fails_leaves_no_key(rig):
    taken, bad = await running(rig), await claiming(rig)
    bad.execution_id = taken.execution_id
    with pytest.raises(Exception, match=r"."):
        await rig.gateway.stores.ledger.record(bad)
    assert await rig.rows("SELECT * FROM idempotency_keys") == []


async def test_a_key_past_its_life_is_claimed_anew_by_one_of_a_batch(rig):
    assert await rig.gateway.stores.ledger.record(await claiming(rig)) is True
    first, second = [await claiming(rig, at=START + LIFE_US) for _ in range(2)]
    assert await in_one_batch(rig, first, second) == [True, held_by(first)]


async def test_a_call_whose_record_is_uncertain_and_did_not_run_frees_its_key(rig):
    ledger, made = rig.gateway.stores.ledger, await claiming(rig)
    rig.tap.after.append(refusing(DatabaseUnavailable("broke", uncertain=True)))
    with pytest.raises(Unavailable):
        await ledger.record(made)
    assert await ledger.record(await claiming(rig)) == held_by(made)
    await ledger.keep()
    assert await status(rig, made) == "failed"
    assert await ledger.record(await claiming(rig)) is True


async def test_a_call_that_ran_after_all_keeps_its_key(rig):
    """As a process that was given up and settles late what it took for not run."""
    ledger, made = rig.gateway.stores.ledger, await claiming(rig)
    await ledger.record(made)
    await ledger.settle(settlement(made))
    assert await ledger.settle(settlement(made, frees=made.claim)) is False
    assert await ledger.record(await claiming(rig)) == held_by(made)


class Statements(CountedTx):
    """Counts the statements that a batch sends."""

    sent = 0

    async def rows(self, query, **values):
        self.sent += 1
        return await super().rows(query, **values)

    async def run(self, query, **values):
        self.sent += 1
        await super().run(query, **values)

    async def insert_many(self, *into):
        self.sent += 1
        await super().insert_many(*into)

    async def update_many(self, table, keys, sets, rows):
        self.sent += 1
        return await super().update_many(table, keys, sets, rows)


async def statements(rig: Rig, items: list[Intent]) -> int:
    """What one batch of these sends; taken back afterwards."""
    counted = []

    async def apply(tx):
        one = Statements(tx, rig.tap)
        await Batch().apply(one, items)
        counted.append(one.sent)
        raise LookupError

    with pytest.raises(LookupError):
        await rig.tap.inner.transact(sorted({GLOBAL, *(item.workspace_id for item in items)}), apply)
    return counted[0]


async def test_on_postgresql_a_batch_sends_as_many_statements_for_many_claims_as_for_two(empty_postgres):
    from tests.support.rig import open_rig

    async with open_rig(empty_postgres) as rig:
        holder = await claiming(rig, "held")
        await rig.gateway.stores.ledger.record(holder)
        few = [await claiming(rig, "new"), await claiming(rig, "held")]
        elsewhere = [await rig.workspace() for _ in range(5)]
        many = [await claiming(rig, f"new {n % 20}", who) for n in range(40) for who in (None, *elsewhere)]
        many += [await claiming(rig, "held") for _ in range(40)]
        assert await statements(rig, many) == await statements(rig, few)

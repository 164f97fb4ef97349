"""Old payloads go and records stay, a little at a time; so do idempotency keys past their life."""

import pytest

from tests.support.entries import intent, running, settlement
from tests.support.fakes import START, refusing
from tests.support.rig import Rig
from toolcrib.contracts.execution import Status
from toolcrib.contracts.principal import Principal
from toolcrib.kit.db import DatabaseUnavailable
from toolcrib.kit.ids import first_id
from toolcrib.ledger.repeats import LIFE_US, Claim
from toolcrib.ledger.retention import Retention
from toolcrib.ledger.tables import executions

DAY_US = 24 * 3600 * 1_000_000
DAYS = 7


async def finished(rig: Rig, at: int, who: Principal | None = None, mark: str = "") -> str:
    """A call of that time with its input, output and the rest of an error."""
    made = await running(rig, who, execution_id=first_id("exe", at) + mark, at=at, input='{"a":1}')
    outcome = settlement(made, status=Status.FAILED, error_code="X", error='{"details":{}}')
    await rig.gateway.stores.ledger.settle(outcome)
    return made.execution_id


async def claimed(rig: Rig, at: int, key: str = "k", who: Principal | None = None) -> None:
    made = await intent(rig, who, at=at)
    made.claim = Claim(made.workspace_id, made.actor_id, made.tool_id, key, made.execution_id, "digest", at)
    assert await rig.gateway.stores.ledger.record(made) is True


async def left(rig: Rig, table: str, column: str = "execution_id") -> set[str]:
    return {row[column] for row in await rig.rows(f"SELECT {column} FROM {table}")}


def retention(rig: Rig, days: int | None = DAYS) -> Retention:
    return Retention(rig.db, rig.clock, days)


async def test_bodies_past_their_days_go_and_records_stay(rig):
    old, young = (
        await finished(rig, START - DAYS * DAY_US - 1_000),
        await finished(rig, START - DAYS * DAY_US),
    )
    events, rows = await rig.events(), await rig.rows("SELECT * FROM executions ORDER BY id")
    await retention(rig).keep()
    assert await left(rig, "bodies") == {young}
    assert (await rig.events(), await rig.rows("SELECT * FROM executions ORDER BY id")) == (events, rows)
    assert {row["id"] for row in rows} == {old, young}


async def test_what_is_found_of_an_old_call_is_all_but_its_payloads(rig):
    old = await finished(rig, START - DAYS * DAY_US - 1_000)
    await retention(rig).keep()
    found = await rig.find(old)
    assert (found.status, found.error_code, found.input_payload, found.error) == (
        Status.FAILED,
        "X",
        None,
        None,
    )
    result = await rig.gateway.history.result(rig.owner, old)
    assert result.error == {"code": "X", "message": None, "details": {}, "retryable": False}


async def test_without_days_nothing_goes(rig):
    old = await finished(rig, START - 3_650 * DAY_US)
    await retention(rig, None).keep()
    assert await left(rig, "bodies") == {old}


async def test_every_workspace_is_cleaned(rig):
    others = [await rig.workspace() for _ in range(3)]
    for who in (rig.owner, *others):
        await finished(rig, START - 8 * DAY_US, who)
    await retention(rig).keep()
    assert await left(rig, "bodies") == set()


async def test_a_round_goes_on_where_it_was_and_the_next_one_waits(rig):
    for _ in range(9):
        await finished(rig, START - 8 * DAY_US, await rig.workspace())
    keeper, before = retention(rig), rig.tap.transactions
    await keeper.keep()
    assert rig.tap.transactions - before == 8
    while keeper._left:
        await keeper.keep()
    assert await left(rig, "bodies") == set()
    due, before = await finished(rig, START - 7 * DAY_US), rig.tap.transactions
    rig.clock.go(599)
    await keeper.keep()
    assert (await left(rig, "bodies"), rig.tap.transactions) == ({due}, before)
    rig.clock.go(1)
    await one_round(keeper)
    assert await left(rig, "bodies") == set()


async def one_round(keeper: Retention) -> None:
    await keeper.keep()
    while keeper._left:
        await keeper.keep()


async def test_what_comes_after_its_days_goes_within_a_day(rig):
    keeper = retention(rig)
    await one_round(keeper)
    late = await finished(rig, START - 9 * DAY_US)
    for _ in range(142):
        rig.clock.go(600)
        await one_round(keeper)
    assert await left(rig, "bodies") == {late}
    rig.clock.go(600)
    await one_round(keeper)
    assert await left(rig, "bodies") == set()


async def test_a_transaction_deletes_a_few_hundred_at_most(rig):
    workspace, first = rig.owner.workspace_id, await finished(rig, START - 8 * DAY_US)
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1199)"
    others = ", ".join(
        name for name in (c.name for c in executions.columns) if name not in ("workspace_id", "id")
    )
    await rig.sql(
        f"INSERT INTO executions (workspace_id, id, {others}) "
        f"{numbers} SELECT '{workspace}', id || CAST(10000 + i AS text), {others} FROM n, executions WHERE id = '{first}'"
    )
    await rig.sql("DELETE FROM bodies")
    await rig.sql(
        "INSERT INTO bodies (workspace_id, execution_id, part, body) "
        "SELECT workspace_id, id, 'input', '1' FROM executions"
    )
    sizes, keeper = [], retention(rig)
    keeper._left = [workspace]
    while keeper._left:
        await keeper._clean(workspace)
        sizes.append(len(await rig.rows("SELECT part FROM bodies")))
        if sizes[-1] == 0:
            break
    assert sizes == [700, 200, 0]


async def test_a_round_that_the_database_refuses_is_taken_up_again(rig):
    old = await finished(rig, START - 8 * DAY_US)
    keeper = retention(rig)
    rig.tap.before.append(refusing(DatabaseUnavailable("away")))
    with pytest.raises(DatabaseUnavailable):
        await keeper.keep()
    assert await left(rig, "bodies") == {old}
    await keeper.keep()
    assert await left(rig, "bodies") == set()


async def test_keys_past_their_life_are_forgotten(rig):
    await claimed(rig, START - LIFE_US, "old")
    await claimed(rig, START - LIFE_US + 1, "young")
    await claimed(rig, START - LIFE_US, "elsewhere", await rig.workspace())
    await retention(rig, None).keep()
    assert await left(rig, "idempotency_keys", "key") == {"young"}


async def test_the_books_keep_the_retention_of_the_settings(rig):
    old = await finished(rig, START - 8 * DAY_US)
    rig.gateway.stores.ledger._retention = retention(rig)
    await rig.gateway.stores.ledger.keep()
    assert old not in await left(rig, "bodies")

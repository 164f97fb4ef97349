"""What a process knows of a workspace: read once however many ask, brought up to date by what changed alone, bounded."""

import asyncio

import pytest

from tests.support.fakes import refusing
from tests.support.rig import config
from toolcrib.contracts.errors import Unavailable
from toolcrib.kit.db import DatabaseUnavailable


async def test_many_who_ask_at_once_read_once(rig):
    second = await rig.beside()
    before = second.tap.reads
    await asyncio.gather(*(second.gateway.snapshots.of(rig.owner.workspace_id) for _ in range(20)))
    assert second.tap.reads - before <= 2  # one for the first, one for all who came while it was under way


async def test_who_asks_during_a_read_is_answered_by_one_that_began_after(rig):
    """The read under way may have begun before the change that the asker must see."""
    second = await rig.beside()
    held, began = asyncio.Event(), asyncio.Event()

    async def hold():
        began.set()
        await held.wait()

    second.tap.reading.append(hold)
    early = asyncio.create_task(second.gateway.snapshots.reload(rig.owner.workspace_id))
    await began.wait()
    await rig.register("new.tool")
    late = [asyncio.create_task(second.gateway.snapshots.reload(rig.owner.workspace_id)) for _ in range(5)]
    await asyncio.sleep(0)
    held.set()
    await early
    before = second.tap.reads
    assert [bool(facts.find("new.tool")) for facts in await asyncio.gather(*late)] == [True] * 5
    assert second.tap.reads - before <= 1


async def test_only_rows_that_changed_are_read_again(rig):
    for number in range(30):
        await rig.register(f"many.t{number}")
        await rig.gateway.secrets.set(rig.owner, f"S{number}", "value")
    second = await rig.beside()
    await second.gateway.snapshots.of(rig.owner.workspace_id)
    first_rows = second.tap.rows_read
    assert first_rows > 60
    await rig.register("one.more")
    facts = await second.gateway.snapshots.reload(rig.owner.workspace_id)
    assert facts.find("one.more")
    assert facts.find("many.t7")
    assert len(facts.secrets) == 30
    assert second.tap.rows_read - first_rows <= 4  # two generations, the workspace and the new tool


async def test_a_reload_without_a_change_reads_generations_alone(rig):
    await rig.register()
    before = rig.tap.rows_read
    await rig.gateway.snapshots.reload(rig.owner.workspace_id)
    assert rig.tap.rows_read - before == 2


async def test_a_key_made_a_moment_ago_by_another_process_is_known(rig):
    second = await rig.beside()
    await second.gateway.credentials.principal(rig.owner_key)
    text = await rig.key(name="fresh")
    assert (await second.gateway.credentials.principal(text)).actor_id == "user:fresh"


async def test_a_tool_made_a_moment_ago_by_another_process_is_found(rig):
    second = await rig.beside()
    await second.gateway.snapshots.of(rig.owner.workspace_id)
    await rig.register("fresh.tool")
    assert (await second.call("fresh.tool")).error is None


async def test_refreshing_brings_in_what_changed_elsewhere_and_leaves_the_rest(rig):
    other = await rig.workspace()
    second = await rig.beside()
    mine = await second.gateway.snapshots.of(rig.owner.workspace_id)
    theirs = await second.gateway.snapshots.of(other.workspace_id)
    await rig.register("fresh.tool")
    await second.gateway.snapshots.refresh()
    assert (await second.gateway.snapshots.of(rig.owner.workspace_id)).find("fresh.tool")
    assert await second.gateway.snapshots.of(rig.owner.workspace_id) is not mine
    assert await second.gateway.snapshots.of(other.workspace_id) is theirs


async def test_refreshing_brings_in_global_changes_for_all(rig):
    second = await rig.beside()
    await second.gateway.snapshots.of(rig.owner.workspace_id)
    await rig.register("g.tool", scope="global")
    await second.gateway.snapshots.refresh()
    assert second.gateway.snapshots._known[rig.owner.workspace_id].find("g.tool")


async def test_refreshing_what_nobody_knows_reads_nothing(rig):
    second = await rig.beside()
    before = second.tap.reads
    await second.gateway.snapshots.refresh()
    assert second.tap.reads == before


async def test_an_unknown_workspace_and_the_global_scope_have_no_facts(rig):
    assert await rig.gateway.snapshots.of("nowhere") is None
    assert await rig.gateway.snapshots.of("global") is None
    assert not rig.gateway.snapshots.at_hand("nowhere")


async def test_a_read_that_fails_leaves_what_was_known(rig):
    facts = await rig.gateway.snapshots.of(rig.owner.workspace_id)
    rig.tap.reading.append(refusing(DatabaseUnavailable("away")))
    with pytest.raises(Unavailable):
        await rig.gateway.snapshots.reload(rig.owner.workspace_id)
    assert await rig.gateway.snapshots.of(rig.owner.workspace_id) is facts


async def test_a_read_goes_on_when_one_of_those_who_wait_for_it_goes_away(rig):
    second = await rig.beside()
    held = asyncio.Event()
    second.tap.reading.append(held.wait)
    gone = asyncio.create_task(second.gateway.snapshots.reload(rig.owner.workspace_id))
    await asyncio.sleep(0)
    gone.cancel()
    held.set()
    assert await second.gateway.snapshots.reload(rig.owner.workspace_id) is not None


async def test_the_workspaces_kept_are_bounded_and_the_least_used_go_first(sqlite_rig):
    rig = sqlite_rig
    await rig.sql(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) "
        "INSERT INTO workspace_state (workspace_id, seq, generation) SELECT 'w' || i, 0, 0 FROM n"
    )
    await rig.sql(
        "INSERT INTO workspaces (id, name, created_at) SELECT workspace_id, workspace_id, 0 FROM workspace_state WHERE workspace_id LIKE 'w%'"
    )
    for number in range(1, 1000):
        await rig.gateway.snapshots.of(f"w{number}")
    await rig.gateway.snapshots.of(rig.owner.workspace_id)
    await rig.gateway.snapshots.of("w1000")
    assert rig.gateway.snapshots.at_hand(rig.owner.workspace_id)
    assert not rig.gateway.snapshots.at_hand("w1")
    assert len(rig.gateway.snapshots._known) == 1_000


async def test_facts_are_never_changed_only_replaced(rig):
    before = await rig.gateway.snapshots.of(rig.owner.workspace_id)
    await rig.gateway.tools.register(rig.owner, config("a.tool"))
    assert before.find("a.tool") is None

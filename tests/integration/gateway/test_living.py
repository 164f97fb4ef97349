"""A process's life before the counter: first start, renewal, loss of the database, leaving."""

import asyncio

import pytest

from tests.support.fakes import FakeClock, FakeProvider, Tap, refusing
from tests.support.rig import ROOT_KEY, open_rig, prepared
from tests.support.until import eventually
from toolcrib.app.settings import Settings
from toolcrib.app.wiring import open_engine
from toolcrib.contracts.errors import Unavailable
from toolcrib.contracts.execution import Status
from toolcrib.gateway import open_gateway
from toolcrib.kit.cipher import Cipher
from toolcrib.kit.db import Database, DatabaseUnavailable
from toolcrib.migrations.fresh import bring_up
from toolcrib.vault.roots import WrongRootKey

AWAY = DatabaseUnavailable("away")


async def test_the_first_start_makes_one_workspace_and_one_owner(rig):
    assert [row["name"] for row in await rig.rows("SELECT name FROM workspaces")] == ["default"]
    assert [(row["role"], row["actor_id"]) for row in await rig.rows("SELECT * FROM keys")] == [
        ("owner", "user:owner")
    ]


async def test_a_later_start_makes_nothing(rig):
    second = await rig.beside()
    assert second.owner_key == ""
    assert len(await rig.rows("SELECT id FROM keys")) == 1


async def test_two_first_starts_at_once_make_one_workspace(rig_url):
    engine = open_engine(Settings(database_url=rig_url))
    await engine.set_up(bring_up)
    shared = engine.dialect == "sqlite"
    other = engine if shared else open_engine(Settings(database_url=rig_url))
    one, two = prepared(Tap(engine, shared=shared)), prepared(Tap(other))
    keys = []
    await asyncio.gather(one.gateway.start(keys.append), two.gateway.start(keys.append))
    assert len(keys) == 1
    assert len(await one.rows("SELECT id FROM workspaces")) == 1
    assert await one.gateway.credentials.principal(keys[0]) == await two.gateway.credentials.principal(
        keys[0]
    )
    await one.gateway.stop()
    await two.gateway.stop()


async def test_a_first_start_killed_between_key_file_and_commit_leaves_nothing_and_starts_again(rig_url):
    engine = open_engine(Settings(database_url=rig_url))
    await engine.set_up(bring_up)
    one = prepared(Tap(engine, shared=True))
    files = []

    def killed(text):
        files.append(text)
        raise KeyError  # the file is written, the commit never comes

    with pytest.raises(KeyError):
        await one.gateway.start(killed)
    assert await one.rows("SELECT * FROM workspaces") == []
    two = prepared(Tap(engine))
    await two.gateway.start(files.append)
    assert len(files) == 2
    assert (await two.gateway.credentials.principal(files[1])).actor_id == "user:owner"
    with pytest.raises(Exception, match="No valid credential"):
        await two.gateway.credentials.principal(files[0])
    await two.gateway.stop()


async def test_another_root_key_is_refused_at_the_start(rig):
    second = open_gateway(
        Database(Tap(rig.tap.inner, shared=True)), Cipher(ROOT_KEY[::-1]), FakeClock(), [FakeProvider()]
    )
    with pytest.raises(WrongRootKey):
        await second.start(lambda _: None)


async def test_the_database_is_asked_whether_it_answers(rig):
    assert await rig.gateway.database_answers()
    rig.tap.reading.append(refusing(AWAY))
    assert not await rig.gateway.database_answers()


async def test_a_process_renews_itself(rig):
    before = rig.tap.transactions
    rig.clock.go(5)
    await eventually(lambda: rig.tap.transactions > before, "a renewal")
    await eventually(lambda: rig.gateway.stores.ledger.owner._renewed == rig.clock.monotonic(), "a renewal")


async def test_a_renewal_that_fails_is_tried_again(rig, capsys):
    rig.tap.before += [refusing(AWAY)]
    before = rig.tap.transactions
    await eventually(lambda: rig.tap.transactions >= before + 3, "another try")
    assert rig.gateway.stores.ledger.owner.holds
    assert "the database does not answer" in capsys.readouterr().err


async def test_a_process_that_lost_its_database_ends_its_calls_and_takes_none(rig):
    tool, hanging = await rig.register(), rig.provider.hangs()
    call = asyncio.create_task(rig.call(tool))
    await hanging.begun.wait()
    rig.tap.always = refusing(AWAY)
    rig.clock.go(10)
    with pytest.raises(Unavailable, match="its outcome could not be recorded yet"):
        await call
    with pytest.raises(Unavailable):
        await rig.call(tool)
    rig.tap.always = None
    await eventually(lambda: rig.gateway.stores.ledger.owner.holds, "a renewal")
    await eventually(lambda: not rig.gateway.stores.ledger._owed, "what is owed is written")
    assert [row["status"] for row in await rig.rows("SELECT status FROM executions")] == ["interrupted"]
    hanging.go.set()
    assert (await rig.call(tool)).error is None


async def test_a_call_that_is_cancelled_is_interrupted(rig):
    tool, hanging = await rig.register(), rig.provider.hangs()
    call = asyncio.create_task(rig.call(tool))
    await hanging.begun.wait()
    rig.gateway.calls.give_up()
    result = await call
    assert (result.status, result.error["code"]) == (Status.INTERRUPTED, "UNAVAILABLE")
    assert (await rig.find(result.execution_id)).status is Status.INTERRUPTED
    assert (await rig.events())[-1]["type"] == "ToolExecutionInterrupted"


async def test_a_call_that_ended_is_not_given_up(rig):
    tool = await rig.register()
    await rig.call(tool)
    rig.gateway.calls.give_up()
    await asyncio.sleep(0)


async def test_leaving_interrupts_what_still_runs(rig):
    second = await rig.beside()
    tool, hanging = await rig.register(), second.provider.hangs()
    call = asyncio.create_task(second.call(tool))
    await hanging.begun.wait()
    await second.gateway.stop()
    assert [row["status"] for row in await rig.rows("SELECT status FROM executions")] == ["interrupted"]
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)


async def test_leaving_with_the_database_away_still_lets_go_of_it(tmp_path, capsys):
    url = f"sqlite:///{tmp_path / 'toolcrib.db'}"
    async with open_rig(url) as rig:
        stop, rig.tap.always = rig.gateway.stop, refusing(AWAY)
        await stop()
        assert "left without closing the books" in capsys.readouterr().err
        again = open_engine(Settings(database_url=url))  # the lock is free
        await again.close()
        rig.tap.inner = again = open_engine(Settings(database_url=url))


async def test_changes_travel_between_processes_without_being_asked(empty_postgres):
    async with open_rig(empty_postgres) as rig:
        second = await rig.beside()
        await second.gateway.snapshots.of(rig.owner.workspace_id)
        await rig.register("fresh.tool")
        known = second.gateway.snapshots._known
        await eventually(lambda: known[rig.owner.workspace_id].find("fresh.tool"), "the news")

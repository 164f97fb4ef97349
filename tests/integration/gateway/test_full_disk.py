"""Each write of a whole scenario fails once: nothing is told that did not happen, nothing runs unrecorded, and no restart is needed."""

import itertools
from dataclasses import dataclass

import pytest

from tests.support.fakes import refusing
from tests.support.rig import Rig, config, numbers
from toolcrib.contracts.errors import Unavailable
from toolcrib.contracts.execution import Result, Status
from toolcrib.kit.db import DatabaseUnavailable

AWAY = DatabaseUnavailable("disk full")
UNCERTAIN = DatabaseUnavailable("broke", uncertain=True)
BIG = {"text": "x" * 30_000}


@dataclass
class Told:
    """What a client was told of each step; None where it was told that the house is unavailable."""

    registered: bool = False
    answer: Result | None = None
    ran_as: str | None = None
    disabled: bool = False

    @property
    def refused(self) -> bool:
        return not (self.registered and self.answer and self.disabled)


async def scenario(rig: Rig, tool: str) -> Told:
    """Register, call, change. A tool whose registration was refused is not called."""
    told = Told()
    try:
        await rig.gateway.tools.register(rig.owner, config(tool))
        told.registered = True
    except Unavailable:
        return told
    return await call_and_change(rig, tool, told)


async def call_and_change(rig: Rig, tool: str, told: Told) -> Told:
    """A call with a key (record, run, settle) and a change; each is tried whatever became of the one before."""
    try:
        told.answer = await rig.call(tool, BIG, idempotency_key=tool)
    except Unavailable as unavailable:
        told.ran_as = unavailable.details.get("execution_id")
    try:
        await rig.gateway.tools.set_enabled(rig.owner, tool, enabled=False)
        told.disabled = True
    except Unavailable:
        pass
    return told


async def check(rig: Rig, tool: str, told: Told) -> None:
    """Holds the tables against what was told, once the books are done."""
    await rig.gateway.stores.ledger.keep()
    rows = await rig.rows(f"SELECT * FROM executions WHERE tool = '{tool}'")
    ran = [one.execution_id for one in rig.provider.ran]
    assert len(ran) == len(set(ran))
    assert set(ran) <= {row["id"] for row in await rig.rows("SELECT id FROM executions")}
    if told.answer is not None:
        assert told.answer.status is Status.SUCCEEDED
        assert [(row["id"], row["status"]) for row in rows] == [(told.answer.execution_id, "succeeded")]
    if told.ran_as is not None:
        assert [(row["id"], row["status"]) for row in rows] == [(told.ran_as, "succeeded")]
        assert (await rig.find(told.ran_as)).output_payload == BIG
    if told.answer is told.ran_as is None:
        assert not {row["id"] for row in rows} & set(ran)
        assert {row["status"] for row in rows} <= {"failed"}
    events = await rig.events()
    assert numbers(events) == list(range(1, len(events) + 1))
    disabled = [event for event in events if event["type"] == "ToolDisabled" and event["about"] == tool]
    assert len(disabled) >= told.disabled


async def works_again(rig: Rig, tool: str) -> None:
    """With the same process: a repeated key has its one effect, and a whole scenario is told whole."""
    ran = sum(one.input == BIG for one in rig.provider.ran)
    await rig.gateway.tools.set_enabled(rig.owner, tool, enabled=True)
    again = await rig.call(tool, BIG, idempotency_key=tool)
    assert again.status is Status.SUCCEEDED
    assert sum(one.input == BIG for one in rig.provider.ran) - ran == (not again.replayed)
    assert not (await scenario(rig, f"{tool}.after")).refused


async def nothing() -> None:
    return


@pytest.mark.parametrize("when", ["before", "after"])
async def test_whichever_transaction_of_a_scenario_fails(rig, when):
    """`after` is a commit that happened and could not be confirmed."""
    for n in itertools.count():
        tool = f"test.{when}{n}"
        hooks = [nothing] * n + [refusing(AWAY if when == "before" else UNCERTAIN)]
        rig.tap.before, rig.tap.after = (hooks, []) if when == "before" else ([], hooks)
        told = await scenario(rig, tool)
        left, rig.tap.before, rig.tap.after = hooks, [], []
        await check(rig, tool, told)
        if left:
            break
        if told.registered:
            await works_again(rig, tool)
    assert n >= 4
    assert not told.refused


async def test_however_little_room_a_full_file_has(sqlite_rig):
    """Page by page: whatever the file takes of a scenario, the rest is refused, and with room all goes on."""
    rig, refused = sqlite_rig, 0
    writer = rig.tap.inner._writer_connection
    await rig.call(await rig.register("test.first"))
    for room in itertools.count():
        tool = f"test.room{room}"
        await rig.register(tool)
        [(pages,)] = writer.execute("PRAGMA page_count").fetchall()
        writer.execute(f"PRAGMA max_page_count = {pages + room}")
        told = await call_and_change(rig, tool, Told(registered=True))
        writer.execute("PRAGMA max_page_count = 1000000")
        await check(rig, tool, told)
        await works_again(rig, tool)
        if not told.refused:
            break
        refused += 1
    assert refused >= 3


async def test_a_file_that_became_read_only_is_unavailable_until_it_can_be_written(sqlite_rig):
    rig, writer = sqlite_rig, sqlite_rig.tap.inner._writer_connection
    tool = await rig.register("test.readonly")
    writer.execute("PRAGMA query_only = ON")
    told = await call_and_change(rig, tool, Told(registered=True))
    assert (told.answer, told.ran_as, told.disabled, rig.provider.ran) == (None, None, False, [])
    assert await rig.gateway.history.list(rig.owner, 10, {}) == []
    writer.execute("PRAGMA query_only = OFF")
    await check(rig, tool, told)
    await works_again(rig, tool)

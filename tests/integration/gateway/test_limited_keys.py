"""A key that is limited to certain tools: of all others it sees no execution, no event and no result, and it changes nothing."""

from contextlib import aclosing

import pytest

from toolcrib.contracts.errors import Conflict, Forbidden, NotFound
from toolcrib.contracts.principal import Role


@pytest.fixture
async def two(rig):
    """Executions of a tool in the key's list and of one that is not, and who holds the key."""
    mine, theirs = await rig.register("mine.tool"), await rig.register("theirs.tool")
    limited = await rig.principal(role=Role.ADMIN, tools=("mine.tool", "no.such"))
    return limited, await rig.call(mine, {"a": 1}), await rig.call(theirs, {"b": 2})


async def test_an_execution_of_another_tool_does_not_exist(rig, two):
    limited, mine, theirs = two
    history = rig.gateway.history
    assert (await history.get(limited, mine.execution_id)).tool == "mine.tool"
    assert (await history.result(limited, mine.execution_id)).output == {"a": 1}
    assert len(await history.events(limited, mine.execution_id, 10)) == 2
    for ask in (history.get, history.result, history.cancel):
        with pytest.raises(NotFound):
            await ask(limited, theirs.execution_id)
    with pytest.raises(NotFound):
        await history.events(limited, theirs.execution_id, 10)
    with pytest.raises(NotFound):
        async for _ in history.follow_execution(limited, theirs.execution_id, 0, 1.0):
            pass


async def test_lists_and_the_audit_hold_its_tools_alone(rig, two):
    limited, mine, _ = two
    await rig.call("theirs.tool")
    history = rig.gateway.history
    assert [one.execution_id for one in await history.list(limited, 1, {})] == [mine.execution_id]
    assert await history.list(limited, 10, {"tool": "theirs.tool"}) == []
    assert {event.about for event in await history.audit(limited, 100, {})} == {"mine.tool"}
    assert await history.audit(limited, 10, {"tool": "theirs.tool"}) == []
    none = await rig.principal(tools=())
    assert (await history.list(none, 10, {}), await history.audit(none, 10, {})) == ([], [])


async def test_its_stream_tells_of_its_tools_alone(rig, two):
    limited, mine, _ = two
    heard = []
    async with aclosing(rig.gateway.history.follow(limited, 0, 0.01)) as pages:
        async for page in pages:
            heard += page
            if not page:
                break
    assert {event.about for event in heard} == {"mine.tool"}
    assert [event.execution_id for event in heard if event.execution_id] == [mine.execution_id] * 2


async def test_it_changes_nothing_and_may_end_its_own_calls(rig, two):
    limited, mine, _ = two
    with pytest.raises(Forbidden):
        await rig.register(by=limited)
    with pytest.raises(Forbidden):
        await rig.gateway.tools.set_enabled(limited, "mine.tool", enabled=False)
    with pytest.raises(Forbidden):
        await rig.gateway.secrets.set(limited, "K", "value")
    with pytest.raises(Forbidden):
        await rig.key(by=limited)
    with pytest.raises(Forbidden):
        await rig.gateway.history.cancel(limited, mine.execution_id)
    own = await rig.call("mine.tool", by=limited)
    with pytest.raises(Conflict):  # it ended already
        await rig.gateway.history.cancel(limited, own.execution_id)

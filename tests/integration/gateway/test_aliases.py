"""More names of one tool: each finds it, none leads to two, and the ledger and the lists keep to its name."""

import pytest

from tests.support.rig import config
from toolcrib.contracts.errors import Conflict, NotFound
from toolcrib.contracts.execution import Call, Status
from toolcrib.contracts.names import wire_name
from toolcrib.gateway.tools import Wanted
from toolcrib.kit.db import DatabaseError, Tx

LONG = "tides." + "n" * 70


async def refused(rig, name, reason, **parts):
    with pytest.raises(Conflict) as conflict:
        await rig.register(name, **parts)
    assert conflict.value.details["reason"] == reason
    return conflict.value.details["name"]


async def names(rig, **wanted):
    by = wanted.pop("by", rig.owner)
    return [view.tool.name for view in await rig.gateway.tools.list(by, 50, None, Wanted(**wanted))]


async def test_each_name_finds_the_tool(rig):
    await rig.register("tides.next", aliases=["get_tide", "tide"])
    tools = rig.gateway.tools
    for name in ("tides.next", "get_tide", "tide", "tides__next"):
        assert (await tools.get(rig.owner, name)).tool.name == "tides.next"
        assert (await tools.validate(rig.owner, Call(name, {}))).faults == []
        await tools.set_enabled(rig.owner, name, enabled=True)
        assert await tools.enabled(rig.owner, name)
        done = await rig.call(name)
        assert done.status is Status.SUCCEEDED
        assert (await rig.find(done.execution_id)).tool == "tides.next"
    assert len(await rig.gateway.history.list(rig.owner, 50, {"tool": "tide"})) == 4
    assert await names(rig) == ["tides.next"]


async def test_a_title_finds_the_tool_that_was_registered_under_it(sqlite_rig):
    await sqlite_rig.register("Get Weather")
    assert (await sqlite_rig.gateway.tools.get(sqlite_rig.owner, "Get Weather")).tool.name == "get_weather"
    with pytest.raises(NotFound):
        await sqlite_rig.gateway.tools.get(sqlite_rig.owner, "Get Other")


async def test_another_process_finds_it_too(rig):
    second = await rig.beside()
    await second.call(await rig.register())
    await rig.register("tides.next", aliases=["get_tide"])
    assert (await second.call("get_tide")).status is Status.SUCCEEDED


async def test_another_workspace_does_not(rig):
    await rig.register("tides.next", aliases=["get_tide"])
    other = await rig.workspace()
    with pytest.raises(NotFound):
        await rig.call("get_tide", by=other)
    await rig.register("other.tool", aliases=["get_tide"], by=other)
    assert (
        await rig.find((await rig.call("get_tide", by=other)).execution_id, by=other)
    ).tool == "other.tool"


async def test_an_alias_that_leads_elsewhere_is_a_conflict(rig):
    await rig.register("tides.next", aliases=["get_tide"])
    await rig.register(LONG)
    for taken in ("tides.next", "get_tide", "tides__next", wire_name(LONG)):
        assert await refused(rig, "other.tool", "alias_taken", aliases=["mine", taken]) == taken
    assert await names(rig) == sorted(["tides.next", LONG])
    assert (await rig.rows("SELECT count(*) AS n FROM aliases"))[0]["n"] == 1


async def test_a_name_that_an_alias_holds_is_a_conflict(rig):
    await rig.register("tides.next", aliases=["get_tide", "a__b"])
    for taken in ("get_tide", "a.b"):
        assert await refused(rig, taken, "name_taken") == taken


async def test_an_alias_may_be_what_models_see_of_the_tool_itself(rig):
    await rig.register("tides.next", aliases=["tides__next", "get_tide"])
    await rig.register("tides.last", aliases=["tides__last"])
    assert [row["name"] for row in await rig.rows("SELECT name FROM aliases")] == ["get_tide"]


async def test_a_global_tools_names_are_no_aliases_of_a_workspaces_tool(rig):
    await rig.register("tides.next", scope="global", aliases=["get_tide"])
    for taken in ("tides.next", "get_tide"):
        assert await refused(rig, "own.tool", "alias_taken", aliases=[taken]) == taken


async def test_a_global_tool_behind_an_alias_of_the_workspace_is_not_listed_under_its_name(rig):
    await rig.register("own.tool", aliases=["tides.next"])
    await rig.register("tides.next", scope="global")
    assert await names(rig) == ["own.tool"]
    assert await names(rig, scope="global") == ["tides.next"]
    assert await names(rig, by=await rig.workspace()) == ["tides.next"]


@pytest.mark.parametrize("taken", ["one.tool", "one__tool", "also", "tool_id"])
async def test_the_registry_refuses_what_was_taken_meanwhile(rig, taken):
    one = await rig.gateway.tools.register(rig.owner, config("one.tool", aliases=["also"]))
    wanted = one.id if taken == "tool_id" else taken

    async def add(tx: Tx) -> None:
        document = config("two.tool", version="1.0.0", aliases=["free", wanted])
        await rig.gateway.stores.registry.add(tx, rig.owner.workspace_id, document, document, "me", 9)

    with pytest.raises(Conflict) as conflict:
        await rig.db.change((rig.owner.workspace_id,), add)
    assert conflict.value.details["reason"] == "alias_taken"
    assert wanted in conflict.value.details["name"]


async def test_another_fault_of_the_database_is_no_conflict(rig):
    async def nameless(tx: Tx) -> None:
        document = config("two.tool", version="1.0.0", aliases=[None])
        await rig.gateway.stores.registry.add(tx, rig.owner.workspace_id, document, document, "me", 9)

    with pytest.raises(DatabaseError) as refused_:
        await rig.db.change((rig.owner.workspace_id,), nameless)
    assert not isinstance(refused_.value, Conflict)


async def test_a_new_version_takes_no_name_of_a_global_tool_either(rig):
    await rig.register("tides.next", scope="global", aliases=["get_tide"])
    await rig.register("own.tool")
    update = rig.gateway.versions.update
    for taken in ("tides.next", "get_tide", "tides__next"):
        with pytest.raises(Conflict) as conflict:
            await update(rig.owner, "own.tool", config("own.tool", aliases=[taken]))
        assert conflict.value.details == {"reason": "alias_taken", "name": taken}
    assert (await rig.gateway.tools.get(rig.owner, "tides.next")).tool.name == "tides.next"
    assert (await update(rig.owner, "own.tool", config("own.tool", aliases=["mine"]))).version == "1.1.0"


async def test_an_alias_that_was_there_first_may_stay(rig):
    await rig.register("own.tool", aliases=["tides.next"])
    await rig.register("tides.next", scope="global")
    document = config("own.tool", aliases=["tides.next"], tags=["x"])
    assert (await rig.gateway.versions.update(rig.owner, "own.tool", document)).version == "1.0.1"


async def test_models_see_each_name_once_and_every_page_ends(rig):
    await rig.register("a.tool", aliases=["z.tool"])
    await rig.register("z.tool", scope="global")
    await rig.register("tides.next", scope="global")
    await rig.register("tides__next")
    pages, after = [], None
    while page := await rig.gateway.tools.callable(rig.owner, 1, after):
        pages.append(page[0].tool.name)
        after = page[0].tool.name
        assert len(pages) < 10
    assert pages == ["a.tool", "tides__next"]

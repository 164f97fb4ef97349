"""The catalog in the database: names are taken once, loads read what changed, an unknown failure stays what it is."""

import pytest

from tests.support.rig import config
from toolcrib.contracts.errors import Conflict
from toolcrib.kit.db import DatabaseError, Tx
from toolcrib.registry.service import Catalog


async def load(rig, known=None, since=-1):
    async def read(tx: Tx):
        return await rig.gateway.stores.registry.load(tx, rig.owner.workspace_id, known or Catalog(), since)

    return await rig.db.read((rig.owner.workspace_id,), read)


async def add(rig, tx, name, **parts):
    config_ = config(name, version="1.0.0") | parts
    return await rig.gateway.stores.registry.add(tx, rig.owner.workspace_id, config_, config_, "me", 9)


async def test_a_stored_tool_is_read_back_whole(rig):
    made = await rig.gateway.tools.register(rig.owner, config("a.tool"))
    catalog = await load(rig)
    assert catalog.find("a.tool") == catalog.find(made.id) == made
    assert made.document()["name"] == "a.tool"
    assert len(made.digest) == 64


@pytest.mark.parametrize(("first", "second"), [("a.b", "a.b"), ("a.b", "a__b"), ("a__b", "a.b")])
async def test_the_database_refuses_a_name_that_is_taken(rig, first, second):
    async def both(tx: Tx) -> None:
        await add(rig, tx, first)
        await add(rig, tx, second)

    with pytest.raises(Conflict) as refused:
        await rig.db.change((rig.owner.workspace_id,), both)
    assert refused.value.details == {"reason": "name_taken", "name": second}
    assert (await load(rig)).by_name == {}


async def test_another_fault_of_the_database_is_no_conflict(rig):
    async def nameless(tx: Tx) -> None:
        await add(rig, tx, "x.y", version=None)

    with pytest.raises(DatabaseError) as refused:
        await rig.db.change((rig.owner.workspace_id,), nameless)
    assert not isinstance(refused.value, Conflict)


async def test_a_load_lays_what_changed_over_what_is_known(rig):
    await rig.register("one.tool")
    known = await load(rig)
    (row,) = await rig.rows("SELECT max(generation) AS g FROM tools")
    await rig.register("two.tool", enabled=False)
    await rig.sql("DELETE FROM tools WHERE name = 'one.tool'")
    catalog = await load(rig, known, row["g"])
    assert set(catalog.by_name) == {"one.tool", "two.tool"}
    assert catalog.enabled == {catalog.find("two.tool").id: False}
    assert set(known.by_name) == {"one.tool"}


async def test_a_load_without_a_change_is_what_was_known(rig):
    await rig.register("one.tool")
    known = await load(rig)
    assert await load(rig, known, 1_000) is known

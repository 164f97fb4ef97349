"""Workspaces and keys in the database."""

import pytest

from toolcrib.contracts.errors import Conflict, NotFound
from toolcrib.contracts.principal import ActorType, NewKey, Role
from toolcrib.identity.service import Roster
from toolcrib.kit.db import HOUSE, Tx


async def roster(rig, workspace=None, known=None, since=-1):
    workspace = workspace or rig.owner.workspace_id

    async def read(tx: Tx):
        return await rig.gateway.stores.identity.load(tx, workspace, known or Roster.of(workspace), since)

    return await rig.db.read((workspace,), read)


async def test_a_workspaces_name_is_taken_once(rig):
    await rig.workspace("sea")
    with pytest.raises(Conflict, match="sea already"):
        await rig.workspace("sea")


async def test_the_operators_workspace_is_known_by_its_name(rig):
    assert (
        await rig.db.read((HOUSE,), rig.gateway.stores.identity.default_workspace) == rig.owner.workspace_id
    )


async def test_keys_are_read_back_whole(rig):
    new = NewKey("bot", ActorType.AGENT, Role.VIEWER, ("b", "a"), rig.clock.now() + 1)
    key_id, text = await rig.gateway.keys.create(rig.owner, new)
    key = (await roster(rig)).keys[key_id]
    assert (key.name, key.created_by, key.expires_at, key.revoked) == (
        "bot",
        "user:owner",
        new.expires_at,
        False,
    )
    assert key.principal.tools == frozenset({"a", "b"})
    assert text.encode() not in key.digest


async def test_a_load_lays_what_changed_over_what_is_known(rig):
    who = await rig.principal()
    known = await roster(rig)
    (row,) = await rig.rows("SELECT max(generation) AS g FROM keys")
    await rig.gateway.keys.revoke(rig.owner, who.key_id)
    now = await roster(rig, None, known, row["g"])
    assert (
        known.keys[who.key_id].revoked,
        now.keys[who.key_id].revoked,
        now.keys[rig.owner.key_id].revoked,
    ) == (
        False,
        True,
        False,
    )
    assert await roster(rig, None, now, 1_000) == now


async def test_keys_are_of_one_workspace(rig):
    other = await rig.workspace()
    assert set((await roster(rig, other.workspace_id)).keys) == {other.key_id}


async def test_a_key_that_is_not_there_is_not_revoked(rig):
    with pytest.raises(NotFound):
        await rig.gateway.keys.revoke(rig.owner, "none")

"""Sealed values in the database: versions never return, deletion forgets the bytes, another root key is refused."""

import pytest

from toolcrib.contracts.errors import NotFound, SecretNotFound
from toolcrib.contracts.secret import texts
from toolcrib.kit.cipher import Cipher
from toolcrib.kit.db import HOUSE
from toolcrib.vault.roots import RootKeys, WrongRootKey


async def rows(rig):
    return await rig.rows("SELECT * FROM secrets ORDER BY name")


async def opened(rig, *names):
    facts = await rig.gateway.snapshots.reload(rig.owner.workspace_id)
    return dict(texts(rig.gateway.stores.vault.open(rig.owner.workspace_id, facts.secrets, names)))


async def test_a_value_lies_sealed(rig):
    await rig.gateway.secrets.set(rig.owner, "K", "s3cr3t-value")
    (row,) = await rows(rig)
    assert b"s3cr3t" not in bytes(row["sealed"])
    assert await opened(rig, "K") == {"K": "s3cr3t-value"}


async def test_versions_go_on_over_replacement_and_deletion(rig):
    versions = []
    for value in ("one", "two", None, "three"):
        if value is None:
            await rig.gateway.secrets.delete(rig.owner, "K")
        else:
            await rig.gateway.secrets.set(rig.owner, "K", value)
        versions.append((await rows(rig))[0]["version"])
    assert versions == [1, 2, 2, 3]
    assert await opened(rig, "K") == {"K": "three"}


async def test_a_deleted_value_leaves_no_bytes(rig):
    await rig.gateway.secrets.set(rig.owner, "K", "s3cr3t-value")
    await rig.gateway.secrets.delete(rig.owner, "K")
    (row,) = await rows(rig)
    assert row["sealed"] is None
    with pytest.raises(NotFound):
        await rig.gateway.secrets.delete(rig.owner, "K")


async def test_an_old_value_put_back_does_not_open(rig):
    await rig.gateway.secrets.set(rig.owner, "K", "old")
    (old,) = await rows(rig)
    await rig.gateway.secrets.set(rig.owner, "K", "new")
    await rig.sql("UPDATE secrets SET sealed = :sealed, generation = generation + 1", sealed=old["sealed"])
    await rig.raise_generation()
    with pytest.raises(SecretNotFound, match="does not open here"):
        await opened(rig, "K")


async def test_a_value_moved_to_another_name_does_not_open(rig):
    await rig.gateway.secrets.set(rig.owner, "A", "value-a")
    await rig.gateway.secrets.set(rig.owner, "B", "value-b")
    (a, _) = await rows(rig)
    await rig.sql(
        "UPDATE secrets SET sealed = :sealed, generation = generation + 1 WHERE name = 'B'",
        sealed=a["sealed"],
    )
    await rig.raise_generation()
    assert await opened(rig, "A") == {"A": "value-a"}
    with pytest.raises(SecretNotFound):
        await opened(rig, "B")


async def test_the_root_key_of_the_first_start_is_the_one(rig):
    await rig.db.change((HOUSE,), rig.gateway.stores.roots.check)
    with pytest.raises(WrongRootKey):
        await rig.db.change((HOUSE,), RootKeys(Cipher(b"other" + bytes(27)), rig.clock).check)
    assert len(await rig.rows("SELECT * FROM root_key")) == 1

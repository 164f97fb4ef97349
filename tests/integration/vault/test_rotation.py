"""Keys are turned over while values are in use: after every step, and after a death between any two, all of them open."""

import asyncio

import pytest

from tests.support.fakes import refusing
from tests.support.rig import ROOT_KEY
from toolcrib.contracts.errors import Forbidden
from toolcrib.contracts.principal import Role
from toolcrib.contracts.secret import texts
from toolcrib.gateway import Claims, NewMember
from toolcrib.gateway.rotation import Progress
from toolcrib.kit.cipher import Cipher
from toolcrib.kit.db import DatabaseUnavailable
from toolcrib.vault.roots import WrongRootKey

NEW_ROOT = bytes(range(100, 132))
AUTH = {"base_url": "https://x.example", "auth": {"method": "bearer", "secret_ref": "${S001}"}}
VALUES = {f"S{number:03}": f"value-of-{number:03}" for number in range(205)}


async def fill(rig, count=205):
    for name, value in list(VALUES.items())[:count]:
        await rig.gateway.secrets.set(rig.owner, name, value)


async def as_before_data_keys(rig):
    """What a database held before workspaces had keys."""
    workspace = rig.owner.workspace_id
    for name, value in VALUES.items():
        sealed = Cipher(ROOT_KEY).seal("secrets", workspace, f"{workspace}:{name}:1", value.encode())
        await rig.sql(
            "INSERT INTO secrets (workspace_id, name, version, sealed, created_at, updated_at, created_by, generation) "
            "VALUES (:w, :n, 1, :s, 1, 1, 'x', 0)", w=workspace, n=name, s=sealed,
        )  # fmt: skip


async def all_open(rig, count=205):
    facts = await rig.gateway.snapshots.reload(rig.owner.workspace_id)
    opened = rig.gateway.stores.vault.open(rig.owner.workspace_id, facts.secrets, facts.secrets)
    assert dict(texts(opened)) == dict(list(VALUES.items())[:count])


async def fresh_open(rig, count=205, **parts):
    """As a process that starts now."""
    await all_open(await rig.beside(start=False, **parts), count)


def still(rig):
    """Does nothing by itself any more."""
    for task in rig.gateway._keeper:
        task.cancel()
    return rig


async def key_versions(rig):
    rows = await rig.rows("SELECT DISTINCT key_version FROM secrets WHERE sealed IS NOT NULL")
    return sorted(row["key_version"] or 0 for row in rows)


async def keys(rig, purpose="secrets"):
    return await rig.rows(f"SELECT * FROM data_keys WHERE purpose = '{purpose}' ORDER BY version")


async def test_values_of_before_open_and_are_sealed_anew(rig):
    await as_before_data_keys(still(rig))
    await fresh_open(rig)
    assert (await rig.gateway.rotation.progress(rig.owner)).left == 205
    await rig.gateway.rotation.tend(rig.owner.workspace_id)
    assert (await key_versions(rig), (await rig.gateway.rotation.progress(rig.owner)).left) == ([1], 0)
    await fresh_open(rig)
    assert {row["version"] for row in await rig.rows("SELECT version FROM secrets")} == {1}


async def test_a_workspaces_key_is_random_and_lies_wrapped(rig):
    await fill(rig, 2)
    other = await rig.workspace()
    await rig.gateway.secrets.set(other, "S000", "value")
    wrapped = [bytes(row["wrapped"]) for row in await keys(rig)]
    assert len(wrapped) == 2
    assert all(len(one) == 12 + 32 + 16 for one in wrapped)
    assert wrapped[0] != wrapped[1]


async def test_a_rotation_seals_all_anew_and_destroys_the_old_key(rig):
    await fill(rig)
    (old,) = await rig.rows("SELECT sealed, generation FROM secrets WHERE name = 'S000'")
    found = await rig.gateway.rotation.rotate(rig.owner)
    assert (found.key_version, found.left <= 205) == (2, True)
    await rig.gateway.rotation.settle()
    assert (await key_versions(rig), [row["version"] for row in await keys(rig)]) == ([2], [2])
    assert await rig.gateway.rotation.progress(rig.owner) == type(found)(2, 0, 0)
    await all_open(rig)
    await fresh_open(rig)
    (event,) = [one for one in await rig.events() if one["type"] == "SecretsRotated"]
    assert (event["about"], event["facts"]) == ("secrets", '{"key_version":2}')
    await rig.sql("UPDATE secrets SET sealed = :old, key_version = 1 WHERE name = 'S000'", old=old["sealed"])
    late = await rig.beside(start=False)
    facts = await late.gateway.snapshots.reload(rig.owner.workspace_id)
    assert "S000" not in late.gateway.stores.vault.open_known(rig.owner.workspace_id, facts.secrets, ["S000"])


async def test_calls_go_on_while_keys_turn_over(rig):
    await fill(rig, 5)
    tool = await rig.register(api=AUTH)
    beside = await rig.beside()
    for _ in range(3):
        calls = [one.call(tool) for one in (rig, beside) for _ in range(5)]
        results = await asyncio.gather(*calls, rig.gateway.rotation.rotate(rig.owner))
        assert [result.error for result in results[:-1]] == [None] * 10
        await rig.gateway.rotation.settle()
    seen = {dict(texts(one.secrets))["S001"] for each in (rig, beside) for one in each.provider.ran}
    assert seen == {VALUES["S001"]}
    assert (await rig.gateway.rotation.progress(rig.owner)).key_version == 4


@pytest.mark.parametrize("step", range(1, 6))
@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_death_at_any_step_leaves_every_value_openable(rig, step, when):
    """Each transaction of a turnover, of three pages, in turn: refused, or the process dies right after its commit."""
    await fill(rig)
    await rig.gateway.secrets.set(rig.owner, "S000", VALUES["S000"])

    async def turn(tx):
        await rig.gateway.stores.vault.rotate(tx, rig.owner.workspace_id)

    await rig.db.change((rig.owner.workspace_id,), turn)
    nothing = [_nothing] * (step - 1)
    setattr(rig.tap, when, [*nothing, refusing(DatabaseUnavailable("died"))])
    with pytest.raises(DatabaseUnavailable):
        await rig.gateway.rotation.tend(rig.owner.workspace_id)
    rig.tap.before, rig.tap.after = [], []
    await fresh_open(rig)
    await all_open(rig)
    second = await rig.beside()
    await second.gateway.rotation.keep()
    assert (await key_versions(rig), (await rig.gateway.rotation.progress(rig.owner)).left) == ([2], 0)
    assert [row["version"] for row in await keys(rig)] == [2]
    await all_open(rig)
    await fresh_open(rig)


async def _nothing():
    return None


async def test_many_that_turn_over_at_once_do_it_once(rig):
    await as_before_data_keys(still(rig))
    others = [await rig.beside() for _ in range(2)]
    workspace = rig.owner.workspace_id
    await asyncio.gather(*(one.gateway.rotation.tend(workspace) for one in (rig, *others)))
    assert (await key_versions(rig), len(await keys(rig))) == ([1], 1)
    await fresh_open(rig)


async def test_a_value_that_does_not_open_is_left_and_holds_up_no_other(rig):
    await fill(rig, 3)
    await rig.sql("UPDATE secrets SET sealed = :odd WHERE name = 'S001'", odd=b"x" * 40)
    await rig.gateway.rotation.rotate(rig.owner)
    await rig.gateway.rotation.settle()
    assert (await rig.gateway.rotation.progress(rig.owner)).left == 1
    assert [row["version"] for row in await keys(rig)] == [1, 2]


async def test_a_key_that_does_not_open_is_replaced_at_the_next_value(rig):
    await fill(rig, 1)
    await rig.sql("UPDATE data_keys SET wrapped = :odd WHERE purpose = 'secrets'", odd=b"x" * 60)
    late = await rig.beside()
    await late.gateway.secrets.set(rig.owner, "S001", VALUES["S001"])
    facts = await late.gateway.snapshots.reload(rig.owner.workspace_id)
    opened = late.gateway.stores.vault.open_known(rig.owner.workspace_id, facts.secrets, ["S000", "S001"])
    assert dict(texts(opened)) == {"S001": VALUES["S001"]}
    await late.gateway.rotation.tend(rig.owner.workspace_id)


@pytest.mark.parametrize("column", ["hosts", "version", "key_version"])
async def test_what_a_seal_vouches_for_is_not_altered(rig, column):
    await rig.gateway.secrets.set(rig.owner, "S000", "value", ["a.example"])
    await rig.gateway.rotation.rotate(rig.owner)
    await rig.gateway.rotation.settle()
    value = "NULL" if column == "hosts" else 1 if column == "key_version" else 7
    await rig.sql(f"UPDATE secrets SET {column} = {value}")
    late = await rig.beside(start=False)
    facts = await late.gateway.snapshots.reload(rig.owner.workspace_id)
    assert late.gateway.stores.vault.open_known(rig.owner.workspace_id, facts.secrets, ["S000"]) == {}


async def test_only_an_owner_rotates(sqlite_rig):
    for role in (Role.ADMIN, Role.MEMBER):
        who = await sqlite_rig.principal(role=role)
        with pytest.raises(Forbidden):
            await sqlite_rig.gateway.rotation.rotate(who)


async def test_the_operator_alone_is_told_of_all_workspaces(rig):
    other = await rig.workspace()
    await fill(rig, 2)
    await rig.gateway.secrets.set(other, "K", "s3cr3t-value")
    await rig.gateway.workspaces.update(other, other.workspace_id, share_with_admin=True)
    visitor = await rig.gateway.credentials.principal(rig.owner_key, other.workspace_id)
    for who in (other, visitor, await rig.principal(role=Role.ADMIN)):
        assert await rig.gateway.rotation.progress(who) == Progress(1, 0, None)
    assert await rig.gateway.rotation.progress(rig.owner) == Progress(1, 0, 0)
    second = still(await rig.beside(cipher=Cipher(NEW_ROOT, ROOT_KEY)))
    assert await second.gateway.rotation.progress(rig.owner) == Progress(1, 0, 4)
    assert await second.gateway.rotation.progress(other) == Progress(1, 0, None)


async def test_whoever_was_an_owner_a_moment_ago_does_not_rotate(rig):
    member = await rig.gateway.members.add(rig.owner, NewMember("acme", "ann", "Ann", Role.OWNER))
    ann = await rig.gateway.credentials.principal("jwt:acme:ann")
    second = await rig.beside()
    await second.gateway.members.update(rig.owner, member.id, role=Role.ADMIN)
    with pytest.raises(Forbidden):
        await rig.gateway.rotation.rotate(ann)
    assert (await rig.gateway.rotation.progress(rig.owner)).key_version == 0


async def test_a_new_root_key_wraps_all_keys_and_api_keys_go_on(rig):
    await fill(rig, 3)
    text = await rig.key(name="before")
    _, invitation = await rig.gateway.members.invite(rig.owner, "Ann", Role.VIEWER)
    second = still(await rig.beside(cipher=Cipher(NEW_ROOT, ROOT_KEY)))
    assert await second.gateway.credentials.principal(text)
    assert (await second.gateway.rotation.progress(rig.owner)).root == 3
    with pytest.raises(WrongRootKey, match="3 rows are still under another root key"):
        await rig.beside(cipher=Cipher(NEW_ROOT))
    await second.gateway.rotation.keep()
    assert (await second.gateway.rotation.progress(rig.owner)).root == 0
    third = await rig.beside(cipher=Cipher(NEW_ROOT))
    await all_open(third, 3)
    assert await third.gateway.credentials.principal(text)
    assert await third.gateway.credentials.principal(await third.key(name="after"))
    ann = Claims("acme", "ann", "Ann", None, rig.clock.now() + 1_000_000)
    assert (await third.gateway.members.accept(ann, invitation))[2] is Role.VIEWER
    for cipher in (
        Cipher(ROOT_KEY),
        Cipher(b"another" + bytes(25)),
        Cipher(b"another" + bytes(25), ROOT_KEY),
    ):
        with pytest.raises(WrongRootKey):
            await rig.beside(cipher=cipher)
    assert len(await rig.rows("SELECT * FROM root_key")) == 2


async def test_values_of_before_need_the_first_root_key_until_they_are_sealed_anew(rig):
    await as_before_data_keys(still(rig))
    second = still(await rig.beside(cipher=Cipher(NEW_ROOT, ROOT_KEY)))
    with pytest.raises(WrongRootKey, match="207 rows"):
        await rig.beside(cipher=Cipher(NEW_ROOT))
    await second.gateway.rotation.keep()
    await all_open(await rig.beside(cipher=Cipher(NEW_ROOT)))


async def test_processes_that_hold_both_keys_agree_on_the_one_in_use(rig):
    """A rolling restart: first every process gets the new key beside the old one, then each puts it first."""
    await fill(rig, 3)
    waiting = await rig.beside(cipher=Cipher(ROOT_KEY, NEW_ROOT))
    assert len(await rig.rows("SELECT * FROM root_key")) == 1
    ahead = await rig.beside(cipher=Cipher(NEW_ROOT, ROOT_KEY))
    await asyncio.gather(ahead.gateway.rotation.keep(), waiting.gateway.rotation.keep())
    again = await rig.beside(cipher=Cipher(ROOT_KEY, NEW_ROOT))
    await again.gateway.rotation.tend(rig.owner.workspace_id)
    await again.gateway.secrets.set(rig.owner, "S000", VALUES["S000"])
    for one in (waiting, ahead, again, await rig.beside(cipher=Cipher(NEW_ROOT))):
        await all_open(one, 3)
    assert len({row["root"] for row in await keys(rig)}) == 1


async def test_without_the_first_root_key_no_digest_is_made(rig):
    await rig.sql("DELETE FROM data_keys")
    await rig.sql("INSERT INTO root_key (id, fingerprint) VALUES (2, :f)", f=Cipher(NEW_ROOT).fingerprint)
    with pytest.raises(WrongRootKey):
        await rig.beside(cipher=Cipher(NEW_ROOT))
    await rig.beside(cipher=Cipher(NEW_ROOT, ROOT_KEY))
    await rig.sql("UPDATE data_keys SET wrapped = :odd", odd=b"x" * 60)
    with pytest.raises(WrongRootKey):
        await rig.beside(cipher=Cipher(NEW_ROOT, ROOT_KEY))


async def test_a_database_that_goes_away_in_the_middle_is_waited_for(rig):
    await fill(rig, 2)
    rig.tap.before = [_nothing, refusing(DatabaseUnavailable("away"))]
    assert (await rig.gateway.rotation.rotate(rig.owner)).key_version == 2
    await rig.gateway.rotation.settle()
    await rig.gateway.rotation.keep()
    assert await key_versions(rig) == [2]
    await rig.gateway.rotation.keep()


async def test_a_data_key_that_does_not_open_stays_as_it_is(rig):
    await fill(rig, 1)
    await rig.sql("UPDATE data_keys SET wrapped = :odd WHERE purpose = 'secrets'", odd=b"x" * 60)
    second = still(await rig.beside(cipher=Cipher(NEW_ROOT, ROOT_KEY)))
    await second.db.change(
        (rig.owner.workspace_id,), lambda tx: second.gateway.stores.vault.rewrap(tx, rig.owner.workspace_id)
    )
    assert {row["root"] for row in await keys(rig)} == {Cipher(ROOT_KEY).fingerprint}

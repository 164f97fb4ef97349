"""Keys are never wider than who makes them and are shown once; secrets go in and never come out."""

import asyncio

import pytest

from tests.support.fakes import START
from toolcrib.contracts.errors import Conflict, Forbidden, Invalid, NotFound, Unauthorized
from toolcrib.contracts.principal import ActorType, Principal, Role

HOUR = 3_600_000_000


async def test_a_new_key_is_who_it_says(rig):
    who = await rig.principal(name="bot", actor_type=ActorType.AGENT, role=Role.MEMBER, tools=("a.b", "c"))
    assert (who.actor_type, who.actor_id, who.role, who.tools) == (
        ActorType.AGENT,
        "agent:bot",
        Role.MEMBER,
        frozenset({"a.b", "c"}),
    )
    assert (await rig.events())[-1]["type"] == "KeyCreated"


async def test_the_text_of_a_key_stands_in_no_table(rig):
    text = await rig.key()
    tables = [await rig.rows(f"SELECT * FROM {table}") for table in ("keys", "events")]
    assert text not in str(tables)
    assert text.rpartition("_")[2][:64] not in str(tables)


@pytest.mark.parametrize(
    ("creator", "wanted"),
    [
        ({"role": Role.ADMIN}, {"role": Role.OWNER}),
        ({"role": Role.OWNER, "tools": ("a", "b")}, {"role": Role.MEMBER}),
        ({"role": Role.OWNER, "tools": ("a", "b")}, {"role": Role.MEMBER, "tools": ("a",)}),
        ({"role": Role.OWNER}, {"actor_type": ActorType.SYSTEM}),
        ({"role": Role.ADMIN, "actor_type": ActorType.SERVICE}, {"actor_type": ActorType.USER}),
        ({"role": Role.ADMIN, "expires_at": START + HOUR}, {}),
        ({"role": Role.ADMIN, "expires_at": START + HOUR}, {"expires_at": START + HOUR + 1}),
        ({"role": Role.MEMBER}, {"role": Role.VIEWER}),
        (
            {"role": Role.OWNER, "actor_type": ActorType.AGENT},
            {"role": Role.VIEWER, "actor_type": ActorType.AGENT},
        ),
    ],
)
async def test_no_key_is_wider_than_who_makes_it(sqlite_rig, creator, wanted):
    who = await sqlite_rig.principal(**creator)
    with pytest.raises(Forbidden):
        await sqlite_rig.key(by=who, **wanted)


@pytest.mark.parametrize(
    ("creator", "wanted"),
    [
        ({"role": Role.ADMIN}, {"role": Role.ADMIN}),
        ({"role": Role.ADMIN}, {"role": Role.ADMIN, "tools": ("a",)}),
        ({"role": Role.ADMIN, "actor_type": ActorType.SERVICE}, {"actor_type": ActorType.SERVICE}),
        ({"role": Role.ADMIN, "expires_at": START + HOUR}, {"expires_at": START + HOUR}),
    ],
)
async def test_a_key_as_wide_as_its_maker_is_made(sqlite_rig, creator, wanted):
    who = await sqlite_rig.principal(**creator)
    assert await sqlite_rig.principal(by=who, **wanted)


async def test_two_keys_are_never_the_same_actor(rig):
    first = await rig.principal(name="bot")
    with pytest.raises(Conflict) as refused:
        await rig.key(name="bot")
    assert refused.value.details == {"reason": "name_taken", "name": "bot"}
    await rig.gateway.keys.revoke(rig.owner, first.key_id)
    with pytest.raises(Conflict):
        await rig.key(name="bot")
    assert (await rig.principal(name="bot", actor_type=ActorType.AGENT)).actor_id == "agent:bot"
    other = await rig.workspace()
    assert (await rig.principal(name="bot", by=other)).actor_id == "user:bot"


async def test_who_is_of_no_workspace_changes_nothing(rig):
    nobody = Principal("nowhere", ActorType.USER, "user:x", Role.OWNER, "k")
    with pytest.raises(Unauthorized):
        await rig.gateway.secrets.set(nobody, "K", "v")


async def test_a_key_that_has_ended_already_is_not_made(sqlite_rig):
    with pytest.raises(Invalid, match="in the past"):
        await sqlite_rig.key(expires_at=START)


async def test_an_expired_key_is_nobody(rig):
    text = await rig.key(expires_at=START + HOUR)
    who = await rig.gateway.credentials.principal(text)
    rig.clock.at += HOUR
    with pytest.raises(Unauthorized):
        await rig.gateway.credentials.principal(text)
    with pytest.raises(Unauthorized):
        await rig.call(await rig.register(), by=who)


async def test_a_revoked_key_is_nobody(rig):
    text = await rig.key()
    who = await rig.gateway.credentials.principal(text)
    await rig.gateway.keys.revoke(rig.owner, who.key_id)
    with pytest.raises(Unauthorized):
        await rig.gateway.credentials.principal(text)
    assert (await rig.events())[-1]["type"] == "KeyRevoked"


async def test_a_key_is_revoked_once(rig):
    who = await rig.principal()
    await rig.gateway.keys.revoke(rig.owner, who.key_id)
    with pytest.raises(NotFound):
        await rig.gateway.keys.revoke(rig.owner, who.key_id)


async def test_only_an_owner_revokes_an_owners_key(rig):
    second = await rig.principal(role=Role.OWNER)
    admin = await rig.principal(role=Role.ADMIN)
    with pytest.raises(Forbidden, match="Only an owner's key"):
        await rig.gateway.keys.revoke(admin, second.key_id)
    await rig.gateway.keys.revoke(rig.owner, second.key_id)
    with pytest.raises(NotFound):
        await rig.gateway.keys.revoke(admin, second.key_id)


async def test_the_last_valid_key_of_an_owner_stays(rig):
    """Keys that expired, are limited or are an agent's could not make another."""
    await rig.principal(role=Role.OWNER, tools=("a",))
    await rig.principal(role=Role.OWNER, actor_type=ActorType.AGENT)
    brief = await rig.principal(role=Role.OWNER, expires_at=START + HOUR)
    rig.clock.at += HOUR
    with pytest.raises(Conflict) as refused:
        await rig.gateway.keys.revoke(rig.owner, rig.owner.key_id)
    assert refused.value.details == {"reason": "last_owner"}
    await rig.gateway.keys.revoke(rig.owner, brief.key_id)
    second = await rig.principal(role=Role.OWNER)
    await rig.gateway.keys.revoke(rig.owner, rig.owner.key_id)
    with pytest.raises(Conflict):
        await rig.gateway.keys.revoke(second, second.key_id)


async def test_of_two_owners_who_revoke_each_other_at_once_one_stays(rig):
    other = await rig.principal(role=Role.OWNER)
    beside = await rig.beside()
    pairs = ((rig, rig.owner, other), (beside, other, rig.owner))
    done = await asyncio.gather(
        *(one.gateway.keys.revoke(by, of.key_id) for one, by, of in pairs), return_exceptions=True
    )
    assert sum(outcome is None for outcome in done) == 1
    assert all(isinstance(outcome, Unauthorized | Conflict) for outcome in done if outcome is not None)


async def test_a_key_of_another_workspace_does_not_exist(rig):
    other = await rig.workspace()
    who = await rig.principal()
    with pytest.raises(NotFound):
        await rig.gateway.keys.revoke(other, who.key_id)
    assert who.key_id not in {key.id for key in await rig.gateway.keys.list(other, 50, None)}


async def test_live_keys_are_listed_by_id_and_go_on_after_one(rig):
    made = sorted([(await rig.principal()).key_id for _ in range(3)] + [rig.owner.key_id])
    gone = await rig.principal()
    await rig.gateway.keys.revoke(rig.owner, gone.key_id)
    assert [key.id for key in await rig.gateway.keys.list(rig.owner, 50, None)] == made
    assert [key.id for key in await rig.gateway.keys.list(rig.owner, 2, made[0])] == made[1:3]


async def test_a_member_sees_no_keys(sqlite_rig):
    with pytest.raises(Forbidden):
        await sqlite_rig.gateway.keys.list(await sqlite_rig.principal(role=Role.MEMBER), 1, None)


@pytest.mark.parametrize(
    "text", ["", "tcb_", "Bearer x", "tcb_default_abc_" + "0" * 72, "é" * 10, "x" * 10_000]
)
async def test_what_is_no_key_is_nobody(sqlite_rig, text):
    with pytest.raises(Unauthorized):
        await sqlite_rig.gateway.credentials.principal(text)


async def test_a_key_of_no_workspace_is_nobody(rig):
    from toolcrib.identity.tokens import new_token

    for workspace in ("nowhere", "global", rig.owner.workspace_id):
        with pytest.raises(Unauthorized):
            await rig.gateway.credentials.principal(new_token(workspace).text)


async def test_secrets_are_listed_by_name_without_a_value(rig):
    for name in ("B", "A", "C"):
        await rig.gateway.secrets.set(rig.owner, name, "s3cr3t-value")
    found = await rig.gateway.secrets.list(rig.owner, 50, None)
    assert [secret.name for secret in found] == ["A", "B", "C"]
    assert [secret.name for secret in await rig.gateway.secrets.list(rig.owner, 1, "A")] == ["B"]
    assert "s3cr3t" not in repr(found)


async def test_setting_and_deleting_a_secret_is_told_by_name_alone(rig):
    await rig.gateway.secrets.set(rig.owner, "K", "s3cr3t-value")
    await rig.gateway.secrets.delete(rig.owner, "K")
    events = await rig.events()
    assert [(event["type"], event["about"]) for event in events][-2:] == [
        ("SecretSet", "K"),
        ("SecretDeleted", "K"),
    ]
    assert "s3cr3t" not in str(events)
    assert await rig.gateway.secrets.list(rig.owner, 50, None) == []


async def test_a_secret_that_is_not_there_is_not_found(rig):
    other = await rig.workspace()
    await rig.gateway.secrets.set(rig.owner, "K", "s3cr3t-value")
    for who, name in ((other, "K"), (rig.owner, "L")):
        with pytest.raises(NotFound):
            await rig.gateway.secrets.delete(who, name)


async def test_a_secret_of_another_workspace_is_not_used(rig):
    other = await rig.workspace()
    await rig.gateway.secrets.set(rig.owner, "K", "s3cr3t-value")
    api = {"base_url": "https://u.example", "auth": {"method": "bearer", "secret_ref": "${K}"}}
    await rig.register("g.tool", scope="global", api=api)
    assert (await rig.call("g.tool", by=other)).error["code"] == "SECRET_NOT_FOUND"
    assert (await rig.call("g.tool")).error is None


async def test_a_member_sets_no_secret(sqlite_rig):
    member = await sqlite_rig.principal(role=Role.MEMBER)
    with pytest.raises(Forbidden):
        await sqlite_rig.gateway.secrets.set(member, "K", "v")

"""The generation fence: whatever was decided on an older generation is decided again, so a change binds all that comes after it."""

import asyncio
import contextlib

import pytest

from tests.support.rig import config
from toolcrib.contracts.errors import Forbidden, NotFound, Unauthorized, Unavailable
from toolcrib.contracts.execution import Status
from toolcrib.contracts.principal import ActorType, Permission, Role
from toolcrib.contracts.provider import Success
from toolcrib.vault.service import NewSecret


async def knowing(rig, tool, **by):
    """A second process that has the facts at hand."""
    second = await rig.beside()
    assert (await second.call(tool, **by)).error is None
    return second


async def test_a_tool_disabled_by_another_process_is_not_called(rig):
    tool = await rig.register()
    second = await knowing(rig, tool)
    await rig.gateway.tools.set_enabled(rig.owner, tool, enabled=False)
    ran = len(second.provider.ran)
    result = await second.call(tool)
    assert (result.status, result.error["code"]) == (Status.DENIED, "TOOL_DISABLED")
    assert len(second.provider.ran) == ran


async def test_a_key_revoked_by_another_process_calls_nothing(rig):
    tool, key = await rig.register(), await rig.principal()
    second = await knowing(rig, tool, by=key)
    await rig.gateway.keys.revoke(rig.owner, key.key_id)
    with pytest.raises(Unauthorized):
        await second.call(tool, by=key)


async def test_a_secret_replaced_by_another_process_is_the_one_that_is_used(rig):
    auth = {"method": "bearer", "secret_ref": "${K}"}
    tool = await rig.register(api={"base_url": "https://u.example", "auth": auth})
    await rig.gateway.secrets.set(rig.owner, "K", "old-value")
    second = await knowing(rig, tool)
    await rig.gateway.secrets.set(rig.owner, "K", "new-value")
    await second.call(tool)
    assert [run.secrets["K"].reveal() for run in second.provider.ran] == ["old-value", "new-value"]


async def test_a_secret_deleted_by_another_process_is_used_no_more(rig):
    auth = {"method": "bearer", "secret_ref": "${K}"}
    tool = await rig.register(api={"base_url": "https://u.example", "auth": auth})
    await rig.gateway.secrets.set(rig.owner, "K", "a-value")
    second = await knowing(rig, tool)
    await rig.gateway.secrets.delete(rig.owner, "K")
    assert (await second.call(tool)).error["code"] == "SECRET_NOT_FOUND"


async def test_a_change_of_the_global_scope_binds_other_processes_too(rig):
    tool, other = await rig.register(), await rig.workspace()
    second = await knowing(rig, tool)
    shared = await rig.register("shared.tool", scope="global")
    before = second.gateway.snapshots._known[rig.owner.workspace_id].global_generation
    assert (await second.call(tool)).error is None
    assert second.gateway.snapshots._known[rig.owner.workspace_id].global_generation > before
    assert (await second.call(shared, by=other)).error is None


async def test_an_own_tool_registered_elsewhere_hides_the_global_one_of_its_name(rig):
    shared = await rig.register("both.tool", scope="global")
    second = await knowing(rig, shared)
    own = await rig.gateway.tools.register(rig.owner, config("both.tool"))
    result = await second.call(shared)
    assert (await second.find(result.execution_id)).tool_id == own.id


async def test_a_change_between_decision_and_record_is_decided_again(rig):
    tool = await rig.register()

    async def disable():
        await rig.gateway.tools.set_enabled(rig.owner, tool, enabled=False)

    second = await knowing(rig, tool)
    second.tap.before.append(disable)
    assert (await second.call(tool)).error["code"] == "TOOL_DISABLED"
    (row,) = [row for row in await rig.rows("SELECT * FROM executions") if row["status"] != "succeeded"]
    assert row["status"] == "denied"


async def test_a_call_that_is_refused_is_decided_again_too(rig):
    tool = await rig.register(enabled=False)
    second = await rig.beside()
    await second.gateway.snapshots.of(rig.owner.workspace_id)
    await rig.gateway.tools.set_enabled(rig.owner, tool, enabled=True)
    assert (await second.call(tool)).error is None


async def test_a_workspace_that_never_stands_still_is_told_to_try_again(rig):
    tool = await rig.register()
    await rig.call(tool)
    ran = len(rig.provider.ran)
    rig.tap.always = rig.raise_generation
    with pytest.raises(Unavailable, match="changes too quickly"):
        await rig.call(tool)
    assert len(rig.provider.ran) == ran


async def test_a_change_goes_through_on_a_workspace_that_never_stands_still(rig):
    await rig.gateway.snapshots.of(rig.owner.workspace_id)
    rig.tap.always = rig.raise_generation
    await rig.register("made.all.the.same")
    rig.tap.always = None
    assert [row["name"] for row in await rig.rows("SELECT name FROM tools")] == ["made.all.the.same"]


async def test_a_permission_that_was_taken_in_the_same_moment_permits_nothing(rig):
    admin = await rig.principal(role=Role.ADMIN)

    async def demote():
        await rig.sql(
            "UPDATE keys SET role = 'viewer', generation = generation + 100 WHERE id = :id", id=admin.key_id
        )
        await rig.raise_generation()

    rig.tap.before.append(demote)
    with pytest.raises(Forbidden):
        await rig.gateway.secrets.set(admin, "K", "value")
    assert await rig.rows("SELECT * FROM secrets") == []


async def test_a_change_decided_on_a_stale_permission_is_decided_again(rig):
    admin = await rig.principal(role=Role.ADMIN)
    second = await rig.beside()
    await second.gateway.secrets.set(admin, "K", "value-one")
    await rig.gateway.keys.revoke(rig.owner, admin.key_id)
    with pytest.raises(Unauthorized):
        await second.gateway.secrets.set(admin, "K", "value-two")
    (row,) = await rig.rows("SELECT version FROM secrets")
    assert row["version"] == 1


async def test_a_change_of_the_global_scope_is_decided_on_the_callers_own_workspace(rig):
    second = await rig.beside()
    await second.gateway.snapshots.of(rig.owner.workspace_id)
    await rig.raise_generation()
    assert (
        await second.gateway.tools.register(rig.owner, config("g.tool", scope="global"))
    ).workspace_id == "global"


async def test_a_change_that_fails_leaves_nothing_behind(rig):
    before = await rig.rows("SELECT * FROM workspace_state ORDER BY workspace_id")

    async def half(change):
        await change.stores.vault.put(change.tx, change.scope, NewSecret("K", "v"), "me", change.generation)
        raise NotFound

    with pytest.raises(NotFound):
        await rig.gateway.keys._changes.change(rig.owner, Permission.SECRETS_WRITE, half)
    assert await rig.rows("SELECT * FROM secrets") == []
    assert await rig.rows("SELECT * FROM workspace_state ORDER BY workspace_id") == before


async def test_a_change_without_permission_touches_nothing(rig):
    agent = await rig.principal(actor_type=ActorType.AGENT, role=Role.OWNER)
    before = rig.tap.transactions
    with pytest.raises(Forbidden) as refused:
        await rig.gateway.secrets.set(agent, "K", "v")
    assert refused.value.details == {"permission": "secrets:write"}
    assert rig.tap.transactions == before


async def test_changes_and_calls_side_by_side_keep_the_order_of_commits(rig):
    """A call is allowed exactly where its event stands after the last one that enabled the tool."""
    tool = await rig.register()
    second = await knowing(rig, tool)

    async def toggle():
        for number in range(12):
            await rig.gateway.tools.set_enabled(rig.owner, tool, enabled=bool(number % 2))

    async def call():
        for _ in range(12):
            with contextlib.suppress(Unavailable):  # the toggling may outrun a call eight times
                await second.call(tool)

    await asyncio.gather(toggle(), call(), call())
    enabled, wrong = True, []
    for event in await rig.events():
        if event["type"] in ("ToolEnabled", "ToolDisabled"):
            enabled = event["type"] == "ToolEnabled"
        elif (event["type"] == "ToolExecutionRequested" and not enabled) or (
            event["type"] == "ToolExecutionDenied" and enabled
        ):
            wrong.append(event)
    assert wrong == []


async def test_a_call_under_way_ends_as_it_began(rig):
    tool = await rig.register()

    async def disable_meanwhile(_):
        await rig.gateway.tools.set_enabled(rig.owner, tool, enabled=False)
        return Success("done")

    rig.provider.behaviour = disable_meanwhile
    assert (await rig.call(tool)).output == "done"

"""Versions: a change makes one, what was published stays, and what breaks callers must say so."""

import asyncio

import pytest

from tests.support.fakes import refusing
from tests.support.rig import config
from toolcrib.contracts.errors import Conflict, Forbidden, Invalid, NotFound, Unavailable
from toolcrib.contracts.execution import Call, Status
from toolcrib.contracts.principal import ActorType, Role
from toolcrib.kit.db import DatabaseUnavailable

TAKES_A = {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": False}
NEEDS_A = {**TAKES_A, "required": ["a"]}


async def test_an_update_binds_the_next_call_and_the_history_stays(rig):
    tool = await rig.register(description="One.")
    made = await rig.gateway.versions.update(rig.owner, tool, config(tool, description="Two."))
    assert made.version == "1.0.1"
    result = await rig.call(tool)
    assert (await rig.find(result.execution_id)).tool_version == "1.0.1"
    history = await rig.gateway.versions.list(rig.owner, tool)
    assert [(one.version, one.config["description"]) for one in history] == [
        ("1.0.1", "Two."),
        ("1.0.0", "One."),
    ]
    event = (await rig.events())[-3]
    assert (event["type"], event["about"]) == ("ToolUpdated", tool)


async def test_the_version_is_worked_out_from_the_difference(rig):
    tool = await rig.register(input_schema=TAKES_A)
    update = rig.gateway.versions.update
    wider = {**TAKES_A, "properties": {**TAKES_A["properties"], "b": {}}}
    assert (await update(rig.owner, tool, config(tool, input_schema=wider))).version == "1.1.0"
    assert (await update(rig.owner, tool, config(tool, input_schema=wider, tags=["x"]))).version == "1.1.1"


async def test_a_config_that_changes_nothing_makes_no_version(rig):
    tool = await rig.register()
    before = await rig.events()
    assert (await rig.gateway.versions.update(rig.owner, tool, config(tool))).version == "1.0.0"
    assert await rig.events() == before


async def test_a_name_may_be_left_out_but_not_changed(rig):
    tool = await rig.register()
    without = {name: value for name, value in config(tool, tags=["x"]).items() if name != "name"}
    assert (await rig.gateway.versions.update(rig.owner, tool, without)).version == "1.0.1"
    with pytest.raises(Invalid) as refused:
        await rig.gateway.versions.update(rig.owner, tool, config("other.name", scope="global"))
    assert [fault["path"] for fault in refused.value.details["errors"]] == ["/name", "/scope"]


@pytest.mark.parametrize("version", [None, "1.0.1", "1.1.0"])
async def test_a_breaking_change_without_a_major_version_is_refused_with_its_paths(rig, version):
    tool = await rig.register(input_schema=TAKES_A)
    parts = {"input_schema": NEEDS_A} | ({"version": version} if version else {})
    with pytest.raises(Conflict, match=r"version 2\.0\.0") as refused:
        await rig.gateway.versions.update(rig.owner, tool, config(tool, **parts))
    assert refused.value.details == {
        "reason": "breaking", "version": "2.0.0", "breaking": [{"path": "/input_schema/required", "message": "asks for a"}],
    }  # fmt: skip
    assert len(await rig.gateway.versions.list(rig.owner, tool)) == 1


async def test_a_breaking_change_with_a_major_version_is_published(rig):
    tool = await rig.register(input_schema=TAKES_A)
    await rig.gateway.versions.update(rig.owner, tool, config(tool, input_schema=NEEDS_A, version="2.0.0"))
    assert (await rig.call(tool)).error["code"] == "VALIDATION_ERROR"


@pytest.mark.parametrize(
    ("version", "reason"),
    [("1.0.0", "version_not_higher"), ("0.9.0", "version_not_higher"), ("1.0.1", "bump_too_small")],
)
async def test_a_version_that_does_not_fit_is_refused(rig, version, reason):
    tool = await rig.register(input_schema=NEEDS_A)
    with pytest.raises(Conflict) as refused:
        await rig.gateway.versions.update(
            rig.owner, tool, config(tool, input_schema=TAKES_A, version=version)
        )
    assert refused.value.details["reason"] == reason


async def test_a_version_may_be_higher_than_needed(rig):
    tool = await rig.register()
    assert (
        await rig.gateway.versions.update(rig.owner, tool, config(tool, version="3.0.0"))
    ).version == "3.0.0"


async def test_an_update_through_another_process_binds_the_next_call_here(rig):
    second, tool = await rig.beside(), await rig.register(input_schema=TAKES_A)
    assert (await rig.call(tool)).status is Status.SUCCEEDED
    await second.gateway.versions.update(rig.owner, tool, config(tool, input_schema=NEEDS_A, version="2"))
    assert (await rig.call(tool)).error["code"] == "VALIDATION_ERROR"


async def test_two_updates_at_once_make_two_versions(rig):
    second, tool = await rig.beside(), await rig.register()
    await rig.gateway.versions.update(rig.owner, tool, config(tool, tags=["x"]))
    made = await second.gateway.versions.update(rig.owner, tool, config(tool, tags=["y"]))
    assert made.version == "1.0.2"


async def test_the_same_update_many_times_at_once_makes_one_version(rig):
    tool = await rig.register()
    same = [rig.gateway.versions.update(rig.owner, tool, config(tool, tags=["x"])) for _ in range(6)]
    assert {made.version for made in await asyncio.gather(*same)} == {"1.0.1"}
    assert len(await rig.gateway.versions.list(rig.owner, tool)) == 2
    assert [event["type"] for event in await rig.events()].count("ToolUpdated") == 1


async def test_a_deleted_tool_is_gone_and_its_name_is_free(rig):
    tool = await rig.register()
    result = await rig.call(tool)
    await rig.gateway.versions.delete(rig.owner, tool)
    with pytest.raises(NotFound):
        await rig.call(tool)
    assert (await rig.find(result.execution_id)).tool == tool
    assert [view.tool.name for view in await rig.gateway.tools.list(rig.owner, 10, None)] == []
    assert (await rig.events())[-1]["type"] == "ToolDeleted"
    await rig.register(tool)
    assert (await rig.call(tool)).status is Status.SUCCEEDED
    assert len(await rig.gateway.versions.list(rig.owner, tool)) == 1


async def test_a_tool_deleted_by_another_process_is_gone_here(rig):
    second, tool = await rig.beside(), await rig.register()
    await rig.call(tool)
    await second.gateway.versions.delete(rig.owner, tool)
    with pytest.raises(NotFound):
        await rig.call(tool)
    with pytest.raises(NotFound):
        await rig.gateway.versions.delete(rig.owner, tool)


async def test_one_who_deletes_twice_at_once_is_told(rig):
    tool = await rig.register()
    stale = (await rig.gateway.tools.get(rig.owner, tool)).tool
    await rig.gateway.versions.delete(rig.owner, tool)
    registry = rig.gateway.stores.registry
    with pytest.raises(NotFound):
        await rig.db.change(
            (stale.workspace_id,), lambda tx: registry.delete(tx, stale.workspace_id, stale.id, 99)
        )
    with pytest.raises(NotFound):
        await rig.db.change(
            (stale.workspace_id,), lambda tx: registry.current(tx, stale.workspace_id, stale.id)
        )


async def test_a_history_that_cannot_be_read_is_unavailable(rig):
    tool = await rig.register()
    rig.tap.reading.append(refusing(DatabaseUnavailable("away")))
    with pytest.raises(Unavailable):
        await rig.gateway.versions.list(rig.owner, tool)


@pytest.mark.parametrize("usual", [True, False])
async def test_enablement_goes_back_to_what_the_contract_says(rig, usual):
    tool = await rig.register(enabled=usual)
    await rig.gateway.tools.set_enabled(rig.owner, tool, enabled=not usual)
    await rig.gateway.tools.reset_enabled(rig.owner, tool)
    assert await rig.gateway.tools.enabled(rig.owner, tool) is usual


async def test_only_the_operator_writes_global_tools(rig):
    tool = await rig.register(scope="global")
    elsewhere = await rig.workspace()
    for write in (
        rig.gateway.versions.update(elsewhere, tool, config(tool)),
        rig.gateway.versions.delete(elsewhere, tool),
    ):
        with pytest.raises(Forbidden, match="operator"):
            await write
    assert [one.version for one in await rig.gateway.versions.list(elsewhere, tool)] == ["1.0.0"]
    await rig.gateway.versions.update(rig.owner, tool, config(tool, scope="global", tags=["x"]))
    result = await rig.call(tool, by=elsewhere)
    assert (await rig.find(result.execution_id, by=elsewhere)).tool_version == "1.0.1"


async def test_who_may_not_write_tools_changes_none(rig):
    tool = await rig.register()
    for other in (await rig.principal(role=Role.VIEWER), await rig.principal(actor_type=ActorType.AGENT)):
        with pytest.raises(Forbidden):
            await rig.gateway.versions.update(other, tool, config(tool, tags=["x"]))
        with pytest.raises(Forbidden):
            await rig.gateway.versions.delete(other, tool)


async def test_tools_of_another_workspace_do_not_exist(rig):
    tool, elsewhere = await rig.register(), await rig.workspace()
    for asked in (
        rig.gateway.versions.update(elsewhere, tool, config(tool)),
        rig.gateway.versions.delete(elsewhere, tool),
        rig.gateway.versions.list(elsewhere, tool),
    ):
        with pytest.raises(NotFound):
            await asked


DAY = 24 * 3600
SUNSET = {
    "since": "1.0.0",
    "sunset": "2027-01-16",
    "use": "other.tool",
}  # the fake clock stands at 2027-01-15 08:00 UTC


async def test_a_deprecated_tool_says_so_and_ends_after_its_last_day(rig):
    tool = await rig.register(deprecated=SUNSET)
    result = await rig.call(tool)
    assert (result.status, result.notice.sunset, result.notice.use) == (
        Status.SUCCEEDED,
        "2027-01-16",
        "other.tool",
    )
    assert result.notice.since == rig.clock.at
    rig.clock.at += (DAY + 15 * 3600 + 3599) * 1_000_000
    assert (await rig.call(tool)).status is Status.SUCCEEDED
    rig.clock.at += 1_000_000
    ended = await rig.call(tool)
    assert (ended.status, ended.error["code"]) == (Status.DENIED, "TOOL_SUNSET")
    assert ended.notice.use == "other.tool"
    assert [view.tool.name for view in await rig.gateway.tools.callable(rig.owner, 10, None)] == []
    assert (await rig.gateway.tools.validate(rig.owner, Call(tool, {}))).decision.code == "TOOL_SUNSET"


async def test_a_new_version_may_take_the_end_back(rig):
    tool = await rig.register(deprecated={"sunset": "2020-01-01"})
    assert (await rig.call(tool)).error["code"] == "TOOL_SUNSET"
    await rig.gateway.versions.update(rig.owner, tool, config(tool))
    result = await rig.call(tool)
    assert (result.status, result.notice) == (Status.SUCCEEDED, None)


async def test_a_word_sunset_elsewhere_ends_nothing(rig):
    tool = await rig.register(metadata={"sunset": "2020-01-01"})
    assert (await rig.call(tool)).status is Status.SUCCEEDED

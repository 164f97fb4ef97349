"""Tools at the counter: what is taken and how it is stored, what is refused and where, lists, enablement, checks."""

import pytest

from tests.support.fakes import refusing
from tests.support.rig import config
from tests.support.until import eventually
from toolcrib.contracts.decision import Allow, Deny
from toolcrib.contracts.errors import Conflict, EgressRefused, Forbidden, Invalid, NotFound, Unavailable
from toolcrib.contracts.execution import Call
from toolcrib.contracts.principal import ActorType, Role
from toolcrib.gateway.tools import Wanted
from toolcrib.kit.db import DatabaseUnavailable


async def stored(rig, submitted):
    tool = await rig.gateway.tools.register(rig.owner, submitted)
    return await rig.gateway.tools.get(rig.owner, tool.id)


async def faults(rig, submitted):
    with pytest.raises(Invalid) as refused:
        await rig.gateway.tools.register(rig.owner, submitted)
    return {fault["path"]: fault["message"] for fault in refused.value.details["errors"]}


async def names(rig, **wanted):
    return [
        view.tool.name
        for view in await rig.gateway.tools.list(wanted.pop("by", rig.owner), 50, None, Wanted(**wanted))
    ]


async def test_a_tool_is_stored_with_its_defaults_visible_and_as_it_was_sent(rig):
    submitted = config("tides.next", version=1)
    view = await stored(rig, submitted)
    assert (view.config["version"], view.config["api"]["method"], view.config["scope"], view.enabled) == (
        "1.0.0",
        "GET",
        "workspace",
        True,
    )
    assert view.tool.submitted_document() == submitted
    assert [event["type"] for event in await rig.events()][-1] == "ToolRegistered"


async def test_a_free_text_name_becomes_title_and_slug(sqlite_rig):
    view = await stored(sqlite_rig, config("Get Weather"))
    assert (view.tool.name, view.config["title"]) == ("get_weather", "Get Weather")


@pytest.mark.parametrize("name", ["tool_" + "0a" * 16, "Tool " + "0a" * 16])
async def test_a_name_with_the_form_of_an_id_is_refused(sqlite_rig, name):
    found = await faults(sqlite_rig, config(name))
    assert list(found) == ["/name"]
    assert "form of a tool's id" in found["/name"]


async def test_a_tool_of_another_scope_is_found_by_its_id_whatever_others_are_called(rig):
    shared = await rig.gateway.tools.register(rig.owner, config("shared", scope="global"))
    await rig.register("own")
    await rig.sql(f"UPDATE tools SET name = '{shared.id}' WHERE name = 'own'")
    other = await rig.beside()
    assert (await other.gateway.tools.get(rig.owner, shared.id)).tool.name == "shared"
    assert (await other.gateway.tools.get(rig.owner, "shared")).tool.id == shared.id


async def test_a_title_of_its_own_is_kept(sqlite_rig):
    view = await stored(sqlite_rig, config("Get Weather", title="The weather"))
    assert view.config["title"] == "The weather"


async def test_a_root_without_type_is_an_object_that_is_closed(sqlite_rig):
    view = await stored(sqlite_rig, config(input_schema={"properties": {"a": {"type": "string"}}}))
    assert view.config["input_schema"]["type"] == "object"
    assert view.config["input_schema"]["additionalProperties"] is False


@pytest.mark.parametrize(
    ("parts", "place"),
    [
        ({"name": "天気"}, "/name"),
        ({"name": "search"}, "/name"),
        ({"version": "one"}, "/version"),
        ({"version": None}, "/version"),
        ({"input_schema": []}, "/input_schema"),
        ({"input_schema": {"type": "object", "properties": {"a": {"$ref": "http://x/y"}}}}, "/input_schema/properties/a/$ref"),
        ({"output_schema": {"pattern": "(?=x)"}}, "/output_schema/pattern"),
        ({"name": 7}, "/name"),
    ],
)  # fmt: skip
async def test_what_cannot_be_stored_is_refused_at_its_place(sqlite_rig, parts, place):
    assert set(await faults(sqlite_rig, config() | parts)) == {place}
    assert await sqlite_rig.rows("SELECT * FROM tools") == []


async def test_faults_of_both_schemas_are_told_at_once(sqlite_rig):
    found = await faults(sqlite_rig, config(input_schema={"$ref": "x"}, output_schema={"$ref": "y"}))
    assert set(found) == {"/input_schema/$ref", "/output_schema/$ref"}


async def test_what_the_provider_objects_to_is_refused(sqlite_rig):
    sqlite_rig.provider.objection = EgressRefused()
    with pytest.raises(EgressRefused):
        await sqlite_rig.register()


async def test_a_taken_name_is_a_conflict(rig):
    await rig.register("tides.next")
    with pytest.raises(Conflict) as refused:
        await rig.register("tides.next")
    assert refused.value.details == {"reason": "name_taken", "name": "tides.next"}


async def test_two_names_that_models_would_see_as_one_clash(rig):
    await rig.register("a.b")
    with pytest.raises(Conflict):
        await rig.register("a__b")


async def test_another_workspace_may_use_the_same_name(rig):
    other = await rig.workspace()
    await rig.register("tides.next")
    await rig.register("tides.next", by=other)
    assert await names(rig, by=other) == ["tides.next"]


async def test_a_refused_registration_leaves_the_generation_as_it_was(rig):
    await rig.register("tides.next")
    before = await rig.rows("SELECT * FROM workspace_state ORDER BY workspace_id")
    with pytest.raises(Conflict):
        await rig.register("tides.next")
    assert await rig.rows("SELECT * FROM workspace_state ORDER BY workspace_id") == before


async def test_a_tool_may_be_registered_disabled(rig):
    tool = await rig.register(enabled=False)
    assert not await rig.gateway.tools.enabled(rig.owner, tool)


@pytest.mark.parametrize(("actor", "role"), [(ActorType.AGENT, Role.OWNER), (ActorType.USER, Role.VIEWER)])
async def test_who_may_not_write_registers_nothing(sqlite_rig, actor, role):
    who = await sqlite_rig.principal(actor_type=actor, role=role)
    with pytest.raises(Forbidden):
        await sqlite_rig.register(by=who)


async def test_the_operator_alone_registers_global_tools(rig):
    other = await rig.workspace()
    admin = await rig.principal(role=Role.ADMIN)
    for who in (other, admin):
        with pytest.raises(Forbidden, match="Only the operator"):
            await rig.register("g.tool", scope="global", by=who)
    assert await rig.register("g.tool", scope="global") == "g.tool"
    await eventually(lambda: names(rig, by=other), "the global tool in another workspace's list", 5)


async def test_a_write_that_the_database_refuses_says_so(rig):
    rig.tap.before.append(refusing(DatabaseUnavailable("away")))
    with pytest.raises(Unavailable):
        await rig.register("g.tool")


async def test_a_change_that_was_made_is_not_unmade_by_a_read_that_fails(rig):
    async def fail_the_next_read():
        rig.tap.reading.append(refusing(DatabaseUnavailable("away")))

    rig.tap.after.append(fail_the_next_read)
    assert await rig.register("made.tool") == "made.tool"
    assert (await rig.call("made.tool")).error is None


async def test_a_global_tool_is_disabled_for_one_workspace_alone(rig):
    other = await rig.workspace()
    await rig.register("g.tool", scope="global")
    await rig.gateway.tools.set_enabled(other, "g.tool", enabled=False)
    assert not await rig.gateway.tools.enabled(other, "g.tool")
    assert await rig.gateway.tools.enabled(rig.owner, "g.tool")
    assert (await rig.call("g.tool", by=other)).error["code"] == "TOOL_DISABLED"


async def test_a_global_tool_registered_disabled_is_enabled_by_each_workspace_for_itself(rig):
    other = await rig.workspace()
    await rig.register("g.tool", scope="global", enabled=False)
    assert (await rig.call("g.tool", by=other)).error["code"] == "TOOL_DISABLED"
    await rig.gateway.tools.set_enabled(other, "g.tool", enabled=True)
    assert (await rig.call("g.tool", by=other)).error is None
    assert (await rig.call("g.tool")).error["code"] == "TOOL_DISABLED"


async def test_enabling_is_told(rig):
    tool = await rig.register()
    await rig.gateway.tools.set_enabled(rig.owner, tool, enabled=False)
    await rig.gateway.tools.set_enabled(rig.owner, tool, enabled=True)
    assert [event["type"] for event in await rig.events()][-2:] == ["ToolDisabled", "ToolEnabled"]


async def test_a_member_enables_nothing(sqlite_rig):
    member = await sqlite_rig.principal(role=Role.MEMBER)
    with pytest.raises(Forbidden):
        await sqlite_rig.gateway.tools.set_enabled(member, await sqlite_rig.register(), enabled=False)


async def test_lists_are_by_name_and_go_on_after_one(sqlite_rig):
    for name in ("c", "a", "b"):
        await sqlite_rig.register(name)
    assert await names(sqlite_rig) == ["a", "b", "c"]
    page = await sqlite_rig.gateway.tools.list(sqlite_rig.owner, 1, "a")
    assert [view.tool.name for view in page] == ["b"]


async def test_lists_hold_the_scope_and_status_asked_for(sqlite_rig):
    rig = sqlite_rig
    await rig.register("own.on")
    await rig.register("own.off", enabled=False)
    await rig.register("all.on", scope="global")
    assert await names(rig) == ["all.on", "own.off", "own.on"]
    assert await names(rig, scope="workspace") == ["own.off", "own.on"]
    assert await names(rig, scope="global") == ["all.on"]
    assert await names(rig, status="disabled") == ["own.off"]
    assert await names(rig, status="enabled") == ["all.on", "own.on"]


async def test_an_own_tool_hides_the_global_one_of_its_name_in_lists_as_in_calls(sqlite_rig):
    rig = sqlite_rig
    await rig.register("both", scope="global")
    own = await rig.gateway.tools.register(rig.owner, config("both"))
    assert [view.tool.id for view in await rig.gateway.tools.list(rig.owner, 9, None)] == [own.id]
    (shared,) = await rig.gateway.tools.list(rig.owner, 9, None, Wanted("global"))
    assert shared.tool.workspace_id == "global"


async def test_what_is_not_there_is_not_found(sqlite_rig):
    other = await sqlite_rig.workspace()
    tool = await sqlite_rig.register()
    for ask in (sqlite_rig.gateway.tools.get, sqlite_rig.gateway.tools.enabled):
        with pytest.raises(NotFound):
            await ask(other, tool)
    with pytest.raises(NotFound):
        await sqlite_rig.gateway.tools.set_enabled(other, tool, enabled=False)


async def test_checking_input_runs_and_records_nothing(rig):
    tool = await rig.register(input_schema={"type": "object", "required": ["a"]}, enabled=False)
    found = await rig.gateway.tools.validate(rig.owner, Call(tool, {}))
    assert [fault.path for fault in found.faults] == [""]
    assert isinstance(found.decision, Deny)
    assert rig.provider.ran == []
    assert await rig.rows("SELECT * FROM executions") == []


async def test_checking_answers_what_a_call_would_meet(sqlite_rig):
    found = await sqlite_rig.gateway.tools.validate(sqlite_rig.owner, Call(await sqlite_rig.register(), {}))
    assert (found.faults, found.decision) == ([], Allow())


@pytest.mark.parametrize(
    ("who", "named"),
    [
        ({}, ["TIDE_KEY"]),
        ({"actor_type": ActorType.USER, "role": Role.VIEWER}, ["TIDE_KEY"]),
        ({"tools": ("another.tool",)}, []),
    ],
    ids=["may call it", "may only read names", "may do neither"],
)
async def test_a_secret_that_is_not_set_is_told_to_those_who_may_know_its_name(sqlite_rig, who, named):
    auth = {"method": "bearer", "secret_ref": "${TIDE_KEY}"}
    tool = await sqlite_rig.register(api={"base_url": "https://upstream.example", "auth": auth})
    asking = await sqlite_rig.principal(**{"actor_type": ActorType.AGENT, "role": Role.MEMBER} | who)
    found = await sqlite_rig.gateway.tools.validate(asking, Call(tool, {}))
    assert [error.details["name"] for error in found.warnings] == named
    await sqlite_rig.gateway.secrets.set(sqlite_rig.owner, "TIDE_KEY", "a-long-value")
    assert (await sqlite_rig.gateway.tools.validate(asking, Call(tool, {}))).warnings == ()

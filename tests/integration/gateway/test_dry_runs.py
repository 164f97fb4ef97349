"""Calls that only show what they would do: decided and recorded like any other, and nothing runs."""

import pytest

from toolcrib.contracts.errors import Code
from toolcrib.contracts.execution import Status
from toolcrib.contracts.principal import Role
from toolcrib.contracts.provider import Failure, Success

HIGH = {"when": {"required": ["force"]}}


async def test_a_dry_run_goes_the_whole_route_and_runs_nothing(rig):
    name = await rig.register(output_schema={"type": "object", "required": ["height"]})
    done = await rig.call(name, {"a": 1}, dry_run=True)
    assert done.status is Status.SUCCEEDED
    assert done.output == {"dry_run": True, "would": f"It would run {name} 1.0.0, which only reads."}
    assert rig.provider.ran == []
    found = await rig.find(done.execution_id)
    assert (found.dry_run, found.status, found.input_payload) == (True, Status.SUCCEEDED, {"a": 1})
    assert found.output_payload == done.output


async def test_a_run_is_no_dry_run(rig):
    done = await rig.call(await rig.register(), {"a": 1})
    assert not (await rig.find(done.execution_id)).dry_run
    assert len(rig.provider.ran) == 1


async def test_what_a_tool_does_beside_is_told(sqlite_rig):
    name = await sqlite_rig.register(effects="destructive", side_effects="The ship is sold.")
    done = await sqlite_rig.call(name)
    assert done.output["would"] == f"It would run {name} 1.0.0, which destroys. The ship is sold."


async def test_a_provider_that_can_shows_it_itself(sqlite_rig):
    async def preview(invocation):
        return Success({"dry_run": True, "request": {"given": invocation.input}})

    sqlite_rig.provider.shows = preview
    done = await sqlite_rig.call(await sqlite_rig.register(), {"a": 1}, dry_run=True)
    assert done.output == {"dry_run": True, "request": {"given": {"a": 1}}}
    assert sqlite_rig.provider.ran == []


async def test_a_preview_that_fails_is_a_failed_execution(sqlite_rig):
    async def preview(_):
        return Failure(Code.AUTHORIZATION_REQUIRED, "An authorization is wanted.")

    sqlite_rig.provider.shows = preview
    done = await sqlite_rig.call(await sqlite_rig.register(), dry_run=True)
    assert (done.status, done.error["code"]) == (Status.FAILED, "AUTHORIZATION_REQUIRED")
    assert (await sqlite_rig.find(done.execution_id)).dry_run


async def test_bad_input_and_refused_callers_get_no_preview(sqlite_rig):
    name = await sqlite_rig.register(input_schema={"type": "object"}, impact="high")
    bad = await sqlite_rig.call(name, {"a": 1})
    assert (bad.error["code"], (await sqlite_rig.find(bad.execution_id)).dry_run) == (
        "VALIDATION_ERROR",
        True,
    )
    viewer = await sqlite_rig.principal(role=Role.VIEWER)
    denied = await sqlite_rig.call(name, by=viewer, dry_run=False)
    assert (denied.status, (await sqlite_rig.find(denied.execution_id)).dry_run) == (Status.DENIED, False)


@pytest.mark.parametrize(
    ("parts", "given", "dry"),
    [
        ({"impact": "high"}, {}, True),
        ({"effects": "destructive"}, {}, True),
        ({"effects": "destructive", "impact": "normal"}, {}, True),
        ({"impact": HIGH}, {"force": True}, True),
        ({"impact": HIGH}, {"gently": True}, False),
        ({"impact": "normal", "effects": "write"}, {}, False),
        ({"api": {"base_url": "https://upstream.example", "method": "DELETE"}}, {}, False),
    ],
)
async def test_where_the_impact_is_high_a_dry_run_is_the_default(sqlite_rig, parts, given, dry):
    name = await sqlite_rig.register(**parts)
    done = await sqlite_rig.call(name, given)
    assert ((await sqlite_rig.find(done.execution_id)).dry_run, sqlite_rig.provider.ran == []) == (dry, dry)
    really = await sqlite_rig.call(name, given, dry_run=False)
    assert not (await sqlite_rig.find(really.execution_id)).dry_run
    assert really.status is (Status.AWAITING_APPROVAL if dry else Status.SUCCEEDED)
    if dry:
        await sqlite_rig.gateway.approvals.approve(sqlite_rig.owner, really.approval_id)
    assert sqlite_rig.provider.ran[-1].input == given

"""`?dry_run=true` where tools are registered and updated: everything is checked, nothing is stored."""

import pytest

from tests.support.rig import config
from toolcrib.contracts.principal import Role

TOOLS = "/api/v1/tools"


async def test_a_new_tool_is_rehearsed_and_not_stored(rig, door):
    before = await rig.events()
    status, _, answer = await door("POST", f"{TOOLS}?dry_run=true", config("own.tool"))
    assert (status, answer["tool_id"], answer["registered"]) == (200, None, False)
    assert (answer["name"], answer["version"], answer["config"]["mapping"]["raw"]) == (
        "own.tool",
        "1.0.0",
        False,
    )
    assert (await door("GET", f"{TOOLS}/own.tool")).status == 404
    assert await rig.events() == before
    assert (await door("POST", f"{TOOLS}?dry_run=false", config("own.tool"))).status == 201


async def test_a_rehearsal_refuses_what_the_change_would_refuse(rig, door):
    await door("POST", TOOLS, config("own.tool", aliases=["old.name"]))
    for twin, reason in (
        (config("own.tool"), "name_taken"),
        (config("another", aliases=["old.name"]), "alias_taken"),
    ):
        status, _, answer = await door("POST", f"{TOOLS}?dry_run=true", twin)
        assert (status, answer["error"]["details"]["reason"]) == (409, reason)
    status, _, answer = await door("POST", f"{TOOLS}?dry_run=true", {"name": "own.tool", "about": "x"})
    assert (status, answer["error"]["code"]) == (400, "VALIDATION_ERROR")
    viewer = await rig.key(role=Role.VIEWER)
    assert (await door.as_(viewer)("POST", f"{TOOLS}?dry_run=true", config("x"))).status == 403
    assert (await door("POST", f"{TOOLS}?dry_run=perhaps", config("x"))).status == 400


async def test_an_update_is_rehearsed_with_the_version_that_it_would_get(rig, door):
    made = (await door("POST", TOOLS, config("own.tool"))).json
    newer = config("own.tool", description="Newer.")
    status, _, answer = await door("PUT", f"{TOOLS}/own.tool?dry_run=true", newer)
    assert (status, answer["tool_id"], answer["registered"]) == (200, made["tool_id"], False)
    assert (answer["version"], answer["config"]["description"]) == ("1.0.1", "Newer.")
    assert (await door("GET", f"{TOOLS}/own.tool")).json["version"] == "1.0.0"
    same = await door("PUT", f"{TOOLS}/own.tool?dry_run=true", config("own.tool"))
    assert (same.status, same.json["version"]) == (200, "1.0.0")
    narrow = {"type": "object", "required": ["a"], "additionalProperties": True}
    status, _, answer = await door(
        "PUT", f"{TOOLS}/own.tool?dry_run=true", config("own.tool", input_schema=narrow)
    )
    assert (status, answer["error"]["details"]["reason"]) == (409, "breaking")
    assert (await door("PUT", f"{TOOLS}/own.tool", newer)).json["version"] == "1.0.1"


async def test_a_call_right_after_a_rehearsal_is_not_held_up(rig, door):
    tool = await rig.register()
    await door("PUT", f"{TOOLS}/{tool}?dry_run=true", config(tool, tags=["x"]))
    assert (await door("POST", f"{TOOLS}/{tool}/execute", {"input": {}})).status == 200


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 201),
        ("?other=1", 201),
        ("?dry_run=FALSE", 201),
        ("?dry_run=1", 200),
        ("?dryRun=true", 200),
        ("?dry_run=true&other", 200),
    ],
)
async def test_a_flag_is_read_as_it_is_meant(sqlite_door, query, status):
    reply = await sqlite_door("POST", f"/api/tools{query}", config("a.tool"))
    assert (reply.status, reply.json["registered"]) == (status, status == 201)


@pytest.mark.parametrize(
    "query", ["?dry_run", "?dry_run=", "?dry_run=maybe", "?dry_run=1&dry_run=0", "?dry_run=1&dryRun=0"]
)
async def test_a_flag_that_is_none_registers_nothing(sqlite_door, query):
    reply = await sqlite_door("POST", f"/api/v1/tools{query}", config("a.tool"))
    assert (reply.status, reply.json["error"]["details"]["errors"][0]["path"]) == (400, "/query/dry_run")
    assert (await sqlite_door("GET", "/api/v1/tools/a.tool")).status == 404


async def test_the_saved_tools_are_rehearsed_too(rig, door):
    saved = f"{TOOLS}/saved"
    status, _, answer = await door("POST", f"{saved}?dry_run=true", config("own.tool"))
    assert (status, answer["registered"]) == (200, False)
    assert (await door("GET", f"{TOOLS}/own.tool")).status == 404
    await door("POST", saved, config("own.tool"))
    status, _, answer = await door("PUT", f"{saved}/own.tool?dry_run=true", config("own.tool", tags=["x"]))
    assert (status, answer["version"], answer["registered"]) == (200, "1.0.1", False)
    assert (await door("GET", f"{TOOLS}/own.tool")).json["version"] == "1.0.0"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "own.tool"),
        ("DELETE", "saved/own.tool"),
        ("PUT", "own.tool/enablement"),
        ("POST", "own.tool/execute"),
    ],
)
@pytest.mark.parametrize("name", ["dry_run", "dryRun"])
async def test_a_rehearsal_that_would_be_none_is_refused(rig, door, method, path, name):
    await rig.register("own.tool")
    body = {"enabled": False} if method == "PUT" else {"input": {}}
    status, _, answer = await door(method, f"{TOOLS}/{path}?{name}=true", body)
    assert (status, [fault["path"] for fault in answer["error"]["details"]["errors"]]) == (
        400,
        [f"/query/{name}"],
    )
    tool = (await door("GET", f"{TOOLS}/own.tool")).json
    assert (tool["enabled"], rig.provider.ran) == (True, [])


async def test_a_rehearsal_under_a_name_that_is_not_known_here_is_refused(rig, door):
    await rig.register("own.tool")
    for path in ("own.tool", "saved/own.tool"):
        reply = await door("PUT", f"{TOOLS}/{path}?dryRun=true", config("own.tool", tags=["x"]))
        assert (reply.status, reply.json["error"]["details"]["errors"][0]["path"]) == (400, "/query/dryRun")
    assert (await door("GET", f"{TOOLS}/own.tool")).json["version"] == "1.0.0"


async def test_another_parameter_of_a_call_is_passed_over(rig, door):
    await rig.register("own.tool")
    assert (await door("POST", f"{TOOLS}/own.tool/execute?trace=1", {"input": {}})).status == 200
    assert (await door("POST", f"{TOOLS}/own.tool/execute?select=a", {"input": {}})).status == 400

"""Routes of tools: registered, listed in pages, shown, checked, enabled; nothing of another workspace exists."""

import pytest

from tests.support.rig import config
from toolcrib.contracts.errors import EgressRefused
from toolcrib.contracts.principal import Role

TOOLS = "/api/v1/tools"


async def pages(door, path, key):
    """Every item over pages of two."""
    found, cursor = [], ""
    while True:
        status, _, answer = await door("GET", f"{path}{'&' if '?' in path else '?'}limit=2{cursor}")
        assert status == 200, answer
        assert len(answer[key]) <= 2
        found += answer[key]
        if answer["next"] is None:
            return found
        cursor = f"&cursor={answer['next']}"


async def test_a_tool_is_registered_and_shown(door):
    status, _, answer = await door("POST", TOOLS, config("Get Weather", tags=["sky"], effects="read"))
    assert status == 201
    assert answer == {
        "tool_id": answer["tool_id"],
        "registered": True,
        "name": "get_weather",
        "version": "1.0.0",
    }
    for name in ("get_weather", answer["tool_id"]):
        status, _, shown = await door("GET", f"{TOOLS}/{name}")
        assert status == 200
        assert (shown["id"], shown["title"], shown["scope"], shown["enabled"]) == (
            answer["tool_id"],
            "Get Weather",
            "workspace",
            True,
        )
        assert (shown["submitted"]["name"], shown["config"]["name"], shown["tags"], shown["effects"]) == (
            "Get Weather",
            "get_weather",
            ["sky"],
            "read",
        )


async def test_a_taken_name_is_409(door):
    await door("POST", TOOLS, config("a.b"))
    status, _, answer = await door("POST", TOOLS, config("a__b"))
    assert (status, answer["error"]["details"]["reason"]) == (409, "name_taken")


async def test_every_fault_of_a_config_is_told(sqlite_door):
    status, _, answer = await sqlite_door("POST", TOOLS, {"name": "x", "api": {}, "y": 1})
    assert status == 400
    assert {fault["path"] for fault in answer["error"]["details"]["errors"]} == {
        "/api/base_url",
        "/y",
        "/description",
        "/input_schema",
    }


@pytest.mark.parametrize("body", [[], "x", 7, None])
async def test_a_config_is_an_object(sqlite_door, body):
    status, _, answer = await sqlite_door("POST", TOOLS, body, raw=b"null" if body is None else None)
    assert (status, answer["error"]["code"]) == (400, "VALIDATION_ERROR")


async def test_an_address_that_tools_may_not_call_is_403(sqlite_rig, sqlite_door):
    sqlite_rig.provider.objection = EgressRefused()
    status, _, answer = await sqlite_door("POST", TOOLS, config())
    assert (status, answer["error"]["code"]) == (403, "EGRESS_DENIED")


async def test_a_list_is_by_name_in_pages_that_neither_miss_nor_repeat(door):
    for number in (3, 1, 5, 2, 4):
        await door("POST", TOOLS, config(f"t{number}"))
    assert [tool["name"] for tool in await pages(door, TOOLS, "tools")] == ["t1", "t2", "t3", "t4", "t5"]


async def test_a_list_holds_what_is_asked_for(sqlite_rig, sqlite_door):
    await sqlite_rig.register("own.on")
    await sqlite_rig.register("own.off", enabled=False)
    await sqlite_rig.register("all.on", scope="global")

    async def names(query):
        return [tool["name"] for tool in (await sqlite_door("GET", f"{TOOLS}?{query}")).json["tools"]]

    assert await names("scope=global") == ["all.on"]
    assert await names("scope=tenant") == await names("scope=workspace") == ["own.off", "own.on"]
    assert await names("scope=all") == ["all.on", "own.off", "own.on"]
    assert await names("status=disabled") == ["own.off"]
    assert await names("status=enabled&scope=workspace") == ["own.on"]
    assert (await sqlite_door("GET", f"{TOOLS}?scope=global")).json["tools"][0]["scope"] == "global"


async def test_a_list_is_searched(sqlite_rig, sqlite_door):
    await sqlite_rig.register("tides.next", title="Hochwasser an der KÜSTE", tags=["sea", "time"])
    await sqlite_rig.register("tides.last", description="The last LOW water.", tags=["sea"])
    await sqlite_rig.register("winds.now", tags=["air"])

    async def names(query):
        return [tool["name"] for tool in (await sqlite_door("GET", f"{TOOLS}?{query}")).json["tools"]]

    assert await names("q=TIDES") == ["tides.last", "tides.next"]
    assert await names("q=k%C3%BCste") == ["tides.next"]
    assert await names("q=low+water") == ["tides.last"]
    assert await names("tag=sea&q=next") == await names("tag=time") == ["tides.next"]
    assert await names("tag=se") == await names("q=%25") == []
    first = (await sqlite_door("GET", f"{TOOLS}?tag=sea&limit=1")).json
    assert (first["tools"][0]["name"], first["next"] is None) == ("tides.last", False)
    assert await names(f"tag=sea&limit=1&cursor={first['next']}") == ["tides.next"]


@pytest.mark.parametrize(
    "query",
    [
        "q=",
        "tag=",
        "q=%00",
        "limit=0",
        "limit=201",
        "limit=x",
        "scope=mine",
        "status=on",
        "cursor=!",
        "cursor=AA",
        "cursor=",
    ],
)
async def test_a_query_that_is_wrong_is_400(sqlite_door, query):
    status, _, answer = await sqlite_door("GET", f"{TOOLS}?{query}")
    assert (status, answer["error"]["code"]) == (400, "VALIDATION_ERROR")
    assert answer["error"]["details"]["errors"][0]["path"].startswith("/query/")


async def test_two_lists_are_the_same_bytes_whatever_the_order_of_registration(sqlite_rig, sqlite_door):
    for name in ("b", "a"):
        await sqlite_rig.register(name)
    one = await sqlite_door("GET", TOOLS)
    assert one.body == (await sqlite_door("GET", TOOLS)).body
    assert [tool["name"] for tool in one.json["tools"]] == ["a", "b"]


@pytest.mark.parametrize(
    ("body", "valid"),
    [({"input": {"h": "x"}}, True), ({"payload": {"h": "x"}}, True), ({"input": {}}, False), ({}, False)],
)
async def test_input_is_checked_without_running(sqlite_rig, sqlite_door, body, valid):
    tool = await sqlite_rig.register(
        input_schema={"type": "object", "required": ["h"], "properties": {"h": {}}}
    )
    status, _, answer = await sqlite_door("POST", f"{TOOLS}/{tool}/validate", body)
    assert (status, answer["valid"], answer["decision"]["allowed"]) == (200, valid, True)
    assert [fault["path"] for fault in answer["errors"]] == ([] if valid else [""])
    assert sqlite_rig.provider.ran == []


async def test_a_check_tells_which_rule_would_refuse(sqlite_rig, sqlite_door):
    tool = await sqlite_rig.register(enabled=False)
    answer = (await sqlite_door("POST", f"{TOOLS}/{tool}/validate", {"input": {}})).json
    assert answer["valid"]
    assert (answer["decision"]["allowed"], answer["decision"]["code"], answer["decision"]["rule"]) == (
        False,
        "TOOL_DISABLED",
        "enabled",
    )
    assert "disabled" in answer["decision"]["message"]


async def test_a_check_warns_of_a_secret_that_is_not_set(sqlite_rig, sqlite_door):
    auth = {"method": "bearer", "secret_ref": "${TIDE_KEY}"}
    tool = await sqlite_rig.register(api={"base_url": "https://upstream.example", "auth": auth})
    answer = (await sqlite_door("POST", f"{TOOLS}/{tool}/validate", {"input": {}})).json
    [warning] = answer["warnings"]
    assert (answer["valid"], answer["decision"]["allowed"], warning["code"]) == (
        True,
        True,
        "SECRET_NOT_FOUND",
    )
    assert "`toolcrib secrets set TIDE_KEY`" in warning["message"]


@pytest.mark.parametrize("body", [{"input": {}, "payload": {}}, {"inputs": {}}, {"input": []}])
async def test_a_check_of_something_else_is_400(sqlite_rig, sqlite_door, body):
    assert (await sqlite_door("POST", f"{TOOLS}/{await sqlite_rig.register()}/validate", body)).status == 400


async def test_enablement_is_read_and_set(door):
    await door("POST", TOOLS, config("a.b"))
    path = f"{TOOLS}/a.b/enablement"
    assert (await door("GET", path)).json == {"enabled": True}
    status, _, answer = await door("PUT", path, {"enabled": False})
    assert (status, answer) == (200, {"enabled": False})
    assert (await door("GET", path)).json == {"enabled": False}
    assert (await door("POST", f"{TOOLS}/a.b/execute", {})).status == 403


@pytest.mark.parametrize("body", [{}, {"enabled": "no"}, {"enabled": 0}, {"enabled": True, "x": 1}])
async def test_enablement_is_true_or_false(sqlite_rig, sqlite_door, body):
    assert (await sqlite_door("PUT", f"{TOOLS}/{await sqlite_rig.register()}/enablement", body)).status == 400


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/{}", None),
        ("GET", "/{}/enablement", None),
        ("PUT", "/{}/enablement", {"enabled": True}),
        ("POST", "/{}/validate", {}),
        ("POST", "/{}/execute", {}),
    ],
)
async def test_a_tool_of_another_workspace_is_unknown_byte_by_byte(rig, door, method, path, body):
    other = await rig.workspace()
    theirs = await rig.gateway.tools.get(other, await rig.register("their.tool", by=other))
    unknown = await door(method, TOOLS + path.format("no.such"), body)
    assert unknown.status == 404
    for name in ("their.tool", theirs.tool.id):
        assert (await door(method, TOOLS + path.format(name), body)).body == unknown.body


async def test_the_terms_of_a_contract_are_shown(sqlite_rig, sqlite_door):
    terms = {
        "aliases": ["get_tide"],
        "deprecated": {"since": "1.3.0", "sunset": "2027-03-01", "use": "tides.forecast"},
    }
    more = {"requires": {"grants": ["pro"], "roles": []}, "impact": "high", "examples": [{"input": {"a": 1}}]}
    await sqlite_rig.register("tides.next", **terms, **more)
    _, _, shown = await sqlite_door("GET", "/api/v1/tools/get_tide")
    assert {name: shown[name] for name in terms} == terms
    assert {name: shown["config"][name] for name in more} == more
    _, _, listed = await sqlite_door("GET", "/api/v1/tools")
    assert {name: listed["tools"][0][name] for name in terms} == terms


async def test_a_taken_alias_is_a_conflict(sqlite_rig, sqlite_door):
    await sqlite_rig.register("tides.next", aliases=["get_tide"])
    status, _, answer = await sqlite_door("POST", "/api/v1/tools", config("other.tool", aliases=["get_tide"]))
    assert (status, answer["error"]["details"]) == (409, {"reason": "alias_taken", "name": "get_tide"})


async def test_a_fault_of_an_older_shape_is_told_at_its_place(sqlite_door):
    definition = {
        "name": "openTicket",
        "type": "http",
        "description": "d",
        "inputSchema": {"$ref": "http://x/y"},
        "outputSchema": {"type": "nope"},
        "authType": "none",
        "endpointConfig": {"url": "https://desk.example"},
    }
    status, _, answer = await sqlite_door("POST", "/api/v1/tools", definition)
    places = {fault["path"] for fault in answer["error"]["details"]["errors"]}
    assert (status, places) == (400, {"/inputSchema/$ref", "/outputSchema/type"})


@pytest.mark.parametrize("write", ["register", "rehearse", "update"])
@pytest.mark.parametrize(("hosts", "warned"), [(["a.example"], 1), (["x.example"], 0), (None, 0)])
async def test_a_secret_that_is_bound_elsewhere_is_warned_of(door, write, hosts, warned):
    await door("POST", "/api/v1/secrets", {"name": "OTHER", "value": "s3cr3t-value", "hosts": ["b.example"]})
    await door("POST", "/api/v1/secrets", {"name": "TIED", "value": "s3cr3t-value", "hosts": hosts})
    auth = {"method": "bearer", "secret_ref": "${TIED}"}
    told = config("keyed.get", api={"base_url": "https://x.example", "auth": auth})
    if write == "update":
        await door("POST", TOOLS, config("keyed.get"))
        made = await door("PUT", f"{TOOLS}/keyed.get", told | {"version": "2.0.0"})
    else:
        made = await door("POST", TOOLS + ("?dry_run=true" if write == "rehearse" else ""), told)
    said = [("EGRESS_DENIED", True)] * warned
    assert [(one["code"], "TIED" in one["message"]) for one in made.json.get("warnings", [])] == said
    if write != "rehearse":
        found = (await door("POST", f"{TOOLS}/keyed.get/validate", {"input": {}})).json
        assert [(one["code"], "TIED" in one["message"]) for one in found["warnings"]] == said


async def test_who_may_not_read_secrets_is_not_warned_of_them(rig):
    await rig.gateway.secrets.set(rig.owner, "TIED", "s3cr3t-value", ["a.example"])
    api = {"base_url": "https://x.example", "auth": {"method": "bearer", "secret_ref": "${TIED}"}}
    view = await rig.gateway.tools.get(rig.owner, await rig.register(api=api))
    limited = await rig.principal(role=Role.MEMBER, tools=("a",))
    assert await rig.gateway.tools.warnings(limited, view.tool) == ()
    assert len(await rig.gateway.tools.warnings(rig.owner, view.tool)) == 1
    plain = await rig.gateway.tools.get(rig.owner, await rig.register())
    assert not await rig.gateway.tools.warnings(rig.owner, plain.tool)

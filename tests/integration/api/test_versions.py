"""Routes of versions, of the end of a tool, of `/tools/saved`, and of enablement taken back."""

from tests.support.rig import config
from toolcrib.contracts.checks import MAX_CONFIG
from toolcrib.kit.paging import encode

TOOLS = "/api/v1/tools"


async def test_put_publishes_a_version_and_the_history_is_readable(rig, door):
    tool = await rig.register(description="One.")
    status, _, answer = await door("PUT", f"{TOOLS}/{tool}", config(tool, description="Two."))
    assert (status, answer["version"], answer["registered"]) == (200, "1.0.1", True)
    _, _, history = await door("GET", f"{TOOLS}/{tool}/versions")
    assert [one["version"] for one in history["items"]] == ["1.0.1", "1.0.0"]
    assert (history["next"], history["items"][1]["config"]["description"]) == (None, "One.")
    assert history["items"][0]["created_by"] == "user:owner"
    shown = (await door("GET", f"{TOOLS}/{tool}")).json
    assert (shown["version"], shown["description"], shown["id"]) == ("1.0.1", "Two.", answer["tool_id"])


async def test_a_breaking_put_is_409_with_its_paths(rig, door):
    tool = await rig.register()
    narrow = {"type": "object", "properties": {}, "required": ["a"], "additionalProperties": True}
    status, _, answer = await door("PUT", f"{TOOLS}/{tool}", config(tool, input_schema=narrow))
    assert (status, answer["error"]["code"]) == (409, "CONFLICT")
    assert answer["error"]["details"]["breaking"] == [
        {"path": "/input_schema/required", "message": "asks for a"}
    ]


async def test_delete_is_204_and_then_404(rig, door):
    tool = await rig.register()
    assert (await door("DELETE", f"{TOOLS}/{tool}")).status == 204
    for method, path, body in (
        ("GET", f"{TOOLS}/{tool}", None), ("DELETE", f"{TOOLS}/{tool}", None), ("PUT", f"{TOOLS}/{tool}", config(tool)),
        ("GET", f"{TOOLS}/{tool}/versions", None), ("POST", f"{TOOLS}/{tool}/execute", {}),
    ):  # fmt: skip
        assert (await door(method, path, body)).status == 404, (method, path)


async def test_saved_tools_are_the_same_registry(rig, door):
    saved = f"{TOOLS}/saved"
    await rig.register("shared.tool", scope="global")
    status, _, made = await door("POST", saved, config("own.tool"))
    assert (status, made["name"]) == (201, "own.tool")
    assert (await door("POST", f"{TOOLS}/own.tool/execute", {"input": {}})).status == 200
    assert (await door("PUT", f"{saved}/own.tool", config("own.tool", tags=["x"]))).json["version"] == "1.0.1"
    listed = (await door("GET", saved)).json["tools"]
    assert [(tool["name"], tool["version"]) for tool in listed] == [("own.tool", "1.0.1")]
    assert (await door("DELETE", f"{saved}/own.tool")).status == 204
    assert (await door("GET", saved)).json == {"tools": [], "next": None}


async def test_enablement_is_taken_back(rig, door):
    tool = await rig.register()
    await door("PUT", f"{TOOLS}/{tool}/enablement", {"enabled": False})
    assert (await door("DELETE", f"{TOOLS}/{tool}/enablement")).status == 204
    assert (await door("GET", f"{TOOLS}/{tool}/enablement")).json == {"enabled": True}


async def test_a_deprecated_tool_is_told_in_headers(rig, door):
    told = {"since": "1.0.0", "sunset": "2027-03-01", "use": "tides.forecast"}
    tool = await rig.register(deprecated=told)
    for method, path, body in (("POST", f"{TOOLS}/{tool}/execute", {}), ("GET", f"{TOOLS}/{tool}", None)):
        headers = (await door(method, path, body)).headers
        assert (headers["deprecation"], headers["sunset"]) == ("@1800000000", "Mon, 01 Mar 2027 23:59:59 GMT")
        assert headers["link"] == '</api/v1/tools/tides.forecast>; rel="successor-version"'
    (listed,) = (await door("GET", TOOLS)).json["tools"]
    assert listed["deprecated"] == told


async def test_a_tool_may_be_deprecated_without_an_end(rig, door):
    tool = await rig.register(deprecated={})
    headers = (await door("POST", f"{TOOLS}/{tool}/execute", {})).headers
    assert "deprecation" in headers
    assert not {"sunset", "link"} & headers.keys()


async def test_after_its_last_day_a_tool_is_gone(rig, door):
    tool = await rig.register(deprecated={"sunset": "2020-01-01"})
    status, _, answer = await door("POST", f"{TOOLS}/{tool}/execute", {})
    assert (status, answer["status"], answer["error"]["code"]) == (410, "denied", "TOOL_SUNSET")


async def test_versions_come_in_pages_newest_first(door):
    await door("POST", TOOLS, config("own.tool"))
    for number in range(11):
        await door("PUT", f"{TOOLS}/own.tool", config("own.tool", tags=[str(number)]))
    path, pages, after = f"{TOOLS}/own.tool/versions?limit=5", [], ""
    while after is not None:
        page = (await door("GET", path + after)).json
        pages.append([one["version"] for one in page["items"]])
        after = page["next"] and f"&cursor={page['next']}"
    wanted = [f"1.0.{number}" for number in range(11, -1, -1)]
    assert pages == [wanted[:5], wanted[5:10], wanted[10:]]
    assert page["items"][-1]["config"]["tags"] == []
    for cursor in ("eA", encode("1.0"), encode("own.tool")):
        assert (await door("GET", f"{path}&cursor={cursor}")).status == 400


async def test_a_config_beyond_the_bound_is_refused(door):
    status, _, answer = await door("POST", TOOLS, config("own.tool", metadata={"text": "x" * MAX_CONFIG}))
    assert (status, answer["error"]["details"]["errors"][0]["path"]) == (400, "")

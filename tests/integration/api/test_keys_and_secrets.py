"""Routes of keys and secrets: shown once or never, in pages, of one workspace."""

import pytest

from tests.integration.api.test_tools import pages
from tests.support.rig import config
from toolcrib.contracts.principal import ActorType, Role

KEYS, SECRETS = "/api/v1/keys", "/api/v1/secrets"


async def test_a_key_is_shown_once_and_works(door):
    status, _, made = await door(
        "POST", KEYS, {"name": "bot", "tools": ["b", "a"], "expires_at": "2030-01-01T00:00:00Z"}
    )
    assert status == 201
    assert (await door.as_(made["key"])("GET", "/api/v1/tools")).status == 200
    items = (await door("GET", KEYS)).json["items"]
    (item,) = [item for item in items if item["id"] == made["id"]]
    assert made["key"] not in str(items)
    assert (item["actor_type"], item["actor_id"], item["role"], item["tools"]) == (
        "agent",
        "agent:bot",
        "member",
        ["a", "b"],
    )
    assert (item["expires_at"], item["created_by"]) == ("2030-01-01T00:00:00.000Z", "user:owner")


async def test_a_key_for_tools_that_are_not_there_is_made_with_a_warning(sqlite_rig, sqlite_door):
    await sqlite_rig.register("tides.next", aliases=["get_tide"])
    other = await sqlite_rig.workspace()
    await sqlite_rig.register("others.tool", by=other)
    tools = ["tides.next", "get_tide", "others.tool", "to.come"]
    made = (await sqlite_door("POST", KEYS, {"name": "clerk", "tools": tools})).json
    assert {(warning["code"], warning["message"].partition(".")[0]) for warning in made["warnings"]} == {
        ("NOT_FOUND", "There is no tool others"),
        ("NOT_FOUND", "There is no tool to"),
        ("NOT_FOUND", "get_tide is another name of tides"),
    }
    assert (await sqlite_door("POST", KEYS, {"name": "bot", "tools": ["tides.next"]})).json["warnings"] == []
    assert (await sqlite_door("POST", KEYS, {"name": "free"})).json["warnings"] == []


async def test_a_revoked_key_opens_nothing(door):
    made = (await door("POST", KEYS, {"name": "bot"})).json
    assert (await door("DELETE", f"{KEYS}/{made['id']}")).status == 204
    assert (await door.as_(made["key"])("GET", "/api/v1/tools")).status == 401
    assert (await door("DELETE", f"{KEYS}/{made['id']}")).status == 404


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": ""},
        {"name": "a/b"},
        {"name": "x" * 65},
        {"name": "k", "actor_type": "system"},
        {"name": "k", "role": "king"},
        {"name": "k", "tools": "a"},
        {"name": "k", "tools": [""]},
        {"name": "k", "expires_at": "soon"},
        {"name": "k", "expires_at": "2001-01-01"},
        {"name": "k", "expires_at": "9999-12-31T23:59:59-01:00"},
        {"name": "k", "expires_at": "0001-01-01T00:00:00+01:00"},
        {"name": "k", "surprise": 1},
    ],
)
async def test_a_key_that_cannot_be_is_400(sqlite_door, body):
    status, _, answer = await sqlite_door("POST", KEYS, body)
    assert (status, answer["error"]["code"]) == (400, "VALIDATION_ERROR")


async def test_keys_and_secrets_come_in_pages(door):
    for number in range(4):
        await door("POST", KEYS, {"name": f"k{number}"})
        await door("POST", SECRETS, {"name": f"S{number}", "value": "s3cr3t-value"})
    keys = [item["id"] for item in await pages(door, KEYS, "items")]
    assert keys == sorted(keys)
    assert len(keys) == 5
    assert [item["name"] for item in await pages(door, SECRETS, "items")] == ["S0", "S1", "S2", "S3"]


async def test_a_secret_goes_in_and_never_comes_out(door):
    status, _, answer = await door("POST", SECRETS, {"name": "K", "value": "s3cr3t-value"})
    assert (status, answer) == (201, {"name": "K", "version": 1, "hosts": None, "warning": None})
    assert (await door("POST", SECRETS, {"name": "K", "value": "s3cr3t-other"})).status == 201
    shown = await door("GET", SECRETS)
    assert b"s3cr3t" not in shown.body
    (item,) = shown.json["items"]
    assert (item["name"], item["version"]) == ("K", 2)
    assert (await door("DELETE", f"{SECRETS}/K")).status == 204
    assert (await door("DELETE", f"{SECRETS}/K")).status == 404


async def test_a_secret_is_bound_to_hosts_and_stays_so(door):
    body = {"name": "K", "value": "s3cr3t-value"}
    made = await door(
        "POST", SECRETS, body | {"hosts": ["API.example.com", "*.example.org:8443", "api.example.com"]}
    )
    bound = ["*.example.org:8443", "api.example.com"]
    assert (made.status, made.json["hosts"], made.json["version"]) == (201, bound, 1)
    assert (await door("POST", SECRETS, body)).json["hosts"] == bound
    assert (await door("GET", SECRETS)).json["items"][0]["hosts"] == bound
    other = (await door("POST", SECRETS, body | {"hosts": ["b.example.com"]})).json
    assert (other["hosts"], other["version"]) == (["b.example.com"], 3)
    assert (await door("POST", SECRETS, body | {"hosts": None})).json["hosts"] is None
    await door("POST", SECRETS, body | {"hosts": ["b.example.com"]})
    await door("DELETE", f"{SECRETS}/K")
    assert (await door("POST", SECRETS, body)).json["hosts"] is None


@pytest.mark.parametrize(
    ("hosts", "paths"),
    [
        ([], ["/hosts"]),
        (["ok.example", "https://x.example", "*"], ["/hosts/1", "/hosts/2"]),
        (["a" * 301], ["/hosts/0"]),
        (["a.example"] * 65, ["/hosts"]),
        ("a.example", ["/hosts"]),
        ([1], ["/hosts/0"]),
        (["a.example", "s3cr3t-value"], ["/hosts/1"]),
    ],
)
async def test_hosts_of_another_form_are_refused_and_nothing_is_set(sqlite_door, hosts, paths):
    body = {"name": "K", "value": "s3cr3t-value", "hosts": hosts}
    refused = await sqlite_door("POST", SECRETS, body)
    assert refused.status == 400
    assert [one["path"] for one in refused.json["error"]["details"]["errors"]] == paths
    assert (await sqlite_door("GET", SECRETS)).json["items"] == []


async def test_a_short_secret_is_warned_of(sqlite_door):
    answer = (await sqlite_door("POST", SECRETS, {"name": "K", "value": "1234567"})).json
    assert "under 8" in answer["warning"]


@pytest.mark.parametrize("body", [{}, {"name": "a-b", "value": "x"}, {"name": "K", "value": ""}, {"name": "K", "value": 7}, {"name": "K" * 129, "value": "x"}])  # fmt: skip
async def test_a_secret_that_cannot_be_is_400_and_not_quoted(sqlite_door, body):
    assert (await sqlite_door("POST", SECRETS, body)).status == 400


async def test_who_may_not_is_403(sqlite_rig, sqlite_door):
    agent = sqlite_door.as_(await sqlite_rig.key(actor_type=ActorType.AGENT, role=Role.OWNER))
    for method, path, body in (
        ("POST", KEYS, {"name": "k"}),
        ("GET", KEYS, None),
        ("POST", SECRETS, {"name": "K", "value": "v"}),
        ("GET", SECRETS, None),
        ("DELETE", f"{SECRETS}/K", None),
        ("PUT", "/api/v1/tools/x/enablement", {"enabled": True}),
    ):
        status, _, answer = await agent(method, path, body)
        assert (status, answer["error"]["code"]) == (403, "FORBIDDEN"), path


async def test_uses_are_paged_and_a_rotation_tells_how_far_it_is(door):
    await door("POST", SECRETS, {"name": "K", "value": "s3cr3t-value"})
    api = {"base_url": "https://x.example", "auth": {"method": "bearer", "secret_ref": "${K}"}}
    await door("POST", "/api/v1/tools", config("keyed.get", api=api))
    made = [await door("POST", "/api/v1/tools/keyed.get/execute", {"input": {}}) for _ in range(3)]
    found = await pages(door, f"{SECRETS}/K/uses", "items")
    assert [one["execution_id"] for one in found] == [one.json["execution_id"] for one in reversed(made)]
    assert {(one["tool"], one["actor_id"], one["version"], one["dry_run"]) for one in found} == {
        ("keyed.get", "user:owner", 1, False)
    }
    assert (await door("POST", f"{SECRETS}/rotate")).json["key_version"] == 2
    assert (await door("GET", f"{SECRETS}/rotation")).json["root"] == 0


async def test_a_use_tells_in_whose_name_an_agent_called(crew):
    ann, member = await crew.member("ann", role="admin")
    bot = await crew.key(ann, "bot", on_behalf_of="me")
    await crew.owner("POST", SECRETS, {"name": "K", "value": "s3cr3t-value"})
    api = {"base_url": "https://x.example", "auth": {"method": "bearer", "secret_ref": "${K}"}}
    await crew.call(bot, await crew.tool("keyed.get", api=api))
    (use,) = (await crew.owner("GET", f"{SECRETS}/K/uses")).json["items"]
    assert (use["actor_id"], use["on_behalf_of"]) == ("agent:bot", f"user:{member}")

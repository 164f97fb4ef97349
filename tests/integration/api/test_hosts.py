"""Routes of the hosts that a workspace's tools may call: who says it, in which form, and what lists, checks and calls say of it."""

import pytest

from tests.support.crew import API, refused

ONLY = {"hosts": ["API.example.com.", "*.corp.example", "[::1]:8443", "api.example.com"]}
KEPT = ["*.corp.example", "[::1]:8443", "api.example.com"]


@pytest.fixture
def hosts(crew):
    return f"{API}/workspaces/{crew.shop}/hosts"


def code_of(reply):
    """The code of a refused call and what its details say."""
    error = reply.json["error"]
    return reply.status, error["code"], error["details"]


DENIED = (403, "EGRESS_DENIED", {"rule": "workspace_hosts", "reason": "workspace_hosts"})


async def test_a_workspace_names_no_hosts_unless_somebody_does(crew, hosts):
    assert (await crew.owner("GET", hosts)).json == {"hosts": None}


async def test_a_list_is_kept_as_it_is_compared_and_replaces_the_one_before(crew, hosts):
    assert (await crew.owner("PUT", hosts, ONLY)).json == {"hosts": KEPT}
    assert (await crew.owner("GET", hosts)).json == {"hosts": KEPT}
    assert (await crew.owner("PUT", hosts, {"hosts": ["b.example"]})).json == {"hosts": ["b.example"]}
    assert (await crew.owner("GET", hosts)).json == {"hosts": ["b.example"]}


@pytest.mark.parametrize("nothing", [None, []])
async def test_a_list_is_taken_back(crew, hosts, nothing):
    await crew.owner("PUT", hosts, ONLY)
    assert (await crew.owner("PUT", hosts, {"hosts": nothing})).json == {"hosts": None}
    assert (await crew.owner("GET", hosts)).json == {"hosts": None}


async def test_it_stands_in_the_audit(crew, hosts):
    await crew.owner("PUT", hosts, ONLY)
    await crew.owner("PUT", hosts, {"hosts": None})
    told = (await crew.owner("GET", f"{API}/audit?type=HostsSet")).json["items"]
    assert [(one["about"], one["facts"], one["actor_id"]) for one in told] == [
        (crew.shop, {"hosts": None}, "user:owner"),
        (crew.shop, {"hosts": KEPT}, "user:owner"),
    ]


async def test_admins_write_it_members_and_agents_read_it(crew, hosts):
    admin, _ = await crew.member("ann", "admin")
    member, _ = await crew.member("bob")
    viewer, _ = await crew.member("eve", "viewer")
    agent = await crew.key(crew.owner, "bot", role="admin")
    assert (await admin("PUT", hosts, ONLY)).status == 200
    for who in (member, viewer, agent):
        assert (await who("GET", hosts)).json == {"hosts": KEPT}
        assert refused(await who("PUT", hosts, {"hosts": None}))[:2] == (403, "FORBIDDEN")
    assert (await admin("GET", hosts)).json == {"hosts": KEPT}


async def test_another_workspaces_list_is_none_to_the_operator_too(crew, hosts):
    for method, body in (("GET", None), ("PUT", ONLY)):
        assert refused(await crew.operator(method, hosts, body))[:2] == (404, "NOT_FOUND")
    own = f"{API}/workspaces/{crew.home}/hosts"
    assert refused(await crew.owner("PUT", own, ONLY))[:2] == (404, "NOT_FOUND")
    assert (await crew.operator("GET", own)).json == {"hosts": None}


@pytest.mark.parametrize(
    ("body", "paths"),
    [
        ({}, ["/hosts"]), ({"hosts": "a.example"}, ["/hosts"]), ({"hosts": ["a.example"], "only": True}, ["/only"]), ({"hosts": [""]}, ["/hosts/0"]),
        ({"hosts": ["a.example"] * 257}, ["/hosts"]), ({"hosts": ["https://a.example", "b.example", "*.com"]}, ["/hosts/0", "/hosts/2"]),
        ({"hosts": ["127.1"]}, ["/hosts/0"]), ({"hosts": ["a.example/path"]}, ["/hosts/0"]), ({"hosts": [7]}, ["/hosts/0"]),
    ],
)  # fmt: skip
async def test_a_list_that_cannot_be_is_400_and_says_where(sqlite_crew, body, paths):
    hosts = f"{API}/workspaces/{sqlite_crew.shop}/hosts"
    answered = await sqlite_crew.owner("PUT", hosts, body)
    assert refused(answered)[:2] == (400, "VALIDATION_ERROR")
    assert [fault["path"] for fault in answered.json["error"]["details"]["errors"]] == paths
    assert (await sqlite_crew.owner("GET", hosts)).json == {"hosts": None}


async def test_lists_checks_and_calls_agree_on_a_tool_of_another_host(crew, hosts, rig):
    away = await crew.tool("away.tool", api={"base_url": "https://upstream.example/v1"})
    near = await crew.tool("near.tool", api={"base_url": "https://Deep.Corp.example.:8443"})
    await crew.owner("PUT", hosts, ONLY)
    ran = len(rig.provider.ran)
    called = await crew.call(crew.owner, away)
    assert code_of(called) == DENIED
    assert "upstream.example" not in called.body.decode()
    assert len(rig.provider.ran) == ran
    found = (await crew.owner("GET", f"{API}/tools/executions/{called.json['execution_id']}")).json
    assert (found["status"], found["error_code"]) == ("denied", "EGRESS_DENIED")
    explained = (await crew.owner("GET", f"{API}/tools/{away}/explain")).json
    assert (explained["allowed"], explained["rule"], explained["code"]) == (
        False, "workspace_hosts", "EGRESS_DENIED",
    )  # fmt: skip
    checked = (await crew.owner("POST", f"{API}/tools/{away}/validate", {"input": {}})).json
    assert (checked["valid"], checked["decision"]["rule"]) == (True, "workspace_hosts")
    listed = (await crew.owner("GET", f"{API}/tools?scope=workspace")).json["tools"]
    assert {one["name"]: one["allowed"] for one in listed} == {away: False, near: True}
    assert (await crew.call(crew.owner, near)).json["status"] == "succeeded"
    await crew.owner("PUT", hosts, {"hosts": None})
    assert (await crew.call(crew.owner, away)).json["status"] == "succeeded"


async def test_a_list_says_nothing_in_another_workspace(crew, hosts):
    await crew.owner("PUT", hosts, ONLY)
    made = await crew.operator("POST", f"{API}/tools", (await config_of(crew)) | {"name": "home.tool"})
    assert made.json.get("warnings") is None
    assert (await crew.call(crew.operator, "home.tool")).json["status"] == "succeeded"


async def config_of(crew):
    await crew.tool("some.tool")
    return (await crew.owner("GET", f"{API}/tools/some.tool")).json["submitted"]


class TestRegistration:
    async def test_it_warns_and_does_not_refuse(self, crew, hosts):
        await crew.owner("PUT", hosts, ONLY)
        config = await config_of(crew)
        member, _ = await crew.member("bob")
        for who, name in ((crew.owner, "one.tool"), (member, "two.tool")):
            made = await who("POST", f"{API}/tools", config | {"name": name})
            assert made.status == 201
            assert [one["code"] for one in made.json["warnings"]] == ["EGRESS_DENIED"]
            assert "not among those that this workspace may call" in made.json["warnings"][0]["message"]
        changed = await member(
            "PUT", f"{API}/tools/two.tool", config | {"name": "two.tool", "description": "d"}
        )
        assert (changed.status, len(changed.json["warnings"])) == (200, 1)
        api = {"base_url": "https://api.example.com"}
        good = await member("PUT", f"{API}/tools/two.tool", config | {"name": "two.tool", "api": api})
        assert (good.status, good.json.get("warnings")) == (200, None)

    async def test_a_suspended_host_is_told_as_well(self, crew):
        config = await config_of(crew)
        await crew.owner("POST", f"{API}/suspensions", {"kind": "host", "name": "upstream.example"})
        made = await crew.owner("POST", f"{API}/tools?dry_run=true", config | {"name": "one.tool"})
        assert made.status == 200
        assert "is suspended in this workspace" in made.json["warnings"][0]["message"]

    async def test_a_rehearsal_leaves_no_trace_in_what_is_decided(self, crew, hosts):
        """What would be stored is looked at; the tool that is stored stays what it was."""
        tool = await crew.tool("some.tool")
        await crew.owner("PUT", hosts, {"hosts": ["upstream.example"]})
        config = (await crew.owner("GET", f"{API}/tools/{tool}")).json["submitted"]
        away = config | {"api": {"base_url": "https://away.example"}}
        said = await crew.owner("PUT", f"{API}/tools/{tool}?dry_run=true", away)
        assert len(said.json["warnings"]) == 1
        assert (await crew.call(crew.owner, tool)).json["status"] == "succeeded"


class TestSuspensions:
    @pytest.mark.parametrize("name", ["a b", "https://a.example", "127.1", "*", "a.example/x"])
    async def test_what_is_no_host_is_400(self, sqlite_crew, name):
        answered = await sqlite_crew.owner("POST", f"{API}/suspensions", {"kind": "host", "name": name})
        assert refused(answered)[:2] == (400, "VALIDATION_ERROR")
        assert [fault["path"] for fault in answered.json["error"]["details"]["errors"]] == ["/name"]

    async def test_a_host_is_lifted_however_it_is_spelled(self, crew):
        made = await crew.owner("POST", f"{API}/suspensions", {"kind": "host", "name": "Api.Example:8443"})
        assert made.json == {"kind": "host", "name": "api.example:8443"}
        assert (await crew.owner("DELETE", f"{API}/suspensions/host/API.example.:8443")).status == 204
        assert (await crew.owner("DELETE", f"{API}/suspensions/host/a%20b")).status == 404

    async def test_all_hosts_below_one_and_one_port_are_suspended(self, crew):
        below = await crew.tool("below.tool", api={"base_url": "https://a.b.example.com"})
        port = await crew.tool("port.tool", api={"base_url": "https://one.example:444"})
        other = await crew.tool("other.tool", api={"base_url": "https://one.example"})
        for name in ("*.Example.com", "one.example:444"):
            assert (
                await crew.owner("POST", f"{API}/suspensions", {"kind": "host", "name": name})
            ).status == 201
        for tool in (below, port):
            assert code_of(await crew.call(crew.owner, tool)) == (
                403, "EGRESS_DENIED", {"rule": "host", "reason": "host_suspended"},
            )  # fmt: skip
        assert (await crew.call(crew.owner, other)).json["status"] == "succeeded"

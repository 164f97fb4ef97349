"""B3 beside the table of `tests/assay`: a key is never wider than the key that made it, and no spelling of a request widens it."""

import pytest

from tests.security.errors import is_error
from tests.security.house import key_name


@pytest.mark.parametrize("path", ["/api/v1/tools/%2e%2e/keys", "/api/v1//keys", "/api/v1/./keys", "/api/v1/keys/", "/API/V1/keys", "/api/v1/tools;/../keys", "/api/v1/keys%00",
                                  "//api/v1/keys", "/api/v1/keys?x=/health", "/health/../api/v1/keys", "/api/v1/keys#/health", "/api/v1/%6beys"])  # fmt: skip
def test_no_other_spelling_of_a_path_needs_less(house, path):
    viewer = house.key(name="v", role="viewer")
    for client in (viewer, house.client.as_("")):
        reply = client.call("GET", path)
        assert reply.status in {400, 401, 403, 404, 405}, (path, reply.status, reply.body[:200])
        assert b'"items"' not in reply.body


@pytest.mark.parametrize(
    "host", ["evil/health?x=", "x/?", "x/#", "[::1]", "", "a b", "127.0.0.1:1/api/v1/health"]
)
def test_the_host_header_opens_no_door(house, host):
    for method, path in (("GET", "/api/v1/keys"), ("POST", "/api/v1/tools/x/execute")):
        reply = house.line.send(
            method,
            path,
            b"{}" if method == "POST" else None,
            {"Host": host, "Authorization": "", "Content-Type": "application/json"},
        )
        assert reply.status in {400, 401}, (host, reply.status, reply.body[:200])


def test_a_limited_key_calls_its_tools_and_no_others(each_house):
    mine, other = each_house.tool("/mine"), each_house.tool("/others")
    client = each_house.key(name="limited", tools=[mine])

    assert each_house.execute(mine, client=client).status == 200
    refused = each_house.execute(other, client=client)

    assert is_error(refused, "FORBIDDEN")
    assert each_house.execution(refused.json["execution_id"])["status"] == "denied"
    assert each_house.stage.at("/others") == []
    by_id = each_house.client.call("GET", f"/api/v1/tools/{other}").json["id"]
    assert is_error(each_house.execute(by_id, client=client), "FORBIDDEN")


def test_a_key_limited_to_no_tool_calls_none(each_house):
    tool = each_house.tool("/none")

    assert is_error(each_house.execute(tool, client=each_house.key(name="none", tools=[])), "FORBIDDEN")


@pytest.mark.parametrize("wanted", [{"actor_type": "system"}, {"role": "root"}, {"role": "OWNER"}, {"role": ["owner"]}, {"role": None}, {"actor_type": None}, {"tools": "x"},
                                    {"tools": [1]}, {"tools": [""]}, {"name": ""}, {"name": "a\nb"}, {"name": "\u202ea"}, {"name": "x" * 65}, {"name": "a:b"},
                                    {"expires_at": "2020-01-01T00:00:00Z"}, {"expires_at": "never"}, {"expires_at": 0}, {"expires_at": "9999999-01-01"}])  # fmt: skip
def test_a_key_that_makes_no_sense_is_refused(each_house, wanted):
    reply = each_house.client.call("POST", "/api/v1/keys", {"name": "odd", **wanted})

    assert is_error(reply, "VALIDATION_ERROR"), reply.body


def test_a_limited_key_makes_no_key_at_all(each_house):
    mine, other = each_house.tool("/w1"), each_house.tool("/w2")
    limited = each_house.key(name="limited", role="admin", tools=[mine])
    for tools in (None, [mine, other], [other], [mine]):
        assert is_error(
            limited.call("POST", "/api/v1/keys", {"name": key_name("wide"), "tools": tools}), "FORBIDDEN"
        ), tools


def test_a_key_that_ends_makes_none_that_outlives_it(each_house):
    ends = "2030-01-01T00:00:00Z"
    brief = each_house.key(name="brief", role="admin", expires_at=ends)
    for wanted in ({}, {"expires_at": None}, {"expires_at": "2030-01-02T00:00:00Z"}):
        reply = brief.call("POST", "/api/v1/keys", {"name": key_name("outlives"), **wanted})
        kept = {
            key["id"]: key for key in each_house.client.call("GET", "/api/v1/keys?limit=200").json["items"]
        }
        assert is_error(reply, "FORBIDDEN") or kept[reply.json["id"]]["expires_at"] <= ends, (
            wanted,
            reply.body,
        )

    assert (
        brief.call(
            "POST", "/api/v1/keys", {"name": key_name("within"), "expires_at": "2029-12-31T00:00:00Z"}
        ).status
        == 201
    )


def test_a_key_cannot_pass_for_another_in_the_ledger(each_house):
    admin = each_house.key(name="admin", role="admin")
    name = key_name("taken")
    made = [
        admin.call("POST", "/api/v1/keys", {"name": name, "actor_type": "user", "role": "member"})
        for _ in range(2)
    ]

    assert made[0].status == 201
    assert is_error(made[1], "CONFLICT")
    for actor in ("owner", name):
        reply = admin.call("POST", "/api/v1/keys", {"name": actor, "actor_type": "user", "role": "member"})
        assert is_error(reply, "CONFLICT"), actor


def test_a_revoked_key_is_none_from_the_next_request_on(each_house):
    tool = each_house.tool("/revoked")
    made = each_house.client.call("POST", "/api/v1/keys", {"name": key_name("short")}).json
    client = each_house.client.as_(made["key"])
    assert each_house.execute(tool, client=client).status == 200

    assert each_house.client.call("DELETE", f"/api/v1/keys/{made['id']}").status == 204

    assert is_error(each_house.execute(tool, client=client), "UNAUTHORIZED")
    assert is_error(client.call("GET", "/api/v1/tools"), "UNAUTHORIZED")
    assert is_error(each_house.client.call("DELETE", f"/api/v1/keys/{made['id']}"), "NOT_FOUND")
    assert len(each_house.stage.at("/revoked")) == 1


def test_a_disabled_tool_runs_for_nobody(each_house):
    tool = each_house.tool("/disabled")
    each_house.client.call("PUT", f"/api/v1/tools/{tool}/enablement", {"enabled": False})

    reply = each_house.execute(tool)

    assert is_error(reply, "TOOL_DISABLED")
    assert each_house.execution(reply.json["execution_id"])["status"] == "denied"
    assert each_house.stage.at("/disabled") == []


def test_only_the_operator_registers_for_all(each_house):
    config = each_house.config("/global") | {"scope": "global"}
    admin = each_house.key(name="admin", role="admin")

    assert is_error(each_house.stranger.call("POST", "/api/v1/tools", config), "FORBIDDEN")
    assert is_error(admin.call("POST", "/api/v1/tools", config), "FORBIDDEN")
    assert each_house.client.call("POST", "/api/v1/tools", config).status == 201
    assert each_house.execute(config["name"], client=each_house.stranger).status == 200


def test_a_global_tool_finds_the_secret_of_whoever_calls_it(each_house):
    config = each_house.config("/whose", api={"auth": {"method": "bearer", "secret_ref": "${WHOSE}"}}) | {
        "scope": "global"
    }
    each_house.client.call("POST", "/api/v1/tools", config)
    each_house.secret("the-operators-own", "WHOSE")

    assert is_error(each_house.execute(config["name"], client=each_house.stranger), "SECRET_NOT_FOUND")
    each_house.secret("the-strangers-own", "WHOSE", client=each_house.stranger)
    each_house.execute(config["name"], client=each_house.stranger)

    assert [heard.header("authorization") for heard in each_house.stage.at("/whose")] == [
        b"Bearer the-strangers-own"
    ]


def test_what_callers_say_of_themselves_goes_nowhere(each_house):
    tool = each_house.tool("/acted", client=None)
    agent = each_house.key(name="robot", actor_type="agent")
    headers = {
        "X-User": "root",
        "X-Forwarded-User": "root",
        "X-Actor-Id": "user:owner",
        "X-HTTP-Method-Override": "DELETE",
    }

    reply = agent.call("POST", f"/api/v1/tools/{tool}/execute", {"input": {}}, headers=headers)

    assert each_house.execution(reply.json["execution_id"])["requested_by_actor_type"] == "agent"
    sent = {name for name, _ in each_house.stage.at("/acted")[0].headers}
    assert not sent & {name.lower() for name in headers}
    assert "authorization" not in sent

"""B3: who may do what, cell by cell and both ways; a key is never wider than the key that made it."""

import pytest

from tests.security.errors import is_error
from tests.security.house import key_name

READ = {
    "list tools", "show a tool", "list executions", "show an execution", "show its events", "show its result", "read the audit", "list packs",
}  # fmt: skip
CALL = {"execute", "validate"}
ALL = (
    READ
    | CALL
    | {
        "validate",
        "register",
        "enable",
        "list secrets",
        "list its uses",
        "show the rotation",
        "set a secret",
        "delete a secret",
        "list keys",
        "make a key",
        "revoke a key",
    }
)
SECRETS = {"list secrets", "list its uses", "show the rotation"}
MEMBER = READ | CALL | SECRETS | {"register"}
VIEWER = READ | SECRETS | {"validate"}
OWNER = ALL | {"rotate the key"}
MATRIX = {
    ("user", "owner"): OWNER, ("user", "admin"): ALL, ("user", "member"): MEMBER, ("user", "viewer"): VIEWER,
    ("service", "owner"): OWNER, ("service", "admin"): ALL, ("service", "member"): MEMBER, ("service", "viewer"): VIEWER,
    ("agent", "owner"): READ | CALL, ("agent", "admin"): READ | CALL, ("agent", "member"): READ | CALL, ("agent", "viewer"): READ | {"validate"},
}  # fmt: skip


def actions(house):
    """What to try, each with a subject of its own, made by the owner."""
    tool, secret = house.tool("/role"), house.secret("role-value-1")
    doomed = house.client.call("POST", "/api/v1/keys", {"name": key_name("doomed")}).json["id"]
    execution = house.execute(tool).json["execution_id"]
    return {
        "list tools": ("GET", "/api/v1/tools", None),
        "list packs": ("GET", "/api/v1/packs", None),
        "show a tool": ("GET", f"/api/v1/tools/{tool}", None),
        "validate": ("POST", f"/api/v1/tools/{tool}/validate", {"input": {}}),
        "execute": ("POST", f"/api/v1/tools/{tool}/execute", {"input": {}}),
        "register": ("POST", "/api/v1/tools", house.config("/role")),
        "enable": ("PUT", f"/api/v1/tools/{tool}/enablement", {"enabled": True}),
        "list executions": ("GET", "/api/v1/tools/executions", None),
        "show an execution": ("GET", f"/api/v1/tools/executions/{execution}", None),
        "show its events": ("GET", f"/api/v1/tools/executions/{execution}/events", None),
        "show its result": ("GET", f"/api/v1/tools/executions/{execution}/result", None),
        "read the audit": ("GET", "/api/v1/audit", None),
        "list secrets": ("GET", "/api/v1/secrets", None),
        "list its uses": ("GET", f"/api/v1/secrets/{secret}/uses", None),
        "show the rotation": ("GET", "/api/v1/secrets/rotation", None),
        "rotate the key": ("POST", "/api/v1/secrets/rotate", None),
        "set a secret": ("POST", "/api/v1/secrets", {"name": secret, "value": "changed-value"}),
        "delete a secret": ("DELETE", f"/api/v1/secrets/{secret}", None),
        "list keys": ("GET", "/api/v1/keys", None),
        "make a key": ("POST", "/api/v1/keys", {"name": key_name("made"), "role": "viewer"}),
        "revoke a key": ("DELETE", f"/api/v1/keys/{doomed}", None),
    }


@pytest.mark.parametrize(("actor_type", "role"), MATRIX, ids=str)
def test_each_role_does_exactly_what_the_matrix_says(each_house, actor_type, role):
    client = each_house.key(name="cell", actor_type=actor_type, role=role)
    answered = {action: client.call(*how) for action, how in actions(each_house).items()}

    assert {action for action, reply in answered.items() if reply.status < 300} == MATRIX[actor_type, role]
    assert all(is_error(reply, "FORBIDDEN") for reply in answered.values() if reply.status >= 300)


@pytest.mark.parametrize(("method", "path"), [
    ("GET", "/api/v1/tools"), ("POST", "/api/v1/tools"), ("GET", "/api/v1/tools/x"), ("POST", "/api/v1/tools/x/execute"), ("POST", "/api/v1/tools/x/validate"),
    ("GET", "/api/v1/tools/x/enablement"), ("PUT", "/api/v1/tools/x/enablement"), ("GET", "/api/v1/tools/executions"), ("GET", "/api/v1/tools/executions/x"),
    ("GET", "/api/v1/tools/executions/x/events"), ("GET", "/api/v1/tools/executions/x/result"), ("POST", "/api/v1/tools/executions/x/cancel"),
    ("GET", "/api/v1/audit"), ("GET", "/api/v1/events"), ("GET", "/api/v1/packs"),
    ("GET", "/api/v1/secrets"), ("POST", "/api/v1/secrets"), ("DELETE", "/api/v1/secrets/X"), ("GET", "/api/v1/keys"), ("POST", "/api/v1/keys"), ("DELETE", "/api/v1/keys/x"),
])  # fmt: skip
def test_without_a_credential_there_is_nothing(house, method, path):
    good = (
        {"name": "a", "value": "b", "enabled": True}
        if path.endswith(("secrets", "keys", "enablement"))
        else {"input": {}}
    )
    for prefix in ("/api/v1", "/api"):
        reply = house.client.call(
            method, path.replace("/api/v1", prefix), good if method in {"POST", "PUT"} else None, key=""
        )
        assert is_error(reply, "UNAUTHORIZED") or (reply.status == 400 and method in {"POST", "PUT"}), (
            reply.body
        )


def test_every_route_of_the_file_asks_for_a_credential(house):
    from tests.security.routes import routes

    open_ones = {"/health", "/health/ready", "/api/v1/health", "/api/v1/health/ready", "/metrics"}
    let_in = [
        str(route)
        for route in routes(house.client)
        if route.path not in open_ones
        and house.client.call(route.method, route.at("x"), key="").status not in {400, 401}
    ]
    assert let_in == []


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


@pytest.mark.parametrize(
    "wanted",
    [{"role": "owner"}, {"role": "owner", "actor_type": "agent"}, {"role": "owner", "actor_type": "service"}],
)
def test_only_an_owner_makes_owners(each_house, wanted):
    admin = each_house.key(name="admin", role="admin")

    assert is_error(admin.call("POST", "/api/v1/keys", {"name": key_name("up"), **wanted}), "FORBIDDEN")


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

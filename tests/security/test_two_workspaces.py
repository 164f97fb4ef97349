"""B2: what belongs to another workspace does not exist: the same bytes as for what nobody ever made."""

import pytest

from tests.security.errors import is_error
from tests.security.house import key_name
from tests.security.routes import routes


@pytest.fixture
def theirs(each_house):
    """One object of each kind in workspace `default`; the stranger knows all their ids."""
    tool = each_house.tool("/theirs")
    detail = each_house.client.call("GET", f"/api/v1/tools/{tool}").json
    secret = each_house.secret("their-secret-value")
    key = each_house.client.call("POST", "/api/v1/keys", {"name": key_name("theirs")}).json
    execution = each_house.execute(tool).json["execution_id"]
    workspace = each_house.execution(execution)["workspace_id"]
    return {
        "tool": tool,
        "tool_id": detail["id"],
        "name": secret,
        "key_id": key["id"],
        "execution_id": execution,
        "workspace": workspace,
    }


def unknown(name):
    """An id of the same form that nobody ever made."""
    return {
        "tool": "sec.t999999",
        "tool_id": "tool_" + "0" * 32,
        "name": "T999999",
        "key_id": "0" * 12,
        "execution_id": "exe_" + "0" * 32,
        "workspace": "0" * 10,
    }[name]


BODIES = {
    "{tool}": {"tags": []},
    "execute": {"input": {}},
    "validate": {"input": {}},
    "enablement": {"enabled": False},
    "members": {"issuer": "a", "subject": "b", "name": "c"},
    "invitations": {"name": "c"},
    "grants": {"name": "pro"},
}


def asked(client, route, name):
    """What a route answers about this id, without what differs between any two answers."""
    reply = client.call(
        route.method,
        route.at(name),
        BODIES.get(route.path.rpartition("/")[2], {}) if route.method in {"POST", "PUT", "PATCH"} else None,
    )
    return reply.status, reply.body, {key: value for key, value in reply.headers.items() if key != "date"}


def test_a_foreign_id_is_an_unknown_id_on_every_route(each_house, theirs):
    with_id = [route for route in routes(each_house.client) if "{" in route.path]
    for route in with_id:
        for kind in theirs:
            status, body, headers = asked(each_house.stranger, route, theirs[kind])
            assert (status, body, headers) == asked(each_house.stranger, route, unknown(kind)), (
                str(route),
                kind,
            )
            assert status == 404, (str(route), kind, body)

    assert len(with_id) >= 10
    assert len(each_house.stage.at("/theirs")) == 1


def test_whoever_belongs_to_another_workspace_is_unknown_in_the_own_one(each_house):
    own, home = (
        f"/api/v1/workspaces/{client.call('GET', '/api/v1/me').json['workspace_id']}"
        for client in (each_house.stranger, each_house.client)
    )
    made = {
        kind: each_house.client.call("POST", f"{home}/{kind}", BODIES[kind] | more).json["id"]
        for kind, more in (("members", {"subject": key_name("sub")}), ("invitations", {}), ("grants", {}))
    }
    for kind, theirs in made.items():
        for method in ("PUT", "DELETE") if kind == "members" else ("DELETE",):
            body = {"name": "mine"} if method == "PUT" else None
            if kind == "grants":  # the operator alone ends one, also by the right id
                body, answered = None, each_house.client.call(method, f"{own}/{kind}/{theirs}")
            else:
                answered = each_house.stranger.call(method, f"{own}/{kind}/{theirs}", body)
            assert is_error(answered, "NOT_FOUND"), (kind, method)
        assert each_house.client.call("DELETE", f"{home}/{kind}/{theirs}").status == 204


def test_the_owner_of_it_finds_it(each_house, theirs):
    for path in (
        f"/api/v1/tools/{theirs['tool']}",
        f"/api/v1/tools/{theirs['tool_id']}",
        f"/api/v1/tools/executions/{theirs['execution_id']}",
    ):
        assert each_house.client.call("GET", path).status == 200


def test_lists_show_nothing_of_another_workspace(each_house, theirs):
    for path in (
        "/api/v1/tools?limit=200",
        "/api/v1/secrets?limit=200",
        "/api/v1/keys?limit=200",
        "/api/v1/tools/executions?limit=200",
        "/api/v1/audit?limit=200",
    ):
        body = each_house.stranger.call("GET", path).body.decode()
        assert [value for value in theirs.values() if f'"{value}"' in body] == [], path


@pytest.mark.parametrize(
    "query",
    [
        "tool={tool}",
        "tool_id={tool_id}",
        "actor=user:owner&tool={tool}",
        "tool={tool}&status=succeeded",
        "tool_id={tool_id}&limit=1",
    ],
)
def test_filters_find_nothing_of_another_workspace(each_house, theirs, query):
    reply = each_house.stranger.call("GET", "/api/v1/tools/executions?" + query.format(**theirs))

    assert (reply.status, reply.json) == (200, {"items": [], "next": None})
    assert (
        each_house.client.call("GET", "/api/v1/tools/executions?" + query.format(**theirs)).json["items"]
        != []
    )


def test_another_workspace_cannot_be_named(each_house, theirs):
    reply = each_house.stranger.call("GET", f"/api/v1/tools/executions?tenant_id={theirs['workspace']}")
    assert is_error(reply, "FORBIDDEN")
    for header in ("X-Toolcrib-Workspace", "X-Workspace-Id", "X-Tenant-Id"):
        listed = each_house.stranger.call(
            "GET", "/api/v1/tools/executions", headers={header: theirs["workspace"]}
        )
        assert all(
            row["workspace_id"] != theirs["workspace"] for row in (listed.json or {}).get("items", [])
        ), header


def test_a_cursor_of_another_workspace_leads_nowhere(each_house, theirs):
    for _ in range(3):
        each_house.execute(theirs["tool"])
        each_house.secret("another-one-of-theirs")
    for path in (
        "/api/v1/tools",
        "/api/v1/secrets",
        "/api/v1/keys",
        "/api/v1/tools/executions",
        "/api/v1/audit",
    ):
        cursor = each_house.client.call("GET", f"{path}?limit=1").json["next"]
        assert cursor, path
        body = each_house.stranger.call("GET", f"{path}?limit=200&cursor={cursor}").body.decode()
        assert [value for value in theirs.values() if f'"{value}"' in body] == [], path


def test_both_may_use_the_same_names(each_house, theirs):
    taken = each_house.config("/ours") | {"name": theirs["tool"]}

    assert each_house.stranger.call("POST", "/api/v1/tools", taken).status == 201
    each_house.secret("our-own-value-of-it", theirs["name"], client=each_house.stranger)
    assert each_house.execute(theirs["tool"], client=each_house.stranger).status == 200

    assert len(each_house.stage.at("/ours")) == 1
    assert len(each_house.stage.at("/theirs")) == 1


def test_deleting_ones_own_leaves_theirs(each_house, theirs):
    auth = {"auth": {"method": "bearer", "secret_ref": f"${{{theirs['name']}}}"}}
    tool = each_house.tool("/keeps", api=auth)
    each_house.secret("our-own-value-of-it", theirs["name"], client=each_house.stranger)

    assert each_house.stranger.call("DELETE", f"/api/v1/secrets/{theirs['name']}").status == 204

    assert each_house.execute(tool).status == 200
    assert each_house.stage.at("/keeps")[0].header("authorization") == b"Bearer their-secret-value"


def test_a_key_with_anothers_workspace_in_it_is_none(each_house, theirs):
    workspace = each_house.stranger.key.split("_")[1]

    for forged in (
        each_house.stranger.key.replace(workspace, theirs["workspace"]),
        each_house.client.key.replace(theirs["workspace"], workspace),
    ):
        assert is_error(each_house.client.call("GET", "/api/v1/tools", key=forged), "UNAUTHORIZED")


@pytest.mark.parametrize("name", ["A%00", "%00A", "A%00B", "{name}%00", "%00{name}", "{key_id}%00"])
def test_an_id_with_a_null_in_it_is_no_other_id(each_house, theirs, name):
    path = name.format(**theirs)
    for kind in ("secrets", "keys"):
        reply = each_house.client.call("DELETE", f"/api/v1/{kind}/{path}")
        assert is_error(reply, "NOT_FOUND") or is_error(reply, "VALIDATION_ERROR"), (path, reply.body)

    assert theirs["name"] in each_house.client.call("GET", "/api/v1/secrets?limit=200").body.decode()
    assert theirs["key_id"] in each_house.client.call("GET", "/api/v1/keys?limit=200").body.decode()

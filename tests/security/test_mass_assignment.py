"""B6: what the server owns is the server's to set: naming it in any write is refused, and nothing changes."""

import json

import pytest

from tests.security.errors import error_of, is_error
from tests.security.house import key_name

OWNED = {
    "id": "x", "tool_id": "x", "execution_id": "x", "key_id": "x", "_id": "x", "workspace_id": "w", "workspaceId": "w", "workspace": "w", "tenant_id": "w", "tenantId": "w",
    "org_id": "w", "owner": "x", "owner_id": "x", "user_id": "x", "created_at": "2020-01-01T00:00:00Z", "createdAt": 0, "created_by": "x", "updated_at": 0, "updated_by": "x",
    "finished_at": 0, "digest": "x", "checksum": "x", "wire_name": "x", "generation": 10**9, "seq": 1, "version_id": 1, "approved": True, "approval_id": "x", "approved_by": "x",
    "decision": {"allowed": True}, "allowed": True, "published": True, "verified": True, "trusted": True, "system": True, "is_admin": True, "admin": True, "permissions": ["*"],
    "grants": ["pro"], "scopes": ["*"], "principal": {"role": "owner"}, "on_behalf_of": "x", "requested_by_actor_id": "x", "requested_by_actor_type": "system", "status": "succeeded",
    "output": {}, "output_payload": {}, "error_code": None, "execution_time_ms": 0, "revoked_at": None, "revoked": False, "sealed": "x", "submitted": {}, "registered": True,
    "__class__": "x", "__proto__": {"role": "owner"}, "constructor": {}, "model_config": {"extra": "allow"}, "": 1,
}  # fmt: skip


WRITES = (
    "register", "execute", "validate", "enable", "secret", "key", "rotation", "workspace", "settings", "member", "invitation", "grant", "suspension",
)  # fmt: skip


def writes(house):
    """Each write of the API with a good body: its name, method, path, body."""
    tool = house.tool("/assigned")
    doomed = house.client.call("POST", "/api/v1/keys", {"name": key_name("doomed")}).json["id"]
    place = f"/api/v1/workspaces/{house.client.call('GET', '/api/v1/me').json['workspace_id']}"
    return {
        "register": ("POST", "/api/v1/tools", house.config("/assigned")),
        "execute": ("POST", f"/api/v1/tools/{tool}/execute", {"input": {}}),
        "validate": ("POST", f"/api/v1/tools/{tool}/validate", {"input": {}}),
        "enable": ("PUT", f"/api/v1/tools/{tool}/enablement", {"enabled": True}),
        "secret": ("POST", "/api/v1/secrets", {"name": "ASSIGNED", "value": "v-a-l-u-e"}),
        "key": ("POST", "/api/v1/keys", {"name": key_name("assigned")}),
        "rotation": ("POST", f"/api/v1/keys/{doomed}/rotate", {"overlap_seconds": 1}),
        "workspace": ("POST", "/api/v1/workspaces", {"name": key_name("assigned")}),
        "settings": ("PUT", place, {"read_only": False}),
        "member": ("POST", f"{place}/members", {"issuer": "i", "subject": key_name("s"), "name": "n"}),
        "invitation": ("POST", f"{place}/invitations", {"name": "n"}),
        "grant": ("POST", f"{place}/grants", {"name": "pro"}),
        "suspension": ("POST", "/api/v1/suspensions", {"name": f"agent:{key_name('s')}"}),
    }


def keys(house):
    return house.client.call("GET", "/api/v1/keys?limit=200").json["items"]


def everything(house):
    """All that a write could have changed, as the API shows it."""
    paths = (
        "/api/v1/tools?limit=200",
        "/api/v1/secrets?limit=200",
        "/api/v1/keys?limit=200",
        "/api/v1/tools/executions?limit=200",
        "/api/v1/workspaces?limit=200",
        "/api/v1/suspensions",
    )
    shown = [client.call("GET", path).body for client in (house.client, house.stranger) for path in paths]
    return b"".join(shown)


@pytest.mark.parametrize("write", WRITES)
def test_a_field_that_the_server_owns_is_refused(each_house, write):
    method, path, body = writes(each_house)[write]
    before = everything(each_house)
    for name, value in OWNED.items():
        reply = each_house.line.send(method, path, json.dumps(body | {name: value}).encode())
        assert is_error(reply, "VALIDATION_ERROR"), (name, reply.body[:300])
        faults = error_of(reply)["details"]["errors"]
        assert f"/{name}" in {fault["path"] for fault in faults}, (name, faults)

    assert everything(each_house) == before
    assert each_house.stage.at("/assigned") == []


@pytest.mark.parametrize("write", WRITES)
def test_the_same_write_without_it_is_taken(each_house, write):
    method, path, body = writes(each_house)[write]

    assert each_house.line.send(method, path, json.dumps(body).encode()).status in {200, 201}


@pytest.mark.parametrize("at", ["api", "mapping"])
def test_a_field_that_is_unknown_inside_a_config_is_refused(house, at):
    for name, value in OWNED.items():
        config = house.config("/x", mapping={})
        config[at][name] = value
        assert is_error(house.client.call("POST", "/api/v1/tools", config), "VALIDATION_ERROR"), name
    for name, value in OWNED.items():
        config = house.config("/x", api={"auth": {"method": "none", name: value}})
        assert is_error(house.client.call("POST", "/api/v1/tools", config), "VALIDATION_ERROR"), name


@pytest.mark.parametrize(("field", "value"), [("actor_type", "agent"), ("actorType", "system"), ("actor_id", "user:other"), ("actorId", "user:other"),
                                              ("actor_type", ["user"]), ("actor_id", {"$ne": 1}), ("actor_id", "")])  # fmt: skip
def test_an_actor_that_the_credential_is_not_is_forbidden(each_house, field, value):
    tool = each_house.tool("/claimed")

    reply = each_house.client.call("POST", f"/api/v1/tools/{tool}/execute", {"input": {}, field: value})

    assert is_error(reply, "FORBIDDEN") or is_error(reply, "VALIDATION_ERROR"), reply.body
    assert each_house.stage.at("/claimed") == []


def test_the_actor_is_the_credentials_whatever_else_is_said(each_house):
    tool = each_house.tool("/acted", client=None)
    agent = each_house.key(name="robot", actor_type="agent")
    headers = {
        "X-User": "root",
        "X-Forwarded-User": "root",
        "X-Actor-Id": "user:owner",
        "X-HTTP-Method-Override": "DELETE",
    }

    reply = agent.call("POST", f"/api/v1/tools/{tool}/execute", {"input": {}}, headers=headers)

    row = each_house.execution(reply.json["execution_id"])
    actor = next(key["actor_id"] for key in keys(each_house) if key["id"] == agent.key.split("_")[2])
    assert (row["requested_by_actor_type"], row["requested_by_actor_id"]) == ("agent", actor)
    sent = {name for name, _ in each_house.stage.at("/acted")[0].headers}
    assert not sent & {name.lower() for name in headers}
    assert "authorization" not in sent


def test_a_key_names_no_other_workspace(each_house):
    tool = each_house.tool("/elsewhere", client=None)
    for named in ("other", "0" * 10):
        headers = {"X-Toolcrib-Workspace": named}
        reply = each_house.client.call(
            "POST", f"/api/v1/tools/{tool}/execute", {"input": {}}, headers=headers
        )
        assert is_error(reply, "NOT_FOUND")
    assert each_house.stage.at("/elsewhere") == []


def test_what_is_stored_is_what_the_server_says(each_house):
    other = each_house.stranger.call("GET", "/api/v1/tools?limit=1").json
    tool = each_house.tool("/stored")
    detail = each_house.client.call("GET", f"/api/v1/tools/{tool}").json

    assert detail["id"].startswith("tool_")
    assert detail["scope"] == "workspace"
    assert other == each_house.stranger.call("GET", "/api/v1/tools?limit=1").json

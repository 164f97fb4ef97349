"""From an invitation to the end of a membership, with tokens of a real issuer's shape, against a running server."""

import time
from pathlib import Path

import pytest

from tests.acceptance.rows.lab import Lab
from tests.support.client import Client
from tests.support.mint import AUDIENCE, ISSUER, Minter, jwks
from tests.support.tools import marked, register

MADE = Minter("ES256")


@pytest.fixture
def server_url(lab: Lab, tmp_path: Path) -> str:
    keys = tmp_path / "keys.json"
    keys.write_bytes(jwks(MADE.jwk()))
    env = {
        "TOOLCRIB_JWT_ISSUERS": "corp",
        "TOOLCRIB_JWT_CORP_ISSUER": ISSUER,
        "TOOLCRIB_JWT_CORP_AUDIENCE": AUDIENCE,
        "TOOLCRIB_JWT_CORP_ALGORITHM": "ES256",
        "TOOLCRIB_JWT_CORP_JWKS_FILE": str(keys),
    }
    return lab.serve(env).url


def token(subject: str, **claims) -> str:
    return MADE.token(claims=MADE.claims(time.time(), sub=subject, **claims))


def test_a_person_is_invited_works_and_leaves(lab: Lab, server_url: str):
    owner = Client(server_url, lab.servers[0].owner_key)
    ann = Client(server_url, token("ann", name="Ann"))
    register(owner, marked(lab.upstream, "sea.look", "/echo"))
    home = owner.call("GET", "/api/v1/me").json["workspace_id"]
    assert ann.call("GET", "/api/v1/me").status == 401

    invited = owner.call("POST", f"/api/v1/workspaces/{home}/invitations", {"name": "Ann", "role": "admin"})
    accepted = ann.call("POST", "/api/v1/invitations/accept", {"token": invited.json["token"]})
    assert (accepted.status, accepted.json["role"]) == (200, "admin")
    assert ann.call("POST", "/api/v1/invitations/accept", {"token": invited.json["token"]}).status == 404

    me = ann.call("GET", "/api/v1/me").json
    assert (me["role"], me["actor_type"], me["workspace_id"]) == ("admin", "user", home)
    assert ann.call("POST", "/api/v1/tools/sea.look/execute", {"input": {"n": "1"}}).status == 200
    made = ann.call("POST", "/api/v1/keys", {"name": "helper", "role": "admin", "on_behalf_of": "me"})
    helper = Client(server_url, made.json["key"])
    called = helper.call("POST", "/api/v1/tools/sea.look/execute", {"input": {"n": "2"}})
    found = owner.call("GET", f"/api/v1/tools/executions/{called.json['execution_id']}").json
    assert (found["requested_by_actor_id"], found["on_behalf_of"]) == ("agent:helper", me["actor_id"])

    member = me["actor_id"].removeprefix("user:")
    place = f"/api/v1/workspaces/{home}/members/{member}"
    assert owner.call("PUT", place, {"role": "viewer"}).json["role"] == "viewer"
    refused = helper.call("POST", "/api/v1/tools/sea.look/execute", {"input": {"n": "3"}})
    assert (refused.status, refused.json["error"]["details"]["rule"]) == (403, "role")
    assert owner.call("DELETE", place).status == 204
    assert [one.call("GET", "/api/v1/me").status for one in (ann, helper)] == [401, 401]


def test_a_member_of_two_workspaces_names_one(lab: Lab, server_url: str):
    operator = Client(server_url, lab.servers[0].owner_key)
    bob = Client(server_url, token("bob"))
    homes = {}
    for name in ("sea", "lake"):
        made = operator.call("POST", "/api/v1/workspaces", {"name": name}).json
        homes[name] = made["id"]
        body = {"issuer": ISSUER, "subject": "bob", "name": "Bob", "role": "viewer"}
        owner = operator.as_(made["key"])
        assert owner.call("POST", f"/api/v1/workspaces/{made['id']}/members", body).status == 201
    unnamed = bob.call("GET", "/api/v1/me")
    assert unnamed.status == 400
    assert sorted(unnamed.json["error"]["details"]["workspaces"]) == sorted(homes.values())
    for name, home in homes.items():
        for named in (name, home):
            me = bob.call("GET", "/api/v1/me", headers={"X-Toolcrib-Workspace": named})
            assert me.json["workspace_id"] == home
    foreign = bob.call("GET", "/api/v1/me", headers={"X-Toolcrib-Workspace": "default"})
    nowhere = bob.call("GET", "/api/v1/me", headers={"X-Toolcrib-Workspace": "nowhere"})
    assert (foreign.status, foreign.body) == (nowhere.status, nowhere.body) == (404, nowhere.body)


def test_a_token_that_has_ended_opens_nothing(lab: Lab, server_url: str):
    operator = Client(server_url, lab.servers[0].owner_key)
    home = operator.call("GET", "/api/v1/me").json["workspace_id"]
    body = {"issuer": ISSUER, "subject": "eve", "name": "Eve", "role": "owner"}
    assert operator.call("POST", f"/api/v1/workspaces/{home}/members", body).status == 201
    now = int(time.time())
    assert Client(server_url, token("eve")).call("GET", "/api/v1/me").status == 200
    assert (
        Client(server_url, token("eve", exp=now - 30)).call("GET", "/api/v1/me").status == 200
    )  # within the leeway
    assert Client(server_url, token("eve", exp=now - 90)).call("GET", "/api/v1/me").status == 401


def test_a_person_sends_strict_json_as_everybody_does(lab: Lab, server_url: str):
    ann = Client(server_url, token("ann"))
    for text in (
        b'{"token": NaN}',
        b'{"token":"a","token":"b"}',
        b"[" * 70 + b"]" * 70,
        b'{"token":"\\ud800"}',
        b"{",
        b"",
    ):
        refused = ann.call("POST", "/api/v1/invitations/accept", raw=text)
        assert (refused.status, refused.json["error"]["code"]) == (400, "VALIDATION_ERROR"), text
    assert ann.call("POST", "/api/v1/invitations/accept", raw=b'"' + b"a" * 1_000_001 + b'"').status == 400

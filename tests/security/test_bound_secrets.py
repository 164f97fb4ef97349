"""T14: a secret that its owner bound goes to no other host, whatever becomes of the tool that uses it."""

import pytest

from tests.security.errors import error_of

VALUE = "tied-down-s3cr3t-0123456789"
API = {"auth": {"method": "bearer", "secret_ref": "${TIED}"}}


def bind(house, *hosts):
    body = {"name": "TIED", "value": VALUE, "hosts": list(hosts)}
    assert house.client.call("POST", "/api/v1/secrets", body).status == 201


def home(house):
    return house.stage.url.partition("//")[2]


def refused(house, tool, canary):
    heard = canary.accepts
    reply = house.execute(tool)
    assert (reply.status, error_of(reply)["code"]) == (403, "EGRESS_DENIED")
    assert error_of(reply)["details"] == {"reason": "secret_host"}
    assert (b"127.0.0.1" in reply.body, str(canary.port).encode() in reply.body) == (False, False)
    assert canary.accepts == heard
    kept = house.execution(reply.json["execution_id"])
    assert (kept["status"], VALUE in str(kept)) == ("failed", False)


@pytest.mark.parametrize("where", ["127.0.0.1:{port}", "localhost:{port}", "127.0.0.1:{port}/sub"])
def test_a_tool_of_another_host_gets_nothing(each_house, canary, where):
    house, url = each_house, "http://" + where.format(port=canary.port)
    bind(house, home(house))
    mine = house.tool("/mine", api=API)
    assert house.execute(mine).status == 200
    assert house.stage.at("/mine")[0].header("authorization") == f"Bearer {VALUE}".encode()
    refused(house, house.tool("/x", api=API | {"base_url": url}), canary)


def test_a_tool_whose_url_is_changed_gets_nothing(each_house, canary):
    house = each_house
    bind(house, home(house))
    tool = house.tool("/mine", api=API)
    config = house.config("/mine", name=tool, api=API | {"base_url": f"http://127.0.0.1:{canary.port}"})
    member = house.key(role="member")
    changed = member.call("PUT", f"/api/v1/tools/{tool}", config)
    assert changed.status == 200, changed.body
    assert [one["code"] for one in changed.json["warnings"]] == ["EGRESS_DENIED"]
    refused(house, tool, canary)


def test_a_bind_takes_hold_of_the_next_call_and_so_does_a_wider_one(each_house, canary):
    house = each_house
    house.secret(VALUE, "TIED")
    tool = house.tool("/mine", api=API)
    for hosts, status in (
        (["elsewhere.example"], 403),
        ([home(house)], 200),
        (["127.0.0.1"], 200),
        ([f"127.0.0.1:{canary.port}"], 403),
        (["*.example.com", "127.0.0.1"], 200),
    ):
        bind(house, *hosts)
        assert house.execute(tool).status == status, hosts


def test_a_host_that_is_bound_and_suspended_gets_nothing(each_house, canary):
    """Whichever of the two says no, the other does not let it through."""
    house = each_house
    suspension = {"kind": "host", "name": "127.0.0.1"}
    bind(house, home(house))
    mine, theirs = house.tool("/mine", api=API), f"http://127.0.0.1:{canary.port}"
    assert house.client.call("POST", "/api/v1/suspensions", suspension).status == 201
    said = error_of(house.execute(mine))
    assert (said["code"], said["details"].get("rule")) == ("EGRESS_DENIED", "host")
    assert house.stage.at("/mine") == []
    assert house.client.call("DELETE", "/api/v1/suspensions/host/127.0.0.1").status == 204
    assert house.execute(mine).status == 200
    refused(house, house.tool("/x", api=API | {"base_url": theirs}), canary)


def test_a_bind_of_one_workspace_says_nothing_in_another(each_house):
    house = each_house
    bind(house, "elsewhere.example")
    house.secret(VALUE, "TIED", client=house.stranger)
    tool = house.tool("/theirs", client=house.stranger, api=API)
    assert house.execute(tool, client=house.stranger).status == 200


def test_the_canary_would_hear_a_secret_that_is_not_bound(each_house, canary):
    house, heard = each_house, canary.accepts
    house.client.call("POST", "/api/v1/secrets", {"name": "TIED", "value": VALUE, "hosts": None})
    house.execute(house.tool("/x", api=API | {"base_url": f"http://127.0.0.1:{canary.port}"}))
    assert canary.accepts == heard + 1

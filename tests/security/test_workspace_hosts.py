"""A workspace that narrows what its tools call: nothing gets past the list, and the list gets past nothing of the operator's."""

import pytest

from tests.security.errors import error_of


@pytest.fixture
def narrowed(each_house):
    """Says which hosts the workspace may call; what was said is taken back."""
    place = f"/api/v1/workspaces/{each_house.client.call('GET', '/api/v1/me').json['workspace_id']}/hosts"

    def narrow(*hosts, by=None):
        return (by or each_house.client).call("PUT", place, {"hosts": list(hosts)})

    yield narrow
    assert narrow().status == 200


def home(house):
    return house.stage.url.partition("//")[2]


@pytest.mark.parametrize("where", ["127.0.0.1:{port}", "localhost:{port}", "LOCALHOST.:{port}/sub"])
def test_a_tool_of_another_host_reaches_nobody(each_house, narrowed, canary, where):
    house, url = each_house, "http://" + where.format(port=canary.port)
    mine, away = house.tool("/mine"), house.tool("/x", api={"base_url": url})
    assert narrowed(home(house)).status == 200
    heard = canary.accepts
    refused = house.execute(away)
    assert (refused.status, error_of(refused)["code"]) == (403, "EGRESS_DENIED")
    assert error_of(refused)["details"] == {"rule": "workspace_hosts", "reason": "workspace_hosts"}
    assert (b"127.0.0.1" in refused.body, str(canary.port).encode() in refused.body) == (False, False)
    assert canary.accepts == heard
    assert house.execution(refused.json["execution_id"])["status"] == "denied"
    assert house.execute(mine).status == 200


def test_a_tool_whose_url_is_changed_reaches_nobody(each_house, narrowed, canary):
    house = each_house
    tool = house.tool("/mine")
    narrowed(home(house))
    assert house.execute(tool).status == 200
    config = house.config("/mine", name=tool, api={"base_url": f"http://127.0.0.1:{canary.port}"})
    changed = house.key(role="member").call("PUT", f"/api/v1/tools/{tool}", config)
    assert [one["code"] for one in changed.json["warnings"]] == ["EGRESS_DENIED"]
    heard = canary.accepts
    assert house.execute(tool).status == 403
    assert canary.accepts == heard


@pytest.mark.parametrize("host", ["10.9.8.7", "169.254.169.254", "[fd00:ec2::254]", "127.0.0.1:1"])
def test_a_list_opens_nothing_that_the_operator_does_not(each_house, narrowed, host):
    house = each_house
    assert narrowed(host, home(house)).status == 200
    config = house.config(api={"base_url": f"http://{'10.9.8.7' if host == '127.0.0.1:1' else host}"})
    refused = house.client.call("POST", "/api/v1/tools", config)
    assert (refused.status, error_of(refused)["code"]) == (403, "EGRESS_DENIED")
    assert house.execute(house.tool("/mine")).status == 200


def test_who_does_not_manage_takes_no_list_back(each_house, narrowed, canary):
    house = each_house
    away = house.tool("/x", api={"base_url": f"http://127.0.0.1:{canary.port}"})
    narrowed(home(house))
    heard = canary.accepts
    for wanted in (
        {"role": "member"},
        {"role": "viewer"},
        {"role": "admin", "actor_type": "agent"},
        {"role": "owner", "tools": [away]},
    ):
        assert narrowed(by=house.key(**wanted)).status == 403, wanted
        assert house.execute(away).status == 403
    assert narrowed(by=house.stranger).status == 404
    assert canary.accepts == heard


def test_the_canary_would_hear_a_tool_of_a_workspace_without_a_list(each_house, canary):
    heard = canary.accepts
    each_house.execute(each_house.tool("/x", api={"base_url": f"http://127.0.0.1:{canary.port}"}))
    assert canary.accepts == heard + 1

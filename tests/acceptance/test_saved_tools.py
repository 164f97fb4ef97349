"""Saved tools: there after a restart, and on the other process in the very next call."""

import pytest

from tests.acceptance.rows.lab import Lab
from tests.support.client import Client
from tests.support.tools import marked

SAVED = "/api/v1/tools/saved"


def config(lab: Lab, path: str, **parts) -> dict:
    return marked(lab.upstream, "kept.tool", path) | parts


def call(client: Client):
    return client.call("POST", "/api/v1/tools/kept.tool/execute", {"input": {"n": "1"}})


def version_of_last(client: Client) -> str:
    return client.call("GET", "/api/v1/tools/executions?limit=1").json["items"][0]["tool_version"]


def test_a_saved_tool_is_callable_after_a_crash_and_a_restart_in_its_newest_version(lab: Lab):
    server = lab.serve()
    client = lab.client(server)
    assert client.call("POST", SAVED, config(lab, "/echo")).status == 201
    server.kill9()
    server.start()
    assert call(client).status == 200
    assert client.call("PUT", f"{SAVED}/kept.tool", config(lab, "/status/500", tags=["new"])).status == 200
    server.restart()
    assert call(client).json["error"]["code"] == "UPSTREAM_ERROR"
    assert version_of_last(client) == "1.0.1"
    assert [tool["name"] for tool in client.call("GET", SAVED).json["tools"]] == ["kept.tool"]
    assert client.call("DELETE", f"{SAVED}/kept.tool").status == 204
    server.restart()
    assert call(client).status == 404


@pytest.mark.parametrize("notifications", ["on", "off"])
def test_a_saved_tool_is_callable_on_the_other_process_in_the_next_call(
    lab_on_postgres: Lab, notifications: str
):
    lab = lab_on_postgres
    env = {"TOOLCRIB_NOTIFICATIONS": notifications}
    here, there = (lab.client(lab.serve(env)) for _ in range(2))
    for _ in range(10):
        assert here.call("POST", SAVED, config(lab, "/echo")).status == 201
        assert call(there).status == 200
        assert there.call("PUT", f"{SAVED}/kept.tool", config(lab, "/status/500")).status == 200
        assert call(here).json["error"]["code"] == "UPSTREAM_ERROR"
        assert version_of_last(here) == "1.0.1"
        assert here.call("DELETE", f"{SAVED}/kept.tool").status == 204
        assert call(there).status == 404

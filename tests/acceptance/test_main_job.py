"""The main job: a tool from JSON configuration is registered, given its secret, called, found in the ledger, and survives."""

from tests.acceptance.rows.lab import Lab
from tests.support.client import Client, Reply
from tests.support.tools import tide

VALUE = "k-7f1d20c39ab84e55"


def execute(client: Client, harbour: object) -> Reply:
    return client.call("POST", "/api/v1/tools/get_tide/execute", {"input": {"harbour": harbour}})


def test_a_config_becomes_a_tool_that_is_called_and_found_in_the_ledger_also_after_a_restart(lab: Lab):
    server = lab.serve()
    client = lab.client(server)

    registered = client.call("POST", "/api/v1/tools", tide(lab.upstream))
    assert (registered.status, registered.json["registered"], registered.json["version"]) == (
        201,
        True,
        "1.0.0",
    )
    assert client.call("POST", "/api/v1/tools", tide(lab.upstream)).status == 409

    early = execute(client, "Dover")
    assert (early.status, early.json["error"]["code"]) == (409, "SECRET_NOT_FOUND")
    assert lab.upstream.journal == []
    assert client.call("POST", "/api/v1/secrets", {"name": "TIDE_KEY", "value": VALUE}).status == 201

    good = client.call("POST", "/api/v1/tools/get_tide/validate", {"input": {"harbour": "Dover"}})
    bad = client.call("POST", "/api/v1/tools/get_tide/validate", {"input": {"harbor": "Dover"}})
    assert (good.status, good.json["valid"], good.json["decision"]["allowed"]) == (200, True, True)
    assert (bad.status, bad.json["valid"]) == (200, False)
    assert lab.upstream.journal == []

    first = execute(client, "Dover")
    assert (first.status, first.json["success"], first.json["status"]) == (200, True, "succeeded")
    assert first.json["output"] == {"height": 6.41, "at": "2026-11-21T04:12:00Z"}
    (sent,) = lab.upstream.journal
    assert (sent.method, sent.path, sent.query) == ("GET", "/v2/next", {"unit": "m", "h": "Dover"})
    assert sent.header("X-Tide-Key") == VALUE

    server.restart()
    recorded = client.call("GET", f"/api/v1/tools/executions/{first.json['execution_id']}").json
    assert (recorded["tool"], recorded["status"], recorded["tool_version"]) == (
        "get_tide",
        "succeeded",
        "1.0.0",
    )
    assert recorded["input_payload"] == {"harbour": "Dover"}
    assert recorded["output_payload"] == first.json["output"]

    again = execute(client, "Oslo")
    assert (again.status, again.json["output"]["height"]) == (200, 0.32)
    listed = client.call("GET", "/api/v1/tools/executions?tool=get_tide").json["items"]
    assert [row["status"] for row in listed] == ["succeeded", "succeeded", "failed"]
    assert [row["execution_id"] for row in listed[:2]] == [
        again.json["execution_id"],
        first.json["execution_id"],
    ]


def test_the_secret_is_nowhere_but_at_the_upstream(lab: Lab):
    server = lab.serve()
    client = lab.client(server)
    client.call("POST", "/api/v1/tools", tide(lab.upstream))
    client.call("POST", "/api/v1/secrets", {"name": "TIDE_KEY", "value": VALUE})
    done = execute(client, "Dover")

    told = [done, client.call("GET", "/api/v1/secrets"), client.call("GET", "/api/v1/tools/get_tide")]
    told += [client.call("GET", f"/api/v1/tools/executions/{done.json['execution_id']}")]
    assert [lab.upstream.journal[0].header("X-Tide-Key")] == [VALUE]
    assert [reply.body for reply in told if VALUE.encode() in reply.body] == []
    server.stop()
    kept = [path for path in lab.folder.rglob("*") if path.is_file()]
    assert [path.name for path in kept if VALUE.encode() in path.read_bytes()] == []
    tables = ["tools", "executions", "bodies", "events", "secrets", "refusals"]
    assert [table for table in tables if VALUE in str(lab.books.rows(f"SELECT * FROM {table}"))] == []

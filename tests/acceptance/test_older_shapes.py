"""Tools of older shapes and the replies they meet, through a real server: registered as they are, called, previewed."""

import base64
import itertools
import json
from typing import Any

import pytest

from tests.acceptance.rows.lab import Lab, sqlite_lab
from tests.support.client import Client, Reply

KEY = "desk-key-0123456789"
OPEN = {"type": "object"}
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    with sqlite_lab(tmp_path_factory.mktemp("shapes")) as lab:
        lab.serve()
        yield lab


@pytest.fixture
def client(desk: Lab) -> Client:
    desk.upstream.clear()
    return desk.client(desk.servers[0])


def definition(desk: Lab, path: str, **parts: Any) -> dict[str, Any]:
    made = {
        "name": f"openTicket{next(_numbers)}",
        "type": "http",
        "description": "Open a ticket in the desk system",
        "inputSchema": {
            "type": "object",
            "properties": {
                "title": {"type": "string", "minLength": 3},
                "severity": {"enum": ["low", "high"]},
            },
            "required": ["title"],
            "additionalProperties": False,
        },
        "outputSchema": OPEN,
        "authType": "none",
        "endpointConfig": {
            "url": desk.upstream.url + path,
            "headers": {"X-App": "crib"},
            "timeoutSeconds": 5,
        },
        "tenantScope": "tenant",
    }
    endpoint = made["endpointConfig"] | parts.pop("endpoint", {})
    return made | {"endpointConfig": endpoint} | parts


def register(client: Client, submitted: dict[str, Any]) -> dict[str, Any]:
    reply = client.call("POST", "/api/v1/tools", submitted)
    assert reply.status == 201, reply.body
    made: dict[str, Any] = reply.json
    return made


def execute(client: Client, tool: str, given: Any = None, **body: Any) -> Reply:
    return client.call(
        "POST", f"/api/v1/tools/{tool}/execute", {"input": given or {"title": "Printer"}} | body
    )


def test_a_definition_registers_and_is_returned_as_it_was_sent(desk, client):
    submitted = definition(desk, "/echo")
    made = register(client, submitted)
    for name in (submitted["name"], made["name"], made["tool_id"]):
        shown = client.call("GET", f"/api/v1/tools/{name}").json
        assert (shown["submitted"], shown["title"]) == (submitted, submitted["name"])
    assert made["name"] == submitted["name"].lower()


def test_a_post_sends_the_payload_as_json(desk, client):
    tool = register(client, definition(desk, "/echo"))["name"]
    answer = client.call("POST", f"/api/tools/{tool}/execute", {"payload": {"title": "Printer"}}).json
    assert answer["success"], answer
    (sent,) = desk.upstream.requests("/echo")
    assert (sent.method, sent.json, sent.header("X-App")) == ("POST", {"title": "Printer"}, "crib")


def test_a_get_sends_it_as_the_query(desk, client):
    tool = register(client, definition(desk, "/echo?desk=1", endpoint={"method": "GET"}))["name"]
    assert execute(client, tool).status == 200
    (sent,) = desk.upstream.requests("/echo")
    assert (sent.query, sent.body) == ({"desk": "1", "title": "Printer"}, b"")


def test_an_api_key_is_a_bearer_token_out_of_the_secret_named_after_the_tool(desk, client):
    tool = register(client, definition(desk, "/echo", name="desk-ticket.open", authType="api_key"))["name"]
    missing = execute(client, tool)
    assert (missing.status, missing.json["error"]["code"]) == (409, "SECRET_NOT_FOUND")
    assert "TOOL_DESK_TICKET_OPEN_API_KEY" in missing.json["error"]["message"]
    secret = {"name": "TOOL_DESK_TICKET_OPEN_API_KEY", "value": KEY}
    assert client.call("POST", "/api/v1/secrets", secret).status == 201
    reply = execute(client, tool)
    (sent,) = desk.upstream.requests("/echo")
    assert sent.header("Authorization") == f"Bearer {KEY}"
    assert KEY.encode() not in reply.body


def test_a_page_instead_of_json_is_kept_as_its_text(desk, client):
    tool = register(client, definition(desk, "/html"))["name"]
    assert execute(client, tool).json["output"] == {
        "raw_response": "<!doctype html><title>Sign in</title>",
        "status_code": 200,
    }


def test_an_authorization_that_nobody_can_give_sends_nothing_and_is_a_failed_execution(desk, client):
    tool = register(client, definition(desk, "/echo", authType="oauth_stub"))["name"]
    reply = execute(client, tool)
    assert (reply.status, reply.json["error"]["code"]) == (409, "AUTHORIZATION_REQUIRED")
    assert desk.upstream.journal == []
    kept = client.call("GET", f"/api/v1/tools/executions/{reply.json['execution_id']}").json
    assert (kept["status"], kept["error_code"]) == ("failed", "AUTHORIZATION_REQUIRED")


@pytest.mark.parametrize("kind", ["soap", "email", "workflow"])
def test_a_type_that_nobody_runs_is_refused(desk, client, kind):
    reply = client.call("POST", "/api/v1/tools", definition(desk, "/echo", type=kind))
    assert reply.status == 400
    assert [error["path"] for error in reply.json["error"]["details"]["errors"]] == ["/type"]


def test_an_older_row_registers_and_runs(desk, client):
    row = {
        "name": f"lookUp{next(_numbers)}",
        "endpoint": f"{desk.upstream.url}/echo",
        "auth": {"type": "none"},
    }
    made = register(client, row)
    assert execute(client, made["name"], {"anything": [1]}).json["success"]
    assert desk.upstream.requests("/echo")[0].json == {"anything": [1]}


def test_a_key_in_a_stored_row_is_never_stored(desk, client):
    row = {
        "name": "quotes",
        "type": "api",
        "url": f"{desk.upstream.url}/echo",
        "method": "GET",
        "api_key": KEY,
    }
    reply = client.call("POST", "/api/v1/tools", row)
    assert reply.status == 400
    assert KEY.encode() not in reply.body
    assert "${TOOL_QUOTES_API_KEY}" in json.dumps(reply.json)
    register(client, row | {"api_key": "${TOOL_QUOTES_API_KEY}", "api_key_header": "X-Key"})
    client.call("POST", "/api/v1/secrets", {"name": "TOOL_QUOTES_API_KEY", "value": KEY})
    assert execute(client, "quotes", {"symbol": "IBM"}).json["success"]
    (sent,) = desk.upstream.requests("/echo")
    assert (sent.header("X-Key"), sent.query) == (KEY, {"symbol": "IBM"})
    assert desk.books.rows("SELECT * FROM tools WHERE config LIKE '%" + KEY + "%'") == []


def test_a_note_instead_of_a_quote_is_the_error_that_the_tool_declares(desk, client):
    tool = {
        "name": "quote.get",
        "description": "The price of a stock",
        "input_schema": {},
        "output_schema": {"properties": {"price": {"type": "number"}}, "required": ["price"]},
        "api": {"base_url": desk.upstream.url, "path": "note"},
        "mapping": {"response_path": "Global Quote", "response_to_output": {"price": "05. price"}},
        "errors": [
            {"code": "QUOTE_LIMIT", "description": "No more quotes today.", "when": {"path": "Note"}, "http_status": 429}
        ],
    }  # fmt: skip
    register(client, tool)
    reply = client.call("POST", "/api/v1/tools/quote.get/execute", {})
    assert (reply.status, reply.json["error"]["code"]) == (429, "QUOTE_LIMIT")
    register(client, tool | {"name": "quote.fine", "api": {"base_url": desk.upstream.url, "path": "quote"}})
    assert client.call("POST", "/api/v1/tools/quote.fine/execute", {}).json["output"] == {"price": 241.5}


def test_a_dry_run_shows_the_request_without_its_secret_and_sends_nothing(desk, client):
    client.call("POST", "/api/v1/secrets", {"name": "SHIP_KEY", "value": KEY})
    register(
        client,
        {
            "name": "ship.sell",
            "description": "Sell a ship",
            "impact": {"when": {"properties": {"price": {"minimum": 1000}}, "required": ["price"]}},
            "input_schema": {"properties": {"ship": {"type": "string"}, "price": {"type": "integer"}}},
            "api": {
                "base_url": desk.upstream.url,
                "path": "echo/{ship}",
                "method": "POST",
                "auth": {"method": "basic", "username": "me", "secret_ref": "${SHIP_KEY}"},
            },
        },
    )
    dear = {"ship": "Maud", "price": 5000}
    reply = execute(client, "ship.sell", dear)
    request = reply.json["output"]["request"]
    assert (reply.status, reply.json["output"]["dry_run"], desk.upstream.journal) == (200, True, [])
    assert (request["method"], request["url"], request["body"]) == (
        "POST",
        f"{desk.upstream.url}/echo/Maud",
        {"price": 5000},
    )
    assert "[secret:SHIP_KEY]" in request["headers"]["Authorization"]
    assert KEY.encode() not in reply.body
    assert base64.b64encode(f"me:{KEY}".encode()) not in reply.body
    kept = client.call("GET", f"/api/v1/tools/executions/{reply.json['execution_id']}").json
    assert (kept["dry_run"], kept["status"]) == (True, "succeeded")
    execute(client, "ship.sell", dear | {"price": 5})
    waiting = execute(client, "ship.sell", dear, dry_run=False)
    assert (waiting.status, len(desk.upstream.journal)) == (202, 1)
    agreed = client.call("POST", f"/api/v1/approvals/{waiting.json['approval_id']}/approve")
    assert (
        agreed.json["error"]["code"] == "UPSTREAM_ERROR"
    )  # it knows no such path; that it was asked is what counts
    assert [sent.json["price"] for sent in desk.upstream.journal] == [5, 5000]

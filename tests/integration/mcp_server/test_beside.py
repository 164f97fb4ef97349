"""The MCP door in its place beside the API: timed and logged as the API is, and open to the pages that the operator names."""

import json

import pytest

from tests.integration.mcp_server.test_door import BOTH
from tests.support.door import Door
from toolcrib.api import ApiOptions, create_app
from toolcrib.contracts.provider import Success
from toolcrib.kit import logging
from toolcrib.mcp_server import McpDoor

APP = "https://app.example.com"
LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
CALL = LIST | {"method": "tools/call", "params": {"name": "a.tool", "arguments": {"word": "swordfish"}}}


@pytest.fixture
async def house(sqlite_rig):
    """`house(*origins)` is the application that lets these in."""
    doors = []

    def opened(*origins):
        doors.append(McpDoor(sqlite_rig.gateway, "1", origins))
        options = ApiOptions(cors_origins=origins)
        return Door(create_app(sqlite_rig.gateway, options, {"/mcp": doors[-1]}), sqlite_rig.owner_key)

    yield opened
    for door in doors:
        await door.stop()


async def say(door, message=LIST, **headers):
    return await door("POST", "/mcp", message, headers=BOTH | headers, stays=True)


async def test_an_answer_says_how_long_it_took_and_a_refusal_does_not(house):
    door = house()
    assert (await say(door)).headers["server-timing"].startswith("total;dur=")
    refused = await say(door.as_(""))
    assert (refused.status, "server-timing" in refused.headers) == (401, False)


async def test_a_message_is_one_line_of_the_log_without_what_was_sent(sqlite_rig, house, capsys):
    sqlite_rig.provider.answers(Success(1))
    await sqlite_rig.register("a.tool")
    door = house()
    logging.configure(json=True, level="debug")
    capsys.readouterr()
    await say(door, CALL)
    await say(door.as_("tcb_nobody"), CALL)
    printed = capsys.readouterr().err
    logging.configure(json=False)
    told = [json.loads(line) for line in printed.splitlines() if '"request"' in line]
    assert [(line["method"], line["route"], line["status"], line["actor"]) for line in told] == [
        ("POST", "/mcp", 200, "user:owner"), ("POST", "/mcp", 401, None),
    ]  # fmt: skip
    assert "swordfish" not in printed


async def test_a_page_of_a_named_origin_asks_first_and_is_then_answered(house):
    door = house(APP)
    wanted = "authorization, content-type, mcp-protocol-version, mcp-method, mcp-name"
    asked = {"origin": APP, "access-control-request-method": "POST", "access-control-request-headers": wanted}
    may = await door.as_("")("OPTIONS", "/mcp", headers=asked)
    assert (may.status, may.headers["access-control-allow-origin"]) == (200, APP)
    answer = await say(door, origin=APP)
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (200, APP)
    assert answer.json["result"]["tools"] == []
    assert "access-control-allow-credentials" not in {**may.headers, **answer.headers}


@pytest.mark.parametrize(
    "origin", ["https://evil.example", f"{APP}.evil.example", "http://app.example.com", "null", "http://["]
)
@pytest.mark.parametrize("named", [(), (APP,)], ids=["without the setting", "with another named"])
async def test_a_page_of_any_other_origin_is_refused(house, named, origin):
    door = house(*named)
    answer = await say(door, origin=origin, host="127.0.0.1:8000")
    assert (answer.status, "access-control-allow-origin" in answer.headers) == (403, False)
    preflight = {"origin": origin, "host": "127.0.0.1:8000", "access-control-request-method": "POST"}
    asked = await door.as_("")("OPTIONS", "/mcp", headers=preflight)
    assert (asked.status >= 400, "access-control-allow-origin" in asked.headers) == (True, False)


async def test_a_page_of_the_servers_own_address_is_let_in_as_before(house):
    answer = await say(house(APP), origin="http://127.0.0.1:8000", host="127.0.0.1:8000")
    assert answer.status == 200


async def test_health_and_the_api_answer_beside_it_as_before(house):
    door = house(APP)
    assert (await door.as_("")("GET", "/health")).status == 200
    assert (await door.as_("")("GET", "/api/v1/tools")).status == 401
    assert (await door.as_("")("GET", "/mcp")).status == 405
    assert (await door.as_("")("GET", "/mcp/")).status == 404

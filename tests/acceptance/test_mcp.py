"""The MCP door with the official clients of both eras: list, call, a declared error, and every way in that stays shut."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.rows.lab import Lab
from tests.support.mcp_clients import CLIENTS, talk
from tests.support.tools import marked, register, tide
from tests.support.until import until

ROOT = Path(__file__).parents[2]
OFFICES = {"TOOLCRIB_PACKS": "tests.support.offices:pack", "PYTHONPATH": f"{ROOT}:{ROOT / 'src'}"}
DECLARED = {"errors": [{"code": "NO_SUCH_PLACE", "when": {"status": 404}}]}
LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
BOTH = {"Accept": "application/json, text/event-stream"}


@pytest.fixture
def shop(lab: Lab):
    """A server with a tool that answers, one that declares an error, and one that is switched off."""
    server = lab.serve()
    client = lab.client(server)
    client.call("POST", "/api/v1/secrets", {"name": "TIDE_KEY", "value": "k-7f1d20c39ab84e55"})
    lost = marked(lab.upstream, "place.find", "/status/404") | DECLARED
    register(client, tide(lab.upstream), lost, marked(lab.upstream, "place.off", "/echo"))
    client.call("PUT", "/api/v1/tools/place.off/enablement", {"enabled": False})
    return server


@pytest.mark.parametrize("client", CLIENTS)
def test_an_official_client_lists_and_calls(shop, client: str):
    calls = [
        ("get_tide", {"harbour": "Dover"}), ("place.find", {"n": "1"}), ("get_tide", {"harbor": "Dover"}),
        ("no.tool", {}), ("place.off", {"n": "1"}),
    ]  # fmt: skip
    heard = talk(client, f"{shop.url}/mcp", shop.owner_key, calls)

    assert [tool["name"] for tool in heard.tools] == ["get_tide", "place.find"]
    assert heard.tools[0]["description"] == "Next high tide at a harbour"
    assert heard.tools[0]["inputSchema"]["required"] == ["harbour"]
    assert heard.tools[0]["annotations"]["readOnlyHint"] is True
    assert shop.url not in json.dumps(heard.tools)
    assert "8010" not in json.dumps(heard.tools)

    good, declared, bad, unknown, off = heard.answers
    assert (good["isError"], good["structuredContent"]) == (
        False,
        {"height": 6.41, "at": "2026-11-21T04:12:00Z"},
    )
    assert json.loads(good["content"][0]["text"]) == good["structuredContent"]
    assert declared["isError"] is True
    assert json.loads(declared["content"][0]["text"])["error"]["code"] == "NO_SUCH_PLACE"
    told = json.loads(bad["content"][0]["text"])["error"]
    assert (told["code"], {fault["path"] for fault in told["details"]["errors"]}) == (
        "VALIDATION_ERROR", {"/harbor", ""},
    )  # fmt: skip
    assert unknown == {"code": -32602}
    assert json.loads(off["content"][0]["text"])["error"]["code"] == "TOOL_DISABLED"

    rows = shop.client.call("GET", "/api/v1/tools/executions").json["items"]
    assert [row["error_code"] for row in rows] == ["TOOL_DISABLED", "VALIDATION_ERROR", "NO_SUCH_PLACE", None]
    assert good["_meta"]["toolcrib/execution_id"] == rows[-1]["execution_id"]


@pytest.mark.parametrize("client", CLIENTS)
def test_a_preview_is_told_in_words_and_the_caller_may_do_it_for_real(lab: Lab, client: str):
    server = lab.serve()
    wipe = marked(lab.upstream, "place.wipe", "/echo") | {"effects": "destructive"}
    output = {"type": "object", "properties": {"height": {"type": "number"}}, "required": ["height"]}
    server.client.call("POST", "/api/v1/secrets", {"name": "TIDE_KEY", "value": "k-7f1d20c39ab84e55"})
    register(
        server.client,
        wipe | {"output_schema": {"type": "object"}},
        tide(lab.upstream) | {"output_schema": output},
    )
    really, rehearse = {"toolcrib/dry_run": False}, {"toolcrib/dry_run": True}
    calls = [
        ("place.wipe", {"n": "1"}), ("place.wipe", {"n": "1"}, really), ("get_tide", {"harbour": "Dover"}, rehearse),
        ("place.wipe", {"n": "1"}, {"toolcrib/dry_run": "no"}),
    ]  # fmt: skip
    heard = talk(client, f"{server.url}/mcp", server.owner_key, calls)

    tool = heard.tools[1]
    assert tool.get("outputSchema") is None
    assert "Calls are previews that do nothing, unless sent" in tool["description"]
    shown, waits, asked, strange = heard.answers
    assert (shown["isError"], shown.get("structuredContent")) == (False, None)
    assert shown["content"][0]["text"].startswith("Nothing was done: this is a preview.")
    assert (waits["isError"], waits.get("structuredContent")) == (True, None)
    words, _, told = waits["content"][0]["text"].partition("\n")
    assert words.startswith("Nothing was done yet: a person has to agree to this call")
    approval = waits["_meta"]["toolcrib/approval_id"]
    execution = waits["_meta"]["toolcrib/execution_id"]
    assert json.loads(told) == {
        "status": "awaiting_approval",
        "approval_id": approval,
        "execution_id": execution,
    }
    assert lab.upstream.requests("/echo") == []
    assert server.client.call("POST", f"/api/v1/approvals/{approval}/approve", {}).status == 200
    assert len(lab.upstream.requests("/echo")) == 1
    assert asked["isError"] is True
    assert asked["content"][0]["text"].startswith("Nothing was done")
    assert strange == {"code": -32602}
    assert lab.upstream.requests("/v2/next") == []


@pytest.mark.parametrize("client", CLIENTS)
def test_a_call_that_a_rule_holds_is_no_answer_that_misses_the_tools_schema(lab: Lab, client: str):
    server = lab.serve()
    output = {"type": "object", "properties": {"height": {"type": "number"}}, "required": ["height"]}
    server.client.call("POST", "/api/v1/secrets", {"name": "TIDE_KEY", "value": "k-7f1d20c39ab84e55"})
    register(server.client, tide(lab.upstream) | {"output_schema": output})
    server.client.call("PUT", "/api/v1/approval-rules/tides", {"tool": "get_tide"})
    heard = talk(client, f"{server.url}/mcp", server.owner_key, [("get_tide", {"harbour": "Dover"})])

    assert heard.tools[0]["outputSchema"]["required"] == ["height"]
    [waits] = heard.answers
    assert (waits["isError"], waits.get("structuredContent")) == (True, None)
    assert waits["content"][0]["text"].startswith("Nothing was done yet")
    assert lab.upstream.requests("/v2/next") == []


def test_a_call_that_runs_is_answered_after_the_server_was_told_to_stop(lab: Lab):
    server = lab.serve()
    client = lab.client(server)
    register(client, marked(lab.upstream, "slow", "/slow", seconds="number"))
    call = {"name": "slow", "arguments": {"n": "1", "seconds": 1.0}}
    with ThreadPoolExecutor() as aside:
        waiting = aside.submit(post, server, {**LIST, "method": "tools/call", "params": call})
        until(lambda: len(lab.upstream.requests("/slow")) == 1, "the tool runs")
        server.terminate()
        answer = waiting.result()
        assert server.wait(30) == 0

    assert (answer.status, answer.json["result"]["isError"]) == (200, False)


def post(server, body=LIST, *, key=None, headers=None, raw=None):
    given = BOTH | (headers or {})
    return server.client.call(
        "POST", "/mcp", None if raw is not None else body, key=key, headers=given, raw=raw
    )


def test_lists_are_the_same_bytes_again_and_after_a_restart(shop):
    first = post(shop).body
    assert post(shop).body == first
    shop.restart()
    assert post(shop).body == first


@pytest.mark.parametrize("key", ["", "nonsense", "tcb_" + "0" * 60])
def test_without_a_valid_key_nothing_is_told(shop, key: str):
    answer = post(shop, key=key)
    assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert "get_tide" not in answer.body.decode()


def test_a_page_of_another_origin_is_turned_away(shop):
    assert post(shop, headers={"Origin": "https://evil.example"}).status == 403
    assert post(shop, headers={"Origin": shop.url}).status == 200


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
def test_there_are_no_sessions(shop, method: str):
    answer = shop.client.call(method, "/mcp", headers=BOTH)
    assert (answer.status, answer.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b'{"jsonrpc":"2.0","jsonrpc":"2.0","id":1,"method":"tools/list"}',
        b"[NaN]",
        b"[" * 100 + b"]" * 100,
    ],
    ids=["empty", "cut", "twice the same key", "NaN", "deep"],
)
def test_what_is_no_strict_json_is_refused(shop, raw: bytes):
    answer = post(shop, raw=raw)
    assert (answer.status, answer.json["error"]["code"]) == (400, -32700)


def test_a_message_that_is_too_large_is_refused(shop):
    answer = post(shop, raw=b'"' + b"x" * 4_000_001 + b'"')
    assert (answer.status, answer.json["error"]["code"]) == (400, -32600)


def test_a_bad_cursor_is_refused(shop):
    answer = post(shop, {**LIST, "params": {"cursor": "!"}})
    assert '"code":-32602' in answer.body.decode()


def test_an_agent_sees_what_it_may_call(shop):
    wanted = {"name": "clerk", "actor_type": "agent", "tools": ["place.find"]}
    key = shop.client.call("POST", "/api/v1/keys", wanted).json["key"]
    heard = talk("auto", f"{shop.url}/mcp", key, [("get_tide", {"harbour": "Dover"})])
    assert [tool["name"] for tool in heard.tools] == ["place.find"]
    assert json.loads(heard.answers[0]["content"][0]["text"])["error"]["code"] == "FORBIDDEN"


def test_a_call_obeys_the_subject_and_the_view_of_its_meta(lab_on_sqlite: Lab):
    server = lab_on_sqlite.serve(OFFICES)
    folder = {"toolcrib/subject": {"type": "folder", "id": "f-1"}, "toolcrib/view": "folder"}

    def said(method: str, meta: dict[str, Any], **params: Any) -> Any:
        return post(server, {**LIST, "method": method, "params": {**params, "_meta": meta}}).json

    def called(tool: str, given: dict[str, Any], meta: dict[str, Any]) -> Any:
        answer = said("tools/call", meta, name=tool, arguments=given)
        return answer.get("error", {}).get("code") or json.loads(answer["result"]["content"][0]["text"])

    listed = said("tools/list", folder)["result"]["tools"]
    assert [tool["name"] for tool in listed] == [
        "company_get",
        "folder_get",
        "folder_update",
        "folders_list",
        "web_search",
    ]
    assert called("company_get", {}, folder)["companyId"] == "c-1"
    assert called("company_get", {"companyId": "c-2"}, folder)["error"]["code"] == "SUBJECT_MISMATCH"
    assert called("company_update", {"companyId": "c-1"}, folder)["error"]["code"] == "FORBIDDEN"
    assert called("company_get", {"companyId": "c-2"}, {})["companyId"] == "c-2"
    for wrong in (
        {"toolcrib/view": "nope"}, {"toolcrib/view": 5}, {"toolcrib/view": ""}, {"toolcrib/subject": "folder:f-1"},
        {"toolcrib/subject": {"type": "folder"}}, {"toolcrib/subject": {"type": "folder", "id": 1}}, {"toolcrib/subject": {"type": "folder", "id": "x" * 257}},
    ):  # fmt: skip
        assert called("company_get", {"companyId": "c-1"}, wrong) == -32602, wrong
    assert said("tools/list", {"toolcrib/view": "nope"})["error"]["code"] == -32602

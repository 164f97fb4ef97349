"""The bad-input list: each gets a clear error of the design's table, a row in the ledger where it was a call, and nothing is lost."""

import gzip
import json

import pytest

from tests.security.errors import error_of, is_error
from tests.security.routes import STREAM, routes
from tests.security.stage import reply

SCHEMA = {
    "properties": {
        "city": {"type": "string", "minLength": 2},
        "days": {"type": "integer", "minimum": 1, "maximum": 7},
        "units": {"enum": ["metric", "imperial"]},
        "stops": {
            "type": "array",
            "items": {"type": "object", "required": ["at"], "properties": {"at": {"type": "string"}}},
        },
    },
    "required": ["city"],
}
LITERAL_KEYS = [
    {"auth": {"method": "bearer", "secret_ref": "sk-live-0123456789abcdef"}},
    {"auth": {"method": "api_key_header", "key_name": "X-Key", "secret_ref": "$KEY"}},
    {"auth": {"method": "api_key_query", "key_name": "k", "secret_ref": "prefix ${KEY}"}},
    {"auth": {"method": "basic", "secret_ref": "user:password"}},
    {"auth": {"method": "bearer"}},
    {"headers": {"Authorization": "Bearer sk-live-0123456789abcdef"}},
    {"headers": {"authorization": "Basic dXNlcjpwYXNzd29yZA=="}},
    {"headers": {"X-API-Key": "0123456789abcdef"}},
    {"headers": {"X-Auth-Token": "0123456789abcdef"}},
    {"headers": {"Private-Token": "0123456789abcdef"}},
    {"headers": {"X-Anything": "Bearer sk-live-0123456789abcdef"}},
    {"params": {"api_key": "0123456789abcdef"}},
    {"params": {"apikey": "0123456789abcdef"}},
    {"params": {"access_token": "0123456789abcdef"}},
    {"params": {"password": "hunter22"}},
    {"base_url": "https://user:password@example.com"},
]
UNKNOWN = [
    "no.such",
    "no%20such",
    "..",
    "%2e%2e",
    "..%2f..",
    "a%00b",
    "%ff",
    "%F0%9F%94%91",
    "x" * 5_000,
    "tool_0",
    "${X}",
    "%27%20OR%201=1--",
    "executions%2f",
    "a;b",
    "*",
    "%0d%0aX:1",
]


def failed(house, answer, code):
    """The error, after checking that the ledger holds the same end of the same call."""
    error = error_of(answer)
    assert error["code"] == code, error
    row = house.execution(answer.json["execution_id"])
    assert (row["status"], row["error_code"], row["error_message"]) == (
        answer.json["status"],
        code,
        error["message"],
    )
    assert row["finished_at"]
    return error


@pytest.mark.parametrize("name", UNKNOWN)
def test_an_unknown_tool_is_not_found_and_no_call(each_house, name):
    newest = each_house.client.call("GET", "/api/v1/tools/executions?limit=1").json["items"]

    for method, path, body in (("POST", f"/api/v1/tools/{name}/execute", b'{"input":{}}'), ("POST", f"/api/v1/tools/{name}/validate", b"{}"),
                               ("GET", f"/api/v1/tools/{name}/enablement", None), ("PUT", f"/api/v1/tools/{name}/enablement", b'{"enabled":true}')):  # fmt: skip
        answer = each_house.line.send(method, path, body)
        assert is_error(answer, "NOT_FOUND") or (answer.status, error_of(answer)["code"]) == (
            400,
            "VALIDATION_ERROR",
        ), (path, answer.body)

    assert each_house.client.call("GET", "/api/v1/tools/executions?limit=1").json["items"] == newest


def test_an_unknown_tool_is_not_found_by_the_only_code_there_is(each_house):
    assert is_error(each_house.execute("no.such"), "NOT_FOUND")
    assert is_error(each_house.client.call("GET", "/api/v1/tools/no.such"), "NOT_FOUND")


def test_a_method_or_path_that_is_none_is_answered_in_the_one_shape(house):
    known = {route.path for route in routes(house.client)} - {STREAM}
    for path in [*known, "/api/v1", "/api/v1/nothing", "/nothing", "/api", "/", "/api/v1/tools/x/y/z"]:
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PURGE"):
            place = path.replace("{", "").replace("}", "")
            answer = house.line.send(method, place, b"" if method != "GET" else None)
            assert answer.status < 500, (method, path, answer.body)
            if answer.status >= 400:
                assert set(answer.json or ()) == {"error"}, (
                    method,
                    path,
                    answer.status,
                    answer.body,
                )
                assert answer.json["error"].keys() == {"code", "message", "details", "retryable"}


def test_input_that_breaks_the_schema_is_refused_with_every_fault_at_its_place(each_house):
    tool = each_house.tool("/never-1", input_schema=SCHEMA)

    answer = each_house.execute(
        tool, {"city": "x", "days": 9, "units": "kelvin", "stops": [{"at": "a"}, {"at": 2}, {}], "more": 1}
    )

    error = failed(each_house, answer, "VALIDATION_ERROR")
    assert {fault["path"] for fault in error["details"]["errors"]} == {
        "/city",
        "/days",
        "/units",
        "/stops/1/at",
        "/stops/2",
        "/more",
    }
    assert all(fault["message"] for fault in error["details"]["errors"])
    assert each_house.stage.at("/never-1") == []


@pytest.mark.parametrize("body", [{}, {"input": []}, {"input": "x"}, {"input": {}, "payload": {}}, {"input": {}, "tool": "x"}, {"Input": {}},
                                  {"input": {}, "subject": {}}, {"input": {}, "subject": "x"}, {"input": {}, "subject": {"type": "a", "id": 1}},
                                  {"input": {}, "exception_id": 1}, {"input": {}, "exception_id": ""}, {"input": {}, "exception_id": "x" * 300},
                                  {"input": {}, "exception_id": "a\u0000b"}, {"input": {}, "subject": {"type": "a\u0000", "id": "b"}}])  # fmt: skip
def test_a_call_of_the_wrong_shape_runs_nothing(each_house, body):
    tool = each_house.tool("/never-2", input_schema=SCHEMA)

    answer = each_house.client.call("POST", f"/api/v1/tools/{tool}/execute", body)

    assert is_error(answer, "VALIDATION_ERROR"), answer.body
    assert each_house.stage.at("/never-2") == []


@pytest.mark.parametrize("api", LITERAL_KEYS, ids=str)
def test_a_literal_key_in_a_config_is_refused_and_not_quoted(house, api):
    answer = house.client.call("POST", "/api/v1/tools", house.config("/x", api=api))

    assert is_error(answer, "VALIDATION_ERROR"), answer.body
    assert all(
        word not in answer.body for word in (b"0123456789abcdef", b"hunter22", b"dXNlcjpw", b"user:password")
    )


@pytest.mark.parametrize("api", [
    {"auth": {"method": "bearer", "secret_ref": "${MISSING}"}}, {"auth": {"method": "api_key_query", "secret_ref": "${MISSING}"}},
    {"auth": {"method": "basic", "username": "u", "secret_ref": "${MISSING}"}}, {"headers": {"X-Key": "a ${MISSING}"}}, {"params": {"k": "${MISSING}"}},
])  # fmt: skip
def test_a_missing_secret_is_said_before_anything_is_sent(each_house, api):
    tool = each_house.tool("/never-3", api=api)

    error = failed(each_house, each_house.execute(tool), "SECRET_NOT_FOUND")

    assert "MISSING" in error["message"]
    assert each_house.stage.at("/never-3") == []


def test_a_deleted_secret_is_missing_from_the_next_call_on(each_house):
    name = each_house.secret("deleted-later")
    tool = each_house.tool("/deleted", api={"auth": {"method": "bearer", "secret_ref": f"${{{name}}}"}})
    assert each_house.execute(tool).status == 200

    assert each_house.client.call("DELETE", f"/api/v1/secrets/{name}").status == 204

    failed(each_house, each_house.execute(tool), "SECRET_NOT_FOUND")
    assert len(each_house.stage.at("/deleted")) == 1


def test_a_taken_name_is_a_conflict_and_changes_nothing(each_house):
    tool = each_house.tool("/taken")
    before = each_house.client.call("GET", f"/api/v1/tools/{tool}").body

    answer = each_house.client.call("POST", "/api/v1/tools", each_house.config("/other") | {"name": tool})

    assert is_error(answer, "CONFLICT")
    assert each_house.client.call("GET", f"/api/v1/tools/{tool}").body == before


def test_a_name_that_models_could_not_tell_apart_is_a_conflict(each_house):
    tool = each_house.tool("/taken")

    answer = each_house.client.call(
        "POST", "/api/v1/tools", each_house.config("/x") | {"name": tool.replace(".", "_")}
    )

    assert answer.status in {201, 409}
    listed = {item["name"] for item in each_house.client.call("GET", "/api/v1/tools?limit=200").json["tools"]}
    assert answer.status == 409 or tool.replace(".", "_") not in listed or tool != tool.replace(".", "_")


def test_a_slow_upstream_ends_at_the_tools_deadline(each_house, upstream):
    tool = each_house.tool("/hold", api={"base_url": upstream.url, "timeout": 0.3})

    answer = each_house.execute(tool)

    failed(each_house, answer, "UPSTREAM_TIMEOUT")
    assert answer.json["execution_time_ms"] < 1_300
    assert len(upstream.requests("/hold")) == 1


def test_an_upstream_that_drips_ends_at_the_tools_deadline(each_house, upstream):
    tool = each_house.tool(
        "/drip", api={"base_url": upstream.url, "timeout": 0.5, "params": {"seconds": "30", "bytes": "300"}}
    )

    answer = each_house.execute(tool)

    failed(each_house, answer, "UPSTREAM_TIMEOUT")
    assert answer.json["execution_time_ms"] < 1_500


@pytest.mark.parametrize(
    "path",
    [
        "/reset",
        "/cut",
        "/html",
        "/nan",
        "/duplicate",
        "/status/404",
        "/status/500",
        "/status/401",
        "/status/429",
    ],
)
def test_an_upstream_that_fails_is_an_upstream_error_tried_once(each_house, upstream, path):
    tool = each_house.tool(path, api={"base_url": upstream.url})

    error = failed(each_house, each_house.execute(tool), "UPSTREAM_ERROR")

    assert "sign in" not in error["message"].lower()
    assert len(upstream.requests(path)) == 1


def test_an_upstream_that_is_not_there_is_an_upstream_error(each_house):
    tool = each_house.tool("/", api={"base_url": "http://127.0.0.1:9"})

    failed(each_house, each_house.execute(tool), "UPSTREAM_ERROR")


def test_a_reply_that_is_too_deep_is_an_upstream_error(each_house, upstream):
    tool = each_house.tool("/deep", api={"base_url": upstream.url, "params": {"levels": "100000"}})

    failed(each_house, each_house.execute(tool), "UPSTREAM_ERROR")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "to",
    [
        "http://127.0.0.1:{port}/inside",
        "//127.0.0.1:{port}/inside",
        "/inside",
        "file:///etc/passwd",
        "http://[::1]:{port}/inside",
    ],
)
def test_a_redirect_is_not_followed(house, upstream, status, to):
    target = to.format(port=upstream.port)
    tool = house.tool(
        "/redirect", api={"base_url": upstream.url, "params": {"to": target, "status": str(status)}}
    )

    error = failed(house, house.execute(tool), "UPSTREAM_ERROR")

    assert target not in error["message"]
    assert [request.path for request in upstream.journal] == ["/redirect"]


def test_a_gzip_bomb_is_cut_off_and_not_kept(each_house, upstream):
    tool = each_house.tool("/gzip-bomb", api={"base_url": upstream.url, "params": {"mb": "512"}})
    each_house.forget_peak()
    before = each_house.memory()

    failed(each_house, each_house.execute(tool), "UPSTREAM_ERROR")

    assert each_house.peak() - before < 40_000_000


def test_a_bomb_in_a_bomb_is_cut_off(each_house):
    inner = gzip.compress(b" " * 50_000_000, 1)
    for encoding, body in (
        (b"gzip, gzip", gzip.compress(inner)),
        (b"gzip", gzip.compress(inner)),
        (b"x-unknown", b"{}"),
        (b"gzip", b"not gzip"),
        (b"br", b"\x00"),
    ):
        raw = reply(body, headers=(("Content-Encoding", encoding),))
        each_house.stage.answers["/bomb"] = lambda _, raw=raw: raw
        failed(each_house, each_house.execute(each_house.tool("/bomb")), "UPSTREAM_ERROR")


def test_a_reply_over_the_tools_limit_is_an_upstream_error(each_house, upstream):
    tool = each_house.tool(
        "/big", api={"base_url": upstream.url, "params": {"bytes": "200000"}, "max_reply": 100_000}
    )

    failed(each_house, each_house.execute(tool), "UPSTREAM_ERROR")


@pytest.mark.parametrize("raw", [
    b"", b"\r\n\r\n", b"HTTP/1.1\r\n\r\n", b"HTTP/9.9 200 OK\r\n\r\n{}", b"HTTP/1.1 999 x\r\nContent-Length: 2\r\n\r\n{}", b"HTTP/1.1 000 x\r\nContent-Length: 2\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}", b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}", b"SSH-2.0-x\r\n", b"\x00" * 5_000,
    b"HTTP/1.1 200 OK\r\nX: a\x00b\r\nContent-Length: 2\r\n\r\n{}", b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 5_000 + b"Content-Length: 2\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000 + b"\r\nContent-Length: 2\r\n\r\n{}", b"HTTP/1.1 101 Up\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
    b"HTTP/1.1 200 " + b"y" * 100_000 + b"\r\nContent-Length: 2\r\n\r\n{}", b"HTTP/1.1 100 Go\r\n\r\n" * 50 + b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
], ids=lambda raw: repr(raw[:40]))  # fmt: skip
def test_an_upstream_that_speaks_no_http_is_an_upstream_error_or_read(house, raw):
    house.stage.answers["/rude"] = lambda _: raw
    answer = house.execute(house.tool("/rude", api={"timeout": 0.5}))

    if answer.status != 200:
        assert error_of(answer)["code"] in {"UPSTREAM_ERROR", "UPSTREAM_TIMEOUT"}, answer.body
    assert house.execution(answer.json["execution_id"])["status"] in {"succeeded", "failed"}


def test_an_early_second_reply_answers_no_other_call(house):
    """Response splitting: what the upstream adds to one reply must not be read as the next one's."""
    smuggled = reply(b'{"whose": "first"}') + reply(b'{"whose": "smuggled"}')
    house.stage.answers["/split"] = lambda _: smuggled
    house.stage.answers["/after"] = b'{"whose": "second"}'
    first, second = house.tool("/split"), house.tool("/after")
    for _ in range(20):
        house.execute(first)
        answer = house.execute(second)
        assert answer.json["output"] in ({"whose": "second"}, None), answer.body


def test_a_cookie_of_an_upstream_is_not_sent_back(each_house, upstream):
    tool = each_house.tool("/cookie", api={"base_url": upstream.url})
    for _ in range(3):
        each_house.execute(tool)

    assert [request.header("cookie") for request in upstream.requests("/cookie")] == [None] * 3


def test_a_tool_that_calls_toolcrib_itself_is_refused_although_loopback_is_allowed(each_house):
    own = each_house.server.port
    for host in ("127.0.0.1", "127.0.0.2", "127.255.255.254"):
        answer = each_house.client.call(
            "POST", "/api/v1/tools", each_house.config("/health", api={"base_url": f"http://{host}:{own}"})
        )
        if answer.status == 201:
            answer = each_house.execute(answer.json["name"])
            failed(each_house, answer, "EGRESS_DENIED")
        assert is_error(answer, "EGRESS_DENIED"), answer.body

    assert each_house.execute(each_house.tool("/control")).status == 200


def test_every_call_is_in_the_ledger_and_nothing_else(each_house, upstream):
    tools = [
        each_house.tool(path, api={"base_url": upstream.url, "timeout": 0.3})
        for path in ("/quote", "/reset", "/html", "/nan", "/hold", "/status/500", "/cut")
    ]
    for tool in tools:
        answered = [each_house.execute(tool).json["execution_id"] for _ in range(3)]
        assert sorted(answered) == sorted(row["execution_id"] for row in each_house.executions(tool))
    assert len(upstream.journal) == len(tools) * 3


def test_an_answer_of_ours_never_shows_our_insides(each_house, upstream):
    tools = [
        each_house.tool(path, api={"base_url": upstream.url}) for path in ("/reset", "/html", "/nan", "/cut")
    ]
    shown = [each_house.execute(tool).body for tool in tools]
    shown += [
        each_house.line.send("POST", "/api/v1/tools", text).body
        for text in (b"{", b"[]", b"1", b'{"name":{}}')
    ]
    words = (
        b"Traceback",
        b"aiohttp",
        b"pydantic",
        b"jiter",
        b"site-packages",
        b".py",
        b"asyncpg",
        b"sqlite",
        b"0x7f",
        b"127.0.0.1",
    )

    assert [(word, body) for body in shown for word in words if word in body] == []


def test_json_of_our_own_is_what_it_says(each_house):
    answer = each_house.client.call("GET", "/api/v1/tools?limit=1")

    assert answer.headers["content-type"] == "application/json"
    assert json.loads(answer.body) == answer.json

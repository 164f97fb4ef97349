"""T20 to T22: arguments of a hijacked agent stay what they are: one path segment, one query value, one header, one JSON value."""

import json
import re
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

import pytest

from tests.security.errors import is_error
from tests.support.corpora import corpus

SEGMENT = re.compile(rb"(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})+")
OWN_HEADERS = {"host", "user-agent", "accept", "accept-encoding", "connection"}

HOSTILE = [
    "..", ".", "...", "../..", "../../admin", "..\\..", "%2e%2e", "%2E%2E/x", "%252e%252e", "..%2f", "..;", "..;/x", ".;", "..%00", "/", "//", "//evil",
    "/etc/passwd", "\\", "a/b", "a%2fb", "a?x=1", "a#f", "?", "#", "@evil", "evil@host", ":80", "x:80/y", "http://evil/", "a;b", "a&b=c", "a=b", "a b", " ", "+",
    "\r\nX-Evil: 1", "\nX-Evil: 1", "\rX-Evil: 1", "a\r\n\r\nGET /evil HTTP/1.1\r\nHost: x\r\n\r\n", "%0d%0aX-Evil:%201", "a\u0000b", "\u0000", "\u0085X", "\u2028",
    "\u2025", "\uff0e\uff0e", "\u2024\u2024", "\u3002\u3002", "\uff0f", "\u2215", "\u560d\u560aX-Evil: 1", "\u010d\u010aX-Evil: 1", "\u202e", "\U000e0041", "é",
    "${API_KEY}", "{{secrets.API_KEY}}", "{id}", "{{id}}", "$(id)", "`id`", "%(x)s", "%s%s%n", "{0}", "#{7*7}", "<%= 7 %>", "a" * 5_000, "🔑", "\t", "\x7f", "\x1b[2J",
    "", "null", "undefined", "NaN", "true", "-1", "0x41", "__proto__", "constructor",
]  # fmt: skip
NO_TEXT = [
    None,
    True,
    0,
    -1,
    1.5,
    1e300,
    2**63,
    [],
    ["..", "x"],
    {},
    {"a": 1},
    {"$ref": "file:///etc/passwd"},
    [[["x"]]],
]


def values() -> Iterator[str]:
    yield from HOSTILE
    folder, naughty = corpus("security"), corpus("blns.json")
    for name in (
        ("path_traversal.txt", "crlf.txt", "sql_generic_fuzz.txt", "xss_intruders.txt") if folder else ()
    ):
        yield from (folder / name).read_text("utf-8").splitlines()
    yield from json.loads(naughty.read_text("utf-8")) if naughty else ()


def calling(house):
    """Calls a tool, and says how it ended and what the upstream heard of it."""

    def call(tool, given):
        before = len(house.stage.heard)
        reply = house.line.send(
            "POST", f"/api/v1/tools/{tool}/execute", json.dumps({"input": given}).encode()
        )
        return reply, house.stage.heard[before:]

    return call


@pytest.fixture
def call(house):
    return calling(house)


def test_a_path_argument_is_one_segment_of_the_declared_path_or_refused(house, call):
    tool = house.tool("/args/{v}/profile")
    arrived = 0
    for value in values():
        reply, heard = call(tool, {"v": value})
        if reply.status != 200:
            assert is_error(reply, "VALIDATION_ERROR"), (value, reply.body[:300])
            assert heard == [], value
            continue
        arrived += 1
        (request,) = heard
        before, segment, after = request.target.split(b"/")[1:]
        assert (before, after) == (b"args", b"profile"), (value, request.target)
        assert SEGMENT.fullmatch(segment), (value, segment)
        assert unquote_to_bytes(segment) == value.encode(), (value, segment)
        assert not re.fullmatch(rb"\.{1,2}(;.*)?", unquote_to_bytes(segment)), value
        assert_clean(request)

    assert arrived > 20


def test_no_dot_segment_ever_leaves(house, call):
    tool = house.tool("/args/{a}{b}/end/{c}")
    for a, b, c in [
        (".", ".", "x"),
        ("..", ";", "x"),
        ("%2e", "%2e", "x"),
        (".", "%2e", "x"),
        ("x", "y", ".."),
        ("x", "y", "."),
        ("x", "y", "..;z"),
        ("\\", "..", "\\x"),
    ]:
        reply, heard = call(tool, {"a": a, "b": b, "c": c})
        assert is_error(reply, "VALIDATION_ERROR") or b".." not in unquote_to_bytes(heard[0].target), (
            a,
            b,
            c,
        )
        assert reply.status == 200 or heard == [], (a, b, c)


def test_a_query_argument_is_one_value(house, call):
    tool = house.tool("/args-query", api={"params": {"fixed": "1"}}, mapping={"input_to_params": {"v": "q"}})
    for value in values():
        reply, heard = call(tool, {"v": value})
        if reply.status != 200:
            assert is_error(reply, "VALIDATION_ERROR"), (value, reply.body[:300])
            assert heard == [], value
            continue
        assert heard[0].path == b"/args-query"
        assert sorted(heard[0].query) == [("fixed", "1"), ("q", value)], value
        assert_clean(heard[0])


def test_a_header_argument_makes_no_other_header(house, call):
    tool = house.tool("/args-header", mapping={"input_to_headers": {"v": "X-Given"}})
    for value in values():
        reply, heard = call(tool, {"v": value})
        if reply.status != 200:
            assert is_error(reply, "VALIDATION_ERROR"), (value, reply.body[:300])
            assert heard == [], value
            continue
        (request,) = heard
        assert {name for name, _ in request.headers} <= OWN_HEADERS | {"x-given"}, value
        assert request.header("x-given") == value.strip(" \t").encode(), value
        assert_clean(request)


def test_a_body_argument_is_one_json_value(each_house):
    call = calling(each_house)
    tool = each_house.tool("/args-body", api={"method": "POST"}, mapping={"input_to_body": {"v": "/deep/v"}})
    for value in [*HOSTILE, *NO_TEXT, *list(values())[len(HOSTILE) :: 4]]:
        reply, heard = call(tool, {"v": value})
        assert reply.status == 200, (value, reply.body[:300])
        assert json.loads(heard[0].body) == {"deep": {"v": value}}, value
        assert_clean(heard[0], "content-type", "content-length")


def test_a_value_that_is_no_text_makes_no_path(house, call):
    tool = house.tool("/args/{v}/profile")
    for value in NO_TEXT:
        reply, heard = call(tool, {"v": value})
        assert reply.status == 200 or is_error(reply, "VALIDATION_ERROR"), (value, reply.body[:300])
        assert all(re.fullmatch(rb"/args/[A-Za-z0-9.%+-]+/profile", request.target) for request in heard), (
            value
        )


@pytest.mark.parametrize(
    "name",
    [
        "base_url",
        "headers",
        "auth",
        "url",
        "host",
        "path",
        "method",
        "timeout",
        "api",
        "__proto__",
        "${API_KEY}",
        "v\r\nX-Evil: 1",
    ],
)
def test_an_argument_that_is_not_declared_is_refused(house, call, name):
    schema = {
        "properties": {
            "v": {"type": "string"},
            "inner": {"type": "object", "properties": {}, "additionalProperties": False},
        }
    }
    tool = house.tool("/closed", input_schema=schema)
    for given in (
        {"v": "x", name: "http://evil"},
        {"v": "x", name: {"X-Evil": "1"}},
        {"v": "x", "inner": {name: 1}},
    ):
        reply, heard = call(tool, given)
        assert is_error(reply, "VALIDATION_ERROR"), reply.body[:300]
        assert heard == []


@pytest.mark.parametrize("name", ["key", "Key", "fixed", "a&key", "key[]", "k%65y"])
def test_an_open_schema_lets_no_argument_take_the_place_of_the_credential(house, call, name):
    house.secret("the-true-key-1", "TRUE_KEY")
    auth = {"method": "api_key_query", "key_name": "key", "secret_ref": "${TRUE_KEY}"}
    tool = house.tool("/open", api={"params": {"fixed": "1"}, "auth": auth})

    reply, heard = call(tool, {name: "forged"})

    assert is_error(reply, "VALIDATION_ERROR") or heard[0].query.count(("key", "the-true-key-1")) == 1
    assert all(
        ("key", "forged") not in request.query and ("fixed", "forged") not in request.query
        for request in heard
    )


@pytest.mark.parametrize(
    "text",
    [
        "${API_KEY}",
        "{{secrets.API_KEY}}",
        "$(id)",
        "%{API_KEY}",
        "$API_KEY",
        "[secret:API_KEY]",
        "${jndi:ldap://x}",
    ],
)
def test_what_looks_like_a_reference_is_only_text(house, call, text):
    house.secret("the-real-value-of-it", "API_KEY")
    auth = {"method": "bearer", "secret_ref": "${API_KEY}"}
    mapping = {"input_to_params": {"q": "q"}, "input_to_headers": {"h": "X-Given"}}
    schema = {"properties": {name: {"type": "string"} for name in "pqh"}}
    tool = house.tool("/literal/{p}", api={"auth": auth}, mapping=mapping, input_schema=schema)

    reply, heard = call(tool, {"p": text, "q": text, "h": text})

    assert reply.status == 200, reply.body
    (request,) = heard
    assert unquote_to_bytes(request.path) == b"/literal/" + text.encode()
    assert request.query == [("q", text)]
    assert request.header("x-given") == text.encode()
    assert request.header("authorization") == b"Bearer the-real-value-of-it"


@pytest.mark.parametrize(
    "path",
    [
        "/..",
        "/a/../b",
        "/%2e%2e/x",
        "/a/..;/b",
        "/a\\..\\b",
        "/a?x=1",
        "/a#b",
        "/a\r\nX-Evil: 1",
        "/{a",
        "/a}",
        "/${API_KEY}",
        "/{none}",
    ],
)
def test_a_path_that_leads_elsewhere_is_not_registered(house, path):
    schema = {"properties": {"v": {"type": "string"}}}
    reply = house.client.call("POST", "/api/v1/tools", house.config(path, input_schema=schema))

    assert is_error(reply, "VALIDATION_ERROR"), reply.body


@pytest.mark.parametrize("name", ["Host", "host", "Authorization\r\nX-Evil", "Transfer-Encoding", "Content-Length", "Cookie", "Connection", "Upgrade", "TE", "Trailer",
                                  "Expect", "Proxy-Authorization", "Accept-Encoding", "X Y", "", "X:Y", "é", "Set-Cookie", "Keep-Alive"])  # fmt: skip
def test_a_header_that_frames_the_message_is_not_a_tools_to_set(house, name):
    fixed = house.config("/x", api={"headers": {name: "1"}})
    mapped = house.config("/x", mapping={"input_to_headers": {"v": name}})
    for config in (fixed, mapped):
        reply = house.client.call("POST", "/api/v1/tools", config)
        assert is_error(reply, "VALIDATION_ERROR"), reply.body


def assert_clean(request, *more):
    """The head has no line that the house did not mean to send."""
    lines = request.head.split(b"\r\n")
    assert not any(b"\r" in line or b"\n" in line or b"\x00" in line for line in lines), request.head
    assert {name for name, _ in request.headers} <= OWN_HEADERS | {"x-given", *more}, request.head
    assert b"evil" not in b"".join(name.encode() for name, _ in request.headers).lower()

"""What answers tell browsers, and what pages, hosts and paths that pretend get: T48 and T49, over real sockets."""

import http.client
import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.support.ports import LOOPBACK
from tests.support.server import Server, start_server

APP, EVIL = "https://app.example", "https://evil.example"
KEYS, TOOLS = "/api/v1/keys", "/api/v1/tools"
EVERY = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
}
OF_DATA = EVERY | {
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cache-control": "no-store",
}
LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
TOOL = {"name": "a.b", "description": "A stand-in.", "input_schema": {}, "kind": "dummy"}
MCP = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}


@dataclass(frozen=True)
class Answer:
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]

    def names(self) -> list[str]:
        return [name for name, _ in self.headers]


@dataclass(frozen=True)
class Wire:
    """Sends exactly what is given, and reads the one answer."""

    server: Server
    agent: str

    def raw(self, text: str) -> Answer:
        with socket.create_connection((LOOPBACK, self.server.port), timeout=30) as wire:
            wire.sendall(text.encode("latin-1"))
            answer = http.client.HTTPResponse(wire)
            answer.begin()
            headers = tuple((name.lower(), value) for name, value in answer.getheaders())
            return Answer(answer.status, headers, answer.read())

    def ask(
        self,
        target: str,
        method: str = "GET",
        *,
        key: str = "",
        body: str = "",
        host: str | None = "crib",
        **more: str,
    ) -> Answer:
        """`host=None` sends none; names in `more` are written with `_` for `-`."""
        lines = [f"{method} {target} HTTP/1.1", f"Content-Length: {len(body)}", "Connection: close"]
        lines += [f"Host: {host}"] if host is not None else []
        lines += [f"Authorization: Bearer {key}"] if key else []
        given = {"Content-Type": "application/json"} | {
            name.replace("_", "-"): value for name, value in more.items()
        }
        lines += [f"{name}: {value}" for name, value in given.items()]
        return self.raw("\r\n".join([*lines, "", body]))

    @property
    def owner(self) -> str:
        return self.server.owner_key


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    env = {"TOOLCRIB_CORS_ORIGINS": APP}
    with start_server(tmp_path_factory.mktemp("browsers") / "data", env) as server:
        client = server.client
        client.call("POST", TOOLS, TOOL)
        agent = client.call("POST", KEYS, {"name": "clerk", "actor_type": "agent"}).json["key"]
        yield Wire(server, agent)


def everything(wire: Wire) -> dict[str, Answer]:
    """One answer of each kind that leaves the server, but for the page's."""
    owner, run = wire.owner, f"{TOOLS}/a.b/execute"
    mcp = {"Accept": MCP["Accept"]}
    return {
        "a list": wire.ask(TOOLS, key=owner),
        "a call": wire.ask(run, "POST", key=owner, body='{"input": {}}'),
        "a call under the older prefix": wire.ask("/api/tools/a.b/execute", "POST", key=owner, body="{}"),
        "a registration": wire.ask(TOOLS, "POST", key=owner, body=json.dumps(TOOL | {"name": "c.d"})),
        "nobody": wire.ask(TOOLS), "a call by nobody": wire.ask(run, "POST"), "a foreign method": wire.ask(run, "GET", key=owner),
        "no JSON": wire.ask(run, "POST", key=owner, body="{"), "no such tool": wire.ask(f"{TOOLS}/no.such", key=owner),
        "no such route": wire.ask("/no/such", key=owner), "no such file": wire.ask("/docs/no.such"),
        "health": wire.ask("/health"), "health of the API": wire.ask("/api/v1/health"), "ready": wire.ask("/health/ready"),
        "the description": wire.ask("/openapi.json"), "the root": wire.ask("/"),
        "the events as JSON": wire.ask("/api/v1/audit", key=owner),
        "a preflight": wire.ask(TOOLS, "OPTIONS", Origin=APP, Access_Control_Request_Method="POST"),
        "a foreign preflight": wire.ask(TOOLS, "OPTIONS", Origin=EVIL, Access_Control_Request_Method="POST"),
        "a page's request": wire.ask(TOOLS, key=owner, Origin=APP),
        "mcp": wire.ask("/mcp", "POST", key=owner, body=json.dumps(LIST), **mcp), "mcp by nobody": wire.ask("/mcp", "POST", body="{}"),
        "mcp by GET": wire.ask("/mcp", key=owner), "mcp from elsewhere": wire.ask("/mcp", "POST", key=owner, Origin=EVIL),
        "no HTTP": wire.raw("nonsense\r\n\r\n"), "a large head": wire.raw(f"GET / HTTP/1.1\r\nHost: x\r\nX: {'x' * 70_000}\r\n\r\n"),
    }  # fmt: skip


def test_every_answer_tells_browsers_the_same_once_and_sets_no_cookie(wire):
    answers = everything(wire)
    for what, answer in [*answers.items(), *everything(wire).items()]:
        assert {name: answer.all(name) for name in OF_DATA} == {
            name: [one] for name, one in OF_DATA.items()
        }, what
        assert not {"set-cookie", "server", "strict-transport-security"} & {*answer.names()}, what
    assert {one.status for one in answers.values()} >= {200, 201, 307, 400, 401, 403, 404, 405, 431}


@pytest.mark.parametrize(
    ("path", "kept"),
    [("/docs", "no-store"), ("/docs/start.js", "no-store"), ("/docs/swagger-ui.css", "max-age=3600"),
     ("/docs/swagger-ui-bundle.js", "max-age=3600"), ("/docs/favicon-32x32.png", "max-age=3600")],
)  # fmt: skip
def test_the_page_may_load_its_own_files_and_nothing_else(wire, path, kept):
    answer = wire.ask(path)
    [policy] = answer.all("content-security-policy")
    assert answer.status == 200
    assert {name: answer.all(name) for name in EVERY} == {name: [value] for name, value in EVERY.items()}
    assert (answer.all("cache-control"), answer.all("cross-origin-opener-policy")) == (
        [kept],
        ["same-origin"],
    )
    assert policy.startswith("default-src 'self'; ")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy


# T48: what a request says of its host, its method and its path beside the line that counts.
HOSTS = [
    "x/?",
    "x/#",
    "x/api/v1/health?",
    "evil@127.0.0.1",
    "127.0.0.1:80@evil.example",
    "",
    "[::1]",
    "x\\y",
    "xn--e1afmkfd",
    "a" * 2_000,
]
BESIDE = [
    {"X_Forwarded_Host": "evil.example"}, {"X_Forwarded_Prefix": "/api/v1/health"}, {"X_Original_URL": "/health"},
    {"X_Rewrite_URL": "/health"}, {"X_HTTP_Method_Override": "DELETE"}, {"X_HTTP_Method": "DELETE"}, {"X_Method_Override": "DELETE"},
    {"X_Forwarded_For": "127.0.0.1"}, {"Forwarded": "for=127.0.0.1;host=evil.example"}, {"X_Forwarded_User": "owner"},
    {"X_Real_IP": "127.0.0.1"}, {"X_Forwarded_Proto": "https"}, {"Cookie": "session=owner"},
]  # fmt: skip
ABSOLUTE = ["http://evil.example", "https://u@evil.example:1", "HTTP://crib", "http://x:y@evil.example"]
ELSEWHERE = [
    "/api/v1%2fkeys", "/api/v1/tools%2f..%2fkeys", "/api/v1/tools/x%2f..%2f..%2fkeys", "/api/v1/tools/../keys", "/api/v1/./keys",
    "//api/v1/keys", "/api//v1/keys", "/API/V1/KEYS", "/api/v1/keys/", "/api/v1/keys;x", "/api/v1/keys%00", "/api/v1/keys%20",
    "/health/../api/v1/keys", "/health%2f..%2fapi%2fv1%2fkeys", "/api/v1/keys%3f", "/api/v1/keys%23", "/docs/..%2fapi%2fv1%2fkeys",
    "/@evil.example/api/v1/keys", "/%2e%2e/api/v1/keys", "/api/api/v1/keys", "/api/v1/api/v1/keys",
]  # fmt: skip


def told(answer: Answer) -> tuple[int, bytes]:
    return answer.status, answer.body


@pytest.mark.parametrize("caller", ["owner", "agent", "nobody"])
def test_what_is_said_beside_the_request_line_decides_nothing(wire, caller):
    key = {"owner": wire.owner, "agent": wire.agent, "nobody": ""}[caller]
    plain = told(wire.ask(KEYS, key=key))
    assert plain[0] == {"owner": 200, "agent": 403, "nobody": 401}[caller]
    for host in HOSTS:
        assert told(wire.ask(KEYS, key=key, host=host)) == plain, host
    for more in BESIDE:
        assert told(wire.ask(KEYS, key=key, **more)) == plain, more
    for root in ABSOLUTE:
        assert told(wire.ask(root + KEYS, key=key)) == plain, root


def test_no_header_and_no_parameter_makes_a_delete_of_a_read(wire):
    for more in BESIDE:
        assert wire.ask(f"{TOOLS}/a.b?_method=DELETE", key=wire.owner, **more).status in (200, 400)
        assert wire.ask(f"{TOOLS}/a.b/execute", "POST", key=wire.owner, body="{}", **more).status == 200
    assert wire.ask(f"{TOOLS}/a.b", key=wire.owner).status == 200


@pytest.mark.parametrize("path", ELSEWHERE)
def test_another_spelling_of_a_path_finds_no_more_than_the_plain_one(wire, path):
    """It is read as the plain path, and then decided as that, or it is another path where nothing is."""
    for key in (wire.owner, wire.agent, ""):
        plain, answer = wire.ask(KEYS, key=key), wire.ask(path, key=key)
        nothing = answer.status in (400, 404) or (not key and answer.status == 401)
        assert nothing or told(answer) == told(plain), answer


# T49: a page of another origin, in the browser of somebody who has a key.
def test_a_page_of_another_origin_has_nobodys_rights(wire):
    run, body = f"{TOOLS}/a.b/execute", '{"input": {}}'
    before = wire.ask(f"{TOOLS}/executions", key=wire.owner).body
    for path in (run, TOOLS, KEYS, "/api/v1/secrets", "/mcp"):
        for kind in (
            "application/json",
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data",
        ):
            for more in ({}, {"Cookie": f"key={wire.owner}; Authorization=Bearer {wire.owner}"}):
                answer = wire.ask(path, "POST", body=body, Origin=EVIL, Content_Type=kind, **more)
                assert answer.status == (403 if path == "/mcp" else 401), (path, kind)
                assert not [name for name in answer.names() if name.startswith("access-control-allow")], path
        asked = wire.ask(
            path,
            "OPTIONS",
            Origin=EVIL,
            Access_Control_Request_Method="POST",
            Access_Control_Request_Headers="authorization",
        )
        assert (asked.status, asked.all("access-control-allow-origin")) == (400, [])
        allowed = wire.ask(
            path,
            "OPTIONS",
            Origin=APP,
            Access_Control_Request_Method="POST",
            Access_Control_Request_Headers="authorization",
        )
        assert (allowed.status, allowed.all("access-control-allow-origin")) == (200, [APP])
        assert allowed.all("access-control-allow-credentials") == []
    assert wire.ask(f"{TOOLS}/executions", key=wire.owner).body == before


@pytest.mark.parametrize(
    ("origin", "host", "key", "status"),
    [
        (EVIL, "crib", True, 403), ("null", "crib", True, 403), ("http://127.0.0.1.evil.example", "127.0.0.1", True, 403),
        (f"{APP}.evil.example", "crib", True, 403), ("http://[", "crib", True, 403), ("http://evil.example", "evil.example", False, 401),
        (APP, "crib", True, 200), (APP, "crib", False, 401), ("http://crib", "crib", True, 200), (None, "crib", True, 200),
    ],
)  # fmt: skip
def test_mcp_asks_a_page_where_it_comes_from_and_everybody_for_a_key(wire, origin, host, key, status):
    """The sixth is a name that was bound anew to this server: the page comes as its own, and still has no key."""
    more = {"Accept": MCP["Accept"]} | ({"Origin": origin} if origin else {})
    answer = wire.ask("/mcp", "POST", key=wire.owner if key else "", body=json.dumps(LIST), host=host, **more)
    assert answer.status == status, answer.body

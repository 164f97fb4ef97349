"""Every door through which a URL comes into the product, or sends it to one that it keeps: one line each.

A route that takes a URL and is in no table fails `test_entries.py`. `toolcrib apply` and the shell go through these doors.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal, Protocol
from urllib.parse import parse_qsl

from tests.support.client import Reply
from tests.support.until import until

KEPT, KEPT_SAVED = "case.kept", "case.kept_saved"
SECONDS = 20
_EXECUTE, _VALIDATE = "/api/v1/tools/{tool}/execute", "/api/v1/tools/{tool}/validate"
_APPROVE = "/api/v1/approvals/{approval}/approve"
BOTH = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}


class Ask(Protocol):
    """One request to the server, as whoever is at hand."""

    def __call__(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Reply: ...


@dataclass(frozen=True)
class Ended:
    """What came of one request; `outcome` is one word for it."""

    status: int
    outcome: str
    error: Mapping[str, Any] | None
    execution_id: str | None
    body: bytes


@dataclass(frozen=True)
class Target:
    """A URL, and the name that a tool gets which is to call it. `well_formed` ones have a query to be cut off."""

    name: str
    url: str
    well_formed: bool


@dataclass(frozen=True)
class Save:
    """A route that keeps a URL, and the place in its body where that stands."""

    name: str
    route: str
    place: str
    document: Callable[[Target], dict[str, Any]]
    stores: bool = True

    def send(self, ask: Ask, target: Target) -> Ended:
        """Offer it."""
        method, path = self.route.split()
        reply = ask(method, path + ("" if self.stores else "?dry_run=true"), self.document(target))
        return _read(reply, "saved")

    def tool(self, target: Target) -> str:
        """The name under which it is kept."""
        return str(self.document(target)["name"])


@dataclass(frozen=True)
class Use:
    """A way to a tool that is there already. A `test` sends nothing; a `fetch` has the URL as an argument, or at a `place`
    of its body.
    """

    name: str
    route: str
    kind: Literal["test", "call", "fetch"]
    send: Callable[[Ask, str, dict[str, Any]], Ended]
    place: str = ""


def own(target: Target) -> dict[str, Any]:
    """Our own shape."""
    base, query = target.url, ""
    if target.well_formed:
        base, _, query = base.partition("?")
    api = {"base_url": base, "path": "/", "params": dict(parse_qsl(query)), "timeout": SECONDS}
    return {"name": target.name, "description": "d", "input_schema": {}, "api": api}


def _definition(target: Target) -> dict[str, Any]:
    endpoint = {"url": target.url, "method": "GET", "timeoutSeconds": SECONDS}
    shape = {"name": target.name, "type": "http", "description": "d", "authType": "none"}
    return shape | {"inputSchema": {}, "outputSchema": {}, "endpointConfig": endpoint}


def _webhook(target: Target) -> dict[str, Any]:
    shape = _definition(target)
    return shape | {"type": "webhook", "endpointConfig": shape["endpointConfig"] | {"method": "POST"}}


def _row(target: Target) -> dict[str, Any]:
    return {"name": target.name, "endpoint": target.url, "method": "GET"}


def _api_row(target: Target) -> dict[str, Any]:
    return {"name": target.name, "url": target.url, "type": "api", "method": "GET"}


def _named(name: str) -> Callable[[Target], dict[str, Any]]:
    return lambda target: own(target) | {"name": name}


def _rest(path: str, body: Mapping[str, Any]) -> Callable[[Ask, str, dict[str, Any]], Ended]:
    return lambda ask, tool, given: _read(
        ask("POST", path.replace("{tool}", tool), {**body, "input": given}), "200"
    )


def _later(ask: Ask, tool: str, given: dict[str, Any]) -> Ended:
    """Without waiting for it, and the result when it is there."""
    headers = {"Content-Type": "application/json", "Prefer": "respond-async"}
    reply = ask("POST", _EXECUTE.replace("{tool}", tool), {"input": given}, headers)
    if reply.json["status"] != "running":
        return _read(reply, "200")
    place = f"/api/v1/tools/executions/{reply.json['execution_id']}/result"
    return _read(until(lambda: _ended(ask("GET", place)), "the end of a call"), "200")


def _ended(reply: Reply) -> Reply | None:
    return None if reply.json["status"] == "running" else reply


def _mcp(meta: Mapping[str, Any] | None = None) -> Callable[[Ask, str, dict[str, Any]], Ended]:
    def send(ask: Ask, tool: str, given: dict[str, Any]) -> Ended:
        params = {"name": tool, "arguments": given} | ({"_meta": meta} if meta else {})
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        return _read_mcp(ask("POST", "/mcp", message, BOTH))

    return send


SAVES = (
    Save("save", "POST /api/v1/tools", "/api/base_url", own),
    Save("save, as a rehearsal", "POST /api/v1/tools", "/api/base_url", own, stores=False),
    Save("save as a definition", "POST /api/v1/tools", "/endpointConfig/url", _definition),
    Save("save as a webhook", "POST /api/v1/tools", "/endpointConfig/url", _webhook),
    Save("save as a row", "POST /api/v1/tools", "/endpoint", _row),
    Save("save as a row of the type api", "POST /api/v1/tools", "/url", _api_row),
    Save("save among the saved", "POST /api/v1/tools/saved", "/api/base_url", own),
    Save("change", f"PUT /api/v1/tools/{KEPT}", "/api/base_url", _named(KEPT)),
    Save("change among the saved", f"PUT /api/v1/tools/saved/{KEPT_SAVED}", "/api/base_url", _named(KEPT_SAVED)),
)  # fmt: skip


def _approved(ask: Ask, tool: str, given: dict[str, Any]) -> Ended:
    """By a person who agreed to it, as a rule of the workspace wants."""
    rule = f"/api/v1/approval-rules/of.{tool}"
    assert ask("PUT", rule, {"tool": tool}).status == HTTPStatus.OK
    reply = ask("POST", _EXECUTE.replace("{tool}", tool), {"input": given})
    if reply.status == HTTPStatus.ACCEPTED:
        reply = ask("POST", _APPROVE.replace("{approval}", reply.json["approval_id"]), {})
    assert ask("DELETE", rule).status == HTTPStatus.NO_CONTENT
    return _read(reply, "200")


USES = (
    Use("validate", f"POST {_VALIDATE}", "test", _rest(_VALIDATE, {})),
    Use("dry run", f"POST {_EXECUTE}", "test", _rest(_EXECUTE, {"dry_run": True})),
    Use("dry run through MCP", "POST /mcp", "test", _mcp({"toolcrib/dry_run": True})),
    Use("execute", f"POST {_EXECUTE}", "call", _rest(_EXECUTE, {})),
    Use("execute without waiting", f"POST {_EXECUTE}", "call", _later),
    Use("execute through MCP", "POST /mcp", "call", _mcp()),
    Use("approve", f"POST {_APPROVE}", "call", _approved),
    Use("fetch of a pack", f"POST {_EXECUTE}", "fetch", _rest(_EXECUTE, {})),
    Use("fetch of a pack through MCP", "POST /mcp", "fetch", _mcp()),
)
SAVE, REHEARSAL = SAVES[:2]
CALLS = tuple(one for one in USES if one.kind != "fetch")
FETCHES = tuple(one for one in USES if one.kind == "fetch")
FETCH, JOIN, PAGES = "lab.fetch", "lab.join", "lab.pages"

JWKS = "driven by issuers.py, at the start and with a token"


def _read(reply: Reply, good: str) -> Ended:
    told = reply.json if isinstance(reply.json, dict) else {}
    error = told.get("error")
    outcome = _word(error) if error else good if 200 <= reply.status < 300 else str(reply.status)
    return Ended(reply.status, outcome, error, told.get("execution_id"), reply.body)


def _read_mcp(reply: Reply) -> Ended:
    result = (reply.json or {}).get("result", {})
    execution = result.get("_meta", {}).get("toolcrib/execution_id")
    if "content" not in result:
        return Ended(reply.status, f"no answer: {reply.body[:200]!r}", None, execution, reply.body)
    text = result["content"][0]["text"]
    error = json.loads(text).get("error") if result.get("isError") and text.startswith("{") else None
    return Ended(reply.status, _word(error) if error else "200", error, execution, reply.body)


def _word(error: Mapping[str, Any]) -> str:
    words = {"EGRESS_DENIED": "denied", "VALIDATION_ERROR": "invalid"}
    if error["code"] == "UPSTREAM_ERROR":
        return str(error["details"].get("reason", "upstream"))
    return words.get(error["code"], str(error["code"]).lower())

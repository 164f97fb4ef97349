"""The door beside the API: what MCP clients of A are told of B's tools."""

from collections.abc import Mapping
from typing import Any

from .isolation import Isolation
from .twins import told
from .wire import Party, Reply
from .workspace import NAMES, WORKSPACE

PATH = "/mcp"
ROUTE = f"POST {PATH}"
_ACCEPT = {"Accept": "application/json, text/event-stream"}


def mcp(isolation: Isolation) -> None:
    """The list holds nothing of B, and a call under a name of B is a call under a name of nobody; so is B in the header."""
    own, nobodys = isolation.theirs.own, isolation.nobodys
    for party in isolation.parties:
        isolation.look(ROUTE, party, "tools/list", _ask(party, "tools/list", {}))
        for kind in NAMES:
            one, other = (_call(party, names[kind]) for names in (own, nobodys))
            _compare(isolation, party, kind, one, other)
        for kind in ("workspace", "workspace_name"):
            named = ({WORKSPACE: names[kind]} for names in (own, nobodys))
            one, other = (_ask(party, "tools/list", {}, header) for header in named)
            _compare(isolation, party, kind, one, other)
    owner = isolation.theirs.owner
    if not isolation.tells(_ask(owner, "tools/list", {})):
        isolation.leak(ROUTE, owner, "tools/list", "control: B is not shown its own tools")


def _compare(isolation: Isolation, party: Party, kind: str, one: Reply, other: Reply) -> None:
    sent, unsent = (isolation.theirs.own[kind],), (isolation.nobodys[kind],)
    if told(one, sent) != told(other, unsent):
        isolation.leak(ROUTE, party, f"a {kind} of B", f"{one.body[:200]!r} is not {other.body[:200]!r}")
    isolation.look(ROUTE, party, f"a {kind} of B", one, sent)


def _call(party: Party, name: str) -> Reply:
    return _ask(party, "tools/call", {"name": name, "arguments": {}})


def _ask(party: Party, method: str, params: dict[str, Any], more: Mapping[str, str] | None = None) -> Reply:
    message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    return party.ask("POST", PATH, message, _ACCEPT | dict(more or {}))

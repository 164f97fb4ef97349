"""The door beside the API: what MCP clients of A are told of B's tools."""

from typing import Any

from .isolation import Isolation
from .twins import told
from .wire import Party, Reply
from .workspace import NAMES

ROUTE = "/mcp"
_ACCEPT = {"Accept": "application/json, text/event-stream"}


def mcp(isolation: Isolation) -> None:
    """The list holds nothing of B, and a call under a name of B is a call under a name of nobody."""
    for party in isolation.parties:
        isolation.look(f"POST {ROUTE}", party, "tools/list", _ask(party, "tools/list", {}))
        for kind in NAMES:
            name, unknown = isolation.theirs.own[kind], isolation.nobodys[kind]
            one, other = _call(party, name), _call(party, unknown)
            if told(one, (name,)) != told(other, (unknown,)):
                isolation.leak(f"POST {ROUTE}", party, f"tools/call of a {kind}", f"{one.body[:200]!r}")
            isolation.look(f"POST {ROUTE}", party, f"tools/call of a {kind}", one, (name,))
    theirs = isolation.theirs
    if not isolation.tells(_ask(theirs.owner, "tools/list", {})):
        isolation.leak(f"POST {ROUTE}", theirs.owner, "tools/list", "control: B is not shown its own tools")


def _call(party: Party, name: str) -> Reply:
    return _ask(party, "tools/call", {"name": name, "arguments": {}})


def _ask(party: Party, method: str, params: dict[str, Any]) -> Reply:
    message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    return party.ask("POST", ROUTE, message, _ACCEPT)

"""Who tries each action of `roles.toml`, on what, and what may come of it."""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from assay.matrix import Entry, matrix
from assay.wire import Party, Reply
from assay.workspace import API, WORKSPACE, Unfurnished, Workspace, held, risky

FORBIDDEN, NOBODY = 403, "nobody"
CODES = {400: "VALIDATION_ERROR", 401: "UNAUTHORIZED", 403: "FORBIDDEN", 404: "NOT_FOUND"}
_TYPES = {"user": ("owner", "admin", "member", "viewer"), "service": ("owner", "admin", "member", "viewer")}


@dataclass(frozen=True)
class Action:
    """One row of the table."""

    name: str
    entry: Entry
    may: frozenset[str]
    on: str = ""
    otherwise: int = FORBIDDEN
    never: str = ""
    query: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name

    def allows(self, column: str, party: Party) -> bool:
        return column in self.may and not (self.never and party.name.startswith(self.never))


def actions() -> list[Action]:
    table = tomllib.loads(Path(__file__).with_name("roles.toml").read_text("utf-8"))
    entries = {str(entry): entry for entry in matrix()}
    return [_action(name, row, table["groups"], entries) for name, row in table["actions"].items()]


def _action(
    name: str, row: dict[str, Any], groups: Mapping[str, list[str]], entries: Mapping[str, Entry]
) -> Action:
    entry = entries[row["route"]]
    if "body" in row:
        entry = replace(entry, body=row["body"])
    may = groups[row["may"]] if isinstance(row["may"], str) else row["may"]
    assert set(may) <= set(groups["everybody"]), name
    return Action(
        name,
        entry,
        frozenset(may),
        row.get("on", ""),
        row.get("otherwise", FORBIDDEN),
        row.get("never", ""),
        row.get("query", {}),
    )


def cast(place: Workspace) -> list[tuple[str, Party]]:
    """Every kind of credential with its column in the table."""
    keys = [(role, {"actor_type": kind, "role": role}) for kind, roles in _TYPES.items() for role in roles]
    keys += [("agent", {"actor_type": "agent", "role": role}) for role in ("owner", "admin", "member")]
    keys += [("viewing agent", {"actor_type": "agent", "role": "viewer"})]
    place.own["risky"] = risky(place)
    limited = {"tools": [place.own["tool"], _slow_tool(place), place.own["risky"]]}
    keys += [
        ("limited", {"actor_type": kind, "role": role} | limited)
        for kind, role in (("user", "admin"), ("service", "owner"), ("agent", "member"))
    ]
    admitted = [
        (column, place.admit(f"{wanted['actor_type']} {wanted['role']}", **wanted)) for column, wanted in keys
    ]
    visitor = [("visitor", _visitor(place))] if place.operator is not place.owner else []
    return [*admitted, *visitor, (NOBODY, replace(place.owner, name=NOBODY, key=""))]


def _visitor(place: Workspace) -> Party:
    """The operator, let in by the workspace itself."""
    assert place.operator
    assert place.owner.ask("PUT", f"{API}/workspaces/{place.id}", {"share_with_admin": True}).ok
    return replace(place.operator, name="visitor", headers={WORKSPACE: place.id})


def _slow_tool(place: Workspace) -> str:
    """Limited keys may call it too."""
    name = place.own["slow"] = place.new("slow")
    config = {"name": name, "description": "d", "kind": "dummy", "input_schema": {}, "dummy": {"delay": 20}}
    assert place.owner.ask("POST", f"{API}/tools", config).ok
    return name


def attempt(action: Action, place: Workspace, party: Party) -> Reply:
    """The answer to one cell, tried on something of its own."""
    own = dict(place.own)
    for kind in action.entry.places.values():
        own |= place.fresh(kind)
    made = own.get("approval", "")
    if action.on:
        own |= _ON[action.on](place, party)
    body = action.entry.written(own, place.new())
    if action.entry.stream:
        with party.follow(action.entry.route) as pieces:
            first = next(pieces)
        return Reply(200 if first.startswith(b"retry:") else 0, {}, first)
    query = {name: own[kind.removeprefix("$")] for name, kind in action.query.items()}
    reply = action.entry.ask(party, action.entry.at(own), query=query, body=body)
    if action.on in ("running", "own call"):
        place.owner.ask("POST", f"{API}/tools/executions/{own['execution']}/cancel")
    if "approval" in action.entry.places.values():  # only so many calls of one caller wait at a time
        for one in {made, own["approval"]}:
            place.owner.ask("POST", f"{API}/approvals/{one}/deny", {})
    return reply


def is_refusal(reply: Reply, status: int) -> bool:
    """Whether it is exactly this refusal, as an error or as an execution that failed of it."""
    error = (reply.document or {}).get("error") or {}
    shaped = set(error) == {"code", "message", "details", "retryable"}
    return shaped and error["code"] == CODES[status] and reply.status in (status, 0)


def _own_tool(place: Workspace, _: Party) -> dict[str, str]:
    return {"tool": place.own["tool"]}


def _another_tool(place: Workspace, _: Party) -> dict[str, str]:
    made = place.fresh("tool")
    reply = place.owner.ask("POST", f"{API}/tools/{made['tool']}/execute", {"input": {}})
    return made | {"execution": reply.document["execution_id"]}


def _running(place: Workspace, party: Party) -> dict[str, str]:
    return _begun(place, place.owner) or {}


def _own_call(place: Workspace, party: Party) -> dict[str, str]:
    """Where the party may call nothing, there is no call of its own: it tries another's."""
    return _begun(place, party) or _running(place, party)


def _begun(place: Workspace, caller: Party) -> dict[str, str] | None:
    """A call that goes on until it is cancelled."""
    begun = caller.ask(
        "POST", f"{API}/tools/{place.own['slow']}/execute", {"input": {}}, {"Prefer": "respond-async"}
    )
    return {"execution": begun.document["execution_id"]} if begun.status == 202 else None


def _held_call(place: Workspace, _: Party) -> dict[str, str]:
    return held(place.parties["agent"], place.own["risky"])


def _own_held_call(place: Workspace, party: Party) -> dict[str, str]:
    """Where the party may call nothing, it tries another's."""
    try:
        return held(party, place.own["risky"])
    except Unfurnished:
        return _held_call(place, party)


def _owner_key(place: Workspace, _: Party) -> dict[str, str]:
    made = place.owner.ask(
        "POST", f"{API}/keys", {"name": place.new(), "actor_type": "user", "role": "owner"}
    )
    return {"key": made.document["id"]}


def _owning_member(place: Workspace, _: Party) -> dict[str, str]:
    body = {"issuer": "https://issuer.example.com", "subject": place.new(), "name": "o", "role": "owner"}
    return {"member": place.owner.ask("POST", f"{API}/workspaces/{place.id}/members", body).document["id"]}


def _another_workspace(place: Workspace, _: Party) -> dict[str, str]:
    assert place.operator
    return {
        "workspace": place.operator.ask("POST", f"{API}/workspaces", {"name": place.new()}).document["id"]
    }


_ON: dict[str, Callable[[Workspace, Party], dict[str, str]]] = {
    "own tool": _own_tool, "another tool": _another_tool, "running": _running, "own call": _own_call, "owner key": _owner_key,
    "owning member": _owning_member, "held call": _held_call, "own held call": _own_held_call, "another workspace": _another_workspace,
}  # fmt: skip

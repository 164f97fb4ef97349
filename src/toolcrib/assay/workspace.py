"""A workspace as the assay fills it: one object of each kind, all marked with a word that stands nowhere else."""

import itertools
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from .wire import Party, Reply

API = "/api/v1"
WORKSPACE = "X-Toolcrib-Workspace"
ROLES = {
    "admin": {"actor_type": "user", "role": "admin"},
    "member": {"actor_type": "user", "role": "member"},
    "viewer": {"actor_type": "user", "role": "viewer"},
    "agent": {"actor_type": "agent", "role": "member"},
}
"""Keys that a workspace gets beside its owner's; a limited one comes to them."""
NAMES = ("tool", "tool_id", "alias", "title", "wire_name")
"""What finds a tool."""
_LISTED = {"tools": "id", "secrets": "name", "keys": "id", "approval-rules": "name"}
_CHANCE = re.compile(r"[0-9a-f]{10,}")


class Unfurnished(Exception):
    """The server refused what the assay needs to begin; `reply` says why."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(f"{reply.status} {reply.body[:300]!r}")
        self.reply = reply


@dataclass
class Workspace:
    """`owner` asks as its owner; `mark` stands in every name and text of it; `own` holds an object of each kind."""

    owner: Party
    name: str
    mark: str
    own: dict[str, str] = field(default_factory=dict)
    parties: dict[str, Party] = field(default_factory=dict)
    actors: dict[str, str] = field(default_factory=dict)
    operator: Party | None = None
    numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1), repr=False)

    def furnish(self) -> None:
        """Make one of everything, and a key for each role."""
        self.own |= {"workspace": self.id, "workspace_name": self.name}
        self.parties = {"owner": self.owner}
        self.own |= self.fresh("tool")
        for name, wanted in ROLES.items():
            self.admit(name, **wanted)
        self.admit("limited", actor_type="agent", role="member", tools=[self.own["tool"]])
        for kind in (
            "execution",
            "secret",
            "use",
            "key",
            "member",
            "invitation",
            "grant",
            "limited",
            "suspended",
            *("approval", "approval_rule") * 2,  # two of each, so that a page of one has a next
        ):
            self.own |= self.fresh(kind)

    def admit(self, name: str, **wanted: object) -> Party:
        """A party with a new key."""
        called = self.new(name)
        made = _made(self.owner.ask("POST", f"{API}/keys", {"name": called, **wanted}))
        self.actors[name] = f"{wanted['actor_type']}:{called}"
        self.parties[name] = Party(name, self.owner.wire, made["key"])
        return self.parties[name]

    def fresh(self, kind: str) -> dict[str, str]:
        """A new object of a kind, under every name that it has; nothing for what is no object of its own."""
        maker = _MAKERS.get(kind)
        return maker(self) if maker else {}

    def new(self, about: str = "new") -> str:
        """A name that nobody has."""
        return f"{about}-{self.mark}-{next(self.numbers)}"

    @property
    def id(self) -> str:
        """Its key names it."""
        return self.owner.key.split("_")[1]

    def clear(self) -> None:
        """Delete what routes can delete. The owner's key stays: a workspace keeps its last one."""
        home = f"workspaces/{self.id}"
        waiting = self.owner.ask("GET", f"{API}/approvals?state=pending&limit=200").document or {}
        for one in waiting.get("items", ()):
            self.owner.ask("POST", f"{API}/approvals/{one['approval_id']}/deny", {})
        listed = [*_LISTED.items(), (f"{home}/members", "id"), (f"{home}/invitations", "id")]
        for path, name in listed:
            self._clear(self.owner, path, name)
        if self.operator:
            self._clear(self.operator, f"{home}/grants", "id")

    def _clear(self, by: Party, path: str, name: str) -> None:
        own = "&scope=workspace" if path == "tools" else ""
        everything = by.ask("GET", f"{API}/{path}?limit=200{own}").document or {}
        for one in next((value for value in everything.values() if isinstance(value, list)), ()):
            if one[name] != self.owner.key.split("_")[2]:
                by.ask("DELETE", f"{API}/{path}/{one[name]}")

    @cached_property
    def marks(self) -> tuple[bytes, ...]:
        """What tells of this workspace: its mark, and the ids that the server chose."""
        ids = {value for value in self.own.values() if _CHANCE.search(value)}
        return tuple(one.encode() for one in (self.mark, *sorted(ids)))


def make(operator: Party, about: str) -> Workspace:
    """A new workspace, by the operator. Raises `Unfurnished`."""
    name = f"{about}-{secrets.token_hex(5)}"
    made = _made(operator.ask("POST", f"{API}/workspaces", {"name": name}))
    owner = Party("owner", operator.wire, made["key"])
    return Workspace(owner, name, secrets.token_hex(5), operator=operator)


def unlike(value: str, mark: str) -> str:
    """A value of the same form that nobody has: another mark, or other hex digits."""
    if mark in value.lower():
        other = secrets.token_hex(len(mark))[: len(mark)]
        return value.replace(mark, other).replace(mark.upper(), other.upper())
    return _CHANCE.sub(lambda id_: secrets.token_hex(len(id_[0]))[: len(id_[0])], value)


def _tool(place: Workspace) -> dict[str, str]:
    name = place.new("assay.tool").replace("-", "_")
    config = {
        "name": name, "title": f"Title {name}", "aliases": [f"{name}.alias"], "tags": [f"tag-{name}"], "kind": "dummy",
        "description": f"Of {place.mark}.", "input_schema": {}, "dummy": {"output": {"of": place.mark}},
    }  # fmt: skip
    made = _made(place.owner.ask("POST", f"{API}/tools", config))
    return {
        "tool": name, "tool_id": made["tool_id"], "alias": f"{name}.alias", "title": f"Title {name}", "tag": f"tag-{name}",
        "wire_name": name.replace(".", "__"), "name": name,
    }  # fmt: skip


def _execution(place: Workspace) -> dict[str, str]:
    about = {
        "subject": place.new("subject"),
        "exception": place.new("exception"),
        "idempotency_key": place.new("again"),
    }
    body = {
        "input": {},
        "subject": {"type": "company", "id": about["subject"]},
        "exception_id": about["exception"],
    }
    headers = {"Idempotency-Key": about["idempotency_key"]}
    tool = place.own["tool"]
    caller = place.parties["agent"]
    made = _made(caller.ask("POST", f"{API}/tools/{tool}/execute", body, headers))
    return about | {"execution": made["execution_id"], "actor": place.actors["agent"]}


def _secret(place: Workspace) -> dict[str, str]:
    name = place.new("secret").replace("-", "_").upper()
    host = f"{place.new('host')}.example.com"
    body = {"name": name, "value": f"value-{place.mark}", "hosts": [host]}
    _made(place.owner.ask("POST", f"{API}/secrets", body))
    return {"secret": name, "host": host}


def _use(place: Workspace) -> dict[str, str]:
    """A call that opens the secret, and sends nothing: the tool's host is not the one that the secret is bound to."""
    name, secret = place.new("user").replace("-", "_"), place.own["secret"]
    auth = {"method": "bearer", "secret_ref": f"${{{secret}}}"}
    config = {
        "name": name, "description": f"Of {place.mark}.", "kind": "http", "input_schema": {},
        "api": {"base_url": "https://api.example.com", "path": "/", "method": "GET", "auth": auth},
    }  # fmt: skip
    _made(place.owner.ask("POST", f"{API}/tools", config))
    place.parties["agent"].ask("POST", f"{API}/tools/{name}/execute", {"input": {}})
    uses = place.owner.ask("GET", f"{API}/secrets/{secret}/uses")
    if not _made(uses)["items"]:
        raise Unfurnished(uses)
    return {}


def _key(place: Workspace) -> dict[str, str]:
    name = place.new("key")
    made = _made(place.owner.ask("POST", f"{API}/keys", {"name": name, "role": "viewer"}))
    return {"key": made["id"], "key_name": name}


def _member(place: Workspace) -> dict[str, str]:
    person = place.new("person")
    body = {"issuer": "https://issuer.example.com", "subject": person, "name": person, "role": "viewer"}
    made = _made(place.owner.ask("POST", f"{API}/workspaces/{place.id}/members", body))
    return {"member": made["id"], "person": person}


def _invitation(place: Workspace) -> dict[str, str]:
    invited = place.new("invited")
    body = {"name": invited, "role": "viewer"}
    made = _made(place.owner.ask("POST", f"{API}/workspaces/{place.id}/invitations", body))
    return {"invitation": made["id"], "invitation_token": made["token"], "invited": invited}


def _grant(place: Workspace) -> dict[str, str]:
    """The operator alone gives one."""
    giver = place.operator or place.owner
    granted = place.new("grant")
    made = _made(giver.ask("POST", f"{API}/workspaces/{place.id}/grants", {"name": granted}))
    return {"grant": made["id"], "granted": granted}


def _limited(place: Workspace) -> dict[str, str]:
    actor = f"agent:{place.new('limited')}"
    own = f"{API}/workspaces/{place.id}/limits/actor/{actor}"
    _made(place.owner.ask("PUT", own, {"per_day": 1_000_000}))
    return {"limited": actor}


def _suspended(place: Workspace) -> dict[str, str]:
    actor = f"agent:{place.new('suspended')}"
    _made(place.owner.ask("POST", f"{API}/suspensions", {"kind": "actor", "name": actor}))
    return {"suspended": actor}


def _approval(place: Workspace) -> dict[str, str]:
    """Of a call that nobody but its own agent asked for, so that the owner decides."""
    return held(place.parties["agent"], risky(place))


def _approval_rule(place: Workspace) -> dict[str, str]:
    """About a tool that is not there."""
    name = place.new("rule")
    rule = {"tool": place.new("ruled"), "when": {"required": [place.new("argument")]}, "second": True}
    _made(place.owner.ask("PUT", f"{API}/approval-rules/{name}", rule))
    return {"approval_rule": name}


def risky(place: Workspace) -> str:
    """The name of a new tool whose calls wait for a person."""
    name = place.new("risky").replace("-", "_")
    config = {
        "name": name, "description": f"Of {place.mark}.", "kind": "dummy", "input_schema": {}, "effects": "destructive",
        "dummy": {"output": {"of": place.mark}},
    }  # fmt: skip
    _made(place.owner.ask("POST", f"{API}/tools", config))
    return name


def held(caller: Party, tool: str) -> dict[str, str]:
    """A call that waits for a person."""
    reply = caller.ask("POST", f"{API}/tools/{tool}/execute", {"input": {}, "dry_run": False})
    made = _made(reply)
    if "approval_id" not in made:
        raise Unfurnished(reply)
    return {"approval": made["approval_id"]}


def _made(reply: Reply) -> Mapping[str, str]:
    if not reply.ok:
        raise Unfurnished(reply)
    made: Mapping[str, str] = reply.document
    return made


_MAKERS: dict[str, Callable[[Workspace], dict[str, str]]] = {
    **dict.fromkeys((*NAMES, "name", "tag"), _tool),
    **dict.fromkeys(("execution", "subject", "exception", "idempotency_key"), _execution),
    **dict.fromkeys(("secret", "host"), _secret),
    "use": _use,
    **dict.fromkeys(("key", "key_name"), _key),
    **dict.fromkeys(("member", "person"), _member),
    **dict.fromkeys(("invitation", "invitation_token", "invited"), _invitation),
    **dict.fromkeys(("grant", "granted"), _grant),
    "suspended": _suspended,
    "limited": _limited,
    "approval": _approval,
    "approval_rule": _approval_rule,
}

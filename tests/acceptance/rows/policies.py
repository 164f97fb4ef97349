"""Random policies on two processes: what the list shows, what explain says and what a call does are one thing, and it is what a
second, hand-written reading of the rules says.

Each round changes something at one process and asks at the other. A call binds at once, as the ledger's fence makes it;
a list may lag a second, so list and explain are asked at the process that has just decided the call.
"""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.acceptance.rows.lab import Lab
from tests.support.client import Client, Reply

LEAST_SHARE = 0.3
_ROLES = ("owner", "admin", "member", "viewer")
_HELD = ("admin", "member", "member", "admin", "member", "viewer", "owner", "member", "admin")
_GRANTS = ("pro", "export")
_STATUS = {"TOOL_DISABLED": 403, "FORBIDDEN": 403, "TOOL_SUNSET": 410}
_HIDDEN = ("key", "read_only")


@dataclass
class Party:
    """Who asks: `tools` limits the key."""

    actor: str
    role: str
    key: str
    tools: tuple[str, ...] | None = None
    suspended: bool = False


@dataclass(frozen=True)
class ToolOf:
    """What the test registered; `ended` is one past its last day."""

    name: str
    effects: str
    roles: tuple[str, ...] = ()
    grants: tuple[str, ...] = ()
    ended: bool = False

    @property
    def config(self) -> dict[str, Any]:
        deprecated = {"deprecated": {"since": "1.0.0", "sunset": "2020-01-01"}} if self.ended else {}
        return {
            "name": self.name,
            "description": "Answers at once",
            "kind": "dummy",
            "effects": self.effects,
            "input_schema": {"type": "object"},
            "dummy": {"output": {"fine": True}},
            "requires": {"roles": list(self.roles), "grants": list(self.grants)},
        } | deprecated


@dataclass
class World:
    """All that the rules look at, as the test remembers it."""

    tools: list[ToolOf]
    parties: list[Party]
    off: set[str] = field(default_factory=set)
    grants: dict[tuple[str, str | None], str] = field(default_factory=dict)
    read_only: bool = False

    def rule(self, party: Party, tool: ToolOf) -> str | None:
        """The first rule that does not hold, read from the documentation and not from the code."""
        wider = _ROLES[: _ROLES.index("member") + 1]
        needed = [role for role in tool.roles if _ROLES.index(party.role) <= _ROLES.index(role)]
        held = {name for name, actor in self.grants if actor in (None, party.actor)}
        rules = (
            ("key", party.tools is None or tool.name in party.tools),
            ("read_only", not self.read_only or tool.effects == "read"),
            ("role", party.role in wider),
            ("roles", not tool.roles or bool(needed)),
            ("grants", held.issuperset(tool.grants)),
            ("enabled", tool.name not in self.off),
            ("sunset", not tool.ended),
        )
        return next((name for name, holds in rules if not holds), None)


@dataclass
class Policies:
    """What the rounds found."""

    answers: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        allowed = self.answers["allowed"] / max(self.answers.total(), 1)
        told = ", ".join(f"{count} {what}" for what, count in sorted(self.answers.items()))
        return f"{self.answers.total():,} policies, {allowed:.0%} allowed: {told}"


def decide_randomly(lab: Lab, rounds: int, rng: random.Random) -> Policies:
    """On PostgreSQL with two processes that do not notify each other; on SQLite with one."""
    env = {"TOOLCRIB_NOTIFICATIONS": "off"}
    servers = [lab.serve(env) for _ in range(1 if lab.on_sqlite else 2)]
    operators = [lab.client(server) for server in servers]
    made = operators[0].call("POST", "/api/v1/workspaces", {"name": "sea"}).json
    owners = [Client(server.url, made["key"]) for server in servers]
    world, found = _world(owners[0]), Policies()
    for number in range(rounds):
        there, here = number % len(servers), (number + 1) % len(servers)
        _change(world, made["id"], operators[there], owners[there], rng)
        party, tool = rng.choice(world.parties), rng.choice(world.tools)
        _check(found, world, party, tool, owners[here].as_(party.key))
        if len(found.faults) > 20:
            break
    shares = found.answers["allowed"] / found.answers.total()
    if not LEAST_SHARE <= shares <= 1 - LEAST_SHARE:
        found.faults.append(f"{shares:.0%} were allowed; either answer must make up {LEAST_SHARE:.0%}")
    return found


def _world(owner: Client) -> World:
    tools = [
        ToolOf("sea.look", "read"),
        ToolOf("sea.mark", "write"),
        ToolOf("sea.chart", "read", roles=("admin",)),
        ToolOf("sea.log", "write", roles=("member",)),
        ToolOf("sea.forecast", "read", grants=("pro",)),
        ToolOf("sea.export", "write", grants=("pro", "export")),
        ToolOf("sea.old", "read", ended=True),
    ]
    for tool in tools:
        assert owner.call("POST", "/api/v1/tools", tool.config).status == 201
    parties = [Party("user:owner", "owner", str(owner.key))]
    for number, role in enumerate(_HELD):
        limit = ("sea.look", "sea.mark", "sea.forecast", "sea.log") if number % 3 == 1 else None
        kind = ("user", "agent", "service")[number // 3]
        body = {"name": f"k{number}", "role": role, "actor_type": kind, "tools": limit}
        made = owner.call("POST", "/api/v1/keys", body)
        assert made.status == 201, made.body
        parties.append(Party(f"{kind}:k{number}", role, made.json["key"], limit))
    return World(tools, parties)


def _change(world: World, workspace: str, operator: Client, owner: Client, rng: random.Random) -> None:
    """One change of what the rules look at, at one process."""
    changes: tuple[Callable[[], Reply], ...] = (
        lambda: _enable(world, owner, rng),
        lambda: _grant(world, workspace, operator, rng),
        lambda: _grant(world, workspace, operator, rng),
        lambda: _read_only(world, workspace, owner, rng),
        lambda: _suspend(world, owner, rng),
    )
    reply = rng.choice(changes)()
    assert reply.status in (200, 201, 204), reply.body


def _enable(world: World, owner: Client, rng: random.Random) -> Reply:
    name = rng.choice(world.tools).name
    enabled = name in world.off or rng.random() < 0.6
    (world.off.discard if enabled else world.off.add)(name)
    return owner.call("PUT", f"/api/v1/tools/{name}/enablement", {"enabled": enabled})


def _grant(world: World, workspace: str, operator: Client, rng: random.Random) -> Reply:
    place = f"/api/v1/workspaces/{workspace}/grants"
    wanted = (rng.choice(_GRANTS), rng.choice([None, None, *(one.actor for one in world.parties)]))
    if wanted in world.grants:
        return operator.call("DELETE", f"{place}/{world.grants.pop(wanted)}")
    reply = operator.call("POST", place, {"name": wanted[0], "actor_id": wanted[1]})
    world.grants[wanted] = reply.json["id"]
    return reply


def _read_only(world: World, workspace: str, owner: Client, rng: random.Random) -> Reply:
    world.read_only = rng.random() < 0.15
    return owner.call("PUT", f"/api/v1/workspaces/{workspace}", {"read_only": world.read_only})


def _suspend(world: World, owner: Client, rng: random.Random) -> Reply:
    """One at a time, and never the owner, who makes the changes."""
    out = [one for one in world.parties if one.suspended]
    party = out[0] if out else rng.choice(world.parties[1:])
    party.suspended = not party.suspended
    if party.suspended:
        return owner.call("POST", "/api/v1/suspensions", {"kind": "actor", "name": party.actor})
    return owner.call("DELETE", f"/api/v1/suspensions/actor/{party.actor}")


def _check(found: Policies, world: World, party: Party, tool: ToolOf, client: Client) -> None:
    call = client.call("POST", f"/api/v1/tools/{tool.name}/execute", {"input": {}, "dry_run": False})
    explained = client.call("GET", f"/api/v1/tools/{tool.name}/explain")
    listed = client.call("GET", "/api/v1/tools?limit=200")
    if party.suspended:
        found.answers["suspended"] += 1
        seen = {reply.json["error"]["details"].get("reason") for reply in (call, explained, listed)}
        _expect(found, party, tool, "suspended", seen == {"suspended"}, call.body)
        return
    rule = world.rule(party, tool)
    found.answers[rule or "allowed"] += 1
    called = call.status == 200 if rule is None else call.json["error"]["details"].get("rule") == rule
    _expect(found, party, tool, f"call by {rule}", called, call.body)
    _expect(found, party, tool, f"explain by {rule}", explained.json.get("rule") == rule, explained.body)
    shown = {one["name"]: one["allowed"] for one in listed.json["tools"]}.get(tool.name)
    wanted = None if rule in _HIDDEN else rule is None
    _expect(found, party, tool, f"list by {rule}", shown is wanted, str(shown).encode())


def _expect(found: Policies, party: Party, tool: ToolOf, what: str, held: bool, answer: bytes) -> None:
    if not held:
        found.faults.append(f"{party.actor} ({party.role}) and {tool.name}, {what}: {answer[:300]!r}")

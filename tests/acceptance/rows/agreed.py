"""B7: what a person agreed to runs once, and nothing else does. Every part that an approval covers is changed before the
yes comes; many say yes at once; processes die between the asking, the yes and the run.
"""

import random
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from tests.acceptance.rows.lab import Lab
from tests.support.client import Client, Reply
from tests.support.postgres import run_apart
from tests.support.tools import register
from tests.support.until import until
from tests.support.upstream import Upstream

EXECUTORS = 50
RESTARTS = 5
FINAL_SECONDS = 30
REFUSED = frozenset({403, 404, 409})
Undo = Callable[[], None]


@dataclass
class Agreed:
    """How often what was tried, and what was answered."""

    asked: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        told = ", ".join(f"{n} x {what}" for what, n in sorted(self.answers.items()))
        return f"{self.asked:,} approvals: {told}"


@dataclass
class Waiting:
    """A call that waits; its mark finds it upstream."""

    mark: str
    approval: str
    execution: str


@dataclass
class Scene:
    """A workspace with an agent that asks and an owner who agrees, and one that has nothing to do with it."""

    lab: Lab
    clients: list[Client]
    agent: Client
    agent_key: str
    stranger: Client
    member: Client
    workspace: str
    found: Agreed = field(default_factory=Agreed)
    version: int = 1
    made: int = 0
    agents: int = 0

    @property
    def owner(self) -> Client:
        return self.clients[0]

    def ask(self, tool: str = "gate.open") -> Waiting:
        """The agent asks for something that has a mark of its own."""
        self.made += 1
        self.found.asked += 1
        mark = f"m{self.made}"
        reply = self.agent.call(
            "POST", f"/api/v1/tools/{tool}/execute", {"input": {"n": mark}, "dry_run": False}
        )
        assert reply.status == 202, reply.json
        return Waiting(mark, reply.json["approval_id"], reply.json["execution_id"])

    def new_agent(self) -> None:
        """Another agent, with a key of its own."""
        self.agents += 1
        name = f"clerk-{self.agents}"
        reply = self.owner.call("POST", "/api/v1/keys", {"name": name, "actor_type": "agent"})
        assert reply.status == 201, reply.json
        self.agent = Client(self.owner.url, reply.json["key"])
        self.agent_key = reply.json["id"]

    def write(self, sql: str) -> None:
        """Past the product, as one who holds the database."""
        url = self.lab.books.url
        if url.startswith("sqlite"):
            with sqlite3.connect(url.removeprefix("sqlite:///"), timeout=30) as connection:
                connection.execute(sql)
            connection.close()
        else:
            run_apart(_execute(url, sql))

    def sent(self, waiting: Waiting) -> int:
        """How often it has reached the upstream."""
        return self.lab.upstream.hits()[waiting.mark]


async def _execute(url: str, sql: str) -> None:
    connection = await asyncpg.connect(url, timeout=30)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


def gate(upstream: Upstream, name: str = "gate.open", path: str = "/echo", **parts: Any) -> dict[str, Any]:
    """A tool that destroys, with a secret in its header."""
    return {
        "name": name,
        "description": "Opens the gate",
        "effects": "destructive",
        "api": {
            "base_url": upstream.url,
            "path": path,
            "method": "GET",
            "timeout": 60,
            "auth": {"method": "api_key_header", "key_name": "X-Gate", "secret_ref": "${GATE_KEY}"},
        },
        "input_schema": {"type": "object", "properties": {"n": {"type": "string"}}, "required": ["n"]},
        **parts,
    }


def scene_of(lab: Lab) -> Scene:
    """One process on SQLite, two on PostgreSQL."""
    servers = [lab.serve() for _ in range(1 if lab.on_sqlite else 2)]
    clients = [lab.client(server) for server in servers]
    owner = clients[0]
    assert owner.call("POST", "/api/v1/secrets", {"name": "GATE_KEY", "value": "open-sesame-4711"}).status in (200, 201)  # fmt: skip
    register(owner, gate(lab.upstream), gate(lab.upstream, "gate.held", "/hold"))
    other = owner.call("POST", "/api/v1/workspaces", {"name": "elsewhere"}).json
    member = owner.call(
        "POST", "/api/v1/keys", {"name": "member", "actor_type": "user", "role": "member"}
    ).json
    workspace = owner.call("GET", "/api/v1/me").json["workspace_id"]
    scene = Scene(
        lab, clients, owner, "", Client(owner.url, other["key"]), Client(owner.url, member["key"]), workspace
    )
    scene.new_agent()
    return scene


def approve(client: Client, waiting: Waiting) -> Reply:
    return client.call("POST", f"/api/v1/approvals/{waiting.approval}/approve", {})


# What is changed between the asking and the yes, and how it is put back.


def _contract(scene: Scene, _: Waiting) -> Undo:
    scene.version += 1
    config = gate(scene.lab.upstream, description=f"Opens the gate, {scene.version}", version=f"{scene.version}.0.0")  # fmt: skip
    assert scene.owner.call("PUT", "/api/v1/tools/gate.open", config).status == 200
    return _nothing


def _request(scene: Scene, _: Waiting) -> Undo:
    scene.version += 1
    config = gate(scene.lab.upstream, version=f"{scene.version}.0.0")
    config["api"]["params"] = {"turn": str(scene.version)}
    assert scene.owner.call("PUT", "/api/v1/tools/gate.open", config).status == 200
    return _nothing


def _secret(scene: Scene, _: Waiting) -> Undo:
    body = {"name": "GATE_KEY", "value": "open-sesame-4711"}
    assert scene.owner.call("POST", "/api/v1/secrets", body).status in (200, 201)
    return _nothing


def _arguments(scene: Scene, waiting: Waiting) -> Undo:
    other = scene.ask()
    taken = f"(SELECT sealed FROM approvals WHERE id = '{other.approval}')"
    scene.write(f"UPDATE approvals SET sealed = {taken} WHERE id = '{waiting.approval}'")
    return _nothing


def _other_approval(scene: Scene, waiting: Waiting) -> Undo:
    other = scene.ask()
    parts = ("sealed", "digest", "expires_at")
    taken = ", ".join(
        f"{part} = (SELECT {part} FROM approvals WHERE id = '{other.approval}')" for part in parts
    )
    scene.write(f"UPDATE approvals SET {taken} WHERE id = '{waiting.approval}'")
    return _nothing


def _execution(scene: Scene, waiting: Waiting) -> Undo:
    other = scene.ask()
    scene.write(f"UPDATE approvals SET execution_id = '{other.execution}' WHERE id = '{waiting.approval}'")
    return _nothing


def _digest(scene: Scene, waiting: Waiting) -> Undo:
    scene.write(f"UPDATE approvals SET digest = '{'0' * 64}' WHERE id = '{waiting.approval}'")
    return _nothing


def _expiry(scene: Scene, waiting: Waiting) -> Undo:
    scene.write(f"UPDATE approvals SET expires_at = expires_at + 1 WHERE id = '{waiting.approval}'")
    return _nothing


def _time(scene: Scene, waiting: Waiting) -> Undo:
    scene.write(f"UPDATE approvals SET expires_at = 1 WHERE id = '{waiting.approval}'")
    return _nothing


def _second(scene: Scene, waiting: Waiting) -> Undo:
    """Who holds the database names the owner, whose yes was not asked for."""
    scene.write(f"UPDATE approvals SET on_behalf_of = 'user:owner' WHERE id = '{waiting.approval}'")
    return _nothing


def _rule(scene: Scene, _: Waiting) -> Undo:
    place = "/api/v1/approval-rules/more"
    assert scene.owner.call("PUT", place, {"tool": "gate.open"}).status == 200
    return lambda: _gone(scene, place)


def _enablement(scene: Scene, _: Waiting) -> Undo:
    place = "/api/v1/tools/gate.open/enablement"
    assert scene.owner.call("PUT", place, {"enabled": False}).status == 200
    return lambda: _gone(scene, place)


def _rights(scene: Scene, _: Waiting) -> Undo:
    place = f"/api/v1/workspaces/{scene.workspace}/grants"
    made = scene.owner.call("POST", place, {"name": "pro"})
    assert made.status == 201, made.json
    return lambda: _gone(scene, f"{place}/{made.json['id']}")


def _key(scene: Scene, _: Waiting) -> Undo:
    assert scene.owner.call("DELETE", f"/api/v1/keys/{scene.agent_key}").status == 204
    return scene.new_agent


def _suspended(scene: Scene, _: Waiting) -> Undo:
    actor = f"agent:clerk-{scene.agents}"
    reply = scene.owner.call("POST", "/api/v1/suspensions", {"kind": "actor", "name": actor})
    assert reply.status in (200, 201), reply.json
    return lambda: _gone(scene, f"/api/v1/suspensions/actor/{actor}")


def _hosts(scene: Scene, _: Waiting) -> Undo:
    place = f"/api/v1/workspaces/{scene.workspace}/hosts"
    assert scene.owner.call("PUT", place, {"hosts": ["elsewhere.example"]}).status == 200

    def free() -> None:
        assert scene.owner.call("PUT", place, {"hosts": None}).status == 200

    return free


def _nothing() -> None:
    """There is nothing to put back."""


def _gone(scene: Scene, place: str) -> None:
    assert scene.owner.call("DELETE", place).status == 204


CHANGES: dict[str, Callable[[Scene, Waiting], Undo]] = {
    "contract": _contract,
    "request": _request,
    "secret": _secret,
    "arguments": _arguments,
    "another approval": _other_approval,
    "execution": _execution,
    "digest": _digest,
    "expiry": _expiry,
    "time": _time,
    "in whose name": _second,
    "rule": _rule,
    "enablement": _enablement,
    "rights": _rights,
    "key": _key,
    "suspension": _suspended,
    "hosts": _hosts,
}
APPROVERS: dict[str, Callable[[Scene], Client]] = {
    "workspace": lambda scene: scene.stranger,
    "approver": lambda scene: scene.member,
    "agent": lambda scene: scene.agent,
}


def change_each_part(lab: Lab, times: int, _: random.Random) -> Agreed:
    """Each part so many times, and an unchanged one beside each: that runs once."""
    scene = scene_of(lab)
    for n in range(times):
        approver = scene.clients[n % len(scene.clients)]
        for name, change in CHANGES.items():
            waiting = scene.ask()
            undo = change(scene, waiting)
            _expect_nothing(scene, name, waiting, approve(approver, waiting))
            undo()
            _expect_nothing(scene, f"{name}, and back", waiting, approve(approver, waiting))
        for name, who in APPROVERS.items():
            waiting = scene.ask()
            _expect_nothing(scene, name, waiting, approve(who(scene), waiting))
            _expect_one(scene, waiting, approve(approver, waiting))
    return scene.found


def race(lab: Lab, rounds: int, _: random.Random) -> Agreed:
    """Fifty at once on each approval, over all processes."""
    scene = scene_of(lab)
    with ThreadPoolExecutor(EXECUTORS) as threads:
        for _round in range(rounds):
            waiting = scene.ask()
            tries = [
                threads.submit(approve, scene.clients[n % len(scene.clients)], waiting)
                for n in range(EXECUTORS)
            ]
            statuses = Counter(one.result().status for one in tries)
            scene.found.answers.update({f"{status}": number for status, number in statuses.items()})
            if statuses != {200: 1, 409: EXECUTORS - 1} or scene.sent(waiting) != 1:
                scene.found.faults.append(f"{waiting.approval}: {dict(statuses)}, {scene.sent(waiting)} sent")
    return scene.found


def outlive(lab: Lab, times: int, _: random.Random) -> Agreed:
    """What waits survives kill -9 and runs after it; what ran when the process died is interrupted and never repeated."""
    scene = scene_of(lab)
    for _time in range(times):
        waiting, held = [scene.ask() for _ in range(RESTARTS)], scene.ask("gate.held")
        denied = scene.ask()
        assert scene.owner.call("POST", f"/api/v1/approvals/{denied.approval}/deny", {}).status == 200
        server = lab.servers[0]
        with ThreadPoolExecutor(1) as thread:
            yes = thread.submit(_yes_that_breaks, scene.owner, held)
            until(lambda held=held: scene.sent(held) == 1, "the upstream holds the call")
            server.kill9()
            yes.result()
        lab.upstream.release()
        server.start()
        until(lambda: not lab.books.running(), "what ran is closed", FINAL_SECONDS)
        for one in waiting:
            _expect_one(scene, one, approve(scene.owner, one))
        _expect_nothing(scene, "denied", denied, approve(scene.owner, denied))
        again = approve(scene.owner, held)
        status = scene.owner.call("GET", f"/api/v1/tools/executions/{held.execution}").json["status"]
        scene.found.answers[status] += 1
        if (again.status, status, scene.sent(held)) != (409, "interrupted", 1):
            scene.found.faults.append(f"{held.approval}: {again.status}, {status}, {scene.sent(held)} sent")
        lab.upstream.hold()
    lab.upstream.release()
    return scene.found


def _yes_that_breaks(client: Client, waiting: Waiting) -> None:
    try:
        approve(client, waiting)
    except OSError:
        time.sleep(0)  # the process died, as it should


def _expect_nothing(scene: Scene, name: str, waiting: Waiting, reply: Reply) -> None:
    scene.found.answers[f"{reply.status}"] += 1
    if reply.status not in REFUSED or scene.sent(waiting):
        told = f"{reply.status} {reply.json}, {scene.sent(waiting)} sent"
        scene.found.faults.append(f"{name}: {waiting.approval}: {told}")


def _expect_one(scene: Scene, waiting: Waiting, reply: Reply) -> None:
    scene.found.answers[f"{reply.status}"] += 1
    if reply.status != 200 or scene.sent(waiting) != 1:
        told = f"{reply.status} {reply.json}, {scene.sent(waiting)} sent"
        scene.found.faults.append(f"unchanged: {waiting.approval}: {told}")


ROWS: Sequence[tuple[str, Callable[[Lab, int, random.Random], Agreed]]] = (
    ("each part that an approval covers, changed", change_each_part),
    (f"{EXECUTORS} at once on one approval", race),
    ("processes that die while calls wait and run", outlive),
)

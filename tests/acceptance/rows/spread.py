"""What it costs to serve many workspaces instead of one: CPU of the server for a call, turn by turn, for trials alone."""

import json
import random
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.acceptance.rows.lab import Lab
from tests.support.client import Client
from tests.support.costs import cpu_seconds
from tests.support.crowd import ask, pace
from tests.support.server import Server
from tests.support.tools import register

WORKSPACES, CONNECTIONS, CALLS, TURNS = 50, 32, 4_000, 21
MOST_RATIO = 1.3
_TOOL: dict[str, Any] = {
    "name": "stand.in",
    "description": "Answers at once",
    "kind": "dummy",
    "effects": "write",
    "input_schema": {"type": "object", "properties": {"n": {"type": "integer"}}},
    "dummy": {"output": {"fine": True}},
}


@dataclass
class Spread:
    one: list[float] = field(default_factory=list)
    many: list[float] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        return statistics.median(many / one for many, one in zip(self.many, self.one, strict=True))

    def __str__(self) -> str:
        return (
            f"{CALLS:,} calls over {WORKSPACES} workspaces cost x {self.ratio:.2f} of those over one "
            f"({statistics.median(self.many):.0f} and {statistics.median(self.one):.0f} us of the server's CPU a call)"
        )


def serve_many_workspaces(lab: Lab, _rng: random.Random) -> Spread:
    """The same calls from the same number of connections, all of one workspace and of fifty."""
    server, found = lab.serve(), Spread()
    keys = [_workspace(lab, server, number) for number in range(WORKSPACES)]
    for turn in range(TURNS + 1):
        for costs, among in ((found.one, keys[:1]), (found.many, keys)):
            cost = _cost(server, among, found)
            if turn:  # the first warms up
                costs.append(cost)
    if found.ratio > MOST_RATIO:
        found.faults.append(f"fifty workspaces cost {found.ratio:.2f} times as much; at most {MOST_RATIO}")
    return found


def _workspace(lab: Lab, server: Server, number: int) -> str:
    made = lab.client(server).call("POST", "/api/v1/workspaces", {"name": f"w{number}"})
    key = str(made.json["key"])
    register(Client(server.url, key), _TOOL)
    return key


def _cost(server: Server, keys: list[str], found: Spread) -> float:
    before = cpu_seconds(server.pid)
    heard = pace(server.port, _calls(keys), CONNECTIONS)
    if heard.statuses != {200: CALLS}:
        found.faults.append(f"statuses {dict(heard.statuses)}")
    return (cpu_seconds(server.pid) - before) / CALLS * 1e6


def _calls(keys: list[str]) -> Iterator[bytes]:
    for number in range(CALLS):
        body = json.dumps({"input": {"n": number}}).encode()
        yield ask("POST", f"/api/v1/tools/{_TOOL['name']}/execute", keys[number % len(keys)], body)

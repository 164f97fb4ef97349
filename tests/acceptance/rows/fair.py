"""A noisy workspace on two processes: it gets what its quota says, whatever it asks for, and others notice nothing."""

import contextlib
import json
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any

from tests.acceptance.rows.lab import Lab
from tests.support.client import Client
from tests.support.crowd import Pace, ask, pace
from tests.support.server import Server
from tests.support.tools import register
from tests.support.until import until

TIMES, CONNECTIONS = 20, 16
TOOL: dict[str, Any] = {
    "name": "stand.in",
    "description": "Answers at once",
    "kind": "dummy",
    "effects": "write",
    "input_schema": {"type": "object", "properties": {"n": {"type": "integer"}}},
    "dummy": {"output": {"fine": True}},
}


@dataclass
class Party:
    """A workspace: its id and its owner's key."""

    id: str
    key: str


@dataclass
class Fair:
    """How many calls of the noisy workspace were let through, out of how many, and what the quiet one was answered."""

    quota: float
    admitted: int = 0
    asked: int = 0
    noisy: Counter[int] = field(default_factory=Counter)
    quiet: Counter[int] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.admitted} of {self.asked:,} calls admitted, the quota is {self.quota:g}; the quiet one: {dict(self.quiet)}"


def flood_a_quota(lab: Lab, quota: int) -> Fair:
    """So many a day: asked for twenty times as many, they are admitted to the last one."""
    servers, noisy, quiet = _furnished(lab, {"per_day": quota})
    found = Fair(quota)
    _flood(servers, noisy, quiet, found, TIMES * quota)
    found.admitted = _executions(lab, noisy)
    if found.admitted != quota:
        found.faults.append(f"{found.admitted} were admitted of a quota of {quota}")
    return found


def flood_a_bucket(lab: Lab, burst: int) -> Fair:
    """So many at once and one a second, by the database's clock."""
    servers, noisy, quiet = _furnished(lab, {"per_minute": 60, "burst": burst})
    found, began = Fair(burst), _now(lab)
    _flood(servers, noisy, quiet, found, TIMES * burst)
    found.quota, found.admitted = burst + _now(lab) - began, _executions(lab, noisy)
    if not 0.95 * found.quota - 1 <= found.admitted <= found.quota:
        found.faults.append(f"{found.admitted} were admitted where {found.quota:.1f} are due")
    return found


def flood_and_kill(lab: Lab, quota: int, in_hand: int) -> Fair:
    """One process dies in the midst of it, with at most so many calls in hand: these are lost and nothing is admitted twice."""
    servers, noisy, _ = _furnished(lab, {"per_day": quota})
    found = Fair(quota)
    with ThreadPoolExecutor(CONNECTIONS) as threads:
        for _ in range(CONNECTIONS):
            threads.submit(_until_it_hangs_up, servers[-1], noisy)
        until(lambda: _executions(lab, noisy) >= quota // 5, "some are admitted")
        servers[-1].kill9()
    if lab.on_sqlite:
        servers[0].start()
    found.noisy = pace(servers[0].port, _calls(noisy, TIMES * quota), CONNECTIONS).statuses
    found.admitted, found.asked = _executions(lab, noisy), TIMES * quota
    if not quota - in_hand <= found.admitted <= quota:
        found.faults.append(f"{found.admitted} were admitted of a quota of {quota}, {in_hand} may be lost")
    return found


def _until_it_hangs_up(server: Server, noisy: Party) -> None:
    client = Client(server.url, noisy.key)
    with contextlib.suppress(OSError, HTTPException):
        while True:
            client.call("POST", f"/api/v1/tools/{TOOL['name']}/execute", {"input": {}})


def _furnished(lab: Lab, ceiling: dict[str, int]) -> tuple[list[Server], Party, Party]:
    """The operator limits the noisy workspace, and it itself cannot."""
    servers = [lab.serve() for _ in range(1 if lab.on_sqlite else 2)]
    noisy, quiet = [workspace(lab, servers[0], name) for name in ("noisy", "quiet")]
    place = f"/api/v1/workspaces/{noisy.id}/limits/ceiling/*"
    assert lab.client(servers[0]).call("PUT", place, ceiling).status == 200
    return servers, noisy, quiet


def workspace(lab: Lab, server: Server, name: str) -> Party:
    made = lab.client(server).call("POST", "/api/v1/workspaces", {"name": name}).json
    register(Client(server.url, made["key"]), TOOL)
    return Party(made["id"], made["key"])


def _flood(servers: list[Server], noisy: Party, quiet: Party, found: Fair, calls: int) -> None:
    """Both processes at once; the quiet one calls beside it."""
    share = calls // len(servers)
    with ThreadPoolExecutor(2 * len(servers)) as threads:
        loud = [threads.submit(pace, s.port, _calls(noisy, share), CONNECTIONS) for s in servers]
        still = [threads.submit(pace, s.port, _calls(quiet, 100), 2) for s in servers]
        _add(found.noisy, (one.result() for one in loud))
        _add(found.quiet, (one.result() for one in still))
    found.asked = found.noisy.total()
    if set(found.quiet) != {200}:
        found.faults.append(f"the quiet workspace was answered {dict(found.quiet)}")
    if set(found.noisy) != {200, 429}:
        found.faults.append(f"the noisy workspace was answered {dict(found.noisy)}")


def _add(counts: Counter[int], paces: Iterator[Pace]) -> None:
    for one in paces:
        counts.update(one.statuses)


def _calls(who: Party, number: int) -> Iterator[bytes]:
    for n in range(number):
        yield ask(
            "POST", f"/api/v1/tools/{TOOL['name']}/execute", who.key, json.dumps({"input": {"n": n}}).encode()
        )


def _executions(lab: Lab, who: Party) -> int:
    """Rows of calls that were let through, whatever came of them."""
    sql = f"SELECT count(*) AS n FROM executions WHERE workspace_id = '{who.id}'"
    return int(lab.books.rows(sql)[0]["n"])


def _now(lab: Lab) -> float:
    """Seconds by the database's clock."""
    asked = "julianday('now') * 86400.0" if lab.on_sqlite else "extract(epoch from clock_timestamp())"
    return float(lab.books.rows(f"SELECT {asked} AS now")[0]["now"])


Flood = Callable[[Lab], Fair]

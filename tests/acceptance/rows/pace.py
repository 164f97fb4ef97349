"""How quick the core is under many clients, and that it does not grow: bars in time, for trials alone.

The bars of pace are those of SQLite, where the server is all there is; on PostgreSQL the database's own processes, which
share the cores with server and clients here, are measured with it, and the figure is told without a bar.
"""

import json
import random
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.acceptance.rows.lab import Lab
from tests.support.client import Client
from tests.support.costs import cpu_seconds, memory_mb
from tests.support.crowd import Pace, ask, pace
from tests.support.server import Server
from tests.support.tools import register

CONNECTIONS = 32
CALLS, P95_MS = 20_000, 10.0
WARM, MANY, GROWTH_MB = 20_000, 100_000, 10.0
TOOLS, TOOLS_A_SECOND = 5_000, 1_000
LISTED, PAGE, LISTS = 1_000, 200, 40
_DUMMY = {
    "name": "stand.in",
    "description": "Answers at once",
    "kind": "dummy",
    "effects": "write",
    "input_schema": {"type": "object", "properties": {"n": {"type": "string"}}, "required": ["n"]},
    "dummy": {"output": {"price": 241.5, "currency": "usd"}},
}


@dataclass
class Paced:
    said: str = ""
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return self.said

    def expect(self, held: bool, what: str) -> None:
        self.faults += [] if held else [what]


def answer_quickly(lab: Lab, _rng: random.Random) -> Paced:
    """Calls without tool time: the tool is a stand-in that answers at once. Then the same with a key for each call."""
    server, found = _served(lab), Paced()
    pace(server.port, _calls(server, "", WARM // 10), CONNECTIONS)
    plain = pace(server.port, _calls(server, "", CALLS), CONNECTIONS)
    keyed = pace(server.port, _calls(server, "c", CALLS), CONNECTIONS)
    p95 = plain.percentile(0.95)
    found.said = f"{CALLS:,} calls, {_told(plain)}; with idempotency keys {_told(keyed)}"
    for heard in (plain, keyed):
        found.expect(heard.statuses == {200: CALLS}, f"statuses {dict(heard.statuses)}")
    found.expect(p95 < P95_MS or not lab.on_sqlite, f"p95 is {p95:.1f} ms, not below {P95_MS}")
    return found


def _told(heard: Pace) -> str:
    p50, p95, p99 = (heard.percentile(part) for part in (0.5, 0.95, 0.99))
    return f"{heard.rate:,.0f}/s, p50 {p50:.1f} ms, p95 {p95:.1f} ms, p99 {p99:.1f} ms"


def stay_small(lab: Lab, _rng: random.Random) -> Paced:
    """The memory of the process after many calls beside what it was after a few."""
    server, found = _served(lab), Paced()
    pace(server.port, _calls(server, "warm", WARM), CONNECTIONS)
    before = memory_mb(server.pid)
    heard = pace(server.port, _calls(server, "c", MANY), CONNECTIONS)
    after = memory_mb(server.pid)
    found.said = (
        f"{MANY:,} calls with keys at {heard.rate:,.0f}/s: {before:.0f} MB before, {after:.0f} MB after"
    )
    found.expect(heard.statuses == {200: MANY}, f"statuses {dict(heard.statuses)}")
    found.expect(after - before <= GROWTH_MB, f"grew by {after - before:.1f} MB, more than {GROWTH_MB}")
    return found


def register_quickly(lab: Lab, _rng: random.Random) -> Paced:
    """New tools from many connections; every second has schemas that no other has, every tenth name is taken."""
    server, found = lab.serve(), Paced()
    taken = TOOLS // 10
    heard = pace(server.port, _registrations(lab, server), CONNECTIONS)
    found.said = f"{TOOLS:,} new names and {taken:,} taken ones, {heard.rate:,.0f}/s"
    found.expect(heard.statuses == {201: TOOLS, 409: taken}, f"statuses {dict(heard.statuses)}")
    found.expect(
        heard.rate >= TOOLS_A_SECOND or not lab.on_sqlite,
        f"{heard.rate:.0f} a second, fewer than {TOOLS_A_SECOND}",
    )
    return found


def list_quickly(lab: Lab, _rng: random.Random) -> Paced:
    """A list of many tools, page by page: CPU of the server, warm."""
    server, found = lab.serve(), Paced()
    client = lab.client(server)
    register(client, *(_DUMMY | {"name": f"stand.n{n:04}"} for n in range(LISTED)))
    spent = []
    for _ in range(LISTS):
        before = cpu_seconds(server.pid)
        found.expect(_list_all(client) == LISTED, "the list is not whole")
        spent.append((cpu_seconds(server.pid) - before) * 1_000)
    found.said = f"{LISTED:,} tools in pages of {PAGE}: {statistics.median(spent):.1f} ms of CPU for all"
    return found


def _served(lab: Lab) -> Server:
    server = lab.serve()
    register(lab.client(server), _DUMMY)
    return server


def _calls(server: Server, mark: str, count: int) -> Iterator[bytes]:
    key = server.owner_key
    for n in range(count):
        body = b'{"input":{"n":"%d"}}' % n
        keys = (f"Idempotency-Key: {mark}-{n}",) if mark else ()
        yield ask("POST", f"/api/v1/tools/{_DUMMY['name']}/execute", key, body, *keys)


def _registrations(lab: Lab, server: Server) -> Iterator[bytes]:
    shape: dict[str, Any] = {
        "description": "Latest price of a stock, by its symbol",
        "api": {"base_url": lab.upstream.url, "path": "/quote/{symbol}", "method": "GET"},
        "input_schema": {
            "type": "object",
            "required": ["symbol"],
            "properties": {
                "symbol": {"type": "string", "minLength": 1, "maxLength": 12},
                "days": {"type": "integer", "minimum": 1, "maximum": 14},
                "units": {"enum": ["usd", "eur"]},
            },
        },
        "output_schema": {
            "type": "object",
            "required": ["price"],
            "properties": {"price": {"type": "number"}},
        },
        "mapping": {"response_path": "quote", "response_to_output": {"price": "05. price"}},
    }
    key = server.owner_key
    for n in range(TOOLS):
        if n % 2:
            shape["input_schema"]["properties"]["symbol"]["maxLength"] = n
            shape["output_schema"]["properties"]["price"]["maximum"] = n
        body = json.dumps(shape | {"name": f"made.n{n}"}).encode()
        yield ask("POST", "/api/v1/tools", key, body)
        if n % 10 == 9:
            again = json.dumps(shape | {"name": f"made.n{n - 9}"}).encode()
            yield ask("POST", "/api/v1/tools", key, again)


def _list_all(client: Client) -> int:
    cursor, seen = "", 0
    while True:
        page = client.call("GET", f"/api/v1/tools?limit={PAGE}{cursor}").json
        seen += len(page["tools"])
        if page["next"] is None:
            return seen
        cursor = f"&cursor={page['next']}"

"""A whole Toolcrib server inside the lab's Internet, under its production egress policy: what it saves, what it calls.

Run by `test_egress_api.py` as `unshare --net --mount python -m tests.security.lab_api FOLDER`. Prints a report as JSON.
Each hostile address is tried twice: as a config to be registered, and as one that an older, laxer server had stored.
"""

import asyncio
import hashlib
import json
import os
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.security.egress.authority import Authority
from tests.security.egress.cases import DENIED_V4, DENIED_V6, UPSTREAM, own_cases
from tests.security.egress.lab import CONTROL_EVERY, World, active_opens, make_world, prove_canaries
from tests.security.egress.names import ZONE, serve_names
from tests.security.house import environment, new_name
from tests.security.line import Line
from tests.support.corpora import corpus
from tests.support.server import Server, prepare_server

HONEST = "https://public.lab/"
PROXIES = dict.fromkeys(
    ("http_proxy", "https_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"), "http://10.9.8.7:8080"
)
SPELT_OUT = {"literals", "parsers", "schemes"}


def cases() -> Iterator[tuple[str, str]]:
    """(family, URL)."""
    yield from ((case.family, case.url) for case in own_cases() if case.family in SPELT_OUT)
    borrowed = corpus("security")
    lines = (borrowed / "ssrf_bypass_urls.txt").read_text("utf-8").splitlines() if borrowed else []
    yield from (("corpus", line) for line in lines if line)
    yield from (("dns", f"https://{name}/") for name in hostile_names())
    for target in (
        "http://127.0.0.1/",
        "https://169.254.169.254/",
        "//10.9.8.7/",
        "https://private.lab/",
        "http://public.lab/",
        "/elsewhere",
        "gopher://127.0.0.1:25/",
    ):
        yield from (
            ("redirects", f"{HONEST}?status={status}&to={target}") for status in (301, 302, 303, 307, 308)
        )
    for port in (22, 80, 443, 5432, 8080, 8443, 9, 65535):
        yield from (
            ("ports", f"https://{host}:{port}/") for host in ("10.9.8.7", "private.lab", "169.254.169.254")
        )


def hostile_names() -> list[str]:
    """Each denied address has names of its own: alone, and among honest answers in either order."""
    for number, address in enumerate((*DENIED_V4, *DENIED_V6)):
        kind = "AAAA" if ":" in address else "A"
        ZONE[f"a{number}.lab"] = {kind: [address]}
        ZONE[f"b{number}.lab"] = (
            {"A": [UPSTREAM], "AAAA": [address]} if kind == "AAAA" else {"A": [UPSTREAM, address]}
        )
        ZONE[f"c{number}.lab"] = (
            {"A": [UPSTREAM], "AAAA": [address]} if kind == "AAAA" else {"A": [address, UPSTREAM]}
        )
    return [name for name in ZONE if name != "public.lab"] + [
        "cname.lab",
        "localhost",
        "x.localhost",
        "nowhere.lab",
    ]


class Attack:
    """One server, and what came of each case."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.line = Line(server.port, server.owner_key)
        self.results: list[dict[str, Any]] = []

    def register(self, url: str) -> tuple[int, dict[str, Any]]:
        parts = urlsplit(url) if url.startswith(HONEST) else None
        params = dict(parse_qsl(parts.query)) if parts else {}
        api = {"base_url": HONEST if parts else url, "path": "/", "params": params, "timeout": 4}
        config = {"name": new_name(), "description": "d", "input_schema": {}, "api": api}
        reply = self.line.send("POST", "/api/v1/tools", json.dumps(config).encode())
        return reply.status, reply.json

    def execute(self, tool: str) -> tuple[int, dict[str, Any], dict[str, Any]]:
        """The answer, and the ledger's row."""
        reply = self.line.send("POST", f"/api/v1/tools/{tool}/execute", b'{"input":{}}')
        row = self.line.send("GET", f"/api/v1/tools/executions/{reply.json.get('execution_id')}")
        return reply.status, reply.json, row.json

    def save_and_call(self, family: str, url: str) -> None:
        saved, answer = self.register(url)
        result: dict[str, Any] = {
            "family": family,
            "url": url,
            "saved": saved,
            "refused": answer.get("error"),
            "called": None,
        }
        if saved == 201:
            result |= self._called(answer["name"])
        self.results.append(result)

    def call_stored(self, tool: str, family: str, url: str) -> None:
        self.results.append(
            {"family": family, "url": url, "saved": None, "refused": None} | self._called(tool)
        )

    def _called(self, tool: str) -> dict[str, Any]:
        status, answer, row = self.execute(tool)
        return {
            "called": status,
            "error": answer.get("error"),
            "ms": answer.get("execution_time_ms"),
            "row": [row.get("status"), row.get("error_code")],
        }

    def control(self) -> None:
        """An honest call between the others: a server that refuses everything proves nothing."""
        self.save_and_call("control", HONEST)


def with_controls(attack: Attack, work: Iterator[Any]) -> None:
    for number, one in enumerate(work, 1):
        one()
        if number % (CONTROL_EVERY - 1) == 0:
            attack.control()


def plant(server: Server, urls: list[str]) -> list[str]:
    """Store tools that no present server would: the file is edited while the server rests. Answers their names."""
    database = sqlite3.connect(server.data_dir / "toolcrib.db")
    ((config,),) = database.execute("SELECT config FROM tools WHERE name = 'stored'").fetchall()
    columns = [row[1] for row in database.execute("PRAGMA table_info(tools)")]
    ((*template,),) = database.execute("SELECT * FROM tools WHERE name = 'stored'").fetchall()
    for number, url in enumerate(urls):
        document = json.loads(config)
        document["name"] = f"stored_{number}"
        document["api"]["base_url"] = url
        text = json.dumps(document)
        changed = {
            "id": f"tool_stored_{number}",
            "name": document["name"],
            "wire_name": document["name"],
            "config": text,
            "digest": hashlib.sha256(text.encode()).hexdigest(),
        }
        row = [changed.get(column, value) for column, value in zip(columns, template, strict=True)]
        database.execute(f"INSERT INTO tools VALUES ({','.join('?' * len(row))})", row)
    database.commit()
    database.close()
    return [f"stored_{number}" for number in range(len(urls))]


def production(folder: Path, authority: Authority, **more: str) -> Server:
    env = environment(TOOLCRIB_EGRESS_CA=str(authority.ca_file), TOOLCRIB_ENV="production", **PROXIES)
    del env["TOOLCRIB_EGRESS_ALLOW"]
    return prepare_server(folder, env | more)


def attack_strict(server: Server, world: World) -> dict[str, Any]:
    """Everything against the production policy. What the kernel counts is the second witness."""
    server.start()
    try:
        attack = Attack(server)
        attack.line.send("GET", "/health")
        opened, calls, mine = active_opens(), world.upstream, attack.line.opened
        every = list(cases())
        with_controls(attack, iter([lambda c=case: attack.save_and_call(*c) for case in every]))
        stray = active_opens() - opened - (world.upstream - calls) - (attack.line.opened - mine)
        _keep_template(attack)
        server.stop()
        names = plant(server, [url for _, url in every if not url.startswith(HONEST)])
        server.start()
        stored = Attack(server)
        kept = [case for case in every if not case[1].startswith(HONEST)]
        with_controls(
            stored,
            iter(
                [
                    lambda n=name, c=case: stored.call_stored(n, *c)
                    for name, case in zip(names, kept, strict=True)
                ]
            ),
        )
        attack.line.close()
        stored.line.close()
        return {
            "results": attack.results,
            "stored": stored.results,
            "stray": stray,
            "log": server.stderr[-3000:],
        }
    finally:
        server.stop()


def _keep_template(attack: Attack) -> None:
    config = {
        "name": "stored",
        "description": "d",
        "input_schema": {},
        "api": {"base_url": HONEST, "path": "/", "timeout": 4},
    }
    assert attack.line.send("POST", "/api/v1/tools", json.dumps(config).encode()).status == 201


def attack_self(server: Server, world: World) -> dict[str, Any]:
    """The operator allows loopback: Toolcrib's own port stays closed all the same, whatever it is called."""
    server.start()
    try:
        attack = Attack(server)
        for host in ("127.0.0.1", "127.0.0.2", "[::1]", "localhost", "me.lab", "public.lab"):
            attack.save_and_call("self", f"http://{host}:{server.port}/health")
        before = world.canaries.total()
        attack.save_and_call("allowed", "http://127.0.0.1:8080/")
        attack.line.close()
        return {"self": attack.results, "allowed": world.canaries.total() - before}
    finally:
        server.stop()


async def run(folder: Path) -> dict[str, Any]:
    make_world(folder)
    authority, world = Authority(folder), World()
    await world.open(authority)
    ZONE["me.lab"] = {"A": ["127.0.0.1"]}
    hostile_names()
    stop_names = serve_names()
    silent = await prove_canaries(world)
    proved = world.canaries.total()
    report = await asyncio.to_thread(attack_strict, production(folder / "strict", authority), world)
    accepts = world.canaries.total() - proved
    silent += await prove_canaries(
        world
    )  # they still hear, and whoever came before them has been counted by now
    allowed = f"127.0.0.0/8,[::1],localhost,me.lab,{UPSTREAM}"
    report |= await asyncio.to_thread(
        attack_self, production(folder / "self", authority, TOOLCRIB_EGRESS_ALLOW=allowed), world
    )
    stop_names()
    return report | {
        "silent": silent,
        "accepts": accepts,
        "canaries": dict(world.canaries),
        "upstream": world.upstream,
    }


if __name__ == "__main__":
    os.environ.pop("TOOLCRIB_EGRESS_ALLOW", None)
    print(json.dumps(asyncio.run(run(Path(sys.argv[1])))))

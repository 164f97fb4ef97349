"""B29: how long a quiet workspace waits while another asks for twenty times its quota, in every way that costs; for trials alone.

The noise comes from a process of its own, made beforehand and of low priority: in the world it has a machine of its own, and
here it must not hold up whoever measures. That all of it came is looked at.
"""

import asyncio
import contextlib
import itertools
import json
import multiprocessing
import multiprocessing.connection
import os
import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import uvloop

from tests.acceptance.rows.fair import TIMES, TOOL, Party, workspace
from tests.acceptance.rows.lab import Lab
from tests.support.client import Client
from tests.support.crowd import ask
from tests.support.ports import LOOPBACK
from tests.support.server import Server
from tests.support.tools import marked, register

QUOTA, QUIET, CONNECTIONS, STREAMS = 20, 40, 48, 1_000
TURNS, KINDS = 5, 400
MOST_RATIO, LEAST_THROUGHPUT, MOST_MEGABYTES, LEAST_NOISE = 1.5, 0.9, 1_000, 0.95
_BOMB = {
    "name": "bomb",
    "description": "Costs to check",
    "kind": "dummy",
    "input_schema": {
        "type": "object",
        "properties": {
            "n": {"type": "array", "uniqueItems": True, "items": {"type": "string", "pattern": "^(a+)+$"}}
        },
    },
    "dummy": {"output": {}},
}
_HELD = "a" * 50_000


@dataclass
class Steady:
    """What came of requests that were sent at a steady pace, however long the answers took."""

    seconds: float = 0.0
    spans: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    def __add__(self, other: "Steady") -> "Steady":
        return Steady(self.seconds + other.seconds, self.spans + other.spans, self.statuses + other.statuses)

    @property
    def p95(self) -> float:
        return sorted(self.spans)[int(len(self.spans) * 0.95)] * 1_000

    @property
    def rate(self) -> float:
        return self.statuses[200] / self.seconds


@dataclass
class Noisy:
    """The quiet workspace alone and beside the noise, and what the noisy one was answered."""

    alone: Steady = field(default_factory=Steady)
    beside: Steady = field(default_factory=Steady)
    noise: Counter[str] = field(default_factory=Counter)
    megabytes: float = 0.0
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        noise = ", ".join(f"{n} x {what}" for what, n in sorted(self.noise.items()))
        return (
            f"p95 {self.alone.p95:.1f} ms alone, {self.beside.p95:.1f} ms beside the noise (x {self.beside.p95 / self.alone.p95:.2f}); "
            f"{self.beside.rate / self.alone.rate:.0%} of the throughput; {self.megabytes:.0f} MB; noise: {noise}"
        )


def stay_quick(lab: Lab, seconds: float, rng: random.Random) -> Noisy:
    """So many seconds beside the noise and a quarter of them alone, in turn: a machine is not as quick at every minute."""
    server = lab.serve()
    noisy, quiet = [workspace(lab, server, name) for name in ("noisy", "quiet")]
    register(Client(server.url, noisy.key), _BOMB, marked(lab.upstream, "slow", "/slow", seconds="number"))
    ceiling = {"per_minute": QUOTA * 60, "burst": QUOTA, "concurrency": 64}
    place = f"/api/v1/workspaces/{noisy.id}/limits/ceiling/*"
    assert lab.client(server).call("PUT", place, ceiling).status == 200
    found = Noisy()
    turn = seconds / TURNS
    for _ in range(TURNS):
        _steady(server, quiet, turn / 20)  # warms up
        found.alone += _steady(server, quiet, turn / 4)
        with _noise(server, noisy, turn, rng.randrange(2**32)) as heard:
            time.sleep(1)
            found.beside += _steady(server, quiet, turn)
            found.megabytes = max(found.megabytes, _megabytes(server.pid))
        found.noise.update(heard)
    found.faults += _faults(found)
    return found


def _faults(found: Noisy) -> Iterator[str]:
    for name, steady in (("alone", found.alone), ("beside", found.beside)):
        if set(steady.statuses) != {200}:
            yield f"{name}: the quiet workspace was answered {dict(steady.statuses)}"
    if found.beside.p95 > MOST_RATIO * found.alone.p95:
        yield f"p95 is {found.beside.p95 / found.alone.p95:.2f} times that alone; at most {MOST_RATIO}"
    if found.beside.rate < LEAST_THROUGHPUT * found.alone.rate:
        yield f"{found.beside.rate / found.alone.rate:.0%} of the throughput; at least {LEAST_THROUGHPUT:.0%}"
    if found.megabytes > MOST_MEGABYTES:
        yield f"the server holds {found.megabytes:.0f} MB; at most {MOST_MEGABYTES}"
    answers = sum(found.noise[status] for status in ("200", "400", "429"))
    if answers < LEAST_NOISE * QUOTA * TIMES * found.beside.seconds:
        yield f"the noisy workspace was answered {answers:,} times in {found.beside.seconds:.0f} s; it means to ask {QUOTA * TIMES} times a second"
    for wanted in ("429", "200", "stream 200", "stream 429"):
        if not found.noise[wanted]:
            yield f"the noisy workspace was never answered {wanted}"


def _steady(server: Server, who: Party, seconds: float) -> Steady:
    wanted = [
        ask(
            "POST", f"/api/v1/tools/{TOOL['name']}/execute", who.key, json.dumps({"input": {"n": n}}).encode()
        )
        for n in range(int(QUIET * seconds))
    ]
    found = Steady()

    async def one(turns: "Iterator[tuple[int, bytes]]", began: float) -> None:
        reader, writer = await asyncio.open_connection(LOOPBACK, server.port)
        for number, request in turns:
            due = began + number / QUIET
            await asyncio.sleep(max(0, due - time.perf_counter()))
            found.statuses[await _answer(reader, writer, request)] += 1
            found.spans.append(time.perf_counter() - due)
        writer.close()

    async def all_of_them() -> None:
        began, turns = time.perf_counter(), iter(list(enumerate(wanted)))
        await asyncio.gather(*(one(turns, began) for _ in range(8)))
        found.seconds = time.perf_counter() - began

    uvloop.run(all_of_them())
    return found


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> int:
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        (line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")),
        b"content-length: 0",
    )
    await reader.readexactly(int(length.partition(b":")[2]))
    return int(head[9:12])


@contextlib.contextmanager
def _noise(server: Server, who: Party, seconds: float, seed: int) -> Iterator[dict[str, int]]:
    """What was answered stands in the dict at the end."""
    spawn = multiprocessing.get_context("spawn")
    heard: dict[str, int] = {}
    ours, theirs = spawn.Pipe(duplex=False)
    process = spawn.Process(target=_make_noise, args=(theirs, server.port, who.key, seconds + 2, seed))
    process.start()
    try:
        yield heard
    finally:
        if ours.poll(seconds + 60):
            heard.update(ours.recv())
        process.join(10)
        process.terminate()


def _make_noise(
    told: "multiprocessing.connection.Connection", port: int, key: str, seconds: float, seed: int
) -> None:
    os.nice(10)
    rng, heard = random.Random(seed), Counter[str]()
    asked = [_costly(key, rng) for _ in range(KINDS)]
    until = time.perf_counter() + seconds

    async def caller(turns: "Iterator[int]", began: float) -> None:
        reader = writer = None
        for number in turns:
            await asyncio.sleep(max(0, began + number / (QUOTA * TIMES) - time.perf_counter()))
            if time.perf_counter() > until:
                return
            try:
                if writer is None or reader is None:
                    reader, writer = await asyncio.open_connection(LOOPBACK, port)
                heard[str(await _answer(reader, writer, asked[number % KINDS]))] += 1
            except (OSError, asyncio.IncompleteReadError):
                heard["hung up"] += 1
                reader = writer = None

    async def listener() -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            reader, writer = await asyncio.open_connection(LOOPBACK, port)
            writer.write(ask("GET", "/api/v1/events", key))
            head = await reader.readuntil(b"\r\n\r\n")
            heard[f"stream {int(head[9:12])}"] += 1
            while await reader.read(65_536):
                pass

    async def all_of_them() -> None:
        began, turns = time.perf_counter(), iter(itertools.count())
        listening = [asyncio.create_task(listener()) for _ in range(STREAMS)]
        await asyncio.gather(*(caller(turns, began) for _ in range(CONNECTIONS)))
        for task in listening:
            task.cancel()

    uvloop.run(all_of_them())
    told.send(dict(heard))


def _costly(key: str, rng: random.Random) -> bytes:
    """Mostly plain calls; some to a slow upstream, some with a large body, some that are dear to check."""
    kind = rng.random()
    if kind < 0.8:
        name, given = TOOL["name"], {"n": 1}
    elif kind < 0.9:
        name, given = "slow", {"n": "x", "seconds": 2}
    elif kind < 0.95:
        name, given = TOOL["name"], {"n": 1, "much": [_HELD] * 16}
    else:
        name, given = "bomb", {"n": [f"{'a' * 40}{number}" for number in range(2_000)]}
    return ask("POST", f"/api/v1/tools/{name}/execute", key, json.dumps({"input": given}).encode())


def _megabytes(pid: int) -> float:
    text = Path(f"/proc/{pid}/status").read_text("ascii", "replace")
    return next(int(line.split()[1]) / 1024 for line in text.splitlines() if line.startswith("VmRSS"))

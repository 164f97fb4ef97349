"""One idempotency key, one effect (B11): eight clients with the same key at once, other bodies, other principals, and a crash."""

import random
import threading
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from tests.acceptance.rows.audit import audit_books
from tests.acceptance.rows.lab import Lab
from tests.support.client import Client, Reply
from tests.support.tools import make_key, marked, register
from tests.support.until import until

CLIENTS = 8
AT_ONCE = 4
HELD_SHARE = 10
FINAL_SECONDS = 30


@dataclass
class Repeats:
    keys: int = 0
    held: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        told = ", ".join(f"{count} {name}" for name, count in sorted(self.answers.items()))
        return f"{self.keys} keys x {CLIENTS} clients at once, {self.held} keys over a crash: {told}"


@dataclass(frozen=True)
class Key:
    """A key with its tool and input; its text marks the call upstream."""

    text: str
    tool: str
    given: dict[str, Any]

    def send(self, client: Client, **changed: Any) -> Reply:
        body = {"input": {"n": self.text} | self.given | changed}
        return client.call("POST", f"/api/v1/tools/{self.tool}/execute", body, headers={"Idempotency-Key": self.text})  # fmt: skip


def repeat_keys(lab: Lab, times: int, rng: random.Random) -> Repeats:
    """On PostgreSQL the clients are shared between two servers."""
    found = Repeats(times)
    servers = [lab.serve()] if lab.on_sqlite else [lab.serve(), lab.serve()]
    clients = [lab.client(servers[n % len(servers)]) for n in range(CLIENTS)]
    quick, slow = marked(lab.upstream, "quick", "/echo", seconds="number"), marked(lab.upstream, "slow", "/slow", seconds="number")  # fmt: skip
    register(clients[0], quick, slow, marked(lab.upstream, "held", "/hold", 60))
    keys = [_key(rng) for _ in range(times)]
    first = _all_at_once(clients, keys)
    for key, replies in zip(keys, first, strict=True):
        found.faults += [f"{key.tool} {key.text}: {fault}" for fault in _one_effect(found, key, replies)]
        found.faults += [
            f"{key.tool} {key.text}: {fault}" for fault in _afterwards(found, key, replies, clients)
        ]
    found.faults += _others(found, keys[: max(10, times // 10)], clients)
    found.faults += [
        f"the upstream received {n} {hits} times" for n, hits in lab.upstream.hits().items() if hits != 1
    ]
    if lab.upstream.hits().total() != times + found.answers["own effect of another principal"]:
        found.faults.append(f"{lab.upstream.hits().total()} effects for {times} keys")
    found.faults += _over_a_crash(found, lab, max(4, times // HELD_SHARE))
    return found


def _key(rng: random.Random) -> Key:
    tool, seconds = rng.choice((("quick", 0.0), ("slow", 0.02), ("slow", 0.2)))
    return Key(uuid.uuid4().hex, tool, {"seconds": seconds})


def _all_at_once(clients: Sequence[Client], keys: Sequence[Key]) -> list[list[Reply]]:
    """For each key what its clients are told, who all send in the same moment."""
    with ThreadPoolExecutor(AT_ONCE) as groups:
        return list(
            groups.map(lambda key: _together([partial(key.send, client) for client in clients]), keys)
        )


def _together(work: Sequence[Callable[[], Reply]]) -> list[Reply]:
    gate = threading.Barrier(len(work))

    def one(send: Callable[[], Reply]) -> Reply:
        gate.wait()
        return send()

    with ThreadPoolExecutor(len(work)) as pool:
        return list(pool.map(one, work))


def _one_effect(found: Repeats, key: Key, replies: Sequence[Reply]) -> Iterator[str]:
    """One ran; whoever was told an outcome was told its bytes; the others were asked to come back."""
    told = defaultdict[str, list[Reply]](list)
    for reply in replies:
        told[_kind(reply)].append(reply)
    found.answers.update({kind: len(some) for kind, some in told.items()})
    if len(told["ran"]) != 1 or told.keys() - {"ran", "replayed", "in_progress"}:
        yield f"was answered { ({kind: len(some) for kind, some in told.items()}) }"
        return
    [ran] = told["ran"]
    if any(reply.body != ran.body for reply in told["replayed"]):
        yield "was replayed with other bytes"
    for reply in told["in_progress"]:
        if reply.headers.get("retry-after") != "1":
            yield f"is in progress without a time to wait: {reply.headers}"
        if reply.json["error"]["details"]["execution_id"] != ran.json["execution_id"]:
            yield f"is in progress as {reply.json}, and ran as {ran.json}"


def _afterwards(
    found: Repeats, key: Key, replies: Sequence[Reply], clients: Sequence[Client]
) -> Iterator[str]:
    """Once it has ended nobody is asked to wait, and other arguments are a conflict."""
    ran = next((reply for reply in replies if _kind(reply) == "ran"), None)
    again = key.send(clients[1])
    found.answers[f"later {_kind(again)}"] += 1
    if _kind(again) != "replayed" or (ran and again.body != ran.body):
        yield f"was later answered {again.status} {again.body[:200]!r}"
    other = key.send(clients[0], seconds=0.001)
    found.answers[f"other body {_kind(other)}"] += 1
    if _kind(other) != "arguments_differ" or "retry-after" in other.headers:
        yield f"with another body was answered {other.status} {other.body[:200]!r}"


def _others(found: Repeats, keys: Sequence[Key], clients: Sequence[Client]) -> Iterator[str]:
    """The same key of another principal is another key; its call is marked with a name of its own."""
    for number, key in enumerate(keys):
        _, credential = make_key(clients[0], f"other {number}")
        reply = key.send(clients[0].as_(credential), n=f"{key.text}-other")
        found.answers["own effect of another principal"] += _kind(reply) == "ran"
        if _kind(reply) != "ran":
            yield f"{key.text} of another principal was answered {reply.status} {reply.body[:200]!r}"


def _over_a_crash(found: Repeats, lab: Lab, times: int) -> Iterator[str]:
    """The upstream holds the reply, the process is killed: whoever repeats is told, and nothing is sent again."""
    server, keys, found.held = (
        lab.servers[0],
        [Key(uuid.uuid4().hex, "held", {}) for _ in range(times)],
        times,
    )
    client = lab.client(server)
    with ThreadPoolExecutor(times) as pool:
        lost = [pool.submit(key.send, client) for key in keys]
        until(lambda: len(lab.upstream.requests("/hold")) == times, "the upstream holds all calls")
        server.kill9()
        answered = [one for one in lost if one.exception(30) is None]
    yield from (f"was answered by a dead process: {one.result()}" for one in answered)
    server.start()
    for key in keys:
        kinds = _until_known(key, lab.client(lab.servers[-1]), client)
        found.answers.update(f"after the crash {kind}" for kind in kinds)
        if not kinds <= {"in_progress", "interrupted"} or "interrupted" not in kinds:
            yield f"{key.text} was answered {sorted(kinds)} after the crash"
    twice = [n for n, hits in lab.upstream.hits().items() if hits != 1]
    yield from (f"the upstream received {n} twice" for n in twice)
    yield from audit_books(lab.books)


def _until_known(key: Key, *clients: Client) -> set[str]:
    """The kinds of answers through all servers until each tells the outcome."""
    kinds: set[str] = set()

    def known() -> bool:
        told = [_kind(key.send(client)) for client in clients]
        kinds.update(told)
        return "in_progress" not in told

    until(known, f"the outcome of {key.text} is known", FINAL_SECONDS)
    return kinds


def _kind(reply: Reply) -> str:
    replayed = reply.headers.get("idempotency-replayed") == "true"
    if reply.status == 200:
        return "replayed" if replayed else "ran"
    if replayed:
        return str(reply.json["status"])
    error = reply.json["error"]
    return str(error["details"].get("reason", error["code"]))

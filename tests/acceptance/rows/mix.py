"""Calls of every kind at once: one row for each that a client was told of, each in a final state."""

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from tests.acceptance.rows.audit import audit
from tests.acceptance.rows.lab import Lab
from tests.support.calls import Seen, call, in_threads, listed
from tests.support.client import Client
from tests.support.tools import enable, marked, register

CLIENTS = 16


@dataclass(frozen=True)
class Kind:
    """A call and what must come of it; `weight` is its share."""

    tool: str
    weight: int
    http: int
    state: str | None
    code: str | None
    given: Mapping[str, Any] = field(default_factory=dict)


KINDS = (
    Kind("good", 50, 200, "succeeded", None),
    Kind("good", 12, 400, "failed", "VALIDATION_ERROR", {"surplus": 1}),
    Kind("switched_off", 10, 403, "denied", "TOOL_DISABLED"),
    Kind("broken", 10, 502, "failed", "UPSTREAM_ERROR"),
    Kind("late", 5, 504, "failed", "UPSTREAM_TIMEOUT", {"seconds": 5}),
    Kind("cut", 5, 502, "failed", "UPSTREAM_ERROR"),
    Kind("unknown", 8, 404, None, "NOT_FOUND"),
)


@dataclass
class Mix:
    calls: int = 0
    rows: int = 0
    upstream: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.calls} calls, {self.rows} rows, {self.upstream} received upstream: {listed(self.outcomes)}"


def call_mixed(lab: Lab, times: int, rng: random.Random, *, keyed: bool = False) -> Mix:
    client = lab.client(lab.serve())
    _prepare(lab, client)
    chosen = rng.choices(KINDS, [kind.weight for kind in KINDS], k=times)
    work = [partial(call, client, kind.tool, kind.given, keyed=keyed) for kind in chosen]
    seen = in_threads(work, CLIENTS)
    found = Mix(times, lab.books.recorded(), lab.upstream.hits().total())
    found.outcomes.update(f"{one.tool} {one.http}" for one in seen)
    found.faults += [
        f"{kind.tool} answered {one}, not {kind.http} {kind.state} {kind.code}"
        for kind, one in zip(chosen, seen, strict=True)
        if (one.http, one.state, one.code) != (kind.http, kind.state, kind.code)
    ]
    found.faults += audit(lab.books, lab.upstream.hits(), seen)
    told = {one.execution_id for one in seen if one.execution_id}
    if found.rows != len(told):
        found.faults.append(f"{found.rows} rows, and clients were told of {len(told)} executions")
    found.faults += _read_back(client, rng, seen)
    return found


def _prepare(lab: Lab, client: Client) -> None:
    up = lab.upstream
    register(
        client, marked(up, "good", "/echo"), marked(up, "broken", "/status/500"), marked(up, "cut", "/cut")
    )
    register(client, marked(up, "late", "/slow", 0.2, seconds="number"), marked(up, "switched_off", "/echo"))
    enable(client, "switched_off", enabled=False)


def _read_back(client: Client, rng: random.Random, seen: list[Seen]) -> list[str]:
    """The product tells the same as its tables, by id."""
    asked = rng.sample([one for one in seen if one.execution_id], 20)
    told = [client.call("GET", f"/api/v1/tools/executions/{one.execution_id}") for one in asked]
    return [
        f"{one.execution_id} reads back as {reply.status} {reply.json}"
        for one, reply in zip(asked, told, strict=True)
        if reply.status != 200
        or reply.json["status"] != one.state
        or reply.json["input_payload"]["n"] != one.n
    ]

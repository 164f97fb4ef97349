"""SIGTERM while calls run: the server leaves in order, and what it started is final in the ledger it leaves behind."""

import random
from collections import Counter
from dataclasses import dataclass, field

from tests.acceptance.rows.audit import audit
from tests.acceptance.rows.lab import Lab
from tests.support.calls import Seen, call, crowd, listed
from tests.support.tools import marked, register
from tests.support.until import until

CALLERS = 8
HELD = 2
LEAVE_SECONDS = 60


@dataclass
class Stop:
    exit_code: int | None = None
    seen: list[Seen] = field(default_factory=list)
    states: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"exit {self.exit_code}, {len(self.seen)} calls: {listed(self.states)}"


def stop_under_load(lab: Lab, rng: random.Random, *, held: bool) -> Stop:
    """With `held`, some calls wait for an upstream that never answers: they outlast the grace period."""
    found = Stop()
    server = lab.serve()
    client = lab.client(server)
    register(
        client,
        marked(lab.upstream, "slow", "/slow", seconds="number"),
        marked(lab.upstream, "held", "/hold", 120),
    )
    with crowd() as people:
        for _ in range(HELD if held else 0):
            people.join_in(lambda: call(client, "held"))
        for _ in range(CALLERS):
            people.join_in(lambda: call(client, "slow", {"seconds": rng.choice((0.01, 0.05, 0.5))}))
        until(lambda: people.answered() >= 40, "calls are answered")
        until(
            lambda: len(lab.upstream.requests("/hold")) == (HELD if held else 0), "the upstream holds calls"
        )
        server.terminate()
        found.exit_code = server.wait(LEAVE_SECONDS)
        found.seen += people.end()
    found.states.update(row["status"] for row in lab.books.executions())
    found.faults += [] if found.exit_code == 0 else [f"exit {found.exit_code}"]
    found.faults += audit(lab.books, lab.upstream.hits(), found.seen)
    interrupted = HELD if held else 0
    if found.states["interrupted"] != interrupted:
        found.faults.append(f"{found.states['interrupted']} calls interrupted, not {interrupted}")
    return found

"""kill -9, most of them while the upstream holds the reply: nothing acknowledged is lost, nothing is sent twice."""

import random
from dataclasses import dataclass, field

from tests.acceptance.rows.audit import audit
from tests.acceptance.rows.lab import Lab
from tests.support.calls import Crowd, Seen, call, crowd
from tests.support.client import Client
from tests.support.server import Server
from tests.support.tools import marked, register
from tests.support.until import until

AIMED = 0.6
HELD = 6
CALLERS = 6
FINAL_SECONDS = 30


@dataclass
class Kills:
    kills: int = 0
    aimed: int = 0
    interrupted: int = 0
    seen: list[Seen] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        unanswered = sum(seen.http is None for seen in self.seen)
        return (
            f"{self.kills} kills ({self.aimed} aimed at the window), {len(self.seen)} calls "
            f"({unanswered} unanswered), {self.interrupted} interrupted"
        )


def kill_repeatedly(lab: Lab, times: int, rng: random.Random) -> Kills:
    """On SQLite the next start closes the dead process's calls at once; on PostgreSQL others do, 15 s later."""
    found = Kills()
    server = lab.serve()
    register(
        lab.client(server), marked(lab.upstream, "quick", "/echo"), marked(lab.upstream, "held", "/hold")
    )
    register(lab.client(server), marked(lab.upstream, "slow", "/slow", seconds="number"))
    for _ in range(times):
        aimed = rng.random() < AIMED
        found.seen += _kill_in_the_window(lab, server) if aimed else _kill_anywhere(lab, server, rng)
        found.kills, found.aimed = found.kills + 1, found.aimed + aimed
        server.start()
        if lab.on_sqlite and (left := lab.books.running()):
            found.faults.append(f"{left} calls still run after restart {found.kills}")
    until(lambda: not lab.books.running(), "every call is final after the last restart", FINAL_SECONDS)
    found.seen.append(call(lab.client(server), "quick"))
    found.faults += audit(lab.books, lab.upstream.hits(), found.seen)
    found.interrupted = sum(row["status"] == "interrupted" for row in lab.books.executions())
    return found


def _kill_in_the_window(lab: Lab, server: Server) -> list[Seen]:
    """The intent is on disk, the upstream has the request, and the outcome is still to come."""
    client = lab.client(server)
    with crowd() as people:
        before = len(lab.upstream.requests("/hold"))
        for _ in range(HELD):
            people.join_in(lambda: call(client, "held"))
        people.join_in(lambda: call(client, "quick"))
        until(lambda: len(lab.upstream.requests("/hold")) == before + HELD, "the upstream holds all calls")
        return _kill(server, people)


def _kill_anywhere(lab: Lab, server: Server, rng: random.Random) -> list[Seen]:
    """In a mixed load, after a random number of answers."""
    client, wanted = lab.client(server), rng.randrange(1, 60)
    with crowd() as people:
        for _ in range(CALLERS):
            people.join_in(lambda: _quick_or_slow(client, rng))
        until(lambda: people.answered() >= wanted, f"{wanted} answers")
        return _kill(server, people)


def _quick_or_slow(client: Client, rng: random.Random) -> Seen:
    return call(client, "slow", {"seconds": 0.02}) if rng.random() < 0.3 else call(client, "quick")


def _kill(server: Server, people: Crowd) -> list[Seen]:
    server.kill9()
    return people.end()

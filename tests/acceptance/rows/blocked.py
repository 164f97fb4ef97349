"""A process stops in the middle of a database transaction, so that its row locks stay: the others go on working."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import asyncpg

from tests.acceptance.rows.audit import audit
from tests.acceptance.rows.lab import Lab
from tests.support.calls import Seen, call, crowd
from tests.support.server import Server
from tests.support.tools import marked, register
from tests.support.until import until

CALLERS = 4
SERVED_SECONDS = 30
_LOCK = "SELECT * FROM workspace_state FOR UPDATE"
_SESSIONS = "SELECT count(*) AS n FROM pg_stat_activity a WHERE a.datname = current_database() AND a.usename = 'toolcrib' AND "
_WAITS = _SESSIONS + "a.wait_event_type = 'Lock'"
_HOLDS = (
    _SESSIONS + "a.state = 'idle in transaction' AND EXISTS (SELECT FROM pg_locks l WHERE l.pid = a.pid "
    "AND l.relation = 'workspace_state'::regclass AND l.mode IN ('RowExclusiveLock', 'RowShareLock'))"
)


@dataclass
class Blocked:
    served_after: float = 0
    seen: list[Seen] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"the other process served after {self.served_after:.1f} s and {len(self.seen)} calls were checked"


def stop_in_a_transaction(lab: Lab) -> Blocked:
    found = Blocked()
    sleeper, other = lab.serve(), lab.serve()
    client = lab.client(other)
    register(client, marked(lab.upstream, "quick", "/echo"), marked(lab.upstream, "held", "/hold", 120))
    with crowd() as waiting, crowd() as busy:
        waiting.join_in(lambda: call(client, "held"))
        until(lambda: lab.upstream.requests("/hold"), "the upstream holds a call of the other process")
        _freeze_with_a_lock(lab, sleeper, lambda: busy.join_in(lambda: call(lab.client(sleeper), "quick")))
        began = time.monotonic()
        found.seen += _served(lambda: call(client, "quick"), found)
        found.served_after = time.monotonic() - began
        lab.upstream.release()
        held = waiting.end()
        found.faults += [f"a call of the healthy process ended as {seen}" for seen in held if not seen.ok]
        sleeper.thaw()
        found.seen += [*held, *busy.end()]
    until(lambda: not lab.books.running(), "every call is final")
    found.faults += audit(lab.books, lab.upstream.hits(), found.seen)
    return found


def _freeze_with_a_lock(lab: Lab, sleeper: Server, start_a_caller: Callable[[], None]) -> None:
    """Its batch waits for a lock of ours; it stops; we let go: the database gives the lock to a process that sleeps."""
    with _row_lock(lab.books.url):
        for _ in range(CALLERS):
            start_a_caller()
        until(lambda: lab.books.rows(_WAITS)[0]["n"], "a batch waits for the lock")
        sleeper.freeze()
    until(lambda: lab.books.rows(_HOLDS)[0]["n"], "the sleeping process holds the lock", 2)


@contextlib.contextmanager
def _row_lock(url: str) -> Iterator[None]:
    with asyncio.Runner() as runner:
        connection = runner.run(asyncpg.connect(url, timeout=10))
        try:
            runner.run(connection.execute("BEGIN"))
            runner.run(connection.execute(_LOCK))
            yield
        finally:
            runner.run(connection.close())


def _served(one: Callable[[], Seen], found: Blocked) -> list[Seen]:
    """Asks until an answer is good; refusals with 503 on the way are honest."""
    answers: list[Seen] = []

    def good() -> bool:
        answers.append(one())
        return answers[-1].ok

    try:
        until(good, "the other process serves while the first is stopped", SERVED_SECONDS)
    except AssertionError as error:
        found.faults.append(f"{error}; last answer {answers[-1]}")
    return answers

"""A process stops in the middle of a database transaction, so that its row locks stay: the others go on working."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.acceptance.rows.audit import audit
from tests.acceptance.rows.lab import Lab
from tests.support.calls import Seen, call, crowd
from tests.support.server import Server
from tests.support.tools import marked, register
from tests.support.until import until

CALLERS = 4
TRIES = 200
SERVED_SECONDS = 30
_LOCKED = (
    "SELECT count(*) AS n FROM pg_stat_activity a JOIN pg_locks l USING (pid) "
    "WHERE l.relation = 'workspace_state'::regclass AND l.mode = 'RowExclusiveLock' "
    "AND a.state = 'idle in transaction' AND a.state_change < clock_timestamp() - interval '200 milliseconds'"
)


@dataclass
class Blocked:
    tries: int = 0
    served_after: float = 0
    seen: list[Seen] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"stopped in a transaction at try {self.tries}, the other served after {self.served_after:.1f} s"
        )


def stop_in_a_transaction(lab: Lab) -> Blocked:
    found = Blocked()
    sleeper, other = lab.serve(), lab.serve()
    client = lab.client(other)
    register(client, marked(lab.upstream, "quick", "/echo"), marked(lab.upstream, "held", "/hold", 120))
    with crowd() as waiting, crowd() as busy:
        waiting.join_in(lambda: call(client, "held"))
        until(lambda: lab.upstream.requests("/hold"), "the upstream holds a call of the other process")
        for _ in range(CALLERS):
            busy.join_in(lambda: call(lab.client(sleeper), "quick"))
        found.tries = _freeze_with_a_lock(lab, sleeper)
        began = time.monotonic()
        found.seen += _served(lambda: call(client, "quick"), found)
        found.served_after = time.monotonic() - began
        lab.upstream.release()
        held = waiting.end()
        found.faults += [
            f"a call of the healthy process ended as {seen}" for seen in held if not seen.ok and seen.code
        ]
        sleeper.thaw()
        found.seen += [*held, *busy.end()]
    until(lambda: not lab.books.running(), "every call is final")
    found.faults += audit(lab.books, lab.upstream.hits(), found.seen)
    return found


def _freeze_with_a_lock(lab: Lab, sleeper: Server) -> int:
    """Stop it again and again until a stop falls into a transaction."""
    for tried in range(1, TRIES):
        sleeper.freeze()
        if _holds_a_transaction(lab):
            return tried
        sleeper.thaw()
    raise AssertionError(f"none of {TRIES} stops fell into a transaction")


def _holds_a_transaction(lab: Lab) -> bool:
    end = time.monotonic() + 0.5
    while time.monotonic() < end:
        if lab.books.rows(_LOCKED)[0]["n"]:
            return True
    return False


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

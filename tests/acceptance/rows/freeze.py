"""One of two processes stops for so long that the other declares it dead, and wakes with an outcome in its hands."""

import time
from collections import Counter
from dataclasses import dataclass, field

from tests.acceptance.rows.audit import LEARNED, audit
from tests.acceptance.rows.lab import Lab
from tests.support.calls import Seen, call, crowd, listed
from tests.support.tools import marked, register
from tests.support.until import until

HELD = 3
FOUND_DEAD_SECONDS = 45


@dataclass
class Freeze:
    stopped: float = 0
    learned: int = 0
    seen: list[Seen] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        answers = listed(Counter(str(seen.state) for seen in self.seen))
        return f"stopped for {self.stopped:.0f} s; answers: {answers}; {self.learned} late outcomes learned"


def freeze_one(lab: Lab, seconds: float) -> Freeze:
    """`seconds` is how long the process stays stopped at least; it wakes no earlier than it was found dead."""
    found = Freeze()
    sleeper, watcher = lab.serve(), lab.serve()
    register(
        lab.client(watcher),
        marked(lab.upstream, "held", "/hold", 120),
        marked(lab.upstream, "quick", "/echo"),
    )
    with crowd() as people:
        for _ in range(HELD):
            people.join_in(lambda: call(lab.client(sleeper), "held"))
        until(lambda: len(lab.upstream.requests("/hold")) == HELD, "the upstream holds the calls")
        sleeper.freeze()
        began = time.monotonic()
        until(lambda: not lab.books.running(), "the other process closed the calls", FOUND_DEAD_SECONDS)
        closed = _states(lab)
        lab.upstream.release()
        # The length of the stop is the fault itself, not a way to wait for something.
        time.sleep(max(0.0, seconds - (time.monotonic() - began)))
        found.stopped = time.monotonic() - began
        sleeper.thaw()
        found.seen += people.end()[:HELD]
    until(lambda: _learned(lab) >= HELD, "the late outcomes are events", 30)
    found.learned = _learned(lab)
    if closed != {"interrupted": HELD} or _states(lab, "held") != {"interrupted": HELD}:
        found.faults.append(f"closed as {closed}, after waking {_states(lab, 'held')}")
    found.faults += [f"the client was told {seen}" for seen in found.seen if seen.state != "interrupted"]
    found.faults += _serves_again(lab)
    found.faults += audit(lab.books, lab.upstream.hits(), found.seen)
    return found


def _serves_again(lab: Lab) -> list[str]:
    """The woken process takes new calls, as a new incarnation."""
    sleeper, watcher = lab.servers
    client = lab.client(sleeper)
    ready = until(lambda: client.call("GET", "/health/ready").status == 200, "the woken process is ready")
    again = [call(client, "quick"), call(lab.client(watcher), "quick")]
    owners = {row["owner"] for row in lab.books.executions()}
    faults = [f"after waking {seen.tool} answered {seen}" for seen in again if not seen.ok or not ready]
    return faults + ([] if len(owners) == 3 else [f"{len(owners)} incarnations own calls, not 3"])


def _states(lab: Lab, tool: str = "held") -> Counter[str]:
    return Counter(row["status"] for row in lab.books.executions() if row["tool"] == tool)


def _learned(lab: Lab) -> int:
    return sum(event["type"] == LEARNED for event in lab.books.events())

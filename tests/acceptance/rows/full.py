"""A disk that takes no more: the system refuses every write beyond a size, a little later each time, and then lets go."""

import resource
from dataclasses import dataclass, field

from tests.acceptance.rows.audit import audit
from tests.acceptance.rows.lab import Lab
from tests.support.calls import Seen, call
from tests.support.client import Client
from tests.support.server import Server
from tests.support.tools import marked, register
from tests.support.until import until

STRIDE = 3 * 4_096
BACK_SECONDS = 10


@dataclass
class Full:
    steps: int = 0
    refused: int = 0
    changes: int = 0
    seen: list[Seen] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.steps} sizes, {len(self.seen)} calls, {self.refused} of them refused, {self.changes} changes made"


def fill_the_disk(lab: Lab, steps: int) -> Full:
    """On SQLite, whose files are the server's own. Each step allows a few pages more than the one before."""
    found = Full()
    server = lab.serve()
    client = lab.client(server)
    register(client, marked(lab.upstream, "quick", "/echo"))
    for step in range(steps):
        found.steps += 1
        _allow(server, _written(lab) + step * STRIDE)
        answers = [call(client, "quick", keyed=True) for _ in range(3)]
        named = _change(found, lab, client, f"made.{step}")
        _allow(server, None)
        found.seen += answers
        found.refused += sum(not seen.ok for seen in answers)
        found.faults += [f"step {step}: answered {seen}" for seen in answers if seen.http not in (200, 503)]
        _until_well(found, client)
        found.faults += [f"step {step}: {fault}" for fault in _as_told(client, f"made.{step}", told=named)]
    until(lambda: not lab.books.running(), "every call is final")
    found.faults += audit(lab.books, lab.upstream.hits(), found.seen)
    found.faults += [] if server.exit_code is None else [f"the server ended with {server.exit_code}"]
    return found


def _allow(server: Server, size: int | None) -> None:
    """From this size on the system refuses to write to any file of the process; None lifts it."""
    _, hard = resource.prlimit(server.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (hard if size is None else size, hard))


def _written(lab: Lab) -> int:
    """How long the log of the database is now: what it writes next lies beyond."""
    return (lab.folder / "toolcrib.db-wal").stat().st_size


def _change(found: Full, lab: Lab, client: Client, name: str) -> bool:
    reply = client.call("POST", "/api/v1/tools", marked(lab.upstream, name, "/echo"))
    found.changes += reply.status == 201
    if reply.status not in (201, 503):
        found.faults.append(f"a change was answered {reply.status} {reply.json}")
    return reply.status == 201


def _until_well(found: Full, client: Client) -> None:
    """The same process serves again."""

    def well() -> bool:
        found.seen.append(call(client, "quick"))
        return found.seen[-1].ok

    until(well, "calls are taken again", BACK_SECONDS)


def _as_told(client: Client, name: str, *, told: bool) -> list[str]:
    there = client.call("GET", f"/api/v1/tools/{name}").status == 200
    return [] if there == told else [f"{name} was told as made: {told}, and is there: {there}"]

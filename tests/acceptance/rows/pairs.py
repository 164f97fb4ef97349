"""Two processes on one database: what was changed through one binds the next call through the other."""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.acceptance.rows.audit import REQUESTED, audit
from tests.acceptance.rows.lab import Lab
from tests.support.calls import Crowd, Seen, call, crowd, listed
from tests.support.client import Client
from tests.support.tools import enable, make_key, marked, register, revoke_key

KEY_SHARE = 0.25
TOOL_SHARE = 0.1
HAMMERS = 2


@dataclass
class Pairs:
    changes: Counter[str] = field(default_factory=Counter)
    background: Counter[str] = field(default_factory=Counter)
    seen: list[Seen] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        meanwhile = listed(self.background)
        return f"{self.changes.total()} alternations: {listed(self.changes)}; meanwhile {meanwhile}"


def alternate(lab: Lab, times: int, rng: random.Random) -> Pairs:
    """Change through one, call through the other, `times` times, while others call through both without a pause."""
    found = Pairs()
    clients = [lab.client(lab.serve()), lab.client(lab.serve())]
    register(clients[0], marked(lab.upstream, "switched", "/echo"))
    with crowd() as people:
        for client in clients * HAMMERS:
            _hammer(people, client)
        for number in range(times):
            here, there = rng.sample(clients, 2)
            _one(found, number, here, there, lab, rng.random())
        background = people.end()
    found.background.update(f"{seen.http} {seen.code or seen.state}" for seen in background)
    found.faults += [f"a caller was told {seen}" for seen in background if seen.http not in (200, 403)]
    found.faults += audit(lab.books, lab.upstream.hits(), [*found.seen, *background])
    found.faults += [*_recorded_while_disabled(lab), *_recorded_after_revocation(lab)]
    return found


def _hammer(people: Crowd, client: Client) -> None:
    people.join_in(lambda: call(client, "switched"))


def _one(found: Pairs, number: int, here: Client, there: Client, lab: Lab, die: float) -> None:
    if die < KEY_SHARE:
        kind, faults = "key", _key(found, number, here, there)
    elif die < KEY_SHARE + TOOL_SHARE:
        kind, faults = "tool", _tool(found, number, here, there, lab)
    else:
        kind, faults = "enablement", _enablement(found, here, there)
    found.changes[kind] += 1
    found.faults += [f"alternation {number}, {kind}: {fault}" for fault in faults]


def _enablement(found: Pairs, here: Client, there: Client) -> Iterator[str]:
    enable(here, "switched", enabled=False)
    yield from _expect(found, call(there, "switched"), 403, "TOOL_DISABLED")
    enable(here, "switched", enabled=True)
    yield from _expect(found, call(there, "switched"), 200, None)


def _key(found: Pairs, number: int, here: Client, there: Client) -> Iterator[str]:
    key_id, key = make_key(here, f"key {number}")
    yield from _expect(found, call(there.as_(key), "switched"), 200, None)
    revoke_key(here, key_id)
    yield from _expect(found, call(there.as_(key), "switched"), 401, "UNAUTHORIZED")
    yield from _expect(found, call(here.as_(key), "switched"), 401, "UNAUTHORIZED")


def _tool(found: Pairs, number: int, here: Client, there: Client, lab: Lab) -> Iterator[str]:
    register(here, marked(lab.upstream, f"new.tool_{number}", "/echo"))
    yield from _expect(found, call(there, f"new.tool_{number}"), 200, None)


def _expect(found: Pairs, seen: Seen, http: int, code: str | None) -> Iterator[str]:
    found.seen.append(seen)
    if (seen.http, seen.code) != (http, code):
        yield f"expected {http} {code}, was told {seen}"


def _recorded_while_disabled(lab: Lab) -> Iterator[str]:
    """Event numbers are commit order, so a request between a `ToolDisabled` and the next `ToolEnabled` came too late."""
    disabled: set[str] = set()
    for event in lab.books.events():
        if event["type"] == "ToolDisabled":
            disabled.add(event["about"])
        elif event["type"] == "ToolEnabled":
            disabled.discard(event["about"])
        elif event["type"] == REQUESTED and event["about"] in disabled:
            yield f"{event['execution_id']} was recorded as running while {event['about']} was disabled"


def _recorded_after_revocation(lab: Lab) -> Iterator[str]:
    key_of = {row["id"]: row["key_id"] for row in lab.books.executions()}
    revoked: set[str] = set()
    for event in lab.books.events():
        if event["type"] == "KeyRevoked":
            revoked.add(event["about"])
        elif (
            event["execution_id"] and event["type"] == REQUESTED and key_of[event["execution_id"]] in revoked
        ):
            yield f"{event['execution_id']} was recorded for a key that was revoked before"

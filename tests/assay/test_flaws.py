"""The assay notices: before a good server stands a wire that is flawed in one way, and the part that it concerns says so."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import pytest

from assay import parts
from assay.isolation import Isolation
from assay.matrix import matrix
from assay.wire import Reply, Wire
from assay.workspace import Workspace, make
from tests.assay.scene import Scene

ENTRIES = [
    one
    for one in matrix()
    if str(one)
    in {
        "GET /api/v1/tools", "GET /api/v1/tools/{tool}", "POST /api/v1/tools/{tool}/execute", "GET /api/v1/tools/executions",
        "GET /api/v1/events", "GET /api/v1/keys", "GET /api/v1/secrets", "POST /api/v1/secrets", "DELETE /api/v1/secrets/{name}",
    }
]  # fmt: skip


@dataclass(frozen=True)
class Request:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes | None

    def names(self, place: Workspace) -> bool:
        said = self.target + repr(self.headers) + (self.body or b"").decode()
        return any(mark.decode() in said.lower() for mark in place.marks) or place.name in said


@dataclass
class Flawed:
    """A good wire, and what becomes of requests of A; `theirs` is B."""

    wire: Wire
    flaw: "Callable[[Flawed, Request], Reply]"
    theirs: Workspace | None = None

    def send(self, method: str, target: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        asked = Request(method, target, dict(headers), body)
        if self.theirs is None or not self.theirs.own or self.by_b(asked):
            return self.pass_on(asked)
        return self.flaw(self, asked)

    def by_b(self, asked: Request) -> bool:
        """By somebody of B, or by the operator."""
        keys = {self.theirs.owner.key, self.theirs.operator.key}
        keys |= {party.key for party in self.theirs.parties.values()}
        return asked.headers["Authorization"].removeprefix("Bearer ") in keys

    def pass_on(self, asked: Request) -> Reply:
        return self.wire.send(asked.method, asked.target, asked.headers, asked.body)

    def as_b(self, asked: Request) -> Reply:
        return self.pass_on(
            replace(asked, headers=asked.headers | {"Authorization": f"Bearer {self.theirs.owner.key}"})
        )

    @contextlib.contextmanager
    def stream(self, target: str, headers: Mapping[str, str]) -> Iterator[Iterator[bytes]]:
        with self.wire.stream(target, headers) as pieces:
            yield pieces


def as_it_is(wire: Flawed, asked: Request) -> Reply:
    return wire.pass_on(asked)


def without_the_workspace(wire: Flawed, asked: Request) -> Reply:
    """A query that forgot its condition: what is named is found, whoever asks."""
    return wire.as_b(asked) if asked.names(wire.theirs) else wire.pass_on(asked)


def with_another_code(wire: Flawed, asked: Request) -> Reply:
    """What is there and somebody else's is forbidden, not missing."""
    reply = wire.pass_on(asked)
    return replace(reply, status=403) if reply.status == 404 and asked.names(wire.theirs) else reply


def with_another_header(wire: Flawed, asked: Request) -> Reply:
    reply = wire.pass_on(asked)
    return replace(reply, headers={**reply.headers, "x-found": "1"}) if asked.names(wire.theirs) else reply


def with_a_suggestion(wire: Flawed, asked: Request) -> Reply:
    reply = wire.pass_on(asked)
    return (
        replace(reply, body=reply.body + wire.theirs.own["tool"].encode()) if reply.status >= 400 else reply
    )


def with_all_lists(wire: Flawed, asked: Request) -> Reply:
    """Lists that forgot whose they are."""
    return wire.as_b(asked) if asked.method == "GET" and "limit=200" in asked.target else wire.pass_on(asked)


def with_all_tools(wire: Flawed, asked: Request) -> Reply:
    return wire.as_b(asked) if asked.target == "/mcp" else wire.pass_on(asked)


def with_names_of_one_list(wire: Flawed, asked: Request) -> Reply:
    """A name must be free in all workspaces."""
    taken = asked.method == "POST" and asked.target == "/api/v1/secrets" and asked.names(wire.theirs)
    return Reply(409, {}, b"{}") if taken else wire.pass_on(asked)


def with_one_store_of_answers(wire: Flawed, asked: Request) -> Reply:
    reply = wire.pass_on(asked)
    again = asked.headers.get("Idempotency-Key") == wire.theirs.own["idempotency_key"]
    return replace(reply, headers={**reply.headers, "idempotency-replayed": "true"}) if again else reply


def with_hidden_effects(wire: Flawed, asked: Request) -> Reply:
    """It is answered that there is nothing, and done all the same."""
    if asked.method == "DELETE" and asked.target.endswith(wire.theirs.own["secret"]):
        wire.as_b(asked)
    return wire.pass_on(asked)


@pytest.mark.parametrize(
    ("part", "flaws"),
    [
        (
            parts.paths,
            [
                without_the_workspace,
                with_another_code,
                with_another_header,
                with_a_suggestion,
                with_hidden_effects,
            ],
        ),
        (parts.queries, [without_the_workspace, with_another_header]),
        (parts.headers, [without_the_workspace, with_another_code, with_another_header]),
        (parts.cursors, [with_all_lists]),
        (parts.lists, [with_all_lists]),
        (parts.mcp, [with_all_tools, with_another_header]),
        (parts.again, [with_one_store_of_answers]),
        (parts.bodies, [with_names_of_one_list]),
    ],
)
def test_a_flaw_is_noticed_by_the_part_that_it_concerns(scenes, part, flaws):
    for flaw in (as_it_is, *flaws):
        leaks = assay(scenes("sqlite"), part, flaw).leaks
        assert bool(leaks) is (flaw is not as_it_is), flaw.__name__


def test_a_server_that_shows_nobody_anything_fails_its_controls(scenes):
    scene = scenes("sqlite")
    ours, theirs = (make(scene.operator, "silent") for _ in "ab")
    isolation = Isolation(ours, theirs, entries=ENTRIES)
    for place in (ours, theirs):
        place.furnish()
    theirs.owner = replace(theirs.owner, wire=Silent())

    isolation.control()

    assert ["control" in str(leak) for leak in isolation.leaks] == [True]


class Silent:
    def send(self, method: str, target: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        return Reply(404, {}, b"{}")


def test_a_list_that_counts_others_is_noticed(scenes):
    """The number of things in B moves something that A is shown."""
    scene = scenes("sqlite")
    ours, theirs = (make(scene.operator, "counted") for _ in "ab")
    ours.furnish()
    isolation = Isolation(ours, theirs, entries=ENTRIES)
    counted = Counting(ours.owner.wire)
    ours.owner = replace(ours.owner, wire=counted)
    with isolation.untouched(ours):
        counted.total += 1

    assert len(isolation.leaks) > 3


@dataclass
class Counting:
    wire: Wire
    total: int = 0

    def send(self, method: str, target: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        reply = self.wire.send(method, target, headers, body)
        return replace(reply, headers={**reply.headers, "x-total": str(self.total)})


@pytest.mark.parametrize("piece", [b"event: of {mark}\n\n{own}", b": nothing new\n\n"])
def test_a_stream_that_tells_of_another_or_of_nothing_is_noticed(scenes, piece):
    assert assay(scenes("sqlite"), parts.streams, as_it_is).leaks == []
    assert (
        assay(scenes("sqlite"), parts.streams, as_it_is, lambda *wired: Overheard(*wired, piece)).leaks != []
    )


@dataclass
class Overheard(Flawed):
    piece: bytes = b""

    @contextlib.contextmanager
    def stream(self, target: str, headers: Mapping[str, str]) -> Iterator[Iterator[bytes]]:
        with self.wire.stream(target, headers) as pieces:
            mark = self.theirs.mark.encode()
            yield (self.piece.replace(b"{mark}", mark).replace(b"{own}", one) for one in pieces)


def assay(
    scene: Scene,
    part: Callable[[Isolation], None],
    flaw: Callable[[Flawed, Request], Reply],
    kind: Callable[..., Flawed] = Flawed,
) -> Isolation:
    wire = kind(scene.operator.wire, flaw, None)
    operator = replace(scene.operator, wire=wire)
    ours, theirs = (make(operator, "flawed") for _ in "ab")
    isolation = Isolation(ours, theirs, entries=ENTRIES)
    parts.counts(isolation)
    wire.theirs = theirs
    ours.parties = {name: ours.parties[name] for name in ("owner", "agent")}
    with isolation.untouched(theirs) if part is parts.paths else contextlib.nullcontext():
        part(isolation)
    return isolation

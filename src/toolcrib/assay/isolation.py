"""Workspace A asks for what is B's. Kept here: what was compared, what leaked, and what B itself was shown meanwhile."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property

from .matrix import Entry, matrix
from .twins import Asked, blank, told
from .wire import Party, Reply
from .workspace import Workspace, unlike

NOT_FOUND = 404
COUNTS_AGAIN = 5
CONTROL_EVERY = 10
PAGE = {"limit": "200"}


@dataclass(frozen=True)
class Leak:
    """One answer that told A of B, or a control that failed."""

    part: str
    route: str
    party: str
    place: str
    what: str

    def __str__(self) -> str:
        return f"{self.part}: {self.route} as {self.party}, {self.place}: {self.what}"


@dataclass
class Isolation:
    """`ours` attacks, `theirs` must stay unseen; `operator` speaks for the whole installation."""

    ours: Workspace
    theirs: Workspace
    operator: Party | None = None
    entries: Sequence[Entry] = field(default_factory=matrix)
    part: str = ""
    leaks: list[Leak] = field(default_factory=list)
    compared: Counter[str] = field(default_factory=Counter)
    controls: int = 0

    @property
    def parties(self) -> list[Party]:
        """Everybody who attacks."""
        return [*self.ours.parties.values(), *([self.operator] if self.operator else [])]

    def strangers(self, entry: Entry) -> list[Party]:
        """Everybody who must not be told of B by this route; some tell the operator of all workspaces."""
        return [one for one in self.parties if one is not self.operator or not entry.operator]

    def known(self, party: Party) -> tuple[str, ...]:
        """What a party knows of B: the operator made it, and gave it its grant."""
        kinds = ("workspace", "workspace_name", "grant", "granted") if party is self.operator else ()
        return tuple(self.theirs.own[kind] for kind in kinds)

    @cached_property
    def nobodys(self) -> dict[str, str]:
        """Of each kind a value of the same form that nobody has."""
        return {kind: self.unlike(value) for kind, value in self.theirs.own.items()}

    def unlike(self, value: str) -> str:
        """A value of the same form that nobody has."""
        return unlike(value, self.theirs.mark)

    def twins(
        self,
        foreign: Asked,
        nobodys: Asked,
        place: str,
        *,
        by: Sequence[Party] | None = None,
        missing: bool = False,
    ) -> None:
        """Ask both, as each party, and compare. The owner of A, who may everything there, must be told `missing`: 404."""
        for party in self.strangers(foreign.entry):
            if by is not None and party not in by:
                continue
            one, other = foreign.by(party), nobodys.by(party)
            known = self.known(party)
            # Where requests are counted, the count may rise between the two; a difference that stays is none of time.
            for _ in range(COUNTS_AGAIN if foreign.entry.counted else 0):
                if told(one, foreign.sent + known) == told(other, nobodys.sent + known):
                    break
                one, other = foreign.by(party), nobodys.by(party)
            if told(one, foreign.sent + known) != told(other, nobodys.sent + known):
                said = f"{one.status} {one.body[:200]!r} is not {other.status} {other.body[:200]!r}"
                self.leak(str(foreign.entry), party, place, said)
            elif missing and party.name == "owner" and one.status != NOT_FOUND:
                self.leak(str(foreign.entry), party, place, f"{one.status}, not 404: {one.body[:200]!r}")
            self.look(str(foreign.entry), party, place, one, foreign.sent)

    def look(self, route: str, party: Party, place: str, reply: Reply, sent: tuple[str, ...] = ()) -> None:
        """Search an answer to A for anything of B that A did not send."""
        self.compared[self.part] += 1
        headers = "\n".join(f"{name}: {value}" for name, value in reply.headers.items())
        seen = blank(headers.encode() + reply.body, sent + self.known(party)).lower()
        for mark in self.theirs.marks:
            if mark in seen:
                self.leak(route, party, place, f"tells of B's {mark.decode()}: {reply.body[:200]!r}")
        if self.compared.total() % CONTROL_EVERY == 0:
            self.control()

    def control(self) -> None:
        """B finds what is B's: a server that answers nobody would pass all else."""
        entry = self._readable[self.controls % len(self._readable)]
        self.controls += 1
        reply = entry.ask(self.theirs.owner, entry.at(self.theirs.own), query=PAGE if entry.lists else None)
        if not reply.ok or (entry.lists and not self.tells(reply)):
            self.leak(
                str(entry),
                self.theirs.owner,
                "control",
                f"B is not shown it: {reply.status} {reply.body[:200]!r}",
            )

    def tells(self, reply: Reply) -> bool:
        """Whether an answer tells of B."""
        return any(mark in reply.body.lower() for mark in self.theirs.marks)

    def shown(self, place: Workspace) -> dict[str, str]:
        """A digest of every list and every thing that its owner sees."""
        answers = {
            str(entry): entry.ask(place.owner, entry.at(place.own), query=PAGE if entry.lists else None)
            for entry in self._readable
            if not entry.counted
        }
        return {
            name: hashlib.sha256(repr(told(reply, ())).encode()).hexdigest()
            for name, reply in answers.items()
        }

    @contextmanager
    def untouched(self, place: Workspace) -> Iterator[None]:
        """What is done meanwhile changes nothing that its owner is shown."""
        before = self.shown(place)
        yield
        for name, digest in self.shown(place).items():
            self.compared[self.part] += 1
            if before[name] != digest:
                self.leak(name, place.owner, f"what {place.name} is shown", "it is not what it was before")

    def leak(self, route: str, party: Party, place: str, what: str) -> None:
        """Note one."""
        self.leaks.append(Leak(self.part, route, party.name, place, what))

    @cached_property
    def _readable(self) -> list[Entry]:
        return [
            one for one in self.entries if one.method == "GET" and not (one.stream or one.open or one.shared)
        ]

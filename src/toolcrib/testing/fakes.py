"""Fakes to hand in: a clock that stands still, and a provider that does what it is told."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from toolcrib.contracts.contract import Contract
from toolcrib.contracts.provider import Invocation, Outcome, Success

START = 1_800_000_000_000_000
Behaviour = Callable[[Invocation], Awaitable[Outcome]]


@dataclass
class FakeClock:
    """Stands still until told to go on."""

    at: int = START
    seconds: float = 1_000.0

    def now(self) -> int:
        """Microseconds since 1970."""
        return self.at

    def monotonic(self) -> float:
        """Seconds that never run backwards."""
        return self.seconds

    def go(self, seconds: float) -> None:
        """Let time pass."""
        self.at += int(seconds * 1_000_000)
        self.seconds += seconds


async def echo(invocation: Invocation) -> Outcome:
    """Answer what was given."""
    return Success(dict(invocation.input))


@dataclass
class FakeProvider:
    """Runs every tool by `behaviour` and keeps what it ran; `objection` is what `check` raises. With `shows` it can preview."""

    kind: str = "http"
    behaviour: Behaviour = echo
    shows: Behaviour | None = None
    objection: Exception | None = None
    ran: list[Invocation] = field(default_factory=list)
    prepared: int = 0

    def check(self, contract: Contract) -> None:  # noqa: ARG002 a fake takes any
        """Object, where an objection was handed in."""
        if self.objection is not None:
            raise self.objection

    def prepare(self, contract: Contract) -> "FakeRunnable":
        """A runnable that wants the secret that the contract names."""
        self.prepared += 1
        ref = contract.api.auth.secret_ref if contract.api else None
        made = FakeRunnable if self.shows is None else ShowingRunnable
        return made(self, frozenset() if ref is None else frozenset({ref[2:-1]}))

    def answers(self, outcome: Outcome) -> None:
        """Every run ends so."""

        async def answer(_: Invocation) -> Outcome:
            return outcome

        self.behaviour = answer

    def raises(self, error: BaseException) -> None:
        """Every run fails in a way that no provider should."""

        async def fail(_: Invocation) -> Outcome:
            raise error

        self.behaviour = fail

    def hangs(self) -> "Hanging":
        """Every run waits until it is let go."""
        hanging = Hanging()
        self.behaviour = hanging.run
        return hanging


@dataclass
class FakeRunnable:
    """One tool of the fake provider."""

    provider: FakeProvider
    secrets: frozenset[str]

    async def run(self, invocation: Invocation) -> Outcome:
        """Do as the provider was told."""
        self.provider.ran.append(invocation)
        return await self.provider.behaviour(invocation)


@dataclass
class ShowingRunnable(FakeRunnable):
    """One that can preview."""

    async def preview(self, invocation: Invocation) -> Outcome:
        """Show as the provider was told."""
        shows = self.provider.shows or self.provider.behaviour
        return await shows(invocation)


@dataclass
class Hanging:
    """Runs that have begun and do not end before `go`."""

    begun: asyncio.Event = field(default_factory=asyncio.Event)
    go: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, invocation: Invocation) -> Outcome:
        """Wait, then answer what was given."""
        self.begun.set()
        await self.go.wait()
        return Success(dict(invocation.input))

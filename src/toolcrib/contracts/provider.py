"""How a tool runs: what a provider is given and what it answers. `app` hands providers to the gateway."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from .context import Progress, ToolBrief
from .contract import Contract
from .execution import Result, Subject
from .principal import Principal
from .secret import Secret


class Desk(Protocol):
    """What a running tool may ask of the counter. The gateway makes one for each call."""

    @property
    def principal(self) -> Principal:
        """Who called."""
        ...

    @property
    def subject(self) -> Subject | None:
        """What the call is about."""
        ...

    async def call(self, tool: str, given: dict[str, Any], size: int) -> Result:
        """Call another tool for the same principal; `size` is the length of the input's JSON text."""
        ...

    async def list_tools(self) -> list[ToolBrief]:
        """The tools that the principal may call."""
        ...

    def progress(self, progress: Progress) -> None:
        """Hear how far the tool is."""
        ...


@dataclass(frozen=True, slots=True)
class Invocation:
    """One run of one tool: the checked input, and the secrets it named, opened for this run only. `passed` are those that
    the tools which called this one have open: they may stand in its input.

    `seconds` are what is left for it; a provider that has a shorter limit of its own keeps to that.
    """

    execution_id: str
    workspace_id: str
    input: dict[str, Any]
    secrets: Mapping[str, Secret]
    seconds: float | None = None
    desk: Desk | None = None
    passed: Mapping[str, Secret] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Success:
    """The tool ran; `output` is JSON."""

    output: Any


@dataclass(frozen=True, slots=True)
class Failure:
    """The tool did not give its output. `code` is the house's or one the contract declares (then with `http_status`).

    `unknown`: nobody can tell whether the tool took effect, so the execution becomes `interrupted`.
    """

    code: str
    message: str
    details: Mapping[str, Any] = field(default_factory=dict)
    retryable: bool = False
    http_status: int | None = None
    unknown: bool = False


Outcome = Success | Failure


class Runnable(Protocol):
    """A contract made ready once and run many times."""

    @property
    def secrets(self) -> frozenset[str]:
        """Names of the secrets it refers to; all are opened before a run, a missing one ends the call."""
        ...

    async def run(self, invocation: Invocation) -> Outcome:
        """Run once. Never raises for what the upstream does; never tries twice."""
        ...


@runtime_checkable
class Previews(Protocol):
    """A runnable that can also show what a run would do."""

    async def preview(self, invocation: Invocation) -> Outcome:
        """Make ready all that a run needs and do nothing. A success is `{"dry_run": true, …}`, with no secret in it."""
        ...


class Provider(Protocol):
    """One kind of tool."""

    @property
    def kind(self) -> str:
        """The `kind` of the contracts it runs."""
        ...

    def check(self, contract: Contract) -> None:
        """Refuse at registration what could never run: raises `Invalid` or `EgressRefused`."""
        ...

    def prepare(self, contract: Contract) -> Runnable:
        """Do once what need not be done for each call."""
        ...

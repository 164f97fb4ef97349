"""A tool's only way to the house. A function asks for it with a parameter annotated `Context`; callers never see that one."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, Self

from .execution import Subject
from .principal import Principal


class Clock(Protocol):
    """The time, so that tests can hand in one of their own."""

    def now(self) -> datetime:
        """The moment, in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never run backwards."""
        ...


class ToolLog(Protocol):
    """The server's log; every line carries the execution's id. Name what happened: no inputs, no outputs."""

    def info(self, event: str, **fields: Any) -> None:
        """Something worth knowing happened."""
        ...

    def warning(self, event: str, **fields: Any) -> None:
        """Something is wrong that may mend itself."""
        ...

    def error(self, event: str, **fields: Any) -> None:
        """Something failed."""
        ...


class HttpAnswer(Protocol):
    """What an upstream answered, whatever its status; header names are in lower case."""

    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def body(self) -> bytes: ...

    def json(self) -> Any:
        """The body as JSON. Raises `RequestFailed` where it is none."""
        ...


class Http(Protocol):
    """Requests to the addresses that the operator allows."""

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        body: bytes | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 the client keeps it
    ) -> HttpAnswer:
        """Send once. A redirect is followed within the same origin only, at most five times, with method, body and
        headers as they are. `json=None` sends no body. Raises `RequestFailed`.
        """
        ...


@dataclass(frozen=True, slots=True)
class ToolBrief:
    """What may be known of a tool that the principal may call."""

    name: str
    title: str | None
    description: str
    input_schema: Mapping[str, Any]
    output_schema: Mapping[str, Any] | None

    @classmethod
    def of(cls, contract: Mapping[str, Any]) -> Self:
        """What a stored contract says; the schemas are copies, for whoever gets them may change them."""
        schemas = deepcopy((contract["input_schema"], contract.get("output_schema")))
        return cls(contract["name"], contract.get("title"), contract["description"], *schemas)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a running tool is: `done` of `total` steps."""

    done: float
    total: float | None = None
    message: str | None = None


class Context(Protocol):
    """One run of one tool: on whose behalf, about what, and what the tool may ask of the house."""

    @property
    def principal(self) -> Principal:
        """Who called."""
        ...

    @property
    def workspace(self) -> str:
        """The id of the workspace in which the call is made."""
        ...

    @property
    def subject(self) -> Subject | None:
        """What the call is about."""
        ...

    @property
    def execution_id(self) -> str:
        """The ledger's record of this call."""
        ...

    @property
    def settings(self) -> Mapping[str, str]:
        """The values of the settings that the pack declares."""
        ...

    @property
    def http(self) -> Http:
        """The way out."""
        ...

    @property
    def clock(self) -> Clock:
        """The time."""
        ...

    @property
    def log(self) -> ToolLog:
        """The server's log."""
        ...

    @property
    def deadline(self) -> float:
        """Seconds that are left."""
        ...

    def secret(self, name: str) -> str:
        """A secret's value, opened for this run. Raises `KeyError` for one that the contract does not list."""
        ...

    async def call(self, tool: str, input: Mapping[str, Any] | None = None) -> Any:  # noqa: A002 the word of the contract
        """Call a tool over the same counter, for the same principal, as an execution of its own. Raises `CallFailed`."""
        ...

    async def list_tools(self) -> list[ToolBrief]:
        """The tools that the principal may call, by name."""
        ...

    def progress(self, done: float, total: float | None = None, message: str | None = None) -> None:
        """Tell how far it is: a line of the server's log, with `TOOLCRIB_LOG_LEVEL=debug`."""
        ...

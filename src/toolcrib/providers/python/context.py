"""The `Context` of one run: what the gateway's desk offers, and what this room adds to it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from toolcrib.contracts.context import Http, Progress, ToolBrief
from toolcrib.contracts.errors import Code, ToolcribError
from toolcrib.contracts.execution import Status, Subject
from toolcrib.contracts.failures import CallFailed
from toolcrib.contracts.principal import Principal
from toolcrib.contracts.provider import Desk, Invocation
from toolcrib.kit.clock import Clock
from toolcrib.kit.json import dumps
from toolcrib.kit.logging import Log
from toolcrib.kit.strike import Strikes
from toolcrib.kit.striker import struck_start
from toolcrib.providers.python.output import NotJson, details, plain

_LONGEST_LINE = 10_000
_OF_A_LINE = frozenset({"event", "room", "level", "timestamp", "traceback"})
"""What every line of the log has; a tool's own field of the name gets a `_`."""
_NOT_DONE = {
    "code": Code.CONFLICT.value, "message": "The call is not done yet, and nobody waits for it here.", "details": {}, "retryable": False,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ToolClock:
    """The house's clock as tools see it."""

    inner: Clock

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.inner.now() / 1_000_000, UTC)

    def monotonic(self) -> float:
        return self.inner.monotonic()


@dataclass(frozen=True, slots=True)
class RunLog:
    """Lines of one execution, without the secrets of its run."""

    inner: Log
    bound: dict[str, str]
    strikes: Strikes | None

    def info(self, event: str, /, **fields: Any) -> None:
        self.inner.info(self._told(event), **self._shown(fields))

    def warning(self, event: str, /, **fields: Any) -> None:
        self.inner.warning(self._told(event), **self._shown(fields))

    def error(self, event: str, /, **fields: Any) -> None:
        self.inner.error(self._told(event), **self._shown(fields))

    def _told(self, event: object) -> str:
        return struck_start(str(event), _LONGEST_LINE, self.strikes)

    def _shown(self, fields: dict[str, Any]) -> dict[str, Any]:
        shown = details(fields, _LONGEST_LINE, self.strikes)
        return {
            f"{name}_" if name in _OF_A_LINE else name: value for name, value in shown.items()
        } | self.bound


@dataclass(frozen=True, slots=True)
class RunContext:
    """Made for one run and of no use after it."""

    invocation: Invocation
    desk: Desk
    settings: Mapping[str, str]
    http: Http
    clock: ToolClock
    log: RunLog
    until: float
    limit: int
    loop: asyncio.AbstractEventLoop

    @property
    def principal(self) -> Principal:
        return self.desk.principal

    @property
    def workspace(self) -> str:
        return self.invocation.workspace_id

    @property
    def subject(self) -> Subject | None:
        return self.desk.subject

    @property
    def execution_id(self) -> str:
        return self.invocation.execution_id

    @property
    def deadline(self) -> float:
        return self.until - self.clock.monotonic()

    def secret(self, name: str) -> str:
        if name not in self.invocation.secrets:
            raise KeyError(f"{name} is not among the secrets of this tool's contract")
        return self.invocation.secrets[name].reveal()

    async def call(self, tool: str, input: Mapping[str, Any] | None = None) -> Any:  # noqa: A002 the word of the contract
        self._only_in_the_loop("call")
        given = self._plain(tool, dict(input or {}))
        try:
            result = await self.desk.call(tool, given, len(dumps(given)))
        except ToolcribError as refused:
            raise CallFailed(tool, _as_error(refused)) from refused
        if result.status is not Status.SUCCEEDED:
            raise CallFailed(tool, result.error or _NOT_DONE, result.execution_id, result.status.value)
        return result.output

    async def list_tools(self) -> list[ToolBrief]:
        self._only_in_the_loop("list_tools")
        return await self.desk.list_tools()

    def progress(self, done: float, total: float | None = None, message: str | None = None) -> None:
        if message is not None:
            message = struck_start(message, _LONGEST_LINE, self.log.strikes)
        self.loop.call_soon_threadsafe(self.desk.progress, Progress(done, total, message))

    def _plain(self, tool: str, given: dict[str, Any]) -> dict[str, Any]:
        try:
            made: dict[str, Any] = plain(given, self.limit)  # type: ignore[assignment]  # an object stays one
        except NotJson as error:
            raise TypeError(f"the input for {tool} is no JSON") from error
        return made

    def _only_in_the_loop(self, name: str) -> None:
        if asyncio.get_running_loop() is not self.loop:
            raise RuntimeError(f"context.{name} works in async tools only; write `async def`")


def _as_error(refused: ToolcribError) -> dict[str, Any]:
    return {
        "code": refused.code.value,
        "message": refused.message,
        "details": dict(refused.details),
        "retryable": refused.retryable,
    }

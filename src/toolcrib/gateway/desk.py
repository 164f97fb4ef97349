"""What a running tool may ask of the counter: the same counter, for the same principal, decided by the same rules."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from toolcrib.contracts.context import Progress, ToolBrief
from toolcrib.contracts.errors import Unauthorized
from toolcrib.contracts.execution import Call, Result, Subject
from toolcrib.contracts.principal import Principal
from toolcrib.contracts.secret import Secret
from toolcrib.kit.logging import logger
from toolcrib.policy.service import decide

from .facts import Snapshots

Heard = Callable[[str, str, Progress], None]
ENDED = "The call that made this one ended first, so the outcome is not known. Look at the execution before repeating it."
_log = logger("gateway")


class Counter(Protocol):
    """Where calls are made."""

    async def call_tool(self, principal: Principal, call: Call) -> Result: ...


@dataclass(frozen=True, slots=True)
class CallerDesk:
    """The desk of one call."""

    counter: Counter
    snapshots: Snapshots
    principal: Principal
    made: Call
    now: int
    secrets: Mapping[str, Secret]
    execution_id: str
    heard: Heard
    beside: "set[asyncio.Task[Result]]"

    @property
    def subject(self) -> Subject | None:
        return self.made.subject

    async def call(self, tool: str, given: dict[str, Any], size: int) -> Result:
        """An execution of its own, about the same subject. If this call is given up, that one's outcome is still recorded."""
        made = self.made
        hidden = {**made.hidden, **self.secrets}
        call = Call(tool, given, made.subject, made.exception_id, size, depth=made.depth + 1, hidden=hidden)
        task = asyncio.create_task(self.counter.call_tool(self.principal, call))
        self.beside.add(task)  # it outlives this call where that one is given up
        task.add_done_callback(self.beside.discard)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.cancel(ENDED)
            raise

    async def list_tools(self) -> list[ToolBrief]:
        """What the principal may call now, by name."""
        facts = await self.snapshots.of(self.principal.workspace_id)
        if facts is None:
            raise Unauthorized
        allowed = [
            tool
            for tool in facts.seen_by_models()
            if decide(self.principal, facts.about(tool), self.now).allowed
        ]
        return [ToolBrief.of(tool.document()) for tool in allowed]

    def progress(self, progress: Progress) -> None:
        """Pass on how far the tool is."""
        self.heard(self.principal.workspace_id, self.execution_id, progress)


def told_to_the_log(workspace: str, execution_id: str, progress: Progress) -> None:
    """Where nobody else listens. A tool tells often, so only a log of everything has it."""
    _log.debug(
        "progress",
        workspace=workspace,
        execution_id=execution_id,
        done=progress.done,
        total=progress.total,
    )

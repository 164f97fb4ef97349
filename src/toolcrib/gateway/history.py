"""The ledger at the counter: what was called and changed, what came of it, and what happens now."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from toolcrib.contracts.errors import Conflict, NotFound, Unavailable
from toolcrib.contracts.execution import FINAL_EVENTS, Event, EventType, Execution, Result, Status
from toolcrib.contracts.principal import Permission, Principal
from toolcrib.kit.db import DatabaseUnavailable
from toolcrib.kit.json import dumps
from toolcrib.policy.service import sees

from .approvals import Approvals
from .call import Calls
from .change import Changes
from .facts import Stores, reached
from .places import MOST_STREAMS, Places
from .records import answer_again

_PAGE = 200
_BINDING = frozenset(
    (
        EventType.KEY_REVOKED,
        EventType.KEY_ROTATED,
        EventType.MEMBER_CHANGED,
        EventType.MEMBER_REMOVED,
        EventType.SUSPENDED,
        EventType.WORKSPACE_CHANGED,
        EventType.WORKSPACE_SUSPENDED,
    )
)
"""Who follows the ledger may have no right to it from one of these on."""


class History:
    """Reads the ledger of the principal's workspace, and stops what runs there."""

    def __init__(self, stores: Stores, changes: Changes, calls: Calls, approvals: Approvals) -> None:
        self._ledger = stores.ledger
        self._changes = changes
        self._calls = calls
        self._approvals = approvals
        self._streams = Places(MOST_STREAMS)

    async def get(self, principal: Principal, execution_id: str) -> Execution:
        """One execution with its payloads. Raises `NotFound`."""
        await self._changes.permitted(principal, Permission.EXECUTIONS_READ)
        found = await reached(self._ledger.find(principal.workspace_id, execution_id))
        if found is None or not sees(principal, found.tool):
            raise NotFound("There is no such execution.")
        return found

    async def result(self, principal: Principal, execution_id: str) -> Result:
        """What its caller was answered, or will be. Raises `NotFound`."""
        return answer_again(await self.get(principal, execution_id))

    async def list(self, principal: Principal, limit: int, wanted: Mapping[str, Any]) -> Sequence[Execution]:
        """Executions, newest first, filtered; `wanted["after"]` is the id to go on from."""
        facts = await self._changes.permitted(principal, Permission.EXECUTIONS_READ)
        tool = facts.find(str(wanted.get("tool", "")))
        if tool is not None:  # ids have an index
            wanted = {"tool_id": tool.id} | {name: value for name, value in wanted.items() if name != "tool"}
        return await reached(self._ledger.newest(principal.workspace_id, limit, _seen(principal, wanted)))

    async def audit(self, principal: Principal, limit: int, wanted: Mapping[str, Any]) -> Sequence[Event]:
        """Events, newest first, filtered; `wanted["after"]` is the number to go on from."""
        facts = await self._changes.permitted(principal, Permission.EXECUTIONS_READ)
        tool = facts.find(str(wanted.get("tool", "")))
        if tool is not None:  # events tell of names
            wanted = {**wanted, "tool": tool.name}
        wanted = _seen(principal, wanted)
        return await reached(self._ledger.newest_events(principal.workspace_id, limit, wanted))

    async def events(
        self, principal: Principal, execution_id: str, limit: int, after: int = 0
    ) -> Sequence[Event]:
        """One execution's events in order. Raises `NotFound`."""
        await self.get(principal, execution_id)
        found = self._ledger.events_after(principal.workspace_id, after, limit, execution_id)
        return await reached(found)

    async def newest(self, principal: Principal) -> int:
        """The number of the newest event: where a stream begins that tells of nothing before it."""
        await self._changes.permitted(principal, Permission.EXECUTIONS_READ)
        newest = await reached(self._ledger.newest_events(principal.workspace_id, 1, {}))
        return newest[0].seq if newest else 0

    def refuse_crowd(self, principal: Principal) -> None:
        """Raises `RateLimited` where the workspace has its share of streams, before one begins."""
        self._streams.check(principal.workspace_id)

    async def follow(
        self, principal: Principal, after: int | None, heartbeat: float
    ) -> AsyncGenerator[Sequence[Event], None]:
        """The workspace's events in the order of commits, for ever: those after a number, or from now on. Pages may be
        empty. Ends when the listener is too slow or the process stops; raises `Unauthorized` once the credential is
        revoked, removed or over, and `Forbidden` once it is suspended.
        """
        workspace = principal.workspace_id
        after = await self.newest(principal) if after is None else after
        try:
            with self._streams.one(workspace):
                async with aclosing(self._ledger.tail.follow(workspace, after, heartbeat)) as pages:
                    async for page in pages:
                        await self._still_permitted(principal, page)
                        yield [event for event in page if sees(principal, event.about)]
        except DatabaseUnavailable as error:
            raise Unavailable from error

    async def _still_permitted(self, principal: Principal, page: Sequence[Event]) -> None:
        """By facts that are not older than what the page tells."""
        if any(event.type in _BINDING for event in page):
            await self._changes.renew(principal.workspace_id, principal.workspace_id)
        await self._changes.permitted(principal, Permission.EXECUTIONS_READ)

    async def follow_execution(
        self, principal: Principal, execution_id: str, after: int, heartbeat: float
    ) -> AsyncGenerator[Sequence[Event], None]:
        """One execution's events until it has come to its end. Raises `NotFound`."""
        seen = await self.events(principal, execution_id, _PAGE, after)
        yield seen
        if (await self.get(principal, execution_id)).is_final:
            yield await self.events(principal, execution_id, _PAGE, seen[-1].seq if seen else after)
            return
        async with aclosing(self.follow(principal, seen[-1].seq if seen else after, heartbeat)) as pages:
            async for page in pages:
                own = [event for event in page if event.execution_id == execution_id]
                yield own
                if any(event.type in FINAL_EVENTS for event in own):
                    return

    async def cancel(self, principal: Principal, execution_id: str) -> Execution:
        """Ask that a running execution ends, or one that waits. Its caller, and whoever may cancel all, may. Raises `NotFound`, `Forbidden`,
        and `Conflict` where it does not run.
        """
        execution = await self.get(principal, execution_id)
        if execution.actor_id != principal.actor_id:
            await self._changes.permitted(principal, Permission.EXECUTIONS_CANCEL)
        if execution.is_final:
            raise Conflict(
                f"The execution is {execution.status}; only one that runs can be cancelled.", reason="ended"
            )
        if execution.status is Status.AWAITING_APPROVAL and execution.approval_id is not None:
            await self._approvals.withdraw(principal, execution.approval_id)
            return await self.get(principal, execution_id)
        await reached(self._ledger.ask_to_cancel(principal, execution_id))
        self._calls.cancel([execution_id])
        return await self.get(principal, execution_id)


def _seen(principal: Principal, wanted: Mapping[str, Any]) -> Mapping[str, Any]:
    """The filters, and the tools that a limited key sees."""
    return wanted if principal.tools is None else {**wanted, "tools": dumps(sorted(principal.tools)).decode()}

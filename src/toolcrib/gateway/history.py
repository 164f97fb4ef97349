"""The ledger at the counter: what was called, and what came of it."""

from collections.abc import Mapping, Sequence
from typing import Any

from toolcrib.contracts.errors import NotFound, Unavailable
from toolcrib.contracts.execution import Execution
from toolcrib.contracts.principal import Permission, Principal
from toolcrib.kit.db import DatabaseUnavailable

from .change import Changes
from .facts import Stores


class History:
    """Reads executions of the principal's workspace."""

    def __init__(self, stores: Stores, changes: Changes) -> None:
        self._ledger = stores.ledger
        self._changes = changes

    async def get(self, principal: Principal, execution_id: str) -> Execution:
        """One execution with its payloads. Raises `NotFound`."""
        await self._changes.permitted(principal, Permission.EXECUTIONS_READ)
        try:
            found = await self._ledger.find(principal.workspace_id, execution_id)
        except DatabaseUnavailable as error:
            raise Unavailable from error
        if found is None:
            raise NotFound("There is no such execution.")
        return found

    async def list(self, principal: Principal, limit: int, wanted: Mapping[str, Any]) -> Sequence[Execution]:
        """Executions, newest first, filtered; `wanted["after"]` is the id to go on from."""
        facts = await self._changes.permitted(principal, Permission.EXECUTIONS_READ)
        tool = facts.find(str(wanted.get("tool", "")))
        if tool is not None:  # ids have an index
            wanted = {"tool_id": tool.id} | {name: value for name, value in wanted.items() if name != "tool"}
        try:
            return await self._ledger.newest(principal.workspace_id, limit, wanted)
        except DatabaseUnavailable as error:
            raise Unavailable from error

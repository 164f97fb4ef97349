"""The security log at the counter: who tried what here, and what was changed that walls are made of."""

from collections.abc import Mapping, Sequence
from typing import Any

from toolcrib.contracts.errors import Unavailable
from toolcrib.contracts.principal import Permission, Principal
from toolcrib.contracts.security import SecurityItem, SecurityKind
from toolcrib.kit.db import DatabaseUnavailable
from toolcrib.ledger.security import Place

from .change import Changes
from .facts import Stores


class SecurityLog:
    """Reads the ledger of the principal's workspace as those do who guard it."""

    def __init__(self, stores: Stores, changes: Changes) -> None:
        self._stores = stores
        self._changes = changes

    async def page(
        self,
        principal: Principal,
        limit: int,
        kind: SecurityKind | None,
        wanted: Mapping[str, Any],
        begins: Place,
    ) -> tuple[Sequence[SecurityItem], Place]:
        """Items, newest first, and where the next page begins. The operator also sees requests that no workspace's
        credential came with. Raises `Forbidden`.
        """
        facts = await self._changes.permitted(principal, Permission.SECURITY_READ)
        who = self._stores.identity.again(facts.roster, principal)
        tool = facts.find(str(wanted.get("tool", "")))
        if tool is not None:
            wanted = {**wanted, "tool": tool.name}
        try:
            return await self._stores.ledger.security.page(
                principal.workspace_id, limit, kind, wanted, begins, strangers=who.operator
            )
        except DatabaseUnavailable as error:
            raise Unavailable from error

"""Secrets at the counter: set, listed by name, deleted; no way out but a call."""

from collections.abc import Sequence

from toolcrib.contracts.execution import EventType
from toolcrib.contracts.principal import Permission, Principal
from toolcrib.vault.service import SealedSecret

from .change import Change, Changes
from .facts import Stores


class SecretNames:
    """What can be done with secrets."""

    def __init__(self, stores: Stores, changes: Changes) -> None:
        self._vault = stores.vault
        self._changes = changes

    async def set(self, principal: Principal, name: str, value: str) -> None:
        """Set or replace a value in the principal's workspace."""

        async def put(change: Change) -> None:
            await self._vault.put(change.tx, change.scope, name, value, principal.actor_id, change.generation)
            await change.tell(EventType.SECRET_SET, name)

        await self._changes.change(principal, Permission.SECRETS_WRITE, put)

    async def list(self, principal: Principal, limit: int, after: str | None) -> Sequence[SealedSecret]:
        """Names and dates, by name."""
        facts = await self._changes.permitted(principal, Permission.SECRETS_READ)
        return [facts.secrets[name] for name in sorted(facts.secrets) if after is None or name > after][
            :limit
        ]

    async def delete(self, principal: Principal, name: str) -> None:
        """Forget a value. Raises `NotFound`."""

        async def remove(change: Change) -> None:
            await self._vault.delete(change.tx, change.scope, name, change.generation)
            await change.tell(EventType.SECRET_DELETED, name)

        await self._changes.change(principal, Permission.SECRETS_WRITE, remove)

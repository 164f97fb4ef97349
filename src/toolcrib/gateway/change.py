"""permit → change → record: the one way to write anything that is not a call."""

import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from toolcrib.contracts.errors import Forbidden, Unauthorized, Unavailable
from toolcrib.contracts.execution import EventType
from toolcrib.contracts.principal import Permission, Principal
from toolcrib.kit.db import DatabaseUnavailable, Tx
from toolcrib.ledger.service import ChangeFact
from toolcrib.policy.service import permits

from .facts import Facts, Snapshots, Stores
from .news import News

T = TypeVar("T")
_TRIES = 8


class _Stale(Exception):
    """The permission was decided on an older generation; decide again."""


@dataclass(frozen=True, slots=True)
class Change:
    """An open change: its transaction, the generation it makes, and the pen for its one event."""

    tx: Tx
    scope: str
    generation: int
    principal: Principal
    stores: Stores
    seq: int

    async def tell(self, kind: EventType, about: str, facts: Mapping[str, Any] | None = None) -> None:
        """Write the change's event."""
        fact = ChangeFact(self.scope, self.seq, kind, about, facts)
        await self.stores.ledger.tell(self.tx, self.principal, fact)


class Changes:
    """Every store is written through here."""

    def __init__(self, stores: Stores, snapshots: Snapshots, news: News) -> None:
        self._stores = stores
        self._snapshots = snapshots
        self._news = news

    async def change(
        self,
        principal: Principal,
        permission: Permission,
        work: Callable[[Change], Awaitable[T]],
        *,
        scope: str | None = None,
    ) -> T:
        """Do `work` in one transaction if the principal may, raise the generation of its scope (its workspace unless
        named), and leave nothing behind if anything in it fails.
        """
        scope = scope or principal.workspace_id
        for _ in range(_TRIES):
            facts = await self.permitted(principal, permission)
            try:
                done: T = await self._stores.db.change(
                    tuple(sorted({scope, principal.workspace_id})), self._work(facts, scope, principal, work)
                )
            except _Stale:
                await self._snapshots.reload(principal.workspace_id)
            except DatabaseUnavailable as error:
                raise Unavailable from error
            else:
                self._news.changed(scope)
                with contextlib.suppress(
                    Unavailable
                ):  # it is made; the fence mends a snapshot that stays old
                    await self._snapshots.reload(principal.workspace_id)
                return done
        raise Unavailable("The workspace changes too quickly; try again.")

    async def permitted(self, principal: Principal, permission: Permission) -> Facts:
        """The facts by which this principal may do this. Raises `Unauthorized` or `Forbidden`."""
        facts = await self._snapshots.of(principal.workspace_id)
        if facts is None:
            raise Unauthorized
        if not permits(self._stores.identity.again(facts.keys, principal), permission):
            raise Forbidden(
                f"This credential lacks the permission {permission}.", permission=permission.value
            )
        return facts

    def _work(
        self, facts: Facts, scope: str, principal: Principal, work: Callable[[Change], Awaitable[T]]
    ) -> Callable[[Tx], Awaitable[T]]:
        ledger = self._stores.ledger

        async def apply(tx: Tx) -> T:
            seq, generation = await ledger.raise_generation(tx, scope)
            own = (
                generation - 1
                if scope == facts.workspace_id
                else (await ledger.generations(tx, facts.workspace_id))[0]
            )
            if own != facts.generation:
                raise _Stale
            return await work(Change(tx, scope, generation, principal, self._stores, seq))

        return apply

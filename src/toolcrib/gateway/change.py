"""permit → change → record: the one way to write anything that is not a call."""

import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from toolcrib.contracts.errors import Forbidden, Unauthorized, Unavailable
from toolcrib.contracts.execution import EventType
from toolcrib.contracts.names import GLOBAL
from toolcrib.contracts.principal import Permission, Principal
from toolcrib.identity.service import Roster, as_operator
from toolcrib.kit.db import DatabaseError, DatabaseUnavailable, Tx
from toolcrib.ledger.service import ChangeFact
from toolcrib.policy.service import permits

from .facts import Facts, Snapshots, Stores, no_workspace
from .news import News
from .places import Places

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Change:
    """An open change: its transaction, the generation it makes, and the pen for its one event. `principal` and `roster`,
    which is that of the principal's workspace, are as of now.
    """

    tx: Tx
    scope: str
    generation: int
    principal: Principal
    stores: Stores
    seq: int
    roster: Roster

    async def tell(self, kind: EventType, about: str, facts: Mapping[str, Any] | None = None) -> None:
        """Write the change's event."""
        fact = ChangeFact(self.scope, self.seq, kind, about, facts)
        await self.stores.ledger.tell(self.tx, self.actor, fact)

    @property
    def actor(self) -> Principal:
        """The principal as the change's scope reads of it: a workspace may have an actor of the operator's name."""
        if self.scope in (self.principal.workspace_id, GLOBAL):
            return self.principal
        return replace(self.principal, actor_id=as_operator(self.principal.actor_id))


class _TakenBack(Exception):
    """Ends the transaction of a rehearsal."""


class Changes:
    """Every store is written through here."""

    def __init__(self, stores: Stores, snapshots: Snapshots, news: News, places: Places) -> None:
        self._stores = stores
        self._places = places
        self._snapshots = snapshots
        self._news = news

    async def change(
        self,
        principal: Principal,
        permission: Permission,
        work: Callable[[Change], Awaitable[T]],
        *,
        scope: str | None = None,
        also: tuple[str, ...] = (),
    ) -> T:
        """Do `work` in one transaction if the principal may, raise the generation of its scope (its workspace unless
        named), and leave nothing behind if anything in it fails. `also` are further scopes whose rows it writes.

        The permission is asked before, and again inside the transaction where the workspace changed meanwhile.
        """
        scope = scope or principal.workspace_id
        facts = await self.permitted(principal, permission)
        apply = self._work(facts, scope, principal, permission, work)
        scopes = tuple(sorted({scope, principal.workspace_id, *also}))
        try:
            with self._places.one(principal.workspace_id):
                done: T = await self._stores.db.change(scopes, apply)
        except DatabaseUnavailable as error:
            raise Unavailable from error
        self._news.changed(scope)
        self._stores.ledger.tail.wake(scope)
        with contextlib.suppress(
            Unavailable, DatabaseError
        ):  # it is made; the fence mends a snapshot that stays old
            await self.renew(scope, principal.workspace_id)
        return done

    async def rehearse(
        self,
        principal: Principal,
        permission: Permission,
        work: Callable[[Change], Awaitable[T]],
        *,
        scope: str | None = None,
    ) -> T:
        """Do all of a change up to its commit and take it back: whatever would refuse it refuses this."""
        done: list[T] = []

        async def undone(change: Change) -> None:
            done.append(await work(change))
            raise _TakenBack

        with contextlib.suppress(_TakenBack):
            await self.change(principal, permission, undone, scope=scope)
        return done[-1]

    async def renew(self, scope: str, workspace: str) -> None:
        """Whoever made a change sees it in the next list, and so does this whole process if it concerns all."""
        await (self._snapshots.reload(workspace) if scope == workspace else self._snapshots.refresh())

    async def facts_of(self, principal: Principal, workspace: str) -> Facts:
        """The facts of the principal's workspace; the operator is given those of any. Raises `NotFound`."""
        facts = await self.permitted(principal, Permission.WORKSPACE_READ)
        if workspace == principal.workspace_id:
            return facts
        operator = self._stores.identity.again(facts.roster, principal).operator
        found = await self._snapshots.of(workspace) if operator else None
        if found is None:
            raise no_workspace()
        return found

    async def permitted(self, principal: Principal, permission: Permission) -> Facts:
        """The facts by which this principal may do this. Raises `Unauthorized` or `Forbidden`."""
        facts = await self._snapshots.of(principal.workspace_id)
        if facts is None:
            raise Unauthorized
        await self.refuse_ended_visit(principal)
        self._check(facts.roster, principal, permission)
        return facts

    async def refuse_ended_visit(self, principal: Principal) -> None:
        """The operator looks into another workspace only as long as it is the operator. Raises `Unauthorized`, `Forbidden`."""
        at_home = self._stores.identity.at_home(principal)
        if at_home is not None:
            facts = await self._snapshots.of(at_home.workspace_id)
            if facts is None or not self._stores.identity.again(facts.roster, at_home).operator:
                raise Unauthorized

    def _check(self, roster: Roster, principal: Principal, permission: Permission) -> Principal:
        """The principal as it is by these facts, if it may."""
        who = self._stores.identity.again(roster, principal)
        if not permits(who, permission):
            raise Forbidden(
                f"This credential lacks the permission {permission}.", permission=permission.value
            )
        return who

    def _work(
        self,
        facts: Facts,
        scope: str,
        principal: Principal,
        permission: Permission,
        work: Callable[[Change], Awaitable[T]],
    ) -> Callable[[Tx], Awaitable[T]]:
        ledger, workspace = self._stores.ledger, facts.workspace_id

        async def apply(tx: Tx) -> T:
            """Rows are locked by name, as batches of calls lock them. Whoever works is the principal as it is now."""
            own = await ledger.held_generation(tx, workspace) if workspace < scope else None
            seq, generation = await ledger.raise_generation(tx, scope)
            if scope < workspace:
                own = await ledger.held_generation(tx, workspace)
            roster = facts.roster
            if facts.generation != (generation - 1 if own is None else own):
                roster = await self._stores.identity.load(tx, workspace, roster, facts.generation)
            who = self._check(roster, principal, permission)
            return await work(Change(tx, scope, generation, who, self._stores, seq, roster))

        return apply

"""Grants and suspensions at the counter: what a workspace is entitled to, and who or what is shut out of it for now."""

import contextlib
from collections.abc import Sequence

from toolcrib.contracts.errors import Conflict, Forbidden, Invalid
from toolcrib.contracts.execution import EventType
from toolcrib.contracts.principal import Permission, Principal
from toolcrib.identity.service import Grant, NewGrant

from .change import Change, Changes
from .facts import Stores
from .hosts import read_host


class Grants:
    """What can be done with entitlements."""

    def __init__(self, stores: Stores, changes: Changes) -> None:
        self._identity = stores.identity
        self._changes = changes

    async def list(
        self, principal: Principal, workspace: str, limit: int, after: str | None
    ) -> Sequence[Grant]:
        """Grants of a workspace by id, also those whose time is over; the operator sees those of any."""
        facts = await self._changes.facts_of(principal, workspace)
        await self._changes.permitted(principal, Permission.GRANTS_READ)
        there = sorted((one for one in facts.roster.grants.values() if not one.ended), key=lambda one: one.id)
        return [one for one in there if after is None or one.id > after][:limit]

    async def give(self, principal: Principal, workspace: str, wanted: NewGrant) -> str:
        """Give an entitlement, by the operator alone; answers its id. Raises `NotFound` where there is no such workspace."""
        await self._changes.facts_of(principal, workspace)

        async def add(change: Change) -> str:
            grant = await self._identity.people.add_grant(
                change.tx, change.scope, wanted, change.actor.actor_id, change.generation
            )
            told = {"name": wanted.name, "actor_id": wanted.actor_id}
            await change.tell(EventType.GRANT_GIVEN, grant, told)
            return grant

        return await self._changes.change(principal, Permission.HOUSE_WRITE, add, scope=workspace)

    async def end(self, principal: Principal, workspace: str, grant: str) -> None:
        """Take an entitlement back, by the operator alone. Raises `NotFound`."""
        await self._changes.facts_of(principal, workspace)

        async def remove(change: Change) -> None:
            await self._identity.people.end_grant(change.tx, change.scope, grant, change.generation)
            await change.tell(EventType.GRANT_ENDED, grant)

        await self._changes.change(principal, Permission.HOUSE_WRITE, remove, scope=workspace)


class Suspensions:
    """What can be done about an actor that should not act for now, or a host that should not be called."""

    def __init__(self, stores: Stores, changes: Changes) -> None:
        self._identity = stores.identity
        self._changes = changes

    async def list(self, principal: Principal) -> Sequence[tuple[str, str]]:
        """What is suspended, each as its kind and its name."""
        facts = await self._changes.permitted(principal, Permission.MEMBERS_READ)
        return sorted(facts.roster.suspended)

    async def suspend(self, principal: Principal, kind: str, name: str) -> str:
        """Shut an actor out of the workspace: each of its credentials is refused from the next request on. Or an upstream
        host: no request of a tool goes there. Answers the name as it is kept. Raises `Forbidden` for an actor with a wider
        role, `Conflict` for oneself, `Invalid` for what is no host.
        """
        await self._changes.permitted(principal, Permission.SUSPENSIONS_WRITE)
        name = read_host(name) if kind == "host" else name

        async def write(change: Change) -> None:
            if kind == "actor":
                self._refuse(change, name)
            await self._identity.people.suspend(
                change.tx, change.scope, kind, name, principal.actor_id, change.generation
            )
            await change.tell(EventType.SUSPENDED, name, {"kind": kind})

        await self._changes.change(principal, Permission.SUSPENSIONS_WRITE, write)
        return name

    def _refuse(self, change: Change, actor: str) -> None:
        if actor in (change.principal.actor_id, change.principal.on_behalf_of):
            raise Conflict("You cannot suspend yourself; another admin can.", reason="yourself")
        known = self._identity.acting(change.roster, actor)
        if known is not None and known.role.reach > change.principal.role.reach:
            raise Forbidden(f"Only an {known.role} suspends one with the role {known.role}.")

    async def lift(self, principal: Principal, kind: str, name: str) -> None:
        """Let it in again. Raises `NotFound`."""
        if kind == "host":
            with contextlib.suppress(Invalid):  # what is no host is not suspended either
                name = read_host(name)

        async def write(change: Change) -> None:
            await self._identity.people.lift(change.tx, change.scope, kind, name, change.generation)
            await change.tell(EventType.SUSPENSION_LIFTED, name, {"kind": kind})

        await self._changes.change(principal, Permission.SUSPENSIONS_WRITE, write)

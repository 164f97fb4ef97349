"""Limits at the counter: what a workspace allows itself, what the operator allows it, and what is exhausted now."""

from collections.abc import Sequence
from dataclasses import asdict

from toolcrib.contracts.decision import Reason
from toolcrib.contracts.errors import Unavailable
from toolcrib.contracts.execution import EventType
from toolcrib.contracts.principal import Permission, Principal
from toolcrib.kit.clock import Clock
from toolcrib.kit.db import DatabaseUnavailable, Tx
from toolcrib.policy.limits import CEILING, SECOND, Concerned, Limit, Meter, draw
from toolcrib.registry.service import StoredTool

from .admission import Admission
from .change import Change, Changes
from .facts import Facts, Stores, no_workspace
from .limited import COUNTED_BY, AtLimit, reason_of


class LimitsOf:
    """What can be done with the limits of a workspace."""

    def __init__(self, stores: Stores, changes: Changes) -> None:
        self._identity = stores.identity
        self._limits = stores.limits
        self._changes = changes

    async def list(
        self, principal: Principal, workspace: str, limit: int, after: tuple[str, str] | None
    ) -> Sequence[Limit]:
        """Limits of a workspace by kind and name; the operator sees those of any. Raises `NotFound`."""
        rows = (await self._changes.facts_of(principal, workspace)).limits.rows
        return [rows[key] for key in sorted(rows) if after is None or key > after][:limit]

    async def set(self, principal: Principal, workspace: str, limit: Limit) -> None:
        """Set a limit: the ceiling by the operator, all others by who manages the workspace. Raises `NotFound`, `Forbidden`."""

        async def write(change: Change) -> None:
            await self._limits.set(change.tx, change.scope, limit, principal.actor_id, change.generation)
            told = {name: value for name, value in asdict(limit.allowed).items() if value is not None}
            await change.tell(EventType.LIMIT_SET, limit.name, {"kind": limit.kind, **told})

        permission = await self._may(principal, workspace, limit.kind)
        await self._changes.change(principal, permission, write, scope=workspace)

    async def remove(self, principal: Principal, workspace: str, kind: str, name: str) -> None:
        """Remove a limit, by whoever may set it. Raises `NotFound`, `Forbidden`."""

        async def write(change: Change) -> None:
            await self._limits.remove(change.tx, change.scope, kind, name, change.generation)
            await change.tell(EventType.LIMIT_REMOVED, name, {"kind": kind})

        permission = await self._may(principal, workspace, kind)
        await self._changes.change(principal, permission, write, scope=workspace)

    async def _may(self, principal: Principal, workspace: str, kind: str) -> Permission:
        """What setting it needs. Of another workspace the operator sets the ceiling and nothing else."""
        await self._changes.facts_of(principal, workspace)
        if kind == CEILING:
            return Permission.HOUSE_WRITE
        if workspace != principal.workspace_id:
            raise no_workspace()
        return Permission.LIMITS_WRITE


class Outlook:
    """What a call would be refused for now, for those who ask before they call. It takes nothing."""

    def __init__(self, stores: Stores, admission: Admission, clock: Clock) -> None:
        self._stores = stores
        self._admission = admission
        self._clock = clock

    async def reason(self, facts: Facts, who: Principal, tool: StoredTool, host: str | None) -> Reason:
        """How the limits stand for a call of this tool by this principal."""
        concerned = facts.limits.about(who.actor_id, tool.name, host)
        reached = self._admission.reached_now(concerned)
        if reached is None and concerned:
            reached = await self._reached(concerned, (who.workspace_id, who.actor_id, tool.id, host))
        return reason_of(reached)

    async def _reached(self, concerned: Concerned, call: tuple[str, str, str, str | None]) -> AtLimit | None:
        workspace = call[0]
        ids = dict(zip(("workspace_id", "actor_id", "tool_id", "host"), call, strict=True))
        lacking = self._admission.lacking(concerned, int(self._clock.monotonic() * SECOND))

        async def read(tx: Tx) -> AtLimit | None:
            running = await self._stores.ledger.running(tx, workspace)
            now, meters = await self._stores.limits.look(tx, workspace)
            for scope, limit in concerned:
                of, most = COUNTED_BY[limit.kind], limit.allowed.concurrency
                if most is not None and running.get((workspace, of, ids[of]), 0) >= most:
                    return AtLimit(scope, limit, "concurrency", 1)
            for scope, limit in lacking:
                _, lease = draw(meters.get((scope[1], scope[2]), Meter()), limit.allowed, now)
                if lease.empty is not None:
                    return AtLimit(scope, limit, lease.empty, lease.again - now)
            return None

        try:
            return await self._stores.db.read((workspace,), read)
        except DatabaseUnavailable as error:
            raise Unavailable from error

"""Limits: facts of a workspace, each about one kind of thing by its name. `meters` has the arithmetic of using them up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from toolcrib.contracts.errors import NotFound
from toolcrib.kit.clock import Clock
from toolcrib.kit.db import Tx

from . import queries
from .meters import SECOND, Allowance, Lease, Meter, draw

__all__ = [
    "CEILING",
    "EACH",
    "KINDS",
    "SECOND",
    "Allowance",
    "Concerned",
    "Lease",
    "Limit",
    "Limits",
    "Meter",
    "Scope",
    "WorkspaceLimits",
    "draw",
]

CEILING = "ceiling"
KINDS = (CEILING, "workspace", "actor", "tool", "host")
"""What a limit is about. The ceiling is what the operator sets for a workspace; the others its own admins do."""
EACH = "*"
"""The name of a limit for each of its kind that has none of its own, and of those of the workspace as a whole."""
Scope = tuple[str, str, str]
"""A workspace, a kind and a name: what is metered and counted."""


@dataclass(frozen=True, slots=True)
class Limit:
    """What a workspace allows, or is allowed: of one actor, tool or upstream host, of each, or of all together."""

    kind: str
    name: str
    allowed: Allowance


Concerned = tuple[tuple[Scope, Limit], ...]


@dataclass(frozen=True, slots=True)
class WorkspaceLimits:
    """The limits of one workspace as of one generation, by kind and name."""

    workspace_id: str = ""
    rows: Mapping[tuple[str, str], Limit] = field(default_factory=dict)

    def about(self, actor: str, tool: str, host: str | None) -> Concerned:
        """Those that a call has to keep to, each with what it is counted under; the widest first."""
        if not self.rows:
            return ()
        named = ((CEILING, EACH), ("workspace", EACH), ("actor", actor), ("tool", tool), ("host", host))
        found = (
            ((self.workspace_id, kind, name), self.rows.get((kind, name)) or self.rows.get((kind, EACH)))
            for kind, name in named
            if name is not None
        )
        return tuple((scope, limit) for scope, limit in found if limit is not None)


class Limits:
    """Keeps limits, and what was used of them. Meters raise no generation: nothing is decided by them alone."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def load(self, tx: Tx, workspace: str, known: WorkspaceLimits, since: int) -> WorkspaceLimits:
        """What is set, with what changed after a generation laid over what is known."""
        rows = dict(known.rows)
        for row in await queries.changed(tx, workspace, since):
            key = row["kind"], row["name"]
            allowed = Allowance(
                row["per_minute"], row["burst"] or 1, row["per_day"], row["per_month"], row["concurrency"]
            )
            rows.pop(key, None)
            if row["removed_at"] is None:
                rows[key] = Limit(*key, allowed)
        return WorkspaceLimits(workspace, rows)

    async def set(self, tx: Tx, workspace: str, limit: Limit, by: str, generation: int) -> None:
        """Set a limit. What was used of it under another one counts."""
        by_whom = (by, self._clock.now(), generation)
        await queries.set_limit(tx, workspace, (limit.kind, limit.name), limit.allowed, by_whom)

    async def remove(self, tx: Tx, workspace: str, kind: str, name: str, generation: int) -> None:
        """Remove a limit. Raises `NotFound`."""
        if not await queries.remove(tx, workspace, (kind, name), self._clock.now(), generation):
            raise NotFound("There is no such limit.")

    async def draw(
        self, tx: Tx, wanted: Sequence[tuple[Scope, Limit]], held: Mapping[Scope, Lease]
    ) -> list[Lease]:
        """Draw for this process from the meters of one workspace. They are locked in order of kind and name, and their time
        is the database's.
        """
        workspace, of = wanted[0][0][0], [(kind, name) for (_, kind, name), _ in wanted]
        now, meters = await queries.hold(tx, workspace, of, self._clock.now())
        drawn = [
            draw(meter, limit.allowed, now, held.get(scope))
            for meter, (scope, limit) in zip(meters, wanted, strict=True)
        ]
        await queries.write(tx, workspace, of, [meter for meter, _ in drawn])
        return [lease for _, lease in drawn]

    async def look(self, tx: Tx, workspace: str) -> tuple[int, dict[tuple[str, str], Meter]]:
        """The time, and the meters of a workspace by kind and name; one that was never used is not there."""
        return await queries.look(tx, workspace, self._clock.now())

    async def return_quota(self, tx: Tx, scope: Scope, lease: Lease) -> None:
        """Give back the parts of quotas that a process holds and will not use."""
        workspace, kind, name = scope
        allowed = lease.allowance
        of_day = 0 if allowed.per_day is None else lease.day_held
        of_month = 0 if allowed.per_month is None else lease.month_held
        day, month = (lease.day, of_day), (lease.month, of_month)
        await queries.give_back(tx, workspace, (kind, name), day, month)

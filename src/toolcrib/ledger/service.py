"""What the ledger means: a call is recorded before it runs and settled after; every change raises its workspace's generation."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from toolcrib.contracts.errors import Unavailable
from toolcrib.contracts.execution import EventType, Execution, Status, Subject
from toolcrib.contracts.names import GLOBAL
from toolcrib.contracts.principal import Principal
from toolcrib.kit.clock import Clock
from toolcrib.kit.db import Database, DatabaseError, DatabaseUnavailable, Row, Tx
from toolcrib.kit.json import dumps, loads

from . import queries
from .entries import Batch, Intent, Settlement
from .owners import RENEW_SECONDS, Owner

__all__ = ["RENEW_SECONDS", "ChangeFact", "Intent", "Ledger", "Settlement"]

_MOST_COUNTED = 10_000
# A commit that was cut off may still arrive: PostgreSQL ends one that hangs long before this.
_LATE_COMMIT_US = 60_000_000
_OPEN_TO_OUTCOMES = frozenset({Status.RUNNING, Status.INTERRUPTED})
_INTERRUPTED = (
    "the process that ran this call ended or lost its database; whether the call took effect is not known"
)


@dataclass(frozen=True, slots=True)
class ChangeFact:
    """The event of a change: `seq` is its number in `scope`, `about` what was changed."""

    scope: str
    seq: int
    kind: EventType
    about: str
    details: Mapping[str, Any] | None = None


class Ledger:
    """One per process."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._batch = Batch()
        self._owed: dict[str, Settlement] = {}
        self._refused: Counter[tuple[str, int, str, str, str]] = Counter()
        self.owner = Owner(db, clock)

    async def record(self, intent: Intent) -> bool:
        """Write an intent; False when it was decided on an older generation. Raises `Unavailable`: then it did not happen."""
        if not self.owner.holds:
            raise Unavailable
        try:
            return bool(await self._db.record(self._batch, (intent.workspace_id,), intent))
        except DatabaseUnavailable as error:
            if error.uncertain and intent.status is Status.RUNNING:
                self._owed[intent.execution_id] = _not_run(intent)
            raise Unavailable from error

    async def settle(self, settlement: Settlement) -> bool:
        """Write an outcome; False when the call was given up meanwhile. One that cannot be written now is written later."""
        try:
            return bool(await self._db.record(self._batch, (settlement.workspace_id,), settlement))
        except DatabaseError as error:
            self._owed[settlement.execution_id] = settlement
            raise Unavailable(
                "The call ran, but its outcome could not be recorded yet. Look it up by its execution id.",
                execution_id=settlement.execution_id,
            ) from error

    async def keep(self) -> None:
        """Renew this process's claim, then do the books. Runs every RENEW_SECONDS."""
        await self.owner.renew()
        await self.do_books()

    async def do_books(self) -> None:
        """Write what is owed and what was counted, and close the calls of dead processes: an owed outcome comes first,
        as it may belong to one of them.
        """
        for settlement in list(self._owed.values()):
            await self._pay(settlement)
        for row in await self.owner.orphans():
            orphan = _interrupted(row, self._clock.now())
            await self._db.record(self._batch, (orphan.workspace_id,), orphan)
        await self._flush_refusals()

    async def _pay(self, settlement: Settlement) -> None:
        """Write an owed outcome: over a call that still runs, or as an event beside one that was given up meanwhile.
        An outcome that the database refuses goes without its output the next time; one whose call is not there yet waits.
        """
        found = await self.find(settlement.workspace_id, settlement.execution_id)
        if found is None and self._clock.now() < settlement.at + _LATE_COMMIT_US:
            return
        if found is not None and found.status in _OPEN_TO_OUTCOMES - {settlement.status}:
            try:
                await self._db.record(self._batch, (settlement.workspace_id,), settlement)
            except DatabaseUnavailable:
                raise
            except DatabaseError:
                self._owed[settlement.execution_id] = replace(settlement, output=None)
                return
        del self._owed[settlement.execution_id]

    async def generations(self, tx: Tx, workspace: str) -> tuple[int, int]:
        """The generation of a workspace and of the global scope as this view sees them; -1 where there is none."""
        found = await queries.generations(tx, [workspace, GLOBAL])
        return found.get(workspace, -1), found.get(GLOBAL, -1)

    async def generations_of(self, tx: Tx, workspaces: Sequence[str]) -> dict[str, int]:
        """The generations of many workspaces as this view sees them."""
        return await queries.generations(tx, workspaces)

    async def held_generation(self, tx: Tx, workspace: str) -> int:
        """The generation of a workspace, which no change raises before this transaction ends."""
        return await queries.generation(tx, workspace)

    async def raise_generation(self, tx: Tx, workspace: str) -> tuple[int, int]:
        """Part of every change: its event's number and the generation it makes."""
        return await queries.raise_generation(tx, workspace)

    async def open_workspace(self, tx: Tx, workspace: str) -> None:
        """Part of making a workspace: the row its changes and calls go through."""
        await queries.create_state(tx, workspace)

    async def tell(self, tx: Tx, principal: Principal, fact: ChangeFact) -> None:
        """Part of every change: what happened, for the audit."""
        text = dumps(fact.details).decode() if fact.details else None
        actor = (principal.actor_type.value, principal.actor_id)
        row = (fact.scope, fact.seq, fact.kind.value, None, *actor, fact.about, self._clock.now(), text)
        await queries.insert_events(tx, [row])

    async def find(self, workspace: str, execution_id: str) -> Execution | None:
        """One execution with its payloads, or None."""

        async def read(tx: Tx) -> tuple[Row, dict[str, str]] | None:
            return await queries.execution(tx, workspace, execution_id)

        found = await self._db.read((workspace,), read)
        return None if found is None else _execution(*found)

    async def newest(self, workspace: str, limit: int, wanted: Mapping[str, Any]) -> Sequence[Execution]:
        """Executions without payloads, newest first; `wanted` holds filters by name and `after`, an id."""

        async def read(tx: Tx) -> Sequence[Row]:
            return await queries.newest(tx, workspace, limit, wanted)

        return [_execution(row, {}) for row in await self._db.read((workspace,), read)]

    def count_refusal(self, workspace: str, code: str, principal: str, tool: str) -> None:
        """Count a request that was refused before it could be a call; written with the next `keep`."""
        if len(self._refused) < _MOST_COUNTED:
            self._refused[workspace, self._clock.now() // 60_000_000, code, principal, tool] += 1

    async def _flush_refusals(self) -> None:
        taken, self._refused = self._refused, Counter()

        async def write(tx: Tx) -> None:
            for (workspace, minute, *key), n in sorted(taken.items()):
                await queries.count_refusal(tx, workspace, minute, (key[0], key[1], key[2]), n)

        if not taken:
            return
        try:
            await self._db.change(tuple(sorted({name for name, *_ in taken})), write)
        except DatabaseError:
            self._refused.update(taken)
            raise


def _not_run(intent: Intent) -> Settlement:
    message = "the database could not confirm the record of this call, so it was not run"
    return Settlement(
        intent.execution_id, intent.workspace_id, intent.owner, Status.FAILED, intent.tool, intent.actor_type, intent.actor_id,
        "UNAVAILABLE", message, intent.at, 0, None,
    )  # fmt: skip


def _interrupted(row: Row, now: int) -> Settlement:
    return Settlement(
        row["id"], row["workspace_id"], row["owner"], Status.INTERRUPTED, row["tool"], row["actor_type"], row["actor_id"],
        "UNAVAILABLE", _INTERRUPTED, now, max(0, now - row["created_at"]), None,
    )  # fmt: skip


def _execution(row: Row, parts: Mapping[str, str]) -> Execution:
    subject = Subject(row["subject_type"], row["subject_id"]) if row["subject_type"] else None
    payloads = {f"{part}_payload": loads(body.encode(), max_depth=200) for part, body in parts.items()}
    return Execution(
        execution_id=row["id"], workspace_id=row["workspace_id"], tool_id=row["tool_id"], tool=row["tool"], tool_version=row["tool_version"],
        status=Status(row["status"]), actor_type=row["actor_type"], actor_id=row["actor_id"], subject=subject,
        exception_id=row["exception_id"], error_code=row["error_code"], error_message=row["error_message"],
        created_at=row["created_at"], updated_at=row["updated_at"], finished_at=row["finished_at"],
        execution_time_us=row["execution_time_us"], dry_run=bool(row["dry_run"]), **payloads,
    )  # fmt: skip

"""What the ledger means: a call is recorded before it runs and settled after; every change raises its workspace's generation."""

import asyncio
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from toolcrib.contracts.errors import Unavailable
from toolcrib.contracts.execution import Event, EventType, Execution, SecretUse, Status, Subject
from toolcrib.contracts.names import GLOBAL
from toolcrib.contracts.principal import Principal
from toolcrib.kit.clock import Clock
from toolcrib.kit.db import HOUSE, Database, DatabaseError, DatabaseUnavailable, Row, Tx
from toolcrib.kit.json import dumps, loads_own

from .approvals import Asking, Ending, Gone, Granting, TooMany, Waiting, ending_of
from .caps import Cap, Full, count
from .entries import Answer, Batch, Intent, Settlement
from .owners import RENEW_SECONDS, Owner
from .queries import reading, writing
from .refusals import Refusals
from .repeats import Claim, Taken
from .retention import Retention
from .security import SecurityReader
from .tail import Tail

__all__ = [
    "RENEW_SECONDS", "Asking", "Cap", "ChangeFact", "Claim", "Ending", "Full", "Gone", "Granting", "Intent", "Ledger",
    "Settlement", "Taken", "TooMany", "ending_of",
]  # fmt: skip

# A commit that was cut off may still arrive: PostgreSQL ends one that hangs long before this.
_LATE_COMMIT_US = 60_000_000
_OPEN_TO_OUTCOMES = frozenset({Status.RUNNING, Status.INTERRUPTED})
_MEMBER_OF = {"input": "input_payload", "output": "output_payload", "error": "error"}
_UNCONFIRMED = "the database could not confirm the record of this call, so it was not run"
_GIVEN_UP = "the caller gave this call up while it was being recorded, so it was not run"
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

    def __init__(self, db: Database, clock: Clock, retention_days: int | None = None) -> None:
        self._db = db
        self._clock = clock
        self.tail = Tail(self)
        self._retention = Retention(db, clock, retention_days)
        self._batch = Batch()
        self.waiting = Waiting(db, self._batch, self.tail)
        self._owed: dict[str, Settlement] = {}
        self._refusals = Refusals(db, clock)
        self.security = SecurityReader(db)
        self.owner = Owner(db, clock)

    async def record(self, intent: Intent) -> Answer:
        """Write an intent; False when it was decided on an older generation, `Taken` when another call holds its
        idempotency key, `Full` when too many calls of its kind run, `TooMany` when too many wait, `Gone` when its approval is used up or over. Raises `Unavailable`: then it did not happen.
        """
        if not self.owner.holds:
            raise Unavailable
        try:
            answer: Answer = await self._db.record(self._batch, (intent.workspace_id, GLOBAL), intent)
        except DatabaseUnavailable as error:
            if error.uncertain and intent.status is Status.RUNNING:
                self._owed[intent.execution_id] = _not_run(intent, _UNCONFIRMED)
            raise Unavailable from error
        except asyncio.CancelledError:  # it is written all the same, and nobody is left who would run it
            if intent.status is Status.RUNNING:
                self._owed[intent.execution_id] = _not_run(intent, _GIVEN_UP)
            raise
        self.tail.wake(intent.workspace_id)
        return answer

    async def settle(self, settlement: Settlement) -> bool:
        """Write an outcome; False when the call was given up meanwhile. One that cannot be written now is written later."""
        try:
            first = bool(await self._db.record(self._batch, (settlement.workspace_id, GLOBAL), settlement))
        except DatabaseError as error:
            self._owed[settlement.execution_id] = settlement
            raise Unavailable(
                "The call ran, but its outcome could not be recorded yet. Look it up by its execution id.",
                execution_id=settlement.execution_id,
            ) from error
        except asyncio.CancelledError:
            self._owed[settlement.execution_id] = settlement
            raise
        self.tail.wake(settlement.workspace_id)
        return first

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
            await self._db.record(self._batch, (orphan.workspace_id, GLOBAL), orphan)
            self.tail.wake(orphan.workspace_id)
        await self.waiting.expire(self._clock.now())
        await self._refusals.flush()
        await self._retention.keep()

    async def _pay(self, settlement: Settlement) -> None:
        """Write an owed outcome: over a call that still runs, or as an event beside one that was given up meanwhile.
        An outcome that the database refuses goes without its output the next time; one whose call is not there yet waits.
        """
        found = await self.find(settlement.workspace_id, settlement.execution_id)
        if found is None and self._clock.now() < settlement.at + _LATE_COMMIT_US:
            return
        if found is not None and found.status in _OPEN_TO_OUTCOMES - {settlement.status}:
            try:
                await self._db.record(self._batch, (settlement.workspace_id, GLOBAL), settlement)
            except DatabaseUnavailable:
                raise
            except DatabaseError:
                self._owed[settlement.execution_id] = replace(settlement, output=None)
                return
        self._owed.pop(settlement.execution_id, None)  # whoever keeps the books beside may have been first

    async def running(self, tx: Tx, workspace: str) -> Mapping[Hashable, int]:
        """How many calls run now, as `caps.count` counts them."""
        return await count(tx, [workspace])

    async def workspaces(self) -> Sequence[str]:
        """The ids of all there are, for what the house does by itself."""

        async def read(tx: Tx) -> Sequence[str]:
            return await writing.workspaces(tx)

        return await self._db.read((HOUSE,), read)

    async def generations(self, tx: Tx, workspace: str) -> tuple[int, int]:
        """The generation of a workspace and of the global scope as this view sees them; -1 where there is none."""
        found = await writing.generations(tx, [workspace, GLOBAL])
        return found.get(workspace, -1), found.get(GLOBAL, -1)

    async def generations_of(self, tx: Tx, workspaces: Sequence[str]) -> dict[str, int]:
        """The generations of many workspaces as this view sees them."""
        return await writing.generations(tx, workspaces)

    async def held_generation(self, tx: Tx, workspace: str) -> int:
        """The generation of a workspace, which no change raises before this transaction ends."""
        return await writing.generation(tx, workspace)

    async def raise_generation(self, tx: Tx, workspace: str) -> tuple[int, int]:
        """Part of every change: its event's number and the generation it makes."""
        return await writing.raise_generation(tx, workspace)

    async def open_workspace(self, tx: Tx, workspace: str) -> None:
        """Part of making a workspace: the row its changes and calls go through."""
        await writing.create_state(tx, workspace)

    async def tell(self, tx: Tx, principal: Principal, fact: ChangeFact) -> None:
        """Part of every change: what happened, for the audit."""
        text = dumps(fact.details).decode() if fact.details else None
        actor = (principal.actor_type.value, principal.actor_id)
        row = (fact.scope, fact.seq, fact.kind.value, None, *actor, fact.about, self._clock.now(), text)
        await writing.insert(tx, writing.New([row]))

    async def find(self, workspace: str, execution_id: str) -> Execution | None:
        """One execution with its payloads, or None."""

        async def read(tx: Tx) -> tuple[Row, dict[str, str]] | None:
            return await reading.execution(tx, workspace, execution_id)

        found = await self._db.read((workspace,), read)
        return None if found is None else _execution(*found)

    async def newest(self, workspace: str, limit: int, wanted: Mapping[str, Any]) -> Sequence[Execution]:
        """Executions without payloads, newest first; `wanted` holds filters by name and `after`, an id."""

        async def read(tx: Tx) -> Sequence[Row]:
            return await reading.newest(tx, workspace, limit, wanted)

        return [_execution(row, {}) for row in await self._db.read((workspace,), read)]

    async def uses(self, workspace: str, secret: str, limit: int, after: str | None) -> Sequence[SecretUse]:
        """Who opened a secret, newest first, from before the execution `after` on."""

        async def read(tx: Tx) -> Sequence[Row]:
            return await reading.uses(tx, workspace, secret, limit, after)

        rows = await self._db.read((workspace,), read)
        return [SecretUse(_execution(row, {}), row["secret_version"]) for row in rows]

    async def newest_events(self, workspace: str, limit: int, wanted: Mapping[str, Any]) -> Sequence[Event]:
        """Events, newest first; `wanted` holds filters by name and `after`, a number."""

        async def read(tx: Tx) -> Sequence[Row]:
            return await reading.newest_events(tx, workspace, limit, wanted)

        return [_read_event(row) for row in await self._db.read((workspace,), read)]

    async def events_after(
        self, workspace: str, after: int, limit: int, execution_id: str | None = None
    ) -> Sequence[Event]:
        """The events that follow a number in the order of commits, of one execution where it is named."""

        async def read(tx: Tx) -> Sequence[Row]:
            if execution_id is None:
                return await reading.following(tx, workspace, after, limit)
            return await reading.of_execution(tx, workspace, execution_id, after, limit)

        return [_read_event(row) for row in await self._db.read((workspace,), read)]

    async def ask_to_cancel(self, principal: Principal, execution_id: str) -> bool:
        """Mark a running execution as one that its owner shall cancel; False where it does not run or is marked already."""
        workspace = principal.workspace_id

        async def mark(tx: Tx) -> bool:
            states = await writing.take_sequence(tx, {workspace: 1})
            row = await writing.ask_to_cancel(tx, workspace, execution_id, self._clock.now())
            if row is None:
                await writing.give_back(tx, {workspace: 1})
                return False
            actor = (principal.actor_type.value, principal.actor_id)
            kind = EventType.CANCEL_REQUESTED.value
            event = (
                workspace,
                states[workspace][0],
                kind,
                execution_id,
                *actor,
                row["tool"],
                self._clock.now(),
                None,
            )
            await writing.insert(tx, writing.New([event]))
            return True

        marked: bool = await self._db.change((workspace,), mark)
        self.tail.wake(workspace)
        return marked

    async def to_cancel(self) -> Sequence[str]:
        """This process's running executions that somebody asked to cancel."""

        async def read(tx: Tx) -> Sequence[Row]:
            return await writing.cancelled(tx, self.owner.id)

        return [row["id"] for row in await self._db.read((HOUSE,), read)]

    def count_refusal(self, workspace: str, code: str, principal: str, tool: str) -> None:
        """Count a request that was refused before it could be a call; written with the next `keep`."""
        self._refusals.count(workspace, code, principal, tool)


def _not_run(intent: Intent, message: str) -> Settlement:
    return Settlement(
        intent.execution_id, intent.workspace_id, intent.owner, Status.FAILED, intent.tool, intent.actor_type, intent.actor_id,
        "UNAVAILABLE", message, intent.at, 0, None, frees=intent.claim,
    )  # fmt: skip


def _interrupted(row: Row, now: int) -> Settlement:
    return Settlement(
        row["id"], row["workspace_id"], row["owner"], Status.INTERRUPTED, row["tool"], row["actor_type"], row["actor_id"],
        "UNAVAILABLE", _INTERRUPTED, now, max(0, now - row["created_at"]), None,
    )  # fmt: skip


def _read_event(row: Row) -> Event:
    facts: dict[str, Any] = loads_own(row["facts"].encode()) if row["facts"] else {}  # type: ignore[assignment]  # ours are objects
    return Event(
        row["seq"], EventType(row["type"]), row["execution_id"], row["actor_type"], row["actor_id"], row["about"], row["at"], facts
    )  # fmt: skip


def _execution(row: Row, parts: Mapping[str, str]) -> Execution:
    subject = Subject(row["subject_type"], row["subject_id"]) if row["subject_type"] else None
    payloads: dict[str, Any] = {_MEMBER_OF[part]: loads_own(body.encode()) for part, body in parts.items()}
    return Execution(
        execution_id=row["id"], workspace_id=row["workspace_id"], tool_id=row["tool_id"], tool=row["tool"], tool_version=row["tool_version"],
        status=Status(row["status"]), actor_type=row["actor_type"], actor_id=row["actor_id"], subject=subject,
        exception_id=row["exception_id"], error_code=row["error_code"], error_message=row["error_message"],
        created_at=row["created_at"], updated_at=row["updated_at"], finished_at=row["finished_at"],
        execution_time_us=row["execution_time_us"], cancel_at=row["cancel_at"], dry_run=bool(row["dry_run"]), on_behalf_of=row["on_behalf_of"],
        approval_id=row["approval_id"], **payloads,
    )  # fmt: skip

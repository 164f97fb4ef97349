"""Calls that wait for a person. An approval is asked for in the transaction of its call's intent and used up in the
transaction that lets the call run, so that it lets one call run, once.

A process that dies before either commit leaves things as they were; one that dies after the second leaves a running call
of its own, which becomes `interrupted`. Times are the database's own.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Protocol

from toolcrib.contracts.approval import Approval, ApprovalState
from toolcrib.contracts.errors import Code
from toolcrib.contracts.execution import EventType, Status
from toolcrib.contracts.names import GLOBAL
from toolcrib.kit.db import HOUSE, Database, Entries, Row, Tx
from toolcrib.kit.json import dumps, loads_own

from .queries import waiting
from .tail import Tail


@dataclass(frozen=True, slots=True)
class Asking:
    """An approval that a call asks for; `sealed` is what has to be known to run it."""

    id: str
    digest: str
    reasons: tuple[str, ...]
    second: bool
    sealed: bytes
    expires_at: int


@dataclass(frozen=True, slots=True)
class Granting:
    """A person's yes to what the digest is over."""

    approval_id: str
    digest: str
    actor_type: str
    actor_id: str


class Asker(Protocol):
    """An intent, as far as it is counted."""

    workspace_id: str
    actor_id: str


class Gone:
    """The answer to a yes that comes too late: the approval is used up, over or another one."""


class TooMany:
    """The answer to a call that would wait where too many do."""


GONE: Final = Gone()
TOO_MANY: Final = TooMany()
MOST_OF_ONE: Final = 100
MOST_PENDING: Final = 1_000
"""How many calls may wait of one who asks, and of a workspace."""
_ENDS: Final[Mapping[ApprovalState, tuple[Status, EventType]]] = {
    ApprovalState.DENIED: (Status.DENIED, EventType.APPROVAL_DENIED),
    ApprovalState.VOID: (Status.DENIED, EventType.APPROVAL_VOIDED),
    ApprovalState.EXPIRED: (Status.EXPIRED, EventType.APPROVAL_EXPIRED),
    ApprovalState.WITHDRAWN: (Status.CANCELLED, EventType.EXECUTION_CANCELLED),
}


@dataclass(frozen=True, slots=True)
class Ending:
    """That an approval is over and its call does not run. `error` is the rest of the call's error as JSON text."""

    workspace_id: str
    approval_id: str
    execution_id: str
    tool: str
    state: ApprovalState
    actor_type: str
    actor_id: str
    error_code: str
    error_message: str
    at: int
    error: str
    note: str | None = None

    @property
    def status(self) -> Status:
        """What becomes of the call."""
        return _ENDS[self.state][0]

    @property
    def event(self) -> EventType:
        """What the ledger writes down."""
        return _ENDS[self.state][1]


async def too_many(tx: Tx, asking: Sequence[Asker]) -> set[int]:
    """Those that would wait where too many do, by identity, in the order in which they came; one statement, or none."""
    if not asking:
        return set()
    of_one = Counter(await waiting.pending(tx, sorted({one.workspace_id for one in asking})))
    of_all: Counter[str] = Counter()
    for (workspace, _), n in of_one.items():
        of_all[workspace] += n
    found: set[int] = set()
    for one in asking:
        who = one.workspace_id, one.actor_id
        if of_one[who] >= MOST_OF_ONE or of_all[one.workspace_id] >= MOST_PENDING:
            found.add(id(one))
        else:
            of_one[who] += 1
            of_all[one.workspace_id] += 1
    return found


async def use_up(tx: Tx, workspace: str, execution_id: str, granting: Granting, by: tuple[str, int]) -> bool:
    """Let a waiting call run, by this process from now on, where the approval is pending, in time and over the same."""
    owner, now = by
    approval, state = granting.approval_id, ApprovalState.GRANTED.value
    if not await waiting.use_up(tx, workspace, approval, granting.actor_id, state, granting.digest):
        return False
    await waiting.run(tx, workspace, execution_id, owner, now)
    return True


async def end(tx: Tx, ending: Ending) -> bool:
    """Close an approval that is pending, and its call; False where it is not."""
    state = ending.state.value
    ended = await waiting.close(
        tx, ending.workspace_id, ending.approval_id, ending.actor_id, state, ending.note
    )
    if ended:
        await waiting.end(tx, ending.workspace_id, ending.execution_id, ending)
    return ended


_SAID: Final[Mapping[ApprovalState, tuple[str, str]]] = {
    ApprovalState.EXPIRED: ("Nobody agreed to this call in time. Ask again if it is still wanted; if it had an idempotency key, with a new one.", "expired"),
    ApprovalState.WITHDRAWN: ("The call was cancelled before anybody agreed to it.", "cancelled"),
    ApprovalState.DENIED: ("A person refused this call. Do not ask again unless something has changed.", "denied"),
    ApprovalState.VOID: ("Something that the approval covers has changed, so the call did not run. Ask again; if it had an idempotency key, with a new one.", "void"),
}  # fmt: skip


def ending_of(
    approval: Approval, state: ApprovalState, by: tuple[str, str], now: int, note: str | None = None,
    details: Mapping[str, Any] = MappingProxyType({}),
) -> Ending:  # fmt: skip
    """How an approval ends without its call having run; `by` is the type and the id of who ended it."""
    message, reason = _SAID[state]
    code = Code.FORBIDDEN if state is ApprovalState.DENIED else Code.CONFLICT
    rest = {"details": {"reason": reason, **details}, "retryable": False, "http_status": None}
    return Ending(
        approval.workspace_id, approval.id, approval.execution_id, approval.tool, state, *by, code.value, message, now,
        dumps(rest).decode(), note,
    )  # fmt: skip


class Waiting:
    """The approvals of a ledger, apart from the batches in which they are asked for and used up."""

    def __init__(self, db: Database, batch: Entries, tail: Tail) -> None:
        self._db = db
        self._batch = batch
        self._tail = tail

    async def find(self, workspace: str, approval_id: str) -> tuple[Approval, bytes | None] | None:
        """One approval and what it seals, which is gone once it is decided; None where there is none."""

        async def read(tx: Tx) -> Row | None:
            return await waiting.one(tx, workspace, approval_id)

        row = await self._db.read((workspace,), read)
        return None if row is None else (_approval(row), row["sealed"] and bytes(row["sealed"]))

    async def newest(self, workspace: str, limit: int, wanted: dict[str, str]) -> Sequence[Approval]:
        """Approvals, newest first; `wanted` may have a `state`, `tools` as JSON, and `after`, an id."""

        async def read(tx: Tx) -> Sequence[Row]:
            return await waiting.newest(tx, workspace, limit, wanted)

        return [_approval(row) for row in await self._db.read((workspace,), read)]

    async def now(self) -> int:
        """The database's time in microseconds."""
        return await self._db.read((), waiting.now)

    async def end(self, ending: Ending) -> bool:
        """Close an approval and its call; False where somebody was first."""
        first = bool(await self._db.record(self._batch, (ending.workspace_id, GLOBAL), ending))
        self._tail.wake(ending.workspace_id)
        return first

    async def expire(self, now: int) -> None:
        """End what nobody decided in time, many in one transaction: whoever keeps the books also renews this process's claim."""
        overdue = [_approval(row) for row in await self._db.read((HOUSE,), waiting.overdue)]
        by = "system", "system"
        await asyncio.gather(*(self.end(ending_of(one, ApprovalState.EXPIRED, by, now)) for one in overdue))


def _approval(row: Row) -> Approval:
    """An approval's row in our words."""
    reasons: Any = loads_own(row["reasons"].encode())
    return Approval(
        row["id"], row["workspace_id"], row["execution_id"], ApprovalState(row["state"]), row["tool_id"], row["tool"],
        row["tool_version"], row["actor_type"], row["actor_id"], row["on_behalf_of"], row["key_id"], tuple(map(str, reasons)),
        bool(row["second"]), row["digest"], row["created_at"], row["expires_at"], row["decided_at"], row["decided_by"], row["note"],
    )  # fmt: skip

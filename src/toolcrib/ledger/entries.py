"""What a batch writes down: intents before a call runs, settlements after. Two fixed rows of columns each.

A process that dies after an intent's commit leaves a running row with its own name on it; `owners` closes such rows.
A process that dies before it leaves nothing, and nothing was sent.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from toolcrib.contracts.approval import ApprovalState
from toolcrib.contracts.execution import EventType, Status
from toolcrib.contracts.names import GLOBAL
from toolcrib.kit.db import Tx
from toolcrib.kit.json import dumps

from .approvals import GONE, TOO_MANY, Asking, Ending, Gone, Granting, TooMany, end, too_many, use_up
from .caps import Cap, Full, crowded
from .queries import waiting, writing
from .repeats import Claim, Taken, claim, free

_EVENT_OF = {
    Status.RUNNING: EventType.EXECUTION_REQUESTED,
    Status.AWAITING_APPROVAL: EventType.APPROVAL_REQUESTED,
    Status.SUCCEEDED: EventType.EXECUTION_COMPLETED,
    Status.FAILED: EventType.EXECUTION_FAILED,
    Status.DENIED: EventType.EXECUTION_DENIED,
    Status.CANCELLED: EventType.EXECUTION_CANCELLED,
    Status.INTERRUPTED: EventType.EXECUTION_INTERRUPTED,
}
_OPEN = frozenset({Status.RUNNING, Status.AWAITING_APPROVAL})


@dataclass(slots=True)
class Intent:
    """A call that is about to run, or was refused; `generation` is what it was decided on. `error` is the rest of a
    refusal's error as JSON text; `claim` the idempotency key under which the call runs; `secrets` those that it opens, each
    with its version; `host` the upstream that it goes to. With `caps` it runs only where fewer run than those say. One
    that waits is `asking`; one that is `granted` has waited, and stands in the ledger already.
    """

    execution_id: str
    workspace_id: str
    generation: int
    global_generation: int
    status: Status
    tool_id: str
    tool: str
    tool_version: str
    actor_type: str
    actor_id: str
    key_id: str
    subject_type: str | None
    subject_id: str | None
    exception_id: str | None
    error_code: str | None
    error_message: str | None
    owner: str
    at: int
    input: str | None
    error: str | None = None
    claim: Claim | None = None
    dry_run: bool = False
    on_behalf_of: str | None = None
    secrets: tuple[tuple[str, int], ...] = ()
    host: str | None = None
    caps: tuple[Cap, ...] = ()
    asking: Asking | None = None
    granted: Granting | None = None

    @property
    def numbers(self) -> int:
        """How many events it makes: a person's yes and the call that runs by it are two."""
        return 1 if self.granted is None else 2

    @property
    def approval_id(self) -> str | None:
        """The approval that it waits for."""
        return self.asking.id if self.asking else None

    def row(self) -> tuple[Any, ...]:
        """In the order of the table's columns."""
        finished = None if self.status in _OPEN else self.at
        return (
            self.workspace_id, self.execution_id, self.tool_id, self.tool, self.tool_version, self.status.value, self.actor_type,
            self.actor_id, self.key_id, self.subject_type, self.subject_id, self.exception_id, self.error_code, self.error_message,
            int(self.dry_run), self.owner, self.at, self.at, finished, None if finished is None else 0, None, self.on_behalf_of,
            self.host, self.approval_id,
        )  # fmt: skip


@dataclass(slots=True)
class Settlement:
    """What came of a running call. It is written only while the row still runs under the same owner. `error` is the
    rest of its error as JSON text; `frees` the idempotency key of a call that did not run after all.
    """

    execution_id: str
    workspace_id: str
    owner: str
    status: Status
    tool: str
    actor_type: str
    actor_id: str
    error_code: str | None
    error_message: str | None
    at: int
    execution_time_us: int
    output: str | None
    error: str | None = None
    frees: Claim | None = None

    def row(self) -> tuple[Any, ...]:
        """Keys, then new values, in the order of `writing.SETTLEMENT_KEYS` and `writing.SETTLEMENT_SETS`."""
        return (
            self.workspace_id, self.execution_id, self.owner, Status.RUNNING.value,
            self.status.value, self.error_code, self.error_message, self.at, self.at, self.execution_time_us,
        )  # fmt: skip


Entry = Intent | Settlement | Ending
Answer = bool | Taken | Full | Gone | TooMany


class Batch:
    """Writes intents and settlements of many calls in one transaction; the sequence it takes is commit order."""

    async def apply(self, tx: Tx, items: Sequence[Entry]) -> Sequence[Answer]:
        """True for an intent that was recorded and for a settlement or an ending that was the first; False for a stale or
        late one; for an intent whose idempotency key is taken, who holds it; for one that would be too many, the cap, or that
        too many wait; for one whose approval is none any more, that it is gone.
        """
        wanted = Counter[str]()
        for item in items:
            wanted[item.workspace_id] += _numbers(item)
        intents = [i for i in items if isinstance(i, Intent)]
        states, shared = await _taken(tx, wanted, deciding=bool(intents))
        answers: dict[int, Answer] = {
            id(i): (i.generation, i.global_generation) == (states[i.workspace_id][1], shared) for i in intents
        }
        answers |= await _claimed(tx, [i for i in intents if i.claim and answers[id(i)]])
        settlements = [s for s in items if isinstance(s, Settlement)]
        in_time = await writing.settle(tx, [s.row() for s in settlements])
        answers |= {id(s): first for s, first in zip(settlements, in_time, strict=True)}
        full = await crowded(tx, [i for i in intents if i.caps and answers[id(i)] is True])
        answers |= full
        waits = await too_many(tx, [i for i in intents if i.asking and answers[id(i)] is True])
        answers |= dict.fromkeys(waits, TOO_MANY)
        answers |= await _used_up(tx, [i for i in intents if i.granted and answers[id(i)] is True])
        answers |= {id(e): await end(tx, e) for e in items if isinstance(e, Ending)}
        not_run = [i.claim for i in intents if i.claim and id(i) in (full.keys() | waits)]
        await free(tx, [*not_run, *(s.frees for s in settlements if s.frees and answers[id(s)])])
        await self._write(tx, items, answers, {name: first for name, (first, _) in states.items()})
        return [answers[id(item)] for item in items]

    async def _write(
        self, tx: Tx, items: Sequence[Entry], answers: Mapping[int, Answer], following: dict[str, int]
    ) -> None:
        """Rows, bodies and events of what was recorded; the numbers that nothing took are given back."""
        intents = [i for i in items if isinstance(i, Intent) and answers[id(i)] is True]
        recorded = [i for i in intents if i.granted is None]
        events, unused = [], Counter[str]()
        for item in items:
            if isinstance(item, Settlement) or answers[id(item)] is True:
                for told in _events_of(item, in_time=answers[id(item)] is True):
                    events.append((item.workspace_id, following[item.workspace_id], *told))
                    following[item.workspace_id] += 1
            else:
                unused[item.workspace_id] += _numbers(item)
        kept = [
            *recorded,
            *(item for item in items if not isinstance(item, Intent) and answers[id(item)] is True),
        ]
        new = writing.New(
            events=events,
            executions=[i.row() for i in recorded],
            bodies=[body for item in kept for body in _bodies(item)],
            uses=[(i.workspace_id, name, i.execution_id, n) for i in intents for name, n in i.secrets],
        )
        await writing.insert(tx, new)
        await _ask(tx, recorded)
        if unused:
            await writing.give_back(tx, unused)


async def _taken(
    tx: Tx, wanted: Mapping[str, int], *, deciding: bool
) -> tuple[Mapping[str, tuple[int, int]], int | None]:
    """First numbers and generations by workspace, and that of the global scope where something was decided on it."""
    if deciding:
        return await writing.take_sharing(tx, wanted, GLOBAL)
    return await writing.take_sequence(tx, wanted), None


async def _ask(tx: Tx, intents: Sequence[Intent]) -> None:
    """Write down the approvals that calls ask for."""
    for intent in intents:
        if (one := intent.asking) is not None:
            await waiting.insert_approval(
                tx, workspace_id=intent.workspace_id, id=one.id, execution_id=intent.execution_id, state=ApprovalState.PENDING.value,
                tool_id=intent.tool_id, tool=intent.tool, tool_version=intent.tool_version, actor_type=intent.actor_type,
                actor_id=intent.actor_id, on_behalf_of=intent.on_behalf_of, key_id=intent.key_id, digest=one.digest,
                reasons=dumps(list(one.reasons)).decode(), second=int(one.second), sealed=one.sealed, created_at=intent.at,
                expires_at=one.expires_at,
            )  # fmt: skip


async def _used_up(tx: Tx, intents: Sequence[Intent]) -> dict[int, Answer]:
    """The calls that a person let run; of two on the same approval the first."""
    answers: dict[int, Answer] = {}
    for one in intents:
        assert one.granted is not None  # noqa: S101 they were chosen by it
        by = one.owner, one.at
        used = await use_up(tx, one.workspace_id, one.execution_id, one.granted, by)
        answers[id(one)] = True if used else GONE
    return answers


async def _claimed(tx: Tx, intents: Sequence[Intent]) -> dict[int, Answer]:
    """The intents that came too late for their key."""
    late = await claim(tx, [i.claim for i in intents if i.claim])
    return {id(i): late[i.execution_id] for i in intents if i.execution_id in late}


def _bodies(item: Entry) -> Iterator[tuple[str, str, str, str]]:
    parts = [("error", item.error)]
    if not isinstance(item, Ending):
        parts.insert(0, ("input", item.input) if isinstance(item, Intent) else ("output", item.output))
    for part, body in parts:
        if body is not None:
            yield item.workspace_id, item.execution_id, part, body


def _numbers(item: Entry) -> int:
    return item.numbers if isinstance(item, Intent) else 1


def _events_of(item: Entry, *, in_time: bool) -> Iterator[tuple[Any, ...]]:
    """What a batch tells of an entry, in the order of the columns after its number."""
    about = item.tool, item.at
    if isinstance(item, Intent) and (by := item.granted) is not None:
        facts = f'{{"approval_id":"{by.approval_id}","digest":"{by.digest}"}}'
        yield EventType.APPROVAL_GRANTED.value, item.execution_id, by.actor_type, by.actor_id, *about, facts
    kind = item.event if isinstance(item, Ending) else _EVENT_OF[item.status]
    kind = kind if in_time else EventType.OUTCOME_LEARNED
    yield kind.value, item.execution_id, item.actor_type, item.actor_id, *about, _facts(item, in_time=in_time)


def _facts(item: Entry, *, in_time: bool) -> str | None:
    if isinstance(item, Ending):
        return f'{{"approval_id":"{item.approval_id}","status":"{item.status.value}"}}'
    if isinstance(item, Intent) and item.asking:
        return f'{{"approval_id":"{item.asking.id}","digest":"{item.asking.digest}"}}'
    if item.error_code is not None or not in_time:
        return f'{{"status":"{item.status.value}","error_code":"{item.error_code or ""}"}}'
    return '{"dry_run":true}' if isinstance(item, Intent) and item.dry_run else None

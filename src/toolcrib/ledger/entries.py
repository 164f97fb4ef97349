"""What a batch writes down: intents before a call runs, settlements after. Two fixed rows of columns each.

A process that dies after an intent's commit leaves a running row with its own name on it; `owners` closes such rows.
A process that dies before it leaves nothing, and nothing was sent.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from toolcrib.contracts.execution import EventType, Status
from toolcrib.contracts.names import GLOBAL
from toolcrib.kit.db import Tx

from . import queries

_EVENT_OF = {
    Status.RUNNING: EventType.EXECUTION_REQUESTED,
    Status.SUCCEEDED: EventType.EXECUTION_COMPLETED,
    Status.FAILED: EventType.EXECUTION_FAILED,
    Status.DENIED: EventType.EXECUTION_DENIED,
    Status.INTERRUPTED: EventType.EXECUTION_INTERRUPTED,
}


@dataclass(slots=True)
class Intent:
    """A call that is about to run, or was refused; `generation` is what it was decided on."""

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
    input: str
    dry_run: bool = False

    def row(self) -> tuple[Any, ...]:
        """In the order of `queries.EXECUTION_COLUMNS`."""
        finished = None if self.status is Status.RUNNING else self.at
        return (
            self.workspace_id, self.execution_id, self.tool_id, self.tool, self.tool_version, self.status.value, self.actor_type,
            self.actor_id, self.key_id, self.subject_type, self.subject_id, self.exception_id, self.error_code, self.error_message,
            int(self.dry_run), self.owner, self.at, self.at, finished, None if finished is None else 0,
        )  # fmt: skip


@dataclass(slots=True)
class Settlement:
    """What came of a running call. It is written only while the row still runs under the same owner."""

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

    def row(self) -> tuple[Any, ...]:
        """Keys, then new values, in the order of `queries.SETTLEMENT_KEYS` and `queries.SETTLEMENT_SETS`."""
        return (
            self.workspace_id, self.execution_id, self.owner, Status.RUNNING.value,
            self.status.value, self.error_code, self.error_message, self.at, self.at, self.execution_time_us,
        )  # fmt: skip


class Batch:
    """Writes intents and settlements of many calls in one transaction; the sequence it takes is commit order."""

    async def apply(self, tx: Tx, items: Sequence[Intent | Settlement]) -> Sequence[bool]:
        """True for an intent that was recorded and a settlement that was the first; False for a stale or late one."""
        states = await queries.take_sequence(tx, Counter(item.workspace_id for item in items))
        global_generation = await queries.generation(tx, GLOBAL)
        following = {name: first for name, (first, _) in states.items()}
        intents = [i for i in items if isinstance(i, Intent)]
        fresh = {
            id(i)
            for i in intents
            if (i.generation, i.global_generation) == (states[i.workspace_id][1], global_generation)
        }
        recorded = [i for i in intents if id(i) in fresh]
        settlements = [s for s in items if isinstance(s, Settlement)]
        first = dict(
            zip(map(id, settlements), await queries.settle(tx, [s.row() for s in settlements]), strict=True)
        )
        events: list[tuple[Any, ...]] = []
        for item in items:
            if id(item) in fresh or id(item) in first:
                seq = following[item.workspace_id]
                following[item.workspace_id] = seq + 1
                events.append(_event(item, seq, in_time=first.get(id(item), True)))
        await queries.insert_executions(tx, [i.row() for i in recorded])
        await queries.insert_bodies(
            tx, [(i.workspace_id, i.execution_id, "input", i.input) for i in recorded]
        )
        kept = [s for s in settlements if s.output is not None and first[id(s)]]
        await queries.insert_bodies(tx, [(s.workspace_id, s.execution_id, "output", s.output) for s in kept])
        await queries.insert_events(tx, events)
        if len(recorded) < len(intents):
            await queries.give_back(tx, Counter(i.workspace_id for i in intents if id(i) not in fresh))
        return [id(item) in fresh or first.get(id(item), False) for item in items]


def _event(item: Intent | Settlement, seq: int, *, in_time: bool) -> tuple[Any, ...]:
    kind = _EVENT_OF[item.status] if in_time else EventType.OUTCOME_LEARNED
    facts = (
        None
        if item.error_code is None and in_time
        else f'{{"status":"{item.status.value}","error_code":"{item.error_code or ""}"}}'
    )
    return (
        item.workspace_id,
        seq,
        kind.value,
        item.execution_id,
        item.actor_type,
        item.actor_id,
        item.tool,
        item.at,
        facts,
    )

"""The route of a call: who → what → valid → may → record → do → record → answer. New behaviour is a rule of policy,
a provider or a field of the contract; rarely a line here.

A process that dies before the first record leaves nothing and sent nothing; one that dies after it leaves a running
row, which becomes `interrupted`.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from toolcrib.contracts.contract import Contract
from toolcrib.contracts.errors import Code, ToolcribError, Unavailable
from toolcrib.contracts.execution import Call, Result, Status
from toolcrib.contracts.principal import Principal
from toolcrib.contracts.provider import Failure, Invocation, Outcome
from toolcrib.kit.clock import Clock
from toolcrib.kit.ids import new_id
from toolcrib.kit.json import dumps
from toolcrib.kit.logging import logger
from toolcrib.ledger.service import Full, Gone, Intent, TooMany

from .admission import Admission, Ticket
from .asking import Askings, Waited, too_late, too_many
from .attempts import attempt
from .bindings import Reached
from .desk import ENDED, CallerDesk, Heard
from .facts import Snapshots, Stores
from .limited import refusal
from .records import (
    LOST,
    Checked,
    Decided,
    Done,
    Held,
    Refusal,
    answer_of,
    intent_of,
    settlement_of,
    waits,
)
from .rehearsal import rehearse
from .repeats import Repeats
from .workshop import Ready

_TRIES = 50
_HOUSE_CODES = frozenset(code.value for code in Code)
_CANCELLED = "The call was cancelled while it ran. What was sent before that may have taken effect."
_GIVEN_UP = "The call was given up while it ran, so the outcome is not known. Look at the execution before repeating it."
_log = logger("gateway")


class Calls:
    """Runs calls, and answers what a call would meet."""

    def __init__(
        self, stores: Stores, snapshots: Snapshots, askings: Askings, admission: Admission, clock: Clock, heard: Heard
    ) -> None:  # fmt: skip
        self._stores = stores
        self._snapshots = snapshots
        self._askings = askings
        self._admission = admission
        self._clock = clock
        self._heard = heard
        self._repeats = Repeats(stores.ledger)
        self._running: dict[str, asyncio.Task[Any]] = {}
        self._ending: dict[str, Done] = {}
        self._detached: set[asyncio.Task[Result]] = set()

    async def call_tool(self, principal: Principal, call: Call, *, insists: bool = False) -> Result:
        """Run one tool once, or say why not. Raises `Unauthorized`, `NotFound`, `RateLimited` and `Unavailable`, and counts
        them; all else is a result. A caller that is cancelled meanwhile stays so, once what is known of its call is recorded;
        one that `insists` is answered all the same, as a door is whose server stops.
        """
        return await self._enter(principal, call, None, insists=insists)

    async def resume(self, principal: Principal, waited: Waited) -> Result:
        """Run a call that has waited for a person, over the same route and as the same execution. Raises as `call_tool` does,
        `Changed` where it is not what the person agreed to any more, and `Conflict` where it is no longer for anybody to agree.
        """
        return await self._enter(principal, waited.call, waited, insists=True)

    async def _enter(
        self, principal: Principal, call: Call, waited: Waited | None, *, insists: bool
    ) -> Result:
        try:
            ticket = self._admission.enter(principal.workspace_id)
            try:
                return await self._call(principal, call, ticket, waited, insists=insists)
            finally:
                if not ticket.stays:
                    self._admission.leave(ticket)
        except ToolcribError as refused:
            if waited is None:  # else it is the person who agrees that is refused, and the door counts that
                self.count_refusal(principal, refused.code, call.tool)
            raise

    async def refuse_early(self, principal: Principal, tool: str) -> None:
        """Raises `RateLimited` where it is known before the call is read that its caller has nothing left."""
        facts = await self._snapshots.of(principal.workspace_id)
        concerned = facts.limits.about(principal.actor_id, "", None) if facts else ()
        reached = self._admission.reached_now(concerned)
        if reached is not None:
            self.count_refusal(principal, Code.RATE_LIMITED, tool)
            raise refusal(reached)

    async def _call(
        self, principal: Principal, call: Call, ticket: Ticket, waited: Waited | None, *, insists: bool
    ) -> Result:
        began, clash, reached = self._clock.monotonic(), None, Reached()
        for _ in range(_TRIES):
            decided = await self._decide(principal, call, (clash, reached, waited))
            execution_id = waited.approval.execution_id if waited else new_id("exe")
            if isinstance(decided.verdict, Held):
                decided = await self._askings.asked(decided, decided.verdict, execution_id)
            call = decided.call
            await self._admission.admit(ticket, decided)
            owner = self._stores.ledger.owner.id
            intent = intent_of(decided, execution_id, owner, self._clock.now(), ticket.caps)
            recorded = await self._stores.ledger.record(intent)
            if recorded is True:
                break
            if recorded is False:
                await self._snapshots.reload(principal.workspace_id)
                continue
            if isinstance(recorded, Full):
                raise self._admission.full(ticket, recorded)
            self._admission.give_back(ticket)
            if isinstance(recorded, Gone | TooMany):
                raise too_late() if isinstance(recorded, Gone) else too_many()
            earlier = await self._repeats.of(intent, call, recorded)
            if isinstance(earlier, Result):
                return earlier
            clash = earlier
        else:
            self._admission.give_back(ticket)
            raise Unavailable("The workspace changes too quickly; try again.")
        if isinstance(decided.verdict, Refusal):
            return answer_of(decided, intent, call, Done(decided.verdict.status, decided.verdict.failure), 0)
        if isinstance(decided.verdict, Held):
            return waits(decided, intent)
        finish = self._finish(decided, decided.verdict, intent, call, began, insists=insists)
        return await finish if call.wait else self._detach(intent.execution_id, finish, ticket)

    async def _decide(
        self, principal: Principal, call: Call, so_far: tuple[Refusal | None, Reached, Waited | None]
    ) -> Decided:
        """What is known now of a call; `so_far` are an earlier call's key that it clashed with, links that were followed, and
        the approval that it has waited for.
        """
        clash, reached, waited = so_far
        if waited is not None:
            return await self._askings.agreed(self, principal, waited, reached)
        decided = await self._askings.decisions.decide_call(self, principal, call, reached)
        if clash is not None and not isinstance(decided.verdict, Refusal):
            return replace(decided, verdict=clash)
        return decided

    def count_refusal(self, principal: Principal, code: str, tool: str) -> None:
        """Count a request that was refused before it could be recorded as a call. Only tools that are there are named: what
        callers make up is neither kept nor shown.
        """
        facts = self._snapshots.at_hand(principal.workspace_id)
        known = facts.find(tool) if facts else None
        self._stores.ledger.count_refusal(
            principal.workspace_id, code, principal.actor_id, known.name if known else "?"
        )

    def cancel(self, execution_ids: Iterable[str]) -> None:
        """End calls that run in this process, because somebody asked for it; others are not known here."""
        told = Failure(Code.CONFLICT, _CANCELLED, {"reason": "cancelled"})
        for execution_id in execution_ids:
            self._end(execution_id, Done(Status.CANCELLED, told))

    async def drain(self, seconds: float) -> None:
        """Wait for the calls that nobody waits for; what lasts longer is given up."""
        if self._detached:
            _, late = await asyncio.wait(self._detached, timeout=seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def give_up(self) -> None:
        """End all running calls: this process no longer counts as alive, so their outcomes would not count either."""
        for execution_id in list(self._running):
            self._end(execution_id, Done(Status.INTERRUPTED, Failure(Code.UNAVAILABLE, LOST)))

    def _end(self, execution_id: str, done: Done) -> None:
        """End one call, which answers that; once."""
        task = self._running.get(execution_id)
        if task is not None and execution_id not in self._ending:
            self._ending[execution_id] = done
            task.cancel()

    async def _finish(
        self, decided: Decided, checked: Checked, intent: Intent, call: Call, began: float, *, insists: bool
    ) -> Result:
        done = await self._do(decided.who, checked, intent, call)
        spent_us = int((self._clock.monotonic() - began) * 1_000_000)
        settlement = settlement_of(decided, intent, call, done, self._clock.now(), spent_us)
        if not await self._stores.ledger.settle(settlement):
            done = replace(done, status=Status.INTERRUPTED, outcome=Failure(Code.UNAVAILABLE, LOST))
        if done.unheard and not insists:
            raise asyncio.CancelledError
        return answer_of(decided, intent, call, done, spent_us)

    async def _do(self, who: Principal, checked: Checked, intent: Intent, call: Call) -> Done:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 a call is always awaited in a task
        self._running[intent.execution_id] = task
        try:
            ready, execution_id = checked.ready, intent.execution_id
            desk = CallerDesk(
                self,
                self._snapshots,
                who,
                call,
                intent.at,
                checked.secrets,
                execution_id,
                self._heard,
                self._detached,
            )
            invocation = Invocation(
                execution_id, who.workspace_id, call.input, checked.secrets, ready.seconds, desk, call.hidden
            )
            run = rehearse(ready, invocation) if intent.dry_run else attempt(ready, invocation, self._clock)
            return _done(ready, await run, dry=intent.dry_run)
        except asyncio.CancelledError as cancelled:
            if (asked := self._ending.get(intent.execution_id)) is not None:
                task.uncancel()
                return asked
            told = ENDED if ENDED in cancelled.args else _GIVEN_UP
            return Done(Status.INTERRUPTED, Failure(Code.UNAVAILABLE, told), unheard=task.cancelling() > 0)
        except Exception as error:  # noqa: BLE001 whatever a provider does, its execution is closed
            _log.error("provider failed", execution_id=intent.execution_id, error=type(error).__name__)
            message = f"The call failed inside Toolcrib; quote {intent.execution_id}."
            return Done(Status.FAILED, Failure(Code.INTERNAL_ERROR, message))
        finally:
            del self._running[intent.execution_id]
            self._ending.pop(intent.execution_id, None)

    def _detach(self, execution_id: str, finish: Any, ticket: Ticket) -> Result:
        """Let a call run on by itself; its result is in the ledger."""
        task = asyncio.create_task(finish)
        ticket.stays = True
        task.add_done_callback(lambda _: self._admission.leave(ticket))
        self._detached.add(task)
        task.add_done_callback(self._ended)
        return Result(execution_id, Status.RUNNING, None, None, 0.0)

    def _ended(self, task: "asyncio.Task[Result]") -> None:
        self._detached.discard(task)
        if (
            not task.cancelled() and task.exception() is not None
        ):  # the ledger owes its outcome and writes it later
            _log.warning("an outcome could not be recorded yet", error=type(task.exception()).__name__)


def _done(ready: Ready, outcome: Outcome, *, dry: bool) -> Done:
    """A tool may answer only what its contract says; what a dry run answers is not the tool's output."""
    if isinstance(outcome, Failure):
        declared = outcome.code in _HOUSE_CODES or _declares(ready.contract, outcome.code)
        status = Status.INTERRUPTED if outcome.unknown else Status.FAILED
        return Done(status, outcome if declared else _undeclared(outcome))
    written = dumps(outcome.output)
    if dry or ready.output is None or ready.output.is_valid(outcome.output, size=len(written)):
        return Done(Status.SUCCEEDED, outcome, written)
    errors = [fault.as_json() for fault in ready.output.faults(outcome.output)]
    message = "The tool's output does not fit its output_schema; see details.errors."
    return Done(Status.FAILED, Failure(Code.INVALID_OUTPUT, message, {"errors": errors}))


def _declares(contract: Contract, code: str) -> bool:
    return any(declared.code == code for declared in contract.errors)


def _undeclared(outcome: Failure) -> Failure:
    return Failure(
        Code.UNDECLARED_ERROR,
        f"The tool answered {outcome.code}, which its contract does not declare.",
        {"code": outcome.code},
    )

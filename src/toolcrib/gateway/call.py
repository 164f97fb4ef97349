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
from toolcrib.contracts.decision import Deny
from toolcrib.contracts.errors import Code, NotFound, RateLimited, SecretNotFound, Unauthorized, Unavailable
from toolcrib.contracts.execution import Call, Result, Status
from toolcrib.contracts.names import NAME_LIMIT, is_tool_name
from toolcrib.contracts.principal import Principal
from toolcrib.contracts.provider import Failure, Invocation, Outcome
from toolcrib.contracts.terms import Link
from toolcrib.kit.clock import Clock
from toolcrib.kit.json import dumps
from toolcrib.kit.logging import logger
from toolcrib.ledger.service import Full, Intent
from toolcrib.policy.service import CallFacts, decide
from toolcrib.registry.service import StoredTool

from .admission import Admission, Ticket
from .attempts import attempt
from .bindings import (
    BoundCall,
    Reached,
    bindings_of,
    bound_call,
    links_of,
    reached_by,
    typed,
)
from .desk import ENDED, CallerDesk, Heard
from .facts import Facts, Snapshots, Stores
from .limited import refusal
from .records import LOST, Checked, Decided, Done, Refusal, answer_of, intent_of, refuse, settlement_of
from .rehearsal import rehearse
from .repeats import Repeats
from .workshop import Ready, Workshop

_TRIES = 50
_DEEPEST = 8
_NO_TOOL = "There is no such tool."
_HOUSE_CODES = frozenset(code.value for code in Code)
_CANCELLED = "The call was cancelled while it ran. What was sent before that may have taken effect."
_GIVEN_UP = "The call was given up while it ran, so the outcome is not known. Look at the execution before repeating it."
_log = logger("gateway")


class Calls:
    """Runs calls, and answers what a call would meet."""

    def __init__(
        self, stores: Stores, snapshots: Snapshots, workshop: Workshop, admission: Admission, clock: Clock, heard: Heard
    ) -> None:  # fmt: skip
        self._stores = stores
        self._snapshots = snapshots
        self._workshop = workshop
        self._admission = admission
        self._clock = clock
        self._heard = heard
        self._repeats = Repeats(stores.ledger)
        self._running: dict[str, asyncio.Task[Any]] = {}
        self._ending: dict[str, Done] = {}
        self._detached: set[asyncio.Task[Result]] = set()

    async def call_tool(self, principal: Principal, call: Call, *, insists: bool = False) -> Result:
        """Run one tool once, or say why not. Raises `Unauthorized`, `NotFound`, `RateLimited` and `Unavailable`; all else
        is a result. A caller that is cancelled meanwhile stays so, once what is known of its call is recorded; one that
        `insists` is answered all the same, as a door is whose server stops.
        """
        try:
            ticket = self._admission.enter(principal.workspace_id)
            try:
                return await self._call(principal, call, ticket, insists=insists)
            finally:
                if not ticket.stays:
                    self._admission.leave(ticket)
        except RateLimited as refused:
            self.count_refusal(principal.workspace_id, refused.code, principal.actor_id, call.tool)
            raise

    async def refuse_early(self, principal: Principal, tool: str) -> None:
        """Raises `RateLimited` where it is known before the call is read that its caller has nothing left."""
        facts = await self._snapshots.of(principal.workspace_id)
        concerned = facts.limits.about(principal.actor_id, "", None) if facts else ()
        reached = self._admission.reached_now(concerned)
        if reached is not None:
            self.count_refusal(principal.workspace_id, Code.RATE_LIMITED, principal.actor_id, tool)
            raise refusal(reached)

    async def _call(self, principal: Principal, call: Call, ticket: Ticket, *, insists: bool) -> Result:
        began, clash, reached = self._clock.monotonic(), None, Reached()
        for _ in range(_TRIES):
            decided = await self._decide(principal, call, clash, reached)
            call = decided.call
            await self._admission.admit(ticket, decided)
            owner = self._stores.ledger.owner.id
            intent = intent_of(decided, call, owner, self._clock.now(), ticket.caps)
            recorded = await self._stores.ledger.record(intent)
            if recorded is True:
                break
            if recorded is False:
                await self._snapshots.reload(principal.workspace_id)
                continue
            if isinstance(recorded, Full):
                raise self._admission.full(ticket, recorded)
            self._admission.give_back(ticket)
            earlier = await self._repeats.of(intent, call, recorded)
            if isinstance(earlier, Result):
                return earlier
            clash = earlier
        else:
            self._admission.give_back(ticket)
            raise Unavailable("The workspace changes too quickly; try again.")
        if isinstance(decided.verdict, Refusal):
            return answer_of(decided, intent, call, Done(decided.verdict.status, decided.verdict.failure), 0)
        finish = self._finish(decided, decided.verdict, intent, call, began, insists=insists)
        return await finish if call.wait else self._detach(intent.execution_id, finish, ticket)

    async def _decide(
        self, principal: Principal, call: Call, clash: Refusal | None, reached: Reached
    ) -> Decided:
        view = self._workshop.views.of(call)
        facts, tool = await self.what(principal.workspace_id, call.tool)
        who = self._stores.identity.again(facts.roster, principal)
        if tool is None:
            raise NotFound(_NO_TOOL)
        ready = self._workshop.ready(tool)
        bindings = bindings_of(ready.contract, tool.name, view, call.subject)
        about = CallFacts(view, call.subject.type if call.subject else None)
        if (
            call.depth < _DEEPEST
            and links_of(bindings)
            and decide(who, facts.about(tool), self._clock.now(), about).allowed
        ):
            for link in links_of(bindings):
                if link not in reached:
                    reached[link] = await self._follow(link, facts.meant_by(tool, link.tool), who, call)
        bound = bound_call(call, about, bindings, ready.contract, reached)
        verdict = self.judge(facts, who, tool, bound)
        if isinstance(verdict, Checked):
            return Decided(bound.call, facts, who, tool, ready, clash or verdict, verdict.secrets)
        known = self._stores.vault.open_known(
            who.workspace_id, facts.secrets, ready.runnable.secrets, facts.beside
        )
        return Decided(bound.call, facts, who, tool, ready, verdict, known)

    async def _follow(self, link: Link, tool: StoredTool | None, who: Principal, call: Call) -> Any:
        """Where a link leads from the subject of a call, asked over this counter for the same principal."""
        if tool is None or tool.effects != "read" or call.subject is None:
            return None
        given = typed(call.subject.id, self._workshop.ready(tool).contract, link.argument)
        asking = Call(
            tool.id,
            {link.argument: given},
            call.subject,
            call.exception_id,
            depth=call.depth + 1,
            hidden=call.hidden,
        )
        return reached_by(link, await self.call_tool(who, asking))

    def judge(self, facts: Facts, who: Principal, tool: StoredTool, bound: BoundCall) -> Checked | Refusal:
        """Valid, then allowed, then complete: the one place where a call is decided. Of a call that has strayed from its
        subject it does not matter whether it would have been valid.
        """
        ready, call = self._workshop.ready(tool), bound.call
        if call.size > ready.max_request:
            message = (
                f"The input is larger than the {ready.max_request} bytes that {tool.name} takes; send less."
            )
            return refuse(Status.FAILED, Code.VALIDATION_ERROR, message)
        if not bound.about.strayed and not ready.input.is_valid(call.input, size=call.size):
            errors = [fault.as_json() for fault in ready.input.faults(call.input)]
            message = f"The input does not fit the contract of {tool.name}; see details.errors."
            return refuse(Status.FAILED, Code.VALIDATION_ERROR, message, errors=errors)
        if call.depth > _DEEPEST:
            message = f"Tools call each other more than {_DEEPEST} deep here; {tool.name} is not called."
            return refuse(Status.DENIED, Code.FORBIDDEN, message, rule="depth")
        about = facts.about(tool)
        decision = decide(who, about, self._clock.now(), bound.about)
        if isinstance(decision, Deny):
            told = {"reason": about.beyond} if decision.code is Code.EGRESS_DENIED else {}
            return refuse(
                Status.DENIED, decision.code, decision.message, rule=decision.reasons[-1].rule, **told
            )
        try:
            secrets = self._stores.vault.open(
                who.workspace_id, facts.secrets, ready.runnable.secrets, facts.beside
            )
        except SecretNotFound as missing:
            return refuse(Status.FAILED, missing.code, missing.message, **missing.details)
        return Checked(ready, secrets)

    async def what(self, workspace: str, name_or_id: str) -> tuple[Facts, StoredTool | None]:
        """The facts and the tool meant; one that is not known is looked for afresh: another process may just have made it."""
        facts = await self._snapshots.of(workspace)
        tool = facts.find(name_or_id) if facts else None
        if tool is None:
            facts = await self._snapshots.reload(workspace)
            tool = facts.find(name_or_id) if facts else None
        if facts is None:
            raise Unauthorized
        return facts, tool

    def count_refusal(self, workspace: str, code: str, principal: str, tool: str) -> None:
        """Count a request that was refused before it could be recorded as a call. Strangers do not name what is counted."""
        known = tool if workspace and (is_tool_name(tool) or tool.isidentifier()) else "?"
        self._stores.ledger.count_refusal(workspace, code, principal, known[:NAME_LIMIT])

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

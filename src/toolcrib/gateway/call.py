"""The route of a call: who → what → valid → may → record → do → record → answer. New behaviour is a rule of policy,
a provider or a field of the contract; rarely a line here.

A process that dies before the first record leaves nothing and sent nothing; one that dies after it leaves a running
row, which becomes `interrupted`.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from toolcrib.contracts.contract import Contract
from toolcrib.contracts.decision import Deny
from toolcrib.contracts.errors import Code, NotFound, SecretNotFound, Unauthorized, Unavailable
from toolcrib.contracts.execution import Call, Result, Status
from toolcrib.contracts.names import NAME_LIMIT, is_tool_name
from toolcrib.contracts.principal import Principal
from toolcrib.contracts.provider import Failure, Invocation, Outcome, Success
from toolcrib.kit.clock import Clock
from toolcrib.kit.ids import new_id
from toolcrib.kit.json import dumps
from toolcrib.kit.logging import logger
from toolcrib.kit.strike import Strikes
from toolcrib.ledger.service import Intent, Settlement
from toolcrib.policy.service import decide
from toolcrib.registry.service import StoredTool

from .attempts import attempt
from .desk import ENDED, CallerDesk, Heard
from .facts import Facts, Snapshots, Stores
from .workshop import Ready, Workshop

_TRIES = 50
_DEEPEST = 8
_NO_TOOL = "There is no such tool."
_HOUSE_CODES = frozenset(code.value for code in Code)
_LOST = "This process lost its database while the call ran, so the outcome is not known. Look at the execution before repeating it."
_log = logger("gateway")


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a call does not run; it is recorded all the same."""

    status: Status
    failure: Failure


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a run; `written` is the output as JSON text."""

    status: Status
    outcome: Outcome
    written: bytes | None = None


@dataclass(frozen=True, slots=True)
class Checked:
    """Input that fits the contract, decided and with its secrets at hand."""

    ready: Ready
    secrets: dict[str, str]


class Calls:
    """Runs calls, and answers what a call would meet."""

    def __init__(
        self, stores: Stores, snapshots: Snapshots, workshop: Workshop, clock: Clock, heard: Heard
    ) -> None:
        self._stores = stores
        self._snapshots = snapshots
        self._workshop = workshop
        self._clock = clock
        self._heard = heard
        self._running: set[asyncio.Task[Any]] = set()
        self._beside: set[asyncio.Task[Result]] = set()

    async def call_tool(self, principal: Principal, call: Call) -> Result:
        """Run one tool once, or say why not. Raises `Unauthorized`, `NotFound` and `Unavailable`; all else is a result."""
        began = self._clock.monotonic()
        for _ in range(_TRIES):
            facts, tool = await self.what(principal.workspace_id, call.tool)
            who = self._stores.identity.again(facts.keys, principal)
            if tool is None:
                raise NotFound(_NO_TOOL)
            verdict = self.judge(facts, who, tool, call)
            intent = self._intent(facts, who, tool, call, verdict)
            if await self._stores.ledger.record(intent):
                break
            await self._snapshots.reload(principal.workspace_id)
        else:
            raise Unavailable("The workspace changes too quickly; try again.")
        if isinstance(verdict, Refusal):
            return _answer(intent, Done(verdict.status, verdict.failure), 0.0)
        done = await self._do(verdict, intent, who, call)
        spent = self._clock.monotonic() - began
        settlement = _settlement(intent, done, call, self._clock.now(), spent)
        if not await self._stores.ledger.settle(settlement):
            done = Done(Status.INTERRUPTED, Failure(Code.UNAVAILABLE, _LOST))
        return _answer(intent, done, spent)

    def judge(self, facts: Facts, who: Principal, tool: StoredTool, call: Call) -> Checked | Refusal:
        """Valid, then allowed, then complete: the one place where a call is decided."""
        ready = self._workshop.ready(tool)
        if call.size > ready.max_request:
            message = (
                f"The input is larger than the {ready.max_request} bytes that {tool.name} takes; send less."
            )
            return Refusal(Status.FAILED, Failure(Code.VALIDATION_ERROR, message))
        if not ready.input.is_valid(call.input, size=call.size):
            errors = [fault.as_json() for fault in ready.input.faults(call.input)]
            message = f"The input does not fit the contract of {tool.name}; see details.errors."
            return Refusal(Status.FAILED, Failure(Code.VALIDATION_ERROR, message, {"errors": errors}))
        if call.depth > _DEEPEST:
            message = f"Tools call each other more than {_DEEPEST} deep here; {tool.name} is not called."
            return Refusal(Status.DENIED, Failure(Code.FORBIDDEN, message, {"rule": "depth"}))
        decision = decide(who, facts.about(tool))
        if isinstance(decision, Deny):
            rules = {"rule": decision.reasons[-1].rule}
            return Refusal(Status.DENIED, Failure(decision.code, decision.message, rules))
        try:
            secrets = self._stores.vault.open(who.workspace_id, facts.secrets, ready.runnable.secrets)
        except SecretNotFound as missing:
            return Refusal(Status.FAILED, Failure(missing.code, missing.message, missing.details))
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
        """Count a request that was refused before it could be recorded as a call."""
        known = tool if is_tool_name(tool) or tool.isidentifier() else "?"
        self._stores.ledger.count_refusal(workspace, code, principal, known[:NAME_LIMIT])

    def give_up(self) -> None:
        """End all running calls: this process no longer counts as alive, so their outcomes would not count either."""
        for task in self._running:
            task.cancel()

    async def _do(self, checked: Checked, intent: Intent, who: Principal, call: Call) -> Done:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 a call is always awaited in a task
        self._running.add(task)
        try:
            ready, execution_id = checked.ready, intent.execution_id
            desk = CallerDesk(
                self, self._snapshots, who, call, checked.secrets, execution_id, self._heard, self._beside
            )
            invocation = Invocation(
                execution_id, who.workspace_id, call.input, checked.secrets, ready.seconds, desk
            )
            return _done(ready, await attempt(ready, invocation, self._clock))
        except asyncio.CancelledError as cancelled:
            task.uncancel()
            message = ENDED if ENDED in cancelled.args else _LOST
            return Done(Status.INTERRUPTED, Failure(Code.UNAVAILABLE, message))
        except Exception as error:  # noqa: BLE001 whatever a provider does, its execution is closed
            _log.error("provider failed", execution_id=intent.execution_id, error=type(error).__name__)
            message = f"The call failed inside Toolcrib; quote {intent.execution_id}."
            return Done(Status.FAILED, Failure(Code.INTERNAL_ERROR, message))
        finally:
            self._running.discard(task)

    def _intent(
        self, facts: Facts, who: Principal, tool: StoredTool, call: Call, verdict: Checked | Refusal
    ) -> Intent:
        refusal = verdict if isinstance(verdict, Refusal) else None
        subject = call.subject
        return Intent(
            execution_id=new_id("exe"), workspace_id=who.workspace_id, generation=facts.generation, global_generation=facts.global_generation,
            status=refusal.status if refusal else Status.RUNNING, tool_id=tool.id, tool=tool.name, tool_version=tool.version,
            actor_type=who.actor_type.value, actor_id=who.actor_id, key_id=who.key_id, subject_type=subject.type if subject else None,
            subject_id=subject.id if subject else None, exception_id=call.exception_id, error_code=refusal.failure.code if refusal else None,
            error_message=_storable(refusal.failure, call) if refusal else None, owner=self._stores.ledger.owner.id, at=self._clock.now(),
            input=_stored(call, verdict),
        )  # fmt: skip


def _stored(call: Call, verdict: Checked | Refusal) -> str:
    """The input as the ledger keeps it: a secret of this call is struck out even where the caller wrote it."""
    opened = {**call.hidden, **verdict.secrets} if isinstance(verdict, Checked) else call.hidden
    return _struck(dumps(call.input), opened).decode()


def _struck(written: bytes, opened: Mapping[str, str]) -> bytes:
    return Strikes(opened.items()).strike(written) if opened else written


def _storable(failure: Failure, call: Call) -> str:
    """A message as every database takes it; a contract's own texts may hold a NUL."""
    text = failure.message.replace("\x00", "")
    return _struck(text.encode("utf-8", "replace"), call.hidden).decode() if call.hidden else text


def _done(ready: Ready, outcome: Outcome) -> Done:
    """A tool may answer only what its contract says."""
    if isinstance(outcome, Failure):
        declared = outcome.code in _HOUSE_CODES or _declares(ready.contract, outcome.code)
        status = Status.INTERRUPTED if outcome.unknown else Status.FAILED
        return Done(status, outcome if declared else _undeclared(outcome))
    written = dumps(outcome.output)
    if ready.output is None or ready.output.is_valid(outcome.output, size=len(written)):
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


def _settlement(intent: Intent, done: Done, call: Call, now: int, spent: float) -> Settlement:
    failure = done.outcome if isinstance(done.outcome, Failure) else None
    return Settlement(
        intent.execution_id, intent.workspace_id, intent.owner, done.status, intent.tool, intent.actor_type, intent.actor_id,
        str(failure.code) if failure else None, _storable(failure, call) if failure else None, now, int(spent * 1_000_000),
        None if done.written is None else _struck(done.written, call.hidden).decode(),
    )  # fmt: skip


def _answer(intent: Intent, done: Done, spent: float) -> Result:
    outcome, spent_ms = done.outcome, round(spent * 1000, 3)
    if isinstance(outcome, Success):
        return Result(intent.execution_id, done.status, outcome.output, None, spent_ms, written=done.written)
    error = {
        "code": str(outcome.code),
        "message": outcome.message,
        "details": dict(outcome.details),
        "retryable": outcome.retryable,
    }
    return Result(intent.execution_id, done.status, None, error, spent_ms, outcome.http_status)

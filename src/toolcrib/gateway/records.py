"""What the ledger is told of a call, and what its caller: both are made of the same facts, so that an answer can be given again."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from toolcrib.contracts.errors import Code
from toolcrib.contracts.execution import Call, Execution, Notice, Result, Status
from toolcrib.contracts.principal import Principal
from toolcrib.contracts.provider import Failure, Outcome, Success
from toolcrib.contracts.secret import Secret
from toolcrib.contracts.selection import Selection
from toolcrib.kit.ids import new_id
from toolcrib.kit.json import canonical
from toolcrib.ledger.service import Cap, Claim, Intent, Settlement
from toolcrib.registry.service import StoredTool

from .facts import Facts
from .keeping import kept_input, kept_message, kept_output, kept_rest
from .workshop import Ready

LOST = "This process stopped or lost its database while the call ran, so the outcome is not known. Look at the execution before repeating it."


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a call does not run; it is recorded all the same."""

    status: Status
    failure: Failure


@dataclass(frozen=True, slots=True)
class Checked:
    """Input that fits the contract, decided and with its secrets at hand."""

    ready: Ready
    secrets: Mapping[str, Secret]


@dataclass(frozen=True, slots=True)
class Decided:
    """One decision and the facts it stands on; in `call` the bound arguments are filled."""

    call: Call
    facts: Facts
    who: Principal
    tool: StoredTool
    ready: Ready
    verdict: Checked | Refusal
    secrets: Mapping[str, Secret]
    """Those of the tool that exist, opened so that they can be struck out of what is stored."""


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a run; `written` is the output as JSON text. `unheard`: its caller was cancelled and takes no answer."""

    status: Status
    outcome: Outcome
    written: bytes | None = None
    unheard: bool = False


def intent_of(decided: Decided, call: Call, owner: str, now: int, caps: tuple[Cap, ...] = ()) -> Intent:
    """The record that precedes everything: of a call that will run, or of a refusal."""
    facts, who, tool, verdict, subject = (
        decided.facts,
        decided.who,
        decided.tool,
        decided.verdict,
        call.subject,
    )
    failure = verdict.failure if isinstance(verdict, Refusal) else None
    execution_id = new_id("exe")
    return Intent(
        execution_id=execution_id, workspace_id=who.workspace_id, generation=facts.generation, global_generation=facts.global_generation,
        status=verdict.status if isinstance(verdict, Refusal) else Status.RUNNING, tool_id=tool.id, tool=tool.name, tool_version=tool.version,
        actor_type=who.actor_type.value, actor_id=who.actor_id, key_id=who.key_id, subject_type=subject.type if subject else None,
        subject_id=subject.id if subject else None, exception_id=call.exception_id, error_code=str(failure.code) if failure else None,
        error_message=kept_message(failure, call.hidden) if failure else None, owner=owner, at=now, input=_input(decided, call),
        error=kept_rest(failure, call.hidden) if failure else None, claim=_claim(decided, call, execution_id, now),
        dry_run=decided.ready.is_dry(call), on_behalf_of=who.on_behalf_of, secrets=_opened(verdict),
        host=decided.ready.host, caps=caps,
    )  # fmt: skip


def settlement_of(
    decided: Decided, intent: Intent, call: Call, done: Done, now: int, spent_us: int
) -> Settlement:
    """The record that follows a run."""
    failure = done.outcome if isinstance(done.outcome, Failure) else None
    output = done.outcome.output if isinstance(done.outcome, Success) else None
    shown = call.input if intent.dry_run or decided.ready.contract.kind == "dummy" else None
    return Settlement(
        intent.execution_id, intent.workspace_id, intent.owner, done.status, intent.tool, intent.actor_type, intent.actor_id,
        str(failure.code) if failure else None, kept_message(failure, call.hidden) if failure else None, now, spent_us,
        None if done.written is None else kept_output(decided.ready, output, done.written, call.hidden, shown),
        kept_rest(failure, call.hidden) if failure else None,
    )  # fmt: skip


def answer_of(decided: Decided, intent: Intent, call: Call, done: Done, spent_us: int) -> Result:
    """What the caller is told: of the output, what it selected."""
    outcome, spent_ms, execution_id = done.outcome, spent_us / 1000, intent.execution_id
    if isinstance(outcome, Success):
        result = Result(
            execution_id, done.status, outcome.output, None, spent_ms, written=done.written, notice=notice_of(decided),
            dry_run=intent.dry_run,
        )  # fmt: skip
        return _selected(result, None if intent.dry_run else call.selection)
    error = {
        "code": str(outcome.code),
        "message": kept_message(outcome, {}),
        "details": dict(outcome.details),
        "retryable": outcome.retryable,
    }
    return Result(
        execution_id, done.status, None, error, spent_ms, outcome.http_status, notice=notice_of(decided)
    )


def notice_of(decided: Decided) -> Notice | None:
    """What whoever calls a deprecated tool should know."""
    told = decided.ready.contract.deprecated
    return None if told is None else Notice(decided.tool.updated_at, told.sunset, told.use)


def answer_again(execution: Execution, selection: Selection | None = None) -> Result:
    """What the caller was told, from the record; one that still runs has no answer yet."""
    spent_ms = (execution.execution_time_us or 0) / 1000
    if execution.error_code is None:
        result = Result(
            execution.execution_id, execution.status, execution.output_payload, None, spent_ms, dry_run=execution.dry_run
        )  # fmt: skip
        return _selected(result, None if execution.dry_run else selection)
    rest = execution.error or {"details": {}, "retryable": False, "http_status": None}
    error = {
        "code": execution.error_code,
        "message": execution.error_message,
        "details": rest["details"],
        "retryable": rest["retryable"],
    }
    return Result(execution.execution_id, execution.status, None, error, spent_ms, rest["http_status"])


def _selected(result: Result, selection: Selection | None) -> Result:
    if selection is None or result.status is not Status.SUCCEEDED:
        return result
    shown, cut = selection.apply(result.output)
    return replace(result, output=shown, written=None, truncated=cut)


def refuse(status: Status, code: Code, message: str, **details: Any) -> Refusal:
    """A refusal with an error of the house."""
    return Refusal(status, Failure(code, message, details))


def arguments_of(call: Call) -> str:
    """A digest of everything that a repeated key must repeat."""
    subject = [call.subject.type, call.subject.id] if call.subject else None
    selection = asdict(call.selection) if call.selection else None
    asked = [call.input, subject, call.exception_id, call.dry_run, selection]
    return hashlib.sha256(canonical(asked if call.view is None else [*asked, call.view])).hexdigest()


def _claim(decided: Decided, call: Call, execution_id: str, now: int) -> Claim | None:
    """Only a call that will run holds a key: a refusal can be repeated until it is mended."""
    if call.idempotency_key is None or isinstance(decided.verdict, Refusal):
        return None
    who = decided.who
    return Claim(
        who.workspace_id,
        who.actor_id,
        decided.tool.id,
        call.idempotency_key,
        execution_id,
        arguments_of(call),
        now,
    )


def _opened(verdict: Checked | Refusal) -> tuple[tuple[str, int], ...]:
    """What a call that will run gets to use; of a refused one nothing leaves."""
    if isinstance(verdict, Refusal):
        return ()
    return tuple((name, secret.version) for name, secret in sorted(verdict.secrets.items()))


def _input(decided: Decided, call: Call) -> str | None:
    """Without the secrets of the tool and of those that lie between. One that is larger than the tool takes is not kept."""
    if call.size > decided.ready.max_request:
        return None
    return kept_input(decided.ready, call.input, {**call.hidden, **decided.secrets})

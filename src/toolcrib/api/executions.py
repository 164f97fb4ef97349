"""Routes of executions: newest first, one with its payloads, its result again, and its end."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from toolcrib.contracts.errors import Forbidden, Invalid
from toolcrib.contracts.execution import Execution, Result, Status
from toolcrib.contracts.faults import Fault
from toolcrib.kit.clock import from_iso, iso
from toolcrib.kit.paging import MOST, USUAL, encode

from .execute import ExecuteAnswer, send_result
from .requests import Caller, Counter, Label, StrictRoute, page_request

router = APIRouter(route_class=StrictRoute, tags=["executions"])
_AS_THEY_ARE = {"tool", "tool_id", "status", "exception_id", "subject_type", "subject_id", "actor"}


class ExecutionItem(BaseModel):
    """The record of one call. Payloads stand only where one execution is asked for."""

    execution_id: str
    workspace_id: str
    tool_id: str
    tool: str
    tool_version: str
    status: Status
    requested_by_actor_type: str
    requested_by_actor_id: str
    on_behalf_of: str | None
    subject: dict[str, str] | None
    exception_id: str | None
    input_payload: Any
    output_payload: Any
    error_code: str | None
    error_message: str | None
    dry_run: bool
    approval_id: str | None
    created_at: str
    updated_at: str
    finished_at: str | None
    execution_time_ms: float | None
    cancel_requested_at: str | None


class ExecutionList(BaseModel):
    """A page of executions, newest first; `next` is the cursor of the next page."""

    items: list[ExecutionItem]
    next: str | None


class Filters(BaseModel):
    """What to list. `from` (included) and `to` (excluded) are RFC 3339 times of creation."""

    model_config = ConfigDict(extra="forbid")

    limit: Annotated[int, Field(ge=1, le=MOST)] = USUAL
    cursor: Label | None = None
    tool: Label | None = None
    tool_id: Label | None = None
    status: Status | None = None
    exception_id: Label | None = None
    subject_type: Label | None = None
    subject_id: Label | None = None
    actor: Label | None = None
    tenant_id: Label | None = None
    since: Label | None = Field(default=None, alias="from")
    until: Label | None = Field(default=None, alias="to")


@router.get("/tools/executions")
async def list_executions(
    caller: Caller, gateway: Counter, filters: Annotated[Filters, Query()]
) -> ExecutionList:
    """Executions of this workspace, newest first."""
    if filters.tenant_id is not None and filters.tenant_id != caller.workspace_id:
        raise Forbidden("tenant_id must be the credential's workspace.")
    wanted: dict[str, Any] = filters.model_dump(exclude_none=True, include=_AS_THEY_ARE)
    wanted |= {
        name: time_of(name, text)
        for name, text in (("from", filters.since), ("to", filters.until))
        if text is not None
    }
    page = page_request(filters.limit, filters.cursor)
    wanted |= {"after": page.after} if page.after else {}
    found = await gateway.history.list(caller, page.limit + 1, wanted)
    shown = found[: page.limit]
    return ExecutionList(
        items=[item(execution) for execution in shown],
        next=encode(shown[-1].execution_id) if len(found) > page.limit else None,
    )


@router.get("/tools/executions/{execution_id}")
async def get_execution(caller: Caller, gateway: Counter, execution_id: Label) -> ExecutionItem:
    """One execution with its input and output."""
    return item(await gateway.history.get(caller, execution_id))


@router.get(
    "/tools/executions/{execution_id}/result",
    response_model=ExecuteAnswer,
    responses={202: {"model": ExecuteAnswer}},
)
async def get_result(caller: Caller, gateway: Counter, execution_id: Label) -> Response:
    """What execute answered, or will answer: 202 while the call runs, or waits for a person."""
    return ResultAnswer(await gateway.history.result(caller, execution_id))


@router.post("/tools/executions/{execution_id}/cancel")
async def cancel_execution(caller: Caller, gateway: Counter, execution_id: Label) -> ExecutionItem:
    """Ask a running execution to end, or one that waits. It is `cancelled` within seconds, wherever it runs; what it sent may have taken effect."""
    return item(await gateway.history.cancel(caller, execution_id))


class ResultAnswer(Response):
    """A result sent exactly as execute sends it."""

    def __init__(self, result: Result) -> None:
        super().__init__()
        self._result = result

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        await send_result(self._result, send)


def item(execution: Execution) -> ExecutionItem:
    """The record as it stands on the wire."""
    subject = execution.subject
    return ExecutionItem(
        execution_id=execution.execution_id,
        workspace_id=execution.workspace_id,
        tool_id=execution.tool_id,
        tool=execution.tool,
        tool_version=execution.tool_version,
        status=execution.status,
        requested_by_actor_type=execution.actor_type,
        requested_by_actor_id=execution.actor_id,
        on_behalf_of=execution.on_behalf_of,
        subject={"type": subject.type, "id": subject.id} if subject else None,
        exception_id=execution.exception_id,
        input_payload=execution.input_payload,
        output_payload=execution.output_payload,
        error_code=execution.error_code,
        error_message=execution.error_message,
        dry_run=execution.dry_run,
        approval_id=execution.approval_id,
        created_at=iso(execution.created_at),
        updated_at=iso(execution.updated_at),
        finished_at=iso(execution.finished_at) if execution.finished_at is not None else None,
        execution_time_ms=execution.execution_time_us / 1000
        if execution.execution_time_us is not None
        else None,
        cancel_requested_at=iso(execution.cancel_at) if execution.cancel_at is not None else None,
    )


def time_of(name: str, text: str) -> int:
    try:
        return from_iso(text.replace(" ", "+"))
    except (ValueError, OverflowError):
        raise Invalid.because(
            "The query is not valid.", [Fault(f"/query/{name}", "give a time such as 2026-11-21T10:00:00Z")]
        ) from None

"""Routes of tools, their enablement and the checking of input."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Annotated, Any, Literal, Protocol

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel
from starlette.responses import Response

from toolcrib.contracts.decision import Allow, Decision, Deny, NeedsApproval
from toolcrib.contracts.errors import Invalid, ToolcribError
from toolcrib.contracts.execution import Call, Subject
from toolcrib.contracts.faults import Fault
from toolcrib.contracts.names import GLOBAL
from toolcrib.gateway.tools import ToolView, Wanted
from toolcrib.kit.clock import iso
from toolcrib.kit.json import dumps
from toolcrib.kit.paging import encode

from .errors import deprecation_headers
from .requests import Caller, Counter, Label, Paging, Remark, Strict, StrictRoute

router = APIRouter(route_class=StrictRoute, tags=["tools"])


class ToolItem(BaseModel):
    """A tool in a list; `effects` are those declared, else what its method says; `allowed` is whether you may call it now."""

    id: str
    name: str
    title: str | None
    description: str
    input_schema: dict[str, Any]
    output_schema: dict[str, Any] | None
    version: str
    scope: Literal["global", "workspace"]
    enabled: bool
    allowed: bool
    effects: str
    tags: list[str]
    aliases: list[str]
    deprecated: dict[str, str] | None
    created_at: str


class ToolDetail(ToolItem):
    """A tool with its stored contract and the config as it was sent; secrets stay references."""

    config: dict[str, Any]
    submitted: dict[str, Any]


class ToolList(BaseModel):
    """A page of tools, by name; `next` is the cursor of the next page."""

    tools: list[ToolItem]
    next: str | None


class Registered(BaseModel):
    """A tool that was registered; `warnings`, where there are any, tell what calls of it would fail for."""

    tool_id: str
    registered: Literal[True]
    name: str
    version: str
    warnings: list[Remark] = []


class Rehearsed(BaseModel):
    """What would be registered; nothing was. `tool_id` is that of the tool that would get a new version."""

    tool_id: str | None
    registered: Literal[False]
    name: str
    version: str
    config: dict[str, Any]
    warnings: list[Remark] = []


REHEARSE = "Check everything, store nothing: 200 with what would be stored."
Rehearse = Annotated[bool, Query(alias="dry_run", description=REHEARSE)]


class Stored(Protocol):
    """What is asked here of a stored tool."""

    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def version(self) -> str: ...
    def document(self) -> dict[str, Any]: ...


class AboutBody(Strict):
    """What the call would be about."""

    type: Label
    id: Label


class InputBody(Strict):
    """Input to check, as `input` or `payload`, and what the call would be about, in which view."""

    input: dict[str, Any] | None = None
    payload: dict[str, Any] | None = None
    subject: AboutBody | None = None
    view: Label | None = None


class FaultItem(BaseModel):
    """One fault: where (JSON Pointer) and what."""

    path: str
    message: str


class DecisionItem(BaseModel):
    """What policy says; `rule` is the first that does not hold. With `needs_approval` the call may be made, and waits for a
    person unless it is a dry run.
    """

    allowed: bool
    needs_approval: bool
    code: str | None
    rule: str | None
    message: str | None


class ReasonItem(BaseModel):
    """One rule: what must hold, whether it does, and what would help if not."""

    rule: str
    holds: bool
    message: str
    remedy: str | None


class Explained(DecisionItem):
    """What policy says, with every rule in the order it is asked."""

    reasons: list[ReasonItem]


class Validated(BaseModel):
    """Whether the input fits the contract, and whether this principal could call now; `warnings` tell what else a call
    would fail for.
    """

    valid: bool
    errors: list[FaultItem]
    decision: DecisionItem
    warnings: list[Remark]


class Enablement(Strict):
    """Whether a tool may be called in this workspace."""

    enabled: bool


def registered(tool: Stored, warnings: Iterable[ToolcribError]) -> Registered:
    """The answer to a tool that was stored."""
    return Registered(
        tool_id=tool.id, registered=True, name=tool.name, version=tool.version, warnings=remarks(warnings)
    )


def rehearsed(tool: Stored, tool_id: str | None, warnings: Iterable[ToolcribError]) -> Rehearsed:
    """The answer to one that was not."""
    return Rehearsed(
        tool_id=tool_id, registered=False, name=tool.name, version=tool.version, config=tool.document(),
        warnings=remarks(warnings),
    )  # fmt: skip


def remarks(errors: Iterable[ToolcribError]) -> list[Remark]:
    """What calls would be refused with, as warnings."""
    return [Remark(code=error.code, message=error.message) for error in errors]


async def _wanted(
    scope: Annotated[Literal["global", "workspace", "tenant", "all"], Query()] = "all",
    status: Annotated[Literal["enabled", "disabled"] | None, Query()] = None,
    q: Label | None = None,
    tag: Label | None = None,
    view: Annotated[
        Label | None, Query(description="Those that can be called in this view of a pack.")
    ] = None,
) -> Wanted:
    return Wanted("workspace" if scope == "tenant" else scope, status, q, tag, view)


@router.get("/tools", response_model=ToolList)
async def list_tools(
    caller: Caller, gateway: Counter, page: Paging, wanted: Annotated[Wanted, Depends(_wanted)]
) -> Response:
    """Tools this workspace sees, by name."""
    found = await gateway.tools.list(caller, page.limit + 1, page.after, wanted)
    shown = found[: page.limit]
    following = encode(shown[-1].tool.name) if len(found) > page.limit else None
    return Response(
        dumps({"tools": [_item(view) for view in shown], "next": following}), 200, None, "application/json"
    )


@router.get("/tools/{tool}")
async def get_tool(caller: Caller, gateway: Counter, tool: Label, response: Response) -> ToolDetail:
    """One tool by name, alias or id, with its stored contract."""
    view = await gateway.tools.get(caller, tool)
    if (notice := view.notice) is not None:
        response.headers.update(dict(deprecation_headers(notice)))
    return ToolDetail(**_item(view), config=view.config, submitted=view.tool.submitted_document())


@router.post("/tools/{tool}/validate")
async def validate_input(caller: Caller, gateway: Counter, tool: Label, body: InputBody) -> Validated:
    """Check input against contract and policy; runs nothing."""
    if body.input is not None and body.payload is not None:
        raise Invalid.because(
            "The body is not valid.", [Fault("/payload", "give `input` or `payload`, not both")]
        )
    about = None if body.subject is None else Subject(body.subject.type, body.subject.id)
    call = Call(tool, body.input or body.payload or {}, about, view=body.view)
    found = await gateway.tools.validate(caller, call)
    decision = DecisionItem(**_decided(found.decision))
    faults = [FaultItem(path=fault.path, message=fault.message) for fault in found.faults]
    return Validated(valid=not faults, errors=faults, decision=decision, warnings=remarks(found.warnings))


@router.get("/tools/{tool}/explain")
async def explain_tool(
    caller: Caller,
    gateway: Counter,
    tool: Label,
    *,
    principal: Label | None = None,
    subject_type: Label | None = None,
    subject_id: Label | None = None,
    view: Label | None = None,
) -> Explained:
    """Whether you, or another actor of the workspace, may call a tool now: every rule in order, and the first that fails."""
    _both("subject", subject_type, subject_id)
    decision, reasons = await gateway.tools.explain(caller, tool, principal, subject_type, view)
    return Explained(
        **_decided(decision),
        reasons=[ReasonItem(rule=r.rule, holds=r.holds, message=r.message, remedy=r.remedy) for r in reasons],
    )


@router.get("/tools/{tool}/enablement")
async def get_enablement(caller: Caller, gateway: Counter, tool: Label) -> Enablement:
    """Whether the tool may be called in this workspace."""
    return Enablement(enabled=await gateway.tools.enabled(caller, tool))


@router.put("/tools/{tool}/enablement")
async def put_enablement(caller: Caller, gateway: Counter, tool: Label, body: Enablement) -> Enablement:
    """Enable or disable a tool, also a global one, in this workspace. It binds every call recorded after it."""
    await gateway.tools.set_enabled(caller, tool, enabled=body.enabled)
    return body


@router.delete("/tools/{tool}/enablement", status_code=204)
async def delete_enablement(caller: Caller, gateway: Counter, tool: Label) -> None:
    """Go back to what the tool's contract says."""
    await gateway.tools.reset_enabled(caller, tool)


def _decided(decision: Decision) -> dict[str, Any]:
    """A decision as it stands on the wire."""
    if isinstance(decision, Allow):
        return {"allowed": True, "needs_approval": False, "code": None, "rule": None, "message": None}
    failed, needs = decision.reasons[-1], isinstance(decision, NeedsApproval)
    message = f"{failed.message} {failed.remedy}" if failed.remedy else failed.message
    code = decision.code if isinstance(decision, Deny) else None
    return {"allowed": needs, "needs_approval": needs, "code": code, "rule": failed.rule, "message": message}


def _both(what: str, kind: str | None, of: str | None) -> None:
    if (kind is None) != (of is None):
        fault = Fault(f"/query/{what}_id", f"give {what}_type and {what}_id, or neither")
        raise Invalid.because("The query is not valid.", [fault])


def _item(view: ToolView) -> dict[str, Any]:
    config = view.config
    return {
        "id": view.tool.id,
        "name": view.tool.name,
        "title": config.get("title"),
        "description": config["description"],
        "input_schema": config["input_schema"],
        "output_schema": config.get("output_schema"),
        "version": view.tool.version,
        "scope": "global" if view.tool.workspace_id == GLOBAL else "workspace",
        "enabled": view.enabled,
        "allowed": view.allowed,
        "effects": view.effects,
        "tags": config["tags"],
        "aliases": config.get("aliases", []),
        "deprecated": config.get("deprecated"),
        "created_at": _told(view.tool.created_at),
    }


_told = lru_cache(maxsize=4_096)(iso)

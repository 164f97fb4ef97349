"""Routes of approvals: the calls that wait for a person, the person's yes or no, and the rules by which calls wait."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.responses import Response

from toolcrib.contracts.approval import Approval, ApprovalState, Request
from toolcrib.contracts.errors import Invalid
from toolcrib.contracts.faults import Fault
from toolcrib.contracts.schema import SchemaRefused, compile_schema
from toolcrib.gateway import ApprovalRule
from toolcrib.kit.clock import iso
from toolcrib.kit.paging import encode

from .execute import ExecuteAnswer
from .executions import ResultAnswer
from .requests import Caller, Counter, Label, Paging, Strict, StrictRoute

router = APIRouter(route_class=StrictRoute, tags=["approvals"])
_MOST_EFFECTS = 3
_TEXT, _LINE = r"^[^\x00]*$", r"^[^\x00-\x1f\x7f]*$"


class ApprovalItem(BaseModel):
    """A call that waits, or waited. `reasons` are what is at stake; with `second` another person agrees than the one who
    asked; `digest` is over everything that the approval covers.
    """

    approval_id: str
    execution_id: str
    state: ApprovalState
    tool_id: str
    tool: str
    tool_version: str
    requested_by_actor_type: str
    requested_by_actor_id: str
    on_behalf_of: str | None
    reasons: list[str]
    second: bool
    digest: str
    created_at: str
    expires_at: str
    decided_at: str | None
    decided_by: str | None
    note: str | None


class RequestItem(BaseModel):
    """What would run: the input, and the request or the words of its dry run. `disguised` names texts in both that look like
    something else than they are, by JSON Pointer below `input` and `preview`; `struck` the places of what may be a secret.
    """

    input: Any
    preview: Any
    subject: dict[str, str] | None
    disguised: dict[str, str]
    struck: list[str]


class ApprovalView(ApprovalItem):
    """One approval; `request` stands there while it is pending, for who may agree and for who asked."""

    request: RequestItem | None


class ApprovalList(BaseModel):
    """A page of approvals, newest first."""

    items: list[ApprovalItem]
    next: str | None


class ApproveBody(Strict):
    """`digest` is that of the approval which was looked at: one over anything else is not agreed to."""

    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None


class DenyBody(Strict):
    """Why; whoever asked reads it."""

    note: Annotated[str, Field(max_length=1_000, pattern=_TEXT)] | None = None


class RuleBody(Strict):
    """Calls that wait for a person: of this `tool`, of tools with one of these `effects`, with an input that `when`, a JSON
    Schema, matches; of all that is given. With `second` another person agrees than the one who asked.
    """

    tool: Annotated[str, Field(min_length=1, max_length=128, pattern=_LINE)] | None = None
    effects: Annotated[list[Literal["read", "write", "destructive"]], Field(max_length=_MOST_EFFECTS)] = (
        Field(default_factory=list)
    )
    when: dict[str, Any] | None = None
    second: bool = False

    def rule(self, name: str) -> ApprovalRule:
        """In the house's words. Raises `Invalid`."""
        faults = []
        if self.tool is None and not self.effects:
            faults.append(Fault("", "give a tool, or effects, or both"))
        if self.when is not None:
            try:
                compile_schema(self.when)
            except SchemaRefused as refused:
                faults += [Fault("/when" + fault.path, fault.message) for fault in refused.faults]
        if faults:
            raise Invalid.because("The rule is not valid.", faults)
        return ApprovalRule(name, self.tool, tuple(dict.fromkeys(self.effects)), self.when, self.second)


class RuleItem(BaseModel):
    """A rule by which calls wait."""

    name: str
    tool: str | None
    effects: list[str]
    when: dict[str, Any] | None
    second: bool


class RuleList(BaseModel):
    """A page of rules, by name."""

    items: list[RuleItem]
    next: str | None


@router.get("/approvals")
async def list_approvals(
    caller: Caller, gateway: Counter, page: Paging, state: ApprovalState | None = None
) -> ApprovalList:
    """Calls of this workspace that wait for a person, or waited, newest first."""
    found = await gateway.approvals.list(caller, page.limit + 1, state, page.after)
    shown = found[: page.limit]
    more = encode(shown[-1].id) if len(found) > page.limit else None
    return ApprovalList(items=[ApprovalItem(**_members(one)) for one in shown], next=more)


@router.get("/approvals/{approval}")
async def get_approval(caller: Caller, gateway: Counter, approval: Label) -> ApprovalView:
    """One approval with the call that it is about."""
    found, request = await gateway.approvals.get(caller, approval)
    return ApprovalView(**_members(found), request=None if request is None else _request(request))


@router.post("/approvals/{approval}/approve", response_model=ExecuteAnswer)
async def approve(
    caller: Caller, gateway: Counter, approval: Label, body: ApproveBody | None = None
) -> Response:
    """Agree: the call runs, and this answers as execute does. 409 where it is decided already, its time is over, or
    something that it covers has changed.
    """
    return ResultAnswer(await gateway.approvals.approve(caller, approval, body.digest if body else None))


@router.post("/approvals/{approval}/deny")
async def deny(caller: Caller, gateway: Counter, approval: Label, body: DenyBody) -> ApprovalItem:
    """Refuse: the call never runs."""
    return ApprovalItem(**_members(await gateway.approvals.deny(caller, approval, body.note)))


@router.get("/approval-rules")
async def list_rules(caller: Caller, gateway: Counter, page: Paging) -> RuleList:
    """The rules by which calls of this workspace wait for a person, beside those that contracts call high in impact."""
    found = await gateway.rules.list(caller, page.limit + 1, page.after)
    shown = found[: page.limit]
    more = encode(shown[-1].name) if len(found) > page.limit else None
    return RuleList(items=[_rule(one) for one in shown], next=more)


@router.put("/approval-rules/{name}")
async def set_rule(caller: Caller, gateway: Counter, name: Label, body: RuleBody) -> RuleItem:
    """Set a rule. It binds every call recorded after it; what waits already for another reason has to be asked for anew."""
    _check_name(name)
    rule = body.rule(name)
    await gateway.rules.set(caller, rule)
    return _rule(rule)


@router.delete("/approval-rules/{name}", status_code=204)
async def remove_rule(caller: Caller, gateway: Counter, name: Label) -> None:
    """Remove a rule."""
    await gateway.rules.remove(caller, name)


def _check_name(name: str) -> None:
    if not name.isascii() or not name.replace("-", "").replace("_", "").replace(".", "").isalnum():
        fault = Fault("/path/name", "use letters, digits, `.`, `_` and `-`")
        raise Invalid.because("The name is not valid.", [fault])


def _members(approval: Approval) -> dict[str, Any]:
    return {
        "approval_id": approval.id, "execution_id": approval.execution_id, "state": approval.state, "tool_id": approval.tool_id,
        "tool": approval.tool, "tool_version": approval.tool_version, "requested_by_actor_type": approval.actor_type,
        "requested_by_actor_id": approval.actor_id, "on_behalf_of": approval.on_behalf_of, "reasons": list(approval.reasons),
        "second": approval.second, "digest": approval.digest, "created_at": iso(approval.created_at),
        "expires_at": iso(approval.expires_at), "decided_at": None if approval.decided_at is None else iso(approval.decided_at),
        "decided_by": approval.decided_by, "note": approval.note,
    }  # fmt: skip


def _request(request: Request) -> RequestItem:
    subject = request.subject
    return RequestItem(
        input=request.input, preview=request.preview, disguised=dict(request.disguised), struck=list(request.struck),
        subject={"type": subject.type, "id": subject.id} if subject else None,
    )  # fmt: skip


def _rule(rule: ApprovalRule) -> RuleItem:
    when = None if rule.when is None else dict(rule.when)
    return RuleItem(name=rule.name, tool=rule.tool, effects=list(rule.effects), when=when, second=rule.second)

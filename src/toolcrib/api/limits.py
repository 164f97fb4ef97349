"""Routes of limits: what a workspace allows itself, and the ceiling that the operator sets for it."""

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from toolcrib.contracts.errors import Invalid
from toolcrib.contracts.faults import Fault
from toolcrib.contracts.names import is_tool_name
from toolcrib.gateway import Allowance, Limit
from toolcrib.kit.paging import encode

from .requests import Caller, Counter, Label, Paging, Strict, StrictRoute

router = APIRouter(route_class=StrictRoute, tags=["limits"])
Kind = Literal["ceiling", "workspace", "actor", "tool", "host"]
_EACH = "*"
_TEN_SECONDS = 6  # in a minute
Rate = Annotated[int, Field(ge=1, le=60_000_000)]
AtOnce = Annotated[int, Field(ge=1, le=1_000_000)]
Quota = Annotated[int, Field(ge=1, le=1_000_000_000_000)]


class LimitBody(Strict):
    """What is allowed; what is left out is not limited. `burst` is how many calls may come at once, ten seconds' worth of
    `per_minute` unless given; `concurrency` how many may be under way. Days and months are those of UTC.
    """

    per_minute: Rate | None = None
    burst: AtOnce | None = None
    per_day: Quota | None = None
    per_month: Quota | None = None
    concurrency: AtOnce | None = None

    def allowed(self) -> Allowance:
        """In the house's words. Raises `Invalid`."""
        faults = []
        if self.burst is not None and self.per_minute is None:
            faults = [Fault("/burst", "give per_minute too")]
        if all(getattr(self, name) is None for name in type(self).model_fields):
            faults = [
                Fault(
                    "",
                    "give at least one of per_minute, per_day, per_month, concurrency; DELETE removes a limit",
                )
            ]
        if faults:
            raise Invalid.because("The limit is not valid.", faults)
        usual = min(1_000_000, max(1, (self.per_minute or 0) // _TEN_SECONDS))
        return Allowance(self.per_minute, self.burst or usual, self.per_day, self.per_month, self.concurrency)


class LimitItem(BaseModel):
    """A limit; null is no limit in that way."""

    kind: str
    name: str
    per_minute: int | None
    burst: int | None
    per_day: int | None
    per_month: int | None
    concurrency: int | None


class LimitList(BaseModel):
    """A page of limits, by kind and name."""

    items: list[LimitItem]
    next: str | None


@router.get("/workspaces/{workspace}/limits")
async def list_limits(caller: Caller, gateway: Counter, workspace: Label, page: Paging) -> LimitList:
    """Limits of your workspace; the operator sees those of any."""
    kind, _, name = (page.after or "").partition(" ")
    after = (kind, name) if page.after else None
    found = await gateway.limits.list(caller, workspace, page.limit + 1, after)
    shown = found[: page.limit]
    more = encode(f"{shown[-1].kind} {shown[-1].name}") if len(found) > page.limit else None
    return LimitList(items=[_item(one) for one in shown], next=more)


@router.put("/workspaces/{workspace}/limits/{kind}/{name}")
async def set_limit(
    caller: Caller, gateway: Counter, workspace: Label, kind: Kind, name: Label, body: LimitBody
) -> LimitItem:
    """Set what one actor, tool or upstream host may use, or with the name `*` each that has no limit of its own; of kind
    `workspace` all calls together. The operator sets the `ceiling`. It binds every call recorded after it.
    """
    limit = Limit(kind, _named(kind, name), body.allowed())
    await gateway.limits.set(caller, workspace, limit)
    return _item(limit)


@router.delete("/workspaces/{workspace}/limits/{kind}/{name}", status_code=204)
async def remove_limit(caller: Caller, gateway: Counter, workspace: Label, kind: Kind, name: Label) -> None:
    """Remove a limit. What was used of a day or a month counts again once there is another one."""
    await gateway.limits.remove(caller, workspace, kind, _kept(kind, name))


def _named(kind: str, name: str) -> str:
    """The name as it is kept, if it can be one. Raises `Invalid`."""
    if name == _EACH:
        return name
    fault = None
    if kind in ("ceiling", "workspace"):
        fault = "give *, as it is about all calls of the workspace"
    elif kind == "tool" and not is_tool_name(name):
        fault = "give the name of a tool as it is listed, or * for each"
    elif kind == "actor" and ":" not in name:
        fault = "give an actor such as agent:clerk, or * for each"
    if fault is not None:
        raise Invalid.because("The name is not valid.", [Fault("/path/name", fault)])
    return _kept(kind, name)


def _kept(kind: str, name: str) -> str:
    return name.lower().rstrip(".") if kind == "host" else name


def _item(limit: Limit) -> LimitItem:
    allowed = limit.allowed
    return LimitItem(
        kind=limit.kind, name=limit.name, per_minute=allowed.per_minute, burst=allowed.burst if allowed.per_minute else None,
        per_day=allowed.per_day, per_month=allowed.per_month, concurrency=allowed.concurrency,
    )  # fmt: skip

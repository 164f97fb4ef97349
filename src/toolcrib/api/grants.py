"""Routes of grants, which the operator gives, and of suspensions."""

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, StringConstraints

from toolcrib.contracts.errors import Invalid
from toolcrib.contracts.faults import Fault
from toolcrib.gateway import NewGrant
from toolcrib.kit.clock import iso
from toolcrib.kit.paging import encode

from .keys import time_of
from .requests import Caller, Counter, Label, Paging, Strict, StrictRoute

router = APIRouter(route_class=StrictRoute, tags=["grants"])


class GrantBody(Strict):
    """An entitlement such as `pro`; of all of the workspace, or of one actor such as `agent:bot`. `expires_at` is an RFC 3339
    time.
    """

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$")]
    actor_id: Label | None = None
    expires_at: Annotated[str, StringConstraints(max_length=64)] | None = None


class GrantMade(BaseModel):
    """The new grant."""

    id: str
    name: str


class GrantItem(BaseModel):
    """A grant; one that is past `expires_at` gives nothing any more."""

    id: str
    name: str
    actor_id: str | None
    created_at: str
    created_by: str
    expires_at: str | None


class GrantList(BaseModel):
    """A page of grants, by id."""

    items: list[GrantItem]
    next: str | None


class SuspensionBody(Strict):
    """What is suspended: an actor such as `agent:bot`, with all of its credentials, or an upstream host such as
    `api.example.com`, `*.example.com` or an address, each with or without `:port`.
    """

    kind: Literal["actor", "host"] = "actor"
    name: Label


class SuspensionItem(BaseModel):
    """What is suspended."""

    kind: str
    name: str


class SuspensionList(BaseModel):
    """All that is suspended in this workspace."""

    items: list[SuspensionItem]
    next: str | None


@router.get("/workspaces/{workspace}/grants")
async def list_grants(caller: Caller, gateway: Counter, workspace: Label, page: Paging) -> GrantList:
    """Grants of your workspace; the operator sees those of any."""
    found = await gateway.grants.list(caller, workspace, page.limit + 1, page.after)
    shown = found[: page.limit]
    items = [
        GrantItem(
            id=one.id,
            name=one.name,
            actor_id=one.actor_id,
            created_at=iso(one.created_at),
            created_by=one.created_by,
            expires_at=None if one.expires_at is None else iso(one.expires_at),
        )
        for one in shown
    ]
    return GrantList(items=items, next=encode(shown[-1].id) if len(found) > page.limit else None)


@router.post("/workspaces/{workspace}/grants", status_code=201)
async def give_grant(caller: Caller, gateway: Counter, workspace: Label, body: GrantBody) -> GrantMade:
    """Give a workspace, or one actor in it, an entitlement, as the operator. It binds every call recorded after it."""
    wanted = NewGrant(body.name, body.actor_id, time_of(body.expires_at))
    return GrantMade(id=await gateway.grants.give(caller, workspace, wanted), name=body.name)


@router.delete("/workspaces/{workspace}/grants/{grant}", status_code=204)
async def end_grant(caller: Caller, gateway: Counter, workspace: Label, grant: Label) -> None:
    """Take an entitlement back, as the operator."""
    await gateway.grants.end(caller, workspace, grant)


@router.get("/suspensions")
async def list_suspensions(caller: Caller, gateway: Counter) -> SuspensionList:
    """Who and what is suspended in this workspace."""
    found = await gateway.suspensions.list(caller)
    return SuspensionList(items=[SuspensionItem(kind=kind, name=name) for kind, name in found], next=None)


@router.post("/suspensions", status_code=201)
async def suspend(caller: Caller, gateway: Counter, body: SuspensionBody) -> SuspensionItem:
    """Suspend an actor: each of its credentials is refused from the next request on. Or a host: no tool's request goes there."""
    if body.kind == "actor" and ":" not in body.name:
        raise Invalid.because("The name is not valid.", [Fault("/name", "give an actor such as agent:clerk")])
    return SuspensionItem(
        kind=body.kind, name=await gateway.suspensions.suspend(caller, body.kind, body.name)
    )


@router.delete("/suspensions/{kind}/{name}", status_code=204)
async def lift_suspension(caller: Caller, gateway: Counter, kind: Label, name: Label) -> None:
    """Let a suspended actor in again, or a host be called."""
    await gateway.suspensions.lift(caller, kind, name)

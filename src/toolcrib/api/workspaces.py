"""Routes of workspaces: who you are, which workspaces there are for you, and what each of them is."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, StringConstraints

from toolcrib.gateway import Gateway, WorkspaceView
from toolcrib.kit.clock import iso
from toolcrib.kit.paging import encode

from .requests import Caller, Counter, Label, Paging, Strict, StrictRoute

router = APIRouter(route_class=StrictRoute, tags=["workspaces"])
WorkspaceName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$")]


class Me(BaseModel):
    """Who you are here, by your credential; `tools` limits it to these names, `operator` is whether all of this is yours."""

    workspace_id: str
    workspace: str
    actor_type: str
    actor_id: str
    on_behalf_of: str | None
    role: str
    read_only: bool
    permissions: list[str]
    tools: list[str] | None
    grants: list[str]
    operator: bool


class WorkspaceBody(Strict):
    """A new workspace."""

    name: WorkspaceName


class WorkspaceChange(Strict):
    """What the workspace shall be; what is left out stays. In one that is `read_only` tools only read; one that is shared
    (`share_with_admin`) the operator may look into for a week, and change nothing.
    """

    name: WorkspaceName | None = None
    read_only: bool | None = None
    share_with_admin: bool | None = None


class WorkspaceItem(BaseModel):
    """A workspace. Where it shares itself with the operator, `shared_until` says until when."""

    id: str
    name: str
    created_at: str
    read_only: bool
    share_with_admin: bool
    shared_until: str | None
    suspended: bool


class WorkspaceMade(BaseModel):
    """The new workspace, with the key of its owner, which is shown this once."""

    id: str
    name: str
    key: str


class WorkspaceList(BaseModel):
    """A page of workspaces, by id."""

    items: list[WorkspaceItem]
    next: str | None


@router.get("/me")
async def show_me(caller: Caller, gateway: Counter) -> Me:
    """Who you are in this workspace, and what you may do."""
    facts, who, allowed = await gateway.workspaces.whoami(caller)
    return Me(
        workspace_id=facts.workspace_id,
        workspace=facts.roster.workspace.name,
        actor_type=who.actor_type.value,
        actor_id=who.actor_id,
        on_behalf_of=who.on_behalf_of,
        role=who.role.value,
        read_only=who.read_only,
        permissions=sorted(allowed),
        tools=None if who.tools is None else sorted(who.tools),
        grants=sorted({grant.name for grant in who.grants}),
        operator=who.operator,
    )


@router.get("/workspaces")
async def list_workspaces(caller: Caller, gateway: Counter, page: Paging) -> WorkspaceList:
    """The workspaces that you may name; for the operator all there are."""
    found = await gateway.workspaces.list(caller, page.limit + 1, page.after)
    shown = found[: page.limit]
    following = encode(shown[-1].id) if len(found) > page.limit else None
    return WorkspaceList(items=[_item(gateway, one) for one in shown], next=following)


@router.post("/workspaces", status_code=201)
async def create_workspace(caller: Caller, gateway: Counter, body: WorkspaceBody) -> WorkspaceMade:
    """Make a workspace, as the operator: the owner of the workspace `default`."""
    made, key = await gateway.workspaces.create(caller, body.name)
    return WorkspaceMade(id=made, name=body.name, key=key)


@router.get("/workspaces/{workspace}")
async def get_workspace(caller: Caller, gateway: Counter, workspace: Label) -> WorkspaceItem:
    """Your workspace; the operator may look at the name and state of any."""
    return _item(gateway, await gateway.workspaces.show(caller, workspace))


@router.put("/workspaces/{workspace}")
async def update_workspace(
    caller: Caller, gateway: Counter, workspace: Label, body: WorkspaceChange
) -> WorkspaceItem:
    """Open or close your workspace for writing, or share it with the operator, as its owner. The operator names it, and may close
    any for writing.
    """
    changed = await gateway.workspaces.update(
        caller,
        workspace,
        name=body.name,
        read_only=body.read_only,
        share_with_admin=body.share_with_admin,
    )
    return _item(gateway, changed)


@router.post("/workspaces/{workspace}/suspend")
async def suspend_workspace(caller: Caller, gateway: Counter, workspace: Label) -> WorkspaceItem:
    """Shut every credential of a workspace out from the next request on, as the operator."""
    return _item(gateway, await gateway.workspaces.suspend(caller, workspace, suspended=True))


@router.post("/workspaces/{workspace}/resume")
async def resume_workspace(caller: Caller, gateway: Counter, workspace: Label) -> WorkspaceItem:
    """Let them in again."""
    return _item(gateway, await gateway.workspaces.suspend(caller, workspace, suspended=False))


def _item(gateway: Gateway, one: WorkspaceView) -> WorkspaceItem:
    shared = gateway.workspaces.is_shared(one)
    return WorkspaceItem(
        id=one.id,
        name=one.name,
        created_at=iso(one.created_at),
        read_only=one.read_only,
        share_with_admin=shared,
        shared_until=iso(one.shared_until) if shared else None,
        suspended=one.suspended,
    )

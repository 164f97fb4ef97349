"""Routes of members and of invitations to become one."""

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, StringConstraints

from toolcrib.contracts.principal import Role
from toolcrib.gateway import InvitationView, MemberView, NewMember
from toolcrib.kit.clock import iso
from toolcrib.kit.paging import encode

from .requests import Caller, Claimant, Counter, Label, Paging, SignInRoute, Strict, StrictRoute

router = APIRouter(route_class=StrictRoute, tags=["members"])
_signed_in = APIRouter(route_class=SignInRoute, tags=["members"])
RoleName = Literal["owner", "admin", "member", "viewer"]
PersonName = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]*$")]


class MemberBody(Strict):
    """A person, by the issuer of their tokens (`iss`) and what it calls them (`sub`), and their role."""

    issuer: Label
    subject: Label
    name: PersonName
    role: RoleName = "member"
    read_only: bool = False


class MemberChange(Strict):
    """What the member shall be; what is left out stays."""

    name: PersonName | None = None
    role: RoleName | None = None
    read_only: bool | None = None


class MemberItem(BaseModel):
    """A member of this workspace."""

    id: str
    issuer: str
    subject: str
    name: str
    role: str
    read_only: bool
    created_at: str
    created_by: str


class MemberList(BaseModel):
    """A page of members, by id."""

    items: list[MemberItem]
    next: str | None


class InvitationBody(Strict):
    """Whom you invite, in words of your own, and the role they will have."""

    name: PersonName
    role: RoleName = "member"


class InvitationItem(BaseModel):
    """An invitation that may still be accepted."""

    id: str
    name: str
    role: str
    created_at: str
    created_by: str
    expires_at: str


class InvitationMade(InvitationItem):
    """The new invitation; `token` is shown this once, for whoever is invited."""

    token: str


class InvitationList(BaseModel):
    """A page of invitations, by id."""

    items: list[InvitationItem]
    next: str | None


class AcceptBody(Strict):
    """The text of an invitation."""

    token: Annotated[str, StringConstraints(min_length=1, max_length=200)]


class Accepted(BaseModel):
    """Where you are a member now."""

    workspace_id: str
    workspace: str
    role: str


@router.get("/workspaces/{workspace}/members")
async def list_members(caller: Caller, gateway: Counter, workspace: Label, page: Paging) -> MemberList:
    """Members of your workspace."""
    gateway.workspaces.own(caller, workspace)
    found = await gateway.members.list(caller, page.limit + 1, page.after)
    shown = found[: page.limit]
    following = encode(shown[-1].id) if len(found) > page.limit else None
    return MemberList(items=[_member(one) for one in shown], next=following)


@router.post("/workspaces/{workspace}/members", status_code=201)
async def add_member(caller: Caller, gateway: Counter, workspace: Label, body: MemberBody) -> MemberItem:
    """Make a person a member, with a role no wider than your own."""
    gateway.workspaces.own(caller, workspace)
    wanted = NewMember(body.issuer, body.subject, body.name, Role(body.role), body.read_only)
    return _member(await gateway.members.add(caller, wanted))


@router.put("/workspaces/{workspace}/members/{member}")
async def update_member(
    caller: Caller, gateway: Counter, workspace: Label, member: Label, body: MemberChange
) -> MemberItem:
    """Give a member another name or role. It binds every call recorded after it."""
    gateway.workspaces.own(caller, workspace)
    role = None if body.role is None else Role(body.role)
    return _member(
        await gateway.members.update(caller, member, name=body.name, role=role, read_only=body.read_only)
    )


@router.delete("/workspaces/{workspace}/members/{member}", status_code=204)
async def remove_member(caller: Caller, gateway: Counter, workspace: Label, member: Label) -> None:
    """End a membership, and with it the keys on the member's behalf."""
    gateway.workspaces.own(caller, workspace)
    await gateway.members.remove(caller, member)


@router.get("/workspaces/{workspace}/invitations")
async def list_invitations(
    caller: Caller, gateway: Counter, workspace: Label, page: Paging
) -> InvitationList:
    """Invitations that may still be accepted."""
    gateway.workspaces.own(caller, workspace)
    found = await gateway.members.invitations(caller, page.limit + 1, page.after)
    shown = found[: page.limit]
    following = encode(shown[-1].id) if len(found) > page.limit else None
    return InvitationList(items=[InvitationItem(**_invitation(one)) for one in shown], next=following)


@router.post("/workspaces/{workspace}/invitations", status_code=201)
async def create_invitation(
    caller: Caller, gateway: Counter, workspace: Label, body: InvitationBody
) -> InvitationMade:
    """Invite somebody: who signs in and brings the token within a week is a member with this role."""
    gateway.workspaces.own(caller, workspace)
    made, text = await gateway.members.invite(caller, body.name, Role(body.role))
    return InvitationMade(**_invitation(made), token=text)


@router.delete("/workspaces/{workspace}/invitations/{invitation}", status_code=204)
async def delete_invitation(caller: Caller, gateway: Counter, workspace: Label, invitation: Label) -> None:
    """Take an invitation back."""
    gateway.workspaces.own(caller, workspace)
    await gateway.members.take_back(caller, invitation)


@_signed_in.post("/invitations/accept")
async def accept_invitation(claimant: Claimant, gateway: Counter, body: AcceptBody) -> Accepted:
    """Become a member by an invitation; send the token of your identity provider as the credential."""
    workspace_id, workspace, role = await gateway.members.accept(claimant, body.token)
    return Accepted(workspace_id=workspace_id, workspace=workspace, role=role.value)


router.include_router(_signed_in)


def _member(one: MemberView) -> MemberItem:
    return MemberItem(
        id=one.id,
        issuer=one.issuer,
        subject=one.subject,
        name=one.name,
        role=one.role.value,
        read_only=one.read_only,
        created_at=iso(one.created_at),
        created_by=one.created_by,
    )


def _invitation(one: InvitationView) -> dict[str, str]:
    return {
        "id": one.id,
        "name": one.name,
        "role": one.role.value,
        "created_at": iso(one.created_at),
        "created_by": one.created_by,
        "expires_at": iso(one.expires_at),
    }

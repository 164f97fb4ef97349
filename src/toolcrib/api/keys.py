"""Routes of API keys: made (the key is shown once), listed, rotated, revoked."""

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field, StringConstraints

from toolcrib.contracts.errors import Code, Invalid
from toolcrib.contracts.faults import Fault
from toolcrib.contracts.principal import ActorType, NewKey, Role
from toolcrib.kit.clock import from_iso, iso
from toolcrib.kit.paging import encode

from .requests import Caller, Counter, Label, Paging, Remark, Strict, StrictRoute

router = APIRouter(route_class=StrictRoute, tags=["keys"])
ToolName = Annotated[str, StringConstraints(min_length=1, max_length=128)]


class KeyBody(Strict):
    """What the key shall be. `tools` limits it to these names; `expires_at` is an RFC 3339 time; `on_behalf_of: "me"` makes an
    agent act in the name of the member who makes the key, with no more rights than theirs.
    """

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._@-]{0,63}$")]
    actor_type: Literal["user", "agent", "service"] = "agent"
    role: Literal["owner", "admin", "member", "viewer"] = "member"
    tools: Annotated[list[ToolName], Field(max_length=1000)] | None = None
    expires_at: Annotated[str, StringConstraints(max_length=64)] | None = None
    on_behalf_of: Literal["me"] | None = None


class RotateBody(Strict):
    """For how many seconds the old key is still good, at most a week."""

    overlap_seconds: Annotated[int, Field(ge=0, le=604_800)] = 0


class KeyMade(BaseModel):
    """The new key; `key` is shown this once. `warnings` name the tools that it is limited to and that are not there."""

    id: str
    name: str
    key: str
    warnings: list[Remark]


class KeyItem(BaseModel):
    """A key without its text."""

    id: str
    name: str
    actor_type: str
    actor_id: str
    role: str
    tools: list[str] | None
    created_at: str
    created_by: str
    expires_at: str | None
    on_behalf_of: str | None
    last_used_at: str | None


class KeyList(BaseModel):
    """A page of live keys, by id."""

    items: list[KeyItem]
    next: str | None


@router.post("/keys", status_code=201)
async def create_key(caller: Caller, gateway: Counter, body: KeyBody) -> KeyMade:
    """Make a key of this workspace. It can do no more than you."""
    tools = None if body.tools is None else tuple(body.tools)
    wanted = NewKey(
        body.name, ActorType(body.actor_type), Role(body.role), tools, time_of(body.expires_at), body.on_behalf_of == "me"
    )  # fmt: skip
    key_id, text = await gateway.keys.create(caller, wanted)
    unmet = await gateway.keys.unmet(caller, tools or ())
    warnings = [Remark(code=Code.NOT_FOUND, message=_unmet(name, meant)) for name, meant in unmet.items()]
    return KeyMade(id=key_id, name=body.name, key=text, warnings=warnings)


@router.get("/keys")
async def list_keys(caller: Caller, gateway: Counter, page: Paging) -> KeyList:
    """Live keys of this workspace."""
    found = await gateway.keys.list(caller, page.limit + 1, page.after)
    shown, uses = found[: page.limit], await gateway.keys.uses(caller)
    items = [
        KeyItem(
            id=key.id,
            name=key.name,
            actor_type=key.principal.actor_type.value,
            actor_id=key.principal.actor_id,
            role=key.principal.role.value,
            tools=None if key.principal.tools is None else sorted(key.principal.tools),
            created_at=iso(key.created_at),
            created_by=key.created_by,
            expires_at=iso(key.expires_at) if key.expires_at is not None else None,
            on_behalf_of=key.principal.on_behalf_of,
            last_used_at=iso(uses[key.id]) if key.id in uses else None,
        )
        for key in shown
    ]
    return KeyList(items=items, next=encode(shown[-1].id) if len(found) > page.limit else None)


@router.post("/keys/{key_id}/rotate", status_code=201)
async def rotate_key(caller: Caller, gateway: Counter, key_id: Label, body: RotateBody) -> KeyMade:
    """Make another key for the same actor with the same rights, and let the old one end."""
    made, name, text = await gateway.keys.rotate(caller, key_id, body.overlap_seconds)
    return KeyMade(id=made, name=name, key=text, warnings=[])


@router.delete("/keys/{key_id}", status_code=204)
async def revoke_key(caller: Caller, gateway: Counter, key_id: Label) -> None:
    """Revoke a key for good. It binds every call recorded after it."""
    await gateway.keys.revoke(caller, key_id)


def _unmet(name: str, meant: str | None) -> str:
    if meant is None:
        return f"There is no tool {name} here. The key may call one of this name once there is."
    return (
        f"{name} is another name of {meant}. Keys are limited by tools' names, so this one may not call it."
    )


def time_of(text: str | None) -> int | None:
    """`expires_at` of a body. Raises `Invalid`."""
    try:
        return None if text is None else from_iso(text)
    except (ValueError, OverflowError):
        raise Invalid.because(
            "The body is not valid.", [Fault("/expires_at", "give a time such as 2027-01-31T12:00:00Z")]
        ) from None

"""Routes of secrets: set, list by name, delete. A value goes in and never comes out."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field, StringConstraints

from toolcrib.contracts.execution import SecretUse
from toolcrib.gateway.rotation import Progress
from toolcrib.kit.clock import iso
from toolcrib.kit.paging import encode

from .requests import Caller, Counter, Label, Paging, Strict, StrictRoute

Host = Annotated[str, StringConstraints(min_length=1, max_length=300)]
router = APIRouter(route_class=StrictRoute, tags=["secrets"])


class SecretBody(Strict):
    """A secret's name, as `${NAME}` refers to it, its value, and the hosts that it may go to: `api.example.com` or
    `*.example.com`, with or without `:port`. Without `hosts` it stays bound as it is; `null` frees it.
    """

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,127}$")]
    value: Annotated[str, StringConstraints(min_length=1, max_length=65_536)]
    hosts: Annotated[list[Host], Field(max_length=64)] | None = None


class SecretItem(BaseModel):
    """A secret without its value."""

    name: str
    version: int
    hosts: list[str] | None
    created_at: str
    updated_at: str


class SecretSet(BaseModel):
    """The secret that was set."""

    name: str
    version: int
    hosts: list[str] | None
    warning: str | None


class UseItem(BaseModel):
    """A call that opened the secret; `version` 0 is a value from the server's environment."""

    execution_id: str
    tool: str
    tool_version: str
    actor_type: str
    actor_id: str
    on_behalf_of: str | None
    status: str
    dry_run: bool
    version: int
    at: str


class UseList(BaseModel):
    """A page of uses, newest first."""

    items: list[UseItem]
    next: str | None


class KeyProgress(BaseModel):
    """The version of the workspace's key, and what is not sealed under it yet. `root` is the operator's alone."""

    key_version: int
    left: int
    root: int | None


class SecretList(BaseModel):
    """A page of secrets, by name."""

    items: list[SecretItem]
    next: str | None


_SHORT = 8


@router.post("/secrets", status_code=201)
async def set_secret(caller: Caller, gateway: Counter, body: SecretBody) -> SecretSet:
    """Set or replace a secret. Calls recorded after it use the new value."""
    made = await gateway.secrets.set(
        caller, body.name, body.value, body.hosts, rebinds="hosts" in body.model_fields_set
    )
    warning = (
        "values under 8 bytes cannot be told from ordinary text when an upstream echoes them"
        if len(body.value.encode()) < _SHORT
        else None
    )
    return SecretSet(name=made.name, version=made.version, hosts=_list(made.hosts), warning=warning)


@router.get("/secrets")
async def list_secrets(caller: Caller, gateway: Counter, page: Paging) -> SecretList:
    """Names, hosts and dates of this workspace's secrets."""
    found = await gateway.secrets.list(caller, page.limit + 1, page.after)
    shown = found[: page.limit]
    items = [
        SecretItem(
            name=s.name, version=s.version, hosts=_list(s.hosts), created_at=iso(s.created_at), updated_at=iso(s.updated_at)
        )
        for s in shown
    ]  # fmt: skip
    return SecretList(items=items, next=encode(shown[-1].name) if len(found) > page.limit else None)


@router.post("/secrets/rotate")
async def rotate_secrets(caller: Caller, gateway: Counter) -> KeyProgress:
    """Give the workspace a new key. Calls go on; secrets are sealed anew meanwhile. For owners."""
    return _progress(await gateway.rotation.rotate(caller))


@router.get("/secrets/rotation")
async def show_rotation(caller: Caller, gateway: Counter) -> KeyProgress:
    """How many secrets are not yet sealed under the workspace's newest key; for the operator, how many rows of all
    workspaces still need the previous root key.
    """
    return _progress(await gateway.rotation.progress(caller))


@router.get("/secrets/{name}/uses")
async def list_uses(caller: Caller, gateway: Counter, name: Label, page: Paging) -> UseList:
    """The calls that opened a secret, newest first: who, with which tool, when, which version."""
    found = await gateway.secrets.uses(caller, name, page.limit + 1, page.after)
    shown = found[: page.limit]
    return UseList(
        items=[_use(one) for one in shown],
        next=encode(shown[-1].execution.execution_id) if len(found) > page.limit else None,
    )


@router.delete("/secrets/{name}", status_code=204)
async def delete_secret(caller: Caller, gateway: Counter, name: Label) -> None:
    """Delete a secret; calls that name it answer SECRET_NOT_FOUND from then on."""
    await gateway.secrets.delete(caller, name)


def _progress(found: Progress) -> KeyProgress:
    return KeyProgress(key_version=found.key_version, left=found.left, root=found.root)


def _use(use: SecretUse) -> UseItem:
    one = use.execution
    return UseItem(
        execution_id=one.execution_id, tool=one.tool, tool_version=one.tool_version, actor_type=one.actor_type, actor_id=one.actor_id,
        on_behalf_of=one.on_behalf_of, status=one.status.value, dry_run=one.dry_run, version=use.version, at=iso(one.created_at),
    )  # fmt: skip


def _list(hosts: tuple[str, ...] | None) -> list[str] | None:
    return None if hosts is None else list(hosts)

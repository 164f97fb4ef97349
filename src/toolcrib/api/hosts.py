"""Routes of the hosts that a workspace's tools may call."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from .requests import Caller, Counter, Label, Strict, StrictRoute
from .secrets import Host

router = APIRouter(route_class=StrictRoute, tags=["workspaces"])


class HostsBody(Strict):
    """The hosts that tools of this workspace may call: `api.example.com`, `*.example.com` or an address, each with or without
    `:port`; `null` or none lets them call all that the operator allows.
    """

    hosts: Annotated[list[Host], Field(max_length=256)] | None


class HostsItem(BaseModel):
    """The list, in order; `null` where all are called that the operator allows."""

    hosts: list[str] | None


@router.get("/workspaces/{workspace}/hosts")
async def get_hosts(caller: Caller, gateway: Counter, workspace: Label) -> HostsItem:
    """The hosts that tools of your workspace may call."""
    gateway.workspaces.own(caller, workspace)
    found = await gateway.hosts.show(caller)
    return HostsItem(hosts=None if found is None else list(found))


@router.put("/workspaces/{workspace}/hosts")
async def set_hosts(caller: Caller, gateway: Counter, workspace: Label, body: HostsBody) -> HostsItem:
    """Narrow what tools of your workspace may call. It binds the next request that any of them sends, and never allows what the
    operator does not.
    """
    gateway.workspaces.own(caller, workspace)
    made = await gateway.hosts.set(caller, body.hosts)
    return HostsItem(hosts=None if made is None else list(made))

"""Routes that change tools: a new version, the history, the end; and the same under `/tools/saved`."""

from typing import Annotated, Any

from fastapi import APIRouter, Body
from pydantic import BaseModel
from starlette.responses import Response

from toolcrib.gateway.tools import Wanted
from toolcrib.kit.clock import iso
from toolcrib.kit.paging import encode

from .requests import Caller, Counter, Label, Paging, StrictRoute
from .tools import Registered, Rehearse, Rehearsed, ToolList, list_tools, registered, rehearsed

router = APIRouter(route_class=StrictRoute, tags=["tools"])


class VersionItem(BaseModel):
    """What a tool was as of one version."""

    version: str
    digest: str
    config: dict[str, Any]
    created_at: str
    created_by: str


class VersionList(BaseModel):
    """A page of versions, newest first; `next` is the cursor of the next page."""

    items: list[VersionItem]
    next: str | None


@router.get("/tools/saved", response_model=ToolList)
async def list_saved_tools(caller: Caller, gateway: Counter, page: Paging) -> Response:
    """The workspace's own tools: every tool is saved, this is the same registry."""
    return await list_tools(caller, gateway, page, Wanted("workspace"))


@router.put("/tools/saved/{tool}", response_model_exclude_defaults=True)
async def save_version(
    caller: Caller,
    gateway: Counter,
    tool: Label,
    config: Annotated[dict[str, Any], Body()],
    rehearse: Rehearse = False,  # noqa: FBT002 a query parameter
) -> Registered | Rehearsed:
    """As `PUT /tools/{tool}`."""
    return await update_tool(caller, gateway, tool, config, rehearse)


@router.delete("/tools/saved/{tool}", status_code=204)
async def delete_saved_tool(caller: Caller, gateway: Counter, tool: Label) -> None:
    """As `DELETE /tools/{tool}`."""
    await gateway.versions.delete(caller, tool)


@router.put("/tools/{tool}", response_model_exclude_defaults=True)
async def update_tool(
    caller: Caller,
    gateway: Counter,
    tool: Label,
    config: Annotated[dict[str, Any], Body()],
    rehearse: Rehearse = False,  # noqa: FBT002 a query parameter
) -> Registered | Rehearsed:
    """Publish a new version. Without `version` the least fitting one is taken; what breaks callers needs a major one (409)."""
    made = await gateway.versions.update(caller, tool, config, rehearse=rehearse)
    warnings = await gateway.tools.warnings(caller, made)
    return rehearsed(made, made.id, warnings) if rehearse else registered(made, warnings)


@router.delete("/tools/{tool}", status_code=204)
async def delete_tool(caller: Caller, gateway: Counter, tool: Label) -> None:
    """Take a tool out of the catalog. Its executions stay; its name is free again."""
    await gateway.versions.delete(caller, tool)


@router.get("/tools/{tool}/versions")
async def list_versions(caller: Caller, gateway: Counter, tool: Label, page: Paging) -> VersionList:
    """Versions with their stored contracts, newest first."""
    found = await gateway.versions.list(caller, tool, page.limit + 1, page.after)
    shown = found[: page.limit]
    items = [
        VersionItem(
            version=one.version, digest=one.digest, config=one.config, created_at=iso(one.created_at), created_by=one.created_by
        )
        for one in shown
    ]  # fmt: skip
    return VersionList(items=items, next=encode(shown[-1].version) if len(found) > page.limit else None)

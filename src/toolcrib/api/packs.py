"""The route of packs: which this process has loaded, with their tools and settings."""

from fastapi import APIRouter
from pydantic import BaseModel

from toolcrib.contracts.view import View
from toolcrib.kit.paging import encode

from .requests import Caller, Counter, Paging, StrictRoute

router = APIRouter(route_class=StrictRoute, tags=["packs"])


class SettingItem(BaseModel):
    """A setting of a pack, which the operator gives in the environment. Its value stays there."""

    name: str
    default: str
    description: str


class ViewItem(BaseModel):
    """A view of a pack: its tools, each with the arguments that it binds, and what calls in it are about."""

    name: str
    title: str
    description: str
    subject: str | None
    read_only: bool
    tools: dict[str, list[str]]


class PackItem(BaseModel):
    """A loaded pack."""

    name: str
    version: str
    title: str
    description: str
    tools: list[str]
    settings: list[SettingItem]
    views: list[ViewItem]


class PackList(BaseModel):
    """A page of packs, by name."""

    items: list[PackItem]
    next: str | None


@router.get("/packs")
async def list_packs(caller: Caller, gateway: Counter, page: Paging) -> PackList:
    """The packs that the process has loaded which answers."""
    found = await gateway.packs.list(caller, page.limit + 1, page.after)
    shown = found[: page.limit]
    items = [
        PackItem(
            name=pack.name,
            version=pack.version,
            title=pack.title,
            description=pack.description,
            tools=sorted(pack.tool_names),
            settings=[
                SettingItem(name=one.name, default=one.default, description=one.description)
                for one in pack.settings
            ],
            views=[_view(view) for view in sorted(pack.views, key=lambda view: view.name)],
        )
        for pack in shown
    ]
    return PackList(items=items, next=encode(shown[-1].name) if len(found) > page.limit else None)


def _view(view: View) -> ViewItem:
    return ViewItem(
        name=view.name,
        title=view.title,
        description=view.description,
        subject=view.subject,
        read_only=view.read_only,
        tools={name: sorted(bound) for name, bound in sorted(view.tools.items())},
    )

"""What a shell offers where a tool's name stands: the server's tools, as far as it answers at once."""

import asyncio
from typing import Any

import typer

from .refused import Refused
from .session import API, Session

_SECONDS = 1.0
_PAGE = 200


def tool_names(context: typer.Context, incomplete: str) -> list[str]:
    """Names that begin so; none where the server does not answer. A shell shows no errors here."""
    whole = context.find_root().params
    session = Session(context.params.get("url") or whole.get("url"))
    try:
        page = asyncio.run(
            session.exchange("GET", f"{API}/tools", query=_from(incomplete), seconds=_SECONDS)
        ).document
        return [name for name in _names(page) if name.startswith(incomplete)]
    except (Refused, KeyError, TypeError):
        return []


def _from(incomplete: str) -> dict[str, str]:
    """Names come in order, so one page from just before what is typed is enough."""
    from toolcrib.kit.paging import encode  # noqa: PLC0415 only here

    return {"limit": str(_PAGE)} | ({"cursor": encode(incomplete[:-1])} if len(incomplete) > 1 else {})


def _names(page: Any) -> list[str]:
    return [str(tool["name"]) for tool in page["tools"]]

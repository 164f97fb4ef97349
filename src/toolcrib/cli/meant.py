"""What the shell adds to a refusal that is about one tool, from what the caller may see: the name that was meant, the tool
to use instead.
"""

import difflib
from dataclasses import replace
from typing import Any

from toolcrib.contracts.errors import Code

from .refused import Refused
from .session import Answer, Session, part

_PAGE = "200"


def with_advice(session: Session, tool: str, refused: Refused) -> Refused:
    """The refusal with the next step that fits this tool."""
    if refused.code == Code.NOT_FOUND:
        return _missing(session, tool, refused)
    return _ended(session, tool, refused) if refused.code == Code.TOOL_SUNSET else refused


def ask_for(
    session: Session, method: str, tool: str, rest: str = "", body: Any = None, **more: Any
) -> Answer:
    """One request about a tool, refused with that advice."""
    try:
        return session.ask(method, f"/tools/{part(tool)}{rest}", body, **more)
    except Refused as refused:
        raise with_advice(session, tool, refused) from None


def _missing(session: Session, tool: str, refused: Refused) -> Refused:
    near = difflib.get_close_matches(tool, _names(session), n=1)
    step = f"did you mean {near[0]}? " if near else ""
    message = f"There is no tool {tool} here."
    return replace(refused, message=message, next_step=f"{step}toolcrib tools list shows what there is")


def _names(session: Session) -> list[str]:
    """The names and aliases of the first tools that the caller sees; none where it may not list them."""
    try:
        listed = session.ask("GET", "/tools", query={"limit": _PAGE}).document["tools"]
        return [str(name) for tool in listed for name in (tool["name"], *tool["aliases"])]
    except (Refused, KeyError, TypeError):
        return []


def _ended(session: Session, tool: str, refused: Refused) -> Refused:
    try:
        told = session.ask("GET", f"/tools/{part(tool)}").document["deprecated"]
        use = told["use"]
    except (Refused, KeyError, TypeError):
        return replace(refused, next_step="toolcrib tools list shows what there is")
    return replace(refused, next_step=f"use {use} instead: toolcrib tools show {use}")

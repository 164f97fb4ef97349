"""What the shell adds to a refusal that is about one tool, from what the caller may see: the tool to use instead."""

from dataclasses import replace

from toolcrib.contracts.errors import Code

from .refused import Refused
from .session import Session, part


def with_advice(session: Session, tool: str, refused: Refused) -> Refused:
    """The refusal with the next step that fits this tool."""
    return _ended(session, tool, refused) if refused.code == Code.TOOL_SUNSET else refused


def _ended(session: Session, tool: str, refused: Refused) -> Refused:
    try:
        told = session.ask("GET", f"/tools/{part(tool)}").document["deprecated"]
        use = told["use"]
    except (Refused, KeyError, TypeError):
        return replace(refused, next_step="toolcrib tools list shows what there is")
    return replace(refused, next_step=f"use {use} instead: toolcrib tools show {use}")

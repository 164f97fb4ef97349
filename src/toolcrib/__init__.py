"""Toolcrib: register tools with a contract, decide who may call them, call them from anywhere, find every call in the ledger.

This is the public face, all that a pack imports. A name is loaded with its first use, so that the shell starts quickly.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .contracts.context import Context as Context
    from .contracts.context import Http as Http
    from .contracts.context import HttpAnswer as HttpAnswer
    from .contracts.context import ToolBrief as ToolBrief
    from .contracts.define import ToolDefinition as ToolDefinition
    from .contracts.define import tool as tool
    from .contracts.execution import Subject as Subject
    from .contracts.failures import CallFailed as CallFailed
    from .contracts.failures import RequestFailed as RequestFailed
    from .contracts.failures import ToolError as ToolError
    from .contracts.pack import Pack as Pack
    from .contracts.pack import Setting as Setting
    from .contracts.principal import Principal as Principal
    from .contracts.signature import InvalidTool as InvalidTool

_PLACES = {
    "CallFailed": "failures",
    "Context": "context",
    "Http": "context",
    "HttpAnswer": "context",
    "InvalidTool": "signature",
    "Pack": "pack",
    "Principal": "principal",
    "RequestFailed": "failures",
    "Setting": "pack",
    "Subject": "execution",
    "ToolBrief": "context",
    "ToolDefinition": "define",
    "ToolError": "failures",
    "tool": "define",
}


def __getattr__(name: str) -> object:
    if name not in _PLACES:
        raise AttributeError(f"toolcrib has no {name}; its face is {', '.join(_PLACES)}")
    return getattr(importlib.import_module(f".contracts.{_PLACES[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted(_PLACES)

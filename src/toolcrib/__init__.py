"""Toolcrib: register tools with a contract, decide who may call them, call them from anywhere, find every call in the ledger.

This is the public face, all that a pack imports; `Crib` is the whole house in one process. A name is loaded with its first use, so that the shell starts quickly.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .app.crib import Crib as Crib
    from .contracts.approval import Approval as Approval
    from .contracts.context import Context as Context
    from .contracts.context import Http as Http
    from .contracts.context import HttpAnswer as HttpAnswer
    from .contracts.context import ToolBrief as ToolBrief
    from .contracts.define import ToolDefinition as ToolDefinition
    from .contracts.define import tool as tool
    from .contracts.errors import ToolcribError as ToolcribError
    from .contracts.execution import Execution as Execution
    from .contracts.execution import Result as Result
    from .contracts.execution import Subject as Subject
    from .contracts.failures import CallFailed as CallFailed
    from .contracts.failures import RequestFailed as RequestFailed
    from .contracts.failures import ToolError as ToolError
    from .contracts.pack import Pack as Pack
    from .contracts.pack import Setting as Setting
    from .contracts.principal import Principal as Principal
    from .contracts.signature import InvalidTool as InvalidTool
    from .contracts.terms import Link as Link
    from .contracts.view import View as View

_PLACES = {
    "Approval": "contracts.approval",
    "CallFailed": "contracts.failures",
    "Context": "contracts.context",
    "Crib": "app.crib",
    "Execution": "contracts.execution",
    "Http": "contracts.context",
    "HttpAnswer": "contracts.context",
    "InvalidTool": "contracts.signature",
    "Link": "contracts.terms",
    "Pack": "contracts.pack",
    "Principal": "contracts.principal",
    "RequestFailed": "contracts.failures",
    "Result": "contracts.execution",
    "Setting": "contracts.pack",
    "Subject": "contracts.execution",
    "ToolBrief": "contracts.context",
    "ToolDefinition": "contracts.define",
    "ToolError": "contracts.failures",
    "ToolcribError": "contracts.errors",
    "View": "contracts.view",
    "tool": "contracts.define",
}


def __getattr__(name: str) -> object:
    if name not in _PLACES:
        raise AttributeError(f"toolcrib has no {name}; its face is {', '.join(_PLACES)}")
    return getattr(importlib.import_module(f".{_PLACES[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted(_PLACES)

"""What the code of a tool raises, and what it may catch: errors of its own, of its requests and of the tools that it calls."""

from collections.abc import Mapping
from typing import Any

from .errors import Code


class ToolError(Exception):
    """An error that the tool declares in its contract: `raise ToolError("HARBOUR_NOT_FOUND", "There is no such harbour.")`.

    `details` is data for the caller; a caller sees it and the message, so neither holds a secret.
    """

    def __init__(self, code: str, message: str = "", *, retryable: bool = False, **details: Any) -> None:
        self.code = str(code)
        self.message = message
        self.details: Mapping[str, Any] = details
        self.retryable = retryable
        super().__init__(f"{self.code}: {message}" if message else self.code)


class CallFailed(ToolError):
    """A tool that this one called gave no output. Uncaught, it fails the calling tool as an upstream would."""

    def __init__(
        self, tool: str, error: Mapping[str, Any], execution_id: str | None = None, status: str | None = None
    ) -> None:
        super().__init__(str(error["code"]), str(error["message"]), retryable=bool(error["retryable"]))
        self.details = dict(error["details"])
        self.tool = tool
        self.execution_id = execution_id
        self.status = status


class RequestFailed(Exception):
    """A request of `context.http` got no usable answer. Uncaught, it is the failure of the tool."""

    def __init__(self, code: Code, message: str, *, reason: str | None = None, sent: bool = True) -> None:
        self.code = code
        self.message = message
        self.reason = reason
        self.sent = sent
        super().__init__(message)

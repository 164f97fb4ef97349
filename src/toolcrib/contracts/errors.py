"""The errors of the house: one base, a closed set of codes. Doors turn a code into a status, nothing else does."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, ClassVar

from .faults import Fault


class Code(StrEnum):
    """Every code that the house itself answers with. A tool's declared errors have codes of their own."""

    UNAUTHORIZED = "UNAUTHORIZED"
    FORBIDDEN = "FORBIDDEN"
    TOOL_DISABLED = "TOOL_DISABLED"
    EGRESS_DENIED = "EGRESS_DENIED"
    SUBJECT_MISMATCH = "SUBJECT_MISMATCH"
    NOT_FOUND = "NOT_FOUND"
    VALIDATION_ERROR = "VALIDATION_ERROR"
    CONFLICT = "CONFLICT"
    SECRET_NOT_FOUND = "SECRET_NOT_FOUND"
    AUTHORIZATION_REQUIRED = "AUTHORIZATION_REQUIRED"
    TOOL_SUNSET = "TOOL_SUNSET"
    RATE_LIMITED = "RATE_LIMITED"
    UPSTREAM_ERROR = "UPSTREAM_ERROR"
    MAPPING_FAILED = "MAPPING_FAILED"
    INVALID_OUTPUT = "INVALID_OUTPUT"
    UNDECLARED_ERROR = "UNDECLARED_ERROR"
    UPSTREAM_TIMEOUT = "UPSTREAM_TIMEOUT"
    UNAVAILABLE = "UNAVAILABLE"
    INTERNAL_ERROR = "INTERNAL_ERROR"


class ToolcribError(Exception):
    """Something the caller cannot go on from. `message` and `details` are safe to show: no secret, no payload."""

    code: ClassVar[Code] = Code.INTERNAL_ERROR
    retryable: bool = False

    def __init__(self, message: str | None = None, **details: Any) -> None:
        self.message = message or (self.__doc__ or "").split("\n")[0]
        self.details: Mapping[str, Any] = details
        super().__init__(self.message)


class Unauthorized(ToolcribError):
    """No valid credential. Send `Authorization: Bearer <key>` with a key that is neither revoked nor expired."""

    code = Code.UNAUTHORIZED


class Forbidden(ToolcribError):
    """This credential may not do that."""

    code = Code.FORBIDDEN


class EgressRefused(ToolcribError):
    """The address is not one that tools may call. The operator can allow private upstreams with TOOLCRIB_EGRESS_ALLOW."""

    code = Code.EGRESS_DENIED


class NotFound(ToolcribError):
    """There is no such thing here."""

    code = Code.NOT_FOUND


class Invalid(ToolcribError):
    """The input is not valid; `details.errors` lists each fault with its path."""

    code = Code.VALIDATION_ERROR

    @classmethod
    def because(cls, message: str, faults: list[Fault]) -> "Invalid":
        """The refusal that lists every fault, each with its JSON Pointer."""
        return cls(message, errors=[fault.as_json() for fault in faults])


class Conflict(ToolcribError):
    """That clashes with what is already there."""

    code = Code.CONFLICT


class SecretNotFound(ToolcribError):
    """A secret that the tool refers to is not set in this workspace."""

    code = Code.SECRET_NOT_FOUND


class RateLimited(ToolcribError):
    """Too many calls. Wait as many seconds as `details.retry_after` says; `details.limit` says which limit it is."""

    code = Code.RATE_LIMITED
    retryable = True


class Unavailable(ToolcribError):
    """The service cannot record calls at the moment, so it runs none. Try again shortly."""

    code = Code.UNAVAILABLE
    retryable = True

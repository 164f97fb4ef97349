"""The ledger's words: a call's states, its events and its record as doors show it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Status(StrEnum):
    """State of an execution. `interrupted`: nobody can know whether it happened, so it is never repeated."""

    REQUESTED = "requested"
    AWAITING_APPROVAL = "awaiting_approval"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    DENIED = "denied"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"
    EXPIRED = "expired"


class EventType(StrEnum):
    """What the ledger writes down, each in the transaction of the thing it tells of."""

    EXECUTION_REQUESTED = "ToolExecutionRequested"
    EXECUTION_COMPLETED = "ToolExecutionCompleted"
    EXECUTION_FAILED = "ToolExecutionFailed"
    EXECUTION_DENIED = "ToolExecutionDenied"
    EXECUTION_INTERRUPTED = "ToolExecutionInterrupted"
    OUTCOME_LEARNED = "OutcomeLearned"
    TOOL_REGISTERED = "ToolRegistered"
    TOOL_UPDATED = "ToolUpdated"
    TOOL_ENABLED = "ToolEnabled"
    TOOL_DISABLED = "ToolDisabled"
    SECRET_SET = "SecretSet"
    SECRET_DELETED = "SecretDeleted"
    KEY_CREATED = "KeyCreated"
    KEY_REVOKED = "KeyRevoked"


@dataclass(frozen=True, slots=True)
class Subject:
    """What a call is about."""

    type: str
    id: str


@dataclass(frozen=True, slots=True)
class Call:
    """What a principal asks for: a tool by name, alias or id, and its input.

    `depth` counts the tools that lie between; `hidden` are the secrets that those have open, and no record shows.
    """

    tool: str
    input: dict[str, Any]
    subject: Subject | None = None
    exception_id: str | None = None
    size: int = 0
    depth: int = 0
    hidden: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Result:
    """What a caller is answered. `error` is None exactly when the status is `succeeded`; `http_status` only for
    an error that the tool declares. `written` is the output as JSON text, for doors that send text.
    """

    execution_id: str
    status: Status
    output: Any
    error: dict[str, Any] | None
    execution_time_ms: float
    http_status: int | None = None
    written: bytes | None = None


@dataclass(frozen=True, slots=True)
class Execution:
    """The record of one call. Times are UTC in microseconds since 1970; payloads are JSON, redacted."""

    execution_id: str
    workspace_id: str
    tool_id: str
    tool: str
    tool_version: str
    status: Status
    actor_type: str
    actor_id: str
    subject: Subject | None
    exception_id: str | None
    error_code: str | None
    error_message: str | None
    created_at: int
    updated_at: int
    finished_at: int | None
    execution_time_us: int | None
    input_payload: Any = None
    output_payload: Any = None

"""The ledger's words: a call's states, its events and its record as doors show it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from .errors import Invalid
from .faults import Fault
from .secret import Secret
from .selection import Selection


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
    EXECUTION_CANCELLED = "ToolExecutionCancelled"
    EXECUTION_INTERRUPTED = "ToolExecutionInterrupted"
    CANCEL_REQUESTED = "ToolExecutionCancelRequested"
    OUTCOME_LEARNED = "OutcomeLearned"
    TOOL_REGISTERED = "ToolRegistered"
    TOOL_UPDATED = "ToolUpdated"
    TOOL_DELETED = "ToolDeleted"
    TOOL_ENABLED = "ToolEnabled"
    TOOL_DISABLED = "ToolDisabled"
    SECRET_SET = "SecretSet"
    SECRET_DELETED = "SecretDeleted"
    SECRETS_ROTATED = "SecretsRotated"
    KEY_CREATED = "KeyCreated"
    KEY_REVOKED = "KeyRevoked"
    KEY_ROTATED = "KeyRotated"
    WORKSPACE_CREATED = "WorkspaceCreated"
    WORKSPACE_CHANGED = "WorkspaceChanged"
    WORKSPACE_SUSPENDED = "WorkspaceSuspended"
    WORKSPACE_RESUMED = "WorkspaceResumed"
    HOSTS_SET = "HostsSet"
    MEMBER_ADDED = "MemberAdded"
    MEMBER_CHANGED = "MemberChanged"
    MEMBER_REMOVED = "MemberRemoved"
    INVITATION_CREATED = "InvitationCreated"
    INVITATION_REVOKED = "InvitationRevoked"
    INVITATION_ACCEPTED = "InvitationAccepted"
    GRANT_GIVEN = "GrantGiven"
    GRANT_ENDED = "GrantEnded"
    LIMIT_SET = "LimitSet"
    LIMIT_REMOVED = "LimitRemoved"
    SUSPENDED = "Suspended"
    SUSPENSION_LIFTED = "SuspensionLifted"
    OPERATOR_VISITED = "OperatorVisited"


FINAL_EVENTS = frozenset(
    (
        EventType.EXECUTION_COMPLETED,
        EventType.EXECUTION_FAILED,
        EventType.EXECUTION_DENIED,
        EventType.EXECUTION_CANCELLED,
        EventType.EXECUTION_INTERRUPTED,
    )
)
"""After one of these only `OutcomeLearned` can follow for an execution."""
LABEL_LIMIT = 256
"""Characters of a subject's type and id, of an exception's id and of a view's name."""
MOST_OF_KEY = 255
"""Characters of an idempotency key."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What a call is about."""

    type: str
    id: str


@dataclass(frozen=True, slots=True)
class Call:
    """What a principal asks for: a tool by name, alias or id, and its input. With an `idempotency_key` the same call has
    one effect however often it is sent; `wait` false answers as soon as it is recorded. `dry_run` None leaves it to the
    tool's impact; `selection` is what of the output is answered; `view` names the view that it is made in. `depth` counts
    the tools that lie between; `hidden` are the secrets that those have open, and no record shows.
    """

    tool: str
    input: dict[str, Any]
    subject: Subject | None = None
    exception_id: str | None = None
    size: int = 0
    idempotency_key: str | None = None
    wait: bool = True
    dry_run: bool | None = None
    selection: Selection | None = None
    view: str | None = None
    depth: int = 0
    hidden: Mapping[str, Secret] = field(default_factory=dict)


def idempotency_key(given: str | None, where: str) -> str | None:
    """The key that a caller gave for a call. Raises `Invalid` for one that is not short and printable ASCII."""
    if given is None or (0 < len(given) <= MOST_OF_KEY and given.isascii() and given.isprintable()):
        return given
    fault = Fault(where, f"give one, of 1 to {MOST_OF_KEY} printable ASCII characters")
    raise Invalid.because("The idempotency key is not valid.", [fault])


@dataclass(frozen=True, slots=True)
class Notice:
    """That a tool is on its way out: since when (UTC in microseconds since 1970), its last day, what to use instead."""

    since: int
    sunset: str | None
    use: str | None


@dataclass(frozen=True, slots=True)
class Result:
    """What a caller is answered. `error` is None where the status is `succeeded` or `running`; `http_status` only for
    an error that the tool declares. `written` is the output as JSON text, for doors that send text. `replayed`: the
    answer to an earlier call with the same idempotency key. `truncated`: a selection left elements out. `dry_run`: the
    output shows what the call would have done, and is not the tool's.
    """

    execution_id: str
    status: Status
    output: Any
    error: dict[str, Any] | None
    execution_time_ms: float
    http_status: int | None = None
    written: bytes | None = None
    replayed: bool = False
    truncated: bool = False
    notice: Notice | None = None
    dry_run: bool = False


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
    cancel_at: int | None = None
    dry_run: bool = False
    on_behalf_of: str | None = None
    input_payload: Any = None
    output_payload: Any = None
    error: dict[str, Any] | None = None

    @property
    def is_final(self) -> bool:
        """Whether nothing more will come of it, but for an outcome that is learned late."""
        return self.status not in _OPEN


_OPEN = frozenset({Status.REQUESTED, Status.AWAITING_APPROVAL, Status.RUNNING})


@dataclass(frozen=True, slots=True)
class SecretUse:
    """That a call opened a secret, and which version of it; 0 for one that the vault does not keep."""

    execution: Execution
    version: int


@dataclass(frozen=True, slots=True)
class Event:
    """One fact of a workspace's ledger. `seq` is its place in the order of commits; `about` names the tool, key or
    secret it tells of; `at` is UTC in microseconds since 1970.
    """

    seq: int
    type: EventType
    execution_id: str | None
    actor_type: str
    actor_id: str
    about: str
    at: int
    facts: dict[str, Any]

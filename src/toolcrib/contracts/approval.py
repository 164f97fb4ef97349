"""Approvals: what a person is asked to agree to, and what became of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from .execution import Subject


class ApprovalState(StrEnum):
    """`granted`: the call has run, or runs. `void`: something that the approval covers has changed, so nobody can agree to
    it any more. `withdrawn`: its execution was cancelled while it waited.
    """

    PENDING = "pending"
    GRANTED = "granted"
    DENIED = "denied"
    EXPIRED = "expired"
    VOID = "void"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Approval:
    """One call that waits, or waited, for a person. `reasons` are what is at stake; with `second` another person than the
    one who asked agrees. `digest` is over everything that the approval covers, in hex. Times are UTC in microseconds.
    """

    id: str
    workspace_id: str
    execution_id: str
    state: ApprovalState
    tool_id: str
    tool: str
    tool_version: str
    actor_type: str
    actor_id: str
    on_behalf_of: str | None
    key_id: str
    reasons: tuple[str, ...]
    second: bool
    digest: str
    created_at: int
    expires_at: int
    decided_at: int | None
    decided_by: str | None
    note: str | None


@dataclass(frozen=True, slots=True)
class Request:
    """What whoever agrees looks at: the input, the request or the words of the dry run, and the texts in both that look
    like something else than they are, by JSON Pointer. What is marked as sensitive, or may be a secret, is struck out, and
    `struck` names the places, so that nobody agrees to it unnoticed.
    """

    input: Any
    preview: Any
    subject: Subject | None = None
    disguised: Mapping[str, str] = field(default_factory=dict)
    struck: tuple[str, ...] = ()

"""The words of the security log: who tried what, and what was changed that walls are made of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from .execution import EventType


class SecurityKind(StrEnum):
    """What an item of the security log tells of."""

    AUTHENTICATION = "authentication"
    REFUSAL = "refusal"
    EXECUTION = "execution"
    KEY = "key"
    SECRET = "secret"
    MEMBER = "member"
    GRANT = "grant"
    SUSPENSION = "suspension"
    APPROVAL = "approval"
    WORKSPACE = "workspace"
    OPERATOR = "operator"


class Verdict(StrEnum):
    """What became of an attempt: it was let through, refused, or let through and failed."""

    ALLOWED = "allowed"
    REFUSED = "refused"
    FAILED = "failed"


AUTHENTICATION_FAILED = "AuthenticationFailed"
REQUEST_REFUSED = "RequestRefused"
"""Requests that were refused before they could be executions have no events; they are counted, and told by these names."""

_KINDS: Mapping[SecurityKind, tuple[EventType, ...]] = {
    SecurityKind.EXECUTION: (EventType.EXECUTION_REQUESTED, EventType.EXECUTION_FAILED),
    SecurityKind.REFUSAL: (EventType.EXECUTION_DENIED,),
    SecurityKind.KEY: (EventType.KEY_CREATED, EventType.KEY_REVOKED, EventType.KEY_ROTATED),
    SecurityKind.SECRET: (EventType.SECRET_SET, EventType.SECRET_DELETED, EventType.SECRETS_ROTATED),
    SecurityKind.MEMBER: (
        EventType.MEMBER_ADDED,
        EventType.MEMBER_CHANGED,
        EventType.MEMBER_REMOVED,
        EventType.INVITATION_CREATED,
        EventType.INVITATION_REVOKED,
        EventType.INVITATION_ACCEPTED,
    ),
    SecurityKind.GRANT: (EventType.GRANT_GIVEN, EventType.GRANT_ENDED),
    SecurityKind.SUSPENSION: (
        EventType.SUSPENDED,
        EventType.SUSPENSION_LIFTED,
        EventType.WORKSPACE_SUSPENDED,
        EventType.WORKSPACE_RESUMED,
    ),
    SecurityKind.APPROVAL: (
        EventType.APPROVAL_REQUESTED,
        EventType.APPROVAL_GRANTED,
        EventType.APPROVAL_DENIED,
        EventType.APPROVAL_EXPIRED,
        EventType.APPROVAL_VOIDED,
        EventType.APPROVAL_RULE_SET,
        EventType.APPROVAL_RULE_REMOVED,
    ),
    SecurityKind.WORKSPACE: (
        EventType.WORKSPACE_CREATED,
        EventType.WORKSPACE_CHANGED,
        EventType.HOSTS_SET,
        EventType.LIMIT_SET,
        EventType.LIMIT_REMOVED,
    ),
    SecurityKind.OPERATOR: (EventType.OPERATOR_VISITED,),
}
_KIND_OF = {type_: kind for kind, types in _KINDS.items() for type_ in types}
_VERDICTS = {
    EventType.EXECUTION_REQUESTED: Verdict.ALLOWED,
    EventType.EXECUTION_DENIED: Verdict.REFUSED,
    EventType.EXECUTION_FAILED: Verdict.FAILED,
    EventType.APPROVAL_GRANTED: Verdict.ALLOWED,
    EventType.APPROVAL_DENIED: Verdict.REFUSED,
    EventType.APPROVAL_EXPIRED: Verdict.REFUSED,
    EventType.APPROVAL_VOIDED: Verdict.REFUSED,
}


def events_of(kind: SecurityKind | None) -> tuple[EventType, ...]:
    """The events that a kind is told by; of no kind, all that the security log has."""
    return tuple(_KIND_OF) if kind is None else _KINDS.get(kind, ())


def kind_of(type_: EventType) -> SecurityKind:
    """The kind of an event of the security log."""
    return _KIND_OF[type_]


def verdict_of(type_: EventType) -> Verdict | None:
    """What an event says of an attempt; None for changes."""
    return _VERDICTS.get(type_)


@dataclass(frozen=True, slots=True)
class SecurityItem:
    """An event, or requests of one minute that were refused alike: then `at` is its beginning, and `count` how many. `actor`
    is None where nobody knows who it was.
    """

    at: int
    kind: SecurityKind
    type: str
    verdict: Verdict | None
    code: str | None
    actor: str | None
    about: str
    execution_id: str | None = None
    count: int = 1
    facts: Mapping[str, Any] = field(default_factory=dict)

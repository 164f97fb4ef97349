"""Who calls: the actor behind a credential, and what its role may do."""

from dataclasses import dataclass
from enum import StrEnum


class ActorType(StrEnum):
    """What kind of caller it is; an agent never manages and never approves."""

    USER = "user"
    AGENT = "agent"
    SERVICE = "service"
    SYSTEM = "system"


class Role(StrEnum):
    """A member's role in one workspace, widest first."""

    OWNER = "owner"
    ADMIN = "admin"
    MEMBER = "member"
    VIEWER = "viewer"


class Permission(StrEnum):
    """What a principal may do apart from calling tools: `resource:action`."""

    TOOLS_READ = "tools:read"
    TOOLS_WRITE = "tools:write"
    ENABLEMENT_WRITE = "enablement:write"
    EXECUTIONS_READ = "executions:read"
    EXECUTIONS_CANCEL = "executions:cancel"
    SECRETS_READ = "secrets:read"
    SECRETS_WRITE = "secrets:write"
    KEYS_READ = "keys:read"
    KEYS_WRITE = "keys:write"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls, in which workspace, by which key. Made by `identity` alone, from a checked credential.

    `tools` is the key's allow-list of tool names; None means every tool of the workspace.
    """

    workspace_id: str
    actor_type: ActorType
    actor_id: str
    role: Role
    key_id: str
    tools: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class NewKey:
    """What a new key shall be; `tools` limits it to these names, `expires_at` is UTC microseconds."""

    name: str
    actor_type: ActorType
    role: Role
    tools: tuple[str, ...] | None = None
    expires_at: int | None = None

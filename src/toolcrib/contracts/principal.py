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

    @property
    def reach(self) -> int:
        """How wide it is: a wider role may do all that a narrower one may."""
        return -list(Role).index(self)


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
    WORKSPACE_READ = "workspace:read"
    WORKSPACE_WRITE = "workspace:write"
    MEMBERS_READ = "members:read"
    MEMBERS_WRITE = "members:write"
    GRANTS_READ = "grants:read"
    SUSPENSIONS_WRITE = "suspensions:write"
    HOSTS_WRITE = "hosts:write"
    SECURITY_READ = "security:read"
    LIMITS_WRITE = "limits:write"
    APPROVALS_DECIDE = "approvals:decide"
    APPROVALS_WRITE = "approvals:write"
    HOUSE_WRITE = "house:write"
    """The operator's own: workspaces, global tools, grants, ceilings."""


@dataclass(frozen=True, slots=True)
class Held:
    """A grant that a principal holds; `expires_at` is UTC microseconds."""

    name: str
    expires_at: int | None = None


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls, in which workspace, by which credential. Made by `identity` alone, from a checked credential.

    `tools` is the key's allow-list of tool names; None means every tool of the workspace. `on_behalf_of` is the person
    in whose name an agent runs: then `role` is the narrower of both. In a `read_only` workspace tools only read; one who
    `looks_only` also changes nothing else; one who is `suspended`, or acts for such a person, does nothing at all. `until`
    is when the credential itself ends (UTC in microseconds), where it says so.
    """

    workspace_id: str
    actor_type: ActorType
    actor_id: str
    role: Role
    key_id: str
    tools: frozenset[str] | None = None
    on_behalf_of: str | None = None
    read_only: bool = False
    looks_only: bool = False
    suspended: bool = False
    grants: frozenset[Held] = frozenset()
    operator: bool = False
    until: int | None = None


@dataclass(frozen=True, slots=True)
class NewKey:
    """What a new key shall be; `tools` limits it to these names, `expires_at` is UTC microseconds. With `for_me` the agent
    acts in the name of the person who makes the key.
    """

    name: str
    actor_type: ActorType
    role: Role
    tools: tuple[str, ...] | None = None
    expires_at: int | None = None
    for_me: bool = False

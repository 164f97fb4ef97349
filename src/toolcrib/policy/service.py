"""The decision. Everything it needs is an argument, so it can be tested by a table and explained rule by rule."""

from collections.abc import Callable
from dataclasses import dataclass

from toolcrib.contracts.decision import Allow, Decision, Deny, Reason
from toolcrib.contracts.errors import Code
from toolcrib.contracts.principal import ActorType, Permission, Principal, Role


@dataclass(frozen=True, slots=True)
class ToolFacts:
    """What a decision knows of a tool: whose it is, whether it is enabled in the principal's workspace, and when it ends
    (UTC in microseconds since 1970).
    """

    name: str
    workspace_id: str
    is_global: bool
    enabled: bool
    sunset_at: int | None = None


_READ = frozenset({Permission.TOOLS_READ, Permission.EXECUTIONS_READ, Permission.SECRETS_READ})
_MEMBER = _READ | {Permission.TOOLS_WRITE, Permission.EXECUTIONS_CANCEL}
_ALL = frozenset(Permission)
_ROLES: dict[Role, frozenset[Permission]] = {
    Role.OWNER: _ALL,
    Role.ADMIN: _ALL,
    Role.MEMBER: _MEMBER,
    Role.VIEWER: _READ,
}
_READS_ONLY = frozenset({Permission.TOOLS_READ, Permission.EXECUTIONS_READ})
_ALLOWED = Allow()


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that must hold; its texts are made only when somebody asks why."""

    name: str
    code: Code
    holds: Callable[[Principal, ToolFacts, int], bool]
    message: str
    remedy: str | None = None

    def reason(self, principal: Principal, tool: ToolFacts, now: int) -> Reason:
        """How this rule stands for this call."""
        remedy = None if self.remedy is None else self.remedy.format(tool=tool.name)
        return Reason(
            self.name, self.holds(principal, tool, now), self.message.format(tool=tool.name), remedy
        )


_RULES = (
    Rule(
        "scope",
        Code.NOT_FOUND,
        lambda principal, tool, _now: tool.is_global or tool.workspace_id == principal.workspace_id,
        "The tool {tool} belongs to this workspace or to all.",
    ),
    Rule(
        "key",
        Code.FORBIDDEN,
        lambda principal, tool, _now: principal.tools is None or tool.name in principal.tools,
        "This key is limited to certain tools; {tool} is not among them.",
        "Use a key whose `tools` include it.",
    ),
    Rule(
        "role",
        Code.FORBIDDEN,
        lambda principal, _tool, _now: principal.role is not Role.VIEWER,
        "A viewer may not call tools.",
        "Ask an admin of the workspace for a key with the role member.",
    ),
    Rule(
        "enabled",
        Code.TOOL_DISABLED,
        lambda _principal, tool, _now: tool.enabled,
        "The tool {tool} is disabled in this workspace.",
        "An admin enables it with PUT /api/v1/tools/{tool}/enablement.",
    ),
    Rule(
        "sunset",
        Code.TOOL_SUNSET,
        lambda _principal, tool, now: tool.sunset_at is None or now < tool.sunset_at,
        "The tool {tool} is past its sunset day.",
        "Use another tool; the contract may name one in deprecated.use.",
    ),
)


def decide(principal: Principal, tool: ToolFacts, now: int) -> Decision:
    """May this principal call this tool at that time? The first rule that does not hold decides."""
    for position, rule in enumerate(_RULES):
        if not rule.holds(principal, tool, now):
            return Deny(
                rule.code, tuple(asked.reason(principal, tool, now) for asked in _RULES[: position + 1])
            )
    return _ALLOWED


def permits(principal: Principal, permission: Permission) -> bool:
    """May this principal do this apart from calls? An agent only reads, whatever its role; so does a limited key."""
    granted = _ROLES[principal.role]
    if principal.actor_type is ActorType.AGENT or principal.tools is not None:
        granted &= _READS_ONLY
    return permission in granted


def sees(principal: Principal, tool: str) -> bool:
    """Whether executions and events of this tool exist for this principal."""
    return principal.tools is None or tool in principal.tools

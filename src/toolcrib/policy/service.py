"""The decision. Everything it needs is an argument, so it can be tested by a table and explained rule by rule."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from toolcrib.contracts.decision import Allow, Decision, Deny, NeedsApproval, Reason
from toolcrib.contracts.errors import Code
from toolcrib.contracts.principal import ActorType, Permission, Principal, Role
from toolcrib.contracts.view import View


@dataclass(frozen=True, slots=True)
class ToolFacts:
    """What a decision knows of a tool: whose it is, whether it is enabled in the principal's workspace, when it ends
    (UTC in microseconds since 1970), what it does, which roles and grants it requires, why that workspace lets no request
    to the tool's host leave, where it does not; and `subjects`, the types of which its calls must have one.
    """

    name: str
    workspace_id: str
    is_global: bool
    enabled: bool
    sunset_at: int | None = None
    effects: str = "write"
    roles: tuple[str, ...] = ()
    grants: tuple[str, ...] = ()
    beyond: str | None = None
    subjects: tuple[str, ...] = ()


UNKNOWN: Final = "?"
"""No type of a subject: what a call will be about is not known yet."""


@dataclass(frozen=True, slots=True)
class CallFacts:
    """What a decision knows of the call itself: the view that it is made in, the type of its subject, which is UNKNOWN
    while a list asks, the bound arguments of which its input has strayed, what is at stake, so that a person has to agree,
    and whether one has.
    """

    view: View | None = None
    subject: str | None = UNKNOWN
    strayed: tuple[str, ...] = ()
    stakes: tuple[str, ...] = ()
    approved: bool = False


ANY_CALL: Final = CallFacts()
_READ = frozenset(
    {Permission.TOOLS_READ, Permission.EXECUTIONS_READ, Permission.SECRETS_READ, Permission.WORKSPACE_READ}
)
_MEMBER = _READ | {Permission.TOOLS_WRITE, Permission.EXECUTIONS_CANCEL, Permission.APPROVALS_DECIDE}
_OWNER = frozenset(Permission) - {Permission.HOUSE_WRITE}
_ROLES: dict[Role, frozenset[Permission]] = {
    Role.OWNER: _OWNER,
    Role.ADMIN: _OWNER - {Permission.WORKSPACE_WRITE},
    Role.MEMBER: _MEMBER,
    Role.VIEWER: _READ,
}
_READS_ONLY = frozenset({Permission.TOOLS_READ, Permission.EXECUTIONS_READ, Permission.WORKSPACE_READ})
# What a read-only membership leaves of a role.
_LOOKS = _READ | {
    Permission.KEYS_READ,
    Permission.MEMBERS_READ,
    Permission.GRANTS_READ,
    Permission.SECURITY_READ,
}
_ALLOWED = Allow()
_NO_VIEW = {"view": "", "about": ""}


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that must hold; its texts are made only when somebody asks why."""

    name: str
    code: Code
    holds: Callable[[Principal, ToolFacts, CallFacts, int], bool]
    message: str
    remedy: str | None = None

    def reason(self, principal: Principal, tool: ToolFacts, call: CallFacts, now: int) -> Reason:
        """How this rule stands for this call."""
        words = {"tool": tool.name, "roles": ", ".join(tool.roles), "grants": ", ".join(tool.grants)}
        words |= {"subjects": ", ".join(tool.subjects), "strayed": ", ".join(call.strayed)}
        words |= {"agreed": _agreed(tool, call)}
        words |= {"view": call.view.name, "about": call.view.subject or ""} if call.view else _NO_VIEW
        remedy = None if self.remedy is None else self.remedy.format(**words)
        return Reason(self.name, self.holds(principal, tool, call, now), self.message.format(**words), remedy)


_RULES = (
    Rule(
        "scope",
        Code.NOT_FOUND,
        lambda principal, tool, _call, _now: tool.is_global or tool.workspace_id == principal.workspace_id,
        "The tool {tool} belongs to this workspace or to all.",
    ),
    Rule(
        "suspended",
        Code.FORBIDDEN,
        lambda principal, _tool, _call, _now: not principal.suspended,
        "This principal, or the person that it acts for, is suspended.",
        "An admin of the workspace lifts it with DELETE /api/v1/suspensions/actor/NAME.",
    ),
    Rule(
        "key",
        Code.FORBIDDEN,
        lambda principal, tool, _call, _now: principal.tools is None or tool.name in principal.tools,
        "This key is limited to certain tools; {tool} is not among them.",
        "Use a key whose `tools` include it.",
    ),
    Rule(
        "read_only",
        Code.FORBIDDEN,
        lambda principal, tool, _call, _now: not principal.read_only or tool.effects == "read",
        "The workspace or this membership is read-only, and {tool} does more than read.",
        "Ask an owner of the workspace to open it for writing.",
    ),
    Rule(
        "view",
        Code.FORBIDDEN,
        # a tool of the workspace may have the name of a pack's, and is another one
        lambda _principal, tool, call, _now: (
            call.view is None or (tool.is_global and tool.name in call.view.tools)
        ),
        "The tool {tool} stands in the view that the call is made in.",
        "Call one of GET /api/v1/tools?view={view}.",
    ),
    Rule(
        "view_reads",
        Code.FORBIDDEN,
        lambda _principal, tool, call, _now: (
            not (call.view and call.view.read_only) or tool.effects == "read"
        ),
        "The view {view} only reads, and {tool} does more.",
    ),
    Rule(
        "role",
        Code.FORBIDDEN,
        lambda principal, _tool, _call, _now: principal.role is not Role.VIEWER,
        "A viewer may not call tools.",
        "Ask an admin of the workspace for a key with the role member.",
    ),
    Rule(
        "roles",
        Code.FORBIDDEN,
        lambda principal, tool, _call, _now: _has_role(principal, tool),
        "The tool {tool} requires one of these roles: {roles}.",
        "Ask an admin of the workspace for such a role.",
    ),
    Rule(
        "grants",
        Code.FORBIDDEN,
        lambda principal, tool, _call, now: not _missing(principal, tool, now),
        "The tool {tool} requires these grants: {grants}.",
        "Ask the operator for the grant that is missing.",
    ),
    Rule(
        "host",
        Code.EGRESS_DENIED,
        lambda _principal, tool, _call, _now: tool.beyond != "host_suspended",
        "The upstream host of {tool} is suspended in this workspace.",
        "An admin lifts it with DELETE /api/v1/suspensions/host/NAME.",
    ),
    Rule(
        "workspace_hosts",
        Code.EGRESS_DENIED,
        lambda _principal, tool, _call, _now: tool.beyond != "workspace_hosts",
        "The upstream host of {tool} is not among those that this workspace may call.",
        "An admin adds it with PUT /api/v1/workspaces/ID/hosts.",
    ),
    Rule(
        "enabled",
        Code.TOOL_DISABLED,
        lambda _principal, tool, _call, _now: tool.enabled,
        "The tool {tool} is disabled in this workspace.",
        "An admin enables it with PUT /api/v1/tools/{tool}/enablement.",
    ),
    Rule(
        "sunset",
        Code.TOOL_SUNSET,
        lambda _principal, tool, _call, now: tool.sunset_at is None or now < tool.sunset_at,
        "The tool {tool} is past its sunset day.",
        "Use another tool; the contract may name one in deprecated.use.",
    ),
    Rule(
        "view_subject",
        Code.SUBJECT_MISMATCH,
        lambda _principal, _tool, call, _now: (
            call.view is None or call.view.subject in (None, call.subject) or call.subject == UNKNOWN
        ),
        "Calls in the view {view} are about a subject of type {about}.",
        "Send `subject` with type and id.",
    ),
    Rule(
        "subject",
        Code.SUBJECT_MISMATCH,
        lambda _principal, tool, call, _now: not tool.subjects or call.subject in (UNKNOWN, *tool.subjects),
        "Calls of {tool} are about a subject of one of these types: {subjects}.",
        "Send `subject` with type and id.",
    ),
    Rule(
        "bound",
        Code.SUBJECT_MISMATCH,
        lambda _principal, _tool, call, _now: not call.strayed,
        "Arguments that are bound to the subject lead to it: {strayed}.",
        "Leave them out, and they are filled.",
    ),
)


_APPROVAL = Rule(
    "approval",
    Code.FORBIDDEN,  # never answered: a call that waits is not refused
    lambda _principal, _tool, call, _now: not call.stakes or call.approved,
    "{agreed}",
    "With `dry_run` false it waits; POST /api/v1/approvals/ID/approve lets it run.",
)

# Who fails one of these is not shown the tool in a list; who fails another sees that it may not be called.
_HIDING = frozenset({"scope", "key", "read_only", "view", "view_reads", "view_subject", "subject"})


def explain(
    principal: Principal, tool: ToolFacts, now: int, call: CallFacts = ANY_CALL
) -> tuple[Reason, ...]:
    """Every rule in the order it is asked, and how it stands; `decide` stops at the first that does not hold."""
    return tuple(rule.reason(principal, tool, call, now) for rule in (*_RULES, _APPROVAL))


def shows(decision: Decision) -> bool:
    """Whether a list shows a tool of which this was decided."""
    return isinstance(decision, Allow) or decision.reasons[-1].rule not in _HIDING


def decide(principal: Principal, tool: ToolFacts, now: int, call: CallFacts = ANY_CALL) -> Decision:
    """May this principal make this call of this tool at that time? The first rule that does not hold decides."""
    for position, rule in enumerate(_RULES):
        if not rule.holds(principal, tool, call, now):
            return Deny(
                rule.code, tuple(asked.reason(principal, tool, call, now) for asked in _RULES[: position + 1])
            )
    if call.stakes and not call.approved:
        return NeedsApproval(explain(principal, tool, now, call))
    return _ALLOWED


def _agreed(tool: ToolFacts, call: CallFacts) -> str:
    if not call.stakes:
        return f"No person has to agree to this call of {tool.name}."
    stakes = ", ".join(call.stakes)
    return (
        f"A person {'has agreed' if call.approved else 'has to agree'} to this call of {tool.name}: {stakes}."
    )


def permits(principal: Principal, permission: Permission) -> bool:
    """May this principal do this apart from calls? An agent only reads, whatever its role; so does a limited key."""
    return permission in permissions(principal)


def permissions(principal: Principal) -> frozenset[Permission]:
    """All that this principal may do apart from calls."""
    granted = _ROLES[principal.role]
    if principal.operator:
        granted |= {Permission.HOUSE_WRITE}
    if principal.actor_type is ActorType.AGENT or principal.tools is not None:
        granted &= _READS_ONLY
    if principal.looks_only:
        granted &= _LOOKS
    return granted


def sees(principal: Principal, tool: str) -> bool:
    """Whether executions and events of this tool exist for this principal."""
    return principal.tools is None or tool in principal.tools


def _has_role(principal: Principal, tool: ToolFacts) -> bool:
    """A wider role than one of those required will do; a word that is no role is nobody's."""
    if not tool.roles:
        return True
    required = [role for role in Role if role.value in tool.roles]
    return any(principal.role.reach >= role.reach for role in required)


def _missing(principal: Principal, tool: ToolFacts, now: int) -> list[str]:
    if not tool.grants:
        return []
    held = {grant.name for grant in principal.grants if grant.expires_at is None or now < grant.expires_at}
    return [name for name in tool.grants if name not in held]

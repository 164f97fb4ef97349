"""The rules by which a workspace wants calls to wait for a person."""

from collections.abc import Sequence
from typing import Final

from toolcrib.contracts.errors import Conflict, Invalid
from toolcrib.contracts.execution import EventType
from toolcrib.contracts.faults import Fault
from toolcrib.contracts.principal import Permission, Principal
from toolcrib.policy.stakes import ApprovalRule

from .change import Change, Changes
from .facts import Stores

_MOST: Final = 32  # each call of the workspace is held against each


class Rules:
    """What can be done with the rules about approvals of the principal's workspace."""

    def __init__(self, stores: Stores, changes: Changes) -> None:
        self._rules = stores.approval_rules
        self._changes = changes

    async def list(self, principal: Principal, limit: int, after: str | None) -> Sequence[ApprovalRule]:
        """Rules by name."""
        rows = (await self._changes.permitted(principal, Permission.WORKSPACE_READ)).rules.rows
        return [rule for name, rule in rows.items() if after is None or name > after][:limit]

    async def set(self, principal: Principal, rule: ApprovalRule) -> None:
        """Set a rule. It binds every call recorded after it, and voids what waits under another one. Raises `Invalid` where it
        names a tool by an alias or an id, as rules know tools by their names, and `Conflict` where there are too many.
        """
        facts = await self._changes.permitted(principal, Permission.APPROVALS_WRITE)
        if rule.name not in facts.rules.rows and len(facts.rules.rows) >= _MOST:
            raise Conflict(f"A workspace has at most {_MOST} rules; remove one first.", reason="too_many")
        meant = facts.find(rule.tool or "")
        if meant is not None and meant.name != rule.tool:
            fault = Fault("/tool", f"this is another name of {meant.name}; name that")
            raise Invalid.because("The rule is not valid.", [fault])

        async def write(change: Change) -> None:
            await self._rules.set(change.tx, change.scope, rule, principal.actor_id, change.generation)
            told = {"tool": rule.tool, "effects": list(rule.effects), "second": rule.second}
            await change.tell(EventType.APPROVAL_RULE_SET, f"rule:{rule.name}", told)

        await self._changes.change(principal, Permission.APPROVALS_WRITE, write)

    async def remove(self, principal: Principal, name: str) -> None:
        """Remove a rule. Raises `NotFound`."""

        async def write(change: Change) -> None:
            await self._rules.remove(change.tx, change.scope, name, change.generation)
            await change.tell(EventType.APPROVAL_RULE_REMOVED, f"rule:{name}")

        await self._changes.change(principal, Permission.APPROVALS_WRITE, write)

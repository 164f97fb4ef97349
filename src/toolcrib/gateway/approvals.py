"""Calls that wait for a person: who asks for what, and the person's yes or no.

A yes goes the same route as the call did, decides anew, and lets the call run only where nothing that the approval covers
has changed. Whatever a process dies between, an approval lets one call run at most once.
"""

from collections.abc import Sequence
from typing import Any

from toolcrib.contracts.approval import Approval, ApprovalState, Request
from toolcrib.contracts.errors import Conflict, Forbidden, NotFound
from toolcrib.contracts.execution import Result
from toolcrib.contracts.principal import Permission, Principal
from toolcrib.kit.clock import Clock
from toolcrib.kit.json import dumps
from toolcrib.ledger.service import ending_of
from toolcrib.policy.service import permits, sees

from .asking import Askings, Changed, Waited, too_late
from .call import Calls
from .change import Changes
from .facts import Facts, Stores, reached
from .keeping import storable

_NONE = "There is no such approval."


class Approvals:
    """What can be done with the approvals of a workspace."""

    def __init__(
        self, stores: Stores, changes: Changes, calls: Calls, askings: Askings, clock: Clock
    ) -> None:
        self._stores = stores
        self._changes = changes
        self._calls = calls
        self._askings = askings
        self._clock = clock

    async def list(
        self, principal: Principal, limit: int, state: ApprovalState | None, after: str | None
    ) -> Sequence[Approval]:
        """Approvals of the principal's workspace, newest first; `after` is the id to go on from."""
        await self._changes.permitted(principal, Permission.EXECUTIONS_READ)
        tools = None if principal.tools is None else dumps(sorted(principal.tools)).decode()
        given = {"after": after, "state": state and state.value, "tools": tools}
        wanted = {name: value for name, value in given.items() if value is not None}
        return await reached(self._stores.ledger.waiting.newest(principal.workspace_id, limit, wanted))

    async def get(self, principal: Principal, approval_id: str) -> tuple[Approval, Request | None]:
        """One approval, and while it is pending the call itself: for who may agree to it, and for who asked. Raises
        `NotFound`.
        """
        facts, approval, sealed = await self._find(principal, approval_id)
        asked = principal.actor_id in (approval.actor_id, approval.on_behalf_of)
        if sealed is None or not (asked or self._may_agree(facts, principal, approval)):
            return approval, None
        try:
            return approval, self._askings.opened(approval, sealed)[2]
        except Changed:
            return approval, None

    async def approve(self, principal: Principal, approval_id: str, digest: str | None = None) -> Result:
        """Agree: the call runs, and this answers as it would have. Raises `NotFound`, `Forbidden`, and `Conflict` where it is
        decided already, its time is over, something that it covers has changed, or its `digest` is another one.
        """
        await self._changes.renew(
            principal.workspace_id, principal.workspace_id
        )  # what looks old here voids nothing
        facts, approval, sealed = await self._find(principal, approval_id)
        self._askings.refuse_objection(facts.roster, principal, approval)
        if sealed is None:
            raise too_late(approval.state)
        if digest not in (None, approval.digest):
            raise Conflict(
                "This approval is over something else than you looked at.", reason="arguments_differ"
            )
        try:
            call, parts, _ = self._askings.opened(approval, sealed)
            requester = self._askings.requester(facts, approval)
            return await self._calls.resume(requester, Waited(approval, call, parts, principal))
        except Changed as changed:
            what = ", ".join(changed.what)
            await self._end(
                principal, approval, ApprovalState.VOID, f"changed: {what}", changed=list(changed.what)
            )
            raise Conflict(
                f"This changed since the call was asked for, so it did not run: {what}. It has to be asked for anew.",
                reason="void", changed=list(changed.what),
            ) from changed  # fmt: skip

    async def deny(self, principal: Principal, approval_id: str, note: str | None) -> Approval:
        """Refuse the call: it never runs. Whoever may agree may, and an owner or an admin. Raises as `approve` does."""
        facts, approval, sealed = await self._find(principal, approval_id)
        who = self._stores.identity.again(facts.roster, principal)
        if not permits(who, Permission.APPROVALS_WRITE):
            self._askings.refuse_objection(facts.roster, principal, approval)
        if sealed is None:
            raise too_late(approval.state)
        await self._end(principal, approval, ApprovalState.DENIED, None if note is None else storable(note))
        return (await self._find(principal, approval_id))[1]

    async def withdraw(self, principal: Principal, approval_id: str) -> None:
        """Take back a call that still waits; nothing where it is decided already."""
        _, approval, sealed = await self._find(principal, approval_id)
        if sealed is not None:
            ending = self._ending(principal, approval, ApprovalState.WITHDRAWN, None)
            await reached(self._stores.ledger.waiting.end(ending))

    def _may_agree(self, facts: Facts, principal: Principal, approval: Approval) -> bool:
        try:
            self._askings.refuse_objection(facts.roster, principal, approval)
        except Forbidden:
            return False
        return True

    async def _find(self, principal: Principal, approval_id: str) -> tuple[Facts, Approval, bytes | None]:
        facts = await self._changes.permitted(principal, Permission.EXECUTIONS_READ)
        waiting = self._stores.ledger.waiting
        found = await reached(waiting.find(principal.workspace_id, approval_id))
        if found is None or not sees(principal, found[0].tool):
            raise NotFound(_NONE)
        return facts, *found

    async def _end(
        self, principal: Principal, approval: Approval, state: ApprovalState, note: str | None, **told: Any
    ) -> None:
        """Close it. Raises `Conflict` where somebody was first."""
        ending = self._ending(principal, approval, state, note, **told)
        if not await reached(self._stores.ledger.waiting.end(ending)):
            raise too_late()

    def _ending(
        self, principal: Principal, approval: Approval, state: ApprovalState, note: str | None, **told: Any
    ) -> Any:
        by = principal.actor_type.value, principal.actor_id
        return ending_of(approval, state, by, self._clock.now(), note, told)

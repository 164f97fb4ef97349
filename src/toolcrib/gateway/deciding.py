"""What a call meets before it is recorded: who → what → valid → may. The one place where calls are decided."""

from dataclasses import replace
from typing import Any

from toolcrib.contracts.decision import Deny, NeedsApproval
from toolcrib.contracts.errors import Code, NotFound, SecretNotFound, Unauthorized
from toolcrib.contracts.execution import Call, Status
from toolcrib.contracts.principal import Principal
from toolcrib.contracts.terms import Link
from toolcrib.kit.clock import Clock
from toolcrib.policy.service import CallFacts, decide
from toolcrib.policy.stakes import NONE
from toolcrib.registry.service import StoredTool

from .bindings import BoundCall, Reached, bindings_of, bound_call, links_of, reached_by, typed
from .desk import Counter
from .facts import Facts, Snapshots, Stores
from .records import Checked, Decided, Held, Refusal, refuse
from .workshop import Workshop

_DEEPEST = 8
_NO_TOOL = "There is no such tool."
_NOBODY_WAITS = "Call it by itself: a call inside of another one cannot wait for a person."


class Decisions:
    """Decides calls by what is known now; the ledger refuses what was decided on older facts."""

    def __init__(self, stores: Stores, snapshots: Snapshots, workshop: Workshop, clock: Clock) -> None:
        self._stores = stores
        self._snapshots = snapshots
        self._workshop = workshop
        self._clock = clock

    async def decide_call(
        self, counter: Counter, principal: Principal, call: Call, reached: Reached
    ) -> Decided:
        """One decision, with all that it stands on. Links are followed over the counter, each once. Raises `NotFound` and
        `Unauthorized`.
        """
        view = self._workshop.views.of(call)
        facts, tool = await self.what(principal.workspace_id, call.tool)
        who = self._stores.identity.again(facts.roster, principal)
        if tool is None:
            raise NotFound(_NO_TOOL)
        ready = self._workshop.ready(tool)
        bindings = bindings_of(ready.contract, tool.name, view, call.subject)
        about = CallFacts(view, call.subject.type if call.subject else None)
        if (
            call.depth < _DEEPEST
            and links_of(bindings)
            and decide(who, facts.about(tool), self._clock.now(), about).allowed
        ):
            for link in links_of(bindings):
                if link not in reached:
                    linked = facts.meant_by(tool, link.tool)
                    reached[link] = await self._follow(counter, link, linked, who, call)
        bound = bound_call(call, about, bindings, ready.contract, reached)
        verdict = self.judge(facts, who, tool, bound)
        if isinstance(verdict, Refusal):
            known = self._stores.vault.open_known(
                who.workspace_id, facts.secrets, ready.runnable.secrets, facts.beside
            )
            return Decided(bound.call, facts, who, tool, ready, verdict, known)
        return Decided(bound.call, facts, who, tool, ready, verdict, verdict.secrets)

    async def _follow(
        self, counter: Counter, link: Link, tool: StoredTool | None, who: Principal, call: Call
    ) -> Any:
        """Where a link leads from the subject of a call, asked over the counter for the same principal."""
        if tool is None or tool.effects != "read" or call.subject is None:
            return None
        given = typed(call.subject.id, self._workshop.ready(tool).contract, link.argument)
        asking = Call(
            tool.id,
            {link.argument: given},
            call.subject,
            call.exception_id,
            depth=call.depth + 1,
            hidden=call.hidden,
        )
        return reached_by(link, await counter.call_tool(who, asking))

    def judge(
        self, facts: Facts, who: Principal, tool: StoredTool, bound: BoundCall, *, approved: bool = False
    ) -> Checked | Held | Refusal:
        """Valid, then allowed, then complete. Of a call that has strayed from its subject it does not matter whether it would
        have been valid. `approved`: a person has agreed to all that it would be held for.
        """
        ready, call = self._workshop.ready(tool), bound.call
        unfit = self._unfit(tool, bound)
        if unfit is not None:
            return unfit
        about = facts.about(tool)
        stakes = (
            NONE
            if ready.is_dry(call)
            else facts.rules.at_stake(about, call.input, size=call.size, high=ready.is_high(call))
        )
        asked = (
            replace(bound.about, stakes=stakes.reasons, approved=approved) if stakes.reasons else bound.about
        )
        decision = decide(who, about, self._clock.now(), asked)
        if isinstance(decision, NeedsApproval) and call.depth:
            message = f"A person has to agree to this call of {tool.name}: {', '.join(stakes.reasons)}. {_NOBODY_WAITS}"
            return refuse(Status.DENIED, Code.FORBIDDEN, message, rule="approval")
        if isinstance(decision, Deny):
            told = {"reason": about.beyond} if decision.code is Code.EGRESS_DENIED else {}
            return refuse(
                Status.DENIED, decision.code, decision.message, rule=decision.reasons[-1].rule, **told
            )
        try:
            secrets = self._stores.vault.open(
                who.workspace_id, facts.secrets, ready.runnable.secrets, facts.beside
            )
        except SecretNotFound as missing:
            return refuse(Status.FAILED, missing.code, missing.message, **missing.details)
        if isinstance(decision, NeedsApproval):
            return Held(ready, secrets, bound, stakes)
        return Checked(ready, secrets)

    def _unfit(self, tool: StoredTool, bound: BoundCall) -> Refusal | None:
        """Why the input cannot be taken."""
        ready, call = self._workshop.ready(tool), bound.call
        if call.size > ready.max_request:
            message = (
                f"The input is larger than the {ready.max_request} bytes that {tool.name} takes; send less."
            )
            return refuse(Status.FAILED, Code.VALIDATION_ERROR, message)
        if not bound.about.strayed and not ready.input.is_valid(call.input, size=call.size):
            errors = [fault.as_json() for fault in ready.input.faults(call.input)]
            message = f"The input does not fit the contract of {tool.name}; see details.errors."
            return refuse(Status.FAILED, Code.VALIDATION_ERROR, message, errors=errors)
        if call.depth > _DEEPEST:
            message = f"Tools call each other more than {_DEEPEST} deep here; {tool.name} is not called."
            return refuse(Status.DENIED, Code.FORBIDDEN, message, rule="depth")
        return None

    async def what(self, workspace: str, name_or_id: str) -> tuple[Facts, StoredTool | None]:
        """The facts and the tool meant; one that is not known is looked for afresh: another process may just have made it."""
        facts = await self._snapshots.of(workspace)
        tool = facts.find(name_or_id) if facts else None
        if tool is None:
            facts = await self._snapshots.reload(workspace)
            tool = facts.find(name_or_id) if facts else None
        if facts is None:
            raise Unauthorized
        return facts, tool

"""Tools at the counter: registered, listed, shown, enabled, and input checked without running."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from toolcrib.contracts.checks import contract_faults
from toolcrib.contracts.contract import Contract, effect_of, parse_contract
from toolcrib.contracts.decision import Decision, Deny, Reason
from toolcrib.contracts.errors import Code, Forbidden, Invalid, NotFound, ToolcribError
from toolcrib.contracts.execution import Call, EventType, Notice
from toolcrib.contracts.faults import Fault
from toolcrib.contracts.forms import normal_form
from toolcrib.contracts.names import GLOBAL
from toolcrib.contracts.principal import Permission, Principal
from toolcrib.kit.clock import Clock
from toolcrib.kit.json import dumps
from toolcrib.policy.service import ANY_CALL, CallFacts, decide, explain, permits, shows
from toolcrib.registry.service import StoredTool, alias_taken

from .bindings import bindings_of, bound_call, unfollowed
from .change import Change, Changes
from .deciding import Decisions
from .facts import Facts, Stores
from .hosts import not_called
from .limits import Outlook
from .secrets import elsewhere
from .workshop import Workshop


@dataclass(frozen=True, slots=True)
class ToolView:
    """A tool as a principal sees it; `config` is the stored contract, `allowed` whether the principal may call it now."""

    tool: StoredTool
    config: dict[str, Any]
    enabled: bool
    allowed: bool

    @property
    def effects(self) -> str:
        """What a call may do: read, write or destroy."""
        return effect_of(self.config.get("effects"), (self.config.get("api") or {}).get("method"))

    @property
    def notice(self) -> Notice | None:
        """What whoever uses a deprecated tool should know."""
        told = self.config.get("deprecated")
        return None if told is None else Notice(self.tool.updated_at, told.get("sunset"), told.get("use"))


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which tools a list shows: `scope` is global, workspace or all, `status` enabled or disabled, `text` stands in name,
    title or description in whatever case, `tag` is one of the tags, `view` names a view of a pack.
    """

    scope: str = "all"
    status: str | None = None
    text: str | None = None
    tag: str | None = None
    view: str | None = None

    def has(self, view: ToolView) -> bool:
        """Whether the list shows this tool."""
        if self.status is not None and view.enabled != (self.status == "enabled"):
            return False
        if self.tag is not None and self.tag not in view.config["tags"]:
            return False
        return self.text is None or self.text.casefold() in _words(view.config)


@dataclass(frozen=True, slots=True)
class Validation:
    """What a call with this input would meet; `warnings` are about secrets that are not there, or bound to other hosts
    than the tool's, for whoever may know their names.
    """

    faults: Sequence[Fault]
    decision: Decision
    warnings: Sequence[ToolcribError] = ()


class Tools:
    """What can be done with tools apart from calling them."""

    def __init__(
        self, stores: Stores, changes: Changes, decisions: Decisions, workshop: Workshop, outlook: Outlook, clock: Clock
    ) -> None:  # fmt: skip
        self._stores = stores
        self._changes = changes
        self._decisions = decisions
        self._workshop = workshop
        self._outlook = outlook
        self._clock = clock

    async def register(
        self, principal: Principal, submitted: dict[str, Any], *, rehearse: bool = False
    ) -> StoredTool:
        """Check and store a new tool; a rehearsal stores nothing. Raises `Invalid` with all faults, `EgressRefused`,
        `Conflict`, `Forbidden`.
        """
        facts = await self._changes.permitted(principal, Permission.TOOLS_WRITE)
        contract, config = self.checked(submitted)
        scope = GLOBAL if contract.scope == "global" else principal.workspace_id
        refuse_taken(facts, scope, contract.aliases)
        if scope == GLOBAL:
            await self.operator_only(principal)

        async def add(change: Change) -> StoredTool:
            tool = await self._stores.registry.add(
                change.tx, scope, config, submitted, principal.actor_id, change.generation
            )
            if not contract.enabled:
                await self._enable(change, tool.id, enabled=False)
            await change.tell(
                EventType.TOOL_REGISTERED,
                tool.name,
                {"tool_id": tool.id, "version": tool.version, "digest": tool.digest},
            )
            return tool

        make = self._changes.rehearse if rehearse else self._changes.change
        return await make(principal, written_by(scope), add, scope=scope)

    async def list(
        self,
        principal: Principal,
        limit: int,
        after: str | None,
        wanted: Wanted = Wanted(),
    ) -> Sequence[ToolView]:
        """Tools by name from `after` on, at most `limit`, of those wanted."""
        facts = await self._changes.permitted(principal, Permission.TOOLS_READ)
        who = self._stores.identity.again(facts.roster, principal)
        call, shown = self._calls_in(wanted.view), []
        for name in sorted(_names(facts, wanted.scope)):
            if after is not None and name <= after:
                continue
            tool = facts.shared.by_name[name] if wanted.scope == "global" else facts.find(name)
            if tool is None or tool.name != name:  # an alias of the workspace stands before this name
                continue
            view = self._view(facts, who, tool, call)
            if view is not None and wanted.has(view):
                shown.append(view)
            if len(shown) == limit:
                break
        return shown

    async def callable(
        self, principal: Principal, limit: int, after: str | None, view: str | None = None
    ) -> Sequence[ToolView]:
        """The tools that this principal may call now, by name from `after` on. Raises `NotFound` for an unknown view."""
        facts = await self._changes.permitted(principal, Permission.TOOLS_READ)
        who, shown, call = self._stores.identity.again(facts.roster, principal), [], self._calls_in(view)
        for tool in facts.seen_by_models():
            if after is not None and tool.name <= after:
                continue
            if decide(who, facts.about(tool), self._clock.now(), call).allowed:
                shown.append(ToolView(tool, tool.document(), enabled=True, allowed=True))
            if len(shown) == limit:
                break
        return shown

    async def get(self, principal: Principal, name_or_id: str) -> ToolView:
        """One tool. Raises `NotFound`."""
        facts, tool = await self._find(principal, name_or_id)
        about = facts.about(tool)
        decision = decide(self._stores.identity.again(facts.roster, principal), about, self._clock.now())
        return ToolView(tool, tool.document(), about.enabled, decision.allowed)

    async def validate(self, principal: Principal, call: Call) -> Validation:
        """Check input against contract and policy; runs nothing and records nothing."""
        facts, tool = await self._find(principal, call.tool)
        who, ready = self._stores.identity.again(facts.roster, principal), self._workshop.ready(tool)
        bindings = bindings_of(ready.contract, tool.name, self._workshop.views.of(call), call.subject)
        about = CallFacts(self._workshop.views.of(call), call.subject.type if call.subject else None)
        own = [one for one in bindings if one.link is None]
        bound = bound_call(call, about, own, ready.contract, {})
        filled, left_out = unfollowed(bound.call, bindings, ready.contract)
        faults = [fault for fault in ready.input.faults(filled.input) if fault.path not in left_out]
        size = len(dumps(filled.input))
        stakes = facts.rules.at_stake(facts.about(tool), filled.input, size=size, high=ready.is_high(filled))
        asked = replace(bound.about, stakes=stakes.reasons)
        decision = decide(who, facts.about(tool), self._clock.now(), asked)
        knows = decision.allowed or permits(who, Permission.SECRETS_READ)
        names = ready.runnable.secrets if knows else ()
        missing = self._stores.vault.missing(who.workspace_id, facts.secrets, names, facts.beside)
        warnings = (*missing, *elsewhere(facts.secrets, ready.contract, names))
        return Validation(faults, decision, warnings)

    async def warnings(self, principal: Principal, tool: StoredTool) -> Sequence[ToolcribError]:
        """What whoever registered a tool should know: its host may not be called, or its secrets are bound to others."""
        facts = await self._changes.permitted(principal, Permission.TOOLS_READ)
        kept_in = not_called(facts.beyond(tool))
        if not permits(self._stores.identity.again(facts.roster, principal), Permission.SECRETS_READ):
            return kept_in
        if all(secret.hosts is None for secret in facts.secrets.values()):
            return kept_in  # to make a tool ready is dear where a catalog is brought
        ready = self._workshop.ready(tool)
        return [*kept_in, *elsewhere(facts.secrets, ready.contract, ready.runnable.secrets)]

    async def enabled(self, principal: Principal, name_or_id: str) -> bool:
        """Whether the tool may be called in this workspace at all."""
        facts, tool = await self._find(principal, name_or_id)
        return facts.about(tool).enabled

    async def set_enabled(self, principal: Principal, name_or_id: str, *, enabled: bool) -> None:
        """Enable or disable a tool in the principal's workspace."""
        await self._changes.permitted(principal, Permission.ENABLEMENT_WRITE)
        _, tool = await self._find(principal, name_or_id)

        async def put(change: Change) -> None:
            await self._enable(change, tool.id, enabled=enabled)
            await change.tell(
                EventType.TOOL_ENABLED if enabled else EventType.TOOL_DISABLED,
                tool.name,
                {"tool_id": tool.id},
            )

        await self._changes.change(principal, Permission.ENABLEMENT_WRITE, put)

    async def reset_enabled(self, principal: Principal, name_or_id: str) -> None:
        """Enable or disable a tool in the principal's workspace as its contract says."""
        view = await self.get(principal, name_or_id)
        await self.set_enabled(principal, name_or_id, enabled=bool(view.config["enabled"]))

    async def explain(
        self,
        principal: Principal,
        name_or_id: str,
        actor: str | None = None,
        subject_type: str | None = None,
        view: str | None = None,
    ) -> tuple[Decision, Sequence[Reason]]:
        """Whether the principal, or another actor of the workspace, may call a tool now, and how every rule stands; about
        a subject of that type, and in that view, where they are given. The last are whether a person has to agree, as far as
        that does not depend on the input, and the limits, as far as they are used up now. Raises `NotFound`, and `Forbidden` for others' rights where the principal may not read keys.
        """
        facts, tool = await self._find(principal, name_or_id)
        who = self._stores.identity.again(facts.roster, principal)
        if actor is not None and actor != who.actor_id:
            await self._changes.permitted(principal, Permission.KEYS_READ)
            other = self._stores.identity.acting(facts.roster, actor)
            if other is None:
                raise NotFound("There is no such principal.")
            who = other
        about, now, call = facts.about(tool), self._clock.now(), self._calls_in(view)
        if subject_type is not None:
            call = replace(call, subject=subject_type)
        ready = self._workshop.ready(tool)
        call = replace(call, stakes=facts.rules.at_stake(about, None, high=ready.high).reasons)
        decision, host = decide(who, about, now, call), ready.host
        reasons = (*explain(who, about, now, call), await self._outlook.reason(facts, who, tool, host))
        used_up = decision.allowed and not reasons[-1].holds
        return (Deny(Code.RATE_LIMITED, reasons) if used_up else decision), reasons

    def _calls_in(self, view: str | None) -> CallFacts:
        """What is known of calls before they are made: what they are about where the view says so."""
        if view is None:
            return ANY_CALL
        found = self._workshop.views.named(view)
        return CallFacts(found) if found.subject is None else CallFacts(found, found.subject)

    def _view(self, facts: Facts, who: Principal, tool: StoredTool, call: CallFacts) -> ToolView | None:
        """A tool as a list shows it, if it does."""
        about = facts.about(tool)
        decision = decide(who, about, self._clock.now(), call)
        return ToolView(tool, tool.document(), about.enabled, decision.allowed) if shows(decision) else None

    async def _find(self, principal: Principal, name_or_id: str) -> tuple[Facts, StoredTool]:
        await self._changes.permitted(principal, Permission.TOOLS_READ)
        facts, tool = await self._decisions.what(principal.workspace_id, name_or_id)
        if tool is None:
            raise NotFound("There is no such tool.")
        return facts, tool

    async def _enable(self, change: Change, tool_id: str, *, enabled: bool) -> None:
        await self._stores.registry.set_enabled(
            change.tx,
            tool_id,
            workspace=change.scope,
            enabled=enabled,
            by=change.principal.actor_id,
            generation=change.generation,
        )

    async def operator_only(self, principal: Principal) -> None:
        """Global tools are written by the operator alone. Raises `Forbidden`."""
        facts = await self._changes.permitted(principal, Permission.TOOLS_WRITE)
        if not self._stores.identity.again(facts.roster, principal).operator:
            raise Forbidden("Only the operator, the owner of the workspace `default`, writes global tools.")

    def checked(self, submitted: dict[str, Any]) -> tuple[Contract, dict[str, Any]]:
        """The contract, and the config as it is stored: defaults visible, root closed, name and version in normal form."""
        form = normal_form(submitted)
        try:
            contract = parse_contract(form.document)
            if faults := contract_faults(contract):
                raise Invalid.because("The tool's config is not valid; see details.errors.", faults)
            self._workshop.check(contract)
        except Invalid as refused:
            raise form.told(refused) from None
        return contract, contract.document()


def written_by(scope: str) -> Permission:
    """What writing a tool there needs."""
    return Permission.HOUSE_WRITE if scope == GLOBAL else Permission.TOOLS_WRITE


def _names(facts: Facts, scope: str) -> set[str]:
    names = set() if scope == "workspace" else set(facts.shared.by_name)
    return names | (set() if scope == "global" else set(facts.catalog.by_name))


def _words(config: dict[str, Any]) -> str:
    return "\n".join((config["name"], config.get("title") or "", config["description"])).casefold()


def refuse_taken(facts: Facts, scope: str, aliases: Iterable[str], tool_id: str | None = None) -> None:
    """An alias leads to one tool only; the registry refuses what another process took meanwhile."""
    catalogs = [facts.shared] if scope == GLOBAL else [facts.catalog, facts.shared]
    for alias in aliases:
        leads_to = {found.id for catalog in catalogs if (found := catalog.find(alias))}
        if leads_to - {tool_id}:
            raise alias_taken(alias)

"""Tools at the counter: registered, listed, shown, enabled, and input checked without running."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from toolcrib.contracts.contract import Contract, normal_version, parse_contract
from toolcrib.contracts.decision import Decision
from toolcrib.contracts.errors import Forbidden, Invalid, NotFound, Unavailable
from toolcrib.contracts.execution import Call, EventType
from toolcrib.contracts.faults import Fault
from toolcrib.contracts.names import GLOBAL, is_tool_id, is_tool_name, slug
from toolcrib.contracts.principal import Permission, Principal, Role
from toolcrib.contracts.schema import close_root, schema_faults
from toolcrib.kit.db import DatabaseUnavailable, Tx
from toolcrib.policy.service import decide
from toolcrib.registry.service import StoredTool

from .call import Calls
from .change import Change, Changes
from .facts import Facts, Stores
from .workshop import Workshop


@dataclass(frozen=True, slots=True)
class ToolView:
    """A tool as a principal sees it; `config` is the stored contract."""

    tool: StoredTool
    config: dict[str, Any]
    enabled: bool


@dataclass(frozen=True, slots=True)
class Validation:
    """What a call with this input would meet."""

    faults: Sequence[Fault]
    decision: Decision


class Tools:
    """What can be done with tools apart from calling them."""

    def __init__(self, stores: Stores, changes: Changes, calls: Calls, workshop: Workshop) -> None:
        self._stores = stores
        self._changes = changes
        self._calls = calls
        self._workshop = workshop

    async def register(self, principal: Principal, submitted: dict[str, Any]) -> StoredTool:
        """Check and store a new tool. Raises `Invalid` with all faults, `EgressRefused`, `Conflict`, `Forbidden`."""
        await self._changes.permitted(principal, Permission.TOOLS_WRITE)
        contract, config = self._checked(submitted)
        scope = GLOBAL if contract.scope == "global" else principal.workspace_id
        if scope == GLOBAL:
            await self._operator_only(principal)

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

        return await self._changes.change(principal, Permission.TOOLS_WRITE, add, scope=scope)

    async def list(
        self,
        principal: Principal,
        limit: int,
        after: str | None,
        scope: str = "all",
        status: str | None = None,
    ) -> Sequence[ToolView]:
        """Tools by name from `after` on, at most `limit`; `scope` is global, workspace or all, `status` enabled or disabled."""
        facts = await self._changes.permitted(principal, Permission.TOOLS_READ)
        names = set() if scope == "workspace" else set(facts.shared.by_name)
        names |= set() if scope == "global" else set(facts.catalog.by_name)
        shown: list[ToolView] = []
        for name in sorted(names):
            if after is not None and name <= after:
                continue
            tool = facts.shared.by_name[name] if scope == "global" else facts.find(name)
            enabled = tool is not None and facts.about(tool).enabled
            if tool is not None and (status is None or enabled == (status == "enabled")):
                shown.append(ToolView(tool, tool.document(), enabled))
            if len(shown) == limit:
                break
        return shown

    async def get(self, principal: Principal, name_or_id: str) -> ToolView:
        """One tool. Raises `NotFound`."""
        facts, tool = await self._find(principal, name_or_id)
        return ToolView(tool, tool.document(), facts.about(tool).enabled)

    async def validate(self, principal: Principal, call: Call) -> Validation:
        """Check input against contract and policy; runs nothing and records nothing."""
        facts, tool = await self._find(principal, call.tool)
        faults = self._workshop.ready(tool).input.faults(call.input)
        return Validation(
            faults, decide(self._stores.identity.again(facts.keys, principal), facts.about(tool))
        )

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

    async def _find(self, principal: Principal, name_or_id: str) -> tuple[Facts, StoredTool]:
        await self._changes.permitted(principal, Permission.TOOLS_READ)
        facts, tool = await self._calls.what(principal.workspace_id, name_or_id)
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

    async def _operator_only(self, principal: Principal) -> None:
        async def read(tx: Tx) -> str | None:
            return await self._stores.identity.default_workspace(tx)

        try:
            operators = await self._stores.db.read((principal.workspace_id,), read)
        except DatabaseUnavailable as error:
            raise Unavailable from error
        if principal.workspace_id != operators or principal.role is not Role.OWNER:
            raise Forbidden(
                "Only the operator, the owner of the workspace `default`, registers global tools."
            )

    def _checked(self, submitted: dict[str, Any]) -> tuple[Contract, dict[str, Any]]:
        """The contract, and the config as it is stored: defaults visible, root closed, name and version in normal form."""
        contract = parse_contract(_normal(submitted))
        faults = [
            Fault(f"/input_schema{fault.path}", fault.message)
            for fault in schema_faults(contract.input_schema)
        ]
        if contract.output_schema is not None:
            faults += [
                Fault(f"/output_schema{fault.path}", fault.message)
                for fault in schema_faults(contract.output_schema)
            ]
        if faults:
            raise Invalid.because("The tool's schemas are not valid; see details.errors.", faults)
        self._workshop.provider(contract.kind).check(contract)
        return contract, contract.model_dump(mode="json", exclude_none=True)


def _normal(submitted: dict[str, Any]) -> dict[str, Any]:
    """The accepted forms in the one that is stored: a free-text name becomes title and slug, version `1` is `1.0.0`."""
    document = dict(submitted)
    name = document.get("name")
    if isinstance(name, str) and not is_tool_name(name):
        document["name"] = slug(name)
        if not document["name"]:
            raise Invalid.because(
                "The tool's config is not valid.",
                [Fault("/name", "use namespace.action in lower snake case, or text with letters")],
            )
        document.setdefault("title", name)
    if is_tool_id(str(document.get("name"))):
        raise Invalid.because(
            "The tool's config is not valid.",
            [Fault("/name", "this has the form of a tool's id; choose a name such as namespace.action")],
        )
    if "version" in document:
        version = normal_version(document["version"])
        if version is None:
            raise Invalid.because(
                "The tool's config is not valid.", [Fault("/version", "use semver such as 1.2.0")]
            )
        document["version"] = version
    if isinstance(document.get("input_schema"), dict):
        document["input_schema"] = close_root(document["input_schema"])
    return document

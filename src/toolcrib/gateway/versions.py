"""Versions of a tool at the counter: a new one, all of them, and the end of a tool. What was published never changes."""

from collections.abc import Mapping, Sequence
from typing import Any

from toolcrib.contracts.compatibility import Bump, bump_between, compare, next_version
from toolcrib.contracts.contract import normal_version
from toolcrib.contracts.errors import Conflict, Invalid, Unavailable
from toolcrib.contracts.execution import EventType
from toolcrib.contracts.faults import Fault
from toolcrib.contracts.names import GLOBAL
from toolcrib.contracts.principal import Permission, Principal
from toolcrib.kit.db import DatabaseUnavailable, Tx
from toolcrib.kit.paging import MOST
from toolcrib.registry.service import StoredTool, ToolVersion

from .change import Change, Changes
from .facts import Stores
from .tools import Tools, refuse_taken, written_by

_NOT_VALID = "The tool's config is not valid."


class _Unchanged(Exception):
    """Somebody published the same meanwhile; the change is taken back, and the generation with it."""

    def __init__(self, tool: StoredTool) -> None:
        super().__init__()
        self.tool = tool


class Versions:
    """Changes tools that exist."""

    def __init__(self, stores: Stores, changes: Changes, tools: Tools) -> None:
        self._stores = stores
        self._changes = changes
        self._tools = tools

    async def update(
        self, principal: Principal, name_or_id: str, submitted: Mapping[str, Any], *, rehearse: bool = False
    ) -> StoredTool:
        """Publish a new version; a rehearsal stores nothing. Without `version` the least one that the change needs is taken; a config that changes
        nothing makes none. Raises `Invalid`, `NotFound`, `Forbidden`, and `Conflict` for a version that does not fit:
        a change that breaks callers needs a new major version, and says where.
        """
        tool = await self._writable(principal, name_or_id)
        given = "version" in submitted
        config = self._checked(tool, submitted)
        facts = await self._changes.permitted(principal, Permission.TOOLS_WRITE)
        fresh = set(config.get("aliases", ())).difference(tool.document().get("aliases", ()))
        refuse_taken(facts, tool.workspace_id, sorted(fresh), tool.id)
        if not given and compare(tool.document(), config).bump is Bump.NONE:
            return tool

        async def publish(change: Change) -> StoredTool:
            old = await self._stores.registry.current(change.tx, tool.workspace_id, tool.id)
            if not given and compare(old.document(), config).bump is Bump.NONE:
                raise _Unchanged(old)
            new = _versioned(old, config, given=given)
            made = await self._stores.registry.replace(
                change.tx, old, new, submitted, principal.actor_id, change.generation
            )
            facts = {"tool_id": made.id, "version": made.version, "from": old.version, "digest": made.digest}
            await change.tell(EventType.TOOL_UPDATED, made.name, facts)
            return made

        make = self._changes.rehearse if rehearse else self._changes.change
        try:
            return await make(principal, written_by(tool.workspace_id), publish, scope=tool.workspace_id)
        except _Unchanged as unchanged:
            return unchanged.tool

    async def delete(self, principal: Principal, name_or_id: str) -> None:
        """Take a tool out of the catalog; its executions stay and its name is free. Raises `NotFound`, `Forbidden`."""
        tool = await self._writable(principal, name_or_id)

        async def delete(change: Change) -> None:
            await self._stores.registry.delete(change.tx, tool.workspace_id, tool.id, change.generation)
            await change.tell(
                EventType.TOOL_DELETED, tool.name, {"tool_id": tool.id, "version": tool.version}
            )

        await self._changes.change(principal, written_by(tool.workspace_id), delete, scope=tool.workspace_id)

    async def list(
        self, principal: Principal, name_or_id: str, limit: int = MOST, before: str | None = None
    ) -> Sequence[ToolVersion]:
        """At most `limit` versions of a tool, newest first, those older than `before`. Raises `NotFound`, `Invalid`."""
        if before is not None and normal_version(before) != before:
            raise Invalid.because(
                "The cursor is not valid.", [Fault("/query/cursor", "it is not one of this list")]
            )
        tool = (await self._tools.get(principal, name_or_id)).tool

        async def read(tx: Tx) -> Sequence[ToolVersion]:
            return await self._stores.registry.versions(tx, tool.workspace_id, tool.id, limit, before)

        try:
            return await self._stores.db.read((tool.workspace_id,), read)
        except DatabaseUnavailable as error:
            raise Unavailable from error

    async def _writable(self, principal: Principal, name_or_id: str) -> StoredTool:
        await self._changes.permitted(principal, Permission.TOOLS_WRITE)
        tool = (await self._tools.get(principal, name_or_id)).tool
        if tool.workspace_id == GLOBAL:
            await self._tools.operator_only(principal)
        return tool

    def _checked(self, tool: StoredTool, submitted: Mapping[str, Any]) -> dict[str, Any]:
        """The config as it will be stored; a tool keeps its name and its scope."""
        document = {"name": tool.name, "version": tool.version, **submitted}
        contract, config = self._tools.checked(document)
        faults = []
        if contract.name != tool.name:
            faults.append(
                Fault("/name", f"a tool keeps its name, {tool.name}; register another for a new one")
            )
        if (contract.scope == "global") != (tool.workspace_id == GLOBAL):
            faults.append(Fault("/scope", "a tool keeps its scope; register another"))
        if faults:
            raise Invalid.because(_NOT_VALID, faults)
        return config


def _versioned(old: StoredTool, config: dict[str, Any], *, given: bool) -> dict[str, Any]:
    """The config with the version it gets. Raises `Conflict`."""
    difference = compare(old.document(), config)
    bump = bump_between(old.version, config["version"]) if given else min(difference.bump, Bump.MINOR)
    if bump is None:
        message = f"The version must be higher than {old.version}; leave it out to have it worked out."
        raise Conflict(message, reason="version_not_higher", version=old.version)
    if difference.bump is Bump.MAJOR and bump is not Bump.MAJOR:
        wanted = next_version(old.version, Bump.MAJOR)
        raise Conflict(
            f"The change breaks callers of {old.version}; see details.breaking. Send it as version {wanted} if it is meant.",
            reason="breaking",
            breaking=[fault.as_json() for fault in difference.breaking],
            version=wanted,
        )
    if difference.bump > bump:
        wanted = next_version(old.version, difference.bump)
        raise Conflict(
            f"What was added needs at least version {wanted}.", reason="bump_too_small", version=wanted
        )
    return config if given else {**config, "version": next_version(old.version, bump)}

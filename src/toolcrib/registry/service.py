"""What the registry means: a catalog of stored tools by name and id, and what is enabled."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from toolcrib.contracts.errors import Conflict
from toolcrib.contracts.names import wire_name
from toolcrib.kit.clock import Clock
from toolcrib.kit.db import Clash, Row, Tx
from toolcrib.kit.ids import new_id
from toolcrib.kit.json import dumps, loads

from . import queries


@dataclass(frozen=True, slots=True)
class StoredTool:
    """A tool as it lies in the database; `config` and `submitted` are JSON text, parsed only when wanted."""

    id: str
    workspace_id: str
    name: str
    version: str
    digest: str
    config: str
    submitted: str
    created_at: int

    def document(self) -> dict[str, Any]:
        """The stored contract."""
        return _object(self.config)

    def submitted_document(self) -> dict[str, Any]:
        """The config as it was sent."""
        return _object(self.submitted)


@dataclass(frozen=True, slots=True)
class Catalog:
    """The tools of one scope as of one generation."""

    by_name: Mapping[str, StoredTool] = field(default_factory=dict)
    by_id: Mapping[str, StoredTool] = field(default_factory=dict)
    enabled: Mapping[str, bool] = field(default_factory=dict)
    also: Mapping[str, str] = field(default_factory=dict)

    def find(self, name_or_id: str) -> StoredTool | None:
        """A tool by its name, by an alias or the name that models see, which `also` holds, or by its id."""
        found = self.by_name.get(name_or_id)
        return found or self.by_id.get(self.also.get(name_or_id, name_or_id))


class Registry:
    """Stores contracts that the gateway has checked."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def load(self, tx: Tx, workspace: str, known: Catalog, since: int) -> Catalog:
        """The catalog of a scope, with what changed after a generation laid over what is known."""
        tools = [_stored(row) for row in await queries.changed_tools(tx, workspace, since)]
        flags = {
            row["tool_id"]: bool(row["enabled"])
            for row in await queries.changed_enablement(tx, workspace, since)
        }
        also = {row["name"]: row["tool_id"] for row in await queries.changed_aliases(tx, workspace, since)}
        also |= {wire: tool.id for tool in tools if (wire := wire_name(tool.name)) != tool.name}
        if tools:
            by_name = {**known.by_name, **{tool.name: tool for tool in tools}}
            known = replace(
                known, by_name=by_name, by_id={**known.by_id, **{tool.id: tool for tool in tools}}
            )
        known = replace(known, also={**known.also, **also}) if also else known
        return replace(known, enabled={**known.enabled, **flags}) if flags else known

    async def add(
        self,
        tx: Tx,
        workspace: str,
        config: Mapping[str, Any],
        submitted: Mapping[str, Any],
        by: str,
        generation: int,
    ) -> StoredTool:
        """Store a new tool. Raises `Conflict` when a name of it, or the name models would see, is taken.

        Whoever changes a workspace holds its row, so nothing comes between a look at the names and the write.
        """
        text = dumps(config).decode()
        tool = StoredTool(
            new_id("tool"), workspace, config["name"], config["version"], hashlib.sha256(text.encode()).hexdigest(), text,
            dumps(submitted).decode(), self._clock.now(),
        )  # fmt: skip
        wire, aliases = wire_name(tool.name), config.get("aliases", ())
        if await queries.an_alias(tx, workspace, tool.name, wire):
            raise _name_taken(tool.name)
        try:
            await queries.add(
                tx, workspace_id=workspace, id=tool.id, name=tool.name, wire_name=wire, version=tool.version, digest=tool.digest,
                config=text, submitted=tool.submitted, created_at=tool.created_at, created_by=by, generation=generation,
            )  # fmt: skip
        except Exception as error:
            if isinstance(tx.translated(error), Clash):
                raise _name_taken(tool.name) from error
            raise
        if aliases:
            await self._add_aliases(tx, tool, aliases, generation)
        return tool

    async def _add_aliases(self, tx: Tx, tool: StoredTool, aliases: Sequence[str], generation: int) -> None:
        wanted = [alias for alias in aliases if alias != wire_name(tool.name)]
        for row in await queries.names_among(tx, tool.workspace_id, wanted):
            raise alias_taken(
                next(name for name in wanted if name in {row["name"], row["wire_name"], row["id"]})
            )
        try:
            await queries.add_aliases(tx, tool.workspace_id, tool.id, wanted, generation)
        except Exception as error:
            if isinstance(tx.translated(error), Clash):
                raise alias_taken(", ".join(wanted)) from error
            raise

    async def set_enabled(
        self, tx: Tx, tool_id: str, *, workspace: str, enabled: bool, by: str, generation: int
    ) -> None:
        """Enable or disable a tool, global ones too, in one workspace."""
        now = self._clock.now()
        await queries.put_enablement(
            tx, workspace=workspace, tool=tool_id, enabled=int(enabled), now=now, by=by, made=generation
        )


def alias_taken(alias: str) -> Conflict:
    """The refusal of an alias that leads to another tool."""
    message = f"The alias {alias} leads to another tool already; choose another."
    return Conflict(message, reason="alias_taken", name=alias)


def _name_taken(name: str) -> Conflict:
    message = f"The name {name} is taken in this workspace; choose another."
    return Conflict(message, reason="name_taken", name=name)


def _stored(row: Row) -> StoredTool:
    return StoredTool(
        row["id"], row["workspace_id"], row["name"], row["version"], row["digest"], row["config"], row["submitted"], row["created_at"],
    )  # fmt: skip


def _object(text: str) -> dict[str, Any]:
    found: dict[str, Any] = loads(text.encode(), max_depth=200)  # type: ignore[assignment]  # what is stored is an object
    return found

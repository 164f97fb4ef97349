"""What the registry means: a catalog of stored tools by name and id, and what is enabled."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from toolcrib.contracts.errors import Conflict
from toolcrib.contracts.names import wire_name
from toolcrib.kit.clock import Clock
from toolcrib.kit.db import Clash, Row, Tx
from toolcrib.kit.ids import new_id
from toolcrib.kit.json import dumps, loads_own

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

    def find(self, name_or_id: str) -> StoredTool | None:
        """A tool by its id or name."""
        return self.by_id.get(name_or_id) or self.by_name.get(name_or_id)


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
        if tools:
            by_name = {**known.by_name, **{tool.name: tool for tool in tools}}
            known = replace(
                known, by_name=by_name, by_id={**known.by_id, **{tool.id: tool for tool in tools}}
            )
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
        """Store a new tool. Raises `Conflict` when its name, or the name models would see, is taken."""
        text = dumps(config).decode()
        tool = StoredTool(
            new_id("tool"), workspace, config["name"], config["version"], hashlib.sha256(text.encode()).hexdigest(), text,
            dumps(submitted).decode(), self._clock.now(),
        )  # fmt: skip
        try:
            await queries.add(
                tx, workspace_id=workspace, id=tool.id, name=tool.name, wire_name=wire_name(tool.name), version=tool.version, digest=tool.digest,
                config=text, submitted=tool.submitted, created_at=tool.created_at, created_by=by, generation=generation,
            )  # fmt: skip
        except Exception as error:
            if isinstance(tx.translated(error), Clash):
                raise Conflict(
                    f"The name {tool.name} is taken in this workspace; choose another.",
                    reason="name_taken",
                    name=tool.name,
                ) from error
            raise
        return tool

    async def set_enabled(
        self, tx: Tx, tool_id: str, *, workspace: str, enabled: bool, by: str, generation: int
    ) -> None:
        """Enable or disable a tool, global ones too, in one workspace."""
        now = self._clock.now()
        await queries.put_enablement(
            tx, workspace=workspace, tool=tool_id, enabled=int(enabled), now=now, by=by, made=generation
        )


def _stored(row: Row) -> StoredTool:
    return StoredTool(
        row["id"], row["workspace_id"], row["name"], row["version"], row["digest"], row["config"], row["submitted"], row["created_at"],
    )  # fmt: skip


def _object(text: str) -> dict[str, Any]:
    found: dict[str, Any] = loads_own(text.encode())  # type: ignore[assignment]  # what is stored is an object
    return found

"""What the registry means: a catalog of stored tools by name and id, and what is enabled."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from toolcrib.contracts.contract import effect_of
from toolcrib.contracts.errors import Conflict, NotFound
from toolcrib.contracts.names import wire_name
from toolcrib.kit.clock import Clock, from_iso
from toolcrib.kit.db import Clash, Row, Tx
from toolcrib.kit.ids import new_id
from toolcrib.kit.json import dumps, loads_own

from . import queries

_DAY_US = 86_400_000_000
_MOST_KEPT_PARSED = 32_000


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
    updated_at: int
    sunset_at: int | None = None
    effects: str = "write"
    requires: Mapping[str, Any] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """The stored contract. It is shared with whoever else asks: read it, never change it."""
        return _parsed(self.config) if len(self.config) <= _MOST_KEPT_PARSED else _object(self.config)

    def submitted_document(self) -> dict[str, Any]:
        """The config as it was sent."""
        return _object(self.submitted)


@dataclass(frozen=True, slots=True)
class ToolVersion:
    """What a tool was as of one version."""

    version: str
    digest: str
    config: dict[str, Any]
    created_at: int
    created_by: str


@dataclass(frozen=True, slots=True)
class Catalog:
    """The tools of one scope as of one generation."""

    by_name: Mapping[str, StoredTool] = field(default_factory=dict)
    by_id: Mapping[str, StoredTool] = field(default_factory=dict)
    enabled: Mapping[str, bool] = field(default_factory=dict)
    also: Mapping[str, str] = field(default_factory=dict)

    def find(self, name_or_id: str) -> StoredTool | None:
        """A tool by its id; then by its name, or by an alias or the name that models see, which `also` holds."""
        found = self.by_id.get(name_or_id) or self.by_name.get(name_or_id)
        return found or self.by_id.get(self.also.get(name_or_id, ""))


class Registry:
    """Stores contracts that the gateway has checked."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def load(self, tx: Tx, workspace: str, known: Catalog, since: int) -> Catalog:
        """The catalog of a scope, with what changed after a generation laid over what is known."""
        rows = await queries.changed_tools(tx, workspace, since)
        flags = {
            row["tool_id"]: bool(row["enabled"])
            for row in await queries.changed_enablement(tx, workspace, since)
        }
        known = _laid_over(known, rows) if rows else known
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
        tool = self._made(new_id("tool"), workspace, config, submitted)
        wire, aliases = wire_name(tool.name), config.get("aliases", ())
        if await queries.an_alias(tx, workspace, tool.name, wire):
            raise _name_taken(tool.name)
        try:
            await queries.add(
                tx, workspace_id=workspace, id=tool.id, name=tool.name, wire_name=wire, version=tool.version, digest=tool.digest,
                config=tool.config, submitted=tool.submitted, created_at=tool.created_at, created_by=by, updated_at=tool.created_at,
                deleted_at=None, generation=generation, effects=tool.effects, requires=_text(tool.requires),
            )  # fmt: skip
        except Exception as error:
            if isinstance(tx.translated(error), Clash):
                raise _name_taken(tool.name) from error
            raise
        await self._add_aliases(tx, tool, aliases, generation)
        await self._keep_version(tx, tool, by)
        return tool

    async def named(self, tx: Tx, workspace: str, name: str) -> StoredTool | None:
        """The tool of that name as it is inside this transaction."""
        row = await queries.named(tx, workspace, name)
        return None if row is None else _stored(row)

    async def current(self, tx: Tx, workspace: str, tool_id: str) -> StoredTool:
        """The tool as this transaction sees it. Raises `NotFound`."""
        row = await queries.current(tx, workspace, tool_id)
        if row is None:
            raise NotFound("There is no such tool.")
        return _stored(row)

    async def replace(
        self,
        tx: Tx,
        old: StoredTool,
        config: Mapping[str, Any],
        submitted: Mapping[str, Any],
        by: str,
        generation: int,
    ) -> StoredTool:
        """Make a new version of a tool its current one; the old ones stay as they were. Raises `Conflict` for an alias."""
        tool = self._made(old.id, old.workspace_id, config, submitted)
        await queries.replace(
            tx, tool.workspace_id, tool.id, version=tool.version, digest=tool.digest, config=tool.config,
            submitted=tool.submitted, updated_at=tool.created_at, generation=generation, effects=tool.effects,
            requires=_text(tool.requires),
        )  # fmt: skip
        await queries.drop_aliases(tx, tool.workspace_id, tool.id)
        await self._add_aliases(tx, tool, config.get("aliases", ()), generation)
        await self._keep_version(tx, tool, by)
        return replace(tool, created_at=old.created_at)

    async def delete(self, tx: Tx, workspace: str, tool_id: str, generation: int) -> None:
        """Take a tool out of the catalog; its names are free again. Raises `NotFound`."""
        if not await queries.delete(tx, workspace, tool_id, self._clock.now(), generation):
            raise NotFound("There is no such tool.")
        await queries.drop_aliases(tx, workspace, tool_id)

    async def versions(
        self, tx: Tx, workspace: str, tool_id: str, limit: int, before: str | None
    ) -> Sequence[ToolVersion]:
        """At most `limit` versions of a tool, newest first, those older than `before`."""
        known = sorted(await queries.versions(tx, workspace, tool_id), key=_parts, reverse=True)
        older = [one for one in known if before is None or _parts(one) < _parts(before)]
        rows = [await queries.version(tx, workspace, tool_id, one) for one in older[:limit]]
        return [
            ToolVersion(
                row["version"], row["digest"], _object(row["config"]), row["created_at"], row["created_by"]
            )
            for row in rows
        ]

    def _made(
        self, tool_id: str, workspace: str, config: Mapping[str, Any], submitted: Mapping[str, Any]
    ) -> StoredTool:
        text = dumps(config).decode()
        digest = hashlib.sha256(text.encode()).hexdigest()
        now = self._clock.now()
        return StoredTool(
            tool_id, workspace, config["name"], config["version"], digest, text, dumps(submitted).decode(), now, now, _sunset(text),
            effect_of(config.get("effects"), (config.get("api") or {}).get("method")), config.get("requires") or {},
        )  # fmt: skip

    async def _keep_version(self, tx: Tx, tool: StoredTool, by: str) -> None:
        await queries.add_version(
            tx, workspace_id=tool.workspace_id, tool_id=tool.id, version=tool.version, digest=tool.digest, config=tool.config,
            submitted=tool.submitted, created_at=tool.created_at, created_by=by,
        )  # fmt: skip

    async def _add_aliases(self, tx: Tx, tool: StoredTool, aliases: Sequence[str], generation: int) -> None:
        wanted = [alias for alias in aliases if alias != wire_name(tool.name)]
        if not wanted:
            return
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


def _laid_over(known: Catalog, rows: Sequence[Row]) -> Catalog:
    """What is known with changed tools laid over it: deleted ones are gone, and so are the aliases that a tool gave up."""
    changed = {row["id"]: None if row["deleted_at"] is not None else _stored(row) for row in rows}
    by_id = {tool_id: tool for tool_id, tool in known.by_id.items() if tool_id not in changed}
    also = {name: tool_id for name, tool_id in known.also.items() if tool_id not in changed}
    for tool in filter(None, changed.values()):
        by_id[tool.id] = tool
        also |= dict.fromkeys(_other_names(tool), tool.id)
    return replace(known, by_name={tool.name: tool for tool in by_id.values()}, by_id=by_id, also=also)


def _other_names(tool: StoredTool) -> Iterator[str]:
    """What leads to a tool beside its name: the name that models see, and its aliases. Few have any."""
    wire = wire_name(tool.name)
    if wire != tool.name:
        yield wire
    if '"aliases":["' in tool.config:
        yield from tool.document()["aliases"]


def _sunset(config: str) -> int | None:
    """When a tool ends: as the day after its sunset day begins in UTC. Few have one, so few are parsed for it."""
    if '"sunset":"' not in config:
        return None
    day = (_object(config).get("deprecated") or {}).get("sunset")
    return None if day is None else from_iso(day) + _DAY_US


def _parts(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def _stored(row: Row) -> StoredTool:
    return StoredTool(
        row["id"], row["workspace_id"], row["name"], row["version"], row["digest"], row["config"], row["submitted"], row["created_at"],
        row["updated_at"], _sunset(row["config"]), row["effects"], _object(row["requires"] or "{}"),
    )  # fmt: skip


def _text(value: Mapping[str, Any]) -> str | None:
    return dumps(value).decode() if value else None


@lru_cache(maxsize=1_024)
def _parsed(config: str) -> dict[str, Any]:
    """Lists show many contracts again and again."""
    return _object(config)


def _object(text: str) -> dict[str, Any]:
    found: dict[str, Any] = loads_own(text.encode())  # type: ignore[assignment]  # what is stored is an object
    return found

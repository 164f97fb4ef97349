"""Tools of loaded packs at the counter: put into the registry at start as global tools, replaced where they changed."""

from collections.abc import Mapping, Sequence
from typing import Any

from toolcrib.contracts.compatibility import Bump, bump_between, compare, next_version
from toolcrib.contracts.errors import Conflict, Unavailable
from toolcrib.contracts.execution import EventType
from toolcrib.contracts.names import GLOBAL
from toolcrib.contracts.pack import Pack, comes_from_a_pack
from toolcrib.contracts.principal import Permission, Principal
from toolcrib.kit.db import HOUSE, DatabaseUnavailable, Tx
from toolcrib.kit.logging import logger
from toolcrib.registry.service import StoredTool

from .change import Change, Changes
from .facts import Snapshots, Stores
from .tools import Tools
from .views import Views

_log = logger("packs")


class _Unchanged(Exception):
    """Another process was first; the change is taken back, and the generation with it."""


class PackTools:
    """What the house does with packs by itself, and which this process has loaded."""

    def __init__(
        self, stores: Stores, changes: Changes, snapshots: Snapshots, tools: Tools, views: Views
    ) -> None:
        self._views = views
        self._stores = stores
        self._changes = changes
        self._snapshots = snapshots
        self._tools = tools
        self._loaded: dict[str, Pack] = {}

    async def install(self, pack: Pack, settings: Mapping[str, str] | None = None) -> Sequence[str]:
        """Bring the registry to the pack's contracts, with these values of its settings; answers the names that changed.
        Raises `Invalid`, `EgressRefused` and `Conflict`.
        """
        if (taken := self._views.taken(pack.name, pack.views)) is not None:
            raise Conflict(f"Another pack has a view {taken} already.", reason="name_taken", name=taken)
        house = await self._house()
        facts = await self._snapshots.reload(house.workspace_id)
        changed: Sequence[str] = []
        for submitted in pack.documents(settings or {}):
            _, config = self._tools.checked(submitted)
            known = facts.shared.by_name.get(config["name"]) if facts else None
            if known is None or not _is_current(known, config):
                changed = [*changed, *await self._put(house, pack.name, config, submitted)]
        self._views.add(pack.name, pack.views)
        self._loaded[pack.name] = pack
        return changed

    async def stored(self) -> Sequence[StoredTool]:
        """The global tools that packs have put there, loaded or not."""
        house = await self._house()
        facts = await self._snapshots.reload(house.workspace_id)
        shared = facts.shared.by_name.values() if facts else ()
        return [tool for tool in shared if comes_from_a_pack(tool.document())]

    async def list(self, principal: Principal, limit: int, after: str | None) -> Sequence[Pack]:
        """The packs of this process by name from `after` on, at most `limit`."""
        await self._changes.permitted(principal, Permission.TOOLS_READ)
        names = [name for name in sorted(self._loaded) if after is None or name > after]
        return [self._loaded[name] for name in names[:limit]]

    async def _put(
        self, house: Principal, pack: str, config: dict[str, Any], submitted: dict[str, Any]
    ) -> Sequence[str]:
        async def put(change: Change) -> tuple[StoredTool | None, StoredTool]:
            registry = self._stores.registry
            known = await registry.named(change.tx, GLOBAL, config["name"])
            if known is None:
                tool = await registry.add(
                    change.tx, GLOBAL, config, submitted, house.actor_id, change.generation
                )
            else:
                _refuse_another(known, config)
                newer = {**config, "version": _version_after(known, config)}
                tool = await registry.replace(
                    change.tx, known, newer, submitted, house.actor_id, change.generation
                )
            kind = EventType.TOOL_UPDATED if known else EventType.TOOL_REGISTERED
            await change.tell(
                kind, tool.name, {"tool_id": tool.id, "version": tool.version, "digest": tool.digest}
            )
            return known, tool

        try:
            known, tool = await self._changes.change(house, Permission.TOOLS_WRITE, put, scope=GLOBAL)
        except _Unchanged:
            return []
        if known is not None:
            _tell_update(pack, known, tool)
        return [config["name"]]

    async def _house(self) -> Principal:
        async def read(tx: Tx) -> str | None:
            return await self._stores.identity.default_workspace(tx)

        try:
            workspace = await self._stores.db.read((HOUSE,), read)
        except DatabaseUnavailable as error:
            raise Unavailable from error
        return self._stores.identity.house(workspace or "")


def _tell_update(pack: str, known: StoredTool, tool: StoredTool) -> None:
    """A line for the operator, who may not know what the pack's author changed."""
    line = f"pack {pack}: {tool.name} {known.version} → {tool.version}"
    breaking = [fault.path for fault in compare(known.document(), tool.document()).breaking]
    if breaking:
        _log.warning(line, breaks=breaking)
    else:
        _log.info(line)


def _is_current(known: StoredTool, config: dict[str, Any]) -> bool:
    """Whether the pack says what is stored already, in a version that is no higher."""
    unchanged = compare(known.document(), config).bump is Bump.NONE
    return unchanged and bump_between(known.version, config["version"]) is None


def _version_after(known: StoredTool, config: dict[str, Any]) -> str:
    """The pack's version where it is higher, else the least that the change needs: code is published by deploying it."""
    if bump_between(known.version, config["version"]) is not None:
        return str(config["version"])
    return next_version(known.version, compare(known.document(), config).bump)


def _refuse_another(known: StoredTool, config: dict[str, Any]) -> None:
    if _is_current(known, config):
        raise _Unchanged
    if not comes_from_a_pack(known.document()):
        raise Conflict(
            f"There is a global tool {known.name} already that comes from no pack; rename one of them.",
            reason="name_taken",
            name=known.name,
        )

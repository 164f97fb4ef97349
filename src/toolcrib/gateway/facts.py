"""What a process knows of a workspace as of one generation. Facts are cached, decisions never.

A snapshot may be old; nothing recorded on it is: the ledger refuses an intent or a change of an older generation, and
whoever was refused reloads and decides again.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from toolcrib.contracts.errors import NotFound, Unavailable
from toolcrib.contracts.names import GLOBAL, is_tool_name, slug, wire_name
from toolcrib.contracts.secret import Secret, SecretProvider
from toolcrib.identity.service import Identity, Roster
from toolcrib.kit.db import Database, DatabaseUnavailable, Tx
from toolcrib.kit.http import Beyond, Reach
from toolcrib.ledger.service import Ledger
from toolcrib.policy.limits import Limits, WorkspaceLimits
from toolcrib.policy.service import ToolFacts
from toolcrib.policy.stakes import ApprovalRules, WorkspaceRules
from toolcrib.registry.service import Catalog, Registry, StoredTool
from toolcrib.vault.roots import RootKeys
from toolcrib.vault.service import Secrets, Vault

T = TypeVar("T")
_MOST_WORKSPACES = 1_000
Narrow = Callable[[str, Reach | None], None]


@dataclass(frozen=True, slots=True)
class Facts:
    """One workspace and the global scope, each as of its generation."""

    workspace_id: str
    generation: int
    global_generation: int
    roster: Roster
    catalog: Catalog = field(default_factory=Catalog)
    shared: Catalog = field(default_factory=Catalog)
    secrets: Secrets = field(default_factory=dict)
    beside: Mapping[str, Secret] = field(default_factory=dict)
    limits: WorkspaceLimits = field(default_factory=WorkspaceLimits)
    reach: Reach | None = None
    rules: WorkspaceRules = field(default_factory=WorkspaceRules)
    _told: dict[str, ToolFacts] = field(default_factory=dict, init=False, repr=False, compare=False)

    def find(self, name_or_id: str) -> StoredTool | None:
        """By id, which no name can hide; then by name, the workspace's own tool before a global one. A text that is no
        name is found by what it is a title of.
        """
        found = (
            self.shared.by_id.get(name_or_id) or self.catalog.find(name_or_id) or self.shared.find(name_or_id)
        )
        if found is None and not is_tool_name(name_or_id):
            name = slug(name_or_id)
            found = self.catalog.by_name.get(name) or self.shared.by_name.get(name)
        return found

    def meant_by(self, tool: StoredTool, name: str) -> StoredTool | None:
        """The tool that another one's contract names: a global one means global tools, whatever a workspace calls its own."""
        return self.shared.find(name) if tool.workspace_id == GLOBAL else self.find(name)

    def seen_by_models(self) -> Iterator[StoredTool]:
        """By name, all that a name and the name made of it for models lead to: no other tool stands before them."""
        for name in sorted({*self.catalog.by_name, *self.shared.by_name}):
            tool = self.find(name)
            if tool is not None and tool.name == name and self.find(wire_name(name)) is tool:
                yield tool

    def about(self, tool: StoredTool) -> ToolFacts:
        """What policy is told of a tool of these facts, worked out once: lists ask of each."""
        told = self._told.get(tool.id)
        if told is None:
            told = self._told[tool.id] = self._about(tool)
        return told

    def _about(self, tool: StoredTool) -> ToolFacts:
        return ToolFacts(
            tool.name,
            tool.workspace_id,
            tool.workspace_id == GLOBAL,
            self.catalog.enabled.get(tool.id, self.shared.enabled.get(tool.id, True)),
            tool.sunset_at,
            tool.effects,
            tuple(tool.requires.get("roles", ())),
            tuple(tool.requires.get("grants", ())),
            self.beyond(tool),
            _subjects(tool.requires.get("subject")),
        )

    def beyond(self, tool: StoredTool) -> Beyond | None:
        """Why the workspace lets no request to the tool's own address leave. The contract is read only where it says anything
        of hosts.
        """
        if self.reach is None:
            return None
        base_url = str((tool.document().get("api") or {}).get("base_url", ""))
        return self.reach.beyond_url("/".join(base_url.split("/", 3)[:3]))


def _subjects(required: Any) -> tuple[str, ...]:
    """The types of subjects in a stored contract, which has one, a list of them or none."""
    if required is None:
        return ()
    return tuple(one["type"] for one in (required if isinstance(required, list) else [required]))


def reach_of(roster: Roster) -> Reach | None:
    """How far the requests of a workspace go, by what it says of itself."""
    suspended = (name for kind, name in roster.suspended if kind == "host")
    return Reach.of(roster.workspace.hosts, suspended)


def as_far_as_policy(workspace: str, reach: Reach | None) -> None:
    """Where no client is told: a house whose providers send nothing."""


@dataclass(frozen=True, slots=True)
class Stores:
    """The rooms whose rows make up a snapshot."""

    db: Database
    ledger: Ledger
    identity: Identity
    registry: Registry
    limits: Limits
    approval_rules: ApprovalRules
    vault: Vault
    roots: RootKeys
    beside: SecretProvider | None = None


class Snapshots:
    """The facts of the workspaces in use, least recently used out first. What sends for them is told how far they reach."""

    def __init__(self, stores: Stores, narrow: Narrow = as_far_as_policy) -> None:
        self._stores = stores
        self._narrow = narrow
        self._known: OrderedDict[str, Facts] = OrderedDict()
        self._loading: dict[str, asyncio.Task[Facts | None]] = {}

    async def of(self, workspace: str) -> Facts | None:
        """What is known, loaded when nothing is; None where there is no such workspace."""
        facts = self._known.get(workspace)
        if facts is not None:
            self._known.move_to_end(workspace)
            return facts
        return await self.reload(workspace)

    async def reload(self, workspace: str) -> Facts | None:
        """What is committed now: reads only rows changed since the known generation, once however many ask."""
        task = self._loading.get(workspace)
        if task is not None:
            await asyncio.wait([task])  # it may have begun before the change that the caller must see
        task = self._loading.get(workspace)
        if task is None:
            task = self._loading[workspace] = asyncio.create_task(self._load(workspace))
            task.add_done_callback(lambda _: self._loading.pop(workspace, None))
        return await asyncio.shield(task)

    def at_hand(self, workspace: str) -> Facts | None:
        """What this process knows of a workspace without asking."""
        return self._known.get(workspace)

    async def refresh(self) -> None:
        """Reload the workspaces that changed elsewhere; one query finds them."""

        async def read(tx: Tx) -> dict[str, int]:
            return await self._stores.ledger.generations_of(tx, [*known, GLOBAL])

        known = list(self._known)
        if not known:
            return
        found = await self._stores.db.read((*known, GLOBAL), read)
        for workspace in known:
            facts = self._known.get(workspace)
            if facts and (found.get(workspace), found.get(GLOBAL)) != (
                facts.generation,
                facts.global_generation,
            ):
                await self.reload(workspace)

    async def _load(self, workspace: str) -> Facts | None:
        known = self._known.get(workspace) or Facts(workspace, -1, -1, Roster.of(workspace))

        async def read(tx: Tx) -> Facts | None:
            return await self._read(tx, known)

        try:
            facts = await self._stores.db.read((workspace, GLOBAL), read)
        except DatabaseUnavailable as error:
            raise Unavailable from error
        if facts is None:
            return None
        self._known[workspace] = facts
        self._narrow(workspace, facts.reach)
        while len(self._known) > _MOST_WORKSPACES:
            self._known.popitem(last=False)
        return facts

    async def _read(self, tx: Tx, known: Facts) -> Facts | None:
        workspace, stores = known.workspace_id, self._stores
        generation, shared_generation = await stores.ledger.generations(tx, workspace)
        if generation < 0 or workspace == GLOBAL:
            return None
        roster, catalog, shared = known.roster, known.catalog, known.shared
        secrets, beside, limits, reach = known.secrets, known.beside, known.limits, known.reach
        rules = known.rules
        if generation != known.generation:
            roster = await stores.identity.load(tx, workspace, roster, known.generation)
            reach = reach_of(roster)
            catalog = await stores.registry.load(tx, workspace, catalog, known.generation)
            secrets = await stores.vault.load(tx, workspace, secrets, known.generation)
            limits = await stores.limits.load(tx, workspace, limits, known.generation)
            rules = await stores.approval_rules.load(tx, workspace, rules, known.generation)
            beside = stores.beside.of(workspace, roster.workspace.name) if stores.beside else beside
        if shared_generation != known.global_generation:
            shared = await stores.registry.load(tx, GLOBAL, shared, known.global_generation)
        return Facts(
            workspace, generation, shared_generation, roster, catalog, shared, secrets, beside, limits, reach,
            rules,
        )  # fmt: skip


async def reached(reading: Awaitable[T]) -> T:
    """What a store answers. Raises `Unavailable` where its database does not."""
    try:
        return await reading
    except DatabaseUnavailable as error:
        raise Unavailable from error


def no_workspace() -> NotFound:
    """The answer for a workspace that is not there, and for one that is none of the asker's."""
    return NotFound("There is no such workspace.")

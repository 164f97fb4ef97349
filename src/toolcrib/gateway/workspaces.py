"""Workspaces at the counter: the operator makes and suspends them, their owners say what they are."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from toolcrib.contracts.errors import Conflict, Forbidden, Unavailable
from toolcrib.contracts.execution import EventType
from toolcrib.contracts.names import GLOBAL
from toolcrib.contracts.principal import ActorType, NewKey, Permission, Principal, Role
from toolcrib.identity.service import DEFAULT_WORKSPACE, Workspace
from toolcrib.kit.db import HOUSE, DatabaseUnavailable, Tx
from toolcrib.ledger.service import ChangeFact
from toolcrib.policy.service import permissions

from .change import Change, Changes
from .facts import Facts, Stores, no_workspace
from .who import Credentials

T = TypeVar("T")
_RESERVED = frozenset({DEFAULT_WORKSPACE, GLOBAL, HOUSE})


class Workspaces:
    """What can be done with workspaces as a whole."""

    def __init__(self, stores: Stores, changes: Changes, credentials: Credentials) -> None:
        self._stores = stores
        self._identity = stores.identity
        self._changes = changes
        self._credentials = credentials

    async def mine(self, principal: Principal) -> Facts:
        """The facts of the principal's workspace. Raises `Unauthorized`, `Forbidden`."""
        return await self._changes.permitted(principal, Permission.WORKSPACE_READ)

    async def whoami(self, principal: Principal) -> tuple[Facts, Principal, frozenset[Permission]]:
        """The principal by what is known now, with its workspace and its permissions."""
        facts = await self.mine(principal)
        who = self._identity.again(facts.roster, principal)
        return facts, who, permissions(who)

    def is_shared(self, workspace: Workspace) -> bool:
        """Whether the operator may look into a workspace now."""
        return self._identity.is_shared(workspace)

    def own(self, principal: Principal, workspace: str) -> None:
        """Raises `NotFound` for a workspace that is not the principal's."""
        if workspace != principal.workspace_id:
            raise no_workspace()

    async def list(self, principal: Principal, limit: int, after: str | None) -> Sequence[Workspace]:
        """Those that the principal may name, by id; the operator sees all."""
        facts = await self.mine(principal)
        who = self._identity.again(facts.roster, principal)
        homes = None if who.operator else await self._credentials.homes(who)

        async def read(tx: Tx) -> Sequence[Workspace]:
            if homes is None:
                return await self._identity.workspaces(tx, after or "", limit)
            wanted = [one for one in homes if after is None or one > after][:limit]
            found = [await self._identity.find_workspace(tx, one) for one in wanted]
            return [one for one in found if one is not None]

        return await self._read(read)

    async def show(self, principal: Principal, workspace: str) -> Workspace:
        """One workspace by id. Raises `NotFound` for one that is not the principal's, except to the operator."""
        facts = await self.mine(principal)
        if workspace == principal.workspace_id:
            return facts.roster.workspace
        if not self._identity.again(facts.roster, principal).operator:
            raise no_workspace()

        async def read(tx: Tx) -> Workspace | None:
            return await self._identity.find_workspace(tx, workspace)

        found = await self._read(read)
        if found is None or found.id != workspace:
            raise no_workspace()
        return found

    async def create(self, principal: Principal, name: str) -> tuple[str, str]:
        """A new workspace, by the operator alone: its id, and the text of its owner's key."""
        if name in _RESERVED:
            raise Conflict(f"The name {name} is taken; choose another.", reason="name_taken", name=name)

        workspace = self._identity.new_workspace()

        async def make(change: Change) -> tuple[str, str]:
            tx, ledger = change.tx, self._stores.ledger
            await self._identity.create_workspace(tx, workspace, name)
            await ledger.open_workspace(tx, workspace)
            seq, generation = await ledger.raise_generation(tx, workspace)
            wanted = NewKey("owner", ActorType.USER, Role.OWNER)
            key_id, text = await self._identity.add_key(tx, workspace, wanted, principal.actor_id, generation)
            house = self._identity.house(workspace)
            await ledger.tell(tx, house, ChangeFact(workspace, seq, EventType.KEY_CREATED, key_id))
            await change.tell(EventType.WORKSPACE_CREATED, workspace, {"name": name})
            return workspace, text

        return await self._changes.change(principal, Permission.HOUSE_WRITE, make, also=(HOUSE, workspace))

    async def update(
        self, principal: Principal, workspace: str, *, name: str | None = None, read_only: bool | None = None,
        share_with_admin: bool | None = None,
    ) -> Workspace:  # fmt: skip
        """What an owner says of the workspace; the operator may open and close others for writing. Names are one list for
        all workspaces, so the operator alone changes them: whoever may, learns which are taken.
        """
        known = await self.show(principal, workspace)
        own = workspace == principal.workspace_id
        if not own and share_with_admin is not None:
            raise Forbidden("Only an owner of a workspace shares it with the operator.")
        if name not in (None, known.name):
            await self._changes.permitted(principal, Permission.HOUSE_WRITE)
        if name is not None and name != known.name and (known.name == DEFAULT_WORKSPACE or name in _RESERVED):
            raise Conflict(f"{known.name} cannot be renamed to {name}.", reason="name_taken", name=name)
        given = {"name": name, "read_only": read_only, "share_with_admin": share_with_admin}
        told = {key: value for key, value in given.items() if value is not None}
        shared = None if share_with_admin is None else self._identity.shared(wanted=share_with_admin)
        parts: dict[str, Any] = {"name": name, "read_only": read_only, "shared_until": shared}

        async def write(change: Change) -> Workspace:
            now = await self._identity.workspace(change.tx, change.scope)
            wanted = replace(now, **{part: value for part, value in parts.items() if value is not None})
            await self._identity.set_workspace(change.tx, wanted)
            await change.tell(EventType.WORKSPACE_CHANGED, workspace, told)
            return wanted

        permission = Permission.WORKSPACE_WRITE if own else Permission.HOUSE_WRITE
        return await self._changes.change(principal, permission, write, scope=workspace, also=(HOUSE,))

    async def suspend(self, principal: Principal, workspace: str, *, suspended: bool) -> Workspace:
        """Shut every credential of a workspace out, or let them in again; by the operator alone."""
        known = await self.show(principal, workspace)
        await self._changes.permitted(principal, Permission.HOUSE_WRITE)
        if known.name == DEFAULT_WORKSPACE:
            raise Conflict("The operator's own workspace cannot be suspended.", reason="own_workspace")

        async def write(change: Change) -> Workspace:
            now = await self._identity.workspace(change.tx, change.scope)
            wanted = replace(now, suspended=suspended)
            await self._identity.set_workspace(change.tx, wanted)
            kind = EventType.WORKSPACE_SUSPENDED if suspended else EventType.WORKSPACE_RESUMED
            await change.tell(kind, workspace)
            return wanted

        return await self._changes.change(principal, Permission.HOUSE_WRITE, write, scope=workspace)

    async def _read(self, read: Callable[[Tx], Awaitable[T]]) -> T:
        try:
            return await self._stores.db.read((HOUSE,), read)
        except DatabaseUnavailable as error:
            raise Unavailable from error

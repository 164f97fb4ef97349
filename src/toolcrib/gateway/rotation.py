"""Rotation of keys while calls run. A new key seals at once; what lies under an older one is sealed or wrapped anew beside
the calls, in small transactions, each of which leaves every value openable.
"""

import asyncio
from dataclasses import dataclass

from toolcrib.contracts.errors import Forbidden, Unavailable
from toolcrib.contracts.execution import EventType
from toolcrib.contracts.names import GLOBAL
from toolcrib.contracts.principal import Permission, Principal, Role
from toolcrib.identity.service import DIGESTS
from toolcrib.kit.clock import Clock
from toolcrib.kit.db import HOUSE, DatabaseError, DatabaseUnavailable, Tx
from toolcrib.kit.logging import logger
from toolcrib.vault.service import Left

from .change import Change, Changes
from .facts import Stores

_EVERY_SECONDS = 600.0
_log = logger("vault")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the keys are: the version of the workspace's key, and how many of its secrets are not sealed under it.
    `root` counts the rows of all workspaces that need the previous root key; for the operator alone.
    """

    key_version: int
    left: int
    root: int | None


class Rotation:
    """Turns the keys over."""

    def __init__(self, stores: Stores, changes: Changes, clock: Clock) -> None:
        self._stores = stores
        self._changes = changes
        self._clock = clock
        self._due = float("-inf")
        self._beside: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Refuse to go on where rows need a root key that is not at hand, then make digests independent of
        it. Raises `WrongRootKey`.
        """
        roots = self._stores.roots

        async def keep_digests(tx: Tx) -> None:
            for purpose in DIGESTS:
                await roots.keep_digests(tx, purpose)

        await self._stores.db.read(await self._all(), roots.check_reach)
        await self._stores.db.change((GLOBAL, HOUSE), keep_digests)

    async def rotate(self, principal: Principal) -> Progress:
        """A new key for the principal's workspace. Calls go on; its secrets are sealed anew meanwhile. For owners."""

        async def turn(change: Change) -> None:
            if change.principal.role is not Role.OWNER:
                raise Forbidden("Only an owner rotates the workspace's key.")
            version = await self._stores.vault.rotate(change.tx, change.scope)
            await change.tell(EventType.SECRETS_ROTATED, "secrets", {"key_version": version})

        await self._changes.change(principal, Permission.SECRETS_WRITE, turn)
        task = asyncio.create_task(self._tend_later(principal.workspace_id))
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)
        return await self.progress(principal)

    async def progress(self, principal: Principal) -> Progress:
        """How far the keys of the principal's workspace are; for the operator, of all."""
        facts = await self._changes.permitted(principal, Permission.SECRETS_READ)
        stores, workspace = self._stores, principal.workspace_id
        operator = stores.identity.again(facts.roster, principal).operator

        async def read(tx: Tx) -> Progress:
            version = await stores.vault.key_version(tx, workspace)
            left = (await stores.vault.left(tx)).get(workspace, Left()).secrets
            return Progress(version, left, await stores.roots.left(tx) if operator else None)

        try:
            return await stores.db.read(await self._all() if operator else (workspace,), read)
        except DatabaseUnavailable as error:
            raise Unavailable from error

    async def keep(self) -> None:
        """Go on with what a process left undone, now and then. Runs with the books."""
        if self._clock.monotonic() < self._due:
            return
        for workspace in sorted(await self._stores.db.read(await self._all(), self._stores.vault.left)):
            await self.tend(workspace)
        self._due = self._clock.monotonic() + _EVERY_SECONDS

    async def tend(self, workspace: str) -> None:
        """Wrap and seal a workspace's own anew, and destroy the keys that nothing needs any more."""
        vault, db, after = self._stores.vault, self._stores.db, ""

        async def rewrap(tx: Tx) -> None:
            await vault.rewrap(tx, workspace)

        async def reseal(tx: Tx) -> str | None:
            return await vault.reseal(tx, workspace, after)

        async def retire(tx: Tx) -> None:
            await vault.retire(tx, workspace)

        await db.change((workspace,), rewrap)
        if workspace == GLOBAL:
            return
        following: str | None = ""
        while following is not None:
            after = following
            following = await db.change((workspace,), reseal)
        await db.change((workspace,), retire)

    async def settle(self) -> None:
        """Wait for what was begun."""
        await asyncio.gather(*self._beside)

    async def _all(self) -> tuple[str, ...]:
        """What a look at the keys of all workspaces names."""
        return (HOUSE, *await self._stores.ledger.workspaces())

    async def _tend_later(self, workspace: str) -> None:
        try:
            await self.tend(workspace)
        except DatabaseError as error:
            self._due = float("-inf")
            _log.warning("keys are turned over later", error=type(error).__name__)

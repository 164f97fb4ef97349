"""When keys were used last: noted in memory, written about once a minute, and decided by nothing.

A process that dies loses what it noted since; the times shown are then a minute older than the truth.
"""

from collections import defaultdict

from toolcrib.contracts.principal import Principal
from toolcrib.kit.clock import Clock
from toolcrib.kit.db import Tx

from .facts import Stores

_EVERY_US = 60_000_000


class Uses:
    """One per process."""

    def __init__(self, stores: Stores, clock: Clock) -> None:
        self._stores = stores
        self._clock = clock
        self._noted: dict[tuple[str, str], int] = {}
        self._written_at = 0

    def note(self, holder: Principal) -> None:
        """A key was used now."""
        self._noted[holder.workspace_id, holder.key_id] = self._clock.now()

    async def keep(self, *, now: bool = False) -> None:
        """Write what was noted, if it is time or has to be `now`."""
        if not self._noted or (not now and self._clock.now() < self._written_at + _EVERY_US):
            return
        noted, self._noted = self._noted, {}
        self._written_at = self._clock.now()
        of: dict[str, list[tuple[str, int]]] = defaultdict(list)
        for (workspace, key), at in noted.items():
            of[workspace].append((key, at))
        for workspace, used in of.items():
            await self._write(workspace, used)

    async def _write(self, workspace: str, used: list[tuple[str, int]]) -> None:
        async def write(tx: Tx) -> None:
            await self._stores.identity.note_uses(tx, workspace, used)

        await self._stores.db.change((workspace,), write)

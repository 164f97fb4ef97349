"""When keys were used last: noted in memory, written about once a minute, and decided by nothing.

A process that dies loses what it noted since; the times shown are then a minute older than the truth.
"""

import asyncio
from collections import defaultdict

from toolcrib.contracts.principal import Principal
from toolcrib.kit.clock import Clock
from toolcrib.kit.db import DatabaseError, Tx
from toolcrib.kit.logging import logger

from .facts import Stores

_EVERY_SECONDS = 60.0
_log = logger("gateway")


class Uses:
    """One per process."""

    def __init__(self, stores: Stores, clock: Clock) -> None:
        self._stores = stores
        self._clock = clock
        self._noted: dict[tuple[str, str], int] = {}

    def note(self, holder: Principal) -> None:
        """A key was used now."""
        self._noted[holder.workspace_id, holder.key_id] = self._clock.now()

    async def keep(self, seconds: float = _EVERY_SECONDS) -> None:
        """Write what was noted, over and over; nothing else waits for it."""
        while True:
            await asyncio.sleep(seconds)
            await self.write()

    async def write(self) -> None:
        """Write what was noted; what cannot be written now is written the next time."""
        noted, self._noted = self._noted, {}
        used: dict[str, list[tuple[str, int]]] = defaultdict(list)
        for (workspace, key), at in noted.items():
            used[workspace].append((key, at))
        try:
            for workspace in list(used):
                await self._write(workspace, used[workspace])
                del used[workspace]
        except DatabaseError as error:
            _log.warning("when keys were used is not written yet", error=type(error).__name__)
            late = {(workspace, key): at for workspace, keys in used.items() for key, at in keys}
            self._noted = late | self._noted

    async def _write(self, workspace: str, used: list[tuple[str, int]]) -> None:
        async def write(tx: Tx) -> None:
            await self._stores.identity.note_uses(tx, workspace, used)

        await self._stores.db.change((workspace,), write)

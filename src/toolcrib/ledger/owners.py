"""Which process a running call belongs to, and what becomes of the calls of one that died.

An incarnation renews its row every 2 s by database time and is dead after 15 s. Its running calls then become
`interrupted`; an outcome that comes later is an event, never an overwrite. Who dies between two lines here is itself
found dead by the next process, or by its own next start.
"""

import os
import socket
from collections.abc import Sequence

from toolcrib.kit.clock import Clock
from toolcrib.kit.db import HOUSE, Database, Row, Tx
from toolcrib.kit.ids import new_id

from .queries import writing

RENEW_SECONDS = 2.0
DEAD_SECONDS = 15.0
LOST_SECONDS = 10.0


class Owner:
    """This process as the owner of its running calls."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self.id = new_id("prc")
        self._renewed = float("-inf")
        self._trusting_since = float("inf")

    @property
    def holds(self) -> bool:
        """Whether others still take this process for alive: it may start calls, and its outcomes count."""
        return self._clock.monotonic() - self._renewed < LOST_SECONDS

    async def start(self) -> None:
        """Enter this incarnation. On SQLite the lock file proves that all others are dead."""

        async def enter(tx: Tx) -> None:
            await writing.enter_process(tx, self.id, socket.gethostname(), os.getpid())
            if tx.dialect == "sqlite":
                await writing.bury_others(tx, self.id)

        await self._db.change((HOUSE,), enter)
        self._renewed = self._trusting_since = self._clock.monotonic()

    async def renew(self) -> None:
        """Say that this process lives; if others gave it up meanwhile, go on as a new incarnation."""

        async def renewed(tx: Tx) -> bool:
            return await writing.renew_process(tx, self.id)

        began = self._clock.monotonic()
        if not await self._db.change((HOUSE,), renewed):
            self.id = new_id("prc")
            await self.start()
        if began - self._renewed > LOST_SECONDS:
            self._trusting_since = began
        self._renewed = began

    async def orphans(self) -> Sequence[Row]:
        """Running calls of the dead. Nobody is declared dead within one period after this process got its database back."""
        waited = self._clock.monotonic() - self._trusting_since

        async def bury(tx: Tx) -> Sequence[Row]:
            if waited > DEAD_SECONDS:
                await writing.bury_late(tx, self.id, int(DEAD_SECONDS * 1_000_000))
            return await writing.orphans(tx)

        found: Sequence[Row] = await self._db.change((HOUSE,), bury)
        return found

    async def leave(self) -> None:
        """This incarnation ends; what still runs under its name is an orphan now."""

        async def bury(tx: Tx) -> None:
            await writing.bury_process(tx, self.id)

        await self._db.change((HOUSE,), bury)

"""Old payloads go, records stay: bodies of executions past the operator's days, idempotency keys past their life, and
counts of refusals past theirs.

Ids sort by time, so what is old is found by the primary key. Who dies in the midst of it has deleted some; the next
round deletes the rest.
"""

from collections.abc import Sequence

from toolcrib.kit.clock import Clock
from toolcrib.kit.db import Database, Tx

from . import repeats
from .queries import writing

_STRANGERS = ""
"""Whose refusals are counted under no workspace."""
_REFUSALS_LIFE_DAYS = 90
_MINUTE_US = 60 * 1_000_000
_DAY_US = 24 * 3600 * 1_000_000
_EVERY_SECONDS = 600.0
_AT_ONCE = 500
_MOST_TRANSACTIONS = 8  # in one round: whoever keeps the books also renews this process's claim


class Retention:
    """Deletes in small transactions, so that calls pass between them. `days` None keeps payloads for ever."""

    def __init__(self, db: Database, clock: Clock, days: int | None) -> None:
        self._db = db
        self._clock = clock
        self._due = float("-inf")
        self._days = days

    async def keep(self) -> None:
        """Do a round when one is due; what it leaves is due at once."""
        if self._clock.monotonic() < self._due:
            return
        left = _MOST_TRANSACTIONS
        for workspace in await self._workspaces():
            await self._forget(workspace)
            while self._days is not None and left and await self._drop_bodies(workspace, self._days):
                left -= 1
        await self._forget(_STRANGERS)
        self._due = self._clock.monotonic() + (_EVERY_SECONDS if left else 0)

    async def _workspaces(self) -> Sequence[str]:
        async def read(tx: Tx) -> Sequence[str]:
            return await writing.workspaces(tx)

        return await self._db.read((), read)

    async def _forget(self, workspace: str) -> None:
        now = self._clock.now()

        async def forget(tx: Tx) -> None:
            await repeats.forget(tx, workspace, now - repeats.LIFE_US)
            await writing.drop_refusals(tx, workspace, (now - _REFUSALS_LIFE_DAYS * _DAY_US) // _MINUTE_US)

        await self._db.change((workspace,), forget)

    async def _drop_bodies(self, workspace: str, days: int) -> int:
        first_kept = f"exe_{(self._clock.now() - days * _DAY_US) // 1000:012x}"

        async def drop(tx: Tx) -> int:
            return await writing.drop_bodies(tx, workspace, first_kept, _AT_ONCE)

        return await self._db.change((workspace,), drop)

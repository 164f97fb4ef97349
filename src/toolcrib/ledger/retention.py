"""Old payloads go, records stay: bodies of executions past the operator's days, idempotency keys past their life, and
counts of refusals past theirs.

Ids sort by time, so what is old is found by the primary key. Who dies in the midst of it has deleted some; the next
round deletes the rest.
"""

from collections.abc import Sequence

from toolcrib.kit.clock import Clock
from toolcrib.kit.db import HOUSE, Database, Tx
from toolcrib.kit.ids import first_id

from . import repeats
from .queries import writing

_STRANGERS = ""
"""Whose refusals are counted under no workspace."""
_REFUSALS_LIFE_DAYS = 90
_MINUTE_US = 60 * 1_000_000
_DAY_US = 24 * 3600 * 1_000_000
_EVERY_SECONDS = 600.0
_AT_ONCE = 500
_MOST_TRANSACTIONS = 8  # at a time: whoever keeps the books also renews this process's claim


class Retention:
    """Deletes in small transactions, so that calls pass between them. `days` None keeps payloads for ever."""

    def __init__(self, db: Database, clock: Clock, days: int | None) -> None:
        self._db = db
        self._clock = clock
        self._due = float("-inf")
        self._days = days
        self._left: list[str] = []

    async def keep(self) -> None:
        """A part of a round; a new one begins when the last is done and the next is due."""
        if not self._left:
            if self._clock.monotonic() < self._due:
                return
            self._left = [_STRANGERS, *await self._workspaces()]
            self._due = self._clock.monotonic() + _EVERY_SECONDS
        for _ in range(_MOST_TRANSACTIONS):
            if self._left and await self._clean(self._left[-1]):
                self._left.pop()

    async def _workspaces(self) -> Sequence[str]:
        async def read(tx: Tx) -> Sequence[str]:
            return await writing.workspaces(tx)

        return await self._db.read((HOUSE,), read)

    async def _clean(self, workspace: str) -> bool:
        """Delete some of what is too old; whether that was all."""
        now = self._clock.now()

        async def clean(tx: Tx) -> bool:
            keys = await repeats.forget(tx, workspace, now - repeats.LIFE_US, _AT_ONCE)
            await writing.drop_refusals(tx, workspace, (now - _REFUSALS_LIFE_DAYS * _DAY_US) // _MINUTE_US)
            bodies = 0
            if self._days is not None:
                first_kept = first_id("exe", now - self._days * _DAY_US)
                bodies = await writing.drop_bodies(tx, workspace, first_kept, _AT_ONCE)
            return keys < _AT_ONCE and bodies == 0

        done: bool = await self._db.change((workspace,), clean)
        return done

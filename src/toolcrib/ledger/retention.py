"""Old payloads go, records stay: bodies of executions past the operator's days, idempotency keys past their life, and
counts of refusals past theirs.

Ids sort by time, so what is old is found by an index; up to where a workspace has no bodies any more is remembered for a
day, so that a round begins there. Who dies in the midst of it has deleted some; the next round deletes the rest.
"""

from collections.abc import Sequence

from toolcrib.kit.clock import Clock
from toolcrib.kit.db import HOUSE, Database, Tx
from toolcrib.kit.ids import first_id

from . import repeats
from .queries import reading, writing
from .refusals import STRANGERS

_REFUSALS_LIFE_DAYS = 90
_MINUTE_US = 60 * 1_000_000
_DAY_US = 24 * 3600 * 1_000_000
_EVERY_SECONDS = 600.0
_ROUNDS_REMEMBERED = 144
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
        self._clean_before: dict[str, str] = {}
        self._rounds = 0

    async def keep(self) -> None:
        """A part of a round; a new one begins when the last is done and the next is due."""
        if not self._left:
            if self._clock.monotonic() < self._due:
                return
            self._left = [STRANGERS, *await self._workspaces()]
            self._due = self._clock.monotonic() + _EVERY_SECONDS
            self._rounds += 1
            if self._rounds % _ROUNDS_REMEMBERED == 0:
                self._clean_before.clear()
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
        old = await self._with_bodies(workspace, now)

        async def clean(tx: Tx) -> int:
            await writing.drop_refusals(tx, workspace, (now - _REFUSALS_LIFE_DAYS * _DAY_US) // _MINUTE_US)
            if old:
                await writing.drop_bodies(tx, workspace, old)
            return await repeats.forget(tx, workspace, now - repeats.LIFE_US, _AT_ONCE)

        keys: int = await self._db.change((workspace,), clean)
        return keys < _AT_ONCE and not old

    async def _with_bodies(self, workspace: str, now: int) -> Sequence[str]:
        """Looked for beside the writer, as it may take long the first time."""
        if self._days is None:
            return ()
        first_kept = first_id("exe", now - self._days * _DAY_US)
        after = self._clean_before.get(workspace, "")

        async def read(tx: Tx) -> Sequence[str]:
            return await reading.with_bodies(tx, workspace, after, first_kept, _AT_ONCE)

        old: Sequence[str] = await self._db.read((workspace,), read)
        self._clean_before[workspace] = old[0] if old else first_kept
        return old

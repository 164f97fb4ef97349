"""Keeps snapshots young where several processes share a database: changes are told early, and looked for every second.

A call never waits for news: the generation fence finds whatever a snapshot does not know yet.
"""

import asyncio

from toolcrib.contracts.errors import Unavailable
from toolcrib.contracts.names import GLOBAL
from toolcrib.kit.db import DatabaseError, Notices

from .facts import Snapshots

_GATHER_SECONDS = 0.1
_LOOK_SECONDS = 1.0
_ALL = "*"
_MOST_BYTES = 7_000  # PostgreSQL takes 8,000


class News:
    """What this process tells of its changes, and what it hears of others'."""

    def __init__(self, snapshots: Snapshots, notices: Notices | None) -> None:
        self._snapshots = snapshots
        self._notices = notices
        self._changed: set[str] = set()
        self._sending: asyncio.Task[None] | None = None
        self._look = asyncio.Event()

    def changed(self, scope: str) -> None:
        """A change of this scope was committed; told within a tenth of a second, together with others."""
        if self._notices is not None:
            self._changed.add(scope)
            if self._sending is None or self._sending.done():
                self._sending = asyncio.create_task(self._send(self._notices))

    async def follow(self) -> None:
        """Hear and look until cancelled."""
        hearing = [] if self._notices is None else [self._notices.listen(self._heard, self._look.set)]
        await asyncio.gather(self._look_around(), *hearing)

    async def _send(self, notices: Notices) -> None:
        await asyncio.sleep(_GATHER_SECONDS)
        names, self._changed = ",".join(sorted(self._changed)), set()
        await notices.send(names if len(names) < _MOST_BYTES else _ALL)

    def _heard(self, text: str) -> None:
        if text == _ALL or any(self._snapshots.at_hand(name) or name == GLOBAL for name in text.split(",")):
            self._look.set()

    async def _look_around(self) -> None:
        while True:
            try:
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self._look.wait()
            except TimeoutError:
                pass
            self._look.clear()
            try:
                await self._snapshots.refresh()
            except (Unavailable, DatabaseError):
                continue

"""Follows the ledger: one reader per workspace and process, whatever the number of listeners; each has a bounded queue.

A listener that is too slow is cut and comes back with the number of the last event that it saw. What other processes
write is looked for every second.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Sequence
from typing import Protocol

from toolcrib.contracts.execution import Event
from toolcrib.kit.db import DatabaseError

_LOOK_SECONDS = 1.0
_PAGE = 500
_MOST_WAITING = 1_000
# A workspace has its listeners woken no more than five hundred times a second, and a few at a time, with a pause after
# them: turns of the loop without a pause between would let a thread that commits starve, as it gets no hold of Python.
_PAUSE_OF_EACH = 0.002
_AT_ONCE = 4


class Source(Protocol):
    """Where events are read."""

    async def events_after(
        self, workspace: str, after: int, limit: int, execution_id: str | None = None
    ) -> Sequence[Event]:
        """The events that follow a number."""
        ...


class Listener:
    """One who follows a workspace; `cut` once it is too slow or the process ends."""

    def __init__(self, after: int) -> None:
        self._after = after
        self._waiting: list[Event] = []
        self._news = asyncio.Event()
        self.cut = False

    def give(self, events: Sequence[Event]) -> None:
        """Hand over what it has not seen."""
        if self.cut:
            return
        self._waiting += [event for event in events if event.seq > self._after]
        if self._waiting:
            self._after = self._waiting[-1].seq
            self._news.set()
        if len(self._waiting) > _MOST_WAITING:
            self._waiting.clear()
            self.end()

    def end(self) -> None:
        """No more comes."""
        self.cut = True
        self._news.set()

    async def take(self, seconds: float) -> Sequence[Event]:
        """What came; nothing when none came in that time."""
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            return ()
        self._news.clear()
        taken, self._waiting = self._waiting, []
        return taken


class _Feed:
    """The one reader of a workspace: from the newest number that any listener has."""

    def __init__(self, source: Source, workspace: str, after: int) -> None:
        self._source = source
        self._workspace = workspace
        self._after = after
        self.look = asyncio.Event()
        self.listeners: set[Listener] = set()
        self.task = asyncio.create_task(self._follow())

    def back_to(self, after: int) -> None:
        """Read again from there, for one who joins; the others know what they have seen."""
        self._after = min(self._after, after)
        self.look.set()

    async def _follow(self) -> None:
        while True:
            with contextlib.suppress(DatabaseError):  # the next look finds what this one missed
                await self._read()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self.look.wait()
            self.look.clear()

    async def _read(self) -> None:
        while True:
            start = self._after
            page = await self._source.events_after(self._workspace, start, _PAGE)
            if self._after != start:
                continue  # somebody joined meanwhile, further back
            if not page:
                return
            self._after = page[-1].seq
            listeners = tuple(self.listeners)
            for first in range(0, len(listeners), _AT_ONCE):
                few = listeners[first : first + _AT_ONCE]
                for listener in few:
                    listener.give(page)
                await asyncio.sleep(_PAUSE_OF_EACH * len(few))


class Tail:
    """The feeds of this process."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._feeds: dict[str, _Feed] = {}
        self._ended = False

    def wake(self, workspace: str) -> None:
        """Something was committed there."""
        feed = self._feeds.get(workspace)
        if feed is not None:
            feed.look.set()

    async def follow(
        self, workspace: str, after: int, heartbeat: float
    ) -> AsyncGenerator[Sequence[Event], None]:
        """Events after a number, page by page, for ever: empty pages are heartbeats. Ends when the listener is cut."""
        while page := await self._source.events_after(workspace, after, _PAGE):
            yield page
            after = page[-1].seq
        listener = self._join(workspace, after)
        try:
            while not listener.cut:
                yield await listener.take(heartbeat)
        finally:
            self._leave(workspace, listener)

    def end(self) -> None:
        """End all listeners: the process stops."""
        self._ended = True
        for feed in self._feeds.values():
            for listener in feed.listeners:
                listener.end()

    def _join(self, workspace: str, after: int) -> Listener:
        feed = self._feeds.get(workspace)
        if feed is None:
            feed = self._feeds[workspace] = _Feed(self._source, workspace, after)
        else:
            feed.back_to(after)
        listener = Listener(after)
        feed.listeners.add(listener)
        if self._ended:
            listener.end()
        return listener

    def _leave(self, workspace: str, listener: Listener) -> None:
        feed = self._feeds[workspace]
        feed.listeners.discard(listener)
        if not feed.listeners:
            feed.task.cancel()
            del self._feeds[workspace]

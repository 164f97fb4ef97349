"""Threads for functions that block: few, shared out by workspace, and taken until the function really ends.

They are daemons, because a function that never ends must not keep the server from ending.
"""

import asyncio
import contextlib
import contextvars
import queue
import threading
from collections import Counter
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
MOST = 32
MOST_OF_ONE = 8
PATIENCE = 2.0


class Slots:
    """Who may use a thread now. `most_of_one` is a workspace's share; a short queue stands before the rest."""

    def __init__(self, most: int = MOST, most_of_one: int = MOST_OF_ONE, patience: float = PATIENCE) -> None:
        self._most = most
        self._most_of_one = most_of_one
        self._patience = patience
        self._taken: Counter[str] = Counter()
        self._overdue: Counter[str] = Counter()
        self._waiting: list[tuple[str, asyncio.Future[None]]] = []

    async def take(self, workspace: str) -> bool:
        """Take one, perhaps after a moment; False where none comes free. Nothing waits for threads that are overdue."""
        if self._free(workspace):
            self._taken[workspace] += 1
            return True
        if self._hopeless(workspace):
            return False
        waiter = (workspace, asyncio.get_running_loop().create_future())
        self._waiting.append(waiter)
        try:
            await asyncio.wait([waiter[1]], timeout=self._patience)
        except asyncio.CancelledError:
            if waiter[1].done():
                self.give_back(workspace)
            raise
        finally:
            if waiter in self._waiting:
                self._waiting.remove(waiter)
        return waiter[1].done()

    def is_overdue(self, workspace: str) -> None:
        """The caller of this thread has gone; it stays taken."""
        self._overdue[workspace] += 1

    def give_back(self, workspace: str, *, overdue: bool = False) -> None:
        """The function has ended; whoever waited longest and may have the slot gets it."""
        self._taken[workspace] -= 1
        self._overdue[workspace] -= overdue
        for waiter in list(self._waiting):
            if self._free(waiter[0]):
                self._waiting.remove(waiter)
                self._taken[waiter[0]] += 1
                waiter[1].set_result(None)

    def _free(self, workspace: str) -> bool:
        return self._taken[workspace] < self._most_of_one and self._taken.total() < self._most

    def _hopeless(self, workspace: str) -> bool:
        return self._overdue[workspace] >= self._most_of_one or self._overdue.total() >= self._most


class Threads:
    """Runs functions in threads. All but the functions themselves happens in the event loop."""

    def __init__(self) -> None:
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._idle = 0
        self._closed = False

    def start(self, function: Callable[[], T], ended: Callable[[], None]) -> "asyncio.Future[T]":
        """The function's future result. `ended` is called in the loop when it ends, however late that is."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()
        context = contextvars.copy_context()

        def finish(result: T) -> None:
            self._idle += 1
            ended()
            if not answer.done():
                answer.set_result(result)

        def work() -> None:
            result = context.run(function)
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(finish, result)

        if self._idle:
            self._idle -= 1
        else:
            threading.Thread(target=self._live, name="toolcrib-tool", daemon=True).start()
        self._work.put(work)
        return answer

    def close(self) -> None:
        """End the threads that wait; one that runs ends with its function."""
        self._closed = True
        for _ in range(self._idle):
            self._work.put(None)

    def _live(self) -> None:
        while not self._closed and (work := self._work.get()) is not None:
            work()

"""Name look-ups, off the event loop and bounded, so that one workspace's slow names do not hold up another's."""

import asyncio
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from toolcrib.kit.http.errors import HttpFailed
from toolcrib.kit.http.wire import Resolve

THREADS: Final = 32
AT_ONCE: Final = 4
WAITING: Final = 128


class SystemLookup:
    """The system's resolver in threads of its own."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="lookup")

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        loop = asyncio.get_running_loop()
        answers = await loop.run_in_executor(
            self._threads, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        )
        return [str(sockaddr[0]) for *_, sockaddr in answers]

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


class SharedLookup:
    """One workspace's look-ups: a few at once, and one for all who wait for the same name.

    A look-up cannot be interrupted. It keeps its place until it ends, even when nobody waits for it any more.
    """

    def __init__(self, look_up: Resolve) -> None:
        self._look_up = look_up
        self._places = asyncio.Semaphore(AT_ONCE)
        self._flying: dict[tuple[str, int], asyncio.Task[Sequence[str]]] = {}

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        key = (host, port)
        flying = self._flying.get(key)
        if flying is None:
            if len(self._flying) >= WAITING:
                raise HttpFailed("resolve", sent=False)
            flying = self._flying[key] = asyncio.create_task(self._run(host, port))
            flying.add_done_callback(lambda task: self._landed(key, task))
        return await asyncio.shield(flying)

    async def _run(self, host: str, port: int) -> Sequence[str]:
        async with self._places:
            return await self._look_up(host, port)

    def _landed(self, key: tuple[str, int], task: asyncio.Task[Sequence[str]]) -> None:
        del self._flying[key]
        if not task.cancelled():
            task.exception()  # marks it as seen: perhaps nobody waits any more

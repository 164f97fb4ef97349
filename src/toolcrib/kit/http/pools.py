"""One pool of connections per workspace: bounded in number, given up when idle, never shared."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from aiohttp import ClientSession

MOST_POOLS: Final = 256
SWEEP_EVERY: Final = 60.0


@dataclass(slots=True)
class Pool:
    """A workspace's session, the calls that use it now, and whether any did since the last sweep."""

    session: ClientSession
    users: int = 0
    fresh: bool = True


class Pools:
    """Pools by name, the least recently used first."""

    def __init__(self, open_session: Callable[[], ClientSession], most: int = MOST_POOLS) -> None:
        self._open_session = open_session
        self._most = most
        self._pools: OrderedDict[str, Pool] = OrderedDict()
        self._closing: set[asyncio.Task[None]] = set()
        self._sweeper: asyncio.TimerHandle | None = None
        self._closed = False

    def take(self, name: str) -> Pool:
        """The pool of that name, marked as in use until it is given back."""
        pool = self._pools.get(name) or self._open(name)
        self._pools.move_to_end(name)
        pool.users += 1
        pool.fresh = True
        return pool

    def give_back(self, pool: Pool) -> None:
        pool.users -= 1

    def _open(self, name: str) -> Pool:
        if self._closed:
            raise RuntimeError("The HTTP client is closed.")
        if len(self._pools) >= self._most:
            self._drop_first_unused()
        if self._sweeper is None:
            self._sweeper = asyncio.get_running_loop().call_later(SWEEP_EVERY, self._sweep)
        pool = self._pools[name] = Pool(self._open_session())
        return pool

    def _drop_first_unused(self) -> None:
        """When all are in use the bound is exceeded: the calls themselves are bounded elsewhere."""
        name = next((name for name, pool in self._pools.items() if not pool.users), None)
        if name is not None:
            self._drop(name)

    def _sweep(self) -> None:
        for name, pool in list(self._pools.items()):
            if not (pool.users or pool.fresh):
                self._drop(name)
            pool.fresh = False
        loop = asyncio.get_running_loop()
        self._sweeper = loop.call_later(SWEEP_EVERY, self._sweep) if self._pools else None

    def _drop(self, name: str) -> None:
        task = asyncio.create_task(self._pools.pop(name).session.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        """Close every pool; calls under way fail."""
        self._closed = True
        if self._sweeper is not None:
            self._sweeper.cancel()
        for name in list(self._pools):
            self._drop(name)
        await asyncio.gather(*self._closing)

"""Who comes next where many wait: each workspace in turn, so that one that asks for much waits for itself."""

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

T = TypeVar("T")


def in_turn(queue: Sequence[T], most: int, whose: Callable[[T], str]) -> tuple[list[T], list[T]]:
    """At most so many of a queue, and what waits on, both in their order: of each the first, then of each the second."""
    if len(queue) <= most:
        return list(queue), []
    seen: Counter[str] = Counter()
    ranks = []
    for at, item in enumerate(queue):
        ranks.append((seen[whose(item)], at))
        seen[whose(item)] += 1
    chosen = {at for _, at in sorted(ranks)[:most]}
    return (
        [item for at, item in enumerate(queue) if at in chosen],
        [item for at, item in enumerate(queue) if at not in chosen],
    )


class Turns:
    """Some places that are used for a moment each."""

    def __init__(self, places: int) -> None:
        self._free = places
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    @asynccontextmanager
    async def one(self, who: str) -> AsyncIterator[None]:
        """Hold a place, after those who wait already have had theirs in turn."""
        await self._take(who)
        try:
            yield
        finally:
            self._leave()

    async def _take(self, who: str) -> None:
        if self._free:
            self._free -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(who, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # it came just then
                self._leave()
            raise

    def _leave(self) -> None:
        """The place goes to the next who still waits; who had one waits behind the others for another."""
        while self._waiting:
            who, turns = self._waiting.popitem(last=False)
            turn = turns.popleft()
            if turns:
                self._waiting[who] = turns
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1

"""What was made once and is kept for the next who asks, within a number and a weight; the least used goes first."""

from collections import OrderedDict
from threading import Lock
from typing import Generic, TypeVar

Thing = TypeVar("Thing")


class Kept(Generic[Thing]):
    """Things by key. Threads may share it; two that miss at once both make the thing, and the last one stays."""

    def __init__(self, most: int, most_weight: int) -> None:
        """Keep at most so many things that weigh at most so much together; the last one put stays, however heavy."""
        self._most = most
        self._most_weight = most_weight
        self._things: OrderedDict[str | bytes, tuple[Thing, int]] = OrderedDict()
        self._lock = Lock()
        self.weight = 0

    def __len__(self) -> int:
        """Count what is kept."""
        return len(self._things)

    def get(self, key: str | bytes) -> Thing | None:
        """Return the thing of a key, which is now the one used last."""
        with self._lock:
            found = self._things.get(key)
            if found is None:
                return None
            self._things.move_to_end(key)
            return found[0]

    def put(self, key: str | bytes, thing: Thing, weight: int) -> None:
        """Keep a thing, and let go of others until all that is left is within bounds."""
        with self._lock:
            _, before = self._things.pop(key, (None, 0))
            self._things[key] = thing, weight
            self.weight += weight - before
            while len(self._things) > 1 and (
                len(self._things) > self._most or self.weight > self._most_weight
            ):
                _, (_, gone) = self._things.popitem(last=False)
                self.weight -= gone

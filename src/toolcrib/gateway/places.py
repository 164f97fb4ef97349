"""The places of a process for work under way, shared out so that no workspace takes them all."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from toolcrib.contracts.errors import RateLimited

MOST: Final = 2_048
"""Calls and changes under way in a process: half of the writes that may wait, so that these never run out."""
MOST_STREAMS: Final = 256
"""Each listener of a busy workspace costs as much as a call, at every event."""
_CROWDED = "This workspace has too much under way here; let some of it end first."


class Places:
    """A workspace may hold as many as are free. So one alone has half of them, two a third each, and whoever comes next
    always finds some.
    """

    def __init__(self, most: int) -> None:
        self._free = most
        self._taken: Counter[str] = Counter()

    def check(self, workspace: str) -> None:
        """Raises `RateLimited` where the workspace has its share."""
        if self._taken[workspace] >= self._free:
            raise RateLimited(_CROWDED, limit="concurrency", kind="server", name="*", retry_after=1)

    def take(self, workspace: str) -> None:
        """Take one. Raises `RateLimited`."""
        self.check(workspace)
        self._taken[workspace] += 1
        self._free -= 1

    def leave(self, workspace: str) -> None:
        """Give it back."""
        self._free += 1
        self._taken[workspace] -= 1
        if not self._taken[workspace]:
            del self._taken[workspace]

    @contextmanager
    def one(self, workspace: str) -> Iterator[None]:
        """Hold one for a while. Raises `RateLimited`."""
        self.take(workspace)
        try:
            yield
        finally:
            self.leave(workspace)

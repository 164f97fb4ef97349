"""Counts what the database really does: statements on both, steps of its virtual machine on SQLite. No clock, so no noise."""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from tests.support.rig import Rig
from toolcrib.kit.db import Tx

_OURS = ("BEGIN", "COMMIT", "ROLLBACK", "SELECT set_config")


@dataclass
class Meter:
    """`cost` tells what one piece of work took, by the first words of each statement; `steps` are SQLite's."""

    rig: Rig
    seen: Counter[str] = field(default_factory=Counter)
    _last: str = ""
    _watched: set[int] = field(default_factory=set)

    async def cost(self, work: Callable[[], Awaitable[object]]) -> Counter[str]:
        self.rig.tap.watch = self._watch
        self.seen.clear()
        await work()
        self.rig.tap.watch = None
        return Counter(self.seen)

    def _watch(self, tx: Tx) -> None:
        connection: Any = tx
        while not hasattr(connection, "_connection"):
            connection = connection.inner
        connection = getattr(connection._connection, "_con", connection._connection)  # behind asyncpg's pool
        if id(connection) not in self._watched:
            self._watched.add(id(connection))
            if tx.dialect == "sqlite":
                connection.set_trace_callback(self._statement)
                connection.set_progress_handler(self._step, 1)
            else:
                connection.add_query_logger(lambda record: self._statement(record.query))

    def _statement(self, text: str) -> None:
        self._last = "" if text.startswith(_OURS) else " ".join(text.split()[:3])
        if self._last:
            self.seen[self._last] += 1

    def _step(self) -> int:
        if self._last:
            self.seen["steps of " + self._last] += 1
        return 0

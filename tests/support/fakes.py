"""Fakes that tests hand in: those of the public test kit, and an engine that can be listened to."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Table

from toolcrib.kit.db import DialectName, Engine, Into, Notices, Query, Row, Tx
from toolcrib.testing import START, FakeClock, FakeProvider

__all__ = ["START", "CountedTx", "FakeClock", "FakeNotices", "FakeProvider", "Tap", "refusing"]

Hook = Callable[[], Awaitable[None]]


@dataclass
class Tap:
    """A real engine that tests listen to. Each hook of `before`, `after` and `reading` is used once, in order: before a
    transaction, after its commit, before a read; one that raises refuses. `always` stands before every transaction,
    `watch` sees each open one. `most_writers` bounds how many transactions are under way at once.
    """

    inner: Engine
    shared: bool = False
    before: list[Hook] = field(default_factory=list)
    after: list[Hook] = field(default_factory=list)
    reading: list[Hook] = field(default_factory=list)
    always: Hook | None = None
    watch: Callable[[Tx], None] | None = None
    most_writers: int = 0
    transactions: int = 0
    reads: int = 0
    rows_read: int = 0
    notices: Notices | None = None

    @property
    def dialect(self) -> DialectName:
        return self.inner.dialect

    @property
    def readers(self) -> int:
        return self.inner.readers

    @property
    def writers(self) -> int:
        return self.most_writers or self.inner.writers

    async def transact(self, workspaces: Sequence[str], work: Any) -> Any:
        self.transactions += 1
        await _next(self.before)
        if self.always is not None:
            await self.always()
        answer = await self.inner.transact(workspaces, self._watched(work))
        await _next(self.after)
        return answer

    async def set_up(self, work: Any) -> None:
        await self.inner.set_up(work)

    async def gather(self) -> None:
        await self.inner.gather()

    async def read(self, workspaces: Sequence[str], work: Any) -> Any:
        self.reads += 1
        await _next(self.reading)
        return await self.inner.read(workspaces, self._watched(lambda tx: work(CountedTx(tx, self))))

    def _watched(self, work: Any) -> Any:
        if self.watch is None:
            return work

        def watched(tx: Tx) -> Any:
            if self.watch is not None:
                self.watch(tx)
            return work(tx)

        return watched

    async def close(self) -> None:
        if not self.shared:
            await self.inner.close()


@dataclass
class CountedTx:
    """Counts the rows that a read brings in."""

    inner: Tx
    tap: Tap

    @property
    def dialect(self) -> DialectName:
        return self.inner.dialect

    async def rows(self, query: Query, **values: Any) -> Sequence[Row]:
        found = await self.inner.rows(query, **values)
        self.tap.rows_read += len(found)
        return found

    async def run(self, query: Query, **values: Any) -> None:
        await self.inner.run(query, **values)

    async def insert_many(self, *into: Into) -> None:
        await self.inner.insert_many(*into)

    async def update_many(
        self, table: Table, keys: tuple[str, ...], sets: tuple[str, ...], rows: Sequence[tuple[Any, ...]]
    ) -> list[bool]:
        return await self.inner.update_many(table, keys, sets, rows)

    def translated(self, error: BaseException) -> BaseException:
        return self.inner.translated(error)


def refusing(error: Exception) -> Hook:
    async def refuse() -> None:
        raise error

    return refuse


async def _next(hooks: list[Hook]) -> None:
    if hooks:
        await hooks.pop(0)()


@dataclass
class FakeNotices:
    """One process's ear and mouth, joined to those of others through `room`."""

    room: list["FakeNotices"] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    heard: Callable[[str], None] | None = None
    connected: Callable[[], None] | None = None

    async def send(self, text: str) -> None:
        self.sent.append(text)

    async def listen(self, heard: Callable[[str], None], connected: Callable[[], None]) -> None:
        self.heard, self.connected = heard, connected
        connected()
        await asyncio.Event().wait()

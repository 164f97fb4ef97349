"""One way in: reads on a consistent view, writes through one queue whose batch is what came while the last commit ran.

Where the database takes two at once, and few share a commit, two batches of different workspaces may be under way.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from .query import DialectName, Query
from .turns import Turns, in_turn
from .tx import DatabaseUnavailable, Tx, Work

T = TypeVar("T")
# PostgreSQL's `commit_delay` and `commit_siblings`, for both databases: where many shared the last commit, a moment
# brings more of them into the next, and a call costs a third less. A lone writer does not wait.
_SIBLINGS = 4
# So long a batch may be where several wait: whoever comes meanwhile waits for it.
_MOST_AT_ONCE = 256
_SAVEPOINT, _RELEASE, _BACK = (
    Query(sqlite=sql, postgresql=sql)
    for sql in ("SAVEPOINT one_change", "RELEASE SAVEPOINT one_change", "ROLLBACK TO SAVEPOINT one_change")
)


class Notices(Protocol):
    """How processes tell each other."""

    async def send(self, text: str) -> None:
        """Tell all, this process too. Lost when nobody listens."""
        ...

    async def listen(self, heard: Callable[[str], None], connected: Callable[[], None]) -> None:
        """Hear until cancelled; `connected` is called on each new connection, as news was missed before it."""
        ...


class Engine(Protocol):
    """A database's connections."""

    @property
    def dialect(self) -> DialectName: ...
    @property
    def readers(self) -> int: ...
    @property
    def writers(self) -> int:
        """How many transactions can be under way at once."""
        ...

    async def transact(self, workspaces: Sequence[str], work: Work) -> Any: ...
    async def read(self, workspaces: Sequence[str], work: Work) -> Any: ...
    async def set_up(self, work: Work) -> None:
        """Run work that makes the tables, with the rights of whoever owns them. Raises `UnsafeDatabase` where workspaces
        are not walled off from each other afterwards.
        """
        ...

    async def gather(self) -> None:
        """Let more writes come, for as long as it pays before a commit of this database."""
        ...

    @property
    def notices(self) -> Notices | None:
        """How processes on this database tell each other; None where there is only one."""
        ...

    async def close(self) -> None: ...


class Entries(Protocol):
    """Many small writes of one kind that share a transaction and a fixed number of statements."""

    async def apply(self, tx: Tx, items: Sequence[Any]) -> Sequence[Any]:
        """Write all items; one answer each, in order."""
        ...


@dataclass(slots=True)
class _Waiting:
    workspaces: tuple[str, ...]
    answer: "asyncio.Future[Any]"
    item: Any = None
    entries: Entries | None = None
    work: Work | None = None
    passed: bool = False

    @property
    def writes(self) -> tuple[str, ...]:
        """The workspaces that it changes: of an entry the first, as it only looks at the others."""
        return self.workspaces if self.entries is None else self.workspaces[:1]


class Database:
    """What stores are given. `queue_limit` bounds the writes that wait; beyond it they are refused at once."""

    def __init__(self, engine: Engine, *, queue_limit: int = 4096) -> None:
        self.engine = engine
        self._limit = queue_limit
        self._queue: list[_Waiting] = []
        self._lanes = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._writing: set[str] = set()
        self._closed = False
        self._shared = 0
        self._turns = Turns(engine.readers)

    @property
    def dialect(self) -> DialectName:
        """Which database this is."""
        return self.engine.dialect

    async def read(self, workspaces: tuple[str, ...], work: Callable[[Tx], Awaitable[T]]) -> T:
        """Run queries on one consistent view of these workspaces. Where many wait, the first one named waits in turn."""
        async with self._turns.one(workspaces[0] if workspaces else ""):
            found: T = await self.engine.read(workspaces, work)
        return found

    async def change(self, workspaces: tuple[str, ...], work: Callable[[Tx], Awaitable[T]]) -> T:
        """Run one change alone or with others of the same workspaces; if it raises, nothing of it stays."""
        found: T = await self._enqueue(
            _Waiting(workspaces, asyncio.get_running_loop().create_future(), work=work)
        )
        return found

    def record(self, entries: Entries, workspaces: tuple[str, ...], item: Any) -> "asyncio.Future[Any]":
        """Queue one entry of the first workspace, which may look at the others; the answer comes after its commit."""
        return self._enqueue(
            _Waiting(workspaces, asyncio.get_running_loop().create_future(), item=item, entries=entries)
        )

    async def close(self) -> None:
        """Write what is queued, then close. What comes later is refused."""
        self._closed = True
        while self._tasks:
            await asyncio.wait(self._tasks)
        await self.engine.close()

    def _enqueue(self, waiting: _Waiting) -> "asyncio.Future[Any]":
        if self._closed or len(self._queue) >= self._limit:
            why = "the database is closed" if self._closed else "too many writes are waiting"
            waiting.answer.set_exception(DatabaseUnavailable(why))
            return waiting.answer
        self._queue.append(waiting)
        if self._lanes < self._most_lanes:
            self._lanes += 1
            task = asyncio.get_running_loop().create_task(self._drain())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return waiting.answer

    @property
    def _most_lanes(self) -> int:
        """Where few share a commit, none waits for one of other workspaces; where many do, one for all costs least."""
        return self.engine.writers if self._shared <= _SIBLINGS else 1

    async def _drain(self) -> None:
        after_entries = False
        try:
            while self._lanes <= self._most_lanes:
                if self._shared > _SIBLINGS:
                    await self.engine.gather()
                if not (batch := self._next(change=after_entries)):
                    break
                self._shared = len(batch)
                after_entries = batch[0].entries is not None
                names = {name for w in batch for name in w.writes}
                self._writing |= names
                try:
                    await self._commit(batch, _record_all if after_entries else _change_all)
                finally:
                    self._writing -= names
        finally:
            self._lanes -= 1

    def _next(self, *, change: bool) -> list[_Waiting]:
        """What shares the next transaction: entries of all, or changes of the same workspaces. Where both wait they come in
        turn: an entry waits for one change at most, however many workspaces change, and a change is passed by one batch.
        """
        entries, changes = self._free()
        if changes and (change or not entries):
            mine = [w for w in changes if w.workspaces == changes[0].workspaces]
        else:
            mine = entries
        batch, _ = in_turn(mine, _MOST_AT_ONCE, _whose)
        taken, names = set(map(id, batch)), {name for w in batch for name in w.writes}
        self._queue = [w for w in self._queue if id(w) not in taken]
        free = set(map(id, changes))
        for left in self._queue:
            if left.entries is None and id(left) not in free and not names.isdisjoint(left.writes):
                left.passed = True
        return batch

    def _free(self) -> tuple[list[_Waiting], list[_Waiting]]:
        """Entries and changes of workspaces that are not being written. A change of several of them that was passed, as
        one of them was, has all of them kept for it.
        """
        taken = set(self._writing)
        entries: list[_Waiting] = []
        changes: list[_Waiting] = []
        for waiting in self._queue:
            if taken.isdisjoint(waiting.writes):
                (changes if waiting.entries is None else entries).append(waiting)
            if waiting.passed:
                taken.update(waiting.writes)
        return entries, changes

    async def _commit(
        self, batch: list[_Waiting], apply: Callable[[Tx, list[_Waiting]], Awaitable[list[Any]]]
    ) -> None:
        """One transaction for all; if it fails, one each, so that a bad row hurts only itself."""
        workspaces = sorted({name for w in batch for name in w.workspaces})
        try:
            answers = await self.engine.transact(workspaces, lambda tx: apply(tx, batch))
        except asyncio.CancelledError:
            for waiting in batch:
                waiting.answer.cancel()
            raise
        except Exception as error:  # noqa: BLE001 handed to whoever waits for this write
            if len(batch) == 1 or isinstance(error, DatabaseUnavailable):
                answers = [error] * len(batch)
            else:
                for one in batch:
                    await self._commit([one], apply)
                return
        for waiting, answer in zip(batch, answers, strict=True):
            _give(waiting.answer, answer)


def _whose(waiting: _Waiting) -> str:
    return waiting.workspaces[0] if waiting.workspaces else ""


def _give(future: "asyncio.Future[Any]", answer: Any) -> None:
    if future.done():
        return
    if isinstance(answer, Exception):
        future.set_exception(answer)
    else:
        future.set_result(answer)


async def _record_all(tx: Tx, batch: list[_Waiting]) -> list[Any]:
    answers: dict[int, Any] = {}
    for entries in {id(w.entries): w.entries for w in batch}.values():
        mine = [w for w in batch if w.entries is entries]
        found = await entries.apply(tx, [w.item for w in mine]) if entries else []
        answers |= {id(w): answer for w, answer in zip(mine, found, strict=True)}
    return [answers[id(w)] for w in batch]


async def _change_all(tx: Tx, batch: list[_Waiting]) -> list[Any]:
    if len(batch) == 1:
        return [await batch[0].work(tx)] if batch[0].work else []
    return [await _change_one(tx, w.work) for w in batch if w.work]


async def _change_one(tx: Tx, work: Work) -> Any:
    await tx.run(_SAVEPOINT)
    try:
        answer = await work(tx)
    except Exception as refused:  # noqa: BLE001 a refusal is this change's answer, not its neighbours'
        await tx.run(_BACK)
        return tx.translated(refused)
    await tx.run(_RELEASE)
    return answer

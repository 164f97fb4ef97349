"""The one queue for writes: batches are what came meanwhile, one failure is one's own, the queue is bounded."""

import asyncio

import pytest

from toolcrib.kit.db import Clash, Database, DatabaseUnavailable


class FakeTx:
    """Keeps what was done to it; `bad` fails wherever it appears."""

    def __init__(self, done):
        self.done = done

    async def run(self, query, **_):
        self.done.append(query._texts["sqlite"].split()[0])

    def translated(self, error):
        return Clash("taken") if isinstance(error, KeyError) else error


class FakeEngine:
    """Runs work on a list; what a failed transaction did is taken back. `refusals` are raised in its place, one each."""

    dialect = "sqlite"
    notices = None
    readers = 2

    def __init__(self, writers=1):
        self.writers, self.turns = writers, {}
        self.begun, self.committed, self.transactions, self.refusals = [], [], [], []
        self.open = asyncio.Event()
        self.open.set()

    async def gather(self):
        for _ in range(5):
            await asyncio.sleep(0)

    async def transact(self, workspaces, work):
        self.begun.append(list(workspaces))
        for _ in range(self.turns.get(workspaces[0], 0)):
            await asyncio.sleep(0)
        await self.open.wait()
        if self.refusals and (refusal := self.refusals.pop(0)):
            raise refusal
        tx = FakeTx([])
        try:
            answer = await work(tx)
        except KeyError as error:
            raise tx.translated(error) from error
        self.transactions.append((list(workspaces), tx.done))
        self.committed += tx.done
        return answer

    async def read(self, workspaces, work):
        return await work(FakeTx([]))

    async def close(self):
        self.open.clear()


class Numbers:
    """Entries that write numbers; an odd one is bad."""

    async def apply(self, tx, items):
        if any(item % 2 for item in items):
            raise KeyError
        tx.done.extend(items)
        return [item * 10 for item in items]


def held(writers=1):
    engine = FakeEngine(writers)
    engine.open.clear()
    return engine, Database(engine)


def doing(*things, failing=None):
    async def work(tx):
        tx.done.extend(things)
        if failing is not None:
            raise failing
        return things[0]

    return work


async def test_what_comes_during_a_commit_shares_the_next_one():
    engine, db = held()
    numbers = Numbers()
    first = db.record(numbers, ("w1",), 0)
    await asyncio.sleep(0)
    rest = [db.record(numbers, (f"w{n}",), n) for n in (2, 4, 6)]
    engine.open.set()
    assert await asyncio.gather(first, *rest) == [0, 20, 40, 60]
    assert engine.transactions == [(["w1"], [0]), (["w2", "w4", "w6"], [2, 4, 6])]


@pytest.mark.parametrize(("sharers", "together"), [(5, True), (4, False)])
async def test_after_a_shared_commit_the_next_waits_a_moment_for_company(sharers, together):
    engine = FakeEngine()
    db, numbers = Database(engine), Numbers()
    await asyncio.gather(*(db.record(numbers, ("w",), 2 * n) for n in range(sharers)))
    first = db.record(numbers, ("w",), 100)
    for _ in range(3):  # a queue that did not wait would have begun by now
        await asyncio.sleep(0)
    await asyncio.gather(first, db.record(numbers, ("w",), 200))
    done = [numbers for _, numbers in engine.transactions[1:]]
    assert done == ([[100, 200]] if together else [[100], [200]])


async def test_a_bad_entry_hurts_only_itself():
    engine, db = held()
    numbers = Numbers()
    waiting = [db.record(numbers, ("w",), n) for n in (2, 3, 4)]
    engine.open.set()
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert [answers[0], answers[2]] == [20, 40]
    assert isinstance(answers[1], Clash)
    assert engine.committed == [2, 4]


async def test_while_the_database_is_away_nothing_is_tried_one_by_one():
    engine, db = held()
    numbers = Numbers()
    engine.refusals = [DatabaseUnavailable("away")]
    waiting = [db.record(numbers, ("w",), n) for n in (2, 4)]
    engine.open.set()
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(answer) for answer in answers] == [DatabaseUnavailable] * 2
    assert engine.transactions == []


async def test_entries_of_two_kinds_share_a_transaction_and_keep_their_answers():
    engine, db = held()
    one, other = Numbers(), Numbers()
    waiting = [db.record(one, ("w",), 2), db.record(other, ("w",), 4), db.record(one, ("w",), 6)]
    engine.open.set()
    assert await asyncio.gather(*waiting) == [20, 40, 60]
    assert engine.transactions == [(["w"], [2, 6, 4])]


async def test_changes_of_the_same_workspaces_share_a_transaction_behind_savepoints():
    engine, db = held()
    waiting = [asyncio.create_task(db.change(("w",), doing(n))) for n in (1, 2)]
    await asyncio.sleep(0)
    engine.open.set()
    assert await asyncio.gather(*waiting) == [1, 2]
    assert engine.transactions == [(["w"], ["SAVEPOINT", 1, "RELEASE", "SAVEPOINT", 2, "RELEASE"])]


async def test_a_change_that_fails_beside_others_is_undone_alone():
    engine, db = held()
    works = [doing(1), doing(2, failing=KeyError()), doing(3, failing=ValueError("no")), doing(4)]
    waiting = [asyncio.create_task(db.change(("w",), work)) for work in works]
    await asyncio.sleep(0)
    engine.open.set()
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert [answers[0], answers[3]] == [1, 4]
    assert [type(answer) for answer in answers[1:3]] == [Clash, ValueError]
    assert engine.committed.count("ROLLBACK") == 2


async def test_a_change_alone_needs_no_savepoint():
    engine = FakeEngine()
    db = Database(engine)
    assert await db.change(("w",), doing(1)) == 1
    assert engine.transactions == [(["w"], [1])]


async def test_changes_of_different_workspaces_do_not_share():
    engine, db = held()
    waiting = [asyncio.create_task(db.change((name,), doing(name))) for name in ("w1", "w2", "w2")]
    await asyncio.sleep(0)
    engine.open.set()
    await asyncio.gather(*waiting)
    assert [names for names, _ in engine.transactions] == [["w1"], ["w2"]]


async def test_beyond_the_limit_writes_are_refused_at_once():
    engine = FakeEngine()
    engine.open.clear()
    db = Database(engine, queue_limit=2)
    numbers = Numbers()
    under_way = db.record(numbers, ("w",), 0)
    await asyncio.sleep(0)
    waiting = [db.record(numbers, ("w",), n) for n in (2, 4)]
    with pytest.raises(DatabaseUnavailable, match="too many writes"):
        await db.record(numbers, ("w",), 6)
    with pytest.raises(DatabaseUnavailable, match="too many writes"):
        await db.change(("w",), doing(1))
    engine.open.set()
    assert await asyncio.gather(under_way, *waiting) == [0, 20, 40]


async def test_who_no_longer_waits_is_written_all_the_same():
    engine, db = held()
    numbers = Numbers()
    gone, there = db.record(numbers, ("w",), 2), db.record(numbers, ("w",), 4)
    gone.cancel()
    engine.open.set()
    assert await there == 40
    assert engine.committed == [2, 4]


async def test_closing_writes_what_is_queued_first():
    engine = FakeEngine()
    db = Database(engine)
    waiting = db.record(Numbers(), ("w",), 2)
    await db.close()
    assert waiting.result() == 20
    assert not engine.open.is_set()


async def test_what_comes_after_closing_is_refused_at_once():
    engine = FakeEngine()
    database = Database(engine)
    await database.close()
    with pytest.raises(DatabaseUnavailable, match="is closed"):
        await database.change(("w",), doing("late"))
    assert engine.committed == []


async def test_closing_what_was_never_written_to_closes():
    engine = FakeEngine()
    await Database(engine).close()
    assert not engine.open.is_set()


async def test_reads_go_past_the_queue():
    engine, db = held()
    db.record(Numbers(), ("w",), 2).cancel()
    assert await db.read(("w",), doing("seen")) == "seen"
    assert db.dialect == "sqlite"
    engine.open.set()
    await db.close()


async def test_where_more_wait_than_a_batch_takes_each_workspace_has_its_turn():
    engine, db = held()
    numbers = Numbers()
    first = db.record(numbers, ("w0",), 0)
    await asyncio.sleep(0)
    flood = [db.record(numbers, ("noisy",), 2) for _ in range(300)]
    late = db.record(numbers, ("quiet",), 4)
    engine.open.set()
    await asyncio.gather(first, *flood, late)
    batches = [items for _, items in engine.transactions]
    assert [len(batch) for batch in batches] == [1, 256, 45]
    assert batches[1].count(4) == 1


async def test_an_entry_waits_for_one_change_however_many_workspaces_change():
    engine, db = held()
    numbers, late = Numbers(), []

    async def meanwhile(tx):
        late.append(db.record(numbers, ("quiet",), 4))

    first = db.record(numbers, ("w0",), 0)
    await asyncio.sleep(0)
    works = [meanwhile, doing(2), doing(3)]
    changes = [asyncio.create_task(db.change((f"w{n}",), work)) for n, work in enumerate(works, 1)]
    await asyncio.sleep(0)
    engine.open.set()
    await asyncio.gather(first, *changes, *late)
    assert [names for names, _ in engine.transactions] == [["w0"], ["w1"], ["quiet"], ["w2"], ["w3"]]


class Endless(Numbers):
    """Whoever was written comes again at once, so many times."""

    def __init__(self, db, times):
        self.db, self.left, self.asked = db, times, []

    async def apply(self, tx, items):
        if self.left:
            self.left -= 1
            self.asked.append(self.db.record(self, self.name, 2))
        return await super().apply(tx, items)

    def begin(self, *name):
        self.name = name
        return self.db.record(self, name, 2)


async def test_a_change_is_passed_by_one_batch_however_many_entries_come():
    engine, db = held()
    first = Endless(db, 3).begin("noisy")
    await asyncio.sleep(0)
    change = asyncio.create_task(db.change(("quiet",), doing(1)))
    await asyncio.sleep(0)
    engine.open.set()
    await asyncio.gather(first, change)
    await db.close()
    assert [names for names, _ in engine.transactions] == [["noisy"], ["quiet"], *[["noisy"]] * 3]


@pytest.mark.parametrize("names", [("w1",), ("w1", "w2"), ("w2", "w3")])
async def test_with_two_writers_too_a_change_is_passed_by_one_batch_of_each_of_its_workspaces(names):
    engine = FakeEngine(writers=2)
    engine.turns = {"w1": 4, "w2": 3}
    db = Database(engine)
    callers = [Endless(db, 20) for _ in range(4)]
    for number, caller in enumerate(callers):
        caller.begin(f"w{number % 2 + 1}")
        await asyncio.sleep(0)
    change = asyncio.create_task(db.change(names, doing(1)))
    await asyncio.sleep(0)
    before = len(engine.begun)
    await change
    passed = [begun for begun in engine.begun[before:] if set(begun) & set(names)][:-1]
    assert all(passed.count([name]) <= 1 for name in names), passed
    await db.close()


async def test_a_database_of_two_writers_lets_nobody_wait_for_the_commit_of_another_workspace():
    engine, db = held(writers=2)
    numbers = Numbers()
    written = [db.record(numbers, ("w1", "all"), 2)]
    await asyncio.sleep(0)
    written += [db.record(numbers, (name, "all"), 2) for name in ("w1", "w2", "w3")]
    changed = [asyncio.create_task(db.change(names, doing(4))) for names in (("w4",), ("w5", "w3"))]
    for _ in range(5):
        await asyncio.sleep(0)
    assert engine.begun == [["all", "w1"], ["all", "w2", "w3"]]
    engine.open.set()
    await asyncio.gather(*written, *changed)
    assert sorted(engine.begun[2:]) == [["all", "w1"], ["w3", "w5"], ["w4"]]


async def test_a_second_lane_ends_where_many_came_to_share():
    engine = FakeEngine(writers=2)
    ends = {name: asyncio.Event() for name in ("w0", "w1")}

    async def held_by(tx, name):
        await ends[name].wait()

    db, numbers = Database(engine), Numbers()
    slow = asyncio.create_task(db.change(("w0",), lambda tx: held_by(tx, "w0")))
    await asyncio.sleep(0)
    sharing = [asyncio.create_task(db.change(("w1",), lambda tx: held_by(tx, "w1"))) for _ in range(5)]
    for _ in range(5):
        await asyncio.sleep(0)
    late = db.record(numbers, ("w2",), 2)
    ends["w0"].set()
    await slow
    for _ in range(20):
        await asyncio.sleep(0)
    assert engine.begun == [["w0"], ["w1"]]
    ends["w1"].set()
    assert await late == 20
    await asyncio.gather(*sharing)


async def test_closing_waits_for_all_that_is_under_way():
    engine, db = held(writers=2)
    numbers = Numbers()
    db.record(numbers, ("w1",), 2)
    await asyncio.sleep(0)
    db.record(numbers, ("w2",), 4)
    closing = asyncio.create_task(db.close())
    await asyncio.sleep(0)
    assert not closing.done()
    engine.open.set()
    await closing
    assert sorted(engine.committed) == [2, 4]


async def test_a_change_that_was_given_up_holds_nobody_up():
    engine = FakeEngine(writers=2)
    db = Database(engine)

    async def given_up(tx):
        raise asyncio.CancelledError

    for _ in range(3):
        with pytest.raises(asyncio.CancelledError):
            await db.change(("w1",), given_up)
    async with asyncio.timeout(5):
        assert await db.change(("w1",), doing(3)) == 3
    await db.close()

"""The tail of the ledger: one reader for many listeners, none of whom is skipped, told twice or waited for."""

import asyncio
from itertools import pairwise

from toolcrib.contracts.execution import Event, EventType
from toolcrib.kit.db import DatabaseUnavailable
from toolcrib.ledger.tail import _AT_ONCE, _MOST_WAITING, Listener, Tail


def event(seq):
    return Event(seq, EventType.TOOL_ENABLED, None, "user", "user:a", "t", 0, {})


class Log:
    """A ledger in memory that counts how it is read; `held` stops reading, `failing` refuses once."""

    def __init__(self, seqs=()):
        self.seqs, self.reads, self.failing = list(seqs), 0, False
        self.open = asyncio.Event()
        self.open.set()

    async def events_after(self, workspace, after, limit, execution_id=None):
        self.reads += 1
        found = [event(seq) for seq in self.seqs if seq > after][:limit]
        await self.open.wait()
        if self.failing:
            self.failing = False
            raise DatabaseUnavailable("away")
        return found


async def take(pages, count):
    seen = []
    async with asyncio.timeout(30):
        async for page in pages:
            seen += [one.seq for one in page]
            if len(seen) >= count:
                return seen
    return seen


async def test_many_listeners_share_one_reader():
    log = Log()
    tail = Tail(log)
    all_pages = [tail.follow("w", 0, 0.01) for _ in range(20)]
    following = [asyncio.create_task(take(pages, 3)) for pages in all_pages]
    await asyncio.sleep(0.01)
    before = log.reads
    log.seqs += [1, 2, 3]
    tail.wake("w")
    assert await asyncio.gather(*following) == [[1, 2, 3]] * 20
    assert log.reads - before <= 3
    for pages in all_pages:
        await pages.aclose()
    assert tail._feeds == {}


async def test_others_have_their_turn_while_many_are_told():
    log, many = Log(), 10 * _AT_ONCE
    tail = Tail(log)
    all_pages = [tail.follow("w", 0, 0.01) for _ in range(many)]
    following = [asyncio.create_task(take(pages, 1)) for pages in all_pages]
    await asyncio.sleep(0.01)
    log.seqs.append(1)
    tail.wake("w")
    told = [0]
    while told[-1] < many:
        await asyncio.sleep(0)
        told.append(sum(task.done() for task in following))
    assert max(after - before for before, after in pairwise(told)) <= _AT_ONCE
    for pages in all_pages:
        await pages.aclose()


async def test_who_joins_further_back_while_the_reader_reads_misses_nothing():
    log = Log([1, 2])
    tail = Tail(log)
    ahead = tail.follow("w", 2, 0.01)
    first = asyncio.create_task(take(ahead, 1))
    await asyncio.sleep(0.01)
    log.open.clear()
    log.seqs.append(3)
    tail.wake("w")
    await asyncio.sleep(0.01)  # the reader waits for its page now
    late = tail._join("w", 0)
    log.open.set()
    assert await first == [3]
    assert [one.seq for one in await late.take(1)] == [1, 2, 3]
    await ahead.aclose()


async def test_a_failed_look_is_made_up_for():
    log = Log()
    tail = Tail(log)
    pages = tail.follow("w", 0, 0.01)
    following = asyncio.create_task(take(pages, 1))
    await asyncio.sleep(0.01)
    log.failing = True
    log.seqs.append(1)
    tail.wake("w")
    await asyncio.sleep(0.01)
    tail.wake("w")
    assert await following == [1]
    await pages.aclose()


async def test_a_slow_listener_is_cut():
    slow = Listener(0)
    slow.give([event(seq) for seq in range(1, _MOST_WAITING + 1)])
    assert not slow.cut
    slow.give([event(_MOST_WAITING + 1)])
    assert slow.cut


async def test_who_was_cut_gathers_nothing_more():
    slow = Listener(0)
    slow.end()
    slow.give([event(1)])
    assert await slow.take(0.01) == []


async def test_what_a_listener_has_seen_is_no_news():
    listener = Listener(5)
    listener.give([event(4), event(5)])
    assert await listener.take(0.001) == ()


async def test_what_comes_while_the_past_is_told_is_told_after_it():
    log = Log(range(1, 1_201))
    pages = Tail(log).follow("w", 0, 0.01)
    first = await anext(pages)
    log.seqs.append(1_201)
    rest = await take(pages, 1_201 - len(first))
    assert [one.seq for one in first] + rest == list(range(1, 1_202))
    await pages.aclose()

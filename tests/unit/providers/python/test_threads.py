"""Who may use a thread: a workspace's share, a short queue before the rest, and threads that are taken until they end."""

import asyncio
import threading

from tests.support.until import eventually
from toolcrib.providers.python.threads import Slots, Threads


async def test_a_workspace_has_its_share_and_others_theirs():
    slots = Slots(most=3, most_of_one=2, patience=0)
    assert [await slots.take("a") for _ in range(3)] == [True, True, False]
    assert [await slots.take("b") for _ in range(2)] == [True, False]


async def test_what_is_given_back_can_be_taken_again():
    slots = Slots(most=1, patience=0)
    assert await slots.take("a")
    slots.give_back("a")
    assert await slots.take("b")


async def test_whoever_waits_longest_and_may_have_the_slot_gets_it():
    slots = Slots(most=2, most_of_one=1, patience=20)
    assert await slots.take("a")
    again, other = asyncio.create_task(slots.take("a")), asyncio.create_task(slots.take("b"))
    assert await other
    third = asyncio.create_task(slots.take("c"))
    await asyncio.sleep(0)
    slots.give_back("b")
    assert await third
    assert not again.done()
    slots.give_back("a")
    assert await again


async def test_nobody_waits_for_threads_that_are_overdue():
    slots = Slots(most=2, most_of_one=1, patience=20)
    assert await slots.take("a")
    slots.is_overdue("a")
    assert not await slots.take("a")
    assert await slots.take("b")
    slots.is_overdue("b")
    assert not await slots.take("c")
    slots.give_back("a", overdue=True)
    assert await slots.take("a")


async def test_whoever_gives_up_waiting_leaves_nothing_behind():
    slots = Slots(most=1, patience=20)
    assert await slots.take("a")
    waiting = asyncio.create_task(slots.take("b"))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    slots.give_back("a")
    assert await slots.take("c")


async def test_a_slot_given_to_one_who_has_just_left_is_given_back():
    slots = Slots(most=1, patience=20)
    assert await slots.take("a")
    waiting = asyncio.create_task(slots.take("b"))
    await asyncio.sleep(0)
    slots.give_back("a")
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert await slots.take("c")


async def test_threads_are_used_again_and_do_not_keep_the_process():
    threads, ended = Threads(), []
    first = await threads.start(threading.current_thread, lambda: ended.append(1))
    second = await threads.start(threading.current_thread, lambda: ended.append(2))
    assert first is second
    assert first.daemon
    assert ended == [1, 2]


async def test_threads_that_wait_are_let_go_and_busy_ones_end_with_their_work():
    threads, go = Threads(), threading.Event()
    idle = await threads.start(threading.current_thread, lambda: None)
    busy = threads.start(lambda: go.wait(20) and threading.current_thread(), lambda: None)
    other = threads.start(threading.current_thread, lambda: None)
    waiting = await other
    threads.close()
    go.set()
    assert len({idle, waiting, await busy}) == 2
    await eventually(lambda: not idle.is_alive() and not waiting.is_alive(), "both threads end")


async def test_two_at_once_run_in_two_threads():
    threads, both = Threads(), threading.Barrier(2)

    def meet():
        both.wait(20)
        return threading.get_ident()

    assert len({*await asyncio.gather(*(threads.start(meet, lambda: None) for _ in range(2)))}) == 2


async def test_a_late_end_is_told_though_nobody_waits():
    threads, go, ended = Threads(), threading.Event(), []
    answer = threads.start(lambda: go.wait(20), lambda: ended.append(1))
    answer.cancel()
    go.set()
    await eventually(lambda: ended, "the function ends")


def test_a_thread_outlives_the_loop_without_a_word():
    go, done = threading.Event(), threading.Event()

    def work():
        go.wait(20)
        done.set()

    async def begin():
        Threads().start(work, lambda: None)

    asyncio.run(begin())
    go.set()
    assert done.wait(20)

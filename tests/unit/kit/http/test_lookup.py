"""Look-ups are shared, bounded, and keep their place until they end."""

import asyncio

import pytest

from toolcrib.kit.http import HttpFailed
from toolcrib.kit.http.lookup import AT_ONCE, WAITING, SharedLookup


class Slow:
    """Answers when the gate opens, and counts."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.started: list[str] = []

    async def __call__(self, host: str, port: int) -> list[str]:
        self.started.append(host)
        await self.gate.wait()
        return ["93.184.216.34"]


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_callers_of_one_name_share_its_look_up():
    slow = Slow()
    shared = SharedLookup(slow)
    waiting = [asyncio.create_task(shared("a.example", 443)) for _ in range(20)]
    await settle()
    slow.gate.set()

    assert await asyncio.gather(*waiting) == [["93.184.216.34"]] * 20
    assert slow.started == ["a.example"]


async def test_a_few_run_at_once_and_keep_their_place_when_nobody_waits():
    slow = Slow()
    shared = SharedLookup(slow)
    waiting = [asyncio.create_task(shared(f"{n}.example", 443)) for n in range(AT_ONCE + 3)]
    await settle()
    for task in waiting:
        task.cancel()
    await settle()
    late = asyncio.create_task(shared("late.example", 443))
    await settle()

    assert len(slow.started) == AT_ONCE
    slow.gate.set()
    assert await late == ["93.184.216.34"]


async def test_too_many_names_at_once_are_refused():
    slow = Slow()
    shared = SharedLookup(slow)
    waiting = [asyncio.create_task(shared(f"{n}.example", 443)) for n in range(WAITING)]
    await settle()

    with pytest.raises(HttpFailed):
        await shared("one.more.example", 443)
    slow.gate.set()
    await asyncio.gather(*waiting)


async def test_a_failed_look_up_is_tried_again_by_the_next_caller():
    async def fails(host: str, port: int) -> list[str]:
        raise OSError

    shared = SharedLookup(fails)
    for _ in range(2):
        with pytest.raises(OSError):
            await shared("a.example", 443)

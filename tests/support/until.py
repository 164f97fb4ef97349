"""Waiting for a condition, with a deadline that fails by name: the only way tests wait for another process."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")
PAUSE = 0.02


def until(condition: Callable[[], T], what: str, seconds: float = 60) -> T:
    """The first true value of `condition`. The deadline bounds a failing test; it is no expectation of speed."""
    end = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds:g} s: {what}")
        time.sleep(PAUSE)


async def eventually(condition: Callable[[], T | Awaitable[T]], what: str, seconds: float = 60) -> T:
    """The same inside a running loop, which it lets go on; `condition` may be a coroutine function."""
    end = time.monotonic() + seconds
    while True:
        answer = condition()
        found: T = await answer if isinstance(answer, Awaitable) else answer
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds:g} s: {what}")
        await asyncio.sleep(PAUSE)

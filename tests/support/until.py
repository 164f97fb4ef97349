"""Waiting for a condition, with a deadline that fails by name: the only way tests wait for another process."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
PAUSE = 0.02


def until(condition: Callable[[], T], what: str, seconds: float = 30) -> T:
    """The first true value of `condition`. The deadline bounds a failing test; it is no expectation of speed."""
    end = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds:g} s: {what}")
        time.sleep(PAUSE)

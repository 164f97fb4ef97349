"""What work costs, counted: what a process used by the system's own count, and the calls that a piece of work makes."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any


def calls_made(work: Callable[[], object]) -> int:
    """Calls of functions, Python's and built-in ones: the same on every machine, however busy it is."""
    made = 0

    def seen(_frame: FrameType, event: str, _about: Any) -> None:
        nonlocal made
        made += event in {"call", "c_call"}

    sys.setprofile(seen)
    try:
        work()
    finally:
        sys.setprofile(None)
    return made


def cpu_seconds(pid: int) -> float:
    """User and system time of all threads of a process."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            total += int((task / "schedstat").read_text("ascii").split()[0])
        except OSError:  # a thread that just ended
            continue
    return total / 1e9


def memory_mb(pid: int) -> float:
    """Proportional set size."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024

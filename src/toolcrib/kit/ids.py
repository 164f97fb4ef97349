"""Ids that sort by time: a prefix, 12 hex digits of milliseconds, 3 of microseconds, 17 of chance."""

import secrets
import time

_SHORT_JUMP = 1_000_000  # microseconds: a clock set back by more than this is believed
_last = 0


def new_id(prefix: str) -> str:
    """A new id such as `exe_019a2b…`; the ids of one process sort in the order in which they were made."""
    global _last  # noqa: PLW0603 one line of time for the process
    now = time.time_ns() // 1_000
    if now <= _last < now + _SHORT_JUMP:
        now = _last + 1
    _last = now
    return f"{first_id(prefix, now)}{now % 1_000:03x}{secrets.token_hex(9)[1:]}"


def first_id(prefix: str, microseconds: int) -> str:
    """What sorts before every id that was made at that time or later, and after every one a millisecond older."""
    return f"{prefix}_{microseconds // 1_000:012x}"

"""Ids that sort by time: a prefix, 12 hex digits of milliseconds, 20 of chance."""

import secrets
import time


def new_id(prefix: str) -> str:
    """A new id such as `exe_019a2b…`; ids made in different milliseconds sort by age."""
    return f"{prefix}_{time.time_ns() // 1_000_000:012x}{secrets.token_hex(10)}"


def first_id(prefix: str, microseconds: int) -> str:
    """What sorts before every id that was made at that time or later, and after every older one."""
    return f"{prefix}_{microseconds // 1000:012x}"

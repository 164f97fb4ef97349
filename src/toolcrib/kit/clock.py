"""The one source of time: UTC microseconds for what is stored, seconds that never run back for durations."""

import time
from datetime import UTC, datetime
from typing import Protocol

_FIRST = -62_135_596_800_000_000
_LAST = 253_402_300_799_000_000
"""The years 1 to 9999; a float of seconds is not exact to the last microsecond."""


class Clock(Protocol):
    """What rooms are given, so that tests can hand in a time of their own."""

    def now(self) -> int:
        """Microseconds since 1970, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never run backwards."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> int:
        return time.time_ns() // 1000

    def monotonic(self) -> float:
        return time.monotonic()


def iso(microseconds: int) -> str:
    """A stored time as RFC 3339 text in UTC."""
    return (
        datetime.fromtimestamp(microseconds / 1_000_000, UTC)
        .isoformat(timespec="milliseconds")
        .replace("+00:00", "Z")
    )


def from_iso(text: str) -> int:
    """A time in RFC 3339 text as it is stored; raises ValueError for none, and for one that `iso` could not write.
    Text without an offset is UTC.
    """
    moment = datetime.fromisoformat(text)
    stored = int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1_000_000)
    if not _FIRST <= stored <= _LAST:
        raise ValueError("the year in UTC is not within 1 to 9999")
    return stored

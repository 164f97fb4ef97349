"""The one source of time: UTC microseconds for what is stored, seconds that never run back for durations."""

import time
from datetime import UTC, datetime
from typing import Protocol


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
    """A time in RFC 3339 text as it is stored; raises ValueError. Text without an offset is UTC."""
    moment = datetime.fromisoformat(text)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1_000_000)

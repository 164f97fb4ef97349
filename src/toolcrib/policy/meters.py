"""Token buckets and quotas as arithmetic: what lies in the database, and what a process draws of it ahead.

A bucket is a line of time on which every call takes a step; it may be drawn up to `burst` steps ahead of now. A process
draws some steps at once and gives them out itself; what is past by then is lost. So all processes together admit less
than the bucket at worst, and never more. Whoever dies with steps or a part of a quota in hand takes them along.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final, Literal

SECOND: Final = 1_000_000_000
_DAY: Final = 86_400 * SECOND
_MINUTE: Final = 60 * SECOND
# A process draws what a busy caller uses in this time, or a part of what is there: few draws, and little that can be lost.
_AHEAD: Final = SECOND // 10
_PART: Final = 4
_PART_OF_QUOTA: Final = 16
_MOST_OF_QUOTA: Final = 64
Which = Literal["rate", "day", "month"]


@dataclass(frozen=True, slots=True)
class Allowance:
    """How many calls: `per_minute` at a steady pace and `burst` at once, `per_day` and `per_month` of UTC, and
    `concurrency` under way. None is no limit.
    """

    per_minute: int | None = None
    burst: int = 1
    per_day: int | None = None
    per_month: int | None = None
    concurrency: int | None = None

    @property
    def is_metered(self) -> bool:
        """Whether anything is used up by a call."""
        return (self.per_minute, self.per_day, self.per_month) != (None, None, None)

    @property
    def step(self) -> int:
        """Nanoseconds from one call to the next at a steady pace; rounded up, so that nothing is gained."""
        return -(-_MINUTE // (self.per_minute or 1))

    @property
    def batch(self) -> int:
        """Calls that are worth a draw: a tenth of a second's, and not more than fit into the bucket beside others."""
        return max(1, min(_AHEAD // self.step, self.burst // _PART))


@dataclass(frozen=True, slots=True)
class Meter:
    """What was used: the bucket's line is drawn up to `drawn`; so many calls of that day and of that month."""

    drawn: int = 0
    day: int = 0
    day_used: int = 0
    month: int = 0
    month_used: int = 0


@dataclass(slots=True)
class Lease:
    """What a process has drawn of one meter and not given out: the line from `start` to `end`, and parts of both quotas.
    One that is `empty` in some way need not be tried again before the time `until`; `again` is when one call is there.
    So it is with one that is `drained`, once its steps are given out: the bucket had no more.
    The database's clock is `ahead` of that of the process by at most so much. All times are of the database, in ns.
    """

    allowance: Allowance
    at: int
    day: int
    month: int
    start: int = 0
    end: int = 0
    day_held: int = 0
    month_held: int = 0
    empty: Which | None = None
    drained: bool = False
    until: int = 0
    again: int = 0
    ahead: int = 0
    returned: list[int] = field(default_factory=list)

    def has(self, now: int) -> bool:
        """Whether a call that comes now can be given its step and its parts; one that waited for the draw came with it."""
        now, allowed = max(now, self.at), self.allowance
        if allowed.per_minute is not None and not self.has_step(now):
            return False
        if (allowed.per_day, allowed.per_month) != (None, None) and now // _DAY != self.day:
            return False
        return (allowed.per_day is None or self.day_held > 0) and (
            allowed.per_month is None or self.month_held > 0
        )

    def has_step(self, now: int) -> bool:
        """Whether there is a step on the line that is not past."""
        return max(self.start, now, self.at) + self.allowance.step <= self.end

    def lacks(self, now: int) -> Which | None:
        """What it is known of that the meter has none of it now."""
        if max(now, self.at) >= self.until:
            return None
        return "rate" if self.drained and not self.has_step(now) else self.empty

    @property
    def holds_quota(self) -> bool:
        """Whether parts of quotas are left."""
        allowed = self.allowance
        return (allowed.per_day is not None and self.day_held > 0) or (
            allowed.per_month is not None and self.month_held > 0
        )

    def take(self, now: int) -> int:
        """Give out what one call needs; answers the end of its step."""
        self.day_held -= 1
        self.month_held -= 1
        return self.take_step(now)

    def take_step(self, now: int) -> int:
        """Give out a step alone; answers its end."""
        if self.allowance.per_minute is not None:
            self.start = max(self.start, now, self.at) + self.allowance.step
        return self.start

    def give_back(self, ends: int, day: int, month: int) -> None:
        """Take back what a call took that did not run after all. A step goes back to the bucket with the next draw."""
        self.day_held += day == self.day
        self.month_held += month == self.month
        self.empty, self.drained = None, False
        if self.allowance.per_minute is not None:
            self.returned.append(ends)


def draw(meter: Meter, allowed: Allowance, now: int, held: Lease | None = None) -> tuple[Meter, Lease]:
    """Draw for a process what its lease lacks; a meter that is empty in one way gives nothing in another."""
    lease = _renewed(allowed, now, held)
    day_used = meter.day_used if meter.day == lease.day else 0
    month_used = meter.month_used if meter.month == lease.month else 0
    of_day = _portion(allowed.per_day, day_used, lease.day_held)
    of_month = _portion(allowed.per_month, month_used, lease.month_held)
    mark, there, steps = _steps(meter.drawn, allowed, now, held)
    if allowed.per_month is not None and of_month + lease.month_held <= 0:
        return meter, _without(lease, "month", _next_month(now))
    if allowed.per_day is not None and of_day + lease.day_held <= 0:
        return meter, _without(lease, "day", (lease.day + 1) * _DAY)
    if allowed.per_minute is not None and not steps and not lease.has_step(now):
        return replace(meter, drawn=mark), _without(lease, "rate", *_refilled(mark, allowed))
    if steps:
        lease.start, lease.end, lease.drained = mark, mark + steps * allowed.step, steps == there
        lease.again, lease.until = _refilled(lease.end, allowed)
    lease.day_held += of_day
    lease.month_held += of_month
    drawn = lease.end if steps else meter.drawn
    return Meter(drawn, lease.day, day_used + of_day, lease.month, month_used + of_month), lease


def _renewed(allowed: Allowance, now: int, held: Lease | None) -> Lease:
    """A lease with what is left of the one before it."""
    lease = Lease(allowed, now, now // _DAY, month_of(now))
    if held is not None:
        lease.day_held = max(0, held.day_held) if held.day == lease.day else 0
        lease.month_held = max(0, held.month_held) if held.month == lease.month else 0
        if allowed.per_minute is not None and held.has_step(now):
            lease.start, lease.end, lease.returned = held.start, held.end, held.returned
    return lease


def month_of(now: int) -> int:
    """The month of a time in UTC, counted from January 1970."""
    moment = datetime.fromtimestamp(now // SECOND, UTC)
    return (moment.year - 1970) * 12 + moment.month - 1


def _portion(most: int | None, used: int, held: int) -> int:
    """How much of a quota to draw: a part of what is left, so that the last calls are drawn one by one."""
    left = 0 if most is None or held > 0 else max(0, most - used)
    return min(left, max(1, min(left // _PART_OF_QUOTA, _MOST_OF_QUOTA)))


def _refilled(drawn: int, allowed: Allowance) -> tuple[int, int]:
    """When a bucket whose line is drawn that far has a step again, and when it pays to draw."""
    again = drawn + allowed.step - allowed.burst * allowed.step
    return again, again + (allowed.batch - 1) * allowed.step


def _steps(drawn: int, allowed: Allowance, now: int, held: Lease | None) -> tuple[int, int, int]:
    """From where the line may be drawn now, how many steps there are, and how many to draw; none where some are left."""
    if allowed.per_minute is None or (held is not None and held.has_step(now)):
        return drawn, 0, 0
    step, depth = allowed.step, allowed.burst * allowed.step
    back = sum(min(step, max(0, ends - now)) for ends in (held.returned if held else ()))
    mark = min(max(drawn - back, now), now + depth)
    there = (now + depth - mark) // step
    return mark, there, min(there, max(allowed.batch, there // _PART))


def _without(lease: Lease, which: Which, again: int, until: int | None = None) -> Lease:
    lease.empty, lease.again, lease.until = which, again, again if until is None else until
    return lease


def _next_month(now: int) -> int:
    month = month_of(now) + 1
    return int(datetime(1970 + month // 12, month % 12 + 1, 1, tzinfo=UTC).timestamp()) * SECOND

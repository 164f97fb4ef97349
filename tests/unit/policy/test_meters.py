"""Buckets and quotas as arithmetic: whoever draws and in whatever order, no more is admitted than is allowed."""

from collections import Counter
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolcrib.policy.meters import SECOND, Allowance, Lease, Meter, draw, month_of

NOON = 1_767_268_800 * SECOND  # 2026-01-01 12:00 UTC
DAY = 86_400 * SECOND
BUCKETS = st.builds(
    Allowance,
    per_minute=st.one_of(st.integers(1, 200), st.integers(1_000, 600_000)),
    burst=st.integers(1, 24),
)
QUOTAS = st.builds(Allowance, per_day=st.one_of(st.none(), st.integers(1, 60)), per_month=st.integers(1, 150))


@dataclass
class Processes:
    """Some processes over one meter. Each is a lease, or none where it has just started; `seen` are the times at which calls
    were admitted and ran.
    """

    allowed: Allowance
    now: int = NOON
    meter: Meter = field(default_factory=Meter)
    leases: dict[int, Lease] = field(default_factory=dict)
    seen: list[int] = field(default_factory=list)

    def call(self, process: int, *, runs: bool = True) -> bool:
        """As the gateway does it: what is in hand, else a draw, else a refusal. One that does not run is given back."""
        lease = self.leases.get(process)
        if lease is None or not (lease.lacks(self.now) or lease.has(self.now)):
            self.meter, lease = draw(self.meter, self.allowed, self.now, lease)
            self.leases[process] = lease
        if not lease.has(self.now):
            assert lease.lacks(self.now) is not None
            assert lease.until > self.now
            return False
        ends = lease.take(self.now)
        if runs:
            self.seen.append(self.now)
        else:
            lease.give_back(ends, lease.day, lease.month)
        return True

    def die(self, process: int) -> None:
        self.leases.pop(process, None)


ACTS = st.lists(
    st.tuples(
        st.sampled_from(["call", "drain", "replay", "wait", "wait", "die"]),
        st.integers(0, 1),
        st.sampled_from([5, 30, 50, 99, 100, 130]),
    ),
    min_size=4,
    max_size=30,
)


def act(all_of_them: Processes, acts: list[tuple[str, int, int]], unit: int) -> None:
    """Waits are told in hundredths of a unit."""
    for what, process, hundredths in acts:
        if what == "wait":
            all_of_them.now += unit * hundredths // 100
        elif what == "die":
            all_of_them.die(process)
        elif what == "drain":
            while all_of_them.call(process):
                pass
        else:
            all_of_them.call(process, runs=what == "call")


@settings(max_examples=400)
@given(BUCKETS, ACTS)
def test_no_window_has_more_than_the_burst_and_what_the_pace_gives_in_it(allowed, acts):
    found = Processes(allowed)
    act(found, acts, allowed.burst * allowed.step)
    for first, since in enumerate(found.seen):
        for last in range(first, len(found.seen)):
            within = found.seen[last] - since
            assert last - first + 1 <= allowed.burst + within // allowed.step


@settings(max_examples=400)
@given(QUOTAS, ACTS)
def test_no_day_and_no_month_has_more_than_its_quota(allowed, acts):
    found = Processes(allowed, NOON + 29 * DAY)  # the last but one of January
    act(found, acts, DAY)
    for of, most in ((lambda at: at // DAY, allowed.per_day), (month_of, allowed.per_month)):
        counts = Counter(of(at) for at in found.seen)
        assert most is None or all(n <= most for n in counts.values())


@given(st.integers(1, 400), st.integers(1, 3))
def test_a_quota_is_used_to_the_last_call_whoever_asks(per_day, processes):
    found = Processes(Allowance(per_day=per_day))
    asking = True
    while asking:
        answers = [found.call(process) for process in range(processes)]
        asking = any(answers)
    assert len(found.seen) == per_day


@given(BUCKETS, st.integers(1, 3))
def test_who_never_stops_asking_loses_next_to_nothing(allowed, processes):
    """Asked twenty times for each step, for twenty bursts' time, the bucket gives all that it has but a last batch."""
    found = Processes(allowed)
    calls = min(allowed.burst * 20, 400)
    for number in range(calls * 20):
        found.call(number % processes)
        found.now += allowed.step // 20
    given_in = allowed.burst + (found.now - NOON) // allowed.step
    assert len(found.seen) >= given_in - allowed.batch - processes


def test_a_steady_caller_draws_once_for_many_calls():
    found, draws = Processes(Allowance(per_minute=60_000, burst=1_000)), 0
    for _ in range(10_000):
        before = found.leases.get(0)
        found.call(0)
        draws += found.leases[0] is not before
        found.now += SECOND // 1_000
    assert len(found.seen) == 10_000
    assert draws <= 120


def test_a_refused_caller_is_refused_without_a_draw_until_it_pays():
    found = Processes(Allowance(per_minute=6_000, burst=100))
    while found.call(0):
        pass
    lease = found.leases[0]
    assert lease.lacks(found.now) == "rate"
    found.now = lease.until - 1
    assert not found.call(0)
    assert found.leases[0] is lease
    found.now = lease.until
    assert found.call(0)


def test_no_draw_is_made_to_find_a_bucket_empty_that_was_drawn_empty():
    """Each draw gives something, however hard the caller asks."""
    found, draws = Processes(Allowance(per_minute=1_200, burst=20)), 0
    for _ in range(5_000):
        before = found.leases.get(0)
        found.call(0)
        if found.leases[0] is not before:
            draws += 1
            assert found.leases[0].empty is None
        found.now += SECOND // 400
    assert len(found.seen) >= 20 + 5_000 * 20 // 400 - 2
    assert draws <= 5_000 * 20 // 400 // 2 + 10


@pytest.mark.parametrize(
    "allowed", [Allowance(per_minute=1, burst=1), Allowance(per_day=1), Allowance(per_month=1)]
)
def test_what_is_given_back_can_be_taken_again(allowed):
    found = Processes(allowed)
    for _ in range(5):
        assert found.call(0, runs=False)
        found.now += SECOND // 100
    assert found.call(0)
    assert not found.call(0)


def test_a_draw_for_the_one_leaves_what_is_in_hand_of_the_other():
    allowed = Allowance(per_minute=60_000, burst=1_000, per_day=1_000)
    meter, lease = draw(Meter(), allowed, NOON)
    lease.day_held = 0
    drawn = meter.drawn
    meter, after = draw(meter, allowed, NOON, lease)
    assert (meter.drawn, after.start, after.end) == (drawn, lease.start, lease.end)
    assert after.day_held > 0


def test_an_empty_quota_draws_nothing_of_the_bucket():
    allowed = Allowance(per_minute=60, burst=10, per_day=5)
    full = replace(Meter(), day=NOON // DAY, day_used=5)
    after, lease = draw(full, allowed, NOON)
    assert after == full
    assert (lease.empty, lease.again) == ("day", (NOON // DAY + 1) * DAY)


@pytest.mark.parametrize(
    ("now", "next_month"), [(NOON, 1_769_904_000), (1_798_761_599 * SECOND, 1_798_761_600)]
)
def test_an_empty_month_comes_back_with_the_next(now, next_month):
    full = replace(Meter(), month=month_of(now), month_used=1)
    _, lease = draw(full, Allowance(per_month=1), now)
    assert (lease.empty, lease.again) == ("month", next_month * SECOND)


def test_a_wider_limit_is_not_held_up_by_what_a_narrow_one_drew():
    slow, fast = Allowance(per_minute=1, burst=60), Allowance(per_minute=60_000, burst=10)
    found = Processes(slow)
    while found.call(0):
        pass
    meter, lease = draw(found.meter, fast, NOON + SECOND)
    assert lease.until - NOON - SECOND <= fast.burst * fast.step
    _, lease = draw(meter, fast, lease.until)
    assert lease.has(lease.until)


def test_a_quota_that_shrank_below_what_was_used_gives_nothing():
    used = replace(Meter(), day=NOON // DAY, day_used=50)
    _, lease = draw(used, Allowance(per_day=10), NOON)
    assert lease.empty == "day"


def test_yesterdays_part_is_worth_nothing_today():
    allowed = Allowance(per_day=100, per_month=1_000)
    _, lease = draw(Meter(), allowed, NOON)
    assert lease.has(NOON)
    assert not lease.has(NOON + DAY)
    _, after = draw(Meter(), allowed, NOON + DAY, lease)
    assert after.month_held >= lease.month_held
    assert after.day == NOON // DAY + 1

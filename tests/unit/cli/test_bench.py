"""What a measurement counts: calls that were answered, whatever they were answered, and calls that were lost."""

import contextlib
from itertools import count

import pytest

from toolcrib.cli.bench import Load, _figures, _loaded
from toolcrib.cli.refused import UNREACHABLE, Refused


class Line:
    """A session whose calls end in turn as told; None is a success."""

    def __init__(self, *endings: str | None) -> None:
        self.endings, self.made = endings, count()

    @contextlib.asynccontextmanager
    async def open(self):
        async def ask(*_: object, **__: object) -> None:
            ending = self.endings[next(self.made) % len(self.endings)]
            if ending:
                raise Refused(ending, "no")

        yield ask


async def loaded(*endings: str | None) -> Load:
    load, _ = await _loaded(Line(*endings), "/x", {}, seconds=0.05, connections=1)
    return load


async def test_refusals_are_counted_by_code_and_timed():
    load = await loaded(None, "RATE_LIMITED")
    assert set(load.failed) == {"RATE_LIMITED"}
    assert load.failed["RATE_LIMITED"] == len(load.spent) // 2


async def test_lost_calls_are_counted_and_not_timed():
    load = await loaded(UNREACHABLE)
    assert (load.spent, load.failed[UNREACHABLE]) == ([], 1)  # it waits a moment before the next
    assert _figures(load, 2.0) == {
        "seconds": 2.0, "calls": 1, "failed": {UNREACHABLE: 1}, "calls_per_second": 0.0, "milliseconds": {},
    }  # fmt: skip


@pytest.mark.parametrize(("share", "within"), [(0.5, 50), (0.95, 95), (0.99, 99), (1.0, 100)])
def test_a_share_of_calls_was_answered_within_a_time(share, within):
    assert Load([float(n) for n in range(100, 0, -1)]).at(share) == within


def test_a_single_call_is_every_share():
    assert {Load([3.0]).at(share) for share in (0.5, 0.99, 1.0)} == {3.0}

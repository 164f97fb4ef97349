"""Pools are bounded, given up when idle, and never taken from under a call."""

import asyncio

import pytest

from toolcrib.kit.http.pools import Pools


class Session:
    """Stands for a session: it can be closed."""

    def __init__(self) -> None:
        self.closed = False

    async def close(self) -> None:
        self.closed = True


async def test_a_name_has_one_pool_and_names_share_none():
    pools = Pools(Session)

    assert pools.take("a") is pools.take("a")
    assert pools.take("b").session is not pools.take("a").session
    await pools.close()


async def test_the_least_recently_used_free_pool_makes_room():
    pools = Pools(Session, most=3)
    busy, free, fresh = pools.take("busy"), pools.take("free"), pools.take("fresh")
    pools.give_back(free)
    pools.give_back(fresh)
    pools.take("new")
    await asyncio.sleep(0)

    assert (busy.session.closed, free.session.closed, fresh.session.closed) == (False, True, False)
    await pools.close()


async def test_a_pool_in_use_is_kept_even_over_the_bound():
    pools = Pools(Session, most=1)
    busy = pools.take("busy")
    pools.take("new")
    await asyncio.sleep(0)

    assert not busy.session.closed
    await pools.close()
    assert busy.session.closed


async def test_a_pool_that_no_call_used_between_two_sweeps_is_closed():
    pools = Pools(Session)
    idle, busy, used = pools.take("idle"), pools.take("busy"), pools.take("used")
    pools.give_back(idle)
    pools.give_back(used)
    pools._sweep()
    pools.give_back(pools.take("used"))
    pools._sweep()
    await asyncio.sleep(0)

    assert (idle.session.closed, busy.session.closed, used.session.closed) == (True, False, False)
    await pools.close()


async def test_nothing_opens_after_the_end():
    pools = Pools(Session)
    await pools.close()

    with pytest.raises(RuntimeError, match="closed"):
        pools.take("a")

"""The places of a process: nobody has them all, and whoever comes finds some."""

import pytest

from toolcrib.contracts.errors import RateLimited
from toolcrib.gateway.places import Places


def fill(places: Places, workspace: str) -> int:
    """How many it gets when it takes all it can."""
    for number in range(10_000):
        try:
            places.take(workspace)
        except RateLimited:
            return number
    raise AssertionError("there was no end")


def test_one_alone_has_half_and_each_who_comes_finds_half_of_what_is_left():
    places = Places(64)
    assert [fill(places, name) for name in ("a", "b", "c", "d")] == [32, 16, 8, 4]


def test_what_is_given_back_is_there_for_all():
    places = Places(64)
    taken = fill(places, "a")
    with pytest.raises(RateLimited):
        places.take("a")
    for _ in range(taken):
        places.leave("a")
    assert fill(places, "b") == 32


def test_one_is_held_for_a_while_and_given_back_whatever_happens():
    places = Places(2)
    with places.one("a"), pytest.raises(RateLimited):
        places.check("a")
    with pytest.raises(KeyError), places.one("a"):
        raise KeyError
    places.check("a")


def test_the_refusal_says_that_it_is_the_servers():
    places = Places(0)
    with pytest.raises(RateLimited) as found:
        places.take("a")
    assert found.value.details == {"limit": "concurrency", "kind": "server", "name": "*", "retry_after": 1}

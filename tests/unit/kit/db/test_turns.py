"""Who comes next where many wait: each in turn."""

import asyncio

import pytest

from toolcrib.kit.db.turns import Turns, in_turn


def taken(queue: str, most: int) -> tuple[str, str]:
    now, later = in_turn(list(queue), most, str.lower)
    return "".join(now), "".join(later)


@pytest.mark.parametrize(
    ("queue", "most", "now", "later"),
    [
        ("aab", 3, "aab", ""),
        ("aaaaab", 3, "aab", "aaa"),
        ("aaaabbbc", 4, "aabc", "aabb"),
        ("aAaAaA", 2, "aA", "aAaA"),
        ("abcabc", 3, "abc", "abc"),
    ],
)
def test_of_each_the_first_comes_before_of_any_the_second_and_order_stays(queue, most, now, later):
    assert taken(queue, most) == (now, later)


async def held(turns: Turns, who: str, seen: list[str], go: asyncio.Event) -> None:
    async with turns.one(who):
        seen.append(who)
        await go.wait()


async def test_places_go_round_those_who_wait():
    turns, seen, go = Turns(1), [], asyncio.Event()
    tasks = [asyncio.create_task(held(turns, who, seen, go)) for who in "aaaabbc"]
    await asyncio.sleep(0)
    assert seen == ["a"]
    go.set()
    await asyncio.gather(*tasks)
    assert "".join(seen) == "aabcaba"


async def test_who_gives_up_leaves_the_place_to_the_next():
    turns, seen, go = Turns(1), [], asyncio.Event()
    first, second, third = [asyncio.create_task(held(turns, who, seen, go)) for who in "abc"]
    await asyncio.sleep(0)
    second.cancel()
    go.set()
    await asyncio.gather(first, second, third, return_exceptions=True)
    assert seen == ["a", "c"]


async def test_who_gives_up_just_as_it_is_called_hands_the_place_on():
    turns, seen = Turns(1), []
    goes = [asyncio.Event() for _ in range(3)]
    first, second, third = [
        asyncio.create_task(held(turns, who, seen, go)) for who, go in zip("abc", goes, strict=True)
    ]
    await asyncio.sleep(0)
    goes[0].set()
    await first
    second.cancel()
    goes[2].set()
    await asyncio.gather(second, third, return_exceptions=True)
    assert seen[0] == "a"
    assert seen[-1] == "c"
    async with asyncio.timeout(5), turns.one("d"):
        seen.append("d")
    assert seen[-1] == "d"

"""What processes tell each other: gathered, short, heard only where it matters; and that they look even when nobody tells."""

import asyncio

from tests.support.fakes import FakeNotices
from toolcrib.contracts.errors import Unavailable
from toolcrib.gateway.news import News


class FakeSnapshots:
    """Counts how often they are refreshed; `failing` of those fail."""

    def __init__(self, *known, failing=0):
        self.known, self.failing, self.refreshed = known, failing, 0
        self.looked = asyncio.Event()

    def at_hand(self, workspace):
        return workspace if workspace in self.known else None

    async def refresh(self):
        self.refreshed += 1
        self.looked.set()
        if self.refreshed <= self.failing:
            raise Unavailable

    async def look(self, seconds=10):
        async with asyncio.timeout(seconds):
            await self.looked.wait()
        self.looked.clear()


class Following:
    """News that are followed until the block ends."""

    def __init__(self, news):
        self.news = news

    async def __aenter__(self):
        self.task = asyncio.create_task(self.news.follow())
        return self.news

    async def __aexit__(self, *_):
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


async def sent(notices):
    async with asyncio.timeout(10):
        while not notices.sent:
            await asyncio.sleep(0)
    return notices.sent


async def test_changes_of_a_moment_are_told_once():
    notices = FakeNotices()
    news = News(FakeSnapshots(), notices)
    for scope in ("w2", "w1", "w2"):
        news.changed(scope)
    assert await sent(notices) == ["w1,w2"]


async def test_a_later_change_is_told_again():
    notices = FakeNotices()
    news = News(FakeSnapshots(), notices)
    news.changed("w1")
    await sent(notices)
    await asyncio.gather(news._sending)
    notices.sent.clear()
    news.changed("w2")
    assert await sent(notices) == ["w2"]


async def test_more_names_than_fit_are_told_as_all():
    notices = FakeNotices()
    news = News(FakeSnapshots(), notices)
    for number in range(1_000):
        news.changed(f"workspace{number}")
    assert await sent(notices) == ["*"]


async def test_where_there_is_nobody_to_tell_nothing_is_told():
    news = News(FakeSnapshots(), None)
    news.changed("w1")
    assert news._sending is None


async def test_what_is_heard_of_a_known_workspace_is_looked_at_at_once():
    notices, snapshots = FakeNotices(), FakeSnapshots("w1")
    async with Following(News(snapshots, notices)):
        await snapshots.look()  # on the connection, as news were missed before it
        for text in ("w1", "w9,w1", "global", "*"):
            notices.heard(text)
            await snapshots.look(0.9)
    assert snapshots.refreshed == 5


async def test_what_is_heard_of_others_is_let_pass():
    notices, snapshots = FakeNotices(), FakeSnapshots("w1")
    async with Following(News(snapshots, notices)):
        await snapshots.look()
        notices.heard("w8,w9")
        for _ in range(50):
            await asyncio.sleep(0)
    assert snapshots.refreshed == 1


async def test_without_any_notice_a_process_looks_every_second():
    snapshots = FakeSnapshots("w1")
    async with Following(News(snapshots, None)):
        await snapshots.look()


async def test_a_look_that_fails_is_not_the_last():
    notices, snapshots = FakeNotices(), FakeSnapshots("w1", failing=1)
    async with Following(News(snapshots, notices)):
        await snapshots.look()
        notices.heard("w1")
        await snapshots.look()
    assert snapshots.refreshed == 2

"""A request leaves at most once, whatever becomes of the connection that was kept for it."""

import asyncio

import pytest

from tests.integration.kit.http.raw import Line, serve, settle
from toolcrib.kit.http import HttpError, HttpFailed, HttpRequest

METHODS = ["GET", "HEAD", "PUT", "DELETE", "POST"]


@pytest.mark.parametrize("method", METHODS)
async def test_a_connection_that_ends_under_a_request_is_not_tried_again(client, method):
    async def answers_then_hangs_up(line: Line) -> None:
        await line.request()
        await line.reply(b"" if method == "HEAD" else b"ok")
        await line.request()

    async with serve(answers_then_hangs_up) as raw:
        await client.send("w", HttpRequest(method, raw.url("/first")))
        with pytest.raises(HttpFailed) as failed:
            await client.send("w", HttpRequest(method, raw.url("/second")))

    assert (failed.value.reason, failed.value.sent) == ("reset", True)
    assert [b"/second" in request for request in raw.journal] == [False, True]
    assert raw.connections == 1


async def test_a_second_try_of_the_library_underneath_does_not_leave(client):
    async def answers_then_hangs_up(line: Line) -> None:
        await line.request()
        await line.reply()
        await line.request()

    client._pools.take("w").session._retry_connection = True
    async with serve(answers_then_hangs_up) as raw:
        await client.send("w", HttpRequest("GET", raw.url()))
        with pytest.raises(HttpFailed) as failed:
            await client.send("w", HttpRequest("GET", raw.url()))
        await settle()

    assert failed.value.sent
    assert len(raw.journal) == 2


@pytest.mark.parametrize("method", METHODS)
async def test_a_reset_under_a_request_is_not_tried_again(client, method):
    async def answers_then_resets(line: Line) -> None:
        await line.request()
        await line.reply(b"" if method == "HEAD" else b"ok")
        await line.request()
        line.reset()

    async with serve(answers_then_resets) as raw:
        await client.send("w", HttpRequest(method, raw.url()))
        with pytest.raises(HttpFailed) as failed:
            await client.send("w", HttpRequest(method, raw.url()))

    assert (failed.value.reason, failed.value.sent) == ("reset", True)
    assert len(raw.journal) == 2


async def test_a_connection_that_was_closed_meanwhile_is_replaced(client):
    async def answers_once(line: Line) -> None:
        await line.request()
        await line.reply()

    async with serve(answers_once) as raw:
        for _ in range(5):
            await client.send("w", HttpRequest("GET", raw.url()))
            await settle()

    assert (raw.connections, len(raw.journal)) == (5, 5)


async def test_an_unexpected_reply_does_not_answer_the_next_request(client):
    flooded = asyncio.Event()

    async def says_more_than_asked(line: Line) -> None:
        await line.request()
        await line.reply(b"first")
        await settle()
        await line.reply(b"poison")
        flooded.set()
        await line.request()
        await line.reply(b"second")

    async with serve(says_more_than_asked) as raw:
        await client.send("w", HttpRequest("GET", raw.url()))
        await flooded.wait()
        await settle()
        reply = await client.send("w", HttpRequest("GET", raw.url()))

    assert reply.body == b"first"
    assert raw.connections == 2


async def test_replies_that_nobody_awaits_do_not_pile_up(client):
    cut: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    async def floods(line: Line) -> None:
        await line.request()
        await line.reply()
        await settle()
        try:
            for _ in range(500):
                await line.send(b"HTTP/1.1 204 No Content\r\n\r\n" * 1000)
        except OSError:
            cut.set_result(True)
        else:
            cut.set_result(False)

    async with serve(floods) as raw:
        await client.send("w", HttpRequest("GET", raw.url()))
        assert await cut


@pytest.mark.parametrize("status", [100, 102, 103])
async def test_endless_interim_replies_end_the_call(client, status):
    async def never_comes_to_the_point(line: Line) -> None:
        await line.request()
        while True:
            await line.send(f"HTTP/1.1 {status} Wait\r\n\r\n".encode())

    async with serve(never_comes_to_the_point) as raw:
        with pytest.raises(HttpError) as failed:
            await client.send("w", HttpRequest("GET", raw.url()))

    assert isinstance(failed.value, HttpFailed)
    assert failed.value.sent


async def test_an_interim_reply_is_passed_over(client):
    async def hints_first(line: Line) -> None:
        await line.request()
        await line.send(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n")
        await line.reply(b"point")

    async with serve(hints_first) as raw:
        reply = await client.send("w", HttpRequest("GET", raw.url()))

    assert reply.body == b"point"

"""Replies that are read as they come: piece by piece, without an end, and broken off in every way."""

import asyncio

import pytest

from tests.integration.kit.http.raw import serve
from toolcrib.kit.http import Egress, EgressDenied, HttpClient, HttpFailed, HttpRequest, HttpTimeout

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


def chunk(data):
    return b"%x\r\n%b\r\n" % (len(data), data)


async def read(client, url, **rest):
    """What comes until it ends."""
    async with client.stream("w", HttpRequest("GET", url, **rest)) as stream:
        return [piece async for piece in stream.pieces()]


async def test_each_piece_is_handed_on_when_it_comes(client):
    go = asyncio.Event()

    async def script(line):
        await line.request()
        await line.send(CHUNKED + chunk(b"one"))
        await go.wait()
        await line.send(chunk(b"two") + b"0\r\n\r\n")

    async with (
        serve(script) as raw,
        client.stream("w", HttpRequest("GET", raw.url(), (("Last-Event-ID", "7"),))) as stream,
    ):
        pieces = stream.pieces()
        assert (stream.status, stream.headers["content-type"]) == (200, "text/event-stream")
        assert await anext(pieces) == b"one"
        go.set()
        assert [piece async for piece in pieces] == [b"two"]
        assert b"Last-Event-ID: 7" in raw.journal[0]


async def test_an_answer_that_is_no_stream_is_read_whole(client):
    async def script(line):
        await line.request()
        await line.send(b"HTTP/1.1 403 No\r\nContent-Length: 4\r\n\r\nnope")

    async with serve(script) as raw, client.stream("w", HttpRequest("GET", raw.url())) as stream:
        assert (stream.status, await stream.body()) == (403, b"nope")


async def test_an_answer_over_the_limit_is_given_up(client):
    async def script(line):
        await line.request()
        await line.send(b"HTTP/1.1 403 No\r\nContent-Length: 9\r\n\r\nnope nope")

    async with serve(script) as raw:
        request = HttpRequest("GET", raw.url(), max_reply=8)
        async with client.stream("w", request) as stream:
            with pytest.raises(HttpFailed):
                await stream.body()


@pytest.mark.parametrize("whole", [False, True])
async def test_a_connection_that_breaks_is_told(client, whole):
    async def script(line):
        await line.request()
        await line.send(CHUNKED + chunk(b"one"))
        line.reset()

    async with serve(script) as raw, client.stream("w", HttpRequest("GET", raw.url())) as stream:
        with pytest.raises(HttpFailed):
            await (stream.body() if whole else drained(stream))


async def drained(stream):
    return [piece async for piece in stream.pieces()]


async def test_a_silence_that_lasts_too_long_is_told(client):
    async def script(line):
        await line.request()
        await line.send(CHUNKED + chunk(b"one"))
        await asyncio.Event().wait()

    async with serve(script) as raw:
        with pytest.raises(HttpTimeout):
            await read(client, raw.url(), timeout=0.05)


async def test_a_packed_stream_is_refused(client):
    async def script(line):
        await line.request()
        await line.send(HEAD + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\nxx")

    async with serve(script) as raw:
        with pytest.raises(HttpFailed):
            await read(client, raw.url())


async def test_a_stream_from_a_forbidden_place_is_not_opened():
    guarded = HttpClient(Egress.parse(""))
    with pytest.raises(EgressDenied):
        await read(guarded, "http://127.0.0.1:1/")
    await guarded.close()


async def test_where_nobody_listens_is_told(client):
    with pytest.raises(HttpFailed):
        await read(client, "http://127.0.0.1:1/")


async def test_a_reader_that_leaves_closes_the_connection(client):
    gone = asyncio.Event()

    async def script(line):
        await line.request()
        await line.send(CHUNKED + chunk(b"one"))
        await line.reader.read()
        gone.set()

    async with serve(script) as raw:
        async with client.stream("w", HttpRequest("GET", raw.url())) as stream:
            assert await anext(stream.pieces()) == b"one"
        await asyncio.wait_for(gone.wait(), 30)

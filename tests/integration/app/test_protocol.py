"""A client on a raw socket before a real server: heads and bodies have a size and a time, and the punctual notice nothing."""

import asyncio
import contextlib

import pytest
import uvicorn
from uvicorn.server import ServerState

from toolcrib.app.protocol import BoundedProtocol

WHOLE = b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"


class Quick(BoundedProtocol):
    head_seconds = 0.15
    body_seconds = 0.3


class Patient(BoundedProtocol):
    """Nobody is late here."""

    head_seconds = 60.0


class App:
    """Answers with the size of the body, once it may; `broken` counts the requests that broke off."""

    def __init__(self):
        self.may = asyncio.Event()
        self.may.set()
        self.begun = 0
        self.broken = asyncio.Event()

    async def __call__(self, scope, receive, send):
        self.begun += 1
        size, more = 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.broken.set()
                return
            size, more = size + len(message["body"]), message["more_body"]
        await self.may.wait()
        body = str(size).encode()
        headers = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


@contextlib.asynccontextmanager
async def connected(app, protocol):
    config = uvicorn.Config(
        app, http=protocol, lifespan="off", access_log=False, log_config=None, timeout_keep_alive=60
    )
    config.load()
    state = ServerState()
    server = await asyncio.get_running_loop().create_server(
        lambda: protocol(config, state, {}), "127.0.0.1", 0
    )
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    try:
        async with asyncio.timeout(60):
            yield reader, writer
    finally:
        writer.close()
        server.close()


async def to_the_end(reader):
    with contextlib.suppress(ConnectionError):
        return await reader.read()
    return b""


@pytest.mark.parametrize(
    "pieces",
    [
        [b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n"],
        [b"GET /", *[b"a" * 1_000] * 70],
        [b"GET / HTTP/1.1\r\nX-A: ", *[b"a" * 1_000] * 70],
        [b"GET / HTTP/1.1\r\n", *[b"X-%d: a\r\n" % n for n in range(10_000)]],
        [WHOLE + b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: a\r\n" % n for n in range(9_000)) + b"\r\n"],
        [b"\r\n" * 40_000],
    ],
    ids=["url", "url-in-pieces", "header", "headers", "second-request", "empty-lines"],
)
async def test_a_head_that_is_too_large_is_refused_and_the_connection_ends(pieces):
    app = App()
    async with connected(app, Patient) as (reader, writer):
        if pieces[0].startswith(WHOLE):
            writer.write(WHOLE)
            await reader.readuntil(b"\r\n\r\n3")
            pieces = [pieces[0].removeprefix(WHOLE)]
        begun = app.begun
        for piece in pieces:
            writer.write(piece)
        answer = await to_the_end(reader)
    assert answer.startswith(b"HTTP/1.1 431 ")
    assert b'"code":"VALIDATION_ERROR"' in answer
    assert app.begun == begun


async def test_a_client_that_goes_on_after_the_refusal_is_cut():
    async with connected(App(), Quick) as (reader, writer):
        writer.write(b"GET /" + b"a" * 70_000)
        assert b"431" in await to_the_end(reader)
        with pytest.raises(ConnectionError):
            await keep_writing(writer)


async def keep_writing(writer):
    while True:
        writer.write(b"a" * 10_000)
        await writer.drain()
        await asyncio.sleep(0)


async def test_a_head_within_the_limit_and_a_large_body_are_taken():
    head = b"POST / HTTP/1.1\r\nContent-Length: 300000\r\nX-A: " + b"a" * 65_000 + b"\r\n\r\n"
    async with connected(App(), Patient) as (reader, writer):
        for _ in range(3):
            writer.write(head + b"x" * 300_000)
        for _ in range(3):
            assert (await reader.readuntil(b"300000")).startswith(b"HTTP/1.1 200 ")


async def test_a_large_head_behind_a_request_that_runs_is_not_answered_in_its_place():
    app = App()
    app.may.clear()
    async with connected(app, Patient) as (reader, writer):
        writer.write(WHOLE + b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n")
        assert b"431" not in await to_the_end(reader)
    assert app.begun == 1


@pytest.mark.parametrize("sent", [b"", b"\r\n", b"GET / HT", b"GET / HTTP/1.1\r\nX-A: b"])
async def test_a_head_that_takes_too_long_ends_the_connection(sent):
    app = App()
    async with connected(app, Quick) as (reader, writer):
        writer.write(sent)
        assert await to_the_end(reader) == b""
    assert app.begun == 0


async def test_a_head_that_comes_drop_by_drop_is_no_better():
    async with connected(App(), Quick) as (reader, writer):
        ended = asyncio.create_task(to_the_end(reader))
        writer.write(b"GET / HTTP/1.1\r\n")
        while not ended.done():
            with contextlib.suppress(ConnectionError):
                writer.write(b"X: y\r\n")
                await writer.drain()
            await asyncio.wait([ended], timeout=0.02)
        assert ended.result() == b""


@pytest.mark.parametrize("framing", [b"Content-Length: 9", b"Transfer-Encoding: chunked"])
async def test_a_body_that_takes_too_long_ends_the_connection(framing):
    app = App()
    async with connected(app, Quick) as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\n" + framing + b"\r\n\r\n")
        assert await to_the_end(reader) == b""
        await app.broken.wait()


async def test_an_answer_may_take_longer_and_what_follows_waits_for_it():
    app = App()
    app.may.clear()
    async with connected(app, Quick) as (reader, writer):
        writer.write(WHOLE + b"POST /b HTTP/1.1\r\nContent-Le")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.0):
                await reader.read(1)
        app.may.set()
        assert (await reader.readuntil(b"\r\n\r\n3")).startswith(b"HTTP/1.1 200 ")
        writer.write(b"ngth: 4\r\n\r\nabcd")
        assert (await reader.readuntil(b"\r\n\r\n4")).startswith(b"HTTP/1.1 200 ")


async def test_what_is_no_http_is_answered_in_the_one_form_of_errors():
    async with connected(App(), Patient) as (reader, writer):
        writer.write(b"nonsense\r\n\r\n")
        answer = await to_the_end(reader)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"x-content-type-options: nosniff\r\n" in answer
    assert answer.endswith(b'"retryable":false}}')


async def test_what_is_no_http_behind_a_request_that_runs_is_not_answered_in_its_place():
    app = App()
    app.may.clear()
    async with connected(app, Patient) as (reader, writer):
        writer.write(WHOLE)
        while not app.begun:
            await asyncio.sleep(0)
        writer.write(b"nonsense\r\n\r\n")
        assert await to_the_end(reader) == b""

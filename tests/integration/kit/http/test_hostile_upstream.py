"""Upstreams that are slow, endless, broken or lying: each call ends, by its deadline or at its limit, with a reason."""

import asyncio
import gzip
import tracemalloc

import pytest

from tests.integration.kit.http.raw import Line, always, once, serve
from toolcrib.kit.http import Egress, HttpClient, HttpFailed, HttpRequest, HttpTimeout
from toolcrib.kit.http.client import _deadlines

LIMIT = 100_000
BOMB = gzip.compress(bytes(100_000_000))


def packed(body: bytes, encoding: bytes = b"gzip") -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: %b\r\nContent-Length: %d\r\n\r\n"
    return head % (encoding, len(body)) + body


def with_head(head: bytes, body: bytes = b"") -> bytes:
    return b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n" + body


FAILS = {
    "closes without a word": (b"", "reset"),
    "speaks no HTTP": (b"SSH-2.0-OpenSSH_9.2\r\n", "protocol"),
    "speaks binary": (bytes(range(256)), "protocol"),
    "speaks a version to come": (b"HTTP/9.9 200 OK\r\n\r\n", "protocol"),
    "breaks off in the head": (b"HTTP/1.1 200 OK\r\nContent-Le", "reset"),
    "promises more than it sends": (with_head(b"Content-Length: 10", b"short"), "protocol"),
    "has two lengths": (with_head(b"Content-Length: 1\r\nContent-Length: 2", b"xx"), "protocol"),
    "has a negative length": (with_head(b"Content-Length: -1", b"x"), "protocol"),
    "has a length in words": (with_head(b"Content-Length: many", b"x"), "protocol"),
    "has a length and chunks": (
        with_head(b"Content-Length: 1\r\nTransfer-Encoding: chunked", b"0\r\n\r\n"),
        "protocol",
    ),
    "has a bad chunk size": (with_head(b"Transfer-Encoding: chunked", b"zz\r\nx\r\n0\r\n\r\n"), "protocol"),
    "breaks off in a chunk": (with_head(b"Transfer-Encoding: chunked", b"5\r\nab"), "protocol"),
    "packs its transfer": (
        with_head(b"Transfer-Encoding: gzip, chunked", b"1\r\nx\r\n0\r\n\r\n"),
        "protocol",
    ),
    "has a flood of headers": (with_head(b"\r\n".join(b"X-%d: y" % n for n in range(20_000))), "protocol"),
    "has an endless header": (with_head(b"X-A: " + b"y" * 1_000_000), "protocol"),
    "has an endless status line": (b"HTTP/1.1 200 " + b"y" * 1_000_000, "protocol"),
    "has a null in a header": (with_head(b"X-A: a\x00b\r\nContent-Length: 0"), "protocol"),
    "switches protocols": (
        b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
        "protocol",
    ),
    "declares too much": (with_head(b"Content-Length: 10000000000"), "too_large"),
    "sends too much": (with_head(b"X-A: 1", b"x" * (LIMIT + 1)), "too_large"),
    "is a bomb": (packed(BOMB), "too_large"),
    "is a bomb in deflate": (packed(b"x\x9c" + BOMB[10:-8] + b"0000", b"deflate"), "too_large"),
    "is packed twice and says so": (packed(gzip.compress(BOMB), b"gzip, gzip"), "encoding"),
    "is packed unasked": (packed(b"x", b"br"), "encoding"),
    "says gzip and is not": (packed(b"plain"), "encoding"),
    "breaks off in gzip": (packed(gzip.compress(b"x" * 999)[:-9]), "encoding"),
}


@pytest.mark.parametrize(("reply", "reason"), FAILS.values(), ids=FAILS)
async def test_an_upstream_that(client, reply, reason):
    async with serve(once(reply)) as raw:
        with pytest.raises(HttpFailed) as failed:
            await client.send("w", HttpRequest("GET", raw.url("/?key=secret"), max_reply=LIMIT))

    assert (failed.value.reason, failed.value.sent) == (reason, True)
    assert "secret" not in str(failed.value)


async def endless_body(line: Line) -> None:
    await line.request()
    await line.send(with_head(b"Transfer-Encoding: chunked"))
    while True:
        await line.send(b"1000\r\n" + b"x" * 0x1000 + b"\r\n")


async def endless_small_chunks(line: Line) -> None:
    await line.request()
    await line.send(with_head(b"Transfer-Encoding: chunked"))
    while True:
        await line.send(b"1\r\nx\r\n" * 5000)


async def endless_gzip(line: Line) -> None:
    await line.request()
    await line.send(with_head(b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked"))
    while True:
        await line.send(b"%x\r\n" % len(BOMB) + BOMB + b"\r\n")


@pytest.mark.parametrize("script", [endless_body, endless_small_chunks, endless_gzip])
async def test_an_endless_body_ends_at_the_limit_in_flat_memory(client, script):
    async with serve(script) as raw:
        tracemalloc.start()
        with pytest.raises(HttpFailed) as failed:
            await client.send("w", HttpRequest("GET", raw.url(), max_reply=LIMIT))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()

    assert failed.value.reason == "too_large"
    assert peak < 16_000_000


async def never_answers(line: Line) -> None:
    await line.request()
    await line.reader.read()


async def drips_its_head(line: Line) -> None:
    await line.request()
    for byte in with_head(b"X-A: " + b"y" * 5000):
        await line.send(bytes([byte]))
        await asyncio.sleep(0.02)


async def drips_its_body(line: Line) -> None:
    await line.request()
    await line.send(with_head(b"Content-Length: 5000"))
    while True:
        await line.send(b"x")
        await asyncio.sleep(0.02)


async def never_reads(line: Line) -> None:
    line.writer.transport.pause_reading()
    await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("script", "size"),
    [(never_answers, 1), (drips_its_head, 1), (drips_its_body, 1), (never_reads, 20_000_000)],
)
async def test_the_deadline_ends_a_call_that(client, script, size):
    async with serve(script) as raw:
        request = HttpRequest("POST", raw.url(), body=b"x" * size, max_request=30_000_000, timeout=0.3)
        with pytest.raises(HttpTimeout) as failed:
            await client.send("w", request)

    assert failed.value.sent


async def test_the_deadline_covers_the_look_up():
    async def hangs(host: str, port: int) -> list[str]:
        await asyncio.Event().wait()
        return []

    client = HttpClient(Egress(), resolve=hangs)
    with pytest.raises(HttpTimeout) as failed:
        await client.send("w", HttpRequest("GET", "https://slow.example/", timeout=0.1))
    await client.close()

    assert not failed.value.sent


def test_silence_may_last_ten_seconds_and_longer_only_where_the_call_may():
    assert (_deadlines(30.0).sock_read, _deadlines(5.0).sock_read, _deadlines(120.0).sock_read) == (
        10,
        10,
        40,
    )
    assert (_deadlines(30.0).connect, _deadlines(30.0).total) == (5, 30)


async def test_a_failed_connection_is_not_used_again(client):
    async def lies_then_answers(line: Line) -> None:
        await line.request()
        await line.send(with_head(b"Content-Length: 10000000000"))
        await line.request()
        await line.reply(b"late")

    async with serve(lies_then_answers) as raw:
        for _ in range(2):
            with pytest.raises(HttpFailed):
                await client.send("w", HttpRequest("GET", raw.url()))

    assert raw.connections == 2


@pytest.mark.parametrize("encoding", [b"gzip", b"GZIP ", b"x-gzip"])
async def test_a_packed_reply_is_unpacked_and_no_longer_says_that_it_is_packed(client, encoding):
    async with serve(always(packed(gzip.compress(b"hello"), encoding))) as raw:
        reply = await client.send("w", HttpRequest("GET", raw.url()))

    assert (reply.body, dict(reply.headers)) == (b"hello", {})


async def test_a_plain_reply_may_say_that_it_is_plain(client):
    async with serve(always(packed(b"hello", b"identity"))) as raw:
        reply = await client.send("w", HttpRequest("GET", raw.url()))

    assert (reply.body, reply.headers["content-length"]) == (b"hello", "5")


async def test_a_reply_may_come_before_the_request_has_left(client):
    async def refuses_early(line: Line) -> None:
        await line.reader.readuntil(b"\r\n\r\n")
        await line.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno")
        await line.reader.read()

    async with serve(refuses_early) as raw:
        request = HttpRequest("POST", raw.url(), body=b"x" * 3_000_000, max_request=4_000_000)
        reply = await client.send("w", request)

    assert (reply.status, reply.body) == (413, b"no")

"""The client against an honest server: what is sent is what was asked for, once, over the workspace's own connections."""

import asyncio

import pytest

from tests.integration.kit.http.raw import Line, always, once, serve
from toolcrib.kit.http import Egress, EgressDenied, HttpClient, HttpFailed, HttpRequest
from toolcrib.kit.http.wire import MOST_CONNECTIONS, MOST_TO_ONE_HOST

OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 9\r\n\r\n<h1>x</h1"


async def test_a_request_is_sent_as_it_stands(client):
    async with serve(always(OK)) as raw:
        headers = (("Authorization", "Bearer k"), ("X-A", "1"), ("X-A", "2"))
        reply = await client.send(
            "w", HttpRequest("GET", raw.url("//a/%7Eb%2Fc/...?q=%20[x]&u=a/../b"), headers)
        )

    lines = raw.journal[0].decode().split("\r\n")
    assert (reply.status, reply.headers["content-type"], reply.body) == (200, "text/html", b"<h1>x</h1")
    assert lines[:2] == ["GET //a/%7Eb%2Fc/...?q=%20[x]&u=a/../b HTTP/1.1", f"Host: 127.0.0.1:{raw.port}"]
    assert sorted(lines[2:-2]) == [
        "Accept-Encoding: gzip, deflate",
        "Accept: */*",
        "Authorization: Bearer k",
        "User-Agent: toolcrib",
        "X-A: 1",
        "X-A: 2",
    ]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "GET"])
@pytest.mark.parametrize("size", [0, 2, 100_000, 1_500_000])
async def test_a_body_is_sent_whole_and_nothing_is_said_about_its_type(client, method, size):
    async with serve(always(OK)) as raw:
        request = HttpRequest(method, raw.url(), body=b"x" * size, max_request=2_000_000)
        await client.send("w", request)

    head, _, body = raw.journal[0].partition(b"\r\n\r\n")
    assert (len(body), b"content-type" in head.lower()) == (size, False)


async def test_one_workspace_keeps_its_connection(client):
    async with serve(always(OK)) as raw:
        for _ in range(3):
            await client.send("w", HttpRequest("GET", raw.url()))

    assert (raw.connections, len(raw.journal)) == (1, 3)


async def test_connections_are_not_shared_between_workspaces(client):
    async with serve(always(OK)) as raw:
        for pool in ("a", "b", "a", "b"):
            await client.send(pool, HttpRequest("GET", raw.url()))

    assert raw.connections == 2


async def test_a_cookie_is_not_kept(client):
    reply = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2; Path=/\r\nContent-Length: 0\r\n\r\n"
    async with serve(always(reply)) as raw:
        first = await client.send("w", HttpRequest("GET", raw.url()))
        await client.send("w", HttpRequest("GET", raw.url()))

    assert first.headers["set-cookie"] == "a=1, b=2; Path=/"
    assert b"cookie" not in raw.journal[1].lower()


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308])
async def test_a_redirect_is_a_reply(client, status):
    async with serve(always(OK)) as other:
        location = f"HTTP/1.1 {status} Go\r\nLocation: {other.url()}\r\nRefresh: 0; url={other.url()}\r\nContent-Length: 0\r\n\r\n"
        async with serve(always(location.encode())) as raw:
            reply = await client.send("w", HttpRequest("GET", raw.url()))

    assert (reply.status, reply.headers["location"]) == (status, other.url())
    assert other.connections == 0


async def test_the_environment_names_no_proxy_and_no_password(client, monkeypatch, tmp_path):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login l password p\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    async with serve(always(OK)) as proxy, serve(always(OK)) as raw:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url())
        await client.send("w", HttpRequest("GET", raw.url()))

    assert (proxy.connections, raw.connections) == (0, 1)
    assert b"authorization" not in raw.journal[0].lower()


async def test_head_and_empty_replies_have_no_body(client):
    async with serve(
        always(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\nContent-Encoding: gzip\r\n\r\n")
    ) as raw:
        reply = await client.send("w", HttpRequest("HEAD", raw.url()))
    async with serve(always(b"HTTP/1.1 204 No Content\r\n\r\n")) as empty:
        none = await client.send("w", HttpRequest("GET", empty.url()))

    assert (reply.body, reply.headers["content-length"]) == (b"", "99999999")
    assert (none.status, none.body) == (204, b"")


async def test_an_upstream_that_hangs_leaves_connections_for_others(client):
    hung, go = asyncio.Event(), asyncio.Event()

    async def hang(_line):
        if hanging.connections == MOST_TO_ONE_HOST:
            hung.set()
        await go.wait()

    async with serve(hang) as hanging, serve(always(OK)) as quick:
        slow = [
            asyncio.create_task(client.send("w", HttpRequest("GET", hanging.url())))
            for _ in range(MOST_CONNECTIONS + 10)
        ]
        await hung.wait()
        assert (await client.send("w", HttpRequest("GET", quick.url()))).status == 200
        for task in slow:
            task.cancel()
        await asyncio.gather(*slow, return_exceptions=True)
        go.set()
        assert hanging.connections == MOST_TO_ONE_HOST


async def test_an_own_port_is_refused_even_where_loopback_is_allowed():
    async with serve(always(OK)) as raw:
        ports: set[int] = set()
        client = HttpClient(Egress.parse("127.0.0.0/8,[::1],localhost,0.0.0.0"), own_ports=lambda: ports)
        await client.send("w", HttpRequest("GET", raw.url()))
        ports.add(raw.port)
        for host in ("127.0.0.1", "127.9.9.9", "localhost", "[::1]", "0.0.0.0"):
            with pytest.raises(EgressDenied):
                await client.send("other", HttpRequest("GET", f"http://{host}:{raw.port}/"))
        await client.close()

    assert raw.connections == 1


async def test_a_closed_port_is_a_failed_connection_and_nothing_was_sent(client):
    async with serve(always(OK)) as raw:
        url = raw.url("/?key=secret")
    with pytest.raises(HttpFailed) as failed:
        await client.send("w", HttpRequest("GET", url))

    assert (failed.value.reason, failed.value.sent) == ("connect", False)
    assert not {"secret", str(raw.port), "127.0.0.1"} & set(str(failed.value).split())


async def test_many_callers_share_the_client(client):
    async with serve(always(OK)) as raw:
        replies = await asyncio.gather(
            *[client.send(f"w{n % 4}", HttpRequest("GET", raw.url())) for n in range(100)]
        )

    assert {reply.status for reply in replies} == {200}
    assert len(raw.journal) == 100


async def test_a_cancelled_call_leaves_no_connection_behind(client):
    heard, gone = asyncio.Event(), asyncio.Event()

    async def waits(line: Line) -> None:
        await line.request()
        heard.set()
        await line.reader.read()
        gone.set()

    async with serve(waits) as raw:
        call = asyncio.create_task(client.send("w", HttpRequest("GET", raw.url())))
        await heard.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await gone.wait()


async def test_nothing_is_sent_after_the_end():
    client = HttpClient(Egress.parse("127.0.0.1"))
    async with serve(once(OK)) as raw:
        await client.close()
        with pytest.raises(RuntimeError):
            await client.send("w", HttpRequest("GET", raw.url()))

    assert raw.connections == 0


async def test_the_end_ends_calls_under_way():
    heard = asyncio.Event()

    async def waits(line: Line) -> None:
        await line.request()
        heard.set()
        await line.reader.read()

    client = HttpClient(Egress.parse("127.0.0.1"))
    async with serve(waits) as raw:
        call = asyncio.create_task(client.send("w", HttpRequest("GET", raw.url())))
        await heard.wait()
        await client.close()
        with pytest.raises(HttpFailed) as failed:
            await call

    assert failed.value.sent

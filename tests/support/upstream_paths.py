"""What the scripted upstream answers, by path. A handler writes its answer and says whether the connection stays open.

/quote            the quote of a stock, in the shape of Alpha Vantage
/note             200 and a note instead of a quote: the calls of today are used up
/v2/next          the next high tide at a harbour, with units and dotted keys
/echo             the request as JSON               /echo-key         every header raw, base64, hex, percent-encoded
/say?json=TEXT    200 and that text
/status/N         that status with a JSON body      /redirect?to=URL  302 there (&status=307 for another)
/slow?seconds=S   answers late                      /drip?seconds=S&bytes=N  a byte at a time
/hold             answers after `release`           /reset            cuts the connection with RST, unanswered
/cut              half an answer, then the end      /html             a page where JSON is expected
/nan              NaN and Infinity as numbers       /duplicate        the same member twice
/deep?levels=N    nested arrays                     /big?bytes=N      a JSON string of that length
/gzip-bomb?mb=N   N MB of spaces, about 1/200 of it on the wire
/cookie           sets a cookie                     /empty            204
"""

import asyncio
import base64
import socket
import struct
import zlib
from collections.abc import Awaitable, Callable
from functools import lru_cache
from urllib.parse import quote as percent_encoded

from tests.support.upstream_wire import Request, head, send

Writer = asyncio.StreamWriter
Handler = Callable[[Request, Writer, asyncio.Event], Awaitable[bool]]
QUOTE = {"Global Quote": {"01. symbol": "IBM", "05. price": "241.5000"}}
TIDES = {"Dover": 6.41, "Oslo": 0.32}
BOUND = {"seconds": 60.0, "bytes": 1 << 28, "mb": 4096, "levels": 100_000}


async def answer(request: Request, writer: Writer, release: asyncio.Event) -> bool:
    if request.path.startswith("/status/"):
        return await send(
            writer, int(request.path.rpartition("/")[2]), {"status": request.path.rpartition("/")[2]}
        )
    handler = HANDLERS.get(request.path)
    if handler is None:
        return await send(writer, 404, {"error": "no such path", "path": request.path})
    return await handler(request, writer, release)


def number(request: Request, name: str, default: float) -> float:
    return min(float(request.query.get(name, default)), BOUND[name])


async def quote(request: Request, writer: Writer, _: asyncio.Event) -> bool:
    symbol = request.query.get("symbol", "IBM")
    return await send(writer, 200, {"Global Quote": QUOTE["Global Quote"] | {"01. symbol": symbol}})


async def note(_: Request, writer: Writer, __: asyncio.Event) -> bool:
    return await send(writer, 200, {"Note": "The calls of today are used up."})


async def say(request: Request, writer: Writer, _: asyncio.Event) -> bool:
    return await send(writer, 200, request.query.get("json", "").encode())


async def tide(request: Request, writer: Writer, _: asyncio.Event) -> bool:
    height = f"{TIDES.get(request.query.get('h', ''), 0.0):.2f}"
    found = {
        "01. height": height,
        "02. unit": request.query.get("unit"),
        "time": {"utc": "2026-11-21T04:12:00Z"},
    }
    return await send(writer, 200, {"Next Tide": found})


async def echo(request: Request, writer: Writer, _: asyncio.Event) -> bool:
    return await send(writer, 200, request.as_json())


async def echo_key(request: Request, writer: Writer, _: asyncio.Event) -> bool:
    values = {name.lower(): value for name, value in request.headers} | request.query
    content = {
        "raw": values,
        "base64": {name: base64.b64encode(value.encode()).decode() for name, value in values.items()},
        "base64url": {
            name: base64.urlsafe_b64encode(value.encode()).decode().rstrip("=")
            for name, value in values.items()
        },
        "hex": {name: value.encode().hex() for name, value in values.items()},
        "percent": {
            name: "".join(f"%{byte:02X}" for byte in value.encode()) for name, value in values.items()
        },
        "quoted": {name: percent_encoded(value, safe="") for name, value in values.items()},
        "sentence": f"you sent {request.header('authorization')} and {request.header('x-key')}",
    }
    return await send(writer, 200, content)


async def slow(request: Request, writer: Writer, _: asyncio.Event) -> bool:
    await asyncio.sleep(number(request, "seconds", 1))
    return await send(writer, 200, {"slow": True})


async def hold(_: Request, writer: Writer, release: asyncio.Event) -> bool:
    await release.wait()
    return await send(writer, 200, {"held": True})


async def reset(_: Request, writer: Writer, __: asyncio.Event) -> bool:
    connection: socket.socket = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
    return False


async def cut(_: Request, writer: Writer, __: asyncio.Event) -> bool:
    writer.write(head(200, {"Content-Type": "application/json", "Content-Length": "1000"}) + b'{"half": ')
    await writer.drain()
    return False


async def html(_: Request, writer: Writer, __: asyncio.Event) -> bool:
    return await send(writer, 200, b"<!doctype html><title>Sign in</title>", {"Content-Type": "text/html"})


async def nan(_: Request, writer: Writer, __: asyncio.Event) -> bool:
    return await send(writer, 200, b'{"price": NaN, "high": Infinity, "low": -Infinity}')


async def duplicate(_: Request, writer: Writer, __: asyncio.Event) -> bool:
    return await send(writer, 200, b'{"price": 1, "price": 2}')


async def deep(request: Request, writer: Writer, _: asyncio.Event) -> bool:
    levels = int(number(request, "levels", 1000))
    return await send(writer, 200, b"[" * levels + b"]" * levels)


async def big(request: Request, writer: Writer, _: asyncio.Event) -> bool:
    return await send(writer, 200, b'"' + b"a" * int(number(request, "bytes", 1 << 20)) + b'"')


async def gzip_bomb(request: Request, writer: Writer, _: asyncio.Event) -> bool:
    return await send(writer, 200, spaces(int(number(request, "mb", 128))), {"Content-Encoding": "gzip"})


@lru_cache(4)
def spaces(megabytes: int) -> bytes:
    packer = zlib.compressobj(1, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    packed = [packer.compress(b" " * (1 << 20)) for _ in range(megabytes)]
    return b"".join([*packed, packer.flush()])


async def redirect(request: Request, writer: Writer, _: asyncio.Event) -> bool:
    status = int(request.query.get("status", "302"))
    return await send(writer, status, {"moved": True}, {"Location": request.query.get("to", "/quote")})


async def drip(request: Request, writer: Writer, _: asyncio.Event) -> bool:
    seconds, count = number(request, "seconds", 10), int(number(request, "bytes", 100))
    writer.write(head(200, {"Content-Type": "application/json", "Content-Length": str(count)}))
    for position in range(count):
        writer.write(b'"' if position in {0, count - 1} else b"a")
        await writer.drain()
        await asyncio.sleep(seconds / count)
    return True


async def cookie(_: Request, writer: Writer, __: asyncio.Event) -> bool:
    return await send(writer, 200, {"cookie": True}, {"Set-Cookie": "session=abc; Path=/"})


async def empty(_: Request, writer: Writer, __: asyncio.Event) -> bool:
    return await send(writer, 204, b"")


HANDLERS: dict[str, Handler] = {
    "/quote": quote,
    "/query": quote,
    "/say": say,
    "/note": note,
    "/v2/next": tide,
    "/echo": echo,
    "/echo-key": echo_key,
    "/slow": slow,
    "/hold": hold,
    "/reset": reset,
    "/cut": cut,
    "/html": html,
    "/nan": nan,
    "/duplicate": duplicate,
    "/deep": deep,
    "/big": big,
    "/gzip-bomb": gzip_bomb,
    "/redirect": redirect,
    "/drip": drip,
    "/cookie": cookie,
    "/empty": empty,
}

"""Processes of a measurement: `python -m scripts.bench.parts upstream PORT` and `… passthrough PORT UPSTREAM`."""

import asyncio
import json
import sys
from typing import Any, cast

import aiohttp
import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

REPLY = json.dumps(
    {"quote": {"01. symbol": "IBM", "05. price": "241.5000", "06. volume": "3911522"}}
).encode()
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(REPLY)


class Upstream(asyncio.Protocol):
    """Answers every request head at once with the same quote."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._transport.write((HEAD + REPLY) * data.count(b"\r\n\r\n"))


async def upstream(port: int) -> None:
    """Serve until killed."""
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", port)
    await server.serve_forever()


def passthrough(port: int, upstream_url: str) -> None:
    """A bare Starlette application that calls the upstream, records nothing and validates nothing."""
    held: dict[str, Any] = {}

    async def call(request: Request) -> Response:
        if "session" not in held:
            held["session"] = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        body = orjson.loads(await request.body())
        async with held["session"].get(upstream_url, params={"symbol": body["input"]["symbol"]}) as reply:
            found = orjson.loads(await reply.read())
        return Response(
            orjson.dumps({"price": float(found["quote"]["05. price"])}), media_type="application/json"
        )

    app = Starlette(routes=[Route("/call", call, methods=["POST"])])
    uvicorn.run(app, host="127.0.0.1", port=port, access_log=False, log_level="warning")


if __name__ == "__main__":
    if sys.argv[1] == "upstream":
        asyncio.run(upstream(int(sys.argv[2])))
    else:
        passthrough(int(sys.argv[2]), sys.argv[3])

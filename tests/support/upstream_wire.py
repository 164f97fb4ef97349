"""HTTP/1.1 as the scripted upstream reads and writes it: little, and exactly the bytes it says."""

import asyncio
import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, urlsplit

BODILESS = {204, 304}


@dataclass(frozen=True)
class Request:
    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def as_json(self) -> dict[str, Any]:
        headers = {name.lower(): value for name, value in self.headers}
        body = self.body.decode("utf-8", "replace")
        return {
            "method": self.method,
            "path": self.path,
            "query": self.query,
            "headers": headers,
            "body": body,
        }


async def read_request(reader: asyncio.StreamReader) -> Request | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.decode("latin-1").split("\r\n")[:-2]
    method, target, _ = first.split(" ", 2)
    headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    named = {name.lower(): value for name, value in headers}
    if named.get("transfer-encoding", "").lower() == "chunked":
        return Request(method, target, headers, await _chunks(reader))
    return Request(method, target, headers, await reader.readexactly(int(named.get("content-length", "0"))))


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        body += (await reader.readexactly(size + 2))[:-2]
    await reader.readuntil(b"\r\n")
    return body


async def send(
    writer: asyncio.StreamWriter, status: int, content: Any, headers: dict[str, str] | None = None
) -> bool:
    """`content` goes out as it is if it is bytes, else as JSON."""
    if status in BODILESS:
        writer.write(head(status, headers or {}))
        await writer.drain()
        return True
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    named = {"Content-Type": "application/json", "Content-Length": str(len(body))} | (headers or {})
    writer.write(head(status, named) + body)
    await writer.drain()
    return True


def head(status: int, headers: dict[str, str]) -> bytes:
    reason = HTTPStatus(status).phrase if status in list(HTTPStatus) else "Unknown"
    lines = [f"HTTP/1.1 {status} {reason}", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

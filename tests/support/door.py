"""The HTTP door in-process: requests straight into the ASGI application, no socket."""

import asyncio
import json as json_module
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from starlette.types import ASGIApp, Message

from tests.support.client import Reply


@dataclass(frozen=True)
class Door:
    """Asks as the holder of `key`; an empty one sends no credential."""

    app: ASGIApp
    key: str = ""

    def as_(self, key: str) -> "Door":
        return Door(self.app, key)

    async def __call__(
        self,
        method: str,
        path: str,
        json: Any = None,
        *,
        raw: bytes | None = None,
        headers: dict[str, str] | None = None,
        messages: Iterable[Message] | None = None,
        stays: bool = False,
    ) -> Reply:
        """`messages` are what the server hands on of the body; without them it comes as one. Who `stays` reads to the
        end of the answer; others are gone once they have asked.
        """
        route, _, query = path.partition("?")
        body = raw if raw is not None else b"" if json is None else json_module.dumps(json).encode()
        sent = iter(messages or [{"type": "http.request", "body": body, "more_body": False}])
        answer: list[Message] = []

        async def receive() -> Message:
            message = next(sent, None)
            if message is None and stays:
                await asyncio.Event().wait()
            return message or {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            answer.append(message)

        await self.app(_scope(method, route, query, self._headers(headers or {})), receive, send)
        return _reply(answer)

    def _headers(self, given: dict[str, str]) -> dict[str, str]:
        usual = {"content-type": "application/json"} | (
            {"authorization": f"Bearer {self.key}"} if self.key else {}
        )
        return usual | given


def _scope(method: str, path: str, query: str, headers: dict[str, str]) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": quote(path).encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8000),
    }


def _reply(answer: list[Message]) -> Reply:
    start, *rest = answer
    body = b"".join(message.get("body", b"") for message in rest)
    headers = {name.decode().lower(): value.decode() for name, value in start["headers"]}
    parsed = json_module.loads(body) if body and "json" in headers.get("content-type", "") else None
    return Reply(start["status"], headers, parsed, body)

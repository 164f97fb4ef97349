"""A small REST client for tests: one function, standard library only, so that it shares nothing with the product."""

import asyncio
import http.client
import json as json_module
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Reply:
    """Unpacks as `status, headers, json`. Header names are lower case; `json` is None where the body is not JSON."""

    status: int
    headers: dict[str, str]
    json: Any
    body: bytes

    def __iter__(self) -> Iterator[Any]:
        return iter((self.status, self.headers, self.json))


@dataclass(frozen=True)
class Client:
    url: str
    key: str | None = None
    timeout: float = 60

    def call(
        self,
        method: str,
        path: str,
        json: Any = None,
        *,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
        raw: bytes | None = None,
    ) -> Reply:
        """`key=""` sends no credential; `raw` sends these bytes as they are, as JSON unless a header says otherwise."""
        place = urlsplit(self.url)
        connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=self.timeout)
        body = raw if raw is not None else None if json is None else json_module.dumps(json).encode()
        try:
            connection.request(method, path, body, self._headers(body, key, headers or {}))
            answer = connection.getresponse()
            return _reply(answer.status, answer.getheaders(), answer.read())
        finally:
            connection.close()

    async def acall(self, method: str, path: str, json: Any = None, **rest: Any) -> Reply:
        """The same from a test with a running loop, for calls that must overlap."""
        return await asyncio.to_thread(self.call, method, path, json, **rest)

    def as_(self, key: str) -> "Client":
        return Client(self.url, key, self.timeout)

    def _headers(self, body: bytes | None, key: str | None, given: Mapping[str, str]) -> dict[str, str]:
        credential = self.key if key is None else key
        headers = {"Authorization": f"Bearer {credential}"} if credential else {}
        headers |= {"Content-Type": "application/json"} if body is not None else {}
        return headers | dict(given)


def _reply(status: int, headers: list[tuple[str, str]], body: bytes) -> Reply:
    try:
        parsed = json_module.loads(body)
    except ValueError:
        parsed = None
    return Reply(status, {name.lower(): value for name, value in headers}, parsed, body)

"""A reader of server-sent events for tests: one connection, standard library only, as patient as it is told to be."""

import contextlib
import http.client
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tests.support.client import Client


@dataclass(frozen=True)
class Told:
    """One event; `id` is None for those that are not the ledger's."""

    id: int | None
    name: str
    data: Any


class Stream:
    """The events of an open connection, in order, until it ends."""

    def __init__(self, answer: http.client.HTTPResponse) -> None:
        self.status = answer.status
        self._answer = answer

    def __iter__(self) -> Iterator[Told]:
        block: dict[str, str] = {}
        while line := self._answer.readline():
            text = line.decode().rstrip("\n")
            if text and not text.startswith(":"):
                name, _, value = text.partition(": ")
                block[name] = value
            elif not text and "event" in block:
                number = block.get("id")
                yield Told(int(number) if number else None, block["event"], json.loads(block["data"]))
                block = {}
            elif not text:
                block = {}

    def until(self, name: str) -> list[Told]:
        """What comes up to the first event of that name, which is the last of them."""
        seen: list[Told] = []
        for told in self:
            seen.append(told)
            if told.name == name:
                return seen
        raise AssertionError(f"the stream ended without {name}: {seen[-3:]}")


@contextlib.contextmanager
def follow(
    client: Client, path: str = "/api/v1/events", *, after: int | None = None, seconds: float = 30
) -> Iterator[Stream]:
    """An open stream; what does not come within `seconds` is a TimeoutError."""
    place = urlsplit(client.url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=seconds)
    headers = {"Authorization": f"Bearer {client.key}", "Accept": "text/event-stream"}
    headers |= {} if after is None else {"Last-Event-ID": str(after)}
    try:
        connection.request("GET", path, headers=headers)
        yield Stream(connection.getresponse())
    finally:
        connection.close()

"""Events followed by a command: one connection after the other, each from where the last one ended."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import NoReturn

from toolcrib.contracts.errors import Code

from .refused import UNREACHABLE, Refused, from_error
from .session import Session

_SILENCE = 60.0
"""Seconds; the server says something every fifteen."""
_PAUSE = 1.0
_PASSING = frozenset({UNREACHABLE, Code.UNAVAILABLE})


@dataclass(frozen=True)
class Told:
    """One event as it came: `id` None where it has none, `name` empty where it only says where the stream begins."""

    id: int | None
    name: str
    text: str


class Blocks:
    """Reads events out of pieces that end anywhere."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, piece: bytes) -> list[Told]:
        """The events that are whole now."""
        *whole, self._rest = (self._rest + piece).replace(b"\r\n", b"\n").split(b"\n\n")
        return [_told(block.decode("utf-8", "replace")) for block in whole]


async def follow(
    session: Session,
    path: str,
    after: int | None,
    hear: Callable[[Told], Awaitable[None]],
    lost: Callable[[str], None],
) -> NoReturn:
    """Hand on every event for ever. A connection that is lost is opened again, and `lost` hears why; one that never was
    open, or that the server refuses, is `Refused`.
    """
    begun = False
    while True:
        why = "the server ended the stream"
        try:
            async with aclosing(_connection(session, path, after)) as events:
                async for told in events:
                    begun = True
                    after = after if told.id is None else told.id
                    if told.name:
                        await hear(told)
        except Refused as refused:
            if not begun or refused.code not in _PASSING:
                raise session.explained(refused, path) from None
            why = refused.message
        lost(why)
        await asyncio.sleep(_PAUSE)


async def _connection(session: Session, path: str, after: int | None) -> AsyncGenerator[Told, None]:
    headers = {} if after is None else {"Last-Event-ID": str(after)}
    blocks = Blocks()
    async with aclosing(session.pieces(path, headers, _SILENCE)) as pieces:
        async for piece in pieces:
            for told in blocks.feed(piece):
                if told.name == "error":
                    raise _refusal(told)
                if told.name != "end":
                    yield told


def _refusal(told: Told) -> Refused:
    from toolcrib.kit.json import loads  # noqa: PLC0415 only where it is needed

    error = loads(told.text.encode())
    known = error if isinstance(error, dict) else {}
    return from_error(
        {"code": known.get("code", "UNKNOWN"), "message": known.get("message", "the stream ended")}
    )


def _told(block: str) -> Told:
    fields = dict(line.partition(": ")[::2] for line in block.split("\n"))
    number = fields.get("id", "")
    return Told(int(number) if number.isdecimal() else None, fields.get("event", ""), fields.get("data", ""))

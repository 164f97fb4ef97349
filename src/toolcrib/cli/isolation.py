"""`toolcrib doctor --isolation`: two workspaces that are made for it, each asking for what is the other's, and then emptied."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from toolcrib.assay.isolation import Isolation
from toolcrib.assay.parts import run
from toolcrib.assay.wire import Party, Reply
from toolcrib.assay.workspace import API, Unfurnished, Workspace, make
from toolcrib.contracts.errors import Code

from .refused import Refused, from_error, usage
from .session import Session, client_for, unreachable

if TYPE_CHECKING:
    from toolcrib.kit.http import HttpClient, HttpRequest

_OPERATORS = "use a key of an owner of the workspace `default`"
_SECONDS, _SILENCE, _MOST = 60.0, 40.0, 64_000_000


def examine(session: Session) -> Isolation:
    """Make two workspaces, let each ask for the other's things, empty them. Raises `Refused` where it cannot begin."""
    if not session.key:
        raise usage("the operator's key is needed: it makes the two workspaces", "set TOOLCRIB_API_KEY")
    with asyncio.Runner() as loop, _line(session, loop) as line:
        operator = Party("operator", line, session.key)
        try:
            with _made(operator, "a") as ours, _made(operator, "b") as theirs:
                # The operator's own workspace is not for trying things, so the operator is no party of it.
                isolation = Isolation(ours, theirs)
                run(isolation, _tell)
        except Unfurnished as error:
            raise _refused(error.reply) from None
    return isolation


@contextmanager
def _made(operator: Party, letter: str) -> Iterator[Workspace]:
    place = make(operator, f"isolation-{letter}")
    try:
        yield place
    finally:
        place.clear()
        operator.ask("POST", f"{API}/workspaces/{place.id}/suspend")


def _refused(reply: Reply) -> Refused:
    """Why it could not begin, or go on."""
    refused = from_error(reply.document["error"], raw=reply.body)
    if refused.code != Code.FORBIDDEN:
        return refused
    return replace(refused, message="only the operator makes workspaces", next_step=_OPERATORS)


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


@contextmanager
def _line(session: Session, loop: asyncio.Runner) -> Iterator["Line"]:
    line = Line(session.base, loop, client_for(session.base))
    try:
        yield line
    finally:
        loop.run(line.client.close())


class Line:
    """The assay's client: the house's own, which reaches this one server."""

    def __init__(self, base: str, loop: asyncio.Runner, client: "HttpClient") -> None:
        self._base, self._loop, self.client = base, loop, client

    def send(self, method: str, target: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        """One request."""
        from toolcrib.kit.http import HttpError  # noqa: PLC0415 as above

        try:
            reply = self._loop.run(self.client.send("cli", self._request(method, target, headers, body)))
        except HttpError as error:
            raise unreachable(self._base, str(error)) from None
        return Reply(reply.status, reply.headers, reply.body)

    @contextmanager
    def stream(self, target: str, headers: Mapping[str, str]) -> Iterator[Iterator[bytes]]:
        """An answer as it comes."""
        stack = AsyncExitStack()
        request = self._request("GET", target, headers, None, _SILENCE)
        stream = self._loop.run(stack.enter_async_context(self.client.stream("cli", request)))
        try:
            yield self._pieces(stream.pieces())
        finally:
            self._loop.run(stack.aclose())

    def _pieces(self, coming: AsyncIterator[bytes]) -> Iterator[bytes]:
        async def following() -> bytes:
            return await anext(coming, b"")

        while piece := self._loop.run(following()):
            yield piece

    def _request(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes | None,
        seconds: float = _SECONDS,
    ) -> "HttpRequest":
        from toolcrib.kit.http import HttpRequest  # noqa: PLC0415 as above

        return HttpRequest(method, self._base + target, tuple(headers.items()), body, seconds, _MOST, _MOST)

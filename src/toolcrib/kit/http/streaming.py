"""A reply that is read as it comes, for streams that have no end of their own."""

from collections.abc import AsyncIterator, Mapping

from aiohttp import ClientError, ClientResponse

from toolcrib.kit.http.body import PLAIN, read_body
from toolcrib.kit.http.errors import HttpFailed
from toolcrib.kit.http.failures import translate
from toolcrib.kit.http.messages import reply_headers


class HttpStream:
    """An open reply: its head, and its body either whole or piece by piece. Errors are `HttpError`s."""

    def __init__(self, response: ClientResponse, limit: int) -> None:
        self.status = response.status
        self.headers: Mapping[str, str] = reply_headers(response.headers)
        self._content = response.content
        self._limit = limit

    async def pieces(self) -> AsyncIterator[bytes]:
        """What comes, as it comes, until the other side ends it; only a packed body is refused."""
        if self.headers.get("content-encoding", "").strip().lower() not in PLAIN:
            raise HttpFailed("encoding", sent=True)
        try:
            while piece := await self._content.readany():
                yield piece
        except (ClientError, OSError) as error:
            raise translate(error, sent=True) from None

    async def body(self) -> bytes:
        """The whole body within the request's limit, for an answer that is no stream."""
        encoding = self.headers.get("content-encoding", "").strip().lower()
        try:
            return await read_body(self._content, encoding, self._limit)
        except (ClientError, OSError) as error:
            raise translate(error, sent=True) from None

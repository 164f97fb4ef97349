"""The server's HTTP protocol, with bounds on what a client may send and how long it may take to send it."""

import asyncio
from enum import Enum, auto
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from toolcrib.api.browsers import DATA

_WORDS = (
    b'{"error":{"code":"VALIDATION_ERROR","message":"The head of the request is too large; send a shorter URL and '
    b'fewer headers.","details":{},"retryable":false}}'
)
_TO_BROWSERS = b"".join(b"%b: %b\r\n" % header for header in DATA)
_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: application/json\r\n%b"
    b"content-length: %d\r\nconnection: close\r\n\r\n%b" % (_TO_BROWSERS, len(_WORDS), _WORDS)
)
_NO_HTTP = b'{"error":{"code":"VALIDATION_ERROR","message":"This is no HTTP request.","details":{},"retryable":false}}'
_UNREADABLE = (
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\n%b"
    b"content-length: %d\r\nconnection: close\r\n\r\n%b" % (_TO_BROWSERS, len(_NO_HTTP), _NO_HTTP)
)
_LOOKS = 3


class _Reading(Enum):
    """What of a request is still to come."""

    NOTHING = auto()
    HEAD = auto()
    BODY = auto()


class BoundedProtocol(HttpToolsProtocol):
    """One connection. Whoever sends a head that is too large, or a head or a body too slowly, is cut off.

    One timer for each connection counts its looks; a request costs a few assignments. Nobody is cut before the time is
    over, and everybody at the next look after it.
    """

    head_limit = 65_536
    head_seconds = 15.0
    body_seconds = 120.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._reading = _Reading.HEAD
        self._looks = 0
        self._fed = 0
        self._refused = False
        self._look: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Start to look at the time."""
        super().connection_made(transport)
        self._look_later()

    def connection_lost(self, exc: Exception | None) -> None:
        """Look no more."""
        super().connection_lost(exc)
        if self._look is not None:
            self._look.cancel()

    def data_received(self, data: bytes) -> None:
        """Feed the parser; a head that is still open afterwards is counted by what it was fed."""
        if self._refused:
            return
        if self._reading is _Reading.NOTHING:
            self._begin(_Reading.HEAD)
        self._fed = self._fed + len(data) if self._reading is _Reading.HEAD else len(data)
        super().data_received(data)
        if self._reading is _Reading.HEAD and self._fed > self.head_limit and not self._refused:
            self._refuse_head()

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        if self._reading is not _Reading.HEAD:  # it follows another request in the same piece
            self._begin(_Reading.HEAD)
            self._fed = 0

    def on_headers_complete(self) -> None:
        """A head is whole: nothing is begun for one that is too large."""
        if self._fed > self.head_limit and self._head_size() > self.head_limit:
            self._refuse_head()
        if self._refused:
            return
        self._begin(_Reading.BODY)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        if not self._refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole."""
        self._begin(_Reading.NOTHING)
        if not self._refused:
            super().on_message_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 as uvicorn has it
        """In the one form of errors, whatever the parser says."""
        if not self._is_busy():  # as in `_refuse_head`
            self.transport.write(_UNREADABLE)
        self.transport.close()

    def _begin(self, reading: _Reading) -> None:
        self._reading = reading
        self._looks = 0

    def _head_size(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _refuse_head(self) -> None:
        """Say so and take no more. Closing now could lose the answer: the client ends the connection, or the next look."""
        self._refused = True
        if self._is_busy():  # an answer that is under way would be mixed with this one
            self.transport.close()
            return
        self.transport.write(_TOO_LARGE)
        self.transport.write_eof()

    def _is_busy(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle  # uvicorn sets it with the first request
        return cycle is not None and not cycle.response_complete

    def _look_later(self) -> None:
        self._look = self.loop.call_later(self.head_seconds / _LOOKS, self._look_at_time)

    def _look_at_time(self) -> None:
        if self.transport.is_closing():
            return
        # What follows a request that still runs waits for us, not we for it.
        waits_for_us = self._is_busy() if self._reading is _Reading.HEAD else bool(self.pipeline)
        self._looks = 0 if waits_for_us else self._looks + 1
        seconds = self.body_seconds if self._reading is _Reading.BODY else self.head_seconds
        late = (self._looks - 1) * self.head_seconds / _LOOKS >= seconds
        if self._refused or (late and self._reading is not _Reading.NOTHING):
            self.transport.abort()
        else:
            self._look_later()

"""Reads a reply's body to its limit, as received and as decoded, in slices that keep the event loop free."""

import asyncio
import zlib
from typing import Final

from aiohttp import StreamReader

from toolcrib.kit.http.errors import HttpFailed

ACCEPTED: Final = "gzip, deflate"
SLICE: Final = 262_144
MOST_MEMBERS: Final = 64  # gzip streams may be chained; empty ones cost time and yield nothing
PLAIN: Final = ("", "identity")
_ZLIB_METHOD: Final = 8
_GZIP_WINDOW, _ZLIB_WINDOW, _RAW_WINDOW = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS, -zlib.MAX_WBITS


async def read_body(content: StreamReader, encoding: str, limit: int) -> bytes:
    """The decoded body; one that outgrows the limit, packed or unpacked, is given up at once."""
    if encoding not in PLAIN:
        return await _read_packed(content, encoding, limit)
    chunks: list[bytes] = []
    size = 0
    while chunk := await content.readany():
        size += len(chunk)
        if size > limit:
            raise HttpFailed("too_large", sent=True)
        chunks.append(chunk)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


async def _read_packed(content: StreamReader, encoding: str, limit: int) -> bytes:
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise HttpFailed("encoding", sent=True)
    unpacker = _Unpacker(encoding, limit)
    received = 0
    while chunk := await content.readany():
        received += len(chunk)
        if received > limit:
            raise HttpFailed("too_large", sent=True)
        await unpacker.feed(chunk)
    if not unpacker.complete:
        raise HttpFailed("encoding", sent=True)
    return bytes(unpacker.body)


class _Unpacker:
    """One body's decompressor; it never holds more than the limit and one byte."""

    def __init__(self, encoding: str, limit: int) -> None:
        self.body = bytearray()
        self.complete = True  # a body may be empty, as the answer to HEAD is
        self._encoding = encoding
        self._limit = limit
        self._members = 0
        self._stream: zlib._Decompress | None = None

    async def feed(self, chunk: bytes) -> None:
        while chunk:
            chunk = self._unpack(chunk)
            if len(self.body) > self._limit:
                raise HttpFailed("too_large", sent=True)
            if chunk:
                await asyncio.sleep(0)

    def _unpack(self, chunk: bytes) -> bytes:
        """Unpack one slice and return the input that is left."""
        stream = self._stream or self._open(chunk[0])
        room = min(SLICE, self._limit + 1 - len(self.body))
        try:
            self.body += stream.decompress(chunk, room)
        except zlib.error:
            raise HttpFailed("encoding", sent=True) from None
        self.complete = stream.eof
        self._stream = None if stream.eof else stream
        return stream.unused_data if stream.eof else stream.unconsumed_tail

    def _open(self, first: int) -> "zlib._Decompress":
        self._members += 1
        if self._members > MOST_MEMBERS or (self._members > 1 and self._encoding == "deflate"):
            raise HttpFailed("encoding", sent=True)
        if self._encoding != "deflate":
            return self._remember(_GZIP_WINDOW)
        # Servers disagree on whether deflate has the zlib header; its first byte tells.
        return self._remember(_ZLIB_WINDOW if first & 0x0F == _ZLIB_METHOD else _RAW_WINDOW)

    def _remember(self, window: int) -> "zlib._Decompress":
        self._stream = zlib.decompressobj(window)
        return self._stream
